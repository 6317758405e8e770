"""Facts about an image from outside it: `--context FILE`, a JSON document. Every part is optional."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit

MAX_BYTES = Limit(64 << 20, "bytes of the context that expressions see", "refused")

SECRETS = (
    r"AWS_ACCESS_KEY=(?i).*aws_access_key_id( *=+ *).*(?<![A-Z0-9])[A-Z0-9]{20}(?![A-Z0-9]).*",
    r"AWS_SECRET_KEY=(?i).*aws_secret_access_key( *=+ *).*(?<![A-Za-z0-9/+=])[A-Za-z0-9/+=]{40}(?![A-Za-z0-9/+=]).*",
    r"PRIV_KEY=(?i)-+BEGIN(.*)PRIVATE KEY-+",
    r'DOCKER_AUTH=(?i).*"auth": *".+"',
    r"API_KEY=(?i).*api(-|_)key( *=+ *).*(?<![A-Z0-9])[A-Z0-9]{20,60}(?![A-Z0-9]).*",
)
"""What secrets look like by default. They are part of Anchore's messages, and so of its trigger ids."""


class Detection(msgspec.Struct, frozen=True, kw_only=True):
    """What a malware scanner found in a file."""

    path: str = ""
    signature: str = ""


class MalwareScan(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one scanner's run."""

    scanner: str = ""
    findings: tuple[Detection, ...] = ()


class OfferedVersions(msgspec.Struct, frozen=True, kw_only=True):
    """The versions that a package registry offers of a package."""

    latest: str = ""
    versions: tuple[str, ...] = ()


class Registry(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a package registry. `synced`: whether it was ever queried."""

    synced: bool = False
    packages: Mapping[str, OfferedVersions] = {}


class VulnerabilityData(msgspec.Struct, frozen=True, kw_only=True):
    """The advisories that matches come from: their time (None if not known), and the namespaces (`debian:12`) they cover."""

    built_at: datetime | None = None
    namespaces: tuple[str, ...] = ()


class Ancestor(msgspec.Struct, frozen=True, kw_only=True):
    """An image that this one was built on. `is_base`: its makers call it the base image."""

    digest: str = ""
    tags: tuple[str, ...] = ()
    is_base: bool = False


class PreviousPackage(msgspec.Struct, frozen=True, kw_only=True):
    """A package of the image that had the tag before."""

    type: str
    name: str
    version: str


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """Everything known from outside the image.

    `retrieve_files` are the paths whose content rules may read. `secret_search` and `content_search` are expressions as `NAME=expression`,
    tried on each line of each file. `first_seen` and `fix_observed` are times by `ID+package`. `running_since`: since when this exact image
    has been running in its place (None: it is not running, or that is not known). If `malware`, `ancestors` or `previous_packages` is None,
    nobody looked.
    """

    retrieve_files: tuple[str, ...] = ("/etc/passwd",)
    secret_search: tuple[str, ...] = SECRETS
    content_search: tuple[str, ...] = ()
    malware: Mapping[str, MalwareScan] | None = None
    feeds: Mapping[str, Registry] = {}
    vulnerability_data: VulnerabilityData | None = None
    running_since: datetime | None = None
    first_seen: Mapping[str, datetime] = {}
    fix_observed: Mapping[str, datetime] = {}
    ancestors: tuple[Ancestor, ...] | None = None
    previous_packages: tuple[PreviousPackage, ...] | None = None


NO_CONTEXT = Context()


def read_context(data: bytes) -> Context:
    """Read the document. Raises HullmarkError that names what is wrong."""
    if len(data) > MAX_BYTES:
        raise HullmarkError(
            f"the context is larger than {MAX_BYTES >> 20} MiB", advice="leave out what no rule asks for"
        )
    try:
        return msgspec.json.decode(data, type=Context)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise HullmarkError(
            f"the context cannot be read: {error}", advice="docs/how-to/use-an-anchore-policy.md shows its form"
        ) from error


def in_utc(moment: datetime) -> datetime:
    """A time with its zone; a time without a zone is taken as UTC."""
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
