"""``pinakes metrics``: the newest metrics for Prometheus."""

from __future__ import annotations

from pathlib import Path

import click

from archive.cli.context import Context, pass_context


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write, for example /var/lib/node_exporter/pinakes.prom; default: standard output.",
)
@pass_context
def metrics(context: Context, out: Path | None) -> None:
    """Write the newest metrics and the state of every job in the Prometheus text format."""
    from datetime import UTC, datetime

    from monitors import textfile

    with context.catalog() as catalog, catalog.read() as conn:
        text = textfile.render(conn, datetime.now(UTC))
    if out is None:
        click.echo(text, nl=False)
        return
    textfile.publish(out, text, context.settings().access())
    context.say(f"{text.count(chr(10))} lines written to {out}.")
