"""The verbs: what they print, and the exit codes scripts rely on."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from typing import Any

import pytest
from sqlalchemy import select

from archive.catalog import Catalog
from archive.catalog.schema.monitors import monitor_run
from archive.cli import cli, run
from archive.config import Settings
from tests.monitors.conftest import add_settings, one
from tests.monitors.test_runner import wait_for

PROBE = """
import sys
from archive.cli import run
code = run(sys.argv[1:])
heavy = {"numpy", "scipy", "numba", "h5py", "bokeh", "lmfit", "astropy", "dask"} & set(sys.modules)
assert not heavy, heavy
sys.exit(code)
"""


class Verb:
    """Calls a verb as the command line does."""

    def __init__(self, settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
        self._home, self._capsys = str(settings.home), capsys

    def __call__(self, *args: str) -> tuple[int, str, str]:
        code = run(["--home", self._home, *args])
        seen = self._capsys.readouterr()
        return code, seen.out, seen.err

    def json(self, *args: str) -> list[dict[str, Any]]:
        code, out, _ = self(*args, "--json")
        assert code in (0, 4)
        return [json.loads(line) for line in out.splitlines()]


@pytest.fixture
def verb(settings: Settings, catalog_one: Catalog, capsys: pytest.CaptureFixture[str]) -> Verb:
    return Verb(settings, capsys)


def test_exit_codes_of_a_run(verb: Verb) -> None:
    assert verb("monitor", "run", "good")[:2] == (0, "good: success: All is well.\n")
    code, out, err = verb("monitor", "run", "raises")
    assert (code, out) == (1, "raises: failure: no good: and more\n")
    assert "Its log: " in err
    assert verb("monitor", "run", "raises", "idle")[0] == 3
    code, _, err = verb("monitor", "run", "unknown")
    assert code == 1
    assert "No monitor named 'unknown' is declared (declared: absent, binary" in err
    assert verb("monitor", "run")[0] == 2
    assert verb("monitor", "run", "good", "--whole")[0] == 2
    assert verb("monitor", "run", "--due", "--since", "2026-01-01")[0] == 2


def test_a_broken_declaration_does_not_keep_the_others_from_running(verb: Verb, settings: Settings) -> None:
    add_settings(settings.home, '[monitor.good]\nschedule = "61 * * * *"\n')
    code, out, _ = verb("monitor", "run", "good", "idle")
    assert code == 3
    assert "good: failure: The monitor 'good' cannot run: In the cron expression" in out
    assert "idle: no_work" in out


def test_list_shows_what_needs_attention_first(verb: Verb) -> None:
    verb("monitor", "run", "good", "raises")
    found = verb.json("monitor", "list")
    assert [row["name"] for row in found][:2] == ["absent", "raises"]
    by_name = {row["name"]: row for row in found}
    assert (by_name["good"]["state"], by_name["raises"]["state"], by_name["absent"]["state"]) == (
        "up",
        "failed",
        "invalid",
    )
    assert by_name["good"]["schedule"] == "*/10 * * * *"
    assert "no_such_module" in by_name["absent"]["message"]
    code, out, _ = verb("monitor", "list")
    assert code == 0
    assert out.splitlines()[0].split() == ["name", "state", "since", "last_start", "next_due", "schedule", "message"]


def test_history_and_health(verb: Verb) -> None:
    verb("monitor", "run", "good", "raises")
    assert [row["name"] for row in verb.json("monitor", "history")] == ["raises", "good"]
    assert [row["state"] for row in verb.json("monitor", "history", "--state", "failure")] == ["failure"]
    assert verb("monitor", "history", "unknown")[0] == 1


def test_the_log_of_a_run_is_read_as_text_and_as_json(verb: Verb) -> None:
    verb("monitor", "run", "raises")
    verb("monitor", "run", "good")
    code, text, _ = verb("monitor", "log", "good")
    assert code == 0
    assert [line.split(" ", 1)[1] for line in text.splitlines()] == [
        "info pinakes.run: begun: good", "info pinakes.monitor.good: at work",
        "warning pinakes.monitor.good: take care", "info pinakes.run: ended: good: success",
    ]  # fmt: skip
    assert [entry["message"] for entry in verb.json("monitor", "log", "good")][1:3] == ["at work", "take care"]
    run = verb.json("monitor", "history", "raises")[0]["run_id"]
    text = verb("monitor", "log", "raises", "--run", run[:23])[1]
    assert "error pinakes.monitor.raises: the run failed\nTraceback (most recent call last):\n" in text
    assert verb("monitor", "log", "good", "--run", run)[0] == 1
    assert verb("monitor", "log", "absent")[0] == 1
    verb("monitor", "run", "jobs")
    code, out, _ = verb("monitor", "health")
    assert code == 4
    assert "up_7d_%" in out
    assert [row["to_state"] for row in verb.json("monitor", "health", "good")] == ["up", "new"]
    assert verb("monitor", "health", "good")[0] == 0
    assert verb("monitor", "health", "raises")[0] == 4


def test_disable_and_enable(verb: Verb) -> None:
    assert verb("monitor", "disable", "good")[0] == 0
    (row,) = [row for row in verb.json("monitor", "list") if row["name"] == "good"]
    assert row["state"] == "paused"
    assert verb("monitor", "enable", "good")[0] == 0
    (row,) = [row for row in verb.json("monitor", "list") if row["name"] == "good"]
    assert row["state"] == "new"
    assert verb("monitor", "disable", "unknown")[0] == 1


def test_nothing_due_is_no_mistake(verb: Verb) -> None:
    code, out, err = verb("monitor", "run", "--due", "idle")
    assert (code, out, err) == (0, "", "Nothing to run.\n")


def test_a_terminated_run_is_recorded(catalog_one: Catalog, settings: Settings) -> None:
    add_settings(settings.home, "[monitor.slow.options]\nseconds = 60\n")
    program = [sys.executable, "-c", "from archive.cli import main; main()", "--home", str(settings.home)]
    process = subprocess.Popen([*program, "monitor", "run", "slow"], stdout=subprocess.PIPE, text=True)
    wait_for(settings.home / "slow.started")
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "slow: killed" in out
    assert one(catalog_one, select(monitor_run.c.state, monitor_run.c.error_type)) == ("killed", "Signal")


@pytest.mark.parametrize("args", [["monitor", "list"], ["monitor", "history"], ["monitor", "health"], ["metrics"]])
def test_looking_imports_no_science(settings: Settings, catalog_one: Catalog, args: list[str]) -> None:
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", PROBE, "--home", str(settings.home), *args], capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 4), done.stderr
    assert time.monotonic() - began < 20


def test_every_verb_is_there() -> None:
    found = {"monitor", "schedule", "exec", "metrics"}
    context = cli.make_context("pinakes", ["monitor"], resilient_parsing=True)
    assert found <= set(cli.list_commands(context))
