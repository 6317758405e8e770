"""Scans that leave nothing behind, and SBOMs that are registered as images: each in a process of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import msgspec
from litestar import Litestar, Request, Response, post
from litestar.di import NamedDependency
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema
from litestar.params import QueryParameter

from hullmark.model.limit import Limit
from hullmark.report import load, names
from hullmark.server.api.bodies import BodyLimits, BoundedBody, Slots
from hullmark.server.api.caller import Caller
from hullmark.server.api.problems import Refusal, problem
from hullmark.server.api.resources.advisories import receive_file
from hullmark.server.api.resources.images import AddedView
from hullmark.server.api.resources.policies import version_named
from hullmark.server.isolated import DOCUMENT, run_isolated
from hullmark.server.stories.images.register import ImageRegistration, RegistrationResult
from hullmark.server.stories.images.sboms import SbomOrder
from hullmark.server.stories.judging.stateless import Purl, ScanOrder
from hullmark.server.stories.services import Services

_SCAN: dict[str, Any] = {"permission": "scan", "streamed": True}
_SLOTS = "scan_slots"
_RECEIVING = "scan_bodies"
_LARGEST_REQUEST = Limit(8 << 20, "bytes of a request to scan at once that is not a document", "refused")
_MAX_TEXT = Limit(2 << 20, "characters of a policy that an image is checked with at once", "refused")

Name = Annotated[str, QueryParameter(max_length=200)]


class StatelessScanBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """An image by `reference`, or an SBOM (JSON as it is, other formats as a text); and by which policy to judge it, if by any: one that is
    kept (`policy`, its newest version or `version`), or the text of one. `tag` is the reference that it is judged under."""

    reference: Annotated[str, msgspec.Meta(max_length=1200)] = ""
    sbom: msgspec.Raw = msgspec.Raw()
    platform: Annotated[str, msgspec.Meta(max_length=100)] = ""
    tag: Annotated[str, msgspec.Meta(max_length=1200)] = ""
    policy: Annotated[str, msgspec.Meta(max_length=200)] = ""
    version: Annotated[int, msgspec.Meta(ge=1, le=2_000_000_000)] | None = None
    policy_text: Annotated[str, msgspec.Meta(max_length=int(_MAX_TEXT))] = ""
    environment: Annotated[str, msgspec.Meta(max_length=200)] = ""
    dockerfile: Annotated[str, msgspec.Meta(max_length=1_000_000)] = ""
    matches: bool = True


class PackagesBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Packages by their purls, and the distribution that they are of, as `debian:12`."""

    packages: Annotated[list[Purl], msgspec.Meta(min_length=1, max_length=100_000)]
    distro: Annotated[str, msgspec.Meta(max_length=200)] = ""


class _Marks(msgspec.Struct):
    """The keys that distinguish a scan request from an SBOM."""

    reference: msgspec.Raw = msgspec.Raw()
    sbom: msgspec.Raw = msgspec.Raw()
    packages: msgspec.Raw = msgspec.Raw()
    schema: msgspec.Raw = msgspec.Raw()


@dataclass
class _DocumentOperation(Operation):
    """Says in the API's description what the body is."""

    def __post_init__(self) -> None:
        body = OpenAPIMediaType(schema=Schema(type=OpenAPIType.OBJECT))
        text = OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING))
        self.request_body = RequestBody(
            content={"application/json": body, "application/xml": text, "text/plain": text}, required=True
        )


_KEPT: dict[str, Any] = {"request_max_body_size": None, "operation_class": _DocumentOperation, "opt": _SCAN}


@post(
    "/scan",
    status_code=200,
    summary="Scan an image or an SBOM; nothing is kept",
    **{**_KEPT, "opt": {**_SCAN, "answers": {200: ("application/json",)}, "fails": (502,)}},
)
async def scan(
    request: Request[Any, Any, Any],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    policy: Name = "",
    environment: Name = "",
) -> Response[bytes]:
    """The body is an SBOM of any format that is read (then `policy` names a kept policy), or JSON: `{"reference": …}` of an image in a
    registry, `{"sbom": …}`, with `policy`, `policy_text`, `version`, `tag`, `platform`, `environment`, `dockerfile`, `matches`.

    Answers `{inventory, matches, verdict}`, each as `hullmark scan`, `vulns` and `check` write it.
    """
    async with _place(request.app, services, caller, scan_body(request, services).chunks()) as folder:
        document = folder / DOCUMENT
        body = await asyncio.to_thread(_scan_body, document)
        if body is None:
            body = StatelessScanBody(policy=policy, environment=environment)
        order = await _order(services, caller, body)
        answer = await run_isolated(services, "scan", order, folder)
    return Response(answer, media_type="application/json")


def _scan_body(document: Path) -> StatelessScanBody | None:
    """The scan request in a body; its SBOM replaces the body's file. None if the body itself is an SBOM. Raises Refusal."""
    if document.stat().st_size > _LARGEST_REQUEST:
        return None
    body = document.read_bytes()
    if not _marks(body):
        return None
    try:
        request = msgspec.json.decode(body, type=StatelessScanBody)
        sbom = bytes(request.sbom)
        if sbom.startswith(b'"'):
            sbom = msgspec.json.decode(sbom, type=str).encode()
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise Refusal(400, f"the request cannot be read: {error}", "see /api/v1/openapi") from error
    if bool(request.reference) == bool(sbom):
        raise problem(422, "one thing can be scanned", "give `reference` or `sbom`")
    document.unlink()
    if sbom:
        document.write_bytes(sbom)
    return request


def _marks(body: bytes, *fields: str) -> bool:
    """Whether a body is a JSON object with one of these keys (by default those of a StatelessScanBody), and not our own SBOM."""
    try:
        marks = msgspec.json.decode(body, type=_Marks)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return False
    return not bytes(marks.schema) and any(bytes(getattr(marks, name)) for name in fields or ("reference", "sbom"))


async def _order(services: Services, caller: Caller, request: StatelessScanBody) -> ScanOrder:
    if request.policy and request.policy_text:
        raise problem(422, "one policy judges", "give `policy` or `policy_text`")
    kept = await version_named(services, caller, request.policy, request.version) if request.policy else None
    return ScanOrder(
        account_id=caller.account_id,
        reference=request.reference,
        platform=request.platform,
        tag=request.tag,
        policy=kept.text if kept else request.policy_text,
        policy_name=kept.name if kept else "",
        environment=request.environment,
        dockerfile=request.dockerfile,
        matches=request.matches,
    )


@post(
    "/vulnerability-scan",
    operation_id="scan_packages",
    status_code=200,
    summary="Match packages or an SBOM; nothing is kept",
    **{**_KEPT, "opt": {**_SCAN, "formats": "matches"}},
)
async def vulnerability_scan(
    request: Request[Any, Any, Any],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    format: Name = "json",
) -> Response[bytes]:
    """The body is an SBOM of any format that is read, or `{"packages": [purl, …], "distro": "debian:12"}`. Answers as `hullmark vulns`
    does, in a format of its own: json, table, sarif, cyclonedx-json …"""
    if format not in names("matches") or format == "template":
        raise problem(400, f"{format[:50]!r} is not a format for this", f"choose one of {', '.join(names('matches'))}")
    async with _place(request.app, services, caller, scan_body(request, services).chunks()) as folder:
        body = await asyncio.to_thread(_packages, folder / DOCUMENT)
        order = ScanOrder(account_id=caller.account_id, format=format)
        if body is not None:
            order = msgspec.structs.replace(order, purls=tuple(body.packages), distro=body.distro)
        answer = await run_isolated(services, "scan", order, folder)
    return Response(answer, media_type=load("matches", format).media_type)


def _packages(document: Path) -> PackagesBody | None:
    """The packages of a body that names them, which then is gone. None for an SBOM. Raises Refusal."""
    if document.stat().st_size > _LARGEST_REQUEST or not _marks(body := document.read_bytes(), "packages"):
        return None
    try:
        request = msgspec.json.decode(body, type=PackagesBody)
    except (msgspec.MsgspecError, UnicodeError) as error:
        if b"spdxVersion" in body:
            return None  # SPDX lists `packages` too
        raise Refusal(400, f"the packages are not understood: {error}", 'send {"packages": [purl, …]}') from error
    document.unlink()
    return request


@post(
    "/sboms",
    operation_id="register_sbom",
    status_code=201,
    summary="Register an SBOM as an image",
    **{**_KEPT, "opt": {"permission": "images:write", "streamed": True}},
)
async def register(
    request: Request[Any, Any, Any],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    reference: Annotated[
        str, QueryParameter(min_length=1, max_length=1200, description="The tag that it is to go by.")
    ],
) -> Response[AddedView]:
    """The body is an SBOM of any format that is read. It is analysed at once, and judged as images are, as far as an SBOM tells. It goes
    by the sha256 of the document; the annotation `sbom.image` has the digest of the image that it says it is about."""
    view = await take_sbom(request.app, services, caller, reference, scan_body(request, services).chunks())
    return Response(view, status_code=201, headers={"Location": f"/api/v1/images/{view.digest}"})


async def take_sbom(
    app: Litestar, services: Services, caller: Caller, reference: str, chunks: AsyncIterator[bytes]
) -> AddedView:
    """Read an SBOM, and have the account hold it as an image. Raises Refusal, HullmarkError."""
    async with _place(app, services, caller, chunks) as folder:
        wanted = ImageRegistration(reference=reference)
        order = SbomOrder(account_id=caller.account_id, by=caller.name, wanted=wanted, origin=caller.origin)
        added = msgspec.json.decode(await run_isolated(services, "sbom", order, folder), type=RegistrationResult)
    return AddedView(digest=added.digest, state=added.placed.state, is_new=added.is_new_here, tag=added.tagged)


def scan_body(request: Request[Any, Any, Any], services: Services) -> BoundedBody:
    """The body of a request that brings what is to be scanned."""
    limits = BodyLimits(most=services.settings.scan_limit, wait=services.settings.body_wait)
    return BoundedBody(request.scope, request.receive, limits)


@asynccontextmanager
async def _place(
    app: Litestar, services: Services, caller: Caller, chunks: AsyncIterator[bytes]
) -> AsyncIterator[Path]:
    """A folder with what comes as DOCUMENT, while one of the process's few slots is held. Raises Refusal 503 where there is none.

    What comes slowly holds none of them.
    """
    slots = slots_of(app, services)
    with TemporaryDirectory(prefix="hullmark-scan-") as name:
        folder = Path(name)
        slots.check(caller.account_id)
        with _receiving(app).taken(caller.account_id):
            await receive_file(chunks, folder / DOCUMENT)
        with slots.taken(caller.account_id):
            yield folder


def _receiving(app: Litestar) -> Slots:
    """How many bodies may come at the same time: of one account, and in all."""
    if _RECEIVING not in app.state:
        app.state[_RECEIVING] = Slots(4, 8)
    found: Slots = app.state[_RECEIVING]
    return found


def slots_of(app: Litestar, services: Services) -> Slots:
    """How many scans may run: one account leaves another at least one of several slots."""
    if _SLOTS not in app.state:
        in_all = services.settings.scan_slots
        app.state[_SLOTS] = Slots(max(1, in_all - 1), in_all, "scans")
    found: Slots = app.state[_SLOTS]
    return found


ROUTES = [scan, vulnerability_scan, register]
