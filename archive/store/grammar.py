"""What names mean: instrument, level and suffix of a file from the folder it lies in and its name.

A grammar is a function of a folder's path below the root of the area; it returns the function that reads the names in
that folder. So what the folder says is worked out once, and each name costs one match. A name it does not know has no
meaning (None): the file is counted all the same, as not recognised.

Packages offer grammars as entry points in the group ``pinakes.grammars``; one pattern needs no code (`by_pattern`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from importlib.metadata import entry_points

from archive.errors import SettingsError

GROUP = "pinakes.grammars"

#: Instrument, level and suffix; what a name does not tell is empty.
Meaning = tuple[str, str, str]
Names = Callable[[str], Meaning | None]
Grammar = Callable[[str], Names]

#: Endings that say how a file is packed; the ending before them belongs to the extension too.
PACKED = frozenset({"gz", "bz2", "xz", "zst", "z", "lz4", "zip"})

#: An ending that names a format: short, and not a mere number, of which there may be as many as there are files.
_ENDING = re.compile(r"(?!\d+$)[A-Za-z0-9]{1,10}")

#: Folders of the archive: <instrument>/<level>/<yyyy>/<mm>, or <instrument>/<level>/undated.
_HOME_FOLDER = re.compile(r"(?P<instrument>[^/]+)/(?P<level>[^/]+)/(?:\d{4}/\d{2}|undated)")

_PARTS = ("instrument", "level", "suffix")


def extension(name: str) -> str:
    """Return the whole extension in lower case, for example ``fits.gz``; empty when there is none.

    >>> extension("a_rate.fits.gz"), extension("core.1234"), extension(".hidden"), extension("report.pdf")
    ('fits.gz', '', '', 'pdf')
    """
    stem, dot, last = name.rpartition(".")
    if not dot or not stem or not _ENDING.fullmatch(last):
        return ""
    last = last.lower()
    if last in PACKED:
        before, dot, inner = stem.rpartition(".")
        if dot and before and _ENDING.fullmatch(inner):
            return f"{inner.lower()}.{last}"
    return last


def plain(_path: str) -> Names:
    """Every name is known and tells nothing but its extension."""
    return lambda _name: ("", "", "")


def home_files(path: str) -> Names:
    """Names that the archive itself gives: ``[mission_]instrument[_product]_time-or-hash...``.

    The suffix is the product, what stands between the instrument and the first time or hash.
    """
    folder = _HOME_FOLDER.fullmatch(path)
    if folder is None:
        return lambda _name: None
    instrument, level = folder["instrument"], folder["level"]
    match = _home_name(instrument).fullmatch

    def read(name: str) -> Meaning | None:
        found = match(name)
        return None if found is None else (instrument, level, found[1] or "")

    return read


@lru_cache(maxsize=256)
def _home_name(instrument: str) -> re.Pattern[str]:
    when = r"(?:\d{8}(?:T\d{6})?|undated|[0-9a-f]{8,64})"
    return re.compile(rf"(?:[a-z0-9]+_)??{re.escape(instrument)}_(?:([A-Za-z0-9._+-]*?)_)??{when}[_.].*", re.DOTALL)


def by_pattern(pattern: str) -> Grammar:
    """Return the grammar of a regular expression over the whole path below the area.

    Parameters
    ----------
    pattern
        Groups named instrument, level and suffix are what they say; any may be missing.

    Raises
    ------
    SettingsError
        When it is no regular expression.
    """
    try:
        compiled = re.compile(pattern, re.DOTALL)
    except re.error as error:
        raise SettingsError(f"{pattern!r} is not a regular expression: {error}.") from None
    groups = [part if part in compiled.groupindex else None for part in _PARTS]

    def grammar(path: str) -> Names:
        prefix = f"{path}/" if path else ""

        def read(name: str) -> Meaning | None:
            found = compiled.fullmatch(prefix + name)
            if found is None:
                return None
            instrument, level, suffix = ((found[group] or "") if group else "" for group in groups)
            return instrument, level, suffix

        return read

    return grammar


def named(name: str) -> Grammar:
    """Return the grammar that a package offers under a name.

    Raises
    ------
    SettingsError
        When no package does.
    """
    offered = {entry.name: entry for entry in entry_points(group=GROUP)}
    if name not in offered:
        known = ", ".join(sorted(offered)) or "none"
        raise SettingsError(f"There is no grammar {name!r} (there are: {known}).")
    found: Grammar = offered[name].load()
    return found
