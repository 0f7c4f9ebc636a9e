"""The rows of files: products, lineage, problems and quarantine, written inside a caller's transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, update
from sqlalchemy.dialects.postgresql import insert

from archive.catalog import Catalog
from archive.catalog.bulk import copy_rows
from archive.catalog.encode import printable
from archive.catalog.reference import Described, code_version_id, ensure_instrument, product_ids
from archive.catalog.schema import file, file_parent, file_problem, quarantine
from archive.errors import NameConflict
from archive.model import Problem
from archive.store.quarantine import Manifest

SEVERITIES = ("error", "warning", "info")

_registered: dict[tuple[str, str], Mapping[tuple[str, str], int]] = {}
_code: dict[str, int] = {}


def registered(catalog: Catalog, described: Described) -> Mapping[tuple[str, str], int]:
    """Return {(instrument, product): id} after writing what the catalog lacks; asked once per process and instrument.

    In a transaction of its own, so that a rollback of the caller's cannot take back what is remembered here.
    """
    key = catalog.url, described.name
    if key not in _registered:
        with catalog.begin() as conn:
            ensure_instrument(conn, described)
            _code[catalog.url] = code_version_id(conn)
            _registered[key] = product_ids(conn)
    return _registered[key]


def code_version(catalog: Catalog) -> int:
    """Return the id of the code that writes; `registered` must have been called."""
    return _code[catalog.url]


def lock(conn: Connection, names: Iterable[str]) -> None:
    """Lock names (paths, hashes) against all other ingests until the transaction ends.

    They are taken in one order by everybody, so that nobody waits for ever. Whoever holds the lock of a path knows
    that bytes there without a row were left by a dead attempt.
    """
    keys = {int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True) for name in names}
    for key in sorted(keys):
        conn.execute(select(func.pg_advisory_xact_lock(key)))


def write_file(conn: Connection, values: Mapping[str, Any]) -> int:
    """Write the row of a file and return its id; the row of the same bytes at the same path is taken up again.

    Raises
    ------
    NameConflict
        When the path belongs to other bytes.
    """
    statement = insert(file).values(**values, verified_at=func.now())
    statement = statement.on_conflict_do_update(
        index_elements=["relpath"],
        set_={"state": statement.excluded.state, "verified_at": func.now()},
        where=file.c.sha256 == statement.excluded.sha256,
    )
    found = conn.execute(statement.returning(file.c.id)).scalar_one_or_none()
    if found is None:
        raise NameConflict(f"The catalog has other bytes at {values['relpath']}.")
    return int(found)


def write_parents(conn: Connection, children: Sequence[int], parents: Sequence[int]) -> None:
    """Write that every child was made from every parent."""
    pairs = [{"file_id": child, "parent_id": parent, "role": "source"} for child in children for parent in parents]
    if pairs:
        conn.execute(insert(file_parent).on_conflict_do_nothing(), pairs)


def write_problems(
    conn: Connection, problems: Sequence[Problem], *, file_id: int | None, job_id: int, source: str, limit: int
) -> int:
    """Write the problems of a file, the most severe first, and fold all beyond `limit` rows into one.

    Returns
    -------
    int
        How many problems of severity ``error`` there are, folded ones counted.
    """
    ranked = fold(sorted(problems, key=lambda problem: SEVERITIES.index(problem.severity)), limit)
    n = len(ranked)
    columns: dict[str, Sequence[Any]] = {
        "file_id": [file_id] * n,
        "job_id": [job_id] * n,
        "source": [source] * n,
        "code": [problem.code for problem in ranked],
        "severity": [problem.severity for problem in ranked],
        "byte_offset": [problem.offset for problem in ranked],
        "byte_length": [problem.length for problem in ranked],
        "packet": [problem.packet for problem in ranked],
        "count": [problem.count for problem in ranked],
        "message": [problem.message for problem in ranked],
    }
    copy_rows(conn, file_problem, columns)
    return sum(problem.count for problem in problems if problem.severity == "error")


def fold(ranked: Sequence[Problem], limit: int) -> list[Problem]:
    """Return at most `limit` problems: the first ones, and one that stands for the rest."""
    if len(ranked) <= limit:
        return list(ranked)
    kept, rest = list(ranked[: limit - 1]), ranked[limit - 1 :]
    codes = sorted({problem.code for problem in rest})
    message = f"{len(rest)} more problems were folded into this row ({', '.join(codes)})."
    folded = Problem("more_problems", message, rest[0].severity, count=sum(problem.count for problem in rest))
    return [*kept, folded]


def forget_source_problems(conn: Connection, job_id: int) -> None:
    """Remove what earlier attempts at this job noted about its source: the last attempt tells the truth."""
    conn.execute(file_problem.delete().where(file_problem.c.job_id == job_id, file_problem.c.file_id.is_(None)))


def write_quarantine(
    conn: Connection, manifest: Manifest, relpath: str, *, file_id: int | None, job_id: int | None
) -> None:
    """Write the row of a set-aside file; one that was released before is set aside again."""
    values = {
        "file_id": file_id,
        "job_id": job_id,
        "source": printable(manifest.source),
        "relpath": relpath,
        "reason": manifest.reason,
        "message": printable(manifest.message),
        "sha256": manifest.sha256,
        "size": manifest.size,
        "created_at": datetime.fromisoformat(manifest.at),
    }
    statement = insert(quarantine).values(**values, released_at=None)
    changed = {name: statement.excluded[name] for name in ("reason", "message", "released_at")}
    conn.execute(statement.on_conflict_do_update(index_elements=["relpath"], set_=changed))


def retire(conn: Connection, file_id: int, relpath: str) -> None:
    """Retire the row of a set-aside file whose bytes come in after all."""
    conn.execute(update(file).where(file.c.id == file_id).values(state="retired"))
    conn.execute(update(quarantine).where(quarantine.c.relpath == relpath).values(released_at=func.now()))
