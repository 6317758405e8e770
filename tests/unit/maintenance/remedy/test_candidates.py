"""Which changes are thought of for a finding, and why a package can neither be renewed nor removed."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from hullmark.maintenance.remedy.candidates import Candidates, Situation
from hullmark.maintenance.remedy.flatten import settings_of
from hullmark.maintenance.remedy.needs import can_be_together
from hullmark.maintenance.remedy.outcome import remains, untold
from hullmark.model.image import ImageConfig
from hullmark.model.inventory import FileRecord, Inventory, InventorySource
from hullmark.model.package import Location, Package
from hullmark.model.reach import PackageReach, Reach
from hullmark.model.relation import Relation
from hullmark.model.remedy import Change, FileChange
from hullmark.model.upkeep import PackageUpdate
from hullmark.model.verdict import Action, Finding, Outcome, Verdict, VerdictInputs
from tests.unit.maintenance.remedy.test_instructions import file, package

NO_MANAGER = "the image has no package manager that could bring the newer version"
SOURCE = InventorySource(kind="oci-dir", reference="x", digest="", config_digest="", platform="", layers=())
TOOLS = (file("/bin/sh", 0o755), file("/usr/bin/apt-get", 0o755), file("/usr/bin/dpkg", 0o755))
SITE = "/usr/lib/python3/site-packages"
SHOP = Package(
    type="pypi", name="shop", version="1", purl="pkg:pypi/shop@1", cataloger="python",
    locations=(Location(path=f"{SITE}/shop-1.dist-info/METADATA", layer=0),),
)  # fmt: skip


def reached(of: Package, reach: Reach = "unreachable", reason: str = "") -> PackageReach:
    return PackageReach(
        purl=of.purl,
        type=of.type,
        name=of.name,
        version=of.version,
        reach=reach,
        bytes=1,
        reached_bytes=0,
        reason=reason,
    )


def candidates(
    *packages: Package, files: tuple[FileRecord, ...] = TOOLS, relations: tuple[Relation, ...] = (), **more: Any
) -> Candidates:
    """Of an image with these packages, none of which is reached unless it is said otherwise."""
    inventory = Inventory(
        source=SOURCE,
        distro=None,
        packages=packages,
        problems=(),
        config=ImageConfig(),
        files=files,
        relations=relations,
    )
    situation: dict[str, Any] = {
        "essential": frozenset(),
        "reach": {each.purl: reached(each) for each in packages},
        **more,
    }
    return Candidates(Situation(inventory=inventory, **situation))


def update(name: str, version: str = "2", depends: str = "") -> PackageUpdate:
    return PackageUpdate(installed=package(name), candidate=package(name, version), index="", depends=depends)


def finding(subject: str) -> Finding:
    return Finding(gate="g", trigger="t", trigger_id="", action=Action.STOP, message="", subject=subject, rule_id="r")


def test_a_package_is_not_renewed_where_that_cannot_be_written_or_done() -> None:
    """The reason is a clause that the report says."""
    tool, twin = package("tool"), replace(package("tool"), version="0", purl="pkg:deb/debian/tool@0")
    assert isinstance(candidates(tool, updates=(update("tool"),)).update_of(tool), Change)
    for found, reason in (
        (candidates(tool, twin, updates=(update("tool"),)), "it is installed more than once"),
        (candidates(tool, updates=(update("tool", depends="fresh"),)), "tool 2 needs fresh, which is not installed"),
        (
            candidates(tool, updates=(update("tool", "2; rm -rf /"),)),
            "its newer version has a name that is not written into a Dockerfile",
        ),
        (
            candidates(tool, files=TOOLS[:1], updates=(update("tool"),)),
            NO_MANAGER,
        ),
        (candidates(tool), "its repositories have nothing newer"),
    ):
        assert found.update_of(tool) == reason
    assert candidates(SHOP, updates=(update("shop"),)).update_of(SHOP) == ""


def test_a_package_of_debian_goes_with_what_needs_it_or_stays_for_a_reason() -> None:
    """What is used, or may be, keeps all that it needs."""
    lib, tool = package("lib"), package("tool")
    needs = (Relation(tool.purl, lib.purl),)
    found = candidates(lib, tool, relations=needs).removal_of(lib)
    assert isinstance(found, Change)
    assert ([each.name for each in found.removed], found.summary) == (
        ["lib", "tool"],
        "remove lib 1, with 1 more that needs it",
    )
    twin = replace(lib, version="0", purl="pkg:deb/debian/lib@0")
    odd = replace(lib, name="li b")
    for stays, reason in (
        (
            candidates(lib, tool, relations=needs, reach={lib.purl: reached(lib)}),
            "tool needs it, which is used or may be",
        ),
        (candidates(lib, twin), "it is installed more than once"),
        (candidates(lib, files=TOOLS[:2]), "the image has no dpkg to remove it by"),
        (candidates(odd), "the image has no dpkg to remove it by"),
        (candidates(lib, essential=None), "which packages dpkg takes for granted is not known"),
        (candidates(lib, reach={}), "whether it is used is not known (nothing tells)"),
    ):
        assert stays.removal_of(stays.packages_of(finding(lib.purl))[0]) == reason


def owned(path: str, owner: str | None = None, kind: Any = "file") -> FileRecord:
    return replace(file(path), owner=owner, type=kind)


INSTALLED = (
    *TOOLS,
    owned(f"{SITE}/shop-1.dist-info", kind="dir"),
    owned(f"{SITE}/shop-1.dist-info/METADATA"),
    owned(f"{SITE}/shop/__init__.py", SHOP.purl),
    owned(f"{SITE}/shop/data/a.txt", SHOP.purl),
    owned(f"{SITE}/shared/b.txt", SHOP.purl),
    owned(f"{SITE}/shared/other.txt"),
)


def test_a_package_of_files_goes_by_the_fewest_paths_that_are_its_own() -> None:
    """Folders that hold something else as well stay."""
    found = candidates(SHOP, files=INSTALLED).removal_of(SHOP)
    assert isinstance(found, Change)
    assert found.files == tuple(FileChange(f"{SITE}/{name}") for name in ("shared/b.txt", "shop", "shop-1.dist-info"))
    assert (found.subject, found.summary) == ("shop (pypi)", "remove shop 1")


@pytest.mark.parametrize(
    ("shop", "more"),
    [
        (SHOP, {"kept": frozenset((f"{SITE}/shop/__init__.py",))}),
        (replace(SHOP, owned_by="pkg:deb/debian/python3-shop@1"), {}),
        (replace(SHOP, locations=(), purl="pkg:pypi/other@1"), {}),
    ],
)
def test_a_package_whose_files_nobody_tells_or_somebody_uses_stays(shop: Package, more: dict[str, Any]) -> None:
    """One of the system's packages brought it, a file of it is kept, or no record lists any."""
    assert candidates(shop, files=INSTALLED, **more).removal_of(shop) == "no record says which files are its own"


def test_packages_of_other_kinds_are_not_removed_one_by_one() -> None:
    """A jar or a program of Go lies in files that hold more."""
    jar = replace(SHOP, type="maven", purl="pkg:maven/a/shop@1")
    assert candidates(jar).removal_of(jar) == "packages of the type maven are not removed one by one"


def test_a_file_that_all_may_write_loses_that_bit_alone() -> None:
    """The sticky bit makes a shared folder harmless; a link has no mode of its own."""
    files = (
        *TOOLS,
        replace(file("/srv/open", 0o666), owner="pkg:deb/debian/x@1"),
        replace(file("/srv/tmp", 0o1777), type="dir"),
        replace(file("/srv/link", 0o777), type="symlink", owner="pkg:deb/debian/x@1"),
    )
    made = candidates(files=files).of([finding(path) for path in ("/srv/open", "/srv/tmp", "/srv/link")])
    assert [(change.subject, change.files) for change in made if change.kind == "file"] == [
        ("/srv/open (world-writable)", (FileChange("/srv/open", 0o002),))
    ]


def test_of_very_many_findings_the_first_ones_are_thought_about() -> None:
    """Each change is judged by the whole policy: so many would take for ever."""
    files = (*TOOLS, *(file(f"/srv/{number}") for number in range(900)))
    made = candidates(files=files).of([finding(f"/srv/{number}") for number in range(900)])
    assert len(made) == 400


def test_what_still_stops_an_image_says_why_nothing_mends_it() -> None:
    """A removal that was thought of, and did not help; a verdict that is unknown as a whole."""
    tool = package("tool")
    found = candidates(tool, updates=(update("tool"),))
    inputs = VerdictInputs(image="", policy="", snapshot=None, analyzer="", at="")
    stopped = Verdict(verdict=Outcome.STOP, reason="so", findings=(finding(tool.purl),), problems=(), inputs=inputs)
    reasons = [each.reason for each in remains(stopped, "go", found, ())]
    assert reasons == [
        "tool: its newest version does not mend it; tool: its removal does not help, or brings another finding"
    ]
    removal = found.removal_of(tool)
    assert isinstance(removal, Change)
    assert [each.reason for each in remains(stopped, "go", found, (removal,))] == [
        "tool: its newest version does not mend it"
    ]
    jar = replace(tool, type="maven")
    assert [each.reason for each in remains(stopped, "go", candidates(jar), ())] == [
        "tool: packages of the type maven are not removed one by one"
    ]
    unknown = replace(stopped, verdict=Outcome.UNKNOWN, findings=(), reason="a layer was not read")
    assert list(untold(unknown)) == ["a layer was not read"]


def test_of_two_settings_of_one_kind_one_can_be_made() -> None:
    """A Dockerfile takes the last `USER`; labels are many."""

    def setting(keyword: str, words: str) -> Change:
        return Change(kind="setting", subject=keyword, summary="", setting=(keyword, words))

    assert not can_be_together([setting("USER", "1"), setting("USER", "2")])
    assert can_be_together([setting("USER", "1"), setting("LABEL", "a=1"), setting("LABEL", "b=2")])


def test_the_shell_of_an_image_is_given_again() -> None:
    """Instructions that run later are run by it."""
    config = ImageConfig(shell=("/bin/bash", "-c"))  # noqa: S604 - the image has it
    assert [" ".join(each) for each in settings_of(config)] == ['SHELL ["/bin/bash", "-c"]']
