"""Views of monitors: how each one is, its runs, its open findings, how long it was up."""

from archive.catalog.views.base import View

MONITORS = View(
    "monitors",
    "Every declared monitor and job with its last run and the state that was last stored.",
    """
    select m.id as monitor_id, m.name, m.title, m.kind, m.schedule, m.zone,
           m.enabled and m.paused_at is null as is_active, c.to_state as state, c.to_level as level, c.at as since,
           c.message, r.run_id, r.state as last_run, r.started as last_start, r.ended as last_end,
           s.ended as last_success, now() - s.ended as success_age, m.evaluated_to, m.fault
    from ops.monitor m
    left join lateral (select * from ops.state_change c where c.monitor_id = m.id
        order by c.at desc, c.id desc limit 1) c on true
    left join lateral (select * from ops.monitor_run r where r.monitor_id = m.id and r.state <> 'skipped'
        and r.cause <> 'back-fill' order by r.started desc limit 1) r on true
    left join lateral (select s.ended from ops.monitor_run s where s.monitor_id = m.id
        and s.state in ('success', 'no_work') and s.cause <> 'back-fill' order by s.started desc limit 1) s on true
    where m.removed_at is null
    """,
    {
        "monitor_id": "The monitor (ops.monitor.id).",
        "is_active": "Whether it is declared on, and not paused.",
        "state": "State that was last stored; started and late are never stored.",
        "level": "up, down or unknown.",
        "since": "Since when, UTC.",
        "message": "Why, one sentence.",
        "run_id": "Its last run (ops.monitor_run.run_id).",
        "last_run": "How the last run ended: success, no_work, failure, killed, or running.",
        "last_start": "Start of the last run, UTC.",
        "last_end": "End of the last run, UTC.",
        "last_success": "End of the last good run, UTC.",
        "success_age": "Time since then.",
    },
    ("ops.monitor",),
)

MONITOR_RUNS = View(
    "monitor_runs",
    "Every run of a monitor or recorded command.",
    """
    select r.run_id, m.name as monitor, r.state, r.cause, r.scheduled_for, r.started, r.ended, r.wall_s,
           r.cpu_user_s + r.cpu_system_s as cpu_s, r.max_rss_bytes, r.n_in, r.n_done, r.n_skipped, r.n_failed,
           r.n_warnings, r.n_errors, r.exit_code, r.signal, r.error_type, r.error_message, r.message,
           r.window_start, r.window_end, r.data_start, r.data_end, r.host, r.user_name, r.version, r.log_path
    from ops.monitor_run r join ops.monitor m on m.id = r.monitor_id
    """,
    {"monitor": "Name of the monitor.", "cpu_s": "Processor time, seconds, with its finished children."},
    ("ops.monitor_run",),
)

METRICS = View(
    "metrics",
    "Every number that a monitor measured.",
    """
    select m.name as monitor, x.name, x.labels, x.at, x.value, x.unit, x.run_id
    from ops.metric x join ops.monitor m on m.id = x.monitor_id
    """,
    {"monitor": "Name of the monitor."},
    ("ops.metric",),
)

OPEN_FINDINGS = View(
    "open_findings",
    "What the newest good run of each monitor found.",
    """
    select m.name as monitor, f.severity, f.code, f.subject, f.message, f.count, f.since, f.facts, f.run_id
    from ops.monitor m
    cross join lateral (select r.run_id from ops.monitor_run r where r.monitor_id = m.id
        and r.state in ('success', 'no_work') and r.cause <> 'back-fill' order by r.started desc limit 1) r
    join ops.finding f on f.run_id = r.run_id
    where m.removed_at is null
    """,
    {"monitor": "Name of the monitor."},
    ("ops.finding",),
)

DOWNTIME = View(
    "downtime",
    "Every time a monitor or job was down.",
    """
    select monitor, at as down_from, until as down_until,
           extract(epoch from coalesce(until, now()) - at)::float8 as seconds, state, reason, message
    from (
        select m.name as monitor, c.at, c.to_level, c.to_state as state, c.reason, c.message,
               lead(c.at) over (partition by c.monitor_id order by c.at, c.id) as until
        from ops.state_change c join ops.monitor m on m.id = c.monitor_id
        where c.from_level <> c.to_level
    ) as crossing
    where to_level = 'down'
    """,
    {
        "monitor": "Name of the monitor.",
        "down_from": "Since when, UTC.",
        "down_until": "Until when, UTC; null: still.",
        "seconds": "For how long, in seconds; up to now when it is still down.",
        "state": "In which state it began: missed, overrun, failed, dead or invalid.",
    },
    ("ops.state_change",),
)

TRENDS = View(
    "trends",
    "Statistics of data by the time of the data, as monitors worked them out, with the limits that held.",
    """
    select m.name as monitor, t.name, t.series, t.at, t.until, t.value, t.low, t.high, t.n, t.unit, t.red_low,
           t.yellow_low, t.yellow_high, t.red_high, t.message, t.algorithm, t.run_id
    from ops.trend t join ops.monitor m on m.id = t.monitor_id
    """,
    {"monitor": "Name of the monitor."},
    ("ops.trend",),
)

VIEWS = (MONITORS, MONITOR_RUNS, METRICS, OPEN_FINDINGS, DOWNTIME, TRENDS)
