"""Schema ``core``, packet streams: what every CCSDS file holds per APID, and where its counters jump."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, PrimaryKeyConstraint, Table

from archive.catalog.schema.base import key, metadata, name, ref, time

file_apid = Table(
    "file_apid",
    metadata,
    ref("file_id", "core.file.id", "The packet file.", ondelete="CASCADE"),
    Column("apid", Integer, nullable=False, comment="Application process identifier, 0-2047."),
    name("name", "Name of the packet kind; null when the definition has none.", nullable=True),
    Column("n_packets", BigInteger, nullable=False, comment="Packets of this APID that were framed."),
    Column("n_bytes", BigInteger, nullable=False, comment="Their bytes, primary headers included."),
    Column("n_crc_failed", BigInteger, nullable=False, comment="Packets whose checksum does not match."),
    Column("n_gaps", BigInteger, nullable=False, comment="Jumps of the sequence counter."),
    Column("n_missing", BigInteger, nullable=False, comment="Packets the jumps leave out."),
    Column("first_seq", Integer, comment="First sequence count, 0-16383."),
    Column("last_seq", Integer, comment="Last sequence count, 0-16383."),
    time("t_first", "Packet time of the first packet, UTC; null when it has none."),
    time("t_last", "Packet time of the last packet, UTC; null when it has none."),
    PrimaryKeyConstraint("file_id", "apid"),
    CheckConstraint("apid between 0 and 2047", name="apid"),
    schema="core",
    comment="Packets per APID of every packet file.",
)

packet_gap = Table(
    "packet_gap",
    metadata,
    key(),
    ref("file_id", "core.file.id", "The packet file.", ondelete="CASCADE"),
    Column("apid", Integer, nullable=False, comment="Application process identifier, 0-2047."),
    name("kind", "gap (packets missing), reboot (counter restarted at 0), backward or duplicate."),
    Column("seq_before", Integer, nullable=False, comment="Sequence count before the jump."),
    Column("seq_after", Integer, nullable=False, comment="Sequence count after the jump."),
    Column("n_missing", Integer, nullable=False, comment="Packets left out, modulo 16384; 0 unless kind is gap."),
    Column("byte_offset", BigInteger, nullable=False, comment="Where the packet after the jump begins."),
    CheckConstraint("kind in ('gap', 'reboot', 'backward', 'duplicate')", name="kind"),
    Index(None, "file_id", "apid"),
    schema="core",
    comment="Jumps of the sequence counters.",
)
