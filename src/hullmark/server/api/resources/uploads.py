"""Uploads of image archives."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import msgspec
from litestar import Litestar, Request, Response, post
from litestar.di import NamedDependency
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIFormat
from litestar.params import QueryParameter

from hullmark.model.limit import Limit
from hullmark.server.api.bodies import BodyLimits, BoundedBody, Slots
from hullmark.server.api.caller import Caller
from hullmark.server.api.problems import Refusal
from hullmark.server.stories.images import uploads
from hullmark.server.stories.images.register import ImageRegistration, RegistrationResult
from hullmark.server.stories.services import Services
from hullmark.server.tables import audit
from hullmark.server.tables.database import Connection

_WRITE: dict[str, Any] = {"permission": "images:write", "streamed": True}
_SLOTS = "upload_slots"
_MOST_ANNOTATIONS = Limit(100, "annotations of an upload", "refused")

Reference = Annotated[
    str, QueryParameter(min_length=1, max_length=1200, description="The reference with a tag that it is to go by.")
]
Annotations = Annotated[str, QueryParameter(max_length=20_000, description="A JSON object of strings.")]


class UploadedView(msgspec.Struct, kw_only=True):
    """The result of an upload. `digest` is the image's; `archive` that of what was sent, whose `size` is in bytes.

    `is_new`: the account did not hold the image before.
    """

    digest: str
    state: str
    is_new: bool
    tag: str
    archive: str
    size: int


@dataclass
class _ArchiveOperation(Operation):
    """Says in the API's description what the body is."""

    def __post_init__(self) -> None:
        body = OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY))
        self.request_body = RequestBody(content={"application/x-tar": body}, required=True)


@post(
    "/uploads",
    status_code=201,
    opt=_WRITE,
    request_max_body_size=None,
    operation_class=_ArchiveOperation,
    summary="Upload an image archive",
)
async def upload_image(
    request: Request[Any, Any, Any],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    reference: Reference,
    annotations: Annotations = "",
) -> Response[UploadedView]:
    """Add an image by its archive, a tar as `docker save`, `podman save`, skopeo or buildx write it, which is the body as it is.

    The image is analysed soon, if nobody did yet. An archive without a manifest goes by the digest of one made of its config's digest and
    its layers' digests and sizes. Sending it twice is sending it once.
    """
    wanted = ImageRegistration(reference=str(uploads.parse_tag(reference)), annotations=_annotations(annotations))
    body = archive_body(request, services)
    view = await take_archive(request.app, services, caller, wanted, ArchiveStream(body.chunks(), body.is_gone))
    return Response(view, status_code=201, headers={"Location": f"/api/v1/images/{view.digest}"})


class ArchiveStream(NamedTuple):
    """An archive as it comes, and whether whoever sends it has gone."""

    chunks: AsyncIterator[bytes]
    is_gone: Callable[[], Awaitable[bool]]


def archive_body(request: Request[Any, Any, Any], services: Services) -> BoundedBody:
    """The body of a request that brings an archive."""
    limits = BodyLimits(most=services.settings.upload_limit, wait=services.settings.body_wait)
    return BoundedBody(request.scope, request.receive, limits)


async def take_archive(
    app: Litestar, services: Services, caller: Caller, wanted: ImageRegistration, stream: ArchiveStream
) -> UploadedView:
    """Keep an archive, and have the account hold the image in it. Raises Refusal, HullmarkError."""
    with _slots(app).taken(caller.account_id):
        received = await uploads.receive(services, caller.account_id, stream.chunks)

        async def entry(connection: Connection, added: RegistrationResult) -> None:
            after = {"reference": wanted.reference, "archive": received.digest, "size": received.size}
            await audit.record(connection, caller, "image.upload", "image", added.digest, None, after, caller.origin)

        admission = uploads.Admission(wanted, caller.name, stream.is_gone, entry)
        added = await uploads.admit(services, caller.account_id, received, admission)
    if added is None:
        raise Refusal(400, "the connection ended before the answer came", "send it again")
    return UploadedView(
        digest=added.digest,
        state=added.placed.state,
        is_new=added.is_new_here,
        tag=added.tagged,
        archive=received.digest,
        size=received.size,
    )


def _slots(app: Litestar) -> Slots:
    """The slots of this process."""
    if _SLOTS not in app.state:
        app.state[_SLOTS] = Slots()
    found: Slots = app.state[_SLOTS]
    return found


def _annotations(text: str) -> dict[str, str]:
    try:
        found = msgspec.json.decode(text, type=dict[str, str]) if text else {}
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise Refusal(
            400, "the annotations are not a JSON object of strings", 'write them as {"name":"value"}'
        ) from None
    if len(found) > _MOST_ANNOTATIONS or "\0" in "".join((*found, *found.values())):
        raise Refusal(400, "these annotations cannot be kept", f"give at most {_MOST_ANNOTATIONS}, of plain text")
    return found


ROUTES = [upload_image]
