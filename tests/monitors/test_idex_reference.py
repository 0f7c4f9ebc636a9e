"""The reference cases of counts, rates, maps and noise, through rows of the catalog and not only through numerics."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Connection, Table, insert, text

from archive.analysis import rows as analysis_rows
from archive.analysis.plan import Inputs, Subject, Target
from archive.catalog import Catalog
from archive.catalog.reference import code_version_id, ensure_instrument
from archive.catalog.schema import event, event_analysis, file, product
from archive.instruments.base import instrument
from archive.instruments.idex import IDEX
from archive.instruments.idex.analysis import rates
from archive.instruments.idex.analysis.rate_tables import pointing
from archive.instruments.idex.analysis.tables import pulse_analysis
from archive.instruments.idex.analysis.waveforms import Record, channel_rows
from archive.instruments.idex.limits import LimitTable
from archive.instruments.idex.tables import event as idex_event
from archive.instruments.idex.tables import message
from archive.model import Analysed, Channel, no_fits
from archive.numerics import baseline
from archive.numerics import rates as numerics
from monitors.checks.idex import rate_rows
from monitors.checks.idex.noise import Noise
from tests.data import data_path

START = datetime(2026, 1, 1, tzinfo=UTC)
STOP = START + timedelta(days=10)  # as in the reference; the first window of a year has nine days

SOURCE = {"charge": "target_low_impact_charge", "mass": "target_low_dust_mass_estimate"}


def reference(name: str) -> dict[str, Any]:
    return dict(json.loads(data_path(f"idex-science/{name}.json").read_text()))


def put(conn: Connection, table: Table, values: Mapping[str, Any]) -> int:
    """Insert a row; columns that need a value and have none get a zero of their type."""
    zero = {"BIGINT": 0, "INTEGER": 0, "SMALLINT": 0, "DOUBLE": 0.0, "BOOLEAN": False, "TEXT": "", "JSONB": {}}
    row = {
        column.name: zero[str(column.type).split()[0]]
        for column in table.c
        if not column.nullable and column.server_default is None and column.identity is None
        and str(column.type).split()[0] in zero
    }  # fmt: skip
    result = conn.execute(insert(table).values({**row, **values}))
    return int(result.inserted_primary_key[0]) if result.inserted_primary_key else 0


def a_file(conn: Connection, name: str = "a") -> int:
    ensure_instrument(conn, IDEX())
    kind = conn.execute(product.select().where(product.c.name == "raw")).mappings().first()
    assert kind is not None
    values = {"product_id": kind["id"], "relpath": f"files/{name}", "sha256": name * 64, "state": "available"}
    return put(conn, file, {**values, "received": True, "t_start": START, "t_end": START + timedelta(hours=1)})


def an_event(conn: Connection, file_id: int, number: int, **flags: Any) -> int:
    owner = conn.execute(text("select id from core.instrument where name = 'idex'")).scalar_one()
    t = START + timedelta(seconds=60 * number)
    values = {"instrument_id": owner, "identity": f"e{number}", "file_id": file_id, "kind": "dust", "t": t}
    key = put(conn, event, {**values, "preference": f"{0:010d}{'a' * 64}"})
    put(conn, idex_event, {"event_id": key, "tt2000": number * 60 * 10**9, "clock_set": True, **flags})
    return key


def an_analysis(conn: Connection, event_id: int, file_id: int) -> int:
    return put(conn, event_analysis, {
        "event_id": event_id, "file_id": file_id, "source": "a" * 64, "analysis": "idex", "version": 1,
        "settings_hash": "x", "origin": "automatic", "status": "ok", "code_version_id": code_version_id(conn),
    })  # fmt: skip


def filled(conn: Connection, case: Mapping[str, Any], uptime: Mapping[str, Any]) -> None:
    """Enter the events of the reference, with their charge, mass and pointing, and the messages of one up-time."""
    raw, other = a_file(conn), a_file(conn, "b")
    events = case["events"]
    for number, hit in enumerate(events["dust_hit_flag"]):
        key = an_event(conn, raw, number, science=True, dust_hit=hit == 1)
        charge, mass = events["target_low_impact_charge"][number], events["target_low_dust_mass_estimate"][number]
        put(conn, pulse_analysis, {
            "event_analysis_id": an_analysis(conn, key, raw), "channel": "Target_Low", "line": 0, "charge": charge,
            "mass": None if mass is None else mass * 1e-15,
        })  # fmt: skip
        lon, lat = events["longitude"][number], events["latitude"][number]
        put(conn, pointing, {
            "file_id": other, "record": number, "tt2000": number * 60 * 10**9,
            "t": START + timedelta(seconds=60 * number),
            "longitude": lon, "latitude": lat, "spin_phase": events["spin_phase"][number],
        })  # fmt: skip
    for number, (t, state) in enumerate(zip(uptime["message_s"], uptime["state"], strict=True)):
        change = rates.ON if state else rates.OFF
        put(conn, message, {
            "file_id": raw, "byte_offset": number, "t": START + timedelta(seconds=t), "tick": t * 50000,
            "message_id": rates.SCIENCE_STATE, "mnemonic": "SCI_STATE", **{f"p{i}": b for i, b in enumerate(change)},
        })  # fmt: skip


def grid(rows: Sequence[Any], shape: tuple[int, ...], *names: str) -> np.ndarray[Any, Any]:
    """Return counts by bins; those that are unknown are left out."""
    found = np.zeros(shape, dtype=np.int64)
    for row in rows:
        place = tuple(getattr(row, name) for name in names)
        if min(place) >= 0:
            found[place] += row.counts
    return found


@pytest.mark.parametrize("which", range(4))
def test_counts_maps_and_rates_of_the_reference_come_out_of_the_views(catalog_one: Catalog, which: int) -> None:
    case = reference("counts-rates-maps")
    uptime = case["uptime"][which]
    with catalog_one.begin() as conn:
        filled(conn, case, uptime)
        window = rates.Window(START, STOP, STOP)
        settings = rates.Settings(source="Target_Low")
        held = rate_rows.held(conn, window, settings)
        done = rates.accumulate(window, held.dust, held.messages, held.pointing, settings, events=held.events)
        more = {"version": 1, "settings_hash": "x", "settings": {}, "input_hash": held.input_hash}
        rate_rows.store(conn, done, {**more, "code_version_id": code_version_id(conn)})
        again = rate_rows.held(conn, window, settings)
    assert again.input_hash == held.input_hash
    with catalog_one.read() as conn:
        (row,) = conn.execute(text("select * from analysis.idex_rate_windows"))
        found = conn.execute(text("select * from analysis.idex_rates")).all()
        pixels = conn.execute(text("select * from analysis.idex_map")).all()
        joint = conn.execute(text("select * from analysis.idex_map_counts")).all()
    dust = sum(flag == 1 for flag in case["events"]["dust_hit_flag"])
    assert (row.events, row.dust) == (len(case["events"]["dust_hit_flag"]), dust)
    assert (row.no_phase, row.unplaced) == (0, 1)
    assert row.exposure == (pytest.approx(uptime["on_s"], rel=1e-12) if uptime["state"] else None)
    assert row.known == uptime["total_s"]
    charge = [each for each in found if each.binning == "charge" and each.spin_quadrant is not None]
    mass = [each for each in found if each.binning == "mass" and each.spin_quadrant is not None]
    totals = [each for each in found if each.binning == "total" and (each.spin_quadrant or 0) >= 0]
    assert [each.counts for each in totals if each.spin_quadrant is not None] == case["counts_by_spin"]
    # the reference leaves the one dust event without longitude out of its binned counts, though its phase is known
    off = case["events"]["longitude"].index(None)
    spin = int(numerics.spin_quadrant(case["events"]["spin_phase"][off]))
    for rows, name, factor, edges in (
        (charge, "charge", 1.0, numerics.CHARGE_EDGES), (mass, "mass", 1e-15, numerics.MASS_EDGES),
    ):  # fmt: skip
        value = case["events"][SOURCE[name]][off]
        expected = np.array(case[f"by_{name}_spin"]["counts"])
        expected[int(numerics.clipped_bin(value * factor, edges)), spin] += 1
        assert grid(rows, (10, 4), "bin", "spin_quadrant").tolist() == expected.tolist()
    assert [[p.lon_pixel, p.lat_pixel, p.counts] for p in sorted(pixels, key=lambda p: (p.lon_pixel, p.lat_pixel))
            if p.counts] == case["map_nonzero_lon_lat_count"]  # fmt: skip
    assert sum(each.counts for each in joint) == sum(p.counts for p in pixels)
    for each in found:
        if uptime["on_s"] > 0:
            assert each.rate == pytest.approx(each.counts / uptime["on_s"], rel=1e-12)
            assert each.rate_low <= each.rate < each.rate_high
        else:
            assert (each.rate, each.rate_low, each.rate_high, each.quality) == (None, None, None, 0)
    edges = {each.bin: (each.bin_low, each.bin_high) for each in charge}
    assert [edges[i][0] for i in range(10)] + [edges[9][1]] == case["by_charge_spin"]["edges_pC"]


def test_the_reference_record_of_noise_comes_out_of_the_views_and_the_monitor(catalog_one: Catalog) -> None:
    case = reference("noise-diagnostics")
    y = np.array([case["y"]])
    t0 = np.array([case["t_us_start"]])
    none = np.zeros(y.shape, dtype=np.bool_)
    level = baseline.Level(np.array([2.0]), np.array([0.9]), np.array([12]))
    one = np.ones(1)
    record = Record(
        "Target_High", "pC", y, t0, case["t_us_step"], none, np.zeros(1, np.bool_), level, one, one, one, one
    )
    raw = np.zeros(y.shape, dtype=np.int16)
    channel = Channel("Target_High", "", "dN", raw, np.ones(1, np.bool_), t0, case["t_us_step"], 4095)
    found = Analysed(["ok"], [""], no_fits(), [channel_rows([record], (channel,), np.ones(1, np.bool_))])
    owner = instrument("idex")
    with catalog_one.begin() as conn:
        file_id = a_file(conn)
        key = an_event(conn, file_id, 0, noise=True)
        target, inputs = Target(file_id, "files/a", "a" * 64), Inputs({}, {}, "x")
        analysis = IDEX().analysis
        assert analysis_rows.write(
            conn, owner, analysis, target, [Subject(key, 0, START)], inputs, found, models={},
            code_version_id=code_version_id(conn),
        ) == 1  # fmt: skip
        points = Noise().points(conn, START, START + timedelta(days=1), LimitTable("noise"))
        (row,) = conn.execute(text("select * from analysis.channel_level"))
    relative = {"rel": case["tolerance"]["rel"], "abs": case["tolerance"]["abs"]}
    assert (row.noise_window, row.noise_samples) == ("record", y.size)
    assert row.noise_mean == pytest.approx(case["mean"], **relative)
    assert row.noise_sigma == pytest.approx(case["sd_population"], **relative)
    assert row.noise_median == pytest.approx(case["median"], **relative)
    assert row.noise_robust == pytest.approx(case["sd_robust_mad"], **relative)
    assert row.noise_poisson == pytest.approx(case["poisson_equivalent"], **relative)
    assert row.noise_lag1 == pytest.approx(case["autocorrelation"]["unbiased"][1], **relative)
    assert row.line_frequency == pytest.approx(case["spectrum"]["frequency_MHz"][0], **relative)
    assert row.line_amplitude == pytest.approx(2 * case["spectrum"]["magnitude"][0] / y.size, **relative)
    by_name = {point.name: point for point in points}
    assert by_name["noise_sigma"].value == row.noise_sigma
    assert by_name["noise_sigma"].n == 1
    assert by_name["noise_sigma"].limits == (0.01, 0.03, 0.8, 2.0)
    assert by_name["line_frequency"].value == row.line_frequency
