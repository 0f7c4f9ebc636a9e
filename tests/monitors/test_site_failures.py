"""Whatever stops a build, the site that was there stays whole, and one sentence says what happened."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from archive.cli import run
from archive.config import load
from archive.errors import ArchiveError, DatabaseUnavailable
from monitors.site.build import STATE, build
from tests.site_sample import NOW, SampleSite

BUILD = """
import resource, signal, sys
from pathlib import Path
from archive.catalog import Catalog
from archive.config import load
from monitors.site.build import build
limit = int(sys.argv[4])
if limit:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
settings = load(Path(sys.argv[1]), site={"title": sys.argv[3]})
with Catalog.connect(settings, check=False) as catalog:
    build(catalog, settings, Path(sys.argv[2]))
"""


def start(sample: SampleSite, site: Path, title: str, limit: int = 0) -> subprocess.Popen[str]:
    """Build in another process: with another title, so that every page is written again."""
    command = [sys.executable, "-c", BUILD, str(sample.settings.home), str(site), title, str(limit)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def copied(sample_site: SampleSite, tmp_path: Path) -> Path:
    """A site of the sample archive that a test may damage."""
    return Path(shutil.copytree(sample_site.site, tmp_path / "site"))


def broken(site: Path) -> list[str]:
    """Return what is not whole: pages cut short, and links to what is not there."""
    found = []
    for path in site.rglob("*.html"):
        page = path.read_text(encoding="utf-8")
        if not page.endswith("</html>\n") and not page.endswith("</html>"):
            found.append(f"{path} is cut short")
        for link in re.findall(r'(?:href|src)="([^"#]+)', page):
            if not link.startswith("data:") and not (path.parent / link).exists():
                found.append(f"{path}: {link}")
    found += [
        f"{path} is cut short" for path in site.rglob("*.js") if not path.read_bytes().rstrip().endswith((b";", b"}"))
    ]
    return found


def titled(site: Path, title: str) -> int:
    return sum(
        f"<title>{title}" in page or f"– {title}</title>" in page for page in map(Path.read_text, site.rglob("*.html"))
    )


@pytest.mark.slow
def test_a_build_that_is_killed_leaves_every_page_whole_and_the_next_one_finishes_it(
    sample_site: SampleSite, copied: Path
) -> None:
    pages = len(list(copied.rglob("*.html")))
    met = set()
    for number, pause in enumerate((0.0, 0.3, 0.8)):
        before = {path: path.stat().st_mtime_ns for path in copied.rglob("*.html")}
        process = start(sample_site, copied, f"Title {number}")
        while process.poll() is None and all(path.stat().st_mtime_ns == t for path, t in before.items()):
            time.sleep(0.002)  # until it has begun to write
        time.sleep(pause)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert broken(copied) == []
        met.add(0 < titled(copied, f"Title {number}") < pages)
    assert True in met, "no build was killed in the middle"
    process = start(sample_site, copied, "Title at last")
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert titled(copied, "Title at last") == pages
    assert broken(copied) == []
    assert [path for path in copied.rglob(".*") if path.name not in (".lock", STATE)] == []


def test_a_disk_that_takes_no_more_leaves_the_old_pages(sample_site: SampleSite, copied: Path) -> None:
    before = {path: path.read_bytes() for path in copied.rglob("*.html")}
    process = start(sample_site, copied, "Another title", limit=30_000)
    _, said = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "ArchiveError: The pages cannot be written" in said
    assert broken(copied) == []
    assert set(before) <= set(copied.rglob("*.html"))
    assert (copied / "index.html").read_bytes() == before[copied / "index.html"]
    assert [path for path in copied.rglob(".*") if path.name not in (".lock", STATE)] == []


def test_a_folder_that_cannot_be_written_is_named_in_one_sentence(sample_site: SampleSite, tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site/files").write_text("a file where a folder belongs")
    with pytest.raises(ArchiveError, match=r"The pages cannot be written: .*files.*stay"):
        build(sample_site.catalog, sample_site.settings, tmp_path / "site", now=NOW)


def test_a_database_that_goes_away_leaves_the_old_pages(sample_site: SampleSite, copied: Path) -> None:
    before = {path: path.read_bytes() for path in copied.rglob("*") if path.is_file()}

    def say(line: str) -> None:
        with sample_site.catalog.begin() as conn:
            conn.execute(
                text("select pg_terminate_backend(pid) from pg_stat_activity "
                     "where datname = current_database() and pid <> pg_backend_pid()")
            )  # fmt: skip

    with pytest.raises(DatabaseUnavailable, match="went away while pages were built"):
        build(sample_site.catalog, sample_site.settings, copied, now=NOW, full=True, say=say)
    assert {path: path.read_bytes() for path in copied.rglob("*") if path.is_file()} == before


def test_without_a_database_the_command_says_one_sentence_and_the_pages_stay(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "home"
    (home / "site").mkdir(parents=True)
    (home / "site/index.html").write_text("old")
    (home / "pinakes.toml").write_text(
        '[database]\nurl = "postgresql://nobody@127.0.0.1:9/none"\nconnect_timeout = 2\n'
    )
    assert load(home).home == home
    assert run(["--home", str(home), "site", "build"]) == 1
    said = capsys.readouterr().err
    assert len(said.strip().splitlines()) == 1
    assert "cannot be reached" in said
    assert (home / "site/index.html").read_text() == "old"
    assert [path.name for path in (home / "site").iterdir()] == ["index.html"]
