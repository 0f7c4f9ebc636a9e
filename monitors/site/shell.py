"""The shell of every page: navigation, title, age, and templates that escape all they are given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from jinja2 import BaseLoader, ChoiceLoader, Environment, PackageLoader, PrefixLoader, StrictUndefined
from markupsafe import Markup

from monitors.site import table_html, text
from monitors.site.publish import STAMP
from monitors.site.tables import ICONS

#: Entry points of the dashboards of instruments; templates lie in the folder ``templates`` beside their module.
DASHBOARDS = "pinakes.instrument_pages"


@dataclass(frozen=True, slots=True)
class Link:
    """An entry of the navigation; `below` are shown while one is on the page or on one of them."""

    label: str
    path: str
    below: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class Shell:
    """What all pages of one site share.

    Attributes
    ----------
    title
        Title of the site.
    version
        Version of the code that wrote the pages.
    bokeh
        Folder of the Bokeh scripts, relative to the site.
    instruments
        Name and title of each instrument.
    dashboards
        Further pages of an instrument, by its name.
    """

    title: str
    version: str
    bokeh: str
    instruments: Sequence[tuple[str, str]]
    dashboards: Mapping[str, Sequence[Link]] = field(default_factory=dict)

    @property
    def navigation(self) -> list[tuple[str, list[Link]]]:
        """Groups of links: heading and entries."""
        places = [
            Link("Home", "index.html"),
            Link("Problems", "problems.html"),
            Link("Monitors", "monitors/index.html"),
            Link("Storage", "storage/index.html"),
            Link("Days", "days/index.html"),
        ]
        data = [
            Link("Files", "files/index.html"),
            Link("Events", "events/index.html"),
            Link("Event viewer", "events/viewer.html"),
            Link("Tags", "tags.html"),
            Link("Search", "search.html"),
        ]
        instruments = [
            Link(short_title(title), f"instruments/{name}.html", tuple(self.dashboards.get(name, ())))
            for name, title in self.instruments
        ]
        return [("", places), ("Data", data), *([("Instruments", instruments)] if instruments else [])]

    def render(self, template: str, path: str, title: str, **values: Any) -> str:
        """Return the HTML of the page at `path` (relative to the site).

        `before` and `after` are the pages that the keys ``[`` and ``]`` lead to. Every value is escaped by the
        template; only JSON made by `text.script_json` is placed as it is.
        """
        root = "../" * path.count("/")
        page = environment().get_template(template)
        beside = {"before": None, "after": None}
        return page.render(shell=self, path=path, root=root, page_title=title, stamp=STAMP, **{**beside, **values})


def short_title(title: str) -> str:
    """Return the part of an instrument's title before the first comma: ``IMAP/IDEX``."""
    return title.partition(",")[0]


def instrument_templates() -> dict[str, BaseLoader]:
    """Return the templates of each instrument with dashboards, which its own templates name ``idex/quality.html``."""
    return {
        entry.name: PackageLoader(entry.module.rpartition(".")[0], "templates")
        for entry in entry_points(group=DASHBOARDS)
    }


@cache
def environment() -> Environment:
    """Templates of the site, escaping on, missing values an error."""
    found = Environment(
        loader=ChoiceLoader([PackageLoader("monitors.site", "templates"), PrefixLoader(instrument_templates())]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(
        plain=text.plain,
        utc=text.utc,
        iso=text.iso,
        count=text.count,
        size=text.size,
        script_json=lambda value: Markup(text.script_json(value)),  # noqa: S704  escaped for scripts by script_json
    )
    found.globals.update(
        icons=ICONS,
        table_html=table_html.table,
        cell_html=lambda cell, root: Markup(table_html.inside(cell, root)),  # noqa: S704  escaped by `inside`
    )
    return found
