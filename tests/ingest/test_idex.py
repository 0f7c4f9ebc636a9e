"""IDEX through the whole protocol: engines and order of arrival change nothing, and every table joins."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from archive.audit.verify import verify
from archive.catalog import Catalog
from archive.config import load
from archive.ingest import Report, ingest
from archive.instruments.idex.simulate import Options, simulate
from archive.instruments.idex.simulate.capture import capture_paths
from archive.model import FLAG_ASSEMBLED, FLAG_INCOMPLETE
from archive.store import Home, init_home
from tests.data import data_path
from tests.ingest.snapshot import snapshot

#: Every row of the instrument's own event table, by the name of its event instead of its key.
EVENTS = "select e.identity, (to_jsonb(i) - 'event_id')::text from idex.event i join core.event e on e.id = i.event_id"
HEADERS = EVENTS.replace("idex.event i", "idex.event_header i")
MESSAGES = "select f.sha256, (to_jsonb(m) - 'file_id')::text from idex.message m join core.file f on f.id = m.file_id"


class Archive:
    """An archive on a fresh catalog."""

    def __init__(self, catalog: Catalog, root: Path) -> None:
        self.catalog = catalog
        self.home: Home = init_home(root, catalog.url)

    def ingest(self, paths: Sequence[Path], **options: Any) -> Report:
        return ingest(self.catalog, load(self.home.root), paths, **options)

    def snapshot(self) -> dict[str, list[tuple[Any, ...]]]:
        assert verify(self.catalog, self.home).findings == []
        return snapshot(self.catalog, idex=EVENTS, headers=HEADERS, messages=MESSAGES)

    def reset(self) -> None:
        with self.catalog.begin() as conn:
            conn.execute(text("truncate core.file, core.event, ops.job cascade"))
        for folder in (self.home.files, self.home.quarantine):
            shutil.rmtree(folder)
            folder.mkdir()

    def count(self, query: str) -> int:
        with self.catalog.read() as conn:
            return int(conn.execute(text(query)).scalar_one())


@pytest.fixture
def house(catalog_one: Catalog, tmp_path: Path) -> Archive:
    return Archive(catalog_one, tmp_path / "house")


@pytest.fixture(scope="module")
def captures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A capture cut into three inside events, with what goes wrong in a downlink."""
    out = tmp_path_factory.mktemp("captures") / "capture.pkts"
    options = Options(
        events=18, seed=5, compression="mix", files=3, retransmissions=3, conflicts=1, gaps=1, flips=1, arrays=False
    )
    simulate(out, options)
    return capture_paths(out, 3)


@pytest.mark.slow
def test_pool_and_dask_give_the_same_catalog_as_inline_row_for_row(house: Archive, captures: list[Path]) -> None:
    pytest.importorskip("distributed")
    seen = {}
    for engine in ("inline", "pool", "dask"):
        house.reset()
        report = house.ingest(captures, engine=engine, workers=2)
        assert (report.new, report.failed, report.quarantined) == (3, 0, 0)
        seen[engine] = house.snapshot()
    assert len(seen["inline"]["idex"]) == 18
    assert seen["pool"] == seen["inline"]
    assert seen["dask"] == seen["inline"]


@pytest.mark.slow
def test_events_cut_by_the_end_of_a_file_are_whole_again_in_any_order(house: Archive, captures: list[Path]) -> None:
    seen = []
    for order in (captures, captures[::-1], [captures[1], captures[0], captures[2]]):
        house.reset()
        for path in order:
            house.ingest([path])
        assert house.count(f"select count(*) from core.event where flags & {FLAG_ASSEMBLED} <> 0") == 2
        assert house.count(f"select count(*) from core.event where flags & {FLAG_INCOMPLETE} <> 0") <= 1, "the gap"
        seen.append(house.snapshot())
    assert seen[1] == seen[0]
    assert seen[2] == seen[0]


@pytest.mark.slow
def test_real_captures_join_from_file_to_event_to_product(house: Archive) -> None:
    paths = [data_path(f"idex/imap_idex_l0_raw_{day}_v001.pkts") for day in ("20230725", "20231218")]
    report = house.ingest(paths)
    assert (report.new, report.events) == (2, 33)
    joined = """
        select count(*) from core.event e
        join idex.event i on i.event_id = e.id
        join idex.event_header h on h.event_id = e.id
        join core.file raw on raw.id = e.file_id and raw.state = 'available'
        join core.event_product p on p.event_id = e.id
        join core.file made on made.id = p.file_id
        join core.file_parent l on l.file_id = made.id and l.parent_id = raw.id
        join core.product k on k.id = made.product_id and k.format = 'hdf5'
    """
    assert house.count(joined) == 33
    assert house.ingest(paths).skipped == 2
    house.snapshot()
