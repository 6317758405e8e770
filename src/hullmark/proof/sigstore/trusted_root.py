"""Whom to believe: Sigstore's trusted root (protobuf-specs, sigstore_trustroot.proto, as JSON; v0.1 and v0.2), or certificates in PEM.

A trusted root names certificate authorities, transparency logs, logs of certificates and timestamping authorities, each with the time for
which it counts. PEM names certificate authorities alone.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.guard import guard_call
from hullmark.model.limit import Limit
from hullmark.proof.dsse import Key, checked_key, need_library
from hullmark.proof.notation import PEM_CERTIFICATE

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

ROOT_LIMIT = Limit(1 << 20, "bytes of a trusted root", "refused")
"""Bytes of a file with a trusted root."""

_MOST = Limit(64, "authorities, and logs of one kind, in a trusted root", "refused")
_MOST_CERTIFICATES = Limit(16, "certificates of one authority in a trusted root", "refused")
_MEDIA_TYPE = "application/vnd.dev.sigstore.trustedroot"
_ADVICE = "name a trusted_root.json of Sigstore's, or certificates of authorities in PEM"
T = TypeVar("T")


class Span(msgspec.Struct, frozen=True):
    """From when until when something counts; None: without an end."""

    start: datetime | None = None
    end: datetime | None = None

    def covers(self, moment: datetime) -> bool:
        """Whether the moment is in it. Both ends belong to it, as cosign has it."""
        return (self.start is None or self.start <= moment) and (self.end is None or moment <= self.end)


ALWAYS = Span()


@dataclass(frozen=True)
class Authority:
    """An authority that issues certificates. `anchors` are its roots; `others` lead to them."""

    anchors: tuple[Certificate, ...]
    others: tuple[Certificate, ...] = ()
    span: Span = ALWAYS


class Log(msgspec.Struct, frozen=True):
    """A log: its id (SHA-256, as entries name it), and its public key."""

    id: bytes
    key: Key
    span: Span = ALWAYS


class TrustedRoot(msgspec.Struct, frozen=True, kw_only=True):
    """Whom somebody believes. `unusable` says of entries that cannot be used why: a clause each; nothing is believed on their word.

    `names_certificate_logs`: it names some, whether or not they can be used.
    """

    authorities: tuple[Authority, ...]
    logs: tuple[Log, ...] = ()
    certificate_logs: tuple[Log, ...] = ()
    timestamp_authorities: tuple[Authority, ...] = ()
    unusable: tuple[str, ...] = ()
    names_certificate_logs: bool = False


class _Bytes(msgspec.Struct, rename="camel"):
    raw_bytes: str = ""


class _Span(msgspec.Struct):
    start: datetime | None = None
    end: datetime | None = None


class _PublicKey(msgspec.Struct, rename="camel"):
    raw_bytes: str = ""
    valid_for: _Span | None = None


class _LogId(msgspec.Struct, rename="camel"):
    key_id: str = ""


class _Log(msgspec.Struct, rename="camel"):
    public_key: _PublicKey
    base_url: str = ""
    log_id: _LogId | None = None


class _Chain(msgspec.Struct):
    certificates: tuple[_Bytes, ...] = ()


class _Authority(msgspec.Struct, rename="camel"):
    cert_chain: _Chain
    uri: str = ""
    valid_for: _Span | None = None


class _Wire(msgspec.Struct, rename="camel"):
    media_type: str = ""
    tlogs: tuple[_Log, ...] = ()
    certificate_authorities: tuple[_Authority, ...] = ()
    ctlogs: tuple[_Log, ...] = ()
    timestamp_authorities: tuple[_Authority, ...] = ()


def read_trusted_root(body: bytes, what: str) -> TrustedRoot:
    """The trusted root in a file, which `what` names. Raises HullmarkError."""
    need_library()
    if len(body) > ROOT_LIMIT:
        raise HullmarkError(f"{what} is larger than {ROOT_LIMIT:,} bytes", advice=_ADVICE)
    if b"-----BEGIN CERTIFICATE-----" in body:
        return _of_pem(body, what)
    try:
        wire = msgspec.json.decode(body, type=_Wire)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise HullmarkError(f"{what} is not a trusted root: {str(error)[:200]}", advice=_ADVICE) from error
    if not wire.media_type.startswith(_MEDIA_TYPE):
        raise HullmarkError(
            f"{what} is not a trusted root: its media type is {wire.media_type[:100]!r}", advice=_ADVICE
        )
    parts = (wire.tlogs, wire.ctlogs, wire.certificate_authorities, wire.timestamp_authorities)
    if any(len(part) > _MOST for part in parts):
        raise HullmarkError(f"{what} names more than {_MOST} authorities or logs", advice=_ADVICE)
    unusable: list[str] = []
    root = TrustedRoot(
        authorities=_usable(wire.certificate_authorities, _authority, unusable),
        logs=_usable(wire.tlogs, _log, unusable),
        certificate_logs=_usable(wire.ctlogs, _log, unusable),
        timestamp_authorities=_usable(wire.timestamp_authorities, _authority, unusable),
    )
    return msgspec.structs.replace(root, unusable=tuple(unusable), names_certificate_logs=bool(wire.ctlogs))


def _of_pem(body: bytes, what: str) -> TrustedRoot:
    from cryptography.x509 import load_pem_x509_certificate

    blocks = PEM_CERTIFICATE.findall(body)
    if not blocks or len(blocks) > _MOST_CERTIFICATES:
        raise HullmarkError(f"{what} holds {len(blocks)} certificates", advice=_ADVICE)
    try:
        anchors = guard_call(lambda: tuple(map(load_pem_x509_certificate, blocks)), _unreadable)
        return TrustedRoot(authorities=(Authority(anchors=anchors),))
    except ValueError as error:
        raise HullmarkError(f"a certificate in {what} cannot be read", advice=_ADVICE) from error


def _usable(listed: tuple[Any, ...], read: Callable[[Any], T], unusable: list[str]) -> tuple[T, ...]:
    """Those that can be read. One of a kind that is not known here, as a new log, must not cost the others."""
    found = []
    for entry in listed:
        try:
            found.append(read(entry))
        except (HullmarkError, ValueError) as error:
            name = str(getattr(entry, "base_url", "") or getattr(entry, "uri", ""))[:100] or "one without a name"
            unusable.append(f"{name} in the trusted root cannot be used: {str(error)[:200]}")
    return tuple(found)


def _log(wire: _Log) -> Log:
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    der = base64.b64decode(wire.public_key.raw_bytes, validate=True)
    key = checked_key(guard_call(lambda: load_der_public_key(der), _unreadable), "it")
    log_id = base64.b64decode(wire.log_id.key_id, validate=True) if wire.log_id is not None else b""
    return Log(log_id or hashlib.sha256(der).digest(), key, _span(wire.public_key.valid_for))


def _authority(wire: _Authority) -> Authority:
    """The last certificate of its chain is the root."""
    encoded = wire.cert_chain.certificates
    if not 1 <= len(encoded) <= _MOST_CERTIFICATES:
        raise ValueError(f"it has {len(encoded)} certificates")
    chain = tuple(read_certificate(base64.b64decode(each.raw_bytes, validate=True)) for each in encoded)
    return Authority(chain[-1:], chain[:-1], _span(wire.valid_for))


def _span(wire: _Span | None) -> Span:
    if wire is None:
        return ALWAYS
    if any(moment is not None and moment.tzinfo is None for moment in (wire.start, wire.end)):
        raise ValueError("the time for which it counts has no time zone")
    return Span(wire.start, wire.end)


def read_certificate(der: bytes) -> Certificate:
    """A certificate in DER. Raises ValueError."""
    from cryptography.x509 import load_der_x509_certificate

    certificate: Certificate = guard_call(lambda: load_der_x509_certificate(der), _unreadable)
    return certificate


def _unreadable(error: Exception) -> Any:
    raise ValueError(f"it is not one that can be read: {str(error)[:100]}") from error
