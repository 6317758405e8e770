"""Channel `webhook`: a notice as a CloudEvent 1.0 (HTTP protocol binding), signed as Standard Webhooks 1.0.0 has it.

In structured mode the body is the event, in binary mode the notice alone, with the event's attributes in headers. The signature is
HMAC-SHA256 of `ID.TIMESTAMP.BODY`; while a key is replaced, the old one signs as well.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from hullmark.model.limit import Limit
from hullmark.model.notice import TRANSITION_KINDS, Digest, Notice
from hullmark.notify.channel import SECRET, Channel, Delivery, Post, Steps, check_reply

PREFIX = "whsec_"
_JSON = "application/json"
_STRUCTURED = "application/cloudevents+json; charset=utf-8"
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}").fullmatch
_VALUE = re.compile(r"[\x20-\x7e]{0,8000}").fullmatch
_OURS = ("content-type", "content-length", "host", "connection", "transfer-encoding", "webhook-", "ce-")
_MOST_HEADERS = Limit(20, "headers of a channel", "refused")
_SIZES = range(24, 65)
_UNCHANGED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")

Secret = Annotated[str, msgspec.Meta(extra=SECRET, max_length=20_000)]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where to, and how. `secret` signs: `whsec_` and 24 to 64 bytes in base64, or any text of at least 24 characters; `previous_secret`
    signs as well until `previous_until`.

    `token` is sent as bearer, or `username` and `password` as basic authentication; `headers` are sent along.
    """

    url: Annotated[
        str, msgspec.Meta(pattern=r"^https?://[^\s/@?#\\][^\s@\\]*$", max_length=2000, description="Where to.")
    ]
    mode: Literal["structured", "binary"] = "structured"
    secret: Secret = ""
    previous_secret: Secret = ""
    previous_until: datetime | None = None
    token: Secret = ""
    username: Annotated[str, msgspec.Meta(max_length=500, pattern=r"^[^:]*$")] = ""
    password: Secret = ""
    headers: Annotated[dict[str, str], msgspec.Meta(extra=SECRET, max_length=int(_MOST_HEADERS))] = {}

    def __post_init__(self) -> None:
        """Raises ValueError for secrets and headers that cannot be used."""
        for secret in (self.secret, self.previous_secret):
            if secret:
                _check_secret(secret)
        for name, value in self.headers.items():
            if not _NAME(name) or not _VALUE(value):
                raise ValueError(f"{name[:50]!r} is not a header that can be sent")
            if name.lower().startswith(_OURS):
                raise ValueError(f"the header {name} is set by the server")
        if self.token and (self.username or self.password):
            raise ValueError("a token and a password exclude each other")
        if self.token and not _VALUE(self.token):
            raise ValueError("the token holds characters that cannot be sent")


def key_of(secret: str) -> bytes:
    """The bytes of a written secret: base64 after `whsec_`, else the text itself. Raises ValueError."""
    if not secret.startswith(PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret[len(PREFIX) :], validate=True)
    except ValueError:  # binascii.Error is one; text that is not ASCII raises another
        raise ValueError("behind whsec_ the secret is not base64") from None


def _check_secret(secret: str) -> None:
    size = len(key_of(secret))
    if size < _SIZES.start or (secret.startswith(PREFIX) and size not in _SIZES):
        raise ValueError(f"a secret has {_SIZES.start} bytes at least, and behind whsec_ {_SIZES.stop - 1} at most")


def encode_key(key: bytes) -> str:
    """A key as a secret is written."""
    return PREFIX + base64.b64encode(key).decode()


def signature(secret: str, number: str, at: int, body: bytes) -> str:
    """What the receiver compares: `v1,` and the HMAC. `at` in seconds since 1970."""
    signed = f"{number}.{at}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key_of(secret), signed, hashlib.sha256)).decode()


def attributes(notice: Notice | Digest) -> dict[str, Any]:
    """The context attributes of the CloudEvent. Those that do not apply are omitted."""
    at = notice.until if isinstance(notice, Digest) else notice.at
    found: dict[str, Any] = {
        "specversion": "1.0",
        "id": notice.id,
        "source": _source(notice),
        "type": f"io.hullmark.{'digest' if isinstance(notice, Digest) else kind_of(notice)}",
        "time": at.isoformat().replace("+00:00", "Z"),
        "datacontenttype": _JSON,
    }
    if isinstance(notice, Notice) and notice.cause.subject:
        found["subject"] = notice.cause.subject
    if notice.is_replay:
        found["replay"] = True
    return found


def kind_of(notice: Notice) -> str:
    """The most urgent kind in a notice; "test" for a test."""
    if notice.is_test:
        return "test"
    return next((kind for kind in TRANSITION_KINDS if notice.kinds.get(kind)), "notice")


def _source(notice: Notice | Digest) -> str:
    """The account, at the server that links lead to."""
    root = notice.link.partition("/api/")[0] if "/api/" in notice.link else "urn:hullmark"
    return f"{root}/accounts/{_escape_segment(notice.account)}"


def _escape_segment(text: str) -> str:
    """As a segment of a URI."""
    return "".join(chr(byte) if byte in _UNCHANGED else f"%{byte:02X}" for byte in text.encode())


def header_value(value: object) -> str:
    """An attribute in binary mode (3.1.3.2): all but printable ASCII, and space, quote and percent sign, is escaped."""
    text = "true" if value is True else str(value)
    return "".join(
        chr(byte) if 0x21 <= byte <= 0x7E and byte not in (0x22, 0x25) else f"%{byte:02X}"
        for byte in text.encode("utf-8", "replace")
    )


def deliver(delivery: Delivery, settings: Settings) -> Steps:
    """One request."""
    about = attributes(delivery.notice)
    data = msgspec.to_builtins(delivery.notice)
    if settings.mode == "binary":
        about.pop("datacontenttype")
        headers = {"content-type": _JSON, **{f"ce-{name}": header_value(value) for name, value in about.items()}}
        body = msgspec.json.encode(data)
    else:
        headers = {"content-type": _STRUCTURED}
        body = msgspec.json.encode({**about, "data": data})
    headers |= _build_signature_headers(delivery, settings, body) | _authorization(settings)
    check_reply((yield Post(url=settings.url, body=body, headers={**settings.headers, **headers})), "the receiver")
    return ""


def _build_signature_headers(delivery: Delivery, settings: Settings, body: bytes) -> dict[str, str]:
    at = int(delivery.now.timestamp())
    secrets = [settings.secret] if settings.secret else []
    if settings.previous_secret and (settings.previous_until is None or delivery.now < settings.previous_until):
        secrets.append(settings.previous_secret)
    headers = {"webhook-id": delivery.notice.id, "webhook-timestamp": str(at)}
    if secrets:
        headers["webhook-signature"] = " ".join(signature(secret, delivery.notice.id, at, body) for secret in secrets)
    return headers


def _authorization(settings: Settings) -> dict[str, str]:
    if settings.token:
        return {"authorization": f"Bearer {settings.token}"}
    if settings.username or settings.password:
        pair = f"{settings.username}:{settings.password}".encode()
        return {"authorization": f"Basic {base64.b64encode(pair).decode()}"}
    return {}


CHANNEL = Channel(
    name="webhook",
    title="Webhook (CloudEvents, signed)",
    settings=Settings,
    deliver=deliver,
    module=__name__,
)
"""The channel."""
