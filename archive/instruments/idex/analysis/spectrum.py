"""The mass spectrum: gains merged, lines found and fitted, a mass for each, and what ion it is.

IDEX science definition, sections 8, 10 and 15.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from archive.instruments.idex.analysis.correlated import baseline_shift, error_factors
from archive.instruments.idex.analysis.pulses import known
from archive.instruments.idex.analysis.settings import LINE, TOF, Settings
from archive.instruments.idex.analysis.waveforms import Record
from archive.model import Fits, Override, Rows
from archive.numerics import comb, massscale
from archive.numerics import status as word
from archive.numerics.elements import fraction_of_lines, fraction_of_record
from archive.numerics.emg import emg_jacobian
from archive.numerics.gains import Merged, merge_gains
from archive.numerics.linefit import LineFits, fit_lines
from archive.numerics.peaks import SMOOTHING, Peaks, find_lines
from archive.numerics.species import Library, candidates, library
from archive.numerics.windows import Windows, lay_windows

Floats = NDArray[np.float64]

#: What a mass scale can have against it.
MEANING: Final = {
    "no_record": "no time-of-flight channel was received",
    "not_science": "the event is a noise capture or a pulser event, which has no masses",
    "no_lines": "no line stands out of the noise",
    "mass_scale_default": "fewer than three lines lie on reference masses, so that the default scale was taken",
    "no_scale": "fewer than three lines lie on reference masses, and without an impact time there is no default",
    "ambiguous": "another mass scale explains the lines about as well",
    "edge_of_range": "the stretch of the mass scale lies at the edge of its range",
    "ratio_out_of_range": "a fitted ratio of gains is more than 20 % from 1 and was not used",
    "all_gains_saturated": "samples are left that every gain masks",
    "anchored": "an analyst fixed the mass scale",
}

#: With one of these words masses are no ground for naming ions.
UNTRUSTED: Final = ("mass_scale_default", "no_scale", "ambiguous", "edge_of_range")


class Spectrum(NamedTuple):
    """Merged records of ``n`` events and their fitted lines, in order of event and time.

    Attributes
    ----------
    t, merged
        Times, us from the trigger, shape (n, samples), and the merged record.
    correlation
        Correlation of the noise of the most sensitive gain, shape (n,).
    names
        Names of the gains, in the order of ``merged.source``.
    fits, errors
        The lines, and the standard errors of their values with the correlation of the noise, shape (lines, 4).
    start, stop
        First and last time of each line's window, us.
    gain
        Gain of the sample of each maximum, or `MASKED`, shape (lines,).
    number
        Number of each line in its event, from 1.
    origin
        ``automatic`` or ``override`` of each line.
    shape, extras
        Shape of each line, and what it needs beyond its four parameters (`archive.numerics.shapes`).
    """

    t: Floats
    merged: Merged
    correlation: Floats
    names: tuple[str, ...]
    fits: LineFits
    errors: Floats
    start: Floats
    stop: Floats
    gain: NDArray[np.int64]
    number: NDArray[np.int64]
    origin: list[str]
    shape: list[str]
    extras: list[dict[str, Any]]


class Masses(NamedTuple):
    """Mass scale of each event and masses of all lines; species None where none can be named."""

    words: list[list[str]]
    scales: list[comb.Scale]
    mass: Floats
    mass_error: Floats
    species: list[str | None]
    unique: list[bool | None]
    species_origin: list[str | None]
    candidates: list[list[str]]


def find_spectrum(gains: Sequence[Record], impact: Floats, settings: Settings) -> Spectrum:
    """Merge the gains, and find and fit the lines.

    Parameters
    ----------
    gains
        Records in mA, the most sensitive first.
    impact
        Time of impact, us from the trigger, shape (n,); no line lies before. NaN where unknown.
    settings
        What the analysis was told.
    """
    t, dt = gains[0].t, gains[0].dt
    merged = merged_record(gains)
    gone = np.all([each.mask | ~np.isfinite(each.y) for each in gains], axis=0)
    clipped = gone & np.any([each.mask for each in gains], axis=0)  # saturated, and not only missing
    merged = merged._replace(all_saturated=clipped.any(axis=1))
    noise = _least_noise(merged.sigma)
    since = (impact - settings.impact_margin - gains[0].t0) / dt
    earliest = np.where(np.isfinite(since), np.clip(np.ceil(np.nan_to_num(since)), 0, t.shape[1]), 0).astype(np.int64)
    peaks = find_lines(
        merged.signal, noise, significance=settings.significance, distance=settings.distance, earliest=earliest
    )
    peaks = _significant(peaks, merged.sigma, settings.significance)
    windows = lay_windows(merged.signal, peaks)
    fits = fit_lines(t, merged.signal, peaks, windows, sigma=merged.sigma, saturated=clipped)
    source = merged.source[peaks.record, peaks.sample].astype(np.int64)
    errors = _errors(t, merged, fits, windows, gains, source)
    first = np.searchsorted(peaks.record, peaks.record)
    begin, end = windows.line_start, np.maximum(windows.line_stop - 1, windows.line_start)
    return Spectrum(
        t, merged, gains[0].correlation, tuple(each.name for each in gains), fits, errors,
        t[peaks.record, np.minimum(begin, t.shape[1] - 1)], t[peaks.record, np.minimum(end, t.shape[1] - 1)], source,
        np.arange(peaks.record.size) - first + 1, ["automatic"] * peaks.record.size,
        [LINE.name] * peaks.record.size, [{} for _ in range(peaks.record.size)],
    )  # fmt: skip


def merged_record(gains: Sequence[Record]) -> Merged:
    """Return one record of the three gains, baselines taken off, mA."""
    return merge_gains(
        [each.y - each.base[:, None] for each in gains], [each.noise for each in gains],
        [each.mask for each in gains], gains[0].dt,
    )  # fmt: skip


def _least_noise(sigma: Floats) -> Floats:
    """Return the noise of the most sensitive gain that is there, shape (n,); NaN without any."""
    least = np.min(np.where(np.isfinite(sigma) & (sigma > 0), sigma, np.inf), axis=1, initial=np.inf)
    return np.where(np.isfinite(least), least, np.nan)


def _significant(peaks: Peaks, sigma: Floats, significance: float) -> Peaks:
    """Keep the peaks that stand out of the noise of the gain they are in."""
    least = significance * sigma[peaks.record, peaks.sample] / math.sqrt(SMOOTHING)
    with np.errstate(invalid="ignore"):
        keep = (peaks.height >= least) & (peaks.prominence >= least)
    return Peaks(
        peaks.record[keep], peaks.sample[keep], peaks.height[keep], peaks.prominence[keep], peaks.left[keep],
        peaks.right[keep],
    )  # fmt: skip


def _errors(
    t: Floats, merged: Merged, fits: LineFits, windows: Windows, gains: Sequence[Record], source: NDArray[np.int64]
) -> Floats:
    """Return the standard errors of the lines with the correlation of the noise, and those of the baselines."""
    errors = fits.errors.copy()
    for k in np.flatnonzero(np.isfinite(errors).all(axis=1)):
        record = fits.record[k]
        correlation = float(gains[max(int(source[k]), 0)].correlation[record])
        inside = slice(int(windows.line_start[k]), int(windows.line_stop[k]))
        sigma = merged.sigma[record, inside]
        free = errors[k] > 0
        used = np.isfinite(sigma) & (sigma > 0)
        rows = emg_jacobian(t[record, inside], *fits.values[k])[:, free] / sigma[:, None]
        errors[k, free] *= error_factors(rows[used], correlation)
        origin = merged.source[record, inside][used]
        for number in np.unique(origin[origin >= 0]).tolist():
            offset = np.where(origin == number, gains[number].base_error[record] / sigma[used], 0.0)
            errors[k, free] = np.hypot(errors[k, free], baseline_shift(rows[used], offset))
    return errors


def weigh(
    spectrum: Spectrum, impact: Floats, science: NDArray[np.bool_], voltage: Floats, default: Mapping[str, Any] | None,
    settings: Settings, known: Library,
) -> Masses:  # fmt: skip
    """Find the mass scale of each event, and the masses and names of its lines by the species that are known."""
    count, lines = impact.size, spectrum.number.size
    words: list[list[str]] = [[] for _ in range(count)]
    scales: list[comb.Scale] = []
    mass, error = np.full(lines, np.nan), np.full(lines, np.nan)
    species: list[str | None] = [None] * lines
    unique: list[bool | None] = [None] * lines
    bounds = np.searchsorted(spectrum.fits.record, np.arange(count + 1))
    for k in range(count):
        mine = slice(int(bounds[k]), int(bounds[k + 1]))
        start = float(spectrum.t[k, 0]) if spectrum.t.shape[1] else 0.0
        since = spectrum.fits.values[mine, 1] - start
        usable = np.isfinite(since) & (spectrum.fits.status[mine] & word.FAILED == 0)
        scale, said = _scale(
            np.where(usable, since, np.nan), spectrum.fits.snr[mine], float(impact[k]) - start, bool(science[k]),
            float(voltage[k]), default, settings,
        )  # fmt: skip
        scales.append(scale)
        words[k] = _merge_words(spectrum.merged, k) + said
        if not np.isfinite(scale.coefficients).all():
            continue
        mass[mine] = massscale.mass_of(since, scale.coefficients)
        error[mine] = massscale.mass_error(mass[mine], scale.coefficients, spectrum.errors[mine, 1])
        if not set(said) & set(UNTRUSTED):
            species[mine], unique[mine] = name_lines(mass[mine], error[mine], known)
    origin: list[str | None] = [None if name is None else "automatic" for name in species]
    return Masses(words, scales, mass, error, species, unique, origin, candidates(mass, error, known))


def library_of(record: Mapping[str, Any] | None) -> Library:
    """Return the species of a calibration record, those of the comb first; of the comb alone without a record."""
    names: list[str] = list(comb.REFERENCE)
    if record is not None:
        names += [*record["isotopes"], *(name for group in record["molecules"].values() for name in group)]
    return library(names)


def name_lines(mass: Floats, error: Floats, known: Library) -> tuple[list[str | None], list[bool | None]]:
    """Return the ion nearest to each mass and whether no other is within reach; None where none is near.

    The ions of the reference comb, which are common, come first, and are unique among themselves. Where none of them
    is near, a species gets its name only when it is the only one that is known there: a name is never a guess.
    """
    if not mass.size:
        return [], []
    names = comb.reference_comb().names
    near, alone = comb.nearest_reference(mass, error)
    named: list[str | None] = []
    unique: list[bool | None] = []
    for i, one, others in zip(near, alone, candidates(mass, error, known), strict=True):
        common = i >= 0 and bool(others)
        alone_there = len(others) == 1
        named.append(names[i] if common else others[0] if alone_there else None)
        unique.append(bool(one) if common else alone_there if others else None)
    return named, unique


def _merge_words(merged: Merged, k: int) -> list[str]:
    flags = {"ratio_out_of_range": merged.out_of_range[k], "all_gains_saturated": merged.all_saturated[k]}
    return [name for name, flag in flags.items() if flag]


def _scale(
    since: Floats, snr: Floats, impact: float, science: bool, voltage: float, default: Mapping[str, Any] | None,
    settings: Settings,
) -> tuple[comb.Scale, list[str]]:  # fmt: skip
    """Return the mass scale of one event, in us from the first sample, and what is to be said of it."""
    nothing = comb.find_scale([], [])
    if not science:
        return nothing, ["not_science"]
    if not np.isfinite(since).any():
        return nothing, ["no_lines"]
    # The fitted impact only says whether to look before the record too: a slow pulse misses it by a microsecond,
    # and the lines themselves tell it to nanoseconds.
    before = impact - settings.shift_before if math.isfinite(impact) else 0.0
    scale = comb.find_scale(since, comb.peak_weights(snr), shifts=(min(0.0, before), comb.latest_shift(since)))
    if scale.default:
        if default is None or not math.isfinite(impact):
            return scale, ["no_scale"]
        return scale._replace(coefficients=default_scale(impact, voltage, default)), ["mass_scale_default"]
    flags = {"ambiguous": scale.ambiguous, "edge_of_range": scale.edge}
    return scale, [name for name, flag in flags.items() if flag]


def default_scale(impact: float, voltage: float, default: Mapping[str, Any]) -> Floats:
    """Return t0 and stretch of the campaign; the stretch goes with 1/sqrt of the target voltage where that is known."""
    stretch, nominal = float(default["stretch"]), float(default["target_voltage"])
    low, high = default["voltage_range"]
    if low <= voltage <= high:
        stretch *= math.sqrt(nominal / voltage)
    return np.array([impact + float(default["offset"]), stretch])


def line_fits(spectrum: Spectrum) -> Fits:
    """Return the lines as rows of ``core.fit``."""
    fits = spectrum.fits
    return Fits(
        index=fits.record,
        channel=[TOF] * fits.record.size,
        line=spectrum.number,
        model=list(spectrum.shape),
        values=known(fits.values),
        errors=known(spectrum.errors),
        chi2=fits.chi2,
        dof=np.maximum(fits.dof, 0),
        start=spectrum.start,
        stop=spectrum.stop,
        status=[" ".join(word.words(int(bits))) for bits in fits.status],
        reason=[word.reason(int(bits)) for bits in fits.status],
        origin=list(spectrum.origin),
    )


def line_rows(spectrum: Spectrum, masses: Masses) -> Rows:
    """Return the rows of ``idex.line_analysis``."""
    fits, merged = spectrum.fits, spectrum.merged
    count = fits.record.size
    of_record, of_lines, flight = (np.full(count, np.nan) for _ in range(3))
    for k, scale in enumerate(masses.scales):
        mine = fits.record == k
        if mine.any():
            area = fits.values[mine, 0]
            of_record[mine] = fraction_of_record(area, spectrum.t[k], merged.signal[k])
            of_lines[mine] = fraction_of_lines(area)
            flight[mine] = fits.mode[mine] - spectrum.t[k, 0] - scale.coefficients[0]
    return Rows(
        "idex.line_analysis",
        "analysis",
        fits.record,
        {
            "channel": [TOF] * count,
            "line": spectrum.number,
            "area_in_window": fits.area_in_window,
            "mode": fits.mode,
            "height": fits.height,
            "fwhm": fits.fwhm,
            "snr": fits.snr,
            "gain": [spectrum.names[i] if i >= 0 else None for i in spectrum.gain],
            "mass": masses.mass,
            "mass_error": masses.mass_error,
            "resolution": massscale.mass_resolution(flight, fits.fwhm),
            "species": list(masses.species),
            "species_origin": list(masses.species_origin),
            "species_unique": list(masses.unique),
            "candidates": list(masses.candidates),
            "shape": list(spectrum.shape),
            "extras": list(spectrum.extras),
            "fraction_of_record": of_record,
            "fraction_of_lines": of_lines,
        },
    )


def spectrum_rows(spectrum: Spectrum, masses: Masses, said: Sequence[Sequence[Override]]) -> Rows:
    """Return the rows of ``idex.spectrum_analysis``."""
    merged, count = spectrum.merged, len(masses.scales)
    kappas = [massscale.kappa(masses.mass[spectrum.fits.record == k]) for k in range(count)]
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(np.isfinite(merged.signal), merged.signal / merged.sigma, -np.inf)
    snr = ratio.max(axis=1, initial=-np.inf)
    missing = np.asarray(~np.isfinite(merged.signal).any(axis=1))
    words = [["no_record"] if missing[k] else masses.words[k] for k in range(count)]
    return Rows(
        "idex.spectrum_analysis",
        "analysis",
        np.arange(count),
        {
            "lines": np.bincount(spectrum.fits.record, minlength=count),
            "ratio_mid": merged.fitted[:, 1],
            "ratio_low": merged.fitted[:, 2],
            "ratio_refused": merged.out_of_range,
            "all_saturated": merged.all_saturated,
            "merged_snr": np.where(np.isfinite(snr), snr, np.nan),
            "origin": spectrum.t[:, 0] if spectrum.t.shape[1] else np.full(count, np.nan),
            "coefficients": [
                each.coefficients.tolist() if np.isfinite(each.coefficients).all() else None for each in masses.scales
            ],
            "matched": [each.line.size for each in masses.scales],
            "rms": np.array([each.rms for each in masses.scales]),
            "score": np.array([each.score for each in masses.scales]),
            "rival": np.array([each.rival for each in masses.scales]),
            "kappa": np.array([each.signed for each in kappas]),
            "kappa_rms": np.array([each.rms for each in kappas]),
            "kappa_abs": np.array([each.absolute for each in kappas]),
            "status": [" ".join(each) or "ok" for each in words],
            "reason": ["; ".join(MEANING[name] for name in each) for each in words],
            "gains": [_gains(each) for each in said],
        },
    )


def _gains(words: Sequence[Override]) -> str | None:
    """Return the gains that an analyst wanted merged, parted by blanks; None: nobody said anything."""
    chosen = [each.arguments["gains"] for each in words if each.action == "gains"]
    return " ".join(chosen[-1]) if chosen else None
