"""Who is asking: a person by password, an API key, a token of the identity provider, or a short-lived token of our own.

An answer is kept for `KEEP` seconds in the memory of its process. So long after a key is revoked, or a person, a membership or an account
is changed, another process may still go by what was; the process that made the change forgets at once.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import time
from collections.abc import Awaitable, Callable
from datetime import datetime

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.server.stories.identity.api_key import KEY_START, digest_of_key, is_key
from hullmark.server.stories.identity.basic import name_and_password
from hullmark.server.stories.identity.federation import Federation, issuer_in, mark_of
from hullmark.server.stories.identity.oidc import Oidc, ProvenIdentity, TokenRefused
from hullmark.server.stories.identity.passwords import Passwords
from hullmark.server.stories.identity.sessions import SessionClient, Sessions, digest_of
from hullmark.server.stories.identity.subjects import (
    Principal,
    SignInRefused,
    Subject,
    make_sign_in_refusal,
    subject_of_credential,
    subject_of_identity,
    subject_of_key,
    subject_of_person,
)
from hullmark.server.stories.identity.tokens import Tokens
from hullmark.server.stories.limits import TokenBuckets, network_of
from hullmark.server.tables.database import Database
from hullmark.server.tables.identity import accounts, federation, keys
from hullmark.server.tables.identity.accounts import Lock, PersonRow

KEEP = 5.0
"""Seconds that an answer is kept: the longest that a revoked key still works."""

KEY_USER = "_api_key"
"""The user name by which clients that know only passwords give an API key."""

_PROVEN_KEEP = 600.0
_LONGEST = 16_384
_MOST = 20_000
_FAILURES_A_MINUTE, _FAILURES_AT_ONCE = 30, 30


class TooManyFailures(HullmarkError):
    """Too many wrong sign-ins from this address; `wait` seconds until the next is looked at."""

    def __init__(self, wait: float) -> None:
        super().__init__("too many sign-ins from this address failed", advice=f"try again in {wait:.0f} seconds")
        self.wait = wait


class IssuedToken(msgspec.Struct, frozen=True, kw_only=True):
    """A short-lived token, and for how many seconds it is good."""

    token: str
    seconds: int


class OpenedSession(msgspec.Struct, frozen=True, kw_only=True):
    """A new session: whose, and what its cookie holds."""

    who: Principal
    secret: str


class Identity:
    """Proves who asks. One for a process."""

    def __init__(  # noqa: PLR0913 - the world, by name
        self,
        *,
        database: Database,
        tokens: Tokens,
        clock: Callable[[], datetime],
        sessions: Sessions,
        oidc: Oidc | None = None,
        federation: Federation | None = None,
        passwords: Passwords | None = None,
        lock: Lock | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.passwords = passwords or Passwords()
        self.sessions = sessions
        self.oidc = oidc
        self.federation = federation
        self._database = database
        self._tokens = tokens
        self._clock = clock
        self._lock = lock or Lock()
        self._monotonic = monotonic
        self._own = os.urandom(32)
        self._kept: dict[bytes, tuple[float, Subject | SignInRefused]] = {}
        self._proven: dict[bytes, float] = {}
        self._flights: dict[bytes, asyncio.Task[Subject]] = {}
        self._failures = TokenBuckets(_FAILURES_A_MINUTE, _FAILURES_AT_ONCE)

    def forget(self) -> None:
        """What was kept is requested again: something changed. Passwords that were proven stay so while their hash does."""
        self._kept = {}  # what is being found just now goes to the old ones
        self._flights = {}

    async def who(self, authorization: str, address: str) -> Principal:
        """Who a header `Authorization` proves. Raises Refused, TooManyFailures, ProviderUnreachable."""
        scheme, _, rest = authorization[: _LONGEST + 1].partition(" ")
        given = rest.strip()
        if not given or len(authorization) > _LONGEST:
            raise self._count_failure(address, make_sign_in_refusal())
        match scheme.lower():
            case "bearer":
                return (await self._bearer(given, address)).who
            case "basic":
                name, password = name_and_password(given)
                return (await self._by_password(name, password, address)).who
        raise self._count_failure(address, make_sign_in_refusal())

    async def by_password(self, name: str, password: str, address: str) -> Principal:
        """Who a name and a password prove. Raises as `who`."""
        return (await self._by_password(name, password, address)).who

    async def session_for(self, name: str, password: str, client: SessionClient) -> OpenedSession:
        """A session for a person's name and password; keys have none. Raises as `who`."""
        if name == KEY_USER:
            raise self._count_failure(client.origin.address, make_sign_in_refusal())
        subject = await self._by_password(name, password, client.origin.address)
        return OpenedSession(who=subject.who, secret=await self.sessions.open(subject, client))

    async def session_of(self, proven: ProvenIdentity, client: SessionClient) -> OpenedSession:
        """A session for whom the identity provider names. Raises SignInRefused."""
        async with self._database.system() as connection:
            subject = await subject_of_identity(connection, proven)
        return OpenedSession(who=subject.who, secret=await self.sessions.open(subject, client, proven))

    async def by_session(self, secret: str) -> Principal:
        """Whose session it is. Raises SignInRefused, which counts as no failure: nobody guesses a session, and a page that was left open
        asks again and again."""
        return (await self._recall_subject(digest_of(secret), lambda: self.sessions.find(secret))).who

    async def token_for(self, name: str, password: str, address: str) -> IssuedToken:
        """A short-lived token for a person's name and password, or KEY_USER and a key. Raises as `who`."""
        return self._issue(await self._by_password(name, password, address))

    async def token_by(self, authorization: str, address: str) -> IssuedToken:
        """A short-lived token for a header `Authorization` with a password or a key. Raises as `who`."""
        scheme, _, given = authorization[:_LONGEST].partition(" ")
        if scheme.lower() == "basic":
            name, password = name_and_password(given.strip())
            return await self.token_for(name, password, address)
        if scheme.lower() == "bearer" and is_key(given.strip()):
            return self._issue(await self._bearer(given.strip(), address))
        raise self._count_failure(address, make_sign_in_refusal())

    async def token_by_exchange(self, account: str, token: str, address: str) -> IssuedToken:
        """A short-lived token for one of an issuer that the account trusts. Raises as `who`."""
        try:
            issuer = issuer_in(token)
            async with self._database.system() as connection:
                found = await federation.credentials_of_issuer(connection, account, issuer)
            trusted = (
                [membership for membership in found if membership.account_state == "enabled"] if self.federation else []
            )
            if self.federation is None or not trusted:
                raise make_sign_in_refusal()
            credential, called = await self.federation.identify(token, trusted)
        except (TokenRefused, SignInRefused) as error:
            raise self._count_failure(address, SignInRefused(str(error), advice=error.advice)) from error
        now = self._clock()
        async with self._database.system() as connection:
            await federation.note_use(connection, credential.id, now)
        text, seconds = self._tokens.issue(f"federated:{credential.id}", mark_of(credential), now, called)
        return IssuedToken(token=text, seconds=seconds)

    def _issue(self, subject: Subject) -> IssuedToken:
        token, seconds = self._tokens.issue(subject.who.id, subject.mark, self._clock())
        return IssuedToken(token=token, seconds=seconds)

    async def _bearer(self, given: str, address: str) -> Subject:
        if given.startswith(KEY_START):
            if not is_key(given):  # its checksum is wrong: no question to the database
                raise self._count_failure(address, make_sign_in_refusal())
            digest = digest_of_key(given)
            return await self._recall_or_count_failure(digest, lambda: self._by_key(digest), address)
        cache_key = hashlib.sha256(b"token\0" + given.encode("utf-8", "surrogatepass")).digest()
        if self._tokens.is_own(given):
            return await self._recall_or_count_failure(cache_key, lambda: self._by_own_token(given), address)
        if self.oidc is None:
            raise self._count_failure(address, make_sign_in_refusal())
        checks = self.oidc
        return await self._recall_or_count_failure(cache_key, lambda: self._by_provider(checks, given), address)

    async def _by_password(self, name: str, password: str, address: str) -> Subject:
        if name == KEY_USER:
            return await self._bearer(password if password.startswith(KEY_START) else KEY_START, address)
        # What is refused to one network, as it is locked there, is not refused to another.
        proof = self._proof(f"{network_of(address)}\0{name}\0{password}")
        return await self._recall_or_count_failure(proof, lambda: self._prove(name, password, address), address)

    async def _recall_or_count_failure(
        self, key: bytes, find: Callable[[], Awaitable[Subject]], address: str
    ) -> Subject:
        """The same as `_recall_subject`; what is refused counts as a failure of the address. Raises TooManyFailures, too."""
        try:
            return await self._recall_subject(key, find)
        except SignInRefused as error:
            raise self._count_failure(address, error) from None

    async def _recall_subject(self, key: bytes, find: Callable[[], Awaitable[Subject]]) -> Subject:
        """What is kept, or found by one of those who ask for it at the same time. Raises SignInRefused."""
        kept = self._kept.get(key)
        if kept is not None and kept[0] > self._monotonic():
            found = kept[1]
            if isinstance(found, SignInRefused):
                raise SignInRefused(str(found), advice=found.advice)
        else:
            found = await self._find_once(key, find)
        if found.who.expires_at is not None and found.who.expires_at <= self._clock():
            raise make_sign_in_refusal()
        return found

    async def _find_once(self, key: bytes, find: Callable[[], Awaitable[Subject]]) -> Subject:
        flight = self._flights.get(key)
        if flight is None:
            flight = asyncio.create_task(self._find(key, find))
            self._flights[key] = flight
            flight.add_done_callback(lambda done: self._end_flight(key, done))
        return await asyncio.shield(flight)

    def _end_flight(self, key: bytes, flight: asyncio.Task[Subject]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]
        if not flight.cancelled():
            flight.exception()  # looked at: the process that waited for it may be gone

    async def _find(self, key: bytes, find: Callable[[], Awaitable[Subject]]) -> Subject:
        kept = self._kept
        until = self._monotonic() + KEEP
        try:
            found: Subject | SignInRefused = await find()
        except TokenRefused as error:
            found = SignInRefused(str(error), advice=error.advice)
        except SignInRefused as error:
            found = error
        kept[key] = (until, found)
        while len(kept) > _MOST:
            kept.pop(next(iter(kept)), None)
        if isinstance(found, SignInRefused):
            raise found
        return found

    def _count_failure(self, address: str, error: SignInRefused) -> HullmarkError:
        wait = self._failures.take(network_of(address), self._monotonic())
        return TooManyFailures(wait) if wait else SignInRefused(str(error), advice=error.advice)

    async def _by_key(self, digest: bytes) -> Subject:
        async with self._database.system() as connection:
            holder = await keys.key_holder_by_digest(connection, digest)
            return await subject_of_key(connection, holder, self._clock())

    async def _by_own_token(self, token: str) -> Subject:
        claims = self._tokens.check(token, self._clock())
        if claims is None:
            raise make_sign_in_refusal()
        kind, _, number = claims.sub.partition(":")
        async with self._database.system() as connection:
            if kind == "key":
                subject = await subject_of_key(
                    connection, await keys.key_holder_by_id(connection, int(number)), self._clock()
                )
            elif kind == "federated":
                subject = subject_of_credential(
                    await federation.credential_by_id(connection, int(number)), claims.called
                )
            else:
                subject = await subject_of_person(connection, await accounts.person_by_id(connection, int(number)))
        if not hmac.compare_digest(subject.mark, claims.mark):
            raise make_sign_in_refusal()
        ends = claims.ends if subject.who.expires_at is None else min(claims.ends, subject.who.expires_at)
        return Subject(who=msgspec.structs.replace(subject.who, expires_at=ends), mark=subject.mark)

    async def _prove(self, name: str, password: str, address: str) -> Subject:
        """By password. A recently proven one is not computed again, and keeps working while failures lock the network it comes from."""
        async with self._database.system() as connection:
            person = await accounts.person_by_name(connection, name) if _is_name(name) else None
            if person is not None and self._was_proven(person, password):
                return await subject_of_person(connection, person)
        network = network_of(address)
        if wait := self._failures.wait(network, self._monotonic()):
            raise TooManyFailures(wait)
        async with self._database.system() as connection:
            claimed = (
                await accounts.claim_attempt(connection, name, network, self._clock(), self._lock)
                if _is_name(name)
                else None
            )
        hash_ = claimed.password_hash if claimed is not None and claimed.state == "enabled" else ""
        if not await self.passwords.verify(hash_, password) or claimed is None:
            raise make_sign_in_refusal()
        rehashed = await self.passwords.hash(password) if self.passwords.is_outdated(hash_) else ""
        async with self._database.system() as connection:
            await accounts.forget_failures(connection, claimed.id, network, rehashed)
            subject = await subject_of_person(connection, await accounts.person_by_id(connection, claimed.id))
        self._remember_proof(rehashed or hash_, password)
        return subject

    def _was_proven(self, person: PersonRow, password: str) -> bool:
        until = self._proven.get(self._proof(f"{person.password_hash}\0{password}"))
        return until is not None and until > self._monotonic()

    def _remember_proof(self, hash_: str, password: str) -> None:
        self._proven[self._proof(f"{hash_}\0{password}")] = self._monotonic() + _PROVEN_KEEP
        while len(self._proven) > _MOST:
            self._proven.pop(next(iter(self._proven)), None)

    async def _by_provider(self, oidc: Oidc, token: str) -> Subject:
        proven = await oidc.check(token)
        async with self._database.system() as connection:
            return await subject_of_identity(connection, proven)

    def _proof(self, text: str) -> bytes:
        return hmac.digest(self._own, text.encode("utf-8", "surrogatepass"), "sha256")


def _is_name(name: str) -> bool:
    return 0 < len(name) <= 200 and name.isprintable()
