"""References, places with tags, and platforms: what a person may write."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hullmark.model.errors import HullmarkError
from hullmark.model.image import Platform
from hullmark.model.reference import Reference, parse_reference
from hullmark.source import IMAGE, SOURCES, SourceOptions, classify, open_image
from hullmark.source.places import split_place
from hullmark.source.platform import machine_platform, normalise_platform, parse_platform, suits
from tests.support.images import docker_files, small_layout, write_docker_archive

D = "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nginx", Reference("docker.io", "library/nginx")),
        ("nginx:1.27", Reference("docker.io", "library/nginx", "1.27")),
        ("team/app", Reference("docker.io", "team/app")),
        ("docker.io/nginx", Reference("docker.io", "library/nginx")),
        ("index.docker.io/team/app:x", Reference("docker.io", "team/app", "x")),
        ("localhost/app", Reference("localhost", "app")),
        ("localhost:5000/app:1", Reference("localhost:5000", "app", "1")),
        ("registry:5000/a/b/c", Reference("registry:5000", "a/b/c")),
        ("example.org/a__b/c-d.e_f", Reference("example.org", "a__b/c-d.e_f")),
        ("[::1]:5000/app", Reference("[::1]:5000", "app")),
        (f"nginx@{D}", Reference("docker.io", "library/nginx", "", D)),
        (f"example.org:443/app:1.0@{D}", Reference("example.org:443", "app", "1.0", D)),
        ("app:Tag_With.Upper-1", Reference("docker.io", "library/app", "Tag_With.Upper-1")),
        ("team/app:5000", Reference("docker.io", "team/app", "5000")),
    ],
)
def test_a_reference_is_completed_and_keeps_tag_and_digest(text: str, expected: Reference) -> None:
    assert parse_reference(text) == expected
    assert parse_reference(str(expected)) == replace(
        expected, tag=expected.tag or ("" if expected.digest else "latest")
    )


@pytest.mark.parametrize(
    "text",
    ["", "Nginx", "docker.io/Library/nginx", "a//b", "/a", "a/", "a:", ":a", "a@", "a@sha256:12", f"a@md5:{'0' * 32}", "a b",
     "a:b:c", "-a", "a-", "a..b", "a___b", "http://a/b", "a/../b", "é", "a\n", "a:" + "t" * 129, "a" * 2000, "$(id)", "_a",
     "ex_ample.org:x/a", "a@b@c", "example.org:999999/a", "user@example.org/a", "a?b=c", "a%2fb", "\0"],
)  # fmt: skip
def test_what_is_no_reference_is_refused_with_advice(text: str) -> None:
    with pytest.raises(HullmarkError) as caught:
        parse_reference(text)
    assert caught.value.advice


def test_upper_case_is_named_as_the_reason() -> None:
    with pytest.raises(HullmarkError, match="upper-case"):
        parse_reference("example.org/MyApp")


@given(st.text(max_size=80))
def test_any_text_is_a_reference_or_refused(text: str) -> None:
    try:
        reference = parse_reference(text)
    except HullmarkError:
        return
    assert parse_reference(str(reference)).repository == reference.repository
    assert all(31 < ord(c) < 127 for c in str(reference))


@given(st.from_regex(r"\A[a-z0-9]{1,5}([._-][a-z0-9]{1,4}){0,2}(/[a-z0-9]{1,4}){0,3}(:[a-zA-Z0-9_]{1,8})?\Z"))
def test_a_full_name_stands_for_itself(text: str) -> None:
    full = parse_reference(text)
    assert parse_reference(str(full)) == replace(full, tag=full.tag or "latest")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("linux/amd64", Platform("linux", "amd64")),
        ("Linux/X86_64", Platform("linux", "amd64")),
        ("linux/arm64/v8", Platform("linux", "arm64")),
        ("linux/arm64/8", Platform("linux", "arm64")),
        ("linux/armv7l", Platform("linux", "arm", "v7")),
        ("linux/arm/v6", Platform("linux", "arm", "v6")),
        ("arm64", Platform("linux", "arm64")),
        ("windows/amd64", Platform("windows", "amd64")),
    ],
)
def test_platforms_are_read_and_made_usual(text: str, expected: Platform) -> None:
    assert parse_platform(text) == expected


@pytest.mark.parametrize("text", ["", "/", "linux/", "a/b/c/d", "linux/amd 64", "linux/../x", "\n"])
def test_what_is_no_platform_is_refused(text: str) -> None:
    with pytest.raises(HullmarkError, match="not a platform"):
        parse_platform(text)


@pytest.mark.parametrize(
    ("machine", "expected"),
    [("x86_64", "linux/amd64"), ("aarch64", "linux/arm64"), ("armv7l", "linux/arm/v7"), ("i686", "linux/386")],
)
def test_the_machine_is_a_platform(machine: str, expected: str) -> None:
    assert str(machine_platform(machine)) == expected


@given(st.builds(Platform, st.sampled_from(("linux", "windows")), st.sampled_from(("arm", "arm64", "amd64", "386")),
                 st.sampled_from(("", "v5", "v6", "v7", "v8", "v9", "x"))))  # fmt: skip
def test_a_platform_suits_itself_best(platform: Platform) -> None:
    assert suits(platform, platform) == 1000
    assert normalise_platform(normalise_platform(platform)) == normalise_platform(platform)


def test_the_longest_path_that_exists_is_the_path(tmp_path: Path) -> None:
    odd = tmp_path / "a:b"
    odd.write_bytes(b"")
    assert split_place(str(odd)) == (str(odd), "")
    assert split_place(f"{odd}:tag") == (str(odd), "tag")
    assert split_place(f"{odd}:repo/x:tag") == (str(odd), "repo/x:tag")
    assert split_place(f"{odd}@{D}") == (str(odd), D)
    assert split_place(f"{tmp_path}/none:tag") == (f"{tmp_path}/none:tag", "")
    assert split_place("a\0:b") == ("a\0:b", "")


def test_bare_paths_are_recognised_by_what_is_there(tmp_path: Path) -> None:
    layout = small_layout(tmp_path / "layout")
    archive = write_docker_archive(tmp_path / "shop.tar", [docker_files()])
    plain = tmp_path / "plain"
    plain.mkdir()
    sbom = tmp_path / "bom.json"
    sbom.write_text("\n {}")
    skopeo = tmp_path / "skopeo"
    skopeo.mkdir()
    (skopeo / "manifest.json").write_text("{}")
    (skopeo / "version").write_text("")
    kinds = [classify(str(path))[0] for path in (layout, archive, plain, sbom, skopeo)]
    assert kinds == ["oci-dir", "docker-archive", "dir", "sbom", "skopeo-dir"]
    assert classify(f"{layout}:latest") == ("oci-dir", f"{layout}:latest")


def test_a_scheme_that_is_written_is_believed() -> None:
    for scheme in (*(source.scheme for source in SOURCES), "dir", "sbom"):
        assert classify(f"{scheme}:x") == (scheme, "x")


def test_what_is_no_path_is_an_image_reference() -> None:
    for text in ("nginx", "localhost:5000/a", "example.org/a/b:1", f"a@{D}"):
        assert classify(text) == (IMAGE, text)


@pytest.mark.parametrize("text", ["./none", "/none/at/all", "../none", "~/none", "Nginx", "containerd:x", "", "a b"])
def test_what_can_be_nothing_is_refused_with_advice(text: str) -> None:
    with pytest.raises(HullmarkError) as caught:
        classify(text)
    assert caught.value.advice


def test_a_binary_file_is_not_an_image(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"\x7fELF" + bytes(1000))
    with pytest.raises(HullmarkError, match="not a tar archive"):
        open_image(str(path), SourceOptions())


def test_folders_and_inventories_are_no_images(tmp_path: Path) -> None:
    with pytest.raises(HullmarkError, match="dir: is not a source of images"):
        open_image(str(tmp_path), SourceOptions())


@given(st.text(max_size=60))
def test_any_text_is_classified_or_refused(text: str) -> None:
    try:
        scheme, _ = classify(text)
    except HullmarkError:
        return
    assert scheme
