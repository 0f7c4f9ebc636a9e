"""Text from outside stays text: in HTML, in scripts, in CSV."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitors.site import tables, text
from monitors.site.queries import Query
from monitors.site.shell import Shell, environment
from monitors.site.tables import Column, Table

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
SHELL = Shell("<i>T</i>", "0", "static/bokeh-0", [("idex", "<u>IDEX")])


@given(ANY_TEXT)
def test_plain_text_is_one_printable_line(value: str) -> None:
    assert text.plain(value).isprintable()


def test_plain_text_shows_what_would_be_invisible() -> None:
    assert text.plain("a\nb\u202ec\x00") == "a\\nb\\u202ec\\x00"


@given(
    st.recursive(st.none() | st.booleans() | ANY_TEXT, lambda inner: st.lists(inner) | st.dictionaries(ANY_TEXT, inner))
)
def test_script_json_says_the_same_and_cannot_end_its_script(value: object) -> None:
    script = text.script_json(value)
    assert json.loads(script) == value
    assert script.isascii()
    assert not re.search("[<>&\u2028\u2029]", script)


def test_script_json_takes_what_the_catalog_gives() -> None:
    time = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=timezone(timedelta(hours=1)))
    value = {"a": float("nan"), "b": np.int64(3), "c": time, "d": 2**60, "e": -1.5, "f": (1, None)}
    assert json.loads(text.script_json(value)) == {
        "a": None,
        "b": 3,
        "c": "2026-01-02T02:04:05.000678Z",
        "d": str(2**60),  # a browser would round the number
        "e": -1.5,
        "f": [1, None],
    }


@given(ANY_TEXT)
def test_a_page_shows_any_text_as_text(value: str) -> None:
    shown = environment().from_string("{{ value|plain }}").render(value=value)
    assert not re.search("[<>\"']", shown)


def test_tables_and_navigation_escape_what_they_are_given() -> None:
    evil = '"><script>alert(1)</script>'
    table = Table((Column("A"),), [[tables.words(evil, title=evil, href="files/1.html")]], filterable=True)
    listing = {"up": None, "summary": evil, "rows": table, "pages_of_part": [], "groups": [], "groups_title": ""}
    page = SHELL.render("listing.html", "files/index.html", evil, **listing, statements=[(evil, evil)])
    assert "<script>alert" not in page
    assert "<i>T" not in page
    assert "<u>IDEX" not in page
    assert page.count("&lt;script&gt;alert(1)") >= 5


@pytest.mark.parametrize("value", ["=1+1", "+1", "-1", "@x", "\tx", 'a"b', "a,b", "a\r\nb", "plain"])
def test_csv_keeps_text_and_defuses_formulas(value: str) -> None:
    read = next(csv.reader(io.StringIO(text.csv_cell(value) + ",end\n", newline="")))
    assert read[0].removeprefix("'") == value
    assert read[0][0] not in "=+-@\t"
    assert read[1] == "end"


def test_csv_keeps_numbers_as_numbers() -> None:
    rows = [{"n": -1, "x": -0.25, "t": datetime(2026, 1, 2, tzinfo=UTC), "none": None}]
    assert tables.to_csv(["n", "x", "t", "none"], rows).decode() == "n,x,t,none\n-1,-0.25,2026-01-02T00:00:00Z,\n"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (999_499, "999 kB"),
        (999_999, "1 MB"),
        (1_234_567_890, "1.23 GB"),
        (None, "–"),
    ],
)
def test_sizes_have_three_digits_and_a_unit(value: int | None, shown: str) -> None:
    assert text.size(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(7.5e-5, "7.50×10⁻⁵"), (0.163, "0.163"), (15.8, "15.8"), (-2.5e7, "-2.50×10⁷"), (0, "0")]
)
def test_factors_are_written_as_people_write_them(value: float, shown: str) -> None:
    assert text.scientific(value) == shown


def test_shown_sql_has_its_parameters_written_out_and_quoted() -> None:
    query = Query("a_name", "select :a::text, :name where x < :day")
    day = datetime(2026, 1, 2, tzinfo=UTC)
    assert (
        query.shown(a=1, name="o'clock", day=day) == "select 1::text, 'o''clock' where x < '2026-01-02T00:00:00+00:00';"
    )
