"""Waiting for a page by asking it: its content security policy refuses the evaluated text of `wait_for_function`."""

from __future__ import annotations

import time

from playwright.sync_api import Page

#: Seconds a page may take on a busy machine before the test calls it broken; the budgets are measured elsewhere.
PATIENCE = 20.0

IDLE = "!window.Bokeh || Bokeh.documents.length > 0 && Bokeh.documents.every((d) => d.is_idle)"


def until(page: Page, expression: str) -> None:
    """Wait until a JavaScript expression is true."""
    end = time.monotonic() + PATIENCE
    while not page.evaluate(expression):
        assert time.monotonic() < end, f"still not true after {PATIENCE} s: {expression}"
        page.wait_for_timeout(10)


def idle(page: Page) -> None:
    """Wait until every figure of the page is drawn."""
    until(page, IDLE)
