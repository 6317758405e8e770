"""What serves in Cloud Run, against a fake of its documented answers."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

import pytest

from hullmark.model.errors import HullmarkError
from hullmark.model.isolation import Isolation, ResourceLimits
from hullmark.model.place import Place, RunningContainer
from hullmark.net.errors import NetError
from hullmark.net.google import GoogleTokens
from hullmark.net.http import Client, HttpSettings
from hullmark.places.runtime.cloudrun import api
from hullmark.places.runtime.cloudrun.api import CloudRunApi, CloudRunRefused
from hullmark.places.runtime.cloudrun.collector import CloudRunCollector
from hullmark.places.runtime.collector import Listing
from tests.support.google import FakeGoogle, execution, fake_google, job, revision, service

DIGEST = "sha256:" + "5c" * 32
IMAGE = "europe-docker.pkg.dev/shop/team/web"
ALL = {"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "percent": 100}
WEB = {"name": "web", "image": f"{IMAGE}@{DIGEST}"}


def collector_of(google: FakeGoogle, looks: list[str] | None = None, **settings: Any) -> CloudRunCollector:
    """A collector of the fake; `looks` are the tags that were looked at."""
    http = HttpSettings(environment={"GCE_METADATA_HOST": google.host}, retries=2, timeout=5, sleep=lambda _: None)

    def look(reference: str) -> str:
        if looks is not None:
            looks.append(reference)
        return DIGEST if reference.startswith(IMAGE) else ""

    return CloudRunCollector(CloudRunApi("shop", Client(http), GoogleTokens(http), google.url), look, **settings)


def listed(google: FakeGoogle, **settings: Any) -> list[RunningContainer]:
    """What is listed."""
    return list(collector_of(google, **settings).containers())


def put(google: FakeGoogle, added: dict[str, Any], *revisions: dict[str, Any]) -> None:
    """Another service, and its revisions."""
    google.services.setdefault(added["name"].rpartition("/services/")[0], []).append(added)
    google.revisions[added["name"]] = list(revisions)


def test_the_latest_revision_serves_at_its_place() -> None:
    with fake_google() as google:
        web = service("web", ALL, labels={"env": "prod", "team": "x"})
        limits = {"limits": {"cpu": "1500m", "memory": "512Mi"}}
        container = {**WEB, "ports": [{"name": "http1", "containerPort": 8080}], "resources": limits}
        second = revision(web, 2, container, executionEnvironment="EXECUTION_ENVIRONMENT_GEN2", labels={"team": "shop"})
        put(google, web, second, revision(web, 1, WEB))
        (found,) = listed(google)
    assert found.place == Place(
        platform="cloudrun", cluster="shop", namespace="europe-west1", workload="Service/web", container="web"
    )
    assert (found.id, found.image.digest, found.image.is_inferred) == (f"{second['uid']}/web", DIGEST, False)
    assert found.since == datetime(2026, 3, 2, 9, 0, 0, 123457, UTC)  # nanoseconds are rounded
    assert found.labels == {"env": "prod", "team": "shop"}
    assert found.isolation == Isolation(
        runtime="microvm",
        boundary="vm",
        privileged=False,
        host_pid=False,
        host_ipc=False,
        host_network=False,
        limits=ResourceLimits(memory=512 << 20, cpu=1500),
        ports=("8080/tcp",),
    )


@pytest.mark.parametrize(
    ("told", "runtime", "boundary"),
    [
        ("EXECUTION_ENVIRONMENT_GEN1", "gvisor", "sandbox"),
        ("EXECUTION_ENVIRONMENT_GEN2", "microvm", "vm"),
        ("EXECUTION_ENVIRONMENT_UNSPECIFIED", "", "sandbox"),
        ("", "", "sandbox"),
    ],
)
def test_the_execution_environment_is_the_boundary(told: str, runtime: str, boundary: str) -> None:
    with fake_google() as google:
        web = service("web", ALL)
        put(google, web, revision(web, 2, WEB, **({"executionEnvironment": told} if told else {})))
        (found,) = listed(google)
    assert (found.isolation.runtime, found.isolation.boundary) == (runtime, boundary)


def test_all_revisions_that_requests_reach_serve() -> None:
    """By a share of the requests, or by a name of its own; the others do not."""
    with fake_google() as google:
        by_name = "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"
        traffic = (
            {"type": by_name, "revision": "web-00001", "percent": 10},
            {"type": by_name, "revision": "web-00003", "tag": "try"},
            {"type": by_name, "revision": "web-00004"},
            {**ALL, "percent": 90},
        )
        web = service("web", *traffic)
        put(google, web, *(revision(web, number, WEB) for number in (5, 4, 3, 2, 1)))
        assert sorted(found.id[-5] for found in listed(google)) == ["1", "2", "3"]


def test_all_regions_and_pages_are_gone_through() -> None:
    with fake_google(locations=["a1", "b2", "c3"], page=2) as google:
        for location in google.locations:
            for number in range(5):
                web = service(f"s{number}", ALL, location=location)
                put(google, web, revision(web, 2, {**WEB, "name": f"{location}-{number}"}))
        found = listed(google)
        assert len({container.id for container in found}) == len(found) == 15
        assert {container.place.namespace for container in found} == {"a1", "b2", "c3"}
        google.log.clear()
        assert len(listed(google, locations=["b2"])) == 5
        assert not any("/locations?" in path for _, path, _ in google.log)


def test_a_tag_was_resolved_when_the_revision_was_made() -> None:
    with fake_google() as google:
        web = service("web", ALL)
        put(google, web, revision(web, 2, {"image": f"{IMAGE}:1"}))
        google.digests["web-00002"] = f"{IMAGE}@{DIGEST}"
        looks: list[str] = []
        (found,) = collector_of(google, looks).containers()
    assert (found.image.digest, found.image.is_inferred, looks) == (DIGEST, False, [])


def test_else_the_registry_is_asked_once_and_that_is_said() -> None:
    with fake_google() as google:
        web = service("web", ALL)
        both = ({"name": "a", "image": f"{IMAGE}:1"}, {"name": "b", "image": "example.org/other:1"})
        put(google, web, revision(web, 2, *both))
        google.digests["web-00002"] = DIGEST
        looks: list[str] = []
        collector = collector_of(google, looks)
        first = list(collector.containers())
        assert list(collector.containers()) == first
    assert [(found.image.digest, found.image.is_inferred) for found in first] == [(DIGEST, True), ("", False)]
    assert looks == [f"{IMAGE}:1", "example.org/other:1"]


def test_a_revision_that_is_not_told_of_is_an_error() -> None:
    with fake_google() as google:
        put(google, service("web", ALL))
        with pytest.raises(NetError, match="does not tell of the revisions web-00002"):
            listed(google)


def test_busy_answers_are_waited_for_and_refusals_are_told() -> None:
    with fake_google(busy=2) as google:
        assert listed(google) == []
    with fake_google(refused=403) as google, pytest.raises(CloudRunRefused, match="status 403") as refused:
        listed(google)
    assert "roles/run.viewer" in refused.value.advice
    with fake_google(refused=503) as google, pytest.raises(NetError):
        listed(google)


def test_pages_without_end_are_refused() -> None:
    with fake_google(endless=True) as google, pytest.raises(HullmarkError, match="without end"):
        listed(google)


@pytest.mark.parametrize("project", ["", "../x", "A B", "shop/locations"])
def test_what_is_not_a_project_is_refused(project: str) -> None:
    with fake_google() as google:
        http = HttpSettings(environment={})
        with pytest.raises(HullmarkError, match="not the name of a project"):
            CloudRunApi(project, Client(http), GoogleTokens(http), google.url)


def test_a_list_of_more_pages_than_are_read_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "_MOST_PAGES", 1)
    with fake_google(locations=["a1", "b2", "c3"]) as google, pytest.raises(HullmarkError, match="without end"):
        listed(google)


@pytest.mark.parametrize("location", ["../x", "Europe", ""])
def test_what_is_not_a_region_is_not_asked_for(location: str) -> None:
    with fake_google() as google, pytest.raises(HullmarkError, match="is not a region") as refused:
        listed(google, locations=(location,))
    assert refused.value.advice == "give it as Google writes it: europe-west1"
    assert google.log == []


def test_an_answer_that_is_not_documented_is_an_error() -> None:
    with fake_google() as google:
        google.services["projects/shop/locations/europe-west1"] = [{"name": 7}]
        with pytest.raises(HullmarkError, match="Cloud Run answers what is not documented: Expected `str`") as refused:
            listed(google)
    assert refused.value.advice == "update hullmark, or report it"


def test_a_service_without_traffic_runs_nothing_and_several_containers_are_looked_up_by_their_tags() -> None:
    with fake_google() as google:
        put(google, service("off"), revision(service("off"), 2, WEB))
        web = service("web", ALL)
        put(google, web, revision(web, 2, WEB, {"name": "side", "image": f"{IMAGE}:1"}))
        looks: list[str] = []
        collector = collector_of(google, looks, locations=("us-central1", "europe-west1"))
        found = list(collector.containers())
    assert (collector.platform, collector.name) == ("cloudrun", "shop/europe-west1/us-central1")
    assert [(one.place.container, one.image.is_inferred) for one in found] == [("web", False), ("side", True)]
    assert looks == [f"{IMAGE}:1"]


def test_a_digest_that_nobody_may_ask_for_is_looked_up_by_its_tag() -> None:
    with fake_google() as google:
        web = service("web", ALL)
        put(google, web, revision(web, 2, {"name": "web", "image": f"{IMAGE}:1"}))
        collector = collector_of(google)
        found = [*collector.containers(), *collector.containers()]
        asked = [path for _, path, _ in google.log if path.startswith("/apis/serving.knative.dev/")]
    assert [(one.image.digest, one.image.is_inferred) for one in found] == [(DIGEST, True)] * 2
    assert len(asked) == 1


def test_following_lists_again_and_again() -> None:
    with fake_google() as google:
        stop = threading.Event()
        for number, report in enumerate(collector_of(google, interval=0).follow(stop), 1):
            assert isinstance(report, Listing)
            if number == 3:
                stop.set()


def test_a_job_runs_while_one_of_its_executions_has_not_ended() -> None:
    ended = {"completionTime": "2026-03-02T10:00:00Z"}
    with fake_google() as google:
        mail = job("mail", runs=4, labels={"team": "x"})
        google.jobs["projects/shop/locations/europe-west1"] = [
            job("idle", runs=0),
            mail,
            job("tagged", runs=1),
            job("old", runs=1),
        ]
        google.executions[mail["name"]] = [
            execution(mail, 4, WEB, labels={"team": "y"}),
            execution(mail, 3, WEB, **ended),
            execution(mail, 2, WEB, {"image": f"{IMAGE}:1"}),
            execution(mail, 1, WEB, **ended),
        ]
        for name, more in (("tagged", {}), ("old", ended)):
            parent = job(name, runs=1)
            google.executions[parent["name"]] = [execution(parent, 9, {"image": f"{IMAGE}:1"}, **more)]
        looks: list[str] = []
        found = list(collector_of(google, looks).containers())
        asked = [path for _, path, _ in google.log if "/executions" in path]
    assert [(each.place.workload, each.id.rpartition("/")[2], each.image.is_inferred) for each in found] == [
        ("Job/mail", "web", False),
        ("Job/mail", "web", False),
        ("Job/mail", "1", True),
        ("Job/tagged", "0", True),
    ]
    first = found[0]
    assert first.since == datetime(2026, 3, 4, 9, 0, 5, tzinfo=UTC)
    assert first.labels == {"team": "y"}
    assert (first.isolation.runtime, first.isolation.boundary) == ("microvm", "vm")
    assert (first.image.digest, looks) == (DIGEST, [f"{IMAGE}:1"] * 2)
    assert not any("/jobs/idle/" in path for path in asked), "what never ran is not asked for"
