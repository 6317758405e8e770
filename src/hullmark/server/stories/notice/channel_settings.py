"""The settings of channels: which are secret, how they are kept apart, encrypted, and shown, and whether their addresses may be reached."""

from __future__ import annotations

import socket
from collections.abc import Collection, Iterator, Mapping
from copy import copy
from functools import cache
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
from msgspec import inspect

from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.net.guard import Guard
from hullmark.notify.addresses import HIDDEN_PART, masked_address
from hullmark.notify.channel import Channel
from hullmark.notify.channels import CHANNELS
from hullmark.server.stories.services import Services
from hullmark.server.stories.vault import Vault
from hullmark.server.tables.database import Connection
from hullmark.server.tables.notice.channels import ChannelRow, change_channel

HIDDEN = "***"
"""Replaces a secret where settings are shown; sent back, it means the stored one."""

_MOST_BYTES = Limit(200_000, "bytes of a channel's settings", "refused")
_SIGNING = ("secret", "previous_secret")
"""Secrets that are not sent, but sign what is."""

_CHECKED = ("http", "https", "smtp", "smtps")
_PORTS = {"http": 80, "https": 443, "smtp": 25, "smtps": 465}


def kind_named(name: str) -> Channel:
    """A kind of channel. Raises HullmarkError if there is none."""
    if name not in CHANNELS:
        raise HullmarkError(f"there is no kind of channel {name[:50]!r}", advice=f"use one of {', '.join(CHANNELS)}")
    return CHANNELS[name]


@cache
def secret_names(settings: Any) -> frozenset[str]:
    """The settings of a struct that are marked as secrets."""
    kind = inspect.type_info(settings)
    assert isinstance(kind, inspect.StructType)  # noqa: S101 - as asked
    return frozenset(field.encode_name for field in kind.fields if _is_secret(field.type))


def _is_secret(kind: inspect.Type) -> bool:
    if isinstance(kind, inspect.Metadata):
        return bool((kind.extra or {}).get("secret")) or _is_secret(kind.type)
    return isinstance(kind, inspect.UnionType) and any(_is_secret(member) for member in kind.types)


def as_settings(channel: Channel, given: Mapping[str, Any]) -> Any:
    """Settings of a kind of channel. Raises HullmarkError that says what is wrong with them, and shows no secret."""
    try:
        if len(msgspec.json.encode(given)) > _MOST_BYTES:
            raise HullmarkError("the settings are too long", advice=f"keep them below {_MOST_BYTES} bytes")
        return msgspec.convert(_without_defaults(channel.settings, given), channel.settings)
    except (msgspec.MsgspecError, UnicodeEncodeError) as error:
        raise HullmarkError(
            f"the settings of {channel.name} cannot be used: {_fault(str(error))}"[:1000],
            advice=f"{channel.name} takes {_names(channel.settings)}; GET /api/v1/channel-kinds says more of them",
        ) from error


def _without_defaults(settings: type[msgspec.Struct], given: Mapping[str, Any]) -> dict[str, Any]:
    """Settings without default values: an empty address is the default, not a malformed address."""
    usual = {field.encode_name: field.default for field in msgspec.structs.fields(settings)}
    return {name: value for name, value in given.items() if name not in usual or value != usual[name]}


def _fault(text: str) -> str:
    """What is wrong with settings, in words for people: patterns say nothing to them."""
    what, _, place = text.rpartition(" - at `$.")
    name = place.rstrip("`")
    if what.startswith("Expected `str` matching regex"):
        return f"{name} is not written as it has to be"
    if what.startswith("Expected `array`"):
        return f'{name} has to be a list: ["…"]'
    return text


def _names(settings: Any) -> str:
    fields = msgspec.structs.fields(settings)
    needed = ", ".join(field.encode_name for field in fields if field.required)
    others = ", ".join(field.encode_name for field in fields if not field.required)
    return " and, if wanted, ".join(filter(None, (needed, others)))


def apart(settings: msgspec.Struct) -> tuple[dict[str, Any], dict[str, Any]]:
    """What may be shown of settings, and what is secret. An address with a secret in it is in both: as it is shown, and whole."""
    whole: dict[str, Any] = msgspec.to_builtins(settings)
    names = secret_names(type(settings))
    plain = {name: _mask_value(value) for name, value in whole.items() if name not in names}
    return plain, {name: value for name, value in whole.items() if name in names or plain[name] != value}


def _mask_value(value: Any) -> Any:
    """A setting that is not secret, as it is shown: an address may hold one."""
    return masked_address(value) if isinstance(value, str) else value


async def seal_again(connection: Connection, vault: Vault, row: ChannelRow) -> ChannelRow:
    """A channel that was kept when addresses were not looked at for secrets: from now on they are encrypted, too."""
    kind = CHANNELS.get(row.kind)
    if kind is None or all(_mask_value(value) == value for value in row.settings.values()):
        return row
    try:
        plain, secret = apart(as_settings(kind, given_settings(vault, row)))
    except HullmarkError:
        return row  # what is wrong with them is said where they are used
    kept = msgspec.structs.replace(row, settings=plain, secrets=seal_secrets(vault, row.account_id, row.id, secret))
    await change_channel(connection, kept)
    return kept


def seal_secrets(vault: Vault, account_id: int, channel_id: UUID, secret: Mapping[str, Any]) -> bytes:
    """Secrets as they are kept: bound to their channel."""
    return vault.encrypt(msgspec.json.encode(secret).decode(), _context(account_id, channel_id))


def given_settings(vault: Vault, row: ChannelRow) -> dict[str, Any]:
    """A channel's settings with its secrets. Raises HullmarkError if these cannot be decrypted."""
    secret = vault.decrypt(row.secrets, _context(row.account_id, row.id))
    return {**row.settings, **msgspec.json.decode(secret, type=dict[str, Any])}


def settings_of(vault: Vault, row: ChannelRow) -> tuple[Channel, Any]:
    """A channel's kind, and its settings as that takes them. Raises HullmarkError."""
    channel = kind_named(row.kind)
    return channel, as_settings(channel, given_settings(vault, row))


def show_settings(channel: Channel, given: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as they are shown."""
    names = secret_names(channel.settings)
    return {name: hide_secret(value) if name in names else _mask_value(value) for name, value in given.items()}


def hide_secret(value: Any) -> Any:
    """A secret as it is shown: whether there is one, and of mappings its names."""
    if isinstance(value, Mapping):
        return {name: hide_secret(child) for name, child in value.items()}
    if isinstance(value, list | tuple):
        return [hide_secret(item) for item in value]
    return HIDDEN if value else value


def fill_secrets(channel: Channel, given: Mapping[str, Any], kept: Mapping[str, Any]) -> dict[str, Any]:
    """Settings that were sent, with what is kept in the places of hidden secrets.

    Raises HullmarkError where nothing is kept, and where a kept secret would be sent to another server than until now: whoever may change
    a channel does not get to know its secrets by that.
    """
    names = secret_names(channel.settings)
    is_moved = bool(_origins(given, names) - _origins(kept, names)) and bool(kept)
    filled: dict[str, Any] = {}
    for name, value in given.items():
        if name in names and name not in _SIGNING and is_moved and _has_hidden(value):
            raise HullmarkError(
                f"{name}: the secret that is kept is not sent to another server", advice=f"give it instead of {HIDDEN}"
            )
        filled[name] = (
            _fill_secret(name, value, kept.get(name))
            if name in names
            else _restore_address(name, value, kept.get(name))
        )
    return filled


def _restore_address(name: str, value: Any, kept: Any) -> Any:
    """An address as it was shown is the one that is kept. Raises HullmarkError for one with a secret that is hidden otherwise."""
    if not isinstance(value, str) or HIDDEN_PART not in value or "://" not in value:
        return value
    if isinstance(kept, str) and value == masked_address(kept):
        return kept
    raise HullmarkError(f"{name}: a part of the address is hidden", advice=f"give all of it instead of {HIDDEN_PART}")


def _origins(settings: Mapping[str, Any], names: Collection[str]) -> set[str]:
    """Scheme, host and port of the addresses that are not secrets."""
    shown = {name: value for name, value in settings.items() if name not in names}
    return {
        f"{scheme}://{rest.partition('/')[0]}".lower()
        for scheme, _, rest in (url.partition("://") for url in _urls(shown))
    }


def _has_hidden(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_has_hidden, value.values()))
    return any(map(_has_hidden, value)) if isinstance(value, list) else value == HIDDEN


def _fill_secret(name: str, value: Any, kept: Any) -> Any:
    if value == HIDDEN:
        if not kept or not isinstance(kept, str):
            raise HullmarkError(f"{name}: there is no secret that could be kept", advice=f"give it instead of {HIDDEN}")
        return kept
    if isinstance(value, Mapping):
        named = kept if isinstance(kept, Mapping) else {}
        return {key: _fill_secret(f"{name}.{key}", child, named.get(key)) for key, child in value.items()}
    if isinstance(value, list):
        placed = kept if isinstance(kept, list) else []
        return [_fill_secret(name, item, placed[i] if i < len(placed) else None) for i, item in enumerate(value)]
    return value


def mask_settings(settings: Any) -> Any:
    """The same settings with every secret hidden, to show what would be sent. They need not be such as could be used."""
    found = copy(settings)
    names = secret_names(settings.__class__)
    for field in msgspec.structs.fields(settings):
        value = getattr(settings, field.name)
        if field.encode_name in names:
            msgspec.structs.force_setattr(found, field.name, _like(value) if value else value)
        else:
            msgspec.structs.force_setattr(found, field.name, _mask_value(value))
    return found


def _like(value: Any) -> Any:
    return tuple(hide_secret(value)) if isinstance(value, tuple) else hide_secret(value)


def check_addresses(services: Services, settings: msgspec.Struct) -> None:
    """Raises Forbidden where settings name an address that no request may go to. Blocks: names are resolved.

    What is not known today may be known tomorrow: whoever connects checks again.
    """
    for url in _urls(msgspec.to_builtins(settings)):
        _check(services.guard, url)


def _check(guard: Guard, url: str) -> None:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or _PORTS[parts.scheme.lower()]
    except ValueError as error:
        raise HullmarkError("a URL in the settings cannot be read", advice="write https://HOST/…") from error
    if not host:
        raise HullmarkError("a URL in the settings names no host", advice="write https://HOST/…")
    guard.check_name(host)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return
    for *_, address in found:
        guard.check(str(address[0]))


def _urls(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if value.partition("://")[0].lower() in _CHECKED and "://" in value:
            yield value
    elif isinstance(value, Mapping):
        for child in value.values():
            yield from _urls(child)
    elif isinstance(value, list):
        for item in value:
            yield from _urls(item)


def _context(account_id: int, channel_id: UUID) -> str:
    return f"channel/{account_id}/{channel_id}"
