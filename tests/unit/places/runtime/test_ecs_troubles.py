"""Answers and events of ECS that are not as documented: each is refused or passed over with a reason, and nothing is taken for more."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import pytest

from hullmark.isolation.grades import assess
from hullmark.model.errors import HullmarkError
from hullmark.net.aws import AwsRefused
from hullmark.places.runtime.collector import Changes, Listing
from hullmark.places.runtime.ecs import api, collector
from hullmark.places.runtime.ecs.answers import parse_event
from tests.support.ecs import ACCOUNT, FakeEcs, FakeTask, container
from tests.unit.places.runtime.test_ecs import ECR, account, collector_of, followed, listed


class OddEcs(FakeEcs):
    """Answers some operations otherwise: with a document, each time the same."""

    odd: Mapping[str, Mapping[str, Any]] = {}

    def answer(self, operation: str, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer to an operation."""
        return self.odd[operation] if operation in self.odd else super().answer(operation, asked)


def odd(operation: str, answer: Mapping[str, Any]) -> OddEcs:
    """An account with one task whose API answers an operation otherwise."""
    ecs = OddEcs()
    ecs.odd = {operation: answer}
    ecs.add(FakeTask("1"))
    return ecs


def described(**more: Any) -> dict[str, Any]:
    """A list of one task that is described otherwise."""
    return {"tasks": [{**FakeTask("1").described(), **more}]}


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"failures": [{"reason": "busy"}, {"reason": "MISSING"}, {"reason": "busy"}]}, "not tell of all tasks: busy$"),
        ({"tasks": 5}, "ECS answered what is not documented: Expected `array`"),
        (described(tags=[{"key": "a", "value": "b"}] * 5000), "has more than .* containers, or than .* tags"),
        (described(clusterArn="arn:aws:ecs:eu-west-1:111122223333:cluster/main"), "names a cluster elsewhere"),
        (described(taskDefinitionArn="arn:aws:s3:us-west-2:111122223333:task/x"), "names a cluster elsewhere"),
    ],
)
def test_tasks_that_are_not_told_as_documented_are_an_error(answer: dict[str, Any], why: str) -> None:
    with pytest.raises(HullmarkError, match=why):
        listed(odd("describe_tasks", answer))


@pytest.mark.parametrize(("most", "tokens"), [(1000, ["a", "a"]), (2, ["a", "b"])])
def test_a_list_without_end_is_an_error(monkeypatch: pytest.MonkeyPatch, most: int, tokens: list[str]) -> None:
    class Endless(FakeEcs):
        """Has another page, whatever it is asked."""

        def _list_clusters(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
            return {"clusterArns": [], "nextToken": tokens.pop(0)}

    monkeypatch.setattr(api, "_MOST_PAGES", most)
    with pytest.raises(HullmarkError, match=r"ECS lists without end \(list_clusters\)"):
        listed(Endless())
    assert tokens == []


def test_a_definition_that_may_not_be_read_is_an_error_and_one_that_is_broken_tells_nothing() -> None:
    ecs = account(FakeTask("1", launch="EC2"))
    ecs.failing["describe_task_definition"] = AwsRefused("no", code="AccessDeniedException")
    with pytest.raises(AwsRefused, match="no"):
        listed(ecs)
    ecs.definitions["web:1"] = {"containerDefinitions": "none", "runtimePlatform": {"cpuArchitecture": "ARM64"}}
    (found,) = listed(ecs)
    assert (found.isolation.boundary, found.image.architecture) == ("unknown", "arm64")


def test_a_task_of_a_capacity_provider_of_fargate_runs_in_a_machine_of_its_own() -> None:
    grades = {}
    for provider in ("FARGATE_SPOT", "my-instances"):
        task = FakeTask("1", launch="", more={"capacityProviderName": provider})
        (found,) = listed(account(task))
        grades[provider] = (found.isolation.boundary, assess(found.isolation).grade)
    assert grades == {"FARGATE_SPOT": ("vm", "vm"), "my-instances": ("unknown", "default")}


def test_a_digest_that_may_not_be_asked_for_or_a_name_that_is_not_one_stay_unknown() -> None:
    images = (f"{ECR}:1", f"{ECR}:2", "UPPER CASE")
    task = FakeTask("1", containers=[container(f"c{n}", image=image, digest=None) for n, image in enumerate(images)])
    ecs = account(task)
    ecs.tags = {f"{ACCOUNT}/team/web:1": "sha256:" + "2b" * 32, f"{ACCOUNT}/team/web:2": "not-a-digest"}
    ecs.failing["batch_get_image"] = AwsRefused("no", code="AccessDeniedException")
    assert [found.image.digest for found in listed(ecs)] == ["", "", ""]
    assert ecs.calls.count("batch_get_image") == 2


def test_a_queue_that_may_not_be_asked_for_ends_following_with_the_reason() -> None:
    ecs = account()
    ecs.failing["get_queue_url"] = AwsRefused("not allowed", code="AccessDenied")
    with pytest.raises(AwsRefused, match=r"^not allowed"):
        list(collector_of(ecs).follow(threading.Event()))


def test_what_is_remembered_of_tasks_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collector, "_MOST_VERSIONS", 1)
    monkeypatch.setattr(collector, "_MOST_DEFINITIONS", 0)
    ecs = account(FakeTask("1"), FakeTask("2"))
    assert len(listed(ecs)) == 2
    assert ecs.calls.count("describe_task_definition") == 2


def test_a_message_that_is_larger_than_any_is_told_and_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collector, "MESSAGE_BYTES", 10)
    ecs = account()
    ecs.queue = [FakeTask("1").event()]
    first, told = followed(collector_of(ecs), 2)
    assert isinstance(first, Listing)
    assert isinstance(told, Changes)
    assert "a message of the queue has more than 10 bytes" in told.events[0].summary
    assert ecs.queue == []


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        (
            b'"account": "111122223333"',
            b'"account": "999999999999"',
            "a task of another account or region than its own",
        ),
        (b'"region": "us-west-2"', b'"region": "us-east-1"', "a task of another account or region than its own"),
        (b'"time": "2026-03-01T09:00:01Z"', b'"time": null', "an event of ECS does not tell its time"),
    ],
)
def test_an_event_whose_parts_contradict_each_other_is_refused(before: bytes, after: bytes, why: str) -> None:
    event = FakeTask("1").event()
    assert before in event
    with pytest.raises(HullmarkError, match=why):
        parse_event(event.replace(before, after))
