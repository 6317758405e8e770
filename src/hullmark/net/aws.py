"""Requests to Amazon's services by boto3 (the extra `aws`): who asks, how often a request is repeated, and what an error means.

boto3 is imported when the first client is made. It finds credentials, regions, proxies and certificates as Amazon documents it for all its
programs: environment, `~/.aws`, the role of a task or an instance.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hullmark._version import __version__
from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.net.errors import NetError
from hullmark.net.wait import backoff

_MAX_TEXT = Limit(500, "characters of an error of Amazon's that are shown", "shortened")
_SESSION = "hullmark"
_THROTTLED = frozenset(
    (
        *("Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException"),
        *(
            "TooManyRequestsException",
            "RequestLimitExceeded",
            "SlowDown",
            "BandwidthLimitExceeded",
            "LimitExceededException",
        ),
        *("ProvisionedThroughputExceededException", "PriorRequestNotComplete", "EC2ThrottledException"),
    )
)
_UNWELL = frozenset(("InternalFailure", "InternalError", "ServerException", "ServiceUnavailable", "RequestTimeout"))
_CREDENTIALS = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run with a role"


class AwsRefused(HullmarkError):
    """Amazon refuses the request, and will again. `code` is its name for the reason ("": it was not asked at all)."""

    def __init__(self, message: str, *, advice: str = "", code: str = "") -> None:
        super().__init__(message, advice=advice)
        self.code = code


class AwsUnwell(NetError):
    """Amazon wants fewer requests, has a fault, or cannot be reached: the same request may work later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsSettings:
    """Who asks, and how. `role` is the ARN of a role that the credentials boto3 finds may assume ("": they ask themselves), `external_id`
    what that role's trust demands. `endpoint` replaces Amazon's addresses ("": those).

    `attempts` is how often boto3 itself sends a request in its standard retry mode; after that we pause and begin again, `patience` times.
    `timeout` is in seconds of silence. `sleep` is the world's.
    """

    role: str = ""
    external_id: str = field(default="", repr=False)
    endpoint: str = ""
    attempts: int = 3
    patience: int = 6
    timeout: float = 30.0
    sleep: Callable[[float], None] = time.sleep


class AwsClient:
    """One service in one region. Serves many threads."""

    def __init__(self, client: Any, where: str, settings: AwsSettings) -> None:
        self._client = client
        self._where = where
        self._settings = settings

    def call(self, operation: str, **parameters: Any) -> Mapping[str, Any]:
        """The answer to an operation, named as boto3 does (`list_tasks`). Raises AwsRefused, and AwsUnwell once patience ends."""
        attempt = 0
        while True:
            try:
                answer: Mapping[str, Any] = getattr(self._client, operation)(**parameters)
                return answer
            except Exception as error:
                failure = _failure(error, f"{self._where} ({operation})")
                if failure is None:
                    raise
                if isinstance(failure, AwsRefused) or attempt >= self._settings.patience:
                    raise failure from error
            self._settings.sleep(backoff(attempt))
            attempt += 1


class AwsSession:
    """Makes clients for one identity. It and they serve many threads."""

    def __init__(self, settings: AwsSettings) -> None:
        self.settings = settings
        self._lock = threading.Lock()
        self._session: Any = None

    def client(self, service: str, region: str = "") -> AwsClient:
        """A client of a service, in the region that is configured where none is given. Raises HullmarkError for what is not installed
        or not configured."""
        with self._lock:  # boto3's sessions serve one thread
            if self._session is None:
                self._session = (
                    _open_role_session(self.settings, region) if self.settings.role else _boto3().session.Session()
                )
            return _client(self._session, service, region, self.settings)

    def region(self, environment: Mapping[str, str]) -> str:
        """The region that is configured, or that a container of Amazon's is told to be in. Raises HullmarkError if none is."""
        found = _boto3().session.Session().region_name or environment.get("AWS_REGION")
        if not found:
            raise HullmarkError("no region of Amazon's is configured", advice="give --region, or set AWS_REGION")
        return str(found)


def _boto3() -> Any:
    try:
        import boto3
    except ModuleNotFoundError as error:
        raise HullmarkError(
            f"Amazon cannot be asked: {error.name} is missing", advice="install it: pip install 'hullmark[aws]'"
        ) from error
    return boto3


def _client(session: Any, service: str, region: str, settings: AwsSettings) -> AwsClient:
    from botocore.config import Config

    config = Config(
        retries={"mode": "standard", "total_max_attempts": settings.attempts},
        connect_timeout=min(10.0, settings.timeout),
        read_timeout=settings.timeout,
        user_agent_extra=f"hullmark/{__version__}",
    )
    try:
        made = session.client(
            service, region_name=region or None, endpoint_url=settings.endpoint or None, config=config
        )
    except Exception as error:
        failure = _failure(error, f"Amazon {service}")
        if failure is None:
            raise
        raise failure from error
    return AwsClient(made, f"Amazon {service} in {made.meta.region_name}", settings)


def _open_role_session(settings: AwsSettings, region: str) -> Any:
    """A session whose credentials come from STS and are renewed there before they end (a role's last an hour)."""
    boto3 = _boto3()
    from botocore.credentials import CredentialProvider, CredentialResolver, DeferredRefreshableCredentials
    from botocore.session import get_session

    own = boto3.session.Session()
    # Regional endpoints answer where the global one does not: in other partitions, and from networks without a way out.
    sts = _client(own, "sts", region, settings)
    asked = {"RoleArn": settings.role, "RoleSessionName": _SESSION}
    if settings.external_id:
        asked["ExternalId"] = settings.external_id

    def refresh() -> dict[str, str]:
        given = sts.call("assume_role", **asked)["Credentials"]
        return {
            "access_key": given["AccessKeyId"],
            "secret_key": given["SecretAccessKey"],
            "token": given["SessionToken"],
            "expiry_time": given["Expiration"].isoformat(),
        }

    class RoleProvider(CredentialProvider):  # type: ignore[misc]
        METHOD = "assume-role"

        def load(self) -> Any:
            return DeferredRefreshableCredentials(refresh, self.METHOD)

    session = get_session()
    session.register_component("credential_provider", CredentialResolver([RoleProvider()]))
    return boto3.session.Session(botocore_session=session, region_name=own.region_name)


def _failure(error: Exception, where: str) -> AwsRefused | AwsUnwell | None:
    """boto3's exceptions, made into ours; None for a fault of ours. Messages of Amazon's name ARNs and actions, never secrets."""
    from botocore import exceptions

    if isinstance(error, HullmarkError):
        return error if isinstance(error, AwsRefused | AwsUnwell) else None
    if isinstance(error, exceptions.ClientError):
        return _refusal(error, where)
    if isinstance(
        error, exceptions.NoCredentialsError | exceptions.PartialCredentialsError | exceptions.CredentialRetrievalError
    ):
        return AwsRefused(f"{where}: there are no credentials", advice=_CREDENTIALS)
    if isinstance(error, exceptions.ParamValidationError):
        return None
    if isinstance(error, exceptions.HTTPClientError | exceptions.ConnectionError):
        return AwsUnwell(f"{where} cannot be reached", advice="check the network, the region and HTTPS_PROXY")
    if isinstance(error, exceptions.BotoCoreError):
        return AwsRefused(
            f"{where}: {str(error)[:_MAX_TEXT]}", advice="check the configuration in ~/.aws, and the region"
        )
    return None


def _refusal(error: Any, where: str) -> AwsRefused | AwsUnwell:
    told = error.response.get("Error", {})
    code, text = str(told.get("Code", ""))[:100], str(told.get("Message", ""))[:_MAX_TEXT]
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    message = f"{where}: {code}: {text}" if text else f"{where}: {code}"
    if code in _THROTTLED or status == 429:
        return AwsUnwell(message, advice="try again later, or have the account's request rates raised")
    if code in _UNWELL or status >= 500:
        return AwsUnwell(message, advice="try again later")
    if "AccessDenied" in code or "Unauthorized" in code:
        return AwsRefused(message, advice="allow what deploy/aws/policy.json lists", code=code)
    if "Token" in code or "Signature" in code or code == "InvalidClientTokenId":
        return AwsRefused(message, advice=_CREDENTIALS, code=code)
    return AwsRefused(message, advice="check the names, the account and the region", code=code)
