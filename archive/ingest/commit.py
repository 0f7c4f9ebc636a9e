"""The one transaction of an ingest: all files under their names and all rows, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, func, select, update

from archive import log
from archive.catalog.encode import printable
from archive.catalog.reference import instrument_ids
from archive.catalog.schema import file
from archive.catalog.sequence import hold_ingest
from archive.errors import ArchiveError
from archive.ingest import decoding, events, placing, rows, typed
from archive.ingest.decoding import Made, Result
from archive.ingest.known import Known, find
from archive.ingest.placing import Item, Settled
from archive.ingest.recognise import product_of
from archive.ingest.sources import Origin
from archive.ingest.steps import reached
from archive.instruments.base import Instrument
from archive.jobs import Outcome, Task, faults, ledger, requests
from archive.model import Events, Problem
from archive.store import names
from archive.store.place import unplace
from archive.store.staging import Staged

_log = log.get("ingest")

ASSEMBLE = "assemble"


def commit(task: Task, origin: Origin, staged: Staged, result: Result) -> Outcome:
    """Place and catalog a raw file with everything that was decoded from it.

    When the catalog refuses the decoder's rows, that is a bug of the decoder: the raw file comes in alone, with a
    problem that says so.

    Raises
    ------
    LeaseLost
        When another worker took over; nothing was changed but bytes under names that it will adopt.
    """
    rows.registered(task.catalog, result.instrument)
    try:
        return _commit(task, origin, staged, result)
    except (ArchiveError, OSError, MemoryError):
        raise
    except Exception as error:
        if faults.is_catalog_fault(error) and faults.is_passing(error):
            raise
        _log.exception("rows of %s were refused", result.instrument.name)
        reason = faults.sentence(error)
    bare = decoding.failed(result.instrument, result.decoded.product, f"its rows were refused: {reason}")
    _take_back(task, items(result.instrument.name, staged, result))
    return _commit(task, origin, staged, bare)


def items(instrument: str, staged: Staged, result: Result) -> list[Item]:
    """Return what is to be placed: the raw file, then the products, each with its final name."""
    decoded = result.decoded
    kind = product_of(result.instrument, decoded.product)
    raw = names.raw_relpath(instrument, kind.name, kind.level, kind.format, decoded.t_start, staged.sha256)
    return [Item(staged.path, raw, staged.sha256, staged.size), *(product_item(result, made) for made in result.made)]


def product_item(result: Result, made: Made, name: str | None = None) -> Item:
    """Return the item of one product; `name` stands in for the name the decoder gave."""
    level = product_of(result.instrument, made.new.product).level
    folder = names.folder(result.instrument.name, level, made.new.t_start)
    return Item(made.new.path, f"{folder}/{names.safe(name or made.new.name)}", made.sha256, made.size)


def _commit(task: Task, origin: Origin, staged: Staged, result: Result) -> Outcome:
    wanted = items(result.instrument.name, staged, result)
    with task.catalog.begin() as conn:
        hold_ingest(conn)
        ledger.fence(conn, task.claim)
        rows.lock(conn, [f"sha256:{staged.sha256}", *(item.relpath for item in wanted)])
        known = find(conn, staged.sha256)
        if known is not None and known.held:
            return end_as_duplicate(conn, task, known)
        reached("locked")
        if known is not None and known.state == "quarantined":
            rows.retire(conn, known.file_id, known.relpath)
        settled = placing.place_all(conn, task, wanted)
        outcome = _write_rows(conn, task, origin, staged, result, settled)
        reached("written")
    return outcome


def _write_rows(
    conn: Connection, task: Task, origin: Origin, staged: Staged, result: Result, settled: Sequence[Settled]
) -> Outcome:
    decoded = result.decoded
    raw_id = rows.write_file(conn, raw_values(task, origin, staged, result, settled[0]))
    product_ids = write_products(conn, task, result, settled[1:])
    rows.write_parents(conn, product_ids, [raw_id])
    rows.forget_source_problems(conn, task.claim.job_id)
    problems = [*decoded.problems, *(one.problem for one in settled if one.problem is not None)]
    errors = rows.write_problems(
        conn,
        problems,
        file_id=raw_id,
        job_id=task.claim.job_id,
        source=origin.shown,
        limit=task.settings.ingest.max_problems,
    )
    stored, waits = None, False
    if decoded.events is not None and len(decoded.events):
        stored, waits = _store_events(conn, task, result.instrument.name, raw_id, staged.sha256, decoded.events)
    typed.write(conn, result.instrument, decoded.rows, [raw_id, *product_ids], stored)
    if stored is not None and not waits:
        follow(conn, task, result.instrument, raw_id)
    told: dict[str, Any] = {
        "outcome": "new" if settled[0].state == "available" else "quarantined",
        "file_id": raw_id,
        "relpath": settled[0].relpath,
        "instrument": result.instrument.name,
        "product": decoded.product,
        "events": 0 if decoded.events is None else len(decoded.events),
        "products": len(product_ids),
        "problems": sum(problem.count for problem in problems),
        "errors": errors,
        **task.home.access.told(),
    }
    ledger.finish(conn, task.claim, told, file_id=raw_id)
    return Outcome(task.claim.job_id, "done", _first_error(problems), told)


def raw_values(task: Task, origin: Origin, staged: Staged, result: Result, settled: Settled) -> dict[str, Any]:
    """Return the row of the raw file."""
    decoded = result.decoded
    return {
        "product_id": rows.registered(task.catalog, result.instrument)[result.instrument.name, decoded.product],
        "relpath": settled.relpath,
        "original_name": printable(origin.name),
        "received": True,
        "sha256": staged.sha256,
        "size": staged.size,
        "t_start": decoded.t_start,
        "t_end": decoded.t_end,
        "state": settled.state,
        "header": decoded.header,
        "code_version_id": rows.code_version(task.catalog),
    }


def write_products(
    conn: Connection, task: Task, result: Result, settled: Sequence[Settled], header: dict[str, Any] | None = None
) -> list[int]:
    """Write the rows of the products and return their ids; `header` is added to each product's own."""
    known = rows.registered(task.catalog, result.instrument)
    return [
        rows.write_file(
            conn,
            {
                "product_id": known[result.instrument.name, made.new.product],
                "relpath": place.relpath,
                "received": False,
                "sha256": made.sha256,
                "size": made.size,
                "t_start": made.new.t_start,
                "t_end": made.new.t_end,
                "version": made.new.version,
                "state": place.state,
                "header": {**made.new.header, **(header or {})},
                "code_version_id": rows.code_version(task.catalog),
            },
        )
        for made, place in zip(result.made, settled, strict=True)
    ]


def _store_events(
    conn: Connection, task: Task, instrument: str, raw_id: int, sha256: str, found: Events
) -> tuple[events.Stored, bool]:
    """Write the events; return them, and whether they wait for an assembly, which then asks for their analysis."""
    owner = instrument_ids(conn)[instrument]
    stored = events.store(conn, owner, found, [raw_id] * len(found), sha256)
    events.write_sources(conn, raw_id, found, stored)
    events.attach_orphans(conn, owner)
    events.flag_conflicts(conn, owner)
    waits = events.wants_assembly(conn, raw_id, found)
    if waits:
        args = {"sha256": sha256, "file_id": raw_id, "instrument": instrument}
        attempts = task.settings.ingest.max_attempts
        ledger.enqueue(conn, ASSEMBLE, [(sha256, args)], parent_id=task.claim.job_id, max_attempts=attempts)
    return stored, waits


def follow(conn: Connection, task: Task, instrument: Instrument, raw_id: int) -> None:
    """Ask for the analysis of the products of a raw file."""
    attempts = task.settings.ingest.max_attempts
    requests.analyse_products_of(conn, instrument, raw_id, parent_id=task.claim.job_id, max_attempts=attempts)


def end_as_duplicate(conn: Connection, task: Task, known: Known) -> Outcome:
    """End the job: these bytes are in the archive already."""
    told = {"outcome": "duplicate", "duplicate_of": known.file_id, "file_id": known.file_id, "relpath": known.relpath}
    rows.forget_source_problems(conn, task.claim.job_id)
    ledger.finish(conn, task.claim, told, file_id=known.file_id)
    return Outcome(task.claim.job_id, "done", "", told)


def restore(task: Task, staged: Staged, known: Known) -> Outcome:
    """Bring back the bytes of a file that the catalog has and the disk lost."""
    with task.catalog.begin() as conn:
        ledger.fence(conn, task.claim)
        rows.lock(conn, [f"sha256:{staged.sha256}", known.relpath])
        placing.place_all(conn, task, [Item(staged.path, known.relpath, staged.sha256, staged.size)])
        conn.execute(update(file).where(file.c.id == known.file_id).values(state="available", verified_at=func.now()))
        told = {"outcome": "restored", "file_id": known.file_id, "relpath": known.relpath, **task.home.access.told()}
        ledger.finish(conn, task.claim, told, file_id=known.file_id)
    return Outcome(task.claim.job_id, "done", "", told)


def note_source_problem(conn: Connection, job_id: int, source: str, code: str, message: str) -> None:
    """Write the problem of a source that never got into the archive, in place of what earlier attempts noted."""
    rows.forget_source_problems(conn, job_id)
    rows.write_problems(conn, [Problem(code, message)], file_id=None, job_id=job_id, source=source, limit=1)


def _take_back(task: Task, placed: Sequence[Item]) -> None:
    """Remove what a refused commit left under final names, unless a row speaks of it."""
    with task.catalog.begin() as conn:
        rows.lock(conn, [item.relpath for item in placed])
        for item in placed:
            if conn.execute(select(file.c.id).where(file.c.relpath == item.relpath)).one_or_none() is None:
                unplace(task.home, item.relpath)


def _first_error(problems: Sequence[Problem]) -> str:
    errors = [problem.message for problem in problems if problem.severity == "error"]
    more = f" (and {len(errors) - 1} more problems)" if len(errors) > 1 else ""
    return f"{errors[0]}{more}" if errors else ""
