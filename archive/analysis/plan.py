"""Which events of a product are to be analysed, with which calibrations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from archive.catalog import calibrations
from archive.catalog.calibrations import Known, Label
from archive.catalog.schema import event, event_analysis, event_product, file, file_parent
from archive.errors import NotFound
from archive.instruments.base import Analysis
from archive.jobs.requests import digest

#: Key in ``core.file.header`` of an assembled product, and the mark in ``core.event.preference`` of its events.
TAG, ASSEMBLED = "assembly", "~"

#: Digits of ``core.event.preference`` before the name of the source.
PARTS = 10

#: Events that are analysed at a time.
BATCH = 64


@dataclass(frozen=True, slots=True)
class Target:
    """A product file: its key, path below the archive home, and the name of the copy of events that it holds."""

    file_id: int
    relpath: str
    source: str


@dataclass(frozen=True, slots=True)
class Subject:
    """An event in a product."""

    event_id: int
    record: int
    t: datetime


@dataclass(frozen=True, slots=True)
class Inputs:
    """What decides the result beside the data: settings and calibrations, with a hash of both."""

    values: Mapping[str, Any]
    told: Mapping[str, Any]
    settings_hash: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Events that are analysed together: near each other, with the same inputs."""

    inputs: Inputs
    subjects: Sequence[Subject]


def target(conn: Connection, file_id: int) -> Target:
    """Return a product by its key.

    Raises
    ------
    NotFound
        When it is not there or not readable.
    """
    row = conn.execute(select(file.c.relpath, file.c.state, file.c.header).where(file.c.id == file_id)).one_or_none()
    if row is None or row.state != "available":
        raise NotFound(f"The product {file_id} is not there; `pinakes verify` says what is lost.")
    if TAG in row.header:
        return Target(file_id, row.relpath, f"{ASSEMBLED}{row.header[TAG]}")
    parent = file.alias("parent")
    query = select(parent.c.sha256).join(file_parent, file_parent.c.parent_id == parent.c.id)
    found = conn.execute(query.where(file_parent.c.file_id == file_id).order_by(parent.c.id).limit(1)).scalar()
    return Target(file_id, row.relpath, found or "")


def subjects(conn: Connection, chosen: Target, event_ids: Sequence[int] | None = None) -> list[Subject]:
    """Return the events of a product whose best copy it holds, in order of their records."""
    query = (
        select(event.c.id, event_product.c.record, event.c.t.label("at"))
        .join(event_product, event_product.c.event_id == event.c.id)
        .where(
            event_product.c.file_id == chosen.file_id,
            func.substr(event.c.preference, PARTS + 1) == chosen.source,
        )
        .order_by(event_product.c.record)
    )
    if event_ids is not None:
        query = query.where(event.c.id.in_(event_ids))
    return [Subject(row.id, row.record, row.at) for row in conn.execute(query)]


def batches(
    conn: Connection, owner: str, analysis: Analysis, events: Sequence[Subject], size: int = BATCH
) -> Iterator[Batch]:
    """Cut events into batches of near records with the same calibrations."""
    known = calibrations.known(conn, owner, analysis.calibrations)
    open_: list[Subject] = []
    current: Inputs | None = None
    for each in events:
        inputs = _inputs(analysis, known, each.t)
        apart = bool(open_) and each.record - open_[0].record >= size
        if open_ and (apart or current is None or inputs.settings_hash != current.settings_hash):
            assert current is not None
            yield Batch(current, open_)
            open_ = []
        current = inputs
        open_.append(each)
    if open_ and current is not None:
        yield Batch(current, open_)


def analysed(conn: Connection, analysis: Analysis, chosen: Target, batch: Batch) -> set[int]:
    """Return the events of a batch that have their automatic analysis."""
    query = select(event_analysis.c.event_id).where(
        event_analysis.c.event_id.in_([each.event_id for each in batch.subjects]),
        event_analysis.c.analysis == analysis.name,
        event_analysis.c.version == analysis.version,
        event_analysis.c.settings_hash == batch.inputs.settings_hash,
        event_analysis.c.source == chosen.source,
        event_analysis.c.override_id.is_(None),
    )
    return set(conn.execute(query).scalars())


def values_of(known: Known, versions: Mapping[str, Label | None], at: datetime) -> dict[str, Any]:
    """Return the values of the calibrations of these versions at a time; None for one that is not there."""
    return {
        name: next((each.values for each in records if each.label == versions.get(name) and each.covers(at)), None)
        for name, records in known.items()
    }


def _inputs(analysis: Analysis, known: Known, at: datetime) -> Inputs:
    found = {name: calibrations.chosen(records, at) for name, records in known.items()}
    told: dict[str, Any] = {
        "settings": dict(analysis.settings()),
        "calibrations": {name: each and each.label for name, each in found.items()},
    }
    # What was taken back is told too: else the hash would be that of an older analysis, and none would be made anew.
    back = {name: calibrations.taken_back(records, at) for name, records in known.items()}
    back = {name: number for name, number in back.items() if number and not _local(found[name])}
    if back:
        told["withdrawn"] = back
    return Inputs({name: each and each.values for name, each in found.items()}, told, digest(told))


def _local(record: calibrations.Record | None) -> bool:
    return record is not None and record.source == calibrations.LOCAL
