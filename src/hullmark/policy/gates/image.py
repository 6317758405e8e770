"""Gate `image`: size, age and other attributes of an image."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from msgspec import Meta, Struct

from hullmark.model.image import ImageConfig
from hullmark.model.inventory import Distro
from hullmark.model.verdict import Evidence
from hullmark.policy.days import day_in, later, next_midnight, starts
from hullmark.policy.facts import Facts
from hullmark.policy.gate import Answer, CannotTell, Need, Params, Trigger, Violation
from hullmark.policy.support_end import GATE, TRIGGER, has_ended, no_more, will_end
from hullmark.policy.values import NameGlob, Pattern, Size, Versions
from hullmark.versions import InvalidVersion

_LONGEST = 60
_UNTOLD = "what was read of the image does not tell its layers"
_FRACTION = re.compile(r"\.([0-9]{1,6})[0-9]*")
LayerNumber = Annotated[int, Meta(ge=0, le=10_000)]
AttributeName = Literal["architecture", "os", "distro", "distro_version", "like_distro"]

_FIRST_YEAR = 1980  # reproducible builds write the year 1, 1970 or 1980 as a placeholder


class ImageSize(Params, frozen=True, kw_only=True):
    """Fires if the image's layers, as stored and transferred, are larger than `max` or smaller than `min` in total."""

    max: Annotated[Size | None, Meta(description="The largest size.")] = None
    min: Annotated[Size | None, Meta(description="The smallest size.")] = None

    def __post_init__(self) -> None:
        if self.max is None and self.min is None:
            raise ValueError("expected max or min: without one of them it never fires")


class LayerCount(Params, frozen=True, kw_only=True):
    """Fires if the image has more than `max` layers, fewer than `min`, or a number of layers that is forbidden."""

    max: Annotated[LayerNumber | None, Meta(description="The largest number of layers.")] = None
    min: Annotated[LayerNumber | None, Meta(description="The smallest number of layers.")] = None
    forbidden: Annotated[tuple[LayerNumber, ...], Meta(description="Numbers of layers that are not allowed.")] = ()

    def __post_init__(self) -> None:
        if self.max is None and self.min is None and not self.forbidden:
            raise ValueError("expected max, min or forbidden: without one of them it never fires")


class TooOld(Params, frozen=True, kw_only=True):
    """Fires if the image was built more than `max_days` full days ago. If it does not record when, the rule cannot be judged."""

    max_days: Annotated[int, Meta(ge=0, le=100_000, description="The largest age in days.")]


class Architecture(Params, frozen=True, kw_only=True):
    """Fires if the image is made for a platform that is not among the allowed ones."""

    allowed: Annotated[tuple[NameGlob, ...], Meta(description="Processors (amd64) or platforms (linux/arm64/v8).")]

    def __post_init__(self) -> None:
        if not self.allowed:
            raise ValueError("expected at least one platform")


class DistroVersions(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A distribution, by its os-release(5) ID, and which of its versions are meant."""

    id: Annotated[NameGlob, Meta(description="ID of the distribution, such as debian.")]
    version: Annotated[Versions | None, Meta(description="A condition on VERSION_ID; none: all versions.")] = None


class Distribution(Params, frozen=True, kw_only=True):
    """Fires if the image is built on a forbidden distribution, on one that is not allowed, or does not state its distribution."""

    allowed: Annotated[
        tuple[DistroVersions, ...], Meta(description="The only distributions that the image may be built on.")
    ] = ()
    forbidden: Annotated[
        tuple[DistroVersions, ...], Meta(description="Distributions that the image must not be built on.")
    ] = ()

    def __post_init__(self) -> None:
        if not self.allowed and not self.forbidden:
            raise ValueError("expected allowed or forbidden: without one of them it never fires")


class Attribute(Params, frozen=True, kw_only=True):
    """Fires if the value of an attribute is forbidden, not allowed, or does not match. If the image does not state it, the rule cannot be
    judged.
    """

    attribute: Annotated[
        AttributeName,
        Meta(
            description="architecture or os (from the image's settings); distro, distro_version or like_distro (ID, VERSION_ID or ID_LIKE "
            "of os-release(5); like_distro is separated by commas, and is the ID if there is no ID_LIKE)."
        ),
    ]
    forbidden: Annotated[tuple[NameGlob, ...], Meta(description="Values that are not allowed.")] = ()
    allowed: Annotated[tuple[NameGlob, ...], Meta(description="The only values that are allowed; none: any.")] = ()
    pattern: Annotated[Pattern | None, Meta(description="A pattern that the value must not match.")] = None
    must_fit: Annotated[Pattern | None, Meta(description="A pattern that the value must match.")] = None
    versions: Annotated[Versions | None, Meta(description="Versions that are not allowed, for distro_version.")] = None

    def __post_init__(self) -> None:
        if not (self.forbidden or self.allowed or self.pattern or self.must_fit or self.versions):
            raise ValueError("expected a condition: without one it never fires")
        if self.versions and self.attribute != "distro_version":
            raise ValueError(f"expected versions only of distro_version, not of {self.attribute}")


class EndOfLife(Params, frozen=True, kw_only=True):
    """Fires if the distribution's release is no longer maintained, or its maintenance ends within `within_days` days."""

    within_days: Annotated[
        int, Meta(ge=0, le=100_000, description="Also if support ends within this number of days.")
    ] = 0
    extended: Annotated[bool, Meta(description="Whether extended support counts, which may have to be paid for.")] = (
        False
    )


def size(params: ImageSize, facts: Facts) -> Iterator[Answer]:
    """Add the layers up."""
    if facts.layers_are_untold:
        yield CannotTell(_UNTOLD)
        return
    sizes = [layer.size for layer in facts.inventory.source.layers]
    if any(layer_size < 0 for layer_size in sizes):
        yield CannotTell("the size of a layer is not known")
    total = sum(layer_size for layer_size in sizes if layer_size >= 0)
    sentence = f"The image has {total} bytes ({total / 10**6:.1f} MB)"
    evidence = (Evidence(detail=f"{total} bytes"),)
    if params.max is not None and total > params.max.bytes:
        yield Violation("size", f"{sentence}, and may have {params.max.text}.", evidence)
    elif params.min is not None and total < params.min.bytes:
        yield Violation("size", f"{sentence}, and must have {params.min.text}.", evidence)


def layers(params: LayerCount, facts: Facts) -> Iterator[Answer]:
    """Count the layers."""
    if facts.layers_are_untold:
        yield CannotTell(_UNTOLD)
        return
    count = len(facts.inventory.source.layers)
    evidence = (Evidence(detail=f"{count} layers"),)
    if params.max is not None and count > params.max:
        yield Violation("layers", f"The image has {count} layers, and may have {params.max}.", evidence)
    elif params.min is not None and count < params.min:
        yield Violation("layers", f"The image has {count} layers, and must have {params.min}.", evidence)
    elif count in params.forbidden:
        yield Violation("layers", f"The image has {count} layers, which is forbidden.", evidence)


def age(params: TooOld, facts: Facts) -> Iterator[Answer]:
    """Compare the time of the build with now."""
    created = _config(facts).created
    built = _time(created)
    if built is None:
        yield CannotTell(f"the image does not say when it was built (created is {created[:40]!r})")
    elif built > facts.now + timedelta(days=1):
        yield CannotTell(f"the image says it was built in the future, at {created[:40]}")
    elif (days := (facts.now - built).days) > params.max_days:
        message = f"The image was built {days} days ago, at {created[:40]}, and may be {params.max_days} days old."
        yield Violation("age", message, (Evidence(detail=created[:40]),))


def _grows_old(params: TooOld, facts: Facts) -> Iterator[datetime]:
    built = _time(_config(facts).created)
    if built is not None:
        yield from later(built, -1)
        yield from later(built, params.max_days + 1)


def architecture(params: Architecture, facts: Facts) -> Iterator[Answer]:
    """Check the platform."""
    config = _config(facts)
    if not config.architecture:
        yield CannotTell("the image does not say what platform it is made for")
        return
    platform = "/".join(part for part in (config.os, config.architecture, config.variant) if part)
    names = (config.architecture, f"{config.os}/{config.architecture}", platform)
    if not any(glob.matches(name) for glob in params.allowed for name in names):
        allowed = ", ".join(glob.text for glob in params.allowed)
        message = f"The image is made for {platform}, and must be made for {allowed}."
        yield Violation("architecture", message, (Evidence(detail=platform),))


def distribution(params: Distribution, facts: Facts) -> Iterator[Answer]:
    """Check os-release."""
    distro = facts.inventory.distro
    if distro is None:
        if params.allowed:
            yield Violation("distro", "The image does not say what distribution it is built on.")
        return
    shown = f"{distro.id} {distro.version_id}".strip()
    evidence = (Evidence(detail=shown),)
    forbidden = [_is_one(wanted, distro) for wanted in params.forbidden]
    allowed = [_is_one(wanted, distro) for wanted in params.allowed]
    if None in forbidden or (None in allowed and True not in allowed):
        yield CannotTell(f"the version of the distribution, {shown}, cannot be compared")
    if True in forbidden:
        yield Violation("distro", f"The image is built on {shown}, which is forbidden.", evidence)
    elif allowed and True not in allowed and None not in allowed:
        yield Violation(
            "distro", f"The image is built on {shown}, which is not among the allowed distributions.", evidence
        )


def attribute(params: Attribute, facts: Facts) -> Iterator[Answer]:
    """Check the attribute."""
    name, value = params.attribute, _read_attribute(params.attribute, facts)
    if not value:
        yield CannotTell(f"the image does not say its {name}")
        return
    try:
        wrong = _wrong(params, value)
    except InvalidVersion:
        yield CannotTell(f"the {name} {value[:_LONGEST]!r} cannot be compared with {params.versions}")
        return
    if wrong:
        yield Violation(
            name, f"The {name} of the image is {value[:_LONGEST]!r}, {wrong}.", (Evidence(detail=value[:200]),)
        )


def _read_attribute(name: AttributeName, facts: Facts) -> str:
    config, distro = _config(facts), facts.inventory.distro
    if name in ("architecture", "os"):
        return config.architecture if name == "architecture" else config.os
    if distro is None:
        return ""
    like = ",".join(distro.id_like) or distro.id
    return {"distro": distro.id, "distro_version": distro.version_id}.get(name, like)


def _wrong(params: Attribute, value: str) -> str:
    """A clause saying what is wrong with the value; "" if nothing is. Raises InvalidVersion."""
    if any(glob.matches(value) for glob in params.forbidden):
        return "which is forbidden"
    if params.allowed and not any(glob.matches(value) for glob in params.allowed):
        return "which is not among those that are allowed"
    if params.pattern is not None and params.pattern.is_in(value):
        return f"which fits the forbidden pattern {params.pattern.text!r}"
    if params.must_fit is not None and not params.must_fit.is_in(value):
        return f"and must fit {params.must_fit.text!r}"
    if params.versions is not None and params.versions.hold(value, "generic"):
        return f"and must not be {params.versions}"
    return ""


def end_of_life(params: EndOfLife, facts: Facts) -> Iterator[Answer]:
    """Check how long the release is maintained."""
    distro, known = facts.inventory.distro, facts.matches.lifecycles if facts.matches is not None else ()
    if distro is None:
        return
    shown = f"{distro.id} {distro.version_id or distro.codename}".strip()
    ends = _ends(params, facts)
    evidence = (Evidence(detail=max(ends, default=shown)),)
    if not ends:
        if any(life.is_ended for life in known):
            yield Violation("end_of_life", no_more(shown), evidence)
        else:
            yield CannotTell(f"how long {shown} is maintained is not known", kind="uncovered")
        return
    today = facts.now.astimezone(UTC).date()
    if max(ends) < today.isoformat():
        yield Violation("end_of_life", has_ended(shown, max(ends)), evidence)
    elif max(ends) < (today + timedelta(days=params.within_days)).isoformat():
        yield Violation("end_of_life", will_end(shown, max(ends)), evidence)


def _ends(params: EndOfLife, facts: Facts) -> list[str]:
    known = facts.matches.lifecycles if facts.matches is not None else ()
    return [end for life in known if (end := (params.extended and life.extended) or life.eol)]


def _is_left(params: EndOfLife, facts: Facts) -> Iterator[datetime]:
    """The times at which maintenance ends, and at which the end is near."""
    end = max(_ends(params, facts), default="")
    day = day_in(end)
    if day is not None and day.isoformat() == end:
        yield from starts(day, 1)
        yield from starts(day, 1 - params.within_days)
    elif end:
        yield from next_midnight(facts.now)


def _is_one(wanted: DistroVersions, distro: Distro) -> bool | None:
    if not wanted.id.matches(distro.id):
        return False
    if wanted.version is None:
        return True
    try:
        return wanted.version.hold(distro.version_id, "generic")
    except InvalidVersion:
        return None


def _time(text: str) -> datetime | None:
    """A time in RFC 3339 form, with fractions of any length; None for any other text, and for a placeholder date."""
    try:
        time = datetime.fromisoformat(_FRACTION.sub(r".\1", text, count=1))
    except ValueError:
        return None
    if time.year <= _FIRST_YEAR:
        return None
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)


def _config(facts: Facts) -> ImageConfig:
    return facts.inventory.config or ImageConfig()


def _shrink(params: ImageSize, subject: str) -> str:
    if params.max is None:
        return "look for what is missing: the image is smaller than it should be"
    return f"bring the layers below {params.max}: leave out what is not needed, or build in a stage of its own"


def _rebuild(params: TooOld, subject: str) -> str:
    return "build the image again"


def _upgrade(params: EndOfLife, subject: str) -> str:
    return "build on a release of the distribution that is maintained"


_CONFIG = frozenset((Need.CONFIG,))
_MATCHES = frozenset((Need.MATCHES,))

TRIGGERS = (
    Trigger(gate="image", name="size", params=ImageSize, check=size, advice=_shrink),
    Trigger(gate="image", name="layers", params=LayerCount, check=layers),
    Trigger(gate="image", name="age", params=TooOld, check=age, needs=_CONFIG, advice=_rebuild, deadlines=_grows_old),
    Trigger(gate="image", name="architecture", params=Architecture, check=architecture, needs=_CONFIG),
    Trigger(gate="image", name="attribute", params=Attribute, check=attribute, needs=_CONFIG),
    Trigger(gate="image", name="distro", params=Distribution, check=distribution, looks_at=frozenset(("distro",))),
    Trigger(
        gate=GATE,
        name=TRIGGER,
        params=EndOfLife,
        check=end_of_life,
        looks_at=frozenset(("distro",)),
        needs=_MATCHES,
        advice=_upgrade,
        deadlines=_is_left,
    ),
)
