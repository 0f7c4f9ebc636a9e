"""Faults of the catalog: has it gone away (wait and try again), or has it refused (the work is to blame)?"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import DBAPIError

from archive.errors import DatabaseUnavailable

T = TypeVar("T")

#: SQLSTATE of a server that is shutting down, has crashed, or is starting; None: the connection broke without a word.
#: https://www.postgresql.org/docs/current/errcodes-appendix.html, class 57.
_GONE = (None, "57P01", "57P02", "57P03")

#: Class 40 (deadlock, serialisation), lock timeout, statement timeout, and class 53 (out of resources).
_PASSING = ("40", "55P03", "57014", "53")


def _driver_error(error: BaseException) -> BaseException | None:
    """Return the driver's own error: inside SQLAlchemy's, or bare when it came out of a COPY."""
    if isinstance(error, DBAPIError):
        return error.orig
    return error if hasattr(error, "pgcode") else None


def is_catalog_fault(error: BaseException) -> bool:
    """Whether the error came from the database at all."""
    return isinstance(error, DatabaseUnavailable) or _driver_error(error) is not None


def is_gone(error: BaseException) -> bool:
    """Whether the catalog went away, so that nobody's work is to blame."""
    if isinstance(error, DatabaseUnavailable):
        return True
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    driver = _driver_error(error)
    kinds = {kind.__name__ for kind in type(driver).__mro__}
    return bool(kinds & {"OperationalError", "InterfaceError"}) and getattr(driver, "pgcode", None) in _GONE


def is_passing(error: BaseException) -> bool:
    """Whether the same work may well succeed when it is tried again."""
    driver = _driver_error(error)
    code = getattr(driver, "pgcode", None) or ""
    return is_gone(error) or code.startswith(_PASSING)


def sentence(error: BaseException) -> str:
    """Return what the database said, on one line."""
    return " ".join(str(_driver_error(error) or error).split())


def patiently(action: Callable[[], T], patience: float) -> T:
    """Do `action`, again and again while the catalog is away, for `patience` seconds.

    Raises
    ------
    DatabaseUnavailable
        When the catalog did not come back.
    """
    end = time.monotonic() + patience
    pause = 0.05
    while True:
        try:
            return action()
        except Exception as error:
            if not is_gone(error):
                raise
            if time.monotonic() + pause > end:
                raise DatabaseUnavailable(
                    f"The catalog did not come back within {patience:.0f} s; start it and run the command again."
                ) from None
        time.sleep(pause)
        pause = min(2 * pause, 1.0)
