"""The variables inside a product file: names, shapes, types, units, and what they are, read from the file itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monitors.site import tables, text
from monitors.site.tables import Column, Table

#: Variables and attributes shown at most; a file from elsewhere may hold any number.
MOST = 500

#: Characters of one value shown at most.
LONGEST = 300

#: Names that files give to a unit and to a description, in HDF5 and in CDF (ISTP).
UNITS = ("units", "UNITS", "unit")
DESCRIPTIONS = ("description", "CATDESC", "long_name", "FIELDNAM", "LABLAXIS")


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable: path in the file, shape and type as text, unit, description."""

    name: str
    shape: str
    kind: str
    unit: str
    description: str


@dataclass(frozen=True, slots=True)
class Contents:
    """What lies in a file: its variables and its own attributes, or why it cannot be read."""

    variables: list[Variable]
    attributes: dict[str, str]
    trouble: str = ""


def contents(path: Path, form: str) -> Contents | None:
    """Return what lies in a file; None for formats without variables."""
    reader = READERS.get(form)
    if reader is None:
        return None
    try:
        return reader(path)
    except (OSError, ValueError, KeyError, RuntimeError, TypeError, IndexError) as error:
        return Contents([], {}, text.plain(f"{type(error).__name__}: {error}")[:LONGEST])


def variable_table(found: Contents) -> Table:
    """Return the variables as a table, in the order of the file."""
    columns = (Column("Variable", kind="name"), Column("Shape"), Column("Type"), Column("Unit"))
    table = Table((*columns, Column("Description", kind="prose")), empty="The file holds no variables.")
    table.filterable = len(found.variables) > 20
    for variable in found.variables:
        values = (variable.name, variable.shape, variable.kind, variable.unit, variable.description)
        table.rows.append([tables.words(value) for value in values])
    return table


def attribute_table(found: Contents) -> Table:
    """Return the attributes of the file itself."""
    table = Table((Column("Attribute"), Column("Value", kind="prose")), empty="The file has no attributes.")
    table.rows.extend([tables.words(name), tables.words(value)] for name, value in found.attributes.items())
    return table


def _hdf5(path: Path) -> Contents:
    import h5py

    variables: list[Variable] = []

    def visit(name: str, item: Any) -> bool | None:
        if isinstance(item, h5py.Dataset):
            unit, description = _told(item.attrs)
            variables.append(Variable(name, _shape(item.shape or ()), str(item.dtype), unit, description))
        return True if len(variables) >= MOST else None  # anything but None ends the visit

    with h5py.File(path, "r") as file:
        file.visititems(visit)  # follows neither soft nor external links
        attributes = {name: shown(file.attrs[name]) for name in list(file.attrs)[:MOST]}
    return Contents(variables, attributes)


def _cdf(path: Path) -> Contents:
    import cdflib

    file = cdflib.CDF(path)
    info = file.cdf_info()
    variables = []
    for name in [*info.zVariables, *info.rVariables][:MOST]:
        about = file.varinq(name)
        unit, description = _told(file.varattsget(name))
        records = [about.Last_Rec + 1] if about.Rec_Vary else []
        sizes = [size for size, varies in zip(about.Dim_Sizes, about.Dim_Vary, strict=False) if varies]
        kind = about.Data_Type_Description.removeprefix("CDF_")
        variables.append(Variable(name, _shape([*records, *sizes]), kind, unit, description))
    return Contents(variables, {name: shown(value) for name, value in list(file.globalattsget().items())[:MOST]})


READERS: Mapping[str, Callable[[Path], Contents]] = {"hdf5": _hdf5, "cdf": _cdf}


def _shape(sizes: Any) -> str:
    return " × ".join(str(size) for size in sizes) or "one value"


def _told(attributes: Mapping[str, Any]) -> tuple[str, str]:
    """Return unit and description among the attributes of a variable."""

    def first(names: tuple[str, ...]) -> Iterator[str]:
        yield from (shown(attributes[name]) for name in names if name in attributes)
        yield ""

    return next(first(UNITS)), next(first(DESCRIPTIONS))


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
