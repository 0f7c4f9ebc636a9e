"""Pages that could not be made: in place of the old page one that says so, and the others go on.

An old page left in place would be passed off as new, because the age that pages show is that of the whole build.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager, nullcontext

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from archive import log
from archive.errors import DatabaseUnavailable
from monitors.site import text
from monitors.site.publish import Publisher
from monitors.site.shell import Shell

#: These say that nothing can be built or written at all; the pages that are there stay, with the age they have.
_NOT_OF_ONE_PAGE = (OSError, OperationalError, DatabaseUnavailable, MemoryError)

_log = log.get("site")


@contextmanager
def guarded(
    publisher: Publisher, shell: Shell, pages: Mapping[str, str], conn: Connection | None = None
) -> Iterator[None]:
    """Put pages that say so where the block, which makes the `pages`, fails.

    Parameters
    ----------
    publisher, shell
        Where pages go, and what they share.
    pages
        Path and title of each.
    conn
        Connection that the block asks; a statement of it that fails leaves the others possible.
    """
    try:
        with conn.begin_nested() if conn is not None else nullcontext():
            yield
    except _NOT_OF_ONE_PAGE:
        raise
    except Exception as error:
        for path, title in pages.items():
            _say_broken(publisher, shell, path, title, error)


def _say_broken(publisher: Publisher, shell: Shell, path: str, title: str, error: Exception) -> None:
    """Put a page that says why the page at `path` could not be made."""
    why = text.plain(f"{type(error).__name__}: {error}")[:1000]
    _log.error("the page %s could not be made", path, exc_info=error)
    frame = traceback.extract_tb(error.__traceback__)[-1]
    values = {"why": why, "where": f"{frame.name}, line {frame.lineno}"}
    publisher.page(path, shell.render("broken.html", path, title, **values))
    publisher.report.broken.append(path)
    publisher.report.notes.append(f"{path} could not be made: {why}")


def forget(
    broken: list[str], files: MutableMapping[str, str], days: MutableMapping[str, str],
    monitors: MutableMapping[str, str], bucket: int,
) -> None:  # fmt: skip
    """Take out of what a build has seen whatever belongs to a page that could not be made: the next one tries again."""
    for path in broken:
        if match := re.fullmatch(r"files/(\d+)\.html", path):
            files.pop(str(int(match[1]) // bucket), None)
        elif match := re.fullmatch(r"days/(\d+)/(\d\d)/(\d\d)\.html", path):
            days.pop("-".join(match.groups()), None)
        elif match := re.fullmatch(r"monitors/(.+)/index\.html", path):
            monitors.pop(match[1], None)
