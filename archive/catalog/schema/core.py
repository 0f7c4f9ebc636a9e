"""Schema ``core``: files, events, lineage, problems and calibrations of every instrument."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    column,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TSTZRANGE, ExcludeConstraint

from archive.catalog.schema.base import key, metadata, name, now, ref, time

#: Which files are so long that overlap searches look for them by an index of their own.
LONG_FILE_DAYS = 2
LONG_FILE_SPAN = f"interval '{LONG_FILE_DAYS} days'"

#: Where a set of calibrations comes from.
CALIBRATION_SOURCES = ("shipped", "local")

FILE_STATES = ("pending", "available", "missing", "corrupt", "quarantined", "retired")

instrument = Table(
    "instrument",
    metadata,
    key(),
    name("name", "Short lower-case name, for example idex.", unique=True),
    Column("title", Text, nullable=False, comment="Name for people."),
    schema="core",
    comment="Instruments and other origins of files.",
)

product = Table(
    "product",
    metadata,
    key(),
    ref("instrument_id", "core.instrument.id", "Whose product it is."),
    name("name", "Name of the product, unique within the instrument."),
    name("level", "Processing level: raw, l0, l1a, l1b, l2, preview or report."),
    name("format", "File format, for example ccsds, hdf5 or cdf."),
    Column("title", Text, nullable=False, comment="Name for people."),
    Column("description", Text, nullable=False, comment="What the file holds."),
    Column("doi", Text, comment="DOI of the product, when it has one."),
    Column("attributes", JSONB, nullable=False, server_default=text("'{}'"), comment="Further attributes (ISTP)."),
    UniqueConstraint("instrument_id", "name"),
    schema="core",
    comment="Kinds of files: what instrument, what level, what format.",
)

code_version = Table(
    "code_version",
    metadata,
    key(),
    name("name", "Distribution name, for example pinakes."),
    name("version", "Version of the code, with local build information."),
    now("first_seen", "When this version first wrote to this catalog."),
    UniqueConstraint("name", "version"),
    schema="core",
    comment="Versions of the code that wrote rows.",
)

file = Table(
    "file",
    metadata,
    key(),
    ref("product_id", "core.product.id", "What kind of file it is."),
    name("relpath", "Path below the archive home, with forward slashes.", unique=True),
    name("original_name", "Name of the file where it came from; bytes that are not UTF-8 are escaped.", nullable=True),
    Column("received", Boolean, nullable=False, comment="True: came from outside; false: we made it."),
    name("sha256", "SHA-256 of the bytes, 64 lower-case hexadecimal digits."),
    Column("size", BigInteger, nullable=False, comment="Size in bytes."),
    time("t_start", "First time the data speak of, UTC; null when unknown."),
    time("t_end", "Last time the data speak of, UTC; null when unknown."),
    Column(
        "t_range",
        TSTZRANGE,
        Computed("tstzrange(t_start, t_end, '[]')", persisted=True),
        comment="t_start to t_end, both inclusive; for overlaps with other ranges.",
    ),
    Column("version", Integer, nullable=False, server_default=text("1"), comment="Version of the product, from 1."),
    name(
        "state",
        "pending, available, missing, corrupt, quarantined or retired; available: bytes of that sha256 are there.",
    ),
    Column("header", JSONB, nullable=False, server_default=text("'{}'"), comment="Facts read from the file itself."),
    ref("code_version_id", "core.code_version.id", "Code that wrote this row.", nullable=True),
    now("created_at", "When the row was written."),
    time("verified_at", "When the bytes were last compared with sha256."),
    CheckConstraint(f"state in ({', '.join(repr(s) for s in FILE_STATES)})", name="state"),
    CheckConstraint("size >= 0", name="size"),
    CheckConstraint("octet_length(sha256) = 64", name="sha256"),
    CheckConstraint("t_start <= t_end", name="times"),
    Index(None, "product_id", "t_start"),
    # A GiST index on t_range takes more time to keep than all the rest of the row. So only the few long files are in
    # it; a file of ordinary length that overlaps a time begins shortly before it (`archive.catalog.files.overlapping`).
    Index(
        "ix_file_long", "t_range", postgresql_using="gist", postgresql_where=text(f"t_end - t_start > {LONG_FILE_SPAN}")
    ),
    Index(
        "ix_file_times",
        "t_start",
        "t_end",
        postgresql_using="brin",
        postgresql_with={"pages_per_range": "16", "autosummarize": "on"},
    ),
    # Together with uq_file_received_sha256 every row is in one index by its hash, not in two.
    Index("ix_file_made_sha256", "sha256", postgresql_using="hash", postgresql_where=text("not received")),
    # The same bytes from outside are one file, whatever they are called and however many workers bring them at once.
    Index(
        "uq_file_received_sha256",
        "sha256",
        unique=True,
        postgresql_where=text("received and state <> 'retired'"),
    ),
    Index("ix_file_created_at", "created_at", postgresql_using="brin"),
    Index("ix_file_not_available", "state", "id", postgresql_where=column("state") != text("'available'")),
    schema="core",
    comment="Every file the archive holds: raw, decoded, preview and report files alike.",
)

file_parent = Table(
    "file_parent",
    metadata,
    ref("file_id", "core.file.id", "The file that was made.", ondelete="CASCADE"),
    ref("parent_id", "core.file.id", "The file it was made from.", index=True),
    name("role", "What the parent was for, for example source or calibration.", server_default=text("'source'")),
    PrimaryKeyConstraint("file_id", "parent_id", "role"),
    CheckConstraint("file_id <> parent_id", name="not_itself"),
    schema="core",
    comment="Lineage: which file was made from which.",
)

file_problem = Table(
    "file_problem",
    metadata,
    key(),
    ref("file_id", "core.file.id", "The file; null when it never got into the archive.", nullable=True, index=True),
    ref("job_id", "ops.job.id", "The job that met the problem.", nullable=True, index=True, ondelete="SET NULL"),
    Column("source", Text, comment="Path the file came from; bytes that are not UTF-8 are escaped."),
    name("code", "Kind of problem, for example crc_mismatch."),
    name("severity", "info, warning or error."),
    Column("byte_offset", BigInteger, comment="Where in the file, bytes from its start."),
    Column("byte_length", BigInteger, comment="How many bytes are concerned."),
    Column("packet", BigInteger, comment="Ordinal of the packet in the file, from 0."),
    Column(
        "count", BigInteger, nullable=False, server_default=text("1"), comment="How many alike this row stands for."
    ),
    Column("message", Text, nullable=False, comment="One sentence: what is wrong and what was done about it."),
    now("created_at", "When the row was written."),
    CheckConstraint("severity in ('info', 'warning', 'error')", name="severity"),
    Index("ix_file_problem_created_at", "created_at"),
    schema="core",
    comment="What is wrong with files, where, and what was done about it.",
)

event = Table(
    "event",
    metadata,
    key(),
    ref("instrument_id", "core.instrument.id", "Whose event it is."),
    name("identity", "Name of the event for ever, unique within the instrument."),
    ref("file_id", "core.file.id", "The raw file that holds the best copy of the event.", index=True),
    name("kind", "Kind of event, for example dust."),
    Column("seq", BigInteger, nullable=False, comment="The instrument's own event number."),
    time("t", "Event time, UTC.", nullable=False),
    time("t_end", "End of the event, UTC, when it has one."),
    Column("tick", BigInteger, nullable=False, comment="Event time in the instrument's own clock units."),
    Column(
        "flags",
        BigInteger,
        nullable=False,
        server_default=text("0"),
        comment="Bits: 0 incomplete, 1 conflicting, 2 damaged, 3 clock unset, 4 assembled; from 16 the instrument's.",
    ),
    name("preference", "Order key among the copies of the event; the smallest wins, whatever the order of arrival."),
    now("created_at", "When the row was first written."),
    UniqueConstraint("instrument_id", "identity"),
    Index(None, "instrument_id", "kind", "t"),
    Index("ix_event_t", "t"),
    schema="core",
    comment="Everything that happened, one row an event, whatever number of files carry it.",
)

event_source = Table(
    "event_source",
    metadata,
    key(),
    ref("file_id", "core.file.id", "The raw file.", ondelete="CASCADE"),
    ref("event_id", "core.event.id", "The event; null for parts whose header is elsewhere.", nullable=True, index=True),
    name("match_key", "Key that parts of one event share in every file.", index=True),
    Column("complete", Boolean, nullable=False, comment="Whether the file holds the whole event."),
    Column("parts", BigInteger, nullable=False, comment="How much of the event the file holds; more is better."),
    name("digest", "Equal for equal content."),
    Column("missing", JSONB, nullable=False, server_default=text("'[]'"), comment="The parts that are not there."),
    UniqueConstraint("file_id", "match_key", "digest"),
    Index("ix_event_source_incomplete", "match_key", "file_id", postgresql_where=text("not complete")),
    schema="core",
    comment="Which raw file holds how much of which event: retransmissions, parts and orphans.",
)

event_product = Table(
    "event_product",
    metadata,
    ref("event_id", "core.event.id", "The event.", ondelete="CASCADE"),
    ref("file_id", "core.file.id", "The product file that holds it.", index=True, ondelete="CASCADE"),
    Column("record", Integer, nullable=False, comment="Index of the event's record in the product, from 0."),
    PrimaryKeyConstraint("event_id", "file_id"),
    schema="core",
    comment="In which record of which product file an event lies.",
)

calibration_set = Table(
    "calibration_set",
    metadata,
    key(),
    ref("instrument_id", "core.instrument.id", "Whose calibration it is."),
    name("name", "What it calibrates, for example waveform_scale."),
    Column(
        "version", Integer, nullable=False,
        comment="Version of the set, counted for each source; of one source the highest one counts.",
    ),
    now("created_at", "When the set was written."),
    name(
        "source",
        "shipped with the package, or local: written by an analyst; a local set comes before every shipped one.",
        server_default=text("'shipped'"),
    ),
    name("author", "Who wrote a local set; null for a shipped one.", nullable=True),
    Column("reason", Text, comment="Why a local set was written; null for a shipped one."),
    Column("basis", JSONB, comment="What a local set rests on: selection, number and names of events."),
    Column("shipped_version", Integer, comment="Highest shipped version when a local set was written."),
    ref(
        "withdraws_id", "core.calibration_set.id",
        "The local set that this one takes back: it has no values and from then on that set counts no more.",
        nullable=True,
    ),
    UniqueConstraint("instrument_id", "name", "source", "version"),
    UniqueConstraint("withdraws_id"),
    CheckConstraint(f"source in ({', '.join(repr(source) for source in CALIBRATION_SOURCES)})", name="source"),
    CheckConstraint(
        "case when source = 'local' then coalesce(author, '') <> '' and coalesce(reason, '') <> '' "
        "else author is null and reason is null and withdraws_id is null end",
        name="signed",
    ),
    schema="core",
    comment="Versions of calibrations. Sets are appended, never edited; what is taken back is so by a set of its own.",
)  # fmt: skip

calibration = Table(
    "calibration",
    metadata,
    key(),
    ref("calibration_set_id", "core.calibration_set.id", "The set it belongs to."),
    Column(
        "valid", TSTZRANGE, nullable=False, comment="Data times it applies to, UTC; ranges of a set cannot overlap."
    ),
    Column("unit", Text, comment="Unit of the calibrated quantity."),
    Column("values", JSONB, nullable=False, comment="The numbers, by channel or quantity."),
    Column("origin", Text, nullable=False, comment="Where the numbers come from."),
    # int8range makes "same set" a range test, so that no extension is needed beside the core GiST range operators.
    ExcludeConstraint(
        (func.int8range(column("calibration_set_id"), column("calibration_set_id"), text("'[]'")), "&&"),
        (column("valid"), "&&"),
        name="ex_calibration_no_overlap",
        using="gist",
    ),
    schema="core",
    comment="Calibration values with the data times they are valid for.",
)
