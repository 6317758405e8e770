"""What is asked of Fulcio and Rekor to sign by an identity, and what is made of their answers: bytes in, bytes out.

Fulcio's API v2 (sigstore/fulcio, fulcio.proto, `signingCert`) and Rekor's API v1 (sigstore/rekor, openapi.yaml, `createLogEntry`).
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import msgspec

from hullmark.model.limit import Limit
from hullmark.proof.sigstore.material import CERTIFICATE, CHAIN, ENTRY, InclusionProof, LogEntry
from hullmark.proof.sigstore.refusal import NotVerified

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

_MOST_CERTIFICATES = Limit(8, "certificates that Fulcio answers with", "refused")
_MOST_HASHES = 64
_KIND, _VERSION = "dsse", "0.0.1"


class _Chain(msgspec.Struct):
    certificates: tuple[str, ...]


class _SignedDocument(msgspec.Struct):
    chain: _Chain


class _FulcioAnswer(msgspec.Struct, rename="camel"):
    signed_certificate_embedded_sct: _SignedDocument


class _Proof(msgspec.Struct, rename="camel"):
    checkpoint: str
    hashes: tuple[str, ...]
    log_index: int
    root_hash: str
    tree_size: int


class _Verification(msgspec.Struct, rename="camel"):
    signed_entry_timestamp: str
    inclusion_proof: _Proof


class _RekorAnswer(msgspec.Struct, rename="camel"):
    body: str
    integrated_time: int
    log_id: str = msgspec.field(name="logID")
    log_index: int
    verification: _Verification


def certificate_request(key: EllipticCurvePrivateKey) -> bytes:
    """What Fulcio is asked: a certificate for this key, which a signing request proves to be at hand (RFC 2986)."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509 import CertificateSigningRequestBuilder, Name

    request = CertificateSigningRequestBuilder().subject_name(Name([])).sign(key, SHA256())
    encoded = base64.b64encode(request.public_bytes(Encoding.PEM)).decode()
    return msgspec.json.encode({"certificateSigningRequest": encoded})


def certificates_in(answer: bytes) -> tuple[str, ...]:
    """The certificates in PEM that Fulcio answers with, the signer's first. Raises ValueError."""
    try:
        found = msgspec.json.decode(answer, type=_FulcioAnswer).signed_certificate_embedded_sct.chain.certificates
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise ValueError(f"it is not a certificate with the promise of a log in it: {str(error)[:200]}") from error
    if not 1 <= len(found) <= _MOST_CERTIFICATES:
        raise ValueError(f"it has {len(found)} certificates")
    return found


def entry_request(envelope: bytes, certificate: str) -> bytes:
    """What Rekor is asked: an entry about an envelope that a certificate (in PEM) signed."""
    content = {"envelope": envelope.decode(), "verifiers": [base64.b64encode(certificate.encode()).decode()]}
    return msgspec.json.encode({"apiVersion": _VERSION, "kind": _KIND, "spec": {"proposedContent": content}})


def entry_in(answer: bytes) -> LogEntry:
    """The entry that Rekor answers with. Raises ValueError."""
    try:
        ((_, found),) = msgspec.json.decode(answer, type=dict[str, _RekorAnswer]).items()
        proof = found.verification.inclusion_proof
        if len(proof.hashes) > _MOST_HASHES:
            raise NotVerified("its inclusion proof has more hashes than a log has levels")
        return LogEntry(
            log_id=bytes.fromhex(found.log_id),
            index=found.log_index,
            seconds=found.integrated_time,
            body=base64.b64decode(found.body, validate=True),
            promise=base64.b64decode(found.verification.signed_entry_timestamp, validate=True),
            proof=InclusionProof(
                index=proof.log_index,
                size=proof.tree_size,
                hashes=tuple(map(bytes.fromhex, proof.hashes)),
                root=bytes.fromhex(proof.root_hash),
                checkpoint=proof.checkpoint,
            ),
        )
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is not an entry: {str(error)[:200]}") from error


def material_document(certificate: bytes, entry: LogEntry) -> dict[str, object]:
    """What stands beside the envelope in a bundle. The certificate is in DER."""
    document: dict[str, object] = {
        "canonicalizedBody": _b64(entry.body),
        "inclusionPromise": {"signedEntryTimestamp": _b64(entry.promise)},
        "integratedTime": str(entry.seconds),
        "kindVersion": {"kind": _KIND, "version": _VERSION},
        "logId": {"keyId": _b64(entry.log_id)},
        "logIndex": str(entry.index),
    }
    if entry.proof is not None:
        document["inclusionProof"] = {
            "checkpoint": {"envelope": entry.proof.checkpoint},
            "hashes": [_b64(digest) for digest in entry.proof.hashes],
            "logIndex": str(entry.proof.index),
            "rootHash": _b64(entry.proof.root),
            "treeSize": str(entry.proof.size),
        }
    return {"certificate": {"rawBytes": _b64(certificate)}, "tlogEntries": [document]}


def annotations_of(certificates: tuple[str, ...], entry: LogEntry) -> dict[str, str]:
    """What cosign has beside the envelope under its `.att` tag. The certificates are in PEM, the signer's first."""
    payload = {
        "body": _b64(entry.body),
        "integratedTime": entry.seconds,
        "logID": entry.log_id.hex(),
        "logIndex": entry.index,
    }
    noted = {"Payload": payload, "SignedEntryTimestamp": _b64(entry.promise)}
    return {
        CERTIFICATE: certificates[0],
        CHAIN: "".join(f"{certificate.strip()}\n" for certificate in certificates[1:]),
        ENTRY: msgspec.json.encode(noted, order="sorted").decode(),
    }


def _b64(body: bytes) -> str:
    return base64.b64encode(body).decode()
