"""A role for each duty may do what its duty needs, and the rest of the world goes on without them."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from sqlalchemy import text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from archive.catalog import Catalog, migrate, roles
from archive.catalog.engine import make_engine
from archive.catalog.query import ask
from archive.catalog.roles import DUTIES, Duty
from archive.catalog.url import normalise
from archive.errors import ArchiveError
from tests.servers import TestServer


def step_into(conn: Connection, duty: Duty) -> None:
    conn.execute(text("select set_config('role', :role, true)"), {"role": roles.role(duty)})


def may(catalog: Catalog, duty: Duty, statement: str) -> bool:
    with catalog.engine.connect() as conn:
        conn.begin()
        step_into(conn, duty)
        try:
            conn.execute(text(statement))
        except DBAPIError as error:
            if "permission denied" in str(error.orig):
                return False
            raise
        return True


INSERT_FILE = "insert into core.code_version (name, version) values ('x', '1')"
INSERT_INSTRUMENT = "insert into core.instrument (name, title) values ('x', 'X')"
INSERT_JOB = "insert into ops.job (kind, key) values ('x', 'y')"


@pytest.mark.parametrize(
    ("statement", "allowed"),
    [
        ("select * from analysis.files", set(DUTIES)),
        ("select * from core.file", {"owner", "ingest", "monitor"}),
        (INSERT_JOB, {"owner", "ingest", "monitor"}),
        (INSERT_FILE, {"owner", "ingest", "monitor"}),
        (INSERT_INSTRUMENT, {"owner", "ingest"}),
        ("delete from core.event", {"owner", "ingest"}),
        ("insert into idex.rate select from idex.rate where false", {"owner", "ingest", "monitor"}),
        ("insert into idex.event select from idex.event where false", {"owner", "ingest"}),
        ("delete from ops.scan_folder", {"owner", "ingest", "monitor"}),
        ("create table core.x (a int)", {"owner"}),
    ],
)
def test_each_duty_may_do_its_own(catalog: Catalog, statement: str, allowed: set[str]) -> None:
    assert {duty for duty in DUTIES if may(catalog, duty, statement)} == allowed


def test_applying_again_changes_nothing(catalog: Catalog) -> None:
    query = text("select relname, relacl::text from pg_class where relacl is not null order by oid")
    with catalog.begin() as conn:
        before = conn.execute(query).all()
        assert roles.apply(conn) == list(DUTIES)
        assert conn.execute(query).all() == before


def test_two_archives_on_one_server_share_the_names_and_nothing_else(database_server: TestServer) -> None:
    urls = [database_server.create("template0") for _ in range(2)]
    for url in urls:
        with Catalog(make_engine(url)) as catalog:
            migrate.upgrade(catalog)
            assert may(catalog, "analyst", "select * from analysis.files")
    database_server.drop(urls[0])
    with Catalog(make_engine(urls[1])) as left:
        assert may(left, "analyst", "select * from analysis.files")
    database_server.drop(urls[1])


@pytest.fixture
def plain_login(empty_catalog: Catalog) -> Iterator[Catalog]:
    """A login that owns its database and may not make roles, on a server that has none of ours."""
    database = empty_catalog.engine.url.database
    renamed = {roles.role(duty): f"{roles.role(duty)}_aside" for duty in DUTIES}
    with empty_catalog.begin() as conn:
        for name, aside in renamed.items():
            conn.execute(text(f"alter role {name} rename to {aside}"))
        conn.execute(text("create role plain login"))
        conn.execute(text(f"alter database {database} owner to plain"))
    try:
        with Catalog(make_engine(normalise(empty_catalog.url).set(username="plain"))) as catalog:
            yield catalog
    finally:
        with empty_catalog.begin() as conn:
            conn.execute(text("reassign owned by plain to current_user"))
            conn.execute(text("drop owned by plain"))
            conn.execute(text("drop role plain"))
            for name, aside in renamed.items():
                conn.execute(text(f"alter role {aside} rename to {name}"))


def test_a_login_that_may_not_make_roles_still_has_an_archive(
    plain_login: Catalog, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        migrate.upgrade(plain_login)
    assert sum("was left as it is" in record.message for record in caplog.records) == len(DUTIES)
    plain_login.check_schema()
    with plain_login.read() as conn:
        assert not roles.available(conn, "analyst")
    with ask(plain_login, "select count(*) from files") as answer:
        assert list(answer.rows) == [(0,)]
    with pytest.raises(ArchiveError, match="read-only"), ask(plain_login, INSERT_JOB):
        pass


def test_a_question_ends_the_rights_it_was_given_with_itself(catalog: Catalog) -> None:
    with ask(catalog, "select current_user") as answer:
        assert list(answer.rows) == [("pinakes_analyst",)]
    with catalog.begin() as conn:
        conn.execute(text(INSERT_JOB))
        assert conn.execute(text("select current_user")).scalar() != "pinakes_analyst"


@pytest.mark.parametrize("query", ["commit; delete from ops.job", "rollback; create table public.x (a int)"])
def test_a_commit_in_the_query_does_not_open_the_door(catalog_one: Catalog, query: str) -> None:
    with pytest.raises(ArchiveError, match="refused"), ask(catalog_one, query):
        pass


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("select *\nfrom  nothing", r"relation \"nothing\" does not exist \(line 2, column 7\)"),
        ("select * from core.file", "tables need --role owner"),
        ("selec 1", r"syntax error at or near \"selec\" \(line 1, column 1\)"),
        ("select 1/0", "division by zero"),
    ],
)
def test_a_refused_query_is_one_sentence_with_the_place(catalog: Catalog, query: str, complaint: str) -> None:
    with pytest.raises(ArchiveError, match=complaint) as caught, ask(catalog, query):
        pass
    assert "\n" not in str(caught.value)


def test_values_stand_beside_the_query(catalog_one: Catalog) -> None:
    with ask(catalog_one, "select :a || '%'", parameters={"a": "x';"}) as answer:
        assert list(answer.rows) == [("x';%",)]
    with ask(catalog_one, "select ':a%s%%'") as answer:
        assert list(answer.rows) == [(":a%s%%",)]
