"""The Python face: what `import archive` offers, on a real archive."""

from __future__ import annotations

from pathlib import Path

import pytest

import archive
from archive.config import load
from archive.errors import ArchiveError, NoArchive, NotFound
from archive.ingest import ingest
from archive.instruments.idex.simulate import Options, read_truth, simulate


def test_the_public_names_are_a_list() -> None:
    assert archive.__all__ == ["Archive", "connect", "read_events"]
    assert all(hasattr(archive, name) for name in archive.__all__)


@pytest.fixture
def home(archive_home: Path, tmp_path: Path) -> Path:
    from archive.catalog import Catalog

    settings = load(archive_home)
    simulate(tmp_path / "capture.pkts", Options(events=3, seed=5))
    with Catalog.connect(settings) as catalog:
        ingest(catalog, settings, [tmp_path / "capture.pkts"])
    return archive_home


def test_from_event_to_samples_to_files(home: Path, tmp_path: Path) -> None:
    truth = read_truth(tmp_path / "capture.pkts")
    with archive.connect(home) as a:
        events = a.events("idex")
        assert [event["seq"] for event in events] == [2, 1, 0]
        assert a.event(events[0]["identity"]) == events[0]
        channels = {channel.name: channel for channel in a.waveforms(events[0]).channels}
        assert truth.arrays is not None
        assert (channels["TOF_High"].data[0] == truth.arrays["TOF_High"][2]).all()
        assert channels["TOF_High"].data.shape == (1, 8192)
        raw = a.file(events[0]["file_id"])
        with a.open(raw) as stream:
            assert stream.read() == (tmp_path / "capture.pkts").read_bytes()
        (product,) = a.files(product="l1a_events")
        with a.open(product) as hdf5:
            assert hdf5["TOF_High"].shape == (3, 8192)
        assert a.open(a.files(product="l1a_sci")[0]).varget("TOF_High").shape == (3, 8189)


def test_sql_reads_the_views_with_parameters_and_writes_nothing(home: Path) -> None:
    with archive.connect(home) as a:
        assert a.sql("select count(*) as n from events where seq >= :first", {"first": 1}) == [{"n": 2}]
        with pytest.raises(ArchiveError, match="refused"):
            a.sql("delete from core.event")


def test_what_is_not_there_is_one_sentence(home: Path, tmp_path: Path) -> None:
    with pytest.raises(NoArchive, match="pinakes init"):
        archive.connect(tmp_path / "nowhere")
    with archive.connect(home) as a:
        with pytest.raises(NotFound, match="pinakes events list"):
            a.event("no such event")
        (product,) = a.files(product="l1a_events")
        (home / product["relpath"]).unlink()
        with pytest.raises(NotFound, match="pinakes verify"):
            a.open(product)
