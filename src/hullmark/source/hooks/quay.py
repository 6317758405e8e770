"""Quay: a notification "Push to Repository" by webhook. It sends no proof of its own, so the secret is in the address."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from hullmark.source.hooks.hook import Delivery, Hook, NamedTag, by_token, decode_body


class _Body(msgspec.Struct):
    repository: str
    updated_tags: list[str] | dict[str, object]
    docker_url: str = ""


def _names(delivery: Delivery) -> Iterator[NamedTag]:
    body = decode_body(delivery, _Body, "push notification of Quay")
    host = body.docker_url.partition("/")[0]
    for tag in body.updated_tags:
        yield NamedTag(body.repository, tag, registry=host)


HOOK = Hook(
    name="quay",
    title="Quay",
    registry="quay.io",
    shows="the address holds the secret: give it as it is as the webhook's URL",
    proves=by_token,
    names=_names,
)
