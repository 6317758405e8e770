"""Layouts and skopeo's folders that lack something, name things twice, or promise other sizes than there are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from hullmark.model.errors import BrokenImage, HullmarkError
from hullmark.model.image import Image, Platform
from hullmark.source import SourceOptions, open_image
from hullmark.source.layout_repository import LayoutFolder, open_layout_archive
from hullmark.source.manifest import MANIFEST_LIMIT, Descriptor
from tests.support.images import (
    INDEX,
    LAYERS,
    MANIFEST,
    Blobs,
    Json,
    layout_files,
    sha256,
    tagged,
    tar_of,
    to_json,
    with_platform,
    write_layout,
)

OPTIONS = SourceOptions()
ARM = replace(OPTIONS, platform=Platform("linux", "arm64"))
NOWHERE = sha256(b"nowhere")


def opened(folder: Path, options: SourceOptions = OPTIONS, rest: str = "") -> Image:
    return open_image(f"oci-dir:{folder}{rest}", options)


def refused(reference: str) -> HullmarkError:
    with pytest.raises(HullmarkError) as caught:
        open_image(reference, OPTIONS)
    assert caught.value.advice
    return caught.value


def test_an_image_inside_of_an_index_is_named_by_its_digest(tmp_path: Path) -> None:
    blobs = Blobs()
    inner = blobs.image(platform="linux/arm64")
    write_layout(tmp_path, blobs, [tagged(blobs.index([with_platform(inner, "linux/arm64")]), "1")])
    image = opened(tmp_path, rest=f"@{inner['digest']}")
    assert (image.digest, image.tags, len(image.layers)) == (inner["digest"], (), 2)
    error = refused(f"oci-dir:{tmp_path}@{NOWHERE}")
    assert (str(error), error.advice) == (f"there is no image {NOWHERE}", "append one of :1")


def test_the_end_of_a_tag_that_two_images_share_is_refused_with_both(tmp_path: Path) -> None:
    blobs = Blobs()
    one, two = blobs.image(), blobs.image(layers=LAYERS[:1])
    write_layout(tmp_path, blobs, [tagged(one, "example.org/one:2"), tagged(two, "example.org/two:2")])
    error = refused(f"oci-dir:{tmp_path}:2")
    assert str(error) == "'2' names several images"
    assert error.advice == "append one of :example.org/one:2 :example.org/two:2"


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (b" " * (MANIFEST_LIMIT + 1), f"index.json has more than {MANIFEST_LIMIT} bytes"),
        (to_json({"config": {"digest": NOWHERE, "size": 1}, "layers": []}), "index.json is not an index"),
        (to_json({"manifests": [{"digest": NOWHERE, "size": 1}] * 10_001}), "index.json names 10001 images"),
        (to_json({"blobs": [], "mediaType": "application/x.old"}), "is an artifact of type application/x.old, not an"),
    ],
)
def test_an_index_json_that_cannot_be_one_is_refused(tmp_path: Path, index: bytes, message: str) -> None:
    assert message in str(refused(f"oci-dir:{write_layout(tmp_path, Blobs(), index)}"))


def lying(blobs: Blobs, **more: Any) -> Json:
    """How an index lists an image, with something that is not so."""
    return {**blobs.image(), **more}


def test_an_entry_is_refused_where_its_manifest_is_not_what_was_said(tmp_path: Path) -> None:
    blobs = Blobs()
    index = blobs.index([blobs.image()])
    size = blobs.image()["size"]
    cases = (
        ({**index, "mediaType": MANIFEST}, "an index is listed as an image"),
        (lying(blobs, size=size + 1), f"has {size} bytes where {size + 1} are promised"),
    )
    for number, (entry, message) in enumerate(cases):
        error = refused(f"oci-dir:{write_layout(tmp_path / str(number), blobs, [entry])}")
        assert message in str(error)
        assert isinstance(error, BrokenImage)


def test_of_the_entries_of_an_index_those_are_taken_that_are_there_and_are_images(tmp_path: Path) -> None:
    blobs = Blobs()
    arm = blobs.image(platform="linux/arm64")
    untyped = {name: value for name, value in arm.items() if name != "mediaType"}
    chart = blobs.image(
        manifest=lambda made: {**made, "config": {**made["config"], "mediaType": "application/x.chart"}}
    )
    gone = {"mediaType": INDEX, "digest": NOWHERE, "size": 7}  # an index that was not saved
    write_layout(tmp_path, blobs, [gone, chart, blobs.image(), untyped])
    assert opened(tmp_path, ARM).digest == arm["digest"]


@pytest.mark.parametrize("promised", [3, (9 << 20) - 1])
def test_a_config_of_another_size_than_promised_is_broken(tmp_path: Path, promised: int) -> None:
    blobs = Blobs()
    large = promised > 1000

    def short(manifest: Json) -> Json:
        return {**manifest, "config": {**manifest["config"], "size": promised}}

    author = "a" * (9 << 20) if large else ""
    image = blobs.image(config=lambda config: {**config, "author": author}, manifest=short)
    error = refused(f"oci-dir:{write_layout(tmp_path, blobs, [image])}")
    assert isinstance(error, BrokenImage)
    expected = f"the config is not the {promised} bytes" if large else f"not the promised size of {promised} bytes"
    assert expected in str(error)


def test_folders_that_are_not_there_or_hold_no_image_are_refused(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    assert str(refused(f"oci-dir:{gone}")) == f"there is no folder {gone}"
    assert "it has no index.json" in str(refused(f"oci-dir:{tmp_path}"))
    assert str(refused(f"skopeo-dir:{gone}")) == f"{gone} has no manifest.json"
    (tmp_path / "manifest.json").write_bytes(b" " * (MANIFEST_LIMIT + 1))
    assert f"manifest.json has more than {MANIFEST_LIMIT} bytes" in str(refused(f"skopeo-dir:{tmp_path}"))
    (tmp_path / "manifest.json").write_bytes(
        to_json({"config": {"digest": f"sha256:../{'a' * 61}", "size": 2}, "layers": []})
    )
    assert "which is not sha256 or sha512" in str(refused(f"skopeo-dir:{tmp_path}"))


# Layouts as repositories


def test_a_layout_says_what_it_lacks(tmp_path: Path) -> None:
    layout = LayoutFolder(tmp_path)
    digest = sha256(b"x" * (MANIFEST_LIMIT + 1))
    cases: tuple[tuple[Any, str], ...] = (
        (lambda: layout.manifest(NOWHERE), f"{tmp_path} has no {NOWHERE}"),
        (lambda: layout.manifest("latest"), f"{tmp_path} has no latest"),
        (lambda: layout.blob(Descriptor(NOWHERE, 7)), f"{tmp_path} lacks {NOWHERE}"),
        (lambda: layout.blob(Descriptor("sha256:../../etc/passwd", 7)), "'sha256:../../etc/passwd' is not a digest"),
        (lambda: layout.manifest(digest), f"a manifest has more than {MANIFEST_LIMIT} bytes"),
    )
    layout.put_manifest(digest, b"x" * (MANIFEST_LIMIT + 1), MANIFEST)
    for ask, message in cases:
        with pytest.raises(HullmarkError) as caught:
            ask()
        assert str(caught.value) == message
        assert caught.value.advice


def test_a_layout_where_nothing_can_be_written_says_where(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(HullmarkError, match=r"cannot write .*/file/blobs") as caught:
        LayoutFolder(tmp_path / "file").put_manifest(sha256(b"{}"), b"{}", MANIFEST)
    assert (str(caught.value).endswith(": Not a directory"), caught.value.advice) == (True, "check rights and space")


def test_an_archive_of_a_layout_is_a_repository_and_another_archive_is_not(tmp_path: Path) -> None:
    blobs = Blobs()
    image = blobs.image()
    path = tmp_path / "image.tar"
    path.write_bytes(tar_of(layout_files(blobs, [tagged(image, "1")])))
    repository = open_layout_archive(str(path))
    assert (repository.name, repository.versions()) == (str(path), ("1",))
    assert repository.manifest("1") == repository.manifest(image["digest"]) == blobs.held[image["digest"]]
    path.write_bytes(tar_of({"readme": b"hello"}))
    with pytest.raises(HullmarkError, match="it is not an OCI archive"):
        open_layout_archive(str(path))


def test_what_a_layout_lists_about_an_image_and_cannot_read_is_said(tmp_path: Path) -> None:
    blobs = Blobs()
    image, other = blobs.image(), blobs.image(layers=LAYERS[:1])
    note = blobs.put(to_json({"subject": image, "artifactType": "application/x.note"}), MANIFEST)
    odd = {"mediaType": "application/x.odd", "digest": NOWHERE, "size": 1}
    # Of an image for many platforms only one was saved: what is not there is no artifact about it.
    entries = [image, other, note, odd, {"mediaType": MANIFEST, "digest": NOWHERE, "size": 7}]
    layout = LayoutFolder(write_layout(tmp_path, blobs, entries))
    listed = layout.referrers(image["digest"])
    assert ([each.digest for each in listed.referrers], listed.unseen) == ([note["digest"]], "")
    assert (listed.referrers[0].artifact_type, listed.referrers[0].size) == ("application/x.note", note["size"])

    (tmp_path / "blobs" / note["digest"].replace(":", "/")).write_bytes(b"{}")
    listed = layout.referrers(image["digest"])
    assert listed.referrers == ()
    assert listed.unseen == (
        f"{note['digest'][:19]} cannot be read: the manifest in {tmp_path} does not have the digest {note['digest']}"
    )
    write_layout(tmp_path, Blobs(), [{**entries[-1], "artifactType": "application/x.note"}])
    assert layout.referrers(image["digest"]).unseen == f"{NOWHERE[:19]} cannot be read: {tmp_path} has no {NOWHERE}"
