"""``pinakes repair``: mend what ``pinakes verify`` finds."""

from __future__ import annotations

import click

from archive.cli.context import Context, cell, emit, json_option, pass_context
from archive.errors import EXIT_OK, EXIT_PROBLEMS


@click.command()
@click.option("--dry-run", is_flag=True, help="Print the plan and change nothing.")
@json_option
@pass_context
def repair(context: Context, dry_run: bool, as_json: bool) -> int:
    """Mend what `pinakes verify` finds: bring bytes back, make products anew, set strangers aside, queue failed jobs.

    Bytes are never thrown away: what does not belong goes to quarantine. What cannot be mended is marked and listed.

    \b
    Exit codes: 0 everything is mended (or would be), 4 something cannot be mended.
    """  # noqa: D301
    from archive.audit.repair import execute, plan
    from archive.store import Home

    settings = context.settings()
    home = Home(settings.home, settings.access())
    settings.log_to("repair")
    with context.catalog() as catalog:
        actions = plan(catalog, home)
        done = [action.as_dict() for action in actions] if dry_run else execute(catalog, home, settings, actions)
    if as_json:
        emit(done, as_json=True)
    else:
        for one in done:
            click.echo(f"{one['action']}: {cell(one['message'])}")
    context.say(f"{len(done)} actions{' planned' if dry_run else ''}.")
    return EXIT_PROBLEMS if any(one["action"] == "mark" for one in done) else EXIT_OK
