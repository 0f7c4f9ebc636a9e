"""Monitors, their runs, metrics, findings, changes of state, notices and high-water marks."""

# ruff: noqa: E501 - one column, one line

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004_monitors"
down_revision = "0002_idex"
branch_labels = None
depends_on = None

#: Text ordered by bytes, equal on every server whatever its locale.
NAME = sa.Text(collation="C")
TIME = sa.DateTime(timezone=True)

TABLES = ("watermark", "notice", "state_change", "finding", "metric", "monitor_run_table", "monitor_run", "monitor")


def upgrade() -> None:
    _monitor()
    _monitor_run()
    _notice()
    _state_change()
    _watermark()
    _finding()
    _metric()
    _monitor_run_table()


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table, schema="ops")


def _monitor() -> None:
    op.create_table(
        "monitor",
        sa.Column(
            "id",
            sa.BigInteger(),
            sa.Identity(),
            nullable=False,
            comment="Surrogate key; never reused, gaps are normal.",
        ),
        sa.Column("name", NAME, nullable=False, comment="Name of the monitor or job, for ever."),
        sa.Column("title", sa.Text(), nullable=False, comment="Name for people."),
        sa.Column(
            "kind",
            NAME,
            nullable=False,
            comment="code: a monitor of ours; command: a program we start; external: started elsewhere, recorded by exec.",
        ),
        sa.Column(
            "host_group",
            NAME,
            server_default=sa.text("''"),
            nullable=False,
            comment="Which machines it belongs to; empty: any.",
        ),
        sa.Column(
            "schedule", sa.Text(), nullable=True, comment="Cron expression or interval; null: runs only when asked for."
        ),
        sa.Column(
            "zone",
            NAME,
            server_default=sa.text("'UTC'"),
            nullable=False,
            comment="IANA time zone in which the cron expression is read.",
        ),
        sa.Column(
            "grace_s",
            sa.Double(),
            nullable=False,
            comment="How late a start may be before it counts as missed, seconds.",
        ),
        sa.Column(
            "max_runtime_s", sa.Double(), nullable=True, comment="How long a run may take, seconds; null: no limit."
        ),
        sa.Column(
            "early_s", sa.Double(), nullable=False, comment="How early before its time a start is accepted, seconds."
        ),
        sa.Column(
            "failure_threshold", sa.Integer(), nullable=False, comment="Bad runs in a row before a notice is sent."
        ),
        sa.Column(
            "recovery_threshold",
            sa.Integer(),
            nullable=False,
            comment="Good runs in a row before the recovery is told.",
        ),
        sa.Column(
            "flap_changes", sa.Integer(), nullable=False, comment="Changes between up and down that make it flapping."
        ),
        sa.Column(
            "flap_window_s", sa.Double(), nullable=False, comment="Window in which those changes are counted, seconds."
        ),
        sa.Column("enabled", sa.Boolean(), nullable=False, comment="Whether its declaration says that it runs."),
        sa.Column(
            "tables", JSONB(), server_default=sa.text("'[]'"), nullable=False, comment="Tables it is expected to write."
        ),
        sa.Column(
            "notify",
            JSONB(),
            nullable=True,
            comment="Channels its notices go to; null: all that are set up; empty: none.",
        ),
        sa.Column(
            "log_files",
            sa.Text(),
            nullable=True,
            comment="Log files that stand for runs of a job that nothing records: a glob pattern.",
        ),
        sa.Column(
            "log_success",
            sa.Text(),
            nullable=True,
            comment="Regular expression that the whole last line of such a log matches on success.",
        ),
        sa.Column(
            "fault",
            sa.Text(),
            nullable=True,
            comment="What is wrong with its declaration, one sentence; null: nothing.",
        ),
        sa.Column("declared_at", TIME, nullable=False, comment="Since when this schedule is declared, UTC."),
        sa.Column(
            "removed_at", TIME, nullable=True, comment="When it was found to be declared no more; its history stays."
        ),
        sa.Column("paused_at", TIME, nullable=True, comment="When a person paused it; null: it is not paused."),
        sa.Column("paused_by", sa.Text(), nullable=True, comment="Who paused it."),
        sa.Column(
            "alarmed_at",
            TIME,
            nullable=True,
            comment="Since when its being down is told and its recovery is not; null: no alarm stands.",
        ),
        sa.Column(
            "flapping_at", TIME, nullable=True, comment="Since when its flapping is told and not over; null: it is not."
        ),
        sa.Column("evaluated_to", TIME, nullable=True, comment="Up to when its changes of state have been worked out."),
        sa.CheckConstraint("kind in ('code', 'command', 'external')", name=op.f("ck_monitor_kind")),
        sa.CheckConstraint(
            "failure_threshold >= 1 and recovery_threshold >= 1 and flap_changes >= 2",
            name=op.f("ck_monitor_thresholds"),
        ),
        sa.CheckConstraint("grace_s >= 0 and early_s >= 0 and max_runtime_s > 0", name=op.f("ck_monitor_times")),
        sa.PrimaryKeyConstraint("id", name="pk_monitor"),
        sa.UniqueConstraint("name", name="uq_monitor_name"),
        schema="ops",
        comment="Every monitor and scheduled job that was ever declared or recorded.",
    )


def _monitor_run() -> None:
    op.create_table(
        "monitor_run",
        sa.Column("run_id", sa.UUID(), nullable=False, comment="Name of the run; version 7, so ordered by start."),
        sa.Column("monitor_id", sa.BigInteger(), nullable=False, comment="Whose run it is."),
        sa.Column("state", NAME, nullable=False, comment="running, success, no_work, failure, killed or skipped."),
        sa.Column(
            "cause",
            NAME,
            nullable=False,
            comment="How it came about: schedule, hand, back-fill, exec, or log (read from a log file).",
        ),
        sa.Column(
            "scheduled_for",
            TIME,
            nullable=True,
            comment="The schedule point it belongs to, UTC; null when it belongs to none.",
        ),
        sa.Column("window_start", TIME, nullable=True, comment="Start of the window of a back-fill, UTC, exclusive."),
        sa.Column("window_end", TIME, nullable=True, comment="End of the window of a back-fill, UTC, inclusive."),
        sa.Column("started", TIME, nullable=False, comment="Start, UTC."),
        sa.Column(
            "heartbeat",
            TIME,
            nullable=False,
            comment="Last sign of life of the process that watches over the run, UTC.",
        ),
        sa.Column("ended", TIME, nullable=True, comment="End, UTC; null while it runs."),
        sa.Column(
            "exit_code", sa.Integer(), nullable=True, comment="Exit code of the process; null when a signal ended it."
        ),
        sa.Column("signal", sa.Integer(), nullable=True, comment="Number of the signal that ended it."),
        sa.Column(
            "error_type",
            NAME,
            nullable=True,
            comment="Class of the exception; Timeout, Signal or Vanished for a killed run.",
        ),
        sa.Column(
            "error_message",
            sa.Text(),
            nullable=True,
            comment="One sentence: what went wrong, or why the run was skipped.",
        ),
        sa.Column(
            "error_fingerprint", NAME, nullable=True, comment="Equal for errors that were raised at the same place."
        ),
        sa.Column("message", sa.Text(), nullable=True, comment="What the run says about itself, one sentence."),
        sa.Column("n_in", sa.BigInteger(), nullable=True, comment="Inputs seen; null when it does not count them."),
        sa.Column("n_done", sa.BigInteger(), nullable=True, comment="Inputs processed."),
        sa.Column("n_skipped", sa.BigInteger(), nullable=True, comment="Inputs left out on purpose."),
        sa.Column("n_failed", sa.BigInteger(), nullable=True, comment="Inputs that could not be processed."),
        sa.Column("n_warnings", sa.Integer(), nullable=True, comment="Warnings logged."),
        sa.Column("n_errors", sa.Integer(), nullable=True, comment="Errors logged."),
        sa.Column("wall_s", sa.Double(), nullable=True, comment="Elapsed time, seconds, by a clock that is never set."),
        sa.Column(
            "cpu_user_s",
            sa.Double(),
            nullable=True,
            comment="Processor time in the program, seconds, with its finished children.",
        ),
        sa.Column(
            "cpu_system_s",
            sa.Double(),
            nullable=True,
            comment="Processor time in the system, seconds, with its finished children.",
        ),
        sa.Column(
            "max_rss_bytes",
            sa.BigInteger(),
            nullable=True,
            comment="Peak resident memory of its largest process, bytes; null: unknown.",
        ),
        sa.Column(
            "read_bytes", sa.BigInteger(), nullable=True, comment="Bytes read from disk, where the system tells."
        ),
        sa.Column(
            "written_bytes", sa.BigInteger(), nullable=True, comment="Bytes written to disk, where the system tells."
        ),
        sa.Column("host", NAME, nullable=False, comment="Machine."),
        sa.Column("boot_id", NAME, nullable=False, comment="Boot of that machine."),
        sa.Column("pid_namespace", NAME, nullable=False, comment="In which the process number means something."),
        sa.Column("pid", sa.Integer(), nullable=False, comment="Process that watches over the run."),
        sa.Column(
            "start_ticks", sa.BigInteger(), nullable=True, comment="Start of that process, clock ticks since boot."
        ),
        sa.Column("user_name", NAME, nullable=False, comment="Account it runs under."),
        sa.Column("version", NAME, nullable=False, comment="Version of the code, with the commit when known."),
        sa.Column("algorithm", NAME, nullable=True, comment="Version of the method."),
        sa.Column("config_digest", NAME, nullable=True, comment="SHA-256 of the settings in force, without secrets."),
        sa.Column(
            "provenance",
            JSONB(),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="Python, packages, environment.",
        ),
        sa.Column("argv", JSONB(), server_default=sa.text("'[]'"), nullable=False, comment="Command line."),
        sa.Column("log_path", sa.Text(), nullable=True, comment="Log file, below the archive home."),
        sa.Column(
            "output_tail",
            sa.Text(),
            nullable=True,
            comment="End of what it printed; bytes that are not UTF-8 are escaped.",
        ),
        sa.CheckConstraint("(state = 'running') = (ended is null)", name=op.f("ck_monitor_run_ended")),
        sa.CheckConstraint(
            "cause in ('schedule', 'hand', 'back-fill', 'exec', 'log')", name=op.f("ck_monitor_run_cause")
        ),
        sa.CheckConstraint(
            "state in ('running', 'success', 'no_work', 'failure', 'killed', 'skipped')",
            name=op.f("ck_monitor_run_state"),
        ),
        sa.CheckConstraint("started <= ended", name=op.f("ck_monitor_run_times")),
        sa.ForeignKeyConstraint(["monitor_id"], ["ops.monitor.id"], name="fk_monitor_run_monitor_id_monitor"),
        sa.PrimaryKeyConstraint("run_id", name="pk_monitor_run"),
        schema="ops",
        comment="Every run: written before the work, closed after it.",
    )
    op.create_index(
        "ix_monitor_run_running",
        "monitor_run",
        ["monitor_id"],
        unique=False,
        schema="ops",
        postgresql_where=sa.text("state = 'running'"),
    )
    op.create_index(
        "ix_monitor_run_started",
        "monitor_run",
        ["monitor_id", sa.literal_column("started desc")],
        unique=False,
        schema="ops",
    )
    op.create_index(
        "ix_monitor_run_time", "monitor_run", ["started"], unique=False, schema="ops", postgresql_using="brin"
    )
    op.create_index(
        "uq_monitor_run_scheduled_for",
        "monitor_run",
        ["monitor_id", "scheduled_for"],
        unique=True,
        schema="ops",
        postgresql_where=sa.text("state <> 'skipped' and cause <> 'back-fill'"),
    )


def _notice() -> None:
    op.create_table(
        "notice",
        sa.Column(
            "id",
            sa.BigInteger(),
            sa.Identity(),
            nullable=False,
            comment="Surrogate key; never reused, gaps are normal.",
        ),
        sa.Column("monitor_id", sa.BigInteger(), nullable=True, comment="What it is about; null for a test."),
        sa.Column("kind", NAME, nullable=False, comment="down, recovery, flapping or test."),
        sa.Column("channel", NAME, nullable=False, comment="email, webhook or command."),
        sa.Column("dedupe", NAME, nullable=False, comment="The same occasion is told once a channel."),
        sa.Column("subject", sa.Text(), nullable=False, comment="First line."),
        sa.Column("body", sa.Text(), nullable=False, comment="The text."),
        sa.Column(
            "state",
            NAME,
            server_default=sa.text("'queued'"),
            nullable=False,
            comment="queued, sent or failed (given up).",
        ),
        sa.Column(
            "attempts",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="How often sending was tried.",
        ),
        sa.Column("next_try", TIME, nullable=False, comment="Not to be sent, or tried again, before this time, UTC."),
        sa.Column("sent_at", TIME, nullable=True, comment="When it was sent."),
        sa.Column("error", sa.Text(), nullable=True, comment="Why the last attempt failed; holds no secret."),
        sa.Column("created_at", TIME, server_default=sa.text("now()"), nullable=False, comment="When it was written."),
        sa.CheckConstraint("channel in ('email', 'webhook', 'command')", name=op.f("ck_notice_channel")),
        sa.CheckConstraint("kind in ('down', 'recovery', 'flapping', 'test')", name=op.f("ck_notice_kind")),
        sa.CheckConstraint("state in ('queued', 'sent', 'failed')", name=op.f("ck_notice_state")),
        sa.ForeignKeyConstraint(["monitor_id"], ["ops.monitor.id"], name="fk_notice_monitor_id_monitor"),
        sa.PrimaryKeyConstraint("id", name="pk_notice"),
        sa.UniqueConstraint("dedupe", name="uq_notice_dedupe"),
        schema="ops",
        comment="Outbox: notices are written with the change they tell of, and sent afterwards.",
    )
    op.create_index("ix_notice_monitor_id", "notice", ["monitor_id"], unique=False, schema="ops")
    op.create_index(
        "ix_notice_queued",
        "notice",
        ["next_try"],
        unique=False,
        schema="ops",
        postgresql_where=sa.text("state = 'queued'"),
    )


def _state_change() -> None:
    op.create_table(
        "state_change",
        sa.Column(
            "id",
            sa.BigInteger(),
            sa.Identity(),
            nullable=False,
            comment="Surrogate key; never reused, gaps are normal.",
        ),
        sa.Column("monitor_id", sa.BigInteger(), nullable=False, comment="Whose state it is."),
        sa.Column("from_state", NAME, nullable=True, comment="State before; null at the first one."),
        sa.Column(
            "to_state",
            NAME,
            nullable=False,
            comment="new, up, no_work, missed, overrun, failed, dead, paused or invalid.",
        ),
        sa.Column("from_level", NAME, nullable=False, comment="up, down or unknown, before."),
        sa.Column("to_level", NAME, nullable=False, comment="up, down or unknown, from then on."),
        sa.Column(
            "at",
            TIME,
            nullable=False,
            comment="When the state changed, UTC: the moment itself, not when it was noticed.",
        ),
        sa.Column("reason", NAME, nullable=False, comment="schedule, timeout, failure, killed or manual."),
        sa.Column("message", sa.Text(), nullable=False, comment="One sentence: why."),
        sa.Column(
            "run_id", sa.UUID(), nullable=True, comment="The run that caused it, when one did; it may be gone by now."
        ),
        sa.Column(
            "noticed_at", TIME, server_default=sa.text("now()"), nullable=False, comment="When the row was written."
        ),
        sa.CheckConstraint("from_level in ('up', 'down', 'unknown')", name=op.f("ck_state_change_from_level")),
        sa.CheckConstraint("to_level in ('up', 'down', 'unknown')", name=op.f("ck_state_change_to_level")),
        sa.CheckConstraint(
            "reason in ('schedule', 'timeout', 'failure', 'killed', 'manual')", name=op.f("ck_state_change_reason")
        ),
        sa.CheckConstraint(
            "to_state in ('new', 'up', 'no_work', 'missed', 'overrun', 'failed', 'dead', 'paused', 'invalid')",
            name=op.f("ck_state_change_state"),
        ),
        sa.ForeignKeyConstraint(["monitor_id"], ["ops.monitor.id"], name="fk_state_change_monitor_id_monitor"),
        sa.PrimaryKeyConstraint("id", name="pk_state_change"),
        schema="ops",
        comment="Every change of state of a job; availability comes from these rows. Started and late are never stored.",
    )
    op.create_index("ix_state_change_monitor_id_at", "state_change", ["monitor_id", "at"], unique=False, schema="ops")


def _watermark() -> None:
    op.create_table(
        "watermark",
        sa.Column("monitor_id", sa.BigInteger(), nullable=False, comment="Whose mark it is."),
        sa.Column(
            "selector", NAME, nullable=False, comment="Which files: canonical JSON of instrument, product and level."
        ),
        sa.Column(
            "algorithm", NAME, nullable=False, comment="Version of the method; a new one begins at the first file."
        ),
        sa.Column(
            "file_id",
            sa.BigInteger(),
            nullable=False,
            comment="Every file of the selection up to this key is processed.",
        ),
        sa.Column("run_id", sa.UUID(), nullable=False, comment="The run that set it; it may be gone by now."),
        sa.Column("updated_at", TIME, server_default=sa.text("now()"), nullable=False, comment="When it was set."),
        sa.ForeignKeyConstraint(["monitor_id"], ["ops.monitor.id"], name="fk_watermark_monitor_id_monitor"),
        sa.PrimaryKeyConstraint("monitor_id", "selector", "algorithm", name="pk_watermark"),
        schema="ops",
        comment="High-water marks by order of ingest, advanced in the transaction that holds the results.",
    )


def _finding() -> None:
    op.create_table(
        "finding",
        sa.Column(
            "id",
            sa.BigInteger(),
            sa.Identity(),
            nullable=False,
            comment="Surrogate key; never reused, gaps are normal.",
        ),
        sa.Column("run_id", sa.UUID(), nullable=False, comment="The run that found it."),
        sa.Column("monitor_id", sa.BigInteger(), nullable=False, comment="The monitor of the run."),
        sa.Column("severity", NAME, nullable=False, comment="info, warning or error."),
        sa.Column("code", NAME, nullable=False, comment="Kind of finding, for example disk_filling."),
        sa.Column(
            "subject",
            NAME,
            server_default=sa.text("''"),
            nullable=False,
            comment="What it is about; with monitor and code the name of the finding.",
        ),
        sa.Column("message", sa.Text(), nullable=False, comment="One sentence: what it is and what to do about it."),
        sa.Column(
            "count",
            sa.BigInteger(),
            server_default=sa.text("1"),
            nullable=False,
            comment="How many alike it stands for.",
        ),
        sa.Column(
            "facts", JSONB(), server_default=sa.text("'{}'"), nullable=False, comment="Numbers and names behind it."
        ),
        sa.Column("since", TIME, nullable=False, comment="Since when every run of the monitor has found it, UTC."),
        sa.CheckConstraint("severity in ('info', 'warning', 'error')", name=op.f("ck_finding_severity")),
        sa.ForeignKeyConstraint(["monitor_id"], ["ops.monitor.id"], name="fk_finding_monitor_id_monitor"),
        sa.ForeignKeyConstraint(
            ["run_id"], ["ops.monitor_run.run_id"], name="fk_finding_run_id_monitor_run", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_finding"),
        schema="ops",
        comment="What a person should look at. The findings of the newest ended run of a monitor are the open ones.",
    )
    op.create_index("ix_finding_run_id", "finding", ["run_id"], unique=False, schema="ops")
    op.create_index("ix_finding_subject", "finding", ["monitor_id", "code", "subject"], unique=False, schema="ops")


def _metric() -> None:
    op.create_table(
        "metric",
        sa.Column(
            "id",
            sa.BigInteger(),
            sa.Identity(),
            nullable=False,
            comment="Surrogate key; never reused, gaps are normal.",
        ),
        sa.Column("run_id", sa.UUID(), nullable=False, comment="The run that measured it."),
        sa.Column("monitor_id", sa.BigInteger(), nullable=False, comment="The monitor of the run."),
        sa.Column("name", NAME, nullable=False, comment="What was measured, for example area_used_bytes."),
        sa.Column(
            "labels", JSONB(), server_default=sa.text("'{}'"), nullable=False, comment="What the number belongs to."
        ),
        sa.Column("at", TIME, nullable=False, comment="When it was measured, UTC."),
        sa.Column("value", sa.Double(), nullable=True, comment="The number; null: could not be measured."),
        sa.Column(
            "unit", NAME, server_default=sa.text("''"), nullable=False, comment="Unit for people; empty for counts."
        ),
        sa.ForeignKeyConstraint(["monitor_id"], ["ops.monitor.id"], name="fk_metric_monitor_id_monitor"),
        sa.ForeignKeyConstraint(
            ["run_id"], ["ops.monitor_run.run_id"], name="fk_metric_run_id_monitor_run", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_metric"),
        schema="ops",
        comment="Numbers that monitors measured, one row a number and run.",
    )
    op.create_index("ix_metric_monitor_id_name_at", "metric", ["monitor_id", "name", "at"], unique=False, schema="ops")
    op.create_index("ix_metric_run_id", "metric", ["run_id"], unique=False, schema="ops")


def _monitor_run_table() -> None:
    op.create_table(
        "monitor_run_table",
        sa.Column("run_id", sa.UUID(), nullable=False, comment="The run."),
        sa.Column("table_name", NAME, nullable=False, comment="Qualified name of the table."),
        sa.Column("n_rows", sa.BigInteger(), nullable=False, comment="Rows inserted or changed."),
        sa.ForeignKeyConstraint(
            ["run_id"], ["ops.monitor_run.run_id"], name="fk_monitor_run_table_run_id_monitor_run", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "table_name", name="pk_monitor_run_table"),
        schema="ops",
        comment="Which tables a run wrote, and how many rows.",
    )
