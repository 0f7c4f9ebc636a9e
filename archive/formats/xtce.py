"""XTCE packet definitions: read with care, since they come from outside.

The model is that of space-packet-parser. A definition is text from a stranger: document types (and with them every
entity) are refused, its size is bounded, nothing is fetched, and whatever is wrong with it ends in one sentence.
"""

from __future__ import annotations

import hashlib
import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from xml.parsers import expat

from space_packet_parser.exceptions import InvalidParameterTypeError
from space_packet_parser.xtce.containers import SequenceContainer
from space_packet_parser.xtce.definitions import DEFAULT_ROOT_CONTAINER, XtcePacketDefinition

from archive.errors import UsageError

#: Largest definition that is read. The largest known to us have a few megabytes.
MAX_BYTES = 32 << 20

#: Deepest nesting of elements, and of containers; most parameters of one container. Real definitions stay far below.
MAX_DEPTH = 64
MAX_ENTRIES = 1_000_000


@dataclass(frozen=True, slots=True)
class Definition:
    """A definition as space-packet-parser models it, its root container, and the SHA-256 of its text."""

    model: XtcePacketDefinition
    root: str
    name: str
    sha256: str

    def containers_below(self, name: str) -> list[str]:
        """Return the containers that inherit from the one named."""
        return list(self.model.containers[name].inheritors or ())


class _Refused(Exception):
    """The text holds what no packet definition needs."""


def load(path: Path, *, root: str | None = None) -> Definition:
    """Read a definition.

    Parameters
    ----------
    path
        The XML file.
    root
        Container to begin with; found when not given (``CCSDSPacket``, else the only one that nothing refers to).

    Raises
    ------
    UsageError
        When the file cannot be read or does not define packets; the message is one sentence.
    """
    try:
        with path.open("rb") as stream:
            text = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"The packet definition {path} cannot be read: {error.strerror}.") from error
    return parse(text, str(path), root=root)


def parse(text: bytes, origin: str, *, root: str | None = None) -> Definition:
    """Read a definition from bytes; `origin` names it in messages (see `load`)."""
    if len(text) > MAX_BYTES:
        raise UsageError(f"The packet definition {origin} is larger than {MAX_BYTES >> 20} MiB.")
    try:
        _refuse_document_types(text)
    except _Refused as error:
        raise UsageError(f"The packet definition {origin} is refused: {error}.") from error
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise UsageError(f"The packet definition {origin} is no XML: {error}.") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the library warns of spellings that it then accepts
            model = XtcePacketDefinition.from_xtce(io.BytesIO(text))
    except (SyntaxError, InvalidParameterTypeError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise UsageError(f"The packet definition {origin} cannot be used: {_cause(error)}.") from error
    except (NotImplementedError, RecursionError) as error:
        raise UsageError(f"The packet definition {origin} uses what is not supported: {_cause(error)}.") from error
    if root is None:
        root = _root(model, origin)
    elif root not in model.containers:
        raise UsageError(f"The packet definition {origin} has no container {root}.")
    return Definition(model, root, model.space_system_name or Path(origin).stem, hashlib.sha256(text).hexdigest())


def _refuse_document_types(text: bytes) -> None:
    """Read the text once with a parser that stops at document types, deep nesting and containers without end."""
    depth = 0
    inner: dict[str, list[str]] = {}
    current: list[str] = []

    def begin(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth, current
        depth += 1
        if depth > MAX_DEPTH:
            raise _Refused(f"it nests deeper than {MAX_DEPTH} elements")
        local = tag.rpartition(":")[2]
        if local == "SequenceContainer":
            current = inner.setdefault(attributes.get("name", ""), [])
        elif local == "ParameterRefEntry":
            current.append("")
        elif local in ("ContainerRefEntry", "BaseContainer"):
            current.append(attributes.get("containerRef", ""))

    def end(_: str) -> None:
        nonlocal depth
        depth -= 1

    def document_type(*_: object) -> None:
        raise _Refused("it declares a document type, which packet definitions do not need")

    reader = expat.ParserCreate()
    reader.StartDoctypeDeclHandler = document_type
    reader.StartElementHandler = begin
    reader.EndElementHandler = end
    reader.Parse(text, True)
    known: dict[str, tuple[int, int]] = {"": (1, 0)}
    for name in inner:
        entries, nesting = _expanded(name, inner, known, 0)
        if entries > MAX_ENTRIES:
            raise _Refused(f"container {name} has more than {MAX_ENTRIES} entries once its containers are put in")
        if nesting > MAX_DEPTH:
            raise _Refused(f"containers nest deeper than {MAX_DEPTH}")


def _expanded(name: str, inner: dict[str, list[str]], known: dict[str, tuple[int, int]], depth: int) -> tuple[int, int]:
    """Return how many parameters a container holds with all containers it names put in, and how deep they nest."""
    if depth > MAX_DEPTH:
        raise _Refused(f"container {name} contains itself, or containers nest deeper than {MAX_DEPTH}")
    if name not in known:
        parts = [_expanded(other, inner, known, depth + 1) for other in inner.get(name, ())]
        known[name] = (1 + sum(n for n, _ in parts), 1 + max((d for _, d in parts), default=0))
    return known[name]


def _cause(error: BaseException) -> str:
    """Return what an error of the library says, on one line, without its full stop."""
    if isinstance(error, KeyError):
        return f"it refers to {error.args[0]!r}, which it does not define"
    if isinstance(error, AttributeError):
        return "it lacks a part that every packet definition has"
    if isinstance(error, RecursionError):
        return "a container contains itself"
    return " ".join(str(error).split()).rstrip(".")[:300] or type(error).__name__


def _root(model: XtcePacketDefinition, origin: str) -> str:
    """Return the container in which every packet begins."""
    if DEFAULT_ROOT_CONTAINER in model.containers:
        return str(DEFAULT_ROOT_CONTAINER)
    nested = {
        entry.name for c in model.containers.values() for entry in c.entry_list if isinstance(entry, SequenceContainer)
    }
    roots = [name for name, c in model.containers.items() if not c.base_container_name and name not in nested]
    parents = [name for name in roots if model.containers[name].inheritors]
    choice = parents or roots
    if len(choice) != 1:
        found = ", ".join(choice) or "none"
        raise UsageError(f"The packet definition {origin} has no single root container (candidates: {found}).")
    return str(choice[0])
