"""Sets of minutes as whole numbers: bit p stands for minute p after an origin.

Six weeks are 60,480 bits, so one step of set algebra over a whole roster takes about a microsecond. Every function is
exact to the minute, and clock changes play no part because the bits count elapsed UTC minutes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from planner.scheduling.sheets import Span

_CHUNK = 1440
_CHUNK_BYTES = _CHUNK // 8
_BELOW = tuple((1 << minutes) - 1 for minutes in range(_CHUNK + 1))
"""Masks of the first so many minutes of a day's chunk."""
_WORTH_KEEPING = 16


class Axis:
    """`length` minutes from `origin` on (UTC minutes since 1970); masks of one axis belong together."""

    __slots__ = ("full", "length", "origin")

    def __init__(self, origin: int, length: int) -> None:
        self.origin, self.length = origin, length
        self.full = (1 << length) - 1

    def mask(self, spans: Iterable[Span]) -> int:
        """The minutes inside any of `spans`; what lies off the axis is left out."""
        if isinstance(spans, tuple) and len(spans) >= _WORTH_KEEPING:
            return _kept_mask(self.origin, self.length, spans)
        return _mask(self.origin, self.length, spans)

    def free(self, busy: Iterable[Span]) -> int:
        """The minutes outside all of `busy`."""
        return self.full ^ self.mask(busy)


def _mask(origin: int, length: int, spans: Iterable[Span]) -> int:
    """Built a day at a time, since numbers of 1,440 bits are cheap to change and long ones are not."""
    chunks = [0] * -(-length // _CHUNK)
    for start, end in spans:
        start -= origin
        end -= origin
        chunk = start // _CHUNK
        upto = end - chunk * _CHUNK
        if upto <= _CHUNK and 0 <= start < end <= length:
            chunks[chunk] |= _BELOW[upto] ^ _BELOW[start - chunk * _CHUNK]
        else:
            _mark(chunks, max(start, 0), min(end, length))
    return int.from_bytes(b"".join(chunk.to_bytes(_CHUNK_BYTES, "little") for chunk in chunks), "little")


@lru_cache(maxsize=256)
def _kept_mask(origin: int, length: int, spans: tuple[Span, ...]) -> int:
    """The same roster is looked at once for each of the courses that an act touches."""
    return _mask(origin, length, spans)


def _mark(chunks: list[int], start: int, end: int) -> None:
    """Set the minutes of a span that reaches into several chunks."""
    while start < end:
        chunk = start // _CHUNK
        upto = min(end - chunk * _CHUNK, _CHUNK)
        chunks[chunk] |= _BELOW[upto] ^ _BELOW[start - chunk * _CHUNK]
        start = (chunk + 1) * _CHUNK


def erode(mask: int, minutes: int) -> int:
    """Every start from which `minutes` minutes in a row are in `mask`."""
    covered = 1
    while covered < minutes:
        step = min(covered, minutes - covered)
        mask &= mask >> step
        covered += step
    return mask


def starts_of(mask: int, spans: Iterable[Span]) -> int:
    """Every start t such that [t + a, t + b) lies in `mask` for each (a, b) of `spans`."""
    result = -1
    for a, b in spans:
        result &= erode(mask, b - a) >> a
    return result


def any_between(mask: int, first: int, last: int) -> int:
    """Every t such that `mask` has a minute in [t + first, t + last]; `first` may be negative."""
    if last < first:
        return 0
    shifted = mask >> first if first >= 0 else mask << -first
    width, covered = last - first + 1, 1
    while covered < width:
        step = min(covered, width - covered)
        shifted |= shifted >> step
        covered += step
    return shifted


def bits(mask: int) -> Iterator[int]:
    """The minutes in `mask`, in order."""
    base = 0
    while mask:
        low = (mask & -mask).bit_length() - 1
        base += low
        yield base
        mask >>= low + 1
        base += 1


def positions(mask: int) -> list[int]:
    """The minutes in `mask`, in order, quickly for long and thinly set masks."""
    found: list[int] = []
    data = mask.to_bytes((mask.bit_length() + 7) // 8, "little")
    for index, byte in enumerate(data):
        while byte:
            low = byte & -byte
            found.append(index * 8 + low.bit_length() - 1)
            byte ^= low
    return found


def slice_of(mask: int, first: int, last: int) -> int:
    """The minutes of `mask` in [first, last], counted from `first`; empty when the range is."""
    if last < first or last < 0:
        return 0
    if first < 0:
        return (mask & ((1 << (last + 1)) - 1)) << -first
    return (mask >> first) & ((1 << (last - first + 1)) - 1)


def nearest(mask: int, first: int, last: int, wanted: int) -> int | None:
    """The minute of `mask` in [first, last] closest to `wanted`; of two equally close, the earlier."""
    part = slice_of(mask, first, last)
    if not part:
        return None
    at = min(max(wanted - first, -1), last - first)
    below = part & ((1 << (at + 1)) - 1) if at >= 0 else 0
    above = part >> (at + 1)
    before = below.bit_length() - 1 + first if below else None
    after = (above & -above).bit_length() + at + first if above else None
    if before is None or after is None:
        return before if after is None else after
    return before if wanted - before <= after - wanted else after
