"""Which material the elements of a spectrum fit: ranked matches with a reference library, and mixtures of two.

IDEX science definition, section 17.5. The score is set-based: it asks which elements are there, not how much of each,
so that forsterite and enstatite tie. A second score compares atomic fractions with the formula, and ties are named.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import Final, NamedTuple

from archive.numerics.species import elements

#: What each element of the material that was not seen costs.
UNSEEN: Final = 0.02

#: Scores and similarities that differ by no more are ties.
SAME_SCORE: Final = 1e-12
SAME_SIMILARITY: Final = 1e-3

#: How many of the best materials are paired.
PAIRED: Final = 6


class Match(NamedTuple):
    """How well a material fits.

    Attributes
    ----------
    material
        Its name.
    score, coverage
        Set-based score, and the weight of its elements in the spectrum.
    similarity
        Cosine of the angle between atomic fractions and formula; NaN without either.
    unique
        Whether no other material has the same score.
    apart
        Whether none of equal score has the same similarity too: the second score then tells what the first cannot.
    """

    material: str
    score: float
    coverage: float
    similarity: float
    unique: bool
    apart: bool


class Mixture(NamedTuple):
    """Two materials together: names, score, coverage of their union, and share of the first."""

    materials: tuple[str, str]
    score: float
    coverage: float
    share: float


def element_weights(abundance: Mapping[str, float]) -> dict[str, float]:
    """Return the weight of each element: a line's abundance shared equally by the elements of its species.

    `abundance` is by species. Weights sum to 1; empty without a positive total.
    """
    weights: dict[str, float] = {}
    for species, value in abundance.items():
        if not value > 0:
            continue
        found = elements(species)
        for element in found:
            weights[element] = weights.get(element, 0.0) + value / len(found)
    total = math.fsum(weights.values())
    return {element: value / total for element, value in weights.items()} if total > 0 else {}


def _score(weights: Mapping[str, float], material: frozenset[str], penalty: float) -> tuple[float, float]:
    seen = [element for element in material if weights.get(element, 0.0) > 0]
    coverage = math.fsum(weights[element] for element in sorted(seen))
    balance = len(seen) / len(material)
    return max(coverage * (0.5 + 0.5 * balance) - penalty * (len(material) - len(seen)), 0.0), coverage


def _cosine(fractions: Mapping[str, float], atoms: Mapping[str, float]) -> float:
    shared = [e for e in atoms if math.isfinite(fractions.get(e, math.nan))]
    product = math.fsum(fractions[e] * atoms[e] for e in shared)
    size = math.sqrt(math.fsum(v * v for v in fractions.values() if math.isfinite(v)))
    other = math.sqrt(math.fsum(v * v for v in atoms.values()))
    return product / (size * other) if size > 0 and other > 0 and shared else math.nan


def rank_materials(
    weights: Mapping[str, float],
    library: Mapping[str, Iterable[str]],
    fractions: Mapping[str, float] | None = None,
    formulas: Mapping[str, Mapping[str, float]] | None = None,
) -> list[Match]:
    """Return materials with a positive score, best first: by score, then coverage, then similarity, then name.

    Parameters
    ----------
    weights
        Weight of each element, summing to 1: see `element_weights`.
    library
        Elements of each material.
    fractions, formulas
        Atomic fractions after correction by sensitivities, and atoms of each material by element, for the second score.
    """
    found = []
    for name, members in library.items():
        score, coverage = _score(weights, frozenset(members), UNSEEN)
        if score > 0:
            formula = (formulas or {}).get(name)
            found.append((name, score, coverage, _cosine(fractions, formula) if fractions and formula else math.nan))
    found.sort(key=lambda each: (-each[1], -each[2], -each[3] if math.isfinite(each[3]) else 0.0, each[0]))
    alike = [[other for other in found if abs(other[1] - each[1]) <= SAME_SCORE] for each in found]
    return [
        Match(*each, unique=len(ties) == 1, apart=len(ties) == 1 or _alone(each[3], [other[3] for other in ties]))
        for each, ties in zip(found, alike, strict=True)
    ]


def _alone(similarity: float, all_of_them: list[float]) -> bool:
    """Return whether a similarity, one of `all_of_them`, is known and no other is as good."""
    return sum(not abs(similarity - other) > SAME_SIMILARITY for other in all_of_them) == 1


def rank_mixtures(
    weights: Mapping[str, float], library: Mapping[str, Iterable[str]], ranking: list[Match]
) -> list[Mixture]:
    """Return pairs of the six best materials, best first: score of the union, shares by each one's own coverage."""
    found = []
    for one, two in combinations(ranking[:PAIRED], 2):
        union = frozenset(library[one.material]) | frozenset(library[two.material])
        score, coverage = _score(weights, union, 0.0)
        share = one.coverage / (one.coverage + two.coverage)
        found.append(Mixture((one.material, two.material), score, coverage, share))
    found.sort(key=lambda each: (-each.score, -each.coverage, each.materials))
    return found
