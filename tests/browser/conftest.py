"""A real Chromium, and the sample site as a folder and over http."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from monitors.site.serve import make_server
from scripts import chromium
from tests.site_sample import SampleSite


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = chromium.find()
    if program is None:
        pytest.skip("no Chromium on this machine")
    with chromium.chromium(program) as running:
        yield running


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    made = browser.new_context(viewport={"width": 1400, "height": 900})
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page; the test fails when it wrote anything to the console, raised an error, or asked for what is not there."""
    made = context.new_page()
    said: list[str] = []
    made.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    made.on("pageerror", lambda error: said.append(f"error: {error}"))
    made.on("requestfailed", lambda request: said.append(f"failed: {request.url}"))
    made.on("dialog", lambda dialog: said.append(f"dialog: {dialog.message}"))
    yield made
    assert made.evaluate("window.hacked") is None
    assert said == []


@pytest.fixture(scope="session")
def http_site(sample_site: SampleSite) -> Iterator[str]:
    """Address of the sample site, served by our own server."""
    with make_server(sample_site.site, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


@pytest.fixture(params=["file", "http"])
def site(request: pytest.FixtureRequest, sample_site: SampleSite) -> str:
    """Address of the sample site: opened from disk, and over http."""
    if request.param == "file":
        return sample_site.site.as_uri() + "/"
    address: str = request.getfixturevalue("http_site")
    return address


@pytest.fixture
def folder(sample_site: SampleSite) -> str:
    """Address of the sample site on disk."""
    return sample_site.site.as_uri() + "/"
