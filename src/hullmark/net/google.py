"""Access tokens for Google's services: of the credentials that are configured (Application Default Credentials, by google-auth), else of
the metadata server of a machine, pod or service at Google.

google-auth's requests go through the HTTP client of this room. https://cloud.google.com/docs/authentication/application-default-credentials
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.net.errors import NetError
from hullmark.net.http import Answer, Client, HttpSettings, Request

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_TOKEN_LIMIT = Limit(1 << 20, "bytes of an answer of Google's with a token", "refused")
_METADATA = "metadata.google.internal"
_TOKEN_PATH = "/computeMetadata/v1/instance/service-accounts/default/token"  # noqa: S105 - a path
_FLAVOR = "metadata-flavor"
_FLAVOR_VALUE = "Google"
_MARGIN = 60.0
"""Seconds before its end from which a token is not used any more."""
_PRODUCT = "/sys/class/dmi/id/product_name"


class _MetadataToken(msgspec.Struct, frozen=True):
    access_token: str
    expires_in: float
    token_type: str = "Bearer"  # noqa: S105 - a scheme's name


class GoogleTokens:
    """Gives access tokens, and keeps each until shortly before it ends. Serves many threads.

    `settings.environment` says what is configured; proxies in it are not used for the metadata server.
    """

    def __init__(self, settings: HttpSettings) -> None:
        self._settings = replace(settings, guard=None)
        self._lock = threading.Lock()
        self._token, self._ends = "", 0.0
        self._credentials: Any = None

    def token(self) -> str:
        """A token that is still good. Raises HullmarkError where none is to be had, NetError where Google cannot be reached."""
        with self._lock:
            if not self._token or self._settings.clock() >= self._ends - _MARGIN:
                self._token, self._ends = self._new()
            return self._token

    def _new(self) -> tuple[str, float]:
        token, ends = (
            self._refresh_credentials() if credentials_file(self._settings.environment) else self._of_machine()
        )
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise HullmarkError("Google gave no token", advice="try again, or check the credentials")
        return token, ends

    def _of_machine(self) -> tuple[str, float]:
        host = self._settings.environment.get("GCE_METADATA_HOST") or _METADATA
        client = Client(replace(self._settings, environment={}, timeout=min(5.0, self._settings.timeout), follow=False))
        request = Request(f"http://{host}{_TOKEN_PATH}", {"Metadata-Flavor": _FLAVOR_VALUE})
        answer = client.fetch(request, _TOKEN_LIMIT)
        if answer.status != 200 or answer.headers.get(_FLAVOR) != _FLAVOR_VALUE:
            raise HullmarkError(
                f"the metadata server gives no token (status {answer.status})",
                advice="give the machine a service account, or set GOOGLE_APPLICATION_CREDENTIALS",
            )
        try:
            found = msgspec.json.decode(answer.body, type=_MetadataToken)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            # No cause: its message could quote the token.
            raise HullmarkError(
                "the metadata server answers with something else than a token", advice="try again"
            ) from None
        return found.access_token, self._settings.clock() + found.expires_in

    def _refresh_credentials(self) -> tuple[str, float]:
        try:
            import google.auth
            import google.auth.exceptions
        except ModuleNotFoundError as error:
            raise HullmarkError(
                f"Google's credentials cannot be used: {error.name} is missing",
                advice="install it: pip install 'hullmark[google]'",
            ) from error
        send = _transport(Client(self._settings))
        try:
            if self._credentials is None:
                self._credentials, _ = google.auth.default(scopes=[SCOPE], request=send)
            self._credentials.refresh(send)
        except google.auth.exceptions.GoogleAuthError as error:
            if isinstance(error.__cause__, NetError):
                raise error.__cause__ from None
            raise HullmarkError(
                f"Google's credentials are not accepted ({type(error).__name__})",
                advice="check GOOGLE_APPLICATION_CREDENTIALS, or run: gcloud auth application-default login",
            ) from error
        expiry = self._credentials.expiry  # in UTC, without a zone
        ends = self._settings.clock() + _MARGIN if expiry is None else _seconds(expiry)
        return str(self._credentials.token or ""), ends


def credentials_file(environment: Mapping[str, str]) -> str:
    """The file of the credentials that are configured, as google-auth looks for it; "": there is none."""
    if named := environment.get("GOOGLE_APPLICATION_CREDENTIALS"):
        return named
    home = environment.get("HOME", "")
    folder = environment.get("CLOUDSDK_CONFIG") or (f"{home}/.config/gcloud" if home else "")
    path = f"{folder}/application_default_credentials.json"
    return path if folder and Path(path).is_file() else ""


def is_at_google(environment: Mapping[str, str]) -> bool:
    """Whether a metadata server can be expected: it is named, this is a service of Cloud Run, or the firmware is Google's."""
    if environment.get("GCE_METADATA_HOST") or environment.get("K_SERVICE"):
        return True
    try:
        return Path(_PRODUCT).read_text(encoding="ascii", errors="replace").startswith("Google")
    except OSError:
        return False


def _seconds(expiry: Any) -> float:
    from datetime import UTC

    return float(expiry.replace(tzinfo=UTC).timestamp() if expiry.tzinfo is None else expiry.timestamp())


def _transport(client: Client) -> Any:
    """Our client, as google-auth wants one."""
    from google.auth import exceptions, transport

    class Response(transport.Response):
        def __init__(self, answer: Answer) -> None:
            self._answer = answer

        @property
        def status(self) -> int:
            return self._answer.status

        @property
        def headers(self) -> Mapping[str, str]:
            return self._answer.headers

        @property
        def data(self) -> bytes:
            return self._answer.body

    class Transport(transport.Request):
        def __call__(
            self,
            url: str,
            method: str = "GET",
            body: bytes | str | None = None,
            headers: Mapping[str, str] | None = None,
            timeout: float | None = None,
            **more: object,
        ) -> Response:
            sent = body.encode() if isinstance(body, str) else body
            try:
                return Response(client.fetch(Request(url, dict(headers or {}), method, sent), _TOKEN_LIMIT))
            except NetError as error:
                raise exceptions.TransportError(str(error)) from error  # type: ignore[no-untyped-call]

    return Transport()
