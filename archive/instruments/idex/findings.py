"""What is wrong with events, as problems for people; and which parts of them are missing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from archive.formats.packet_problems import FramingProblems
from archive.instruments.idex.capture import Capture
from archive.instruments.idex.events import EventList
from archive.instruments.idex.grouping import Groups, missing_slots
from archive.instruments.idex.layout import APID_NAMES, CHANNELS
from archive.instruments.idex.science import SciencePackets
from archive.instruments.idex.time import CLOCK_SET_FROM
from archive.instruments.idex.waveforms import Found
from archive.model import Problem


def complete(groups: Groups, events: EventList, found: Found) -> NDArray[np.bool_]:
    """Return whether everything that was to be sent of each event is there in good order, shape (n,)."""
    channels = found.present | ~groups.expected[events.group]
    return np.asarray(channels.all(axis=1) & events.header_good)


def missing_parts(packets: SciencePackets, groups: Groups, group: int, channels: NDArray[np.bool_]) -> list[list[Any]]:
    """Return the [channel, word offset] slots an event lacks.

    `channels` (6,) marks those whose data came in good packets and cannot be decoded: all of their slots count.
    """
    slots = missing_slots(packets, groups, group)
    for channel in np.flatnonzero(channels & ~groups.damaged[group]):
        start, count = int(groups.start[group, channel]), int(groups.count[group, channel])
        offsets = packets.fragoff[groups.fragment[start : start + count]].tolist()
        slots.extend([CHANNELS[channel].name, offset] for offset in offsets)
    return slots


def report_packets(problems: FramingProblems, capture: Capture) -> None:
    """Add what is wrong with packets as packets of IDEX: unknown kinds and contents, jumps of the counters."""
    for apid, n, missing in zip(*(capture.apids[k] for k in ("apid", "n_packets", "n_missing")), strict=True):
        if apid not in APID_NAMES:
            text = f"APID {apid} is not known; {_number(n, 'packet')} counted and not decoded."
            problems.append(Problem("unknown_apid", text, "warning", count=n))
        if missing:
            text = (
                f"APID {apid} ({APID_NAMES.get(apid, 'unknown')}): {_number(missing, 'packet')} missing between others."
            )
            problems.append(Problem("sequence_gap", text, "warning", count=missing))
    science = capture.science
    for i in np.flatnonzero((science.channel == -2) & science.good).tolist():
        offset, size, code = int(science.offset[i]), int(science.size[i]), int(science.code[i])
        text = (
            f"The science packet at byte {offset} has content code {code} and {size} bytes, which is no known kind; "
            "it was counted and not decoded."
        )
        problems.append(Problem("unknown_content", text, "warning", offset, size))


def report_events(
    problems: FramingProblems,
    packets: SciencePackets,
    groups: Groups,
    events: EventList,
    found: Found,
    whole: NDArray[np.bool_],
    missing: list[list[Any]],
    *,
    places: bool,
) -> None:
    """Add what is wrong with events; `places` says whether byte offsets mean anything (one raw file)."""

    def say(code: str, group: int, text: str, severity: Any = "warning") -> None:
        offset = _first_byte(packets, groups, group) if places else None
        problems.append(Problem(code, text, severity, offset))

    for row in np.flatnonzero(~whole).tolist():
        text = f"Event {events.identity[row]} is not complete: {_slots_text(missing[row])}."
        say("incomplete_event", int(events.group[row]), text)
    row_of = dict(zip(events.group.tolist(), range(len(events)), strict=True))
    for damage in found.damage:
        name, identity = CHANNELS[damage.channel].name, events.identity[row_of[damage.group]]
        text = f"{name} of event {identity} is damaged: {damage.reason}; it was marked and is not offered as good."
        say("damaged_channel", damage.group, text, "error")
    for row in np.flatnonzero(found.conflicting).tolist():
        text = f"Event {events.identity[row]} came twice with different content; the first copy was used."
        say("conflicting_event", int(events.group[row]), text, "error")
    for group in events.repeated.tolist():
        text = f"Another copy of an event came under accountability id {groups.aid[group]}; the fuller one was used."
        say("repeated_event", group, text)
    for group in events.orphans.tolist():
        packets_held = int(groups.count[group].sum())
        text = (
            f"Event {groups.evtnum[group]} of accountability id {groups.aid[group]} has no usable header here; "
            f"{_number(packets_held, 'waveform packet')} kept until it comes in another file."
        )
        say("orphan_fragments", group, text)
    duplicates = int(groups.duplicates.sum())
    if duplicates:
        text = f"{_number(duplicates, 'science packet')} not used: other copies of the same slots were."
        problems.append(Problem("duplicate_packets", text, "info", count=duplicates))
    unset = int(np.count_nonzero(events.seconds < CLOCK_SET_FROM))
    if unset:
        text = f"The instrument clock was not set for {_number(unset, 'event')}: times count from 2010-01-01."
        problems.append(Problem("clock_unset", text, "info", count=unset))


def _number(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def _slots_text(slots: list[list[Any]]) -> str:
    shown = ", ".join(f"{name} at word {offset}" for name, offset in slots[:6])
    more = f" and {len(slots) - 6} more" if len(slots) > 6 else ""
    return f"missing or damaged {shown}{more}"


def _first_byte(packets: SciencePackets, groups: Groups, group: int) -> int:
    """Return the byte at which the first packet of a group begins."""
    places = [int(packets.offset[groups.header[group]])] if groups.header[group] >= 0 else []
    held = groups.count[group] > 0
    places += packets.offset[groups.fragment[groups.start[group][held]]].tolist()
    return min(places)
