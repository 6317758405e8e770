"""The distribution project's registry: notifications (docs: "Work with notifications"). The secret is the header Authorization."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from hullmark.source.hooks.hook import Delivery, Hook, NamedTag, by_header, decode_body


class _Target(msgspec.Struct):
    repository: str = ""
    tag: str = ""
    digest: str = ""


class _Event(msgspec.Struct):
    action: str = ""
    target: _Target | None = None


class _Envelope(msgspec.Struct):
    events: list[_Event]


def _names(delivery: Delivery) -> Iterator[NamedTag]:
    for event in decode_body(delivery, _Envelope, "envelope of notifications").events:
        target = event.target
        if target is not None and target.tag and event.action in ("push", "delete"):
            yield NamedTag(target.repository, target.tag, target.digest, is_deleted=event.action == "delete")


HOOK = Hook(
    name="distribution",
    title="Distribution (docker-registry)",
    registry="",
    shows="give the secret in the endpoint's headers: Authorization: [Bearer SECRET]",
    proves=by_header,
    names=_names,
)
