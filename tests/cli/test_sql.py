"""`pinakes sql`: one query, three formats, a bounded number of rows, and no way to write by accident."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from archive.catalog import Catalog
from archive.cli import run
from archive.errors import EXIT_FAILED, EXIT_OK, EXIT_USAGE
from tests.catalog.sample import fill


def pinakes(home: Path, *args: str) -> int:
    return run(["--home", str(home), "sql", *args])


@pytest.fixture
def filled(archive_home: Path, catalog_one: Catalog) -> Path:
    with catalog_one.begin() as conn:
        fill(conn)
    return archive_home


def test_a_table_is_aligned(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert pinakes(filled, "select name, size from files order by size limit 2") == EXIT_OK
    assert capsys.readouterr().out.splitlines() == ["name      size", "one.pkts   100", "two.pkts   101"]


def test_csv_quotes_and_json_keeps_types(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    query = "select E'a,\"b\\nc' as x, null as y, header, t_start from files where name = 'one.pkts'"
    assert pinakes(filled, query, "--format", "csv") == EXIT_OK
    rows = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert rows == [["x", "y", "header", "t_start"], ['a,"b\nc', "", '{"packets": 0}', "2026-01-01T00:00:00Z"]]
    assert pinakes(filled, query, "--format", "json") == EXIT_OK
    record = json.loads(capsys.readouterr().out)
    assert record == {"x": 'a,"b\nc', "y": None, "header": {"packets": 0}, "t_start": "2026-01-01T00:00:00Z"}


def test_two_columns_of_one_name_are_both_shown(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert pinakes(filled, "select 1 as a, 2 as a") == EXIT_OK
    assert capsys.readouterr().out.splitlines()[1].split() == ["1", "2"]


def test_an_answer_without_rows_shows_its_columns(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert pinakes(filled, "select name, size from files where false") == EXIT_OK
    assert capsys.readouterr().out.split() == ["name", "size"]


@pytest.mark.parametrize(("limit", "lines", "notice"), [("2", 2, True), ("5", 5, False), ("0", 5, False)])
def test_more_rows_than_asked_for_are_cut_with_a_notice(
    filled: Path, capsys: pytest.CaptureFixture[str], limit: str, lines: int, notice: bool
) -> None:
    assert pinakes(filled, "select * from files", "--format", "json", "-n", limit) == EXIT_OK
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == lines
    assert ("Only the first" in captured.err) == notice


def test_the_query_may_come_from_standard_input(
    filled: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for args in (("-",), ()):
        monkeypatch.setattr("sys.stdin", io.StringIO('select 7 % 4 as "r:est"'))
        assert pinakes(filled, *args) == EXIT_OK
        assert capsys.readouterr().out.split() == ["r:est", "3"]
    monkeypatch.setattr("sys.stdin", io.StringIO(" "))
    assert pinakes(filled, "-") == EXIT_USAGE


@pytest.mark.parametrize("query", ["delete from core.event", "drop view analysis.files", "create table analysis.x ()"])
def test_nothing_can_be_written_by_accident(filled: Path, capsys: pytest.CaptureFixture[str], query: str) -> None:
    assert pinakes(filled, query) == EXIT_FAILED
    error = capsys.readouterr().err
    assert error.startswith("pinakes: The query was refused: ")
    assert len(error.splitlines()) == 1


def test_the_owner_writes_what_he_means_to(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert pinakes(filled, "--role", "owner", "update core.product set doi = '10.1/x' where name = 'raw'") == EXIT_OK
    assert pinakes(filled, "--role", "owner", "select doi from core.product where doi is not null") == EXIT_OK
    assert capsys.readouterr().out.split() == ["doi", "10.1/x"]


def test_a_query_that_takes_too_long_is_ended(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert pinakes(filled, "select pg_sleep(5)", "--timeout", "0.05") == EXIT_FAILED
    assert "statement timeout" in capsys.readouterr().err
