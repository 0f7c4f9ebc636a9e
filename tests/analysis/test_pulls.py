"""From raw file to catalog: what the simulator plants comes back within the stated errors, at the stated rate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text

from archive.catalog import Catalog
from archive.catalog.engine import make_engine
from archive.config import load
from archive.ingest import ingest
from archive.instruments.idex.simulate import Options, simulate
from archive.instruments.idex.simulate.truth import read_truth
from archive.store import init_home
from tests.servers import TestServer

EVENTS = 240

Row = Any


class Archive:
    """What the catalog says about a capture, and the truth about its events by their key."""

    def __init__(self, catalog: Catalog, truth: list[dict[str, Any]]) -> None:
        self.catalog = catalog
        named = {
            (row.aid, row.evtnum): row.event_id for row in self.rows("select event_id, aid, evtnum from idex.event")
        }
        self.truth = {named[event["aid"], event["number"]]: event for event in truth}

    def rows(self, query: str) -> list[Row]:
        with self.catalog.read() as conn:
            return list(conn.execute(text(query)))


@pytest.fixture(scope="module")
def archive(embedded_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    folder = tmp_path_factory.mktemp("pulls")
    out = folder / "capture.pkts"
    shares = {"dust": 0.8, "dust_target": 0.1, "noise_software": 0.06, "pulser": 0.04}
    simulate(out, Options(events=EVENTS, seed=31, shares=shares, background=False, arrays=False, scatter=True))
    url = embedded_server.create()
    try:
        with Catalog(make_engine(url)) as catalog:
            home = init_home(folder / "home", catalog.url)
            report = ingest(catalog, load(home.root), [out])
            assert (report.new, report.errors) == (1, 0)
            yield Archive(catalog, read_truth(out).events)
    finally:
        embedded_server.drop(url)


def unit_normal(pulls: list[float], least: int) -> None:
    """Hold mean and width against those of the unit normal law, and the tails against a twentieth beyond two sigma."""
    values = np.array(pulls)
    assert values.size >= least
    assert np.isfinite(values).all()
    assert abs(values.mean()) < 0.15 + 1 / np.sqrt(values.size)
    assert 0.85 < values.std() < 1.15
    assert np.mean(np.abs(values) > 2) < 0.09


def test_every_event_is_analysed(archive: Archive) -> None:
    (row,) = archive.rows("select count(*) as n from analysis.current_analyses where status = 'ok'")
    assert row.n == EVENTS


@pytest.mark.parametrize(("channel", "quantity", "least"), [
    ("Target_High", "charge_pc", 180), ("Ion_Grid", "ion_charge_pc", 150),
])  # fmt: skip
def test_charges_are_unit_normal(archive: Archive, channel: str, quantity: str, least: int) -> None:
    found = archive.rows("select event_id, channel, charge, charge_error from analysis.pulse where status = 'ok'")
    unit_normal(
        [(row.charge - archive.truth[row.event_id][quantity]) / row.charge_error for row in found
         if row.channel == channel and archive.truth[row.event_id]["class"] == "science"],
        least,
    )  # fmt: skip


def test_areas_and_times_of_lines_that_stand_alone_are_unit_normal(archive: Archive) -> None:
    found: dict[int, list[Row]] = {}
    for row in archive.rows("select event_id, area, area_error, mu, mu_error, snr, status from analysis.tof_line"):
        found.setdefault(row.event_id, []).append(row)
    area, mu = [], []
    for key, truth in archive.truth.items():
        times = np.array([line["time_us"] for line in truth["lines"]])
        for planted in truth["lines"] if truth["class"] == "science" else []:
            near = [row for row in found.get(key, []) if row.mu is not None and abs(row.mu - planted["time_us"]) < 0.03]
            alone = np.sum(np.abs(times - planted["time_us"]) < 0.16) == 1 and len(near) == 1
            if alone and near[0].snr > 15 and near[0].status in ("ok", "overlap"):
                area.append((near[0].area - planted["area_ma_us"]) / near[0].area_error)
                mu.append((near[0].mu - planted["time_us"]) / near[0].mu_error)
    unit_normal(area, 600)
    unit_normal(mu, 600)


def test_speeds_and_masses_are_unit_normal_in_their_logarithms(archive: Archive) -> None:
    found = archive.rows(
        "select event_id, speed, speed_low, speed_high, mass, mass_low, mass_high from analysis.event_summary "
        "where speed_source = 'rise_time'"
    )
    for name, quantity in (("speed", "speed_km_s"), ("mass", "mass_kg")):
        pulls = []
        for row in found:
            low, high = np.log(getattr(row, f"{name}_low")), np.log(getattr(row, f"{name}_high"))
            off = np.log(getattr(row, name)) - np.log(archive.truth[row.event_id][quantity])
            pulls.append(float(off / (0.5 * (high - low))))
        unit_normal(pulls, 180)


def test_the_noise_of_captures_is_what_the_records_hold_before_the_trigger(archive: Archive) -> None:
    """The simulator has one noise for all events: captures and quiet beginnings agree, channel by channel."""
    query = (
        "select channel, noise_window, percentile_cont(0.5) within group (order by noise_sigma) as sigma, "
        "count(*) as n from analysis.channel_level where kind in ('noise', 'dust') group by 1, 2"
    )
    sigma = {(row.channel, row.noise_window): row.sigma for row in archive.rows(query)}
    assert len(sigma) == 12
    for channel in {channel for channel, _ in sigma}:
        assert sigma[channel, "pre_trigger"] == pytest.approx(sigma[channel, "record"], rel=0.12), channel


def test_the_pulser_gives_the_planted_charge_and_area(archive: Archive) -> None:
    stimulus = {key: truth for key, truth in archive.truth.items() if truth["kind"] == "pulser"}
    charges = archive.rows("select event_id, charge from analysis.pulse where channel = 'Target_High'")
    areas = archive.rows("select event_id, max(area) as area from analysis.tof_line group by 1")
    ratios = [row.charge / stimulus[row.event_id]["charge_pc"] for row in charges if row.event_id in stimulus]
    assert len(ratios) >= 5
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.02)
    ratios = [row.area / stimulus[row.event_id]["lines"][0]["area_ma_us"] for row in areas if row.event_id in stimulus]
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.02)
