"""What a gate decides: verdicts by digest and tag, unknown images, old verdicts, grace, isolation."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.model.admission import AdmissibleImage
from hullmark.model.errors import HullmarkError
from hullmark.model.isolation import Isolation, WorkloadContainer
from hullmark.places.gates.decision import Answer, AskedContainer, KnownImages, Question, decide
from hullmark.places.gates.settings import GateSettings, RuntimeClass, read_settings
from hullmark.places.gates.verdicts import TooManyUnderDigest
from tests.support.gate import BAD, GOOD, HOST, NOON, image, verdict
from tests.support.kubernetes.manifests import digest

DEFAULT = GateSettings()
HOST_GRADE = Isolation(privileged=True)
PLAIN = Isolation(
    boundary="process",
    privileged=False,
    host_pid=False,
    host_ipc=False,
    host_network=False,
    unmasked_proc=False,
    user="0",
)


def known(*images: AdmissibleImage, ran: dict[tuple[str, str], Any] | None = None) -> KnownImages:
    def find(wanted: str) -> tuple[AdmissibleImage, ...]:
        if wanted == digest("too many"):
            raise TooManyUnderDigest(wanted)
        return tuple(each for each in images if wanted in (each.digest, each.config, *each.indexes))

    def tagged(name: str) -> AdmissibleImage | None:
        return next((each for each in images if name in each.tags), None)

    def ran_at(place: str, digests: Any) -> Any:
        return max((ran[place, each] for each in digests if ran and (place, each) in ran), default=None)

    return KnownImages(find, tagged, ran_at)


def ask(reference: str, facts: KnownImages, settings: GateSettings = DEFAULT, **more: Any) -> Answer:
    isolation, is_kept = more.pop("isolation", PLAIN), more.pop("is_kept", False)
    container = WorkloadContainer(name="main", image=reference, isolation=isolation)
    values = {"place": "shop", "now": NOON, "age_seconds": 1.0, **more}
    return decide(
        Question(containers=(AskedContainer(container=container, is_kept=is_kept),), **values), facts, settings
    )


ALL = known(GOOD, BAD)


@pytest.mark.parametrize(
    ("reference", "allowed"),
    [
        (f"{HOST}/good:1", True),
        (f"{HOST}/bad:1", False),
        (f"{HOST}/good@{digest('good')}", True),
        (f"elsewhere.example/mirror@{digest('good')}", True),
        (f"{HOST}/good:1@{digest('bad')}", False),
        (f"{HOST}/good@{digest('config of good')}", True),
        (f"{HOST}/good:2", False),
        (f"{HOST}/good", False),
        ("not a reference", False),
        (f"{HOST}/x@sha256:12", False),
        (f"{HOST}/x@{digest('too many')}", False),
    ],
)
def test_a_digest_names_an_image_and_a_tag_does_where_there_is_none(reference: str, allowed: bool) -> None:
    assert ask(reference, ALL).allowed is allowed


def test_of_an_index_every_image_must_pass() -> None:
    index = digest("index")
    arm, amd = image("arm", indexes=(index,)), image("amd", indexes=(index,))
    assert ask(f"{HOST}/x@{index}", known(arm, amd)).allowed
    assert not ask(f"{HOST}/x@{index}", known(arm, msgspec.structs.replace(amd, verdicts=(verdict("stop"),)))).allowed
    assert not ask(
        f"{HOST}/x@{index}", known(arm, msgspec.structs.replace(amd, verdicts=(verdict(environment="dev"),)))
    ).allowed


def test_a_tag_is_pinned_to_its_one_index_else_to_what_was_judged() -> None:
    one, two = image("one", indexes=(digest("i"),)), image("two", indexes=(digest("i"), digest("j")))
    facts = known(one, two)
    assert ask(f"{HOST}/one:1", facts).judgements[0].pinned == f"{HOST}/one:1@{digest('i')}"
    assert ask(f"{HOST}/two:1", facts).judgements[0].pinned == f"{HOST}/two:1@{digest('two')}"
    assert ask(f"{HOST}/one:1", facts, GateSettings(pins_tags=False)).judgements[0].pinned == ""
    answer = ask(f"{HOST}/one:1", facts, GateSettings(pins_tags=False, requires_digest=True))
    assert "named by a tag" in answer.reasons[0]


def test_environments_count_besides_what_is_said_for_any() -> None:
    both = image("x", verdict(), verdict("stop", environment="production"))
    assert ask(f"{HOST}/x:1", known(both)).allowed
    assert not ask(f"{HOST}/x:1", known(both), GateSettings(environment="production")).allowed
    only = image("y", verdict(environment="production"))
    answer = ask(f"{HOST}/y:1", known(only), GateSettings(environment="dev"))
    assert (answer.allowed, answer.unknown) == (False, (f"{HOST}/y:1",))


@pytest.mark.parametrize(("choice", "allowed", "warned"), [("refuse", False, 0), ("warn", True, 1), ("allow", True, 0)])
def test_what_nobody_has_judged_is_answered_as_settings_say(choice: Any, allowed: bool, warned: int) -> None:
    answer = ask(f"{HOST}/new:1", ALL, GateSettings(unknown_image=choice))
    assert (answer.allowed, len(answer.warnings), answer.unknown) == (allowed, warned, (f"{HOST}/new:1",))


def test_an_unknown_verdict_does_not_pass_whatever_is_said_of_unknown_images() -> None:
    unclear = image("x", verdict("unknown", "no advisories"))
    assert not ask(f"{HOST}/x:1", known(unclear), GateSettings(unknown_image="allow")).allowed


@pytest.mark.parametrize(
    ("fail", "age", "name", "allowed"),
    [
        ("closed", None, "good", False),
        ("open", None, "good", True),
        ("open", None, "bad", True),
        ("closed", 25 * 3600.0, "good", False),
        ("open", 25 * 3600.0, "good", True),
        ("open", 25 * 3600.0, "bad", False),
        ("open", 25 * 3600.0, "new", True),
        ("closed", 23 * 3600.0, "good", True),
    ],
)
def test_old_verdicts_and_none_are_answered_by_the_fail_mode(
    fail: Any, age: float | None, name: str, allowed: bool
) -> None:
    answer = ask(f"{HOST}/{name}:1", ALL, GateSettings(fail=fail), age_seconds=age)
    assert answer.allowed is allowed
    assert bool(answer.warnings) is (allowed and (age is None or age > 86_400))


RAN = {("shop", digest("bad")): NOON - timedelta(days=1)}


def graced(**more: Any) -> AdmissibleImage:
    return image(
        "bad",
        verdict("warn", "1 finding", grace_until=NOON + timedelta(days=3), grace_reason="CVE-2026-1 (no-high)"),
        **more,
    )


def test_grace_lets_what_ran_here_start_again_and_nothing_else() -> None:
    facts = known(graced(), ran=RAN)
    again = ask(f"{HOST}/bad:1", facts, is_restart=True)
    assert again.allowed
    assert "may start again until 2026-05-04 12:00 UTC" in again.warnings[0]
    fresh = ask(f"{HOST}/bad:1", facts)
    assert fresh.reasons == (
        f"container main ({HOST}/bad:1): policy web says stop: CVE-2026-1 (no-high); only what ran before may start again",
    )
    assert not ask(f"{HOST}/bad:1", facts, is_restart=True, place="other").allowed
    assert not ask(f"{HOST}/bad:1", facts, is_restart=True, now=NOON + timedelta(days=3)).allowed
    assert not ask(f"{HOST}/bad:1", known(graced()), is_restart=True).allowed


def test_a_gate_may_grant_grace_of_its_own_to_what_was_certified() -> None:
    stopped = image("bad", verdict("stop"), certified_at=NOON - timedelta(days=9))
    settings = GateSettings(grace_days=2)
    facts = known(stopped, ran=RAN)
    assert ask(f"{HOST}/bad:1", facts, settings, is_restart=True).allowed
    assert not ask(f"{HOST}/bad:1", facts, settings, is_restart=True, now=NOON + timedelta(days=2)).allowed
    assert not ask(f"{HOST}/bad:1", facts, is_restart=True).allowed
    never = msgspec.structs.replace(stopped, certified_at=None)
    assert not ask(f"{HOST}/bad:1", known(never, ran=RAN), settings, is_restart=True).allowed


def test_what_is_there_already_is_not_judged_again() -> None:
    assert ask(f"{HOST}/bad:1", ALL, is_kept=True).allowed


def test_a_place_that_is_excluded_is_not_judged() -> None:
    assert ask("??", ALL, GateSettings(excluded_namespaces=("sh?p",))).allowed


@pytest.mark.parametrize(("mode", "warned"), [("warn", True), ("dry-run", False)])
def test_modes_that_let_through_keep_the_reasons(mode: Any, warned: bool) -> None:
    answer = ask(f"{HOST}/bad:1", ALL, GateSettings(mode=mode))
    assert (answer.allowed, len(answer.reasons), bool(answer.warnings)) == (True, 1, warned)


def test_isolation_is_refused_or_made_good() -> None:
    kata = RuntimeClass(name="kata", handler="kata-qemu")
    settings = GateSettings(least_grade="sandboxed", runtime_class=kata)
    assert ask(f"{HOST}/good:1", ALL, settings).runtime_class == "kata"
    refused = ask(f"{HOST}/good:1", ALL, settings, isolation=HOST_GRADE)
    assert (refused.allowed, refused.runtime_class) == (False, "")
    assert "its isolation is host, and must be at least sandboxed" in refused.reasons[0]
    assert not ask(f"{HOST}/good:1", ALL, GateSettings(least_grade="sandboxed")).allowed
    assert ask(f"{HOST}/good:1", ALL, GateSettings(least_grade="default")).allowed


@given(
    names=st.lists(st.sampled_from(["good", "bad", "new"]), max_size=4),
    settings=st.builds(
        GateSettings,
        mode=st.sampled_from(["enforce", "warn", "dry-run"]),
        fail=st.sampled_from(["open", "closed"]),
        unknown_image=st.sampled_from(["refuse", "warn", "allow"]),
        least_grade=st.sampled_from([None, "host", "default", "vm"]),
    ),
    age=st.sampled_from([None, 1.0, 1e6]),
)
def test_a_request_is_refused_only_with_a_reason_and_where_any_of_its_containers_is(
    names: list[str], settings: GateSettings, age: float | None
) -> None:
    alone = [ask(f"{HOST}/{name}:1", ALL, settings, age_seconds=age) for name in names]
    containers = tuple(
        AskedContainer(container=WorkloadContainer(name="main", image=f"{HOST}/{name}:1", isolation=PLAIN))
        for name in names
    )
    together = decide(Question(containers=containers, place="shop", now=NOON, age_seconds=age), ALL, settings)
    assert together.allowed is all(each.allowed for each in alone)
    assert set(together.reasons) == {reason for each in alone for reason in each.reasons}
    assert together.allowed or together.reasons


def test_settings_are_read_and_what_they_do_not_know_is_refused() -> None:
    settings = read_settings(
        b"mode: warn\nleast_grade: default\nnamespaces: [{match: 'dev-*', mode: dry-run}]\n", "gate.yaml"
    )
    assert (settings.mode, settings.within("dev-1").mode, settings.within("prod").mode) == ("warn", "dry-run", "warn")
    assert read_settings(b"", "gate.yaml") == GateSettings()
    for text in (
        b"mdoe: warn",
        b"mode: loose",
        b"[",
        b"\xff",
        b"stale_after_hours: -1",
        b"a: &a [*a]",
        b"#" * (1 << 20) + b"\n",
    ):
        with pytest.raises(HullmarkError, match=r"gate\.yaml"):
            read_settings(text, "gate.yaml")
