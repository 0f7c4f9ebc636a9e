"""Columns against space-packet-parser, packet by packet, on random definitions and random packets."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.errors import NotFound
from archive.formats.xtce import parse
from archive.formats.xtce_columns import Plan, _signed
from archive.formats.xtce_group import Group, Ragged, Sorted
from tests.unit import xtce_texts as x
from tests.unit.packets import as_array, packet, starts

ORDERS = st.sampled_from(["most", "least"])


@st.composite
def fields(draw: st.DrawFn, name: str) -> tuple[str, int]:
    """Draw a parameter type and its width."""
    kind = draw(st.sampled_from(["uint", "int", "float", "mil", "enum", "bool", "bytes", "text", "spline", "poly"]))
    width = draw(st.integers(1, 64))
    if kind == "uint":
        order = "most" if width % 8 else draw(ORDERS)
        return x.integer(name, width, order=order), width
    if kind == "int":
        return x.integer(name, width, encoding=draw(st.sampled_from(["signed", "twosComplement"]))), width
    if kind == "float":
        width = draw(st.sampled_from([16, 32, 64]))
        return x.real(name, width, order=draw(ORDERS)), width
    if kind == "mil":
        return x.real(name, 32, encoding="MILSTD_1750A"), 32
    if kind == "enum":
        width = min(width, 5)
        return x.enumerated(name, width, {i: f"L{i}" for i in range(1 << width)}), width
    if kind == "bool":
        return x.boolean(name, width), width
    if kind == "bytes":
        width = draw(st.integers(1, 200))
        return x.binary(name, width), width
    if kind == "text":
        width = 8 * draw(st.integers(1, 12))
        return x.text(name, width), width
    if kind == "spline":
        width = min(width, 12)
        points = [(0.0, 5.0), (100.0, -3.0), (5000.0, 80.5)]
        return x.integer(name, width, inside=x.spline(points, draw(st.integers(0, 1)), extrapolate=False)), width
    width = min(width, 32)
    return x.integer(name, width, encoding="signed", inside=x.polynomial(1.5, -0.25, 1e-6)), width


def check(plan: Plan, packets: list[bytes]) -> Sorted:
    """Decode packets both ways and compare every value; return what the columns gave."""
    data = as_array(b"".join(packets))
    out = plan.decode(data, np.array(starts(packets)), np.array([len(p) for p in packets]))
    seen = [*out.unrecognised, *(i for i, _ in out.failed)]
    for group in out.groups:
        seen += group.index.tolist()
        for row, i in enumerate(group.index.tolist()):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                expected = plan.definition.model.parse_bytes(packets[i], root_container_name=plan.definition.root)
            assert set(group.columns) == set(expected)
            for name, value in expected.items():
                compare(group, data, name, row, value)
    assert sorted(seen) == list(range(len(packets)))
    return out


def compare(group: Group, data: np.ndarray, name: str, row: int, expected: Any) -> None:
    column, field = group.columns[name], group.layout.find(name)
    assert field is not None
    if isinstance(column, Ragged):
        at = int(column.offset[row])
        assert data[at : at + int(column.length[row])].tobytes() == expected.raw_value
    elif field.kind in ("text", "bytes"):
        assert bytes(column[row]) == expected.raw_value
    else:
        raw = column[row].item()
        assert raw == expected.raw_value or (math.isnan(raw) and math.isnan(expected.raw_value))
    labels = group.labels(name)
    calibrated = group.calibrated(name)
    if labels is not None:
        assert labels[row] == expected
    elif calibrated is not None:
        assert calibrated[row] == pytest.approx(float(expected), rel=1e-12, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_random_layouts_give_what_the_library_gives(data: st.DataObject) -> None:
    drawn = [data.draw(fields(f"P{i}")) for i in range(data.draw(st.integers(1, 12)))]
    types = {f"P{i}": text for i, (text, _) in enumerate(drawn)}
    pad = -sum(width for _, width in drawn) % 8
    if pad:
        types["PAD"] = x.integer("PAD", pad)
    size = (sum(width for _, width in drawn) + pad) // 8
    random = np.random.default_rng(data.draw(st.integers(0, 1 << 30)))
    packets = [packet(5, i, random.integers(0, 256, size, dtype=np.uint8).tobytes(), crc=False) for i in range(7)]
    text = x.definition(types, [x.container("BODY", list(types), "CCSDSPacket", x.equal("PKT_APID", 5))])
    plan = Plan(parse(text, "test"))
    assert plan.layout("BODY").reason == ""
    out = check(plan, packets)
    assert not out.failed
    assert not out.unrecognised


def variable() -> Plan:
    """Return a definition whose packets hold two byte fields of variable size with fields around them."""
    types = {
        "N": x.integer("N", 8),
        "FIRST": x.sized("FIRST", "N", 8, 0),
        "MID": x.integer("MID", 12, encoding="signed"),
        "FOUR": x.integer("FOUR", 4),
        "SECOND": x.sized("SECOND", "MID", 8, 0),
        "END": x.integer("END", 16),
    }
    return Plan(parse(x.definition(types, [x.container("V", list(types), "CCSDSPacket", x.equal("PKT_APID", 9))]), "v"))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(-3, 60), st.integers(-4, 4)), min_size=1, max_size=12))
def test_fields_behind_fields_of_variable_size_stay_in_columns(sizes: list[tuple[int, int, int]]) -> None:
    packets = []
    for i, (first, second, slack) in enumerate(sizes):
        body = bytes([first]) + b"\x11" * first + (second % 4096 << 4 | 7).to_bytes(2, "big")
        body += b"\x22" * max(0, second + slack) + i.to_bytes(2, "big")
        packets.append(packet(9, i, body, crc=False))
    out = check(variable(), packets)
    whole = [i for i, (_, second, slack) in enumerate(sizes) if max(0, second + slack) >= second >= 0]
    assert sorted(i for group in out.groups for i in group.index.tolist()) == whole
    assert variable().layout("V").reason == ""


def tree() -> Plan:
    """Return a definition with criteria of every simple kind, a word of parts, and an abstract end."""
    types = {
        "KIND": x.integer("KIND", 8, inside=x.polynomial(0.0, 0.5)),
        "MODE": x.enumerated("MODE", 8, {0: "OFF", 1: "ON", 2: "ON", 3: "TEST"}),
        "A": x.integer("A", 3),
        "B": x.integer("B", 13),
        "C": x.integer("C", 16, encoding="signed"),
    }
    both = x.equal("KIND", 10.0, calibrated=True, how=">=") + x.equal("MODE", "ON", calibrated=True)
    containers = [
        x.container("WORD", ["A", "B"]),
        x.container("TOP", ["KIND", "MODE"], "CCSDSPacket", x.equal("PKT_APID", 3), abstract=True),
        x.container("HIGH", ["@WORD"], "TOP", f"<xtce:ComparisonList>{both}</xtce:ComparisonList>"),
        x.container("LOW", ["C"], "TOP", x.equal("KIND", 20, how="<")),
        x.container("MIDDLE", [], "TOP", x.equal("KIND", 30, how="<")),
        x.container("PLAIN", ["C"], "CCSDSPacket", x.equal("PKT_APID", 4, how="geq")),
        x.container("DEEP", ["A", "B"], "PLAIN", x.equal("C", -5, how="neq")),
    ]
    return Plan(parse(x.definition(types, containers), "tree"))


def test_criteria_sort_packets_as_the_library_does() -> None:
    plan = tree()
    random = np.random.default_rng(1)
    packets = []
    for i in range(300):
        kind, mode = int(random.choice([0, 5, 19, 20, 25, 30, 200])), int(random.integers(0, 4))
        tail = random.choice([b"\xff\xfb", b"\x12\x34"]) + bytes(2)
        body = (bytes([kind, mode]) if i % 3 == 0 else b"") + tail
        packets.append(packet(3 if i % 3 == 0 else 2 + i % 5, i, body[: 1 + i % 9], crc=False))
    out = check(plan, packets)
    names = {group.layout.name for group in out.groups}
    assert names == {"HIGH", "MIDDLE", "PLAIN", "DEEP"}  # LOW never holds without MIDDLE
    assert out.unrecognised
    assert out.failed
    one = packet(3, 0, bytes([200, 1, 0xB2, 0x34]), crc=False)
    high = plan.extract("HIGH", as_array(one), np.array([0]), np.array([len(one)]), words=True)
    assert [f.name for f in plan.layout("HIGH").words] == ["WORD"]
    assert [high.columns[name].tolist() for name in ("WORD", "A", "B")] == [[0xB234], [5], [0x1234]]
    assert plan.apids() == {3: "TOP"}


@pytest.mark.parametrize(
    ("types", "reason"),
    [
        (
            {"S": x.text("S", 64, "<xtce:TerminationChar>00</xtce:TerminationChar>"), "E": x.integer("E", 8)},
            "text S has no fixed length",
        ),
        (
            {
                "M": x.integer("M", 8),
                "Q": x.integer(
                    "Q",
                    8,
                    inside="<xtce:ContextCalibratorList><xtce:ContextCalibrator><xtce:ContextMatch>"
                    + x.equal("M", 100, how=">")
                    + "</xtce:ContextMatch><xtce:Calibrator><xtce:PolynomialCalibrator>"
                    '<xtce:Term exponent="1" coefficient="2.0"/></xtce:PolynomialCalibrator></xtce:Calibrator>'
                    "</xtce:ContextCalibrator></xtce:ContextCalibratorList>",
                ),
                "PAD": x.integer("PAD", 64),
            },
            "the calibration of Q depends on other parameters",
        ),
    ],
)
def test_what_does_not_fit_columns_goes_through_the_library(types: dict[str, str], reason: str) -> None:
    containers = [x.container("BODY", list(types), "CCSDSPacket", x.equal("PKT_APID", 5))]
    plan = Plan(parse(x.definition(types, containers), "test"))
    assert plan.layout("BODY").reason == reason
    packets = [packet(5, i, bytes([i * 9, 65, 66, 67, i * 11 % 256, 0, 0, 0, 1, 2]), crc=False) for i in range(20)]
    out = check(plan, packets)
    assert sum(len(group.index) for group in out.groups) == 20
    with pytest.raises(ValueError, match="in columns"):
        plan.extract("BODY", as_array(packets[0]), np.array([0]), np.array([16]))


def test_values_without_a_text_and_outside_a_spline_do_not_fail() -> None:
    types = {
        "E": x.enumerated("E", 8, {1: "ONE"}),
        "S": x.integer("S", 8, inside=x.spline([(10.0, 0.0), (20.0, 1.0)], 1, extrapolate=False)),
    }
    text = x.definition(types, [x.container("BODY", ["E", "S"], "CCSDSPacket", x.equal("PKT_APID", 5))])
    plan = Plan(parse(text, "test"))
    packets = [packet(5, 0, bytes([1, 15]), crc=False), packet(5, 1, bytes([7, 25]), crc=False)]
    group = plan.decode(as_array(b"".join(packets)), np.array(starts(packets)), np.array([8, 8])).groups[0]
    assert group.labels("E") == ["ONE", None]
    calibrated = group.calibrated("S")
    assert calibrated is not None
    assert calibrated[0] == 0.5
    assert math.isnan(calibrated[1])


def test_no_packets_and_no_such_container() -> None:
    plan = tree()
    none = np.empty(0, dtype=np.int64)
    assert plan.decode(np.empty(0, dtype=np.uint8), none, none).groups == []
    with pytest.raises(NotFound, match="NOWHERE"):
        plan.layout("NOWHERE")


@pytest.mark.parametrize("width", [1, 8, 24, 62, 63, 64])
def test_signed_numbers_of_every_width_are_read_as_twos_complement(width: int) -> None:
    expected = [-(1 << (width - 1)), -1, 0, (1 << (width - 1)) - 1]
    raw = np.array([value & ((1 << width) - 1) for value in expected], dtype=np.uint64)
    assert _signed(raw, width).tolist() == expected
