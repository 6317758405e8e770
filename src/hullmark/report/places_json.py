"""What runs where as JSON, `hullmark-places/1`: every key always there, sorted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from hullmark.model.isolation import Isolation
from hullmark.model.place import Places
from hullmark.report.documents import encode
from hullmark.report.format import Format, RenderContext
from hullmark.report.parts import ToolJson
from hullmark.report.places_words import GradedContainer, grade_containers

SCHEMA = "hullmark-places/1"


class ReasonJson(msgspec.Struct, frozen=True):
    """Why it is this grade, or what is missing to the next: a setting, by its name in `isolation`, and a clause."""

    setting: str
    text: str


class GradeJson(msgspec.Struct, frozen=True):
    """How well a container is kept apart: for certain, and at most where something is not known."""

    at_most: str
    grade: str
    missing: tuple[ReasonJson, ...]
    reasons: tuple[ReasonJson, ...]


class ImageJson(msgspec.Struct, frozen=True):
    """The image: as it was asked for, and what it is, where the platform tells."""

    architecture: str | None
    config_digest: str | None
    digest: str | None
    is_inferred: bool
    reference: str


class PlaceJson(msgspec.Struct, frozen=True):
    """Where it runs."""

    cluster: str
    container: str
    kind: str
    namespace: str | None
    platform: str
    workload: str | None


class ContainerJson(msgspec.Struct, frozen=True):
    """A container that runs. `isolation` and its grade are null for an image that is mounted and not run."""

    grade: GradeJson | None
    id: str
    image: ImageJson
    isolation: Isolation | None
    labels: Mapping[str, str]
    node: str | None
    place: PlaceJson
    since: str


class PlacesJson(msgspec.Struct, frozen=True):
    """The whole document. `gaps` say what could not be told besides."""

    containers: list[ContainerJson]
    gaps: tuple[str, ...]
    schema: str
    tool: ToolJson


def render(places: Places, context: RenderContext) -> bytes:
    """The document as one line."""
    return encode(
        PlacesJson(
            containers=[_container(place) for place in grade_containers(places)],
            gaps=places.gaps,
            schema=SCHEMA,
            tool=ToolJson("hullmark", context.tool_version),
        )
    )


def _container(found: GradedContainer) -> ContainerJson:
    container, place, image = found.container, found.container.place, found.container.image
    return ContainerJson(
        grade=_grade(found),
        id=container.id,
        image=ImageJson(
            image.architecture or None,
            image.config_digest or None,
            image.digest or None,
            image.is_inferred,
            image.reference,
        ),
        isolation=container.isolation if found.assessment is not None else None,
        labels=container.labels,
        node=container.node or None,
        place=PlaceJson(
            place.cluster, place.container, place.kind, place.namespace or None, place.platform, place.workload or None
        ),
        since=moment(container.since),
    )


def moment(time: datetime) -> str:
    """A time as RFC 3339, in UTC and whole seconds."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _grade(found: GradedContainer) -> GradeJson | None:
    assessment = found.assessment
    if assessment is None:
        return None
    return GradeJson(
        at_most=assessment.at_most,
        grade=assessment.grade,
        missing=tuple(ReasonJson(reason.setting, reason.text) for reason in assessment.missing),
        reasons=tuple(ReasonJson(reason.setting, reason.text) for reason in assessment.reasons),
    )


FORMAT = Format(
    kind="places",
    name="json",
    media_type="application/vnd.hullmark.places.v1+json",
    file_name="places.json",
    render=render,
)
