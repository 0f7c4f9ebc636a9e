"""Typed tables of IDEX: events, their headers and housekeeping, event messages, catalogue lists."""

# ruff: noqa: E501 - one column, one line

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002_idex"
down_revision = "0001_core"
branch_labels = None
depends_on = None

#: Text ordered by bytes, equal on every server whatever its locale.
NAME = sa.Text(collation="C")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.execute("create schema if not exists idex")
    op.execute("comment on schema idex is 'IMAP/IDEX: events, headers, housekeeping, messages and catalogue lists.'")
    _event()
    _event_header()
    _event_housekeeping()
    _message()
    _catalogue_entry()


def downgrade() -> None:
    op.drop_table("catalogue_entry", schema="idex")
    op.drop_table("message", schema="idex")
    op.drop_table("event_housekeeping", schema="idex")
    op.drop_table("event_header", schema="idex")
    op.drop_table("event", schema="idex")
    op.execute("drop schema idex")


def _event() -> None:
    op.create_table(
        "event",
        sa.Column("event_id", sa.BigInteger(), nullable=False, comment="The event."),
        sa.Column("tt2000", sa.BigInteger(), nullable=False, comment="Event time, TT nanoseconds since J2000."),
        sa.Column(
            "aid",
            sa.BigInteger(),
            nullable=False,
            comment="Accountability id of the acquisition, written by flight software.",
        ),
        sa.Column("evtnum", sa.Integer(), nullable=False, comment="Event number inside the acquisition."),
        sa.Column(
            "met_seconds",
            sa.BigInteger(),
            nullable=False,
            comment="Event time, whole seconds of the instrument clock (MET, 0 = 2010-01-01 UTC).",
        ),
        sa.Column(
            "met_counts", sa.Integer(), nullable=False, comment="Event time, fraction of the second in counts of 20 us."
        ),
        sa.Column(
            "clock_set",
            sa.Boolean(),
            nullable=False,
            comment="Whether the instrument clock had been set: event time in 2015 or later.",
        ),
        sa.Column(
            "shcoarse",
            sa.BigInteger(),
            nullable=False,
            comment="Time of the header packet, whole MET seconds: when it was built, not when the event was.",
        ),
        sa.Column(
            "shfine", sa.Integer(), nullable=False, comment="Time of the header packet, fraction in counts of 20 us."
        ),
        sa.Column(
            "apid", sa.Integer(), nullable=False, comment="APID of the header packet: 1424 transmit, 1425 fetch."
        ),
        sa.Column(
            "trigid",
            sa.Integer(),
            nullable=False,
            comment="Trigger sources, bits: 0 TOF High, 1 TOF Low, 2 TOF Mid, 3 target, 4 software, 5 external.",
        ),
        sa.Column("trigger_source", sa.Text(), nullable=False, comment="Trigger sources as text, separated by commas."),
        sa.Column("compressed", sa.Boolean(), nullable=False, comment="Whether the samples were sent Rice-compressed."),
        sa.Column(
            "high_pre_blocks",
            sa.SmallInteger(),
            nullable=False,
            comment="High-rate blocks of 512 samples before the trigger.",
        ),
        sa.Column(
            "high_post_blocks",
            sa.SmallInteger(),
            nullable=False,
            comment="High-rate blocks of 512 samples after the trigger.",
        ),
        sa.Column(
            "low_pre_blocks",
            sa.SmallInteger(),
            nullable=False,
            comment="Low-rate blocks of 8 samples before the trigger.",
        ),
        sa.Column(
            "low_post_blocks",
            sa.SmallInteger(),
            nullable=False,
            comment="Low-rate blocks of 8 samples after the trigger.",
        ),
        sa.Column(
            "delay",
            sa.Integer(),
            nullable=False,
            comment="Delay of the channel that triggered, high-rate samples; -1 when none did.",
        ),
        sa.Column(
            "t0_high", sa.Double(), nullable=False, comment="Time of the first high-rate sample from the trigger, us."
        ),
        sa.Column(
            "t0_low", sa.Double(), nullable=False, comment="Time of the first low-rate sample from the trigger, us."
        ),
        sa.Column("dead_time", sa.Double(), nullable=False, comment="Dead time, s."),
        sa.Column(
            "polarity",
            sa.Text(),
            nullable=False,
            comment="High-voltage polarity read back: POS (cations) or NEG (anions).",
        ),
        sa.Column("polarity_set", sa.Text(), nullable=False, comment="High-voltage polarity commanded: POS or NEG."),
        sa.Column("category", sa.SmallInteger(), nullable=False, comment="Category assigned on board."),
        sa.Column("quality", sa.SmallInteger(), nullable=False, comment="Quality assigned on board."),
        sa.Column(
            "contents",
            sa.SmallInteger(),
            nullable=False,
            comment="What was to be sent: sum of 1 header, 2/4/8 TOF High/Low/Mid, 16/32 Target Low/High, 64 grid.",
        ),
        sa.Column(
            "present",
            sa.SmallInteger(),
            nullable=False,
            comment="What was received whole and in good order, same codes.",
        ),
        sa.Column(
            "damaged", sa.SmallInteger(), nullable=False, comment="What was received and cannot be trusted, same codes."
        ),
        sa.Column(
            "conflicting",
            sa.Boolean(),
            nullable=False,
            comment="Whether two good copies of a packet differ within the file.",
        ),
        sa.Column(
            "duplicates",
            sa.Integer(),
            nullable=False,
            comment="Packets of the event that the file holds more than once.",
        ),
        sa.Column("science", sa.Boolean(), nullable=False, comment="Event flag: neither noise capture nor pulser."),
        sa.Column("noise", sa.Boolean(), nullable=False, comment="Event flag: noise capture."),
        sa.Column("pulser", sa.Boolean(), nullable=False, comment="Event flag: stimulus pulser."),
        sa.Column(
            "dust_hit", sa.Boolean(), nullable=False, comment="Whether the TOF record of a science event shows lines."
        ),
        sa.Column(
            "tof_high_saturated", sa.Boolean(), nullable=False, comment="Whether TOF_High reaches 0.95 of full scale."
        ),
        sa.Column(
            "tof_mid_saturated", sa.Boolean(), nullable=False, comment="Whether TOF_Mid reaches 0.95 of full scale."
        ),
        sa.Column(
            "tof_low_saturated", sa.Boolean(), nullable=False, comment="Whether TOF_Low reaches 0.95 of full scale."
        ),
        sa.Column(
            "target_high_saturated",
            sa.Boolean(),
            nullable=False,
            comment="Whether Target_High reaches 0.95 of full scale.",
        ),
        sa.Column(
            "target_low_saturated",
            sa.Boolean(),
            nullable=False,
            comment="Whether Target_Low reaches 0.95 of full scale.",
        ),
        sa.Column(
            "ion_grid_saturated", sa.Boolean(), nullable=False, comment="Whether Ion_Grid reaches 0.95 of full scale."
        ),
        sa.ForeignKeyConstraint(["event_id"], ["core.event.id"], name="fk_event_event_id_event", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("event_id", name="pk_event"),
        schema="idex",
        comment="IDEX events: times, trigger, what was received, flags; one row for each core.event.",
    )
    op.create_index("ix_event_aid_evtnum", "event", ["aid", "evtnum"], schema="idex")
    op.create_index("ix_event_tt2000", "event", ["tt2000"], schema="idex")


def _event_header() -> None:
    op.create_table(
        "event_header",
        sa.Column("event_id", sa.BigInteger(), nullable=False, comment="The event."),
        sa.Column(
            "pkt_apid",
            sa.BigInteger(),
            nullable=False,
            comment="Application process identifier: 1424 sent by transmit command, 1425 by fetch command. Raw, 11 bits from bit 5.",
        ),
        sa.Column(
            "src_seq_ctr",
            sa.BigInteger(),
            nullable=False,
            comment="Source sequence counter of the header packet. Raw, 14 bits from bit 18.",
        ),
        sa.Column(
            "shcoarse",
            sa.BigInteger(),
            nullable=False,
            comment="Packet time, whole MET seconds (when the packet was built, not the event). Raw, 32 bits from bit 48.",
        ),
        sa.Column(
            "shfine",
            sa.BigInteger(),
            nullable=False,
            comment="Packet time, fraction in counts of 20 us. Raw, 16 bits from bit 80.",
        ),
        sa.Column(
            "sci0aid",
            sa.BigInteger(),
            nullable=False,
            comment="Accountability id of the acquisition. Raw, 32 bits from bit 96.",
        ),
        sa.Column(
            "sci0type",
            sa.BigInteger(),
            nullable=False,
            comment="Packet content: 1 event header, 2/4/8/16/32/64 waveform channel. Raw, 8 bits from bit 128.",
        ),
        sa.Column(
            "sci0cont",
            sa.BigInteger(),
            nullable=False,
            comment="Bit mask of contents downlinked for the event (0x7F = header and all six channels). Raw, 8 bits from bit 136.",
        ),
        sa.Column("sci0spare1", sa.BigInteger(), nullable=False, comment="Spare. Raw, 13 bits from bit 144."),
        sa.Column(
            "sci0pack",
            sa.BigInteger(),
            nullable=False,
            comment="Samples packed in 32-bit words: 0 DS, 1 EN. Raw, 1 bits from bit 157.",
        ),
        sa.Column(
            "sci0frag",
            sa.BigInteger(),
            nullable=False,
            comment="More fragments of this channel follow: 0 DS, 1 EN. Raw, 1 bits from bit 158.",
        ),
        sa.Column(
            "sci0comp",
            sa.BigInteger(),
            nullable=False,
            comment="Samples Rice-compressed: 0 DS, 1 EN. Raw, 1 bits from bit 159.",
        ),
        sa.Column("sci0evtnum", sa.BigInteger(), nullable=False, comment="Event number. Raw, 16 bits from bit 160."),
        sa.Column(
            "sci0cat",
            sa.BigInteger(),
            nullable=False,
            comment="Category assigned on board (32 in all files seen). Raw, 8 bits from bit 176.",
        ),
        sa.Column(
            "sci0qual",
            sa.BigInteger(),
            nullable=False,
            comment="Quality assigned on board (5 in all files seen). Raw, 8 bits from bit 184.",
        ),
        sa.Column(
            "sci0fragoff",
            sa.BigInteger(),
            nullable=False,
            comment="Offset of this fragment in the channel's data, in 32-bit words (0, 1008, 2016). Raw, 16 bits from bit 192.",
        ),
        sa.Column(
            "sci0ver",
            sa.BigInteger(),
            nullable=False,
            comment="Science packet format version (9 in all files seen). Raw, 16 bits from bit 208.",
        ),
        sa.Column(
            "sci0time32",
            sa.BigInteger(),
            nullable=False,
            comment="Trigger time, whole MET seconds (equals TIMESEC1 x 65536 + TIMESEC2). Raw, 32 bits from bit 224.",
        ),
        sa.Column(
            "sci0spare2",
            sa.BigInteger(),
            nullable=False,
            comment="Spare: holds garbage in compressed packets, never test it. Raw, 32 bits from bit 256.",
        ),
        sa.Column("sci0spare3", sa.BigInteger(), nullable=False, comment="Spare. Raw, 32 bits from bit 288."),
        sa.Column("sci0spare4", sa.BigInteger(), nullable=False, comment="Spare. Raw, 32 bits from bit 320."),
        sa.Column(
            "txhdrscievtlen",
            sa.BigInteger(),
            nullable=False,
            comment="Size of the event in instrument memory, 32-bit words: 64 header words + packed samples (8320 in every file seen = 64 + 3 x 2560 + 3 x 192). Raw, 32 bits from bit 352.",
        ),
        sa.Column("txhdrsp00", sa.BigInteger(), nullable=False, comment="Spare. Raw, 16 bits from bit 384."),
        sa.Column(
            "txhdrtimesec1",
            sa.BigInteger(),
            nullable=False,
            comment="Trigger time, upper 16 bits of the 32-bit MET second count. Raw, 16 bits from bit 400.",
        ),
        sa.Column(
            "txhdrtimesec2",
            sa.BigInteger(),
            nullable=False,
            comment="Trigger time, lower 16 bits of the MET second count. Raw, 16 bits from bit 416.",
        ),
        sa.Column(
            "txhdrtimesubs",
            sa.BigInteger(),
            nullable=False,
            comment="Trigger time, sub-second count, 20 us per count (0-49999). Raw, 16 bits from bit 432.",
        ),
        sa.Column("txhdrsp01", sa.BigInteger(), nullable=False, comment="Spare. Raw, 1 bits from bit 448."),
        sa.Column(
            "txhdrtrigoffset",
            sa.BigInteger(),
            nullable=False,
            comment="Trigger offset, units of 8 high-rate samples. Raw, 3 bits from bit 449.",
        ),
        sa.Column("txhdrsp02", sa.BigInteger(), nullable=False, comment="Spare. Raw, 2 bits from bit 452."),
        sa.Column(
            "txhdrtrigid",
            sa.BigInteger(),
            nullable=False,
            comment="Trigger source bit mask. Raw, 10 bits from bit 454.",
        ),
        sa.Column(
            "txhdrevtnum",
            sa.BigInteger(),
            nullable=False,
            comment="Event number inside the acquisition; equals SCI0EVTNUM. Raw, 16 bits from bit 464.",
        ),
        sa.Column(
            "txhdrblocks",
            sa.BigInteger(),
            nullable=False,
            comment="Whole word of the fields that follow. Raw, 32 bits from bit 480.",
        ),
        sa.Column(
            "txhdrhsblockserror",
            sa.BigInteger(),
            nullable=False,
            comment="High-rate total blocks > 16. Raw, 1 bits from bit 480.",
        ),
        sa.Column(
            "txhdrlsblockserror",
            sa.BigInteger(),
            nullable=False,
            comment="Low-rate total blocks > 64. Raw, 1 bits from bit 481.",
        ),
        sa.Column(
            "txhdrdeadblocksbase",
            sa.BigInteger(),
            nullable=False,
            comment="Dead-time mantissa. Raw, 6 bits from bit 482.",
        ),
        sa.Column(
            "txhdrdeadblocksshift",
            sa.BigInteger(),
            nullable=False,
            comment="Dead-time left shift. Raw, 4 bits from bit 488.",
        ),
        sa.Column(
            "txhdrhspreblocks",
            sa.BigInteger(),
            nullable=False,
            comment="High-rate pre-trigger blocks. Raw, 4 bits from bit 492.",
        ),
        sa.Column(
            "txhdrhspostblocks",
            sa.BigInteger(),
            nullable=False,
            comment="High-rate post-trigger blocks. Raw, 4 bits from bit 496.",
        ),
        sa.Column(
            "txhdrlspreblocks",
            sa.BigInteger(),
            nullable=False,
            comment="Low-rate pre-trigger blocks. Raw, 6 bits from bit 500.",
        ),
        sa.Column(
            "txhdrlspostblocks",
            sa.BigInteger(),
            nullable=False,
            comment="Low-rate post-trigger blocks. Raw, 6 bits from bit 506.",
        ),
        sa.Column(
            "txhdrhgtrigctrl1",
            sa.BigInteger(),
            nullable=False,
            comment="Whole word of the fields that follow. Raw, 32 bits from bit 512.",
        ),
        sa.Column(
            "txhdrhgtriglvl",
            sa.BigInteger(),
            nullable=False,
            comment="TOF High trigger level, DN. Raw, 10 bits from bit 512.",
        ),
        sa.Column(
            "txhdrhgtrignmax12",
            sa.BigInteger(),
            nullable=False,
            comment="TOF High double-pulse mode: most samples allowed between pulse 1 and pulse 2. Raw, 11 bits from bit 522.",
        ),
        sa.Column(
            "txhdrhgtrignmin12",
            sa.BigInteger(),
            nullable=False,
            comment="TOF High double-pulse mode: fewest samples between pulse 1 and pulse 2. Raw, 11 bits from bit 533.",
        ),
        sa.Column(
            "txhdrhgtrigctrl2",
            sa.BigInteger(),
            nullable=False,
            comment="Whole word of the fields that follow. Raw, 32 bits from bit 544.",
        ),
        sa.Column(
            "txhdrhgtrignmax2",
            sa.BigInteger(),
            nullable=False,
            comment="TOF High pulse modes: longest pulse 2, samples. Raw, 8 bits from bit 544.",
        ),
        sa.Column(
            "txhdrhgtrignmin2",
            sa.BigInteger(),
            nullable=False,
            comment="TOF High pulse modes: shortest pulse 2, samples. Raw, 8 bits from bit 552.",
        ),
        sa.Column(
            "txhdrhgtrignmax1",
            sa.BigInteger(),
            nullable=False,
            comment="TOF High pulse modes: longest pulse 1, samples. Raw, 8 bits from bit 560.",
        ),
        sa.Column(
            "txhdrhgtrignmin1",
            sa.BigInteger(),
            nullable=False,
            comment="TOF High pulse modes: shortest pulse 1, samples. Raw, 8 bits from bit 568.",
        ),
        sa.Column(
            "txhdrlgtrigctrl1",
            sa.BigInteger(),
            nullable=False,
            comment="Whole word of the fields that follow. Raw, 32 bits from bit 576.",
        ),
        sa.Column(
            "txhdrlgtriglvl",
            sa.BigInteger(),
            nullable=False,
            comment="TOF Low trigger level, DN. Raw, 10 bits from bit 576.",
        ),
        sa.Column(
            "txhdrlgtrignmax12",
            sa.BigInteger(),
            nullable=False,
            comment="TOF Low double-pulse mode: most samples allowed between pulse 1 and pulse 2. Raw, 11 bits from bit 586.",
        ),
        sa.Column(
            "txhdrlgtrignmin12",
            sa.BigInteger(),
            nullable=False,
            comment="TOF Low double-pulse mode: fewest samples between pulse 1 and pulse 2. Raw, 11 bits from bit 597.",
        ),
        sa.Column(
            "txhdrlgtrigctrl2",
            sa.BigInteger(),
            nullable=False,
            comment="Whole word of the fields that follow. Raw, 32 bits from bit 608.",
        ),
        sa.Column(
            "txhdrlgtrignmax2",
            sa.BigInteger(),
            nullable=False,
            comment="TOF Low pulse modes: longest pulse 2, samples. Raw, 8 bits from bit 608.",
        ),
        sa.Column(
            "txhdrlgtrignmin2",
            sa.BigInteger(),
            nullable=False,
            comment="TOF Low pulse modes: shortest pulse 2, samples. Raw, 8 bits from bit 616.",
        ),
        sa.Column(
            "txhdrlgtrignmax1",
            sa.BigInteger(),
            nullable=False,
            comment="TOF Low pulse modes: longest pulse 1, samples. Raw, 8 bits from bit 624.",
        ),
        sa.Column(
            "txhdrlgtrignmin1",
            sa.BigInteger(),
            nullable=False,
            comment="TOF Low pulse modes: shortest pulse 1, samples. Raw, 8 bits from bit 632.",
        ),
        sa.Column(
            "txhdrmgtrigctrl1",
            sa.BigInteger(),
            nullable=False,
            comment="Whole word of the fields that follow. Raw, 32 bits from bit 640.",
        ),
        sa.Column(
            "txhdrmgtriglvl",
            sa.BigInteger(),
            nullable=False,
            comment="TOF Mid trigger level, DN. Raw, 10 bits from bit 640.",
        ),
        sa.Column(
            "txhdrmgtrignmax12",
            sa.BigInteger(),
            nullable=False,
            comment="TOF Mid double-pulse mode: most samples allowed between pulse 1 and pulse 2. Raw, 11 bits from bit 650.",
        ),
        sa.Column(
            "txhdrmgtrignmin12",
            sa.BigInteger(),
            nullable=False,
            comment="TOF Mid double-pulse mode: fewest samples between pulse 1 and pulse 2. Raw, 11 bits from bit 661.",
        ),
        sa.Column(
            "txhdrmgtrigctrl2",
            sa.BigInteger(),
            nullable=False,
            comment="Whole word of the fields that follow. Raw, 32 bits from bit 672.",
        ),
        sa.Column(
            "txhdrmgtrignmax2",
            sa.BigInteger(),
            nullable=False,
            comment="TOF Mid pulse modes: longest pulse 2, samples. Raw, 8 bits from bit 672.",
        ),
        sa.Column(
            "txhdrmgtrignmin2",
            sa.BigInteger(),
            nullable=False,
            comment="TOF Mid pulse modes: shortest pulse 2, samples. Raw, 8 bits from bit 680.",
        ),
        sa.Column(
            "txhdrmgtrignmax1",
            sa.BigInteger(),
            nullable=False,
            comment="TOF Mid pulse modes: longest pulse 1, samples. Raw, 8 bits from bit 688.",
        ),
        sa.Column(
            "txhdrmgtrignmin1",
            sa.BigInteger(),
            nullable=False,
            comment="TOF Mid pulse modes: shortest pulse 1, samples. Raw, 8 bits from bit 696.",
        ),
        sa.Column("txhdrsp03", sa.BigInteger(), nullable=False, comment="Spare. Raw, 8 bits from bit 704."),
        sa.Column(
            "txhdrlsadc",
            sa.BigInteger(),
            nullable=False,
            comment="Whole word of the fields that follow. Raw, 24 bits from bit 712.",
        ),
        sa.Column(
            "txhdrlstrigcmblocks",
            sa.BigInteger(),
            nullable=False,
            comment="Blocks the coincidence window stays open after a low-rate trigger. Raw, 3 bits from bit 712.",
        ),
        sa.Column(
            "txhdrlstrigpol",
            sa.BigInteger(),
            nullable=False,
            comment="Low-rate trigger polarity: 0 above, 1 below level. Raw, 1 bits from bit 715.",
        ),
        sa.Column(
            "txhdrlstriglvl",
            sa.BigInteger(),
            nullable=False,
            comment="Low-rate trigger level, DN. Raw, 12 bits from bit 716.",
        ),
        sa.Column(
            "txhdrlstrignmin",
            sa.BigInteger(),
            nullable=False,
            comment="Samples needed beyond the level. Raw, 8 bits from bit 728.",
        ),
        sa.Column(
            "txhdrpolstat",
            sa.BigInteger(),
            nullable=False,
            comment="HVPS polarity read back: 0 POS (cation mode), 1 NEG (anion mode). Raw, 1 bits from bit 736.",
        ),
        sa.Column(
            "txhdrstimpulse",
            sa.BigInteger(),
            nullable=False,
            comment="Stimulus pulse enabled. Raw, 1 bits from bit 737.",
        ),
        sa.Column("txhdrsp04", sa.BigInteger(), nullable=False, comment="Spare. Raw, 21 bits from bit 738."),
        sa.Column(
            "txhdrpolctrl",
            sa.BigInteger(),
            nullable=False,
            comment="HVPS polarity commanded: 0 POS, 1 NEG. Raw, 1 bits from bit 759.",
        ),
        sa.Column(
            "txhdrcoinena",
            sa.BigInteger(),
            nullable=False,
            comment="Low-rate coincidence: 0 DIS, 1 ENA. Raw, 1 bits from bit 760.",
        ),
        sa.Column(
            "txhdrlstrigmode",
            sa.BigInteger(),
            nullable=False,
            comment="Low-rate (target) trigger: 0 DIS, 1 ENA. Raw, 1 bits from bit 761.",
        ),
        sa.Column(
            "txhdrmgtrigmode",
            sa.BigInteger(),
            nullable=False,
            comment="TOF Mid trigger mode: 0 off, 1 threshold, 2 single pulse, 3 double pulse. Raw, 2 bits from bit 762.",
        ),
        sa.Column(
            "txhdrlgtrigmode",
            sa.BigInteger(),
            nullable=False,
            comment="TOF Low trigger mode, same codes. Raw, 2 bits from bit 764.",
        ),
        sa.Column(
            "txhdrhgtrigmode",
            sa.BigInteger(),
            nullable=False,
            comment="TOF High trigger mode, same codes. Raw, 2 bits from bit 766.",
        ),
        sa.Column("txhdrsp05", sa.BigInteger(), nullable=False, comment="Spare. Raw, 32 bits from bit 768."),
        sa.Column("txhdrsp06", sa.BigInteger(), nullable=False, comment="Spare. Raw, 32 bits from bit 800."),
        sa.Column("txhdrsp07", sa.BigInteger(), nullable=False, comment="Spare. Raw, 32 bits from bit 832."),
        sa.Column("txhdrsp08", sa.BigInteger(), nullable=False, comment="Spare. Raw, 32 bits from bit 864."),
        sa.Column(
            "txhdrtofmax",
            sa.BigInteger(),
            nullable=False,
            comment="Maxima of the three TOF ADCs around the trigger: three 10-bit fields, order as SAMPDELAY (bits 0-9 High, 10-19 Low, 20-29 Mid). Raw, 32 bits from bit 896.",
        ),
        sa.Column(
            "txhdrtofmin", sa.BigInteger(), nullable=False, comment="Minima, same layout. Raw, 32 bits from bit 928."
        ),
        sa.Column(
            "txhdrls0maxmin",
            sa.BigInteger(),
            nullable=False,
            comment="Low-rate ADC 0: bits 12-23 maximum, bits 0-11 minimum since last cleared. Raw, 32 bits from bit 960.",
        ),
        sa.Column(
            "txhdrls1maxmin",
            sa.BigInteger(),
            nullable=False,
            comment="Low-rate ADC 1, same layout. Raw, 32 bits from bit 992.",
        ),
        sa.Column(
            "txhdrls2maxmin",
            sa.BigInteger(),
            nullable=False,
            comment="Low-rate ADC 2, same layout. Raw, 32 bits from bit 1024.",
        ),
        sa.Column(
            "txhdrfifodelay",
            sa.BigInteger(),
            nullable=False,
            comment="FPGA FIFO delay register at first trigger. Raw, 32 bits from bit 1056.",
        ),
        sa.Column(
            "txhdrsampdelay",
            sa.BigInteger(),
            nullable=False,
            comment="Whole word of the fields that follow. Raw, 32 bits from bit 1088.",
        ),
        sa.Column("sampdelay_spare", sa.BigInteger(), nullable=False, comment="Spare. Raw, 2 bits from bit 1088."),
        sa.Column(
            "txhdrtofmiddelay",
            sa.BigInteger(),
            nullable=False,
            comment="TOF Mid trigger delay, samples (bits 20-29). Raw, 10 bits from bit 1090.",
        ),
        sa.Column(
            "txhdrtoflowdelay",
            sa.BigInteger(),
            nullable=False,
            comment="TOF Low trigger delay (bits 10-19). Raw, 10 bits from bit 1100.",
        ),
        sa.Column(
            "txhdrtofhighdelay",
            sa.BigInteger(),
            nullable=False,
            comment="TOF High trigger delay (bits 0-9). Raw, 10 bits from bit 1110.",
        ),
        sa.Column(
            "txhdrtranscnt",
            sa.BigInteger(),
            nullable=False,
            comment="FPGA transition counter register at first trigger. Raw, 32 bits from bit 1120.",
        ),
        sa.Column(
            "txhdrprochkch01",
            sa.BigInteger(),
            nullable=False,
            comment="Processor board housekeeping, channel 0 in bits 0-11, channel 1 in bits 16-27 of the word. Raw, 32 bits from bit 1152.",
        ),
        sa.Column(
            "txhdrprochkch23",
            sa.BigInteger(),
            nullable=False,
            comment="Processor board housekeeping, channel 2 in bits 0-11, channel 3 in bits 16-27 of the word. Raw, 32 bits from bit 1184.",
        ),
        sa.Column(
            "txhdrprochkch45",
            sa.BigInteger(),
            nullable=False,
            comment="Processor board housekeeping, channel 4 in bits 0-11, channel 5 in bits 16-27 of the word. Raw, 32 bits from bit 1216.",
        ),
        sa.Column(
            "txhdrprochkch67",
            sa.BigInteger(),
            nullable=False,
            comment="Processor board housekeeping, channel 6 in bits 0-11, channel 7 in bits 16-27 of the word. Raw, 32 bits from bit 1248.",
        ),
        sa.Column(
            "txhdrhvpshkch01",
            sa.BigInteger(),
            nullable=False,
            comment="High-voltage supply housekeeping, channel 0 in bits 0-11, channel 1 in bits 16-27 of the word. Raw, 32 bits from bit 1280.",
        ),
        sa.Column(
            "txhdrhvpshkch23",
            sa.BigInteger(),
            nullable=False,
            comment="High-voltage supply housekeeping, channel 2 in bits 0-11, channel 3 in bits 16-27 of the word. Raw, 32 bits from bit 1312.",
        ),
        sa.Column(
            "txhdrhvpshkch45",
            sa.BigInteger(),
            nullable=False,
            comment="High-voltage supply housekeeping, channel 4 in bits 0-11, channel 5 in bits 16-27 of the word. Raw, 32 bits from bit 1344.",
        ),
        sa.Column(
            "txhdrhvpshkch67",
            sa.BigInteger(),
            nullable=False,
            comment="High-voltage supply housekeeping, channel 6 in bits 0-11, channel 7 in bits 16-27 of the word. Raw, 32 bits from bit 1376.",
        ),
        sa.Column(
            "txhdrlvhk0ch01",
            sa.BigInteger(),
            nullable=False,
            comment="Low-voltage supply ADC 0 housekeeping, channel 0 in bits 0-11, channel 1 in bits 16-27 of the word. Raw, 32 bits from bit 1408.",
        ),
        sa.Column(
            "txhdrlvhk0ch23",
            sa.BigInteger(),
            nullable=False,
            comment="Low-voltage supply ADC 0 housekeeping, channel 2 in bits 0-11, channel 3 in bits 16-27 of the word. Raw, 32 bits from bit 1440.",
        ),
        sa.Column(
            "txhdrlvhk0ch45",
            sa.BigInteger(),
            nullable=False,
            comment="Low-voltage supply ADC 0 housekeeping, channel 4 in bits 0-11, channel 5 in bits 16-27 of the word. Raw, 32 bits from bit 1472.",
        ),
        sa.Column(
            "txhdrlvhk0ch67",
            sa.BigInteger(),
            nullable=False,
            comment="Low-voltage supply ADC 0 housekeeping, channel 6 in bits 0-11, channel 7 in bits 16-27 of the word. Raw, 32 bits from bit 1504.",
        ),
        sa.Column(
            "txhdrlvhk1ch01",
            sa.BigInteger(),
            nullable=False,
            comment="Low-voltage supply ADC 1 housekeeping, channel 0 in bits 0-11, channel 1 in bits 16-27 of the word. Raw, 32 bits from bit 1536.",
        ),
        sa.Column(
            "txhdrlvhk1ch23",
            sa.BigInteger(),
            nullable=False,
            comment="Low-voltage supply ADC 1 housekeeping, channel 2 in bits 0-11, channel 3 in bits 16-27 of the word. Raw, 32 bits from bit 1568.",
        ),
        sa.Column(
            "txhdrlvhk1ch45",
            sa.BigInteger(),
            nullable=False,
            comment="Low-voltage supply ADC 1 housekeeping, channel 4 in bits 0-11, channel 5 in bits 16-27 of the word. Raw, 32 bits from bit 1600.",
        ),
        sa.Column(
            "txhdrlvhk1ch67",
            sa.BigInteger(),
            nullable=False,
            comment="Low-voltage supply ADC 1 housekeeping, channel 6 in bits 0-11, channel 7 in bits 16-27 of the word. Raw, 32 bits from bit 1632.",
        ),
        sa.Column(
            "txhdrlvhk2ch01",
            sa.BigInteger(),
            nullable=False,
            comment="Low-voltage supply ADC 2 (no public conversion) housekeeping, channel 0 in bits 0-11, channel 1 in bits 16-27 of the word. Raw, 32 bits from bit 1664.",
        ),
        sa.Column(
            "txhdrlvhk2ch23",
            sa.BigInteger(),
            nullable=False,
            comment="Low-voltage supply ADC 2 (no public conversion) housekeeping, channel 2 in bits 0-11, channel 3 in bits 16-27 of the word. Raw, 32 bits from bit 1696.",
        ),
        sa.Column(
            "txhdrlvhk2ch45",
            sa.BigInteger(),
            nullable=False,
            comment="Low-voltage supply ADC 2 (no public conversion) housekeeping, channel 4 in bits 0-11, channel 5 in bits 16-27 of the word. Raw, 32 bits from bit 1728.",
        ),
        sa.Column(
            "txhdrlvhk2ch67",
            sa.BigInteger(),
            nullable=False,
            comment="Low-voltage supply ADC 2 (no public conversion) housekeeping, channel 6 in bits 0-11, channel 7 in bits 16-27 of the word. Raw, 32 bits from bit 1760.",
        ),
        sa.Column("txhdrsp09", sa.BigInteger(), nullable=False, comment="Spare. Raw, 32 bits from bit 1792."),
        sa.Column("txhdrsp10", sa.BigInteger(), nullable=False, comment="Spare. Raw, 32 bits from bit 1824."),
        sa.Column(
            "txhdrfswaidcopy",
            sa.BigInteger(),
            nullable=False,
            comment="Accountability id (AID) written by flight software; prefer this one. Raw, 32 bits from bit 1856.",
        ),
        sa.Column(
            "txhdrfswbincopy", sa.BigInteger(), nullable=False, comment="Filter/bin copy. Raw, 32 bits from bit 1888."
        ),
        sa.Column(
            "txhdrfswmajor",
            sa.BigInteger(),
            nullable=False,
            comment="Flight-software major version. Raw, 8 bits from bit 1920.",
        ),
        sa.Column(
            "txhdrfswminor",
            sa.BigInteger(),
            nullable=False,
            comment="Flight-software minor version. Raw, 8 bits from bit 1928.",
        ),
        sa.Column(
            "txhdrfswpatch",
            sa.BigInteger(),
            nullable=False,
            comment="Flight-software patch version. Raw, 16 bits from bit 1936.",
        ),
        sa.Column(
            "txhdrfswhvstat",
            sa.BigInteger(),
            nullable=False,
            comment="HVPS polarity setting and status word. Raw, 32 bits from bit 1952.",
        ),
        sa.Column(
            "txhdrfswmem0",
            sa.BigInteger(),
            nullable=False,
            comment="Memory word read at a table-given address. Raw, 32 bits from bit 1984.",
        ),
        sa.Column(
            "txhdrfswmem1",
            sa.BigInteger(),
            nullable=False,
            comment="Memory word read at a table-given address. Raw, 32 bits from bit 2016.",
        ),
        sa.Column(
            "txhdrfswpt0",
            sa.BigInteger(),
            nullable=False,
            comment="Parameter-table copy 0. Raw, 32 bits from bit 2048.",
        ),
        sa.Column(
            "txhdrfswpt1",
            sa.BigInteger(),
            nullable=False,
            comment="Parameter-table copy 1. Raw, 32 bits from bit 2080.",
        ),
        sa.Column(
            "txhdrfswpt2",
            sa.BigInteger(),
            nullable=False,
            comment="Parameter-table copy 2. Raw, 32 bits from bit 2112.",
        ),
        sa.Column(
            "txhdrfswpt3",
            sa.BigInteger(),
            nullable=False,
            comment="Parameter-table copy 3. Raw, 32 bits from bit 2144.",
        ),
        sa.Column(
            "txhdrfswpt4",
            sa.BigInteger(),
            nullable=False,
            comment="Parameter-table copy 4. Raw, 32 bits from bit 2176.",
        ),
        sa.Column(
            "txhdrfswpt5",
            sa.BigInteger(),
            nullable=False,
            comment="Parameter-table copy 5. Raw, 32 bits from bit 2208.",
        ),
        sa.Column(
            "txhdrfswpt6",
            sa.BigInteger(),
            nullable=False,
            comment="Parameter-table copy 6. Raw, 32 bits from bit 2240.",
        ),
        sa.Column(
            "txhdrfswpt7",
            sa.BigInteger(),
            nullable=False,
            comment="Parameter-table copy 7. Raw, 32 bits from bit 2272.",
        ),
        sa.Column(
            "txhdrfswpt8",
            sa.BigInteger(),
            nullable=False,
            comment="Parameter-table copy 8. Raw, 32 bits from bit 2304.",
        ),
        sa.Column(
            "txhdrfswpt9",
            sa.BigInteger(),
            nullable=False,
            comment="Parameter-table copy 9. Raw, 32 bits from bit 2336.",
        ),
        sa.Column(
            "txhdrfpgaver",
            sa.BigInteger(),
            nullable=False,
            comment="FPGA build date as BCD/hex yyyymmdd (0x20230328 = 2023-03-28). Raw, 32 bits from bit 2368.",
        ),
        sa.Column(
            "syncsci0pkt",
            sa.BigInteger(),
            nullable=False,
            comment="Trailer marker, always 0x3333. Raw, 16 bits from bit 2400.",
        ),
        sa.Column(
            "crcsci0pkt",
            sa.BigInteger(),
            nullable=False,
            comment="Checksum of the header packet. Raw, 16 bits from bit 2416.",
        ),
        sa.ForeignKeyConstraint(
            ["event_id"], ["core.event.id"], name="fk_event_header_event_id_event", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("event_id", name="pk_event_header"),
        schema="idex",
        comment="Every field of the event header packet as received, whole words and their parts; one row for each event.",
    )


def _event_housekeeping() -> None:
    op.create_table(
        "event_housekeeping",
        sa.Column("event_id", sa.BigInteger(), nullable=False, comment="The event."),
        sa.Column(
            "current_1v_pol", sa.Double(), nullable=False, comment="Current of the 1 V point-of-load converter, mA."
        ),
        sa.Column(
            "current_1p9v_pol", sa.Double(), nullable=False, comment="Current of the 1.9 V point-of-load converter, mA."
        ),
        sa.Column("temperature_1", sa.Double(), nullable=False, comment="Processor board temperature 1, degC."),
        sa.Column("temperature_2", sa.Double(), nullable=False, comment="Processor board temperature 2, degC."),
        sa.Column("voltage_1v_bus", sa.Double(), nullable=False, comment="Voltage of the 1 V bus, V."),
        sa.Column("fpga_temperature", sa.Double(), nullable=False, comment="FPGA temperature, degC."),
        sa.Column("voltage_1p9v_bus", sa.Double(), nullable=False, comment="Voltage of the 1.9 V bus, V."),
        sa.Column("voltage_3p3v_bus", sa.Double(), nullable=False, comment="Voltage of the 3.3 V bus, V."),
        sa.Column("detector_voltage", sa.Double(), nullable=False, comment="Detector high voltage, V."),
        sa.Column("sensor_voltage", sa.Double(), nullable=False, comment="Sensor high voltage, V."),
        sa.Column("target_voltage", sa.Double(), nullable=False, comment="Target high voltage, V."),
        sa.Column("rejection_voltage", sa.Double(), nullable=False, comment="Rejection grid high voltage, V."),
        sa.Column("reflectron_voltage", sa.Double(), nullable=False, comment="Reflectron high voltage, V."),
        sa.Column(
            "current_hvps_sensor", sa.Double(), nullable=False, comment="Sensor current of the high-voltage supply, mA."
        ),
        sa.Column(
            "positive_current_hvps",
            sa.Double(),
            nullable=False,
            comment="Positive current of the high-voltage supply, mA.",
        ),
        sa.Column(
            "negative_current_hvps",
            sa.Double(),
            nullable=False,
            comment="Negative current of the high-voltage supply, mA.",
        ),
        sa.Column("voltage_3p3_ref", sa.Double(), nullable=False, comment="3.3 V reference, V."),
        sa.Column("voltage_3p3_op_ref", sa.Double(), nullable=False, comment="3.3 V operational reference, V."),
        sa.Column("voltage_neg6v_bus", sa.Double(), nullable=False, comment="Voltage of the -6 V bus, V."),
        sa.Column("voltage_pos6v_bus", sa.Double(), nullable=False, comment="Voltage of the +6 V bus, V."),
        sa.Column("voltage_pos16v_bus", sa.Double(), nullable=False, comment="Voltage of the +16 V bus, V."),
        sa.Column("voltage_pos3p3v_bus", sa.Double(), nullable=False, comment="Voltage of the +3.3 V bus, V."),
        sa.Column("voltage_neg5v_bus", sa.Double(), nullable=False, comment="Voltage of the -5 V bus, V."),
        sa.Column("voltage_pos5v_bus", sa.Double(), nullable=False, comment="Voltage of the +5 V bus, V."),
        sa.Column("current_3p3v_bus", sa.Double(), nullable=False, comment="Current of the 3.3 V bus, A."),
        sa.Column("current_16v_bus", sa.Double(), nullable=False, comment="Current of the 16 V bus, A."),
        sa.Column("current_6v_bus", sa.Double(), nullable=False, comment="Current of the 6 V bus, A."),
        sa.Column("current_neg6v_bus", sa.Double(), nullable=False, comment="Current of the -6 V bus, A."),
        sa.Column("current_5v_bus", sa.Double(), nullable=False, comment="Current of the 5 V bus, A."),
        sa.Column("current_neg5v_bus", sa.Double(), nullable=False, comment="Current of the -5 V bus, A."),
        sa.Column("current_2p5v_bus", sa.Double(), nullable=False, comment="Current of the 2.5 V bus, A."),
        sa.Column("current_neg2p5v_bus", sa.Double(), nullable=False, comment="Current of the -2.5 V bus, A."),
        sa.ForeignKeyConstraint(
            ["event_id"], ["core.event.id"], name="fk_event_housekeeping_event_id_event", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("event_id", name="pk_event_housekeeping"),
        schema="idex",
        comment="Housekeeping of the event header, converted by the calibration header_housekeeping; one row an event.",
    )


def _message() -> None:
    op.create_table(
        "message",
        sa.Column("file_id", sa.BigInteger(), nullable=False, comment="The raw file."),
        sa.Column(
            "byte_offset", sa.BigInteger(), nullable=False, comment="Where the packet begins in the file, bytes."
        ),
        sa.Column("t", TIME, nullable=False, comment="Time of the message, UTC; 2010 when the clock was not set."),
        sa.Column("tick", sa.BigInteger(), nullable=False, comment="Time of the message, counts of 20 us since MET 0."),
        sa.Column("message_id", sa.SmallInteger(), nullable=False, comment="Message id, 0-255."),
        sa.Column("mnemonic", NAME, nullable=False, comment="Mnemonic of the id."),
        sa.Column("p0", sa.SmallInteger(), nullable=False, comment="Parameter byte 0."),
        sa.Column("p1", sa.SmallInteger(), nullable=False, comment="Parameter byte 1."),
        sa.Column("p2", sa.SmallInteger(), nullable=False, comment="Parameter byte 2."),
        sa.Column("p3", sa.SmallInteger(), nullable=False, comment="Parameter byte 3."),
        sa.Column("text", sa.Text(), nullable=False, comment="The message for people."),
        sa.ForeignKeyConstraint(["file_id"], ["core.file.id"], name="fk_message_file_id_file", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("file_id", "byte_offset", name="pk_message"),
        schema="idex",
        comment="Event messages of the flight software (APID 1418).",
    )
    op.create_index("ix_message_message_id_t", "message", ["message_id", "t"], schema="idex")
    op.create_index("ix_message_t", "message", ["t"], schema="idex")


def _catalogue_entry() -> None:
    op.create_table(
        "catalogue_entry",
        sa.Column("file_id", sa.BigInteger(), nullable=False, comment="The raw file."),
        sa.Column(
            "byte_offset",
            sa.BigInteger(),
            nullable=False,
            comment="Where the catalogue packet begins in the file, bytes.",
        ),
        sa.Column("entry", sa.SmallInteger(), nullable=False, comment="Position in the list, from 0."),
        sa.Column("t", TIME, nullable=False, comment="Time of the packet, UTC."),
        sa.Column("tick", sa.BigInteger(), nullable=False, comment="Time of the packet, counts of 20 us since MET 0."),
        sa.Column(
            "region", sa.BigInteger(), nullable=False, comment="Memory region listed; 13 is the stored catalogue."
        ),
        sa.Column("aid", sa.BigInteger(), nullable=False, comment="Accountability id of an acquisition held on board."),
        sa.Column("processed", sa.Boolean(), nullable=False, comment="Whether it was processed."),
        sa.Column("blocks", sa.Integer(), nullable=False, comment="Flash blocks it takes."),
        sa.Column("events", sa.Integer(), nullable=False, comment="Events in the acquisition."),
        sa.Column("first_block", sa.Integer(), nullable=False, comment="First flash block."),
        sa.Column("last_block", sa.Integer(), nullable=False, comment="Last flash block."),
        sa.Column("start_met", sa.BigInteger(), nullable=False, comment="Start time, MET seconds."),
        sa.ForeignKeyConstraint(
            ["file_id"], ["core.file.id"], name="fk_catalogue_entry_file_id_file", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("file_id", "byte_offset", "entry", name="pk_catalogue_entry"),
        schema="idex",
        comment="Catalogue lists (APID 1419): acquisitions held on board, the reference for completeness.",
    )
    op.create_index("ix_catalogue_entry_aid", "catalogue_entry", ["aid"], schema="idex")
