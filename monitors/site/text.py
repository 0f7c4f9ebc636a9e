"""How values become text on a page: names from outside made harmless, numbers with their units, times in UTC."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

#: What a page shows where the catalog has nothing.
NOTHING = "–"

BYTE_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")

#: Browsers hold numbers in 64-bit floating point.
LARGEST_EXACT = 2**53

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

#: Characters that could end a script element or start markup; as JSON escapes they mean the same to the browser.
SCRIPT_ESCAPES = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026"}


def plain(value: object) -> str:
    """Return `value` as one line of printable text: line breaks, controls and direction marks are shown as escapes.

    A file may be called anything. What is not printable could hide, reorder or break up the text around it.
    """
    if value is None:
        return NOTHING
    text = str(value)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def utc(value: datetime | None, *, digits: int = 0) -> str:
    """Return a time as ``2023-12-18 17:33:50`` in UTC, with 0 to 6 `digits` of the second; -1: to the minute."""
    if value is None:
        return NOTHING
    text = value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    return text[: {-1: 16, 0: 19}.get(digits, 20 + digits)]


def iso(value: datetime) -> str:
    """Return a time as ``2023-12-18T17:33:50.574080Z``, the form of a ``datetime`` attribute."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def count(value: int | None) -> str:
    """Return a whole number with thin spaces between thousands."""
    return NOTHING if value is None else f"{value:,}".replace(",", "\u2009")


def size(value: int | None) -> str:
    """Return a number of bytes with three significant digits and a decimal unit (1 kB = 1000 B)."""
    if value is None:
        return NOTHING
    amount, unit = float(value), 0
    while amount >= 999.5 and unit < len(BYTE_UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    return f"{value} B" if unit == 0 else f"{amount:.3g} {BYTE_UNITS[unit]}"


def duration(seconds: float | None) -> str:
    """Return a length of time in its two largest units: ``0.35 s``, ``4 min 5 s``, ``3 d 4 h``."""
    if seconds is None:
        return NOTHING
    if seconds < 60:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    for unit, word, part, small in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if seconds >= unit:
            whole, rest = divmod(seconds, unit)
            return f"{whole:.0f} {word}" + (f" {rest // part:.0f} {small}" if rest >= part else "")
    raise AssertionError


def quantity(value: float | None, unit: str) -> str:
    """Return a measured number with its unit: bytes and seconds in words, others with four digits."""
    if value is None:
        return NOTHING
    if unit == "B":
        return size(round(value)) if value >= 0 else f"−{size(round(-value))}"
    if unit == "s" and 0 <= value < 1e9:
        return duration(value)
    shown = count(int(value)) if value == int(value) and abs(value) < 1e15 else f"{value:.4g}"
    return f"{shown} {unit}".strip()


def scientific(value: float) -> str:
    """Return a number with three significant digits, as ``7.50×10⁻⁵`` when it is very small or very large."""
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return f"{value:.3g}"
    mantissa, exponent = f"{value:.2e}".split("e")
    return f"{mantissa}×10{str(int(exponent)).translate(SUPERSCRIPTS)}"


def script_json(value: object) -> str:
    """Return JSON that may stand inside a script element or a script file, whatever text it carries.

    Pure ASCII (so no U+2028 or U+2029), and no ``<``, ``>`` or ``&`` (so no ``</script>``). NaN and infinities become
    null; times become ISO 8601 text in UTC; whole numbers that a browser would round become text.
    """
    text = json.dumps(_jsonable(value), ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.translate(SCRIPT_ESCAPES)


def _jsonable(value: Any) -> Any:
    kind = type(value)
    if kind is int:
        return value if -LARGEST_EXACT <= value <= LARGEST_EXACT else str(value)
    if kind is float:
        return value if math.isfinite(value) else None
    if value is None or kind is str or kind is bool:
        return value
    if isinstance(value, Mapping):
        return {str(name): _jsonable(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(item) for item in value]
    if isinstance(value, datetime):
        return iso(value)
    if hasattr(value, "item"):  # a NumPy scalar
        return _jsonable(value.item())
    return str(value)  # dates, paths, decimals


def csv_cell(value: object) -> str:
    """Return one CSV field (RFC 4180); text that a spreadsheet would run as a formula gets a leading apostrophe."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return iso(value)
    text = str(value)
    if isinstance(value, str) and text[:1] in ("=", "+", "-", "@", "\t", "\r"):
        text = "'" + text
    if any(c in text for c in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text
