"""`pinakes db`: state, schema, server, dump and restore."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import func, select

from archive.catalog import Catalog, migrate
from archive.catalog.schema import file
from archive.cli import run
from archive.config import open_home
from archive.errors import EXIT_FAILED, EXIT_OK, EXIT_USAGE
from tests.catalog.sample import fill
from tests.servers import TestServer


def pinakes(home: Path, *args: str) -> int:
    return run(["--home", str(home), *args])


def test_status_knows_the_revision_and_hides_the_password(
    archive_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = archive_home / "pinakes.toml"
    settings.write_text(settings.read_text().replace("pinakes@", "pinakes:hidden@"))
    assert pinakes(archive_home, "db", "status", "--json") == EXIT_OK
    out = capsys.readouterr().out
    status = json.loads(out)
    assert (status["state"], status["revision"], status["needed"]) == ("up", migrate.head(), migrate.head())
    assert "hidden" not in out


def test_status_of_a_server_that_is_not_there_is_a_row_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "pinakes.toml").write_text('[database]\nurl = "postgresql://127.0.0.1:1/none"\n')
    assert pinakes(tmp_path, "db", "status", "--json") == EXIT_OK
    assert json.loads(capsys.readouterr().out)["state"] == "down"


def test_the_schema_goes_down_after_a_question_and_up_again(
    archive_home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert pinakes(archive_home, "db", "downgrade", "base", "--yes") == EXIT_OK
    assert pinakes(archive_home, "files") == 12, "schema behind"
    assert "pinakes db upgrade" in capsys.readouterr().err
    assert pinakes(archive_home, "db", "upgrade") == EXIT_OK
    assert f"from nothing to {migrate.head()}" in capsys.readouterr().err
    assert pinakes(archive_home, "db", "upgrade") == EXIT_OK
    assert f"is at {migrate.head()}" in capsys.readouterr().err
    assert pinakes(archive_home, "db", "upgrade", "nonsense") == EXIT_USAGE


def test_the_url_is_shown_without_its_password_unless_asked(
    archive_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = archive_home / "pinakes.toml"
    settings.write_text(settings.read_text().replace("pinakes@", "pinakes:hidden@"))
    assert pinakes(archive_home, "db", "url") == EXIT_OK
    assert "hidden" not in capsys.readouterr().out
    assert pinakes(archive_home, "db", "url", "--show-secret") == EXIT_OK
    assert "pinakes:hidden@" in capsys.readouterr().out


@pytest.mark.parametrize("verb", ["start", "stop"])
def test_a_server_by_url_is_not_ours_to_start_or_stop(
    archive_home: Path, verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert pinakes(archive_home, "db", verb) == EXIT_USAGE
    assert "not the archive's own" in capsys.readouterr().err


def test_a_dump_restores_into_a_new_archive(
    catalog: Catalog, database_server: TestServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with catalog.begin() as conn:
        fill(conn)
    home, other, dumped = tmp_path / "one", tmp_path / "two", tmp_path / "catalog.dump"
    for folder in (home, other):
        folder.mkdir()
    (home / "pinakes.toml").write_text(f'[database]\nurl = "{catalog.url}"\n')
    assert pinakes(home, "db", "dump", str(dumped)) == EXIT_OK
    assert dumped.stat().st_mode & 0o077 == 0
    assert pinakes(home, "db", "restore", str(dumped)) == EXIT_USAGE
    assert "holds files already" in capsys.readouterr().err

    url = database_server.create()
    (other / "pinakes.toml").write_text(f'[database]\nurl = "{url.render_as_string(hide_password=False)}"\n')
    try:
        (tmp_path / "nonsense").write_text("nonsense")
        assert pinakes(other, "db", "restore", str(tmp_path / "nonsense")) == EXIT_USAGE
        assert pinakes(other, "db", "restore", str(dumped)) == EXIT_OK
        with Catalog.connect(open_home(other)) as restored, restored.read() as conn:
            assert conn.scalar(select(func.count()).select_from(file)) == 5
            assert conn.exec_driver_sql("select count(*) from analysis.files").scalar() == 5
    finally:
        database_server.drop(url)


def test_a_dump_into_a_folder_that_is_not_there_is_one_sentence(
    archive_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert pinakes(archive_home, "db", "dump", str(tmp_path / "no" / "file")) == EXIT_FAILED
    assert "No such file or directory" in capsys.readouterr().err
