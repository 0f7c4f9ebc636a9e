"""Simulated IDEX captures, read back with a reader that knows nothing of the code that wrote them."""

from __future__ import annotations

import json
import struct
from binascii import crc_hqx
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import exponnorm

from archive.errors import UsageError
from archive.instruments.idex.simulate import KINDS, Capture, Options, Truth, read_truth, simulate
from archive.numerics import bits, rice

CHANNELS = {2: "TOF_High", 4: "TOF_Low", 8: "TOF_Mid", 16: "Target_Low", 32: "Target_High", 64: "Ion_Grid"}
CODES = [1, *CHANNELS]
MA_PER_DN = {"TOF_High": 7.5e-5, "TOF_Mid": 2.93e-3, "TOF_Low": 0.134}
PC_PER_DN = {"Target_High": 0.163, "Target_Low": 15.8, "Ion_Grid": 7.46e-4}
SIZES = {1376: 12, 1377: 128, 1413: 344, 1414: 820, 1418: 28, 1419: 3632}
SYNC = {1377: 0x5555, 1413: 0x9999, 1414: 0xAAAA, 1418: 0x3333, 1419: 0x7777, 1424: 0x3333, 1425: 0x3333}
EPOCH = datetime(2010, 1, 1, tzinfo=UTC)
EVERY_KIND = dict.fromkeys(KINDS, 1.0)


@dataclass(frozen=True)
class Packet:
    raw: bytes
    offset: int

    @property
    def apid(self) -> int:
        return struct.unpack_from(">H", self.raw)[0] & 0x7FF

    @property
    def sequence(self) -> int:
        return struct.unpack_from(">H", self.raw, 2)[0] & 0x3FFF

    @property
    def seconds(self) -> int:
        return struct.unpack_from(">I", self.raw, 6)[0]

    @property
    def intact(self) -> bool:
        return self.apid == 1376 or crc_hqx(self.raw, 0xFFFF) == 0

    @property
    def science(self) -> bool:
        return self.apid in (1424, 1425)

    def word(self, byte: int) -> int:
        return struct.unpack_from(">I", self.raw, byte)[0]

    @property
    def event(self) -> tuple[int, int]:
        """AID and event number."""
        return self.word(12), self.word(20) >> 16

    @property
    def slot(self) -> tuple[int, int]:
        return self.raw[16], self.word(24) >> 16

    @property
    def flags(self) -> int:
        return self.raw[19]

    @property
    def content(self) -> bytes:
        return self.raw[44:-4]


def walk(raw: bytes, prefix: bytes = b"", *, cut: bool = False) -> list[Packet]:
    """Packets back to back, ending exactly at the end of the file unless it is `cut`."""
    packets, at = [], 0
    while at < len(raw):
        assert raw[at : at + len(prefix)] == prefix
        at += len(prefix)
        if cut and at + 6 > len(raw):
            break
        size = struct.unpack_from(">H", raw, at + 4)[0] + 7
        if cut and at + size > len(raw):
            break
        assert at + size <= len(raw)
        packets.append(Packet(raw[at : at + size], at))
        at += size
    return packets


def made(folder: Path, options: Options, name: str = "capture.pkts") -> tuple[Capture, Truth]:
    capture = simulate(folder / name, options)
    return capture, read_truth(folder / name)


def packets_of(capture: Capture, prefix: bytes = b"") -> list[Packet]:
    return [packet for path in capture.files for packet in walk(path.read_bytes(), prefix)]


def contents(packets: list[Packet]) -> dict[tuple[int, int], dict[int, bytes]]:
    """Event -> code -> bytes, fragments joined in order of offset."""
    parts: dict[tuple[int, int], dict[int, dict[int, bytes]]] = {}
    for packet in packets:
        if packet.science:
            code, offset = packet.slot
            parts.setdefault(packet.event, {}).setdefault(code, {})[offset] = packet.content
    return {
        event: {code: b"".join(pieces[offset] for offset in sorted(pieces)) for code, pieces in codes.items()}
        for event, codes in parts.items()
    }


@pytest.fixture(scope="module")
def all_kinds(tmp_path_factory) -> tuple[Capture, Truth, list[Packet]]:
    options = Options(events=70, seed=11, compression="mix", shares=EVERY_KIND, acquisition=60)
    capture, truth = made(tmp_path_factory.mktemp("idex"), options)
    return capture, truth, packets_of(capture)


def test_packets_are_whole_and_counted(all_kinds):
    capture, truth, packets = all_kinds
    assert all(packet.intact for packet in packets)
    for packet in packets:
        version_type_flag, grouping = packet.raw[0] >> 3, packet.raw[2] >> 6
        assert (version_type_flag, grouping) == (1, 3)
        assert packet.apid in SIZES or packet.science
        assert len(packet.raw) == SIZES.get(packet.apid, len(packet.raw))
        if packet.apid != 1376:
            assert struct.unpack(">H", packet.raw[-4:-2])[0] == SYNC[packet.apid]
    counted = Counter(packet.apid for packet in packets)
    assert counted == {entry["apid"]: entry["count"] for entry in truth.records["packets"]}
    assert set(counted) == {*SIZES, 1424}
    assert capture.packets == len(packets)
    assert capture.bytes == sum(path.stat().st_size for path in capture.files)
    assert {event["kind"] for event in truth.events} == set(KINDS)


def test_counters_rise_by_one_and_time_does_not_go_back(all_kinds):
    _, _, packets = all_kinds
    for apid in {packet.apid for packet in packets}:
        own = [packet for packet in packets if packet.apid == apid]
        assert all((b.sequence - a.sequence) % 16384 == 1 for a, b in pairwise(own))
    seconds = [packet.seconds for packet in packets]
    assert seconds == sorted(seconds)
    ticks = [packet.seconds for packet in packets if packet.apid == 1376]
    assert ticks == list(range(ticks[0], ticks[-1] + 1))


def test_events_are_cut_into_fragments_as_the_instrument_does(all_kinds):
    _, truth, packets = all_kinds
    by_event: dict[tuple[int, int], list[Packet]] = {}
    for packet in packets:
        if packet.science:
            by_event.setdefault(packet.event, []).append(packet)
    assert list(by_event) == [(event["aid"], event["number"]) for event in truth.events]
    for event, own in zip(truth.events, by_event.values(), strict=True):
        assert list(dict.fromkeys(packet.slot[0] for packet in own)) == CODES
        assert event["compressed"] or len(own) == 13
        for code in CODES:
            pieces = [packet for packet in own if packet.slot[0] == code]
            expected = 0
            for piece in pieces:
                assert piece.slot[1] == expected
                expected += len(piece.content) // 4
                assert len(piece.content) % 4 == 0
                assert len(piece.content) <= 4032
                assert bool(piece.flags & 2) == (piece is not pieces[-1])
                assert bool(piece.flags & 1) == event["compressed"]
                assert piece.flags & 4
                assert piece.word(28) == event["met"]
                assert piece.raw[17] == 0x7F
            assert all(len(piece.content) == 4032 for piece in pieces[:-1])


def test_samples_of_the_packets_are_those_of_the_truth(all_kinds):
    _, truth, packets = all_kinds
    for index, codes in enumerate(contents(packets).values()):
        for code, name in CHANNELS.items():
            width, samples = (10, 8192) if code < 16 else (12, 512)
            data = np.frombuffer(codes[code], np.uint8)
            if truth.events[index]["compressed"]:
                result = rice.decode(data, np.array([0]), np.array([data.size]), width, samples)
                assert result.status.tolist() == [rice.OK]
                assert data.size * 8 - result.bits_used[0] < 32
                decoded = result.samples
            else:
                assert data.size == bits.packed_size(samples, width)
                decoded = bits.unpack(data, np.array([0]), width, samples)
            assert np.array_equal(decoded[0], truth.arrays[name][index])


def header_fields(packet: Packet) -> dict[str, Any]:
    """Some fields of section 5 of the packet definition, each from its own bits."""

    def field(bit: int, width: int) -> int:
        return int.from_bytes(packet.raw, "big") >> 8 * len(packet.raw) - bit - width & (1 << width) - 1

    return {
        "evtlen": field(352, 32), "sec1": field(400, 16), "sec2": field(416, 16), "subs": field(432, 16),
        "trigoffset": field(449, 3), "trigid": field(454, 10), "evtnum": field(464, 16),
        "hspre": field(492, 4), "hspost": field(496, 4), "lspre": field(500, 6), "lspost": field(506, 6),
        "hglevel": field(512, 10), "lglevel": field(576, 10), "mglevel": field(640, 10), "lslevel": field(716, 12),
        "stimulus": field(737, 1), "lsmode": field(761, 1), "mgmode": field(762, 2), "lgmode": field(764, 2),
        "hgmode": field(766, 2), "tofmax": [field(918, 10), field(908, 10), field(898, 10)],
        "tofmin": [field(950, 10), field(940, 10), field(930, 10)],
        "ls0": field(960, 32), "ls1": field(992, 32), "ls2": field(1024, 32),
        "middelay": field(1090, 10), "lowdelay": field(1100, 10), "highdelay": field(1110, 10),
        "hk": [field(1152 + 32 * i, 32) for i in range(20)],
        "aid": field(1856, 32), "major": field(1920, 8), "fpga": field(2368, 32), "sync": field(2400, 16),
    }  # fmt: skip


def test_header_fields_say_what_the_samples_and_the_truth_say(all_kinds):
    _, truth, packets = all_kinds
    headers = [header_fields(packet) for packet in packets if packet.science and packet.slot[0] == 1]
    assert all(len(packet.raw) == 304 for packet in packets if packet.science and packet.slot[0] == 1)
    for index, (fields, event) in enumerate(zip(headers, truth.events, strict=True)):
        assert fields["evtlen"] == 8320
        assert (fields["sec1"] << 16 | fields["sec2"], fields["subs"]) == (event["met"], event["counts"])
        assert fields["subs"] < 50000
        assert (fields["aid"], fields["evtnum"], fields["trigid"]) == (event["aid"], event["number"], event["trigid"])
        assert fields["hspre"] + fields["hspost"] + 2 == 16
        assert fields["lspre"] + fields["lspost"] + 2 == 64
        assert [fields["highdelay"], fields["middelay"], fields["lowdelay"]] == event["delay"]
        tof = [truth.arrays[name][index] for name in ("TOF_High", "TOF_Low", "TOF_Mid")]
        assert fields["tofmax"] == [channel.max() for channel in tof]
        assert fields["tofmin"] == [channel.min() for channel in tof]
        for word, name in (("ls0", "Target_Low"), ("ls1", "Target_High"), ("ls2", "Ion_Grid")):
            samples = truth.arrays[name][index].astype(int)
            assert fields[word] == samples.max() << 12 | samples.min()
        assert (fields["major"], fields["fpga"], fields["sync"]) == (2, 0x20230328, 0x3333)
        assert fields["stimulus"] == (event["kind"] == "pulser")
    words = truth.arrays["header"]
    sent = [packet.content for packet in packets if packet.science and packet.slot[0] == 1]
    assert [row.astype(">u4").tobytes() for row in words] == sent


def test_housekeeping_counts_stand_for_the_expected_voltages(all_kinds):
    _, _, packets = all_kinds
    words = np.array([header_fields(p)["hk"] for p in packets if p.science and p.slot[0] == 1])
    low, high = words & 0xFFF, words >> 16 & 0xFFF
    for counts, factor, offset, volts in (
        (low[:, 2], 0.000805861, 0, 1.00),
        (low[:, 3], 0.000805861, 0, 1.877),
        (high[:, 3], 0.001611722, 0, 3.29),
        (low[:, 9], 0.00886447, -33, -6.39),
        (high[:, 9], 0.00241758, 0, 6.34),
        (low[:, 10], 0.00482711, 0, 15.33),
        (low[:, 11], 0.00886447, -33, -5.03),
        (high[:, 11], 0.00161172, 0, 5.06),
    ):
        assert np.allclose(offset + factor * counts, volts, atol=0.02)
    assert np.allclose(358.31 - 0.1187104 * high[:, 2], 46, atol=2)
    temperatures = low[:, 1]
    assert temperatures.max() - temperatures.min() > 10  # they drift


def test_first_sample_above_the_level_is_where_the_trigger_rule_says(all_kinds):
    _, truth, packets = all_kinds
    headers = [header_fields(packet) for packet in packets if packet.science and packet.slot[0] == 1]
    rules = {
        1: ("TOF_High", "hglevel", "highdelay"),
        2: ("TOF_Low", "lglevel", "lowdelay"),
        4: ("TOF_Mid", "mglevel", "middelay"),
    }
    seen: Counter[int] = Counter()
    for index, fields in enumerate(headers):
        for bit, (name, level, delay) in rules.items():
            if fields["trigid"] & bit:
                above = truth.arrays[name][index] > fields[level]
                assert np.argmax(above) == 512 * (fields["hspre"] + 1) - fields[delay] - 1
                seen[bit] += 1
            else:
                assert fields[delay] == (8 * fields["trigoffset"] - 1) % 1024
    assert min(seen[bit] for bit in rules) > 0


def test_kinds_of_events_follow_the_event_flags(all_kinds):
    _, truth, packets = all_kinds
    headers = [header_fields(packet) for packet in packets if packet.science and packet.slot[0] == 1]
    for fields, event in zip(headers, truth.events, strict=True):
        active = {bit for bit in range(4) if fields["trigid"] >> bit & 1}
        active |= {bit for bit, mode in ((0, "hgmode"), (1, "lgmode"), (2, "mgmode")) if fields[mode]}
        if not active or (fields["trigid"] & 0x30 and active <= {0}):
            expected = "noise"
        elif active == {0} and fields["hgmode"] == 1 and fields["hglevel"] == 1000:
            expected = "pulser"
        else:
            expected = "science"
        assert event["class"] == expected
        if event["kind"] == "dust_target":
            samples = truth.arrays["Target_High"][event["event"]]
            assert samples.max() > fields["lslevel"]
            first = np.argmax(samples > fields["lslevel"])
            assert abs(first - 8 * (fields["lspre"] + 1)) <= 3
    assert any(f["trigid"] & 0x30 and f["hgmode"] for f in headers)  # armed and yet commanded


def test_noise_is_that_of_the_bench_and_full_scale_is_kept(all_kinds):
    _, truth, _ = all_kinds
    quiet = [event["event"] for event in truth.events if event["class"] == "noise"]
    for name, level, sigma in (("TOF_High", 511, 2.7), ("TOF_Mid", 513, 1.0), ("TOF_Low", 514, 1.7)):
        samples = truth.arrays[name][quiet].astype(float)
        assert abs(np.median(samples) - level) <= 1
        assert np.allclose(samples.std(axis=1), np.hypot(sigma, 0.29), rtol=0.05)
    for name, samples in truth.arrays.items():
        if name != "header":
            assert samples.min() >= 0
            assert samples.max() <= (1023 if name.startswith("TOF") else 4095)
    for event in truth.events:
        for name, full in [(n, 1023 if n.startswith("TOF") else 4095) for n in CHANNELS.values()]:
            assert (name in event["saturated"]) == bool(truth.arrays[name][event["event"]].max() >= 0.95 * full)
        if "TOF_Mid" in event["saturated"]:
            assert "TOF_High" in event["saturated"]  # High saturates first


def test_planted_lines_and_pulses_explain_the_samples_down_to_the_noise(all_kinds):
    _, truth, packets = all_kinds
    headers = [header_fields(packet) for packet in packets if packet.science and packet.slot[0] == 1]
    compared = 0
    for event, fields in zip(truth.events, headers, strict=True):
        t = event["t0_high_us"] + np.arange(8192) / 260
        current = np.zeros(8192)
        for line in event["lines"]:
            shape = exponnorm(line["tau_us"] / line["sigma_us"], loc=line["time_us"], scale=line["sigma_us"])
            current += line["area_ma_us"] * shape.pdf(t)
            if line["mass_u"] is not None:
                flight = event["offset_us"] + event["stretch_us"] * np.sqrt(line["mass_u"])
                assert line["time_us"] == pytest.approx(event["impact_us"] + flight)
        for name, sigma in (("TOF_High", 2.7), ("TOF_Mid", 1.0), ("TOF_Low", 1.7)):
            samples = truth.arrays[name][event["event"]]
            inside = (samples > 0) & (samples < 1023)
            rest = samples[inside] - current[inside] / MA_PER_DN[name]
            assert rest.std() == pytest.approx(np.hypot(sigma, 0.29), rel=0.06), (event["event"], name)
        if event["class"] == "noise":
            assert event["lines"] == []
            continue
        t = (np.arange(512) - 8 * (fields["lspre"] + 1)) / 4.0625
        after = np.maximum(t - event["impact_us"], 0)
        rise, decay = event["rise_us"], event["decay_us"]
        pulse = (1 - np.exp(-after / rise)) * np.exp(-after / decay)
        peak = decay / (rise + decay) * (rise / (rise + decay)) ** (rise / decay)
        for name, charge in (
            ("Target_High", event["charge_pc"]),
            ("Target_Low", event["charge_pc"]),
            ("Ion_Grid", event["ion_charge_pc"]),
        ):
            samples = truth.arrays[name][event["event"]]
            inside = samples < 4095
            rest = samples[inside] - charge * pulse[inside] / peak / PC_PER_DN[name]
            assert rest.std() < 3.5, (event["event"], name)
            compared += 1
    assert compared > 100


def test_times_are_exact_and_start_where_they_should(all_kinds):
    _, truth, packets = all_kinds
    start = datetime(2026, 3, 1, tzinfo=UTC)
    assert EPOCH + timedelta(seconds=packets[0].seconds - 3) == start
    times = [(event["met"], event["counts"]) for event in truth.events]
    assert times == sorted(times)
    for event in truth.events:
        utc = EPOCH + timedelta(seconds=event["met"] - 3, microseconds=20 * event["counts"])
        assert datetime.fromisoformat(event["utc"]) == utc


def test_messages_tell_when_science_and_stimulus_were_on(all_kinds):
    _, truth, packets = all_kinds
    told = []
    for packet in packets:
        if packet.apid == 1418:
            seconds, counts, _, kind, parameters = struct.unpack_from(">IHBBI", packet.raw, 12)
            told.append((seconds, counts, kind, parameters))
            assert packet.seconds >= seconds
    assert told == [(m["met"], m["counts"], m["id"], int(m["parameters"], 16)) for m in truth.records["message"]]
    on = [m[0] for m in told if m[2:] == (192, 0x00020003)]
    off = [m[0] for m in told if m[2:] == (192, 0x00030005)]
    assert len(on) == len(off) == 2
    for event in truth.events:
        assert any(a < event["met"] < b for a, b in zip(on, off, strict=True))
    states = [m[3] for m in told if m[2] == 136]
    assert states == [1, 2, 3, 4, 0] * 2
    stimulus_on = [m[0] for m in told if m[2:] == (239, 0x0580CD21)]
    stimulus_off = [m[0] for m in told if m[2:] == (155, 0x00000007)]
    pulsers = [event["met"] for event in truth.events if event["kind"] == "pulser"]
    assert len(stimulus_on) == len(stimulus_off) == len(pulsers) > 0
    assert all(a <= t <= b <= a + 5 for a, t, b in zip(stimulus_on, pulsers, stimulus_off, strict=True))


def test_catalogue_lists_count_the_events_of_each_acquisition(all_kinds):
    _, truth, packets = all_kinds
    lists = [packet for packet in packets if packet.apid == 1419]
    assert len(lists) == 2
    words = struct.unpack_from(">904I", lists[-1].raw, 12)
    assert words[:4] == (13, 0, 896, 8)
    counted = Counter(event["aid"] for event in truth.events)
    assert (
        {words[8 + 4 * i]: words[9 + 4 * i] & 0xFFFF for i in range(2)}
        == counted
        == Counter({entry["aid"]: entry["events"] for entry in truth.records["acquisition"]})
    )
    assert [words[11], words[15]] == [entry["science_on"] for entry in truth.records["acquisition"]]
    assert words[10] >> 16 == 61
    assert (words[10] & 0xFFFF) + 1 == words[14] >> 16
    assert not any(words[16:])


def test_packing_does_not_change_the_events(tmp_path):
    options = Options(events=12, seed=5, shares=EVERY_KIND)
    _, plain = made(tmp_path, options, "plain")
    for name, compression in (("coded", "all"), ("mixed", "mix")):
        _, other = made(tmp_path, replace(options, compression=compression), name)
        for array in plain.arrays:
            assert np.array_equal(plain.arrays[array], other.arrays[array])
        kept = [{k: v for k, v in event.items() if k != "compressed"} for event in other.events]
        assert kept == [{k: v for k, v in event.items() if k != "compressed"} for event in plain.events]
    assert {event["compressed"] for event in other.events} == {True, False}
    assert (tmp_path / "coded").stat().st_size < 0.6 * (tmp_path / "plain").stat().st_size


def test_equal_options_give_equal_bytes_and_another_seed_does_not(tmp_path):
    options = Options(events=6, seed=1, compression="mix", gaps=2, flips=2, retransmissions=1, shuffle=True)
    for folder in ("a", "b", "c"):
        (tmp_path / folder).mkdir()
        simulate(tmp_path / folder / "x", options if folder != "c" else replace(options, seed=2))
    for name in ("x", "x.truth.jsonl", "x.truth.npz"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert (tmp_path / "a" / "x").read_bytes() != (tmp_path / "c" / "x").read_bytes()


def test_gaps_are_jumps_of_the_counter_and_the_truth_names_what_is_missing(tmp_path):
    options = Options(events=10, seed=3, background=False)
    whole, _ = made(tmp_path, options, "whole")
    capture, truth = made(tmp_path, replace(options, gaps=6), "gaps")
    before, after = packets_of(whole), packets_of(capture)
    gone = {p.sequence: p for p in before if p.sequence not in {q.sequence for q in after}}
    lost = {(event["aid"], event["number"], *slot) for event in truth.events for slot in event["lost"]}
    assert {(*packet.event, *packet.slot) for packet in gone.values()} == lost
    assert 6 <= len(lost) <= 18
    assert [q.raw for q in after] == [p.raw for p in before if p.sequence not in gone]


def test_flipped_bits_break_the_packets_that_the_truth_names_and_no_other(tmp_path):
    options = Options(events=10, seed=4)
    whole, _ = made(tmp_path, options, "whole")
    _, truth = made(tmp_path, replace(options, flips=8), "flips")
    raw = bytearray((tmp_path / "flips").read_bytes())
    assert raw != whole.files[0].read_bytes()
    for damage in truth.records["damage"]:
        assert damage["kind"] == "flip"
        raw[damage["offset"] + damage["bit"] // 8] ^= 0x80 >> damage["bit"] % 8
        assert tuple(damage["slots"][0]) in truth.events[damage["event"]]["lost"]
    assert bytes(raw) == whole.files[0].read_bytes()
    assert len(truth.records["damage"]) == 8


def test_retransmissions_bring_the_same_event_at_another_time(tmp_path):
    capture, truth = made(tmp_path, Options(events=8, seed=6, retransmissions=3, conflicts=1))
    again = {entry["event"]: entry["conflicting"] for entry in truth.records["retransmission"]}
    assert sorted(again.values()) == [False, False, True]
    copies: dict[tuple[Any, ...], list[Packet]] = {}
    for packet in packets_of(capture):
        if packet.science:
            copies.setdefault((*packet.event, *packet.slot), []).append(packet)
    different = 0
    for (aid, number, code, _), pair in copies.items():
        index = next(e["event"] for e in truth.events if (e["aid"], e["number"]) == (aid, number))
        assert len(pair) == 1 + (index in again)
        if len(pair) == 2:
            first, second = pair
            assert second.seconds > first.seconds
            assert second.sequence != first.sequence
            if first.content != second.content:
                assert again[index]
                assert code == 2
                different += 1
    assert different == 1


def test_retransmissions_repair_what_was_lost(tmp_path):
    _, truth = made(tmp_path, Options(events=4, seed=8, gaps=4, flips=4, retransmissions=4))
    assert truth.records["damage"]
    assert all(event["lost"] == [] for event in truth.events)
    assert "lost" not in truth.records


def test_a_capture_in_several_files_is_the_same_capture_cut_inside_events(tmp_path):
    options = Options(events=9, seed=9)
    whole, _ = made(tmp_path, options, "whole.pkts")
    capture, truth = made(tmp_path, replace(options, files=3), "parts.pkts")
    assert [path.name for path in capture.files] == ["parts.pkts", "parts_part2.pkts", "parts_part3.pkts"]
    assert b"".join(path.read_bytes() for path in capture.files) == whole.files[0].read_bytes()
    for path, entry in zip(capture.files, truth.records["file"], strict=True):
        assert (entry["name"], entry["bytes"]) == (path.name, path.stat().st_size)
        assert entry["packets"] == len(walk(path.read_bytes()))
    held = [{packet.event for packet in walk(path.read_bytes()) if packet.science} for path in capture.files]
    assert len(held[0] & held[1]) == len(held[1] & held[2]) == 1
    assert all(walk(path.read_bytes())[0].slot[0] != 1 for path in capture.files[1:])  # orphans come first


def test_cut_ends_are_cut(tmp_path):
    options = Options(events=3, seed=10)
    whole, _ = made(tmp_path, options, "whole")
    capture, truth = made(tmp_path, replace(options, truncate=True, partial_first=True), "cut")
    raw, intact = capture.files[0].read_bytes(), whole.files[0].read_bytes()
    first = next(d for d in truth.records["damage"] if d["kind"] == "partial_first")
    last = next(d for d in truth.records["damage"] if d["kind"] == "truncate")
    assert raw[first["bytes"] :] == intact[: -last["bytes"]]
    assert truth.events[2]["lost"] == [(64, 0)]
    assert packets_of(whole)[-1].slot == (64, 0)
    assert capture.bytes == len(raw)


def test_markers_other_apid_and_unset_clock(tmp_path):
    capture, truth = made(tmp_path, Options(events=3, seed=12, marker=True, fetch=True, start=None))
    packets = packets_of(capture, prefix=bytes.fromhex("60F06060"))
    assert {packet.apid for packet in packets if packet.science} == {1425}
    assert all(packet.intact for packet in packets)
    assert packets[0].seconds == 1000
    assert all(1000 < event["met"] < 2000 and event["utc"].startswith("2010-01-01") for event in truth.events)


def test_a_reboot_restarts_all_counters(tmp_path):
    capture, truth = made(tmp_path, Options(events=6, seed=13, acquisition=3, reboot=True))
    packets = packets_of(capture)
    second = truth.events[3]
    restart = next(i for i, p in enumerate(packets) if p.science and p.event == (second["aid"], second["number"]))
    for apid in {1376, 1424}:
        counts = [packet.sequence for packet in packets if packet.apid == apid]
        jumps = [(a, b) for a, b in pairwise(counts) if (b - a) % 16384 != 1]
        assert len(jumps) == 1
        assert jumps[0][1] == 0
    assert packets[restart].sequence == 0


def test_shuffling_keeps_every_packet(tmp_path):
    options = Options(events=5, seed=14)
    whole, _ = made(tmp_path, options, "whole")
    capture, _ = made(tmp_path, replace(options, shuffle=True), "shuffled")
    before, after = ([packet.raw for packet in packets_of(c)] for c in (whole, capture))
    assert before != after
    assert sorted(before) == sorted(after)


def test_large_captures_leave_the_arrays_out_and_progress_is_told(tmp_path):
    told: list[int] = []
    capture = simulate(
        tmp_path / "x", Options(events=120, seed=1, background=False, arrays=False), progress=told.append
    )
    assert capture.arrays is None
    assert told == [50, 50, 20]
    assert read_truth(tmp_path / "x").arrays is None
    assert not Options(events=501).with_arrays


def test_files_that_are_there_are_not_replaced_without_a_word(tmp_path):
    (tmp_path / "x").write_bytes(b"mine")
    with pytest.raises(UsageError, match="is there already"):
        simulate(tmp_path / "x", Options(events=1))
    assert (tmp_path / "x").read_bytes() == b"mine"
    simulate(tmp_path / "x", Options(events=1), overwrite=True)
    assert len(walk((tmp_path / "x").read_bytes())) > 13


@pytest.mark.parametrize(
    "wrong",
    [
        {"events": 0},
        {"seed": -1},
        {"compression": "zip"},
        {"start": datetime(2026, 1, 1)},  # without a time zone
        {"start": datetime(2009, 12, 31, tzinfo=UTC)},
        {"acquisition": 0},
        {"acquisition": 65536},
        {"interval": 0.0},
        {"shares": {"comet": 1.0}},
        {"shares": {"dust": 0.0}},
        {"gaps": -1},
        {"files": 0},
        {"events": 2, "files": 3},
        {"events": 2, "retransmissions": 3},
        {"retransmissions": 1, "conflicts": 2},
    ],
)
def test_captures_that_cannot_be_are_refused(wrong):
    with pytest.raises(UsageError):
        Options(**{"events": 5, **wrong})


@given(
    events=st.integers(1, 7),
    seed=st.integers(0, 2**31),
    compression=st.sampled_from(["none", "all", "mix"]),
    acquisition=st.integers(1, 4),
    gaps=st.integers(0, 4),
    background=st.booleans(),
    shuffle=st.booleans(),
    reboot=st.booleans(),
    truncate=st.booleans(),
    again=st.booleans(),
    parts=st.integers(1, 3),
)
@settings(max_examples=20, deadline=None)
def test_whatever_is_asked_for_the_truth_is_true(
    tmp_path_factory, events, seed, compression, acquisition, gaps, background, shuffle, reboot, truncate, again, parts
):
    options = Options(
        events=events, seed=seed, compression=compression, acquisition=acquisition, gaps=gaps, background=background,
        shuffle=shuffle, reboot=reboot, truncate=truncate, retransmissions=int(again), files=min(parts, events),
    )  # fmt: skip
    capture, truth = made(tmp_path_factory.mktemp("any"), options)
    packets = [packet for path in capture.files for packet in walk(path.read_bytes(), cut=truncate)]
    assert len(packets) == capture.packets - truncate
    assert all(packet.intact for packet in packets)
    assert len(truth.events) == events
    arrived: dict[tuple[int, int], set[tuple[int, int]]] = {}
    for packet in packets:
        if packet.science:
            arrived.setdefault(packet.event, set()).add(packet.slot)
    for event in truth.events:
        own = arrived.get((event["aid"], event["number"]), set())
        assert own.isdisjoint(event["lost"])
        offsets = {code: sorted(o for c, o in own | set(event["lost"]) if c == code) for code in CODES}
        assert all(found == list(range(0, 1008 * len(found), 1008)) and found for found in offsets.values())
    assert json.loads(capture.truth.read_text().splitlines()[0])["seed"] == seed
