"""Small results of matching for the tests of their formats, and strategies that make odd ones."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import strategies as st

from hullmark.advisories.match.ssvc import decide_match
from hullmark.model.advisory import SEVERITIES, Cvss
from hullmark.model.match import (
    Epss,
    Fix,
    Kev,
    Match,
    MatchedAdvisory,
    Matches,
    SnapshotInfo,
    Suppression,
    UnknownPackage,
)
from hullmark.model.package import Package
from hullmark.model.problem import Problem
from hullmark.model.reach import ImageReach, PackageReach, Reach, WitnessStep
from hullmark.model.ssvc import Mission
from hullmark.reach.matched import with_reach
from tests.unit.report.samples import (
    DISTRO,
    EMPTY,
    HOSTILE,
    LAYER,
    ODD,
    PACKAGES,
    PROBLEMS,
    SHA256,
    SOURCE,
    TEXT,
    digest,
    inventories,
    packages,
)

SNAPSHOT = SnapshotInfo(digest=digest(0xD), data_at="2026-10-31")
V31 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"


def named(name: str) -> Package:
    """The sample package of this name."""
    return next(package for package in PACKAGES if package.name == name)


def match(package: Package, id: str, severity: Any = "medium", **more: Any) -> Match:
    """A match; words for Named, Fix (as `state`, `fixed`, `fixed_on`) and Match."""
    advisory = {key: more.pop(key) for key in MatchedAdvisory.__struct_fields__ if key in more}
    fix = Fix(state=more.pop("state", "unknown"), version=more.pop("fixed", ""), date=more.pop("fixed_on", ""))
    values = {
        "kind": "direct",
        "name": package.name,
        "version": package.version,
        "why": f"{package.name} {package.version} is older than the fix.",
        **more,
    }
    of = {"source": "debian", "namespace": "debian:12", "cve": id if id.startswith("CVE-") else "", **advisory}
    return Match(package=package, advisory=MatchedAdvisory(id=id, severity=severity, **of), fix=fix, **values)


LOG4SHELL = match(
    named("log4j-core"),
    "GHSA-jfh8-c2jp-5v3q",
    "critical",
    source="github",
    namespace="maven",
    licence="CC-BY-4.0",
    cve="CVE-2021-44228",
    aliases=("CVE-2021-44228",),
    cvss=(Cvss("3.1", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 10.0, "github"),),
    cwes=("CWE-20", "CWE-502"),
    epss=Epss(score=0.94358, percentile=0.9996, day="2026-10-31"),
    kev=Kev(added="2021-12-10", due="2021-12-24", ransomware=True),
    summary="Remote code injection in Log4j",
    published="2021-12-10T00:40:56Z",
    modified="2026-01-01",
    references=("https://logging.apache.org/log4j/2.x/security.html", "javascript:alert(1)"),
    state="fixed",
    fixed="2.15.0",
    fixed_on="2021-12-10",
    risk=100.0,
    why="log4j-core 2.14.1 is in >=2.13.0 <2.15.0.",
)
OPENSSL = match(
    named("libssl3"),
    "CVE-2023-5678",
    "low",
    cvss=(Cvss("3.1", V31, 9.8, "nvd"), Cvss("2.0", "AV:N/AC:L/Au:N/C:N/I:N/A:P", 5.0)),
    epss=Epss(score=0.00432, percentile=0.61),
    kind="source",
    name="openssl",
    state="fixed",
    fixed="3.0.11-1~deb12u3",
    vendor_ids=("DSA-5532-1",),
    risk=0.2,
)
OPENSSL_TOO = match(named("libssl3"), "CVE-2023-5363", "high", state="fixed", fixed="3.0.11-1~deb12u2", risk=12.75)
GUESSED = match(
    named("nginx"), "CVE-2024-7347", "medium", kind="cpe", confidence=0.9, namespace="cpe", source="nvd", risk=3.0
)
UNRATED = match(
    named("left-pad"), "GHSA-xxxx-yyyy-zzzz", "unknown", namespace="npm", source="github", state="not-fixed"
)
WONT = match(named("libssl3"), "CVE-2010-4756", "negligible", state="wont-fix")
WAIVED = match(
    named("bash"),
    "CVE-2019-18276",
    "high",
    namespace="rhel:9",
    suppressed=Suppression(by="ignore", reason="No shell is started", owner="platform team", expires="2027-03-31"),
)
DENIED = match(
    named("PyYAML"),
    "CVE-2020-14343",
    "critical",
    namespace="pypi",
    suppressed=Suppression(
        by="vex", reason="them says not_affected (vulnerable_code_not_in_execute_path): full_load is not called"
    ),
)
MENDED = match(
    named("rack"),
    "CVE-2022-30123",
    "critical",
    suppressed=Suppression(by="vex", reason="them says fixed"),
    namespace="gem",
)
DISTRO_SAYS = match(
    named("python3-yaml"), "CVE-2017-18342", "high", suppressed=Suppression(by="not-affected", reason="Debian says so.")
)
STATES = match(
    named("musl"), "CVE-2025-26519", "high", suppressed=Suppression(by="states", reason="its fix is not known")
)

SMALL = Matches(
    source=SOURCE,
    distro=DISTRO,
    snapshot=SNAPSHOT,
    matches=(LOG4SHELL, OPENSSL_TOO, OPENSSL, WONT, GUESSED, UNRATED, DENIED, MENDED, WAIVED, DISTRO_SAYS, STATES),
    unknown=(
        UnknownPackage(package=named("thing"), reason="Its version is not known."),
        UnknownPackage(package=named("serde"), reason="There are no advisories for cargo."),
    ),
    problems=PROBLEMS,
)
CLEAN = Matches(source=EMPTY.source, distro=None, snapshot=None, matches=(), unknown=())
_ODD_MATCH = match(
    ODD.packages[0],
    HOSTILE,
    "high",
    source=HOSTILE,
    namespace=HOSTILE,
    cve=HOSTILE,
    aliases=(HOSTILE, "=1+1"),
    cvss=(Cvss(HOSTILE, HOSTILE, 5.0, HOSTILE),),
    cwes=(HOSTILE,),
    epss=Epss(score=1.0, percentile=1.0, day=HOSTILE),
    kev=Kev(added=HOSTILE, due=HOSTILE),
    summary=HOSTILE,
    published=HOSTILE,
    references=(HOSTILE, 'https://x.example/"><script>'),
    vendor_ids=(HOSTILE,),
    fixed=HOSTILE,
    state="fixed",
    why=HOSTILE,
    name=HOSTILE,
)
ODD_MATCHES = Matches(
    source=ODD.source,
    distro=ODD.distro,
    snapshot=SnapshotInfo(digest=HOSTILE, data_at=HOSTILE),
    matches=(
        _ODD_MATCH,
        msgspec.structs.replace(_ODD_MATCH, package=ODD.packages[1]),
        msgspec.structs.replace(
            _ODD_MATCH,
            package=ODD.packages[2],
            suppressed=Suppression(by="vex", reason=HOSTILE, owner=HOSTILE, expires=HOSTILE),
        ),
    ),
    unknown=(UnknownPackage(package=ODD.packages[1], reason=HOSTILE),),
    problems=ODD.problems,
)


def _package_reach(package: Package, reach: Reach, **more: Any) -> PackageReach:
    return PackageReach(
        purl=package.purl, type=package.type, name=package.name, version=package.version, reach=reach, bytes=9, reached_bytes=0, **more
    )  # fmt: skip


_WAY = (
    WitnessStep("/usr/bin/java", "is what ENTRYPOINT starts"),
    WitnessStep("/srv/log4j.jar", "is on the class path"),
)
REACHED = ImageReach(
    roots=("ENTRYPOINT java -jar /srv/shop.jar",),
    packages=(
        _package_reach(LOG4SHELL.package, "reachable", witness=_WAY),
        _package_reach(
            OPENSSL.package, "unreachable", reason="none of its 2 files is reached: nothing names one",
            examples=("/usr/lib/libcrypto.so.3", "/usr/lib/libssl.so.3"),
        ),
        _package_reach(GUESSED.package, "unreachable", reason="its one file is not reached: nothing names it"),
        _package_reach(WAIVED.package, "unknown", reason="may be started: the shell runs a command that it makes"),
    ),
    programs=(),
)  # fmt: skip


def _followed(mission: Mission) -> Matches:
    found = with_reach(
        msgspec.structs.replace(SMALL, matches=(LOG4SHELL, OPENSSL, GUESSED, UNRATED, WAIVED, DENIED)), REACHED
    )
    told = [msgspec.structs.replace(each, ssvc=decide_match(each, ("8080/tcp",), mission)) for each in found.matches]
    return msgspec.structs.replace(found, matches=tuple(told))


FOLLOWED = _followed("medium")
MATCHES = {"clean": CLEAN, "odd": ODD_MATCHES, "reached": FOLLOWED, "small": SMALL}


def matches() -> st.SearchStrategy[Matches]:
    """Results with any text wherever an image or a feed may put text."""
    share = st.floats(0, 1)
    texts = st.lists(TEXT, max_size=2).map(tuple)
    id = st.one_of(TEXT, st.sampled_from(("CVE-2024-1234", "GHSA-aaaa-bbbb-cccc")))
    advisory = st.builds(
        MatchedAdvisory,
        id=id,
        source=TEXT,
        namespace=TEXT,
        cve=id,
        aliases=st.lists(id, max_size=2).map(tuple),
        severity=st.sampled_from(SEVERITIES),
        cvss=st.lists(
            st.builds(Cvss, st.sampled_from(("2.0", "3.1", "x")), TEXT, st.floats(0, 10), TEXT), max_size=2
        ).map(tuple),
        cwes=texts,
        epss=st.none() | st.builds(Epss, score=share, percentile=share, day=TEXT),
        kev=st.none() | st.builds(Kev, added=TEXT, due=TEXT, ransomware=st.booleans()),
        summary=TEXT,
        published=TEXT,
        modified=TEXT,
        references=texts,
        vendor_ids=texts,
    )
    said = st.builds(
        Suppression,
        by=st.sampled_from(("distro", "ignore", "not-affected", "states", "vex")),
        reason=TEXT,
        owner=TEXT,
        expires=TEXT,
    )
    found = st.builds(
        Match,
        package=packages(),
        advisory=advisory,
        fix=st.builds(
            Fix, state=st.sampled_from(("fixed", "not-fixed", "wont-fix", "unknown")), version=TEXT, date=TEXT
        ),
        kind=st.sampled_from(("direct", "source", "cpe")),
        name=TEXT,
        version=TEXT,
        why=TEXT,
        risk=st.floats(0, 100),
        confidence=share,
        suppressed=st.none() | said,
    )
    return st.builds(
        Matches,
        source=inventories().map(lambda inventory: inventory.source),
        distro=inventories().map(lambda inventory: inventory.distro),
        snapshot=st.none() | st.builds(SnapshotInfo, digest=SHA256, data_at=TEXT | st.just("2026-10-31")),
        matches=st.lists(found, max_size=4).map(tuple),
        unknown=st.lists(st.builds(UnknownPackage, package=packages(), reason=TEXT), max_size=2).map(tuple),
        problems=st.lists(st.builds(Problem, TEXT, LAYER, TEXT, TEXT), max_size=2).map(tuple),
    )
