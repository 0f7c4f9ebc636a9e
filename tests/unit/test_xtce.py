"""Definitions come from outside: whatever is wrong with one ends in one clear sentence, fast."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from archive.errors import UsageError
from archive.formats.xtce import MAX_BYTES, load, parse
from tests.unit import xtce_texts as x

GOOD = x.definition({"A": x.integer("A", 8)}, [x.container("BODY", ["A"], "CCSDSPacket", x.equal("PKT_APID", 5))])
BOMB = '<!DOCTYPE b [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
OUTSIDE = '<!DOCTYPE b [<!ENTITY x SYSTEM "file:///etc/passwd">]>'


def doubling(depth: int) -> bytes:
    """Return a definition whose containers each hold the one before twice."""
    nested = [x.container("C0", ["A"])]
    nested += [x.container(f"C{i}", [f"@C{i - 1}", f"@C{i - 1}"]) for i in range(1, depth)]
    return x.definition({"A": x.integer("A", 8)}, nested)


def chain(depth: int) -> bytes:
    """Return a definition whose containers each hold the one before once."""
    nested = [x.container("C0", ["A"])] + [x.container(f"C{i}", [f"@C{i - 1}"]) for i in range(1, depth)]
    return x.definition({"A": x.integer("A", 8)}, nested)


def two_roots() -> bytes:
    """Return a definition with two trees of containers."""
    other = [x.container("Other", ["A"]), x.container("Leaf", ["A"], "Other", x.equal("A", 1))]
    trees = [x.container("BODY", ["A"], "CCSDSPacket", x.equal("PKT_APID", 5)), *other]
    return x.definition({"A": x.integer("A", 8)}, trees).replace(b"CCSDSPacket", b"Start")


def test_a_good_definition_is_read_and_named_by_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "good.xml"
    path.write_bytes(GOOD)
    found = load(path)
    assert (found.root, found.name) == ("CCSDSPacket", "TEST")
    assert found.containers_below("CCSDSPacket") == ["BODY"]
    assert len(found.sha256) == 64
    assert load(path, root="BODY").root == "BODY"


def test_the_root_container_is_found_under_another_name() -> None:
    assert parse(GOOD.replace(b"CCSDSPacket", b"Start"), "x").root == "Start"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "no XML"),
        (b"hello", "no XML"),
        (b"\xff\xfe\x00\x00", "no XML"),
        (GOOD[:-20], "no XML"),
        (b'<?xml version="1.0" encoding="nowhere"?><a/>', "no XML"),
        (x.definition({}, [], head=BOMB), "document type"),
        (x.definition({}, [], head=OUTSIDE), "document type"),
        (b"<a>" * 5000 + b"</a>" * 5000, "nests deeper"),
        (b"<a/>", "lacks a part"),
        (GOOD.replace(b'"A_T"', b'"B_T"', 1), "refers to 'A_T'"),
        (GOOD.replace(b'parameterRef="A"', b'parameterRef="Z"'), "refers to 'Z'"),
        (GOOD.replace(b'sizeInBits="8"', b'sizeInBits="eight"'), "cannot be used"),
        (GOOD.replace(b'encoding="unsigned"', b'encoding="wide"'), "Encoding must be one of"),
        (GOOD.replace(b"IntegerParameterType", b"ArrayParameterType"), "not supported"),
        (GOOD.replace(b'containerRef="CCSDSPacket"', b'containerRef="BODY"'), "contains itself"),
        (GOOD.replace(b'containerRef="CCSDSPacket"', b'containerRef="GONE"'), "GONE"),
        (doubling(40), "more than 1000000 entries"),
        (chain(100), "containers nest deeper"),
        (two_roots(), "no single root container (candidates: Start, Other)"),
    ],
)
def test_a_bad_definition_is_one_sentence_and_quick(text: bytes, said: str) -> None:
    begin = time.monotonic()
    with pytest.raises(UsageError) as caught:
        parse(text, "bad.xml")
    message = str(caught.value)
    assert "bad.xml" in message
    assert said in message
    assert "\n" not in message
    assert len(message) < 450
    assert time.monotonic() - begin < 5


def test_files_that_cannot_be_read_or_are_too_large_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        load(tmp_path / "nowhere.xml")
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        load(tmp_path)
    with (tmp_path / "huge.xml").open("wb") as stream:
        stream.truncate(MAX_BYTES + 10)
    with pytest.raises(UsageError, match="larger than"):
        load(tmp_path / "huge.xml")
    with pytest.raises(UsageError, match="no container NOT"):
        parse(GOOD, "x", root="NOT")
