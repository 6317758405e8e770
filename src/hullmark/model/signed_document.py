"""Documents that others signed about an image, as a registry stores them beside it."""

from __future__ import annotations

import msgspec

SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json"
"""The media type of what cosign signs under `.sig`."""

SIGNATURE = "dev.cosignproject.cosign/signature"
"""The annotation that holds cosign's signature over such a payload, in base64."""

NOTATION = ("application/jose+json", "application/cose")
"""The media types of the Notary Project's signatures."""


class SignedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A document that was found beside an image, as it is stored. Nothing of it is verified except its digest, which is `place`.

    `subject` is the digest that it is attached to. `annotations` are those of the layer that holds it.
    """

    place: str
    media_type: str
    body: bytes
    subject: str
    annotations: dict[str, str] = {}

    @property
    def holds_statement(self) -> bool:
        """Whether it may contain a statement: its media type is neither cosign's simple signing nor the Notary Project's."""
        return self.media_type != SIMPLE_SIGNING and self.media_type not in NOTATION


class SignedDocuments(msgspec.Struct, frozen=True, kw_only=True):
    """All such documents, sorted, and what was not seen of them, a clause each. `subjects` are the digests that stand for the image."""

    documents: tuple[SignedDocument, ...] = ()
    unseen: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()


class DocumentInput(msgspec.Struct, frozen=True, kw_only=True):
    """The identity of a document that rules received: `place`, the digest of its bytes, and `handed`: the digest of everything rules
    received of it, including type, subject and annotations.
    """

    place: str
    digest: str
    handed: str


class SignatureInputs(msgspec.Struct, frozen=True, kw_only=True):
    """What rules received: documents in their order; `subjects` and `unseen` as in SignedDocuments."""

    documents: tuple[DocumentInput, ...] = ()
    subjects: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
