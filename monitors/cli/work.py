"""What the verbs of monitors do: plain functions, without a command line."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from archive import log
from archive.catalog import Catalog, run_record, runs
from archive.config import Settings
from archive.errors import ArchiveError, NotFound, SettingsError, UsageError
from monitors import notify, run_log
from monitors.clock import is_due
from monitors.declare import Declaration, declared
from monitors.health import Level
from monitors.history import availability
from monitors.provenance import account
from monitors.runner import Ended, Occasion, register_all, run_monitor
from monitors.schedule import between, latest_at
from monitors.survey import Standing, survey

#: Runs of one back-fill, at most: a slip in a date should not start a million of them.
MOST_POINTS = 10_000

#: Runs among which the log of one is looked for.
MOST_RUNS = 1000

_log = log.get("monitors")


@contextlib.contextmanager
def stopping() -> Iterator[Callable[[], bool]]:
    """Yield a function that says whether SIGTERM, SIGINT or SIGHUP has come."""
    event = threading.Event()
    signals = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = {number: signal.signal(number, lambda *_: event.set()) for number in signals}
    try:
        yield event.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run_now(settings: Settings, names: Sequence[str], *, due: bool, stop: Callable[[], bool]) -> Iterator[Ended]:
    """Run monitors, one after the other; with `due` those whose schedule point has come and has had no run."""
    settings.log_to("monitor")
    known = register_all(settings)
    chosen = [declared(settings, name) for name in names] or list(known.values())
    for declaration in chosen:
        if stop():
            return
        if not due:
            yield _run(settings, declaration, Occasion(), stop)
            continue
        now = datetime.now(UTC)
        if declaration.schedule is None or not declaration.enabled or declaration.kind == "external":
            continue
        with Catalog.connect(settings, check=False) as catalog, catalog.read() as conn:
            ready = is_due(conn, declaration.name, now)
        if ready:
            yield _run(settings, declaration, Occasion("schedule", latest_at(declaration.schedule, now)), stop)


def _run(settings: Settings, declaration: Declaration, occasion: Occasion, stop: Callable[[], bool]) -> Ended:
    """Run one monitor; a declaration that cannot be used is its failure, and leaves the others alone."""
    try:
        return run_monitor(settings, declaration, occasion, stop=stop)
    except SettingsError as error:
        return Ended(run_record.new_run_id(), declaration.name, "failure", str(error))


def back_fill(
    settings: Settings, names: Sequence[str], window: tuple[datetime, datetime], *, whole: bool, again: bool,
    advance: bool, stop: Callable[[], bool],
) -> Iterator[Ended]:  # fmt: skip
    """Run monitors for a time that has passed: for each schedule point without a good run, or once for all of it.

    Each run gets the window from the point before to its own point.
    """
    if window[0] >= window[1]:
        raise UsageError("The time to back-fill ends before it begins.")
    settings.log_to("monitor")
    register_all(settings)
    for name in names:
        declaration = declared(settings, name)
        for occasion in _occasions(settings, declaration, window, whole, again, advance):
            if stop():
                return
            yield _run(settings, declaration, occasion, stop)


def _occasions(
    settings: Settings, declaration: Declaration, window: tuple[datetime, datetime], whole: bool, again: bool,
    advance: bool,
) -> Iterator[Occasion]:  # fmt: skip
    if whole or declaration.schedule is None:
        yield Occasion("back-fill", None, window, advance)
        return
    done: set[datetime] = set()
    if not again:
        with Catalog.connect(settings, check=False) as catalog, catalog.read() as conn:
            done = runs.points_done(conn, runs.monitor_named(conn, declaration.name).id, *window)
    start = latest_at(declaration.schedule, window[0]) or window[0]
    for count, point in enumerate(between(declaration.schedule, window[0], window[1])):
        if count >= MOST_POINTS:
            raise UsageError(f"That time holds more than {MOST_POINTS} points; give a shorter one, or --whole.")
        if point not in done:
            yield Occasion("back-fill", point, (start, point), advance)
        start = point


def deliver(settings: Settings, say: Callable[[str], None]) -> None:
    """Send waiting notices, for half a minute at most; what goes wrong is said and changes nothing."""
    try:
        counts = notify.deliver(settings, seconds=30)
    except (ArchiveError, SQLAlchemyError) as error:
        _log.warning("notices wait: %s", error)
        return
    if counts["put off"] or counts["given up"]:
        say(f"{counts['put off'] + counts['given up']} notices could not be sent; the log says why.")


def log_lines(settings: Settings, name: str, run: str | None) -> Iterator[dict[str, Any]]:
    """Yield the entries of the log of a run: the newest one of a monitor that has a log, or the one that is named.

    Raises
    ------
    NotFound
        When there is no such run, or its log is no longer there.
    """
    with Catalog.connect(settings) as catalog, catalog.read() as conn:
        found = runs.runs(conn, monitor_id=runs.monitor_named(conn, name).id, limit=MOST_RUNS)
    for row in found:
        if row.log_path is None or not str(row.run_id).startswith(run or ""):
            continue
        try:
            yield from run_log.read(settings.home / row.log_path)
        except FileNotFoundError:  # it printed nothing, or the file has been removed
            if run is None:
                continue
            raise NotFound(f"The log of run {row.run_id} of {name} is empty or no longer there.") from None
        return
    which = f"run {run}" if run else "run with a log"
    raise NotFound(f"There is no {which} among the newest {MOST_RUNS} of {name}; see `pinakes monitor history {name}`.")


def standings(settings: Settings) -> list[Standing]:
    """Return the standing of everything that is declared now."""
    register_all(settings)
    with Catalog.connect(settings) as catalog, catalog.read() as conn:
        return survey(conn, datetime.now(UTC))


def changes(settings: Settings, name: str, limit: int) -> list[dict[str, Any]]:
    """Return the newest changes of state of one job."""
    with Catalog.connect(settings) as catalog, catalog.read() as conn:
        found = runs.changes(conn, monitor_id=runs.monitor_named(conn, name).id, limit=limit)
    columns = ("at", "from_state", "to_state", "reason", "message")
    return [{column: getattr(row, column) for column in columns} for row in found]


def shares(settings: Settings, found: Sequence[Standing]) -> Mapping[str, Mapping[str, float | None]]:
    """Return the share of the known time in which each job was up, in percent: today, in 7 and in 30 days."""
    now = datetime.now(UTC)
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    spans = {"up_today_%": today, "up_7d_%": now - timedelta(days=7), "up_30d_%": now - timedelta(days=30)}
    with Catalog.connect(settings) as catalog, catalog.read() as conn:
        rows = runs.level_changes(conn, min(spans.values()))
    levels: dict[int, list[tuple[datetime, Level]]] = {}
    for row in rows:
        levels.setdefault(row.monitor_id, []).append((row.at, Level(row.to_level)))
    answer = {}
    for standing in found:
        seen = levels.get(standing.row.id, [])
        parts = {name: availability(seen, start, now).share for name, start in spans.items()}
        answer[standing.name] = {
            name: None if share is None else round(100 * share, 3) for name, share in parts.items()
        }
    return answer


def pause(settings: Settings, name: str, *, paused: bool) -> None:
    """Pause a monitor, or let it go on."""
    register_all(settings)
    with Catalog.connect(settings) as catalog, catalog.begin() as conn:
        row = runs.monitor_named(conn, name)
        run_record.pause(conn, row.id, account() if paused else None, datetime.now(UTC))
