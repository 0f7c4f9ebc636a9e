"""Events whose parts lie in several files: the catalog ends up the same whatever the order of arrival."""

from __future__ import annotations

import json
from itertools import permutations

import pytest

from archive.model import FLAG_ASSEMBLED, FLAG_CONFLICTING, FLAG_INCOMPLETE
from tests.ingest.conftest import ToyArchive
from tests.ingest.snapshot import READINGS, snapshot
from tests.ingest.toy import lines, whole

FILES = {
    "a": lines("e1 1/3 10 1", *whole("e9", value=50)),
    "b": lines("e1 2/3 10 2", "e2 1/2 20 5"),
    "c": lines("e1 3/3 10 3", "e2 2/2 20 6"),
    "d": lines(*whole("e9", value=50)),
}


def test_parts_in_two_files_become_one_event(archive: ToyArchive) -> None:
    archive.put("a.toy", FILES["b"])
    archive.ingest()
    assert archive.scalar("select flags from core.event where identity = 'toy:e2'") == FLAG_INCOMPLETE
    archive.put("b.toy", FILES["c"])
    report = archive.ingest()
    assert report.assembled == 1
    assert archive.scalar("select flags from core.event where identity = 'toy:e2'") == FLAG_ASSEMBLED
    readings = archive.rows("select part, value from toy.reading order by part")
    assert [tuple(row) for row in readings] == [(1, 5.0), (2, 6.0)]
    (product,) = archive.rows("select id, relpath from core.file where header ? 'assembly'")
    assert json.loads(archive.home.path(product.relpath).read_text()) == {"e2": {"1": 5, "2": 6}}
    assert archive.scalar("select count(*) from core.file_parent where file_id = :id", id=product.id) == 2
    assert archive.findings() == []


def test_parts_without_header_are_attached_when_the_header_comes(archive: ToyArchive) -> None:
    archive.put("c.toy", FILES["c"])
    archive.ingest()
    assert archive.scalar("select count(*) from core.event") == 0
    assert archive.scalar("select count(*) from core.event_source where event_id is null") == 2
    archive.put("b.toy", FILES["b"])
    archive.ingest()
    assert archive.rows("select match_key from core.event_source where event_id is null") == [("e1",), ("e1",)]


@pytest.mark.slow
def test_the_order_of_arrival_does_not_matter(archive: ToyArchive) -> None:
    paths = {name: archive.put(f"{name}.toy", content) for name, content in FILES.items()}
    seen = []
    for order in list(permutations(paths))[::3]:
        archive.reset()
        for name in order:
            archive.ingest(paths[name])
        assert archive.findings() == []
        seen.append(snapshot(archive.catalog, readings=READINGS))
        assert seen[-1] == seen[0], order
    archive.reset()
    archive.ingest()
    assert snapshot(archive.catalog, readings=READINGS) == seen[0]


@pytest.mark.slow
def test_a_whole_copy_wins_over_an_assembly_in_any_order(archive: ToyArchive) -> None:
    contents = (FILES["b"], FILES["c"], lines(*whole("e2", parts=2, second=20, value=4)))
    paths = [archive.put(f"{number}.toy", content) for number, content in enumerate(contents)]
    seen = []
    for order in permutations(paths):
        archive.reset()
        for path in order:
            archive.ingest(path)
        assert archive.scalar("select flags from core.event where identity = 'toy:e2'") == 0
        assert archive.findings() == []
        seen.append(snapshot(archive.catalog, readings=READINGS))
        seen[-1].pop("jobs")  # how often it was looked at depends on the order; what came out does not
        assert seen[-1] == seen[0], order


def test_two_whole_copies_that_differ_are_flagged_in_any_order(archive: ToyArchive) -> None:
    paths = [archive.put(f"{n}.toy", lines(*whole("e1", value=n))) for n in range(2)]
    owners = set()
    for order in permutations(paths):
        archive.reset()
        for path in order:
            archive.ingest(path)
        (row,) = archive.rows("select e.flags, f.sha256 from core.event e join core.file f on f.id = e.file_id")
        assert row.flags == FLAG_CONFLICTING
        owners.add(row.sha256)
        assert archive.scalar("select count(*) from toy.reading") == 3
    assert len(owners) == 1


def test_the_copy_with_more_parts_owns_the_event(archive: ToyArchive) -> None:
    less = archive.put("less.toy", lines("e1 1/3 0 100"))
    more = archive.put("more.toy", lines("e1 1/3 0 1", "e1 2/3 0 2"))
    for order in ((less, more), (more, less)):
        archive.reset()
        for path in order:
            archive.ingest(path, follow=False)
        assert archive.rows("select value from toy.reading order by part") == [(1.0,), (2.0,)]
