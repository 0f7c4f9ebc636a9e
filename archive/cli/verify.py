"""``pinakes verify``: is everything there, and is it what it was?"""

from __future__ import annotations

import click

from archive.cli.context import Context, cell, emit, json_option, pass_context
from archive.errors import EXIT_OK, EXIT_PROBLEMS


@click.command()
@click.option("--quick", is_flag=True, help="Compare names and sizes only; read no bytes.")
@click.option("--mark", is_flag=True, help="Mark damaged files as missing or corrupt in the catalog.")
@json_option
@pass_context
def verify(context: Context, quick: bool, mark: bool, as_json: bool) -> int:
    """Compare the catalog with the disk, both ways: names, sizes, hashes, staging and quarantine.

    \b
    Exit codes: 0 everything is as it should be, 4 something is not.
    """  # noqa: D301
    from archive.audit.mark import mark_damaged
    from archive.audit.verify import verify as compare
    from archive.cli.progress import Progress
    from archive.store import Home

    settings = context.settings()
    with context.catalog() as catalog, Progress("verify", quiet=context.quiet) as progress:
        seen = compare(catalog, Home(settings.home), quick=quick, tell=lambda _: progress.step(""))
        if mark:
            mark_damaged(catalog, seen.findings)
    if as_json:
        rows = ({"kind": f.kind, "path": f.relpath, "file_id": f.file_id, "message": f.message} for f in seen.findings)
        emit(rows, as_json=True)
    else:
        for finding in seen.findings:
            click.echo(f"{finding.kind}: {cell(finding.message)}")
    size = "" if quick else f", {seen.bytes / 1e6:.1f} MB read"
    context.say(f"{seen.files} files compared{size}, {len(seen.findings)} problems.")
    return EXIT_PROBLEMS if seen.findings else EXIT_OK
