"""What ``idex-housekeeping`` asks the catalog: readings of the headers by day, and what the fits make of the pulser."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, literal, select, text

from archive.catalog.schema import event
from archive.instruments.idex.calibration import HOUSEKEEPING, newest, segments
from archive.instruments.idex.limits import LimitTable, shipped
from archive.instruments.idex.tables import event as idex_event
from archive.instruments.idex.tables import event_header, event_housekeeping
from monitors.base import Trend
from monitors.checks.idex.trends import DAY, made, shares

#: Above this a high voltage counts as on, V: below, its reading is no trend.
HV_ON = 50.0

#: Target voltage of the flight model on the bench in 2023, V: at it the flight times count as nominal.
NOMINAL_TARGET = 2500.0

PULSER_CHARGES = text(
    """
    select date_trunc('day', a.t, 'UTC') as day, p.channel as series, count(p.charge) as n,
           percentile_cont(array[0.16, 0.5, 0.84]) within group (order by p.charge) as pulser_charge
    from analysis.idex_analysed a
    join idex.pulse_analysis p on p.event_analysis_id = a.event_analysis_id and p.charge is not null
    where a.t >= :start and a.t < :stop and a.pulser
    group by 1, 2 order by 1, 2
    """
)

PULSER_LINES = text(
    """
    select date_trunc('day', a.t, 'UTC') as day, 'TOF' as series, count(*) as n,
           percentile_cont(array[0.16, 0.5, 0.84]) within group (order by l.area) as pulser_area
    from analysis.idex_analysed a
    cross join lateral (
        select f.values[1] as area from core.fit f
        where f.event_analysis_id = a.event_analysis_id and f.channel = 'TOF' and f.values[1] is not null
        order by f.values[1] desc limit 1
    ) l
    where a.t >= :start and a.t < :stop and a.pulser
    group by 1 order by 1
    """
)

READINGS: Mapping[str, Mapping[str, Any]] = newest(HOUSEKEEPING)["values"]


def points(conn: Connection, start: datetime, stop: datetime, limits: LimitTable) -> list[Trend]:
    """Return the points of days with events."""
    found: list[Trend] = []
    for reading in conn.execute(_readings(start, stop)).mappings():
        found += _points_of(reading, limits)
    span = {"start": start, "stop": stop}
    for row in conn.execute(PULSER_CHARGES, span).all():
        found.append(made(row, "pulser_charge", row.series, "pC", limits))
    for row in conn.execute(PULSER_LINES, span).all():
        found.append(made(row, "pulser_area", row.series, "mA us", limits))
    return found


def counts_known() -> dict[str, tuple[int, int]]:
    """Return the counts for which a reading means something: those of its segments, or those that its limits say."""
    found = {name: (least, most) for name, (least, most) in shipped()["segments"].items()}
    for name, reading in READINGS.items():
        if "segments" in reading:
            pieces = segments(reading)
            found[name] = (pieces[0][0], max(last for _, last, _ in pieces))
    return found


def _readings(start: datetime, stop: datetime) -> Any:
    """Return the statement: a row a day with least, middle and greatest of each reading, and counts out of segments."""
    day = func.date_trunc("day", event.c.t, literal("UTC")).label("day")
    columns: list[Any] = [day, func.count().label("n")]
    for name in READINGS:
        column = event_housekeeping.c[name]
        on = column > HV_ON if name in shipped()["high_voltage"] else column.is_not(None)
        columns += [
            func.count().filter(on).label(f"{name}:n"),
            func.min(column).filter(on).label(f"{name}:low"),
            func.percentile_cont(0.5).within_group(column).filter(on).label(f"{name}:value"),
            func.max(column).filter(on).label(f"{name}:high"),
        ]
    for name, (least, most) in counts_known().items():
        word = event_header.c[READINGS[name]["word"]]
        count = word.op(">>")(int(READINGS[name]["shift"])).op("&")(0xFFF)
        columns.append(func.count().filter(~count.between(least, most)).label(f"{name}:out"))
    query = (
        select(*columns)
        .join(idex_event, idex_event.c.event_id == event.c.id)
        .join(event_housekeeping, event_housekeeping.c.event_id == event.c.id)
        .join(event_header, event_header.c.event_id == event.c.id)
        .where(idex_event.c.clock_set, event.c.t >= start, event.c.t < stop)
    )
    return query.group_by(day).order_by(day)


def _points_of(row: Mapping[Any, Any], limits: LimitTable) -> list[Trend]:
    day, found = row["day"], []
    for name, reading in READINGS.items():
        if row[f"{name}:n"]:
            found.append(
                Trend(
                    name, "", day, day + DAY, row[f"{name}:value"], row[f"{name}:n"], reading["unit"],
                    row[f"{name}:low"], row[f"{name}:high"], limits.of(name),
                )
            )  # fmt: skip
    for name in counts_known():
        point = shares("share_out_of_segment", name, day, row[f"{name}:out"], row["n"], limits)
        found += [point] if point is not None else []
    voltage = [row[f"target_voltage:{which}"] for which in ("high", "value", "low")]
    if row["target_voltage:n"]:
        low, middle, high = ((NOMINAL_TARGET / each) ** 0.5 for each in voltage)
        found.append(
            Trend(
                "flight_time_scale", "", day, day + DAY, middle, row["target_voltage:n"], "", low, high,
                limits.of("flight_time_scale"),
            )
        )  # fmt: skip
    return found
