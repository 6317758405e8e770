"""Harbor's pluggable scanner API, 1.0 to 1.2: register `…/api/harbor` as a scanner's endpoint, with an API key as bearer token.

Harbor adds `/api/v1` to the address that it is given; both are answered.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, HeaderParameter, QueryParameter

from hullmark._version import __version__
from hullmark.advisories.match.risk import by_cve, sort_matches
from hullmark.model.errors import HullmarkError
from hullmark.model.match import Match, Matches
from hullmark.report import load
from hullmark.report.format import RenderContext
from hullmark.server.api.caller import Caller
from hullmark.server.api.problems import Refusal
from hullmark.server.api.snapshot_cache import snapshot_cache_of
from hullmark.server.stories.clients import harbor
from hullmark.server.stories.clients.harbor import Artifact, ScanState
from hullmark.server.stories.images.analyse import means_of
from hullmark.server.stories.images.stored import StoredFacts
from hullmark.server.stories.judging.findings import Moments, matches_of, snapshot_for
from hullmark.server.stories.services import Services
from hullmark.server.tables import audit
from hullmark.server.tables.advisories import snapshots
from hullmark.server.tables.audit import RequestOrigin
from hullmark.server.tables.database import Connection

PREFIX = "/api/harbor"
_SCAN: dict[str, Any] = {"permission": "scan"}
_AGAIN = 5
_SCANNER = {"name": "Hullmark", "vendor": "Hullmark", "version": __version__}
_CONSUMES = ["application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json"]
_REPORT_1_0 = "application/vnd.scanner.adapter.vuln.report.harbor+json; version=1.0"
_REPORT_1_1 = "application/vnd.security.vulnerability.report; version=1.1"
_RAW = "application/vnd.scanner.adapter.vuln.report.raw"
_SBOM = "application/vnd.security.sbom.report+json; version=1.0"
_SBOM_FORMATS = {"application/spdx+json": "spdx-json", "application/vnd.cyclonedx+json": "cyclonedx-json"}
_METADATA_TYPE = "application/vnd.scanner.adapter.metadata+json; version=1.1"
_ACCEPTED_TYPE = "application/vnd.scanner.adapter.scan.response+json; version=1.0"
_ERROR_TYPE = "application/vnd.scanner.adapter.error+json; version=1.0"
_WORDS = ("Unknown", "Negligible", "Low", "Medium", "High", "Critical")


class CvssBody(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Ratings by version of CVSS."""

    score_v3: float | None = None
    score_v2: float | None = None
    vector_v3: str = ""
    vector_v2: str = ""


class VulnerabilityBody(msgspec.Struct, kw_only=True):
    """A match, in Harbor's words."""

    id: str
    package: str
    version: str
    fix_version: str
    severity: str
    description: str
    links: list[str]
    preferred_cvss: CvssBody | None
    cwe_ids: list[str]
    vendor_attributes: dict[str, Any]


class Capability(msgspec.Struct, kw_only=True):
    """What kind of report is wanted, in which types; what is not known is passed over."""

    type: Literal["vulnerability", "sbom"] = "vulnerability"
    produces_mime_types: list[str] = []


class ScanBody(msgspec.Struct, kw_only=True):
    """What Harbor sends."""

    registry: harbor.Registry
    artifact: Artifact
    enabled_capabilities: list[Capability] = []


def _error(status: int, message: str) -> Response[bytes]:
    return Response(
        msgspec.json.encode({"error": {"message": message[:2000]}}), status_code=status, media_type=_ERROR_TYPE
    )


def _on_refusal(_: Request[Any, Any, Any], error: Refusal) -> Response[bytes]:
    return _error(error.status, f"{error.detail}; {error.advice}")


def _on_error(_: Request[Any, Any, Any], error: HullmarkError) -> Response[bytes]:
    return _error(500, f"{error}; {error.advice}")


_ROUTE: dict[str, Any] = {"exception_handlers": {Refusal: _on_refusal, HullmarkError: _on_error}}


def _opt(status: int, *types: str, **more: Any) -> dict[str, Any]:
    """What a route needs, and what it answers."""
    return {**_SCAN, "answers": {status: types}, "fails": (500,), **more}


def _paths(path: str) -> list[str]:
    return [f"{PREFIX}{path}", f"{PREFIX}/api/v1{path}"]


@get(_paths("/metadata"), summary="What the scanner can do (Harbor)", opt=_opt(200, _METADATA_TYPE), **_ROUTE)
async def metadata(services: NamedDependency[Services]) -> Response[bytes]:
    """The scanner, its capabilities, and how young the advisories are."""
    async with services.database.system() as connection:
        now = await snapshots.current(connection)
        snapshot = await snapshots.snapshot_by_id(connection, now.snapshot_id) if now.snapshot_id is not None else None
    properties = {
        "harbor.scanner-adapter/scanner-type": "os-package-vulnerability",
        "harbor.scanner-adapter/registry-authorization-type": "Basic",
    }
    if snapshot is not None and (updated := _moment(snapshot.data_at)):
        properties["harbor.scanner-adapter/vulnerability-database-updated-at"] = updated
    body = {
        "scanner": _SCANNER,
        "capabilities": [
            {
                "type": "vulnerability",
                "consumes_mime_types": _CONSUMES,
                "produces_mime_types": [_REPORT_1_0, _REPORT_1_1, _RAW],
            },
            {
                "type": "sbom",
                "consumes_mime_types": _CONSUMES,
                "produces_mime_types": [_SBOM],
                "additional_attributes": {"sbom_media_types": list(_SBOM_FORMATS)},
            },
        ],
        "properties": properties,
    }
    return Response(msgspec.json.encode(body), media_type=_METADATA_TYPE)


def _moment(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return ""
    return _rfc3339(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@post(
    _paths("/scan"),
    status_code=202,
    summary="Scan an artifact (Harbor)",
    opt=_opt(202, _ACCEPTED_TYPE, fails=(500, 501, 502), takes={"application/json": ScanBody}),
    **_ROUTE,
)
async def scan(
    request: Request[Any, Any, Any],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> Response[bytes]:
    """The account holds the image from then on. The authorization is used for this scan alone; until it is done it is kept encrypted."""
    try:
        body = msgspec.json.decode(await request.body(), type=ScanBody)
    except msgspec.ValidationError as error:
        return _error(422, str(error))
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        return _error(400, str(error))
    order = harbor.HarborRequest(registry=body.registry, artifact=body.artifact)
    if body.artifact.mime_type and body.artifact.mime_type not in _CONSUMES:
        return _error(501, f"{body.artifact.mime_type[:200]} cannot be scanned")

    async def entry(connection: Connection, _: str) -> None:
        after = {"repository": body.artifact.repository, "registry": body.registry.url, "tag": body.artifact.tag}
        await audit.record(connection, caller, "harbor.scan", "image", body.artifact.digest, None, after, origin)

    try:
        key = await harbor.accept(services, caller.account_id, order, caller.name, entry)
    except HullmarkError as error:
        return _error(422, f"{error}; {error.advice}")
    return Response(msgspec.json.encode({"id": key}), status_code=202, media_type=_ACCEPTED_TYPE)


@get(
    _paths("/scan/{key:uuid}/report"),
    summary="What a scan found (Harbor)",
    opt=_opt(200, _REPORT_1_0, _REPORT_1_1, _RAW, _SBOM, redirects=True, fails=(500, 501)),
    **_ROUTE,
)
async def report(
    key: FromPath[UUID],
    request: Request[Any, Any, Any],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    accept: Annotated[str, HeaderParameter(name="Accept", max_length=2000)] = "",
    sbom_media_type: Annotated[str, QueryParameter(max_length=200)] = "",
) -> Response[bytes]:
    """302 with Refresh-After while it is being made. The type is that of the header Accept."""
    wanted = _choose_report_type(accept)
    if wanted is None:
        return _error(501, "there is no report of this type")
    if wanted == _SBOM and sbom_media_type not in _SBOM_FORMATS:
        return _error(400, f"sbom_media_type is one of {', '.join(_SBOM_FORMATS)}")
    found = await harbor.standing(services, caller.account_id, str(key))
    if found is None:
        return _error(404, f"there is no scan {key}")
    if found.failed:
        return _error(500, found.failed)
    if found.waits or found.image is None:
        again = {"Refresh-After": str(_AGAIN), "Retry-After": str(_AGAIN), "Location": request.url.path}
        return Response(b"", status_code=302, headers=again)
    facts = await asyncio.to_thread(StoredFacts, services.objects, found.image.document, means_of(services))
    if wanted == _SBOM:
        body = await asyncio.to_thread(_sbom, facts, found.artifact, sbom_media_type, services.clock())
        return Response(body, media_type=wanted)
    async with services.database.system() as connection:
        snapshot = await snapshot_for(connection, Moments())
    matches = await asyncio.to_thread(matches_of, services, snapshot_cache_of(request.app), facts, snapshot, Moments())
    if wanted == _RAW:
        body = load("matches", "json").render(matches, RenderContext(tool_version=__version__))
    else:
        body = await asyncio.to_thread(_report, matches, found, services.clock())
    return Response(body, media_type=wanted)


def _choose_report_type(accept: str) -> str | None:
    """The type of report in a header; the newest type for vulnerabilities if it has none. None for an unknown type."""
    known = {_bare(media_type): media_type for media_type in (_REPORT_1_0, _REPORT_1_1, _RAW, _SBOM)}
    media_types = [_bare(media_type) for media_type in accept.split(",") if media_type.strip()]
    for media_type in media_types:
        if media_type in known:
            return known[media_type]
        if media_type.partition(";")[0] in ("*/*", "application/*"):
            return _REPORT_1_1
    return None if media_types else _REPORT_1_1


def _bare(media_type: str) -> str:
    """A media type without spaces and weight."""
    parts = [part.strip() for part in media_type.split(";")]
    return ";".join(part for part in parts if not part.startswith("q=")).lower()


def _report(matches: Matches, found: ScanState, now: datetime) -> bytes:
    counting = sort_matches(by_cve(match for match in matches.matches if match.suppressed is None))
    # Harbor keeps one record of a vulnerability in a version of a package: that of the most urgent match.
    once = {(item.id, item.package, item.version): item for item in map(_item, reversed(counting))}
    items = list(reversed(once.values()))
    worst = max((_WORDS.index(item.severity) for item in items), default=0)
    return msgspec.json.encode(
        {
            "generated_at": _rfc3339(now),
            "artifact": msgspec.to_builtins(found.artifact),
            "scanner": _SCANNER,
            "severity": _WORDS[worst],
            "vulnerabilities": items,
        }
    )


def _item(match: Match) -> VulnerabilityBody:
    advisory = match.advisory
    return VulnerabilityBody(
        id=advisory.cve or advisory.id,
        package=match.package.name,
        version=match.package.version,
        fix_version=match.fix.version,
        severity=advisory.severity.capitalize(),
        description=advisory.summary,
        links=[link for link in advisory.references if link.startswith(("https://", "http://"))],
        preferred_cvss=_cvss(match),
        cwe_ids=list(advisory.cwes),
        vendor_attributes={
            "advisory": advisory.id,
            "source": advisory.source,
            "purl": match.package.purl,
            "why": match.why,
            "risk": match.risk,
            "fix_state": match.fix.state,
            "kev": advisory.kev is not None,
            "epss": advisory.epss.score if advisory.epss is not None else None,
        },
    )


def _cvss(match: Match) -> CvssBody | None:
    third = next((rating for rating in match.advisory.cvss if rating.version.startswith("3")), None)
    second = next((rating for rating in match.advisory.cvss if rating.version.startswith("2")), None)
    if third is None and second is None:
        return None
    return CvssBody(
        score_v3=third.score if third else None,
        vector_v3=third.vector if third else "",
        score_v2=second.score if second else None,
        vector_v2=second.vector if second else "",
    )


def _sbom(facts: StoredFacts, artifact: Artifact, media_type: str, now: datetime) -> bytes:
    chosen = load("inventory", _SBOM_FORMATS[media_type])
    document = chosen.render(facts.analysis.inventory, RenderContext(tool_version=__version__))
    return msgspec.json.encode(
        {
            "generated_at": _rfc3339(now),
            "artifact": msgspec.to_builtins(artifact),
            "scanner": _SCANNER,
            "vendor_attributes": {"packages": len(facts.analysis.inventory.packages)},
            "media_type": media_type,
            "sbom": msgspec.Raw(document.strip()),
        }
    )


ROUTES = [metadata, scan, report]
