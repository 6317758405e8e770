"""Debian's cosign as a partner: without a transparency log, and without the network."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.registry import free_port, wait_for_port

VSA = "https://slsa.dev/verification_summary/v1"
PASSWORD = "correct horse"  # noqa: S105 - of keys that tests make
_ROOT = '{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}'


@dataclass(frozen=True)
class Cosign:
    """cosign with a home and a key pair of its own, whose password is PASSWORD."""

    folder: Path

    @property
    def key(self) -> Path:
        """The private key."""
        return self.folder / "cosign.key"

    @property
    def public(self) -> Path:
        """The public key."""
        return self.folder / "cosign.pub"

    def __call__(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """Run it."""
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "COSIGN_PASSWORD": PASSWORD}
        return subprocess.run(
            ["cosign", *map(str, words)],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def verified(self, reference: str, key: Path, *, bundle: bool, kind: str = VSA) -> subprocess.CompletedProcess[str]:
        """What `cosign verify-attestation` says of an image, by bundles or by the tag `.att`."""
        form = ("--new-bundle-format", "--trusted-root", self.folder / "root.json") if bundle else ()
        common = ("--key", key, "--type", kind, "--insecure-ignore-tlog=true")
        return self("verify-attestation", *form, *common, reference)

    def sign(self, reference: str) -> None:
        """Sign an image, as `cosign sign` does it."""
        _passed(self("sign", "--key", self.key, "--tlog-upload=false", "-y", reference))

    def attest(self, reference: str, kind: str, predicate: str, *, bundle: bool = False) -> None:
        """Attest a predicate, as JSON, of an image."""
        (self.folder / "predicate.json").write_text(predicate)
        form = ("--new-bundle-format",) if bundle else ()
        options = ("--key", self.key, "--tlog-upload=false", "-y", "--predicate", self.folder / "predicate.json")
        _passed(self("attest", *form, *options, "--type", kind, reference))


def _passed(ran: subprocess.CompletedProcess[str]) -> None:
    assert ran.returncode == 0, ran.stderr


def cosign_in(folder: Path) -> Cosign:
    """cosign with a new key pair; skips the test where it is missing."""
    if shutil.which("cosign") is None:
        pytest.skip("cosign is not installed")
    folder.mkdir()
    (folder / "root.json").write_text(_ROOT)
    made = Cosign(folder)
    _passed(made("generate-key-pair"))
    return made


@contextlib.contextmanager
def plain_registry(folder: Path) -> Iterator[str]:
    """Debian's docker-registry, which has no API for referrers, without TLS; its address. Skips the test where it is missing."""
    program = shutil.which("docker-registry")
    if program is None:
        pytest.skip("docker-registry is not installed")
    folder.mkdir()
    port = free_port()
    (folder / "config.yml").write_text(
        f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {folder / 'data'}}}}}\n"
        f"http: {{addr: '127.0.0.1:{port}', secret: x}}\n"
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, "serve", str(folder / "config.yml")], stdout=log, stderr=log)
    try:
        wait_for_port(port, process, folder / "log")
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)
