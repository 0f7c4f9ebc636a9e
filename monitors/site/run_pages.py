"""A page per run that is kept: what it did, found, measured and printed. Written once, after the run has ended.

Which pages there are is the state: a kept run without a page gets one, a page without a kept run goes. So a build looks
at the new runs only, however many there are.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from archive.catalog import runs
from archive.config import Monitor, Settings
from monitors.site import queries, tables, text
from monitors.site.broken import guarded
from monitors.site.monitor_rows import RUN_CSV, labels_text, monitor_page, run_page, run_state
from monitors.site.publish import Publisher
from monitors.site.queries import Row, timed
from monitors.site.shell import Link, Shell
from monitors.site.tables import Cell, Column, Table, to_csv

#: Runs read and published together.
TOGETHER = 500

#: Findings and metrics on one page; more of them are said, not listed.
ROWS = 500

#: After so long nobody adds what a run used any more: the process that watched over it is gone.
SETTLED = timedelta(minutes=15)

#: Columns of the row that the page shows elsewhere.
SHOWN = frozenset({"name", "output_tail"})

CSV_COLUMNS = ("kind", "name", "of", "value", "unit", "text")

#: Kept runs by key of their monitor, as text.
Kept = Mapping[int, frozenset[str]]


def publish(
    publisher: Publisher,
    conn: Connection,
    shell: Shell,
    settings: Settings,
    now: datetime,
    broken: Collection[str] | None,
) -> Kept:
    """Write the pages of kept runs that have none, remove those of runs no longer kept; return the kept runs.

    `broken` are pages that could not be made last time and are tried again; None: every page is made, because the form
    of pages has changed.
    """
    kept = kept_runs(conn, settings, now)
    wanted = frozenset[str]().union(*kept.values())
    there = {name.removesuffix(".html") for name in publisher.names("runs", r"[0-9a-f-]{36}\.html")}
    good = frozenset[str]() if broken is None else {run for run in there if run_page(run) not in broken}
    missing = sorted(wanted - good, reverse=True)  # their names begin with the time
    for start in range(0, len(missing), TOGETHER):
        with publisher.together():
            _publish_some(publisher, conn, shell, missing[start : start + TOGETHER])
    publisher.report.unchanged += len(wanted & good)
    for gone in sorted(there - wanted):
        publisher.remove(run_page(gone))
        publisher.remove(run_csv(gone))
    return kept


def run_csv(run_id: object) -> str:
    """Return the CSV of a run, relative to the site."""
    return f"runs/{run_id}.csv"


def kept_runs(conn: Connection, settings: Settings, now: datetime) -> Kept:
    """Return the ended runs within the retention of their monitor (``keep_runs``, ``keep_days``)."""
    alike: dict[tuple[int, float], list[str]] = defaultdict(list)
    with timed(conn, "monitor_rows"):
        known = runs.monitors(conn, removed=True)
    for row in known:
        rules = settings.monitor.get(row.name) or Monitor()
        alike[rules.keep_runs, rules.keep_days].append(row.name)
    found: defaultdict[int, set[str]] = defaultdict(set)
    for (keep, days), names in alike.items():
        limits = {"since": now - timedelta(days=days), "settled": now - SETTLED, "keep": keep, "names": names}
        for one in queries.KEPT_RUNS.rows(conn, **limits):
            found[one["monitor_id"]].add(str(one["run_id"]))
    return {key: frozenset(ids) for key, ids in found.items()}


def _publish_some(publisher: Publisher, conn: Connection, shell: Shell, ids: Sequence[str]) -> None:
    chosen = {"ids": list(ids)}
    written = _by_run(queries.TABLES_OF_RUNS.rows(conn, **chosen))
    findings = _by_run(queries.FINDINGS_OF_RUNS.rows(conn, **chosen, rows=ROWS))
    metrics = _by_run(queries.METRICS_OF_RUNS.rows(conn, **chosen, rows=ROWS))
    for row in queries.RUNS_BY_ID.rows(conn, **chosen):
        run = str(row["run_id"])
        with guarded(publisher, shell, {run_page(run): f"Run of {row['name']}"}):
            publish_run(publisher, shell, row, written[run], findings[run], metrics[run])


def publish_run(
    publisher: Publisher, shell: Shell, row: Row, written: Sequence[Row], findings: Sequence[Row],
    metrics: Sequence[Row],
) -> None:  # fmt: skip
    """Write the page of one run and its CSV."""
    run, name = row["run_id"], row["name"]
    publisher.file(run_csv(run), to_csv(CSV_COLUMNS, csv_rows(row, written, findings, metrics)))
    path = run_page(run)
    values = {
        "up": [Link("Monitors", "monitors/index.html"), Link(name, monitor_page(name))],
        "facts": facts(row),
        "counts": count_table(row),
        "output": output(row["output_tail"]),
        "written": written_table(written),
        "findings": finding_table(findings),
        "metrics": metric_table(metrics),
        "more": [_more("findings", findings), _more("metrics", metrics)],
        "rest": rest_table(row),
        "csv": run_csv(run),
        "statements": statements(str(run)),
    }
    publisher.page(path, shell.render("run.html", path, f"Run of {name}, {text.utc(row['started'])} UTC", **values))


def statements(run: str) -> list[tuple[str, str]]:
    """Return the SQL behind the page of one run."""
    ids = f"{{{run}}}"
    return [
        ("The run", queries.RUNS_BY_ID.shown(ids=ids)),
        ("Tables written", queries.TABLES_OF_RUNS.shown(ids=ids)),
        ("Findings", queries.FINDINGS_OF_RUNS.shown(ids=ids, rows=ROWS)),
        ("Metrics", queries.METRICS_OF_RUNS.shown(ids=ids, rows=ROWS)),
    ]


def facts(row: Row) -> list[tuple[str, Cell, bool]]:
    """Return the facts at the top of the page: label, value, whether it needs twice the width."""
    return [
        ("State", run_state(row["state"]), False),
        ("Started (UTC)", tables.time(row["started"], digits=3), False),
        ("Ended (UTC)", tables.time(row["ended"], digits=3), False),
        ("Took", tables.duration(row["wall_s"]), False),
        ("Started by", tables.words(row["cause"]), False),
        ("For (UTC)", tables.time(row["scheduled_for"]), False),
        ("Exit code, signal", tables.words(f"{_word(row['exit_code'])}, {_word(row['signal'])}"), False),
        ("Peak memory", tables.size(row["max_rss_bytes"]), False),
        ("Code", tables.words(f"pinakes {row['version']}"), False),
        ("Method", tables.words(row["algorithm"]), False),
        ("Data window (UTC)", tables.words(data_window(row)), True),
        ("Run", tables.words(row["run_id"]), True),
        ("What happened", tables.words(row["error_message"] or row["message"]), True),
        ("Log, below the archive home", tables.words(row["log_path"] or "removed"), True),
    ]


def data_window(row: Row) -> str:
    """Return which time the run looked at: a window it was told, the data it was given, or how things stood."""
    shown = []
    if row["window_start"] is not None:
        shown.append(f"told {text.utc(row['window_start'])} to {text.utc(row['window_end'])}")
    if row["data_start"] is not None:
        shown.append(f"data of {text.utc(row['data_start'])} to {text.utc(row['data_end'])}")
    if row["state"] == "skipped":
        return "none, it did not take place"
    return "; ".join(shown) or f"the archive as it stood at {text.utc(row['started'])}"


def count_table(row: Row) -> Table:
    """Return what the run counted and used; what it did not count is left out."""
    table = Table((Column("Count"), Column("Value", kind="number")), empty="It counted nothing.")
    for label, name in (
        ("inputs seen", "n_in"), ("inputs processed", "n_done"), ("inputs skipped", "n_skipped"),
        ("inputs failed", "n_failed"), ("warnings logged", "n_warnings"), ("errors logged", "n_errors"),
    ):  # fmt: skip
        if row[name] is not None:
            bad = row[name] and name in ("n_failed", "n_errors")
            table.rows.append([Cell(label), tables.number(row[name], state="warning" if bad else None)])
    return table


def written_table(written: Sequence[Row]) -> Table:
    """Return the tables the run wrote."""
    table = Table((Column("Table"), Column("Rows", kind="number")), empty="It wrote no table.")
    table.rows.extend([tables.words(row["table_name"]), tables.number(row["n_rows"])] for row in written)
    return table


def finding_table(findings: Sequence[Row]) -> Table:
    """Return what the run found, the gravest first."""
    columns = (Column("Severity"), Column("Finding"), Column("Of", kind="name"), Column("Count", kind="number"))
    table = Table((*columns, Column("Open since", "UTC", "time"), Column("Message", kind="prose")))
    table.empty, table.filterable = "It found nothing to look at.", len(findings) > 20
    for row in findings:
        severity = tables.words(row["severity"], state=row["severity"])
        code, subject = tables.words(row["code"].replace("_", " ")), tables.words(row["subject"])
        since = tables.time(row["since"], digits=-1)
        table.rows.append([severity, code, subject, tables.number(row["count"]), since, tables.words(row["message"])])
    return table


def metric_table(metrics: Sequence[Row]) -> Table:
    """Return what the run measured."""
    columns = (Column("Metric"), Column("Of"), Column("Value", kind="number"), Column("Unit"))
    table = Table(columns, empty="It measured nothing.", filterable=len(metrics) > 20)
    for row in metrics:
        value = Cell(text.NOTHING)
        if row["value"] is not None:
            value = Cell(text.quantity(row["value"], row["unit"]), row["value"])
        name, labels = tables.words(row["name"].replace("_", " ")), tables.words(labels_text(row["labels"]))
        table.rows.append([name, labels, value, tables.words(row["unit"])])
    return table


def rest_table(row: Row) -> Table:
    """Return everything in the row of the run that is not null."""
    table = Table((Column("Name"), Column("Value", kind="prose")))
    for name, value in row.items():
        if name not in SHOWN and value is not None:
            shown = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
            table.rows.append([tables.words(name.replace("_", " ")), tables.words(shown)])
    return table


def csv_rows(
    row: Row, written: Sequence[Row], findings: Sequence[Row], metrics: Sequence[Row]
) -> list[Mapping[str, Any]]:
    """Return what the page shows as rows of `CSV_COLUMNS`, with exact values."""
    found = [("run", name, "", row[name], "", "") for name in (*RUN_CSV, "data_start", "data_end")]
    found += [("table", one["table_name"], "", one["n_rows"], "rows", "") for one in written]
    found += [("finding", one["code"], one["subject"], one["count"], one["severity"], one["message"])
              for one in findings]  # fmt: skip
    found += [("metric", one["name"], labels_text(one["labels"]), one["value"], one["unit"], "") for one in metrics]
    return [dict(zip(CSV_COLUMNS, values, strict=True)) for values in found]


def output(tail: str | None) -> list[str]:
    """Return what a run printed as lines of printable text."""
    return [text.plain(line) for line in (tail or "").splitlines()]


def _more(word: str, rows: Sequence[Row]) -> str:
    return f"{rows[0]['total']} {word}; the first {ROWS} are listed." if rows and rows[0]["total"] > ROWS else ""


def _by_run(rows: Sequence[Row]) -> defaultdict[str, list[Row]]:
    grouped: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        grouped[str(row["run_id"])].append(row)
    return grouped


def _word(value: object) -> str:
    return "none" if value is None else str(value)
