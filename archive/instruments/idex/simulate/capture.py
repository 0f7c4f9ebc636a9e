"""Writing a capture: packets to one or more files, and beside them what is known about it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from archive.errors import UsageError
from archive.instruments.idex.simulate import background
from archive.instruments.idex.simulate.damage import Damage, Sent
from archive.instruments.idex.simulate.options import Options
from archive.instruments.idex.simulate.packets import Packets, gather
from archive.instruments.idex.simulate.scenario import Scenario, Stretch
from archive.instruments.idex.simulate.truth import arrays_path, event_records, truth_path, write_arrays, write_line

#: The marker of engineering captures (IDEX packet definition, section 1).
MARKER = np.array([0x60, 0xF0, 0x60, 0x60], dtype=np.uint8)

#: How much of a packet a capture begins or ends with when it does so inside one, bytes.
PARTIAL_FIRST, PARTIAL_LAST = 333, 20


@dataclass(frozen=True, slots=True)
class Capture:
    """What was written.

    Attributes
    ----------
    files
        The capture files, in order.
    truth, arrays
        The truth file and the channel arrays (``None`` when not written).
    events, packets, bytes
        How many of each.
    """

    files: tuple[Path, ...]
    truth: Path
    arrays: Path | None
    events: int
    packets: int
    bytes: int


@dataclass(slots=True)
class _File:
    """A file that is being written; the bytes of the last packet are held back, for they may be cut."""

    path: Path
    size: int = 0
    packets: int = 0
    digest: Any = field(default_factory=hashlib.sha256)
    held: bytes = b""

    def __post_init__(self) -> None:
        self.stream = self.path.open("wb")

    stream: Any = field(init=False)

    def write(self, content: NDArray[np.uint8], last: int) -> None:
        """Append bytes, of which the last packet (with its marker) takes the `last` ones."""
        for piece in (self.held, content[: content.size - last]):
            self.stream.write(piece)
            self.digest.update(piece)
        self.held = content[content.size - last :].tobytes()
        self.size += content.size

    def close(self, *, cut: int = 0) -> None:
        """Write what is held back, without its last `cut` bytes; closing again does nothing."""
        if self.stream.closed:
            return
        rest = self.held[: len(self.held) - cut]
        self.stream.write(rest)
        self.digest.update(rest)
        self.size -= cut
        self.held = b""
        self.stream.close()


class Writer:
    """Writes packets to the files of a capture."""

    def __init__(self, out: Path, options: Options) -> None:
        self.paths = capture_paths(out, options.files)
        self.marker = MARKER if options.marker else MARKER[:0]
        self.files = [_File(self.paths[0])]

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the current file."""
        self.files[-1].close()

    def begin_inside_packet(self) -> int:
        """Write the end of a housekeeping packet, as if the capture had begun inside it; returns its bytes."""
        packet = background.periodic(0, 60)[-1].data[-PARTIAL_FIRST:]
        self.files[0].write(packet, last=0)
        return PARTIAL_FIRST

    def write(self, packets: Packets, cuts: list[int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Append packets; at each position of `cuts` a new file begins.

        Returns
        -------
        file, offset : ndarray
            Into which file each packet went, and where its primary header is, shape (n,).
        """
        number = np.empty(len(packets), dtype=np.int64)
        offset = np.empty(len(packets), dtype=np.int64)
        for first, end in zip([0, *cuts], [*cuts, len(packets)], strict=True):
            if first:
                self.files[-1].close()
                self.files.append(_File(self.paths[len(self.files)]))
            if first == end:
                continue
            file = self.files[-1]
            size = packets.size[first:end]
            ends = np.cumsum(size + self.marker.size)
            number[first:end] = len(self.files) - 1
            offset[first:end] = file.size + ends - size
            content = np.empty(int(ends[-1]), dtype=np.uint8)
            gather(packets.data, packets.start[first:end], size, self.marker, content)
            file.write(content, last=int(size[-1]) + self.marker.size)
            file.packets += end - first
        return number, offset


def capture_paths(out: Path, files: int) -> list[Path]:
    """Return the names of the files of a capture: OUT, then OUT with ``_part2``, ``_part3`` before the suffix."""
    return [out, *(out.with_name(f"{out.stem}_part{part}{out.suffix}") for part in range(2, files + 1))]


def simulate(
    out: Path, options: Options, *, overwrite: bool = False, progress: Callable[[int], None] | None = None
) -> Capture:
    """Write a capture and the truth about it. Equal options give equal bytes; memory does not grow with the events.

    Parameters
    ----------
    out
        The capture file. Beside it go ``OUT.truth.jsonl`` and ``OUT.truth.npz`` (see `archive.instruments.idex.
        simulate.truth`), and further files when the capture is cut.
    options
        What it is to hold.
    overwrite
        Replace files that are there.
    progress
        Told how many events were written, after each batch.

    Raises
    ------
    UsageError
        When one of the files is there already.
    OSError
        When they cannot be written.
    """
    taken = [path for path in (*capture_paths(out, options.files), truth_path(out), arrays_path(out)) if path.exists()]
    if taken and not overwrite:
        raise UsageError(f"{taken[0]} is there already; choose another name, or say that it may be replaced.")
    scenario, damage = Scenario(options), Damage(options)
    per_apid: dict[int, int] = {}
    headers: list[NDArray[np.uint32]] = []
    channels: list[list[NDArray[np.int16]]] = []
    with truth_path(out).open("w", encoding="utf-8") as truth, Writer(out, options) as writer:
        write_line(truth, {"record": "capture", **asdict(options), "start": _text(options)})
        if options.partial_first:
            write_line(truth, {"record": "damage", "kind": "partial_first", "bytes": writer.begin_inside_packet()})
        for stretch in scenario.stretches():
            sent = damage.apply(stretch.packets, again=stretch.again)
            for entry in _written(writer, stretch, sent):
                write_line(truth, entry)
            for apid, count in zip(*np.unique(sent.packets.apid, return_counts=True), strict=True):
                per_apid[int(apid)] = per_apid.get(int(apid), 0) + int(count)
            if stretch.batch is not None:
                if options.with_arrays:
                    headers.append(stretch.batch.header)
                    channels.append(list(stretch.batch.waveforms.channels))
                if progress is not None:
                    progress(stretch.batch.index.size)
        if options.truncate:
            write_line(truth, _cut_last(writer, damage, stretch, sent.packets))
        else:
            writer.files[-1].close()
        _write_summary(truth, writer, damage, per_apid)
    if options.with_arrays:
        write_arrays(arrays_path(out), headers, channels)
    elif arrays_path(out).exists():
        arrays_path(out).unlink()
    return Capture(
        files=tuple(file.path for file in writer.files),
        truth=truth_path(out),
        arrays=arrays_path(out) if options.with_arrays else None,
        events=options.events,
        packets=sum(per_apid.values()),
        bytes=sum(file.size for file in writer.files),
    )


def _text(options: Options) -> str | None:
    return None if options.start is None else options.start.isoformat().replace("+00:00", "Z")


def _written(writer: Writer, stretch: Stretch, sent: Sent) -> list[dict[str, Any]]:
    """Write the packets of a stretch; returns the records about it."""
    number, offset = writer.write(sent.packets, sent.cuts)
    records = list(stretch.records)
    if stretch.batch is not None:
        records += event_records(stretch.batch)
    for record, position in sent.records:
        where = {} if position is None else {"file": int(number[position]), "offset": int(offset[position])}
        records.append({**record, **where})
    return records


def _cut_last(writer: Writer, damage: Damage, stretch: Stretch, packets: Packets) -> dict[str, Any]:
    """Cut the last packet of the capture; returns the record about it."""
    event = int(packets.event[-1])
    slots = []
    if event >= 0:
        slots = [(int(packets.code[-1]), int(packets.offset[-1]))]
        damage.cut_last(event, slots[0], again=stretch.again)
    cut = min(PARTIAL_LAST, int(packets.size[-1]) - 1)
    writer.files[-1].close(cut=cut)
    return {"record": "damage", "kind": "truncate", "event": event, "slots": slots, "bytes": cut}


def _write_summary(truth: Any, writer: Writer, damage: Damage, per_apid: dict[int, int]) -> None:
    for event, slots in damage.lost().items():
        write_line(truth, {"record": "lost", "event": event, "slots": slots})
    for apid, count in sorted(per_apid.items()):
        write_line(truth, {"record": "packets", "apid": apid, "count": count})
    for file in writer.files:
        entry = {"name": file.path.name, "bytes": file.size, "packets": file.packets, "sha256": file.digest.hexdigest()}
        write_line(truth, {"record": "file", **entry})
