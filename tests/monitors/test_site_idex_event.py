"""What the analysis found in IDEX events, as the scripts of the site carry it."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import text

from archive.catalog.fits import listing
from monitors.site.idex import event_page, event_rows
from monitors.site.views import EventView
from tests.site_sample import SampleSite


def test_scripts_carry_what_the_views_say(sample_site: SampleSite) -> None:
    with sample_site.catalog.read() as conn:
        events = list(conn.execute(text("select id from core.event order by id")).scalars())
        found = {event: json.loads(more) for event, more in event_rows.read(conn, events).items()}
        analysed = set(conn.execute(text("select event_id from analysis.event_summary")).scalars())
        assert set(found) == analysed
        assert len(analysed) > 20
        for event, more in found.items():
            assert more["automatic"] is None
            assert more["overrides"] == []
            fits = {(row["channel"], row["line"]): row for row in listing(conn, event_id=event, limit=1000)}
            for part in ("lines", "pulses"):
                columns = more["now"][part]
                for i, line in enumerate(columns["line"] or ()):
                    row = fits.pop((columns["channel"][i], line))
                    assert columns["values"][i] == list(row["values"].values())
                    assert columns["status"][i] == row["status"]
                    error = next(iter(row["errors"].values()))
                    assert columns["errors"][i][0] == (None if error is None else pytest.approx(error, rel=1e-6))
            assert fits == {}
        assert event_rows.read(conn, [0]) == {}


def test_no_number_is_too_large_or_too_small_for_its_short_form(sample_site: SampleSite) -> None:
    numbers = [0.0, 1e300, -1e300, 5e-324, 1e-40, 1e39, 0.1, 123456.789, None]
    with sample_site.catalog.read() as conn:
        query = f"select {event_rows._short('x')}::text from unnest(cast(:numbers as float8[])) x"
        rows = conn.execute(text(query), {"numbers": numbers}).scalars().all()
    written = [None if row is None else json.loads(row) for row in rows]
    assert written == [number if number is None else pytest.approx(number, rel=1e-6) for number in numbers]


def test_text_of_the_database_cannot_leave_its_script() -> None:
    hostile = '{"reason":"</script><b>&amp; \u2028 \u202e é"}'
    safe = event_rows.script_text(hostile)
    assert safe.isascii()
    assert not set(safe) & set("<>&")
    assert json.loads(safe) == json.loads(hostile)


def test_every_word_of_a_status_has_a_sentence(sample_site: SampleSite) -> None:
    words = event_page.words()
    for view in ("fits", "channel_level", "composition"):
        with sample_site.catalog.read() as conn:
            for status in conn.execute(text("select distinct status from analysis." + view)).scalars():
                assert set(status.split()) <= set(words)
    assert all(sentence and not sentence.endswith(".") for sentence in words.values())


def test_a_view_without_more_adds_nothing(sample_site: SampleSite) -> None:
    plain = EventView()
    with sample_site.catalog.read() as conn:
        assert plain.more(conn, [1]) == {}
    assert plain.page([]) is None
    assert plain.figures({}) == {}
