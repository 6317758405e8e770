"""What several records say of one vulnerability, and what bundles of several are."""

from __future__ import annotations

from hullmark.model.advisory import EVERY_VERSION
from tests.support.matching import advisory, affected, counted, matched, package, snapshot_of

DEBIAN = affected("debian:12", "x", "deb", "2")
PYPI = affected("pypi", "x", "pep440", "2")


def test_a_fix_that_only_one_record_knows_is_the_fix() -> None:
    snapshot = snapshot_of(
        advisory(
            "PYSEC-1", affected("pypi", "x", "pep440", ranges=(EVERY_VERSION,)), source="pypa", aliases=("CVE-1-1",)
        ),
        advisory("GHSA-1", PYPI, source="ghsa", aliases=("CVE-1-1",)),
    )
    assert counted(matched(snapshot, [package("pypi", "x", "1")])) == {("x", "PYSEC-1"): "2"}


def test_a_distributions_bundle_of_which_a_part_is_told_nowhere_else_stands_by_itself() -> None:
    bundle = advisory("DSA-1", DEBIAN, source="debian_lists", aliases=("CVE-1-1", "CVE-1-2"))
    found = matched(snapshot_of(bundle, advisory("CVE-1-1", DEBIAN)), [package("deb", "x", "1")], "debian:12")
    assert set(counted(found)) == {("x", "CVE-1-1"), ("x", "DSA-1")}


def test_a_bundle_is_not_cleared_by_a_word_about_a_part_of_it() -> None:
    bundle = advisory("GHSA-1", PYPI, aliases=("CVE-1-1", "CVE-1-2"))
    word = affected("pypi", "x", "pep440", kind="unaffected", ranges=(EVERY_VERSION,))
    for id, counts in (("CVE-1-1", True), ("GHSA-1", False)):
        snapshot = snapshot_of(bundle, advisory(id, word, source="vendor"))
        assert bool(counted(matched(snapshot, [package("pypi", "x", "1")]))) is counts


def test_records_that_only_a_third_one_joins_are_one() -> None:
    snapshot = snapshot_of(
        advisory("A-1", PYPI, source="a", aliases=("A-9",)),
        advisory("B-1", PYPI, source="b", aliases=("B-9",)),
        advisory("C-1", PYPI, source="c", aliases=("B-1", "A-1")),
        advisory("D-1", PYPI, source="d", aliases=("B-9",)),
    )
    (found,) = matched(snapshot, [package("pypi", "x", "1")]).matches
    assert {found.advisory.id, *found.advisory.aliases} == {"A-1", "A-9", "B-1", "B-9", "C-1", "D-1"}


def test_a_bundle_is_named_once_as_an_announcement_however_often_it_is_told() -> None:
    part = affected("debian:12", "x", "deb", "2", vendor_ids=("DSA-1",))
    bundle = advisory("DSA-1", DEBIAN, source="debian_lists", aliases=("CVE-1-1", "CVE-1-2"))
    snapshot = snapshot_of(bundle, advisory("CVE-1-1", part), advisory("CVE-1-2", DEBIAN))
    found = matched(snapshot, [package("deb", "x", "1")], "debian:12").matches
    assert {match.advisory.id: match.advisory.vendor_ids for match in found} == {
        "CVE-1-1": ("DSA-1",),
        "CVE-1-2": ("DSA-1",),
    }


def test_packages_of_one_record_keep_what_is_said_of_each() -> None:
    grave = affected("debian:12", "x", "deb", "2", severity="critical")
    slight = affected("debian:12", "y", "deb", "2", severity="low")
    snapshot = snapshot_of(advisory("CVE-1-1", grave, slight))
    found = matched(snapshot, [package("deb", name, "1") for name in "xy"], "debian:12").matches
    assert {match.package.name: match.advisory.severity for match in found} == {"x": "critical", "y": "low"}


def test_what_another_record_says_of_one_package_is_not_said_of_others() -> None:
    both = advisory("GHSA-1", PYPI, affected("pypi", "y", "pep440", "2"), source="ghsa", aliases=("CVE-1-1",))
    snapshot = snapshot_of(both, advisory("PYSEC-1", PYPI, source="pypa", aliases=("CVE-1-1",)))
    found = matched(snapshot, [package("pypi", name, "1") for name in "yx"]).matches
    aliases = {match.package.name: match.advisory.aliases for match in found}
    assert aliases == {"x": ("CVE-1-1", "GHSA-1"), "y": ("CVE-1-1",)}
