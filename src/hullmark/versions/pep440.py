"""Python versions: PEP 440 (packaging.python.org, version specifiers).

Texts that are not PEP 440 versions can only be ordered: before all that are, and among themselves by the generic scheme. Ranges
refuse them, since their side of a bound is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cmp_to_key, lru_cache

from hullmark.versions import generic
from hullmark.versions.condition import Bound, Condition
from hullmark.versions.scheme import InvalidVersion, Scheme, number, sign

_VERSION = re.compile(
    r"""v?
    (?:(?P<epoch>[0-9]+)!)?
    (?P<release>[0-9]+(?:\.[0-9]+)*)
    (?:[-_.]?(?P<pre>alpha|beta|preview|pre|rc|a|b|c)[-_.]?(?P<pre_number>[0-9]*))?
    (?P<post>-(?P<implied_post>[0-9]+)|[-_.]?(?:post|rev|r)[-_.]?(?P<post_number>[0-9]*))?
    (?P<dev>[-_.]?dev[-_.]?(?P<dev_number>[0-9]*))?
    (?:\+(?P<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?""",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
).fullmatch
_WILDCARD = re.compile(
    r"v?(?P<epoch>(?:[0-9]+!)?)(?P<release>[0-9]+(?:\.[0-9]+)*)\.\*", re.IGNORECASE | re.ASCII
).fullmatch
_SEPARATORS = re.compile(r"[-_.]")
_PRE = {"alpha": "a", "beta": "b", "c": "rc", "pre": "rc", "preview": "rc"}
_NO_NUMBER = (0, "")
_SHORT = 64
"""Characters of a version that is worth remembering."""

Number = tuple[int, str]
Local = tuple[tuple[int, Number, str], ...]
Parsed = tuple[Number, list[Number], tuple[int, str, Number], tuple[int, Number], tuple[int, Number], Local]
Span = tuple[str, str]


def compare(a: str, b: str) -> int:
    """-1, 0 or 1, local parts included. Refuses texts without letters and digits only."""
    key_a, key_b = _parse_version(a), _parse_version(b)
    if key_a is None and key_b is None:
        return generic.compare(a, b)
    if key_a is None or key_b is None:
        return sign(key_a is None, False)
    return sign(key_a < key_b, key_a == key_b)


def key(version: str) -> bytes:
    """Bytes that sort as the versions do, local parts included. Raises InvalidVersion where `compare` does."""
    parsed = _parse_version(version)
    if parsed is None:
        return b"\x00" + generic.key(version)
    epoch, release, pre, post, dev, local = parsed
    pieces = [
        b"\x01",
        generic.number_key(epoch),
        generic.padded_key((1 if part[0] else 0, generic.number_key(part)) for part in release),
        bytes((pre[0],)) + generic.word_key(pre[1]) + generic.number_key(pre[2]),
        bytes((post[0],)) + generic.number_key(post[1]),
        bytes((dev[0],)) + generic.number_key(dev[1]),
    ]
    for kind, value, word in local:
        pieces.append(bytes((1 + kind,)) + (generic.number_key(value) if kind else generic.word_key(word)))
    return b"".join((*pieces, b"\x00"))


def against_bound(version: str, bound: str) -> int:
    """Compare with a bound of a range: the version's local part counts only if the bound has one. Refuses what is not PEP 440."""
    x, y = _parse_or_reject(version), _parse_or_reject(bound)
    if not y[-1]:
        x = (*x[:-1], ())
    return sign(x < y, x == y)


def ranges(text: str) -> Condition:
    """Read version specifiers: `~= 1.4.2`, `>= 1, != 1.3.*`, `== 2.*`; `||` parts alternatives.

    Bounds order as versions do: what the specification leaves out of `<` and `>` beyond that (pre-releases of the bound, its
    post-releases) is not left out, and `===` is `==`. Raises ValueError saying what was not understood.
    """
    parts = [_alternatives(items) for items in generic.operator_items(text)]
    return Condition(text, tuple(bounds for part in parts for bounds in part))


def _alternatives(items: list[tuple[str, str]]) -> Iterator[tuple[Bound, ...]]:
    """Conjunctions for one list of specifiers: as many as the spans that `!= 1.*` takes out leave gaps."""
    bounds: list[Bound] = []
    holes: list[Span] = []
    for operator, version in items:
        if operator == "~=":
            bounds += (Bound(">=", version), Bound("<", _compatible_end(version)))
        elif version.endswith(".*"):
            low, high = _span(operator, version)
            if operator == "!=":
                holes.append((low, high))
            else:
                bounds += (Bound(">=", low), Bound("<", high))
        else:
            bounds.append(generic.plain_bound("=" if operator == "===" else operator, version, _parse_or_reject))
    return ((*bounds, *gap) for gap in _gaps(holes))


def _gaps(holes: list[Span]) -> Iterator[tuple[Bound, ...]]:
    """The bounds of what lies between spans, from low to high."""
    start: tuple[Bound, ...] = ()
    for low, high in sorted(holes, key=lambda hole: (cmp_to_key(compare)(hole[0]), cmp_to_key(compare)(hole[1]))):
        if start and compare(low, start[0].version) <= 0:
            start = start if compare(high, start[0].version) <= 0 else (Bound(">=", high),)
            continue
        yield (*start, Bound("<", low))
        start = (Bound(">=", high),)
    yield start


def _span(operator: str, version: str) -> Span:
    """The first version that `VERSION.*` covers, and the first after all of them."""
    found = _WILDCARD(version)
    if found is None or operator not in ("=", "==", "!="):
        raise ValueError(
            f"cannot read the version condition at {version[:40]!r}; `.*` follows numbers, after `==` or `!=`"
        )
    release = found["release"].split(".")
    return f"{found['epoch']}{found['release']}.dev0", _after(found["epoch"], release)


def _compatible_end(version: str) -> str:
    """The first version that is no longer compatible: the next of all numbers but the last."""
    found = _VERSION(version)
    release = found["release"].split(".") if found else []
    if found is None or found["local"] or len(release) == 1:
        raise ValueError(
            f"cannot read the version condition at {version[:40]!r}; `~=` wants two numbers and no local part"
        )
    return _after(f"{found['epoch']}!" if found["epoch"] else "", release[:-1])


def _after(epoch: str, release: list[str]) -> str:
    return f"{epoch}{'.'.join((*release[:-1], str(int(release[-1]) + 1)))}.dev0"


def _parse_or_reject(version: str) -> Parsed:
    parsed = _parse_version(version)
    if parsed is None:
        raise InvalidVersion(f"{version[:60]!r} is not a Python version")
    return parsed


def _parse_version(version: str) -> Parsed | None:
    """What it consists of, which nobody changes; None for what is not PEP 440. An advisory's versions are compared with many bounds."""
    return _remembered(version) if len(version) <= _SHORT else _read(version)


def _read(version: str) -> Parsed | None:
    found = _VERSION(version.strip())
    if found is None:
        generic.compare(version, "1")
        return None
    release = [number(part) for part in found["release"].split(".")]
    while release and release[-1] == _NO_NUMBER:
        release.pop()
    return (number(found["epoch"] or ""), release, *_phases(found), _local(found["local"]))


def _phases(found: re.Match[str]) -> tuple[tuple[int, str, Number], tuple[int, Number], tuple[int, Number]]:
    """The pre, post and dev parts. A dev version alone sorts before the pre-releases, a release after them."""
    if found["pre"]:
        word = found["pre"].lower()
        pre = (1, _PRE.get(word, word), number(found["pre_number"]))
    else:
        pre = (0 if found["dev"] and not found["post"] else 2, "", _NO_NUMBER)
    post = (1, number(found["implied_post"] or found["post_number"] or "")) if found["post"] else (0, _NO_NUMBER)
    dev = (0, number(found["dev_number"])) if found["dev"] else (1, _NO_NUMBER)
    return pre, post, dev


def _local(local: str | None) -> Local:
    parts = _SEPARATORS.split(local.lower()) if local else []
    return tuple((1, number(part), "") if part.isdigit() else (0, _NO_NUMBER, part) for part in parts)


_remembered = lru_cache(maxsize=1 << 14)(_read)

SCHEME = Scheme(
    name="pep440",
    compare=compare,
    types=("pypi",),
    aliases=("python",),
    against_bound=against_bound,
    key=key,
    ranges=ranges,
)
