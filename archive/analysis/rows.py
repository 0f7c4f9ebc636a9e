"""What an analysis found, as rows of the catalog."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Connection, Table, select
from sqlalchemy.dialects.postgresql import insert

from archive.analysis.plan import Inputs, Subject, Target
from archive.catalog import sequence
from archive.catalog.bulk import copy_rows
from archive.catalog.schema import event_analysis, fit, fit_model, metadata
from archive.instruments.base import Analysis, Instrument
from archive.model import Analysed, Fits


def ensure_models(conn: Connection, analysis: Analysis) -> dict[str, int]:
    """Register the functions an analysis fits; return their keys by name."""
    keys = {}
    for model in analysis.models:
        where = (fit_model.c.name == model.name, fit_model.c.version == model.version)
        found = conn.execute(select(fit_model.c.id).where(*where)).scalar()
        if found is None:
            parameters = [{"name": n, "unit": unit, "meaning": meaning} for n, unit, meaning in model.parameters]
            values = {"name": model.name, "version": model.version, "title": model.title, "parameters": parameters}
            conn.execute(insert(fit_model).values(values).on_conflict_do_nothing(index_elements=["name", "version"]))
            found = conn.execute(select(fit_model.c.id).where(*where)).scalar_one()
        keys[model.name] = int(found)
    return keys


def write(
    conn: Connection,
    owner: Instrument,
    analysis: Analysis,
    chosen: Target,
    subjects: Sequence[Subject],
    inputs: Inputs,
    found: Analysed,
    *,
    models: Mapping[str, int],
    code_version_id: int,
    overrides: Sequence[int | None] | None = None,
) -> int:
    """Write the analysis of some events; those that have it already stay as they are.

    Parameters
    ----------
    overrides
        The newest override of each event that was taken into account; automatic without.

    Returns
    -------
    int
        Number of events whose analysis is new.
    """
    if not subjects:
        return 0
    newest = overrides or [None] * len(subjects)
    values = [
        {
            "event_id": subject.event_id,
            "file_id": chosen.file_id,
            "source": chosen.source,
            "analysis": analysis.name,
            "version": analysis.version,
            "settings_hash": inputs.settings_hash,
            "inputs": inputs.told,
            "origin": "automatic" if override is None else "override",
            "override_id": override,
            "status": status,
            "reason": reason,
            "code_version_id": code_version_id,
        }
        for subject, override, status, reason in zip(subjects, newest, found.status, found.reason, strict=True)
    ]
    sequence.hold_ingest(conn)  # monitors go on by the keys of analyses
    statement = insert(event_analysis).values(values).on_conflict_do_nothing(constraint="uq_event_analysis_inputs")
    written = conn.execute(statement.returning(event_analysis.c.event_id, event_analysis.c.id))
    ids = {row.event_id: row.id for row in written}
    keys = np.array([ids.get(subject.event_id, -1) for subject in subjects], dtype=np.int64)
    _write_fits(conn, found.fits, keys, models)
    tables = owner.table_metadata() or metadata
    for rows in found.rows:
        _copy(conn, tables.tables[rows.table], rows.index, rows.columns, keys)
    return len(ids)


def _write_fits(conn: Connection, fits: Fits, keys: Any, models: Mapping[str, int]) -> None:
    columns = {
        "channel": fits.channel,
        "line": fits.line,
        "fit_model_id": [models[name] for name in fits.model],
        "values": fits.values,
        "errors": fits.errors,
        "chi2": fits.chi2,
        "dof": fits.dof,
        "window_start": fits.start,
        "window_stop": fits.stop,
        "status": fits.status,
        "reason": fits.reason,
        "origin": fits.origin,
    }
    _copy(conn, fit, fits.index, columns, keys)


def _copy(conn: Connection, table: Table, index: Any, columns: Mapping[str, Any], keys: Any) -> None:
    """Append rows of the events that are new; what is not finite becomes NULL."""
    owners = keys[np.asarray(index, dtype=np.int64)]
    kept = np.flatnonzero(owners >= 0)
    chosen: dict[str, Any] = {"event_analysis_id": owners[kept]}
    for name, values in columns.items():
        part = values[kept] if isinstance(values, np.ndarray) else [values[i] for i in kept]
        chosen[name] = [_nullable(value) for value in (part.tolist() if isinstance(part, np.ndarray) else part)]
    copy_rows(conn, table, chosen)


def _nullable(value: Any) -> Any:
    return None if isinstance(value, float) and not np.isfinite(value) else value
