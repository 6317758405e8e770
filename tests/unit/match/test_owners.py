"""A language's package that a distribution's package owns: what the distribution says of the owner holds for it."""

from __future__ import annotations

import pytest

from hullmark.model.advisory import Affected
from tests.support.books import advisory, affected, book_of, counted, matched, package

OWNER = package("apk", "py3-x", "1.0-r2", purl="pkg:apk/alpine/py3-x@1.0-r2")
OWNED = package("pypi", "x", "1.0", owned_by=OWNER.purl)
UPSTREAM = advisory("GHSA-1", affected("pypi", "x", "pep440", "2"), aliases=("CVE-1-1",))


def alpine(below: str, name: str = "py3-x", **more: object) -> Affected:
    return affected("alpine:3.18", name, "apk", below, **more)


WORDS = [
    (alpine("1.0-r2"), "it belongs to py3-x 1.0-r2, and Alpine 3.18.4 records that it is sound"),
    (alpine("", kind="unaffected"), "it belongs to py3-x 1.0-r2, and Alpine 3.18.4 records that it is sound"),
    (alpine("1.0-r3"), "it belongs to py3-x 1.0-r2, for which it is reported"),
    (alpine("1.0-r2", "other"), None),
    (alpine("1.0-r2", arch="armhf"), None),
]


@pytest.mark.parametrize(("word", "reason"), WORDS)
def test_where_the_distribution_speaks_of_the_owner_its_word_counts(word: Affected, reason: str | None) -> None:
    owner = package("apk", "py3-x", "1.0-r2", purl=OWNER.purl, arch="x86_64")
    result = matched(book_of(UPSTREAM, advisory("CVE-1-1", word)), [owner, OWNED], "alpine:3.18.4")
    (suppressed,) = [match.suppressed for match in result.matches if match.package.type == "pypi"]
    assert (suppressed and suppressed.reason) == reason


def test_of_two_words_about_one_vulnerability_the_worse_counts() -> None:
    words = [advisory("CVE-1-1", alpine("1.0-r1"), alpine("1.0-r3")), advisory("CVE-9-9", alpine("1.0-r1"))]
    found = matched(book_of(UPSTREAM, *words), [OWNER, OWNED], "alpine:3.18.4")
    assert set(counted(found)) == {("py3-x", "CVE-1-1")}


def test_what_the_owner_was_mended_of_under_another_id_clears_nothing() -> None:
    book = book_of(UPSTREAM, advisory("CVE-1-2", alpine("1.0-r2")))
    assert counted(matched(book, [OWNER, OWNED], "alpine:3.18.4")) == {("x", "GHSA-1"): "2"}
