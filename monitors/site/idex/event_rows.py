"""What the analysis found in events, as JSON text for their scripts; the database writes it, column by column.

An event has the analysis that counts now (``now``), the automatic one beside it where an analyst's word changed
something (``automatic``), and what analysts said (``overrides``). Every number that is missing is null.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Table

from archive.instruments.idex.analysis import tables
from monitors.site import text
from monitors.site.queries import Query

#: Numbers within are written with seven digits, which is more than any of them is known to; others in full.
_SHORT: Final = (1e-30, 1e30)

#: The analysis of each event that counts, and the automatic one of the same copy where the former is not automatic.
ANALYSES: Final = Query(
    "analyses_of_events",
    """
select c.event_id, c.id, (select a.id from core.event_analysis a
                          where c.override_id is not null and a.event_id = c.event_id and a.analysis = c.analysis
                            and a.override_id is null
                          order by a.source = c.source desc, a.version = c.version desc, a.id desc limit 1) as automatic
from analysis.current_analyses c
where c.event_id = any(:events)""",
)

OVERRIDES: Final = Query(
    "overrides_of_events",
    """
select o.event_id, o.override_id as id, o.action, o.channel, o.line, o.arguments, o.author, o.reason, o.created_at,
       o.supersedes_id, o.needs_review
from analysis.fit_overrides o
where o.event_id = any(:events)
order by o.override_id""",
)


def _short(column: str) -> str:
    """Return SQL for a number as JSON with few digits."""
    least, most = _SHORT
    return (
        f"case when abs({column}) > {least} and abs({column}) < {most} then to_json({column}::float4) "
        f"else to_json({column}) end"
    )


def _values(alias: str, table: Table, only: Sequence[str] = ()) -> dict[str, str]:
    """Return SQL for columns of a table, those that are not part of its key when not named, by name."""
    kept = [c for c in table.columns if (c.name in only if only else not c.primary_key)]
    return {c.name: _short(f"{alias}.{c.name}") if _is_real(c.type) else f"{alias}.{c.name}" for c in kept}


def _is_real(kind: Any) -> bool:
    return str(kind).upper().startswith("DOUBLE")


def _object(columns: Mapping[str, str]) -> str:
    return "json_build_object(" + ", ".join(f"'{name}', {sql}" for name, sql in columns.items()) + ")"


def _arrays(columns: Mapping[str, str], order: str) -> str:
    return _object({name: f"json_agg({sql} order by {order})" for name, sql in columns.items()})


_FIT: Final = {
    "values": 'f."values"',
    "errors": "json_build_array(" + ", ".join(_short(f"f.errors[{i}]") for i in range(1, 8)) + ")",
    "start": _short("f.window_start"),
    "stop": _short("f.window_stop"),
    "chi2": _short("f.chi2"),
    "dof": "f.dof",
    "status": "f.status",
    "reason": "f.reason",
    "origin": "f.origin",
    "model": "m.name",
}
_KEY: Final = ("event_analysis_id", "channel", "line")

#: What the page shows of a channel; its noise it computes itself.
_CHANNEL: Final = (
    "unit", "baseline", "noise", "snr", "robust_baseline", "robust_noise", "robust_snr", "saturated", "status",
    "reason",
)  # fmt: skip


def _fits(table: Table) -> str:
    """Return SQL for the fits of an analysis and what a table derives from them, as arrays."""
    columns = {"channel": "x.channel", "line": "x.line", **_FIT, **_values("x", table)}
    return (
        f"(select {_arrays(columns, 'x.channel, x.line')} from {table.fullname} x "
        f"join core.fit f using ({', '.join(_KEY)}) join core.fit_model m on m.id = f.fit_model_id "
        "where x.event_analysis_id = a.id)"
    )


def _one(table: Table) -> str:
    """Return SQL for the one row that an analysis has in a table."""
    return f"(select {_object(_values('x', table))} from {table.fullname} x where x.event_analysis_id = a.id)"


_PARTS: Final = {
    "id": "a.id",
    "origin": "a.origin",
    "version": "a.version",
    "status": "a.status",
    "reason": "a.reason",
    "calibrations": "a.inputs -> 'calibrations'",
    "code": "v.version",
    "created": "a.created_at at time zone 'UTC'",
    "channels": (
        f"(select json_object_agg(x.channel, {_object(_values('x', tables.channel_analysis, _CHANNEL))}) "
        "from idex.channel_analysis x where x.event_analysis_id = a.id)"
    ),
    "lines": _fits(tables.line_analysis),
    "pulses": _fits(tables.pulse_analysis),
    "spectrum": _one(tables.spectrum_analysis),
    "particle": _one(tables.particle_analysis),
    "composition": _one(tables.composition_analysis),
}

PARTS: Final = Query(
    "parts_of_analyses",
    f"""
select a.id, {_object(_PARTS)}::text as found
from core.event_analysis a
join core.code_version v on v.id = a.code_version_id
where a.id = any(:analyses)""",
)


def read(conn: Connection, events: Sequence[int]) -> dict[int, str]:
    """Return what was found in each event, as JSON that may stand in a script; events without analysis are left out."""
    analyses = ANALYSES.rows(conn, events=list(events))
    if not analyses:
        return {}
    wanted = [key for row in analyses for key in (row["id"], row["automatic"]) if key is not None]
    parts = {row["id"]: script_text(row["found"]) for row in PARTS.rows(conn, analyses=wanted)}
    said = _said(conn, events)
    return {
        row["event_id"]: f'{{"now":{parts[row["id"]]},"automatic":{parts.get(row["automatic"], "null")},'
        f'"overrides":{text.script_json(said.get(row["event_id"], []))}}}'
        for row in analyses
    }


def _said(conn: Connection, events: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    """Return what analysts said about each event, oldest first."""
    said: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in OVERRIDES.rows(conn, events=list(events)):
        words = {name: text.plain(row[name]) for name in ("action", "author", "reason")}
        kept = {name: row[name] for name in ("id", "channel", "line", "arguments", "supersedes_id", "needs_review")}
        said[row["event_id"]].append({**kept, **words, "at": text.iso(row["created_at"])})
    return said


def script_text(found: str) -> str:
    """Return JSON text of the database in the form of `text.script_json`: pure ASCII, without markup."""
    ascii_only = found if found.isascii() else json.dumps(json.loads(found), ensure_ascii=True)
    return ascii_only.translate(text.SCRIPT_ESCAPES)
