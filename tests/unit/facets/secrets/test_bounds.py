"""What a hostile text can cost: every repeat has an end, and keywords that are met bound how often expressions are tried."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

from hullmark.facets.secrets.finder import Finder, own_finder
from hullmark.facets.secrets.keywords import MAX_MEETINGS
from hullmark.facets.secrets.kind import Kind
from hullmark.facets.secrets.kinds import KINDS
from hullmark.facets.secrets.search import LEAD, OVERLAP
from tests.unit.facets.secrets.samples import SAMPLES

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
        "account-password-hash",
        "assigned-secret",
        "netrc-password",
        "old-password-hash",
        "pgpass-password",
        "redis-password",
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


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.id)
def test_every_repeat_has_an_end(kind: Kind) -> None:
    for expression in (kind.pattern, kind.tail):
        # The module's parser is the only one that reads all of Python's language.
        most = list(_repeats(_PARSER.parse(expression)))
        assert max(most, default=0) <= 16_000


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
    finder = Finder(kinds)
    counted = [_Counted(kind.compiled()) for kind in kinds]
    finder._patterns = list(counted)  # type: ignore[arg-type]
    finder.find(body, "")
    return sum(each.tries for each in counted)


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind.keywords and not kind.is_whole], ids=lambda kind: kind.id
)
def test_an_expression_is_tried_a_few_times_for_each_keyword(kind: Kind) -> None:
    for text in kind.keywords:
        unit = text + b"a"
        count = 2000
        assert _tries((kind,), unit * count) <= _MOST_FOLLOWERS * len(kind.keywords) * count


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind.before and not kind.is_whole], ids=lambda kind: kind.id
)
def test_no_expression_begins_behind_its_keyword(kind: Kind) -> None:
    # From there on it would begin anew at every letter of all that is looked at around each keyword.
    text, _ = SAMPLES[kind.id]
    pattern = kind.compiled()
    found = re.compile(kind.pattern).search(text.encode())
    assert found is not None
    assert pattern.match(b"\n" * (kind.before - found.start()) + text.encode()) is not None
    assert pattern.match(b"\n" * (kind.before + 1) + text.encode()[found.start() :]) is None


def test_what_is_met_too_often_is_not_followed_up() -> None:
    kind = Kind("k", "", "low", (b"ab",), rb"abc")
    assert _tries((kind,), b"ab" * (MAX_MEETINGS + 1000)) == MAX_MEETINGS


def test_no_more_than_so_many_kinds_wait_for_one_keyword() -> None:
    keywords = [(text, kind.any_case) for kind in KINDS for text in kind.keywords]
    assert max(keywords.count(each) for each in keywords) <= _MOST_FOLLOWERS


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
