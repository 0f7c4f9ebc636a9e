"""Staging: a complete, hashed copy, or a clean refusal."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

import pytest

from archive.errors import DiskFull, UnreadableSource
from archive.store import Home, init_home, staging
from archive.store.fsync import BLOCK


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return init_home(tmp_path / "archive")


def test_the_copy_has_the_bytes_and_their_hash(home: Home, tmp_path: Path) -> None:
    content = os.urandom(3 * BLOCK + 17)
    source = tmp_path / "source"
    source.write_bytes(content)
    staged = staging.stage(source, staging.claim_folder(home, 7, 2), 0)
    assert staged.path == home.staging / "7.2" / "source"
    assert staged.path.read_bytes() == content
    assert (staged.sha256, staged.size) == (hashlib.sha256(content).hexdigest(), len(content))


def test_a_claim_has_its_folder_for_itself(home: Home) -> None:
    staging.claim_folder(home, 7, 2)
    with pytest.raises(FileExistsError):
        staging.claim_folder(home, 7, 2)


@pytest.mark.parametrize("what", ["grown", "rewritten", "replaced", "removed"])
def test_a_source_that_changes_while_it_is_copied_is_refused(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x" * 2 * BLOCK)
    read, calls = os.read, []

    def meddle() -> None:
        if what == "grown":
            with source.open("ab") as out:
                out.write(b"more")
        elif what == "rewritten":
            with source.open("r+b") as out:
                out.write(b"y")
        elif what == "replaced":
            other = tmp_path / "other"
            other.write_bytes(b"x" * 2 * BLOCK)
            other.replace(source)
        else:
            source.unlink()

    def read_and_meddle(descriptor: int, length: int) -> bytes:
        if len(calls) == 1:
            meddle()
        calls.append(length)
        return read(descriptor, length)

    monkeypatch.setattr(os, "read", read_and_meddle)
    with pytest.raises(UnreadableSource) as refused:
        staging.stage(source, staging.claim_folder(home, 1, 1), 0)
    assert refused.value.facts["code"] == "source_changed"


def test_a_pipe_is_refused_without_waiting_for_it(home: Home, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    ended = threading.Event()

    def attempt() -> None:
        with pytest.raises(UnreadableSource, match="not a regular file"):
            staging.stage(pipe, staging.claim_folder(home, 1, 1), 0)
        ended.set()

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    assert ended.wait(5)


@pytest.mark.parametrize(("name", "code"), [("nothing", "source_vanished"), ("folder", "not_a_file")])
def test_what_cannot_be_read_is_refused_with_the_reason(home: Home, tmp_path: Path, name: str, code: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(UnreadableSource) as refused:
        staging.stage(tmp_path / name, staging.claim_folder(home, 1, 1), 0)
    assert refused.value.facts["code"] == code


def test_too_little_room_is_told_before_anything_is_written(home: Home, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x")
    folder = staging.claim_folder(home, 1, 1)
    with pytest.raises(DiskFull, match="make room"):
        staging.stage(source, folder, 1 << 60)
    assert list(folder.iterdir()) == []


def test_the_sweep_takes_what_no_live_claim_names_and_nothing_newer(home: Home) -> None:
    live, dead = staging.claim_folder(home, 1, 1), staging.claim_folder(home, 1, 2)
    (dead / "source").write_bytes(b"x")
    (home.staging / "litter").write_bytes(b"x")
    listed = [entry for entry, _ in staging.claims(home)]
    newer = staging.claim_folder(home, 2, 1)
    removed = staging.sweep(home, listed, {(1, 1)})
    assert sorted(path.name for path in removed) == ["1.2", "litter"]
    assert sorted(path.name for path in home.staging.iterdir()) == [live.name, newer.name]
