"""What is newer than an image's packages as JSON, `hullmark-upkeep/1`: every key always there, sorted."""

from __future__ import annotations

import msgspec

from hullmark.model.package import Package
from hullmark.model.upkeep import BaseImage, Forecast, NewerTags, Upkeep
from hullmark.report.documents import encode
from hullmark.report.format import Format, RenderContext
from hullmark.report.inventory_json import SourceJson, source_json
from hullmark.report.parts import ProblemJson, ToolJson, problems

SCHEMA = "hullmark-upkeep/1"


class IndexJson(msgspec.Struct, frozen=True):
    """A list of packages. `reason` is null where it was read."""

    date: str | None
    is_security: bool
    name: str
    packages: int
    reason: str | None
    url: str


class UpdateJson(msgspec.Struct, frozen=True):
    """A package and the version that its package manager would install."""

    arch: str
    candidate: str
    index: str
    installed: str
    is_security: bool
    name: str
    purl: str
    since: str | None


class ForecastJson(msgspec.Struct, frozen=True):
    """Vulnerabilities by their ids: those of now, and what all updates change."""

    come: tuple[str, ...]
    gone: tuple[str, ...]
    now: int
    uncovered: tuple[str, ...]
    updated: int


class EndJson(msgspec.Struct, frozen=True):
    """Until when a release is maintained, and for whom pays (ISO 8601); null where that is not known."""

    eol: str | None
    extended: str | None
    product: str
    release: str


class TagsJson(msgspec.Struct, frozen=True, gc=False):
    """How far its tag is behind; null where there is no such tag, or it is not known whether it moved."""

    count: int
    is_moved: bool | None
    newest: str | None
    of_line: str | None


class BaseJson(msgspec.Struct, frozen=True):
    """The image that it is built on. `layers` is 0 where only a label tells of it; `tags` is null where nobody asked, `vulnerabilities`
    where there are no advisories."""

    created: str | None
    digest: str | None
    layers: int
    packages: int
    reference: str
    tags: TagsJson | None
    vulnerabilities: int | None


class UpkeepJson(msgspec.Struct, frozen=True):
    """The whole document. `base` is null where nothing tells of one, `forecast` where there are no advisories; `unlisted` are packages that
    no list has."""

    base: BaseJson | None
    forecast: ForecastJson | None
    indexes: list[IndexJson]
    lifecycles: list[EndJson]
    packages: int
    problems: list[ProblemJson]
    schema: str
    source: SourceJson
    tool: ToolJson
    unlisted: list[str]
    updates: list[UpdateJson]


def render(upkeep: Upkeep, context: RenderContext) -> bytes:
    """The document as one line."""
    document = UpkeepJson(
        base=_base(upkeep.base) if upkeep.base is not None else None,
        forecast=_forecast(upkeep.forecast) if upkeep.forecast is not None else None,
        indexes=[
            IndexJson(
                index.date or None, index.is_security, index.name, index.packages, index.reason or None, index.url
            )
            for index in upkeep.indexes
        ],
        lifecycles=[
            EndJson(lifecycle.eol or None, lifecycle.extended or None, lifecycle.product, lifecycle.release)
            for lifecycle in upkeep.lifecycles
        ],
        packages=upkeep.packages,
        problems=problems(upkeep.problems),
        schema=SCHEMA,
        source=source_json(upkeep.source),
        tool=ToolJson("hullmark", context.tool_version),
        unlisted=[_name(package) for package in upkeep.unlisted],
        updates=[
            UpdateJson(
                arch=update.installed.arch,
                candidate=update.candidate.version,
                index=update.index,
                installed=update.installed.version,
                is_security=update.is_security,
                name=update.installed.name,
                purl=update.installed.purl,
                since=update.since or None,
            )
            for update in upkeep.updates
        ],
    )
    return encode(document)


def _forecast(forecast: Forecast) -> ForecastJson:
    return ForecastJson(
        come=forecast.come,
        gone=forecast.gone,
        now=len(forecast.now),
        uncovered=forecast.uncovered,
        updated=len(forecast.updated),
    )


def _tags(tags: NewerTags | None) -> TagsJson | None:
    return TagsJson(tags.count, tags.is_moved, tags.newest or None, tags.of_line or None) if tags is not None else None


def _base(base: BaseImage) -> BaseJson:
    return BaseJson(
        base.created or None,
        base.digest or None,
        base.layers,
        base.packages,
        base.reference,
        _tags(base.tags),
        base.vulnerabilities,
    )


def _name(package: Package) -> str:
    return package.purl or package.name


FORMAT = Format(
    kind="upkeep",
    name="json",
    media_type="application/vnd.hullmark.upkeep.v1+json",
    file_name="upkeep.json",
    render=render,
)
