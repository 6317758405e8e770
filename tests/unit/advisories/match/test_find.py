"""Matching, rule by rule: what counts, what does not, and what it says."""

from __future__ import annotations

from typing import Any

import pytest

from hullmark.model.advisory import (
    EVERY_VERSION,
    Cvss,
    Exploitability,
    KevEntry,
    Lifecycle,
    Range,
    Support,
)
from hullmark.model.package import UNKNOWN_VERSION
from tests.support.matching import advisory, affected, counted, matched, package, snapshot_of

GLIBC = affected("debian:12", "glibc", "deb", "2.36-9+deb12u6")


def test_a_binary_package_is_found_by_its_source_and_the_reason_names_both_versions() -> None:
    snapshot = snapshot_of(advisory("CVE-1-1", GLIBC))
    result = matched(snapshot, [package("deb", "libc6", "2.36-9", source=("glibc", "2.36-9"))], "debian:12")
    (match,) = result.matches
    assert match.why == "glibc 2.36-9 < 2.36-9+deb12u6 (source of libc6), Debian 12"
    assert (match.kind, match.fix.state, match.fix.version) == ("source", "fixed", "2.36-9+deb12u6")


@pytest.mark.parametrize("version", ["2.36-9+deb12u6", "2.36-9+deb12u7", "1:2.0-1"])
def test_a_fixed_version_matches_nothing(version: str) -> None:
    snapshot = snapshot_of(advisory("CVE-1-1", GLIBC))
    assert matched(snapshot, [package("deb", "glibc", version)], "debian:12").matches == ()


def test_debian_advisories_speak_of_sources_so_that_a_binary_of_another_sources_name_is_not_meant() -> None:
    snapshot = snapshot_of(advisory("CVE-1-1", affected("debian:12", "python3", "deb", "9")))
    found = matched(snapshot, [package("deb", "python3", "3.11", source=("python3-defaults", "3.11"))], "debian:12")
    assert found.matches == ()


LANGUAGES: list[tuple[dict[str, Any], str, str, str]] = [
    ({"type": "pypi", "name": "Zope.Interface", "version": "1.0"}, "pypi", "zope-interface", "pep440"),
    ({"type": "npm", "name": "core", "version": "1.0.0", "space": "@babel"}, "npm", "@babel/core", "npm"),
    ({"type": "maven", "name": "core", "version": "1.0", "space": "org.x"}, "maven", "org.x:core", "maven"),
    ({"type": "golang", "name": "github.com/A/b", "version": "v1.0.0"}, "golang", "github.com/a/b", "golang"),
    ({"type": "cargo", "name": "aes", "version": "1.0.0"}, "cargo", "aes", "cargo"),
    ({"type": "gem", "name": "rack", "version": "1.0"}, "gem", "rack", "gem"),
    (
        {"type": "composer", "name": "Http", "version": "1.0", "space": "Symfony"},
        "composer",
        "symfony/http",
        "packagist",
    ),
    ({"type": "nuget", "name": "Newtonsoft.Json", "version": "1.0"}, "nuget", "newtonsoft.json", "nuget"),
    ({"type": "hex", "name": "plug", "version": "1.0.0"}, "hex", "plug", "hex"),
]


@pytest.mark.parametrize(("words", "namespace", "name", "scheme"), LANGUAGES)
def test_each_language_is_looked_up_under_the_name_that_its_advisories_use(
    words: dict[str, Any], namespace: str, name: str, scheme: str
) -> None:
    snapshot = snapshot_of(advisory("GHSA-1", affected(namespace, name, scheme, "1.0.1")))
    assert [match.name for match in matched(snapshot, [package(**words)]).matches] == [name]
    fixed = {**words, "version": words["version"].replace("1.0", "1.1", 1)}
    assert matched(snapshot, [package(**fixed)]).matches == ()


def test_of_several_sources_for_one_vulnerability_one_speaks_and_knows_what_the_others_know() -> None:
    snapshot = snapshot_of(
        advisory("PYSEC-1", affected("pypi", "django", "pep440", "2.2.3"), source="pypa", aliases=("CVE-1-1",)),
        advisory(
            "GHSA-1",
            affected("pypi", "django", "pep440", "2.2.3"),
            source="ghsa",
            aliases=("CVE-1-1",),
            severity="high",
            cvss=(Cvss("3.1", "CVSS:3.1/…", 7.5),),
        ),
    )
    (match,) = matched(snapshot, [package("pypi", "django", "2.2")]).matches
    assert (match.advisory.id, match.advisory.severity, match.advisory.severity_source) == ("PYSEC-1", "high", "ghsa")
    assert set(match.advisory.aliases) == {"CVE-1-1", "GHSA-1"}


def test_a_bundle_is_an_announcement_where_its_cves_are_told_one_by_one_and_speaks_for_itself_where_not() -> None:
    part = affected("debian:12", "x", "deb", "2")
    bundle = advisory("DSA-1", part, source="debian_lists", aliases=("CVE-1-1", "CVE-1-2"))
    snapshot = snapshot_of(bundle, advisory("CVE-1-1", part), advisory("CVE-1-2", part))
    found = matched(snapshot, [package("deb", "x", "1")], "debian:12")
    assert {match.advisory.id: match.advisory.vendor_ids for match in found.matches} == {
        "CVE-1-1": ("DSA-1",),
        "CVE-1-2": ("DSA-1",),
    }
    assert counted(matched(snapshot_of(bundle), [package("deb", "x", "1")], "debian:12")) == {("x", "DSA-1"): "2"}


def test_a_record_of_what_is_not_affected_vetoes_by_alias_too() -> None:
    snapshot = snapshot_of(
        advisory("GHSA-1", affected("pypi", "x", "pep440", "2"), aliases=("CVE-1-1",)),
        advisory(
            "CGA-1",
            affected("pypi", "x", "pep440", kind="unaffected", ranges=(Range(low="1.0+cgr.1"),)),
            source="cg",
            aliases=("CVE-1-1",),
        ),
    )
    assert counted(matched(snapshot, [package("pypi", "x", "1.0")])) == {("x", "GHSA-1"): "2"}
    rebuilt = matched(snapshot, [package("pypi", "x", "1.0+cgr.2")])
    assert counted(rebuilt) == {}
    assert [match.suppressed.by for match in rebuilt.matches if match.suppressed] == ["not-affected"]


def test_unknown_is_never_clean() -> None:
    snapshot = snapshot_of(advisory("GHSA-1", affected("pypi", "x", "pep440", "2")))
    packages = [
        package("pypi", "x", UNKNOWN_VERSION),
        package("pypi", "y", UNKNOWN_VERSION),
        package("gem", "rack", "1"),
        package("deb", "x", "1"),
        package("brew", "x", "1"),
    ]
    result = matched(snapshot, packages, "debian:12")
    reasons = {(each.package.type, each.package.name): each.reason for each in result.unknown}
    assert reasons == {
        ("pypi", "x"): "its version is not known, and advisories speak of it (GHSA-1)",
        ("gem", "rack"): "the snapshot has no advisories for gem",
        ("deb", "x"): "the snapshot has no advisories for Debian 12",
        ("brew", "x"): "no advisories are made for packages of the type brew",
    }
    assert [problem.reason for problem in result.problems] == [
        "nothing can be said of the system's packages: the snapshot has no advisories for Debian 12",
        "the snapshot has no advisories for gem",
    ]
    assert {each.package.type: each.kind for each in result.unknown} == {
        "pypi": "unidentified",
        "gem": "uncovered",
        "deb": "uncovered",
        "brew": "uncovered",
    }


def test_a_version_that_is_none_is_unknown_only_where_advisories_speak_of_the_name() -> None:
    snapshot = snapshot_of(advisory("CVE-1-1", affected("debian:12", "x", "deb", "2")))
    for version in ("a:b", "abc", "1_2"):
        result = matched(snapshot, [package("deb", "x", version), package("deb", "y", version)], "debian:12")
        assert [(each.package.name, each.reason, each.kind) for each in result.unknown] == [
            ("x", "its version is not one of deb's, and advisories speak of it (CVE-1-1)", "unseen")
        ]


def test_an_advisory_that_cannot_be_judged_makes_its_package_unknown_and_no_other() -> None:
    doubt = affected("debian:12", "x", "deb", kind="unknown", ranges=(Range(),), note="it cannot be read")
    records = [advisory("tracker x CVE-1-1", doubt), advisory("CVE-1-2", affected("debian:12", "y", "deb", "2"))]
    found = matched(snapshot_of(*records), [package("deb", name, "1") for name in ("x", "y", "z")], "debian:12")
    assert [(unknown.package.name, unknown.kind, unknown.reason) for unknown in found.unknown] == [
        ("x", "unseen", "nobody can tell whether tracker x CVE-1-1 affects it: it cannot be read")
    ]
    assert counted(found) == {("y", "CVE-1-2"): "2"}


def test_an_advisory_that_cannot_be_judged_overrules_and_clears_nothing() -> None:
    known = advisory("CVE-1-1", affected("npm", "x", "npm", "2"), source="retirejs")
    doubt = advisory("CVE-1-1", affected("npm", "x", "npm", kind="unknown", ranges=(Range(),), note="?"), source="ghsa")
    found = matched(snapshot_of(known, doubt), [package("npm", "x", "1")])
    assert counted(found) == {("x", "CVE-1-1"): "2"}
    assert len(found.unknown) == 1


def test_a_language_package_that_a_system_package_owns_is_judged_by_the_distributions_word() -> None:
    owner = package("rpm", "python3-urllib3", "1.24.2-5.el8", purl="pkg:rpm/redhat/python3-urllib3@1.24.2-5.el8")
    owned = package("pypi", "urllib3", "1.24.2", owned_by=owner.purl)
    records = [
        advisory("GHSA-1", affected("pypi", "urllib3", "pep440", "1.26"), aliases=("CVE-1-1",)),
        advisory("CVE-9-9", affected("rhel:8", "other", "rpm", "1")),
    ]
    (silent,) = matched(snapshot_of(*records), [owner, owned], "rhel:8.4").matches
    assert silent.suppressed is not None
    assert silent.suppressed.reason == (
        "it belongs to python3-urllib3 1.24.2-5.el8, and RHEL 8.4 does not list that as affected"
    )
    (unheard,) = matched(snapshot_of(records[0]), [owner, owned], "rhel:8.4").matches
    assert unheard.suppressed is None
    said = advisory("CVE-1-1", affected("rhel:8", "python3-urllib3", "rpm", "0:1.24.2-6.el8"), source="redhat")
    assert counted(matched(snapshot_of(*records, said), [owner, owned], "rhel:8.4")) == {
        ("python3-urllib3", "CVE-1-1"): "0:1.24.2-6.el8"
    }


def test_where_a_distribution_tells_only_what_it_fixed_its_silence_clears_nothing() -> None:
    owner = package("apk", "py3-x", "1.0-r0", purl="pkg:apk/alpine/py3-x@1.0-r0")
    owned = package("pypi", "x", "1.0", owned_by=owner.purl)
    snapshot = snapshot_of(
        advisory("GHSA-1", affected("pypi", "x", "pep440", "2")),
        advisory("CVE-9-9", affected("alpine:3.18", "other", "apk", "1")),
    )
    assert counted(matched(snapshot, [owner, owned], "alpine:3.18.4")) == {("x", "GHSA-1"): "2"}


MODULES = [
    # the part's module, the package's label, its release, does it fit
    (None, "", "1-1.el8", True),
    (None, "nodejs:14:820:x", "1-1.module+el8", True),
    ("", "", "1-1.el8", True),
    ("", "nodejs:14:820:x", "1-1.module+el8", False),
    ("nodejs:14", "nodejs:14:820:x", "1-1.module+el8", True),
    ("nodejs:14", "nodejs:12:820:x", "1-1.module+el8", False),
    ("nodejs:1", "nodejs:14:820:x", "1-1.module+el8", False),
    ("nodejs:14", "", "1-1.el8", False),
    ("nodejs:14", "", "1-1.module_el8", True),
]
OTHER_STREAMS = [
    # the package's label, its release, whether the word about nodejs:14 clears it
    ("nodejs:14:820:x", "3-1.module+el8", True),
    ("", "3-1.module+el8", False),
    ("nodejs:12:820:x", "3-1.module+el8", False),
]


@pytest.mark.parametrize(("label", "version", "clears"), OTHER_STREAMS)
def test_a_module_of_a_stream_that_is_not_known_is_not_cleared_by_a_word_about_another(
    label: str, version: str, clears: bool
) -> None:
    notes = {"modularity": label} if label else {}
    node = package("rpm", "node", version, notes=notes, purl="pkg:rpm/node@1")
    everywhere = affected("rhel:8", "node", "rpm", ranges=(EVERY_VERSION,))
    safe = affected("rhel:8", "node", "rpm", kind="unaffected", ranges=(EVERY_VERSION,), module="nodejs:14")
    assert bool(counted(matched(snapshot_of(advisory("CVE-1-1", everywhere, safe)), [node], "rhel:8.4"))) is not clears
    own = affected("almalinux:8", "node", "rpm", "0:2-1", module="nodejs:14")
    snapshot = snapshot_of(advisory("CVE-1-1", everywhere), advisory("ALSA-1", own, aliases=("CVE-1-1",)))
    assert bool(counted(matched(snapshot, [node], "almalinux:8.4"))) is not clears
    owned = package("npm", "vendored", "1.0.0", owned_by=node.purl)
    mended = advisory("CVE-1-2", affected("rhel:8", "node", "rpm", "0:2-1", module="nodejs:14"))
    upstream = advisory("GHSA-1", affected("npm", "vendored", "npm", "2.0.0"), aliases=("CVE-1-2",))
    found = counted(matched(snapshot_of(mended, upstream), [node, owned], "rhel:8.4"))
    assert (("vendored", "GHSA-1") in found) is not clears


@pytest.mark.parametrize(("module", "label", "version", "fits"), MODULES)
def test_modules_keep_to_their_stream(module: str | None, label: str, version: str, fits: bool) -> None:
    snapshot = snapshot_of(advisory("CVE-1-1", affected("rhel:8", "node", "rpm", "0:2-1", module=module)))
    notes = {"modularity": label} if label else {}
    found = matched(snapshot, [package("rpm", "node", version, notes=notes)], "rhel:8.4")
    assert bool(found.matches) is fits


ARCHITECTURES = [
    ("", "x86_64", "affected", True),
    ("x86_64", "x86_64", "affected", True),
    ("amd64", "x86_64", "affected", True),
    ("aarch64", "x86_64", "affected", False),
    ("aarch64", "", "affected", True),
    ("aarch64", "noarch", "affected", True),
    ("aarch64", "aarch64", "unaffected", True),
    ("aarch64", "", "unaffected", False),
]


@pytest.mark.parametrize(("wanted", "arch", "kind", "applies"), ARCHITECTURES)
def test_an_architecture_that_is_not_known_may_be_affected_but_is_never_cleared(
    wanted: str, arch: str, kind: str, applies: bool
) -> None:
    part = affected("oracle:8", "x", "rpm", "0:2-1", arch=wanted, kind=kind)
    everything = affected("oracle:8", "x", "rpm", "0:2-1")
    snapshot = snapshot_of(advisory("CVE-1-1", *((part,) if kind == "affected" else (everything, part))))
    found = counted(matched(snapshot, [package("rpm", "x", "1-1", arch=arch)], "ol:8.6"))
    assert bool(found) is (applies if kind == "affected" else not applies)


def test_a_source_rpm_without_an_epoch_is_compared_without_one() -> None:
    snapshot = snapshot_of(advisory("CVE-1-1", affected("rhel:8", "perl", "rpm", "4:5.26.3-416.el8")))
    sub = package("rpm", "perl-Carp", "1.50-396.el8", source=("perl", "5.26.3-416.el8"))
    assert matched(snapshot, [sub], "rhel:8").matches == ()
    older = package("rpm", "perl-Carp", "1.50-396.el8", source=("perl", "5.26.3-415.el8"))
    assert counted(matched(snapshot, [older], "rhel:8")) == {("perl-Carp", "CVE-1-1"): "4:5.26.3-416.el8"}
    assert counted(matched(snapshot, [package("rpm", "perl", "5.30.0-1.el8")], "rhel:8")) != {}


def test_the_most_specific_release_that_knows_a_package_speaks_for_it() -> None:
    snapshot = snapshot_of(
        advisory(
            "CVE-1-1", affected("rhel:9", "x", "rpm", "0:2-1.el9_4"), affected("rhel:9.2", "x", "rpm", "0:1-5.el9_2")
        ),
        advisory("CVE-1-2", affected("rhel:9", "x", "rpm", "0:2-2.el9_4")),
    )
    installed = [package("rpm", "x", "0:1-5.el9_2")]
    assert counted(matched(snapshot, installed, "rhel:9.2")) == {("x", "CVE-1-2"): "0:2-2.el9_4"}
    assert set(counted(matched(snapshot, installed, "rhel:9.3"))) == {("x", "CVE-1-1"), ("x", "CVE-1-2")}


def test_a_rebuild_takes_the_disclosures_of_what_it_rebuilds_and_its_own_fixes() -> None:
    snapshot = snapshot_of(
        advisory(
            "CVE-1-1",
            affected(
                "rhel:8",
                "httpd",
                "rpm",
                "0:2.4.37-43.el8",
                ranges=(Range(high="0:2.4.37-43.el8", fixed="0:2.4.37-43.el8"),),
            ),
            source="redhat",
        ),
        advisory(
            "CVE-1-2",
            affected("rhel:8", "httpd", "rpm", ranges=(EVERY_VERSION,), fix_state="wont-fix"),
            source="redhat",
        ),
        advisory(
            "ALSA-1",
            affected("almalinux:8", "httpd", "rpm", "0:2.4.37-40.el8.alma"),
            source="almalinux",
            aliases=("CVE-1-1",),
        ),
    )
    old = matched(snapshot, [package("rpm", "httpd", "2.4.37-39.el8.alma")], "almalinux:8.5")
    assert counted(old) == {("httpd", "CVE-1-1"): "0:2.4.37-40.el8.alma", ("httpd", "CVE-1-2"): ""}
    assert next(match.advisory.vendor_ids for match in old.matches if match.advisory.id == "CVE-1-1") == ("ALSA-1",)
    mended = matched(snapshot, [package("rpm", "httpd", "2.4.37-40.el8.alma")], "almalinux:8.5")
    assert counted(mended) == {("httpd", "CVE-1-2"): ""}


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("2-5", {}),
        ("2-4", {("x-libs", "CVE-1-1"): "0:2-5"}),
    ],
)
def test_a_rebuilds_word_about_a_package_holds_for_what_is_disclosed_of_its_source(
    version: str, expected: dict[tuple[str, str], str]
) -> None:
    theirs = affected("rhel:8", "x", "rpm", ranges=(EVERY_VERSION,), fix_state="wont-fix")
    own = affected("almalinux:8", "x-libs", "rpm", "0:2-5")
    snapshot = snapshot_of(advisory("CVE-1-1", theirs), advisory("ALSA-1", own, aliases=("CVE-1-1",)))
    result = matched(snapshot, [package("rpm", "x-libs", version, source=("x", version))], "almalinux:8.5")
    assert counted(result) == expected
    assert [(match.why, match.kind) for match in result.matches] == (
        [("x-libs 2-4 < 0:2-5, AlmaLinux 8.5", "direct")] if expected else []
    )


def test_a_rebuilds_fix_is_of_the_package_that_it_names() -> None:
    theirs = affected("rhel:8", "x-libs", "rpm", "0:2-9")
    own = affected("almalinux:8", "x", "rpm", "0:2-1")
    snapshot = snapshot_of(advisory("CVE-1-1", theirs), advisory("ALSA-1", own, aliases=("CVE-1-1",)))
    found = matched(snapshot, [package("rpm", "x-libs", "2-5", source=("x", "2-5"))], "almalinux:8.5")
    assert counted(found) == {("x-libs", "CVE-1-1"): "0:2-9"}


@pytest.mark.parametrize(
    ("distro", "name", "found"),
    [
        ("almalinux:8.5", "x-libs", True),
        ("almalinux:8.5", "x-debuginfo", False),
        ("almalinux:8.5", "x-libs-debugsource", False),
        ("almalinux:8.5", "x-debuginfo-common", True),
        ("rocky:8.5", "x-debuginfo", True),
        ("rhel:8.5", "x-debuginfo", True),
    ],
)
def test_what_red_hat_discloses_is_not_held_against_almalinuxs_debug_packages(
    distro: str, name: str, found: bool
) -> None:
    by_source = advisory("CVE-1-1", affected("rhel:8", "x", "rpm", "0:2-1"))
    by_name = advisory("CVE-1-2", affected("rhel:8", name, "rpm", "0:2-1"))
    other = advisory("ALSA-9", affected("almalinux:8", "other", "rpm", "0:2-1"), aliases=("CVE-9-9",))
    result = matched(snapshot_of(by_source, by_name, other), [package("rpm", name, "1-1", source=("x", "1-1"))], distro)
    assert set(counted(result)) == ({(name, "CVE-1-1"), (name, "CVE-1-2")} if found else set())


def test_almalinuxs_own_word_about_a_debug_package_counts() -> None:
    own = advisory("ALSA-1", affected("almalinux:8", "x-debuginfo", "rpm", "0:2-1"), aliases=("CVE-1-1",))
    snapshot = snapshot_of(own, advisory("CVE-1-1", affected("rhel:8", "x", "rpm", "0:2-1")))
    result = matched(snapshot, [package("rpm", "x-debuginfo", "1-1", source=("x", "1-1"))], "almalinux:8.5")
    assert counted(result) == {("x-debuginfo", "ALSA-1"): "0:2-1"}


def test_a_rebuilds_own_announcements_count_where_nothing_is_known_of_what_it_rebuilds() -> None:
    snapshot = snapshot_of(advisory("ALSA-1", affected("almalinux:8", "x", "rpm", "0:2-1"), aliases=("CVE-1-1",)))
    assert counted(matched(snapshot, [package("rpm", "x", "1-1")], "almalinux:8.5")) == {("x", "ALSA-1"): "0:2-1"}


def test_a_rebuild_s_fix_for_a_later_minor_release_counts_where_it_is_installed() -> None:
    theirs = affected("rhel:9", "x", "rpm", ranges=(EVERY_VERSION,), fix_state="not-fixed")
    own = affected("almalinux:9", "x", "rpm", "0:2-1.el9_6.alma.1")
    snapshot = snapshot_of(advisory("CVE-1-1", theirs), advisory("ALSA-1", own, aliases=("CVE-1-1",)))
    versions = ("2-1.el9_6.alma.1", "2-1.el9_4")
    found = [counted(matched(snapshot, [package("rpm", "x", version)], "almalinux:9.4")) for version in versions]
    assert found == [{}, {("x", "CVE-1-1"): "0:2-1.el9_6.alma.1"}]


def test_fixes_of_a_paid_channel_count_only_where_it_is_in_use() -> None:
    base = affected("ubuntu:20.04", "openssh", "deb", ranges=(EVERY_VERSION,), fix_state="not-fixed")
    paid = affected("ubuntu:20.04+esm", "openssh", "deb", "1:8.2p1-4ubuntu0.13+esm1")
    snapshot = snapshot_of(advisory("CVE-1-1", base, paid))
    mended, old = (
        package("deb", "openssh", version) for version in ("1:8.2p1-4ubuntu0.13+esm1", "1:8.2p1-4ubuntu0.12")
    )
    plain = package("deb", "openssh", "1:8.2p1-4ubuntu0.12")
    assert counted(matched(snapshot, [plain], "ubuntu:20.04")) == {("openssh", "CVE-1-1"): ""}
    assert counted(matched(snapshot, [old], "ubuntu:20.04", channels=("esm",))) == {
        ("openssh", "CVE-1-1"): "1:8.2p1-4ubuntu0.13+esm1"
    }
    assert counted(matched(snapshot, [mended], "ubuntu:20.04")) == {}, (
        "a package of the channel shows that it is in use"
    )


def test_a_fix_beyond_the_release_that_a_host_stays_at_does_not_count() -> None:
    base = affected("rhel:9", "x", "rpm", ranges=(EVERY_VERSION,), fix_state="not-fixed")
    snapshot = snapshot_of(advisory("CVE-1-1", base, affected("rhel:9.4+eus", "x", "rpm", "0:1-9.el9_6")))
    assert counted(matched(snapshot, [package("rpm", "x", "0:1-10.el9_4")], "rhel:9.4", channels=("eus",))) != {}


def test_special_builds_are_compared_among_themselves_only() -> None:
    snapshot = snapshot_of(advisory("ELSA-1", affected("oracle:8", "glibc", "rpm", "2:2.28-151.0.1.ksplice2.el8")))
    assert matched(snapshot, [package("rpm", "glibc", "2.28-151.0.1.el8")], "ol:8").matches == ()
    assert matched(snapshot, [package("rpm", "glibc", "2:2.28-150.0.1.ksplice2.el8")], "ol:8").matches != ()


@pytest.mark.parametrize(
    ("name", "source", "type", "distro", "namespace"),
    [
        ("kernel-headers", "kernel", "rpm", "rhel:8", "rhel:8"),
        ("linux-libc-dev", "linux", "deb", "debian:12", "debian:12"),
        ("linux-headers-6.1.0-9-amd64", "linux", "deb", "debian:12", "debian:12"),
    ],
)
def test_headers_have_no_kernel(name: str, source: str, type: str, distro: str, namespace: str) -> None:
    snapshot = snapshot_of(advisory("CVE-1-1", affected(namespace, source, type, "9-1")))
    assert matched(snapshot, [package(type, name, "6.1-1", source=(source, "6.1-1"))], distro).matches == ()


def test_packages_of_other_builders_are_unknown_not_judged() -> None:
    snapshot = snapshot_of(advisory("CVE-1-1", affected("rhel:8", "php", "rpm", "9-1")))
    foreign = package("rpm", "php", "8.0-1.el8.remi", notes={"vendor": "Remi's RPM repository"})
    result = matched(snapshot, [foreign], "rhel:8.4")
    assert result.matches == ()
    assert [each.reason for each in result.unknown] == [
        "it was built by Remi's RPM repository, of which RHEL 8.4's advisories do not speak"
    ]


def test_alpines_own_data_overrules_what_nvd_says_by_name() -> None:
    nvd = advisory("CVE-1-1", affected("cpe", "a:openssl:openssl", "generic", "3.2"), source="nvd")
    other = advisory("CVE-1-2", affected("cpe", "a:openssl:openssl", "generic", "3.2"), source="nvd")
    secdb = advisory("CVE-1-1", affected("alpine:3.18", "openssl", "apk", "3.1.4-r5"), source="alpine")
    snapshot = snapshot_of(nvd, other, secdb)
    new = package("apk", "libssl3", "3.1.4-r5", source=("openssl", "3.1.4-r5"))
    result = matched(snapshot, [new], "alpine:3.18.4")
    assert [(match.advisory.id, match.kind, match.confidence < 1) for match in result.matches] == [
        ("CVE-1-2", "cpe", True)
    ]
    old = package("apk", "libssl3", "3.1.4-r0", source=("openssl", "3.1.4-r0"))
    assert {(match.advisory.id, match.kind) for match in matched(snapshot, [old], "alpine:3.18.4").matches} == {
        ("CVE-1-1", "source"),
        ("CVE-1-2", "cpe"),
    }


def test_a_release_past_its_end_of_life_is_a_finding() -> None:
    snapshot = snapshot_of(
        advisory("CVE-1-1", affected("debian:8", "x", "deb", "2")),
        Lifecycle(product="debian", release="8", source="endoflife", eol="2018-06-17", extended="2025-06-30"),
    )
    late, early = (
        matched(snapshot, [package("deb", "x", "3")], "debian:8", at=at) for at in ("2025-07-01", "2025-06-30")
    )
    assert [problem.reason for problem in late.problems] == [
        "Debian 8 has been past its end of life since 2025-06-30: what is found in it now is no longer recorded"
    ]
    assert early.problems == ()


def test_old_data_is_a_finding() -> None:
    parts = [affected("debian:12", "x", "deb", "2"), affected("pypi", "y", "pep440", "2")]
    snapshot = snapshot_of(advisory("A-1", *parts, published="2026-01-01"), kept_fresh=True)
    result = matched(snapshot, [package("deb", "x", "3"), package("pypi", "y", "3")], "debian:12")
    assert [problem.reason for problem in result.problems] == [
        "the advisories for debian:12 end on 2026-01-01, 180 days ago: what came since is not known",
        "the advisories for pypi end on 2026-01-01, 180 days ago: what came since is not known",
    ]


def test_a_package_whose_support_has_ended_is_unknown() -> None:
    snapshot = snapshot_of(
        advisory("CVE-1-1", affected("debian:12", "other", "deb", "2")),
        Support(namespace="debian:12", name="zoneminder", source="debian_support", level="limited", note="see README"),
    )
    result = matched(snapshot, [package("deb", "zoneminder", "1")], "debian:12")
    assert [each.reason for each in result.unknown] == [
        "Debian 12's security support of zoneminder is limited (see README)"
    ]


def test_what_is_known_of_a_cve_elsewhere_comes_along() -> None:
    snapshot = snapshot_of(
        advisory("CVE-1-1", affected("alpine:3.18", "x", "apk", "2-r0"), source="alpine"),
        advisory("CVE-1-1", source="nvd", severity="critical", cvss=(Cvss("3.1", "v", 9.8),), cwes=("CWE-79",)),
        KevEntry(cve="CVE-1-1", source="kev", added="2024-01-02", due="2024-02-02", ransomware=True),
        Exploitability(cve="CVE-1-1", score=0.97, percentile=0.99, day="2026-06-29"),
    )
    (match,) = matched(snapshot, [package("apk", "x", "1-r0")], "alpine:3.18").matches
    assert (match.advisory.severity, match.advisory.cvss[0].score, match.advisory.cwes) == (
        "critical",
        9.8,
        ("CWE-79",),
    )
    assert match.advisory.kev is not None
    assert match.advisory.epss is not None
    assert (match.advisory.kev.due, match.advisory.epss.score, match.risk) == ("2024-02-02", 0.97, 100.0)


def test_withdrawn_advisories_match_nothing() -> None:
    snapshot = snapshot_of(
        advisory("GHSA-1", affected("pypi", "x", "pep440", "2"), withdrawn="2024-01-01T00:00:00Z"),
        advisory("GHSA-2", affected("pypi", "y", "pep440", "2")),
    )
    assert matched(snapshot, [package("pypi", "x", "1")]).matches == ()


def test_equal_inputs_give_equal_matches_whatever_the_order() -> None:
    snapshot = snapshot_of(*(advisory(f"GHSA-{n}", affected("pypi", f"p{n % 3}", "pep440", "2")) for n in range(9)))
    packages = [package("pypi", f"p{n}", "1") for n in range(3)]
    assert matched(snapshot, packages) == matched(snapshot, packages[::-1])
