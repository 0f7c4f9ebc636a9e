"""Products of analyses: made after them, equal for equal analyses, never edited, and in the established layout."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cdflib
import h5py
import numpy as np
import pytest

from archive.analysis.overrides import Word, say
from archive.audit.repair import execute, plan
from archive.catalog import Catalog
from archive.config import load
from archive.instruments.idex.analysis import IdexAnalysis
from archive.instruments.idex.level2 import Level2Writer
from archive.instruments.idex.simulate import Options, simulate
from archive.instruments.idex.simulate.capture import capture_paths
from archive.jobs import engines
from archive.jobs.drain import Drain
from archive.numerics.emg import emg_area
from tests.analysis.test_jobs import House
from tests.servers import TestServer

FILES = """
    select p.name, f.relpath, f.sha256, f.state from core.file f join core.product p on p.id = f.product_id
    where p.level = 'l2a'
"""


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("capture") / "capture.pkts"
    shares = {"dust": 0.7, "noise_software": 0.2, "pulser": 0.1}
    simulate(out, Options(events=20, seed=5, background=False, shares=shares, arrays=False))
    return out


@pytest.fixture(scope="module")
def house(embedded_server: TestServer, tmp_path_factory: pytest.TempPathFactory, capture: Path) -> Iterator[House]:
    url = embedded_server.create()
    with Catalog.from_url(url.render_as_string(hide_password=False)) as catalog:
        held = House(catalog, tmp_path_factory.mktemp("products") / "house")
        held.ingest([capture])
        yield held
    embedded_server.drop(url)


def work(house: House) -> None:
    list(Drain(house.catalog, engines.Inline(), str(house.home.root), 60.0).everything())


def products(house: House, state: str = "available") -> dict[str, tuple[Path, str]]:
    return {name: (house.home.path(relpath), sha) for name, relpath, sha, now in house.rows(FILES) if now == state}


def speak(house: House, action: str, **arguments: Any) -> None:
    (event,) = house.rows("select min(event_id) from analysis.event_summary where science and charge is not null")
    word = Word(event[0], action, "Target_Low", 0, arguments, "M. Analyst", "a test")
    say(house.catalog, house.home, word)


def test_both_files_follow_the_analysis_with_lineage(house: House) -> None:
    assert set(products(house)) == {"l2a_sci", "l2a_tables"}
    parents = house.rows(
        "select distinct a.level, b.level as above from analysis.lineage l join core.file c on c.id = l.file_id "
        "join core.product a on a.id = c.product_id join core.file p on p.id = l.ancestor_id "
        "join core.product b on b.id = p.product_id where a.level = 'l2a' and l.depth = 1"
    )
    assert parents == [("l2a", "l1a"), ("l2a", "raw")]
    path, sha = products(house)["l2a_sci"]
    attributes = cdflib.CDF(path, validate=True).globalattsget()
    assert attributes["Logical_source"] == ["imap_idex_l2a_sci"]
    assert len(attributes["Parents"]) == 2
    hashes = house.rows("select distinct settings_hash from core.event_analysis")
    assert [(each,) for each in attributes["Settings_hash"]] == hashes
    assert attributes["Analysis_version"] == [str(IdexAnalysis.version)]
    assert sha


def test_asking_again_changes_nothing(house: House) -> None:
    before = house.rows(FILES), house.rows("select kind, state from ops.job")
    assert set(house.update()) == {"done"}
    assert (house.rows(FILES), house.rows("select kind, state from ops.job")) == before


def test_the_same_analyses_give_the_same_bytes_elsewhere(
    house: House, capture: Path, catalog_one: Catalog, tmp_path: Path
) -> None:
    other = House(catalog_one, tmp_path / "other")
    other.ingest([capture])
    assert other.rows(FILES) == house.rows(FILES)


def test_a_word_makes_a_new_product_and_taking_it_back_brings_the_old_one_back(house: House) -> None:
    before = products(house)
    kept = {path: path.read_bytes() for path, _ in before.values()}
    speak(house, "set", values={"rise_time": 1.5})
    work(house)
    now = products(house)
    assert set(now) == set(before)
    assert all(now[name] != before[name] for name in before)
    assert products(house, "retired") == before
    with h5py.File(now["l2a_tables"][0]) as file:
        assert file["overrides/author"][0] == b"M. Analyst"
        mine = (file["pulses/record"][:] == file["overrides/record"][0]) & (file["pulses/channel"][:] == b"Target_Low")
        assert file["pulses/rise_time"][mine] == 1.5
        assert b"override" in file["events/origin"][:]
    speak(house, "reset")
    work(house)
    assert products(house) == before
    assert {path: path.read_bytes() for path in kept} == kept


def test_new_code_makes_new_products(
    capture: Path, catalog_one: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(catalog_one, tmp_path / "house")
    house.ingest([capture])
    old = products(house)
    monkeypatch.setattr(IdexAnalysis, "version", IdexAnalysis.version + 1)
    assert set(house.update()) == {"done"}
    assert products(house, "retired") == old
    assert f"_v{IdexAnalysis.version:03d}" in products(house)["l2a_sci"][0].name


def test_a_lost_product_is_made_again(house: House) -> None:
    before = house.rows(FILES)
    path, _ = products(house)["l2a_tables"]
    content = path.read_bytes()
    path.unlink()
    done = execute(house.catalog, house.home, load(house.home.root), plan(house.catalog, house.home))
    assert [each["action"] for each in done] == ["remake"]
    assert path.read_bytes() == content
    assert house.rows(FILES) == before


def test_events_that_moved_to_a_better_copy_leave_the_products_of_the_other(
    catalog_one: Catalog, tmp_path: Path
) -> None:
    out = tmp_path / "capture.pkts"
    simulate(out, Options(events=8, seed=8, files=2, background=False, arrays=False))
    house = House(catalog_one, tmp_path / "house")
    for path in capture_paths(out, 2):
        house.ingest([path])
    held: list[bytes] = []
    for _, relpath, _, state in house.rows(FILES):
        if state == "available" and relpath.endswith(".h5"):
            with h5py.File(house.home.path(relpath)) as file:
                held += file["events/identity"][:].tolist()
    assert len(held) == len(set(held)) == house.count("select count(*) from core.event")


def test_the_tables_are_the_catalog(house: House) -> None:
    with h5py.File(products(house)["l2a_tables"][0]) as file:
        lines = house.rows("select area from analysis.tof_line where area is not null")
        held = file["lines/area"][:]
        np.testing.assert_array_equal(np.sort(held[np.isfinite(held)]), np.sort([area for (area,) in lines]))
        assert len(file["pulses/record"]) == 3 * len(file["events/record"])
        assert "mA us" in file["lines/area"].attrs["description"]
        assert {"lines", "pulses", "particles", "composition", "mass_scale", "settings", "overrides", "channels"} < set(
            file
        )


class Cdf:
    """The variables of a CDF file, fill as NaN."""

    def __init__(self, path: Path) -> None:
        self._cdf = cdflib.CDF(path)

    def __getitem__(self, name: str) -> Any:
        values = self._cdf.varget(name)
        return np.where(values == -1e31, np.nan, values) if values.dtype.kind == "f" else values

    def about(self, name: str) -> dict[str, Any]:
        return dict(self._cdf.varattsget(name))


def test_the_cdf_has_the_established_layout(house: House) -> None:
    cdf = Cdf(products(house)["l2a_sci"][0])
    count = len(cdf["epoch"])
    for name, shape in {
        "tof_peak_fit_parameters": (500, 3), "tof_peak_area_under_fit": (500,), "tof_peak_chi_square": (500,),
        "tof_peak_reduced_chi_square": (500,), "tof_snr": (), "tof_peak_kappa": (), "mass_scale": (8189,),
        "mass": (8189,), "ion_grid_fit_parameters": (5,), "target_low_fit_results": (512,),
        "target_high_velocity_estimate": (), "dead_time": (), "longitude": (), "target_voltage": (),
    }.items():  # fmt: skip
        assert cdf[name].shape == (count, *shape), name
        assert cdf.about(name)["FILLVAL"] == -1e31
        assert cdf.about(name)["DEPEND_0"] == "epoch"
    assert cdf["peak_fit_parameter_labels"].tolist() == ["mu    ", "sigma ", "lambda"]
    assert cdf["mass_index"].tolist() == list(range(500))
    assert cdf.about("tof_peak_fit_parameters")["DEPEND_2"] == "peak_fit_parameter_index"
    assert "Established products: filled" in cdf.about("tof_peak_area_under_fit")["VAR_NOTES"]
    assert np.isnan(cdf["ephemeris_position_x"]).all()
    assert np.all(np.diff(cdf["epoch"]) > 0)


def test_masks_of_the_layout_apply_and_nothing_is_lost(house: House) -> None:
    cdf = Cdf(products(house)["l2a_sci"][0])
    science = cdf["science_event_flag"] == 1
    assert 0 < science.sum() < science.size
    for name in ("target_low", "target_high", "ion_grid"):
        saturated = cdf[f"{name}_saturation_flag"] == 1
        assert np.isnan(cdf[f"{name}_impact_charge"][saturated]).all()
        assert np.isnan(cdf[f"{name}_velocity_estimate"][saturated | ~science]).all()
        assert np.isnan(cdf[f"{name}_dust_mass_estimate"][saturated | ~science]).all()
        own, shown = cdf[f"pinakes_{name}_impact_charge"], cdf[f"{name}_impact_charge"]
        np.testing.assert_array_equal(own[~saturated], shown[~saturated])


def test_slots_hold_the_strongest_line_and_count_the_others(house: House) -> None:
    cdf = Cdf(products(house)["l2a_sci"][0])
    area, mass = cdf["pinakes_peak_area"], cdf["pinakes_peak_mass"]
    there = np.isfinite(area)
    np.testing.assert_array_equal(there.sum(axis=1) + cdf["pinakes_lines_without_slot"], cdf["pinakes_lines"])
    np.testing.assert_array_equal(np.round(mass[there]), np.nonzero(there)[1])
    mu, sigma, lam = cdf["tof_peak_fit_parameters"][there].T
    scale, t = cdf["mass_scale"], cdf["time_high_sample_rate"]
    for (k, _), at, value in zip(np.argwhere(there), mu, mass[there], strict=True):
        assert np.interp(at, t[k], scale[k]) == pytest.approx(value, abs=0.05)
    whole = emg_area(t[0, 0] - 50, t[0, -1] + 50, area[there], mu, sigma, lam)
    np.testing.assert_allclose(whole, area[there], rtol=1e-6)


def test_of_two_lines_in_one_slot_the_stronger_is_kept(house: House, tmp_path: Path) -> None:
    from archive.instruments.idex.level2_record import _slots

    row: dict[str, Any] = {
        "record": 4, "mass": 28.2, "mu": 1.0, "sigma": 0.1, "lambda": 9.0, "area_in_window": 1.0, "chi2": 2.0, "dof": 2,
        "area_error": 0.1, "shape": "emg",
    }  # fmt: skip
    rows = [row | {"area": 1.0}, row | {"area": 3.0, "mass": 27.9}, row | {"area": 2.0, "mass": None}]
    names = ("tof_peak_area_under_fit", "tof_peak_chi_square", "tof_peak_reduced_chi_square", "pinakes_peak_area",
             "pinakes_peak_area_error", "pinakes_peak_mass")  # fmt: skip
    found: dict[str, Any] = {name: np.full((1, 500), np.nan) for name in names}
    found["tof_peak_fit_parameters"] = np.full((1, 500, 3), np.nan)
    _slots(found, rows, {4: 0})
    assert found["pinakes_peak_area"][0, 28] == 3.0
    assert found["pinakes_lines_without_slot"].tolist() == [2]


def test_a_full_file_is_followed_by_another(
    capture: Path, catalog_one: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Level2Writer.__init__, "__defaults__", (8,))
    house = House(catalog_one, tmp_path / "house")
    house.ingest([capture])
    paths = sorted(house.home.path(row[1]) for row in house.rows(FILES) if row[0] == "l2a_sci")
    assert sorted(len(Cdf(path)["epoch"]) for path in paths) == [4, 8, 8]
