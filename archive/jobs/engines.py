"""Engines: where jobs run. Each hands jobs to `run_job` somewhere and tells how each attempt ended."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from importlib import import_module
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait as wait_for
from typing import Any, Protocol

from archive import log
from archive.errors import ArchiveError, MissingExtra
from archive.jobs.outcome import Outcome
from archive.jobs.runner import run_job

#: Dask's pages on this machine only, on a port that is free: another cluster may have the usual one.
ANY_PORT = "127.0.0.1:0"

_log = log.get("jobs")


class Engine(Protocol):
    """Runs jobs; use with `contextlib.closing`, so that no process stays behind."""

    def run(self, ids: Iterable[int], url: str, home: str) -> Iterator[Outcome]:
        """Run the jobs and yield how each attempt ended, in any order."""

    def close(self) -> None:
        """Wait for jobs that run, drop those that do not, and end all workers."""


class Inline:
    """Runs jobs here, one after the other."""

    def run(self, ids: Iterable[int], url: str, home: str) -> Iterator[Outcome]:
        """Run the jobs in order."""
        for job_id in ids:
            yield run_job(job_id, url, home)

    def close(self) -> None:
        """Nothing to end."""


class Pool:
    """Runs jobs in processes of this machine; a dead worker costs its job one attempt and nothing else."""

    def __init__(self, workers: int = 0) -> None:
        self._workers = workers or os.cpu_count() or 1
        self._executor: ProcessPoolExecutor | None = None

    def run(self, ids: Iterable[int], url: str, home: str) -> Iterator[Outcome]:
        """Run the jobs; those in flight when a worker dies come back as ``died``, and the pool is built anew."""
        rest = iter(ids)
        ended = False
        while not ended:
            flights = _Flights(self._start(), 2 * self._workers, url, home)
            try:
                yield from flights.run(rest)
                ended = True
            except BrokenProcessPool:
                _log.warning("a worker process died; the pool is built anew")
                self.close()
                yield from (Outcome(job_id, "died", "The worker process died.") for job_id in flights.ids())

    def _start(self) -> ProcessPoolExecutor:
        if self._executor is None:
            # Never max_tasks_per_child: it can deadlock. Spawn: a forked libpq connection would be shared.
            self._executor = ProcessPoolExecutor(self._workers, mp_context=get_context("spawn"), initializer=_worker)
        return self._executor

    def close(self) -> None:
        """Wait for jobs that run, drop those that do not."""
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)
            self._executor = None


class Dask:
    """Runs jobs on a Dask cluster; every worker must see the archive home, the sources and the catalog."""

    def __init__(self, address: str | None = None, workers: int = 0) -> None:
        try:
            distributed: Any = import_module("distributed")
        except ImportError:
            raise MissingExtra("The engine dask needs distributed: pip install 'pinakes[dask]'.") from None
        cores = workers or os.cpu_count() or 1
        self._cluster: Any = None
        if address is None:
            self._cluster = distributed.LocalCluster(n_workers=cores, threads_per_worker=1, dashboard_address=ANY_PORT)
        try:
            self._client = distributed.Client(address or self._cluster, timeout=30, set_as_default=False)
        except (OSError, TimeoutError):
            raise ArchiveError(f"No Dask scheduler answers at {address}; start one or leave out --dask.") from None
        self._threads = max(1, sum(self._client.nthreads().values()))

    def run(self, ids: Iterable[int], url: str, home: str) -> Iterator[Outcome]:
        """Run the jobs; Dask itself moves those of a dead worker, and gives up on those that kill several."""
        # pure=False: for Dask two equal calls are one; for us a second attempt is a new one.
        yield from _Flights(self._client.get_executor(pure=False), 4 * self._threads, url, home).run(iter(ids))

    def close(self) -> None:
        """Leave the cluster; end it when it is our own."""
        self._client.close()
        if self._cluster is not None:
            self._cluster.close()


class _Flights:
    """The jobs handed to an executor and not come back yet, never more than `limit`."""

    def __init__(self, executor: Executor, limit: int, url: str, home: str) -> None:
        self._executor = executor
        self._limit = limit
        self._where = url, home
        self._flying: dict[Future[Outcome], int] = {}

    def ids(self) -> list[int]:
        """Return the jobs that have not come back."""
        return list(self._flying.values())

    def run(self, rest: Iterator[int]) -> Iterator[Outcome]:
        """Keep the executor busy until `rest` is used up and everything came back."""
        more = True
        while more or self._flying:
            while more and len(self._flying) < self._limit:
                job_id = next(rest, None)
                if job_id is None:
                    more = False
                else:
                    self._submit(job_id)
            done, _ = wait(self._flying, return_when=FIRST_COMPLETED)
            for future in done:
                outcome = self._landed(future)
                del self._flying[future]
                yield outcome

    def _submit(self, job_id: int) -> None:
        try:
            self._flying[self._executor.submit(run_job, job_id, *self._where)] = job_id
        except BrokenProcessPool:
            lost: Future[Outcome] = Future()
            lost.cancel()
            self._flying[lost] = job_id
            raise

    def _landed(self, future: Future[Outcome]) -> Outcome:
        try:
            return future.result()
        except (ArchiveError, BrokenProcessPool):
            raise
        except Exception as error:  # Dask: the workers that had it died
            _log.warning("job %d came back without result: %s", self._flying[future], error)
            return Outcome(self._flying[future], "died", "The worker process died.")


def _worker() -> None:
    """Prepare a pool worker: Ctrl-C is the parent's business, and a worker does not outlive its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_follow, args=(parent.sentinel,), daemon=True).start()


def _follow(sentinel: int) -> None:
    wait_for([sentinel])
    os._exit(1)


def make(name: str, workers: int = 0, address: str | None = None) -> Engine:
    """Return the engine of that name: ``inline``, ``pool`` or ``dask`` (an address alone means Dask)."""
    if address is not None or name == "dask":
        return Dask(address, workers)
    return Pool(workers) if name == "pool" else Inline()
