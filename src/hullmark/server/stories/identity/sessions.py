"""Sessions of people who use the console in a browser: opened for a proven secret, found by what the cookie holds, ended.

A session is bound to the password that it was opened with: once that is another one, the session is worth nothing. Where an identity
provider said who it is, the session goes by what it said then until it ends.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from hullmark.server.stories.identity.oidc import ProvenIdentity, Provider
from hullmark.server.stories.identity.subjects import (
    Principal,
    Subject,
    make_sign_in_refusal,
    subject_of_identity,
    subject_of_person,
)
from hullmark.server.stories.services import Services
from hullmark.server.tables import audit
from hullmark.server.tables.audit import RequestOrigin
from hullmark.server.tables.database import Connection, Database
from hullmark.server.tables.identity import accounts, sessions
from hullmark.server.tables.identity.sessions import NewSession, SessionRow

_NOTE_EVERY = timedelta(seconds=60)
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}").fullmatch


class SessionClient(msgspec.Struct, frozen=True, kw_only=True):
    """Where a session is opened: the request, with the address that its owner recognises, and what the browser calls itself."""

    origin: RequestOrigin = RequestOrigin()
    agent: str = ""


class _Actor(msgspec.Struct, frozen=True, kw_only=True):
    account_id: int
    name: str


class SessionLife(msgspec.Struct, frozen=True, kw_only=True):
    """For how many seconds a session lasts that nobody uses (`idle`), and any (`whole`)."""

    idle: float
    whole: float


class Sessions:
    """Opens and finds sessions. `life` is how long one lasts: unused, and in all.

    What an identity provider said counts only while the same provider's groups mean the same.
    """

    def __init__(
        self,
        database: Database,
        clock: Callable[[], datetime],
        life: SessionLife,
        provider: Provider | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._idle = timedelta(seconds=life.idle)
        self._life = timedelta(seconds=life.whole)
        self._provider_mark = _mark_of(provider)

    async def open(self, subject: Subject, client: SessionClient, identity: ProvenIdentity | None = None) -> str:
        """A new session for somebody proven; answers what its cookie holds, which is kept as a digest alone. The audit log of the first
        account says so."""
        secret, now = secrets.token_urlsafe(32), self._clock()
        wanted = NewSession(
            digest=digest_of(secret),
            owner=subject.who.id,
            person_id=subject.who.person_id,
            identity=None if identity is None else msgspec.to_builtins(identity),
            mark=subject.mark if identity is None else self._provider_mark,
            now=now,
            ends_at=now + self._life,
            address=client.origin.address,
            agent=_plain(client.agent),
        )
        async with self._database.system() as connection:
            await sessions.add_session(connection, wanted)
            await _tell_opened(connection, subject.who, client)
        return secret

    async def find(self, secret: str) -> Subject:
        """Whose session it is, with its end. Raises SignInRefused if there is none, or no longer."""
        now = self._clock()
        async with self._database.system() as connection:
            row = await sessions.session_by_digest(connection, digest_of(secret))
            if row is None or row.ends_at <= now or row.seen_at + self._idle <= now:
                raise make_sign_in_refusal()
            subject = await self._subject(connection, row)
            if not hmac.compare_digest(subject.mark, row.mark):
                raise make_sign_in_refusal()
            if row.seen_at + min(_NOTE_EVERY, self._idle / 10) <= now:
                await sessions.note_seen(connection, row.id, now)
        ends = min(row.ends_at, now + self._idle)
        return msgspec.structs.replace(subject, who=msgspec.structs.replace(subject.who, expires_at=ends))

    async def _subject(self, connection: Connection, row: SessionRow) -> Subject:
        if row.identity is None:
            return await subject_of_person(connection, await accounts.person_by_id(connection, row.person_id or 0))
        if not self._provider_mark:
            raise make_sign_in_refusal()
        subject = await subject_of_identity(connection, msgspec.convert(row.identity, ProvenIdentity))
        return msgspec.structs.replace(subject, mark=self._provider_mark)

    async def list_of(self, owner: str) -> list[SessionRow]:
        """The open sessions of an owner (`Who.id`), the last used first."""
        now = self._clock()
        async with self._database.system() as connection:
            return await sessions.sessions_of(connection, owner, now - self._idle, now)

    async def forget_ended(self) -> int:
        """Forget those that have ended; returns how many."""
        now = self._clock()
        async with self._database.system() as connection:
            return await sessions.forget_ended_sessions(connection, now - self._idle, now)


def sessions_of(services: Services, provider: Provider | None = None) -> Sessions:
    """The sessions of a server."""
    settings = services.settings
    life = SessionLife(idle=settings.session_idle, whole=settings.session_life)
    return Sessions(services.database, services.clock, life, provider)


def is_secret(text: str) -> bool:
    """Whether a text has the form of what a cookie holds."""
    return _SECRET(text) is not None


def digest_of(secret: str) -> bytes:
    """What a session is kept by."""
    return hashlib.sha256(b"session\0" + secret.encode("utf-8", "surrogatepass")).digest()


def _mark_of(provider: Provider | None) -> str:
    said = repr((provider.issuer, sorted(provider.groups.items()))) if provider else ""
    return hashlib.sha256(b"provider\0" + said.encode()).hexdigest()[:32] if said else ""


async def _tell_opened(connection: Connection, who: Principal, client: SessionClient) -> None:
    home = next((membership.account_id for membership in who.memberships if membership.state == "enabled"), None)
    if home is not None:
        actor = _Actor(account_id=home, name=who.name)
        resource, change = ("session", who.name), (None, {"agent": _plain(client.agent)})
        await audit.record_in(connection, home, actor, "session.open", resource, change, client.origin)


def _plain(agent: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in agent[:300])
