"""Licences in SPDX's terms, with license-expression and the schema of CycloneDX as oracles."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st
from license_expression import ExpressionError, get_spdx_licensing  # type: ignore[import-untyped]

from hullmark.model.licences import expressions
from hullmark.model.licences.spdx_ids import EXCEPTIONS, LICENSES

ORACLE = get_spdx_licensing()

# Licences on SPDX's list that the oracle takes for exceptions, all but one of them deprecated.
ORACLE_IS_WRONG = frozenset(name for name in LICENSES.split() if "-with-" in name) | {
    "eCos-2.0",
    "MPL-2.0-no-copyleft-exception",
}


def _oracle_knows(expression: str) -> bool:
    try:
        ORACLE.parse(expression, validate=True, strict=True)
    except ExpressionError:
        return False
    return True


def test_cyclonedx_knows_every_identifier() -> None:
    schema = json.loads(files("cyclonedx.schema._res").joinpath("spdx.SNAPSHOT.schema.json").read_text())
    assert set(LICENSES.split()) | set(EXCEPTIONS.split()) <= set(schema["enum"])


def test_identifiers_differ_in_more_than_case() -> None:
    names = [*LICENSES.split(), *EXCEPTIONS.split()]
    assert len({name.lower() for name in names}) == len(names)


def test_the_oracle_knows_every_licence_and_every_exception() -> None:
    assert [name for name in LICENSES.split() if name not in ORACLE_IS_WRONG and not _oracle_knows(name)] == []
    assert [name for name in EXCEPTIONS.split() if not _oracle_knows(f"MIT WITH {name}")] == []


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("MIT", "MIT"),
        ("mit", "MIT"),
        ("apache-2.0 or (mit and isc)", "Apache-2.0 OR (MIT AND ISC)"),
        ("( MIT )", "(MIT)"),
        ("Apache-2.0+", None),  # not on the list with a plus: readers refuse it
        ("MIT OR (Apache-2.0+ AND ISC)", None),
        ("GPL-2.0+", "GPL-2.0+"),
        ("gpl-2.0-only WITH classpath-exception-2.0", "GPL-2.0-only WITH Classpath-exception-2.0"),
        ("MIT AND LicenseRef-my.own-1", "MIT AND LicenseRef-my.own-1"),
        ("", None),
        ("MIT Apache-2.0", None),
        ("MIT OR", None),
        ("OR MIT", None),
        ("(MIT", None),
        ("MIT)", None),
        ("()", None),
        ("GPL-2.0-only WITH MIT", None),
        ("MIT WITH", None),
        ("(MIT) WITH LLVM-exception", None),
        ("MIT WITH LLVM-exception WITH LLVM-exception", None),
        ("MIT and what I like", None),
        ("MIT AND Proprietary", None),
        ("LicenseRef-", None),
        ("(" * 33 + "MIT" + ")" * 33, None),
        ("MIT AND " * 1000 + "MIT", None),
    ],
)
def test_an_expression_is_told_from_other_text(text: str, expression: str | None) -> None:
    assert expressions.spdx_expression(text) == expression


SIMPLE = st.sampled_from(("MIT", "isc", "GPL-2.0-only", "LGPL-2.1+", "GPL-2.0-only WITH Classpath-exception-2.0"))
EXPRESSIONS = st.recursive(
    SIMPLE,
    lambda inner: st.one_of(
        st.builds("({})".format, inner),
        st.builds("{} AND {}".format, inner, inner),
        st.builds("{} OR {}".format, inner, inner),
    ),
    max_leaves=6,
)


@given(EXPRESSIONS)
def test_every_expression_is_one_for_the_oracle_too_with_the_same_meaning(text: str) -> None:
    expression = expressions.spdx_expression(text)
    assert expression is not None
    assert ORACLE.parse(expression, validate=True, strict=True) == ORACLE.parse(text, validate=True, strict=True)


WORDS = st.sampled_from(("MIT", "ISC", "AND", "OR", "WITH", "LLVM-exception", "(", ")", "nonsense", "LicenseRef-x"))


@given(st.lists(WORDS, max_size=7).map(" ".join))
def test_what_is_accepted_is_accepted_by_the_oracle(text: str) -> None:
    expression = expressions.spdx_expression(text)
    if expression is not None:
        assert _oracle_knows(expression.replace("LicenseRef-x", "0BSD"))


@given(st.lists(EXPRESSIONS, min_size=1, max_size=4))
def test_all_of_means_all_of(texts: list[str]) -> None:
    joined = ORACLE.parse(expressions.all_of(texts), validate=True, strict=True)
    assert joined.simplify() == ORACLE.parse(" AND ".join(f"({text})" for text in texts)).simplify()


def test_a_plus_that_spdx_does_not_list_is_told() -> None:
    assert expressions.unlisted_plus("MIT OR (Apache-2.0+ AND ISC)")
    assert not expressions.unlisted_plus("MIT OR (GPL-2.0+ AND ISC)")


def test_references_are_found_once_each() -> None:
    assert expressions.references("LicenseRef-b OR (MIT AND LicenseRef-a) OR LicenseRef-b") == (
        "LicenseRef-b",
        "LicenseRef-a",
    )


def test_licences_that_tell_an_expression_are_in_spdx_terms_and_the_others_as_written() -> None:
    written = ("GPL-2+", " Expat ", "MIT", "public-domain", "", "GPL-3+ with Bison exception", "MIT-like")
    shown = (
        "GPL-2.0-or-later",
        "MIT",
        "LicenseRef-public-domain",
        "GPL-3.0-or-later WITH Bison-exception-2.2",
        "MIT-like",
    )
    assert expressions.in_spdx_terms(written) == shown
    assert expressions.in_spdx_terms(("", " ")) == ()


@pytest.mark.parametrize(
    ("expression", "licences"),
    [
        ("GPL-2.0-only AND LicenseRef-x", ("GPL-2.0-only", "LicenseRef-x")),
        ("(MIT OR ISC) AND curl", ("MIT OR ISC", "curl")),
        ("MIT OR (ISC AND curl)", ("MIT OR (ISC AND curl)",)),
        ("MIT OR ISC AND curl", ("MIT OR ISC AND curl",)),
        ("(MIT AND (ISC AND curl))", ("MIT", "ISC", "curl")),
        ("((MIT OR (ISC AND curl))) AND MIT", ("MIT OR (ISC AND curl)", "MIT")),
        ("(MIT OR ISC) AND (curl OR Zlib)", ("MIT OR ISC", "curl OR Zlib")),
    ],
)
def test_what_an_expression_joins_are_licences_of_their_own(expression: str, licences: tuple[str, ...]) -> None:
    assert expressions.in_spdx_terms((expression,)) == licences
    assert expressions.in_spdx_terms(licences) == licences
