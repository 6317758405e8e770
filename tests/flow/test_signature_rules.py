"""Rules about what others signed: signatures and provenance, made by Debian's cosign, and what is missing, foreign or out of reach."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.attestations import Signer, cosign_tag, statement_about
from tests.support.cosign import Cosign, cosign_in, plain_registry
from tests.support.images import Blobs, Json, small_layout, tagged, with_platform, write_layout
from tests.support.open_registry import OpenRegistry
from tests.support.program import Program, program_in

pytestmark = pytest.mark.slow

BUILDER = "https://git.example/builder@v1"
SOURCE = "git+https://git.example/shop@refs/heads/main"
V1 = "https://slsa.dev/provenance/v1"
V02 = "https://slsa.dev/provenance/v0.2"
VSA = "https://slsa.dev/verification_summary/v1"
PROVENANCE: dict[str, Json] = {
    V1: {
        "buildDefinition": {
            "buildType": "https://git.example/type",
            "externalParameters": {"configSource": {"uri": SOURCE}},
            "resolvedDependencies": [{"uri": "pkg:docker/debian@13"}],
        },
        "runDetails": {"builder": {"id": BUILDER}},
    },
    V02: {
        "builder": {"id": BUILDER},
        "buildType": "https://git.example/type",
        "invocation": {"configSource": {"uri": SOURCE}},
        "materials": [{"uri": "pkg:docker/debian@13"}],
    },
}


@dataclass
class Shop:
    """The program, cosign and a registry; each test has a repository of its own."""

    hullmark: Program
    cosign: Cosign
    host: str
    folder: Path

    def image(self, name: str) -> str:
        """An image in a repository of this name."""
        layout = small_layout(self.folder / name)
        assert self.hullmark("copy", f"oci-dir:{layout}", f"{self.host}/shop/{name}:1").status == 0
        return f"{self.host}/shop/{name}:1"

    def verdict(self, reference: str, trigger: str, *more: str | Path, **params: Any) -> tuple[str, str]:
        """The verdict of one rule, and the reason."""
        rule = {"id": "it", "gate": "signatures", "trigger": trigger, "action": "stop", "params": params}
        policy = self.folder / "policy.json"
        policy.write_text(json.dumps({"schema": "hullmark-policy/1", "name": "p", "version": 1, "rules": [rule]}))
        source = (
            reference
            if ":" in reference.partition("/")[0] and reference.startswith("oci-")
            else f"registry:{reference}"
        )
        ran = self.hullmark("check", source, "--policy", policy, "-o", "json", *more)
        assert ran.status in (0, 1, 3), ran.err
        document = json.loads(ran.out)
        return document["verdict"], "; ".join(finding["message"] for finding in document["findings"]) or document[
            "reason"
        ]

    @property
    def key(self) -> str:
        """cosign's public key."""
        return self.cosign.public.read_text()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("shop")
    with plain_registry(folder / "registry") as host:
        yield Shop(program_in(folder / "run"), cosign_in(folder / "cosign"), host, folder)


OTHER = Signer().public.decode()


def test_an_image_that_cosign_signed_passes_for_its_key_alone(shop: Shop) -> None:
    reference = shop.image("signed")
    assert shop.verdict(reference, "signed_by", keys=[shop.key]) == (
        "stop",
        "The image is not signed by a trusted key.",
    )
    shop.cosign.sign(reference)
    assert shop.verdict(reference, "signed_by", keys=[OTHER, shop.key])[0] == "go"
    assert shop.verdict(reference, "signed_by", "--trusted-keys", shop.cosign.public)[0] == "go"
    assert shop.verdict(reference, "signed_by", keys=[OTHER])[0] == "stop"
    assert shop.verdict(reference, "signed_by", keys=[OTHER, shop.key], least=2)[0] == "stop"
    assert shop.verdict(reference, "signed_by") == (
        "unknown",
        "the rule it cannot be judged: no keys are named to verify signatures with (keys, or --trusted-keys)",
    )


def test_a_signature_over_another_image_is_worth_nothing(shop: Shop) -> None:
    signed = shop.image("donor")
    shop.cosign.sign(signed)
    blobs = Blobs()
    other = blobs.image((b"\0" * 1024,))
    write_layout(shop.folder / "thief", blobs, [tagged(other, "latest")])
    thief = f"{shop.host}/shop/donor:thief"
    assert shop.hullmark("copy", f"oci-dir:{shop.folder / 'thief'}", thief).status == 0
    # The donor's signature, under the thief's tag.
    layout = shop.folder / "stolen"
    assert shop.hullmark("copy", signed, f"oci-dir:{layout}:x").status == 0
    index = json.loads((layout / "index.json").read_bytes())
    (entry,) = (
        manifest
        for manifest in index["manifests"]
        if manifest["annotations"]["org.opencontainers.image.ref.name"].endswith(".sig")
    )
    tag = other["digest"].replace(":", "-") + ".sig"
    assert shop.hullmark("copy", f"oci-dir:{layout}@{entry['digest']}", f"{shop.host}/shop/donor:{tag}").status == 0
    assert shop.verdict(thief, "signed_by", keys=[shop.key])[0] == "stop"


@pytest.mark.parametrize("bundle", [True, False])
@pytest.mark.parametrize("kind", [V1, V02])
def test_provenance_says_who_built_from_what(shop: Shop, kind: str, bundle: bool) -> None:
    reference = shop.image(f"built-{len(kind)}-{bundle}".lower())
    keys = {"keys": [shop.key]}
    assert shop.verdict(reference, "built_by", builders=[BUILDER], **keys)[0] == "stop"
    shop.cosign.attest(reference, kind, json.dumps(PROVENANCE[kind]), bundle=bundle)
    assert shop.verdict(reference, "built_by", builders=["https://git.example/builder@*"], **keys)[0] == "go"
    verdict, message = shop.verdict(reference, "built_by", builders=["https://other.example/*"], **keys)
    assert (verdict, BUILDER in message) == ("stop", True)
    assert shop.verdict(reference, "built_by", builders=[BUILDER], keys=[OTHER])[0] == "stop"
    assert shop.verdict(reference, "source", repositories=["git+https://git.example/shop@*"], **keys)[0] == "go"
    # What else went into the build is not its source.
    assert shop.verdict(reference, "source", repositories=["pkg:docker/*"], **keys)[0] == "stop"
    assert shop.verdict(reference, "provenance_level", least=1, **keys)[0] == "go"
    assert shop.verdict(reference, "provenance_level", least=3, **keys)[0] == "stop"
    assert shop.verdict(reference, "provenance_level", least=3, builders={BUILDER: 3}, **keys)[0] == "go"
    assert shop.verdict(reference, "signed_by", attestations=False, **keys)[0] == "stop"
    assert shop.verdict(reference, "signed_by", **keys)[0] == "go"


def test_who_signs_an_index_signs_the_images_that_it_lists(shop: Shop) -> None:
    blobs = Blobs()
    images = [
        with_platform(blobs.image((b"\0" * 1024 * size,), platform=platform), platform)
        for size, platform in ((1, "linux/amd64"), (2, "linux/arm64"))
    ]
    write_layout(shop.folder / "index", blobs, [tagged(blobs.index(images), "latest")])
    reference = f"{shop.host}/shop/index:1"
    assert shop.hullmark("copy", f"oci-dir:{shop.folder / 'index'}", reference).status == 0
    shop.cosign.sign(reference)
    for image, platform in zip(images, ("linux/amd64", "linux/arm64"), strict=True):
        assert shop.verdict(reference, "signed_by", "--platform", platform, keys=[shop.key])[0] == "go"
        # By the digest of an image alone nobody knows of the index.
        alone = f"{shop.host}/shop/index@{image['digest']}"
        assert shop.verdict(alone, "signed_by", keys=[shop.key], attestations=False)[0] == "stop"


def test_summaries_of_others_say_which_level_is_reached(shop: Shop) -> None:
    reference = shop.image("summary")
    summary = {
        "verifier": {"id": "https://verifier.example"},
        "timeVerified": "2026-01-01T00:00:00Z",
        "resourceUri": "x",
        "policy": {"uri": "x"},
        "verificationResult": "PASSED",
        "verifiedLevels": ["SLSA_BUILD_LEVEL_2", "SLSA_SOURCE_LEVEL_3"],
    }
    failed = {**summary, "verificationResult": "FAILED", "verifiedLevels": ["SLSA_BUILD_LEVEL_4"]}
    for each in (summary, failed):
        shop.cosign.attest(reference, VSA, json.dumps(each))
    for track, level in (("build", 2), ("source", 3)):
        for least in (level, level + 1):
            found = shop.verdict(reference, "provenance_level", least=least, track=track, keys=[shop.key])[0]
            assert found == ("go" if least == level else "stop")


@pytest.mark.parametrize("bundle", [False, True], ids=("tag", "bundle"))
def test_a_bill_of_materials_counts_where_a_trusted_key_attested_it(shop: Shop, bundle: bool) -> None:
    reference = shop.image(f"bill-{bundle}".lower())
    keys = {"keys": [shop.key]}
    assert shop.verdict(reference, "attested_sbom", **keys) == (
        "stop",
        "No bill of materials of the image is attested by a trusted key.",
    )
    bill = shop.hullmark("scan", f"registry:{reference}", "-o", "cyclonedx-json")
    shop.cosign.attest(reference, "cyclonedx", bill.out.decode(), bundle=bundle)
    assert shop.verdict(reference, "attested_sbom", **keys)[0] == "go"
    assert shop.verdict(reference, "attested_sbom", formats=["cyclonedx"], **keys)[0] == "go"
    found, reason = shop.verdict(reference, "attested_sbom", formats=["spdx"], **keys)
    assert (found, "in SPDX" in reason) == ("stop", True)
    assert shop.verdict(reference, "attested_sbom", keys=[OTHER])[0] == "stop"


def test_what_cannot_be_checked_is_unknown_and_never_a_pass(shop: Shop) -> None:
    layout = shop.folder / "keyless"
    blobs, signer = Blobs(), Signer()
    image = blobs.image()
    statement = statement_about(image["digest"], PROVENANCE[V1], V1)
    certified = {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"certificate": {"rawBytes": "AAAA"}},
        "dsseEnvelope": signer.signed(statement),
    }
    attached = cosign_tag(blobs, [certified])
    write_layout(layout, blobs, [tagged(image, "latest"), tagged(attached, image["digest"].replace(":", "-") + ".att")])
    # What a certificate signed is nothing to who trusts keys alone; whoever trusts an identity cannot tell.
    assert shop.verdict(f"oci-dir:{layout}:latest", "signed_by", keys=[OTHER])[0] == "stop"
    identity = {"subject": "*", "issuer": "*"}
    verdict, reason = shop.verdict(f"oci-dir:{layout}:latest", "signed_by", keys=[OTHER], identities=[identity])
    assert (verdict, "no trusted root says" in reason) == ("unknown", True)


def test_a_source_without_a_place_for_signatures_is_unknown(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    rule = {"id": "it", "gate": "signatures", "trigger": "signed_by", "action": "stop", "params": {"keys": [shop.key]}}
    policy = tmp_path / "policy.json"
    policy.write_text(json.dumps({"schema": "hullmark-policy/1", "name": "p", "version": 1, "rules": [rule]}))
    ran = shop.hullmark("check", f"dir:{tmp_path / 'root'}", "--policy", policy, "-o", "json")
    assert (ran.status, "was not looked for" in json.loads(ran.out)["reason"]) == (3, True)


def test_nobody_asks_for_signatures_unless_a_rule_does(shop: Shop, tmp_path: Path) -> None:
    layout = small_layout(tmp_path / "image")
    policy = tmp_path / "policy.yaml"
    with OpenRegistry().running() as registry:
        reference = f"{registry.host}/shop:1"
        assert shop.hullmark("copy", f"oci-dir:{layout}", reference).status == 0
        for gate, asked in (("config, trigger: user", False), ("signatures, trigger: signed_by", True)):
            rule = f"{{id: it, gate: {gate}, action: warn, params: {{{'' if asked else 'not_root: true'}}}}}"
            policy.write_text(f"schema: hullmark-policy/1\nname: p\nversion: 1\nrules: [{rule}]\n")
            del registry.log[:]
            shop.hullmark("check", f"registry:{reference}", "--policy", policy)
            assert any("referrers" in path for _, path in registry.log) is asked
