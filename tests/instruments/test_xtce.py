"""The instrument for any mission: a definition and a packet file give tables, counts and problems."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from archive.errors import NotFound, UsageError
from archive.instruments.base import Instrument, instrument
from archive.instruments.xtce import XTCE
from archive.instruments.xtce import decode as decoding
from archive.model import Decoded, Rows, Source
from tests.data import data_path
from tests.unit import xtce_texts as x
from tests.unit.packets import packet

IDEX = str(Path(decoding.__file__).parents[1] / "idex" / "idex.xml")

TYPES = {
    "TEMP": x.integer("TEMP", 12, encoding="signed", inside=x.polynomial(-10.0, 0.5)),
    "STATE": x.enumerated("STATE", 4, {0: "OFF", 1: "ON"}),
    "NAME": x.text("NAME", 64),
    "VOLT": x.real("VOLT", 32),
    "SIZE": x.integer("SIZE", 8),
    "DATA": x.sized("DATA", "SIZE", 8, 0),
    "LAST": x.integer("LAST", 16),
    "NOTE": x.text("NOTE", 80, "<xtce:TerminationChar>00</xtce:TerminationChar>"),
}
DEFINITION = x.definition(
    TYPES,
    [
        x.container("HOUSE", ["TEMP", "STATE", "NAME", "VOLT"], "CCSDSPacket", x.equal("PKT_APID", 200)),
        x.container("BLOCK", ["SIZE", "DATA", "LAST"], "CCSDSPacket", x.equal("PKT_APID", 201)),
        x.container("NOTES", ["NOTE"], "CCSDSPacket", x.equal("PKT_APID", 202)),
    ],
)


def packets(n: int = 40) -> list[bytes]:
    """Return packets of a mission without checksums: housekeeping, blocks, notes, and an APID nobody defined."""
    out = []
    for i in range(n):
        volt = np.array([i / 4], dtype=">f4").tobytes()
        out.append(packet(200, i, ((i - 8) % 4096 << 4 | i % 3).to_bytes(2, "big") + b"unit%04d" % i + volt, crc=False))
        out.append(packet(201, i, bytes([i % 7]) + bytes([i]) * (i % 7) + i.to_bytes(2, "big"), crc=False))
        if i % 5 == 0:
            out.append(packet(202, i // 5, b"ok%d\x00" % (i % 10) + bytes(6), crc=False))
        if i % 10 == 0:
            out.append(packet(999, i, b"whatever", crc=False))
    return out


def run(folder: Path, raw: bytes, definition: bytes | str = DEFINITION, **options: Any) -> Decoded:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "raw").write_bytes(raw)
    if isinstance(definition, bytes):
        (folder / "definition.xml").write_bytes(definition)
        definition = str(folder / "definition.xml")
    digest = hashlib.sha256(raw).hexdigest()
    return XTCE().decode(Source(folder / "raw", "raw", digest, len(raw), {"xtce": definition, **options}), folder)


def columns(rows: list[Rows], table: str) -> dict[str, Any]:
    (found,) = [r for r in rows if r.table == table]
    assert found.owner == "file"
    assert not found.index.any()
    assert all(len(column) == len(found.index) for column in found.columns.values())
    return found.columns


def test_it_is_an_instrument_that_claims_only_what_comes_with_a_definition() -> None:
    assert isinstance(XTCE(), Instrument)
    assert isinstance(instrument("xtce"), XTCE)
    assert XTCE().claims("a.pkts", b"", 0, {}) is None
    claim = XTCE().claims("a.pkts", b"", 0, {"xtce": "/somewhere.xml"})
    assert claim is not None
    assert (claim.product, claim.confidence) == ("packets", 100)
    assert XTCE().products[0].level == "raw"
    assert XTCE().calibrations() == ()
    assert XTCE().table_metadata() is None
    assert XTCE().assemble([], [], Path()).products == []
    with pytest.raises(NotFound, match="no waveforms"):
        XTCE().waveforms(Path("p.h5"), 0, 1)


def test_every_parameter_becomes_a_dataset_with_its_meaning(tmp_path: Path) -> None:
    decoded = run(tmp_path, b"".join(packets()))
    assert decoded.header["checksums"] is False
    with h5py.File(decoded.products[0].path) as file:
        house = file["apid_0200/HOUSE"]
        i = np.arange(40)
        assert (house["TEMP"][:] == i - 8).all()
        assert "units" not in house["TEMP"].attrs
        assert house["TEMP_calibrated"][:] == pytest.approx((i - 8) * 0.5 - 10)
        assert house["TEMP_calibrated"].attrs["units"] == "V"
        assert (house["STATE"][:] == i % 3).all()
        assert json.loads(house["STATE"].attrs["labels"]) == {"0": "OFF", "1": "ON"}
        assert house["NAME"][7] == b"unit0007"
        assert house["VOLT"][:] == pytest.approx(i / 4)
        assert (house["SRC_SEQ_CTR"][:] == i).all()
        assert (house["crc_ok"][:] == -1).all()
        block = file["apid_0201/BLOCK"]
        start, length = block["DATA_start"][:], block["DATA_length"][:]
        assert (length == i % 7).all()
        assert all((block["DATA"][a : a + n] == k).all() for k, (a, n) in enumerate(zip(start, length, strict=True)))
        assert (block["LAST"][:] == i).all()
        notes = file["apid_0202/NOTES"]
        assert notes["NOTE"][1] == b"ok5"
        raw = (tmp_path / "raw").read_bytes()
        at, number = block["packet_offset"][3], block["packet_number"][3]
        assert raw[at : at + 6] == packets()[number][:6]
        assert file["apid_0200"].attrs["name"] == "HOUSE"
        assert file["apid_0200"].attrs["apid"] == 200


def test_counts_jumps_and_what_nobody_defined_are_told(tmp_path: Path) -> None:
    stream = packets()
    del stream[0]
    del stream[8]  # a packet of APID 201
    decoded = run(tmp_path, b"".join(stream))
    apids = columns(decoded.rows, "core.file_apid")
    assert apids["apid"] == [200, 201, 202, 999]
    assert apids["n_packets"] == [39, 39, 8, 4]
    assert apids["name"] == ["HOUSE", "BLOCK", "NOTES", None]
    gaps = columns(decoded.rows, "core.packet_gap")
    assert (201, "gap") in zip(gaps["apid"].tolist(), gaps["kind"], strict=True)
    undefined = [p for p in decoded.problems if p.code == "undefined_packet"]
    assert [(p.count, p.severity) for p in undefined] == [(4, "warning")]
    assert "APID 999" in undefined[0].message


def test_the_same_packets_give_the_same_bytes(tmp_path: Path) -> None:
    raw = b"".join(packets())
    digests = {
        hashlib.sha256(run(tmp_path / name, raw).products[0].path.read_bytes()).hexdigest() for name in ("a", "b")
    }
    assert len(digests) == 1


def test_windows_give_the_tables_of_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = b"".join(packets(200))
    whole = run(tmp_path / "whole", raw)
    monkeypatch.setattr(decoding, "WINDOW", 700)
    pieces = run(tmp_path / "pieces", raw)
    assert pieces.products[0].header == whole.products[0].header
    assert pieces.problems == whole.problems
    assert columns(pieces.rows, "core.file_apid") == columns(whole.rows, "core.file_apid")
    with h5py.File(whole.products[0].path) as one, h5py.File(pieces.products[0].path) as many:
        names: list[str] = []
        one.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
        assert len(names) > 40
        for name in names:
            np.testing.assert_array_equal(one[name][()], many[name][()], err_msg=name)


def test_names_that_collide_or_hold_slashes_stay_apart(tmp_path: Path) -> None:
    types = {
        "A": x.integer("A", 8, inside=x.polynomial(1.0, 2.0)),
        "A_calibrated": x.integer("A_calibrated", 8),
        "B/C": x.integer("B/C", 8),
        "packet_offset": x.integer("packet_offset", 8),
        "..": x.integer("..", 8),
    }
    text = x.definition(types, [x.container("N", list(types), "CCSDSPacket", x.equal("PKT_APID", 5))])
    raw = b"".join(packet(5, i, bytes([i, 100 + i, 50 + i, 7, 8]), crc=False) for i in range(4))
    with h5py.File(run(tmp_path, raw, text).products[0].path) as file:
        table = file["apid_0005/N"]
        assert table["A"][:].tolist() == [0, 1, 2, 3]
        assert sorted(len(d) for d in table.values()) == [4] * len(table)
        values = [d[:].tolist() for d in table.values()]
        for column in ([100, 101, 102, 103], [50, 51, 52, 53], [7] * 4, [8] * 4, [1.0, 3.0, 5.0, 7.0]):
            assert column in values


@pytest.mark.parametrize(
    ("raw", "codes"),
    [
        (b"", ["no_packets"]),
        (b"\x08", ["truncated_packet", "no_packets"]),
        (b"just a text that somebody dropped here", ["impossible_header", "no_packets"]),
        (bytes(5000), ["impossible_header", "no_packets"]),
        (b"\xff" * 5000, ["impossible_header", "no_packets"]),
    ],
)
def test_a_file_without_packets_gives_problems_and_no_product(tmp_path: Path, raw: bytes, codes: list[str]) -> None:
    decoded = run(tmp_path, raw)
    assert [p.code for p in decoded.problems] == codes
    assert decoded.products == []
    assert not list(tmp_path.glob("*.h5"))
    assert columns(decoded.rows, "core.packet_gap")["apid"].tolist() == []


def test_damage_anywhere_never_raises(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    clean = b"".join(packets(12))
    for trial in range(25):
        text = bytearray(clean)
        for _ in range(3):
            text[random.integers(0, len(text))] ^= 1 << random.integers(0, 8)
        decoded = run(tmp_path / str(trial), bytes(text[: random.integers(1, len(text))]))
        assert decoded.product == "packets"


def test_packets_that_do_not_fit_their_container_are_told(tmp_path: Path) -> None:
    stream = [*packets(5), packet(200, 5, b"short", crc=False), packet(201, 5, b"\x30", crc=False)]
    decoded = run(tmp_path, b"".join(stream))
    told = [p.message.split(" (")[0] for p in decoded.problems if p.code == "undecodable_packet"]
    assert told == ["Packets of APID 200", "Packets of APID 201"]


def test_a_definition_that_is_broken_or_changed_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no XML"):
        run(tmp_path, b"", b"no definition at all")
    with pytest.raises(UsageError, match="has changed"):
        run(tmp_path, b"", DEFINITION, xtce_sha256="0" * 64)
    with pytest.raises(UsageError, match="crc is auto"):
        run(tmp_path, b"", DEFINITION, crc="maybe")


def test_checksums_can_be_demanded(tmp_path: Path) -> None:
    stream = [packet(200, i, bytes(14)) for i in range(5)]
    bad = bytearray(b"".join(stream))
    bad[30] ^= 1
    decoded = run(tmp_path, bytes(bad), DEFINITION, crc="yes")
    assert columns(decoded.rows, "core.file_apid")["n_crc_failed"] == [1]
    assert [p.code for p in decoded.problems] == ["crc_mismatch"]
    assert run(tmp_path, bytes(bad)).header["checksums"] is True
    assert run(tmp_path, bytes(bad), crc="no").header["checksums"] is False


def test_real_packets_of_our_own_definition_come_out(tmp_path: Path) -> None:
    path = data_path("idex/imap_idex_l0_raw_20231218_v001.pkts")
    decoded = run(tmp_path, path.read_bytes(), IDEX)
    assert decoded.problems == []
    assert columns(decoded.rows, "core.file_apid")["n_crc_failed"] == [0] * 6
    events = json.loads(data_path("idex/reference/imap_idex_l0_raw_20231218_v001.headers.json").read_text())["events"]
    with h5py.File(decoded.products[0].path) as file:
        table = file["apid_1424/SCI0_HEADER"]
        for name in ("TXHDRTIMESUBS", "TXHDRFPGAVER", "SCI0AID", "SHCOARSE", "CRCSCI0PKT"):
            key = name if name == "SHCOARSE" else f"IDX__{name}"
            assert table[name][:].tolist() == [event[key] for event in events]
        assert file["apid_1376/ALIVE/SHFINE"][:].tolist() == [1] * 262
