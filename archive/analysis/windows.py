"""Products of windows of time that have been accumulated: made anew whenever what was counted in a window changes.

Whoever accumulates a window asks for its products in the same transaction (`ask`); a job of the kind ``summarise``
writes them. They are named by a hash of every row that they are written from, of the files that were counted and of the
code that writes (`archive.analysis.accumulated`), so that equal windows give equal names and equal bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sqlalchemy import ColumnElement, Connection, select

from archive.analysis import accumulated, derived
from archive.analysis.accumulated import Found
from archive.catalog.schema import file
from archive.errors import NotFound
from archive.ingest import decoding, rows
from archive.ingest.decoding import Made, Result
from archive.instruments.base import Instrument, WindowProducts, instrument, window_products_of
from archive.jobs import Outcome, Task, ledger
from archive.jobs.requests import digest
from archive.model import Accumulated, Decoded
from archive.store.fsync import file_hash

KIND: Final = "summarise"

#: Keys in ``core.file.header`` of such a product: its window, and a hash of the code that made it.
OF, BY = "window_of", "made_by"


def run(task: Task) -> Outcome:
    """Carry out a job of the kind ``summarise``."""
    owner = instrument(str(task.claim.args["instrument"]))
    products = window_products_of(owner)
    if products is None or task.claim.condemned:
        return derived.end(task, "set aside" if task.claim.condemned else "nothing to do")
    rows.registered(task.catalog, owner)
    start = datetime.fromisoformat(str(task.claim.args["start"]))
    return derived.in_rounds(task, lambda folder: _round(task, owner, products, start, folder))


def ask(conn: Connection, owner: Instrument, starts: Iterable[datetime], *, max_attempts: int = 3) -> int:
    """Ask for the products of the windows that begin at these times, where they are not those of the window now.

    Returns
    -------
    int
        How many windows there is something to do about.
    """
    products = window_products_of(owner)
    if products is None:
        return 0
    asked = 0
    for start in sorted(set(starts)):
        rows.lock(conn, [_lock(owner, products, start)])  # a job that is just entering an older state is waited for
        found = accumulated.read(conn, owner, products, start)
        held = derived.there(conn, *_about(conn, owner, products, start), state=found and found.window.state)
        if bool(held) == (found is not None):
            continue
        key = f"{owner.name}:{name_of(products, start)}:{_state(found)}"
        args = {"instrument": owner.name, "start": start.isoformat()}
        asked += derived.ask(conn, KIND, key, args, max_attempts=max_attempts)
    return asked


def wanting(conn: Connection, owner: Instrument) -> list[datetime]:
    """Return the windows without products of the code that is installed, and those whose products have no window.

    It compares names only, however many windows there are: what changes in a window is asked for where it changes.
    """
    products = window_products_of(owner)
    if products is None:
        return []
    mine = file.c.product_id.in_(derived.products_of(conn, owner, products.products))
    query = select(file.c.t_start, file.c.header[BY].astext).where(mine, file.c.state == "available")
    held = {(start, by) for start, by in conn.execute(query)}
    starts = set(accumulated.starts(conn, products))
    by = _code(products)
    return sorted({start for start in starts if (start, by) not in held} | {start for start, _ in held} - starts)


def name_of(products: WindowProducts, start: datetime) -> str:
    """Return what a product calls its window in its header."""
    return f"{products.windows} {start.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def make(owner: Instrument, products: WindowProducts, window: Accumulated, workdir: Path) -> Result:
    """Write the products of a window into `workdir`, which is made."""
    workdir.mkdir()
    header = {derived.STATE: window.state, OF: name_of(products, window.start), BY: _code(products)}
    made = [derived.noted(new, **header) for new in products.write(window, workdir)]
    decoded = Decoded(owner.products[0].name, products=made)
    decoding.check(owner, decoded, workdir)
    return Result(owner, decoded, tuple(Made(new, *file_hash(new.path)) for new in made))


def make_again(conn: Connection, owner: Instrument, start: datetime, state: str, workdir: Path) -> Result:
    """Write the products of a window once more, if it is still what it was.

    Raises
    ------
    NotFound
        When it is not, or the installed code writes no such products.
    """
    products = window_products_of(owner)
    found = None if products is None else accumulated.read(conn, owner, products, start)
    if products is None or found is None or found.window.state != state:
        raise NotFound(f"The window of {start:%Y-%m-%d} is not what it was then; its products of before stay lost.")
    return make(owner, products, found.window, workdir)


def _code(products: WindowProducts) -> str:
    return digest(accumulated.made_by(products))


def _about(
    conn: Connection, owner: Instrument, products: WindowProducts, start: datetime
) -> tuple[ColumnElement[bool], ...]:  # fmt: skip
    """Return the conditions that a file is a product of the window that begins then, as an index answers them."""
    mine = file.c.product_id.in_(derived.products_of(conn, owner, products.products))
    return mine, file.c.t_start == start, file.c.header[OF].astext == name_of(products, start)


def _round(
    task: Task, owner: Instrument, products: WindowProducts, start: datetime, workdir: Path
) -> Outcome | None:  # fmt: skip
    """Make what is wanting and commit it; None when the window changed meanwhile."""
    with task.catalog.read() as conn:
        now = accumulated.read(conn, owner, products, start)
        known = now is None or bool(
            derived.there(conn, *_about(conn, owner, products, start), state=now.window.state)
        )  # fmt: skip
    result = None if now is None or known else make(owner, products, now.window, workdir)
    with derived.fenced(task, _lock(owner, products, start)) as conn:
        found = accumulated.read(conn, owner, products, start)
        if _state(found) != _state(now):
            return None
        made = [] if result is None or found is None else derived.enter(conn, task, result, found.parents, None)
        old = file.c.header[derived.STATE].astext != _state(now)
        retired = derived.retire(conn, *_about(conn, owner, products, start), old)
        told = {"outcome": "summarised", "window": f"{start:%Y-%m-%d}", "products": len(made), "retired": retired}
        ledger.finish(conn, task.claim, told, file_id=made[0] if made else None)
    return Outcome(task.claim.job_id, "done", "", told)


def _lock(owner: Instrument, products: WindowProducts, start: datetime) -> str:
    return f"{KIND}:{owner.name}:{name_of(products, start)}"


def _state(found: Found | None) -> str:
    return "" if found is None else found.window.state
