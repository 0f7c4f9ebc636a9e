"""Reading fits: lists, the current analysis of one event, and its history."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, func, literal_column, select, table, text
from sqlalchemy import column as plain
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Connection
from sqlalchemy.types import Double, Text

from archive.catalog.files import LIMIT, Row
from archive.catalog.schema import code_version, event_analysis, fit, fit_override, instrument
from archive.catalog.schema import event as event_table

_FITS = table(
    "fits",
    *(plain(name) for name in ("event_id", "identity", "t", "channel", "line", "model")),
    plain("parameters", ARRAY(Text)),
    plain("values", ARRAY(Double)),
    plain("errors", ARRAY(Double)),
    *(plain(name) for name in ("chi2", "dof", "window_start", "window_stop", "status", "reason", "origin")),
    *(plain(name) for name in ("override_id", "version", "event_analysis_id")),
    schema="analysis",
)

#: What is derived from an event, by the view that tells.
DERIVED = ("event_summary", "channel_level", "tof_line", "pulse", "composition")


def listing(
    conn: Connection,
    *,
    event_id: int | None = None,
    instrument_name: str | None = None,
    channel: str | None = None,
    line: int | None = None,
    status: str | None = None,
    origin: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = 50,
) -> list[Row]:
    """Return fits of the current analyses, the newest event first, then by channel and line.

    Parameters
    ----------
    conn
        Connection.
    event_id, instrument_name, channel, line, origin
        Keep only fits of this event, instrument, channel, number, origin.
    status
        Keep only fits whose status has this word.
    since, until
        Keep only fits of events from this time on, and before that one, UTC.
    limit
        Most rows to return, at most `LIMIT`.

    Returns
    -------
    list of dict
        The columns of ``analysis.fits``, with ``values`` and ``errors`` as dictionaries by name of parameter.
    """
    query = select(_FITS)
    wanted = {"event_id": event_id, "channel": channel, "line": line, "origin": origin}
    query = query.where(*(_FITS.c[name] == value for name, value in wanted.items() if value is not None))
    if instrument_name is not None:
        query = query.where(_FITS.c.event_id.in_(_events_of(instrument_name)))
    if status is not None:
        words = func.string_to_array(_FITS.c.status, " ")
        query = query.where(bindparam("word", status, Text) == func.any(words))
    if since is not None:
        query = query.where(_FITS.c.t >= since)
    if until is not None:
        query = query.where(_FITS.c.t < until)
    order = (_FITS.c.t.desc(), _FITS.c.event_id.desc(), _FITS.c.channel, _FITS.c.line)
    return [_named(row) for row in conn.execute(query.order_by(*order).limit(min(limit, LIMIT))).mappings()]


def _events_of(name: str) -> Select[Any]:
    return (
        select(event_table.c.id)
        .join(instrument, instrument.c.id == event_table.c.instrument_id)
        .where(instrument.c.name == name)
    )


def _named(row: Any) -> Row:
    found = dict(row)
    names = found.pop("parameters")
    for kind in ("values", "errors"):
        found[kind] = dict(zip(names, found[kind], strict=True))
    return found


def derived(conn: Connection, event_id: int) -> dict[str, list[Row]]:
    """Return what follows from the fits of an event, by view of `DERIVED`; empty lists where there is nothing."""
    found = {}
    for view in DERIVED:
        rows = table(view, plain("event_id"), schema="analysis")
        query: Select[Any] = select(literal_column("x.*")).select_from(rows.alias("x"))
        found[view] = [
            dict(row) for row in conn.execute(query.where(text("x.event_id = :event")), {"event": event_id}).mappings()
        ]
    return found


def current_analysis(conn: Connection, event_id: int) -> Row | None:
    """Return the analysis of an event that counts: id and file_id among others; None without one."""
    rows = table("current_analyses", *(plain(name) for name in ("id", "event_id", "file_id")), schema="analysis")
    found = conn.execute(select(rows).where(rows.c.event_id == event_id)).mappings().first()
    return None if found is None else dict(found)


def automatic_fit(conn: Connection, event_id: int, channel: str, line: int) -> Row | None:
    """Return values and errors of a fit as the newest automatic analysis has them; None without it."""
    newest = (
        select(func.max(event_analysis.c.id))
        .where(event_analysis.c.event_id == event_id, event_analysis.c.override_id.is_(None))
        .scalar_subquery()
    )
    query = select(fit.c["values"], fit.c.errors, fit.c.event_analysis_id).where(
        fit.c.event_analysis_id == newest, fit.c.channel == channel, fit.c.line == line
    )
    found = conn.execute(query).mappings().one_or_none()
    return None if found is None else dict(found)


def overrides(conn: Connection, *, event_id: int | None = None, limit: int = LIMIT) -> list[Row]:
    """Return what analysts said, oldest first: the columns of ``analysis.fit_overrides``."""
    names = (
        "override_id", "event_id", "identity", "action", "channel", "line", "arguments", "base", "author", "reason",
        "supersedes_id", "created_at", "is_newest", "needs_review",
    )  # fmt: skip
    rows = table("fit_overrides", *(plain(name) for name in names), schema="analysis")
    query = select(rows).order_by(rows.c.override_id).limit(limit)
    if event_id is not None:
        query = query.where(rows.c.event_id == event_id)
    return [dict(row) for row in conn.execute(query).mappings()]


def history(conn: Connection, event_id: int) -> list[Row]:
    """Return every analysis of an event, oldest first: what was computed when, from what, on whose word."""
    query = (
        select(
            event_analysis.c.id,
            event_analysis.c.created_at,
            event_analysis.c.origin,
            event_analysis.c.analysis,
            event_analysis.c.version,
            event_analysis.c.settings_hash,
            event_analysis.c.source,
            event_analysis.c.status,
            event_analysis.c.inputs,
            code_version.c.version.label("code"),
            event_analysis.c.override_id,
            fit_override.c.action,
            fit_override.c.channel,
            fit_override.c.line,
            fit_override.c.author,
            fit_override.c.reason,
        )
        .join(code_version, code_version.c.id == event_analysis.c.code_version_id)
        .outerjoin(fit_override, fit_override.c.id == event_analysis.c.override_id)
        .where(event_analysis.c.event_id == event_id)
        .order_by(event_analysis.c.id)
    )
    return [dict(row) for row in conn.execute(query).mappings()]
