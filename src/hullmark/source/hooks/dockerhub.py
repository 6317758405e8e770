"""Docker Hub: a webhook of a repository. It sends no proof of its own, so the secret is in the address."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from hullmark.source.hooks.hook import Delivery, Hook, NamedTag, by_token, decode_body


class _Push(msgspec.Struct):
    tag: str


class _Repository(msgspec.Struct):
    repo_name: str


class _Body(msgspec.Struct):
    push_data: _Push
    repository: _Repository


def _names(delivery: Delivery) -> Iterator[NamedTag]:
    body = decode_body(delivery, _Body, "webhook of Docker Hub")
    yield NamedTag(body.repository.repo_name, body.push_data.tag)


HOOK = Hook(
    name="dockerhub",
    title="Docker Hub",
    registry="docker.io",
    shows="the address holds the secret: give it as it is as the webhook's URL",
    proves=by_token,
    names=_names,
)
