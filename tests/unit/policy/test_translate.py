"""Anchore policies made native: equal verdicts on facts of every kind, names and expressions, allowlists, what is left out."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hullmark.model.image import HealthCheck, ImageConfig
from hullmark.model.inventory import Distro, InventoryLayer
from hullmark.model.verdict import Action
from hullmark.policy.anchore.bundle import Bundle
from hullmark.policy.anchore.evaluate import evaluate_bundle
from hullmark.policy.anchore.gates import TRIGGERS
from hullmark.policy.anchore.select import Wildcard
from hullmark.policy.context import Context
from hullmark.policy.conversion import Translation, translate
from hullmark.policy.convert_native import NoEqual, at_start, glob_of
from hullmark.policy.convert_rules import REASONS, RULES
from hullmark.policy.dockerfile import from_history
from hullmark.policy.evaluate import evaluate
from hullmark.policy.facts import Facts
from hullmark.policy.load import load_any
from hullmark.policy.native import InvalidPolicy
from hullmark.policy.question import Question
from hullmark.policy.values import NameGlob, Pattern
from tests.support.examples import examples
from tests.support.policies import native_policy
from tests.unit.policy.anchore.building import bundle, rule, sample, second
from tests.unit.policy.building import facts, file, match, matches, package

TEXT = "/etc/app.conf"
CONTEXT = Context(retrieve_files=("/etc/passwd", TEXT))
PASSWD = "root:x:0:0:root:/root:/bin/bash"  # noqa: S105 — a line of passwd(5) without a password
NVD, VENDOR = (("3.1", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:L/I:L/A:N", 6.5, source) for source in ("nvd", "vendor"))


def read(document: dict[str, Any]) -> Bundle:
    made = load_any(json.dumps(document).encode())
    assert isinstance(made, Bundle)
    return made


def both(policy: Bundle, seen: Facts) -> tuple[str, str]:
    """The verdicts of the policy, and of the native one that is made of it."""
    native = native_policy(msgspec.json.encode(whole(policy).document))
    before = evaluate_bundle(policy, seen, Question(context=CONTEXT), analyzer="test")
    after = evaluate(native, seen, analyzer="test")
    return before.verdict.value, after.verdict.value


def whole(policy: Bundle) -> Translation:
    translation = translate(policy)
    assert not translation.left_out
    return translation


_names = st.sampled_from(("bash", "curl", "lodash"))
_versions = st.sampled_from(("1.0", "1.0-1", "1.0-r1", "1.1", "2.0-1"))
_types = st.sampled_from(("deb", "rpm", "apk", "npm", "gem", "cargo", "maven"))
_licences = st.sampled_from(((), ("MIT",), ("MIT OR GPL-3.0-only",), ("GPL-3",), ("MIT and BSD", "Zlib")))
_packages = st.lists(st.tuples(_types, _names, _versions, _licences), max_size=4, unique_by=lambda each: each[:3]).map(
    lambda several: [msgspec.structs.replace(package(*each[:3]), licenses=each[3]) for each in several]
)
_matched = st.fixed_dictionaries(
    {
        "severity": st.sampled_from(("unknown", "negligible", "low", "medium", "high", "critical")),
        "cvss": st.sampled_from(((), (NVD,), (VENDOR,), (("3.1", "", 9.0, "nvd"),), (("2.0", "", 5.0, ""),))),
        "fix": st.sampled_from(
            (
                ("unknown", "", ""),
                ("fixed", "2.0", "2026-01-01"),
                ("fixed", "2.0", ""),
                ("not-fixed", "", ""),
                ("wont-fix", "", ""),
            )
        ),
        "kind": st.sampled_from(("direct", "cpe")),
    }
)
_lines = st.lists(st.sampled_from((PASSWD, "ftp:x:14:50::/:/bin/sh", "short:x:14", "", "a b=yes", "b")), max_size=3)
_modes = st.sampled_from((0o644, 0o755, 0o4755))
_file = st.builds(
    lambda path, mode, state, type, digest, owner: file(
        path,
        mode=mode if type != "symlink" else 0o777,
        state=state,
        type=type,
        sha256=digest * 64 if type == "file" else "",
        owner=owner,
    ),
    st.sampled_from(("/opt/a", "/opt/a/b", "/usr/bin/tool", "/etc/secret.pem")),
    _modes,
    st.sampled_from(("ok", "changed", "missing", "config-changed", "unowned", "unverified")),
    st.sampled_from(("file", "dir", "symlink")),
    st.sampled_from("ab"),
    st.sampled_from((None, "pkg:deb/bash@1.0", "pkg:apk/curl@1.0-r1", "pkg:npm/lodash@1.0")),
)
_config = st.builds(
    ImageConfig,
    user=st.sampled_from(("", "app", "root", "app:app")),
    architecture=st.sampled_from(("", "amd64", "arm64")),
    os=st.sampled_from(("", "linux")),
    exposed_ports=st.sampled_from(((), ("22/tcp",), ("80/tcp", "8000-8010/tcp"))),
    healthcheck=st.sampled_from((None, HealthCheck(test=("CMD", "true")))),
)
_distro = st.sampled_from(
    (None, Distro(id="debian", version_id="12"), Distro(id="rocky", version_id="9.1", id_like=("rhel", "fedora")))
)


@st.composite
def images(draw: st.DrawFn) -> Facts:
    packages = draw(_packages)
    found = []
    for number, each in enumerate(packages):
        fields = draw(_matched)
        state, version, date = fields.pop("fix")
        found.append(
            match(each, f"CVE-2026-000{number}", fix_state=state, fix_version=version, fix_date=date, **fields)
        )
    body, text = ("\n".join(draw(_lines)) + draw(st.sampled_from(("", "\n"))) for _ in range(2))
    files = draw(st.lists(_file, max_size=3, unique_by=lambda each: each.path))
    contents: dict[str, bytes | None] = {}
    for path, held in (("/etc/passwd", body), (TEXT, text)):
        if draw(st.booleans()):
            contents[path] = held.encode() if draw(st.booleans()) else held.encode() + b"\xff"
            files.append(file(path, size=len(contents[path] or b"")))
    config = draw(_config)
    return facts(
        packages=packages,
        files=files,
        contents=contents,
        config=config,
        distro=draw(_distro),
        layers=[InventoryLayer(digest="", diff_id="", size=1024, created_by="")] * draw(st.integers(0, 3)),
        matches=matches(*found, packages=packages, data_at=draw(st.sampled_from(("2026-02-28", "2026-02-20", "")))),
        dockerfile=from_history(config.history),
    )


def _rule(gate: str, trigger: str, **params: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Rules with values of the parameters drawn; None leaves one out."""
    values = {
        name: value if isinstance(value, st.SearchStrategy) else st.sampled_from(value)
        for name, value in params.items()
    }
    return st.fixed_dictionaries(values).map(
        lambda given: rule(gate, trigger, {name: value for name, value in given.items() if value is not None})
    )


_COMPARISONS = ("=", "!=", "<", ">", "<=", ">=")
_SEVERITIES = ("unknown", "negligible", "low", "medium", "high", "critical")
_rules = st.one_of(
    _rule("dockerfile", "effective_user", users=("root", "app, root"), type=("whitelist", "blacklist")),
    _rule("dockerfile", "exposed_ports", ports=("22", "80,8005", "0"), type=("whitelist", "blacklist")),
    _rule("dockerfile", "no_dockerfile_provided"),
    _rule(
        "files", "attribute_match",
        filename=("/opt/a", "/usr/bin/tool"), checksum=("a" * 64, "b" * 64), checksum_match=(None, "equals", "not_equals"),
        mode=(None, "0755", "4755"), mode_op=(None, "equals", "not_equals"), skip_missing=(None, "true", "false"),
    ),
    _rule("files", "name_match", regex=("/opt", ".*pem$", "(/usr|/srv)/b.n", "(?i)/OPT/A$", "opt")),
    _rule("files", "suid_or_guid_set"),
    _rule("licenses", "blacklist_exact_match", licenses=("MIT", "GPL-3,Zlib", "MIT,GPL-3.0-only", "BSD")),
    _rule("licenses", "blacklist_partial_match", licenses=("GPL", "MIT and", "BSD,Zlib")),
    _rule("metadata", "attribute", attribute=("size", "layer_count"), check=(*_COMPARISONS, "exists", "not_exists"), value=("1", "2")),
    _rule("metadata", "attribute", attribute=("size",), check=(">", "<"), value=("1kb", "2KB")),
    _rule(
        "metadata", "attribute",
        attribute=("architecture", "os_type", "distro", "like_distro"),
        check=("=", "!=", "exists", "not_exists", "like", "not_like", "in", "not_in"),
        value=("amd64", "linux", "debian", "Unknown", "rhel,fedora", "r.*"),
    ),
    _rule(
        "metadata", "attribute",
        attribute=("distro_version",), check=(*_COMPARISONS, "exists", "like", "in"), value=("0", "9", "12", "9.1"),
    ),
    _rule("npms", "blacklisted_name_version", name=("lodash",), version=(None, "1.0")),
    _rule("packages", "blacklist", name=("bash", "curl"), version=(None, "1.0", "1.0-1")),
    _rule("packages", "required_package", name=("bash",), version=(None, "1.0", "1.0-1"), version_match_type=(None, "exact", "minimum")),
    _rule("packages", "verify",
        only_packages=(None, "bash", "curl,x"), only_directories=(None, "/opt", "/opt/a,/usr/"), check=(None, "changed", "missing")),
    _rule("passwd_file", "blacklist_full_entry", entry=(f" {PASSWD} ", "x")),
    _rule("passwd_file", "blacklist_groupids", group_ids=("0", "50,60")),
    _rule("passwd_file", "blacklist_shells", shells=("/bin/sh", "/bin/bash,/x")),
    _rule("passwd_file", "blacklist_userids", user_ids=("0", "14")),
    _rule("passwd_file", "blacklist_usernames", user_names=("root", "ftp,short")),
    _rule("retrieved_files", "content_not_available", path=(TEXT,)),
    _rule("retrieved_files", "content_regex", path=(TEXT,), regex=("b", "a b", "yes$", "^$", ".*=yes", "ye"), check=("match", "no_match")),
    _rule("ruby_gems", "blacklist", name=("lodash",), version=(None, "1.0")),
    _rule("vulnerabilities", "blacklist", vulnerability_ids=("CVE-2026-0000", "CVE-2026-0001,CVE-1-1"), vendor_only=(None, "false")),
    _rule("vulnerabilities", "stale_feed_data", max_days_since_sync=("1", "2", "20")),
    _rule(
        "vulnerabilities", "package",
        package_type=("all", "os", "non-os"), severity=(None, *_SEVERITIES), severity_comparison=(None, *_COMPARISONS),
        fix_available=(None, "true", "false"), vendor_only=(None, "true", "false"), max_days_since_fix=(None, "10", "100"),
        cvss_v3_base_score=(None, "6.5", "9"), cvss_v3_base_score_comparison=(None, *_COMPARISONS),
        vendor_cvss_v3_impact_score=(None, None, "2.5"), cvss_v3_exploitability_score=(None, None, "3.9"),
        if_missing=(None, "skip", "fire"),
    ),
)  # fmt: skip


@given(images(), _rules)
@settings(max_examples=examples(200))
def test_a_native_policy_judges_as_the_one_it_was_made_of(seen: Facts, asked: dict[str, Any]) -> None:
    if asked["gate"] == "vulnerabilities" and asked["trigger"] == "stale_feed_data":
        seen = facts(matches=None)  # Of the advisories themselves, Anchore policies hear by the context alone.
    policy = read(bundle(asked))
    translation = translate(policy)
    if translation.left_out:
        assert translation.left_out[-1].what in ("the policy", "mappings")
        return
    before, after = both(policy, seen)
    assert after == before, translation.document["rule_sets"]


def test_every_trigger_has_an_equal_or_is_left_out_with_its_reason() -> None:
    seen = set()
    for trigger in TRIGGERS:
        params = {parameter.name: sample(parameter) for parameter in trigger.parameters if parameter.is_required}
        params |= {("files", "attribute_match"): {"mode": "0644"}, ("metadata", "attribute"): {"value": "1"}}.get(
            (trigger.gate, trigger.name), {}
        )
        make = second if trigger.is_enterprise else bundle
        translation = translate(read(make(rule(trigger.gate, trigger.name, params))))
        seen.add((trigger.gate, trigger.name))
        reasons = [part.reason for part in translation.left_out if part.what.startswith("rule ")]
        assert bool(reasons) is not bool(translation.document["rule_sets"])
        if (trigger.gate, trigger.name) not in RULES:
            assert reasons[0].startswith(f"{trigger.gate}.{trigger.name} has no equal")
    assert RULES.keys() | REASONS.keys() <= seen
    assert not RULES.keys() & REASONS.keys()


_REGEXES = (
    "a", "a|b", "^a", "a$", "a.c", "[a-c]+", "(?i)AB", "(a|b)*c", "a{2}", "x?", r"\.b", r"[^\s]+", r"\bb\b", "(?:a)(?P<n>b)", "",
    r"\d+", r"a\Z", r"\\Z|b\Z", r"\u0061[\u0062]", ".*b",
)  # fmt: skip


@given(st.sampled_from(_REGEXES), st.text("abcABC. 1x-", max_size=8))
def test_an_expression_fits_where_pythons_does_at_the_start(regex: str, text: str) -> None:
    assert Pattern(at_start(regex)).is_in(text) is (re.match(regex, text) is not None)


@pytest.mark.parametrize("regex", ["(", "a(?=b)", r"(a)\1", r"\012", "a" * 2001])
def test_an_expression_that_cannot_be_had_is_refused(regex: str) -> None:
    with pytest.raises(NoEqual, match="expression"):
        at_start(regex)


@given(st.text("ab/.*$^\\", max_size=6), st.text("ab/.$^*", max_size=6))
def test_an_expression_that_becomes_a_glob_fits_the_same(regex: str, text: str) -> None:
    try:
        wanted = Wildcard(f"regexp:{regex}")
        glob = glob_of(wanted)
    except (NoEqual, ValueError):
        return
    assert NameGlob(glob).matches(text) is (re.match(regex, text) is not None)


@pytest.mark.parametrize(
    ("regex", "glob"), [("1", "1*"), (".*/app$", "*/app"), ("^v1\\.2", "v1.2*"), (".*", "*"), ("a.c$", "a?c")]
)
def test_simple_expressions_become_globs(regex: str, glob: str) -> None:
    assert glob_of(Wildcard(f"regexp:{regex}")) == glob


NOTHING = facts(config=ImageConfig(user="app"), files=(), dockerfile=None)
_FIRING: list[tuple[dict[str, Any], Facts]] = [
    (rule("always", "always"), NOTHING),
    (rule("dockerfile", "no_dockerfile_provided"), NOTHING),
    (rule("packages", "required_package", {"name": "bash"}), NOTHING),
    (rule("passwd_file", "content_not_available"), NOTHING),
    (rule("retrieved_files", "content_not_available", {"path": TEXT}), NOTHING),
    (rule("packages", "blacklist", {"name": "bash", "version": "1.0"}), facts(packages=[package("deb", "bash", "1.0")])),
    (rule("npms", "blacklisted_name_version", {"name": "a"}), facts(packages=[package("npm", "a", "1.0")])),
    (rule("ruby_gems", "blacklist", {"name": "a", "version": "1"}), facts(packages=[package("gem", "a", "1")])),
    (
        rule("passwd_file", "blacklist_full_entry", {"entry": PASSWD}),
        facts(files=[file("/etc/passwd")], contents={"/etc/passwd": PASSWD.encode()}),
    ),
    (
        rule("retrieved_files", "content_regex", {"path": TEXT, "regex": "a", "check": "match"}),
        facts(files=[file(TEXT)], contents={TEXT: b"a"}),
    ),
    (
        rule("dockerfile", "instruction", {"instruction": "HEALTHCHECK", "check": "not_exists"}),
        facts(dockerfile=from_history(ImageConfig(history=()).history), dockerfile_text="FROM a"),
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "seen"), _FIRING, ids=[f"{asked['gate']}.{asked['trigger']}" for asked, _ in _FIRING]
)
@pytest.mark.parametrize("is_stable", [False, True])
def test_an_item_that_names_a_message_of_the_rule_becomes_an_exception(
    asked: dict[str, Any], seen: Facts, is_stable: bool
) -> None:
    (finding,) = evaluate_bundle(read(bundle(asked)), seen, Question(context=CONTEXT), analyzer="test").findings
    name = finding.stable_id if is_stable else finding.legacy_id
    translation = translate(read(bundle(asked, items=({"id": "i", "gate": asked["gate"], "trigger_id": name},))))
    assert not translation.left_out
    exceptions = translation.document["exceptions"]
    is_shared = asked["trigger"].startswith("blacklist") and asked["trigger"] != "blacklist_full_entry"
    assert len(exceptions) == (0 if is_stable and is_shared else 1)
    other = {"id": "i", "gate": asked["gate"], "trigger_id": "0" * 32}
    assert translate(read(bundle(asked, items=(other,)))).document["exceptions"] == []


def test_an_item_that_names_a_message_of_one_rule_leaves_others_of_its_gate_alone() -> None:
    missing = rule("dockerfile", "instruction", {"instruction": "HEALTHCHECK", "check": "not_exists"})
    item = {"id": "i", "gate": "dockerfile", "trigger_id": "41cb7cdf04850e33a11f80c42bf660b3"}
    ports = rule("dockerfile", "exposed_ports", {"ports": "22", "type": "blacklist"}) | {"id": "ports"}
    (excepted,) = whole(read(bundle(ports, missing, items=(item,)))).document["exceptions"]
    assert (excepted["rule"], excepted["subject"]) == ("p.1.dockerfile-instruction", "HEALTHCHECK")
    (part,) = translate(read(bundle(ports, items=(item,)))).left_out
    assert part.reason.endswith("names a message that tells of the image, not a subject")


def test_one_rule_may_become_several_which_an_item_covers_all() -> None:
    item = {"id": "i", "gate": "packages", "trigger_id": "*"}
    document = whole(read(bundle(rule("packages", "verify"), items=(item,)))).document
    ids = [each["id"] for each in document["rule_sets"]["p"]]
    assert ids == ["p.0.packages-verify", "p.0.packages-verify.2"]
    assert [(exception["rule"], exception["subject"]) for exception in document["exceptions"]] == [
        (name, "*") for name in ids
    ]


@pytest.mark.parametrize(
    ("gate", "trigger", "params", "said"),
    [
        ("packages", "blacklist", {"name": "a*"}, "would be a pattern"),
        ("files", "attribute_match", {"filename": "etc/x", "mode": "0644"}, "not a path from the root"),
        ("files", "attribute_match", {"filename": "/x", "mode": "9"}, "not a mode"),
        ("files", "attribute_match", {"filename": "/x", "checksum": "A"}, "not a SHA-256"),
        ("licenses", "blacklist_exact_match", {"licenses": "Unknown"}, "called Unknown"),
        ("licenses", "blacklist_partial_match", {"licenses": "know"}, "called Unknown"),
        ("passwd_file", "blacklist_userids", {"user_ids": "4294967296"}, "no users"),
        ("metadata", "attribute", {"attribute": "distro", "check": "not_exists", "value": ""}, "never fires"),
        ("metadata", "attribute", {"attribute": "distro", "check": ">", "value": "a"}, "has no equal"),
        ("metadata", "attribute", {"attribute": "distro_version", "check": ">", "value": "a b"}, "not a version"),
        ("vulnerabilities", "package", {"package_type": "all", "severity_comparison": "<"}, "never fires"),
        ("vulnerabilities", "package", {"package_type": "all", "cvss_v3_base_score": "-1"}, "no score"),
        ("dockerfile", "instruction", {"instruction": "RUN", "check": "="}, "never fires"),
        (
            "dockerfile",
            "exposed_ports",
            {"ports": "80", "type": "whitelist", "actual_dockerfile_only": "true"},
            "a port that cannot be read",
        ),
    ],
)  # fmt: skip
def test_what_has_no_equal_is_left_out_with_its_reason(
    gate: str, trigger: str, params: dict[str, str], said: str
) -> None:
    first = translate(read(bundle(rule(gate, trigger, params)))).left_out[0]
    assert first.what == f"rule p/{gate}-{trigger}"
    assert said in first.reason


@pytest.mark.parametrize(
    ("name", "comparison", "version", "fires"), [("=", "<", "2", True), ("!=", ">=", "1.0", False)]
)
def test_rules_of_the_newer_format_have_equals_too(name: str, comparison: str, version: str, fires: bool) -> None:
    asked = {
        "name": "bash",
        "name_comparison": name,
        "type": "dpkg",
        "version": version,
        "version_comparison": comparison,
    }
    seen = facts(packages=[package("deb", "bash", "1.0")], distro=Distro(id="debian", version_id="11"))
    assert both(read(second(rule("packages", "metadata", asked))), seen) == (("stop",) * 2 if fires else ("go",) * 2)
    denied = {"distro": "Debian", "check": "<", "version": "12" if fires else "11"}
    assert both(read(second(rule("distro", "deny", denied))), seen) == (("stop",) * 2 if fires else ("go",) * 2)


def test_a_translated_rule_keeps_its_action_and_its_recommendation() -> None:
    asked = rule("always", "always", action="WARN") | {"recommendation": "do it", "description": ""}
    (made,) = whole(read(second(asked))).document["rule_sets"]["p"]
    assert (made["action"], made["message"]) == (Action.WARN.value, "do it")


def test_a_document_of_which_nothing_is_left_is_no_native_policy() -> None:
    translation = translate(read(bundle(rule("malware", "scan_not_run"))))
    with pytest.raises(InvalidPolicy):
        native_policy(msgspec.json.encode(translation.document))
