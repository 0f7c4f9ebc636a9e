"""The fields of an event header packet: names, places and meanings (IDEX packet definition, sections 2, 3 and 5)."""

from __future__ import annotations

import json
from typing import NamedTuple

from archive.instruments.idex.calibration import DATA


class Field(NamedTuple):
    """A field: lower-case name, first bit from the start of the packet, width in bits, and meaning."""

    name: str
    bit: int
    bits: int
    meaning: str


#: In order of the packet; a whole word comes before the fields it is made of.
FIELDS = tuple(
    Field(entry["name"], entry["bit"], entry["bits"], entry["meaning"])
    for entry in json.loads(DATA.joinpath("header_fields.json").read_text(encoding="utf-8"))
)

#: Texts of the enumerated fields, for 0 and 1.
ENUMERATIONS = {
    "sci0pack": ("DS", "EN"),
    "sci0frag": ("DS", "EN"),
    "sci0comp": ("DS", "EN"),
    "txhdrpolstat": ("POS", "NEG"),
    "txhdrpolctrl": ("POS", "NEG"),
    "txhdrcoinena": ("DIS", "ENA"),
    "txhdrlstrigmode": ("DIS", "ENA"),
}
