"""`hullmark admit ecs`: tasks that run and may not, found once or as they start, and stopped where that is wanted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import pytest

from hullmark.model.verdict import Outcome
from hullmark.net import aws
from hullmark.net.aws import AwsRefused, AwsSettings
from tests.support.ecs import DIGEST, REGION, FakeEcs, FakeSession, FakeTask, container
from tests.support.gated_docker import judged, keep_verdicts
from tests.support.images import sha256
from tests.support.in_process import CommandLine, tell_to_end

BAD = sha256(b"bad")
WEB = {"family": "web", "containerDefinitions": [{"name": "web"}, {"name": "side"}]}
WORDS = ("admit", "ecs", "--verdicts", "verdicts.db", "--region", REGION)
FOLLOWING = (*WORDS, "--follow")


@dataclass
class StoppableEcs(FakeEcs):
    """An account whose tasks can be stopped. `stopped` are those that were, with the reason."""

    stopped: list[tuple[str, str]] = field(default_factory=list)

    def _stop_task(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        """Note it."""
        self.stopped.append((asked["task"], asked["reason"]))
        return {}


@pytest.fixture
def ecs(hullmark: CommandLine, monkeypatch: pytest.MonkeyPatch) -> StoppableEcs:
    """An account in which a good and a bad task run, with verdicts on both; that one has two containers of the same image."""
    found = StoppableEcs(definitions={"web:1": WEB})
    found.add(FakeTask("good"))
    found.add(FakeTask("bad", [container("web", digest=BAD), container("side", digest=BAD)], group="service:bad"))
    monkeypatch.setattr(aws, "AwsSession", lambda settings: FakeSession(found))
    good = msgspec.structs.replace(judged(sha256(b"config"), Outcome.GO), digest=DIGEST)
    bad = msgspec.structs.replace(judged(sha256(b"other"), Outcome.STOP, "exploited"), digest=BAD)
    keep_verdicts(hullmark.place / "verdicts.db", good, bad)
    return found


def test_what_runs_and_may_not_is_listed_and_ends_with_status_1(hullmark: CommandLine, ecs: StoppableEcs) -> None:
    """Without --stop no task is stopped."""
    ran = hullmark(*WORDS, "-o", "json")
    found = json.loads(ran.out)
    assert (ran.status, ecs.stopped) == (1, [])
    assert [(one["cluster"], one["workload"], one["container"], one["stopped"]) for one in found] == [
        ("main", "Service/bad", "web", False),
        ("main", "Service/bad", "side", False),
    ]
    assert all("exploited" in one["reason"] for one in found)
    del ecs.tasks[next(arn for arn in ecs.tasks if arn.endswith("/bad"))]
    assert (hullmark(*WORDS).status, hullmark(*WORDS).text) == (0, "all that runs may run\n")


def test_a_task_is_stopped_once_however_many_of_its_containers_may_not_run(
    hullmark: CommandLine, ecs: StoppableEcs
) -> None:
    ran = hullmark(*WORDS, "--stop", "-o", "json")
    assert ran.status == 1
    assert [one["stopped"] for one in json.loads(ran.out)] == [True, True]
    ((task, reason),) = ecs.stopped
    assert (task, reason.startswith("hullmark: ")) == ("bad", True)


def test_a_task_that_ended_meanwhile_keeps_nobody_from_stopping_the_others(
    hullmark: CommandLine, ecs: StoppableEcs
) -> None:
    """It is said that it was not stopped. Any other refusal ends the run."""
    ecs.add(FakeTask("worse", [container("web", digest=BAD)], group="service:worse"))
    ecs.failing["stop_task"] = AwsRefused("The referenced task was not found.", code="InvalidParameterException")
    one = [container("web", digest=BAD)]
    ecs.tasks = {arn: replace(task, containers=one) if task.id == "bad" else task for arn, task in ecs.tasks.items()}
    ran = hullmark(*WORDS, "--stop", "-o", "json")
    assert [(found["workload"], found["stopped"]) for found in json.loads(ran.out)] == [
        ("Service/bad", False),
        ("Service/worse", True),
    ]
    assert "hullmark: Service/bad in main was not stopped: The referenced task was not found." in ran.err.splitlines()
    assert [task for task, _ in ecs.stopped] == ["worse"]
    ecs.failing["stop_task"] = AwsRefused("not allowed", code="AccessDeniedException")
    ran = hullmark(*WORDS, "--stop")
    assert (ran.status, ran.err.splitlines()[-1]) == (2, "hullmark: not allowed")


@pytest.mark.parametrize(("words", "word"), [((), ""), (("--stop",), ": its task is stopped")])
def test_what_starts_is_looked_at_until_a_signal_says_to_end(
    hullmark: CommandLine, ecs: StoppableEcs, words: tuple[str, ...], word: str
) -> None:
    """What runs already is looked at first; a task that starts later is told of by the queue. Behind each reason stands where it is."""
    late = FakeTask("late", [container("web", digest=BAD)], group="service:late")
    left = [lambda: ecs.queue.append(ecs.add(late).event()), tell_to_end]
    ecs.feed = lambda: left.pop(0)() if left else None
    ran = hullmark(*FOLLOWING, *words)
    assert (ran.status, ran.out) == (0, b"")
    services = ("bad", "bad", "late")
    assert ran.err.splitlines()[1::2] == [f"hullmark: Service/{name} in main{word}" for name in services]
    assert [task for task, _ in ecs.stopped] == (["bad", "late"] if words else [])


def test_an_account_that_cannot_be_asked_ends_all_with_what_is_wrong(hullmark: CommandLine, ecs: StoppableEcs) -> None:
    ecs.failing["list_clusters"] = AwsRefused("not allowed", advice="grant ecs:ListClusters", code="AccessDenied")
    ran = hullmark(*FOLLOWING)
    assert ran.refusal == ("not allowed", "grant ecs:ListClusters")


@pytest.mark.parametrize("text", ["soon", "0.5", "86401", "nan"])
def test_the_pause_between_two_lists_is_a_number_of_seconds(hullmark: CommandLine, text: str) -> None:
    what, _ = hullmark(*WORDS, "--interval", text).refusal
    assert what == f"argument --interval: {text!r} is not a number of seconds, from 1 to 86400"


def test_an_account_and_region_are_named_once(hullmark: CommandLine, ecs: StoppableEcs) -> None:
    what, advice = hullmark(*WORDS, "--region", REGION).refusal
    assert what.endswith(" is named twice")
    assert advice == "give one --role for each account, and each --region once"


def test_roles_and_what_they_demand_reach_the_session(
    hullmark: CommandLine, ecs: StoppableEcs, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[AwsSettings] = []

    def session(settings: AwsSettings) -> FakeSession:
        made.append(settings)
        return FakeSession(ecs)

    monkeypatch.setattr(aws, "AwsSession", session)
    assert hullmark(*WORDS, "--role", "arn:role/reader", "--external-id", "7", "--interval", "1").status == 1
    assert [(one.role, one.external_id) for one in made] == [("arn:role/reader", "7")]
