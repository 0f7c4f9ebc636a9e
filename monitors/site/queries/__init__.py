"""Every question the pages ask the catalog, as SQL a reader can run: the fold "this in SQL" shows these very texts."""

from monitors.site.queries.attention import (
    FAILED_JOBS,
    NEWEST_PROBLEMS,
    PROBLEM_KINDS,
    PROBLEMS_OF_INSTRUMENT,
    QUARANTINE,
    UNAVAILABLE_FILES,
)
from monitors.site.queries.days import CHANGES_OF_DAY, PROBLEMS_OF_DAY, RUN_DAYS, RUNS_OF_DAY
from monitors.site.queries.events import (
    EVENT_DAYS,
    EVENTS_OF_DAY,
    EVENTS_OF_DAY_BRIEF,
    EVENTS_OF_INSTRUMENT,
    EVENTS_PER_HOUR,
    NEWEST_EVENTS,
    PRODUCTS_OF_EVENTS,
    SOURCES_OF_EVENTS,
)
from monitors.site.queries.files import (
    FILES_ARRIVED,
    FILES_OF_MONTH,
    FILES_OF_TIME,
    NAMES_OF_FILES,
    NEWEST_FILE_ROWS,
    NEWEST_FILES,
)
from monitors.site.queries.holdings import (
    CALIBRATIONS,
    EVENTS_PER_DAY,
    FILE_PARTS,
    HOLDINGS,
    NEWEST_FILES_OF_INSTRUMENT,
    PRODUCTS,
    PRODUCTS_OF_INSTRUMENT,
)
from monitors.site.queries.monitors import (
    ALL_DOWNTIME,
    ALL_FINDINGS,
    ALL_RUNS,
    COVERAGE,
    DOWNTIME,
    METRICS,
    MONITOR,
    MONITORS,
    OPEN_FINDINGS,
    PAST_FINDINGS,
    RUNS,
)
from monitors.site.queries.one_file import (
    ANCESTORS,
    APIDS,
    DESCENDANTS,
    EVENTS_OF_FILE,
    FILE_BUCKETS,
    FILES_OF_BUCKET,
    GAPS,
    PROBLEMS,
)
from monitors.site.queries.query import Query, Row, Timing, timed, times
from monitors.site.queries.runs import FINDINGS_OF_RUNS, KEPT_RUNS, METRICS_OF_RUNS, RUNS_BY_ID, TABLES_OF_RUNS
from monitors.site.queries.tags import TAG_COUNTS, TAGS, TAGS_OF_EVENTS, TAGS_OF_FILES, TAGS_TAKEN_BACK

__all__ = [
    "ALL_DOWNTIME", "ALL_FINDINGS", "ALL_RUNS", "ANCESTORS", "APIDS", "CALIBRATIONS", "CHANGES_OF_DAY", "COVERAGE",
    "DESCENDANTS", "DOWNTIME", "EVENTS_OF_DAY", "EVENTS_OF_DAY_BRIEF", "EVENTS_OF_FILE", "EVENTS_OF_INSTRUMENT",
    "EVENTS_PER_DAY", "EVENTS_PER_HOUR", "EVENT_DAYS", "FAILED_JOBS", "FILES_ARRIVED", "FILES_OF_BUCKET",
    "FILES_OF_MONTH", "FILES_OF_TIME", "FILE_BUCKETS", "FILE_PARTS", "FINDINGS_OF_RUNS", "GAPS", "HOLDINGS",
    "KEPT_RUNS", "METRICS", "METRICS_OF_RUNS", "MONITOR", "MONITORS", "NAMES_OF_FILES", "NEWEST_EVENTS",
    "NEWEST_FILES", "NEWEST_FILES_OF_INSTRUMENT", "NEWEST_FILE_ROWS", "NEWEST_PROBLEMS", "OPEN_FINDINGS",
    "PAST_FINDINGS", "PROBLEMS", "PROBLEMS_OF_DAY", "PROBLEMS_OF_INSTRUMENT", "PROBLEM_KINDS", "PRODUCTS",
    "PRODUCTS_OF_EVENTS", "PRODUCTS_OF_INSTRUMENT", "QUARANTINE", "RUNS", "RUNS_BY_ID", "RUNS_OF_DAY", "RUN_DAYS",
    "SOURCES_OF_EVENTS", "TABLES_OF_RUNS", "TAGS", "TAGS_OF_EVENTS", "TAGS_OF_FILES",
    "TAGS_TAKEN_BACK", "TAG_COUNTS", "UNAVAILABLE_FILES", "Query", "Row", "Timing", "timed", "times",
]  # fmt: skip
