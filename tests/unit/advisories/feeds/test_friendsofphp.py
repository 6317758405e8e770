"""FriendsOfPHP's advisories: branches as ranges."""

from __future__ import annotations

from hypothesis import given

from hullmark.advisories.feeds.friendsofphp import FEED
from hullmark.model.advisory import Range
from tests.unit.advisories.feeds.counts import check_any_bytes, check_damaged_document, manifest_count, real
from tests.unit.advisories.feeds.reading import advisories, damaged, read, tar_document

PATH = ("github.com", "FriendsOfPHP", "security-advisories", "archive", "refs", "heads", "master.tar.gz")
URL = "https://" + "/".join(PATH)
PLACE = "security-advisories-master/symfony/http-kernel/CVE-2022-24894.yaml"
ENTRY = """
title: "CVE-2022-24894: Prevent storing cookie headers in HttpCache"
link: https://symfony.com/cve-2022-24894
cve: CVE-2022-24894
branches:
    2.0:
        time: 2023-01-31 18:30:00
        versions: ['>=2.0.0', '<2.1.0']
    5.4.x:
        time: 2023-02-01 18:30:00
        versions: ['>=5.4.0', '<=5.4.20']
    master:
        time: null
        versions: ['<0.5']
reference: composer://Symfony/http-kernel
"""
GOOD = tar_document(URL, {PLACE: ENTRY, "security-advisories-master/.github/workflows/php.yaml": "name: x"})


def test_each_branch_is_a_range() -> None:
    found = advisories(FEED, GOOD)["symfony/http-kernel/CVE-2022-24894"]
    (affected,) = found.affected
    assert (affected.namespace, affected.name, affected.scheme) == ("composer", "symfony/http-kernel", "packagist")
    assert affected.ranges == (
        Range(low="2.0.0", high="2.1.0", fixed="2.1.0"),
        Range(low="5.4.0", high="5.4.20", high_open=False),
        Range(high="0.5", fixed="0.5"),
    )
    assert (affected.fix_state, affected.fix_date) == ("unknown", "2023-01-31")
    assert (found.aliases, found.references) == (("CVE-2022-24894",), ("https://symfony.com/cve-2022-24894",))


def test_files_that_cannot_be_read_cost_only_themselves() -> None:
    bad = {
        "x/a/b/1.yaml": "a: [",
        "x/a/b/2.yaml": "title: x",
        "x/a/b/3.yaml": "reference: npm://x\nbranches: {}",
        "x/a/b/4.yaml": "reference: composer://a/b\nbranches: {1: {versions: ['~~1']}}",
    }
    records, problems = read(FEED, tar_document(URL, {**bad, PLACE: ENTRY}))
    assert len(records) == 1
    assert [place for place, _ in problems] == list(bad)
    check_damaged_document(FEED, GOOD)


@given(damaged(GOOD.data))
def test_any_bytes_are_read_to_an_end(data: bytes) -> None:
    check_any_bytes(FEED, URL, data)


@given(damaged(ENTRY.encode()))
def test_any_yaml_is_read_to_an_end(data: bytes) -> None:
    check_any_bytes(FEED, URL, tar_document(URL, {PLACE: data}).data)


def test_every_file_of_the_real_archive_is_an_advisory() -> None:
    found = real(FEED, *PATH)
    # The manifest counts files that end in .yaml: one of them tells the repository's own checks what to do.
    assert len(found) == manifest_count(*PATH) - 1
    assert all(each.affected[0].ranges for each in found.values())
