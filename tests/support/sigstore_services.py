"""Fulcio and Rekor for Debian's cosign: the small Sigstore, asked over HTTP, so that cosign itself signs without a key."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
    load_pem_public_key,
)
from cryptography.x509 import load_pem_x509_csr

from tests.support.images import Json
from tests.support.sigstore import ISSUER, LEAF_REQUEST, MINUTE, SUBJECT, LeafRequest, Log, Sigstore, pem

TOKEN = "who-i-am"  # noqa: S105 - of nobody
"""The token that the newer API takes here."""


def identity_token() -> str:
    """A token of the issuer's, as the program reads it: nobody here checks its signature."""
    now = int(datetime.now(UTC).timestamp())
    claims = {"iss": ISSUER, "sub": SUBJECT, "aud": "sigstore", "iat": now, "exp": now + 600}
    parts = ({"alg": "RS256", "typ": "JWT"}, claims)
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join((*encoded, "AAAA"))


@dataclass(frozen=True)
class Services:
    """Where they listen, and what cosign has to know of them."""

    url: str
    folder: Path
    sigstore: Sigstore

    @property
    def words(self) -> tuple[str, ...]:
        """The options by which cosign signs there."""
        return ("--fulcio-url", self.url, "--rekor-url", self.url, "--identity-token", identity_token(), "-y")

    @property
    def environment(self) -> dict[str, str]:
        """The keys by which it believes them."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "SIGSTORE_ROOT_FILE": str(self.folder / "roots.pem"),
            "SIGSTORE_REKOR_PUBLIC_KEY": str(self.folder / "rekor.pub"),
            "SIGSTORE_CT_LOG_PUBLIC_KEY_FILE": str(self.folder / "ctfe.pub"),
        }


@contextlib.contextmanager
def services(sigstore: Sigstore, folder: Path) -> Iterator[Services]:
    """Both at one address."""
    folder.mkdir(exist_ok=True)
    (folder / "roots.pem").write_bytes(b"".join(map(pem, sigstore.authority.chain)))
    (folder / "rekor.pub").write_bytes(_public(sigstore.log))
    (folder / "ctfe.pub").write_bytes(_public(sigstore.certificate_log))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path == "/api/v2/signingCert":
                if self.headers["Authorization"] != f"Bearer {TOKEN}":
                    self.send_error(401, "who is that?")
                    return
                answer, kind = _embedded(sigstore, body), "application/json"
            elif self.path == "/api/v1/signingCert":
                answer, kind = _certificate(sigstore, body), "application/pem-certificate-chain"
            else:
                answer, kind = json.dumps(_entry(sigstore.log, body)).encode(), "application/json"
            self.send_response(201)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield Services(f"http://127.0.0.1:{server.server_port}", folder, sigstore)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _public(log: Log) -> bytes:
    return log.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _embedded(sigstore: Sigstore, body: Json) -> bytes:
    """The newer API: a signing request, and a document with the chain."""
    request = load_pem_x509_csr(base64.b64decode(body["certificateSigningRequest"]))
    key = request.public_key()
    assert request.is_signature_valid
    assert isinstance(key, ec.EllipticCurvePublicKey)
    chain = [pem(each).decode() for each in (sigstore.certificate(key, _leaf_request()), *sigstore.authority.chain)]
    return json.dumps({"signedCertificateEmbeddedSct": {"chain": {"certificates": chain}}}).encode()


def _leaf_request() -> LeafRequest:
    return replace(LEAF_REQUEST, begin=datetime.now(UTC).replace(microsecond=0) - MINUTE)


def _certificate(sigstore: Sigstore, body: Json) -> bytes:
    content = base64.b64decode(body["publicKey"]["content"])
    key = load_pem_public_key(content) if content.startswith(b"-----") else load_der_public_key(content)
    assert isinstance(key, ec.EllipticCurvePublicKey)
    return b"".join(map(pem, (sigstore.certificate(key, _leaf_request()), *sigstore.authority.chain)))


def _entry(log: Log, proposed: Json) -> Json:
    """What Rekor makes of an entry: its canonical form, proven and promised."""
    kind, version, spec = proposed["kind"], proposed["apiVersion"], proposed["spec"]
    if kind == "dsse":
        spec = _canonical(spec["proposedContent"])
    body = json.dumps({"apiVersion": version, "kind": kind, "spec": spec}, sort_keys=True, separators=(",", ":"))
    made = log.entry(body.encode(), datetime.now(UTC), (kind, version))
    proof = made["inclusionProof"]
    entry = {
        "body": made["canonicalizedBody"],
        "integratedTime": int(made["integratedTime"]),
        "logID": log.id.hex(),
        "logIndex": int(made["logIndex"]),
        "verification": {
            "signedEntryTimestamp": made["inclusionPromise"]["signedEntryTimestamp"],
            "inclusionProof": {
                "checkpoint": proof["checkpoint"]["envelope"],
                "hashes": [base64.b64decode(digest).hex() for digest in proof["hashes"]],
                "logIndex": int(proof["logIndex"]),
                "rootHash": base64.b64decode(proof["rootHash"]).hex(),
                "treeSize": int(proof["treeSize"]),
            },
        },
    }
    return {hashlib.sha256(b"\0" + body.encode()).hexdigest(): entry}


def _canonical(content: Json) -> Json:
    envelope = json.loads(content["envelope"])
    verifier = content["verifiers"][0]
    payload = base64.b64decode(envelope["payload"])
    return {
        "envelopeHash": {"algorithm": "sha256", "value": hashlib.sha256(content["envelope"].encode()).hexdigest()},
        "payloadHash": {"algorithm": "sha256", "value": hashlib.sha256(payload).hexdigest()},
        "signatures": [{"signature": signature["sig"], "verifier": verifier} for signature in envelope["signatures"]],
    }
