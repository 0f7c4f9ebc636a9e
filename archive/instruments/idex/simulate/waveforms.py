"""From particles to digitised channels: lines and pulses, baselines, noise, saturation, and the moment of the trigger.

The three TOF channels are one current at three gains. The record is cut so that the first sample strictly above the
level of the channel that triggers has the index ``512 (HSPREBLOCKS + 1) - delay - 1`` (IDEX packet definition, 7.3).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archive.instruments.idex.calibration import WAVEFORM_SCALE, newest
from archive.instruments.idex.layout import (
    BLOCK_HIGH,
    BLOCK_LOW,
    CHANNELS,
    DT_HIGH,
    DT_LOW,
    SAMPLES_HIGH,
    SAMPLES_LOW,
    TOF,
)
from archive.instruments.idex.simulate.options import (
    DUST,
    DUST_LOW,
    DUST_MID,
    DUST_TARGET,
    NOISE_EXTERNAL,
    NOISE_SOFTWARE,
    PULSER,
)
from archive.instruments.idex.simulate.particles import Lines, Particles
from archive.numerics.jit import kernel

#: Baseline and standard deviation (DN) and the correlation of neighbouring samples, in order of ``CHANNELS``. As seen
#: in bench captures of 2023.
BASELINES = np.array([511.3, 513.0, 513.7, 2044.0, 2063.0, 2023.0])
SIGMAS = np.array([2.7, 1.0, 1.7, 2.0, 2.0, 1.0])
CORRELATIONS = np.array([0.2, 0.0, -0.65, 0.85, 0.85, 0.45])

#: How much baselines differ from event to event, DN.
WANDER = np.array([0.2, 0.1, 0.2, 4.0, 4.0, 0.5])

FULL_SCALES = np.array([channel.full_scale for channel in CHANNELS])

#: Index of the TOF channel (order of ``CHANNELS``) that triggers each kind of event, -1 for none.
PRIMARY = np.full(7, -1)
PRIMARY[[DUST, PULSER]] = 0
PRIMARY[DUST_MID] = 1
PRIMARY[DUST_LOW] = 2

#: Bits of TXHDRTRIGID of the TOF channels in order of ``CHANNELS``, and of the other sources.
TOF_BITS = np.array([1 << 0, 1 << 2, 1 << 1])
TARGET_BIT, SOFTWARE_BIT, EXTERNAL_BIT = 1 << 3, 1 << 4, 1 << 5

#: A trigger comes between so many samples (inclusive) after 8 * TXHDRTRIGOFFSET; bench captures of 2023.
TRIGGER_LATENCY = (28, 35)

#: Where the impact lies when the spectrum is looked at for the first time, samples.
_FIRST_LOOK = 1024

#: Longest rising edge of a line, samples.
_EDGE = 100


@dataclass(slots=True)
class Setup:
    """How the instrument was set for each of ``n`` events, int64.

    Attributes
    ----------
    hs_pre, ls_pre
        Pre-trigger blocks of the high and low rate, shape (n,).
    mode, level
        Trigger mode (0 off, 1 threshold) and level (DN) of the TOF channels in order of ``CHANNELS``, shape (n, 3).
    ls_mode, ls_level
        Whether the target channel may trigger, and its level (DN), shape (n,).
    trigoffset
        TXHDRTRIGOFFSET, units of 8 high-rate samples, shape (n,).
    """

    hs_pre: NDArray[np.int64]
    ls_pre: NDArray[np.int64]
    mode: NDArray[np.int64]
    level: NDArray[np.int64]
    ls_mode: NDArray[np.int64]
    ls_level: NDArray[np.int64]
    trigoffset: NDArray[np.int64]


@dataclass(slots=True)
class Waveforms:
    """The digitised channels of ``n`` events and what the instrument says about their trigger.

    Attributes
    ----------
    channels
        Raw values (DN) in order of ``CHANNELS``, int16, each of shape (n, samples).
    trigid
        TXHDRTRIGID, shape (n,).
    delay
        Delay fields of the TOF channels in order of ``CHANNELS``, 0-1023, shape (n, 3).
    t0_high
        Time of the first high-rate sample, us from the trigger, shape (n,).
    impact
        Time of the impact, us from the trigger, NaN for noise, shape (n,).
    """

    channels: tuple[NDArray[np.int16], ...]
    trigid: NDArray[np.int64]
    delay: NDArray[np.int64]
    t0_high: NDArray[np.float64]
    impact: NDArray[np.float64]


def factors() -> NDArray[np.float64]:
    """Return mA per DN of the TOF channels and pC per DN of the others, in order of ``CHANNELS``."""
    values = newest(WAVEFORM_SCALE)["values"]
    return np.array([values[channel.name]["factor"] for channel in CHANNELS])


@kernel
def _spectrum(
    row: NDArray[np.float64],
    impact: float,
    scale: float,
    flight: NDArray[np.float64],
    sigma: NDArray[np.float64],
    tau: NDArray[np.float64],
    area: NDArray[np.float64],
) -> None:
    """Write the sum of the lines into `row` (mA); the impact lies at sample `impact`."""
    row[:] = 0.0
    for k in range(flight.size):
        centre = impact * DT_HIGH + flight[k]
        rate = 1.0 / tau[k]
        first = max(0, math.ceil((centre - 6 * sigma[k]) / DT_HIGH))
        last = min(row.size - 1, math.floor((centre + 6 * sigma[k] + 20 * tau[k]) / DT_HIGH))
        for i in range(first, last + 1):
            t = i * DT_HIGH
            shape = math.exp(0.5 * rate * (2 * centre + rate * sigma[k] ** 2 - 2 * t))
            shape *= math.erfc((centre + rate * sigma[k] ** 2 - t) / (math.sqrt(2.0) * sigma[k]))
            row[i] += 0.5 * scale * area[k] * rate * shape


@kernel
def _place(
    row: NDArray[np.float64],
    wanted: int,
    least: float,
    noise: float,
    flight: NDArray[np.float64],
    sigma: NDArray[np.float64],
    tau: NDArray[np.float64],
    area: NDArray[np.float64],
) -> tuple[float, float]:
    """Return where the impact must lie for the current to exceed `least` at sample `wanted`, and how much bigger the
    event must be for that to be so whatever the noise does (`least` and `noise`, its largest excursion, in mA).
    """
    _spectrum(row, _FIRST_LOOK, 1.0, flight, sigma, tau, area)
    scale = max(1.0, (least + noise) / row.max())
    while True:
        first = 0
        while row[first] * scale <= least - noise:
            first += 1
        # The edge must go from surely below to surely above: else a line of about the height of the level decides.
        if row[first : first + _EDGE].max() * scale > least + noise:
            break
        scale *= 1.1
    while row[first] * scale <= least:
        first += 1
    return float(_FIRST_LOOK + wanted - first), scale


@kernel
def _tof(
    start: NDArray[np.int64],
    flight: NDArray[np.float64],
    sigma: NDArray[np.float64],
    tau: NDArray[np.float64],
    area: NDArray[np.float64],
    primary: NDArray[np.int64],
    level: NDArray[np.int64],
    wanted: NDArray[np.int64],
    baseline: NDArray[np.float64],
    factor: NDArray[np.float64],
    width: NDArray[np.float64],
    correlation: NDArray[np.float64],
    noise: NDArray[np.float32],
    impact: NDArray[np.float64],
    scale: NDArray[np.float64],
    out: NDArray[np.int16],
) -> None:
    """Digitise the TOF channels of all events; `impact` and `scale` are changed where a TOF channel triggers."""
    row = np.empty(out.shape[2])
    for e in range(primary.size):
        lines = slice(start[e], start[e + 1])
        parts = (flight[lines], sigma[lines], tau[lines], area[lines])
        p = primary[e]
        if p >= 0:
            least = (level[e, p] - baseline[e, p] + 0.5) * factor[p]
            impact[e], scale[e] = _place(row, wanted[e], least, 6 * width[p] * factor[p], *parts)
        _spectrum(row, impact[e], scale[e], *parts)
        for c in range(3):
            step = width[c] * math.sqrt(1 - correlation[c] ** 2)
            wander = width[c] * noise[e, c, 0]
            for i in range(row.size):
                if i:
                    wander = correlation[c] * wander + step * noise[e, c, i]
                value = np.rint(baseline[e, c] + row[i] / factor[c] + wander)
                out[c, e, i] = min(max(value, 0.0), 1023.0)


@kernel
def _correlated(noise: NDArray[np.float64], correlation: float) -> None:
    """Give unit white noise, shape (n, samples), a correlation of neighbouring samples; in place."""
    step = math.sqrt(1 - correlation**2)
    for e in range(noise.shape[0]):
        for i in range(1, noise.shape[1]):
            noise[e, i] = correlation * noise[e, i - 1] + step * noise[e, i]


def pulse(t: NDArray[np.float64], rise: NDArray[np.float64], decay: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return pulses of height 1 that begin at 0: ``(1 - exp(-t/rise)) exp(-t/decay)``, scaled to its maximum.

    `t` (us) has shape (n, samples), `rise` and `decay` (us) have shape (n,) (IDEX science specification, section 12).
    """
    after = np.maximum(t, 0.0)
    value: NDArray[np.float64] = -np.expm1(-after / rise[:, None]) * np.exp(-after / decay[:, None])
    value /= height(rise, decay)[:, None]
    return value


def height(rise: NDArray[np.float64], decay: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the maximum of ``(1 - exp(-t/rise)) exp(-t/decay)``, shape (n,)."""
    value: NDArray[np.float64] = decay / (rise + decay) * (rise / (rise + decay)) ** (rise / decay)
    return value


def digitise(rng: np.random.Generator, particles: Particles, setup: Setup) -> Waveforms:
    """Return the channels of a batch of ``n`` events.

    Events too small for their trigger are made bigger: `particles` is changed.
    """
    n = particles.kind.size
    factor = factors()
    baseline = BASELINES + WANDER * rng.standard_normal((n, len(CHANNELS)))
    primary = PRIMARY[particles.kind]
    zero = BLOCK_HIGH * (setup.hs_pre + 1)
    quiet = (8 * setup.trigoffset - 1) % 1024
    impact = _impact_at_target_trigger(particles, setup, baseline, factor) / DT_HIGH + zero
    impact -= np.where(quiet == 1023, -1, quiet) - 1
    scale = np.ones(n)
    lines: Lines = particles.lines
    start = np.searchsorted(lines.event, np.arange(n + 1))
    tof = np.empty((3, n, SAMPLES_HIGH), dtype=np.int16)
    noise = rng.standard_normal((n, 3, SAMPLES_HIGH), dtype=np.float32)
    wanted = zero - 8 * setup.trigoffset - rng.integers(*TRIGGER_LATENCY, n, endpoint=True) - 1
    _tof(
        start, lines.flight, lines.sigma, lines.tau, lines.area,
        primary, setup.level, wanted, baseline[:, TOF].copy(), factor[TOF].copy(), SIGMAS, CORRELATIONS,
        noise, impact, scale, tof,
    )  # fmt: skip
    particles.scale(scale)
    trigid, delay = _triggers(particles.kind, setup, tof)
    chosen = np.where(primary >= 0, delay[np.arange(n), primary], np.where(quiet == 1023, -1, quiet))
    t0_high = np.float64(DT_HIGH) * (chosen - 1 - zero)
    impact_us = np.where(np.diff(start) > 0, t0_high + DT_HIGH * impact, np.nan)
    low = _low_rate(rng, particles, setup, baseline, factor, impact_us)
    return Waveforms((*tof, *low), trigid, delay, t0_high, impact_us)


def _impact_at_target_trigger(
    particles: Particles, setup: Setup, baseline: NDArray[np.float64], factor: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the time of the impact (us) for the target pulse to cross its level at 0, shape (n,)."""
    t = np.arange(0, 60, 0.02)
    least = (setup.ls_level - baseline[:, 3] + 0.5) * factor[3]
    above = particles.charge[:, None] * pulse(t[None, :], particles.rise, particles.decay) > least[:, None]
    crossing: NDArray[np.float64] = t[np.argmax(above, axis=1)]
    return -crossing


def _triggers(
    kind: NDArray[np.int64], setup: Setup, tof: NDArray[np.int16]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return TXHDRTRIGID, shape (n,), and the delay fields, shape (n, 3), as the samples demand."""
    by_kind = np.zeros(PRIMARY.size, dtype=np.int64)
    by_kind[DUST_TARGET], by_kind[NOISE_SOFTWARE], by_kind[NOISE_EXTERNAL] = TARGET_BIT, SOFTWARE_BIT, EXTERNAL_BIT
    trigid = by_kind[kind]
    delay = np.repeat(((8 * setup.trigoffset - 1) % 1024)[:, None], 3, axis=1)
    commanded = (kind == NOISE_SOFTWARE) | (kind == NOISE_EXTERNAL)
    for c in range(3):
        above = tof[c] > setup.level[:, c, None]
        samples = BLOCK_HIGH * (setup.hs_pre + 1) - 1 - np.argmax(above, axis=1)
        hit = above.any(axis=1) & (setup.mode[:, c] > 0) & (samples >= 0) & (samples < 1023) & ~commanded
        delay[hit, c] = samples[hit]
        trigid[hit] |= TOF_BITS[c]
    return trigid, delay


def _low_rate(
    rng: np.random.Generator,
    particles: Particles,
    setup: Setup,
    baseline: NDArray[np.float64],
    factor: NDArray[np.float64],
    impact: NDArray[np.float64],
) -> list[NDArray[np.int16]]:
    """Return the target and ion-grid channels, int16, each of shape (n, 512)."""
    n = impact.size
    t = DT_LOW * (np.arange(SAMPLES_LOW) - BLOCK_LOW * (setup.ls_pre[:, None] + 1)) - np.nan_to_num(impact)[:, None]
    shape = pulse(t, particles.rise, particles.decay)
    channels = []
    for c, charge in ((3, particles.charge), (4, particles.charge), (5, particles.ion_charge)):
        noise = rng.standard_normal((n, SAMPLES_LOW))
        _correlated(noise, CORRELATIONS[c])
        value = baseline[:, c, None] + charge[:, None] * shape / factor[c] + SIGMAS[c] * noise
        channels.append(np.clip(np.rint(value), 0, FULL_SCALES[c]).astype(np.int16))
    return channels
