"""Our own short-lived tokens: signed by the server's secret, for who has shown a password or a key."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime, timedelta

import jwt
import msgspec

from hullmark.server.stories.vault import Vault

LIFE = 900
"""Seconds that a token is good for."""

_ALGORITHM = "HS256"
_KIND = "hullmark+jwt"
_NAME = "hullmark"
_SUBJECT = re.compile(r"(person|key|federated):[0-9]{1,18}").fullmatch


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What a token says: for whom (`person:7`, `key:7`, `federated:7`), bound to which secret of it, and until when.

    `called` is who the holder was to the issuer whose token was exchanged for this one ("": none was).
    """

    sub: str
    mark: str
    ends: datetime
    called: str = ""


class Tokens:
    """Makes and checks tokens. Their key serves nothing else; what an identity provider signs is never checked here."""

    def __init__(self, vault: Vault) -> None:
        self._key = vault.derived("tokens")

    def issue(self, subject: str, mark: str, now: datetime, called: str = "") -> tuple[str, int]:
        """A token, and how many seconds it is good for."""
        claims = {
            "iss": _NAME,
            "aud": _NAME,
            "sub": subject,
            "mark": mark,
            "iat": int(now.timestamp()),
            "exp": int((now + timedelta(seconds=LIFE)).timestamp()),
            "jti": secrets.token_hex(8),
        } | ({"called": called} if called else {})
        return jwt.encode(claims, self._key, _ALGORITHM, {"typ": _KIND}), LIFE

    def is_own(self, token: str) -> bool:
        """Whether a token says that it is ours. Nothing is proven by that."""
        try:
            return jwt.get_unverified_header(token).get("typ") == _KIND
        except jwt.PyJWTError:
            return False

    def check(self, token: str, now: datetime) -> Claims | None:
        """What a token says; None if it is not ours, or has expired."""
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=[_ALGORITHM],
                audience=_NAME,
                issuer=_NAME,
                # The time is compared below, with the server's clock.
                options={"require": ["exp", "sub", "mark"], "verify_exp": False, "verify_iat": False},
            )
            ends = datetime.fromtimestamp(claims["exp"], UTC)
            subject, mark, called = claims["sub"], claims["mark"], str(claims.get("called", ""))
        except (jwt.PyJWTError, TypeError, ValueError, OverflowError, OSError):
            return None
        if ends <= now or not isinstance(mark, str) or _SUBJECT(subject) is None:
            return None
        return Claims(sub=subject, mark=mark, ends=ends, called=called)
