"""``pinakes work``: carry out the jobs that wait in the ledger."""

from __future__ import annotations

from collections import Counter

import click

from archive.cli.context import Context, cell, json_option, pass_context
from archive.cli.progress import Progress
from archive.errors import EXIT_OK, EXIT_PARTLY

#: Seconds between two looks at an empty ledger.
LOOK = 5.0


@click.command()
@click.option("--wait", is_flag=True, help="When no job is left wait for new ones, until stopped.")
@click.option("--engine", type=click.Choice(["inline", "pool", "dask"]), help="Where jobs run; default: as set.")
@click.option("--workers", type=click.IntRange(min=1), help="Worker processes of pool or of our own Dask cluster.")
@click.option("--dask", metavar="ADDRESS", help="Use this Dask scheduler, for example tcp://host:8786.")
@json_option
@pass_context
def work(
    context: Context,
    wait: bool,
    engine: str | None,
    workers: int | None,
    dask: str | None,
    as_json: bool,
) -> int:
    """Carry out queued jobs of every kind, and take over those of processes that died.

    Any number of processes, on any number of machines, may do this at once.

    \b
    Exit codes: 0 all jobs ended well, 3 some failed or were set aside, 130 interrupted.
    """  # noqa: D301
    import time
    from contextlib import closing

    from archive.ingest.session import housekeeping
    from archive.jobs import engines
    from archive.jobs.drain import Drain
    from archive.jobs.stopping import stopping
    from archive.store import Home

    settings = context.settings()
    settings.log_to("work")
    patience = settings.ingest.lease
    ended: Counter[str] = Counter()
    with stopping(), context.catalog() as catalog, Progress("work", quiet=context.quiet) as progress:
        housekeeping(catalog, Home(settings.home, settings.access()), patience)
        chosen = engines.make(engine or settings.ingest.engine, workers or settings.ingest.workers, dask)
        with closing(chosen):
            drained = Drain(catalog, chosen, str(settings.home), patience)
            while True:
                for outcome in drained.everything():
                    ended[outcome.state] += 1
                    line = f"job {outcome.job_id} {outcome.state} {cell(outcome.message)}".rstrip()
                    progress.step(line)
                    if as_json:
                        _print(outcome.job_id, outcome.state, outcome.message)
                if not wait:
                    break
                time.sleep(LOOK)
    counts = ", ".join(f"{count} {state}" for state, count in sorted(ended.items()))
    context.say(f"{counts}." if counts else "No job waits.")
    return EXIT_PARTLY if ended["failed"] or ended["quarantined"] else EXIT_OK


def _print(job_id: int, state: str, message: str) -> None:
    import json

    click.echo(json.dumps({"job_id": job_id, "state": state, "message": message}))
