"""The one page that shows every event: figures without data, which the event scripts fill."""

from __future__ import annotations

from collections.abc import Iterable

from monitors.site import queries, typed
from monitors.site.figures import COLOURS, plain_json, waveform_panels
from monitors.site.publish import Publisher
from monitors.site.shell import Shell

PATH = "events/viewer.html"

#: Waveform panels on the page at least; an event with fewer channels leaves the others hidden.
PANELS = 6


def publish(publisher: Publisher, shell: Shell, instruments: Iterable[str], channels: int) -> None:
    """Write the viewer page, for events of up to `channels` channels."""
    panels = waveform_panels(max(PANELS, channels))
    names = list(instruments)
    statements = [
        ("The event", "select * from core.event where id = :event;"),
        ("Its raw files", queries.SOURCES_OF_EVENTS.sql.strip().replace("any(:events)", ":event") + ";"),
        ("Its products", queries.PRODUCTS_OF_EVENTS.sql.strip().replace("any(:events)", ":event") + ";"),
        *((table.fullname, f"select * from {table.fullname} where event_id = :event;")  # noqa: S608
          for name in names for table in typed.event_tables(name)),
    ]  # fmt: skip
    values = {
        "panels": list(panels),
        "colours": COLOURS,
        "plot": plain_json(panels),
        "fields": {name: typed.fields(name) for name in names},
        "statements": statements,
    }
    publisher.page(PATH, shell.render("viewer.html", PATH, "Event viewer", **values))
