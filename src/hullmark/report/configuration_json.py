"""The settings of an image's programs as JSON, `hullmark-configuration/1`: every key always there, sorted."""

from __future__ import annotations

import msgspec

from hullmark.model.configuration import ImageConfiguration
from hullmark.model.setting import Value
from hullmark.report.documents import encode
from hullmark.report.format import Format, RenderContext
from hullmark.report.inventory_json import SourceJson, source_json
from hullmark.report.parts import ProblemJson, ToolJson, problems

SCHEMA = "hullmark-configuration/1"


class PlaceJson(msgspec.Struct, frozen=True, gc=False):
    """A line of a file; `file` is the real one where links lead to it, else empty."""

    file: str
    layer: int
    line: int
    path: str


class SettingJson(msgspec.Struct, frozen=True):
    """One setting in effect; `line` is 0, `path` empty and `layer` -1 where the program's own default holds.

    `more` are further lines that it comes of.
    """

    file: str
    key: str
    layer: int
    line: int
    more: list[PlaceJson]
    path: str
    value: Value


class UnsetJson(msgspec.Struct, frozen=True, gc=False):
    """A setting that nothing sets; `reason` says why its value is not known, and is empty where the program has no such setting."""

    key: str
    reason: str


class ConfigurationJson(msgspec.Struct, frozen=True):
    """The whole document; `files` are those that were read, `unset` the settings that nothing sets and whose values are not known."""

    files: tuple[str, ...]
    problems: list[ProblemJson]
    schema: str
    settings: list[SettingJson]
    source: SourceJson
    tool: ToolJson
    unset: list[UnsetJson]


def render(result: ImageConfiguration, context: RenderContext) -> bytes:
    """The document as one line."""
    found = result.configuration
    document = ConfigurationJson(
        files=found.files,
        problems=problems(result.problems),
        schema=SCHEMA,
        settings=[
            SettingJson(
                setting.file,
                setting.key,
                setting.layer,
                setting.line,
                [PlaceJson(place.file, place.layer, place.line, place.path) for place in setting.more],
                setting.path,
                setting.value,
            )
            for setting in found.settings
        ],
        source=source_json(result.source),
        tool=ToolJson("hullmark", context.tool_version),
        unset=[UnsetJson(one.key, one.reason) for one in found.unset],
    )
    return encode(document)


FORMAT = Format(
    kind="configuration",
    name="json",
    media_type="application/vnd.hullmark.configuration.v1+json",
    file_name="configuration.json",
    render=render,
)
