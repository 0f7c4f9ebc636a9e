"""Kill -9 at every step of the jobs that write products of a higher level: one more `pinakes work` makes all whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from archive.analysis import derived, windows
from archive.analysis.overrides import Word, say
from archive.audit.verify import verify
from archive.catalog import Catalog
from archive.cli import run
from archive.config import load
from archive.ingest.steps import STEPS
from archive.instruments.base import instrument
from archive.instruments.idex.simulate import Options, simulate
from archive.store.fsync import file_hash
from monitors.declare import declared
from monitors.runner import run_monitor
from tests.analysis.test_jobs import House
from tests.crash.test_killed_at_a_step import KILL
from tests.servers import TestServer

ROOT = Path(__file__).parents[2]

#: Levels of the products of each kind of job.
LEVELS = {"derive": ("l2a",), windows.KIND: ("l2b", "l2c")}

FILES = """
    select p.name, f.relpath, f.sha256, f.state from core.file f join core.product p on p.id = f.product_id
    where p.level = any(:levels)
"""


@pytest.fixture(scope="module")
def house(embedded_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """An archive with products of every kind."""
    url = embedded_server.create()
    folder = tmp_path_factory.mktemp("killed-deriving")
    capture = folder / "capture.pkts"
    simulate(capture, Options(events=6, seed=5, arrays=False))
    try:
        with Catalog.from_url(url.render_as_string(hide_password=False)) as catalog:
            held = House(catalog, folder / "house")
            held.ingest([capture])
            settings = load(held.home.root)
            assert run_monitor(settings, declared(settings, "idex-rates")).good
            yield held
    finally:
        embedded_server.drop(url)


def files(house: House, kind: str) -> list[Any]:
    with house.catalog.read() as conn:
        return list(conn.execute(text(FILES), {"levels": list(LEVELS[kind])}))


def available(house: House, kind: str) -> dict[str, str]:
    """The one available file of each product."""
    rows = [row for row in files(house, kind) if row.state == "available"]
    found = {row.name: row.relpath for row in rows}
    assert len(found) == len(rows), "never two states of one product"
    return found


def speak(house: House, number: int) -> None:
    """Let an analyst say something new: the level-2A products are asked for."""
    (event,) = house.rows("select min(event_id) from analysis.event_summary where science and charge is not null")
    told = {"values": {"rise_time": 1.0 + number / 10}}
    say(house.catalog, house.home, Word(event[0], "set", "Target_Low", 0, told, "M. Analyst", "a test"))


def change(house: House, number: int) -> None:
    """Let a window be another one: its products are asked for."""
    with house.catalog.begin() as conn:
        conn.execute(text("update idex.rate_window set settings_hash = :hash"), {"hash": f"settings {number}"})
        owner = instrument("idex")
        assert windows.ask(conn, owner, [row.t_start for row in conn.execute(text("select * from idex.rate_window"))])


ASK: dict[str, Callable[[House, int], None]] = {"derive": speak, windows.KIND: change}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "step"),
    # What both kinds share is killed at every step, the other kind where its own work lies between.
    [
        *(("derive", step) for step in derived.STEPS),
        *((windows.KIND, step) for step in ("decoded", "placed", "written")),
    ],
)
def test_a_killed_job_leaves_nothing_half_done(house: House, kind: str, step: str) -> None:
    assert step in STEPS
    before = available(house, kind)
    ASK[kind](house, derived.STEPS.index(step))
    command = [sys.executable, "-c", f"{KILL.format(step=step)}\nimport sys\nfrom archive.cli import run\n"
               "sys.exit(run(sys.argv[1:]))", "--home", str(house.home.root), "work", "--engine", "inline"]  # fmt: skip
    killed = subprocess.run(command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, timeout=120)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    for row in files(house, kind):
        if row.state == "available":
            assert file_hash(house.home.path(row.relpath))[0] == row.sha256
    now = available(house, kind)
    assert (now == before) == (step != "committed"), "the new ones take the place of the old ones at once"

    assert run(["--quiet", "--home", str(house.home.root), "work", "--engine", "inline"]) == 0
    now = available(house, kind)
    assert now.keys() == before.keys()
    assert not set(now.values()) & set(before.values())
    for row in files(house, kind):
        assert row.state in ("available", "retired")
        assert file_hash(house.home.path(row.relpath))[0] == row.sha256, "bytes never change"
    assert verify(house.catalog, house.home).findings == []
    assert house.count("select count(*) from ops.job where state <> 'done'") == 0
    assert list(house.home.staging.iterdir()) == []
