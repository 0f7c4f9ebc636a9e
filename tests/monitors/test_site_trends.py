"""Trends on pages: a figure a series, those of one name together, limits where they can be seen."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from archive import log
from archive.catalog import Catalog, run_record, trends
from archive.catalog.bulk import upsert
from archive.config import load
from monitors.base import Context, Trend
from monitors.declare import declared
from monitors.site import monitor_trends

NOW = datetime(2026, 6, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def written(catalog: Catalog, home: Path, points: list[Trend]) -> int:
    """Write points as a run does; returns the key of the monitor."""
    with catalog.begin() as conn:
        row = declared(load(home), "idex-noise").row()
        key = int(run_record.register(conn, [row], NOW, whole=False)["idex-noise"])
        context = Context(
            catalog=catalog, settings=load(home), run_id=run_record.new_run_id(), monitor_id=key, algorithm="1",
            now=NOW, scheduled_for=None, window=None, options={}, log=log.get("test"),
        )  # fmt: skip
        context.trends(points)
        for write in context.writes:
            assert write.key is not None
            upsert(conn, write.table, write.columns, write.key, write.update)
    return key


def point(name: str, series: str, day: int, value: float | None, **more: Any) -> Trend:
    at = datetime(2026, 3, day, tzinfo=UTC)
    return Trend(name, series, at, at + DAY, value, 5, **more)


def figures(catalog: Catalog, key: int) -> tuple[dict[str, list[str]], dict[str, str], frozenset[str]]:
    """Return titles by group, the JSON of each figure by its title, and the names of the trends."""
    with catalog.read() as conn:
        groups, names = monitor_trends.groups(conn, key)
    plots = {title: json.dumps(plot.json) for group in groups for _, title, plot in group.plots}
    return {group.title: [title for _, title, _ in group.plots] for group in groups}, plots, names


def test_trends_of_one_name_stand_together_in_the_order_of_numbers(catalog_one: Catalog, archive_home: Path) -> None:
    points = [point("kappa_by_snr", f"SNR {snr}", 1, 0.1, unit="u") for snr in (100, 30, 9)]
    key = written(catalog_one, archive_home, [*points, point("stretch", "", 1, 1.45, unit="us")])
    titles, plots, names = figures(catalog_one, key)
    assert titles == {"": ["stretch"], "kappa by snr": ["SNR 9", "SNR 30", "SNR 100"]}
    assert names == {"kappa_by_snr", "stretch"}
    assert '"u"' in plots["SNR 9"]


def test_limits_are_drawn_where_they_can_be_seen(catalog_one: Catalog, archive_home: Path) -> None:
    points = [point("voltage", "", day, 3.3, low=3.2, high=3.4, limits=(1.0, 3.1, 3.5, 9.0)) for day in (1, 2)]
    _, plots, _ = figures(catalog_one, written(catalog_one, archive_home, points))
    assert plots["voltage"].count('"Span"') == 2  # the yellow ones; the red ones are far away
    assert plots["voltage"].count("colour:warning") == 2


def test_a_point_takes_the_place_of_the_one_before_and_one_without_value_is_not_drawn(
    catalog_one: Catalog, archive_home: Path
) -> None:
    key = written(
        catalog_one, archive_home, [point("x", "a", 1, 1.0), point("x", "a", 2, 2.0), point("x", "b", 1, 7.0)]
    )
    assert written(catalog_one, archive_home, [point("x", "a", 2, 2.5), point("x", "b", 1, None)]) == key
    with catalog_one.read() as conn:
        rows = trends.series(conn, key)
        assert [(row.series, row.at.day, row.value) for row in rows] == [("a", 1, 1.0), ("a", 2, 2.5)]
        newest = trends.series(conn, key, points=1)
    assert [row.value for row in newest] == [2.5]


def test_what_is_said_in_names_and_messages_is_escaped(catalog_one: Catalog, archive_home: Path) -> None:
    key = written(catalog_one, archive_home, [point("x", "\u202e<script>", 1, 1.0, message="<b>")])
    titles, _, _ = figures(catalog_one, key)
    assert all("\u202e" not in title for each in titles.values() for title in each)


def test_a_monitor_without_trends_has_no_figures(catalog_one: Catalog, archive_home: Path) -> None:
    assert figures(catalog_one, written(catalog_one, archive_home, [])) == ({}, {}, frozenset())


@pytest.mark.parametrize("value", [0.0, -5.0, 1e-12])
def test_a_single_point_has_a_range_around_it(catalog_one: Catalog, archive_home: Path, value: float) -> None:
    _, plots, _ = figures(catalog_one, written(catalog_one, archive_home, [point("x", "", 1, value)]))
    assert "NaN" not in plots["x"]
