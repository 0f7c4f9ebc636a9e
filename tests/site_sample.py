"""One archive with everything a page can meet, and its site: simulated captures, damage, hostile names, quarantine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from archive.catalog import Catalog
from archive.catalog.engine import make_engine
from archive.cli import run
from archive.config import Settings, load
from archive.ingest import ingest
from archive.store import init_home
from monitors.site.build import build
from monitors.site.publish import Report
from tests.servers import TestServer

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

#: Markup, an entity, quotes, a line break, a right-to-left mark, and what a spreadsheet would run.
HOSTILE_NAME = "=1+1 <img src=x onerror=window.hacked=1> &amp; \"'\n\u202e.pkts"
#: Not a possible file name here, but one from elsewhere, and what ends a script element or a JavaScript string.
HOSTILE_TEXT = "</script><script>window.hacked=1</script> ${window.hacked=1} \u2028 \u2029 ]]> <!--"


@dataclass
class SampleSite:
    """The archive, and the pages built from it."""

    catalog: Catalog
    settings: Settings
    site: Path
    report: Report

    def build(self, **options: object) -> Report:
        """Build again."""
        return build(self.catalog, self.settings, self.site, **options)  # type: ignore[arg-type]

    def value(self, query: str) -> object:
        """Return one value from the catalog."""
        with self.catalog.read() as conn:
            return conn.execute(text(query)).scalar()


@pytest.fixture(scope="session")
def sample_site(embedded_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SampleSite]:
    """An archive of 46 events over several days with its site; tests may build again, but not change what is there."""
    folder = tmp_path_factory.mktemp("site")
    url = embedded_server.create()
    try:
        with Catalog(make_engine(url)) as catalog:
            settings = make_archive(folder / "home", catalog)
            ingest(catalog, settings, captures(folder / "drop"))
            make_hostile(catalog)
            site = folder / "site"
            yield SampleSite(catalog, settings, site, build(catalog, settings, site, now=NOW))
    finally:
        embedded_server.drop(url)


def make_archive(home: Path, catalog: Catalog) -> Settings:
    """Make an empty archive whose catalog is `catalog`."""
    init_home(home)
    (home / "pinakes.toml").write_text(f'[database]\nurl = "{catalog.url}"\n', encoding="utf-8")
    return load(home)


def captures(drop: Path) -> list[Path]:
    """Write simulated captures and other files that come in."""
    drop.mkdir()
    simulate(
        drop / HOSTILE_NAME,
        "--events=30",
        "--seed=1",
        "--mix",
        "--gaps=2",
        "--flips=3",
        "--truncate",
        "--interval=4000",
    )
    simulate(drop / "plain.pkts", "--events=12", "--seed=2", "--compressed", "--start=2026-06-10")
    simulate(drop / "unset.pkts", "--events=4", "--seed=3", "--unset-clock")
    (drop / "<b>not packets").write_bytes(b"this is no packet file\n" * 40)
    return sorted(path for path in drop.iterdir() if not path.name.endswith(".truth.jsonl"))


def simulate(path: Path, *options: str) -> None:
    """Write one simulated capture, without its truth files."""
    assert run(["--quiet", "simulate", "idex", "--no-arrays", *options, str(path)]) == 0


def make_hostile(catalog: Catalog) -> None:
    """Put text from a hostile world into every column that pages show and a file can influence."""
    with catalog.begin() as conn:
        values = {"text": HOSTILE_TEXT}
        conn.execute(text("update core.file set original_name = :text where original_name = 'unset.pkts'"), values)
        conn.execute(text("update core.file set header = header || jsonb_build_object(:text, :text)"), values)
        conn.execute(
            text(
                "insert into core.file_problem (file_id, code, severity, byte_offset, message, source) "
                "select min(id), :text, 'error', 17, :text, :text from core.file"
            ),
            values,
        )
        conn.execute(text("update core.event set kind = :text where id = (select max(id) from core.event)"), values)
        conn.execute(
            text("insert into ops.job (kind, key, state, error, args) "
                 "values ('ingest', 'hostile', 'failed', :text, jsonb_build_object('path', :text))"),
            values,
        )  # fmt: skip
