"""The page of quality: signal-to-noise, mass scales, saturation, fits without a result, and every status word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from archive.instruments.idex.analysis.settings import PULSES
from archive.instruments.idex.layout import CHANNELS
from archive.numerics import status
from monitors.site import tables
from monitors.site.columns import newest_columns
from monitors.site.dashboards import Making
from monitors.site.explorer import statements
from monitors.site.figures import Plot
from monitors.site.histograms import histogram, histogram_plot, periods, shares_plot, spread_plot
from monitors.site.idex.quantities import failures, sources, spoken
from monitors.site.tables import Column, Table
from monitors.site.text import count

PATH = "instruments/idex/quality.html"
EXPLORER = "instruments/idex/explorer.html"

#: Requirement lines of the signal-to-noise ratio (IDEX science definition, section 5).
REQUIRED: Final = (3.0, 6.0)

#: Colour of each channel, as in the event viewer.
COLOURS: Final = {channel.name: f"channel-{number}" for number, channel in enumerate(CHANNELS, start=1)}

#: Histograms of the mass scale: quantity and its label.
SCALE: Final = {
    "scale.stretch": "Stretch a1 (µs/√u)",
    "scale.shift": "Shift t0 (µs from the first sample)",
    "scale.kappa": "kappa (u), signed",
    "scale.kappa_rms": "kappa RMS (u)",
}

#: What has status words: quantity, and its name for people.
SPOKEN_OF: Final = {
    "analysis.status": "Whole event",
    **{f"{channel.name.lower()}.status": f"Signal of {spoken(channel.name)}" for channel in CHANNELS},
    **{f"{channel.lower()}.pulse.status": f"Pulse of {spoken(channel)}" for channel in PULSES},
    "lines.status": "Lines of the spectrum",
    "scale.status": "Mass scale",
    "particle.status": "Particle",
    "composition.status": "Composition",
}

#: Words that say that all is well.
GOOD: Final = frozenset({"ok"})

Numbers = Mapping[str, NDArray[np.float64]]
Words = Mapping[str, tuple[NDArray[np.int32], list[str]]]


def publish(making: Making) -> None:
    """Write the page."""
    snr = {channel.name: f"{channel.name.lower()}.snr" for channel in CHANNELS}
    saturated = {channel.name: f"{channel.name.lower()}.saturated" for channel in CHANNELS}
    names = ["event.t", "event.science", "scale.lines", "scale.merged_snr", *SCALE, *snr.values(), *saturated.values(),
             *SPOKEN_OF]  # fmt: skip
    found: Any = newest_columns(making, sources(), names)
    science = found["event.science"] == 1
    analysed = found["analysis.status"][0] > 0
    channels, table = signal(found, snr, science)
    spread, drawn, of = spread_plot(
        found["scale.merged_snr"][science], found["scale.kappa"][science],
        ("SNR of the merged spectrum", "kappa (u), signed"), "figure-spread",
    )  # fmt: skip
    number, starts, period = periods(found["event.t"])
    making.page(
        "idex/quality.html", PATH, "Signal and fit quality",
        summary=f"{count(int(science.sum()))} science events of {count(int(analysed.sum()))} analysed ones",
        empty=not analysed.any(), channels=channels, snr=table,
        scale=[(name.rpartition(".")[2], plot, label) for name, plot, label in scale(found, science)],
        spread=spread, spread_caption=f"SNR and kappa of {count(drawn)} of {count(of)} science events",
        saturation=shares_plot(starts, saturation(found, saturated, number, len(starts)), "Share of events saturated",
                               "figure-saturation"),
        failed=shares_plot(starts, without_result(found, number, len(starts)), "Share of science events",
                           "figure-failed"),
        period=period, words=word_table(found), statements=statements(making, sources()),
    )  # fmt: skip


def signal(
    found: Numbers, snr: Mapping[str, str], science: NDArray[np.bool_]
) -> tuple[list[tuple[str, Plot | None, str]], Table]:
    """Return a histogram of the SNR of each channel, and what passes the requirement lines."""
    numbers = [Column("Events", kind="number"), Column("Median SNR", kind="number")]
    shares = [Column(f"SNR ≥ {line:g}", kind="number") for line in REQUIRED]
    table = Table((Column("Channel"), *numbers, *shares, Column("No SNR", kind="number")))
    plots: list[tuple[str, Plot | None, str]] = []
    for channel, name in snr.items():
        values = found[name][science]
        there = values[np.isfinite(values)]
        shown = histogram(values, log=True)
        element = f"snr-{channel.lower()}"
        plot = None
        if shown is not None:
            plot = histogram_plot(shown, "SNR", f"figure-{element}", log=True, lines=REQUIRED, colour=COLOURS[channel])
        plots.append((element, plot, spoken(channel)))
        passed = [tables.share(float((there >= line).mean()) if there.size else None) for line in REQUIRED]
        table.rows.append(
            [
                tables.words(spoken(channel), href=f"{EXPLORER}#{_look(name)}"),
                tables.number(int(values.size)),
                tables.number(float(np.median(there)) if there.size else None, ".3g"),
                *passed,
                tables.number(int(values.size - there.size)),
            ]
        )
    return plots, table


def scale(found: Numbers, science: NDArray[np.bool_]) -> list[tuple[str, Plot | None, str]]:
    """Return the histograms of the mass scale."""
    plots: list[tuple[str, Plot | None, str]] = []
    for name, label in SCALE.items():
        shown = histogram(found[name][science])
        plot = None if shown is None else histogram_plot(shown, label, f"figure-{name.rpartition('.')[2]}")
        plots.append((name, plot, label))
    return plots


def saturation(found: Numbers, names: Mapping[str, str], number: NDArray[np.int64], size: int) -> dict[str, Any]:
    """Return saturated events, events and colour by channel, each per period."""
    series = {}
    for channel, name in names.items():
        there = np.isfinite(found[name]) & (number >= 0)
        hits = np.bincount(number[there & (found[name] == 1)], minlength=size)
        series[spoken(channel)] = (hits, np.bincount(number[there], minlength=size), COLOURS[channel])
    return series


def without_result(found: Any, number: NDArray[np.int64], size: int) -> dict[str, Any]:
    """Return science events whose fit has no result, science events analysed, and colour, each per period."""
    science = (found["event.science"] == 1) & (number >= 0)
    failed = set(failures())
    series = {}
    for channel in PULSES:
        codes, words = found[f"{channel.lower()}.pulse.status"]
        bad = np.array([False, *(bool(failed & set(word.split())) for word in words)])[codes]
        there = science & (codes > 0)
        hits = np.bincount(number[there & bad], minlength=size)
        series[spoken(channel)] = (hits, np.bincount(number[there], minlength=size), COLOURS[channel])
    there = science & np.isfinite(found["scale.lines"])
    bare = np.bincount(number[there & (found["scale.lines"] == 0)], minlength=size)
    series["No line at all"] = (bare, np.bincount(number[there], minlength=size), "unknown")
    return series


def word_table(found: Words) -> Table:
    """Return how many events each status word has, with a link that shows them."""
    columns = (Column("Of"), Column("Word"), Column("Events", kind="number"), Column("Share", kind="number"))
    table = Table((*columns, Column("What it says", kind="prose")), empty="No event is analysed yet.")
    meanings = word_meanings()
    for name, label in SPOKEN_OF.items():
        codes, texts = found[name]
        counts = np.bincount(codes, minlength=len(texts) + 1)[1:]
        total, by_word = int(counts.sum()), dict[str, int]()
        for text, events in zip(texts, counts.tolist(), strict=True):
            for word in set(text.split()):
                by_word[word] = by_word.get(word, 0) + events
        for word, events in sorted(by_word.items(), key=lambda item: (-item[1], item[0])):
            href = f"{EXPLORER}#{_look('event.t', name, word)}"
            table.rows.append(
                [
                    tables.words(label),
                    tables.words(word, state="ok" if word in GOOD else "info"),
                    tables.number(events, href=href),
                    tables.share(events / total),
                    tables.words(meanings.get(word, "")),
                ]
            )
    return table


def word_meanings() -> dict[str, str]:
    """Return what each status word says, for a person."""
    # These modules fit and transform; they are loaded only when the page is made.
    from archive.instruments.idex.analysis import chain, composition, particles, spectrum, waveforms

    found = {"ok": "nothing is to be said"}
    for module in (particles, composition, spectrum, chain, waveforms):
        found |= module.MEANING
    return found | dict(status.MEANING.values())


def _look(y: str, name: str = "", word: str = "") -> str:
    """Return the part of the explorer's address that shows a quantity through time, or the events with a word."""
    if not name:
        return f"x=event.t&y={y}&ly=1&c=event.kind"
    return f"x=particle.speed&y=particle.charge&lx=1&ly=1&c=event.kind&cut={quote(f'{name}~4~{word}')}"
