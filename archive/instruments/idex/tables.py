"""Schema ``idex``: the typed tables of the instrument, each row keyed to ``core.event`` or ``core.file``."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
)

from archive.catalog.schema.base import metadata, name, ref, time
from archive.instruments.idex.calibration import HOUSEKEEPING, newest
from archive.instruments.idex.fields import FIELDS
from archive.instruments.idex.layout import CHANNELS

SCHEMA = "idex"


def _event_key() -> Column[Any]:
    return ref("event_id", "core.event.id", "The event.", ondelete="CASCADE", primary_key=True, autoincrement=False)


def _file_key(comment: str) -> Column[Any]:
    return ref("file_id", "core.file.id", comment, ondelete="CASCADE")


def _big(column: str, comment: str) -> Column[Any]:
    return Column(column, BigInteger, nullable=False, comment=comment)


def _int(column: str, comment: str) -> Column[Any]:
    return Column(column, Integer, nullable=False, comment=comment)


def _small(column: str, comment: str) -> Column[Any]:
    return Column(column, SmallInteger, nullable=False, comment=comment)


def _real(column: str, comment: str) -> Column[Any]:
    return Column(column, Double, nullable=False, comment=comment)


def _bool(column: str, comment: str) -> Column[Any]:
    return Column(column, Boolean, nullable=False, comment=comment)


event = Table(
    "event",
    metadata,
    _event_key(),
    _big("tt2000", "Event time, TT nanoseconds since J2000."),
    _big("aid", "Accountability id of the acquisition, written by flight software."),
    _int("evtnum", "Event number inside the acquisition."),
    _big("met_seconds", "Event time, whole seconds of the instrument clock (MET, 0 = 2010-01-01 UTC)."),
    _int("met_counts", "Event time, fraction of the second in counts of 20 us."),
    _bool("clock_set", "Whether the instrument clock had been set: event time in 2015 or later."),
    _big("shcoarse", "Time of the header packet, whole MET seconds: when it was built, not when the event was."),
    _int("shfine", "Time of the header packet, fraction in counts of 20 us."),
    _int("apid", "APID of the header packet: 1424 transmit, 1425 fetch."),
    _int("trigid", "Trigger sources, bits: 0 TOF High, 1 TOF Low, 2 TOF Mid, 3 target, 4 software, 5 external."),
    Column("trigger_source", Text, nullable=False, comment="Trigger sources as text, separated by commas."),
    _bool("compressed", "Whether the samples were sent Rice-compressed."),
    _small("high_pre_blocks", "High-rate blocks of 512 samples before the trigger."),
    _small("high_post_blocks", "High-rate blocks of 512 samples after the trigger."),
    _small("low_pre_blocks", "Low-rate blocks of 8 samples before the trigger."),
    _small("low_post_blocks", "Low-rate blocks of 8 samples after the trigger."),
    _int("delay", "Delay of the channel that triggered, high-rate samples; -1 when none did."),
    _real("t0_high", "Time of the first high-rate sample from the trigger, us."),
    _real("t0_low", "Time of the first low-rate sample from the trigger, us."),
    _real("dead_time", "Dead time, s."),
    Column("polarity", Text, nullable=False, comment="High-voltage polarity read back: POS (cations) or NEG (anions)."),
    Column("polarity_set", Text, nullable=False, comment="High-voltage polarity commanded: POS or NEG."),
    _small("category", "Category assigned on board."),
    _small("quality", "Quality assigned on board."),
    _small("contents", "What was to be sent: sum of 1 header, 2/4/8 TOF High/Low/Mid, 16/32 Target Low/High, 64 grid."),
    _small("present", "What was received whole and in good order, same codes."),
    _small("damaged", "What was received and cannot be trusted, same codes."),
    _bool("conflicting", "Whether two good copies of a packet differ within the file."),
    _int("duplicates", "Packets of the event that the file holds more than once."),
    _bool("science", "Event flag: neither noise capture nor pulser."),
    _bool("noise", "Event flag: noise capture."),
    _bool("pulser", "Event flag: stimulus pulser."),
    _bool("dust_hit", "Whether the TOF record of a science event shows lines."),
    *(
        _bool(f"{channel.name.lower()}_saturated", f"Whether {channel.name} reaches 0.95 of full scale.")
        for channel in CHANNELS
    ),
    Index(None, "aid", "evtnum"),
    Index(None, "tt2000"),
    schema=SCHEMA,
    comment="IDEX events: times, trigger, what was received, flags; one row for each core.event.",
)

event_header = Table(
    "event_header",
    metadata,
    _event_key(),
    *(_big(field.name, f"{field.meaning}. Raw, {field.bits} bits from bit {field.bit}.") for field in FIELDS),
    schema=SCHEMA,
    comment="Every field of the event header packet as received, whole words and their parts; one row for each event.",
)

event_housekeeping = Table(
    "event_housekeeping",
    metadata,
    _event_key(),
    *(
        _real(quantity, f"{entry['title']}, {entry['unit']}.")
        for quantity, entry in newest(HOUSEKEEPING)["values"].items()
    ),
    schema=SCHEMA,
    comment="Housekeeping of the event header, converted by the calibration header_housekeeping; one row an event.",
)

message = Table(
    "message",
    metadata,
    _file_key("The raw file."),
    _big("byte_offset", "Where the packet begins in the file, bytes."),
    time("t", "Time of the message, UTC; 2010 when the clock was not set.", nullable=False),
    _big("tick", "Time of the message, counts of 20 us since MET 0."),
    _small("message_id", "Message id, 0-255."),
    name("mnemonic", "Mnemonic of the id."),
    *(_small(f"p{i}", f"Parameter byte {i}.") for i in range(4)),
    Column("text", Text, nullable=False, comment="The message for people."),
    PrimaryKeyConstraint("file_id", "byte_offset"),
    Index(None, "t"),
    Index(None, "message_id", "t"),
    schema=SCHEMA,
    comment="Event messages of the flight software (APID 1418).",
)

catalogue_entry = Table(
    "catalogue_entry",
    metadata,
    _file_key("The raw file."),
    _big("byte_offset", "Where the catalogue packet begins in the file, bytes."),
    _small("entry", "Position in the list, from 0."),
    time("t", "Time of the packet, UTC.", nullable=False),
    _big("tick", "Time of the packet, counts of 20 us since MET 0."),
    _big("region", "Memory region listed; 13 is the stored catalogue."),
    _big("aid", "Accountability id of an acquisition held on board."),
    _bool("processed", "Whether it was processed."),
    _int("blocks", "Flash blocks it takes."),
    _int("events", "Events in the acquisition."),
    _int("first_block", "First flash block."),
    _int("last_block", "Last flash block."),
    _big("start_met", "Start time, MET seconds."),
    PrimaryKeyConstraint("file_id", "byte_offset", "entry"),
    Index(None, "aid"),
    schema=SCHEMA,
    comment="Catalogue lists (APID 1419): acquisitions held on board, the reference for completeness.",
)
