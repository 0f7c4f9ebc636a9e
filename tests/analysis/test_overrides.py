"""What analysts say: in effect at once with all that follows, taken back by a further row, and nothing is ever lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from archive.analysis.overrides import Word, say
from archive.catalog import Catalog, fits
from archive.errors import NotFound, UsageError
from archive.instruments.idex.analysis import IdexAnalysis
from archive.instruments.idex.simulate import Options, simulate
from tests.analysis.test_jobs import House
from tests.servers import TestServer


@pytest.fixture(scope="module")
def house(embedded_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """An archive with a few dust events, each used by one test."""
    folder = tmp_path_factory.mktemp("overrides")
    options = Options(events=12, seed=13, background=False, shares={"dust": 1.0}, arrays=False)
    simulate(folder / "capture.pkts", options)
    url = embedded_server.create()
    with Catalog.from_url(url.render_as_string(hide_password=False)) as catalog:
        held = House(catalog, folder / "house")
        held.ingest([folder / "capture.pkts"])
        yield held
    embedded_server.drop(url)


def event(house: House, number: int) -> int:
    return int(house.rows(f"select id from core.event where seq = {number}")[0][0])


def speak(house: House, event_id: int, action: str, channel: str | None = None, line: int | None = None,
          **arguments: Any) -> int:  # fmt: skip
    word = Word(event_id, action, channel, line, arguments, "M. Analyst", "a test")
    return say(house.catalog, house.home, word)


def shown(house: House, event_id: int, **which: Any) -> list[dict[str, Any]]:
    with house.catalog.read() as conn:
        return fits.listing(conn, event_id=event_id, limit=500, **which)


def derived(house: House, event_id: int, view: str) -> list[dict[str, Any]]:
    with house.catalog.read() as conn:
        return fits.derived(conn, event_id)[view]


def test_a_set_rise_time_changes_speed_and_mass_and_a_reset_brings_them_back(house: House) -> None:
    here = event(house, 0)
    (before,) = derived(house, here, "event_summary")
    automatic = house.rows("select to_jsonb(f)::text from core.fit f where origin = 'automatic'")
    key = speak(house, here, "set", "Target_High", 0, values={"rise_time": 1.2})
    (fit,) = shown(house, here, channel="Target_High")
    assert fit["values"]["rise_time"] == 1.2
    assert (fit["origin"], fit["status"], fit["override_id"]) == ("override", "override", key)
    assert fit["errors"]["rise_time"] is None
    (now,) = derived(house, here, "event_summary")
    assert now["speed"] > before["speed"] or before["speed"] > 20
    assert now["mass"] != before["mass"]
    assert (now["origin"], now["override_id"]) == ("override", key)
    assert set(automatic) <= set(house.rows("select to_jsonb(f)::text from core.fit f"))
    speak(house, here, "reset", "Target_High", 0)
    assert derived(house, here, "event_summary") == [before]
    assert house.count(f"select count(*) from core.fit_override where event_id = {here}") == 2


def test_a_refit_with_fixed_parameters_holds_them_and_gives_errors(house: House) -> None:
    here = event(house, 1)
    (old,) = shown(house, here, channel="Target_High")
    speak(house, here, "refit", "Target_High", 0, values={"discharge_time": 40.0}, fixed=["discharge_time"])
    (new,) = shown(house, here, channel="Target_High")
    assert new["values"]["discharge_time"] == 40.0
    assert new["errors"]["discharge_time"] == 0
    assert 0 < new["errors"]["rise_time"] < 10 * old["errors"]["rise_time"]
    assert new["values"]["amplitude"] != old["values"]["amplitude"]


def test_a_free_refit_of_a_line_finds_the_automatic_result(house: House) -> None:
    here = event(house, 2)
    alone = shown(house, here, channel="TOF", status="ok")
    strongest = max(alone, key=lambda fit: fit["values"]["area"])
    speak(house, here, "refit", "TOF", strongest["line"])
    (new,) = shown(house, here, channel="TOF", line=strongest["line"])
    assert new["origin"] == "override"
    assert new["values"]["area"] == pytest.approx(strongest["values"]["area"], rel=0.02)
    assert new["errors"]["area"] == pytest.approx(strongest["errors"]["area"], rel=0.3)


def test_a_line_is_removed_added_and_named(house: House) -> None:
    here = event(house, 3)
    before = derived(house, here, "tof_line")
    gone = max(before, key=lambda line: line["snr"])
    speak(house, here, "remove", "TOF", gone["line"])
    after = derived(house, here, "tof_line")
    assert {line["line"] for line in before} - {line["line"] for line in after} == {gone["line"]}
    window = [gone["window_start"], gone["window_stop"]]
    speak(house, here, "add", "TOF", 900, window=window)
    (added,) = (line for line in derived(house, here, "tof_line") if line["line"] == 900)
    assert added["mu"] == pytest.approx(gone["mu"], abs=0.01)
    assert added["area"] == pytest.approx(gone["area"], rel=0.1)
    speak(house, here, "species", "TOF", 900, species="SiO2")
    (named,) = (line for line in derived(house, here, "tof_line") if line["line"] == 900)
    assert (named["species"], named["species_origin"]) == ("SiO2", "override")
    assert sum(line["fraction_of_lines"] for line in derived(house, here, "tof_line")) == pytest.approx(1.0)


def test_anchors_fix_the_mass_scale(house: House) -> None:
    here = event(house, 4)
    lines = [line for line in derived(house, here, "tof_line") if line["species"] is not None]
    first, last = lines[0], lines[-1]
    speak(house, here, "anchors", lines={str(first["line"]): first["species"], str(last["line"]): last["species"]})
    (summary,) = derived(house, here, "event_summary")
    assert "anchored" in summary["scale_status"].split()
    assert len(summary["coefficients"]) == 2
    again = {line["line"]: line["mass"] for line in derived(house, here, "tof_line")}
    assert again[first["line"]] == pytest.approx(first["mass"], abs=0.15)


def test_another_set_of_sensitivities_changes_the_fractions_only(house: House) -> None:
    here = event(house, 5)
    (before,) = derived(house, here, "composition")
    speak(house, here, "sensitivity", set="TOF-SIMS")
    (after,) = derived(house, here, "composition")
    assert after["sensitivity"] == "TOF-SIMS"
    assert after["mg_area"] == before["mg_area"]


def strongest(house: House, here: int) -> dict[str, Any]:
    return max(shown(house, here, channel="TOF", status="ok"), key=lambda fit: fit["values"]["area"])


@pytest.mark.parametrize(
    ("model", "extras"),
    [
        ("gaussian", {}),
        ("lorentzian", {}),
        ("voigt", {}),
        ("generalized_normal", {}),
        ("double_emg", {"tau2": 0.05, "weight": 0.8}),
        ("hyper_emg", {"taus_left": [], "weights_left": [], "taus_right": [0.02], "weights_right": [0.6]}),
    ],
)
def test_a_line_takes_another_shape_and_keeps_its_area_about(house: House, model: str, extras: dict[str, Any]) -> None:
    here = event(house, 8)
    speak(house, here, "reset") if shown(house, here, origin="override") else None
    line = strongest(house, here)
    speak(house, here, "refit", "TOF", line["line"], model=model, extras=extras)
    (new,) = shown(house, here, channel="TOF", line=line["line"])
    assert (new["model"], new["origin"]) == (model, "override")
    assert new["values"]["area"] == pytest.approx(line["values"]["area"], rel=0.5)
    assert new["errors"]["area"] > 0
    (row,) = (each for each in derived(house, here, "tof_line") if each["line"] == line["line"])
    assert (row["shape"], row["extras"]) == (model, extras)
    assert row["height"] > 0
    assert 0 < row["area_in_window"] <= 1.01 * row["area"]
    assert row["fwhm"] == pytest.approx(line_width(house, here, line["line"]), rel=0.6)
    speak(house, here, "set", "TOF", line["line"], values={"area": 2 * new["values"]["area"]})
    (again,) = (each for each in derived(house, here, "tof_line") if each["line"] == line["line"])
    assert (again["shape"], again["extras"]) == (model, extras), "what was said of the shape goes on"
    assert again["height"] == pytest.approx(2 * row["height"], rel=1e-6)
    speak(house, here, "reset", "TOF", line["line"])
    assert shown(house, here, channel="TOF", line=line["line"])[0]["model"] == "emg"


def line_width(house: House, here: int, line: int) -> float:
    found = house.rows(
        f"select l.fwhm from idex.line_analysis l join core.event_analysis a on a.id = l.event_analysis_id "
        f"where a.event_id = {here} and a.override_id is null and l.line = {line}"
    )
    return float(found[0][0])


def test_a_pulse_takes_the_form_with_image_charge(house: House) -> None:
    here = event(house, 9)
    (old,) = shown(house, here, channel="Target_High")
    speak(house, here, "set", "Target_High", 0, model="image_pulse", values={"image_amplitude": 2.0, "image_time": 3.0})
    (new,) = shown(house, here, channel="Target_High")
    assert new["model"] == "image_pulse"
    assert new["values"]["amplitude"] == old["values"]["amplitude"], "the impact part is that of the five parameters"
    (row,) = (each for each in derived(house, here, "pulse") if each["channel"] == "Target_High")
    assert (row["model"], row["image_amplitude"], row["image_time"]) == ("image_pulse", 2.0, 3.0)
    assert row["rise_time"] == old["values"]["rise_time"]
    speak(house, here, "refit", "Target_High", 0, fixed=["image_amplitude", "image_time"])
    (fitted,) = shown(house, here, channel="Target_High")
    assert fitted["model"] == "image_pulse", "what was said of the model goes on"
    assert fitted["values"]["image_amplitude"] == 2.0
    assert fitted["errors"]["image_amplitude"] == 0
    assert fitted["errors"]["amplitude"] > 0
    (other,) = (each for each in derived(house, here, "pulse") if each["channel"] == "Target_Low")
    assert (other["model"], other["image_amplitude"]) == ("impact_pulse", None)


def test_a_pulse_is_refitted_within_a_window(house: House) -> None:
    here = event(house, 9)
    (old,) = shown(house, here, channel="Ion_Grid")
    t0 = old["values"]["time_of_impact"]
    speak(house, here, "refit", "Ion_Grid", 0, window=[t0 - 15, t0 + 20])
    (new,) = shown(house, here, channel="Ion_Grid")
    assert (new["window_start"], new["window_stop"]) == (t0 - 15, t0 + 20)
    assert new["values"] != old["values"]
    assert new["values"]["time_of_impact"] == pytest.approx(t0, abs=1.0)


def test_gains_that_are_left_out_give_no_samples(house: House) -> None:
    here = event(house, 10)
    (before,) = derived(house, here, "event_summary")
    speak(house, here, "gains", gains=["TOF_Mid", "TOF_Low"])
    lines = derived(house, here, "tof_line")
    assert {line["gain"] for line in lines} <= {"TOF_Mid", "TOF_Low", None}
    (after,) = derived(house, here, "event_summary")
    assert (before["gains"], after["gains"]) == (None, "TOF_Mid TOF_Low")
    assert after["lines"] != before["lines"]
    speak(house, here, "gains", gains=["TOF_High", "TOF_Mid", "TOF_Low"])
    (again,) = derived(house, here, "event_summary")
    assert again["lines"] == before["lines"]


def test_a_baseline_moves_the_whole_spectrum(house: House) -> None:
    here = event(house, 11)
    (level,) = (row for row in derived(house, here, "channel_level") if row["channel"] == "TOF_High")
    (before,) = derived(house, here, "event_summary")
    areas = [line["area"] for line in derived(house, here, "tof_line")]
    speak(house, here, "baseline", "TOF_High", 0, value=level["robust_baseline"] + 20 * level["robust_noise"])
    assert [line["area"] for line in derived(house, here, "tof_line")] != areas
    speak(house, here, "reset", "TOF_High", 0)
    assert derived(house, here, "event_summary") == [before]


def test_an_analyst_names_the_material(house: House) -> None:
    here = event(house, 11)
    speak(house, here, "material", material="olivine of the San Carlos batch")
    (row,) = derived(house, here, "composition")
    assert (row["material"], row["material_origin"]) == ("olivine of the San Carlos batch", "override")
    assert "manual_material" in row["status"].split()
    assert row["materials"] or "no_lines" in row["status"]


def test_a_fit_that_is_no_more_needs_review(house: House) -> None:
    here = event(house, 10)
    key = speak(house, here, "set", "TOF", strongest(house, here)["line"], values={"area": 1e-3})
    query = f"select needs_review from analysis.fit_overrides where override_id = {key}"
    assert house.rows(query) == [(False,)]
    with house.catalog.begin() as conn:
        conn.execute(text("update core.fit_override set line = 9999 where id = :key"), {"key": key})
    assert house.rows(query) == [(True,)]


@pytest.mark.parametrize(
    ("action", "channel", "line", "arguments", "message"),
    [
        ("set", "Target_High", 0, {"values": {"rise_time": -1.0}}, "must be positive"),
        ("set", "Target_High", 0, {"values": {"speed": 1.0}}, "No parameter is called 'speed'"),
        ("set", "TOF", 9999, {"values": {"area": 1.0}}, "There is no line 9999"),
        ("set", "Elsewhere", 0, {"values": {"area": 1.0}}, "There is no line 0 in channel Elsewhere"),
        ("add", "TOF", None, {"window": [500.0, 501.0]}, "No sample lies between"),
        ("add", "TOF", None, {}, "needs a window"),
        ("species", "TOF", 1, {"species": "Xx"}, "Xx"),
        ("anchors", None, None, {"lines": {"9999": "C"}}, "no fitted line 9999"),
        ("sensitivity", None, None, {"set": "nobody"}, "No set of sensitivity factors"),
        ("reset", None, None, {}, "nothing to reset"),
        ("set", "TOF", 1, {"model": "sinc"}, "No line shape is called 'sinc'"),
        ("set", "TOF", 1, {"model": "double_emg", "extras": {"weight": 1.5, "tau2": 0.1}}, "between 0 and 1"),
        ("set", "TOF", 1, {"model": "double_emg"}, "the shape double_emg takes tau2, weight"),
        ("set", "TOF", 1, {"model": "voigt", "extras": {"beta": 2.0}}, "takes no extras"),
        ("set", "TOF", 1, {"values": {"mu": 900.0}}, "the record lasts from"),
        ("set", "Target_High", 0, {"model": "emg"}, "No pulse is called 'emg'"),
        ("set", "Target_High", 0, {"model": "image_pulse", "values": {"image_time": 0.0}}, "must be positive"),
        ("set", "Target_High", 0, {"values": {"time_of_impact": 900.0}}, "the record lasts from"),
        ("set", "Target_High", 0, {"values": {"amplitude": -3.0}}, "only the ion grid has negative pulses"),
        ("refit", "Target_High", 0, {"window": [3.0, 1.0]}, "must end after it begins"),
        ("refit", "Target_High", 0, {"window": [1.0, 1.6]}, "too few for a pulse"),
        ("gains", None, None, {"gains": ["TOF_Huge"]}, "one or more of H, M, L"),
        ("gains", None, None, {"gains": []}, "one or more of H, M, L"),
        ("baseline", "TOF_High", 0, {"value": 1e9}, "is not possible: TOF_High lies between"),
        ("baseline", "Ion_Grid", 0, {"value": 1.0}, "set or fix its constant_offset"),
        ("material", None, None, {"material": " "}, "A material needs a name"),
    ],
)
def test_what_is_impossible_is_refused_and_leaves_no_row(
    house: House, action: str, channel: str | None, line: int | None, arguments: dict[str, Any], message: str
) -> None:
    here = event(house, 6)
    with pytest.raises(UsageError, match=message):
        speak(house, here, action, channel, line, **arguments)
    assert house.count(f"select count(*) from core.fit_override where event_id = {here}") == 0


def test_author_reason_and_event_are_asked_for(house: House) -> None:
    with pytest.raises(UsageError, match="author and a reason"):
        say(house.catalog, house.home, Word(event(house, 6), "set", "Target_High", 0, {}, " ", "why"))
    with pytest.raises(NotFound):
        say(house.catalog, house.home, Word("nobody", "set", "Target_High", 0, {}, "a", "b"))


def test_new_code_keeps_the_overrides_and_says_which_need_review(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    here = event(house, 7)
    key = speak(house, here, "set", "Target_High", 0, values={"rise_time": 2.0})
    query = f"select needs_review from analysis.fit_overrides where override_id = {key}"
    assert house.rows(query) == [(False,)]
    monkeypatch.setattr(IdexAnalysis, "version", IdexAnalysis.version + 1)
    house.update()
    (fit,) = shown(house, here, channel="Target_High")
    assert (fit["values"]["rise_time"], fit["version"], fit["origin"]) == (2.0, IdexAnalysis.version, "override")
    with house.catalog.begin() as conn:
        moved = "update core.fit_override set base = jsonb_set(base, '{values,3}', '99.0') where id = :key"
        conn.execute(text(moved), {"key": key})
    assert house.rows(query) == [(True,)]
