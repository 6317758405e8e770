"""Signing in at registries: Basic (RFC 7617) and Bearer tokens (the distribution project's token specification).

A registry answers 401 with challenges; the token server that they name is asked, and its token kept for further requests.
"""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.net.http import Answer, Client, Request, origin
from hullmark.source.credentials import Credentials

_TOKEN_LIMIT = Limit(1 << 20, "bytes of a registry's answer with a token", "refused")
_MAX_CHALLENGES = Limit(16, "ways to log in that one answer of a registry names", "refused")
_CLIENT = "hullmark"
_PART = re.compile(
    r"""[\s,]*(?:([A-Za-z0-9!#$%&'*+.^_`|~-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))|([A-Za-z0-9!#$%&'*+.^_`|~-]+))"""
)


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to log in that a server offers. `scheme` and the names of parameters are in lower case."""

    scheme: str
    parameters: Mapping[str, str] = field(default_factory=dict)


class _Token(msgspec.Struct, frozen=True):
    token: str | None = None
    access_token: str | None = None


def parse_challenges(header: str) -> tuple[Challenge, ...]:
    """The challenges of WWW-Authenticate (RFC 9110, 11.6.1); what cannot be understood ends them."""
    challenges: list[tuple[str, dict[str, str]]] = []
    position = 0
    while (match := _PART.match(header, position)) and len(challenges) <= _MAX_CHALLENGES:
        position = match.end()
        name, quoted, plain, scheme = match.groups()
        if scheme:
            challenges.append((scheme.lower(), {}))
        elif challenges:
            value = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            challenges[-1][1].setdefault(name.lower(), value)
    return tuple(Challenge(scheme, parameters) for scheme, parameters in challenges)


class Login:
    """The state of being logged in to one repository of one registry. Serves many threads."""

    def __init__(self, client: Client, credentials: Credentials, scope: str) -> None:
        self._client = client
        self._credentials = credentials
        self._scope = scope
        self._lock = threading.Lock()
        self._header = f"Bearer {credentials.registry_token}" if credentials.registry_token else ""

    @property
    def is_anonymous(self) -> bool:
        """Is there no login for this registry?"""
        return not self._credentials

    @property
    def has_token(self) -> bool:
        """Did a token server give a token?"""
        return self._header.startswith("Bearer ")

    def header(self) -> str:
        """What to send as Authorization; "" at first, when nothing was requested yet."""
        return self._header

    def answer(self, challenges: str, url: str, sent: str) -> bool:
        """Try to satisfy the challenges of a 401 to a request that `sent` this Authorization. Is it worth trying again?

        Raises NetError and HullmarkError if the token server refuses.
        """
        with self._lock:
            if self._header != sent:
                return True  # another thread was faster
            offered = {challenge.scheme: challenge.parameters for challenge in reversed(parse_challenges(challenges))}
            if "bearer" in offered:
                header = f"Bearer {self._token(offered['bearer'], url)}"
            elif "basic" in offered and self._credentials.user and self._may_be_sent(url):
                header = self._basic()
            else:
                return False
            changed, self._header = header != sent, header
            return changed

    def _may_be_sent(self, url: str) -> bool:
        return not self._credentials.is_own or urlsplit(url).scheme == "https"

    def _basic(self) -> str:
        pair = f"{self._credentials.user}:{self._credentials.password}"
        return f"Basic {base64.b64encode(pair.encode()).decode()}"

    def _token(self, parameters: Mapping[str, str], url: str) -> str:
        realm = self._realm(parameters.get("realm", ""), url)
        query = {"scope": parameters.get("scope") or self._scope}
        if service := parameters.get("service"):
            query["service"] = service
        answer = self._client.fetch(self._token_request(realm, query), _TOKEN_LIMIT)
        if answer.status != 200:
            raise self._make_refusal(answer, realm)
        try:
            found = msgspec.json.decode(answer.body, type=_Token)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            found = _Token()
        token = found.token or found.access_token or ""
        if not token or not token.isascii() or not token.isprintable():
            raise HullmarkError(f"{origin(realm)} gave no token", advice="try again, or tell the registry's operator")
        return token

    def _token_request(self, realm: str, query: dict[str, str]) -> Request:
        if self._credentials.identity_token:
            form = {
                **query,
                "grant_type": "refresh_token",
                "client_id": _CLIENT,
                "refresh_token": self._credentials.identity_token,
            }
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            return Request(realm, headers, "POST", urlencode(form).encode())
        headers = {"Authorization": self._basic()} if self._credentials.user else {}
        return Request(f"{realm}{'&' if urlsplit(realm).query else '?'}{urlencode(query)}", headers)

    def _realm(self, realm: str, url: str) -> str:
        """The token server's address, if the login may be sent there. A registry on TLS must not lead away from it."""
        try:
            parts = urlsplit(realm)
            usable = parts.scheme in ("https", "http") and bool(parts.hostname) and "@" not in parts.netloc
        except ValueError:
            usable = False
            parts = urlsplit("")
        insecure = self._client.settings.trust.insecure or urlsplit(url).scheme == "http"
        if self._credentials.is_own and (
            parts.scheme != "https" or parts.netloc.lower() != urlsplit(url).netloc.lower()
        ):
            usable = False
        if not usable or (parts.scheme == "http" and not insecure):
            raise HullmarkError(
                f"{origin(url)} names no token server that may be asked", advice="tell the registry's operator"
            )
        return realm

    def _make_refusal(self, answer: Answer, realm: str) -> HullmarkError:
        if answer.status in (400, 401, 403):
            if self.is_anonymous:
                return HullmarkError(
                    f"{origin(realm)} gives no token without a login", advice="log in with docker or podman login"
                )
            return HullmarkError(
                f"{origin(realm)} refused the login", advice="log in again with docker or podman login"
            )
        return HullmarkError(f"{origin(realm)} gave no token (status {answer.status})", advice="try again later")
