"""From a layout by skopeo into a real registry with TLS and a login, and back layer for layer."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from msgspec.structs import replace

from hullmark.model.errors import HullmarkError
from hullmark.model.image import Image, Platform
from hullmark.net.errors import CertificateRefused
from hullmark.source import ImageNotFound, SourceOptions, open_image
from tests.support.images import Blobs, sha256, small_layout, stored, tagged, tar_of, with_platform, write_layout
from tests.support.registry import Certificates, cutting_proxy, debian_registry, encoded, make_certificates

LOGIN = ("reader", "correct horse")
BIG = tar_of({"big": hashlib.shake_128(b"big").digest(3 << 20)})


@dataclass(frozen=True)
class Registry:
    host: str
    port: int
    certificates: Certificates
    layout: Path
    options: SourceOptions


def run(*command: str) -> None:
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    if shutil.which("skopeo") is None:
        pytest.skip("skopeo is not installed")
    folder = tmp_path_factory.mktemp("registry")
    certificates = make_certificates(folder)
    layout = folder / "layout"
    blobs = Blobs()
    image, arm = blobs.image(layers=(BIG, tar_of({"a": b"a"}))), blobs.image(platform="linux/arm64")
    index = blobs.index([with_platform(image, "linux/amd64"), with_platform(arm, "linux/arm64")])
    write_layout(layout, blobs, [tagged(image, "one"), tagged(index, "multi")])
    with debian_registry(folder / "data", certificates, LOGIN) as port:
        host = f"127.0.0.1:{port}"
        (folder / "certs").mkdir()
        shutil.copy(certificates.ca, folder / "certs" / "ca.crt")
        push = ("skopeo", "copy", "--all", "--dest-cert-dir", str(folder / "certs"), "--dest-creds", ":".join(LOGIN))
        for tag in ("one", "multi"):
            run(*push, f"oci:{layout}:{tag}", f"docker://{host}/team/shop:{tag}")
        run(*push, "--format", "v2s2", f"oci:{layout}:one", f"docker://{host}/team/shop:docker")
        logins = folder / "auth.json"
        logins.write_text(json.dumps({"auths": {host: {"auth": encoded(LOGIN)}}}))
        options = SourceOptions(
            ca_file=str(certificates.ca),
            auth_files=(str(logins),),
            certs_dirs=(),
            registry_files=(),
            sleep=lambda _: None,
            timeout=10,
        )
        yield Registry(host, port, certificates, layout, options)


def contents(image: Image) -> list[tuple[str, str, bytes]]:
    return [(layer.digest, layer.diff_id, stored(layer)) for layer in image.layers]


def test_the_same_image_comes_back(registry: Registry) -> None:
    pulled = open_image(f"registry:{registry.host}/team/shop:one", registry.options)
    original = open_image(f"oci-dir:{registry.layout}:one", registry.options)
    assert (pulled.digest, pulled.config, pulled.platform) == (original.digest, original.config, original.platform)
    assert contents(pulled) == contents(original)
    by_digest = open_image(f"registry:{registry.host}/team/shop@{pulled.digest}", registry.options)
    assert contents(by_digest) == contents(original)


def test_docker_schema_2_has_the_same_layers(registry: Registry) -> None:
    pulled = open_image(f"registry:{registry.host}/team/shop:docker", registry.options)
    assert pulled.media_type == "application/vnd.docker.distribution.manifest.v2+json"
    assert contents(pulled) == contents(open_image(f"oci-dir:{registry.layout}:one", registry.options))


@pytest.mark.parametrize("architecture", ["amd64", "arm64"])
def test_a_platform_chooses_from_an_index(registry: Registry, architecture: str) -> None:
    options = replace(registry.options, platform=Platform("linux", architecture))
    pulled = open_image(f"registry:{registry.host}/team/shop:multi", options)
    assert pulled.digest == open_image(f"oci-dir:{registry.layout}:multi", options).digest
    assert pulled.platform == Platform("linux", architecture)


def test_a_wrong_password_and_no_login_are_told_apart(registry: Registry, tmp_path: Path) -> None:
    wrong = tmp_path / "auth.json"
    wrong.write_text(json.dumps({"auths": {registry.host: {"auth": encoded((LOGIN[0], "wrong horse"))}}}))
    with pytest.raises(HullmarkError, match="refused the user name or password") as caught:
        open_image(f"registry:{registry.host}/team/shop:one", replace(registry.options, auth_files=(str(wrong),)))
    assert "horse" not in str(caught.value) + caught.value.advice
    with pytest.raises(HullmarkError, match="needs a login"):
        open_image(f"registry:{registry.host}/team/shop:one", replace(registry.options, auth_files=()))


def test_an_unknown_ca_is_refused(registry: Registry) -> None:
    with pytest.raises(CertificateRefused):
        open_image(f"registry:{registry.host}/team/shop:one", replace(registry.options, ca_file=None))


def test_an_unknown_tag_is_not_found(registry: Registry) -> None:
    with pytest.raises(ImageNotFound):
        open_image(f"registry:{registry.host}/team/shop:none", registry.options)


def test_a_layer_survives_cut_connections(registry: Registry, tmp_path: Path) -> None:
    with cutting_proxy("127.0.0.1", registry.port, after=700_000, times=3) as proxy:
        host = f"127.0.0.1:{proxy.port}"
        logins = tmp_path / "auth.json"
        logins.write_text(json.dumps({"auths": {host: {"auth": encoded(LOGIN)}}}))
        options = replace(registry.options, auth_files=(str(logins),))
        pulled = open_image(f"registry:{host}/team/shop:one", options)
        assert contents(pulled) == contents(open_image(f"oci-dir:{registry.layout}:one", options))
        assert proxy.left == 0


def test_skopeos_archives_and_folders_are_read(tmp_path: Path) -> None:
    if shutil.which("skopeo") is None:
        pytest.skip("skopeo is not installed")
    layout = small_layout(tmp_path / "layout")
    original = open_image(str(layout), SourceOptions())
    for kind in ("docker-archive", "oci-archive"):
        path = tmp_path / f"{kind}.tar"
        run("skopeo", "copy", f"oci:{layout}:latest", f"{kind}:{path}:example.org/shop:1")
        image = open_image(str(path), SourceOptions())
        assert (image.kind, image.tags) == (kind, ("example.org/shop:1",))
        assert [layer.diff_id for layer in image.layers] == [layer.diff_id for layer in original.layers]
    run("skopeo", "copy", f"oci:{layout}:latest", f"dir:{tmp_path}/dir")
    assert open_image(f"{tmp_path}/dir", SourceOptions()).kind == "skopeo-dir"


@pytest.fixture
def podman(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Podman's service on a store of its own: its address, and skopeo's name for an image in that store."""
    if shutil.which("podman") is None or shutil.which("skopeo") is None or os.geteuid() != 0:
        pytest.skip("podman and skopeo as root are needed")
    store = ("--root", f"{tmp_path}/root", "--runroot", f"{tmp_path}/run", "--storage-driver", "vfs")
    socket = tmp_path / "podman.sock"
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            ["podman", *store, "system", "service", "-t", "0", f"unix://{socket}"], stdout=log, stderr=log
        )
    try:
        deadline = time.monotonic() + 20
        while not socket.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        if not socket.exists():
            pytest.skip(f"podman's service does not start here: {(tmp_path / 'log').read_text()[-300:]}")
        yield f"unix://{socket}", f"containers-storage:[vfs@{tmp_path}/root+{tmp_path}/run]"
    finally:
        process.terminate()
        process.wait(10)


def test_an_image_in_podmans_store_is_exported_and_read(podman: tuple[str, str], tmp_path: Path) -> None:
    address, store = podman
    layout = small_layout(tmp_path / "layout")
    original = open_image(str(layout), SourceOptions())
    run("skopeo", "copy", f"oci:{layout}:latest", f"{store}localhost/shop:1")
    options = SourceOptions(environment={"CONTAINER_HOST": address, "DOCKER_HOST": f"unix://{tmp_path}/none"})
    for reference in ("podman:localhost/shop:1", "podman:shop:1", "localhost/shop:1"):
        image = open_image(reference, options)
        assert (image.kind, image.config, image.tags) == ("podman", original.config, ("localhost/shop:1",))
        assert [sha256(stored(layer)) for layer in image.layers] == [layer.diff_id for layer in original.layers]
    with pytest.raises(ImageNotFound):
        open_image("podman:localhost/none", options)
