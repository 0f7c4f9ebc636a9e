"""Recognition: which instrument a file belongs to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from archive import log
from archive.instruments.base import HEAD_BYTES, Instrument, instruments
from archive.model import Claim, Product
from archive.store.staging import read_head

__all__ = ["HEAD_BYTES", "UNKNOWN", "Unknown", "product_of", "recognise", "recognised"]

_log = log.get("ingest")


class Unknown:
    """The origin of files that nobody recognises: they are set aside, and a row needs a product to hang on."""

    name = "unknown"
    title = "Not recognised"
    products = (
        Product("unrecognised", "raw", "unknown", "Unrecognised file", "A file that no instrument recognised."),
    )

    def calibrations(self) -> Sequence[Mapping[str, Any]]:
        """Return no calibrations."""
        return ()


UNKNOWN = Unknown()


def recognise(name: str, head: bytes, size: int, options: Mapping[str, Any]) -> Claim | None:
    """Return the claim of the highest confidence, the first by name among equals; None when nobody claims.

    An instrument whose ``claims`` raises has a bug; it is logged and the others decide.
    """
    claims = []
    for instrument in instruments().values():
        try:
            claim = instrument.claims(name, head, size, options)
        except Exception:
            _log.exception("%s failed to look at %s", instrument.name, name)
            continue
        if claim is not None:
            claims.append(claim)
    return max(claims, key=lambda claim: claim.confidence, default=None)


def recognised(path: Path, name: str, size: int, options: Mapping[str, Any]) -> Claim | None:
    """Like `recognise`, for a file on disk. Raises `UnreadableSource`."""
    return recognise(name, read_head(path, HEAD_BYTES), size, options)


def product_of(instrument: Instrument | Unknown, name: str) -> Product:
    """Return the product of that name.

    Raises
    ------
    LookupError
        When the instrument has not declared it.
    """
    for product in instrument.products:
        if product.name == name:
            return product
    raise LookupError(f"{instrument.name} has no product {name!r}")
