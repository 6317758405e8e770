"""What advisories say on a day and on the next, as hypothesis makes it up, and images of which some of it is said."""

from __future__ import annotations

import msgspec
from hypothesis import strategies as st

from hullmark.model.advisory import (
    Advisory,
    AffectedPackage,
    Cvss,
    Exploitability,
    GoImport,
    KevEntry,
    Lifecycle,
    Range,
    Record,
    Support,
)
from hullmark.model.package import UNKNOWN_VERSION
from tests.support.matching import inventory, package

IMAGES = [
    inventory(
        [
            package("deb", "libfoo", "1.2-1", source=("foo", "1.2-1"), arch="amd64"),
            package("deb", "foo-bin", "1.2-1", source=("foo", "1.2-1"), arch="amd64"),
            package("pypi", "foo", "1.2"),
            package("pypi", "bar", "none at all"),
        ],
        "debian:12",
    ),
    inventory(
        [
            package("rpm", "foo", "1.2-1.el9", source=("bar", "1.2-1.el9"), arch="x86_64"),
            package("rpm", "bar", "1.2-1.el9", source=("bar", "!")),
            package("rpm", "bar", UNKNOWN_VERSION),
            package("pypi", "foo", "1.2"),
        ],
        "rocky:9.4",
    ),
    inventory(
        [
            package("apk", "foo", "1.2-r0", source=("bar", "none")),
            package("apk", "bar", "no-r0"),
            package("generic", "foo", "1.2"),
        ],
        "alpine:3.18.4",
    ),
    inventory([package("pypi", "foo", "1.4"), package("deb", "foo", "1.9-1")], "debian:12"),
    inventory(
        [
            package("golang", "example.org/foo", "v1.2.0", notes={"symbols": "example.org/foo.F"}),
            package("golang", "example.org/foo", "v1.2.0", notes={"symbols": "example.org/foo.G"}),
            package("deb", "bar", "1.2-1"),
        ],
        "ubuntu:22.04",
    ),
]
"""Packages of many kinds, some with versions that cannot be compared."""

NAMES = st.sampled_from(["foo", "bar"])
CVES = st.sampled_from(["CVE-2024-1", "CVE-2024-2", "CVE-2024-3"])
IDS = CVES | st.sampled_from(["GHSA-1", "DSA-1", "RHSA-1"])
PLACES = [("debian:12", "deb", "-1"), ("rhel:9", "rpm", "-1.el9"), ("rhel:9.4", "rpm", "-1.el9_4"), ("rocky:9", "rpm", "-1.el9"),
          ("alpine:3.18", "apk", "-r0"), ("pypi", "pep440", ""), ("cpe", "generic", ""), ("generic", "semver", ""),
          ("golang", "golang", ".0"), ("ubuntu:22.04", "deb", "-1")]  # fmt: skip
SYMBOLS = st.sampled_from(["", "", "F", "G"]).map(lambda name: (GoImport("example.org/foo", (name,)),) if name else ())


@st.composite
def parts(draw: st.DrawFn) -> AffectedPackage:
    """Parts that speak of what is in IMAGES, more or less."""
    # Many speak of the same, so that they have something to do with each other.
    namespace, scheme, tail = draw(st.sampled_from(PLACES[:1]) | st.sampled_from(PLACES))
    name = draw(NAMES)
    low, high = draw(st.sampled_from(["", "", "1.0", "1.3"])), draw(st.sampled_from(["", "1.1", "1.3", "2.0"]))
    span = Range(
        low=low and low + tail, high=high and high + tail, fixed=draw(st.sampled_from(["", high and high + tail]))
    )
    return AffectedPackage(
        namespace=namespace,
        name=f"a:{name}:{name}" if namespace == "cpe" else f"example.org/{name}" if namespace == "golang" else name,
        scheme=scheme,
        kind=draw(st.sampled_from(["affected", "affected", "affected", "unaffected"])),
        ranges=(span,),
        severity=draw(st.sampled_from(["", "", "high"])),
        module=draw(st.sampled_from([None, None, "", "x:1"])),
        arch=draw(st.sampled_from(["", "", "binary", "src"])),
        symbols=draw(SYMBOLS) if namespace == "golang" else (),
    )


ADVISORIES = st.builds(
    Advisory,
    id=IDS,
    source=st.sampled_from(["ghsa", "nvd", "debian", "redhat"]),
    aliases=st.lists(IDS, max_size=2, unique=True).map(tuple),
    severity=st.sampled_from(["unknown", "unknown", "low", "critical"]),
    cvss=st.sampled_from([(), (Cvss("3.1", "CVSS:3.1/AV:N", 7.5),)]),
    withdrawn=st.sampled_from(["", "", "", "2024-01-01"]),
    affected=st.lists(parts(), max_size=3).map(tuple),
)
OTHERS = st.one_of(
    st.builds(Exploitability, CVES, st.sampled_from([0.05, 0.2, 0.3, 0.9]), st.just(0.5)),
    st.builds(KevEntry, cve=CVES, source=st.just("cisa"), added=st.sampled_from(["2024-01-01", "2024-02-01"])),
    st.builds(
        Lifecycle,
        product=st.sampled_from(["debian", "ubuntu", "rocky", "alpine"]),
        release=st.sampled_from(["12", "22.04", "9", "9.4", "3.18"]),
        source=st.just("eol"),
        eol=st.sampled_from(["", "2026-01-01", "2027-01-01"]),
        is_ended=st.booleans(),
    ),
    st.builds(
        Support,
        namespace=st.sampled_from(["debian:12", "rhel:9", "ubuntu:22.04"]),
        name=st.sampled_from(["foo", "bar", "b.*"]),
        source=st.just("test"),
        level=st.sampled_from(["ended", "limited"]),
        since=st.sampled_from(["", "2026-01-01", "2027-01-01"]),
    ),
)


@st.composite
def days(draw: st.DrawFn) -> tuple[list[Record], list[Record]]:
    """The records of a day, and of the next one: most are the same, some are gone, others or new."""
    records: list[Record] = draw(
        st.lists(ADVISORIES | ADVISORIES | OTHERS, min_size=2, max_size=9, unique_by=_identity)
    )
    fates = draw(st.lists(st.sampled_from(["keep", "keep", "keep", "drop", "change"]), min_size=9, max_size=9))
    after: list[Record] = []
    for record, fate in zip(records, fates, strict=False):
        if fate == "keep":
            after.append(record)
        elif fate == "change":
            other = draw(ADVISORIES if isinstance(record, Advisory) else OTHERS)
            after.append(
                msgspec.structs.replace(other, id=record.id, source=record.source)
                if isinstance(record, Advisory) and isinstance(other, Advisory)
                else other
            )
    after += draw(st.lists(ADVISORIES | OTHERS, max_size=3))
    return records, list({_identity(each): each for each in after}.values())


def _identity(record: Record) -> tuple[str, ...]:
    match record:
        case Advisory():
            return record.source, record.id
        case Lifecycle():
            return "Lifecycle", record.product, record.release
        case Support():
            return "Support", record.namespace, record.name
        case _:
            return type(record).__name__, getattr(record, "cve", "")
