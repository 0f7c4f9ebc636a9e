"""An archive with a package of trial monitors, found through entry points like any other package."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from archive.catalog import Catalog
from archive.config import Settings, load
from monitors import base

CODE = """
import atexit, os, signal, sys, threading, time
from pathlib import Path
from sqlalchemy import delete, insert, select
from monitors.base import Context, Finding, Metric, Monitor, Result, Status
from monitors.guard import Need
from archive.catalog.schema import code_version, query_time
from archive.catalog.schema.monitors import monitor_run


class Trial(Monitor):
    grace = "2m"
    max_runtime = "30s"


class Good(Trial):
    name, title, schedule = "good", "A good one", "*/10 * * * *"
    tables = ("core.code_version",)

    def run(self, context):
        context.log.info("at work")
        context.log.warning("take care")
        context.write(code_version, {"name": ["trial"], "version": [str(context.run_id)]})
        return Result(n_in=5, n_skipped=1, n_failed=1, message="All is well.",
                      metrics=[Metric("trial_size_bytes", 12.5, "B", {"area": "files"}), Metric("trial_gap", None)],
                      findings=[Finding("trial_found", "Look at this.", "error", "subject", 2, {"a": 1})])


class Idle(Trial):
    name = "idle"

    def run(self, context):
        return Result(n_in=0)


class Raises(Trial):
    name = "raises"

    def run(self, context):
        context.write(code_version, {"name": ["raises"], "version": ["1"]})
        raise ValueError("no good: \\0 and\\nmore")


class Reports(Trial):
    name = "reports"

    def run(self, context):
        context.write(code_version, {"name": ["reports"], "version": ["1"]})
        return Result(status=Status.FAILURE, message="Nothing was there.", metrics=[Metric("seen", 0)])


class Hangs(Trial):
    name, max_runtime = "hangs", 1.0

    def run(self, context):
        while True:
            time.sleep(1)


class Eats(Trial):
    name, max_memory = "eats", 900_000_000

    def run(self, context):
        ballast = []
        while True:
            ballast.append(bytearray(50_000_000))


class ErrorsOnly(Trial):
    name = "stderr-only"

    def run(self, context):
        sys.stderr.write("only on standard error\\n")
        return Result()


class Binary(Trial):
    name = "binary"

    def run(self, context):
        sys.stdout.buffer.write(bytes(range(256)) + b"\\n")
        sys.stdout.flush()
        return Result()


class Killed(Trial):
    name = "killed"

    def run(self, context):
        os.kill(os.getpid(), signal.SIGKILL)


class Leaves(Trial):
    name = "leaves"

    def run(self, context):
        os._exit(0)


class Quits(Trial):
    name = "quits"

    def run(self, context):
        sys.exit(0)


class Forks(Trial):
    name = "forks"

    def run(self, context):
        if os.fork() == 0:
            os.setsid()
            (context.settings.home / "fork.pid").write_text(str(os.getpid()))
            time.sleep(60)
            os._exit(0)
        while not (context.settings.home / "fork.pid").exists():
            time.sleep(0.01)
        return Result()


class Slow(Trial):
    name = "slow"

    def run(self, context):
        (context.settings.home / "slow.started").write_text(str(os.getpid()))
        until = time.monotonic() + float(context.options.get("seconds", 3))
        while time.monotonic() < until:
            time.sleep(0.05)
        context.write(code_version, {"name": ["slow"], "version": [str(context.run_id)]})
        return Result(n_in=1)


class Files(Trial):
    name = "files"
    schedule = "0 6 * * *"

    def run(self, context):
        chosen = {name: context.options[name] for name in ("limit", "by") if name in context.options}
        if context.options.get("guarded"):  # a byte takes a byte and a second
            chosen["need"] = lambda file: Need(memory=file.size, seconds=file.size)
        found = context.new_files(**chosen)
        names = [row.relpath for row in found.rows]
        context.write(code_version, {"name": names, "version": [str(context.run_id)] * len(names)})
        if (context.settings.home / "fail").exists():
            raise RuntimeError("on purpose")
        return Result(n_in=len(names), message=" ".join(names))


class Writes(Trial):
    name = "writes"

    def run(self, context):
        context.write(code_version, {"name": ["a", "b"], "version": ["1", "1"]})
        keys = {"id": [7]}
        rest = {"source": ["x"], "at": [context.now], "name": ["x"], "n_calls": [1], "total_s": [1.0],
                "longest_s": [1.0], "statement": ["x"]}
        context.write(query_time, {**keys, **rest}, key=["id"])
        context.write(query_time, {**keys, **rest, "n_calls": [2]}, key=["id"])
        context.at_close(lambda conn: conn.execute(delete(code_version).where(code_version.c.name.like("t%"),
                                                                              code_version.c.name != "t0")))
        context.at_close(lambda conn: conn.execute(delete(query_time)))
        return Result()


class Noisy(Trial):
    name = "noisy"

    def run(self, context):
        def late():
            context.log.error("too late to matter")
            print("CRASHED", file=sys.stderr, flush=True)

        atexit.register(late)
        threading.Thread(target=lambda: (time.sleep(0.2), print("a worker that closes late", flush=True))).start()
        return Result(n_in=1)


class Follows(Trial):
    name = "follows"

    def run(self, context):
        def told(catalog):
            with catalog.read() as conn:
                state = conn.execute(select(monitor_run.c.state).where(monitor_run.c.run_id == context.run_id)).scalar()
            (context.settings.home / "follows.told").write_text(str(state))

        def wait(catalog):
            (context.settings.home / "follows.started").touch()
            time.sleep(float(context.options.get("seconds", 0)))
            with catalog.begin() as conn:
                conn.execute(insert(code_version).values(name="follows", version=str(context.run_id)))

        def fail(catalog):
            raise ValueError("what follows went wrong")

        for action in (fail, wait, told):
            context.afterwards(action)
        return Result(n_in=1, status=Status.FAILURE if context.options.get("fails") else None)


class Idles(Trial):
    name = "sleeps"

    def run(self, context):
        time.sleep(1.5)
        return Result(n_in=1)


class Wrong(Trial):
    name = "wrong"

    def run(self, context):
        return {"status": "ok"}
"""
MONITORS = {
    "good": "Good", "idle": "Idle", "raises": "Raises", "reports": "Reports", "hangs": "Hangs", "eats": "Eats",
    "stderr-only": "ErrorsOnly", "binary": "Binary", "killed": "Killed", "leaves": "Leaves", "quits": "Quits",
    "forks": "Forks", "slow": "Slow", "files": "Files", "wrong": "Wrong",
    "writes": "Writes", "noisy": "Noisy", "sleeps": "Idles", "follows": "Follows",
}  # fmt: skip


@pytest.fixture
def trial_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Install the trial monitors, for this process and for those it starts."""
    folder = tmp_path / "site"
    info = folder / "trial-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: trial\nVersion: 1.0\n", encoding="utf-8")
    lines = [f"{name} = trial_monitors:{code}" for name, code in MONITORS.items()]
    lines += ["absent = no_such_module:Absent"]
    (info / "entry_points.txt").write_text("\n".join(["[pinakes.monitors]", *lines, ""]), encoding="utf-8")
    (folder / "trial_monitors.py").write_text(CODE, encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", str(folder))
    base.offered.cache_clear()
    yield folder
    base.offered.cache_clear()


@pytest.fixture
def settings(archive_home: Path, trial_package: Path) -> Settings:
    """The settings of an archive with the trial monitors."""
    return load(archive_home)


def add_settings(home: Path, text: str) -> Settings:
    """Append to ``pinakes.toml`` and read the settings again."""
    path = home / "pinakes.toml"
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")
    return load(home)


def one(catalog: Catalog, query: Any) -> Any:
    """Return the only row of a query."""
    with catalog.read() as conn:
        return conn.execute(query).one()


def rows(catalog: Catalog, query: Any) -> list[Any]:
    """Return the rows of a query."""
    with catalog.read() as conn:
        return list(conn.execute(query))
