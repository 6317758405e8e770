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


class SettingJson(msgspec.Struct, frozen=True, gc=False):
    """One setting in effect; `line` is 0, `path` empty and `layer` -1 where the program's own default holds."""

    key: str
    layer: int
    line: int
    path: str
    value: Value


class ConfigurationJson(msgspec.Struct, frozen=True):
    """The whole document; `files` are those that were read."""

    files: tuple[str, ...]
    problems: list[ProblemJson]
    schema: str
    settings: list[SettingJson]
    source: SourceJson
    tool: ToolJson


def render(result: ImageConfiguration, context: RenderContext) -> bytes:
    """The document as one line."""
    found = result.configuration
    document = ConfigurationJson(
        files=found.files,
        problems=problems(result.problems),
        schema=SCHEMA,
        settings=[
            SettingJson(setting.key, setting.layer, setting.line, setting.path, setting.value)
            for setting in found.settings
        ],
        source=source_json(result.source),
        tool=ToolJson("hullmark", context.tool_version),
    )
    return encode(document)


FORMAT = Format(
    kind="configuration",
    name="json",
    media_type="application/vnd.hullmark.configuration.v1+json",
    file_name="configuration.json",
    render=render,
)
