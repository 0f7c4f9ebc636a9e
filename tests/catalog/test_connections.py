"""Connections: a dead one is replaced, a forked process has its own, a unit of work leaves none open."""

from __future__ import annotations

import os

from sqlalchemy import text

from archive.catalog import Catalog


def backend(catalog: Catalog) -> int:
    with catalog.read() as conn:
        return int(conn.execute(text("select pg_backend_pid()")).scalar_one())


def test_a_connection_that_died_between_two_units_of_work_is_replaced(catalog: Catalog) -> None:
    before = backend(catalog)
    with Catalog.from_url(catalog.url) as other, other.begin() as conn:
        conn.execute(text("select pg_terminate_backend(:pid)"), {"pid": before})
    assert backend(catalog) != before


def test_a_forked_process_has_connections_of_its_own(catalog_one: Catalog) -> None:
    ours = backend(catalog_one)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(write, str(backend(catalog_one)).encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as answer:
        theirs = int(answer.read())
    os.waitpid(child, 0)
    assert theirs != ours
    assert backend(catalog_one) == ours, "the end of the child has not ended the parent's session"


def test_no_transaction_stays_open_after_a_unit_of_work(catalog_one: Catalog) -> None:
    backend(catalog_one)
    with Catalog.from_url(catalog_one.url) as other, other.read() as conn:
        query = "select count(*) from pg_stat_activity where datname = current_database() and state like 'idle in%'"
        assert conn.execute(text(query)).scalar_one() == 0
