"""What is asked of Amazon: clusters, tasks, services, task definitions, the digest of a tag in ECR, and the queue of events.

Lists come 100 a page, details for at most 100 tasks and 10 services at once, as the API documents.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import msgspec

from hullmark.model.digest import is_digest
from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.model.reference import Reference, parse_reference
from hullmark.net.aws import AwsClient, AwsRefused, AwsSession
from hullmark.net.ecr import ecr_registry
from hullmark.places.runtime.ecs.answers import (
    Arn,
    ServicesAnswer,
    Task,
    TasksAnswer,
    check_task,
    decode_answer,
    parse_arn,
)

_PAGE = 100
_SERVICES_AT_ONCE = 10
_MESSAGES_AT_ONCE = 10
_MOST_PAGES = Limit(10_000, "pages of one list of ECS, of 100 each", "refused")
MESSAGE_BYTES = Limit(1 << 20, "bytes of one message of the queue of events", "refused")
_MANIFESTS = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
]


class Message(msgspec.Struct, frozen=True):
    """A message of the queue, and what it is deleted by."""

    body: bytes
    receipt: str


_LONGEST_REASON = Limit(255, "characters of the reason why a task of ECS is stopped", "shortened")
"""StopTask takes no longer one."""


class EcsApi:
    """One account's ECS in one region, as one identity sees it."""

    def __init__(self, session: AwsSession, region: str) -> None:
        self._session = session
        self.region = region
        self._ecs = session.client("ecs", region)
        self._sqs: AwsClient | None = None
        self._ecr: dict[str, AwsClient] = {}

    def account(self) -> str:
        """The account's number."""
        return str(self._session.client("sts", self.region).call("get_caller_identity")["Account"])

    def clusters(self) -> Iterator[Arn]:
        """All clusters."""
        return map(parse_arn, self._pages("list_clusters", "clusterArns"))

    def tasks(self, cluster: str) -> Iterator[list[Task]]:
        """The tasks that should run in a cluster, by its name, with their tags; at most 100 at a time."""
        arns = self._pages("list_tasks", "taskArns", cluster=cluster, desiredStatus="RUNNING")
        while some := list(islice(arns, _PAGE)):
            yield self.described(cluster, some)

    def described(self, cluster: str, arns: Sequence[str]) -> list[Task]:
        """These tasks (at most 100) but for those that are gone."""
        answer = decode_answer(
            self._ecs.call("describe_tasks", cluster=cluster, tasks=list(arns), include=["TAGS"]), TasksAnswer
        )
        if reasons := {str(failure.reason)[:100] for failure in answer.failures} - {"MISSING"}:
            raise HullmarkError(
                f"ECS does not tell of all tasks: {', '.join(sorted(reasons))}", advice="try again later"
            )
        for task in answer.tasks:
            check_task(task)
        return answer.tasks

    def stop(self, cluster: str, task: str, reason: str) -> None:
        """Stop a task, by the names of both; the reason stands with it in the console."""
        self._ecs.call("stop_task", cluster=cluster, task=task, reason=reason[:_LONGEST_REASON])

    def service_tags(self, cluster: str, names: Sequence[str]) -> dict[str, dict[str, str]]:
        """The tags of these services, by name."""
        found: dict[str, dict[str, str]] = {}
        for first in range(0, len(names), _SERVICES_AT_ONCE):
            some = list(names[first : first + _SERVICES_AT_ONCE])
            answer = self._ecs.call("describe_services", cluster=cluster, services=some, include=["TAGS"])
            for service in decode_answer(answer, ServicesAnswer).services:
                found[service.service_name] = {tag.key: tag.value for tag in service.tags if tag.key}
        return found

    def definition(self, arn: str) -> Mapping[str, Any] | None:
        """A revision of a task definition, as the API has it; None for one that was deleted."""
        try:
            answer = self._ecs.call("describe_task_definition", taskDefinition=arn)
        except AwsRefused as error:
            if error.code in ("ClientException", "InvalidParameterException"):
                return None
            raise
        found = answer.get("taskDefinition")
        return found if isinstance(found, Mapping) else None

    def digest_of_tag(self, reference: str) -> str:
        """The digest that a tag in ECR names now; "" for another registry, for what is not there, and for what may not be read."""
        named = _parse_name(reference)
        registry = ecr_registry(named.host) if named is not None else None
        if named is None or registry is None:
            return ""
        if registry.region not in self._ecr:
            self._ecr[registry.region] = self._session.client("ecr", registry.region)
        try:
            answer = self._ecr[registry.region].call(
                "batch_get_image",
                registryId=registry.account,
                repositoryName=named.repository,
                imageIds=[{"imageTag": named.version}],
                acceptedMediaTypes=_MANIFESTS,
            )
        except AwsRefused:
            return ""
        digests = [str(image.get("imageId", {}).get("imageDigest", "")) for image in answer.get("images", ())]
        return next((digest for digest in digests if is_digest(digest)), "")

    def queue_url(self, name: str) -> str:
        """The address of the queue of events. Raises AwsRefused where there is none."""
        try:
            return str(self._queue().call("get_queue_url", QueueName=name)["QueueUrl"])
        except AwsRefused as error:
            if "NonExistentQueue" in error.code or "QueueDoesNotExist" in error.code:
                raise AwsRefused(
                    f"there is no queue {name[:100]!r} in {self.region}",
                    advice="deploy deploy/aws/events.yaml there, or follow without a queue: --queue ''",
                    code=error.code,
                ) from error
            raise

    def received(self, url: str, seconds: int) -> list[Message]:
        """At most 10 messages of the queue, once there are any; none after `seconds` (at most 20)."""
        answer = self._queue().call(
            "receive_message", QueueUrl=url, MaxNumberOfMessages=_MESSAGES_AT_ONCE, WaitTimeSeconds=seconds
        )
        return [
            Message(str(message.get("Body", "")).encode("utf-8", "replace"), str(message["ReceiptHandle"]))
            for message in answer.get("Messages", ())
        ]

    def delete(self, url: str, messages: Sequence[Message]) -> None:
        """Take messages (at most 10) off the queue. One that cannot be taken off comes again."""
        entries = [{"Id": str(number), "ReceiptHandle": message.receipt} for number, message in enumerate(messages)]
        if entries:
            self._queue().call("delete_message_batch", QueueUrl=url, Entries=entries)

    def _queue(self) -> AwsClient:
        if self._sqs is None:
            self._sqs = self._session.client("sqs", self.region)
        return self._sqs

    def _pages(self, operation: str, field: str, **parameters: str) -> Iterator[str]:
        token: str | None = None
        for _ in range(_MOST_PAGES):
            more = {"nextToken": token} if token else {}
            answer = self._ecs.call(operation, maxResults=_PAGE, **parameters, **more)
            yield from map(str, answer.get(field, ()))
            before, token = token, answer.get("nextToken")
            if not token:
                return
            if token == before:
                break
        raise HullmarkError(f"ECS lists without end ({operation})", advice="report it to Amazon")


def _parse_name(reference: str) -> Reference | None:
    try:
        return parse_reference(reference)
    except HullmarkError:
        return None
