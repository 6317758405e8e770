"""What an entry of Rekor's is about (sigstore/rekor, pkg/types: hashedrekord, dsse, intoto; rekor-tiles: the same in version 0.0.2).

An entry must be about this signature, this certificate and these bytes: else a log's word about something else could be put beside them.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable

import msgspec

from hullmark.proof.notation import PEM_CERTIFICATE
from hullmark.proof.sigstore.content import SignedContent
from hullmark.proof.sigstore.refusal import NotVerified


class _Head(msgspec.Struct, rename="camel"):
    kind: str
    api_version: str
    spec: msgspec.Raw


class _Hash(msgspec.Struct):
    algorithm: str
    value: str


class _Data(msgspec.Struct):
    hash: _Hash


class _Content(msgspec.Struct):
    content: str


class _HashedSignature(msgspec.Struct, rename="camel"):
    content: str
    public_key: _Content


class _HashedRekord(msgspec.Struct):
    data: _Data
    signature: _HashedSignature


class _DsseSignature(msgspec.Struct):
    signature: str
    verifier: str


class _Dsse(msgspec.Struct, rename="camel"):
    payload_hash: _Hash
    signatures: tuple[_DsseSignature, ...]


class _IntotoSignature(msgspec.Struct, rename="camel"):
    sig: str
    public_key: str


class _IntotoEnvelope(msgspec.Struct):
    signatures: tuple[_IntotoSignature, ...]


class _IntotoContent(msgspec.Struct, rename="camel"):
    envelope: _IntotoEnvelope
    payload_hash: _Hash


class _Intoto(msgspec.Struct):
    content: _IntotoContent


class _OldContent(msgspec.Struct):
    hash: _Hash


class _OldIntoto(msgspec.Struct, rename="camel"):
    content: _OldContent
    public_key: str


class _Der(msgspec.Struct, rename="camel"):
    raw_bytes: str


class _Verifier(msgspec.Struct, rename="camel"):
    x509_certificate: _Der


class _TileSignature(msgspec.Struct):
    content: str
    verifier: _Verifier


class _TileHash(msgspec.Struct):
    algorithm: str
    digest: str


class _TileHashed(msgspec.Struct):
    data: _TileHash
    signature: _TileSignature


class _TileDsse(msgspec.Struct, rename="camel"):
    payload_hash: _TileHash
    signatures: tuple[_TileSignature, ...]


class _TileHashedSpec(msgspec.Struct):
    hashed: _TileHashed = msgspec.field(name="hashedRekordV002")


class _TileDsseSpec(msgspec.Struct):
    dsse: _TileDsse = msgspec.field(name="dsseV002")


class _Subject(msgspec.Struct, frozen=True):
    """What an entry says: a digest, and who signed it how. `signature` b"": it does not say."""

    digest: bytes
    signers: tuple[tuple[bytes, bytes], ...]
    is_envelope: bool
    is_whole: bool = False


def check_body(body: bytes, content: SignedContent, signature: bytes, certificate: bytes) -> None:
    """Raises NotVerified unless the entry is about this signature by this certificate (in DER), over this content."""
    try:
        head = msgspec.json.decode(body, type=_Head)
        read = _KINDS.get((head.kind, head.api_version))
        if read is None:
            raise NotVerified(f"its log entry is of a kind that is not known: {head.kind[:40]} {head.api_version[:20]}")
        said = read(head.spec)
    except NotVerified:
        raise
    except (ValueError, RecursionError) as error:
        raise NotVerified(f"its log entry cannot be read: {str(error)[:200]}") from error
    digest = hashlib.sha256(content.envelope).digest() if said.is_whole else content.digest
    if said.is_whole and not content.envelope:
        raise NotVerified("its log entry is about an envelope as it was first written, which is not at hand")
    if said.is_envelope is not content.is_envelope or said.digest != digest:
        raise NotVerified("its log entry is about something else")
    if not any(signer == certificate and signed in (signature, b"") for signed, signer in said.signers):
        raise NotVerified("its log entry is about another signature")


def _read_hashed_entry(spec: msgspec.Raw) -> _Subject:
    found = msgspec.json.decode(spec, type=_HashedRekord)
    signature = found.signature
    return _Subject(_hex(found.data.hash), ((_b64(signature.content), _pem(signature.public_key.content)),), False)


def _dsse(spec: msgspec.Raw) -> _Subject:
    found = msgspec.json.decode(spec, type=_Dsse)
    signers = _decode_signers((signature.signature, signature.verifier) for signature in found.signatures)
    return _Subject(_hex(found.payload_hash), signers, True)


def _intoto(spec: msgspec.Raw) -> _Subject:
    content = msgspec.json.decode(spec, type=_Intoto).content
    # These entries have signatures in base64 twice.
    signers = _decode_signers(
        (_b64(signature.sig).decode("ascii"), signature.public_key) for signature in content.envelope.signatures
    )
    return _Subject(_hex(content.payload_hash), signers, True)


def _old_intoto(spec: msgspec.Raw) -> _Subject:
    """Version 0.0.1 names no signature, but the whole envelope, in which it is."""
    found = msgspec.json.decode(spec, type=_OldIntoto)
    return _Subject(_hex(found.content.hash), ((b"", _pem(found.public_key)),), True, is_whole=True)


def _tile_hashed(spec: msgspec.Raw) -> _Subject:
    found = msgspec.json.decode(spec, type=_TileHashedSpec).hashed
    return _Subject(_tile_digest(found.data), (_tile_signer(found.signature),), False)


def _tile_dsse(spec: msgspec.Raw) -> _Subject:
    found = msgspec.json.decode(spec, type=_TileDsseSpec).dsse
    return _Subject(_tile_digest(found.payload_hash), tuple(map(_tile_signer, found.signatures)), True)


_KINDS: dict[tuple[str, str], Callable[[msgspec.Raw], _Subject]] = {
    ("hashedrekord", "0.0.1"): _read_hashed_entry,
    ("hashedrekord", "0.0.2"): _tile_hashed,
    ("dsse", "0.0.1"): _dsse,
    ("dsse", "0.0.2"): _tile_dsse,
    ("intoto", "0.0.1"): _old_intoto,
    ("intoto", "0.0.2"): _intoto,
}


def _decode_signers(pairs: Iterable[tuple[str, str]]) -> tuple[tuple[bytes, bytes], ...]:
    return tuple((_b64(signature), _pem(verifier)) for signature, verifier in pairs)


def _tile_signer(signature: _TileSignature) -> tuple[bytes, bytes]:
    return _b64(signature.content), _b64(signature.verifier.x509_certificate.raw_bytes)


def _tile_digest(found: _TileHash) -> bytes:
    if found.algorithm != "SHA2_256":
        raise ValueError(f"its hash is of another kind: {found.algorithm[:40]}")
    return _b64(found.digest)


def _hex(found: _Hash) -> bytes:
    if found.algorithm != "sha256":
        raise ValueError(f"its hash is of another kind: {found.algorithm[:40]}")
    return bytes.fromhex(found.value)


def _b64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _pem(text: str) -> bytes:
    """A certificate in PEM, in base64; b"" for a public key."""
    blocks = PEM_CERTIFICATE.findall(_b64(text))
    if len(blocks) != 1:
        return b""
    return base64.b64decode(b"".join(blocks[0].split(b"-----")[2].split()), validate=True)
