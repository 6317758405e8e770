"""Attestations made in a test: VEX in in-toto statements, signed as DSSE has it, and put beside images in a registry."""

from __future__ import annotations

import base64
import hashlib
import json
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field

import urllib3
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.images import CONFIG, INDEX, MANIFEST, Blobs, Json, sha256, to_json

IN_TOTO = "application/vnd.in-toto+json"
DSSE = "application/vnd.dsse.envelope.v1+json"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
OPENVEX = "https://openvex.dev/ns/v0.2.0"


def openvex(vulnerability: str, *products: str, status: str = "not_affected", **more: str) -> Json:
    """An OpenVEX document with one statement."""
    statement = {
        "vulnerability": {"name": vulnerability},
        "products": [{"@id": product} for product in products],
        "status": status,
        "justification": "vulnerable_code_not_present",
        **more,
    }
    return {
        "@context": OPENVEX,
        "@id": "https://example.org/vex",
        "author": "shop",
        "timestamp": "2026-01-01T00:00:00Z",
        "version": 1,
        "statements": [statement],
    }


def statement_about(digest: str, predicate: Json, kind: str = OPENVEX) -> Json:
    """An in-toto statement about what has this digest."""
    algorithm, _, value = digest.partition(":")
    subject = [{"name": "shop", "digest": {algorithm: value}}]
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subject,
        "predicateType": kind,
        "predicate": predicate,
    }


@dataclass(frozen=True)
class Signer:
    """Someone with an ECDSA key on P-256, as cosign makes them."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def public(self) -> bytes:
        """The public key in PEM."""
        return self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    @property
    def fingerprint(self) -> str:
        """What the public key is called."""
        der = self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return f"sha256:{hashlib.sha256(der).hexdigest()}"

    def envelope(self, payload: bytes, kind: str = IN_TOTO) -> Json:
        """A DSSE envelope that this key signed."""
        # The encoding is written out here: the code under test must not be its own witness.
        encoded = f"DSSEv1 {len(kind.encode())} {kind} {len(payload)} ".encode() + payload
        signature = self.key.sign(encoded, ec.ECDSA(SHA256()))
        return {
            "payloadType": kind,
            "payload": base64.b64encode(payload).decode(),
            "signatures": [{"keyid": "", "sig": base64.b64encode(signature).decode()}],
        }

    def signed(self, statement: Json) -> Json:
        """A statement in an envelope."""
        return self.envelope(json.dumps(statement).encode())


def unsigned(statement: Json) -> Json:
    """A statement in an envelope that nobody signed."""
    payload = base64.b64encode(json.dumps(statement).encode()).decode()
    return {"payloadType": IN_TOTO, "payload": payload, "signatures": []}


def cosign_tag(blobs: Blobs, envelopes: Sequence[Json]) -> Json:
    """What stands under cosign's tag `sha256-HEX.att`: an image with an envelope in each layer; its descriptor."""
    layers = [blobs.put(to_json(envelope), DSSE, annotations={"predicateType": OPENVEX}) for envelope in envelopes]
    return blobs.put(to_json(_manifest(blobs.put(b"{}", CONFIG), layers)), MANIFEST)


def referrer(blobs: Blobs, subject: Json, content: Json, kind: str = BUNDLE) -> Json:
    """An artifact whose subject is an image; its descriptor, as a list of referrers has it."""
    body = {"mediaType": kind, "dsseEnvelope": content} if kind == BUNDLE else content
    empty = blobs.put(b"{}", "application/vnd.oci.empty.v1+json")
    plain = {key: subject[key] for key in ("mediaType", "digest", "size")}
    manifest = {**_manifest(empty, [blobs.put(to_json(body), kind)]), "artifactType": kind, "subject": plain}
    return {**blobs.put(to_json(manifest), MANIFEST), "artifactType": kind}


def _manifest(config: Json, layers: list[Json]) -> Json:
    return {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers}


def fallback_tag(digest: str) -> str:
    """The tag of the list of referrers at a registry that does not have the API."""
    return digest.replace(":", "-")


@dataclass(frozen=True)
class Pushing:
    """Puts blobs and manifests into a repository of a real registry."""

    host: str
    repository: str
    tls: ssl.SSLContext
    authorization: str

    def push(self, blobs: Blobs, tag: str, descriptor: Json) -> None:
        """All blobs, manifests by their digests too, and one of them under a tag."""
        manifests = [body for body in blobs.held.values() if _media_type(body)]
        for body in blobs.held.values():
            self._blob(body)
        # What an index lists has to be there before it.
        for body in sorted(manifests, key=lambda body: _media_type(body) == INDEX):
            self._manifest(sha256(body), body)
        self._manifest(tag, blobs.held[descriptor["digest"]])

    def _blob(self, body: bytes) -> None:
        begun = self._ask("POST", f"https://{self.host}/v2/{self.repository}/blobs/uploads/", b"", "")
        separator = "&" if "?" in begun.headers["Location"] else "?"
        self._ask(
            "PUT",
            f"{begun.headers['Location']}{separator}digest={sha256(body)}",
            body,
            "application/octet-stream",
        )

    def _manifest(self, version: str, body: bytes) -> None:
        self._ask("PUT", f"https://{self.host}/v2/{self.repository}/manifests/{version}", body, _media_type(body))

    def _ask(self, method: str, url: str, body: bytes, kind: str) -> urllib3.BaseHTTPResponse:
        headers = {"Authorization": f"Basic {self.authorization}", "Content-Type": kind}
        with urllib3.PoolManager(ssl_context=self.tls) as pool:
            answer = pool.request(method, url, body=body, headers=headers)
        assert answer.status in (201, 202), (method, url, answer.status, answer.data)
        return answer


def _media_type(body: bytes) -> str:
    """The media type that a manifest or index names, "" for other blobs."""
    try:
        value = json.loads(body)
    except ValueError:
        return ""
    return str(value.get("mediaType", "")) if isinstance(value, dict) and value.get("schemaVersion") == 2 else ""
