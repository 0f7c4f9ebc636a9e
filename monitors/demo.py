"""``pinakes demo``: the main job from raw files to pages, in one command."""

from __future__ import annotations

from pathlib import Path

import click

from archive.cli.context import Context, pass_context


@click.command()
@click.argument("raw_files", nargs=-1, type=click.Path(path_type=Path, exists=True))
@click.option("--events", default=60, show_default=True, help="How many events to simulate when no raw file is given.")
@click.option("--seed", default=1, show_default=True, help="Seed of the simulation.")
@pass_context
def demo(context: Context, raw_files: tuple[Path, ...], events: int, seed: int) -> int:
    """Make an archive from RAW_FILES (or simulated ones), build its pages, and say which one to open.

    Doing it again adds what is new and leaves the rest.
    """
    from archive.cli import run

    home = ["--home", str(context.home)] if context.home else []
    code = run([*home, "init"])
    if code:
        return code
    inputs = [str(path) for path in raw_files] or simulated(context, events, seed)
    ingested = run([*home, "ingest", *inputs])
    built = run([*home, "site", "build"])
    return built or ingested


def simulated(context: Context, events: int, seed: int) -> list[str]:
    """Write simulated captures of a morning's run and return their paths."""
    from archive.cli import run
    from archive.config import open_home

    folder = open_home(context.home).home / "simulated"
    folder.mkdir(exist_ok=True)
    paths = []
    for number, extra in enumerate(([], ["--compressed"])):
        path = folder / f"simulated_idex_{number + 1}.pkts"
        if not path.exists():
            code = run(
                ["simulate", "idex", "--events", str(events // 2), "--seed", str(seed + number), *extra, str(path)]
            )
            if code:
                raise click.ClickException(f"The simulation ended with code {code}.")
        paths.append(str(path))
    return paths
