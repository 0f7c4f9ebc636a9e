"""``pinakes demo``: the main job from raw files to pages, in one command."""

from __future__ import annotations

from pathlib import Path

import click

from archive.cli.context import Context, pass_context

#: Two jobs that are not well, so that a reader sees what that looks like.
UNWELL = """
# Part of the demonstration: a job that always fails, and one that nobody ever starts.
[monitor.demo-fails]
title = "Fails on purpose (demonstration)"
schedule = "1h"
grace = "1h"
command = ["sh", "-c", "echo 'This job fails on purpose, to show what that looks like.' >&2; exit 3"]

[monitor.demo-late]
title = "Is late on purpose (demonstration)"
schedule = "5s"
grace = "1d"
"""

#: Monitors that look at what the others did, in this order after them.
LAST = ("jobs", "site")


@click.command()
@click.argument("raw_files", nargs=-1, type=click.Path(path_type=Path, exists=True))
@click.option("--events", default=60, show_default=True, help="How many events to simulate when no raw file is given.")
@click.option("--seed", default=1, show_default=True, help="Seed of the simulation.")
@pass_context
def demo(context: Context, raw_files: tuple[Path, ...], events: int, seed: int) -> int:
    """Make an archive from RAW_FILES (or simulated ones), run all monitors, and say which page to open.

    Doing it again adds what is new and leaves the rest. Two of the jobs are not well, on purpose: one fails, one is
    late. They are declared in pinakes.toml of the demonstration and say so in their titles.
    """
    from archive.cli import run

    home = ["--home", str(context.home)] if context.home else []
    code = run([*home, "init"])
    if code:
        return code
    declare_unwell(context)
    run([*home, "exec", "demo-late", "--", "true"])  # once on time, and never again
    inputs = [str(path) for path in raw_files] or simulated(context, events, seed)
    ingested = run([*home, "ingest", *inputs])
    if not raw_files and (geometry := pointed(context)):
        run([*home, "ingest", *geometry])
    watch(context)
    built = run([*home, "site", "build"])
    return built or ingested


def simulated(context: Context, events: int, seed: int) -> list[str]:
    """Write two simulated captures, one of them compressed, and return their paths."""
    from archive.cli import run
    from archive.config import open_home

    folder = open_home(context.home).home / "simulated"
    folder.mkdir(exist_ok=True)
    paths = []
    for number, extra in enumerate(([], ["--compressed"])):
        path = folder / f"simulated_idex_{number + 1}.pkts"
        if not path.exists():
            count = str(max(1, events // 2))
            code = run(["simulate", "idex", "--events", count, "--seed", str(seed + number), *extra, str(path)])
            if code:
                raise click.ClickException(f"The simulation ended with code {code}.")
        paths.append(str(path))
    return paths


def pointed(context: Context) -> list[str]:
    """Write the geometry of the simulated events, once, and return its path; nothing when no event has a time."""
    import numpy as np
    from sqlalchemy import text

    from archive.catalog import Catalog
    from archive.instruments.idex.simulate.pointing import write_pointing
    from archive.instruments.idex.time import utc

    settings = context.settings()
    with Catalog.connect(settings) as catalog, catalog.read() as conn:
        rows = conn.execute(
            text("select tt2000, aid, shcoarse, shfine from idex.event where clock_set order by tt2000")
        ).all()  # fmt: skip
    if not rows:
        return []
    columns = [np.array(column, dtype=np.int64) for column in zip(*rows, strict=True)]
    day = str(utc(columns[0][:1])[0])[:10].replace("-", "")
    path = settings.home / "simulated" / f"imap_idex_l1b_sci-10days_{day}_v001.cdf"
    if not path.exists():
        write_pointing(path, *columns)
    return [str(path)]


def declare_unwell(context: Context) -> None:
    """Add the two jobs that are not well to the settings of the demonstration, once."""
    from archive.config import SETTINGS_FILE, open_home
    from monitors.runner import register_all

    path = open_home(context.home).home / SETTINGS_FILE
    if "[monitor.demo-fails]" not in path.read_text(encoding="utf-8"):
        with path.open("a", encoding="utf-8") as out:
            out.write(UNWELL)
    register_all(context.settings())  # from now on they are expected


def watch(context: Context) -> None:
    """Run every monitor once, as the scheduler does at its time; those that fail are part of the picture."""
    from monitors.cli import work
    from monitors.declare import declarations

    settings = context.settings()
    found = [one for one in declarations(settings).values() if one.kind != "external" and one.enabled and not one.fault]
    names = sorted((one.name for one in found), key=lambda name: (name in LAST, name))
    with work.stopping() as stop:
        for ended in work.run_now(settings, names, due=False, stop=stop):
            context.say(f"monitor {ended.name}: {ended.state}" + (f": {ended.message}" if ended.message else ""))
