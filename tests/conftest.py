"""What every test starts from: none of our environment variables set."""

from __future__ import annotations

import os

import pytest

pytest_plugins = ["tests.servers", "tests.site_sample"]


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take our own variables out of the environment, so that the developer's archive is never touched."""
    for name in list(os.environ):
        if name.startswith("PINAKES_") and not name.startswith("PINAKES_TEST_"):
            monkeypatch.delenv(name)
