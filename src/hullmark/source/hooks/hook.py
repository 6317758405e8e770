"""What a kind of hook is: how its sender proves itself, and which tags a body names.

A body is only trusted to name tags that are worth a look: the registry is asked what they are.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.model.reference import parse_reference

MOST_BYTES = Limit(1 << 20, "bytes of a registry's notification", "refused")
"""Bytes of a body."""

MOST_NAMED = Limit(
    200,
    "images that one notification of a registry names (the others are found when the registry is looked at again)",
    "later",
)
"""The most tags of one body that are taken."""

T = TypeVar("T")


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """What came: headers by their names in lower case, the body, and the token of the address ("": it had none)."""

    headers: Mapping[str, str]
    body: bytes
    token: str = ""


class NamedTag(msgspec.Struct, frozen=True):
    """A tag that something was done to, as the sender says. `registry` is "" where the body does not name it."""

    repository: str
    tag: str
    digest: str = ""
    registry: str = ""
    is_deleted: bool = False


class Hook(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of hook. `registry` is the host that it is of ("": whoever adds it says).

    `proves(delivery, secret)` is whether the sender knows the secret, in constant time. `names(delivery)` are the tags that it is about;
    raises HullmarkError for a body of another kind. `shows` says where the secret goes: in the address, or in a setting of the registry.
    """

    name: str
    title: str
    registry: str
    shows: str
    proves: Callable[[Delivery, str], bool]
    names: Callable[[Delivery], Iterator[NamedTag]]


def same(given: str, secret: str) -> bool:
    """Whether both are equal, in constant time."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), secret.encode()) and bool(secret)


def by_token(delivery: Delivery, secret: str) -> bool:
    """The secret is in the address."""
    return same(delivery.token, secret)


def by_header(delivery: Delivery, secret: str) -> bool:
    """The secret is the value of Authorization, by itself, as Bearer, or as the password of Basic."""
    return _is_authorized(delivery.headers.get("authorization", ""), secret)


def by_key(delivery: Delivery, secret: str) -> bool:
    """The secret is in the header X-Api-Key, or in Authorization."""
    # Both are compared, whichever holds it.
    return same(delivery.headers.get("x-api-key", ""), secret) | by_header(delivery, secret)


def _is_authorized(value: str, secret: str) -> bool:
    scheme, _, rest = value.partition(" ")
    if scheme.lower() == "basic":
        return same(_password(rest.strip()), secret)
    return same(rest.strip() if scheme.lower() == "bearer" else value, secret)


def _password(encoded: str) -> str:
    try:
        return base64.b64decode(encoded.encode(), validate=True).decode().partition(":")[2]
    except (binascii.Error, ValueError):
        return ""


def decode_body(delivery: Delivery, kind: type[T], what: str) -> T:
    """The body as what it should be. Raises HullmarkError for anything else."""
    try:
        return msgspec.json.decode(delivery.body, type=kind)
    except RecursionError:
        raise HullmarkError(
            f"this is not a {what}: it is nested too deeply", advice="check the kind of the hook"
        ) from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        reason = str(error)[:150]
        raise HullmarkError(f"this is not a {what}: {reason}", advice="check the kind of the hook") from error


def usable(found: Iterator[NamedTag], registry: str) -> list[NamedTag]:
    """The valid names of tags in the hook's registry, without repeats, at most MOST_NAMED, with the registry filled in."""
    kept: dict[tuple[str, str], NamedTag] = {}
    for named_tag in found:
        if len(kept) >= MOST_NAMED:
            break
        if named_tag.registry and registry and named_tag.registry != registry:
            continue
        host = registry or named_tag.registry
        try:
            named = parse_reference(f"{host}/{named_tag.repository}:{named_tag.tag}")
        except HullmarkError:
            continue
        if (named.host, named.tag) == (host, named_tag.tag) and not named.digest:
            kept[(named.repository, named.tag)] = msgspec.structs.replace(
                named_tag, repository=named.repository, registry=host
            )
    return list(kept.values())
