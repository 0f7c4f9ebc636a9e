"""The log is one JSON object per line, in UTC, whatever a file is called, and holds no secret."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from archive import log

UTC_MILLISECONDS = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
RUN = "0198a5b2-0000-7000-8000-000000000001"


@pytest.fixture(autouse=True)
def _no_handlers_stay(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(log.RUN, RUN)
    monkeypatch.setattr(log, "_secrets", set())
    yield
    logger = logging.getLogger(log.LOGGER)
    for handler in list(logger.handlers):
        handler.close()
        logger.removeHandler(handler)
    logger.propagate = True


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()]


def test_a_hostile_name_cannot_break_the_line(tmp_path: Path) -> None:
    path = log.to_file(tmp_path, "ingest")
    name = "a\nb\x1b[31m\u202e\udcff"
    log.get("ingest").info("took %s", name)
    assert len(path.read_bytes().splitlines()) == 1
    (entry,) = lines(path)
    assert re.fullmatch(UTC_MILLISECONDS, entry.pop("time"))
    assert entry == {
        "level": "info", "run": RUN, "process": os.getpid(), "module": "pinakes.ingest", "message": f"took {name}",
    }  # fmt: skip


def test_the_readable_form_is_one_line_too() -> None:
    record = logging.LogRecord("pinakes.ingest", logging.INFO, "", 0, "took %s", ("a\nb\x1b[31m",), None)
    shown = log.OneLine().format(record)
    assert re.fullmatch(UTC_MILLISECONDS + r" \w+ \d+ pinakes\.ingest: took a\\nb\\x1b\[31m", shown), shown
    assert record.args, "the record itself is as it was, for the other handlers"


def test_a_traceback_and_extras_are_fields(tmp_path: Path) -> None:
    path = log.to_file(tmp_path, "work")
    try:
        raise ValueError("no\ngood")
    except ValueError:
        extra = {"file": Path("/x"), "size": 3, "share": float("nan"), "names": ("a", None)}
        log.get("jobs").exception("a bug", extra=extra)
    (entry,) = lines(path)
    assert entry["message"] == "a bug"
    assert entry["extras"] == {"file": "/x", "size": 3, "share": "nan", "names": ["a", None]}
    assert entry["traceback"].startswith("Traceback (most recent call last)")
    assert entry["traceback"].endswith("ValueError: no\ngood\n")


def test_arguments_that_do_not_fit_are_shown_and_lose_nothing(tmp_path: Path) -> None:
    path = log.to_file(tmp_path, "work")
    log.get("jobs").info("%d files", "many")
    assert lines(path)[0]["message"] == "%d files ('many',)"


def test_the_name_of_the_file_carries_the_run_and_two_runs_never_share_one(tmp_path: Path) -> None:
    first = log.to_file(tmp_path, "exec", run="one")
    log.get("exec").info("first")
    second = log.to_file(tmp_path, "exec", run="two")
    log.get("exec").info("second")
    assert re.fullmatch(r"exec-\d{8}T\d{6}Z-one\.log", first.name)
    assert [[e["message"] for e in lines(path)] for path in (first, second)] == [["first"], ["second"]]
    assert log.to_file(tmp_path, "exec", run="two") == second, "and one run has one file"


@pytest.mark.parametrize("name", ["photometry", ".p", "ypy.", "py"])
def test_the_name_of_a_verb_keeps_its_letters(tmp_path: Path, name: str) -> None:
    assert log.to_file(tmp_path, name).name.startswith(f"{name}-2")


def test_a_process_inherits_the_run_of_the_one_that_started_it() -> None:
    code = "from archive import log; print(log.run_id())"
    given = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert given.stdout.strip() == RUN
    odd = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, log.RUN: "../x"}
    )
    assert re.fullmatch(r"[0-9a-f-]{36}", odd.stdout.strip()), "a run id that cannot be a name is not taken"


def test_secrets_are_masked_in_message_extras_traceback_and_on_the_terminal(tmp_path: Path) -> None:
    path = log.to_file(tmp_path, "work")
    log.hide("s3cret/word")
    url = "postgresql://me:hunter22@db.example/x?sslmode=require"
    try:
        raise RuntimeError(f"could not connect to {url}")
    except RuntimeError:
        log.get("jobs").exception(
            "tried %s with s3cret/word, s3cret%%2Fword", url, extra={"dsn": "host=db password='hunter22 x'", "at": url}
        )
    text = path.read_text(encoding="ascii")
    assert "hunter22" not in text
    assert "s3cret" not in text
    (entry,) = lines(path)
    assert entry["message"] == "tried postgresql://me:***@db.example/x?sslmode=require with ***, ***"
    assert entry["extras"] == {"dsn": "host=db password=***", "at": "postgresql://me:***@db.example/x?sslmode=require"}
    record = logging.makeLogRecord({"msg": "tried %s", "args": (url,), "name": "x"})
    assert log.OneLine().format(record).endswith("tried postgresql://me:***@db.example/x?sslmode=require")


def test_processes_share_a_file_and_every_line_stays_whole(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "shared.log"

    def write(k: int) -> None:
        handler = log.LineFile(path, RUN)
        for n in range(50):
            handler.emit(logging.makeLogRecord({"msg": f"{k} {n} " + "x" * 20_000}))
        handler.close()

    threads = [threading.Thread(target=write, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({entry["message"] for entry in lines(path)}) == 200


def test_a_full_disk_is_told_once_and_stops_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    handler = log.LineFile(Path("/dev/full"), RUN)
    for _ in range(3):
        handler.emit(logging.makeLogRecord({"msg": "at work"}))
    handler.close()
    assert capsys.readouterr().err == "The log /dev/full cannot be written: No space left on device.\n"


def test_the_file_holds_what_its_level_asks_for_and_other_loggers_are_left_alone(tmp_path: Path) -> None:
    library = logging.getLogger("a.library.imported.before")
    path = log.to_file(tmp_path, "work")
    for level in ("debug", "info", "warning"):
        log.get("jobs").log(logging.getLevelNamesMapping()[level.upper()], level)
    assert [entry["level"] for entry in lines(path)] == ["info", "warning"]
    assert not library.disabled
    assert not logging.getLogger().handlers or log.LineFile not in map(type, logging.getLogger().handlers)
    quiet = log.to_file(tmp_path, "quiet", "error")
    log.get("jobs").warning("not this")
    assert not quiet.exists(), "a file appears with its first line"


def test_times_are_utc_in_any_zone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    time.tzset()
    try:
        path = log.to_file(tmp_path, "work")
        before = datetime.now(UTC)
        log.get("jobs").info("x")
        record = logging.LogRecord("x", logging.INFO, "", 0, "x", None, None)
        said = [lines(path)[0]["time"], log.OneLine().format(record).split()[0]]
    finally:
        monkeypatch.undo()
        time.tzset()
    for text in said:
        assert abs(datetime.fromisoformat(text) - before) < timedelta(seconds=5), text


def test_the_name_of_the_installation_stands_in_every_line(tmp_path: Path) -> None:
    path = log.to_file(tmp_path, "work", environment="ops")
    log.get("jobs").info("x")
    assert lines(path)[0]["environment"] == "ops"
