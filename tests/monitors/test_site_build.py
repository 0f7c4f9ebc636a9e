"""The site follows the catalog: whole at first, then only what changed; and nothing from a file acts on a page."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from sqlalchemy import text

from archive.catalog import Catalog
from archive.catalog.engine import make_engine
from archive.config import load
from archive.ingest import ingest
from monitors.site.build import build
from monitors.site.publish import Report
from tests.servers import TestServer
from tests.site_sample import NOW, SampleSite, make_archive, simulate

#: Elements that our own templates never use, and that hostile text would bring in.
FOREIGN = {"img", "iframe", "object", "embed", "svg", "b"}


class Page(HTMLParser):
    """Elements, attributes and links of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            self.attributes.append(name)
            if name in ("href", "src", "data-csv", "data-page") and value:
                self.links.append(value)
            if name == "id" and value:
                self.ids.add(value)


def pages(site: Path) -> Iterator[Path]:
    return site.rglob("*.html")


def test_every_kind_of_page_is_there(sample_site: SampleSite) -> None:
    site = sample_site.site
    names = {path.relative_to(site).as_posix() for path in pages(site)}
    assert {"index.html", "files/index.html", "files/1.html", "events/index.html", "events/viewer.html"} <= names
    assert {"instruments/idex.html", "problems.html", "search.html", "storage/index.html"} <= names
    assert {"monitors/index.html", "monitors/check-00/index.html", "days/index.html", "days/2026/11/20.html"} <= names
    assert {"days/2026/11/index.html", "days/2026/W47.html"} <= names
    assert {name for name in names if name.startswith("runs/")}
    assert {name for name in names if re.fullmatch(r"events/\d{4}-\d\d-\d\d\.html", name)}
    assert {name for name in names if re.fullmatch(r"files/\d{4}-\d\d\.html", name)}
    assert sample_site.report.notes == []


def test_every_event_has_a_script_with_all_its_samples(sample_site: SampleSite) -> None:
    scripts = sorted((sample_site.site / "events/ev").glob("*/*.js"))
    scripts = [path for path in scripts if path.parent.name != "days"]
    assert len(scripts) == sample_site.value("select count(*) from core.event") > 40
    for path in scripts:
        script = path.read_text(encoding="ascii")
        event, more = json.loads(f"[{script.removeprefix('pinakesEvents.setEvent(').removesuffix(');' + chr(10))}]")
        assert more is None or set(more) == {"now", "automatic", "overrides"}
        assert [c["name"] for c in event["channels"]] == [
            "TOF High", "TOF Mid", "TOF Low", "Target High", "Target Low", "Ion Grid",
        ]  # fmt: skip
        for channel in event["channels"]:
            samples = 8192 if channel["name"].startswith("TOF") else 512
            assert (channel["text"] is None) != (channel["missing"] is None)
            assert channel["text"] is None or len(channel["text"]) == samples * channel["digits"]
        assert set(event["tables"]) == {"event", "event_header", "event_housekeeping"}


def test_every_link_leads_to_a_page(sample_site: SampleSite) -> None:
    for path in pages(sample_site.site):
        page = Page(path)
        for link in page.links:
            target, _, part = link.partition("#")
            assert not re.match(r"[a-z]+:", target) or link == "data:,", f"{path.name} reaches out to {link}"
            if link != "data:,":
                assert (path.parent / target).exists() or (not target and part in page.ids), f"{path.name}: {link}"


def test_nothing_from_a_file_becomes_markup(sample_site: SampleSite) -> None:
    for path in pages(sample_site.site):
        page = Page(path)
        assert not FOREIGN & set(page.tags), path
        assert not [name for name in page.attributes if name.startswith("on")], path
        assert "window.hacked=1</script>" not in path.read_text(encoding="utf-8")
    for path in (sample_site.site / "events/ev").rglob("*.js"):
        assert not re.search(r"[<>\u2028\u2029]", path.read_text(encoding="ascii"))


def test_a_build_without_changes_writes_only_its_own_time(sample_site: SampleSite) -> None:
    sample_site.build(now=NOW)  # other tests took rows away and brought them back, which is noted
    report = sample_site.build(now=NOW)
    assert (report.written, report.removed) == (0, 0)


def test_a_full_build_finds_everything_equal(sample_site: SampleSite) -> None:
    report = sample_site.build(now=NOW, full=True)
    assert (report.written, report.removed) == (0, 0)
    assert report.unchanged > sample_site.report.written - 5


def test_two_sites_of_one_archive_are_equal_byte_for_byte(sample_site: SampleSite, tmp_path: Path) -> None:
    build(sample_site.catalog, sample_site.settings, tmp_path, now=NOW)
    files = [path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 80
    assert [f for f in files if (tmp_path / f).read_bytes() != (sample_site.site / f).read_bytes()] == []


def test_an_empty_archive_says_what_to_do_next(catalog: Catalog, tmp_path: Path) -> None:
    settings = make_archive(tmp_path / "home", catalog)
    build(catalog, settings, tmp_path / "site", now=NOW)
    assert "pinakes ingest PATH" in (tmp_path / "site/index.html").read_text()
    assert "pinakes ingest PATH" in (tmp_path / "site/events/index.html").read_text()
    assert "pinakes ingest PATH" in (tmp_path / "site/files/index.html").read_text()
    assert "Nothing needs attention" in (tmp_path / "site/index.html").read_text()


@pytest.fixture(scope="module")
def first(embedded_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path, Report]]:
    """A small archive with its site, to be copied: its database, its folder, and the report of the build."""
    folder, url = tmp_path_factory.mktemp("small"), embedded_server.create()
    with Catalog(make_engine(url)) as catalog:
        report = small_site(catalog, folder).report
    yield str(url.database), folder, report
    embedded_server.drop(url)


@pytest.fixture
def small(embedded_server: TestServer, first: tuple[str, Path, Report], tmp_path: Path) -> Iterator[SampleSite]:
    """A small archive that a test may change."""
    database, folder, report = first
    url = embedded_server.create(template=database)
    shutil.copytree(folder, tmp_path / "copy")
    try:
        with Catalog(make_engine(url)) as catalog:
            home = tmp_path / "copy/home"
            (home / "pinakes.toml").write_text(f'[database]\nurl = "{catalog.url}"\n', encoding="utf-8")
            yield SampleSite(catalog, load(home), tmp_path / "copy/site", report)
    finally:
        embedded_server.drop(url)


def small_site(catalog: Catalog, tmp_path: Path) -> SampleSite:
    """Ingest four events and build the site."""
    settings = make_archive(tmp_path / "home", catalog)
    (tmp_path / "drop").mkdir()
    simulate(tmp_path / "drop/one.pkts", "--events=4", "--seed=5", "--start=2026-03-01", "--interval=60")
    ingest(catalog, settings, [tmp_path / "drop/one.pkts"])
    return SampleSite(catalog, settings, tmp_path / "site", build(catalog, settings, tmp_path / "site", now=NOW))


def written_after(site: SampleSite) -> set[str]:
    """Build, and return the pages and scripts that changed."""
    before = {path: path.stat().st_mtime_ns for path in site.site.rglob("*") if path.is_file()}
    site.build(now=NOW)
    after = {path: path.stat().st_mtime_ns for path in site.site.rglob("*") if path.is_file()}
    changed = {path for path, time in after.items() if before.get(path) != time} | (before.keys() - after.keys())
    return {path.relative_to(site.site).as_posix() for path in changed if not path.name.startswith(".")}


def test_new_events_add_scripts_and_leave_the_others_alone(catalog_one: Catalog, tmp_path: Path) -> None:
    small = small_site(catalog_one, tmp_path)
    simulate(tmp_path / "drop/two.pkts", "--events=3", "--seed=6", "--start=2026-04-01", "--interval=60")
    ingest(small.catalog, small.settings, [tmp_path / "drop/two.pkts"])
    changed = written_after(small)
    assert {f"events/ev/0/{n}.js" for n in (5, 6, 7)} <= changed
    assert not {f"events/ev/0/{n}.js" for n in (1, 2, 3, 4)} & changed
    assert "events/2026-03-01.html" not in changed
    assert {
        "events/2026-04-01.html",
        "events/index.html",
        "events/ev/days.js",
        "index.html",
        "files/index.html",
    } <= changed


def test_a_changed_event_is_written_again(small: SampleSite) -> None:
    with small.catalog.begin() as conn:
        conn.execute(text("update core.event set flags = flags | 2 where id = 2"))
    changed = written_after(small)
    assert "events/ev/0/2.js" in changed
    assert "events/ev/0/1.js" not in changed
    assert "conflicting" in (small.site / "events/2026-03-01.html").read_text()


def test_a_file_that_went_missing_turns_red(small: SampleSite) -> None:
    with small.catalog.begin() as conn:
        conn.execute(text("update core.file set state = 'missing' where id = 1"))
    assert {"files/1.html", "files/2026-03.html", "index.html"} <= written_after(small)
    assert (
        '<span class="state error"><span class="icon" aria-hidden="true">✕</span> missing'
        in (small.site / "files/2026-03.html").read_text()
    )
    assert "1 file not in place" in (small.site / "index.html").read_text()
    assert '<a href="files/1.html">' in (small.site / "problems.html").read_text()


def test_events_that_are_gone_take_their_pages_with_them(small: SampleSite) -> None:
    with small.catalog.begin() as conn:
        conn.execute(text("delete from core.event_source"))
        conn.execute(text("delete from core.event"))
    changed = written_after(small)
    assert {"events/2026-03-01.html", "events/2026-03-01.csv", "events/ev/days/2026-03-01.js"} <= changed
    assert not (small.site / "events/2026-03-01.html").exists()


def test_a_product_that_cannot_be_read_leaves_words_where_the_curves_were(small: SampleSite) -> None:
    product = next(small.settings.home.rglob("*.h5"))
    product.chmod(0o644)
    product.write_bytes(b"no longer an HDF5 file")
    report = small.build(now=NOW, full=True)
    assert len(report.notes) == 1
    assert product.name in report.notes[0]
    assert "pinakes verify" in report.notes[0]
    assert '"channels":[]' in (small.site / "events/ev/0/1.js").read_text()


def test_long_lists_are_cut_into_pages(small: SampleSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitors.site.lists.ROWS_PER_PAGE", 3)
    small.build(now=NOW, full=True)
    first, second = (small.site / f"events/2026-03-01{part}.html" for part in ("", "-part2"))
    assert first.read_text().count("viewer.html#") == 3 * 2
    assert second.read_text().count("viewer.html#") == 1 * 2
    assert "the newest 3 are shown" in (small.site / "events/index.html").read_text()
    assert len((small.site / "events/2026-03-01.csv").read_text().splitlines()) == 5
    monkeypatch.undo()
    small.build(now=NOW, full=True)
    assert not second.exists()
