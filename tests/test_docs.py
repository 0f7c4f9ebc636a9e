"""The documentation cannot lie: reference pages are what the program says, and links lead somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from archive.catalog import Catalog
from scripts import reference

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_to_a_file(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_page_of_the_documentation_is_in_the_index() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    for page in PAGES[1:]:
        if page.name != "index.md":
            assert str(page.relative_to(ROOT / "docs")) in index


def test_the_command_reference_is_what_help_says() -> None:
    # In a process of its own: a command that was once called by itself keeps help options of its own.
    code = "import sys; from scripts import reference; sys.stdout.write(reference.commands_page())"
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True, encoding="utf-8")
    assert (reference.REFERENCE / "commands.md").read_text(encoding="utf-8") == said.stdout


def test_the_settings_reference_is_what_the_program_says() -> None:
    assert (reference.REFERENCE / "settings.md").read_text(encoding="utf-8") == reference.settings_page()


def test_the_schema_reference_is_what_the_comments_say(catalog_one: Catalog) -> None:
    with catalog_one.read() as conn:
        assert (reference.REFERENCE / "schema.md").read_text(encoding="utf-8") == reference.schema_page(conn)
