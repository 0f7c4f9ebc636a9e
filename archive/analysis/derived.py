"""What jobs that write products of a higher level share: entered under the fence at once, the ones before retired.

Such a product carries in its header a hash of what it was made from, its state. Equal states give the same name and the
same bytes. A product of another state is retired: its bytes stay as they are, and it comes back into its place when its
state is that of the catalog again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, select, update

from archive.catalog.reference import instrument_ids
from archive.catalog.schema import file, job, product
from archive.catalog.sequence import hold_ingest
from archive.errors import LeaseLost
from archive.ingest import commit, decoding, placing, rows
from archive.ingest.steps import reached
from archive.instruments.base import Instrument
from archive.jobs import Outcome, Task, ledger
from archive.model import NewFile
from archive.store import staging

#: Key in ``core.file.header`` of such a product: hash of what it was made from.
STATE: Final = "state"

#: Libraries whose version may change the bytes.
WRITERS: Final = ("pinakes", "numpy", "h5py", "cdflib")

#: How often the rows may change under our hands before the job is left to those who change them.
ROUNDS: Final = 5

#: Steps of such a job, in the names that the protocol of ingest has; ``locked`` to ``written`` lie in its transaction.
STEPS: Final = ("claimed", "decoded", "locked", "placed", "synced", "written", "committed")


def libraries() -> dict[str, str]:
    """Return the versions of the libraries that write."""
    return {name: version(name) for name in WRITERS}


def noted(new: NewFile, **header: str) -> NewFile:
    """Return a product with more in its header."""
    return NewFile(new.product, new.name, new.path, new.t_start, new.t_end, {**new.header, **header}, new.version)


def in_rounds(task: Task, one: Callable[[Path], Outcome | None]) -> Outcome:
    """Try until a round ends the job: each is given a folder to make, and returns None when the rows changed meanwhile.

    Raises
    ------
    LeaseLost
        When they kept changing.
    """
    folder = staging.claim_folder(task.home, task.claim.job_id, task.claim.attempt)
    reached("claimed")
    try:
        for number in range(ROUNDS):
            outcome = one(folder / str(number))
            if outcome is not None:
                reached("committed")
                return outcome
    finally:
        staging.remove(folder)
    raise LeaseLost("What this is made from kept changing; the jobs of the newer rows write the products.")


@contextmanager
def fenced(task: Task, name: str) -> Iterator[Connection]:
    """Open the transaction that enters products: the claim is ours in it, and nobody else works on `name`.

    Raises
    ------
    LeaseLost
        When another worker took over.
    """
    reached("decoded")
    with task.catalog.begin() as conn:
        hold_ingest(conn)  # monitors go on by the keys of files
        ledger.fence(conn, task.claim)
        rows.lock(conn, [name])
        reached("locked")
        yield conn
        reached("written")


def enter(
    conn: Connection, task: Task, result: decoding.Result, parents: Sequence[int], about: int | None
) -> list[int]:  # fmt: skip
    """Place and catalog products with their parents and problems; return their keys.

    Parameters
    ----------
    about
        The file that problems are noted at when there is no product.
    """
    items = [commit.product_item(result, made) for made in result.made]
    rows.lock(conn, [item.relpath for item in items])
    settled = placing.place_all(conn, task, items)
    ids = commit.write_products(conn, task, result, settled)
    rows.write_parents(conn, ids, parents)
    problems = [*result.decoded.problems, *(one.problem for one in settled if one.problem is not None)]
    rows.write_problems(
        conn, problems, file_id=ids[0] if ids else about, job_id=task.claim.job_id, source=str(task.claim.key),
        limit=task.settings.ingest.max_problems,
    )  # fmt: skip
    return ids


def products_of(conn: Connection, owner: Instrument, names: Collection[str] | None = None) -> Select[tuple[int]]:
    """Return the keys of the products of an instrument, of these names or all, as a query."""
    query = select(product.c.id).where(product.c.instrument_id == instrument_ids(conn).get(owner.name))
    return query if names is None else query.where(product.c.name.in_(list(names)))


def there(conn: Connection, *where: ColumnElement[bool], state: str | None = None) -> list[int]:
    """Return the files that are available, fulfil the conditions, and are of this state, or of any."""
    query = select(file.c.id).where(file.c.state == "available", *where)
    return list(conn.execute(query if state is None else query.where(file.c.header[STATE].astext == state)).scalars())


def retire(conn: Connection, *where: ColumnElement[bool]) -> int:
    """Retire the files that fulfil the conditions; return how many. The bytes stay."""
    return int(conn.execute(update(file).where(*where, file.c.state != "retired").values(state="retired")).rowcount)


def ask(
    conn: Connection, kind: str, key: str, args: dict[str, Any], *, max_attempts: int, parent_id: int | None = None
) -> int:
    """Ask for a job; one of this key that has ended is done once more. Return whether there is something new to do."""
    new = ledger.enqueue(conn, kind, [(key, args)], max_attempts=max_attempts, parent_id=parent_id)
    ended = select(job.c.id).where(job.c.kind == kind, job.c.key == key)
    return new or ledger.revive(conn, list(conn.execute(ended).scalars()), max_attempts, ("done", "failed"))


def end(task: Task, outcome: str) -> Outcome:
    """End a job without doing anything."""
    state = "quarantined" if task.claim.condemned else "done"
    told = {"outcome": outcome, "errors": int(bool(task.claim.condemned))}
    with task.catalog.begin() as conn:
        ledger.finish(conn, task.claim, told, state=state, error=task.claim.condemned or None)
    return Outcome(task.claim.job_id, state, task.claim.condemned, told)
