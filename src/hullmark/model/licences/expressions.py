"""What packages state about their licences, in SPDX terms: identifiers and expressions.

SPDX specification 2.3, annex D (license expressions); identifiers match in any case, as the annex specifies.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from hullmark.model.licences.spdx_ids import EXCEPTIONS, LICENSES
from hullmark.model.licences.terms import MAX_TEXT, Terms, licences_of, read_terms
from hullmark.model.limit import Limit

_LICENSE = {name.lower(): name for name in LICENSES.split()}
_EXCEPTION = {name.lower(): name for name in EXCEPTIONS.split()}
_OPERATOR = {word: word.upper() for word in ("and", "or", "AND", "OR")}
_WITH = frozenset(("with", "WITH"))

_MAX_CHARACTERS = Limit(
    4096, "characters of a licence expression that is written as one; others are names", "shortened"
)
_MAX_DEPTH = Limit(
    32, "brackets in each other of a licence expression that is written as one; others are names", "shortened"
)
_ALPHABET = re.compile(r"[A-Za-z0-9.+\-() \t]+").fullmatch
_TOKENS = re.compile(r"[()]|[^() \t]+").findall
_REFERENCE = re.compile(r"LicenseRef-[A-Za-z0-9.\-]+")


def distinct(licenses: Iterable[str]) -> tuple[str, ...]:
    """The non-empty licence texts, without repeats, in order."""
    return tuple(dict.fromkeys(text for text in (license.strip() for license in licenses) if text))


def spdx_id(text: str) -> str | None:
    """The SPDX identifier as spelled in the list, or None if the text is not one."""
    return _LICENSE.get(text.lower())


@lru_cache(maxsize=512)
def spdx_expression(text: str) -> str | None:
    """The text as an SPDX expression in canonical spelling, or None if it is not one. A single identifier is an expression, and so is a
    package's own notation if it names licences for certain.
    """
    known = spdx_id(text)
    if known is not None:
        return known
    if len(text) > _MAX_CHARACTERS:
        return None
    plain = _parse(_TOKENS(text)[::-1]) if _ALPHABET(text) else None
    if plain is not None and not unlisted_plus(plain):
        return plain
    # The grammar allows any `+`, but readers built on license-expression refuse those not on the list, so these stay as written.
    # A text too long or too deeply nested to parse is read word by word, and the result is not its expression.
    is_bounded = len(text) <= MAX_TEXT and text.count("(") <= _MAX_DEPTH
    told = _format_expression(read_terms(text, loosely=False)) if is_bounded else None
    return None if told is None or unlisted_plus(told) else told


def _format_expression(terms: Terms) -> str | None:
    """Terms as an expression; None if SPDX does not know all of them."""
    for licence in licences_of(terms):
        is_known = licence.name.removesuffix("+").lower() in _LICENSE or _REFERENCE.fullmatch(licence.name)
        if not is_known or (licence.exception and licence.exception not in _EXCEPTION.values()):
            return None
    return str(terms)


def references(expression: str) -> tuple[str, ...]:
    """The `LicenseRef-…` names in an expression, in their order."""
    return tuple(dict.fromkeys(_REFERENCE.findall(expression)))


def unlisted_plus(expression: str) -> bool:
    """Whether the expression puts `+` on an identifier that SPDX does not list with it (`Apache-2.0+`)."""
    return any(word.endswith("+") and spdx_id(word) is None for word in _TOKENS(expression))


def all_of(expressions: Iterable[str]) -> str:
    """One expression in which all of these apply; "" for none."""
    parts = tuple(expressions)
    if len(parts) == 1:
        return parts[0]
    return " AND ".join(f"({part})" if " OR " in part else part for part in parts)


@lru_cache(maxsize=4096)
def in_spdx_terms(licenses: tuple[str, ...]) -> tuple[str, ...]:
    """Each licence as an SPDX expression, or as written if it is not one; without repeats, in order.

    The parts of an expression joined by AND become separate licences, as if the package had listed them.
    """
    found: dict[str, None] = {}
    for text in distinct(licenses):
        expression = spdx_expression(text)
        found.update(dict.fromkeys((text,) if expression is None else _split_at_and(expression)))
    return tuple(found)


def _split_at_and(expression: str) -> list[str]:
    """The parts that apply together, without the brackets around a part: `(MIT OR ISC) AND curl` has two."""
    parts: list[list[str]] = [[]]
    depth = 0
    for word in _TOKENS(expression):
        depth += (word == "(") - (word == ")")
        if depth == 0 and word == "OR":
            return [expression]
        if depth == 0 and word == "AND":
            parts.append([])
        else:
            parts[-1].append(word)
    found: list[str] = []
    for words in parts:
        is_group = words[0] == "("
        text = " ".join(words[1:-1] if is_group else words).replace("( ", "(").replace(" )", ")")
        found += _split_at_and(text) if is_group else [text]
    return found


@lru_cache(maxsize=4096)
def expression_of(licenses: tuple[str, ...]) -> str:
    """All licences of a package as one SPDX expression; "" if it states none, or if one of them is not a known licence."""
    texts = distinct(licenses)
    told = [spdx_expression(text) for text in texts]
    return all_of(dict.fromkeys(expression for expression in told if expression)) if all(told) else ""


def _parse(tokens: list[str]) -> str | None:
    """Parse the tokens, taken from the end of the list, with three states: before a licence, after one, and after anything that WITH cannot
    follow.
    """
    words: list[str] = []
    state, depth = "before", 0
    while tokens:
        step = _before(tokens) if state == "before" else _after(tokens, may_have_exception=state == "after licence")
        if step is None:
            return None
        word, state = step
        depth += (word == "(") - (word == ")")
        if not 0 <= depth <= _MAX_DEPTH:
            return None
        words.append(word)
    if depth or state == "before":
        return None
    return " ".join(words).replace("( ", "(").replace(" )", ")")


def _before(tokens: list[str]) -> tuple[str, str] | None:
    word = tokens.pop()
    if word == "(":
        return word, "before"
    name = _license(word)
    return (name, "after licence") if name else None


def _after(tokens: list[str], *, may_have_exception: bool) -> tuple[str, str] | None:
    word = tokens.pop()
    if word == ")":
        return word, "after group"
    if word in _WITH and may_have_exception and tokens:
        exception = _EXCEPTION.get(tokens.pop().lower())
        return (f"WITH {exception}", "after group") if exception else None
    operator = _OPERATOR.get(word)
    return (operator, "before") if operator else None


def _license(word: str) -> str | None:
    known = _LICENSE.get(word.lower())
    if known is None and word.endswith("+"):
        base = _LICENSE.get(word[:-1].lower())
        known = f"{base}+" if base else None
    if known is None and _REFERENCE.fullmatch(word):
        known = word
    return known
