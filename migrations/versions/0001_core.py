"""Files, events, lineage, problems, calibrations and the ledger of work."""

# ruff: noqa: E501 - one column, one line

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, TSTZRANGE, ExcludeConstraint

revision = "0001_core"
down_revision = None
branch_labels = None
depends_on = None

KEY = "Surrogate key; never reused, gaps are normal."
#: Text ordered by bytes, equal on every server whatever its locale.
NAME = sa.Text(collation="C")
TIME = sa.DateTime(timezone=True)

#: Made here; ``ops`` exists already, because Alembic keeps its version there.
SCHEMAS = {
    "core": "Files, events, lineage, problems and calibrations of every instrument.",
    "ops": "The ledger of all work, quarantine, and the revision of the schema.",
    "analysis": "Views for people.",
}


def upgrade() -> None:
    for schema, comment in SCHEMAS.items():
        op.execute(f"create schema if not exists {schema}")
        op.execute(f"comment on schema {schema} is '{comment}'")
    op.execute("comment on table ops.alembic_version is 'Revision of the schema; one row.'")
    op.execute("comment on column ops.alembic_version.version_num is 'Name of the newest migration applied.'")
    op.create_table(
        "code_version",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False, comment=KEY),
        sa.Column("name", NAME, nullable=False, comment="Distribution name, for example pinakes."),
        sa.Column("version", NAME, nullable=False, comment="Version of the code, with local build information."),
        sa.Column(
            "first_seen",
            TIME,
            server_default=sa.text("now()"),
            nullable=False,
            comment="When this version first wrote to this catalog.",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_code_version")),
        sa.UniqueConstraint("name", "version", name=op.f("uq_code_version_name_version")),
        schema="core",
        comment="Versions of the code that wrote rows.",
    )
    op.create_table(
        "instrument",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False, comment=KEY),
        sa.Column("name", NAME, nullable=False, comment="Short lower-case name, for example idex."),
        sa.Column("title", sa.Text(), nullable=False, comment="Name for people."),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instrument")),
        sa.UniqueConstraint("name", name=op.f("uq_instrument_name")),
        schema="core",
        comment="Instruments and other origins of files.",
    )
    op.create_table(
        "calibration_set",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False, comment=KEY),
        sa.Column("instrument_id", sa.BigInteger(), nullable=False, comment="Whose calibration it is."),
        sa.Column("name", NAME, nullable=False, comment="What it calibrates, for example waveform_scale."),
        sa.Column("version", sa.Integer(), nullable=False, comment="Version of the set; the highest one counts."),
        sa.Column(
            "created_at", TIME, server_default=sa.text("now()"), nullable=False, comment="When the set was written."
        ),
        sa.ForeignKeyConstraint(
            ["instrument_id"], ["core.instrument.id"], name=op.f("fk_calibration_set_instrument_id_instrument")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calibration_set")),
        sa.UniqueConstraint(
            "instrument_id", "name", "version", name=op.f("uq_calibration_set_instrument_id_name_version")
        ),
        schema="core",
        comment="Versions of calibrations. Sets are appended, never edited.",
    )
    op.create_table(
        "product",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False, comment=KEY),
        sa.Column("instrument_id", sa.BigInteger(), nullable=False, comment="Whose product it is."),
        sa.Column("name", NAME, nullable=False, comment="Name of the product, unique within the instrument."),
        sa.Column("level", NAME, nullable=False, comment="Processing level: raw, l0, l1a, l1b, l2, preview or report."),
        sa.Column("format", NAME, nullable=False, comment="File format, for example ccsds, hdf5 or cdf."),
        sa.Column("title", sa.Text(), nullable=False, comment="Name for people."),
        sa.Column("description", sa.Text(), nullable=False, comment="What the file holds."),
        sa.Column("doi", sa.Text(), nullable=True, comment="DOI of the product, when it has one."),
        sa.Column(
            "attributes", JSONB(), server_default=sa.text("'{}'"), nullable=False, comment="Further attributes (ISTP)."
        ),
        sa.ForeignKeyConstraint(
            ["instrument_id"], ["core.instrument.id"], name=op.f("fk_product_instrument_id_instrument")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product")),
        sa.UniqueConstraint("instrument_id", "name", name=op.f("uq_product_instrument_id_name")),
        schema="core",
        comment="Kinds of files: what instrument, what level, what format.",
    )
    op.create_table(
        "calibration",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False, comment=KEY),
        sa.Column("calibration_set_id", sa.BigInteger(), nullable=False, comment="The set it belongs to."),
        sa.Column(
            "valid",
            TSTZRANGE(),
            nullable=False,
            comment="Data times it applies to, UTC; ranges of a set cannot overlap.",
        ),
        sa.Column("unit", sa.Text(), nullable=True, comment="Unit of the calibrated quantity."),
        sa.Column("values", JSONB(), nullable=False, comment="The numbers, by channel or quantity."),
        sa.Column("origin", sa.Text(), nullable=False, comment="Where the numbers come from."),
        ExcludeConstraint(
            (sa.text("int8range(calibration_set_id, calibration_set_id, '[]')"), "&&"),
            (sa.column("valid"), "&&"),
            using="gist",
            name="ex_calibration_no_overlap",
        ),
        sa.ForeignKeyConstraint(
            ["calibration_set_id"],
            ["core.calibration_set.id"],
            name=op.f("fk_calibration_calibration_set_id_calibration_set"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calibration")),
        schema="core",
        comment="Calibration values with the data times they are valid for.",
    )
    op.create_table(
        "file",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False, comment=KEY),
        sa.Column("product_id", sa.BigInteger(), nullable=False, comment="What kind of file it is."),
        sa.Column("relpath", NAME, nullable=False, comment="Path below the archive home, with forward slashes."),
        sa.Column(
            "original_name",
            NAME,
            nullable=True,
            comment="Name of the file where it came from; bytes that are not UTF-8 are escaped.",
        ),
        sa.Column("received", sa.Boolean(), nullable=False, comment="True: came from outside; false: we made it."),
        sa.Column("sha256", NAME, nullable=False, comment="SHA-256 of the bytes, 64 lower-case hexadecimal digits."),
        sa.Column("size", sa.BigInteger(), nullable=False, comment="Size in bytes."),
        sa.Column("t_start", TIME, nullable=True, comment="First time the data speak of, UTC; null when unknown."),
        sa.Column("t_end", TIME, nullable=True, comment="Last time the data speak of, UTC; null when unknown."),
        sa.Column(
            "t_range",
            TSTZRANGE(),
            sa.Computed("tstzrange(t_start, t_end, '[]')", persisted=True),
            nullable=True,
            comment="t_start to t_end, both inclusive; for overlaps with other ranges.",
        ),
        sa.Column(
            "version",
            sa.Integer(),
            server_default=sa.text("1"),
            nullable=False,
            comment="Version of the product, from 1.",
        ),
        sa.Column(
            "state",
            NAME,
            nullable=False,
            comment="pending, available, missing, corrupt, quarantined or retired; available: bytes of that sha256 are there.",
        ),
        sa.Column(
            "header",
            JSONB(),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="Facts read from the file itself.",
        ),
        sa.Column("code_version_id", sa.BigInteger(), nullable=True, comment="Code that wrote this row."),
        sa.Column(
            "created_at", TIME, server_default=sa.text("now()"), nullable=False, comment="When the row was written."
        ),
        sa.Column("verified_at", TIME, nullable=True, comment="When the bytes were last compared with sha256."),
        sa.CheckConstraint(
            "state in ('pending', 'available', 'missing', 'corrupt', 'quarantined', 'retired')",
            name=op.f("ck_file_state"),
        ),
        sa.CheckConstraint("octet_length(sha256) = 64", name=op.f("ck_file_sha256")),
        sa.CheckConstraint("size >= 0", name=op.f("ck_file_size")),
        sa.CheckConstraint("t_start <= t_end", name=op.f("ck_file_times")),
        sa.ForeignKeyConstraint(
            ["code_version_id"], ["core.code_version.id"], name=op.f("fk_file_code_version_id_code_version")
        ),
        sa.ForeignKeyConstraint(["product_id"], ["core.product.id"], name=op.f("fk_file_product_id_product")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_file")),
        sa.UniqueConstraint("relpath", name=op.f("uq_file_relpath")),
        schema="core",
        comment="Every file the archive holds: raw, decoded, preview and report files alike.",
    )
    op.create_index("ix_file_created_at", "file", ["created_at"], unique=False, schema="core", postgresql_using="brin")
    op.create_index(
        "ix_file_long",
        "file",
        ["t_range"],
        unique=False,
        schema="core",
        postgresql_using="gist",
        postgresql_where=sa.text("t_end - t_start > interval '2 days'"),
    )
    op.create_index(
        "ix_file_made_sha256",
        "file",
        ["sha256"],
        unique=False,
        schema="core",
        postgresql_using="hash",
        postgresql_where=sa.text("not received"),
    )
    op.create_index(
        "ix_file_not_available",
        "file",
        ["state", "id"],
        unique=False,
        schema="core",
        postgresql_where=sa.text("state != 'available'"),
    )
    op.create_index(op.f("ix_file_product_id_t_start"), "file", ["product_id", "t_start"], unique=False, schema="core")
    op.create_index(
        "ix_file_times",
        "file",
        ["t_start", "t_end"],
        unique=False,
        schema="core",
        postgresql_using="brin",
        postgresql_with={"pages_per_range": "16", "autosummarize": "on"},
    )
    op.create_index(
        "uq_file_received_sha256",
        "file",
        ["sha256"],
        unique=True,
        schema="core",
        postgresql_where=sa.text("received and state <> 'retired'"),
    )
    op.create_table(
        "event",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False, comment=KEY),
        sa.Column("instrument_id", sa.BigInteger(), nullable=False, comment="Whose event it is."),
        sa.Column(
            "identity", NAME, nullable=False, comment="Name of the event for ever, unique within the instrument."
        ),
        sa.Column(
            "file_id", sa.BigInteger(), nullable=False, comment="The raw file that holds the best copy of the event."
        ),
        sa.Column("kind", NAME, nullable=False, comment="Kind of event, for example dust."),
        sa.Column("seq", sa.BigInteger(), nullable=False, comment="The instrument's own event number."),
        sa.Column("t", TIME, nullable=False, comment="Event time, UTC."),
        sa.Column("t_end", TIME, nullable=True, comment="End of the event, UTC, when it has one."),
        sa.Column("tick", sa.BigInteger(), nullable=False, comment="Event time in the instrument's own clock units."),
        sa.Column(
            "flags",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Bits: 0 incomplete, 1 conflicting, 2 damaged, 3 clock unset, 4 assembled; from 16 the instrument's.",
        ),
        sa.Column(
            "preference",
            NAME,
            nullable=False,
            comment="Order key among the copies of the event; the smallest wins, whatever the order of arrival.",
        ),
        sa.Column(
            "created_at",
            TIME,
            server_default=sa.text("now()"),
            nullable=False,
            comment="When the row was first written.",
        ),
        sa.ForeignKeyConstraint(["file_id"], ["core.file.id"], name=op.f("fk_event_file_id_file")),
        sa.ForeignKeyConstraint(
            ["instrument_id"], ["core.instrument.id"], name=op.f("fk_event_instrument_id_instrument")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
        sa.UniqueConstraint("instrument_id", "identity", name=op.f("uq_event_instrument_id_identity")),
        schema="core",
        comment="Everything that happened, one row an event, whatever number of files carry it.",
    )
    op.create_index(op.f("ix_event_file_id"), "event", ["file_id"], unique=False, schema="core")
    op.create_index(
        op.f("ix_event_instrument_id_kind_t"), "event", ["instrument_id", "kind", "t"], unique=False, schema="core"
    )
    op.create_index("ix_event_t", "event", ["t"], unique=False, schema="core")
    op.create_table(
        "file_apid",
        sa.Column("file_id", sa.BigInteger(), nullable=False, comment="The packet file."),
        sa.Column("apid", sa.Integer(), nullable=False, comment="Application process identifier, 0-2047."),
        sa.Column("name", NAME, nullable=True, comment="Name of the packet kind; null when the definition has none."),
        sa.Column("n_packets", sa.BigInteger(), nullable=False, comment="Packets of this APID that were framed."),
        sa.Column("n_bytes", sa.BigInteger(), nullable=False, comment="Their bytes, primary headers included."),
        sa.Column("n_crc_failed", sa.BigInteger(), nullable=False, comment="Packets whose checksum does not match."),
        sa.Column("n_gaps", sa.BigInteger(), nullable=False, comment="Jumps of the sequence counter."),
        sa.Column("n_missing", sa.BigInteger(), nullable=False, comment="Packets the jumps leave out."),
        sa.Column("first_seq", sa.Integer(), nullable=True, comment="First sequence count, 0-16383."),
        sa.Column("last_seq", sa.Integer(), nullable=True, comment="Last sequence count, 0-16383."),
        sa.Column(
            "t_first", TIME, nullable=True, comment="Packet time of the first packet, UTC; null when it has none."
        ),
        sa.Column("t_last", TIME, nullable=True, comment="Packet time of the last packet, UTC; null when it has none."),
        sa.CheckConstraint("apid between 0 and 2047", name=op.f("ck_file_apid_apid")),
        sa.ForeignKeyConstraint(
            ["file_id"], ["core.file.id"], name=op.f("fk_file_apid_file_id_file"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("file_id", "apid", name=op.f("pk_file_apid")),
        schema="core",
        comment="Packets per APID of every packet file.",
    )
    op.create_table(
        "file_parent",
        sa.Column("file_id", sa.BigInteger(), nullable=False, comment="The file that was made."),
        sa.Column("parent_id", sa.BigInteger(), nullable=False, comment="The file it was made from."),
        sa.Column(
            "role",
            NAME,
            server_default=sa.text("'source'"),
            nullable=False,
            comment="What the parent was for, for example source or calibration.",
        ),
        sa.CheckConstraint("file_id <> parent_id", name=op.f("ck_file_parent_not_itself")),
        sa.ForeignKeyConstraint(
            ["file_id"], ["core.file.id"], name=op.f("fk_file_parent_file_id_file"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["parent_id"], ["core.file.id"], name=op.f("fk_file_parent_parent_id_file")),
        sa.PrimaryKeyConstraint("file_id", "parent_id", "role", name=op.f("pk_file_parent")),
        schema="core",
        comment="Lineage: which file was made from which.",
    )
    op.create_index(op.f("ix_file_parent_parent_id"), "file_parent", ["parent_id"], unique=False, schema="core")
    op.create_table(
        "packet_gap",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False, comment=KEY),
        sa.Column("file_id", sa.BigInteger(), nullable=False, comment="The packet file."),
        sa.Column("apid", sa.Integer(), nullable=False, comment="Application process identifier, 0-2047."),
        sa.Column(
            "kind",
            NAME,
            nullable=False,
            comment="gap (packets missing), reboot (counter restarted at 0), backward or duplicate.",
        ),
        sa.Column("seq_before", sa.Integer(), nullable=False, comment="Sequence count before the jump."),
        sa.Column("seq_after", sa.Integer(), nullable=False, comment="Sequence count after the jump."),
        sa.Column(
            "n_missing", sa.Integer(), nullable=False, comment="Packets left out, modulo 16384; 0 unless kind is gap."
        ),
        sa.Column("byte_offset", sa.BigInteger(), nullable=False, comment="Where the packet after the jump begins."),
        sa.CheckConstraint("kind in ('gap', 'reboot', 'backward', 'duplicate')", name=op.f("ck_packet_gap_kind")),
        sa.ForeignKeyConstraint(
            ["file_id"], ["core.file.id"], name=op.f("fk_packet_gap_file_id_file"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_packet_gap")),
        schema="core",
        comment="Jumps of the sequence counters.",
    )
    op.create_index(op.f("ix_packet_gap_file_id_apid"), "packet_gap", ["file_id", "apid"], unique=False, schema="core")
    op.create_table(
        "job",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False, comment=KEY),
        sa.Column(
            "kind", NAME, nullable=False, comment="What to do: the name of an entry point in the group pinakes.jobs."
        ),
        sa.Column(
            "key",
            NAME,
            nullable=False,
            comment="Signature of the work, unique within the kind: the same work is one row.",
        ),
        sa.Column("args", JSONB(), server_default=sa.text("'{}'"), nullable=False, comment="Arguments of the job."),
        sa.Column(
            "state",
            NAME,
            server_default=sa.text("'queued'"),
            nullable=False,
            comment="queued, running, done, failed or quarantined.",
        ),
        sa.Column("priority", sa.Integer(), server_default=sa.text("0"), nullable=False, comment="Higher runs first."),
        sa.Column(
            "attempt",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Number of the current attempt.",
        ),
        sa.Column(
            "max_attempts",
            sa.Integer(),
            server_default=sa.text("3"),
            nullable=False,
            comment="Attempts before it is given up.",
        ),
        sa.Column("lease_until", TIME, nullable=True, comment="Until when the claim of a running job holds, UTC."),
        sa.Column("worker", JSONB(), nullable=True, comment="Who holds the claim: host, boot id, pid, start ticks."),
        sa.Column("parent_id", sa.BigInteger(), nullable=True, comment="The job that asked for this one."),
        sa.Column("file_id", sa.BigInteger(), nullable=True, comment="The file the job is about, once it has one."),
        sa.Column(
            "result", JSONB(), nullable=True, comment="What came out: counts, and for a duplicate the file it repeats."
        ),
        sa.Column("error", sa.Text(), nullable=True, comment="One sentence: why the last attempt failed."),
        sa.Column(
            "created_at", TIME, server_default=sa.text("now()"), nullable=False, comment="When the job was asked for."
        ),
        sa.Column("started_at", TIME, nullable=True, comment="When the current attempt began."),
        sa.Column("finished_at", TIME, nullable=True, comment="When the job ended."),
        sa.CheckConstraint("(state = 'running') = (lease_until is not null)", name=op.f("ck_job_lease")),
        sa.CheckConstraint(
            "state in ('queued', 'running', 'done', 'failed', 'quarantined')", name=op.f("ck_job_state")
        ),
        sa.ForeignKeyConstraint(["file_id"], ["core.file.id"], name=op.f("fk_job_file_id_file")),
        sa.ForeignKeyConstraint(["parent_id"], ["ops.job.id"], name=op.f("fk_job_parent_id_job"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
        sa.UniqueConstraint("kind", "key", name=op.f("uq_job_kind_key")),
        schema="ops",
        comment="The one ledger of all work: claimed with a lease, fenced by the attempt number.",
    )
    op.create_index(op.f("ix_job_file_id"), "job", ["file_id"], unique=False, schema="ops")
    op.create_index(
        "ix_job_running",
        "job",
        ["lease_until"],
        unique=False,
        schema="ops",
        postgresql_where=sa.text("state = 'running'"),
    )
    op.create_index(
        "ix_job_todo",
        "job",
        [sa.literal_column("priority desc"), "id"],
        unique=False,
        schema="ops",
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_table(
        "event_product",
        sa.Column("event_id", sa.BigInteger(), nullable=False, comment="The event."),
        sa.Column("file_id", sa.BigInteger(), nullable=False, comment="The product file that holds it."),
        sa.Column(
            "record", sa.Integer(), nullable=False, comment="Index of the event's record in the product, from 0."
        ),
        sa.ForeignKeyConstraint(
            ["event_id"], ["core.event.id"], name=op.f("fk_event_product_event_id_event"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["file_id"], ["core.file.id"], name=op.f("fk_event_product_file_id_file"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("event_id", "file_id", name=op.f("pk_event_product")),
        schema="core",
        comment="In which record of which product file an event lies.",
    )
    op.create_index(op.f("ix_event_product_file_id"), "event_product", ["file_id"], unique=False, schema="core")
    op.create_table(
        "event_source",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False, comment=KEY),
        sa.Column("file_id", sa.BigInteger(), nullable=False, comment="The raw file."),
        sa.Column(
            "event_id", sa.BigInteger(), nullable=True, comment="The event; null for parts whose header is elsewhere."
        ),
        sa.Column("match_key", NAME, nullable=False, comment="Key that parts of one event share in every file."),
        sa.Column("complete", sa.Boolean(), nullable=False, comment="Whether the file holds the whole event."),
        sa.Column(
            "parts", sa.BigInteger(), nullable=False, comment="How much of the event the file holds; more is better."
        ),
        sa.Column("digest", NAME, nullable=False, comment="Equal for equal content."),
        sa.Column(
            "missing", JSONB(), server_default=sa.text("'[]'"), nullable=False, comment="The parts that are not there."
        ),
        sa.ForeignKeyConstraint(["event_id"], ["core.event.id"], name=op.f("fk_event_source_event_id_event")),
        sa.ForeignKeyConstraint(
            ["file_id"], ["core.file.id"], name=op.f("fk_event_source_file_id_file"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_source")),
        sa.UniqueConstraint("file_id", "match_key", "digest", name=op.f("uq_event_source_file_id_match_key_digest")),
        schema="core",
        comment="Which raw file holds how much of which event: retransmissions, parts and orphans.",
    )
    op.create_index(op.f("ix_event_source_event_id"), "event_source", ["event_id"], unique=False, schema="core")
    op.create_index(
        "ix_event_source_incomplete",
        "event_source",
        ["match_key", "file_id"],
        unique=False,
        schema="core",
        postgresql_where=sa.text("not complete"),
    )
    op.create_index(op.f("ix_event_source_match_key"), "event_source", ["match_key"], unique=False, schema="core")
    op.create_table(
        "file_problem",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False, comment=KEY),
        sa.Column(
            "file_id", sa.BigInteger(), nullable=True, comment="The file; null when it never got into the archive."
        ),
        sa.Column("job_id", sa.BigInteger(), nullable=True, comment="The job that met the problem."),
        sa.Column(
            "source", sa.Text(), nullable=True, comment="Path the file came from; bytes that are not UTF-8 are escaped."
        ),
        sa.Column("code", NAME, nullable=False, comment="Kind of problem, for example crc_mismatch."),
        sa.Column("severity", NAME, nullable=False, comment="info, warning or error."),
        sa.Column("byte_offset", sa.BigInteger(), nullable=True, comment="Where in the file, bytes from its start."),
        sa.Column("byte_length", sa.BigInteger(), nullable=True, comment="How many bytes are concerned."),
        sa.Column("packet", sa.BigInteger(), nullable=True, comment="Ordinal of the packet in the file, from 0."),
        sa.Column(
            "count",
            sa.BigInteger(),
            server_default=sa.text("1"),
            nullable=False,
            comment="How many alike this row stands for.",
        ),
        sa.Column(
            "message", sa.Text(), nullable=False, comment="One sentence: what is wrong and what was done about it."
        ),
        sa.Column(
            "created_at", TIME, server_default=sa.text("now()"), nullable=False, comment="When the row was written."
        ),
        sa.CheckConstraint("severity in ('info', 'warning', 'error')", name=op.f("ck_file_problem_severity")),
        sa.ForeignKeyConstraint(["file_id"], ["core.file.id"], name=op.f("fk_file_problem_file_id_file")),
        sa.ForeignKeyConstraint(
            ["job_id"], ["ops.job.id"], name=op.f("fk_file_problem_job_id_job"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_file_problem")),
        schema="core",
        comment="What is wrong with files, where, and what was done about it.",
    )
    op.create_index("ix_file_problem_created_at", "file_problem", ["created_at"], unique=False, schema="core")
    op.create_index(op.f("ix_file_problem_file_id"), "file_problem", ["file_id"], unique=False, schema="core")
    op.create_index(op.f("ix_file_problem_job_id"), "file_problem", ["job_id"], unique=False, schema="core")
    op.create_table(
        "quarantine",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False, comment=KEY),
        sa.Column("file_id", sa.BigInteger(), nullable=True, comment="The quarantined file."),
        sa.Column("job_id", sa.BigInteger(), nullable=True, comment="The job that set it aside."),
        sa.Column("source", sa.Text(), nullable=False, comment="Where the file came from."),
        sa.Column("relpath", NAME, nullable=False, comment="Where the bytes are now, below the archive home."),
        sa.Column(
            "reason", NAME, nullable=False, comment="Kind of reason, for example not_recognised or name_conflict."
        ),
        sa.Column("message", sa.Text(), nullable=False, comment="One sentence: why, and what to do about it."),
        sa.Column("sha256", NAME, nullable=False, comment="SHA-256 of the bytes."),
        sa.Column("size", sa.BigInteger(), nullable=False, comment="Size in bytes."),
        sa.Column(
            "created_at", TIME, server_default=sa.text("now()"), nullable=False, comment="When it was set aside."
        ),
        sa.Column("released_at", TIME, nullable=True, comment="When it was taken out again."),
        sa.ForeignKeyConstraint(["file_id"], ["core.file.id"], name=op.f("fk_quarantine_file_id_file")),
        sa.ForeignKeyConstraint(["job_id"], ["ops.job.id"], name=op.f("fk_quarantine_job_id_job"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantine")),
        sa.UniqueConstraint("relpath", name=op.f("uq_quarantine_relpath")),
        schema="ops",
        comment="Files set aside with a reason; their bytes lie under quarantine/ with a manifest beside them.",
    )
    op.create_index(op.f("ix_quarantine_file_id"), "quarantine", ["file_id"], unique=False, schema="ops")


def downgrade() -> None:
    for table in (
        "ops.quarantine",
        "core.file_problem",
        "core.event_source",
        "core.event_product",
        "ops.job",
        "core.packet_gap",
        "core.file_parent",
        "core.file_apid",
        "core.event",
        "core.file",
        "core.calibration",
        "core.product",
        "core.calibration_set",
        "core.instrument",
        "core.code_version",
    ):
        schema, name = table.split(".")
        op.drop_table(name, schema=schema)
    op.execute("drop schema analysis")
    op.execute("drop schema core")
