"""What a hostile text can cost: every repeat has an end, and keywords that are met bound how often expressions are tried."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

from hullmark.facets.secrets.finder import MOST_ISSUERS, Finder, own_finder
from hullmark.facets.secrets.keywords import MAX_MEETINGS, OneByOne
from hullmark.facets.secrets.kind import Kind
from hullmark.facets.secrets.kinds import KINDS
from hullmark.facets.secrets.search import LEAD, OVERLAP
from tests.unit.facets.secrets.samples import SAMPLES
from tests.unit.facets.secrets.scanner_rules import all_samples

_PARSER: Any = import_module("re._parser")
_MOST_FOLLOWERS = 4
_CONTEXTS = (
    "KEY={}",
    'export KEY="{}"',
    "key: '{}'",
    '{{"key": "{}", "x": 1}}',
    "--key={} ",
    "({})",
    "{},x;",
    "<a>{}</a>",
)
# They go by the lines of a file, or by what a value ends with.
_OF_LINES = frozenset(
    (
        "program-password",
        "rails-key",
        "secret-in-a-file-of-secrets",
        "vpn-login",
        "account-password-hash",
        "assigned-secret",
        "netrc-password",
        "old-password-hash",
        "pgpass-password",
        "php-password",
        "redis-password",
        "vpnc-password",
    )
)


def _repeats(parsed: Any) -> Iterator[int]:
    """The most that each repeat in a parsed expression takes."""
    for operator, argument in parsed:
        name = str(operator)
        if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            yield argument[1]
            yield from _repeats(argument[2])
        elif name == "SUBPATTERN":
            yield from _repeats(argument[3])
        elif name == "BRANCH":
            for branch in argument[1]:
                yield from _repeats(branch)
        elif name in ("ASSERT", "ASSERT_NOT"):
            yield from _repeats(argument[1])


def test_every_repeat_has_an_end() -> None:
    for kind in KINDS:
        for expression in (kind.pattern, kind.tail):
            # The module's parser is the only one that reads all of Python's language.
            most = list(_repeats(_PARSER.parse(expression)))
            assert max(most, default=0) <= 16_000, kind.id


class _Counted:
    """A pattern that counts how often it is tried."""

    def __init__(self, pattern: re.Pattern[bytes]) -> None:
        self._pattern = pattern
        self.tries = 0

    def match(self, *where: Any) -> re.Match[bytes] | None:
        self.tries += 1
        return self._pattern.match(*where)

    def search(self, *where: Any) -> re.Match[bytes] | None:
        self.tries += 1
        return self._pattern.search(*where)


def _tries(kinds: tuple[Kind, ...], body: bytes) -> int:
    finder = Finder(kinds, OneByOne)
    counted = [_Counted(kind.compile_pattern()) for kind in kinds]
    finder._patterns = list(counted)  # type: ignore[arg-type]
    finder.find(body, "")
    return sum(each.tries for each in counted)


def test_an_expression_is_tried_a_few_times_for_each_keyword() -> None:
    kinds = {(kind.keywords, kind.issuers[:1]): kind for kind in KINDS if kind.keywords and not kind.is_whole}
    for kind in kinds.values():
        issuer = kind.issuers[0] if kind.issuers else b""
        for text in kind.keywords if not issuer else kind.keywords[:1]:
            unit = issuer + text + b"a"
            assert _tries((kind,), unit * 500) <= _MOST_FOLLOWERS * len(kind.keywords) * 500, kind.id


def test_no_expression_begins_behind_its_keyword() -> None:
    # From there on it would begin anew at every letter of all that is looked at around each keyword.
    samples = all_samples()
    for kind in KINDS:
        if kind.before and not kind.is_whole and not kind.issuers:
            text, pattern = samples[kind.id], kind.compile_pattern()
            found = re.compile(kind.pattern).search(text)
            assert found is not None, kind.id
            assert pattern.match(b"\n" * (kind.before - found.start()) + text) is not None, kind.id
            assert pattern.match(b"\n" * (kind.before + 1) + text[found.start() :]) is None, kind.id


def test_what_is_met_too_often_is_not_followed_up() -> None:
    kind = Kind("k", "", "low", (b"ab",), rb"abc")
    assert _tries((kind,), b"ab" * (MAX_MEETINGS + 1000)) == MAX_MEETINGS


def test_no_more_than_so_many_kinds_wait_for_one_keyword() -> None:
    keywords = Counter((text, kind.any_case) for kind in KINDS if not kind.issuers for text in kind.keywords)
    assert max(keywords.values()) <= _MOST_FOLLOWERS
    assert max(Counter(word for kind in KINDS for word in kind.issuers).values()) <= _MOST_FOLLOWERS


def test_of_many_issuers_in_one_name_the_last_count() -> None:
    kinds = tuple(Kind(f"k{at}", "", "low", (b"key",), b"x", before=60, issuers=(b"n%d" % at,)) for at in range(9))
    assert _tries(kinds, b"n1_n2_n3_n4_n5_n6_n7_key") == MOST_ISSUERS


def test_pieces_of_large_files_reach_as_far_as_a_secret_does() -> None:
    in_any_file = [kind for kind in KINDS if not kind.names]
    assert max(kind.before for kind in in_any_file) < LEAD - 100
    assert max(kind.after for kind in in_any_file) + 100 < OVERLAP


@pytest.mark.parametrize("kind", sorted(set(SAMPLES) - _OF_LINES))
def test_a_secret_is_found_whatever_it_is_given_to(kind: str) -> None:
    text, name = SAMPLES[kind]
    for context in _CONTEXTS:
        body = context.format(text).encode()
        assert kind in {spot.kind.id for spot in own_finder().find(body, name).found}, context
