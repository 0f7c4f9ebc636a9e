"""Level-2A CDF, of the flight pipeline or our own: lines, pulses, mass scale; no waveforms (section 21.1).

The time-of-flight variables of established files are filled throughout, by design: that is no failed fit. The array of
line parameters depends on ``peak_fit_parameters_index`` and its labels on ``peak_fit_parameter_index``; neither name is
relied on, the labels are found under any and tell the order of the parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Final

import numpy as np

from archive.instruments.idex.level2_cdf import EMG_PARAMETERS, PULSE_CHANNELS, PULSE_PARAMETERS
from archive.instruments.idex.readers import cdf
from archive.instruments.idex.readers.event import NO_LABORATORY, Event, Floats, Line, MassScale, Pulse, Waveform, known

_FILLED: Final = "filled throughout, as established level-2A files are: this is no failed fit"
_PARTICLE: Final = ("charge", "charge_error", "speed", "speed_low", "speed_high", "mass", "mass_low", "mass_high")

#: Per line: our name, and the variable of its slot.
_LINE: Final = {
    "area": "pinakes_peak_area", "area_in_window": "tof_peak_area_under_fit", "mass": "pinakes_peak_mass",
    "chi2": "tof_peak_chi_square",
}  # fmt: skip


class L2aRecords(cdf.CdfRecords):
    """An open level-2A file."""

    def event(self, number: int) -> Event:
        """Return one event."""
        event = cdf.begun(self, L2aCdf.layout, number)
        event.identity = self.scalar("pinakes_identity", number)
        self._lines(event)
        for prefix, channel in PULSE_CHANNELS.items():
            self._pulse(event, prefix, channel)
        self._scale(event)
        snr = self.scalar("tof_snr", number)
        event.snr = {"TOF_High": snr} if snr is not None else None
        if snr is None:
            event.reasons["snr"] = _FILLED
        self._merged(event)
        if "pinakes_charge" in self.names:
            event.particle = {name: self.scalar(f"pinakes_{name}", number) for name in _PARTICLE}
        return event

    def _order(self, kind: str, names: Sequence[str], size: int) -> list[str]:
        """Return which parameter stands where, by the labels of the file where it has them."""
        for each in (f"{kind}_parameter_labels", f"{kind}_parameters_labels"):
            held = self.get(each, 0)
            labels = [] if held is None else [str(text).strip() for text in np.ravel(held)]
            if len(labels) == size and set(labels) == set(names):
                return labels
        return list(names)

    def _lines(self, event: Event) -> None:
        number = event.number
        parameters = self.numbers_of("tof_peak_fit_parameters", number)
        held = {name: self.numbers_of(variable, number) for name, variable in _LINE.items()}
        slots = self._slots([parameters, *held.values()])
        count = self.scalar("pinakes_lines", number)
        if not slots and count != 0:
            event.reasons["lines"] = (
                _FILLED if count is None else f"none of its {count:g} lines has a slot in this layout"
            )
            return
        order = self._order("peak_fit", EMG_PARAMETERS, 3)
        event.lines = []
        for place, slot in enumerate(slots, start=1):
            values: dict[str, Any] = {name: known(each[slot]) for name, each in held.items() if each is not None}
            if parameters is not None and parameters.ndim == 2:
                shape = dict(zip(order, parameters[slot], strict=True))
                values |= {"mu": known(shape["mu"]), "sigma": known(shape["sigma"]), "rate": known(shape["lambda"])}
            values.setdefault("mass", float(slot))
            event.lines.append(Line(place, **values, shape="emg" if values.get("mu") is not None else ""))
        event.notes.append("lines stand in the slots of their rounded masses, one in each; species are not told")
        if count is not None and count > len(slots):
            event.notes.append(f"{int(count) - len(slots)} lines of the event have no slot in this layout")

    @staticmethod
    def _slots(columns: Sequence[Floats | None]) -> list[int]:
        """Return the slots in which any of the columns has a number."""
        there: set[int] = set()
        for column in columns:
            if column is not None and column.ndim in (1, 2):
                filled = np.isfinite(column) if column.ndim == 1 else np.isfinite(column).any(axis=1)
                there |= set(np.flatnonzero(filled).tolist())
        return sorted(there)

    def _pulse(self, event: Event, prefix: str, channel: str) -> None:
        number = event.number
        values = self.numbers_of(f"{prefix}_fit_parameters", number)
        masked = self.scalar(f"{prefix}_impact_charge", number)
        full = self.scalar(f"pinakes_{prefix}_impact_charge", number)
        charge = masked if full is None else full
        fitted = values is not None and values.shape == (5,) and bool(np.isfinite(values).any())
        if not fitted and charge is None:
            event.reasons[f"pulses.{channel}"] = "filled: nothing was fitted in this channel"
            return
        order = self._order("target_fit", PULSE_PARAMETERS, 5)
        parameters = dict(zip(order, values.tolist(), strict=True)) if fitted and values is not None else {}
        event.pulses[channel] = Pulse(
            parameters, charge, "pC",
            charge_error=self.scalar(f"pinakes_{prefix}_charge_error", number),
            speed=self.scalar(f"{prefix}_velocity_estimate", number),
            mass=self.scalar(f"{prefix}_dust_mass_estimate", number),
            chi2=self.scalar(f"{prefix}_chi_squared", number),
            curve=self._curve(prefix, number),
            extrapolated=cdf.flag(self, f"{prefix}_saturation_flag", number),
        )  # fmt: skip

    def _merged(self, event: Event) -> None:
        values = self.numbers_of("pinakes_merged_spectrum", event.number)
        if values is not None and values.ndim == 1 and np.isfinite(values).any():
            event.merged = Waveform(values, "mA", self._axis("high", event.number, values), None)

    def _axis(self, rate: str, number: int, values: Floats) -> Floats | None:
        """Return the times of a rate, None without; established files leave them out."""
        t = self.numbers_of(f"time_{rate}_sample_rate", number)
        return t if t is not None and t.shape == values.shape else None

    def _curve(self, prefix: str, number: int) -> Waveform | None:
        values = self.numbers_of(f"{prefix}_fit_results", number)
        if values is None or values.ndim != 1 or not np.isfinite(values).any():
            return None
        return Waveform(values, "pC", self._axis("low", number, values), None)

    def _scale(self, event: Event) -> None:
        number = event.number
        masses = self.numbers_of("mass_scale", number)
        if masses is None or not np.isfinite(masses).any():
            event.reasons["scale"] = _FILLED
            return
        kappa, status = self.scalar("tof_peak_kappa", number), self.scalar("pinakes_mass_scale_status", number)
        event.scale = MassScale(masses=masses, kappa=kappa, status=status or "")


class L2aCdf(cdf.CdfReader):
    """Reader of level-2A CDF."""

    layout = "l2a_cdf"
    title = "level-2A CDF"
    lacks: ClassVar = {
        "waveforms": "level-2A files hold no waveforms; join the level-1A or level-1B file of the same events",
        "identity": "level-2A files have no event number",
        "merged": "established level-2A files hold no spectrum", "baseline": "the layout has none",
        "laboratory": NO_LABORATORY,
        "particle": "the layout has charge, speed and mass by channel only",
    }  # fmt: skip
    level, source = "l2a", L2aRecords


READER = L2aCdf()
