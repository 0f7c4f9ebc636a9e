"""``pinakes ingest``: bring raw files into the archive."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from archive.cli.context import Context, cell, json_option, pass_context
from archive.cli.progress import Progress
from archive.errors import EXIT_OK

if TYPE_CHECKING:
    from archive.ingest import FileReport, Report, Session

MARKS = {
    "new": "+",
    "duplicate": "=",
    "restored": "+",
    "skipped": ".",
    "quarantined": "?",
    "failed": "!",
}


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="PATH...")
@click.option("--engine", type=click.Choice(["inline", "pool", "dask"]), help="Where jobs run; default: as set.")
@click.option("--workers", type=click.IntRange(min=1), help="Worker processes of pool or of our own Dask cluster.")
@click.option("--dask", metavar="ADDRESS", help="Use this Dask scheduler, for example tcp://host:8786.")
@click.option("--watch", is_flag=True, help="Follow one folder (default: incoming/ of the home) until stopped.")
@click.option("--dry-run", is_flag=True, help="Only say what would become of each source.")
@click.option("--no-follow", is_flag=True, help="Leave follow-up jobs to `pinakes work`.")
@click.option(
    "--after",
    type=click.Choice(["leave", "move", "remove"]),
    help="What becomes of a source once its bytes are safe; move: to incoming/.done.",
)
@click.option(
    "--xtce",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="DEFINITION.xml",
    help="Read packets by this XTCE definition.",
)
@json_option
@pass_context
def ingest(
    context: Context, /, paths: tuple[Path, ...], watch: bool, dry_run: bool, as_json: bool, **flags: Any
) -> int:  # fmt: skip
    """Bring files and folders into the archive.

    Doing it again changes nothing: what came in before is skipped, bytes that are known are recognised. Files that
    nobody recognises are kept in quarantine with the reason; damaged ones are decoded as far as they go.

    Inside folders hidden files and those ending in .part, .partial, .tmp, .filepart or .crdownload are left out.

    \b
    Exit codes: 0  everything came in (or had come in before)
                1  every source failed
                3  some sources failed or were set aside
                4  everything came in, some files with errors in them
              130  interrupted; run it again to go on (a watch that is stopped ends with 0)
    """  # noqa: D301
    if not paths and not watch:
        raise click.UsageError("Name the files or folders to bring in, or --watch to follow the drop folder.")
    if watch and len(paths) > 1:
        raise click.UsageError("--watch follows one folder.")
    if watch and dry_run:
        raise click.UsageError("--watch goes on for ever, and --dry-run brings nothing in.")
    settings = context.settings()
    if dry_run:
        return _foresee(context, paths, flags, as_json=as_json)
    settings.log_to("ingest")
    if watch:
        _watch(context, paths[0] if paths else settings.home / "incoming", flags, as_json=as_json)
        return EXIT_OK
    with _session(context, flags) as session, Progress("ingest", quiet=context.quiet) as progress:
        report = session.bring_in(paths, lambda one: _tell(progress, session.total, one, as_json=as_json))
    _sum_up(context, report)
    return report.exit_code


@contextmanager
def _session(context: Context, flags: dict[str, Any]) -> Iterator[Session]:
    """Open catalog and engine; SIGTERM ends the block like Ctrl-C."""
    from contextlib import closing

    from archive.ingest import Session
    from archive.jobs import engines
    from archive.jobs.stopping import stopping

    settings = context.settings()
    with stopping(), context.catalog() as catalog:
        name = flags["engine"] or settings.ingest.engine
        engine = engines.make(name, flags["workers"] or settings.ingest.workers, flags["dask"])
        with closing(engine):
            after = flags["after"] or settings.ingest.after
            yield Session(catalog, settings, engine, after, _options(flags), not flags["no_follow"])


def _options(flags: dict[str, Any]) -> dict[str, Any]:
    """Return the options for the instruments."""
    return {} if flags["xtce"] is None else {"xtce": str(flags["xtce"].absolute())}


def _foresee(context: Context, paths: tuple[Path, ...], flags: dict[str, Any], *, as_json: bool) -> int:
    """Say what would become of each source."""
    from archive.ingest.foresee import foresee
    from archive.ingest.report import Report

    report = Report()
    with context.catalog() as catalog, Progress("look", quiet=context.quiet) as progress:
        for one in foresee(catalog, context.settings(), paths, _options(flags)):
            report.add(one)
            _tell(progress, report.sources, one, as_json=as_json)
    context.say(f"It would be: {report.sentence()}. Nothing was changed.")
    return report.exit_code


def _watch(context: Context, folder: Path, flags: dict[str, Any], *, as_json: bool) -> None:
    """Follow a folder; a session is opened for each bout of work, so that a restarted server is found again."""
    from archive.ingest.watch import watch
    from archive.jobs.stopping import stopping
    from archive.store import Home

    settings = context.settings()

    def bring_in(paths: list[Path]) -> None:
        with _session(context, flags) as session, Progress("ingest", quiet=context.quiet) as progress:
            report = session.bring_in(paths, lambda one: _tell(progress, session.total, one, as_json=as_json))
        _sum_up(context, report)

    context.say(f"Watching {cell(folder)}; stop with Ctrl-C or SIGTERM.")
    try:
        with stopping():
            watch(folder, Home(settings.home), settings.ingest.settle, bring_in)
    except KeyboardInterrupt:
        context.say("Stopped.")


def _tell(progress: Progress, total: int, one: FileReport, *, as_json: bool) -> None:
    import json

    if as_json:
        click.echo(json.dumps(one.as_dict()))
    quiet = one.state == "skipped" and not one.message
    counts = f" {one.events} events" if one.events else ""
    note = f": {cell(one.message)}" if one.message else ""
    progress.step("" if quiet else f"{MARKS[one.state]} {cell(one.source)} {one.state}{counts}{note}", total)


def _sum_up(context: Context, report: Report) -> None:
    context.say(f"{report.sentence()}.")
