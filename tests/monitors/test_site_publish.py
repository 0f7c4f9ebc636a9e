"""A reader never meets half a page, and what did not change is not written."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from archive.access import Access
from archive.errors import Locked
from monitors.site.publish import STAMP, Publisher, building

EARLY = datetime(2026, 1, 1, tzinfo=UTC)
LATE = datetime(2026, 2, 2, 3, 4, tzinfo=UTC)
PAGE = f"<p>{STAMP}</p><p>text</p>"


def test_an_unchanged_page_keeps_its_bytes_and_its_time(tmp_path: Path) -> None:
    assert Publisher(tmp_path, EARLY).page("a/b.html", PAGE)
    before = (tmp_path / "a/b.html").stat()
    later = Publisher(tmp_path, LATE)
    assert not later.page("a/b.html", PAGE)
    after = (tmp_path / "a/b.html").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert (later.report.written, later.report.unchanged) == (0, 1)
    assert "2026-01-01 00:00</time>" in (tmp_path / "a/b.html").read_text()


def test_a_changed_page_carries_the_new_time(tmp_path: Path) -> None:
    Publisher(tmp_path, EARLY).page("b.html", PAGE)
    assert Publisher(tmp_path, LATE).page("b.html", PAGE.replace("text", "other"))
    assert "2026-02-02 03:04</time></p><p>other" in (tmp_path / "b.html").read_text()


def test_a_failed_write_leaves_the_old_page_and_no_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Publisher(tmp_path, EARLY).page("b.html", PAGE)
    old = (tmp_path / "b.html").read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        Publisher(tmp_path, LATE).page("b.html", "new")
    assert (tmp_path / "b.html").read_bytes() == old
    assert [path.name for path in tmp_path.iterdir()] == ["b.html"]


def test_the_next_build_sweeps_what_a_killed_one_left(tmp_path: Path) -> None:
    (tmp_path / "events").mkdir()
    left, kept = tmp_path / "events/.12.js.4242", tmp_path / "events/.mine"
    left.touch()
    kept.touch()
    with building(tmp_path):
        assert not left.exists()
        assert kept.exists()


def test_two_builds_of_one_site_do_not_run_at_once(tmp_path: Path) -> None:
    with building(tmp_path), pytest.raises(Locked, match="wait until it has finished"), building(tmp_path):
        pass


def test_removing_what_is_gone_is_no_error(tmp_path: Path) -> None:
    publisher = Publisher(tmp_path, EARLY)
    publisher.file("x/a.js", b"1")
    publisher.remove("x/a.js")
    publisher.remove("x/a.js")
    publisher.close()
    assert publisher.report.removed == 1
    assert list(publisher.names("x", ".*")) == []
    assert list(publisher.names("nowhere", ".*")) == []


def test_pages_have_their_permissions_before_their_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    rename = Path.rename

    def watched(self: Path, target: Path) -> Path:
        seen.append(self.stat().st_mode & 0o7777)
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", watched)
    before = os.umask(0o077)
    try:
        access = Access(0o664, 0o2775)
        with building(tmp_path / "site", access):
            publisher = Publisher(tmp_path / "site", EARLY, access=access)
            publisher.page("a/b.html", PAGE)
            with publisher.together():
                publisher.file("c/d.js", b"1")
    finally:
        os.umask(before)
    assert seen == [0o664, 0o664]
    assert {(tmp_path / "site" / name).stat().st_mode & 0o7777 for name in (".", "a", "c")} == {0o2775}
    assert (tmp_path / "site/.lock").stat().st_mode & 0o777 == 0o664
    assert access.count == 0


def test_pages_whose_group_is_refused_are_published_and_counted(tmp_path: Path) -> None:
    access = Access(group="no-such-group-here")
    publisher = Publisher(tmp_path, EARLY, access=access)
    assert publisher.page("a/b.html", PAGE)
    assert (tmp_path / "a/b.html").exists()
    assert access.count == 2
