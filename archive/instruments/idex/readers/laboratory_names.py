"""What the laboratory tool calls things (IDEX science definition, section 21.2)."""

from __future__ import annotations

from typing import Final

#: Channels.
NAMES: Final = {
    "TOF_High": "TOF H", "TOF_Mid": "TOF M", "TOF_Low": "TOF L", "Ion_Grid": "Ion Grid", "Target_High": "Target H",
    "Target_Low": "Target L",
}  # fmt: skip
