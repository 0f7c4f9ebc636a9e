"""Red and yellow limits of trends, as they ship with the package; an archive overrides them in its settings."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

from archive.errors import SettingsError

_FILE = files("archive.instruments.idex").joinpath("data", "limits.json")

#: Red low, yellow low, yellow high, red high; None: no such limit.
Limits = tuple[float | None, float | None, float | None, float | None]
NONE: Final[Limits] = (None, None, None, None)

#: Stands for every series of a trend that has no limits of its own.
ALL: Final = "all"


@cache
def shipped() -> Mapping[str, Any]:
    """Return the data file: sections ``noise``, ``quality``, ``housekeeping``, and what else it says."""
    held: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    return held


class LimitTable:
    """The limits of one section, with those of the settings in place of the ones that ship.

    Parameters
    ----------
    section
        ``noise``, ``quality`` or ``housekeeping``.
    given
        By name of the trend: four numbers (``nan``: no limit) for all series, or a table of them by series.

    Raises
    ------
    SettingsError
        When the settings name an unknown trend, or limits that are not four ascending numbers.
    """

    def __init__(self, section: str, given: Mapping[str, Any] | None = None) -> None:
        held: Mapping[str, Mapping[str, Any]] = shipped()[section]
        self._held = {name: {of: _limits(four, name) for of, four in table.items()} for name, table in held.items()}
        if given is not None and not isinstance(given, Mapping):
            raise SettingsError("The option limits is a table by names of trends.")
        for name, value in (given or {}).items():
            if name not in self._held:
                raise SettingsError(f"There is no trend {name!r} with limits; there are {', '.join(self._held)}.")
            table = value if isinstance(value, Mapping) else {ALL: value}
            self._held[name] = (self._held[name] if isinstance(value, Mapping) else {}) | {
                str(of): _limits(four, name) for of, four in table.items()
            }

    def of(self, name: str, series: str = "") -> Limits:
        """Return the limits of a series of a trend; four times None without any."""
        table = self._held.get(name, {})
        return table.get(series, table.get(ALL, NONE))


def _limits(four: Any, name: str) -> Limits:
    if not isinstance(four, list | tuple) or len(four) != 4:
        raise SettingsError(f"Limits of {name} are four numbers: red low, yellow low, yellow high, red high.")
    try:
        numbers = [None if each is None or math.isnan(float(each)) else float(each) for each in four]
    except (TypeError, ValueError):
        raise SettingsError(f"Limits of {name} are numbers, with nan where there is none.") from None
    there = [each for each in numbers if each is not None]
    if there != sorted(there):
        raise SettingsError(f"Limits of {name} do not ascend: red low, yellow low, yellow high, red high.")
    red_low, yellow_low, yellow_high, red_high = numbers
    return red_low, yellow_low, yellow_high, red_high
