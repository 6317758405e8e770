"""What is recorded for a package by mistake: set aside by a named rule, with its reason, and never silently."""

from __future__ import annotations

from itertools import combinations

import pytest

from hullmark.advisories.match.mistaken import RULES, Rule
from hullmark.model.package import Package
from tests.support.matching import advisory, affected, counted, matched, package, snapshot_of

CASES = [(rule, name, id) for rule in RULES for name in rule.names for id in sorted(rule.vulnerabilities)]

NAMESPACES = {"maven": "maven", "golang": "golang", "gem": "gem", "deb": "debian:12"}
SCHEMES = {"maven": "maven", "golang": "golang", "gem": "gem", "deb": "deb"}


def installed(rule: Rule, name: str) -> Package:
    version = "v1.0.0" if rule.type == "golang" else "1.0"
    return package(rule.type, name, version, space="org.example" if rule.type == "maven" else "")


def listed(rule: Rule, name: str) -> str:
    return f"org.example:{name}" if rule.type == "maven" else name


@pytest.mark.parametrize(("rule", "name", "id"), CASES)
def test_a_rule_sets_aside_with_its_name_reason_and_source(rule: Rule, name: str, id: str) -> None:
    part = affected(NAMESPACES[rule.type], listed(rule, name), SCHEMES[rule.type], "9")
    aliased = [advisory("GHSA-9", part, aliases=(id,))] if id.startswith("CVE-") else []
    snapshot = snapshot_of(advisory(id, part), advisory("CVE-9-9", part), *aliased)
    result = matched(snapshot, [installed(rule, name)], "debian:12")
    assert counted(result) == {(name, "CVE-9-9"): "9"}
    (aside,) = {match.suppressed for match in result.matches if match.suppressed is not None}
    assert (aside.by, aside.reason) == ("not-affected", f"{rule.reason} ({rule.name}, {rule.source})")


def test_other_packages_of_the_same_source_keep_what_is_said_of_them() -> None:
    snapshot = snapshot_of(advisory("CVE-2023-45853", affected("debian:12", "zlib", "deb", fix_state="wont-fix")))
    zlib1g, minizip = (
        package("deb", name, "1:1.2.13.dfsg-1", source=("zlib", "1:1.2.13.dfsg-1")) for name in ("zlib1g", "minizip")
    )
    result = matched(snapshot, [zlib1g, minizip], "debian:12")
    assert counted(result) == {("minizip", "CVE-2023-45853"): ""}
    assert len(result.matches) == 2


def test_what_the_name_is_shared_with_is_found() -> None:
    snapshot = snapshot_of(
        advisory("CVE-2021-44228", affected("maven", "org.apache.logging.log4j:log4j-core", "maven", "2.15"))
    )
    core = package("maven", "log4j-core", "2.14", space="org.apache.logging.log4j")
    assert counted(matched(snapshot, [core])) == {("log4j-core", "CVE-2021-44228"): "2.15"}
    snapshot = snapshot_of(advisory("CVE-2017-14727", affected("pypi", "logger", "pep440", "2")))
    assert counted(matched(snapshot, [package("pypi", "logger", "1")])) == {("logger", "CVE-2017-14727"): "2"}


def test_an_announcement_of_other_vulnerabilities_besides_stays() -> None:
    part = affected("debian:12", "zlib", "deb", "2")
    zlib1g = package("deb", "zlib1g", "1", source=("zlib", "1"))
    both = advisory("DSA-1", part, source="debian_lists", aliases=("CVE-2023-45853", "CVE-9-9"))
    assert counted(matched(snapshot_of(both), [zlib1g], "debian:12")) == {("zlib1g", "DSA-1"): "2"}
    alone = advisory("DSA-2", part, source="debian_lists", aliases=("CVE-2023-45853",))
    assert not counted(matched(snapshot_of(alone), [zlib1g], "debian:12"))


def test_a_distributions_own_word_goes_first() -> None:
    cleared = affected("debian:12", "zlib", "deb", kind="unaffected", note="not built")
    snapshot = snapshot_of(
        advisory("CVE-2023-45853", affected("debian:12", "zlib", "deb", fix_state="wont-fix"), cleared, source="debian")
    )
    (match,) = matched(snapshot, [package("deb", "zlib1g", "1", source=("zlib", "1"))], "debian:12").matches
    assert match.suppressed is not None
    assert match.suppressed.reason == "debian records that zlib 1 is not affected: not built"


def test_no_two_rules_speak_of_one_vulnerability_of_one_package() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
    for a, b in combinations(RULES, 2):
        assert a.type != b.type or not {*a.names} & {*b.names} or not a.vulnerabilities & b.vulnerabilities
