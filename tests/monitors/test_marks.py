"""Every file is seen once, in order of ingest, however late it was committed or observed."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import Connection, insert, select, update

from archive.catalog import Catalog, runs, sequence
from archive.catalog.schema import code_version, file, instrument, product
from archive.catalog.schema.monitors import finding, monitor_run
from archive.config import Settings
from monitors.cli import work
from monitors.declare import declared
from monitors.guard import Means, Need, share
from monitors.runner import Ended, Occasion, run_monitor
from tests.monitors.conftest import add_settings, one, rows

T0 = datetime(2026, 6, 1, tzinfo=UTC)


def kinds(conn: Connection) -> dict[str, int]:
    found = conn.execute(select(product.c.name, product.c.id)).all()
    if found:
        return {row.name: row.id for row in found}
    owner = conn.execute(insert(instrument).values(name="trial", title="Trial").returning(instrument.c.id)).scalar_one()
    values = [
        {"instrument_id": owner, "name": name, "level": level, "format": "x", "title": name, "description": name}
        for name, level in (("packets", "raw"), ("events", "l1a"))
    ]
    conn.execute(insert(product), values)
    return kinds(conn)


def put(conn: Connection, name: str, kind: str = "packets", day: int = 0, **values: Any) -> int:
    sequence.hold_ingest(conn)
    when = T0 + timedelta(days=day)
    return int(
        conn.execute(
            insert(file)
            .values(
                product_id=kinds(conn)[kind], relpath=name, received=False, sha256="0" * 64, size=1, state="available",
                t_start=when, t_end=when, **values,
            )
            .returning(file.c.id)
        ).scalar_one()
    )  # fmt: skip


def go(settings: Settings, **kwargs: Any) -> Ended:
    return run_monitor(settings, declared(settings, "files"), Occasion(**kwargs), patience=10)


def add(catalog: Catalog, *names: str, **kwargs: Any) -> None:
    with catalog.begin() as conn:
        for name in names:
            put(conn, name, **kwargs)


def test_a_run_begins_where_the_last_one_ended(catalog_one: Catalog, settings: Settings) -> None:
    add(catalog_one, "a", "b")
    assert go(settings).message == "a b"
    assert go(settings).state == "no_work"
    add(catalog_one, "c")
    assert go(settings).message == "c"


def test_a_run_says_over_which_time_its_data_lie(catalog_one: Catalog, settings: Settings) -> None:
    add(catalog_one, "first", day=3)
    add(catalog_one, "second", day=-2)
    go(settings)
    go(settings)
    query = select(monitor_run.c.data_start, monitor_run.c.data_end).order_by(monitor_run.c.started)
    found = [tuple(row) for row in rows(catalog_one, query)]
    assert found == [(T0 - timedelta(days=2), T0 + timedelta(days=3)), (None, None)]


class Row(NamedTuple):
    id: int
    memory: int
    seconds: int


GUARDED = "[monitor.files]\nmax_runtime = 60\nmax_memory = 64_000_000_000\n[monitor.files.options]\nguarded = true\n"


def sized(catalog: Catalog, **sizes: int) -> None:
    with catalog.begin() as conn:
        for day, (name, size) in enumerate(sizes.items()):
            conn.execute(update(file).where(file.c.id == put(conn, name, day=day)).values(size=size))


@pytest.mark.parametrize(
    ("size", "why"), [(10**12, "1e+12 B of memory, more than the 6.4e+10 B"), (61, "61 s, more than the 60 s")]
)
def test_a_file_that_would_take_too_much_is_left_out_and_that_is_recorded(
    catalog_one: Catalog, settings: Settings, size: int, why: str
) -> None:
    settings = add_settings(settings.home, GUARDED)
    sized(catalog_one, small=1, huge=size)
    assert go(settings).message == "small"
    run = one(catalog_one, select(monitor_run))
    assert (run.n_in, run.n_done, run.n_skipped, run.n_failed) == (2, 1, 1, 0)
    assert run.data_end == T0, "it was not looked at"
    found = one(catalog_one, select(finding))
    assert (found.code, found.subject, found.facts["bytes"]) == ("file_too_large", "huge", size)
    assert why in found.message
    add(catalog_one, "next", day=5)
    assert go(settings).message == "next", "the mark has passed over it"


def test_files_that_would_take_too_long_together_are_left_to_later_runs(
    catalog_one: Catalog, settings: Settings
) -> None:
    settings = add_settings(settings.home, GUARDED)
    sized(catalog_one, a=40, b=20, vast=10**6, c=50, d=5)
    assert [go(settings).message for _ in range(3)] == ["a b", "c d", ""]
    refused = go(settings, window=(datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)))
    assert refused.state == "failure"
    assert "2 of 4 are too many; run it in shorter windows" in refused.message


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=30),
    st.sampled_from([None, 0, 10, 20]), st.sampled_from([None, 0, 10, 20]),
)  # fmt: skip
def test_shares_of_the_runs_are_all_files_that_any_run_could_take(
    wanted: list[tuple[int, int]], memory: int | None, seconds: int | None
) -> None:
    left: list[Any] = [Row(place, *each) for place, each in enumerate(wanted, start=1)]
    fit = [row for row in left if row.memory <= (memory or 0) or memory is None]
    fit = [row for row in fit if row.seconds <= (seconds or 0) or seconds is None]
    taken: list[Any] = []
    while left:
        mine = share(
            sequence.NewFiles(left, left[-1].id), lambda row: Need(row.memory, row.seconds), Means(memory, seconds)
        )
        assert seconds is None or sum(row.seconds for row in mine.taken.rows) <= seconds
        taken += mine.taken.rows
        rest = [row for row in left if row.id > mine.taken.mark]
        assert rest == list(mine.left)
        assert len(rest) < len(left)
        left = rest
    assert taken == fit


def test_a_file_observed_long_ago_and_delivered_late_is_new_when_it_comes(
    catalog_one: Catalog, settings: Settings
) -> None:
    add(catalog_one, "new", day=10)
    go(settings)
    add(catalog_one, "old", day=-300)
    assert go(settings).message == "old"


def test_a_failed_run_does_not_move_the_mark(catalog_one: Catalog, settings: Settings) -> None:
    add(catalog_one, "a")
    (settings.home / "fail").touch()
    assert go(settings).state == "failure"
    (settings.home / "fail").unlink()
    assert go(settings).message == "a"
    assert len(rows(catalog_one, select(code_version).where(code_version.c.name == "a"))) == 1


def test_a_limit_leaves_the_rest_for_the_next_run(catalog_one: Catalog, settings: Settings) -> None:
    settings = add_settings(settings.home, "[monitor.files.options]\nlimit = 2\n")
    add(catalog_one, "a", "b", "c")
    assert [go(settings).message for _ in range(3)] == ["a b", "c", ""]


def test_a_file_committed_after_a_later_one_is_not_lost(catalog_one: Catalog) -> None:
    """The key of a slow transaction is given out before that of a quick one, and becomes visible after it."""
    with catalog_one.begin() as conn:
        kinds(conn)
    selector = sequence.Selector()
    seen: list[str] = []
    slow = Catalog.from_url(catalog_one.url)
    with slow.begin() as conn:
        first = put(conn, "slow")
        add(catalog_one, "quick")

        def look() -> None:
            found = sequence.new_files(catalog_one, 1, selector, "1")
            seen.extend(row.relpath for row in found.rows)

        thread = threading.Thread(target=look)
        thread.start()
        time.sleep(0.3)
        assert thread.is_alive(), "the horizon waits for the ingest under way"
    thread.join()
    assert seen == ["slow", "quick"]
    assert first == one(catalog_one, select(file.c.id).where(file.c.relpath == "slow"))[0]


@hypothesis_settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 30), min_size=2, max_size=12))
def test_every_file_is_seen_exactly_once_whatever_the_timing(catalog_one: Catalog, waits: list[int]) -> None:
    with catalog_one.begin() as conn:
        kinds(conn)
        conn.execute(update(file).values(state="retired"))
        start = sequence.NewFiles([], max([0, *conn.execute(select(file.c.id)).scalars()]))
    stamp = time.monotonic_ns()

    def bring(number: int, wait: int) -> None:
        with Catalog.from_url(catalog_one.url) as mine, mine.begin() as conn:
            put(conn, f"{stamp} {number}")
            time.sleep(wait / 1000)

    threads = [threading.Thread(target=bring, args=item) for item in enumerate(waits)]
    for thread in threads:
        thread.start()
    seen, mark = [], start.mark
    while any(thread.is_alive() for thread in threads) or mark < sequence.horizon(catalog_one):
        end = sequence.horizon(catalog_one)
        with catalog_one.read() as conn:
            seen += list(conn.execute(select(file.c.relpath).where(file.c.id > mark, file.c.id <= end)).scalars())
        mark = end
    for thread in threads:
        thread.join()
    assert sorted(seen) == sorted(f"{stamp} {k}" for k in range(len(waits)))


def test_selections_have_marks_of_their_own(catalog_one: Catalog) -> None:
    add(catalog_one, "a", "b", kind="packets")
    add(catalog_one, "c", kind="events")
    names = {
        selector: [r.relpath for r in sequence.new_files(catalog_one, 1, selector, "1").rows]
        for selector in (
            sequence.Selector(),
            sequence.Selector(level="l1a"),
            sequence.Selector("trial", "packets"),
            sequence.Selector("other"),
        )
    }
    assert list(names.values()) == [["a", "b", "c"], ["c"], ["a", "b"], []]
    assert sequence.Selector("trial", level="raw").text == '{"instrument": "trial", "level": "raw"}'


def test_a_new_algorithm_begins_at_the_first_file(catalog_one: Catalog, settings: Settings, trial_package: Any) -> None:
    add(catalog_one, "a")
    go(settings)
    path = trial_package / "trial_monitors.py"
    code = path.read_text(encoding="utf-8")
    path.write_text(code.replace('name = "files"', 'name, algorithm = "files", "2"'), encoding="utf-8")
    assert go(settings).message == "a"
    with catalog_one.read() as conn:
        found = runs.marks(conn, runs.monitor_named(conn, "files").id)
    assert [(row.selector, row.algorithm) for row in found] == [("{}", "1"), ("{}", "2")]


def test_marks_never_move_back(catalog_one: Catalog, settings: Settings) -> None:
    add(catalog_one, "a", "b")
    ended = go(settings)
    with catalog_one.begin() as conn:
        owner = runs.monitor_named(conn, "files").id
        before = runs.marks(conn, owner)[0].file_id
        sequence.advance(conn, owner, {"{}": before - 1}, "1", ended.run_id)
        assert runs.marks(conn, owner)[0].file_id == before


def never() -> bool:
    return False


def fill(settings: Settings, start: datetime, end: datetime, **kwargs: Any) -> list[Ended]:
    options = {"whole": False, "again": False, "advance": False, **kwargs}
    return list(work.back_fill(settings, ["files"], (start, end), stop=never, **options))


def test_a_back_fill_runs_once_for_each_missed_point(catalog_one: Catalog, settings: Settings) -> None:
    settings = add_settings(settings.home, '[monitor.files.options]\nby = "observed"\n')
    for day in range(4):
        add(catalog_one, f"day {day}", day=day)
    go(settings, cause="schedule", scheduled_for=T0 + timedelta(days=2, hours=6))
    mark = runs_marks(catalog_one)
    ended = fill(settings, T0, T0 + timedelta(days=3, hours=7))
    assert [e.message for e in ended] == ["day 0", "day 1", "day 3"]
    found = rows(
        catalog_one, select(monitor_run).where(monitor_run.c.cause == "back-fill").order_by(monitor_run.c.started)
    )
    assert [r.scheduled_for for r in found] == [T0 + timedelta(days=d, hours=6) for d in (0, 1, 3)]
    assert found[1].window_start == found[0].window_end == T0 + timedelta(hours=6)
    assert runs_marks(catalog_one) == mark, "a back-fill leaves the marks alone"
    assert fill(settings, T0, T0 + timedelta(days=3, hours=7)) == [], "the points have had their runs"
    assert len(fill(settings, T0, T0 + timedelta(days=3, hours=7), again=True)) == 4


def test_a_back_fill_of_a_whole_time_is_one_run(catalog_one: Catalog, settings: Settings) -> None:
    add(catalog_one, "a", "b")
    now = datetime.now(UTC)
    (ended,) = fill(settings, now - timedelta(hours=1), now + timedelta(hours=1), whole=True, advance=True)
    assert ended.message == "a b"
    after = go(settings)
    assert after.state == "no_work", f"asked for, the mark has moved: {after}"


def runs_marks(catalog: Catalog) -> list[Any]:
    with catalog.read() as conn:
        return [tuple(row) for row in runs.marks(conn, runs.monitor_named(conn, "files").id)]


def test_a_slip_in_a_date_is_not_a_million_runs(settings: Settings) -> None:
    from archive.errors import UsageError

    settings = add_settings(settings.home, '[monitor.idle]\nschedule = "1s"\n')
    second = declared(settings, "idle")
    with pytest.raises(UsageError, match="more than 10000 points"):
        list(work._occasions(settings, second, (T0, T0 + timedelta(days=1)), False, True, False))
    with pytest.raises(UsageError, match="ends before it begins"):
        fill(settings, T0, T0)
