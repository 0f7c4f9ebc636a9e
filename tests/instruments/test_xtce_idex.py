"""Our definition of the IDEX packets, in columns and packet by packet, on every real file (checks 1 and 2 of 14)."""

from __future__ import annotations

import json
import warnings
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from space_packet_parser.generators import ccsds_generator

from archive.formats.ccsds import Framing, PacketTable, frame, map_file
from archive.formats.sequence import per_apid, sequence_jumps
from archive.formats.xtce import load
from archive.formats.xtce_columns import Plan
from archive.formats.xtce_group import Ragged
from archive.instruments.idex.fields import FIELDS
from tests.data import data_path

ALIVE = 1376
FILES = {
    "imap_idex_l0_raw_20230725_v001.pkts": {1376: 1829, 1377: 73, 1413: 17, 1414: 35, 1418: 5, 1424: 247},
    "imap_idex_l0_raw_20231218_v001.pkts": {1376: 262, 1377: 10, 1413: 12, 1414: 25, 1418: 3, 1424: 182},
    "non_compressed_2023_102_14_22_26.pkts": {1424: 52},
    "compressed_2023_102_14_24_55.pkts": {1424: 29},
    "sciData_2023_052_14_45_05": {1424: 78},
    "sciData_2022_130_17_41_53.spl": {1425: 13},
    "imap_idex_l0_raw_20241206_v001.pkts": {1419: 1},
    "imap_idex_l0_raw_20250108_v001.pkts": {1418: 28},
}
JUMPS = {
    "imap_idex_l0_raw_20230725_v001.pkts": [(1376, "gap", 5093, 5095, 1)],
    "imap_idex_l0_raw_20231218_v001.pkts": [(1376, "gap", 10411, 10413, 1)],
    "imap_idex_l0_raw_20250108_v001.pkts": [(1418, "reboot", 1, 0, 0)],
}


@cache
def plan() -> Plan:
    return Plan(load(Path(str(files("archive.instruments.idex") / "idex.xml"))))


def framed(name: str) -> tuple[np.ndarray, PacketTable]:
    data = map_file(data_path(f"idex/{name}"))
    framing = Framing(known_apids=frozenset(plan().apids()), crc_free_apids=frozenset({ALIVE}))
    return data, frame(data, framing)


def reference(name: str, kind: str) -> dict:  # type: ignore[type-arg]
    path = data_path(f"idex/reference/{name.split('.')[0]}.{kind}.json")
    return json.loads(path.read_text())


@pytest.mark.parametrize("name", FILES)
def test_packets_counts_checksums_and_jumps_are_as_known(name: str) -> None:
    _, table = framed(name)
    counts = per_apid(table)
    assert dict(zip(counts["apid"], counts["n_packets"], strict=True)) == FILES[name]
    assert (table.crc_ok == np.where(table.apid == ALIVE, -1, 1)).all()
    assert table.prefix == (4 if name.endswith(".spl") else 0)
    assert (table.skipped, table.leading, table.tail) == ([], 0, None)
    jumps = sequence_jumps(table)
    columns = (jumps.apid, jumps.kind, jumps.before, jumps.after, jumps.n_missing)
    assert list(zip(*(column.tolist() for column in columns), strict=True)) == JUMPS.get(name, [])
    packets = reference(name, "packets")["packets"]
    assert table.apid.tolist() == [p["apid"] for p in packets]
    assert table.seq_count.tolist() == [p["seq"] for p in packets]
    assert table.length.tolist() == [p["nbytes"] for p in packets]


@pytest.mark.parametrize("name", [name for name, counts in FILES.items() if {1424, 1425} & set(counts)])
def test_header_fields_and_fragments_equal_the_reference(name: str) -> None:
    data, table = framed(name)
    science = "SCIFETCH" if 1425 in FILES[name] else "SCI0"
    groups = {group.layout.name: group for group in plan().decode(data, table.offset, table.length).groups}
    headers = groups[f"{science}_HEADER"]
    index = headers.index
    whole = plan().extract(f"{science}_HEADER", data, table.offset[index], table.length[index], words=True)
    pulse = whole.columns["TXHDRSTIMPULSE" if science == "SCI0" else "FETHDRSTIMPULSE"].astype(np.int64)
    for field in (events := reference(name, "headers")["events"])[0]:
        expected = [event[field] for event in events]
        found = whole.columns[field.removeprefix("IDX__")].astype(np.int64)
        if field.endswith("HDRSP04"):  # the reference reads the stimulus bit as part of the spare
            found = pulse << 21 | found
        assert found.tolist() == expected, field
    waves = groups[f"{science}_WAVEFORM"]
    known = [p for p in reference(name, "packets")["packets"] if p.get("type", 0) > 1]
    for column, key in (("TYPE", "type"), ("EVTNUM", "evtnum"), ("FRAGOFF", "fragoff"), ("FRAG", "frag")):
        assert waves.columns[science + column].tolist() == [p[key] for p in known]
    raw = waves.columns[science + "RAW"]
    assert isinstance(raw, Ragged)
    assert raw.length.tolist() == [p["raw_bytes"] for p in known]
    assert (waves.columns[f"SYNC{science}PKT"] == 0x3333).all()


def test_the_catalogue_list_equals_the_reference() -> None:
    name = "imap_idex_l0_raw_20241206_v001.pkts"
    data, table = framed(name)
    (group,) = plan().decode(data, table.offset, table.length).groups
    fields = reference(name, "catalogue")["fields"]
    assert {key.lower(): column.tolist() for key, column in group.columns.items()} == fields
    assert group.labels("CATLSTPROC0") == ["NO"]


@pytest.mark.parametrize("name", FILES)
def test_columns_equal_the_library_packet_by_packet(name: str) -> None:
    data, table = framed(name)
    groups = plan().decode(data, table.offset, table.length).groups
    assert sum(len(group.index) for group in groups) == len(table)
    where = {int(i): (group, row) for group in groups for row, i in enumerate(group.index)}
    source = data_path(f"idex/{name}").read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the library warns when a layout does not fill its packet
        for i, packet in enumerate(ccsds_generator(source, skip_header_bytes=table.prefix)):
            expected = plan().definition.model.parse_bytes(packet)
            group, row = where[i]
            assert list(group.columns) == list(expected)
            for key, value in expected.items():
                column = group.columns[key]
                if isinstance(column, Ragged):
                    at = int(column.offset[row])
                    assert data[at : at + int(column.length[row])].tobytes() == value.raw_value
                else:
                    assert column[row] == value.raw_value
    labels = [group.labels("SCI0COMP") for group in groups if "SCI0COMP" in group.columns]
    assert all(set(texts or ()) <= {"DS", "EN"} for texts in labels)


def test_the_definition_and_the_header_table_of_the_decoder_agree() -> None:
    layout = plan().layout("SCI0_HEADER")
    places = {f.name.lower(): (f.bit, f.width) for f in (*layout.fields, *layout.words)}
    assert len(FIELDS) > 100
    for field in FIELDS:
        name = "sampdelay_spare" if "sampdelay_spare" in field.name else field.name
        assert places[name] == (field.bit, field.bits), field.name


def test_layouts_have_the_sizes_of_the_packets() -> None:
    sizes = {name: plan().layout(name).ends[0] // 8 for name in ("SCI0_HEADER", "EVENT_MESSAGE", "CATALOGUE_LIST")}
    assert sizes == {"SCI0_HEADER": 304, "EVENT_MESSAGE": 28, "CATALOGUE_LIST": 3632}
    assert sum(plan().layout("SCIFETCH_WAVEFORM").ends) // 8 == 48
    names = {f.name for f in plan().layout("SCIFETCH_HEADER").fields}
    assert not any(name.startswith(("SCI0", "TXHDR")) for name in names)


@pytest.mark.parametrize("name", ["imap_idex_l0_raw_20231218_v001.pkts", "sciData_2022_130_17_41_53.spl"])
def test_a_real_file_cut_anywhere_keeps_its_whole_packets(name: str) -> None:
    data, table = framed(name)
    framing = Framing(known_apids=frozenset(plan().apids()), crc_free_apids=frozenset({ALIVE}))
    ends = (table.offset + table.length).tolist()
    random = np.random.default_rng(2).integers(0, ends[12], 60).tolist()
    for size in sorted({*(e + d for e in ends[:10] for d in (-5, -1, 0, 1, 5)), *random}):
        cut = frame(data[:size], framing)
        whole = sum(end <= size for end in ends)
        assert cut.offset.tolist() == table.offset[:whole].tolist(), size
        assert (cut.tail is None) == (size in (0, *ends))
    for start in np.random.default_rng(3).integers(1, ends[12], 60).tolist():
        late = frame(data[start:], framing, prefix=table.prefix)
        first = int(np.searchsorted(table.offset - table.prefix, start))
        assert (late.offset + start).tolist() == table.offset[first:].tolist(), start


def test_a_real_file_in_another_order_is_framed_and_read_alike() -> None:
    data, table = framed("imap_idex_l0_raw_20231218_v001.pkts")
    order = np.random.default_rng(4).permutation(np.repeat(np.arange(len(table)), 2))
    pieces = [data[table.offset[i] : table.offset[i] + table.length[i]] for i in order]
    mixed = np.concatenate(pieces)
    framing = Framing(known_apids=frozenset(plan().apids()), crc_free_apids=frozenset({ALIVE}))
    shuffled = frame(mixed, framing)
    assert shuffled.length.tolist() == table.length[order].tolist()
    assert not (shuffled.crc_ok == 0).any()
    before = {g.layout.name: g for g in plan().decode(data, table.offset, table.length).groups}
    for group in plan().decode(mixed, shuffled.offset, shuffled.length).groups:
        place = np.searchsorted(before[group.layout.name].index, order[group.index])
        for key, column in group.columns.items():
            if not isinstance(column, Ragged):
                np.testing.assert_array_equal(column, before[group.layout.name].columns[key][place])
