"""Damaged, shuffled, repeated and cut captures: what can be decoded is, the rest is reported, nothing raises."""

from __future__ import annotations

from binascii import crc_hqx
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from archive.instruments.idex import IDEX
from archive.instruments.idex.events import decode_events
from archive.instruments.idex.layout import CHANNELS
from archive.model import FLAG_CONFLICTING, FLAG_DAMAGED, FLAG_INCOMPLETE, Decoded
from tests.instruments import idex_files as files

PLAIN, CODED = files.EVENT_FILES[2], files.EVENT_FILES[3]


def decode(folder: Path, content: NDArray[np.uint8] | bytes, name: str = "capture.pkts") -> Decoded:
    raw = folder / name
    raw.write_bytes(bytes(content))
    work = folder / f"work-{len(list(folder.iterdir()))}"
    work.mkdir()
    return IDEX().decode(files.source(raw), work)


def codes(decoded: Decoded) -> set[str]:
    return {problem.code for problem in decoded.problems}


def sealed(packet: bytes) -> bytes:
    """Return the packet with the checksum its bytes ask for."""
    return packet[:-2] + crc_hqx(packet[:-2], 0xFFFF).to_bytes(2, "big")


def kind(packet: bytes) -> tuple[int, int]:
    """Return content code and word offset of a science packet."""
    return packet[16], int.from_bytes(packet[24:26], "big")


def first_event(name: str) -> list[bytes]:
    packets = files.packets_of(files.data(name))
    return packets[: next(i for i in range(1, len(packets)) if packets[i][16] == 1)]


def test_a_missing_fragment_leaves_its_channel_out_and_names_the_slot(tmp_path: Path) -> None:
    packets = [p for p in files.packets_of(files.data(PLAIN)) if not (p[20:22] == b"\0\1" and kind(p) == (4, 1008))]
    decoded = decode(tmp_path, b"".join(packets))
    assert decoded.events is not None
    assert decoded.events.missing[1] == [["TOF_Low", 1008]]
    assert decoded.events.complete.tolist() == [True, False, True, True]
    assert decoded.events.flags[1] & FLAG_INCOMPLETE
    assert {"incomplete_event", "sequence_gap"} <= codes(decoded)
    shown = IDEX().waveforms(decoded.products[0].path, 0, 4)
    low = next(channel for channel in shown.channels if channel.name == "TOF_Low")
    assert low.present.tolist() == [True, False, True, True]
    assert (low.data[1] == -32768).all()
    whole = files.decoded(PLAIN)
    for channel in shown.channels:
        rows = channel.present
        np.testing.assert_array_equal(channel.data[rows], whole.samples[channel.name][rows])


def test_a_missing_tail_and_a_missing_channel_name_every_slot(tmp_path: Path) -> None:
    packets = [p for p in first_event(PLAIN) if kind(p) != (2, 2016) and kind(p)[0] not in (8, 64)]
    decoded = decode(tmp_path, b"".join(packets))
    assert decoded.events is not None
    assert decoded.events.missing == [
        [["TOF_High", 2016], ["TOF_Mid", 0], ["TOF_Mid", 1008], ["TOF_Mid", 2016], ["Ion_Grid", 0]]
    ]


def test_a_channel_that_was_not_to_be_sent_is_not_missing(tmp_path: Path) -> None:
    """SCI0CONT says what was to be sent."""
    wanted = [p for p in first_event(PLAIN) if kind(p)[0] in (1, 2, 16)]
    decoded = decode(tmp_path, b"".join(sealed(p[:17] + bytes([1 + 2 + 16]) + p[18:]) for p in wanted))
    assert decoded.events is not None
    assert decoded.events.complete.tolist() == [True]
    assert decoded.events.missing == [[]]


@pytest.mark.parametrize("name", files.EVENT_FILES[2:5])
def test_shuffled_packets_give_the_same_events(name: str) -> None:
    packets = files.packets_of(files.data(name))
    np.random.default_rng(1).shuffle(packets)
    ours, expected = decode_events(files.array(*packets)), files.decoded(name)
    assert ours.events.identity == expected.events.identity
    for channel in CHANNELS:
        np.testing.assert_array_equal(ours.samples[channel.name], expected.samples[channel.name])


def test_a_retransmission_is_used_once(tmp_path: Path) -> None:
    packets = files.packets_of(files.data(PLAIN))
    later = [sealed(p[:2] + b"\xc9\x99" + p[4:6] + b"\0\1\0\0\0\7" + p[12:]) for p in packets]
    once, twice = decode(tmp_path, b"".join(packets)), decode(tmp_path, b"".join(packets + later))
    assert once.events is not None
    assert twice.events is not None
    assert twice.events.digest == once.events.digest
    assert twice.events.flags.tolist() == once.events.flags.tolist()
    assert next(p.count for p in twice.problems if p.code == "duplicate_packets") == len(packets)


def test_compressed_and_plain_copies_in_one_file_are_one_event_each(tmp_path: Path) -> None:
    both = np.concatenate([files.data(CODED), files.data(PLAIN)])
    decoded, alone = decode(tmp_path, both), decode(tmp_path, files.data(PLAIN))
    assert decoded.events is not None
    assert alone.events is not None
    assert decoded.events.identity == alone.events.identity
    assert decoded.events.digest == alone.events.digest
    assert not (decoded.events.flags & FLAG_CONFLICTING).any()


def test_equal_events_have_equal_digests_however_they_were_sent(tmp_path: Path) -> None:
    plain, coded = decode(tmp_path, files.data(PLAIN)), decode(tmp_path, files.data(CODED), "coded.pkts")
    assert plain.events is not None
    assert coded.events is not None
    assert plain.events.digest == coded.events.digest
    assert plain.events.parts.tolist() == coded.events.parts.tolist()


def test_copies_with_different_bytes_make_the_event_conflicting(tmp_path: Path) -> None:
    packets = first_event(PLAIN)
    changed = sealed(packets[3][:60] + bytes([packets[3][60] ^ 1]) + packets[3][61:])
    decoded = decode(tmp_path, b"".join([*packets, changed]))
    assert decoded.events is not None
    assert decoded.events.flags[0] & FLAG_CONFLICTING
    assert "conflicting_event" in codes(decoded)


def test_of_copies_with_different_lengths_the_longer_counts(tmp_path: Path) -> None:
    packets = first_event(PLAIN)
    last = next(i for i, p in enumerate(packets) if kind(p) == (2, 2016))
    short = packets[last][:-44] + packets[last][-4:]
    short = sealed(short[:4] + (len(short) - 7).to_bytes(2, "big") + short[6:])
    decoded = decode(tmp_path, b"".join([short, *packets]))
    assert decoded.events is not None
    assert decoded.events.complete.tolist() == [True]
    assert not decoded.events.flags[0] & FLAG_CONFLICTING


def test_a_bad_checksum_marks_the_channel_and_a_good_copy_heals_it(tmp_path: Path) -> None:
    packets = first_event(PLAIN)
    bad = packets[2][:102] + bytes([packets[2][102] ^ 0x04]) + packets[2][103:]
    broken = [*packets[:2], bad, *packets[3:]]
    decoded = decode(tmp_path, b"".join(broken))
    assert decoded.events is not None
    assert decoded.events.flags[0] & FLAG_DAMAGED
    assert decoded.events.complete.tolist() == [False]
    assert decoded.events.missing == [[["TOF_High", 1008]]]
    assert {"crc_mismatch", "damaged_channel"} <= codes(decoded)
    high = IDEX().waveforms(decoded.products[0].path, 0, 1).channels[0]
    assert high.present.tolist() == [False]
    assert np.count_nonzero(high.data[0] != files.decoded(PLAIN).samples["TOF_High"][0]) == 1
    healed = decode(tmp_path, b"".join([*broken, packets[2]]))
    assert healed.events is not None
    assert healed.events.complete.tolist() == [True]
    assert not healed.events.flags[0] & FLAG_DAMAGED


def test_a_header_with_a_bad_checksum_counts_only_when_its_name_is_confirmed(tmp_path: Path) -> None:
    packets = first_event(PLAIN)
    harmless = packets[0][:290] + b"\x55" + packets[0][291:]
    renamed = packets[0][:232] + b"\x55" + packets[0][233:]  # the accountability id
    kept = decode(tmp_path, b"".join([harmless, *packets[1:]]))
    dropped = decode(tmp_path, b"".join([renamed, *packets[1:]]))
    assert kept.events is not None
    assert dropped.events is not None
    assert kept.events.identity == files.decoded(PLAIN).events.identity[:1]
    assert kept.events.missing == [[["header", 0]]]
    assert dropped.events.identity == [""]
    assert "orphan_fragments" in codes(dropped)


def test_a_damaged_bit_stream_is_reported_with_its_subframe(tmp_path: Path) -> None:
    """The packet is sound, the stream in it is not: as if the hardware had written it so."""
    packets = first_event(CODED)
    broken = sealed(packets[1][:1000] + bytes(60) + packets[1][1060:])
    decoded = decode(tmp_path, b"".join([packets[0], broken, *packets[2:]]))
    assert decoded.events is not None
    problem = next(p for p in decoded.problems if p.code == "damaged_channel")
    assert "TOF_High" in problem.message
    assert "subframe" in problem.message
    shown = IDEX().waveforms(decoded.products[0].path, 0, 1)
    assert [channel.name for channel in shown.channels if not channel.present[0]] == ["TOF_High"]
    assert decoded.events.complete.tolist() == [False]


def test_unknown_content_and_unknown_apid_are_counted_and_kept(tmp_path: Path) -> None:
    packets = first_event(PLAIN)
    odd = sealed(packets[1][:16] + b"\x03" + packets[1][17:])
    foreign = sealed(bytes([packets[5][0], 0x70]) + packets[5][2:])
    decoded = decode(tmp_path, b"".join([*packets, odd, foreign]))
    assert {"unknown_content", "unknown_apid"} <= codes(decoded)
    apids = next(rows for rows in decoded.rows if rows.table == "core.file_apid")
    assert dict(zip(apids.columns["apid"], apids.columns["n_packets"], strict=True)) == {0x570: 1, 1424: 14}
    assert decoded.header["complete"] == 1


def test_fragments_without_a_header_wait_for_it(tmp_path: Path) -> None:
    decoded = decode(tmp_path, b"".join(first_event(PLAIN)[1:]))
    assert decoded.events is not None
    assert decoded.events.identity == [""]
    assert np.isnat(decoded.events.t).all()
    assert decoded.events.missing == [[["header", 0]]]
    assert [product.product for product in decoded.products] == []
    assert "orphan_fragments" in codes(decoded)


def check(decoded: Decoded) -> None:
    """What must hold for every decode: columns fit together, problems are sentences with places."""
    events = decoded.events
    assert events is not None
    columns: list[Any] = [events.match_key, events.kind, events.seq, events.t, events.tick, events.flags]
    columns += [events.complete, events.parts, events.digest, events.missing]
    assert {len(column) for column in columns} == {len(events)}
    assert len(set(filter(None, events.identity))) == len([name for name in events.identity if name])
    for rows in decoded.rows:
        assert {len(values) for values in rows.columns.values()} == {len(rows.index)}
        assert not len(rows.index) or rows.owner == "file" or rows.index.max() < len(events)
    for row, whole in enumerate(events.complete.tolist()):
        assert whole == (not events.missing[row])
    for problem in decoded.problems:
        assert problem.message.endswith(".")


def test_a_capture_cut_at_every_place_of_its_first_packets_still_decodes(tmp_path: Path) -> None:
    content = files.data(PLAIN)
    ends = np.cumsum([len(packet) for packet in files.packets_of(content)[:10]])
    for end in sorted({int(end) + step for end in ends for step in (-1, 0, 7)}):
        (tmp_path / "cut.pkts").unlink(missing_ok=True)
        decoded = decode(tmp_path, content[:end], "cut.pkts")
        check(decoded)
        assert ("truncated_packet" in codes(decoded)) == (end not in ends)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1), coded=st.booleans())
def test_any_mixture_of_damage_decodes_without_an_error(tmp_path: Path, seed: int, coded: bool) -> None:
    rng = np.random.default_rng(seed)
    packets = files.packets_of(files.data(CODED if coded else PLAIN))
    kept = [packets[i] for i in rng.permutation(len(packets))[: rng.integers(0, len(packets) + 1)]]
    kept += [kept[i] for i in rng.integers(0, len(kept), 5)] if kept else []
    content = np.frombuffer(bytes(rng.bytes(int(rng.integers(0, 50)))) + b"".join(kept), np.uint8).copy()
    for bit in rng.integers(0, 8 * content.size, int(rng.integers(0, 40))) if content.size else []:
        content[bit // 8] ^= 1 << (bit % 8)
    (tmp_path / "mixed.pkts").unlink(missing_ok=True)
    decoded = decode(tmp_path, content[: max(content.size - int(rng.integers(0, 100)), 0)], "mixed.pkts")
    check(decoded)
    assert decoded.events is not None
    truth = dict(zip(files.decoded(PLAIN).events.identity, range(4), strict=True))
    if decoded.products:
        shown = IDEX().waveforms(decoded.products[0].path, 0, len(decoded.events))
        for channel in shown.channels:
            for row in np.flatnonzero(channel.present):
                sent = truth.get(decoded.events.identity[row])
                if sent is not None:  # what is offered as good is what was sent
                    np.testing.assert_array_equal(channel.data[row], files.decoded(PLAIN).samples[channel.name][sent])
