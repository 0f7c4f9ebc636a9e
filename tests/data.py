"""Where the real files are that the tests are proven on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("PINAKES_TEST_DATA", ROOT.parent / "shared" / "data"))


def data_path(relative: str) -> Path:
    """Return the path of a real file, or skip the test that asked for it."""
    path = DATA / relative
    if not path.exists():
        pytest.skip(f"real data not here: {relative} (set PINAKES_TEST_DATA)")
    return path
