"""A small honest instrument: text lines, so that the protocol can be tried without a decoder in the way.

A file begins with the line ``toy 1``. Every further line is ``<event> <part>/<parts> <seconds> <value>``: one part of
an event of so many parts, taken at that many seconds after 2026-01-01. Part 1 is the header: without it an event has
no identity. ``@key value`` enters the header of the file. The product is a JSON file with the values of the events that
have a header. Lines that are none of this are problems. ``!kill``, ``!raise``, ``!refuse``, ``!fill`` and ``!sleep``
are lines that make the decoder fail in a way of their own.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from sqlalchemy import BigInteger, Column, Float, MetaData, Table, text

from archive.model import Claim, Decoded, Events, NewFile, OpticalElements, Problem, Product, Rows, Source, Waveforms

MAGIC = b"toy 1\n"
START = datetime(2026, 1, 1, tzinfo=UTC)
LINE = re.compile(rb"(\w+) (\d+)/(\d+) (\d+) (-?\d+)")

TABLES = MetaData()
READING = Table(
    "reading",
    TABLES,
    Column("event_id", BigInteger),
    Column("file_id", BigInteger),
    Column("part", BigInteger),
    Column("value", Float),
    schema="toy",
)
CREATE = (
    "create schema toy",
    "create table toy.reading (event_id bigint not null references core.event (id), "
    "file_id bigint references core.file (id), part bigint not null, value double precision not null, "
    "primary key (event_id, part))",
)


def make_tables(conn: Any) -> None:
    for statement in CREATE:
        conn.execute(text(statement))


class Toy:
    name = "toy"
    title = "Toy instrument"
    products = (
        Product("lines", "raw", "text", "Toy lines", "Lines as they were received."),
        Product("values", "l1a", "json", "Toy values", "Values of the events of one file."),
    )
    optical_elements = OpticalElements(("filter", "pupil"), ("program", "visit"))
    tag_kinds: ClassVar = {"glitch": "The counter slipped"}

    def claims(self, name: str, head: bytes, size: int, options: Mapping[str, Any]) -> Claim | None:
        return Claim(self.name, "lines", 90) if head.startswith(MAGIC) else None

    def decode(self, source: Source, workdir: Path) -> Decoded:
        parts, problems, orders = read(source.path)
        for order in orders:
            obey(order, workdir)
        decoded = collect(parts, source.sha256[:12], workdir)
        decoded.problems += problems
        header = re.findall(rb"^@(\w+) (\w+)$", source.path.read_bytes(), re.MULTILINE)
        decoded.header.update({key.decode(): value.decode() for key, value in header})
        if b"!refuse" in orders:
            decoded.rows.append(Rows("toy.nothing", "file", np.zeros(1, np.int64), {}))
        return decoded

    def assemble(self, sources: Sequence[Source], match_keys: Sequence[str], workdir: Path) -> Decoded:
        parts: dict[str, dict[int, tuple[int, int, int]]] = {}
        for source in sources:
            for key, found in read(source.path)[0].items():
                if key in match_keys:
                    parts.setdefault(key, {}).update(found)
        return collect(parts, "assembled", workdir)

    def waveforms(self, product: Path, first: int, count: int) -> Waveforms:
        return Waveforms(())

    def calibrations(self) -> Sequence[Mapping[str, Any]]:
        return ()

    def table_metadata(self) -> MetaData:
        return TABLES


def read(path: Path) -> tuple[dict[str, dict[int, tuple[int, int, int]]], list[Problem], list[bytes]]:
    """Return {event: {part: (parts, seconds, value)}}, problems, and orders to the decoder."""
    parts: dict[str, dict[int, tuple[int, int, int]]] = {}
    problems, orders, offset = [], [], 0
    for line in path.read_bytes().splitlines(keepends=True):
        match = LINE.fullmatch(line.strip())
        if line.startswith(b"!"):
            orders.append(line.strip())
        elif match:
            key, part = match[1].decode(), int(match[2])
            parts.setdefault(key, {})[part] = (int(match[3]), int(match[4]), int(match[5]))
        elif line != MAGIC and not line.startswith(b"@"):
            problems.append(Problem("not_a_line", "A line could not be read.", "error", offset, len(line)))
        offset += len(line)
    return parts, problems, orders


def obey(order: bytes, workdir: Path) -> None:
    if order == b"!kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if order == b"!raise":
        raise RuntimeError("the toy was told to fail")
    if order.startswith(b"!sleep"):
        time.sleep(float(order.split()[1]))
    if order.startswith(b"!fill"):
        (workdir / "fill").write_bytes(bytes(int(order.split()[1])))


def collect(parts: Mapping[str, Mapping[int, tuple[int, int, int]]], label: str, workdir: Path) -> Decoded:
    keys = sorted(parts)
    if not keys:
        return Decoded("lines")
    wanted = {key: next(iter(parts[key].values()))[0] for key in keys}
    missing = [[n for n in range(1, wanted[key] + 1) if n not in parts[key]] for key in keys]
    headed = [1 in parts[key] for key in keys]
    times = [parts[key][1][1] if 1 in parts[key] else None for key in keys]
    base = np.datetime64(START.replace(tzinfo=None), "ns")
    events = Events(
        identity=[f"toy:{key}" if head else "" for key, head in zip(keys, headed, strict=True)],
        match_key=keys,
        kind=["toy"] * len(keys),
        seq=np.arange(len(keys)),
        t=np.array([base + np.timedelta64(t, "s") if t is not None else np.datetime64("NaT") for t in times]),
        tick=np.array([t or 0 for t in times]),
        flags=np.array([1 if m else 0 for m in missing]),
        complete=np.array([not m for m in missing]),
        parts=np.array([len(parts[key]) for key in keys]),
        digest=[hashlib.sha256(repr(sorted(parts[key].items())).encode()).hexdigest()[:16] for key in keys],
        missing=[list(m) for m in missing],
    )
    first = START + timedelta(seconds=min((t for t in times if t is not None), default=0))
    decoded = Decoded("lines", first, first, {"events": len(keys)}, events)
    path = workdir / f"toy_values_{label}.json"
    values = {key: {n: found[2] for n, found in parts[key].items()} for key in keys if 1 in parts[key]}
    path.write_text(json.dumps(values, sort_keys=True), encoding="utf-8")
    decoded.products.append(NewFile("values", path.name, path, first, first))
    rows = [(i, n, found[2]) for i, key in enumerate(keys) if headed[i] for n, found in sorted(parts[key].items())]
    index = np.array([row[0] for row in rows], np.int64)
    columns = {"part": [row[1] for row in rows], "value": [float(row[2]) for row in rows]}
    decoded.rows.append(Rows("toy.reading", "event", index, columns, {"file_id": np.full(len(rows), 1)}))
    at = np.flatnonzero(headed)
    record = {"record": np.arange(len(at))}
    decoded.rows.append(Rows("core.event_product", "event", at, record, {"file_id": np.ones(len(at), np.int64)}))
    return decoded


def lines(*words: str) -> bytes:
    """Return the bytes of a toy file with these lines."""
    return MAGIC + "".join(f"{word}\n" for word in words).encode()


def whole(event: str, parts: int = 3, second: int = 0, value: int = 7) -> list[str]:
    """Return the lines of a whole event."""
    return [f"{event} {n}/{parts} {second} {value + n}" for n in range(1, parts + 1)]
