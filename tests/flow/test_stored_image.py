"""An image that was scanned once is scanned again from its records alone, wherever they are kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from hullmark.facets import FACETS
from hullmark.model.errors import BrokenImage
from hullmark.model.image import Image
from hullmark.model.malware import MalwareScan
from hullmark.scanning.facets import facets_for
from hullmark.scanning.layercache import FolderKeep, PayloadStore
from hullmark.scanning.request import ScannerPlaces, ScanRequest, ScanResources, ScanResult
from hullmark.scanning.scan import scan_image
from hullmark.scanning.stored_image import LayerNotKept, StoredImage, as_image, stored_image
from hullmark.server.objects.object_keep import ObjectKeep
from hullmark.server.objects.objects import ObjectsUnreachable, open_objects
from hullmark.source import SourceOptions, open_image
from tests.support.buckets import s3_bucket
from tests.support.clamav import RULE
from tests.support.images import Blobs, docker_files, tagged, tar_of, write_docker_archive, write_layout
from tests.support.places import corpus
from tests.support.shop import KEY, config, layers

LOGIN = {"etc/ssh/sshd_config": b"PermitRootLogin yes\n", "root/.env": b"API_TOKEN=4f7d1c09ab\n", "srv/server.key": KEY}


@pytest.fixture(scope="module")
def bucket() -> Iterator[dict[str, str]]:
    with s3_bucket() as environment:
        yield environment


@pytest.fixture(params=["folder", "objects in a folder", "objects in a bucket"])
def keep(request: pytest.FixtureRequest, tmp_path: Path) -> PayloadStore:
    return kept_in(request, tmp_path)


def kept_in(request: pytest.FixtureRequest, tmp_path: Path) -> PayloadStore:
    if request.param == "folder":
        return FolderKeep(tmp_path / "cache")
    if request.param == "objects in a folder":
        return ObjectKeep(open_objects(str(tmp_path / "objects"), {}))
    return ObjectKeep(open_objects(f"s3://marks/{tmp_path.name}", request.getfixturevalue("bucket")))


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> ScannerPlaces:
    path = tmp_path_factory.mktemp("rules") / "rules.yar"
    path.write_text(RULE)
    return ScannerPlaces(yara_rules=path)


def shop(folder: Path) -> Image:
    blobs = Blobs()
    made = blobs.image((*layers(), tar_of(LOGIN)), config=config)
    return opened(f"oci-dir:{write_layout(folder, blobs, [tagged(made, 'latest')])}")


def opened(reference: str) -> Image:
    return open_image(reference, SourceOptions())


def again(image: Image, scanned: ScanResult) -> Image:
    """The image as it comes back from being stored."""
    return as_image(
        msgspec.msgpack.decode(msgspec.msgpack.encode(stored_image(image, scanned.inventory)), type=StoredImage)
    )


def full_scans(image: Image, keep: PayloadStore, rules: ScannerPlaces) -> tuple[ScanResult, ScanResult]:
    """The image scanned for everything: the first time, and as a stored image."""
    means = ScanResources(keep=keep, keeping="always", scanners=rules)
    with facets_for(FACETS, means) as facets:
        scan_request = ScanRequest(files=True, digests=True, ghosts=True, facets=facets)
        first = scan_image(image, scan_request, means)
        return first, scan_image(again(image, first), scan_request, means)


def bare_scan(image: Image, rules: ScannerPlaces) -> ScanResult:
    """The same with nothing kept."""
    means = ScanResources(scanners=rules)
    with facets_for(FACETS, means) as facets:
        return scan_image(image, ScanRequest(files=True, digests=True, ghosts=True, facets=facets), means)


@pytest.fixture(scope="module")
def bare_scans() -> dict[str, ScanResult]:
    """What came of images of the corpus with nothing kept, by name, as far as tests have asked for it."""
    return {}


def test_a_stored_image_answers_all_that_was_asked_before_with_no_layer(
    keep: PayloadStore, rules: ScannerPlaces, tmp_path: Path
) -> None:
    image = shop(tmp_path / "shop")
    first, later = full_scans(image, keep, rules)
    assert later == first == bare_scan(image, rules)
    assert later.inventory.files
    assert len(later.inventory.packages) > 2
    assert {secret.path for secret in later.facets["secrets"]} == {"/root/.env"}
    assert isinstance(later.facets["malware"], MalwareScan)
    assert set(later.facets) == set(FACETS)


@pytest.mark.parametrize("name", ["debian-slim", pytest.param("nginx", marks=pytest.mark.slow)])
def test_a_real_image_is_the_same_when_stored(
    name: str, keep: PayloadStore, rules: ScannerPlaces, bare_scans: dict[str, ScanResult]
) -> None:
    image = opened(f"oci-dir:{corpus('oci', name)}")
    if name not in bare_scans:
        bare_scans[name] = bare_scan(image, rules)
    first, later = full_scans(image, keep, rules)
    assert later == first == bare_scans[name]
    assert len(later.inventory.packages) > 50


def test_kept_configuration_is_had_by_path_without_layers(keep: PayloadStore, tmp_path: Path) -> None:
    image, means = shop(tmp_path / "shop"), ScanResources(keep=keep, keeping="always")
    first = scan_image(image, ScanRequest(), means)
    asked = ScanRequest(contents=("etc/**", "root/.env"))
    contents = scan_image(again(image, first), asked, means).contents
    assert contents == scan_image(image, asked, ScanResources()).contents
    assert contents["/etc/ssh/sshd_config"] == LOGIN["etc/ssh/sshd_config"]
    assert contents["/etc/shop.conf"] == b"port = 8080\n"
    assert b"4f7d1c09ab" not in contents["/root/.env"]


def test_what_is_not_kept_is_said_to_be_so(keep: PayloadStore, tmp_path: Path) -> None:
    image, means = shop(tmp_path / "shop"), ScanResources(keep=keep)
    first = scan_image(image, ScanRequest(), means)
    stored = again(image, first)
    assert scan_image(stored, ScanRequest(), means) == first
    assert scan_image(stored, ScanRequest(files=True, all_layers=True), means).inventory.files
    for scan_request in (ScanRequest(digests=True), ScanRequest(contents=("app/run",)), ScanRequest(keeps=True)):
        with pytest.raises(LayerNotKept) as missing:
            scan_image(stored, scan_request, means)
        assert missing.value.digest in {layer.digest for layer in stored.layers}
        assert missing.value.advice
    with pytest.raises(LayerNotKept):
        scan_image(stored, ScanRequest(), ScanResources())
    with pytest.raises(LayerNotKept):
        scan_image(stored, ScanRequest(), replace(means, jobs=3, keep=FolderKeep(tmp_path / "empty")))


def test_an_archive_without_digests_is_stored_with_those_that_were_found(keep: PayloadStore, tmp_path: Path) -> None:
    archive = write_docker_archive(tmp_path / "shop.tar", [docker_files(layers=(*layers(), tar_of(LOGIN)))])
    image, means = opened(f"docker-archive:{archive}"), ScanResources(keep=keep, keeping="always")
    assert {layer.digest for layer in image.layers} == {""}
    first = scan_image(image, ScanRequest(), means)
    archive.unlink()
    stored = again(image, first)
    assert all(layer.digest.startswith("sha256:") for layer in stored.layers)
    assert scan_image(stored, ScanRequest(files=True), means).inventory.packages == first.inventory.packages
    assert scan_image(stored, ScanRequest(), means) == first


def test_records_of_other_layers_are_not_taken_for_a_stored_image(keep: PayloadStore, tmp_path: Path) -> None:
    image, means = shop(tmp_path / "shop"), ScanResources(keep=keep)
    stored = again(image, scan_image(image, ScanRequest(), means))
    lied = replace(stored.layers[0], diff_id=stored.layers[1].diff_id)
    with pytest.raises(BrokenImage):
        scan_image(replace(stored, layers=(lied, *stored.layers[1:])), ScanRequest(files=True), means)


def test_a_store_that_fails_is_no_empty_one(tmp_path: Path) -> None:
    objects = open_objects(str(tmp_path / "objects"), {})
    image, means = shop(tmp_path / "shop"), ScanResources(keep=ObjectKeep(objects))
    stored = again(image, scan_image(image, ScanRequest(), means))
    (tmp_path / "objects").rename(tmp_path / "elsewhere")
    for asked in (image, stored):
        with pytest.raises(ObjectsUnreachable):
            scan_image(asked, ScanRequest(), means)


def test_a_store_that_all_machines_share_knows_no_files_by_their_stamps(keep: PayloadStore, tmp_path: Path) -> None:
    keys: list[str] = []
    write = keep.write

    class Noting:
        is_local = keep.is_local
        read, has = keep.read, keep.has

        def write(self, key: str, payload: bytes) -> None:
            keys.append(key)
            write(key, payload)

    image = shop(tmp_path / "shop")
    aged = replace(image, layers=tuple(replace(layer, stamp=f"{layer.digest} of old") for layer in image.layers))
    scan_image(aged, ScanRequest(), ScanResources(keep=Noting()))
    assert {key.partition("/")[0] for key in keys} == {"records", "results"} | ({"stamps"} if keep.is_local else set())


def test_the_types_of_layers_are_stored_where_they_are_known(tmp_path: Path) -> None:
    image = shop(tmp_path / "shop")
    inventory = scan_image(image, ScanRequest(), ScanResources()).inventory
    types = [f"application/vnd.oci.image.layer.v1.tar+{number}" for number in range(4)]
    stored = stored_image(image, inventory, types)
    assert [layer.media_type for layer in stored.layers] == types
    with pytest.raises(ValueError):
        stored_image(image, inventory, types[1:])
