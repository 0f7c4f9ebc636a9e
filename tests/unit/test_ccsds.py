"""Framing: whatever is done to a stream, the packets that were not touched are all found, and nothing raises."""

from __future__ import annotations

import gzip
import mmap
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.formats.ccsds import Framing, PacketTable, detect_prefix, frame, frame_windows, map_file, release
from archive.formats.ccsds_crc import learn_checksums
from tests.unit.packets import FRAMING, SCIENCE, TICK, as_array, packet, starts, stream

MARKER = bytes([0x60, 0xF0, 0x60, 0x60])


def found(table: PacketTable) -> set[tuple[int, int]]:
    return set(zip(table.offset.tolist(), table.length.tolist(), strict=True))


def covered(table: PacketTable, size: int) -> None:
    """Assert that packets, skipped ranges, the leading bytes and the tail tile the file."""
    pieces = [(int(o) - table.prefix, int(n) + table.prefix) for o, n in zip(table.offset, table.length, strict=True)]
    pieces += [(at, length) for at, length, _ in table.skipped]
    pieces += [(0, table.leading)] if table.leading else []
    pieces += [table.tail] if table.tail else []
    end = 0
    for at, length in sorted(pieces):
        assert at == end
        end = at + length
    assert end == size


def test_columns_hold_what_the_headers_say() -> None:
    packets = [
        packet(SCIENCE, 16383, b"abcdef"),
        packet(SCIENCE, 0, b"x" * 40, flags=1),
        packet(TICK, 7, b"123456", crc=False),
    ]
    table = frame(as_array(b"".join(packets)), FRAMING)
    assert table.offset.tolist() == starts(packets)
    assert table.length.tolist() == [len(p) for p in packets]
    assert table.apid.tolist() == [SCIENCE, SCIENCE, TICK]
    assert table.seq_count.tolist() == [16383, 0, 7]
    assert table.seq_flags.tolist() == [3, 1, 3]
    assert table.crc_ok.tolist() == [1, 1, -1]
    assert table.sec_hdr.all()
    assert (table.prefix, table.skipped, table.leading, table.tail) == (0, [], 0, None)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 60), st.integers(0, 1000), st.sampled_from([0, 4, 8]))
def test_a_sound_stream_is_framed_whole_with_any_prefix(n: int, seed: int, prefix: int) -> None:
    packets = stream(n, seed)
    text = b"".join((MARKER if prefix == 4 else bytes(range(prefix))) + p for p in packets)
    table = frame(as_array(text), FRAMING)
    if n == 1 and prefix == 8 and len(packets[0]) == 12:
        return  # one unchecked packet behind eight foreign bytes: nothing says what the bytes are
    assert table.prefix == prefix
    assert table.offset.tolist() == starts(packets, prefix=prefix)
    assert not table.skipped
    assert not (table.crc_ok == 0).any()


def test_a_prefix_is_found_although_the_file_is_damaged_and_cut() -> None:
    packets = stream(40, 3)
    text = bytearray(b"".join(MARKER + p for p in packets)[:-5])
    text[:9] = b"\xff" * 9
    assert detect_prefix(as_array(bytes(text)), FRAMING) == 4
    table = frame(as_array(bytes(text)), FRAMING)
    assert set(table.offset.tolist()) >= set(starts(packets, prefix=4)[1:-1])


def test_every_truncation_keeps_the_whole_packets_and_reports_the_rest() -> None:
    packets = stream(10, 1)
    text = b"".join(packets)
    ends = np.cumsum([len(p) for p in packets]).tolist()
    for size in range(len(text)):
        table = frame(as_array(text[:size]), FRAMING)
        whole = sum(end <= size for end in ends)
        assert len(table) == whole, size
        covered(table, size)
        assert (table.tail is not None) == (size not in (0, *ends)), size


@settings(max_examples=30, deadline=None)
@given(st.binary(min_size=1, max_size=3000), st.integers(0, 1000))
def test_leading_garbage_costs_no_packet(garbage: bytes, seed: int) -> None:
    packets = stream(12, seed, ticks=False)
    table = frame(as_array(garbage + b"".join(packets)), FRAMING)
    expected = set(zip(starts(packets, len(garbage)), map(len, packets), strict=True))
    assert found(table) >= expected
    covered(table, len(garbage) + sum(map(len, packets)))


def test_a_capture_that_starts_within_a_packet_names_the_partial_one() -> None:
    packets = stream(20, 5)
    text = b"".join(packets)
    for cut in range(1, len(packets[0])):
        table = frame(as_array(text[cut:]), FRAMING)
        assert table.leading == len(packets[0]) - cut
        assert table.offset.tolist() == starts(packets[1:], table.leading)


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 500), st.data())
def test_a_flipped_bit_costs_at_most_its_own_packet(seed: int, data: st.DataObject) -> None:
    packets = stream(15, seed)
    text = bytearray(b"".join(packets))
    which = data.draw(st.integers(0, len(packets) - 1))
    begin = starts(packets)[which]
    at = begin + data.draw(st.one_of(st.integers(0, 5), st.integers(0, len(packets[which]) - 1)))
    text[at] ^= 1 << data.draw(st.integers(0, 7))
    table = frame(as_array(bytes(text)), FRAMING)
    untouched = set(zip(starts(packets), map(len, packets), strict=True)) - {(begin, len(packets[which]))}
    assert found(table) >= untouched
    covered(table, len(text))
    if at - begin >= 6 and len(packets[which]) != 12:
        assert table.crc_ok[table.offset == begin].tolist() == [0]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 500), st.integers(0, 14), st.integers(0, 0xFFFF))
def test_a_wrong_length_field_loses_only_its_packet(seed: int, which: int, length: int) -> None:
    packets = stream(15, seed)
    text = bytearray(b"".join(packets))
    begin = starts(packets)[which]
    text[begin + 4 : begin + 6] = length.to_bytes(2, "big")
    table = frame(as_array(bytes(text)), FRAMING)
    expected = set(zip(starts(packets), map(len, packets), strict=True)) - {(begin, len(packets[which]))}
    assert found(table) >= expected
    covered(table, len(text))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 500), st.randoms(use_true_random=False))
def test_shuffled_dropped_and_repeated_packets_are_all_framed(seed: int, random: object) -> None:
    packets = [p for p in stream(30, seed) for _ in range(random.choice([0, 1, 1, 2]))]  # type: ignore[attr-defined]
    random.shuffle(packets)  # type: ignore[attr-defined]
    table = frame(as_array(b"".join(packets)), FRAMING)
    assert table.offset.tolist() == starts(packets)
    assert not table.skipped


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\x08",
        b"\x00" * 70000,
        b"\xff" * 70000,
        b"\x08" * 300000,
        b"The quick brown fox jumps over the lazy dog.\r\n" * 500,
        gzip.compress(bytes(range(256)) * 400, mtime=0),
        b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 300,
    ],
    ids=["empty", "one byte", "zeros", "ones", "eights", "text", "gzip", "png"],
)
@pytest.mark.parametrize("framing", [FRAMING, Framing(), Framing(known_apids=frozenset({SCIENCE}), crc=False)])
def test_a_file_that_holds_no_packets_gives_none(text: bytes, framing: Framing) -> None:
    table = frame(as_array(text), framing)
    assert len(table) == 0
    covered(table, len(text))


@settings(max_examples=40, deadline=None)
@given(
    st.binary(max_size=5000),
    st.sampled_from([FRAMING, Framing(), Framing(crc=False), Framing(crc=False, secondary_header=None)]),
)
def test_any_bytes_at_all_are_tiled_without_an_error(text: bytes, framing: Framing) -> None:
    covered(frame(as_array(text), framing), len(text))


def test_windows_of_any_size_give_the_same_packets() -> None:
    packets = stream(80, 9)
    text = bytearray(b"\xff" * 300 + b"".join(packets) + packets[0][:9])
    text[2000] ^= 4
    text[4000:4300] = bytes(300)
    whole = frame(as_array(bytes(text)), FRAMING)
    for window in (1, 100, 777, 5000, 1 << 20):
        tables = list(frame_windows(as_array(bytes(text)), FRAMING, window=window))
        assert np.concatenate([t.offset for t in tables]).tolist() == whole.offset.tolist()
        assert [skip for t in tables for skip in t.skipped] == whole.skipped
        assert sum(t.leading for t in tables) == whole.leading == 300
        assert tables[-1].tail == whole.tail == (len(text) - 9, 9)
        assert [t.first for t in tables] == np.cumsum([0, *(len(t) for t in tables)])[:-1].tolist()


def test_packets_without_checksums_are_framed_by_their_lengths() -> None:
    framing = Framing(known_apids=frozenset({SCIENCE, 100}), crc=False)
    packets = [packet(SCIENCE if i % 3 else 100, i, bytes([i]) * (10 + i), crc=False) for i in range(30)]
    text = b"\xee" * 50 + b"".join(packets)
    table = frame(as_array(text), framing)
    assert table.offset.tolist() == starts(packets, 50)
    assert set(table.crc_ok.tolist()) == {-1}
    assert table.leading == 50


def test_unknown_apids_are_kept() -> None:
    packets = stream(20, 2)
    packets[5:5] = [packet(77, i, bytes(30)) for i in range(3)]
    table = frame(as_array(b"".join(packets)), FRAMING)
    assert table.offset.tolist() == starts(packets)
    assert (table.apid == 77).sum() == 3


def test_which_packets_carry_checksums_is_learnt_from_the_file() -> None:
    packets = stream(60, 4)
    learnt = learn_checksums(as_array(b"".join(packets)), Framing(known_apids=FRAMING.known_apids))
    assert learnt.crc
    assert learnt.crc_free_apids == {TICK}
    bare = [packet(SCIENCE, i, bytes([i, 1, 2, 3, 4, 5, 6]), crc=False) for i in range(40)]
    assert not learn_checksums(as_array(b"".join(bare)), Framing(known_apids=FRAMING.known_apids)).crc


def test_a_file_is_mapped_and_its_pages_can_be_given_back(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    assert map_file(tmp_path / "empty").shape == (0,)
    text = bytes(range(256)) * 64
    (tmp_path / "full").write_bytes(text)
    data = map_file(tmp_path / "full")
    release(data, 0, len(data))
    release(data, mmap.PAGESIZE // 2, 3 * mmap.PAGESIZE)
    assert data.tobytes() == text
    with pytest.raises(ValueError, match="read-only"):
        data[0] = 1
