"""What others signed about an image, as a registry had it beside the image when somebody last looked: kept for one account alone.

Documents lie in the object store, for each account and image one object: who else holds the image learns nothing of them. What was seen is
never lost because a registry does not answer: only one that tells all takes something away.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

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
    4 << 20, "bytes of one signed document that is kept; of a larger one it is kept that it is there", "unseen"
)
_MAX_ALL = Limit(16 << 20, "bytes of the signed documents of an image that are kept", "unseen")
_MOST = Limit(400, "signed documents of an image that are kept", "unseen")
_MAX_BYTES = Limit(64 << 20, "bytes of kept signed documents that are read", "refused")
_MOST_UNSEEN, _LONGEST = 50, 500

Holding = tuple[int, int]
"""An account and an image that it holds, by their numbers."""


class UnreadableSignatures(HullmarkError):
    """What is kept is damaged."""


class KeptSigned(msgspec.Struct, frozen=True, kw_only=True):
    """What was there at a moment, asked for by a reference. `without_body` are the places of documents that were too large to keep.

    `failed_at` is when the registry did not tell all after that, and `failure` why (a clause): what it told before is kept.
    `awaits_verdict`: the image is still to be judged by it.
    """

    at: datetime
    reference: str
    documents: SignedDocuments
    without_body: tuple[str, ...] = ()
    failed_at: datetime | None = None
    failure: str = ""
    awaits_verdict: bool = False


class RegistryImage(NamedTuple):
    """An image where its registry has it: the reference that it is asked for by, what it is, and how the registry is asked."""

    reference: str
    source: InventorySource
    options: SourceOptions


def look_beside(
    objects: Objects,
    image: RegistryImage,
    holdings: Iterable[Holding],
    at: datetime,
    *,
    awaits_verdict: bool = False,
) -> dict[Holding, bool]:
    """Ask an image's registry what is beside it, and keep that; whether it is something else than before, for each holding. What the
    registry does not say is kept, too. `awaits_verdict`: what is new is marked so, until `note_judged`."""
    reference, source, options = image
    looked: dict[tuple[str, ...], SignedDocuments | None] = {}
    changed: dict[Holding, bool] = {}
    for holding in holdings:
        earlier = _readable(objects, holding)
        # An index that listed the image does so for ever, also when the tag leads to another one by now.
        known = earlier.documents.subjects[1:] if earlier is not None else ()
        if known not in looked:
            looked[known] = signed_about(f"registry:{reference}", source, options, known)
        found = looked[known]
        if found is None:
            continue
        kept = _merge_signed(earlier, found, reference, at)
        is_news = earlier is None or earlier.awaits_verdict or _list_documents(earlier) != _list_documents(kept)
        changed[holding] = is_news
        _put(objects, holding, msgspec.structs.replace(kept, awaits_verdict=awaits_verdict and is_news))
    return changed


def note_judged(objects: Objects, holding: Holding) -> None:
    """The image is judged by what is kept, or is going to be."""
    kept = _readable(objects, holding)
    if kept is not None and kept.awaits_verdict:
        _put(objects, holding, msgspec.structs.replace(kept, awaits_verdict=False))


def get_signed(objects: Objects, account_id: int, image_id: int) -> KeptSigned | None:
    """What is kept for an account about an image; None where nobody looked. Raises UnreadableSignatures, or another HullmarkError where
    the object store cannot be asked."""
    stored = objects.get(_key((account_id, image_id)))
    if stored is None:
        return None
    try:
        payload = zstandard.ZstdDecompressor().decompress(stored, max_output_size=_MAX_BYTES)
        return msgspec.msgpack.decode(payload, type=KeptSigned)
    except (zstandard.ZstdError, msgspec.MsgspecError) as error:
        raise UnreadableSignatures(
            "what is kept of signatures cannot be read", advice="look at the registry again"
        ) from error


def signed_for_rules(objects: Objects, holding: Holding) -> SignedDocuments | None:
    """What is kept, as rules are handed it: None where nobody looked. What was too large to be kept, or is damaged, is unseen. Raises
    HullmarkError where the object store cannot be asked."""
    try:
        kept = get_signed(objects, *holding)
    except UnreadableSignatures as error:
        return SignedDocuments(unseen=(str(error),))
    if kept is None:
        return None
    without = set(kept.without_body)
    bare = [document for document in kept.documents.documents if document.place in without and not document.body]
    if not bare:
        return kept.documents
    unseen = dict.fromkeys(f"{document.place[:19]} is too large to be kept" for document in bare)
    documents = tuple(document for document in kept.documents.documents if document not in bare)
    return msgspec.structs.replace(kept.documents, documents=documents, unseen=(*kept.documents.unseen, *unseen))


def state_of_signed(objects: Objects, holding: Holding) -> str:
    """Changes whenever somebody looked; "" where nobody did."""
    head = objects.head(_key(holding))
    return head.modified.isoformat() if head is not None else ""


def _key(holding: Holding) -> str:
    account_id, image_id = holding
    return f"signed/{account_id}-{image_id}"


def _put(objects: Objects, holding: Holding, kept: KeptSigned) -> None:
    payload = zstandard.ZstdCompressor(level=3, write_checksum=True).compress(msgspec.msgpack.encode(kept))
    objects.put(_key(holding), payload)


def _readable(objects: Objects, holding: Holding) -> KeptSigned | None:
    try:
        return get_signed(objects, *holding)
    except UnreadableSignatures:
        return None


def _list_documents(kept: KeptSigned) -> tuple[SignedDocuments, tuple[str, ...]]:
    """What rules are told of it."""
    return kept.documents, kept.without_body


def _merge_signed(earlier: KeptSigned | None, found: SignedDocuments, reference: str, at: datetime) -> KeptSigned:
    """What is kept from now on. A registry that does not tell all takes nothing away of what it told before, but may add to it."""
    if earlier is None or not found.unseen:
        return _bound_documents(found, reference, at)
    failure = found.unseen[0][:_LONGEST]
    if not found.documents:
        return msgspec.structs.replace(earlier, failed_at=at, failure=failure)
    there = {_name(document) for document in found.documents}
    gone = (document for document in earlier.documents.documents if _name(document) not in there)
    subjects = tuple(dict.fromkeys((*found.subjects, *earlier.documents.subjects)))
    documents = sorted((*found.documents, *gone), key=lambda document: (document.subject, document.place))
    kept = _bound_documents(
        SignedDocuments(documents=tuple(documents), unseen=found.unseen, subjects=subjects), reference, earlier.at
    )
    return msgspec.structs.replace(
        kept,
        without_body=tuple(dict.fromkeys((*kept.without_body, *earlier.without_body))),
        failed_at=at,
        failure=failure,
    )


def _name(document: SignedDocument) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    return document.subject, document.place, tuple(sorted(document.annotations.items()))


def _bound_documents(found: SignedDocuments, reference: str, at: datetime) -> KeptSigned:
    left: int = _MAX_ALL
    documents: list[SignedDocument] = []
    without: list[str] = []
    for document in found.documents[:_MOST]:
        if len(document.body) > min(_MAX_DOCUMENT, left):
            without.append(document.place)
            document = msgspec.structs.replace(document, body=b"")
        left -= len(document.body)
        documents.append(document)
    unseen = tuple(each[:_LONGEST] for each in found.unseen[:_MOST_UNSEEN])
    if len(found.documents) > _MOST:
        unseen = (*unseen, f"there are more than {_MOST} signed documents")
    bounded = SignedDocuments(documents=tuple(documents), unseen=unseen, subjects=found.subjects)
    return KeptSigned(at=at, reference=reference, documents=bounded, without_body=tuple(without))
