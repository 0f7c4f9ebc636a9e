"""What a run says about where it took place: everything that matters, without importing anything, and no secret."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from archive import config
from monitors import provenance

PROBE = """
import json, sys
from monitors import provenance
before = set(sys.modules)
found = provenance.packages()
new = {name.partition(".")[0] for name in set(sys.modules) - before}
print(json.dumps([found, sorted(new & {"numpy", "scipy", "bokeh", "numba", "lmfit", "h5py", "sqlalchemy", "alembic"})]))
"""


def test_versions_come_from_metadata_and_nothing_is_imported() -> None:
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)
    found, imported = json.loads(done.stdout)
    assert imported == []
    assert found["sqlalchemy"] == version("sqlalchemy")
    assert {"numpy", "bokeh", "psycopg2-binary"} <= set(found)


def test_only_variables_of_a_list_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "hunter22")
    monkeypatch.setenv("PINAKES_HOME", "/data")
    kept = provenance.environment()
    assert kept["environment"]["PINAKES_HOME"] == "/data"
    assert set(kept["environment"]) <= set(provenance.ENVIRONMENT)
    assert "hunter22" not in json.dumps(kept)


def test_the_version_names_the_commit_of_a_checkout() -> None:
    assert provenance.code_version().startswith(version("pinakes"))


def test_every_setting_has_a_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing dies late for want of a setting: an empty file is a whole configuration."""
    monkeypatch.chdir(tmp_path)
    settings = config.load()
    rows = config.origins(settings)
    assert len(rows) > 30
    assert all(origin == "default" for _, _, origin in rows)
