"""Monitors in words: states with their icon and colour, schedules, addresses, and rows of runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monitors.health import Health, State
from monitors.site import tables, text
from monitors.site.tables import Cell, Column

STATES: Mapping[State, tables.State] = {
    State.UP: "ok",
    State.NO_WORK: "ok",
    State.STARTED: "info",
    State.NEW: "unknown",
    State.PAUSED: "unknown",
    State.LATE: "warning",
    State.FLAPPING: "warning",
    State.MISSED: "error",
    State.OVERRUN: "error",
    State.FAILED: "error",
    State.DEAD: "error",
    State.INVALID: "error",
}

RUN_STATES: Mapping[str, tables.State] = {
    "success": "ok",
    "no_work": "ok",
    "running": "info",
    "failure": "error",
    "killed": "error",
    "skipped": "unknown",
}

BAD = frozenset({"failure", "killed"})

#: Gravest first: the order of monitors on every page.
GRAVITY: tuple[tables.State, ...] = ("error", "warning", "info", "unknown", "ok")

RUN_COLUMNS = (
    Column("Started", "UTC", "time"),
    Column("State"),
    Column("Took", kind="number"),
    Column("Started by"),
    Column("In", kind="number"),
    Column("Done", kind="number"),
    Column("Failed", kind="number"),
    Column("Memory", kind="number"),
    Column("Message", kind="prose"),
)

#: What the CSV of runs holds: exact values under the catalog's own names.
RUN_CSV = (
    "run_id", "name", "state", "cause", "scheduled_for", "started", "ended", "exit_code", "signal", "error_type",
    "error_message", "message", "n_in", "n_done", "n_skipped", "n_failed", "n_warnings", "n_errors", "wall_s",
    "cpu_user_s", "cpu_system_s", "max_rss_bytes", "host", "version", "log_path",
)  # fmt: skip


def monitor_page(name: str, file: str = "index.html") -> str:
    """Return the page of a monitor, or another file beside it, relative to the site."""
    return f"monitors/{name}{'_' if name.endswith('.html') else ''}/{file}"


def run_page(run_id: object) -> str:
    """Return the page of a run, relative to the site."""
    return f"runs/{run_id}.html"


def state_cell(health: Health, *, href: str | None = None) -> Cell:
    """Return the state of a monitor as icon, word and colour."""
    shown = health.shown
    word = {State.STARTED: "running", State.NO_WORK: f"up, no work ×{health.no_work_in_row}"}.get(shown)
    return tables.words(word or shown.replace("_", " "), state=STATES[shown], href=href, title=health.message)


def run_state(state: str, *, href: str | None = None) -> Cell:
    """Return how a run ended."""
    return tables.words(state.replace("_", " "), state=RUN_STATES.get(state, "unknown"), href=href)


def gravity(health: Health) -> int:
    """Return a number to sort by: what needs attention comes first."""
    return GRAVITY.index(STATES[health.shown])


def schedule_words(row: Any) -> str:
    """Return the schedule of a monitor in words, with the expression and the zone."""
    if row.schedule is None:
        return "only when asked for"
    words = in_words(row.schedule)
    expression = f"{row.schedule}, {row.zone}" if " " in row.schedule.strip() else ""
    return f"{words} ({expression})" if words and expression else words or expression or row.schedule


def in_words(schedule: str) -> str:
    """Return common forms of cron expressions and intervals in words; empty for others."""
    fields = schedule.split()
    if len(fields) != 5:
        return f"every {schedule.removeprefix('every ')}" if len(fields) == 1 and schedule[:1].isdigit() else ""
    minute, hour, day, month, weekday = fields
    if (day, month) != ("*", "*"):
        if day.isdigit() and month == weekday == "*" and minute.isdigit() and hour.isdigit():
            return f"on day {day} of every month at {int(hour):02d}:{int(minute):02d}"
        return ""
    when = {"*": "", "1-5": " from Monday to Friday", "mon-fri": " from Monday to Friday"}.get(weekday.lower())
    if when is None:
        return ""
    if minute.startswith("*/") and hour == "*":
        return f"every {minute[2:]} minutes{when}"
    if minute == "*" and hour == "*":
        return f"every minute{when}"
    if minute.isdigit() and hour == "*":
        return f"every hour at minute {int(minute)}{when}"
    if minute.isdigit() and hour.startswith("*/"):
        return f"every {hour[2:]} hours at minute {int(minute)}{when}"
    if minute.isdigit() and hour.isdigit():
        return f"every day at {int(hour):02d}:{int(minute):02d}" if not when else f"at {hour}:{minute}{when}"
    return ""


def run_cells(row: Any, *, page: bool) -> list[Cell]:
    """Return a row for `RUN_COLUMNS`; with `page` it leads to the page of the run."""
    href = run_page(row.run_id) if page else None
    return [
        tables.time(row.started, href=href),
        run_state(row.state, href=href),
        tables.duration(row.wall_s),
        tables.words(row.cause),
        tables.number(row.n_in),
        tables.number(row.n_done),
        tables.number(row.n_failed, state="warning" if row.n_failed else None),
        tables.size(row.max_rss_bytes),
        tables.words(row.error_message or row.message or ""),
    ]


def labels_text(labels: Mapping[str, str]) -> str:
    """Return the labels of a metric as one line."""
    values = list(labels.values())
    return text.plain(values[0] if len(values) == 1 else ", ".join(f"{k} {v}" for k, v in sorted(labels.items())))
