"""Sigstore bundles (sigstore/protobuf-specs, sigstore_bundle.proto) and the bare envelope: v0.3 is written, v0.1 and v0.2 are read, too.

What a bundle says of transparency logs and certificates is kept as it was written: it is read where somebody checks it.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.proof.dsse import Envelope, read_envelope
from hullmark.proof.signing import Signer, signed_envelope
from hullmark.proof.sigstore.content import SignedContent, of_digest, of_envelope
from hullmark.proof.sigstore.material import CERTIFICATE, Material, annotated_material, read_material

BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
"""The media type of a bundle."""

ENVELOPE = "application/vnd.dsse.envelope.v1+json"
"""The media type of an envelope, as cosign has it in the layers of its `.att` tags."""

_LONGEST_HINT = Limit(512, "characters of a bundle's name of its key", "shortened")
_LONGEST_SIGNATURE = Limit(16384, "characters of a signature over bytes, in a bundle", "refused")
_DIGEST_BYTES = 32
_NOTHING = msgspec.Raw(b"null")


class _Hint(msgspec.Struct):
    hint: str = ""


class _Material(msgspec.Struct, rename="camel"):
    public_key: _Hint | None = None
    certificate: msgspec.Raw = _NOTHING
    x509_certificate_chain: msgspec.Raw = msgspec.field(default=_NOTHING, name="x509CertificateChain")


class _Wire(msgspec.Struct, rename="camel"):
    media_type: str = ""
    verification_material: msgspec.Raw = _NOTHING
    dsse_envelope: msgspec.Raw = _NOTHING
    message_signature: msgspec.Raw = _NOTHING
    payload_type: str | None = None


class _Digest(msgspec.Struct):
    digest: str
    algorithm: str = ""


class _MessageSignature(msgspec.Struct, rename="camel"):
    message_digest: _Digest
    signature: str


class Bundle(msgspec.Struct, frozen=True, kw_only=True):
    """A signed statement, on its own or in a bundle. `body` is the whole document; `has_certificate`: a certificate, not a key, signed.

    `media_type` is the bundle's own, "" for a bare envelope; `material` the JSON that it has beside the envelope, `annotations` what
    cosign has there for a bare one.
    """

    envelope: Envelope
    body: bytes
    has_certificate: bool = False
    media_type: str = ""
    material: bytes = b""
    annotations: dict[str, str] = {}

    @property
    def content(self) -> SignedContent:
        """What a certificate signed."""
        return of_envelope(self.envelope, b"" if self.material else self.body)

    def read_material(self) -> Material:
        """What comes with a signature by a certificate. Raises ValueError."""
        return read_material(self.material, self.media_type) if self.material else annotated_material(self.annotations)


class SignedMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A bundle that holds a signature over bytes whose SHA-256 it names (`sha256:HEX`)."""

    digest: str
    content: SignedContent
    material: bytes
    media_type: str
    has_certificate: bool

    def read_material(self) -> Material:
        """What comes with a signature by a certificate. Raises ValueError."""
        return read_material(self.material, self.media_type)


class SignedBundle(msgspec.Struct, frozen=True, kw_only=True):
    """A statement that was just signed: the bundle, the envelope in it, and what cosign has beside that under `.att` (its annotations)."""

    bundle: bytes
    envelope: bytes
    annotations: dict[str, str] = {}


def write_bundle(statement: bytes, signer: Signer) -> tuple[bytes, bytes]:
    """A statement, signed: as a bundle, and as the envelope in it. Both are JSON with sorted keys. Raises HullmarkError."""
    envelope = signed_envelope(statement, signer)
    bundle = {
        "dsseEnvelope": envelope,
        "mediaType": BUNDLE,
        "verificationMaterial": {"publicKey": {"hint": _hint(signer.fingerprint)}},
    }
    return msgspec.json.encode(bundle, order="sorted"), msgspec.json.encode(envelope, order="sorted")


def read_bundle(body: bytes, annotations: Mapping[str, str] | None = None) -> Bundle:
    """What is in a bundle, or in an envelope that has these annotations of cosign's. Raises HullmarkError for anything else."""
    try:
        wire = msgspec.json.decode(body, type=_Wire)
        if wire.dsse_envelope == _NOTHING and wire.message_signature != _NOTHING:
            raise ValueError("it holds a signature over bytes, not a statement")
        is_bundle = wire.dsse_envelope != _NOTHING
        envelope = read_envelope(bytes(wire.dsse_envelope) if is_bundle else body)
        material = msgspec.json.decode(wire.verification_material, type=_Material | None)
    except (ValueError, RecursionError) as error:
        raise HullmarkError(
            f"it is not a Sigstore bundle: {str(error)[:200]}",
            advice="hullmark check --sign --attestation FILE writes one",
        ) from error
    if material is not None and material.public_key is not None:
        envelope = msgspec.structs.replace(envelope, hints=(*envelope.hints, *_fingerprint(material.public_key.hint)))
    noted = {} if is_bundle else dict(annotations or {})
    return Bundle(
        envelope=envelope,
        body=body,
        has_certificate=_is_certified(material) or CERTIFICATE in noted,
        media_type=wire.media_type,
        material=bytes(wire.verification_material) if is_bundle else b"",
        annotations=noted,
    )


def read_message(body: bytes) -> SignedMessage | None:
    """The signature over bytes that a bundle holds; None for a bundle of another kind, and for what is none. Raises ValueError."""
    try:
        wire = msgspec.json.decode(body, type=_Wire)
        if wire.message_signature == _NOTHING or wire.dsse_envelope != _NOTHING:
            return None
        message = msgspec.json.decode(wire.message_signature, type=_MessageSignature)
        material = msgspec.json.decode(wire.verification_material, type=_Material | None)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    if message.message_digest.algorithm != "SHA2_256":
        raise ValueError(f"it is over a digest that is not checked: {message.message_digest.algorithm[:40]!r}")
    digest = base64.b64decode(message.message_digest.digest[:_LONGEST_HINT], validate=True)
    signature = base64.b64decode(message.signature[:_LONGEST_SIGNATURE], validate=True)
    return SignedMessage(
        digest=f"sha256:{digest.hex()}",
        content=of_digest(digest, signature),
        material=bytes(wire.verification_material),
        media_type=wire.media_type,
        has_certificate=_is_certified(material),
    )


def _is_certified(material: _Material | None) -> bool:
    return material is not None and (material.certificate != _NOTHING or material.x509_certificate_chain != _NOTHING)


def _hint(fingerprint: str) -> str:
    """What a bundle calls a key: as cosign does, the SHA-256 of its DER in base64."""
    return base64.b64encode(bytes.fromhex(fingerprint.removeprefix("sha256:"))).decode()


def _fingerprint(hint: str) -> tuple[str, ...]:
    """The fingerprint that such a hint stands for; none for another hint."""
    try:
        digest = base64.b64decode(hint[:_LONGEST_HINT], validate=True)
    except ValueError:
        return ()
    return (f"sha256:{digest.hex()}",) if len(digest) == _DIGEST_BYTES else ()
