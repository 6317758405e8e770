"""What others signed about an image, from where the image is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.inventory import InventorySource
from hullmark.model.limit import Limit
from hullmark.model.signed_document import SignedDocuments
from hullmark.source import SourceOptions, classify

if TYPE_CHECKING:
    from hullmark.source.repository import Repository

_MOST_SUBJECTS = Limit(20, "digests that stand for an image, beside which signatures are looked for")
_KINDS = ("registry", "oci-dir", "oci-archive")


def signed_about(
    reference: str, source: InventorySource, options: SourceOptions, indexes: tuple[str, ...] = ()
) -> SignedDocuments | None:
    """The signatures and attestations beside an image, and beside the index that its reference leads to: whoever signs an index signs what
    it lists. `indexes` are the digests of others that are known to list it. None for a source that has no place for them.

    Where a registry cannot be asked, all is unseen: that is not an error, but no rule can tell.
    """
    if source.kind not in _KINDS or not source.digest:
        return None
    from hullmark.app.repositories import repository_of
    from hullmark.source.attach import signed_documents

    named = f"registry:{classify(reference)[1]}" if source.kind == "registry" else reference
    try:
        repository = repository_of(named, options)
        above = _index_above(repository, named, source.digest)
        subjects = tuple(dict.fromkeys((source.digest, *above, *indexes)))
        found = signed_documents(repository, subjects[:_MOST_SUBJECTS])
        more = (f"more than {_MOST_SUBJECTS - 1} indexes list the image",) if len(subjects) > _MOST_SUBJECTS else ()
        return msgspec.structs.replace(found, unseen=(*found.unseen, *more))
    except HullmarkError as error:
        return SignedDocuments(unseen=(str(error),), subjects=(source.digest,))


def _index_above(repository: Repository, reference: str, digest: str) -> tuple[str, ...]:
    """The digest of the index that the reference leads to, if it lists the image."""
    from hullmark.model.digest import digest_of
    from hullmark.model.reference import parse_reference
    from hullmark.source.manifest import Index, parse_manifest
    from hullmark.source.places import split_place

    scheme, rest = classify(reference)
    version = parse_reference(rest).version if scheme == "registry" else split_place(rest)[1]
    if version in ("", digest):
        return ()
    body = repository.manifest(version)
    document = parse_manifest(body, "what the reference leads to")
    if not isinstance(document, Index) or all(entry.digest != digest for entry in document.manifests):
        return ()
    return (digest_of(body),)
