"""Keyless login: a token that an issuer gave a CI job, exchanged for a short-lived one of ours (after RFC 8693).

Which issuers, audiences and claims count is said by each account. Tokens are checked by the keys that their issuer publishes.
"""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jwt

from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.net.http import Client
from hullmark.server.stories.identity.oidc import Oidc, Provider, TokenRefused
from hullmark.server.tables.identity.accounts import Membership
from hullmark.server.tables.identity.federation import FederatedCredential

LONGEST_TOKEN = Limit(16 << 10, "characters of a token that is exchanged", "refused")
_MOST_ISSUERS = 200
_LONGEST_CLAIM = Limit(2000, "characters of a claim that a condition is about", "refused")
_LOCAL = re.compile(r"http://(?:localhost|127\.0\.0\.1|\[::1\])(?::[0-9]{1,5})?(?:/.*)?").fullmatch


class ExchangedIdentity(NamedTuple):
    """Which credential a token fits, and whom it names."""

    credential: FederatedCredential
    subject: str


class Federation:
    """Checks tokens of any number of issuers; the keys of each are kept for ten minutes."""

    def __init__(self, client: Client, monotonic: Callable[[], float]) -> None:
        self._client, self._monotonic = client, monotonic
        self._checks: OrderedDict[tuple[str, str], Oidc] = OrderedDict()

    async def identify(self, token: str, credentials: list[FederatedCredential]) -> ExchangedIdentity:
        """The first credential that a token fits. Raises TokenRefused where it fits none, ProviderUnreachable."""
        reason = TokenRefused("the token is refused: nobody here trusts its issuer", advice=_ADVICE)
        for credential in credentials:
            try:
                claims = await self._check_of(credential).claims(token)
            except TokenRefused as error:
                reason = error
                continue
            if fits(claims, credential.conditions):
                return ExchangedIdentity(credential, str(claims["sub"]))
            reason = TokenRefused("the token is refused: its claims do not fit", advice=_ADVICE)
        raise reason

    def _check_of(self, credential: FederatedCredential) -> Oidc:
        key = (credential.issuer, credential.audience)
        found = self._checks.get(key)
        if found is None:
            provider = Provider(issuer=credential.issuer, audience=credential.audience, groups={})
            found = self._checks[key] = Oidc(provider, self._client, self._monotonic)
            while len(self._checks) > _MOST_ISSUERS:
                self._checks.popitem(last=False)
        self._checks.move_to_end(key)
        return found


def issuer_in(token: str) -> str:
    """The issuer that a token names; nothing is proven by that. Raises TokenRefused for what is not a token."""
    if len(token) > LONGEST_TOKEN:
        raise TokenRefused("the token is refused: it is too long", advice=_ADVICE)
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise TokenRefused("the token is refused: it is not a token", advice=_ADVICE) from error
    issuer = claims.get("iss")
    return issuer if isinstance(issuer, str) and "\0" not in issuer else ""


def fits(claims: Mapping[str, Any], conditions: Mapping[str, str]) -> bool:
    """Whether claims fit all conditions, of which there must be one at least. In a pattern `*` stands for anything."""
    return bool(conditions) and all(_fits(claims.get(name), pattern) for name, pattern in conditions.items())


def check_credential(issuer: str, conditions: Mapping[str, str]) -> None:
    """Raise HullmarkError for what would trust too much: an issuer without TLS, or conditions that anybody meets."""
    if not (issuer.startswith("https://") or _LOCAL(issuer)):
        raise HullmarkError(
            "an issuer must be a web address with https", advice="write it as its tokens name it in `iss`"
        )
    if not any(pattern.strip("*") for pattern in conditions.values()):
        raise HullmarkError(
            "a federated credential needs a condition that says who is meant",
            advice="for GitHub: repository=OWNER/NAME or sub=repo:OWNER/NAME:*; for GitLab: project_path=GROUP/NAME",
        )


def _fits(claim: object, pattern: str) -> bool:
    if isinstance(claim, bool):
        claim = "true" if claim else "false"
    if isinstance(claim, int):
        claim = str(claim)
    if not isinstance(claim, str) or len(claim) > _LONGEST_CLAIM:
        return False
    return _matches(claim, pattern)


def _matches(text: str, pattern: str) -> bool:
    """Each part between stars is looked for once, from left to right: linear, whatever the pattern."""
    first, *rest = pattern.split("*")
    if not rest:
        return text == pattern
    if not text.startswith(first) or not text[len(first) :].endswith(rest[-1]):
        return False
    at, end = len(first), len(text) - len(rest[-1])
    for part in rest[:-1]:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return at <= end


def mark_of(credential: FederatedCredential) -> str:
    """What a token is bound to: all that decides who gets it, and what for."""
    conditions = sorted(credential.conditions.items())
    said = repr((credential.issuer, credential.audience, conditions, credential.role))
    return hashlib.sha256(said.encode()).hexdigest()[:32]


def membership_of(credential: FederatedCredential) -> Membership:
    """What a token for it gives."""
    return Membership(
        account_id=credential.account_id, account=credential.account, state="enabled", role=credential.role
    )


_ADVICE = "compare its issuer, audience and claims with the account's federated credentials"
