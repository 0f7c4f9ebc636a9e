"""Verify sees every kind of damage, and repair mends what can be mended."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from archive.audit.mark import mark_damaged
from archive.audit.repair import execute, plan
from archive.audit.verify import verify
from tests.ingest.conftest import ToyArchive
from tests.ingest.snapshot import READINGS, snapshot
from tests.ingest.toy import lines, whole


def filled(archive: ToyArchive) -> ToyArchive:
    archive.put("a.toy", lines(*whole("e1"), "e2 1/2 5 1"))
    archive.put("b.toy", lines("e2 2/2 5 2"))
    archive.put("c.bin", b"nobody")
    archive.ingest()
    assert archive.findings() == []
    return archive


def path_of(archive: ToyArchive, where: str) -> Path:
    relpath = archive.rows(f"select relpath from core.file where {where} order by id limit 1")[0].relpath
    return archive.home.path(relpath)


def overwrite(path: Path, content: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(content)


RAW = "received and state = 'available'"
PRODUCT = "not received and not header ? 'assembly'"
ASSEMBLED = "header ? 'assembly'"

DAMAGES: dict[str, tuple[str, Callable[[Path], None]]] = {
    "missing": ("missing", Path.unlink),
    "shorter": ("size", lambda path: overwrite(path, path.read_bytes()[:-1])),
    "flipped": ("hash", lambda path: overwrite(path, b"X" + path.read_bytes()[1:])),
    "link": ("not_a_file", lambda path: (path.unlink(), path.symlink_to("/etc/hostname"))[0]),
}


def mend(archive: ToyArchive) -> list[str]:
    actions = plan(archive.catalog, archive.home)
    return [one["action"] for one in execute(archive.catalog, archive.home, archive.settings, actions)]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("which", [RAW, PRODUCT, ASSEMBLED])
def test_damage_is_found_and_mended(archive: ToyArchive, damage: str, which: str) -> None:
    filled(archive)
    before = snapshot(archive.catalog, readings=READINGS)
    kind, harm = DAMAGES[damage]
    harm(path_of(archive, which))
    (finding,) = verify(archive.catalog, archive.home).findings
    assert finding.kind == kind
    assert finding.message.endswith("`pinakes repair`")
    assert mend(archive) == ["restore" if which == RAW else "remake"]
    assert [f.kind for f in archive.findings()] == []
    after = snapshot(archive.catalog, readings=READINGS)
    assert {name: rows for name, rows in after.items() if name != "jobs"} == {
        name: rows for name, rows in before.items() if name != "jobs"
    }


def test_quick_compares_sizes_and_reads_nothing(archive: ToyArchive) -> None:
    filled(archive)
    flipped, short = path_of(archive, RAW), path_of(archive, PRODUCT)
    overwrite(flipped, b"X" + flipped.read_bytes()[1:])
    overwrite(short, b"")
    assert [f.kind for f in verify(archive.catalog, archive.home, quick=True).findings] == ["size"]


def test_what_was_seen_good_is_noted(archive: ToyArchive) -> None:
    filled(archive)
    before = archive.rows("select id, verified_at from core.file order by id")
    archive.findings()
    after = archive.rows("select id, verified_at from core.file order by id")
    assert all(a.verified_at > b.verified_at for a, b in zip(after, before, strict=True))


def test_a_raw_file_beyond_help_is_marked_until_it_is_brought_again(archive: ToyArchive) -> None:
    filled(archive)
    path_of(archive, RAW).unlink()
    source = archive.drop / "a.toy"
    content = source.read_bytes()
    source.unlink()
    assert mend(archive) == ["mark"]
    assert archive.scalar("select count(*) from core.file where state = 'missing'") == 1
    assert [f.kind for f in archive.findings()] == ["missing"]
    archive.put("again.toy", content)
    assert archive.ingest().restored == 1
    assert archive.findings() == []


def test_marked_rows_whose_bytes_came_back_are_accepted(archive: ToyArchive) -> None:
    filled(archive)
    path = path_of(archive, RAW)
    hidden = archive.drop.parent / "hidden"
    path.rename(hidden)
    assert mark_damaged(archive.catalog, archive.findings()) == 1
    hidden.rename(path)
    assert [f.kind for f in archive.findings()] == ["recovered"]
    assert mend(archive) == ["accept"]
    assert archive.findings() == []


def test_lost_bytes_are_recognised_under_a_wrong_name(archive: ToyArchive) -> None:
    filled(archive)
    path = path_of(archive, RAW)
    path.rename(path.with_name("renamed by hand"))
    for source in archive.drop.iterdir():
        source.unlink()
    assert sorted(f.kind for f in archive.findings()) == ["missing", "unknown"]
    assert mend(archive) == ["restore"]
    assert archive.findings() == []
    assert not path.with_name("renamed by hand").exists()


def test_strangers_are_set_aside_not_thrown_away(archive: ToyArchive) -> None:
    filled(archive)
    stranger = archive.home.files / "toy" / "notes\n.txt"
    stranger.write_bytes(b"mine")
    assert [f.kind for f in archive.findings()] == ["unknown"]
    assert mend(archive) == ["set_aside"]
    assert archive.findings() == []
    (row,) = archive.rows("select relpath, source from ops.quarantine where reason = 'stray'")
    assert row.source == "files/toy/notes\n.txt"
    assert archive.home.path(row.relpath).read_bytes() == b"mine"


def test_litter_is_swept(archive: ToyArchive) -> None:
    filled(archive)
    (archive.home.staging / "99.1").mkdir()
    (archive.home.quarantine / ".x.json.1.part").write_bytes(b"{")
    assert sorted(f.kind for f in archive.findings()) == ["part", "staging"]
    assert sorted(mend(archive)) == ["remove", "sweep"]
    assert archive.findings() == []


def test_quarantine_without_manifest_or_row_is_described_and_listed(archive: ToyArchive) -> None:
    filled(archive)
    (manifest,) = archive.home.quarantine.glob("*.json")
    manifest.unlink()
    (archive.home.quarantine / f"{'0' * 32}.data").write_bytes(b"whence")
    assert sorted(f.kind for f in archive.findings()) == ["manifest", "manifest", "unlisted"]
    mend(archive)
    assert archive.findings() == []
    assert "nobody" not in manifest.read_text()
    assert "not_recognised" in manifest.read_text()


def test_a_plan_changes_nothing(archive: ToyArchive) -> None:
    filled(archive)
    path_of(archive, RAW).unlink()
    (archive.home.files / "stranger").write_bytes(b"x")
    before = archive.rows("select * from core.file order by id"), sorted(archive.home.root.rglob("*"))
    assert [action.verb for action in plan(archive.catalog, archive.home)] == ["restore", "set_aside"]
    assert (archive.rows("select * from core.file order by id"), sorted(archive.home.root.rglob("*"))) == before


def test_failed_jobs_are_queued_unless_their_source_is_another_now(archive: ToyArchive) -> None:
    _, gone = archive.put("a.toy", lines(*whole("e1"))), archive.put("b.toy", lines(*whole("e2")))
    archive.ingest(follow=False)
    with archive.catalog.begin() as conn:
        conn.exec_driver_sql("update ops.job set state = 'failed', error = 'It was so.'")
    gone.write_bytes(b"other")
    (action,) = (action for action in plan(archive.catalog, archive.home) if action.verb == "queue")
    assert archive.scalar("select args->>'path' from ops.job where id = :id", id=action.job_id).endswith("a.toy")
    assert "queue" in mend(archive)
    assert archive.scalar("select count(*) from ops.job where state = 'queued'") == 1
