"""Patches: applied as their platforms apply them, they raise the grade, again and again up to the best that a manifest can have."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hullmark.isolation.grades import assess, is_below
from hullmark.isolation.patches import patch_of
from hullmark.model.isolation import Isolation, Workload, WorkloadContainer
from tests.support.patching import patched
from tests.support.workloads import HANDLERS, GradedWorkload, table

TABLE = tuple(table())
_IDS = [f"{row.format}: {row.name}" for row in TABLE]
_MOST_STEPS = 4


@pytest.mark.parametrize("uid", [None, 0])
@pytest.mark.parametrize("row", TABLE, ids=_IDS)
def test_a_patch_raises_the_grade_to_what_it_says(row: GradedWorkload, uid: int | None) -> None:
    document, changed = row.document, dict[str, Any]()
    before = assess(row.read()[1].isolation, uid)
    for _ in range(_MOST_STEPS):
        workload, container = row.read(document, **changed)
        patch = patch_of(workload, container, uid)
        if patch is None:
            break
        document = patched(row.format, document, patch)
        changed["launch"] = ""
        if "runtime" in patch.text:  # its note says that the cluster or engine must have it
            changed |= {"handlers": HANDLERS, "info": {**row.info, "Runtimes": {}}}
        after = assess(row.read(document, **changed)[1].isolation, uid)
        assert is_below(before.grade, after.grade), (patch.text, after)
        assert after.grade == patch.grade, (patch.text, after)
        before = after
    assert before.grade == "vm"


def test_a_patch_for_kubernetes_stands_where_the_pod_stands() -> None:
    isolation = Isolation(
        boundary="process", privileged=True, host_pid=True, host_ipc=False, host_network=False, unmasked_proc=True
    )
    container = WorkloadContainer(name="web", kind="sidecar", image="x", isolation=isolation)
    workload = Workload(
        format="kubernetes", name="CronJob/w", template=("spec", "jobTemplate", "spec", "template", "spec")
    )
    patch = patch_of(workload, container)
    assert patch is not None
    assert patch.text == (
        "spec:\n"
        "  jobTemplate:\n"
        "    spec:\n"
        "      template:\n"
        "        spec:\n"
        "          hostPID: false\n"
        "          initContainers:\n"
        "          - name: web\n"
        "            securityContext:\n"
        "              privileged: false\n"
        "              seccompProfile:\n"
        "                type: RuntimeDefault\n"
        "                localhostProfile: null\n"
        "              procMount: Default\n"
    )


def test_an_image_volume_and_the_best_grade_need_no_patch() -> None:
    volume = WorkloadContainer(name="v", kind="volume", image="x")
    best = WorkloadContainer(
        name="c", image="x", isolation=Isolation(boundary="vm", runtime="fargate", privileged=False, host_network=False)
    )
    assert patch_of(Workload(format="kubernetes", name="Pod/p"), volume) is None
    assert patch_of(Workload(format="ecs", name="t"), best) is None


def test_a_task_on_an_instance_is_moved_to_fargate_without_what_fargate_refuses() -> None:
    row = next(row for row in TABLE if row.format == "ecs" and row.name == "EC2, as careful as ECS allows")
    patch = patch_of(*row.read())
    assert patch is not None
    assert json.loads(patch.text) == {
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "256",
        "memory": "512",
        "containerDefinitions": [{"name": "c", "dockerSecurityOptions": None}],
    }
    assert patch.grade == "vm"
