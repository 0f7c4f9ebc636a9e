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
from archive.catalog.url import text as url_text
from archive.config import Settings, load
from archive.errors import Locked
from monitors.cli import work
from monitors.clock import Clock, Points, is_due
from monitors.recovery import spool_folder
from monitors.runner import register_all
from monitors.schedule import parse
from tests.monitors.conftest import add_settings, one, rows
from tests.monitors.test_runner import away, wait_for
from tests.servers import TestServer, programs, running

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


@pytest.fixture
def own_server() -> Iterator[TestServer]:
    """A server of this test alone, which may be stopped."""
    yield from running("own", programs(wheel=False) or programs(wheel=True))


@pytest.mark.slow
def test_it_outlasts_a_server_that_is_gone_for_longer_than_anybody_waits(
    own_server: TestServer, trial_package: Path, tmp_path: Path
) -> None:
    """A minute of outage in small: every window that waits for the database is set to 1.5 s, and the server is gone
    for four times that. The states passed through are those of an outage of minutes; only the numbers differ.
    """
    home = tmp_path / "archive"
    for folder in ("incoming", "files", "quarantine", "logs", "state", ".staging"):
        (home / folder).mkdir(parents=True)
    url = url_text(own_server.create())
    (home / "pinakes.toml").write_text(f'[database]\nurl = "{url}"\n', encoding="utf-8")
    add_settings(home, "".join(f"[monitor.{name}]\nenabled = false\n" for name in SCHEDULED))
    settings = load(home)
    often = job(settings, "often", "1s")
    long = job(settings, "long", "1s", then="sleep 4")
    add_settings(home, '[monitor.slow]\nschedule = "1s"\ngrace = "1s"\n[monitor.slow.options]\nseconds = 4\n')
    mark = home / "slow.started"
    with ticking(settings, outage=1.5):
        until(lambda: count(often) >= 1 and count(long) >= 1 and mark.exists())
        own_server.server.stop()
        before = count(often)
        time.sleep(6)
        waited = list(spool_folder(home).iterdir())
        assert count(often) <= before + 1, "nothing runs that cannot be recorded"
        own_server.server.start()
        after = count(often)
        until(lambda: count(often) > after + 1 and count(long) >= 2, 60)
        until(lambda: not list(spool_folder(home).iterdir()))
    assert waited, "the end of the long run waits on disk"
    with Catalog.from_url(url) as catalog:
        query = select(monitor.c.name, monitor_run.c.state, func.count().label("n")).join(monitor_run)
        found = {(r.name, r.state): r.n for r in rows(catalog, query.group_by(monitor.c.name, monitor_run.c.state))}
    assert "running" not in {state for _, state in found}
    assert found["often", "success"] == count(often), "every run is recorded"
    assert found["long", "success"] + found.get(("long", "killed"), 0) == count(long)
    assert found["long", "success"] >= 1
    assert ("slow", "failure") in found, "its results could not be entered, and that is said"


class Machine:
    """The clock of the machine, which somebody sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead = timedelta(0)
        machine = self

        class Set(datetime):
            """What APScheduler and the runner ask for the time."""

            @classmethod
            def now(cls, tz: Any = None) -> datetime:
                return datetime.now(tz) + machine.ahead

        monkeypatch.setattr("apscheduler.schedulers.base.datetime", Set)
        monkeypatch.setattr("monitors.runner.datetime", Set)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


def test_a_clock_that_is_set_back_stops_nothing_and_runs_no_point_twice(
    catalog_one: Catalog, quiet: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine(monkeypatch)
    machine.ahead = timedelta(hours=6)
    often, daily = job(quiet, "often", "1s"), job(quiet, "daily", "1d")
    with ticking(quiet, now=machine.now):
        until(lambda: count(often) >= 2)
        machine.ahead = timedelta(0)
        before = count(often)
        until(lambda: count(often) >= before + 3)
    assert count(daily) == 0
    found = rows(catalog_one, select(monitor_run))
    points = [r.scheduled_for for r in found if r.scheduled_for is not None]
    assert len(points) == len(set(points)) >= 2
    assert {r.state for r in found} == {"success"}, "nothing was skipped for having had its run"
    assert sum(r.scheduled_for is None for r in found) >= 2, "the hours that come again have no points of their own"


def test_a_clock_that_is_set_forward_runs_what_was_passed_over_once(
    catalog_one: Catalog, quiet: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine(monkeypatch)
    hourly, often = job(quiet, "hourly", "1h"), job(quiet, "often", "1s")
    with ticking(quiet, now=machine.now):
        until(lambda: count(often) >= 1)
        before = count(hourly)
        machine.ahead = timedelta(hours=6)
        until(lambda: count(hourly) > before)
        now = count(often)
        until(lambda: count(often) >= now + 2)
    assert count(hourly) == before + 1
    done = rows(catalog_one, select(monitor_run).join(monitor).where(monitor.c.name == "hourly"))
    last = max(r.scheduled_for for r in done if r.state == "success")
    assert timedelta(0) <= machine.now() - last < timedelta(hours=1, minutes=5), "the newest of the points"


def test_a_rate_that_is_corrected_is_no_jump(quiet: Settings) -> None:
    ahead = iter([0.0, 0.4, 0.8, 1.2, 9.0, 9.1, 3.0])
    clock = Clock(quiet, now=lambda: datetime.now(UTC) + timedelta(seconds=next(ahead)))
    assert [clock._has_jumped() for _ in range(7)] == [False, False, False, False, True, False, True]


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
