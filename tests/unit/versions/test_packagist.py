"""Composer's versions and constraints; PHP and Composer's own library, if they are installed, as oracle."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.versions import packagist
from hullmark.versions.condition import MAX_CONDITION
from tests.unit.versions.test_semver import (
    ANY_TEXT,
    BATCHES,
    VERSION,
    any_text_is_a_range_or_refused,
    bounds,
    every_fact_holds,
    key_is_in_order,
    near,
)

AUTOLOAD = Path("/usr/share/php/Composer/Semver/autoload.php")
NEEDS_PHP = pytest.mark.skipif(shutil.which("php") is None, reason="PHP is not installed")
NEEDS_COMPOSER = pytest.mark.skipif(
    shutil.which("php") is None or not AUTOLOAD.is_file(), reason="Composer's semver library is not installed"
)


def php(body: str, questions: list[Any]) -> list[Any]:
    """Answers of PHP: `body` is a function of `$question`."""
    load = f"require {json.dumps(str(AUTOLOAD))};" if AUTOLOAD.is_file() else ""
    script = f"""
        {load}
        $answer = function ($question) {{ {body} }};
        echo json_encode(array_map($answer, json_decode(file_get_contents("php://stdin"))));
    """
    output = subprocess.run(
        ["php", "-r", script], input=json.dumps(questions), capture_output=True, text=True, check=True
    )
    return list(json.loads(output.stdout))


def test_every_known_fact_holds() -> None:
    every_fact_holds(packagist.SCHEME, 2616)


@given(near(VERSION))
def test_keys_sort_as_versions_do(pair: tuple[str, str]) -> None:
    key_is_in_order(packagist.SCHEME, *pair)


@given(ANY_TEXT, ANY_TEXT)
def test_any_text_has_a_key_or_is_refused(a: str, b: str) -> None:
    key_is_in_order(packagist.SCHEME, a, b)


RELEASE = st.lists(st.sampled_from(["0", "1", "2", "10", "01"]), min_size=1, max_size=4).map(".".join)
WORD = st.sampled_from(["alpha", "a", "beta", "b", "RC", "rc", "patch", "pl", "p", "stable"])
STABILITY = st.one_of(
    st.just(""),
    st.builds(
        "{}{}{}{}".format,
        st.sampled_from(["-", "-", ".", "_", ""]),
        WORD,
        st.sampled_from(["", "1", "2", "10", ".1", "-2", "2.1"]),
        st.sampled_from(["", "", "-dev"]),
    ),
    st.just("-dev"),
)
COMPOSER = st.builds(
    "{}{}{}{}".format, st.sampled_from(["", "v"]), RELEASE, STABILITY, st.sampled_from(["", "", "+1", "+build.2"])
)
LOOSE = st.builds(
    "{}{}".format, RELEASE, st.sampled_from(["", "-BETA1", "foo", "-p1", "dev", ".post1", "-ALPHA.2", "#", "_b1"])
)


@NEEDS_PHP
@BATCHES
@given(st.lists(near(st.one_of(COMPOSER, LOOSE)), min_size=30, max_size=60))
def test_versions_are_ordered_as_php_does(pairs: list[tuple[str, str]]) -> None:
    pairs = [(a.lstrip("v"), b.lstrip("v")) for a, b in pairs if "#" not in a + b]
    answers = php("return version_compare(...$question);", [list(pair) for pair in pairs])
    for (a, b), expected in zip(pairs, answers, strict=True):
        assert packagist.compare(a, b) == expected, (a, b)


@NEEDS_COMPOSER
@BATCHES
@given(st.lists(near(COMPOSER), min_size=30, max_size=60))
def test_bounds_are_compared_as_composer_does_after_it_normalised_both(pairs: list[tuple[str, str]]) -> None:
    body = """
        $parser = new Composer\\Semver\\VersionParser();
        try { return version_compare(...array_map([$parser, 'normalize'], $question)); } catch (Exception $e) { return null; }
    """
    for (a, b), expected in zip(pairs, php(body, [list(pair) for pair in pairs]), strict=True):
        if expected is not None:
            assert packagist.against_bound(a, b) == expected, (a, b)


# Composer forgets the pre-releases of a lower bound with build metadata: `^1+2` begins with 1, `^1` with 1-dev.
BOUND = COMPOSER.map(lambda version: version.partition("+")[0])
TERM = st.one_of(
    st.builds("{}{}".format, st.sampled_from(["", "=", "==", "!=", "<>", "<", "<=", ">", ">=", "^", "~"]), BOUND),
    st.builds(
        "{}{}@{}".format,
        st.sampled_from(["", "<", ">=", "^"]),
        RELEASE,
        st.sampled_from(["dev", "beta", "RC", "stable"]),
    ),
    st.builds("{}{}.{}".format, st.sampled_from(["", "v"]), RELEASE, st.sampled_from(["*", "x", "X", "*.*", "x-dev"])),
    st.builds("{}{}.x-dev".format, st.sampled_from(["", "^", "~", ">="]), RELEASE),
    st.sampled_from(["*", "@dev", "dev-main", "!=dev-main"]),
)
PART = st.one_of(
    st.builds("{}{}{}".format, TERM, st.sampled_from([" ", ",", ", "]), TERM),
    TERM,
    st.builds("{} - {}".format, BOUND, BOUND),
)
CONSTRAINT = st.lists(PART, min_size=1, max_size=2).map(" || ".join)
SATISFIES = """
    try {
        $parser = new Composer\\Semver\\VersionParser();
        $constraint = $parser->parseConstraints($question[0]);
        return array_map(fn ($v) => $constraint->matches(new Composer\\Semver\\Constraint\\Constraint('==', $parser->normalize($v))),
            $question[1]);
    } catch (Exception $e) { return null; }
"""


@NEEDS_COMPOSER
@BATCHES
@given(st.lists(st.tuples(CONSTRAINT, st.lists(COMPOSER, min_size=2, max_size=6)), min_size=10, max_size=30))
def test_constraints_hold_as_composer_reads_them(questions: list[tuple[str, list[str]]]) -> None:
    for (text, versions), answers in zip(questions, php(SATISFIES, [list(one) for one in questions]), strict=True):
        if answers is None:
            continue
        condition = packagist.ranges(text)
        for version, expected in zip(versions, answers, strict=True):
            assert condition.holds(version, packagist.SCHEME) == expected, (text, version)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("*", ""),
        ("1.2", "=1.2"),
        ("<1.2", "<1.2-dev"),
        (">=1.2-beta", ">=1.2-beta"),
        ("<= 1.2 , > 1.0", "<=1.2 >1.0"),
        ("<>1.2", "!=1.2"),
        ("^1.2", ">=1.2.0.0-dev <2.0.0.0-dev"),
        ("^0.3", ">=0.3.0.0-dev <0.4.0.0-dev"),
        ("^0.0.3", ">=0.0.3.0-dev <0.0.4.0-dev"),
        ("~1.2", ">=1.2.0.0-dev <2.0.0.0-dev"),
        ("~1.2.3", ">=1.2.3.0-dev <1.3.0.0-dev"),
        ("~1.2-RC1", ">=1.2-rc1 <2.0.0.0-dev"),
        ("1.2.*", ">=1.2.0.0-dev <1.3.0.0-dev"),
        ("1.0 - 2.0", ">=1.0.0.0-dev <2.1.0.0-dev"),
        ("1.0 - 2.0.1", ">=1.0.0.0-dev <=2.0.1"),
        (">=1.0@beta", ">=1.0-beta"),
        ("^1.0@dev", ">=1.0.0.0-dev <2.0.0.0-dev"),
        ("dev-main", "<0-dev"),
        ("!=dev-main", ""),
        ("1.0 || 1.x-Fix-dev", "=1.0 || <0-dev"),
        (">=1.0 <1.1|>=1.2", ">=1.0-dev <1.1-dev || >=1.2-dev"),
    ],
)
def test_a_constraint_means_these_bounds(text: str, expected: str) -> None:
    assert bounds(packagist.ranges(text)) == expected


@pytest.mark.parametrize("text", ["foo", ">", "~>1.2", "^x", "1 || ", "1..2 - b", "1" * (MAX_CONDITION + 1)])
def test_what_is_no_constraint_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="condition"):
        packagist.ranges(text)


@pytest.mark.parametrize(
    ("text", "version", "expected"),
    [
        ("<1.0.0", "1.0", False),
        ("=1.0.0", "1.0", True),
        ("<2.0", "2.0-BETA1", False),
        (">=2.0", "2.0-BETA1", True),
        ("^5.0", "5.1.x-dev", True),
        ("<=1.0", "1.0+build", True),
    ],
)
def test_a_constraint_looks_at_normalised_versions(text: str, version: str, expected: bool) -> None:
    assert packagist.ranges(text).holds(version, packagist.SCHEME) is expected


@given(ANY_TEXT)
def test_any_text_is_a_constraint_or_refused(text: str) -> None:
    any_text_is_a_range_or_refused(packagist.SCHEME, text)
