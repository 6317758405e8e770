"""`hullmark inventory ecs` and `cloudrun`: what is printed, and what is said where it cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.google import fake_google, revision, service
from tests.support.program import Program, program_in

DIGEST = "sha256:" + "5c" * 32
IMAGE = f"europe-docker.pkg.dev/shop/team/web@{DIGEST}"


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return program_in(tmp_path)


def test_services_of_cloud_run_are_listed_with_their_grades(program: Program) -> None:
    with fake_google() as google:
        for name, environment in (("one", "EXECUTION_ENVIRONMENT_GEN1"), ("two", "EXECUTION_ENVIRONMENT_GEN2")):
            web = service(name, {"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "percent": 100})
            google.services.setdefault("projects/shop/locations/europe-west1", []).append(web)
            google.revisions[web["name"]] = [revision(web, 2, {"image": IMAGE}, executionEnvironment=environment)]
        variables = {"GCE_METADATA_HOST": google.host, "CLOUDSDK_API_ENDPOINT_OVERRIDES_RUN": google.url}
        ran = program("inventory", "cloudrun", "--project", "shop", "-o", "json", env=variables)
    told = {
        (one["place"]["workload"], one["grade"]["grade"], one["image"]["digest"]) for one in ran.document["containers"]
    }
    assert told == {("Service/one", "sandboxed", DIGEST), ("Service/two", "vm", DIGEST)}


@pytest.mark.parametrize(
    ("words", "variables", "what", "advice"),
    [
        (("cloudrun",), {}, "which project?", "GOOGLE_CLOUD_PROJECT"),
        (("cloudrun", "--project", "a/b"), {}, "'a/b' is not the name of a project", "identifier"),
        (
            ("cloudrun", "--project", "shop"),
            {"CLOUDSDK_API_ENDPOINT_OVERRIDES_RUN": "http://run.test"},
            "CLOUDSDK_API_ENDPOINT_OVERRIDES_RUN is not an address to send a token to",
            "https://",
        ),
        (("ecs",), {"AWS_EC2_METADATA_DISABLED": "true"}, "no region of Amazon's is configured", "--region"),
        (
            ("ecs", "--region", "eu-west-1"),
            {"AWS_EC2_METADATA_DISABLED": "true"},
            "Amazon sts in eu-west-1 (get_caller_identity): there are no credentials",
            "AWS_PROFILE",
        ),
    ],
)
def test_what_is_missing_is_said(
    program: Program, words: tuple[str, ...], variables: dict[str, str], what: str, advice: str
) -> None:
    told, todo = program("inventory", *words, env=variables).refusal
    assert told == what
    assert advice in todo


@pytest.mark.parametrize("seconds", ["0", "x", "inf", "nan", "86401"])
def test_an_interval_that_is_not_one_is_refused(program: Program, seconds: str) -> None:
    ran = program("inventory", "ecs", "--interval", seconds)
    assert ran.status == 2
    assert "is not a number of seconds" in ran.err
