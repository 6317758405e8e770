"""Requests to Amazon's services: what is repeated, what is refused, and what a person is told."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, ReadTimeoutError

from hullmark.model.errors import HullmarkError
from hullmark.net.aws import AwsClient, AwsRefused, AwsSession, AwsSettings, AwsUnwell
from hullmark.net.errors import NetError


class Fake:
    """A client of boto3's that fails as it is told, then answers."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.asked = 0

    def list_clusters(self, **parameters: Any) -> dict[str, Any]:
        self.asked += 1
        if self.errors:
            raise self.errors.pop(0)
        return {"clusterArns": [], **parameters}


def refusal(code: str, text: str = "why", status: int = 400) -> ClientError:
    """An error of Amazon's."""
    answer: Any = {"Error": {"Code": code, "Message": text}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "ListClusters")


def client(fake: Fake, naps: Callable[[float], None] = lambda _: None, patience: int = 6) -> AwsClient:
    """A client of the fake."""
    return AwsClient(fake, "Amazon ecs in eu-west-1", AwsSettings(sleep=naps, patience=patience))


@pytest.mark.parametrize(
    "error",
    [
        refusal("ThrottlingException"),
        refusal("TooManyRequestsException", status=429),
        refusal("ServerException", status=500),
        EndpointConnectionError(endpoint_url="https://ecs.example"),
        ReadTimeoutError(endpoint_url="https://ecs.example"),
    ],
)
def test_what_may_work_later_is_asked_again_after_longer_and_longer_pauses(error: Exception) -> None:
    naps: list[float] = []
    fake = Fake(error, error, error)
    assert client(fake, naps.append).call("list_clusters", maxResults=3) == {"clusterArns": [], "maxResults": 3}
    assert naps == [0.5, 1.0, 2.0]


def test_patience_ends() -> None:
    fake = Fake(*[refusal("ThrottlingException", "Rate exceeded")] * 9)
    with pytest.raises(AwsUnwell, match="Rate exceeded") as unwell:
        client(fake, patience=2).call("list_clusters")
    assert fake.asked == 3
    assert isinstance(unwell.value, NetError)


def test_a_refusal_is_told_at_once() -> None:
    fake = Fake(
        refusal("AccessDeniedException", "User: arn:aws:iam::1:user/x is not authorized to perform: ecs:ListClusters")
    )
    with pytest.raises(AwsRefused, match="not authorized to perform: ecs:ListClusters") as refused:
        client(fake).call("list_clusters")
    assert (fake.asked, refused.value.code) == (1, "AccessDeniedException")
    assert "policy.json" in refused.value.advice


def test_missing_credentials_are_told_with_what_to_set() -> None:
    with pytest.raises(AwsRefused, match="no credentials") as refused:
        client(Fake(NoCredentialsError())).call("list_clusters")
    assert "AWS_PROFILE" in refused.value.advice


def test_a_long_text_of_amazons_is_cut_short() -> None:
    with pytest.raises(AwsRefused) as refused:
        client(Fake(refusal("ClusterNotFoundException", "x" * 10_000))).call("list_clusters")
    assert len(str(refused.value)) < 700


def test_a_fault_of_ours_stays_one() -> None:
    with pytest.raises(ZeroDivisionError):
        client(Fake(ZeroDivisionError())).call("list_clusters")


def test_without_boto3_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(HullmarkError, match="boto3 is missing") as refused:
        AwsSession(AwsSettings()).client("ecs", "eu-west-1")
    assert "hullmark[aws]" in refused.value.advice
