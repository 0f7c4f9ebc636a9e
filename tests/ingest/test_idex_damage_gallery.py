"""Every kind of damaged file at once: what can be decoded is, the rest is told, nothing is lost."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from archive.catalog import Catalog
from archive.formats.ccsds import map_file
from archive.instruments.idex.capture import read_capture
from archive.instruments.idex.simulate import Options, simulate
from archive.store import init_home

PINAKES = [sys.executable, "-c", "from archive.cli import main; main()"]
HOSTILE_NAMES = (
    "line\nbreak.pkts",
    'quote\'s "and" <script>alert(1)<',
    "x..%2F..%2Fetc.pkts",
    "-rf",
    "é☃" * 40 + ".pkts",
)


def gallery(whole: bytes, offsets: list[int], lengths: list[int]) -> Iterator[tuple[str | bytes, bytes]]:
    """Yield (name, bytes) of damaged captures made from a whole one."""
    chooser = random.Random(1)
    packets = [whole[start : start + size] for start, size in zip(offsets, lengths, strict=True)]
    yield "empty.pkts", b""
    yield "one_byte.pkts", b"\x0d"
    for index, end in enumerate(offsets[1:11]):
        yield f"cut_at_{index}.pkts", whole[:end]
        yield f"cut_inside_{index}.pkts", whole[: end - chooser.randrange(1, 8)]
    yield "cut_at_random.pkts", whole[: chooser.randrange(len(whole))]
    yield "garbage_first.pkts", chooser.randbytes(5000) + whole
    large = max(range(len(packets)), key=lengths.__getitem__)
    for name, place in (("header", 3), ("payload", 200), ("crc", lengths[large] - 1)):
        flipped = bytearray(whole)
        flipped[offsets[large] + place] ^= 0x10
        yield f"flipped_{name}.pkts", bytes(flipped)
    shuffled = packets[:]
    chooser.shuffle(shuffled)
    yield "shuffled.pkts", b"".join(shuffled)
    yield "duplicated.pkts", b"".join(packet * 2 for packet in packets)
    yield "dropped.pkts", b"".join(packet for packet in packets if chooser.random() > 0.1)
    wrong = bytearray(whole)
    wrong[offsets[large] + 4 : offsets[large] + 6] = b"\x00\x20"
    yield "wrong_length.pkts", bytes(wrong)
    yield "text.pkts", b"This is a letter, not a capture.\n" * 100
    yield "zeros.bin", bytes(10_000)
    yield "ones.bin", b"\xff" * 10_000
    yield "gzip.pkts", b"\x1f\x8b\x08\x00" + chooser.randbytes(5000)
    for number, name in enumerate(HOSTILE_NAMES):
        yield name, whole + packets[number]
    yield b"not utf-8 \xff\xfe.pkts", whole + packets[9]


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    capture = tmp_path / "whole.pkts"
    simulate(capture, Options(events=4, seed=11, compression="mix", arrays=False))
    data = map_file(capture)
    table = read_capture(data).science
    folder = tmp_path / "damaged"
    folder.mkdir()
    order = sorted(range(len(table.offset)), key=table.offset.__getitem__)
    offsets = [int(table.offset[i]) for i in order]
    lengths = [int(table.size[i]) for i in order]
    for name, content in gallery(capture.read_bytes(), offsets, lengths):
        (Path(os.fsdecode(os.fsencode(folder) + b"/" + os.fsencode(name)))).write_bytes(content)
    (folder / "a folder.pkts").mkdir()
    (folder / "dangling.pkts").symlink_to(folder / "nothing")
    return folder


def pinakes(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PINAKES, "--home", str(home), *arguments], capture_output=True, text=True, errors="replace", check=False
    )


def test_the_whole_gallery_of_damage(damaged: Path, catalog_one: Catalog, tmp_path: Path) -> None:
    home = init_home(tmp_path / "archive", catalog_one.url).root
    done = pinakes(home, "ingest", str(damaged))
    assert done.returncode == 3, done.stderr  # some were set aside
    assert "Traceback" not in done.stderr
    with catalog_one.read() as conn:
        held = set(conn.execute(text("select sha256 from core.file where received")).scalars())
        doubts = conn.execute(
            text("select code, message, byte_offset from core.file_problem where severity <> 'info'")
        ).all()
        reasons = dict(conn.execute(text("select reason, count(*) from ops.quarantine group by reason")).all())
        events = conn.execute(text("select count(*) from core.event where flags & 3 = 0")).scalar_one()
    for path in damaged.iterdir():
        if path.is_file() and not path.is_symlink():
            assert hashlib.sha256(path.read_bytes()).hexdigest() in held, f"{path.name!r} is lost"
    assert all("\n" not in problem.message and problem.message.endswith(".") for problem in doubts)
    assert {"crc_mismatch", "truncated_packet"} <= {
        problem.code for problem in doubts if problem.byte_offset is not None
    }
    assert reasons["empty"] == 1
    assert reasons["not_recognised"] >= 5
    assert events == 4  # some copy of every event is whole
    assert pinakes(home, "verify").returncode == 0
    before = snapshot(catalog_one)
    again = pinakes(home, "ingest", str(damaged))
    assert "Traceback" not in again.stderr
    assert snapshot(catalog_one) == before


def snapshot(catalog: Catalog) -> list[object]:
    queries = (
        "select relpath, sha256, state from core.file order by 1",
        "select identity, flags, preference from core.event order by 1",
        "select file_id, code, byte_offset, message from core.file_problem where file_id > 0 order by 1, 2, 3, 4",
    )
    with catalog.read() as conn:
        return [conn.execute(text(query)).all() for query in queries]
