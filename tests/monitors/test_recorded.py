"""A block of Python as a run: recorded whatever becomes of it, and changed by nothing."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import select

from archive import log
from archive.catalog import Catalog
from archive.catalog.schema.monitors import monitor_run
from archive.config import Settings
from archive.errors import Locked, UsageError
from monitors import run_log
from monitors.recorded import recorded
from monitors.recovery import spool_folder
from monitors.runner import register_all
from tests.monitors.conftest import add_settings, one, rows
from tests.monitors.test_runner import away, wait_for


def test_a_block_that_ends_well(catalog_one: Catalog, settings: Settings) -> None:
    settings = add_settings(settings.home, '[log]\nenvironment = "test"\n')
    with recorded(settings, "own") as run:
        run.n_in, run.n_done, run.message = 3, 2, "Two of three."
        logging.getLogger("somebody").warning("look at postgresql://me:hunter22@db/x")
        sum(k * k for k in range(300_000))
        assert os.environ[log.RUN] == run.run_id
    row = one(catalog_one, select(monitor_run))
    assert (str(row.run_id), row.state, row.cause, row.exit_code) == (run.run_id, "success", "exec", 0)
    assert (row.n_in, row.n_done, row.n_failed, row.message, row.n_warnings) == (3, 2, None, "Two of three.", 1)
    assert 0 < row.cpu_user_s + row.cpu_system_s <= row.wall_s * 1.5 + 0.1
    assert row.max_rss_bytes > 10e6
    assert row.provenance["installation"] == "test"
    lines = list(run_log.read(settings.home / row.log_path))
    assert [line["message"] for line in lines] == [
        "begun: own", "look at postgresql://me:***@db/x", "ended: own: success",
    ]  # fmt: skip
    assert {(line["run"], line["environment"]) for line in lines} == {(run.run_id, "test")}
    assert log.RUN not in os.environ
    assert not [h for h in logging.getLogger().handlers if isinstance(h, log.LineFile)]


def test_what_is_raised_is_recorded_and_raised(catalog_one: Catalog, settings: Settings) -> None:
    with pytest.raises(ValueError, match="no good"), recorded(settings, "own"):
        raise ValueError("no good")
    row = one(catalog_one, select(monitor_run))
    assert (row.state, row.error_type, row.error_message, row.exit_code) == ("failure", "ValueError", "no good", 1)
    assert row.error_fingerprint
    traces = [line.get("traceback", "") for line in run_log.read(settings.home / row.log_path)]
    assert any("ValueError: no good" in trace for trace in traces)


def test_a_function_keeps_its_value_and_every_call_is_a_run(catalog_one: Catalog, settings: Settings) -> None:
    @recorded(settings, "own")
    def double(value: int) -> int:
        return 2 * value

    assert [double(k) for k in (1, 2)] == [2, 4]
    assert [row.state for row in rows(catalog_one, select(monitor_run))] == ["success", "success"]
    assert len({row.log_path for row in rows(catalog_one, select(monitor_run))}) == 2


def test_runs_within_runs_are_two_runs(catalog_one: Catalog, settings: Settings) -> None:
    with recorded(settings, "outer") as outer:
        with pytest.raises(RuntimeError), recorded(settings, "inner") as inner:
            raise RuntimeError
        assert os.environ[log.RUN] == outer.run_id
    found = {str(row.run_id): row.state for row in rows(catalog_one, select(monitor_run))}
    assert found == {outer.run_id: "success", inner.run_id: "failure"}


@pytest.mark.parametrize(("code", "state"), [(0, "success"), (3, "failure")])
def test_an_exit_is_judged_by_its_code(catalog_one: Catalog, settings: Settings, code: int, state: str) -> None:
    with pytest.raises(SystemExit), recorded(settings, "own"):
        sys.exit(code)
    row = one(catalog_one, select(monitor_run))
    assert (row.state, row.exit_code) == (state, code)


BLOCK = """
import sys, time
from pathlib import Path
from archive.config import load
from monitors.recorded import recorded
settings = load(Path(sys.argv[1]))
with recorded(settings, "own"):
    Path(sys.argv[2]).touch()
    time.sleep(30)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_kill_is_recorded_or_found_by_the_next(
    catalog_one: Catalog, settings: Settings, tmp_path: Path, number: signal.Signals
) -> None:
    process = subprocess.Popen([sys.executable, "-c", BLOCK, str(settings.home), str(tmp_path / "begun")])
    wait_for(tmp_path / "begun")
    time.sleep(0.1)
    process.send_signal(number)
    code = process.wait(20)
    row = one(catalog_one, select(monitor_run))
    if number is signal.SIGTERM:
        assert (code, row.state, row.signal) == (143, "killed", 15)
    else:
        assert (code, row.state) == (-9, "running")
        register_all(settings)
        row = one(catalog_one, select(monitor_run))
        assert (row.state, row.error_type) == ("killed", "Vanished")


def test_it_does_not_run_beside_itself_when_told_so(catalog_one: Catalog, settings: Settings) -> None:
    again = recorded(settings, "own", single=True)
    with recorded(settings, "own", single=True), pytest.raises(Locked, match="already running"), again:
        raise AssertionError("it must not come to this")
    assert sorted(row.state for row in rows(catalog_one, select(monitor_run))) == ["skipped", "success"]
    with pytest.raises(UsageError), recorded(settings, "../own"):
        raise AssertionError("it must not come to this")


def test_the_work_goes_on_while_the_database_is_away(catalog_one: Catalog, settings: Settings) -> None:
    away(settings, catalog_one, allow=False)
    try:
        with recorded(settings, "own", patience=0.1) as run:
            run.n_in = 7
    finally:
        away(settings, catalog_one, allow=True)
        catalog_one.engine.dispose()
    assert len(list(spool_folder(settings.home).glob("*.json"))) == 1
    register_all(settings)
    row = one(catalog_one, select(monitor_run))
    assert (row.state, row.n_in) == ("success", 7)
