"""What corrections make of packages: which places they are about, and what becomes of the rest."""

from __future__ import annotations

import msgspec
import pytest

from hullmark.catalog.corrections.apply import correct, corrected_inventory, with_new_purls
from hullmark.catalog.corrections.document import parse
from hullmark.catalog.inventory import merge_packages
from hullmark.model.correction import CORRECTED, Corrections
from hullmark.model.package import UNKNOWN_VERSION, Location, Package, SourcePackage
from hullmark.model.purl import make_purl
from hullmark.model.relation import Relation
from tests.unit.report.samples import EMPTY, WITH_FILES

WHO = "\n    owner: me\n    reason: so it is\n"


def said(*entries: str) -> Corrections:
    """Corrections in flow style, each `match: …` and `set: …` of one line."""
    return parse(("corrections:\n" + "".join(f"  - {entry}{WHO}" for entry in entries)).encode(), "c.yaml")


def package(name: str, version: str = "1", type: str = "pypi", *paths: str, **more: object) -> Package:
    fields = {
        "purl": make_purl(type, name, "" if version == UNKNOWN_VERSION else version),
        "locations": tuple(Location(path, 0) for path in paths or (f"/lib/{name}",)),
        **more,
    }
    return Package(type=type, name=name, version=version, cataloger="test", **fields)  # type: ignore[arg-type]


def nowhere(path: str) -> Location | None:
    return None


def told(packages: list[Package], corrections: Corrections) -> list[tuple[str, str, tuple[str, ...]]]:
    """Purl, what it is corrected by, and places."""
    found = correct(packages, corrections, nowhere, merge_packages).packages
    return [(each.purl, each.notes.get(CORRECTED, ""), tuple(place.path for place in each.locations)) for each in found]


def test_only_the_places_that_fit_become_another_package() -> None:
    corrections = said('match: {name: a, path: "/x/**"}\n    set: {version: 2}')
    assert told([package("a", "1", "pypi", "/x/a", "/y/a")], corrections) == [
        ("pkg:pypi/a@1", "", ("/y/a",)),
        ("pkg:pypi/a@2", "c.yaml:2 (me)", ("/x/a",)),
    ]


def test_what_is_the_same_then_is_one_package_at_all_places_with_all_its_corrections() -> None:
    corrections = said("match: {name: a}\n    set: {name: b}", "match: {name: c}\n    set: {name: b}")
    assert told([package("a"), package("b"), package("c")], corrections) == [
        ("pkg:pypi/b@1", "c.yaml:2 (me); c.yaml:6 (me)", ("/lib/a", "/lib/b", "/lib/c"))
    ]


def test_the_first_correction_that_fits_a_place_counts() -> None:
    corrections = said("match: {name: a, path: /x/a}\n    remove: true", "match: {name: a}\n    set: {version: 3}")
    found = correct([package("a", "1", "pypi", "/x/a", "/y/a")], corrections, nowhere, merge_packages)
    assert [(each.purl, each.locations) for each in found.packages] == [("pkg:pypi/a@3", (Location("/y/a", 0),))]
    assert found.purls == {"pkg:pypi/a@1": ("pkg:pypi/a@3",)}


@pytest.mark.parametrize(
    ("before", "change", "after"),
    [
        (package("a", "1", "rpm"), "version: '2:3-4'", ("pkg:rpm/a@3-4?epoch=2", "2:3-4", None)),
        (
            package("libc6", "2.1+b1", "deb", source=SourcePackage("glibc", "2.1")),
            "version: '2.2'",
            ("pkg:deb/libc6@2.2", "2.2", SourcePackage("glibc", "2.2")),
        ),
        (
            package("libc6", "2.1", "deb", source=SourcePackage("glibc", "2.1")),
            "name: musl",
            ("pkg:deb/musl@2.1", "2.1", SourcePackage("musl", "2.1")),
        ),
        (
            package("b", "1", "maven", purl="pkg:maven/org.a/b@1"),
            "name: 'org.c:d'",
            ("pkg:maven/org.c/d@1", "1", None),
        ),
        (package("@s/a", "1", "npm", purl="pkg:npm/%40s/a@1"), "version: '2'", ("pkg:npm/%40s/a@2", "2", None)),
        (
            package("b", UNKNOWN_VERSION, "golang", purl="pkg:golang/example.com/a/b"),
            "version: v1.2.0",
            ("pkg:golang/example.com/a/b@v1.2.0", "v1.2.0", None),
        ),
        (package("a", "1", "generic"), "purl: 'pkg:cargo/a@2'", ("pkg:cargo/a@2", "2", None)),
        (package("a", "1", "generic"), "type: cargo", ("pkg:cargo/a@1", "1", None)),
        (package("a", "1", "npm"), "name: '@s/b'", ("pkg:npm/%40s/b@1", "1", None)),
        (package("a", "1", "npm"), "name: 's/'", ("pkg:npm/s%2F@1", "1", None)),
        (package("b", "1", "maven"), "name: 'org.c:'", ("pkg:maven/org.c:@1", "1", None)),
    ],
    ids=["rpm", "version", "name", "maven", "npm", "golang", "purl", "type", "scope", "no name", "no artifact"],
)
def test_all_that_follows_from_a_new_identity_is_as_a_scan_would_have_it(
    before: Package, change: str, after: tuple[str, str, SourcePackage | None]
) -> None:
    [found] = correct([before], said(f"match: {{type: '*'}}\n    set: {{{change}}}"), nowhere, merge_packages).packages
    assert (found.purl, found.version, found.source) == after
    assert found.locations == before.locations


def test_owners_programs_and_relations_follow() -> None:
    packages = [
        package("a", "1", "deb"),
        package("b", owned_by="pkg:deb/a@1", mains=("pkg:deb/a@1",)),
        package("c", owned_by="pkg:pypi/b@1"),
    ]
    corrections = said("match: {type: deb}\n    set: {version: 2}", "match: {name: b}\n    remove: true")
    found = correct(packages, corrections, nowhere, merge_packages)
    assert [(each.purl, each.owned_by) for each in found.packages] == [("pkg:deb/a@2", None), ("pkg:pypi/c@1", None)]
    relations = [Relation("pkg:deb/a@1", "pkg:pypi/c@1"), Relation("pkg:pypi/c@1", "pkg:pypi/b@1")]
    assert with_new_purls(relations, found.purls) == (Relation("pkg:deb/a@2", "pkg:pypi/c@1"),)
    [b] = [
        each
        for each in correct(
            packages, said("match: {type: deb}\n    set: {version: 2}"), nowhere, merge_packages
        ).packages
        if each.name == "b"
    ]
    assert (b.owned_by, b.mains) == ("pkg:deb/a@2", ("pkg:deb/a@2",))


def test_what_did_nothing_is_said_and_so_is_what_is_about_other_images() -> None:
    corrections = said(
        "match: {name: z}\n    remove: true",
        "add: {path: /none, name: n}",
        "match: {name: a}\n    remove: true\n    images: ['example.com/*', 'sha256:1']",
    )
    here = corrections.about(("registry:example.org/a:1",))
    assert corrections.about(("sha256:1",)).elsewhere == ()
    problems = correct([package("a")], here, nowhere, merge_packages).problems
    assert sorted((problem.reason, problem.kind) for problem in problems) == [
        ("c.yaml:2 (me) was not applied: no package here fits it", "note"),
        ("c.yaml:6 (me) was not applied: nothing is at /none", "note"),
        ("corrections for other images were not applied: c.yaml:9", "note"),
    ]


def test_a_package_of_a_type_that_package_urls_cannot_have_stays_as_it_is() -> None:
    odd = package("a", "1", "No Type", purl="")
    [found] = correct([odd], said("match: {name: a}\n    set: {version: 2}"), nowhere, merge_packages).packages
    assert (found.type, found.name, found.version) == ("No Type", "a", "1")


def test_of_a_correction_that_fits_very_many_packages_the_rest_is_counted() -> None:
    corrections = said("match: {type: pypi}\n    remove: true")
    found = correct([package(f"a{number}") for number in range(1002)], corrections, nowhere, merge_packages)
    assert (found.packages, len(found.problems)) == ((), 1001)
    assert "c.yaml:2 (me): so with 2 more packages: so it is" in {problem.reason for problem in found.problems}


def test_an_inventory_that_was_written_down_is_corrected_with_the_owners_of_its_files() -> None:
    [data] = [record for record in WITH_FILES.files or () if record.path == "/srv/data"]
    files = [
        msgspec.structs.replace(data, path=path, owner=owner, state=state, layer=layer)
        for path, owner, state, layer in (
            ("/a", "pkg:pypi/a@1", "ok", 1),
            ("/b", "pkg:pypi/b@1", "ok", 1),
            ("/c", "pkg:pypi/c@1", "ok", 1),
            ("/gone", None, "ghost", 0),
            ("/plain", None, "unowned", 2),
        )
    ]
    packages = tuple(package(name) for name in "abc")
    relations = (Relation("pkg:pypi/a@1", "pkg:pypi/b@1"), Relation("pkg:pypi/a@1", "pkg:pypi/c@1"))
    inventory = msgspec.structs.replace(EMPTY, packages=packages, files=tuple(files), relations=relations)
    corrections = said(
        "match: {name: a}\n    set: {version: 2}",
        "match: {name: b}\n    remove: true",
        "add: {path: /plain, name: p}",
        "add: {path: /gone, name: g}",
    )
    found = corrected_inventory(inventory, corrections, merge_packages)
    assert [each.purl for each in found.packages] == ["pkg:generic/p", "pkg:pypi/a@2", "pkg:pypi/c@1"]
    assert found.packages[0].locations == (Location("/plain", 2),)
    assert [(each.path, each.owner, each.state) for each in found.files or ()] == [
        ("/a", "pkg:pypi/a@2", "ok"),
        ("/b", None, "unowned"),
        ("/c", "pkg:pypi/c@1", "ok"),
        ("/gone", None, "ghost"),
        ("/plain", None, "unowned"),
    ]
    assert found.relations == (Relation("pkg:pypi/a@2", "pkg:pypi/c@1"),)
    assert "c.yaml:13 (me) was not applied: nothing is at /gone" in {each.reason for each in found.problems}


def test_an_added_component_is_where_the_image_has_it() -> None:
    corrections = said("add: {path: /opt/a, name: a, version: 1, cpe: 'cpe:/a:v:a', license: MIT, supplier: S}")
    found = correct([], corrections, lambda path: Location("/real/a", 3), merge_packages)
    [each] = found.packages
    assert (each.purl, each.locations, each.licenses) == ("pkg:generic/a@1", (Location("/real/a", 3),), ("MIT",))
    assert each.notes == {"cpes": "a:v:a", "supplier": "S", CORRECTED: "c.yaml:2 (me)"}
    assert found.problems[0].path == "/real/a"
