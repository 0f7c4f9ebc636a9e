"""Events whose packets lie in several files are put together, and come out as if they had come in one."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from archive.instruments.idex import IDEX
from archive.model import FLAG_ASSEMBLED, Decoded, Source
from tests.instruments import idex_files as files


def written(folder: Path, name: str, packets: list[bytes]) -> Source:
    path = folder / name
    path.write_bytes(b"".join(packets))
    return files.source(path)


def decode(folder: Path, source: Source) -> Decoded:
    work = folder / f"decode-{source.name}"
    work.mkdir()
    return IDEX().decode(source, work)


def assemble(folder: Path, sources: list[Source], keys: list[str]) -> Decoded:
    work = folder / "-".join(["assemble", *(source.name for source in sources)])
    work.mkdir()
    return IDEX().assemble(sources, keys, work)


@pytest.mark.parametrize("name", ["non_compressed_2023_102_14_22_26.pkts", "compressed_2023_102_14_24_55.pkts"])
@pytest.mark.parametrize("cut", [1, 5, 10])
def test_a_capture_cut_in_two_gives_the_same_event_in_either_order(tmp_path: Path, name: str, cut: int) -> None:
    packets = files.packets_of(files.data(name))
    whole = decode(tmp_path, written(tmp_path, "whole", packets))
    parts = [written(tmp_path, "first", packets[:cut]), written(tmp_path, "second", packets[cut:])]
    decoded = [decode(tmp_path, part) for part in parts]
    events = [part.events for part in decoded]
    assert whole.events is not None
    assert events[0] is not None
    assert events[1] is not None
    shared = set(events[0].match_key) & set(events[1].match_key)
    assert len(shared) == 1
    (key,) = shared
    row = whole.events.match_key.index(key)
    assert not any(part.complete[part.match_key.index(key)] for part in events if part is not None)
    products = set()
    for sources in itertools.permutations(parts):
        joined = assemble(tmp_path, list(sources), [key])
        assert joined.events is not None
        assert joined.events.identity == [whole.events.identity[row]]
        assert joined.events.digest == [whole.events.digest[row]]
        assert joined.events.parts.tolist() == [whole.events.parts[row]]
        assert joined.events.complete.tolist() == [True]
        assert joined.events.missing == [[]]
        assert joined.events.flags.tolist() == [whole.events.flags[row] | FLAG_ASSEMBLED]
        assert joined.problems == [p for p in joined.problems if p.code == "clock_unset"]
        event_file = joined.products[0]
        products.add((event_file.name, files.source(event_file.path).sha256))
        shown, expected = IDEX().waveforms(event_file.path, 0, 1), IDEX().waveforms(whole.products[0].path, row, 1)
        for ours, theirs in zip(shown.channels, expected.channels, strict=True):
            np.testing.assert_array_equal(ours.data, theirs.data)
            assert ours.present.all()
    assert len(products) == 1  # name and bytes do not depend on the order


def test_a_damaged_packet_is_replaced_by_the_good_copy_of_another_file(tmp_path: Path) -> None:
    packets = files.packets_of(files.data("non_compressed_2023_102_14_22_26.pkts"))[:13]
    broken = [*packets[:4], packets[4][:200] + b"\xff\xff" + packets[4][202:], *packets[5:]]
    sources = [written(tmp_path, "broken", broken), written(tmp_path, "rest", packets[3:9])]
    whole, first = decode(tmp_path, written(tmp_path, "whole", packets)), decode(tmp_path, sources[0])
    assert whole.events is not None
    assert first.events is not None
    assert first.events.complete.tolist() == [False]
    joined = assemble(tmp_path, sources, first.events.match_key)
    assert joined.events is not None
    assert joined.events.digest == whole.events.digest
    assert joined.events.complete.tolist() == [True]


def test_what_several_files_do_not_hold_stays_missing(tmp_path: Path) -> None:
    packets = files.packets_of(files.data("non_compressed_2023_102_14_22_26.pkts"))[:13]
    sources = [written(tmp_path, "a", packets[:5]), written(tmp_path, "b", packets[6:])]
    first = decode(tmp_path, sources[0])
    assert first.events is not None
    joined = assemble(tmp_path, sources, first.events.match_key)
    assert joined.events is not None
    assert joined.events.missing == [[["TOF_Low", 1008]]]
    assert [problem.code for problem in joined.problems] == ["incomplete_event", "clock_unset"]


def test_keys_that_no_file_holds_give_nothing(tmp_path: Path) -> None:
    packets = files.packets_of(files.data("non_compressed_2023_102_14_22_26.pkts"))[:13]
    joined = assemble(tmp_path, [written(tmp_path, "a", packets)], ["1/2/3"])
    assert joined.events is not None
    assert len(joined.events) == 0
    assert joined.products == []
