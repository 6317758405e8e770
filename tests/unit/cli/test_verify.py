"""`hullmark verify` and `check --sign`: what beside an image is not a verdict, or was not seen, is said; so is what cannot be signed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.images import sha256, small_layout, to_json
from tests.support.in_process import CommandLine
from tests.support.open_registry import Answer, OpenRegistry
from tests.support.policies import NOT_ROOT
from tests.support.shelves import openssl

AT = ("--at", "2026-03-01T12:00:00Z")
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
OCI = "application/vnd.oci.image.manifest.v1+json"
GONE = sha256(b"gone")


class ForgetfulRegistry(OpenRegistry):
    """One that also lists what is not there any more."""

    def _referrers(self, name: str, digest: str, query: dict[str, str], body: bytes) -> Answer:
        status, headers, answer = super()._referrers(name, digest, query, body)
        index = json.loads(answer)
        index["manifests"].append({"mediaType": OCI, "digest": GONE, "size": 2, "artifactType": BUNDLE})
        return status, headers, to_json(index)


def put_beside(registry: OpenRegistry, subject: str, content: bytes) -> str:
    """Something that calls itself a bundle beside an image of the repository shop; its digest."""
    config, blob = b"{}", sha256(content)
    for body in (config, content):
        registry.blobs["shop", sha256(body)] = body
    manifest = to_json(
        {
            "schemaVersion": 2,
            "mediaType": OCI,
            "artifactType": BUNDLE,
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": sha256(config), "size": 2},
            "layers": [{"mediaType": BUNDLE, "digest": blob, "size": len(content)}],
            "subject": {"mediaType": OCI, "digest": subject, "size": 1},
        }
    )
    registry.manifests["shop", sha256(manifest)] = (OCI, manifest)
    return blob


@pytest.fixture
def key(hullmark: CommandLine) -> Path:
    """A private key; the public one is beside it."""
    (hullmark.place / "policy.yaml").write_text(NOT_ROOT)
    key = hullmark.place / "key.pem"
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
    openssl("pkey", "-in", key, "-pubout", "-out", key.with_suffix(".pub"))
    return key


def test_what_is_no_verdict_and_what_was_not_seen_is_said_beside_the_verdict(hullmark: CommandLine, key: Path) -> None:
    """The newest could be among what was not seen: the status is that of what cannot be told."""
    with ForgetfulRegistry().running() as registry:
        source, words = f"registry:{registry.host}/shop:1", ("--key", key.with_suffix(".pub"), *AT)
        copied = hullmark("copy", f"oci-dir:{small_layout(hullmark.place / 'image')}", source, is_watched=True)
        assert (copied.status, "sha256:" in copied.err) == (0, True)
        judged = hullmark("check", source, "--policy", "policy.yaml", "--sign", key, "--attach", *AT)
        assert judged.status == 0, judged.err
        subject = registry.tags["shop", "1"]
        blob = put_beside(registry, subject, b"not a bundle")
        ran = hullmark("verify", source, *words)
        document = json.loads(hullmark("verify", source, *words, "-o", "json").out)
    assert ran.status == 3
    unseen, unreadable = ran.err.splitlines()
    what = f"{GONE[:19]} is listed and is not there"
    assert unseen == f"hullmark: not all statements beside the image were seen: {what}"
    assert unreadable.startswith(f"hullmark: left out: {blob[:19]}: ")
    assert ran.text.splitlines()[1] == f"image     {subject}"
    assert (document["verdict"], document["unseen"]) == ("warn", [what])


def test_a_verdict_is_judged_again_only_with_the_image_and_the_policy(hullmark: CommandLine, key: Path) -> None:
    source = f"oci-dir:{small_layout(hullmark.place / 'image')}"
    signed = ("--policy", "policy.yaml", "--sign", key, "--attestation", "it.json", *AT)
    assert hullmark("check", source, *signed).status == 0
    words = ("--key", key.with_suffix(".pub"), "--bundle", "it.json", "--memory", "none", *AT)
    ran = hullmark("verify", source, *words, "--recompute")
    said = ("to judge again takes the image and the policy", "name both: SOURCE --policy FILE")
    assert ran.refusal == said
    digest = json.loads(hullmark("verify", source, *words, "-o", "json").out)["digest"]
    assert hullmark("verify", digest, *words, "--policy", "policy.yaml", "--recompute").refusal == said
    ran = hullmark("verify", source, *words, "--policy", "policy.yaml", "--recompute")
    assert (ran.status, ", recomputed byte for byte" in ran.text) == (0, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("one", "two", "--attestation", "it.json"),
            ("--attestation FILE takes the verdict of one SOURCE", "sign one at a time"),
        ),
        (("one",), ("nobody gets the signed verdict", "add --attach, --attestation FILE or both")),
        (
            ("one", "--attach", "--server", "https://hullmark.example"),
            ("a server signs its verdicts itself", "judge here to sign: leave --server out"),
        ),
    ],
)
def test_a_verdict_that_cannot_be_signed_so_is_refused_before_anything_is_judged(
    hullmark: CommandLine, key: Path, words: tuple[str, ...], said: tuple[str, str]
) -> None:
    assert hullmark("check", *words, "--policy", "policy.yaml", "--sign", key).refusal == said


def test_a_signed_verdict_that_cannot_be_written_is_said(hullmark: CommandLine, key: Path) -> None:
    source = f"oci-dir:{small_layout(hullmark.place / 'image')}"
    ran = hullmark("check", source, "--policy", "policy.yaml", "--sign", key, "--attestation", "gone/it.json", *AT)
    assert ran.refusal == ("cannot write gone/it.json: No such file or directory", "check the path")
