"""Bundles that must be refused, each with one thing wrong, by name; and the trusted root that they are checked by."""

from __future__ import annotations

import base64
import copy
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.support.images import Json
from tests.support.sigstore import LEAF_REQUEST, MINUTE, Authority, Log, Sigstore, b64, der

Fault = Callable[[Sigstore, bytes], Json]


def flipped(text: str, at: int = -3) -> str:
    """Base64 of the same bytes with one bit changed."""
    body = bytearray(base64.b64decode(text))
    body[at] ^= 1
    return b64(bytes(body))


def _entry(bundle: Json) -> Json:
    found: Json = bundle["verificationMaterial"]["tlogEntries"][0]
    return found


def _changed(change: Callable[[Json], None]) -> Fault:
    def make(sigstore: Sigstore, payload: bytes) -> Json:
        bundle = sigstore.bundle(payload, sigstore.leaf())
        change(bundle)
        return bundle

    return make


def _payload(bundle: Json) -> None:
    envelope = bundle["dsseEnvelope"]
    envelope["payload"] = b64(base64.b64decode(envelope["payload"]).replace(b"shop", b"shoq"))


def _signature(bundle: Json) -> None:
    signature = bundle["dsseEnvelope"]["signatures"][0]
    signature["sig"] = flipped(signature["sig"])


def _promise(bundle: Json) -> None:
    promise = _entry(bundle)["inclusionPromise"]
    promise["signedEntryTimestamp"] = flipped(promise["signedEntryTimestamp"])


def _time(bundle: Json) -> None:
    _entry(bundle)["integratedTime"] = str(int(_entry(bundle)["integratedTime"]) + 1)


def _index(bundle: Json) -> None:
    _entry(bundle)["logIndex"] = "5"


def _hash(bundle: Json) -> None:
    hashes = _entry(bundle)["inclusionProof"]["hashes"]
    hashes[0] = flipped(hashes[0])


def _too_few(bundle: Json) -> None:
    del _entry(bundle)["inclusionProof"]["hashes"][-1]


def _size(bundle: Json) -> None:
    _entry(bundle)["inclusionProof"]["treeSize"] = "70"


def _no_proof(bundle: Json) -> None:
    del _entry(bundle)["inclusionProof"]


def _no_entry(bundle: Json) -> None:
    bundle["verificationMaterial"]["tlogEntries"] = []


def _no_promise(bundle: Json) -> None:
    del _entry(bundle)["inclusionPromise"]


def _no_certificate(bundle: Json) -> None:
    bundle["verificationMaterial"]["certificate"]["rawBytes"] = ""


def _by_request(**request: object) -> Fault:
    def make(sigstore: Sigstore, payload: bytes) -> Json:
        return sigstore.bundle(payload, sigstore.leaf(replace(LEAF_REQUEST, **request)))  # type: ignore[arg-type]

    return make


def _at(after: timedelta) -> Fault:
    def make(sigstore: Sigstore, payload: bytes) -> Json:
        return sigstore.bundle(payload, sigstore.leaf(), LEAF_REQUEST.begin + after)

    return make


def _with(**instead: object) -> Fault:
    """All by the same authorities but one, who is a stranger."""

    def make(sigstore: Sigstore, payload: bytes) -> Json:
        other = replace(sigstore, **instead)  # type: ignore[arg-type]
        return other.bundle(payload, other.leaf())

    return make


def _checkpoint_by_another(sigstore: Sigstore, payload: bytes) -> Json:
    bundle = sigstore.bundle(payload, sigstore.leaf())
    proof = _entry(bundle)["inclusionProof"]
    stranger = Log(sigstore.log.name)
    text = stranger.checkpoint(int(proof["treeSize"]), base64.b64decode(proof["rootHash"]))
    # Under the name of the right key.
    note, dash, signature = text.rpartition(" ")
    signed = sigstore.log.id[:4] + base64.b64decode(signature)[4:]
    proof["checkpoint"]["envelope"] = f"{note}{dash}{b64(signed)}\n"
    return bundle


def _checkpoint_of_another_tree(sigstore: Sigstore, payload: bytes) -> Json:
    bundle = sigstore.bundle(payload, sigstore.leaf())
    proof = _entry(bundle)["inclusionProof"]
    proof["checkpoint"]["envelope"] = sigstore.log.checkpoint(int(proof["treeSize"]), b"\1" * 32)
    return bundle


def _replayed(sigstore: Sigstore, payload: bytes) -> Json:
    """The certificate has long expired; the log's word is about what the same certificate signed in its time."""
    leaf = sigstore.leaf()
    early = sigstore.bundle(payload.replace(b"shop", b"soap"), leaf)
    late = sigstore.bundle(payload, leaf, LEAF_REQUEST.begin + timedelta(days=30))
    late["verificationMaterial"]["tlogEntries"] = early["verificationMaterial"]["tlogEntries"]
    return late


def _replayed_signature(sigstore: Sigstore, payload: bytes) -> Json:
    """The same again, about the same payload under another signature."""
    leaf = sigstore.leaf()
    early, late = sigstore.bundle(payload, leaf), sigstore.bundle(payload, leaf)
    late["verificationMaterial"]["tlogEntries"] = early["verificationMaterial"]["tlogEntries"]
    return late


def _of_another(sigstore: Sigstore, payload: bytes) -> Json:
    bundle = sigstore.bundle(payload, sigstore.leaf())
    bundle["verificationMaterial"]["certificate"]["rawBytes"] = b64(der(sigstore.leaf().certificate))
    return bundle


def _unlogged_certificate(sigstore: Sigstore, payload: bytes) -> Json:
    return sigstore.bundle(payload, sigstore.leaf(logged=False))


def _expired_authority(sigstore: Sigstore, payload: bytes) -> Json:
    sigstore.authority = Authority("test fulcio", end=datetime(2026, 2, 1, tzinfo=UTC))
    return sigstore.bundle(payload, sigstore.leaf())


def _second_entry(sigstore: Sigstore, payload: bytes) -> Json:
    bundle = sigstore.bundle(payload, sigstore.leaf())
    entries = bundle["verificationMaterial"]["tlogEntries"]
    entries.append(copy.deepcopy(entries[0]))
    entries[1]["inclusionPromise"]["signedEntryTimestamp"] = "AAAA"
    return bundle


_UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0")

# name → what makes it, and what is said here.
FAULTS: dict[str, tuple[Fault, str]] = {
    "payload changed": (_changed(_payload), "was changed after it was signed"),
    "signature changed": (_changed(_signature), "was changed after it was signed"),
    "promise changed": (_changed(_promise), "is not signed by the log"),
    "time changed": (_changed(_time), "is not signed by the log"),
    "index changed": (_changed(_index), "is not signed by the log"),
    "hash changed": (_changed(_hash), "leads to another root"),
    "hash left out": (_changed(_too_few), "does not fit the size"),
    "size changed": (_changed(_size), "inclusion proof"),
    "no proof": (_changed(_no_proof), "no proof that it is in the log"),
    "no entry": (_changed(_no_entry), "no entry of a transparency log"),
    "no time": (_changed(_no_promise), "nothing proves when it was signed"),
    "no certificate": (_changed(_no_certificate), "certificate cannot be read"),
    "another subject": (_by_request(subject="https://git.example/evil@refs/heads/main"), "not one of those"),
    "another issuer": (_by_request(issuer="https://issuer.evil.example"), "not one of those"),
    "not for code": (_by_request(usage=ExtendedKeyUsageOID.CLIENT_AUTH), "is not for codeSigning"),
    "critical extension": (_by_request(more=(_UNKNOWN,), critical=True), "extension that cannot be checked: 1.2.3.4"),
    "too late": (_at(11 * MINUTE), "and not at 2026-03-01T12:11:00Z"),
    "too early": (_at(-MINUTE), "and not at 2026-03-01T11:59:00Z"),
    "another authority": (_with(authority=Authority("test fulcio")), "none of the trusted authorities"),
    "another log": (_with(log=Log("rekor.example")), "log that the trusted root does not name"),
    "another log of certificates": (_with(certificate_log=Log("ctfe.example")), "no log of certificates"),
    "certificate in no log": (_unlogged_certificate, "holds no timestamp of a log"),
    "checkpoint by another": (_checkpoint_by_another, "checkpoint is not signed by the log"),
    "checkpoint of another tree": (_checkpoint_of_another_tree, "does not lead to the log's checkpoint"),
    "replayed": (_replayed, "is about something else"),
    "signature replayed": (_replayed_signature, "is about another signature"),
    "another certificate": (_of_another, "was changed after it was signed"),
    "authority expired": (_expired_authority, "certificate of its authority is not valid"),
    "second entry wrong": (_second_entry, "is not signed by the log"),
}
