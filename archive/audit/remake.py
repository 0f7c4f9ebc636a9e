"""Remake: a product whose bytes were lost is made anew from its raw files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from archive.analysis import derived, products, windows
from archive.catalog.reference import instrument_ids
from archive.catalog.schema import file, file_parent, job, product
from archive.catalog.schema import instrument as instrument_table
from archive.errors import NotFound
from archive.ingest import assembly, decoding, placing, recognise, rows
from archive.ingest.decoding import Made, Result
from archive.ingest.groups import groups
from archive.instruments.base import analysis_of, derivation_of, instrument
from archive.jobs import Outcome, Task, ledger
from archive.model import Source
from archive.store import staging

KIND = "remake"


def run(task: Task) -> Outcome:
    """Carry out a job of the kind ``remake``: decode the parents again and take the product with the same hash.

    Raises
    ------
    NotFound
        When the code that is installed makes other bytes, or a parent is not there.
    """
    file_id = int(task.claim.args["file_id"])
    with task.catalog.read() as conn:
        wanted, parents, owner = _facts(conn, file_id)
    folder = staging.claim_folder(task.home, task.claim.job_id, task.claim.attempt)
    try:
        made = _matching(_decode(task, owner, wanted, parents, folder / "products"), wanted.sha256)
        if made is None:
            raise NotFound(f"The installed code makes other bytes than those of {wanted.relpath}; it stays lost.")
        with task.catalog.begin() as conn:
            ledger.fence(conn, task.claim)
            rows.lock(conn, [wanted.relpath])
            placing.place_all(conn, task, [placing.Item(made.new.path, wanted.relpath, made.sha256, made.size)])
            conn.execute(update(file).where(file.c.id == file_id).values(state="available", verified_at=func.now()))
            told = {"outcome": "remade", "file_id": file_id, "relpath": wanted.relpath}
            ledger.finish(conn, task.claim, told, file_id=file_id)
    finally:
        staging.remove(folder)
    return Outcome(task.claim.job_id, "done", "", told)


def _facts(conn: Connection, file_id: int) -> tuple[Row[Any], list[Row[Any]], str]:
    """Return the lost file, its raw parents, and the name of its instrument."""
    wanted = conn.execute(select(file).where(file.c.id == file_id)).one()
    lineage = select(file).join(file_parent, file_parent.c.parent_id == file.c.id)
    parents = list(conn.execute(lineage.where(file_parent.c.file_id == file_id).order_by(file.c.sha256)).all())
    if not parents or any(parent.state != "available" for parent in parents):
        raise NotFound(f"The raw files of {wanted.relpath} are not all there; it cannot be made anew.")
    owner = conn.execute(
        select(instrument_table.c.name)
        .join(product, product.c.instrument_id == instrument_table.c.id)
        .where(product.c.id == wanted.product_id)
    ).scalar_one()
    return wanted, parents, owner


def _decode(task: Task, owner: str, wanted: Row[Any], parents: list[Row[Any]], workdir: Path) -> Result:
    if products.OF in wanted.header:
        return _derive(task, owner, wanted, workdir)
    if windows.OF in wanted.header:
        with task.catalog.read() as conn:
            state = wanted.header[derived.STATE]
            return windows.make_again(conn, instrument(owner), wanted.t_start, state, workdir)
    tag = wanted.header.get(assembly.TAG)
    if tag is None:
        (raw,) = parents[:1]
        source = Source(task.home.path(raw.relpath), raw.original_name or "", raw.sha256, raw.size, _options(task, raw))
        claim = recognise.recognised(source.path, source.name, source.size, source.options)
        if claim is None:
            raise NotFound(f"No installed instrument recognises {raw.relpath} any more.")
        return decoding.decode(claim, source, workdir, task.settings)
    with task.catalog.read() as conn:
        found = groups(conn, instrument_ids(conn)[owner], [parent.id for parent in parents])
    for group in found:
        if group.tag == tag:
            return assembly.assemble(task, owner, group, workdir)
    raise NotFound(f"The events of {wanted.relpath} are no longer assembled from these files.")


def _derive(task: Task, owner: str, wanted: Row[Any], workdir: Path) -> Result:
    """Write the products of analyses again, if these are still what they were."""
    maker = instrument(owner)
    analysis = analysis_of(maker)
    derivation = derivation_of(analysis)
    if analysis is None or derivation is None:
        raise NotFound(f"The installed code of {owner} writes no products of analyses.")
    with task.catalog.read() as conn:
        of = select(file.c.id).where(file.c.relpath == wanted.header[products.OF])
        file_id = conn.execute(of).scalar_one()
        now = products.state_of(conn, derivation, file_id)
    if now.digest != wanted.header[derived.STATE]:
        raise NotFound(f"The analyses in {wanted.relpath} are not those that count now; it stays lost.")
    return products.make(task, maker, analysis, file_id, now, workdir)


def _options(task: Task, raw: Row[Any]) -> dict[str, Any]:
    """Return the options the raw file was first ingested with."""
    query = select(job.c.args).where(job.c.file_id == raw.id, job.c.kind == "ingest").order_by(job.c.id).limit(1)
    with task.catalog.read() as conn:
        args = conn.execute(query).scalar()
    return dict((args or {}).get("options", {}))


def _matching(result: Result, sha256: str) -> Made | None:
    return next((made for made in result.made if made.sha256 == sha256), None)
