"""Composition: the reference events, the traps, species and materials."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from archive.instruments.idex.calibration import newest
from archive.numerics import elements as e
from archive.numerics.comb import REFERENCE
from archive.numerics.materials import element_weights, rank_materials, rank_mixtures
from archive.numerics.species import ISOTOPES, NATURAL, candidates, composition, elements, library, mass
from tests.data import data_path


def reference() -> dict[str, Any]:
    return dict(json.loads(data_path("idex-science/composition.json").read_text()))


def close(found: dict[str, float], expected: dict[str, float]) -> None:
    assert found.keys() == expected.keys()
    np.testing.assert_allclose([found[k] for k in expected], list(expected.values()), rtol=1e-10)


def test_abundances_sensitivities_and_ternary_points_are_those_of_the_reference() -> None:
    assert reference()["rsf_presets"] == e.SENSITIVITIES
    for event in reference()["events"]:
        areas = event["line_area"]
        shares = e.fraction_of_lines(list(areas.values()))
        close(dict(zip(areas, shares, strict=True)), event["relative_abundance"])
        sums = e.element_areas(areas)
        close(sums, event["element_area"])
        close(e.corrected_fractions(sums, {}).fractions, event["ternary_measured"]["fractions"])
        measured = event["ternary_measured"]
        np.testing.assert_allclose(e.ternary_point(*sums.values()), [measured["x"], measured["y"]], rtol=1e-10)
        for name, expected in event["rsf_corrected"].items():
            found, partial = e.corrected_fractions(sums, e.SENSITIVITIES[name])
            close(found, expected["fractions"])
            assert not partial
            np.testing.assert_allclose(
                [*e.ternary_point(*found.values()), e.forsterite_number(found["Mg"], found["Fe"]),
                 found["Mg"] / found["Si"], found["Fe"] / found["Si"]],
                [expected[k] for k in ("x", "y", "forsterite_number", "atomic_ratio_Mg_Si", "atomic_ratio_Fe_Si")],
                rtol=1e-10,
            )  # fmt: skip


def test_the_olivine_campaign_is_scaled_to_fo90() -> None:
    case = reference()["olivine_fo90"]
    assert pytest.approx(case["target"], rel=1e-10) == e.FO90
    scaling = e.campaign_scaling(case["element_totals"])
    close(scaling, case["scaling"])
    for event, expected in zip(reference()["events"], case["scaled_fractions"], strict=True):
        close(e.scaled_fractions(event["element_area"], scaling), expected)


def test_materials_are_ranked_as_in_the_reference() -> None:
    matching = reference()["matching"]
    for case in matching["cases"]:
        found = rank_materials(case["element_weights"], matching["library"])
        assert [match.material for match in found[: len(case["ranking"])]] == [r["material"] for r in case["ranking"]]
        for match, expected in zip(found, case["ranking"], strict=False):
            assert match.score == pytest.approx(expected["score"], rel=1e-10)
            assert match.coverage == pytest.approx(expected["coverage"], rel=1e-10)


def test_ties_are_named_and_broken_by_the_formula_where_it_can() -> None:
    library = {"forsterite": ["Mg", "Si", "O"], "enstatite": ["Mg", "Si", "O"], "troilite": ["Fe", "S"]}
    formulas = {"forsterite": elements("Mg2SiO4"), "enstatite": elements("MgSiO3")}
    weights = {"Mg": 0.4, "Si": 0.3, "O": 0.3}
    found = rank_materials(weights, library, {"Mg": 2 / 7, "Si": 1 / 7, "O": 4 / 7}, formulas)
    assert [match.material for match in found] == ["forsterite", "enstatite"]
    assert found[0].similarity == pytest.approx(1.0)
    assert not any(match.unique for match in found)
    pairs = rank_mixtures({"Fe": 0.5, "S": 0.2, **{k: v * 0.3 for k, v in weights.items()}}, library, rank_materials(
        {"Fe": 0.5, "S": 0.2, **{k: v * 0.3 for k, v in weights.items()}}, library))  # fmt: skip
    assert "troilite" in pairs[0].materials
    assert pairs[0].coverage == pytest.approx(1.0)


def test_line_areas_are_divided_by_the_sensitivity() -> None:
    found, partial = e.corrected_fractions({"Mg": 4.97, "Si": 1.0, "Na": 1.0}, {"Mg": 4.97, "Si": 1.0})
    assert found == {"Mg": pytest.approx(1 / 3), "Si": pytest.approx(1 / 3), "Na": pytest.approx(1 / 3)}
    assert partial == ("Na",)


def test_what_is_missing_is_missing_and_never_zero() -> None:
    assert math.isnan(e.element_areas({"24Mg": 1.0})["Fe"])
    assert np.isnan(e.ternary_point(1.0, 1.0, np.nan)).all()
    assert np.isnan(e.ternary_point(0.0, 0.0, 0.0)).all()
    assert np.isnan(e.fraction_of_lines([0.0, 0.0])).all()
    assert np.isnan(e.fraction_of_record([1.0], [0, 1, 2], [-1, np.nan, -1])).all()
    assert math.isnan(e.corrected_fractions({"Mg": 0.0}, {"Mg": 2.0}).fractions["Mg"])
    assert np.isnan(e.forsterite_number(0.0, 0.0))
    assert all(map(math.isnan, e.scaled_fractions({"Mg": 1.0}, e.campaign_scaling({"Mg": 1.0})).values()))
    assert element_weights({"Mg": 0.0}) == {}
    assert rank_materials({}, {"halite": ["Na", "Cl"]}) == []


def test_impossible_corrections_are_refused() -> None:
    with pytest.raises(ValueError, match="no line is selected"):
        e.corrected_fractions({}, {"Mg": 2.0})
    with pytest.raises(ValueError, match="must be positive"):
        e.corrected_fractions({"Mg": 1.0}, {"Mg": 0.0})


def test_isotope_ratios_are_compared_with_nature_in_standard_errors() -> None:
    areas = {"24Mg": 7.899, "25Mg": 1.2, "28Si": 1.0}
    (ratio,) = e.isotope_ratios(areas, {"24Mg": 0.01, "25Mg": 0.1})
    assert (ratio.element, ratio.isotope, ratio.reference) == ("Mg", "25Mg", "24Mg")
    assert ratio.deviation == pytest.approx(2.0, rel=0.01)


def test_formulas_are_read_and_weighed_with_monoisotopic_masses() -> None:
    assert composition("Mg2SiO4") == {"24Mg": 2, "28Si": 1, "16O": 4}
    assert composition("(13C)H4") == {"13C": 1, "1H": 4}
    assert composition("Ca(OH)2") == {"40Ca": 1, "16O": 2, "1H": 2}
    assert mass("H2O") == pytest.approx(18.0106, abs=1e-4)
    assert mass("FeO") == pytest.approx(71.9298, abs=1e-4)
    assert elements("26Mg") == {"Mg": 1}
    assert element_weights({"SiO": 1.0, "24Mg": 1.0}) == {"Si": 0.25, "O": 0.25, "Mg": 0.5}


@pytest.mark.parametrize("formula", ["", "Xx", "H2)", "(H2", "h2o", "99Fe"])
def test_what_is_no_formula_is_refused(formula: str) -> None:
    with pytest.raises(ValueError, match=r"formula|not known"):
        composition(formula)


def test_the_reference_comb_agrees_with_the_formulas() -> None:
    for name, value in REFERENCE.items():
        assert mass(name) == pytest.approx(value, abs=2e-3), name


def test_masses_lie_near_their_numbers_and_fractions_near_one() -> None:
    for isotope, value in ISOTOPES.items():
        assert round(value) == int("".join(c for c in isotope if c.isdigit()))
    for element, shares in NATURAL.items():
        assert sum(shares.values()) == pytest.approx(1.0, abs=2e-4), element
    assert {isotope for shares in NATURAL.values() for isotope in shares} == set(ISOTOPES)


def test_species_near_a_mass_are_named_nearest_first_and_each_once() -> None:
    known = library(["C", "12C", "28Si", "CO", "N2", "C2H4", "56Fe"])
    assert known.names == ("C", "28Si", "CO", "N2", "C2H4", "56Fe")
    assert candidates([28.0, 12.2, 40.0, np.nan], [0.001, 0.001, 0.001, np.nan], known) == [
        ["CO", "N2", "28Si", "C2H4"], ["C"], [], [],
    ]  # fmt: skip
    assert candidates([11.0], [0.4], known) == [["C"]], "three errors reach farther than a quarter of a unit"


def test_the_species_that_ship_are_formulas_and_hold_every_isotope() -> None:
    values = newest("species")["values"]
    assert set(values["isotopes"]) == set(ISOTOPES)
    assert values["isotopes"]["44Ca"]["fraction"] == 0.02086
    molecules = [name for group in values["molecules"].values() for name in group]
    assert len(molecules) == len(set(molecules)) > 130
    assert mass("CaAl2Si2O8") == pytest.approx(277.838, abs=0.01)
    assert all(mass(name) > 1 for name in molecules)


def test_the_materials_that_ship_have_formulas_and_all_classes() -> None:
    materials = newest("materials")["values"]
    classes = {name for each in materials.values() for name in each["classes"]}
    assert classes == {
        "silicate", "hydrated silicate", "oxide", "sulfide", "metal", "carbide or nitride", "carbon", "organic", "ice",
        "chondrite matrix", "chondrule", "carbonate", "sulfate", "salt", "phosphate", "phosphide", "presolar grain",
    }  # fmt: skip
    assert all(elements(each["formula"]) for each in materials.values())


def test_a_tie_of_elements_is_broken_by_atomic_fractions_unless_they_tie_too() -> None:
    formulas = {name: elements(formula) for name, formula in
                (("forsterite", "Mg2SiO4"), ("enstatite", "MgSiO3"), ("diamond", "C"), ("graphite", "C"))}  # fmt: skip
    silicate = rank_materials({"Mg": 0.4, "Si": 0.3, "O": 0.3}, formulas, {"Mg": 0.3, "Si": 0.14, "O": 0.56}, formulas)
    assert (silicate[0].material, silicate[0].unique, silicate[0].apart) == ("forsterite", False, True)
    carbon = rank_materials({"C": 1.0}, formulas, {"C": 1.0}, formulas)
    assert not carbon[0].apart
    assert not rank_materials({"Mg": 0.4, "Si": 0.3, "O": 0.3}, formulas)[0].apart, (
        "without fractions nothing breaks it"
    )
