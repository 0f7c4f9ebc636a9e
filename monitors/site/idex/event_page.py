"""What the event page of IDEX is made of beside the waveforms: HTML, scripts, and the constants they need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any, Final

from archive.instruments.idex.analysis import composition, particles, spectrum, waveforms
from archive.instruments.idex.analysis.chain import MEANING as OF_EVENT
from archive.instruments.idex.analysis.settings import (
    CALIBRATIONS,
    MASS_SCALE,
    MODELS,
    PARTICLE_CURVES,
    SENSITIVITY,
    WAVEFORM_SCALE,
)
from archive.model import FitModel
from archive.numerics import comb, status
from monitors.site.views import EventPage

PACKAGE: Final = files("monitors.site.idex")

#: In the order in which they run; the last one enters the page into the viewer.
SCRIPTS: Final = (
    "idex-models.js", "idex-shapes.js", "idex-merge.js", "idex-noise.js", "idex-words.js", "idex-spectrum.js",
    "idex-pulses.js", "idex-tables.js", "idex-blocks.js", "idex-command.js", "idex-anchors.js", "idex-fields.js",
    "idex-new-line.js", "idex-told.js", "idex-editor.js", "idex-noise-view.js", "idex-calculator.js", "idex-event.js",
)  # fmt: skip

STYLE: Final = "idex-event.css"

#: Calibrations whose values the scripts use, every version: an analysis says which one it used.
_NEEDED: Final = (WAVEFORM_SCALE, MASS_SCALE, PARTICLE_CURVES, SENSITIVITY)


def page(calibrations: Sequence[Mapping[str, Any]]) -> EventPage:
    """Return the IDEX part of the viewer page.

    Parameters
    ----------
    calibrations
        All sets of the instrument: ``name``, ``label``, ``values``.
    """
    return EventPage(
        above=_text("templates/event_above.html"),
        below=_text("templates/event_below.html"),
        scripts={name: _asset(name) for name in SCRIPTS},
        styles={STYLE: _asset(STYLE)},
        values={
            "calibrations": versions(calibrations),
            "comb": comb.REFERENCE,
            "common": list(comb.COMMON),
            "models": {model.name: _model(model) for model in MODELS},
            "words": words(),
        },
    )


def versions(calibrations: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return values by calibration and version, of those that the scripts use."""
    found: dict[str, dict[str, Any]] = {name: {} for name in CALIBRATIONS if name in _NEEDED}
    for row in calibrations:
        if row["name"] in found:
            found[row["name"]][str(row["label"])] = row["values"]
    return found


def words() -> dict[str, str]:
    """Return the sentence of every status word that an analysis can give, for people."""
    of_fits = dict(status.MEANING.values())
    return {
        "ok": "nothing is to be said against it",
        **OF_EVENT, **waveforms.MEANING, **of_fits, **spectrum.MEANING, **particles.MEANING, **composition.MEANING,
    }  # fmt: skip


def _model(model: FitModel) -> list[dict[str, str]]:
    return [{"name": name, "unit": unit, "meaning": meaning} for name, unit, meaning in model.parameters]


def _asset(name: str) -> bytes:
    return PACKAGE.joinpath("assets", name).read_bytes()


def _text(path: str) -> str:
    return PACKAGE.joinpath(path).read_text(encoding="utf-8")
