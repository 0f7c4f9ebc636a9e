"""The IDEX analysis: conversion, levels, saturation, lines, pulses, masses, particle and composition of each event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archive.instruments.idex.analysis.settings import CALIBRATIONS, MODELS, VERSION, Settings

if TYPE_CHECKING:
    from archive.instruments.idex.level2 import IdexDerivation
    from archive.model import Analysed, Override

__all__ = ["IdexAnalysis"]


class IdexAnalysis:
    """The analysis as the archive knows it (see `archive.instruments.base.Analysis`)."""

    name = "idex"
    version = VERSION
    product = "l1a_events"
    models = MODELS
    calibrations = CALIBRATIONS

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or Settings()

    @property
    def derivation(self) -> IdexDerivation:
        """What is written when the events of a product are analysed."""
        from archive.instruments.idex.level2 import IdexDerivation

        return IdexDerivation()

    def settings(self) -> Mapping[str, Any]:
        """Return the settings."""
        return asdict(self._settings)

    def run(
        self,
        product: Path,
        records: Sequence[int],
        calibrations: Mapping[str, Any],
        overrides: Sequence[Sequence[Override]] = (),
    ) -> Analysed:
        """Analyse records of the HDF5 event product."""
        from archive.instruments.idex.analysis.chain import analyse
        from archive.instruments.idex.analysis.source import read

        waveforms, header = read(product, records)
        return analyse(waveforms, header, calibrations, self._settings, overrides)
