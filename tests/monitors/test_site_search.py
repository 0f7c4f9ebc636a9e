"""The lists that the search looks through: every name in its shard, and digests that never hide one."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from monitors.site.search import CLASSES, digest
from tests.site_sample import SampleSite


def may_hold(bits: str, word: str) -> bool:
    """The page's test in other words (`assets/search.js`): UTF-16 units, four at a time."""
    raw = base64.b64decode(bits)
    units = word.lower().encode("utf-16-le", "surrogatepass")
    codes = [int.from_bytes(units[i : i + 2], "little") for i in range(0, len(units), 2)]
    for i in range(len(codes) - 3):
        code = 0
        for unit in codes[i : i + 4]:
            code = code * 31 + unit
        if not raw[code % CLASSES >> 3] & (128 >> (code % CLASSES & 7)):
            return False
    return True


@given(st.lists(st.text(max_size=30), min_size=1, max_size=8), st.data())
def test_a_shard_that_holds_a_word_is_never_left_out(names: list[str], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(names)).lower()
    start = data.draw(st.integers(0, len(name)))
    assert may_hold(digest(names), name[start : data.draw(st.integers(start, len(name)))])


def test_a_shard_that_cannot_hold_a_word_is_left_out() -> None:
    bits = digest(f"idex_l0_202311{day:02d}_{n:07d}.pkts" for day in range(1, 31) for n in range(100))
    assert may_hold(bits, "idex_l0_20231117")
    assert not may_hold(bits, "jwst_nircam")
    assert not may_hold(bits, "20240117")


def test_every_file_is_in_the_list_of_its_shard(sample_site: SampleSite) -> None:
    script = (sample_site.site / "search/files/0.js").read_text(encoding="ascii")
    shard, rows = json.loads("[" + script.removeprefix("pinakesSearch.setFiles(").removesuffix(");\n") + "]")
    assert shard == 0
    assert len(rows) == sample_site.value("select count(*) from core.file")


def test_every_page_of_the_index_is_there(sample_site: SampleSite) -> None:
    script = (sample_site.site / "search/index.js").read_text(encoding="ascii")
    pages, shards, total = json.loads("[" + script.removeprefix("pinakesSearch.setIndex(").removesuffix(");\n") + "]")
    assert total == sample_site.value("select count(*) from core.file")
    assert [shard for shard, _ in shards] == [0]
    missing = [path for _, _, path in pages if not (Path(sample_site.site) / path).is_file()]
    assert missing == []
    assert {kind for kind, _, _ in pages} == {"page", "monitor", "day", "month", "files of a month"}
