"""Repair: a plan that says what would be done about each finding, and its execution."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Connection, Row, func, select, update

from archive.audit import remake
from archive.audit.mark import STATES, mark
from archive.audit.verify import Finding, verify
from archive.catalog import Catalog
from archive.catalog.schema import file, file_parent, job, quarantine
from archive.config import Settings
from archive.ingest import Session, rows
from archive.ingest.known import KIND
from archive.ingest.session import housekeeping
from archive.ingest.sources import Origin
from archive.jobs import engines, ledger
from archive.jobs.drain import Drain
from archive.store import Home
from archive.store import quarantine as set_aside
from archive.store.fsync import file_hash
from archive.store.staging import current_stamp

Verb = Literal["restore", "remake", "mark", "accept", "set_aside", "sweep", "list", "describe", "remove", "queue"]

#: Rows are mended before strangers are set aside, for a stranger may be the lost bytes of a row.
ORDER: tuple[Verb, ...] = (
    "accept",
    "restore",
    "remake",
    "mark",
    "set_aside",
    "sweep",
    "remove",
    "list",
    "describe",
    "queue",
)


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do.

    Attributes
    ----------
    verb
        ``accept`` a marked row whose bytes are good; ``restore`` lost bytes from `source`; ``remake`` a product;
        ``mark`` what cannot be mended; ``set_aside`` bytes without a row; ``sweep`` staging; ``list`` a quarantined
        file in the catalog; ``describe`` it in a manifest; ``remove`` a released one; ``queue`` a failed job.
    message
        One sentence for a person.
    finding
        What it mends.
    source
        Where the lost bytes are.
    job_id
        The job to queue.
    """

    verb: Verb
    message: str
    finding: Finding | None = None
    source: Path | None = None
    job_id: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return what to print."""
        return {"action": self.verb, "message": self.message}


def plan(catalog: Catalog, home: Home) -> list[Action]:
    """Return what would be done. Nothing is changed."""
    findings = verify(catalog, home, note=False).findings
    strays = {
        file_hash(f.path)[0]: f for f in findings if f.kind == "unknown" and f.path is not None and _plain(f.path)
    }
    used: set[str] = set()
    actions = []
    with catalog.read() as conn:
        for finding in findings:
            if finding.kind in STATES:
                actions.append(_mend(conn, finding, strays, used))
        actions += [_other(f) for f in findings if f.kind not in STATES and f.relpath not in used]
        actions += _failed_jobs(conn)
    return sorted(actions, key=lambda action: ORDER.index(action.verb))


def _plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _mend(conn: Connection, finding: Finding, strays: dict[str, Finding], used: set[str]) -> Action:
    """Decide how a row gets its bytes back."""
    row = conn.execute(select(file).where(file.c.id == finding.file_id)).one()
    stray = strays.get(row.sha256)
    if row.received and stray is not None and stray.path is not None:
        used.add(stray.relpath)
        return Action("restore", f"{row.relpath} from {stray.relpath}, which has its bytes.", finding, stray.path)
    source = _source_of(conn, row) if row.received else None
    if source is not None:
        return Action("restore", f"{row.relpath} from its source {source.shown}.", finding, source.path)
    if not row.received and _parents_available(conn, row.id):
        return Action("remake", f"{row.relpath} from its raw files.", finding)
    state = STATES[finding.kind]
    hint = "ingest the original file again" if row.received else "mend its raw files first"
    return Action("mark", f"{row.relpath} as {state}; {hint}.", finding)


def _source_of(conn: Connection, row: Row[Any]) -> Origin | None:
    """Return a source of the file that still lies where it came from, with the same bytes."""
    query = select(job.c.args).where(job.c.file_id == row.id, job.c.kind == KIND).order_by(job.c.id)
    for args in conn.execute(query).scalars():
        origin = Origin.from_args(args)
        stamp = current_stamp(origin.path)
        try:
            if stamp is not None and stamp.size == row.size and file_hash(origin.path)[0] == row.sha256:
                return origin
        except OSError:
            continue
    return None


def _parents_available(conn: Connection, file_id: int) -> bool:
    query = select(file.c.state).join(file_parent, file_parent.c.parent_id == file.c.id)
    states = list(conn.execute(query.where(file_parent.c.file_id == file_id)).scalars())
    return bool(states) and all(state == "available" for state in states)


def _other(finding: Finding) -> Action:
    where = finding.relpath
    match finding.kind:
        case "recovered":
            return Action("accept", f"{where}: its bytes are good.", finding)
        case "unknown" if finding.path is not None and not _plain(finding.path):
            return Action("mark", f"{where} is not a regular file; look at it and remove it by hand.", finding)
        case "unknown":
            return Action("set_aside", f"{where} into quarantine: no row speaks of it.", finding)
        case "staging":
            return Action("sweep", f"{where}: nobody works there.", finding)
        case "unlisted":
            return Action("list", f"{where} in the catalog.", finding)
        case "manifest":
            return Action("describe", f"{where} in a manifest.", finding)
        case _:
            return Action("remove", f"{where} from quarantine.", finding)


def _failed_jobs(conn: Connection) -> list[Action]:
    """Queue failed jobs anew, those of sources that changed since or are gone excepted."""
    actions = []
    query = select(job.c.id, job.c.kind, job.c.args, job.c.error).where(job.c.state == "failed").order_by(job.c.id)
    for row in conn.execute(query):
        if row.kind == KIND:
            origin = Origin.from_args(row.args)
            if current_stamp(origin.path) != origin.stamp:
                continue
        message = f"job {row.id} ({row.kind}) once more, with `pinakes work`: {row.error}"
        actions.append(Action("queue", message, job_id=row.id))
    return actions


@dataclass
class _Shop:
    """What the actions need."""

    catalog: Catalog
    home: Home
    settings: Settings
    done: list[dict[str, Any]] = field(default_factory=list)


def execute(catalog: Catalog, home: Home, settings: Settings, actions: Sequence[Action]) -> list[dict[str, Any]]:
    """Carry out a plan and return what was done; what turns out to be beyond repair is marked."""
    shop = _Shop(catalog, home, settings)
    verbs: dict[Verb, Callable[[_Shop, Action], None]] = {
        "accept": _accept,
        "restore": _restore,
        "remake": _remake,
        "mark": _mark,
        "set_aside": _set_aside,
        "sweep": _sweep,
        "list": _list,
        "describe": _describe,
        "remove": _remove,
        "queue": _queue,
    }
    for action in actions:
        verbs[action.verb](shop, action)
    return shop.done


def _finding(action: Action) -> Finding:
    assert action.finding is not None
    return action.finding


def _path(action: Action) -> Path:
    path = _finding(action).path
    assert path is not None
    return path


def _accept(shop: _Shop, action: Action) -> None:
    with shop.catalog.begin() as conn:
        statement = update(file).where(file.c.id == _finding(action).file_id)
        conn.execute(statement.values(state="available", verified_at=func.now()))
    shop.done.append(action.as_dict())


def _restore(shop: _Shop, action: Action) -> None:
    """Mark the row and ingest the bytes again: the ordinary way brings them back under the ordinary laws."""
    _mark_row(shop, action)
    assert action.source is not None
    inside = action.source.is_relative_to(shop.home.files)
    with closing(engines.Inline()) as engine:
        session = Session(shop.catalog, shop.settings, engine, "remove" if inside else "leave", {}, follow=False)
        report = session.bring_in([action.source])
    if report.restored:
        shop.done.append(action.as_dict())
    else:
        _mark(shop, action)


def _remake(shop: _Shop, action: Action) -> None:
    _mark_row(shop, action)
    file_id = _finding(action).file_id
    key = f"{file_id}"
    with shop.catalog.begin() as conn:
        ledger.enqueue(conn, remake.KIND, [(key, {"file_id": file_id})])
        job_id = conn.execute(select(job.c.id).where(job.c.kind == remake.KIND, job.c.key == key)).scalar_one()
        ledger.revive(conn, [job_id], 1, ("done", "failed", "quarantined"))
    with closing(engines.Inline()) as engine:
        drain = Drain(shop.catalog, engine, str(shop.settings.home), shop.settings.ingest.lease)
        (outcome,) = drain.run([job_id])
    if outcome.state == "done":
        shop.done.append(action.as_dict())
    else:
        shop.done.append({"action": "mark", "message": outcome.message})


def _mark_row(shop: _Shop, action: Action) -> None:
    with shop.catalog.begin() as conn:
        mark(conn, _finding(action))


def _mark(shop: _Shop, action: Action) -> None:
    _mark_row(shop, action)
    shop.done.append({"action": "mark", "message": action.message})


def _set_aside(shop: _Shop, action: Action) -> None:
    finding, path = _finding(action), _path(action)
    message = f"{finding.relpath} was found without a row in the catalog."
    now = datetime.now(UTC)
    with shop.catalog.begin() as conn:
        rows.lock(conn, [finding.relpath])
        if conn.execute(select(file.c.id).where(file.c.relpath == finding.relpath)).one_or_none() is not None:
            return  # it came in while we planned
        to, sha256, size = set_aside.divert(shop.home, path, reason="stray", message=message, now=now)
        manifest = set_aside.Manifest(finding.relpath, "stray", message, sha256, size, now.isoformat())
        rows.write_quarantine(conn, manifest, to, file_id=None, job_id=None)
    shop.done.append(action.as_dict())


def _sweep(shop: _Shop, action: Action) -> None:
    housekeeping(shop.catalog, shop.home, shop.settings.ingest.lease)
    if not _path(action).exists():
        shop.done.append(action.as_dict())


def _list(shop: _Shop, action: Action) -> None:
    path = _path(action)
    manifest = _manifest(path)
    set_aside.write_manifest(path, manifest, shop.home.access)
    with shop.catalog.begin() as conn:
        rows.write_quarantine(conn, manifest, shop.home.relpath(path), file_id=None, job_id=None)
    shop.done.append(action.as_dict())


def _manifest(path: Path) -> set_aside.Manifest:
    """Return the manifest of a set-aside file, made up from its bytes when it has none."""
    found = set_aside.read_manifest(path)
    if found is not None:
        return found
    sha256, size = file_hash(path)
    message = "It was found in quarantine; why it was set aside is not known."
    return set_aside.Manifest(path.name, "unknown", message, sha256, size, datetime.now(UTC).isoformat())


def _describe(shop: _Shop, action: Action) -> None:
    path = _path(action)
    query = select(quarantine).where(quarantine.c.relpath == shop.home.relpath(path))
    with shop.catalog.read() as conn:
        row = conn.execute(query).one_or_none()
    if row is not None:
        facts = (row.source, row.reason, row.message, row.sha256, row.size, row.created_at.isoformat())
        set_aside.write_manifest(path, set_aside.Manifest(*facts), shop.home.access)
        shop.done.append(action.as_dict())


def _remove(shop: _Shop, action: Action) -> None:
    set_aside.remove(shop.home, _path(action))
    shop.done.append(action.as_dict())


def _queue(shop: _Shop, action: Action) -> None:
    assert action.job_id is not None
    with shop.catalog.begin() as conn:
        ledger.revive(conn, [action.job_id], shop.settings.ingest.max_attempts)
    shop.done.append(action.as_dict())
