"""VEX from where the image is: attested, pushed beside it into a real registry, found again, verified, laid upon the matches."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hullmark.proof.dsse import read_keys
from hullmark.source import SourceOptions
from hullmark.source.attestations import AttestationList, AttestationTrust, vex_documents
from tests.support.attestations import (
    BUNDLE,
    DSSE,
    IN_TOTO,
    Pushing,
    Signer,
    cosign_tag,
    fallback_tag,
    openvex,
    referrer,
    statement_about,
    unsigned,
)
from tests.support.images import Blobs, Json, sha256, tar_of, with_platform
from tests.support.places import REPOSITORY
from tests.support.program import Program, Ran, program_in
from tests.support.registry import Certificates, debian_registry, encoded, make_certificates
from tests.support.sigstore import ISSUER, SUBJECT, Sigstore

LOGIN = ("reader", "correct horse")
ADVISORIES = REPOSITORY / "examples" / "advisories"
DJANGO, JINJA = "pkg:pypi/django@2.2", "pkg:pypi/jinja2@2.10"
ABOUT_DJANGO, ABOUT_JINJA = "CVE-2020-7471", "CVE-2019-10906"
SHOP, STRANGER = Signer(), Signer()
ELSEWHERE = "sha256:" + "e" * 64


@dataclass(frozen=True)
class Registry:
    """A registry with a login."""

    host: str
    certificates: Certificates
    logins: Path
    tls: ssl.SSLContext

    def repository(self, name: str) -> Pushing:
        """A repository to push to."""
        return Pushing(self.host, name, self.tls, encoded(LOGIN))

    def options(self) -> SourceOptions:
        """How to read there."""
        return SourceOptions(
            ca_file=str(self.certificates.ca),
            auth_files=(str(self.logins),),
            certs_dirs=(),
            registry_files=(),
            sleep=lambda _: None,
            timeout=10,
        )


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    folder = tmp_path_factory.mktemp("registry")
    certificates = make_certificates(folder)
    with debian_registry(folder / "data", certificates, LOGIN) as port:
        host = f"127.0.0.1:{port}"
        logins = folder / "config.json"
        logins.write_text(json.dumps({"auths": {host: {"auth": encoded(LOGIN)}}}))
        yield Registry(host, certificates, logins, ssl.create_default_context(cafile=str(certificates.ca)))


@dataclass(frozen=True)
class Image:
    """An image in a repository of its own, to be attested."""

    registry: Registry
    pushing: Pushing
    descriptor: Json

    @property
    def digest(self) -> str:
        """The digest of its manifest."""
        return str(self.descriptor["digest"])

    @property
    def reference(self) -> str:
        """Its name."""
        return f"{self.pushing.host}/{self.pushing.repository}:1"

    def says(self, vulnerability: str, *products: str, about: str = "", **more: str) -> Json:
        """A statement about this image, or about the digest `about`."""
        return statement_about(about or self.digest, openvex(vulnerability, *products, **more))

    def attach(self, how: str, *envelopes: Json) -> None:
        """Put envelopes beside it: under cosign's tag, or as artifacts that the fallback tag lists."""
        blobs = Blobs()
        if how == "cosign":
            self.pushing.push(blobs, f"{fallback_tag(self.digest)}.att", cosign_tag(blobs, envelopes))
            return
        listed = [referrer(blobs, self.descriptor, envelope, how) for envelope in envelopes]
        self.pushing.push(blobs, fallback_tag(self.digest), blobs.index(listed))

    def attested(self, *signers: Signer) -> AttestationList:
        """What the registry holds about it."""
        keys = tuple(key for signer in signers for key in read_keys(signer.public, "it"))
        return vex_documents(self.reference, self.digest, AttestationTrust(keys=keys), self.registry.options())


@pytest.fixture
def image(registry: Registry, request: pytest.FixtureRequest) -> Image:
    """An image with Python packages."""
    files = {
        f"usr/lib/python3/site-packages/{name}-{version}.dist-info/METADATA": (
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()
        )
        for name, version in (("Django", "2.2"), ("Jinja2", "2.10"))
    }
    # Each test has an image of its own: the same repository would keep what another test attached.
    name = "shop/" + sha256(request.node.name.encode())[7:19]
    blobs = Blobs()
    descriptor = blobs.image((tar_of({**files, "name": name.encode()}),))
    pushing = registry.repository(name)
    pushing.push(blobs, "1", descriptor)
    return Image(registry, pushing, descriptor)


HOW = ["cosign", BUNDLE, DSSE]


@pytest.mark.parametrize("how", HOW)
def test_a_signed_statement_is_found_wherever_tools_put_it(image: Image, how: str) -> None:
    image.attach(how, SHOP.signed(image.says(ABOUT_DJANGO, DJANGO)))
    attested = image.attested(STRANGER, SHOP)
    (document,) = attested.documents
    assert json.loads(document.document) == image.says(ABOUT_DJANGO, DJANGO)
    assert document.signer == SHOP.fingerprint
    assert (attested.subjects, attested.problems) == ((image.digest,), ())


@pytest.mark.parametrize("how", HOW)
def test_a_statement_that_none_of_the_keys_signed_comes_without_a_signer(image: Image, how: str) -> None:
    image.attach(how, STRANGER.signed(image.says(ABOUT_DJANGO, DJANGO)), unsigned(image.says(ABOUT_JINJA, JINJA)))
    assert [document.signer for document in image.attested(SHOP).documents] == ["", ""]


@pytest.mark.parametrize("how", HOW)
def test_a_statement_about_another_image_is_left_out_though_it_is_signed_and_attached_here(
    image: Image, how: str
) -> None:
    image.attach(how, SHOP.signed(image.says(ABOUT_DJANGO, DJANGO, about=ELSEWHERE)))
    attested = image.attested(SHOP)
    assert attested.documents == ()
    ((_, reason),) = attested.problems
    assert "about something else than this image" in reason


def test_a_damaged_attestation_costs_only_itself(image: Image) -> None:
    good = SHOP.signed(image.says(ABOUT_DJANGO, DJANGO))
    image.attach("cosign", {**good, "payload": "no base64"}, {"payloadType": 7}, good)
    attested = image.attested(SHOP)
    assert [document.signer for document in attested.documents] == [SHOP.fingerprint]
    assert len(attested.problems) == 2


def test_attestations_of_another_kind_are_passed_over(image: Image) -> None:
    provenance = statement_about(image.digest, {"buildDefinition": {}}, "https://slsa.dev/provenance/v1")
    image.attach(DSSE, SHOP.signed(provenance), SHOP.envelope(b"hello", "text/plain"))
    assert image.attested(SHOP) == AttestationList(documents=(), subjects=(image.digest,))


def test_a_bare_document_is_about_the_subject_of_its_artifact(image: Image) -> None:
    image.attach("application/vnd.openvex+json", openvex(ABOUT_DJANGO, DJANGO))
    (document,) = image.attested(SHOP).documents
    assert (json.loads(document.document), document.signer) == (openvex(ABOUT_DJANGO, DJANGO), "")


def test_what_is_attested_of_an_index_holds_for_its_images(registry: Registry) -> None:
    blobs, pushing = Blobs(), registry.repository("shop/index")
    mine, other = blobs.image(), blobs.image(platform="linux/arm64")
    statement = statement_about(mine["digest"], openvex(ABOUT_JINJA, JINJA))
    beside = {
        **_beside(blobs, statement),
        "platform": {"os": "unknown", "architecture": "unknown"},
        "annotations": {
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": mine["digest"],
        },
    }
    index = blobs.index([with_platform(mine, "linux/amd64"), with_platform(other, "linux/arm64"), beside])
    pushing.push(blobs, "1", index)
    image = Image(registry, pushing, mine)
    whole = Image(registry, pushing, index)
    whole.attach("cosign", SHOP.signed(whole.says(ABOUT_DJANGO, DJANGO)))
    attested = image.attested(SHOP)
    assert (attested.subjects, attested.problems) == ((mine["digest"], index["digest"]), ())
    assert sorted(document.signer for document in attested.documents) == ["", SHOP.fingerprint]
    # What BuildKit put beside one image is not looked for from another.
    (document,) = Image(registry, pushing, other).attested(SHOP).documents
    assert document.signer == SHOP.fingerprint


def _beside(blobs: Blobs, statement: Json) -> Json:
    """A manifest as BuildKit writes it, with a bare statement."""
    layer = blobs.put(json.dumps(statement).encode(), IN_TOTO, annotations={"in-toto.io/predicate-type": "openvex"})
    config = blobs.put(b"{}", "application/vnd.oci.image.config.v1+json")
    kind = "application/vnd.oci.image.manifest.v1+json"
    return blobs.put(
        json.dumps({"schemaVersion": 2, "mediaType": kind, "config": config, "layers": [layer]}).encode(), kind
    )


# The program


@dataclass(frozen=True)
class Asking:
    """The program, asked about an image with its login and certificates."""

    program: Program
    image: Image
    folder: Path

    def key(self, signer: Signer) -> str:
        """The file of a public key."""
        path = self.folder / f"{signer.fingerprint[7:19]}.pub"
        path.write_bytes(signer.public)
        return str(path)

    def __call__(self, *words: str, source: str = "", advisories: Sequence[str] = ()) -> Ran:
        """What it says."""
        known = advisories or ("--advisories", str(ADVISORIES))
        trust = ("--cacert", str(self.image.registry.certificates.ca))
        return self.program(
            *("vulns", *known, "-o", "json", *trust, *words, source or f"registry:{self.image.reference}"),
            env={"DOCKER_CONFIG": str(self.image.registry.logins.parent)},
        )


@pytest.fixture
def ask(image: Image, tmp_path: Path) -> Asking:
    return Asking(program_in(tmp_path / "run"), image, tmp_path)


def suppressed(document: Any) -> dict[str, str]:
    """CVE → why it does not count, of what VEX set aside."""
    return {
        next(name for name in (match["advisory"]["id"], *match["advisory"]["aliases"]) if name.startswith("CVE-")): (
            match["suppressed"]["reason"]
        )
        for match in document["matches"]
        if match["suppressed"] and match["suppressed"]["by"] == "vex"
    }


def reasons(document: Any) -> list[str]:
    """The problems that VEX met."""
    return [problem["reason"] for problem in document["problems"] if problem["room"] == "vex"]


def test_a_signed_attestation_suppresses_a_match_and_its_key_is_told(image: Image, ask: Asking) -> None:
    image.attach("cosign", SHOP.signed(image.says(ABOUT_DJANGO, DJANGO, impact_statement="not called")))
    document = ask("--vex", "attestation", "--vex-key", ask.key(STRANGER), "--vex-key", ask.key(SHOP)).document
    said = (
        f"attestation signed by key {SHOP.fingerprint[:19]} says not_affected (vulnerable_code_not_present): not called"
    )
    assert suppressed(document) == {ABOUT_DJANGO: said}
    assert reasons(document) == []


def test_without_the_right_key_nothing_is_suppressed_and_the_reason_is_told(image: Image, ask: Asking) -> None:
    image.attach("cosign", SHOP.signed(image.says(ABOUT_DJANGO, DJANGO)))
    document = ask("--vex", "attestation", "--vex-key", ask.key(STRANGER)).document
    assert suppressed(document) == {}
    (reason,) = reasons(document)
    assert reason.endswith("it is left out: nobody who is trusted signed it")


def test_an_attestation_that_a_certificate_signed_counts_by_identity(image: Image, ask: Asking, tmp_path: Path) -> None:
    sigstore = Sigstore()
    made = sigstore.bundle(json.dumps(image.says(ABOUT_DJANGO, DJANGO)).encode(), sigstore.leaf())
    image.attach("application/vnd.dev.sigstore.bundle+json", made)
    root = tmp_path / "root.json"
    root.write_text(json.dumps(sigstore.trusted_root()))
    words = ("--vex", "attestation", "--trusted-root", str(root), "--certificate-oidc-issuer", ISSUER)
    document = ask(*words, "--certificate-identity", SUBJECT).document
    said = f"attestation signed by {SUBJECT} ({ISSUER}) says not_affected (vulnerable_code_not_present)"
    assert (suppressed(document), reasons(document)) == ({ABOUT_DJANGO: said}, [])
    document = ask(*words, "--certificate-identity", "https://git.example/evil").document
    assert suppressed(document) == {}
    assert reasons(document)[0].endswith("it is left out: nobody who is trusted signed it")
    root.write_text(json.dumps(Sigstore().trusted_root()))
    assert suppressed(ask(*words, "--certificate-identity", SUBJECT).document) == {}


def test_an_unsigned_attestation_counts_only_where_it_is_allowed(image: Image, ask: Asking) -> None:
    image.attach(BUNDLE, unsigned(image.says(ABOUT_DJANGO, DJANGO)))
    key = ("--vex", "attestation", "--vex-key", ask.key(SHOP))
    assert suppressed(ask(*key).document) == {}
    said = "unverified attestation says not_affected (vulnerable_code_not_present)"
    assert suppressed(ask(*key, "--vex-unsigned").document) == {ABOUT_DJANGO: said}
    assert suppressed(ask("--vex", "attestation", "--vex-unsigned").document) == {ABOUT_DJANGO: said}


def test_a_statement_without_products_is_about_what_was_attested(image: Image, ask: Asking) -> None:
    image.attach("cosign", SHOP.signed(image.says(ABOUT_DJANGO)))
    document = ask("--vex", "attestation", "--vex-key", ask.key(SHOP)).document
    assert set(suppressed(document)) == {ABOUT_DJANGO}


def test_a_statement_of_another_image_suppresses_nothing(image: Image, ask: Asking) -> None:
    image.attach("cosign", SHOP.signed(image.says(ABOUT_DJANGO, DJANGO, about=ELSEWHERE)))
    document = ask("--vex", "attestation", "--vex-key", ask.key(SHOP)).document
    assert suppressed(document) == {}
    (reason,) = reasons(document)
    assert "about something else than this image" in reason


def test_that_there_is_no_attestation_is_told(ask: Asking) -> None:
    document = ask("--vex", "attestation", "--vex-key", ask.key(SHOP)).document
    assert reasons(document) == ["the registry has no VEX attestation of this image"]


def test_without_the_word_no_attestation_is_asked_for(image: Image, ask: Asking) -> None:
    image.attach("cosign", SHOP.signed(image.says(ABOUT_DJANGO, DJANGO)))
    document = ask().document
    assert (suppressed(document), reasons(document)) == ({}, [])


def test_a_file_that_is_called_as_a_word_is_meant_by_its_path(ask: Asking) -> None:
    (ask.program.place / "attestation").write_text(json.dumps(openvex(ABOUT_DJANGO, DJANGO)))
    assert set(suppressed(ask("--vex", "./attestation").document)) == {ABOUT_DJANGO}


def test_an_ignore_rule_may_ask_for_what_attestations_say(image: Image, ask: Asking, tmp_path: Path) -> None:
    image.attach("cosign", SHOP.signed(image.says(ABOUT_DJANGO, DJANGO, status="under_investigation")))
    rules = tmp_path / "ignore.yaml"
    rules.write_text("ignore: [{vex-status: under_investigation, owner: web, reason: they are at it}]")
    document = ask("--ignore", str(rules), "--vex", "attestation", "--vex-key", ask.key(SHOP)).document
    aside = [match["suppressed"]["reason"] for match in document["matches"] if match["suppressed"]]
    assert aside == ["they are at it"]


def test_a_key_that_cannot_be_read_is_told_before_the_image_is_asked_for(ask: Asking, tmp_path: Path) -> None:
    what, advice = ask("--vex", "attestation", "--vex-key", "absent", source="registry:127.0.0.1:9/none").refusal
    assert what == "the key absent cannot be read (No such file or directory)"
    assert advice
    (tmp_path / "none").write_text("x")
    what, _ = ask("--vex", "attestation", "--vex-key", str(tmp_path / "none")).refusal
    assert what.endswith("holds no public key")


WRONG = [
    (("--vex", "attestation"), "", "attestations need a public key, or an identity, to verify them by"),
    (("--vex-unsigned",), "", "--vex-key, --vex-unsigned and identities are for attestations"),
    (("--vex-key", "a", "--vex", "repository"), "", "--vex-key, --vex-unsigned and identities are for attestations"),
    (("--vex", "attestation", "--certificate-identity", "x"), "", "a subject and who vouches for it"),
    (("--vex", "attestation", "--vex-unsigned"), "oci-dir:x", "attestations are in registries, and this source is not"),
]


@pytest.mark.parametrize(("words", "source", "message"), WRONG)
def test_options_that_make_no_sense_are_refused(ask: Asking, words: Sequence[str], source: str, message: str) -> None:
    what, advice = ask(*words, source=source).refusal
    assert message in what
    assert advice
