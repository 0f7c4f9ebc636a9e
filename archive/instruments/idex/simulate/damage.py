"""What goes wrong on the way: packets lost, bits turned over, order lost, captures cut. All of it is written down."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archive.instruments.idex.simulate.options import Options
from archive.instruments.idex.simulate.packets import Packets

Slot = tuple[int, int]

#: Longest run of packets that one gap takes away.
LONGEST_GAP = 3

_PLAN, _ORDER = 100, 101


@dataclass(slots=True)
class Sent:
    """Packets as they are written.

    Attributes
    ----------
    packets
        What is left of a stretch, in the order of writing.
    cuts
        Positions in `packets` at which a new file begins.
    records
        What was done, each with the position of the packet it is about (``None`` for none).
    """

    packets: Packets
    cuts: list[int] = field(default_factory=list)
    records: list[tuple[dict[str, Any], int | None]] = field(default_factory=list)


class Damage:
    """Decides from the seed what happens to which event, does it, and knows what did not arrive whole."""

    def __init__(self, options: Options) -> None:
        self.options = options
        rng = self._random(_PLAN)
        events = options.events
        self._gaps = _plan(rng, events, options.gaps)
        self._flips = _plan(rng, events, options.flips)
        self._cuts = {events * part // options.files: rng.random() for part in range(1, options.files)}
        self._order = self._random(_ORDER)
        self._lost: dict[int, set[Slot]] = {}
        self._repaired: dict[int, set[Slot]] = {}

    def _random(self, purpose: int) -> np.random.Generator:
        return np.random.default_rng(np.random.SeedSequence((self.options.seed, purpose)))

    def apply(self, packets: Packets, *, again: bool) -> Sent:
        """Damage the packets of a stretch; retransmissions (`again`) are not damaged but repair what they bring."""
        sent = Sent(packets)
        if again:
            for event, slot in _slots(packets, np.arange(len(packets))):
                self._repaired.setdefault(event, set()).add(slot)
        else:
            self._leave_out(sent)
            self._turn_over(sent)
        if self.options.shuffle:
            self._shuffle(sent)
        if not again:
            self._cut(sent)
        return sent

    def cut_last(self, event: int, slot: Slot, *, again: bool) -> None:
        """Take note that the last packet of the capture was cut."""
        if again:
            self._repaired[event].discard(slot)
        else:
            self._lost.setdefault(event, set()).add(slot)

    def lost(self) -> dict[int, list[Slot]]:
        """Return, by event, the slots (SCI0TYPE, SCI0FRAGOFF) of which no whole packet is in the capture."""
        remaining = {event: sorted(slots - self._repaired.get(event, set())) for event, slots in self._lost.items()}
        return {event: slots for event, slots in sorted(remaining.items()) if slots}

    def _leave_out(self, sent: Sent) -> None:
        packets = sent.packets
        keep = np.ones(len(packets), dtype=np.bool_)
        for event in np.intersect1d(packets.event, list(self._gaps)):
            own = np.nonzero(packets.event == event)[0]
            for where, how_many in self._gaps.pop(int(event)):
                first = int(where * own.size)
                gone = own[first : first + 1 + int(how_many * LONGEST_GAP)]
                gone = gone[keep[gone]][: int(keep[own].sum()) - 1]  # something of every event arrives
                keep[gone] = False
                slots = [slot for _, slot in _slots(packets, gone)]
                self._lost.setdefault(int(event), set()).update(slots)
                record = {"record": "damage", "kind": "gap", "event": int(event), "slots": slots}
                sent.records.append((record, None))
        sent.packets = packets.select(keep)

    def _turn_over(self, sent: Sent) -> None:
        packets = sent.packets
        for event in np.intersect1d(packets.event, list(self._flips)):
            own = np.nonzero(packets.event == event)[0]
            for where, which in self._flips.pop(int(event)):
                position = int(own[int(where * own.size)])
                size = int(packets.size[position])
                bit = int(which * 8 * size)
                packets.data[packets.start[position] + bit // 8] ^= 0x80 >> bit % 8
                ((_, slot),) = _slots(packets, np.array([position]))
                self._lost.setdefault(int(event), set()).add(slot)
                part = "header" if bit < 48 else "crc" if bit >= 8 * size - 16 else "content"
                record = {
                    "record": "damage",
                    "kind": "flip",
                    "event": int(event),
                    "slots": [slot],
                    "part": part,
                    "bit": bit,
                }
                sent.records.append((record, position))

    def _shuffle(self, sent: Sent) -> None:
        order = self._order.permutation(len(sent.packets))
        place = np.argsort(order)
        sent.packets = sent.packets.select(order)
        sent.records = [(record, None if at is None else int(place[at])) for record, at in sent.records]
        sent.records.append(({"record": "damage", "kind": "shuffle", "packets": len(sent.packets)}, None))

    def _cut(self, sent: Sent) -> None:
        for event in np.intersect1d(sent.packets.event, list(self._cuts)):
            own = np.nonzero(sent.packets.event == event)[0]
            position = int(own[min(1 + int(self._cuts.pop(int(event)) * (own.size - 1)), own.size - 1)])
            sent.cuts.append(position)
            sent.records.append(({"record": "damage", "kind": "cut", "event": int(event)}, position))
        sent.cuts.sort()


def _plan(rng: np.random.Generator, events: int, count: int) -> dict[int, list[tuple[float, float]]]:
    """Spread `count` accidents over the events: two numbers from 0 to 1 each, by event."""
    plan: dict[int, list[tuple[float, float]]] = {}
    for event, first, second in zip(rng.integers(0, events, count), rng.random(count), rng.random(count), strict=True):
        plan.setdefault(int(event), []).append((float(first), float(second)))
    return plan


def _slots(packets: Packets, which: NDArray[np.int64]) -> list[tuple[int, Slot]]:
    """Return event and slot of some packets that belong to events."""
    which = which[packets.event[which] >= 0]
    columns = (packets.event[which].tolist(), packets.code[which].tolist(), packets.offset[which].tolist())
    return [(event, (code, offset)) for event, code, offset in zip(*columns, strict=True)]
