"""`pinakes db clone` and `pinakes db reset`: what they print, ask and refuse."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from sqlalchemy import text

from archive.catalog import Catalog
from archive.cli import run
from archive.errors import EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE
from tests.catalog.sample import fill
from tests.servers import TestServer


def pinakes(home: Path, *args: str) -> int:
    return run(["--home", str(home), *args])


@pytest.fixture
def home(archive_home: Path, catalog_one: Catalog) -> Path:
    """An archive with a metric, whose URL has a password."""
    with catalog_one.begin() as conn:
        fill(conn)
        conn.execute(text("insert into ops.query_time "
                          "(at, source, name, statement, n_calls, n_rows, total_s, longest_s) "
                          "values (now(), 'site', 'x', 'select 1', 1, 1, 1, 1)"))  # fmt: skip
    settings = archive_home / "pinakes.toml"
    settings.write_text(settings.read_text().replace("pinakes@", "pinakes:hidden@"))
    return archive_home


def left(catalog: Catalog) -> int:
    with catalog.read() as conn:
        return int(conn.execute(text("select count(*) from ops.query_time")).scalar_one())


def test_a_clone_is_written_and_told(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert pinakes(home, "db", "clone", "write", str(tmp_path / "clone"), "--schema", "core", "--json") == EXIT_OK
    out, err = capsys.readouterr()
    rows = {row["table"]: row["rows"] for row in map(json.loads, out.splitlines())}
    assert (rows["core.file"], rows["core.event"]) == (5, 3)
    assert "ops.query_time" not in rows
    assert f"{len(rows)} tables" in err
    assert pinakes(home, "db", "clone", "write", str(tmp_path / "clone")) == EXIT_USAGE
    assert pinakes(home, "db", "clone", "read", str(tmp_path / "clone")) == EXIT_USAGE
    assert "is not empty" in capsys.readouterr().err
    assert "hidden" not in "".join(path.read_text(errors="replace") for path in (tmp_path / "clone").glob("*.json"))


def test_a_clone_is_read_into_an_archive_that_was_just_made(
    catalog_one: Catalog, embedded_server: TestServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = embedded_server.create("template0")
    one, two = tmp_path / "one", tmp_path / "two"
    try:
        assert pinakes(one, "init", "--url", catalog_one.url) == EXIT_OK
        with catalog_one.begin() as conn:
            fill(conn)
        assert pinakes(one, "db", "clone", "write", str(tmp_path / "clone")) == EXIT_OK
        assert pinakes(two, "init", "--url", url.render_as_string(hide_password=False)) == EXIT_OK
        capsys.readouterr()
        assert pinakes(two, "db", "clone", "read", str(tmp_path / "clone"), "--json") == EXIT_OK
        rows = {row["table"]: row["rows"] for row in map(json.loads, capsys.readouterr().out.splitlines())}
        assert (rows["core.file"], rows["core.event"]) == (5, 3)
        assert pinakes(two, "files", "--json") == EXIT_OK
        assert len(capsys.readouterr().out.splitlines()) == 5
        assert pinakes(two, "init") == EXIT_OK, "and what the code registers fits to it"
    finally:
        embedded_server.drop(url)


def test_nothing_is_removed_without_a_yes(
    home: Path, catalog_one: Catalog, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for answer in ("", "n", "nonsense\nn"):
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{answer}\n"))
        assert pinakes(home, "db", "reset", "--table", "ops.query_time") == EXIT_OK
        err = capsys.readouterr().err
        assert "Remove 1 of ops.query_time from Catalog(" in err
        assert "[y/N]" in err
        assert "Nothing was removed." in err
        assert "hidden" not in err, "the question shows no secret"
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert pinakes(home, "db", "reset", "--table", "ops.query_time") == EXIT_INTERRUPTED
    assert left(catalog_one) == 1
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert pinakes(home, "db", "reset", "--table", "ops.query_time") == EXIT_OK
    assert "1 rows removed." in capsys.readouterr().err
    assert left(catalog_one) == 0


def test_a_script_says_yes_and_reads_what_was_removed(
    home: Path, catalog_one: Catalog, capsys: pytest.CaptureFixture[str]
) -> None:
    assert pinakes(home, "db", "reset", "--table", "ops.query_time", "--dry-run", "--json") == EXIT_OK
    assert json.loads(capsys.readouterr().out) == {"table": "ops.query_time", "rows": 1}
    assert left(catalog_one) == 1
    assert pinakes(home, "db", "reset", "--table", "ops.query_time", "--yes", "--json") == EXIT_OK
    assert json.loads(capsys.readouterr().out) == {"table": "ops.query_time", "rows": 1}
    assert left(catalog_one) == 0
    assert pinakes(home, "db", "reset", "--table", "ops.query_time") == EXIT_OK
    assert "Nothing is there to be removed." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("args", "says"),
    [([], "Say what to remove"), (["--table", "core.file", "--yes"], "only with --files"), (["--files", "--yes"], "")],
)
def test_files_are_removed_only_when_asked_for(
    home: Path, catalog_one: Catalog, args: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert pinakes(home, "db", "reset", *args) == (EXIT_USAGE if says else EXIT_OK)
    assert says in capsys.readouterr().err
    with catalog_one.read() as conn:
        assert conn.execute(text("select count(*) from core.file")).scalar_one() == (5 if says else 0)
