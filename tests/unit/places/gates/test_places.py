"""Rules about places at a gate: what they come to where they are for the image, may be, count less, or cannot be read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from hullmark.model.admission import AdmissibleImage, PlaceDemands
from hullmark.model.isolation import ImageNeeds, Isolation, WorkloadContainer
from hullmark.model.verdict import Outcome
from hullmark.places.gates.decision import Answer, AskedContainer, KnownImages, Question, decide
from hullmark.places.gates.settings import GateSettings
from tests.support.gate import HOST, NOON, image, verdict
from tests.unit.places.gates.test_decision import PLAIN, known

RULE = {"id": "apart", "gate": "isolation", "trigger": "grade", "action": "stop", "params": {"at_least": "sandboxed"}}
VM = Isolation(boundary="vm", runtime="kata-qemu", privileged=False, host_network=False)


def demanding(*rules: dict[str, Any], word: str = "unknown", stops: int = 0, **more: Any) -> AdmissibleImage:
    """An image whose policy asks something of places; `stops` findings stop it now, `more` is said in the demands."""
    text = json.dumps({"schema": "hullmark-policy/1", "name": "places", "rules": rules}) if rules else ""
    values = {"verdict": Outcome.GO, "reason": "", "stops": 0, "rules": text, **more}
    return image("web", verdict(word, "it runs nowhere yet", stops=stops, demands=PlaceDemands(**values)))


def ask(of: AdmissibleImage, isolation: Isolation = PLAIN, *, place: str = "shop", **more: Any) -> Answer:
    container = WorkloadContainer(name="main", image=f"{HOST}/web:1", isolation=isolation)
    question = Question(
        containers=(AskedContainer(container=container),), place=place, now=NOON, age_seconds=1.0, **more
    )
    return decide(question, known(of), GateSettings())


@pytest.mark.parametrize("place", ["shop", ""])
def test_the_place_decides_on_a_cluster_and_on_a_host(place: str) -> None:
    assert ask(demanding(RULE), VM, place=place).allowed
    refused = ask(demanding(RULE), place=place)
    named = f"{place}/main" if place else "main"
    assert (
        f"policy web says stop: The isolation of {named} is default, and must be at least sandboxed"
        in (refused.reasons[0])
    )


def test_what_starts_is_not_judged_by_places_where_nothing_is_known_of_them() -> None:
    assert not ask(demanding(RULE), VM, is_placed=False).allowed, "then the verdict on the image counts"
    assert ask(demanding(RULE, word="go"), is_placed=False).allowed


def test_a_rule_that_warns_lets_through_with_a_warning() -> None:
    answer = ask(demanding({**RULE, "action": "warn"}))
    assert answer.allowed
    assert "policy web says warn: The isolation of shop/main is default" in answer.warnings[0]


def test_what_is_in_the_image_counts_besides() -> None:
    stopped = demanding(RULE, verdict=Outcome.STOP, reason="1 finding to stop for, by rule no-high")
    assert ask(stopped, VM).reasons == (
        f"container main ({HOST}/web:1): policy web says stop: 1 finding to stop for, by rule no-high",
    )
    later = demanding(RULE, word="stop", stops=2)
    assert not ask(later, VM).allowed, "advisories stopped it since"


@pytest.mark.parametrize(
    ("when_unknown", "allowed", "warnings"),
    [("unknown", False, 0), ("stop", False, 0), ("warn", True, 1), ("go", True, 0)],
)
def test_a_rule_that_may_not_be_for_the_image_cannot_be_judged(when_unknown: str, allowed: bool, warnings: int) -> None:
    doubted = demanding(
        {**RULE, "when_unknown": when_unknown}, doubts={"apart": "what registry the image is of is not known"}
    )
    answer = ask(doubted)
    assert (answer.allowed, len(answer.warnings)) == (allowed, warnings)
    if not allowed:
        assert "the rule apart cannot be judged: what registry the image is of is not known" in answer.reasons[0]
    assert ask(doubted, VM).allowed, "where it would not fire it does not matter"


def test_what_the_image_needs_is_known() -> None:
    rule = {"id": "fits", "gate": "isolation", "trigger": "needed", "action": "stop"}
    root = demanding(rule, needs=ImageNeeds(uid=0))
    assert "root is forbidden" in ask(root, replace(PLAIN, run_as_non_root=True, user="")).reasons[0]
    other = demanding(rule, needs=ImageNeeds(user="7", uid=7))
    assert ask(other, replace(PLAIN, run_as_non_root=True, user="")).allowed


def test_rules_of_a_newer_server_are_not_passed_over() -> None:
    newer = demanding({**RULE, "trigger": "from-the-future"})
    assert "its rules cannot be read here, bring the gate up to date" in ask(newer, VM).reasons[0]
    assert ask(demanding(), VM).allowed, "without rules for the image nothing is asked"


def test_image_volumes_are_not_places() -> None:
    container = WorkloadContainer(name="data", kind="volume", image=f"{HOST}/web:1")
    question = Question(containers=(AskedContainer(container=container),), place="shop", now=NOON, age_seconds=1.0)
    known_images: KnownImages = known(demanding(RULE))
    assert decide(question, known_images, GateSettings()).allowed
