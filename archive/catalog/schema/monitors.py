"""Schema ``ops``: monitors, their runs and what the runs found, changes of state, notices and high-water marks."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Double,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    column,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID

from archive.catalog.schema.base import key, metadata, name, now, ref, time

RUN_STATES = ("running", "success", "no_work", "failure", "killed", "skipped")
STARTS = ("schedule", "hand", "back-fill", "exec", "log")
LEVELS = ("up", "down", "unknown")
STORED_STATES = ("new", "up", "no_work", "missed", "overrun", "failed", "dead", "paused", "invalid")
REASONS = ("schedule", "timeout", "failure", "killed", "manual")
NOTICE_STATES = ("queued", "sent", "failed")


def _one_of(column_name: str, values: tuple[str, ...]) -> str:
    return f"{column_name} in ({', '.join(repr(value) for value in values)})"


monitor = Table(
    "monitor",
    metadata,
    key(),
    name("name", "Name of the monitor or job, for ever.", unique=True),
    Column("title", Text, nullable=False, comment="Name for people."),
    name(
        "kind", "code: a monitor of ours; command: a program we start; external: started elsewhere, recorded by exec."
    ),
    name("host_group", "Which machines it belongs to; empty: any.", server_default=text("''")),
    Column("schedule", Text, comment="Cron expression or interval; null: runs only when asked for."),
    name("zone", "IANA time zone in which the cron expression is read.", server_default=text("'UTC'")),
    Column("grace_s", Double, nullable=False, comment="How late a start may be before it counts as missed, seconds."),
    Column("max_runtime_s", Double, comment="How long a run may take, seconds; null: no limit."),
    Column("early_s", Double, nullable=False, comment="How early before its time a start is accepted, seconds."),
    Column("failure_threshold", Integer, nullable=False, comment="Bad runs in a row before a notice is sent."),
    Column("recovery_threshold", Integer, nullable=False, comment="Good runs in a row before the recovery is told."),
    Column("flap_changes", Integer, nullable=False, comment="Changes between up and down that make it flapping."),
    Column("flap_window_s", Double, nullable=False, comment="Window in which those changes are counted, seconds."),
    Column("enabled", Boolean, nullable=False, comment="Whether its declaration says that it runs."),
    Column("tables", JSONB, nullable=False, server_default=text("'[]'"), comment="Tables it is expected to write."),
    Column("notify", JSONB, comment="Channels its notices go to; null: all that are set up; empty: none."),
    Column("log_files", Text, comment="Log files that stand for runs of a job that nothing records: a glob pattern."),
    Column(
        "log_success", Text, comment="Regular expression that the whole last line of such a log matches on success."
    ),
    Column("fault", Text, comment="What is wrong with its declaration, one sentence; null: nothing."),
    time("declared_at", "Since when this schedule is declared, UTC.", nullable=False),
    time("removed_at", "When it was found to be declared no more; its history stays."),
    time("paused_at", "When a person paused it; null: it is not paused."),
    Column("paused_by", Text, comment="Who paused it."),
    time("alarmed_at", "Since when its being down is told and its recovery is not; null: no alarm stands."),
    time("flapping_at", "Since when its flapping is told and not over; null: it is not."),
    time("evaluated_to", "Up to when its changes of state have been worked out."),
    CheckConstraint("kind in ('code', 'command', 'external')", name="kind"),
    CheckConstraint("grace_s >= 0 and early_s >= 0 and max_runtime_s > 0", name="times"),
    CheckConstraint("failure_threshold >= 1 and recovery_threshold >= 1 and flap_changes >= 2", name="thresholds"),
    schema="ops",
    comment="Every monitor and scheduled job that was ever declared or recorded.",
)

monitor_run = Table(
    "monitor_run",
    metadata,
    Column("run_id", UUID(as_uuid=True), primary_key=True, comment="Name of the run; version 7, so ordered by start."),
    ref("monitor_id", "ops.monitor.id", "Whose run it is."),
    name("state", "running, success, no_work, failure, killed or skipped."),
    name("cause", "How it came about: schedule, hand, back-fill, exec, or log (read from a log file)."),
    time("scheduled_for", "The schedule point it belongs to, UTC; null when it belongs to none."),
    time("window_start", "Start of the window of a back-fill, UTC, exclusive."),
    time("window_end", "End of the window of a back-fill, UTC, inclusive."),
    time("started", "Start, UTC.", nullable=False),
    time("heartbeat", "Last sign of life of the process that watches over the run, UTC.", nullable=False),
    time("ended", "End, UTC; null while it runs."),
    Column("exit_code", Integer, comment="Exit code of the process; null when a signal ended it."),
    Column("signal", Integer, comment="Number of the signal that ended it."),
    name("error_type", "Class of the exception; Timeout, Signal or Vanished for a killed run.", nullable=True),
    Column("error_message", Text, comment="One sentence: what went wrong, or why the run was skipped."),
    name("error_fingerprint", "Equal for errors that were raised at the same place.", nullable=True),
    Column("message", Text, comment="What the run says about itself, one sentence."),
    Column("n_in", BigInteger, comment="Inputs seen; null when it does not count them."),
    Column("n_done", BigInteger, comment="Inputs processed."),
    Column("n_skipped", BigInteger, comment="Inputs left out on purpose."),
    Column("n_failed", BigInteger, comment="Inputs that could not be processed."),
    Column("n_warnings", Integer, comment="Warnings logged."),
    Column("n_errors", Integer, comment="Errors logged."),
    Column("wall_s", Double, comment="Elapsed time, seconds, by a clock that is never set."),
    Column("cpu_user_s", Double, comment="Processor time in the program, seconds, with its finished children."),
    Column("cpu_system_s", Double, comment="Processor time in the system, seconds, with its finished children."),
    Column("max_rss_bytes", BigInteger, comment="Peak resident memory of its largest process, bytes; null: unknown."),
    Column("read_bytes", BigInteger, comment="Bytes read from disk, where the system tells."),
    Column("written_bytes", BigInteger, comment="Bytes written to disk, where the system tells."),
    name("host", "Machine."),
    name("boot_id", "Boot of that machine."),
    name("pid_namespace", "In which the process number means something."),
    Column("pid", Integer, nullable=False, comment="Process that watches over the run."),
    Column("start_ticks", BigInteger, comment="Start of that process, clock ticks since boot."),
    name("user_name", "Account it runs under."),
    name("version", "Version of the code, with the commit when known."),
    name("algorithm", "Version of the method.", nullable=True),
    name("config_digest", "SHA-256 of the settings in force, without secrets.", nullable=True),
    Column("provenance", JSONB, nullable=False, server_default=text("'{}'"), comment="Python, packages, environment."),
    Column("argv", JSONB, nullable=False, server_default=text("'[]'"), comment="Command line."),
    Column("log_path", Text, comment="Log file, below the archive home."),
    Column("output_tail", Text, comment="End of what it printed; bytes that are not UTF-8 are escaped."),
    time("data_start", "When the data begin of the new files the run was given, UTC; null: it was given none."),
    time("data_end", "When those data end, UTC."),
    CheckConstraint(_one_of("state", RUN_STATES), name="state"),
    CheckConstraint(_one_of("cause", STARTS), name="cause"),
    CheckConstraint("(state = 'running') = (ended is null)", name="ended"),
    CheckConstraint("started <= ended", name="times"),
    # Cron and the scheduler may both start it: the database lets one of them.
    Index(
        "uq_monitor_run_scheduled_for",
        "monitor_id",
        "scheduled_for",
        unique=True,
        postgresql_where=text("state <> 'skipped' and cause <> 'back-fill'"),
    ),
    Index("ix_monitor_run_started", "monitor_id", text("started desc")),
    Index("ix_monitor_run_running", "monitor_id", postgresql_where=column("state") == text("'running'")),
    Index(
        "ix_monitor_run_bad",
        "monitor_id",
        text("started desc"),
        postgresql_where=text("state in ('failure', 'killed')"),
    ),
    Index("ix_monitor_run_time", "started", postgresql_using="brin"),
    schema="ops",
    comment="Every run: written before the work, closed after it.",
)


def _run(comment: str = "The run.") -> Column[object]:
    return Column(
        "run_id",
        UUID(as_uuid=True),
        ForeignKey("ops.monitor_run.run_id", ondelete="CASCADE"),
        nullable=False,
        comment=comment,
    )


monitor_run_table = Table(
    "monitor_run_table",
    metadata,
    _run(),
    name("table_name", "Qualified name of the table."),
    Column("n_insert", BigInteger, nullable=False, comment="Rows inserted."),
    Column("n_update", BigInteger, nullable=False, server_default=text("0"), comment="Rows updated."),
    Column("n_delete", BigInteger, nullable=False, server_default=text("0"), comment="Rows deleted."),
    Column(
        "n_rows",
        BigInteger,
        Computed("n_insert + n_update + n_delete", persisted=True),
        comment="Rows inserted, updated and deleted, together.",
    ),
    PrimaryKeyConstraint("run_id", "table_name"),
    schema="ops",
    comment="Which tables a run wrote, and how many rows.",
)

metric = Table(
    "metric",
    metadata,
    key(),
    _run("The run that measured it."),
    ref("monitor_id", "ops.monitor.id", "The monitor of the run."),
    name("name", "What was measured, for example area_used_bytes."),
    Column("labels", JSONB, nullable=False, server_default=text("'{}'"), comment="What the number belongs to."),
    time("at", "When it was measured, UTC.", nullable=False),
    Column("value", Double, comment="The number; null: could not be measured."),
    name("unit", "Unit for people; empty for counts.", server_default=text("''")),
    Index(None, "monitor_id", "name", "at"),
    Index(None, "run_id"),
    schema="ops",
    comment="Numbers that monitors measured, one row a number and run.",
)

finding = Table(
    "finding",
    metadata,
    key(),
    _run("The run that found it."),
    ref("monitor_id", "ops.monitor.id", "The monitor of the run."),
    name("severity", "info, warning or error."),
    name("code", "Kind of finding, for example disk_filling."),
    name("subject", "What it is about; with monitor and code the name of the finding.", server_default=text("''")),
    Column("message", Text, nullable=False, comment="One sentence: what it is and what to do about it."),
    Column("count", BigInteger, nullable=False, server_default=text("1"), comment="How many alike it stands for."),
    Column("facts", JSONB, nullable=False, server_default=text("'{}'"), comment="Numbers and names behind it."),
    time("since", "Since when every run of the monitor has found it, UTC.", nullable=False),
    CheckConstraint("severity in ('info', 'warning', 'error')", name="severity"),
    Index(None, "run_id"),
    Index("ix_finding_subject", "monitor_id", "code", "subject"),
    schema="ops",
    comment="What a person should look at. The findings of the newest ended run of a monitor are the open ones.",
)

state_change = Table(
    "state_change",
    metadata,
    key(),
    ref("monitor_id", "ops.monitor.id", "Whose state it is."),
    name("from_state", "State before; null at the first one.", nullable=True),
    name("to_state", "new, up, no_work, missed, overrun, failed, dead, paused or invalid."),
    name("from_level", "up, down or unknown, before."),
    name("to_level", "up, down or unknown, from then on."),
    time("at", "When the state changed, UTC: the moment itself, not when it was noticed.", nullable=False),
    name("reason", "schedule, timeout, failure, killed or manual."),
    Column("message", Text, nullable=False, comment="One sentence: why."),
    Column("run_id", UUID(as_uuid=True), comment="The run that caused it, when one did; it may be gone by now."),
    now("noticed_at", "When the row was written."),
    CheckConstraint(_one_of("to_state", STORED_STATES), name="state"),
    CheckConstraint(_one_of("from_level", LEVELS), name="from_level"),
    CheckConstraint(_one_of("to_level", LEVELS), name="to_level"),
    CheckConstraint(_one_of("reason", REASONS), name="reason"),
    Index(None, "monitor_id", "at"),
    schema="ops",
    comment="Every change of state of a job; availability comes from these rows. Started and late are never stored.",
)

notice = Table(
    "notice",
    metadata,
    key(),
    ref("monitor_id", "ops.monitor.id", "What it is about; null for a test.", nullable=True, index=True),
    name("kind", "down, recovery, flapping or test."),
    name("channel", "email, webhook or command."),
    name("dedupe", "The same occasion is told once a channel.", unique=True),
    Column("subject", Text, nullable=False, comment="First line."),
    Column("body", Text, nullable=False, comment="The text."),
    name("state", "queued, sent or failed (given up).", server_default=text("'queued'")),
    Column("attempts", Integer, nullable=False, server_default=text("0"), comment="How often sending was tried."),
    time("next_try", "Not to be sent, or tried again, before this time, UTC.", nullable=False),
    time("sent_at", "When it was sent."),
    Column("error", Text, comment="Why the last attempt failed; holds no secret."),
    now("created_at", "When it was written."),
    CheckConstraint("kind in ('down', 'recovery', 'flapping', 'test')", name="kind"),
    CheckConstraint("channel in ('email', 'webhook', 'command')", name="channel"),
    CheckConstraint(_one_of("state", NOTICE_STATES), name="state"),
    Index("ix_notice_queued", "next_try", postgresql_where=text("state = 'queued'")),
    schema="ops",
    comment="Outbox: notices are written with the change they tell of, and sent afterwards.",
)

watermark = Table(
    "watermark",
    metadata,
    ref("monitor_id", "ops.monitor.id", "Whose mark it is."),
    name("selector", "Which files: canonical JSON of instrument, product and level."),
    name("algorithm", "Version of the method; a new one begins at the first file."),
    Column("file_id", BigInteger, nullable=False, comment="Every file of the selection up to this key is processed."),
    Column("run_id", UUID(as_uuid=True), nullable=False, comment="The run that set it; it may be gone by now."),
    now("updated_at", "When it was set."),
    PrimaryKeyConstraint("monitor_id", "selector", "algorithm"),
    schema="ops",
    comment="High-water marks by order of ingest, advanced in the transaction that holds the results.",
)
