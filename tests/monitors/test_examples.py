"""The examples for cron and systemd, and the monitor of the how-to, do what they say."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import select

from archive.catalog import Catalog
from archive.catalog.schema.monitors import finding, metric, monitor, monitor_run
from archive.config import Settings
from monitors import base
from monitors.declare import declared
from monitors.runner import register_all, run_monitor
from tests.monitors.conftest import add_settings, one, rows

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "scripts" / "examples"


def cron_lines() -> list[str]:
    """The commands of the example, as cron reads them: five fields, then a line for the shell."""
    text = (EXAMPLES / "pinakes.crontab").read_text(encoding="utf-8")
    lines = [
        line for line in text.splitlines() if line and not line.startswith("#") and not re.match(r"[A-Z_]+=", line)
    ]
    assert all("%" not in line for line in lines), "cron reads % as a line break"
    return [line.split(maxsplit=5)[5] for line in lines]


def unit_command(name: str) -> list[str]:
    """The command of a unit, as systemd splits it."""
    text = (EXAMPLES / "systemd" / name).read_text(encoding="utf-8")
    (line,) = [line for line in text.splitlines() if line.startswith("ExecStart=")]
    return shlex.split(line.removeprefix("ExecStart="))


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder with the programs that the examples call."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, code in (
        ("pinakes", f'exec {sys.executable} -c "from archive.cli import main; main()" "$@"'),
        ("fetch-telemetry", 'echo "fetched $1"'),
    ):
        (folder / name).write_text(f"#!/bin/sh\n{code}\n", encoding="utf-8")
        (folder / name).chmod(0o755)
    return folder


def shell(settings: Settings, tools: Path, command: str | list[str]) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PINAKES_HOME": str(settings.home), "PATH": f"{tools}:/usr/bin:/bin"}
    args = ["sh", "-c", command] if isinstance(command, str) else command
    return subprocess.run(args, env=env, capture_output=True, text=True, check=False, timeout=60)


def test_the_crontab_runs_what_is_due_records_a_job_and_writes_metrics(
    catalog_one: Catalog, settings: Settings, tools: Path, tmp_path: Path
) -> None:
    disabled = "".join(f"[monitor.{name}]\nenabled = false\n" for name in base.offered())
    add_settings(settings.home, disabled + '[monitor.tick]\ncommand = ["true"]\nschedule = "1s"\n')
    due, fetch, metrics = cron_lines()
    register_all(add_settings(settings.home, ""))
    time.sleep(1.1)  # until a point of the schedule has come
    done = shell(settings, tools, due)
    assert (done.returncode, done.stderr) == (0, ""), "cron mails what is written to standard error"
    assert one(catalog_one, select(monitor_run.c.cause, monitor_run.c.state)) == ("schedule", "success")
    done = shell(settings, tools, fetch)
    assert (done.returncode, done.stdout, done.stderr) == (0, "fetched --yesterday\n", "")
    out = tmp_path / "pinakes.prom"
    done = shell(settings, tools, metrics.replace("/var/lib/node_exporter/textfile/pinakes.prom", str(out)))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert 'pinakes_job_up{monitor="fetch"} 1' in out.read_text(encoding="utf-8")


def test_the_units_call_commands_that_work(catalog_one: Catalog, settings: Settings, tools: Path) -> None:
    for name in ("pinakes-due.service", "fetch.service"):
        command = [part.replace("/opt/pinakes/bin", str(tools)) for part in unit_command(name)]
        done = shell(settings, tools, command)
        assert done.returncode == 0, done.stderr
    assert "fetch" in {row.name for row in rows(catalog_one, select(monitor.c.name).join(monitor_run))}
    program, verb, *options = unit_command("pinakes-schedule.service")
    assert (Path(program).name, verb) == ("pinakes", "schedule")
    done = shell(settings, tools, [str(tools / "pinakes"), "schedule", *options, "--help"])
    assert done.returncode == 0


@pytest.mark.parametrize("path", sorted((EXAMPLES / "systemd").iterdir()), ids=lambda path: path.name)
def test_units_are_read_by_systemd(path: Path, tmp_path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert re.search(r"^\[Unit\]$", text, re.M)
    kind = "Service" if path.suffix == ".service" else "Timer"
    assert re.search(rf"^\[{kind}\]$", text, re.M)
    if path.suffix == ".timer":
        assert path.with_suffix(".service").exists(), "a timer starts the service of its name"


def test_the_monitor_of_the_how_to_works_as_written(
    catalog_one: Catalog, archive_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (ROOT / "docs" / "how-to" / "write-a-monitor.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n# backlog_monitor\.py\n(.*?)```", text, re.S)
    (entry,) = re.findall(r"```toml\n# pyproject\.toml of your package\n(.*?)```", text, re.S)
    (tables,) = re.findall(r"```toml\n# pinakes\.toml\n(.*?)```", text, re.S)
    assert len([line for line in code.splitlines() if line.strip()]) <= 20, "a monitor in 20 lines"
    name, target = re.findall(r'^(\w+) = "([\w.:]+)"', entry, re.M)[0]
    folder = tmp_path / "package"
    info = folder / "how_to-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: how-to\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[pinakes.monitors]\n{name} = {target}\n", encoding="utf-8")
    (folder / "backlog_monitor.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", str(folder))
    base.offered.cache_clear()
    try:
        settings = add_settings(archive_home, tables)
        assert declared(settings, name).fault is None
        ended = run_monitor(settings, declared(settings, name), patience=5)
        assert ended.state == "success", ended
        assert one(catalog_one, select(metric.c.name, metric.c.value)) == ("jobs_waiting", 0)
        with catalog_one.begin() as conn:
            conn.exec_driver_sql("insert into ops.job (kind, key) select 'x', k::text from generate_series(1, 101) k")
        run_monitor(settings, declared(settings, name), patience=5)
        assert one(catalog_one, select(finding.c.code, finding.c.count)) == ("backlog_long", 101)
    finally:
        base.offered.cache_clear()
