"""Final names come from what is known about a file; what somebody called it cannot lead anywhere."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import UsageError
from archive.store import Home
from archive.store.names import MAX_NAME, escaped, folder, raw_relpath, safe

WHEN = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


@given(st.text(max_size=400))
def test_a_safe_name_is_one_plain_short_visible_name(name: str) -> None:
    clean = safe(name)
    assert clean.isascii()
    assert 0 < len(clean) <= MAX_NAME
    assert not clean.startswith((".", "-"))
    assert not set(clean) & set("/\\\0\n\"'<>&;$` ")
    assert safe(clean) == clean


@pytest.mark.parametrize("name", ["../../etc/passwd", "..", ".", "", "a/b", "<script>", "a\nb", "-rf", "\udcff"])
def test_hostile_names_stay_in_their_folder(name: str, tmp_path: Path) -> None:
    home = Home(tmp_path)
    path = home.path(f"{folder('idex', 'l1a', WHEN)}/{safe(name)}")
    assert path.resolve().parent == tmp_path / "files/idex/l1a/2026/03"


def test_the_ending_survives_shortening() -> None:
    assert safe("x" * 500 + ".h5").endswith("x.h5")


@pytest.mark.parametrize("relpath", ["/etc/passwd", "../up", "files/../../up", "", "a\0b"])
def test_a_path_cannot_leave_the_home(relpath: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="below the archive home"):
        Home(tmp_path).path(relpath)


def test_a_raw_name_is_made_from_the_bytes_alone() -> None:
    relpath = raw_relpath("idex", "raw", "raw", "ccsds", WHEN, "ab" * 32)
    assert relpath == "files/idex/raw/2026/03/idex_raw_20260304T050607_abababababababab.pkts"
    assert raw_relpath("idex", "raw", "raw", "ccsds", None, "ab" * 32).startswith("files/idex/raw/undated/")


def test_bytes_that_are_not_utf8_are_escaped_for_the_catalog() -> None:
    assert escaped(Path(os.fsdecode(b"a\xff'<b>\n"))) == "a\\xff'<b>\n"
    escaped(Path(os.fsdecode(b"\xf0\x28"))).encode("utf-8")
