"""The declared schema: what the migrations must build, object for object.

`metadata` holds the tables every archive has (`core`, `ops`); an instrument declares its own in the same `MetaData`,
in a schema of its own name. No extension, no ENUM, no partition: the same SQL runs on PostgreSQL 15 and newer.
"""

from archive.catalog.schema.base import metadata
from archive.catalog.schema.core import (
    calibration,
    calibration_set,
    code_version,
    event,
    event_product,
    event_source,
    file,
    file_parent,
    file_problem,
    instrument,
    product,
)
from archive.catalog.schema.filesystem import (
    query_time,
    scan_area,
    scan_count,
    scan_device,
    scan_difference,
    scan_element,
    scan_folder,
    scan_growth,
    scan_run,
    scan_unrecognised,
)
from archive.catalog.schema.fits import event_analysis, fit, fit_model, fit_override
from archive.catalog.schema.monitors import (
    finding,
    metric,
    monitor,
    monitor_run,
    monitor_run_table,
    notice,
    state_change,
    watermark,
)
from archive.catalog.schema.ops import job, quarantine
from archive.catalog.schema.packets import file_apid, packet_gap
from archive.catalog.schema.tags import tag, tag_kind, tag_kind_instrument
from archive.catalog.schema.trends import trend

__all__ = [
    "calibration",
    "calibration_set",
    "code_version",
    "event",
    "event_analysis",
    "event_product",
    "event_source",
    "file",
    "file_apid",
    "file_parent",
    "file_problem",
    "finding",
    "fit",
    "fit_model",
    "fit_override",
    "instrument",
    "job",
    "metadata",
    "metric",
    "monitor",
    "monitor_run",
    "monitor_run_table",
    "notice",
    "packet_gap",
    "product",
    "quarantine",
    "query_time",
    "scan_area",
    "scan_count",
    "scan_device",
    "scan_difference",
    "scan_element",
    "scan_folder",
    "scan_growth",
    "scan_run",
    "scan_unrecognised",
    "state_change",
    "tag",
    "tag_kind",
    "tag_kind_instrument",
    "trend",
    "watermark",
]
