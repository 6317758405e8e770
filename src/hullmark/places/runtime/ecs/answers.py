"""What ECS says of tasks, in answers (API_Task) and in events: the same shape, decoded once.

Fields that are not named here are passed over: Amazon adds some. A value of another type than is documented is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit

MOST_CONTAINERS = Limit(200, "containers of one task of ECS", "refused")
_MOST_TAGS = Limit(200, "tags of one task or service of ECS", "refused")
_ARN = re.compile(r"arn:[a-z0-9-]{1,20}:([a-z0-9-]{1,40}):([a-z0-9-]{1,40}):([0-9]{12}):([^\s]{1,600})").fullmatch

T = TypeVar("T")


class Arn(msgspec.Struct, frozen=True):
    """An Amazon resource name, apart: `resource` is all behind the account, `cluster/web`."""

    service: str
    region: str
    account: str
    resource: str

    @property
    def name(self) -> str:
        """The last part of the resource."""
        return self.resource.rpartition("/")[2]


def parse_arn(text: str) -> Arn:
    """Raises HullmarkError for what is not the ARN of something in a region and an account."""
    found = _ARN(text)
    if found is None:
        raise HullmarkError(f"{text[:100]!r} is not a valid ARN", advice="give it as Amazon shows it")
    return Arn(*found.groups())


class Tag(msgspec.Struct, frozen=True):
    """A label of Amazon's."""

    key: str = ""
    value: str = ""


class TaskAttribute(msgspec.Struct, frozen=True):
    """What ECS says of the machine, as `ecs.cpu-architecture`."""

    name: str = ""
    value: str | None = None


class TaskContainer(msgspec.Struct, frozen=True, rename="camel"):
    """A container of a task. `image_digest` None: the agent on its machine is too old to tell (before 1.70.0), or the event omits it."""

    name: str
    container_arn: str | None = None
    image: str | None = None
    image_digest: str | None = None
    last_status: str | None = None


class Task(msgspec.Struct, frozen=True, rename="camel"):
    """A task. `version` grows with each change of it; times are UTC."""

    task_arn: str
    cluster_arn: str
    task_definition_arn: str
    version: int = 0
    last_status: str = ""
    desired_status: str = ""
    launch_type: str | None = None
    capacity_provider_name: str | None = None
    container_instance_arn: str | None = None
    group: str | None = None
    created_at: datetime | None = None
    started_at: datetime | None = None
    stopped_at: datetime | None = None
    execution_stopped_at: datetime | None = None
    attributes: list[TaskAttribute] = []
    tags: list[Tag] = []
    containers: list[TaskContainer] = []

    @property
    def launch(self) -> str:
        """FARGATE, EC2, EXTERNAL …; "" where neither the launch type nor the capacity provider tells."""
        if self.launch_type:
            return self.launch_type
        return "FARGATE" if self.capacity_provider_name in ("FARGATE", "FARGATE_SPOT") else ""


class Failure(msgspec.Struct, frozen=True):
    """Something that an answer says nothing about, and why."""

    arn: str | None = None
    reason: str | None = None


class TasksAnswer(msgspec.Struct, frozen=True):
    """DescribeTasks."""

    tasks: list[Task] = []
    failures: list[Failure] = []


class Service(msgspec.Struct, frozen=True, rename="camel"):
    """A service, for its tags."""

    service_name: str
    tags: list[Tag] = []


class ServicesAnswer(msgspec.Struct, frozen=True):
    """DescribeServices."""

    services: list[Service] = []


class TaskEvent(msgspec.Struct, frozen=True):
    """A task's change of state, as EventBridge sends it. `detail` is decoded where the event is of a task."""

    detail_type: str = msgspec.field(name="detail-type", default="")
    source: str = ""
    account: str = ""
    region: str = ""
    time: datetime | None = None
    detail: msgspec.Raw = msgspec.Raw()


class TaskChange(msgspec.Struct, frozen=True):
    """A task's state, and when an event told it."""

    task: Task
    at: datetime


def decode_answer(answer: Mapping[str, Any], shape: type[T]) -> T:
    """An answer of ECS as a struct. Raises HullmarkError for one of another shape."""
    try:
        return msgspec.convert(answer, shape, strict=False)
    except (msgspec.ValidationError, RecursionError) as error:
        raise HullmarkError(
            f"ECS answered what is not documented: {error}", advice="update hullmark, or report it"
        ) from error


def parse_event(body: bytes) -> TaskChange | None:
    """The change that a message of the queue tells; None for an event of something else.

    Raises HullmarkError for what is not an event, or whose parts contradict each other.
    """
    try:
        event = msgspec.json.decode(body, type=TaskEvent)
        if event.source != "aws.ecs" or event.detail_type != "ECS Task State Change":
            return None
        task = msgspec.json.decode(event.detail, type=Task)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise HullmarkError(f"a message of the queue is not an event of ECS: {error}") from error
    check_task(task)
    arn = parse_arn(task.task_arn)
    if (arn.account, arn.region) != (event.account, event.region):
        raise HullmarkError("an event tells of a task of another account or region than its own")
    if event.time is None:
        raise HullmarkError("an event of ECS does not tell its time")
    return TaskChange(task, utc(event.time))


def check_task(task: Task) -> None:
    """Raises HullmarkError for a task that is larger than any, or whose names are not valid."""
    if len(task.containers) > MOST_CONTAINERS or len(task.tags) > _MOST_TAGS:
        raise HullmarkError(f"a task of ECS has more than {MOST_CONTAINERS} containers, or than {_MOST_TAGS} tags")
    arns = (parse_arn(task.task_arn), parse_arn(task.cluster_arn), parse_arn(task.task_definition_arn))
    if len({(arn.account, arn.region) for arn in arns[:2]}) != 1 or any(arn.service != "ecs" for arn in arns):
        raise HullmarkError("a task of ECS names a cluster elsewhere")


def utc(moment: datetime) -> datetime:
    """The moment in UTC; without a zone it is taken as UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
