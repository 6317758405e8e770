"""What is wrong in an Anchore policy is named by its path, and keeps what it stands in from being judged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from hullmark.model.verdict import Outcome
from hullmark.policy.anchore.bundle import InvalidBundle
from hullmark.policy.anchore.params import MAX_VALUE
from hullmark.policy.anchore.read import MAX_ENTRIES
from tests.unit.policy.anchore.building import bundle, facts, rule, second
from tests.unit.policy.anchore.test_as_the_original import MAPPING, judged, problem_types
from tests.unit.policy.anchore.test_bundles import read

TEXT = "expected a text that is not empty"


def mistakes(document: dict[str, Any]) -> list[str]:
    return [str(mistake) for mistake in read(document).every_mistake()]


def told(gate: str, trigger: str, *params: object, form: Any = bundle) -> list[str]:
    """What is said of a rule with these parameters, without the path to them."""
    asked = {**rule(gate, trigger), "params": list(params)}
    found = mistakes(form(asked))
    where = "rule_sets[0]" if form is second else "policies[0]"
    assert all(mistake.startswith(f"{where}.rules[0].params") for mistake in found)
    return [mistake.removeprefix(f"{where}.rules[0].") for mistake in found]


def given(name: str, value: object) -> dict[str, object]:
    return {"name": name, "value": value}


def with_item(**fields: object) -> dict[str, Any]:
    item: dict[str, Any] = {"id": "i", "gate": "always", "trigger_id": "always", **fields}
    return bundle(rule("always", "always"), items=(item,))


def with_image(image: object, **fields: object) -> dict[str, Any]:
    entry = {**MAPPING, "policy_ids": ["p"], "whitelist_ids": [], "image": image, **fields}
    return bundle(rule("always", "always", action="GO"), mappings=[entry])


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (bundle() | {"policies": "p"}, ["policies: expected a list", "mappings[0]: there is no rule set 'p'"]),
        (bundle() | {"policies": ["p"]}, ["policies[0]: expected an object", "mappings[0]: there is no rule set 'p'"]),
        (bundle() | {"whitelisted_images": [1]}, ["whitelisted_images[0]: expected an object"]),
        (with_item(trigger_id=7), [f"whitelists[0].items[0].trigger_id: {TEXT}"]),
        (with_item(gate=None), [f"whitelists[0].items[0].gate: {TEXT}"]),
        (with_image({"type": "tag"}), [f"mappings[0].image.value: {TEXT}"]),
        (with_image({"value": "*"}), [f"mappings[0].image.type: {TEXT}"]),
        (
            with_image({"type": "name", "value": "*"}),
            ["mappings[0].image.type: expected one of tag, digest, id, not 'name'"],
        ),
        (with_image(MAPPING["image"], registry=None), [f"mappings[0].registry: {TEXT}"]),
        (
            with_image(MAPPING["image"], whitelist_ids=["w", 1]),
            ["mappings[0].whitelist_ids: expected a list of ids"],
        ),
    ],
)
def test_what_has_not_the_right_form_is_named_by_its_path(document: dict[str, Any], expected: list[str]) -> None:
    assert mistakes(document) == expected
    assert judged(document, facts(), "native").verdict is Outcome.STOP


def test_a_rule_set_and_an_allowlist_without_an_id_or_their_lists_are_named() -> None:
    document = bundle()
    del document["policies"][0]["id"], document["whitelists"][0]["items"]
    found = mistakes(document)
    assert found == [f"policies[0].id: {TEXT}", "mappings[0]: there is no rule set 'p'"]
    assert problem_types(judged(document, facts())) == ["ReferencedObjectNotFoundError", "TypeError"]


@pytest.mark.parametrize("key", ["rules", "params"])
def test_lists_that_are_left_out_stop_in_compat_only(key: str) -> None:
    document = bundle(rule("always", "always", action="GO"))
    (rule_set,) = document["policies"]
    del (rule_set if key == "rules" else rule_set["rules"][0])[key]
    assert judged(document, facts(), "native").verdict is Outcome.GO
    verdict = judged(document, facts())
    assert (verdict.verdict, problem_types(verdict)) == (Outcome.STOP, ["TypeError"])


@pytest.mark.parametrize(
    "text",
    [
        "2026-13-01T00:00:00Z",
        "2027-03-31T00:00:00",
        "2027-03-31 00:00:00Z",
        "2027-03-31T00:00:00.Z",
        "2027-03-31T00:00:00.1234567Z",
        "2027-03-31T00:00:00.½Z",
    ],
)
def test_an_item_whose_end_is_not_a_time_covers_nothing(text: str) -> None:
    document = with_item(expires_on=text)
    (said,) = mistakes(document)
    assert said == f"whitelists[0].items[0].expires_on: expected a time as 2027-03-31T00:00:00Z, not {text!r}"
    assert judged(document, facts()).findings == ()


@pytest.mark.parametrize("place", ["item", "registry", "tag"])
def test_an_expression_that_is_not_valid_is_told_wherever_it_stands(place: str) -> None:
    wrong, path = "regexp:(", "mappings[0].image.value" if place == "tag" else f"mappings[0].{place}"
    if place == "item":
        document, path = with_item(trigger_id=wrong), "whitelists[0].items[0].trigger_id"
    elif place == "tag":
        document = with_image({"type": "tag", "value": wrong})
    else:
        document = with_image(MAPPING["image"], registry=wrong)
    (said,) = mistakes(document)
    assert said.startswith(f"{path}: expected a regular expression, not '(': missing )")
    assert judged(document, facts(), "native").verdict is Outcome.STOP


def test_a_mapping_of_which_it_cannot_be_told_for_which_images_it_is_keeps_later_ones_from_being_taken() -> None:
    document = bundle(rule("always", "always", action="GO"))
    document["mappings"].insert(0, {**document["mappings"][0], "image": {"type": "tag", "value": "regexp:("}})
    verdict = judged(document, facts(), "native")
    assert (verdict.verdict, verdict.findings) == (Outcome.STOP, ())
    assert verdict.reason.startswith("the policy has a mistake: mappings[0].image.value: ")


FLAG, COUNT, WORD = "actual_dockerfile_only", "max_days_since_sync", "name"
INSTRUCTION = (given("instruction", "RUN"), given("check", "exists"))


@pytest.mark.parametrize(
    ("gate", "trigger", "params", "expected"),
    [
        (
            "dockerfile", "instruction", (*INSTRUCTION, given(FLAG, "yes")),
            f"params[2].value: {FLAG}: expected true or false, not 'yes'",
        ),
        (
            "vulnerabilities", "stale_feed_data", (given(COUNT, "-1"),),
            f"params[0].value: {COUNT}: expected a whole number of digits, not '-1'",
        ),
        (
            "packages", "blacklist", (given(WORD, ["bash"]),),
            f"params[0].value: {WORD}: expected a text",
        ),
        (
            "packages", "blacklist", (given(WORD, "a" * (MAX_VALUE + 1)),),
            f"params[0].value: {WORD}: expected at most {MAX_VALUE} characters",
        ),
        (
            "metadata", "attribute", (given("attribute", "size"), given("check", "=")),
            "params: value: expected a value to compare size with",
        ),
        (
            "metadata", "attribute", (given("attribute", "layer_count"), given("check", "="), given("value", "many")),
            "params: value: expected a whole number of digits, not 'many'",
        ),
        ("packages", "blacklist", ("bash",), "params: expected a list of objects with name and value"),
    ],
)  # fmt: skip
def test_a_value_that_a_parameter_does_not_take_is_told(
    gate: str, trigger: str, params: Sequence[object], expected: str
) -> None:
    assert told(gate, trigger, *params) == [expected]


def test_a_number_without_quotes_is_a_mistake_to_the_original_only() -> None:
    document = bundle(rule("vulnerabilities", "stale_feed_data", {COUNT: 3}, action="GO"))
    assert mistakes(document) == []
    assert problem_types(judged(document, facts())) == ["ParameterValueInvalidError"]


def test_a_check_that_compares_with_nothing_needs_a_value_in_compat_only() -> None:
    document = bundle(rule("metadata", "attribute", {"attribute": "distro", "check": "exists"}, action="WARN"))
    assert judged(document, facts(), "native").verdict is Outcome.WARN
    verdict = judged(document, facts())
    assert (verdict.verdict, problem_types(verdict)) == (Outcome.STOP, ["ParameterValueInvalidError"])


def test_a_parameter_that_anchore_does_not_have_is_one_in_native_only() -> None:
    params = {"package_type": "all", "if_missing": "fire"}
    document = bundle(rule("vulnerabilities", "package", params))
    assert mistakes(document) == []
    assert problem_types(judged(document, facts())) == ["InvalidParameterError"]


def test_of_many_mistakes_twenty_are_listed_and_the_rest_counted() -> None:
    document = bundle(*[rule("nothing", "nothing")] * 25)
    with pytest.raises(InvalidBundle) as caught:
        read(document).require_valid()
    said = str(caught.value)
    assert said.startswith(
        "the Anchore policy has 25 mistakes: (1) policies[0].rules[0].gate: there is no gate 'nothing'"
    )
    assert "(20) policies[0].rules[19].gate: " in said
    assert "(21)" not in said
    assert said.endswith(", and 5 more")
    assert len(caught.value.mistakes) == 25


def test_a_list_that_is_too_long_is_refused_though_no_more_of_it_is_read() -> None:
    document = bundle() | {"whitelisted_images": [0] * (MAX_ENTRIES + 1)}
    found = read(document).mistakes
    assert str(found[-1]) == f"whitelisted_images: expected at most {MAX_ENTRIES} entries"
    assert len(found) == MAX_ENTRIES + 1
