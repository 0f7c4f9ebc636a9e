"""Watching: a file is taken once it has not changed for long enough, once for each state it was in."""

from __future__ import annotations

from pathlib import Path

import pytest

from archive.errors import DatabaseUnavailable
from archive.ingest.watch import watch
from archive.store import Home, init_home


class Clock:
    """Time that passes only while the watch waits; a script of what happens at which second."""

    def __init__(self, script: dict[float, object], end: float) -> None:
        self.now = 0.0
        self._script = dict(script)
        self._end = end

    def read(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds
        for at in sorted(self._script):
            if at <= self.now:
                self._script.pop(at)()  # type: ignore[operator]
        if self.now >= self._end:
            raise KeyboardInterrupt


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return init_home(tmp_path / "archive")


def run(home: Home, script: dict[float, object], end: float, bring_in: object = None) -> list[tuple[float, list[str]]]:
    """Watch the drop folder with a settling time of 2 s; return when which files were taken."""
    clock = Clock(script, end)
    taken: list[tuple[float, list[str]]] = []

    def note(paths: list[Path]) -> None:
        if bring_in is not None:
            bring_in()  # type: ignore[operator]
        taken.append((clock.now, [path.name for path in paths]))

    with pytest.raises(KeyboardInterrupt):
        watch(home.incoming, home, 2.0, note, clock.wait, clock.read)
    return taken


def test_a_growing_file_is_taken_when_it_has_settled(home: Home) -> None:
    path = home.incoming / "a"

    def grow() -> None:
        with path.open("ab") as out:
            out.write(b"x")

    taken = run(home, {1: grow, 2: grow, 3: grow, 4: grow}, end=20)
    assert [names for _, names in taken] == [["a"]]
    assert 6 <= taken[0][0] < 7


def test_a_file_that_changes_after_it_was_taken_is_taken_again(home: Home) -> None:
    path = home.incoming / "a"
    path.write_bytes(b"1")
    taken = run(home, {8.0: lambda: path.write_bytes(b"12")}, end=20)
    assert [names for _, names in taken] == [["a"], ["a"]]


def test_hidden_unfinished_and_vanished_files_are_not_taken(home: Home) -> None:
    for name in (".a", "b.part", "c"):
        (home.incoming / name).write_bytes(b"1")
    assert run(home, {1.0: (home.incoming / "c").unlink}, end=10) == []


def test_a_drop_folder_that_is_not_there_yet_is_waited_for(home: Home) -> None:
    home.incoming.rmdir()

    def appear() -> None:
        home.incoming.mkdir()
        (home.incoming / "a").write_bytes(b"1")

    assert [names for _, names in run(home, {3.0: appear}, end=10)] == [["a"]]


def test_while_the_catalog_is_away_nothing_is_forgotten(home: Home) -> None:
    (home.incoming / "a").write_bytes(b"1")
    away = iter([True, True, False])

    def bring_in() -> None:
        if next(away):
            raise DatabaseUnavailable("It is away.")

    taken = run(home, {}, end=60, bring_in=bring_in)
    assert [names for _, names in taken] == [["a"]]
    assert taken[0][0] >= 6, "it waits longer each time"
