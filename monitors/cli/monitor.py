"""``pinakes monitor``: run monitors, and see how they are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from archive.cli.context import Context, emit, json_option, pass_context

if TYPE_CHECKING:
    from monitors.runner import Ended
    from monitors.survey import Standing

limit_option = click.option(
    "--limit", type=click.IntRange(1, 100_000), default=20, show_default=True, help="At most so many rows."
)


@click.group()
def monitor() -> None:
    """Run monitors, and see how they and other scheduled jobs are."""


@monitor.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--due", is_flag=True, help="Only those whose time has come; without NAME all of them. For cron and timers."
)
@click.option("--since", type=click.DateTime(), help="Back-fill: start of the time, UTC, exclusive.")
@click.option("--until", type=click.DateTime(), help="Back-fill: end of the time, UTC, inclusive; default now.")
@click.option("--whole", is_flag=True, help="Back-fill the time as one window, not point by point of the schedule.")
@click.option("--again", is_flag=True, help="Back-fill also the points that have had a good run.")
@click.option("--advance-mark", is_flag=True, help="Let the back-fill move the high-water marks.")
@json_option
@pass_context
def run(
    context: Context, names: tuple[str, ...], due: bool, since: datetime | None, until: datetime | None, whole: bool,
    again: bool, advance_mark: bool, as_json: bool,
) -> int:  # fmt: skip
    """Run monitors now, one after the other.

    With --due each runs for the schedule point that has come, unless it has had its run; cron and `pinakes schedule`
    can so be used side by side. With --since it runs once for each missed point of that time, without moving its marks.
    """
    from archive.errors import EXIT_FAILED, EXIT_LOCKED, EXIT_OK, EXIT_PARTLY, UsageError
    from monitors.cli import work

    if not names and not due:
        raise UsageError("Name the monitors to run, or give --due to run those whose time has come.")
    if since is None and (until is not None or whole or again or advance_mark):
        raise UsageError("--until, --whole, --again and --advance-mark belong to a back-fill: give --since too.")
    if since is not None and (due or not names):
        raise UsageError("A back-fill needs the names of its monitors, and --due has no place in it.")
    settings = context.settings()
    with work.stopping() as stop:
        if since is not None:
            end = until.replace(tzinfo=UTC) if until else datetime.now(UTC)
            window = (since.replace(tzinfo=UTC), end)
            ended = work.back_fill(settings, names, window, whole=whole, again=again, advance=advance_mark, stop=stop)
        else:
            ended = work.run_now(settings, names, due=due, stop=stop)
        found = []
        for end_of_run in ended:
            found.append(end_of_run)
            _tell(context, end_of_run, as_json)
    work.deliver(settings, context.say)
    if not found:
        context.say("Nothing to run.")
        return EXIT_OK
    bad = [e for e in found if not e.good and e.state != "skipped"]
    if bad:
        return EXIT_FAILED if len(bad) == len(found) else EXIT_PARTLY
    # Somebody else runs it, or has run it: for --due that is as it should be.
    return EXIT_LOCKED if not due and all(e.state == "skipped" for e in found) else EXIT_OK


def _tell(context: Context, ended: Ended, as_json: bool) -> None:
    if as_json:
        row = {
            "monitor": ended.name,
            "state": ended.state,
            "message": ended.message,
            "run_id": str(ended.run_id),
            "log": ended.log_path,
        }
        emit([row], as_json=True)
        return
    click.echo(f"{ended.name}: {ended.state}" + (f": {ended.message}" if ended.message else ""))
    if ended.state in ("failure", "killed") and ended.log_path is not None:
        context.say(f"Its log: {ended.log_path}")


@monitor.command("list")
@json_option
@pass_context
def list_(context: Context, as_json: bool) -> None:
    """List every monitor and job with its state; those that need attention first."""
    from monitors.cli import work

    standings = work.standings(context.settings())
    order = {"down": 0, "unknown": 1, "up": 2}
    rows = [_row(s) for s in sorted(standings, key=lambda s: (order[s.health.level], s.name))]
    if not rows:
        context.say("No monitor is declared; write one (docs/how-to/write-a-monitor.md) or name a job in pinakes.toml.")
    columns = None if as_json else ("name", "state", "since", "last_start", "next_due", "schedule", "message")
    emit(rows, as_json=as_json, columns=columns)


def _row(standing: Standing) -> dict[str, Any]:
    health, row = standing.health, standing.row
    return {
        "name": row.name,
        "title": row.title,
        "kind": row.kind,
        "state": str(health.shown),
        "level": str(health.level),
        "since": health.since,
        "last_start": standing.runs[0].started if standing.runs else None,
        "next_due": health.next_due,
        "schedule": row.schedule if row.zone == "UTC" or row.schedule is None else f"{row.schedule} ({row.zone})",
        "message": health.message,
        "bad_in_row": health.bad_in_row,
        "no_work_in_row": health.no_work_in_row,
        "advised_late": standing.advised_late,
        "usual_interval_s": None if standing.advice is None else standing.advice.usual.total_seconds(),
    }


@monitor.command()
@click.argument("name", required=False)
@click.option("--state", "states", multiple=True, help="Only runs that ended so, for example failure; may be repeated.")
@limit_option
@json_option
@pass_context
def history(context: Context, name: str | None, states: tuple[str, ...], limit: int, as_json: bool) -> None:
    """List the newest runs, of one monitor or of all."""
    from archive.catalog import runs

    with context.catalog() as catalog, catalog.read() as conn:
        monitor_id = None if name is None else runs.monitor_named(conn, name).id
        found = runs.runs(conn, monitor_id=monitor_id, states=states, limit=limit)
    rows = [dict(row._mapping) for row in found]
    for row in rows:
        row["says"] = row["error_message"] or row["message"]
    columns = ("started", "name", "state", "cause", "wall_s", "n_in", "n_done", "n_failed", "says")
    emit(rows, as_json=as_json, columns=None if as_json else columns)


@monitor.command()
@click.argument("name", required=False)
@limit_option
@json_option
@pass_context
def health(context: Context, name: str | None, limit: int, as_json: bool) -> int:
    """Show the changes of state and how long jobs were up; ends with exit code 4 when one is down.

    With NAME the changes of that job are listed, without it one line a job: its state and its availability today, in
    the last seven days and in the last thirty.
    """
    from archive.errors import EXIT_OK, EXIT_PROBLEMS
    from monitors.cli import work

    settings = context.settings()
    if name is not None:
        emit(work.changes(settings, name, limit), as_json=as_json)
        down = any(s.health.level == "down" for s in work.standings(settings) if s.name == name)
        return EXIT_PROBLEMS if down else EXIT_OK
    standings = work.standings(settings)
    shares: Mapping[str, Mapping[str, float | None]] = work.shares(settings, standings)
    rows = []
    for s in standings:
        state = {"name": s.name, "state": str(s.health.shown), "since": s.health.since}
        rows.append({**state, **shares[s.name], "message": s.health.message})
    emit(rows, as_json=as_json)
    return EXIT_PROBLEMS if any(s.health.level == "down" for s in standings) else EXIT_OK


@monitor.command("log")
@click.argument("name")
@click.option("--run", "run_id", metavar="ID", help="This run, by its id or the beginning of it; default: the newest.")
@json_option
@pass_context
def log_(context: Context, name: str, run_id: str | None, as_json: bool) -> None:
    """Show the log of a run: its log lines, and what it printed."""
    import json

    from monitors.cli import work
    from monitors.run_log import shown

    for entry in work.log_lines(context.settings(), name, run_id):
        click.echo(json.dumps(entry) if as_json else shown(entry), nl=as_json)


@monitor.command()
@click.argument("name")
@pass_context
def disable(context: Context, name: str) -> None:
    """Pause a monitor: it is not run by its schedule, and nothing is told about it."""
    from monitors.cli import work

    work.pause(context.settings(), name, paused=True)
    context.say(f"{name} is paused; `pinakes monitor enable {name}` lets it go on.")


@monitor.command()
@click.argument("name")
@pass_context
def enable(context: Context, name: str) -> None:
    """Let a paused monitor go on; what was due meanwhile is not asked for."""
    from monitors.cli import work

    work.pause(context.settings(), name, paused=False)
    context.say(f"{name} goes on.")


@monitor.command("notify-test")
@click.option("--channel", type=click.Choice(["email", "webhook", "command"]), help="Only this channel.")
@pass_context
def notify_test(context: Context, channel: str | None) -> int:
    """Send a test notice through every channel that [notify] sets up, now, and say what became of it."""
    from archive.errors import EXIT_FAILED, EXIT_OK, UsageError
    from monitors import notify

    settings = context.settings().notify
    chosen = [c for c in notify.channels(settings) if channel in (None, c)]
    if not chosen:
        raise UsageError("No such channel is set up: give [notify] in pinakes.toml an address, a webhook or a command.")
    failed = 0
    for name in chosen:
        text = "This is a test of the notices of Pinakes. If you can read it, they reach you."
        try:
            notify.send(settings, name, notify.Notice("test", "", "[pinakes] test notice", text, datetime.now(UTC)))
            click.echo(f"{name}: sent")
        except notify.NotSentError as error:
            failed += 1
            click.echo(f"{name}: {error}")
    return EXIT_FAILED if failed else EXIT_OK
