"""Archives by `docker save`, old and new, and skopeo's folders."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from msgspec.structs import replace

from hullmark.model.errors import BrokenImage, HullmarkError
from hullmark.model.image import Platform
from hullmark.source import SourceOptions, open_image
from hullmark.source.manifest import MANIFEST_LIMIT
from tests.support.images import (
    LAYERS,
    Blobs,
    config_of,
    docker_files,
    layout_files,
    sha256,
    stored,
    tagged,
    tar_of,
    to_json,
    write_docker_archive,
)

OPTIONS = SourceOptions()


def refused(reference: str) -> HullmarkError:
    with pytest.raises(HullmarkError) as caught:
        open_image(reference, OPTIONS)
    assert "\n" not in str(caught.value)
    assert caught.value.advice
    return caught.value


def test_layers_are_ranges_of_the_archive_and_have_diff_ids_only(tmp_path: Path) -> None:
    path = write_docker_archive(tmp_path / "shop.tar", [docker_files()])
    image = open_image(f"docker-archive:{path}", OPTIONS)
    assert (image.kind, image.digest, image.tags) == ("docker-archive", "", ("shop:1",))
    assert image.config_digest == sha256(to_json(config_of(LAYERS)))
    assert image.platform == Platform("linux", "amd64")
    assert [layer.digest for layer in image.layers] == ["", ""]
    assert [layer.diff_id for layer in image.layers] == [sha256(layer) for layer in LAYERS]
    assert [stored(layer) for layer in image.layers] == list(LAYERS)
    assert sorted(path.parent.iterdir()) == [path]


def test_a_layer_can_be_opened_twice_and_read_in_turns(tmp_path: Path) -> None:
    path = write_docker_archive(tmp_path / "shop.tar", [docker_files()])
    layer = open_image(str(path), OPTIONS).layers[0]
    one, two = layer.open(), layer.open()
    buffers = [memoryview(bytearray(100)) for _ in range(2)]
    assert one.readinto(buffers[0]) == two.readinto(buffers[1]) == 100
    assert bytes(buffers[0]) == bytes(buffers[1]) == LAYERS[0][:100]
    one.close()
    two.close()


@pytest.mark.parametrize("tag", ["example.org/team/bar:2", "team/bar:2", "bar:2", "2"])
def test_a_tag_or_its_end_chooses_between_images(tmp_path: Path, tag: str) -> None:
    images = [docker_files(("foo:1",)), docker_files(("example.org/team/bar:2",), LAYERS[:1])]
    path = write_docker_archive(tmp_path / "two.tar", images)
    assert len(open_image(f"docker-archive:{path}:{tag}", OPTIONS).layers) == 1


def test_several_images_without_a_tag_are_refused_with_their_tags(tmp_path: Path) -> None:
    images = [docker_files(("foo:1", "foo:latest")), docker_files(("bar:2",), LAYERS[:1])]
    path = write_docker_archive(tmp_path / "two.tar", images)
    assert ":bar:2 :foo:1 :foo:latest" in refused(f"docker-archive:{path}").advice
    assert ":bar:2" in refused(f"docker-archive:{path}:baz").advice
    assert len(open_image(f"docker-archive:{path}:foo", OPTIONS).layers) == 2


def test_layers_that_are_links_to_each_other_are_followed_inside(tmp_path: Path) -> None:
    config = to_json(config_of([LAYERS[0], LAYERS[0]]))
    manifest = to_json([{"Config": "c.json", "Layers": ["a/layer.tar", "b/layer.tar"]}])
    files = {"c.json": config, "a/layer.tar": LAYERS[0], "manifest.json": manifest}
    path = tmp_path / "links.tar"
    path.write_bytes(tar_of(files, links={"b/layer.tar": "../a/layer.tar"}))
    assert [stored(layer) for layer in open_image(str(path), OPTIONS).layers] == [LAYERS[0]] * 2


@pytest.mark.parametrize(
    "links",
    [
        {"b": "/etc/shadow"},
        {"b": "../../../etc/hostname"},
        {"b": "b"},
        {"b": "c", "c": "b"},
        {"b": "nowhere"},
        {"b": ""},
    ],
)
def test_links_that_leave_or_never_end_are_broken(tmp_path: Path, links: dict[str, str]) -> None:
    manifest = to_json([{"Config": "c.json", "Layers": ["b"]}])
    path = tmp_path / "links.tar"
    path.write_bytes(tar_of({"c.json": to_json(config_of(LAYERS[:1])), "manifest.json": manifest}, links=links))
    assert isinstance(refused(f"docker-archive:{path}"), BrokenImage)


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../../../etc/passwd", "a/../../etc/passwd", "", ".", "gone", "c.json/x"]
)
def test_names_that_leave_the_archive_or_are_not_in_it_are_broken(tmp_path: Path, name: str) -> None:
    files = {"c.json": to_json(config_of(LAYERS[:1])), "l.tar": LAYERS[0]}
    for place, entry in enumerate(({"Config": name, "Layers": ["l.tar"]}, {"Config": "c.json", "Layers": [name]})):
        path = tmp_path / f"{place}.tar"
        path.write_bytes(tar_of({**files, "manifest.json": to_json([entry])}))
        assert isinstance(refused(f"docker-archive:{path}"), BrokenImage)


def todays_save(tags: tuple[str, ...] = ("example.org/shop:1",)) -> dict[str, bytes]:
    """What Docker 25 and later write: a layout and manifest.json over the same blobs."""
    blobs = Blobs()
    layers = [blobs.put(layer, "application/vnd.oci.image.layer.v1.tar") for layer in LAYERS]
    descriptor = blobs.image(manifest=lambda manifest: {**manifest, "layers": layers})
    config = sha256(to_json(config_of(LAYERS)))
    entry = {
        "Config": f"blobs/{config.replace(':', '/')}",
        "RepoTags": list(tags),
        "Layers": [f"blobs/{layer['digest'].replace(':', '/')}" for layer in layers],
    }
    annotated = {**tagged(descriptor, "1"), "annotations": {"io.containerd.image.name": tags[0]}}
    return {**layout_files(blobs, [annotated]), "manifest.json": to_json([entry])}


def test_todays_archives_have_digests_either_way(tmp_path: Path) -> None:
    path = tmp_path / "save.tar"
    path.write_bytes(tar_of(todays_save()))
    bare, named = open_image(str(path), OPTIONS), open_image(f"docker-archive:{path}", OPTIONS)
    assert (bare.kind, named.kind) == ("oci-archive", "docker-archive")
    assert bare.digest
    assert bare.tags == named.tags == ("example.org/shop:1",)
    for image in (bare, named):
        assert [layer.digest for layer in image.layers] == [sha256(layer) for layer in LAYERS]
        assert [stored(layer) for layer in image.layers] == list(LAYERS)


def test_a_layout_whose_images_are_not_there_gives_way_to_manifest_json(tmp_path: Path) -> None:
    files = todays_save()
    files["index.json"] = to_json({"schemaVersion": 2, "manifests": [{"digest": sha256(b"?"), "size": 1}]})
    path = tmp_path / "save.tar"
    path.write_bytes(tar_of(files))
    assert open_image(str(path), OPTIONS).kind == "docker-archive"


@pytest.mark.parametrize("classic", [True, False])
def test_a_config_that_is_not_what_its_name_promises_is_broken(tmp_path: Path, classic: bool) -> None:
    if classic:
        files, entry = docker_files()
        files["manifest.json"] = to_json([entry])
    else:
        files = todays_save()
        entry = {"Config": f"blobs/{sha256(to_json(config_of(LAYERS))).replace(':', '/')}"}
    files[entry["Config"]] = files[entry["Config"]].replace(b"2025", b"2026")
    path = tmp_path / "save.tar"
    path.write_bytes(tar_of(files))
    assert isinstance(refused(f"docker-archive:{path}"), BrokenImage)


def test_another_platform_than_the_one_asked_for_is_refused(tmp_path: Path) -> None:
    path = write_docker_archive(tmp_path / "a.tar", [docker_files(platform="linux/arm64/v8")])
    assert open_image(str(path), replace(OPTIONS, platform=Platform("linux", "arm64"))).layers
    with pytest.raises(HullmarkError, match="linux/arm64/v8, not for linux/amd64"):
        open_image(str(path), replace(OPTIONS, platform=Platform("linux", "amd64")))


def test_a_compressed_archive_is_refused_with_the_command_that_helps(tmp_path: Path) -> None:
    path = write_docker_archive(tmp_path / "a.tar", [docker_files()])
    packed = tmp_path / "a.tar.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    for reference in (str(packed), f"docker-archive:{packed}", f"oci-archive:{packed}"):
        error = refused(reference)
        assert "gzip" in str(error)
        assert "gunzip" in error.advice


@pytest.mark.parametrize("name", ["a_1_amd64.deb", "a-1.x86_64.RPM", "app.jar", "a-1-py3-none-any.whl"])
def test_a_package_is_no_image_and_its_folder_may_be_read(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"PK\3\4" + bytes(600))
    error = refused(str(tmp_path / name))
    assert str(error).endswith(f"{name} is a package, not an image")
    assert error.advice == f"name the folder that it lies in: hullmark scan dir:{tmp_path}"


def test_an_archive_may_have_any_name(tmp_path: Path) -> None:
    path = write_docker_archive(tmp_path / "a.jar", [docker_files()])
    assert open_image(str(path), OPTIONS).layers


def test_every_cut_of_an_archive_is_refused_or_whole(tmp_path: Path) -> None:
    whole = write_docker_archive(tmp_path / "a.tar", [docker_files()]).read_bytes()
    expected = open_image(str(tmp_path / "a.tar"), OPTIONS).config_digest
    path = tmp_path / "cut.tar"
    for length in range(0, len(whole), 300):
        path.write_bytes(whole[:length])
        try:
            image = open_image(f"docker-archive:{path}", OPTIONS)
        except HullmarkError:
            continue
        assert length >= len(whole.rstrip(b"\0"))
        assert image.config_digest == expected
        assert [stored(layer) for layer in image.layers] == list(LAYERS)


@pytest.mark.parametrize("manifest", [b"", b"{}", b"[]", b"[{}]", b'[{"Config": 1}]', b"[" * 100_000, b'"x"', b"null"])
def test_a_manifest_json_that_is_none_is_broken(tmp_path: Path, manifest: bytes) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(tar_of({"manifest.json": manifest}))
    assert isinstance(refused(f"docker-archive:{path}"), BrokenImage)


def test_an_archive_without_manifest_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(tar_of({"readme": b"hello"}))
    assert "manifest.json" in str(refused(str(path)))
    assert "index.json" in str(refused(f"oci-archive:{path}"))


def test_a_huge_config_is_left_out_and_reported(tmp_path: Path) -> None:
    config = to_json(config_of(LAYERS, author="a" * (9 << 20)))
    files, entry = docker_files()
    path = write_docker_archive(tmp_path / "a.tar", [({**files, "c.json": config}, {**entry, "Config": "c.json"})])
    image = open_image(str(path), OPTIONS)
    assert image.config is None
    assert [layer.diff_id for layer in image.layers] == ["", ""]
    assert "9" in image.problems[0].reason


def test_skopeos_folder_is_an_image_with_a_digest(tmp_path: Path) -> None:
    blobs = Blobs()
    descriptor = blobs.image()
    for digest, body in blobs.held.items():
        name = "manifest.json" if digest == descriptor["digest"] else digest.partition(":")[2]
        (tmp_path / name).write_bytes(body)
    (tmp_path / "version").write_text("Directory Transport Version: 1.1\n")
    image = open_image(str(tmp_path), OPTIONS)
    assert (image.kind, image.digest) == ("skopeo-dir", descriptor["digest"])
    assert [layer.diff_id for layer in image.layers] == [sha256(layer) for layer in LAYERS]
    assert open_image(f"skopeo-dir:{tmp_path}", OPTIONS).digest == image.digest


def test_more_layers_and_a_longer_list_than_any_image_has_are_refused(tmp_path: Path) -> None:
    files, entry = docker_files()
    path = write_docker_archive(tmp_path / "many.tar", [(files, {**entry, "Layers": entry["Layers"] * 5001})])
    assert str(refused(str(path))) == "the archive names 10002 layers"
    path.write_bytes(tar_of({"manifest.json": b" " * (MANIFEST_LIMIT + 1)}))
    assert str(refused(str(path))) == f"manifest.json has more than {MANIFEST_LIMIT} bytes"


def test_a_huge_config_is_held_to_the_digest_that_its_name_promises(tmp_path: Path) -> None:
    config = to_json(config_of(LAYERS, author="a" * (9 << 20)))
    files, entry = docker_files()
    name = f"{sha256(config)[7:]}.json"
    path = write_docker_archive(tmp_path / "a.tar", [({**files, name: config}, {**entry, "Config": name})])
    image = open_image(str(path), OPTIONS)
    assert (image.config, image.config_digest) == (None, sha256(config))
    assert f"the config has {len(config)} bytes" in image.problems[0].reason
    write_docker_archive(path, [({**files, name: config[:-1] + b" "}, {**entry, "Config": name})])
    assert str(refused(str(path))) == f"the config is not the {len(config)} bytes it should be"
