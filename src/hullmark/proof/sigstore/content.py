"""What was signed, as a log and an authority of timestamps have to speak of it."""

from __future__ import annotations

import hashlib

import msgspec

from hullmark.proof.dsse import Envelope, Key


class SignedContent(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was signed.

    `digest` is SHA-256 over the payload of an envelope, or over the bytes themselves. `document` is what the signature is over, None where
    only its digest is known. `envelope` is the whole envelope as it is stored, where cosign had logs and timestamps speak of that.
    """

    digest: bytes
    document: bytes | None
    signatures: tuple[bytes, ...]
    is_envelope: bool = False
    envelope: bytes = b""

    def signature_by(self, key: Key) -> bytes:
        """The signature that is this key's; b"" if none is."""
        for signature in self.signatures:
            document = self.document
            is_good = (
                key.has_signed_digest(self.digest, signature)
                if document is None
                else key.has_signed(document, signature)
            )
            if is_good:
                return signature
        return b""


def of_envelope(envelope: Envelope, stored: bytes = b"") -> SignedContent:
    """A statement in an envelope."""
    return SignedContent(
        digest=hashlib.sha256(envelope.payload).digest(),
        document=envelope.signed,
        signatures=envelope.signatures,
        is_envelope=True,
        envelope=stored,
    )


def of_bytes(document: bytes, signature: bytes) -> SignedContent:
    """Plain bytes."""
    return SignedContent(digest=hashlib.sha256(document).digest(), document=document, signatures=(signature,))


def of_digest(digest: bytes, signature: bytes) -> SignedContent:
    """Bytes that are known only by their SHA-256."""
    return SignedContent(digest=digest, document=None, signatures=(signature,))
