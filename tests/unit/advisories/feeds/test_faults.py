"""Behind a record that cannot be read nothing hides: the packages that it names are unknown, or all that its feed covers is."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.advisories.database.schema import Cover, FeedInfo
from hullmark.advisories.database.wholeness import TOLERATED_PARTS, whole_at
from hullmark.advisories.feeds import (
    arch,
    chainguard,
    debian,
    echo,
    fedora,
    friendsofphp,
    govulndb,
    haskell,
    nodejs,
    nvd,
    openeuler,
    photon,
    pypa,
    redhat,
    rubysec,
    suse_csaf,
    ubuntu,
)
from hullmark.advisories.feeds.faults import FaultReport
from hullmark.advisories.feeds.feed import Cut, Document, Feed, RecordFault
from hullmark.advisories.feeds.formats.names import names_at
from hullmark.model.advisory import Advisory, AffectedPackage, Range
from tests.unit.advisories.feeds.reading import json_document, tar_document, zip_document
from tests.walk.world import lowered
from tools.limits import bounds

URL = "https://x.example/a.json"
BROKEN: list[int] = [1]
"""What no field may be."""


def osv(name: str | int, ecosystem: str, **fields: Any) -> dict[str, Any]:
    return {"id": "X-1", "affected": [{"package": {"name": name, "ecosystem": ecosystem}}], **fields}


def csaf(product: str, **fields: Any) -> dict[str, Any]:
    vulnerability = {"cve": "CVE-2026-1", "product_status": {"known_affected": [product]}, **fields}
    return {"product_tree": {}, "vulnerabilities": [vulnerability]}


ARCH = {"name": "AVG-1", "packages": ["curl"], "status": BROKEN}
UPDATE = {"alias": "F-1", "release": {"version": "40"}, "builds": [{"nvr": "perl-Foo-1.2-3.fc40"}], "title": BROKEN}
NVD = {
    "id": BROKEN,
    "configurations": [{"nodes": [{"cpeMatch": [{"criteria": "cpe:2.3:a:acme:tool:1:*:*:*:*:*:*:*"}]}]}],
}
NODE = {"module_name": "left-pad", "vulnerable_versions": BROKEN}
HASKELL = '```toml\n[advisory]\nid = "HSEC-2023-0007"\n[[affected]]\npackage = "base"\nversions = 7\n```\n'

CASES: dict[str, tuple[Feed, Document, str]] = {
    "arch": (arch.FEED, json_document(URL, [ARCH]), "curl"),
    "chainguard": (chainguard.FEED, tar_document(f"{URL}.tar.gz", {"x/CGA-1.json": json.dumps(osv("curl", "Wolfi", published=1))}), "curl"),
    "debian": (debian.FEED, json_document(URL, {"curl": {"CVE-2026-1": {"releases": BROKEN}}}), "curl"),
    "debian, a package": (debian.FEED, json_document(URL, {"curl": BROKEN}), "curl"),
    "echo": (echo.FEED, json_document(URL, {"curl": {"CVE-2026-1": BROKEN}}), "curl"),
    "fedora": (fedora.FEED, json_document(URL, {"updates": [UPDATE]}), "perl-Foo"),
    "friendsofphp": (friendsofphp.FEED, tar_document(URL, {"x/acme/tool/CVE-2026-1.yaml": "a: [b"}), "acme/tool"),
    "govulndb": (govulndb.FEED, zip_document(URL, {"GO-1.json": json.dumps(osv("a.example/b", "Go", details=1))}), "a.example/b"),
    "haskell": (haskell.FEED, tar_document(URL, {"x/advisories/published/HSEC-2023-0007.md": HASKELL}), "base"),
    "nodejs": (nodejs.FEED, tar_document(URL, {"x/vuln/npm/1.json": json.dumps(NODE)}), "left-pad"),
    "nodejs itself": (nodejs.FEED, tar_document(URL, {"x/vuln/core/1.json": "{}"}), "node"),
    "nvd": (nvd.FEED, json_document(URL, {"vulnerabilities": [{"cve": NVD}]}), "a:acme:tool"),
    "openeuler": (openeuler.FEED, json_document(URL, csaf("openEuler-24.03-LTS:curl-8.4.0-1", title=BROKEN)), "curl"),
    "photon": (photon.FEED, json_document("https://x.example/cve_data_photon5.0.json", [{"pkg": "curl", "cve_id": BROKEN}]), "curl"),
    "photon, a status": (
        photon.FEED,
        json_document("https://x.example/cve_data_photon5.0.json", [{"pkg": "curl", "cve_id": "CVE-2026-1", "status": "Fixed"}]),
        "curl",
    ),
    "pypa": (pypa.FEED, zip_document(URL, {"PYSEC-1.json": json.dumps(osv("Foo.Bar", "PyPI", details=1))}), "foo-bar"),
    "pypa, its own files": (pypa.FEED, tar_document(URL, {"x/vulns/foo/PYSEC-1.yaml": "a: [b"}), "foo"),
    "redhat": (redhat.FEED, json_document(URL, csaf("BaseOS-9:curl-0:7.76.1-26.el9.src", title=BROKEN)), "curl"),
    "redhat, no id": (redhat.FEED, json_document(URL, csaf("BaseOS-9:curl-0:7.76.1-26.el9.src", cve="")), "curl"),
    "rubysec": (rubysec.FEED, tar_document(URL, {"x/gems/rack/CVE-2026-1.yml": "a: [b"}), "rack"),
    "suse-csaf": (
        suse_csaf.FEED,
        json_document(URL, csaf("SUSE Linux Enterprise Server 15 SP4:libopenssl1_1-1.1.1l-150400.7.16.1", title=BROKEN)),
        "libopenssl1_1",
    ),
    "ubuntu": (ubuntu.FEED, zip_document(URL, {"UBUNTU-CVE-1.json": json.dumps(osv("curl", "Ubuntu:24.04", published=1))}), "curl"),
}  # fmt: skip


def read(feed: Feed, document: Document, known: AffectedPackage) -> tuple[list[AffectedPackage], FaultReport]:
    """What is unknown after a feed was read that also knows a package."""
    faults = FaultReport(feed.name)

    def records() -> Iterator[Any]:
        yield Advisory(id="X-0", source=feed.name, affected=(known,))
        yield from feed.parse([document], faults)

    found = list(faults.through(records()))
    rows = [row for record in found if isinstance(record, Advisory) for row in record.affected]
    return [row for row in rows if row.kind == "unknown"], faults


def beside(namespace: str, scheme: str = "deb") -> AffectedPackage:
    return AffectedPackage(namespace=namespace, name="other", scheme=scheme, ranges=(Range(high="1"),))


@pytest.mark.parametrize("case", sorted(CASES))
def test_a_record_that_cannot_be_read_makes_the_packages_that_it_names_unknown(case: str) -> None:
    feed, document, name = CASES[case]
    namespace = next((namespace for namespace in feed.covers if ":" not in namespace), "x:1")
    rows, faults = read(feed, document, beside(namespace))
    assert (namespace, name) in {(row.namespace, row.name) for row in rows}
    assert (faults.unread, faults.unplaced, faults.cut) == (1, 0, 0)
    assert all(row.note and row.ranges == (Range(),) for row in rows)


UNTOLD: dict[str, tuple[Feed, Document]] = {
    "packages that are not a list": (arch.FEED, json_document(URL, [{"name": "AVG-1", "packages": "curl"}])),
    "a name that is a number": (govulndb.FEED, zip_document(URL, {"GO-1.json": json.dumps(osv(7, "Go"))})),
    "a record that breaks off": (govulndb.FEED, zip_document(URL, {"GO-1.json": '{"id": "GO-1", "affected": [{"pack'})),
    "configurations of no kind": (
        nvd.FEED,
        json_document(URL, {"vulnerabilities": [{"cve": {"configurations": BROKEN}}]}),
    ),
    "a file in an archive that is not JSON": (
        redhat.FEED,
        tar_document(f"{URL}.tar.gz", {"2026/cve-2026-1.json": "{"}),
    ),
}


@pytest.mark.parametrize("case", sorted(UNTOLD))
def test_where_it_cannot_be_told_what_a_record_is_about_its_feed_covers_nothing(case: str) -> None:
    feed, document = UNTOLD[case]
    rows, faults = read(feed, document, beside("x:1"))
    assert not rows
    assert faults.unplaced == 1
    assert not whole_at(info(10_000, faults.unread, faults.unplaced), "2026-11-01")


def info(records: int, unread: int, unplaced: int) -> FeedInfo:
    return FeedInfo(
        name="x",
        title="",
        homepage="",
        licence="",
        records=records,
        unread=unread,
        unplaced=unplaced,
        covers=(Cover("x:1"),),
    )


@pytest.mark.parametrize(
    ("unread", "is_whole"), [(1000 // TOLERATED_PARTS, True), (1000 // TOLERATED_PARTS + 1, False)]
)
def test_a_feed_with_many_faulty_records_is_not_whole_though_all_name_their_packages(
    unread: int, is_whole: bool
) -> None:
    assert bool(whole_at(info(1000, unread, 0), "2026-11-01")) is is_whole


RECORDS: dict[str, tuple[Feed, Any, str]] = {
    "govulndb": (
        govulndb.FEED,
        osv(
            "a.example/b",
            "Go",
            aliases=["CVE-2026-1"],
            summary="s",
            severity=[{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N"}],
        ),
        "a.example/b",
    ),
    "arch": (
        arch.FEED,
        {"name": "AVG-1", "packages": ["curl"], "status": "Vulnerable", "severity": "High", "fixed": "2"},
        "curl",
    ),
    "photon": (
        photon.FEED,
        {"pkg": "curl", "cve_id": "CVE-2026-1", "cve_score": 7.5, "status": "Fixed", "res_ver": "2-1"},
        "curl",
    ),
    "nvd": (
        nvd.FEED,
        {
            "id": "CVE-2026-1",
            "descriptions": [{"lang": "en", "value": "v"}],
            "configurations": [
                {"nodes": [{"cpeMatch": [{"criteria": "cpe:2.3:a:acme:tool:1:*:*:*:*:*:*:*", "vulnerable": True}]}]}
            ],
        },
        "a:acme:tool",
    ),
    "fedora": (
        fedora.FEED,
        {
            "alias": "F-1",
            "release": {"version": "40", "id_prefix": "FEDORA"},
            "builds": [{"nvr": "curl-1-2"}],
            "title": "curl",
        },
        "curl",
    ),
}
"""Records that tell of one package each."""
RECORDS["govulndb"][1]["affected"][0]["ranges"] = [
    {"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.2.0"}]}
]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a record."""
    if path:
        yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(inner, (*path, key))


def document_of(feed: Feed, record: Any) -> Document:
    if feed is govulndb.FEED:
        return zip_document(URL, {"GO-1.json": json.dumps(record)})
    if feed is nvd.FEED:
        return json_document(URL, {"vulnerabilities": [{"cve": record}]})
    if feed is photon.FEED:
        return json_document("https://x.example/cve_data_photon5.0.json", [record])
    return json_document(URL, {"updates": [record]} if feed is fedora.FEED else [record])


@given(st.sampled_from(sorted(RECORDS)), st.data(), st.sampled_from([None, 7, [1], {"a": 1}, "", "?", True]))
def test_whatever_is_wrong_in_a_record_its_package_is_spoken_of_or_all_is_unknown(
    name: str, data: Any, wrong: Any
) -> None:
    feed, record, package = RECORDS[name]
    *path, last = data.draw(st.sampled_from(list(places(record))))
    changed = copy.deepcopy(record)
    parent = changed
    for key in path:
        parent = parent[key]
    if isinstance(parent[last], str) and isinstance(wrong, str):
        return  # another word is not a fault
    parent[last] = wrong
    faults = FaultReport(feed.name)
    known = Advisory(id="X-0", source=feed.name, affected=(beside("x:1"),))
    found = list(faults.through(iter([known, *feed.parse([document_of(feed, changed)], faults)])))
    names = {row.name for record in found if isinstance(record, Advisory) for row in record.affected}
    assert package in names or faults.unplaced or is_nothing(wrong), (changed, found)


def is_nothing(value: Any) -> bool:
    """A format may leave out what it has nothing to say about."""
    return value is None


def test_records_without_faults_pass_as_they_are() -> None:
    records = [Advisory(id="X-1", source="x", affected=(beside("x:1"),))]
    faults = FaultReport("x")
    assert list(faults.through(iter(records))) == records
    assert (faults.problems, faults.unread, faults.unplaced) == (0, 0, 0)


def test_faults_at_one_place_are_one_advisory() -> None:
    faults = FaultReport("x")
    list(faults.through(iter([Advisory(id="X-1", source="x", affected=(beside("x:1"),))])))
    faults("a", RecordFault("it is wrong", ("b",)))
    faults("a", RecordFault("it is wrong too", ("c",)))
    faults("a", "a remark")
    faults("a", Cut("it is too long"))
    [advisory] = faults.through(iter(()))
    assert isinstance(advisory, Advisory)
    assert [(row.namespace, row.name, row.note) for row in advisory.affected] == [
        ("x:1", "b", "it is wrong"),
        ("x:1", "c", "it is wrong"),
    ]
    assert (faults.problems, faults.unread, faults.cut, faults.unplaced) == (4, 2, 1, 0)


def test_more_names_than_are_followed_make_a_fault_that_may_be_about_any_package() -> None:
    known = Advisory(id="X-1", source="x", affected=(beside("x:1"), beside("x:2")))
    [rows] = [
        bound for bound in bounds() if bound.name == "_MAX_ROWS" and bound.module == "hullmark.advisories.feeds.faults"
    ]
    with lowered(rows, 3):
        for names, unplaced in ((("a",), 0), (("a", "b"), 1)):
            faults = FaultReport("x")
            faults("p", RecordFault("it is wrong", names))
            list(faults.through(iter([known])))
            assert faults.unplaced == unplaced
    [most] = [bound for bound in bounds() if bound.name == "_MAX_NAMES" and bound.room == "advisories/feeds"]
    with lowered(most, 2):
        assert names_at(["a", "b"], "*") == frozenset("ab")
        assert names_at(["a", "b", "c"], "*") is None


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("curl", {"curl"}),
        ("pkg:npm/%40scope/name@1.2", {"pkg:npm/%40scope/name@1.2", "name", "@scope/name", "@scope:name"}),
        ("cpe:2.3:a:acme:tool:1:*:*:*:*:*:*:*", {"cpe:2.3:a:acme:tool:1:*:*:*:*:*:*:*", "a:acme:tool"}),
        ("java-1.8.0-openjdk-1:1.8-2.el9.src", {"java", "java-1.8.0-openjdk"}),
        ("https://x.example/a-1", {"https://x.example/a-1"}),
    ],
)
def test_names_are_found_in_purls_cpes_and_builds(text: str, names: set[str]) -> None:
    found = names_at({"a": {"b": [text, 7, None]}}, "a.**")
    assert found is not None
    assert names <= found
    assert names_at({"a": {"b": [text]}}, "a.b.*") == found
