"""Engines: one way to connect, with NumPy values understood, UTC sessions and time limits."""

from __future__ import annotations

import math
import os
import sys
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from psycopg2.extensions import AsIs, Float, Int, register_adapter
from sqlalchemy import create_engine, event
from sqlalchemy.engine import URL, Engine
from sqlalchemy.pool import NullPool

from archive.catalog.encode import to_json

if TYPE_CHECKING:
    from archive.config import Database

APPLICATION = "pinakes"

#: Execution option for SQL that is not ours to format: percent signs are its own.
AS_IT_STANDS = {"no_parameters": True}

_adapted = False

_engines: WeakSet[Engine] = WeakSet()


def make_engine(url: URL, limits: Database | None = None, *, pool: bool = True) -> Engine:
    """Return an engine for `url`; nothing is connected yet.

    Parameters
    ----------
    url
        A normalised URL.
    limits
        Time limits in seconds; None: those of the built-in settings.
    pool
        False for worker processes: each unit of work opens its own connection and closes it.
    """
    options = {"poolclass": NullPool} if not pool else {"pool_pre_ping": True, "pool_size": 2, "max_overflow": 8}
    engine = create_engine(
        url,
        connect_args=connect_arguments(url, limits),
        json_serializer=to_json,
        insertmanyvalues_page_size=1000,
        **options,
    )
    event.listen(engine, "before_cursor_execute", _adapt_numpy)
    _engines.add(engine)
    return engine


def _forget_connections() -> None:
    """Let a forked process make connections of its own: those it was born with belong to its parent."""
    for engine in list(_engines):
        engine.dispose(close=False)


os.register_at_fork(after_in_child=_forget_connections)


def connect_arguments(url: URL, limits: Database | None = None) -> dict[str, Any]:
    """Return the libpq parameters that every connection of ours has."""
    connect, statement, lock = (
        (10.0, 600.0, 60.0)
        if limits is None
        else (limits.connect_timeout, limits.statement_timeout, limits.lock_timeout)
    )
    given = url.query.get("options", "")
    ours = f"-c timezone=UTC -c statement_timeout={_ms(statement)} -c lock_timeout={_ms(lock)}"
    return {
        "application_name": APPLICATION,
        "connect_timeout": max(2, math.ceil(connect)),  # libpq takes whole seconds, and 1 as 2
        "client_encoding": "utf8",
        "options": f"{given if isinstance(given, str) else ' '.join(given)} {ours}".strip(),
    }


def _ms(seconds: float) -> int:
    return max(1, round(seconds * 1000))


def _adapt_numpy(*_: Any) -> None:
    """Teach psycopg2 the NumPy scalars, once NumPy is there: without it no such value can exist.

    Unadapted, ``np.float64(1.5)`` is sent as the text ``np.float64(1.5)`` and read as a function of a schema ``np``.
    """
    global _adapted
    if _adapted or "numpy" not in sys.modules:
        return
    import numpy as np

    for real in np.floating.__subclasses__():
        register_adapter(real, lambda value: Float(float(value)))
    for integer in (*np.signedinteger.__subclasses__(), *np.unsignedinteger.__subclasses__()):
        if integer is not np.timedelta64:
            # Int, not AsIs: `1-%s` with -3 would become the comment `1--3`.
            register_adapter(integer, lambda value: Int(int(value)))
    register_adapter(np.bool_, lambda value: AsIs("true" if value else "false"))
    register_adapter(np.datetime64, _quoted_time)
    _adapted = True


def _quoted_time(value: Any) -> AsIs:
    """Return a datetime64 (UTC by our rule) as a timestamptz literal; NaT is NULL."""
    import numpy as np

    return AsIs("NULL" if np.isnat(value) else f"'{np.datetime_as_string(value, unit='us')}+00'::timestamptz")
