"""Whatever a program does, it ends, it is measured, and nothing of it stays behind."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import psutil
import pytest

from monitors import run_log
from monitors.run_log import printable
from monitors.supervise import Limits, Outcome, run


def python(code: str, log: Path, **kwargs: Any) -> Outcome:
    kwargs.setdefault("run_id", uuid.uuid4().hex)
    return run([sys.executable, "-c", code], log, **kwargs)


def kept(log: Path) -> bytes:
    """Return what the log file keeps of what was printed."""
    return b"".join(run_log.printed(entry) for entry in run_log.read(log))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "run.log"


def test_a_good_program_leaves_its_exit_code_output_and_use(log: Path) -> None:
    outcome = python("print('hello'); sum(i*i for i in range(2_000_000))", log)
    assert (outcome.exit_code, outcome.signal, outcome.timed_out, outcome.left_behind) == (0, None, False, 0)
    assert outcome.tail == "hello\n"
    (line,) = log.read_text(encoding="ascii").splitlines()
    entry = json.loads(line)
    assert (entry["level"], entry["module"], entry["message"]) == ("output", "output", "hello")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", entry["time"])
    assert 0 < outcome.cpu_user_s <= outcome.wall_s + 0.1


def test_an_exit_code_is_kept(log: Path) -> None:
    assert python("raise SystemExit(42)", log).exit_code == 42


def test_peak_memory_is_that_of_the_program_and_not_of_its_starter(log: Path) -> None:
    ballast = bytearray(os.urandom(1) * 150_000_000)
    small = python("import time; time.sleep(0.3)", log)
    large = python("x = bytearray(b'1' * 300_000_000); import time; time.sleep(0.1)", log)
    assert small.max_rss_bytes is not None
    assert small.max_rss_bytes < 60e6 < len(ballast)
    assert large.max_rss_bytes is not None
    assert 300e6 < large.max_rss_bytes < 700e6


def test_a_program_that_writes_to_standard_error_only(log: Path) -> None:
    outcome = python("import sys; sys.stderr.write('only here\\n')", log)
    assert (outcome.exit_code, outcome.tail) == (0, "only here\n")


def test_binary_output_is_kept_byte_for_byte_and_shown_escaped(log: Path) -> None:
    data = bytes(range(256)) * 40
    outcome = python(f"import sys; sys.stdout.buffer.write(bytes(range(256)) * 40)", log)  # noqa: F541
    assert kept(log) == data
    assert all(json.loads(line)["level"] == "output" for line in log.read_text(encoding="ascii").splitlines())
    assert "\0" not in outcome.tail
    assert "\\xff" in outcome.tail
    assert "\\x00" in outcome.tail
    assert printable(b"\x1b[2Jok") == "\\x1b[2Jok"


def test_a_hanging_program_is_asked_to_end_when_its_time_is_over(log: Path) -> None:
    outcome = python("import time\nwhile True: time.sleep(1)", log, limits=Limits(runtime=0.5))
    assert outcome.timed_out
    assert outcome.signal == signal.SIGTERM
    assert 0.5 <= outcome.wall_s < 3


def test_a_program_that_ignores_being_asked_is_ended(log: Path) -> None:
    code = (
        "import signal, time\nsignal.signal(15, signal.SIG_IGN)\nprint('deaf', flush=True)\nwhile True: time.sleep(1)"
    )
    outcome = python(code, log, limits=Limits(runtime=0.7, patience=0.5))
    assert (outcome.timed_out, outcome.signal) == (True, signal.SIGKILL)
    assert 1.1 <= outcome.wall_s < 5
    assert outcome.tail == "deaf\n"


def test_a_killed_program_tells_its_signal(log: Path) -> None:
    outcome = python("import os; os.kill(os.getpid(), 9)", log)
    assert (outcome.exit_code, outcome.signal, outcome.timed_out) == (None, 9, False)


def test_exhausting_its_memory_ends_the_program_and_nothing_else(log: Path) -> None:
    outcome = python("import time; time.sleep(.2)\nx = []\nwhile True: x.append(bytearray(10_000_000))", log,
                     limits=Limits(memory=400_000_000, runtime=30))  # fmt: skip
    assert outcome.exit_code == 1
    assert "MemoryError" in outcome.tail
    assert outcome.max_rss_bytes is not None
    assert outcome.max_rss_bytes < 450_000_000


FORKS = """
import os, sys, time
if os.fork() == 0:
    if {away}:
        os.setsid()
    if os.fork() == 0:
        open({path!r}, "w").write(str(os.getpid()))
        time.sleep(60)
    os._exit(0)
while not os.path.exists({path!r}) or not open({path!r}).read():
    time.sleep(0.01)
"""


@pytest.mark.parametrize("away", [False, True], ids=["in its group", "in a session of its own"])
def test_processes_that_stay_behind_are_ended(log: Path, tmp_path: Path, away: bool) -> None:
    note = tmp_path / "pid"
    began = time.monotonic()
    outcome = python(FORKS.format(away=away, path=str(note)), log)
    assert (outcome.exit_code, outcome.left_behind) == (0, 1)
    assert time.monotonic() - began < 10
    assert gone(int(note.read_text()))


def test_processes_may_stay_behind_when_told_so(log: Path, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    outcome = python(FORKS.format(away=True, path=str(note)), log, leave_behind=True, echo=True)
    pid = int(note.read_text())
    try:
        assert outcome.left_behind == 1
        assert psutil.pid_exists(pid)
        assert outcome.wall_s < 10, "nobody waits for a process that holds the pipe"
    finally:
        os.kill(pid, signal.SIGKILL)


def gone(pid: int) -> bool:
    for _ in range(100):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.02)
    return False


def test_output_is_passed_on_to_both_streams_and_logged(log: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    outcome = python("import sys; print('out'); sys.stderr.write('err\\n')", log, echo=True)
    seen = capfdbinary.readouterr()
    assert (seen.out, seen.err) == (b"out\n", b"err\n")
    assert sorted((e["module"], e["message"]) for e in run_log.read(log)) == [("stderr", "err"), ("stdout", "out")]
    assert "out\n" in outcome.tail


def test_a_long_output_keeps_its_end(log: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    outcome = python("print('x' * 5_000_000); print('the end')", log, echo=True)
    assert len(capfdbinary.readouterr().out) == 5_000_009
    assert outcome.tail.endswith("x\nthe end\n")
    assert len(outcome.tail) <= 4096
    assert kept(log) == b"x" * 5_000_000 + b"\nthe end\n", "a long line is kept in pieces"


def test_a_line_that_is_not_ended_is_in_the_log_before_the_program_ends(log: Path) -> None:
    thread = threading.Thread(
        target=python, args=("import time; print('half', end='', flush=True); time.sleep(4)", log)
    )
    thread.start()
    until = time.monotonic() + 3.5
    while time.monotonic() < until and not (log.exists() and log.stat().st_size):
        time.sleep(0.05)
    early = time.monotonic() < until
    assert early
    assert kept(log) == b"half"
    thread.join()
    assert kept(log) == b"half"


def test_a_password_that_a_program_prints_is_masked(log: Path) -> None:
    outcome = python("print('postgresql://me:hunter22@db/x'); print('password=hunter22 host=db')", log)
    assert "hunter22" not in outcome.tail + log.read_text(encoding="ascii")
    assert outcome.tail == "postgresql://me:***@db/x\npassword=*** host=db\n"


@pytest.mark.parametrize(("command", "code"), [("/no/such/program", 127), ("/", 126)])
def test_a_command_that_cannot_start_is_an_exit_code_as_in_a_shell(log: Path, command: str, code: int) -> None:
    outcome = run([command], log, run_id="x")
    assert outcome.exit_code == code
    assert command in outcome.tail


def test_a_log_that_cannot_be_written_does_not_stop_the_program(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file where a folder should be", encoding="utf-8")
    assert python("print('done')", tmp_path / "logs" / "run.log").exit_code == 0


def test_a_full_disk_under_the_log_does_not_stop_the_program(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    outcome = python("print('x' * 100_000); print('done')", Path("/dev/full"), echo=True)
    assert outcome.exit_code == 0
    assert outcome.tail.endswith("done\n")
    assert len(capfdbinary.readouterr().out) == 100_006


def test_a_stop_from_outside_ends_the_program(log: Path) -> None:
    event = threading.Event()
    threading.Timer(0.4, event.set).start()
    outcome = python("import time; time.sleep(60)", log, stop=event.is_set)
    assert (outcome.stopped, outcome.timed_out, outcome.signal) == (True, False, signal.SIGTERM)
    assert outcome.wall_s < 5


def test_a_program_can_report_about_itself(log: Path) -> None:
    code = "import os; os.write(int(os.environ['PINAKES_REPORT_FD']), b'x' * 200_000 + b'end')"
    assert python(code, log).report == b"x" * 200_000 + b"end"


def test_several_programs_at_once_do_not_meet(tmp_path: Path) -> None:
    outcomes: dict[int, Outcome] = {}

    def work(k: int) -> None:
        outcomes[k] = python(f"import time; time.sleep(0.{k}); raise SystemExit({k})", tmp_path / f"{k}.log")

    threads = [threading.Thread(target=work, args=(k,)) for k in range(1, 6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {k: o.exit_code for k, o in outcomes.items()} == {k: k for k in range(1, 6)}
    assert all(o.left_behind == 0 for o in outcomes.values())
