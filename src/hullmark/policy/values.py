"""Values that rules are written with: names with wildcards, paths, modes, sizes, ports, versions, patterns.

Each is created from its text and keeps it. An invalid text raises ValueError with a sentence saying what was expected.
"""

from __future__ import annotations

import operator
import re
from typing import Any, ClassVar, NoReturn

from hullmark.model.expiry import canonical, ends_at
from hullmark.model.guard import guard_call
from hullmark.model.limit import Limit
from hullmark.model.package import UNKNOWN_VERSION
from hullmark.policy.cel_engine import cel_engine
from hullmark.policy.regex import compile_pattern
from hullmark.versions import InvalidVersion, scheme_for
from hullmark.versions.condition import parse_condition

MAX_TEXT = Limit(1000, "characters of a pattern in a policy", "refused")
MAX_NESTING = Limit(30, "brackets in each other of an expression in a policy", "refused")

_MODE = re.compile(r"(?:0o)?0?([0-7]{1,4})").fullmatch
_SIZE = re.compile(r"([0-9]{1,15})(?:\.([0-9]{1,3}))?\s*([A-Za-z]*)").fullmatch
_UNITS = {
    "": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30,
}  # fmt: skip
_PORT = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?(?:/([a-z]{3,4}))?").fullmatch
_NUMBER = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,9})?)(%?)").fullmatch
_COMPARISON = re.compile(r"\s*(<=|>=|!=|<|>|=)\s*([0-9]{1,3}(?:\.[0-9]{1,9})?)\s*").fullmatch
_OPERATORS = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq, "!=": operator.ne,
}  # fmt: skip
_WILD = re.compile(r"[*?]")


class Value:
    """A text with a meaning. Equal texts are equal values. `kind` describes it for people, `schema` for editors."""

    __slots__ = ("text",)
    kind: ClassVar[str] = "text"
    schema: ClassVar[dict[str, Any]] = {}

    def __init__(self, text: str) -> None:
        if len(text) > MAX_TEXT:
            raise ValueError(f"expected {self.kind} of at most {MAX_TEXT} characters")
        self.text = text

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)


class Expiry(Value):
    """The last day on which something holds, or the time at which it ends. `ends` is the first instant at which it no longer holds, in
    UTC.
    """

    __slots__ = ("ends",)
    kind = "a day such as 2027-01-31, or a moment with its zone such as 2027-01-31T14:00:00Z"
    schema: ClassVar[dict[str, Any]] = {"type": "string", "anyOf": [{"format": "date"}, {"format": "date-time"}]}

    def __init__(self, text: str) -> None:
        super().__init__(canonical(text))
        self.ends = ends_at(text)


def wildcard_source(text: str, any_character: str = ".") -> str:
    """A regular expression for a text in which `*` matches any run of characters and `?` any one character.

    Each piece between stars is matched at the first place where it fits and not tried elsewhere. That is enough for wildcards, and keeps
    matching linear on hostile input.
    """
    first, *rest = re.sub(r"\*+", "*", text).split("*")
    source = [_piece(first, any_character)]
    if rest:
        source += [f"(?>{any_character}*?{_piece(piece, any_character)})" for piece in rest[:-1]]
        last = _piece(rest[-1], any_character)
        source.append(f"{any_character}*{last}" if last else f"{any_character}*+")
    return "".join(source)


def _piece(text: str, any_character: str) -> str:
    return any_character.join(re.escape(part) for part in text.split("?"))


class NameGlob(Value):
    """A name in which `*` matches any characters and `?` one character."""

    __slots__ = ("_matches", "is_literal")
    kind = "a name (* and ? are wildcards)"

    def __init__(self, text: str) -> None:
        super().__init__(text)
        if not text:
            raise ValueError("expected a name, not an empty text")
        self._matches = re.compile(wildcard_source(text), re.DOTALL).fullmatch
        self.is_literal = _WILD.search(text) is None

    def matches(self, name: str) -> bool:
        """Whether the complete name matches."""
        return name == self.text if self.is_literal else self._matches(name) is not None


class Mode(Value):
    """Permission bits in octal."""

    __slots__ = ("bits",)
    kind = "permission bits in octal, such as 0644 or 4755"
    schema: ClassVar[dict[str, Any]] = {"pattern": "^(0o)?0?[0-7]{1,4}$"}

    def __init__(self, text: str) -> None:
        super().__init__(text)
        found = _MODE(text)
        if found is None:
            raise ValueError(f"expected {self.kind}, not {text!r}")
        self.bits = int(found[1], 8)


class Size(Value):
    """A number of bytes."""

    __slots__ = ("bytes",)
    kind = "a size, such as 500MB or 2GiB"
    schema: ClassVar[dict[str, Any]] = {"pattern": r"^[0-9]+(\.[0-9]+)?\s*([kKmMgG][iI]?)?[bB]?$"}

    def __init__(self, text: str) -> None:
        super().__init__(text)
        found = _SIZE(text.strip())
        unit = _UNITS.get(found[3].lower()) if found else None
        if found is None or unit is None:
            raise ValueError(f"expected {self.kind}, not {text!r}")
        fraction = (found[2] or "").ljust(3, "0")
        self.bytes = int(found[1]) * unit + int(fraction) * unit // 1000


class Ports(Value):
    """One port, a range of ports, or all ports; of one protocol, or of any."""

    __slots__ = ("first", "last", "protocol")
    kind = "a port, such as 80, 53/udp, 8000-8010 or *"
    schema: ClassVar[dict[str, Any]] = {"pattern": r"^(\*|[0-9]+(-[0-9]+)?(/(tcp|udp|sctp))?)$"}

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.first, self.last, self.protocol = 0, 65535, ""
        if text == "*":
            return
        found = _PORT(text)
        if found is None or found[3] not in (None, "tcp", "udp", "sctp"):
            raise ValueError(f"expected {self.kind}, not {text!r}")
        self.first, self.protocol = int(found[1]), found[3] or ""
        self.last = int(found[2] or found[1])
        if not 0 <= self.first <= self.last <= 65535:
            raise ValueError(f"expected ports from 0 to 65535, the lower one first, not {text!r}")

    def covers(self, other: Ports) -> bool:
        """Whether all ports of `other` are included."""
        return self.first <= other.first and other.last <= self.last and self.protocol in ("", other.protocol)

    def overlaps(self, other: Ports) -> bool:
        """Whether both include a common port."""
        is_apart = other.last < self.first or self.last < other.first
        return not is_apart and (not self.protocol or not other.protocol or self.protocol == other.protocol)


class Versions(Value):
    """A condition on versions, judged in the order of the package's own ecosystem."""

    __slots__ = ("condition",)
    kind = "a version condition, such as '< 2.0' or '>= 1.2, < 2'"

    def __init__(self, text: str) -> None:
        super().__init__(text)
        if not text.strip():
            raise ValueError(f"expected {self.kind}, not an empty text")
        self.condition = parse_condition(text)

    def hold(self, version: str, package_type: str) -> bool:
        """Whether the version meets the condition. Raises InvalidVersion if the versions cannot be compared."""
        if version == UNKNOWN_VERSION:
            raise InvalidVersion("the version is not known")
        return self.condition.holds(version, scheme_for(package_type))


class Pattern(Value):
    """A regular expression that is always matched in linear time; see hullmark.policy.regex."""

    __slots__ = ("_compiled",)
    kind = "a regular expression"

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._compiled = compile_pattern(text)

    def is_in(self, text: str) -> bool:
        """Whether it matches anywhere in the text, which is treated as one line."""
        return self._compiled.is_in(text)

    def first_line(self, text: str) -> int | None:
        """The number of the first line that it matches in, counted from 1."""
        return self._compiled.first_line(text)


class Score(Value):
    """A CVSS base score, 0 to 10."""

    __slots__ = ("number",)
    kind = "a score from 0 to 10, such as 7.5"
    schema: ClassVar[dict[str, Any]] = {"pattern": r"^([0-9](\.[0-9]{1,3})?|10(\.0{1,3})?)$"}

    def __init__(self, text: str) -> None:
        super().__init__(text)
        found = _NUMBER(text)
        self.number = float(found[1]) if found and not found[2] else -1.0
        if not 0 <= self.number <= 10:
            raise ValueError(f"expected {self.kind}, not {text!r}")


class ScoreCondition(Value):
    """Comparisons with a score, all of which must hold."""

    __slots__ = ("_comparisons",)
    kind = "a condition on a score, such as '>= 7.0' or '> 2, < 5'"
    schema: ClassVar[dict[str, Any]] = {"minLength": 1}

    def __init__(self, text: str) -> None:
        super().__init__(text)
        found = [_COMPARISON(part) for part in text.split(",")]
        if not all(found):
            raise ValueError(f"expected {self.kind}, not {text!r}")
        self._comparisons = [(_OPERATORS[comparison[1]], float(comparison[2])) for comparison in found if comparison]

    def holds(self, score: float) -> bool:
        """Whether the score meets the condition."""
        return all(compare(score, number) for compare, number in self._comparisons)


class Share(Value):
    """A share of a total, as a fraction of one or in percent."""

    __slots__ = ("number",)
    kind = "a share, such as 0.1 or 10%"
    schema: ClassVar[dict[str, Any]] = {"pattern": r"^[0-9]{1,3}(\.[0-9]{1,9})?%?$"}

    def __init__(self, text: str) -> None:
        super().__init__(text)
        found = _NUMBER(text)
        self.number = float(found[1]) / (100 if found[2] else 1) if found else -1.0
        if not 0 <= self.number <= 1:
            raise ValueError(f"expected {self.kind}, not {text!r}")


class Expression(Value):
    """A CEL expression. `variables` are the names in it, including those that its macros bind."""

    __slots__ = ("variables",)
    kind = "an expression in CEL"

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.variables = _names_in_expression(text)


def _names_in_expression(text: str) -> frozenset[str]:
    depth = 0
    for char in text:
        depth += (char in "([{") - (char in ")]}")
        if depth > MAX_NESTING:
            raise ValueError(f"expected {Expression.kind} with at most {MAX_NESTING} brackets in each other")
    try:
        engine = cel_engine()
    except ImportError as error:
        raise ValueError("expressions need a package that is not installed: install hullmark[expressions]") from error

    def raise_invalid(error: Exception) -> NoReturn:
        reason = str(error).partition("ERROR:")[2].strip().split("\n")[0] or "it cannot be read"
        raise ValueError(f"expected {Expression.kind}: {reason[:200]}") from error

    return guard_call(lambda: frozenset(engine.compile(text).variables()), raise_invalid)
