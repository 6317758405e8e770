"""What packages say of their licences, as choices: any one of several, all of several, or one licence.

SPDX expressions (specification 2.3, annex D: AND before OR, WITH, `+`), and what packages write instead: Debian's short names with
`GPL-2+`, Fedora's former ones with `GPLv2+`, words in any case, `MIT/Apache-2.0`. Every text is taken; what is not a licence's name
stays as it is, and its category is `unknown`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

import msgspec

from hullmark.model.limit import Limit
from hullmark.policy.licence_table import ALIASES, CATEGORIES, LINKING_EXCEPTIONS, Category

MAX_TEXT = Limit(4000, "characters of a licence expression")
MAX_GROUPS = Limit(50, "choices that a licence expression leaves")

_NOTHING = frozenset(
    ("", "-", "*", "unknown", "none", "noassertion", "n/a", "na", "null", "undefined", "license", "licence")
)
_CANONICAL = {name.lower(): name for name in CATEGORIES}
_EXCEPTION = {name.lower(): name for name in LINKING_EXCEPTIONS}
_COMMA = re.compile(r",\s+(?=(?:and|or)\s)", re.IGNORECASE)
_TOKENS = re.compile(r"[()]|[^()\s]+")
_OPERATORS = {"and": ("", "and"), "or": ("", "or"), ",and": (",", "and"), ",or": (",", "or")}
_GNU = re.compile(
    r"(?:gnu[ -])?(a?l?gpl|gfdl|fdl)(?:-niv)?[ -]?v?\.?([0-9](?:\.[0-9])?)?(?:\.0)*\s*(\+|-only|-or-later| or later)?"
)
_VERSIONED = {"mpl": ("1.0", "1.1", "2.0"), "epl": ("1.0", "2.0"), "cddl": ("1.0", "1.1"), "artistic": ("1.0", "2.0")}
_PLAIN_VERSION = re.compile(r"([a-z]+?)[ -]?v?([0-9](?:\.[0-9]{1,2})?)").fullmatch
_COUNTRY = re.compile(r"(CC-BY(?:-NC)?(?:-ND|-SA)?-[0-9.]+)-[A-Z]+").fullmatch
_FAMILIES: tuple[tuple[str, Category], ...] = (
    ("HPND-", "permissive"),
    ("OFL-1.", "permissive"),
    ("GFDL-1.", "weak-copyleft"),
    ("LicenseRef-public-domain", "public-domain"),
    ("LicenseRef-proprietary", "proprietary"),
)
_LATER = {
    "GPL": ("1.0", "2.0", "3.0"),
    "LGPL": ("2.0", "2.1", "3.0"),
    "AGPL": ("1.0", "3.0"),
    "GFDL": ("1.1", "1.2", "1.3"),
}


class Licence(msgspec.Struct, frozen=True):
    """One licence: its SPDX identifier where it has one, else the text; with the exception that comes with it, "" for none."""

    name: str
    exception: str = ""

    def __str__(self) -> str:
        return f"{self.name} WITH {self.exception}" if self.exception else self.name

    @property
    def names(self) -> tuple[str, ...]:
        """What it can be called: with and without its exception."""
        return (str(self), self.name) if self.exception else (self.name,)

    @property
    def choices(self) -> tuple[str, ...]:
        """Its names, and those of the later versions that "or later" lets one choose."""
        family, _, version = self.name.removesuffix("-or-later").partition("-")
        if not self.name.endswith("-or-later") or family not in _LATER:
            return self.names + ((self.name.removesuffix("+"),) if self.name.endswith("+") else ())
        later = tuple(f"{family}-{number}" for number in _LATER[family] if number >= version)
        return (*self.names, *(name + end for name in later for end in ("-only", "-or-later")))

    @property
    def category(self) -> Category:
        """What it asks for."""
        found = CATEGORIES.get(self.name.removesuffix("+")) or _family(self.name)
        if found == "strong-copyleft" and self.exception in LINKING_EXCEPTIONS:
            return "weak-copyleft"
        return found


class Choice(msgspec.Struct, frozen=True):
    """`kind` any: one of the parts may be chosen; all: they hold together."""

    kind: str
    parts: tuple[Licence | Choice, ...]

    def __str__(self) -> str:
        joint = " OR " if self.kind == "any" else " AND "
        return joint.join(f"({part})" if isinstance(part, Choice) else str(part) for part in self.parts)


Terms = Licence | Choice


def holds(terms: Terms, is_fit: Callable[[Licence], bool]) -> bool:
    """Whether some choice can be made of which every licence is fit."""
    if isinstance(terms, Licence):
        return is_fit(terms)
    parts = (holds(part, is_fit) for part in terms.parts)
    return any(parts) if terms.kind == "any" else all(parts)


def licences_of(terms: Terms) -> tuple[Licence, ...]:
    """Every licence that is named, each once, in order."""
    if isinstance(terms, Licence):
        return (terms,)
    return tuple(dict.fromkeys(licence for part in terms.parts for licence in licences_of(part)))


def terms_of(texts: Iterable[str]) -> Terms | None:
    """What a package's licences come to: all of them hold. None where it names none."""
    parts = tuple(dict.fromkeys(read_terms(text) for text in texts if text.strip().lower() not in _NOTHING))
    return _joined("all", parts) if parts else None


@lru_cache(maxsize=4096)
def read_terms(text: str) -> Terms:
    """Read one text. A text that is none that can be read becomes a licence by that name."""
    known = _known(text)
    if known is not None:
        return known
    if len(text) > MAX_TEXT:
        return _each_word(text)
    tokens = _TOKENS.findall(_COMMA.sub(" ,", text))
    try:
        reader = _Reader(tokens)
        terms = reader.whole()
    except _TooManyGroups:
        return _each_word(text)
    except ValueError:
        return Licence(_collapsed(text))
    return terms if reader.at == len(tokens) else Licence(_collapsed(text))


def _each_word(text: str) -> Terms:
    """What a text comes to that is more than is taken apart: each of its words is a licence that holds, so that none is hidden."""
    words = [word for word in _TOKENS.findall(text) if word not in ("(", ")", ",") and word.lower() not in _OPERATORS]
    return _joined("all", (_known(word) or Licence(word) for word in words)) if words else Licence(_collapsed(text))


class _TooManyGroups(ValueError):
    """There are more choices in each other than are taken apart."""


class _Reader:
    """Reads tokens from left to right. Raises ValueError where they make no expression."""

    def __init__(self, tokens: Sequence[str]) -> None:
        self.tokens = tokens
        self.at = 0
        self._groups = 0

    def whole(self) -> Terms:
        """Parts that a comma and an operator join, which bind less than the operator alone (Debian's copyright-format 1.0)."""
        left = self._any_of()
        while (operator := self._operator()) and operator[0]:
            self.at += 1
            self._deeper()
            left = _joined("any" if operator[1] == "or" else "all", (left, self._any_of()))
        return left

    def _any_of(self) -> Terms:
        parts = [self._all_of()]
        while self._operator() == ("", "or"):
            self.at += 1
            parts.append(self._all_of())
        return _joined("any", parts)

    def _all_of(self) -> Terms:
        parts = [self._one()]
        while self._operator() == ("", "and"):
            self.at += 1
            parts.append(self._one())
        return _joined("all", parts)

    def _one(self) -> Terms:
        if self._peek() == "(":
            self.at += 1
            self._deeper()
            inner = self.whole()
            if self._peek() != ")":
                raise ValueError("a bracket is not closed")
            self.at += 1
            return inner
        words = []
        while (word := self._peek()) and word not in "()" and self._operator() is None:
            words.append(word)
            self.at += 1
        if not words:
            raise ValueError("a licence is missing")
        return _named(" ".join(words))

    def _peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def _operator(self) -> tuple[str, str] | None:
        return _OPERATORS.get(self._peek().lower())

    def _deeper(self) -> None:
        self._groups += 1
        if self._groups > MAX_GROUPS:
            raise _TooManyGroups


def _joined(kind: str, parts: Iterable[Terms]) -> Terms:
    distinct = tuple(dict.fromkeys(parts))
    return distinct[0] if len(distinct) == 1 else Choice(kind, distinct)


def _named(text: str) -> Terms:
    """The licence of a name without operators, or several with a slash between them."""
    base, with_, exception = text.partition(" with ") if " with " in text else text.partition(" WITH ")
    known = _known(text)
    if known is not None:
        return known
    if with_:
        licence = _known(base)
        name = exception.strip()
        return Licence(licence.name if licence else _collapsed(base), _EXCEPTION.get(name.lower(), _collapsed(name)))
    parts = [_known(part) for part in text.split("/")]
    return _joined("any", (part for part in parts if part)) if all(parts) and parts else Licence(_collapsed(text))


def _known(text: str) -> Licence | None:
    """The licence that a whole text names."""
    name = text.rpartition("::")[2].strip().lower()
    found = _CANONICAL.get(name) or ALIASES.get(name) or _gnu(name) or _version(name)
    if found is None and name.endswith("+"):
        base = _CANONICAL.get(name[:-1])
        found = f"{base}+" if base else None
    if found is None and name.startswith("licenseref-"):
        found = text.strip()
    return Licence(found) if found else _deprecated(name)


def _gnu(name: str) -> str | None:
    found = _GNU.fullmatch(name)
    if found is None:
        return None
    family = {"gpl": "GPL", "lgpl": "LGPL", "agpl": "AGPL"}.get(found[1], "GFDL")
    if found[1] == "algpl":
        return None
    versions = _LATER[family]
    version = f"{found[2]}.0" if found[2] and "." not in found[2] else found[2] or versions[0]
    if version not in versions:
        return None
    # A name without a version leaves the choice among all of them.
    is_later = not found[2] or found[3] in ("+", "-or-later", " or later")
    return f"{family}-{version}-{'or-later' if is_later else 'only'}"


def _version(name: str) -> str | None:
    found = _PLAIN_VERSION(name)
    if found is None or found[1] not in _VERSIONED:
        return None
    version = found[2] if "." in found[2] else f"{found[2]}.0"
    return _CANONICAL.get(f"{found[1]}-{version}") if version in _VERSIONED[found[1]] else None


def _deprecated(name: str) -> Licence | None:
    """SPDX's former identifiers that hold an exception, as `GPL-2.0-with-GCC-exception`."""
    base, with_, exception = name.partition("-with-")
    gnu = _gnu(base) if with_ else None
    if gnu is None:
        return None
    known = next((full for full in sorted(LINKING_EXCEPTIONS) if full.lower().startswith(exception)), None)
    return Licence(gnu, known) if known else None


def _family(name: str) -> Category:
    country = _COUNTRY(name)
    if country is not None:
        return CATEGORIES.get(country[1], "unknown")
    return next((category for prefix, category in _FAMILIES if name.startswith(prefix)), "unknown")


def _collapsed(text: str) -> str:
    return " ".join(text.split())
