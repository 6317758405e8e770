"""Amazon ECS by boto3 against moto, behind a proxy of ours that adds what moto leaves out (tests/support/aws.py).

moto is not Amazon: that Amazon pages, throttles and tells of events as it documents it is not shown here.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hullmark.model.place import RunningContainer
from hullmark.net.aws import AwsRefused, AwsSession, AwsSettings, AwsUnwell
from hullmark.places.runtime.collector import Changes, Listing
from hullmark.places.runtime.ecs.collector import QUEUE, EcsCollector, FollowSettings
from tests.support.aws import STARTED, FakeAmazon, digest_of, fake_amazon
from tests.support.program import program_in

pytestmark = [
    pytest.mark.slow,
    # Only the queue's policy is not made there.
    pytest.mark.filterwarnings("ignore:Tried to parse AWS..SQS..QueuePolicy"),
]

REGION = "eu-west-1"
OWN, OTHER = "123456789012", "444455556666"
DEPLOY = Path(__file__).parents[2] / "deploy" / "aws"
WEB, PROXY = "example.org/shop/web:1", f"{OWN}.dkr.ecr.{REGION}.amazonaws.com/shop/proxy:7"
_NAMES = {"DeleteMessageBatch": "DeleteMessage"}
"""Operations that are allowed by the action of another name (docs of Amazon SQS)."""


@pytest.fixture(scope="module")
def server() -> Iterator[FakeAmazon]:
    with fake_amazon() as amazon:
        yield amazon


@pytest.fixture
def amazon(server: FakeAmazon, monkeypatch: pytest.MonkeyPatch) -> FakeAmazon:
    """An Amazon without anything in it, and the environment of somebody who may ask it."""
    server.forget()
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "agent")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return server


def collector_of(amazon: FakeAmazon, settings: FollowSettings | None = None, **aws: Any) -> EcsCollector:
    """A collector that asks through the proxy."""
    session = AwsSession(AwsSettings(**{"endpoint": amazon.url, "sleep": lambda _: None, "attempts": 1, **aws}))
    return EcsCollector(session, REGION, settings or FollowSettings(wait=1))


def defined(ecs: Any, family: str = "web", **more: Any) -> str:
    """Register a revision with two containers; its ARN."""
    web = {"name": "web", "image": WEB, "memory": 128, "readonlyRootFilesystem": True, "user": "1000"}
    proxy = {"name": "proxy", "image": PROXY, "memory": 64}
    answer = ecs.register_task_definition(family=family, **{"containerDefinitions": [web, proxy], **more})
    return str(answer["taskDefinition"]["taskDefinitionArn"])


def started(ecs: Any, cluster: str, definition: str, count: int = 1, **more: Any) -> list[str]:
    """Run tasks, at most ten at once as the API allows; their ARNs."""
    found: list[str] = []
    while len(found) < count:
        some = min(10, count - len(found))
        ran = ecs.run_task(cluster=cluster, taskDefinition=definition, count=some, launchType="FARGATE", **more)
        found += [task["taskArn"] for task in ran["tasks"]]
    return found


def event_of(amazon: FakeAmazon, cluster: str, arn: str, version: int) -> str:
    """The event that a task's state makes, in the form that Amazon documents: what DescribeTasks tells, with times as text."""
    amazon.versions[arn] = version
    (task,) = amazon.told(amazon.client("ecs", REGION).describe_tasks(cluster=cluster, tasks=[arn])["tasks"])
    moment = datetime.fromtimestamp(STARTED, UTC) + timedelta(seconds=version)
    return json.dumps(
        {
            "version": "0",
            "id": f"3317b2af-7005-947d-b652-{version:012}",
            "detail-type": "ECS Task State Change",
            "source": "aws.ecs",
            "account": arn.split(":")[4],
            "time": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": REGION,
            "resources": [arn],
            "detail": task,
        },
        default=lambda value: value.isoformat(),
    )


def test_all_pages_of_all_clusters_are_listed(amazon: FakeAmazon) -> None:
    ecs = amazon.client("ecs", REGION)
    arns = []
    for cluster, count in (("one", 230), ("two", 3)):
        ecs.create_cluster(clusterName=cluster)
        arns += started(
            ecs, cluster, defined(ecs), count, group="service:shop", tags=[{"key": "team", "value": "shop"}]
        )
    found = list(collector_of(amazon).containers())
    assert len(found) == 2 * len(arns)
    assert {container.id.split("/")[2] for container in found} == {arn.rpartition("/")[2] for arn in arns}
    web = next(container for container in found if container.place.container == "web")
    assert (web.image.reference, web.image.digest, web.labels) == (WEB, digest_of(WEB), {"team": "shop"})
    assert (web.place.workload, web.place.namespace) == ("Service/shop", f"{OWN}/{REGION}")
    assert (web.isolation.boundary, web.isolation.read_only_root, web.isolation.user) == ("vm", True, "1000")
    assert web.since == datetime.fromtimestamp(STARTED, UTC)
    assert max(amazon.sizes) == 100
    assert amazon.operations("ecs").count("ListTasks") == 4


def test_each_task_has_the_revision_that_it_was_started_with(amazon: FakeAmazon) -> None:
    ecs = amazon.client("ecs", REGION)
    ecs.create_cluster(clusterName="one")
    old = defined(ecs)
    started(ecs, "one", old, 3)
    one = [
        {
            "name": "web",
            "image": "example.org/shop/web:2",
            "memory": 128,
            "linuxParameters": {"capabilities": {"drop": ["ALL"]}},
        }
    ]
    started(ecs, "one", defined(ecs, containerDefinitions=one), 3)
    ecs.deregister_task_definition(taskDefinition=old)
    found = list(collector_of(amazon).containers())
    dropped = {(container.image.reference, container.isolation.capabilities_dropped) for container in found}
    assert dropped == {(WEB, ()), (PROXY, ()), ("example.org/shop/web:2", ("ALL",))}
    assert amazon.operations("ecs").count("DescribeTaskDefinition") == 2


def test_throttling_is_waited_for_and_nothing_is_lost(amazon: FakeAmazon) -> None:
    ecs = amazon.client("ecs", REGION)
    ecs.create_cluster(clusterName="one")
    started(ecs, "one", defined(ecs), 120)
    amazon.throttled.update({"ListClusters": 2, "ListTasks": 3, "DescribeTasks": 3, "DescribeTaskDefinition": 1})
    naps: list[float] = []
    assert len(list(collector_of(amazon, sleep=naps.append).containers())) == 240
    assert sum(amazon.throttled.values()) == 0
    assert naps == [0.5, 1.0, *([0.5, 1.0, 2.0] * 2), 0.5]


def test_boto3s_own_retries_come_first(amazon: FakeAmazon) -> None:
    amazon.client("ecs", REGION).create_cluster(clusterName="one")
    amazon.throttled["ListClusters"] = 1
    naps: list[float] = []
    assert list(collector_of(amazon, attempts=2, sleep=naps.append).containers()) == []
    assert naps == []


def test_throttling_without_end_is_told(amazon: FakeAmazon) -> None:
    amazon.throttled["ListClusters"] = 1000
    with pytest.raises(AwsUnwell, match="Rate exceeded"):
        list(collector_of(amazon, patience=3).containers())


def test_what_is_not_allowed_is_told(amazon: FakeAmazon) -> None:
    amazon.denied.add("ListClusters")
    with pytest.raises(AwsRefused, match="not authorized to perform: ecs:ListClusters"):
        list(collector_of(amazon).containers())
    amazon.denied.clear()


def test_several_accounts_are_asked_by_roles_that_are_assumed(amazon: FakeAmazon) -> None:
    names = {}
    for account in (OWN, OTHER):
        role = f"arn:aws:iam::{account}:role/hullmark"
        given = amazon.client("sts", REGION).assume_role(RoleArn=role, RoleSessionName="operator")["Credentials"]
        keys = {"aws_access_key_id": given["AccessKeyId"], "aws_secret_access_key": given["SecretAccessKey"]}
        ecs = amazon.client("ecs", REGION, aws_session_token=given["SessionToken"], **keys)
        ecs.create_cluster(clusterName="default")
        started(ecs, "default", defined(ecs, f"family-{account}"))
        amazon.log.clear()
        collector = collector_of(amazon, role=role, external_id="shared")
        names[collector.name] = {container.place.workload for container in collector.containers()}
        assert amazon.operations("sts") == ["AssumeRole", "GetCallerIdentity"]
        assert amazon.external_ids == ["shared"]
        amazon.external_ids.clear()
    assert names == {f"{account}/{REGION}": {f"Task/family-{account}"} for account in (OWN, OTHER)}


def test_a_digest_that_an_old_agent_does_not_tell_is_inferred_from_ecr(amazon: FakeAmazon) -> None:
    ecr, ecs = amazon.client("ecr", REGION), amazon.client("ecs", REGION)
    ecr.create_repository(repositoryName="shop/proxy")
    manifest = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": []})
    image = ecr.put_image(repositoryName="shop/proxy", imageManifest=manifest, imageTag="7")["image"]
    ecs.create_cluster(clusterName="one")
    started(ecs, "one", defined(ecs))
    amazon.untold = {WEB, PROXY}
    found = {container.place.container: container.image for container in collector_of(amazon).containers()}
    assert (found["proxy"].digest, found["proxy"].is_inferred) == (image["imageId"]["imageDigest"], True)
    assert (found["web"].digest, found["web"].is_inferred) == ("", False)


def test_events_in_the_queue_of_the_template_tell_what_changes(amazon: FakeAmazon) -> None:
    """Each twice, the old ones last; what is told ends as what runs, and the queue ends empty."""
    ecs, queue = deployed(amazon)
    ecs.create_cluster(clusterName="one")
    definition = defined(ecs)
    first = started(ecs, "one", definition, 5)
    told: dict[str, RunningContainer] = {}
    stop = threading.Event()
    messages: list[str] = []
    new: list[str] = []
    for number, report in enumerate(collector_of(amazon).follow(stop)):
        if isinstance(report, Changes):
            for ended in report.ended:
                told.pop(ended.id, None)  # what ended at once was never told as running
        told.update((container.id, container) for container in report.running)
        if number == 0:
            assert isinstance(report, Listing)
            assert len(told) == 10
            new = started(ecs, "one", definition, 20)
            messages += [event_of(amazon, "one", arn, 2) for arn in new]
            for arn in (*first[:3], *new[:10]):
                ecs.stop_task(cluster="one", task=arn)
                messages.append(event_of(amazon, "one", arn, 5))
            for message in (*messages, *reversed(messages), "not an event"):
                queue.send(message)
        elif isinstance(report, Changes) and report.events:
            stop.set()
    running = {arn.rpartition("/")[2] for arn in (*first[3:], *new[10:])}
    assert {id.split("/")[2] for id in told} == running
    assert all(container.image.digest == digest_of(container.image.reference) for container in told.values())
    assert queue.length() == 0


def test_the_rule_of_the_template_takes_events_of_tasks_alone(amazon: FakeAmazon) -> None:
    ecs, queue = deployed(amazon)
    ecs.create_cluster(clusterName="one")
    (arn,) = started(ecs, "one", defined(ecs))
    event = json.loads(event_of(amazon, "one", arn, 2))
    bus = amazon.client("events", REGION)
    for kind in ("ECS Task State Change", "ECS Service Action"):
        bus.put_events(
            Entries=[
                {"Source": "aws.ecs", "DetailType": kind, "Detail": json.dumps(event["detail"]), "Resources": [arn]}
            ]
        )
    # moto leaves out the account, so that this is no event that would be believed.
    (message,) = (json.loads(body) for body in queue.bodies())
    assert (message["detail-type"], message["detail"]["taskArn"]) == ("ECS Task State Change", arn)


def test_the_policy_allows_what_is_asked_and_no_more(amazon: FakeAmazon) -> None:
    ecs, queue = deployed(amazon)
    ecs.create_cluster(clusterName="one")
    (arn,) = started(ecs, "one", defined(ecs), group="service:shop")
    amazon.untold = {PROXY}
    amazon.log.clear()
    stop = threading.Event()
    for report in collector_of(amazon).follow(stop):
        list(report.running)
        if isinstance(report, Listing):
            queue.send(event_of(amazon, "one", arn, 2))
        else:
            stop.set()
    asked = {f"{service}:{_NAMES.get(name, name)}" for service, _, name in amazon.log} - {"sts:GetCallerIdentity"}
    statements = json.loads((DEPLOY / "policy.json").read_text())["Statement"]
    listed = [statement["Action"] for statement in statements]
    allowed = {action for some in listed for action in ([some] if isinstance(some, str) else some)}
    assert asked == allowed
    # The role of the template is allowed the same.
    template = (DEPLOY / "events.yaml").read_text()
    assert set(re.findall(r"\b(?:ecs|ecr|sqs):[A-Z]\w+", template)) == allowed | {"sqs:SendMessage"}


def test_the_command_lists_several_accounts_with_grades(amazon: FakeAmazon, tmp_path: Path) -> None:
    ecs = amazon.client("ecs", REGION)
    ecs.create_cluster(clusterName="one")
    started(ecs, "one", defined(ecs), group="service:shop")
    variables = {
        "AWS_ENDPOINT_URL": amazon.url,
        "AWS_ACCESS_KEY_ID": "agent",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": REGION,
    }
    roles = [word for account in (OWN, OTHER) for word in ("--role", f"arn:aws:iam::{account}:role/hullmark")]
    ran = program_in(tmp_path)("inventory", "ecs", *roles, "-o", "json", env=variables)
    found = {
        (one["place"]["namespace"], one["place"]["workload"], one["place"]["container"], one["grade"]["grade"])
        for one in ran.document["containers"]
    }
    assert found == {
        (f"{OWN}/{REGION}", "Service/shop", "web", "vm"),
        (f"{OWN}/{REGION}", "Service/shop", "proxy", "vm"),
    }


class Queue:
    """The queue of the template, as an operator sees it."""

    def __init__(self, sqs: Any) -> None:
        self._sqs = sqs
        self._url = sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]

    def send(self, body: str) -> None:
        """Put a message there."""
        self._sqs.send_message(QueueUrl=self._url, MessageBody=body)

    def bodies(self) -> list[str]:
        """The first messages."""
        found = self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10)
        return [str(message["Body"]) for message in found["Messages"]]

    def length(self) -> int:
        """Messages that wait, or are being read."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)


def deployed(amazon: FakeAmazon) -> tuple[Any, Queue]:
    """Deploy the template; a client of ECS, and the queue."""
    formation = amazon.client("cloudformation", REGION)
    formation.create_stack(
        StackName="hullmark-ecs",
        TemplateBody=(DEPLOY / "events.yaml").read_text(),
        Capabilities=["CAPABILITY_IAM"],
        Parameters=[
            {"ParameterKey": "Agent", "ParameterValue": f"arn:aws:iam::{OTHER}:role/agent"},
            {"ParameterKey": "ExternalId", "ParameterValue": "shared"},
        ],
    )
    (stack,) = formation.describe_stacks(StackName="hullmark-ecs")["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert {output["OutputKey"] for output in stack["Outputs"]} == {"Queue", "Role"}
    return amazon.client("ecs", REGION), Queue(amazon.client("sqs", REGION))
