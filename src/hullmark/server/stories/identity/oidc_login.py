"""Sign-in at an identity provider from a browser: the authorization code flow with PKCE (OpenID Connect Core 3.1, RFC 7636, RFC 9700).

What belongs to one attempt (state, nonce, verifier, and where to go on) is sealed and lies in a cookie of the browser that made it, so that
an answer of the provider counts in that browser alone, for some minutes.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.net.http import Client, Request, origin
from hullmark.server.stories.identity.oidc import Oidc, ProvenIdentity, ProviderUnreachable, TokenRefused
from hullmark.server.stories.vault import Vault

ATTEMPT_SECONDS = 600
"""How long somebody may take at the provider."""

_CONTEXT = "oidc login"
_LIMIT = Limit(1 << 18, "bytes of an identity provider's token answer", "refused")
_ADVICE = "begin again at the sign-in page; if it happens again, ask the operator of this server"


class _Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt to sign in."""

    state: str
    nonce: str
    verifier: str
    following: str
    ends: float


class BegunLogin(msgspec.Struct, frozen=True, kw_only=True):
    """Where the browser is sent to, and what its cookie holds meanwhile."""

    url: str
    sealed: str


class FinishedLogin(msgspec.Struct, frozen=True, kw_only=True):
    """Who it is, and the page to go on with."""

    identity: ProvenIdentity
    following: str


class OidcLogin:
    """Begins and finishes sign-ins. One for a process."""

    def __init__(self, oidc: Oidc, client: Client, vault: Vault) -> None:
        self._oidc = oidc
        self._provider = oidc.provider
        self._client = client
        self._vault = vault

    @property
    def issuer(self) -> str:
        """Whose people sign in."""
        return self._provider.issuer

    async def begin(self, redirect: str, following: str, now: datetime) -> BegunLogin:
        """An attempt that comes back to the address `redirect`, and goes on to `following`. Raises ProviderUnreachable."""
        described = await self._oidc.description()
        attempt = _Attempt(
            state=secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48),
            following=following,
            ends=(now + timedelta(seconds=ATTEMPT_SECONDS)).timestamp(),
        )
        supported = described.get("scopes_supported")
        groups = " groups" if isinstance(supported, list) and "groups" in supported else ""
        asked = {
            "response_type": "code",
            "client_id": self._provider.client,
            "redirect_uri": redirect,
            "scope": f"openid profile email{groups}",
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": _challenge(attempt.verifier),
            "code_challenge_method": "S256",
        }
        endpoint = self._endpoint(described, "authorization_endpoint")
        sealed = self._vault.encrypt(msgspec.json.encode(attempt).decode(), _CONTEXT)
        return BegunLogin(
            url=f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}",
            sealed=base64.urlsafe_b64encode(sealed).decode().rstrip("="),
        )

    async def finish(self, answer: Mapping[str, str], sealed: str, redirect: str, now: datetime) -> FinishedLogin:
        """Who the provider says it is, by the query that it sent the browser back with. Raises TokenRefused, ProviderUnreachable."""
        attempt = self._attempt(sealed)
        if attempt is None or attempt.ends <= now.timestamp():
            raise _make_refusal("it took too long, or began in another browser")
        if not hmac.compare_digest(attempt.state.encode(), answer.get("state", "").encode()):
            raise _make_refusal("its answer belongs to another attempt")
        if answer.get("iss", self._provider.issuer) != self._provider.issuer:  # RFC 9207
            raise _make_refusal("the answer is another provider's")
        if answer.get("error") or not answer.get("code"):
            raise _make_refusal("the identity provider did not agree")
        described = await self._oidc.description()
        token = await asyncio.to_thread(self._token, described, answer["code"], attempt.verifier, redirect)
        claims = await self._oidc.claims(token, self._provider.client)
        self._check(claims, attempt)
        return FinishedLogin(identity=self._oidc.identity_in(claims), following=attempt.following)

    def _attempt(self, sealed: str) -> _Attempt | None:
        try:
            content = base64.urlsafe_b64decode(sealed.encode("ascii") + b"=" * (-len(sealed) % 4))
            return msgspec.json.decode(self._vault.decrypt(content, _CONTEXT), type=_Attempt)
        except (ValueError, HullmarkError, msgspec.DecodeError):
            return None

    def _check(self, claims: Mapping[str, Any], attempt: _Attempt) -> None:
        nonce = claims.get("nonce")
        if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), attempt.nonce.encode()):
            raise _make_refusal("the token was made for another attempt")
        audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        if (len(audiences) > 1 or "azp" in claims) and claims.get("azp") != self._provider.client:
            raise _make_refusal("the token was made for somebody else")

    def _token(self, described: Mapping[str, Any], code: str, verifier: str, redirect: str) -> str:
        """The ID token that the code is exchanged for."""
        form = {
            "grant_type": "authorization_code",
            "code": code[:4000],
            "redirect_uri": redirect,
            "client_id": self._provider.client,
            "code_verifier": verifier,
        }
        headers = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
        if self._provider.client_secret:
            self._prove(described, form, headers)
        url = self._endpoint(described, "token_endpoint")
        try:
            found = self._client.fetch(Request(url, headers, "POST", urlencode(form).encode()), _LIMIT)
        except HullmarkError as error:
            raise ProviderUnreachable(f"the identity provider gives no token: {error}", advice="try again") from error
        token = _id_token(found.body) if found.status == 200 else None
        if found.status >= 500:
            raise ProviderUnreachable(f"{origin(url)} answered {found.status}", advice="try again later")
        if token is None:
            raise _make_refusal(f"the identity provider gave no token ({found.status})")
        return token

    def _prove(self, described: Mapping[str, Any], form: dict[str, str], headers: dict[str, str]) -> None:
        """Show the client's secret as the provider takes it: in a header unless it takes it in the body alone (RFC 6749, 2.3.1)."""
        methods = described.get("token_endpoint_auth_methods_supported")
        if isinstance(methods, list) and "client_secret_basic" not in methods and "client_secret_post" in methods:
            form["client_secret"] = self._provider.client_secret
            return
        pair = f"{quote(self._provider.client, safe='')}:{quote(self._provider.client_secret, safe='')}"
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"

    def _endpoint(self, described: Mapping[str, Any], name: str) -> str:
        """An address out of the provider's description. Raises ProviderUnreachable where there is none that can be used."""
        address, issuer = described.get(name), self._provider.issuer
        schemes = ("https://",) if issuer.startswith("https://") else ("https://", "http://")
        if not isinstance(address, str) or not address.startswith(schemes) or "#" in address or len(address) > 2000:
            raise ProviderUnreachable(f"{origin(issuer)} describes no usable {name}", advice="correct the provider")
        return address


def _id_token(body: bytes) -> str | None:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    token = answer.get("id_token") if isinstance(answer, dict) else None
    return token if isinstance(token, str) and len(token) <= _LIMIT else None


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def _make_refusal(reason: str) -> TokenRefused:
    return TokenRefused(f"the sign-in is refused: {reason}", advice=_ADVICE)
