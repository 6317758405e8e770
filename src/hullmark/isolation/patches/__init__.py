"""Patches: the smallest change of a manifest after which a container has a better grade. One module a form of manifest."""

from __future__ import annotations

from msgspec.structs import replace

from hullmark.isolation.grades import assess
from hullmark.isolation.patches import compose, docker, ecs, kubernetes
from hullmark.isolation.patches.changes import Changes
from hullmark.isolation.patches.target import find_better_isolation
from hullmark.model.isolation import IsolationPatch, Workload, WorkloadContainer

_FORMS = {"kubernetes": kubernetes.FORM, "compose": compose.FORM, "ecs": ecs.FORM, "docker": docker.FORM}


def patch_of(workload: Workload, container: WorkloadContainer, image_uid: int | None = None) -> IsolationPatch | None:
    """What is missing to a better grade, as a change of the manifest; None for the best grade, for image volumes, and where the manifest
    has no means for more. `image_uid` is the number of the image's own user, where that is known."""
    if container.kind == "volume":
        return None
    form = _FORMS[workload.format]
    wanted = find_better_isolation(container.isolation, form.means, image_uid)
    if wanted is None:
        return None
    changes = Changes(container.isolation, wanted)
    patch = IsolationPatch(
        grade=assess(wanted, image_uid).grade,
        language=form.language,
        text=form.text_of(changes, workload, container),
    )
    return replace(patch, notes=form.notes_of(patch, changes))
