"""Style sheet and scripts: ours, and one copy of Bokeh's from the installed package."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from monitors.site.publish import Publisher

STATIC = "static"
BOKEH_SCRIPT = "bokeh.min.js"


def bokeh_folder() -> str:
    """Return the folder of the Bokeh scripts in the site; its name holds the version, so that it never goes stale."""
    from bokeh import __version__

    return f"{STATIC}/bokeh-{__version__}"


def publish_assets(publisher: Publisher) -> None:
    """Copy style sheet and scripts into the site; what is there already stays."""
    for asset in sorted(files("monitors.site").joinpath("assets").iterdir(), key=lambda item: item.name):
        publisher.file(f"{STATIC}/{asset.name}", asset.read_bytes())
    from bokeh.util.paths import bokehjs_path

    script = Path(bokehjs_path()) / "js" / BOKEH_SCRIPT
    publisher.file(f"{bokeh_folder()}/{BOKEH_SCRIPT}", script.read_bytes())
