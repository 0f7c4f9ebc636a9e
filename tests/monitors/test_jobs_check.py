"""The job-health monitor: what it writes, whom it tells, and that it is never silent."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from archive.catalog import Catalog, run_record, runs
from archive.catalog.schema.monitors import finding, metric, monitor, monitor_run, notice, state_change
from archive.config import Settings
from monitors.declare import declared
from monitors.foreign_logs import last_line, logged_runs
from monitors.health import Level, State
from monitors.provenance import process
from monitors.runner import Ended, register_all, run_monitor
from monitors.survey import survey
from tests.monitors.conftest import add_settings, one, rows

HOUR = timedelta(hours=1)


def look(settings: Settings) -> Ended:
    return run_monitor(settings, declared(settings, "jobs"), patience=10)


def past(catalog: Catalog, name: str, *runs_: tuple[timedelta, str], declared_ago: timedelta = 6 * HOUR) -> datetime:
    """Put runs into the past of a job: (how long ago, state)."""
    now = datetime.now(UTC)
    with catalog.begin() as conn:
        key = runs.monitor_named(conn, name).id
        conn.execute(
            update(monitor).where(monitor.c.id == key).values(declared_at=now - declared_ago, evaluated_to=None)
        )
        for ago, state in runs_:
            start = now - ago
            values = {**process(), "run_id": run_record.new_run_id(), "monitor_id": key, "cause": "exec"}
            ended = None if state == "running" else start + timedelta(seconds=10)
            conn.execute(insert(monitor_run).values(**values, state=state, started=start, heartbeat=start, ended=ended))
    return now


def changes_of(catalog: Catalog, name: str) -> list[Any]:
    query = select(state_change).join(monitor, monitor.c.id == state_change.c.monitor_id).where(monitor.c.name == name)
    return rows(catalog, query.order_by(state_change.c.at, state_change.c.id))


def test_changes_between_two_looks_are_stored_at_their_own_times(catalog_one: Catalog, settings: Settings) -> None:
    settings = add_settings(settings.home, '[monitor.nightly]\nschedule = "1h"\ngrace = "100m"\n')
    register_all(settings)
    now = past(catalog_one, "nightly", (3 * HOUR, "success"), (2 * HOUR, "failure"), (HOUR / 2, "success"))
    assert look(settings).state == "success"
    found = changes_of(catalog_one, "nightly")
    assert [(c.from_state, c.to_state, c.reason) for c in found] == [
        (None, "new", "schedule"),
        ("new", "missed", "schedule"),
        ("missed", "up", "schedule"),
        ("up", "failed", "failure"),
        ("failed", "up", "schedule"),
    ]
    assert abs(found[3].at - (now - 2 * HOUR + timedelta(seconds=10))) < timedelta(seconds=1)
    assert found[3].run_id is not None
    assert look(settings).state == "success"
    assert len(changes_of(catalog_one, "nightly")) == 5, "a second look adds nothing"


def test_what_is_down_is_a_finding_and_a_notice_once(catalog_one: Catalog, settings: Settings, tmp_path: Path) -> None:
    out = tmp_path / "told"
    settings = add_settings(
        settings.home,
        f"[notify]\ncommand = ['sh', '-c', 'echo \"$PINAKES_NOTICE_SUBJECT\" >> {out}']\n"
        '[monitor.nightly]\nschedule = "1h"\n[monitor.silent]\nschedule = "1h"\nnotify = []\n',
    )
    register_all(settings)
    past(catalog_one, "nightly", (HOUR / 4, "failure"), declared_ago=HOUR / 2)
    past(catalog_one, "silent", (HOUR / 4, "failure"), declared_ago=HOUR / 2)
    ended = look(settings)
    found = rows(catalog_one, select(finding).where(finding.c.run_id == ended.run_id).order_by(finding.c.subject))
    assert [(f.code, f.subject, f.severity) for f in found if f.subject in ("nightly", "silent")] == [
        ("job_failed", "nightly", "error"), ("job_failed", "silent", "error")]  # fmt: skip
    look(settings)
    told = [n for n in rows(catalog_one, select(notice)) if "nightly" in n.subject or "silent" in n.subject]
    assert [(n.kind, n.channel, n.state) for n in told] == [("down", "command", "queued")]
    from monitors.notify import deliver

    assert deliver(settings)["sent"] == len(rows(catalog_one, select(notice)))
    assert "[pinakes] nightly is down: failed" in out.read_text(encoding="utf-8")
    past(catalog_one, "nightly", (timedelta(0), "success"))
    with catalog_one.begin() as conn:
        conn.execute(update(monitor).values(evaluated_to=datetime.now(UTC) - timedelta(minutes=5)))
    time.sleep(0.01)
    with catalog_one.begin() as conn:
        conn.execute(update(monitor_run).where(monitor_run.c.cause == "exec").values(ended=monitor_run.c.started))
    look(settings)
    kinds = [n.kind for n in rows(catalog_one, select(notice).order_by(notice.c.id)) if "nightly" in n.subject]
    assert kinds == ["down", "recovery"]


def test_a_job_that_never_ran_is_listed_and_missed(catalog_one: Catalog, settings: Settings) -> None:
    settings = add_settings(settings.home, '[monitor.nightly]\nschedule = "1h"\ngrace = "10m"\n')
    register_all(settings)
    past(catalog_one, "nightly", declared_ago=3 * HOUR)
    look(settings)
    assert [c.to_state for c in changes_of(catalog_one, "nightly")] == ["new", "missed"]


def test_a_broken_declaration_is_down_and_the_others_are_looked_at(catalog_one: Catalog, settings: Settings) -> None:
    settings = add_settings(
        settings.home, '[monitor.nightly]\nschedule = "61 * * * *"\n[monitor.fine]\nschedule = "1h"\n'
    )
    assert look(settings).state == "success"
    assert [c.to_state for c in changes_of(catalog_one, "nightly")] == ["invalid"]
    assert [c.to_state for c in changes_of(catalog_one, "fine")] == ["new"]


def test_nothing_declared_is_a_failure_and_not_silence(
    catalog_one: Catalog, settings: Settings, trial_package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = trial_package / "trial-1.0.dist-info" / "entry_points.txt"
    info.write_text("", encoding="utf-8")
    only_jobs = 'from monitors import base\nbase.offered = lambda f=base.offered: {"jobs": f()["jobs"]}\n'
    (trial_package / "sitecustomize.py").write_text(only_jobs, encoding="utf-8")
    with catalog_one.begin() as conn:
        conn.execute(update(monitor).values(removed_at=datetime.now(UTC)))
    ended = look(settings)
    assert (ended.state, "nothing is watched" in ended.message) == ("failure", True)


def test_its_heartbeat_and_counts_are_metrics(catalog_one: Catalog, settings: Settings) -> None:
    ended = look(settings)
    found = {(m.name, m.labels.get("state")): m.value for m in rows(catalog_one, select(metric))}
    assert abs(found["jobs_heartbeat_timestamp_seconds", None] - time.time()) < 60
    assert found["jobs_in_state", "new"] > 5
    assert found["jobs_in_state", "invalid"] == 1, "the one that cannot be imported"
    assert "1 down" in ended.message


def test_a_paused_job_is_paused_and_asks_for_nothing_when_it_goes_on(catalog_one: Catalog, settings: Settings) -> None:
    from monitors.cli import work

    settings = add_settings(settings.home, '[monitor.nightly]\nschedule = "1h"\ngrace = "10m"\n')
    register_all(settings)
    past(catalog_one, "nightly", declared_ago=5 * HOUR)
    work.pause(settings, "nightly", paused=True)
    (standing,) = [s for s in work.standings(settings) if s.name == "nightly"]
    assert (standing.health.state, standing.health.level) == (State.PAUSED, Level.UNKNOWN)
    assert standing.row.paused_by
    work.pause(settings, "nightly", paused=False)
    (standing,) = [s for s in work.standings(settings) if s.name == "nightly"]
    assert standing.health.state is State.NEW


def aged(path: Path, text: bytes, minutes: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text)
    stamp = time.time() - 60 * minutes
    os.utime(path, (stamp, stamp))
    return path


def test_log_files_stand_for_runs_that_nothing_records(
    catalog_one: Catalog, settings: Settings, tmp_path: Path
) -> None:
    logs = tmp_path / "logs"
    aged(logs / "zhost_1.log", b"work\nCompleted Successfully\n\n \n", 90)
    aged(logs / "ahost_2.log", b"work\nincomplete: Completed Successfully not\n", 30)
    settings = add_settings(
        settings.home, f'[monitor.foreign]\nschedule = "1h"\ngrace = "2h"\nlog_files = "{logs}/*.log"\n'
    )
    look(settings)
    look(settings)
    found = rows(catalog_one, select(monitor_run).where(monitor_run.c.cause == "log").order_by(monitor_run.c.started))
    assert [(r.state, r.error_type) for r in found] == [("success", None), ("failure", "LogMarker")]
    assert found[1].output_tail == "incomplete: Completed Successfully not"
    (standing,) = [s for s in standings(catalog_one) if s.name == "foreign"]
    assert standing.health.state is State.FAILED, "the newest by time, not by name"


def standings(catalog: Catalog) -> list[Any]:
    with catalog.read() as conn:
        return survey(conn, datetime.now(UTC))


def test_the_success_marker_is_the_whole_last_line(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    cases = {
        b"all complete": False,
        b"Completed Successfully": True,
        b"12:00 INFO Completed Successfully\r\n\r\n": True,
        b"Completed Successfully\nlater line": False,
        b"Not: Completed Successfully!": False,
        b"": False,
        b"\xff\xfe\x00Completed Successfully": True,
        b'{"time": "2026-01-01T00:00:00.000Z", "message": "Completed Successfully"}': True,
        b'{"time": "2026-01-01T00:00:00.000Z", "message": "all complete"}': False,
        b'{"message": "Completed Successfully"': False,
    }
    for k, text in enumerate(cases):
        aged(tmp_path / f"{k}.log", text, 10 + k)
    runs_ = logged_runs(f"{tmp_path}/*.log", ".*Completed Successfully", now - HOUR, now)
    found = {run.path.name: run.success for run in runs_}
    assert found == {f"{k}.log": good for k, good in enumerate(cases.values())}
    assert last_line(tmp_path / "none") is None


def test_a_log_that_is_still_written_is_no_run_yet_and_permissions_change_nothing(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    aged(tmp_path / "fresh.log", b"working", 0.2)
    old = aged(tmp_path / "old.log", b"Completed Successfully", 20)
    first = list(logged_runs(f"{tmp_path}/*.log", ".*Successfully", now - HOUR, now))
    old.chmod(0o600)
    assert [run.path.name for run in first] == ["old.log"]
    assert list(logged_runs(f"{tmp_path}/*.log", ".*Successfully", now - HOUR, now)) == first


def test_a_marker_that_is_no_expression_is_a_finding(catalog_one: Catalog, settings: Settings, tmp_path: Path) -> None:
    aged(tmp_path / "a.log", b"x", 20)
    settings = add_settings(settings.home, f'[monitor.foreign]\nlog_files = "{tmp_path}/*.log"\nlog_success = "("\n')
    ended = look(settings)
    assert ended.state == "success"
    assert "log_rule_invalid" in {f.code for f in rows(catalog_one, select(finding))}


def test_log_files_of_runs_are_kept_by_count_and_never_the_newest_failure(
    catalog_one: Catalog, settings: Settings
) -> None:
    settings = add_settings(settings.home, "[monitor.idle]\nkeep_runs = 2\n[monitor.raises]\nkeep_runs = 1\n")
    kept = [run_monitor(settings, declared(settings, "idle"), patience=5) for _ in range(4)]
    bad = run_monitor(settings, declared(settings, "raises"), patience=5)
    with catalog_one.begin() as conn:
        conn.execute(
            update(monitor_run)
            .where(monitor_run.c.run_id == bad.run_id)
            .values(started=datetime(2020, 1, 1, tzinfo=UTC), ended=datetime(2020, 1, 1, tzinfo=UTC))
        )
    look(settings)
    there = [e.log_path is not None and e.log_path.exists() for e in (*kept, bad)]
    assert there == [False, False, True, True, True]
    paths = {r.run_id: r.log_path for r in rows(catalog_one, select(monitor_run))}
    assert [paths[e.run_id] is None for e in kept] == [True, True, False, False]
    assert one(catalog_one, select(metric.c.value).where(metric.c.name == "run_logs_removed"))[0] == 2


def test_log_files_of_verbs_are_kept_by_count_and_age_and_never_the_newest_error(
    catalog_one: Catalog, settings: Settings
) -> None:
    settings = add_settings(settings.home, "[log]\nkeep_files = 2\nkeep_days = 30\n")
    logs, day = settings.home / "logs", 24 * 60
    good, bad = b'{"level": "info", "message": "x"}\n', b'{"level": "error", "message": "x"}\n'
    for k in range(4):
        aged(logs / f"ingest-20260101T00000{k}Z-0198a5b2-{k}.log", good, 10 + k)
    aged(logs / "ingest-20250101T000000Z-0198a5b2-8.log", bad, 20 * day)
    aged(logs / "ingest-20240101T000000Z-0198a5b2-9.log", bad, 50 * day)
    aged(logs / "work-20260101.log", good, 40 * day)
    aged(logs / "of-somebody-else.log", good, 400 * day)
    assert look(settings).state == "success"
    left = sorted(path.name for path in logs.glob("*.log") if not path.name.startswith(("jobs", "monitor")))
    assert left == [
        "ingest-20250101T000000Z-0198a5b2-8.log", "ingest-20260101T000000Z-0198a5b2-0.log",
        "ingest-20260101T000001Z-0198a5b2-1.log", "of-somebody-else.log",
    ]  # fmt: skip
    assert one(catalog_one, select(metric.c.value).where(metric.c.name == "verb_logs_removed"))[0] == 4


def test_an_undeclared_job_that_is_unusually_late_is_pointed_out(catalog_one: Catalog, settings: Settings) -> None:
    settings = add_settings(settings.home, "[monitor.odd]\n")
    register_all(settings)
    past(catalog_one, "odd", *[((3 + k) * HOUR, "success") for k in range(10)], declared_ago=20 * HOUR)
    look(settings)
    found = [f for f in rows(catalog_one, select(finding)) if f.subject == "odd"]
    assert [f.code for f in found] == ["job_unusually_late"]
