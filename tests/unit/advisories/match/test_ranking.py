"""Whose word decides: one database for each vulnerability of a package; what lesser ones say against it is set aside and seen."""

from __future__ import annotations

import pytest

from hullmark.advisories.feeds import load
from hullmark.advisories.match.ranking import RANKINGS, database_of, decides, is_maintained_by, maintainers, rank
from hullmark.model.advisory import EVERY_VERSION, Advisory, AffectedPackage, Range
from tests.support.matching import advisory, affected, matched, package, snapshot_of

NAME = "g:a"
OLD = affected("maven", NAME, "maven", "2.9.10")
NEW = affected("maven", NAME, "maven", "2.9.11")
HERE = package("maven", "a", "2.9.10", space="g")


def ghsa(*parts: AffectedPackage, id: str = "GHSA-1", source: str = "ghsa", cve: str = "CVE-1-1") -> Advisory:
    return advisory(id, *parts, source=source, aliases=(cve,))


def lesser(source: str, part: AffectedPackage, *aliases: str, id: str = "CVE-1-1") -> Advisory:
    return advisory(id, part, source=source, aliases=aliases)


@pytest.mark.parametrize("source", ["sap", "nodejs", "somebody"])
@pytest.mark.parametrize("road", ["ghsa", "github-api", "github", "osv"])
def test_what_a_lesser_database_says_against_the_maintainers_word_is_set_aside_with_the_reason(
    source: str, road: str
) -> None:
    (match,) = matched(snapshot_of(ghsa(OLD, source=road), lesser(source, NEW)), [HERE]).matches
    assert match.suppressed is not None
    assert (match.advisory.source, match.suppressed.by) == (source, "not-affected")
    assert match.suppressed.reason == "GHSA-1 says that 2.9.10 is not affected"


def test_what_the_maintainer_is_silent_about_counts_and_is_marked() -> None:
    other = affected("maven", "g:other", "maven", "9")
    (match,) = matched(snapshot_of(ghsa(other), lesser("sap", NEW)), [HERE]).matches
    assert match.suppressed is None
    assert match.advisory.unlisted_by == "GHSA"
    assert match.why == "g:a 2.9.10 < 2.9.11, Maven, by sap alone, which GHSA does not list"


@pytest.mark.parametrize("aliases", [("CVE-1-1",), ("CVE-1-1", "CVE-1-2")])
@pytest.mark.parametrize(
    ("ranges", "versions", "counts"),
    [
        ((Range(low="2.9.11", fixed="2.9.11"),), (), True),
        ((Range(high="2.0"),), (), True),
        ((), ("2.9.11",), True),
        ((), ("2.9.10",), False),
        ((EVERY_VERSION,), (), False),
    ],
)
def test_who_calls_some_versions_unaffected_says_nothing_of_the_others(
    ranges: tuple[Range, ...], versions: tuple[str, ...], counts: bool, aliases: tuple[str, ...]
) -> None:
    safe = affected("maven", NAME, "maven", kind="unaffected", ranges=ranges, versions=versions)
    better = advisory("GHSA-1", safe, source="ghsa", aliases=aliases)
    (match,) = matched(snapshot_of(better, lesser("sap", NEW)), [HERE]).matches
    assert (match.suppressed is None) is counts


def test_who_also_says_which_versions_are_affected_decides_of_all() -> None:
    safe = affected("maven", NAME, "maven", kind="unaffected", versions=("2.9.11",), ranges=())
    (match,) = matched(snapshot_of(ghsa(OLD, safe), lesser("sap", NEW)), [HERE]).matches
    assert match.suppressed is not None
    assert match.suppressed.reason == "GHSA-1 says that 2.9.10 is not affected"


def test_of_a_maintainer_whose_feed_is_not_there_nobody_says_that_it_is_silent() -> None:
    (match,) = matched(snapshot_of(lesser("sap", NEW)), [HERE]).matches
    assert (match.suppressed, match.advisory.unlisted_by) == (None, "")
    assert match.why.endswith("by sap alone")


def test_what_both_say_is_one_match_by_the_maintainers_word() -> None:
    (match,) = matched(snapshot_of(ghsa(NEW), lesser("sap", NEW), lesser("nodejs", NEW)), [HERE]).matches
    assert (match.advisory.id, match.advisory.unlisted_by, match.suppressed) == ("GHSA-1", "", None)


def test_a_maintainers_record_that_it_took_back_decides_nothing() -> None:
    gone = advisory("GHSA-1", OLD, source="ghsa", aliases=("CVE-1-1",), withdrawn="2024-01-01")
    (match,) = matched(snapshot_of(gone, lesser("sap", NEW)), [HERE]).matches
    assert match.suppressed is None


def test_of_two_maintainers_the_first_that_speaks_decides() -> None:
    part, ended = affected("pypi", "x", "pep440", "2"), affected("pypi", "x", "pep440", "1")
    own = advisory("PYSEC-1", ended, source="pypa", aliases=("CVE-1-1",))
    (match,) = matched(snapshot_of(own, ghsa(part)), [package("pypi", "x", "1.5")]).matches
    assert match.suppressed is not None
    assert match.suppressed.reason == "PYSEC-1 says that 1.5 is not affected"
    (match,) = matched(snapshot_of(own, ghsa(part, cve="CVE-1-2")), [package("pypi", "x", "1.5")]).matches
    assert (match.suppressed, match.advisory.unlisted_by) == (None, "")


def test_a_bundle_is_overruled_only_if_the_maintainer_speaks_of_all_that_it_is_about() -> None:
    bundle = lesser("nodejs", affected("npm", "x", "npm", "3"), "CVE-1-1", "CVE-1-2", id="NSWG-1")
    first, second = (ghsa(affected("npm", "x", "npm", "1"), id=f"GHSA-{n}", cve=f"CVE-1-{n}") for n in (1, 2))
    for records, counts in (((first,), True), ((first, second), False)):
        (match,) = matched(snapshot_of(bundle, *records), [package("npm", "x", "2")]).matches
        assert (match.suppressed is None) is counts


def test_a_maintainers_bundle_that_covers_the_version_is_not_against_what_it_bundles() -> None:
    bundle = advisory(
        "RUSTSEC-1", affected("cargo", "x", "cargo", "2"), source="rustsec", aliases=("CVE-1-1", "CVE-1-2")
    )
    parts = [ghsa(affected("cargo", "x", "cargo", "2"), id=f"GHSA-{n}", cve=f"CVE-1-{n}") for n in (1, 2)]
    found = matched(snapshot_of(bundle, *parts), [package("cargo", "x", "1.0.0")]).matches
    assert [match.suppressed for match in found] == [None, None]


def test_a_record_whose_ends_are_commits_is_held_against_nobody() -> None:
    commit = Range(high="0.0.0-20240708073652-5a492a3f0036")
    assert not decides(affected("golang", "x", "golang", ranges=(commit,)))
    assert decides(affected("golang", "x", "golang", ranges=(commit, Range(high="1.2.0"))))
    assert decides(affected("golang", "x", "golang", ranges=(EVERY_VERSION,)))


def test_databases_that_ended_rank_last_and_githubs_is_one_whichever_way_it_came() -> None:
    order = [rank("maven", advisory("CVE-1-1", source=source)) for source in ("ghsa", "sap", "somebody", "nodejs")]
    assert order == sorted(set(order))
    assert {database_of(ghsa(source=source)) for source in ("ghsa", "github-api", "github", "osv")} == {"ghsa"}
    assert not is_maintained_by("npm", advisory("MAL-1", source="osv"))
    assert maintainers("pypi", ["osv", "pypa", "nodejs"]) == ("PyPA", "GHSA")


def test_every_database_in_the_table_has_a_feed_or_comes_with_osvs() -> None:
    feeds = {feed.name for feed in load()}
    named = {name for ranking in RANKINGS.values() for name in (*ranking.maintainers, *ranking.others)}
    assert named - feeds == {"eef", "rsec"}


def test_of_a_distributions_packages_no_feed_overrules_another() -> None:
    tracker = advisory("CVE-1-1", affected("debian:12", "x", "deb", "1"), source="debian")
    lists = advisory("DSA-1", affected("debian:12", "x", "deb", "3"), source="debian-lists", aliases=("CVE-1-1",))
    (match,) = matched(snapshot_of(tracker, lists), [package("deb", "x", "2")], "debian:12").matches
    assert (match.suppressed, match.advisory.unlisted_by) == (None, "")
