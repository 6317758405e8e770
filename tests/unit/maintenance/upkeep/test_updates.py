"""Which version would be installed, as apt_preferences(5) says it without pins; tests/oracle asks apt itself."""

from __future__ import annotations

import pytest

from hullmark.maintenance.upkeep.crawl import Offer
from hullmark.maintenance.upkeep.package_lists import ListedPackage
from hullmark.maintenance.upkeep.updates import updates_of
from hullmark.model.package import Package, SourcePackage
from hullmark.model.upkeep import RepositoryIndex

SECURITY = RepositoryIndex(url="http://s", name="s", is_security=True)
MAIN = RepositoryIndex(url="http://m", name="m")


def installed(version: str, arch: str = "amd64") -> Package:
    purl = f"pkg:deb/debian/tool@{version}?arch={arch}"
    return Package(type="deb", name="tool", version=version, purl=purl, cataloger="dpkg", arch=arch)


def offer(version: str, priority: int = 500, index: RepositoryIndex = MAIN, arch: str = "amd64") -> Offer:
    return Offer(ListedPackage("tool", version, arch, SourcePackage("tool-src", version)), index, priority)


@pytest.mark.parametrize(
    ("offers", "chosen"),
    [
        ([offer("2")], "2"),
        ([offer("1")], ""),
        ([offer("0.9")], ""),
        ([offer("2"), offer("3")], "3"),
        ([offer("2"), offer("3", 100)], "2"),
        ([offer("3", 100)], "3"),
        ([offer("1"), offer("3", 100)], ""),
        ([offer("3", 1)], ""),
        ([offer("1", 100), offer("2", 100)], "2"),
        ([offer("not a version!"), offer("2")], "2"),
        ([offer("2", arch="all")], "2"),
    ],
)
def test_priority_goes_before_version_and_nothing_becomes_older(offers: list[Offer], chosen: str) -> None:
    updates, unlisted = updates_of([installed("1")], offers, "amd64")
    assert [update.candidate.version for update in updates] == ([chosen] if chosen else [])
    assert unlisted == ()


def test_an_update_is_the_package_as_it_would_be() -> None:
    ((update,), _) = updates_of([installed("1", "all")], [offer("2"), offer("1.5", index=SECURITY)], "amd64")
    assert update.candidate.purl == "pkg:deb/debian/tool@2?arch=all"
    assert update.candidate.source == SourcePackage("tool-src", "2")
    assert update.is_security, "a security suite has a newer one too"


def test_what_no_list_has_is_named() -> None:
    other = installed("1", "i386")
    assert updates_of([other, installed("1")], [offer("1")], "amd64") == ((), (other,))
