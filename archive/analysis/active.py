"""Which of the things that analysts said about an event count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from archive.catalog.schema import fit_override
from archive.model import Override

#: Actions of which a later one on the same fit takes the place of an earlier one.
VALUES = ("set", "refit")


@dataclass(frozen=True, slots=True)
class Active:
    """The overrides of an event that count, oldest first, with their keys, and the newest row of all."""

    newest: int
    keys: tuple[int, ...]
    overrides: tuple[Override, ...]


def active(conn: Connection, event_ids: Sequence[int]) -> dict[int, Active]:
    """Return the overrides that count, for those of the events that have any row at all."""
    query = select(fit_override).where(fit_override.c.event_id.in_(event_ids)).order_by(fit_override.c.id)
    found: dict[int, list[tuple[int, Override]]] = {}
    newest: dict[int, int] = {}
    for row in conn.execute(query).mappings():
        word = Override(row["action"], row["channel"], row["line"], row["arguments"])
        newest[row["event_id"]] = row["id"]
        held = [each for each in found.get(row["event_id"], []) if not replaces(word, each[1])]
        found[row["event_id"]] = held if word.action == "reset" else [*held, (row["id"], word)]
    return {
        key: Active(newest[key], tuple(i for i, _ in held), tuple(word for _, word in held))
        for key, held in found.items()
    }


def replaces(new: Override, old: Override) -> bool:
    """Return whether an override makes an earlier one void."""
    same = (new.channel, new.line) == (old.channel, old.line)
    if new.action == "reset":
        return new.channel is None or same
    if new.action in VALUES:
        return same and old.action in VALUES
    return new.action == old.action and same
