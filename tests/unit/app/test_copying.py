"""Copies of images between layouts: what is in them twice goes once, and what must not be trusted does not go at all."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hullmark.app.copy import copy_image, pick_only_version
from hullmark.app.repositories import place_of, repository_of
from hullmark.model.digest import digest_of
from hullmark.model.errors import BrokenImage, HullmarkError
from hullmark.model.image import RawStream
from hullmark.model.inventory import InventorySource
from hullmark.source.layout_repository import LayoutFolder
from hullmark.source.manifest import OCI_MANIFEST, Descriptor
from hullmark.source.options import source_options
from hullmark.source.pushing import StoredBlob
from hullmark.source.registry_repository import RegistryRepository
from hullmark.source.repository import Referrer, ReferrerList, Repository
from hullmark.source.signature_tags import fallback_tag
from hullmark.source.source import ImageNotFound
from tests.support.images import (
    LAYER,
    MANIFEST,
    Blobs,
    Json,
    layout_files,
    sha256,
    tagged,
    tar_of,
    to_json,
    write_layout,
)

OPTIONS = source_options({})


@dataclass
class Memory:
    """A repository in memory that takes everything: manifests by their digests, and whatever is listed about any of them."""

    manifests: dict[str, bytes] = field(default_factory=dict)
    listed: ReferrerList = field(default_factory=ReferrerList)
    blobs: set[str] = field(default_factory=set)
    name: str = "memory"

    def manifest(self, version: str) -> bytes:
        if version not in self.manifests:
            raise ImageNotFound(f"there is no {version}")
        return self.manifests[version]

    def blob(self, descriptor: Descriptor) -> RawStream:
        raise AssertionError("nobody asks for the bytes of a blob")

    def referrers(self, digest: str) -> ReferrerList:
        return self.listed

    def has(self, digest: str) -> bool:
        return digest in self.blobs

    def put_blob(self, blob: StoredBlob, mount_from: Repository | None = None) -> int:
        self.blobs.add(blob.digest)
        return blob.size

    def put_manifest(self, version: str, body: bytes, media_type: str) -> None:
        self.manifests[version] = body

    def put_referrer(self, subject: str, referrer: Referrer, body: bytes) -> None:
        self.manifests[referrer.digest] = body


def entry(body: bytes, **more: object) -> Json:
    return {"digest": digest_of(body), "size": len(body), **more}


def holding(*bodies: bytes) -> Memory:
    """A repository where the last of these manifests has the tag 1."""
    return Memory({**{digest_of(body): body for body in bodies}, "1": bodies[-1]})


def refused(origin: Memory) -> str:
    target = Memory()
    with pytest.raises(HullmarkError) as caught:
        copy_image(origin, "1", target, "copy")
    assert "copy" not in target.manifests
    assert caught.value.advice
    return str(caught.value)


def test_what_is_named_twice_is_copied_once_and_what_lies_elsewhere_not_at_all(tmp_path: Path) -> None:
    blobs = Blobs()
    foreign: Json = {
        "mediaType": LAYER,
        "digest": sha256(b"far away"),
        "size": 8,
        "urls": ["https://example.org/layer"],
    }
    image = blobs.image(manifest=lambda made: {**made, "layers": [*made["layers"], made["layers"][0], foreign]})
    note = blobs.put(to_json({"mediaType": MANIFEST, "subject": image, "artifactType": "application/x.note"}), MANIFEST)
    index = blobs.index([image, image, note])
    write_layout(tmp_path / "one", blobs, [tagged(index, "1"), note])
    origin, target = LayoutFolder(tmp_path / "one"), LayoutFolder(tmp_path / "two")
    signature = to_json({"mediaType": MANIFEST, "layers": []})
    for ending in (".att", ".sig"):  # one manifest under both
        origin.put_manifest(f"{fallback_tag(image['digest'])}{ending}", signature, OCI_MANIFEST)

    lines: list[str] = []
    result = copy_image(origin, "1", target, "", lines.append)
    assert (result.digest, result.manifests, result.attached) == (index["digest"], 4, 1)
    assert (result.blobs, result.sent_blobs) == (3, 3)
    assert not target.has(foreign["digest"])
    assert len(lines) == len(set(lines)) == 6
    assert set(target.versions()) == set(), "without a tag, only what is attached is listed"
    for version in (index["digest"], image["digest"], note["digest"], f"{fallback_tag(image['digest'])}.sig"):
        assert target.manifest(version) == origin.manifest(version)


def test_indexes_that_are_nested_without_end_are_not_followed() -> None:
    bodies = [to_json({"layers": []})]
    for _ in range(6):
        bodies.append(to_json({"manifests": [entry(bodies[-1])]}))
    assert refused(holding(*bodies)) == "it is nested more than 4 deep"
    assert copy_image(holding(*bodies[:5]), "1", Memory(), "copy").manifests == 5


@pytest.mark.parametrize("bad", [{"digest": "sha256:../x", "size": 1}, {"digest": sha256(b""), "size": -1}])
def test_a_blob_without_a_digest_or_a_size_is_not_asked_for(bad: Json) -> None:
    origin = holding(to_json({"config": bad}))
    assert refused(origin) == f"a blob has the digest {bad['digest']!r}"
    with pytest.raises(BrokenImage):
        copy_image(origin, "1", Memory(), "")


def test_more_manifests_and_blobs_than_any_image_has_are_refused() -> None:
    bodies = [b'{"layers":[],"x":%d}' % number for number in range(20_000)]
    many = holding(*bodies, to_json({"manifests": [entry(body) for body in bodies]}))
    assert refused(many) == "there are more than 20000 manifests"
    layers = b",".join(b'{"digest":"sha256:%064x","size":1}' % number for number in range(200_001))
    assert refused(holding(b'{"layers":[' + layers + b"]}")) == "there are more than 200000 blobs"


def test_a_copy_that_would_lose_what_is_attached_is_not_made() -> None:
    origin = holding(to_json({"layers": []}))
    origin.listed = ReferrerList((), "there are more than 16 pages of referrers")
    expected = "not all that is attached can be copied: there are more than 16 pages of referrers"
    assert refused(origin) == expected


def test_the_only_version_is_meant_where_none_is_named() -> None:
    assert pick_only_version(("1", "1")) == "1"
    with pytest.raises(HullmarkError, match="there are several images") as several:
        pick_only_version(("1", "2"))
    assert several.value.advice == "append one of :1 :2"
    with pytest.raises(HullmarkError, match="there is no image") as none:
        pick_only_version(())
    assert none.value.advice == "check the path"


# What is written, and the repository that it means


def test_a_layout_is_a_repository_as_a_folder_and_as_an_archive_and_a_daemons_image_is_in_none(tmp_path: Path) -> None:
    blobs = Blobs()
    entries = [tagged(blobs.image(), "1")]
    folder = write_layout(tmp_path / "folder", blobs, entries)
    archive = tmp_path / "image.tar"
    archive.write_bytes(tar_of(layout_files(blobs, entries)))
    for reference in (f"oci-dir:{folder}:1", f"oci-archive:{archive}:1", str(archive)):
        assert repository_of(reference, OPTIONS).manifest("1") == blobs.held[entries[0]["digest"]]
    assert repository_of("registry:registry.test/shop:1", OPTIONS).name == "registry.test/shop"
    with pytest.raises(HullmarkError) as caught:
        repository_of("docker:shop:1", OPTIONS)
    assert str(caught.value) == "nothing is attached to docker:shop:1"
    assert caught.value.advice


def test_a_statement_is_attached_where_an_image_came_from_a_repository(tmp_path: Path) -> None:
    def source(kind: str) -> InventorySource:
        return InventorySource(kind=kind, reference="", digest="", config_digest="", platform="", layers=())

    layout = place_of(f"oci-dir:{tmp_path}:1", source("oci-dir"), OPTIONS, attaches=True)
    assert isinstance(layout, LayoutFolder)
    assert layout.name == str(tmp_path)
    registry = place_of("registry:registry.test/shop:1", source("registry"), OPTIONS, attaches=True)
    assert isinstance(registry, RegistryRepository)
    assert registry.name == "registry.test/shop"
    assert place_of("docker:shop:1", source("docker"), OPTIONS, attaches=False) is None
    with pytest.raises(HullmarkError, match="nothing can be attached to an image from docker"):
        place_of("docker:shop:1", source("docker"), OPTIONS, attaches=True)
