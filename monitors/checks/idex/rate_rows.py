"""Reading what one window of ten days holds, and writing what was counted; all of it bounded by the window."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection, insert, text

from archive.catalog.bulk import copy_rows
from archive.instruments.idex.analysis import rates
from archive.instruments.idex.analysis.rate_tables import map_count, map_pixel, rate, rate_count, rate_window

#: Days that have something new: of events by analysis or override, of whatever a file brought.
AFFECTED = text(
    """
    with changed as (
        select a.event_id as id from core.event_analysis a where a.id > :analyses_after and a.id <= :analyses
        union select o.event_id from core.fit_override o where o.id > :overrides_after and o.id <= :overrides
        union select e.id from core.event e where e.file_id = any(cast(:files as bigint[]))
        union select e.id from core.event e where e.t >= :begin and e.t < :end
    )
    select date_trunc('day', e.t, 'UTC') as day
    from changed join core.event e using (id) join idex.event x on x.event_id = e.id where x.clock_set
    union
    select date_trunc('day', m.t, 'UTC') from idex.message m
    where m.file_id = any(cast(:files as bigint[])) and m.message_id = :state and m.t >= :set_from
    union
    select date_trunc('day', p.t, 'UTC') from idex.pointing p where p.file_id = any(cast(:files as bigint[]))
    union
    select date_trunc('day', f.t_end, 'UTC') from core.file f
    where f.id = any(cast(:files as bigint[])) and f.received and f.t_end >= :set_from
    order by 1
    """
)

NEWEST = text(
    """
    select t_start, t_stop, t_until, version, settings_hash, input_hash
    from (select distinct on (t_start) * from idex.rate_window order by t_start, id desc) w order by t_start
    """
)

#: Windows begin on day 1, 10, 20, ... of the year; only those with events or messages are counted.
HOLDS = text(
    """
    select exists (select 1 from core.event e join idex.event x on x.event_id = e.id
                   where x.clock_set and e.t >= :start and e.t < :stop)
        or exists (select 1 from idex.message m where m.message_id = :state and m.t >= :start and m.t < :stop)
        or exists (select 1 from idex.rate_window w where w.t_start = :start)
    """
)

LATELY = text(
    """
    select t_start, t_stop, exposure, messages, events, dust, unanalysed, no_charge, no_phase, unplaced, quality
    from analysis.idex_rate_windows order by t_start desc limit :limit
    """
)

WITHOUT_CLOCK = text("select count(*) from idex.event x where not x.clock_set")

NEWEST_DATA = text(
    """
    select max(f.t_end) from core.file f
    join core.product p on p.id = f.product_id join core.instrument i on i.id = p.instrument_id
    where i.name = 'idex' and p.level = 'raw' and f.state = 'available' and f.t_end >= :start and f.t_end < :stop
    """
)

#: Summed in one order: the last digits are then the same in every archive.
ALL_EVENTS = text(
    """
    select count(*) as n, coalesce(sum(x.dead_time order by e.t, e.identity), 0) as dead_time
    from core.event e join idex.event x on x.event_id = e.id
    where x.clock_set and e.t >= :start and e.t < :stop
    """
)

DUST = text(
    """
    select e.id, a.id as analysis, p.charge, p.mass, q.charge as best_charge, q.mass as best_mass, g.longitude,
           g.latitude, g.spin_phase
    from core.event e
    join idex.event x on x.event_id = e.id and x.dust_hit and x.clock_set
    left join lateral (
        select a.id from analysis.current_analyses a where a.event_id = e.id and a.analysis = 'idex' offset 0
    ) a on true
    left join idex.pulse_analysis p on p.event_analysis_id = a.id and p.channel = :channel and p.line = 0
    left join idex.particle_analysis q on q.event_analysis_id = a.id
    left join lateral (select g.* from analysis.idex_pointing g where g.event_id = e.id offset 0) g on true
    where e.t >= :start and e.t < :stop
    order by e.id
    """
)

MESSAGES = text(
    """
    select distinct m.tick, m.t as at, m.p0, m.p1, m.p2, m.p3
    from idex.message m where m.message_id = :state and m.t >= :start and m.t <= :until order by m.tick
    """
)

POINTING = text(
    """
    select distinct on (p.tt2000) p.t as at, p.longitude, p.latitude
    from idex.pointing p
    where p.tt2000 between :tt_start and :tt_until and p.t >= :start and p.t <= :until
    order by p.tt2000, p.file_id desc
    """
)


#: J2000 as seconds since 1970, and by how much TT2000 without leap seconds may be off, ns: it serves the index only.
J2000, SLACK = 946_728_000, 120 * 10**9


class Held(NamedTuple):
    """What a window holds, and a hash of all of it."""

    window: rates.Window
    dust: rates.Dust
    messages: rates.Messages
    pointing: rates.Pointing
    events: int
    dead_time: float
    input_hash: str


def window_until(conn: Connection, start: datetime, stop: datetime, now: datetime) -> datetime:
    """Return to where a window is accumulated: its end when it is over, else the newest data in it."""
    if now >= stop:
        return stop
    newest: datetime | None = conn.execute(NEWEST_DATA, {"start": start, "stop": min(stop, now)}).scalar()
    return newest or start


def held(conn: Connection, window: rates.Window, settings: rates.Settings) -> Held:
    """Read what a window holds."""
    span = {"start": window.start, "stop": window.stop, "until": window.until}
    total = conn.execute(ALL_EVENTS, span).one()
    channel = "Target_Low" if settings.source == "best" else settings.source
    events = conn.execute(DUST, {**span, "channel": channel}).all()
    best = settings.source == "best"
    dust = rates.Dust(
        charge=_real([row.best_charge if best else row.charge for row in events]),
        mass=_real([row.best_mass if best else row.mass for row in events]),
        longitude=_real([row.longitude for row in events]),
        latitude=_real([row.latitude for row in events]),
        spin_phase=_real([row.spin_phase for row in events]),
        analysed=np.array([row.analysis is not None for row in events], dtype=np.bool_),
    )
    told = conn.execute(MESSAGES, {**span, "state": rates.SCIENCE_STATE}).all()
    state = rates.science_state(np.array([(m.p0, m.p1, m.p2, m.p3) for m in told], dtype=np.int64))
    messages = rates.Messages(_since(window.start, [m.at for m in told]), state)
    near = {"tt_start": _tt2000(window.start) - SLACK, "tt_until": _tt2000(window.until) + SLACK}
    looked = conn.execute(POINTING, {**span, **near}).all()
    pointing = rates.Pointing(
        _since(window.start, [p.at for p in looked]),
        _real([p.longitude for p in looked]),
        _real([p.latitude for p in looked]),
    )
    told_of = hashlib.sha256(repr((window, int(total.n), float(total.dead_time), [row.id for row in events])).encode())
    for array in (*dust, *messages, *pointing):
        told_of.update(np.ascontiguousarray(array).tobytes() + b"|")
    return Held(
        window, dust, messages, pointing, int(total.n), float(total.dead_time), told_of.hexdigest()[:32]
    )  # fmt: skip


def _real(values: Sequence[float | None]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _tt2000(t: datetime) -> int:
    """Return about the TT2000 of a time, ns."""
    return (int(t.timestamp()) - J2000) * 10**9


def _since(start: datetime, times: Sequence[datetime]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([(t - start).total_seconds() for t in times], dtype=np.float64)


def store(conn: Connection, found: rates.Accumulated, more: Mapping[str, Any]) -> int:
    """Append the accumulation of a window; returns its key."""
    statement = insert(rate_window).values({**found.window, **more}).returning(rate_window.c.id)
    key = int(conn.execute(statement).scalar_one())
    for table, columns in (
        (rate_count, found.counts), (rate, found.rates), (map_pixel, found.pixels), (map_count, found.map_counts),
    ):  # fmt: skip
        count = len(next(iter(columns.values())))
        copy_rows(conn, table, {"rate_window_id": [key] * count, **columns})
    return key
