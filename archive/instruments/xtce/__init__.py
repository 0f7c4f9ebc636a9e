"""Packets of any mission, by an XTCE definition that the user hands over: one HDF5 file with a table per APID."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from archive.errors import NotFound
from archive.model import Claim, Decoded, Product, Source, Waveforms


class XTCE:
    """Any CCSDS packet file, read by a definition given with the option ``xtce``.

    Times are not interpreted: a definition does not say which clock a parameter counts.
    """

    name = "xtce"
    title = "Packets by XTCE definition"
    products = (
        Product(
            "packets",
            "raw",
            "ccsds",
            "CCSDS packets",
            "Space packets back to back, as received, to be read by an XTCE definition.",
        ),
        Product(
            "parameters",
            "l1a",
            "hdf5",
            "Packet parameters",
            "Raw and calibrated values of every parameter of every packet: a group per APID, a table per container.",
        ),
    )

    def claims(self, name: str, head: bytes, size: int, options: Mapping[str, Any]) -> Claim | None:  # noqa: ARG002
        """Claim every file that comes with a definition, and no other."""
        return Claim(self.name, "packets", 100) if options.get("xtce") else None

    def decode(self, source: Source, workdir: Path) -> Decoded:
        """Decode one packet file; options ``xtce`` (path), ``xtce_sha256``, ``xtce_root`` and ``crc``.

        ``crc`` is ``auto`` (learnt from the file), ``yes`` or ``no``.

        Raises
        ------
        UsageError
            When the definition cannot be used; never for what the packets hold.
        """
        from archive.instruments.xtce.decode import decode

        return decode(source, workdir)

    def assemble(self, sources: Sequence[Source], match_keys: Sequence[str], workdir: Path) -> Decoded:  # noqa: ARG002
        """Return nothing: parameters are not events."""
        return Decoded(product="packets")

    def waveforms(self, product: Path, first: int, count: int) -> Waveforms:  # noqa: ARG002
        """Refuse: there are no waveforms.

        Raises
        ------
        NotFound
            Always.
        """
        raise NotFound(f"{product.name} holds packet parameters and no waveforms.")

    def calibrations(self) -> Sequence[Mapping[str, Any]]:
        """Return nothing: calibrations are in the definition."""
        return ()

    def table_metadata(self) -> Any:
        """Return nothing: there are no typed tables."""
        return None
