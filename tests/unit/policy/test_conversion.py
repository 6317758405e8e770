"""What parts of Anchore policies come to natively, one by one, and which are left out since nothing here says the same."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from hullmark.model.inventory import Distro
from hullmark.model.match import Kev
from hullmark.policy.anchore.bundle import InvalidBundle
from hullmark.policy.anchore.select import Wildcard
from hullmark.policy.conversion import translate
from hullmark.policy.convert_native import NoEqual, at_start, glob_of
from hullmark.policy.values import Pattern
from tests.unit.policy.anchore.building import bundle, rule, second
from tests.unit.policy.building import facts, match, matches, package
from tests.unit.policy.test_translate import both, read, whole

ATTRIBUTE = {"attribute": "layer_count", "check": ">", "value": "1"}
MINIMUM = {"package_type": "all", "cvss_v3_base_score": "7", "if_missing": "fire"}


@pytest.mark.parametrize(
    ("name", "params", "said"),
    [
        ("files.attribute_match", {"filename": "/opt/../x", "mode": "0644"}, "not a path from the root"),
        ("files.attribute_match", {"filename": "/x", "mode": "77777"}, "'77777' is not a mode of permission bits"),
        ("dockerfile.effective_user", {"users": ",", "type": "denylist"}, "its list is empty"),
        ("metadata.attribute", {**ATTRIBUTE, "value": "1" * 16}, f"{'1' * 16!r} is not a number"),
        ("metadata.attribute", {**ATTRIBUTE, "value": "10001"}, "no image has so many layers"),
        ("distro.deny", {"distro": "Unknown", "version": "1", "check": "="}, "has no name here"),
        ("distro.deny", {"distro": "debian", "version": "!", "check": ">"}, "'!' is not a version: cannot read"),
        ("packages.metadata", {"name": "a", "name_comparison": ">"}, "names are compared as texts only"),
        ("packages.metadata", {"type": "npm", "type_comparison": "!="}, "all packages but those of a type"),
        ("packages.metadata", {}, "it is about all packages, or all but one"),
        ("vulnerabilities.package", {**MINIMUM, "fix_available": "true"}, "counts there, but no fix that is"),
    ],
)
def test_a_rule_that_nothing_here_says_the_same_as_is_left_out(name: str, params: dict[str, str], said: str) -> None:
    gate, _, trigger = name.partition(".")
    first = translate(read(second(rule(gate, trigger, params)))).left_out[0]
    assert first.what == f"rule p/{gate}-{trigger}"
    assert said in first.reason


@pytest.mark.parametrize(
    ("name", "params", "expected"),
    [
        ("packages.verify", {"only_directories": "/opt/,/srv/a", "check": "missing"}, ["/opt/**", "/srv/a", "/srv/a/**"]),
        ("packages.verify", {"only_directories": "/", "check": "missing"}, ["/**"]),
    ],
)  # fmt: skip
def test_a_folder_that_is_verified_is_everything_beneath_it(
    name: str, params: dict[str, str], expected: list[str]
) -> None:
    gate, _, trigger = name.partition(".")
    (made,) = whole(read(second(rule(gate, trigger, params)))).document["rule_sets"]["p"]
    assert made["params"]["paths"] == expected


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"check": "exists", "attribute": "distro"}, {"attribute": "distro", "forbidden": ["*"]}),
        ({"check": "exists", "attribute": "os_type"}, {"attribute": "os", "forbidden": ["*"]}),
        ({"check": "not_exists", "attribute": "architecture"}, {"attribute": "architecture", "allowed": ["*"]}),
    ],
)
def test_that_an_attribute_is_there_or_not_can_be_said(params: dict[str, str], expected: dict[str, Any]) -> None:
    (made,) = whole(read(second(rule("metadata", "attribute", params)))).document["rule_sets"]["p"]
    assert made["params"] == expected


@pytest.mark.parametrize("distro", [None, Distro(id="debian", version_id="12")])
def test_a_version_of_a_distribution_that_has_no_order_stops_in_both(distro: Distro | None) -> None:
    params = {"attribute": "distro_version", "check": ">", "value": "é"}
    assert both(read(second(rule("metadata", "attribute", params))), facts(distro=distro)) == ("stop", "stop")


@pytest.mark.parametrize(
    ("cvss", "severity", "expected"),
    [
        ((), "high", "stop"),
        ((), "medium", "go"),
        ((("3.1", "", 9.0, "nvd"),), "high", "stop"),
        ((("3.1", "", 9.0, "nvd"),), "unknown", "go"),
        ((("3.1", "", 5.0, "nvd"),), "critical", "go"),
    ],
)
def test_a_score_that_is_missing_counts_and_a_severity_that_is_does_not(
    cvss: Any, severity: str, expected: str
) -> None:
    bash = package("deb", "bash", "1")
    found = match(bash, "CVE-2026-0001", severity=severity, cvss=cvss)
    seen = facts(packages=[bash], matches=matches(found, packages=[bash]))
    asked = rule("vulnerabilities", "package", {**MINIMUM, "severity_comparison": ">=", "severity": "high"})
    assert both(read(second(asked)), seen) == (expected, expected)


@pytest.mark.parametrize(("state", "expected"), [("fixed", "go"), ("not-fixed", "stop"), ("wont-fix", "go")])
def test_a_rule_may_be_about_vulnerabilities_without_a_fix(state: str, expected: str) -> None:
    bash = package("deb", "bash", "1")
    found = match(bash, "CVE-2026-0001", severity="high", fix_state=state, fix_version="2" if state == "fixed" else "")
    seen = facts(packages=[bash], matches=matches(found, packages=[bash]))
    asked = rule("vulnerabilities", "package", {"package_type": "all", "fix_available": "false"})
    assert both(read(bundle(asked)), seen) == (expected, expected)


@pytest.mark.parametrize(
    ("kev", "gap", "expected"),
    [(None, "", "go"), (None, "the list is not there", "unknown"), (Kev(added="2026-01-02"), "the list is not there", "stop")],
)  # fmt: skip
def test_what_is_not_in_a_list_of_exploited_vulnerabilities_that_is_not_whole_is_not_known_in_both(
    kev: Kev | None, gap: str, expected: str
) -> None:
    bash = package("deb", "bash", "1")
    found = match(bash, "CVE-2026-0001", kev=msgspec.to_builtins(kev))
    seen = facts(packages=[bash], matches=matches(found, packages=[bash], exploited_gap=gap))
    assert both(read(second(rule("vulnerabilities", "kev_list"))), seen) == (expected, expected)


def test_a_character_by_its_number_is_the_same_one_here() -> None:
    assert Pattern(at_start(r"\u0061\u00e9$")).is_in("aé")
    assert not Pattern(at_start(r"\u0061\u00e9$")).is_in("ae")


@pytest.mark.parametrize(("text", "glob"), [("regexp:.*$", "*"), ("regexp:^a.*$", "a*"), ("a*b", "a*b")])
def test_an_expression_that_goes_on_to_any_end_is_a_star(text: str, glob: str) -> None:
    assert glob_of(Wildcard(text)) == glob


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("regexp:$", "nothing that has a name fits"),
        ("a?c", r"'a\?c' is not a pattern with \* alone"),
        ("", "'' is not a pattern"),
        (r"regexp:a\*", "cannot be written with"),
    ],
)
def test_a_wildcard_that_is_no_glob_is_refused(text: str, said: str) -> None:
    with pytest.raises(NoEqual, match=said):
        glob_of(Wildcard(text))


def item(gate: str, trigger_id: str) -> dict[str, str]:
    return {"id": "i", "gate": gate, "trigger_id": trigger_id}


@pytest.mark.parametrize(
    ("asked", "trigger_id"),
    [
        (rule("vulnerabilities", "package", {"package_type": "all"}), "CVE-2026-0001"),
        (rule("vulnerabilities", "package", {"package_type": "all"}), "not an id+bash"),
        (rule("dockerfile", "instruction", {"instruction": "RUN", "check": "exists"}), "0" * 32),
        (rule("packages", "required_package", {"name": "bash", "version": "1"}), "0" * 32),
    ],
)
def test_an_item_that_tells_of_the_image_has_no_equal(asked: dict[str, Any], trigger_id: str) -> None:
    translation = translate(read(bundle(asked, items=(item(asked["gate"], trigger_id),))))
    assert translation.document["exceptions"] == []
    assert [(part.what, part.reason) for part in translation.left_out] == [
        ("allowlist w/i", f"{trigger_id!r} names a message that tells of the image, not a subject")
    ]


@pytest.mark.parametrize(
    ("trigger_id", "subject"),
    [("CVE-2026-0001+bash", "CVE-2026-0001+pkg:*/bash@*"), ("CVE-2026-0001+*", "CVE-2026-0001+*"), ("*+bash", "*+pkg:*/bash@*")],
)  # fmt: skip
def test_an_item_for_a_vulnerability_of_a_package_becomes_an_exception(trigger_id: str, subject: str) -> None:
    asked = rule("vulnerabilities", "package", {"package_type": "all"})
    (made,) = whole(read(bundle(asked, items=(item("vulnerabilities", trigger_id),)))).document["exceptions"]
    assert made["subject"] == subject


def test_an_item_whose_expression_may_take_too_long_is_left_out() -> None:
    slow = "regexp:" + "(" * 60 + "." + ")*" * 60 + "[0-9a-f]"
    asked = rule("packages", "required_package", {"name": "bash"})
    (part,) = translate(read(bundle(asked, items=(item("packages", slow),)))).left_out
    assert part.what == "allowlist w/i"
    assert "may take too long" in part.reason


def test_allowlists_that_count_in_some_mappings_only_are_left_out() -> None:
    document = bundle(rule("always", "always"), items=(item("always", "always"),))
    document["mappings"].append({**document["mappings"][0], "id": "n", "whitelist_ids": []})
    translation = translate(read(document))
    assert translation.document["exceptions"] == []
    (part,) = translation.left_out
    assert (part.what, part.reason) == (
        "allowlists of p",
        "they count in some mappings only; here exceptions count in all",
    )


def test_a_policy_with_a_rule_of_a_retired_gate_is_not_translated() -> None:
    with pytest.raises(InvalidBundle, match="the gate pkgdiff was retired and never fires"):
        translate(read(bundle(rule("pkgdiff", "pkgadd"), rule("always", "always"))))
