"""The database servers of the tests: the embedded wheel's and a system PostgreSQL, started once per run.

Each server has a migrated template database; a test gets a copy of its own, dropped afterwards.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from sqlalchemy import text
from sqlalchemy.engine import URL

from archive.catalog import Catalog, migrate
from archive.catalog.binaries import WHEEL, Binaries, installed
from archive.catalog.embedded import Server
from archive.catalog.engine import make_engine
from archive.catalog.url import text as url_text

PREFIX = "pinakes-tests-"
TEMPLATE = "template_migrated"

#: The tests prove what a server does, not what a disk does; the shipped server keeps fsync on.
OPTIONS = {"fsync": "off", "max_connections": "60", "max_wal_size": "128MB"}

#: Where there is room in memory the databases lie there: a copy of the template takes a twentieth of the time.
MEMORY = Path("/dev/shm")
ROOM = 3 << 30


@dataclass
class TestServer:
    """A running server: how to make a database on it, and the URL of the maintenance database."""

    __test__ = False
    name: str
    server: Server
    admin: Catalog

    def create(self, template: str = TEMPLATE) -> URL:
        """Return the URL of a fresh database, a copy of `template`."""
        database = f"t_{uuid.uuid4().hex[:12]}"
        self._maintain(f"create database {database} template {template}")
        url = self.server.url(database)
        assert url is not None
        return url

    def drop(self, url: URL) -> None:
        """Drop a database, ending whoever still uses it."""
        self._maintain(f"drop database if exists {url.database} with (force)")

    def _maintain(self, statement: str) -> None:
        with self.admin.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            conn.execute(text(statement))


def programs(wheel: bool) -> Binaries | None:
    """Return the programs of the embedded wheel, or those of the system; None when there are none."""
    return next((b for b in installed() if (WHEEL in b.folder.parts) == wheel), None)


def _sweep() -> None:
    """Stop the servers of test runs that were killed; one process of this account at a time."""
    home = Path(tempfile.gettempdir())
    with (home / f"sweep-{PREFIX}{os.geteuid()}").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for folder in (found for root in (home, MEMORY) for found in root.glob(f"{PREFIX}*")):
            pid = int(folder.name.removeprefix(PREFIX).partition("-")[0])
            if not psutil.pid_exists(pid) and folder.stat().st_uid == os.geteuid():
                Server(folder).stop()
                shutil.rmtree(folder, ignore_errors=True)


def _root() -> Path | None:
    """Return the folder for the databases of a run; None: that of all temporary files."""
    usable = MEMORY.is_dir() and os.access(MEMORY, os.W_OK | os.X_OK) and shutil.disk_usage(MEMORY).free > ROOM
    return MEMORY if usable else None


def running(name: str, found: Binaries | None) -> Iterator[TestServer]:
    """Run a server with a migrated template database, and remove it at the end."""
    if found is None:
        pytest.skip(f"no {name} PostgreSQL on this machine")
    _sweep()
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=_root()))
    folder.chmod(0o711)  # started by root the server runs under another account, which must pass
    server = Server(folder, programs=found, options=OPTIONS)
    try:
        server.start()
        url = server.url("postgres")
        assert url is not None
        with Catalog(make_engine(url)) as admin:
            made = TestServer(name, server, admin)
            made._maintain(f"create database {TEMPLATE} template template0")
            template = server.url(TEMPLATE)
            assert template is not None
            with Catalog.from_url(url_text(template)) as catalog:
                migrate.upgrade(catalog)
            yield made
    finally:
        server.stop()
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def embedded_server() -> Iterator[TestServer]:
    """The server of the extra ``embedded``."""
    yield from running("embedded", programs(wheel=True))


@pytest.fixture(scope="session")
def system_server() -> Iterator[TestServer]:
    """The oldest PostgreSQL we support, or whatever newer one the system has."""
    yield from running("system", programs(wheel=False))


@pytest.fixture(params=["embedded", "system"])
def database_server(request: pytest.FixtureRequest) -> TestServer:
    """Both servers, one after the other."""
    server: TestServer = request.getfixturevalue(f"{request.param}_server")
    return server


def _catalog(server: TestServer, template: str = TEMPLATE) -> Iterator[Catalog]:
    url = server.create(template)
    try:
        with Catalog(make_engine(url)) as catalog:
            yield catalog
    finally:
        server.drop(url)


@pytest.fixture
def catalog(database_server: TestServer) -> Iterator[Catalog]:
    """A fresh migrated catalog, on both servers."""
    yield from _catalog(database_server)


@pytest.fixture
def catalog_one(embedded_server: TestServer) -> Iterator[Catalog]:
    """A fresh migrated catalog, on the embedded server only."""
    yield from _catalog(embedded_server)


@pytest.fixture
def empty_catalog(database_server: TestServer) -> Iterator[Catalog]:
    """A database without any table, on both servers."""
    yield from _catalog(database_server, "template0")


@pytest.fixture
def archive_home(catalog_one: Catalog, tmp_path: Path) -> Path:
    """The home of a complete, empty archive whose catalog is `catalog_one`."""
    home = tmp_path / "archive"
    for folder in ("incoming", "files", "quarantine", "logs", "state", ".staging"):
        (home / folder).mkdir(parents=True)
    (home / "pinakes.toml").write_text(f'[database]\nurl = "{catalog_one.url}"\n', encoding="utf-8")
    return home
