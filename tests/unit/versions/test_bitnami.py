"""Bitnami's versions: revisions come after."""

from __future__ import annotations

from hypothesis import given

from hullmark.versions import bitnami
from hullmark.versions.condition import parse_condition
from tests.unit.versions.test_semver import ANY_TEXT, VERSION, every_fact_holds, key_is_in_order, near


def test_every_known_fact_holds() -> None:
    every_fact_holds(bitnami.SCHEME, 34)


@given(near(VERSION))
def test_keys_sort_as_versions_do(pair: tuple[str, str]) -> None:
    key_is_in_order(bitnami.SCHEME, *pair)


@given(ANY_TEXT, ANY_TEXT)
def test_any_text_has_a_key_or_is_refused(a: str, b: str) -> None:
    key_is_in_order(bitnami.SCHEME, a, b)


def test_a_revision_counts_only_if_the_bound_has_one() -> None:
    assert parse_condition("= 1.2.3").holds("1.2.3-4", bitnami.SCHEME)
    assert not parse_condition("> 1.2.3").holds("1.2.3-4", bitnami.SCHEME)
    assert parse_condition("< 1.2.3-4").holds("1.2.3-3", bitnami.SCHEME)
    assert parse_condition("< 1.2.3-4").holds("1.2.3", bitnami.SCHEME)
    assert parse_condition("< 1.2.3").holds("1.2.3-rc.1-7", bitnami.SCHEME)
