"""Calibrations that analysts write or take back, and the analyses that follow from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from archive.catalog import Catalog, calibrations
from archive.catalog.calibrations import Label, Written
from archive.errors import UsageError
from archive.instruments.base import analysis_of, check_calibration, instrument
from archive.jobs import requests


@dataclass(frozen=True, slots=True)
class Done:
    """The version that was written or taken back, its values, and how many jobs that asks for."""

    version: Label
    values: Mapping[str, Any]
    jobs: int


def store(catalog: Catalog, owner: str, new: Written, *, max_attempts: int = 3) -> Done:
    """Write a local calibration and ask for the analyses of the events in its range, in one transaction.

    What the newest shipped record says and the new one does not is taken over from it.

    Raises
    ------
    UsageError
        When the values are impossible, it is not signed, or its range is empty or taken.
    NotFound
        When the instrument has no calibration of that name.
    """
    with catalog.begin() as conn:
        calibrations.hold(conn, owner, alone=True)
        shipped = [each for each in calibrations.known(conn, owner, [new.name])[new.name]
                   if each.source != calibrations.LOCAL]  # fmt: skip
        values = {**(shipped[0].values if shipped else {}), **new.values}
        try:
            check_calibration(instrument(owner), new.name, values)
        except ValueError as error:
            raise UsageError(f"The calibration was not written: {error}.") from None
        version = calibrations.append(conn, owner, replace(new, values=values))
        asked = _ask(conn, owner, new.name, (new.begin, new.end), max_attempts)
    return Done(version, values, asked)


def withdraw(
    catalog: Catalog, owner: str, name: str, version: Label, author: str, reason: str, *, max_attempts: int = 3
) -> Done:
    """Take a local calibration back and ask for the analyses of the events in its range, in one transaction.

    Raises
    ------
    UsageError, NotFound
        See `archive.catalog.calibrations.withdraw`.
    """
    with catalog.begin() as conn:
        record = calibrations.withdraw(conn, owner, name, version, author, reason)
        asked = _ask(conn, owner, name, (record.begin, record.end), max_attempts)
    return Done(record.label, record.values, asked)


def basis(rows: Sequence[Mapping[str, Any]], **selection: Any) -> dict[str, Any]:
    """Return what a calibration rests on: how events were selected, how many there are, and their names.

    Parameters
    ----------
    rows
        The events: ``identity``, ``t``.
    selection
        What was asked for; None is left out, times become text in UTC.
    """
    times = [row["t"] for row in rows]
    return {
        "selection": {name: _text(value) for name, value in selection.items() if value is not None},
        "events": len(rows),
        "first": _text(min(times)) if times else None,
        "last": _text(max(times)) if times else None,
        "identities": [row["identity"] for row in rows],
    }


def _ask(conn: Any, owner: str, name: str, times: tuple[datetime | None, datetime | None], max_attempts: int) -> int:
    found = instrument(owner)
    analysis = analysis_of(found)
    if analysis is None or name not in analysis.calibrations:
        return 0
    return len(requests.analyse_everything(conn, found, max_attempts=max_attempts, times=times))


def _text(value: Any) -> Any:
    return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z" if isinstance(value, datetime) else value
