"""Tables of the IDEX analysis in schema ``idex``: what was derived from waveforms and fits, each row with a status."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, Column, Double, Integer, PrimaryKeyConstraint, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from archive.catalog.schema.base import metadata, name, ref

SCHEMA = "idex"


def _key(**options: Any) -> Column[Any]:
    return ref("event_analysis_id", "core.event_analysis.id", "The analysis.", ondelete="CASCADE", **options)


def _real(column: str, comment: str) -> Column[Any]:
    return Column(column, Double, comment=comment)


def _flag(column: str, comment: str) -> Column[Any]:
    return Column(column, Boolean, nullable=False, comment=comment)


def _status() -> tuple[Column[Any], Column[Any]]:
    return (
        name("status", "Words parted by blanks; ok when nothing is to be said."),
        Column("reason", Text, nullable=False, comment="What the status says, for a person; empty for ok."),
    )


channel_analysis = Table(
    "channel_analysis",
    metadata,
    _key(),
    name("channel", "The channel."),
    name("unit", "Unit of baseline and noise: mA or pC."),
    _real("baseline", "Mean over -7 us <= t <= -5 us."),
    _real("noise", "Standard deviation (n - 1) over -7 us <= t <= -5 us."),
    _real("snr", "(maximum - baseline)/noise with that window."),
    _real("robust_baseline", "Median of the first 3 us."),
    _real("robust_noise", "1.4826 MAD of the first 3 us; the standard deviation where that is 0."),
    _real("robust_snr", "(maximum - baseline)/noise with the first 3 us."),
    _real("correlation", "Correlation of the noise of neighbouring samples in the first 3 us."),
    _flag("saturated", "Whether a raw sample reaches 0.95 of full scale."),
    Column("plateau_start", Integer, comment="First sample of the longest run of equal values at an extreme."),
    Column("plateau_length", Integer, comment="Samples of that run; null when there is none of three or more."),
    name(
        "noise_window",
        "What the columns of noise_ are of: record (noise capture) or pre_trigger (t <= -5 us).",
        nullable=True,
    ),
    Column("noise_samples", Integer, comment="Samples of that window; null when there are fewer than 20."),
    _real("noise_mean", "Mean of that window."),
    _real("noise_sigma", "Population standard deviation of that window."),
    _real("noise_median", "Median of that window."),
    _real("noise_robust", "1.4826 MAD of that window."),
    _real("noise_poisson", "Poisson equivalent sqrt(abs(mean(max(y, 0)))) of that window."),
    _real("noise_lag1", "Unbiased autocorrelation at a lag of one sample in that window."),
    _real("line_frequency", "Frequency of the strongest spectral line of that window, MHz."),
    _real("line_amplitude", "Amplitude of that line as a sine, 2 abs(rfft(y - mean))/N."),
    _real("line_excess", "That amplitude over the median of all frequencies; about 3 to 5 for white noise."),
    *_status(),
    PrimaryKeyConstraint("event_analysis_id", "channel"),
    schema=SCHEMA,
    comment="Baseline, noise, signal-to-noise and saturation of each channel of an analysed event.",
)

line_analysis = Table(
    "line_analysis",
    metadata,
    _key(),
    name("channel", "Always TOF, the merged record."),
    Column("line", Integer, nullable=False, comment="Number of the line, as in core.fit."),
    _real("area_in_window", "Area within the line's own window, mA us."),
    _real("mode", "Time of the maximum, us from the trigger."),
    _real("height", "Height of the maximum, mA."),
    _real("fwhm", "Full width at half maximum, us."),
    _real("snr", "Height over noise."),
    name("gain", "Channel that the sample of the maximum is from; null when every gain is saturated.", nullable=True),
    _real("mass", "Mass by mu and the mass scale, u."),
    _real("mass_error", "Its error by that of mu, u."),
    _real("resolution", "m/dm = flight time/(2 FWHM)."),
    name("species", "Ion that the line is; null when the scale is not trusted or no reference is near.", nullable=True),
    name("species_origin", "automatic or override; null without a species.", nullable=True),
    Column("species_unique", Boolean, comment="Whether no second reference is within reach; null when none is near."),
    _real("fraction_of_record", "Area over the positive area of the whole record."),
    _real("fraction_of_lines", "Area over that of all lines."),
    Column("candidates", JSONB, comment="Known species within max(0.25 u, 3 errors) of the mass, the nearest first."),
    name("shape", "Shape of the line: emg, or what an analyst chose.", nullable=True),
    Column("extras", JSONB, comment="What the shape needs beyond its four parameters, by name."),
    PrimaryKeyConstraint("event_analysis_id", "channel", "line"),
    schema=SCHEMA,
    comment="What follows from each fitted line of the time-of-flight record.",
)

pulse_analysis = Table(
    "pulse_analysis",
    metadata,
    _key(),
    name("channel", "Target_High, Target_Low or Ion_Grid."),
    Column("line", Integer, nullable=False, comment="0, as in core.fit."),
    _real("charge", "Impact charge, pC; null for a weak signal."),
    _real("charge_error", "Its standard error, pC, with the correlation of the noise."),
    _real("charge_limit", "Upper limit at 95 % for a weak signal, pC."),
    _real("t_max", "Time of the maximum, us from the trigger."),
    _real("t10", "When the pulse crosses 10 % of its height, us."),
    _real("t90", "When the pulse crosses 90 % of its height, us."),
    _real("value10", "Value at t10, pC."),
    _real("value90", "Value at t90, pC."),
    _real("rise_10_90", "t90 - t10, us; not the rise time tau_r of the fit."),
    _real("baseline", "Median before the onset, pC."),
    _real("noise", "Robust noise before the onset, pC."),
    _real("correlation", "Correlation of the residuals of neighbouring samples."),
    _real("speed", "Speed by tau_r, km/s."),
    _real("speed_low", "Lower limit of its central 68 %, km/s."),
    _real("speed_high", "Upper limit of its central 68 %, km/s."),
    _real("mass", "Particle mass by charge and that speed, kg."),
    _real("mass_low", "Lower limit of its central 68 %, kg."),
    _real("mass_high", "Upper limit of its central 68 %, kg."),
    PrimaryKeyConstraint("event_analysis_id", "channel", "line"),
    schema=SCHEMA,
    comment="What follows from each fitted charge pulse.",
)

spectrum_analysis = Table(
    "spectrum_analysis",
    metadata,
    _key(primary_key=True, autoincrement=False),
    Column("lines", Integer, nullable=False, comment="Lines that were fitted."),
    _real("ratio_mid", "TOF_High over TOF_Mid as fitted; null with too few samples."),
    _real("ratio_low", "TOF_Mid over TOF_Low as fitted; null with too few samples."),
    _flag("ratio_refused", "Whether a fitted ratio was more than 20 % from 1 and not used."),
    _flag("all_saturated", "Whether samples are left that every gain masks."),
    _real("merged_snr", "Maximum of the merged record over the noise there."),
    _real("origin", "Time of the first sample, us from the trigger: the zero of the mass scale."),
    Column("coefficients", ARRAY(Double), comment="t0, a1, ... of the mass scale, us from the first sample."),
    Column("matched", Integer, nullable=False, comment="Lines that lie on reference masses."),
    _real("rms", "Root mean square of their residuals, us."),
    _real("score", "Score of the scale."),
    _real("rival", "Best score more than 1 % away in stretch."),
    _real("kappa", "Mean of mass - whole number, u; signed."),
    _real("kappa_rms", "Root mean square of the same, u."),
    _real("kappa_abs", "Mean of the absolute values of the same, u."),
    *_status(),
    name("gains", "Gains that were merged, parted by blanks, as an analyst chose; null: all.", nullable=True),
    schema=SCHEMA,
    comment="Merging of the gains and mass scale of each analysed event.",
)

particle_analysis = Table(
    "particle_analysis",
    metadata,
    _key(primary_key=True, autoincrement=False),
    name("channel", "Target channel that counts; null when none does.", nullable=True),
    _real("charge", "Impact charge of that channel, pC."),
    _real("charge_error", "Its standard error, pC."),
    _real("ratio", "Charge of the ion grid over that of the target, absolute."),
    _real("ratio_speed", "Speed by that ratio, km/s."),
    name("speed_source", "rise_time or charge_ratio; null without a speed.", nullable=True),
    _real("speed", "Speed, km/s."),
    _real("speed_low", "Lower limit of its central 68 %, km/s; null for charge_ratio."),
    _real("speed_high", "Upper limit of its central 68 %, km/s; null for charge_ratio."),
    _real("mass", "Mass, kg."),
    _real("mass_low", "Lower limit of its central 68 %, kg; null for charge_ratio."),
    _real("mass_high", "Upper limit of its central 68 %, kg; null for charge_ratio."),
    *_status(),
    schema=SCHEMA,
    comment="Best charge, speed and mass of the particle of each analysed event.",
)

composition_analysis = Table(
    "composition_analysis",
    metadata,
    _key(primary_key=True, autoincrement=False),
    name("sensitivity", "Set of relative sensitivity factors that was applied.", nullable=True),
    _real("mg_area", "Area of the magnesium isotopes, mA us; null when none is there."),
    _real("si_area", "Area of the silicon isotopes, mA us; null when none is there."),
    _real("fe_area", "Area of the iron isotopes, mA us; null when none is there."),
    _real("mg_fraction", "Mg/(Mg + Si + Fe), atoms, after division by the factors."),
    _real("si_fraction", "Si/(Mg + Si + Fe), atoms."),
    _real("fe_fraction", "Fe/(Mg + Si + Fe), atoms."),
    _real("ternary_x", "Position in the ternary diagram: Mg (0, 0), Si (1, 0), Fe (1/2, sqrt(3)/2)."),
    _real("ternary_y", "Position in the ternary diagram."),
    _real("forsterite", "100 Mg/(Mg + Fe), atoms."),
    Column("elements", JSONB, nullable=False, comment="Atomic fraction by element, of all lines with a species."),
    Column("isotopes", JSONB, nullable=False, comment="Isotope ratios beside the natural ones, with their deviation."),
    name("material", "Material that fits best; null without one.", nullable=True),
    Column("material_unique", Boolean, comment="Whether no other material fits as well."),
    Column("materials", JSONB, nullable=False, comment="The best materials with their scores."),
    Column("mixtures", JSONB, nullable=False, comment="The best mixtures of two materials."),
    *_status(),
    name("material_origin", "automatic or override; null without a material.", nullable=True),
    schema=SCHEMA,
    comment="Composition of the particle of each analysed event.",
)
