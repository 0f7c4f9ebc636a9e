"""The event viewer in a real browser: every event, by every way, and never a peak lost."""

from __future__ import annotations

import random
import time

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from archive.instruments.base import instrument
from monitors.site.text import plain
from tests.browser.waiting import PATIENCE, idle, until
from tests.site_sample import SampleSite

pytestmark = pytest.mark.browser

VIEWER = "events/viewer.html"


def open_event(page: Page, site: str, event: int | str = "") -> None:
    page.goto(f"{site}{VIEWER}#{event}")
    until(page, "Boolean(document.documentElement.dataset.shown)")
    if event:
        shown(page, int(event))


def shown(page: Page, event: int) -> None:
    until(page, f"document.documentElement.dataset.shown === '{event}'")


def order(sample_site: SampleSite) -> list[int]:
    with sample_site.catalog.read() as conn:
        from sqlalchemy import text

        return list(conn.execute(text("select id from core.event order by t, id")).scalars())


def test_the_newest_event_opens_when_none_is_named(page: Page, site: str, sample_site: SampleSite) -> None:
    open_event(page, site)
    last = order(sample_site)[-1]
    expect(page.locator("h1")).to_have_text(f"Event {last}")
    expect(page.locator("#where")).to_have_text(f"{len(order(sample_site))} of {len(order(sample_site))}")
    expect(page.locator("#go-next")).to_be_disabled()
    expect(page.locator("#go-previous")).to_be_enabled()


def test_keys_and_buttons_walk_from_event_to_event_across_days(
    page: Page, folder: str, sample_site: SampleSite
) -> None:
    events = order(sample_site)
    open_event(page, folder, events[0])
    expect(page.locator("#go-first")).to_be_disabled()
    for event in events[1:6]:
        page.keyboard.press("ArrowRight")
        shown(page, event)
    page.keyboard.press("ArrowLeft")
    shown(page, events[4])
    page.keyboard.press("End")
    shown(page, events[-1])
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Home")
    shown(page, events[0])
    page.locator("#go-next").click()
    shown(page, events[1])
    page.locator("#go-last").click()
    shown(page, events[-1])
    page.locator("#go-previous").click()
    shown(page, events[-2])
    assert page.url.endswith(f"#{events[-2]}")


def test_a_jump_takes_a_number_an_identity_or_a_time(page: Page, folder: str, sample_site: SampleSite) -> None:
    open_event(page, folder, 1)
    with sample_site.catalog.read() as conn:
        from sqlalchemy import text

        row = conn.execute(text("select identity, t as time from core.event where id = 20")).one()
    for key, query in (("g", "20"), ("/", row.identity), ("g", row.time.strftime("%Y-%m-%d %H:%M:%S.%f"))):
        page.keyboard.press("Home")
        shown(page, order(sample_site)[0])
        page.keyboard.press(key)
        expect(page.locator("#jump")).to_be_focused()
        page.locator("#jump").fill(query)
        page.keyboard.press("Enter")
        shown(page, 20)
    page.keyboard.press("g")
    page.locator("#jump").fill("1971-01-01")
    page.keyboard.press("Enter")
    shown(page, order(sample_site)[0])


def test_what_is_not_there_is_said_in_words(page: Page, folder: str) -> None:
    open_event(page, folder, 1)
    for query in ("999999", "no such identity"):
        page.locator("#jump").fill(query)
        page.locator("#jump").press("Enter")
        expect(page.locator("#notice")).to_contain_text(f"No event is called “{query}”")
    expect(page.locator("h1")).to_have_text("Event 1")


def test_the_curves_are_the_samples_of_the_product(page: Page, folder: str, sample_site: SampleSite) -> None:
    with sample_site.catalog.read() as conn:
        from sqlalchemy import text

        found = conn.execute(
            text("select x.record, f.relpath from core.event_product x join core.file f on f.id = x.file_id "
                 "where x.event_id = 9 and f.relpath like '%.h5'")
        ).one()  # fmt: skip
    waveforms = instrument("idex").waveforms(sample_site.settings.home / found.relpath, found.record, 1)
    open_event(page, folder, 9)
    page.keyboard.press("z")
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    for index, channel in enumerate(waveforms.channels):
        if not channel.present[0]:
            continue
        data = f"Bokeh.documents[0].get_model_by_name('curve-{index}').data"
        x, y = np.array(page.evaluate(f"[Array.from({data}.x), Array.from({data}.y)]"))
        numbers = np.rint((x - channel.t0[0]) / channel.dt).astype(int)
        assert np.allclose(channel.t0[0] + numbers * channel.dt, x, atol=1e-9)
        assert (channel.data[0][numbers] == y).all()
        assert (y.min(), y.max()) == (channel.data[0].min(), channel.data[0].max())


def test_decimation_keeps_every_extreme(page: Page, folder: str) -> None:
    """Property: drawn points are samples, in order, and each bucket keeps its least and its greatest."""
    open_event(page, folder, 1)
    dice = random.Random(7)
    for _ in range(60):
        samples = [dice.randrange(0, dice.choice([2, 5, 1024, 4096])) for _ in range(dice.randrange(1, 400))]
        start = dice.randrange(len(samples))
        stop = dice.randrange(start, len(samples))
        buckets = dice.randrange(1, 60)
        points = page.evaluate(
            "([s, a, b, n]) => pinakesWaveform.extremes(s, a, b, n)", [samples, start, stop, buckets]
        )
        assert points == sorted(set(points))
        assert start <= points[0]
        assert points[-1] <= stop
        assert len(points) <= max(2 * buckets, 1)
        size = stop - start + 1
        if size <= 2 * buckets:
            assert points == list(range(start, stop + 1))
            continue
        for bucket in range(buckets):
            low, high = start + bucket * size // buckets, start + (bucket + 1) * size // buckets
            drawn = [samples[i] for i in points if low <= i < high]
            assert (min(drawn), max(drawn)) == (min(samples[low:high]), max(samples[low:high]))


def test_runs_of_saturation_are_found_whole(page: Page, folder: str) -> None:
    open_event(page, folder, 1)
    samples = [0, 9, 9, 0, 9, 0, 0, 0, 9]
    assert page.evaluate("(s) => pinakesWaveform.runsAbove(s, 9, 1)", samples) == [[1, 2], [4, 4], [8, 8]]
    assert page.evaluate("(s) => pinakesWaveform.runsAbove(s, 9, 2)", samples) == [[1, 4], [8, 8]]
    assert page.evaluate("(s) => pinakesWaveform.runsAbove(s, 10, 2)", samples) == []


def test_zoom_stays_from_event_to_event_and_resets(page: Page, folder: str, sample_site: SampleSite) -> None:
    events = order(sample_site)
    open_event(page, folder, events[3])
    window = "(() => { const r = Bokeh.documents[0].get_model_by_name('time'); return [r.start, r.end]; })()"
    whole = page.evaluate(window)
    page.keyboard.press("+")
    near = page.evaluate(window)
    assert near[1] - near[0] == pytest.approx((whole[1] - whole[0]) / 2)
    page.keyboard.press("ArrowRight")
    shown(page, events[4])
    assert page.evaluate(window) == near
    page.keyboard.press("0")
    assert page.evaluate(window)[1] - page.evaluate(window)[0] > near[1] - near[0]


def test_channels_that_are_missing_are_named(page: Page, folder: str, sample_site: SampleSite) -> None:
    incomplete = sample_site.value("select min(id) from core.event where flags & 1 = 1")
    if incomplete is None:
        pytest.skip("the simulated capture lost no channel")
    open_event(page, folder, int(str(incomplete)))
    expect(page.locator(".absent:visible").first).to_contain_text("was not received")
    expect(page.locator("#facts")).to_contain_text("incomplete")


def test_values_are_filtered_by_name_and_description(page: Page, folder: str) -> None:
    open_event(page, folder, 1)
    page.get_by_placeholder("Filter values").fill("detector")
    rows = page.locator("#tables tbody tr:visible")
    expect(rows.first).to_contain_text("detector_voltage")
    assert rows.count() < 10


def test_times_to_the_first_and_the_next_event(
    page: Page, site: str, sample_site: SampleSite, record_property: pytest.RecordProperty
) -> None:
    """Measured and reported (see -rA or the JUnit report); only a broken page fails here."""
    start = time.perf_counter()
    open_event(page, site, order(sample_site)[0])
    idle(page)
    first = time.perf_counter() - start
    took = []
    for event in order(sample_site)[1:21]:
        page.keyboard.press("ArrowRight")
        until(page, f"document.documentElement.dataset.drawn === '{event}'")
        took.append(float(page.evaluate("document.documentElement.dataset.took")))
    record_property("first_event_s", round(first, 3))
    record_property("next_event_ms", sorted(took)[len(took) // 2])
    print(
        f"first event {first:.2f} s, next {sorted(took)[len(took) // 2]:.0f} ms (median), {max(took):.0f} ms (slowest)"
    )
    assert first < PATIENCE


def test_an_event_shows_its_tags_and_what_was_said(page: Page, folder: str, sample_site: SampleSite) -> None:
    from sqlalchemy import text

    with sample_site.catalog.read() as conn:
        tag = conn.execute(text("select * from analysis.tags where event_id is not null order by id limit 1")).one()
    open_event(page, folder, tag.event_id)
    shown_tag = page.locator("#facts a", has_text=tag.tag.replace("_", " "))
    assert plain(tag.reason) in str(shown_tag.get_attribute("title"))
    shown_tag.click()
    expect(page).to_have_url(f"{folder}tags.html")
    others = [event for event in order(sample_site) if event != tag.event_id]
    open_event(page, folder, others[0])
    expect(page.locator("#facts dt", has_text="Tags")).to_have_count(0)
