"""Instants read as whole UTC minutes since 1970, and the algebra of spans of such minutes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Text, cast, func
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from planner.domain.intervals import minute_of
from planner.domain.walltime import resolve_wall_leniently
from planner.scheduling.sheets import Span

DAY_MINUTES = 1440


class MinuteDown(FunctionElement[int]):
    """The last whole minute at or before an instant column."""

    type = BigInteger()
    inherit_cache = True


class MinuteUp(FunctionElement[int]):
    """The first whole minute at or after an instant column."""

    type = BigInteger()
    inherit_cache = True


@compiles(MinuteDown, "sqlite")
def _down_sqlite(element: MinuteDown, compiler: Any, **options: Any) -> str:
    return f"({compiler.process(element.clauses, **options)} / 60)"


@compiles(MinuteUp, "sqlite")
def _up_sqlite(element: MinuteUp, compiler: Any, **options: Any) -> str:
    return f"(({compiler.process(element.clauses, **options)} + 59) / 60)"


@compiles(MinuteDown, "postgresql")
def _down_postgres(element: MinuteDown, compiler: Any, **options: Any) -> str:
    return f"floor(extract(epoch from {compiler.process(element.clauses, **options)}) / 60)::bigint"


@compiles(MinuteUp, "postgresql")
def _up_postgres(element: MinuteUp, compiler: Any, **options: Any) -> str:
    return f"ceil(extract(epoch from {compiler.process(element.clauses, **options)}) / 60)::bigint"


#: Above every length in minutes that a row can have (a shift: two days), so that start and length fit one number.
_PACK = 4096


def packed(start: ColumnElement[int], end: ColumnElement[int]) -> ColumnElement[str]:
    """An aggregate: all spans of a group of rows in one text, which costs a fraction of a row for each."""
    return func.aggregate_strings(cast(start * _PACK + (end - start), Text), ",")


def unpacked(text: str) -> list[Span]:
    """The spans that `packed` put into one text, in order."""
    numbers = sorted(map(int, text.split(",")))
    return [(start, start + length) for start, length in (divmod(number, _PACK) for number in numbers)]


def wall_span(day: date, first: int, last: int, zone: str) -> Span | None:
    """The UTC minutes between two wall minutes of a local day, both counted from midnight and leniently resolved.

    None when a clock change swallows the span whole.
    """
    midnight = datetime.combine(day, time())
    start = minute_of(resolve_wall_leniently(midnight + timedelta(minutes=first), zone))
    end = minute_of(resolve_wall_leniently(midnight + timedelta(minutes=last), zone))
    return (start, end) if end > start else None


def days_between(first: date, last: date) -> Iterator[date]:
    """Every day from `first` to `last`, both included."""
    for offset in range((last - first).days + 1):
        yield first + timedelta(days=offset)


def merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The same minutes as ordered spans that neither overlap nor touch."""
    result: list[Span] = []
    for start, end in sorted(spans):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(result[-1][1], end))
        else:
            result.append((start, end))
    return tuple(result)


def cut(spans: Iterable[Span], taken: Iterable[Span]) -> tuple[Span, ...]:
    """What is left of each of `spans` once `taken` is cut out; spans that touch stay apart."""
    cuts = merged(taken)
    left: list[Span] = []
    for start, end in sorted(spans):
        for cut_start, cut_end in cuts:
            if cut_end <= start or cut_start >= end:
                continue
            if cut_start > start:
                left.append((start, cut_start))
            start = cut_end
        if start < end:
            left.append((start, end))
    return tuple(left)
