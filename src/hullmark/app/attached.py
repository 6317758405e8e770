"""What others signed about an image, from where the image is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hullmark.model.errors import HullmarkError
from hullmark.model.inventory import InventorySource
from hullmark.model.signed_document import SignedDocuments
from hullmark.source import SourceOptions, classify

if TYPE_CHECKING:
    from hullmark.source.repository import Repository

_KINDS = ("registry", "oci-dir", "oci-archive")


def signed_about(reference: str, source: InventorySource, options: SourceOptions) -> SignedDocuments | None:
    """The signatures and attestations beside an image, and beside the index that its reference leads to: whoever signs an index signs what
    it lists. None for a source that has no place for them.

    Where a registry cannot be asked, all is unseen: that is no error, but no rule can tell.
    """
    if source.kind not in _KINDS or not source.digest:
        return None
    from hullmark.app.repositories import repository_of
    from hullmark.source.attach import signed_documents

    named = f"registry:{classify(reference)[1]}" if source.kind == "registry" else reference
    try:
        repository = repository_of(named, options)
        return signed_documents(repository, (source.digest, *_index_above(repository, named, source.digest)))
    except HullmarkError as error:
        return SignedDocuments(unseen=(str(error),), subjects=(source.digest,))


def _index_above(repository: Repository, reference: str, digest: str) -> tuple[str, ...]:
    """The digest of the index that the reference leads to, if it lists the image."""
    from hullmark.source.digest import digest_of
    from hullmark.source.manifest import Index, parse_manifest
    from hullmark.source.places import split_place
    from hullmark.source.reference import parse_reference

    scheme, rest = classify(reference)
    version = parse_reference(rest).version if scheme == "registry" else split_place(rest)[1]
    if version in ("", digest):
        return ()
    body = repository.manifest(version)
    document = parse_manifest(body, "what the reference leads to")
    if not isinstance(document, Index) or all(entry.digest != digest for entry in document.manifests):
        return ()
    return (digest_of(body),)
