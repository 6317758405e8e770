"""Signed by identity: verdicts that are verified by a trusted root from a file, and rules that trust identities."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.attestations import DSSE, Signer, fallback_tag, referrer, statement_about
from tests.support.images import CONFIG, MANIFEST, Blobs, Json, small_layout, tagged, to_json, write_layout
from tests.support.policies import NOT_ROOT
from tests.support.program import Program, Ran, program_in
from tests.support.sigstore import ISSUER, LEAF_REQUEST, REPOSITORY, SUBJECT, Sigstore, pem
from tests.support.sigstore_services import TOKEN, Services, services

AT = "2026-03-01T12:00:00Z"
SOON = "2026-03-01T12:05:00Z"
LATER = "2026-03-02T12:00:00Z"
WHO = ("--certificate-identity", SUBJECT, "--certificate-oidc-issuer", ISSUER)
IDENTITY = {"subject": "https://git.example/acme/*", "issuer": ISSUER}
PROVENANCE = "https://slsa.dev/provenance/v1"
BUILDER = "https://git.example/builder@v1"
SIMPLE = "application/vnd.dev.cosign.simplesigning.v1+json"


@dataclass
class Shop:
    """The program, a small Sigstore, and an image in a layout."""

    hullmark: Program
    folder: Path
    sigstore: Sigstore

    def file(self, name: str, content: Json | str | bytes) -> Path:
        """A file of the shop."""
        path = self.folder / name
        body = content if isinstance(content, bytes) else content.encode() if isinstance(content, str) else b""
        path.write_bytes(body or json.dumps(content).encode())
        return path

    @property
    def root(self) -> Path:
        """The trusted root."""
        return self.file("root.json", self.sigstore.trusted_root())

    def certified(self) -> Json:
        """The verdict on the image, in a bundle that a certificate signed."""
        payload = base64.b64decode(json.loads((self.folder / "by-key.json").read_bytes())["dsseEnvelope"]["payload"])
        return self.sigstore.bundle(payload, self.sigstore.leaf())

    def verify(self, *words: str | Path, bundle: Json | None = None, at: str = LATER) -> Ran:
        """What `hullmark verify` says of such a bundle."""
        file = self.file("bundle.json", bundle or self.certified())
        return self.hullmark("verify", f"oci-dir:{self.folder / 'image'}", "--bundle", file, "--at", at, *words)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    folder = tmp_path_factory.mktemp("shop")
    made = Shop(program_in(folder / "run"), folder, Sigstore())
    small_layout(folder / "image")
    policy = made.file("warn.yaml", NOT_ROOT)
    key = made.file("key.pem", _private())
    words = ("--policy", policy, "--at", AT, "--sign", key, "--attestation", folder / "by-key.json")
    assert made.hullmark("check", f"oci-dir:{folder / 'image'}", *words).status == 0
    return made


def _private() -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return Signer().key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


# Verdicts


def test_a_verdict_that_a_certificate_signed_is_verified_offline(shop: Shop) -> None:
    document = shop.verify("--trusted-root", shop.root, *WHO, "-o", "json").document
    assert document["signer"] == f"{SUBJECT} ({ISSUER})"
    assert (document["signed_at"], document["unproven"]) == (["2026-03-01T12:00:01Z"], [])
    ran = shop.verify("--trusted-root", shop.root, *WHO, "--certificate-github-workflow-repository", REPOSITORY)
    assert (ran.status, f"signed by {SUBJECT} ({ISSUER}), at 2026-03-01T12:00:01Z" in ran.text) == (0, True)


def test_it_is_recomputed_though_its_policy_never_knew_the_trusted_root(shop: Shop) -> None:
    words = ("--trusted-root", shop.root, *WHO, "--policy", shop.folder / "warn.yaml", "--recompute")
    ran = shop.verify(*words)
    assert (ran.status, "recomputed byte for byte" in ran.text) == (0, True), ran.err


def test_regular_expressions_say_whom_to_trust(shop: Shop) -> None:
    who = ("--certificate-identity-regexp", "^https://git.example/acme/", "--certificate-oidc-issuer-regexp", "token")
    assert shop.verify("--trusted-root", shop.root, *who).status == 0
    who = ("--certificate-identity-regexp", "^https://git.example/evil/", "--certificate-oidc-issuer-regexp", "token")
    assert "not one of those that are trusted" in shop.verify("--trusted-root", shop.root, *who).refusal[0]


def test_what_is_ignored_is_told_as_not_proven(shop: Shop) -> None:
    roots = shop.file("roots.pem", b"".join(map(pem, shop.sigstore.authority.chain)))
    words = ("--trusted-root", roots, *WHO)
    assert "names no transparency log" in shop.verify(*words, at=SOON).refusal[0]
    ran = shop.verify(*words, "--insecure-ignore-tlog", at=SOON)
    assert ran.status == 0, ran.err
    assert "not proven: that the signature is in a transparency log, which was ignored" in ran.err
    assert "not proven: when it was signed" in ran.err
    assert "not proven: that the certificate is in a log of certificates" in ran.err
    assert "and not at 2026-03-02" in shop.verify(*words, "--insecure-ignore-tlog").refusal[0]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "no key is named"),
        (("--trusted-root", "ROOT"), "no key is named"),
        (WHO, "nobody said by which authorities"),
        (("--trusted-root", "ROOT", *WHO[:2]), "a subject and who vouches for it"),
        (("--trusted-root", "ROOT", "--insecure-ignore-tlog"), "a subject and who vouches for it"),
        (("--trusted-root", "ROOT", *WHO, "--certificate-identity-regexp", "x"), "exclude each other"),
        (("--trusted-root", "ROOT", "--certificate-identity-regexp", "(", *WHO[2:]), "RE2 says"),
        (("--trusted-root", "ROOT", "--certificate-identity", "", *WHO[2:]), "is empty"),
        (("--trusted-root", "KEY", *WHO), "is not a trusted root"),
        (("--trusted-root", "ROOT", "--certificate-identity", "x", *WHO[2:]), "not one of those that are trusted"),
        (("--trusted-root", "ROOT", *WHO[:2], "--certificate-oidc-issuer", "x"), "not one of those that are trusted"),
        (("--trusted-root", "ROOT", *WHO, "--certificate-github-workflow-ref", "x"), "not one of those"),
        (("--trusted-root", "STRANGER", *WHO), "log that the trusted root does not name"),
    ],
)
def test_what_is_half_said_or_not_trusted_is_refused(shop: Shop, words: tuple[str, ...], message: str) -> None:
    files = {
        "ROOT": shop.root,
        "KEY": shop.folder / "key.pem",
        "STRANGER": shop.file("stranger.json", Sigstore().trusted_root()),
    }
    assert message in shop.verify(*(files.get(word, word) for word in words)).refusal[0]


def test_a_key_alone_does_not_verify_what_a_certificate_signed(shop: Shop) -> None:
    key = shop.file("other.pub", Signer().public)
    what, advice = shop.verify("--key", key).refusal
    assert ("signed by a certificate" in what, "--trusted-root" in advice) == (True, True)


def test_an_expired_verdict_is_refused_whoever_signed(shop: Shop) -> None:
    ran = shop.verify("--trusted-root", shop.root, *WHO, at="2026-04-01T00:00:00Z")
    assert ran.refusal[0] == "the statement expired at 2026-03-08T12:00:00Z"


# Signed here


def signing(shop: Shop, running: Services, *words: str | Path, token: str = TOKEN, rekor: str = "") -> Ran:
    """What the program says of signing the verdict on the image without a key."""
    where = ("--sign", "keyless", "--fulcio-url", running.url, "--rekor-url", rekor or running.url)
    who = ("--identity-token", shop.file("token", token), "--policy", shop.folder / "warn.yaml")
    return shop.hullmark("check", f"oci-dir:{shop.folder / 'image'}", *where, *who, *words)


def test_a_verdict_is_signed_by_an_identity_and_verified_offline(shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "verdict.json"
    with services(shop.sigstore, tmp_path / "sigstore") as running:
        ran = signing(shop, running, "--attestation", file, "--attach", "--trusted-root", shop.root)
        assert ran.status == 0, ran.err
    for beside in (("--bundle", file), ()):
        words = ("--trusted-root", shop.root, *WHO, "--memory", "none")
        ran = shop.hullmark("verify", f"oci-dir:{shop.folder / 'image'}", *beside, *words)
        assert (ran.status, f"signed by {SUBJECT} ({ISSUER}), at " in ran.text) == (0, True), ran.err


def test_services_that_refuse_or_answer_wrongly_sign_nothing(shop: Shop, tmp_path: Path) -> None:
    stranger = shop.file("stranger.json", Sigstore().trusted_root())
    file = tmp_path / "verdict.json"
    with services(shop.sigstore, tmp_path / "sigstore") as running:
        ran = signing(shop, running, "--attestation", file, token="another")  # noqa: S106
        assert "Fulcio refuses to take part in the signature: status 401" in ran.refusal[0]
        ran = signing(shop, running, "--attestation", file, "--trusted-root", stranger)
        assert "is not right: its log entry is of a log that the trusted root does not name" in ran.refusal[0]
        ran = signing(shop, running, "--attestation", file, rekor="http://127.0.0.1:9")
        assert "127.0.0.1:9" in ran.refusal[0]
    assert not file.exists()


# Rules


@dataclass
class Attached:
    """An image in a layout, and what is signed about it."""

    shop: Shop
    blobs: Blobs
    image: Json
    listed: list[Json]
    tags: list[Json]

    def beside(self, bundle: Json) -> None:
        """Attach a bundle."""
        made = referrer(self.blobs, self.image, {})
        manifest = json.loads(self.blobs.held[made["digest"]])
        manifest["layers"] = [self.blobs.put(to_json(bundle), manifest["artifactType"])]
        self.listed.append({**self.blobs.put(to_json(manifest), MANIFEST), "artifactType": manifest["artifactType"]})

    def by_tag(self, ending: str, layer: Json) -> None:
        """Put a layer under a tag of cosign's."""
        config = self.blobs.put(b"{}", CONFIG)
        body = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer]}
        self.tags.append(tagged(self.blobs.put(to_json(body), MANIFEST), fallback_tag(self.digest) + ending))

    @property
    def digest(self) -> str:
        """The image's digest."""
        return str(self.image["digest"])

    def verdict(self, trigger: str, *words: str | Path, **params: Any) -> tuple[str, str]:
        """The verdict of one rule, and the reason."""
        folder = self.shop.folder / "rules"
        index = tagged(self.blobs.index(self.listed), fallback_tag(self.digest)) if self.listed else None
        write_layout(folder, self.blobs, [tagged(self.image, "latest"), *self.tags, *([index] if index else [])])
        rule = {"id": "it", "gate": "signatures", "trigger": trigger, "action": "stop", "params": params}
        policy = {"schema": "hullmark-policy/1", "name": "p", "version": 1, "rules": [rule]}
        file = self.shop.file("policy.json", policy)
        ran = self.shop.hullmark("check", f"oci-dir:{folder}:latest", "--policy", file, "-o", "json", *words)
        assert ran.status in (0, 1, 3), ran.err
        document = json.loads(ran.out)
        return document["verdict"], "; ".join(finding["message"] for finding in document["findings"]) or document[
            "reason"
        ]


@pytest.fixture
def attached(shop: Shop) -> Attached:
    blobs = Blobs()
    return Attached(shop, blobs, blobs.image(), [], [])


def statement(attached: Attached) -> bytes:
    predicate = {
        "buildDefinition": {
            "buildType": "x",
            "externalParameters": {"configSource": {"uri": "git+https://git.example/shop"}},
        },
        "runDetails": {"builder": {"id": BUILDER}},
    }
    return to_json(statement_about(attached.digest, predicate, PROVENANCE))


def simple_signing(digest: str) -> bytes:
    critical = {
        "identity": {"docker-reference": "shop"},
        "image": {"docker-manifest-digest": digest},
        "type": "cosign container image signature",
    }
    return to_json({"critical": critical, "optional": None})


def test_a_bundle_counts_for_rules_that_trust_its_identity(attached: Attached, shop: Shop) -> None:
    sigstore = shop.sigstore
    attached.beside(sigstore.bundle(statement(attached), sigstore.leaf()))
    root = ("--trusted-root", shop.root)
    mine = {"identities": [IDENTITY]}
    assert attached.verdict("signed_by", *root, **mine)[0] == "go"
    assert attached.verdict("signed_by", **mine, trusted_root=shop.root.read_text())[0] == "go"
    assert attached.verdict("built_by", *root, builders=[BUILDER], **mine)[0] == "go"
    assert attached.verdict("built_by", *root, builders=["https://other.example"], **mine)[0] == "stop"
    assert attached.verdict("source", *root, repositories=["git+https://git.example/*"], **mine)[0] == "go"
    assert attached.verdict("provenance_level", *root, least=1, **mine)[0] == "go"
    for wrong in (
        {**IDENTITY, "subject": "https://git.example/evil/*"},
        {**IDENTITY, "issuer": "https://issuer.example"},
        {**IDENTITY, "ref": "refs/heads/main"},
        {**IDENTITY, "repository": "https://git.example/other"},
    ):
        found = attached.verdict("signed_by", *root, identities=[wrong])
        assert found == ("stop", "The image is not signed by a trusted key or identity.")
    assert attached.verdict("signed_by", *root, identities=[{**IDENTITY, "repository": REPOSITORY}])[0] == "go"
    assert attached.verdict("signed_by", *root, least=2, **mine)[0] == "stop"


def test_what_a_certificate_signed_is_unknown_without_a_trusted_root_and_nothing_to_keys(
    attached: Attached, shop: Shop
) -> None:
    attached.beside(shop.sigstore.bundle(statement(attached), shop.sigstore.leaf()))
    key = Signer().public.decode()
    verdict, reason = attached.verdict("signed_by", identities=[IDENTITY])
    assert (verdict, "no trusted root is named" in reason) == ("unknown", True)
    verdict, reason = attached.verdict("signed_by", identities=[IDENTITY], keys=[key])
    assert (verdict, "no trusted root says" in reason) == ("unknown", True)
    assert attached.verdict("signed_by", keys=[key])[0] == "stop"


def test_a_damaged_bundle_is_unknown_and_one_of_another_authority_proves_nothing(
    attached: Attached, shop: Shop
) -> None:
    bundle = shop.sigstore.bundle(statement(attached), shop.sigstore.leaf())
    bundle["verificationMaterial"]["tlogEntries"][0]["integratedTime"] = "1"
    attached.beside(bundle)
    verdict, reason = attached.verdict("signed_by", "--trusted-root", shop.root, identities=[IDENTITY])
    assert (verdict, "is not signed by the log" in reason) == ("unknown", True)
    root = shop.sigstore.trusted_root(certificateAuthorities=Sigstore().trusted_root()["certificateAuthorities"])
    attached.listed.clear()
    attached.beside(shop.sigstore.bundle(statement(attached), shop.sigstore.leaf()))
    stranger = shop.file("stranger.json", root)
    assert attached.verdict("signed_by", "--trusted-root", stranger, identities=[IDENTITY])[0] == "stop"


def test_the_log_may_be_ignored_by_the_rules_own_word(attached: Attached, shop: Shop) -> None:
    bundle = shop.sigstore.bundle(statement(attached), shop.sigstore.leaf())
    bundle["verificationMaterial"]["tlogEntries"] = []
    attached.beside(bundle)
    mine = {"identities": [IDENTITY]}
    words = ("--trusted-root", shop.root, "--at", SOON)
    assert attached.verdict("signed_by", *words, **mine)[0] == "unknown"
    assert attached.verdict("signed_by", *words, **mine, transparency_log="ignored")[0] == "go"
    late = ("--trusted-root", shop.root, "--at", LATER)
    assert attached.verdict("signed_by", *late, **mine, transparency_log="ignored")[0] == "unknown"


def test_signatures_of_older_cosigns_count_too(attached: Attached, shop: Shop) -> None:
    sigstore, mine = shop.sigstore, {"identities": [IDENTITY]}
    payload = simple_signing(attached.digest)
    noted = sigstore.annotations(payload, sigstore.leaf())
    attached.by_tag(".sig", attached.blobs.put(payload, SIMPLE, annotations=noted))
    root = ("--trusted-root", shop.root)
    assert attached.verdict("signed_by", *root, attestations=False, **mine)[0] == "go"
    assert attached.verdict("signed_by", *root, identities=[{**IDENTITY, "issuer": "x"}])[0] == "stop"
    attached.tags.clear()
    other = simple_signing("sha256:" + "0" * 64)
    attached.by_tag(".sig", attached.blobs.put(other, SIMPLE, annotations=sigstore.annotations(other, sigstore.leaf())))
    assert attached.verdict("signed_by", *root, **mine)[0] == "stop"
    attached.tags.clear()
    # The log's word about another signature.
    noted = {
        **noted,
        "dev.sigstore.cosign/bundle": sigstore.annotations(b"x", sigstore.leaf())["dev.sigstore.cosign/bundle"],
    }
    attached.by_tag(".sig", attached.blobs.put(payload, SIMPLE, annotations=noted))
    assert attached.verdict("signed_by", *root, **mine)[0] == "unknown"


def test_attestations_of_older_cosigns_count_too(attached: Attached, shop: Shop) -> None:
    sigstore, mine = shop.sigstore, {"identities": [IDENTITY]}
    leaf = sigstore.leaf()
    envelope = to_json(sigstore.bundle(statement(attached), leaf)["dsseEnvelope"])
    noted = {**sigstore.annotations(envelope, leaf, is_envelope=True), "predicateType": PROVENANCE}
    attached.by_tag(".att", attached.blobs.put(envelope, DSSE, annotations=noted))
    root = ("--trusted-root", shop.root)
    assert attached.verdict("built_by", *root, builders=[BUILDER], **mine)[0] == "go"
    attached.tags.clear()
    late = sigstore.leaf(replace(LEAF_REQUEST, begin=LEAF_REQUEST.begin - timedelta(days=1)))
    noted = {**noted, "dev.sigstore.cosign/certificate": pem(late.certificate).decode()}
    attached.by_tag(".att", attached.blobs.put(envelope, DSSE, annotations=noted))
    assert attached.verdict("built_by", *root, builders=[BUILDER], **mine)[0] == "unknown"


def test_a_signature_over_the_manifest_itself_counts(attached: Attached, shop: Shop) -> None:
    sigstore, mine = shop.sigstore, {"identities": [IDENTITY]}
    root = ("--trusted-root", shop.root)
    attached.beside(sigstore.message(b"something else", sigstore.leaf()))
    assert attached.verdict("signed_by", *root, **mine)[0] == "stop"
    message = sigstore.message(attached.blobs.held[attached.digest], sigstore.leaf())
    attached.beside(message)
    assert attached.verdict("signed_by", *root, attestations=False, **mine)[0] == "go"
    attached.listed.clear()
    # Another image's signature under this one's digest.
    stolen = sigstore.message(b"something else", sigstore.leaf())
    stolen["messageSignature"]["messageDigest"] = message["messageSignature"]["messageDigest"]
    attached.beside(stolen)
    assert attached.verdict("signed_by", *root, **mine)[0] == "unknown"


def test_a_trusted_root_without_identities_is_a_mistake_in_a_policy(attached: Attached, shop: Shop) -> None:
    rule = {"id": "it", "gate": "signatures", "trigger": "signed_by", "action": "stop"}
    for params, message in (
        ({"trusted_root": "{}"}, "expected identities"),
        ({"transparency_log": "ignored"}, "expected identities"),
        ({"trusted_root": "{}", "identities": [IDENTITY]}, "is not a trusted root"),
        ({"identities": [{"subject": "x"}]}, "issuer"),
    ):
        policy = {"schema": "hullmark-policy/1", "name": "p", "version": 1, "rules": [{**rule, "params": params}]}
        ran = shop.hullmark("policy", "validate", shop.file("wrong.json", policy))
        assert (ran.status, message in ran.err + ran.text) == (2, True), ran.err + ran.text
