"""What came out of one job, as it travels from a worker to the process that asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of one attempt at a job.

    Attributes
    ----------
    job_id
        The job.
    state
        ``done``, ``failed`` or ``quarantined``: the job ended so. ``queued``: it will be tried again. ``elsewhere``:
        another worker has it or had it. ``died``: the worker process ended in the middle of it.
    message
        One sentence when something went wrong.
    result
        What the job's kind has to tell: counts, file, duplicate.
    """

    job_id: int
    state: str
    message: str = ""
    result: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ended(self) -> bool:
        """Whether the job needs no further attempt."""
        return self.state in ("done", "failed", "quarantined")
