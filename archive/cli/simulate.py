"""``pinakes simulate``: raw files of instruments that exist only in the computer, with the truth about them."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from archive.cli.context import Context, emit, json_option, pass_context


@click.group()
def simulate() -> None:
    """Write simulated raw files, and beside them what is in them."""


@simulate.command()
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--events", type=click.IntRange(1), required=True, metavar="N", help="Number of events.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Equal seeds give equal bytes.")
@click.option("--compressed", "compression", flag_value="all", help="Rice-compress all events.")
@click.option("--mix", "compression", flag_value="mix", help="Rice-compress about half of the events.")
@click.option(
    "--start", type=click.DateTime(), metavar="TIME", help="UTC time of the first packet.  [default: 2026-03-01]"
)
@click.option("--unset-clock", is_flag=True, help="Begin at MET 1000 s, as an instrument whose clock was never set.")
@click.option("--acquisition", type=click.IntRange(1), metavar="N", help="Events per acquisition.  [default: 100]")
@click.option("--interval", type=float, metavar="S", help="Mean seconds between events.  [default: 20]")
@click.option("--fetch", is_flag=True, help="Send the events under the APID of the fetch command, 1425.")
@click.option("--marker", is_flag=True, help="Four marker bytes before every packet, as in .spl captures.")
@click.option("--science-only", is_flag=True, help="No ticks, housekeeping, messages and catalogue lists.")
@click.option("--gaps", type=click.IntRange(0), default=0, metavar="N", help="Leave out N runs of packets.")
@click.option("--flips", type=click.IntRange(0), default=0, metavar="N", help="Turn N bits over.")
@click.option("--retransmissions", type=click.IntRange(0), default=0, metavar="N", help="Send N events twice.")
@click.option(
    "--conflicts", type=click.IntRange(0), default=0, metavar="N", help="Change a sample in N of the retransmissions."
)
@click.option("--shuffle", is_flag=True, help="Write packets in random order.")
@click.option("--files", type=click.IntRange(1), default=1, metavar="N", help="Cut the capture into N, inside events.")
@click.option("--truncate", is_flag=True, help="Cut the last packet.")
@click.option("--partial-first", is_flag=True, help="Begin inside a packet.")
@click.option("--reboot", is_flag=True, help="Restart the sequence counters in the middle.")
@click.option("--scatter", is_flag=True, help="Let rise times and yields scatter around their curves as calibrated.")
@click.option("--arrays/--no-arrays", default=None, help="Write the channel arrays too.  [default: up to 500 events]")
@click.option("--force", is_flag=True, help="Replace files that are there.")
@json_option
@pass_context
def idex(
    context: Context,
    /,
    out: Path,
    start: datetime | None,
    unset_clock: bool,
    science_only: bool,
    force: bool,
    as_json: bool,
    compression: str | None,
    **given: Any,
) -> None:
    """Write an IDEX capture to OUT: dust, noise and pulser events among the other packets of the instrument.

    Beside it go OUT.truth.jsonl, which says what every event is and what was done to the packets, and OUT.truth.npz
    with the samples.
    """
    from archive.instruments.idex.simulate import Options
    from archive.instruments.idex.simulate import simulate as write

    chosen = {name: value for name, value in given.items() if value is not None}
    if compression is not None:
        chosen["compression"] = compression
    if start is not None:
        chosen["start"] = start.replace(tzinfo=UTC)
    if unset_clock:
        chosen["start"] = None
    options = Options(background=not science_only, **chosen)
    if context.quiet or not sys.stderr.isatty():
        capture = write(out, options, overwrite=force)
    else:
        with click.progressbar(length=options.events, label="Simulating", file=sys.stderr) as bar:
            capture = write(out, options, overwrite=force, progress=bar.update)
    context.say(
        f"Wrote {capture.events} events in {capture.packets} packets, {capture.bytes / 1e6:.1f} MB;"
        f" the truth is in {capture.truth}."
    )
    if as_json:
        emit(
            [
                {
                    "files": [str(path) for path in capture.files],
                    "truth": capture.truth,
                    "arrays": capture.arrays,
                    "events": capture.events,
                    "packets": capture.packets,
                    "bytes": capture.bytes,
                }
            ],
            as_json=True,
        )
    else:
        for path in capture.files:
            click.echo(path)
