"""Further pages of an instrument: its own dashboards, found by name, so that the site itself knows no instrument.

A package that adds an instrument may offer dashboards through the entry-point group ``pinakes.instrument_pages``, under
the instrument's name.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from sqlalchemy import Connection

from archive.config import Settings
from monitors.site.broken import guarded
from monitors.site.publish import Publisher
from monitors.site.shell import DASHBOARDS, Link, Shell


@dataclass(frozen=True, slots=True)
class Making:
    """What dashboards are made with.

    Attributes
    ----------
    instrument
        Key of the instrument in ``core.instrument``.
    name, title
        Name and title of the instrument.
    seen
        Fingerprints of what the last finished build saw, by a name of the dashboards' own choice; they write there
        what this build sees.
    """

    publisher: Publisher
    conn: Connection
    shell: Shell
    settings: Settings
    now: datetime
    instrument: int
    name: str
    title: str
    seen: dict[str, str] = field(default_factory=dict)

    def page(self, template: str, path: str, title: str, **values: Any) -> bool:
        """Render a template and publish it as the page at `path`; return whether the page changed."""
        up = [Link(self.title.partition(",")[0], f"instruments/{self.name}.html")]
        return self.publisher.page(path, self.shell.render(template, path, title, up=up, **values))

    def guarded(self, page: Dashboard) -> AbstractContextManager[None]:
        """Return a block that makes a page; where it fails, the page says so and the others are made."""
        return guarded(self.publisher, self.shell, {page.link.path: page.link.label}, self.conn)


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A page in the list of an instrument: where it is, and what it shows."""

    link: Link
    shows: str


class Dashboards:
    """The dashboards of an instrument that has none of its own; others derive from it."""

    def pages(self) -> Sequence[Dashboard]:
        """Return the pages, in the order of the navigation; they are there from the first build on."""
        return ()

    def publish(self, making: Making) -> None:
        """Write every page that changed."""
        del making


@cache
def dashboards(instrument: str) -> Dashboards:
    """Return the dashboards of an instrument."""
    for entry in entry_points(group=DASHBOARDS, name=instrument):
        found = entry.load()()
        assert isinstance(found, Dashboards)
        return found
    return Dashboards()
