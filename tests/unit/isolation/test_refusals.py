"""Manifests that are too much, or of another form than their platforms take; and what engines tell in other words."""

from __future__ import annotations

from typing import Any

import pytest

from hullmark.isolation import compose, docker, ecs
from hullmark.isolation.document import UnreadableManifest, read_documents
from hullmark.isolation.fields import Fields, InvalidWorkload
from hullmark.isolation.grades import assess
from hullmark.isolation.manifest import read_workloads
from hullmark.isolation.settings import granted_capabilities, setting_of
from hullmark.model.isolation import HostPath, Isolation
from tests.unit.isolation.test_readers import granted, pod

MANY = 100_001


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (lambda: Fields(dict.fromkeys(map(str, range(MANY))), "it").names(), "it has more than"),
        (lambda: Fields({"a": [""] * MANY}, "it").texts("a"), "it.a has more than"),
        (lambda: Fields({"a": "x" * 100_001}, "it").text("a"), "it.a has more than"),
        (lambda: Fields({"a": True}, "it").scalar("a"), "it.a is not a text or a number"),
        (lambda: Fields({"a": True}, "it").number("a"), "it.a is not a whole number"),
        (lambda: Fields({"a": 1.5}, "it").number("a"), "it.a is not a whole number"),
    ],
)
def test_a_part_that_is_too_much_or_of_another_type_is_named(found: Any, message: str) -> None:
    """The message says which part of the document it is."""
    with pytest.raises(InvalidWorkload, match=message):
        found()


def test_numbers_and_lists_are_taken_in_the_forms_that_readers_make_of_them() -> None:
    """JSON from Terraform has whole numbers with a point; lists may be handed over as tuples."""
    fields = Fields({"a": 1024.0, "b": ("x", "y"), "c": 0.5}, "it")
    assert (fields.number("a"), fields.texts("b"), fields.scalar("c"), fields.number("d")) == (
        1024,
        ("x", "y"),
        "0.5",
        None,
    )


@pytest.mark.parametrize(("text", "value"), [("0x1F", 31), ("017", 15), ("0o17", 15), ("0x", "0x"), ("08", "08")])
def test_numbers_in_other_bases_are_those_of_yaml(text: str, value: object) -> None:
    """Modes of files are written so."""
    assert read_documents(f"a: {text}".encode()) == ({"a": value},)


def test_a_manifest_that_is_too_large_or_holds_too_much_is_refused() -> None:
    """The reason says what to do instead."""
    with pytest.raises(UnreadableManifest, match="larger than 16 MiB"):
        read_documents(b" " * ((16 << 20) + 1))
    one = b"{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: c, image: i}]}}"
    with pytest.raises(UnreadableManifest, match="it has more than 10,000 workloads"):
        read_workloads(b"[" + b",".join([one] * 10_001) + b"]")


def test_a_list_in_a_list_is_read_and_one_that_is_deeper_names_no_containers() -> None:
    """`kubectl get -o yaml` prints a List of things; some tools put Lists in Lists."""
    pod_of = b"{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: c, image: i}]}}"
    listed = b"{apiVersion: v1, kind: List, items: [%b]}"
    assert [each.name for each in read_workloads(listed % (listed % pod_of))] == ["Pod/p"]
    with pytest.raises(UnreadableManifest, match="it names no containers"):
        read_workloads(listed % (listed % (listed % pod_of)))


@pytest.mark.parametrize(
    ("profile", "message"),
    [
        ({"type": "Localhost"}, "seccompProfile.localhostProfile is missing"),
        ({"type": "Custom"}, "seccompProfile.type is not RuntimeDefault, Localhost or Unconfined"),
    ],
)
def test_a_profile_that_kubernetes_would_not_take_is_refused(profile: dict[str, str], message: str) -> None:
    """It would be graded as if it confined the container otherwise."""
    with pytest.raises(InvalidWorkload, match=message):
        granted({"securityContext": {"seccompProfile": profile}})


def test_a_mount_of_a_volume_that_the_pod_does_not_have_is_no_path_of_the_host() -> None:
    """It may still be written to; a token of the pod's account is not in it."""
    found = granted(
        {"volumeMounts": [{"name": "none", "mountPath": "/a"}, {"name": "no", "mountPath": "/b", "readOnly": True}]}
    )
    assert (found.host_paths, found.writable_paths, found.service_account_token) == ((), ("/a",), None)
    assert [each.name for each in pod({"containers": [{"name": "c", "image": "i"}]})] == ["c"]


def test_compose_files_that_take_others_in_are_to_be_resolved_first() -> None:
    """`docker compose config` does that."""
    with pytest.raises(InvalidWorkload, match="names other files"):
        compose.containers_of({"include": ["other.yaml"], "services": {}})
    found = compose.containers_of({"services": {"c": {"image": "i", "privileged": "False", "ports": [True, 80]}}})[0]
    assert (found.isolation.privileged, found.isolation.ports) == (False, ("80/tcp",))


def test_a_task_may_write_to_its_memory() -> None:
    """But not where the options of the mount say so."""
    mounts = [{"containerPath": "/run", "size": 1}, {"containerPath": "/ro", "size": 1, "mountOptions": ["ro"]}]
    task = {"containerDefinitions": [{"name": "c", "image": "i", "linuxParameters": {"tmpfs": mounts}}]}
    assert ecs.containers_of(task, "EC2")[0].isolation.writable_paths == ("/run",)


def test_an_older_engine_tells_mounts_and_profiles_in_short() -> None:
    """`Binds` has paths of the host and names of volumes; a profile that is damaged is not known."""
    host = {
        "Privileged": False,
        "Binds": ["/srv:/a:ro,z", "/etc:/b", "data:/c"],
        "Devices": [{"PathOnHost": "/dev/fuse"}],
        "Mounts": [{"Type": "volume", "Target": "/c"}],
    }
    found = docker.isolation_of({"HostConfig": {**host, "SecurityOpt": ["seccomp={"]}}, {})
    assert found.host_paths == (HostPath(path="/etc", target="/b"), HostPath(path="/srv", target="/a", read_only=True))
    assert (found.writable_paths, found.devices, found.seccomp) == (("/b", "/c"), ("/dev/fuse",), "")
    own = docker.isolation_of({"HostConfig": {"SecurityOpt": ['seccomp={"defaultAction":"SCMP_ACT_ERRNO"}']}}, {})
    assert own.seccomp == "custom"
    with pytest.raises(InvalidWorkload, match="container 2 is not a mapping"):
        docker.containers_of([{"Id": "a"}, "b"])


def test_a_device_that_is_not_in_the_folder_of_devices_may_be_any() -> None:
    """It may be a link to a disk: the grade could be worse than the settings tell."""
    host = {"Privileged": False, "Devices": [{"PathOnHost": "/srv/device"}]}
    found = assess(docker.isolation_of({"HostConfig": host}, {}))
    assert "it has /srv/device, which may be any device" in [each.text for each in found.missing]


@pytest.mark.parametrize(
    ("isolation", "image_uid", "holds"),
    [
        (Isolation(boundary="process", run_as_non_root=True), None, True),
        (Isolation(boundary="process", user="root"), 1000, False),
        (Isolation(boundary="process", user="www"), 0, None),
        (Isolation(boundary="process"), None, None),
        (Isolation(boundary="process"), 0, False),
        (Isolation(boundary="process"), 1000, True),
    ],
)
def test_whether_it_runs_as_root_is_told_where_it_is_known(
    isolation: Isolation, image_uid: int | None, holds: bool | None
) -> None:
    """A name of a user is not a number: in another image it may be root's."""
    assert setting_of("not-root", isolation, image_uid).holds is holds


def test_a_privileged_container_has_every_capability_and_no_profile() -> None:
    """ALL means the same."""
    for isolation in (
        Isolation(boundary="process", privileged=True),
        Isolation(boundary="process", capabilities_added=("ALL",)),
    ):
        assert {"SYS_ADMIN", "NET_ADMIN", "CHOWN"} <= granted_capabilities(isolation)
        assert "ALL" not in granted_capabilities(isolation)
    unconfined = Isolation(boundary="process", apparmor="unconfined", selinux="disabled")
    assert setting_of("lsm", unconfined).holds is False
    assert setting_of("lsm", Isolation(boundary="process")).holds is None
