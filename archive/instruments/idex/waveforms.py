"""One pass over the waveforms of all events: products are written, and what is found is kept for the catalog."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archive.instruments.idex import flags
from archive.instruments.idex.channels import Damage
from archive.instruments.idex.event_file import EventFile
from archive.instruments.idex.events import EventBatch, EventList, batches
from archive.instruments.idex.grouping import Groups
from archive.instruments.idex.l1a_file import L1aWriter
from archive.instruments.idex.layout import CHANNELS
from archive.instruments.idex.lineage import Lineage
from archive.instruments.idex.science import SciencePackets
from archive.instruments.idex.time import as_datetime
from archive.model import NewFile

EVENT_PRODUCT = "l1a_events"


@dataclass(slots=True)
class Found:
    """What the waveforms of ``n`` events show, in order of the event list: (n,), or (n, 6) in order of ``CHANNELS``."""

    present: NDArray[np.bool_]
    damaged: NDArray[np.bool_]
    saturated: NDArray[np.bool_]
    dust_hit: NDArray[np.bool_]
    compressed: NDArray[np.bool_]
    conflicting: NDArray[np.bool_]
    duplicates: NDArray[np.int64]
    parts: NDArray[np.int64]
    digest: list[str] = field(default_factory=list)
    damage: list[Damage] = field(default_factory=list)

    @classmethod
    def empty(cls, groups: Groups, events: EventList) -> Found:
        """Return what is known before a waveform is decoded."""
        n, shape = len(events), (len(events), len(CHANNELS))
        return cls(
            present=np.zeros(shape, np.bool_),
            damaged=np.zeros(shape, np.bool_),
            saturated=np.zeros(shape, np.bool_),
            dust_hit=np.zeros(n, np.bool_),
            compressed=(events.header["sci0comp"] != 0) | groups.compressed[events.group].any(axis=1),
            conflicting=groups.conflicting[events.group],
            duplicates=groups.duplicates[events.group],
            parts=np.zeros(n, np.int64),
        )

    def add(self, batch: EventBatch) -> None:
        """Keep what a batch shows."""
        rows = slice(batch.first, batch.first + len(batch))
        self.present[rows], self.damaged[rows] = batch.batch.present, batch.batch.damaged
        self.saturated[rows], self.dust_hit[rows] = batch.saturated, batch.dust_hit
        self.parts[rows] = batch.parts
        self.digest.extend(batch.digest)
        self.damage.extend(batch.batch.damage)

    def kinds(self, events: EventList) -> list[str]:
        """Return the kind of each event: dust, science (no dust hit), noise or pulser."""
        names = np.array(["science", "noise", "pulser"])[events.kind]
        return list(np.where((events.kind == flags.SCIENCE) & self.dust_hit, "dust", names).tolist())


@dataclass(slots=True)
class Products:
    """The products written, and for each of them the events in it, in order of record."""

    files: list[NewFile] = field(default_factory=list)
    contents: list[NDArray[np.int64]] = field(default_factory=list)


def write_products(
    data: NDArray[np.uint8],
    packets: SciencePackets,
    groups: Groups,
    events: EventList,
    lineage: Lineage,
    folder: Path,
) -> tuple[Found, Products]:
    """Decode all events batch by batch and write the HDF5 event file and the level-1A CDF files.

    Parameters
    ----------
    data, packets, groups, events
        What the capture holds.
    lineage
        Where it comes from.
    folder
        Where the products go.
    """
    found = Found.empty(groups, events)
    if not len(events):
        return found, Products()
    first, last = as_datetime(events.utc[0]), as_datetime(events.utc[-1])
    path = folder / f"imap_idex_{EVENT_PRODUCT}_{first:%Y%m%dT%H%M%S}_{lineage.tag}_v001.h5"
    l1a = L1aWriter(folder, events, lineage)
    with EventFile(path, events, lineage) as event_file:
        for batch in batches(data, packets, groups, events):
            found.add(batch)
            event_file.add(batch)
            l1a.add(batch)
    l1a.close()
    about: dict[str, Any] = {"events": len(events), "assembled": lineage.assembled}
    whole = NewFile(EVENT_PRODUCT, path.name, path, first, last, about)
    return found, Products([whole, *l1a.files], [np.arange(len(events)), *l1a.contents])
