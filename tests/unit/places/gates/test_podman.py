"""podman's hook and policy: what starts is told from podman's own documents, and documents that cannot be read are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hullmark.model.errors import HullmarkError
from hullmark.model.isolation import HostPath
from hullmark.places.gates import podman
from hullmark.places.gates.docker.judge import Start
from hullmark.places.gates.podman import policy_of, starting
from tests.support.gate import BAD, GOOD, HOST, NOON, image, verdict
from tests.support.kubernetes.manifests import digest

ID, IMAGE = "ab" * 32, "cd" * 32
BUNDLE = {
    "annotations": {"io.podman.annotations.privileged": "true"},
    "mounts": [
        {"type": "bind", "source": "/srv", "destination": "/data", "options": ["rbind", "ro"]},
        {"type": "bind", "source": f"/run/overlay-containers/{ID}/userdata/hosts", "destination": "/etc/hosts"},
        {"type": "bind", "source": "/var/lib/containers/storage/volumes/v/_data", "destination": "/v"},
        {"type": "tmpfs", "source": "tmpfs", "destination": "/scratch"},
    ],
}


def entry(**more: Any) -> dict[str, Any]:
    """What podman keeps of the container."""
    return {"id": ID, "names": ["web"], "image": IMAGE, "metadata": json.dumps({"image-name": "shop:1"}), **more}


def start(folder: Path, lists: dict[str, Any], bundle: object = BUNDLE) -> Start:
    """What starts, by these lists of containers and this bundle; bytes stand for themselves, None for no file."""
    storage = folder / "overlay-containers"
    userdata = storage / ID / "userdata"
    userdata.mkdir(parents=True)
    files = {userdata / "config.json": bundle} | {storage / name: body for name, body in lists.items()}
    for path, body in files.items():
        if body is not None:
            path.write_bytes(body if isinstance(body, bytes) else json.dumps(body).encode())
    return starting(json.dumps({"id": ID, "bundle": str(userdata)}).encode(), "crun")


def test_a_container_is_told_by_the_list_that_has_it(tmp_path: Path) -> None:
    others = [7, {"id": "ef" * 32, "image": "ef" * 32}]
    found = start(tmp_path, {"containers.json": others, "volatile-containers.json": [*others, entry()]})
    assert (found.container, found.image, found.digest) == ("web", "shop:1", f"sha256:{IMAGE}")
    assert found.isolation is not None
    assert (found.isolation.privileged, found.isolation.runtime) == (True, "crun")
    assert found.isolation.host_paths == (HostPath(path="/srv", target="/data", read_only=True),)


@pytest.mark.parametrize("metadata", ["", "no document", "[1]", '{"image-name": 7}', "[" * 60_000])
def test_a_container_without_a_name_of_its_image_goes_by_the_images_id(tmp_path: Path, metadata: str) -> None:
    found = start(tmp_path, {"containers.json": [entry(names=[], metadata=metadata)]})
    assert (found.container, found.image) == (ID[:12], IMAGE)


@pytest.mark.parametrize(
    ("lists", "bundle", "why"),
    [
        ({}, BUNDLE, f"podman has no container {ID[:12]}"),
        ({"containers.json": [], "volatile-containers.json": [{"id": 5}]}, BUNDLE, "podman has no container"),
        ({"containers.json": b'[{"id":'}, BUNDLE, "containers.json is not a JSON list"),
        ({"containers.json": {"id": ID}}, BUNDLE, "containers.json is not a JSON list"),
        ({"containers.json": b"[" * 200_000}, BUNDLE, "containers.json is not a JSON list"),
        ({"containers.json": [entry()]}, None, "cannot read .*/config.json: No such file or directory"),
        ({"containers.json": [entry()]}, b"{", "the bundle is not a JSON object"),
        ({"containers.json": [entry()]}, b" " * (17 << 20), "the bundle is not a JSON object"),
        ({"containers.json": [entry(names="web")]}, BUNDLE, "names is not a list"),
    ],
)
def test_what_cannot_be_told_does_not_start(tmp_path: Path, lists: dict[str, Any], bundle: object, why: str) -> None:
    with pytest.raises(HullmarkError, match=why):
        start(tmp_path, lists, bundle)


@pytest.mark.parametrize("state", [b"", b"[]", b'{"id": "x", "bundle": "/b"}', b'{"id": "%s"}' % ID.encode()])
def test_a_state_that_is_not_podmans_is_refused(state: bytes) -> None:
    with pytest.raises(HullmarkError) as refused:
        starting(state, "crun")
    assert refused.value.advice == "is this a hook of podman?"


def test_podman_fetches_only_by_digests_that_name_only_what_passes() -> None:
    """As in what clusters are given: neither what passes by grace alone, nor an index that also names an image that is stopped."""
    shared, own = digest("index"), digest("own index")
    graced = image("graced", verdict("warn", grace_until=NOON))
    split = image("split", indexes=(shared, own)), image("half", verdict("stop"), indexes=(shared,))
    listed = policy_of((GOOD, BAD, graced, *split))["transports"]["docker"]
    assert {scope.partition("@")[2] for scope in listed} == {digest("good"), digest("split"), own}


def test_more_images_than_a_policy_can_list_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [*policy_of((GOOD, BAD))["transports"]["docker"]] == [f"{HOST}/good@{digest('good')}"]
    monkeypatch.setattr(podman, "_MOST_SCOPES", 0)
    with pytest.raises(HullmarkError, match="more than 0 images pass"):
        policy_of((GOOD, BAD))
