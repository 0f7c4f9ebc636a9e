"""Events without waveforms, joined with the file that has them: by identity, else by time (section 21.1)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from archive.instruments.idex.readers.base import EventSource, Reader
from archive.instruments.idex.readers.event import Event

#: Parts that are taken from the other file where the event has none.
TAKEN: Final = ("identity", "tt2000", "time", "header", "housekeeping", "flags", "geometry", "snr")

#: Header fields that must agree, where both files have them.
AGREEING: Final = ("aid", "shcoarse", "shfine")


def joined(events: Iterable[Event], reader: Reader, path: Path) -> Iterator[Event]:
    """Yield events with the waveforms of another file, and with what else they lack and it has.

    Raises
    ------
    UnreadableSource
        When the other file cannot be read.
    """
    with reader.open(path) as source:
        places = _Places(source)
        for event in events:
            number, reason = places.of(event)
            other = None if number is None else reader.one(source, number, path)
            if other is not None and (differing := _differing(event, other)):
                other, reason = None, f"the event of that time in the file that was joined has another {differing}"
            if other is None:
                _without(event, reason)
            else:
                _take(event, other)
            yield event


class _Places:
    """Where in a file the events of another one are."""

    def __init__(self, source: EventSource) -> None:
        self._by_identity: dict[Hashable, list[int]] = defaultdict(list)
        self._by_time: dict[Hashable, list[int]] = defaultdict(list)
        for number, (identity, tt2000) in zip(source.numbers, source.keys(), strict=True):
            if identity is not None:
                self._by_identity[identity].append(number)
            if tt2000 is not None:
                self._by_time[tt2000].append(number)

    def of(self, event: Event) -> tuple[int | None, str]:
        """Return the number of an event, or None and why."""
        if event.identity is not None and self._by_identity:
            return _only(self._by_identity.get(event.identity, ()), "of that identity")
        if event.tt2000 is None:
            return None, "the event has neither an identity nor a time to join by"
        return _only(self._by_time.get(event.tt2000, ()), "of that time")


def _only(numbers: Sequence[int], which: str) -> tuple[int | None, str]:
    if len(numbers) == 1:
        return numbers[0], ""
    count = f"{len(numbers)} events" if numbers else "no event"
    return None, f"the file that was joined has {count} {which}"


def _differing(event: Event, other: Event) -> str:
    mine, theirs = event.header or {}, other.header or {}
    return next((name for name in AGREEING if name in mine and name in theirs and mine[name] != theirs[name]), "")


def _without(event: Event, reason: str) -> None:
    for name, held in event.waveforms.items():
        if held is None:
            event.reasons[f"waveforms.{name}"] = reason


def _take(event: Event, other: Event) -> None:
    event.joined = other.path
    for name, held in event.waveforms.items():
        if held is None:
            event.waveforms[name] = other.waveforms[name]
            _reason(event, other, f"waveforms.{name}", there=other.waveforms[name] is not None)
    for name in TAKEN:
        if getattr(event, name) is None:
            setattr(event, name, getattr(other, name))
            _reason(event, other, name, there=getattr(other, name) is not None)
    if event.header is not None and other.header is not None:
        event.header = other.header | event.header


def _reason(event: Event, other: Event, name: str, *, there: bool) -> None:
    event.reasons.pop(name, None)
    if not there:
        event.reasons[name] = other.reasons[name]
