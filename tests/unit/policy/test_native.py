"""Native policies: what a document means, and that every mistake in it is named."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hullmark.model.errors import HullmarkError
from hullmark.model.verdict import Action
from hullmark.policy.anchore.bundle import Bundle
from hullmark.policy.evaluate import evaluate
from hullmark.policy.gates import TRIGGERS, files
from hullmark.policy.load import load_any
from hullmark.policy.native import InvalidPolicy
from hullmark.policy.rules import Policy, WhenUnknown
from hullmark.policy.values import Mode, NameGlob, Ports, Size, Versions
from tests.support.places import SHARED
from tests.support.policies import native_policy
from tests.unit.policy.building import facts, file, package

HEAD = "schema: hullmark-policy/1\nname: test\nrules:\n"
RULE = "  - {id: a, gate: files, trigger: setuid, action: stop}\n"


def load(text: str) -> Policy:
    return native_policy(text.encode())


def mistakes(text: str) -> list[str]:
    with pytest.raises(InvalidPolicy) as caught:
        load(text)
    return [str(mistake) for mistake in caught.value.mistakes]


def test_a_rule_is_read_with_its_types() -> None:
    policy = load(
        "schema: hullmark-policy/1\n"
        "name: base\n"
        "version: 1.10\n"
        "description: what it is for\n"
        "rules:\n"
        "  - id: modes\n"
        "    gate: files\n"
        "    trigger: mode\n"
        "    action: warn\n"
        "    when_unknown: stop\n"
        "    message: Fix it.\n"
        "    params: {paths: [/a, '*.b'], forbidden: 0022, types: [file, dir]}\n"
        "exceptions:\n"
        "  - {rule: modes, subject: /a, expires: 2027-01-31, owner: me, reason: because}\n"
    )
    (rule,) = policy.rules
    assert (policy.name, policy.version, policy.description) == ("base", "1.10", "what it is for")
    assert (rule.id, rule.trigger.full_name, rule.action) == ("modes", "files.mode", Action.WARN)
    assert (rule.message, rule.when_unknown) == ("Fix it.", WhenUnknown.STOP)
    assert isinstance(rule.params, files.ModeBits)
    assert [glob.text for glob in rule.params.paths] == ["/a", "*.b"]
    assert rule.params.forbidden is not None
    assert rule.params.forbidden.bits == 0o022
    assert rule.params.types == ("file", "dir")
    assert policy.exceptions[0].expires.text == "2027-01-31"


def test_every_mistake_is_named_with_its_line_and_the_nearest_valid_name() -> None:
    found = mistakes(
        HEAD
        + "  - {id: a, gate: filez, trigger: mode, action: stop}\n"
        + "  - {id: b, gate: files, trigger: modes, action: halt}\n"
        + "  - {id: c, gate: files, trigger: setuids, action: stop}\n"
        + "  - id: d e\n"
        + "    gate: files\n"
        + "    trigger: mode\n"
        + "    action: stop\n"
        + "    params:\n"
        + "      paths: [/a/../b, '', /x]\n"
        + "      forbidden: 0999\n"
        + "      reqired: 0700\n"
        + "  - {id: f, gate: packages, trigger: forbidden, action: stop, params: {names: curl, version: '>> 2'}}\n"
        + "  - {id: g, gate: config, trigger: user, action: stop}\n"
        + "  - {id: g, gate: image, trigger: layers, action: stop, params: {max: -1}}\n"
        + "  - {id: h, gate: image, trigger: distro, action: stop, params: {allowed: [{versio: 2}]}}\n"
        + "  - {id: i, gate: files, trigger: setuid, action: stop, params: {setuid: maybe, allow: {a: b}}}\n"
        + "  - just text\n"
        + "exceptions:\n"
        + "  - {rule: zzz, subject: '*', expires: 2027-01-31, owner: me, reason: x}\n"
    )
    assert found == [
        "line 4: rules[0].gate: there is no gate 'filez'; did you mean 'files'?",
        "line 5: rules[1].action: expected one of go, stop, warn, not 'halt'",
        "line 6: rules[2].trigger: the gate files has no trigger 'setuids'; did you mean 'setuid'?",
        "line 7: rules[3].id: expected at most 100 letters, digits, dots, dashes and underscores",
        "line 12: rules[3].params.paths[0]: expected a path without . and .. in it, not '/a/../b'",
        "line 12: rules[3].params.paths[1]: expected a path, not an empty text",
        "line 13: rules[3].params.forbidden: expected permission bits in octal, such as 0644 or 4755, not '0999'",
        "line 14: rules[3].params.reqired: there is no such key; did you mean 'required'?",
        "line 15: rules[4].params.names: expected a list, not 'curl'",
        "line 15: rules[4].params.version: cannot read the version condition at '>> 2'; write it like '>= 1.2, < 2'",
        "line 16: rules[5].params: expected not_root, numeric, forbidden or allowed: without one of them it never fires",
        "line 17: rules[6].id: another rule is called 'g' already",
        "line 17: rules[6].params.max: expected a whole number from 0 to 10000, not -1",
        "line 18: rules[7].params.allowed[0].id: is missing; expected a name (* and ? are wildcards)",
        "line 18: rules[7].params.allowed[0].versio: there is no such key; did you mean 'version'?",
        "line 19: rules[8].params.allow: expected a list, not a mapping",
        "line 19: rules[8].params.setuid: expected true or false, not 'maybe'",
        "line 20: rules[9]: expected a mapping, not 'just text'",
        "line 22: exceptions[0].rule: there is no rule 'zzz'",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[]", "line 1: the policy: expected a mapping, not a list"),
        ("name: x\n" + HEAD[:0] + "rules: []", "line 1: schema: is missing; expected a text"),
        (
            "schema: hullmark-policy/2\nname: x\nrules:\n" + RULE,
            "line 1: schema: expected hullmark-policy/1, not 'hullmark-policy/2'",
        ),
        ("schema: hullmark-policy/1\nname: ''\nrules:\n" + RULE, "line 1: name: expected a text that is not empty"),
        ("schema: hullmark-policy/1\nname: x\nrules: []", "line 1: rules: expected 1 to 1000 rules, not 0"),
        (HEAD + RULE + "rulez: 1", "line 5: rulez: there is no such key; did you mean 'rules'?"),
        (
            HEAD + RULE + "exceptions: [{rule: a, subject: x, expires: soon, owner: o, reason: r}]",
            "line 5: exceptions[0].expires",
        ),
        (
            HEAD + RULE + "exceptions: [{rule: a, subject: x, expires: 2027-01-01, owner: '', reason: r}]",
            "needs an owner and a reason",
        ),
        (
            HEAD + RULE + "grace: {days: 3, severity_days: {critical: 1, hihg: 2}}",
            "grace.severity_days: there is no severity 'hihg'; did you mean 'high'?",
        ),
        (
            HEAD + RULE + "exceptions: [{rule: aa, subject: x, expires: 2027-01-01, owner: o, reason: r}]",
            "did you mean 'a'?",
        ),
    ],
)
def test_mistakes_of_the_document_itself_are_named(text: str, expected: str) -> None:
    assert any(expected in found for found in mistakes(text)), mistakes(text)


def test_the_error_is_one_line_that_counts_the_mistakes_and_lists_them() -> None:
    with pytest.raises(InvalidPolicy) as caught:
        load(
            HEAD
            + "  - {id: a, gate: files, trigger: setuid, action: halt}\n  - {id: b, gate: file, trigger: y, action: go}\n"
        )
    assert str(caught.value) == (
        "the policy has 2 mistakes: (1) line 4: rules[0].action: expected one of go, stop, warn, not 'halt', "
        "(2) line 5: rules[1].gate: there is no gate 'file'; did you mean 'files'?"
    )
    assert caught.value.advice


def test_a_document_full_of_mistakes_gives_an_error_that_can_be_read() -> None:
    with pytest.raises(InvalidPolicy) as caught:
        load(HEAD + "  - {id: a}\n" * 500)
    assert len(caught.value.mistakes) == 1500
    assert str(caught.value).endswith(", and 1480 more")


def test_the_digest_depends_on_what_the_policy_says_only() -> None:
    first = load(
        HEAD + "  - {id: a, gate: files, trigger: setuid, action: stop, params: {allow: [/x], setgid: true}}\n"
        "  - {id: b, gate: config, trigger: healthcheck, action: warn}\n"
    )
    second = load(
        "# the same, written differently\nrules:\n- {action: warn, trigger: healthcheck, gate: config, id: b}\n"
        "- id: a\n  gate: files\n  trigger: setuid\n  action: stop\n  params: {allow: ['/x']}\nname: test\nschema: hullmark-policy/1\n"
    )
    third = load(HEAD + "  - {id: a, gate: files, trigger: setuid, action: stop, params: {allow: [/y]}}\n")
    assert first.digest == second.digest
    assert first.digest != third.digest
    assert first.digest.startswith("sha256:")


def test_the_digest_of_a_policy_does_not_change_from_version_to_version() -> None:
    policy = load(HEAD + "  - {id: a, gate: files, trigger: setuid, action: stop, params: {allow: [/x]}}\n")
    assert policy.digest == "sha256:43412e109dcb46f21baeed25a1a2bec048afc09a374d34212f67516be1d188fc"


@pytest.mark.parametrize(
    "text", ['{"id": "x", "version": "1_0", "policies": [], "mappings": []}', '{"version": "2", "rule_sets": []}']
)
def test_anchore_bundles_are_recognised(text: str) -> None:
    assert isinstance(load_any(text.encode()), Bundle)


def test_every_golden_anchore_bundle_is_recognised() -> None:
    if SHARED is None:
        pytest.skip("the shared material is not beside this checkout")
    cases = msgspec.json.decode((SHARED / "conformance" / "policy" / "cases.json").read_bytes())["cases"]
    for case in cases:
        assert isinstance(load_any(msgspec.json.encode(case["bundle"])), Bundle)


@pytest.mark.parametrize(
    ("text", "bytes"), [("0", 0), ("12", 12), ("1kB", 1000), ("1.5 MB", 1_500_000), ("2GiB", 2**31), ("0.001kb", 1)]
)
def test_sizes_mean_bytes(text: str, bytes: int) -> None:
    assert Size(text).bytes == bytes


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        *((Size, text) for text in ("1 XB", "-1", "", "1" * 2000)),
        *((Mode, text) for text in ("8", "07777777", "u+s", "")),
        *((Ports, text) for text in ("70000", "9-1", "80/icmp", "http", "")),
        *((Versions, text) for text in ("", "<", "1 ||")),
        (NameGlob, ""),
    ],
)
def test_values_that_mean_nothing_are_refused(kind: type, text: str) -> None:
    with pytest.raises(ValueError, match=r"expected|condition"):
        kind(text)


@pytest.mark.parametrize(
    ("gate", "trigger", "params"),
    [
        ("packages", "required", "names: []"),
        ("packages", "forbidden", "names: []"),
        ("files", "forbidden", "paths: []"),
        ("files", "required", "paths: []"),
        ("files", "mode", "paths: [/a]"),
        ("files", "owner", "paths: [/a]"),
        ("files", "setuid", "setuid: false, setgid: false"),
        ("contents", "forbidden", "paths: [], pattern: a"),
        ("integrity", "ghosts", "paths: []"),
        ("config", "user", ""),
        ("config", "exposed_ports", ""),
        ("config", "labels", ""),
        ("config", "env", ""),
        ("config", "entrypoint", ""),
        ("image", "architecture", "allowed: []"),
        ("image", "distro", ""),
        ("base_image", "layers", "allowed: []"),
        ("base_image", "layers", "allowed: [{name: a, diff_ids: []}]"),
        ("configuration", "must_be", "setting: sshd.Banner"),
        ("isolation", "setting", ""),
        ("licences", "forbidden", ""),
        ("licences", "unknown", "missing: false, unrecognised: false"),
        ("reach", "programs", "kinds: []"),
        ("vulnerabilities", "listed", "ids: []"),
    ],
)
def test_a_rule_that_can_never_fire_is_refused(gate: str, trigger: str, params: str) -> None:
    (found,) = mistakes(HEAD + f"  - {{id: a, gate: {gate}, trigger: {trigger}, action: stop, params: {{{params}}}}}\n")
    assert re.search(r"[.]params([.]allowed\[0\])?: expected ", found), found


@pytest.mark.parametrize(
    ("gate", "params", "said"),
    [
        ("signatures: signed_by", "authorities: [none]", ".params: authorities holds 0 certificates"),
        ("image: age", "max_days: soon", ".params.max_days: expected a whole number, not 'soon'"),
        ("config: labels", "patterns: [a]", ".params.patterns: expected a mapping, not a list"),
    ],
)
def test_a_value_of_another_kind_is_told(gate: str, params: str, said: str) -> None:
    name, _, trigger = gate.partition(": ")
    (found,) = mistakes(HEAD + f"  - {{id: a, gate: {name}, trigger: {trigger}, action: stop, params: {{{params}}}}}\n")
    assert found.endswith(said)


SCALARS = st.one_of(
    st.sampled_from(
        ["true", "1", "0644", "/etc/*", "*", "< 2", "80/tcp", "5MB", "file", "2027-01-31", "(a", "", "debian"]
    ),
    st.text(max_size=8),
    st.integers(-5, 10**20),
    st.none(),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["id", "version", "x"]), inner, max_size=2)
    ),
    max_leaves=5,
)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_params_are_valid_or_refused_and_valid_ones_can_be_judged(data: st.DataObject) -> None:
    trigger = data.draw(st.sampled_from(TRIGGERS))
    names = [field.name for field in msgspec.structs.fields(trigger.params)]
    params = data.draw(st.dictionaries(st.sampled_from([*names, "other"]), VALUES, max_size=4))
    rule: dict[str, Any] = {
        "id": "r",
        "gate": trigger.gate,
        "trigger": trigger.name,
        "action": "stop",
        "params": params,
    }
    document = msgspec.json.encode({"schema": "hullmark-policy/1", "name": "n", "rules": [rule]})
    try:
        policy = native_policy(document)
    except HullmarkError:
        return
    seen = facts(packages=[package("deb", "bash", "5")], files=[file("/etc/x.pem"), file("/bin/su", mode="4755")])
    verdict = evaluate(policy, seen, analyzer="test")
    assert not any("defect" in problem.reason for problem in verdict.problems)
