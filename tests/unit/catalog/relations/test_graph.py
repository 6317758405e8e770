"""What is said of relations as a whole: their bounds, what stands at the top, chains, and provenance."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.markers import InvalidMarker, Marker, default_environment

import hullmark.catalog.relations
from hullmark.catalog.relations import dpkg
from hullmark.catalog.relations.graph import chain, tops
from hullmark.catalog.relations.provenance import file_provenance, package_provenances, packages_named
from hullmark.catalog.relations.python_markers import holds
from hullmark.catalog.relations.resolver import OutOfSteps, Resolver, Steps
from hullmark.model.inventory import Inventory
from hullmark.model.package import Package
from hullmark.model.relation import Relation, RelationKind
from hullmark.scanning.request import ScanRequest, ScanResources
from hullmark.scanning.scan import scan_image
from tests.support.images import tar_of
from tests.support.layers import image
from tests.unit.catalog.relations.test_systems import stanza
from tests.unit.report.samples import EMPTY, WITH_FILES

STATUS = "var/lib/dpkg/status"


def scanned(*stanzas: str, catalogers: tuple[str, ...] = ()) -> Inventory:
    layer = tar_of({STATUS: "".join(stanzas).encode(), "etc/os-release": b"ID=debian\nVERSION_ID=13\n"})
    return scan_image(image(layer), ScanRequest(relations=True, catalogers=catalogers), ScanResources()).inventory


def lines(inventory: Inventory) -> list[tuple[str, str]]:
    names = {package.purl: package.name for package in inventory.packages}
    return [(names[each.dependent], names[each.dependency]) for each in inventory.relations or ()]


def problems(inventory: Inventory) -> list[tuple[str, tuple[str, ...]]]:
    return [(problem.reason, problem.facts) for problem in inventory.problems if problem.room == "relations"]


def test_an_image_tells_its_relations_only_where_somebody_asks() -> None:
    layer = tar_of({STATUS: (stanza("a", Depends="b, a, gone") + stanza("b")).encode()})
    assert scan_image(image(layer), ScanRequest(), ScanResources()).inventory.relations is None
    assert lines(scanned(stanza("a", Depends="b, a, gone"), stanza("b"))) == [("a", "b")]


def test_catalogers_that_were_left_out_have_no_relations() -> None:
    inventory = scanned(stanza("a", Depends="b"), stanza("b"), catalogers=("npm",))
    assert inventory.relations == ()


def test_relations_beyond_the_limit_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hullmark.catalog.relations, "_MAX_RELATIONS", 1)
    inventory = scanned(stanza("a", Depends="b, c"), stanza("b"), stanza("c"))
    assert lines(inventory) == [("a", "b")]
    reason = "which packages need which is not known of all that dpkg found: there are more than 1 relations"
    assert problems(inventory) == [(reason, ("packages",))]
    assert not inventory.is_whole


def test_needs_that_too_many_packages_may_meet_are_given_up_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hullmark.catalog.relations, "Steps", lambda: Steps(10))
    many = [stanza(f"p{number}", Depends="virtual (>= 9)", Provides="virtual (= 1)") for number in range(5)]
    reason = "which packages need which is not known of all that dpkg found: too many packages may be what others need"
    assert problems(scanned(*many)) == [(reason, ("packages",))]
    with pytest.raises(OutOfSteps):
        Steps(2).take(3)


def test_a_fault_of_a_resolver_costs_its_relations_and_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(scene: object) -> list[Relation]:
        raise ZeroDivisionError

    monkeypatch.setattr(dpkg, "RESOLVER", Resolver(cataloger="dpkg", relate=broken))
    inventory = scanned(stanza("a"))
    assert [package.name for package in inventory.packages] == ["a"]
    assert [reason.rpartition(": ")[2] for reason, _ in problems(inventory)] == ["ZeroDivisionError"]


def rows(text: str, kind: RelationKind = "depends-on") -> tuple[Relation, ...]:
    return tuple(Relation(pair[0], pair[1], kind) for pair in text.split())


def test_the_packages_that_nobody_needs_are_at_the_top_and_one_of_each_circle() -> None:
    assert tops("abcdefg", rows("ab bc de ef fd")) == ("a", "d", "g")


def test_a_chain_is_the_shortest_and_avoids_what_is_optional() -> None:
    needed = rows("ab bc cd")
    assert chain("d", "a", needed) == ("a", "b", "c", "d")
    assert chain("d", "a", (*needed, *rows("ad", "optional"))) == ("a", "b", "c", "d")
    assert chain("d", "a", (*needed, *rows("ad"))) == ("a", "d")
    assert chain("x", "a", (*needed, *rows("dx", "optional"))) == ("a", "b", "c", "d", "x")
    assert chain("z", "a", needed) == ("z",)


@given(st.sets(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("abcdefgh")), max_size=30))
def test_every_package_is_reached_from_the_top(pairs: set[tuple[str, str]]) -> None:
    relations = tuple(Relation(one, other) for one, other in sorted(pairs))
    starts = tops("abcdefgh", relations)
    for purl in "abcdefgh":
        found = chain(purl, starts, relations)
        assert found[0] in starts
        assert found[-1] == purl
        assert set(pairwise(found)) <= pairs


def sample(name: str, version: str, purl: str) -> Package:
    return Package(type="npm", name=name, version=version, purl=purl, cataloger="npm")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("pkg:npm/a@1", ["1"]),
        ("pkg:npm/a", ["1", "2"]),
        ("pkg:npm/a@2?x=y", ["2"]),
        ("pkg:npm/a@2", ["2"]),
        ("a", ["1", "2"]),
        ("a@2", ["2"]),
        ("pkg:npm/a@3", []),
        ("b", []),
    ],
)
def test_a_package_is_named_by_its_url_or_a_part_of_it(name: str, expected: list[str]) -> None:
    packages = (sample("a", "1", "pkg:npm/a@1"), sample("a", "2", "pkg:npm/a@2?x=y"))
    found = packages_named(msgspec.structs.replace(EMPTY, packages=packages), name)
    assert [package.version for package in found] == expected


def test_a_chain_goes_through_the_package_of_the_system_that_brought_another() -> None:
    packages = (
        sample("shop", "1", "pkg:deb/shop@1"),
        sample("lib", "1", "pkg:deb/lib@1"),
        msgspec.structs.replace(sample("x", "1", "pkg:npm/x@1"), owned_by="pkg:deb/lib@1"),
    )
    relations = (Relation("pkg:deb/shop@1", "pkg:deb/lib@1"),)
    inventory = msgspec.structs.replace(EMPTY, packages=packages, relations=relations)
    (found,) = package_provenances(inventory, packages[2:], None)
    assert found.chain == ("pkg:deb/shop@1", "pkg:deb/lib@1", "pkg:npm/x@1")
    assert (found.needed_by, found.needs, found.matches) == ((), (), None)


def test_a_file_is_found_where_its_links_lead() -> None:
    found = file_provenance(WITH_FILES, "/srv/link")
    assert found is not None
    assert (found.real, found.versions[0].place.instruction) == ("/srv/data", "COPY app /app")
    assert file_provenance(WITH_FILES, "/srv/none") is None


ENVIRONMENT = {
    **{key: str(value) for key, value in default_environment().items()},
    "python_version": "3.11",
    "extra": "a-b",
}
VALUES = st.sampled_from(["3.8", "3.11", "3.9.1", "linux", "A_b", "posix", "3.*", ""])
CLAUSES = st.one_of(
    st.builds(
        "python_version {} '{}'".format,
        st.sampled_from(["==", "!=", "<", ">=", "in", "not in"]),
        st.sampled_from(["3.8", "3.11", "3.9.1", "3.11.0", "4"]),
    ),
    st.builds(
        "{} {} '{}'".format,
        st.sampled_from(["sys_platform", "extra", "os_name", "platform_machine"]),
        st.sampled_from(["==", "!=", "in", "not in"]),
        VALUES,
    ),
)
MARKERS = st.recursive(
    CLAUSES,
    lambda inner: st.one_of(st.builds("{} and {}".format, inner, inner), st.builds("({} or {})".format, inner, inner)),
    max_leaves=6,
)


@given(MARKERS)
def test_markers_hold_where_packaging_says_so(text: str) -> None:
    try:
        expected = Marker(text).evaluate(ENVIRONMENT)
    except Exception:  # noqa: BLE001 - what packaging cannot compare is of no use here
        return
    assert holds(text, ENVIRONMENT) in (expected, None)


@pytest.mark.parametrize(
    "text", ["", "(", "a", "os_name ==", "os_name == 'posix' and", "os_name == 'posix' extra", "('" * 99]
)
def test_a_marker_that_cannot_be_read_is_unknown(text: str) -> None:
    assert holds(text, ENVIRONMENT) is None
    with pytest.raises(InvalidMarker):
        Marker(text)


@given(st.text(alphabet="()'\"<>=!~ andorinextra_.3x", max_size=80))
def test_any_marker_is_survived(text: str) -> None:
    holds(text, ENVIRONMENT)
