"""What others signed about an image, as a registry had it beside the image when somebody last looked: kept for one account alone.

Documents lie in the object store, for each account and image one object: who else holds the image learns nothing of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec
import zstandard

from hullmark.app.attached import signed_about
from hullmark.model.errors import HullmarkError
from hullmark.model.inventory import InventorySource
from hullmark.model.limit import Limit
from hullmark.model.signed_document import SignedDocument, SignedDocuments
from hullmark.server.objects.objects import Objects
from hullmark.source import SourceOptions

_MAX_DOCUMENT = Limit(
    4 << 20, "bytes of one signed document that is kept; of a larger one it is kept that it is there", "shortened"
)
_MAX_ALL = Limit(16 << 20, "bytes of the signed documents of an image that are kept", "shortened")
_MAX_BYTES = Limit(64 << 20, "bytes of kept signed documents that are read", "refused")
_MOST_UNSEEN, _LONGEST = 50, 500


class KeptSigned(msgspec.Struct, frozen=True, kw_only=True):
    """What was there at a moment, asked for by a reference. `without_body` are the places of documents that were too large to keep."""

    at: datetime
    reference: str
    documents: SignedDocuments
    without_body: tuple[str, ...] = ()


def look_beside(
    objects: Objects,
    reference: str,
    source: InventorySource,
    options: SourceOptions,
    accounts: Iterable[tuple[int, int]],
    at: datetime,
) -> None:
    """Ask the registry that a reference is of, and keep what it says, for each (account, image). What it does not say is kept, too."""
    found = signed_about(f"registry:{reference}", source, options)
    if found is None:
        return
    kept = _bounded(found, reference, at)
    payload = zstandard.ZstdCompressor(level=3, write_checksum=True).compress(msgspec.msgpack.encode(kept))
    for account_id, image_id in accounts:
        objects.put(_key(account_id, image_id), payload)


def get_signed(objects: Objects, account_id: int, image_id: int) -> KeptSigned | None:
    """What is kept for an account about an image; None where nobody looked. Raises HullmarkError if it cannot be read."""
    stored = objects.get(_key(account_id, image_id))
    if stored is None:
        return None
    try:
        payload = zstandard.ZstdDecompressor().decompress(stored, max_output_size=_MAX_BYTES)
        return msgspec.msgpack.decode(payload, type=KeptSigned)
    except (zstandard.ZstdError, msgspec.MsgspecError) as error:
        raise HullmarkError("what is kept of signatures cannot be read", advice="look at the registry again") from error


def _key(account_id: int, image_id: int) -> str:
    return f"signed/{account_id}-{image_id}"


def _bounded(found: SignedDocuments, reference: str, at: datetime) -> KeptSigned:
    left: int = _MAX_ALL
    documents: list[SignedDocument] = []
    without: list[str] = []
    for document in found.documents:
        if len(document.body) > min(_MAX_DOCUMENT, left):
            without.append(document.place)
            document = msgspec.structs.replace(document, body=b"")
        left -= len(document.body)
        documents.append(document)
    unseen = tuple(each[:_LONGEST] for each in found.unseen[:_MOST_UNSEEN])
    bounded = SignedDocuments(documents=tuple(documents), unseen=unseen, subjects=found.subjects)
    return KeptSigned(at=at, reference=reference, documents=bounded, without_body=tuple(without))
