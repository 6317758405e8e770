"""Ranges of versions as sets: from conditions, and what is left of them without what is known to be safe."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cmp_to_key
from typing import NamedTuple

from hullmark.model.advisory import Range
from hullmark.model.limit import BeyondLimit, Limit
from hullmark.versions import Scheme
from hullmark.versions.condition import Bound, Condition
from hullmark.versions.scheme import sign

_MAX_RANGES = Limit(1000, "ranges of versions of one package in one advisory")
_BEFORE, _AFTER = -1, 1
Order = Callable[[str, str], int]


class _Edge(NamedTuple):
    """A place just before or just after a version. Without a version, before or after all."""

    version: str
    side: int


class _Span(NamedTuple):
    start: _Edge
    end: _Edge


_ALL = _Span(_Edge("", _BEFORE), _Edge("", _AFTER))


def range_of(bounds: Iterable[Bound]) -> Range:
    """The range that plain bounds (`>=`, `>`, `<`, `<=`, `=`) make; the last of each side counts. Raises ValueError for others."""
    low, low_open, high, high_open = "", False, "", True
    for bound in bounds:
        if bound.operator in (">=", ">"):
            low, low_open = bound.version, bound.operator == ">"
        elif bound.operator in ("<", "<="):
            high, high_open = bound.version, bound.operator == "<"
        elif bound.operator in ("=", "=="):
            low, low_open, high, high_open = bound.version, False, bound.version, False
        else:
            raise ValueError(f"{bound.operator!r} makes no range")
    return Range(low=low, low_open=low_open, high=high, high_open=high_open)


def ranges_of(condition: Condition, scheme: Scheme) -> tuple[Range, ...]:
    """A condition as ranges that do not touch, in their order. Raises InvalidVersion if a bound is not a version of the scheme."""
    spans = (span for bounds in condition.alternatives for span in _conjunction(bounds, scheme.compare))
    return tuple(map(_range, _merge_spans(spans, scheme.compare)))


def without(
    affected: Iterable[Range], safe: Iterable[Range], fixes: Sequence[Range], scheme: Scheme
) -> tuple[Range, ...]:
    """What is affected and not safe, as ranges in their order; raises InvalidVersion, and BeyondLimit for more than 1,000 ranges.

    Each is `fixed` by the version at which the first of `fixes` begins that does not begin before the range ends.
    """
    order = scheme.compare
    cuts, spans = [*map(_span, safe)], [*map(_span, affected)]
    if len(cuts) + len(spans) > _MAX_RANGES:
        raise BeyondLimit(f"it has more than {_MAX_RANGES:,} ranges")
    left = _merge_spans(spans, order)
    for cut in cuts:
        left = [piece for span in left for piece in _cut(span, cut, order)]
    starts = sorted(
        (_span(interval).start for interval in fixes if interval.low and not interval.low_open),
        key=cmp_to_key(_edge_order(order)),
    )
    return tuple(_with_fix(_range(span), span.end, starts, order) for span in _merge_spans(left, order))


def _with_fix(piece: Range, end: _Edge, starts: Sequence[_Edge], order: Order) -> Range:
    if not end.version:
        return piece
    fix = next((start.version for start in starts if _compare(start, end, order) >= 0), "")
    return Range(low=piece.low, low_open=piece.low_open, high=piece.high, high_open=piece.high_open, fixed=fix)


def _compare(a: _Edge, b: _Edge, order: Order) -> int:
    if a.version and b.version:
        return order(a.version, b.version) or sign(a.side < b.side, a.side == b.side)
    x, y = 0 if a.version else a.side, 0 if b.version else b.side
    return sign(x < y, x == y)


def _edge_order(order: Order) -> Callable[[_Edge, _Edge], int]:
    return lambda a, b: _compare(a, b, order)


def _span(interval: Range) -> _Span:
    return _Span(
        _Edge(interval.low, _AFTER if interval.low and interval.low_open else _BEFORE),
        _Edge(interval.high, _BEFORE if interval.high and interval.high_open else _AFTER),
    )


def _range(span: _Span) -> Range:
    (low, low_side), (high, high_side) = span
    return Range(
        low=low,
        low_open=bool(low) and low_side == _AFTER,
        high=high,
        high_open=not high or high_side == _BEFORE,
    )


def _conjunction(bounds: Sequence[Bound], order: Order) -> list[_Span]:
    spans = [_ALL]
    for bound in bounds:
        if bound.operator == "!=":
            point = _Span(_Edge(bound.version, _BEFORE), _Edge(bound.version, _AFTER))
            spans = [piece for span in spans for piece in _cut(span, point, order)]
        else:
            spans = [both for span in spans for both in _both(span, _span(range_of((bound,))), order)]
    return spans


def _both(a: _Span, b: _Span, order: Order) -> Iterator[_Span]:
    start = a.start if _compare(a.start, b.start, order) >= 0 else b.start
    end = a.end if _compare(a.end, b.end, order) <= 0 else b.end
    if _compare(start, end, order) < 0:
        yield _Span(start, end)


def _cut(span: _Span, cut: _Span, order: Order) -> Iterator[_Span]:
    if _compare(cut.start, span.end, order) >= 0 or _compare(cut.end, span.start, order) <= 0:
        yield span
        return
    if _compare(span.start, cut.start, order) < 0:
        yield _Span(span.start, cut.start)
    if _compare(cut.end, span.end, order) < 0:
        yield _Span(cut.end, span.end)


def _merge_spans(spans: Iterable[_Span], order: Order) -> list[_Span]:
    by_place = cmp_to_key(_edge_order(order))
    merged: list[_Span] = []
    for span in sorted(spans, key=lambda span: by_place(span.start)):
        if merged and _compare(span.start, merged[-1].end, order) <= 0:
            if _compare(span.end, merged[-1].end, order) > 0:
                merged[-1] = _Span(merged[-1].start, span.end)
        elif _compare(span.start, span.end, order) < 0:
            merged.append(span)
    return merged
