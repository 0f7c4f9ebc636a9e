"""Any columns of the analysis views as a table: CSV, or one JSON object a line."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TextIO

from archive.catalog.analyses import Condition
from archive.errors import UsageError

FORMATS: Final = ("csv", "jsonl")

_CONDITION: Final = re.compile(r"\s*(\w+)\s*(!=|<=|>=|=|<|>)\s*(.*?)\s*", re.DOTALL)


def condition(text: str) -> Condition:
    """Return a condition from its text, such as ``charge>=10``; nothing after the sign means: not known.

    Raises
    ------
    UsageError
        When the text is no condition.
    """
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise UsageError(f"{text!r} is no condition such as charge>=10, channel=Target_High or mass!= (mass is known).")
    column, sign, value = found.groups()
    if value == "" and sign not in ("=", "!="):
        raise UsageError(f"{text!r} compares with nothing; only = and != may, for values that are not known.")
    return Condition(column, sign, value or None)


def write(rows: Iterable[Mapping[str, Any]], names: Sequence[str], stream: TextIO, form: str) -> int:
    """Write rows as ``csv`` or ``jsonl``; return how many.

    Numbers keep every digit, times are UTC in ISO 8601. In CSV what is not known is empty, lists and objects are JSON.
    """
    count = 0
    writer = csv.writer(stream, lineterminator="\n")
    if form == "csv":
        writer.writerow(names)
    for row in rows:
        count += 1
        if form == "csv":
            writer.writerow([_cell(row[name]) for name in names])
        else:
            stream.write(json.dumps({name: _json(row[name]) for name in names}, ensure_ascii=False) + "\n")
    return count


def _json(value: Any) -> Any:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    return _json(value)
