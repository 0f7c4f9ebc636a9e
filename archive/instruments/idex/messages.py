"""Event messages (APID 1418): the text of an id and its four parameter bytes.

Source: IDEX packet definition, section 10. In the templates ``{p1:02x}`` is byte 1 in hexadecimal, and ``{p2+2|Name}``
two bytes from byte 2, big-endian, looked up in the dictionary ``Name``. Texts and dictionaries are third-party data
under the MIT licence, shipped with its text beside them.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archive.instruments.idex.calibration import DATA

_PLACE = re.compile(r"\{p([0-3])(?::02x|\+([124])\|(\w+))\}")
_MNEMONICS = "logEntryIdDictionary"
_TEXTS = "eventMsgDictionary"


@cache
def _tables() -> dict[str, dict[str, str]]:
    tables: dict[str, dict[str, str]] = json.loads(
        DATA.joinpath("event_message_tables.json").read_text(encoding="utf-8")
    )
    return tables


def mnemonic(message_id: int) -> str:
    """Return the mnemonic of a message id, ``EVENT_0xNN`` when it has none."""
    return _tables()[_MNEMONICS].get(str(message_id), f"EVENT_0x{message_id:02X}")


def text(message_id: int, parameters: bytes) -> str:
    """Return one message as text.

    Parameters
    ----------
    message_id
        ELID, 0-255.
    parameters
        The four parameter bytes.
    """
    template = _tables()[_TEXTS].get(str(message_id))
    if template is None:
        return f"{mnemonic(message_id)} 0x{parameters.hex()}"

    def value(place: re.Match[str]) -> str:
        first, width, name = int(place[1]), place[2], place[3]
        if width is None:
            return f"{parameters[first]:02x}"
        size = int(width)
        number = int.from_bytes(parameters[first : first + size], "big")
        return f"{name}({_tables().get(name, {}).get(str(number), f'0x{number:0{2 * size}X}')})"

    return _PLACE.sub(value, template)


def render(ids: NDArray[Any], parameters: NDArray[np.uint8]) -> tuple[list[str], list[str]]:
    """Return mnemonics and texts of many messages; each distinct message is rendered once.

    Parameters
    ----------
    ids
        Message ids, shape (n,).
    parameters
        Parameter bytes, shape (n, 4).
    """
    if not len(ids):
        return [], []
    whole = np.column_stack([np.asarray(ids, np.uint8), parameters])
    distinct, which = np.unique(whole, axis=0, return_inverse=True)
    names = [mnemonic(int(row[0])) for row in distinct]
    texts = [text(int(row[0]), row[1:].tobytes()) for row in distinct]
    order = which.ravel().tolist()
    return [names[i] for i in order], [texts[i] for i in order]
