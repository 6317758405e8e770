"""An SBOM is registered as an image: its content is the analysis."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.inventory import Inventory
from hullmark.model.policy_facts import PolicyFacts
from hullmark.scanning.sbom import inventory_from_sbom
from hullmark.scanning.stored_image import StoredImage
from hullmark.server.stories.advisories.advisories import SnapshotCache
from hullmark.server.stories.images.analyse import AnalysisResult, carry_out
from hullmark.server.stories.images.documents import StoredAnalysis, fingerprint, put_analysis
from hullmark.server.stories.images.register import Acquisition, ImageRegistration, RegistrationResult, settle
from hullmark.server.stories.images.uploads import parse_tag
from hullmark.server.stories.services import Services
from hullmark.server.tables import audit
from hullmark.server.tables.images import images, leases
from hullmark.server.tables.images.images import NewImage
from hullmark.server.tables.images.leases import AnalysisOutcome

ANNOTATION = "sbom.image"
"""Names the digest of the image that an SBOM says it is about. It is a claim: the image is never known by it."""


class SbomOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An SBOM is to be registered for an account, by somebody; `wanted.reference` is the tag that it is to go by."""

    account_id: int
    by: str
    wanted: ImageRegistration
    origin: audit.RequestOrigin = audit.RequestOrigin()

    @property
    def name(self) -> str:
        """Who it is that registers it, as the audit log names them."""
        return self.by


async def register_sbom(
    services: Services, snapshot_cache: SnapshotCache, order: SbomOrder, file: Path, worker: str
) -> RegistrationResult:
    """Have an account hold an SBOM's content as an image under a tag, analysed at once. Raises HullmarkError if it is not an SBOM.

    It goes by the digest of the document: one that names an image's digest must not be taken for that image, which all accounts share.
    """
    wanted = order.wanted
    tagged = parse_tag(wanted.reference)
    digest, inventory = await asyncio.to_thread(_read, file)
    analysed = await asyncio.to_thread(_store_analysis, services, digest, inventory)
    about = inventory.source.digest
    annotations = {**wanted.annotations, **({ANNOTATION: about} if about else {})}
    wanted = msgspec.structs.replace(wanted, reference=str(tagged), annotations=annotations)
    new = NewImage(digest=digest, kind="sbom", platform=inventory.source.platform[:100])
    async with services.database.system() as connection:
        placed = await images.register(connection, new)
        if placed.state != "analysed":
            await leases.wait_again(connection, [placed.image_id])
        row = await leases.take(connection, placed.image_id, worker, services.settings.lease)
        held = msgspec.structs.replace(placed, state="analysing" if row is not None else placed.state)
        added = await settle(
            connection,
            services.objects,
            order.account_id,
            held,
            Acquisition(wanted, digest, tagged, order.by, services.clock()),
        )
        after = {"reference": added.tagged}
        await audit.record(connection, order, "image.sbom", "image", digest, None, after, order.origin)
    if row is None:
        return added

    async def return_analysis() -> AnalysisResult:
        return analysed

    came_to = await carry_out(services, snapshot_cache, row, worker, return_analysis)
    if came_to != "analysed":
        raise HullmarkError("what the SBOM tells could not be written down", advice="send it again")
    return msgspec.structs.replace(added, placed=msgspec.structs.replace(added.placed, state="analysed"))


def _read(file: Path) -> tuple[str, Inventory]:
    """The digest of the document and what it tells, which is the same for every account that sends it."""
    body = file.read_bytes()
    if _is_manifest(body):
        raise HullmarkError("an SBOM that is an image's manifest too is not taken", advice="add the image itself")
    digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
    return digest, inventory_from_sbom(body, digest)


class _ManifestMarks(msgspec.Struct):
    """What an image's manifest has at its top, and no SBOM does."""

    schema_version: msgspec.Raw = msgspec.field(name="schemaVersion", default=msgspec.Raw())
    layers: msgspec.Raw = msgspec.Raw()
    fs_layers: msgspec.Raw = msgspec.field(name="fsLayers", default=msgspec.Raw())
    manifests: msgspec.Raw = msgspec.Raw()


def _is_manifest(body: bytes) -> bool:
    """Whether the document could pass for a manifest: the image of that digest would then be known by what an SBOM claims."""
    try:
        marks = msgspec.json.decode(body, type=_ManifestMarks)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return any(bytes(getattr(marks, name)) for name in marks.__struct_fields__)


def _store_analysis(services: Services, digest: str, inventory: Inventory) -> AnalysisResult:
    """What is stored of it: only packages are known."""
    inventory, shown = msgspec.structs.replace(inventory, files=None), inventory.config
    image = StoredImage(kind="sbom", reference=inventory.source.reference, layers=(), digest=digest, config=shown)
    analysis = StoredAnalysis(image=image, inventory=inventory, facts=PolicyFacts(config=shown))
    document, files = put_analysis(services.objects, analysis, None)
    distro = inventory.distro
    outcome = AnalysisOutcome(
        fingerprint=fingerprint(),
        document=document,
        files=files,
        distro=f"{distro.id}:{distro.version_id}".rstrip(":") if distro is not None else "",
        package_count=len(inventory.packages),
        file_count=0,
        layers=(),
        config_digest="",
    )
    return AnalysisResult(outcome=outcome, inventory=inventory)
