"""Passwords: Argon2id (RFC 9106), computed beside the event loop, a few at a time since each takes memory."""

from __future__ import annotations

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from hullmark.model.errors import HullmarkError

_SHORTEST, _LONGEST = 8, 1024
_AT_A_TIME = 2


class BadPassword(HullmarkError):
    """Something that will not do as a password."""


class Passwords:
    """Makes and checks hashes. A check takes as long for somebody unknown as for somebody known."""

    def __init__(self, *, time_cost: int = 2, memory_kib: int = 19_456) -> None:
        """The costs of Argon2id; one lane."""
        self._hasher = PasswordHasher(time_cost=time_cost, memory_cost=memory_kib, parallelism=1)
        self._room = asyncio.Semaphore(_AT_A_TIME)
        self._nobodys = ""

    async def hash(self, password: str) -> str:
        """The hash of a password, with its salt and parameters."""
        async with self._room:
            return await asyncio.to_thread(self._hasher.hash, _bytes(password))

    async def verify(self, known: str, password: str) -> bool:
        """Whether a password matches a hash. "" is nobody's hash: checked all the same, and wrong."""
        if not self._nobodys:
            self._nobodys = await self.hash("nobody's password")
        async with self._room:
            right = await asyncio.to_thread(self._check, known or self._nobodys, password[: _LONGEST + 1])
        return right and bool(known)

    def is_outdated(self, known: str) -> bool:
        """Whether a hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(known)

    def _check(self, known: str, password: str) -> bool:
        try:
            return self._hasher.verify(known, _bytes(password))
        except (VerificationError, InvalidHashError):
            return False


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")


def check_password(password: str, name: str) -> None:
    """Raise BadPassword for what is too short, too long, or the person's own name (after NIST SP 800-63B)."""
    if not _SHORTEST <= len(password) <= _LONGEST or "\0" in password:
        raise BadPassword("the password cannot be used", advice=f"use {_SHORTEST} to {_LONGEST} characters")
    if password.casefold() == name.casefold() or len(set(password)) < 3:
        raise BadPassword("the password is too easy to guess", advice="use a longer one that nobody expects")
