"""What package managers leave in images: the forms of each record, and what does not count as a package."""

from __future__ import annotations

import json

import pytest

from hullmark.catalog import claims
from hullmark.catalog.languages import erlang, lua, opam, perl, r, vcpkg, wordpress
from hullmark.catalog.programs import apple, kernel, models
from hullmark.catalog.systems import bitnami, conda, homebrew, nix, portage, snap
from tests.support import nix_database
from tests.support.cataloging import packages, problems, purls
from tests.support.records import cyclonedx, gguf, module, safetensors
from tests.support.views import FakeView

H = "0123456789abcdfghijklmnpqrsvwxyz"


# R, Lua, Perl, OCaml, Erlang


@pytest.mark.parametrize(
    ("text", "licences"),
    [
        ("MIT + file LICENSE", ("MIT",)),
        ("GPL (>= 2)", ("GPL-2+",)),
        ("GPL-2 | GPL-3", ("GPL-2", "GPL-3")),
        ("file LICENSE", ()),
        ("GPL-3 | file LICENCE", ("GPL-3",)),
        ("Part of R 4.3.0", ("Part of R 4.3.0",)),
    ],
)
def test_licences_of_r_are_told_without_their_files(text: str, licences: tuple[str, ...]) -> None:
    body = f"Package: a\nVersion: 1.0-2\nLicense: {text}\nDescription: b\n  Version: 9\n".encode()
    [package] = packages(r.CATALOGER, {"usr/lib/R/library/a/DESCRIPTION": body})
    assert (package.version, package.licenses) == ("1.0-2", licences)


@pytest.mark.parametrize(
    "body", [b"Name: signal\nVersion: 1.0\n", b"Package: {{ name }}\nVersion: 1\nLicense: x\n", b"", b"x"]
)
def test_other_descriptions_are_none_of_rs(body: bytes) -> None:
    assert (purls(r.CATALOGER, {"x/DESCRIPTION": body}), problems(r.CATALOGER, {"x/DESCRIPTION": body})) == ([], [])


@pytest.mark.parametrize(
    ("name", "body", "found"),
    [
        ("a-1.0-1", 'local v = "1.0"\npackage = "a"\nversion = v .. "-1"', "pkg:luarocks/a@1.0-1"),
        ("a-1.0-1", 'package = "a" -- "b"\n--[[ version = "9" ]]\nversion = [[1.0-1]]', "pkg:luarocks/a@1.0-1"),
        ("a-1.0-1", 'package = get("b")\nversion = tostring(1)', "pkg:luarocks/a@1.0-1"),
        ("a-b-1.0-1", 'build = {package = "x", version = "y"}', "pkg:luarocks/a-b@1.0-1"),
        (
            "a-1.0-1",
            'package = "a"\nversion = "2.0-1"\nif package == "a" then version = "3" end',
            "pkg:luarocks/a@2.0-1",
        ),
    ],
)
def test_a_rockspec_is_read_without_running_it(name: str, body: str, found: str) -> None:
    assert purls(lua.CATALOGER, {f"usr/lib/luarocks/{name}.rockspec": body.encode()}) == [found]


def test_a_perl_distribution_is_told_once_by_the_best_record() -> None:
    files = {
        "usr/lib/perl5/.meta/Foo-Bar-1.2/install.json": b'{"dist": "Foo-Bar-1.2"}',
        "usr/lib/perl5/perllocal.pod": (
            b"=head2 Mon: C<Module> L<Foo::Bar|Foo::Bar>\n\nC<VERSION: 1.1>\n\n"
            b"=head2 Mon: C<Module> L<Old|Old>\n\nC<VERSION: 1.0>\n\n=head2 Tue: C<Module> L<Old|Old>\n\nC<VERSION: 1.5>\n"
        ),
        "usr/lib/perl5/auto/Foo/Bar/.packlist": b"/usr/lib/perl5/Foo/Bar.pm type=file\n",
        "usr/lib/perl5/auto/Bare/.packlist": b"/usr/lib/perl5/Bare.pm\n",
        "usr/lib/perl5/.packlist": b"/usr/bin/perl\n",
    }
    view = FakeView(files, perl.CATALOGER)
    assert [(one.purl, one.version) for one in perl.CATALOGER.assemble(view)] == [
        ("pkg:cpan/Foo::Bar@1.2", "1.2"),
        ("pkg:cpan/Old@1.5", "1.5"),
        ("pkg:cpan/Bare", "UNKNOWN"),
    ]
    assert [str(reason) for _, reason in view.problems] == ["the version of the Perl distribution Bare is not known"]
    assert perl.CATALOGER.owned is not None
    assert [file.path for file in perl.CATALOGER.owned(view)] == ["usr/lib/perl5/Bare.pm", "usr/lib/perl5/Foo/Bar.pm"]


def test_an_application_of_erlang_may_have_a_quoted_name() -> None:
    body = b'%% comment\n{application, \'my.app\', [{vsn, "1.0-rc.1"}, {licenses, ["MIT", "BSD"]}]}.'
    [package] = packages(erlang.CATALOGER, {"lib/my/ebin/my.app": body})
    assert (package.purl, package.licenses) == ("pkg:otp/my.app@1.0-rc.1", ("MIT", "BSD"))


def test_licences_of_opam_are_one_or_a_list() -> None:
    place = "root/.opam/s/.opam-switch/packages/a.1.0"
    for text, licences in (('"MIT"', ("MIT",)), ('["MIT" "ISC"]', ("MIT", "ISC"))):
        [package] = packages(opam.CATALOGER, {f"{place}/opam": f"license: {text}\n".encode()})
        assert (package.purl, package.licenses) == ("pkg:opam/a@1.0", licences)


# Systems


@pytest.mark.parametrize(
    ("place", "found"),
    [
        ("app-misc/a-b-1.0_rc1-r2", "pkg:ebuild/app-misc/a-b@1.0_rc1-r2"),
        ("dev-libs/lib2-3.4b", "pkg:ebuild/dev-libs/lib2@3.4b"),
        ("virtual/a+-9999", "pkg:ebuild/virtual/a%2B@9999"),
    ],
)
def test_names_and_versions_of_gentoo_are_those_of_the_folders(place: str, found: str) -> None:
    assert purls(portage.CATALOGER, {f"var/db/pkg/{place}/CONTENTS": b""}) == [found]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("hello-2.12.1", ["pkg:nix/hello@2.12.1?outputhash={h}"]),
        ("openssl-3.0.13-dev", ["pkg:nix/openssl@3.0.13?output=dev&outputhash={h}"]),
        ("python3.11-requests-2.31.0", ["pkg:nix/python3.11-requests@2.31.0?outputhash={h}"]),
        ("source", []),
        ("hello-2.12.1.drv", []),
        ("fix-1.0.patch", []),
    ],
)
def test_an_object_of_nixs_store_is_told_by_its_name(name: str, found: list[str]) -> None:
    h = H.replace("k", "0")[:32]
    assert purls(nix.CATALOGER, {f"nix/store/{h}-{name}/bin/a": b"x"}) == [each.format(h=h) for each in found]


def test_a_store_of_nix_that_was_emptied_is_a_problem() -> None:
    assert len(problems(nix.CATALOGER, {nix_database.DB: nix_database.two_files()[nix_database.DB]})) == 1
    assert len(problems(nix.CATALOGER, {"nix/store/abc-a-1/bin/a": b"x"})) == 1


def test_a_formula_of_a_tap_counts_with_a_version() -> None:
    tap = "home/linuxbrew/.linuxbrew/Library/Taps/u/homebrew-t/Formula"
    files = {f"{tap}/a.rb": b'url "https://e.org/a-1.2.tar.gz"\n', f"{tap}/b.rb": b'desc "x"\n'}
    [package] = packages(homebrew.CATALOGER, files)
    assert (package.purl, package.notes["tap"]) == ("pkg:brew/a@1.2", "u/t")


def test_a_channel_of_conda_is_told_without_its_token() -> None:
    record = {
        "name": "a",
        "version": "1!1.0",
        "build": "py_0",
        "channel": "https://e.org/t/secret/main/linux-64",
        "subdir": "linux-64",
        "fn": "a.conda",
    }
    body = json.dumps(record).encode()
    assert purls(conda.CATALOGER, {"opt/conda/conda-meta/a.json": body}) == [
        "pkg:conda/a@1%211.0?build=py_0&channel=main&subdir=linux-64&type=conda"
    ]


def test_only_packages_of_bitnamis_own_count() -> None:
    other = {"name": "b", "versionInfo": "1", "externalRefs": [{"referenceLocator": "pkg:maven/g/b@1"}]}
    own = {
        "name": "a",
        "versionInfo": "1-2",
        "externalRefs": [{"referenceLocator": "pkg:bitnami/a@1-2?arch=arm64&distro=debian-12"}],
    }
    files = {
        "opt/bitnami/a/.spdx-a.spdx": json.dumps({"packages": [own, other]}).encode(),
        "opt/bitnami/b/.spdx-b.spdx": b"SPDXVersion: 2.3",
    }
    assert purls(bitnami.CATALOGER, files) == ["pkg:bitnami/a@1-2?arch=arm64&distro=debian-12"]
    assert problems(bitnami.CATALOGER, files) == []


def test_features_and_removed_packages_of_vcpkg_are_none() -> None:
    body = (
        b"Package: a\nVersion: 1.0\nArchitecture: x64-linux\nStatus: install ok installed\n\n"
        b"Package: a\nFeature: ssl\nArchitecture: x64-linux\nStatus: install ok installed\n\n"
        b"Package: b\nVersion: 1.0\nArchitecture: x64-linux\nStatus: purge ok not-installed\n"
    )
    assert purls(vcpkg.CATALOGER, {"vcpkg/status": body}) == ["pkg:vcpkg/a@1.0?triplet=x64-linux"]


def test_a_packed_snap_hides_what_is_in_it() -> None:
    assert problems(snap.CATALOGER, {"var/lib/snapd/snaps/a_x1.snap": b"hsqs"}) == [
        "the snap is packed, and what is in it was not read"
    ]


# Others


@pytest.mark.parametrize("body", [b"<?php // nothing", b"<?php\n/* Plugin Name: a */", b"<?php\n/* Version: 1 */"])
def test_other_files_of_a_plugin_are_none(body: bytes) -> None:
    assert purls(wordpress.CATALOGER, {"wp-content/plugins/a/b.php": body}) == []


def test_a_header_far_behind_the_beginning_is_none_as_for_wordpress() -> None:
    body = b"<?php\n/*\nPlugin Name: a\n" + b" " * 9000 + b"\nVersion: 1\n*/"
    assert purls(wordpress.CATALOGER, {"wp-content/plugins/a/b.php": body}) == []


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("boot/vmlinuz-5.10.0-8-arm64", ["pkg:generic/linux-kernel@5.10.0-8-arm64"]),
        ("lib/modules/6.6.1/vmlinuz", ["pkg:generic/linux-kernel@6.6.1"]),
        ("boot/vmlinuz", ["pkg:generic/linux-kernel"]),
        ("srv/vmlinuz-notes", []),
    ],
)
def test_a_kernel_that_tells_nothing_is_told_by_its_name(path: str, found: list[str]) -> None:
    assert purls(kernel.CATALOGER, {path: b"MZ\0\0"}) == found


def test_modules_that_are_built_with_the_kernel_are_part_of_it() -> None:
    files = {
        "lib/modules/6.1/extra/own.ko": module(name="own", intree="Y"),
        "lib/modules/6.1/updates/nvidia.ko": module(name="nvidia", version="535.1", license="NVIDIA"),
    }
    assert purls(kernel.CATALOGER, files) == ["pkg:generic/nvidia@535.1"]


@pytest.mark.parametrize(
    ("path", "body", "found"),
    [
        (
            "m/a.gguf",
            gguf(general__name="A", general__repo_url="https://huggingface.co/org/a-gguf"),
            "pkg:huggingface/org/a-gguf",
        ),
        ("m/a.gguf", gguf(tokenizer__x="y" * 9), "pkg:huggingface/a"),
        ("m/b-00001-of-00002.safetensors", safetensors(format="pt"), "pkg:huggingface/b"),
        ("m/b.safetensors", safetensors(**{"modelspec.title": "T", "modelspec.version": "1"}), "pkg:huggingface/T@1"),
        ("m/a.gguf", gguf(general__name="A", general__version="2")[:-1], "pkg:huggingface/A"),
    ],
)
def test_a_model_goes_by_its_repository_its_title_or_its_file(path: str, body: bytes, found: str) -> None:
    assert purls(models.CATALOGER, {path: body}) == [found]


def test_claims_are_marked_and_say_nothing_of_a_systems_packages() -> None:
    body = cyclonedx(
        {"name": "a", "version": "1", "purl": "pkg:npm/a@1"},
        {"name": "bash", "version": "5", "purl": "pkg:deb/debian/bash@5"},
    )
    [package] = packages(claims.CATALOGER, {"a.dist-info/sboms/auditwheel.cdx.json": body})
    assert (package.purl, package.notes) == ("pkg:npm/a@1", {"claimed": "true"})
    assert problems(claims.CATALOGER, {"srv/bom.json": b'{"parts": ["wheel"]}'}) == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"bplist00",
        b"<plist><dict><key>a</key></plist>",
        b"<plist><array/></plist>",
        b"<!DOCTYPE a [<!ENTITY b 'c'>]><plist/>",
    ],
)
def test_a_broken_property_list_is_reported(body: bytes) -> None:
    assert len(problems(apple.CATALOGER, {"Applications/A.app/Contents/Info.plist": body})) == 1


def test_a_bundle_inside_another_one_belongs_to_it() -> None:
    body = b"<plist><dict><key>CFBundleName</key><string>A</string></dict></plist>"
    files = {
        "Applications/A.app/Contents/Info.plist": body,
        "Applications/A.app/Contents/Helpers/B.app/Contents/Info.plist": body,
    }
    assert [found.locations[0].path for found in packages(apple.CATALOGER, files)] == [
        "/Applications/A.app/Contents/Info.plist"
    ]


def test_a_bundle_without_a_name_is_a_problem() -> None:
    body = b"<plist><dict><key>CFBundleName</key><string> </string><key>CFBundleVersion</key><string>1</string></dict></plist>"
    assert problems(apple.CATALOGER, {"A.app/Contents/Info.plist": body}) == ["the application bundle has no name"]
