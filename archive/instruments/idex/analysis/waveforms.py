"""From raw counts to physical records: scaled, with masks, levels and noise (IDEX science definition, 3, 5 and 6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from archive.instruments.idex.layout import FILL
from archive.model import Channel, Rows
from archive.numerics import baseline as levels
from archive.numerics import noise
from archive.numerics.saturation import plateaus, saturated_channel, saturated_samples

Floats = NDArray[np.float64]

#: Levels that a record begins at when it begins before the signal, DN; and how far off tells that it does not.
REFERENCE: Final = {"TOF_High": 511.0, "TOF_Mid": 513.0, "TOF_Low": 514.0}

#: How much of the start of a record serves for noise, us; and what is cut from it, in units of the robust noise.
START: Final = 3.0
CUT: Final = 4.0

#: The end of what counts as before the trigger, us: that of the window of the signal-to-noise ratio. Of what is before
#: it whole blocks of samples are taken.
QUIET: Final = levels.PRE75[1]
BLOCK: Final = 64

#: Columns of the noise diagnostics, with what they are in `archive.numerics.noise.Summaries`.
NOISE: Final = {
    "noise_samples": "samples",
    "noise_mean": "mean",
    "noise_sigma": "sigma",
    "noise_median": "median",
    "noise_robust": "robust_sigma",
    "noise_poisson": "poisson",
    "noise_lag1": "lag1",
    "line_frequency": "line_frequency",
    "line_amplitude": "line_amplitude",
    "line_excess": "line_excess",
}

#: What a channel can have against it.
MEANING: Final = {
    "missing": "the channel was not received whole and in good order",
    "no_baseline_window": "the record holds no sample between -7 and -5 us",
    "no_noise": "the samples of the baseline are all equal",
    "truncated_start": "the record begins inside the signal",
    "saturated": "raw samples reach 0.95 of full scale",
}


class Record(NamedTuple):
    """One channel of ``n`` events in physical units.

    Attributes
    ----------
    name, unit
        Channel, and unit of `y`.
    y
        Values, baseline not taken off, NaN where nothing was received, shape (n, samples).
    t0, dt
        Time of the first sample, us from the trigger, shape (n,), and step, us.
    mask, saturated
        Saturated samples, widened, shape (n, samples); whether there is any, shape (n,).
    level
        Median and robust noise of the first 3 us.
    noise
        Standard deviation of the first 3 us without outliers, never less than that of rounding, shape (n,).
    correlation
        Correlation of neighbouring samples there, shape (n,).
    base, base_error
        Mean of the first 3 us without outliers, and its standard error with that correlation, shape (n,). The median
        of whole numbers is a whole number or a half: what is fitted stands on the mean.
    """

    name: str
    unit: str
    y: Floats
    t0: Floats
    dt: float
    mask: NDArray[np.bool_]
    saturated: NDArray[np.bool_]
    level: levels.Level
    noise: Floats
    correlation: Floats
    base: Floats
    base_error: Floats

    @property
    def t(self) -> Floats:
        """Times of the samples, us from the trigger, shape (n, samples)."""
        return self.t0[:, None] + self.dt * np.arange(self.y.shape[1])

    @property
    def missing(self) -> NDArray[np.bool_]:
        """Whether nothing of the record is there, shape (n,)."""
        return np.asarray(~np.isfinite(self.y).any(axis=1))


def convert(channel: Channel, scale: Mapping[str, Any]) -> Record:
    """Return a channel in physical units: y = DN * factor, the baseline left in."""
    dn = np.where((channel.data == FILL) | ~channel.present[:, None], np.nan, channel.data.astype(np.float64))
    factor = float(scale[channel.name]["factor"])
    y = dn * factor
    first = min(y.shape[1], int(START / channel.dt) + 2)
    t = channel.t0[:, None] + channel.dt * np.arange(first)
    level = levels.first3us(t, y[:, :first])
    noise, correlation, base, base_error = _noise(y[:, :first], level, factor / np.sqrt(12.0))
    return Record(
        channel.name, str(scale[channel.name]["unit"]), y, np.asarray(channel.t0, np.float64), channel.dt,
        saturated_samples(dn, channel.full_scale), saturated_channel(dn, channel.full_scale), level, noise, correlation,
        base, base_error,
    )  # fmt: skip


def _noise(early: Floats, level: levels.Level, least: float) -> tuple[Floats, Floats, Floats, Floats]:
    """Return standard deviation, correlation of neighbours, mean, and error of the mean, all without outliers.

    The median absolute deviation of whole numbers knows few values only, so that it cannot weight a fit.
    """
    rest = early - level.baseline[:, None]
    with np.errstate(invalid="ignore"):
        used = np.abs(rest) <= CUT * np.fmax(level.sigma, least)[:, None]
    rest = np.where(used, rest, 0.0)
    count, pairs = used.sum(axis=1), (used[:, 1:] & used[:, :-1]).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        shift = rest.sum(axis=1) / count
        rest = np.where(used, rest - shift[:, None], 0.0)
        variance = (rest**2).sum(axis=1) / np.maximum(count - 1, 1)
        correlation = (rest[:, 1:] * rest[:, :-1]).sum(axis=1) / pairs / variance
    known = count > 1
    noise = np.where(known, np.sqrt(np.maximum(variance, least**2)), np.nan)
    neighbours = np.where(known & (variance > 0), np.clip(correlation, -0.95, 0.95), 0.0)
    error = noise * np.sqrt((1 + neighbours) / (1 - neighbours) / np.maximum(count, 1))
    return noise, neighbours, np.where(known, level.baseline + shift, level.baseline), error


def channel_rows(records: list[Record], raw: tuple[Channel, ...], captured: NDArray[np.bool_]) -> Rows:
    """Return the rows of ``idex.channel_analysis``: one a channel and event.

    `captured` says of each event whether it is a noise capture, so that the whole record is noise, shape (n,).
    """
    count = records[0].y.shape[0]
    columns: dict[str, list[Any]] = {}
    for record, channel in zip(records, raw, strict=True):
        for name, values in (_columns(record, channel) | _noise_columns(record, captured)).items():
            columns.setdefault(name, []).extend(values)
    return Rows("idex.channel_analysis", "analysis", np.tile(np.arange(count), len(records)), dict(columns))


def _columns(record: Record, channel: Channel) -> dict[str, list[Any]]:
    t, y = record.t, record.y
    level = levels.pre75(t, y)
    runs = plateaus(channel.data)
    start, length = np.full(y.shape[0], -1), np.zeros(y.shape[0], dtype=np.int64)
    for record_number, first, size in zip(runs.record, runs.start, runs.length, strict=True):
        if size > length[record_number] and not record.missing[record_number]:
            start[record_number], length[record_number] = first, size
    words = _words(record, level, channel)
    count = y.shape[0]
    return {
        "channel": [record.name] * count,
        "unit": [record.unit] * count,
        "baseline": level.baseline.tolist(),
        "noise": level.sigma.tolist(),
        "snr": levels.signal_to_noise(y, level).tolist(),
        "robust_baseline": record.level.baseline.tolist(),
        "robust_noise": record.level.sigma.tolist(),
        "robust_snr": levels.signal_to_noise(y, record.level).tolist(),
        "correlation": np.where(record.missing, np.nan, record.correlation).tolist(),
        "saturated": record.saturated.tolist(),
        "plateau_start": [int(x) if x >= 0 else None for x in start],
        "plateau_length": [int(x) if x > 0 else None for x in length],
        "status": [" ".join(each) or "ok" for each in words],
        "reason": ["; ".join(MEANING[word] for word in each) for each in words],
    }


def _noise_columns(record: Record, captured: NDArray[np.bool_]) -> dict[str, list[Any]]:
    """Return the noise diagnostics (IDEX science definition, 16) of the record, or of what is before the trigger."""
    before = np.floor((QUIET - record.t0) / record.dt + 1.0)
    size = np.clip(before // BLOCK * BLOCK, 0, record.y.shape[1])  # by the event alone, whatever it is analysed with
    size = np.where(captured, record.y.shape[1], np.where(np.isfinite(size), size, 0)).astype(np.int64)
    numbers: dict[str, list[Any]] = {column: [None] * size.size for column in NOISE}
    for samples in np.unique(size).tolist():
        rows = np.flatnonzero(size == samples)
        found = noise.summaries(record.y[rows, :samples], record.dt)
        for column, field in NOISE.items():
            for row, value in zip(rows.tolist(), getattr(found, field).tolist(), strict=True):
                numbers[column][row] = value
    window = np.where(captured, "record", "pre_trigger").tolist()
    known = numbers["noise_samples"]
    return numbers | {
        "noise_window": [each if samples else None for each, samples in zip(window, known, strict=True)],
        "noise_samples": [samples or None for samples in known],
    }


def _words(record: Record, level: levels.Level, channel: Channel) -> list[list[str]]:
    truncated = np.zeros(record.y.shape[0], dtype=np.bool_)
    early = channel.data[:, : int(START / record.dt)].astype(np.float64)
    if record.name in REFERENCE and early.shape[1]:
        raw = levels.Level(np.median(early, axis=1), np.zeros(early.shape[0]), level.samples)
        truncated = levels.truncated(raw, REFERENCE[record.name])
    missing = record.missing
    flags = {
        "missing": missing,
        "no_baseline_window": (level.samples == 0) & ~missing,
        "no_noise": (level.sigma == 0) & ~missing,
        "truncated_start": truncated & ~missing,
        "saturated": record.saturated,
    }
    return [[word for word, flag in flags.items() if flag[k]] for k in range(record.y.shape[0])]
