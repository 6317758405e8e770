"""`hullmark scan` and `hullmark files` on real and small images: packages, files, layers, formats."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

from tests.support.images import Blobs, tagged, write_layout
from tests.support.layers import TarBuilder
from tests.support.places import corpus
from tests.support.program import Program, program_in
from tests.support.shop import INSTRUCTIONS, OS_RELEASE, PACKAGES, PURGED, SITE, shop_layout, stanza

Document = dict[str, Any]


@pytest.fixture
def hullmark(tmp_path: Path) -> Program:
    return program_in(tmp_path / "run")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return shop_layout(tmp_path / "shop")


@pytest.fixture
def files_of(hullmark: Program, tmp_path: Path) -> Callable[..., dict[str, Document]]:
    """Builds an image of these layers, bottom first, and answers its files by path."""

    def files(*layers: bytes) -> dict[str, Document]:
        blobs = Blobs()
        layout = write_layout(tmp_path / "layout", blobs, [tagged(blobs.image(layers), "latest")])
        document = hullmark("scan", "--no-cache", "--files", "-o", "json", layout).document
        assert document["problems"] == []
        return {file["path"]: file for file in document["files"]}

    return files


def names(document: Document) -> list[tuple[str, str, str]]:
    return [(package["type"], package["name"], package["version"]) for package in document["packages"]]


def by_name(document: Document) -> dict[str, Document]:
    return {package["name"]: package for package in document["packages"]}


def test_an_image_has_the_packages_that_were_put_into_it(hullmark: Program, shop: Path) -> None:
    document = hullmark("scan", "-o", "json", shop).document
    assert names(document) == PACKAGES
    assert document["problems"] == []
    assert document["distro"] == {
        "id": "debian",
        "version_id": "13",
        "codename": "trixie",
        "pretty_name": "Debian GNU/Linux 13 (trixie)",
    }
    libshop = by_name(document)["libshop1"]
    assert libshop["purl"] == "pkg:deb/debian/libshop1@1:1.0-2?arch=amd64&distro=debian-13&upstream=shop%401%3A1.0-1"
    assert libshop["source"] == {"name": "shop", "version": "1:1.0-1"}
    assert by_name(document)["seller"]["licenses"] == ["MIT"]


def test_every_key_of_the_document_is_there(hullmark: Program, shop: Path) -> None:
    document = hullmark("scan", "--files", "-o", "json", shop).document
    assert document["schema"] == "hullmark-inventory/1"
    assert list(document) == [
        "distro",
        "files",
        "packages",
        "problems",
        "relationships",
        "schema",
        "source",
        "tool",
        "unexplained",
    ]
    assert set(document["source"]) == {"kind", "reference", "digest", "config_digest", "platform", "layers"}
    for layer in document["source"]["layers"]:
        assert set(layer) == {"digest", "diff_id", "size", "created_by"}
    package = {"type", "name", "version", "purl", "arch", "source", "licenses", "locations", "owned_by", "cataloger"}
    package |= {"license_concluded", "license_evidence", "license_expression"}
    assert all(set(found) == package for found in document["packages"])
    file = {"path", "type", "mode", "uid", "gid", "size", "sha256", "link", "layer", "owner", "state"}
    assert all(set(found) == file for found in document["files"])
    assert "files" not in hullmark("scan", "-o", "json", shop).document


def test_a_package_stands_in_the_layer_that_brought_it(hullmark: Program, shop: Path) -> None:
    document = hullmark("scan", "-o", "json", shop).document
    layers = {name: [place["layer"] for place in found["locations"]] for name, found in by_name(document).items()}
    assert layers == {"base-files": [0], "libshop1": [0], "tool": [1], "seller": [2]}
    assert tuple(layer["created_by"] for layer in document["source"]["layers"]) == INSTRUCTIONS


def test_all_layers_show_what_was_removed(hullmark: Program, shop: Path) -> None:
    document = hullmark("scan", "--all-layers", "-o", "json", shop).document
    assert names(document) == sorted([*PACKAGES, PURGED])
    [place] = by_name(document)["curl"]["locations"]
    assert place == {"path": "/var/lib/dpkg/status", "layer": 0}


@pytest.mark.parametrize("options", [(), ("--files",), ("--all-layers", "--files")])
def test_the_same_image_gives_the_same_bytes(hullmark: Program, shop: Path, options: tuple[str, ...]) -> None:
    once = hullmark("scan", *options, "-o", "json", "--jobs", "1", shop, env={"PYTHONHASHSEED": "1"})
    again = hullmark("scan", *options, "-o", "json", "--jobs", "4", shop, env={"PYTHONHASHSEED": "2"})
    anew = hullmark("scan", *options, "-o", "json", "--no-cache", shop, env={"PYTHONHASHSEED": "3"})
    assert once.status == 0
    assert once.out == again.out == anew.out


def test_each_file_has_its_owner_and_its_state(hullmark: Program, shop: Path) -> None:
    document = hullmark("scan", "--files", "-o", "json", shop).document
    purls = {package["purl"]: package["name"] for package in document["packages"]}
    found = {file["path"]: (file["state"], purls.get(file["owner"]), file["layer"]) for file in document["files"]}
    assert {path: found[path] for path in found if not path.startswith("/var/lib/dpkg/info/")} == {
        "/app/run": ("unowned", None, 2),
        f"/{SITE}seller-3.1.dist-info/METADATA": ("ok", "seller", 2),
        f"/{SITE}seller-3.1.dist-info/RECORD": ("unverified", "seller", 2),
        f"/{SITE}seller/__init__.py": ("ok", "seller", 2),
        "/etc": ("unowned", None, 0),
        "/etc/os-release": ("unowned", None, 0),
        "/etc/shop.conf": ("config-changed", "libshop1", 1),
        "/lib": ("ok", "base-files", 0),
        "/usr": ("ok", "base-files", 0),
        "/usr/bin": ("ok", "base-files", 0),
        "/usr/bin/su": ("unverified", "base-files", 0),
        "/usr/bin/tool": ("ok", "tool", 1),
        "/usr/bin/tool-again": ("unowned", None, 1),
        "/usr/lib": ("unowned", None, 0),
        "/usr/lib/libshop.so.1": ("changed", "libshop1", 1),
        "/usr/lib/os-release": ("unowned", None, 0),
        "/usr/lib/tool/plugin": ("ok", "tool", 1),
        "/usr/share/shop/data": ("missing", "libshop1", -1),
        "/var": ("unowned", None, 0),
        "/var/lib": ("unowned", None, 0),
        "/var/lib/dpkg": ("unowned", None, 0),
        "/var/lib/dpkg/status": ("unowned", None, 1),
    }


def test_a_files_type_mode_link_and_digest_are_told(hullmark: Program, shop: Path) -> None:
    document = hullmark("scan", "--files", "-o", "json", shop).document
    files = {file["path"]: file for file in document["files"]}
    assert (files["/usr/bin/su"]["type"], files["/usr/bin/su"]["mode"]) == ("file", 0o4755)
    assert (files["/lib"]["type"], files["/lib"]["link"]) == ("symlink", "usr/lib")
    assert (files["/usr"]["type"], files["/usr"]["mode"], files["/usr"]["size"]) == ("dir", 0o755, 0)
    tool, again = files["/usr/bin/tool"], files["/usr/bin/tool-again"]
    assert tool["size"] == again["size"] == len(b"#!/bin/sh\n")
    assert tool["sha256"] == again["sha256"] == "a8076d3d28d21e02012b20eaf7dbf75409a6277134439025f282e368e3305abf"


def test_all_layers_list_the_files_that_were_deleted_or_replaced(hullmark: Program, shop: Path) -> None:
    document = hullmark("scan", "--files", "--all-layers", "-o", "json", shop).document
    ghosts = {(file["path"], file["layer"]) for file in document["files"] if file["state"] == "ghost"}
    assert {("/app/server.key", 1), ("/usr/bin/curl", 0), ("/etc/shop.conf", 0), ("/usr/share/shop/data", 0)} <= ghosts
    shown = {file["path"]: file["state"] for file in hullmark("scan", "--files", "-o", "json", shop).document["files"]}
    assert "/app/server.key" not in shown
    assert "ghost" not in shown.values()


def test_the_files_verb_shows_chosen_states(hullmark: Program, shop: Path) -> None:
    document = hullmark("files", "--state", "changed", "--state", "missing", "-o", "json", shop).document
    assert [file["path"] for file in document["files"]] == ["/usr/lib/libshop.so.1", "/usr/share/shop/data"]
    ghosts = hullmark("files", "--state", "ghost", "-o", "json", shop).document
    assert "/app/server.key" in [file["path"] for file in ghosts["files"]]
    table = hullmark("files", "--state", "config-changed", shop).text
    assert "/etc/shop.conf" in table
    assert "/usr/bin/tool" not in table


def test_whiteouts_and_opaque_folders_hide_what_lies_below(files_of: Callable[..., dict[str, Document]]) -> None:
    below = TarBuilder().add("keep").add("gone").add("a/gone").add("b/old").add("b/c/old")
    above = TarBuilder().add(".wh.gone").add("a/.wh.gone").folder("b").add("b/.wh..wh..opq").add("b/new")
    assert set(files_of(below.done(), above.done())) == {"/keep", "/b", "/b/new"}


def test_a_file_takes_the_place_of_a_folder_and_a_folder_of_a_file(
    files_of: Callable[..., dict[str, Document]],
) -> None:
    below = TarBuilder().folder("a").add("a/in").add("b", b"file")
    above = TarBuilder().add("a", b"file now").folder("b").add("b/in")
    found = files_of(below.done(), above.done())
    assert {path: file["type"] for path, file in found.items()} == {"/a": "file", "/b": "dir", "/b/in": "file"}


def test_a_hard_link_to_a_file_of_a_layer_below_is_that_file(files_of: Callable[..., dict[str, Document]]) -> None:
    below = TarBuilder().add("a", b"body", mode=0o640)
    above = TarBuilder().hardlink("b", "a").add(".wh.a")
    [(path, file)] = files_of(below.done(), above.done()).items()
    assert (path, file["type"], file["size"], file["mode"], file["layer"]) == ("/b", "file", 4, 0o640, 1)


def test_databases_behind_links_are_found(hullmark: Program, tmp_path: Path) -> None:
    real = TarBuilder().add("usr/lib/sysimage/dpkg/status", stanza("one", "1.0-1"))
    real.symlink("var/lib/dpkg", "../../usr/lib/sysimage/dpkg").symlink("etc", "/usr/etc")
    real.add("usr/etc/os-release", OS_RELEASE)
    blobs = Blobs()
    layout = write_layout(tmp_path / "layout", blobs, [tagged(blobs.image([real.done()]), "latest")])
    document = hullmark("scan", "-o", "json", layout).document
    assert (names(document), document["distro"]["id"]) == ([("deb", "one", "1.0-1")], "debian")


def test_a_hard_link_under_a_databases_name_is_read(hullmark: Program, tmp_path: Path) -> None:
    layer = TarBuilder().add("backup", stanza("one", "1.0-1")).hardlink("var/lib/dpkg/status", "backup")
    blobs = Blobs()
    layout = write_layout(tmp_path / "layout", blobs, [tagged(blobs.image([layer.done()]), "latest")])
    assert names(hullmark("scan", "-o", "json", layout).document) == [("deb", "one", "1.0-1")]


def test_an_image_without_a_distribution_says_so(hullmark: Program, tmp_path: Path) -> None:
    blobs = Blobs()
    layer = TarBuilder().add("app", b"x").done()
    layout = write_layout(tmp_path / "layout", blobs, [tagged(blobs.image([layer]), "latest")])
    document = hullmark("scan", "-o", "json", layout).document
    assert (document["distro"], document["packages"]) == (None, [])


def test_several_images_give_a_document_each(hullmark: Program, shop: Path, tmp_path: Path) -> None:
    other = shop_layout(tmp_path / "other")
    lines = hullmark("scan", "-o", "json", shop, other).text.splitlines()
    assert [json.loads(line)["source"]["reference"] for line in lines] == [str(shop), str(other)]


@pytest.mark.parametrize(
    ("verb", "name"),
    [
        *(("scan", name) for name in ("cyclonedx-json", "spdx-json", "syft-json")),
        *(
            ("vulns", name)
            for name in ("csv", "cyclonedx-json", "cyclonedx-vex-json", "csaf", "openvex", "gitlab", "html")
        ),
    ],
)
def test_several_images_do_not_go_into_a_document_that_is_about_one(
    hullmark: Program, shop: Path, verb: str, name: str
) -> None:
    for form in (name, f"{name}=FILE"):
        what, advice = hullmark(verb, "-o", form, shop, shop).refusal
        assert what == f"a document of the format {name} is about one image, and here are 2 sources"
        assert advice == f"ask for one after another, each with a file of its own: -o {name}=FILE"


def test_every_format_is_valid(hullmark: Program, shop: Path, tmp_path: Path) -> None:
    made = {name: tmp_path / f"bom.{name}" for name in ("cyclonedx-json", "spdx-json", "syft-json", "purls", "table")}
    spdx = made["spdx-json"] = tmp_path / "bom.spdx.json"
    outputs = [word for name, path in made.items() for word in ("-o", f"{name}={path}")]
    ran = hullmark("scan", *outputs, shop)
    assert (ran.status, ran.out, ran.err) == (0, b"", "")

    cyclonedx = made["cyclonedx-json"].read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(cyclonedx) is None
    assert {found["name"] for found in json.loads(cyclonedx)["components"]} >= {name for _, name, _ in PACKAGES}
    complaints = validate_full_spdx_document(parse_file(str(spdx)))
    assert [complaint.validation_message for complaint in complaints] == []
    artifacts = json.loads(made["syft-json"].read_bytes())["artifacts"]
    assert sorted((found["name"], found["version"]) for found in artifacts) == sorted(
        package[1:] for package in PACKAGES
    )
    purls = [PackageURL.from_string(line) for line in made["purls"].read_text().splitlines()]
    assert sorted((purl.type, purl.name, purl.version) for purl in purls) == PACKAGES
    assert "Debian GNU/Linux 13 (trixie)" in made["table"].read_text()


# Real images.


def test_nginx_without_curl_has_it_in_a_lower_layer(hullmark: Program) -> None:
    reference = f"oci-dir:{corpus('oci', 'nginx')}"
    squashed = by_name(hullmark("scan", "-o", "json", reference).document)
    everything = by_name(hullmark("scan", "--all-layers", "-o", "json", reference).document)
    assert "curl" not in squashed
    assert "curl" in everything
    [place] = everything["curl"]["locations"]
    [nginx] = squashed["nginx"]["locations"]
    [libc] = squashed["libc6"]["locations"]
    assert place["layer"] == nginx["layer"] == 3
    assert libc["layer"] == 0


def test_nginx_files_are_as_the_image_was_built(hullmark: Program) -> None:
    document = hullmark("scan", "--files", "-o", "json", f"oci-dir:{corpus('oci', 'nginx')}").document
    files = {file["path"]: file for file in document["files"]}
    told = {path: (file["type"], file["state"]) for path, file in files.items()}
    expected = {
        "/etc/nginx/nginx.conf": ("file", "config-changed"),
        "/etc/nginx/mime.types": ("file", "ok"),
        "/etc/nginx/conf.d/site.conf": ("file", "unowned"),
        "/etc/nginx/win-utf/x": ("file", "unowned"),
        "/etc/nginx/sites-available/default": ("file", "missing"),
        "/usr/share/nginx/html/index.html": ("file", "changed"),
        "/usr/sbin/nginx": ("file", "ok"),
    }
    assert {path: told[path] for path in expected} == expected
    assert files["/etc/nginx/win-utf"]["type"] == "dir"
    assert files["/etc/nginx/sites-enabled"]["type"] == "file"
    assert "/usr/bin/curl" not in files


@pytest.mark.slow
def test_python_app_had_another_requests_before(hullmark: Program) -> None:
    reference = f"oci-dir:{corpus('oci', 'python-app')}"
    requests = ("pypi", "requests", "2.19.1")
    assert requests not in names(hullmark("scan", "-o", "json", reference).document)
    assert requests in names(hullmark("scan", "--all-layers", "-o", "json", reference).document)


@pytest.mark.parametrize(
    ("wanted", "platform", "architecture"),
    [
        ("linux/arm64", "linux/arm64/v8", "arm64"),
        ("linux/arm/v7", "linux/arm/v7", "arm"),
        ("linux/amd64", "linux/amd64", "amd64"),
    ],
)
def test_a_real_layout_of_several_platforms(hullmark: Program, wanted: str, platform: str, architecture: str) -> None:
    reference = f"oci-dir:{corpus('oci', 'multi-arch')}"
    document = hullmark("scan", "--platform", wanted, "-o", "json", "--files", reference).document
    assert document["source"]["platform"] == platform
    [marker] = [file for file in document["files"] if file["path"] == "/etc/corpus-arch"]
    assert marker["size"] == len(architecture) + 1
    assert len(document["packages"]) > 50
    what, advice = hullmark("scan", "--platform", "linux/s390x", reference).refusal
    assert "linux/s390x" in what
    assert "linux/arm64" in advice


def test_a_real_archive_of_two_images_lists_its_tags(hullmark: Program) -> None:
    archive = corpus("other", "two-images.tar")
    what, advice = hullmark("scan", archive).refusal
    assert "several images" in what
    assert ":localhost/nginx:latest" in advice
    document = hullmark("scan", "-o", "json", f"docker-archive:{archive}:localhost/nginx:latest").document
    assert "nginx" in [package["name"] for package in document["packages"]]


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The inventory of the real nginx in an OCI layout with gzip."""
    program = program_in(tmp_path_factory.mktemp("nginx") / "run")
    document: dict[str, Any] = program("scan", "-o", "json", f"oci-dir:{corpus('oci', 'nginx')}").document
    return document


@pytest.mark.parametrize(
    "reference",
    [
        "oci-dir:oci/nginx-zstd",
        "oci-dir:oci/nginx-plain",
        "oci-archive:other/nginx.oci.tar",
        "other/nginx-dir",
        "docker-archive:docker/nginx.tar",
        "docker/nginx.tar",
    ],
)
def test_a_real_image_is_the_same_in_every_shape(hullmark: Program, nginx: dict[str, Any], reference: str) -> None:
    scheme, colon, place = reference.rpartition(":")
    other = hullmark("scan", "-o", "json", f"{scheme}{colon}{corpus(place)}").document
    assert other["packages"] == nginx["packages"] != []
    assert (other["distro"], other["problems"]) == (nginx["distro"], nginx["problems"])
    diff_ids = [[layer["diff_id"] for layer in document["source"]["layers"]] for document in (nginx, other)]
    assert diff_ids[0] == diff_ids[1]
