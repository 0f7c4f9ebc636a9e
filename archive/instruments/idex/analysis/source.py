"""Read what the analysis needs from the HDF5 event product."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np

from archive.instruments.idex.analysis.chain import Header
from archive.instruments.idex.event_file import read_waveforms
from archive.model import Waveforms


def read(product: Path, records: Sequence[int]) -> tuple[Waveforms, Header]:
    """Return waveforms and header facts of some records, ascending; what lies between them is read too."""
    first, count = records[0], records[-1] - records[0] + 1
    rows = np.asarray(records) - first
    with h5py.File(product, "r") as file:
        header = Header(
            science=np.asarray(file["flags/science"][first : first + count], dtype=np.bool_)[rows],
            captured=np.asarray(file["flags/noise"][first : first + count], dtype=np.bool_)[rows],
            target_voltage=np.asarray(file["housekeeping/target_voltage"][first : first + count], np.float64)[rows],
        )
    found = read_waveforms(product, first, count)
    channels = tuple(
        replace(channel, data=channel.data[rows], present=channel.present[rows], t0=channel.t0[rows])
        for channel in found.channels
    )
    return Waveforms(channels), header
