"""Sigstore bundles v0.3 (sigstore/protobuf-specs, sigstore_bundle.proto) with a DSSE envelope, and the bare envelope.

Bundles of v0.1 and v0.2 hold the envelope at the same place, and are read, too. Only the envelope is taken out: what a bundle says of
transparency logs and certificates is for those who are given roots to check it by.
"""

from __future__ import annotations

import base64

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.proof.dsse import Envelope, read_envelope
from hullmark.proof.signing import Signer, signed_envelope

BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
"""The media type of a bundle."""

ENVELOPE = "application/vnd.dsse.envelope.v1+json"
"""The media type of an envelope, as cosign has it in the layers of its `.att` tags."""

_LONGEST_HINT = Limit(512, "characters of a bundle's name of its key", "shortened")
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
    verification_material: _Material | None = None
    dsse_envelope: msgspec.Raw = _NOTHING
    message_signature: msgspec.Raw = _NOTHING
    payload_type: str | None = None


class Bundle(msgspec.Struct, frozen=True):
    """A signed statement, on its own or in a bundle. `body` is the whole document; `has_certificate`: a certificate, not a key, signed."""

    envelope: Envelope
    body: bytes
    has_certificate: bool = False


def write_bundle(statement: bytes, signer: Signer) -> tuple[bytes, bytes]:
    """A statement, signed: as a bundle, and as the envelope in it. Both are JSON with sorted keys. Raises HullmarkError."""
    envelope = signed_envelope(statement, signer)
    bundle = {
        "dsseEnvelope": envelope,
        "mediaType": BUNDLE,
        "verificationMaterial": {"publicKey": {"hint": _hint(signer.fingerprint)}},
    }
    return msgspec.json.encode(bundle, order="sorted"), msgspec.json.encode(envelope, order="sorted")


def read_bundle(body: bytes) -> Bundle:
    """What is in a bundle, or in an envelope. Raises HullmarkError for anything else."""
    try:
        wire = msgspec.json.decode(body, type=_Wire)
        if wire.dsse_envelope == _NOTHING and wire.message_signature != _NOTHING:
            raise ValueError("it holds a signature over bytes, not a statement")
        envelope = read_envelope(bytes(wire.dsse_envelope) if wire.dsse_envelope != _NOTHING else body)
    except (ValueError, RecursionError) as error:
        raise HullmarkError(
            f"it is not a Sigstore bundle: {str(error)[:200]}",
            advice="hullmark check --sign --attestation FILE writes one",
        ) from error
    material = wire.verification_material
    certified = material is not None and (
        material.certificate != _NOTHING or material.x509_certificate_chain != _NOTHING
    )
    if material is not None and material.public_key is not None:
        envelope = msgspec.structs.replace(envelope, hints=(*envelope.hints, *_fingerprint(material.public_key.hint)))
    return Bundle(envelope, body, certified)


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
