"""The steps of the protocol by name, and who is told when one is reached.

Nothing observes in production. The crash tests append an observer that kills its own process at a given step; that is
how "killed at any moment" is tried at every moment.
"""

from __future__ import annotations

from collections.abc import Callable

#: Every step in order. ``locked`` to ``written`` lie inside the one transaction.
STEPS = (
    "claimed",
    "staged",
    "decoded",
    "locked",
    "placed",
    "synced",
    "written",
    "committed",
    "disposed",
)

observers: list[Callable[[str], None]] = []


def reached(step: str) -> None:
    """Tell the observers that a step is done and the next one not begun."""
    for observer in observers:
        observer(step)
