"""OCI layouts: what is chosen, what is verified, what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from hullmark.model.errors import BrokenImage, HullmarkError
from hullmark.model.image import Image, Platform
from hullmark.source import SourceOptions, open_image
from tests.support.images import (
    CONFIG,
    INDEX,
    LAYER,
    LAYERS,
    MANIFEST,
    Blobs,
    gz,
    layout_files,
    sha256,
    small_layout,
    stored,
    tagged,
    tar_of,
    to_json,
    with_platform,
    write_layout,
)

OPTIONS = SourceOptions()
ARM = Platform("linux", "arm", "v7")


def opened(folder: Path, options: SourceOptions = OPTIONS, rest: str = "") -> Image:
    return open_image(f"oci-dir:{folder}{rest}", options)


def refused(folder: Path, options: SourceOptions = OPTIONS, rest: str = "") -> HullmarkError:
    with pytest.raises(HullmarkError) as caught:
        opened(folder, options, rest)
    assert "\n" not in str(caught.value)
    assert caught.value.advice
    return caught.value


def bent(tmp_path: Path, *, manifest: Any = None, config: Any = None) -> Path:
    blobs = Blobs()
    return write_layout(tmp_path, blobs, [tagged(blobs.image(manifest=manifest, config=config), "latest")])


def test_an_image_has_its_identity_settings_and_stored_layers(tmp_path: Path) -> None:
    blobs = Blobs()
    descriptor = blobs.image()
    image = opened(write_layout(tmp_path, blobs, [tagged(descriptor, "1.0")]))
    assert image.kind == "oci-dir"
    assert image.reference == f"oci-dir:{tmp_path}"
    assert image.digest == descriptor["digest"]
    assert image.tags == ("1.0",)
    assert image.platform == Platform("linux", "amd64")
    assert image.config is not None
    assert image.config.cmd == ("/bin/sh",)
    assert [step.created_by for step in image.config.history] == ["step 0", "step 1"]
    assert [layer.diff_id for layer in image.layers] == [sha256(layer) for layer in LAYERS]
    assert [stored(layer) for layer in image.layers] == [gz(layer) for layer in LAYERS]
    assert [layer.digest for layer in image.layers] == [sha256(gz(layer)) for layer in LAYERS]
    assert [layer.size for layer in image.layers] == [len(gz(layer)) for layer in LAYERS]
    assert image.problems == ()


def test_an_archive_of_a_layout_is_the_same_image_read_in_place(tmp_path: Path) -> None:
    blobs = Blobs()
    entries = [tagged(blobs.image(), "latest")]
    folder = write_layout(tmp_path / "folder", blobs, entries)
    archive = tmp_path / "image.tar"
    archive.write_bytes(tar_of(layout_files(blobs, entries)))
    image, same = opened(folder), open_image(f"oci-archive:{archive}", OPTIONS)
    assert (same.kind, same.digest, same.config) == ("oci-archive", image.digest, image.config)
    assert [stored(layer) for layer in same.layers] == [stored(layer) for layer in image.layers]


def test_an_image_without_layers_is_an_image(tmp_path: Path) -> None:
    blobs = Blobs()
    image = opened(write_layout(tmp_path, blobs, [blobs.image(layers=())]))
    assert image.layers == ()
    assert image.problems == ()


def test_a_tag_or_digest_chooses_between_several_images(tmp_path: Path) -> None:
    blobs = Blobs()
    one, two = blobs.image(), blobs.image(layers=LAYERS[:1])
    write_layout(tmp_path, blobs, [tagged(one, "one"), tagged(two, "example.org/two:2")])
    assert opened(tmp_path, rest=":one").digest == one["digest"]
    assert opened(tmp_path, rest=":example.org/two:2").digest == two["digest"]
    assert opened(tmp_path, rest=":2").digest == two["digest"]
    assert opened(tmp_path, rest=f"@{two['digest']}").digest == two["digest"]
    assert ":example.org/two:2 :one" in refused(tmp_path).advice
    assert ":one" in refused(tmp_path, rest=":three").advice


def test_two_tags_of_one_image_leave_nothing_to_choose(tmp_path: Path) -> None:
    blobs = Blobs()
    one = blobs.image()
    image = opened(write_layout(tmp_path, blobs, [tagged(one, "1"), tagged(one, "latest")]))
    assert image.tags == ("1", "latest")


def many_platforms(tmp_path: Path, *, depth: int = 1) -> dict[str, str]:
    blobs = Blobs()
    names = ("linux/amd64", "linux/arm64/v8", "linux/arm/v6", "linux/arm/v7")
    made = {name: blobs.image(platform=name) for name in names}
    entry = blobs.index([with_platform(descriptor, name) for name, descriptor in made.items()])
    for _ in range(depth - 1):
        entry = blobs.index([entry])
    write_layout(tmp_path, blobs, [tagged(entry, "latest")])
    return {name: descriptor["digest"] for name, descriptor in made.items()}


@pytest.mark.parametrize(
    ("wanted", "got"),
    [
        ("linux/amd64", "linux/amd64"),
        ("linux/amd64/v3", "linux/amd64"),
        ("linux/arm64", "linux/arm64/v8"),
        ("linux/arm64/v8", "linux/arm64/v8"),
        ("linux/arm", "linux/arm/v7"),
        ("linux/arm/v6", "linux/arm/v6"),
        ("linux/arm/v8", "linux/arm/v7"),
    ],
)
def test_the_platform_chooses_and_a_processor_runs_lower_variants(tmp_path: Path, wanted: str, got: str) -> None:
    digests = many_platforms(tmp_path)
    image = opened(tmp_path, replace(OPTIONS, platform=Platform(*wanted.split("/"))))
    assert image.digest == digests[got]


def test_without_a_platform_the_machine_chooses(tmp_path: Path) -> None:
    digests = many_platforms(tmp_path)
    assert opened(tmp_path).digest == digests["linux/amd64"]
    assert opened(tmp_path, replace(OPTIONS, machine=ARM)).digest == digests["linux/arm/v7"]


@pytest.mark.parametrize("wanted", ["linux/s390x", "linux/arm/v5", "windows/amd64"])
def test_a_platform_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path, wanted: str) -> None:
    many_platforms(tmp_path)
    error = refused(tmp_path, replace(OPTIONS, platform=Platform(*wanted.split("/"))))
    assert wanted in str(error)
    assert "linux/amd64, linux/arm/v6, linux/arm/v7, linux/arm64/v8" in error.advice


def test_an_only_image_is_taken_whatever_the_machine_but_not_against_a_platform_that_is_asked_for(
    tmp_path: Path,
) -> None:
    blobs = Blobs()
    write_layout(tmp_path, blobs, [blobs.image(platform="linux/s390x")])
    assert opened(tmp_path).platform == Platform("linux", "s390x")
    assert "linux/s390x" in str(refused(tmp_path, replace(OPTIONS, platform=Platform("linux", "arm64"))))


def test_indexes_may_be_nested_but_not_deeply(tmp_path: Path) -> None:
    digests = many_platforms(tmp_path / "fine", depth=3)
    assert opened(tmp_path / "fine").digest == digests["linux/amd64"]
    many_platforms(tmp_path / "deep", depth=4)
    assert isinstance(refused(tmp_path / "deep"), BrokenImage)


def test_attestations_beside_an_image_are_not_images(tmp_path: Path) -> None:
    blobs = Blobs()
    image = with_platform(blobs.image(platform="linux/riscv64"), "linux/riscv64")
    attestation = with_platform(blobs.image(layers=()), "unknown/unknown")
    write_layout(tmp_path, blobs, [tagged(blobs.index([attestation, image]), "latest")])
    assert opened(tmp_path).digest == image["digest"]


def test_platforms_that_the_index_leaves_out_are_read_from_the_configs(tmp_path: Path) -> None:
    blobs = Blobs()
    arm = blobs.image(platform="linux/arm64")
    write_layout(tmp_path, blobs, [blobs.image(), arm])
    assert opened(tmp_path, replace(OPTIONS, platform=Platform("linux", "arm64"))).digest == arm["digest"]


def test_images_that_nothing_tells_apart_are_refused(tmp_path: Path) -> None:
    blobs = Blobs()
    one, two = blobs.image(), blobs.image(layers=LAYERS[:1])
    write_layout(tmp_path, blobs, [one, two])
    error = refused(tmp_path)
    assert one["digest"] in error.advice
    assert two["digest"] in error.advice


def test_manifests_that_were_not_saved_are_not_chosen(tmp_path: Path) -> None:
    blobs = Blobs()
    here = with_platform(blobs.image(platform="linux/s390x"), "linux/s390x")
    gone = with_platform({"mediaType": MANIFEST, "digest": sha256(b"gone"), "size": 4}, "linux/amd64")
    write_layout(tmp_path, blobs, [tagged(blobs.index([gone, here]), "latest")])
    assert opened(tmp_path).digest == here["digest"]


def test_docker_schema_2_is_an_image_too(tmp_path: Path) -> None:
    docker = "application/vnd.docker."

    def schema_2(manifest: Any) -> Any:
        for layer in manifest["layers"]:
            layer["mediaType"] = docker + "image.rootfs.diff.tar.gzip"
        config = {**manifest["config"], "mediaType": docker + "container.image.v1+json"}
        return {**manifest, "mediaType": docker + "distribution.manifest.v2+json", "config": config}

    image = opened(bent(tmp_path, manifest=schema_2))
    assert image.media_type == docker + "distribution.manifest.v2+json"
    assert len(image.layers) == 2


def test_null_where_a_list_may_be_is_empty(tmp_path: Path) -> None:
    null = dict.fromkeys(("Env", "Cmd", "Entrypoint", "Labels", "Volumes", "ExposedPorts", "Healthcheck", "User"))
    image = opened(bent(tmp_path, config=lambda config: {**config, "config": null, "history": None, "author": None}))
    assert image.config is not None
    assert image.config.env == image.config.cmd == ()
    assert image.config.history == ()


def test_all_settings_of_a_config_are_read(tmp_path: Path) -> None:
    settings = {
        "User": "web",
        "ExposedPorts": {"80/tcp": {}, "443": {}},
        "Entrypoint": ["/init"],
        "Volumes": {"/data": {}},
        "WorkingDir": "/srv",
        "Labels": {"b": "2", "a": "1"},
        "StopSignal": "SIGQUIT",
        "Shell": ["/bin/bash", "-c"],
        "OnBuild": ["RUN x"],
        "Healthcheck": {"Test": ["CMD", "true"], "Interval": 5, "Timeout": 6, "Retries": 7},
    }
    image = opened(bent(tmp_path, config=lambda config: {**config, "config": settings, "variant": "v2", "author": "A"}))
    config = image.config
    assert config is not None
    assert (config.user, config.working_dir, config.stop_signal, config.author) == ("web", "/srv", "SIGQUIT", "A")
    assert config.exposed_ports == ("443", "80/tcp")
    assert config.volumes == ("/data",)
    assert list(config.labels.items()) == [("a", "1"), ("b", "2")]
    assert (config.entrypoint, config.shell, config.on_build) == (("/init",), ("/bin/bash", "-c"), ("RUN x",))
    assert config.healthcheck is not None
    assert (config.healthcheck.test, config.healthcheck.interval) == (("CMD", "true"), 5)
    assert str(image.platform) == "linux/amd64/v2"


def test_an_artifact_has_no_layers_and_says_what_it_is(tmp_path: Path) -> None:
    def chart(manifest: Any) -> Any:
        return {**manifest, "config": {**manifest["config"], "mediaType": "application/vnd.cncf.helm.config.v1+json"}}

    image = opened(bent(tmp_path, manifest=chart))
    assert (image.config, image.layers) == (None, ())
    assert "application/vnd.cncf.helm.config.v1+json" in image.problems[0].reason


def test_a_signature_with_an_images_config_is_an_artifact(tmp_path: Path) -> None:
    def signature(manifest: Any) -> Any:
        kind = "application/vnd.dev.cosign.simplesigning.v1+json"
        return {**manifest, "layers": [{**layer, "mediaType": kind} for layer in manifest["layers"]]}

    image = opened(bent(tmp_path, manifest=signature))
    assert image.layers == ()
    assert "simplesigning" in image.problems[0].reason


def test_an_image_with_a_layer_that_is_no_file_system_is_refused(tmp_path: Path) -> None:
    def mixed(manifest: Any) -> Any:
        manifest["layers"][1]["mediaType"] = "text/html"
        return manifest

    assert "text/html" in str(refused(bent(tmp_path, manifest=mixed)))


def test_encrypted_layers_are_refused_as_such(tmp_path: Path) -> None:
    def encrypted(manifest: Any) -> Any:
        return {**manifest, "layers": [{**layer, "mediaType": LAYER + "+encrypted"} for layer in manifest["layers"]]}

    assert "encrypted" in str(refused(bent(tmp_path, manifest=encrypted)))


def test_a_config_over_the_limit_is_left_out_and_reported_yet_verified(tmp_path: Path) -> None:
    def huge(config: Any) -> Any:
        return {**config, "author": "a" * (9 << 20)}

    image = opened(bent(tmp_path, config=huge))
    assert image.config is None
    assert [layer.diff_id for layer in image.layers] == ["", ""]
    assert "settings and history are unknown" in image.problems[0].reason
    blob = tmp_path / "blobs" / "sha256" / image.config_digest[7:]
    blob.write_bytes(blob.read_bytes().replace(b"aaa", b"bbb", 1))
    assert isinstance(refused(tmp_path), BrokenImage)


BREAKS: dict[str, Any] = {
    "layer counts differ": {"manifest": lambda m: {**m, "layers": m["layers"][:1]}},
    "a missing layer": {
        "manifest": lambda m: {**m, "layers": [*m["layers"], {**m["layers"][0], "digest": sha256(b"x")}]}
    },
    "a layer of another size": {
        "manifest": lambda m: {**m, "layers": [{**la, "size": la["size"] + 1} for la in m["layers"]]}
    },
    "a negative size": {"manifest": lambda m: {**m, "layers": [{**la, "size": -1} for la in m["layers"]]}},
    "an endless size": {"manifest": lambda m: {**m, "layers": [{**la, "size": 1 << 80} for la in m["layers"]]}},
    "an md5 digest": {
        "manifest": lambda m: {**m, "layers": [{**la, "digest": "md5:" + "0" * 32} for la in m["layers"]]}
    },
    "a digest with a path": {
        "manifest": lambda m: {**m, "config": {**m["config"], "digest": "sha256:../../../etc/passwd"}}
    },
    "an upper-case digest": {
        "manifest": lambda m: {**m, "config": {**m["config"], "digest": m["config"]["digest"].upper()}}
    },
    "an index and manifest at once": {"manifest": lambda m: {**m, "manifests": []}},
    "a manifest that calls itself an index": {"manifest": lambda m: {**m, "mediaType": INDEX}},
    "no config": {"manifest": lambda m: {k: v for k, v in m.items() if k != "config"}},
    "layers that are no list": {"manifest": lambda m: {**m, "layers": {}}},
    "cut JSON": {"manifest": lambda m: json.dumps(m).encode()[:-9]},
    "no JSON": {"manifest": lambda m: b"\xff\xfe<html>"},
    "nothing": {"manifest": lambda m: b""},
    "deep JSON": {"config": lambda c: b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}"},
    "a config that is a list": {"config": lambda c: []},
    "a diff id that is none": {"config": lambda c: {**c, "rootfs": {"diff_ids": ["sha256:0", "sha256:1"]}}},
    "an image of 20,000 layers": {"manifest": lambda m: {**m, "layers": m["layers"] * 10_000}},
    "a manifest of 5 MB": {"manifest": lambda m: {**m, "annotations": {"a": "a" * (5 << 20)}}},
}


@pytest.mark.parametrize("case", BREAKS)
def test_an_image_that_contradicts_itself_is_broken(tmp_path: Path, case: str) -> None:
    assert isinstance(refused(bent(tmp_path, **BREAKS[case])), BrokenImage)


@pytest.mark.parametrize("what", ["manifest", "config"])
def test_a_changed_manifest_or_config_is_broken(tmp_path: Path, what: str) -> None:
    blobs = Blobs()
    descriptor = blobs.image()
    digest = (
        descriptor["digest"] if what == "manifest" else json.loads(blobs.held[descriptor["digest"]])["config"]["digest"]
    )
    blobs.held[digest] = blobs.held[digest].replace(b"2025", b"2026").replace(b"gzip", b"zstd")
    assert isinstance(refused(write_layout(tmp_path, blobs, [descriptor])), BrokenImage)


def test_a_foreign_layer_is_never_fetched(tmp_path: Path) -> None:
    def foreign(manifest: Any) -> Any:
        layer = {
            "mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
            "digest": sha256(b"elsewhere"),
            "size": 9,
            "urls": ["http://169.254.169.254/", "file:///etc/passwd"],
        }
        return {**manifest, "layers": [layer, *manifest["layers"][1:]]}

    error = refused(bent(tmp_path, manifest=foreign))
    assert isinstance(error, BrokenImage)
    assert "foreign layer" in str(error)
    assert "never asked" in error.advice


def test_the_old_schema_1_is_refused_with_advice(tmp_path: Path) -> None:
    error = refused(bent(tmp_path, manifest=lambda m: {"schemaVersion": 1, "fsLayers": [], "history": []}))
    assert "schema 1" in str(error)
    assert "push the image again" in error.advice


def test_sha512_digests_are_believed_too(tmp_path: Path) -> None:
    import hashlib

    blobs = Blobs()
    descriptor = blobs.image()
    body = blobs.held.pop(descriptor["digest"])
    digest = "sha512:" + hashlib.sha512(body).hexdigest()
    blobs.held[digest] = body
    assert opened(write_layout(tmp_path, blobs, [{**descriptor, "digest": digest}])).digest == digest


@pytest.mark.parametrize(
    "index", [b"", b"[]", b'{"manifests": []}', b'{"manifests": null}', b'{"layers": []}', b"\0" * 99]
)
def test_an_index_without_an_image_is_refused(tmp_path: Path, index: bytes) -> None:
    refused(write_layout(tmp_path, Blobs(), index))


def test_a_blob_that_is_a_device_pipe_or_folder_is_not_read(tmp_path: Path) -> None:
    import os

    folder = small_layout(tmp_path)
    for blob in (folder / "blobs" / "sha256").iterdir():
        blob.unlink()
        os.mkfifo(blob)
    refused(folder)


def test_the_stamp_of_a_layer_changes_with_the_file_and_is_empty_for_a_fresh_one(tmp_path: Path) -> None:
    folder = small_layout(tmp_path)
    now = (folder / "index.json").stat().st_ctime
    later = replace(OPTIONS, clock=lambda: now + 10)
    assert [layer.stamp for layer in opened(folder, replace(OPTIONS, clock=lambda: now + 0.5)).layers] == ["", ""]
    first, second = (layer.stamp for layer in opened(folder, later).layers)
    assert first != second
    assert first.startswith(f"{folder}/blobs/sha256/")
    blob = Path(first.split(":")[0])
    blob.write_bytes(blob.read_bytes())
    assert opened(folder, later).layers[0].stamp != first


def test_an_index_entry_of_a_type_that_is_not_said_is_read_to_find_out(tmp_path: Path) -> None:
    blobs = Blobs()
    index = blobs.index([with_platform(blobs.image(), "linux/amd64")])
    entry = {key: value for key, value in index.items() if key != "mediaType"}
    assert len(opened(write_layout(tmp_path, blobs, [entry])).layers) == 2


def test_the_config_type_may_be_missing(tmp_path: Path) -> None:
    def untyped(manifest: Any) -> Any:
        assert manifest["config"].pop("mediaType") == CONFIG
        return manifest

    assert len(opened(bent(tmp_path, manifest=untyped)).layers) == 2


def test_an_endless_fan_of_indexes_is_broken(tmp_path: Path) -> None:
    blobs = Blobs()
    image = blobs.image()
    fan = [blobs.put(to_json({"schemaVersion": 2, "manifests": [image], "x": n}), INDEX) for n in range(70)]
    assert isinstance(refused(write_layout(tmp_path, blobs, fan)), BrokenImage)
