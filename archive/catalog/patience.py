"""Short transactions that outlast a database that is away for a while."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy.exc import DBAPIError, OperationalError

from archive import log
from archive.catalog import Catalog
from archive.errors import DatabaseUnavailable

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from archive.config import Settings

T = TypeVar("T")

_log = log.get("catalog")


def is_away(error: BaseException) -> bool:
    """Say whether an error means that the server cannot be reached or went away, and nothing about the statement."""
    if isinstance(error, DatabaseUnavailable | OperationalError):
        return not _waited_for_a_lock(error)
    return isinstance(error, DBAPIError) and error.connection_invalidated


def patiently(
    settings: Settings,
    action: Callable[[Connection], T],
    *,
    seconds: float,
    stop: Callable[[], bool] = lambda: False,
) -> T:
    """Run `action` in a transaction on a fresh connection, again and again while the server is away.

    The connection may be lost during the commit, when nobody knows whether it happened: `action` must be one that may
    be done twice. The server of the archive home is started again when it is that which is away.

    Parameters
    ----------
    settings
        The settings of the archive.
    action
        What to do; what it returns is returned.
    seconds
        For how long to try again; 0: once.
    stop
        Asked between the tries; True: give up.

    Raises
    ------
    DatabaseUnavailable
        When the server stayed away.
    """
    deadline, pause = time.monotonic() + seconds, 0.1
    while True:
        try:
            with Catalog.connect(settings, check=False) as catalog, catalog.begin() as conn:
                return action(conn)
        except (DatabaseUnavailable, DBAPIError) as error:
            if not is_away(error):
                raise
            if time.monotonic() + pause > deadline or stop():
                if isinstance(error, DatabaseUnavailable):
                    raise
                raise DatabaseUnavailable(f"The connection to the database was lost: {_reason(error)}.") from error
            _log.warning("the database is away, next try in %.1f s: %s", pause, _reason(error))
        time.sleep(pause)
        pause = min(5.0, pause * 2)


def _reason(error: Exception) -> str:
    return " ".join(str(getattr(error, "orig", None) or error).split())


def _waited_for_a_lock(error: BaseException) -> bool:
    """Say whether it is one of the errors that the driver files under "operational" though the server is there."""
    state = getattr(getattr(error, "orig", None), "pgcode", None)
    # Class 55: object in use; 57014: statement cancelled by its time limit; 40: serialisation failure, deadlock.
    return state is not None and (state.startswith(("55", "40")) or state == "57014")
