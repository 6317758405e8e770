"""A small Sigstore: an authority, a log of certificates, a transparency log with its Merkle tree, and an authority of timestamps.

All of it is written out here, by the formats' own descriptions: the code under test must not be its own witness.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.support.attestations import BUNDLE, IN_TOTO
from tests.support.images import Json

SUBJECT = "https://git.example/acme/shop/.github/workflows/release.yml@refs/tags/v1"
ISSUER = "https://token.git.example"
REPOSITORY, REF = "https://git.example/acme/shop", "refs/tags/v1"
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
_FULCIO = "1.3.6.1.4.1.57264.1"
_SCT_LIST = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")

Key = ec.EllipticCurvePrivateKey
PublicKey = ec.EllipticCurvePublicKey


def new_key() -> Key:
    """An ECDSA key on P-256."""
    return ec.generate_private_key(ec.SECP256R1())


def spki(key: Key) -> bytes:
    """The public half in DER."""
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def b64(body: bytes) -> str:
    """As JSON has bytes."""
    return base64.b64encode(body).decode()


def pem(certificate: x509.Certificate) -> bytes:
    """A certificate in PEM."""
    return certificate.public_bytes(Encoding.PEM)


def der(certificate: x509.Certificate) -> bytes:
    """A certificate in DER."""
    return certificate.public_bytes(Encoding.DER)


def _text(value: str) -> bytes:
    body = value.encode()
    length = bytes((len(body),)) if len(body) < 128 else bytes((0x81, len(body)))
    return b"\x0c" + length + body


@dataclass(frozen=True)
class LeafRequest:
    """What a certificate is to say."""

    subject: str = SUBJECT
    issuer: str = ISSUER
    begin: datetime = datetime(2026, 3, 1, 12, tzinfo=UTC)
    lasts: timedelta = 10 * MINUTE
    usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.CODE_SIGNING
    is_old: bool = False
    more: tuple[x509.ExtensionType, ...] = ()
    critical: bool = False


LEAF_REQUEST = LeafRequest()


@dataclass(frozen=True)
class Leaf:
    """A key, and the certificate of it."""

    key: Key
    certificate: x509.Certificate


@dataclass
class Authority:
    """A root, and one certificate between it and those that it issues."""

    name: str
    begin: datetime = datetime(2024, 1, 1, tzinfo=UTC)
    end: datetime = datetime(2036, 1, 1, tzinfo=UTC)
    usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.CODE_SIGNING
    root_key: Key = field(default_factory=new_key)
    key: Key = field(default_factory=new_key)

    @functools.cached_property
    def root(self) -> x509.Certificate:
        """The root's certificate."""
        return self._sign(self._name(self.name), self.root_key, self._name(self.name), self.root_key, None)

    @functools.cached_property
    def intermediate(self) -> x509.Certificate:
        """The certificate that issues others."""
        return self._sign(self._name(f"{self.name} issuing"), self.key, self._name(self.name), self.root_key, 0)

    @staticmethod
    def _name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    def _sign(
        self, subject: x509.Name, key: Key, issuer: x509.Name, signer: Key, length: int | None
    ) -> x509.Certificate:
        usage = dict.fromkeys(
            ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False
        )
        allowed = x509.KeyUsage(key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False, **usage)
        made = (
            x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(self.begin)
            .not_valid_after(self.end)
            .add_extension(x509.BasicConstraints(ca=True, path_length=length), critical=True)
            .add_extension(allowed, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )
        if length is not None:
            made = made.add_extension(x509.ExtendedKeyUsage([self.usage]), critical=False)
        return made.sign(signer, SHA256())

    def start(
        self, key: PublicKey, request: LeafRequest, name: str = "", *, critical_usage: bool = False
    ) -> x509.CertificateBuilder:
        """A certificate for signing."""
        usage = dict.fromkeys(
            ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign"), False
        )
        allowed = x509.KeyUsage(
            digital_signature=True, crl_sign=False, encipher_only=False, decipher_only=False, **usage
        )
        return (
            x509.CertificateBuilder(
                self.intermediate.subject,
                self._name(name) if name else x509.Name([]),
                key,
                x509.random_serial_number(),
            )
            .not_valid_before(request.begin)
            .not_valid_after(request.begin + request.lasts)
            .add_extension(allowed, critical=True)
            .add_extension(x509.ExtendedKeyUsage([request.usage]), critical=critical_usage)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )

    @property
    def chain(self) -> tuple[x509.Certificate, x509.Certificate]:
        """The two, the root last."""
        return self.intermediate, self.root


@dataclass
class Log:
    """A log with a key. `leaves` are its entries."""

    name: str
    key: Key = field(default_factory=new_key)
    leaves: list[bytes] = field(default_factory=list)

    @property
    def id(self) -> bytes:
        """What entries call it."""
        return hashlib.sha256(spki(self.key)).digest()

    def signs(self, document: bytes) -> bytes:
        """Its signature."""
        return self.key.sign(document, ec.ECDSA(SHA256()))

    def checkpoint(self, size: int, root: bytes) -> str:
        """A signed note that names the root of the tree."""
        note = f"{self.name} - 1\n{size}\n{b64(root)}\n"
        return f"{note}\n\u2014 {self.name} {b64(self.id[:4] + self.signs(note.encode()))}\n"

    def entry(self, body: bytes, at: datetime, kind: tuple[str, str]) -> Json:
        """Take an entry, and prove that it is there."""
        self.leaves.append(body)
        index, hashes = len(self.leaves) - 1, [hashlib.sha256(b"\0" + leaf).digest() for leaf in self.leaves]
        root, seconds = _root(hashes), int(at.timestamp())
        return {
            "logIndex": str(index + 1000),
            "logId": {"keyId": b64(self.id)},
            "kindVersion": {"kind": kind[0], "version": kind[1]},
            "integratedTime": str(seconds),
            "inclusionPromise": {"signedEntryTimestamp": b64(self.promise(body, seconds, index + 1000))},
            "inclusionProof": {
                "logIndex": str(index),
                "rootHash": b64(root),
                "treeSize": str(len(hashes)),
                "hashes": [b64(each) for each in _path(hashes, index)],
                "checkpoint": {"envelope": self.checkpoint(len(hashes), root)},
            },
            "canonicalizedBody": b64(body),
        }

    def promise(self, body: bytes, seconds: int, index: int) -> bytes:
        """The signed entry timestamp."""
        return self.signs(
            b'{"body":"%b","integratedTime":%d,"logID":"%b","logIndex":%d}'
            % (base64.b64encode(body), seconds, self.id.hex().encode(), index)
        )

    def document(self) -> Json:
        """As a trusted root has it."""
        public = {
            "rawBytes": b64(spki(self.key)),
            "keyDetails": "PKIX_ECDSA_P256_SHA_256",
            "validFor": {"start": "2024-01-01T00:00:00Z"},
        }
        return {
            "baseUrl": f"https://{self.name}",
            "hashAlgorithm": "SHA2_256",
            "publicKey": public,
            "logId": {"keyId": b64(self.id)},
        }


def _root(hashes: Sequence[bytes]) -> bytes:
    """RFC 6962, section 2.1, as it stands there."""
    if len(hashes) == 1:
        return hashes[0]
    half = 1 << (len(hashes) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + _root(hashes[:half]) + _root(hashes[half:])).digest()


def _path(hashes: Sequence[bytes], index: int) -> list[bytes]:
    if len(hashes) == 1:
        return []
    half = 1 << (len(hashes) - 1).bit_length() - 1
    if index < half:
        return [*_path(hashes[:half], index), _root(hashes[half:])]
    return [*_path(hashes[half:], index - half), _root(hashes[:half])]


def _authority_document(authority: Authority, *first: x509.Certificate) -> Json:
    return {
        "subject": {"organization": "test", "commonName": authority.name},
        "uri": f"https://{authority.name.replace(' ', '-')}.example",
        "certChain": {"certificates": [{"rawBytes": b64(der(each))} for each in (*first, *authority.chain)]},
        "validFor": {"start": "2024-01-01T00:00:00Z"},
    }


def encoded(payload: bytes, kind: str = IN_TOTO) -> bytes:
    """What an envelope's signature is over."""
    return f"DSSEv1 {len(kind)} {kind} {len(payload)} ".encode() + payload


@dataclass
class Sigstore:
    """All of it."""

    authority: Authority = field(default_factory=lambda: Authority("test fulcio"))
    certificate_log: Log = field(default_factory=lambda: Log("ctfe.example"))
    log: Log = field(default_factory=lambda: Log("rekor.example"))
    timestamps: Authority = field(
        default_factory=lambda: Authority("test tsa", usage=ExtendedKeyUsageOID.TIME_STAMPING)
    )

    def trusted_root(self, **instead: object) -> Json:
        """The document that names them."""
        return {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [self.log.document()],
            "certificateAuthorities": [_authority_document(self.authority)],
            "ctlogs": [self.certificate_log.document()],
            "timestampAuthorities": [_authority_document(self.timestamps, self._stamper.certificate)],
            **instead,
        }

    def leaf(self, request: LeafRequest = LEAF_REQUEST, *, logged: bool = True) -> Leaf:
        """A certificate as Fulcio issues it: with the promise of the log of certificates in it."""
        key = new_key()
        return Leaf(key, self.certificate(key.public_key(), request, logged=logged))

    def certificate(
        self, key: PublicKey, request: LeafRequest = LEAF_REQUEST, *, logged: bool = True
    ) -> x509.Certificate:
        """A certificate for a key."""
        name: x509.GeneralName = (
            x509.RFC822Name(request.subject)
            if "@" in request.subject and ":" not in request.subject
            else (x509.UniformResourceIdentifier(request.subject))
        )
        made = self.authority.start(key, request).add_extension(x509.SubjectAlternativeName([name]), critical=True)
        said = {1: request.issuer.encode()}
        if not request.is_old:
            said = {
                **said,
                8: _text(request.issuer),
                12: _text(REPOSITORY),
                14: _text(REF),
                5: b"acme/shop",
                4: b"Release",
            }
        for number, value in said.items():
            oid = x509.ObjectIdentifier(f"{_FULCIO}.{number}")
            made = made.add_extension(x509.UnrecognizedExtension(oid, value), critical=False)
        for extension in request.more:
            made = made.add_extension(extension, critical=request.critical)
        if logged:
            bare = made.sign(self.authority.key, SHA256()).tbs_certificate_bytes
            made = made.add_extension(
                x509.UnrecognizedExtension(_SCT_LIST, self._promise(bare, request.begin)), critical=False
            )
        return made.sign(self.authority.key, SHA256())

    def _promise(self, tbs: bytes, at: datetime) -> bytes:
        milliseconds = int(at.timestamp() * 1000) + 7
        issuer = hashlib.sha256(spki(self.authority.key)).digest()
        signed = struct.pack("!BBQH", 0, 0, milliseconds, 1) + issuer + len(tbs).to_bytes(3, "big") + tbs + b"\0\0"
        signature = self.certificate_log.signs(signed)
        promise = struct.pack("!B32sQHBBH", 0, self.certificate_log.id, milliseconds, 0, 4, 3, len(signature))
        promise += signature
        whole = struct.pack("!HH", len(promise) + 2, len(promise)) + promise
        return b"\x04" + (bytes((len(whole),)) if len(whole) < 128 else bytes((0x81, len(whole)))) + whole

    # Signatures

    def bundle(self, payload: bytes, leaf: Leaf, at: datetime | None = None, kind: str = "dsse") -> Json:
        """A bundle with a statement that a certificate signed, logged a second after the certificate begins, or at a time."""
        signature = leaf.key.sign(encoded(payload), ec.ECDSA(SHA256()))
        at = at or leaf.certificate.not_valid_before_utc + SECOND
        body, version = self._body(payload, signature, leaf, kind)
        return {
            "mediaType": BUNDLE,
            "verificationMaterial": {
                "certificate": {"rawBytes": b64(der(leaf.certificate))},
                "tlogEntries": [self.log.entry(body, at, version)],
            },
            "dsseEnvelope": _envelope(payload, signature),
        }

    def _body(self, payload: bytes, signature: bytes, leaf: Leaf, kind: str) -> tuple[bytes, tuple[str, str]]:
        digest = {"algorithm": "sha256", "value": hashlib.sha256(payload).hexdigest()}
        certificate = b64(pem(leaf.certificate))
        spec: Json
        if kind == "dsse":
            signed = [{"signature": b64(signature), "verifier": certificate}]
            whole = hashlib.sha256(json.dumps(_envelope(payload, signature)).encode()).hexdigest()
            spec = {
                "envelopeHash": {"algorithm": "sha256", "value": whole},
                "payloadHash": digest,
                "signatures": signed,
            }
            return _written("dsse", "0.0.1", spec)
        if kind == "intoto":
            twice = b64(b64(signature).encode())
            envelope = {"payloadType": IN_TOTO, "signatures": [{"publicKey": certificate, "sig": twice}]}
            return _written(
                "intoto", "0.0.2", {"content": {"envelope": envelope, "hash": digest, "payloadHash": digest}}
            )
        if kind == "tile":
            verifier = {
                "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                "x509Certificate": {"rawBytes": b64(der(leaf.certificate))},
            }
            found = {"algorithm": "SHA2_256", "digest": b64(hashlib.sha256(payload).digest())}
            signers: list[Json] = [{"content": b64(signature), "verifier": verifier}]
            return _written("dsse", "0.0.2", {"dsseV002": {"payloadHash": found, "signatures": signers}})
        return _written(kind, "9.9.9", {})

    def message(self, document: bytes, leaf: Leaf) -> Json:
        """A bundle with a signature over bytes."""
        signature = leaf.key.sign(document, ec.ECDSA(SHA256()))
        at = leaf.certificate.not_valid_before_utc + SECOND
        return {
            "mediaType": BUNDLE,
            "verificationMaterial": {
                "certificate": {"rawBytes": b64(der(leaf.certificate))},
                "tlogEntries": [self.log.entry(_hashed(document, signature, leaf), at, ("hashedrekord", "0.0.1"))],
            },
            "messageSignature": {
                "messageDigest": {"algorithm": "SHA2_256", "digest": b64(hashlib.sha256(document).digest())},
                "signature": b64(signature),
            },
        }

    def annotations(self, document: bytes, leaf: Leaf, *, is_envelope: bool = False) -> dict[str, str]:
        """What cosign writes beside a signature over bytes, or beside an envelope."""
        signature = b"" if is_envelope else leaf.key.sign(document, ec.ECDSA(SHA256()))
        if is_envelope:
            spec = {
                "content": {"hash": {"algorithm": "sha256", "value": hashlib.sha256(document).hexdigest()}},
                "publicKey": b64(pem(leaf.certificate)),
            }
            body = _written("intoto", "0.0.1", spec)[0]
        else:
            body = _hashed(document, signature, leaf)
        seconds = int((leaf.certificate.not_valid_before_utc + SECOND).timestamp())
        entry = {
            "SignedEntryTimestamp": b64(self.log.promise(body, seconds, 7)),
            "Payload": {"body": b64(body), "integratedTime": seconds, "logIndex": 7, "logID": self.log.id.hex()},
        }
        return {
            "dev.cosignproject.cosign/signature": b64(signature),
            "dev.sigstore.cosign/certificate": pem(leaf.certificate).decode(),
            "dev.sigstore.cosign/chain": b"".join(map(pem, self.authority.chain)).decode(),
            "dev.sigstore.cosign/bundle": json.dumps(entry),
        }

    # Timestamps

    @functools.cached_property
    def _stamper(self) -> Leaf:
        key = new_key()
        request = LeafRequest(
            begin=datetime(2024, 6, 1, tzinfo=UTC),
            lasts=timedelta(days=3650),
            usage=ExtendedKeyUsageOID.TIME_STAMPING,
        )
        made = self.timestamps.start(key.public_key(), request, "test stamper", critical_usage=True)
        return Leaf(key, made.sign(self.timestamps.key, SHA256()))

    def stamp(self, document: bytes, folder: Path, *, certs: bool = True) -> bytes:
        """A timestamp of just now, as openssl makes it."""
        folder.mkdir(exist_ok=True)
        stamper = self._stamper
        (folder / "tsa.pem").write_bytes(pem(stamper.certificate))
        (folder / "chain.pem").write_bytes(b"".join(map(pem, self.timestamps.chain)))
        private = stamper.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / "tsa.key").write_bytes(private)
        (folder / "serial").write_text("01")
        (folder / "tsa.cnf").write_text(_TSA.format(folder=folder))
        (folder / "document").write_bytes(document)
        asked = ("-cert",) if certs else ()
        _openssl("ts", "-query", "-data", folder / "document", "-sha256", *asked, "-out", folder / "query")
        _openssl(
            *("ts", "-reply", "-config", folder / "tsa.cnf", "-queryfile", folder / "query"),
            *("-chain", folder / "chain.pem", "-out", folder / "reply"),
        )
        return (folder / "reply").read_bytes()

    def stamped(self, bundle: Json, folder: Path) -> Json:
        """A bundle with a timestamp of its signature."""
        signature = base64.b64decode(bundle["dsseEnvelope"]["signatures"][0]["sig"])
        stamps = {"rfc3161Timestamps": [{"signedTimestamp": b64(self.stamp(signature, folder))}]}
        return {
            **bundle,
            "verificationMaterial": {**bundle["verificationMaterial"], "timestampVerificationData": stamps},
        }


_TSA = """\
[tsa]
default_tsa = it
[it]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
certs = {folder}/chain.pem
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256, sha512
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""


def _openssl(*words: str | Path) -> None:
    ran = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def _written(kind: str, version: str, spec: Json) -> tuple[bytes, tuple[str, str]]:
    document = {"apiVersion": version, "kind": kind, "spec": spec}
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode(), (kind, version)


def _hashed(document: bytes, signature: bytes, leaf: Leaf) -> bytes:
    digest = {"algorithm": "sha256", "value": hashlib.sha256(document).hexdigest()}
    signed = {"content": b64(signature), "publicKey": {"content": b64(pem(leaf.certificate))}}
    return _written("hashedrekord", "0.0.1", {"data": {"hash": digest}, "signature": signed})[0]


def _envelope(payload: bytes, signature: bytes) -> Json:
    return {"payloadType": IN_TOTO, "payload": b64(payload), "signatures": [{"sig": b64(signature)}]}
