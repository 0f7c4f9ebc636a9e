"""The database stops in the middle of a run and comes back: the run goes on as if nothing had been."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from archive.audit.verify import verify
from archive.catalog import Catalog, migrate
from archive.catalog.embedded import Server
from archive.config import load
from archive.store import init_home
from tests.ingest.conftest import ToyArchive, toy_environment
from tests.ingest.toy import lines, make_tables, whole


@pytest.fixture
def own(archive: ToyArchive, tmp_path: Path, toy_door: Path) -> Iterator[tuple[ToyArchive, Server]]:
    """An archive with a server of its own."""
    home = init_home(tmp_path / "own")
    settings = load(home.root)
    server = Server.of(settings)
    server.start()
    try:
        with Catalog.connect(settings, check=False) as catalog:
            migrate.upgrade(catalog)
            with catalog.begin() as conn:
                make_tables(conn)
            yield ToyArchive(catalog, home, settings, archive.drop, toy_environment(toy_door)), server
    finally:
        server.stop()


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["inline", "pool"])
def test_an_ingest_outlives_a_restart_of_the_database(own: tuple[ToyArchive, Server], engine: str) -> None:
    archive, server = own
    for n in range(8):
        archive.put(f"{n}.toy", lines(*whole(f"e{n}"), "!sleep 0.3"))
    process = archive.start("ingest", "--engine", engine, "--workers", "2", str(archive.drop))
    try:
        while not archive.rows("select from core.file where received"):
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        archive.catalog.engine.dispose()
        server.stop()
        time.sleep(1)
        server.start()
        _, errors = process.communicate(timeout=90)
    finally:
        process.kill()
    assert process.returncode == 0, errors
    assert "Traceback" not in errors
    with Catalog.connect(archive.settings) as catalog:
        archive.catalog = catalog
        assert archive.scalar("select count(*) from core.event") == 8
        assert verify(catalog, archive.home).findings == []


@pytest.mark.slow
def test_when_it_stays_away_the_command_says_so_and_the_next_one_goes_on(own: tuple[ToyArchive, Server]) -> None:
    archive, server = own
    archive.set("ingest", lease=2)
    for n in range(4):
        archive.put(f"{n}.toy", lines(*whole(f"e{n}"), "!sleep 0.5"))
    process = archive.start("ingest", str(archive.drop))
    try:
        while not archive.rows("select from core.file where received"):
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        archive.catalog.engine.dispose()
        server.stop()
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 1
    assert "did not come back" in errors
    assert "Traceback" not in errors
    ended = archive.run("ingest", str(archive.drop))
    assert ended.returncode == 0, ended.stderr
    with Catalog.connect(archive.settings) as catalog:
        assert verify(catalog, archive.home).findings == []


@pytest.mark.slow
def test_a_watch_outlives_a_restart_of_the_database_and_stops_when_told(own: tuple[ToyArchive, Server]) -> None:
    archive, server = own
    archive.set("ingest", settle=0.2, lease=5)
    process = archive.start("ingest", "--watch", str(archive.drop))
    try:
        archive.put("1.toy", lines(*whole("e1")))
        wait_for_events(archive, 1)
        archive.catalog.engine.dispose()
        server.stop()
        archive.put("2.toy", lines(*whole("e2")))
        time.sleep(1)
        server.start()
        with Catalog.connect(archive.settings) as catalog:
            archive.catalog = catalog
            wait_for_events(archive, 2)
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=30)
            assert process.returncode == 0, errors
            assert "Traceback" not in errors
            assert verify(catalog, archive.home).findings == []
    finally:
        process.kill()


def wait_for_events(archive: ToyArchive, count: int) -> None:
    deadline = time.monotonic() + 60
    while archive.scalar("select count(*) from core.event") != count:
        assert time.monotonic() < deadline, "the watch did not take the file"
        time.sleep(0.1)
