"""Level-2B and level-2C files follow the windows: made once, made anew when a window changes, never edited."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import cdflib
import numpy as np
import pytest
from sqlalchemy import text

from archive.analysis import accumulated, windows
from archive.audit.repair import execute, plan
from archive.audit.verify import verify
from archive.catalog import Catalog
from archive.catalog.engine import make_engine
from archive.export import rates as export
from archive.ingest import steps
from archive.instruments.base import instrument
from archive.instruments.idex.analysis.rates import SCIENCE_STATE, science_state
from archive.instruments.idex.level2_windows import IdexWindowProducts
from archive.jobs import engines, ledger
from archive.jobs.drain import Drain
from archive.store import Home, init_home
from monitors.declare import declared
from monitors.runner import Occasion, run_monitor
from monitors.site.build import build
from tests.monitors.test_idex_monitors import SHARES, Scene, place
from tests.monitors.test_runner import away
from tests.servers import TestServer

ROOT = Path(__file__).parents[2]

MADE = """
    select p.name as product, f.id, f.relpath, f.sha256, f.state, f.header, f.t_start, f.t_end, f.version
    from core.file f join core.product p on p.id = f.product_id where p.level in ('l2b', 'l2c') order by f.relpath
"""
JOBS = "select state, count(*) from ops.job where kind = 'summarise' group by 1 order by 1"
PARENTS = """
    select distinct f.relpath, p.original_name from core.file_parent l join core.file f on f.id = l.file_id
    join core.product k on k.id = f.product_id join core.file p on p.id = l.parent_id
    where k.level in ('l2b', 'l2c') and f.state = 'available' order by 1, 2
"""
FIRST, DARK = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 30, tzinfo=UTC)
NAMES = {"l2b_sci", "l2c_rectangular_map"}


class Held(NamedTuple):
    """A product file with its bytes."""

    product: str
    path: Path
    header: dict[str, Any]
    content: bytes


def watch(scene: Scene) -> str:
    settings = scene.settings
    return run_monitor(settings, declared(settings, "idex-rates"), Occasion()).state


def held(scene: Scene, start: datetime = FIRST, state: str = "available") -> dict[str, Held]:
    """The products of a window by name of file."""
    home = Home(scene.home)
    found = {}
    for row in scene.rows(MADE):
        if row.state == state and row.t_start == start:
            path = home.path(row.relpath)
            found[path.name] = Held(row.product, path, row.header, path.read_bytes())
    return found


def ask(scene: Scene) -> int:
    with scene.catalog.begin() as conn:
        owner = instrument("idex")
        return windows.ask(conn, owner, accumulated.starts(conn, IdexWindowProducts()))


def work(scene: Scene) -> list[str]:
    drain = Drain(scene.catalog, engines.Inline(), str(scene.home), 60.0)
    return [outcome.state for outcome in drain.everything([windows.KIND])]


@pytest.fixture(scope="module")
def scene(embedded_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A window that gets more events and a pointing, another without exposure; what was there after each step."""
    home = tmp_path_factory.mktemp("idex-rate-products") / "home"
    url = embedded_server.create()
    try:
        with Catalog(make_engine(url)) as catalog:
            init_home(home, catalog.url)
            scene = Scene(catalog, home)
            scene.bring("first", events=12, seed=5, shares=SHARES)
            scene.found["before"] = {JOBS: scene.rows(JOBS)}
            note(scene, "first")
            note(scene, "again")
            scene.bring("late", events=8, seed=6, shares=SHARES, start=datetime(2026, 3, 2, 12, tzinfo=UTC))
            scene.bring("dark", events=6, seed=7, shares=SHARES, start=datetime(2026, 5, 2, tzinfo=UTC))
            with catalog.begin() as conn:
                conn.execute(text("delete from idex.message where t >= '2026-05-01'"))
            note(scene, "late")
            place(scene)
            note(scene, "placed")
            yield scene
    finally:
        embedded_server.drop(url)


def note(scene: Scene, step: str) -> None:
    state = watch(scene)
    scene.found[step] = {
        "state": [state], MADE: scene.rows(MADE), JOBS: scene.rows(JOBS), "held": [held(scene)],
        PARENTS: scene.rows(PARENTS),
    }  # fmt: skip


def test_both_files_are_there_once_the_run_has_ended(scene: Scene) -> None:
    first = scene.found["first"]
    assert first["state"] == ["success"]
    assert {row.product for row in first[MADE]} == NAMES
    assert {row.state for row in first[MADE]} == {"available"}
    assert first[JOBS] == [("done", 1)]
    for row in first[MADE]:
        assert (row.t_start, row.t_end, row.version) == (FIRST, datetime(2026, 3, 11, tzinfo=UTC), 1)
        source = "l2b_sci" if row.product == "l2b_sci" else "l2c_rectangular-map"
        level = row.product[:3]
        name = f"imap_idex_{source}-10days_20260301_{row.header['state'][:8]}_v001.cdf"
        assert row.relpath == f"files/idex/{level}/2026/03/{name}"


def test_a_second_run_makes_nothing(scene: Scene) -> None:
    assert scene.found["again"]["state"] == ["no_work"]
    for query in (MADE, JOBS):
        assert scene.found["again"][query] == scene.found["first"][query]


def test_more_events_make_other_files_and_retire_those_before_with_their_bytes(scene: Scene) -> None:
    (old,), (new,) = scene.found["first"]["held"], scene.found["late"]["held"]
    assert {each.product for each in new.values()} == NAMES
    assert not old.keys() & new.keys()
    states = {Path(row.relpath).name: row.state for row in scene.found["late"][MADE]}
    for name, one in old.items():
        assert states[name] == "retired"
        assert one.path.read_bytes() == one.content
    (rates,) = [one for one in new.values() if one.product == "l2b_sci"]
    assert cdflib.CDF(rates.path).varget("pinakes_events").tolist() == [20]


def test_what_was_counted_is_the_lineage_and_stands_in_the_file(scene: Scene) -> None:
    def parents(step: str) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for relpath, name in scene.found[step][PARENTS]:
            if "20260301" in relpath:
                found.setdefault(Path(relpath).name, set()).add(name)
        return found

    assert list(parents("first").values()) == [{"first.pkts"}] * 2
    assert list(parents("late").values()) == [{"first.pkts", "late.pkts"}] * 2
    pointing = "imap_idex_l1b_sci-10days_20260301_v001.cdf"
    assert list(parents("placed").values()) == [{"first.pkts", "late.pkts", pointing}] * 2
    for one in held(scene).values():
        inside = cdflib.CDF(one.path, validate=True).globalattsget()["Parents"]
        told = {(row.name, row.sha256) for row in scene.rows("select original_name as name, sha256 from core.file")}
        assert len(inside) == 3
        assert {tuple(each.split(">sha256:")) for each in inside} <= told


def test_a_window_without_exposure_has_its_files_and_no_rate(scene: Scene) -> None:
    files = held(scene, DARK)
    assert {one.product for one in files.values()} == NAMES
    (rates,) = [one for one in files.values() if one.product == "l2b_sci"]
    cdf = cdflib.CDF(rates.path)
    assert cdf.varget("rate").tolist() == [[-1e31] * 4]
    assert cdf.varget("pinakes_exposure").tolist() == [-1e31]
    assert cdf.varget("rate_calculation_quality_flags").tolist() == [0]
    assert cdf.varget("pinakes_events").tolist() == [6]
    assert cdf.varget("on_off_events").tolist() == [255]
    assert rates.header["exposure"] is None


def test_the_files_say_what_the_export_says(scene: Scene, tmp_path: Path) -> None:
    with scene.catalog.read() as conn:
        exported = {path.name: path for path in export.write(conn, tmp_path / "export")}
    made = {**held(scene), **held(scene, DARK)}
    assert len(exported) == len(made) == 4
    for name, one in made.items():
        plain = name.replace(f"_{one.header['state'][:8]}", "")
        ours, theirs = cdflib.CDF(one.path), cdflib.CDF(exported[plain])
        attributes, others = ours.globalattsget(), theirs.globalattsget()
        assert attributes.pop("Logical_file_id") == [name.removesuffix(".cdf")]
        assert others.pop("Logical_file_id") == [plain.removesuffix(".cdf")]
        assert attributes == others
        assert attributes["Accumulation_state"] == [one.header["state"]]
        variables = ours.cdf_info().zVariables
        assert variables == theirs.cdf_info().zVariables
        for variable in variables:
            np.testing.assert_array_equal(ours.varget(variable), theirs.varget(variable))
            assert ours.varattsget(variable) == theirs.varattsget(variable)


def test_a_retired_state_comes_back_with_its_bytes(scene: Scene) -> None:
    before = held(scene)
    with scene.catalog.begin() as conn:
        conn.execute(text("update idex.rate_window set settings_hash = settings_hash || '-other'"))
    assert ask(scene) == 2
    assert work(scene) == ["done", "done"]
    assert not held(scene).keys() & before.keys()
    with scene.catalog.begin() as conn:
        conn.execute(text("update idex.rate_window set settings_hash = replace(settings_hash, '-other', '')"))
    assert ask(scene) == 2
    assert work(scene) == ["done", "done"]
    assert held(scene) == before
    assert ask(scene) == 0
    assert watch(scene) == "no_work"


def test_the_same_window_gives_the_same_bytes_elsewhere(
    scene: Scene, embedded_server: TestServer, tmp_path: Path
) -> None:
    """Other keys, another order: the events of the window after it come first."""
    url = embedded_server.create()
    try:
        with Catalog(make_engine(url)) as catalog:
            init_home(tmp_path / "home", catalog.url)
            other = Scene(catalog, tmp_path / "home")
            other.bring("else", events=3, seed=9, start=datetime(2026, 3, 12, tzinfo=UTC))
            other.bring("first", events=12, seed=5, shares=SHARES)
            assert watch(other) == "success"
            found = held(other)
            assert len(other.rows(MADE)) == 4
            assert watch(other) == "no_work", "a file that ends where the next window begins is no news of that one"
    finally:
        embedded_server.drop(url)
    (first,) = scene.found["first"]["held"]
    assert {name: one.content for name, one in found.items()} == {name: one.content for name, one in first.items()}


def test_an_archive_from_before_gets_its_files_by_the_next_run(scene: Scene) -> None:
    before = held(scene)
    with scene.catalog.begin() as conn:
        conn.execute(text("delete from ops.job where kind = 'summarise'"))
        conn.execute(text("delete from core.file where state = 'available' and header ? 'window_of'"))
    with scene.catalog.read() as conn:
        assert windows.wanting(conn, instrument("idex")) == [FIRST, DARK]
    assert watch(scene) == "no_work"
    assert held(scene) == before
    assert scene.rows(JOBS) == [("done", 2)]


def test_new_code_of_the_writer_asks_for_every_window(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    with scene.catalog.read() as conn:
        assert windows.wanting(conn, instrument("idex")) == []
    monkeypatch.setattr(IdexWindowProducts, "version", IdexWindowProducts.version + 1)
    with scene.catalog.read() as conn:
        assert windows.wanting(conn, instrument("idex")) == [FIRST, DARK]


def test_a_lost_file_is_made_again(scene: Scene) -> None:
    before, rows = held(scene), scene.rows(MADE)
    for one in before.values():
        one.path.unlink()
    done = execute(scene.catalog, Home(scene.home), scene.settings, plan(scene.catalog, Home(scene.home)))
    assert [each["action"] for each in done] == ["remake", "remake"]
    assert (held(scene), scene.rows(MADE)) == (before, rows)


def test_a_lost_file_of_a_window_that_changed_stays_lost_and_is_told(scene: Scene) -> None:
    before = held(scene)
    (name, lost), *_ = before.items()
    lost.path.unlink()
    with scene.catalog.begin() as conn:
        conn.execute(text("update idex.rate_window set settings_hash = settings_hash || '-other'"))
    done = execute(scene.catalog, Home(scene.home), scene.settings, plan(scene.catalog, Home(scene.home)))
    assert [each["action"] for each in done] == ["mark"]
    assert "is not what it was" in done[0]["message"]
    with scene.catalog.begin() as conn:
        conn.execute(text("update idex.rate_window set settings_hash = replace(settings_hash, '-other', '')"))
    assert ask(scene) == 0, "one of its two files is there: repair brings the other back"
    execute(scene.catalog, Home(scene.home), scene.settings, plan(scene.catalog, Home(scene.home)))
    assert held(scene)[name] == lost


def test_two_processes_at_once_make_each_file_once(scene: Scene) -> None:
    before = held(scene)
    with scene.catalog.begin() as conn:
        conn.execute(text("update idex.rate_window set settings_hash = settings_hash || '-both'"))
    assert ask(scene) == 2
    with scene.catalog.begin() as conn:  # further jobs for the same windows, as of states before
        query = text("select args from ops.job where kind = 'summarise' and state = 'queued'")
        twins = [(f"twin {number}", args) for number, args in enumerate(conn.execute(query).scalars())]
        assert ledger.enqueue(conn, windows.KIND, twins) == 2
    code = "import sys\nfrom archive.cli import run\nsys.exit(run(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "--home", str(scene.home), "work", "--engine", "inline"]
    racers = [
        subprocess.Popen(command, cwd=ROOT, env=dict(os.environ), stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    try:
        ends = [(racer.communicate(timeout=120)[1], racer.returncode) for racer in racers]
    finally:
        for racer in racers:
            racer.kill()
    for errors, code_ in ends:
        assert code_ == 0, errors
        assert "Traceback" not in errors
    new = held(scene)
    assert {one.product for one in new.values()} == NAMES
    assert len(new) == len(held(scene, DARK)) == 2
    assert not new.keys() & before.keys()
    assert verify(scene.catalog, Home(scene.home)).findings == []
    assert scene.rows("select 1 from ops.job where state <> 'done'") == []


@pytest.mark.parametrize("step", ["decoded", "placed"])
def test_a_database_that_goes_away_meanwhile_is_waited_for(scene: Scene, step: str) -> None:
    before, last = held(scene), scene.count("select max(id) from ops.job")
    with scene.catalog.begin() as conn:
        hashes = text("update idex.rate_window set settings_hash = settings_hash || :step")
        conn.execute(hashes, {"step": f"-{step}"})
    assert ask(scene) == 2
    back = threading.Timer(1.5, lambda: away(scene.settings, scene.catalog, allow=True))

    def leave(reached: str) -> None:
        if reached == step and not back.ident:
            away(scene.settings, scene.catalog, allow=False)
            back.start()

    steps.observers.append(leave)
    try:
        assert work(scene) == ["done", "done"]
    finally:
        steps.observers.remove(leave)
        back.join()
    assert not held(scene).keys() & before.keys()
    assert {one.product for one in held(scene).values()} == NAMES
    assert verify(scene.catalog, Home(scene.home)).findings == []
    assert scene.count(f"select max(attempt) from ops.job where id > {last}") == 2


def test_a_writer_that_fails_is_a_failed_job_that_is_tried_again(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    before = held(scene)
    with scene.catalog.begin() as conn:
        conn.execute(text("update idex.rate_window set settings_hash = settings_hash || '-late'"))
    assert ask(scene) == 2
    with monkeypatch.context() as broken:
        broken.setattr("archive.instruments.idex.level2_rates.write_map", lambda *_: 1 / 0)
        assert work(scene) == ["failed", "failed"]
    assert held(scene) == before, "what was there stays until there is something else"
    assert "ZeroDivisionError" in scene.rows("select error from ops.job where state = 'failed'")[0].error
    assert verify(scene.catalog, Home(scene.home)).findings == []
    assert ask(scene) == 2
    assert work(scene) == ["done", "done"]
    assert not held(scene).keys() & before.keys()


def page(site: Path, name: str) -> str:
    """A page by its name beside the dashboards, without the places where long names may be broken."""
    return (site / f"instruments/idex/{name}.html").read_text(encoding="utf-8").replace("<wbr>", "")


def test_pages_name_the_files_and_lead_to_their_pages(scene: Scene, tmp_path: Path) -> None:
    rows = [row for row in scene.rows(MADE) if row.state == "available"]
    (lost,) = [row for row in rows if row.product == "l2c_rectangular_map" and row.t_start == DARK]
    with scene.catalog.begin() as conn:
        conn.execute(text("update core.file set state = 'missing' where id = :id"), {"id": lost.id})
    build(scene.catalog, scene.settings, tmp_path, now=datetime(2026, 6, 1, tzinfo=UTC))
    with scene.catalog.begin() as conn:
        conn.execute(text("update core.file set state = 'available' where id = :id"), {"id": lost.id})
    pages = {"l2b_sci": "rates", "l2c_rectangular_map": "maps"}
    for row in rows:
        linked = re.findall(rf'href="../../files/{row.id}.html"[^>]*>([^<]*)<', page(tmp_path, pages[row.product]))
        assert linked == ([] if row.id == lost.id else [Path(row.relpath).name])
        file = page(tmp_path, f"../../files/{row.id}")
        assert ("rate_by_charge" in file) == (row.id != lost.id), "its variables"
        assert ("late.pkts" in file) == (row.t_start == FIRST), "its lineage"
    assert "not written yet" in page(tmp_path, "maps")
    assert "IDEX level 2B rates" in page(tmp_path, "../idex")
    assert "IDEX level 2C maps" in page(tmp_path, "../idex")


def test_a_window_that_is_no_more_loses_its_files(scene: Scene) -> None:
    kept = held(scene)
    with scene.catalog.begin() as conn:
        conn.execute(text("delete from idex.rate_window where t_start > '2026-04-01'"))
        owner = instrument("idex")
        assert windows.wanting(conn, owner) == [DARK]
        assert windows.ask(conn, owner, [DARK]) == 1
    assert work(scene) == ["done"]
    assert held(scene, DARK) == {}
    assert held(scene) == kept


def test_the_view_of_messages_knows_what_the_counting_knows(scene: Scene) -> None:
    told = scene.rows(f"select p0, p1, p2, p3 from idex.message where message_id = {SCIENCE_STATE}")
    states = science_state(np.array([tuple(row) for row in told]))
    view = [row.science_on for row in scene.rows("select science_on from analysis.idex_science_states")]
    assert sorted(view) == sorted(bool(state) for state in states if state in (0, 1))
    assert len(set(view)) == 2
