"""Scans that leave nothing behind: of an image or an SBOM, its matches, and a policy's verdict."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import msgspec

from hullmark._version import __version__
from hullmark.advisories.database.snapshot import Snapshot
from hullmark.app.attached import signed_about
from hullmark.app.check import CheckOptions, judge_by, wants_advisories
from hullmark.app.vulns import MATCHING_READS, MatchOptions, match_scan
from hullmark.catalog.sbom.document import SbomPackage, empty_source
from hullmark.catalog.sbom.packages import merge_packages, package_of
from hullmark.catalog.sbom.purl_parts import parts_of
from hullmark.model.errors import HullmarkError
from hullmark.model.inventory import Distro, Inventory, InventorySource
from hullmark.model.match import Matches
from hullmark.model.problem import Problem
from hullmark.model.reference import parse_reference
from hullmark.model.signed_document import SignedDocuments
from hullmark.policy.context import NO_CONTEXT
from hullmark.policy.languages import AnyPolicy
from hullmark.policy.load import load_any
from hullmark.report import load
from hullmark.report.format import RenderContext
from hullmark.scanning.following import with_reach
from hullmark.scanning.request import ScannerPlaces, ScanRequest, ScanResources, ScanResult
from hullmark.scanning.sbom import inventory_from_sbom
from hullmark.scanning.scan import scan_image
from hullmark.server.stories.advisories.advisories import SnapshotCache, current_snapshot
from hullmark.server.stories.images.logins import asking, login_for
from hullmark.server.stories.judging.exceptions import exceptions_for
from hullmark.server.stories.services import Services
from hullmark.server.tables.advisories.snapshots import SnapshotRow
from hullmark.server.tables.images.registries import RegistryRow, registries
from hullmark.server.tables.judging import policies
from hullmark.server.tables.judging.policies import ExceptionRow
from hullmark.source import open_image
from hullmark.source.platform import parse_platform

Look = Callable[[ScanRequest], ScanResult]
Purl = Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]


class Looks(NamedTuple):
    """How the image answers, and its registry, of what others signed about it (None: there is no registry to ask)."""

    look: Look
    beside: Callable[[InventorySource], SignedDocuments | None] = lambda source: None


class ScanOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What to scan and by what to judge it. `reference` names an image; else an SBOM is given, or `purls` of a distribution `ID:VERSION`.

    `policy_name` is the kept policy that `policy` is the text of ("": a mere text): an account's exceptions from it count.
    `format` writes the matches alone.
    """

    account_id: int
    reference: str = ""
    platform: str = ""
    tag: str = ""
    purls: tuple[Purl, ...] = ()
    distro: str = ""
    policy: str = ""
    policy_name: str = ""
    environment: str = ""
    dockerfile: str = ""
    matches: bool = True
    format: str = ""


class ScanAnswer(msgspec.Struct, kw_only=True):
    """Hullmark's JSON documents. `matches` is null where nobody asked for them or there are no advisories, `verdict` without a policy."""

    inventory: msgspec.Raw
    matches: msgspec.Raw | None
    verdict: msgspec.Raw | None


class _ServerState(msgspec.Struct, frozen=True, kw_only=True):
    """What of the server's state a scan depends on."""

    registries: tuple[RegistryRow, ...]
    exceptions: tuple[ExceptionRow, ...]
    snapshot: SnapshotRow | None


async def scan(services: Services, snapshot_cache: SnapshotCache, order: ScanOrder, document: Path | None) -> bytes:
    """Carry an order out; returns a ScanAnswer as JSON, or the matches in the order's format. Raises HullmarkError."""
    async with services.database.tenant(order.account_id) as connection:
        known = _ServerState(
            registries=tuple(await registries(connection, order.account_id)) if order.reference else (),
            exceptions=tuple(await policies.exceptions(connection, order.account_id)) if order.policy_name else (),
            snapshot=await current_snapshot(connection),
        )
    return await asyncio.to_thread(_carried_out, services, snapshot_cache, order, document, known)


def _carried_out(
    services: Services, snapshot_cache: SnapshotCache, order: ScanOrder, document: Path | None, known: _ServerState
) -> bytes:
    policy = load_any(order.policy.encode("utf-8", "surrogatepass")) if order.policy else None
    needs_advisories = order.matches or (policy is not None and wants_advisories(policy, NO_CONTEXT))
    if order.format and known.snapshot is None:
        raise HullmarkError(
            "there are no advisories yet",
            advice="an operator has them fetched: hullmark advisories update, or POST /api/v1/advisories/update",
        )
    with _open_snapshot(snapshot_cache, known.snapshot if needs_advisories else None) as source:
        if not order.reference:
            looks = Looks(_looking_at(_inventory(order, document)))
            return _scan_answer(services, order, known, policy, source, looks)
        named = parse_reference(order.reference)
        login = login_for(known.registries, named, order.account_id, services.vault)
        platform = parse_platform(order.platform) if order.platform else None
        with asking(services, named, login, platform) as options:
            image = open_image(f"registry:{named}", options)
            resources = _resources(services)

            def look(request: ScanRequest) -> ScanResult:
                return scan_image(image, request, resources)

            def look_at_image(request: ScanRequest) -> ScanResult:
                return with_reach(look, request) if request.reach else look(request)

            def looked_beside(source: InventorySource) -> SignedDocuments | None:
                return signed_about(f"registry:{named}", source, options)

            return _scan_answer(services, order, known, policy, source, Looks(look_at_image, looked_beside))


def _open_snapshot(
    snapshot_cache: SnapshotCache, snapshot: SnapshotRow | None
) -> AbstractContextManager[Snapshot | None]:
    return snapshot_cache.opened(snapshot.digest, snapshot.object) if snapshot is not None else nullcontext()


def _resources(services: Services) -> ScanResources:
    """Nothing is kept."""
    return ScanResources(keeping="never", scanners=ScannerPlaces(clamd=services.settings.clamd or None))


def _inventory(order: ScanOrder, document: Path | None) -> Inventory:
    return inventory_from_sbom(document.read_bytes(), "the SBOM") if document is not None else inventory_of(order)


def inventory_of(order: ScanOrder) -> Inventory:
    """Packages given by purls, as an inventory. Raises HullmarkError for an invalid purl: nothing is left out silently."""
    problems: list[str] = []
    found = []
    for number, purl in enumerate(order.purls, 1):
        parts = parts_of(purl)
        package = (
            package_of(SbomPackage(label=purl, name=parts.name, purl=purl), problems.append)
            if parts is not None
            else None
        )
        if parts is None or package is None:
            raise HullmarkError(
                f"package {number} is not a purl: {purl[:200]!r}", advice="write it as pkg:TYPE/NAME@VERSION"
            )
        found.append(package)
    id, _, version = order.distro.partition(":")
    return Inventory(
        source=empty_source("packages"),
        distro=Distro(id=id, version_id=version) if id else None,
        packages=merge_packages(found),
        problems=tuple(Problem("", -1, "sbom", reason) for reason in dict.fromkeys(problems)),
    )


def _looking_at(inventory: Inventory) -> Look:
    """What an SBOM answers to a request: facts that only the image has count as not searched."""
    bare = msgspec.structs.replace(inventory, files=None)
    return lambda request: ScanResult(bare, facets={facet.name: None for facet in request.facets})


class _Once:
    """Looks once, for the policy and for matching together, and remembers what was seen."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self.seen: ScanResult | None = None

    def look(self, request: ScanRequest) -> ScanResult:
        more = tuple(read for read in MATCHING_READS if all(read.name != other.name for other in request.reads))
        self.seen = self._look(msgspec.structs.replace(request, reads=(*request.reads, *more)))
        return self.seen


def _scan_answer(
    services: Services,
    order: ScanOrder,
    known: _ServerState,
    policy: AnyPolicy | None,
    source: Snapshot | None,
    looks: Looks,
) -> bytes:
    once = _Once(looks.look)
    once_looks = looks._replace(look=once.look)
    verdict = _verdict(services, order, known, policy, source, once_looks) if policy is not None else None
    scanned = once.seen or once.look(ScanRequest())
    matches: Matches | None = None
    if order.matches and source is not None:
        matches = match_scan(scanned, source, MatchOptions(at=services.clock().date().isoformat()))
    if order.format:
        return load("matches", order.format).render(_require_matches(matches), RenderContext(tool_version=__version__))
    shown = msgspec.structs.replace(scanned.inventory, files=None)
    return msgspec.json.encode(
        ScanAnswer(
            inventory=_raw("inventory", shown),
            matches=_raw("matches", matches) if matches is not None else None,
            verdict=verdict,
        )
    )


def _verdict(
    services: Services,
    order: ScanOrder,
    known: _ServerState,
    policy: AnyPolicy,
    source: Snapshot | None,
    looks: Looks,
) -> msgspec.Raw:
    reference = order.tag or order.reference
    exceptions = exceptions_for(known.exceptions, order.policy_name, reference)
    options = CheckOptions(
        tag=reference or None,
        dockerfile=order.dockerfile,
        advisories=source,
        environment=order.environment,
        exceptions=exceptions,
    )
    checked = judge_by(looks.look, policy, services.clock(), _resources(services), options, looks.beside)
    return _raw("verdict", checked.verdict)


def _raw(kind: Any, result: Any) -> msgspec.Raw:
    return msgspec.Raw(load(kind, "json").render(result, RenderContext(tool_version=__version__)).strip())


def _require_matches(matches: Matches | None) -> Matches:
    if matches is None:
        raise HullmarkError("no matches were asked for", advice="leave out matches=false, or the format")
    return matches
