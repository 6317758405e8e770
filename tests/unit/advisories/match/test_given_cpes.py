"""CPE names that a record gives: under them software is asked for of which nothing else speaks."""

from __future__ import annotations

from hullmark.advisories.match.coordinates import coordinate_of
from hullmark.advisories.match.coordinates import package_of as as_matched
from hullmark.advisories.match.cpes import MOST_GIVEN, candidates, given_names
from hullmark.advisories.match.lookups import RULES
from hullmark.catalog.sbom.document import SbomPackage
from hullmark.catalog.sbom.packages import _SPOKEN_OF, package_of
from hullmark.model.package import Package
from tests.support.matching import advisory, affected, counted, matched, package, snapshot_of

ACME = advisory("CVE-1-1", affected("cpe", "a:acme:rocket", "generic", "2"), source="nvd")
JAVA = advisory("CVE-1-2", affected("cpe", "a:oracle:java_se", "jvm", "8u361"), source="nvd")


def told(*cpes: str, **more: str) -> Package:
    found = package_of(SbomPackage(label="component 1", cpes=cpes, **more), lambda reason: None)  # type: ignore[arg-type]
    assert found is not None
    return found


def test_a_component_is_asked_for_by_vendor_and_product_of_its_cpe_name() -> None:
    for cpe in ("cpe:2.3:a:acme:rocket:1.0:*:*:*:*:*:*:*", "cpe:/a:acme:rocket:1.0"):
        rocket = told(cpe, name="Rocket Engine", version="1.0")
        assert counted(matched(snapshot_of(ACME), [rocket])) == {("rocket", "CVE-1-1"): "2"}
    other = told("cpe:2.3:a:other:rocket:1.0:*:*:*:*:*:*:*", name="rocket", version="1.0")
    assert counted(matched(snapshot_of(ACME), [other])) == {}


def test_a_package_of_a_type_without_advisories_is_asked_for_where_it_has_a_cpe_name() -> None:
    cpe = "cpe:2.3:a:acme:rocket:*:*:*:*:*:*:*:*"
    rocket = told(cpe, purl="pkg:brew/rocket@1.0", name="rocket", version="1.0")
    assert counted(matched(snapshot_of(ACME), [rocket])) == {("rocket", "CVE-1-1"): "2"}
    (unknown,) = matched(snapshot_of(ACME), [told(purl="pkg:brew/rocket@1.0")]).unknown
    assert unknown.reason == "no advisories are made for packages of the type brew"


def test_where_a_language_has_advisories_cpe_names_are_guesses_and_not_kept() -> None:
    assert "cpes" not in told("cpe:2.3:a:acme:rocket:1:*:*:*:*:*:*:*", purl="pkg:pypi/rocket@1").notes
    assert {*RULES} - {*_SPOKEN_OF} == {"oci"}, "images that are none of Red Hat's have no advisories of their own"


def test_of_more_names_than_are_asked_about_the_package_is_unknown_too() -> None:
    def unknown(count: int) -> list[tuple[str, str]]:
        names = " ".join(["a:acme:rocket", *(f"a:acme:{number}" for number in range(1, count))])
        found = matched(snapshot_of(ACME), [package("brew", "rocket", "1.0", notes={"cpes": names})])
        assert counted(found) == {("rocket", "CVE-1-1"): "2"}
        return [(each.kind, each.reason) for each in found.unknown]

    assert unknown(MOST_GIVEN) == []
    assert unknown(MOST_GIVEN + 1) == [("unseen", "it has more than 32 names in CPE: the rest was not asked about")]


def test_the_coordinate_of_a_package_has_its_cpe_names() -> None:
    rocket = package("brew", "rocket", "1.0", notes={"cpes": "a:acme:rocket"})
    again = as_matched(coordinate_of(rocket, None))
    assert counted(matched(snapshot_of(ACME), [again])) == {("rocket", "CVE-1-1"): "2"}


def test_given_names_are_bounded_and_well_formed() -> None:
    notes = {"cpes": " ".join(["A:Acme:Rocket", "a:b", "a:b:c:d", *(f"a:v:p{n}" for n in range(100))])}
    names = given_names(package("generic", "x", "1", notes=notes))
    assert names[0] == "a:acme:rocket"
    assert len(names) == 30
    strange = told("cpe:2.3:a:a b:c:1:*", "cpe:2.3:a:*:c:1:*", "cpe:2.3:a:-\\::c:1", "no cpe", name="x", version="1")
    assert strange.notes.get("cpes", "") == ""


def test_java_se_is_asked_for_as_the_runtimes_are() -> None:
    for name in ("jdk", "jre", "openjdk", "java_se"):
        names = [candidate.name for candidate in candidates(package("generic", name, "1.8.0_351"))]
        assert "a:oracle:java_se" in names
        assert counted(matched(snapshot_of(JAVA), [package("generic", name, "1.8.0_351")])) == {
            (name, "CVE-1-2"): "8u361"
        }
        assert counted(matched(snapshot_of(JAVA), [package("generic", name, "1.8.0_361")])) == {}
    given = package("generic", "java", "8u351", notes={"cpes": "a:oracle:java_se"})
    assert counted(matched(snapshot_of(JAVA), [given])) == {("java", "CVE-1-2"): "8u361"}


def test_of_a_package_whose_version_has_no_number_nothing_is_asked() -> None:
    unversioned = package("brew", "rocket", "HEAD", notes={"cpes": "a:acme:rocket a:oracle:jdk"})
    assert list(candidates(unversioned)) == []
