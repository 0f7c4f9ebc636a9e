"""Every engine gives the same catalog, and a file that kills its decoder takes nothing else with it."""

from __future__ import annotations

import pytest

from tests.ingest.conftest import ToyArchive
from tests.ingest.snapshot import READINGS, snapshot
from tests.ingest.toy import lines, whole

SOURCES = {
    "1.toy": lines(*whole("e1"), "e2 1/3 5 5"),
    "2.toy": lines("e2 2/3 5 6", *whole("e3")),
    "3.toy": lines("e2 3/3 5 7", "garbage"),
    "4.toy": lines(*whole("e1")),
    "5.bin": b"nobody",
    "6.toy": lines(*whole("e3", value=9)),
    "7.toy": lines(*whole("e1")),
}


def fill(archive: ToyArchive) -> None:
    for name, content in SOURCES.items():
        archive.put(name, content)


@pytest.mark.slow
def test_pool_and_dask_give_the_same_catalog_as_inline(archive: ToyArchive) -> None:
    pytest.importorskip("distributed")
    fill(archive)
    seen = {}
    for engine in ("inline", "pool", "dask"):
        archive.reset()
        report = archive.ingest(engine=engine, workers=2)
        assert (report.new, report.duplicate, report.quarantined) == (5, 1, 1), engine
        assert archive.findings() == []
        seen[engine] = snapshot(archive.catalog, readings=READINGS)
    assert seen["pool"] == seen["inline"]
    assert seen["dask"] == seen["inline"]


@pytest.mark.slow
def test_a_dask_scheduler_by_address(archive: ToyArchive) -> None:
    distributed = pytest.importorskip("distributed")
    fill(archive)
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0") as cluster:
        report = archive.ingest(dask=cluster.scheduler_address)
    assert (report.new, report.sources) == (5, 7)


@pytest.mark.slow
def test_a_file_that_kills_its_decoder_is_set_aside_and_the_rest_comes_in(archive: ToyArchive) -> None:
    fill(archive)
    killer = archive.put("0.toy", lines(*whole("e0"), "!kill"))
    report = archive.ingest(engine="pool", workers=2)
    assert (report.new, report.duplicate, report.quarantined, report.failed) == (5, 1, 2, 0)
    (row,) = archive.rows("select relpath, source from ops.quarantine where reason = 'kills_decoder'")
    assert row.source == str(killer)
    assert archive.home.path(row.relpath).read_bytes() == killer.read_bytes()
    assert archive.findings() == []
    assert archive.ingest().skipped == len(SOURCES) + 1


@pytest.mark.slow
def test_a_killer_that_took_the_whole_command_with_it_is_tried_alone_next_time(archive: ToyArchive) -> None:
    archive.put("0.toy", lines(*whole("e0"), "!kill"))
    good = archive.put("1.toy", lines(*whole("e1")))
    assert archive.run("ingest", str(archive.drop)).returncode == -9
    report = archive.ingest()
    assert (report.new, report.quarantined) == (1, 1)
    assert archive.scalar("select original_name from core.file where received and state = 'available'") == good.name
    assert archive.findings() == []
