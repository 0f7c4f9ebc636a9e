"""The file-system walk: a full one and one of an unchanged tree, beside a plain `os.walk` with `os.stat`."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from archive.store.folders import Area, Folder
from archive.store.grammar import home_files
from archive.store.totals import Totals
from archive.store.tree import SLOTS, Again, Walk
from scripts.benchmarks.row import Row

if TYPE_CHECKING:
    from archive.catalog import Catalog

FILES = 200_000
LARGE = 1_000_000
PER_FOLDER = 200
SIZE = 64

#: Walks the tree in a process of its own, so that its peak memory is that of the walk, and prints it in bytes.
MEMORY = "import sys; from scripts.benchmarks import tree; tree.alone(sys.argv[1])"


def measure(large: bool) -> list[Row]:
    """Make a tree of small files with the names of the archive, and walk over it; all rounds warm."""
    files = LARGE if large else FILES
    with tempfile.TemporaryDirectory(prefix="pinakes-bench-tree-") as folder:
        root = Path(folder)
        entries = make(root, files)
        usual, full, again, turn = [], [], [], []
        walk(root)
        for _ in range(3):
            usual.append(timed(lambda: plain(root)))
            full.append(timed(lambda: walk(root)))
            known = walk(root)
            for one in known.values():
                one.reusable = True  # as if the folders had rested for two seconds
            again.append(timed(lambda known=known: walk(root, Again(known))))
            turn.append(timed(lambda known=known: walk(root, Again(known, 7))))
        command = [sys.executable, "-c", MEMORY, folder]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    rate, note = entries / median(usual), f"({entries:,} entries)"
    return [
        Row(f"walk, full {note}", entries / median(full), "entries/s", ">= 100 000", rate, "os.walk + os.stat"),
        Row("walk again, unchanged", median(again), "s", ">= 10x faster", median(full), "full walk"),
        Row(f"the same, with 1/{SLOTS} of the folders listed", median(turn), "s", ">= 10x faster", median(full),
            "full walk"),
        Row("peak memory of a full walk", int(done.stdout) / 2**20, "MB", "< 300 MB"),
        *measure_runs(files, rate),
    ]  # fmt: skip


def measure_runs(files: int, usual: float) -> list[Row]:
    """Run the monitor of the file system, in its own process, over an archive whose catalog has a row for each file."""
    from archive.catalog import Catalog
    from archive.config import open_home

    with tempfile.TemporaryDirectory(prefix="pinakes-bench-") as folder:
        Path(folder).chmod(0o711)  # started by root the server runs under another account, which must pass
        home = Path(folder) / "archive"
        pinakes(home, "init")
        try:
            entries = make(home / "files", files)
            settings = open_home(home)
            with Catalog.connect(settings) as catalog:
                fill(catalog, home)
                time.sleep(3)  # folders that have just changed are not taken over
                runs = [run(catalog, home) for _ in range(4)]
        finally:
            pinakes(home, "db", "stop")
    (first, *again) = runs
    unchanged = median(seconds for seconds, _ in again)
    return [
        # The budgets are those of the walk: the comparison of every name with the catalog, and the commit, come on top.
        Row(f"run of the monitor, full ({entries:,} entries, each in the catalog)", entries / first[0], "entries/s",
            "-", usual, "os.walk + os.stat"),
        Row("run of the monitor again, unchanged", unchanged, "s", "-", first[0], "full run"),
        Row("peak memory of a full run", first[1] / 2**20, "MB", "< 300 MB"),
    ]  # fmt: skip


def fill(catalog: Catalog, home: Path) -> None:
    """Give every file a row."""
    from archive.catalog.bulk import copy_rows
    from archive.catalog.reference import product_ids
    from archive.catalog.schema import core

    with catalog.begin() as conn:
        kind = next(iter(product_ids(conn).values()))
        for parent, _, names in os.walk(home / "files"):
            where = Path(parent).relative_to(home).as_posix()
            columns: dict[str, list[object]] = {
                "product_id": [kind] * len(names), "relpath": [f"{where}/{name}" for name in names],
                "received": [False] * len(names), "sha256": ["0" * 64] * len(names), "size": [SIZE] * len(names),
                "state": ["available"] * len(names),
            }  # fmt: skip
            copy_rows(conn, core.file, columns)
    with catalog.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.exec_driver_sql("vacuum (analyze) core.file")


def run(catalog: Catalog, home: Path) -> tuple[float, int]:
    """Run the monitor once; return its seconds, with start of the process and commit, and its peak memory in bytes."""
    from sqlalchemy import text

    pinakes(home, "monitor", "run", "filesystem")
    with catalog.read() as conn:
        row = conn.execute(text("select * from ops.monitor_run order by started desc limit 1")).one()
        assert row.state == "success", row.error_message
    return row.wall_s, row.max_rss_bytes


def pinakes(home: Path, *arguments: str) -> None:
    """Run the command."""
    program = str(Path(sys.executable).with_name("pinakes"))
    subprocess.run([program, "--home", str(home), "--quiet", *arguments], check=True, stdout=subprocess.DEVNULL)


def make(root: Path, files: int) -> int:
    """Write the tree and return the number of entries in it."""
    folders = max(1, files // PER_FOLDER)
    content = b"x" * SIZE
    for number in range(folders):
        year, month = divmod(number // 5, 12)
        folder = root / f"inst{number % 5}" / "l1a" / f"{1900 + year:04d}" / f"{month + 1:02d}"
        folder.mkdir(parents=True)
        for count in range(PER_FOLDER):
            name = f"imap_inst{number % 5}_l1a_events_20260101T{count:06d}_{number:08x}_v001.h5"
            fd = os.open(folder / name, os.O_CREAT | os.O_WRONLY, 0o644)
            os.write(fd, content)
            os.close(fd)
    return sum(len(folders) + len(names) for _, folders, names in os.walk(root))


def plain(root: Path) -> int:
    """Add up sizes the established way."""
    return sum(
        os.stat(os.path.join(folder, name)).st_size  # noqa: PTH116, PTH118 - the established way
        for folder, _, names in os.walk(root)
        for name in names
    )


def walk(root: Path, again: Again | None = None) -> dict[tuple[str, str], Folder]:
    """Walk, add up, and return the folders."""
    totals, found = Totals(), {}
    for folder in Walk([Area("files", root, home_files)], again):
        totals.add(folder)
        found[folder.area, folder.path] = folder
    totals.finish()
    return found


def alone(root: str) -> None:
    """Walk as the only work of a process and print its peak memory in bytes."""
    walk(Path(root))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def timed(action: object) -> float:
    """Return the seconds that one call takes."""
    begin = time.perf_counter()
    action()  # type: ignore[operator]
    return time.perf_counter() - begin
