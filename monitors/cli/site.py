"""``pinakes site``: build the pages, and serve them."""

from __future__ import annotations

from pathlib import Path

import click

from archive.cli.context import Context, pass_context
from archive.errors import EXIT_PARTLY

SITE = "site"


@click.group()
def site() -> None:
    """The static pages: build them, serve them."""


@site.command()
@click.option("--full", is_flag=True, help="Make every page again, not only those whose data changed.")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Folder of the site; default site/ of the home."
)
@pass_context
def build(context: Context, full: bool, out: Path | None) -> int:
    """Bring the pages up to date with the catalog, and print the page to open.

    Where a page could not be made stands one that says so; the exit code is then 3.
    """
    from archive.catalog import Catalog
    from monitors.site.build import build as build_site

    settings = context.settings()
    with Catalog.connect(settings) as catalog:
        report = build_site(catalog, settings, out, full=full, say=context.say)
    for note in report.notes:
        click.echo(f"pinakes: {note}", err=True)
    done = f"{report.written} files written, {report.unchanged} unchanged, {report.removed} removed"
    context.say(f"{done} in {report.seconds:.1f} s.")
    click.echo(report.site / "index.html")
    return EXIT_PARTLY if report.broken else 0


@site.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8700, show_default=True, help="Port to listen on; 0 takes any free one.")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Folder of the site; default site/ of the home."
)
@pass_context
def serve(context: Context, host: str, port: int, out: Path | None) -> None:
    """Serve the pages over http until stopped with Ctrl-C, and print the address to open."""
    import signal
    import threading

    from monitors.site.serve import make_server

    folder = (out or context.settings().home / SITE).absolute()
    server = make_server(folder, host, port)
    address, bound = server.server_address[:2]
    shown = f"[{address!s}]" if ":" in str(address) else str(address)
    click.echo(f"http://{shown}:{bound}/index.html")
    context.say("Stop with Ctrl-C.")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    stop.wait()
    server.shutdown()
    server.server_close()
    thread.join()
    context.say("Stopped.")
