"""What can be made again is removed with its count; what cannot stays unless it is asked for by its own flag."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert, text, update

from archive.catalog import Catalog, stored
from archive.catalog.reset import Kind, Wanted, every_monitor, kinds, reset
from archive.catalog.schema.monitors import monitor, monitor_run
from archive.errors import ArchiveError, Locked, NotFound, UsageError
from tests.catalog.sample import fill
from tests.migrations import sample as every_table


def counts(catalog: Catalog) -> dict[str, int]:
    with catalog.read() as conn:
        return every_table.counts(conn)


@pytest.fixture
def full(catalog_one: Catalog) -> Catalog:
    """A row in every table, all keys 1; the analysis is an override, and another one is automatic."""
    with catalog_one.begin() as conn:
        every_table.fill(conn)
        columns = [name for name in stored.tables(conn)["core.file"].columns if name not in ("id", "relpath", "sha256")]
        rest = ", ".join(columns)
        conn.execute(text(f"insert into core.file (id, relpath, sha256, {rest}) "
                          f"select 2, 'parent', repeat('1', 64), {rest} from core.file"))  # fmt: skip
        columns = [
            name
            for name in stored.tables(conn)["core.event_analysis"].columns
            if name not in ("id", "origin", "override_id")
        ]
        rest = ", ".join(columns)
        conn.execute(text(f"insert into core.event_analysis (id, origin, override_id, {rest}) "
                          f"select 2, 'automatic', null, {rest} from core.event_analysis"))  # fmt: skip
        conn.execute(text("update core.fit set event_analysis_id = 2"))
        conn.execute(
            text("update ops.monitor set name = 'one', tables = '[\"ops.scan_folder\", \"core.code_version\"]'")
        )
        conn.execute(text("update core.instrument set name = 'toy'"))
    return catalog_one


def removed(catalog: Catalog, **wanted: Any) -> dict[str, int]:
    before = counts(catalog)
    told = reset(catalog, Wanted(**wanted), dry=True)
    assert counts(catalog) == before, "saying what would be removed changes nothing"
    assert reset(catalog, Wanted(**wanted)) == told
    after = counts(catalog)
    assert {name: before[name] - after[name] for name in before if before[name] != after[name]} == told
    return told


def test_every_table_is_of_a_kind_and_the_precious_ones_are_guarded(catalog_one: Catalog) -> None:
    with catalog_one.read() as conn:
        kind = kinds(stored.tables(conn))
    guarded = {name for name, which in kind.items() if which in (Kind.FILES, Kind.JUDGEMENTS, Kind.REGISTERED)}
    assert {"core.file", "core.event", "ops.job", "idex.event", "idex.message", "core.fit_override"} <= guarded
    assert {"core.instrument", "core.calibration", "ops.monitor"} <= guarded
    assert {name for name in kind if name.startswith("core.")} - guarded == {"core.event_analysis", "core.fit"}
    for name, which in {"core.fit_override": Kind.JUDGEMENTS, "ops.metric": Kind.MONITORS,
                        "ops.scan_count": Kind.MONITORS,
                        "ops.scan_folder": Kind.DERIVED, "idex.line_analysis": Kind.ANALYSES}.items():  # fmt: skip
        assert kind[name] is which, name


def test_a_table_of_the_core_that_nobody_knows_is_guarded(catalog_one: Catalog) -> None:
    with catalog_one.begin() as conn:
        conn.execute(text("create table core.bad_data (id bigint primary key)"))
        conn.execute(text("create table toy_words (id bigint primary key, author text)"))
        assert kinds(stored.tables(conn))["core.bad_data"] is Kind.JUDGEMENTS
        assert kinds(stored.tables(conn))["public.toy_words"] is Kind.JUDGEMENTS


def test_a_monitor_begins_anew_and_the_others_keep_what_they_have(full: Catalog) -> None:
    with full.begin() as conn:
        row = dict(conn.execute(monitor.select()).mappings().one()) | {
            "id": 2,
            "name": "two",
            "tables": ["ops.query_time"],
        }
        conn.execute(insert(monitor), row)
        conn.execute(text("insert into ops.state_change "
                          "(id, monitor_id, from_level, to_state, to_level, at, reason, message) "
                          "select 2, 2, from_level, to_state, to_level, at, reason, message "
                          "from ops.state_change"))  # fmt: skip
        conn.execute(update(monitor).values(evaluated_to=text("now()"), alarmed_at=text("now()")))
    told = removed(full, monitors=("one",))
    assert told.pop("ops.scan_folder") == 1, "a table of its own"
    assert set(told.values()) == {1}
    runs = {"ops.monitor_run", "ops.metric", "ops.finding", "ops.monitor_run_table", "ops.notice", "ops.state_change"}
    assert runs | {"ops.watermark", "ops.trend", "ops.scan_run", "ops.scan_area", "ops.scan_count"} <= set(told)
    assert "core.code_version" not in told, "a monitor that names a table of others does not empty it"
    assert "ops.query_time" not in told
    with full.read() as conn:
        kept = conn.execute(monitor.select().order_by(monitor.c.id)).all()
        assert [(row.name, row.evaluated_to is None, row.alarmed_at is None) for row in kept] == [
            ("one", True, True), ("two", False, False),
        ]  # fmt: skip
    assert every_monitor(full) == ("one", "two")


def test_a_monitor_that_runs_or_is_not_there_is_refused(full: Catalog) -> None:
    before = counts(full)
    with pytest.raises(NotFound, match="no monitor named 'none'"):
        reset(full, Wanted(monitors=("one", "none")))
    with full.begin() as conn:
        conn.execute(update(monitor_run).values(state="running", ended=None))
    with pytest.raises(Locked, match="The monitor one runs"):
        reset(full, Wanted(monitors=("one",)))
    assert counts(full) == before


def test_analyses_go_and_those_of_people_stay(full: Catalog) -> None:
    assert removed(full, analyses=True) == {"core.event_analysis": 1, "core.fit": 1}
    with full.read() as conn:
        assert conn.execute(text("select origin from core.event_analysis")).scalars().all() == ["override"]


def test_what_people_said_goes_only_by_its_flag(full: Catalog) -> None:
    before = counts(full)
    for wanted in (Wanted(tables=("core.fit_override",)), Wanted(files=True), Wanted(files=True, analyses=True)):
        with pytest.raises(UsageError, match=r"core\.fit_override.*what people said goes only with --judgements"):
            reset(full, wanted)
    assert counts(full) == before
    told = removed(full, judgements=True)
    assert told["core.fit_override"] == 1
    assert told["core.event_analysis"] == 1, "what was worked out from it goes with it"
    assert "core.event" not in told


def test_files_and_events_go_only_by_their_flag(full: Catalog) -> None:
    before = counts(full)
    for name in ("core.file", "core.event", "ops.job", "idex.event"):
        with pytest.raises(UsageError, match="files and events go only with --files"):
            reset(full, Wanted(tables=(name,), judgements=True))
    assert counts(full) == before
    told = removed(full, files=True, judgements=True)
    assert told["core.file"] == 2
    assert {"core.event", "core.file_parent", "idex.event", "ops.job", "ops.quarantine", "core.fit"} <= set(told)
    assert not {"core.instrument", "core.product", "ops.monitor", "ops.monitor_run"} & set(told)


def test_files_of_one_instrument_leave_those_of_another(catalog_one: Catalog) -> None:
    with catalog_one.begin() as conn:
        fill(conn)
        conn.execute(text("insert into core.instrument (name, title) values ('other', '')"))
    before = counts(catalog_one)
    assert removed(catalog_one, files=True, instrument="other") == {}
    told = removed(catalog_one, files=True, instrument="toy")
    assert told["core.file"] == before["core.file"]
    assert told["ops.job"] == 1
    assert told["core.file_problem"] == before["core.file_problem"] - 1, "a problem without a file is of no instrument"
    with pytest.raises(NotFound, match="no instrument named 'nobody'"):
        reset(catalog_one, Wanted(files=True, instrument="nobody"))


def test_a_table_is_emptied_by_name_and_what_is_registered_never(full: Catalog) -> None:
    assert removed(full, tables=("ops.query_time",)) == {"ops.query_time": 1}
    assert removed(full, tables=("ops.query_time",)) == {}
    with pytest.raises(NotFound, match="There is no table 'query_time'"):
        reset(full, Wanted(tables=("query_time",)))
    with pytest.raises(UsageError, match="the code registers these rows"):
        reset(full, Wanted(tables=("core.instrument",)))
    with pytest.raises(NotFound):
        reset(full, Wanted(tables=("ops.query_time; drop table core.file",)))


def test_rows_that_others_refer_to_are_refused_in_one_sentence(full: Catalog) -> None:
    with full.begin() as conn:
        conn.execute(
            text("create table ops.keeper (id bigint primary key, at uuid references ops.monitor_run (run_id))")
        )
        conn.execute(text("insert into ops.keeper select 1, run_id from ops.monitor_run"))
    before = counts(full)
    with pytest.raises(
        ArchiveError, match=r"other rows refer to these\. Key .* is still referenced from table \"keeper\"\.$"
    ):
        reset(full, Wanted(tables=("ops.monitor_run",)))
    assert counts(full) == before
