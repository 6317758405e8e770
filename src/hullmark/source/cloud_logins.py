"""Logins that a cloud gives for its own registries: ECR's authorization token, and Google's access token as `oauth2accesstoken`.

They are asked for where no file of logins has one, for hosts of these clouds alone, and are sent to that very host by TLS and nowhere else.
https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html,
https://cloud.google.com/artifact-registry/docs/docker/authentication#token
"""

from __future__ import annotations

import base64
import re
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from importlib.util import find_spec

from hullmark.model.errors import HullmarkError
from hullmark.net.aws import AwsSession, AwsSettings
from hullmark.net.ecr import ecr_registry
from hullmark.net.google import GoogleTokens, credentials_file, is_at_google
from hullmark.net.http import HttpSettings
from hullmark.source.credentials import NOBODY, Credentials

_MARGIN = 300.0
"""Seconds before its end from which ECR's token, which lasts 12 hours, is not used any more."""
_GOOGLE = re.compile(r"(?:[a-z0-9-]{1,40}-docker\.pkg\.dev|(?:(?:us|eu|asia)\.)?gcr\.io)").fullmatch
_USUAL = AwsSettings(patience=2)
_GOOGLE_USER = "oauth2accesstoken"


class CloudLogins:
    """Finds logins for the registries of these `clouds`, and keeps each until it ends. Serves many threads.

    Amazon is asked where boto3 is installed, Google where credentials are configured or the machine is Google's.
    """

    def __init__(
        self,
        clouds: tuple[str, ...],
        http: HttpSettings,
        aws: AwsSettings = _USUAL,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._clouds = clouds
        self._environment = http.environment
        self._aws_settings = aws
        self._aws: AwsSession | None = None
        self._google = GoogleTokens(http)
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[Credentials, float]] = {}

    def find(self, host: str) -> Credentials:
        """The login for a registry; NOBODY for those of others, and where the cloud knows nobody here.

        Raises HullmarkError if Amazon refuses: ECR lets nobody in without a login.
        """
        if "ecr" in self._clouds and (ecr := ecr_registry(host)) is not None and find_spec("boto3") is not None:
            return self._ecr(ecr.region)
        if "google" in self._clouds and _GOOGLE(host) is not None:
            return self._of_google()
        return NOBODY

    def _ecr(self, region: str) -> Credentials:
        with self._lock:
            kept, ends = self._kept.get(region, (NOBODY, 0.0))
            if not kept or self._clock() >= ends - _MARGIN:
                self._aws = self._aws or AwsSession(self._aws_settings)
                answer = self._aws.client("ecr", region).call("get_authorization_token")
                kept, ends = self._kept[region] = _token(answer)
            return kept

    def _of_google(self) -> Credentials:
        if not credentials_file(self._environment) and not is_at_google(self._environment):
            return NOBODY
        try:
            return Credentials(_GOOGLE_USER, self._google.token(), is_own=True)
        except HullmarkError:
            return NOBODY  # the image may be public


def _token(answer: Mapping[str, object]) -> tuple[Credentials, float]:
    """What GetAuthorizationToken gives: `USER:PASSWORD` in base64, and when it ends."""
    data = answer.get("authorizationData")
    first = data[0] if isinstance(data, list) and data and isinstance(data[0], Mapping) else {}
    token, ends = first.get("authorizationToken"), first.get("expiresAt")
    try:
        user, _, password = base64.b64decode(str(token or ""), validate=True).decode("ascii").partition(":")
    except ValueError:  # neither base64 nor ASCII
        user = password = ""
    if not user or not password:
        # No cause: its message could quote the token.
        raise HullmarkError("ECR gave no token", advice="try again") from None
    return Credentials(user, password, is_own=True), ends.timestamp() if isinstance(ends, datetime) else 0.0
