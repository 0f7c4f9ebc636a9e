"""Kill -9 at every step of the protocol: nothing is lost, and one more ingest makes everything whole."""

from __future__ import annotations

import signal

import pytest

from archive.ingest.steps import STEPS
from archive.store.fsync import file_hash
from tests.ingest.conftest import ToyArchive
from tests.ingest.snapshot import READINGS, snapshot
from tests.ingest.toy import lines, whole

KILL = """
import os, signal
from archive.ingest import steps
def kill(step):
    if step == {step!r}:
        os.kill(os.getpid(), signal.SIGKILL)
steps.observers.append(kill)
"""

CONTENT = lines(*whole("e1"), "e2 1/2 5 5", "garbage")


def broken_rows(archive: ToyArchive) -> list[str]:
    """Return the available rows without good bytes: what I1 says there are none of."""
    rows = archive.rows("select relpath, sha256 from core.file where state = 'available'")
    paths = [(archive.home.path(row.relpath), row.sha256) for row in rows]
    return [str(path) for path, sha256 in paths if not path.exists() or file_hash(path)[0] != sha256]


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS)
def test_i1_to_i5_hold_when_killed(archive: ToyArchive, step: str) -> None:
    path = archive.put("a.toy", CONTENT)
    killed = archive.run("ingest", "--after", "remove", str(path), script=KILL.format(step=step))
    assert killed.returncode == -signal.SIGKILL, killed.stderr

    assert broken_rows(archive) == []
    archived = archive.scalar("select count(*) from core.file where received and state = 'available'")
    assert archived == (1 if step in ("committed", "disposed") else 0)
    assert path.exists() == (step != "disposed"), "I3: the source is there until its bytes are safe"

    report = archive.ingest(archive.drop, after="remove")
    assert (report.failed, report.quarantined) == (0, 0)
    assert archive.findings() == []
    assert not path.exists()
    assert archive.scalar("select count(*) from ops.job where state in ('queued', 'running')") == 0
    after_kill = snapshot(archive.catalog, readings=READINGS)

    archive.reset()
    archive.put("a.toy", CONTENT)
    archive.ingest()
    assert snapshot(archive.catalog, readings=READINGS) == after_kill


@pytest.mark.slow
def test_staging_of_a_live_claim_is_not_swept(archive: ToyArchive) -> None:
    archive.put("slow.toy", lines(*whole("e1"), "!sleep 4"))
    other = archive.put("quick.toy", lines(*whole("e2")))
    process = archive.start("ingest", str(archive.drop / "slow.toy"))
    try:
        while not list(archive.home.staging.glob("*/source")):
            assert process.poll() is None, process.communicate()
        archive.ingest(other)
        assert list(archive.home.staging.glob("*/source")), "the sweep of another ingest took live work away"
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0, errors
    assert archive.findings() == []


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_ingest_gives_its_claim_back(archive: ToyArchive, number: signal.Signals) -> None:
    archive.put("slow.toy", lines(*whole("e1"), "!sleep 60"))
    process = archive.start("ingest", str(archive.drop))
    try:
        while not list(archive.home.staging.glob("*/products")):
            assert process.poll() is None, process.communicate()
        process.send_signal(number)
        _, errors = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Traceback" not in errors
    (row,) = archive.rows("select state, attempt, max_attempts, lease_until from ops.job")
    assert tuple(row) == ("queued", 1, 4, None)
    assert list(archive.home.staging.iterdir()) == []
