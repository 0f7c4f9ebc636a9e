"""What the archive writes has the mode and group that the settings name; a change that is refused is only counted."""

from __future__ import annotations

import grp
import hashlib
import json
import logging
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from archive import config, log
from archive.access import Access, group_id, may_give
from archive.errors import SettingsError
from archive.store import Home, init_home, quarantine, staging
from archive.store.dispose import dispose
from archive.store.place import place

AS_ROOT = os.geteuid() == 0

#: A group that this account may give files to, other than its own where there is one.
OURS = next((g for g in (1, 2, *os.getgroups()) if AS_ROOT or g != os.getegid()), os.getegid())


def mode(path: Path) -> str:
    return f"{stat.S_IMODE(path.stat().st_mode):04o}"


@pytest.fixture(params=[0o022, 0o077], ids=["umask 022", "umask 077"])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.fixture
def access() -> Access:
    return Access(0o640, 0o2750, str(OURS))


def staged(home: Home, content: bytes = b"bytes", name: str = "staged") -> tuple[Path, str]:
    path = home.staging / name
    path.write_bytes(content)
    return path, hashlib.sha256(content).hexdigest()


def test_files_and_folders_get_mode_and_group_whatever_the_umask(tmp_path: Path, access: Access, umask: int) -> None:
    folder = tmp_path / "a" / "b"
    assert access.folders(folder) == [tmp_path / "a", folder]
    os.close(access.new_file(folder / "x"))
    assert [mode(path) for path in (tmp_path / "a", folder, folder / "x")] == ["2750", "2750", "0640"]
    assert {path.stat().st_gid for path in (tmp_path / "a", folder, folder / "x")} == {OURS}
    assert not access.failed


def test_without_settings_the_umask_decides(tmp_path: Path, umask: int) -> None:
    access = Access()
    access.folders(tmp_path / "a")
    os.close(access.new_file(tmp_path / "a" / "x"))
    assert mode(tmp_path / "a") == f"{0o777 & ~umask:04o}"
    assert mode(tmp_path / "a" / "x") == f"{0o666 & ~umask:04o}"


def test_a_folder_that_is_there_keeps_its_permissions(tmp_path: Path, access: Access) -> None:
    (tmp_path / "theirs").mkdir(mode=0o700)
    (tmp_path / "theirs").chmod(0o700)
    access.folders(tmp_path / "theirs" / "ours")
    assert (mode(tmp_path / "theirs"), mode(tmp_path / "theirs" / "ours")) == ("0700", "2750")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FileExistsError):
        access.folders(tmp_path / "file" / "x")


@pytest.mark.parametrize(("given", "stored"), [(None, "0444"), (0o640, "0440"), (0o664, "0444"), (0o600, "0400")])
def test_a_stored_file_has_its_permissions_before_its_name_and_is_never_writable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, umask: int, given: int | None, stored: str
) -> None:
    home = init_home(tmp_path / "archive", access=Access(given, 0o755))
    path, sha256 = staged(home)
    at_the_link = []
    link = os.link

    def watched(source: Path, target: Path) -> None:
        at_the_link.append(mode(Path(source)))
        link(source, target)

    monkeypatch.setattr(os, "link", watched)
    place(home, path, "files/a/b/name", sha256)
    assert at_the_link == [stored]
    assert mode(home.path("files/a/b/name")) == stored
    assert {mode(home.path(name)) for name in ("files", "files/a", "files/a/b", ".staging")} == {"0755"}


def test_settings_manifest_and_staging_of_a_home_have_them_too(tmp_path: Path, access: Access, umask: int) -> None:
    home = init_home(tmp_path / "archive", access=access)
    path, sha256 = staged(home)
    facts = {"source": "x", "reason": "odd", "message": "It is odd.", "sha256": sha256, "size": 5}
    relpath = quarantine.set_aside(home, path, **facts, now=datetime(2026, 1, 1, tzinfo=UTC))  # type: ignore[arg-type]
    assert mode(home.settings) == "0640"
    assert mode(home.path(relpath)) == "0440"
    assert mode(home.path(relpath).with_suffix(".json")) == "0640"
    assert mode(staging.claim_folder(home, 1, 1)) == "2750"
    assert {home.path(relpath).stat().st_gid, home.settings.stat().st_gid} == {OURS}


def test_files_of_others_are_never_changed(tmp_path: Path, access: Access) -> None:
    home = init_home(tmp_path / "archive", access=access)
    source = tmp_path / "drop" / "raw"
    source.parent.mkdir()
    source.write_bytes(b"bytes")
    source.chmod(0o604)
    before = source.stat()
    copy = staging.stage(source, staging.claim_folder(home, 1, 1), 0)
    place(home, copy.path, "files/raw", copy.sha256)
    os.link(source, home.files / "stray")
    quarantine.divert(home, home.files / "stray", reason="stray", message="x", now=datetime(2026, 1, 1, tzinfo=UTC))
    after = source.stat()
    assert (mode(source), after.st_gid, after.st_mtime_ns) == ("0604", before.st_gid, before.st_mtime_ns)
    staging.remove(copy.path.parent)
    assert dispose(home, source, staging.Stamp.of(source.stat()), "files/raw", copy.sha256, "move")
    assert mode(home.done / "raw") == "0604"


def test_logs_have_them_from_the_first_byte(tmp_path: Path, access: Access, umask: int) -> None:
    handler = log.LineFile(tmp_path / "logs" / "x.log", "run", access)
    for _ in range(2):
        handler.emit(logging.makeLogRecord({"msg": "x"}))
    handler.close()
    assert (mode(tmp_path / "logs"), mode(tmp_path / "logs" / "x.log")) == ("2750", "0640")
    (tmp_path / "logs" / "x.log").chmod(0o600)
    again = log.LineFile(tmp_path / "logs" / "x.log", "run", access)
    again.emit(logging.makeLogRecord({"msg": "x"}))
    again.close()
    assert mode(tmp_path / "logs" / "x.log") == "0600", "a file that is there keeps what it has"
    assert len((tmp_path / "logs" / "x.log").read_bytes().splitlines()) == 3


def test_an_unknown_group_is_counted_and_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    access = Access(0o640, 0o750, "no-such-group-here")
    with caplog.at_level(logging.WARNING):
        access.folders(tmp_path / "a")
        for k in range(3):
            os.close(access.new_file(tmp_path / "a" / str(k)))
    assert access.failed == {"group 'no-such-group-here' is not known on this machine": 4}
    assert (access.count, access.told()) == (4, {"permission_warnings": 4})
    assert [r.getMessage() for r in caplog.records] == [
        "permissions could not be set: group 'no-such-group-here' is not known on this machine"
    ]
    assert mode(tmp_path / "a" / "0") == "0640", "the mode is set all the same"


def as_nobody(work: Callable[[], object], groups: Sequence[int]) -> Any:
    """Do something in a process of an account without rights, and return what it gave."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:  # no new interpreter: it may lie where that account cannot reach it
        try:
            os.setgroups(groups)
            os.setgid(65534)
            os.setuid(65534)
            os.umask(0o077)
            os.write(write, json.dumps(work()).encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as answer:
        found = answer.read()
    os.waitpid(child, 0)
    return json.loads(found)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that an account without rights can write into."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    folder.chmod(0o777)
    (folder / "theirs").write_bytes(b"")
    (folder / "theirs").chmod(0o644)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.skipif(not AS_ROOT, reason="only root can become another account")
@pytest.mark.parametrize("member", [True, False], ids=["of its group", "of a group it is no member of"])
def test_an_ordinary_account_gives_what_it_may_and_counts_the_rest(open_folder: Path, member: bool) -> None:
    def work() -> list[Any]:
        access = Access(0o640, 0o2750, "4242")
        access.folders(open_folder / "a")
        os.close(access.new_file(open_folder / "a" / "x"))
        theirs = os.open(open_folder / "theirs", os.O_RDONLY)
        access.file(theirs)
        return [may_give("4242"), access.failed]

    may, failed = as_nobody(work, [4242] if member else [])
    assert may is member
    assert mode(open_folder / "a" / "x") == "0640"
    assert (open_folder / "a" / "x").stat().st_gid == (4242 if member else 65534)
    assert mode(open_folder / "a") == "2750"
    refused = {"mode 0640 of a file: Operation not permitted": 1}
    refused["group '4242' of a file: Operation not permitted"] = 1 if member else 2
    refused |= {} if member else {"group '4242' of a folder: Operation not permitted": 1}
    assert failed == refused
    assert mode(open_folder / "theirs") == "0644", "a file of another account stays as it is"


@pytest.mark.skipif(not AS_ROOT, reason="only root can become another account")
def test_a_bit_that_the_system_takes_away_in_silence_is_counted(open_folder: Path) -> None:
    """A folder in a group that the account is no member of loses its set-group-id bit without an error."""
    (open_folder / "shared").mkdir()
    os.chown(open_folder / "shared", 65534, 4242)
    (open_folder / "shared").chmod(0o2777)

    def work() -> dict[str, int]:
        access = Access(0o640, 0o2750)
        access.folders(open_folder / "shared" / "a")
        return access.failed

    assert as_nobody(work, []) == {"mode 2750 of a folder: the system made it 0750": 1}


def test_groups_are_named_or_numbered() -> None:
    known = grp.getgrall()[0]
    assert (group_id(known.gr_name), group_id("4242")) == (known.gr_gid, 4242)
    assert may_give(str(os.getegid()))
    with pytest.raises(LookupError, match="not known"):
        group_id("no-such-group-here")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('mode = "rw-r"', "no octal text"),
        ('mode = "0844"', "no octal text"),
        ('mode = "0440"', "needs 0600"),
        ("mode = 644", "valid string"),
        ('directory_mode = "0650"', "needs 0700"),
        ('umask = "0700"', "from its own files"),
    ],
)
def test_a_permission_that_cannot_be_used_is_one_sentence(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "pinakes.toml").write_text(f"[files]\n{text}\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=says):
        config.load(tmp_path)


def test_settings_give_access_and_umask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toml = '[files]\nmode = "0640"\ndirectory_mode = "2750"\ngroup = "science"\numask = "0027"\n'
    (tmp_path / "pinakes.toml").write_text(toml, encoding="utf-8")
    monkeypatch.setenv("PINAKES_FILES_DIRECTORY_MODE", "0770")
    settings = config.load(tmp_path)
    access = settings.access()
    assert (access.mode, access.directory_mode, access.group) == (0o640, 0o770, "science")
    before = os.umask(0o022)
    try:
        settings.set_umask()
        assert os.umask(0o022) == 0o027
        config.load(tmp_path, files={"umask": ""}).set_umask()
        assert os.umask(0o022) == 0o022, "no setting, no change"
    finally:
        os.umask(before)
