"""Sequence counters and the rows that tell what framing found."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.formats.ccsds import IDLE_APID, frame, frame_windows
from archive.formats.packet_problems import FramingProblems, framing_problems
from archive.formats.sequence import ApidCounts, Jumps, per_apid, sequence_jumps
from tests.unit.packets import FRAMING, SCIENCE, TICK, as_array, packet, starts, stream


def jumps_of(counts: list[int]) -> list[tuple[str, int, int, int]]:
    packets = [packet(SCIENCE, count, b"abcdef") for count in counts]
    found = sequence_jumps(frame(as_array(b"".join(packets)), FRAMING))
    return rows(found)


def rows(found: Jumps) -> list[tuple[str, int, int, int]]:
    return list(
        zip(found.kind.tolist(), found.before.tolist(), found.after.tolist(), found.n_missing.tolist(), strict=True)
    )


def test_running_counters_have_no_jumps_even_where_they_wrap() -> None:
    assert jumps_of([16382, 16383, 0, 1, 2]) == []


def test_each_kind_of_jump_is_named() -> None:
    assert jumps_of([7, 9]) == [("gap", 7, 9, 1)]
    assert jumps_of([16380, 3]) == [("gap", 16380, 3, 6)]
    assert jumps_of([5, 5, 6]) == [("duplicate", 5, 5, 0)]
    assert jumps_of([300, 0, 1]) == [("reboot", 300, 0, 0)]
    assert jumps_of([1, 0, 1]) == [("reboot", 1, 0, 0)]
    assert jumps_of([300, 298, 301]) == [("backward", 300, 298, 0), ("gap", 298, 301, 2)]


def test_counters_run_per_apid_and_idle_packets_do_not_count() -> None:
    mixed = [packet(SCIENCE, 4, b"abcdef"), packet(TICK, 9, b"123456", crc=False), packet(IDLE_APID, 3, b"abc")]
    mixed += [packet(SCIENCE, 5, b"abcdef"), packet(TICK, 12, b"123456", crc=False), packet(IDLE_APID, 9, b"abc")]
    table = frame(as_array(b"".join(mixed)), FRAMING)
    found = sequence_jumps(table)
    assert len(table) == 6
    assert rows(found) == [("gap", 9, 12, 2)]
    assert found.apid.tolist() == [TICK]
    assert found.offset.tolist() == [starts(mixed)[4]]


def test_a_damaged_counter_is_no_jump_but_the_packet_is_missing() -> None:
    packets = [packet(SCIENCE, count, b"abcdef") for count in (1, 2, 3, 4)]
    damaged = bytearray(packets[2])
    damaged[3] ^= 0x40
    table = frame(as_array(packets[0] + packets[1] + bytes(damaged) + packets[3]), FRAMING)
    assert table.crc_ok.tolist() == [1, 1, 0, 1]
    assert rows(sequence_jumps(table)) == [("gap", 2, 4, 1)]
    damaged = bytearray(packets[2])
    damaged[8] ^= 0x40  # a damaged body leaves the counter usable
    table = frame(as_array(packets[0] + packets[1] + bytes(damaged) + packets[3]), FRAMING)
    assert rows(sequence_jumps(table)) == []


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 300), st.integers(50, 3000))
def test_windows_give_the_jumps_and_counts_of_the_whole(seed: int, window: int) -> None:
    draw = np.random.default_rng(seed)
    packets = [p for p in stream(50, seed) if draw.random() < 0.8]
    text = as_array(b"".join(packets))
    whole = frame(text, FRAMING)
    last: dict[int, int] = {}
    counts, seen = ApidCounts(), []
    for table in frame_windows(text, FRAMING, window=window):
        found = sequence_jumps(table, last)
        counts.add(table, found)
        seen += rows(found)
    assert seen == rows(sequence_jumps(whole))
    assert counts.columns() == per_apid(whole)
    assert sum(counts.columns()["n_packets"]) == len(packets)
    assert sum(counts.columns()["n_bytes"]) == len(text)


def test_counts_per_apid_hold_first_and_last_and_failures() -> None:
    packets = [packet(SCIENCE, 8, b"abcdef"), packet(SCIENCE, 9, b"abcdef"), packet(1418, 2, b"x" * 20)]
    damaged = bytearray(b"".join(packets))
    damaged[len(packets[0]) + 8] ^= 1
    assert per_apid(frame(as_array(bytes(damaged)), FRAMING)) == {
        "apid": [1418, SCIENCE],
        "n_packets": [1, 2],
        "n_bytes": [28, 28],
        "n_crc_failed": [0, 1],
        "n_gaps": [0, 0],
        "n_missing": [0, 0],
        "first_seq": [2, 8],
        "last_seq": [2, 9],
    }


def test_every_kind_of_damage_becomes_a_row_with_its_place() -> None:
    packets = [packet(SCIENCE, i, bytes(range(30 + i))) for i in range(8)]
    at = starts(packets, 20)
    text = bytearray(b"\xff" * 20 + b"".join(packets) + packets[0][:11])
    text[at[2] + 15] ^= 2
    text[at[4] + 4] ^= 2
    text[at[6]] |= 0x80
    problems = {p.code: p for p in framing_problems(frame(as_array(bytes(text)), FRAMING))}
    assert {code: (p.offset, p.length, p.packet) for code, p in problems.items()} == {
        "partial_first_packet": (0, 20, None),
        "crc_mismatch": (at[2], len(packets[2]), 2),
        "wrong_length": (at[4], len(packets[4]), 4),
        "impossible_header": (at[6], len(packets[6]), 5),
        "truncated_packet": (len(text) - 11, 11, 6),
    }
    assert all(p.message.endswith(".") and "\n" not in p.message for p in problems.values())


def test_many_alike_are_folded_into_one_row() -> None:
    packets = [packet(SCIENCE, i, b"abcdefgh") for i in range(60)]
    text = bytearray(b"".join(packets))
    for at in starts(packets)[::2]:
        text[at + 9] ^= 1
    problems = framing_problems(frame(as_array(bytes(text)), FRAMING), limit=5)
    assert len(problems) == 6
    assert sum(p.count for p in problems) == 30
    assert {p.code for p in problems} == {"crc_mismatch"}


def test_a_file_without_packets_says_so() -> None:
    assert [p.code for p in FramingProblems().problems()] == ["no_packets"]
    assert [p.code for p in framing_problems(frame(as_array(b"hello, world"), FRAMING))] == [
        "impossible_header",
        "no_packets",
    ]
