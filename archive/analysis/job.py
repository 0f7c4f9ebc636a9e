"""The job kind ``analyse``: every event of one product file through the analysis of its instrument."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sqlalchemy import Connection

from archive import log
from archive.analysis import overrides, plan, products, rows
from archive.analysis.active import Active
from archive.analysis.plan import Batch, Subject, Target
from archive.catalog import calibrations
from archive.catalog.reference import code_version_id, ensure_instrument
from archive.instruments.base import Analysis, Instrument, analysis_of, instrument
from archive.jobs import Outcome, Task, ledger
from archive.model import Analysed, joined_fits, no_fits

_log = log.get("analysis")

#: Events analysed and entered at once.
SLICE = 500


@dataclass(frozen=True, slots=True)
class Planned:
    """A product, its events in batches, what of each batch is to be analysed, and which words are to be heeded."""

    chosen: Target
    code: int
    models: Mapping[str, int]
    batches: Sequence[Batch]
    work: Sequence[Batch]
    again: Sequence[dict[int, Active]]


def run(task: Task) -> Outcome:
    """Carry out a job of the kind ``analyse``."""
    if task.claim.condemned:
        return _end(task, {"outcome": "set aside", "errors": 1}, "quarantined", task.claim.condemned)
    owner = instrument(str(task.claim.args["instrument"]))
    analysis = analysis_of(owner)
    if analysis is None:
        return _end(task, {"outcome": "nothing to do"})
    new, outcome = 0, None
    while outcome is None:
        planned = _plan(task, owner, analysis)
        new += _carry_out(task, owner, analysis, planned)
        outcome = _finish(task, owner, analysis, planned, new)
    return outcome


def _plan(task: Task, owner: Instrument, analysis: Analysis) -> Planned:
    with task.catalog.begin() as conn:
        ensure_instrument(conn, owner)
        code, models = code_version_id(conn), rows.ensure_models(conn, analysis)
        chosen = plan.target(conn, int(task.claim.args["file_id"]))
        batches = list(plan.batches(conn, owner.name, analysis, plan.subjects(conn, chosen)))
        work = [_rest(batch, plan.analysed(conn, analysis, chosen, batch)) for batch in batches]
        again = [overrides.pending(conn, analysis, chosen, batch) for batch in batches]
    return Planned(chosen, code, models, batches, work, again)


def _carry_out(task: Task, owner: Instrument, analysis: Analysis, planned: Planned) -> int:
    """Analyse what has no analysis and enter it; return how many events that were."""
    new = 0
    for batch in _slices(planned.work):
        result = analyse(analysis, task.home.path(planned.chosen.relpath), batch)
        task.heartbeat.check()
        with task.catalog.begin() as conn:
            ledger.fence(conn, task.claim)
            new += rows.write(
                conn, owner, analysis, planned.chosen, batch.subjects, batch.inputs, result, models=planned.models,
                code_version_id=planned.code,
            )  # fmt: skip
    return new


def _finish(task: Task, owner: Instrument, analysis: Analysis, planned: Planned, new: int) -> Outcome | None:
    """Put overrides into effect and end the job; None when an analyst wrote a calibration meanwhile."""
    chosen = planned.chosen
    with task.catalog.begin() as conn:
        # From here on none is written: who writes one later finds this job done, and asks for it again.
        calibrations.hold(conn, owner.name)
        ledger.fence(conn, task.claim)
        now = plan.batches(conn, owner.name, analysis, [each for batch in planned.batches for each in batch.subjects])
        if [batch.inputs.settings_hash for batch in now] != [batch.inputs.settings_hash for batch in planned.batches]:
            return None
        for batch, wanting in zip(planned.batches, planned.again, strict=True):
            _put_into_effect(conn, task, owner, analysis, chosen, batch, wanting)
        attempts = task.settings.ingest.max_attempts
        products.ask(conn, owner, analysis, chosen.file_id, parent_id=task.claim.job_id, max_attempts=attempts)
        told = {"outcome": "analysed", "events": sum(len(batch.subjects) for batch in planned.batches), "new": new}
        ledger.finish(conn, task.claim, told, file_id=chosen.file_id)
    return Outcome(task.claim.job_id, "done", "", told)


def _put_into_effect(
    conn: Connection, task: Task, owner: Instrument, analysis: Analysis, chosen: Target, batch: Batch,
    wanting: dict[int, Active],
) -> None:  # fmt: skip
    """Analyse again what analysts spoke about; an override that no longer fits its event is left out, and told."""
    for subject in batch.subjects:
        if subject.event_id in wanting:
            one = Batch(batch.inputs, [subject])
            try:
                overrides.effect(conn, task.home, owner, analysis, chosen, one, wanting[subject.event_id])
            except ValueError as error:
                _log.warning("the overrides of event %d need review: %s", subject.event_id, error)


def analyse(analysis: Analysis, product: Path, batch: Batch) -> Analysed:
    """Analyse a batch; where that meets a bug, event by event, so that one event cannot take others with it."""
    try:
        return analysis.run(product, [each.record for each in batch.subjects], batch.inputs.values)
    except (OSError, MemoryError):
        raise
    except Exception:
        _log.exception("%d events of %s together met a bug; they are analysed one by one", len(batch.subjects), product)
    return joined([_alone(analysis, product, each, batch) for each in batch.subjects])


def _alone(analysis: Analysis, product: Path, subject: Subject, batch: Batch) -> Analysed:
    try:
        return analysis.run(product, [subject.record], batch.inputs.values)
    except (OSError, MemoryError):
        raise
    except Exception as error:
        _log.exception("event %d met a bug", subject.event_id)
        reason = f"the analysis met a bug ({type(error).__name__}: {error}); the log has the details"
        return Analysed(["internal_error"], [reason], no_fits(), [])


def joined(parts: Sequence[Analysed]) -> Analysed:
    """Return the analyses of single events as one."""
    status = [word for part in parts for word in part.status]
    reason = [sentence for part in parts for sentence in part.reason]
    for position, part in enumerate(parts):
        part.fits.index = np.full(len(part.fits.index), position, dtype=np.int64)
        for each in part.rows:
            each.index = np.full(len(each.index), position, dtype=np.int64)
    found = [each for part in parts for each in part.rows]
    return Analysed(status, reason, joined_fits([part.fits for part in parts]), found)


def _slices(work: Sequence[Batch]) -> Iterator[Batch]:
    """Yield pieces of at most `SLICE` events: what is analysed is entered before memory or time would be lost with it.

    A job that is killed goes on where it was, for events with an analysis are left out.
    """
    for batch in work:
        for start in range(0, len(batch.subjects), SLICE):
            yield Batch(batch.inputs, batch.subjects[start : start + SLICE])


def _rest(batch: Batch, done: set[int]) -> Batch:
    return Batch(batch.inputs, [each for each in batch.subjects if each.event_id not in done])


def _end(task: Task, told: dict[str, object], state: str = "done", error: str | None = None) -> Outcome:
    with task.catalog.begin() as conn:
        ledger.finish(conn, task.claim, told, state=state, error=error)
    return Outcome(task.claim.job_id, state, error or "", told)
