"""Tags: kinds as data, said with author and reason, taken back by a row of its own, kept whatever is reset."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from archive.catalog import tags
from archive.cli import run
from archive.errors import UsageError
from monitors.site.build import build
from tests.ingest.conftest import ToyArchive
from tests.ingest.toy import lines, whole

SIGNED = ("--author", "A. Analyst", "--reason", "seen by eye")


class Verbs:
    """The verb tags on one archive, in this process."""

    def __init__(self, archive: ToyArchive, capsys: pytest.CaptureFixture[str]) -> None:
        self._home, self._capsys = str(archive.home.root), capsys

    def __call__(self, *arguments: str, code: int = 0) -> str:
        self._capsys.readouterr()
        assert run(["--home", self._home, "tags", *arguments]) == code
        said = self._capsys.readouterr()
        return said.out or said.err

    def json(self, *arguments: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self(*arguments, "--json").splitlines()]


@pytest.fixture
def say(archive: ToyArchive, capsys: pytest.CaptureFixture[str]) -> Verbs:
    archive.put("one.txt", lines(*whole("a"), *whole("b")))
    archive.ingest()
    return Verbs(archive, capsys)


def test_a_file_and_an_event_are_tagged_listed_and_untagged(say: Verbs) -> None:
    (added,) = say.json("add", "glitch", "--event", "toy:a", *SIGNED)
    assert (added["tag"], added["subject_kind"], added["subject"], added["author"]) == (
        "glitch", "event", "toy:a", "A. Analyst",
    )  # fmt: skip
    assert added["event_id"] is not None
    say("add", "needs_discussion", "--file", "one.txt", *SIGNED)
    rows = say.json()
    assert [(row["tag"], row["subject_kind"]) for row in rows] == [("needs_discussion", "file"), ("glitch", "event")]
    assert say.json("--file", "one.txt")[0]["file_id"] is not None
    assert [row["tag"] for row in say.json("list", "--tag", "glitch", "--instrument", "toy")] == ["glitch"]
    say("remove", "glitch", "--event", "toy:a", "--author", "B. Boss", "--reason", "it was the cat")
    assert say.json("--event", "toy:a") == []
    past = say.json("--event", "toy:a", "--history")
    assert [(row["action"], row["author"], row["reason"]) for row in past] == [
        ("remove", "B. Boss", "it was the cat"), ("add", "A. Analyst", "seen by eye"),
    ]  # fmt: skip
    say("add", "glitch", "--event", "toy:a", *SIGNED)
    assert len(say.json("--event", "toy:a")) == 1


def test_kinds_are_data_and_apply_to_the_instruments_they_name(say: Verbs) -> None:
    kinds = {row["tag"]: row for row in say.json("kinds")}
    assert kinds["glitch"]["instruments"] == ["toy"], "the instrument declares it"
    assert kinds["needs_discussion"]["instruments"] == []
    say("define", "ghost", "--title", "Light that was never there", "--instrument", "toy")
    say("add", "ghost", "--event", "toy:b", *SIGNED)
    assert {row["tag"]: row["n"] for row in say.json("kinds", "--instrument", "toy")}["ghost"] == 1
    assert "applies to all instruments already" in say("define", "other", "--title", "x", "--instrument", "toy", code=2)
    assert "no name of a tag" in say("define", "Two words", "--title", "x", code=2)
    assert "no name of a tag" in say("define", "", "--title", "x", code=2)
    assert "has no instrument" in say("define", "new", "--title", "x", "--instrument", "no-such", code=1)


def test_a_kind_of_another_instrument_is_refused(say: Verbs, archive: ToyArchive) -> None:
    with archive.catalog.begin() as conn:
        conn.exec_driver_sql("insert into core.instrument (name, title) values ('elsewhere', 'Elsewhere')")
    say("define", "theirs", "--title", "Of others", "--instrument", "elsewhere")
    said = say("add", "theirs", "--event", "toy:a", *SIGNED, code=2)
    assert "does not apply to toy" in said
    assert "glitch" in said
    assert "theirs" not in {row["tag"] for row in say.json("kinds", "--instrument", "toy")}


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        (("add", "no_such", "--event", "toy:a", *SIGNED), "pinakes tags define", 1),
        (("add", "glitch", "--event", "toy:none", *SIGNED), "has no event", 1),
        (("add", "glitch", *SIGNED), "Name one file", 2),
        (("add", "glitch", "--event", "toy:a", "--file", "one.txt", *SIGNED), "Name one file", 2),
        (("add", "glitch", "--event", "toy:a", "--author", " ", "--reason", "x"), "author and a reason", 2),
        (("remove", "glitch", "--event", "toy:a", *SIGNED), "does not stand", 2),
        (("add", "glitch", "--event", "toy:a"), "Missing option", 2),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(
    say: Verbs, archive: ToyArchive, arguments: tuple[str, ...], words: str, code: int
) -> None:
    assert words in say(*arguments, code=code)
    assert archive.scalar("select count(*) from core.tag") == 0


def test_the_same_is_said_once_even_by_two_at_the_same_time(archive: ToyArchive, say: Verbs) -> None:
    del say
    about = tags.Subject("toy", "event", "toy:a")
    outcomes: list[str] = []

    def add(author: str) -> None:
        try:
            with archive.catalog.begin() as conn:
                tags.say(conn, "glitch", about, author, "why")
            outcomes.append("said")
        except UsageError as error:
            outcomes.append(str(error))

    threads = [threading.Thread(target=add, args=(name,)) for name in ("one", "two", "three")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("said") == 1
    assert sum("already" in outcome for outcome in outcomes) == 2
    assert archive.scalar("select count(*) from core.tag") == 1


def test_tags_outlive_the_rows_they_are_about(archive: ToyArchive, say: Verbs) -> None:
    say("add", "glitch", "--event", "toy:a", *SIGNED)
    say("add", "other", "--file", "one.txt", *SIGNED)
    archive.reset()
    assert [(row["file_id"], row["event_id"]) for row in say.json()] == [(None, None), (None, None)]
    archive.ingest()
    file, event = say.json()
    assert file["file_id"] == archive.scalar("select id from core.file where received")
    assert event["event_id"] == archive.scalar("select id from core.event where identity = 'toy:a'")


def test_tags_are_on_the_page_of_their_file_and_on_a_page_of_their_own(archive: ToyArchive, say: Verbs) -> None:
    site = archive.home.root / "site"
    build(archive.catalog, archive.settings, site)
    file = archive.scalar("select id from core.file where received")
    page = site / f"files/{file}.html"
    assert "<h2>Tags</h2>" not in page.read_text(encoding="utf-8")
    assert "No tag stands." in (site / "tags.html").read_text(encoding="utf-8")
    script = site / "events/ev/tags.js"
    assert script.read_text(encoding="ascii") == "pinakesEvents.setTags({});\n"
    say("add", "needs_discussion", "--file", "one.txt", "--author", "A", "--reason", "<script>hm</script>")
    say("add", "glitch", "--event", "toy:b", "--author", "A", "--reason", "</script><b>")
    build(archive.catalog, archive.settings, site)
    shown = page.read_text(encoding="utf-8")
    assert "<h2>Tags</h2>" in shown
    assert "needs discussion" in shown
    assert "<script>hm" not in shown
    listed = (site / "tags.html").read_text(encoding="utf-8")
    event = archive.scalar("select id from core.event where identity = 'toy:b'")
    assert f'href="events/viewer.html#{event}"' in listed
    assert f'href="files/{file}.html"' in listed
    told = script.read_text(encoding="ascii")
    assert f'{{"{event}":[["glitch",' in told
    assert "</script" not in told
    assert (site / "tags.csv").read_text(encoding="utf-8").count("\n") == 3
    say("remove", "needs_discussion", "--file", "one.txt", *SIGNED)
    build(archive.catalog, archive.settings, site)
    assert "taken back" in page.read_text(encoding="utf-8")
