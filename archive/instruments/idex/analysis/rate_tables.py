"""Tables of counts, exposure, rates and pointing maps in schema ``idex`` (IDEX science definition, section 18)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Double,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB

from archive.catalog.schema.base import key, metadata, name, now, ref, time

SCHEMA = "idex"

#: What a rate can be binned by.
BINNINGS = ("total", "charge", "mass")


def _real(column: str, comment: str) -> Column[Any]:
    return Column(column, Double, comment=comment)


def _count(column: str, comment: str) -> Column[Any]:
    return Column(column, Integer, nullable=False, comment=comment)


def _small(column: str, comment: str, *, nullable: bool = False) -> Column[Any]:
    return Column(column, SmallInteger, nullable=nullable, comment=comment)


def _window() -> Column[Any]:
    return ref("rate_window_id", "idex.rate_window.id", "The window, as it was accumulated.", ondelete="CASCADE")


def _bins() -> tuple[Column[Any], Column[Any]]:
    return (
        _small("charge_bin", "Bin of the charge, from 0; -1: no charge is known."),
        _small("mass_bin", "Bin of the mass, from 0; -1: no mass is known."),
    )


def _pixel() -> tuple[Column[Any], Column[Any]]:
    return (
        _small("lon_pixel", "Longitude 6 n to 6 (n + 1) degrees, n from 0 to 59."),
        _small("lat_pixel", "Latitude 6 n - 90 to 6 (n + 1) - 90 degrees, n from 0 to 29."),
    )


def _rate() -> tuple[Column[Any], ...]:
    return (
        _count("counts", "Dust events."),
        _real("counts_low", "Lower limit of the central 68 % of their Poisson mean."),
        _real("counts_high", "Upper limit of the central 68 % of their Poisson mean."),
        _real("rate", "Counts over exposure, 1/s; null without exposure."),
        _real("rate_low", "Lower limit of its central 68 %, 1/s; null without exposure."),
        _real("rate_high", "Upper limit of its central 68 %, 1/s; null without exposure."),
    )


pointing = Table(
    "pointing",
    metadata,
    ref("file_id", "core.file.id", "The file that says so.", ondelete="CASCADE"),
    _count("record", "Record in that file, from 0."),
    Column("tt2000", BigInteger, nullable=False, comment="Time, TT nanoseconds since J2000."),
    time("t", "Time, UTC.", nullable=False),
    Column("aid", BigInteger, comment="Accountability id of the event whose pointing it is; null: of no event."),
    Column("shcoarse", BigInteger, comment="Whole MET seconds of its header packet; null: of no event."),
    Column("shfine", Integer, comment="Counts of 20 us of its header packet; null: of no event."),
    _real("longitude", "Ecliptic longitude (J2000) of the boresight, degrees; not where dust came from."),
    _real("latitude", "Ecliptic latitude (J2000) of the boresight, degrees."),
    _real("solar_longitude", "Longitude of the Sun, degrees."),
    _real("spin_phase", "Spin phase, degrees."),
    PrimaryKeyConstraint("file_id", "record"),
    Index(None, "tt2000"),
    Index(None, "aid", "shcoarse", "shfine"),
    schema=SCHEMA,
    comment="Where the boresight pointed, at events or at any time: the geometry of files that have one.",
)

rate_window = Table(
    "rate_window",
    metadata,
    key(),
    time("t_start", "Begin of the window, UTC.", nullable=False),
    time("t_stop", "End of the window, UTC, exclusive.", nullable=False),
    time("t_until", "To where it is accumulated, UTC: the newest data while the window is open.", nullable=False),
    Column("version", Integer, nullable=False, comment="Version of the accumulation."),
    name("settings_hash", "Hash of the settings."),
    Column("settings", JSONB, nullable=False, comment="The settings."),
    name("input_hash", "Hash of everything that was counted; equal inputs write no second row."),
    _real("exposure", "Seconds with science on; null without any message of it."),
    _real("known", "Seconds for which that is known: the whole window with any message, else 0."),
    _real("dead_time", "Dead time of all events, s; not taken off the exposure unless the settings say so."),
    _count("messages", "Messages of science going on or off."),
    _count("events", "Events of the window, of any kind, with the clock set."),
    _count("dust", "Dust events among them: those that are counted."),
    _count("unanalysed", "Dust events without an analysis, so without charge and mass."),
    _count("no_charge", "Dust events without a charge: saturated, too weak, not fitted, or not analysed."),
    _count("no_mass", "Dust events without a mass."),
    _count("no_phase", "Dust events without a spin phase: in no quadrant."),
    _count("unplaced", "Dust events without longitude and latitude: in no pixel."),
    _real(
        "unplaced_exposure", "Seconds of the exposure during which the pointing is not known; null without exposure."
    ),
    _small("quality", "1: the exposure is known and not zero; 0: there is no rate."),
    name("status", "Words parted by blanks; ok when nothing is to be said."),
    Column("reason", Text, nullable=False, comment="What the status says, for a person; empty for ok."),
    ref("code_version_id", "core.code_version.id", "Code that wrote it."),
    now("created_at", "When the row was written."),
    CheckConstraint("t_start <= t_until and t_until <= t_stop", name="times"),
    CheckConstraint("quality in (0, 1)", name="quality"),
    Index(None, "t_start", "id"),
    schema=SCHEMA,
    comment="Accumulations of dust counts by windows of ten days: appended, the newest row of a window counts.",
)

rate_count = Table(
    "rate_count",
    metadata,
    _window(),
    _small("spin_quadrant", "Quadrant centred on 0, 90, 180, 270 degrees, 0 to 3; -1: no spin phase is known."),
    *_bins(),
    _count("counts", "Dust events; bins without any have no row."),
    PrimaryKeyConstraint("rate_window_id", "spin_quadrant", "charge_bin", "mass_bin"),
    schema=SCHEMA,
    comment="Dust counts by spin quadrant, charge and mass together: any other binning is a sum of these.",
)

rate = Table(
    "rate",
    metadata,
    _window(),
    name("binning", "total, charge or mass."),
    _small("spin_quadrant", "0 to 3; -1: no spin phase is known; null: all together.", nullable=True),
    _small("bin", "Bin from 0; -1: the quantity is not known; null for total.", nullable=True),
    _real("bin_low", "Lower edge of the bin, pC or kg; the first bin holds what is below too."),
    _real("bin_high", "Upper edge of the bin, pC or kg; the last bin holds what is above too."),
    *_rate(),
    UniqueConstraint(
        "rate_window_id", "binning", "spin_quadrant", "bin", name="uq_rate_bin", postgresql_nulls_not_distinct=True
    ),
    CheckConstraint(f"binning in ({', '.join(repr(one) for one in BINNINGS)})", name="binning"),
    schema=SCHEMA,
    comment="Counts and rates with Poisson intervals, every bin of every window, also those without counts.",
)

map_pixel = Table(
    "map_pixel",
    metadata,
    _window(),
    *_pixel(),
    _real("exposure", "Seconds with science on while the boresight was in the pixel; null: not known."),
    *_rate(),
    PrimaryKeyConstraint("rate_window_id", "lon_pixel", "lat_pixel"),
    schema=SCHEMA,
    comment="Pointing map: counts, exposure and rate of each pixel that has counts or exposure.",
)

map_count = Table(
    "map_count",
    metadata,
    _window(),
    *_pixel(),
    *_bins(),
    _count("counts", "Dust events; bins without any have no row."),
    PrimaryKeyConstraint("rate_window_id", "lon_pixel", "lat_pixel", "charge_bin", "mass_bin"),
    schema=SCHEMA,
    comment="Dust counts by pixel, charge and mass together.",
)
