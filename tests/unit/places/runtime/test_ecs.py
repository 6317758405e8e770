"""What runs in ECS: tasks become containers at places, events change what runs, in whatever order and however often they come."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, NoReturn

import botocore.session
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.isolation.grades import assess
from hullmark.model.errors import HullmarkError
from hullmark.model.isolation import Isolation
from hullmark.model.place import Place, RunningContainer
from hullmark.net.aws import AwsRefused, AwsUnwell
from hullmark.places.runtime.collector import Changes, Listing
from hullmark.places.runtime.ecs import answers
from hullmark.places.runtime.ecs.answers import parse_arn, parse_event
from hullmark.places.runtime.ecs.collector import EcsCollector, FollowSettings
from tests.support.ecs import ACCOUNT, BEGIN, DIGEST, REGION, FakeEcs, FakeSession, FakeTask, container

OTHER = "sha256:" + "2b" * 32
ECR = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/team/web"
WEB: dict[str, Any] = {
    "family": "web",
    "containerDefinitions": [{"name": "web", "image": "example.org/web:1", "readonlyRootFilesystem": True}],
}


QUEUE_AT_ONCE = FollowSettings(wait=0)


def collector_of(ecs: FakeEcs, settings: FollowSettings = QUEUE_AT_ONCE, times: Sequence[int] = ()) -> EcsCollector:
    """A collector of the fake. `times` are what its clock says, in seconds after BEGIN; then it stands still."""
    left = list(times)
    last = [0]

    def clock() -> datetime:
        last[0] = left.pop(0) if left else last[0]
        return BEGIN + timedelta(seconds=last[0])

    return EcsCollector(FakeSession(ecs), REGION, settings, clock)


def account(*tasks: FakeTask, **more: Any) -> FakeEcs:
    """An account with these tasks, and one definition."""
    ecs = FakeEcs(definitions={"web:1": WEB}, **more)
    for task in tasks:
        ecs.add(task)
    return ecs


def listed(ecs: FakeEcs) -> list[RunningContainer]:
    """What a collector lists."""
    return list(collector_of(ecs).containers())


def followed(collector: EcsCollector, reports: int) -> Iterator[Listing | Changes]:
    """The first reports of following."""
    stop = threading.Event()
    for number, report in enumerate(collector.follow(stop), 1):
        yield report
        if number == reports:
            stop.set()


def test_a_task_of_a_service_is_a_container_at_its_place() -> None:
    ecs = account(
        FakeTask(
            "c13b", tags={"team": "shop"}, more={"attributes": [{"name": "ecs.cpu-architecture", "value": "arm64"}]}
        )
    )
    ecs.services["web"] = {"team": "nobody", "env": "prod"}
    (found,) = listed(ecs)
    assert found.id == f"{ACCOUNT}/{REGION}/c13b/web"
    assert found.place == Place(
        platform="ecs", cluster="main", namespace=f"{ACCOUNT}/{REGION}", workload="Service/web", container="web"
    )
    assert (found.image.reference, found.image.digest, found.image.architecture) == (
        "example.org/web:1",
        DIGEST,
        "arm64",
    )
    assert not found.image.is_inferred
    assert found.since == BEGIN
    assert found.labels == {"team": "shop", "env": "prod"}
    assert (found.isolation.boundary, found.isolation.read_only_root) == ("vm", True)


def test_a_task_without_a_service_is_named_by_its_family_and_its_machine() -> None:
    instance = "arn:aws:ecs:us-west-2:111122223333:container-instance/main/5d1f"
    (found,) = listed(account(FakeTask("1", group="family:web", launch="EC2", more={"containerInstanceArn": instance})))
    assert (found.place.workload, found.node, found.isolation.boundary) == ("Task/web", "5d1f", "process")


def test_what_amazon_puts_into_a_task_is_granted_what_nobody_tells() -> None:
    both = [container("web"), container("aws-guardduty-agent-x")]
    fargate, ec2 = account(FakeTask("1", containers=both)), account(FakeTask("1", containers=both, launch="EC2"))
    injected = listed(fargate)[1].isolation
    assert (injected.boundary, injected.privileged, assess(injected).grade) == ("vm", False, "vm")
    assert [found.isolation for found in listed(ec2)][1] == Isolation()


def test_a_deleted_definition_tells_nothing() -> None:
    (found,) = listed(account(FakeTask("1", definition="gone:7", launch="EC2")))
    assert found.isolation == Isolation()


def test_only_containers_that_run_are_listed() -> None:
    ecs = account(
        FakeTask("1", containers=[container("web", "PENDING"), container("side"), container("init", "STOPPED")])
    )
    assert [found.place.container for found in listed(ecs)] == ["side"]


def test_a_second_list_says_the_same() -> None:
    ecs = account(*(FakeTask(str(number)) for number in range(250)), services={"web": {"env": "prod"}})
    collector = collector_of(ecs)
    first = list(collector.containers())
    assert len(first) == 250
    assert list(collector.containers()) == first
    assert ecs.calls.count("describe_task_definition") == 1
    assert ecs.calls.count("describe_services") == 2


def test_a_missing_digest_is_inferred_from_the_tag_and_stays_when_the_tag_moves() -> None:
    ecs = account(FakeTask("1", containers=[container("web", image=f"{ECR}:1", digest=None)]))
    ecs.tags[f"{ACCOUNT}/team/web:1"] = DIGEST
    collector = collector_of(ecs)
    (first,) = collector.containers()
    assert (first.image.digest, first.image.is_inferred) == (DIGEST, True)
    ecs.tags[f"{ACCOUNT}/team/web:1"] = OTHER
    assert list(collector.containers()) == [first]


def test_a_digest_that_nobody_tells_is_unknown() -> None:
    images = (
        "example.org/web:1",
        f"{ECR}:gone",
        f"evil.example/{ECR}:1",
        ECR.replace("amazonaws.com", "evil.example") + ":1",
    )
    ecs = account(
        FakeTask("1", containers=[container(f"c{n}", image=image, digest=None) for n, image in enumerate(images)])
    )
    ecs.tags[f"{ACCOUNT}/team/web:1"] = DIGEST
    assert [(found.image.digest, found.image.is_inferred) for found in listed(ecs)] == [("", False)] * 4


def test_nothing_of_the_environment_of_a_container_is_told() -> None:
    secret = {"name": "PASSWORD", "value": "hunter2"}
    ecs = account(FakeTask("1"))
    ecs.definitions["web:1"] = {"containerDefinitions": [{**WEB["containerDefinitions"][0], "environment": [secret]}]}
    assert b"hunter2" not in msgspec.json.encode(listed(ecs))


def test_what_cannot_be_known_is_said() -> None:
    unknown = [container("a", digest=None), container("b", digest=None), container("c")]
    collector = collector_of(account(FakeTask("1", containers=unknown, definition="gone:1", launch="EC2")))
    assert not collector.gaps
    assert len(list(collector.containers())) == 3
    digests, grants = collector.gaps
    assert digests.startswith("2 containers are without a digest")
    assert grants.startswith("3 containers are granted something unknown")


def test_a_digest_in_the_name_is_what_runs() -> None:
    ecs = account(FakeTask("1", containers=[container("web", image=f"example.org/web@{OTHER}", digest=None)]))
    assert [(found.image.digest, found.image.is_inferred) for found in listed(ecs)] == [(OTHER, False)]


def test_a_list_that_amazon_does_not_tell_whole_is_refused() -> None:
    ecs = account(FakeTask("1"))
    ecs.failing["describe_tasks"] = AwsRefused("no", code="AccessDeniedException")
    with pytest.raises(AwsRefused):
        listed(ecs)


def test_an_event_of_a_start_is_asked_about_and_then_taken_off_the_queue() -> None:
    ecs = account(FakeTask("1"))
    reports = followed(collector_of(ecs), 2)
    assert isinstance(listing := next(reports), Listing)
    assert len(list(listing.running)) == 1
    new = ecs.add(FakeTask("2", version=3, tags={"team": "shop"}))
    ecs.queue = [new.event()]
    changes = next(reports)
    assert isinstance(changes, Changes)
    assert ecs.taken == []
    assert [(found.id.rpartition("/")[0][-1], found.image.digest, found.labels) for found in changes.running] == [
        ("2", DIGEST, {"team": "shop"})
    ]
    assert list(reports) == []
    assert len(ecs.taken) == 1


def test_what_an_agent_was_stopped_over_comes_again() -> None:
    ecs = account()
    reports = collector_of(ecs).follow(threading.Event())
    assert isinstance(next(reports), Listing)
    ecs.queue = [ecs.add(FakeTask("2", version=3)).event()]
    assert isinstance(next(reports), Changes)
    reports.close()  # type: ignore[attr-defined]
    assert (len(ecs.queue), ecs.taken) == (1, [])


def test_an_event_of_an_end_says_when() -> None:
    task = FakeTask("1", state="STOPPED", desired="STOPPED", version=9, containers=[container("web", "STOPPED")])
    task.more = {"executionStoppedAt": BEGIN + timedelta(minutes=5), "stoppedAt": BEGIN + timedelta(minutes=6)}
    ecs = account()
    ecs.queue = [task.event()]
    _, changes = followed(collector_of(ecs), 2)
    assert isinstance(changes, Changes)
    assert [(ended.id, ended.until) for ended in changes.ended] == [
        (f"{ACCOUNT}/{REGION}/1/web", BEGIN + timedelta(minutes=5))
    ]
    assert "describe_tasks" not in ecs.calls


def test_an_event_that_comes_late_or_twice_changes_nothing() -> None:
    task = FakeTask("1", version=5)
    ecs = account(task)
    old = FakeTask("1", version=4, state="STOPPED", containers=[container("web", "STOPPED")]).event()
    ecs.queue = [old, task.event(), task.event()]
    collector = collector_of(ecs, times=(0, 0, 0, 0, 5000))
    first, second = followed(collector, 2)
    assert isinstance(first, Listing)
    # The lists of following are lazy: this one was never gone through, so nothing is known of versions.
    assert isinstance(second, Changes)
    assert ([found.id for found in second.running], second.ended) == ([f"{ACCOUNT}/{REGION}/1/web"], ())


def test_messages_come_again_where_a_question_fails() -> None:
    new = FakeTask("2", version=3)
    ecs = account()
    reports = followed(collector_of(ecs), 2)
    list(next(reports).running)
    ecs.add(new)
    ecs.queue = [new.event()]
    ecs.failing["describe_task_definition"] = AwsUnwell("slow down")
    changes = next(reports)
    assert isinstance(changes, Changes)
    assert len(changes.running) == 1
    assert ecs.calls.count("receive_message") == 2


def test_a_queue_that_cannot_be_read_is_told_once_and_lists_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    ecs = account(FakeTask("1"))
    monkeypatch.setattr("hullmark.places.runtime.ecs.collector.backoff", lambda _: 0.0)
    collector = collector_of(ecs, times=(0, 0, 1, 1, 1, 1, 1, 1, 1, 2000))

    def refuse(*_: object) -> NoReturn:
        raise AwsUnwell("slow down")

    monkeypatch.setattr(collector._api, "received", refuse)
    first, told, again = followed(collector, 3)
    assert isinstance(first, Listing)
    assert isinstance(told, Changes)
    assert [(event.kind, event.subject, "slow down" in event.summary) for event in told.events] == [
        ("problem", "queue", True)
    ]
    assert isinstance(again, Listing)


def test_a_message_that_cannot_be_read_is_told_and_brings_a_list() -> None:
    ecs = account(FakeTask("1"))
    ecs.queue = [b"{", b'{"source": "aws.ec2"}']
    first, told, again = followed(collector_of(ecs, times=(0, 0, 70, 70)), 3)
    assert isinstance(first, Listing)
    assert isinstance(told, Changes)
    assert [(event.kind, event.subject) for event in told.events] == [("problem", "queue")]
    assert isinstance(again, Listing)
    assert ecs.queue == []


def test_events_of_other_accounts_are_passed_over() -> None:
    event = FakeTask("1", version=3).event().replace(ACCOUNT.encode(), b"999999999999")
    ecs = account()
    ecs.queue = [event]
    _, again = followed(collector_of(ecs, times=(0, 0, 1000)), 2)
    assert isinstance(again, Listing)
    assert len(ecs.taken) == 1


def test_without_a_queue_all_is_listed_again_and_again() -> None:
    ecs = account(FakeTask("1"))
    reports = list(followed(collector_of(ecs, FollowSettings(queue="", interval=0)), 3))
    assert [type(report) for report in reports] == [Listing] * 3
    assert "receive_message" not in ecs.calls


def test_a_missing_queue_ends_following_with_advice() -> None:
    ecs = account()
    ecs.failing["get_queue_url"] = AwsRefused("no", code="AWS.SimpleQueueService.NonExistentQueue")
    with pytest.raises(AwsRefused, match="there is no queue") as refused:
        list(followed(collector_of(ecs), 2))
    assert "deploy/aws/events.yaml" in refused.value.advice


STATES = (
    ("PENDING", "RUNNING", "PENDING"),
    ("RUNNING", "RUNNING", "RUNNING"),
    ("DEACTIVATING", "STOPPED", "RUNNING"),
    ("STOPPED", "STOPPED", "STOPPED"),
)
"""What a task is, what it is to be, and what its container is, one after the other."""

MOVES = st.lists(st.tuples(st.sampled_from("abcd"), st.booleans(), st.integers(0, 3)), max_size=24)
"""Which task goes on, whether its event comes twice, and how many events are delivered then."""


@given(MOVES, st.randoms(use_true_random=False))
def test_whatever_the_order_of_events_what_is_told_is_what_runs(
    moves: list[tuple[str, bool, int]], chance: random.Random
) -> None:
    """Each event is delivered once or more, in any order, while tasks go on."""
    ecs, stop = account(), threading.Event()
    left, waiting = list(moves), list[bytes]()

    def feed() -> None:
        if not left and not waiting:
            stop.set()
        count = len(waiting)
        if left:
            name, is_double, count = left.pop(0)
            waiting.extend([_moved(ecs, name)] * (1 + is_double))
        for _ in range(min(count, len(waiting))):
            ecs.queue.append(waiting.pop(chance.randrange(len(waiting))))

    ecs.feed = feed
    told: dict[str, RunningContainer] = {}
    for report in collector_of(ecs).follow(stop):
        if isinstance(report, Changes):
            for ended in report.ended:
                told.pop(ended.id, None)
        told.update((found.id, found) for found in report.running)
    assert ecs.queue == []
    running = {task.id for task in ecs.tasks.values() if task.containers[0]["lastStatus"] == "RUNNING"}
    # Whether a task that is to stop was told before depends on the order; it is not known as started any more.
    stopping = {task.id for task in ecs.tasks.values() if task.desired == "STOPPED"}
    assert running - stopping <= {id.split("/")[2] for id in told} <= running


def _moved(ecs: FakeEcs, name: str) -> bytes:
    """Move a task to its next state; the event of that."""
    task = ecs.tasks.get(FakeTask(name).arn) or ecs.add(FakeTask(name, version=0))
    task.state, task.desired, status = STATES[min(task.version, len(STATES) - 1)]
    task.containers = [container("web", status)]
    task.version += 1
    return task.event()


NAMES = st.sampled_from(["detail", "source", "detail-type", "account", "x"])
DOCUMENTS = st.recursive(
    st.none() | st.integers() | st.text(max_size=8),
    lambda value: st.lists(value, max_size=3) | st.dictionaries(NAMES, value, max_size=4),
)


@given(st.binary(max_size=400) | DOCUMENTS.map(lambda document: json.dumps(document).encode()))
def test_whatever_a_message_holds_it_is_an_event_or_refused(body: bytes) -> None:
    with suppress(HullmarkError):
        assert parse_event(body) is None


@given(st.sampled_from(["taskArn", "clusterArn", "taskDefinitionArn"]), st.text(max_size=30))
def test_an_event_with_a_name_that_is_not_valid_is_refused(field: str, text: str) -> None:
    event = json.loads(FakeTask("1").event())
    event["detail"][field] = text
    with pytest.raises(HullmarkError):
        parse_event(json.dumps(event).encode())


def test_an_event_is_read_with_times_and_containers() -> None:
    change = parse_event(FakeTask("1", version=7, containers=[container("web", image=f"{ECR}:1")]).event())
    assert change is not None
    assert change.at == BEGIN + timedelta(seconds=7)
    assert (change.task.started_at, change.task.containers[0].image_digest) == (BEGIN, DIGEST)


SHAPES: dict[str, type[msgspec.Struct]] = {
    "Task": answers.Task,
    "Container": answers.TaskContainer,
    "Attribute": answers.TaskAttribute,
    "Tag": answers.Tag,
    "Failure": answers.Failure,
    "Service": answers.Service,
    "DescribeTasksResponse": answers.TasksAnswer,
    "DescribeServicesResponse": answers.ServicesAnswer,
}
TYPES = {"string": "str", "timestamp": "datetime", "long": "int", "integer": "int", "list": "list"}


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_what_is_read_is_what_amazons_own_model_of_the_api_has(name: str) -> None:
    """botocore brings the model from which Amazon makes its clients."""
    model = botocore.session.get_session().get_service_model("ecs").shape_for(name)
    for field in msgspec.structs.fields(SHAPES[name]):
        member = model.members[field.encode_name]
        assert TYPES[member.type_name] in str(field.type), field.encode_name


def test_an_arn_of_other_partitions_is_read() -> None:
    found = parse_arn("arn:aws-us-gov:ecs:us-gov-west-1:111122223333:cluster/main")
    assert (found.region, found.account, found.name) == ("us-gov-west-1", "111122223333", "main")
    with pytest.raises(HullmarkError, match="not a valid ARN"):
        parse_arn("arn:aws:s3:::bucket")
