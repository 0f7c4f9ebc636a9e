"""Run a program to its end: in its own process group, watched, limited, measured, and nothing left behind.

Used for the monitors themselves and for foreign commands (``pinakes exec``). What the program prints becomes lines of
the log file of the run (`monitors.run_log`), from which every byte can be had again; the end of it is kept as text.
"""

from __future__ import annotations

import contextlib
import os
import resource
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from archive.access import Access
from archive.log import RUN, open_log
from monitors import run_log

#: Names the run in the environment of its processes, so that those that left the process group are found too.
MARK = RUN

#: File descriptor on which a program may tell us about itself (see `Outcome.report`).
REPORT = "PINAKES_REPORT_FD"

TAIL_BYTES = 4096
REPORT_BYTES = 1 << 20

#: Seconds between looks at a running program; a program that ends is noticed at once.
LOOK = 0.25

#: Exit codes of a shell for a command that is not there, or cannot be executed.
NOT_FOUND, NOT_EXECUTABLE = 127, 126


@dataclass(frozen=True, slots=True)
class Limits:
    """What a program may use.

    Attributes
    ----------
    runtime
        Seconds until it is asked to end; None: no limit.
    memory
        Bytes of address space; None: no limit.
    patience
        Seconds between being asked to end (SIGTERM) and being ended (SIGKILL).
    """

    runtime: float | None = None
    memory: int | None = None
    patience: float = 10.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a program ended and what it used.

    Attributes
    ----------
    exit_code, signal
        One of the two is None.
    timed_out, stopped
        Whether we ended it: because of its time limit, or because we were told to.
    wall_s, cpu_user_s, cpu_system_s
        Seconds; processor time with that of its finished children.
    max_rss_bytes
        Peak resident memory of its largest process; None when it was too short-lived to tell.
    read_bytes, written_bytes
        Disk traffic of the program itself, where the system tells.
    tail
        End of its log, as people read it: bytes that are not UTF-8, and control characters, are escaped.
    left_behind
        Number of processes it had left running; they were ended, unless told otherwise.
    report
        What it wrote to the descriptor that the variable `REPORT` names.
    """

    exit_code: int | None
    signal: int | None
    timed_out: bool
    stopped: bool
    wall_s: float
    cpu_user_s: float
    cpu_system_s: float
    max_rss_bytes: int | None
    read_bytes: int | None
    written_bytes: int | None
    tail: str
    left_behind: int
    report: bytes


def run(
    command: Sequence[str],
    log: Path,
    *,
    run_id: str,
    limits: Limits = Limits(),
    environment: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
    echo: bool = False,
    leave_behind: bool = False,
    stop: Callable[[], bool] = lambda: False,
    access: Access | None = None,
) -> Outcome:
    """Run `command` and return how it ended. Nothing is raised for what the program does.

    Parameters
    ----------
    command
        Program and arguments.
    log
        File that what it prints is appended to, as JSON lines. When it cannot be written the program runs all the same.
    run_id
        Marks the processes of the run.
    limits
        What it may use.
    environment
        Its environment; None: ours.
    stdin
        What it reads; None: nothing when not `echo`, else our own standard input.
    echo
        Whether what it prints is passed on to our standard output and error as well.
    leave_behind
        Whether processes that it left running in the background stay.
    stop
        Asked now and then; when it says True, the program is ended.
    access
        Permissions of a new log file.
    """
    watch = _Watch(log, echo, run_id, access or Access())
    env = {**(os.environ if environment is None else environment), MARK: run_id}
    began = time.monotonic()
    try:
        process = watch.start(command, env, stdin)
    except OSError as error:
        watch.note("stderr", f"{command[0]}: {error.strerror}\n".encode())
        watch.close()
        code = NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE
        wall = time.monotonic() - began
        return Outcome(code, None, False, False, wall, 0, 0, None, None, None, watch.tail(), 0, b"")
    if limits.memory is not None:
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(process.pid, resource.RLIMIT_AS, (limits.memory, limits.memory))
    timed_out, stopped = watch.until_end(process.pid, began, limits, stop)
    left = _others(process.pid, run_id)
    if not leave_behind:
        _kill_group(process.pid, signal.SIGKILL)  # the ended program still holds its number, so the group is its own
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
    watch.sample(process.pid)
    _, status, used = os.wait4(process.pid, 0)
    wall = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    watch.drain()
    watch.close()
    return Outcome(
        exit_code=os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
        signal=os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
        timed_out=timed_out,
        stopped=stopped,
        wall_s=wall,
        cpu_user_s=used.ru_utime,
        cpu_system_s=used.ru_stime,
        max_rss_bytes=watch.peak(used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)),
        read_bytes=watch.traffic[0],
        written_bytes=watch.traffic[1],
        tail=watch.tail(),
        left_behind=len(left),
        report=bytes(watch.report),
    )


class _Watch:
    """The streams and samples of one running program."""

    def __init__(self, log: Path, echo: bool, run_id: str, access: Access) -> None:
        self._echo = echo
        self._run_id = run_id
        self._selector = selectors.DefaultSelector()
        self._end = bytearray()
        self._log: int | None = None
        self._logged = False
        self._path = log
        self._streams: dict[str, run_log.Stream] = {}
        self.report = bytearray()
        self.traffic: tuple[int | None, int | None] = (None, None)
        self._sampled: int | None = None
        # The system counts the memory of the starter, at the moment of the start, as that of the program.
        self._floor = _high_water("self") or 0
        with contextlib.suppress(OSError):
            self._log = open_log(log, access)
            self._logged = True

    def start(self, command: Sequence[str], env: dict[str, str], stdin: bytes | None) -> subprocess.Popen[bytes]:
        """Start the program; raises OSError when that is not possible."""
        read, write = os.pipe()
        env[REPORT] = str(write)
        err = subprocess.PIPE if self._echo else subprocess.STDOUT  # in one pipe the order of the two is kept
        source: Any = subprocess.PIPE if stdin is not None else None if self._echo else subprocess.DEVNULL
        try:
            process = subprocess.Popen(  # noqa: S603 - running what the operator named is the purpose
                list(command), stdin=source, stdout=subprocess.PIPE, stderr=err, env=env, pass_fds=(write,),
                start_new_session=True,
            )  # fmt: skip
        except OSError:
            os.close(read)
            raise
        finally:
            os.close(write)
        os.set_blocking(read, False)
        self._selector.register(read, selectors.EVENT_READ, self._take_report)
        ours = (sys.stdout.buffer, sys.stderr.buffer) if self._echo else (None, None)
        names = ("stdout", "stderr") if self._echo else (run_log.OUTPUT, "")
        for pipe, target, name in zip((process.stdout, process.stderr), ours, names, strict=True):
            if pipe is not None:
                os.set_blocking(pipe.fileno(), False)
                self._selector.register(pipe, selectors.EVENT_READ, _Passer(self, name, target))
        if stdin is not None and process.stdin is not None:
            with contextlib.suppress(BrokenPipeError), process.stdin as pipe:
                pipe.write(stdin)  # a few kB of arguments: fits the pipe
        return process

    def until_end(
        self, pid: int, began: float, limits: Limits, stop: Callable[[], bool]
    ) -> tuple[bool, bool]:  # fmt: skip
        """Pass output on until the program has ended (it is not yet reaped); return (timed out, stopped)."""
        ender = os.pidfd_open(pid) if hasattr(os, "pidfd_open") else None
        if ender is not None:
            self._selector.register(ender, selectors.EVENT_READ, None)
        timed_out = stopped = False
        kill_at: float | None = None
        pause = 0.01
        try:
            while not _has_ended(pid):
                now = time.monotonic()
                if kill_at is None:
                    timed_out = limits.runtime is not None and now - began > limits.runtime
                    stopped = not timed_out and stop()
                    if timed_out or stopped:
                        _kill_group(pid, signal.SIGTERM)
                        kill_at = now + limits.patience
                elif now > kill_at:
                    _kill_group(pid, signal.SIGKILL)
                    kill_at = now + limits.patience
                self.sample(pid)
                left = LOOK if limits.runtime is None else max(0.0, began + limits.runtime - now) + 0.001
                self._turn(min(pause, left) if kill_at is None else LOOK / 5)
                pause = min(LOOK, pause * 1.5)
        finally:
            if ender is not None:
                self._selector.unregister(ender)
                os.close(ender)
        return timed_out, stopped

    def sample(self, pid: int) -> None:
        """Look at the peak memory and the disk traffic; both are gone once the program is reaped."""
        high = _high_water(str(pid))
        self._sampled = max(self._sampled or 0, high) if high is not None else self._sampled
        with contextlib.suppress(OSError, ValueError):
            lines = dict(line.split(": ") for line in Path(f"/proc/{pid}/io").read_text().splitlines())
            self.traffic = int(lines["read_bytes"]), int(lines["write_bytes"])

    def peak(self, counted: int) -> int | None:
        """Return the peak memory from the system's count, unless that is our own memory at the start."""
        return counted if counted > self._floor else self._sampled

    def drain(self, seconds: float = 2.0) -> None:
        """Read what is left in the pipes; who still holds their other end is not waited for longer than this."""
        deadline = time.monotonic() + seconds
        while self._selector.get_map() and time.monotonic() < deadline and self._turn(0.05):
            pass

    def note(self, name: str, data: bytes) -> None:
        """Append what came on a stream to the log and to the tail."""
        self._end += data
        del self._end[:-TAIL_BYTES]
        if name not in self._streams:
            self._streams[name] = run_log.Stream(name, self._run_id, self._append)
        self._streams[name].take(data)

    def _append(self, lines: bytes) -> None:
        if self._log is None:
            return
        try:
            self._logged = os.write(self._log, lines) == len(lines) and self._logged
        except OSError:  # a full disk under the log must not stop the program
            self._logged = False

    def tail(self) -> str:
        """Return the end of the log; of what was printed when the log could not be written."""
        text = run_log.end_of(self._path, TAIL_BYTES) if self._logged else ""
        return text or run_log.printable(bytes(self._end))

    def close(self) -> None:
        """Close every stream."""
        for key in list(self._selector.get_map().values()):
            self._drop(key.fileobj)
        self._selector.close()
        for stream in self._streams.values():
            stream.flush(end=True)
        if self._log is not None:
            os.close(self._log)
            self._log = None

    def _turn(self, seconds: float) -> bool:
        """Serve the streams once; return whether any of them had something."""
        ready = self._selector.select(seconds)
        for key, _ in ready:
            if key.data is None:
                continue
            data = os.read(key.fd, 1 << 16)
            if data:
                key.data(data)
            else:
                self._drop(key.fileobj)
        for stream in self._streams.values():
            stream.flush(end=False)
        return bool(ready)

    def _drop(self, stream: Any) -> None:
        self._selector.unregister(stream)
        if isinstance(stream, int):
            os.close(stream)
        else:
            stream.close()

    def _take_report(self, data: bytes) -> None:
        if len(self.report) < REPORT_BYTES:
            self.report += data


class _Passer:
    """Takes one stream of the program, and passes it on, until nobody reads it any more."""

    def __init__(self, watch: _Watch, name: str, target: IO[bytes] | None) -> None:
        self._watch = watch
        self._name = name
        self._target = target

    def __call__(self, data: bytes) -> None:
        self._watch.note(self._name, data)
        if self._target is not None:
            try:
                self._target.write(data)
                self._target.flush()
            except OSError:  # our reader went away; the program's work goes on
                self._target = None


def _has_ended(pid: int) -> bool:
    """Say whether the program has ended, and leave it to be reaped."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _kill_group(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _high_water(pid: str) -> int | None:
    """Return the peak resident memory of a living process in bytes."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return None


def _others(pid: int, run_id: str) -> list[int]:
    """Return the living processes of the run besides the program: those of its group, and those that carry its mark."""
    mark, found = f"{MARK}={run_id}".encode(), []
    for folder in Path("/proc").iterdir() if Path("/proc/self").exists() else ():
        if not folder.name.isdecimal() or int(folder.name) in (pid, os.getpid()):
            continue
        try:
            fields = (folder / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            marked = mark in (folder / "environ").read_bytes().split(b"\0")
        except OSError:  # gone, or not ours to look at
            continue
        if fields[0] not in "ZX" and (marked or int(fields[2]) == pid):
            found.append(int(folder.name))
    return found
