"""XTCE in columns: all packets of a layout are read at once, field by field, into arrays.

`Plan.decode` sorts packets into layouts by the restriction criteria, as raw bits in columns, and reads them. Packets
that cannot be read so (`Layout.reason`, criteria that are expressions, fields off byte boundaries) go one by one
through space-packet-parser and come out in the same columns.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from space_packet_parser.xtce.comparisons import Comparison, MatchCriteria

from archive.errors import NotFound
from archive.formats.xtce import Definition
from archive.formats.xtce_fallback import decode_one_by_one
from archive.formats.xtce_group import Group, Ragged, Sorted
from archive.formats.xtce_layout import Field, Layout, flatten
from archive.numerics.bitfields import read_bytes, read_fields
from archive.numerics.crc import readonly

#: Bytes of 64-bit values that are held while fields are read.
BATCH = 32 << 20

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    **dict.fromkeys(("==", "eq"), operator.eq),
    **dict.fromkeys(("!=", "neq"), operator.ne),
    **dict.fromkeys(("<", "lt", "&lt;"), operator.lt),
    **dict.fromkeys((">", "gt", "&gt;"), operator.gt),
    **dict.fromkeys(("<=", "leq", "&lt;="), operator.le),
    **dict.fromkeys((">=", "geq", "&gt;="), operator.ge),
}

Indexes = NDArray[np.int64]

#: Instead of the index of a child: none fits, several fit, the packet is too short to tell.
_NONE, _SEVERAL, _SHORT = -1, -2, -3


class Plan:
    """A definition compiled for reading in columns; layouts are compiled when first needed."""

    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        self._layouts: dict[str, Layout] = {}

    def layout(self, container: str) -> Layout:
        """Return the layout of a container.

        Raises
        ------
        NotFound
            When the definition has no such container.
        """
        if container not in self.definition.model.containers:
            raise NotFound(f"The packet definition has no container {container}.")
        if container not in self._layouts:
            self._layouts[container] = flatten(self.definition, container)
        return self._layouts[container]

    def apids(self) -> dict[int, str]:
        """Return the APIDs that the criteria name, with the outermost container that each one selects."""
        parameter = next(
            (f.name for f in self.layout(self.definition.root).fields if (f.bit, f.width) == (5, 11)), None
        )
        found: dict[int, str] = {}
        waiting = [self.definition.root]
        while waiting:
            name = waiting.pop(0)
            for criterion in self.definition.model.containers[name].restriction_criteria or ():
                if not isinstance(criterion, Comparison) or criterion.referenced_parameter != parameter:
                    continue
                if criterion.operator in ("==", "eq") and criterion.required_value.isdigit():
                    found.setdefault(int(criterion.required_value), name)
            waiting += self.definition.containers_below(name)
        return {apid: found[apid] for apid in sorted(found) if apid < 2048}

    def extract(
        self,
        container: str,
        data: NDArray[np.uint8],
        offsets: Indexes,
        lengths: Indexes,
        names: Iterable[str] | None = None,
        *,
        words: bool = False,
    ) -> Group:
        """Read the packets at `offsets` as this container, without looking at its criteria.

        Parameters
        ----------
        data
            The file, uint8.
        offsets, lengths
            First byte and bytes of each packet, ``n`` each.
        names
            Parameters to read; all when not given.
        words
            Also read whole the containers that were put in as words (`Layout.words`).

        Returns
        -------
        Group
            Columns of the packets that are long enough; `Group.index` says which.

        Raises
        ------
        NotFound
            When the definition has no such container.
        ValueError
            When the layout cannot be read in columns (`Layout.reason`).
        """
        layout = self.layout(container)
        if layout.reason:
            raise ValueError(f"{container} cannot be read in columns: {layout.reason}")
        wanted = {f.name: f for f in (*layout.fields, *(layout.words if words else ()))}
        if names is not None:
            wanted = {name: wanted[name] for name in names}
        data = readonly(data)
        index, starts, sizes = _locate(layout, data, offsets, lengths)
        return Group(layout, index, _read(layout, data, starts, sizes, list(wanted.values())))

    def decode(self, data: NDArray[np.uint8], offsets: Indexes, lengths: Indexes) -> Sorted:
        """Sort packets into layouts and read them all; never raises on what the packets hold."""
        data = readonly(data)
        out = Sorted()
        single: list[int] = []
        waiting: list[tuple[str, Indexes]] = [(self.definition.root, np.arange(len(offsets)))]
        while waiting:
            name, index = waiting.pop()
            if not len(index):
                continue
            layout = self.layout(name)
            children = self.definition.containers_below(name)
            chosen = self._choose(layout, children, data, offsets, lengths, index) if children else None
            if layout.reason or (children and chosen is None):
                single += index.tolist()
                continue
            stay = index
            if chosen is not None:
                waiting += [(child, index[chosen == i]) for i, child in enumerate(children)]
                out.unrecognised += index[chosen == _SEVERAL].tolist()
                out.failed += [(int(i), "the packet is too short") for i in index[chosen == _SHORT]]
                stay = index[chosen == _NONE]
                if self.definition.model.containers[name].abstract:
                    out.unrecognised += stay.tolist()
                    continue
            self._finish(layout, data, offsets, lengths, stay, out, single)
        decode_one_by_one(self.definition, self.layout, data, offsets, lengths, sorted(single), out)
        out.groups.sort(key=lambda group: group.layout.name)
        return out

    def _finish(
        self,
        layout: Layout,
        data: NDArray[np.uint8],
        offsets: Indexes,
        lengths: Indexes,
        index: Indexes,
        out: Sorted,
        single: list[int],
    ) -> None:
        """Read the packets whose layout is known; those that do not fit it are looked at one by one."""
        if not len(index):
            return
        good, starts, sizes = _locate(layout, data, offsets[index], lengths[index])
        single += np.delete(index, good).tolist()
        if len(good):
            columns = _read(layout, data, starts, sizes, list({f.name: f for f in layout.fields}.values()))
            out.groups.append(Group(layout, index[good], columns))

    def _choose(
        self,
        layout: Layout,
        children: Sequence[str],
        data: NDArray[np.uint8],
        offsets: Indexes,
        lengths: Indexes,
        index: Indexes,
    ) -> NDArray[np.int64] | None:
        """Return for each packet the child whose criteria hold, or a code; ``None`` when columns cannot tell."""
        if layout.reason:
            return None
        criteria = [list(self.definition.model.containers[child].restriction_criteria or ()) for child in children]
        names = {c.referenced_parameter for group in criteria for c in group if isinstance(c, Comparison)}
        needed = [layout.find(name) for name in sorted(names)]
        if any(f is None or f.kind in ("text", "bytes") or f.boolean for f in needed):
            return None
        fields = [f for f in needed if f is not None]
        good, starts, sizes = _locate(layout, data, offsets[index], lengths[index], fields)
        columns = _read(layout, data, starts, sizes, fields)
        matches = np.zeros(len(good), dtype=np.int64)
        chosen = np.full(len(good), _NONE, dtype=np.int64)
        for i, group in enumerate(criteria):
            holds = np.ones(len(good), dtype=np.bool_)
            for criterion in group:
                mask = _holds(criterion, layout, columns)
                if mask is None:
                    return None
                holds &= mask
            matches += holds
            chosen[holds] = i
        chosen[matches > 1] = _SEVERAL
        out = np.full(len(index), _SHORT, dtype=np.int64)
        out[good] = chosen
        return out


def _holds(criterion: MatchCriteria, layout: Layout, columns: dict[str, Any]) -> NDArray[np.bool_] | None:
    """Evaluate one comparison over columns; ``None`` when it is not of the simple kind."""
    if not isinstance(criterion, Comparison):
        return None
    found = layout.find(criterion.referenced_parameter)
    if found is None:
        return None
    compare = _OPERATORS[criterion.operator]
    raw = columns[found.name]
    try:
        if criterion.use_calibrated_value and found.labels is not None:
            if compare not in (operator.eq, operator.ne):
                return None
            values = [value for value, text in found.labels.items() if text == criterion.required_value]
            return np.asarray(np.isin(raw, values) == (compare is operator.eq))
        if criterion.use_calibrated_value and found.calibrator is not None:
            return np.asarray(compare(found.calibrate(raw), float(criterion.required_value)))
        required = float(criterion.required_value) if raw.dtype.kind == "f" else int(criterion.required_value)
        return np.asarray(compare(raw, required))
    except ValueError:
        return None


def _locate(
    layout: Layout,
    data: NDArray[np.uint8],
    offsets: Indexes,
    lengths: Indexes,
    fields: Sequence[Field] | None = None,
) -> tuple[Indexes, list[Indexes], list[Indexes]]:
    """Find where the segments of each packet begin.

    Returns the indexes of the packets that are long enough (for `fields` only, when given), the first bit of each of
    their segments, and the size in bits of each of their variable fields.
    """
    offsets, lengths = np.asarray(offsets, dtype=np.int64), np.asarray(lengths, dtype=np.int64)
    last = len(layout.ends) - 1 if fields is None else max((f.segment for f in fields), default=0)
    index, ends = np.arange(len(offsets)), 8 * (offsets + lengths)
    starts: list[Indexes] = [8 * offsets]
    sizes: list[Indexes] = []

    def keep(mask: NDArray[np.bool_]) -> None:
        nonlocal index, ends, starts, sizes
        index, ends = index[mask], ends[mask]
        starts, sizes = [start[mask] for start in starts], [size[mask] for size in sizes]

    for segment in range(last + 1):
        need = layout.ends[segment]
        if fields is not None and segment == last:
            need = max((f.bit + f.width for f in fields if f.segment == segment), default=0)
        keep(starts[-1] + need <= ends)
        if segment < last:
            size = _sizes(layout, layout.variable[segment], data, starts, sizes)
            behind = starts[-1] + need
            starts.append(behind + size)
            sizes.append(size)
            keep((size >= 0) & (size % 8 == 0) & (behind % 8 == 0) & (behind + size <= ends))
    return index, starts, sizes


def _sizes(
    layout: Layout, variable: Field, data: NDArray[np.uint8], starts: list[Indexes], sizes: list[Indexes]
) -> Indexes:
    """Return the bits of a variable field in each packet, -1 where columns cannot tell."""
    rule = variable.size
    place = next(i for i, f in enumerate(layout.fields) if f is variable)
    before = [f for f in layout.fields[:place] if rule is not None and f.name == rule.parameter]
    none = np.full(len(starts[0]), -1, dtype=np.int64)
    if rule is None or not before or before[-1].kind in ("text", "bytes"):
        return none
    reference = before[-1]
    value = _read(layout, data, starts, sizes, [reference])[reference.name]
    if rule.calibrated and (reference.labels is not None or reference.boolean):
        return none
    if rule.calibrated and reference.calibrator is not None:
        value = reference.calibrate(value)
    with np.errstate(all="ignore"):
        bits = np.trunc(rule.slope * value.astype(np.float64) + rule.intercept)
    return np.asarray(np.clip(np.nan_to_num(bits, nan=-1.0), -1, 2.0**40).astype(np.int64))


def _read(
    layout: Layout, data: NDArray[np.uint8], starts: list[Indexes], sizes: list[Indexes], fields: Sequence[Field]
) -> dict[str, Any]:
    """Read fields of packets whose segments begin at `starts`."""
    columns: dict[str, Any] = {}
    n = len(starts[0])
    for segment in sorted({f.segment for f in fields}):
        base = np.ascontiguousarray(starts[segment])
        numbers = [f for f in fields if f.segment == segment and f.kind not in ("text", "bytes")]
        for f in numbers:
            columns[f.name] = np.empty(n, dtype=f.dtype)
        bits = np.array([f.bit for f in numbers], dtype=np.int64)
        widths = np.array([f.width for f in numbers], dtype=np.int64)
        step = max(1, BATCH // (8 * max(1, len(numbers))))
        for first in range(0, n if numbers else 0, step):
            part = base[first : first + step]
            values = np.empty((len(numbers), len(part)), dtype=np.uint64)
            read_fields(data, part, bits, widths, values)
            for f, row in zip(numbers, values, strict=True):
                columns[f.name][first : first + step] = _value(f, row)
        for f in (f for f in fields if f.segment == segment and f.kind in ("text", "bytes")):
            if f.size is not None:
                columns[f.name] = Ragged((base + f.bit) // 8, sizes[layout.variable.index(f)] // 8)
            else:
                columns[f.name] = np.empty((n, (f.width + 7) // 8), dtype=np.uint8)
                read_bytes(data, base + f.bit, f.width, columns[f.name])
    return {f.name: columns[f.name] for f in fields}


def _value(field: Field, raw: NDArray[np.uint64]) -> NDArray[Any]:
    """Turn the bits of a field into its raw values."""
    if field.little:
        raw = raw.byteswap() >> np.uint64(64 - 8 * ((field.width + 7) // 8))
    if field.kind == "uint":
        return raw
    if field.kind == "int":
        return _signed(raw, field.width)
    if field.kind == "mil1750a":
        exponent = _signed(raw & np.uint64(0xFF), 8)
        mantissa = _signed(raw >> np.uint64(8), 24)
        return np.asarray(mantissa * 2.0 ** (exponent - 23))
    return raw.astype(f"u{field.width // 8}").view(f"f{field.width // 8}")


def _signed(raw: NDArray[np.uint64], width: int) -> NDArray[np.int64]:
    """Read the low `width` bits as two's complement."""
    spare = 64 - width
    return np.asarray((raw << np.uint64(spare)).view(np.int64) >> np.int64(spare))
