"""What an ingest tells: one line per file, and the counts of the whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from archive.errors import EXIT_FAILED, EXIT_OK, EXIT_PARTLY, EXIT_PROBLEMS
from archive.jobs import Outcome

#: Counts of a job that its source is told with.
COUNTS = ("events", "products", "problems", "errors", "permission_warnings")

State = Literal["new", "duplicate", "restored", "skipped", "quarantined", "failed"]


@dataclass(frozen=True, slots=True)
class FileReport:
    """What became of one source.

    Attributes
    ----------
    source
        Path of the source; bytes that are not UTF-8 escaped.
    state
        ``new``; ``duplicate`` (its bytes came in before); ``restored`` (the archive had lost these bytes); ``skipped``
        (this file came in before and has not changed); ``quarantined``; ``failed``.
    file_id, relpath
        The archived file.
    events, products, problems, errors
        Counts; ``errors`` are the problems of severity error.
    permission_warnings
        Changes of mode or group that the system refused.
    message
        One sentence when there is something to say.
    """

    source: str
    state: State
    file_id: int | None = None
    relpath: str | None = None
    events: int = 0
    products: int = 0
    problems: int = 0
    errors: int = 0
    permission_warnings: int = 0
    message: str = ""

    @classmethod
    def of(cls, source: str, outcome: Outcome) -> FileReport:
        """Tell the end of a job."""
        told: Mapping[str, Any] = outcome.result
        state: State = told.get("outcome", "failed") if outcome.state != "failed" else "failed"
        counts = {name: int(told.get(name, 0)) for name in COUNTS}
        return cls(source, state, told.get("file_id"), told.get("relpath"), **counts, message=outcome.message)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields by name."""
        return asdict(self)


@dataclass(slots=True)
class Report:
    """Counts of one ingest.

    Attributes
    ----------
    new, duplicate, restored, skipped, quarantined, failed
        Sources by what became of them.
    events, products
        What new files held and gave.
    problems, errors
        Problems noted, and those of severity error among them.
    assembled
        Groups of files whose events were put together.
    permission_warnings
        Changes of mode or group that the system refused; the files are there.
    """

    new: int = 0
    duplicate: int = 0
    restored: int = 0
    skipped: int = 0
    quarantined: int = 0
    failed: int = 0
    events: int = 0
    products: int = 0
    problems: int = 0
    errors: int = 0
    assembled: int = 0
    permission_warnings: int = 0

    def add(self, one: FileReport) -> None:
        """Count one source."""
        setattr(self, one.state, getattr(self, one.state) + 1)
        for name in ("events", "products", "problems", "permission_warnings"):
            setattr(self, name, getattr(self, name) + getattr(one, name))
        if one.state == "new":
            self.errors += one.errors

    @property
    def sources(self) -> int:
        """How many sources there were."""
        return self.new + self.duplicate + self.restored + self.skipped + self.quarantined + self.failed

    @property
    def exit_code(self) -> int:
        """0 all well; 1 every source failed; 3 some failed or were set aside; 4 all came in, some with errors."""
        if self.failed and self.failed == self.sources:
            return EXIT_FAILED
        if self.failed or self.quarantined:
            return EXIT_PARTLY
        return EXIT_PROBLEMS if self.errors else EXIT_OK

    def sentence(self) -> str:
        """Return the counts that are not zero, in one line."""
        counts = {name: value for name, value in asdict(self).items() if value}
        return ", ".join(f"{value} {name.replace('_', ' ')}" for name, value in counts.items()) or "nothing to ingest"
