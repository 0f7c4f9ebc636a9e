"""The outbox of notices: written with what they tell of, claimed before sending, settled afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select, update
from sqlalchemy.dialects.postgresql import insert

from archive.catalog.schema.monitors import monitor, notice


def put(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> int:
    """Write notices; those whose occasion is there already are left out. Returns the number written."""
    if not rows:
        return 0
    return int(
        conn.execute(insert(notice).values(list(rows)).on_conflict_do_nothing(index_elements=["dedupe"])).rowcount
    )


def claim(conn: Connection, now: datetime, lease: timedelta) -> Row[*tuple[Any, ...]] | None:
    """Take the next notice that is due, for the time of `lease`; None when there is none.

    Its attempt is counted now: a sender that dies has made one.
    """
    due = (
        select(notice.c.id)
        .where(notice.c.state == "queued", notice.c.next_try <= now)
        .order_by(notice.c.next_try, notice.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    name = select(monitor.c.name).where(monitor.c.id == notice.c.monitor_id).scalar_subquery().label("monitor")
    statement = update(notice).where(notice.c.id == due).values(attempts=notice.c.attempts + 1, next_try=now + lease)
    return conn.execute(statement.returning(*notice.c, name)).one_or_none()


def settle(conn: Connection, notice_id: int, outcome: str, now: datetime, later: datetime, error: str | None) -> None:
    """Note what became of an attempt: sent, put off until `later`, or given up."""
    values: dict[str, Any] = {"error": error}
    if outcome == "sent":
        values |= {"state": "sent", "sent_at": now}
    elif outcome == "given up":
        values |= {"state": "failed"}
    else:
        values |= {"next_try": later}
    conn.execute(update(notice).where(notice.c.id == notice_id).values(**values))
