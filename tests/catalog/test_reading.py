"""Lists, single rows, lineage and the views for people."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text, update

from archive.catalog import Catalog, events, files, views
from archive.catalog.schema import file
from archive.errors import NotFound
from archive.model import FLAG_INCOMPLETE
from tests.catalog.sample import START, fill, sha


def names(rows: list[dict[str, Any]]) -> list[str]:
    return [row["relpath"].rpartition("/")[2] for row in rows]


def test_files_are_listed_newest_first_and_filtered(catalog: Catalog) -> None:
    with catalog.begin() as conn:
        ids = fill(conn)
        assert names(files.listing(conn)) == ["old.pkts", "one.png", "one.h5", "two.pkts", "one.pkts"]
        assert names(files.listing(conn, limit=2)) == ["old.pkts", "one.png"]
        assert names(files.listing(conn, limit=2, before_id=ids["one.png"])) == ["one.h5", "two.pkts"]
        assert names(files.listing(conn, product_name="raw", state="available")) == ["two.pkts", "one.pkts"]
        assert names(files.listing(conn, level="preview")) == ["one.png"]
        assert files.listing(conn, instrument_name="other") == []
        day = timedelta(days=1)
        assert names(files.listing(conn, since=START + day / 2, until=START + 1.5 * day)) == ["two.pkts"]


def test_data_that_only_overlap_the_time_are_found(catalog_one: Catalog) -> None:
    with catalog_one.begin() as conn:
        fill(conn)
        half = START + timedelta(minutes=30)
        assert names(files.listing(conn, since=half, until=half)) == ["one.png", "one.h5", "one.pkts"]


def test_long_files_and_files_without_an_end_overlap_too(catalog: Catalog) -> None:
    with catalog.begin() as conn:
        ids = fill(conn)
        for name, start, end in (("one.h5", -30, 30), ("one.png", -40, -35), ("two.pkts", -1, None)):
            times = {"t_start": START + timedelta(days=start), "t_end": end and START + timedelta(days=end)}
            conn.execute(update(file).where(file.c.id == ids[name]).values(times))
        half = START + timedelta(minutes=30)
        assert names(files.listing(conn, since=half, until=half)) == ["one.h5", "one.pkts"]
        day_before = START - timedelta(days=1)
        assert names(files.listing(conn, since=day_before, until=day_before)) == ["one.h5", "two.pkts"]
        assert names(files.listing(conn, until=START - timedelta(days=36))) == ["one.png"]


@pytest.mark.parametrize(
    "key", ["id", sha(0xABC000), sha(0xABC000).upper(), "files/toy/raw/2026/01/one.pkts", "one.pkts"]
)
def test_a_file_answers_to_its_id_hash_path_and_name(catalog: Catalog, key: str) -> None:
    with catalog.begin() as conn:
        ids = fill(conn)
        row = files.get(conn, ids["one.pkts"] if key == "id" else key)
    assert (row["id"], row["instrument"], row["header"]) == (ids["one.pkts"], "toy", {"packets": 0})


def test_every_file_is_found_by_its_hash(catalog_one: Catalog) -> None:
    with catalog_one.begin() as conn:
        for name, key in fill(conn).items():
            found = files.get(conn, key)
            assert files.get(conn, found["sha256"])["id"] == key, name


def test_hash_lookups_use_the_indexes(catalog: Catalog) -> None:
    with catalog.begin() as conn:
        fill(conn)
        conn.execute(text("set local enable_seqscan = off"))
        query = files._files().where(files.has_bytes(sha(1)))
        sql = str(query.compile(conn, compile_kwargs={"literal_binds": True}))
        plan = "\n".join(conn.exec_driver_sql("explain " + sql).scalars())
    for index in ("uq_file_received_sha256", "ix_file_made_sha256"):
        assert index in plan


def test_what_is_not_there_is_not_found(catalog_one: Catalog) -> None:
    with catalog_one.read() as conn:
        for key in (4711, "%", "nothing", "ab" * 32, "9" * 30):
            with pytest.raises(NotFound, match="has no file"):
                files.get(conn, key)
            with pytest.raises(NotFound, match="has no event"):
                events.get(conn, key)


def test_problems_packets_and_gaps_of_a_file(catalog_one: Catalog) -> None:
    with catalog_one.begin() as conn:
        key = fill(conn)["one.pkts"]
        assert [row["byte_offset"] for row in files.problems(conn, key)] == [10, 20, 30]
        assert len(files.problems(conn)) == 4
        assert [row["source"] for row in files.problems(conn, severity="warning")] == ["lost.bin"]
        assert [(row["apid"], row["n_missing"]) for row in files.packets(conn, key)] == [(1424, 2)]
        assert [row["kind"] for row in files.gaps(conn, key)] == ["gap"]


def test_lineage_reaches_any_distance_in_both_directions_once(catalog: Catalog) -> None:
    with catalog.begin() as conn:
        ids = fill(conn)
        up = files.ancestors(conn, ids["one.png"])
        assert [(name, row["depth"]) for name, row in zip(names(up), up, strict=True)] == [
            ("one.pkts", 1),
            ("one.h5", 1),
            ("two.pkts", 2),
        ]
        down = files.descendants(conn, ids["two.pkts"])
        assert [(name, row["depth"]) for name, row in zip(names(down), down, strict=True)] == [
            ("one.h5", 1),
            ("one.png", 2),
        ]
        assert files.ancestors(conn, ids["one.pkts"]) == []


def test_events_are_listed_in_time_and_filtered(catalog: Catalog) -> None:
    with catalog.begin() as conn:
        ids = fill(conn)

        def seqs(**filters: Any) -> list[int]:
            return [row["seq"] for row in events.listing(conn, **filters)]

        assert seqs() == [2, 1, 0]
        assert seqs(newest_first=False) == [0, 1, 2]
        assert seqs(kind="dust", limit=1) == [2]
        assert seqs(flags=FLAG_INCOMPLETE) == [2]
        assert seqs(since=START + timedelta(minutes=1), until=START + timedelta(minutes=2)) == [1]
        assert seqs(file_id=ids["two.pkts"]) == [1]
        assert seqs(file_id=ids["one.h5"]) == [2, 1, 0]
        assert seqs(instrument_name="other") == []


def test_an_event_leads_to_its_products_its_sources_and_its_neighbours(catalog: Catalog) -> None:
    with catalog.begin() as conn:
        fill(conn)
        first, second, third = (events.get(conn, f"toy-{n}")["id"] for n in range(3))
        assert events.get(conn, second)["identity"] == "toy-1"
        products = events.products(conn, second)
        assert [(row["product"], row["record"], row["format"]) for row in products] == [("l1a", 1, "hdf5")]
        assert events.products(conn, second, name="l1b") == []
        sources = events.sources(conn, second)
        assert [(row["is_best"], row["parts"]) for row in sources] == [(True, 6), (False, 3)]
        assert events.neighbours(conn, second) == (first, third)
        assert events.neighbours(conn, first) == (None, second)
        assert events.neighbours(conn, third) == (second, None)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("select name, product, state from analysis.files where level = 'preview'",
         [("one.png", "picture", "available")]),
        ("select count(*) from analysis.current_files", [(4,)]),
        ("select depth, role from analysis.lineage where relpath like '%.png' and ancestor_relpath like '%two.pkts'",
         [(2, "source < source")]),
        ("select count(*) from analysis.problems where instrument is null", [(1,)]),
        ("select apid, n_packets from analysis.packets", [(1424, 5)]),
        ("select name, n_missing from analysis.gaps", [("SCI", 2)]),
        ("select day::text, n_files from analysis.coverage where product = 'raw' order by day",
         [("2026-01-01", 1), ("2026-01-02", 1)]),
        ("select sum(n_files), sum(n_bytes)::bigint from analysis.storage_per_day where state = 'available'",
         [(4, 406)]),
        ("select seq, n_sources, products->0->>'record', is_incomplete, is_damaged from analysis.events order by seq",
         [(0, 1, "0", False, False), (1, 2, "1", False, False), (2, 1, "2", True, False)]),
        ("select identity, n_sources, n_complete from analysis.retransmissions", [("toy-1", 2, 1)]),
        ("select is_best, missing from analysis.event_sources where identity = 'toy-1' order by is_best",
         [(False, ["Ion_Grid"]), (True, [])]),
        ("select kind, n_events, n_incomplete from analysis.events_per_day order by kind",
         [("dust", 2, 1), ("noise", 1, 0)]),
        ("select kind, seconds, is_abandoned from analysis.jobs", [("ingest", 2.0, False)]),
        ("select count(*) from analysis.quarantine", [(0,)]),
    ],
)  # fmt: skip
def test_views_answer(catalog_one: Catalog, query: str, expected: list[tuple[Any, ...]]) -> None:
    with catalog_one.begin() as conn:
        fill(conn)
        assert [tuple(row) for row in conn.execute(text(query))] == expected


def test_every_view_can_be_read(catalog: Catalog) -> None:
    with catalog.begin() as conn:
        fill(conn)
        for view in views.VIEWS:
            conn.exec_driver_sql(f"select * from {view.qualified} limit 1").all()
