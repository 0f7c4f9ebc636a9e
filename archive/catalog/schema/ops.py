"""Schema ``ops``: the ledger of all work, and quarantine."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, Table, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB

from archive.catalog.schema.base import key, metadata, name, now, ref, time

JOB_STATES = ("queued", "running", "done", "failed", "quarantined")

job = Table(
    "job",
    metadata,
    key(),
    name("kind", "What to do: the name of an entry point in the group pinakes.jobs."),
    name("key", "Signature of the work, unique within the kind: the same work is one row."),
    Column("args", JSONB, nullable=False, server_default=text("'{}'"), comment="Arguments of the job."),
    name("state", "queued, running, done, failed or quarantined.", server_default=text("'queued'")),
    Column("priority", Integer, nullable=False, server_default=text("0"), comment="Higher runs first."),
    Column("attempt", Integer, nullable=False, server_default=text("0"), comment="Number of the current attempt."),
    Column(
        "max_attempts", Integer, nullable=False, server_default=text("3"), comment="Attempts before it is given up."
    ),
    time("lease_until", "Until when the claim of a running job holds, UTC."),
    Column("worker", JSONB, comment="Who holds the claim: host, boot id, pid, start ticks."),
    ref("parent_id", "ops.job.id", "The job that asked for this one.", nullable=True, ondelete="SET NULL"),
    ref("file_id", "core.file.id", "The file the job is about, once it has one.", nullable=True, index=True),
    Column("result", JSONB, comment="What came out: counts, and for a duplicate the file it repeats."),
    Column("error", Text, comment="One sentence: why the last attempt failed."),
    now("created_at", "When the job was asked for."),
    time("started_at", "When the current attempt began."),
    time("finished_at", "When the job ended."),
    UniqueConstraint("kind", "key"),
    CheckConstraint(f"state in ({', '.join(repr(s) for s in JOB_STATES)})", name="state"),
    CheckConstraint("(state = 'running') = (lease_until is not null)", name="lease"),
    Index("ix_job_todo", text("priority desc"), "id", postgresql_where=text("state = 'queued'")),
    Index("ix_job_running", "lease_until", postgresql_where=text("state = 'running'")),
    schema="ops",
    comment="The one ledger of all work: claimed with a lease, fenced by the attempt number.",
)

quarantine = Table(
    "quarantine",
    metadata,
    key(),
    ref("file_id", "core.file.id", "The quarantined file.", nullable=True, index=True),
    ref("job_id", "ops.job.id", "The job that set it aside.", nullable=True, ondelete="SET NULL"),
    Column("source", Text, nullable=False, comment="Where the file came from."),
    name("relpath", "Where the bytes are now, below the archive home.", unique=True),
    name("reason", "Kind of reason, for example not_recognised or name_conflict."),
    Column("message", Text, nullable=False, comment="One sentence: why, and what to do about it."),
    name("sha256", "SHA-256 of the bytes."),
    Column("size", BigInteger, nullable=False, comment="Size in bytes."),
    now("created_at", "When it was set aside."),
    time("released_at", "When it was taken out again."),
    schema="ops",
    comment="Files set aside with a reason; their bytes lie under quarantine/ with a manifest beside them.",
)
