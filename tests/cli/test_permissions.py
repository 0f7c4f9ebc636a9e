"""Permissions are seen in `config show` and `doctor`, before a night of files has the wrong group."""

from __future__ import annotations

import json
import os

from tests.ingest.conftest import ToyArchive


def checks(archive: ToyArchive) -> dict[str, tuple[str, str]]:
    done = archive.run("doctor", "--json")
    return {row["check"]: (row["state"], row["detail"]) for row in map(json.loads, done.stdout.splitlines())}


def test_doctor_and_config_tell_permissions(archive: ToyArchive) -> None:
    assert checks(archive)["permissions"] == ("ok", "files by umask, folders by umask, umask inherited")
    archive.set("files", mode="0640", directory_mode="2750", group=str(os.getegid()))
    told = "files 0640, folders 2750, umask inherited, group "
    assert checks(archive)["permissions"] == ("ok", told + str(os.getegid()))
    shown = " ".join(archive.run("config", "show").stdout.split())
    assert "files.directory_mode 2750" in shown
    assert "files.mode 0640" in shown


def test_doctor_finds_a_group_that_is_not_there(archive: ToyArchive) -> None:
    archive.set("files", group="no-such-group-here")
    state, detail = checks(archive)["permissions"]
    assert (state, detail.split(": ")[1]) == (
        "problem",
        "this machine does not know it; make it, or change files.group.",
    )
