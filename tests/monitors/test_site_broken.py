"""A page that cannot be made says so, the others are made, and no old page is passed off as new."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from archive.catalog import Catalog
from archive.cli import run
from archive.config import Settings
from archive.errors import EXIT_PARTLY
from monitors.site.build import build
from monitors.site.publish import Publisher, Report, is_whole
from scripts.benchmarks.generated import fill_monitors
from tests.site_sample import NOW, SampleSite, make_archive

BROKEN = "This page could not be made"


@pytest.fixture
def settings(catalog_one: Catalog, tmp_path: Path) -> Settings:
    with catalog_one.begin() as conn:
        fill_monitors(conn, runs=40, count=2)
    return make_archive(tmp_path / "home", catalog_one)


def make(catalog: Catalog, settings: Settings, **options: object) -> Report:
    return build(catalog, settings, now=NOW, **options)  # type: ignore[arg-type]


def spoil(catalog: Catalog, statement: str) -> None:
    with catalog.begin() as conn:
        conn.execute(text(statement))


def test_a_row_that_cannot_be_shown_breaks_one_page_and_no_other(catalog_one: Catalog, settings: Settings) -> None:
    site = settings.home / "site"
    make(catalog_one, settings)
    good = {path: path.read_bytes() for path in site.rglob("*.html")}
    # Labels are an object by contract; a list in their place is what a faulty writer may leave.
    spoil(catalog_one, "update ops.metric set labels = '[1]' where monitor_id = (select min(id) from ops.monitor)")
    spoil(catalog_one, "update ops.monitor_run set message = 'news'")
    report = make(catalog_one, settings, full=True)
    assert "monitors/check-00/index.html" in report.broken
    page = (site / "monitors/check-00/index.html").read_text(encoding="utf-8")
    assert BROKEN in page
    assert "AttributeError" in page
    assert "Newest metrics" not in page, "nothing of the old page is left"
    other = (site / "monitors/check-01/index.html").read_text(encoding="utf-8")
    assert BROKEN not in other
    assert "news" in other
    assert "monitors/index.html" not in report.broken
    assert any("monitors/check-00/index.html could not be made" in note for note in report.notes)
    spoil(catalog_one, "update ops.metric set labels = '{}'")
    report = make(catalog_one, settings)
    assert report.broken == [], "the next build tries again, runs too"
    assert all(BROKEN not in path.read_text(encoding="utf-8") for path in good)


def test_a_question_that_fails_leaves_the_other_questions_possible(catalog_one: Catalog, settings: Settings) -> None:
    make(catalog_one, settings)
    spoil(catalog_one, "alter view analysis.tags rename to tags_that_were")
    report = make(catalog_one, settings)
    assert report.broken == ["tags.html"]
    assert "UndefinedTable" in (settings.home / "site/tags.html").read_text(encoding="utf-8")
    assert run(["--home", str(settings.home), "site", "build"]) == EXIT_PARTLY
    spoil(catalog_one, "alter view analysis.tags_that_were rename to tags")
    assert make(catalog_one, settings).broken == []


def test_dashboards_that_fail_leave_the_other_pages_and_are_tried_again(
    catalog_one: Catalog, settings: Settings, tmp_path: Path
) -> None:
    capture = tmp_path / "capture.pkts"
    assert run(["simulate", "idex", "--events", "4", str(capture)]) == 0
    assert run(["--home", str(settings.home), "ingest", str(capture)]) == 0
    assert make(catalog_one, settings).broken == []
    site = settings.home / "site"
    spoil(catalog_one, "alter view analysis.idex_rate_windows rename to windows_that_were")
    broken = make(catalog_one, settings).broken
    assert {"instruments/idex/rates.html", "instruments/idex/explorer.html"} <= set(broken)
    assert all(BROKEN in (site / path).read_text(encoding="utf-8") for path in broken)
    assert BROKEN not in (site / "events/viewer.html").read_text(encoding="utf-8")
    assert BROKEN not in (site / "instruments/idex.html").read_text(encoding="utf-8")
    spoil(catalog_one, "alter view analysis.windows_that_were rename to idex_rate_windows")
    assert make(catalog_one, settings).broken == []
    assert all(BROKEN not in (site / path).read_text(encoding="utf-8") for path in broken)


def test_the_monitor_of_the_site_finds_pages_that_are_broken(catalog_one: Catalog, settings: Settings) -> None:
    spoil(catalog_one, "alter view analysis.tags rename to tags_that_were")
    assert run(["--home", str(settings.home), "monitor", "run", "site"]) == 0
    with catalog_one.read() as conn:
        found = conn.execute(
            text("select f.subject, f.severity from ops.finding f join ops.monitor m on m.id = f.monitor_id "
                 "where m.name = 'site' and f.code = 'page_broken'")
        ).all()  # fmt: skip
    assert [tuple(row) for row in found] == [("tags.html", "error")]


def test_every_page_carries_the_digest_of_its_content(sample_site: SampleSite) -> None:
    pages = list(sample_site.site.rglob("*.html"))
    assert len(pages) > 50
    assert [path for path in pages if not is_whole(path.read_bytes())] == []
    page = (sample_site.site / "index.html").read_bytes()
    assert not is_whole(page.replace(b"Home", b"House"))
    assert not is_whole(b"no page of ours")


def test_a_page_keeps_time_and_digest_while_its_content_is_the_same(tmp_path: Path) -> None:
    from datetime import timedelta

    Publisher(tmp_path, NOW).page("a.html", "<p>@written@ one</p>")
    before = (tmp_path / "a.html").read_bytes()
    assert not Publisher(tmp_path, NOW + timedelta(hours=1)).page("a.html", "<p>@written@ one</p>")
    assert (tmp_path / "a.html").read_bytes() == before
    assert Publisher(tmp_path, NOW + timedelta(hours=2)).page("a.html", "<p>@written@ two</p>")
    after = (tmp_path / "a.html").read_bytes()
    assert is_whole(before)
    assert is_whole(after)
    assert b"14:00" in after
