"""A run leaves its record whatever becomes of it, and its results only when it ends well."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import func, insert, select, update

from archive.catalog import Catalog, run_record, runs
from archive.catalog.schema import code_version
from archive.catalog.schema.monitors import finding, metric, monitor, monitor_run, monitor_run_table
from archive.config import Settings, load
from archive.errors import DatabaseUnavailable, SettingsError
from monitors import run_log
from monitors.declare import declared
from monitors.recovery import close_vanished, enter_spooled, spool_folder
from monitors.runner import Ended, Occasion, Pulse, register_all, run_monitor
from tests.monitors.conftest import add_settings, one, rows

POINT = datetime(2026, 6, 1, 6, tzinfo=UTC)


def go(settings: Settings, name: str, **kwargs: Any) -> Ended:
    return run_monitor(settings, declared(settings, name), Occasion(**kwargs), patience=20)


def record(catalog: Catalog, ended: Ended) -> Any:
    return one(catalog, select(monitor_run).where(monitor_run.c.run_id == ended.run_id))


def written(catalog: Catalog, name: str) -> int:
    return int(one(catalog, select(func.count()).where(code_version.c.name == name))[0])


def test_a_good_run_is_recorded_in_full(catalog_one: Catalog, settings: Settings) -> None:
    before = datetime.now(UTC)
    ended = go(settings, "good", cause="schedule", scheduled_for=POINT)
    assert (ended.state, ended.good) == ("success", True)
    row = record(catalog_one, ended)
    assert (row.state, row.cause, row.scheduled_for, row.exit_code) == ("success", "schedule", POINT, 0)
    assert (row.n_in, row.n_done, row.n_skipped, row.n_failed) == (5, 3, 1, 1)
    assert (row.n_warnings, row.n_errors, row.message) == (1, 0, "All is well.")
    assert before <= row.started <= row.ended <= datetime.now(UTC)
    assert row.wall_s > 0
    assert row.cpu_user_s > 0
    assert 10e6 < row.max_rss_bytes < 1e9
    assert row.host
    assert row.boot_id
    assert row.pid == os.getpid()
    assert row.start_ticks is not None
    assert len(row.config_digest) == 64
    assert row.provenance["packages"]["sqlalchemy"].startswith("2.")
    assert row.version.startswith("0.1.0")
    assert row.argv
    log = settings.home / row.log_path
    assert str(ended.run_id) in log.name
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert [line["message"] for line in lines] == [
        "begun: good", "at work", "take care", "ended: good: success",
    ]  # fmt: skip
    begun, ended_ = lines[0]["extras"]["facts"], lines[-1]["extras"]["facts"]
    assert begun["config_digest"] == row.config_digest
    assert begun["provenance"]["packages"] == row.provenance["packages"]
    assert (ended_["state"], ended_["wall_s"], ended_["exit_code"]) == ("success", row.wall_s, 0)
    assert lines[0]["run"] == str(ended.run_id)
    assert lines[0]["time"].endswith("Z")


def test_results_enter_with_the_end_of_the_run(catalog_one: Catalog, settings: Settings) -> None:
    ended = go(settings, "good")
    found = rows(catalog_one, select(metric).where(metric.c.run_id == ended.run_id).order_by(metric.c.id))
    assert [(m.name, m.value, m.unit, m.labels) for m in found] == [
        ("trial_size_bytes", 12.5, "B", {"area": "files"}), ("trial_gap", None, "", {})]  # fmt: skip
    assert written(catalog_one, "trial") == 1
    wrote = monitor_run_table.c
    tables = rows(catalog_one, select(wrote.table_name, wrote.n_insert, wrote.n_update, wrote.n_delete, wrote.n_rows))
    assert [tuple(t) for t in tables] == [("core.code_version", 1, 0, 0, 1)]


def test_tables_are_counted_whoever_writes_them(catalog_one: Catalog, settings: Settings) -> None:
    """Rows by COPY, by an upsert that changes and inserts, and those that a statement at the close deletes."""
    with catalog_one.begin() as conn:
        names = [{"name": f"t{k}", "version": "1"} for k in range(4)]
        conn.execute(insert(code_version), names)
    ended = go(settings, "writes")
    wrote = monitor_run_table.c
    query = select(wrote.table_name, wrote.n_insert, wrote.n_update, wrote.n_delete).where(wrote.run_id == ended.run_id)
    found = sorted(tuple(row) for row in rows(catalog_one, query))
    assert found == [("core.code_version", 2, 0, 3), ("ops.query_time", 1, 1, 1)]


def test_a_finding_is_open_since_its_first_run(catalog_one: Catalog, settings: Settings) -> None:
    first, second = go(settings, "good"), go(settings, "good")
    found = one(catalog_one, select(finding).where(finding.c.run_id == second.run_id))
    assert (found.severity, found.code, found.subject, found.count, found.facts) == (
        "error", "trial_found", "subject", 2, {"a": 1})  # fmt: skip
    assert found.since == record(catalog_one, first).started
    with catalog_one.read() as conn:
        assert [f.run_id for f in runs.open_findings(conn)] == [second.run_id]
        assert {m.run_id for m in runs.newest_metrics(conn)} == {second.run_id}


def test_nothing_to_do_is_not_the_same_as_success(catalog_one: Catalog, settings: Settings) -> None:
    ended = go(settings, "idle")
    assert (ended.state, record(catalog_one, ended).state, ended.good) == ("no_work", "no_work", True)


def test_an_exception_is_a_failure_with_its_trace_in_the_log(catalog_one: Catalog, settings: Settings) -> None:
    ended, again = go(settings, "raises"), go(settings, "raises")
    row = record(catalog_one, ended)
    assert (row.state, row.error_type, row.error_message, row.exit_code) == (
        "failure",
        "ValueError",
        "no good: and more",
        1,
    )
    assert row.error_fingerprint == record(catalog_one, again).error_fingerprint
    assert row.n_errors == 1
    last = json.loads((settings.home / row.log_path).read_text(encoding="utf-8").splitlines()[-2])
    assert 'raise ValueError("no good' in last["traceback"]
    assert "ValueError: no good" in row.output_tail, "the end of the log, as people read it"
    assert '{"time"' not in row.output_tail
    assert written(catalog_one, "raises") == 0, "what a failed run wanted to write is not written"


def test_a_reported_failure_keeps_its_metrics_and_writes_no_rows(catalog_one: Catalog, settings: Settings) -> None:
    row = record(catalog_one, go(settings, "reports"))
    assert (row.state, row.error_message, row.exit_code) == ("failure", "Nothing was there.", 1)
    assert one(catalog_one, select(func.count()).select_from(metric))[0] == 1
    assert written(catalog_one, "reports") == 0


@pytest.mark.parametrize(
    ("name", "state", "error", "says"),
    [
        ("hangs", "killed", "Timeout", "its time was over"),
        ("killed", "killed", "Signal", "SIGKILL"),
        ("eats", "failure", "MemoryError", "MemoryError"),
        ("leaves", "failure", "NoResult", "without a result"),
        ("quits", "failure", "SystemExit", "0"),
        ("wrong", "failure", "TypeError", "no Result"),
    ],
)
def test_bad_ends_have_one_clear_outcome_and_others_go_on(
    catalog_one: Catalog, settings: Settings, name: str, state: str, error: str, says: str
) -> None:
    row = record(catalog_one, go(settings, name))
    assert (row.state, row.error_type) == (state, error)
    assert says in row.error_message
    assert row.ended is not None
    assert go(settings, "idle").state == "no_work"


@pytest.mark.parametrize(("name", "tail"), [("stderr-only", "only on standard error\n"), ("binary", "\\x00")])
def test_odd_output_is_kept(catalog_one: Catalog, settings: Settings, name: str, tail: str) -> None:
    ended = go(settings, name)
    row = record(catalog_one, ended)
    assert row.state == "success"
    assert tail in row.output_tail
    if name == "binary":
        kept = b"".join(run_log.printed(entry) for entry in run_log.read(settings.home / row.log_path))
        assert bytes(range(256)) + b"\n" in kept


def test_a_log_whose_permissions_are_refused_is_a_warning_of_the_run(catalog_one: Catalog, settings: Settings) -> None:
    settings = add_settings(settings.home, '[files]\nmode = "0640"\ngroup = "no-such-group-here"\n')
    ended = go(settings, "idle")
    row = record(catalog_one, ended)
    # Two new folders, logs/monitors and that of the monitor, and the file.
    assert (row.state, row.n_warnings) == ("no_work", 3)
    assert (settings.home / row.log_path).stat().st_mode & 0o777 == 0o640


def test_what_comes_after_the_result_changes_nothing(catalog_one: Catalog, settings: Settings) -> None:
    """A status that is read from the last line of a log would be a failure here."""
    ended = go(settings, "noisy")
    row = record(catalog_one, ended)
    assert (row.state, row.exit_code, row.n_in) == ("success", 0, 1)
    said = [line["message"] for line in run_log.read(settings.home / row.log_path)]
    assert {"too late to matter", "CRASHED", "a worker that closes late"} <= set(said)


def test_what_follows_a_run_finds_it_closed_and_cannot_change_it(catalog_one: Catalog, settings: Settings) -> None:
    ended = go(settings, "follows")
    row = record(catalog_one, ended)
    assert (ended.state, row.state, row.exit_code, row.n_errors) == ("success", "success", 0, 0)
    assert (settings.home / "follows.told").read_text() == "success"
    assert written(catalog_one, "follows") == 1, "one that fails does not keep the others from being done"
    said = [line["message"] for line in run_log.read(settings.home / row.log_path)]
    assert "what was to follow the run failed: what follows went wrong" in said


def test_nothing_follows_a_run_that_failed(catalog_one: Catalog, settings: Settings) -> None:
    settings = add_settings(settings.home, "[monitor.follows.options]\nfails = true\n")
    assert go(settings, "follows").state == "failure"
    assert not (settings.home / "follows.told").exists()


def test_a_database_that_is_gone_when_the_rest_follows_leaves_the_run_as_it_was(
    catalog_one: Catalog, settings: Settings
) -> None:
    settings = add_settings(settings.home, "[monitor.follows.options]\nseconds = 2\n")
    thread, found = in_thread(settings, "follows")
    wait_for(settings.home / "follows.started")
    away(settings, catalog_one, allow=False)
    try:
        time.sleep(4)
    finally:
        away(settings, catalog_one, allow=True)
    thread.join()
    catalog_one.engine.dispose()
    assert found[0].state == record(catalog_one, found[0]).state == "success"
    assert written(catalog_one, "follows") == 0


def test_what_follows_may_take_longer_than_a_sign_of_life_but_not_than_the_run_may(
    catalog_one: Catalog, settings: Settings
) -> None:
    settings = add_settings(
        settings.home, '[monitor.follows]\nmax_runtime = "3s"\n[monitor.follows.options]\nseconds = 60\n'
    )
    ended = go(settings, "follows")
    row = record(catalog_one, ended)
    assert (ended.state, row.state) == ("success", "success")
    assert row.signal is not None
    assert row.wall_s < 20
    assert not (settings.home / "follows.told").exists()
    with Pulse(settings, ended.run_id, every=0.05) as pulse:
        time.sleep(0.5)
        assert not pulse.lost, "it was closed by its own process, which may still be at work"


def test_processor_time_is_no_wall_clock(catalog_one: Catalog, settings: Settings) -> None:
    row = record(catalog_one, go(settings, "sleeps"))
    assert row.wall_s > 1.5
    assert row.cpu_user_s + row.cpu_system_s < row.wall_s - 1.2


def test_modules_of_the_current_folder_are_not_taken_for_ours(
    catalog_one: Catalog, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "somewhere"
    folder.mkdir()
    for name in ("json.py", "sqlalchemy.py", "monitors.py", "archive.py", "trial_monitors.py"):
        (folder / name).write_text("raise SystemExit('the wrong module')\n")
    monkeypatch.chdir(folder)
    assert go(settings, "good").state == "success"


def test_a_fork_does_not_outlive_its_run(catalog_one: Catalog, settings: Settings) -> None:
    assert go(settings, "forks").state == "success"
    pid = int((settings.home / "fork.pid").read_text())
    for _ in range(100):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return
        time.sleep(0.02)
    raise AssertionError(f"{pid} still runs")


def test_a_schedule_point_has_one_run(catalog_one: Catalog, settings: Settings) -> None:
    first = go(settings, "idle", cause="schedule", scheduled_for=POINT)
    second = go(settings, "idle", cause="schedule", scheduled_for=POINT)
    assert (first.state, second.state) == ("no_work", "skipped")
    assert "has had its run" in second.message
    assert record(catalog_one, second).state == "skipped"
    assert go(settings, "idle", cause="schedule", scheduled_for=POINT + timedelta(hours=1)).state == "no_work"


def test_two_starters_at_once_run_it_once(catalog_one: Catalog, settings: Settings) -> None:
    """Cron and the scheduler, six of them, for one schedule point."""
    ended: list[Ended] = []
    threads = [
        threading.Thread(target=lambda: ended.append(go(settings, "good", cause="schedule", scheduled_for=POINT)))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(e.state for e in ended) == ["skipped"] * 5 + ["success"]
    assert written(catalog_one, "trial") == 1


def in_thread(settings: Settings, name: str) -> tuple[threading.Thread, list[Ended]]:
    found: list[Ended] = []
    thread = threading.Thread(target=lambda: found.append(go(settings, name)))
    thread.start()
    return thread, found


def wait_for(path: Path, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < end, f"{path} did not come"
        time.sleep(0.02)


def test_a_second_start_is_skipped_while_the_first_runs(catalog_one: Catalog, settings: Settings) -> None:
    thread, first = in_thread(settings, "slow")
    wait_for(settings.home / "slow.started")
    second = go(settings, "slow")
    assert second.state == "skipped"
    assert record(catalog_one, second).error_message.startswith("skipped: already running (process")
    thread.join()
    assert first[0].state == "success"


def test_two_runs_in_one_second_have_a_log_each(catalog_one: Catalog, settings: Settings) -> None:
    paths = {go(settings, "idle").log_path for _ in range(2)}
    assert len(paths) == 2


SUPERVISOR = """
import sys
from pathlib import Path
from archive.config import load
from monitors.declare import declared
from monitors.runner import run_monitor
settings = load(Path(sys.argv[1]))
run_monitor(settings, declared(settings, "slow"))
"""


def test_a_run_whose_supervisor_was_killed_is_closed_by_the_next(catalog_one: Catalog, settings: Settings) -> None:
    settings = add_settings(settings.home, "[monitor.slow.options]\nseconds = 30\n")
    starter = subprocess.Popen([sys.executable, "-c", SUPERVISOR, str(settings.home)])
    wait_for(settings.home / "slow.started")
    child = int((settings.home / "slow.started").read_text())
    starter.send_signal(signal.SIGKILL)
    starter.wait()
    for _ in range(200):
        if not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE:
            break
        time.sleep(0.02)
    else:
        raise AssertionError("the monitor outlived its supervisor")
    assert one(catalog_one, select(monitor_run.c.state))[0] == "running"
    add_settings(settings.home, "[monitor.good]\n")
    with catalog_one.begin() as conn:
        assert len(close_vanished(conn, datetime.now(UTC))) == 1
    row = one(catalog_one, select(monitor_run))
    assert (row.state, row.error_type) == ("killed", "Vanished")
    assert written(catalog_one, "slow") == 0


def test_the_lock_of_a_killed_run_is_free_at_once_and_its_process_number_means_nothing(
    catalog_one: Catalog, settings: Settings
) -> None:
    settings = add_settings(settings.home, "[monitor.slow.options]\nseconds = 30\n")
    starter = subprocess.Popen([sys.executable, "-c", SUPERVISOR, str(settings.home)])
    wait_for(settings.home / "slow.started")
    starter.send_signal(signal.SIGKILL)
    starter.wait()
    with catalog_one.begin() as conn:  # another process has the number by now: this one, which started at another time
        conn.execute(update(monitor_run).values(pid=os.getpid()))
    (settings.home / "pinakes.toml").write_text(f'[database]\nurl = "{catalog_one.url}"\n', encoding="utf-8")
    assert go(load(settings.home), "slow").state == "success"
    found = rows(catalog_one, select(monitor_run).order_by(monitor_run.c.started))
    assert [(row.state, row.error_type) for row in found] == [("killed", "Vanished"), ("success", None)]


def test_a_run_on_another_machine_is_given_up_after_its_silence(catalog_one: Catalog, settings: Settings) -> None:
    ended = go(settings, "idle")
    long_ago = datetime.now(UTC) - timedelta(minutes=11)
    with catalog_one.begin() as conn:
        conn.execute(
            update(monitor_run)
            .where(monitor_run.c.run_id == ended.run_id)
            .values(state="running", ended=None, host="elsewhere", started=long_ago, heartbeat=datetime.now(UTC))
        )
        assert close_vanished(conn, datetime.now(UTC)) == []
        assert len(close_vanished(conn, datetime.now(UTC) + timedelta(minutes=11))) == 1


def test_results_of_a_run_that_was_closed_meanwhile_are_not_stored(catalog_one: Catalog, settings: Settings) -> None:
    thread, found = in_thread(settings, "slow")
    wait_for(settings.home / "slow.started")
    with catalog_one.begin() as conn:
        run_id = conn.execute(select(monitor_run.c.run_id)).scalar_one()
        assert run_record.close_run(conn, run_id, "killed", datetime.now(UTC), error_type="Vanished")
    thread.join()
    assert found[0].state == "killed"
    assert written(catalog_one, "slow") == 0


def test_a_sign_of_life_is_written_until_somebody_else_closes_the_run(catalog_one: Catalog, settings: Settings) -> None:
    run_id = go(settings, "idle").run_id
    open_again = {"state": "running", "ended": None, "heartbeat": datetime(2026, 1, 1, tzinfo=UTC)}
    with catalog_one.begin() as conn:
        conn.execute(update(monitor_run).values(**open_again))
    with Pulse(settings, run_id, every=0.05) as pulse:
        time.sleep(0.5)
        assert not pulse.lost
        assert datetime.now(UTC) - one(catalog_one, select(monitor_run.c.heartbeat))[0] < timedelta(seconds=5)
        with catalog_one.begin() as conn:
            assert run_record.close_run(conn, run_id, "killed", datetime.now(UTC))
        time.sleep(0.5)
        assert pulse.lost


def test_a_clock_that_was_set_back_does_not_keep_a_run_open(catalog_one: Catalog, settings: Settings) -> None:
    run_id = go(settings, "idle").run_id
    with catalog_one.begin() as conn:
        conn.execute(update(monitor_run).values(state="running", ended=None))
        assert run_record.close_run(conn, run_id, "success", datetime(2020, 1, 1, tzinfo=UTC))
    row = one(catalog_one, select(monitor_run))
    assert (row.state, row.ended) == ("success", row.started)


def test_a_stop_from_outside_is_recorded(catalog_one: Catalog, settings: Settings) -> None:
    stop = threading.Event()
    threading.Timer(1.5, stop.set).start()
    ended = run_monitor(settings, declared(settings, "hangs"), stop=stop.is_set, patience=5)
    row = record(catalog_one, ended)
    assert row.state == "killed"


def test_a_command_is_a_monitor_too(catalog_one: Catalog, settings: Settings) -> None:
    settings = add_settings(settings.home, '[monitor.listing]\ncommand = ["sh", "-c", "echo here; exit 3"]\n')
    row = record(catalog_one, go(settings, "listing"))
    assert (row.state, row.error_type, row.exit_code, row.output_tail) == ("failure", "ExitCode", 3, "here\n")


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ('[monitor.good]\nschedule = "61 * * * *"\n', "minute '61'"),
        ('[monitor.good]\nzone = "Mars/Olympus"\n', "no time zone"),
        ('[monitor.good]\ngrace = "soon"\n', "not a length of time"),
        ("[monitor.good]\nmax_runtime = 0\n", "leaves no time"),
    ],
)
def test_a_broken_declaration_is_one_sentence_and_the_others_go_on(
    catalog_one: Catalog, settings: Settings, table: str, says: str
) -> None:
    settings = add_settings(settings.home, table)
    with pytest.raises(SettingsError, match="The monitor 'good' cannot run") as caught:
        go(settings, "good")
    assert says in str(caught.value)
    found = register_all(settings)
    assert says in (found["good"].fault or "")
    assert {name for name, d in found.items() if d.fault and name in ("idle", "slow", "files")} == set()
    assert go(settings, "idle").state == "no_work"


def test_code_that_cannot_be_imported_is_a_fault_of_that_monitor(settings: Settings) -> None:
    assert "no_such_module" in (declared(settings, "absent").fault or "")


def test_a_monitor_that_is_declared_no_more_keeps_its_history(catalog_one: Catalog, settings: Settings) -> None:
    settings = add_settings(settings.home, '[monitor.listing]\ncommand = ["true"]\n')
    register_all(settings)
    go(settings, "listing")
    (settings.home / "pinakes.toml").write_text(
        (settings.home / "pinakes.toml").read_text(encoding="utf-8").partition("[monitor.")[0], encoding="utf-8"
    )
    register_all(Settings(home=settings.home))
    with catalog_one.read() as conn:
        assert "listing" not in {m.name for m in runs.monitors(conn)}
        assert runs.monitor_named(conn, "listing").removed_at is not None
        assert len(runs.runs(conn, monitor_id=runs.monitor_named(conn, "listing").id)) == 1


def test_a_schedule_that_changes_holds_from_then_on(catalog_one: Catalog, settings: Settings) -> None:
    register_all(settings)
    first = one(catalog_one, select(monitor.c.declared_at).where(monitor.c.name == "good"))[0]
    register_all(settings)
    assert one(catalog_one, select(monitor.c.declared_at).where(monitor.c.name == "good"))[0] == first
    register_all(add_settings(settings.home, '[monitor.good]\nschedule = "5m"\n'))
    assert one(catalog_one, select(monitor.c.declared_at).where(monitor.c.name == "good"))[0] > first


def away(settings: Settings, catalog: Catalog, allow: bool) -> None:
    """Make the database refuse new connections and end those there are, or let them in again."""
    url = catalog.engine.url
    with Catalog.from_url(url.set(database="postgres").render_as_string(hide_password=False)) as admin:
        conn = admin.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        with conn:
            conn.exec_driver_sql(f'alter database "{url.database}" allow_connections {allow}')
            if not allow:
                conn.exec_driver_sql(
                    "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (url.database,)
                )


def test_a_database_that_is_away_for_a_while_does_not_lose_a_run(catalog_one: Catalog, settings: Settings) -> None:
    thread, found = in_thread(settings, "slow")
    wait_for(settings.home / "slow.started")
    away(settings, catalog_one, allow=False)
    try:
        with pytest.raises(DatabaseUnavailable):
            go(settings, "idle")
        time.sleep(5)  # the work ends meanwhile
    finally:
        away(settings, catalog_one, allow=True)
    thread.join()
    catalog_one.engine.dispose()
    assert found[0].state == "success"
    assert record(catalog_one, found[0]).state == "success"
    assert written(catalog_one, "slow") == 1


def test_a_database_that_stays_away_leaves_the_record_on_disk(catalog_one: Catalog, settings: Settings) -> None:
    mark = settings.home / "slow.started"
    settings = add_settings(settings.home, f"[monitor.nap]\ncommand = ['sh', '-c', 'touch {mark}; sleep 2']\n")
    found: list[Ended] = []
    thread = threading.Thread(
        target=lambda: found.append(run_monitor(settings, declared(settings, "nap"), patience=0.2))
    )
    thread.start()
    wait_for(mark)
    away(settings, catalog_one, allow=False)
    try:
        thread.join()
    finally:
        away(settings, catalog_one, allow=True)
    catalog_one.engine.dispose()
    assert found[0].state == "success"
    assert record(catalog_one, found[0]).state == "running"
    assert [path.stem for path in spool_folder(settings.home).iterdir()] == [str(found[0].run_id)]
    register_all(settings)
    row = record(catalog_one, found[0])
    assert (row.state, row.exit_code) == ("success", 0)
    assert row.ended - row.started >= timedelta(seconds=2)
    assert not list(spool_folder(settings.home).iterdir())
    with catalog_one.begin() as conn:
        assert enter_spooled(conn, settings.home) == []
