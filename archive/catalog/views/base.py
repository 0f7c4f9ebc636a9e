"""A view: its query, and what it and its columns are for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

SCHEMA = "analysis"


@dataclass(frozen=True)
class View:
    """A view of the schema ``analysis``.

    Attributes
    ----------
    name
        Name of the view.
    purpose
        What a row is, in one sentence.
    sql
        Its query.
    columns
        Column -> comment, for the columns that are its own.
    like
        Relations whose comments are taken for columns of the same name.
    """

    #: Ends the comment of every view, and tells ours from those that analysts make in the same schema.
    mark: ClassVar[str] = "[Pinakes]"

    name: str
    purpose: str
    sql: str
    columns: Mapping[str, str] = field(default_factory=dict)
    like: tuple[str, ...] = ()

    @property
    def qualified(self) -> str:
        """Name with the schema."""
        return f"{SCHEMA}.{self.name}"

    @property
    def comment(self) -> str:
        """The comment of the view."""
        return f"{self.purpose} {self.mark}"
