"""Harbor: a webhook of a project, in its default format or as CloudEvents. The secret is the header Authorization."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from hullmark.source.hooks.hook import Delivery, Hook, NamedTag, by_header, decode_body

_PUSHED = ("PUSH_ARTIFACT", "harbor.artifact.pushed")
_DELETED = ("DELETE_ARTIFACT", "harbor.artifact.deleted")


class _Resource(msgspec.Struct):
    tag: str = ""
    digest: str = ""
    resource_url: str = ""


class _Repository(msgspec.Struct):
    repo_full_name: str = ""


class _Data(msgspec.Struct):
    resources: list[_Resource] = []
    repository: _Repository | None = None


class _Body(msgspec.Struct):
    type: str
    event_data: _Data | None = None
    data: _Data | None = None


def _names(delivery: Delivery) -> Iterator[NamedTag]:
    body = decode_body(delivery, _Body, "webhook of Harbor")
    data = body.event_data or body.data
    if data is None or data.repository is None or body.type not in (*_PUSHED, *_DELETED):
        return
    for resource in data.resources:
        yield NamedTag(data.repository.repo_full_name, resource.tag, resource.digest, is_deleted=body.type in _DELETED)


HOOK = Hook(
    name="harbor",
    title="Harbor",
    registry="",
    shows="give the secret as the webhook's Auth Header",
    proves=by_header,
    names=_names,
)
