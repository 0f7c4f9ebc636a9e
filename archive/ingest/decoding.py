"""Decoding at arm's length: whatever a decoder does, the raw file comes in and the person is told."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sized
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from archive import log
from archive.config import Settings
from archive.errors import DiskFull
from archive.ingest.recognise import product_of
from archive.instruments.base import Instrument, instrument
from archive.model import Claim, Decoded, NewFile, Problem, Rows, Source
from archive.store.fsync import file_hash
from archive.store.staging import NO_ROOM

_log = log.get("ingest")


@dataclass(frozen=True, slots=True)
class Made:
    """A product in staging with the hash and size of its bytes."""

    new: NewFile
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Result:
    """What a decode gave, checked, and with every product hashed."""

    instrument: Instrument
    decoded: Decoded
    made: tuple[Made, ...]


def decode(claim: Claim, source: Source, workdir: Path, settings: Settings) -> Result:
    """Decode one raw file; a decoder that raises leaves a file without events and a problem that says so."""
    owner = instrument(claim.instrument)
    product = claim.product
    return guarded(owner, product, lambda folder: owner.decode(source, folder), workdir, settings)


def guarded(
    owner: Instrument, product: str, work: Callable[[Path], Decoded], workdir: Path, settings: Settings
) -> Result:
    """Run a decoder in `workdir` and check what it returns.

    Raises
    ------
    DiskFull
        When the decoder failed for want of room: that is no fault of the file.
    MemoryError
        As it comes: the job fails and may be tried where there is more.
    """
    workdir.mkdir()
    try:
        decoded = work(workdir)
        check(owner, decoded, workdir)
        return Result(owner, decoded, tuple(Made(new, *file_hash(new.path)) for new in decoded.products))
    except (MemoryError, DiskFull):
        raise
    except Exception as error:
        if _no_room(error, workdir, settings.store.min_free):
            raise DiskFull("The disk is full; make room and run `pinakes ingest` again.") from None
        _log.exception("the decoder of %s failed", owner.name)
        return failed(owner, product, f"{type(error).__name__}: {error}")


def failed(owner: Instrument, product: str, reason: str) -> Result:
    """Return the result of a decode that gave nothing."""
    message = f"The decoder failed ({reason}); the file is kept undecoded. This is a bug of the decoder: report it."
    return Result(owner, Decoded(product, problems=[Problem("decoder_failed", message)]), ())


def check(owner: Instrument, decoded: Decoded, workdir: Path) -> None:
    """Compare what a decoder returned with what it must be.

    Raises
    ------
    LookupError, ValueError
        With one sentence that says what does not fit.
    """
    product_of(owner, decoded.product)
    _check_times("the raw file", decoded)
    names = [new.name for new in decoded.products]
    if len(set(names)) != len(names):
        raise ValueError(f"two products have one name: {sorted(names)}")
    for new in decoded.products:
        product_of(owner, new.product)
        _check_times(new.name, new)
        if not new.path.resolve().is_relative_to(workdir.resolve()):
            raise ValueError(f"the product {new.name} was not written into its work folder")
    _check_events(decoded)
    for rows in decoded.rows:
        _check_rows(rows, decoded)


def _check_times(what: str, thing: Decoded | NewFile) -> None:
    for time in (thing.t_start, thing.t_end):
        if time is not None and time.tzinfo is None:
            raise ValueError(f"a time of {what} has no time zone")
    if thing.t_start is not None and thing.t_end is not None and thing.t_start > thing.t_end:
        raise ValueError(f"{what} ends before it starts")


def _check_events(decoded: Decoded) -> None:
    events = decoded.events
    if events is None:
        return
    columns: list[Sized] = [events.match_key, events.kind, events.seq, events.t, events.tick, events.flags]
    columns += [events.complete, events.parts, events.digest, events.missing]
    if any(len(column) != len(events) for column in columns):
        raise ValueError("the columns of the events differ in length")
    named = [bool(identity) for identity in events.identity]
    if np.isnat(events.t[named]).any():
        raise ValueError("an event has an identity and no time")


def _check_rows(rows: Rows, decoded: Decoded) -> None:
    limit = len(decoded.products) + 1
    if rows.owner == "event":
        limit = 0 if decoded.events is None else len(decoded.events)
    if len(rows.index) and not 0 <= rows.index.min() <= rows.index.max() < limit:
        raise ValueError(f"rows of {rows.table} hang on an owner that does not exist")


def _no_room(error: Exception, workdir: Path, min_free: int) -> bool:
    """Whether a decoder failed for want of room; HDF5 tells the error number in its text only."""
    if not isinstance(error, OSError):
        return False
    told = any(f"errno = {number}," in str(error) for number in NO_ROOM)
    return error.errno in NO_ROOM or told or shutil.disk_usage(workdir).free < min_free
