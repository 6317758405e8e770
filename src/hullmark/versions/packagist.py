"""Packagist: the versions and constraints of PHP's Composer (getcomposer.org/doc/articles/versions.md).

Versions are ordered as PHP's `version_compare` does: dev < alpha < beta < RC < release < a further number < patch, all other words
before dev. Ranges look at normalised versions, as Composer does: missing numbers are 0, letters' case does not count, `-stable` is
nothing. Branches (`dev-main`) have no order and are refused.
"""

from __future__ import annotations

import re

from hullmark.versions.condition import MAX_CONDITION, Bound, Condition
from hullmark.versions.scheme import InvalidVersion, Scheme, number, sign
from hullmark.versions.semver import Number, number_key, unread

_TOKENS = re.compile(r"[0-9]+|[A-Za-z]+").findall
_START = re.compile(r"[vV]?(?=[0-9])").match
_BRANCH = re.compile(r"(?P<numbers>[0-9]+(?:\.[0-9]+){0,2})(?P<wild>(?:\.[x*]){1,3})[.-]?dev").fullmatch
_FLAG = re.compile(r"@(?:stable|rc|beta|alpha|dev)$")
_ANY_OF_BRANCH = "9999999"

# The beginning of a word decides its rank; the end of a version and numbers rank among them.
_RANKS = (("dev", 2), ("a", 3), ("b", 4), ("RC", 5), ("rc", 5), ("p", 8))
_END, _NUMBER, _OTHER = 6, 7, 1

Token = tuple[int, Number]
_NONE: Number = (0, "")


def compare(a: str, b: str) -> int:
    """-1, 0 or 1, as PHP's `version_compare` and Composer's `Comparator` order versions that were not normalised."""
    x, y = _tokens(a), _tokens(b)
    return sign(x < y, x == y)


def against_bound(version: str, bound: str) -> int:
    """Compare with a bound of a range, both normalised: 1.0 is 1.0.0, `BETA` is `beta`, and what follows `+` does not count."""
    x, y = _normalise_version(version), _normalise_version(bound)
    return sign(x < y, x == y)


def key(version: str) -> bytes:
    """Bytes that sort as `compare` does."""
    tokens = _tokens(version)
    return b"".join(b"\x07" + number_key(value) if rank == _NUMBER else bytes((rank,)) for rank, value in tokens)


def _tokens(version: str) -> list[Token]:
    return _rank_tokens(_TOKENS(_without_v(version.strip())))


def _normalise_version(version: str) -> tuple[list[Number], list[Token]]:
    """The numbers without zeros at the end, and what follows them."""
    text = _FLAG.sub("", _without_v(version.strip().lower()))
    branch = _BRANCH(text)
    if branch is not None:
        numbers = branch["numbers"].split(".")
        tokens = [*numbers, *[_ANY_OF_BRANCH] * (4 - len(numbers)), "dev"]
    else:
        tokens = _TOKENS(text.partition("+")[0])
    length = next((at for at, token in enumerate(tokens) if token[0] > "9"), len(tokens))
    release = [number(token) for token in tokens[:length]]
    while release and release[-1] == _NONE:
        release.pop()
    rest = [] if tokens[length : length + 1] == ["stable"] else tokens[length:]
    return release, _rank_tokens(rest)


def _without_v(text: str) -> str:
    start = _START(text)
    if start is None:
        raise InvalidVersion(f"{text[:80]!r} is not a version of Composer")
    return text[start.end() :]


def _rank_tokens(tokens: list[str]) -> list[Token]:
    return [*map(_token, tokens), (_END, _NONE)]


def _token(token: str) -> Token:
    if token[0] <= "9":
        return (_NUMBER, number(token))
    return (next((rank for word, rank in _RANKS if token.startswith(word)), _OTHER), _NONE)


# Constraints.

_STABILITY = r"[._-]?(?:(?:stable|beta|b|rc|alpha|a|patch|pl|p)(?:[.-]?[0-9]+)*)?(?:[.-]?dev)?"
_WRITTEN = re.compile(
    rf"v?(?P<numbers>[0-9]+(?:\.[0-9]+){{0,3}})(?:(?P<branch>\.[x*][.-]?dev)|(?P<stability>{_STABILITY}))(?:\+\S+)?"
).fullmatch
_WILD = re.compile(r"v?(?P<numbers>[0-9]+(?:\.[0-9]+){0,2})(?:\.[x*])+").fullmatch
_ANY = re.compile(r"v?[x*](?:\.[x*])*").fullmatch
_OR = re.compile(r"\|\|?")
_VERSION = r"[^\s,|<>=!~^]+"
_TERM = re.compile(
    rf"[\s,]*(?:(?P<low>{_VERSION})\s+-\s+(?P<high>{_VERSION})|(?P<operator><>|!=|>=|<=|==|[<>=~^])?\s*(?P<version>{_VERSION}))"
    r"(?=[\s,]|$)"
).match
_MODIFIER = re.compile(r"@(stable|rc|beta|alpha|dev)$").search
_HYPHENED = re.compile(rf"-{_STABILITY}$").search
_UNSTABLE = re.compile(r"(?:dev|(?:alpha|beta|rc|a|b)(?:[.-]?[0-9]+)*)$").search
_WILD_DEV = re.compile(r"v?[0-9.]+\.[x*].*-dev").fullmatch
_NEVER = (Bound("<", "0-dev"),)


def ranges(text: str) -> Condition:
    """Read `^1.2`, `~1.2`, `1.2.*`, `1.0 - 2.0`, `>=1.0 <1.1 || >=1.2`, `1.0@beta`. Alternatives are separated by `|` or `||`, the
    parts of one by commas or white space. Raises ValueError.

    As in Composer, `<1.2` leaves the pre-releases of 1.2 out and `>=1.2` takes them in.
    """
    if len(text) > MAX_CONDITION:
        raise ValueError(f"a condition has at most {MAX_CONDITION} characters")
    if not text.strip():
        return Condition(text, ((),))
    return Condition(text, tuple(_alternative(part.strip()) for part in _OR.split(text.lower())))


def _alternative(part: str) -> tuple[Bound, ...]:
    bounds: list[Bound] = []
    at = 0
    while at < len(part):
        found = _TERM(part, at)
        if found is None:
            raise unread(part[at:])
        if found["low"]:
            bounds += _between(found["low"], found["high"])
        else:
            bounds += _term(found["operator"] or "", found["version"])
        at = found.end()
    if not part:
        raise unread(part)
    return tuple(bounds)


def _term(operator: str, version: str) -> tuple[Bound, ...]:
    modifier = _MODIFIER(version)
    if modifier is not None:
        version = version[: modifier.start()] or "*"
    if not operator and _ANY(version):
        return ()
    if operator in ("~", "^"):
        return _tilde(version) if operator == "~" else _caret(version)
    wild = None if operator else _WILD(version)
    if wild is not None:
        numbers = wild["numbers"].split(".")
        return (Bound(">=", _dev(numbers)), Bound("<", _dev(_raise_last(numbers))))
    return _plain(operator, version, modifier[1] if modifier is not None else "stable")


def _plain(operator: str, version: str, modifier: str) -> tuple[Bound, ...]:
    operator = {"": "=", "==": "=", "<>": "!="}.get(operator, operator)
    if version.startswith("dev-") or (_WILD_DEV(version) and not _BRANCH(_without_v(version))):
        return () if operator == "!=" else _NEVER
    if _START(version) is None:
        raise unread(version)
    bare = version.partition("+")[0]
    if operator != "=" and modifier != "stable" and not _UNSTABLE(bare):
        return (Bound(operator, f"{bare}-{modifier}"),)
    if operator in ("<", ">=") and not _HYPHENED(version):
        return (Bound(operator, f"{bare}-dev"),)
    return (Bound(operator, version),)


def _tilde(version: str) -> tuple[Bound, ...]:
    found, numbers = _match_version(version)
    position = len(numbers) + (1 if found["branch"] else 0)
    return (_lower(found, version), Bound("<", _dev(_raise_last(numbers[: max(1, position - 1)]))))


def _caret(version: str) -> tuple[Bound, ...]:
    found, numbers = _match_version(version)
    upto = next((at for at, part in enumerate(numbers[:3], 1) if part != "0"), min(len(numbers), 3))
    return (_lower(found, version), Bound("<", _dev(_raise_last(numbers[:upto]))))


def _between(low: str, high: str) -> tuple[Bound, ...]:
    lower = _lower(_match_version(low)[0], low)
    found, numbers = _match_version(high)
    if len(numbers) > 2 or found["branch"] or found["stability"]:
        return (lower, Bound("<=", high))
    return (lower, Bound("<", _dev(_raise_last(numbers))))


def _match_version(version: str) -> tuple[re.Match[str], list[str]]:
    found = _WRITTEN(version)
    if found is None:
        raise unread(version)
    return found, found["numbers"].split(".")


def _lower(found: re.Match[str], version: str) -> Bound:
    return Bound(">=", version if found["branch"] or found["stability"] else _dev(found["numbers"].split(".")))


def _raise_last(numbers: list[str]) -> list[str]:
    return [*numbers[:-1], str(int(numbers[-1]) + 1)]


def _dev(numbers: list[str]) -> str:
    """The least version with these numbers."""
    return ".".join([*numbers, *["0"] * (4 - len(numbers))]) + "-dev"


SCHEME = Scheme(
    name="packagist",
    compare=compare,
    types=("composer",),
    aliases=("composer",),
    against_bound=against_bound,
    key=key,
    ranges=ranges,
)
