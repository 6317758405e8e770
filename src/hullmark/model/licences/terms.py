"""What packages state about their licences, as choices: any one of several, all of several, or one licence.

Reads SPDX expressions (specification 2.3, annex D: AND before OR, WITH, `+`), and what packages write instead: Debian's short names with
`GPL-2+`, Fedora's former ones with `GPLv2+`, words in any case, `MIT/Apache-2.0`. Every text is accepted; a text that is not a licence's
name stays as it is, with the category `unknown`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

import msgspec

from hullmark.model.licences.categories import CATEGORIES, LINKING_EXCEPTIONS, Category
from hullmark.model.licences.names import LATER, exception_named, licence_named
from hullmark.model.limit import Limit

MAX_TEXT = Limit(4000, "characters of a licence expression")
MAX_GROUPS = Limit(50, "choices that a licence expression leaves")

_NOTHING = frozenset(
    ("", "-", "*", "unknown", "none", "noassertion", "n/a", "na", "null", "undefined", "license", "licence")
)
_COMMA = re.compile(r",\s+(?=(?:and|or)\s)", re.IGNORECASE)
_TOKENS = re.compile(r"[()]|[^()\s]+")
_OPERATORS = {"and": ("", "and"), "or": ("", "or"), ",and": (",", "and"), ",or": (",", "or")}
_COUNTRY = re.compile(r"(CC-BY(?:-NC)?(?:-ND|-SA)?-[0-9.]+)-[A-Z]+").fullmatch
_FAMILIES: tuple[tuple[str, Category], ...] = (
    ("HPND-", "permissive"),
    ("OFL-1.", "permissive"),
    ("GFDL-1.", "weak-copyleft"),
    ("LicenseRef-public-domain", "public-domain"),
    ("LicenseRef-proprietary", "proprietary"),
)


class Licence(msgspec.Struct, frozen=True):
    """One licence: its SPDX identifier, or the text if it has none; with its exception, "" for none."""

    name: str
    exception: str = ""

    def __str__(self) -> str:
        return f"{self.name} WITH {self.exception}" if self.exception else self.name

    @property
    def names(self) -> tuple[str, ...]:
        """Its names: with and without its exception."""
        return (str(self), self.name) if self.exception else (self.name,)

    @property
    def choices(self) -> tuple[str, ...]:
        """Its names, and those of later versions if "or later" allows them."""
        family, _, version = self.name.removesuffix("-or-later").partition("-")
        if not self.name.endswith("-or-later") or family not in LATER:
            return self.names + ((self.name.removesuffix("+"),) if self.name.endswith("+") else ())
        later = tuple(f"{family}-{number}" for number in LATER[family] if number >= version)
        return (*self.names, *(name + end for name in later for end in ("-only", "-or-later")))

    @property
    def category(self) -> Category:
        """The category, by what the licence asks for."""
        found = CATEGORIES.get(self.name.removesuffix("+")) or _family(self.name)
        if found == "strong-copyleft" and self.exception in LINKING_EXCEPTIONS:
            return "weak-copyleft"
        return found


class Choice(msgspec.Struct, frozen=True):
    """`kind` any: one of the parts may be chosen; all: the parts apply together."""

    kind: str
    parts: tuple[Licence | Choice, ...]

    def __str__(self) -> str:
        joint = " OR " if self.kind == "any" else " AND "
        return joint.join(f"({part})" if isinstance(part, Choice) else str(part) for part in self.parts)


Terms = Licence | Choice


def holds(terms: Terms, is_fit: Callable[[Licence], bool]) -> bool:
    """Whether there is a choice in which every licence meets the condition."""
    if isinstance(terms, Licence):
        return is_fit(terms)
    parts = (holds(part, is_fit) for part in terms.parts)
    return any(parts) if terms.kind == "any" else all(parts)


def licences_of(terms: Terms) -> tuple[Licence, ...]:
    """Every licence in the terms, each once, in order."""
    if isinstance(terms, Licence):
        return (terms,)
    return tuple(dict.fromkeys(licence for part in terms.parts for licence in licences_of(part)))


def terms_of(texts: Iterable[str]) -> Terms | None:
    """A package's licences combined, all of which apply; None if it names none."""
    parts = tuple(dict.fromkeys(read_terms(text) for text in texts if text.strip().lower() not in _NOTHING))
    return _join_terms("all", parts) if parts else None


@lru_cache(maxsize=4096)
def read_terms(text: str, *, loosely: bool = True) -> Terms:
    """Read one text. A text that cannot be parsed becomes a licence with that name. `loosely`: a name that leaves the version open stands
    for the version usually meant.
    """
    if len(text) > MAX_TEXT:
        return _each_word(text)
    known = _find_licence(text, loosely=loosely)
    if known is not None:
        return known
    tokens = _TOKENS.findall(_COMMA.sub(" ,", text))
    try:
        reader = _Reader(tokens, loosely=loosely)
        terms = reader.whole()
    except _TooManyGroups:
        return _each_word(text)
    except ValueError:
        return Licence(_collapse_blanks(text))
    return terms if reader.at == len(tokens) else Licence(_collapse_blanks(text))


def _each_word(text: str) -> Terms:
    """The terms of a text that is too long or too nested to parse: each word is a licence that applies, so that no licence is hidden."""
    words = [word for word in _TOKENS.findall(text) if word not in ("(", ")", ",") and word.lower() not in _OPERATORS]
    return (
        _join_terms("all", (_find_licence(word, loosely=True) or Licence(word) for word in words))
        if words
        else Licence(_collapse_blanks(text))
    )


class _TooManyGroups(ValueError):
    """The choices are nested too deeply."""


class _Reader:
    """Parses tokens from left to right. Raises ValueError if they are not an expression."""

    def __init__(self, tokens: Sequence[str], *, loosely: bool) -> None:
        self.tokens = tokens
        self.loosely = loosely
        self.at = 0
        self._groups = 0

    def whole(self) -> Terms:
        """Parts joined by a comma and an operator, which bind less tightly than the operator alone (Debian's copyright-format 1.0)."""
        left = self._any_of()
        while (operator := self._operator()) and operator[0]:
            self.at += 1
            self._deeper()
            left = _join_terms("any" if operator[1] == "or" else "all", (left, self._any_of()))
        return left

    def _any_of(self) -> Terms:
        parts = [self._all_of()]
        while self._operator() == ("", "or"):
            self.at += 1
            parts.append(self._all_of())
        return _join_terms("any", parts)

    def _all_of(self) -> Terms:
        parts = [self._one()]
        while self._operator() == ("", "and"):
            self.at += 1
            parts.append(self._one())
        return _join_terms("all", parts)

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
        return _parse_name(" ".join(words), loosely=self.loosely)

    def _peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def _operator(self) -> tuple[str, str] | None:
        return _OPERATORS.get(self._peek().lower())

    def _deeper(self) -> None:
        self._groups += 1
        if self._groups > MAX_GROUPS:
            raise _TooManyGroups


def _join_terms(kind: str, parts: Iterable[Terms]) -> Terms:
    distinct = tuple(dict.fromkeys(parts))
    return distinct[0] if len(distinct) == 1 else Choice(kind, distinct)


def _parse_name(text: str, *, loosely: bool) -> Terms:
    """The licence of a name without operators, or a choice of several separated by slashes."""
    known = _find_licence(text, loosely=loosely)
    if known is not None:
        return known
    base, with_, exception = text.partition(" with ") if " with " in text else text.partition(" WITH ")
    if with_:
        named = _find_licence(base, loosely=loosely)
        licence = named.name if isinstance(named, Licence) else _collapse_blanks(base)
        return Licence(licence, exception_named(exception, licence) or _collapse_blanks(exception))
    parts = [_find_licence(part, loosely=loosely) for part in text.split("/")]
    return (
        _join_terms("any", (part for part in parts if part))
        if all(parts) and parts
        else Licence(_collapse_blanks(text))
    )


def _find_licence(text: str, *, loosely: bool) -> Terms | None:
    """The licence that a complete text names, or a choice of several if the name stands for several."""
    found = licence_named(text, loosely=loosely)
    if found is None:
        return None
    return _join_terms("any", (Licence(*part.split(" WITH ")) for part in found.split(" OR ")))


def _family(name: str) -> Category:
    country = _COUNTRY(name)
    if country is not None:
        return CATEGORIES.get(country[1], "unknown")
    return next((category for prefix, category in _FAMILIES if name.startswith(prefix)), "unknown")


def _collapse_blanks(text: str) -> str:
    return " ".join(text.split())
