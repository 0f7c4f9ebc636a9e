"""Take the pictures of the documentation in Chromium: each kind of page in light, some in the dark, one on a laptop."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser

from scripts import chromium


class Picture(NamedTuple):
    """A picture: its name, the page, and how it is looked at."""

    name: str
    page: str
    scheme: str = "light"
    width: int = 1400
    height: int = 900
    #: Script that is run before the picture is taken, for example to open a fold.
    before: str = ""


#: Open the editor at the highest line, look at it closely, and move a slider.
EDIT = """(() => {
document.getElementById("idex-editor").open = true;
setTimeout(() => {
  const rows = Array.from(document.querySelectorAll("#idex-lines tbody tr"));
  rows.sort((a, b) => Number(b.cells[9].textContent) - Number(a.cells[9].textContent))[0].click();
  const slider = document.getElementById("idex-slider-area");
  slider.value = 600;
  slider.dispatchEvent(new Event("input"));
  window.scrollTo(0, 215);
}, 300);
})()"""

PICTURES = (
    Picture("home", "index.html"),
    Picture("viewer", "events/viewer.html#q=2023-12-18T17:39"),
    Picture("viewer-dark", "events/viewer.html#q=2023-12-18T17:39", "dark"),
    Picture("viewer-laptop", "events/viewer.html", width=1000, height=700),
    Picture("event-science", "events/viewer.html#q=2023-12-18T17:34:58", height=1420),
    Picture("event-editor", "events/viewer.html#q=2023-12-18T17:34:58", "dark", before=EDIT),
    Picture("explorer", "instruments/idex/explorer.html#panels=2"),
    Picture("file", "files/1.html"),
    Picture("monitors", "monitors/index.html"),
    Picture("monitor", "monitors/filesystem/index.html"),
    Picture("storage", "storage/index.html"),
    Picture("days", "days/index.html"),
    Picture("search", "search.html#q=2023"),
    Picture("events", "events/index.html"),
)


def main() -> None:
    site, out = (Path(argument).absolute() for argument in sys.argv[1:3])
    if not (site / "index.html").is_file():
        sys.exit(f"There are no pages at {site}; make them with ./scripts/demo, or name the folder of a site.")
    program = chromium.find()
    if program is None:
        sys.exit("There is no Chromium on this machine; install the package chromium.")
    out.mkdir(parents=True, exist_ok=True)
    with chromium.chromium(program) as browser:
        for picture in PICTURES:
            print(take(browser, site, out, picture))


def take(browser: Browser, site: Path, out: Path, picture: Picture) -> Path:
    """Write one picture and return its path."""
    size = {"width": picture.width, "height": picture.height}
    context = browser.new_context(viewport=size, color_scheme=picture.scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{site.as_uri()}/{picture.page}")
    page.locator("html[data-drawn]" if "viewer" in picture.page else "#built .state").wait_for(state="attached")
    if page.locator("[data-plot]").count():
        page.locator("html[data-figures]").wait_for(state="attached")
    while not page.evaluate("!window.Bokeh || Bokeh.documents.every((d) => d.is_idle)"):
        page.wait_for_timeout(20)
    if picture.before:
        page.evaluate(picture.before)
        page.wait_for_timeout(1000)
    path = out / f"{picture.name}.png"
    page.screenshot(path=path)
    context.close()
    return path


if __name__ == "__main__":
    main()
