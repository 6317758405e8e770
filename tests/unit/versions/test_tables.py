"""Each scheme's table of facts: tests/versions/SCHEME.txt, one a line. Lines with `!` are texts that it must refuse."""

from __future__ import annotations

import re

import pytest

from hullmark import versions
from hullmark.versions import SCHEMES, InvalidVersion, Scheme, scheme_for, scheme_named
from tests.support.places import REPOSITORY

TABLES = REPOSITORY / "tests" / "versions"
SIGNS = {"<": -1, "=": 0, ">": 1}
FACT = re.compile(r"(\S+) ([<=>]) (\S+)").fullmatch


def lines(scheme: Scheme) -> list[str]:
    text = (TABLES / f"{scheme.name}.txt").read_text("utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: str(scheme.name))
def test_a_scheme_keeps_to_every_line_of_its_table(scheme: Scheme) -> None:
    for line in lines(scheme):
        fact = FACT(line)
        if fact is None:
            continue
        a, expected, b = fact[1], SIGNS[fact[2]], fact[3]
        assert (scheme.compare(a, b), scheme.compare(b, a)) == (expected, -expected), line
        assert scheme.compare(a, a) == scheme.compare(b, b) == 0


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: str(scheme.name))
def test_a_scheme_refuses_what_its_table_says_it_refuses(scheme: Scheme) -> None:
    refused = [line[1:].strip() for line in lines(scheme) if line.startswith("!")]
    assert refused
    for text in refused:
        with pytest.raises(InvalidVersion):
            scheme.compare(text, "1")


def test_every_scheme_is_listed_once_and_every_module_with_a_scheme_is_listed() -> None:
    folder = REPOSITORY / "src" / "hullmark" / "versions"
    modules = {path.stem for path in folder.glob("*.py") if "\nSCHEME = " in path.read_text("utf-8")}
    assert sorted(scheme.name for scheme in SCHEMES) == sorted(modules)
    assert {path.stem for path in TABLES.glob("*.txt")} == modules


def test_no_two_schemes_order_the_same_type() -> None:
    types = [kind for scheme in SCHEMES for kind in scheme.types]
    assert len(types) == len(set(types))


def test_no_two_schemes_have_the_same_name_or_alias() -> None:
    names = [name for scheme in SCHEMES for name in (scheme.name, *scheme.aliases)]
    assert len(names) == len(set(names))
    assert scheme_named("fuzzy") is scheme_named("generic")


def test_a_type_without_a_scheme_is_ordered_by_the_generic_one() -> None:
    assert scheme_for("deb") is scheme_named("deb")
    assert scheme_for("brew") is versions.generic.SCHEME
    assert scheme_named("no such scheme") is None
