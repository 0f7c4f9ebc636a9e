"""What runs when: the monitors that packages offer and the jobs of ``pinakes.toml``, brought into one form.

A mistake in one declaration (a broken cron expression, an unknown zone, code that cannot be imported) becomes the
`fault` of that declaration, one sentence; the others go on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from archive.config import Monitor as Table
from archive.config import Settings
from archive.errors import NotFound, UsageError
from monitors import base
from monitors.health import EARLY
from monitors.schedule import Schedule, ScheduleError, duration, parse

#: Names become folders and file names.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")

GRACE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Declaration:
    """One monitor or job as it is declared: code and settings together, lengths of time understood."""

    name: str
    kind: str
    title: str
    schedule: Schedule | None = None
    schedule_text: str | None = None
    zone: str = "UTC"
    grace: timedelta = GRACE
    max_runtime: timedelta | None = None
    max_memory: int | None = None
    early: timedelta = EARLY
    flap_window: timedelta = timedelta(hours=24)
    enabled: bool = True
    command: Sequence[str] = ()
    algorithm: str = "1"
    tables: Sequence[str] = ()
    settings: Table = field(default_factory=Table)
    fault: str | None = None

    def row(self) -> dict[str, Any]:
        """Return the columns of ``ops.monitor``."""
        table = self.settings
        return {
            "name": self.name,
            "kind": self.kind,
            "title": self.title,
            "host_group": table.host_group,
            "schedule": self.schedule_text,
            "zone": self.zone,
            "grace_s": self.grace.total_seconds(),
            "max_runtime_s": None if self.max_runtime is None else self.max_runtime.total_seconds(),
            "early_s": self.early.total_seconds(),
            "failure_threshold": table.failure_threshold,
            "recovery_threshold": table.recovery_threshold,
            "flap_changes": table.flap_changes,
            "flap_window_s": self.flap_window.total_seconds(),
            "enabled": self.enabled,
            "tables": list(self.tables),
            "notify": None if table.notify is None else list(table.notify),
            "log_files": table.log_files,
            "log_success": table.log_success if table.log_files else None,
            "fault": self.fault,
        }


def declarations(settings: Settings) -> dict[str, Declaration]:
    """Return every declared monitor and job by name."""
    names = sorted({*base.offered(), *settings.monitor})
    return {name: declare(name, settings.monitor.get(name)) for name in names}


def declared(settings: Settings, name: str) -> Declaration:
    """Return one declaration.

    Raises
    ------
    NotFound
        When nothing is declared by that name.
    """
    if name not in base.offered() and name not in settings.monitor:
        known = ", ".join(sorted({*base.offered(), *settings.monitor})) or "none"
        raise NotFound(f"No monitor named {name!r} is declared (declared: {known}).")
    return declare(name, settings.monitor.get(name))


def declare(name: str, table: Table | None) -> Declaration:
    """Return the declaration of a monitor from its code and its table of the settings; either may be missing."""
    table = table or Table()
    try:
        check_name(name)
        code = base.load(name) if name in base.offered() and not table.command else None
    except Exception as error:
        why = str(error) if isinstance(error, UsageError) else f"It cannot be loaded: {type(error).__name__}: {error}."
        return Declaration(name, "code", table.title or name, enabled=table.enabled, settings=table, fault=why)
    kind = "command" if table.command else "external" if code is None else "code"
    given = _given(code, table)
    times: dict[str, timedelta | None] = {}
    schedule, fault = None, None
    try:
        for part in ("grace", "max_runtime", "early", "flap_window"):
            if given[part] is not None:
                times[part] = _length(part, given[part])
        if given["schedule"] is not None:
            schedule = parse(given["schedule"], given["zone"])
    except ScheduleError as error:
        fault = str(error)
    return Declaration(
        name, kind, table.title or getattr(code, "title", "") or name, schedule, given["schedule"], given["zone"],
        enabled=table.enabled, fault=fault, settings=table, command=tuple(table.command or ()),
        algorithm=getattr(code, "algorithm", "1"), max_memory=table.max_memory or getattr(code, "max_memory", None),
        tables=table.tables if table.tables is not None else getattr(code, "tables", ()), **times,  # type: ignore[arg-type]
    )  # fmt: skip


def external(
    name: str, schedule: str | None, zone: str, table: Table | None = None, **times: str | None
) -> Declaration:
    """Return the declaration of a job that something else starts; options given here win over the settings.

    Raises
    ------
    UsageError
        When a name, schedule or length of time cannot be used.
    """
    check_name(name)
    given = {part: value for part, value in {"schedule": schedule, **times}.items() if value is not None}
    if schedule is not None:
        given["zone"] = zone
    made = declare(name, (table or Table()).model_copy(update=given))
    if made.fault:
        raise UsageError(made.fault)
    return made


def check_name(name: str) -> None:
    """Raise `UsageError` for a name that cannot be a folder name as well."""
    if not NAME.fullmatch(name) or ".." in name:
        raise UsageError(f"{name!r} cannot be the name of a monitor; use letters, digits, hyphens and underscores.")


def _given(code: base.Monitor | None, table: Table) -> Mapping[str, Any]:
    """Return schedule and lengths of time: from the settings, else from the code, else the defaults."""
    found = {}
    for part, default in (("schedule", None), ("zone", "UTC"), ("grace", None), ("max_runtime", None), ("early", None)):
        of_code = getattr(code, part, default) if code is not None else default
        given = getattr(table, part)
        found[part] = of_code if given is None else given
    return {**found, "flap_window": table.flap_window}


def _length(part: str, value: Any) -> timedelta:
    found = duration(value)
    if not found and part in ("max_runtime", "flap_window"):
        raise ScheduleError(f"{part} = {value!r} leaves no time at all.")
    return found
