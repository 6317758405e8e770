"""A request to the API server → what the gate says of it: the question that it puts, the answer, and the patch that makes it good. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

import msgspec

from hullmark.isolation.grades import assess, is_below
from hullmark.model.isolation import WorkloadContainer
from hullmark.places.gates.decision import Answer, AskedContainer, KnownImages, Question, decide
from hullmark.places.gates.kubernetes.objects import (
    PodInObject,
    TooManyPods,
    containers_in,
    holds_pods,
    image_pointers,
    key_of,
    pods_in,
)
from hullmark.places.gates.kubernetes.reviews import AdmissionRequest, ImageReview
from hullmark.places.gates.settings import GateSettings

_JUDGED_SUBRESOURCES = ("", "ephemeralcontainers", "resize")
_ALLOWED = Answer(allowed=True)


class Moment(NamedTuple):
    """When it is asked, and how old the verdicts are then, in seconds (None: there are none)."""

    now: datetime
    age_seconds: float | None


class PodAnswer(NamedTuple):
    """What is said of one pod of an object."""

    pod: PodInObject
    containers: tuple[WorkloadContainer, ...]
    answer: Answer


def validate(request: AdmissionRequest, known: KnownImages, settings: GateSettings, moment: Moment) -> Answer:
    """Whether what is asked for may be."""
    settings = settings.within(request.namespace)
    if request.kind.kind == "Pod" and not request.kind.group:
        # What a pod does not ask for by now nobody adds any more.
        known_classes = (*settings.runtime_classes, *((settings.runtime_class,) if settings.runtime_class else ()))
        settings = msgspec.structs.replace(settings, runtime_class=None, runtime_classes=known_classes)
    return merge_answers([answer.answer for answer in _answers(request, known, settings, moment)])


class Mutation(NamedTuple):
    """A JSON patch of the object, and what it does in a sentence each."""

    patch: tuple[dict[str, object], ...]
    notes: tuple[str, ...]


def mutate(request: AdmissionRequest, known: KnownImages, settings: GateSettings, moment: Moment) -> Mutation:
    """What pods get: digests in place of tags, and the runtime class without which they would be refused. What makes pods stays as it is
    written, so that it equals what its owner keeps elsewhere."""
    settings = settings.within(request.namespace)
    if request.kind.kind != "Pod" or request.kind.group or settings.mode == "dry-run":
        return Mutation((), ())
    patch: list[dict[str, object]] = []
    notes = []
    for pod, containers, answer in _answers(request, known, settings, moment):
        pointers = image_pointers(pod)
        for container, judgement in zip(containers, answer.judgements, strict=False):
            pointer = pointers.get(key_of(container))
            if judgement.pinned and pointer is not None:
                patch.append({"op": "replace", "path": pointer, "value": judgement.pinned})
                notes.append(f"{judgement.image} is {judgement.digest}")
        if answer.runtime_class and request.operation == "CREATE":
            patch.append({"op": "add", "path": f"{pod.pointer}/runtimeClassName", "value": answer.runtime_class})
            notes.append(f"it runs by the runtime class {answer.runtime_class}")
    return Mutation(tuple(patch), tuple(notes))


def judge_images(review: ImageReview, known: KnownImages, settings: GateSettings, moment: Moment) -> Answer:
    """Whether the images of an ImageReview may start. Nothing is known of how they are kept apart."""
    settings = msgspec.structs.replace(settings.within(review.spec.namespace), least_grade=None)
    asked = tuple(
        AskedContainer(container=WorkloadContainer(name=str(number), image=container.image))
        for number, container in enumerate(review.spec.containers, 1)
    )
    question = Question(
        containers=asked,
        place=review.spec.namespace,
        is_restart=True,
        is_placed=False,
        now=moment.now,
        age_seconds=moment.age_seconds,
    )
    return decide(question, known, settings)


def _answers(request: AdmissionRequest, known: KnownImages, settings: GateSettings, moment: Moment) -> list[PodAnswer]:
    if settings.excludes(request.namespace) or not _starts_something(request, settings):
        return []
    kind, handlers = request.kind, settings.handlers()
    try:
        pods = pods_in(request.object or {}, kind.group, kind.kind, settings.pod_templates)
        before = pods_in(request.old_object or {}, kind.group, kind.kind, settings.pod_templates)
    except TooManyPods:
        reason = "it holds more pod templates than are looked at"
        warnings = (f"would be refused: {reason}",) if settings.mode == "warn" else ()
        refusal = Answer(allowed=settings.mode != "enforce", reasons=(reason,), warnings=warnings)
        return [PodAnswer(PodInObject("", {}, {}), (), refusal)]
    earlier = {pod.pointer: containers_in(pod, handlers) for pod in before}
    found = []
    for pod in pods:
        containers = containers_in(pod, handlers)
        asked = tuple(_compare_with_earlier(container, earlier.get(pod.pointer, ())) for container in containers)
        question = Question(
            containers=asked,
            place=request.namespace,
            is_restart=_is_restart(request, settings),
            now=moment.now,
            age_seconds=moment.age_seconds,
        )
        found.append(PodAnswer(pod, containers, decide(question, known, settings)))
    return found


def _starts_something(request: AdmissionRequest, settings: GateSettings) -> bool:
    return (
        request.operation in ("CREATE", "UPDATE")
        and (request.sub_resource in _JUDGED_SUBRESOURCES)
        and holds_pods(request.kind.group, request.kind.kind, settings.pod_templates)
    )


def _compare_with_earlier(container: WorkloadContainer, earlier: tuple[WorkloadContainer, ...]) -> AskedContainer:
    same = next(
        (former for former in earlier if key_of(former) == key_of(container) and former.image == container.image),
        None,
    )
    is_kept = same is not None and not is_below(assess(container.isolation).grade, assess(same.isolation).grade)
    return AskedContainer(container=container, is_kept=is_kept)


def _is_restart(request: AdmissionRequest, settings: GateSettings) -> bool:
    """Whether a controller makes an object of its own again. Anybody may write an owner into an object; the API server knows who asks."""
    asks = request.user_info.username
    is_controller = any(fnmatchcase(asks, pattern) for pattern in settings.controllers)
    return request.operation == "CREATE" and is_controller and _has_controller(request.object or {})


def _has_controller(document: Mapping[str, Any]) -> bool:
    """Whether an object belongs to one that is there already, and makes it again when it is gone."""
    meta = document.get("metadata")
    owners = meta.get("ownerReferences") if isinstance(meta, dict) else None
    listed = owners if isinstance(owners, list) else ()
    return any(isinstance(owner, dict) and owner.get("controller") is True for owner in listed)


def merge_answers(answers: list[Answer]) -> Answer:
    """Answers about several pods of one object, as one."""
    if len(answers) <= 1:
        return answers[0] if answers else _ALLOWED
    return Answer(
        allowed=all(answer.allowed for answer in answers),
        reasons=tuple(dict.fromkeys(reason for answer in answers for reason in answer.reasons)),
        warnings=tuple(dict.fromkeys(warning for answer in answers for warning in answer.warnings)),
        judgements=tuple(judgement for answer in answers for judgement in answer.judgements),
        unknown=tuple(dict.fromkeys(reference for answer in answers for reference in answer.unknown)),
    )


def audit_of(answer: Answer, settings: GateSettings) -> dict[str, str]:
    """What is written into the API server's audit log."""
    judged = [judgement for judgement in answer.judgements if judgement.verdict or judgement.is_unknown]
    found = {"mode": settings.mode, "decision": "refuse" if answer.reasons else "allow"}
    if judged:
        found["images"] = ", ".join(f"{judgement.image}={judgement.verdict or 'not judged'}" for judgement in judged)
        found["policies"] = ", ".join(sorted({judgement.policy for judgement in judged if judgement.policy}))
    if answer.reasons:
        found["reasons"] = "; ".join(answer.reasons)
    return {name: text for name, text in found.items() if text}
