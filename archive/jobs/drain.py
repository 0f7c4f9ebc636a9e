"""Drain the ledger: run jobs until each has ended, whoever ends it, and whatever happens to the workers."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial

from sqlalchemy import Connection, select

from archive import log
from archive.catalog import Catalog
from archive.catalog.schema import job
from archive.jobs import ledger
from archive.jobs.engines import Engine, Pool
from archive.jobs.faults import patiently
from archive.jobs.outcome import Outcome
from archive.jobs.runner import run_job

_log = log.get("jobs")

#: How often a job may kill a process that does nothing else before it is set aside.
LONE_DEATHS = 2

#: Seconds between two looks at jobs that others run.
PAUSE = 0.2


class Drain:
    """Runs jobs on an engine and sees to it that each one ends.

    1. Jobs go to the engine.
    2. The claims of dead workers are taken over. A job whose worker died runs alone in a process of its own, so that a
       file that kills its decoder cannot take others (or us) with it; after `LONE_DEATHS` such deaths it is condemned,
       that is, set aside without being carried out.
    3. Jobs that another process runs are waited for, at most until their lease ends.

    A catalog that goes away is waited for, `patience` seconds long.
    """

    def __init__(self, catalog: Catalog, engine: Engine, home: str, patience: float) -> None:
        self._catalog = catalog
        self._engine = engine
        self._home = home
        self._patience = patience
        self._lone_deaths: Counter[int] = Counter()

    def run(self, ids: Sequence[int]) -> Iterator[Outcome]:
        """Run these jobs to their end and yield the final outcome of each once."""
        open_ids = set(ids)
        while open_ids:
            look = patiently(lambda: self._look(open_ids), self._patience)
            open_ids.difference_update(outcome.job_id for outcome in look.ended)
            yield from look.ended
            for outcome in self._attempts(look):
                if outcome.ended:
                    open_ids.discard(outcome.job_id)
                    yield outcome
            if open_ids and not look.queued and not look.lonely:
                time.sleep(PAUSE)

    def follow_ups(self, ids: Sequence[int]) -> Iterator[Outcome]:
        """Run the jobs that these asked for, and those that these asked for in turn."""
        parents = list(ids)
        while parents:
            parents = patiently(partial(self._children, parents), self._patience)
            yield from self.run(parents)

    def everything(self, kinds: Sequence[str] | None = None) -> Iterator[Outcome]:
        """Run all queued jobs of these kinds (None: of every kind) until none is left."""
        while ids := patiently(partial(self._waiting, kinds), self._patience):
            yield from self.run(ids)

    def _attempts(self, look: _Look) -> Iterator[Outcome]:
        yield from self._engine.run(look.queued, self._catalog.url, self._home)
        with closing(Pool(1)) as alone:
            for job_id in look.lonely:
                if self._lone_deaths[job_id] < LONE_DEATHS:
                    yield self._alone(alone, job_id)
                else:
                    yield self._set_aside(job_id)

    def _alone(self, pool: Pool, job_id: int) -> Outcome:
        patiently(partial(self._give_attempt, job_id), self._patience)
        (outcome,) = pool.run([job_id], self._catalog.url, self._home)
        if outcome.state == "died":
            self._lone_deaths[job_id] += 1
            _log.warning("job %d killed a process of its own, %d times", job_id, self._lone_deaths[job_id])
        return outcome

    def _give_attempt(self, job_id: int) -> None:
        """Deaths in company, which may have been another's fault, must not end a job before it was tried alone."""
        with self._catalog.begin() as conn:
            ledger.revive(conn, [job_id], 1)

    def _set_aside(self, job_id: int) -> Outcome:
        def condemn() -> None:
            with self._catalog.begin() as conn:
                ledger.condemn(conn, job_id, f"It killed its worker process {LONE_DEATHS} times.")

        patiently(condemn, self._patience)
        return run_job(job_id, self._catalog.url, self._home)

    def _look(self, ids: set[int]) -> _Look:
        """Take over dead claims and sort the jobs into queued, queued after a death, and ended."""
        look = _Look()
        wanted = sorted(ids)
        with self._catalog.begin() as conn:
            ledger.recover(conn)
            for start in range(0, len(wanted), ledger.BATCH):
                look.take(conn, wanted[start : start + ledger.BATCH])
        return look

    def _children(self, parents: Sequence[int]) -> list[int]:
        children: list[int] = []
        with self._catalog.read() as conn:
            for start in range(0, len(parents), ledger.BATCH):
                query = select(job.c.id).where(job.c.parent_id.in_(parents[start : start + ledger.BATCH]))
                children += conn.execute(query.where(job.c.state.in_(ledger.OPEN)).order_by(job.c.id)).scalars()
        return children

    def _waiting(self, kinds: Sequence[str] | None) -> list[int]:
        with self._catalog.begin() as conn:
            ledger.recover(conn)
            return ledger.next_queued(conn, ledger.BATCH, kinds)


class _Look:
    """What the ledger says about jobs at one moment."""

    def __init__(self) -> None:
        self.queued: list[int] = []
        self.lonely: list[int] = []
        self.ended: list[Outcome] = []

    def take(self, conn: Connection, ids: Sequence[int]) -> None:
        """Sort some jobs; those that others run are in none of the lists."""
        query = select(job.c.id, job.c.state, job.c.result, job.c.error).where(job.c.id.in_(ids))
        for row in conn.execute(query.order_by(job.c.priority.desc(), job.c.id)):
            result = row.result or {}
            if result.get("deaths") and (row.state == "queued" or row.error == ledger.DIED):
                self.lonely.append(row.id)
            elif row.state == "queued":
                self.queued.append(row.id)
            elif row.state != "running":
                self.ended.append(Outcome(row.id, row.state, row.error or "", result))
