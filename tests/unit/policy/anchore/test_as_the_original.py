"""Single facts of how the original judges, which the profile `compat` keeps; read in the source of anchore-engine 1.1.0."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import structs

from hullmark.model.inventory import Distro, InventoryLayer
from hullmark.model.match import Fix, Match, MatchedAdvisory
from hullmark.model.package import Package
from hullmark.model.verdict import Outcome, PolicyProblem, Verdict
from hullmark.policy.anchore.bundle import Bundle
from hullmark.policy.anchore.evaluate import evaluate_bundle
from hullmark.policy.anchore.profile import PROFILES
from hullmark.policy.context import NO_CONTEXT, Context, OfferedVersions, Registry, VulnerabilityData
from hullmark.policy.facts import Facts
from hullmark.policy.load import load_any
from hullmark.policy.question import Question
from tests.unit.policy.anchore.building import bundle, facts, package, rule

MAPPING = {"id": "n", "name": "n", "registry": "*", "repository": "*", "image": {"type": "tag", "value": "*"}}


def judged(document: dict[str, Any], seen: Facts, profile: str = "compat", context: Context = NO_CONTEXT) -> Verdict:
    read = load_any(json.dumps(document).encode())
    assert isinstance(read, Bundle)
    return evaluate_bundle(read, seen, Question(profile=PROFILES[profile], context=context), analyzer="test")


def messages(verdict: Verdict) -> list[str]:
    return [finding.message for finding in verdict.findings]


def problem_types(verdict: Verdict) -> list[str]:
    return [problem.problem_type for problem in verdict.problems if isinstance(problem, PolicyProblem)]


def on_dockerfile(text: str, trigger: str, profile: str = "compat", **params: str) -> list[str]:
    return messages(judged(bundle(rule("dockerfile", trigger, params)), facts(dockerfile_text=text), profile))


def ports(lines: str, kind: str, listed: str) -> list[str]:
    found = on_dockerfile(f"FROM a\n{lines}\n", "exposed_ports", ports=listed, type=kind)
    return [message.partition("(")[2].partition(")")[0] for message in found]


@pytest.mark.parametrize(
    ("lines", "kind", "listed", "expected"),
    [
        ("EXPOSE 22", "blacklist", "22", ["22"]),
        ("expose 22", "blacklist", "22", ["22"]),
        ("Expose 22", "blacklist", "22", []),
        ("eXPOSE 22", "whitelist", "80", []),
        ("Expose 22\nEXPOSE 23", "whitelist", "80", ["23"]),
        ("EXPOSE 0", "blacklist", "0", ["0"]),
        ("EXPOSE 53 53/udp 53 53/udp", "whitelist", "53", []),
        ("EXPOSE 53/tcp 53/tcp 53/udp", "whitelist", "53", []),
        ("EXPOSE 53/tcp 53/tcp", "whitelist", "53", ["53/tcp"]),
        ("EXPOSE 80 80 80/udp 22", "whitelist", "80", ["22"]),
    ],
)
def test_ports_are_looked_for_in_keywords_of_one_case_and_taken_away_while_udp_is_there(
    lines: str, kind: str, listed: str, expected: list[str]
) -> None:
    assert ports(lines, kind, listed) == expected


def test_native_sees_ports_whatever_the_case_of_the_keyword() -> None:
    found = on_dockerfile("FROM a\nExpose 22\n", "exposed_ports", "native", ports="22", type="blacklist")
    assert len(found) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("RUN echo \\$HOME\nUSER bob\nCMD x\n", []),
        ("RUN echo \\$HOME \\\nUSER bob\n", []),
        ("RUN echo $HOME\nUSER bob\n", ["bob"]),
        ("RUN echo \\$A\n# a comment\n\nUSER bob\nUSER eve\n", ["eve"]),
        ("FROM a\x0cUSER bob\n", ["bob"]),
        ("FROM a\rUSER bob\n", ["bob"]),
    ],
)
def test_a_line_with_an_escaped_dollar_goes_on_in_the_next_and_lines_end_as_python_has_it(
    text: str, expected: list[str]
) -> None:
    found = on_dockerfile(text, "instruction", instruction="USER", check="exists")
    assert [message.rpartition("line '")[2].rstrip("'") for message in found] == expected


def test_the_joined_line_has_lost_the_escaped_dollar() -> None:
    found = on_dockerfile("RUN echo \\$HOME\nUSER bob\n", "instruction", instruction="RUN", check="exists")
    assert found == ["Dockerfile directive 'RUN' check 'exists' matched against '' for line 'echo HOMEUSER bob'"]


def test_a_line_that_waits_for_a_next_one_at_the_end_is_lost() -> None:
    assert on_dockerfile("FROM a\nUSER \\$ME\n", "instruction", instruction="USER", check="exists") == []


def sized(size: int) -> Facts:
    seen = facts()
    layer = InventoryLayer(digest="l", diff_id="i", size=size, created_by="")
    source = structs.replace(seen.inventory.source, layers=(layer,))
    return facts(inventory=structs.replace(seen.inventory, source=source))


@pytest.mark.parametrize(
    ("attribute", "check", "value", "size", "fires"),
    [
        ("size", "!=", "0", 100, True),
        ("size", "!=", "100", 100, False),
        ("size", "!=", "1kb", 1024, False),
        ("size", "!=", "1kb", 1000, True),
        ("size", ">", "0", 100, True),
        ("size", "=", "0", 0, True),
        ("size", "!=", "0kb", 100, True),
        ("layer_count", "!=", "0", 100, True),
        ("layer_count", ">", "0", 100, True),
        ("layer_count", "!=", " 1 ", 100, False),
        ("distro", "!=", "", 100, False),
    ],
)
def test_zero_is_a_value_to_compare_with_and_an_empty_text_is_not(
    attribute: str, check: str, value: str, size: int, fires: bool
) -> None:
    document = bundle(rule("metadata", "attribute", {"attribute": attribute, "check": check, "value": value}))
    assert bool(judged(document, sized(size)).findings) is fires


def holding(distro: Distro | None, *packages: Package) -> Facts:
    return facts(inventory=structs.replace(facts().inventory, distro=distro, packages=packages))


DEBIAN = Distro(id="debian", version_id="12")


@pytest.mark.parametrize(
    ("distro", "namespaces", "fires"),
    [
        (Distro(id="centos", version_id="7"), ("rhel:7",), False),
        (Distro(id="centos", version_id="7"), ("centos:7",), True),
        (Distro(id="fedora", version_id="40"), ("fedora:40",), True),
        (Distro(id="redhat", version_id="8.4"), ("rhel:8",), False),
        (Distro(id="rhel", version_id="8.4"), ("rhel:8",), False),
        # Derivatives are not looked up under what they are like.
        (Distro(id="rocky", version_id="9.3", id_like=("rhel", "centos", "fedora")), ("rhel:9",), True),
        (Distro(id="rocky", version_id="9.3", id_like=("rhel", "centos", "fedora")), ("rocky:9",), False),
        (Distro(id="linuxmint", version_id="21.2", id_like=("ubuntu", "debian")), ("ubuntu:22.04",), True),
        (Distro(id="ubuntu", version_id="22.04"), ("ubuntu:22.04",), False),
        (Distro(id="alpine", version_id="3.18.4"), ("alpine:3.18",), False),
        (Distro(id="alpine", version_id="3.18.4"), ("alpine:3",), False),
        (Distro(id="alpine", version_id="v3.18"), ("alpine:v3",), True),
        (Distro(id="amzn", version_id="2"), ("amzn:2",), False),
        # Advisories that are kept here go by other names for two of them.
        (Distro(id="amzn", version_id="2"), ("amazon:2",), False),
        (Distro(id="ol", version_id="8.9"), ("oracle:8",), False),
    ],
)
def test_data_is_there_for_a_distribution_if_it_is_for_the_one_it_is_mapped_to(
    distro: Distro, namespaces: tuple[str, ...], fires: bool
) -> None:
    context = Context(vulnerability_data=VulnerabilityData(namespaces=namespaces))
    document = bundle(rule("vulnerabilities", "vulnerability_data_unavailable"))
    assert bool(judged(document, holding(distro), context=context).findings) is fires


def test_native_takes_the_data_of_what_a_distribution_is_like_too() -> None:
    rocky = Distro(id="rocky", version_id="9.3", id_like=("rhel",))
    context = Context(vulnerability_data=VulnerabilityData(namespaces=("rhel:9",)))
    document = bundle(rule("vulnerabilities", "vulnerability_data_unavailable"))
    assert judged(document, holding(rocky), "native", context).verdict is Outcome.GO


@pytest.mark.parametrize("profile", ["compat", "native"])
@pytest.mark.parametrize("version", ["2", "1_1", "", None])
def test_an_allowlist_of_an_unknown_version_stops(profile: str, version: str | None) -> None:
    document = bundle(rule("always", "always"), items=({"id": "i", "gate": "always", "trigger_id": "always"},))
    document["whitelists"][0]["version"] = version
    verdict = judged(document, facts(), profile)
    assert (verdict.verdict, verdict.findings) == (Outcome.STOP, ())
    assert problem_types(verdict) == ["UnsupportedVersionError"]


def test_an_allowlist_of_an_unknown_version_that_no_mapping_names_does_not_matter() -> None:
    document = bundle(rule("always", "always", action="GO"))
    document["whitelists"].append({"id": "other", "version": "9", "items": []})
    assert judged(document, facts()).verdict is Outcome.GO


@pytest.mark.parametrize("profile", ["compat", "native"])
@pytest.mark.parametrize("ids", [{"policy_ids": []}, {}, {"policy_id": "", "policy_ids": None}])
def test_a_mapping_without_a_policy_stops(profile: str, ids: dict[str, Any]) -> None:
    document = bundle(rule("always", "always", action="GO"), mappings=[{**MAPPING, **ids, "whitelist_ids": []}])
    verdict = judged(document, facts(), profile)
    assert verdict.verdict is Outcome.STOP
    assert problem_types(verdict) == ["ValidationError"]


@pytest.mark.parametrize(
    "broken",
    [
        {"policy_ids": [], "whitelist_ids": []},
        {"policy_id": "p", "policy_ids": ["p"], "whitelist_ids": []},
        {"policy_ids": ["p"], "whitelist_ids": [], "registry": "never.example", "image": None},
    ],
)
def test_a_later_mapping_without_policy_or_image_stops_every_image_in_compat(broken: dict[str, Any]) -> None:
    document = bundle(rule("always", "always", action="GO"))
    document["mappings"].append({**MAPPING, **broken})
    verdict = judged(document, facts())
    assert (verdict.verdict, verdict.findings) == (Outcome.STOP, ())
    assert len(problem_types(verdict)) == 1
    assert judged(document, facts(), "native").verdict is Outcome.GO


def test_a_later_mapping_whose_policy_is_not_there_does_not_matter() -> None:
    document = bundle(rule("always", "always", action="GO"))
    document["mappings"].append({**MAPPING, "policy_ids": ["nowhere"], "whitelist_ids": None})
    assert judged(document, facts()).verdict is Outcome.GO


@pytest.mark.parametrize("key", ["mappings", "whitelisted_images", "blacklisted_images"])
def test_a_list_that_is_null_stops_in_compat_and_is_empty_in_native(key: str) -> None:
    document = {**bundle(rule("always", "always", action="GO")), key: None}
    verdict = judged(document, facts())
    assert (verdict.verdict, problem_types(verdict)) == (Outcome.STOP, ["TypeError"])
    assert "TypeError" not in problem_types(judged(document, facts(), "native"))


@pytest.mark.parametrize(
    ("mapping", "expected"), [({"registry": ""}, Outcome.GO), ({"repository": ""}, Outcome.GO), ({}, Outcome.STOP)]
)
def test_an_empty_registry_or_repository_fits_nothing(mapping: dict[str, Any], expected: Outcome) -> None:
    first = {**MAPPING, **mapping, "policy_ids": ["p"], "whitelist_ids": []}
    verdict = judged(bundle(rule("always", "always"), mappings=[first]), facts())
    assert verdict.verdict is expected


def test_an_item_without_a_trigger_id_covers_nothing() -> None:
    items = ({"id": "i", "gate": "always", "trigger_id": ""}, {"id": "j", "gate": "", "trigger_id": "always"})
    document = bundle(rule("always", "always", action="WARN"), items=items)
    assert judged(document, facts()).verdict is Outcome.WARN
    assert judged(document, facts(), "native").verdict is Outcome.STOP


def test_an_image_id_on_a_list_is_compared_as_it_stands() -> None:
    entry = {"id": "x", "name": "x", "registry": "*", "repository": "*"}
    for value, expected in (("c", Outcome.GO), ("sha256:c", Outcome.STOP)):
        listed = [{**entry, "image": {"type": "id", "value": value}}]
        document = bundle(rule("always", "always"), whitelisted_images=listed)
        assert judged(document, facts()).verdict is expected
        assert judged(document, facts(), "native").verdict is Outcome.GO


NPM = package("npm", "a", "1.0.0", "/x/node_modules/a/package.json", "/y/node_modules/a/package.json")
KNOWN = Context(
    feeds={"npm": Registry(synced=True, packages={"b": OfferedVersions(latest="2.0.0", versions=("2.0.0",))})}
)


def on_npm(trigger: str, *packages: Package, **params: str) -> list[str]:
    return messages(judged(bundle(rule("npms", trigger, params)), holding(DEBIAN, *packages), context=KNOWN))


def test_copies_of_a_package_are_one_for_the_registry_but_for_the_question_of_the_latest() -> None:
    b = structs.replace(NPM, name="b", purl="pkg:npm/b@1.0.0")
    assert len(on_npm("unknown_in_feeds", NPM, b)) == 1
    assert len(on_npm("version_not_in_feeds", NPM, b)) == 1
    assert len(on_npm("newer_version_in_feed", NPM, b)) == 2


def test_an_empty_version_of_a_denied_name_denies_nothing() -> None:
    assert on_npm("blacklisted_name_version", NPM, name="a", version="") == []
    assert on_npm("blacklisted_name_version", NPM, name="a") == ["NPM Package is blacklisted: a"]


def on_packages(trigger: str, **params: str) -> list[str]:
    return messages(judged(bundle(rule("packages", trigger, params)), holding(DEBIAN, NPM)))


def test_each_copy_of_a_denied_package_is_found() -> None:
    assert on_packages("blacklist", name="a") == ["Package is blacklisted: a"] * 2
    assert on_packages("blacklist", name="a", version="") == ["Package is blacklisted: a"] * 2


def test_an_empty_version_that_is_required_is_a_version() -> None:
    assert on_packages("required_package", name="a", version="") == [
        "Required input package (a) is present (1.0.0), but not at the version specified in policy (a)"
    ]
    assert on_packages("required_package", name="z", version="") == [
        "Required input package (z) is not present in container image"
    ]


@pytest.mark.parametrize("listed", ["GPL, ", " ,GPL", "GPL,  ,MIT"])
def test_a_blank_between_commas_is_a_text_that_stands_in_every_licence(listed: str) -> None:
    document = bundle(rule("licenses", "blacklist_partial_match", {"licenses": listed}))
    seen = holding(DEBIAN, package("npm", "a", "1", "/a", licenses=("ISC",)))
    assert messages(judged(document, seen)) == [
        "LICSUBMATCH Packages are installed that have blacklisted licenses: a(ISC)"
    ]
    assert problem_types(judged(document, seen, "native")) == ["ParameterValueInvalidError"]


@pytest.mark.parametrize("body", [b"root:x:0\rbob:x:1:1:::/bin/sh\n", b"root:x:0\x0cbob:x:1:1:::/bin/sh\n"])
def test_lines_of_passwd_end_as_python_has_it(body: bytes) -> None:
    document = bundle(rule("passwd_file", "blacklist_usernames", {"user_names": "bob"}))
    assert len(judged(document, facts(contents={"/etc/passwd": body})).findings) == 1


def test_a_bad_expression_fails_though_the_file_is_not_among_those_stored() -> None:
    rules = (rule("retrieved_files", "content_regex", {"path": "/etc/none", "regex": "(", "check": "match"}),)
    assert judged(bundle(*rules), facts()).verdict is Outcome.STOP
    assert judged(bundle(*rules), facts(contents={})).verdict is Outcome.GO


def test_the_name_of_a_parameter_goes_before_its_other_name() -> None:
    document = bundle(rule("passwd_file", "blacklist_usernames", {"user_names": "root", "usernameblacklist": "x"}))
    assert len(judged(document, facts()).findings) == 1


def test_overlapping_folders_name_a_file_once_for_each() -> None:
    document = bundle(rule("packages", "verify", {"only_directories": "/usr,/usr/bin", "check": "missing"}))
    assert len(judged(document, facts()).findings) == 2
    assert len(judged(document, facts(), "native").findings) == 1


def test_a_gate_with_blanks_around_its_name_is_none() -> None:
    document = bundle(rule(" always", "always", action="GO"))
    assert problem_types(judged(document, facts())) == ["GateNotFoundError"]


def matched(fix: str, path: str = "/x/node_modules/a/package.json") -> Facts:
    advisory = MatchedAdvisory(id="CVE-2026-0001", source="s", namespace="npm", severity="high")
    found = Match(
        package=package("npm", "a", "1.0.0", path), advisory=advisory, fix=Fix(state="fixed" if fix else "unknown", version=fix),
        kind="direct", name="a", version="1.0.0", why="because",
    )  # fmt: skip
    seen = facts()
    assert seen.matches is not None
    return facts(matches=structs.replace(seen.matches, matches=(found,)))


@pytest.mark.parametrize(("value", "count"), [("false", 0), (False, 1), ("true", 1), (True, 1)])
def test_json_s_false_is_not_given_where_it_is_asked_whether_a_fix_is_there(value: object, count: int) -> None:
    document = bundle(rule("vulnerabilities", "package", {"package_type": "all", "fix_available": value}))
    assert len(judged(document, matched("2.0.0")).findings) == count
    assert len(judged(document, matched("2.0.0"), "native").findings) == (str(value).lower() == "true")


def test_an_empty_expression_excludes_every_path() -> None:
    document = bundle(rule("vulnerabilities", "package", {"package_type": "all", "package_path_exclude": ""}))
    assert messages(judged(document, matched(""))) == []
    assert len(judged(document, matched(""), "native").findings) == 1
