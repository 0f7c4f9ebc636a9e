r"""Which areas are watched: those of the archive home, and those of ``[monitor.filesystem.options.areas.NAME]``.

::

    [monitor.filesystem.options.areas.outside]
    path = "/mnt/delivery"
    grammar = "plain"                       # or: pattern = '(?P<instrument>[a-z]+)/.*_(?P<suffix>[a-z]+)\.fits'
    incremental = false                     # list every folder each time: its times cannot be believed
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from archive.errors import SettingsError
from archive.store import Home
from archive.store.folders import Area
from archive.store.grammar import Grammar, by_pattern, home_files, named, plain

#: Folders of the home whose every file has a row in the catalog.
KEPT = ("files", "previews")

#: The home's own areas.
OWN: Mapping[str, Grammar] = {
    "files": home_files,
    "previews": plain,
    "quarantine": plain,
    "incoming": plain,
    "logs": plain,
    "site": plain,
    ".staging": plain,
}

#: Areas whose files grow in place as a matter of course: the times of their folders say nothing about that.
GROWING = frozenset({"incoming", "logs", ".staging"})

_GIVEN = frozenset({"path", "grammar", "pattern", "incremental"})


def areas_of(home: Home, options: Mapping[str, Any]) -> list[Area]:
    """Return the areas to watch; folders of the home that are not there (yet) are left out.

    Raises
    ------
    SettingsError
        When the declaration of an area cannot be used; it is named.
    """
    declared = options.get("areas", {})
    if not isinstance(declared, Mapping):
        raise SettingsError("monitor.filesystem.options.areas must be a table of areas.")
    found = {
        name: Area(name, home.root / name, grammar, name not in GROWING)
        for name, grammar in OWN.items()
        if options.get("home", True) and (home.root / name).is_dir()
    }
    for name, table in declared.items():
        found[name] = _declared(home, name, table)
    roots: dict[str, str] = {}
    for area in found.values():
        first = roots.setdefault(os.path.realpath(area.root), area.name)
        if first != area.name:
            raise SettingsError(f"The areas {first!r} and {area.name!r} of the file-system monitor are one folder.")
    if not found:
        raise SettingsError("The file-system monitor has no area to watch.")
    return list(found.values())


def prefix_of(home: Home, area: Area) -> str | None:
    """Return where an area lies below the home when every file in it must have a row; None for other areas."""
    root = Path(os.path.realpath(area.root))
    for name in KEPT:
        kept = Path(os.path.realpath(home.root / name))
        if root == kept or kept in root.parents:
            return f"{name}/{root.relative_to(kept).as_posix()}".removesuffix("/.")
    return None


def _declared(home: Home, name: str, table: Any) -> Area:
    where = f"monitor.filesystem.options.areas.{name}"
    if not isinstance(table, Mapping) or not isinstance(table.get("path"), str):
        raise SettingsError(f"{where} needs a path.")
    unknown = sorted(set(table) - _GIVEN)
    if unknown:
        raise SettingsError(f"There is no setting {where}.{unknown[0]} (there are: {', '.join(sorted(_GIVEN))}).")
    given = table.get("pattern")
    grammar = named(str(table.get("grammar", "plain"))) if given is None else by_pattern(str(given))
    return Area(name, home.root / table["path"], grammar, bool(table.get("incremental", True)))
