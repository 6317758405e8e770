"""Signatures by certificates that must be refused: certificates for other uses, material that is too much, damaged entries of logs."""

from __future__ import annotations

import base64
import copy
import hashlib
import ipaddress
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID

from hullmark.model.errors import HullmarkError
from hullmark.proof.bundle import read_bundle
from hullmark.proof.sigstore.content import of_bytes
from hullmark.proof.sigstore.material import annotated_material
from hullmark.proof.sigstore.refusal import NotVerified
from hullmark.proof.sigstore.signature import IdentityTrust, verify_certificate
from tests.support.images import Json
from tests.support.sigstore import LEAF_REQUEST, MINUTE, SUBJECT, Authority, Leaf, Sigstore, _written, b64, der, pem
from tests.unit.proof.test_sigstore import (
    BUNDLE,
    LEAF,
    NOW,
    PAYLOAD,
    ROOT,
    SIGSTORE,
    expected,
    root_in,
    verified,
)

USAGE = dict.fromkeys(
    ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only"),
    False,
)
NOTHING = type(None)
CA = x509.BasicConstraints(ca=True, path_length=0)
LEAF_EXTENSIONS = [extension.value for extension in LEAF.certificate.extensions]


def reissued(
    certificate: x509.Certificate, authority: Authority, *, without: type = NOTHING, more: tuple[Any, ...] = ()
) -> x509.Certificate:
    """The same certificate with some of its extensions left out, and others in it."""
    signer = authority.root_key if certificate.issuer == authority.root.subject else authority.key
    made = (
        x509.CertificateBuilder(
            certificate.issuer, certificate.subject, certificate.public_key(), certificate.serial_number
        )
        .not_valid_before(certificate.not_valid_before_utc)
        .not_valid_after(certificate.not_valid_after_utc)
    )
    for extension in certificate.extensions:
        if not isinstance(extension.value, (without, x509.PrecertificateSignedCertificateTimestamps)):
            made = made.add_extension(extension.value, critical=extension.critical)
    for value in more:
        made = made.add_extension(value, critical=False)
    return made.sign(signer, SHA256())


def usage(*, signs: bool, issues: bool) -> x509.KeyUsage:
    return x509.KeyUsage(digital_signature=signs, key_cert_sign=issues, crl_sign=False, **USAGE)


@pytest.mark.parametrize(
    ("without", "more", "reason"),
    [
        (x509.ExtendedKeyUsage, (), "is not for this use: it has no extendedKeyUsage"),
        (x509.KeyUsage, (), "is not for this use: it has no keyUsage"),
        (x509.KeyUsage, (usage(signs=False, issues=False),), "its certificate is not for signatures"),
        (NOTHING, (CA,), "its certificate is an authority's own"),
    ],
)
def test_a_certificate_that_is_not_for_signing_is_refused(without: type, more: tuple[Any, ...], reason: str) -> None:
    """The authority may issue certificates for other uses, which must not sign statements."""
    leaf = Leaf(LEAF.key, reissued(LEAF.certificate, SIGSTORE.authority, without=without, more=more))
    with pytest.raises(NotVerified, match=reason):
        verified(SIGSTORE.bundle(PAYLOAD, leaf), ROOT, ignores_certificate_log=True)


@pytest.mark.parametrize(
    ("without", "more", "reason"),
    [
        (x509.KeyUsage, (usage(signs=True, issues=False),), "a certificate of its chain may not sign certificates"),
        (
            x509.ExtendedKeyUsage,
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]),),
            "a certificate of its chain is not for codeSigning",
        ),
        (
            x509.BasicConstraints,
            (x509.BasicConstraints(ca=False, path_length=None),),
            "a certificate of its chain is not an authority's",
        ),
        (x509.BasicConstraints, (), "a certificate of its chain is not an authority's"),
    ],
)
def test_a_chain_through_a_certificate_that_is_no_authority_for_this_is_refused(
    without: type, more: tuple[Any, ...], reason: str
) -> None:
    """Whoever holds an ordinary certificate of the authority could issue others with it otherwise."""
    place = Sigstore()
    between = reissued(place.authority.intermediate, place.authority, without=without, more=more)
    place.authority.__dict__["intermediate"] = between
    with pytest.raises(NotVerified, match=reason):
        verified(place.bundle(PAYLOAD, place.leaf()), root_in(place.trusted_root()), ignores_certificate_log=True)


def test_a_chain_that_is_longer_than_is_looked_at_leads_nowhere_and_a_shorter_one_to_its_root() -> None:
    """The certificates between come with the signature, and are looked at once, however many authorities are trusted."""
    place = Sigstore()
    for length, is_enough in ((6, True), (7, False)):
        above, extra = place.authority, list[x509.Certificate]()
        for number in range(length):
            below = Authority(f"between {number}")
            made = (
                x509.CertificateBuilder(above.root.subject, below.root.subject, below.root_key.public_key(), number + 1)
                .not_valid_before(below.begin)
                .not_valid_after(below.end)
                .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            )
            extra.append(made.sign(above.root_key, SHA256()))
            above = below
        last = Sigstore(authority=above)
        # The last of the chain issues the leaf itself.
        above.__dict__["intermediate"] = extra[-1]
        above.key = above.root_key
        leaf = last.leaf(logged=False)
        chain = [leaf.certificate, *extra[::-1]][:8]
        bundle = last.bundle(PAYLOAD, leaf)
        material = bundle["verificationMaterial"]
        del material["certificate"]
        material["x509CertificateChain"] = {"certificates": [{"rawBytes": b64(der(each))} for each in chain]}
        authorities = place.trusted_root()["certificateAuthorities"]
        document = last.trusted_root(
            certificateAuthorities=[*SIGSTORE.trusted_root()["certificateAuthorities"], *authorities]
        )
        if is_enough:
            assert verified(bundle, root_in(document), ignores_certificate_log=True).identity.subjects == (SUBJECT,)
        else:
            with pytest.raises(NotVerified, match="leads to none of the trusted authorities"):
                verified(bundle, root_in(document), ignores_certificate_log=True)


# What comes along


def changed(change: Callable[[Json, Json], None]) -> Json:
    """A good bundle in which one thing of its material, or of its entry of the log, is another."""
    bundle = copy.deepcopy(BUNDLE)
    material = bundle["verificationMaterial"]
    change(material, material["tlogEntries"][0])
    return bundle


def _put(key: str, value: object) -> Callable[[Json, Json], None]:
    return lambda material, entry: material.__setitem__(key, value)


def _in_entry(key: str, value: object, inner: str = "inclusionProof") -> Callable[[Json, Json], None]:
    return lambda material, entry: (entry[inner] if inner else entry).__setitem__(key, value)


def _no_certificates(material: Json, entry: Json) -> None:
    del material["certificate"]
    material["x509CertificateChain"] = {"certificates": []}


def _checkpoint(text: str) -> Callable[[Json, Json], None]:
    return _in_entry("checkpoint", {"envelope": text})


def _signed_checkpoint(note: str) -> str:
    return f"{note}\n\u2014 rekor.example {b64(SIGSTORE.log.id[:4] + SIGSTORE.log.signs(note.encode()))}\n"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_put("tlogEntries", [{}] * 9), "more certificates, entries or timestamps than are looked at"),
        (_put("certificate", {"rawBytes": "A" * (1 << 20) + "AAAA"}), "a part that is larger than is looked at"),
        (_put("tlogEntries", 1), "its material cannot be read"),
        (_no_certificates, "it comes with no certificate"),
        (_in_entry("hashes", ["AAAA"] * 100), "more hashes than a log has levels"),
        (_in_entry("hashes", ["AAAA"]), "does not fit the size of the tree"),
        (_in_entry("integratedTime", "999999999999", ""), "a time that is not valid"),
        (_in_entry("integratedTime", "soon", ""), "should be a number and is not: 'soon'"),
        (_checkpoint("rekor"), "its checkpoint cannot be read"),
        (_checkpoint(_signed_checkpoint("rekor - 1\nmany\nAAAA\n")), "its checkpoint cannot be read"),
        (_checkpoint(_signed_checkpoint("rekor - 1\n6\nA-A=\n")), "its checkpoint cannot be read"),
        (
            _checkpoint("rekor - 1\n6\nAAAA\n\n\u2014 rekor !\n- rekor AAAA\n"),
            "its checkpoint is not signed by the log",
        ),
        (_checkpoint(""), "has no checkpoint that the log signed"),
    ],
)
def test_material_that_is_too_much_or_cannot_be_read_is_refused(
    change: Callable[[Json, Json], None], reason: str
) -> None:
    """Whoever signs chooses what comes along: it is bounded, and each part of it must be right."""
    with pytest.raises(NotVerified, match=reason):
        verified(changed(change), ROOT)


DIGEST = {"algorithm": "sha256", "value": hashlib.sha256(PAYLOAD).hexdigest()}
SIGNED = BUNDLE["dsseEnvelope"]["signatures"][0]["sig"]
CERTIFICATE = b64(pem(LEAF.certificate))


HASHED = {"data": {"hash": DIGEST}, "signature": {"content": SIGNED, "publicKey": {"content": CERTIFICATE}}}


def _dsse(digest: Json, verifier: str = CERTIFICATE) -> tuple[bytes, tuple[str, str]]:
    spec = {"envelopeHash": digest, "payloadHash": digest, "signatures": [{"signature": SIGNED, "verifier": verifier}]}
    return _written("dsse", "0.0.1", spec)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (_written("alpine", "0.0.1", {}), "a kind that is not known: alpine 0.0.1"),
        ((b"{", ("dsse", "0.0.1")), "its log entry cannot be read"),
        (_written("dsse", "0.0.1", {}), "its log entry cannot be read"),
        (_dsse({"algorithm": "sha512", "value": "00"}), "its hash is of another kind: sha512"),
        (_dsse(DIGEST, b64(b"-----BEGIN PUBLIC KEY-----\n")), "its log entry is about another signature"),
        (_dsse({**DIGEST, "value": "00"}), "its log entry is about something else"),
        (
            _written("dsse", "0.0.2", {"dsseV002": {"payloadHash": {"algorithm": "SHA3_256", "digest": "AAAA"}, "signatures": []}}),
            "its hash is of another kind: SHA3_256",
        ),
        (
            _written("intoto", "0.0.1", {"content": {"hash": DIGEST}, "publicKey": CERTIFICATE}),
            "about an envelope as it was first written, which is not at hand",
        ),
        (_written("hashedrekord", "0.0.1", HASHED), "its log entry is about something else"),
    ],
)  # fmt: skip
def test_an_entry_of_the_log_must_be_about_this_signature(body: tuple[bytes, tuple[str, str]], reason: str) -> None:
    """The log takes whatever is sent to it: that it has an entry says nothing of this statement."""
    bundle = copy.deepcopy(BUNDLE)
    entry = SIGSTORE.log.entry(body[0], LEAF_REQUEST.begin + MINUTE, body[1])
    bundle["verificationMaterial"]["tlogEntries"] = [entry]
    with pytest.raises(NotVerified, match=reason):
        verified(bundle, ROOT)


def test_a_newer_entry_about_bytes_is_believed() -> None:
    """Logs of tiles have hashes and certificates in another form."""
    leaf = SIGSTORE.leaf()
    made = SIGSTORE.message(b"text", leaf)
    verifier = {"keyDetails": "PKIX_ECDSA_P256_SHA_256", "x509Certificate": {"rawBytes": b64(der(leaf.certificate))}}
    spec = {
        "hashedRekordV002": {
            "data": {"algorithm": "SHA2_256", "digest": b64(hashlib.sha256(b"text").digest())},
            "signature": {"content": made["messageSignature"]["signature"], "verifier": verifier},
        }
    }
    body, kind = _written("hashedrekord", "0.0.2", spec)
    entry = SIGSTORE.log.entry(body, LEAF_REQUEST.begin + MINUTE, kind)
    material = {**made["verificationMaterial"], "tlogEntries": [entry]}
    trust = IdentityTrust(root=ROOT, identities=(expected(),))
    content = of_bytes(b"text", base64.b64decode(made["messageSignature"]["signature"]))
    found = read_bundle(json.dumps({**BUNDLE, "verificationMaterial": material}).encode()).read_material()
    assert verify_certificate(content, found, trust, NOW).times == (LEAF_REQUEST.begin + MINUTE,)


# What cosign writes beside a signature

ANNOTATIONS = SIGSTORE.annotations(b"text", LEAF)


@pytest.mark.parametrize(
    ("annotations", "reason"),
    [
        ({"dev.sigstore.cosign/chain": pem(LEAF.certificate).decode() * 9}, "more certificates than are looked at"),
        ({"dev.sigstore.cosign/bundle": "{"}, "its annotations cannot be read"),
        (
            {
                "dev.sigstore.cosign/bundle": ANNOTATIONS["dev.sigstore.cosign/bundle"].replace(
                    SIGSTORE.log.id.hex(), "rekor"
                )
            },
            "its log entry names no log",
        ),
        ({"dev.sigstore.cosign/rfc3161timestamp": "[]"}, "its annotations cannot be read"),
    ],
)
def test_annotations_that_cannot_be_read_are_refused(annotations: dict[str, str], reason: str) -> None:
    """They are texts of whoever pushed the signature."""
    with pytest.raises(NotVerified, match=reason):
        annotated_material({**ANNOTATIONS, **annotations})


# Names in certificates


def named(value: bytes, oid: str = "1.3.6.1.4.1.57264.1.7") -> Json:
    """A bundle of which the certificate is for a user by name, as Fulcio writes it, and for an address in the net."""
    names = x509.SubjectAlternativeName(
        [x509.IPAddress(ipaddress.ip_address("192.0.2.1")), x509.OtherName(x509.ObjectIdentifier(oid), value)]
    )
    bare = LEAF.certificate
    leaf = reissued(bare, SIGSTORE.authority, without=x509.SubjectAlternativeName, more=(names,))
    return SIGSTORE.bundle(PAYLOAD, Leaf(LEAF.key, leaf))


def test_a_user_is_named_by_a_text_and_other_kinds_of_names_are_none() -> None:
    """A user name of another system counts for nothing."""
    who = expected(subject="jo!example.org".__eq__)
    text = b"\x0c\x0ejo!example.org"
    found = verified(named(text), ROOT, identities=(who,), ignores_certificate_log=True)
    assert found.identity.subjects == ("jo!example.org",)
    with pytest.raises(NotVerified, match="not one of those that are trusted"):
        verified(named(text, "1.2.3.4"), ROOT, identities=(who,), ignores_certificate_log=True)


@pytest.mark.parametrize("value", [b"\x13\x02jo", b"\x0c\x02\xff\xff"])
def test_a_name_that_is_not_a_text_is_refused(value: bytes) -> None:
    """Another kind of text, and bytes that are none."""
    with pytest.raises(NotVerified, match="an extension of its certificate is not a text"):
        verified(named(value), ROOT, ignores_certificate_log=True)


# Trusted roots


def test_a_root_says_which_of_its_parts_cannot_be_used() -> None:
    """An authority without certificates, and one whose time has no zone; one that says no time always counts."""
    document = SIGSTORE.trusted_root()
    (good,) = document["certificateAuthorities"]
    document["certificateAuthorities"] = [
        {**good, "uri": "https://a.example", "certChain": {"certificates": []}},
        {**good, "uri": "https://b.example", "validFor": {"start": "2024-01-01T00:00:00"}},
        {key: value for key, value in good.items() if key != "validFor"},
    ]
    root = root_in(document)
    assert root.unusable == (
        "https://a.example in the trusted root cannot be used: it has 0 certificates",
        "https://b.example in the trusted root cannot be used: the time for which it counts has no time zone",
    )
    assert verified(BUNDLE, root).identity.subjects == (SUBJECT,)


def test_a_root_that_names_very_many_logs_is_refused() -> None:
    """Each of them would be asked about each entry."""
    with pytest.raises(HullmarkError, match="the root names more than 64 authorities or logs"):
        root_in(SIGSTORE.trusted_root(tlogs=[SIGSTORE.log.document()] * 65))
