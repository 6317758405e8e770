"""Harbor has artifacts of its registry scanned. It passes a login with each scan, which is valid for that scan and never stored in clear
text.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import Annotated
from urllib.parse import urlsplit
from uuid import uuid4

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.image import Image
from hullmark.model.reference import Reference, parse_reference
from hullmark.server.stories.advisories.advisories import SnapshotCache
from hullmark.server.stories.images.analyse import AnalysisResult, carry_out, read
from hullmark.server.stories.images.logins import login_for
from hullmark.server.stories.images.register import Acquisition, ImageRegistration, new_image, settle
from hullmark.server.stories.images.signature_looks import look_with, may_be_looked_at
from hullmark.server.stories.images.signed import RegistryImage, look_beside
from hullmark.server.stories.muting import require_unmuted
from hullmark.server.stories.services import Services, outgoing
from hullmark.server.tables import audit, jobs
from hullmark.server.tables.clients import harbor_scans
from hullmark.server.tables.images import images, leases
from hullmark.server.tables.images.registries import registries
from hullmark.source import SourceOptions, open_image

Text = Annotated[str, msgspec.Meta(max_length=1000)]


class Registry(msgspec.Struct, frozen=True, kw_only=True):
    """A registry's base URL, and the value of the Authorization header for requests to it ("": none)."""

    url: Text
    authorization: Annotated[str, msgspec.Meta(max_length=20_000)] = ""


class Artifact(msgspec.Struct, frozen=True, kw_only=True):
    """The artifact to scan."""

    repository: Text
    digest: Annotated[str, msgspec.Meta(pattern=r"\Asha256:[0-9a-f]{64}\Z")]
    tag: Text = ""
    mime_type: Text = ""


class HarborRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A scan request from Harbor."""

    registry: Registry
    artifact: Artifact


class ScanState(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a scan: it `waits`, has `failed` with this reason, or its image exists."""

    artifact: Artifact
    waits: bool = False
    failed: str = ""
    image: images.HeldImage | None = None


def _lock(account_id: int, key: str) -> str:
    return f"harbor:{account_id}:{key}"


async def accept(services: Services, account_id: int, order: HarborRequest, by: str, entry: audit.Entry[str]) -> str:
    """Have a worker scan an artifact; returns the scan's key, which `entry` logs in the same transaction.

    Raises HullmarkError for an artifact that cannot be requested.
    """
    reference_of(order)
    _auth(order.registry.authorization)
    key = str(uuid4())
    sealed = services.vault.encrypt(msgspec.json.encode(order).decode(), _lock(account_id, key))
    args = {"account_id": account_id, "key": key, "sealed": base64.b64encode(sealed).decode(), "by": by}
    async with services.database.system() as connection:
        await harbor_scans.add_scan(connection, account_id, key, {"artifact": msgspec.to_builtins(order.artifact)})
        await jobs.defer(connection, "harbor", args, once=_lock(account_id, key), queue="analysis", priority=10)
        await entry(connection, key)
    return key


async def standing(services: Services, account_id: int, key: str) -> ScanState | None:
    """The state of a scan; None if the account has none with this key."""
    async with services.database.system() as connection:
        state = await harbor_scans.scan_of(connection, account_id, key)
        if state is None:
            return None
        is_waiting = await harbor_scans.waits(connection, _lock(account_id, key))
        artifact = msgspec.convert(state["artifact"], Artifact)
        if state.get("failed"):
            return ScanState(artifact=artifact, failed=str(state["failed"]))
        image = await images.held_image(connection, account_id, artifact.digest)
    if image is not None and image.state == "failed" and not is_waiting:
        return ScanState(artifact=artifact, failed=f"{image.reason}; {image.advice}")
    if is_waiting or (image is not None and image.state != "analysed"):
        return ScanState(artifact=artifact, waits=True)
    if image is None:
        return ScanState(artifact=artifact, failed="the image is held no longer")
    return ScanState(artifact=artifact, image=image)


def reference_of(order: HarborRequest) -> Reference:
    """The artifact as a reference. Raises HullmarkError if it is not valid."""
    parts = urlsplit(order.registry.url)
    if parts.scheme not in ("http", "https") or not parts.netloc or "@" in parts.netloc:
        raise HullmarkError(
            f"{order.registry.url[:200]!r} is not a registry's address", advice="send http(s)://HOST[:PORT]"
        )
    artifact = order.artifact
    return parse_reference(f"{parts.netloc}/{artifact.repository}@{artifact.digest}")


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A scan as its job receives it: `sealed` is Harbor's request, encrypted; `by` is who sent it."""

    account_id: int
    key: str
    sealed: str
    by: str


async def carry_out_scan(services: Services, snapshot_cache: SnapshotCache, order: Order, worker: str) -> str:
    """Add the artifact to the account and analyse it, as `worker`. Failures are recorded. Returns the outcome. Raises MutedServer."""
    await require_unmuted(services)
    try:
        opened = services.vault.decrypt(base64.b64decode(order.sealed), _lock(order.account_id, order.key))
        return await _scan_image(
            services, snapshot_cache, order, msgspec.json.decode(opened, type=HarborRequest), worker
        )
    except HullmarkError as error:
        async with services.database.system() as connection:
            await harbor_scans.scan_failed(connection, order.account_id, order.key, f"{error}; {error.advice}"[:2000])
        return "failed"


async def _scan_image(
    services: Services, snapshot_cache: SnapshotCache, order: Order, scan_request: HarborRequest, worker: str
) -> str:
    account_id = order.account_id
    named = reference_of(scan_request)
    async with services.database.tenant(account_id) as connection:
        login = login_for(await registries(connection, account_id), named, account_id, services.vault)
    with asking_as(services, named, scan_request, is_lax=login is not None and not login.verify) as options:
        image: Image = await asyncio.to_thread(open_image, f"registry:{named}", options)
        tag = scan_request.artifact.tag
        tagged = parse_reference(f"{named.host}/{named.repository}:{tag}") if tag else None
        wanted = ImageRegistration(reference=str(tagged or named))
        async with services.database.system() as connection:
            placed = await images.register(connection, new_image(image))
            if placed.state == "failed":
                await leases.wait_again(connection, [placed.image_id])
            row = await leases.take(connection, placed.image_id, worker, services.settings.lease)
            held = msgspec.structs.replace(placed, state="analysing" if row is not None else placed.state)
            holding = Acquisition(wanted, image.digest, tagged, order.by, services.clock())
            await settle(connection, services.objects, account_id, held, holding)
        if row is None:
            async with services.database.tenant(account_id) as connection:
                known = (await images.held_by_ids(connection, account_id, [placed.image_id])).get(placed.image_id)
            if known is not None and may_be_looked_at(known):
                await look_with(services, account_id, known, tagged or named, options)
            return held.state

        def source() -> AnalysisResult:
            found = read(services, image)
            beside = RegistryImage(str(tagged or named), found.inventory.source, options)
            look_beside(services.objects, beside, ((account_id, placed.image_id),), services.clock())
            return msgspec.structs.replace(found, looked_for=(account_id,))

        return await carry_out(services, snapshot_cache, row, worker, lambda: asyncio.to_thread(source))


@contextmanager
def asking_as(services: Services, named: Reference, order: HarborRequest, *, is_lax: bool) -> Iterator[SourceOptions]:
    """The options for requests to the registry with the login from Harbor's request. The login is in a temporary file that only this
    process can read.

    `is_lax`: accept any certificate from the registry.
    """
    is_plain = order.registry.url.startswith("http://")
    options = msgspec.structs.replace(outgoing(services), insecure=is_plain or is_lax)
    entry = _auth(order.registry.authorization)
    if not entry:
        yield options
        return
    with TemporaryDirectory(prefix="hullmark-login-") as folder:
        path = f"{folder}/auth.json"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump({"auths": {named.host: entry}}, file)
        yield msgspec.structs.replace(options, auth_files=(path,))


def _auth(authorization: str) -> dict[str, str]:
    """A header's value in the form in which login files store it. Raises HullmarkError, without repeating the value, if it is not valid."""
    scheme, _, rest = authorization.strip().partition(" ")
    rest = rest.strip()
    if not scheme:
        return {}
    if scheme.lower() == "bearer" and rest:
        return {"registrytoken": rest}
    if scheme.lower() == "basic":
        try:
            if b":" in base64.b64decode(rest, validate=True):
                return {"auth": rest}
        except ValueError:  # binascii.Error is a ValueError, and text that is not ASCII raises a plain one
            pass
    raise HullmarkError("the registry's authorization is not understood", advice="send `Basic …` or `Bearer …`")
