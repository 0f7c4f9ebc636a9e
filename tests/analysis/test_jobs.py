"""Analyses as follow-up jobs of ingest: once for each event, equal on every engine, appended and never edited."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

import archive
from archive.catalog import Catalog
from archive.config import load
from archive.ingest import Report, ingest
from archive.instruments.base import analysis_of, instrument
from archive.instruments.idex.analysis import IdexAnalysis
from archive.instruments.idex.simulate import Options, simulate
from archive.instruments.idex.simulate.capture import capture_paths
from archive.jobs import engines, requests
from archive.jobs.drain import Drain
from archive.store import Home, init_home
from tests.data import data_path
from tests.servers import TestServer

#: Every fit and every derived row by the name of its event, without keys.
ROWS = """
    select e.identity, a.source, a.version, a.settings_hash, a.origin, a.status, f.channel, f.line, f.values::text,
           f.errors::text, f.status as fit_status
    from core.event_analysis a join core.event e on e.id = a.event_id
    left join core.fit f on f.event_analysis_id = a.id
"""
DERIVED = """
    select e.identity, (to_jsonb(x) - 'event_analysis_id')::text from idex.{0} x
    join core.event_analysis a on a.id = x.event_analysis_id join core.event e on e.id = a.event_id
"""
TABLES = ("channel", "line", "pulse", "spectrum", "particle", "composition")


class House:
    """An archive on a fresh catalog."""

    def __init__(self, catalog: Catalog, root: Path) -> None:
        self.catalog = catalog
        self.home: Home = init_home(root, catalog.url)

    def ingest(self, paths: list[Path], **options: Any) -> Report:
        return ingest(self.catalog, load(self.home.root), paths, **options)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.catalog.read() as conn:
            return sorted(map(tuple, conn.execute(text(query))), key=repr)

    def count(self, query: str) -> int:
        return int(self.rows(query)[0][0])

    def snapshot(self) -> list[list[tuple[Any, ...]]]:
        return [self.rows(ROWS), *(self.rows(DERIVED.format(f"{name}_analysis")) for name in TABLES)]

    def update(self) -> list[str]:
        """Ask for all analyses and carry them out; returns the states."""
        with self.catalog.begin() as conn:
            requests.analyse_everything(conn, instrument("idex"), max_attempts=3)
        return [one.state for one in Drain(self.catalog, engines.Inline(), str(self.home.root), 60.0).everything()]


@pytest.fixture
def house(catalog_one: Catalog, tmp_path: Path) -> House:
    return House(catalog_one, tmp_path / "house")


@pytest.fixture(scope="module")
def captures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A capture cut inside an event, with events that were sent twice."""
    out = tmp_path_factory.mktemp("captures") / "capture.pkts"
    simulate(out, Options(events=12, seed=8, files=2, retransmissions=2, arrays=False))
    return capture_paths(out, 2)


def test_every_event_is_analysed_once_and_again_changes_nothing(house: House, captures: list[Path]) -> None:
    report = house.ingest(captures)
    assert (report.new, report.errors) == (2, 0)
    before = house.snapshot()
    assert house.count("select count(*) from analysis.current_analyses") == 12
    assert house.count("select count(*) from core.event_analysis") == 12
    assert all(before)
    assert house.ingest(captures).skipped == 2
    assert set(house.update()) == {"done"}
    assert house.snapshot() == before


@pytest.mark.slow
def test_every_engine_and_order_gives_equal_rows(
    tmp_path: Path, embedded_server: TestServer, captures: list[Path]
) -> None:
    pytest.importorskip("distributed")
    seen = []
    for engine, order in (("inline", captures), ("pool", captures), ("dask", captures), ("inline", captures[::-1])):
        url = embedded_server.create()
        with Catalog.from_url(url.render_as_string(hide_password=False)) as catalog:
            house = House(catalog, tmp_path / f"house{len(seen)}")
            house.ingest(order, engine=engine, workers=2)
            seen.append(house.snapshot())
        embedded_server.drop(url)
    assert all(other == seen[0] for other in seen[1:])


def test_events_entered_a_few_at_a_time_are_all_there(
    house: House, captures: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last digits depend on how many are computed at once; what is found does not."""
    found = "select identity, status, channel, line, fit_status from (" + ROWS + ") x"
    house.ingest(captures)
    whole = house.rows(found)
    with house.catalog.begin() as conn:
        conn.execute(text("truncate core.event_analysis cascade"))
    monkeypatch.setattr("archive.analysis.job.SLICE", 2)
    assert set(house.update()) == {"done"}
    assert house.rows(found) == whole


def test_follow_up_jobs_may_wait(house: House, captures: list[Path]) -> None:
    house.ingest(captures[:1], follow=False)
    assert house.count("select count(*) from core.event_analysis") == 0
    list(Drain(house.catalog, engines.Inline(), str(house.home.root), 60.0).everything())
    assert house.count("select count(*) from core.event_analysis") >= 5


def test_new_code_adds_rows_and_the_newest_is_current(
    house: House, captures: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    house.ingest(captures)
    old = house.rows(ROWS)
    monkeypatch.setattr(IdexAnalysis, "version", IdexAnalysis.version + 1)
    assert set(house.update()) == {"done"}
    assert house.count("select count(*) from core.event_analysis") == 24
    assert set(old) <= set(house.rows(ROWS))
    newest = f"select count(*) from analysis.current_analyses where version = {IdexAnalysis.version}"
    assert house.count(newest) == 12
    assert house.count("select count(*) from analysis.event_summary") == 12


def test_a_time_without_calibration_is_refused_with_a_reason(
    house: House, captures: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(IdexAnalysis, "calibrations", ("mass_scale", "scale_of_nothing"))
    house.ingest(captures[:1])
    assert {row[0] for row in house.rows("select status from core.event_analysis where reason <> ''")} == {
        "no_calibration"
    }
    assert house.count("select count(*) from core.fit") == 0


def test_a_bug_in_one_event_takes_no_other_with_it(
    house: House, captures: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = IdexAnalysis.run

    def broken(self: IdexAnalysis, product: Path, records: list[int], calibrations: Any) -> Any:
        if 2 in records:
            raise ValueError("a bug")
        return run(self, product, records, calibrations)

    monkeypatch.setattr(IdexAnalysis, "run", broken)
    house.ingest(captures[:1])
    states = [row[0] for row in house.rows("select status from core.event_analysis")]
    assert states.count("internal_error") == 1
    assert len(states) >= 5


def test_the_face_lists_fits_with_named_parameters(house: House, captures: list[Path]) -> None:
    house.ingest(captures)
    with archive.connect(house.home.root) as opened:
        (event,) = opened.events(limit=1)
        pulses = opened.fits(event["identity"], channel="Target_High")
        assert set(pulses[0]["values"]) == {
            "time_of_impact", "constant_offset", "amplitude", "rise_time", "discharge_time",
        }  # fmt: skip
        assert all("ok" in fit["status"].split() for fit in opened.fits(status="ok", limit=20))
        lines = opened.sql("select identity, area, area_error, mass, species from tof_line where species = '28Si'")
    assert len(lines) >= 1
    assert all(27 < line["mass"] < 29 for line in lines)


@pytest.mark.slow
def test_the_real_captures_are_analysed(house: House) -> None:
    house.ingest([data_path(f"idex/imap_idex_l0_raw_{day}_v001.pkts") for day in ("20230725", "20231218")])
    assert house.count("select count(*) from analysis.event_summary") == 33
    assert house.count("select count(*) from core.event_analysis where status = 'internal_error'") == 0
    assert house.count("select count(*) from core.fit where status <> 'ok' and reason = ''") == 0


def test_an_instrument_without_analysis_has_none() -> None:
    assert analysis_of(instrument("xtce")) is None
