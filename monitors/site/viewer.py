"""The one page that shows every event: figures without data, which the event scripts fill."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from markupsafe import Markup
from sqlalchemy import Connection

from monitors.site import queries, typed
from monitors.site.assets import STATIC
from monitors.site.figures import COLOURS, plain_json, waveform_panels
from monitors.site.publish import Publisher
from monitors.site.queries import Row
from monitors.site.shell import Shell
from monitors.site.views import EventPage, view

PATH = "events/viewer.html"

#: Waveform panels on the page at least; an event with fewer channels leaves the others hidden.
PANELS = 6


def publish(
    publisher: Publisher, conn: Connection, shell: Shell, instruments: Sequence[Row], channels: int
) -> None:  # fmt: skip
    """Write the viewer page, for events of up to `channels` channels of instruments (``id`` and ``name``)."""
    names = [row["name"] for row in instruments]
    pages = _pages(conn, instruments)
    panels, plot = _figures(max(PANELS, channels), tuple(pages))
    for page in pages.values():
        for asset, content in {**page.scripts, **page.styles}.items():
            publisher.file(f"{STATIC}/{asset}", content)
    statements = [
        ("The event", "select * from core.event where id = :event;"),
        ("Its raw files", queries.SOURCES_OF_EVENTS.sql.strip().replace("any(:events)", ":event") + ";"),
        ("Its products", queries.PRODUCTS_OF_EVENTS.sql.strip().replace("any(:events)", ":event") + ";"),
        *((table.fullname, f"select * from {table.fullname} where event_id = :event;")  # noqa: S608
          for name in names for table in typed.event_tables(name)),
    ]  # fmt: skip
    values = {
        "panels": panels,
        "colours": COLOURS,
        "plot": plot,
        "above": [(name, Markup(page.above)) for name, page in pages.items()],  # noqa: S704  HTML of an installed package
        "below": [(name, Markup(page.below)) for name, page in pages.items()],  # noqa: S704
        "scripts": [script for page in pages.values() for script in page.scripts],
        "styles": [style for page in pages.values() for style in page.styles],
        "known": {name: page.values for name, page in pages.items()},
        "fields": {name: typed.fields(name) for name in names},
        "statements": statements,
    }
    publisher.page(PATH, shell.render("viewer.html", PATH, "Event viewer", **values))


@cache
def _figures(count: int, names: tuple[str, ...]) -> tuple[list[str], dict[str, Any]]:
    """Return the elements of the waveform panels, and all figures of the page; they hold no data, so once will do."""
    panels = waveform_panels(count)
    further = {element: plot for name in names for element, plot in view(name).figures(panels).items()}
    return list(panels), plain_json({**panels, **further})


def _pages(conn: Connection, instruments: Sequence[Row]) -> dict[str, EventPage]:
    """Return what instruments add to the page, by name; those that add nothing are left out."""
    pages = {}
    for row in instruments:
        page = view(row["name"]).page(queries.CALIBRATIONS.rows(conn, instrument_id=row["id"]))
        if page is not None:
            pages[row["name"]] = page
    return pages
