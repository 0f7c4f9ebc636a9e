"""Monitors of IDEX on a real archive: trends with limits, rates with exposure, late deliveries, and nothing twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text

from archive.analysis.overrides import Word, say
from archive.catalog import Catalog
from archive.catalog.engine import make_engine
from archive.config import Settings, load
from archive.errors import SettingsError
from archive.formats.cdf import DOUBLE, TIME_TT2000, Variable, write_cdf
from archive.ingest import ingest
from archive.instruments.idex.limits import LimitTable
from archive.instruments.idex.simulate import Options, simulate
from archive.instruments.idex.simulate.truth import Truth, read_truth
from archive.store import Home, init_home
from monitors.checks.idex.rate_windows import settings_of
from monitors.checks.idex.trends import past, spans
from monitors.declare import declared
from monitors.runner import Ended, Occasion, run_monitor
from tests.monitors.conftest import add_settings
from tests.servers import TestServer

TRENDS = "select monitor, name, series, at, value, low, high, n from analysis.trends order by 1, 2, 3, 4"
WINDOWS = "select * from analysis.idex_rate_windows order by t_start"
RATES = "select * from analysis.idex_rates order by t_start, binning, spin_quadrant, bin"
MAP = "select * from analysis.idex_map order by t_start, lon_pixel, lat_pixel"
OPEN = "select monitor, severity, code, subject, message from analysis.open_findings"
NAMES = ("idex-noise", "idex-tof-quality", "idex-housekeeping", "idex-rates")


@dataclass
class Scene:
    """An archive, and what was seen in it after each step."""

    catalog: Catalog
    home: Path
    truth: dict[str, Truth] = field(default_factory=dict)
    ended: dict[str, dict[str, Ended]] = field(default_factory=dict)
    found: dict[str, dict[str, list[Any]]] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        return load(self.home)

    def bring(self, name: str, **options: Any) -> None:
        path = self.home.parent / f"{name}.pkts"
        simulate(path, Options(arrays=False, **options))
        self.truth[name] = read_truth(path)
        assert ingest(self.catalog, self.settings, [path]).errors == 0

    def watch(self, step: str, names: tuple[str, ...] = NAMES) -> None:
        settings = self.settings
        self.ended[step] = {name: run_monitor(settings, declared(settings, name), Occasion()) for name in names}
        self.found[step] = {query: self.rows(query) for query in (TRENDS, WINDOWS, RATES, MAP, OPEN)}

    def rows(self, query: str) -> list[Any]:
        with self.catalog.read() as conn:
            return list(conn.execute(text(query)))

    def count(self, query: str) -> int:
        return int(self.rows(query)[0][0])


SHARES = {"dust": 0.45, "noise_software": 0.35, "pulser": 0.2}


@pytest.fixture(scope="module")
def scene(embedded_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    home = tmp_path_factory.mktemp("idex-monitors") / "home"
    url = embedded_server.create()
    try:
        with Catalog(make_engine(url)) as catalog:
            init_home(home, catalog.url)
            scene = Scene(catalog, home)
            scene.bring("first", events=30, seed=5, shares=SHARES)
            scene.watch("first")
            scene.watch("again", ("idex-noise", "idex-rates"))
            scene.bring("late", events=16, seed=6, shares=SHARES, start=datetime(2026, 3, 1, 12, tzinfo=UTC))
            scene.watch("late")
            add_settings(home, LIMITS)
            scene.watch("limits", NAMES[:3])
            place(scene)
            scene.watch("placed", ("idex-rates",))
            with_word(scene)
            (home / "pinakes.toml").write_text((home / "pinakes.toml").read_text().replace(LIMITS, ""))
            scene.watch("said", ("idex-rates", "idex-noise"))
            yield scene
    finally:
        embedded_server.drop(url)


LIMITS = """
[monitor.idex-noise.options.limits.noise_sigma]
TOF_High = [nan, nan, 1e-6, 2e-6]
[monitor.idex-tof-quality.options.limits]
merged_snr = [nan, 1e6, nan, nan]
[monitor.idex-housekeeping.options.limits]
target_voltage = [nan, nan, 2000, 2400]
"""


def place(scene: Scene) -> None:
    """Bring in a level-1B file with the pointing of every event but the first."""
    events = scene.rows("select x.tt2000, x.aid from idex.event x order by x.tt2000")[1:]
    number = np.arange(len(events))
    angles = {"longitude": 7.0 + 60.0 * (number % 3), "latitude": np.full(number.size, -3.0),
              "spin_phase": 90.0 * (number % 4)}  # fmt: skip
    path = scene.home.parent / "imap_idex_l1b_sci-10days_20260301_v001.cdf"
    epoch = np.array([row.tt2000 + 10 for row in events])
    write_cdf(path, {"Logical_source": "imap_idex_l1b_sci"}, [
        Variable("epoch", TIME_TT2000, epoch, {}), *(Variable(name, DOUBLE, of, {}) for name, of in angles.items()),
    ])  # fmt: skip
    report = ingest(scene.catalog, scene.settings, [path])
    assert (report.new, report.errors) == (1, 0)


def with_word(scene: Scene) -> None:
    """Let an analyst make one particle a hundred times bigger."""
    (row,) = scene.rows(
        "select p.event_id, p.amplitude from analysis.pulse p join idex.event x using (event_id) where x.dust_hit "
        "and p.channel = 'Target_High' and p.status = 'ok' and p.charge between 1 and 30 order by 1 limit 1"
    )
    told = {"values": {"amplitude": 100 * row.amplitude}}
    say(scene.catalog, Home(scene.home), Word(row.event_id, "set", "Target_High", 0, told, "A. Name", "to see it"))


def exposure(scene: Scene, *names: str) -> float:
    """Seconds between the first message and the last that science was on, by the truth."""
    return sum(
        acquisition["science_off"] - acquisition["science_on"]
        for name in names
        for acquisition in scene.truth[name].records["acquisition"]
    )


def dust(scene: Scene) -> int:
    return scene.count("select count(*) from idex.event where dust_hit")


def test_every_run_ends_well(scene: Scene) -> None:
    for step, ended in scene.ended.items():
        for name, one in ended.items():
            assert one.state in ("success", "no_work"), f"{step} {name}: {one.message}"


def test_running_again_changes_nothing(scene: Scene) -> None:
    assert {one.state for one in scene.ended["again"].values()} == {"no_work"}
    assert scene.found["again"] == scene.found["first"]
    assert scene.found["first"][TRENDS]


def test_counts_exposure_and_rates_are_those_of_the_truth(scene: Scene) -> None:
    (window,) = scene.found["first"][WINDOWS]
    # messages carry a fraction of a second that the record of the acquisition does not
    assert window.exposure == pytest.approx(exposure(scene, "first"), abs=1.0)
    assert (window.t_start, window.t_stop) == (datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 11, tzinfo=UTC))
    assert (window.messages, window.events, window.quality) == (2, 30, 1)
    assert window.known == 10 * 86400
    rows = scene.found["first"][RATES]
    (total,) = [row for row in rows if row.binning == "total" and row.spin_quadrant is None]
    assert total.counts == window.dust > 5
    assert total.rate == pytest.approx(total.counts / window.exposure)
    assert total.rate_low < total.rate < total.rate_high
    for binning in ("charge", "mass"):
        every = [row for row in rows if row.binning == binning and row.spin_quadrant is None]
        assert len(every) == 11
        assert sum(row.counts for row in every) == total.counts
        assert all(row.rate == pytest.approx(row.counts / window.exposure) for row in every)
        assert [row.bin_low is None for row in every] == [row.bin == -1 for row in every]


def test_events_without_geometry_are_unplaced_and_in_no_pixel(scene: Scene) -> None:
    (window,) = scene.found["first"][WINDOWS]
    assert window.unplaced == window.no_phase == window.dust
    assert window.unplaced_exposure == window.exposure
    assert {"unplaced", "no_pointing"} <= set(window.status.split())
    assert scene.found["first"][MAP] == []
    assert any(row.code == "unplaced" for row in scene.found["first"][OPEN])


def test_a_late_file_makes_its_window_anew_and_keeps_the_old_count(scene: Scene) -> None:
    (window,) = scene.found["late"][WINDOWS]
    before = scene.found["first"][WINDOWS][0]
    assert window.rate_window_id != before.rate_window_id
    assert window.events == 46
    assert window.dust == dust(scene)
    assert window.exposure == pytest.approx(exposure(scene, "first", "late"), abs=2.0)
    with_counts = scene.count("select count(distinct rate_window_id) from idex.rate")
    assert with_counts == scene.count("select count(*) from idex.rate_window") == 4  # first, late, placed, said


def test_geometry_fills_the_map(scene: Scene) -> None:
    (window,) = scene.found["placed"][WINDOWS]
    pixels = scene.found["placed"][MAP]
    assert window.unplaced == window.no_phase <= 1
    assert sum(row.counts for row in pixels) == window.dust - window.unplaced
    assert {row.lon_pixel for row in pixels} == {1, 11, 21}
    assert {row.lat_pixel for row in pixels} == {14}
    lit = sum(row.exposure or 0.0 for row in pixels)
    assert 0 < lit < window.exposure
    assert window.unplaced_exposure == pytest.approx(window.exposure - lit)
    for row in pixels:
        assert row.rate == (None if row.exposure is None else pytest.approx(row.counts / row.exposure))
    quadrants = [
        row for row in scene.found["placed"][RATES] if row.binning == "total" and row.spin_quadrant is not None
    ]
    assert sum(row.counts for row in quadrants) == window.dust


def test_noise_trends_are_the_medians_of_the_captures_of_the_day(scene: Scene) -> None:
    points = {(row.name, row.series): row for row in scene.found["late"][TRENDS] if row.monitor == "idex-noise"}
    assert len(points) == 42
    held = scene.rows(
        "select noise_sigma, noise_median, line_frequency from analysis.channel_level "
        "where channel = 'TOF_Mid' and noise_window = 'record'"
    )
    for name in ("noise_sigma", "noise_median", "line_frequency"):
        point = points[name, "TOF_Mid"]
        assert point.n == len(held)
        assert point.value == pytest.approx(np.median([getattr(row, name) for row in held]))
        assert point.low <= point.value <= point.high


def test_a_late_file_changes_the_points_of_its_day(scene: Scene) -> None:
    before, after = scene.found["first"][TRENDS], scene.found["late"][TRENDS]
    days = {row.at for row in after if row.monitor != "idex-rates"}
    assert days == {datetime(2026, 3, 1, tzinfo=UTC)}
    grown = {(row.monitor, row.name, row.series): row.n for row in after}
    for row in before:
        if row.monitor != "idex-rates":
            assert grown[row.monitor, row.name, row.series] >= row.n
    assert grown["idex-housekeeping", "temperature_1", ""] == 46


def test_housekeeping_has_all_readings_and_the_pulser(scene: Scene) -> None:
    points = {(row.name, row.series): row for row in scene.found["late"][TRENDS] if row.monitor == "idex-housekeeping"}
    readings = {name for name, series in points if not series} - {"flight_time_scale"}
    assert len(readings) == 32
    assert points["target_voltage", ""].value == pytest.approx(2504, abs=5)
    assert points["flight_time_scale", ""].value == pytest.approx(np.sqrt(2500 / points["target_voltage", ""].value))
    assert points["share_out_of_segment", "temperature_1"].value == 0
    assert points["pulser_charge", "Target_High"].value == pytest.approx(20.0, rel=0.03)
    assert points["pulser_area", "TOF"].value == pytest.approx(0.003008, rel=0.03)


def test_shares_have_their_interval(scene: Scene) -> None:
    points = {(row.name, row.series): row for row in scene.found["late"][TRENDS] if row.monitor == "idex-tof-quality"}
    share = points["share_saturated", "TOF_High"]
    assert 0 <= share.low <= share.value <= share.high <= 1
    assert share.n == dust(scene)
    for name in ("snr", "kappa_rms", "stretch", "shift", "share_scale_not_ok", "share_fits_failed", "kappa_by_snr"):
        assert any(key[0] == name for key in points), name


def test_limits_of_the_settings_become_findings_without_new_data(scene: Scene) -> None:
    assert not [row for row in scene.found["late"][OPEN] if row.monitor != "idex-rates"]
    assert {scene.ended["limits"][name].state for name in NAMES[:3]} == {"no_work"}
    found = {row.monitor: row for row in scene.found["limits"][OPEN] if row.monitor != "idex-rates"}
    assert {name: (row.severity, row.code, row.subject) for name, row in found.items()} == {
        "idex-noise": ("error", "above_limit", "noise_sigma TOF_High"),
        "idex-tof-quality": ("warning", "below_limit", "merged_snr"),
        "idex-housekeeping": ("error", "above_limit", "target_voltage"),
    }
    assert "2026-03-01" in found["idex-housekeeping"].message


def test_the_word_of_an_analyst_moves_its_event_to_another_bin(scene: Scene) -> None:
    def charges(step: str) -> list[int]:
        rows = [row for row in scene.found[step][RATES] if row.binning == "charge" and row.spin_quadrant is None]
        return [row.counts for row in sorted(rows, key=lambda row: row.bin)]

    before, after = charges("placed"), charges("said")
    assert sum(before) == sum(after)
    assert sorted(a - b for a, b in zip(after, before, strict=True) if a != b) == [-1, 1]


def test_a_finding_clears_when_its_limits_are_taken_back(scene: Scene) -> None:
    assert [row for row in scene.found["limits"][OPEN] if row.monitor == "idex-noise"]
    assert not [row for row in scene.found["said"][OPEN] if row.monitor == "idex-noise"]


@pytest.mark.parametrize("given", [
    {"no_such_trend": [1, 2, 3, 4]}, {"noise_sigma": [1, 2]}, {"noise_sigma": {"TOF_High": ["x", 1, 2, 3]}},
    {"noise_sigma": [4, 3, 2, 1]}, [1],
])  # fmt: skip
def test_limits_that_cannot_be_used_are_refused_in_a_sentence(given: Any) -> None:
    with pytest.raises(SettingsError, match=r"\."):
        LimitTable("noise", given)


@pytest.mark.parametrize("given", [
    {"sorce": "best"}, {"source": "TOF_High"}, {"longest_pointing": 0}, {"longest_pointing": "10"},
    {"subtract_dead_time": "no"},
])  # fmt: skip
def test_options_of_rates_that_cannot_be_used_are_refused_in_a_sentence(given: Any) -> None:
    with pytest.raises(SettingsError, match=r"idex-rates"):
        settings_of(given)


def test_the_graver_limit_is_told_and_none_means_none() -> None:
    assert past(1.0, 1.0, (None, None, None, None)) is None
    assert past(5.0, 5.0, (1, 2, 4, 6)) == ("warning", "above", 4, 5.0)
    assert past(0.5, 5.0, (1, 2, 4, 6)) == ("error", "below", 1, 0.5)
    assert past(None, None, (1, 2, 4, 6)) is None


def test_days_are_worked_out_in_runs_that_are_not_too_long() -> None:
    days = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3, 10)]
    assert [(a.day, b.day) for a, b in spans(days)] == [(1, 4), (10, 11)]
    assert list(spans([])) == []
