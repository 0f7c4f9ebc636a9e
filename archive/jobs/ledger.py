"""The ledger of all work: enqueue, claim with a lease, finish, and take over from the dead.

A job is one row of ``ops.job``. Whoever sets its state to ``running`` holds the claim, until the lease ends. The
attempt number fences: a worker that lost its claim finds another number in the row, and nothing of its work is
committed. The clock of all leases is the database's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Integer, bindparam, case, cast, func, literal, null, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert

from archive.catalog.schema import job
from archive.errors import LeaseLost
from archive.jobs import process

#: Rows of one statement when many jobs are asked for at once.
BATCH = 1000

OPEN = ("queued", "running")

#: What ``error`` says after a worker died.
DIED = "The worker died."


@dataclass(frozen=True, slots=True)
class Claim:
    """A job that is ours until `lease` seconds after the last sign of life."""

    job_id: int
    attempt: int
    kind: str
    key: str
    args: Mapping[str, Any]
    lease: float

    @property
    def condemned(self) -> str:
        """Why the job must be set aside instead of carried out; empty for an ordinary job."""
        return str(self.args.get("condemned", ""))


def enqueue(
    conn: Connection,
    kind: str,
    jobs: Iterable[tuple[str, Mapping[str, Any]]],
    *,
    max_attempts: int = 3,
    priority: int = 0,
    parent_id: int | None = None,
) -> int:
    """Ask for work; what was asked for before (same kind and key) stays as it is.

    Parameters
    ----------
    conn
        Connection in a transaction.
    kind
        Name of an entry point in the group ``pinakes.jobs``.
    jobs
        (key, arguments) of each job; the arguments must be JSON-able.
    max_attempts, priority, parent_id
        See the columns of ``ops.job``.

    Returns
    -------
    int
        Number of jobs that are new.
    """
    rows = [
        {"kind": kind, "key": key, "args": dict(args), "max_attempts": max_attempts, "priority": priority}
        | ({} if parent_id is None else {"parent_id": parent_id})
        for key, args in jobs
    ]
    new = 0
    for start in range(0, len(rows), BATCH):
        statement = insert(job).values(rows[start : start + BATCH])
        new += conn.execute(statement.on_conflict_do_nothing(index_elements=["kind", "key"])).rowcount
    return new


def claim(conn: Connection, job_id: int, lease: float) -> Claim | None:
    """Claim one queued job; None when it is not queued (any more)."""
    statement = (
        update(job)
        .where(job.c.id == job_id, job.c.state == "queued")
        .values(
            state="running",
            attempt=job.c.attempt + 1,
            lease_until=func.now() + timedelta(seconds=lease),
            worker=process.identity(),
            started_at=func.now(),
            finished_at=null(),
            error=null(),
        )
        .returning(job.c.id, job.c.attempt, job.c.kind, job.c.key, job.c.args)
    )
    row = conn.execute(statement).one_or_none()
    return None if row is None else Claim(row.id, row.attempt, row.kind, row.key, row.args, lease)


def next_queued(conn: Connection, limit: int, kinds: Sequence[str] | None = None) -> list[int]:
    """Return queued jobs in the order they should run, leaving out those another transaction is just claiming."""
    query = select(job.c.id).where(job.c.state == "queued").order_by(job.c.priority.desc(), job.c.id)
    if kinds is not None:
        query = query.where(job.c.kind.in_(kinds))
    return list(conn.execute(query.limit(limit).with_for_update(skip_locked=True)).scalars())


def renew(conn: Connection, claim: Claim) -> bool:
    """Give a sign of life; False when the claim is no longer ours."""
    statement = update(job).where(*_ours(claim)).values(lease_until=func.now() + timedelta(seconds=claim.lease))
    return conn.execute(statement).rowcount == 1


def fence(conn: Connection, claim: Claim) -> None:
    """Lock our job row until the transaction ends.

    Raises
    ------
    LeaseLost
        When the claim is no longer ours: another worker took over, or the job is finished.
    """
    if conn.execute(select(job.c.id).where(*_ours(claim)).with_for_update()).one_or_none() is None:
        raise LeaseLost(f"Job {claim.job_id} was taken over by another worker; its result counts.")


def finish(
    conn: Connection,
    claim: Claim,
    result: Mapping[str, Any],
    *,
    state: str = "done",
    file_id: int | None = None,
    error: str | None = None,
) -> None:
    """End a job in the transaction that holds its results.

    Raises
    ------
    LeaseLost
        As `fence`.
    """
    values: dict[str, Any] = {
        "state": state,
        "result": dict(result),
        "error": error,
        "finished_at": func.clock_timestamp(),
    }
    if file_id is not None:
        values["file_id"] = file_id
    statement = update(job).where(*_ours(claim)).values(**values, lease_until=null(), worker=null())
    if conn.execute(statement).rowcount != 1:
        raise LeaseLost(f"Job {claim.job_id} was taken over by another worker; its result counts.")


def release(conn: Connection, claim: Claim) -> bool:
    """Give a claim back without blame: the job is queued again and the attempt does not count."""
    statement = (
        update(job)
        .where(*_ours(claim))
        .values(state="queued", lease_until=null(), worker=null(), max_attempts=job.c.max_attempts + 1)
    )
    return conn.execute(statement).rowcount == 1


def fail(conn: Connection, claim: Claim, error: str, *, retry: bool) -> str:
    """Note a failed attempt; return the new state: ``queued`` when there may be another attempt, else ``failed``."""
    again = job.c.attempt < job.c.max_attempts if retry else literal(False)
    statement = (
        update(job)
        .where(*_ours(claim))
        .values(
            state=case((again, "queued"), else_="failed"),
            error=error,
            lease_until=null(),
            worker=null(),
            finished_at=case((again, null()), else_=func.clock_timestamp()),
        )
        .returning(job.c.state)
    )
    return conn.execute(statement).scalar_one_or_none() or "elsewhere"


def recover(conn: Connection) -> list[int]:
    """Take over the claims of the dead; return the jobs that were concerned.

    A claim is dead when its lease ended, or when it is of this machine and its process no longer exists. The job is
    queued again, with its deaths counted in ``result``, or failed when no attempt is left. A row that is locked belongs
    to a worker in the middle of its commit.
    """
    expired = (job.c.lease_until < func.clock_timestamp()).label("expired")
    query = select(job.c.id, job.c.attempt, job.c.worker, expired).where(job.c.state == "running")
    rows = conn.execute(query.with_for_update(skip_locked=True)).all()
    dead = [row.id for row in rows if row.expired or process.is_dead(row.worker)]
    if not dead:
        return []
    deaths = func.coalesce(cast(job.c.result["deaths"].astext, Integer), 0) + 1
    again = job.c.attempt < job.c.max_attempts
    conn.execute(
        update(job)
        .where(job.c.id.in_(dead))
        .values(
            state=case((again, "queued"), else_="failed"),
            error=DIED,
            result=func.jsonb_build_object("deaths", deaths, type_=JSONB),
            lease_until=null(),
            worker=null(),
            finished_at=case((again, null()), else_=func.clock_timestamp()),
        )
    )
    return dead


def revive(conn: Connection, ids: Collection[int], attempts: int, states: Sequence[str] = ("failed",)) -> int:
    """Queue ended jobs anew, with `attempts` more attempts; return how many. The attempt number never goes back."""
    statement = (
        update(job)
        .where(job.c.id.in_(list(ids)), job.c.state.in_(states))
        .values(state="queued", max_attempts=job.c.attempt + attempts, finished_at=null())
    )
    return conn.execute(statement).rowcount


def condemn(conn: Connection, job_id: int, reason: str) -> None:
    """Note that a job must be set aside instead of carried out, and give it one more attempt for that."""
    statement = (
        update(job)
        .where(job.c.id == job_id, job.c.state.in_(("queued", "failed")))
        .values(
            args=job.c.args.op("||")(bindparam("verdict", {"condemned": reason}, JSONB)),
            state="queued",
            max_attempts=job.c.attempt + 1,
            finished_at=null(),
        )
    )
    conn.execute(statement)


def live(conn: Connection) -> set[tuple[int, int]]:
    """Return (job, attempt) of every running job."""
    return {
        (row.id, row.attempt) for row in conn.execute(select(job.c.id, job.c.attempt).where(job.c.state == "running"))
    }


def _ours(claim: Claim) -> tuple[Any, ...]:
    return job.c.id == claim.job_id, job.c.attempt == claim.attempt, job.c.state == "running"
