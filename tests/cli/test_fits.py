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


def test_mass_scales_become_calibrations_by_the_command_line(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def call(*arguments: str, code: int = 0) -> tuple[str, str]:
        assert run(["--home", str(home), *arguments]) == code
        said = capsys.readouterr()
        return said.out, said.err

    signed = ("--author", "M. Analyst", "--reason", "campaign of March")
    scale = ("fits", "mass-scale", "--default", "--since", "2026-01-01")
    printed = json.loads(call(*scale)[0])
    assert call("calibrations", "--name", "mass_scale")[0].count("\n") == 2, "printing stores nothing"
    out, told = call(*scale, "--store", *signed, "--valid-from", "2026-01-01", "--valid-until", "2027-01-01")
    stored = json.loads(out)
    assert {name: stored[name] for name in printed} == printed
    assert (stored["version"], stored["valid_from"]) == ("local-1", "2026-01-01T00:00:00Z")
    assert "1 jobs wait for the events in its range; carry them out with `pinakes work`" in told
    call("work")
    (row, *_) = (json.loads(line) for line in call("fits", "--json")[0].splitlines())
    (_, past) = (json.loads(line) for line in call("fits", "history", row["identity"], "--json")[0].splitlines())
    assert past["inputs"]["calibrations"]["mass_scale"] == "local-1"
    listed = call("calibrations")[0]
    assert "M. Analyst" in listed
    assert "campaign of March" in listed
    shown = call("calibrations", "show", "mass_scale", "local-1")[0]
    assert "3 events, 2026-03-01" in shown
    (full,) = (json.loads(x) for x in call("calibrations", "show", "mass_scale", "local-1", "--json")[0].splitlines())
    assert full["basis"]["selection"] == {"since": "2026-01-01T00:00:00.000000Z"}
    assert len(full["basis"]["identities"]) == 3
    assert "local-1 of mass_scale holds" in call(*scale, "--store", *signed, code=2)[1]
    assert "taken back. 1 jobs wait" in call("calibrations", "withdraw", "mass_scale", "local-1", *signed)[1]
    assert "local-1" not in call("calibrations", "list")[0]
    assert "withdrawn" in call("calibrations", "list", "--all")[0]


def test_what_cannot_be_stored_as_a_calibration_is_said_in_one_sentence(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def call(*arguments: str, code: int) -> str:
        assert run(["--home", str(home), *arguments]) == code
        return capsys.readouterr().err

    signed = ("--author", "A", "--reason", "because")
    scale = ("fits", "mass-scale", "--store", *signed)
    assert "--store wants --default" in call(*scale, code=2)
    assert "--store wants" in call("fits", "mass-scale", "--default", "--store", "--author", "A", code=2)
    assert "go with --store" in call("fits", "mass-scale", "--default", "--valid-from", "2026-01-01", code=2)
    nothing = (*scale, "--default", "--since", "2040-01-01")
    assert "0 mass scales are beyond doubt; a default needs 3" in call(*nothing, code=1)
    back = ("--valid-from", "2027-01-01", "--valid-until", "2026-01-01")
    assert "its end is not after its begin" in call(*scale, "--default", *back, code=2)
    file = tmp_path / "values.json"
    for content, words in (
        ("{", "VALUES holds no JSON"),
        ("[1]", "VALUES must be one JSON object"),
        ('{"stretch": 1e9}', "stretch must be a number from 0.751 to 2.066"),
        ('{"strech": 1.4}', "mass_scale has no value 'strech'"),
        ('{"stretch": NaN}', "stretch must be a number"),
    ):
        file.write_text(content, encoding="utf-8")
        assert words in call("calibrations", "add", "mass_scale", str(file), *signed, code=2)
    file.write_text("{}", encoding="utf-8")
    assert "only mass_scale can be written" in call("calibrations", "add", "species", str(file), *signed, code=2)
    assert "no version 7" in call("calibrations", "show", "mass_scale", "7", code=1)
    file.write_text('{"stretch": 1.44}', encoding="utf-8")
    assert "local-1 of mass_scale counts" in call("calibrations", "add", "mass_scale", str(file), *signed, code=0)
