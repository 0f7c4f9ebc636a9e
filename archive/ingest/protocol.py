"""The ingest protocol: one raw file into the archive, whatever happens on the way.

I1  An available row has readable bytes of its hash.
I2  A final name holds complete bytes and never changes.
I3  A source is disposed of only after I1 holds for its bytes.
I4  Anything else on disk is staging, quarantine, or named by a live claim.
I5  Doing it again changes nothing.

1. The job row is claimed (`archive.jobs.runner`).
2. The source is copied and hashed into the claim's own staging folder. Known bytes end the job here.
3. The copy is decoded;
4. products are written beside it.
5. In one transaction, fenced by the attempt: names are locked, files linked to their final names,
6. folders synced,
7. and all rows written with the end of the job (`archive.ingest.commit`).
8. The source is disposed of by policy.
"""

from __future__ import annotations

from pathlib import Path

from archive import log
from archive.errors import HashMismatch, UnreadableSource
from archive.ingest import commit, decoding, quarantine, recognise
from archive.ingest.known import find
from archive.ingest.sources import Origin
from archive.ingest.steps import reached
from archive.jobs import Outcome, Task, ledger
from archive.model import Source
from archive.store import staging
from archive.store.dispose import dispose

_log = log.get("ingest")


def run(task: Task) -> Outcome:
    """Carry out a job of the kind ``ingest``."""
    origin = Origin.from_args(task.claim.args)
    reached("claimed")
    folder = staging.claim_folder(task.home, task.claim.job_id, task.claim.attempt)
    try:
        staged = staging.stage(origin.path, folder, task.settings.store.min_free)
        reached("staged")
        outcome = _bring_in(task, origin, folder, staged)
    except UnreadableSource as refusal:
        return _refuse(task, origin, refusal)
    finally:
        staging.remove(folder)
    reached("committed")
    _dispose(task, origin, staged, outcome)
    reached("disposed")
    return outcome


def _bring_in(task: Task, origin: Origin, folder: Path, staged: staging.Staged) -> Outcome:
    with task.catalog.begin() as conn:
        known = find(conn, staged.sha256)
        if known is not None and known.held:
            return commit.end_as_duplicate(conn, task, known)
    if known is not None and known.lost:
        return commit.restore(task, staged, known)
    source = Source(staged.path, origin.name, staged.sha256, staged.size, origin.options)
    claim = recognise.recognised(staged.path, origin.name, staged.size, origin.options)
    if claim is None or task.claim.condemned:
        return quarantine.set_aside(task, origin, staged, claim)
    result = decoding.decode(claim, source, folder / "products", task.settings)
    task.heartbeat.check()
    reached("decoded")
    return commit.commit(task, origin, staged, result)


def _refuse(task: Task, origin: Origin, refusal: UnreadableSource) -> Outcome:
    """End the job: the source cannot be read. There is no file, so the problem hangs on the job."""
    code = str(refusal.facts["code"])
    result = {"outcome": "failed", "code": code}
    with task.catalog.begin() as conn:
        ledger.fence(conn, task.claim)
        commit.note_source_problem(conn, task.claim.job_id, origin.shown, code, str(refusal))
        ledger.finish(conn, task.claim, result, state="failed", error=str(refusal))
    return Outcome(task.claim.job_id, "failed", str(refusal), result)


def _dispose(task: Task, origin: Origin, staged: staging.Staged, outcome: Outcome) -> None:
    """Apply the policy; a source that cannot be disposed of is left, for its bytes are safe in any case."""
    try:
        dispose(task.home, origin.path, staged.stamp, outcome.result["relpath"], staged.sha256, origin.after)
    except (OSError, HashMismatch) as error:
        _log.warning("%s was left in place: %s", origin.shown, error)
