"""What analysts say against fits: written for ever, put into effect at once, taken back by a row of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select

from archive.analysis import plan, products, rows
from archive.analysis.active import VALUES, Active, active, replaces
from archive.analysis.plan import Batch, Target
from archive.catalog import Catalog, calibrations, events, sequence
from archive.catalog.fits import automatic_fit, current_analysis, listing
from archive.catalog.reference import code_version_id
from archive.catalog.schema import event, event_analysis, fit_override
from archive.errors import NotFound, UsageError
from archive.instruments.base import Analysis, Instrument, analysis_of, instrument
from archive.model import Override
from archive.store import Home


@dataclass(frozen=True, slots=True)
class Word:
    """What an analyst wants to say about an event.

    Attributes
    ----------
    event
        Its id or identity.
    action, channel, line, arguments
        See `archive.model.Override`.
    author, reason
        Who says so, and why.
    """

    event: int | str
    action: str
    channel: str | None
    line: int | None
    arguments: Mapping[str, Any]
    author: str
    reason: str


def say(catalog: Catalog, home: Home, word: Word) -> int:
    """Write an override and everything that follows from it in one transaction; return its key.

    Raises
    ------
    UsageError
        When it is impossible, without author or reason, or there is nothing it could be about.
    NotFound
        When there is no such event, or it has no analysis.
    """
    if not word.author.strip() or not word.reason.strip():
        raise UsageError("An override needs an author and a reason.")
    with catalog.begin() as conn:
        sequence.hold_ingest(conn)  # monitors go on by the keys of overrides
        row = events.get(conn, word.event)
        calibrations.hold(conn, row["instrument"])  # what is computed here is by those that count at its end
        conn.execute(select(event.c.id).where(event.c.id == row["id"]).with_for_update())
        owner = instrument(row["instrument"])
        analysis, chosen = _where(conn, owner, row["id"])
        before = active(conn, [row["id"]]).get(row["id"])
        key = _append(conn, row["id"], word, before)
        now = active(conn, [row["id"]])[row["id"]]
        if word.action == "reset" and (before is None or before.keys == now.keys):
            raise UsageError("There is nothing to reset.")
        if now.overrides:
            (batch,) = plan.batches(conn, owner.name, analysis, plan.subjects(conn, chosen, [row["id"]]))
            try:
                effect(conn, home, owner, analysis, chosen, batch, now)
            except ValueError as error:
                raise UsageError(str(error)) from None
        products.ask(conn, owner, analysis, chosen.file_id)
    return key


def effect(
    conn: Connection, home: Home, owner: Instrument, analysis: Analysis, chosen: Target, batch: Batch, now: Active
) -> None:
    """Analyse one event with its overrides and write the result.

    Raises
    ------
    ValueError
        When an override is impossible.
    """
    (subject,) = batch.subjects
    found = analysis.run(home.path(chosen.relpath), [subject.record], batch.inputs.values, [now.overrides])
    models, code = rows.ensure_models(conn, analysis), code_version_id(conn)
    rows.write(
        conn, owner, analysis, chosen, [subject], batch.inputs, found, models=models, code_version_id=code,
        overrides=[now.newest],
    )  # fmt: skip


def pending(conn: Connection, analysis: Analysis, chosen: Target, batch: Batch) -> dict[int, Active]:
    """Return the events of a batch whose overrides are not in effect yet with these inputs."""
    found = {key: each for key, each in active(conn, [s.event_id for s in batch.subjects]).items() if each.overrides}
    query = select(event_analysis.c.override_id).where(
        event_analysis.c.override_id.in_([each.newest for each in found.values()]),
        event_analysis.c.version == analysis.version,
        event_analysis.c.settings_hash == batch.inputs.settings_hash,
        event_analysis.c.source == chosen.source,
    )
    done = set(conn.execute(query).scalars())
    return {key: each for key, each in found.items() if each.newest not in done}


def _where(conn: Connection, owner: Instrument, event_id: int) -> tuple[Analysis, Target]:
    analysis = analysis_of(owner)
    found = current_analysis(conn, event_id)
    if analysis is None or found is None:
        raise NotFound("The event has no analysis yet; `pinakes fits update` asks for those that are wanting.")
    return analysis, plan.target(conn, found["file_id"])


def _continued(word: Word, before: Active | None) -> dict[str, Any]:
    """Return the arguments of a word with what the word it replaces said of model, extras and window."""
    arguments = dict(word.arguments)
    new = Override(word.action, word.channel, word.line, arguments)
    replaced = [old for old in (before.overrides if before else ()) if word.action in VALUES and replaces(new, old)]
    if not replaced:
        return arguments
    last = dict(replaced[-1].arguments)
    if arguments.get("model") not in (None, last.get("model")):
        last.pop("extras", None)
    return {name: last[name] for name in ("model", "extras", "window") if name in last} | arguments


def _append(conn: Connection, event_id: int, word: Word, before: Active | None) -> int:
    arguments = _continued(word, before)
    base = None
    if word.channel is not None and word.line is not None:
        base = automatic_fit(conn, event_id, word.channel, word.line)
        now = listing(conn, event_id=event_id, channel=word.channel, line=word.line)
        if word.action in VALUES and now and arguments.get("model") in (None, now[0]["model"]):
            # The whole vector is kept, so that the override says the same whatever the automatic fit becomes.
            held = {name: value for name, value in now[0]["values"].items() if value is not None}
            arguments["values"] = held | dict(arguments.get("values") or {})
    new = Override(word.action, word.channel, word.line, arguments)
    held_before = zip(before.keys, before.overrides, strict=True) if before else ()
    replaced = [key for key, old in held_before if replaces(new, old)]
    statement = insert(fit_override).values(
        event_id=event_id,
        action=word.action,
        channel=word.channel,
        line=word.line,
        arguments=arguments,
        base=base,
        author=word.author.strip(),
        reason=word.reason.strip(),
        supersedes_id=replaced[-1] if replaced else None,
    )
    return int(conn.execute(statement.returning(fit_override.c.id)).scalar_one())
