"""Products of analyses: files of a higher level, made anew whenever the analyses of their events change.

A product is named by a hash of everything that counts about its events: versions, settings, calibrations, overrides
and the libraries that write it. Equal analyses therefore give the same name and the same bytes, so that asking again
changes nothing. When an analyst speaks or new code computes, a further product is made and the one before is retired:
its bytes stay as they are, and it comes back into its place should everything be taken back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from archive.analysis import derived, plan
from archive.analysis.active import Active, active
from archive.analysis.derived import STATE
from archive.catalog import analyses, calibrations
from archive.catalog.schema import file, file_parent, fit_override, product
from archive.ingest import decoding, rows
from archive.instruments.base import Analysis, Derivation, Instrument, analysis_of, derivation_of, instrument
from archive.jobs import Outcome, Task, ledger
from archive.jobs.requests import digest
from archive.model import Decoded, Interpreted, Origin, Override, ViewColumn

KIND = "derive"

#: Key in ``core.file.header`` of such a product: the product it speaks of.
OF = "derived_from"


@dataclass(frozen=True, slots=True)
class State:
    """The current analyses of a product, the overrides that count, and a hash of both."""

    current: Sequence[Mapping[str, Any]]
    active: Mapping[int, Active]
    digest: str


def run(task: Task) -> Outcome:
    """Carry out a job of the kind ``derive``."""
    owner = instrument(str(task.claim.args["instrument"]))
    analysis = analysis_of(owner)
    derivation = derivation_of(analysis)
    if analysis is None or derivation is None or task.claim.condemned:
        return derived.end(task, "set aside" if task.claim.condemned else "nothing to do")
    rows.registered(task.catalog, owner)
    return derived.in_rounds(task, lambda folder: _round(task, owner, analysis, derivation, folder))


def ask(
    conn: Connection, owner: Instrument, analysis: Analysis, file_id: int, *, parent_id: int | None = None,
    max_attempts: int = 3,
) -> int:  # fmt: skip
    """Ask for the products of every analysed product that shares events with this one and whose analyses changed."""
    derivation = derivation_of(analysis)
    if derivation is None:
        return 0
    sharing = file.c.id.in_(analyses.products_sharing(conn, file_id))
    query = select(file.c.id, file.c.relpath).join(product, product.c.id == file.c.product_id)
    asked = 0
    for row in conn.execute(query.where(sharing, product.c.name == analysis.product, file.c.state == "available")):
        now = state_of(conn, derivation, row.id)
        if derived.there(conn, _about(row.relpath), state=now.digest if now.current else None):
            continue
        key = f"{row.relpath}:{now.digest}"
        args = {"file_id": row.id, "instrument": owner.name}
        asked += derived.ask(conn, KIND, key, args, max_attempts=max_attempts, parent_id=parent_id)
    return asked


def state_of(conn: Connection, derivation: Derivation, file_id: int) -> State:
    """Return what counts about the events of a product."""
    current = analyses.current_of(conn, file_id)
    spoken = active(conn, [row["event_id"] for row in current if row["override_id"] is not None])
    told = [
        [
            row["identity"], row["record"], row["source"], row["version"], row["settings_hash"], row["status"],
            [[w.action, w.channel, w.line, dict(w.arguments)] for w in _words(spoken, row)],
        ]
        for row in current
    ]  # fmt: skip
    made_by = {"version": derivation.version, "libraries": derived.libraries()}
    return State(current, spoken, digest({"told": told, **made_by}))


def make(task: Task, owner: Instrument, analysis: Analysis, file_id: int, now: State, workdir: Path) -> decoding.Result:
    """Write the products of one product's analyses into `workdir`."""
    derivation = derivation_of(analysis)
    assert derivation is not None
    with task.catalog.read() as conn:
        origin, relpath = _origin(conn, file_id, now.digest)
        columns = {view: analyses.columns(conn, view) for view in derivation.views}

    def work(folder: Path) -> Decoded:
        writer = derivation.begin(task.home.path(relpath), origin, columns, folder)
        for part in _parts(task, owner, analysis, now, columns):
            task.heartbeat.check()
            writer.add(part)
        noted = [derived.noted(new, **{STATE: now.digest, OF: relpath}) for new in writer.close()]
        return Decoded(owner.products[0].name, products=noted)

    return decoding.guarded(owner, owner.products[0].name, work, workdir, task.settings)


def _round(task: Task, owner: Instrument, analysis: Analysis, derivation: Derivation, workdir: Path) -> Outcome | None:
    """Make what is wanting and commit it; None when the analyses changed meanwhile."""
    file_id = int(task.claim.args["file_id"])
    with task.catalog.read() as conn:
        relpath = plan.target(conn, file_id).relpath
        now = state_of(conn, derivation, file_id)
        known = bool(derived.there(conn, _about(relpath), state=now.digest))
    result = make(task, owner, analysis, file_id, now, workdir) if now.current and not known else None
    with derived.fenced(task, f"derive:{relpath}") as conn:
        if state_of(conn, derivation, file_id).digest != now.digest:
            return None
        made = [] if result is None else derived.enter(conn, task, result, _parents(conn, file_id), file_id)
        retired = _retire(conn, owner, relpath, now.digest if now.current else "")
        told = {"outcome": "derived", "events": len(now.current), "products": len(made), "retired": retired}
        ledger.finish(conn, task.claim, told, file_id=file_id)
    return Outcome(task.claim.job_id, "done", "", told)


def _about(relpath: str) -> ColumnElement[bool]:
    """Return the condition that a product speaks of this one."""
    about: ColumnElement[bool] = file.c.header[OF].astext == relpath
    return about


def _parents(conn: Connection, file_id: int) -> list[int]:
    """Return what the products of a product are made from: its raw files, and itself."""
    raw = select(file_parent.c.parent_id).where(file_parent.c.file_id == file_id).order_by(file_parent.c.parent_id)
    return [*conn.execute(raw).scalars(), file_id]


def _retire(conn: Connection, owner: Instrument, relpath: str, state: str) -> int:
    """Retire what speaks of this product in another state, and of products that are no more."""
    of, mine = file.alias("of"), derived.products_of(conn, owner)
    gone = select(of.c.relpath).where(of.c.state == "retired", of.c.product_id.in_(mine))
    obsolete = (_about(relpath) & (file.c.header[STATE].astext != state)) | file.c.header[OF].astext.in_(gone)
    return derived.retire(conn, file.c.header.has_key(OF), file.c.product_id.in_(mine), obsolete)


def _origin(conn: Connection, file_id: int, state: str) -> tuple[Origin, str]:
    mine = conn.execute(select(file.c.relpath, file.c.sha256).where(file.c.id == file_id)).one()
    parent = file.alias("parent")
    query = (
        select(func.coalesce(parent.c.original_name, parent.c.relpath), parent.c.sha256)
        .join(file_parent, file_parent.c.parent_id == parent.c.id)
        .where(file_parent.c.file_id == file_id)
        .order_by(parent.c.sha256)
    )
    raw = tuple((str(name), str(sha)) for name, sha in conn.execute(query))
    return Origin(mine.relpath.rpartition("/")[2], mine.sha256, raw, state), mine.relpath


def _parts(
    task: Task, owner: Instrument, analysis: Analysis, now: State, columns: Mapping[str, Sequence[ViewColumn]]
) -> Iterator[Interpreted]:
    """Yield the analyses a batch at a time, each with the calibrations that it was computed with."""
    with task.catalog.read() as conn:
        known = calibrations.known(conn, owner.name, analysis.calibrations)
        signed = _signatures(conn, now)
    for _, run_ in groupby(now.current, key=lambda row: (row["settings_hash"], row["record"] // plan.BATCH)):
        group = list(run_)
        with task.catalog.read() as conn:
            tables = {view: _rows(conn, view, held, group) for view, held in columns.items()}
        words = [_words(now.active, row) for row in group]
        yield Interpreted(
            records=[row["record"] for row in group],
            identity=[row["identity"] for row in group],
            t=[row["t"] for row in group],
            calibrations=plan.values_of(known, group[0]["inputs"]["calibrations"], group[0]["t"]),
            told=[{name: row[name] for name in _TOLD} for row in group],
            overrides=words,
            signed=[
                tuple(signed[key] for key in (now.active[row["event_id"]].keys if held else ()))
                for row, held in zip(group, words, strict=True)
            ],
            tables=tables,
        )


_TOLD = ("version", "settings_hash", "inputs", "origin", "status", "reason")


def _rows(
    conn: Connection, view: str, columns: Sequence[ViewColumn], group: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """Return the rows of a view, in order of record, channel and line; only those of the analyses that count."""
    records = {row["event_analysis_id"]: row["record"] for row in group}
    names = [column.name for column in columns]
    found = analyses.of_events(conn, view, names, [row["event_id"] for row in group])
    kept = [row | {"record": records[key]} for row in found if (key := row["event_analysis_id"]) in records]
    return sorted(kept, key=lambda row: (row["record"], row.get("channel") or "", row.get("line") or 0))


def _words(spoken: Mapping[int, Active], row: Mapping[str, Any]) -> tuple[Override, ...]:
    """Return the overrides that count in an analysis."""
    if row["override_id"] is None or row["event_id"] not in spoken:
        return ()
    return spoken[row["event_id"]].overrides


def _signatures(conn: Connection, now: State) -> dict[int, tuple[str, str]]:
    keys = [key for each in now.active.values() for key in each.keys]
    query = select(fit_override.c.id, fit_override.c.author, fit_override.c.reason).where(fit_override.c.id.in_(keys))
    return {row.id: (row.author, row.reason) for row in conn.execute(query)}
