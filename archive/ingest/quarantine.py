"""Setting a source aside: nobody recognises it, or it kills whoever decodes it. Its bytes are kept, with the reason."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from archive.catalog.encode import printable
from archive.catalog.sequence import hold_ingest
from archive.ingest import rows
from archive.ingest.commit import end_as_duplicate
from archive.ingest.known import find
from archive.ingest.recognise import UNKNOWN
from archive.ingest.sources import Origin
from archive.instruments.base import instrument, instruments
from archive.jobs import Outcome, Task, ledger
from archive.model import Claim, Problem
from archive.store import quarantine, staging


def reason_for(staged: staging.Staged, claim: Claim | None, condemned: str) -> tuple[str, str]:
    """Return the machine name of the reason and one sentence for a person."""
    if condemned:
        return "kills_decoder", f"{condemned} It was set aside undecoded; report it with the file."
    if staged.size == 0:
        return "empty", "The file is empty."
    assert claim is None
    known = ", ".join(sorted(instruments())) or "none"
    return (
        "not_recognised",
        f"No installed instrument recognises this file (installed: {known}); give --xtce DEFINITION.xml if it holds "
        "packets, or install its instrument, and ingest it again.",
    )


def set_aside(task: Task, origin: Origin, staged: staging.Staged, claim: Claim | None) -> Outcome:
    """Put a staged source into quarantine with its rows, and end the job as ``quarantined``."""
    reason, message = reason_for(staged, claim, task.claim.condemned)
    owner = UNKNOWN if claim is None else instrument(claim.instrument)
    product = UNKNOWN.products[0].name if claim is None else claim.product
    product_id = rows.registered(task.catalog, owner)[owner.name, product]
    now = datetime.now(UTC)
    facts: dict[str, Any] = {"source": origin.shown, "reason": reason, "message": message}
    facts |= {"sha256": staged.sha256, "size": staged.size}
    manifest = quarantine.Manifest(**facts, at=now.isoformat())
    with task.catalog.begin() as conn:
        hold_ingest(conn)
        ledger.fence(conn, task.claim)
        rows.lock(conn, [f"sha256:{staged.sha256}"])
        known = find(conn, staged.sha256)
        if known is not None and known.state == "available":
            return end_as_duplicate(conn, task, known)
        relpath = quarantine.set_aside(task.home, staged.path, **facts, now=now)
        values = {
            "product_id": product_id,
            "relpath": relpath,
            "original_name": printable(origin.name),
            "received": True,
            "sha256": staged.sha256,
            "size": staged.size,
            "state": "quarantined",
            "code_version_id": rows.code_version(task.catalog),
        }
        file_id = rows.write_file(conn, values)
        rows.forget_source_problems(conn, task.claim.job_id)
        if known is None:
            rows.write_problems(
                conn,
                [Problem(reason, message)],
                file_id=file_id,
                job_id=task.claim.job_id,
                source=origin.shown,
                limit=1,
            )
        rows.write_quarantine(conn, manifest, relpath, file_id=file_id, job_id=task.claim.job_id)
        told = {"outcome": "quarantined", "file_id": file_id, "relpath": relpath, "reason": reason, "errors": 1}
        told |= task.home.access.told()
        ledger.finish(conn, task.claim, told, state="quarantined", file_id=file_id, error=message)
    return Outcome(task.claim.job_id, "quarantined", message, told)
