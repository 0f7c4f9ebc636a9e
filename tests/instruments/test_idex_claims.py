"""Whose file is it? IDEX answers by the bytes, the name is a weak word."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from archive.instruments.base import HEAD_BYTES, Instrument
from archive.instruments.idex import IDEX
from tests.instruments import idex_files as files


def claim(content: bytes, name: str = "something") -> int:
    claimed = IDEX().claims(name, content[:HEAD_BYTES], len(content), {})
    return claimed.confidence if claimed else 0


@pytest.mark.parametrize("name", files.FILES)
def test_every_real_file_is_ours_whatever_it_is_called(name: str) -> None:
    assert claim(files.data(name).tobytes()) >= 90


@pytest.mark.parametrize("skip", [1, 100, 3000])
def test_a_capture_that_begins_in_the_middle_of_a_packet_is_ours(skip: int) -> None:
    assert claim(files.data(files.EVENT_FILES[2]).tobytes()[skip:]) >= 60


@pytest.mark.parametrize("prefix", [bytes(8), b"\x60\xf0\x60\x60"])
def test_packets_with_a_prefix_are_ours(prefix: bytes) -> None:
    packets = files.packets_of(files.data(files.EVENT_FILES[2]))
    assert claim(b"".join(prefix + packet for packet in packets)) >= 60


def test_garbage_before_the_packets_does_not_hide_them() -> None:
    garbage = np.random.default_rng(1).bytes(2000)
    assert claim(garbage + files.data(files.EVENT_FILES[2]).tobytes()) >= 60


@pytest.mark.parametrize("content", [b"", b"\x0d", b"\0" * 5000, b"text, no packets\n" * 500])
def test_what_holds_no_packet_is_not_ours_even_under_our_name(content: bytes) -> None:
    assert claim(content, "imap_idex_l0_raw_20230725_v001.pkts") == 0


def test_random_bytes_are_not_ours() -> None:
    for seed in range(20):
        assert claim(np.random.default_rng(seed).bytes(20_000), "imap_idex_l0_raw_20230725_v001.pkts") == 0


def test_the_files_of_others_are_not_ours() -> None:
    assert claim(Path(__file__).read_bytes()) == 0


def test_idex_is_an_instrument() -> None:
    assert isinstance(IDEX(), Instrument)
    assert IDEX().products[0].level == "raw"
    assert len({product.name for product in IDEX().products}) == len(IDEX().products)
