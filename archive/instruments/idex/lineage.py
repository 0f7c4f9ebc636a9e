"""Where a product comes from, said in its name and inside it, as pure functions of the sources."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version

from archive.model import Source


@dataclass(frozen=True, slots=True)
class Lineage:
    """The sources of a product.

    Attributes
    ----------
    names, hashes
        Name and SHA-256 of each raw file, in order of the hashes.
    tag
        Eight hexadecimal digits that tell products of different sources apart in their names.
    assembled
        Whether events were put together from several files.
    """

    names: tuple[str, ...]
    hashes: tuple[str, ...]
    tag: str
    assembled: bool = False

    @property
    def json(self) -> str:
        """The sources as JSON: a list of name and sha256."""
        rows = [{"name": name, "sha256": sha} for name, sha in zip(self.names, self.hashes, strict=True)]
        return json.dumps(rows, ensure_ascii=True)

    @property
    def software(self) -> str:
        """Name and version of the code."""
        return f"pinakes {version('pinakes')}"


def of_file(source: Source) -> Lineage:
    """Return the lineage of products of one raw file."""
    return Lineage((source.name,), (source.sha256,), source.sha256[:8])


def of_parts(sources: Sequence[Source], match_keys: Sequence[str]) -> Lineage:
    """Return the lineage of events put together from several files; the order of the arguments does not matter."""
    ordered = sorted(sources, key=lambda source: source.sha256)
    text = "\n".join([*(source.sha256 for source in ordered), *sorted(match_keys)])
    tag = hashlib.sha256(text.encode()).hexdigest()[:8]
    return Lineage(tuple(s.name for s in ordered), tuple(s.sha256 for s in ordered), tag, assembled=True)
