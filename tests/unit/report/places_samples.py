"""Places for the tests of formats: workloads of a cluster, a host, odd names, and nothing at all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from hullmark.model.isolation import HostPath, Isolation
from hullmark.model.place import Place, Places, RunningContainer, RunningImage
from tests.unit.report.samples import HOSTILE, digest

_SINCE = datetime(2026, 3, 1, 12, 30, 5, 999, tzinfo=UTC)
_WEB = Place(platform="kubernetes", cluster="prod", namespace="shop", workload="Deployment/web", container="web")
_HARD = Isolation(
    boundary="vm",
    runtime_class="kata",
    runtime="kata-qemu",
    privileged=False,
    seccomp="runtime-default",
    read_only_root=True,
    run_as_non_root=True,
    no_new_privileges=True,
    capabilities_dropped=("ALL",),
    host_pid=False,
    host_ipc=False,
    host_network=False,
    unmasked_proc=False,
)
_WEB_IMAGE = RunningImage(reference="registry.example/shop/web:1.4", digest=digest(0xA), architecture="amd64")


def _web(number: int, node: str, since: datetime) -> RunningContainer:
    return RunningContainer(
        id=f"pod-{number}/web/000000000000000a",
        place=_WEB,
        image=_WEB_IMAGE,
        since=since,
        isolation=_HARD,
        labels={"app": "web", "env": "prod"},
        node=node,
    )


_MODEL = RunningContainer(
    id="pod-1/volumes/model/",
    place=Place(
        platform="kubernetes",
        cluster="prod",
        namespace="shop",
        workload="Deployment/web",
        container="model",
        kind="volume",
    ),
    image=RunningImage(reference="registry.example/shop/model:7"),
    since=_SINCE,
)
_AGENT = RunningContainer(
    id="c0ffee",
    place=Place(platform="docker", cluster="host-1", workload="agent", container="agent"),
    image=RunningImage(reference="agent:latest", config_digest=digest(0xB)),
    since=_SINCE.astimezone(timezone(timedelta(hours=2))),
    isolation=Isolation(privileged=True, host_paths=(HostPath(path="/var/run/docker.sock", target="/docker.sock"),)),
    node="host-1",
)
_TASK = RunningContainer(
    id="task-1/app",
    place=Place(
        platform="ecs", cluster="prod", namespace="123456789012/eu-central-1", workload="Service/app", container="app"
    ),
    image=RunningImage(reference="app:2", digest=digest(0xC), is_inferred=True),
    since=_SINCE,
)

PLACES = {
    "cluster": Places(
        containers=(
            _web(2, "node-2", _SINCE + timedelta(days=1)),
            _AGENT,
            _web(1, "node-1", _SINCE),
            _MODEL,
            _TASK,
        ),
        gaps=("prod: nodes may not be read: architectures are not known",),
    ),
    "odd": Places(
        containers=(
            RunningContainer(
                id=HOSTILE,
                place=Place(platform="podman", cluster=HOSTILE, workload="=1+1", container=HOSTILE),
                image=RunningImage(reference=HOSTILE),
                since=_SINCE,
                labels={HOSTILE: "=cmd|x"},
                node=HOSTILE,
            ),
        ),
        gaps=(HOSTILE,),
    ),
    "nothing": Places(),
}
