"""Days, weeks and months: at addresses that never move, each with its neighbours, and a calendar of all."""

from __future__ import annotations

import re
import shutil
from datetime import date
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from monitors.site.calendar_view import thresholds, year_views
from monitors.site.days import Day, day_page, month_page, week_page
from tests.site_sample import NOW, SampleSite


def pages(site: Path) -> list[str]:
    return sorted(
        path.relative_to(site).as_posix() for path in (site / "days").glob("2*/*/*.html") if path.stem.isdigit()
    )


def test_every_day_with_events_files_or_runs_has_a_page(sample_site: SampleSite) -> None:
    days = sample_site.value(
        "select array_agg(distinct day) from (select (t at time zone 'UTC')::date as day from core.event union "
        "select (t_start at time zone 'UTC')::date from core.file where t_start is not null union "
        "select (created_at at time zone 'UTC')::date from core.file union "
        "select (started at time zone 'UTC')::date from ops.monitor_run) x"
    )
    assert isinstance(days, list)
    assert pages(sample_site.site) == sorted(map(day_page, days))


def test_a_walk_by_the_keys_visits_every_day_in_order(sample_site: SampleSite) -> None:
    known = pages(sample_site.site)
    at, walked = known[0], [known[0]]
    while found := re.search(r'<link rel="next" href="(?:\.\./)+([^"]+)">', (sample_site.site / at).read_text()):
        at = found[1]
        walked.append(at)
    assert walked == known
    earlier = re.search(r'<link rel="prev" href="(?:\.\./)+([^"]+)">', (sample_site.site / at).read_text())
    assert earlier is not None
    assert earlier[1] == known[-2]


def test_a_day_says_what_ran_and_what_came_in(sample_site: SampleSite) -> None:
    page = (sample_site.site / "days/2026/11/20.html").read_text()
    assert "Runs of monitors" in page
    assert "runs" in page
    assert 'href="../../../days/2026/W47.html"' in page
    assert 'href="../../../days/2026/11/index.html"' in page


def test_days_that_did_not_change_are_not_asked_for_again(sample_site: SampleSite) -> None:
    report = sample_site.build(now=NOW)
    assert "runs_of_day" not in report.queries
    assert "events_per_hour" not in report.queries
    assert report.queries["run_days"].rows <= 4


def test_a_day_that_is_gone_takes_its_page_with_it(sample_site: SampleSite, tmp_path: Path) -> None:
    from monitors.site.build import build

    sample_site.build(now=NOW)
    site = shutil.copytree(sample_site.site, tmp_path / "site")
    known = pages(site)
    move = (
        "update core.file set t_start = t_start {0} interval '40 years', t_end = t_end {0} interval '40 years' "
        "where id = (select min(id) from core.file where t_start is not null)"
    )
    with sample_site.catalog.begin() as conn:
        conn.execute(text(move.format("+")))
    try:
        build(sample_site.catalog, sample_site.settings, site, now=NOW)
        assert len(set(pages(site)) - set(known)) == 1
    finally:
        with sample_site.catalog.begin() as conn:
            conn.execute(text(move.format("-")))
    build(sample_site.catalog, sample_site.settings, site, now=NOW)
    assert pages(site) == known


@given(st.dates(date(1990, 1, 1), date(2100, 1, 1)))
def test_a_week_belongs_to_the_year_that_iso_says(day: date) -> None:
    year, week, _ = day.isocalendar()
    assert week_page(day) == f"days/{year}/W{week:02d}.html"
    assert month_page(day) == f"days/{day.year}/{day.month:02d}/index.html"


@given(st.sets(st.dates(date(2020, 1, 1), date(2022, 12, 31)), min_size=1, max_size=40))
def test_the_calendar_holds_every_day_once_in_its_column(days: set[date]) -> None:
    years = year_views([Day(day, events=day.day) for day in sorted(days)])
    seen = []
    for year in years:
        for number, (_, _, weeks) in enumerate(year.months, 1):
            for week in weeks:
                for column, square in enumerate(week):
                    if square is not None:
                        assert date(year.year, number, int(square.number)).weekday() == column
                        seen += [date(year.year, number, int(square.number))] if square.href else []
    assert sorted(seen) == sorted(days)


def test_shades_are_quartiles_of_the_days_with_data() -> None:
    assert thresholds([0, 0, 1, 2, 3, 4]) == [2, 3, 4]
    assert thresholds([0]) == []
