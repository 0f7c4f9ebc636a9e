"""Carry out one job: claim it, do it under a heartbeat, and note how it ended."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from multiprocessing import parent_process
from pathlib import Path

from archive import log
from archive.catalog import Catalog
from archive.config import Settings, load
from archive.errors import ArchiveError, DatabaseUnavailable, LeaseLost, NotFound
from archive.jobs import faults, ledger
from archive.jobs.faults import patiently
from archive.jobs.heartbeat import Heartbeat
from archive.jobs.outcome import Outcome
from archive.store import Home

GROUP = "pinakes.jobs"

_log = log.get("jobs")


@dataclass(frozen=True, slots=True)
class Task:
    """What a kind of job is given: its claim, and the archive to work on."""

    claim: ledger.Claim
    catalog: Catalog
    home: Home
    settings: Settings
    heartbeat: Heartbeat


#: Carries out a job of its kind and commits `ledger.finish` in the transaction that holds the results.
Handler = Callable[[Task], Outcome]


@cache
def kinds() -> Mapping[str, Handler]:
    """Every installed kind of job by name, found through the entry-point group ``pinakes.jobs``."""
    return {entry.name: entry.load() for entry in entry_points(group=GROUP)}


@cache
def _catalog(url: str) -> Catalog:
    """One catalog per process: it holds no connection between two units of work."""
    return Catalog.from_url(url)


@cache
def _settings(home: str) -> Settings:
    """Settings of the archive, read once per process; a worker process begins its log at that moment."""
    settings = load(Path(home))
    if parent_process() is not None:
        settings.set_umask()
        settings.log_to("worker")
    return settings


def run_job(job_id: int, url: str, home: str) -> Outcome:
    """Carry out one job of the archive at `home` whose catalog is at `url`, in this process.

    Engines may call this as often as they like, in any process: only the holder of the claim does anything.

    Raises
    ------
    DatabaseUnavailable
        When the catalog does not come back within a lease.
    KeyboardInterrupt
        Passed on after the claim was given back.
    """
    _choose_kernel_cache(home)
    catalog, settings = _catalog(url), _settings(home)
    lease = settings.ingest.lease
    claim = patiently(lambda: _claim(catalog, job_id, lease), lease)
    if claim is None:
        return Outcome(job_id, "elsewhere")
    try:
        handler = _handler(claim.kind)
        with Heartbeat(catalog, claim) as heartbeat:
            outcome = handler(Task(claim, catalog, Home(settings.home, settings.access()), settings, heartbeat))
        _log.info("job %d (%s) %s: %s %s", job_id, claim.kind, outcome.state, dict(outcome.result), outcome.message)
        return outcome
    except LeaseLost as error:
        return Outcome(job_id, "elsewhere", str(error))
    except (KeyboardInterrupt, SystemExit):
        _release(catalog, claim)
        raise
    except DatabaseUnavailable as error:
        return _after_catalog_fault(catalog, claim, error)
    except ArchiveError as error:
        return _failed(catalog, claim, str(error))
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        return _failed(catalog, claim, f"{error.strerror or error}{where}.")
    except Exception as error:
        if faults.is_catalog_fault(error):
            return _after_catalog_fault(catalog, claim, error)
        _log.exception("job %d (%s) met a bug", job_id, claim.kind)
        return _failed(catalog, claim, f"Internal error ({type(error).__name__}: {error}); the log has the details.")


def _choose_kernel_cache(home: str) -> None:
    """Keep compiled kernels in the archive home where the account has no cache folder of its own.

    The account's own folder comes first: one compilation serves all its archives.
    """
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
    there = next((folder for folder in (base, *base.parents) if folder.exists()), base)
    if not os.access(there, os.W_OK):
        os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(home) / "state" / "numba"))


def _claim(catalog: Catalog, job_id: int, lease: float) -> ledger.Claim | None:
    with catalog.begin() as conn:
        return ledger.claim(conn, job_id, lease)


def _handler(kind: str) -> Handler:
    try:
        return kinds()[kind]
    except KeyError:
        raise NotFound(f"No installed package carries out jobs of kind {kind!r}.") from None


def _release(catalog: Catalog, claim: ledger.Claim) -> bool:
    with catalog.begin() as conn:
        return ledger.release(conn, claim)


def _failed(catalog: Catalog, claim: ledger.Claim, message: str, *, retry: bool = False) -> Outcome:
    def note() -> str:
        with catalog.begin() as conn:
            return ledger.fail(conn, claim, message, retry=retry)

    state = patiently(note, claim.lease)
    _log.warning("job %d (%s) attempt %d: %s: %s", claim.job_id, claim.kind, claim.attempt, state, message)
    return Outcome(claim.job_id, state, message)


def _after_catalog_fault(catalog: Catalog, claim: ledger.Claim, error: Exception) -> Outcome:
    """Queue the job anew: without blame when the catalog went away, as a failed attempt for any refusal."""
    if not faults.is_gone(error):
        return _failed(catalog, claim, f"The catalog refused: {faults.sentence(error)}", retry=faults.is_passing(error))
    _log.warning("job %d (%s): the catalog went away; waiting for it", claim.job_id, claim.kind)
    ours = patiently(lambda: _release(catalog, claim), claim.lease)
    return Outcome(claim.job_id, "queued" if ours else "elsewhere", "The catalog went away.")
