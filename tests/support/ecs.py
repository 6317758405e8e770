"""A small ECS in memory: tasks whose states follow one another, as its API answers of them and as EventBridge tells of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from hullmark.net.aws import AwsClient, AwsRefused, AwsSession, AwsSettings

ACCOUNT, REGION = "111122223333", "us-west-2"
BEGIN = datetime(2026, 3, 1, 9, tzinfo=UTC)
DIGEST = "sha256:" + "74" * 32


def arn(resource: str, service: str = "ecs", account: str = ACCOUNT) -> str:
    """A resource's name in the account and region of these tests."""
    return f"arn:aws:{service}:{REGION}:{account}:{resource}"


def container(name: str, status: str = "RUNNING", image: str = "", digest: str | None = DIGEST) -> dict[str, Any]:
    """A container as DescribeTasks has it."""
    told = {"imageDigest": digest} if digest else {}
    return {"name": name, "lastStatus": status, "image": image or f"example.org/{name}:1", **told}


@dataclass
class FakeTask:
    """One task. `state` is its lastStatus; its containers have statuses of their own."""

    id: str
    containers: list[dict[str, Any]] = field(default_factory=lambda: [container("web")])
    group: str = "service:web"
    cluster: str = "main"
    definition: str = "web:1"
    launch: str = "FARGATE"
    state: str = "RUNNING"
    desired: str = "RUNNING"
    version: int = 1
    tags: dict[str, str] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        """Its name."""
        return arn(f"task/{self.cluster}/{self.id}")

    def described(self) -> dict[str, Any]:
        """As DescribeTasks has it, with times as boto3 gives them."""
        return {
            "taskArn": self.arn,
            "clusterArn": arn(f"cluster/{self.cluster}"),
            "taskDefinitionArn": arn(f"task-definition/{self.definition}"),
            "group": self.group,
            "launchType": self.launch,
            "lastStatus": self.state,
            "desiredStatus": self.desired,
            "version": self.version,
            "startedAt": BEGIN,
            "tags": [{"key": key, "value": value} for key, value in self.tags.items()],
            "containers": [dict(one) for one in self.containers],
            **self.more,
        }

    def event(self) -> bytes:
        """As EventBridge tells it: times as text, no digests of registries that are not ECR, no tags."""
        detail = self.described()
        del detail["tags"]
        for one in detail["containers"]:
            if ".dkr.ecr." not in one["image"]:
                one.pop("imageDigest", None)
        at = BEGIN + timedelta(seconds=self.version)
        event = {
            "version": "0",
            "id": f"{self.id}-{self.version}",
            "detail-type": "ECS Task State Change",
            "source": "aws.ecs",
            "account": ACCOUNT,
            "time": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": REGION,
            "resources": [self.arn],
            "detail": detail,
        }
        return json.dumps(event, default=lambda moment: moment.isoformat().replace("+00:00", "Z")).encode()


@dataclass
class FakeEcs:
    """The account. `queue` are messages that wait, `taken` those that were deleted, `calls` what was asked, `failing` what fails once.

    `feed` is called whenever the queue is asked, and may put messages there.
    """

    tasks: dict[str, FakeTask] = field(default_factory=dict)
    definitions: dict[str, dict[str, Any]] = field(default_factory=dict)
    services: dict[str, dict[str, str]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    queue: list[bytes] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    failing: dict[str, Exception] = field(default_factory=dict)
    feed: Callable[[], None] = lambda: None

    def add(self, task: FakeTask) -> FakeTask:
        """Another task."""
        self.tasks[task.arn] = task
        return task

    def answer(self, operation: str, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer to an operation."""
        self.calls.append(operation)
        if operation in self.failing:
            raise self.failing.pop(operation)
        found: Mapping[str, Any] = getattr(self, f"_{operation}")(asked)
        return found

    def _get_caller_identity(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"Account": ACCOUNT}

    def _list_clusters(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"clusterArns": sorted({arn(f"cluster/{task.cluster}") for task in self.tasks.values()})}

    def _list_tasks(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        named = [
            task.arn for task in self.tasks.values() if task.cluster == asked["cluster"] and task.desired == "RUNNING"
        ]
        first = int(asked.get("nextToken", 0))
        more = {"nextToken": str(first + 100)} if first + 100 < len(named) else {}
        return {"taskArns": named[first : first + 100], **more}

    def _describe_tasks(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        assert 0 < len(asked["tasks"]) <= 100
        assert asked["include"] == ["TAGS"]
        missing = [name for name in asked["tasks"] if name not in self.tasks]
        return {
            "tasks": [self.tasks[name].described() for name in asked["tasks"] if name in self.tasks],
            "failures": [{"arn": name, "reason": "MISSING"} for name in missing],
        }

    def _describe_services(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        assert 0 < len(asked["services"]) <= 10
        return {
            "services": [
                {
                    "serviceName": name,
                    "tags": [{"key": key, "value": value} for key, value in self.services[name].items()],
                }
                for name in asked["services"]
                if name in self.services
            ]
        }

    def _describe_task_definition(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        name = asked["taskDefinition"].rpartition("/")[2]
        if name not in self.definitions:
            raise AwsRefused("Unable to describe task definition.", code="ClientException")
        return {"taskDefinition": self.definitions[name]}

    def _batch_get_image(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        tag = f"{asked['registryId']}/{asked['repositoryName']}:{asked['imageIds'][0]['imageTag']}"
        return {"images": [{"imageId": {"imageDigest": self.tags[tag]}}] if tag in self.tags else []}

    def _get_queue_url(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"QueueUrl": f"https://sqs.example/{asked['QueueName']}"}

    def _receive_message(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        self.feed()
        some = self.queue[: asked["MaxNumberOfMessages"]]
        return {"Messages": [{"Body": body.decode(), "ReceiptHandle": body.decode()} for body in some]}

    def _delete_message_batch(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        for entry in asked["Entries"]:
            self.taken.append(entry["ReceiptHandle"])
            if (body := entry["ReceiptHandle"].encode()) in self.queue:
                self.queue.remove(body)
        return {}


class FakeSession(AwsSession):
    """Gives clients of the fake, whatever the service."""

    def __init__(self, ecs: FakeEcs) -> None:
        super().__init__(AwsSettings())
        self.ecs = ecs

    def client(self, service: str, region: str = "") -> AwsClient:
        """A client."""
        return FakeClient(self.ecs)


class FakeClient(AwsClient):
    """Asks the fake."""

    def __init__(self, ecs: FakeEcs) -> None:
        self.ecs = ecs

    def call(self, operation: str, **parameters: Any) -> Mapping[str, Any]:
        """Ask."""
        return self.ecs.answer(operation, parameters)
