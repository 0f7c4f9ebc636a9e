"""Any command can be recorded as a job; recording it never changes what it does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from archive.catalog import Catalog, runs
from archive.catalog.schema.monitors import monitor, monitor_run
from archive.config import Settings
from archive.errors import UsageError
from monitors import foreign, run_log
from monitors.recovery import spool_folder
from monitors.runner import register_all
from tests.monitors.conftest import add_settings, one, rows
from tests.monitors.test_runner import away, wait_for


def pinakes(settings: Settings, *args: str, **kwargs: Any) -> subprocess.CompletedProcess[bytes]:
    program = [sys.executable, "-c", "from archive.cli import main; main()", "--home", str(settings.home)]
    return subprocess.run([*program, *args], capture_output=True, check=False, timeout=60, **kwargs)


def test_output_and_exit_code_pass_through_and_are_recorded(catalog_one: Catalog, settings: Settings) -> None:
    code = "import sys; print('out'); sys.stderr.write('err'); sys.stdout.buffer.write(bytes([0, 255])); sys.exit(7)"
    done = pinakes(settings, "exec", "nightly", "--", sys.executable, "-c", code)
    assert (done.returncode, done.stdout, done.stderr) == (7, b"out\n\0\xff", b"err")
    row = one(catalog_one, select(monitor_run))
    assert (row.state, row.cause, row.exit_code, row.error_type) == ("failure", "exec", 7, "ExitCode")
    assert "\\x00\\xff" in row.output_tail
    assert row.argv[0] == sys.executable
    assert row.wall_s > 0
    assert row.max_rss_bytes > 1e6
    assert row.scheduled_for is None
    kept = [
        (e["module"], run_log.printed(e)) for e in run_log.read(settings.home / row.log_path) if e["level"] == "output"
    ]
    assert sorted(kept) == [("stderr", b"err"), ("stdout", b"\0\xff"), ("stdout", b"out\n")]
    assert one(catalog_one, select(monitor.c.name, monitor.c.kind)) == ("nightly", "external")


def test_standard_input_reaches_the_command(catalog_one: Catalog, settings: Settings) -> None:
    assert pinakes(settings, "exec", "copy", "--", "cat", input=b"through").stdout == b"through"


def test_a_command_that_is_not_there_is_recorded_as_a_shell_would(catalog_one: Catalog, settings: Settings) -> None:
    assert pinakes(settings, "exec", "nightly", "--", "/no/such/program").returncode == 127
    assert one(catalog_one, select(monitor_run.c.state, monitor_run.c.exit_code)) == ("failure", 127)


def test_a_declared_schedule_makes_it_a_watched_job(catalog_one: Catalog, settings: Settings) -> None:
    options = ["--schedule", "*/10 * * * *", "--zone", "Europe/Berlin", "--grace", "2m", "--max-runtime", "1h"]
    for _ in range(2):
        assert pinakes(settings, "exec", *options, "nightly", "--", "true").returncode == 0
    row = one(catalog_one, select(monitor))
    assert (row.schedule, row.zone, row.grace_s, row.max_runtime_s) == ("*/10 * * * *", "Europe/Berlin", 120, 3600)
    points = [r.scheduled_for for r in rows(catalog_one, select(monitor_run).order_by(monitor_run.c.started))]
    assert points[0] is not None
    assert points[0].minute % 10 == 0
    assert points[1] is None or points[1] != points[0], "one run a point, the other is recorded beside it"


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--schedule", "61 * * * *", "x"], "minute '61'"),
        (["--schedule", "@daily", "--zone", "Mars/X", "x"], "no time zone"),
        (["../x"], "cannot be the name"),
        (["jobs"], "pinakes monitor run jobs"),
    ],
)
def test_a_mistake_is_told_before_anything_runs(settings: Settings, tmp_path: Path, args: list[str], says: str) -> None:
    done = pinakes(settings, "exec", *args, "--", "touch", str(tmp_path / "ran"))
    assert done.returncode == 2
    assert says in done.stderr.decode()
    assert not (tmp_path / "ran").exists()


def test_the_command_runs_while_the_database_is_away_and_is_entered_later(
    catalog_one: Catalog, settings: Settings
) -> None:
    away(settings, catalog_one, allow=False)
    try:
        job = foreign.declaration(settings, "nightly", "@hourly", "UTC")
        assert foreign.record(settings, job, ["sh", "-c", "exit 5"], patience=0.1) == 5
    finally:
        away(settings, catalog_one, allow=True)
        catalog_one.engine.dispose()
    (path,) = spool_folder(settings.home).glob("*.json")
    assert json.loads(path.read_text(encoding="utf-8"))["run"]["exit_code"] == 5
    assert one(catalog_one, select(func.count()).select_from(monitor_run))[0] == 0
    assert foreign.record(settings, job, ["true"]) == 0
    found = rows(catalog_one, select(monitor_run).order_by(monitor_run.c.started))
    assert [(r.state, r.exit_code) for r in found] == [("failure", 5), ("success", 0)]
    assert not list(spool_folder(settings.home).iterdir())


def test_a_record_that_cannot_be_read_stays_and_stops_nothing(catalog_one: Catalog, settings: Settings) -> None:
    spool_folder(settings.home).mkdir(parents=True)
    bad = spool_folder(settings.home) / "bad.json"
    bad.write_text("{", encoding="utf-8")
    register_all(settings)
    assert bad.exists()


def test_a_time_limit_ends_the_command(catalog_one: Catalog, settings: Settings) -> None:
    done = pinakes(settings, "exec", "--max-runtime", "0.5s", "nightly", "--", "sleep", "30")
    assert done.returncode == 128 + signal.SIGTERM
    row = one(catalog_one, select(monitor_run))
    assert (row.state, row.error_type) == ("killed", "Timeout")


def test_sigterm_ends_the_command_and_is_recorded(catalog_one: Catalog, settings: Settings, tmp_path: Path) -> None:
    program = [sys.executable, "-c", "from archive.cli import main; main()", "--home", str(settings.home)]
    mark = tmp_path / "begun"
    process = subprocess.Popen([*program, "exec", "nightly", "--", "sh", "-c", f"touch {mark}; exec sleep 30"])
    wait_for(mark)
    process.terminate()
    assert process.wait(20) == 128 + signal.SIGTERM
    assert one(catalog_one, select(monitor_run.c.state))[0] == "killed"


def test_a_killed_recorder_is_found_by_the_next(catalog_one: Catalog, settings: Settings, tmp_path: Path) -> None:
    program = [sys.executable, "-c", "from archive.cli import main; main()", "--home", str(settings.home)]
    mark = tmp_path / "begun"
    process = subprocess.Popen([*program, "exec", "nightly", "--", "sh", "-c", f"echo $$ > {mark}; exec sleep 30"])
    wait_for(mark)
    time.sleep(0.1)
    process.kill()
    process.wait()
    os.kill(int(mark.read_text()), signal.SIGKILL)
    assert pinakes(settings, "exec", "nightly", "--", "true").returncode == 0
    found = rows(catalog_one, select(monitor_run).order_by(monitor_run.c.started))
    assert [(r.state, r.error_type) for r in found] == [("killed", "Vanished"), ("success", None)]


def test_single_leaves_a_running_job_alone(catalog_one: Catalog, settings: Settings, tmp_path: Path) -> None:
    program = [sys.executable, "-c", "from archive.cli import main; main()", "--home", str(settings.home)]
    mark = tmp_path / "begun"
    first = subprocess.Popen([*program, "exec", "nightly", "--", "sh", "-c", f"touch {mark}; exec sleep 4"])
    wait_for(mark)
    assert pinakes(settings, "exec", "--single", "nightly", "--", "touch", str(tmp_path / "ran")).returncode == 11
    assert not (tmp_path / "ran").exists()
    assert pinakes(settings, "exec", "nightly", "--", "touch", str(tmp_path / "ran")).returncode == 0
    assert (tmp_path / "ran").exists(), "without --single a second one runs beside the first, as under cron"
    assert first.wait(20) == 0
    with catalog_one.read() as conn:
        assert sorted(r.state for r in runs.runs(conn)) == ["skipped", "success", "success"]


def test_nested_commands_are_two_jobs(catalog_one: Catalog, settings: Settings) -> None:
    program = [sys.executable, "-c", "from archive.cli import main; main()", "--home", str(settings.home)]
    done = pinakes(settings, "exec", "outer", "--", *program, "exec", "inner", "--", "echo", "deep")
    assert (done.returncode, done.stdout) == (0, b"deep\n")
    found = rows(catalog_one, select(monitor.c.name, monitor_run.c.state).join(monitor_run).order_by(monitor.c.name))
    assert [tuple(r) for r in found] == [("inner", "success"), ("outer", "success")]


def test_a_monitor_of_ours_is_not_a_foreign_command(settings: Settings) -> None:
    settings = add_settings(settings.home, '[monitor.listing]\ncommand = ["true"]\n')
    for name in ("good", "listing"):
        with pytest.raises(UsageError, match="give the command another name"):
            foreign.declaration(settings, name, None, "UTC")


def test_the_point_of_a_start_is_the_last_or_the_one_about_to_come(settings: Settings) -> None:
    job = foreign.declaration(settings, "nightly", "0 6 * * *", "UTC")
    point = datetime(2026, 6, 1, 6, tzinfo=UTC)
    assert foreign._point(job, datetime(2026, 6, 1, 5, 58, 30, tzinfo=UTC)) == point
    assert foreign._point(job, datetime(2026, 6, 1, 6, 0, 1, tzinfo=UTC)) == point
    assert foreign._point(job, datetime(2026, 6, 2, 5, 57, tzinfo=UTC)) == point
