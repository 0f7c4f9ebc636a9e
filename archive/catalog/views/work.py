"""Views of work: the ledger, and what was set aside."""

from archive.catalog.views.base import View

JOBS = View(
    "jobs",
    "The ledger of all work.",
    """
    select j.id as job_id, j.kind, j.key, j.state, j.priority, j.attempt, j.max_attempts, j.parent_id, j.file_id,
           f.relpath, j.created_at, j.started_at, j.finished_at,
           extract(epoch from j.finished_at - j.started_at)::float8 as seconds,
           j.state = 'running' and j.lease_until < now() as is_abandoned, j.lease_until, j.worker, j.args, j.result,
           j.error
    from ops.job j
    left join core.file f on f.id = j.file_id
    """,
    {
        "job_id": "The job (ops.job.id).",
        "relpath": "Path of that file below the archive home.",
        "seconds": "How long the last attempt took, in seconds.",
        "is_abandoned": "Whether the claim has run out: the next worker takes it over.",
    },
    ("ops.job",),
)

QUARANTINE = View(
    "quarantine",
    "Files set aside that have not been released.",
    """
    select id as quarantine_id, created_at, source, relpath, reason, message, sha256, size, file_id, job_id
    from ops.quarantine
    where released_at is null
    """,
    {"quarantine_id": "Key of the row (ops.quarantine.id)."},
    ("ops.quarantine",),
)

VIEWS = (JOBS, QUARANTINE)
