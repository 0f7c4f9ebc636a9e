"""Every bad source ends as a row with a reason; the others come in; nobody sees a traceback."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from archive.store import staging
from tests.ingest.conftest import ToyArchive
from tests.ingest.toy import lines, whole

HOSTILE = [
    b"line\nbreak.toy",
    b"quote'\".toy",
    b"<script>alert(1)</script>.toy".replace(b"/", b"_"),
    b"a;rm -rf ...toy",
    b"not-utf8-\xff\xfe.toy",
    b"\xe2\x80\xaertl.toy",
    b"-rf",
    b"%s%n{0}$(id).toy",
    b" ",
    b"x" * 255,
]


def test_hostile_names_come_in_and_lead_nowhere(archive: ToyArchive) -> None:
    for number, name in enumerate(HOSTILE):
        (archive.drop / os.fsdecode(name)).write_bytes(lines(*whole(f"e{number}")))
    report = archive.ingest()
    assert report.new == len(HOSTILE)
    names = {row.original_name for row in archive.rows("select original_name from core.file where received")}
    assert names == {name.decode("utf-8", "backslashreplace") for name in HOSTILE}
    for row in archive.rows("select relpath from core.file"):
        path = archive.home.path(row.relpath)
        assert path.resolve().is_relative_to(archive.home.files)
        assert row.relpath.isascii()
        assert row.relpath.isprintable()
    assert archive.findings() == []
    assert archive.ingest().skipped == len(HOSTILE)


@pytest.mark.parametrize("kind", ["nothing", "pipe", "dangling"])
def test_a_path_that_is_no_file_is_one_sentence_and_one_row(archive: ToyArchive, kind: str) -> None:
    path = archive.drop / "odd"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "dangling":
        path.symlink_to(archive.drop / "gone")
    good = archive.put("good.toy", lines(*whole("e1")))
    for _ in range(2):
        report = archive.ingest(path, good)
        assert (report.failed, report.exit_code) == (1, 3)
    (row,) = archive.rows("select code, source, file_id from core.file_problem")
    assert row.code == ("not_a_file" if kind == "pipe" else "source_vanished")
    assert (row.source, row.file_id) == (str(path), None)


def test_when_everything_failed_the_exit_code_is_1(archive: ToyArchive) -> None:
    assert archive.ingest(archive.drop / "nothing").exit_code == 1


def test_a_source_that_vanishes_between_listing_and_copying_is_told(
    archive: ToyArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.put("a.toy", lines(*whole("e1")))
    archive.put("b.toy", lines(*whole("e2")))
    stage = staging.stage

    def vanish(source: Path, folder: Path, min_free: int) -> staging.Staged:
        if source.name == "a.toy":
            source.unlink()
        return stage(source, folder, min_free)

    monkeypatch.setattr(staging, "stage", vanish)
    report = archive.ingest()
    assert (report.new, report.failed) == (1, 1)
    assert archive.rows("select code, file_id from core.file_problem") == [("source_vanished", None)]
    assert archive.findings() == []


def test_folders_are_walked_in_order_without_hidden_and_unfinished_files(archive: ToyArchive) -> None:
    seen = []
    for name in ("b/2.toy", "b/1.toy", "a.toy", ".hidden/x.toy", ".x.toy", "c.part", "d.toy.tmp"):
        archive.put(name, lines(*whole(name.replace("/", "_").replace(".", "_"))))
    (archive.drop / "loop").symlink_to(archive.drop)
    archive.ingest(tell=lambda one: seen.append(one.source))
    assert [Path(source).relative_to(archive.drop).as_posix() for source in seen] == ["a.toy", "b/1.toy", "b/2.toy"]


def test_the_archive_never_eats_itself(archive: ToyArchive) -> None:
    archive.put("a.toy", lines(*whole("e1")))
    archive.ingest()
    (archive.home.incoming / "dropped.toy").write_bytes(lines(*whole("e2")))
    report = archive.ingest(archive.home.root.parent)
    assert (report.new, report.skipped, report.sources) == (1, 1, 2)


def test_a_full_disk_is_one_sentence_and_the_next_ingest_goes_on(archive: ToyArchive) -> None:
    path = archive.put("big.toy", lines(*whole("e1")) + b"# filler\n" * 40_000)
    script = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
    script += "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)"
    ended = archive.run("ingest", str(path), script=script)
    assert ended.returncode == 1
    assert "disk is full" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert list(archive.home.staging.iterdir()) == []
    assert archive.findings() == []
    report = archive.ingest()
    assert report.new == 1
    assert archive.findings() == []


def test_a_disk_that_fills_while_products_are_written_fails_the_job_not_the_file(archive: ToyArchive) -> None:
    path = archive.put("a.toy", lines(*whole("e1"), "!fill 500000"))
    script = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
    script += "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)"
    ended = archive.run("ingest", str(path), script=script)
    assert (ended.returncode, "disk is full" in ended.stderr) == (1, True), ended.stderr
    assert archive.scalar("select count(*) from core.file") == 0
    report = archive.ingest()
    assert (report.new, report.errors) == (1, 0)


@pytest.fixture
def mortal(archive: ToyArchive) -> Iterator[list[str]]:
    """Return the command that takes away root's right to read and write everything; nothing for other users."""
    if os.geteuid() != 0:
        yield []
        return
    if shutil.which("setpriv") is None:
        pytest.skip("root without setpriv reads everything")
    folder = Path(str(archive.catalog.engine.url.query["host"]))  # the server's socket must stay within reach
    opened = {path: path.stat().st_mode & 0o7777 for path in (folder.parent, folder, *folder.glob(".s.PGSQL.*"))}
    for path, mode in opened.items():
        path.chmod(mode | 0o777 if path.is_socket() else mode | 0o011)
    yield ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    for path, mode in opened.items():
        path.chmod(mode)


def test_what_may_not_be_read_is_told_and_the_rest_comes_in(archive: ToyArchive, mortal: list[str]) -> None:
    archive.put("open.toy", lines(*whole("e1")))
    archive.put("closed.toy", lines(*whole("e2"))).chmod(0)
    (archive.drop / "dark").mkdir(mode=0)
    ended = archive.run("ingest", str(archive.drop), prefix=mortal)
    assert ended.returncode == 3, ended.stderr
    assert "Traceback" not in ended.stderr
    rows = archive.rows("select code, source from core.file_problem order by source")
    assert [(row.code, Path(row.source).name) for row in rows] == [
        ("source_unreadable", "closed.toy"),
        ("source_unreadable", "dark"),
    ]
    (archive.drop / "closed.toy").chmod(0o644)
    (archive.drop / "dark").rmdir()
    assert archive.ingest().new == 1
    assert archive.scalar("select count(*) from core.file_problem where job_id is not null") == 0


@pytest.mark.parametrize("folder", ["files", ".staging"])
def test_a_folder_that_cannot_be_written_is_one_sentence(archive: ToyArchive, folder: str, mortal: list[str]) -> None:
    archive.put("a.toy", lines(*whole("e1")))
    (archive.home.root / folder).chmod(0o555)
    ended = archive.run("ingest", str(archive.drop), prefix=mortal)
    assert ended.returncode == 1
    assert f"Permission denied: {archive.home.root / folder}" in ended.stderr
    assert "Traceback" not in ended.stderr
    (archive.home.root / folder).chmod(0o755)
    assert archive.ingest().new == 1
    assert archive.findings() == []


def test_a_link_in_a_folder_leads_nowhere_outside(archive: ToyArchive, tmp_path: Path) -> None:
    outside = tmp_path / "secret.toy"
    outside.write_bytes(lines(*whole("outside")))
    inside = archive.put("deep/inside.toy", lines(*whole("inside")))
    (archive.drop / "out.toy").symlink_to(outside)
    (archive.drop / "in.toy").symlink_to(inside)
    report = archive.ingest()
    problems = archive.rows("select code, source from core.file_problem where code = 'link_outside'")
    assert [Path(row.source).name for row in problems] == ["out.toy"]
    assert archive.scalar("select count(*) from core.file where original_name = 'secret.toy'") == 0
    assert report.failed == 1
    archive.ingest(archive.drop / "out.toy")  # a link that is named is meant
    assert archive.scalar("select count(*) from core.file where received") == 2
