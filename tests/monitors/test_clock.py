"""The scheduler runs what is due, once; one leads; it ends cleanly and outlasts its database."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import func, select

from archive.catalog import Catalog, runs
from archive.catalog.schema.monitors import monitor, monitor_run
from archive.config import Settings
from archive.errors import Locked
from monitors.clock import Clock, Points, is_due
from monitors.runner import register_all
from monitors.schedule import parse
from monitors.verbs import work
from tests.monitors.conftest import add_settings, one, rows
from tests.monitors.test_runner import away, wait_for

COMMAND = "[monitor.{name}]\ncommand = ['sh', '-c', 'echo x >> {path}; {then}']\nschedule = '{schedule}'\n"


#: Monitors of ours and of these tests that have a schedule.
SCHEDULED = (
    *("jobs", "filesystem", "ingest", "problems", "coverage", "staleness", "database", "site"),
    *("idex-noise", "idex-tof-quality", "idex-housekeeping", "idex-rates"),
    *("good", "files", "absent"),
)


def job(settings: Settings, name: str, schedule: str = "1s", then: str = "true") -> Path:
    path = settings.home / f"{name}.ran"
    add_settings(settings.home, COMMAND.format(name=name, path=path, schedule=schedule, then=then))
    return path


@contextmanager
def ticking(settings: Settings, **kwargs: Any) -> Iterator[Clock]:
    kwargs = {"tick": 0.3, "patience": 10, **kwargs}
    clock = Clock(settings, **kwargs)
    errors: list[BaseException] = []

    def lead() -> None:
        try:
            clock.run()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=lead)
    thread.start()
    try:
        yield clock
    finally:
        clock.stop()
        thread.join(30)
    assert not thread.is_alive()
    assert errors == []


def until(true: Callable[[], bool], seconds: float = 25) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def count(path: Path) -> int:
    return len(path.read_text().splitlines()) if path.exists() else 0


@pytest.fixture
def quiet(settings: Settings) -> Settings:
    """The archive without the monitors that have a schedule of their own."""
    return add_settings(settings.home, "".join(f"[monitor.{name}]\nenabled = false\n" for name in SCHEDULED))


def test_every_point_runs_once_and_carries_its_time(catalog_one: Catalog, quiet: Settings) -> None:
    path = job(quiet, "often", "2s")
    with ticking(quiet):
        until(lambda: count(path) >= 3)
    found = rows(catalog_one, select(monitor_run).order_by(monitor_run.c.started))
    points = [r.scheduled_for for r in found]
    assert len(points) == len(set(points)) == count(path)
    assert all(p.timestamp() % 2 == 0 for p in points)
    assert {(r.state, r.cause) for r in found} == {("success", "schedule")}


def test_two_schedulers_lead_one_after_the_other(catalog_one: Catalog, quiet: Settings) -> None:
    path = job(quiet, "often", "1s")
    with ticking(quiet):
        until(lambda: count(path) >= 1)
        with pytest.raises(Locked, match="Another scheduler leads already"):
            Clock(quiet).run()
        with ticking(quiet, wait=True) as second:
            time.sleep(1)
            assert not second._declared, "it stands by"
    with ticking(quiet, wait=True):
        before = count(path)
        until(lambda: count(path) > before)


def test_cron_beside_the_scheduler_runs_nothing_twice(catalog_one: Catalog, quiet: Settings) -> None:
    path = job(quiet, "often", "2s")
    settings = add_settings(quiet.home, "")
    with ticking(quiet):
        end = time.monotonic() + 6
        while time.monotonic() < end:
            list(work.run_now(settings, ["often"], due=True, stop=lambda: False))
    found = rows(catalog_one, select(monitor_run.c.scheduled_for).where(monitor_run.c.state == "success"))
    assert len(found) == len({r.scheduled_for for r in found}) == count(path) >= 2


def test_what_was_missed_while_nobody_was_there_runs_once(catalog_one: Catalog, quiet: Settings) -> None:
    path = job(quiet, "daily", "1d")
    register_all(add_settings(quiet.home, ""))
    with catalog_one.begin() as conn:
        conn.execute(monitor.update().values(declared_at=datetime.now(UTC) - timedelta(days=5)))
    with ticking(quiet):
        until(lambda: count(path) == 1)
        time.sleep(1.5)
    assert count(path) == 1
    assert one(catalog_one, select(monitor_run.c.scheduled_for))[0].hour == 0


def test_a_long_run_is_not_started_again_beside_itself(catalog_one: Catalog, quiet: Settings) -> None:
    path = job(quiet, "long", "1s", then="sleep 3")
    with ticking(quiet):
        time.sleep(5)
        assert 1 <= count(path) <= 2


def test_a_monitor_that_fails_or_is_broken_leaves_the_others_alone(catalog_one: Catalog, quiet: Settings) -> None:
    failing, fine = job(quiet, "failing", "1s", then="exit 3"), job(quiet, "fine", "1s")
    add_settings(quiet.home, '[monitor.raises]\nschedule = "1s"\n[monitor.idle]\nschedule = "61 * * * *"\n')
    with ticking(quiet):
        until(lambda: count(failing) >= 2 and count(fine) >= 2)
    states = {
        (r.name, r.state) for r in rows(catalog_one, select(monitor.c.name, monitor_run.c.state).join(monitor_run))
    }
    assert {("failing", "failure"), ("fine", "success"), ("raises", "failure")} <= states
    assert "61" in one(catalog_one, select(monitor.c.fault).where(monitor.c.name == "idle"))[0]


def test_new_settings_count_without_a_restart(catalog_one: Catalog, quiet: Settings) -> None:
    with ticking(quiet):
        path = job(quiet, "later", "1s")
        until(lambda: count(path) >= 1)
        work.pause(quiet, "later", paused=True)
        time.sleep(1)
        before = count(path)
        time.sleep(2.5)
        assert count(path) == before, "paused"


def test_a_mistake_in_the_settings_leaves_what_was_declared_before(catalog_one: Catalog, quiet: Settings) -> None:
    path = job(quiet, "often", "1s")
    with ticking(quiet):
        until(lambda: count(path) >= 1)
        with (quiet.home / "pinakes.toml").open("a", encoding="utf-8") as stream:
            stream.write("[monitor.worse\n")
        time.sleep(0.5)
        before = count(path)
        until(lambda: count(path) > before + 1)


def test_the_end_waits_for_what_runs(catalog_one: Catalog, quiet: Settings) -> None:
    path = job(quiet, "long", "1s", then="sleep 2")
    with ticking(quiet):
        until(lambda: count(path) == 1)
    assert one(catalog_one, select(monitor_run.c.state))[0] == "success"


def test_the_end_does_not_wait_for_ever(catalog_one: Catalog, quiet: Settings) -> None:
    path = job(quiet, "long", "1s", then="sleep 60")
    began = time.monotonic()
    with ticking(quiet, patience=0.5):
        until(lambda: count(path) == 1)
        began = time.monotonic()
    assert time.monotonic() - began < 15
    assert one(catalog_one, select(monitor_run.c.state, monitor_run.c.error_type)) == ("killed", "Signal")


def test_it_outlasts_a_database_that_is_away(catalog_one: Catalog, quiet: Settings) -> None:
    path = job(quiet, "often", "1s")
    with ticking(quiet):
        until(lambda: count(path) >= 1)
        away(quiet, catalog_one, allow=False)
        time.sleep(3)
        away(quiet, catalog_one, allow=True)
        catalog_one.engine.dispose()
        before = count(path)
        until(lambda: count(path) >= before + 2)
        with pytest.raises(Locked):
            Clock(quiet).run()
    assert one(catalog_one, select(func.count()).where(monitor_run.c.state == "running"))[0] == 0


def test_weekdays_count_from_sunday_and_not_as_in_apscheduler() -> None:
    sunday = datetime(2026, 6, 7, 6, tzinfo=UTC)
    for text in ("0 6 * * 0", "0 6 * * 7", "0 6 * * sun"):
        points = Points(parse(text))
        assert points.get_next_fire_time(None, sunday - timedelta(days=3)) == sunday
        assert points.get_next_fire_time(sunday, sunday) == sunday + timedelta(days=7)


def test_due_is_a_point_without_a_start(catalog_one: Catalog, quiet: Settings) -> None:
    job(quiet, "daily", "1d")
    settings = add_settings(quiet.home, "")
    register_all(settings)
    now = datetime.now(UTC)
    with catalog_one.read() as conn:
        assert not is_due(conn, "daily", now)
        assert is_due(conn, "daily", now + timedelta(days=1))
        assert not is_due(conn, "idle", now + timedelta(days=1))
    list(work.run_now(settings, ["daily"], due=False, stop=lambda: False))
    with catalog_one.read() as conn:
        assert not is_due(conn, "daily", now + timedelta(seconds=1))


def test_sigterm_ends_the_command_cleanly_and_a_second_one_is_refused(catalog_one: Catalog, quiet: Settings) -> None:
    path = job(quiet, "often", "1s")
    program = [sys.executable, "-c", "from archive.cli import main; main()", "--home", str(quiet.home), "schedule"]
    first = subprocess.Popen(program, stderr=subprocess.PIPE)
    try:
        wait_for(path)
        second = subprocess.run(program, capture_output=True, check=False, timeout=30)
        assert second.returncode == 11
        assert b"Another scheduler leads already" in second.stderr
    finally:
        first.send_signal(signal.SIGTERM)
        _, told = first.communicate(timeout=30)
    assert first.returncode == 0
    assert b"stopped" in told
    assert b"Traceback" not in told
    with catalog_one.read() as conn:
        assert {r.state for r in runs.runs(conn)} == {"success"}


def test_a_killed_scheduler_leaves_nothing_running_and_the_next_takes_over(
    catalog_one: Catalog, quiet: Settings
) -> None:
    add_settings(quiet.home, '[monitor.slow]\nschedule = "1s"\n[monitor.slow.options]\nseconds = 60\n')
    program = [sys.executable, "-c", "from archive.cli import main; main()", "--home", str(quiet.home), "schedule"]
    first = subprocess.Popen(program, stderr=subprocess.DEVNULL)
    wait_for(quiet.home / "slow.started")
    until(lambda: bool((quiet.home / "slow.started").read_text()))
    child = int((quiet.home / "slow.started").read_text())
    first.kill()
    first.wait()
    until(lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE)
    (quiet.home / "slow.started").unlink()
    with ticking(quiet, patience=0.2):
        wait_for(quiet.home / "slow.started")
    found = rows(catalog_one, select(monitor_run.c.error_type).order_by(monitor_run.c.started))
    assert [r.error_type for r in found][:2] == ["Vanished", "Signal"]
