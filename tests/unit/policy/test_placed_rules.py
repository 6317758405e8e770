"""What an image needs of the place it runs at, and rules about isolation that are judged once a place is known."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec
import pytest

from hullmark.model.admission import PlaceDemands
from hullmark.model.image import ImageConfig
from hullmark.model.isolation import ImageNeeds, Isolation, PlacedContainer, Workload, WorkloadContainer
from hullmark.model.verdict import Outcome
from hullmark.policy.evaluate import evaluate
from hullmark.policy.facts import Facts
from hullmark.policy.image_needs import image_needs, uid_of
from hullmark.policy.placed_rules import PlacedOutcome, judge_place, place_demands
from hullmark.policy.rollout import Deployment
from tests.support.policies import native_policy
from tests.unit.policy.anchore.building import bundle, rule
from tests.unit.policy.building import NOW, facts, file, match, matches, package, reach_of

PASSWD = b"root:x:0:0:root:/root:/bin/sh\nweb:x:101:101::/:/bin/false\nshort:x:7\nodd:x:\xc2\xb2:1::/:\nbig:x:99999999999:1::/:\n"
NET_RAW, BPF = "01000002" + "00200000" + "00000000" * 3, "01000002" + "00000000" * 2 + "80000000" + "00000000"


@pytest.mark.parametrize(
    ("user", "passwd", "uid"),
    [
        ("", None, 0),
        (":1", None, 0),
        ("1000:web", None, 1000),
        ("99999999999", None, None),
        ("web", PASSWD, 101),
        ("web:root", PASSWD, 101),
        ("web", None, None),
        ("nobody", PASSWD, None),
        ("short", PASSWD, None),
        ("odd", PASSWD, None),
        ("big", PASSWD, None),
    ],
)
def test_the_number_of_a_user_is_what_passwd_says(user: str, passwd: bytes | None, uid: int | None) -> None:
    assert uid_of(user, passwd) == uid


def capable(*programs: tuple[str, Any, tuple[str, ...]], unseen: str = "") -> ImageNeeds:
    """The needs of an image with two files with capabilities, one that is deleted, and these programs that are reached or not."""
    files = [
        file("/bin/app"),
        file("/bin/old", capability=NET_RAW, state="ghost"),
        file("/bin/ping", capability=NET_RAW),
        file("/bin/trace", capability=BPF),
    ]
    reach = msgspec.structs.replace(reach_of([], {}, programs), unseen=unseen)
    return image_needs(facts(files=files, reach=reach))


PING, TRACE = ("/bin/ping", "reachable", ()), ("/bin/trace", "unreachable", ())


def test_files_that_the_start_reaches_are_told_with_the_capabilities_that_they_give() -> None:
    assert capable(PING, TRACE).capable == {"/bin/ping": ("NET_RAW",)}
    assert capable(PING, ("/bin/trace", "reachable", ())).capable == {"/bin/ping": ("NET_RAW",), "/bin/trace": ("BPF",)}


@pytest.mark.parametrize("trace", [(), (("/bin/trace", "unknown", ()),)])
def test_where_it_is_not_known_whether_a_file_is_reached_no_capabilities_are_told(trace: Any) -> None:
    assert capable(PING, *trace).capable is None
    assert capable(PING, TRACE, unseen="a program was not followed").capable is None


@pytest.mark.parametrize(
    ("programs", "expected"),
    [
        ((("/bin/su", "reachable", ("setuid",)), ("/bin/mount", "unreachable", ("setuid",))), ("/bin/su",)),
        ((("/bin/su", "reachable", ("setuid",)), ("/bin/mount", "unknown", ("setuid",))), None),
        ((("/bin/sh", "unknown", ("shell",)),), ()),
    ],
)
def test_setuid_programs_are_told_where_all_of_them_are_known(programs: Any, expected: tuple[str, ...] | None) -> None:
    assert image_needs(facts(reach=reach_of([], {}, programs))).setuid == expected


def demands(rules: list[dict[str, Any]], seen: Facts, **more: Any) -> PlaceDemands | None:
    """What a policy of these rules asks of places."""
    document = {"schema": "hullmark-policy/1", "name": "p", "rules": rules, **more}
    policy = native_policy(msgspec.json.encode(document))

    def judge(known: Facts) -> Any:
        return evaluate(policy, known, analyzer="t")

    return place_demands(policy, seen, judge(seen), Deployment(), judge)


def isolated(trigger: str, action: str = "stop", **params: Any) -> dict[str, Any]:
    return {"id": trigger, "gate": "isolation", "trigger": trigger, "action": action, "params": params}


def at(asked: PlaceDemands | None, isolation: Isolation) -> PlacedOutcome:
    """What is said of a container with this isolation."""
    assert asked is not None
    container = WorkloadContainer(name="main", image="a", isolation=isolation)
    placed = PlacedContainer(
        workload=Workload(format="kubernetes", name="web", containers=(container,)), container=container
    )
    return judge_place(asked, placed, NOW)


PRIVILEGED = Isolation(privileged=True)
PLAIN = Isolation(boundary="vm", runtime="kata-qemu", privileged=False, host_network=False)
APART = isolated("grade", at_least="sandboxed")
REFUSED = "The isolation of web/main is host, and must be at least sandboxed"


def test_a_policy_without_rules_about_isolation_asks_nothing_of_places() -> None:
    assert demands([{"id": "s", "gate": "files", "trigger": "setuid", "action": "stop"}], facts()) is None


def test_a_rule_that_is_for_the_image_is_judged_at_each_place() -> None:
    asked = demands([{**APART, "params": {"at_least": "sandboxed", "where": {"root": True}}}], facts())
    assert at(asked, PLAIN) == PlacedOutcome(Outcome.GO, "")
    refused = at(asked, PRIVILEGED)
    assert refused.outcome is Outcome.STOP
    assert refused.reason.startswith(REFUSED)


def test_a_rule_that_is_not_for_the_image_is_not_handed_on() -> None:
    asked = demands([{**APART, "params": {"at_least": "sandboxed", "where": {"root": False}}}], facts())
    assert asked is not None
    assert asked.rules == ""
    assert at(asked, PRIVILEGED) == PlacedOutcome(Outcome.GO, "")


@pytest.mark.parametrize(
    ("when_unknown", "outcome"), [("unknown", Outcome.UNKNOWN), ("stop", Outcome.STOP), ("go", Outcome.GO)]
)
def test_a_rule_that_may_be_for_the_image_cannot_be_judged_where_it_would_fire(
    when_unknown: str, outcome: Outcome
) -> None:
    where = {**APART, "when_unknown": when_unknown, "params": {"at_least": "sandboxed", "where": {"root": True}}}
    asked = demands([where], facts(config=ImageConfig(user="web")))
    assert at(asked, PLAIN) == PlacedOutcome(Outcome.GO, "")
    said = "" if outcome is Outcome.GO else "the rule grade cannot be judged: who the image runs as is not known"
    assert at(asked, PRIVILEGED) == PlacedOutcome(outcome, said)


def test_whether_a_vulnerability_is_exploited_is_not_known_without_a_whole_list() -> None:
    curl = package("deb", "curl", "1")
    where = {"at_least": "sandboxed", "where": {"exploited_without_fix": True}}
    for gap, doubted in (("the list is not there", True), ("", False)):
        known = matches(match(curl, "CVE-2026-0001", cve="CVE-2026-0001"), packages=[curl], exploited_gap=gap)
        asked = demands([{**APART, "params": where}], facts(packages=[curl], matches=known))
        assert asked is not None
        said = {"grade": "what is known to be exploited cannot be told: the list is not there"} if doubted else {}
        assert asked.doubts == said
        assert at(asked, PRIVILEGED).outcome is (Outcome.UNKNOWN if doubted else Outcome.GO)


@pytest.mark.parametrize(
    ("stage", "action", "outcome"),
    [
        ("enforce", "stop", Outcome.STOP),
        ("warn", "stop", Outcome.WARN),
        ("warn", "warn", Outcome.WARN),
        ("shadow", "stop", Outcome.GO),
    ],
)
def test_a_rule_counts_at_a_place_as_far_as_its_set_has_come(stage: str, action: str, outcome: Outcome) -> None:
    more = {"apply": [{"rule_sets": ["p"], "stage": stage}]}
    assert at(demands([{**APART, "action": action}], facts(), **more), PRIVILEGED).outcome is outcome


def test_what_a_set_that_warns_cannot_tell_does_not_stop() -> None:
    more = {"apply": [{"rule_sets": ["p"], "stage": "warn"}]}
    for when_unknown, outcome in (("stop", Outcome.WARN), ("unknown", Outcome.GO)):
        rules = [{**isolated("setting", required=["no-new-privileges"]), "when_unknown": when_unknown}]
        assert at(demands(rules, facts()), Isolation()).outcome is Outcome(when_unknown)
        assert at(demands(rules, facts(), **more), Isolation()).outcome is outcome


def test_what_is_granted_is_compared_with_what_the_image_was_seen_to_need() -> None:
    seen = facts(config=ImageConfig(user="1000"), reach=reach_of([], {}))
    asked = demands([isolated("granted", settings=["user"], follow_start=True)], seen)
    assert asked is not None
    assert asked.needs.uid == 1000
    assert at(asked, Isolation(user="0")).outcome is Outcome.STOP
    assert at(asked, Isolation(user="1000")).outcome is Outcome.GO


def test_rules_about_places_in_another_language_are_refused() -> None:
    asked = demands([APART], facts())
    assert asked is not None
    foreign = msgspec.json.encode(bundle(rule("always", "always"))).decode()
    with pytest.raises(TypeError, match="rules about places are a native policy"):
        at(msgspec.structs.replace(asked, rules=foreign), PLAIN)


def test_what_is_told_of_an_image_goes_before_what_its_settings_say() -> None:
    told = ImageNeeds(user="told", uid=7)
    assert image_needs(dataclasses.replace(facts(), needs=told)) is told
    assert image_needs(facts(config=None)) == ImageNeeds()
