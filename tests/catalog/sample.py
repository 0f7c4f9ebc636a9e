"""A small archive in rows: two raw files that share an event, a product, a preview, problems, packets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, insert

from archive.catalog.reference import ensure_instrument, product_ids
from archive.catalog.schema import (
    event,
    event_product,
    event_source,
    file,
    file_apid,
    file_parent,
    file_problem,
    job,
    packet_gap,
)
from archive.model import FLAG_CLOCK_UNSET, FLAG_INCOMPLETE, Product

START = datetime(2026, 1, 1, tzinfo=UTC)

PRODUCTS = (
    Product("raw", "raw", "ccsds", "Raw", "Raw packets."),
    Product("l1a", "l1a", "hdf5", "Events", "Decoded events."),
    Product("picture", "preview", "png", "Picture", "A picture."),
)


class Toy:
    """An instrument that is only named."""

    name = "toy"
    title = "Toy"
    products = PRODUCTS

    def calibrations(self) -> tuple[()]:
        return ()


def sha(number: int) -> str:
    return f"{number:064x}"


def fill(conn: Connection) -> dict[str, int]:
    """Write the rows and return the ids of the files by name."""
    ensure_instrument(conn, Toy())
    kinds = {name: key for (_, name), key in product_ids(conn).items()}
    ids: dict[str, int] = {}
    for number, (name, kind, day) in enumerate(
        [
            ("one.pkts", "raw", 0),
            ("two.pkts", "raw", 1),
            ("one.h5", "l1a", 0),
            ("one.png", "picture", 0),
            ("old.pkts", "raw", 2),
        ]
    ):
        values = {
            "product_id": kinds[kind],
            "relpath": f"files/toy/{kind}/2026/01/{name}",
            "original_name": name if kind == "raw" else None,
            "received": kind == "raw",
            "sha256": sha(0xABC000 + number),
            "size": 100 + number,
            "t_start": START + timedelta(days=day),
            "t_end": START + timedelta(days=day, hours=1),
            "state": "retired" if name == "old.pkts" else "available",
            "header": {"packets": number},
        }
        ids[name] = conn.execute(insert(file).values(values).returning(file.c.id)).scalar_one()
    links = [("one.h5", "one.pkts"), ("one.h5", "two.pkts"), ("one.png", "one.h5"), ("one.png", "one.pkts")]
    conn.execute(insert(file_parent), [{"file_id": ids[a], "parent_id": ids[b], "role": "source"} for a, b in links])
    _events(conn, ids)
    problem = {"file_id": ids["one.pkts"], "severity": "error", "code": "crc_mismatch", "message": "Wrong."}
    conn.execute(insert(file_problem), [problem | {"byte_offset": n} for n in (30, 10, 20)])
    conn.execute(insert(file_problem).values(source="lost.bin", severity="warning", code="empty", message="Empty."))
    counts = {"n_packets": 5, "n_bytes": 500, "n_crc_failed": 1, "n_gaps": 1, "n_missing": 2}
    conn.execute(insert(file_apid).values(file_id=ids["one.pkts"], apid=1424, name="SCI", **counts))
    jump = {"seq_before": 3, "seq_after": 6, "n_missing": 2, "byte_offset": 300}
    conn.execute(insert(packet_gap).values(file_id=ids["one.pkts"], apid=1424, kind="gap", **jump))
    times = {"started_at": START, "finished_at": START + timedelta(seconds=2)}
    conn.execute(insert(job).values(kind="ingest", key="k", state="done", file_id=ids["one.pkts"], **times))
    return ids


def _events(conn: Connection, ids: dict[str, int]) -> None:
    instrument_id = conn.exec_driver_sql("select id from core.instrument where name = 'toy'").scalar_one()
    for number in range(3):
        values = {
            "instrument_id": instrument_id,
            "identity": f"toy-{number}",
            "file_id": ids["one.pkts"],
            "kind": "dust" if number else "noise",
            "seq": number,
            "t": START + timedelta(minutes=number),
            "tick": number * 60,
            "flags": (FLAG_INCOMPLETE | FLAG_CLOCK_UNSET) if number == 2 else 0,
            "preference": "0",
        }
        key = conn.execute(insert(event).values(values).returning(event.c.id)).scalar_one()
        source = {"event_id": key, "match_key": f"m{number}", "complete": True, "parts": 6, "digest": "d"}
        conn.execute(insert(event_source).values(file_id=ids["one.pkts"], **source))
        if number == 1:
            less = {**source, "complete": False, "parts": 3}
            conn.execute(insert(event_source).values(file_id=ids["two.pkts"], **less, missing=["Ion_Grid"]))
        conn.execute(insert(event_product).values(event_id=key, file_id=ids["one.h5"], record=number))
