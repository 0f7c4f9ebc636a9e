"""The verb ``simulate``: results on standard output, the rest on standard error, nothing replaced silently."""

from __future__ import annotations

import json

import pytest

from archive.cli import run
from archive.errors import EXIT_USAGE
from archive.instruments.idex.simulate import read_truth


def test_a_capture_is_written_and_its_name_printed(tmp_path, capsys):
    out = tmp_path / "capture.pkts"
    assert run(["simulate", "idex", "--events", "4", "--mix", "--seed", "7", str(out)]) == 0
    said = capsys.readouterr()
    assert said.out == f"{out}\n"
    assert said.err.startswith("Wrote 4 events in ")
    assert said.err.count("\n") == 1
    truth = read_truth(out)
    assert (truth.capture["seed"], truth.capture["compression"], len(truth.events)) == (7, "mix", 4)


def test_json_names_every_file(tmp_path, capsys):
    out = tmp_path / "capture.pkts"
    command = ["-q", "simulate", "idex", "--json", "--compressed", "--events", "3", "--files", "2", "--unset-clock"]
    assert run([*command, "--no-arrays", "--science-only", str(out)]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    told = json.loads(said.out)
    assert told["files"] == [str(out), str(tmp_path / "capture_part2.pkts")]
    assert (told["truth"], told["arrays"], told["events"]) == (f"{out}.truth.jsonl", None, 3)
    assert told["bytes"] == sum((tmp_path / name).stat().st_size for name in ("capture.pkts", "capture_part2.pkts"))
    assert read_truth(out).events[0]["utc"].startswith("2010-")


def test_the_start_is_utc(tmp_path):
    out = tmp_path / "capture.pkts"
    assert run(["-q", "simulate", "idex", "--events", "1", "--start", "2025-05-06T07:00:00", str(out)]) == 0
    assert read_truth(out).events[0]["utc"].startswith("2025-05-06T07:0")


@pytest.mark.parametrize("options", [["--conflicts", "1"], ["--files", "3"], ["--interval", "-1"]])
def test_options_that_contradict_end_with_a_sentence_and_exit_code_2(tmp_path, capsys, options):
    out = tmp_path / "capture.pkts"
    assert run(["simulate", "idex", "--events", "2", *options, str(out)]) == EXIT_USAGE
    assert capsys.readouterr().err.startswith("pinakes: ")
    assert not out.exists()


def test_an_existing_file_is_only_replaced_by_force(tmp_path, capsys):
    out = tmp_path / "capture.pkts"
    out.write_bytes(b"mine")
    command = ["simulate", "idex", "--events", "1", str(out)]
    assert run(command) == EXIT_USAGE
    assert "is there already" in capsys.readouterr().err
    assert out.read_bytes() == b"mine"
    assert run([*command, "--force"]) == 0
    assert out.stat().st_size > 30_000
