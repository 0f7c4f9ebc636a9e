"""Numbers of many events for the browser: typed arrays, one small script per quantity and block of events.

A page asks for the quantities it draws, and loads those alone. PostgreSQL packs a whole column of a block into one
value, so that neither the build nor the browser ever makes an object of an event.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from monitors.site.dashboards import Making
from monitors.site.publish import Publisher
from monitors.site.queries import Query, Row, timed
from monitors.site.text import plain, script_json

Floats = NDArray[np.float64]

#: Events whose catalog numbers share the quotient by this make a block; a block that did not change is left alone.
BLOCK: Final = 8192

#: The newest events that pages draw, rounded up to whole blocks.
MOST: Final = 100_000

#: A column of a block whose text is shorter goes into the script of the block: small archives have few files.
INLINE: Final = 1500

#: Different words that one column of a block may have; further ones are not told apart.
MOST_WORDS: Final = 65_000

#: Largest whole number that a 32-bit floating-point number holds exactly.
EXACT_IN_FLOAT32: Final = 2**24

INTEGERS: Final = (("i1", np.int8), ("u1", np.uint8), ("i2", np.int16), ("u2", np.uint16), ("i4", np.int32))


@dataclass(frozen=True, slots=True)
class Quantity:
    """Something known of each event.

    Attributes
    ----------
    name
        Name in addresses and files, for example ``target_high.charge``: letters, digits, dots and underscores.
    label, unit, group, meaning
        For people.
    sql
        Expression over the rows of its source.
    words
        Whether the values are words and not numbers.
    exact
        Whether seven digits are too few, as for times.
    """

    name: str
    label: str
    unit: str
    group: str
    meaning: str
    sql: str
    words: bool = False
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """Quantities that one statement reads.

    `joins` join further tables to ``core.event e``, so that each event keeps exactly one row.
    """

    name: str
    joins: str
    quantities: tuple[Quantity, ...]

    def select(self, quantities: Iterable[Quantity], *, where: str = ":low and :high") -> str:
        """Return the statement that lists these quantities, one row an event, in order of the events' numbers."""
        columns = "".join(f',\n       {quantity.sql} as "{quantity.name}"' for quantity in quantities)
        return (
            f"select e.id{columns}\nfrom core.event e{self.joins}\n"
            f"where e.instrument_id = :instrument_id and e.id between {where}\norder by e.id"
        )


#: Events by block, and a fingerprint of all that is known of them.
BLOCKS = Query(
    "event_blocks",
    """
select e.id / :size as block, count(*) as events, min(e.id) as low, max(e.id) as high,
       bit_xor(hashint8extended(e.id, e.xmin::text::bigint) # coalesce(a.h, 0) # coalesce(o.h, 0)) as fingerprint
from core.event e
left join (select event_id, bit_xor(hashint8extended(id, xmin::text::bigint)) as h
           from core.event_analysis group by event_id) a on a.event_id = e.id
left join (select event_id, bit_xor(hashint8extended(id, 1)) as h from core.fit_override group by event_id) o
       on o.event_id = e.id
where e.instrument_id = :instrument_id
group by 1
order by 1 desc""",
)

#: Path of the columns of an instrument below its pages.
FOLDER: Final = "instruments/{}/columns"


def newest_columns(
    making: Making, sources: Sequence[Source], names: Iterable[str]
) -> dict[str, Floats | tuple[NDArray[np.int32], list[str]]]:
    """Return quantities of the events that pages draw, in order of their numbers, as `read_columns` does."""
    wanted = set(names)
    kept, _ = _newest_blocks(making)
    found: dict[str, Any] = {}
    for source in sources:
        mine = [quantity for quantity in source.quantities if quantity.name in wanted]
        if mine:
            low, high = (kept[-1]["low"], kept[0]["high"]) if kept else (0, -1)
            found |= read_columns(making.conn, source, mine, making.instrument, low, high)
    return found


def _newest_blocks(making: Making) -> tuple[list[Row], int]:
    """Return the blocks that pages draw, newest first, and how many events there are in all."""
    found = BLOCKS.rows(making.conn, size=BLOCK, instrument_id=making.instrument)
    kept, events = [], 0
    for row in found:
        if events >= MOST:
            break
        kept.append(row)
        events += row["events"]
    return kept, sum(row["events"] for row in found)


def publish_columns(making: Making, sources: Sequence[Source], made_by: str) -> int:
    """Write the scripts of blocks that changed, take those of blocks that left away; return the events they hold.

    Parameters
    ----------
    making
        What to make them with; the fingerprints of the blocks are kept there.
    sources
        What there is to know of an event.
    made_by
        Changes when equal rows may give other scripts.
    """
    publisher, folder = making.publisher, FOLDER.format(making.name)
    kept, events = _newest_blocks(making)
    quantities = [quantity for source in sources for quantity in source.quantities]
    for row in kept:
        key, now = f"block {row['block']}", f"{made_by} {row['fingerprint']}"
        if making.seen.get(key) != now or not publisher.holds(f"{folder}/{row['block']}/block.js"):
            columns = {name: value for source in sources for name, value in _read(making, source, row).items()}
            _write_block(publisher, folder, row, columns, quantities)
        making.seen[key] = now
    there = {f"block {row['block']}" for row in kept}
    for key in [key for key in making.seen if key.startswith("block ") and key not in there]:
        _remove_block(publisher, folder, key.removeprefix("block "))
        del making.seen[key]
    index = {
        "instrument": making.name,
        "events": events,
        "blocks": [[row["block"], row["events"]] for row in reversed(kept)],
        "quantities": [[q.name, q.label, q.unit, q.group, q.meaning, int(q.words)] for q in quantities],
    }
    publisher.file(f"{folder}/index.js", f"pinakesColumns.setIndex({script_json(index)});\n".encode())
    return sum(row["events"] for row in kept)


def packed(source: Source, quantities: Sequence[Quantity]) -> str:
    """Return the statement that packs each quantity of the events of a block into one value.

    Numbers come as 64-bit floating-point numbers, big-endian, NaN for null; words as 32-bit numbers of the words of the
    block, of which 0 is null, with the words themselves.
    """
    inner, outer = [], []
    for number, quantity in enumerate(quantities):
        if quantity.words:
            word = f'(({quantity.sql})::text collate "C")'
            inner.append(f"{word} as w{number}, dense_rank() over (order by {word}) as r{number}")
            rank = f"least(case when w{number} is null then 0 else r{number} end, {MOST_WORDS})::int"
            outer.append(
                f"string_agg(int4send({rank}), ''::bytea order by id) as c{number}, "
                f"(array_agg(distinct w{number}) filter (where w{number} is not null))[1:{MOST_WORDS}] as w{number}"
            )
        else:
            inner.append(f"coalesce(({quantity.sql})::float8, 'NaN') as c{number}")
            outer.append(f"string_agg(float8send(c{number}), ''::bytea order by id) as c{number}")
    columns = "".join(f", {column}" for column in inner)
    return (
        f"select count(*) as events, {', '.join(outer)} from (select e.id{columns} from core.event e{source.joins} "  # noqa: S608
        f"where e.instrument_id = :instrument_id and e.id between :low and :high) x"
    )


def read_columns(
    conn: Connection, source: Source, quantities: Sequence[Quantity], instrument: int, low: int, high: int
) -> dict[str, Floats | tuple[NDArray[np.int32], list[str]]]:
    """Return quantities of the events numbered `low` to `high`, in order of their numbers, by name.

    Numbers are arrays of shape (n_events,), NaN where nothing is known; words are pairs of the number of each event's
    word (0: none) and the words.
    """
    parameters = {"instrument_id": instrument, "low": low, "high": high}
    with timed(conn, f"columns_{source.name}", source.select(quantities)):
        row = conn.execute(text(packed(source, quantities)), parameters).one()
    found: dict[str, Any] = {}
    for number, quantity in enumerate(quantities):
        raw = getattr(row, f"c{number}") or b""
        if quantity.words:
            found[quantity.name] = (np.frombuffer(raw, ">i4").astype(np.int32), getattr(row, f"w{number}") or [])
        else:
            found[quantity.name] = np.frombuffer(raw, ">f8").astype(np.float64)
    return found


def encoded(values: Floats, *, exact: bool = False) -> dict[str, Any]:
    """Return a column as JSON: one value for all, or the smallest type that holds it with its bytes in base 64.

    Whole numbers are kept exactly. Other numbers are kept to seven digits; those that are wanted `exact`, that 32 bits
    cannot hold, or that lie close together for their size, to sixteen.
    """
    finite = values[np.isfinite(values)]
    if not finite.size:
        return {"all": None}
    low, high = float(finite.min()), float(finite.max())
    every = finite.size == values.size
    if every and low == high:
        return {"all": low}
    whole = bool((finite == np.rint(finite)).all())
    largest = max(abs(low), abs(high))
    if whole and every:
        for name, kind in INTEGERS:
            if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
                return _bytes(name, values.astype(kind))
    smallest = float(np.abs(finite[finite != 0]).min(initial=1.0))
    if (
        not exact
        and (not whole or largest <= EXACT_IN_FLOAT32)
        and largest < 3e38
        and smallest > 1e-37
        and not _needs_more(finite)
    ):
        return _bytes("f4", values.astype(np.float32))
    return _bytes("f8", values)


def encoded_words(codes: NDArray[np.int32], words: Sequence[str]) -> dict[str, Any]:
    """Return a column of words as JSON: the words, and the number of each event's word from 1, 0 for none."""
    listed = [plain(word) for word in words]
    if len(listed) <= 1 and (codes == codes[:1]).all():
        return {"all": listed[0] if listed and codes[0] else None}
    kind: tuple[str, Any] = ("u1", np.uint8) if len(listed) < 256 else ("u2", np.uint16)
    return {"words": listed, **_bytes(kind[0], codes.astype(kind[1]))}


def _needs_more(finite: Floats) -> bool:
    """Say whether values lie so close together for their size that 32 bits would blur their differences."""
    spread = float(finite.max() - finite.min())
    return 0 < spread < 1e-3 * float(np.abs(finite).max())


def _bytes(name: str, values: NDArray[Any]) -> dict[str, Any]:
    little = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
    return {"type": name, "data": base64.b64encode(little.tobytes()).decode("ascii")}


def _read(making: Making, source: Source, row: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    found = read_columns(making.conn, source, source.quantities, making.instrument, row["low"], row["high"])
    exact = {quantity.name for quantity in source.quantities if quantity.exact}
    return {
        name: encoded_words(*value) if isinstance(value, tuple) else encoded(value, exact=name in exact)
        for name, value in found.items()
    }


def _write_block(
    publisher: Publisher, folder: str, row: Mapping[str, Any], columns: Mapping[str, dict[str, Any]],
    quantities: Sequence[Quantity],
) -> None:  # fmt: skip
    """Write the script of a block, which holds the short columns, and one for each long column."""
    block, inline = row["block"], {}
    known = {f"{quantity.name}.js" for quantity in quantities} | {"block.js"}
    for name in list(publisher.names(f"{folder}/{block}", r"[\w.]+\.js")):
        if name not in known:
            publisher.remove(f"{folder}/{block}/{name}")  # of a quantity that is no longer there
    with publisher.together():
        for quantity in quantities:
            column = columns[quantity.name]
            path = f"{folder}/{block}/{quantity.name}.js"
            if len(column.get("data", "")) < INLINE:
                inline[quantity.name] = column
                if publisher.holds(path):
                    publisher.remove(path)
            else:
                call = f"pinakesColumns.setColumn({block},{script_json(quantity.name)},{script_json(column)});\n"
                publisher.file(path, call.encode())
        call = f"pinakesColumns.setBlock({block},{row['events']},{script_json(inline)});\n"
        publisher.file(f"{folder}/{block}/block.js", call.encode())


def _remove_block(publisher: Publisher, folder: str, block: str) -> None:
    for name in list(publisher.names(f"{folder}/{block}", r"[\w.]+\.js")):
        publisher.remove(f"{folder}/{block}/{name}")
