"""A headless Chromium that talks to nobody: for the browser tests and the pictures of the documentation."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = (
    "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
)  # fmt: skip


def find() -> str | None:
    """Return the path of a Chromium on this machine."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


@contextmanager
def chromium(program: str) -> Iterator[Browser]:
    """Start a browser; as root it runs without its sandbox, which refuses root."""
    flags = [*QUIET, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=flags)
        try:
            yield browser
        finally:
            browser.close()
