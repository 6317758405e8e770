"""GitHub's container registry: a webhook with the event `registry_package` or `package`, signed with the secret (HMAC-SHA256)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator

import msgspec

from hullmark.source.hooks.hook import Delivery, Hook, NamedTag, decode_body, same

_EVENTS = ("registry_package", "package")


class _Tag(msgspec.Struct):
    name: str = ""
    digest: str = ""


class _Metadata(msgspec.Struct):
    tag: _Tag | None = None


class _Version(msgspec.Struct):
    package_url: str = ""
    container_metadata: _Metadata | None = None


class _Owner(msgspec.Struct):
    login: str = ""


class _Package(msgspec.Struct):
    name: str = ""
    namespace: str = ""
    package_type: str = ""
    owner: _Owner | None = None
    package_version: _Version | None = None


class _Body(msgspec.Struct):
    action: str = ""
    registry_package: _Package | None = None
    package: _Package | None = None


def _proves(delivery: Delivery, secret: str) -> bool:
    expected = "sha256=" + hmac.new(secret.encode(), delivery.body, hashlib.sha256).hexdigest()
    return same(delivery.headers.get("x-hub-signature-256", ""), expected) and bool(secret)


def _names(delivery: Delivery) -> Iterator[NamedTag]:
    if delivery.headers.get("x-github-event", "") not in _EVENTS:
        return  # GitHub's ping, and events that were chosen besides
    body = decode_body(delivery, _Body, "package event of GitHub")
    package = body.registry_package or body.package
    if package is None or package.package_version is None or package.package_type.lower() != "container":
        return
    metadata = package.package_version.container_metadata
    tag = metadata.tag if metadata is not None else None
    owner = package.namespace or (package.owner.login if package.owner is not None else "")
    if tag is not None and tag.name and body.action in ("published", "updated"):
        # Names of images are in lower case where those of owners are not.
        yield NamedTag(f"{owner}/{package.name}".lower(), tag.name, tag.digest)


HOOK = Hook(
    name="ghcr",
    title="GitHub Container Registry",
    registry="ghcr.io",
    shows="give the secret as the webhook's Secret, and choose the content type application/json",
    proves=_proves,
    names=_names,
)
