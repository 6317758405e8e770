"""A pod → what runs in it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.places.runtime.kubernetes.pods import Digests, digests_of
from tests.support.kubernetes import manifests
from tests.support.kubernetes.manifests import container, digest, image_id, pod, running, terminated, waiting
from tests.unit.places.runtime.kubernetes.reading import by_name, read

HEX = "0123456789abcdef" * 4
SINCE = datetime(2026, 3, 1, 12, tzinfo=UTC)
ENDED = datetime(2026, 3, 1, 12, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("told", "found"),
    [
        (f"docker-pullable://registry.example/web@sha256:{HEX}", Digests(digest=f"sha256:{HEX}")),
        (f"registry.example:5000/a/web@sha256:{HEX}", Digests(digest=f"sha256:{HEX}")),
        (f"registry.example/web:1@sha256:{HEX}", Digests(digest=f"sha256:{HEX}")),
        (f"web@sha512:{HEX * 2}", Digests(digest=f"sha512:{HEX * 2}")),
        (f"docker://sha256:{HEX}", Digests(config_digest=f"sha256:{HEX}")),
        (f"sha256:{HEX}", Digests(config_digest=f"sha256:{HEX}")),
        (HEX, Digests(config_digest=f"sha256:{HEX}")),
        ("", Digests()),
        ("registry.example/web:1", Digests()),
        (f"registry.example/web@sha256:{HEX[:-1]}", Digests()),
        (f"registry.example/web@sha256:{HEX.upper()}", Digests()),
        (f"docker://{HEX}0", Digests()),
    ],
)
def test_each_form_of_an_image_id_is_read(told: str, found: Digests) -> None:
    assert digests_of(told) == found


@given(st.text(max_size=200) | st.from_regex(r"(docker-pullable://|docker://)?([a-z/:.]*@)?(sha256:)?[0-9a-f]{60,66}"))
def test_no_image_id_gives_anything_but_whole_digests(told: str) -> None:
    found = digests_of(told)
    assert not (found.digest and found.config_digest)
    for each in filter(None, found):
        assert re.fullmatch(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}", each)
        assert each.rpartition(":")[2] in told


def test_a_container_is_told_with_its_place_image_and_since_when() -> None:
    (found,) = read(pod("web-1"))
    assert (found.is_over, found.container.since, found.container.node) == (False, SINCE, "node-1")
    place, image = found.container.place, found.container.image
    assert (place.cluster, place.namespace, place.workload) == ("prod", "default", "Deployment/web")
    assert (place.container, place.kind, place.platform) == ("main", "regular", "kubernetes")
    assert (image.reference, image.digest) == ("registry.example/web:1", digest("registry.example/web:1"))
    assert (image.config_digest, image.architecture, image.is_inferred) == ("", "amd64", False)


def every_kind() -> dict[str, Any]:
    """A pod with an image in each place that a pod has for one."""
    volume = {"name": "model", "image": {"reference": "registry.example/model:1"}}
    seen = {
        "name": "model",
        "mountPath": "/model",
        "volumeStatus": {"image": {"imageRef": image_id("registry.example/model:1")}},
    }
    return pod(
        "all",
        spec={
            "initContainers": [
                container("setup", "registry.example/setup:1"),
                container("proxy", "registry.example/proxy:1", restartPolicy="Always"),
            ],
            "ephemeralContainers": [container("debugger", "registry.example/busybox:1")],
            "volumes": [volume],
        },
        status={
            "initContainerStatuses": [
                terminated("setup", "registry.example/setup:1"),
                running("proxy", "registry.example/proxy:1"),
            ],
            "containerStatuses": [running("main", "registry.example/web:1", volumeMounts=[seen])],
            "ephemeralContainerStatuses": [running("debugger", "registry.example/busybox:1")],
        },
    )


def test_each_place_for_an_image_in_a_pod_is_told_once() -> None:
    found = {each.container.place.container: each.container.place.kind for each in read(every_kind())}
    assert found == {
        "setup": "init",
        "proxy": "sidecar",
        "main": "regular",
        "debugger": "ephemeral",
        "model": "volume",
    }
    told = {each.container.image.digest for each in read(every_kind())}
    names = ("setup", "proxy", "web", "busybox", "model")
    assert told == {digest(f"registry.example/{name}:1") for name in names}


def test_an_image_volume_that_nobody_resolves_has_the_digest_of_its_reference_or_none() -> None:
    for reference, told in (
        (f"registry.example/model@sha256:{HEX}", f"sha256:{HEX}"),
        ("registry.example/model:1", ""),
    ):
        found = by_name(pod("p", spec={"volumes": [{"name": "model", "image": {"reference": reference}}]}))
        assert found["model"].container.image.digest == told
        assert found["model"].container.since == SINCE


def test_a_volume_may_be_called_as_a_container_is() -> None:
    found = read(pod("p", spec={"volumes": [{"name": "main", "image": {"reference": "registry.example/model:1"}}]}))
    assert len({each.container.id for each in found}) == len(found) == 2


def test_what_waits_for_its_image_does_not_run_yet() -> None:
    status = {"containerStatuses": [waiting("main", "registry.example/web:1", "ImagePullBackOff")]}
    assert read(pod("p", phase="Pending", status=status)) == ()
    assert read(pod("p", phase="Pending", status={"containerStatuses": None})) == ()


def last(exit_code: int = 1) -> dict[str, Any]:
    """How the run before ended."""
    return {"lastState": terminated("main", "registry.example/web:1", exit_code=exit_code)["state"]}


@pytest.mark.parametrize(
    ("status", "policy", "phase", "is_over"),
    [
        (terminated("main", "registry.example/web:1"), "Always", "Running", False),
        (terminated("main", "registry.example/web:1", exit_code=1), "OnFailure", "Running", False),
        (terminated("main", "registry.example/web:1"), "OnFailure", "Running", True),
        (terminated("main", "registry.example/web:1", exit_code=1), "Never", "Running", True),
        (terminated("main", "registry.example/web:1"), "Never", "Succeeded", True),
        (terminated("main", "registry.example/web:1"), "Always", "Failed", True),
        (
            waiting(
                "main",
                "registry.example/web:1",
                "CrashLoopBackOff",
                imageID=image_id("registry.example/web:1"),
                **last(),
            ),
            "Always",
            "Running",
            False,
        ),
    ],
)
def test_a_container_has_ended_when_nothing_starts_it_again(
    status: dict[str, Any], policy: str, phase: str, is_over: bool
) -> None:
    (found,) = read(pod("p", phase=phase, spec={"restartPolicy": policy}, status={"containerStatuses": [status]}))
    assert (found.is_over, found.container.since) == (is_over, SINCE)
    assert found.until == (ENDED if is_over else None)
    assert found.container.image.digest == digest("registry.example/web:1")


def test_an_ephemeral_container_ends_and_an_init_container_lives_with_its_pod() -> None:
    told = every_kind()
    told["status"]["ephemeralContainerStatuses"] = [terminated("debugger", "registry.example/busybox:1")]
    found = by_name(told)
    assert (found["debugger"].is_over, found["setup"].is_over) == (True, False)
    told["status"]["phase"] = "Succeeded"
    assert all(each.is_over for each in read(told))


def test_a_restart_of_the_same_image_is_the_same_container_and_another_image_is_another() -> None:
    first = read(pod("p"))[0].container
    again = running("main", "registry.example/web:1", since="2026-03-01T13:00:00Z", restartCount=1)
    second = read(pod("p", status={"containerStatuses": [again]}))[0].container
    assert (second.id, second.since) == (first.id, datetime(2026, 3, 1, 13, tzinfo=UTC))
    assert read(pod("p", "registry.example/web:2"))[0].container.id != first.id


def test_isolation_is_read_from_the_pod() -> None:
    (found,) = read(pod("p", spec={"runtimeClassName": "gvisor", "hostPID": True}))
    facts = found.container.isolation
    assert (facts.runtime_class, facts.runtime, facts.host_pid, facts.boundary) == ("gvisor", "runsc", True, "sandbox")


def test_a_pod_of_a_later_kubernetes_is_told_without_what_it_is_granted() -> None:
    spec = {"containers": [container("main", "registry.example/web:1", securityContext={"procMount": "Hazy"})]}
    (found,) = read(pod("p", spec=spec))
    assert found.container.image.reference == "registry.example/web:1"
    assert found.container.isolation.privileged is None


def test_a_container_without_a_time_has_that_of_its_pod() -> None:
    status = running("main", "registry.example/web:1") | {"state": {"running": {}}}
    (found,) = read(pod("p", status={"containerStatuses": [status]}))
    assert found.container.since == SINCE


STATES = st.sampled_from(
    [manifests.running, manifests.terminated, manifests.waiting],
)


@given(
    st.lists(st.tuples(st.sampled_from("abcd"), STATES), max_size=4),
    st.sampled_from(["Pending", "Running", "Succeeded", "Failed", "Unknown", ""]),
    st.sampled_from(["Always", "OnFailure", "Never"]),
)
def test_whatever_is_told_no_container_is_told_twice_or_out_of_thin_air(
    told: list[tuple[str, Any]], phase: str, policy: str
) -> None:
    names = dict(told)
    document = pod(
        "p",
        phase=phase,
        spec={"restartPolicy": policy, "containers": [container(name, f"registry.example/{name}:1") for name in "abc"]},
        status={"containerStatuses": [make(name, f"registry.example/{name}:1") for name, make in names.items()]},
    )
    found = read(document)
    assert len({each.container.id for each in found}) == len(found)
    assert {each.container.place.container for each in found} <= names.keys() & set("abc")
    assert all(each.until is None or each.until >= each.container.since for each in found)
    if phase in ("Succeeded", "Failed"):
        assert all(each.is_over for each in found)
