"""One line of the table: what was measured, what it must reach, and what it is compared with in the same run."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Row:
    """A measured budget; `baseline` is the same work done the established way, in the same run."""

    work: str
    measured: float
    unit: str
    budget: str
    baseline: float | None = None
    baseline_name: str = ""
    note: str = ""

    @property
    def ratio(self) -> str:
        """How many times better than the baseline."""
        if not self.baseline:
            return "-"
        better = self.baseline / self.measured if self.unit in ("s", "ms", "MB") else self.measured / self.baseline
        return f"{better:.1f}x"


def seconds(function: Callable[[], object], rounds: int = 3) -> float:
    """Return the median wall time of `function` in seconds, after one call that warms up."""
    function()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return median(times)
