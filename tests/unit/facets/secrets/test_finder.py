"""Finding secrets: what overlaps, what is hostile, and that the two ways to meet keywords agree."""

from __future__ import annotations

import sys
from functools import cache

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hullmark.facets.secrets.finder import MAX_SECRETS, Finder, digest_of, keywords_of, lines_of, own_finder
from hullmark.facets.secrets.keywords import MAX_MEETINGS, Hyperscan, Keyword, OneByOne, keywords
from hullmark.facets.secrets.kind import Kind
from hullmark.facets.secrets.kinds import KINDS
from tests.unit.facets.secrets.samples import HEX, SAMPLES, some

_KEYWORDS = tuple(dict.fromkeys(keyword for kind in KINDS for keyword in keywords_of(kind)))
_PIECES = sorted({text for keyword in _KEYWORDS for text in (keyword.text, *keyword.others)}) + [
    text.encode() for text, _ in SAMPLES.values()
]
_TEXTS = st.lists(
    st.sampled_from(_PIECES)
    | st.binary(max_size=6)
    | st.sampled_from([b"\n", b" ", b"a", b"=", b":", b"@", b'"', b"abcdefgh"]),
    max_size=12,
).map(b"".join)


@cache
def _with_and_without() -> tuple[Hyperscan, OneByOne]:
    return Hyperscan(_KEYWORDS), OneByOne(_KEYWORDS)


@given(_TEXTS)
@example(b'api-key"private_key"algolia\x02')
def test_keywords_are_met_alike_with_and_without_the_library(body: bytes) -> None:
    pytest.importorskip("hyperscan", reason="hyperscan is not installed")
    one, other = _with_and_without()
    for text in (body, body.upper()):
        assert one.meetings(text) == other.meetings(text)


@given(_TEXTS)
def test_secrets_are_apart_in_order_and_inside_the_body(body: bytes) -> None:
    spots = own_finder().find(body, "app.conf").found
    ends = [0]
    for spot in spots:
        assert ends[-1] <= spot.start < spot.end <= len(body)
        ends.append(spot.end)
    assert list(lines_of(body, spots)) == [body.count(b"\n", 0, spot.start) + 1 for spot in spots]


def test_keywords_that_overlap_are_all_met() -> None:
    wanted = (Keyword(b"aa"), Keyword(b"aab"), Keyword(b"ab", any_case=True))
    assert OneByOne(wanted).meetings(b"aaab AB").found == [(0, 2), (0, 3), (1, 4), (2, 4), (2, 7)]


def test_of_kinds_that_overlap_the_first_counts() -> None:
    kinds = (Kind("first", "", "low", (b"b",), rb"bc+"), Kind("second", "", "low", (b"ab",), rb"abc+d"))
    assert [(spot.kind.id, spot.start, spot.end) for spot in Finder(kinds).find(b"abccd").found] == [("first", 1, 4)]


def test_a_secret_with_text_before_its_keyword_is_found_once_and_whole() -> None:
    body = f"{some(HEX, 32)}-us1 {some(HEX, 32, 'b')}-us2".encode()
    assert [(spot.start, spot.end) for spot in own_finder().find(body).found] == [(0, 36), (37, 73)]


def test_kinds_go_by_the_name_of_the_file() -> None:
    kind = Kind("k", "", "low", (b"key=",), rb"key=(?P<s>\w+)", names=(".conf",))
    finder = Finder((kind,))
    assert [len(finder.find(b"key=x", name).found) for name in ("a.conf", "a.txt", "")] == [1, 0, 1]


def test_very_many_secrets_are_cut_and_it_is_said() -> None:
    line = SAMPLES["sonar-token"][0].encode() + b"\n"
    spots = own_finder().find(line * (MAX_SECRETS + 1))
    assert len(spots.found) == MAX_SECRETS
    assert spots.is_cut
    assert not own_finder().find(line * 10).is_cut


def test_very_many_keywords_without_secrets_are_cut_and_it_is_said() -> None:
    spots = own_finder().find(b"dop_v1_ " * (MAX_MEETINGS + 1))
    assert spots.found == []
    assert spots.is_cut


# Each would take minutes if an expression went back and forth over it, and takes a moment if none does.
_HOSTILE = [
    *(keyword.text + keyword.text[:1] for keyword in _KEYWORDS),
    b"-----BEGIN PRIVATE KEY-----\n" + b"A" * 64 + b"\n",
    b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: x-\n",
    b"-----BEGIN A A A PRIVATE KEY----",
    b"PuTTY-User-Key-File-2: x\nEncryption: none\nComment: \nPublic-Lines: 1\n",
    b"machine a login b ",
    b"a://a:a:",
    b"eyJaaaaaaaaaaaa.",
    b"password=aaaaaaa ",
    b'"auth": "aaaaaaa',
    b"$6$a$",
    b":a:1:",
    b"A" * 20 + b"8Q~",
]


@pytest.mark.parametrize("unit", sorted(set(_HOSTILE)), ids=lambda unit: unit[:24].decode("latin-1").strip())
def test_hostile_repetitions_are_searched_to_the_end(unit: bytes) -> None:
    body = unit * ((12 << 10) // len(unit))
    assert len(own_finder().find(body, "").found) <= MAX_SECRETS


@pytest.mark.parametrize("unit", [b"a", b":", b"a:", b"a:aaaaaaaaaaaaa", b"a:$1$", b"a:$1$aaaaaaaa", b"!*", b"a:!!!\n"])
def test_hostile_tables_of_accounts_are_searched_to_the_end(unit: bytes) -> None:
    body = unit * ((128 << 10) // len(unit))
    assert len(own_finder().find(body, "shadow").found) <= MAX_SECRETS


@pytest.mark.parametrize("filler", [b" ", b"A", b"a", b"-", b"\n", b"\t", b"=", b":", b"\\n", b"aB3$"])
def test_long_runs_after_a_beginning_are_searched_to_the_end(filler: bytes) -> None:
    run = filler * ((20 << 10) // len(filler))
    for keyword in _KEYWORDS:
        assert not own_finder().find(keyword.text + run, "x.conf").is_cut


def test_digests_tell_equal_secrets_and_need_the_salt() -> None:
    assert digest_of(b"x", b"salt") == digest_of(b"x", b"salt")
    assert digest_of(b"x", b"salt") != digest_of(b"y", b"salt")
    assert digest_of(b"x", b"salt") != digest_of(b"x", b"pepper")
    assert len(digest_of(b"x", b"")) == 16


def test_keywords_are_met_where_the_library_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hyperscan", None)
    assert keywords((Keyword(b"aa"), Keyword(b"b", any_case=True))).meetings(b"aaB").found == [(0, 2), (1, 3)]
