"""Compiled walk over a stream of CCSDS packets: follows the length fields and finds its way back after damage.

A *sure* packet is one whose checksum matches, or, where packets carry none, one whose length field leads to further
plausible headers. The rules at a position that should hold a packet:

* header impossible: search forward for the next sure packet;
* packet longer than the rest of the file: when a sure packet lies in that rest the length is wrong, else it is the
  incomplete last packet;
* checksum wrong: when a sure packet begins inside its extent the length is wrong and only this packet is lost; when
  what follows is plausible the packet is kept and marked; otherwise search on behind it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from archive.numerics.crc import crc16, extend_prefix_crc, multiply, shift_table
from archive.numerics.jit import kernel

#: Longest possible packet: primary header and 65536 bytes of data.
MAX_PACKET = 65542
IDLE_APID = 2047

#: Why bytes were skipped.
IMPOSSIBLE, WRONG_LENGTH, BAD_CHECKSUM = 1, 2, 3

#: Indexes into the state of a walk: next position, start and reason of the skip that is under way (start -1: none),
#: start of the incomplete last packet (-1: none), whether the packet before was sure.
POS, SKIP_START, SKIP_REASON, TAIL, SYNCED = 0, 1, 2, 3, 4

#: Indexes into the rules of a walk: prefix length, whether packets carry a checksum, what the secondary header flag
#: must be where a packet is found again (-1: either), longest packet.
PREFIX, CHECKSUM, SECONDARY, LONGEST = 0, 1, 2, 3

#: Plausible headers of trusted APIDs that must follow one another where no checksum decides; most headers looked at.
CHAIN = 3
HOPS = 8

#: Bytes searched for a lost stream before the walk looks up again.
BLOCK = 1 << 20


@kernel
def packet_length(data: NDArray[np.uint8], start: int, rules: NDArray[np.int64]) -> int:
    """Return the length of the packet whose prefix begins at `start`, or 0 when no packet can begin there."""
    prefix = rules[PREFIX]
    at = start + prefix
    if at + 6 > len(data) or data[at] & 0xF0:
        return 0
    if prefix == 4 and (
        data[start + 1] != 0xF0 or data[start] == 0 or data[start] != data[start + 2] or data[start] != data[start + 3]
    ):
        return 0
    field = (int(data[at + 4]) << 8) | int(data[at + 5])
    if field == 0 and data[at] == 0 and data[at + 1] == 0 and data[at + 2] == 0 and data[at + 3] == 0:
        return 0  # zero fill
    if field + 7 > rules[LONGEST]:
        return 0
    return field + 7


@kernel
def _apid(data: NDArray[np.uint8], at: int) -> int:
    return ((int(data[at]) & 7) << 8) | int(data[at + 1])


@kernel
def _secondary_fits(data: NDArray[np.uint8], at: int, rules: NDArray[np.int64]) -> bool:
    return bool(rules[SECONDARY] < 0 or ((data[at] >> 3) & 1) == rules[SECONDARY] or _apid(data, at) == IDLE_APID)


@kernel
def _checksum_ok(data: NDArray[np.uint8], at: int, total: int, memo: NDArray[np.int64]) -> bool:
    """Tell whether the packet at `at` has the right checksum; `memo` remembers the last answer."""
    if memo[0] != at or memo[1] != total:
        memo[0] = at
        memo[1] = total
        memo[2] = crc16(data, at, at + total) == 0
    return bool(memo[2] == 1)


@kernel
def _believable(
    data: NDArray[np.uint8],
    start: int,
    rules: NDArray[np.int64],
    trust: NDArray[np.bool_],
    unchecked: NDArray[np.bool_],
    memo: NDArray[np.int64],
) -> bool:
    """Tell whether a packet boundary at `start` is believable from what follows there.

    It is when a good checksum or three plausible headers of trusted APIDs follow, or the end of the file. Where packets
    carry no checksum, headers of other APIDs may lie between.
    """
    size = len(data)
    seen = 0  # plausible headers of APIDs we trust
    for _ in range(HOPS):
        if start == size:
            return True
        at = start + rules[PREFIX]
        if at + 6 > size:
            return bool(at >= size or (data[at] & 0xF0) == 0)
        total = packet_length(data, start, rules)
        if total == 0:
            return False
        apid = _apid(data, at)
        expected = trust[apid] and _secondary_fits(data, at, rules)
        if at + total > size:
            return expected or seen > 0
        if rules[CHECKSUM] and not unchecked[apid] and _checksum_ok(data, at, total, memo):
            return True
        if expected:
            seen += 1
            if seen == CHAIN:
                return True
        elif rules[CHECKSUM]:
            return False
        start = at + total
    return seen > 0


@kernel
def _search(
    data: NDArray[np.uint8],
    start: int,
    stop: int,
    rules: NDArray[np.int64],
    trust: NDArray[np.bool_],
    unchecked: NDArray[np.bool_],
    typical: NDArray[np.int64],
    shifts: NDArray[np.uint16],
    table: NDArray[np.uint16],
    memo: NDArray[np.int64],
) -> int:
    """Return the first position in ``[start, stop)`` where a sure packet (its prefix) begins, or -1."""
    size = len(data)
    prefix = rules[PREFIX]
    # The first byte of a header that fits: version and type 0, and the flag unless the rest may be the idle APID.
    mask, value = np.uint8(0xF0), np.uint8(0)
    if rules[SECONDARY] == 1:
        mask, value = np.uint8(0xF8), np.uint8(0x08)
    done = 0  # how far `table` is filled
    spent = 0  # bytes of checksums reckoned one by one
    for position in range(start, min(stop, size - prefix - 6)):
        at = position + prefix
        first = data[at]
        if (first & mask != value and first != 7) or (first == 0 and data[at + 1] == 0 and data[at + 2] == 0):
            continue
        total = packet_length(data, position, rules)
        if total == 0 or at + total > size or not _secondary_fits(data, at, rules):
            continue
        apid = _apid(data, at)
        if rules[CHECKSUM] and not unchecked[apid]:
            behind = at + total + prefix
            if not trust[apid] and behind < size and data[behind] & 0xF0:
                continue
            if spent < 16 * (position - start) + MAX_PACKET:
                spent += total
                good = crc16(data, at, at + total) == 0
            else:  # many candidates: from the checksums of the beginnings, in constant time each
                last = at + total - start
                extend_prefix_crc(data, start, table, done, last)
                done = max(done, last)
                moved = multiply(np.int64(shifts[total]), np.int64(table[at - start]) ^ 0xFFFF)
                good = moved == np.int64(table[last])
            if not good:
                continue
            if trust[apid] or typical[apid] < 0 or _believable(data, at + total, rules, trust, unchecked, memo):
                return position
            typical[apid] = -1  # a good checksum amid doubtful bytes: believed the second time
        elif trust[apid] and (typical[apid] == total or _believable(data, at + total, rules, trust, unchecked, memo)):
            return position
    return -1


@kernel
def walk(
    data: NDArray[np.uint8],
    stop: int,
    rules: NDArray[np.int64],
    trust: NDArray[np.bool_],
    unchecked: NDArray[np.bool_],
    typical: NDArray[np.int64],
    state: NDArray[np.int64],
    offsets: NDArray[np.int64],
    lengths: NDArray[np.int64],
    words: NDArray[np.uint16],
    checks: NDArray[np.int8],
    skips: NDArray[np.int64],
) -> tuple[int, int]:
    """Walk on from ``state`` until a packet begins at or behind `stop`, the file ends, or an output is full.

    Parameters
    ----------
    data
        The whole file, uint8, read-only.
    rules, state
        See the index constants of this module; `state` is updated.
    trust
        Per APID (2048): whether a header that bears it is plausible; APIDs seen with a good checksum are added.
    unchecked
        Per APID: whether its packets carry no checksum.
    typical
        Per APID: length of the last sure packet, 0 before the first, -1 for one good checksum amid doubt; updated.
    offsets, lengths, words, checks
        Output per packet: offset of the primary header, length in bytes, first two header words ``(n, 2)``, checksum
        (1 good, 0 bad, -1 none).
    skips
        Output per skipped range ``(m, 3)``: start, length, reason.

    Returns
    -------
    tuple
        Number of packets and number of skipped ranges written.
    """
    size = len(data)
    prefix = rules[PREFIX]
    shifts = shift_table(MAX_PACKET + 1)
    table = np.zeros(BLOCK + MAX_PACKET + prefix + 1, dtype=np.uint16)
    memo = np.full(3, -1, dtype=np.int64)
    position, skip_start, reason = state[POS], state[SKIP_START], state[SKIP_REASON]
    synced = state[SYNCED] == 1
    n = 0
    m = 0
    while position < size and (position < stop) and n < len(offsets) and m + 1 < len(skips):
        if skip_start >= 0:
            end = min(position + BLOCK, size)
            found = _search(data, position, end, rules, trust, unchecked, typical, shifts, table, memo)
            position = end if found < 0 else found
            if found >= 0 or position == size:
                skips[m, 0], skips[m, 1], skips[m, 2] = skip_start, position - skip_start, reason
                m += 1
                skip_start = -1
                synced = False
            continue
        at = position + prefix
        if at + 6 > size:
            state[TAIL] = position
            position = size
            break
        total = packet_length(data, position, rules)
        if total == 0:
            skip_start, reason = position, IMPOSSIBLE
            position += 1
            continue
        behind = at + total
        apid = _apid(data, at)
        check = -1
        keep = False
        inside = False  # whether a sure packet may begin inside the extent
        if behind > size:
            inside = True
        elif rules[CHECKSUM] and not unchecked[apid]:
            keep = _checksum_ok(data, at, total, memo)
            check = 1 if keep else 0
            inside = not keep
        else:
            usual = typical[apid] == total
            followed = _believable(data, behind, rules, trust, unchecked, memo)
            sound = synced or (position == 0 and rules[CHECKSUM] == 1 and _secondary_fits(data, at, rules))
            keep = followed or (trust[apid] and (usual or (typical[apid] == 0 and sound)))
            inside = not followed or (rules[CHECKSUM] == 1 and not usual)
        if inside:
            found = _search(
                data, position + 1, min(behind, size), rules, trust, unchecked, typical, shifts, table, memo
            )
            if found >= 0:
                skips[m, 0], skips[m, 1], skips[m, 2] = position, found - position, WRONG_LENGTH
                m += 1
                position = found
                synced = False
                continue
            if behind > size:
                state[TAIL] = position
                position = size
                break
            if check == 0:
                keep = _believable(data, behind, rules, trust, unchecked, memo)
        if not keep:
            skip_start, reason = position, BAD_CHECKSUM
            position = behind
            if position == size:
                skips[m, 0], skips[m, 1], skips[m, 2] = skip_start, size - skip_start, reason
                m += 1
                skip_start = -1
            continue
        if check != 0:
            typical[apid] = total
            trust[apid] = True
        synced = check == 1
        offsets[n], lengths[n], checks[n] = at, total, check
        words[n, 0] = (np.uint16(data[at]) << 8) | data[at + 1]
        words[n, 1] = (np.uint16(data[at + 2]) << 8) | data[at + 3]
        n += 1
        position = behind
    state[POS], state[SKIP_START], state[SKIP_REASON], state[SYNCED] = position, skip_start, reason, synced
    return n, m
