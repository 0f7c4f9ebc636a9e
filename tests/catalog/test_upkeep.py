"""What the server is told to learn about tables that have just been filled."""

from __future__ import annotations

import time

from sqlalchemy import insert, text

from archive.catalog import Catalog, upkeep
from archive.catalog.schema import instrument

COUNTED = "select reltuples from pg_class where oid = 'core.instrument'::regclass"


def test_a_table_that_was_filled_is_counted_once(catalog: Catalog) -> None:
    with catalog.begin() as conn:
        conn.execute(insert(instrument), [{"name": f"i{k}", "title": "T"} for k in range(200)])
        conn.execute(text("select pg_stat_force_next_flush()"))
    deadline = time.monotonic() + 10  # the server notes changes with a delay of its own
    while upkeep.learn(catalog.engine) == 0 and time.monotonic() < deadline:
        time.sleep(0.05)
    with catalog.read() as conn:
        assert conn.execute(text(COUNTED)).scalar_one() == 200
    assert upkeep.learn(catalog.engine) == 0
