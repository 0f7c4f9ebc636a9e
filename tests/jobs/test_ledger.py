"""The ledger: one claim at a time, leases, fencing, and taking over from the dead."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select, update

from archive.catalog import Catalog
from archive.catalog.schema import job
from archive.errors import LeaseLost
from archive.jobs import ledger, process
from archive.jobs.heartbeat import Heartbeat


def add(catalog: Catalog, *keys: str, **options: Any) -> list[int]:
    with catalog.begin() as conn:
        ledger.enqueue(conn, "ingest", [(key, {"n": key}) for key in keys], **options)
        return list(conn.execute(select(job.c.id).where(job.c.key.in_(keys)).order_by(job.c.id)).scalars())


def take(catalog: Catalog, job_id: int, lease: float = 60) -> ledger.Claim | None:
    with catalog.begin() as conn:
        return ledger.claim(conn, job_id, lease)


def row(catalog: Catalog, job_id: int) -> Any:
    with catalog.read() as conn:
        return conn.execute(select(job).where(job.c.id == job_id)).one()


def pretend(catalog: Catalog, job_id: int, **values: Any) -> None:
    with catalog.begin() as conn:
        conn.execute(update(job).where(job.c.id == job_id).values(**values))


def recover(catalog: Catalog) -> list[int]:
    with catalog.begin() as conn:
        return ledger.recover(conn)


def test_the_same_work_is_one_job(catalog: Catalog) -> None:
    (first,) = add(catalog, "k")
    assert add(catalog, "k") == [first]


def test_one_of_many_gets_the_claim(catalog: Catalog) -> None:
    (job_id,) = add(catalog, "k")
    with ThreadPoolExecutor(8) as threads:
        claims = [claim for claim in threads.map(lambda _: take(catalog, job_id), range(16)) if claim is not None]
    assert [claim.attempt for claim in claims] == [1]


def test_a_lost_claim_cannot_finish(catalog: Catalog) -> None:
    (job_id,) = add(catalog, "k")
    claim = take(catalog, job_id)
    assert claim is not None
    pretend(catalog, job_id, lease_until="2000-01-01")
    assert recover(catalog) == [job_id]
    second = take(catalog, job_id)
    assert second is not None
    assert second.attempt == 2
    for act in (ledger.fence, lambda conn, claim: ledger.finish(conn, claim, {})):
        with catalog.begin() as conn, pytest.raises(LeaseLost):
            act(conn, claim)
    with catalog.begin() as conn:
        assert not ledger.renew(conn, claim)
        assert not ledger.release(conn, claim)
        assert ledger.fail(conn, claim, "no", retry=True) == "elsewhere"
        ledger.finish(conn, second, {"x": 1})
    assert (row(catalog, job_id).state, row(catalog, job_id).result) == ("done", {"x": 1})


def test_the_claim_of_a_dead_process_is_taken_over_at_once(catalog: Catalog) -> None:
    (job_id,) = add(catalog, "k")
    take(catalog, job_id)
    assert recover(catalog) == [], "our own claim lives"
    dead = subprocess.Popen([sys.executable, "-c", ""])
    started = process.started(dead.pid)
    dead.wait()
    pretend(catalog, job_id, worker={**process.place(), "pid": dead.pid, "start": started})
    assert recover(catalog) == [job_id]
    assert row(catalog, job_id).result == {"deaths": 1}


def test_a_process_number_that_was_given_out_again_is_another_process(catalog: Catalog) -> None:
    (job_id,) = add(catalog, "k")
    take(catalog, job_id)
    pretend(catalog, job_id, worker={**process.identity(), "start": 1})
    assert recover(catalog) == [job_id]


def test_a_process_elsewhere_is_believed_until_its_lease_ends(catalog: Catalog) -> None:
    (job_id,) = add(catalog, "k")
    take(catalog, job_id)
    for name in ("host", "boot", "pids"):
        pretend(catalog, job_id, worker={**process.identity(), "pid": 2**22 - 1, name: "another"})
        assert recover(catalog) == []
    pretend(catalog, job_id, lease_until="2000-01-01")
    assert recover(catalog) == [job_id]


def test_a_zombie_is_dead() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    try:
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
        assert process.started(child) is None
    finally:
        os.waitpid(child, 0)


def test_attempts_end_and_can_be_given_anew(catalog: Catalog) -> None:
    (job_id,) = add(catalog, "k", max_attempts=2)
    for expected in ("queued", "failed"):
        claim = take(catalog, job_id)
        assert claim is not None
        with catalog.begin() as conn:
            assert ledger.fail(conn, claim, "It did not work.", retry=True) == expected
    assert take(catalog, job_id) is None
    with catalog.begin() as conn:
        assert ledger.revive(conn, [job_id], 2) == 1
    claim = take(catalog, job_id)
    assert claim is not None
    assert claim.attempt == 3, "the fence never goes back"


def test_a_released_claim_costs_no_attempt(catalog: Catalog) -> None:
    (job_id,) = add(catalog, "k", max_attempts=1)
    claim = take(catalog, job_id)
    assert claim is not None
    with catalog.begin() as conn:
        assert ledger.release(conn, claim)
    claim = take(catalog, job_id)
    assert claim is not None
    with catalog.begin() as conn:
        assert ledger.fail(conn, claim, "no", retry=True) == "failed"


def test_the_more_urgent_job_comes_first(catalog: Catalog) -> None:
    first, second = add(catalog, "a", "b")
    (urgent,) = add(catalog, "c", priority=5)
    with catalog.begin() as conn:
        assert ledger.next_queued(conn, 10) == [urgent, first, second]
        assert ledger.next_queued(conn, 10, ["assemble"]) == []


def test_the_heartbeat_keeps_a_short_lease_and_notices_its_loss(catalog_one: Catalog) -> None:
    (job_id,) = add(catalog_one, "k")
    claim = take(catalog_one, job_id, lease=0.6)
    assert claim is not None
    first = row(catalog_one, job_id).lease_until
    with Heartbeat(catalog_one, claim) as beat:
        deadline = 100
        while row(catalog_one, job_id).lease_until == first:
            deadline -= 1
            assert deadline, "the lease was never renewed"
            beat._end.wait(0.1)
        beat.check()
        pretend(catalog_one, job_id, attempt=9)
        beat._thread.join(10)
        with pytest.raises(LeaseLost):
            beat.check()
