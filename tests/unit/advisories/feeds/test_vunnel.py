"""The vunnel feed: envelopes of every schema."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hullmark.advisories.feeds.formats.vunnel_os import namespace_of, ranges_of
from hullmark.advisories.feeds.vunnel import FEED, records_of
from hullmark.model.advisory import (
    EVERY_VERSION,
    Advisory,
    AffectedPackage,
    Exploitability,
    GoImport,
    KevEntry,
    Lifecycle,
    Range,
    Record,
)
from tests.support.advisories import Bytes
from tests.support.places import shared
from tests.unit.advisories.feeds.reading import Problems, damaged, read, tar_document

SCHEMA = "https://raw.example/anchore/vunnel/main/schema/{}/schema-1.0.0.json"


def envelope(schema: str, item: Any) -> bytes:
    return json.dumps({"schema": SCHEMA.format(schema), "identifier": "x", "item": item}).encode()


def records(data: bytes, provider: str = "test") -> tuple[list[Record], Problems]:
    problems: Problems = []
    return list(records_of(data, provider, lambda place, why: problems.append((place, why)), "a.json")), problems


def of_os(namespace: str, *fixes: dict[str, Any], name: str = "CVE-2024-0001", **more: Any) -> Advisory:
    filled = [{"Name": "tar", "VersionFormat": "rpm", "Version": "None", **fix} for fix in fixes]
    item = {"Vulnerability": {"Name": name, "NamespaceName": namespace, "FixedIn": filled, **more}}
    (advisory,), problems = records(envelope("vulnerability/os", item))
    assert isinstance(advisory, Advisory)
    assert not problems
    return advisory


@cache
def envelopes() -> Path:
    return shared("conformance") / "matching" / "envelopes"


def real(*parts: str) -> Advisory:
    """The advisory of a real envelope, `SET, PROVIDER, NAME`."""
    (path,) = (envelopes() / parts[0] / parts[1] / "results").glob(parts[2])
    (found,), problems = records(path.read_bytes(), parts[1])
    assert isinstance(found, Advisory)
    assert not problems
    return found


def spans(rows: tuple[AffectedPackage, ...]) -> dict[str, list[str]]:
    return {row.namespace: [span.high for span in row.ranges] for row in rows}


def test_every_real_envelope_is_read_without_a_problem() -> None:
    kinds: Counter[str] = Counter()
    paths = sorted(envelopes().glob("*/*/results/**/*.json"))
    for path in paths:
        provider = path.relative_to(envelopes()).parts[1]
        found, problems = records(path.read_bytes(), provider)
        assert (len(found), problems) == (1, []), path
        kinds[type(found[0]).__name__] += 1
    assert kinds == {"Advisory": len(paths) - 3, "Lifecycle": 3}


@pytest.mark.parametrize(
    ("fix", "kind", "state", "ranges"),
    [
        ({"Version": "2"}, "affected", "fixed", (Range(high="2", fixed="2"),)),
        ({}, "affected", "not-fixed", (EVERY_VERSION,)),
        ({"VendorAdvisory": {"NoAdvisory": True}}, "affected", "wont-fix", (EVERY_VERSION,)),
        ({"Version": "0"}, "unaffected", "unknown", (EVERY_VERSION,)),
        (
            {"Version": "2", "VulnerableRange": "> 1, < 2"},
            "affected",
            "fixed",
            (Range(low="1", low_open=True, high="2", fixed="2"),),
        ),
        ({"VulnerableRange": "<= 2"}, "affected", "not-fixed", (Range(high="2", high_open=False),)),
    ],
)
def test_a_fixed_version_has_sentinels(fix: dict[str, Any], kind: str, state: str, ranges: tuple[Range, ...]) -> None:
    (row,) = of_os("mariner:2.0", fix).affected
    assert (row.kind, row.fix_state, row.ranges) == (kind, state, ranges)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("alpine:3.18", "alpine:3.18"),
        ("rhel:8", "rhel:8"),
        ("rhel:9.4+eus", "rhel:9.4+eus"),
        ("ol:8", "oracle:8"),
        ("amzn:2", "amazon:2"),
        ("mariner:2.0", "mariner:2.0"),
        ("mariner:3.0", "azurelinux:3.0"),
        ("ubuntu:22.04+esm", "ubuntu:22.04+esm"),
        ("wolfi:rolling", "wolfi:rolling"),
    ],
)
def test_releases_are_named_as_everywhere_else(theirs: str, ours: str) -> None:
    assert namespace_of(theirs) == ours


def test_minor_releases_of_red_hat_have_rows_where_their_fix_is_another() -> None:
    glibc = real("rhel-multi-rhsa", "rhel", "*/cve-2023-4813.json")
    pinned = {name: ["0:2.34-60.el9_2.7"] for name in ("rhel:9.0", "rhel:9.1", "rhel:9.2")}
    assert spans(glibc.affected) == {"rhel:9": ["0:2.34-100.el9"], **pinned}
    assert [row.vendor_ids for row in glibc.affected[:2]] == [("RHBA-2024:2413",), ("RHSA-2023:5453",)]
    assert [row.fix_date for row in glibc.affected[:2]] == ["2025-05-01", ""]
    ntp = real("rhel-multi-rhsa", "rhel", "*/cve-2015-7979.json")
    assert list(spans(ntp.affected)) == ["rhel:7", "rhel:7.0", "rhel:7.1", "rhel:7.2"]


def test_a_superseded_build_for_no_minor_release_has_no_row() -> None:
    kernel = real("rhel-multi-rhsa", "rhel", "*/cve-2018-3639.json")
    assert {high for highs in spans(kernel.affected).values() for high in highs} == {
        "0:2.6.32-754.2.1.el6",
        "0:2.6.32-696.30.1.el6",
    }


def test_ranges_of_several_upstream_versions_stand_for_all_minor_releases() -> None:
    microcode = real("rhel-multi-rhsa", "rhel", "*/cve-2020-0543.json")
    (row,) = microcode.affected
    fixed = "4:20210216-1.20210608.1.el8_4"
    assert row.namespace == "rhel:8"
    assert row.ranges == (
        Range(high="4:20191115-4.20200602.2.el8_2", fixed=fixed),
        Range(low="4:20210216", high=fixed, fixed=fixed),
    )


def test_modules_matter_in_red_hat_and_oracle_and_nowhere_else() -> None:
    assert [of_os(name, {"Module": None}).affected[0].module for name in ("rhel:8", "ol:8", "sles:15", "amzn:2")] == [
        "",
        "",
        None,
        None,
    ]
    mariadb = real("rhel-multi-rhsa", "rhel", "*/cve-2021-27928.json")
    assert [(row.module, row.kind) for row in mariadb.affected] == [
        ("mariadb:10.5", "unaffected"),
        ("mariadb:10.3", "affected"),
    ]


def test_oracle_has_a_row_for_each_architecture() -> None:
    found = real("oracle", "oracle", "*/elsa-2022-4803.json")
    assert (found.id, found.aliases, found.severity) == ("ELSA-2022-4803", ("CVE-2022-24903",), "high")
    assert [row.arch for row in found.affected if row.name == "rsyslog"] == ["x86_64", "aarch64"]


def test_announcements_of_amazons_lines_begin_with_the_line() -> None:
    advisory = of_os("amzn:2", {"Version": "5.4.1-2"}, name="ALASKERNEL-5.4-2023-048")
    assert advisory.affected[0].ranges == (Range(low="5.4", high="5.4.1-2", fixed="5.4.1-2"),)


def test_hummingbird_is_read_by_binary_packages() -> None:
    found = real("hummingbird", "hummingbird", "*/cve-2026-5928.json")
    assert [(row.name, row.arch, row.fix_state) for row in found.affected] == [
        ("glibc", "binary", "not-fixed"),
        ("glibc-common", "binary", "not-fixed"),
    ]
    assert len(real("hummingbird", "hummingbird", "*/cve-2018-18311.json").affected) == 101


def test_announcements_of_alma_and_root_tell_what_is_safe() -> None:
    httpd = real("alma8", "alma", "*/alsa-2021@4537.json")
    fix = "2.4.37-43.module_el8.5.0+2597+c4b14997.alma"
    assert httpd.aliases == ("CVE-2021-40438", "CVE-2021-26691", "CVE-2021-20325")
    first = httpd.affected[0]
    assert (first.namespace, first.name, first.kind, first.module) == (
        "almalinux:8",
        "httpd",
        "unaffected",
        "httpd:2.4",
    )
    assert first.ranges == (Range(low=fix, fixed=fix),)
    assert [
        (row.namespace, row.name, row.scheme, row.kind, row.ranges[0].low)
        for name in ("rootio-alpine-318", "rootio-debian-12", "rootio-npm", "rootio-pypi")
        for path in sorted((envelopes() / name / "rootio" / "results").glob("*.json"))[:1]
        for row in real(name, "rootio", path.name).affected
    ] == [
        ("alpine:3.18", "rootio-wget", "apk", "unaffected", "1.21.4-r00071"),
        ("debian:12", "rootio-postgresql-15", "deb", "unaffected", "15.14-0+deb12u1.root.io.6"),
        ("npm", "@rootio/json-schema", "npm", "unaffected", "0.2.3-root.io.1"),
        ("pypi", "rootio-apache-airflow-providers-google", "pep440", "unaffected", "8.1.0+root.io.1"),
    ]


def test_chainguards_osv_has_architectures() -> None:
    found = real("chainguard-rolling", "chainguard", "*.json")
    assert found.aliases == ("CVE-2026-24398", "GHSA-r354-f388-2fhh")
    assert [(row.namespace, row.name, row.arch) for row in found.affected] == [
        ("chainguard:rolling", "langfuse-3-worker", "x86_64"),
        ("chainguard:rolling", "langfuse-fips-3-worker", "x86_64"),
        ("wolfi:rolling", "langfuse-3-worker", "aarch64"),
    ]


def test_rebuilt_libraries_are_safe_at_their_exact_versions() -> None:
    h2 = real("h2-and-vex", "chainguard-libraries", "*/CGA-3xh4-h5vj-xr3v.json")
    assert (h2.id, h2.aliases[1:]) == ("CGA-3xh4-h5vj-xr3v", ("CVE-2022-23221", "GHSA-45hx-wfhj-473x"))
    (row,) = h2.affected
    assert (row.namespace, row.name, row.kind) == ("maven", "com.h2database:h2", "unaffected")
    assert row.versions == ("1.4.200-0.cgr.2", "1.4.200-0.cgr.3")
    (certifi,) = real("python-name-and-vex", "chainguard-libraries", "*/*.json").affected
    assert (certifi.namespace, certifi.name, certifi.versions) == (
        "pypi",
        "certifi",
        ("2020.12.5+cgr.1", "2021.10.8+cgr.1"),
    )


def test_githubs_advisories_have_ranges_and_are_withdrawn() -> None:
    babel = real("npm-scope-handling", "github", "*/ghsa-67hx-6x53-jw92.json")
    assert [
        (row.name, row.fix_state, [(span.low, span.high, span.fixed) for span in row.ranges]) for row in babel.affected
    ] == [
        ("@babel/traverse", "fixed", [("", "7.23.2", "7.23.2"), ("8.0.0-alpha.0", "8.0.0-alpha.4", "8.0.0-alpha.4")]),
        ("babel-traverse", "not-fixed", [("", "7.23.2", "")]),
    ]
    assert (babel.id, babel.aliases, babel.severity) == ("GHSA-67hx-6x53-jw92", ("CVE-2023-45133",), "critical")
    assert real("govulndb-and-ghsa", "github", "*/ghsa-c9gm-7rfj-8w5h.json").affected[0].namespace == "golang"
    assert any(
        real("govulndb-and-ghsa", "github", f"*/{path.name}").withdrawn
        for path in (envelopes() / "govulndb-and-ghsa" / "github" / "results" / "github@go").iterdir()
    )


def test_gos_vulnerabilities_keep_their_symbols() -> None:
    stdlib, net = real("govulndb-go", "govulndb", "go-2022-0969.json").affected
    assert (stdlib.name, [span.high for span in stdlib.ranges]) == ("stdlib", ["1.18.6", "1.19.1"])
    assert net.symbols == (GoImport("golang.org/x/net/http2", ("Server.ServeConn", "serverConn.goAway")),)


def test_exploits_scores_and_ends_of_life_are_read() -> None:
    known = {"cveID": "CVE-2024-0001", "dateAdded": "2024-01-02"}
    assert records(envelope("vulnerability/known-exploited", known))[0] == [
        KevEntry(cve="CVE-2024-0001", source="kev", added="2024-01-02")
    ]
    score = {"cve": "CVE-2024-0001", "epss": 0.5, "percentile": 0.9, "date": "2024-01-02"}
    assert records(envelope("epss", score))[0] == [Exploitability("CVE-2024-0001", 0.5, 0.9, "2024-01-02")]
    ended = {"product": "amazon-linux", "name": "2", "eolFrom": "2026-06-30"}
    (found,), _ = records(envelope("eol", ended))
    assert isinstance(found, Lifecycle)
    assert (found.product, found.release, found.eol) == ("amzn", "2", "2026-06-30")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"[]", "it cannot be read"),
        (envelope("vulnerability/other", {}), "its schema"),
        (envelope("vulnerability/os", {}), "it cannot be read"),
        (
            envelope("vulnerability/os", {"Vulnerability": {"Name": "x", "NamespaceName": "y"}}),
            "'y' is not a namespace",
        ),
        (envelope("epss", {"cve": "CVE-2024-0001", "epss": 7}), "its scores"),
    ],
)
def test_what_cannot_be_read_is_reported(data: bytes, why: str) -> None:
    found, problems = records(data)
    assert not found
    assert [reason.startswith(why) for _, reason in problems] == [True]


def test_a_range_that_is_none_costs_only_its_package() -> None:
    item = {"Vulnerability": {"Name": "CVE-2024-0001", "NamespaceName": "sles:15", "FixedIn": [
        {"Name": "tar", "VersionFormat": "rpm", "Version": "2", "VulnerableRange": "before 2"},
        {"Name": "sed", "VersionFormat": "rpm", "Version": "2"},
        {"Name": "awk", "VersionFormat": "kb", "Version": "2"},
    ]}}  # fmt: skip
    (advisory,), problems = records(envelope("vulnerability/os", item))
    assert isinstance(advisory, Advisory)
    assert [row.name for row in advisory.affected] == ["sed"]
    assert len(problems) == 2


def test_a_package_that_is_safe_in_one_row_is_affected_by_the_others() -> None:
    ratings: list[dict[str, Any]] = [
        {"version": "3.1", "vector_string": "", "base_metrics": {"base_score": 7.5}},
        {"version": "3.1", "vector_string": "CVSS:3.1/AV:N", "base_metrics": {"base_score": 11}},
        {"version": "3.1", "vector_string": "CVSS:3.1/AV:L", "base_metrics": {"base_score": 5.5}},
    ]
    found = of_os("sles:15", {"Version": "0"}, {"Version": "2"}, CVSS=ratings)
    assert [(row.kind, row.ranges) for row in found.affected] == [("affected", (Range(high="2", fixed="2"),))]
    assert [rating.vector for rating in found.cvss] == ["CVSS:3.1/AV:L"]


def test_conditions_may_lack_commas() -> None:
    assert ranges_of(">= 1.2 < 2 || = 3", "2") == (
        Range(low="1.2", high="2", fixed="2"),
        Range(low="3", high="3", high_open=False, fixed="2"),
    )


def test_a_tar_of_results_tells_providers_and_joins_what_they_say_of_one_id() -> None:
    def named(namespace: str) -> bytes:
        fix = {"Name": "tar", "VersionFormat": "deb", "Version": "2"}
        return envelope(
            "vulnerability/os",
            {"Vulnerability": {"Name": "CVE-2024-0001", "NamespaceName": namespace, "FixedIn": [fix]}},
        )

    files = {
        "set/debian/results/debian@11/cve.json": named("debian:11"),
        "set/debian/results/debian@12/cve.json": named("debian:12"),
        "set/ubuntu/results/ubuntu@22.04/cve.json": named("ubuntu:22.04"),
        "set/debian/metadata.json": b"{}",
    }
    found, problems = read(FEED, tar_document("https://a.example/all.tar.gz", files))
    assert not problems
    assert [
        (each.source, [row.namespace for row in each.affected]) for each in found if isinstance(each, Advisory)
    ] == [
        ("debian", ["debian:11", "debian:12"]),
        ("ubuntu", ["ubuntu:22.04"]),
    ]


def test_a_single_envelope_is_of_the_provider_in_its_place() -> None:
    data = envelope("vulnerability/os", {"Vulnerability": {"Name": "CVE-2024-0001", "NamespaceName": "debian:11"}})
    (found,), _ = read(FEED, Bytes("file:///a/debian/results/debian@11/cve.json", data))
    assert isinstance(found, Advisory)
    assert found.source == "debian"


FIXED = {"Name": "tar", "VersionFormat": "rpm", "Version": "2", "Advisories": [{"Version": "2", "Minor": 4}]}
GOOD = envelope("vulnerability/os", {"Vulnerability": {"Name": "C", "NamespaceName": "rhel:8", "FixedIn": [FIXED]}})
OSV = envelope(
    "vulnerability/osv", {"id": "A-1", "affected": [{"package": {"ecosystem": "PyPI", "name": "a"}, "versions": ["1"]}]}
)


@settings(max_examples=100)
@given(damaged(GOOD) | damaged(OSV))
def test_any_bytes_are_read_or_reported(data: bytes) -> None:
    records(data)
