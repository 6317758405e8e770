"""Scanning what is in a real registry, with TLS by an own CA and a login: the same inventory as from a layout, and nothing on disk."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.images import Blobs, tagged, tar_of, write_layout
from tests.support.places import CORPUS
from tests.support.program import HULLMARK, INTERRUPTIBLE, Program, Ran, program_in
from tests.support.registry import (
    Canned,
    Certificates,
    FakeRegistry,
    Headers,
    cutting_proxy,
    debian_registry,
    encoded,
    make_certificates,
)
from tests.support.shop import PACKAGES, config, layers

LOGIN = ("reader", "correct horse")
BIG = tar_of({"opt/big": hashlib.shake_128(b"big").digest(3 << 20)})
TAMPERED = tar_of({"opt/mine": b"mine" * 1000})

Document = dict[str, Any]


@dataclass(frozen=True)
class Registry:
    """A running registry. `layout` holds what was pushed to it, by the same tags; `storage` is where it keeps blobs."""

    host: str
    port: int
    certificates: Certificates
    layout: Path
    storage: Path

    def logins(self, folder: Path, host: str = "", login: tuple[str, str] = LOGIN) -> dict[str, str]:
        """The environment of someone who is logged in."""
        path = folder / "auth.json"
        path.write_text(json.dumps({"auths": {host or self.host: {"auth": encoded(login)}}}))
        return {"REGISTRY_AUTH_FILE": str(path)}


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    if shutil.which("skopeo") is None:
        pytest.skip("skopeo is not installed")
    folder = tmp_path_factory.mktemp("registry")
    certificates = make_certificates(folder)
    blobs = Blobs()
    shop, mine = blobs.image((*layers(), BIG), config=config), blobs.image((TAMPERED,))
    layout = write_layout(folder / "layout", blobs, [tagged(shop, "shop"), tagged(mine, "mine")])
    images = {"shop": f"oci:{layout}:shop", "mine": f"oci:{layout}:mine"}
    if CORPUS is not None and (CORPUS / "oci" / "nginx").exists():
        images["nginx"] = f"oci:{CORPUS}/oci/nginx:latest"
    with debian_registry(folder / "registry", certificates, LOGIN) as port:
        (folder / "certs").mkdir()
        shutil.copy(certificates.ca, folder / "certs" / "ca.crt")
        login = ("--dest-cert-dir", str(folder / "certs"), "--dest-creds", ":".join(LOGIN))
        for name, source in images.items():
            push = ["skopeo", "copy", "--quiet", *login, source, f"docker://127.0.0.1:{port}/team/{name}:1"]
            subprocess.run(push, check=True, timeout=60)
        storage = folder / "registry" / "data" / "docker" / "registry" / "v2" / "blobs" / "sha256"
        yield Registry(f"127.0.0.1:{port}", port, certificates, layout, storage)


@pytest.fixture
def hullmark(tmp_path: Path) -> Program:
    return program_in(tmp_path / "run")


def pull(hullmark: Program, registry: Registry, name: str, *more: str, env: Mapping[str, str]) -> Ran:
    reference = f"registry:{registry.host}/team/{name}:1"
    return hullmark("scan", "-o", "json", "--cacert", registry.certificates.ca, *more, reference, env=env)


def without_place(document: Document) -> Document:
    """The document without the two words that say where the image was found."""
    source = {key: value for key, value in document["source"].items() if key not in ("kind", "reference")}
    return {**document, "source": source}


@pytest.mark.parametrize("options", [(), ("--files",), ("--files", "--all-layers", "--jobs", "1")])
def test_the_inventory_is_that_of_the_layout(
    hullmark: Program, registry: Registry, tmp_path: Path, options: tuple[str, ...]
) -> None:
    pulled = pull(hullmark, registry, "shop", *options, env=registry.logins(tmp_path)).document
    local = hullmark("scan", "-o", "json", "--no-cache", *options, f"{registry.layout}:shop").document
    assert pulled["source"]["kind"] == "registry"
    assert without_place(pulled) == without_place(local)
    found = [(package["type"], package["name"], package["version"]) for package in pulled["packages"]]
    assert set(found) >= set(PACKAGES)


@pytest.mark.slow
def test_the_inventory_of_a_real_image_is_that_of_its_layout(
    hullmark: Program, registry: Registry, tmp_path: Path
) -> None:
    if CORPUS is None or not (CORPUS / "oci" / "nginx").exists():
        pytest.skip("the corpus image oci/nginx was not built (make corpus)")
    pulled = pull(hullmark, registry, "nginx", "--files", env=registry.logins(tmp_path)).document
    local = hullmark("scan", "-o", "json", "--files", "--no-cache", f"oci-dir:{CORPUS}/oci/nginx").document
    assert without_place(pulled) == without_place(local)
    assert len(pulled["files"]) > 1000


def test_nothing_is_written_to_disk(hullmark: Program, registry: Registry, tmp_path: Path) -> None:
    reference = f"registry:{registry.host}/team/shop:1"
    words = ("scan", "--files", "--no-cache", "-o", "json", "--cacert", registry.certificates.ca, reference)
    ran = hullmark.bounded(*words, env=registry.logins(tmp_path), file_bytes=0)
    assert len(ran.document["packages"]) == len(PACKAGES)
    assert hullmark.leftovers() == []


def test_a_cut_connection_resumes(hullmark: Program, registry: Registry, tmp_path: Path) -> None:
    local = hullmark("scan", "-o", "json", "--files", "--no-cache", f"{registry.layout}:shop").document
    with cutting_proxy("127.0.0.1", registry.port, after=700_000, times=2) as proxy:
        host = f"127.0.0.1:{proxy.port}"
        words = ("scan", "-o", "json", "--files", "--no-cache", "--cacert", registry.certificates.ca)
        ran = hullmark(*words, f"registry:{host}/team/shop:1", env=registry.logins(tmp_path, host))
        assert without_place(ran.document) == without_place(local)
        assert proxy.left == 0


@pytest.mark.slow  # it waits longer before each of five attempts
def test_a_connection_that_is_always_cut_is_given_up(hullmark: Program, registry: Registry, tmp_path: Path) -> None:
    with cutting_proxy("127.0.0.1", registry.port, after=6000, times=10_000) as proxy:
        host = f"127.0.0.1:{proxy.port}"
        words = ("scan", "--no-cache", "--cacert", registry.certificates.ca, f"registry:{host}/team/shop:1")
        what, advice = hullmark(*words, env=registry.logins(tmp_path, host)).refusal
    assert host in what
    assert advice != ""


def test_a_layer_that_was_tampered_with_is_refused(hullmark: Program, registry: Registry, tmp_path: Path) -> None:
    env = registry.logins(tmp_path)
    document = pull(hullmark, registry, "mine", env=env).document
    digest = document["source"]["layers"][0]["digest"].removeprefix("sha256:")
    stored = registry.storage / digest[:2] / digest / "data"
    body = stored.read_bytes()
    stored.write_bytes(body[:4] + b"\1" + body[5:])  # the time in gzip's header: it still unpacks to the same
    what, _ = pull(hullmark, registry, "mine", "--no-cache", env=env).refusal
    assert digest in what
    stored.write_bytes(body[:-1])
    assert pull(hullmark, registry, "mine", "--no-cache", env=env).refusal[0] != ""
    stored.write_bytes(body)
    assert pull(hullmark, registry, "mine", "--no-cache", env=env).document == document


def test_a_manifest_that_was_tampered_with_is_refused(hullmark: Program, registry: Registry, tmp_path: Path) -> None:
    env = registry.logins(tmp_path)
    source = pull(hullmark, registry, "mine", env=env).document["source"]
    for digest in (source["digest"], source["config_digest"]):
        value = digest.removeprefix("sha256:")
        stored = registry.storage / value[:2] / value / "data"
        body = stored.read_bytes()
        stored.write_bytes(body.replace(b": ", b" :", 1))
        reference = f"registry:{registry.host}/team/mine@{source['digest']}"
        ran = hullmark("scan", "--cacert", registry.certificates.ca, reference, env=env)
        assert ran.refusal[0] != ""
        stored.write_bytes(body)


def test_a_wrong_password_is_told_without_telling_it(hullmark: Program, registry: Registry, tmp_path: Path) -> None:
    wrong = registry.logins(tmp_path, login=("reader", "wrong horse"))
    ran = pull(hullmark, registry, "shop", env=wrong)
    assert "refused the user name or password" in ran.refusal[0]
    assert "horse" not in ran.err
    assert encoded(("reader", "wrong horse")) not in ran.err


def test_a_missing_login_is_told(hullmark: Program, registry: Registry) -> None:
    what, advice = pull(hullmark, registry, "shop", env={}).refusal
    assert "needs a login" in what
    assert "login" in advice


def test_a_login_of_dockers_config_counts(hullmark: Program, registry: Registry, tmp_path: Path) -> None:
    registry.logins(tmp_path)
    (tmp_path / "auth.json").rename(tmp_path / "config.json")
    assert pull(hullmark, registry, "shop", env={"DOCKER_CONFIG": str(tmp_path)}).status == 0
    (hullmark.home / ".docker").mkdir()
    shutil.copy(tmp_path / "config.json", hullmark.home / ".docker" / "config.json")
    assert pull(hullmark, registry, "shop", env={}).status == 0


def test_a_certificate_of_an_unknown_authority_is_refused(
    hullmark: Program, registry: Registry, tmp_path: Path
) -> None:
    env = registry.logins(tmp_path)
    reference = f"registry:{registry.host}/team/shop:1"
    what, advice = hullmark("scan", reference, env=env).refusal
    assert "certificate" in what
    assert "--cacert" in advice
    trusted = {**env, "SSL_CERT_FILE": str(registry.certificates.ca)}
    assert hullmark("scan", reference, env=trusted).status == 0
    assert hullmark("scan", "--insecure", reference, env=env).status == 0
    assert hullmark("scan", reference, env={**env, "HULLMARK_CACERT": str(registry.certificates.ca)}).status == 0


def test_an_unknown_tag_and_repository_are_told(hullmark: Program, registry: Registry, tmp_path: Path) -> None:
    env = registry.logins(tmp_path)
    for name in ("team/shop:none", "team/none:1"):
        words = ("scan", "--cacert", registry.certificates.ca, f"registry:{registry.host}/{name}")
        assert name.partition(":")[0] in hullmark(*words, env=env).refusal[0]


# A registry that tells what it was asked.


class Hanging(FakeRegistry):
    """Lets whoever asks for a layer wait."""

    waiting = threading.Semaphore(0)
    over = threading.Event()

    def answer(self, path: str, headers: Headers, body: bytes) -> Canned:
        status, more, found = super().answer(path, headers, body)
        if found.startswith(b"\x1f\x8b"):
            self.waiting.release()
            self.over.wait(60)
        return status, more, found


def test_a_second_scan_asks_for_no_layer(hullmark: Program) -> None:
    blobs = Blobs()
    digest = blobs.image(layers(), config=config)["digest"]
    with FakeRegistry(blobs, tags={"1": digest}).running() as registry:
        words = ("scan", "-o", "json", "--insecure", f"registry:{registry.host}/shop:1")
        first = hullmark(*words)
        assert len(registry.asked("/blobs/")) == len(layers()) + 1
        registry.log.clear()
        second = hullmark(*words)
        assert len(registry.asked("/blobs/")) == 1  # the config
    assert second.out == first.out
    assert first.status == 0


def test_an_interrupt_waits_for_no_layer(hullmark: Program) -> None:
    blobs = Blobs()
    registry = Hanging(blobs, tags={"1": blobs.image(layers())["digest"]})
    with registry.running():
        process = subprocess.Popen(
            [*INTERRUPTIBLE, *HULLMARK, "scan", "--insecure", f"registry:{registry.host}/shop:1"],
            env=hullmark.environment({"PYTHONWARNINGS": "ignore"}),  # what is left open is meant to be
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        try:
            assert registry.waiting.acquire(timeout=30)
            process.send_signal(signal.SIGINT)
            assert process.communicate(timeout=60) == (b"", b"")
        finally:
            process.kill()
            registry.over.set()
    assert process.returncode == 130
