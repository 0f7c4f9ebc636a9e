"""Trends of data by their own time, and the noise of each channel of IDEX events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import UUID

revision = "0009_trends"
down_revision = "0008_idex_rates"
branch_labels = None
depends_on = None

#: Text ordered by bytes, equal on every server whatever its locale.
NAME = sa.Text(collation="C")

#: New columns of idex.channel_analysis, in their order.
NOISE = (
    ("noise_window", NAME, "What the columns of noise_ are of: record (noise capture) or pre_trigger (t <= -5 us)."),
    ("noise_samples", sa.Integer(), "Samples of that window; null when there are fewer than 20."),
    ("noise_mean", sa.Double(), "Mean of that window."),
    ("noise_sigma", sa.Double(), "Population standard deviation of that window."),
    ("noise_median", sa.Double(), "Median of that window."),
    ("noise_robust", sa.Double(), "1.4826 MAD of that window."),
    ("noise_poisson", sa.Double(), "Poisson equivalent sqrt(abs(mean(max(y, 0)))) of that window."),
    ("noise_lag1", sa.Double(), "Unbiased autocorrelation at a lag of one sample in that window."),
    ("line_frequency", sa.Double(), "Frequency of the strongest spectral line of that window, MHz."),
    ("line_amplitude", sa.Double(), "Amplitude of that line as a sine, 2 abs(rfft(y - mean))/N."),
    (
        "line_excess",
        sa.Double(),
        "That amplitude over the median of all frequencies; about 3 to 5 for white noise.",
    ),
)


def upgrade() -> None:
    _trend()
    for name, kind, comment in NOISE:
        op.add_column("channel_analysis", sa.Column(name, kind, nullable=True, comment=comment), schema="idex")


def downgrade() -> None:
    for name, _, _ in NOISE[::-1]:
        op.drop_column("channel_analysis", name, schema="idex")
    op.drop_table("trend", schema="ops")


def _trend() -> None:
    op.create_table(
        "trend",
        sa.Column("monitor_id", sa.BigInteger(), nullable=False, comment="The monitor that worked it out."),
        sa.Column("name", NAME, nullable=False, comment="What it is of, for example noise_sigma."),
        sa.Column(
            "series",
            NAME,
            server_default=sa.text("''"),
            nullable=False,
            comment="Which of several it is, for example the channel; empty: there is one.",
        ),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="Begin of the time that it is of, UTC: the time of the data, not of the run.",
        ),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False, comment="End of that time, UTC, exclusive."),
        sa.Column(
            "value", sa.Double(), nullable=True, comment="The number; null: nothing could be measured, never a zero."
        ),
        sa.Column(
            "low",
            sa.Double(),
            nullable=True,
            comment="Lower end of what it stands for: see the monitor; null: unknown.",
        ),
        sa.Column("high", sa.Double(), nullable=True, comment="Upper end of what it stands for; null: unknown."),
        sa.Column("n", sa.BigInteger(), nullable=False, comment="How many data it rests on."),
        sa.Column(
            "unit",
            NAME,
            server_default=sa.text("''"),
            nullable=False,
            comment="Unit for people; empty for counts and shares.",
        ),
        sa.Column("red_low", sa.Double(), nullable=True, comment="Below this it is an error; null: no such limit."),
        sa.Column("yellow_low", sa.Double(), nullable=True, comment="Below this it is a warning; null: no such limit."),
        sa.Column(
            "yellow_high", sa.Double(), nullable=True, comment="Above this it is a warning; null: no such limit."
        ),
        sa.Column("red_high", sa.Double(), nullable=True, comment="Above this it is an error; null: no such limit."),
        sa.Column(
            "message",
            sa.Text(),
            server_default=sa.text("''"),
            nullable=False,
            comment="Whatever is to be said about it.",
        ),
        sa.Column("algorithm", NAME, nullable=False, comment="Version of the method."),
        sa.Column(
            "run_id", UUID(as_uuid=True), nullable=False, comment="The run that wrote it last; it may be gone by now."
        ),
        sa.CheckConstraint("at <= until", name=op.f("ck_trend_times")),
        sa.ForeignKeyConstraint(["monitor_id"], ["ops.monitor.id"], name=op.f("fk_trend_monitor_id_monitor")),
        sa.PrimaryKeyConstraint("monitor_id", "name", "series", "at", name=op.f("pk_trend")),
        schema="ops",
        comment="Trends by the time of the data; data that are delivered late change the row of their time.",
    )
