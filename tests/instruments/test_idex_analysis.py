"""The IDEX analysis from raw samples to composition: what the simulator plants is recovered within its errors."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archive.instruments.idex import IDEX
from archive.instruments.idex.analysis.chain import Header, analyse
from archive.instruments.idex.analysis.correlated import error_factors
from archive.instruments.idex.analysis.source import read
from archive.instruments.idex.analysis.spectrum import default_scale
from archive.instruments.idex.simulate import Options, simulate
from archive.instruments.idex.simulate.truth import read_truth
from archive.model import Analysed, Source, Waveforms

EVENTS = 128
CALIBRATIONS = {record["name"]: record["values"] for record in IDEX().calibrations()}


@dataclass
class Capture:
    """A simulated capture: its event product, the truth, and what the analysis made of it."""

    product: Path
    truth: list[dict[str, Any]]
    found: Analysed

    def columns(self, table: str) -> dict[str, Any]:
        (rows,) = (rows for rows in self.found.rows if rows.table == f"idex.{table}")
        return {"index": rows.index, **rows.columns}

    def fits(self, event: int, channel: str) -> list[int]:
        fits = self.found.fits
        return [i for i in np.flatnonzero(fits.index == event) if fits.channel[i] == channel]


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Capture:
    out = tmp_path_factory.mktemp("capture") / "capture.pkts"
    simulate(out, Options(events=EVENTS, seed=21, background=False, arrays=False))
    folder = out.parent / "products"
    folder.mkdir()
    content = out.read_bytes()
    decoded = IDEX().decode(Source(out, out.name, hashlib.sha256(content).hexdigest(), len(content)), folder)
    (product,) = (each.path for each in decoded.products if each.product == "l1a_events")
    return Capture(product, read_truth(out).events, IDEX().analysis.run(product, list(range(EVENTS)), CALIBRATIONS))


def lines(capture: Capture) -> Iterator[tuple[int, dict[str, Any], int]]:
    """Yield event, planted line and fit of the lines that stand alone and out of the noise."""
    snr = capture.columns("line_analysis")["snr"]
    for event, truth in enumerate(capture.truth):
        mine = capture.fits(event, "TOF")
        times = np.array([line["time_us"] for line in truth["lines"]])
        for planted in truth["lines"]:
            apart = np.abs(times - planted["time_us"])
            near = [i for i in mine if abs((capture.found.fits.values[i][1] or np.inf) - planted["time_us"]) < 0.03]
            if np.sum(apart < 0.08) == 1 and len(near) == 1 and snr[near[0]] > 15:
                yield event, planted, near[0]


def pull(value: float | None, error: float | None, truth: float) -> float:
    return (value - truth) / error if value is not None and error else np.nan


def test_pulls_of_lines_are_unit_normal(capture: Capture) -> None:
    fits, area, mu = capture.found.fits, [], []
    for _, planted, i in lines(capture):
        if fits.status[i] in ("ok", "overlap"):
            area.append(pull(fits.values[i][0], fits.errors[i][0], planted["area_ma_us"]))
            mu.append(pull(fits.values[i][1], fits.errors[i][1], planted["time_us"]))
    for pulls in (np.array(area), np.array(mu)):
        assert pulls.size > 300
        assert abs(np.median(pulls)) < 0.2
        assert np.percentile(np.abs(pulls), 68.3) == pytest.approx(1.0, abs=0.15)
        assert np.percentile(np.abs(pulls), 95.4) < 2.6


def test_pulls_of_charges_impacts_and_rise_times_are_unit_normal(capture: Capture) -> None:
    columns, fits = capture.columns("pulse_analysis"), capture.found.fits
    pulls: dict[str, list[float]] = {"charge": [], "impact": [], "rise": []}
    for k, (event, channel) in enumerate(zip(columns["index"], columns["channel"], strict=True)):
        truth = capture.truth[event]
        (i,) = capture.fits(event, channel)
        if truth["class"] != "science" or fits.status[i] != "ok":
            continue
        charge = truth["ion_charge_pc" if channel == "Ion_Grid" else "charge_pc"]
        pulls["charge"].append(pull(columns["charge"][k], columns["charge_error"][k], charge))
        pulls["impact"].append(pull(fits.values[i][0], fits.errors[i][0], truth["impact_us"]))
        pulls["rise"].append(pull(fits.values[i][3], fits.errors[i][3], truth["rise_us"]))
    for name, values in pulls.items():
        each = np.array(values)
        assert each.size > 150, name
        assert np.percentile(np.abs(each), 68.3) == pytest.approx(1.0, abs=0.2), name
        assert abs(np.median(each)) < 0.3, name


def test_a_signal_that_does_not_stand_out_gives_a_limit_and_no_charge(capture: Capture) -> None:
    columns, fits = capture.columns("pulse_analysis"), capture.found.fits
    noise = [k for k, e in enumerate(columns["index"]) if capture.truth[e]["kind"].startswith("noise")]
    assert noise
    for k in noise:
        assert np.isnan(columns["charge"][k])
        (i,) = capture.fits(int(columns["index"][k]), columns["channel"][k])
        assert {"weak", "no_signal"} & set(fits.status[i].split())
        assert fits.reason[i]


def test_mass_scales_are_right_on_99_of_100_and_flagged_else(capture: Capture) -> None:
    columns, lines_ = capture.columns("spectrum_analysis"), capture.columns("line_analysis")
    right = flagged = wrong = 0
    for k, truth in enumerate(capture.truth):
        if truth["class"] != "science":
            assert columns["status"][k] == "not_science"
            assert columns["coefficients"][k] is None
        elif columns["lines"][k] >= 5:
            good = [
                abs(lines_["mass"][i] - planted["mass_u"]) < 0.25 + 0.005 * planted["mass_u"]
                for event, planted, i in lines(capture)
                if event == k
            ]
            right += np.mean(good) > 0.9
            flagged += columns["status"][k] != "ok"
            wrong += np.mean(good) <= 0.9 and columns["status"][k] == "ok"
    assert right >= 100
    assert right >= 0.99 * (right + flagged + wrong)
    assert wrong == 0


def test_lines_get_the_name_of_their_ion(capture: Capture) -> None:
    species = capture.columns("line_analysis")["species"]
    pairs = [(species[i], planted["species"]) for _, planted, i in lines(capture) if species[i] is not None]
    isobars = {("C2H2", "26Mg"), ("26Mg", "C2H2"), ("Al2", "54Fe")}
    assert len(pairs) > 300
    assert np.mean([found == planted or (found, planted) in isobars for found, planted in pairs]) >= 0.99


def test_speeds_and_masses_lie_in_their_ranges_as_often_as_they_say(capture: Capture) -> None:
    columns = capture.columns("particle_analysis")
    inside = []
    for k, truth in enumerate(capture.truth):
        if truth["class"] == "science" and columns["speed_source"][k] == "rise_time":
            inside.append(columns["speed_low"][k] <= truth["speed_km_s"] <= columns["speed_high"][k])
        elif truth["class"] != "science":
            assert columns["status"][k] == "not_science"
            assert np.isnan(columns["speed"][k])
    assert len(inside) > 60
    assert np.mean(inside) > 0.6


def test_olivine_is_richer_in_magnesium_than_iron_sulfide_and_says_what_is_missing(capture: Capture) -> None:
    columns = capture.columns("composition_analysis")
    for k, truth in enumerate(capture.truth):
        if truth["composition"] == "olivine" and columns["status"][k] == "ok":
            assert columns["mg_fraction"][k] > 0.2
        if columns["mg_area"][k] != columns["mg_area"][k]:
            assert columns["status"][k] != "ok"
            assert columns["reason"][k]
            assert np.isnan(columns["ternary_x"][k])


def test_events_alone_and_together_give_the_same_numbers(capture: Capture) -> None:
    together = capture.found.fits
    alone = IDEX().analysis.run(capture.product, [7], CALIBRATIONS).fits
    mine = np.flatnonzero(together.index == 7)
    assert alone.values == [together.values[i] for i in mine]
    assert alone.errors == [together.errors[i] for i in mine]
    assert alone.status == [together.status[i] for i in mine]


def test_without_a_calibration_of_the_waveforms_everything_is_refused(capture: Capture) -> None:
    found = IDEX().analysis.run(capture.product, [0, 1], {**CALIBRATIONS, "waveform_scale": None})
    assert found.status == ["no_calibration"] * 2
    assert all(found.reason)
    assert found.fits.channel == []


def test_without_the_other_calibrations_what_needs_them_is_missing_with_a_status(capture: Capture) -> None:
    only = {"waveform_scale": CALIBRATIONS["waveform_scale"]}
    rows = {each.table: each.columns for each in IDEX().analysis.run(capture.product, [0, 1, 2], only).rows}
    assert np.isnan(rows["idex.particle_analysis"]["speed"]).all()
    science = [status for status in rows["idex.particle_analysis"]["status"] if status != "not_science"]
    assert all("no_curves" in status for status in science)
    assert rows["idex.composition_analysis"]["sensitivity"] == [None] * 3


@pytest.fixture(scope="module")
def good(capture: Capture) -> tuple[Waveforms, Header]:
    return read(capture.product, list(range(4)))


BAD = ("missing", "constant", "full", "steps", "zero", "negative")


def spoilt(data: np.ndarray, kind: str, full_scale: int) -> np.ndarray:
    """Return the samples of four events of which the first is good."""
    out = data.copy()
    samples = data.shape[1]
    out[1:] = {
        "missing": -32768,
        "constant": 500,
        "full": full_scale,
        "zero": 0,
        "steps": np.where(np.arange(samples) % 2, 0, full_scale),
        "negative": np.clip(1022 - data[1:].astype(np.int64), 0, full_scale),
    }[kind]
    return out


@pytest.mark.parametrize("kind", BAD)
def test_bad_records_give_a_status_and_leave_their_neighbours_alone(good: tuple[Waveforms, Header], kind: str) -> None:
    waveforms, header = good
    bad = Waveforms(tuple(replace(c, data=spoilt(c.data, kind, c.full_scale)) for c in waveforms.channels))
    found, alone = analyse(bad, header, CALIBRATIONS), analyse(waveforms, header, CALIBRATIONS)
    assert len(found.status) == 4
    first = [[v for v, e in zip(each.fits.values, each.fits.index, strict=True) if e == 0] for each in (found, alone)]
    assert first[0] == first[1]
    for i in np.flatnonzero(found.fits.index > 0):
        assert found.fits.status[i] == "ok" or found.fits.reason[i]
    if kind == "missing":
        assert found.status[1:] == ["no_data"] * 3
    for rows in found.rows:
        if "status" in rows.columns and rows.table != "idex.channel_analysis":
            assert all(status == "ok" or reason for status, reason in
                       zip(rows.columns["status"], rows.columns["reason"], strict=True))  # fmt: skip


@pytest.mark.parametrize("samples", [0, 1, 2, 40])
def test_short_records_pass_through(good: tuple[Waveforms, Header], samples: int) -> None:
    waveforms, header = good
    short = Waveforms(tuple(replace(c, data=c.data[:, :samples]) for c in waveforms.channels))
    found = analyse(short, header, CALIBRATIONS)
    assert len(found.status) == 4
    assert "ok" not in {status for status, name in zip(found.fits.status, found.fits.channel, strict=True)
                        if name != "TOF"}  # fmt: skip


def test_the_default_scale_follows_the_target_voltage_where_it_is_believable() -> None:
    record = CALIBRATIONS["mass_scale"]
    assert default_scale(7.0, 3000.0, record).tolist() == pytest.approx([7.05, 1.45])
    assert default_scale(7.0, 1500.0, record)[1] == pytest.approx(1.45 * np.sqrt(2))
    assert default_scale(7.0, 0.0, record)[1] == pytest.approx(1.45)


def test_correlated_noise_makes_the_error_of_a_mean_larger_by_the_known_factor() -> None:
    factor = error_factors(np.ones((4000, 1)), 0.85)
    assert factor[0] == pytest.approx(np.sqrt(1.85 / 0.15), rel=5e-3)
    assert error_factors(np.ones((50, 1)), 0.0)[0] == 1.0
