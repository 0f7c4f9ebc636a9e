"""Placing, quarantine, disposal and scanning: bytes under a final name are complete and never change."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from archive.errors import HashMismatch, NameConflict, UsageError
from archive.store import Home, init_home, quarantine
from archive.store.dispose import Policy, dispose
from archive.store.place import Placed, place
from archive.store.scan import scan
from archive.store.staging import Stamp

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return init_home(tmp_path / "archive")


def staged(home: Home, content: bytes, name: str = "staged") -> tuple[Path, str]:
    path = home.staging / name
    path.write_bytes(content)
    return path, hashlib.sha256(content).hexdigest()


def test_a_file_is_placed_once_and_adopted_ever_after(home: Home) -> None:
    path, sha256 = staged(home, b"bytes")
    assert place(home, path, "files/a/b", sha256) is Placed.LINKED
    assert place(home, path, "files/a/b", sha256) is Placed.ADOPTED
    assert home.path("files/a/b").read_bytes() == b"bytes"
    assert home.path("files/a/b").stat().st_mode & 0o777 == 0o444


@pytest.mark.parametrize("occupant", ["file", "symlink", "dangling", "folder"])
def test_other_bytes_under_the_name_are_never_touched(home: Home, tmp_path: Path, occupant: str) -> None:
    target = home.files / "name"
    if occupant == "file":
        target.write_bytes(b"theirs")
    elif occupant == "folder":
        target.mkdir()
    else:
        (tmp_path / "elsewhere").write_bytes(b"ours")
        target.symlink_to(tmp_path / ("elsewhere" if occupant == "symlink" else "nowhere"))
    path, sha256 = staged(home, b"ours")
    with pytest.raises(NameConflict):
        place(home, path, "files/name", sha256)
    assert os.path.lexists(target)
    assert occupant != "file" or target.read_bytes() == b"theirs"


def test_what_is_set_aside_has_a_manifest_and_keeps_its_source(home: Home) -> None:
    path, sha256 = staged(home, b"odd")
    facts = {"source": "/drop/odd\n", "reason": "not_recognised", "message": "Nobody knows it."}
    relpath = quarantine.set_aside(home, path, **facts, sha256=sha256, size=3, now=NOW)
    again = quarantine.set_aside(home, path, **facts, sha256=sha256, size=3, now=NOW)
    assert relpath == again
    (found,) = quarantine.listing(home)
    assert found.read_bytes() == b"odd"
    assert quarantine.read_manifest(found) == quarantine.Manifest(**facts, sha256=sha256, size=3, at=NOW.isoformat())


def test_a_stray_is_moved_into_quarantine(home: Home) -> None:
    stray = home.files / "stray"
    stray.write_bytes(b"who am I")
    relpath, sha256, size = quarantine.divert(home, stray, reason="stray", message="Found.", now=NOW)
    assert not stray.exists()
    assert home.path(relpath).read_bytes() == b"who am I"
    assert (sha256, size) == (hashlib.sha256(b"who am I").hexdigest(), 8)


def test_only_quarantine_is_removed_from(home: Home) -> None:
    (home.files / "precious").write_bytes(b"x")
    with pytest.raises(UsageError):
        quarantine.remove(home, home.files / "precious")


@pytest.fixture
def archived(home: Home, tmp_path: Path) -> tuple[Path, Stamp, str]:
    """Return a source whose bytes are archived as files/a."""
    source = tmp_path / "a.bin"
    source.write_bytes(b"raw")
    path, sha256 = staged(home, b"raw")
    place(home, path, "files/a", sha256)
    return source, Stamp.of(source.stat()), sha256


@pytest.mark.parametrize("policy", ["leave", "move", "remove"])
def test_a_source_is_disposed_of_by_policy(home: Home, archived: tuple[Path, Stamp, str], policy: Policy) -> None:
    source, stamp, sha256 = archived
    assert dispose(home, source, stamp, "files/a", sha256, policy) == (policy != "leave")
    assert source.exists() == (policy == "leave")
    moved = [path.read_bytes() for path in home.done.iterdir()] if home.done.exists() else []
    assert moved == ([b"raw"] if policy == "move" else [])


def test_two_sources_of_one_name_are_both_kept(home: Home, archived: tuple[Path, Stamp, str]) -> None:
    source, stamp, sha256 = archived
    dispose(home, source, stamp, "files/a", sha256, "move")
    source.write_bytes(b"raw")
    dispose(home, source, Stamp.of(source.stat()), "files/a", sha256, "move")
    assert sorted(path.name for path in home.done.iterdir()) == ["1_a.bin", "a.bin"]


@pytest.mark.parametrize("damage", ["gone", "changed"])
def test_i3_a_source_stays_while_the_archived_copy_is_not_good(
    home: Home, archived: tuple[Path, Stamp, str], damage: str
) -> None:
    source, stamp, sha256 = archived
    copy = home.path("files/a")
    if damage == "gone":
        copy.unlink()
    else:
        copy.chmod(0o644)
        copy.write_bytes(b"RAW")
    with pytest.raises(HashMismatch, match="left in place"):
        dispose(home, source, stamp, "files/a", sha256, "remove")
    assert source.read_bytes() == b"raw"


def test_i3_a_source_that_changed_since_stays(home: Home, archived: tuple[Path, Stamp, str]) -> None:
    source, stamp, sha256 = archived
    with source.open("ab") as out:
        out.write(b"more")
    assert not dispose(home, source, stamp, "files/a", sha256, "remove")
    assert source.read_bytes() == b"rawmore"


def test_the_scan_sees_every_file_and_follows_no_link(home: Home, tmp_path: Path) -> None:
    (home.files / "b" / "c").mkdir(parents=True)
    (home.files / "b" / "c" / "2").write_bytes(b"12")
    (home.files / "a").write_bytes(b"1")
    (home.files / "link").symlink_to(tmp_path)
    (home.previews / "p").write_bytes(b"123")
    seen = [(entry.relpath, entry.regular, entry.size) for entry in scan(home) if entry.regular]
    assert seen == [("files/a", True, 1), ("files/b/c/2", True, 2), ("previews/p", True, 3)]
    assert [entry.relpath for entry in scan(home) if not entry.regular] == ["files/link"]
