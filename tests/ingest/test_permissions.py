"""Files come in with the permissions of the settings; what the system refuses is told in the job, and stops nothing."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tests.ingest.conftest import ToyArchive
from tests.ingest.toy import lines, whole


def mode(path: Path) -> str:
    return f"{stat.S_IMODE(path.stat().st_mode):04o}"


@pytest.mark.parametrize("engine", ["inline", "pool"])
def test_stored_files_folders_and_logs_have_them_under_a_hostile_umask(archive: ToyArchive, engine: str) -> None:
    archive.set("files", mode="0640", directory_mode="0750", umask="0027")
    archive.put("a.toy", lines(*whole("e1")))
    done = archive.run("ingest", "--engine", engine, str(archive.drop), umask=0o077)
    assert done.returncode == 0, done.stderr
    stored = [archive.home.path(row.relpath) for row in archive.rows("select relpath from core.file")]
    assert {mode(path) for path in stored} == {"0440"}
    assert {mode(folder) for path in stored for folder in list(path.relative_to(archive.home.root).parents)[:-2]
            for folder in [archive.home.root / folder]} == {"0750"}  # fmt: skip
    logs = list((archive.home.root / "logs").glob("*.log"))
    assert logs
    assert {mode(path) for path in logs} == {"0640"}
    assert mode(archive.drop / "a.toy") == f"{0o666 & ~current_umask():04o}", "the source is as it was"


def current_umask() -> int:
    found = os.umask(0o022)
    os.umask(found)
    return found


def test_a_group_that_nobody_knows_is_a_count_and_not_a_failure(archive: ToyArchive) -> None:
    archive.set("files", group="no-such-group-here")
    archive.put("a.toy", lines(*whole("e1")))
    archive.put("b.bin", b"nobody knows")
    report = archive.ingest()
    assert (report.new, report.quarantined, report.failed) == (1, 1, 0)
    assert report.permission_warnings > 2
    assert f"{report.permission_warnings} permission warnings" in report.sentence()
    told = archive.rows("select (result->>'permission_warnings')::int as n from ops.job where kind = 'ingest'")
    assert sum(row.n for row in told) == report.permission_warnings
    done = archive.run("ingest", str(archive.put("c.toy", lines(*whole("e2")))))
    assert done.returncode == 0, done.stderr
    assert "permission warnings" in done.stderr
    (text,) = [path.read_text(encoding="ascii") for path in (archive.home.root / "logs").glob("ingest-*.log")]
    assert "permissions could not be set: group 'no-such-group-here' is not known on this machine" in text
