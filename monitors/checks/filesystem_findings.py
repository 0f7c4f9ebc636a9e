"""What a person should look at after a walk: what could not be read, what fills up, what is gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from archive.store.totals import Space, Totals
from monitors.base import Finding
from monitors.checks.filesystem_options import Options

if TYPE_CHECKING:
    from archive.numerics.trend import Forecast
    from monitors.base import Severity

HOW = {
    "denied": "give the account of the monitor the right to read it",
    "other": "look at the volume and its log",
}


def of_walk(totals: Totals) -> list[Finding]:
    """Return what could not be looked at, and names that are not recognised where the archive gives the names."""
    found = []
    for name, area in sorted(totals.areas.items()):
        for kind in ("denied", "other"):
            if area.n_errors[kind]:
                first = [error for error in totals.errors_of(name) if error.kind == kind]
                where = f", first {first[0].path!r} ({first[0].message})" if first else ""
                text = f"{area.n_errors[kind]} entries of the area {name} could not be looked at{where}"
                message = f"{text}; {HOW[kind]}. Sums of this area are low."
                facts = {"first": [error._asdict() for error in first]}
                found.append(Finding(f"walk_{kind}", message, "error", name, area.n_errors[kind], facts))
        if not area.complete and not area.n_errors["denied"] and not area.n_errors["other"]:
            message = f"The folder of the area {name} is not there; mount it, or change its path in pinakes.toml."
            found.append(Finding("area_missing", message, "error", name))
        if area.n_unrecognised:
            first_names = [
                f"{one.path}/{one.names[0]}" for one in totals.unrecognised if one.area == name and one.names
            ]
            message = (
                f"{area.n_unrecognised} names in the area {name} are not recognised, first {first_names[0]!r}; they "
                "are counted by extension only. `pinakes sql` lists them: analysis.unrecognised_names."
            )
            found.append(
                Finding("names_unrecognised", message, "info", name, area.n_unrecognised, {"first": first_names[:20]})
            )
    return found


def of_space(space: Sequence[Space], forecasts: Mapping[str, Forecast], options: Options) -> list[Finding]:
    """Return file systems that are nearly full, or will be soon."""
    found = []
    for one in space:
        shares = {"bytes": (one.available, one.available + one.used), "inodes": (one.n_inodes_available, one.n_inodes)}
        for what, (left, whole) in shares.items():
            share = left / whole if whole else 1.0
            severity = _severity(share, options.warn_free, options.error_free)
            if severity:
                message = (
                    f"{share:.1%} of the {what} of {one.mount} are left; `pinakes sql` lists what grows: "
                    "analysis.growing_folders. Remove, or move."
                )
                found.append(Finding(f"{what}_nearly_used_up", message, severity, one.mount, facts={"left": left}))
        forecast = forecasts.get(one.mount)
        if forecast is not None and forecast.days is not None:
            severity = _severity(forecast.days, options.warn_days, options.error_days)
            if severity:
                latest = "later" if forecast.latest is None else f"{forecast.latest:.0f}"
                band = f"{forecast.earliest or 0:.0f} to {latest}"
                message = (
                    f"{one.mount} will be full in {forecast.days:.0f} days ({band}) if it grows as it did; make room."
                )
                facts = {"days": forecast.days, "earliest": forecast.earliest, "latest": forecast.latest}
                found.append(Finding("disk_filling", message, severity, one.mount, facts=facts))
    return found


def of_drops(totals: Totals, before: Mapping[str, int], most: float) -> list[Finding]:
    """Return areas that lost more than a share of their files since the last complete walk."""
    found = []
    for name, area in sorted(totals.areas.items()):
        was = before.get(name, 0)
        lost = was - area.n_files
        if name in ("files", "previews") and lost > most * was:
            message = (
                f"The area {name} holds {lost} files less than at the last complete walk ({was}); nothing of ours "
                "removes files there. Find out who did, then `pinakes verify` and `pinakes repair`."
            )
            found.append(Finding("files_dropped", message, "error", name, lost, {"before": was, "now": area.n_files}))
    return found


def _severity(value: float, warn: float, error: float) -> Severity | None:
    return "error" if value < error else "warning" if value < warn else None
