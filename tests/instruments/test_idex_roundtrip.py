"""Simulated captures through the decoder: what comes out is what the truth says went in."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.formats.ccsds import map_file
from archive.instruments.idex import IDEX
from archive.instruments.idex.events import DecodedEvents, decode_events
from archive.instruments.idex.flags import FLAG_DUST_HIT, FLAG_SATURATED
from archive.instruments.idex.layout import CHANNELS
from archive.instruments.idex.simulate import KINDS, Options, Truth, read_truth, simulate
from archive.model import FLAG_ASSEMBLED, FLAG_CLOCK_UNSET, FLAG_CONFLICTING, FLAG_INCOMPLETE, Decoded, Rows, Source

EVERY_KIND = dict.fromkeys(KINDS, 1.0)
NAMES = {1: "header"} | {channel.code: channel.name for channel in CHANNELS}
IDENTITY = ("aid", "met", "counts", "number")


def made(folder: Path, **options: Any) -> tuple[list[Path], Truth]:
    folder.mkdir(parents=True, exist_ok=True)
    capture = simulate(folder / "capture.pkts", Options(**{"shares": EVERY_KIND, **options}))
    return list(capture.files), read_truth(folder / "capture.pkts")


def source(path: Path) -> Source:
    return Source(path, path.name, hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size)


def decoded(path: Path) -> Decoded:
    work = path.parent / f"work-{path.name}"
    work.mkdir()
    return IDEX().decode(source(path), work)


def identity(event: dict[str, Any]) -> str:
    return "/".join(str(event[name]) for name in IDENTITY)


def rows(result: Decoded, table: str) -> Rows:
    (found,) = [entry for entry in result.rows if entry.table == table]
    return found


def assert_events_are_those_of(truth: Truth, found: DecodedEvents) -> None:
    """Every event that is whole in the truth is decoded sample by sample; the others channel by channel."""
    with_header = [event for event in truth.events if (1, 0) not in event["lost"]]
    events = found.events
    assert events.identity == [identity(event) for event in with_header]
    for row, event in enumerate(with_header):
        assert events.utc[row] == np.datetime64(datetime.fromisoformat(event["utc"]).replace(tzinfo=None), "ns")
        assert events.t0_high[row] == pytest.approx(event["t0_high_us"], abs=1e-9)
        assert ("science", "noise", "pulser")[events.kind[row]] == event["class"]
        lost = {NAMES[code] for code, _ in event["lost"]}
        for index, channel in enumerate(CHANNELS):
            assert found.present[row, index] == (channel.name not in lost)
            if channel.name not in lost:
                assert np.array_equal(found.samples[channel.name][row], truth.arrays[channel.name][event["event"]])
                assert found.saturated[row, index] == (channel.name in event["saturated"])


@pytest.mark.parametrize("compression", ["none", "all", "mix"])
@pytest.mark.parametrize("form", [{}, {"marker": True, "fetch": True}])
def test_whole_captures_come_back_whole(tmp_path, compression, form):
    (path,), truth = made(tmp_path, events=40, seed=21, compression=compression, acquisition=25, **form)
    found = decode_events(map_file(path))
    assert_events_are_those_of(truth, found)
    assert len(found) == 40
    assert found.present.all()
    assert not found.damaged.any()
    for row, event in enumerate(truth.events):
        if event["class"] != "science":
            assert not found.dust_hit[row]
        elif truth.arrays["TOF_High"][row].max() > 700:
            assert found.dust_hit[row]


def test_rows_events_and_products_agree_with_the_truth(tmp_path):
    (path,), truth = made(tmp_path, events=30, seed=22, compression="mix", acquisition=12)
    result = decoded(path)
    events = result.events
    assert result.problems == []
    assert events.identity == [identity(event) for event in truth.events]
    assert events.complete.all()
    assert events.missing == [[]] * 30
    for event, kind in zip(truth.events, events.kind, strict=True):
        assert kind in {"science": ("science", "dust")}.get(event["class"], (event["class"],))
    assert [bool(flags & FLAG_SATURATED) for flags in events.flags] == [bool(e["saturated"]) for e in truth.events]
    assert any(flags & FLAG_DUST_HIT for flags in events.flags)
    apids = rows(result, "core.file_apid").columns
    counted = dict(zip(apids["apid"], apids["n_packets"], strict=True))
    assert counted == {entry["apid"]: entry["count"] for entry in truth.records["packets"]}
    assert sum(apids["n_crc_failed"]) == sum(apids["n_missing"]) == 0
    header = rows(result, "idex.event").columns
    assert list(header["compressed"]) == [event["compressed"] for event in truth.events]
    assert list(header["trigid"]) == [event["trigid"] for event in truth.events]
    assert result.header["messages"] == len(truth.records["message"])
    assert result.header["catalogue_entries"] == sum(len(c["entries"]) for c in truth.records["catalogue"])
    product = next(product for product in result.products if product.product == "l1a_events")
    waveforms = IDEX().waveforms(product.path, 0, 30)
    for channel in waveforms.channels:
        assert np.array_equal(channel.data, truth.arrays[channel.name])


@pytest.mark.parametrize("compression", ["none", "all"])
def test_gaps_leave_exactly_what_the_truth_names_missing(tmp_path, compression):
    (path,), truth = made(tmp_path, events=20, seed=23, compression=compression, gaps=9)
    assert_events_are_those_of(truth, decode_events(map_file(path)))
    result = decoded(path)
    with_header = [event for event in truth.events if (1, 0) not in event["lost"]]
    orphans = [event for event in truth.events if (1, 0) in event["lost"]]
    assert orphans
    assert result.header["orphans"] == len(orphans)
    found = dict(zip(result.events.match_key, range(len(result.events)), strict=True))
    for event in truth.events:
        row = found[f"{event['aid']}/{event['number']}/{event['met']}"]
        whole = event["lost"] == []
        assert result.events.complete[row] == whole
        if compression == "none":
            missing = {(name, offset) for name, offset in result.events.missing[row]}
            assert missing == {(NAMES[code], offset) for code, offset in event["lost"]}
    lost = sum(len(event["lost"]) for event in truth.events)
    apids = rows(result, "core.file_apid").columns
    assert sum(apids["n_missing"]) == lost
    kept = [flags for flags, name in zip(result.events.flags, result.events.identity, strict=True) if name]
    assert [bool(flags & FLAG_INCOMPLETE) for flags in kept] == [event["lost"] != [] for event in with_header]


def test_flipped_bits_never_pass_for_good_data(tmp_path):
    (path,), truth = made(tmp_path, events=25, seed=24, flips=12)
    result = decoded(path)
    touched = {event["event"] for event in truth.events if event["lost"]}
    found = dict(zip(result.events.match_key, range(len(result.events)), strict=True))
    for event in truth.events:
        row = found[f"{event['aid']}/{event['number']}/{event['met']}"]
        assert result.events.complete[row] == (event["event"] not in touched)
    assert {"crc_mismatch", "incomplete_event"} <= {problem.code for problem in result.problems}
    arrays = decode_events(map_file(path))
    place = {name: row for row, name in enumerate(arrays.events.identity)}
    for event in truth.events:
        if event["event"] in touched:
            continue
        row = place[identity(event)]
        for channel in CHANNELS:
            assert np.array_equal(arrays.samples[channel.name][row], truth.arrays[channel.name][event["event"]])


@pytest.mark.parametrize("compression", ["none", "all"])
def test_retransmissions_repair_and_conflicts_are_marked(tmp_path, compression):
    (path,), truth = made(tmp_path, events=12, seed=25, compression=compression, gaps=5, retransmissions=8, conflicts=3)
    result = decoded(path)
    conflicting = {r["event"] for r in truth.records["retransmission"] if r["conflicting"]}
    marked = {
        name
        for name, flags in zip(result.events.identity, result.events.flags, strict=True)
        if flags & FLAG_CONFLICTING
    }
    twice = {
        event
        for event in conflicting
        if not any((2, 0) in d["slots"] for d in truth.records["damage"] if d["event"] == event)
    }
    assert marked <= {identity(truth.events[event]) for event in conflicting}
    if compression == "none":
        assert marked == {identity(truth.events[event]) for event in twice}
    found = decode_events(map_file(path))
    place = {name: row for row, name in enumerate(found.events.identity)}
    for event in truth.events:
        if event["lost"] or event["event"] in conflicting:
            continue
        row = place[identity(event)]
        assert found.present[row].all()
        for channel in CHANNELS:
            assert np.array_equal(found.samples[channel.name][row], truth.arrays[channel.name][event["event"]])


@pytest.mark.parametrize("compression", ["none", "all"])
def test_events_cut_by_the_ends_of_files_are_put_together_again(tmp_path, compression):
    paths, truth = made(tmp_path, events=15, seed=26, compression=compression, files=3)
    results = [decoded(path) for path in paths]
    incomplete = [set(np.array(r.events.match_key)[~r.events.complete]) for r in results]
    keys = sorted(set.union(*incomplete))
    assert len(keys) == 2
    work = tmp_path / "assembled"
    work.mkdir()
    together = IDEX().assemble([source(path) for path in paths], keys, work)
    assert together.events.complete.all()
    assert all(flags & FLAG_ASSEMBLED for flags in together.events.flags)
    whole = {name for r in results for name, done in zip(r.events.identity, r.events.complete, strict=True) if done}
    assert whole | set(together.events.identity) == {identity(event) for event in truth.events}
    (product,) = [product for product in together.products if product.product == "l1a_events"]
    waveforms = IDEX().waveforms(product.path, 0, 2)
    index = [identity(event) for event in truth.events]
    which = [index.index(name) for name in together.events.identity]
    for channel in waveforms.channels:
        assert np.array_equal(channel.data, truth.arrays[channel.name][which])


def test_order_and_ends_of_the_capture_do_not_matter(tmp_path):
    (path,), truth = made(tmp_path, events=10, seed=27, shuffle=True, partial_first=True, truncate=True)
    assert_events_are_those_of(truth, decode_events(map_file(path)))
    assert {"partial_first_packet", "truncated_packet"} <= {problem.code for problem in decoded(path).problems}


def test_a_reboot_is_a_reboot_and_an_unset_clock_is_said(tmp_path):
    (path,), truth = made(tmp_path, events=8, seed=28, acquisition=4, reboot=True, start=None)
    assert_events_are_those_of(truth, decode_events(map_file(path)))
    result = decoded(path)
    jumps = rows(result, "core.packet_gap").columns
    assert set(jumps["kind"]) == {"reboot"}
    assert all(flags & FLAG_CLOCK_UNSET for flags in result.events.flags)


@given(
    events=st.integers(1, 6),
    seed=st.integers(0, 2**31),
    compression=st.sampled_from(["none", "all", "mix"]),
    gaps=st.integers(0, 5),
    again=st.booleans(),
    shuffle=st.booleans(),
    background=st.booleans(),
    marker=st.booleans(),
)
@settings(max_examples=15, deadline=None)
def test_any_capture_comes_back(tmp_path_factory, events, seed, compression, gaps, again, shuffle, background, marker):
    (path,), truth = made(
        tmp_path_factory.mktemp("any"), events=events, seed=seed, compression=compression, gaps=gaps,
        retransmissions=int(again), shuffle=shuffle, background=background, marker=marker,
    )  # fmt: skip
    assert_events_are_those_of(truth, decode_events(map_file(path)))
