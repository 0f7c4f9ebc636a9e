"""Assembly: events whose parts came in different files are put together, whatever the order they came in.

The job of a file looks at every group of files that share incomplete events with it, makes the assembled products that
are not there yet, and retires those that later files made obsolete. Because it always starts from what the catalog
holds now, the last job to run leaves the same state whatever ran before.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects.postgresql import distinct_on

from archive import log
from archive.catalog.reference import instrument_ids
from archive.catalog.schema import event_product, event_source, file, file_parent
from archive.catalog.sequence import hold_ingest
from archive.errors import LeaseLost
from archive.ingest import commit, decoding, events, placing, rows, typed
from archive.ingest.decoding import Result
from archive.ingest.groups import Group, groups, touched
from archive.instruments.base import instrument
from archive.jobs import Outcome, Task, ledger
from archive.model import FLAG_ASSEMBLED, Source
from archive.store import staging

_log = log.get("ingest")

#: Key in ``core.file.header`` of an assembled product: the tag of the group it was made from.
TAG = "assembly"

#: How often the groups may change under our hands before the job is left to those who change them.
ROUNDS = 5


def run(task: Task) -> Outcome:
    """Carry out a job of the kind ``assemble``."""
    file_id, owner = int(task.claim.args["file_id"]), str(task.claim.args["instrument"])
    if task.claim.condemned:
        return _give_up(task)
    rows.registered(task.catalog, instrument(owner))
    folder = staging.claim_folder(task.home, task.claim.job_id, task.claim.attempt)
    try:
        for number in range(ROUNDS):
            outcome = _round(task, owner, file_id, folder / str(number))
            if outcome is not None:
                return outcome
    finally:
        staging.remove(folder)
    raise LeaseLost("The files of these events kept changing; the jobs of the newer files assemble them.")


def _round(task: Task, owner: str, file_id: int, folder: Path) -> Outcome | None:
    """Assemble what is wanting and commit it; None when the groups changed meanwhile."""
    with task.catalog.read() as conn:
        owner_id = instrument_ids(conn)[owner]
        wanted = groups(conn, owner_id, touched(conn, owner_id, file_id))
        there = _assembled(conn, [group.tag for group in wanted])
    results = []
    folder.mkdir()
    for group in wanted:
        if group.tag not in there:
            results.append((group, assemble(task, owner, group, folder / group.tag)))
    with task.catalog.begin() as conn:
        hold_ingest(conn)
        ledger.fence(conn, task.claim)
        rows.lock(conn, [f"assembly:{owner}"])
        near = touched(conn, owner_id, file_id)
        if groups(conn, owner_id, near) != wanted:
            return None
        products = [_commit(conn, task, owner_id, group, result) for group, result in results]
        retired = _retire(conn, near, [group.tag for group in wanted])
        commit.follow(conn, task, instrument(owner), file_id)
        told = {"outcome": "assembled", "groups": len(results), "products": sum(products), "retired": retired}
        told |= task.home.access.told()
        ledger.finish(conn, task.claim, told, file_id=file_id)
    return Outcome(task.claim.job_id, "done", "", told)


def _assembled(conn: Connection, tags: Sequence[str]) -> set[str]:
    query = select(file.c.header[TAG].astext).where(file.c.header[TAG].astext.in_(tags), file.c.state == "available")
    return set(conn.execute(query).scalars())


def assemble(task: Task, owner: str, group: Group, workdir: Path) -> Result:
    """Let the instrument put together the events of one group; their raw files are read where they lie."""
    maker = instrument(owner)
    sources = [Source(task.home.path(p.relpath), p.original_name, p.sha256, p.size) for p in group.files]
    return decoding.guarded(
        maker,
        maker.products[0].name,
        lambda folder: maker.assemble(sources, list(group.match_keys), folder),
        workdir,
        task.settings,
    )


def _commit(conn: Connection, task: Task, owner_id: int, group: Group, result: Result) -> int:
    """Place and catalog what one group gave; return the number of products."""
    name = result.instrument.name
    items = [commit.product_item(result, made, _tagged(made.new.name, group.tag)) for made in result.made]
    rows.lock(conn, [item.relpath for item in items])
    settled = placing.place_all(conn, task, items)
    product_ids = commit.write_products(conn, task, result, settled, {TAG: group.tag})
    parents = [part.file_id for part in group.files]
    rows.write_parents(conn, product_ids, parents)
    problems = [*result.decoded.problems, *(one.problem for one in settled if one.problem is not None)]
    about = product_ids[0] if product_ids else parents[0]
    source = ", ".join(part.relpath for part in group.files)
    limit = task.settings.ingest.max_problems
    rows.write_problems(conn, problems, file_id=about, job_id=task.claim.job_id, source=source, limit=limit)
    found = result.decoded.events
    stored = None
    if found is not None and len(found):
        found.flags = found.flags | FLAG_ASSEMBLED
        best = _best_files(conn, group)
        holders = [best.get(key, parents[0]) for key in found.match_key]
        stored = events.store(conn, owner_id, found, holders, events.ASSEMBLED + group.tag)
        events.attach_orphans(conn, owner_id)
        events.forget(conn)
    typed.write(conn, result.instrument, result.decoded.rows, [-1, *product_ids], stored)
    _log.info("%s: %d events assembled from %d files", name, 0 if found is None else len(found), len(parents))
    return len(product_ids)


def _tagged(name: str, tag: str) -> str:
    path = PurePosixPath(name)
    return f"{path.stem}_{tag}{path.suffix}"


def _best_files(conn: Connection, group: Group) -> dict[str, int]:
    """Return match key -> the file of the group that holds most of the event, the smallest hash among equals."""
    query = (
        select(event_source.c.match_key, event_source.c.file_id)
        .join(file, file.c.id == event_source.c.file_id)
        .where(
            event_source.c.file_id.in_([part.file_id for part in group.files]),
            event_source.c.match_key.in_(group.match_keys),
        )
        .ext(distinct_on(event_source.c.match_key))
        .order_by(event_source.c.match_key, event_source.c.parts.desc(), file.c.sha256)
    )
    return {row.match_key: row.file_id for row in conn.execute(query)}


def _retire(conn: Connection, near: Sequence[int], tags: Sequence[str]) -> int:
    """Retire assembled products made from these files for groups that are no more. Their bytes stay."""
    obsolete = (
        select(file.c.id)
        .join(file_parent, file_parent.c.file_id == file.c.id)
        .where(
            file_parent.c.parent_id.in_(near),
            file.c.header.has_key(TAG),
            file.c.header[TAG].astext.not_in(tags),
            file.c.state != "retired",
        )
    )
    ids = list(conn.execute(update(file).where(file.c.id.in_(obsolete)).values(state="retired").returning(file.c.id)))
    keys = [row.id for row in ids]
    conn.execute(delete(event_product).where(event_product.c.file_id.in_(keys)))
    return len(keys)


def _give_up(task: Task) -> Outcome:
    told = {"outcome": "quarantined", "errors": 1}
    with task.catalog.begin() as conn:
        ledger.finish(conn, task.claim, told, state="quarantined", error=task.claim.condemned)
    return Outcome(task.claim.job_id, "quarantined", task.claim.condemned, told)
