"""The one ledger of all work, and the engines that carry it out."""

from archive.jobs.outcome import Outcome
from archive.jobs.runner import Task, run_job

__all__ = ["Outcome", "Task", "run_job"]
