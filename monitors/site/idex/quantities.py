"""Everything that is known of each IDEX event, as quantities for the browser: from the tables and their comments."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any, Final

from sqlalchemy import Boolean, Table, Text

from archive.instruments.idex.analysis.settings import LINE, PULSE, PULSES, TOF
from archive.instruments.idex.analysis.tables import (
    channel_analysis,
    composition_analysis,
    particle_analysis,
    pulse_analysis,
    spectrum_analysis,
)
from archive.instruments.idex.calibration import HOUSEKEEPING, newest
from archive.instruments.idex.fields import FIELDS
from archive.instruments.idex.layout import CHANNELS
from archive.instruments.idex.tables import event
from archive.model import FLAG_ASSEMBLED, FLAG_CONFLICTING, FLAG_DAMAGED, FLAG_INCOMPLETE
from archive.numerics import status
from monitors.site.columns import Quantity, Source
from monitors.site.typed import SPELLED, described

#: Elements whose atomic fractions are quantities of their own.
ELEMENTS: Final = ("H", "C", "N", "O", "Na", "Mg", "Al", "Si", "P", "S", "Cl", "K", "Ca", "Ti", "Cr", "Mn", "Fe", "Ni")

#: Nominal masses of the olivine report, u, and how far a line may lie off one (IDEX science definition, section 17.6).
NOMINAL: Final = (1, 12, 16, 23, 24, 25, 26, 28, 29, 30, 39, 54, 56, 57, 58)
REACH: Final = 0.6

#: Columns of ``idex.channel_analysis`` in the unit of the channel.
IN_UNIT_OF_CHANNEL: Final = frozenset(
    {"baseline", "noise", "robust_baseline", "robust_noise", "noise_mean", "noise_sigma", "noise_median",
     "noise_robust", "noise_poisson", "line_amplitude"}
)  # fmt: skip

#: Units that the comment of a column does not end with.
UNITS: Final = {"scale.kappa": "u"}

#: The analysis of each event that counts, of the events in question only.
CURRENT: Final = (
    "\nleft join (select * from analysis.current_analyses where event_id between :low and :high) a "
    "on a.event_id = e.id and a.analysis = 'idex'"
)

FLAGS: Final = {
    "incomplete": (FLAG_INCOMPLETE, "Whether parts of the event are missing."),
    "conflicting": (FLAG_CONFLICTING, "Whether complete copies of the event differ."),
    "damaged": (FLAG_DAMAGED, "Whether bytes of the event are damaged."),
    "assembled": (FLAG_ASSEMBLED, "Whether the event was put together from several files."),
}

TIME: Final = Quantity(
    "event.t", "Time", "s", "Event", "Event time, UTC, seconds since 1970.", "extract(epoch from e.t)", exact=True
)
KIND: Final = Quantity("event.kind", "Kind", "", "Event", "Kind of event, for example dust.", "e.kind", words=True)


@cache
def sources() -> tuple[Source, ...]:
    """Return every quantity of an event, by the statement that reads it."""
    return (_events(), _housekeeping(), _header(), *_levels(), *_pulses(), _results(), _nominal())


def find(*names: str) -> list[Quantity]:
    """Return quantities of `sources` by name."""
    known = {quantity.name: quantity for source in sources() for quantity in source.quantities}
    return [known[name] for name in names]


def spoken(name: str) -> str:
    """Return the name of a channel or column for people."""
    shown = name.replace("_", " ")
    return shown[:1].upper() + shown[1:]


def _columns(table: Table, alias: str, prefix: str, group: str, *, without: tuple[str, ...] = ()) -> list[Quantity]:
    """Return the columns of a table that hold one number or a few words."""
    found = []
    for column in table.columns:
        if column.name in {"event_id", "event_analysis_id", "channel", "line", "reason", *without}:
            continue
        kind: Any = column.type
        words = isinstance(kind, Text)
        if not words and not isinstance(kind, Boolean) and kind.python_type not in (int, float):
            continue
        unit, meaning = described(column)
        if unit == "atoms":  # what a fraction is of, not a unit
            unit, meaning = "", column.comment or ""
        unit = UNITS.get(f"{prefix}.{column.name}", unit)
        sql = f'{alias}."{column.name}"' + ("::int" if isinstance(kind, Boolean) else "")
        found.append(Quantity(f"{prefix}.{column.name}", spoken(column.name), unit, group, meaning, sql, words))
    return found


def _events() -> Source:
    flags = [
        Quantity(f"flag.{name}", spoken(name), "", "Event", meaning, f"((e.flags & {bit}) <> 0)::int")
        for name, (bit, meaning) in FLAGS.items()
    ]
    number = Quantity("event.id", "Catalog number", "", "Event", "Number of the event in the catalog.", "e.id")
    mine = _columns(event, "x", "event", "Event")
    join = "\nleft join idex.event x on x.event_id = e.id"
    return Source("events", join, (TIME, KIND, number, *flags, *mine))


def _housekeeping() -> Source:
    quantities = tuple(
        Quantity(
            f"hk.{name}", entry["title"], SPELLED.get(entry["unit"], entry["unit"]), "Housekeeping",
            "Housekeeping of the event header, converted.", f'x."{name}"',
        )
        for name, entry in newest(HOUSEKEEPING)["values"].items()
    )  # fmt: skip
    return Source("housekeeping", "\nleft join idex.event_housekeeping x on x.event_id = e.id", quantities)


def _header() -> Source:
    quantities = tuple(
        Quantity(f"header.{field.name}", field.name, "", "Header, raw", field.meaning, f'x."{field.name}"')
        for field in FIELDS
    )
    return Source("header", "\nleft join idex.event_header x on x.event_id = e.id", quantities)


def _levels() -> list[Source]:
    found = []
    for channel in CHANNELS:
        join = (
            f"{CURRENT}\nleft join idex.channel_analysis x on x.event_analysis_id = a.id "
            f"and x.channel = '{channel.name}'"
        )
        group = f"Signal of {spoken(channel.name)}"
        unit = "mA" if channel.name.startswith("TOF") else "pC"
        mine = [
            replace(quantity, unit=unit) if quantity.name.rpartition(".")[2] in IN_UNIT_OF_CHANNEL else quantity
            for quantity in _columns(channel_analysis, "x", channel.name.lower(), group, without=("unit",))
        ]
        found.append(Source(f"level_{channel.name.lower()}", join, tuple(mine)))
    return found


def _pulses() -> list[Source]:
    found = []
    for channel in PULSES:
        prefix, group = f"{channel.lower()}.pulse", f"Pulse of {spoken(channel)}"
        join = (
            f"{CURRENT}\nleft join core.fit f on f.event_analysis_id = a.id and f.channel = '{channel}' and f.line = 0"
            "\nleft join idex.pulse_analysis x on x.event_analysis_id = a.id "
            f"and x.channel = '{channel}' and x.line = 0"
        )
        fitted = []
        for place, (name, unit, meaning) in enumerate(PULSE.parameters, start=1):
            shown, error = SPELLED.get(unit, unit), f"Standard error of {name}."
            fitted += [
                Quantity(f"{prefix}.{name}", spoken(name), shown, group, meaning, f"f.values[{place}]"),
                Quantity(f"{prefix}.{name}_error", f"{spoken(name)}, error", shown, group, error, f"f.errors[{place}]"),
            ]
        quality = [
            Quantity(f"{prefix}.residuals", "Squared residuals", "pC²", group, "Their sum over the window.", "f.chi2"),
            Quantity(f"{prefix}.chi2", "Chi-square", "", group, "Sum of squared residuals over the noise squared.",
                     "f.chi2/nullif(x.noise, 0)^2"),
            Quantity(f"{prefix}.dof", "Degrees of freedom", "", group, "Degrees of freedom of the window.", "f.dof"),
            Quantity(f"{prefix}.reduced_chi2", "Reduced chi-square", "", group, "Chi-square over degrees of freedom.",
                     "f.chi2/nullif(f.dof, 0)/nullif(x.noise, 0)^2"),
            Quantity(f"{prefix}.status", "Status of the fit", "", group, "Words of the fit, parted by blanks.",
                     "f.status", words=True),
        ]  # fmt: skip
        found.append(
            Source(f"pulse_{channel.lower()}", join, (*fitted, *quality, *_columns(pulse_analysis, "x", prefix, group)))
        )
    return found


def _results() -> Source:
    """Particle, mass scale, lines and composition: one row an analysis."""
    join = CURRENT + (
        "\nleft join idex.particle_analysis p on p.event_analysis_id = a.id"
        "\nleft join idex.spectrum_analysis s on s.event_analysis_id = a.id"
        "\nleft join idex.composition_analysis c on c.event_analysis_id = a.id"
    )
    failed = " | ".join(f"f.status ~ '\\m{word}\\M'" for word in failures())
    of_lines = f"from core.fit f where f.event_analysis_id = a.id and f.channel = '{TOF}'"
    lines = "Lines of the spectrum"
    own = [
        Quantity("particle.channel", "Target channel", "", "Particle", "Target channel that counts.", "p.channel",
                 words=True),
        Quantity("analysis.origin", "Origin", "", "Analysis", "automatic, or override by an analyst.", "a.origin",
                 words=True),
        Quantity("analysis.status", "Status", "", "Analysis", "What the whole event has against it.", "a.status",
                 words=True),
        Quantity("scale.shift", "Shift", "µs", "Mass scale", "t0 of the mass scale, from the first sample.",
                 "s.coefficients[1]"),
        Quantity("scale.stretch", "Stretch", "µs/√u", "Mass scale", "a1 of the mass scale.", "s.coefficients[2]"),
        Quantity("lines.failed", "Lines without a result", "", lines, "Lines whose fit failed.",
                 f"(select count(*) filter (where {failed.replace(' | ', ' or ')}) {of_lines})"),
        Quantity("lines.area", "Area of all lines", "mA µs", lines, LINE.parameters[0][2],
                 f"(select sum(f.values[1]) {of_lines})"),
        Quantity("lines.status", "Words of all lines", "", lines, "Every word of the fits of its lines.",
                 "(select string_agg(distinct w, ' ' order by w) "
                 f"{of_lines.replace(' where', ', unnest(string_to_array(f.status, chr(32))) w where')})", True),
        *(
            Quantity(f"atoms.{name.lower()}", f"{name}, atomic fraction", "", "Composition",
                     f"Atoms of {name} among those of all lines with a species.", f"(c.elements ->> '{name}')::float8")
            for name in ELEMENTS
        ),
    ]  # fmt: skip
    tables = [
        *_columns(particle_analysis, "p", "particle", "Particle"),
        *_columns(spectrum_analysis, "s", "scale", "Mass scale"),
        *_columns(composition_analysis, "c", "composition", "Composition"),
    ]
    return Source("results", join, (*tables, *own))


def _nominal() -> Source:
    """Areas by nominal mass: a line belongs to the nearest one within reach."""
    areas, quantities = [], []
    for place, mass in enumerate(NOMINAL):
        low, high = mass - REACH, mass + REACH
        if place > 0:
            low = max(low, (NOMINAL[place - 1] + mass) / 2)
        if place + 1 < len(NOMINAL):
            high = min(high, (mass + NOMINAL[place + 1]) / 2)
        areas.append(f"sum(f.values[1]) filter (where l.mass >= {low:g} and l.mass < {high:g}) as m{mass}")
        meaning = f"Area of the lines from {low:g} to {high:g} u."
        quantities.append(
            Quantity(f"nominal.m{mass}", f"Area at {mass} u", "mA µs", "Lines by nominal mass", meaning, f"n.m{mass}")
        )
    quantities.append(
        Quantity("nominal.first", "First line", "µs", "Lines by nominal mass",
                 "Time of the maximum of the first line, from the trigger.", "n.first")
    )  # fmt: skip
    join = (
        f"{CURRENT}\nleft join lateral (select min(l.mode) as first, {', '.join(areas)} from idex.line_analysis l "  # noqa: S608
        "join core.fit f using (event_analysis_id, channel, line) where l.event_analysis_id = a.id) n on true"
    )
    return Source("nominal", join, tuple(quantities))


def failures() -> list[str]:
    """Return the words of a fit that has no result."""
    return list(status.words(status.FAILED))
