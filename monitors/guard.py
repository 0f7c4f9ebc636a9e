"""Which files a run can take on: those whose predicted memory and time fit what it may use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archive.catalog.sequence import NewFiles


@dataclass(frozen=True, slots=True)
class Need:
    """What a monitor predicts that one file will take: bytes of memory at once, and seconds."""

    memory: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Means:
    """What a run may use: bytes of memory, and seconds; None: no limit."""

    memory: float | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """What a run takes on of the new files.

    Attributes
    ----------
    taken
        The files that fit, and the mark up to which nothing is left for a later run.
    beyond
        Files that no run could take, and why.
    left
        Files that would fit a run of their own, but not this one any more.
    """

    taken: NewFiles
    beyond: Sequence[tuple[Any, str]]
    left: Sequence[Any]


def share(found: NewFiles, need: Callable[[Any], Need], means: Means) -> Share:
    """Return the share of new files, in order of ingest, that fits the memory and time of one run."""
    rows: list[Any] = []
    beyond: list[tuple[Any, str]] = []
    seconds = 0.0
    for place, row in enumerate(found.rows):
        wanted = need(row)
        why = _too_much(wanted, means)
        if why:
            beyond.append((row, why))
            continue
        seconds += wanted.seconds
        if means.seconds is not None and seconds > means.seconds:
            last = found.rows[place - 1].id  # there is one: alone this file fits
            return Share(replace(found, rows=rows, mark=last), beyond, found.rows[place:])
        rows.append(row)
    return Share(replace(found, rows=rows), beyond, ())


def _too_much(wanted: Need, means: Means) -> str:
    if means.memory is not None and wanted.memory > means.memory:
        return f"would take {wanted.memory:.3g} B of memory, more than the {means.memory:.3g} B (max_memory)"
    if means.seconds is not None and wanted.seconds > means.seconds:
        return f"would take {wanted.seconds:.3g} s, more than the {means.seconds:.3g} s (max_runtime)"
    return ""
