"""A race of many workers, a storm of kills, a server that goes away: afterwards everything is whole."""

from __future__ import annotations

import random
import signal
import time

import psutil
import pytest

from tests.ingest.conftest import ToyArchive
from tests.ingest.snapshot import READINGS, snapshot
from tests.ingest.toy import lines, whole

FILES = 12


def fill(archive: ToyArchive, pause: str = "!sleep 0.02") -> None:
    for n in range(FILES):
        words = [*whole(f"e{n}"), f"x{n // 2} {n % 2 + 1}/2 5 {n}", pause]
        archive.put(f"{n:02d}.toy", lines(*words))
        if n % 4 == 0:
            archive.put(f"{n:02d}_copy.toy", lines(*words))


def expected(archive: ToyArchive) -> dict[str, list[tuple[object, ...]]]:
    archive.reset()
    archive.ingest()
    return snapshot(archive.catalog, readings=READINGS)


@pytest.mark.slow
def test_six_workers_race_for_the_same_files(archive: ToyArchive) -> None:
    fill(archive)
    racers = [archive.start("ingest", str(archive.drop)) for _ in range(6)]
    try:
        ends = [(racer.communicate(timeout=180), racer.returncode) for racer in racers]
    finally:
        for racer in racers:
            racer.kill()
    for (_, errors), code in ends:
        assert code == 0, errors
        assert "Traceback" not in errors
    assert archive.scalar("select max(attempt) from ops.job") == 1, "no work was done twice"
    assert archive.findings() == []
    raced = snapshot(archive.catalog, readings=READINGS)
    assert raced == expected(archive)


@pytest.mark.slow
def test_a_storm_of_kills_loses_nothing(archive: ToyArchive) -> None:
    fill(archive, "!sleep 0.15")
    dice = random.Random(20260101)
    for _ in range(3):
        process = archive.start("ingest", "--engine", "pool", "--workers", "2", str(archive.drop))
        try:
            parent = psutil.Process(process.pid)
            family: list[psutil.Process] = []
            for _ in range(3):
                time.sleep(dice.uniform(0.4, 1.2))
                if process.poll() is not None:
                    break
                workers = [child for child in parent.children() if "spawn_main" in " ".join(child.cmdline())]
                family += workers
                if workers:
                    dice.choice(workers).kill()
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=30)
        finally:
            process.kill()
        _, alive = psutil.wait_procs(family, timeout=10)
        assert not alive, "a worker outlived its parent"
    for _ in range(2):  # the first may have to set aside what was killed too often; the next takes it in again
        archive.ingest()
    assert archive.findings() == []
    assert archive.scalar("select count(*) from ops.job where state in ('queued', 'running')") == 0
    survived = snapshot(archive.catalog, readings=READINGS)
    assert survived == expected(archive)
