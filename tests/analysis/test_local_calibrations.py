"""Calibrations that analysts write: they count in their range and nowhere else, and nothing of them is lost."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from archive.analysis import job, local_calibrations, mass_scale, plan
from archive.analysis.overrides import Word, say
from archive.catalog import Catalog, calibrations
from archive.catalog.calibrations import Written
from archive.config import load
from archive.errors import NotFound, UsageError
from archive.ingest import ingest
from archive.instruments.base import analysis_of, instrument
from archive.instruments.idex.local_calibration import check
from archive.instruments.idex.simulate import Options, simulate
from archive.jobs import engines
from archive.jobs.drain import Drain
from archive.store import Home, init_home

VALUES = {"stretch": 1.5, "offset": 0.1}

CURRENT = """
    select e.identity, e.t, a.settings_hash, a.inputs -> 'calibrations' ->> 'mass_scale' as used, s.status,
           s.coefficients[2] as stretch, a.id
    from analysis.current_analyses a join core.event e on e.id = a.event_id
    join idex.spectrum_analysis s on s.event_analysis_id = a.id order by e.t, e.identity
"""


class Place:
    """An archive with the events of one simulated capture, analysed."""

    def __init__(self, catalog: Catalog, root: Path, capture: Path) -> None:
        self.catalog, self.root = catalog, init_home(root, catalog.url).root
        ingest(catalog, load(self.root), [capture])

    def rows(self, query: str = CURRENT) -> list[Mapping[str, Any]]:
        with self.catalog.read() as conn:
            return [dict(row) for row in conn.execute(text(query)).mappings()]

    def work(self) -> list[str]:
        return [one.state for one in Drain(self.catalog, engines.Inline(), str(self.root), 60.0).everything()]

    def store(self, begin: datetime | None = None, end: datetime | None = None, **values: Any) -> Any:
        new = Written("mass_scale", {**VALUES, **values}, "by hand", begin, end, "M. Analyst", "another voltage")
        return local_calibrations.store(self.catalog, "idex", new)

    def withdraw(self, version: str) -> Any:
        return local_calibrations.withdraw(self.catalog, "idex", "mass_scale", version, "M. Analyst", "was wrong")


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("captures") / "capture.pkts"
    shares = {"dust": 0.7, "pulser": 0.3}
    simulate(path, Options(events=10, seed=21, background=False, shares=shares, arrays=False))
    return path


@pytest.fixture
def place(catalog_one: Catalog, tmp_path: Path, capture: Path) -> Place:
    return Place(catalog_one, tmp_path / "archive", capture)


def middle(rows: list[Mapping[str, Any]]) -> datetime:
    """A time with half of the events before it."""
    when: datetime = rows[len(rows) // 2]["t"]
    return when


def test_a_local_calibration_changes_the_events_of_its_range_and_no_other(place: Place) -> None:
    before = place.rows()
    done = place.store(begin=middle(before))
    assert (done.version, done.jobs) == ("local-1", 1)
    assert set(place.work()) == {"done"}, "work is enough"
    after = place.rows()
    since = [row["t"] >= middle(before) for row in before]
    assert 0 < sum(since) < len(since)
    for old, new, changed in zip(before, after, since, strict=True):
        assert new["used"] == ("local-1" if changed else "1")
        assert (new["id"] != old["id"]) == changed, "events outside of the range keep their very analysis"
        assert (new["settings_hash"] != old["settings_hash"]) == changed
        assert new["stretch"] == old["stretch"], "these lines tell their scale by themselves"
    kept = {row["id"] for row in place.rows("select id from core.event_analysis")}
    assert {row["id"] for row in before} <= kept, "what was computed before stays"
    assert place.work() == []


def test_the_analysis_is_given_the_values_that_count_at_the_time_of_each_event(place: Place) -> None:
    analysis = analysis_of(instrument("idex"))
    assert analysis is not None
    rows = place.rows()
    place.store(begin=middle(rows))
    with place.catalog.read() as conn:
        (file_id,) = conn.execute(text("select distinct file_id from core.event_analysis")).scalars()
        subjects = plan.subjects(conn, plan.target(conn, file_id))
        given = {
            each.event_id: batch.inputs.values["mass_scale"]
            for batch in plan.batches(conn, "idex", analysis, subjects)
            for each in batch.subjects
        }
        shipped = next(each for each in calibrations.known(conn, "idex", ["mass_scale"])["mass_scale"] if each.version)
    assert len(given) == len(rows)
    local = {each.event_id for each in subjects if each.t >= middle(rows)}
    assert {key for key, values in given.items() if values["stretch"] == 1.5} == local
    assert {values["stretch"] for key, values in given.items() if key not in local} == {1.45}
    assert all(values["voltage_range"] == shipped.values["voltage_range"] for values in given.values()), (
        "what was not said is taken from the shipped one"
    )


def test_what_is_taken_back_counts_no_more_and_stays_to_be_seen(place: Place) -> None:
    before = place.rows()
    place.store()
    place.work()
    done = place.withdraw("local-1")
    assert (done.version, done.jobs) == ("local-1", 1)
    assert set(place.work()) == {"done"}
    after = place.rows()
    assert [row["used"] for row in after] == ["1"] * len(before)
    assert [(row["stretch"], row["status"]) for row in after] == [(row["stretch"], row["status"]) for row in before]
    with place.catalog.read() as conn:
        listed = calibrations.listing(conn, owner="idex", name="mass_scale")
    (local, shipped) = ((row["label"], row["state"], row["withdrawn_because"]) for row in listed)
    assert local == ("local-1", "withdrawn", "was wrong")
    assert shipped == ("1", "counts", None)
    assert place.store().version == "local-3", "the word that took it back has a number too"
    place.work()
    assert {row["used"] for row in place.rows()} == {"local-3"}


def test_overlapping_ranges_and_unsigned_or_impossible_values_are_refused(place: Place) -> None:
    day = datetime(2026, 1, 1, tzinfo=UTC)
    place.store(day, day + timedelta(days=10))
    for begin, end in ((None, None), (day + timedelta(days=9), None), (None, day + timedelta(days=1)),
                       (day + timedelta(days=2), day + timedelta(days=3))):  # fmt: skip
        with pytest.raises(UsageError, match=r"local-1 of mass_scale holds from 2026-01-01.*withdraw"):
            place.store(begin, end)
    assert place.store(day + timedelta(days=10), None).version == "local-2", "ranges may touch"
    with pytest.raises(UsageError, match="its end is not after its begin"):
        place.store(day - timedelta(days=5), day - timedelta(days=5))
    impossible: list[dict[str, Any]] = [
        {"stretch": 14.5}, {"stretch": None}, {"offset": float("nan")}, {"target_voltage": True}, {"offset": "0"},
        {"voltage_range": [5, 1]}, {"voltage_range": 7}, {"gain": 2.0}, {"events": -1},
    ]  # fmt: skip
    for wrong in impossible:
        with pytest.raises(UsageError, match="The calibration was not written"):
            place.store(None, day, **wrong)
    for author, reason in (("", "x"), ("x", " ")):
        with pytest.raises(UsageError, match="author and a reason"):
            local_calibrations.store(
                place.catalog, "idex", Written("mass_scale", VALUES, "by hand", None, day, author, reason)
            )
    with pytest.raises(UsageError, match="only mass_scale"):
        local_calibrations.store(
            place.catalog, "idex", Written("waveform_scale", {}, "by hand", None, None, "A", "because")
        )
    with pytest.raises(UsageError, match="ships with the package"):
        place.withdraw("1")
    with pytest.raises(NotFound, match="no version local-9"):
        place.withdraw("local-9")
    place.withdraw("local-2")
    with pytest.raises(UsageError, match="taken back already"):
        place.withdraw("local-2")
    count = "select count(*) as n from core.calibration_set where source = 'local'"
    assert place.rows(count) == [{"n": 3}], "two records and the word that took one back"


def test_of_two_who_write_at_once_one_is_told_of_the_other(place: Place) -> None:
    told: list[str] = []
    ready = threading.Barrier(2)

    def write() -> None:
        ready.wait()
        try:
            told.append(str(place.store().version))
        except UsageError as error:
            told.append(str(error))

    both = [threading.Thread(target=write) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert "local-1" in told
    assert sum("local-1 of mass_scale holds for all times" in each for each in told) == 1


def test_a_calibration_written_while_events_are_analysed_is_not_missed(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.store()
    written: list[Any] = []

    def analyse_meanwhile(*arguments: Any) -> Any:
        if not written:
            place.withdraw("local-1")
            written.append(place.store(stretch=1.42))
        return analyse(*arguments)

    analyse = job.analyse
    monkeypatch.setattr(job, "analyse", analyse_meanwhile)
    assert "failed" not in place.work()
    assert written
    assert {row["used"] for row in place.rows()} == {"local-3"}


def test_overrides_are_computed_anew_with_a_local_calibration(place: Place) -> None:
    one = place.rows()[0]
    word = Word(one["identity"], "material", None, None, {"material": "olivine"}, "M. Analyst", "seen")
    say(place.catalog, Home(place.root), word)
    place.store()
    place.work()
    now = next(row for row in place.rows() if row["identity"] == one["identity"])
    assert now["used"] == "local-1"
    origin = place.rows(f"select origin from core.event_analysis where id = {now['id']}")
    assert origin == [{"origin": "override"}]


def test_a_default_says_what_it_rests_on(place: Place) -> None:
    with place.catalog.read() as conn:
        rows = mass_scale.scales(conn)
        good = mass_scale.beyond_doubt(rows)
        values = mass_scale.default_scale(conn, rows)
    check("mass_scale", {**values, "voltage_range": [1000.0, 5000.0]})
    rests = local_calibrations.basis(good, since=middle(place.rows()), until=None)
    assert rests["events"] == len(good) == len(rests["identities"]) == values["events"]
    assert list(rests["selection"]) == ["since"]
    assert local_calibrations.basis([])["first"] is None
