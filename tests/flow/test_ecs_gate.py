"""`hullmark admit ecs` against moto: what runs and may not is found, and stopped where that is wanted."""

from __future__ import annotations

from pathlib import Path

import pytest

from hullmark.model.admission import AdmissibleImage
from hullmark.model.verdict import Outcome
from tests.flow import test_ecs
from tests.flow.test_ecs import REGION, WEB, defined, started
from tests.support.aws import FakeAmazon, digest_of
from tests.support.gated_docker import judged, keep_verdicts
from tests.support.program import program_in

pytestmark = pytest.mark.slow

server, amazon = test_ecs.server, test_ecs.amazon
OTHER = "example.org/shop/other:1"


def judged_as(image: str, outcome: Outcome, reason: str = "as it should be") -> AdmissibleImage:
    """An image by the digest that ECS tells, with one verdict."""
    verdicts = judged("sha256:" + "0" * 64, outcome, reason).verdicts
    return AdmissibleImage(digest=digest_of(image), verdicts=verdicts)


def one(image: str) -> dict[str, object]:
    return {"containerDefinitions": [{"name": "web", "image": image, "memory": 128}]}


def test_what_may_not_run_is_found_and_stopped(amazon: FakeAmazon, tmp_path: Path) -> None:
    ecs = amazon.client("ecs", REGION)
    ecs.create_cluster(clusterName="one")
    started(ecs, "one", defined(ecs, "good", **one(WEB)), group="service:good")
    bad = started(ecs, "one", defined(ecs, "bad", **one(OTHER)), group="service:bad")
    verdicts = tmp_path / "verdicts.db"
    keep_verdicts(
        verdicts, judged_as(WEB, Outcome.GO), judged_as(OTHER, Outcome.STOP, "a known exploited vulnerability")
    )
    variables = {
        "AWS_ENDPOINT_URL": amazon.url,
        "AWS_ACCESS_KEY_ID": "agent",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": REGION,
    }
    program = program_in(tmp_path)
    words = ("admit", "ecs", "--verdicts", str(verdicts), "-o", "json")
    found = program(*words, env=variables)
    assert found.status == 1, found.err
    assert ("Service/bad" in found.text, "Service/good" in found.text) == (True, False)
    assert "a known exploited vulnerability" in found.text
    assert len(ecs.list_tasks(cluster="one", desiredStatus="RUNNING")["taskArns"]) == 2
    assert program(*words, "--stop", env=variables).status == 1
    assert bad[0] not in ecs.list_tasks(cluster="one", desiredStatus="RUNNING")["taskArns"]
    (task,) = ecs.describe_tasks(cluster="one", tasks=bad)["tasks"]
    assert "hullmark" in task["stoppedReason"]
    assert program(*words, env=variables).status == 0
