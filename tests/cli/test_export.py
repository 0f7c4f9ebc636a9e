"""The verb export: scalars of the views, events in the layouts of the laboratory tool, overrides."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from archive import read_events
from archive.catalog import Catalog
from archive.cli import run
from archive.config import load
from archive.errors import UnreadableSource
from archive.export.scalars import condition
from archive.ingest import ingest
from archive.instruments.idex.readers.event import Event
from archive.instruments.idex.simulate import Options, simulate
from archive.store import init_home


@pytest.fixture(scope="module")
def home(embedded_server: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """An archive with four dust events."""
    folder = tmp_path_factory.mktemp("export")
    capture = folder / "capture.pkts"
    simulate(capture, Options(events=4, seed=4, background=False, shares={"dust": 1.0}, arrays=False))
    url = embedded_server.create()
    with Catalog.from_url(url.render_as_string(hide_password=False)) as catalog:
        root = init_home(folder / "archive", catalog.url).root
        ingest(catalog, load(root), [capture])
    yield root
    embedded_server.drop(url)


@pytest.fixture
def call(home: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    def say(*arguments: str, code: int = 0) -> str:
        assert run(["--home", str(home), *arguments]) == code
        said = capsys.readouterr()
        return said.out or said.err

    return say


def test_scalars_are_every_digit_of_the_view(call: Any) -> None:
    table = list(csv.DictReader(io.StringIO(call("export", "scalars", "identity", "t", "charge", "speed"))))
    rows = [json.loads(line) for line in call("export", "scalars", "--format", "jsonl").splitlines()]
    assert len(table) == len(rows) == 4
    assert [row["t"] for row in table] == sorted(row["t"] for row in table)
    for text, row in zip(table, rows, strict=True):
        assert text["identity"] == row["identity"]
        assert (float(text["charge"]) if text["charge"] else None) == row["charge"]


def test_scalars_in_hdf5_read_back_as_the_view_has_them(call: Any, tmp_path: Path) -> None:
    path = tmp_path / "scalars.h5"
    assert "4 rows of event_summary" in call("export", "scalars", "--format", "hdf5", "-o", str(path))
    rows = [json.loads(line) for line in call("export", "scalars", "--format", "jsonl").splitlines()]
    with h5py.File(path) as file:
        assert set(rows[0]) == set(file) - {"t_epoch"}
        assert file.attrs["count"] == len(rows) == 4
        assert file.attrs["view"] == "analysis.event_summary"
        assert "FROM analysis.event_summary" in file.attrs["statement"]
        assert {"pinakes", "schema_revision", "read_at"} <= set(file.attrs)
        for name, dataset in ((name, file[name]) for name in rows[0]):
            assert dataset.shape == (4,)
            for found, row in zip(dataset[:], rows, strict=True):
                assert same(found, row[name], dataset.attrs["_FillValue"]), name
        assert file["charge"].attrs["units"] == "pC"
        assert file["charge_error"].attrs["units"] == "pC"
        assert file["stretch"].attrs["units"] == "us per root of u"
        assert file["charge"].attrs["description"] == "Impact charge of that channel, pC."
        assert file["t_epoch"].attrs["units"] == "s"
        times = [datetime.fromisoformat(row["t"]).timestamp() for row in rows]
        assert file["t_epoch"][:].tolist() == pytest.approx(times, abs=1e-6)
        assert file["t"][0].decode().endswith("Z")


def same(found: Any, wanted: Any, fill: Any) -> bool:
    """Whether a value of a dataset is what JSON has; the fill value stands for what is not known."""
    if isinstance(found, bytes):
        found, fill = found.decode(), fill.decode() if isinstance(fill, bytes) else fill
    if wanted is None:
        return bool(found == fill or (found != found and fill != fill))
    if isinstance(found, str) and isinstance(wanted, list | dict):
        return bool(json.loads(found) == wanted)
    if isinstance(found, str) and found.endswith("Z") and "+00:00" in wanted:
        return datetime.fromisoformat(found) == datetime.fromisoformat(wanted)
    return bool(found == wanted)


@pytest.mark.parametrize("view", ["tof_line", "pulse", "channel_level", "composition", "fits"])
def test_every_view_goes_into_hdf5(call: Any, tmp_path: Path, view: str) -> None:
    path = tmp_path / f"{view}.h5"
    call("export", "scalars", "--view", view, "--format", "hdf5", "-o", str(path))
    rows = rows_of(call, view)
    with h5py.File(path) as file:
        assert file.attrs["count"] == len(rows) > 0
        for name in rows[0]:
            fill = file[name].attrs["_FillValue"]
            assert all(same(found, row[name], fill) for found, row in zip(file[name][:], rows, strict=True)), name


def test_the_statement_in_the_file_can_be_run_as_it_stands(call: Any, home: Path, tmp_path: Path) -> None:
    path = tmp_path / "lines.h5"
    call("export", "scalars", "mass", "--view", "tof_line", "--where", "status!=50% o'clock: :a", "--where", "mass!=",
         "--until", "2999-01-01", "--format", "hdf5", "-o", str(path))  # fmt: skip
    with h5py.File(path) as file, Catalog.connect(load(home)) as catalog, catalog.read() as conn:
        assert conn.connection.driver_connection is not None
        with conn.connection.driver_connection.cursor() as cursor:
            cursor.execute(file.attrs["statement"])
            assert [mass for (mass,) in cursor.fetchall()] == file["mass"][:].tolist()
        assert file.attrs["count"] > 0


def test_conditions_and_an_empty_table_are_in_the_hdf5_file(call: Any, tmp_path: Path) -> None:
    path = tmp_path / "none.h5"
    call("export", "scalars", "mass", "mass", "t", "--where", "charge>=1e9", "--since", "2020-01-01",
         "--format", "hdf5", "-o", str(path))  # fmt: skip
    with h5py.File(path) as file:
        assert {name: file[name].shape for name in file} == {"mass": (0,), "t": (0,), "t_epoch": (0,)}
        assert file.attrs["count"] == 0
        assert "charge >= 1000000000.0" in file.attrs["statement"]
        assert "2020-01-01" in file.attrs["statement"]


def test_hdf5_is_not_written_to_a_terminal_nor_over_a_file(call: Any, tmp_path: Path) -> None:
    assert "name a new file" in call("export", "scalars", "--format", "hdf5", code=2)
    path = tmp_path / "there.h5"
    path.write_bytes(b"mine")
    said = call("export", "scalars", "--format", "hdf5", "-o", str(path), code=2)
    assert "is there already" in said
    assert path.read_bytes() == b"mine"
    nowhere = str(tmp_path / "no" / "folder.h5")
    assert "cannot be made" in call("export", "scalars", "--format", "hdf5", "-o", nowhere, code=2)


def test_scalars_of_other_views_are_filtered(call: Any) -> None:
    lines = [json.loads(x) for x in call("export", "scalars", "--view", "tof_line", "--format", "jsonl").splitlines()]
    strong = call(
        "export", "scalars", "mass", "area", "--view", "tof_line", "--where", "area>0.001", "--where", "mass!="
    )
    kept = [row for row in lines if row["area"] is not None and row["area"] > 0.001 and row["mass"] is not None]
    assert 0 < len(kept) < len(lines)
    assert len(strong.splitlines()) == 1 + len(kept)
    named = call("export", "scalars", "candidates", "--view", "tof_line", "--where", "species=28Si").splitlines()[1:]
    assert all("28Si" in text for text in named)
    assert len(call("export", "scalars", "-n", "2").splitlines()) == 3
    assert call("export", "scalars", "identity", "--since", "2030-01-01") == "identity\n"
    assert "Impact charge" in call("export", "scalars", "--list")


@pytest.mark.parametrize(
    ("arguments", "message", "code"),
    [
        (("nothing",), "no column 'nothing'", 1),
        (("--view", "pg_shadow"), "no view 'pg_shadow'", 1),
        (("--where", "charge>many"), "is no value for charge, which is double precision", 2),
        (("--where", "charge > "), "compares with nothing", 2),
        (("--where", "charge"), "is no condition", 2),
        (("--where", "1;drop table core.file>1"), "is no condition", 2),
    ],
)
def test_what_is_no_column_or_condition_is_refused(
    call: Any, arguments: tuple[str, ...], message: str, code: int
) -> None:
    assert message in call("export", "scalars", *arguments, code=code)


def test_a_condition_is_read_from_its_text() -> None:
    found = condition(" charge >= 1e-3 ")
    assert (found.column, found.sign, found.value) == ("charge", ">=", "1e-3")
    assert condition("species=").value is None


def exported(call: Any, path: Path, *options: str) -> list[Event]:
    assert "4 events" in call("export", "laboratory", str(path), *options)
    return list(read_events(path))


def rows_of(call: Any, view: str) -> list[dict[str, Any]]:
    text = call("export", "scalars", "--view", view, "--format", "jsonl")
    return [json.loads(line) for line in text.splitlines()]


def test_what_is_exported_reads_back_as_the_catalog_has_it(call: Any, tmp_path: Path) -> None:
    found = exported(call, tmp_path / "events.h5")
    assert {each.layout for each in found} == {"laboratory"}
    pulses, lines = rows_of(call, "pulse"), rows_of(call, "tof_line")
    for each in found:
        mine = {row["channel"]: row for row in pulses if row["identity"] == each.identity}
        assert {name for name, held in each.pulses.items() if held} == set(mine)
        for channel, held in each.pulses.items():
            row = mine[channel]
            names = ("time_of_impact", "constant_offset", "amplitude", "rise_time", "discharge_time")
            assert held is not None
            assert held.parameters == ({} if None in (row[name] for name in names) else {n: row[n] for n in names})
            assert held.unit == "pC"
            assert held.charge == (None if row["charge"] is None else pytest.approx(row["charge"], rel=1e-12))
            assert (held.t10, held.rise_10_90, held.mass) == (row["t10"], row["rise_10_90"], row["mass"])
            assert held.more.get("90pct Value") == row["value90"]
            assert (held.curve is None) == (not held.parameters)
        table = {row["line"]: row for row in lines if row["identity"] == each.identity and row["area"] is not None}
        assert {line.number for line in each.lines or ()} == set(table)
        for line in each.lines or ():
            row = table[line.number]
            assert (line.mu, line.sigma, line.rate, line.area, line.area_in_window, line.mass) == (
                row["mu"], row["sigma"], row["lambda"], row["area"], row["area_in_window"], row["mass"],
            )  # fmt: skip
            assert (line.species, line.shape, line.extras) == (row["species"], "emg", {})
            assert line.window == (row["window_start"], row["window_stop"])
        (summary,) = (row for row in rows_of(call, "event_summary") if row["identity"] == each.identity)
        assert each.scale is not None
        assert list(each.scale.coefficients or ()) == (summary["coefficients"] or [])
        levels = {row["channel"]: row for row in rows_of(call, "channel_level") if row["identity"] == each.identity}
        assert each.baseline == {name: row["robust_baseline"] for name, row in levels.items()}
        ratios = {name: row["snr"] for name, row in levels.items() if row["snr"] is not None}
        assert each.snr == ratios | {"merged": summary["merged_snr"]}
        assert each.merged is not None
        assert each.merged.values.shape == (8192,)
        assert (each.scale.origin, each.scale.kappa) == (summary["scale_origin"], summary["kappa"])
        assert each.header is not None
        assert each.header["txhdrtrigid"] >= 0
        assert each.time is not None
        assert each.time.isoformat() == summary["t"].replace("Z", "+00:00")
        tof = each.waveforms["TOF_High"]
        assert tof is not None
        assert tof.t is not None
        assert tof.t.shape == tof.values.shape == (8192,)
        assert {name: one.unit for name, one in each.waveforms.items() if one} == {
            "TOF_High": "mA", "TOF_Mid": "mA", "TOF_Low": "mA", "Target_High": "pC", "Target_Low": "pC",
            "Ion_Grid": "pC",
        }  # fmt: skip


def test_the_layout_has_every_part(call: Any, tmp_path: Path) -> None:
    exported(call, tmp_path / "events.h5")
    with h5py.File(tmp_path / "events.h5") as file:
        assert set(file) == {"1", "2", "3", "4"}
        analysis = file["1/Analysis"]
        for name in ("Ion Grid", "Target H", "Target L"):
            parts = (
                " Fit Time", " Fit Result", " Filtered Signal", " Chi Squared", " 10pct Time", " 10-90 Risetime",
                " Velocity From Rise", " Velocity From Ratio", " Velocity Source", " Collection Efficiency",
            )  # fmt: skip
            assert all(f"{name}{part}" in analysis for part in parts)
            assert isinstance(analysis.get(f"{name}ImpactCharge", getlink=True), h5py.SoftLink)
            np.testing.assert_array_equal(analysis[f"{name}ImpactCharge"][:], analysis[f"{name} Impact Charge"][:])
            assert analysis[f"{name} Fit Result"].shape == analysis[f"{name} Fit Time"].shape
        assert analysis["Flags/FailedFits"].dtype.kind == "O"
        dust = analysis["DustComposition"]
        assert dust["CombinedSignal"].shape == dust["CombinedTime"].shape == file["1/TOF H"].shape
        assert np.isfinite(dust.attrs["CombinedSNR"])
        assert dust["MassLines"].dtype.names[-2:] == ("shape", "extras")
        assert len(dust["MassLines"]) == len(dust["Fits"])
        assert json.loads(dust.attrs["MassCalibration"])["coeffs"][1] == dust.attrs["MassStretch"]
        assert "SpiceData" not in file["1"]
    call("export", "laboratory", str(tmp_path / "events.h5"), code=1)


def test_the_older_layout_is_in_counts_and_read_as_such(call: Any, tmp_path: Path) -> None:
    new, old = exported(call, tmp_path / "new.h5"), exported(call, tmp_path / "old.h5", "--legacy")
    factors = {"Target_High": 0.163, "Target_Low": 15.8, "Ion_Grid": 7.46e-4}
    for now, before in zip(new, old, strict=True):
        assert before.layout == "laboratory_legacy"
        for channel, factor in factors.items():
            new_pulse, old_pulse = now.pulses[channel], before.pulses[channel]
            assert new_pulse is not None
            assert old_pulse is not None
            assert old_pulse.unit == "dN"
            charges = [None if each is None else each * by for each, by in
                       ((new_pulse.charge, 1.0), (old_pulse.charge, factor))]  # fmt: skip
            assert charges[1] == (None if charges[0] is None else pytest.approx(charges[0], rel=1e-9))
        assert sorted(line.mu or 0 for line in before.lines or ()) == sorted(line.mu or 0 for line in now.lines or ())
        assert {line.area for line in before.lines or ()} <= {None}, "fits of unit area have none"
        tof = before.waveforms["TOF_High"]
        assert tof is not None
        assert tof.unit == "dN"
        assert np.nanmax(tof.values) == round(float(np.nanmax(tof.values)))


def test_odd_files_are_read_as_far_as_they_go(tmp_path: Path) -> None:
    path = tmp_path / "odd.h5"
    with h5py.File(path, "w") as file:
        file["2/TOF H"] = np.arange(4)
        file["2/Analysis/Target HFitParameters"] = np.arange(5.0)
        file["2/Analysis/Target H Impact Charge"] = 3e-12
        file["2/Analysis/Ion GridFitParams"] = np.arange(3.0)
        file["2/Analysis/Ion Grid Impact Charge"] = np.array([1e-12])
        file["2/Analysis/TOF H/MassLines"] = np.zeros(0)
        file["2/Analysis/TOF H"].attrs["MassStretch"] = 1450.0
        file["2/Analysis/TOF H"].attrs["MassShift"] = 7000.0
        file["2/SpiceData"] = h5py.ExternalLink("random.h5", "/to look at it would fail")
        file["10/Analysis/kappa"] = 0.1
        file["10/Analysis/Target LImpactCharge"] = 12.0
        file["10/TOF L"] = "no numbers"
        file["3"] = np.ones(2)
        file["README/x"] = 1
        file["1/Metadata/Epoch"] = "2020"
        file["1/Metadata/nowhere"] = h5py.SoftLink("/not there")
        file["1/QDAnalysis/q"] = 2.5
        file["2/Analysis/Target H Fit Result"] = np.full(3, np.nan)
        file["2/Analysis/AcceleratorMetadata/VelocityKilometersPerSecond"] = np.array([12.5])
        file["2/Analysis/AcceleratorMetadata/Query"] = "near the time"
        file["2/Analysis/AcceleratorMetadata"].attrs["MatchedAtUTC"] = "2023-01-01"
        file["2/Analysis/Flags/FailedFits"] = np.array(["Ion Grid"], dtype=object)
        file["2/Analysis/DustComposition/CombinedSignal"] = np.arange(3.0)
        file["2/Analysis/DustComposition"].attrs["CombinedSNR"] = 9.0
    before = path.read_bytes()
    found = {each.number: each for each in read_events(path)}
    assert list(found) == [1, 2, 10]
    assert found[1].why("lines") == "the event has no analysis"
    assert found[1].why("pulses.Ion_Grid") == "the event has no analysis"
    assert found[1].why("time") == "its epoch is no time in ISO 8601: '2020'"
    assert found[2].layout == "laboratory"
    high = found[2].pulses["Target_High"]
    assert high is not None
    assert high.charge == pytest.approx(3.0)
    assert list(high.parameters.values()) == [0, 1, 2, 3, 4]
    grid = found[2].pulses["Ion_Grid"]
    assert grid is not None
    assert grid.parameters == {}
    assert found[1].laboratory == {"QDAnalysis": {"q": 2.5}}
    accelerator = {"VelocityKilometersPerSecond": 12.5, "Query": "near the time", "MatchedAtUTC": "2023-01-01"}
    assert found[2].laboratory == {"AcceleratorMetadata": accelerator}
    assert found[2].snr == {"merged": 9.0}
    assert found[2].merged is not None
    assert (found[2].merged.values.tolist(), found[2].merged.t) == ([0, 1, 2], None)
    assert "failed fits: Ion Grid" in found[2].notes
    assert high.curve is None
    assert found[2].scale is not None
    assert found[2].scale.coefficients == (7.0, 1.45)
    assert "Ion Grid has 3 parameters, neither five nor seven" in found[2].notes
    assert any("does not say the unit" in note for note in found[2].notes)
    tof = found[2].waveforms["TOF_High"]
    assert tof is not None
    assert (tof.unit, tof.t) == (None, None)
    assert "random" in found[2].why("geometry")
    assert found[2].why("time") == "the event has no metadata"
    assert found[10].layout == "laboratory_legacy"
    low = found[10].pulses["Target_Low"]
    assert low is not None
    assert (low.charge, low.unit) == (12.0, "dN")
    assert found[10].notes == ["TOF L holds no numbers"]
    assert found[10].why("waveforms.TOF_Low") == "it holds no numbers"
    assert path.read_bytes() == before
    with pytest.raises(UnreadableSource, match="cannot be opened: No such file"):
        list(read_events(tmp_path / "nothing.h5"))


def test_overrides_are_exported_here_too(call: Any) -> None:
    assert call("export", "overrides") == call("fits", "export")


def test_rates_of_windows_that_nobody_accumulated_are_none(call: Any, tmp_path: Path) -> None:
    assert "No window is accumulated" in call("export", "rates", str(tmp_path / "rates"))


def test_mass_scales_of_events_and_the_default_they_give(call: Any) -> None:
    rows = [json.loads(line) for line in call("fits", "mass-scale", "--json").splitlines()]
    assert len(rows) == 4
    assert {row["identity"] for row in rows} == {row["identity"] for row in rows_of(call, "event_summary")}
    (alone,) = (
        json.loads(x) for x in call("fits", "mass-scale", "--json", "--event", rows[1]["identity"]).splitlines()
    )
    assert alone == rows[1]
    assert len(call("fits", "mass-scale", "--json", "--file", "1").splitlines()) == 4
    assert call("fits", "mass-scale", "--file", "99").startswith("No event answers")
    default = json.loads(call("fits", "mass-scale", "--default"))
    assert default["stretch"] == pytest.approx(1.45, abs=0.15)
    assert default["events"] >= 3
    assert "beyond doubt" in call("fits", "mass-scale", "--default", "--event", rows[0]["identity"], code=1)


def test_a_table_of_charges_becomes_one_of_particles(call: Any, tmp_path: Path) -> None:
    table = tmp_path / "in.csv"
    table.write_text(
        "name,charge,rise_time,charge_error,ion_charge\na,10,3.5,0.5,0.2\nb,-1,3.5,,\nc,10,1e9,,\nd,x,3,,\n"
    )
    rows = list(csv.DictReader(io.StringIO(call("fits", "particle", str(table)))))
    assert [row["status"] for row in rows] == ["ok", "not_positive", "outside_calibration", "not_positive"]
    assert float(rows[0]["speed"]) == pytest.approx(10, abs=0.5)
    assert float(rows[0]["mass_low"]) < float(rows[0]["mass"]) < float(rows[0]["mass_high"])
    assert float(rows[0]["ratio_speed"]) == pytest.approx(7.5, abs=0.1)
    assert (rows[1]["name"], rows[1]["speed"]) == ("b", "")
    table.write_text("charge\n1\n")
    assert "no column rise_time" in call("fits", "particle", str(table), code=2)
