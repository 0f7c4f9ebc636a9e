"""The tables of schema ``idex``: the migration builds what is declared, and every row of a decode goes in."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Table, func, insert, inspect, select, text

from archive.catalog import Catalog, migrate
from archive.catalog.bulk import copy_rows
from archive.catalog.schema import event as core_event
from archive.catalog.schema import file, instrument, product
from archive.instruments.idex import IDEX, tables
from archive.instruments.idex.calibration import HOUSEKEEPING, newest
from archive.instruments.idex.fields import FIELDS
from archive.instruments.idex.time import as_datetime
from archive.model import Decoded
from tests.instruments import idex_files as files


def test_the_migration_builds_the_declared_tables(catalog: Catalog) -> None:
    def ours(_object: object, name: str | None, kind: str, _reflected: bool, _compared: object) -> bool:
        return kind != "table" or getattr(_object, "schema", None) == "idex"

    with catalog.read() as conn:
        options = {"include_schemas": True, "include_object": ours, "compare_server_default": True}
        context = MigrationContext.configure(conn, opts=options)
        differences = [
            entry
            for entry in compare_metadata(context, IDEX().table_metadata())
            if "idex" in repr(entry) and "core" not in repr(entry)
        ]
        reflected = inspect(conn)
        named = {name: reflected.get_table_comment(name, "idex")["text"] for name in reflected.get_table_names("idex")}
        columns = [column for name in named for column in reflected.get_columns(name, "idex")]
    assert differences == []
    assert set(named) == {table.name for table in IDEX().table_metadata().tables.values() if table.schema == "idex"}
    assert all(named.values())
    assert all(column["comment"] for column in columns)


def test_the_migration_goes_down_and_up_again(catalog: Catalog) -> None:
    migrate.downgrade(catalog, "0001_core")
    with catalog.read() as conn:
        assert "idex" not in inspect(conn).get_schema_names()
    migrate.upgrade(catalog)
    with catalog.read() as conn:
        assert "event_header" in inspect(conn).get_table_names("idex")


def test_declared_columns_follow_the_fields_and_the_calibration() -> None:
    assert [column.name for column in tables.event_header.columns][1:] == [field.name for field in FIELDS]
    quantities = [column.name for column in tables.event_housekeeping.columns][1:]
    assert quantities == list(newest(HOUSEKEEPING)["values"])


def added(conn: Connection, table: Table, **values: Any) -> int:
    return int(conn.execute(insert(table).values(**values).returning(table.c.id)).scalar_one())


def store(conn: Connection, ours: int, raw: int, name: str, decoded: Decoded) -> Counter[str]:
    """Write the typed rows of one decode, with just enough of ``core`` to hang them on."""
    number = files.FILES.index(name)
    place: dict[str, Any] = {"relpath": name, "sha256": f"{number:064x}", "size": 1, "state": "available"}
    file_id = added(conn, file, product_id=raw, received=True, **place)
    events = decoded.events
    assert events is not None
    ids = np.array(
        [
            added(
                conn,
                core_event,
                instrument_id=ours,
                identity=f"{number}:{events.identity[i]}",
                file_id=file_id,
                kind=events.kind[i],
                seq=int(events.seq[i]),
                t=as_datetime(events.t[i]),
                tick=int(events.tick[i]),
                preference="",
            )
            for i in range(len(events))
        ],
        dtype=np.int64,
    )
    written: Counter[str] = Counter()
    for rows in decoded.rows:
        if rows.table != "core.event_product":
            owner = ids[rows.index] if rows.owner == "event" else np.full(len(rows.index), file_id)
            table = core_event.metadata.tables[rows.table]
            written[rows.table] += copy_rows(conn, table, {f"{rows.owner}_id": owner, **rows.columns})
    return written


def test_every_row_of_every_real_file_goes_in(catalog_one: Catalog, tmp_path: Path) -> None:
    written: Counter[str] = Counter()
    with catalog_one.begin() as conn:
        ours = added(conn, instrument, name="idex", title="IDEX")
        about = {"name": "raw", "level": "raw", "format": "ccsds", "title": "", "description": ""}
        raw = added(conn, product, instrument_id=ours, **about)
        for number, name in enumerate(files.FILES):
            work = tmp_path / str(number)
            work.mkdir()
            written += store(conn, ours, raw, name, IDEX().decode(files.source(files.path(name)), work))
    assert written["idex.event"] == written["idex.event_header"] == written["idex.event_housekeeping"] == 48
    assert written["idex.message"] == 36
    assert written["idex.catalogue_entry"] == 1
    with catalog_one.read() as conn:
        hits = conn.execute(select(func.count()).select_from(tables.event).where(tables.event.c.dust_hit)).scalar()
        states = conn.execute(
            text("select text from idex.message where mnemonic = 'HV_STATE_CHANGE' order by t, byte_offset")
        )
        bus = conn.execute(
            select(tables.event_housekeeping.c.voltage_1v_bus)
            .join(core_event, core_event.c.id == tables.event_housekeeping.c.event_id)
            .where(core_event.c.identity == "1:2415088152/440616833/28704/1")
        ).scalar_one()
        assert [state.partition("(")[2] for (state,) in states] == ["STANDBY)", "ACTIVE)", "STANDBY)", "OFF)"]
    assert hits == sum(int(files.decoded(name).dust_hit.sum()) for name in files.EVENT_FILES)
    assert abs(bus - 1.0) < 0.01
