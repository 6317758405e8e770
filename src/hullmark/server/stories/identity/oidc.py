"""OpenID Connect: tokens of an identity provider, checked by the keys that it publishes (OpenID Connect Discovery, RFC 7517, 7519)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any, cast, get_args

import jwt
import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.net.http import Client, Request, origin
from hullmark.server.stories.settings import Settings
from hullmark.server.tables.identity.accounts import Role

ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")
"""What a token may be signed by: never a shared secret, never nothing."""

_KEY_TYPES = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC", "EdDSA": "OKP"}
_LIMIT = Limit(1 << 20, "bytes of an identity provider's answer", "refused")
_MOST_KEYS = Limit(100, "keys of an identity provider", "refused")
_MOST_CLAIMS = Limit(1000, "groups in the claims of an identity provider", "refused")
_FRESH, _USABLE, _PAUSE = 600.0, 3600.0, 30.0
_LEEWAY = 30


class TokenRefused(HullmarkError):
    """A token that proves nothing."""


class ProviderUnreachable(HullmarkError):
    """The identity provider does not say by what keys it signs; the same may work later."""


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """A role in an account, as a token or a group gives it."""

    account: str
    role: Role


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """Whose tokens count, for whom they must be made, and what its groups may. `client` is what this server is called where people sign in
    in a browser ("": they cannot), `client_secret` what it proves that by ("": it is a public client)."""

    issuer: str
    audience: str
    groups: dict[str, Grant]
    client: str = ""
    client_secret: str = ""


class ProvenIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """What a token says. `subject` is unique over all providers."""

    subject: str
    called: str
    grants: tuple[Grant, ...]


def provider_of(settings: Settings) -> Provider | None:
    """The identity provider in the settings; None if there is none. Raises HullmarkError for settings that cannot be used."""
    if not settings.oidc_issuer:
        return None
    if not settings.oidc_issuer.startswith(("https://", "http://")) or not settings.oidc_audience:
        raise HullmarkError(
            "the identity provider's settings cannot be used",
            advice="HULLMARK_OIDC_ISSUER is a web address, and HULLMARK_OIDC_AUDIENCE the name that its tokens call this server by",
        )
    groups = parse_groups(settings.oidc_groups)
    return Provider(
        issuer=settings.oidc_issuer,
        audience=settings.oidc_audience,
        groups=groups,
        client=settings.oidc_client,
        client_secret=settings.oidc_client_secret,
    )


def parse_groups(text: str) -> dict[str, Grant]:
    """`GROUP=ACCOUNT:ROLE,…`, or the same as a JSON object. Raises HullmarkError for anything else."""
    try:
        if text.lstrip().startswith("{"):
            pairs = msgspec.json.decode(text, type=dict[str, str])
        else:
            parts = [part.rpartition("=") for part in text.split(",") if part.strip()]
            pairs = {group.strip(): grant.strip() for group, _, grant in parts}
    except msgspec.DecodeError as error:
        raise _bad_groups(text) from error
    grants = {group: _grant(grant) for group, grant in pairs.items()}
    if not all(group and grant is not None for group, grant in grants.items()):
        raise _bad_groups(text)
    return {group: grant for group, grant in grants.items() if grant is not None}


def _bad_groups(text: str) -> HullmarkError:
    return HullmarkError(
        f"HULLMARK_OIDC_GROUPS={text[:100]!r} cannot be used",
        advice="write GROUP=ACCOUNT:ROLE, several with commas, or a JSON object; roles: " + ", ".join(get_args(Role)),
    )


def _grant(text: object) -> Grant | None:
    account, _, role = text.partition(":") if isinstance(text, str) else ("", "", "")
    return Grant(account=account, role=cast("Role", role)) if account and role in get_args(Role) else None


def subject_of(issuer: str, sub: str) -> str:
    """What a person is known by: the issuer belongs to it, since another one may use the same `sub`."""
    return f"{issuer.rstrip('/')}#{sub}"


class Oidc:
    """Checks tokens. Keys are requested once in ten minutes, and when a token names one that is not known."""

    def __init__(self, provider: Provider, client: Client, monotonic: Callable[[], float]) -> None:
        self.provider = provider
        self._client = client
        self._monotonic = monotonic
        self._keys: tuple[Mapping[str, Any], ...] = ()
        self._description: Mapping[str, Any] = {}
        self._fetched: float | None = None
        self._tried: float | None = None
        self._lock = asyncio.Lock()

    async def check(self, token: str) -> ProvenIdentity:
        """What a token proves. Raises TokenRefused, ProviderUnreachable."""
        return self.identity_in(await self.claims(token))

    async def description(self) -> Mapping[str, Any]:
        """How the provider describes itself (OpenID Connect Discovery, 3). Raises ProviderUnreachable."""
        await self._fetch_keys(self._is_stale())
        return self._description

    async def claims(self, token: str, audience: str = "") -> Mapping[str, Any]:
        """The claims of a token, all checked but for whom they are; `audience` is whom it must be made for, if not the usual one.
        Raises TokenRefused, ProviderUnreachable."""
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError as error:
            raise _make_refusal("it is not a token") from error
        algorithm, kid = header.get("alg"), header.get("kid")
        if algorithm not in ALGORITHMS:
            raise _make_refusal("it is signed by an algorithm that is not allowed")
        candidates = await self._candidates(algorithm, kid)
        if not candidates:
            raise _make_refusal("it is signed by a key that the identity provider does not publish")
        for key in candidates:
            claims = self._verify_token(token, key, algorithm, audience or self.provider.audience)
            if claims is not None:
                _check_subject(claims)
                return claims
        raise _make_refusal("its signature is wrong")

    def _verify_token(self, token: str, key: Mapping[str, Any], algorithm: str, audience: str) -> dict[str, Any] | None:
        try:
            return jwt.decode(
                token,
                jwt.PyJWK(dict(key), algorithm),
                algorithms=[algorithm],
                audience=audience,
                issuer=self.provider.issuer,
                leeway=_LEEWAY,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.InvalidSignatureError:
            return None
        except jwt.InvalidTokenError as error:
            raise _make_refusal(_REASONS.get(type(error), "its claims are not those of a valid one")) from error
        except jwt.PyJWTError:
            return None  # an invalid key

    def identity_in(self, claims: Mapping[str, Any]) -> ProvenIdentity:
        """Whom checked claims name, and what they give it."""
        sub = claims["sub"]
        given = [_grant(text) for text in _texts(claims.get("hullmark"))]
        by_group = [self.provider.groups.get(group) for group in _texts(claims.get("groups"))]
        called = claims.get("preferred_username") or claims.get("email") or sub
        return ProvenIdentity(
            subject=subject_of(self.provider.issuer, sub),
            called=str(called)[:200],
            grants=tuple(grant for grant in (*given, *by_group) if grant is not None),
        )

    async def _candidates(self, algorithm: str, kid: object) -> list[Mapping[str, Any]]:
        """The published keys that may have signed: asked for again where none is known, but not all the time."""
        keys = await self._fetch_keys(self._is_stale())
        fitting = _fitting(keys, algorithm, kid)
        if not fitting and self._may_try():
            fitting = _fitting(await self._fetch_keys(True), algorithm, kid)
        return fitting

    def _is_stale(self) -> bool:
        return self._fetched is None or self._monotonic() - self._fetched > _FRESH

    def _may_try(self) -> bool:
        return self._tried is None or self._monotonic() - self._tried > _PAUSE

    async def _fetch_keys(self, wanted: bool) -> tuple[Mapping[str, Any], ...]:
        if not wanted:
            return self._keys
        async with self._lock:
            if self._may_try():
                self._tried = self._monotonic()
                try:
                    self._description, self._keys = await asyncio.to_thread(self._fetch)
                    self._fetched = self._monotonic()
                except HullmarkError as error:
                    self._check_usable(error)
        self._check_usable(None)
        return self._keys

    def _check_usable(self, cause: HullmarkError | None) -> None:
        """Keys that are a bit old are used while the provider is silent."""
        if self._fetched is None or self._monotonic() - self._fetched > _USABLE:
            raise ProviderUnreachable(
                f"the identity provider's keys cannot be had{f': {cause}' if cause else ''}",
                advice="try again later; check HULLMARK_OIDC_ISSUER, and HULLMARK_ALLOW_ADDRESSES if it is on this network",
            ) from cause

    def _fetch(self) -> tuple[Mapping[str, Any], tuple[Mapping[str, Any], ...]]:
        issuer = self.provider.issuer
        found = self._document(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        address = found.get("jwks_uri")
        if found.get("issuer") != issuer or not isinstance(address, str):
            raise HullmarkError(
                f"{origin(issuer)} describes another issuer", advice="write HULLMARK_OIDC_ISSUER as it does itself"
            )
        if issuer.startswith("https://") and not address.startswith("https://"):
            raise HullmarkError(
                f"{origin(issuer)} publishes its keys without TLS", advice="correct the identity provider"
            )
        keys = self._document(address).get("keys")
        if not isinstance(keys, list):
            raise HullmarkError(f"{origin(address)} publishes no keys", advice="check the identity provider")
        return found, tuple(key for key in keys[:_MOST_KEYS] if isinstance(key, dict))

    def _document(self, url: str) -> dict[str, Any]:
        answer = self._client.fetch(Request(url, {"Accept": "application/json"}), _LIMIT)
        try:
            document = json.loads(answer.body) if answer.status == 200 else None
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            raise HullmarkError(
                f"{origin(url)} answered {answer.status} and no JSON object", advice="check the address"
            )
        return document


_REASONS: dict[type[Exception], str] = {
    jwt.ExpiredSignatureError: "it has expired",
    jwt.ImmatureSignatureError: "it is not valid yet",
    jwt.InvalidAudienceError: "it was made for somebody else",
    jwt.InvalidIssuerError: "it was made by somebody else",
    jwt.MissingRequiredClaimError: "a claim is missing",
}


def _check_subject(claims: Mapping[str, Any]) -> None:
    sub = claims["sub"]
    if not sub or len(sub) > 500 or not sub.isprintable():
        raise _make_refusal("its subject cannot be used")


def _make_refusal(reason: str) -> TokenRefused:
    return TokenRefused(f"the token is refused: {reason}", advice="get a new token from the identity provider")


def _fitting(keys: tuple[Mapping[str, Any], ...], algorithm: str, kid: object) -> list[Mapping[str, Any]]:
    return [
        key
        for key in keys
        if key.get("kty") == _KEY_TYPES[algorithm]
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
        and (kid is None or key.get("kid") == kid)
    ]


def _texts(claim: object) -> list[str]:
    given = claim if isinstance(claim, list) else [claim]
    return [text for text in given[:_MOST_CLAIMS] if isinstance(text, str)]
