"""``pinakes schedule``: run monitors at their times."""

from __future__ import annotations

import click

from archive.cli.context import Context, pass_context


@click.command()
@click.option("--workers", type=click.IntRange(1, 64), default=4, show_default=True, help="Monitors running at once.")
@click.option("--wait", is_flag=True, help="Stand by while another scheduler leads, and take over when it ends.")
@click.option(
    "--patience",
    type=click.FloatRange(min=0),
    default=30,
    show_default=True,
    help="Seconds that running monitors are given to end when the scheduler is stopped.",
)
@pass_context
def schedule(context: Context, workers: int, wait: bool, patience: float) -> None:
    """Run monitors at their times, until stopped by SIGTERM or Ctrl-C.

    One scheduler leads; a second one ends with exit code 11, or stands by with --wait. What was missed while no
    scheduler ran is run once at the start. The settings are read again when pinakes.toml changes.
    """
    import signal

    from archive import log
    from monitors.clock import Clock

    settings = context.settings()
    path = settings.log_to("schedule")
    if not context.quiet:
        log.to_terminal()
    clock = Clock(settings, workers=workers, patience=patience, wait=wait)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: clock.stop())
    context.say(f"The log goes to {path}; stop with Ctrl-C.")
    clock.run()
