"""What a person may write where an image is meant, and the settings by which registries are chosen, where they cannot be read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hullmark.model.errors import HullmarkError
from hullmark.model.reference import parse_reference
from hullmark.source import SourceOptions, classify, open_image
from hullmark.source.endpoints import endpoints
from hullmark.source.registries_conf import registry_files

APP = parse_reference("registry.test/team/app:1")


def hosts(environment: dict[str, str], files: tuple[str, ...] | None = None) -> list[str]:
    return [endpoint.host for endpoint in endpoints(APP, SourceOptions(environment=environment, registry_files=files))]


def test_a_registries_conf_that_is_missing_says_nothing_and_one_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert hosts({}, (str(tmp_path / "none"), str(tmp_path / "file" / "none"))) == ["registry.test"]
    with pytest.raises(HullmarkError) as caught:
        hosts({}, (str(tmp_path),))
    assert str(caught.value) == f"{tmp_path} cannot be read (Is a directory)"
    assert caught.value.advice == "check its permissions"


def test_drop_ins_are_read_by_their_names_and_a_file_in_place_of_their_folder_is_none(tmp_path: Path) -> None:
    own = tmp_path / "containers" / "registries.conf"
    folder = own.parent / "registries.conf.d"
    folder.mkdir(parents=True)
    for name, mirror in (("2.conf", "second.test"), ("1.conf", "first.test"), ("3.toml", "third.test")):
        (folder / name).write_text(
            f'[[registry]]\nlocation = "registry.test"\n[[registry.mirror]]\nlocation = "{mirror}"\n'
        )
    environment = {"XDG_CONFIG_HOME": str(tmp_path)}
    assert hosts(environment) == ["second.test", "registry.test"]
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    folder.write_text("")
    assert hosts(environment) == ["registry.test"]


def test_a_home_that_cannot_be_looked_into_is_an_error_of_one_line() -> None:
    # As where HOME is another user's: whether something is set there cannot be seen.
    home = f"/{'h' * 300}"
    with pytest.raises(HullmarkError) as caught:
        registry_files({"HOME": home})
    assert str(caught.value) == f"{home}/.config/containers/registries.conf.d cannot be read (File name too long)"
    with pytest.raises(HullmarkError, match=r"registries\.conf cannot be read \(File name too long\)"):
        hosts({}, (f"{home}/registries.conf",))


def test_a_mirror_without_a_place_for_the_image_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "registries.conf"
    path.write_text('[[registry]]\nprefix = "registry.test/team/app"\nlocation = "mirror.test"\n')
    with pytest.raises(HullmarkError, match=r"'mirror\.test' is not a place for images"):
        hosts({}, (str(path),))


def test_a_path_that_is_neither_a_file_nor_a_folder_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")  # opening it would wait for somebody who writes
    with pytest.raises(HullmarkError) as caught:
        classify(str(tmp_path / "pipe"))
    assert (str(caught.value), caught.value.advice) == (f"{tmp_path / 'pipe'} is not a file", "check the path")


def test_a_path_with_a_tag_is_an_image_only_where_an_image_lies_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shop").mkdir()
    monkeypatch.chdir(tmp_path)
    assert classify("shop") == ("dir", "shop")
    assert classify("shop:1") == ("image", "shop:1")
    assert classify(f"shop:{'x' * 128}") == ("image", f"shop:{'x' * 128}")
    with pytest.raises(HullmarkError, match="there is no file or folder"):
        classify(f"{tmp_path}/shop:1")
    with pytest.raises(HullmarkError, match="there is no file or folder"):
        classify(f"/{'x' * 5000}:1")  # longer than any path may be


def test_an_sbom_and_a_folder_are_not_images_that_could_be_opened(tmp_path: Path) -> None:
    sbom = tmp_path / "app.json"
    sbom.write_text(' {"bomFormat": "CycloneDX"}')
    assert classify(str(sbom)) == ("sbom", str(sbom))
    for reference, message in (
        (str(sbom), f"{sbom} is an SBOM, and this needs the image itself"),
        (str(tmp_path), "dir: is not a source of images"),
    ):
        with pytest.raises(HullmarkError) as caught:
            open_image(reference, SourceOptions())
        assert str(caught.value) == message
        assert caught.value.advice
