"""Which namespaces are known: those that a whole and fresh feed stands behind, not those of which something is said."""

from __future__ import annotations

from typing import Any

import pytest

from hullmark.advisories.database.schema import Cover
from hullmark.advisories.database.snapshot import Snapshot
from hullmark.advisories.match.advisory_source import Extent
from hullmark.advisories.match.coverage import snapshot_info
from hullmark.model.advisory import EXPLOITED, Advisory, KevEntry, Lifecycle, Record, Support
from hullmark.model.match import CoverageGap, Matches
from hullmark.model.package import Package
from tests.support.matching import TODAY, advisory, affected, matched, package, snapshot_of

DEB, APK, RPM = package("deb", "x", "1"), package("apk", "x", "1"), package("rpm", "x", "1")
NPM = package("npm", "x", "1")


def said(namespace: str, count: int = 1, **more: Any) -> list[Advisory]:
    scheme = {"debian": "deb", "alpine": "apk", "npm": "npm", "cpe": "generic"}.get(namespace.partition(":")[0], "rpm")
    return [
        advisory(f"CVE-1-{number}", affected(namespace, f"n{number}", scheme, "2"), **more) for number in range(count)
    ]


def gaps(stored: Snapshot, *packages: Package, distro: str = "", at: str = TODAY) -> list[tuple[str, str]]:
    """Namespace and reason of what is uncovered; each is a problem too."""
    result: Matches = matched(stored, packages, distro, at=at)
    assert [each.reason for each in result.uncovered] == [problem.reason for problem in result.problems]
    assert all((problem.kind, problem.room) == ("uncovered", "match") for problem in result.problems)
    return [(each.namespace, each.reason) for each in result.uncovered]


def partly(name: str) -> str:
    return f"the snapshot has only a part of the advisories for {name}: no whole feed stands behind them"


def test_what_a_whole_and_fresh_feed_stands_behind_is_known() -> None:
    stored = snapshot_of(*said("debian:13"), *said("npm"))
    assert gaps(stored, DEB, NPM, distro="debian:13") == []


def test_one_stray_record_does_not_make_a_release_known() -> None:
    stray = snapshot_of(*said("debian:13"), *said("debian:12"), covers=(Cover("npm", 1),))
    assert gaps(stray, DEB, distro="debian:13") == [("debian:13", partly("debian:13"))]
    few = snapshot_of(*said("debian:13", 9), *said("debian:12", 10), covers=(Cover("debian:*", 10),))
    assert gaps(few, DEB, distro="debian:13") == [("debian:13", partly("debian:13"))]
    assert gaps(few, DEB, distro="debian:12") == []


def test_records_of_another_feed_do_not_make_a_release_known() -> None:
    collected = said("alpine:3.15", 16, source="vunnel")
    stored = snapshot_of(*collected, *said("alpine:3.18", 3, source="vunnel"), covers=(Cover("wolfi:*", 1),))
    assert gaps(stored, APK, distro="alpine:3.15.4") == [("alpine:3.15", partly("alpine:3.15"))]


@pytest.mark.parametrize(
    ("more", "is_known"),
    [
        ({"least_records": 3}, True),
        ({"least_records": 4}, False),
        ({"is_partial": True}, False),
        ({"cut": 1}, False),
        ({"unread": 1}, False),
        ({"checked_on": ""}, False),
        ({"checked_on": "soon"}, False),
    ],
)
def test_a_feed_that_gives_too_little_or_lacks_documents_covers_nothing(more: dict[str, Any], is_known: bool) -> None:
    stored = snapshot_of(*said("npm", 3), **more)
    assert gaps(stored, NPM) == ([] if is_known else [("npm", partly("npm"))])
    assert stored.namespaces["npm"].is_known(TODAY) is is_known


def test_a_namespace_without_any_record_is_no_feeds() -> None:
    stored = snapshot_of(*said("npm"))
    assert gaps(stored, package("gem", "x", "1"), NPM) == [("gem", "the snapshot has no advisories for gem")]
    assert gaps(stored, DEB, distro="debian:13") == [
        (
            "debian:13",
            "nothing can be said of the system's packages: the snapshot has no advisories for Debian 13",
        )
    ]


def test_dated_advisories_age_by_their_youngest_date() -> None:
    dated: dict[str, Any] = {"dated_by": "records", "stale_days": 30, "checked_on": "2026-06-29"}
    stored = snapshot_of(*said("npm", published="2026-05-31"), **dated)
    assert gaps(stored, NPM, at="2026-06-30") == []
    assert gaps(stored, NPM, at="2026-07-01") == [
        ("npm", "the advisories for npm end on 2026-05-31, 31 days ago: what came since is not known")
    ]


def test_a_date_in_the_future_keeps_nothing_fresh() -> None:
    dated: dict[str, Any] = {"dated_by": "records", "stale_days": 30, "checked_on": "2026-06-29"}
    stored = snapshot_of(*said("npm", published="2026-01-01"), *said("pypi", published="2106-01-01"), **dated)
    assert gaps(stored, NPM)[0][1].startswith("the advisories for npm end on 2026-01-01, ")


@pytest.mark.parametrize(("dated_by", "published"), [("records", ""), ("check", "2011-01-01")])
def test_what_has_no_dates_and_what_seldom_has_news_ages_by_the_last_check(dated_by: str, published: str) -> None:
    records = said("alpine:3.18", published=published)
    stored = snapshot_of(*records, dated_by=dated_by, stale_days=30, checked_on="2026-05-31")
    assert gaps(stored, APK, distro="alpine:3.18", at="2026-06-30") == []
    assert gaps(stored, APK, distro="alpine:3.18", at="2026-07-01") == [
        ("alpine:3.18", "the advisories for alpine:3.18 end on 2026-05-31, 31 days ago: what came since is not known")
    ]


def test_the_day_of_the_check_stands_in_a_snapshot_only_where_an_age_goes_by_it() -> None:
    day: dict[str, Any] = {"stale_days": 30, "dated_by": "records"}
    dated = {
        snapshot_of(*said("npm", published="2026-05-31"), checked_on=on, **day).digest
        for on in ("2026-06-01", "2026-06-02")
    }
    undated = {snapshot_of(*said("npm"), checked_on=on, **day).digest for on in ("2026-06-01", "2026-06-02")}
    covering = {
        snapshot_of(*said("npm"), checked_on=on, covers=(), **day).digest for on in ("2026-06-01", "2026-06-02")
    }
    assert (len(dated), len(undated), len(covering)) == (1, 2, 1)


def test_of_several_whole_feeds_the_one_counts_that_stays_whole_for_longer() -> None:
    old, new, lasting = Extent(1, "", "2026-01-01", 30), Extent(2, "b", "2026-02-01", 30), Extent(3, "a", "2020-01-01")
    assert old.beside(new) == new.beside(old) == Extent(3, "b", "2026-02-01", 30)
    assert new.beside(lasting) == Extent(5, "b", "2020-01-01", 0)
    assert Extent(1, "").beside(new).is_known("2026-02-02")
    assert not Extent(1, "").beside(Extent(1, "")).is_known("2026-02-02")


def test_a_release_past_its_end_is_uncovered_however_fresh_its_feed_is() -> None:
    ended = Lifecycle(product="debian", release="8", source="endoflife", eol="2018-06-17", extended="2025-06-30")
    records: list[Record] = [*said("debian:8"), ended]
    reason = "Debian 8 has been past its end of life since 2025-06-30: what is found in it now is no longer recorded"
    assert gaps(snapshot_of(*records), DEB, distro="debian:8") == [("debian:8", reason)]
    assert gaps(snapshot_of(*records), distro="debian:8") == [("debian:8", reason)]
    assert gaps(snapshot_of(*records), DEB, distro="debian:8", at="2025-06-30") == []


def test_a_rebuild_needs_what_the_original_discloses_and_its_own_fixes() -> None:
    note = "; issues that are not fixed yet are unknown"
    both = [*said("rhel:9"), *said("almalinux:9")]
    assert gaps(snapshot_of(*both), RPM, distro="almalinux:9.4") == []
    assert gaps(snapshot_of(*said("almalinux:9")), RPM, distro="almalinux:9.4") == [
        ("rhel:9", "the snapshot has no advisories for rhel:9" + note)
    ]
    assert gaps(snapshot_of(*said("rhel:9")), RPM, distro="almalinux:9.4") == [
        ("almalinux:9", "the snapshot has no advisories for almalinux:9")
    ]
    only_alma = snapshot_of(*both, covers=(Cover("almalinux:*", 1),))
    assert gaps(only_alma, RPM, distro="rocky:9.4") == [
        ("rhel:9", partly("rhel:9") + note),
        ("rocky:9", "the snapshot has no advisories for rocky:9"),
    ]
    assert gaps(only_alma, RPM, distro="rhel:9.4") == [("rhel:9", partly("rhel:9"))]


def test_of_a_release_with_minors_the_major_ones_wholeness_counts() -> None:
    stored = snapshot_of(*said("rhel:9", 5), *said("rhel:9.4"), covers=(Cover("rhel:*", 5),))
    assert gaps(stored, RPM, distro="rhel:9.4") == []


def test_system_packages_without_a_distribution_are_uncovered() -> None:
    assert gaps(snapshot_of(*said("debian:13")), DEB, RPM, NPM)[0] == (
        "",
        "nothing can be said of the system's packages: the distribution is not known",
    )
    (found,) = matched(snapshot_of(*said("npm")), [package("portage", "x", "1")], "gentoo:2").uncovered
    assert (found.namespace, found.types) == ("gentoo:2", ("portage",))


def test_packages_of_epel_need_epel_and_those_of_other_vendors_nothing_of_the_distribution() -> None:
    theirs = package("rpm", "x", "1-1.el9", notes={"vendor": "Fedora Project"})
    other = package("rpm", "y", "1", notes={"vendor": "Somebody"})
    stored = snapshot_of(*said("oracle:9"), *said("epel:9"), covers=(Cover("oracle:*", 1),))
    assert gaps(stored, theirs, other, distro="ol:9.4") == [("epel:9", partly("epel:9"))]
    assert gaps(snapshot_of(*said("epel:9"), covers=(Cover("epel:*", 1),)), theirs, distro="ol:9.4") == []


def test_programs_outside_packages_need_all_of_nvd() -> None:
    program = package("generic", "redis", "7")
    assert gaps(snapshot_of(*said("cpe")), program) == []
    assert gaps(snapshot_of(*said("cpe"), covers=()), program) == [
        ("cpe", partly("programs that no package manager installed (NVD)"))
    ]


def test_each_namespace_and_cause_stands_once_with_the_types_and_the_number_of_its_packages() -> None:
    packages = [DEB, package("deb", "y", "1"), NPM, package("npm", "@a/b", "1"), package("maven", "a:b", "1")]
    result = matched(snapshot_of(*said("debian:13"), *said("npm"), covers=()), packages, "debian:13")
    assert [msg[:3] for msg in map(_fields, result.uncovered)] == [
        ("debian:13", ("deb",), 2),
        ("maven", ("maven",), 1),
        ("npm", ("npm",), 2),
    ]


def _fields(each: CoverageGap) -> tuple[str, tuple[str, ...], int, str]:
    return each.namespace, each.types, each.packages, each.reason


def test_what_is_told_of_a_single_package_says_what_it_means() -> None:
    stored = snapshot_of(
        *said("debian:13"),
        advisory("CVE-2-1", affected("debian:13", "odd", "deb", "2"), affected("maven", "g:a", "maven", "2")),
        Support(namespace="debian:13", name="few", source="debian-support", level="limited"),
        Support(namespace="debian:13", name="none", source="debian-support", level="ended"),
    )
    packages = [
        package("deb", "odd", "a:b"),
        package("deb", "few", "1"),
        package("deb", "none", "1"),
        package("maven", "a", "1"),
        package("brew", "x", "1"),
    ]
    result = matched(stored, packages, "debian:13")
    assert {each.package.name: each.kind for each in result.unknown} == {
        "odd": "unseen",
        "few": "note",
        "none": "uncovered",
        "a": "unidentified",
        "x": "uncovered",
    }


@pytest.mark.parametrize(
    ("cover", "at", "gap"),
    [
        (Cover(EXPLOITED, 2), TODAY, ""),
        (Cover(EXPLOITED, 3), TODAY, partly("known exploitation (KEV)")),
        (Cover("npm", 0), TODAY, partly("known exploitation (KEV)")),
        (
            Cover(EXPLOITED, 2),
            "2026-08-31",
            "the advisories for known exploitation (KEV) end on 2026-06-20, 72 days ago: what came since is not known",
        ),
    ],
)
def test_what_is_exploited_is_known_where_a_whole_and_fresh_list_is_there(cover: Cover, at: str, gap: str) -> None:
    listed = [KevEntry(cve=f"CVE-1-{number}", source="kev", added="2026-06-20") for number in range(2)]
    stored = snapshot_of(*listed, *said("npm"), feed="kev", covers=(cover,), stale_days=30, dated_by="records")
    assert snapshot_info(stored, at).exploited_gap == gap
    assert gap in ("", matched(stored, [NPM], at=at).snapshot.exploited_gap)  # type: ignore[union-attr]


def test_without_a_list_nothing_is_known_of_exploitation() -> None:
    stored = snapshot_of(*said("npm"), covers=(Cover("npm", 1),))
    assert snapshot_info(stored, TODAY).exploited_gap == "the snapshot has no advisories for known exploitation (KEV)"
