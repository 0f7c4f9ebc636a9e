"""The health of many jobs takes a few queries of index ranges; `scripts/bench health` measures it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import event, text

from archive.catalog import Catalog, run_record
from monitors.declare import Declaration
from monitors.health import State
from monitors.schedule import parse
from monitors.survey import survey

NOW = datetime(2026, 6, 1, 12, 0, 30, tzinfo=UTC)

FILL = text(
    """
    insert into ops.monitor_run (run_id, monitor_id, state, cause, scheduled_for, started, heartbeat, ended, n_in, host,
        boot_id, pid_namespace, pid, start_ticks, user_name, version)
    select gen_random_uuid(), m.id, case when k % 50 = 7 then 'failure' else 'success' end, 'schedule',
           :now - k * interval '10 minutes', :now - k * interval '10 minutes', :now - k * interval '10 minutes',
           :now - k * interval '10 minutes' + interval '20 seconds', 1, 'host', 'boot', 'pids', 1, 1, 'user', '0.1.0'
    from ops.monitor m, generate_series(1, :runs) k
    """
)


def test_a_thousand_jobs_are_looked_at_in_a_few_queries(catalog_one: Catalog) -> None:
    zones = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo")
    with catalog_one.begin() as conn:
        jobs = [
            Declaration(
                f"job-{k}", "external", "", parse("*/10 * * * *", zones[k % 4]), "*/10 * * * *", zones[k % 4],
                max_runtime=timedelta(hours=1),
            ).row()
            for k in range(1000)
        ]  # fmt: skip
        run_record.register(conn, jobs, NOW - timedelta(days=30), whole=False)
        conn.execute(FILL, {"now": NOW - timedelta(seconds=30), "runs": 60})
    with catalog_one.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("vacuum analyze ops.monitor_run"))
    asked: list[tuple[str, object]] = []
    event.listen(catalog_one.engine, "before_cursor_execute", lambda *args: asked.append((args[2], args[3])))
    with catalog_one.read() as conn:
        found = survey(conn, NOW)
    assert len(asked) == 5, "monitors, open runs, newest runs, changes of level: whatever their number"
    newest, parameters = next(pair for pair in asked if "LATERAL" in pair[0] and "heartbeat" in pair[0])
    with catalog_one.read() as conn:
        plan = "\n".join(conn.exec_driver_sql(f"explain {newest}", parameters).scalars())  # type: ignore[arg-type]
    assert "ix_monitor_run_started" in plan, plan
    assert "Seq Scan on monitor_run" not in plan, plan
    assert len(found) == 1000
    assert {standing.health.state for standing in found} == {State.LATE}
    assert found[0].advice is not None
    assert found[0].advice.usual == timedelta(minutes=10)
