"""Licences: what is read of texts, and what they come to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.model.licences.categories import CATEGORIES, LINKING_EXCEPTIONS
from hullmark.model.licences.spdx_ids import EXCEPTIONS, LICENSES
from hullmark.model.licences.terms import Licence, holds, licences_of, read_terms, terms_of


def test_every_name_in_the_tables_is_one_that_spdx_lists() -> None:
    assert set(CATEGORIES) <= set(LICENSES.split())
    assert set(EXCEPTIONS.split()) >= LINKING_EXCEPTIONS


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("MIT", "MIT"),
        ("mit or apache-2.0 and isc", "MIT OR (Apache-2.0 AND ISC)"),
        ("(MIT OR GPL-2.0-only) AND BSD-3-Clause", "(MIT OR GPL-2.0-only) AND BSD-3-Clause"),
        ("GPL-2.0+", "GPL-2.0-or-later"),
        ("GPL-2", "GPL-2.0-only"),
        ("GPL-2+ or Artistic, and Expat", "(GPL-2.0-or-later OR Artistic-1.0-Perl) AND MIT"),
        ("GPLv2+ and LGPLv2.1 and MIT", "GPL-2.0-or-later AND LGPL-2.1-only AND MIT"),
        ("GPL+ or Artistic 2.0", "GPL-1.0-or-later OR Artistic-2.0"),
        ("GPL-2.0-with-classpath-exception", "GPL-2.0-only WITH Classpath-exception-2.0"),
        ("GPL-2.0-only WITH Classpath-exception-2.0 OR MIT", "GPL-2.0-only WITH Classpath-exception-2.0 OR MIT"),
        ("Apache-2.0+", "Apache-2.0+"),
        ("MIT/Apache-2.0", "MIT OR Apache-2.0"),
        ("License :: OSI Approved :: MIT License", "MIT"),
        ("MPLv2.0", "MPL-2.0"),
        ("AGPLv3", "AGPL-3.0-only"),
        ("Public Domain", "LicenseRef-public-domain"),
        ("LicenseRef-Ours", "LicenseRef-Ours"),
        ("MIT AND", "MIT AND"),
        ("see the file", "see the file"),
    ],
)
def test_a_text_is_read_as_an_expression(text: str, read: str) -> None:
    assert str(read_terms(text)) == read


@pytest.mark.parametrize(
    ("name", "category"),
    [
        ("MIT", "permissive"),
        ("CC0-1.0", "public-domain"),
        ("LGPL-2.1+", "weak-copyleft"),
        ("GPL-3.0-only", "strong-copyleft"),
        ("GPL-3.0-only WITH GCC-exception-3.1", "weak-copyleft"),
        ("AGPL-3.0-or-later", "network-copyleft"),
        ("BUSL-1.1", "proprietary"),
        ("UNLICENSED", "proprietary"),
        ("CC-BY-NC-SA-3.0-DE", "proprietary"),
        ("Our Own Licence", "unknown"),
    ],
)
def test_a_licence_has_a_category(name: str, category: str) -> None:
    assert [licence.category for licence in licences_of(read_terms(name))] == [category]


def test_all_texts_of_a_package_hold_and_a_choice_is_a_choice() -> None:
    terms = terms_of(["MIT OR GPL-2.0-only", "ISC", "MIT OR GPL-2.0-only"])
    assert terms is not None
    assert holds(terms, lambda licence: licence.name in ("MIT", "ISC"))
    assert not holds(terms, lambda licence: licence.name == "MIT")


def test_or_later_may_be_met_by_a_later_version() -> None:
    assert "GPL-3.0-only" in Licence("GPL-2.0-or-later").choices
    assert "GPL-1.0-only" not in Licence("GPL-2.0-or-later").choices
    assert "GPL-3.0-only" not in Licence("GPL-2.0-only").choices
    assert "Apache-2.0" in Licence("Apache-2.0+").choices


@pytest.mark.parametrize("text", ["", " ", "UNKNOWN", "NOASSERTION", "none"])
def test_a_text_that_says_nothing_is_no_licence(text: str) -> None:
    assert terms_of([text]) is None


@given(
    st.text(max_size=60)
    | st.lists(st.sampled_from(["mit", "AND", "or", "(", ")", ", and", "gpl-2+", "with"])).map(" ".join)
)
def test_any_text_is_read_as_something_that_has_a_category(text: str) -> None:
    assert all(licence.category for licence in licences_of(read_terms(text)))


@pytest.mark.parametrize(
    "text", ["(" * 5000, "(" * 1500 + "mit" + ")" * 1500, "mit, and " * 400 + "mit", "mit or " * 500 + "mit"]
)
def test_texts_made_to_be_hard_are_read(text: str) -> None:
    assert licences_of(read_terms(text))
