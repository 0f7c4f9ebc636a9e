"""The page of definitions: fields of the event header, its housekeeping with a calculator, and calibrations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from archive.instruments.idex import calibration
from archive.instruments.idex.fields import ENUMERATIONS, FIELDS
from monitors.site import queries, tables
from monitors.site.calibration_table import calibration_table
from monitors.site.dashboards import Making
from monitors.site.tables import Column, Table
from monitors.site.text import count
from monitors.site.typed import SPELLED

PATH = "instruments/idex/definitions.html"

Segment = Mapping[str, Any]


def publish(making: Making) -> None:
    """Write the page, from the calibrations in the catalog."""
    rows = queries.CALIBRATIONS.rows(making.conn, instrument_id=making.instrument)
    records = [row for row in rows if row["name"] == calibration.HOUSEKEEPING and row["newest"]]
    # JSONB forgets the order of names: that of the header is restored.
    read = sorted(records[0]["values"].items(), key=lambda item: (item[1]["word"], item[1]["shift"])) if records else []
    values: Mapping[str, Any] = dict(read)
    making.page(
        "idex/definitions.html", PATH, "Definitions",
        summary=f"{count(len(FIELDS))} fields of the event header, {count(len(values))} housekeeping readings",
        version=records[0]["version"] if records else None, origin=records[0]["origin"] if records else "",
        fields=field_table(), readings=reading_table(values),
        calibrations=calibration_table(rows),
        calculator=[calculated(name, entry) for name, entry in values.items()], largest=calibration.FULL_COUNT,
        statements=[("Calibrations", queries.CALIBRATIONS.shown(instrument_id=making.instrument))],
    )  # fmt: skip


def field_table() -> Table:
    """Return every field of the event header: name, place, width, values, meaning."""
    columns = (
        Column("Field", kind="name"), Column("First bit", kind="number"), Column("Bits", kind="number"),
        Column("Byte", kind="number"), Column("Greatest value", kind="number"), Column("Values"),
    )  # fmt: skip
    table = Table((*columns, Column("Meaning", kind="prose")), filterable=True)
    for field in FIELDS:
        words = ENUMERATIONS.get(field.name, ())
        table.rows.append(
            [
                tables.words(field.name, href=f"instruments/idex/trends.html#y=header.{field.name}"),
                tables.number(field.bit, "d"),
                tables.number(field.bits, "d"),
                tables.number(field.bit // 8, "d"),
                tables.number(2**field.bits - 1, "d"),
                tables.words(", ".join(f"{number} {word}" for number, word in enumerate(words))),
                tables.words(field.meaning),
            ]
        )
    return table


def reading_table(values: Mapping[str, Any]) -> Table:
    """Return every housekeeping reading: where its count lies, its polynomial, and the range it gives."""
    columns = (
        Column("Reading"), Column("Title", kind="prose"), Column("Word"), Column("Bits"), Column("Unit"),
        Column("Counts"), Column("Polynomial", "of the count DN", "prose"),
    )  # fmt: skip
    table = Table((*columns, Column("Values over the range")), filterable=True)
    for name, entry in values.items():
        for segment in segments(entry):
            ends = [polynomial(segment["coefficients"], dn) for dn in (segment["from"], segment["to"])]
            table.rows.append(
                [
                    tables.words(name, href=f"instruments/idex/trends.html#y=hk.{name}"),
                    tables.words(entry["title"]),
                    tables.words(entry["word"]),
                    tables.words(f"{entry['shift']}–{entry['shift'] + 11}"),
                    tables.words(SPELLED.get(entry["unit"], entry["unit"])),
                    tables.words(f"{segment['from']}–{segment['to']}"),
                    tables.words(formula(segment["coefficients"])),
                    tables.words(f"{ends[0]:.5g} to {ends[1]:.5g}"),
                ]
            )
    return table


def calculated(name: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the calculator needs of a reading."""
    unit = SPELLED.get(entry["unit"], entry["unit"])
    return {
        "name": name, "title": entry["title"], "unit": unit, "word": entry["word"], "shift": entry["shift"],
        "segments": list(segments(entry)),
    }  # fmt: skip


def segments(entry: Mapping[str, Any]) -> Sequence[Segment]:
    """Return the polynomials of a reading with the counts each is for; one without segments is for all 12 bits."""
    return [{"from": first, "to": last, "coefficients": held} for first, last, held in calibration.segments(entry)]


def polynomial(coefficients: Sequence[float], dn: float) -> float:
    """Return sum of c_i DN^i (IDEX packet definition, section 8)."""
    value = 0.0
    for coefficient in reversed(coefficients):
        value = value * dn + coefficient
    return value


def formula(coefficients: Sequence[float]) -> str:
    """Return a polynomial as text, the constant first; terms of 0 are left out."""
    powers = ("", " DN", *(f" DN^{power}" for power in range(2, len(coefficients))))
    terms = [f"{c:.7g}{power}" for c, power in zip(coefficients, powers, strict=False) if c]
    return " + ".join(terms).replace("+ -", "− ") or "0"
