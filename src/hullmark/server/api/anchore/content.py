"""What is in images: their content by type, what they were built from, and what is known to be wrong with them."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from hullmark.facets.secrets.mask import masked_document
from hullmark.model.image import ImageConfig
from hullmark.model.policy_facts import KnownImage
from hullmark.model.reference import Reference
from hullmark.policy.dockerfile import from_history
from hullmark.report.anchore import content as shapes
from hullmark.report.anchore import images as image_shapes
from hullmark.report.anchore.images import METADATA_TYPES, Metadata
from hullmark.report.anchore.vulnerabilities import VULNERABILITY_TYPES, Vulnerabilities, vulnerabilities
from hullmark.server.api.anchore import held
from hullmark.server.api.anchore.failures import make_refusal, missing
from hullmark.server.api.anchore.judging import Judge
from hullmark.server.api.caller import Caller
from hullmark.server.stories.images import repositories
from hullmark.server.stories.services import Services
from hullmark.server.tables.images.images import HeldImage

_READ: dict[str, Any] = {"permission": "images:read"}


def _paths(rest: str) -> list[str]:
    return [f"/images/{{digest:str}}/{rest}", f"/images/by_id/{{digest:str}}/{rest}"]


@get(_paths("content"), opt=_READ)
async def list_content_types(
    digest: FromPath[str], services: NamedDependency[Services], caller: NamedDependency[Caller]
) -> list[str]:
    """Which types of content there are."""
    facts = await held.facts_of(services, await held.find(services, caller, digest))
    return shapes.content_types(facts.analysis.inventory)


@get(_paths("content/{kind:str}"), opt=_READ)
async def get_content(
    digest: FromPath[str], kind: FromPath[str], services: NamedDependency[Services], caller: NamedDependency[Caller]
) -> Response[bytes]:
    """The content of a type. Lists of files are long: they are written aside, so that other requests do not wait."""
    facts = await held.facts_of(services, await held.find(services, caller, digest))

    def read() -> bytes:
        inventory = facts.analysis.inventory
        if kind == "files":
            files = facts.files()
            if files is None:
                raise make_refusal(404, "the image's files were not listed", "add the image from its registry")
            visible = tuple(record for record in files if record.state != "ghost")
            inventory = msgspec.structs.replace(inventory, files=visible)
        found = shapes.content(KnownImage(inventory=inventory, policy_facts=facts.analysis.facts), kind)
        if found is None:
            raise missing(f"content of type {kind[:50]}", "ask for /content to see which types there are")
        return msgspec.json.encode(found)

    return Response(await asyncio.to_thread(read), media_type="application/json")


@get(_paths("metadata"), opt=_READ)
async def list_metadata_types(
    digest: FromPath[str], services: NamedDependency[Services], caller: NamedDependency[Caller]
) -> list[str]:
    """Which metadata there are."""
    held.require_analysed(await held.find(services, caller, digest))
    return list(METADATA_TYPES)


@get(_paths("metadata/{kind:str}"), opt={**_READ, "fails": (502,)})
async def get_metadata(
    digest: FromPath[str], kind: FromPath[str], services: NamedDependency[Services], caller: NamedDependency[Caller]
) -> Metadata:
    """The manifest as the registry has it, secrets in its annotations masked; the history; or the Dockerfile: the one that was sent, else
    what the history tells of it."""
    row = await held.find(services, caller, digest)
    if kind == "manifest":
        return image_shapes.metadata(row.digest, kind, masked_document(await _manifest(services, caller, row)))
    if kind == "dockerfile" and row.dockerfile.strip():
        return image_shapes.metadata(row.digest, kind, row.dockerfile)
    facts = await held.facts_of(services, row)
    inventory = facts.analysis.inventory
    config = inventory.config or ImageConfig()
    if kind == "dockerfile":
        return image_shapes.metadata(row.digest, kind, _guess_dockerfile(config))
    if kind == "docker_history":
        return image_shapes.metadata(row.digest, kind, image_shapes.history(config, inventory.source))
    raise missing(f"metadata of type {kind[:50]}", f"there are {', '.join(METADATA_TYPES)}")


async def _manifest(services: Services, caller: Caller, row: HeldImage) -> bytes:
    held.require_analysed(row)
    if row.kind != "registry":
        raise missing("manifest of an image that was uploaded", "it is kept for images from registries only")
    named = held.reference_of(row.reference)
    wanted = Reference(named.host, named.repository, "", row.digest)
    return await repositories.manifest_of(services, caller.account_id, wanted)


def _guess_dockerfile(config: ImageConfig) -> str:
    dockerfile = from_history(config.history)
    stages = dockerfile.stages if dockerfile is not None else ()
    lines = [f"{step.keyword} {step.value}".strip() for stage in stages for step in stage.instructions]
    return "\n".join([*lines, ""]) if lines else ""


@get(_paths("vuln"), opt=_READ)
async def list_vulnerability_types(
    digest: FromPath[str], services: NamedDependency[Services], caller: NamedDependency[Caller]
) -> list[str]:
    """Which lists of vulnerabilities there are."""
    held.require_analysed(await held.find(services, caller, digest))
    return list(VULNERABILITY_TYPES)


@get(_paths("vuln/{kind:str}"), opt=_READ)
async def get_vulnerabilities(
    digest: FromPath[str],
    kind: FromPath[str],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    judging: NamedDependency[Judge],
    vendor_only: FromQuery[bool] = True,
) -> Vulnerabilities:
    """The vulnerabilities of the system's packages, of the others, or of all, by the advisories that count now."""
    row = held.require_analysed(await held.find(services, caller, digest))
    if kind not in VULNERABILITY_TYPES:
        raise missing(f"list of vulnerabilities {kind[:50]}", f"there are {', '.join(VULNERABILITY_TYPES)}")
    matches = await judging.matches(row)
    if matches is None:
        raise make_refusal(
            503, "there are no advisories yet, so that nothing can be told", "wait for them: GET /v1/system/feeds"
        )
    found = await asyncio.to_thread(vulnerabilities, matches, kind, vendor_only=vendor_only)
    if found is None:
        raise missing(f"list of vulnerabilities {kind[:50]}")
    return found


ROUTES = [
    list_content_types,
    get_content,
    list_metadata_types,
    get_metadata,
    list_vulnerability_types,
    get_vulnerabilities,
]
