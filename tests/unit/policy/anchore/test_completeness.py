"""What rules look at, and that a gap there leaves the native profile unable to tell, and never the original's verdict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from hullmark.model.match import CoverageGap
from hullmark.model.verdict import Outcome
from hullmark.policy.anchore.completeness import scope_of
from hullmark.policy.anchore.gates import TRIGGERS, triggers_by_gate
from hullmark.policy.anchore.params import Values
from hullmark.policy.anchore.rows import SYSTEM_TYPES
from hullmark.policy.anchore.trigger import Scope
from hullmark.policy.context import NO_CONTEXT, Context
from hullmark.policy.gate import Need
from tests.unit.policy.anchore.building import bundle, rule
from tests.unit.policy.anchore.test_as_the_original import judged
from tests.unit.policy.anchore.test_unknowns import FOREIGN, known, untold

WORDS = {"contents", "distro", "files", "malware", "owners", "packages", "settings"}
OUTSIDE = {"always", "ancestry", "stig", "image_source_drift"}
"""Gates that look at nothing in the image."""


def scope(name: str, values: Mapping[str, Any] = {}, context: Context = NO_CONTEXT) -> Scope:
    gate, _, trigger = name.partition(".")
    return scope_of(triggers_by_gate()[gate][trigger], Values(dict(values)), context)


@pytest.mark.parametrize("trigger", TRIGGERS, ids=lambda each: f"{each.gate}.{each.name}")
def test_every_trigger_says_what_it_looks_at(trigger: Any) -> None:
    facts = scope_of(trigger, Values({}), NO_CONTEXT).facts
    assert facts <= WORDS
    looks_elsewhere = trigger.gate in OUTSIDE or trigger.name in ("no_dockerfile_provided", "stale_feed_data")
    assert bool(facts) is not looks_elsewhere


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("vulnerabilities.package", {"package_type": "all"}, Scope(frozenset(("distro", "packages")))),
        ("vulnerabilities.package", {"package_type": "os"}, Scope(frozenset(("distro", "packages")), SYSTEM_TYPES)),
        ("vulnerabilities.package", {"package_type": "non-os"}, Scope(frozenset(("packages",)), left_out=SYSTEM_TYPES)),
        ("npms.unknown_in_feeds", {}, Scope(frozenset(("packages",)), frozenset(("npm",)))),
        ("metadata.attribute", {"attribute": "size"}, Scope(frozenset())),
        ("metadata.attribute", {"attribute": "like_distro"}, Scope(frozenset(("distro",)))),
        ("metadata.attribute", {"attribute": "os_type"}, Scope(frozenset(("settings",)))),
        ("files.attribute_match", {"filename": "/a"}, Scope(frozenset(("files",)), paths=("/a",))),
        ("files.name_match", {}, Scope(frozenset(("files",)))),
        ("secret_scans.content_regex_checks", {}, Scope(frozenset(("contents", "files")))),
        ("passwd_file.blacklist_shells", {}, Scope(frozenset(("contents", "files")), paths=("/etc/passwd",))),
        ("packages.verify", {}, Scope(frozenset(("files", "owners")), SYSTEM_TYPES)),
    ],
)
def test_a_rule_looks_at_what_its_parameters_ask_for(name: str, values: dict[str, Any], expected: Scope) -> None:
    assert scope(name, values) == expected


def test_who_tells_of_malware_elsewhere_leaves_nothing_to_be_seen_in_the_image() -> None:
    assert scope("malware.scans").facts == {"malware"}
    assert scope("malware.scans", context=Context(malware={})).facts == frozenset()


NPM = CoverageGap(namespace="npm", types=("npm",), packages=2, reason="there are no advisories for npm")
ENDED = CoverageGap(namespace="debian:7", types=(), packages=0, reason="Debian 7 is past its end")


@pytest.mark.parametrize(
    ("trigger", "params", "gaps", "expected"),
    [
        ("package", {"package_type": "all"}, (NPM,), Outcome.UNKNOWN),
        ("package", {"package_type": "non-os"}, (NPM,), Outcome.UNKNOWN),
        ("package", {"package_type": "os"}, (NPM,), Outcome.GO),
        ("package", {"package_type": "os"}, (ENDED,), Outcome.UNKNOWN),
        ("blacklist", {"vulnerability_ids": "CVE-1"}, (NPM,), Outcome.UNKNOWN),
        ("package", {"package_type": "all"}, (), Outcome.GO),
    ],
)
def test_native_cannot_tell_where_no_advisories_cover_what_a_rule_asks_for(
    trigger: str, params: dict[str, Any], gaps: tuple[CoverageGap, ...], expected: Outcome
) -> None:
    document = bundle(rule("vulnerabilities", trigger, params))
    verdict = judged(document, known(*gaps, of_image=()), "native")
    assert verdict.verdict is expected
    assert all(any(gap.reason in problem.reason for problem in verdict.problems) for gap in gaps) or expected == "go"
    assert judged(document, known(*gaps, of_image=())).verdict is Outcome.GO


def test_a_stop_stays_a_stop_whatever_else_is_not_known() -> None:
    document = bundle(rule("vulnerabilities", "package", {"package_type": "all"}), rule("always", "always"))
    assert judged(document, known(NPM, of_image=()), "native").verdict is Outcome.STOP


def test_versions_that_cannot_be_compared_are_named_and_leave_native_unable_to_tell() -> None:
    unknown = tuple(untold("npm", name, FOREIGN, "unseen") for name in ("a", "b", "c", "d"))
    document = bundle(rule("vulnerabilities", "package", {"package_type": "all"}))
    verdict = judged(document, known(unknown=unknown, of_image=()), "native")
    assert verdict.verdict is Outcome.UNKNOWN
    (reason,) = (problem.reason for problem in verdict.problems)
    assert all(part in reason for part in ("a 1", "b 1", "c 1", "and 1 more", FOREIGN))


def test_rules_that_do_not_ask_about_advisories_are_not_kept_from_telling() -> None:
    assert all(
        Need.MATCHES in trigger.needs
        for trigger in TRIGGERS
        if trigger.name in ("blacklist", "kev_list") and trigger.gate == "vulnerabilities"
    )
    document = bundle(rule("packages", "blacklist", {"name": "telnet"}))
    assert judged(document, known(NPM, of_image=()), "native").verdict is Outcome.GO
