"""What the event page evaluates in the browser is what the archive computes: models, merged record, noise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Page

from archive.instruments.idex import IDEX
from archive.instruments.idex.analysis import spectrum
from archive.instruments.idex.analysis.settings import PULSES, Settings
from archive.instruments.idex.analysis.source import read
from archive.instruments.idex.analysis.waveforms import convert
from archive.numerics import comb, emg, lm, massscale, models, noise, particle, pulse, shapes, windows
from tests.browser.test_viewer import open_event
from tests.site_sample import SampleSite

pytestmark = pytest.mark.browser

MODELS = "pinakesIdexModels"
SCALE = IDEX().calibrations()


def evaluated(page: Page, script: str, *given: Any) -> NDArray[np.float64]:
    """Run a function of the page on arrays and return numbers."""
    found = page.evaluate(script, [each.tolist() if isinstance(each, np.ndarray) else each for each in given])
    return np.asarray(found, dtype=np.float64)


def lines(dice: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Times and parameters over the whole range that fits permit, in units that reach into both tails."""
    sigma, rate = 10 ** dice.uniform(-4, 0, count), 10 ** dice.uniform(-2, 4, count)
    mu = dice.uniform(-8, 24, count)
    t = mu + dice.uniform(-12, 12, count) * sigma + dice.choice([0.0, 1.0], count) * dice.uniform(0, 30, count) / rate
    return np.stack([t, 10 ** dice.uniform(-6, 2, count), mu, sigma, rate], axis=1)


def test_lines_are_the_same_in_both_branches_and_over_the_whole_range(page: Page, folder: str) -> None:
    open_event(page, folder, 1)
    rows = lines(np.random.default_rng(1), 6000)
    t, area, mu, sigma, rate = rows.T
    tail = (rate * sigma - (t - mu) / sigma) < 0  # where erfc is used, and erfcx elsewhere
    assert 1000 < tail.sum() < 5000
    found = evaluated(page, f"([rows]) => rows.map(([t, ...p]) => {MODELS}.emg(t, p))", rows)
    wanted = emg.emg(t, area, mu, sigma, rate)
    # Deep in the tails the archive's exponential ends at 3e-308, the browser's at 0.
    for branch in (tail, ~tail):
        assert np.allclose(found[branch], wanted[branch], rtol=1e-9, atol=1e-290)
        assert (wanted[branch] > 1e-12).sum() > 500
    for name, values in {
        "emgCumulative": emg.emg_cumulative(t, area, mu, sigma, rate),
        "emgMode": emg.emg_profile(area, mu, sigma, rate).mode,
    }.items():
        call = f"{MODELS}.{name}({'t, ' if name == 'emgCumulative' else ''}p)"
        found = evaluated(page, f"([rows]) => rows.map(([t, ...p]) => {call})", rows)
        scale = area if name == "emgCumulative" else 1.0
        assert np.all(np.abs(found - values) <= 1e-9 * scale)


def test_every_line_shape_that_an_analyst_may_choose_is_the_same(page: Page, folder: str) -> None:
    open_event(page, folder, 1)
    dice = np.random.default_rng(3)
    tails = {"taus_left": [0.02], "weights_left": [0.2], "taus_right": [0.05, 0.4], "weights_right": [0.5, 0.6]}
    extras: dict[str, dict[str, Any]] = {"double_emg": {"tau2": -0.03, "weight": 0.7}, "hyper_emg": tails}
    assert set(page.evaluate("pinakesIdexShapes.SHAPES")) == set(shapes.COLUMNS)
    for shape in shapes.COLUMNS:
        for _ in range(12):
            sigma, lam = 10 ** dice.uniform(-3, 0), 10 ** dice.uniform(-1.5, 1.5)
            t = 5 + np.concatenate([dice.uniform(-30, 30, 40), dice.uniform(-6, 6, 80)]) * sigma
            line = {"values": [1.3, 5.0, sigma, lam], "shape": shape, "extras": extras.get(shape)}
            found = evaluated(page, "([t, line]) => t.map((t) => pinakesIdexShapes.lineValue(t, line))", t, line)
            wanted = shapes.evaluate(shape, t, 1.3, 5.0, sigma, lam, extras.get(shape))
            assert np.allclose(found, wanted, rtol=1e-9, atol=1e-9 * np.max(wanted)), (shape, sigma, lam)


def test_a_new_line_begins_where_the_archive_begins(page: Page, folder: str) -> None:
    open_event(page, folder, 1)
    dice = np.random.default_rng(5)
    step, first = 1 / 260, -7.0
    t = first + step * np.arange(400)
    compared = 0
    for _ in range(60):
        line = [
            10 ** dice.uniform(-3, 0),
            first + dice.uniform(0.3, 1.2),
            10 ** dice.uniform(-2.3, -1),
            10 ** dice.uniform(0.7, 2.5),
        ]
        signal: NDArray[np.float64] = emg.emg(t, *line) + dice.normal(0, 10 ** dice.uniform(-4, -2), t.size)
        begin, end = sorted(dice.integers(0, t.size, 2).tolist())
        end = max(end, begin + 5)
        y = signal[None, begin:end]
        peaks, whole = windows.whole_rows(np.ascontiguousarray(y))
        at, times = np.zeros(1, dtype=np.int64), np.asarray(t[begin:end], dtype=np.float64)
        (wanted,) = windows.start_values(times, at, np.ascontiguousarray(y), peaks, whole)
        script = "([record, begin, end]) => pinakesIdexNewLine.startOf(record, [], begin, end) || [0, 0, 0, 0]"
        record = {"t0": first, "dt": step, "signal": signal.tolist()}
        found = evaluated(page, script, record, float(t[begin]), float(t[min(end, t.size) - 1]))
        if y.max() > 0:
            compared += 1
            assert np.allclose(found, wanted, rtol=1e-9, atol=1e-12)
        else:
            assert not found.any()
    assert compared > 50


def test_a_new_line_is_fitted_as_in_the_archive(page: Page, folder: str) -> None:
    open_event(page, folder, 1)
    dice = np.random.default_rng(9)
    step, first = 1 / 260, 5.0
    t = np.asarray(first + step * np.arange(90), dtype=np.float64)
    script = """([record, begin, end]) => { const { startOf, fitted } = pinakesIdexNewLine;
      return fitted(record, [], begin, end, startOf(record, [], begin, end)); }"""
    for _ in range(12):
        line = [
            dice.uniform(1e-3, 0.1),
            first + dice.uniform(0.08, 0.14),
            dice.uniform(0.008, 0.02),
            dice.uniform(30, 100),
        ]
        height = float(np.max(emg.emg(t, *line)))
        noise_level = height / dice.uniform(10, 100)
        y: NDArray[np.float64] = emg.emg(t, *line) + dice.normal(0, noise_level, t.size)
        sigma = np.full(t.size, noise_level)
        record = {"t0": first, "dt": step, "signal": y.tolist(), "sigma": sigma.tolist()}
        found = evaluated(page, script, record, float(t[0]), float(t[-1]))
        best = models.refit_line(t, y, start={}, fixed={}, sigma=sigma).best_values
        wanted = [best[name] for name in models.LINE]
        chi2 = [float(np.sum(((y - emg.emg(t, *values)) / sigma) ** 2)) for values in (found.tolist(), wanted)]
        assert chi2[0] <= chi2[1] * (1 + 1e-6)
        assert found[0] == pytest.approx(wanted[0], rel=1e-3)
        assert found[1] == pytest.approx(wanted[1], abs=1e-3 * wanted[2])


def test_windows_of_noise_and_of_nothing_end_their_fit(page: Page, folder: str) -> None:
    open_event(page, folder, 1)
    dice = np.random.default_rng(10)
    script = """([signal, sigma]) => { const { startOf, fitted } = pinakesIdexNewLine;
      const record = { t0: 0, dt: 0.01, signal: signal.map((v) => v === null ? NaN : v), sigma };
      const start = startOf(record, [], 0, 100); return start && fitted(record, [], 0, 100, start); }"""
    noise_only = dice.normal(0, 1, 40)
    spike = np.where(np.arange(40) == 20, 5.0, 0.0)
    steps = np.repeat([0.0, 1.0], 20)
    gaps = [None if i % 2 else float(v) for i, v in enumerate(noise_only)]
    for signal in (noise_only.tolist(), spike.tolist(), steps.tolist(), gaps, [1e-300] * 40, [1e200] * 40):
        found = page.evaluate(script, [signal, [1.0] * 40])
        assert found is None or len(found) == 4
        if found is not None:  # within the bounds of the archive
            assert 0 <= found[1] <= 0.39 + 1e-9
            assert lm.SIGMA_BOUNDS[0] * (1 - 1e-9) <= found[2] <= lm.SIGMA_BOUNDS[1] * (1 + 1e-9)
            assert lm.LAMBDA_BOUNDS[0] * (1 - 1e-9) <= found[3] <= lm.LAMBDA_BOUNDS[1] * (1 + 1e-9)
    for nothing in ([None] * 40, [-1.0] * 40, [0.0] * 40, []):
        assert page.evaluate(script, [nothing, [1.0] * len(nothing)]) is None


def test_lines_are_matched_and_kappa_is_taken_as_the_archive_does(page: Page, folder: str) -> None:
    open_event(page, folder, 1)
    dice = np.random.default_rng(6)
    teeth = comb.reference_comb()
    known = {"comb": comb.REFERENCE, "common": list(comb.COMMON)}
    some = 0
    for _ in range(40):
        series = np.array([dice.uniform(0, 8), dice.uniform(1.4, 1.5)])
        count = int(dice.integers(1, 30))
        masses = np.sort(dice.choice(teeth.masses, count, replace=False))
        times = massscale.flight_time(series, masses) + dice.normal(0, 0.03, count)
        script = (
            "([t, c, known]) => pinakesIdexAnchors.matches(t, c, known).map(({ i, name, rest }) => [i, name, rest])"
        )
        found = page.evaluate(script, [times.tolist(), series.tolist(), known])
        line, reference = comb.match(times, teeth, series, comb.FARTHEST)
        assert [(i, name) for i, name, _ in found] == [
            (int(i), teeth.names[k]) for i, k in zip(line, reference, strict=True)
        ]
        quality = page.evaluate("([t, c, known]) => pinakesIdexAnchors.quality(t, c, known)",
                                [times.tolist(), series.tolist(), known])  # fmt: skip
        assert quality["matched"] == line.size
        assert quality["kappa"] == pytest.approx(massscale.kappa(massscale.mass_of(times, series)).signed, abs=1e-9)
        if line.size:
            some += 1
            rest = times[line] - massscale.flight_time(series, teeth.masses[reference])
            assert quality["rms"] == pytest.approx(float(np.sqrt(np.mean(rest**2))), rel=1e-9)
    assert some > 30


def test_pulses_are_the_same_also_long_before_and_after(page: Page, folder: str) -> None:
    open_event(page, folder, 1)
    dice = np.random.default_rng(2)
    count = 2000
    values = np.stack(
        [dice.uniform(-25, 100, count), dice.uniform(-100, 4e4, count), dice.uniform(-1e5, 1e5, count),
         10 ** dice.uniform(-1.7, 1.7, count), 10 ** dice.uniform(0, 3.7, count)], axis=1,
    )  # fmt: skip
    t = dice.uniform(-1e4, 1e4, count)
    t[: count // 2] = values[: count // 2, 0] + 10 ** dice.uniform(-3, 2, count // 2)
    found = evaluated(page, f"([t, p]) => t.map((x, i) => {MODELS}.pulse(x, p[i]))", t, values)
    assert np.allclose(found, pulse.pulse(t[:, None], values)[:, 0], rtol=1e-9, atol=1e-9)
    times = [10 ** dice.uniform(-1, 2, count) for _ in range(3)]
    image = np.column_stack([values[:, 0], values[:, 1], dice.uniform(-50, 50, count), values[:, 2], *times])
    found = evaluated(page, f"([t, p]) => t.map((x, i) => {MODELS}.pulse(x, p[i]))", t, image)
    assert np.allclose(found, pulse.image_pulse(t[:, None], image)[:, 0], rtol=1e-9, atol=1e-9)
    rise = pulse.rise_of(values)
    for script, wanted in {
        "impactCharge(p)": pulse.impact_charge(values),
        "timeOfMaximum(p)": pulse.time_of_maximum(values),
        "crossing(p, 0.1)": rise.t10,
        "crossing(p, 0.9)": rise.t90,
    }.items():
        found = evaluated(page, f"([p]) => p.map((p) => {MODELS}.{script})", values)
        assert np.allclose(found, wanted, rtol=1e-9, atol=1e-9), script


def test_masses_speeds_and_particle_masses_are_the_same(page: Page, folder: str) -> None:
    open_event(page, folder, 1)
    times = np.linspace(-1, 40, 400)
    for series in ([7.07, 1.4342], [6.9, 1.5, -0.004], [7.2, 1.38, 0.002, 0.0002]):
        found = evaluated(page, f"([t, c]) => t.map((t) => {MODELS}.massOf(t, c))", times, series)
        assert np.allclose(found, massscale.mass_of(times, series), rtol=1e-9, atol=1e-9)
        masses = np.linspace(0, 400, 200)
        found = evaluated(page, f"([m, c]) => m.map((m) => {MODELS}.flightTime(c, m))", masses, series)
        assert np.allclose(found, massscale.flight_time(series, masses), rtol=1e-12)
    rises = 10 ** np.linspace(-2, 2, 300)
    curve = particle.RISE_CURVE._asdict()
    found = evaluated(page, f"([r, law]) => r.map((r) => {MODELS}.speedFromRise(r, law))", rises, curve)
    speeds = particle.speed_from_rise(rises)
    assert np.isnan(speeds).sum() > 50
    assert np.allclose(found, speeds, rtol=1e-9, equal_nan=True)
    known = speeds[np.isfinite(speeds)]
    found = evaluated(
        page,
        f"([v, law]) => v.map((v) => {MODELS}.particleMass(12.5, v, law))",
        known,
        particle.YIELD_CURVE._asdict(),
    )
    assert np.allclose(found, particle.particle_mass(12.5, known), rtol=1e-9)
    ratios = np.linspace(0, 1.2, 121)
    law = particle.RatioLaw()._asdict()
    found = evaluated(page, f"([r, law]) => r.map((r) => {MODELS}.speedFromRatio(r, law))", ratios, law)
    assert np.allclose(found, particle.speed_from_ratio(ratios, 1.0), rtol=1e-9, equal_nan=True)


@pytest.mark.parametrize("count", [19, 20, 37, 256, 512, 2034, 8189])
def test_noise_is_the_same(page: Page, folder: str, count: int) -> None:
    open_event(page, folder, 1)
    dice = np.random.default_rng(count)
    step = 1 / 260
    y = np.round(40 + np.convolve(dice.normal(0, 3, count + 4), np.ones(5) / 5, "valid"))
    t = step * np.arange(count)
    call = "([y, step]) => {{ const found = pinakesIdexNoise.{0}; return [found.{1}, found.{2}]; }}"
    script = call.format("histogram(Float64Array.from(y))", "counts", "edges")
    counts, edges = page.evaluate(script, [y.tolist(), step])
    wanted = noise.histogram(y)
    assert counts == wanted.counts.tolist()
    assert np.allclose(edges, wanted.edges, rtol=1e-12)
    for name, ours in (("amplitudeSpectrum", noise.amplitude_spectrum), ("welch", noise.welch_density)):
        script = call.format(f"{name}(Float64Array.from(y), step)", "frequency", "value")
        frequency, value = (np.asarray(each) for each in page.evaluate(script, [y.tolist(), step]))
        found = ours(y, step)
        # A component that vanishes may be nothing or a rounding error, on either side.
        least = 1e-9 * np.max(found.value, initial=0.0)
        assert np.allclose(frequency[value > least], found.frequency[found.value > least], rtol=1e-12)
        assert np.allclose(value[value > least], found.value[found.value > least], rtol=1e-8, atol=least)
    script = call.format("autocorrelation(Float64Array.from(y), step)", "lag", "value")
    lag, value = page.evaluate(script, [y.tolist(), step])
    correlation = noise.autocorrelation(y, step)
    assert np.allclose(lag, correlation.lag, rtol=1e-12)
    assert np.allclose(value, correlation.value, atol=1e-9)
    summary = page.evaluate("([y, step]) => pinakesIdexNoise.summary(Float64Array.from(y), step)", [y.tolist(), step])
    numbers = noise.summary(t, y)
    if numbers is None:
        assert summary is None
        return
    for name, value in numbers._asdict().items():
        assert summary[name] == pytest.approx(value, rel=1e-9, abs=1e-12), name


def test_a_constant_record_has_no_noise_and_breaks_nothing(page: Page, folder: str) -> None:
    open_event(page, folder, 1)
    found = page.evaluate("pinakesIdexNoise.summary(new Float64Array(600).fill(7), 0.1)")
    assert found["sigma"] == 0
    assert np.isnan(found["lag1"])
    assert page.evaluate("pinakesIdexNoise.amplitudeSpectrum(new Float64Array(512).fill(7), 0.1).value.length") == 0


def test_the_merged_record_is_that_of_the_analysis(page: Page, folder: str, sample_site: SampleSite) -> None:
    """Sample by sample: signal, noise and gain, of every event that has a product."""
    with sample_site.catalog.read() as conn:
        from sqlalchemy import text

        rows = conn.execute(
            text(
                "select x.event_id, x.record, f.relpath from core.event_product x "
                "join core.file f on f.id = x.file_id "
                "join analysis.current_analyses a on a.event_id = x.event_id and a.file_id = x.file_id "
                "order by x.event_id limit 25"
            )
        ).all()
    assert len(rows) > 15
    scale = max((row for row in SCALE if row["name"] == "waveform_scale"), key=lambda row: row["version"])["values"]
    mixed = 0
    for event, record, relpath in rows:
        waveforms, _ = read(sample_site.settings.home / relpath, [record])
        by_name = {channel.name: channel for channel in waveforms.channels}
        gains = [convert(by_name[name], scale) for name in ("TOF_High", "TOF_Mid", "TOF_Low")]
        wanted = spectrum.find_spectrum(gains, np.array([np.nan]), Settings()).merged
        open_event(page, folder, event)
        merged = page.evaluate(
            f"pinakesEvents.event({event}).then((e) => e.idex.merged && ['signal', 'sigma', 'source']"
            ".map((name) => Array.from(e.idex.merged[name])))"
        )
        if merged is None:
            assert not any(by_name[name].present[0] for name in ("TOF_High", "TOF_Mid", "TOF_Low"))
            continue
        signal, sigma, source = (np.asarray(each, dtype=np.float64) for each in merged)
        assert np.array_equal(source, wanted.source[0])
        assert np.allclose(signal, wanted.signal[0], rtol=2e-7, atol=1e-12, equal_nan=True)  # ratios have seven digits
        assert np.allclose(sigma, wanted.sigma[0], rtol=2e-7, equal_nan=True)
        mixed += len(set(source)) > 1
        assert set(PULSES) <= set(by_name)
    assert mixed
