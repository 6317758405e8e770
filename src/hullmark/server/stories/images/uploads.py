"""Archives that are uploaded: streamed into the object store, read there, registered as images, deleted when nobody needs them.

Beside the archive `uploads/ID` lies `uploads/ID.image`, which says what image of it is meant (`Choice`).
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, contextmanager, suppress
from datetime import timedelta
from functools import cache
from typing import Any, NamedTuple, TypeVar
from uuid import UUID, uuid4

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.image import Image
from hullmark.model.reference import Reference, parse_reference
from hullmark.server.objects.object_writer import ObjectWriter
from hullmark.server.objects.objects import Objects, ObjectsRefused, ObjectsUnreachable
from hullmark.server.stories.images.documents import fingerprint
from hullmark.server.stories.images.register import (
    Acquisition,
    ImageRegistration,
    RegistrationResult,
    read_creation_time,
    settle,
)
from hullmark.server.stories.images.stored_archive import Choice, archive_at, check_refused, chosen_in, image_in
from hullmark.server.stories.services import Services
from hullmark.server.tables import audit
from hullmark.server.tables.database import DatabaseUnreachable
from hullmark.server.tables.images import images, leases, uploads
from hullmark.server.tables.images.images import NewImage
from hullmark.source.archive import HEAD

ROOM = "uploads"
LEFTOVER_SECONDS = 3600.0
"""An upload that gave no sign of life for so long is given up."""

_PIECE = 1 << 20
_SIGN_OF_LIFE = 30.0
_SWEPT_AT_ONCE = 200
_CHOICE = ".image"
_THREADS = 4
_T = TypeVar("_T")


class ReceivedArchive(msgspec.Struct, frozen=True, kw_only=True):
    """An archive that has come: its upload, the key it is stored under, its size in bytes, the sha256 of all of it."""

    id: UUID
    key: str
    size: int
    digest: str


def parse_tag(reference: str) -> Reference:
    """The tag that an uploaded image goes by. Raises HullmarkError if it is not valid."""
    found = parse_reference(reference)
    if found.digest:
        raise HullmarkError(
            "an uploaded image goes by a tag, not by a digest", advice="write the reference as [REGISTRY/]NAME[:TAG]"
        )
    return found


async def receive(services: Services, account_id: int, chunks: AsyncIterator[bytes]) -> ReceivedArchive:
    """Store what comes, hashed on its way. If that fails, or the chunks end by an error, nothing of it is kept.

    Raises HullmarkError, as soon as its head has come, for what cannot be an archive.
    """
    upload = uuid4()
    key = f"{ROOM}/{upload}"
    async with services.database.tenant(account_id) as connection:
        await uploads.begin(connection, account_id, upload, key)
    async with AsyncExitStack() as undo:
        undo.push_async_callback(_undo, services, key)
        writer = await _run_in_thread(services.objects.writer, key)
        undo.pop_all()
        undo.push_async_callback(_undo, services, key, writer)
        size, digest = await _write_chunks(services, upload, writer, chunks)
        await _run_in_thread(writer.commit)
        async with services.database.tenant(account_id) as connection:
            if not await uploads.finish_upload(connection, upload, size, digest):
                raise _given_up()
        undo.pop_all()
    return ReceivedArchive(id=upload, key=key, size=size, digest=digest)


class Admission(NamedTuple):
    """Who adds an uploaded image as what; whether the client is gone; and what writes to the log."""

    wanted: ImageRegistration
    by: str
    is_gone: Callable[[], Awaitable[bool]]
    entry: audit.Entry[RegistrationResult]


async def admit(
    services: Services, account_id: int, received: ReceivedArchive, admission: Admission
) -> RegistrationResult | None:
    """Register the image in an archive that has come, and have the account hold it, all in one transaction with the log's entry. None if
    meanwhile nobody waits for the answer.

    Raises HullmarkError for an archive that holds no image, or one that is not what it says. Then nothing is kept.
    """
    wanted = admission.wanted
    key, tagged = received.key, parse_tag(wanted.reference)
    async with AsyncExitStack() as undo:
        undo.push_async_callback(_undo, services, key)
        image = await _run_in_thread(_looked_into, services.objects, key, tagged)
        if await admission.is_gone():
            return None
        holding = Acquisition(wanted, image.digest, tagged, admission.by, services.clock())
        added, is_needed = await _register_image(services, account_id, received, image, holding, admission.entry)
        undo.pop_all()
    if not is_needed:
        await forget_upload(services, key)
    return added


@contextmanager
def opened_upload(objects: Objects, key: str) -> Iterator[Image]:
    """The image in an uploaded archive, its layers read from the object store as they are requested. Raises HullmarkError."""
    choice = objects.get(key + _CHOICE)
    if choice is None:
        raise HullmarkError("the uploaded archive is no longer there", advice="upload it again")
    yield image_in(archive_at(objects, key), msgspec.json.decode(choice, type=Choice))


async def forget_upload(services: Services, key: str) -> None:
    """Remove an uploaded archive. Called again, or for a key that is gone, it does nothing."""
    await _run_in_thread(services.objects.delete, [key, key + _CHOICE])
    async with services.database.system() as connection:
        await uploads.forget(connection, [key])


async def sweep_uploads(services: Services, age: float = LEFTOVER_SECONDS) -> int:
    """Remove uploads that gave no sign of life for `age` seconds and that no image is to be read from; returns how many.

    So also objects that no upload knows of, as an account that was removed leaves them.
    """
    count = 0
    while True:
        async with services.database.system() as connection:
            keys = await uploads.lock_leftovers(connection, age, _SWEPT_AT_ONCE)
            await _run_in_thread(services.objects.delete, [name for key in keys for name in (key, key + _CHOICE)])
            count += await uploads.forget(connection, keys)
        if len(keys) < _SWEPT_AT_ONCE:
            return count + await _sweep_unknown(services, age)


async def _sweep_unknown(services: Services, age: float) -> int:
    before = services.clock() - timedelta(seconds=age)

    def old() -> list[str]:
        listed = services.objects.list(ROOM)
        return sorted({obj.key.removesuffix(_CHOICE) for obj in listed if obj.modified < before})

    keys, count = await _run_in_thread(old), 0
    for place in range(0, len(keys), _SWEPT_AT_ONCE):
        async with services.database.system() as connection:
            unknown = await uploads.unknown_objects(connection, keys[place : place + _SWEPT_AT_ONCE])
        await _run_in_thread(services.objects.delete, [name for key in unknown for name in (key, key + _CHOICE)])
        count += len(unknown)
    return count


async def _write_chunks(
    services: Services, upload: UUID, writer: ObjectWriter, chunks: AsyncIterator[bytes]
) -> tuple[int, str]:
    """All chunks into the writer; answers their number of bytes and their sha256."""
    hashed, size, piece, is_checked = hashlib.sha256(), 0, bytearray(), False
    signalled_at = time.monotonic()

    def store(taken: bytearray) -> None:
        hashed.update(taken)
        writer.write(taken)

    async for chunk in chunks:
        piece += chunk
        size += len(chunk)
        if not is_checked and len(piece) >= HEAD:
            check_refused(bytes(piece[:HEAD]))
            is_checked = True
        if len(piece) >= _PIECE:
            await _run_in_thread(store, piece)
            piece = bytearray()
        if time.monotonic() - signalled_at > _SIGN_OF_LIFE:
            signalled_at = time.monotonic()
            async with services.database.system() as connection:
                if not await uploads.still_receiving(connection, upload, size):
                    raise _given_up()
    if not is_checked:
        check_refused(bytes(piece[:HEAD]))
    if piece:
        await _run_in_thread(store, piece)
    return size, f"sha256:{hashed.hexdigest()}"


def _looked_into(objects: Objects, key: str, reference: Reference) -> Image:
    """The image of an archive, which was checked; which one it is lies beside the archive from here on."""
    choice, image = chosen_in(archive_at(objects, key), reference)
    objects.put(key + _CHOICE, msgspec.json.encode(choice))
    return image


async def _register_image(
    services: Services,
    account_id: int,
    received: ReceivedArchive,
    image: Image,
    holding: Acquisition,
    entry: audit.Entry[RegistrationResult],
) -> tuple[RegistrationResult, bool]:
    """One transaction; also returns whether the image is to be read from this very archive."""
    async with services.database.system() as connection:
        placed = await images.register(connection, _new(image, received))
        if await leases.read_again(connection, placed.image_id, received.key, fingerprint()):
            placed = msgspec.structs.replace(placed, state="waiting")
        added = await settle(connection, services.objects, account_id, placed, holding)
        if not await uploads.use(connection, received.id):
            raise _given_up()
        await entry(connection, added)
        row = await images.image_by_id(connection, placed.image_id)
        return added, row is not None and row.upload == received.key


def _new(image: Image, received: ReceivedArchive) -> NewImage:
    return NewImage(
        digest=image.digest,
        config_digest=image.config_digest,
        kind="upload",
        media_type=image.media_type,
        platform=str(image.platform) if image.platform is not None else "",
        size=sum(max(layer.size, 0) for layer in image.layers),
        layer_count=len(image.layers),
        created_at=read_creation_time(image),
        upload=received.key,
        aliases=(("config", image.config_digest), ("index", image.index_digest)),
    )


async def _undo(services: Services, key: str, writer: ObjectWriter | None = None) -> None:
    """Undo an upload to the end, also where its request is cancelled."""
    await asyncio.shield(_undo_upload(services, key, writer))


async def _undo_upload(services: Services, key: str, writer: ObjectWriter | None) -> None:
    """Nothing is left of an upload. Where that cannot be now, sweep_uploads does it later.

    The database is asked first: where it did not answer to a commit the image may be registered after all, and be read from this archive.
    """
    with suppress(ObjectsUnreachable, ObjectsRefused, DatabaseUnreachable):
        if writer is not None:
            await _run_in_thread(writer.abort)
        async with services.database.system() as connection:
            is_needed = await uploads.is_needed(connection, key)
        if not is_needed:
            await forget_upload(services, key)


def _given_up() -> HullmarkError:
    return HullmarkError("the upload took too long and was given up", advice="upload it again")


async def _run_in_thread(work: Callable[..., _T], *arguments: Any) -> _T:
    """In a thread of a pool for uploads: other work keeps its threads."""
    return await asyncio.get_running_loop().run_in_executor(_threads(), work, *arguments)


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_THREADS, thread_name_prefix="upload")
