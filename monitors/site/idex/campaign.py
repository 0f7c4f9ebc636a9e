"""Numbers of the campaign report: which events belong together, 21 quantities, abundances, the olivine scaling."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from archive.instruments.idex.analysis.settings import PULSES
from archive.instruments.idex.layout import CHANNELS
from monitors.site.histograms import histogram
from monitors.site.idex.quantities import NOMINAL, spoken

Floats = NDArray[np.float64]

#: Dust events further apart than this belong to different campaigns, s.
APART: Final = 30 * 86_400.0

#: Isotopes of the three elements, u (IDEX science definition, section 17.4), and atoms of Fo90 (section 17.6).
ISOTOPES: Final[Mapping[str, tuple[int, ...]]] = {"Mg": (24, 25, 26), "Si": (28, 29, 30), "Fe": (54, 56, 57, 58)}
FO90: Final[Mapping[str, float]] = {"Mg": 0.6, "Si": 1 / 3, "Fe": 1 / 15}

#: What the stack of abundances shows: name and nominal masses.
STACK: Final[Mapping[str, tuple[int, ...]]] = {
    "H": (1,), "C": (12,), "O": (16,), "Na": (23,), "Mg": ISOTOPES["Mg"], "Si": ISOTOPES["Si"], "K": (39,),
    "Fe": ISOTOPES["Fe"],
}  # fmt: skip

#: Columns that the report reads.
NAMES: Final = (
    "event.t", "event.clock_set", "event.dust_hit", "event.id", "particle.channel", "particle.charge", "particle.speed",
    "particle.mass", "nominal.first", *(f"nominal.m{mass}" for mass in NOMINAL),
    *(f"{channel.name.lower()}.{what}" for channel in CHANNELS for what in ("snr", "saturated")),
    *(f"{channel.lower()}.pulse.{what}" for channel in PULSES
      for what in ("rise_time", "discharge_time", "time_of_impact", "t10", "chi2", "reduced_chi2")),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Measure:
    """One of the 21 quantities: values of the events, label with unit, requirement lines, whether drawn on log axes."""

    name: str
    label: str
    unit: str
    values: Floats
    lines: tuple[float, ...] = ()
    log: bool = True


@dataclass(frozen=True, slots=True)
class Campaign:
    """Dust events without a gap of more than `APART`.

    Attributes
    ----------
    start, stop
        Times of the first and the last event, UTC.
    found
        Columns `NAMES` of its events, shape (n,) each; words as pairs of numbers and words.
    """

    start: datetime
    stop: datetime
    found: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Day on which it begins, the name of its page."""
        return f"{self.start:%Y-%m-%d}"

    @property
    def fingerprint(self) -> str:
        """Changes when anything of its events changes that the report reads."""
        digest = hashlib.sha256()
        for name, value in self.found.items():
            array, words = value if isinstance(value, tuple) else (value, [])
            digest.update(repr((name, words)).encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]

    @property
    def events(self) -> int:
        """Number of its dust events."""
        return int(self.found["event.t"].size)


def campaigns(found: Mapping[str, Any]) -> list[Campaign]:
    """Return the campaigns among the events of `found`, oldest first, without events of a clock that was not set."""
    time = found["event.t"]
    dust = np.flatnonzero((found["event.dust_hit"] == 1) & (found["event.clock_set"] == 1) & np.isfinite(time))
    order = dust[np.argsort(time[dust], kind="stable")]
    if not order.size:
        return []
    cuts = np.flatnonzero(np.diff(time[order]) > APART) + 1
    made = []
    for part in np.split(order, cuts):
        mine = {
            name: (value[0][part], value[1]) if isinstance(value, tuple) else value[part]
            for name, value in found.items()
        }
        first, last = (datetime.fromtimestamp(float(time[part[end]]), UTC) for end in (0, -1))
        made.append(Campaign(first, last, mine))
    return made


def measures(campaign: Campaign) -> list[Measure]:
    """Return the 21 quantities with their requirement lines (IDEX science definition, section 17.6)."""
    found = campaign.found
    made = [
        Measure(f"snr_{channel.name.lower()}", f"SNR, {spoken(channel.name)}", "", found[f"{channel.name.lower()}.snr"],
                (3.0, 6.0))
        for channel in CHANNELS
    ]  # fmt: skip
    taus: tuple[tuple[str, str, tuple[float, ...]], ...] = (
        ("rise_time", "τr", (0.1, 100.0)), ("discharge_time", "τd", ()),
    )  # fmt: skip
    for what, sign, lines in taus:
        made += [
            Measure(f"{what}_{channel.lower()}", f"{sign}, {spoken(channel)}", "µs",
                    found[f"{channel.lower()}.pulse.{what}"], lines)
            for channel in PULSES
        ]  # fmt: skip
    target, grid, tof = trigger_times(found)
    for name, label, gap in (
        ("ion_grid_tof", "|ion grid − TOF|", grid - tof),
        ("ion_grid_target", "|ion grid − target|", grid - target),
        ("target_tof", "|target − TOF|", target - tof),
    ):
        made.append(Measure(f"trigger_{name}", f"Trigger times, {label}", "µs", np.abs(gap), (20.0,), log=False))
    squares: tuple[tuple[str, str, tuple[float, ...]], ...] = (("chi2", "χ²", ()), ("reduced_chi2", "χ²/dof", (1.0,)))
    for what, label, lines in squares:
        made += [
            Measure(f"{what}_{channel.lower()}", f"{label}, {spoken(channel)}", "",
                    found[f"{channel.lower()}.pulse.{what}"], lines)
            for channel in PULSES
        ]  # fmt: skip
    return made


def trigger_times(found: Mapping[str, Any]) -> tuple[Floats, Floats, Floats]:
    """Return the trigger times of target, ion grid and time-of-flight, us.

    Of pulses the time of 10 %, else the fitted begin; the target is the channel that counts. Of the time-of-flight the
    maximum of the first line.
    """

    def of(channel: str) -> Floats:
        ten, begin = found[f"{channel}.pulse.t10"], found[f"{channel}.pulse.time_of_impact"]
        return np.asarray(np.where(np.isfinite(ten), ten, begin))

    codes, words = found["particle.channel"]
    target = np.full(codes.size, np.nan)
    for number, word in enumerate(words, start=1):
        target[codes == number] = of(word.lower())[codes == number]
    return target, of("ion_grid"), found["nominal.first"]


def summary(values: Floats, *, log: bool = False) -> dict[str, float | int | None]:
    """Return count, least, greatest, mean, median, mode and standard deviation; None where there is none.

    The mode is the middle of the fullest bin of the histogram that is drawn.
    """
    there = values[np.isfinite(values)]
    if not there.size:
        return {"count": 0, **dict.fromkeys(("min", "max", "mean", "median", "mode", "std"))}
    shown = histogram(there, log=log)
    mode = None
    if shown is not None:
        fullest = int(shown.counts.argmax())
        low, high = float(shown.edges[fullest]), float(shown.edges[fullest + 1])
        mode = float(np.sqrt(low * high)) if log else (low + high) / 2
    return {
        "count": int(there.size), "min": float(there.min()), "max": float(there.max()), "mean": float(there.mean()),
        "median": float(np.median(there)), "mode": mode,
        "std": float(there.std(ddof=1)) if there.size > 1 else None,
    }  # fmt: skip


def areas(found: Mapping[str, Any]) -> dict[int, Floats]:
    """Return the area at each nominal mass, 0 where there is no line, NaN for events without any line."""
    by_mass = {mass: found[f"nominal.m{mass}"] for mass in NOMINAL}
    bare = np.logical_and.reduce([~np.isfinite(area) for area in by_mass.values()])
    return {mass: np.where(bare, np.nan, np.nan_to_num(area)) for mass, area in by_mass.items()}


def grouped(found: Mapping[str, Any], groups: Mapping[str, tuple[int, ...]]) -> dict[str, Floats]:
    """Return the summed areas of groups of nominal masses."""
    by_mass = areas(found)
    return {name: np.sum([by_mass[mass] for mass in masses], axis=0) for name, masses in groups.items()}


def relative(found: Mapping[str, Any]) -> dict[str, Floats]:
    """Return the share of each group of `STACK` in the areas of all nominal masses."""
    total = np.sum(list(areas(found).values()), axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return {name: np.where(total > 0, area / total, np.nan) for name, area in grouped(found, STACK).items()}


def scaled_fractions(found: Mapping[str, Any]) -> tuple[dict[str, float], dict[str, Floats]]:
    """Return the factors that make the totals of all events Fo90, and the scaled fractions of each event.

    IDEX science definition, section 17.6: by construction the total is Fo90. This calibrates the sensitivity; it does
    not measure the composition. Events without all three elements have NaN.
    """
    by_element = grouped(found, ISOTOPES)
    whole = np.logical_and.reduce([area > 0 for area in by_element.values()])
    totals = {name: float(area[whole].sum()) for name, area in by_element.items()}
    factors = {name: FO90[name] / total if total > 0 else float("nan") for name, total in totals.items()}
    parts = {name: np.where(whole, factors[name] * area, np.nan) for name, area in by_element.items()}
    every = np.sum(list(parts.values()), axis=0)
    scale = sum(FO90.values())
    return {name: factor / scale for name, factor in factors.items()}, {
        name: part / every for name, part in parts.items()
    }
