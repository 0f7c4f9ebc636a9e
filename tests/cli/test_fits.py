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
