"""The variables inside a product file: a tree with attributes, first values and a small histogram, from the file."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from monitors.site import tables, text
from monitors.site.tables import Column, Table
from monitors.site.values import Values, glance

#: Variables and attributes shown at most; a file from elsewhere may hold any number.
MOST = 500

#: Characters of one value shown at most.
LONGEST = 300

#: Values of one variable, and of one file, that are read at most for the histograms.
VALUES_OF_VARIABLE: Final = 2**16
VALUES_OF_FILE: Final = 2**22

#: Names that files give to a unit, a description and a value that stands for none, in HDF5 and in CDF (ISTP).
UNITS = ("units", "UNITS", "unit")
DESCRIPTIONS = ("description", "CATDESC", "long_name", "FIELDNAM", "LABLAXIS")
FILLS = ("_FillValue", "FILLVAL")


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable: path in the file, shape and type as text, unit, description, attributes, what its values are."""

    name: str
    shape: str
    kind: str
    unit: str
    description: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    values: Values = field(default_factory=Values)

    @property
    def group(self) -> str:
        """Path of the group that holds it, empty for the file itself."""
        return self.name.rpartition("/")[0]

    @property
    def leaf(self) -> str:
        """Its own name."""
        return self.name.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Group:
    """Variables that lie together: path, variables, attributes of the group."""

    path: str
    variables: Sequence[Variable]
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Contents:
    """What lies in a file: its variables and its own attributes, those of its groups, or why it cannot be read."""

    variables: list[Variable]
    attributes: dict[str, str]
    trouble: str = ""
    of_groups: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def groups(self) -> list[Group]:
        """The tree: variables of the file itself first, then those of each group."""
        ordered = sorted(self.variables, key=lambda variable: variable.group)
        return [
            Group(path, list(members), self.of_groups.get(path, {}))
            for path, members in groupby(ordered, key=lambda variable: variable.group)
        ]


def contents(path: Path, form: str) -> Contents | None:
    """Return what lies in a file; None for formats without variables."""
    reader = READERS.get(form)
    if reader is None:
        return None
    try:
        return reader(path)
    except (OSError, ValueError, KeyError, RuntimeError, TypeError, IndexError) as error:
        return Contents([], {}, text.plain(f"{type(error).__name__}: {error}")[:LONGEST])


def attribute_table(found: Contents) -> Table:
    """Return the attributes of the file itself."""
    table = Table((Column("Attribute"), Column("Value", kind="prose")), empty="The file has no attributes.")
    table.rows.extend([tables.words(name), tables.words(value)] for name, value in found.attributes.items())
    return table


class _Budget:
    """How many more values of a file may be read."""

    def __init__(self) -> None:
        self.left = VALUES_OF_FILE

    def rows(self, shape: Sequence[int]) -> int:
        """Return how many of the first rows of a variable are read: at least one while there is anything left."""
        if self.left <= 0 or not shape or 0 in shape:
            return 0 if shape else 1
        width = math.prod(shape[1:])
        rows = min(shape[0], max(1, min(VALUES_OF_VARIABLE, self.left) // width))
        self.left -= rows * width
        return int(rows) if rows * width <= VALUES_OF_FILE else 0


def _hdf5(path: Path) -> Contents:
    import h5py

    variables: list[Variable] = []
    groups: dict[str, Mapping[str, str]] = {}
    budget = _Budget()

    def visit(name: str, item: Any) -> bool | None:
        if isinstance(item, h5py.Group):
            groups[name] = _attributes(item.attrs)
        elif isinstance(item, h5py.Dataset):
            variables.append(_of_hdf5(name, item, budget))
        return True if len(variables) >= MOST else None  # anything but None ends the visit

    with h5py.File(path, "r") as file:
        file.visititems(visit)  # follows neither soft nor external links
        return Contents(variables, _attributes(file.attrs), of_groups=groups)


def _of_hdf5(name: str, item: Any, budget: _Budget) -> Variable:
    held = {key: item.attrs[key] for key in list(item.attrs)[:MOST]}
    unit, description = _told(held)
    shape = item.shape or ()
    rows = budget.rows(shape)
    values = Values()
    if rows and item.shape is not None:
        ticks = item.dtype.kind == "i" and name.rpartition("/")[2] == "epoch" and unit == "ns"
        values = _glance(lambda: item[()] if not shape else item[:rows], item.size, held, ticks)
    return Variable(name, _shape(shape), str(item.dtype), unit, description, _shown_all(held), values)


def _cdf(path: Path) -> Contents:
    import cdflib

    file = cdflib.CDF(path)
    info = file.cdf_info()
    budget = _Budget()
    variables = []
    for name in [*info.zVariables, *info.rVariables][:MOST]:
        about = file.varinq(name)
        held = file.varattsget(name)
        unit, description = _told(held)
        records = [about.Last_Rec + 1] if about.Rec_Vary else []
        sizes = [size for size, varies in zip(about.Dim_Sizes, about.Dim_Vary, strict=False) if varies]
        kind = about.Data_Type_Description.removeprefix("CDF_")
        values = _of_cdf(file, name, about, [*records, *sizes], held, budget)
        shape = _shape([*records, *sizes])
        variables.append(Variable(name, shape, kind, unit, description, _shown_all(held), values))
    return Contents(variables, {name: shown(value) for name, value in list(file.globalattsget().items())[:MOST]})


def _of_cdf(file: Any, name: str, about: Any, shape: list[int], held: Mapping[str, Any], budget: _Budget) -> Values:
    """Return what the first values of a variable of a CDF are; a time as UTC."""
    if about.Last_Rec < 0:
        return Values()
    rows = budget.rows(shape) if about.Rec_Vary else 1
    if not rows:
        return Values()
    records = {"startrec": 0, "endrec": rows - 1} if about.Rec_Vary else {}
    ticks = "TT2000" in about.Data_Type_Description
    return _glance(lambda: file.varget(name, **records), math.prod(shape), held, ticks)


def _glance(read: Callable[[], Any], size: int, held: Mapping[str, Any], tt2000: bool) -> Values:
    """Look at values; those that cannot be read leave the rest of the file alone."""
    try:
        return glance(read(), size=size, fill=_fill(held), tt2000=tt2000)
    except (OSError, ValueError, RuntimeError, TypeError, KeyError) as error:
        return Values(first=f"cannot be read: {text.plain(error)}"[:LONGEST], size=size)


READERS: Mapping[str, Callable[[Path], Contents]] = {"hdf5": _hdf5, "cdf": _cdf}


def _shape(sizes: Any) -> str:
    return " × ".join(str(size) for size in sizes) or "one value"


def _told(attributes: Mapping[str, Any]) -> tuple[str, str]:
    """Return unit and description among the attributes of a variable."""

    def first(names: tuple[str, ...]) -> Iterator[str]:
        yield from (shown(attributes[name]) for name in names if name in attributes)
        yield ""

    return next(first(UNITS)), next(first(DESCRIPTIONS))


def _fill(attributes: Mapping[str, Any]) -> Any:
    return next((attributes[name] for name in FILLS if name in attributes), None)


def _attributes(held: Any) -> dict[str, str]:
    return _shown_all({name: held[name] for name in list(held)[:MOST]})


def _shown_all(held: Mapping[str, Any]) -> dict[str, str]:
    return {text.plain(name): shown(value) for name, value in list(held.items())[:MOST]}


def shown(value: Any) -> str:
    """Return the value of an attribute as one short line."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "backslashreplace")
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list):
        value = value[0] if len(value) == 1 else ", ".join(shown(item) for item in value[:50])
    line = text.plain(value)
    return line if len(line) <= LONGEST else line[:LONGEST] + " …"
