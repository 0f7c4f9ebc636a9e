"""Drain the ledger: run jobs until each has ended, whoever ends it, and whatever happens to the workers."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing

from sqlalchemy import select

from archive import log
from archive.catalog import Catalog
from archive.catalog.schema import job
from archive.jobs import ledger
from archive.jobs.engines import Engine, Pool
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
    """

    def __init__(self, catalog: Catalog, engine: Engine, home: str) -> None:
        self._catalog = catalog
        self._engine = engine
        self._home = home
        self._lone_deaths: Counter[int] = Counter()

    def run(self, ids: Sequence[int]) -> Iterator[Outcome]:
        """Run these jobs to their end and yield the final outcome of each once."""
        open_ids = set(ids)
        while open_ids:
            queued, lonely, ended = self._look(open_ids)
            open_ids -= {outcome.job_id for outcome in ended}
            yield from ended
            for outcome in self._attempts(queued, lonely):
                if outcome.ended:
                    open_ids.discard(outcome.job_id)
                    yield outcome
            if open_ids and not queued and not lonely:
                time.sleep(PAUSE)

    def follow_ups(self, ids: Sequence[int]) -> Iterator[Outcome]:
        """Run the queued jobs that these asked for, and those that these asked for in turn."""
        parents = list(ids)
        while parents:
            children = []
            for start in range(0, len(parents), ledger.BATCH):
                query = select(job.c.id).where(job.c.parent_id.in_(parents[start : start + ledger.BATCH]))
                with self._catalog.read() as conn:
                    children += list(
                        conn.execute(query.where(job.c.state.in_(ledger.OPEN)).order_by(job.c.id)).scalars()
                    )
            yield from self.run(children)
            parents = children

    def everything(self) -> Iterator[Outcome]:
        """Run all queued jobs of every kind until none is left."""
        while True:
            with self._catalog.begin() as conn:
                ledger.recover(conn)
                ids = ledger.next_queued(conn, ledger.BATCH)
            if not ids:
                return
            yield from self.run(ids)

    def _attempts(self, queued: list[int], lonely: list[int]) -> Iterator[Outcome]:
        yield from self._engine.run(queued, self._catalog.url, self._home)
        with closing(Pool(1)) as alone:
            for job_id in lonely:
                if self._lone_deaths[job_id] < LONE_DEATHS:
                    yield self._alone(alone, job_id)
                else:
                    yield self._set_aside(job_id)

    def _look(self, ids: set[int]) -> tuple[list[int], list[int], list[Outcome]]:
        """Take over dead claims and sort the jobs into queued, queued after a death, and ended by others."""
        queued: list[int] = []
        lonely: list[int] = []
        ended: list[Outcome] = []
        wanted = sorted(ids)
        with self._catalog.begin() as conn:
            ledger.recover(conn)
            for start in range(0, len(wanted), ledger.BATCH):
                chunk = wanted[start : start + ledger.BATCH]
                query = select(job.c.id, job.c.state, job.c.result, job.c.error).where(job.c.id.in_(chunk))
                for row in conn.execute(query.order_by(job.c.priority.desc(), job.c.id)):
                    if row.state == "queued":
                        (lonely if (row.result or {}).get("deaths") else queued).append(row.id)
                    elif row.state != "running":
                        ended.append(Outcome(row.id, row.state, row.error or "", row.result or {}))
        return queued, lonely, ended

    def _alone(self, pool: Pool, job_id: int) -> Outcome:
        (outcome,) = pool.run([job_id], self._catalog.url, self._home)
        if outcome.state == "died":
            self._lone_deaths[job_id] += 1
            _log.warning("job %d killed a process of its own, %d times", job_id, self._lone_deaths[job_id])
        return outcome

    def _set_aside(self, job_id: int) -> Outcome:
        with self._catalog.begin() as conn:
            ledger.condemn(conn, job_id, f"It killed its worker process {LONE_DEATHS} times.")
        return run_job(job_id, self._catalog.url, self._home)
