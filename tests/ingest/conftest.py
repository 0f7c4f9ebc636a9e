"""An archive whose only instrument is the toy, found through the ordinary door in this and every other process."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from archive.audit import verify
from archive.catalog import Catalog
from archive.config import Settings, load
from archive.ingest import Report, ingest
from archive.instruments import base
from archive.store import Home, init_home
from tests.ingest.toy import make_tables

ROOT = Path(__file__).parents[2]

ENTRY_POINTS = "[pinakes.instruments]\ntoy = tests.ingest.toy:Toy\n"


@dataclass
class ToyArchive:
    """An archive for one test, with what tests keep asking of it."""

    catalog: Catalog
    home: Home
    settings: Settings
    drop: Path
    environment: dict[str, str]

    def put(self, name: str, content: bytes) -> Path:
        """Write a source file."""
        path = self.drop / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def set(self, section: str, **values: Any) -> None:
        """Write settings, for this and every other process; before the first ingest of the test."""
        lines = [f"{name} = {json.dumps(value)}" for name, value in values.items()]
        with self.home.settings.open("a", encoding="utf-8") as out:
            out.write("\n".join(["", f"[{section}]", *lines, ""]))
        self.settings = load(self.home.root)

    def ingest(self, *paths: Path, **options: Any) -> Report:
        """Bring in these paths, or everything in the drop folder."""
        return ingest(self.catalog, self.settings, paths or [self.drop], **options)

    def reset(self) -> None:
        """Empty the archive, products of instruments and sources excepted."""
        with self.catalog.begin() as conn:
            conn.execute(text("truncate core.file, core.event, ops.job, toy.reading cascade"))
        for folder in (self.home.files, self.home.quarantine, self.home.staging):
            shutil.rmtree(folder)
            folder.mkdir()

    def rows(self, query: str, **values: Any) -> list[Any]:
        """Return the rows of a query."""
        with self.catalog.read() as conn:
            return list(conn.execute(text(query), values).all())

    def scalar(self, query: str, **values: Any) -> Any:
        """Return the one value of a query."""
        with self.catalog.read() as conn:
            return conn.execute(text(query), values).scalar_one()

    def findings(self) -> list[Any]:
        """Return what verify finds."""
        return list(verify.verify(self.catalog, self.home).findings)

    def start(
        self, *arguments: str, script: str | None = None, prefix: Sequence[str] = (), **options: Any
    ) -> subprocess.Popen[str]:
        """Start the command in a process of its own; `script` is Python to run before it."""
        code = f"{script or ''}\nimport sys\nfrom archive.cli import run\nsys.exit(run(sys.argv[1:]))\n"
        command = [*prefix, sys.executable, "-c", code, "--home", str(self.home.root), *arguments]
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, env=self.environment, cwd=ROOT, **streams | options)

    def run(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run the command in a process of its own to its end."""
        process = self.start(*arguments, **options)
        try:
            out, err = process.communicate(timeout=120)
        finally:
            process.kill()
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)


@pytest.fixture(scope="session")
def toy_door(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that, on the path, makes the toy an installed instrument."""
    folder = tmp_path_factory.mktemp("door")
    info = folder / "toy_instrument-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-instrument\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(ENTRY_POINTS, encoding="utf-8")
    return folder


def toy_environment(door: Path) -> dict[str, str]:
    """Return the environment of a process that knows the toy."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(door), str(ROOT)])}


@pytest.fixture
def archive(
    catalog_one: Catalog, tmp_path: Path, toy_door: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ToyArchive]:
    """An empty archive that knows the toy."""
    monkeypatch.syspath_prepend(str(toy_door))
    environment = toy_environment(toy_door)
    monkeypatch.setenv("PYTHONPATH", environment["PYTHONPATH"])  # for the worker processes of pool and Dask
    base.instruments.cache_clear()
    home = init_home(tmp_path / "archive", catalog_one.url)
    drop = tmp_path / "drop"
    drop.mkdir()
    with catalog_one.begin() as conn:
        make_tables(conn)
    yield ToyArchive(catalog_one, home, load(home.root), drop, environment)
    base.instruments.cache_clear()
