"""The real IDEX files with their reference decodes."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archive.instruments.idex.events import DecodedEvents, decode_events
from archive.model import Source
from tests.data import data_path

EVENT_FILES = (
    "imap_idex_l0_raw_20230725_v001.pkts",
    "imap_idex_l0_raw_20231218_v001.pkts",
    "non_compressed_2023_102_14_22_26.pkts",
    "compressed_2023_102_14_24_55.pkts",
    "sciData_2023_052_14_45_05",
    "sciData_2022_130_17_41_53.spl",
)
#: Files that established level-1A products exist for.
L1A_FILES = EVENT_FILES[:5]
OTHER_FILES = ("imap_idex_l0_raw_20241206_v001.pkts", "imap_idex_l0_raw_20250108_v001.pkts")
FILES = EVENT_FILES + OTHER_FILES

#: Packets by APID, from the list in the README of the data.
PACKETS = {
    EVENT_FILES[0]: {1376: 1829, 1377: 73, 1413: 17, 1414: 35, 1418: 5, 1424: 247},
    EVENT_FILES[1]: {1376: 262, 1377: 10, 1413: 12, 1414: 25, 1418: 3, 1424: 182},
    EVENT_FILES[2]: {1424: 52},
    EVENT_FILES[3]: {1424: 29},
    EVENT_FILES[4]: {1424: 78},
    EVENT_FILES[5]: {1425: 13},
    OTHER_FILES[0]: {1419: 1},
    OTHER_FILES[1]: {1418: 28},
}
EVENTS = dict(zip(EVENT_FILES, (19, 14, 4, 4, 6, 1), strict=True))


def path(name: str) -> Path:
    return data_path(f"idex/{name}")


@cache
def data(name: str) -> NDArray[np.uint8]:
    return np.fromfile(path(name), dtype=np.uint8)


def stem(name: str) -> str:
    return name.partition(".")[0]


def reference(name: str, kind: str) -> Any:
    found = data_path(f"idex/reference/{stem(name)}.{kind}")
    return np.load(found) if found.suffix == ".npz" else json.loads(found.read_text(encoding="utf-8"))


@cache
def decoded(name: str) -> DecodedEvents:
    return decode_events(data(name))


def source(file: Path) -> Source:
    return Source(file, file.name, hashlib.sha256(file.read_bytes()).hexdigest(), file.stat().st_size)


def packets_of(content: NDArray[np.uint8], prefix: int = 0) -> list[bytes]:
    """Cut a sound stream into packets, each with the prefix before it."""
    packets, at, whole = [], 0, content.tobytes()
    while at < len(whole):
        size = prefix + int.from_bytes(whole[at + prefix + 4 : at + prefix + 6], "big") + 7
        packets.append(whole[at : at + size])
        at += size
    return packets


def array(*parts: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(b"".join(parts), dtype=np.uint8)
