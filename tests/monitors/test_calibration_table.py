"""Calibrations on the pages: what counts, and who wrote it, whatever they wrote."""

from __future__ import annotations

from archive.catalog import Catalog, calibrations
from archive.catalog.calibrations import Written
from archive.catalog.reference import ensure_instrument
from archive.instruments.base import instrument
from monitors.site import queries
from monitors.site.calibration_table import COLUMNS, calibration_table
from monitors.site.idex.event_page import versions
from tests.site_sample import HOSTILE_TEXT


def test_local_calibrations_stand_before_shipped_ones_with_author_and_reason(catalog_one: Catalog) -> None:
    word = Written("mass_scale", {"stretch": 1.44}, "by hand", None, None, HOSTILE_TEXT, "a campaign", {"events": 1200})
    with catalog_one.begin() as conn:
        key = ensure_instrument(conn, instrument("idex"))
        calibrations.append(conn, "idex", word)
        calibrations.withdraw(conn, "idex", "mass_scale", "local-1", "B", "was wrong")
        calibrations.append(conn, "idex", word)
        rows = queries.CALIBRATIONS.rows(conn, instrument_id=key)
    table = calibration_table(rows)
    names = [column.label for column in COLUMNS]
    shown = [dict(zip(names, row, strict=True)) for row in table.rows]
    scales = [row for row in shown if row["Calibration"].text == "mass scale"]
    assert [(row["Version"].text, row["State"].text) for row in scales] == [
        ("local-3", "counts"), ("local-1", "withdrawn"), ("1", "counts"),
    ]  # fmt: skip
    assert scales[1]["Origin and reason"].text == "a campaign — by hand (1200 events). Taken back by B: was wrong"
    assert "window.hacked" in scales[0]["Written by"].text
    assert "a campaign — by hand (1200 events)" in scales[0]["Origin and reason"].text
    assert scales[2]["Written by"].text == "the package"
    assert set(versions(rows)["mass_scale"]) == {"local-3", "local-1", "1"}, "analyses name the one they used"
    assert [row["label"] for row in rows if row["newest"] and row["name"] == "mass_scale"] == ["1"]
