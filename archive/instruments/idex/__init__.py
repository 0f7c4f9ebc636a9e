"""IMAP/IDEX, the Interstellar Dust Experiment, and SUDA engineering captures that share its packets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archive.model import Claim, Decoded, Product, Source, Waveforms

if TYPE_CHECKING:
    from archive.instruments.idex.analysis import IdexAnalysis
    from archive.instruments.idex.level2_windows import IdexWindowProducts
    from archive.instruments.idex.readers.event import Event
    from archive.instruments.idex.time import ClockCorrelation

__all__ = ["IDEX"]

_ISTP = {"Mission_group": "IMAP", "Instrument_type": "Particles (space)"}


class IDEX:
    """The instrument, for the archive.

    Parameters
    ----------
    clock
        Relation of the instrument clock to TT; the formula that holds before launch when not given.
    """

    name = "idex"
    title = "IMAP/IDEX, Interstellar Dust Experiment"
    products: tuple[Product, ...] = (
        Product(
            "raw",
            "raw",
            "ccsds",
            "IDEX raw packets",
            "CCSDS packets as they came from the ground: science, event messages, catalogue lists, housekeeping.",
        ),
        Product(
            "l1a_events",
            "l1a",
            "hdf5",
            "IDEX dust events",
            "Every event of a raw file: six waveforms with all samples, header fields, housekeeping, flags.",
        ),
        Product(
            "l1a_sci",
            "l1a",
            "cdf",
            "IDEX level 1A events",
            "Level-1A events of one calendar window, 8189 high-rate samples, ISTP attributes.",
            {**_ISTP, "Logical_source": "imap_idex_l1a_sci"},
        ),
        Product(
            "l1a_msg",
            "l1a",
            "cdf",
            "IDEX level 1A event messages",
            "Rendered event messages of one calendar window, ISTP attributes.",
            {**_ISTP, "Logical_source": "imap_idex_l1a_msg"},
        ),
        Product(
            "l2a_sci",
            "l2a",
            "cdf",
            "IDEX level 2A events",
            "Fitted lines and pulses, mass scale, charge, speed and mass of the events of one calendar window.",
            {**_ISTP, "Logical_source": "imap_idex_l2a_sci"},
        ),
        Product(
            "l2a_tables",
            "l2a",
            "hdf5",
            "IDEX level 2A tables",
            "Every line, pulse, particle, composition and mass scale of the events of one product, with settings.",
        ),
        Product(
            "l2b_sci",
            "l2b",
            "cdf",
            "IDEX level 2B rates",
            "Dust counts, exposure and rates of one window of ten days by spin quadrant, charge and mass.",
            {**_ISTP, "Logical_source": "imap_idex_l2b_sci-10days"},
        ),
        Product(
            "l2c_rectangular_map",
            "l2c",
            "cdf",
            "IDEX level 2C maps",
            "Pointing maps of one window of ten days: dust counts, exposure and rates by pixel of 6 degrees.",
            {**_ISTP, "Logical_source": "imap_idex_l2c_rectangular-map-10days"},
        ),
        Product(
            "l1b_sci",
            "l1b",
            "cdf",
            "IDEX level 1B events as delivered",
            "Level-1B events of the flight pipeline; taken in for where the boresight pointed.",
            {**_ISTP, "Logical_source": "imap_idex_l1b_sci"},
        ),
    )

    def __init__(self, clock: ClockCorrelation | None = None) -> None:
        self._clock = clock

    def claims(self, name: str, head: bytes, size: int, options: Mapping[str, Any]) -> Claim | None:
        """Claim a file whose bytes are packets of IDEX, whatever it is called, or a level-1B file by its name."""
        from archive.instruments.idex import geometry
        from archive.instruments.idex.claims import confidence

        del options
        if geometry.claims(name, head):
            return Claim(self.name, geometry.PRODUCT, geometry.CERTAIN)
        sure = confidence(name, head, size)
        return Claim(self.name, self.products[0].name, sure) if sure else None

    def decode(self, source: Source, workdir: Path) -> Decoded:
        """Decode one raw file and write its products into `workdir`."""
        from archive.instruments.idex import geometry
        from archive.instruments.idex.decode import decode

        with source.path.open("rb") as stream:
            head = stream.read(geometry.HEAD)
        if geometry.claims(source.name, head):
            return geometry.decode(source)
        return decode(source, workdir, self.clock)

    def assemble(self, sources: Sequence[Source], match_keys: Sequence[str], workdir: Path) -> Decoded:
        """Put together events whose packets lie in several raw files."""
        from archive.instruments.idex.decode import assemble

        return assemble(sources, match_keys, workdir, self.clock)

    def waveforms(self, product: Path, first: int, count: int) -> Waveforms:
        """Read waveforms of the HDF5 event product, all 8192 high-rate samples."""
        from archive.instruments.idex.event_file import read_waveforms

        return read_waveforms(product, first, count)

    def calibrations(self) -> Sequence[Mapping[str, Any]]:
        """Return the calibration records that ship with the package."""
        from archive.instruments.idex.calibration import records

        return records()

    def check_calibration(self, name: str, values: Mapping[str, Any]) -> None:
        """Look at values that an analyst would write as a calibration. Raises ValueError."""
        from archive.instruments.idex.local_calibration import check

        check(name, values)

    def read_events(self, path: Path, *, number: int | None = None, join: Path | None = None) -> Iterator[Event]:
        """Yield the events of a file in any layout that is known. Raises UnreadableSource."""
        from archive.instruments.idex.readers import read_events

        return read_events(path, number=number, join=join)

    def table_metadata(self) -> Any:
        """Return the metadata with the tables of schema ``idex``."""
        from archive.instruments.idex.analysis.rate_tables import rate_window
        from archive.instruments.idex.analysis.tables import channel_analysis
        from archive.instruments.idex.tables import event

        assert channel_analysis.metadata is rate_window.metadata is event.metadata
        return event.metadata

    @property
    def analysis(self) -> IdexAnalysis:
        """What is computed from every event after ingest."""
        from archive.instruments.idex.analysis import IdexAnalysis

        return IdexAnalysis()

    @property
    def window_products(self) -> IdexWindowProducts:
        """What is written of windows of ten days once they have been accumulated."""
        from archive.instruments.idex.level2_windows import IdexWindowProducts

        return IdexWindowProducts()

    @property
    def clock(self) -> ClockCorrelation:
        """Relation of the instrument clock to TT."""
        if self._clock is None:
            from archive.instruments.idex.time import FIXED_CLOCK

            self._clock = FIXED_CLOCK
        return self._clock
