"""What every test starts from: none of our environment variables set."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

pytest_plugins = ["tests.servers", "tests.site_sample"]


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take our own variables out of the environment, so that the developer's archive is never touched."""
    for name in list(os.environ):
        if name.startswith("PINAKES_") and not name.startswith("PINAKES_TEST_"):
            monkeypatch.delenv(name)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    """Escape half surrogates in what a test printed and logged: reports go from process to process as UTF-8."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    report.sections = [
        (title, text.encode("utf-8", "backslashreplace").decode("utf-8")) for title, text in report.sections
    ]
