"""The languages of policies: the list is complete, and who judges asks them without knowing which is which."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

import hullmark.policy
from hullmark.model.errors import HullmarkError
from hullmark.policy.anchore.profile import NATIVE
from hullmark.policy.languages import LANGUAGES, language_of
from hullmark.policy.load import load_any
from hullmark.policy.question import NATIVELY, Question
from hullmark.policy.rules import PolicyException
from hullmark.policy.values import Expiry, NameGlob
from tests.support.sources import source_files
from tests.unit.policy.building import NOW, facts, file

NATIVE_TEXT = b"{schema: hullmark-policy/1, name: t, rules: [{id: s, gate: files, trigger: setuid, action: stop}]}"
RULE = {"id": "s", "gate": "always", "trigger": "always", "action": "STOP", "params": []}
BUNDLE = {
    "id": "b",
    "version": "1_0",
    "policies": [{"id": "p", "name": "p", "version": "1_0", "rules": [RULE]}],
    "whitelists": [],
    "mappings": [
        {
            "id": "m",
            "name": "m",
            "registry": "*",
            "repository": "*",
            "image": {"type": "tag", "value": "*"},
            "policy_ids": ["p"],
            "whitelist_ids": [],
        }
    ],
}
DOCUMENTS = {"native": NATIVE_TEXT, "anchore": json.dumps(BUNDLE).encode()}


def modules() -> Iterator[str]:
    root = Path(hullmark.policy.__path__[0])
    for path in sorted(root.rglob("*.py")):
        name = ".".join(("hullmark.policy", *path.relative_to(root).with_suffix("").parts))
        if not name.endswith(".__init__"):
            yield name


def test_a_module_with_a_language_is_in_the_list_of_languages() -> None:
    there = [vars(module)["LANGUAGE"] for name in modules() if "LANGUAGE" in vars(module := import_module(name))]
    assert {language.name for language in there} == {language.name for language in LANGUAGES} == set(DOCUMENTS)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_read_by_its_language_which_judges_and_explains_what_it_finds(name: str) -> None:
    policy = load_any(DOCUMENTS[name])
    language = language_of(policy)
    assert (language.name, policy.title, policy.rule_count) == (name, {"native": "t", "anchore": "b"}[name], 1)
    assert language.mistakes(policy) == ()
    language.check(policy, NATIVE)
    seen = facts(files=[file("/bin/su", mode="4755")])
    verdict = language.evaluate(policy, seen, NATIVELY, "test", None)
    assert [finding.rule_id for finding in verdict.findings] == ["s"]
    (explained,) = language.explain(verdict, policy, seen)
    assert explained.finding == verdict.findings[0]
    assert language.next_deadline(policy, seen, verdict, NATIVELY) is None


@pytest.mark.parametrize("name", DOCUMENTS)
def test_exceptions_beside_a_policy_count_in_any_language_until_they_end(name: str) -> None:
    policy = load_any(DOCUMENTS[name])
    language = language_of(policy)
    excepted = PolicyException(
        rule="s", subject=NameGlob("*"), expires=Expiry(NOW.date().isoformat()), owner="us", reason="so"
    )
    question, seen = Question(exceptions=(excepted,)), facts(files=[file("/bin/su", mode="4755")])
    verdict = language.evaluate(policy, seen, question, "test", None)
    assert (verdict.verdict.value, verdict.findings[0].allowlisted) == ("go", excepted.described())
    ends = language.next_deadline(policy, seen, verdict, question)
    assert ends is not None
    assert (ends - NOW).days < 1


def test_a_policy_with_mistakes_says_where_they_are_and_is_refused_when_checked() -> None:
    policy = load_any(json.dumps({**BUNDLE, "policies": []}).encode())
    language = language_of(policy)
    (mistake,) = language.mistakes(policy)
    assert (mistake.line, mistake.where) == (0, "mappings[0]")
    with pytest.raises(HullmarkError, match="there is no rule set 'p'"):
        language.check(policy, NATIVE)


def test_nobody_outside_the_languages_asks_which_kind_a_policy_is() -> None:
    asked = [
        f"{path}:{line}"
        for path, file in source_files("src/hullmark").items()
        for line, named in file.type_checks
        if named & {"Policy", "Bundle"}
    ]
    assert asked == []
