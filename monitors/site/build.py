"""Building the site: what changed in the catalog since the last build is written again, the rest is left alone."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from archive.catalog import Catalog, upkeep
from archive.config import Settings
from archive.errors import ArchiveError, DatabaseUnavailable
from monitors.site import (
    attention,
    days,
    event_index,
    file_pages,
    home,
    instrument_pages,
    lists,
    monitor_index,
    monitor_pages,
    queries,
    run_pages,
    search,
    storage_pages,
    storage_rows,
    tag_pages,
    viewer,
)
from monitors.site.assets import STATIC, bokeh_folder, publish_assets
from monitors.site.attention import Attention
from monitors.site.broken import forget, guarded
from monitors.site.dashboards import Making, dashboards
from monitors.site.event_data import EventScripts, event_path
from monitors.site.figures import day_after, midnight
from monitors.site.holdings import Holdings
from monitors.site.monitor_index import LevelChanges
from monitors.site.monitor_rows import monitor_page
from monitors.site.pages import all_pages
from monitors.site.publish import Publisher, Report, building
from monitors.site.rows import month
from monitors.site.shell import Shell
from monitors.site.text import iso, script_json
from monitors.survey import Standing, survey

#: Raised when the form of the pages or scripts changes, so that all are made again.
FORMAT = 5

STATE = ".state.json"

Say = Callable[[str], None]


@dataclass(slots=True)
class State:
    """What the last finished build saw: fingerprints of the catalog's parts, by name."""

    made_by: str = ""
    days: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    calendar: dict[str, str] = field(default_factory=dict)
    run_days: dict[str, list[Any]] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    monitors: dict[str, str] = field(default_factory=dict)
    dashboards: dict[str, dict[str, str]] = field(default_factory=dict)
    #: Whether the pages of runs that are there have the form of today.
    runs: bool = False
    #: Pages that could not be made.
    broken: list[str] = field(default_factory=list)
    channels: int = 0

    @classmethod
    def load(cls, site: Path) -> State:
        """Read the state of a site; a new or unreadable one means that everything is made."""
        try:
            return cls(**json.loads((site / STATE).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return cls()


def build(
    catalog: Catalog,
    settings: Settings,
    out: Path | None = None,
    *,
    full: bool = False,
    run: str = "",
    now: datetime | None = None,
    say: Say | None = None,
) -> Report:
    """Bring the pages up to date with the catalog.

    The catalog is read in one snapshot. A part is made again when its fingerprint (an aggregate over its rows) differs
    from that of the last build; what comes out equal is not written. Links are published after what they lead to.

    Parameters
    ----------
    catalog, settings
        The archive.
    out
        Folder of the site; ``site/`` of the archive home when not given.
    full
        Make every page, whatever the last build saw.
    run
        Name of the run that builds; made from the time when not given.
    now
        Time of the build, UTC.
    say
        Told what is being done, one line a part.

    Raises
    ------
    Locked
        When another process builds the same site.
    DatabaseUnavailable
        When the database went away meanwhile. The pages that were there stay.
    ArchiveError
        When pages cannot be written, for example because the disk is full. The pages that were there stay.
    """
    started = time.monotonic()
    site = (out or settings.home / "site").absolute()
    now = now or datetime.now(UTC)
    access = settings.access()
    try:
        upkeep.learn(catalog.engine)
        with building(site, access), catalog.read() as conn:
            conn.execute(text("set transaction isolation level repeatable read"))
            queries.times(conn)  # what an earlier user of this connection took
            builder = Builder(conn, settings, Publisher(site, now, run, access), now, say or (lambda _: None))
            report = builder.run(full)
            report.queries = queries.times(conn)
            report.permission_warnings = access.count
    except OSError as error:
        where = error.filename or site
        raise ArchiveError(
            f"The pages cannot be written: {error.strerror}: {where}. Those that were there stay; build again when "
            "there is room."
        ) from error
    except OperationalError as error:
        reason = " ".join(str(error.orig).split())
        raise DatabaseUnavailable(
            f"The database went away while pages were built: {reason}. Those that were there stay; build again later."
        ) from error
    report.seconds = time.monotonic() - started
    return report


class Builder:
    """One build."""

    def __init__(self, conn: Connection, settings: Settings, publisher: Publisher, now: datetime, say: Say) -> None:
        self.conn, self.settings, self.publisher, self.now, self.say = conn, settings, publisher, now, say
        self.holdings = Holdings(conn, file_pages.BUCKET)
        self.instruments = self.holdings.instruments
        self.titles = {row["name"]: row["title"] for row in self.instruments}
        self.calibrations = newest_calibrations(conn, self.instruments)
        below = {name: [page.link for page in dashboards(name).pages()] for name in self.titles}
        self.shell = Shell(settings.site.title, version("pinakes"), bokeh_folder(), list(self.titles.items()), below)

    def run(self, full: bool) -> Report:
        """Make what changed and return what was done."""
        seen = State.load(self.publisher.root)
        made_by = self._made_by()
        if full or seen.made_by != made_by:
            seen = State(made_by)
        publish_assets(self.publisher)
        self._events(seen)
        self._files(seen)
        with self._page("events/index.html", "Events"):
            lists.publish_event_index(self.publisher, self.conn, self.shell, self.holdings.event_days)
        with self._page("files/index.html", "Files"):
            lists.publish_file_index(self.publisher, self.conn, self.shell, self.holdings)
        for instrument in self.instruments:
            with self._page(f"instruments/{instrument['name']}.html", instrument["title"]):
                instrument_pages.publish(self.publisher, self.conn, self.shell, instrument, self.holdings, self.now)
        seen.dashboards = {row["name"]: self._dashboards(row, seen.dashboards) for row in self.instruments}
        self._days(seen)
        self._states(seen)
        self._finish(seen)
        return self.publisher.report

    def _made_by(self) -> str:
        """Name of everything beside the catalog's rows that the pages are made of."""
        parts = [FORMAT, version("pinakes"), version("bokeh"), self.settings.site.title, self.titles, self.calibrations]
        return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]

    def _events(self, seen: State) -> None:
        """Event scripts, lists of days, day pages, viewer."""
        scripts = EventScripts(self.publisher, self.conn, self.settings.home, self.titles, self.calibrations)
        found = self.holdings.event_days
        now = {str(day["day"]): str(day["fingerprint"]) for day in found}
        for day in found:
            name = str(day["day"])
            if seen.days.get(name) == now[name]:
                continue
            self.say(f"events of {name}: {day['events']}")
            rows = queries.EVENTS_OF_DAY.rows(self.conn, start=midnight(day["day"]), stop=day_after(day["day"]))
            before = event_index.published(self.publisher, day["day"]) if name in seen.days else {}
            scripts.write([row for row in rows if before.get(row["id"]) != str(row["fingerprint"])])
            event_index.publish_day(self.publisher, day["day"], rows)
            lists.publish_event_day(self.publisher, self.shell, day["day"], rows)
            for gone in before.keys() - {row["id"] for row in rows}:
                self.publisher.remove(event_path(gone))
        event_index.publish_days(self.publisher, found)
        seen.channels = max(seen.channels, scripts.most_channels)
        with self._page(viewer.PATH, "Event viewer"):
            viewer.publish(self.publisher, self.conn, self.shell, self.instruments, seen.channels)
        self._forget_days(now)
        seen.days = now
        self.publisher.report.notes += [
            f"{relpath} cannot be read ({why}); its events have no waveforms. Run: pinakes verify"
            for relpath, why in scripts.unreadable.items()
        ]

    def _forget_days(self, found: Mapping[str, str]) -> None:
        for name in list(self.publisher.names(event_index.DAY_FOLDER, r"\d{4,}-\d\d-\d\d\.js")):
            day = name.removesuffix(".js")
            if day not in found:
                self.publisher.remove(f"{event_index.DAY_FOLDER}/{name}")
                lists.remove_parts(self.publisher, "events", day, 0)

    def _files(self, seen: State) -> None:
        """File pages, the lists of the months they belong to, and the names to search through."""
        now = {str(bucket): fingerprint for bucket, fingerprint in self.holdings.buckets.items()}
        changed = [bucket for bucket, fingerprint in now.items() if seen.files.get(bucket) != fingerprint]
        months: set[str] = set()
        for bucket in changed:
            first = int(bucket) * file_pages.BUCKET
            self.say(f"files {first} to {first + file_pages.BUCKET - 1}")
            rows = file_pages.publish_bucket(self.publisher, self.conn, self.shell, int(bucket), self.settings.home)
            months |= {month((row["t_start"] or row["created_at"]).astimezone(UTC)) for row in rows}
        for name in sorted(months):
            lists.publish_file_month(self.publisher, self.conn, self.shell, name)
        touched = {int(bucket) * file_pages.BUCKET // search.SHARD for bucket in {*changed, *(seen.files.keys() - now)}}
        seen.digests = search.publish_files(self.publisher, self.conn, touched, seen.digests)
        seen.files = now

    def _dashboards(self, row: Mapping[str, Any], seen: Mapping[str, dict[str, str]]) -> dict[str, str]:
        """Pages of its own that an instrument offers. Returns what they saw."""
        name = row["name"]
        known = dict(seen.get(name, {}))
        offered = dashboards(name)
        if offered.pages():
            self.say(f"dashboards of {name}")
            what = (row["id"], name, row["title"])
            before = len(self.publisher.report.broken)
            pages = {page.link.path: page.link.label for page in offered.pages()}
            with guarded(self.publisher, self.shell, pages, self.conn):  # what all of them need
                offered.publish(Making(self.publisher, self.conn, self.shell, self.settings, self.now, *what, known))
            if len(self.publisher.report.broken) > before:
                return {}  # the next build tries again
        return known

    def _days(self, seen: State) -> None:
        """Pages of days, weeks and months, and the calendar. Runs of earlier builds are counted already."""
        last = max(seen.run_days, default="0001-01-03")
        since = midnight(datetime.fromisoformat(last).date() - timedelta(days=2))
        kept = {day: found for day, found in seen.run_days.items() if day < since.date().isoformat()}
        new = {
            row["day"].isoformat(): [row["runs"], row["bad"], str(row["fingerprint"])]
            for row in queries.RUN_DAYS.rows(self.conn, since=since)
        }
        seen.run_days = {**kept, **new}
        known = days.all_days(self.holdings, seen.run_days)
        seen.calendar = days.publish(self.publisher, self.conn, self.shell, known, seen.calendar)

    def _states(self, seen: State) -> None:
        """What time alone changes: monitors, storage, problems, home; and the search page, which leads to all."""
        with queries.timed(self.conn, "survey"):
            standings = survey(self.conn, self.now)
        found = Attention(self.conn, standings, self.now)
        changes = monitor_index.levels(self.conn, self.now)
        whole = frozenset(seen.broken) if seen.runs else None
        kept = run_pages.publish(self.publisher, self.conn, self.shell, self.settings, self.now, whole)
        seen.runs = True
        seen.monitors = {
            standing.name: self._monitor(standing, found, changes, kept, seen.monitors) for standing in standings
        }
        with self._page(monitor_index.PATH, "Monitors"):
            monitor_index.publish(self.publisher, self.conn, self.shell, standings, changes, self.now)
        watched = any(standing.name == "filesystem" for standing in standings)
        with self._page(storage_rows.PATH, "Storage"):
            storage_pages.publish(self.publisher, self.conn, self.shell, self.now, watched)
        with self._page(attention.PATH, "Problems"):
            attention.publish(self.publisher, self.conn, self.shell, found)
        with self._page(tag_pages.PATH, "Tags"):
            tag_pages.publish(self.publisher, self.conn, self.shell)
        pages = all_pages(self.shell, self.holdings, standings, list(seen.calendar))
        search.publish(self.publisher, self.shell, seen.digests, pages, self.holdings.all.files)
        with self._page("index.html", self.settings.site.title):
            home.publish(self.publisher, self.conn, self.shell, self.holdings, standings, found, self.now)

    def _page(self, path: str, title: str) -> AbstractContextManager[None]:
        """Return a block that makes one page; where it fails, a page says so and the build goes on."""
        return guarded(self.publisher, self.shell, {path: title}, self.conn)

    def _monitor(
        self,
        standing: Standing,
        found: Attention,
        changes: Mapping[int, LevelChanges],
        kept: run_pages.Kept,
        seen: Mapping[str, str],
    ) -> str:
        """Page of one monitor; `found` has the open findings. Returns its fingerprint."""
        of_runs = kept.get(standing.row.id, frozenset())
        parts = (standing, found.findings, changes.get(standing.row.id, ()), of_runs, self.now)
        now = monitor_pages.fingerprint(*parts)
        if seen.get(standing.name) != now:
            with self._page(monitor_page(standing.name), standing.name):
                monitor_pages.publish(self.publisher, self.conn, self.shell, *parts)
        return now

    def _finish(self, seen: State) -> None:
        """What names this build goes last: the age every page shows, and the state the next build starts from."""
        seen.broken = self.publisher.report.broken
        forget(seen.broken, seen.files, seen.calendar, seen.monitors, file_pages.BUCKET)
        built = {
            "built": iso(self.now),
            "id": self.publisher.run,
            "version": self.shell.version,
            "staleAfter": self.settings.site.stale_after,
        }
        self.publisher.file(f"{STATIC}/build.js", f"window.pinakes = {script_json(built)};\n".encode())
        self.publisher.file(STATE, json.dumps(asdict(seen), indent=0, sort_keys=True).encode())
        self.publisher.close()


def newest_calibrations(conn: Connection, instruments: list[dict[str, Any]]) -> dict[str, dict[str, Mapping[str, Any]]]:
    """Return the values of the newest calibration sets by instrument and set name."""
    return {
        instrument["name"]: {
            row["name"]: row["values"]
            for row in queries.CALIBRATIONS.rows(conn, instrument_id=instrument["id"])
            if row["newest"]
        }
        for instrument in instruments
    }
