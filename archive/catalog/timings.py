"""How long questions to the catalog take: watched while a piece of work goes on, and its slowest kept."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, event, func, insert, select
from sqlalchemy.engine import Engine

from archive.catalog.schema.filesystem import query_time

#: Questions of one piece of work that are kept.
KEPT = 50

#: Characters of SQL that are kept.
SHOWN = 2_000


@dataclass(slots=True)
class Question:
    """One statement, however often it was asked: calls, rows (None: unknown), time together and of the longest one."""

    name: str
    statement: str
    n_calls: int = 0
    n_rows: int | None = 0
    total_s: float = 0.0
    longest_s: float = 0.0


@dataclass(slots=True)
class Timings:
    """What was asked during a piece of work, by statement."""

    at: datetime
    questions: dict[str, Question] = field(default_factory=dict)

    def note(self, statement: str, seconds: float, rows: int, name: str = "") -> None:
        """Add one answer; `rows` below 0: unknown."""
        one = self.questions.get(statement)
        if one is None:
            one = self.questions[statement] = Question(name or name_of(statement), statement)
        one.n_calls += 1
        one.n_rows = None if rows < 0 or one.n_rows is None else one.n_rows + rows
        one.total_s += seconds
        one.longest_s = max(one.longest_s, seconds)

    def slowest(self, limit: int = KEPT) -> list[Question]:
        """Return the questions that took the most time together."""
        return sorted(self.questions.values(), key=lambda one: -one.total_s)[:limit]


@contextmanager
def watching(engine: Engine) -> Iterator[Timings]:
    """Time every statement that goes through an engine until the block ends.

    ::

        with timings.watching(catalog.engine) as seen:
            build(catalog, settings)
        with catalog.begin() as conn:
            timings.record(conn, "site", seen)
    """
    seen = Timings(datetime.now(UTC))
    starts: dict[int, float] = {}

    def before(_conn: Any, _cursor: Any, _statement: str, _parameters: Any, context: Any, _many: bool) -> None:
        starts[id(context)] = time.perf_counter()

    def after(_conn: Any, cursor: Any, statement: str, _parameters: Any, context: Any, _many: bool) -> None:
        seen.note(statement, time.perf_counter() - starts.pop(id(context)), cursor.rowcount)

    event.listen(engine, "before_cursor_execute", before)
    event.listen(engine, "after_cursor_execute", after)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", before)
        event.remove(engine, "after_cursor_execute", after)


def name_of(statement: str) -> str:
    """Return a short name of a statement: the tables it starts from, and a mark that tells statements apart."""
    tables = re.findall(r"\b(?:from|into|update)\s+([a-z_]+\.[a-z_]+)", statement, re.IGNORECASE)
    mark = hashlib.sha256(" ".join(statement.split()).encode()).hexdigest()[:8]
    return f"{' '.join(dict.fromkeys(tables[:3])) or statement.split(maxsplit=1)[0].lower()} {mark}"


def record(conn: Connection, source: str, seen: Timings) -> int:
    """Write the slowest questions of a piece of work; return how many."""
    rows = [
        {
            "source": source, "at": seen.at, "name": one.name, "n_calls": one.n_calls, "n_rows": one.n_rows,
            "total_s": one.total_s, "longest_s": one.longest_s, "statement": one.statement.strip()[:SHOWN],
        }
        for one in seen.slowest()
    ]  # fmt: skip
    if rows:
        conn.execute(insert(query_time), rows)
    return len(rows)


def slowest(conn: Connection, source: str, *, limit: int = 20) -> Sequence[Row[Any]]:
    """Return the slowest questions of the newest piece of work of a source: every column of ``ops.query_time``."""
    newest = select(func.max(query_time.c.at)).where(query_time.c.source == source).scalar_subquery()
    query = select(query_time).where(query_time.c.source == source, query_time.c.at == newest)
    return conn.execute(query.order_by(query_time.c.total_s.desc()).limit(limit)).all()
