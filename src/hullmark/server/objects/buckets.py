"""Buckets as the environment describes them: credentials, region and endpoint from the variables that every tool reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from obstore.store import AzureStore, GCSStore, ObjectStore, S3Store

from hullmark.model.errors import HullmarkError

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig

_CLIENT: ClientConfig = {"connect_timeout": "10s", "timeout": "120s"}
_RETRIES: RetryConfig = {"max_retries": 5, "retry_timeout": timedelta(seconds=60)}

_AWS = (
    "access_key_id",
    "secret_access_key",
    "session_token",
    "token",
    "region",
    "default_region",
    "endpoint",
    "endpoint_url",
    "allow_http",
    "virtual_hosted_style_request",
    "skip_signature",
    "unsigned_payload",
    "imdsv1_fallback",
    "metadata_endpoint",
    "s3_express",
    "request_payer",
    "container_credentials_relative_uri",
    "container_credentials_full_uri",
    "container_authorization_token_file",
    "web_identity_token_file",
    "role_arn",
    "role_session_name",
    "endpoint_url_sts",
    "sse_customer_key_base64",
    "server_side_encryption",
    "sse_kms_key_id",
    "sse_bucket_key_enabled",
    "disable_tagging",
)
_GOOGLE = (
    "service_account",
    "service_account_path",
    "service_account_key",
    "application_credentials",
    "skip_signature",
)
_AZURE = (
    "storage_account_name",
    "storage_account_key",
    "storage_access_key",
    "storage_master_key",
    "storage_client_id",
    "storage_client_secret",
    "client_id",
    "client_secret",
    "storage_tenant_id",
    "storage_authority_id",
    "tenant_id",
    "authority_id",
    "authority_host",
    "storage_authority_host",
    "storage_sas_key",
    "storage_sas_token",
    "storage_token",
    "storage_endpoint",
    "endpoint",
    "msi_endpoint",
    "identity_endpoint",
    "object_id",
    "msi_resource_id",
    "federated_token_file",
    "use_azure_cli",
    "skip_signature",
    "storage_use_emulator",
)


def bucket_store(scheme: str, bucket: str, prefix: str | None, environment: Mapping[str, str]) -> ObjectStore:
    """The store in a bucket of Amazon's kind (`s3`), Google's (`gs`) or Azure's (`az`). Nothing is sent yet.

    Raises HullmarkError for an endpoint without TLS that is not allowed, the library's errors for other wrong settings.
    """
    if scheme == "gs":
        google = _settings(environment, "GOOGLE_", _GOOGLE)
        return GCSStore(bucket, prefix=prefix, client_options=_CLIENT, retry_config=_RETRIES, **google)
    if scheme == "az":
        azure = _settings(environment, "AZURE_", _AZURE)
        return AzureStore(bucket, prefix=prefix, client_options=_CLIENT, retry_config=_RETRIES, **azure)
    settings = _settings(environment, "AWS_", _AWS)
    if own := environment.get("AWS_ENDPOINT_URL_S3"):
        settings["aws_endpoint_url"] = own
    endpoint = settings.get("aws_endpoint_url") or settings.get("aws_endpoint") or ""
    if endpoint.startswith("http://") and settings.get("aws_allow_http", "").lower() not in ("true", "1", "yes", "on"):
        raise HullmarkError(
            f"the endpoint {endpoint} is not protected by TLS",
            advice="use https://, or set AWS_ALLOW_HTTP=true where the network is trusted",
        )
    return S3Store(bucket, prefix=prefix, client_options=_CLIENT, retry_config=_RETRIES, **settings)


def _settings(environment: Mapping[str, str], start: str, names: Iterable[str]) -> dict[str, Any]:
    """What the environment says of a store, by the names that the library knows it by."""
    named = ((f"{start}{name}".lower(), environment.get(f"{start}{name.upper()}")) for name in names)
    return {name: value for name, value in named if value}
