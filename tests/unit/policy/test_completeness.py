"""Every rule asks whether what it looks at was seen; a verdict is `go` only if every rule could tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hullmark.app.expressions import Evaluator
from hullmark.model.match import CoverageGap, Matches, UnknownPackage
from hullmark.model.problem import IN_LAYERS, Fact, Problem, ProblemKind
from hullmark.model.verdict import Outcome, Verdict
from hullmark.policy.completeness import facts_of
from hullmark.policy.evaluate import evaluate
from hullmark.policy.gates import TRIGGERS
from tests.support.policies import native_policy
from tests.unit.policy.building import facts, file, match, matches, package

CUT = Problem("", 0, "rootfs", "the layer was not read to its end: it is larger than 5 bytes", facts=IN_LAYERS)
NOBODY_SAYS = Problem("", 0, "somewhere", "something was cut short")
STATUS = Problem(
    "/var/lib/dpkg/status", 0, "dpkg-status", "too large to read", facts=("owners", "packages"), types=("deb",)
)
JAR = Problem("/opt/a.jar", 0, "java-archive", "is damaged", facts=("packages",), types=("maven",))
LISTED = Problem("/etc/shadow", 0, "rootfs", "a hard link to a file that is not there", facts=("files",))
VULNERABLE = "gate: vulnerabilities, trigger: found, action: stop, params: {severity: critical}"


def judged(
    rule: str, *problems: Problem, told: Matches | None = None, exceptions: str = "", **fields: object
) -> Verdict:
    text = f"schema: hullmark-policy/1\nname: test\nrules:\n  - {{id: rule, {rule}}}\n{exceptions}"
    known: dict[str, Any] = {"evaluate": Evaluator(), **fields}
    seen = facts(problems=problems, matches=told if told is not None else matches(), **known)
    return evaluate(native_policy(text.encode()), seen, analyzer="test")


@pytest.mark.parametrize("rule", [
    VULNERABLE,
    "gate: packages, trigger: forbidden, action: stop, params: {names: [netcat]}",
    "gate: licences, trigger: forbidden, action: stop, params: {names: [AGPL-3.0-only]}",
    "gate: files, trigger: setuid, action: stop",
    "gate: contents, trigger: forbidden, action: stop, params: {paths: [/etc/**], pattern: x}",
    "gate: integrity, trigger: missing, action: stop",
    "gate: leftovers, trigger: shell, action: stop",
    "gate: expression, trigger: holds, action: stop, params: {expression: 'packages.exists(p, p.name == \"x\")'}",
])  # fmt: skip
def test_a_layer_that_was_not_read_to_its_end_keeps_every_rule_about_what_is_in_it_from_telling(rule: str) -> None:
    assert judged(rule).verdict is Outcome.GO
    verdict = judged(rule, CUT)
    assert verdict.verdict is Outcome.UNKNOWN
    assert "the layer was not read to its end" in verdict.reason


def test_rules_about_the_settings_alone_can_tell_whatever_the_layers_hide() -> None:
    rule = "gate: config, trigger: labels, action: stop, params: {forbidden: [secret]}"
    assert judged(rule, CUT, STATUS, JAR, LISTED).verdict is Outcome.GO
    assert judged(rule, NOBODY_SAYS).verdict is Outcome.UNKNOWN


@pytest.mark.parametrize(("params", "problem", "expected"), [
    ("severity: critical, types: [deb]", JAR, "go"),
    ("severity: critical, types: [deb]", STATUS, "unknown"),
    ("severity: critical, except_types: [maven]", JAR, "go"),
    ("severity: critical, except_types: [deb]", JAR, "unknown"),
    ("severity: critical", JAR, "unknown"),
])  # fmt: skip
def test_a_rule_is_kept_from_telling_only_by_what_it_asks_for(params: str, problem: Problem, expected: str) -> None:
    rule = f"gate: vulnerabilities, trigger: found, action: stop, params: {{{params}}}"
    assert judged(rule, problem).verdict == expected


@pytest.mark.parametrize(("paths", "expected"), [("[/etc/**]", "unknown"), ("[/srv/**]", "go"), ('["*.pem"]', "go")])
def test_one_file_that_was_not_read_matters_to_rules_about_its_path(paths: str, expected: str) -> None:
    rule = f"gate: contents, trigger: forbidden, action: stop, params: {{paths: {paths}, pattern: x}}"
    assert judged(rule, LISTED).verdict == expected


@pytest.mark.parametrize(("kind", "expected"), [
    ("unseen", "unknown"), ("uncovered", "unknown"), ("unidentified", "go"), ("note", "go"),
])  # fmt: skip
def test_notes_and_what_is_not_identified_keep_no_rule_from_telling(kind: ProblemKind, expected: str) -> None:
    assert judged(VULNERABLE, replace(STATUS, kind=kind)).verdict == expected


def test_what_stops_goes_before_what_cannot_be_told() -> None:
    bad = package("deb", "openssl", "1")
    told = matches(match(bad, "CVE-2026-1", severity="critical"))
    assert judged(VULNERABLE, CUT, told=told, packages=[bad]).verdict is Outcome.STOP


@pytest.mark.parametrize("word", ["go", "warn", "stop"])
def test_words_in_the_policy_say_otherwise(word: str) -> None:
    verdict = judged(f"{VULNERABLE}, when_unknown: {word}", STATUS)
    assert verdict.verdict == word
    assert any("cannot be judged" in problem.reason for problem in verdict.problems)


def test_an_exception_with_owner_and_last_day_covers_one_gap_and_no_other() -> None:
    excepted = "exceptions:\n  - {rule: rule, subject: /opt/a.jar, expires: 2026-04-01, owner: java team, reason: it is a test file}\n"
    verdict = judged(VULNERABLE, JAR, exceptions=excepted)
    assert verdict.verdict is Outcome.GO
    assert [finding.allowlisted for finding in verdict.findings if finding.subject == "/opt/a.jar"] != [None]
    assert judged(VULNERABLE, JAR, STATUS, exceptions=excepted).verdict is Outcome.UNKNOWN


def test_each_cause_is_named_once_however_many_files_it_has() -> None:
    many = [replace(JAR, path=f"/opt/{number}.jar") for number in range(50)]
    verdict = judged(VULNERABLE, *many)
    about = [problem for problem in verdict.problems if "cannot be judged" in problem.reason]
    assert len(about) == 1
    assert "and 47 more" in about[0].reason


def test_a_namespace_that_no_whole_feed_covers_keeps_rules_about_its_packages_from_telling() -> None:
    told = replace(matches(), uncovered=(
        CoverageGap(namespace="debian:13", types=("deb",), packages=81, reason="the snapshot has no advisories for Debian 13"),
    ))  # fmt: skip
    verdict = judged(VULNERABLE, told=told)
    assert verdict.verdict is Outcome.UNKNOWN
    assert "no advisories for Debian 13" in verdict.reason
    narrowed = "gate: vulnerabilities, trigger: found, action: stop, params: {severity: critical, types: [npm]}"
    assert judged(narrowed, told=told).verdict is Outcome.GO
    excepted = "exceptions:\n  - {rule: rule, subject: 'debian:13', expires: 2026-04-01, owner: us, reason: known}\n"
    assert judged(VULNERABLE, told=told, exceptions=excepted).verdict is Outcome.GO


def kinds(verdict: Verdict) -> set[str]:
    """The kinds of what rules could not tell."""
    return {problem.kind for problem in verdict.problems if "cannot be judged" in problem.reason}


def test_what_no_advisories_cover_is_told_as_uncovered_and_what_the_image_hides_as_unseen() -> None:
    gap = CoverageGap(namespace="npm", types=("npm",), packages=1, reason="the snapshot has no advisories for npm")
    bare = package("rpm", "odd", "1")
    nobody = UnknownPackage(package=bare, reason="no advisories are made for it")
    odd = UnknownPackage(package=bare, reason="its version is not one of rpm's", kind="unseen")
    assert kinds(judged(VULNERABLE, told=replace(matches(), uncovered=(gap,)))) == {"uncovered"}
    assert kinds(judged(VULNERABLE, told=replace(matches(), unknown=(nobody,)))) == {"uncovered"}
    assert kinds(judged(VULNERABLE, told=replace(matches(), unknown=(odd,)))) == {"unseen"}
    assert kinds(judged(VULNERABLE, STATUS)) == {"unseen"}
    assert kinds(judged(VULNERABLE, STATUS, told=replace(matches(), uncovered=(gap,)))) == {"uncovered", "unseen"}


def test_what_is_not_matched_at_all_is_told_as_uncovered() -> None:
    text = f"schema: hullmark-policy/1\nname: test\nrules:\n  - {{id: rule, {VULNERABLE}}}\n"
    verdict = evaluate(native_policy(text.encode()), facts(), analyzer="test")
    assert (verdict.verdict, kinds(verdict)) == (Outcome.UNKNOWN, {"uncovered"})


def test_a_version_that_cannot_be_compared_keeps_rules_about_vulnerabilities_from_telling() -> None:
    odd = package("deb", "openssl", "abc")
    told = replace(
        matches(), unknown=(UnknownPackage(package=odd, reason="its version is not one of deb's", kind="unseen"),)
    )
    assert judged(VULNERABLE, told=told, packages=[odd]).verdict is Outcome.UNKNOWN
    told = replace(
        matches(), unknown=(UnknownPackage(package=odd, reason="its group is not known", kind="unidentified"),)
    )
    verdict = judged(VULNERABLE, told=told, packages=[odd])
    assert verdict.verdict is Outcome.GO
    assert any(problem.kind == "unidentified" and "1 thing" in problem.reason for problem in verdict.problems)


def test_what_was_not_identified_is_a_finding_of_one_gate() -> None:
    jar = Problem("/opt/odd.jar", 0, "java-archive", "it has no coordinates", "unidentified", ("packages",), ("maven",))
    app = file("/srv/tool", mode="0755")
    unversioned = package("golang", "example.com/main", "UNKNOWN")
    rule = "gate: analysis, trigger: unidentified, action: warn"
    verdict = judged(rule, jar, files=[app], packages=[unversioned])
    assert {finding.subject for finding in verdict.findings} == {"/opt/odd.jar", "/srv/tool", unversioned.purl}
    allowed = f"{rule}, params: {{allow: [/srv/**], allow_packages: ['pkg:golang/*']}}"
    assert {f.subject for f in judged(allowed, jar, files=[app], packages=[unversioned]).findings} == {"/opt/odd.jar"}


# These look at the image's manifest or settings, at the Dockerfile or the advisories themselves, or at problems as such.
_LOOK_AT_NOTHING_IN_LAYERS = {
    "always.always", "analysis.problem", "base_image.layers", "configuration.unread", "image.layers", "image.size", "isolation.found",
    "isolation.grade", "isolation.setting",
    "malware.old_signatures", "vulnerabilities.no_data", "vulnerabilities.stale_data",
}  # fmt: skip


def test_every_other_trigger_says_which_facts_it_looks_at() -> None:
    silent = {
        trigger.full_name
        for trigger in TRIGGERS
        if trigger.looks_at is None and not trigger.needs and trigger.contents is None and trigger.also_needs is None
    } | {trigger.full_name for trigger in TRIGGERS if trigger.looks_at == frozenset()}
    assert {name for name in silent if not name.startswith("dockerfile.")} == _LOOK_AT_NOTHING_IN_LAYERS


def test_needs_stand_for_facts_and_an_expression_for_what_it_names() -> None:
    by_name = {trigger.full_name: trigger for trigger in TRIGGERS}
    found = by_name["vulnerabilities.found"]
    assert facts_of(found, found.params()) == {"distro", "packages"}
    held = native_policy(
        b"schema: hullmark-policy/1\nname: t\nrules:\n"
        b"  - {id: a, gate: expression, trigger: holds, action: stop, params: {expression: 'size(files) > 1 && size(packages) > 1'}}"
    ).rules[0]
    assert facts_of(held.trigger, held.params) == {"files", "owners", "packages"}


FACTS = st.lists(
    st.sampled_from(["packages", "files", "contents", "owners", "distro", "settings", "secrets"]), max_size=3
)
PROBLEMS = st.lists(
    st.builds(
        lambda path, room, facts, types: Problem(path, 0, room, "was cut short", "unseen", tuple(facts), tuple(types)),
        st.sampled_from(["", "/a", "/etc/x"]),
        st.sampled_from(["rootfs", "dpkg-status", "java"]),
        FACTS,
        st.lists(st.sampled_from(["deb", "npm", "maven"]), max_size=2),
    ),
    max_size=4,
)


@given(PROBLEMS, st.randoms(use_true_random=False))
def test_problems_never_make_a_verdict_better_and_their_order_does_not_matter(
    found: list[Problem], random: object
) -> None:
    alone, rank = judged(VULNERABLE), [Outcome.GO, Outcome.WARN, Outcome.UNKNOWN, Outcome.STOP]
    verdict = judged(VULNERABLE, *found)
    shuffled: Sequence[Problem] = [*found]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert judged(VULNERABLE, *shuffled) == verdict
    assert rank.index(verdict.verdict) >= rank.index(alone.verdict)
    needed: set[Fact] = {"distro", "packages"}
    if any(not problem.facts or needed & set(problem.facts) for problem in found):
        assert verdict.verdict is Outcome.UNKNOWN
