"""What others signed about an image, from where the image is."""

from __future__ import annotations

from hullmark.model.errors import HullmarkError
from hullmark.model.inventory import InventorySource
from hullmark.model.signed_document import SignedDocuments
from hullmark.source import SourceOptions, classify

_KINDS = ("registry", "oci-dir", "oci-archive")


def signed_about(reference: str, source: InventorySource, options: SourceOptions) -> SignedDocuments | None:
    """The signatures and attestations beside an image, by its digest. None for a source that has no place for them.

    Where a registry cannot be asked, all is unseen: that is no error, but no rule can tell.
    """
    if source.kind not in _KINDS or not source.digest:
        return None
    from hullmark.app.repositories import repository_of
    from hullmark.source.attach import signed_documents

    named = f"registry:{classify(reference)[1]}" if source.kind == "registry" else reference
    try:
        return signed_documents(repository_of(named, options), (source.digest,))
    except HullmarkError as error:
        return SignedDocuments(unseen=(str(error),), subjects=(source.digest,))
