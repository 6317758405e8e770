"""What comes with a signature by a certificate: the certificate, entries of transparency logs, timestamps; in bundles and by cosign.

Bundles: sigstore/protobuf-specs, sigstore_bundle.proto and sigstore_rekor.proto (v0.1 to v0.3, as JSON). cosign's annotations: its
SIGNATURE_SPEC.md.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Annotated

import msgspec

from hullmark.model.limit import Limit
from hullmark.proof.notation import PEM_CERTIFICATE
from hullmark.proof.sigstore.refusal import NotVerified

CERTIFICATE = "dev.sigstore.cosign/certificate"
"""The annotation that holds the signer's certificate in PEM."""

CHAIN = "dev.sigstore.cosign/chain"
"""The annotation that holds the certificates of its authority in PEM."""

ENTRY = "dev.sigstore.cosign/bundle"
"""The annotation that holds the entry of the transparency log."""

_TIMESTAMP = "dev.sigstore.cosign/rfc3161timestamp"
_MOST_CERTIFICATES = Limit(8, "certificates that come with a signature", "refused")
_MOST_ENTRIES = Limit(8, "entries of transparency logs that come with a signature", "refused")
_MOST_TIMESTAMPS = Limit(8, "timestamps that come with a signature", "refused")
_MOST_HASHES = 64
_LONGEST = Limit(1 << 20, "characters of a certificate, entry or timestamp that comes with a signature", "refused")
_PROMISED = re.compile(r"application/vnd\.dev\.sigstore\.bundle\+json;version=0\.1").fullmatch
_NUMBER = re.compile(r"[0-9]{1,19}").fullmatch

_Number = int | Annotated[str, msgspec.Meta(max_length=19)]


class InclusionProof(msgspec.Struct, frozen=True, kw_only=True):
    """That a leaf is in a Merkle tree whose root a checkpoint (a signed note) names."""

    index: int
    size: int
    hashes: tuple[bytes, ...]
    root: bytes
    checkpoint: str


class LogEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of a transparency log. `promise` is the log's signature over it and its time (b"": none); `seconds` are since 1970."""

    log_id: bytes
    index: int
    seconds: int
    body: bytes
    promise: bytes = b""
    proof: InclusionProof | None = None


class Material(msgspec.Struct, frozen=True, kw_only=True):
    """What a signature by a certificate comes with. Certificates are DER; the first is the signer's.

    `needs_proof`: entries must be proven to be in the log, as bundles since v0.2 are; else the log's promise is enough.
    """

    certificates: tuple[bytes, ...]
    entries: tuple[LogEntry, ...] = ()
    timestamps: tuple[bytes, ...] = ()
    needs_proof: bool = True


# Bundles


class _Bytes(msgspec.Struct, rename="camel"):
    raw_bytes: str = ""


class _Chain(msgspec.Struct):
    certificates: tuple[_Bytes, ...] = ()


class _KeyId(msgspec.Struct, rename="camel"):
    key_id: str = ""


class _Promise(msgspec.Struct, rename="camel"):
    signed_entry_timestamp: str = ""


class _Checkpoint(msgspec.Struct):
    envelope: str = ""


class _Proof(msgspec.Struct, rename="camel"):
    log_index: _Number = 0
    root_hash: str = ""
    tree_size: _Number = 0
    hashes: tuple[str, ...] = ()
    checkpoint: _Checkpoint | None = None


class _Entry(msgspec.Struct, rename="camel"):
    log_index: _Number = 0
    log_id: _KeyId | None = None
    integrated_time: _Number = 0
    inclusion_promise: _Promise | None = None
    inclusion_proof: _Proof | None = None
    canonicalized_body: str = ""


class _Timestamp(msgspec.Struct, rename="camel"):
    signed_timestamp: str = ""


class _Timestamps(msgspec.Struct, rename="camel"):
    rfc3161_timestamps: tuple[_Timestamp, ...] = ()


class _Wire(msgspec.Struct, rename="camel"):
    certificate: _Bytes | None = None
    x509_certificate_chain: _Chain | None = None
    tlog_entries: tuple[_Entry, ...] = ()
    timestamp_verification_data: _Timestamps | None = None


def read_material(body: bytes, media_type: str) -> Material:
    """What a bundle's `verificationMaterial` holds. Raises NotVerified for what cannot be read."""
    try:
        wire = msgspec.json.decode(body, type=_Wire)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise NotVerified(f"its material cannot be read: {str(error)[:200]}") from error
    chain = wire.x509_certificate_chain
    encoded = (wire.certificate,) if wire.certificate is not None else chain.certificates if chain is not None else ()
    stamps = wire.timestamp_verification_data
    timestamps = stamps.rfc3161_timestamps if stamps is not None else ()
    if (
        len(encoded) > _MOST_CERTIFICATES
        or len(wire.tlog_entries) > _MOST_ENTRIES
        or len(timestamps) > _MOST_TIMESTAMPS
    ):
        raise NotVerified("it comes with more certificates, entries or timestamps than are looked at")
    return Material(
        certificates=tuple(_decode_base64(each.raw_bytes) for each in encoded),
        entries=tuple(map(_entry, wire.tlog_entries)),
        timestamps=tuple(_decode_base64(timestamp.signed_timestamp) for timestamp in timestamps),
        needs_proof=_PROMISED(media_type) is None,
    )


def _entry(wire: _Entry) -> LogEntry:
    promise = wire.inclusion_promise
    return LogEntry(
        log_id=_decode_base64(wire.log_id.key_id) if wire.log_id is not None else b"",
        index=_number(wire.log_index),
        seconds=_number(wire.integrated_time),
        body=_decode_base64(wire.canonicalized_body),
        promise=_decode_base64(promise.signed_entry_timestamp) if promise is not None else b"",
        proof=_proof(wire.inclusion_proof) if wire.inclusion_proof is not None else None,
    )


def _proof(wire: _Proof) -> InclusionProof:
    if len(wire.hashes) > _MOST_HASHES:
        raise NotVerified("its inclusion proof has more hashes than a log has levels")
    return InclusionProof(
        index=_number(wire.log_index),
        size=_number(wire.tree_size),
        hashes=tuple(map(_decode_base64, wire.hashes)),
        root=_decode_base64(wire.root_hash),
        checkpoint=wire.checkpoint.envelope if wire.checkpoint is not None else "",
    )


# cosign's annotations


class _Payload(msgspec.Struct):
    body: str
    integrated_time: int = msgspec.field(name="integratedTime")
    log_index: int = msgspec.field(name="logIndex")
    log_id: str = msgspec.field(name="logID")


class _RekorBundle(msgspec.Struct):
    promise: str = msgspec.field(name="SignedEntryTimestamp")
    payload: _Payload = msgspec.field(name="Payload")


class _LegacyTimestamp(msgspec.Struct):
    signed: str = msgspec.field(name="SignedRFC3161Timestamp")


def annotated_material(annotations: Mapping[str, str]) -> Material:
    """What the annotations of a layer that cosign wrote hold. Raises NotVerified for what cannot be read."""
    certificates = (*_of_pem(annotations.get(CERTIFICATE, "")), *_of_pem(annotations.get(CHAIN, "")))
    if len(certificates) > _MOST_CERTIFICATES:
        raise NotVerified("it comes with more certificates than are looked at")
    try:
        entries = _legacy_entry(annotations[ENTRY]) if annotations.get(ENTRY) else ()
        stamp = annotations.get(_TIMESTAMP)
        stamps = (_decode_base64(msgspec.json.decode(stamp[:_LONGEST], type=_LegacyTimestamp).signed),) if stamp else ()
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise NotVerified(f"its annotations cannot be read: {str(error)[:200]}") from error
    return Material(certificates=certificates, entries=entries, timestamps=stamps, needs_proof=False)


def _legacy_entry(text: str) -> tuple[LogEntry, ...]:
    wire = msgspec.json.decode(text[:_LONGEST], type=_RekorBundle)
    payload = wire.payload
    try:
        log_id = bytes.fromhex(payload.log_id)
    except ValueError as error:
        raise NotVerified("its log entry names no log") from error
    return (
        LogEntry(
            log_id=log_id,
            index=_number(payload.log_index),
            seconds=_number(payload.integrated_time),
            body=_decode_base64(payload.body),
            promise=_decode_base64(wire.promise),
        ),
    )


def _of_pem(text: str) -> tuple[bytes, ...]:
    blocks = PEM_CERTIFICATE.findall(text[:_LONGEST].encode("utf-8", "replace"))
    return tuple(_decode_base64(block.split(b"-----")[2].decode("ascii")) for block in blocks)


def _number(value: int | str) -> int:
    text = str(value)
    if _NUMBER(text) is None:
        raise NotVerified(f"it holds what should be a number and is not: {text[:20]!r}")
    return int(text)


def _decode_base64(text: str) -> bytes:
    if len(text) > _LONGEST:
        raise NotVerified("it holds a part that is larger than is looked at")
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except ValueError as error:
        raise NotVerified("it holds what should be base64 and is not") from error
