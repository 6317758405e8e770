"""What clients of Anchore's API send. Other fields are ignored, because clients send back whole records."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as NotBase64
from typing import Literal

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.report.anchore.words import Json

MAX_DOCKERFILE = Limit(2**20, "bytes of a Dockerfile that Anchore's clients send", "refused")
"""The most bytes of a Dockerfile that are accepted."""

MAX_ANNOTATIONS = Limit(1000, "annotations that Anchore's clients give an image", "refused")
_FORMS = 'a "tag" such as docker.io/library/nginx:1.27'


class FromTag(msgspec.Struct, frozen=True):
    """An image by its tag; `dockerfile` in base64."""

    pullstring: str
    dockerfile: str | None = None


class FromDigest(msgspec.Struct, frozen=True):
    """An image by its digest, and the tag to know it under."""

    pullstring: str
    tag: str
    dockerfile: str | None = None


class ImageSource(msgspec.Struct, frozen=True, rename={"import_": "import"}):
    """Where an image is from: one of these."""

    tag: FromTag | None = None
    digest: FromDigest | None = None
    archive: Json | None = None
    import_: Json | None = None


class ImageRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Which image to add, in the older form (`tag`, `digest`, `dockerfile`) or by `source`."""

    tag: str | None = None
    digest: str | None = None
    dockerfile: str | None = None
    annotations: dict[str, str] | None = None
    source: ImageSource | None = None


class WantedImage(msgspec.Struct, frozen=True, kw_only=True):
    """An image to add: the reference to fetch, the tag to know it under ("": that of the reference), the Dockerfile's text ("": none)."""

    reference: str
    tag: str = ""
    dockerfile: str = ""
    annotations: dict[str, str] = {}


class PolicyUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """The wanted state of a policy. `active` makes it the active one."""

    active: bool = False
    policybundle: Json | None = None


class SubscriptionRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A subscription to add, or to change: then only the given fields count."""

    subscription_key: str = ""
    subscription_type: str = ""
    subscription_value: str | None = None
    active: bool | None = None


class RegistryRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A registry and how to sign in there."""

    registry: str
    registry_user: str = ""
    registry_pass: str = ""
    registry_type: str = "docker_v2"
    registry_verify: bool = True
    registry_name: str | None = None


class AccountRequest(msgspec.Struct, frozen=True):
    """An account to add."""

    name: str
    email: str | None = None


class StateRequest(msgspec.Struct, frozen=True):
    """The state that an account should have."""

    state: Literal["enabled", "disabled"]


class UserRequest(msgspec.Struct, frozen=True):
    """A user to add."""

    username: str
    password: str


class CredentialRequest(msgspec.Struct, frozen=True):
    """A new password."""

    type: Literal["password"]
    value: str


def wanted_image(request: ImageRequest) -> WantedImage:
    """Which image a request is about. Raises HullmarkError where it names none, or an unsupported kind."""
    annotations = request.annotations or {}
    if len(annotations) > MAX_ANNOTATIONS:
        raise HullmarkError(f"the image has more than {MAX_ANNOTATIONS} annotations", advice="send fewer of them")
    reference, tag, dockerfile = _read_image_names(request)
    if not reference:
        raise HullmarkError("the request names no image", advice=f"send {_FORMS}")
    return WantedImage(reference=reference, tag=tag, dockerfile=_decode_base64(dockerfile), annotations=annotations)


def _read_image_names(request: ImageRequest) -> tuple[str, str, str]:
    """(reference, tag, Dockerfile in base64)"""
    source = request.source
    if source is None:
        by_digest = request.digest or ""
        tag = request.tag or ""
        return by_digest or tag, tag if by_digest else "", request.dockerfile or ""
    if source.tag is not None:
        return source.tag.pullstring, "", source.tag.dockerfile or ""
    if source.digest is not None:
        return source.digest.pullstring, source.digest.tag, source.digest.dockerfile or ""
    if source.archive is not None or source.import_ is not None:
        kind = "an archive of analyses" if source.archive is not None else "an import"
        raise HullmarkError(f"images cannot be added from {kind}", advice=f"send {_FORMS}")
    return "", "", ""


def _decode_base64(text: str) -> str:
    if len(text) > MAX_DOCKERFILE * 3 // 2:
        raise HullmarkError("the Dockerfile is too large", advice=f"send at most {MAX_DOCKERFILE:,} bytes")
    try:
        raw = b64decode("".join(text.split()), validate=True)
    except (NotBase64, ValueError) as error:
        raise HullmarkError("the Dockerfile is not base64", advice="encode its bytes in base64") from error
    if len(raw) > MAX_DOCKERFILE:
        raise HullmarkError("the Dockerfile is too large", advice=f"send at most {MAX_DOCKERFILE:,} bytes")
    return raw.decode("utf-8", "replace")
