"""Signatures and attestations beside images of a desk's registry, as cosign puts them there, and policies that ask for them."""

from __future__ import annotations

import base64
import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from hullmark.model.signed_document import SIGNATURE, SIMPLE_SIGNING
from tests.support.attestations import Signer, cosign_tag, fallback_tag
from tests.support.desk import Desk
from tests.support.images import CONFIG, MANIFEST, Json, to_json
from tests.support.sigstore import ISSUER, SUBJECT, Sigstore


def payload_about(digest: str) -> bytes:
    """What cosign signs of an image (simple signing)."""
    critical = {
        "identity": {"docker-reference": ""},
        "image": {"docker-manifest-digest": digest},
        "type": "cosign container image signature",
    }
    return json.dumps({"critical": critical, "optional": None}).encode()


def put_signature(at: Desk, digest: str, payload: bytes, annotations: dict[str, str]) -> None:
    """A signature under the image's tag `.sig`."""
    blobs = at.registry.blobs
    layer = blobs.put(payload, SIMPLE_SIGNING, annotations=annotations)
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": blobs.put(b"{}", CONFIG), "layers": [layer]}
    at.registry.tags[f"{fallback_tag(digest)}.sig"] = str(blobs.put(to_json(manifest), MANIFEST)["digest"])


def sign(at: Desk, digest: str, signer: Signer, about: str = "") -> None:
    """A signature by a key; `about` another digest than that of the image which it lies beside."""
    payload = payload_about(about or digest)
    made = base64.b64encode(signer.key.sign(payload, ec.ECDSA(SHA256()))).decode()
    put_signature(at, digest, payload, {SIGNATURE: made})


def sign_by_identity(at: Desk, digest: str, sigstore: Sigstore) -> None:
    """A signature by a certificate that is good for ten minutes, with the entry of a transparency log."""
    payload = payload_about(digest)
    put_signature(at, digest, payload, sigstore.annotations(payload, sigstore.leaf()))


def take_signature_away(at: Desk, digest: str) -> None:
    """Nothing is under the tag any more."""
    del at.registry.tags[f"{fallback_tag(digest)}.sig"]


def attest(at: Desk, digest: str, *envelopes: Json) -> None:
    """Attestations under the image's tag `.att`."""
    at.registry.tags[f"{fallback_tag(digest)}.att"] = str(cosign_tag(at.registry.blobs, envelopes)["digest"])


def policy_trusting(*signers: Signer, sigstore: Sigstore | None = None, **more: Any) -> str:
    """A policy that stops what nobody of these signed; `sigstore`: its SUBJECT is trusted, too. `more` are parameters of the rule."""
    params: dict[str, Any] = {"keys": [signer.public.decode() for signer in signers], **more}
    if sigstore is not None:
        params["identities"] = [{"subject": SUBJECT, "issuer": ISSUER}]
        params["trusted_root"] = json.dumps(sigstore.trusted_root())
    rule = {"id": "ours", "gate": "signatures", "trigger": "signed_by", "action": "stop", "params": params}
    return json.dumps({"schema": "hullmark-policy/1", "name": "trust", "version": "1", "rules": [rule]})
