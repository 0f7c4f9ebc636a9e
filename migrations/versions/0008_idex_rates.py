"""Counts, exposure, rates and pointing maps of IDEX, and the geometry that they need."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0008_idex_rates"
down_revision = "0007_run_data"
branch_labels = None
depends_on = None

#: Text ordered by bytes, equal on every server whatever its locale.
NAME = sa.Text(collation="C")

#: In the order in which they are made.
TABLES = ("pointing", "rate_window", "rate_count", "rate", "map_pixel", "map_count")


def upgrade() -> None:
    _pointing()
    _rate_window()
    _rate_count()
    _rate()
    _map_pixel()
    _map_count()


def downgrade() -> None:
    for table in TABLES[::-1]:
        op.drop_table(table, schema="idex")


def _pointing() -> None:
    op.create_table(
        "pointing",
        sa.Column("file_id", sa.BigInteger(), nullable=False, comment="The file that says so."),
        sa.Column("record", sa.Integer(), nullable=False, comment="Record in that file, from 0."),
        sa.Column("tt2000", sa.BigInteger(), nullable=False, comment="Time, TT nanoseconds since J2000."),
        sa.Column("t", sa.DateTime(timezone=True), nullable=False, comment="Time, UTC."),
        sa.Column(
            "aid",
            sa.BigInteger(),
            nullable=True,
            comment="Accountability id of the event whose pointing it is; null: of no event.",
        ),
        sa.Column(
            "shcoarse",
            sa.BigInteger(),
            nullable=True,
            comment="Whole MET seconds of its header packet; null: of no event.",
        ),
        sa.Column(
            "shfine", sa.Integer(), nullable=True, comment="Counts of 20 us of its header packet; null: of no event."
        ),
        sa.Column(
            "longitude",
            sa.Double(),
            nullable=True,
            comment="Ecliptic longitude (J2000) of the boresight, degrees; not where dust came from.",
        ),
        sa.Column(
            "latitude", sa.Double(), nullable=True, comment="Ecliptic latitude (J2000) of the boresight, degrees."
        ),
        sa.Column("solar_longitude", sa.Double(), nullable=True, comment="Longitude of the Sun, degrees."),
        sa.Column("spin_phase", sa.Double(), nullable=True, comment="Spin phase, degrees."),
        sa.ForeignKeyConstraint(
            ["file_id"], ["core.file.id"], name=op.f("fk_pointing_file_id_file"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("file_id", "record", name=op.f("pk_pointing")),
        schema="idex",
        comment="Where the boresight pointed, at events or at any time: the geometry of files that have one.",
    )
    op.create_index(
        op.f("ix_pointing_aid_shcoarse_shfine"), "pointing", ["aid", "shcoarse", "shfine"], unique=False, schema="idex"
    )
    op.create_index(op.f("ix_pointing_tt2000"), "pointing", ["tt2000"], unique=False, schema="idex")


def _rate_window() -> None:
    op.create_table(
        "rate_window",
        sa.Column(
            "id",
            sa.BigInteger(),
            sa.Identity(always=False),
            nullable=False,
            comment="Surrogate key; never reused, gaps are normal.",
        ),
        sa.Column("t_start", sa.DateTime(timezone=True), nullable=False, comment="Begin of the window, UTC."),
        sa.Column("t_stop", sa.DateTime(timezone=True), nullable=False, comment="End of the window, UTC, exclusive."),
        sa.Column(
            "t_until",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="To where it is accumulated, UTC: the newest data while the window is open.",
        ),
        sa.Column("version", sa.Integer(), nullable=False, comment="Version of the accumulation."),
        sa.Column("settings_hash", NAME, nullable=False, comment="Hash of the settings."),
        sa.Column("settings", JSONB(), nullable=False, comment="The settings."),
        sa.Column(
            "input_hash",
            NAME,
            nullable=False,
            comment="Hash of everything that was counted; equal inputs write no second row.",
        ),
        sa.Column(
            "exposure", sa.Double(), nullable=True, comment="Seconds with science on; null without any message of it."
        ),
        sa.Column(
            "known",
            sa.Double(),
            nullable=True,
            comment="Seconds for which that is known: the whole window with any message, else 0.",
        ),
        sa.Column(
            "dead_time",
            sa.Double(),
            nullable=True,
            comment="Dead time of all events, s; not taken off the exposure unless the settings say so.",
        ),
        sa.Column("messages", sa.Integer(), nullable=False, comment="Messages of science going on or off."),
        sa.Column(
            "events", sa.Integer(), nullable=False, comment="Events of the window, of any kind, with the clock set."
        ),
        sa.Column("dust", sa.Integer(), nullable=False, comment="Dust events among them: those that are counted."),
        sa.Column(
            "unanalysed",
            sa.Integer(),
            nullable=False,
            comment="Dust events without an analysis, so without charge and mass.",
        ),
        sa.Column(
            "no_charge",
            sa.Integer(),
            nullable=False,
            comment="Dust events without a charge: saturated, too weak, not fitted, or not analysed.",
        ),
        sa.Column("no_mass", sa.Integer(), nullable=False, comment="Dust events without a mass."),
        sa.Column(
            "no_phase", sa.Integer(), nullable=False, comment="Dust events without a spin phase: in no quadrant."
        ),
        sa.Column(
            "unplaced", sa.Integer(), nullable=False, comment="Dust events without longitude and latitude: in no pixel."
        ),
        sa.Column(
            "unplaced_exposure",
            sa.Double(),
            nullable=True,
            comment="Seconds of the exposure during which the pointing is not known; null without exposure.",
        ),
        sa.Column(
            "quality",
            sa.SmallInteger(),
            nullable=False,
            comment="1: the exposure is known and not zero; 0: there is no rate.",
        ),
        sa.Column("status", NAME, nullable=False, comment="Words parted by blanks; ok when nothing is to be said."),
        sa.Column("reason", sa.Text(), nullable=False, comment="What the status says, for a person; empty for ok."),
        sa.Column("code_version_id", sa.BigInteger(), nullable=False, comment="Code that wrote it."),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When the row was written.",
        ),
        sa.CheckConstraint("quality in (0, 1)", name=op.f("ck_rate_window_quality")),
        sa.CheckConstraint("t_start <= t_until and t_until <= t_stop", name=op.f("ck_rate_window_times")),
        sa.ForeignKeyConstraint(
            ["code_version_id"], ["core.code_version.id"], name=op.f("fk_rate_window_code_version_id_code_version")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rate_window")),
        schema="idex",
        comment="Accumulations of dust counts by windows of ten days: appended, the newest row of a window counts.",
    )
    op.create_index(op.f("ix_rate_window_t_start_id"), "rate_window", ["t_start", "id"], unique=False, schema="idex")


def _rate_count() -> None:
    op.create_table(
        "rate_count",
        sa.Column("rate_window_id", sa.BigInteger(), nullable=False, comment="The window, as it was accumulated."),
        sa.Column(
            "spin_quadrant",
            sa.SmallInteger(),
            nullable=False,
            comment="Quadrant centred on 0, 90, 180, 270 degrees, 0 to 3; -1: no spin phase is known.",
        ),
        sa.Column(
            "charge_bin",
            sa.SmallInteger(),
            nullable=False,
            comment="Bin of the charge, from 0; -1: no charge is known.",
        ),
        sa.Column(
            "mass_bin", sa.SmallInteger(), nullable=False, comment="Bin of the mass, from 0; -1: no mass is known."
        ),
        sa.Column("counts", sa.Integer(), nullable=False, comment="Dust events; bins without any have no row."),
        sa.ForeignKeyConstraint(
            ["rate_window_id"],
            ["idex.rate_window.id"],
            name=op.f("fk_rate_count_rate_window_id_rate_window"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "rate_window_id", "spin_quadrant", "charge_bin", "mass_bin", name=op.f("pk_rate_count")
        ),
        schema="idex",
        comment="Dust counts by spin quadrant, charge and mass together: any other binning is a sum of these.",
    )


def _rate() -> None:
    op.create_table(
        "rate",
        sa.Column("rate_window_id", sa.BigInteger(), nullable=False, comment="The window, as it was accumulated."),
        sa.Column("binning", NAME, nullable=False, comment="total, charge or mass."),
        sa.Column(
            "spin_quadrant",
            sa.SmallInteger(),
            nullable=True,
            comment="0 to 3; -1: no spin phase is known; null: all together.",
        ),
        sa.Column(
            "bin",
            sa.SmallInteger(),
            nullable=True,
            comment="Bin from 0; -1: the quantity is not known; null for total.",
        ),
        sa.Column(
            "bin_low",
            sa.Double(),
            nullable=True,
            comment="Lower edge of the bin, pC or kg; the first bin holds what is below too.",
        ),
        sa.Column(
            "bin_high",
            sa.Double(),
            nullable=True,
            comment="Upper edge of the bin, pC or kg; the last bin holds what is above too.",
        ),
        sa.Column("counts", sa.Integer(), nullable=False, comment="Dust events."),
        sa.Column(
            "counts_low", sa.Double(), nullable=True, comment="Lower limit of the central 68 % of their Poisson mean."
        ),
        sa.Column(
            "counts_high", sa.Double(), nullable=True, comment="Upper limit of the central 68 % of their Poisson mean."
        ),
        sa.Column("rate", sa.Double(), nullable=True, comment="Counts over exposure, 1/s; null without exposure."),
        sa.Column(
            "rate_low",
            sa.Double(),
            nullable=True,
            comment="Lower limit of its central 68 %, 1/s; null without exposure.",
        ),
        sa.Column(
            "rate_high",
            sa.Double(),
            nullable=True,
            comment="Upper limit of its central 68 %, 1/s; null without exposure.",
        ),
        sa.CheckConstraint("binning in ('total', 'charge', 'mass')", name=op.f("ck_rate_binning")),
        sa.ForeignKeyConstraint(
            ["rate_window_id"],
            ["idex.rate_window.id"],
            name=op.f("fk_rate_rate_window_id_rate_window"),
            ondelete="CASCADE",
        ),
        sa.UniqueConstraint(
            "rate_window_id", "binning", "spin_quadrant", "bin", name="uq_rate_bin", postgresql_nulls_not_distinct=True
        ),
        schema="idex",
        comment="Counts and rates with Poisson intervals, every bin of every window, also those without counts.",
    )


def _map_pixel() -> None:
    op.create_table(
        "map_pixel",
        sa.Column("rate_window_id", sa.BigInteger(), nullable=False, comment="The window, as it was accumulated."),
        sa.Column(
            "lon_pixel",
            sa.SmallInteger(),
            nullable=False,
            comment="Longitude 6 n to 6 (n + 1) degrees, n from 0 to 59.",
        ),
        sa.Column(
            "lat_pixel",
            sa.SmallInteger(),
            nullable=False,
            comment="Latitude 6 n - 90 to 6 (n + 1) - 90 degrees, n from 0 to 29.",
        ),
        sa.Column(
            "exposure",
            sa.Double(),
            nullable=True,
            comment="Seconds with science on while the boresight was in the pixel; null: not known.",
        ),
        sa.Column("counts", sa.Integer(), nullable=False, comment="Dust events."),
        sa.Column(
            "counts_low", sa.Double(), nullable=True, comment="Lower limit of the central 68 % of their Poisson mean."
        ),
        sa.Column(
            "counts_high", sa.Double(), nullable=True, comment="Upper limit of the central 68 % of their Poisson mean."
        ),
        sa.Column("rate", sa.Double(), nullable=True, comment="Counts over exposure, 1/s; null without exposure."),
        sa.Column(
            "rate_low",
            sa.Double(),
            nullable=True,
            comment="Lower limit of its central 68 %, 1/s; null without exposure.",
        ),
        sa.Column(
            "rate_high",
            sa.Double(),
            nullable=True,
            comment="Upper limit of its central 68 %, 1/s; null without exposure.",
        ),
        sa.ForeignKeyConstraint(
            ["rate_window_id"],
            ["idex.rate_window.id"],
            name=op.f("fk_map_pixel_rate_window_id_rate_window"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("rate_window_id", "lon_pixel", "lat_pixel", name=op.f("pk_map_pixel")),
        schema="idex",
        comment="Pointing map: counts, exposure and rate of each pixel that has counts or exposure.",
    )


def _map_count() -> None:
    op.create_table(
        "map_count",
        sa.Column("rate_window_id", sa.BigInteger(), nullable=False, comment="The window, as it was accumulated."),
        sa.Column(
            "lon_pixel",
            sa.SmallInteger(),
            nullable=False,
            comment="Longitude 6 n to 6 (n + 1) degrees, n from 0 to 59.",
        ),
        sa.Column(
            "lat_pixel",
            sa.SmallInteger(),
            nullable=False,
            comment="Latitude 6 n - 90 to 6 (n + 1) - 90 degrees, n from 0 to 29.",
        ),
        sa.Column(
            "charge_bin",
            sa.SmallInteger(),
            nullable=False,
            comment="Bin of the charge, from 0; -1: no charge is known.",
        ),
        sa.Column(
            "mass_bin", sa.SmallInteger(), nullable=False, comment="Bin of the mass, from 0; -1: no mass is known."
        ),
        sa.Column("counts", sa.Integer(), nullable=False, comment="Dust events; bins without any have no row."),
        sa.ForeignKeyConstraint(
            ["rate_window_id"],
            ["idex.rate_window.id"],
            name=op.f("fk_map_count_rate_window_id_rate_window"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "rate_window_id", "lon_pixel", "lat_pixel", "charge_bin", "mass_bin", name=op.f("pk_map_count")
        ),
        schema="idex",
        comment="Dust counts by pixel, charge and mass together.",
    )
