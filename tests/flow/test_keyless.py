"""Signed by Debian's cosign without a key, at a small Sigstore: its signatures and attestations count here by identity."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.cosign import VSA, plain_registry
from tests.support.images import Json, small_layout
from tests.support.open_registry import OpenRegistry
from tests.support.policies import NOT_ROOT
from tests.support.program import Program, program_in
from tests.support.sigstore import ISSUER, SUBJECT, Sigstore
from tests.support.sigstore_services import TOKEN, Services, services

pytestmark = pytest.mark.slow

PROVENANCE = "https://slsa.dev/provenance/v1"
BUILDER = "https://git.example/builder@v1"
PREDICATE = {
    "buildDefinition": {
        "buildType": "https://git.example/type",
        "externalParameters": {"source": "git+https://git.example/shop"},
    },
    "runDetails": {"builder": {"id": BUILDER}},
}
WHO = ("--certificate-identity", SUBJECT, "--certificate-oidc-issuer", ISSUER)
MINE = {"identities": [{"subject": SUBJECT, "issuer": ISSUER}]}
OTHERS = {"identities": [{"subject": "https://git.example/evil/*", "issuer": ISSUER}]}


@dataclass
class Shop:
    """The program, cosign with its services, a registry."""

    hullmark: Program
    services: Services
    host: str
    folder: Path

    def image(self, name: str) -> str:
        """An image in a repository of this name."""
        reference = f"{self.host}/shop/{name}:1"
        layout = small_layout(self.folder / f"{name}-{self.host.rpartition(':')[2]}")
        assert self.hullmark("copy", f"oci-dir:{layout}", reference).status == 0
        return reference

    def cosign(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """Run it."""
        return subprocess.run(
            ["cosign", *map(str, words)],
            cwd=self.folder,
            env=self.services.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def attest(self, reference: str, kind: str, predicate: Json, *, bundle: bool) -> None:
        """Attest a predicate of an image."""
        file = self.folder / "predicate.json"
        file.write_text(json.dumps(predicate))
        form = ("--new-bundle-format",) if bundle else ()
        ran = self.cosign("attest", *form, *self.services.words, "--predicate", file, "--type", kind, reference)
        assert ran.returncode == 0, ran.stderr

    @property
    def root(self) -> Path:
        """The trusted root, as cosign makes it of keys and certificates."""
        out, folder = self.folder / "root.json", self.services.folder
        keys = ("--rekor-key", folder / "rekor.pub", "--ctfe-key", folder / "ctfe.pub")
        ran = self.cosign("trusted-root", "create", "--certificate-chain", folder / "roots.pem", *keys, "--out", out)
        assert ran.returncode == 0, ran.stderr
        return out

    def verdict(self, reference: str, trigger: str, **params: Any) -> tuple[str, str]:
        """The verdict of one rule, and the reason."""
        rule = {"id": "it", "gate": "signatures", "trigger": trigger, "action": "stop", "params": params}
        policy = self.folder / "policy.json"
        policy.write_text(json.dumps({"schema": "hullmark-policy/1", "name": "p", "version": 1, "rules": [rule]}))
        words = ("--policy", policy, "--trusted-root", self.root, "-o", "json")
        ran = self.hullmark("check", f"registry:{reference}", *words)
        document = json.loads(ran.out)
        return document["verdict"], document["reason"]


@pytest.fixture(scope="module", params=["debian", "listing"])
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """At a registry without the API for referrers, and at one with it."""
    if shutil.which("cosign") is None:
        pytest.skip("cosign is not installed")
    folder = tmp_path_factory.mktemp("shop")
    with services(Sigstore(), folder / "sigstore") as running:
        if request.param == "debian":
            with plain_registry(folder / "registry") as host:
                yield Shop(program_in(folder / "run"), running, host, folder)
        else:
            with OpenRegistry().running() as registry:
                yield Shop(program_in(folder / "run"), running, str(registry.host), folder)


def test_what_cosign_signed_without_a_key_counts_by_identity(shop: Shop) -> None:
    reference = shop.image("signed")
    assert shop.verdict(reference, "signed_by", **MINE)[0] == "stop"
    ran = shop.cosign("sign", *shop.services.words, reference)
    assert ran.returncode == 0, ran.stderr
    assert shop.verdict(reference, "signed_by", attestations=False, **MINE)[0] == "go"
    assert shop.verdict(reference, "signed_by", **OTHERS)[0] == "stop"
    # cosign agrees.
    for who, passes in ((WHO, True), (("--certificate-identity", "x", *WHO[2:]), False)):
        ran = shop.cosign("verify", *who, "--offline", "--rekor-url", shop.services.url, reference)
        assert (ran.returncode == 0) is passes, ran.stderr


@pytest.mark.parametrize("bundle", [True, False], ids=("bundle", "tag"))
def test_what_cosign_attested_without_a_key_counts_by_identity(shop: Shop, bundle: bool) -> None:
    reference = shop.image(f"built-{bundle}".lower())
    shop.attest(reference, PROVENANCE, PREDICATE, bundle=bundle)
    assert shop.verdict(reference, "built_by", builders=[BUILDER], **MINE)[0] == "go"
    assert shop.verdict(reference, "source", repositories=["git+https://git.example/*"], **MINE)[0] == "go"
    assert shop.verdict(reference, "built_by", builders=[BUILDER], **OTHERS)[0] == "stop"


def test_a_verdict_that_is_signed_here_without_a_key_is_verified_by_cosign_in_both_forms(shop: Shop) -> None:
    reference = shop.image("here")
    files = {name: shop.folder / name for name in ("warn.yaml", "token")}
    files["warn.yaml"].write_text(NOT_ROOT)
    files["token"].write_text(TOKEN)
    where = ("--sign", "keyless", "--fulcio-url", shop.services.url, "--rekor-url", shop.services.url)
    words = ("--policy", files["warn.yaml"], "--identity-token", files["token"], "--attach")
    ran = shop.hullmark("check", f"registry:{reference}", *where, *words)
    assert ran.status == 0, ran.err
    for form in (("--new-bundle-format", "--trusted-root", shop.root), ("--offline", "--rekor-url", shop.services.url)):
        verify = ("verify-attestation", *form, "--type", VSA)
        cosign = shop.cosign(*verify, *WHO, reference)
        assert cosign.returncode == 0, cosign.stderr
        assert shop.cosign(*verify, "--certificate-identity", "x", *WHO[2:], reference).returncode != 0


@pytest.mark.parametrize("bundle", [True, False], ids=("bundle", "tag"))
def test_a_verdict_that_cosign_attested_without_a_key_is_verified(shop: Shop, bundle: bool) -> None:
    reference = shop.image(f"verdict-{bundle}".lower())
    files = {name: shop.folder / name for name in ("warn.yaml", "key.pem", "it.json")}
    files["warn.yaml"].write_text(NOT_ROOT)
    subprocess.run(
        ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", files["key.pem"]], check=True
    )
    words = ("--policy", files["warn.yaml"], "--sign", files["key.pem"], "--attestation", files["it.json"])
    assert shop.hullmark("check", f"registry:{reference}", *words).status == 0
    payload = json.loads(files["it.json"].read_bytes())["dsseEnvelope"]["payload"]
    shop.attest(reference, VSA, json.loads(base64.b64decode(payload))["predicate"], bundle=bundle)
    verify = ("verify", f"registry:{reference}", "--memory", "none", "--trusted-root", shop.root)
    ran = shop.hullmark(*verify, *WHO)
    assert (ran.status, f"signed by {SUBJECT}" in ran.text) == (0, True), ran.err
    assert "not one of those" in shop.hullmark(*verify, "--certificate-identity", "x", *WHO[2:]).refusal[0]
