"""What an update needs besides, and what goes with a package."""

from __future__ import annotations

from hullmark.maintenance.remedy.needs import OfferedName, together, with_dependants
from hullmark.model.package import Package
from hullmark.model.upkeep import PackageUpdate
from tests.unit.maintenance.remedy.test_instructions import package


def update(name: str, depends: str = "", breaks: str = "") -> PackageUpdate:
    return PackageUpdate(
        installed=package(name), candidate=package(name, "2"), index="", depends=depends, breaks=breaks
    )


INSTALLED: tuple[Package, ...] = tuple(map(package, ("tool", "lib", "data", "old")))


def names(*updates: PackageUpdate, of: str = "tool") -> list[str] | str:
    every = {each.installed.name: each for each in updates}
    found = together([every[of]], every, INSTALLED, [OfferedName("mail", ""), OfferedName("abi", "7")])
    return found.obstacle or [each.installed.name for each in found.updates]


def test_needs_that_only_a_newer_version_meets_come_along() -> None:
    assert names(update("tool", "lib (>= 1), data:any"), update("lib")) == ["tool"]
    assert names(
        update("tool", "lib (= 2), mail, abi (>= 7) | nowhere"), update("lib", "data (>> 1)"), update("data")
    ) == [
        "data",
        "lib",
        "tool",
    ]


def test_what_it_cannot_be_beside_becomes_newer_too() -> None:
    assert names(update("tool", breaks="old (<< 2), absent"), update("old")) == ["old", "tool"]
    assert names(update("tool", breaks="old (<< 2)")) == "tool 2 cannot be beside old"
    assert names(update("tool", breaks="old (<< 1), tool")) == ["tool"]


def test_what_is_not_there_is_not_brought() -> None:
    assert names(update("tool", "fresh | fresher")) == "tool 2 needs fresh or fresher, which is not installed"
    assert names(update("tool", "lib (>= 3)"), update("lib")) == "tool 2 needs lib, which is not installed"
    assert names(update("tool", "abi (>= 8)")) == "tool 2 needs abi, which is not installed"


def test_dependants_go_too_and_circles_end() -> None:
    assert with_dependants("a", {"a": ["b"], "b": ["c", "a"], "d": ["a"]}) == {"a", "b", "c"}
