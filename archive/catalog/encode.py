r"""Values as PostgreSQL text: JSON that jsonb accepts, and the columns of a COPY.

What PostgreSQL cannot hold is made harmless here, once: NUL is dropped from text, and half surrogates (bytes that were
not UTF-8 where they came from) become the six characters of their escape, for example ``\udcff``.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects.postgresql import ARRAY, JSON
from sqlalchemy.types import ARRAY as GENERIC_ARRAY
from sqlalchemy.types import JSON as GENERIC_JSON
from sqlalchemy.types import LargeBinary, TypeEngine

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Column = Sequence[Any] | NDArray[Any]

NULL = r"\N"

#: What COPY text format and NUL need: https://www.postgresql.org/docs/current/sql-copy.html, "Text Format".
_COPY_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r", "\0": None})
_COPY_SPECIAL = re.compile("[\\\\\t\n\r\0\ud800-\udfff]")
_JSON_SUSPECT = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")


def printable(text: str) -> str:
    """Return `text` without NUL and with half surrogates escaped, so that PostgreSQL can hold it."""
    return text.replace("\0", "").encode("utf-8", "backslashreplace").decode("utf-8")


def to_json(value: Any) -> str:
    """Return `value` as JSON that a jsonb column accepts.

    NumPy values become plain ones, times ISO 8601, paths text; NaN and infinities, which JSON lacks, become null.

    Raises
    ------
    TypeError
        For a value JSON has no form for.
    """
    try:
        text = _JSON.encode(value)
    except ValueError:
        return json.dumps(_clean(value), allow_nan=False)
    return json.dumps(_clean(value), allow_nan=False) if _JSON_SUSPECT.search(text) else text


def _plain(value: Any) -> Any:
    """Return a form of `value` that JSON knows."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    if "numpy" in sys.modules:
        import numpy as np

        if isinstance(value, np.datetime64):
            return None if np.isnat(value) else np.datetime_as_string(value, timezone="UTC")
        if isinstance(value, np.ndarray | np.generic):
            return value.tolist()
    raise TypeError(f"A value of type {type(value).__name__} has no JSON form.")


#: Made once: json.dumps makes an encoder for every value.
_JSON = json.JSONEncoder(allow_nan=False, default=_plain)


def _clean(value: Any) -> Any:
    """Return `value` rebuilt from what jsonb can hold."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, Mapping):
        return {printable(str(name)): _clean(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    return _clean(_plain(value))


def column_texts(values: Column, kind: TypeEngine[Any]) -> list[str]:
    r"""Return one COPY field per value, escaped, NULL as ``\N``.

    Parameters
    ----------
    values
        ``n`` values: an array (``(n, k)`` arrays for array columns), or a sequence of plain or NumPy values.
        None, NaT and pandas-style missing times are NULL; NaN stays NaN.
    kind
        Type of the table column: decides between JSON, array and text for lists, dicts and strings.

    Raises
    ------
    TypeError
        For a value the column has no text for.
    """
    if isinstance(kind, JSON | GENERIC_JSON):
        return _known(values, _texts([to_json(value) for value in values if value is not None]))
    if isinstance(kind, ARRAY | GENERIC_ARRAY):
        return [NULL if value is None else escape(_array(value)) for value in values]
    dtype = getattr(values, "dtype", None)
    if dtype is not None and dtype.kind in _VECTORISED:
        return _VECTORISED[dtype.kind](values)
    plain: Any = values.tolist() if hasattr(values, "tolist") else values
    kinds = set(map(type, plain))
    if kinds <= {str}:
        return _texts(list(plain))
    if kinds <= {int} or kinds <= {float}:
        return list(map(repr, plain))
    if bytes in kinds and not isinstance(kind, LargeBinary):
        raise TypeError("Bytes cannot be copied into a column that is not bytea; decode them first.")
    return [_field(value) for value in plain]


def escape(text: str) -> str:
    """Return `text` as one field of COPY text format."""
    if not _COPY_SPECIAL.search(text):
        return text
    if not text.isascii():
        text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return text.translate(_COPY_ESCAPES)


def _texts(values: list[str]) -> list[str]:
    """Escape a column of text; one search over the whole column tells whether any value needs it."""
    return [escape(value) for value in values] if _COPY_SPECIAL.search("".join(values)) else values


def _known(values: Column, texts: list[str]) -> list[str]:
    """Return `texts`, those of the values that are not None, with NULL in between."""
    if len(texts) == len(values):
        return texts
    following = iter(texts)
    return [NULL if value is None else next(following) for value in values]


def _times(values: Any) -> list[str]:
    import numpy as np

    texts: list[str] = np.char.add(np.datetime_as_string(values, unit="us"), "+00").tolist()
    if np.isnat(values).any():
        return [NULL if text.startswith("NaT") else text for text in texts]
    return texts


#: dtype kind -> texts of a whole column.
_VECTORISED: dict[str, Callable[[Any], list[str]]] = {
    "b": lambda values: ["t" if value else "f" for value in values.tolist()],
    "i": lambda values: list(map(repr, values.tolist())),
    "u": lambda values: list(map(repr, values.tolist())),
    "f": lambda values: list(map(repr, values.tolist())),
    "M": _times,
    "U": lambda values: _texts(values.tolist()),
}


def _field(value: Any) -> str:
    """Return one value as a COPY field."""
    text = _text(value)
    return NULL if text is None else escape(text)


def _text(value: Any) -> str | None:
    """Return one value as PostgreSQL writes it, or None for NULL."""
    if value is None:
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, int | float):
        return repr(value if type(value) in (int, float) else (float if isinstance(value, float) else int)(value))
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise TypeError(f"The time {value.isoformat()} has no time zone; all times here are UTC.")
        return value.astimezone(UTC).isoformat() if value == value else None  # pandas NaT is unequal to itself
    if isinstance(value, bytes | bytearray | memoryview):
        return r"\x" + bytes(value).hex()
    if isinstance(value, PurePath | date):
        return str(value)
    if "numpy" in sys.modules:
        import numpy as np

        if isinstance(value, np.datetime64):
            return None if np.isnat(value) else f"{np.datetime_as_string(value, unit='us')}+00"
        if isinstance(value, np.generic):
            return _text(value.item())
    raise TypeError(f"A value of type {type(value).__name__} cannot be copied into a table.")


def _array(values: Any) -> str:
    """Return an array literal; nested sequences become dimensions."""
    if hasattr(values, "tolist") and getattr(values.dtype, "kind", "O") != "M":
        values = values.tolist()
    return "{" + ",".join(map(_element, values)) + "}"


def _element(value: Any) -> str:
    if isinstance(value, list | tuple) or (hasattr(value, "ndim") and value.ndim):
        return _array(value)
    text = _text(value)
    if text is None:
        return "NULL"
    if isinstance(value, int | float):
        return text
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}"'
