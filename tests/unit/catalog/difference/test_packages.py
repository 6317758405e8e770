"""Packages side by side."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from hullmark.catalog.difference.packages import identity_of, package_changes
from hullmark.model.difference import PackageChange, PackageStep
from hullmark.model.package import UNKNOWN_VERSION, Package
from tests.support.effort import calls
from tests.support.matching import package

OPPOSITE: dict[PackageStep, PackageStep] = {"in": "out", "out": "in", "up": "down", "down": "up", "changed": "changed"}


def steps(before: list[Package], after: list[Package]) -> list[tuple[str, str, str, str]]:
    return [
        (
            change.step,
            change.name,
            change.before.version if change.before else "",
            change.after.version if change.after else "",
        )
        for change in package_changes(before, after)
    ]


def test_packages_come_go_and_get_later_and_earlier_versions_by_their_own_order() -> None:
    before = [package("deb", "a", "1:1.0"), package("deb", "b", "2.0~rc1"), package("deb", "c", "1")]
    after = [package("deb", "a", "2.0"), package("deb", "b", "2.0"), package("deb", "d", "1")]
    assert steps(before, after) == [
        ("down", "a", "1:1.0", "2.0"), ("up", "b", "2.0~rc1", "2.0"), ("out", "c", "1", ""), ("in", "d", "", "1"),
    ]  # fmt: skip


def test_of_versions_side_by_side_equal_ones_are_the_same_and_the_others_pair_in_their_order() -> None:
    before = [package("npm", "semver", version) for version in ("5.7.0", "6.3.0", "7.5.1")]
    after = [package("npm", "semver", version) for version in ("7.5.1", "10.0.0", "6.3.1", "5.7.2")]
    assert steps(before, after) == [
        ("up", "semver", "5.7.0", "5.7.2"), ("up", "semver", "6.3.0", "6.3.1"), ("in", "semver", "", "10.0.0"),
    ]  # fmt: skip


def test_packages_of_one_name_in_two_ecosystems_or_namespaces_are_two() -> None:
    before = [package("npm", "core", "1", space="@babel"), package("npm", "core", "1")]
    assert steps(before, [package("npm", "core", "1", space="@vue"), package("pypi", "core", "1")]) == [
        ("out", "core", "1", ""), ("out", "core", "1", ""), ("in", "core", "", "1"), ("in", "core", "", "1"),
    ]  # fmt: skip


def test_copies_of_a_version_are_one_and_another_architecture_or_licence_is_a_change() -> None:
    one = package("deb", "a", "1", arch="amd64", licenses=("MIT",))
    assert steps([one, one], [one]) == []
    assert steps([one], [package("deb", "a", "1", arch="arm64", licenses=("MIT",))]) == [("changed", "a", "1", "1")]
    assert steps([one], [package("deb", "a", "1", arch="amd64", licenses=("ISC",))]) == [("changed", "a", "1", "1")]
    assert steps([one], [package("deb", "a", "1", arch="amd64", licenses=("mit",))]) == []


def test_versions_that_cannot_be_compared_are_a_change_and_not_up_or_down() -> None:
    assert steps([package("deb", "a", UNKNOWN_VERSION)], [package("deb", "a", "1")]) == [
        ("changed", "a", UNKNOWN_VERSION, "1")
    ]
    assert steps([package("deb", "a", "1 2")], [package("deb", "a", "3")])[0][0] == "changed"


def mirrored(change: PackageChange) -> PackageChange:
    return PackageChange(
        step=OPPOSITE[change.step],
        type=change.type,
        namespace=change.namespace,
        name=change.name,
        before=change.after,
        after=change.before,
    )


def versions(packages: list[Package]) -> set[tuple[object, ...]]:
    return {(*identity_of(each), each.version, each.arch, each.licenses) for each in packages}


_TYPES = ("deb", "npm", "pypi", "maven", "generic", "golang", "rpm", "no-such")
_VERSIONS = st.one_of(
    st.sampled_from(["1", "1.0", "1.0.0", "2", "1.0~rc1", "1.0-1", "1:0", "v1.2.3", UNKNOWN_VERSION, "", "x y"]),
    st.text(max_size=6),
)


@st.composite
def images(draw: st.DrawFn) -> list[Package]:
    """Packages with one list of licences for each version and architecture, as copies of one are merged."""
    found: dict[tuple[str, ...], Package] = {}
    for _ in range(draw(st.integers(0, 8))):
        key = draw(st.tuples(st.sampled_from(_TYPES), st.sampled_from("ab"), _VERSIONS, st.sampled_from(["", "arm64"])))
        licenses = draw(st.sampled_from([(), ("MIT",), ("ISC", "MIT")]))
        found[key] = package(key[0], key[1], key[2], arch=key[3], licenses=licenses)
    return list(found.values())


@given(images())
def test_an_image_does_not_differ_from_itself(packages: list[Package]) -> None:
    assert package_changes(packages, list(reversed(packages))) == ()


@given(images(), images())
def test_the_difference_seen_from_the_other_side_is_its_mirror(before: list[Package], after: list[Package]) -> None:
    there = Counter(map(mirrored, package_changes(before, after)))
    assert there == Counter(package_changes(after, before))


@given(images(), images())
def test_the_changes_make_the_one_image_the_other(before: list[Package], after: list[Package]) -> None:
    there = versions(before)
    for change in package_changes(before, after):
        identity = (change.type, change.namespace, change.name)
        if (old := change.before) is not None:
            there.remove((*identity, old.version, old.arch, old.licenses))
        if (new := change.after) is not None:
            there.add((*identity, new.version, new.arch, new.licenses))
    assert there == versions(after)


def test_ten_times_the_versions_side_by_side_are_little_more_than_ten_times_the_work() -> None:
    def cost(count: int) -> int:
        before = [package("deb", "a", "1", arch=str(number)) for number in range(count)]
        after = [package("deb", "a", f"{number + 2}") for number in range(count)]
        return calls(lambda: package_changes(before, after))

    assert cost(2000) < 18 * cost(200)
