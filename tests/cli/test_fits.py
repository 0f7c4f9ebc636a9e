"""The verb fits: list, show, history, update."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from archive.catalog import Catalog
from archive.cli import run
from archive.config import load
from archive.ingest import ingest
from archive.instruments.idex.simulate import Options, simulate
from archive.store import init_home


@pytest.fixture
def home(catalog_one: Catalog, tmp_path: Path) -> Path:
    simulate(tmp_path / "capture.pkts", Options(events=3, seed=4, background=False, shares={"dust": 1.0}, arrays=False))
    root = init_home(tmp_path / "archive", catalog_one.url).root
    ingest(catalog_one, load(root), [tmp_path / "capture.pkts"])
    return root


def test_fits_are_listed_shown_and_asked_for(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def call(*arguments: str) -> str:
        assert run(["--home", str(home), "fits", *arguments]) == 0
        said = capsys.readouterr()
        return said.out or said.err

    rows = [json.loads(line) for line in call("--json", "--channel", "TOF").splitlines()]
    assert rows
    assert set(rows[0]["values"]) == {"area", "mu", "sigma", "lambda"}
    identity = rows[0]["identity"]
    listed = call("list", "--event", identity)
    assert "time_of_impact=" in listed
    assert "±" in listed
    shown = call("show", identity)
    assert "event_summary" in shown
    assert "composition" in shown
    (entry,) = (json.loads(line) for line in call("show", identity, "--json").splitlines())
    assert len(entry["pulse"]) == 3
    (past,) = (json.loads(line) for line in call("history", identity, "--json").splitlines())
    assert past["origin"] == "automatic"
    assert past["inputs"]["calibrations"]["waveform_scale"] == 2
    assert call("update").startswith("1 jobs wait")
    assert call("list", "--status", "nothing_such").startswith("No fit answers")


def test_overrides_by_the_command_line(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def call(*arguments: str, code: int = 0) -> str:
        assert run(["--home", str(home), "fits", *arguments]) == code
        said = capsys.readouterr()
        return said.out or said.err

    signed = ("--author", "M. Analyst", "--reason", "by eye")
    (row, *_) = (json.loads(line) for line in call("--json", "--channel", "Target_High").splitlines())
    here = row["identity"]
    assert "in effect" in call("set", here, "rise_time=3.5", "--channel", "Target_High", *signed)
    assert "in effect" in call("refit", here, "--channel", "Target_High", "--fix", "rise_time", *signed)
    (fit,) = (json.loads(x) for x in call("--json", "--event", here, "--channel", "Target_High").splitlines())
    assert (fit["values"]["rise_time"], fit["origin"]) == (3.5, "override")
    exported = call("export")
    assert len(exported.splitlines()) == 2
    (tmp_path / "words.jsonl").write_text(exported, encoding="utf-8")
    call("import", str(tmp_path / "words.jsonl"))
    assert call("export") == exported, "what was said already is left out"
    assert "in effect" in call("reset", here, *signed)
    assert "in effect" in call("set", here, "--gains", "H,M", *signed)
    assert "in effect" in call("set", here, "--baseline", "0.0385", "--channel", "TOF_High", *signed)
    assert "in effect" in call("set", here, "--material", "olivine", *signed)
    (line, *_) = (json.loads(x)["line"] for x in call("--json", "--event", here, "--channel", "TOF").splitlines())
    shape = ("--channel", "TOF", "--line", str(line), "--model", "double_emg")
    assert "in effect" in call("refit", here, *shape, "--extra", "tau2=0.05", "--extra", "weight=0.7", *signed)
    call("refit", here, *shape, "--extra", "tau2=wide", *signed, code=2)
    assert "in effect" in call("reset", here, *signed)
    (fit,) = (json.loads(x) for x in call("--json", "--event", here, "--channel", "Target_High").splitlines())
    assert fit["values"] == row["values"]
    assert len(call("history", here, "--json").splitlines()) == 7
    call("set", here, "rise_time", "--channel", "Target_High", *signed, code=2)
    call("set", here, *signed, code=2)
    assert "must be positive" in call("set", here, "rise_time=-1", "--channel", "Target_High", *signed, code=2)
