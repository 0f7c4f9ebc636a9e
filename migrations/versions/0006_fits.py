"""Analyses of events: fits, overrides of analysts, and the tables of the IDEX analysis."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0006_fits"
down_revision = "0005_filesystem"
branch_labels = None
depends_on = None

#: Text ordered by bytes, equal on every server whatever its locale.
NAME = sa.Text(collation="C")

#: Qualified names, in the order in which they are made.
TABLES = (
    "core.fit_model",
    "core.fit_override",
    "core.event_analysis",
    "core.fit",
    "idex.channel_analysis",
    "idex.line_analysis",
    "idex.pulse_analysis",
    "idex.spectrum_analysis",
    "idex.particle_analysis",
    "idex.composition_analysis",
)


def upgrade() -> None:
    _fit_model()
    _fit_override()
    _event_analysis()
    _fit()
    _channel_analysis()
    _line_analysis()
    _pulse_analysis()
    _spectrum_analysis()
    _particle_analysis()
    _composition_analysis()


def downgrade() -> None:
    for table in TABLES[::-1]:
        schema, name = table.split(".")
        op.drop_table(name, schema=schema)


def _fit_model() -> None:
    op.create_table(
        "fit_model",
        sa.Column(
            "id",
            sa.BigInteger(),
            sa.Identity(always=False),
            nullable=False,
            comment="Surrogate key; never reused, gaps are normal.",
        ),
        sa.Column("name", NAME, nullable=False, comment="Name of the function, for example emg."),
        sa.Column(
            "version", sa.Integer(), nullable=False, comment="Version; a changed meaning of a parameter is a new one."
        ),
        sa.Column("title", sa.Text(), nullable=False, comment="Name for people."),
        sa.Column(
            "parameters",
            JSONB(),
            nullable=False,
            comment="Name, unit and meaning of each parameter, in order.",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fit_model")),
        sa.UniqueConstraint("name", "version", name=op.f("uq_fit_model_name_version")),
        schema="core",
        comment="Functions that are fitted: what stands in the arrays of core.fit.",
    )


def _fit_override() -> None:
    op.create_table(
        "fit_override",
        sa.Column(
            "id",
            sa.BigInteger(),
            sa.Identity(always=False),
            nullable=False,
            comment="Surrogate key; never reused, gaps are normal.",
        ),
        sa.Column("event_id", sa.BigInteger(), nullable=False, comment="The event."),
        sa.Column(
            "action",
            NAME,
            nullable=False,
            comment="What is done: set, refit, add, remove, species, anchors, sensitivity, reset.",
        ),
        sa.Column("channel", NAME, nullable=True, comment="Channel of the fit; null: the whole event."),
        sa.Column(
            "line",
            sa.Integer(),
            nullable=True,
            comment="Number of the fit in its channel; null: the whole channel or event.",
        ),
        sa.Column(
            "arguments",
            JSONB(),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="What it is done with.",
        ),
        sa.Column(
            "base",
            JSONB(),
            nullable=True,
            comment="Values and errors that the override speaks against, as they were then.",
        ),
        sa.Column("author", NAME, nullable=False, comment="Who says so."),
        sa.Column("reason", sa.Text(), nullable=False, comment="Why."),
        sa.Column("supersedes_id", sa.BigInteger(), nullable=True, comment="The override it takes the place of."),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When it was written.",
        ),
        sa.CheckConstraint(
            "action in ('set', 'refit', 'add', 'remove', 'species', 'anchors', 'sensitivity', 'reset')",
            name=op.f("ck_fit_override_action"),
        ),
        sa.CheckConstraint("author <> '' and reason <> ''", name=op.f("ck_fit_override_signed")),
        sa.ForeignKeyConstraint(
            ["event_id"], ["core.event.id"], name=op.f("fk_fit_override_event_id_event"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["supersedes_id"], ["core.fit_override.id"], name=op.f("fk_fit_override_supersedes_id_fit_override")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fit_override")),
        schema="core",
        comment="What analysts say about fits: rows are appended, never edited; a reset is a row of its own.",
    )
    op.create_index(op.f("ix_fit_override_event_id"), "fit_override", ["event_id"], unique=False, schema="core")


def _event_analysis() -> None:
    op.create_table(
        "event_analysis",
        sa.Column(
            "id",
            sa.BigInteger(),
            sa.Identity(always=False),
            nullable=False,
            comment="Surrogate key; never reused, gaps are normal.",
        ),
        sa.Column("event_id", sa.BigInteger(), nullable=False, comment="The event."),
        sa.Column("file_id", sa.BigInteger(), nullable=False, comment="The product that was read."),
        sa.Column(
            "source",
            NAME,
            nullable=False,
            comment="Which copy of the event was analysed: the tail of core.event.preference at that time.",
        ),
        sa.Column("analysis", NAME, nullable=False, comment="Name of the analysis."),
        sa.Column("version", sa.Integer(), nullable=False, comment="Version of the analysis."),
        sa.Column(
            "settings_hash",
            NAME,
            nullable=False,
            comment="Hash of settings and calibrations; equal inputs and versions give equal results.",
        ),
        sa.Column(
            "inputs",
            JSONB(),
            nullable=False,
            comment="Settings, and the version of each calibration used.",
        ),
        sa.Column("origin", NAME, nullable=False, comment="automatic or override."),
        sa.Column(
            "override_id",
            sa.BigInteger(),
            nullable=True,
            comment="Newest override that was taken into account; null for an automatic analysis.",
        ),
        sa.Column(
            "status",
            NAME,
            nullable=False,
            comment="Words parted by blanks; ok when nothing is to be said.",
        ),
        sa.Column("reason", sa.Text(), nullable=False, comment="What the status says, for a person; empty for ok."),
        sa.Column("code_version_id", sa.BigInteger(), nullable=False, comment="Code that wrote it."),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When the row was written.",
        ),
        sa.CheckConstraint(
            "(origin = 'override') = (override_id is not null)", name=op.f("ck_event_analysis_override")
        ),
        sa.CheckConstraint("origin in ('automatic', 'override')", name=op.f("ck_event_analysis_origin")),
        sa.ForeignKeyConstraint(
            ["code_version_id"], ["core.code_version.id"], name=op.f("fk_event_analysis_code_version_id_code_version")
        ),
        sa.ForeignKeyConstraint(
            ["event_id"], ["core.event.id"], name=op.f("fk_event_analysis_event_id_event"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["file_id"], ["core.file.id"], name=op.f("fk_event_analysis_file_id_file"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["override_id"],
            ["core.fit_override.id"],
            name=op.f("fk_event_analysis_override_id_fit_override"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_analysis")),
        sa.UniqueConstraint(
            "event_id",
            "analysis",
            "version",
            "settings_hash",
            "source",
            "override_id",
            name="uq_event_analysis_inputs",
            postgresql_nulls_not_distinct=True,
        ),
        schema="core",
        comment="Every analysis of every event: one row a version, settings and set of overrides. Rows are appended.",
    )
    op.create_index(op.f("ix_event_analysis_file_id"), "event_analysis", ["file_id"], unique=False, schema="core")


def _fit() -> None:
    op.create_table(
        "fit",
        sa.Column("event_analysis_id", sa.BigInteger(), nullable=False, comment="The analysis it is part of."),
        sa.Column("channel", NAME, nullable=False, comment="Channel that was fitted."),
        sa.Column(
            "line", sa.Integer(), nullable=False, comment="Number of the line, from 1; 0: the one fit of the channel."
        ),
        sa.Column("fit_model_id", sa.BigInteger(), nullable=False, comment="The function."),
        sa.Column(
            "values",
            ARRAY(sa.Double()),
            nullable=False,
            comment="Parameters in the order of the model; null: unknown.",
        ),
        sa.Column(
            "errors",
            ARRAY(sa.Double()),
            nullable=False,
            comment="Standard errors in the same order; null: unknown.",
        ),
        sa.Column("chi2", sa.Double(), nullable=True, comment="Chi-square of the window."),
        sa.Column("dof", sa.BigInteger(), nullable=True, comment="Degrees of freedom of the window."),
        sa.Column("window_start", sa.Double(), nullable=True, comment="First time of the window, us from the trigger."),
        sa.Column("window_stop", sa.Double(), nullable=True, comment="Last time of the window, us from the trigger."),
        sa.Column(
            "status",
            NAME,
            nullable=False,
            comment="Words parted by blanks; ok when nothing is to be said.",
        ),
        sa.Column("reason", sa.Text(), nullable=False, comment="What the status says, for a person; empty for ok."),
        sa.Column(
            "origin",
            NAME,
            nullable=False,
            comment="automatic or override: whether an analyst set or refitted this one.",
        ),
        sa.CheckConstraint("origin in ('automatic', 'override')", name=op.f("ck_fit_origin")),
        sa.ForeignKeyConstraint(
            ["event_analysis_id"],
            ["core.event_analysis.id"],
            name=op.f("fk_fit_event_analysis_id_event_analysis"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["fit_model_id"], ["core.fit_model.id"], name=op.f("fk_fit_fit_model_id_fit_model")),
        sa.PrimaryKeyConstraint("event_analysis_id", "channel", "line", name=op.f("pk_fit")),
        schema="core",
        comment="Every fit of every analysis.",
    )
    op.create_index(
        "ix_fit_not_ok", "fit", ["status"], unique=False, schema="core", postgresql_where=sa.text("status <> 'ok'")
    )


def _channel_analysis() -> None:
    op.create_table(
        "channel_analysis",
        sa.Column("event_analysis_id", sa.BigInteger(), nullable=False, comment="The analysis."),
        sa.Column("channel", NAME, nullable=False, comment="The channel."),
        sa.Column("unit", NAME, nullable=False, comment="Unit of baseline and noise: mA or pC."),
        sa.Column("baseline", sa.Double(), nullable=True, comment="Mean over -7 us <= t <= -5 us."),
        sa.Column("noise", sa.Double(), nullable=True, comment="Standard deviation (n - 1) over -7 us <= t <= -5 us."),
        sa.Column("snr", sa.Double(), nullable=True, comment="(maximum - baseline)/noise with that window."),
        sa.Column("robust_baseline", sa.Double(), nullable=True, comment="Median of the first 3 us."),
        sa.Column(
            "robust_noise",
            sa.Double(),
            nullable=True,
            comment="1.4826 MAD of the first 3 us; the standard deviation where that is 0.",
        ),
        sa.Column("robust_snr", sa.Double(), nullable=True, comment="(maximum - baseline)/noise with the first 3 us."),
        sa.Column(
            "correlation",
            sa.Double(),
            nullable=True,
            comment="Correlation of the noise of neighbouring samples in the first 3 us.",
        ),
        sa.Column(
            "saturated", sa.Boolean(), nullable=False, comment="Whether a raw sample reaches 0.95 of full scale."
        ),
        sa.Column(
            "plateau_start",
            sa.Integer(),
            nullable=True,
            comment="First sample of the longest run of equal values at an extreme.",
        ),
        sa.Column(
            "plateau_length",
            sa.Integer(),
            nullable=True,
            comment="Samples of that run; null when there is none of three or more.",
        ),
        sa.Column(
            "status",
            NAME,
            nullable=False,
            comment="Words parted by blanks; ok when nothing is to be said.",
        ),
        sa.Column("reason", sa.Text(), nullable=False, comment="What the status says, for a person; empty for ok."),
        sa.ForeignKeyConstraint(
            ["event_analysis_id"],
            ["core.event_analysis.id"],
            name=op.f("fk_channel_analysis_event_analysis_id_event_analysis"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("event_analysis_id", "channel", name=op.f("pk_channel_analysis")),
        schema="idex",
        comment="Baseline, noise, signal-to-noise and saturation of each channel of an analysed event.",
    )


def _line_analysis() -> None:
    op.create_table(
        "line_analysis",
        sa.Column("event_analysis_id", sa.BigInteger(), nullable=False, comment="The analysis."),
        sa.Column("channel", NAME, nullable=False, comment="Always TOF, the merged record."),
        sa.Column("line", sa.Integer(), nullable=False, comment="Number of the line, as in core.fit."),
        sa.Column("area_in_window", sa.Double(), nullable=True, comment="Area within the line's own window, mA us."),
        sa.Column("mode", sa.Double(), nullable=True, comment="Time of the maximum, us from the trigger."),
        sa.Column("height", sa.Double(), nullable=True, comment="Height of the maximum, mA."),
        sa.Column("fwhm", sa.Double(), nullable=True, comment="Full width at half maximum, us."),
        sa.Column("snr", sa.Double(), nullable=True, comment="Height over noise."),
        sa.Column(
            "gain",
            NAME,
            nullable=True,
            comment="Channel that the sample of the maximum is from; null when every gain is saturated.",
        ),
        sa.Column("mass", sa.Double(), nullable=True, comment="Mass by mu and the mass scale, u."),
        sa.Column("mass_error", sa.Double(), nullable=True, comment="Its error by that of mu, u."),
        sa.Column("resolution", sa.Double(), nullable=True, comment="m/dm = flight time/(2 FWHM)."),
        sa.Column(
            "species",
            NAME,
            nullable=True,
            comment="Ion that the line is; null when the scale is not trusted or no reference is near.",
        ),
        sa.Column(
            "species_origin",
            NAME,
            nullable=True,
            comment="automatic or override; null without a species.",
        ),
        sa.Column(
            "species_unique",
            sa.Boolean(),
            nullable=True,
            comment="Whether no second reference is within reach; null without a species.",
        ),
        sa.Column(
            "fraction_of_record", sa.Double(), nullable=True, comment="Area over the positive area of the whole record."
        ),
        sa.Column("fraction_of_lines", sa.Double(), nullable=True, comment="Area over that of all lines."),
        sa.ForeignKeyConstraint(
            ["event_analysis_id"],
            ["core.event_analysis.id"],
            name=op.f("fk_line_analysis_event_analysis_id_event_analysis"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("event_analysis_id", "channel", "line", name=op.f("pk_line_analysis")),
        schema="idex",
        comment="What follows from each fitted line of the time-of-flight record.",
    )


def _pulse_analysis() -> None:
    op.create_table(
        "pulse_analysis",
        sa.Column("event_analysis_id", sa.BigInteger(), nullable=False, comment="The analysis."),
        sa.Column("channel", NAME, nullable=False, comment="Target_High, Target_Low or Ion_Grid."),
        sa.Column("line", sa.Integer(), nullable=False, comment="0, as in core.fit."),
        sa.Column("charge", sa.Double(), nullable=True, comment="Impact charge, pC; null for a weak signal."),
        sa.Column(
            "charge_error",
            sa.Double(),
            nullable=True,
            comment="Its standard error, pC, with the correlation of the noise.",
        ),
        sa.Column("charge_limit", sa.Double(), nullable=True, comment="Upper limit at 95 % for a weak signal, pC."),
        sa.Column("t_max", sa.Double(), nullable=True, comment="Time of the maximum, us from the trigger."),
        sa.Column("t10", sa.Double(), nullable=True, comment="When the pulse crosses 10 % of its height, us."),
        sa.Column("t90", sa.Double(), nullable=True, comment="When the pulse crosses 90 % of its height, us."),
        sa.Column("value10", sa.Double(), nullable=True, comment="Value at t10, pC."),
        sa.Column("value90", sa.Double(), nullable=True, comment="Value at t90, pC."),
        sa.Column(
            "rise_10_90", sa.Double(), nullable=True, comment="t90 - t10, us; not the rise time tau_r of the fit."
        ),
        sa.Column("baseline", sa.Double(), nullable=True, comment="Median before the onset, pC."),
        sa.Column("noise", sa.Double(), nullable=True, comment="Robust noise before the onset, pC."),
        sa.Column(
            "correlation", sa.Double(), nullable=True, comment="Correlation of the residuals of neighbouring samples."
        ),
        sa.Column("speed", sa.Double(), nullable=True, comment="Speed by tau_r, km/s."),
        sa.Column("speed_low", sa.Double(), nullable=True, comment="Lower limit of its central 68 %, km/s."),
        sa.Column("speed_high", sa.Double(), nullable=True, comment="Upper limit of its central 68 %, km/s."),
        sa.Column("mass", sa.Double(), nullable=True, comment="Particle mass by charge and that speed, kg."),
        sa.Column("mass_low", sa.Double(), nullable=True, comment="Lower limit of its central 68 %, kg."),
        sa.Column("mass_high", sa.Double(), nullable=True, comment="Upper limit of its central 68 %, kg."),
        sa.ForeignKeyConstraint(
            ["event_analysis_id"],
            ["core.event_analysis.id"],
            name=op.f("fk_pulse_analysis_event_analysis_id_event_analysis"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("event_analysis_id", "channel", "line", name=op.f("pk_pulse_analysis")),
        schema="idex",
        comment="What follows from each fitted charge pulse.",
    )


def _spectrum_analysis() -> None:
    op.create_table(
        "spectrum_analysis",
        sa.Column("event_analysis_id", sa.BigInteger(), autoincrement=False, nullable=False, comment="The analysis."),
        sa.Column("lines", sa.Integer(), nullable=False, comment="Lines that were fitted."),
        sa.Column(
            "ratio_mid",
            sa.Double(),
            nullable=True,
            comment="TOF_High over TOF_Mid as fitted; null with too few samples.",
        ),
        sa.Column(
            "ratio_low",
            sa.Double(),
            nullable=True,
            comment="TOF_Mid over TOF_Low as fitted; null with too few samples.",
        ),
        sa.Column(
            "ratio_refused",
            sa.Boolean(),
            nullable=False,
            comment="Whether a fitted ratio was more than 20 % from 1 and not used.",
        ),
        sa.Column(
            "all_saturated", sa.Boolean(), nullable=False, comment="Whether samples are left that every gain masks."
        ),
        sa.Column(
            "merged_snr", sa.Double(), nullable=True, comment="Maximum of the merged record over the noise there."
        ),
        sa.Column(
            "origin",
            sa.Double(),
            nullable=True,
            comment="Time of the first sample, us from the trigger: the zero of the mass scale.",
        ),
        sa.Column(
            "coefficients",
            ARRAY(sa.Double()),
            nullable=True,
            comment="t0, a1, ... of the mass scale, us from the first sample.",
        ),
        sa.Column("matched", sa.Integer(), nullable=False, comment="Lines that lie on reference masses."),
        sa.Column("rms", sa.Double(), nullable=True, comment="Root mean square of their residuals, us."),
        sa.Column("score", sa.Double(), nullable=True, comment="Score of the scale."),
        sa.Column("rival", sa.Double(), nullable=True, comment="Best score more than 1 % away in stretch."),
        sa.Column("kappa", sa.Double(), nullable=True, comment="Mean of mass - whole number, u; signed."),
        sa.Column("kappa_rms", sa.Double(), nullable=True, comment="Root mean square of the same, u."),
        sa.Column("kappa_abs", sa.Double(), nullable=True, comment="Mean of the absolute values of the same, u."),
        sa.Column(
            "status",
            NAME,
            nullable=False,
            comment="Words parted by blanks; ok when nothing is to be said.",
        ),
        sa.Column("reason", sa.Text(), nullable=False, comment="What the status says, for a person; empty for ok."),
        sa.ForeignKeyConstraint(
            ["event_analysis_id"],
            ["core.event_analysis.id"],
            name=op.f("fk_spectrum_analysis_event_analysis_id_event_analysis"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("event_analysis_id", name=op.f("pk_spectrum_analysis")),
        schema="idex",
        comment="Merging of the gains and mass scale of each analysed event.",
    )


def _particle_analysis() -> None:
    op.create_table(
        "particle_analysis",
        sa.Column("event_analysis_id", sa.BigInteger(), autoincrement=False, nullable=False, comment="The analysis."),
        sa.Column("channel", NAME, nullable=True, comment="Target channel that counts; null when none does."),
        sa.Column("charge", sa.Double(), nullable=True, comment="Impact charge of that channel, pC."),
        sa.Column("charge_error", sa.Double(), nullable=True, comment="Its standard error, pC."),
        sa.Column(
            "ratio", sa.Double(), nullable=True, comment="Charge of the ion grid over that of the target, absolute."
        ),
        sa.Column("ratio_speed", sa.Double(), nullable=True, comment="Speed by that ratio, km/s."),
        sa.Column(
            "speed_source",
            NAME,
            nullable=True,
            comment="rise_time or charge_ratio; null without a speed.",
        ),
        sa.Column("speed", sa.Double(), nullable=True, comment="Speed, km/s."),
        sa.Column(
            "speed_low",
            sa.Double(),
            nullable=True,
            comment="Lower limit of its central 68 %, km/s; null for charge_ratio.",
        ),
        sa.Column(
            "speed_high",
            sa.Double(),
            nullable=True,
            comment="Upper limit of its central 68 %, km/s; null for charge_ratio.",
        ),
        sa.Column("mass", sa.Double(), nullable=True, comment="Mass, kg."),
        sa.Column(
            "mass_low",
            sa.Double(),
            nullable=True,
            comment="Lower limit of its central 68 %, kg; null for charge_ratio.",
        ),
        sa.Column(
            "mass_high",
            sa.Double(),
            nullable=True,
            comment="Upper limit of its central 68 %, kg; null for charge_ratio.",
        ),
        sa.Column(
            "status",
            NAME,
            nullable=False,
            comment="Words parted by blanks; ok when nothing is to be said.",
        ),
        sa.Column("reason", sa.Text(), nullable=False, comment="What the status says, for a person; empty for ok."),
        sa.ForeignKeyConstraint(
            ["event_analysis_id"],
            ["core.event_analysis.id"],
            name=op.f("fk_particle_analysis_event_analysis_id_event_analysis"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("event_analysis_id", name=op.f("pk_particle_analysis")),
        schema="idex",
        comment="Best charge, speed and mass of the particle of each analysed event.",
    )


def _composition_analysis() -> None:
    op.create_table(
        "composition_analysis",
        sa.Column("event_analysis_id", sa.BigInteger(), autoincrement=False, nullable=False, comment="The analysis."),
        sa.Column(
            "sensitivity",
            NAME,
            nullable=True,
            comment="Set of relative sensitivity factors that was applied.",
        ),
        sa.Column(
            "mg_area",
            sa.Double(),
            nullable=True,
            comment="Area of the magnesium isotopes, mA us; null when none is there.",
        ),
        sa.Column(
            "si_area",
            sa.Double(),
            nullable=True,
            comment="Area of the silicon isotopes, mA us; null when none is there.",
        ),
        sa.Column(
            "fe_area", sa.Double(), nullable=True, comment="Area of the iron isotopes, mA us; null when none is there."
        ),
        sa.Column(
            "mg_fraction",
            sa.Double(),
            nullable=True,
            comment="Mg/(Mg + Si + Fe), atoms, after division by the factors.",
        ),
        sa.Column("si_fraction", sa.Double(), nullable=True, comment="Si/(Mg + Si + Fe), atoms."),
        sa.Column("fe_fraction", sa.Double(), nullable=True, comment="Fe/(Mg + Si + Fe), atoms."),
        sa.Column(
            "ternary_x",
            sa.Double(),
            nullable=True,
            comment="Position in the ternary diagram: Mg (0, 0), Si (1, 0), Fe (1/2, sqrt(3)/2).",
        ),
        sa.Column("ternary_y", sa.Double(), nullable=True, comment="Position in the ternary diagram."),
        sa.Column("forsterite", sa.Double(), nullable=True, comment="100 Mg/(Mg + Fe), atoms."),
        sa.Column(
            "elements",
            JSONB(),
            nullable=False,
            comment="Atomic fraction by element, of all lines with a species.",
        ),
        sa.Column(
            "isotopes",
            JSONB(),
            nullable=False,
            comment="Isotope ratios beside the natural ones, with their deviation.",
        ),
        sa.Column("material", NAME, nullable=True, comment="Material that fits best; null without one."),
        sa.Column("material_unique", sa.Boolean(), nullable=True, comment="Whether no other material fits as well."),
        sa.Column(
            "materials",
            JSONB(),
            nullable=False,
            comment="The best materials with their scores.",
        ),
        sa.Column(
            "mixtures",
            JSONB(),
            nullable=False,
            comment="The best mixtures of two materials.",
        ),
        sa.Column(
            "status",
            NAME,
            nullable=False,
            comment="Words parted by blanks; ok when nothing is to be said.",
        ),
        sa.Column("reason", sa.Text(), nullable=False, comment="What the status says, for a person; empty for ok."),
        sa.ForeignKeyConstraint(
            ["event_analysis_id"],
            ["core.event_analysis.id"],
            name=op.f("fk_composition_analysis_event_analysis_id_event_analysis"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("event_analysis_id", name=op.f("pk_composition_analysis")),
        schema="idex",
        comment="Composition of the particle of each analysed event.",
    )
