"""Images on their way between registries and folders, with all platforms and all that is attached; skopeo says that nothing changed."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.cosign import Cosign, cosign_in, plain_registry
from tests.support.images import Blobs, Json, sha256, small_layout, tagged, tar_of, with_platform, write_layout
from tests.support.open_registry import OpenRegistry
from tests.support.policies import NOT_ROOT
from tests.support.program import Program, program_in
from tests.support.shelves import openssl


@dataclass
class Shop:
    """The program, an image of two platforms with what is attached to it, and two registries."""

    hullmark: Program
    folder: Path
    listing: OpenRegistry
    index: Json

    @property
    def layout(self) -> str:
        """The image."""
        return f"oci-dir:{self.folder / 'image'}:1"

    def copied(self, source: str, target: str) -> list[str]:
        """What a copy says."""
        ran = self.hullmark("copy", source, target)
        assert (ran.status, ran.err) == (0, "")
        return ran.text.splitlines()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("shop")
    blobs = Blobs()
    one = with_platform(blobs.image(), "linux/amd64")
    other = with_platform(blobs.image((tar_of({"a": b"a" * 999}),), platform="linux/arm64"), "linux/arm64")
    index = blobs.index([one, other])
    write_layout(folder / "image", blobs, [tagged(index, "1")])
    (folder / "policy.yaml").write_text(NOT_ROOT)
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", folder / "key.pem")
    openssl("pkey", "-in", folder / "key.pem", "-pubout", "-out", folder / "key.pub")
    with OpenRegistry(page=1).running() as listing:
        made = Shop(program_in(folder / "run"), folder, listing, index)
        for platform in ("linux/amd64", "linux/arm64"):
            words = (
                "--policy",
                folder / "policy.yaml",
                "--sign",
                folder / "key.pem",
                "--attach",
                "--platform",
                platform,
            )
            ran = made.hullmark("check", made.layout, *words)
            assert ran.status == 0, ran.err
        yield made


@pytest.fixture(scope="module")
def debian(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with plain_registry(tmp_path_factory.mktemp("registry") / "it") as host:
        yield host


@pytest.fixture(scope="module")
def cosign(tmp_path_factory: pytest.TempPathFactory) -> Cosign:
    return cosign_in(tmp_path_factory.mktemp("cosign") / "home")


def _verified(shop: Shop, reference: str, platform: str = "linux/amd64") -> int:
    words = ("verify", reference, "--key", shop.folder / "key.pub", "--platform", platform, "--memory", "none")
    return shop.hullmark(*words).status


def test_everything_goes_along_and_nothing_twice(shop: Shop) -> None:
    target = f"registry:{shop.listing.host}/first/app:1"
    first, second = shop.copied(shop.layout, target)
    assert first == f"{target}: {shop.index['digest']}"
    # An index, two images, and beside each image a bundle and an `.att` tag.
    assert second.startswith("7 manifests, 4 of them attached; ")
    assert "; 0 of " in shop.copied(shop.layout, target)[1]
    assert {_verified(shop, target, platform) for platform in ("linux/amd64", "linux/arm64")} == {0}
    tags = {tag for repository, tag in shop.listing.tags if repository == "first/app"}
    images = json.loads(shop.listing.manifests["first/app", shop.index["digest"]][1])["manifests"]
    assert tags == {"1", *(f"{image['digest'].replace(':', '-')}.att" for image in images)}


def test_a_repository_of_the_same_registry_lends_its_blobs(shop: Shop) -> None:
    host = shop.listing.host
    shop.copied(shop.layout, f"{host}/lender/app:1")
    del shop.listing.log[:]
    assert "; 0 of " in shop.copied(f"{host}/lender/app:1", f"{host}/borrower/app:1")[1]
    assert not [path for method, path in shop.listing.log if method == "GET" and "/blobs/" in path]
    assert _verified(shop, f"registry:{host}/borrower/app:1") == 0


def test_what_was_cut_off_goes_on_where_it_was(shop: Shop) -> None:
    target = f"{shop.listing.host}/cut/app:1"
    total = shop.copied(shop.layout, target)[1].partition("; ")[2].split()[2]
    name = "cut/app"
    for key in [key for key in shop.listing.manifests if key[0] == name]:
        del shop.listing.manifests[key]
    lost = [key for key in shop.listing.blobs if key[0] == name][-2:]
    for key in lost:
        del shop.listing.blobs[key]
    assert f"; 2 of {total} " in shop.copied(shop.layout, target)[1]
    assert _verified(shop, f"registry:{target}") == 0


def test_a_blob_that_is_not_what_it_should_be_is_refused(shop: Shop, tmp_path: Path) -> None:
    layout = small_layout(tmp_path / "image")
    manifest = json.loads((layout / "index.json").read_bytes())["manifests"][0]["digest"]
    layer = json.loads((layout / "blobs" / "sha256" / manifest[7:]).read_bytes())["layers"][0]
    path = layout / "blobs" / "sha256" / layer["digest"][7:]
    body = bytearray(path.read_bytes())
    body[5] ^= 1
    path.write_bytes(body)
    for target in (f"{shop.listing.host}/broken/app:1", f"oci-dir:{tmp_path / 'there'}"):
        assert shop.hullmark("copy", f"oci-dir:{layout}", target).status == 2
    assert not (tmp_path / "there" / "index.json").exists()
    assert ("broken/app", "1") not in shop.listing.tags


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ("docker:shop", "localhost/x:1", "has no manifest"),
        ("oci-dir:IMAGE", "docker:shop", "nothing can be copied to"),
        ("oci-dir:IMAGE", "./there", "nothing can be copied to"),
        ("oci-dir:IMAGE:nope", "oci-dir:there", "has no nope"),
    ],
)
def test_what_cannot_be_copied_is_refused(shop: Shop, source: str, target: str, message: str) -> None:
    assert message in shop.hullmark("copy", source.replace("IMAGE", str(shop.folder / "image")), target).refusal[0]


@pytest.mark.slow
def test_skopeo_finds_the_same_digests_wherever_an_image_went(shop: Shop, debian: str, tmp_path: Path) -> None:
    if shutil.which("skopeo") is None:
        pytest.skip("skopeo is not installed")
    there, back = f"{debian}/shop/app:1", tmp_path / "back"
    shop.copied(shop.layout, there)
    shop.copied(there, f"oci-dir:{back}:1")
    for place in (f"docker://{there}", f"oci:{back}:1"):
        words = ["skopeo", "inspect", "--raw", "--tls-verify=false", place]
        ran = subprocess.run(words, capture_output=True, check=False)
        assert ran.returncode == 0, ran.stderr
        assert sha256(ran.stdout) == shop.index["digest"]
    whole = [
        "skopeo",
        "copy",
        "--all",
        "--src-tls-verify=false",
        f"docker://{there}",
        f"oci:{tmp_path / 'by-skopeo'}:1",
    ]
    subprocess.run(whole, capture_output=True, check=True)
    blobs = {path.name for path in (back / "blobs" / "sha256").iterdir()}
    assert {path.name for path in (tmp_path / "by-skopeo" / "blobs" / "sha256").iterdir()} <= blobs
    assert _verified(shop, f"oci-dir:{back}:1") == 0


@pytest.mark.slow
def test_cosign_verifies_what_was_copied(shop: Shop, cosign: Cosign, debian: str, tmp_path: Path) -> None:
    layout = small_layout(tmp_path / "image")
    origin, target = f"{debian}/origin/app:1", f"{shop.listing.host}/mirror/app:1"
    shop.copied(f"oci-dir:{layout}", origin)
    cosign.sign(origin)
    words = ("--policy", shop.folder / "policy.yaml", "--sign", shop.folder / "key.pem", "--attach")
    assert shop.hullmark("check", f"registry:{origin}", *words).status == 0
    shop.copied(origin, f"oci-dir:{tmp_path / 'between'}")
    shop.copied(f"oci-dir:{tmp_path / 'between'}:latest", target)
    for bundle in (True, False):
        ran = cosign.verified(target, shop.folder / "key.pub", bundle=bundle)
        assert ran.returncode == 0, ran.stderr
    ran = cosign("verify", "--key", cosign.public, "--insecure-ignore-tlog=true", target)
    assert ran.returncode == 0, ran.stderr
