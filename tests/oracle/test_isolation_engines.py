"""A real podman is the judge: what it says of containers is what they were asked to be, and gVisor's runsc is a kernel of its own.

runsc is looked for on the PATH, or where HULLMARK_RUNSC says.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hullmark.isolation import docker
from hullmark.isolation.grades import assess
from hullmark.isolation.patches import patch_of
from hullmark.model.isolation import Isolation, Workload, WorkloadContainer

BUSYBOX = shutil.which("busybox")
RUNC = shutil.which("runc")
RUNSC = os.environ.get("HULLMARK_RUNSC") or shutil.which("runsc")
NAME = "localhost/isolation:1"
# What the engine itself tells of its default filter; only collectors ask it.
INFO = {"SecurityOptions": ["name=seccomp,profile=default"]}
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("podman") is None or not BUSYBOX or not RUNC or os.geteuid() != 0,
        reason="needs root, podman, runc and a static busybox",
    ),
]
Podman = Callable[..., str]


@pytest.fixture(scope="module")
def podman() -> Iterator[Podman]:
    """Calls podman with a store of its own, which is removed in the end."""
    folder = Path(tempfile.mkdtemp(prefix="hm-iso-"))
    store = ("podman", "--root", f"{folder}/root", "--runroot", f"{folder}/run", "--storage-driver", "vfs")

    def run(*words: str, runtime: str = RUNC or "") -> str:
        asked = [*store, "--cgroup-manager", "cgroupfs", "--runtime", runtime, *words]
        environment = {**os.environ, "PODMAN_IGNORE_CGROUPSV1_WARNING": "1"}
        done = subprocess.run(asked, capture_output=True, timeout=120, env=environment)
        assert done.returncode == 0, done.stderr.decode()[-500:]
        return done.stdout.decode()

    try:
        archive = folder / "root.tar"
        unpacked = folder / "unpacked"
        (unpacked / "bin").mkdir(parents=True)
        shutil.copy(BUSYBOX or "", unpacked / "bin" / "busybox")
        subprocess.run(["tar", "-C", unpacked, "-cf", archive, "."], check=True)
        run("import", "--quiet", str(archive), NAME)
        yield run
    finally:
        subprocess.run([*store, "rm", "--all", "--force"], capture_output=True, timeout=60)
        shutil.rmtree(folder, ignore_errors=True)


def inspected(podman: Podman, *options: str, runtime: str = RUNC or "") -> Isolation:
    """What podman says of a container that it makes with some options."""
    identity = podman(
        "create", "--quiet", "--network=none", *options, NAME, "/bin/busybox", "true", runtime=runtime
    ).strip()
    (found,) = json.loads(podman("inspect", identity))
    return docker.isolation_of(found, INFO)


@pytest.mark.parametrize(
    ("options", "grade", "told"),
    [
        ((), "default", {"privileged": False, "host_pid": False, "seccomp": "runtime-default", "user": "0"}),
        (("--privileged",), "host", {"privileged": True, "seccomp": "unconfined"}),
        (("--cap-add=SYS_ADMIN",), "host", {"capabilities_added": ("SYS_ADMIN",)}),
        (("--cap-add=NET_ADMIN", "--cap-drop=CHOWN"), "default", {"capabilities_dropped": ("CHOWN",)}),
        (("--security-opt=seccomp=unconfined",), "host", {"seccomp": "unconfined"}),
        (("--security-opt=unmask=ALL",), "host", {"unmasked_proc": True}),
        (("--pid=host",), "host", {"host_pid": True}),
        (("--ipc=host",), "host", {"host_ipc": True}),
        (("--volume=/:/host:ro",), "host", {}),
        (("--volume=/etc:/e",), "host", {"writable_paths": ("/e",)}),
        (("--device=/dev/null",), "default", {"devices": ("/dev/null",)}),
        (("--read-only", "--user=5:6", "--memory=64m"), "default", {"read_only_root": True, "user": "5"}),
    ],
)  # fmt: skip
def test_podman_says_what_was_asked_for(
    podman: Podman, options: tuple[str, ...], grade: str, told: dict[str, Any]
) -> None:
    found = inspected(podman, *options)
    assert assess(found).grade == grade
    assert {name: getattr(found, name) for name in told} == told


def test_the_options_of_a_patch_are_ones_that_podman_takes(podman: Podman) -> None:
    before = inspected(podman, "--cap-add=SYS_ADMIN", "--pid=host")
    container = WorkloadContainer(name="c", image=NAME, isolation=before)
    patch = patch_of(Workload(format="docker", name="c"), container)
    assert patch is not None
    assert patch.text == "- --pid=host\n- --cap-add=SYS_ADMIN\n"
    assert assess(inspected(podman)).grade == patch.grade
    further = patch_of(
        Workload(format="docker", name="c"), WorkloadContainer(name="c", image=NAME, isolation=inspected(podman))
    )
    assert further is not None
    new = [line[2:] for line in further.text.splitlines() if line.startswith("+") and "apparmor" not in line]
    after = inspected(podman, *new)
    assert [each.setting for each in assess(after).missing] == ["apparmor"]  # hosts of tests may have none


@pytest.mark.skipif(not RUNSC, reason="runsc is not on this machine (HULLMARK_RUNSC says where it is)")
def test_gvisor_is_sandboxed_and_is_a_kernel_of_its_own(podman: Podman, tmp_path: Path) -> None:
    wrapped = tmp_path / "runsc"
    wrapped.write_text(f'#!/bin/sh\nexec {RUNSC} --ignore-cgroups --network=none "$@"\n')
    wrapped.chmod(0o755)
    identity = "gvisor"
    release = podman("run", "--name", identity, "--network=none", NAME, "/bin/busybox", "dmesg", runtime=str(wrapped))
    assert "gVisor" in release
    (found,) = json.loads(podman("inspect", identity))
    isolation = docker.isolation_of(found, INFO)
    assert (isolation.boundary, assess(isolation).grade) == ("sandbox", "sandboxed")
