"""Scenarios whose packages or expectations the extraction lost: told again by their notes and their advisories.

Each says where its facts are from. Go symbols are what a note says a binary uses, in the words of the advisories' lists.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from hullmark.model.package import Package
from tests.conformance.scenarios import Case, Row, State, built

CONSTANTS = {
    # The fixed version, the package and the CVE of the set's record of 16.04's channel (ubuntu@16.04+esm).
    "esmFixWaylandXenial": "1.12.0-1~ubuntu16.04.3+esm1",
    "pkgWayland": "wayland",
    "cveWayland": "CVE-2021-3782",
    # 16.04's own build, "installed below it" as the rows say: any version below the fix would do.
    "verWaylandXenial": "1.11.0-2",
    # Of the set's records, the one of the standard library that is fixed in 1.19.10; "1840" in the name of a row.
    "stdlibBelow11910": "GO-2023-1840",
}


def _fixed(*versions: str) -> frozenset[State]:
    return frozenset(("fixed", version) for version in versions)


def _go(name: str, version: str, *symbols: str) -> tuple[Package, ...]:
    return (built("golang", name, version, notes={"symbols": " ".join(symbols)} if symbols else {}),)


def _rpm(name: str, version: str, **more: Any) -> tuple[Package, ...]:
    return (built("rpm", name, version, **more),)


def _apk_rootio(scenario: Row) -> Iterator[Case]:
    """Which of its packages are below Root's fixes and which at them: the versions in Root's and Alpine's records tell.

    The package in which CVE-2024-28182 must be found is lost: one that is below Root's fix and NVD's.
    """
    below = {
        ("rootio-libuv", "1.40.0-r0"): ("CVE-2024-24806", "cpe"),
        ("rootio-wget", "1.21.0-r0"): ("CVE-2024-10524", "cpe"),
        ("openssl", "3.1.0-r0"): ("CVE-2024-0727", "direct"),
    }
    for package in scenario["packages"]:
        name, version = package["name"], package["version"]
        counts, kind = below.get((name, version), ("", ""))
        yield Case(
            name=f"{name} {version}",
            packages=(built("apk", name, version),),
            distro="alpine:3.18",
            counts=(counts,) if counts else (),
            silent=() if counts else tuple(scenario["expect"]["ignores"]),
            kind=kind,
        )
    lost = built("apk", "rootio-nghttp2", "1.57.0-r00071")
    yield Case("below Root's fix", (lost,), "alpine:3.18", counts=("CVE-2024-28182",), kind="cpe")


def _debian_indirect(scenario: Row) -> Iterator[Case]:
    """The source package was lost; the only name in its record is openssl."""
    (lost,) = scenario["packages"]
    found = built("deb", lost["name"], lost["version"], source=("openssl", ""))
    yield Case("libssl3", (found,), "debian:11", counts=("CVE-2024-0727",), kind="source")


def _ended(scenario: Row) -> Iterator[Case]:
    """Whether CPEs are asked is in the table, the package beside it."""
    (told,) = scenario["packages"]
    for row in scenario["table"]:
        yield Case(
            name=row["name"],
            packages=(built("deb", told["name"], told["version"]),),
            distro="debian:8",
            counts=("CVE-2024-0727",) if row["expectCPEMatches"] else (),
            kind="cpe",
            cpe_for_ended=row["useCPEsForEOL"],
        )


def _ended_rhel(scenario: Row) -> Iterator[Case]:
    """The upstream reports the CVE twice, by Red Hat's word and by CPE; it is one vulnerability, and Red Hat's word is the better."""
    (told,) = scenario["packages"]
    found = _rpm(told["name"], told["version"])
    yield Case("its package", found, "rhel:7", counts=("CVE-2018-0735",), kind="direct", cpe_for_ended=True)


HTTP2 = "golang.org/x/net/http2"
X_NET, NET_VERSION = "golang.org/x/net", "v0.0.0-20220225172249-27dd8689420f"
GJSON, AWS, LXD = "github.com/tidwall/gjson", "github.com/aws/aws-sdk-go", "github.com/canonical/lxd"
PATCH, REDIS = "github.com/evanphx/json-patch", "github.com/redis/go-redis/v9"
CRYPTO = f"{AWS}/service/s3/s3crypto.NewDecryptionClient"
APPLY = f"{PATCH}.Patch.Apply"
CONNECT = f"{REDIS}.(*baseClient).initConn"
SERVER = ("runtime.main", "net/http.(*Server).Serve", "net/http.ListenAndServe")
CLIENT = ("runtime.main", "net/http.Get", "net/http.(*Client).Do")


def _merged_symbols(scenario: Row) -> Iterator[Case]:
    """GitHub's records with the Go database's symbols and ranges: those of the packages, and the two that the note names."""
    asked: list[tuple[str, tuple[Package, ...], str]] = [
        ("a vulnerable function of gjson", _go(GJSON, "v1.9.2", f"{GJSON}.Get"), "GHSA-ppj4-34rq-v8j9"),
        ("others of gjson", _go(GJSON, "v1.9.2", f"{GJSON}.Valid", f"{GJSON}.validany"), ""),
        ("past GitHub's range, in Go's that has no end", _go(AWS, "v1.55.8", CRYPTO), ""),
        ("in both ranges, with the function", _go(AWS, "v1.33.0", CRYPTO), "GHSA-7f33-f4f5-xwgw"),
        ("in both ranges, without", _go(AWS, "v1.33.0", f"{AWS}/service/s3.New"), ""),
        (
            "a tag below the project's own fix",
            _go(LXD, "v5.21.1", f"{LXD}/lxd.allowProjectResourceList"),
            "GHSA-4c49-9fpc-hc3v",
        ),
        ("the project's own fix", _go(LXD, "v5.21.2", f"{LXD}/lxd.allowProjectResourceList"), ""),
        ("a tag below it without the function", _go(LXD, "v5.21.1", f"{LXD}/lxd.main"), ""),
        ("an incompatible version", _go(PATCH, "v3.0.0+incompatible", APPLY), "GHSA-gxhv-3hwf-wjp9"),
        ("without the function", _go(PATCH, "v3.0.0+incompatible", f"{PATCH}.Equal"), ""),
        ("past both ranges", _go(PATCH, "v4.5.0+incompatible", APPLY), ""),
        ("a path with a major version", _go(REDIS, "v9.5.2", CONNECT), "GHSA-92cp-5422-2mw7"),
        ("fixed", _go(REDIS, "v9.7.3", CONNECT), ""),
        ("without connecting", _go(REDIS, "v9.5.2", f"{REDIS}.NewClient"), ""),
        ("a path of which Go alone speaks", _go("github.com/redis/go-redis/v8", "v8.11.5"), "GO-2025-3540"),
        ("no symbols are known", _go(GJSON, "v1.9.2"), "GHSA-ppj4-34rq-v8j9"),
    ]
    told = [(package["name"], package["version"]) for package in scenario["packages"]]
    assert told == [(each.name, each.version) for _, (each,), _ in asked]
    asked += [
        ("a server of x/net", _go(X_NET, NET_VERSION, f"{HTTP2}.(*Server).ServeConn"), "GHSA-69cg-p879-7622"),
        ("x/net's html alone", _go(X_NET, NET_VERSION, "golang.org/x/net/html.Parse"), ""),
    ]
    for name, packages, counts in asked:
        yield Case(name, packages, counts=(counts,) if counts else (), kind="direct")
    yield Case("a server", _go("stdlib", "go1.18.0", *SERVER), counts=("GO-2022-0969", "GO-2023-1840"), kind="direct")


def _symbols(scenario: Row) -> Iterator[Case]:
    """What the note says of servers, clients and the toolchain, whose records are of cmd/go and cmd/cgo."""
    both, runtime = ("GO-2022-0969", "GO-2023-1840"), ("GO-2023-1840",)
    toolchain = ("GO-2023-1839", "GO-2023-1841", "GO-2023-1842")
    yield Case("a server", _go("stdlib", "go1.18.0", *SERVER), counts=both, kind="direct")
    yield Case("a client", _go("stdlib", "go1.18.0", *CLIENT), counts=runtime, kind="direct")
    yield Case("no symbols are known", _go("stdlib", "go1.18.0"), counts=both, kind="direct")
    yield Case("a client of old", _go("stdlib", "go1.15.2", *CLIENT), counts=runtime, silent=toolchain, kind="direct")
    yield Case("the toolchain", _go("toolchain", "go1.15.2"), counts=toolchain, kind="direct")
    yield Case("x/net's html alone", _go(X_NET, NET_VERSION, "golang.org/x/net/html.Parse"))


def _stdlib_by_cpe(scenario: Row) -> Iterator[Case]:
    """The rows in which CPEs are off. Those that switch them on are an exception (docs/conformance-notes.md).

    A bare program of the same name shows that the record would be found, if it were asked for.
    """
    for row in scenario["table"]:
        use_cpe, always_for_stdlib = row["cfg"]
        name = row["pkg"].split('"')[1]
        if not use_cpe and not (always_for_stdlib and name == "stdlib"):
            yield Case(row["name"], _go(name, "go1.18.3"), silent=("CVE-2022-27664",))
    program = (built("generic", "stdlib", "1.18.3"),)
    yield Case("a bare program", program, counts=("CVE-2022-27664",), kind="cpe")


def _maven(scenario: Row) -> Iterator[Case]:
    """The rows that need no search of the network; that one is an exception. The version is in both records' ranges."""
    found, _, unnamed = scenario["table"]
    known = (built("maven", "org.springframework:spring-webmvc", "5.3.20"),)
    yield Case(found["name"], known, counts=("GHSA-7phw-cxx7-q9vq", "GHSA-r936-gwx5-v52f"), kind="direct")
    yield Case(unnamed["name"], (built("maven", "spring-webmvc", "5.3.20"),))


def _spring_security(scenario: Row) -> Iterator[Case]:
    """The note names both the rebuilt version and the upstream's."""
    name, ghsa = "org.springframework.security:spring-security-web", "GHSA-mf92-479x-3373"
    yield Case("the upstream's", (built("maven", name, "5.8.16"),), counts=(ghsa,), kind="direct")
    yield Case("rebuilt", (built("maven", name, "5.8.16-0.cgr.1"),), silent=(ghsa, "CVE-2026-22732"))


def _h2(scenario: Row) -> Iterator[Case]:
    """The note names the version that all three statements clear; the earlier ones are in the statements."""
    h2 = "com.h2database:h2"
    all_three = ("GHSA-45hx-wfhj-473x", "GHSA-h376-j262-vhq6", "GHSA-22wj-vf5f-wrvj")
    yield Case("the upstream's", (built("maven", h2, "1.4.200"),), counts=all_three, kind="direct")
    for build, left in ((1, (all_three[0], all_three[2])), (2, all_three[2:]), (3, ())):
        yield Case(
            f"build {build}",
            (built("maven", h2, f"1.4.200-0.cgr.{build}"),),
            counts=left,
            kind="direct" if left else "",
        )


def _scoped(scenario: Row) -> Iterator[Case]:
    """The version was lost: one below both fixes."""
    (ghsa,) = scenario["expect"]["matches"]
    for row in scenario["table"]:
        found = (built("npm", row["pkgName"], "7.0.0"),)
        yield Case(row["name"], found, counts=(ghsa,) if row["expectMatch"] else ())


def _oracle(scenario: Row) -> Iterator[Case]:
    """The record gives each architecture its fix, and the version is x86_64's."""
    for package in scenario["packages"]:
        found = _rpm(package["name"], package["version"], arch=package["arch"])
        yield Case(
            package["arch"],
            found,
            "ol:7",
            counts=("ELSA-2022-4803",) if package["arch"] == "aarch64" else (),
            kind="direct",
        )


def _module_stream(scenario: Row) -> Iterator[Case]:
    """The label was lost; the note says that it is of nodejs:14."""
    (told,) = scenario["packages"]
    found = _rpm(told["name"], told["version"], notes={"modularity": "nodejs:14"})
    yield Case("the channel's fix", found, "rhel:8.4", ("eus",), silent=("CVE-2020-7788",))


def _missing_epoch(scenario: Row) -> Iterator[Case]:
    """The build that the note names. A package's own record has its epoch: none is 0, which is below the fix's 1."""
    found = _rpm("nginx", "1.20.1-14.el9_4")
    fixes = _fixed("1:1.20.1-14.el9_4")
    yield Case("no epoch", found, "rhel:9.4", ("eus",), counts=("CVE-2024-7347",), kind="direct", fixes=fixes)
    yield Case("its epoch", _rpm("nginx", "1:1.20.1-14.el9_4"), "rhel:9.4", ("eus",), silent=("CVE-2024-7347",))


def _older_base(scenario: Row) -> Iterator[Case]:
    """A build of 9.2 on a base that is older than both fixes, of the source that the record names."""
    version = "3.9.16-1.el9_2.5"
    found = _rpm("python3", version, source=("python3.9", version))
    yield Case("9.2", found, "rhel:9.2", counts=("CVE-2024-8088",), kind="source")


def _several_bases(scenario: Row) -> Iterator[Case]:
    """The package's name is the record's only one."""
    for row in scenario["table"]:
        found = _rpm("microcode_ctl", row["version"])
        counts = ("CVE-2020-0543",) if row["vulnerable"] else ()
        yield Case(row["name"], found, f"rhel:{row['minor']}", counts=counts, kind="direct")


def _completeness(scenario: Row) -> Iterator[Case]:
    """A package that is fixed once for all minor releases, and one with a fix of 9.2's own; versions around their fixes."""
    later = "CVE-2026-5450"  # fixed in 9.8 alone, for every minor release
    yield Case("libtiff", _rpm("libtiff", "0:4.4.0-9.el9"), "rhel:9.2", counts=("CVE-2017-17095",), kind="direct")
    yield Case("fixed libtiff", _rpm("libtiff", "0:4.4.0-10.el9"), "rhel:9.2")
    for minor, version, mended in (
        ("9.2", "0:2.34-60.el9_2.1", ""),
        ("9.2", "0:2.34-60.el9_2.14", "CVE-2023-4813"),
        ("9.5", "0:2.34-90.el9", ""),
        ("9.5", "0:2.34-100.el9", "CVE-2023-4813"),
    ):
        counts = (later,) if mended else (later, "CVE-2023-4813")
        yield Case(f"glibc {version}", _rpm("glibc", version), f"rhel:{minor}", counts=counts, kind="direct")


def _general_build(scenario: Row) -> Iterator[Case]:
    """The note names both fixes; versions at them and below."""
    for minor, version, fix in (
        ("7.2", "0:4.2.6p5-22.el7_2.2", ""),
        ("7.2", "0:4.2.6p5-22.el7_2.1", "0:4.2.6p5-22.el7_2.2"),
        ("7.3", "0:4.2.6p5-24.el7", "0:4.2.6p5-25.el7"),
        ("7.3", "0:4.2.6p5-25.el7", ""),
    ):
        counts = ("CVE-2015-7979",) if fix else ()
        fixes = _fixed(fix) if fix else frozenset[State]()
        yield Case(
            f"{minor} {version}", _rpm("ntp", version), f"rhel:{minor}", counts=counts, kind="direct", fixes=fixes
        )


def _off_channel(scenario: Row) -> Row:
    """The row in which the channel is off has a placeholder for its distribution: its version is 16.04's."""
    rows = [
        {**row, "d": 'distro.New(distro.Ubuntu, "16.04", "")'} if "channel off" in row["name"] else row
        for row in scenario["table"]
    ]
    return {**scenario, "table": rows}


LOST: dict[str, Callable[[Row], Iterator[Case]]] = {
    "TestMatcherApk_RootIO": _apk_rootio,
    "TestMatcherDpkg_IndirectMatch": _debian_indirect,
    "TestMatcherDpkg_CPEFallbackWhenEOL": _ended,
    "TestMatcherGolang_GoSymbols_GHSAMerge": _merged_symbols,
    "TestMatcherGolang_GoSymbols": _symbols,
    "TestMatcher_SearchForStdlib": _stdlib_by_cpe,
    "TestMatcherJava_matchUpstreamMavenPackage": _maven,
    "TestMatcherJava_ChainguardLibrariesSuppressesUpstreamGhsa": _spring_security,
    "TestMatcherJava_ChainguardLibrariesSuppressesH2MultiCVE": _h2,
    "TestMatcher_ScopedAndUnscopedNames": _scoped,
    "TestMatcherRpm_CPEFallbackWhenEOL_EOLDistroEnabled": _ended_rhel,
    "TestOraclePerArchFix_NoFalsePositiveOnPatchedArch": _oracle,
    "TestRedhatEUSMatches_LowerReachableFixResolvesDespiteHigherFix": _module_stream,
    "TestRedhatEUSMatches_MissingEpochStrategy": _missing_epoch,
    "TestRpmMultiRHSA_CVE2024_8088_OlderBaseStillFlagged": _older_base,
    "TestRpmMultiRHSA_CVE2020_0543_MultiBaseWithAdvisories": _several_bases,
    "TestRpmCumulativeCompleteness_MinoredHostSeesBothPackages": _completeness,
    "TestRpmPerMinorExpansion_NtpGARebase": _general_build,
}
"""By the name of the upstream's test: the cases that stand for the scenario's own."""

MENDED: dict[str, Callable[[Row], Row]] = {"TestUbuntuESM_VulnerableCases": _off_channel}
"""Scenarios of which one value was lost."""
