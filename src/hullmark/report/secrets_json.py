"""The secrets of an image as JSON, `hullmark-secrets/1`: every key always there, sorted; no secret is in it."""

from __future__ import annotations

import msgspec

from hullmark.model.advisory import Severity
from hullmark.model.secret import ImageSecrets, Place, Secret
from hullmark.report.documents import encode
from hullmark.report.format import Format, RenderContext
from hullmark.report.inventory_json import SourceJson, source_json
from hullmark.report.parts import ProblemJson, ToolJson, problems

SCHEMA = "hullmark-secrets/1"


class SecretJson(msgspec.Struct, frozen=True, gc=False):
    """One secret. `allowed` is null for one that counts, else why it does not; `digest` is a keyed hash of it."""

    allowed: str | None
    digest: str
    is_ghost: bool
    kind: str
    layer: int
    line: int
    name: str
    path: str
    place: Place
    severity: Severity
    title: str


class SecretsJson(msgspec.Struct, frozen=True):
    """The whole document."""

    problems: list[ProblemJson]
    schema: str
    secrets: list[SecretJson]
    source: SourceJson
    tool: ToolJson


def render(result: ImageSecrets, context: RenderContext) -> bytes:
    """The document as one line."""
    document = SecretsJson(
        problems=problems(result.problems),
        schema=SCHEMA,
        secrets=[_secret(secret) for secret in result.secrets],
        source=source_json(result.source),
        tool=ToolJson("hullmark", context.tool_version),
    )
    return encode(document)


def _secret(secret: Secret) -> SecretJson:
    return SecretJson(
        allowed=secret.allowed or None,
        digest=secret.digest,
        is_ghost=secret.is_ghost,
        kind=secret.kind,
        layer=secret.layer,
        line=secret.line,
        name=secret.name,
        path=secret.path,
        place=secret.place,
        severity=secret.severity,
        title=secret.title,
    )


FORMAT = Format(
    kind="secrets",
    name="json",
    media_type="application/vnd.hullmark.secrets.v1+json",
    file_name="secrets.json",
    render=render,
)
