"""What a gate answers: containers that are to start, the verdicts on their images, its settings → allowed or not, with reasons."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Literal, NamedTuple

import msgspec

from hullmark.isolation.grades import assess, is_below
from hullmark.isolation.runtimes import boundary_of
from hullmark.model.admission import AdmissibleImage, PolicyVerdict
from hullmark.model.isolation import WorkloadContainer
from hullmark.model.verdict import PASSING, Outcome
from hullmark.places.gates.places import place_faults, wherever
from hullmark.places.gates.reference import ImageName, name_of
from hullmark.places.gates.settings import GateSettings

Effect = Literal["passes", "warns", "refuses"]
_EFFECTS: dict[str, Effect] = {"allow": "passes", "warn": "warns", "refuse": "refuses"}
_SHORT = 19
"""Characters of a digest that a sentence shows, `sha256:` among them."""
_SEVERITY = {Outcome.GO: 0, Outcome.WARN: 1, Outcome.UNKNOWN: 2, Outcome.STOP: 3}


class AskedContainer(msgspec.Struct, frozen=True, kw_only=True):
    """A container that is to start. `is_kept`: it is there already with the same image and at least as well kept apart, so that nothing
    starts that did not run."""

    container: WorkloadContainer
    is_kept: bool = False


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of a gate: the containers that one request starts.

    `place` is the namespace, or "" for a host. `is_restart`: what starts belongs to a workload that is there already. `is_placed`:
    it is known how the containers are to be kept apart. `age_seconds`: how old the verdicts are; None: there are none.
    """

    containers: tuple[AskedContainer, ...]
    place: str = ""
    is_restart: bool = False
    is_placed: bool = True
    now: datetime
    age_seconds: float | None


class KnownImages(NamedTuple):
    """What is known of images: the images of a digest, the image that a tag points to, and when an image by one of its digests was last
    seen to run at a place. `find` raises LookupError for a digest of which too many are known to judge it."""

    find: Callable[[str], tuple[AdmissibleImage, ...]]
    tagged: Callable[[str], AdmissibleImage | None]
    ran_at: Callable[[str, Iterable[str]], datetime | None]

    def remembering(self) -> KnownImages:
        """The same, each looked up once."""
        return KnownImages(cache(self.find), cache(self.tagged), self.ran_at)


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What a gate says of one container. `reason` is a sentence ("": nothing is to be said); `digest` is the image's ("": unknown).

    `pinned` is the reference with the digest in place of a tag ("": it stays). `is_unknown`: nobody has judged the image.
    """

    name: str
    image: str
    effect: Effect
    reason: str = ""
    digest: str = ""
    verdict: str = ""
    policy: str = ""
    pinned: str = ""
    is_unknown: bool = False


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a gate answers. `reasons` are sentences that refuse, `warnings` those that do not.

    `runtime_class`: what the pod must run by to be good enough ("": as it asks for). `unknown` are the references of images that nobody
    has judged.
    """

    allowed: bool
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    judgements: tuple[Judgement, ...] = ()
    runtime_class: str = ""
    unknown: tuple[str, ...] = ()


def decide(question: Question, known: KnownImages, settings: GateSettings) -> Answer:
    """The answer. `settings` are those of the place; a place that they exclude is let through, unseen."""
    if settings.excludes(question.place):
        return Answer(allowed=True)
    known = known.remembering()
    images = [_judged_image(container, question, known, settings) for container in question.containers]
    runtime_class, grades = _isolation(question, known, settings)
    judgements = (*images, *grades)
    refusals = tuple(dict.fromkeys(judgement.reason for judgement in judgements if judgement.effect == "refuses"))
    warnings = tuple(
        dict.fromkeys(judgement.reason for judgement in judgements if judgement.effect == "warns" and judgement.reason)
    )
    is_enforced = settings.mode == "enforce"
    if not is_enforced and settings.mode == "warn":
        warnings = (*(f"would be refused: {reason}" for reason in refusals), *warnings)
    return Answer(
        allowed=not refusals or not is_enforced,
        reasons=refusals,
        warnings=() if settings.mode == "dry-run" else warnings,
        judgements=judgements,
        runtime_class=runtime_class,
        unknown=tuple(dict.fromkeys(image.image for image in images if image.is_unknown)),
    )


# Images.


def _judged_image(asked: AskedContainer, question: Question, known: KnownImages, settings: GateSettings) -> Judgement:
    container = asked.container
    start = Judgement(name=container.name, image=container.image, effect="passes")
    if asked.is_kept or not container.image:
        return start
    if problem := _too_old(question, settings):
        effect: Effect = "refuses" if settings.fail == "closed" else "warns"
        start = msgspec.structs.replace(start, effect=effect, reason=f"{_subject(container)}: {problem}")
        if effect == "refuses" or question.age_seconds is None:
            return start
    judged = _by_verdict(start, container, question, known, settings)
    if start.effect == "warns" and judged.effect == "refuses" and judged.is_unknown:
        return msgspec.structs.replace(judged, effect="warns")  # it may be known to a server that is away
    return start if start.effect == "warns" and judged.effect == "passes" else judged


def _too_old(question: Question, settings: GateSettings) -> str:
    if question.age_seconds is None:
        return "the gate has no verdicts yet"
    hours = question.age_seconds / 3600
    return f"the gate's verdicts are {hours:.0f} hours old" if hours > settings.stale_after_hours else ""


def _by_verdict(
    start: Judgement, container: WorkloadContainer, question: Question, known: KnownImages, settings: GateSettings
) -> Judgement:
    name = name_of(container.image)
    if name is None:
        reason = f"{_subject(container)}: that is not a valid image reference"
        return msgspec.structs.replace(start, effect="refuses", reason=reason)
    try:
        images = _images_of(name, known)
    except LookupError:
        reason = f"{_subject(container)}: its index names too many images to look at"
        return msgspec.structs.replace(start, effect="refuses", reason=reason)
    if not images:
        return _make_unknown_judgement(start, container, settings, "nobody has judged it")
    pinned = _pin_name(name, images, settings)
    start = msgspec.structs.replace(start, digest=name.digest or _digest_to_pin(images[0]), pinned=pinned)
    if not name.digest and settings.requires_digest and not pinned:
        reason = (
            f"{_subject(container)}: it is named by a tag, which may point to another image tomorrow; name it by digest"
        )
        return msgspec.structs.replace(start, effect="refuses", reason=reason)
    worst = _worst(images, question, known, settings)
    if worst is None:
        where = f" for {settings.environment}" if settings.environment else ""
        return _make_unknown_judgement(start, container, settings, f"no policy has judged it{where}")
    return msgspec.structs.replace(
        start,
        effect=worst.effect,
        reason=f"{_subject(container)}: {worst.text}" if worst.text else "",
        verdict=worst.verdict.verdict.value,
        policy=worst.verdict.policy,
    )


def _images_of(name: ImageName, known: KnownImages) -> tuple[AdmissibleImage, ...]:
    if name.digest:
        return known.find(name.digest)
    tagged = known.tagged(name.tagged)
    return (tagged,) if tagged is not None else ()


def _make_unknown_judgement(
    start: Judgement, container: WorkloadContainer, settings: GateSettings, what: str
) -> Judgement:
    return msgspec.structs.replace(
        start, effect=_EFFECTS[settings.unknown_image], reason=f"{_subject(container)}: {what}", is_unknown=True
    )


def _digest_to_pin(image: AdmissibleImage) -> str:
    """The index, so that nodes of every architecture find their image; of an image in several, the one that was judged."""
    return image.indexes[0] if len(image.indexes) == 1 else image.digest


def _pin_name(name: ImageName, images: tuple[AdmissibleImage, ...], settings: GateSettings) -> str:
    if name.digest or not settings.pins_tags:
        return ""
    return f"{name.text}@{_digest_to_pin(images[0])}"


class _Outcome(NamedTuple):
    """What one verdict comes to where the image is to start."""

    effect: Effect
    text: str
    verdict: PolicyVerdict


def _worst(
    images: tuple[AdmissibleImage, ...], question: Question, known: KnownImages, settings: GateSettings
) -> _Outcome | None:
    """What the worst verdict in force comes to, of all the images that a digest may mean; None where one of them has none."""
    outcomes = []
    for image in images:
        wanted = [verdict for verdict in image.verdicts if verdict.environment in ("", settings.environment)]
        if not wanted:
            return None
        outcomes += [
            _outcome(image, wherever(verdict) if question.is_placed else verdict, question, known, settings)
            for verdict in wanted
        ]
    rank = {"passes": 0, "warns": 1, "refuses": 2}
    return max(outcomes, key=lambda outcome: (rank[outcome.effect], _SEVERITY[outcome.verdict.verdict]))


def _outcome(
    image: AdmissibleImage, verdict: PolicyVerdict, question: Question, known: KnownImages, settings: GateSettings
) -> _Outcome:
    until, reason = _grace(image, verdict, settings), verdict.grace_reason or verdict.reason
    is_passing = verdict.verdict in PASSING
    if is_passing and verdict.grace_until is None:
        is_warning = verdict.verdict is Outcome.WARN
        return _Outcome(
            "warns" if is_warning else "passes", _says(verdict, verdict.reason) if is_warning else "", verdict
        )
    if until is not None and until > question.now and _runs(image, question, known, settings):
        text = f"as it ran here before, it may start again until {until:%Y-%m-%d %H:%M} UTC; {_says(verdict, reason)}"
        return _Outcome("warns", text, verdict)
    if is_passing:
        return _Outcome("refuses", f"{_says(verdict, reason)}; only what ran before may start again", verdict)
    return _Outcome("refuses", _says(verdict, reason), verdict)


def _grace(image: AdmissibleImage, verdict: PolicyVerdict, settings: GateSettings) -> datetime | None:
    """Until when the image may start again where it ran. What was never certified has no grace, nor has what could not be judged."""
    if verdict.grace_until is not None:
        return verdict.grace_until
    if verdict.verdict is not Outcome.STOP or image.certified_at is None or not settings.grace_days:
        return None
    return verdict.since + timedelta(days=settings.grace_days)


def _runs(image: AdmissibleImage, question: Question, known: KnownImages, settings: GateSettings) -> bool:
    """Whether this is a restart of what runs here, or ran not long ago."""
    if not question.is_restart:
        return False
    seen_at = known.ran_at(question.place, (image.digest, *image.indexes, *filter(None, (image.config,))))
    return seen_at is not None and seen_at >= question.now - timedelta(days=settings.remembered_days)


def _says(verdict: PolicyVerdict, reason: str) -> str:
    policy = f"policy {verdict.policy}" if verdict.policy else "the policy"
    return f"{policy} says {verdict.verdict.value if not verdict.grace_until else 'stop'}: {reason}".rstrip(".")


def _subject(container: WorkloadContainer) -> str:
    kinds = {"volume": "image volume", "init": "init container", "ephemeral": "ephemeral container"}
    named, at, digest = container.image.partition("@")
    short = f"{named}@{digest[:_SHORT]}…" if len(digest) > _SHORT else f"{named}{at}{digest}"
    return f"{kinds.get(container.kind, 'container')} {container.name} ({short})"


# Isolation.


def _isolation(question: Question, known: KnownImages, settings: GateSettings) -> tuple[str, tuple[Judgement, ...]]:
    """The runtime class to add ("": none), and what is to be said of containers that are kept apart less well than they must be."""
    asked = [
        container.container
        for container in question.containers
        if not container.is_kept and container.container.kind != "volume"
    ]
    faults = [fault for container in asked for fault in _faults(container, question, known, settings)]
    if not any(fault.effect == "refuses" for fault in faults):
        return "", tuple(faults)
    wanted = settings.runtime_class
    can_be_added = wanted is not None and not any(container.isolation.runtime_class for container in asked)
    if wanted is not None and can_be_added and not any(container.kind == "ephemeral" for container in asked):
        # What starts in a pod later, and what it has already, runs as the pod does: a class is given to new pods only.
        boundary = boundary_of(wanted.handler)
        better = [
            _within(container, runtime_class=wanted.name, runtime=wanted.handler, boundary=boundary)
            for container in asked
        ]
        left = [fault for container in better for fault in _faults(container, question, known, settings)]
        if not any(container.is_kept for container in question.containers) and not any(
            fault.effect == "refuses" for fault in left
        ):
            return wanted.name, tuple(left)
    return "", tuple(faults)


def _within(container: WorkloadContainer, **changes: Any) -> WorkloadContainer:
    isolation = msgspec.structs.replace(container.isolation, **changes)
    return msgspec.structs.replace(container, isolation=isolation)


def _faults(
    container: WorkloadContainer, question: Question, known: KnownImages, settings: GateSettings
) -> Iterator[Judgement]:
    """What is to be said of how a container is kept apart: by the gate's own settings, and by the policies that judge its image."""
    if settings.least_grade is not None and is_below(assess(container.isolation).grade, settings.least_grade):
        yield _poor(container, settings)
    verdicts = _verdicts(container, known, settings) if question.is_placed else ()
    for effect, policy, reason in place_faults(container, verdicts, question.place, question.now):
        text = f"{_subject(container)}: policy {policy} says {reason}".rstrip(".")
        yield Judgement(name=container.name, image=container.image, effect=effect, reason=text, policy=policy)


def _verdicts(container: WorkloadContainer, known: KnownImages, settings: GateSettings) -> tuple[PolicyVerdict, ...]:
    """The verdicts on the images that a container may run; none where these cannot be told, which its image is refused for."""
    name = name_of(container.image)
    if name is None:
        return ()
    try:
        images = _images_of(name, known)
    except LookupError:
        return ()
    found = [verdict for image in images for verdict in image.verdicts]
    return tuple(verdict for verdict in found if verdict.environment in ("", settings.environment))


def _poor(container: WorkloadContainer, settings: GateSettings) -> Judgement:
    assessment = assess(container.isolation)
    lacks = "; ".join(reason.text for reason in assessment.missing[:3])
    reason = f"{_subject(container)}: its isolation is {assessment.grade}, and must be at least {settings.least_grade}: {lacks}"
    return Judgement(name=container.name, image=container.image, effect="refuses", reason=reason)
