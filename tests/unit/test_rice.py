"""The Rice code, against the published vectors, real telemetry, and a plain version written bit by bit."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.numerics import rice
from tests.data import data_path

WIDTHS = pytest.mark.parametrize("width", [10, 12])
EXAMPLE = [511, 512, 512, 510, 513, 513, 512] + [512] * 57


class Damaged(Exception):
    """What the plain decoder raises: (status, subframe)."""


def decoded_bit_by_bit(stream: bytes, width: int, samples: int) -> tuple[list[int], int]:
    """Section 7.4 of the packet definition, one bit at a time; returns the samples and the bits used."""
    text = "".join(f"{byte:08b}" for byte in stream)
    at = 0

    def take(count: int) -> int:
        nonlocal at
        if at + count > len(text):
            raise Damaged(rice.OUT_OF_BITS, len(values) // 64)
        at += count
        return int(text[at - count : at], 2)

    def residual(k: int) -> int:
        zeros = 0
        while take(1) == 0:
            zeros += 1
            if zeros == 48:
                raise Damaged(rice.ZERO_RUN, len(values) // 64)
        if zeros == 47:
            d = take(width + 2)
            return d - (1 << width + 2) if d >> width + 1 else d
        h = zeros // 2 if zeros % 2 == 0 else -(zeros + 1) // 2
        return h * 2 ** (k + 1) + take(k + 1)

    values: list[int] = []
    while len(values) < samples:
        x: list[int] = []
        psel = take(2)
        k = take(4) if psel >= 2 else 0
        plain = (1, 64, 1, 2)[psel]
        x += [take(width) for _ in range(plain)]
        while len(x) < 64:
            prediction = x[-1] if psel in (0, 2) else 2 * x[-1] - x[-2]
            x.append(prediction + (residual(k) if psel >= 2 else 0))
            if not 0 <= x[-1] < 2**width:
                raise Damaged(rice.OUT_OF_RANGE, len(values) // 64)
        values += x
    return values, at


def encoded(samples: np.ndarray, width: int) -> list[bytes]:
    streams, lengths = rice.encode(samples, width)
    return [stream[:length].tobytes() for stream, length in zip(streams, lengths, strict=True)]


def decoded(streams: list[bytes], width: int, samples: int) -> rice.Decoding:
    data = np.frombuffer(b"".join(streams), dtype=np.uint8)
    lengths = np.array([len(stream) for stream in streams])
    return rice.decode(data, np.cumsum(lengths) - lengths, lengths, width, samples)


def test_worked_example_of_the_packet_definition():
    stream = bytes.fromhex("81FFE473 AAAAAAAA AAAAAAAA AAAAAAAA AAAA8000")
    assert encoded(np.array([EXAMPLE], dtype=np.int16), 10) == [stream]
    result = decoded([stream], 10, 64)
    assert result.samples.tolist() == [EXAMPLE]
    assert result.bits_used.tolist() == [146]
    assert result.subframe.tolist() == [-1]


def test_published_vectors_decode_to_their_samples():
    vectors = json.loads(data_path("idex/reference/rice_vectors.json").read_text())["vectors"]
    assert len(vectors) == 12
    for vector in vectors:
        stream = bytes.fromhex(vector["hex"])
        result = decoded([stream], vector["nbits"], len(vector["samples"]))
        assert result.samples[0].tolist() == vector["samples"], vector["name"]
        assert result.status.tolist() == [rice.OK]
        assert result.bits_used.tolist() == [sum(bits for _, _, bits in vector["subframes_psel_k_bits"])]


@pytest.mark.parametrize(
    "name",
    [
        "worked_example_k0_psel2",
        "constant_psel0",
        "verbatim_psel1",
        "slope_psel3_k0",
        "same_data_hw_rule",
        "two_subframes_mixed",
        "two_blocks_12bit_hw_rule",
    ],
)
def test_vectors_that_follow_the_flight_rule_are_encoded_to_their_bytes(name):
    vectors = json.loads(data_path("idex/reference/rice_vectors.json").read_text())["vectors"]
    vector = next(v for v in vectors if v["name"] == name)
    assert encoded(np.array([vector["samples"]], dtype=np.int16), vector["nbits"])[0].hex() == vector["hex"]


def test_real_compressed_channels_are_encoded_to_their_original_bytes():
    raw = data_path("idex/compressed_2023_102_14_24_55.pkts").read_bytes()
    known = np.load(data_path("idex/reference/compressed_2023_102_14_24_55.full8192.npz"))
    channels: dict[tuple[int, int], dict[int, bytes]] = {}
    at = 0
    while at < len(raw):
        size = struct.unpack_from(">H", raw, at + 4)[0] + 7
        kind, event, offset = raw[at + 16], *struct.unpack_from(">H2xH", raw, at + 20)
        if kind > 1:
            channels.setdefault((event, kind), {})[offset] = raw[at + 44 : at + size - 4]
        at += size
    streams = {key: b"".join(parts[offset] for offset in sorted(parts)) for key, parts in channels.items()}
    assert len(streams) == 24

    names = {2: "TOF_High", 4: "TOF_Low", 8: "TOF_Mid", 16: "Target_Low", 32: "Target_High", 64: "Ion_Grid"}
    for (event, kind), stream in streams.items():
        width, samples = (10, 8192) if kind < 16 else (12, 512)
        result = decoded([stream], width, samples)
        assert result.status.tolist() == [rice.OK]
        assert np.array_equal(result.samples[0], known[names[kind]][event])
        assert 0 <= len(stream) * 8 - result.bits_used[0] < 32
        assert encoded(result.samples, width) == [stream]


@st.composite
def signals(draw: st.DrawFn, width: int) -> np.ndarray:
    """Records made of quiet, steep, extreme and constant stretches."""
    top = 2**width - 1
    subframes = draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    pieces = []
    for _ in range(subframes):
        kind = draw(st.sampled_from(["noise", "ramp", "extremes", "constant", "steps", "flat"]))
        level = draw(st.integers(0, top))
        i = np.arange(64)
        pieces.append(
            {
                "noise": level + rng.normal(0, draw(st.sampled_from([0.3, 3, 30, 300])), 64),
                "ramp": level + draw(st.integers(-40, 40)) * i,
                "extremes": rng.choice([0, top], 64),
                "constant": np.full(64, level),
                "steps": np.where(i < draw(st.integers(0, 64)), level, draw(st.integers(0, top))),
                "flat": rng.integers(0, top + 1, 64),
            }[kind]
        )
    return np.clip(np.rint(np.concatenate(pieces)), 0, top).astype(np.int16)[np.newaxis]


@WIDTHS
@given(data=st.data())
@settings(max_examples=80, deadline=None)
def test_any_signal_survives_and_both_decoders_agree(width, data):
    samples = data.draw(signals(width))
    (stream,) = encoded(samples, width)
    assert len(stream) % 4 == 0

    result = decoded([stream], width, samples.shape[1])
    plain, used = decoded_bit_by_bit(stream, width, samples.shape[1])

    assert result.status.tolist() == [rice.OK]
    assert np.array_equal(result.samples, samples)
    assert plain == samples[0].tolist()
    assert result.bits_used.tolist() == [used]
    assert len(stream) * 8 - used < 32
    assert used <= samples.shape[1] // 64 * (2 + 64 * width)


@WIDTHS
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_damaged_streams_are_reported_as_the_plain_decoder_does(width, data):
    samples = data.draw(signals(width))
    stream = bytearray(encoded(samples, width)[0])
    for _ in range(data.draw(st.integers(0, 3))):
        bit = data.draw(st.integers(0, len(stream) * 8 - 1))
        stream[bit // 8] ^= 1 << bit % 8
    damaged = bytes(stream[: data.draw(st.integers(0, len(stream)))])
    # What stands behind the record must not matter.
    around = [np.full(13, value, np.uint8) for value in (0, 255)]
    results = [
        rice.decode(
            np.concatenate([a, np.frombuffer(damaged, np.uint8), a]),
            np.array([13]),
            np.array([len(damaged)]),
            width,
            samples.shape[1],
        )
        for a in around
    ]
    for field in range(4):
        assert np.array_equal(results[0][field], results[1][field])
    result = results[0]
    try:
        plain, used = decoded_bit_by_bit(damaged, width, samples.shape[1])
    except Damaged as error:
        status, subframe = error.args
        assert (result.status.tolist(), result.subframe.tolist()) == ([status], [subframe])
        assert np.all(result.samples[0, subframe * 64 :] == rice.FILL)
        assert np.all(result.samples[0, : subframe * 64] >= 0)
    else:
        assert result.status.tolist() == [rice.OK]
        assert result.samples[0].tolist() == plain
        assert result.bits_used.tolist() == [used]


@given(st.binary(max_size=400), st.sampled_from([10, 12]))
@settings(max_examples=200, deadline=None)
def test_random_bytes_end_in_a_status(raw, width):
    result = decoded([raw], width, 128)
    assert result.status[0] in (rice.OK, rice.OUT_OF_BITS, rice.OUT_OF_RANGE, rice.ZERO_RUN)
    assert (result.status[0] == rice.OK) == (result.subframe[0] == -1)
    assert result.bits_used[0] <= 8 * len(raw)


def test_each_kind_of_damage_has_its_own_status():
    start = bytes.fromhex("8000")  # psel 2, k 0, x[0] = 0
    rising = decoded([start + b"\xff" * 16], 10, 64)  # d = +1 for ever
    assert rising.status.tolist() == [rice.OK]
    assert rising.samples[0].tolist() == list(range(64))
    assert decoded([start + b"\x40" * 16], 10, 64).status.tolist() == [rice.OUT_OF_RANGE]  # d = -2
    assert decoded([start + b"\xff" * 15], 10, 64).status.tolist() == [rice.OUT_OF_BITS]
    assert decoded([start + bytes(6)], 10, 64).status.tolist() == [rice.ZERO_RUN]
    assert decoded([start + bytes(5)], 10, 64).status.tolist() == [rice.OUT_OF_BITS]
    assert decoded([b""], 10, 64).status.tolist() == [rice.OUT_OF_BITS]
    assert set(rice.REASONS) == {rice.OUT_OF_BITS, rice.OUT_OF_RANGE, rice.ZERO_RUN}


def test_many_records_keep_to_their_own_rows():
    rng = np.random.default_rng(5)
    samples = np.clip(np.rint(rng.normal(511, 3, (6, 512))), 0, 1023).astype(np.int16)
    streams = encoded(samples, 10)
    streams[2] = streams[2][: len(streams[2]) // 2]
    data = np.frombuffer(b"".join(streams), dtype=np.uint8)
    lengths = np.array([len(stream) for stream in streams])
    offsets = np.cumsum(lengths) - lengths
    offsets[4] = -1
    out = np.full((6, 512), -7, dtype=np.int16)

    result = rice.decode(data, offsets, lengths, 10, 512, out)

    assert result.samples is out
    assert result.status.tolist() == [0, 0, rice.OUT_OF_BITS, 0, rice.ABSENT, 0]
    good = [0, 1, 3, 5]
    assert np.array_equal(out[good], samples[good])
    first_bad = 64 * result.subframe[2]
    assert 0 < first_bad < 512
    assert np.array_equal(out[2, :first_bad], samples[2, :first_bad])
    assert np.all(out[2, first_bad:] == rice.FILL)
    assert np.all(out[4] == -7)


@pytest.mark.parametrize(
    ("offsets", "lengths", "samples", "message"),
    [
        ([0], [9], 64, "outside"),
        ([5], [4], 64, "outside"),
        ([0], [-1], 64, "outside"),
        ([0], [8], 65, "subframes"),
        ([0, 1], [8], 64, "lengths"),
    ],
)
def test_calls_that_make_no_sense_are_refused(offsets, lengths, samples, message):
    with pytest.raises(ValueError, match=message):
        rice.decode(np.zeros(8, np.uint8), np.array(offsets), np.array(lengths), 10, samples)


def test_samples_that_do_not_fit_are_not_encoded():
    with pytest.raises(ValueError, match="do not fit"):
        rice.encode(np.full((1, 64), 1024, np.int16), 10)
    with pytest.raises(ValueError, match="subframes"):
        rice.encode(np.zeros((1, 63), np.int16), 10)
