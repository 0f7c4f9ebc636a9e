"""The verbs ingest, work, verify and repair: what they print, where, and how they end."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from archive.cli import run
from archive.errors import EXIT_FAILED, EXIT_OK, EXIT_PARTLY, EXIT_PROBLEMS, EXIT_USAGE
from tests.ingest.conftest import ToyArchive
from tests.ingest.toy import lines, whole


@pytest.fixture
def pinakes(archive: ToyArchive, capsys: pytest.CaptureFixture[str]):
    """Return a function that runs the command in this process: (exit code, standard output, standard error)."""

    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(["--home", str(archive.home.root), *arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def test_ingest_says_one_line_per_file_and_a_sum(archive: ToyArchive, pinakes) -> None:
    path = archive.put("a.toy", lines(*whole("e1")))
    code, out, err = pinakes("ingest", str(archive.drop))
    assert (code, out) == (EXIT_OK, "")
    assert err == f"+ {path} new 1 events\n1 new, 1 events, 1 products.\n"
    assert pinakes("ingest", str(archive.drop)) == (EXIT_OK, "", "1 skipped.\n")


def test_a_dry_run_says_what_would_become_of_each_source_and_changes_nothing(archive: ToyArchive, pinakes) -> None:
    first = archive.put("a.toy", lines(*whole("e1")))
    pinakes("ingest", str(first))
    for name, content in {
        "b.toy": lines(*whole("e2")), "copy of a.toy": lines(*whole("e1")), "copy of b.toy": lines(*whole("e2")),
        "c": b"nobody",
    }.items():  # fmt: skip
        archive.put(name, content)
    rows = ("select row((select count(*) from core.file), (select count(*) from ops.job), "
            "(select count(*) from core.file_problem))::text")  # fmt: skip
    before = archive.scalar(rows)
    kept = sorted(path for path in archive.home.root.rglob("*") if path.is_file())
    gone = archive.drop / "never was"
    code, out, err = pinakes("ingest", "--dry-run", "--json", str(archive.drop), str(gone))
    assert code == EXIT_PARTLY
    told = {row["source"].rpartition("/")[2]: row for row in map(json.loads, out.splitlines())}
    assert {name: row["state"] for name, row in told.items()} == {
        "a.toy": "skipped", "b.toy": "new", "copy of a.toy": "duplicate", "copy of b.toy": "duplicate",
        "c": "quarantined", "never was": "failed",
    }  # fmt: skip
    assert told["b.toy"]["message"] == f"toy lines, {len(lines(*whole('e2')))} bytes."
    assert "Nothing was changed." in err
    assert archive.scalar(rows) == before
    assert sorted(path for path in archive.home.root.rglob("*") if path.is_file()) == kept
    assert pinakes("ingest", "--dry-run", "--watch", str(archive.drop))[0] == EXIT_USAGE


def test_quiet_is_quiet(archive: ToyArchive, capsys: pytest.CaptureFixture[str]) -> None:
    archive.put("a.toy", lines(*whole("e1")))
    assert run(["--home", str(archive.home.root), "--quiet", "ingest", str(archive.drop)]) == EXIT_OK
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "")


def test_json_is_one_object_per_file_on_standard_output(archive: ToyArchive, pinakes) -> None:
    archive.put("a.toy", lines(*whole("e1")))
    archive.put("b.bin", b"nobody")
    code, out, _ = pinakes("ingest", "--json", str(archive.drop))
    assert code == EXIT_PARTLY
    first, second = map(json.loads, out.splitlines())
    assert (first["state"], first["events"]) == ("new", 1)
    assert (second["state"], second["source"]) == ("quarantined", str(archive.drop / "b.bin"))
    assert "No installed instrument recognises" in second["message"]


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({"a.toy": lines(*whole("e1"))}, EXIT_OK),
        ({"a.toy": lines(*whole("e1"), "garbage")}, EXIT_PROBLEMS),
        ({"a.toy": lines(*whole("e1")), "b": b"nobody"}, EXIT_PARTLY),
        ({"b": b""}, EXIT_PARTLY),
        ({}, EXIT_OK),
    ],
    ids=["good", "damaged", "mixed", "empty", "none"],
)
def test_exit_codes(archive: ToyArchive, pinakes, files: dict[str, bytes], code: int) -> None:
    for name, content in files.items():
        archive.put(name, content)
    assert pinakes("ingest", str(archive.drop))[0] == code


def test_a_path_that_is_not_there_fails_with_a_sentence(archive: ToyArchive, pinakes) -> None:
    code, _, err = pinakes("ingest", str(archive.drop / "nothing"))
    assert code == EXIT_FAILED
    assert "cannot be read: No such file or directory." in err


def test_a_name_cannot_move_the_cursor(archive: ToyArchive, pinakes) -> None:
    archive.put("a\x1b[2Jb\n.toy", lines(*whole("e1")))
    _, _, err = pinakes("ingest", str(archive.drop))
    assert "\x1b" not in err
    assert len(err.splitlines()) == 2


def test_ingest_without_a_path_is_a_usage_error(pinakes) -> None:
    assert pinakes("ingest")[0] == EXIT_USAGE


def test_follow_ups_can_be_left_to_work(archive: ToyArchive, pinakes) -> None:
    archive.put("a.toy", lines("e1 1/2 0 1"))
    archive.put("b.toy", lines("e1 2/2 0 2"))
    assert pinakes("ingest", "--no-follow", str(archive.drop))[0] == EXIT_OK
    assert archive.scalar("select flags from core.event") == 1
    code, out, err = pinakes("work", "--json")
    assert code == EXIT_OK
    assert [json.loads(line)["state"] for line in out.splitlines()] == ["done", "done"]
    assert err.endswith("2 done.\n")
    assert archive.scalar("select flags from core.event") == 16
    assert pinakes("work") == (EXIT_OK, "", "No job waits.\n")


@pytest.mark.parametrize("policy", ["move", "remove"])
def test_sources_are_disposed_of(archive: ToyArchive, pinakes, policy: str) -> None:
    path = archive.put("a.toy", lines(*whole("e1")))
    odd = archive.put("b.bin", b"nobody")
    pinakes("ingest", "--after", policy, str(archive.drop))
    assert not path.exists()
    assert not odd.exists(), "its bytes are in quarantine"
    kept = sorted(p.name for p in archive.home.done.iterdir()) if archive.home.done.exists() else []
    assert kept == (["a.toy", "b.bin"] if policy == "move" else [])


def test_verify_and_repair(archive: ToyArchive, pinakes) -> None:
    archive.put("a.toy", lines(*whole("e1")))
    pinakes("ingest", str(archive.drop))
    assert pinakes("verify")[:2] == (EXIT_OK, "")
    relpath = archive.scalar("select relpath from core.file where received")
    archive.home.path(relpath).unlink()
    code, out, _ = pinakes("verify", "--quick")
    assert (code, out) == (EXIT_PROBLEMS, f"missing: {relpath} is missing; mend it with `pinakes repair`\n")
    assert json.loads(pinakes("verify", "--json")[1])["kind"] == "missing"
    assert archive.scalar("select state from core.file where received") == "available"
    assert pinakes("verify", "--mark")[0] == EXIT_PROBLEMS
    assert archive.scalar("select state from core.file where received") == "missing"
    code, planned, err = pinakes("repair", "--dry-run")
    assert (code, err) == (EXIT_OK, "1 actions planned.\n")
    assert not archive.home.path(relpath).exists()
    assert pinakes("repair") == (EXIT_OK, planned, "1 actions.\n")
    assert pinakes("verify")[0] == EXIT_OK


def test_help_names_the_exit_codes() -> None:
    from archive.cli import cli

    result: Result = CliRunner().invoke(cli, ["ingest", "--help"])
    assert "Exit codes:" in result.output
    assert "3  some sources failed or were set aside\n" in result.output
