"""The demonstration's image, made here of packages made here: what it holds is what a scan finds, and what dpkg says."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from hullmark import check, scan
from tests.support.places import REPOSITORY
from tools.demo import choice, console, languages, recipe, tour
from tools.demo.deb import NotADeb, read_deb
from tools.demo.debian import Dpkg, Unavailable, fetch
from tools.demo.layers import FOLDER, SYMLINK, Layer, Tree
from tools.demo.layout import write_layout

needs_dpkg = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="there is no dpkg-deb on this machine")

OS_RELEASE = 'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nID=debian\nVERSION_ID="13"\n'


def deb(
    folder: Path, name: str, files: Mapping[str, str], *, more: str = "", conffiles: str = "", pack: str = "xz"
) -> Path:
    """A package built by Debian's own tool."""
    root = folder / name
    for path, text in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if text.startswith("-> "):
            target.symlink_to(text[3:])
        else:
            target.write_text(text)
    sums = "".join(
        f"{hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()}  {path}\n"
        for path, text in files.items()
        if not text.startswith("-> ") and f"/{path}" not in conffiles
    )
    (root / "DEBIAN").mkdir(parents=True)
    (root / "DEBIAN" / "md5sums").write_text(sums)
    if conffiles:
        (root / "DEBIAN" / "conffiles").write_text(conffiles)
    control = f"Package: {name}\nVersion: 1.0-1\nArchitecture: amd64\nMaintainer: A <a@example.org>\n{more}Description: {name}\n more\n"
    (root / "DEBIAN" / "control").write_text(control)
    built = folder / f"{name}.deb"
    command = ["dpkg-deb", f"-Z{pack}", "--root-owner-group", "--build", str(root), str(built)]
    subprocess.run(command, check=True, capture_output=True)
    return built


@pytest.fixture
def debs(tmp_path: Path) -> list[Path]:
    """A base whose `bin` is a link, a program that still says `bin`, and a server with a configuration file."""
    return [
        deb(tmp_path, "hello", {"bin/hello": "#!/bin/sh\n", "usr/share/hello/text": ""}, more="Multi-Arch: same\n"),
        deb(tmp_path, "base-files", {"usr/lib/os-release": OS_RELEASE, "usr/bin/true": "", "bin": "-> usr/bin"}),
        deb(
            tmp_path,
            "server",
            {"usr/sbin/server": "binary", "etc/server.conf": "port 80\n"},
            more="Source: server-source (1.0-2)\n",
            conffiles="/etc/server.conf\n",
        ),
    ]


@needs_dpkg
@pytest.mark.parametrize("pack", ["none", "gzip", "xz", "zstd"])
def test_a_package_is_read_whatever_compressed_it(tmp_path: Path, pack: str) -> None:
    read = read_deb(deb(tmp_path, "hello", {"usr/bin/hello": "#!/bin/sh\n", "usr/bin/hi": "-> hello"}, pack=pack))
    assert (read.value("Package"), read.value("version"), read.value("Nothing")) == ("hello", "1.0-1", "")
    there = {item.path: (item.kind, item.body, item.target) for item in read.items if item.kind != FOLDER}
    assert there["usr/bin/hi"] == (SYMLINK, b"", "hello")
    assert there["usr/bin/hello"][1] == b"#!/bin/sh\n"


def test_what_is_no_package_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.deb").write_bytes(b"PK")
    with pytest.raises(NotADeb):
        read_deb(tmp_path / "x.deb")


def laid_out(tmp_path: Path, debs: list[Path], after: Layer | None = None, *, without: str = "") -> tuple[Path, Tree]:
    """An image of these packages, one of them removed in a second layer, and a layer of one's own."""
    tree, dpkg, layers = Tree(), Dpkg(), [Layer("ADD packages")]
    dpkg.install(debs, tree, layers[0])
    tree.apply(layers[0])
    if without:
        layers.append(Layer("RUN remove"))
        assert dpkg.remove(without, tree, layers[-1])
        tree.apply(layers[-1])
    if after is not None:
        layers.append(after)
        tree.apply(after)
    folder = tmp_path / "layout"
    write_layout(folder, layers, {"User": "shop"}, architecture="amd64", created=1735689600)
    return folder, tree


@needs_dpkg
def test_a_scan_finds_the_packages_that_were_put_in(tmp_path: Path, debs: list[Path]) -> None:
    folder, _ = laid_out(tmp_path, debs)
    inventory = scan(f"oci-dir:{folder}", files=True)
    assert [package.purl for package in inventory.packages] == [
        "pkg:deb/debian/base-files@1.0-1?arch=amd64&distro=debian-13",
        "pkg:deb/debian/hello@1.0-1?arch=amd64&distro=debian-13",
        "pkg:deb/debian/server@1.0-1?arch=amd64&distro=debian-13&upstream=server-source%401.0-2",
    ]
    assert inventory.problems == ()
    states = {file.path: file.state for file in inventory.files or () if file.type == "file"}
    assert states["/usr/bin/hello"] == states["/usr/sbin/server"] == states["/etc/server.conf"] == "ok"
    assert inventory.source.layers[0].created_by == "ADD packages"


@needs_dpkg
def test_dpkg_reads_the_records_as_its_own(tmp_path: Path, debs: list[Path]) -> None:
    _, tree = laid_out(tmp_path, debs, without="hello")
    for item in tree.under("var"):
        target = tmp_path / "root" / item.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(item.body)
    query = ["dpkg-query", f"--admindir={tmp_path}/root/var/lib/dpkg", "-W", "-f", "${Package} ${db:Status-Abbrev}|"]
    done = subprocess.run(query, check=True, capture_output=True, text=True)
    assert done.stdout == "base-files ii |server ii |"
    assert done.stderr == ""


@needs_dpkg
def test_what_later_layers_change_and_remove_is_seen(tmp_path: Path, debs: list[Path]) -> None:
    layer = Layer("COPY . /")
    layer.write("usr/sbin/server", "another binary")
    layer.write("etc/server.conf", "port 8080\n")
    layer.write("usr/bin/agent", "#!/bin/sh\n", 0o755)
    folder, _ = laid_out(tmp_path, debs, layer, without="hello")
    inventory = scan(f"oci-dir:{folder}", files=True)
    assert [package.name for package in inventory.packages] == ["base-files", "server"]
    states = {file.path: file.state for file in inventory.files or () if file.type == "file"}
    assert not {"/usr/bin/hello", "/usr/share/hello", "/usr/share/hello/text"} & {
        file.path for file in inventory.files or ()
    }
    assert (states["/usr/sbin/server"], states["/etc/server.conf"]) == ("changed", "config-changed")
    assert states["/usr/bin/agent"] == "unowned"


@needs_dpkg
def test_equal_packages_make_equal_images(tmp_path: Path, debs: list[Path]) -> None:
    first, _ = laid_out(tmp_path / "one", debs)
    second, _ = laid_out(tmp_path / "two", debs)
    assert (first / "index.json").read_bytes() == (second / "index.json").read_bytes()


def wheel(folder: Path, name: str, version: str) -> Path:
    """A small pure wheel."""
    module = f"__version__ = '{version}'\n".encode()
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()
    info = f"{name}-{version}.dist-info"
    bodies = {f"{name}/__init__.py": module, f"{info}/METADATA": metadata}
    record = [f"{path},sha256={_record_digest(body)},{len(body)}\n" for path, body in bodies.items()]
    bodies[f"{info}/RECORD"] = "".join([*record, f"{info}/RECORD,,\n"]).encode()
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for inside, body in bodies.items():
            archive.writestr(inside, body)
    return path


def _record_digest(body: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(body).digest()).rstrip(b"=").decode()


def test_an_upgraded_wheel_leaves_nothing_of_the_old_one(tmp_path: Path) -> None:
    tree, old, new = Tree(), Layer("RUN pip install"), Layer("RUN pip install --upgrade")
    languages.install_wheel(wheel(tmp_path, "shop", "1.0"), old)
    languages.install_wheel(wheel(tmp_path, "shopping", "1.0"), old)
    tree.apply(old)
    assert languages.uninstall("shop", tree, new)
    languages.install_wheel(wheel(tmp_path, "shop", "2.0"), new)
    write_layout(tmp_path / "layout", [old, new], {}, architecture="amd64", created=0)
    inventory = scan(f"oci-dir:{tmp_path}/layout", files=True)
    assert [(package.name, package.version) for package in inventory.packages] == [("shop", "2.0"), ("shopping", "1.0")]
    assert {file.state for file in inventory.files or () if file.type == "file"} <= {"ok", "unverified"}


def test_an_installed_wheels_record_names_its_installer(tmp_path: Path) -> None:
    layer = Layer("RUN pip install")
    languages.install_wheel(wheel(tmp_path, "shop", "1.0"), layer)
    record = layer.items[f"{languages.SITE}/shop-1.0.dist-info/RECORD"].body.decode()
    [row] = [row for row in csv.reader(io.StringIO(record)) if row[0].endswith("/INSTALLER")]
    assert row[1:] == [f"sha256={_record_digest(layer.items[f'{languages.SITE}/{row[0]}'].body)}", "4"]


def test_an_npm_package_is_put_under_its_name(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "left-pad-1.0.0.tgz", "w:gz") as tar:
        body = b'{"name": "left-pad", "version": "1.0.0"}'
        entry = tarfile.TarInfo("package/package.json")
        entry.size = len(body)
        tar.addfile(entry, io.BytesIO(body))
    layer = Layer("RUN npm install")
    languages.install_npm(tmp_path / "left-pad-1.0.0.tgz", layer)
    assert list(layer.items) == [f"{languages.NODE_MODULES}/left-pad/package.json"]


def test_parts_that_cannot_be_had_are_left_out_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> list[Path]:
        raise Unavailable("this machine has none")

    monkeypatch.setattr(recipe, "fetch", refuse)
    monkeypatch.setattr(recipe, "fetch_wheels", refuse)
    monkeypatch.setattr(recipe, "fetch_npm", refuse)
    said: list[str] = []
    layout = recipe.image(tmp_path, said.append)
    assert [line for line in said if line.startswith("left out")] == [
        "left out: Debian packages (this machine has none)",
        "left out: Python wheels (this machine has none)",
        "left out: npm packages (this machine has none)",
    ]
    inventory = scan(f"oci-dir:{layout}", files=True, all_layers=True)
    states = {file.path: file.state for file in inventory.files or ()}
    assert states["/opt/shop/deploy/id_ed25519"] == "ghost"
    assert states["/usr/bin/shop-agent"] == "unowned"


def test_an_image_that_is_there_is_not_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("fetch", "fetch_wheels", "fetch_npm"):
        monkeypatch.setattr(recipe, name, _refuse)
    recipe.image(tmp_path, lambda line: None)
    said: list[str] = []
    recipe.image(tmp_path, said.append)
    assert said == ["the image of the last time is still there"]


def _refuse(*arguments: object) -> list[Path]:
    raise Unavailable("not now")


def test_the_example_policy_stops_the_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("fetch", "fetch_wheels", "fetch_npm"):
        monkeypatch.setattr(recipe, name, _refuse)
    layout = recipe.image(tmp_path, lambda line: None)
    verdict = check(f"oci-dir:{layout}", policy=REPOSITORY / "examples" / "policy.yaml")
    assert verdict.verdict.value == "stop"
    stopped = {finding.rule_id for finding in verdict.findings if finding.action.value == "stop"}
    assert stopped == {"not-root", "no-deleted-keys"}


def test_without_apt_there_are_no_debian_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match="no apt-get"):
        fetch(tmp_path, ("bash",))
    with pytest.raises(Unavailable, match="no npm"):
        languages.fetch_npm(tmp_path, ("lodash",))


def test_a_named_image_is_taken_and_no_registry_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(reference: str) -> bool:
        raise AssertionError(reference)

    monkeypatch.setattr(choice, "answers", asked)
    assert choice.choose("oci-dir:app", tmp_path, lambda line: None) == choice.Choice("oci-dir:app")


def test_a_long_output_is_shortened_in_the_middle_and_says_so() -> None:
    text = "".join(f"{number}\n" for number in range(10))
    assert tour.shortened(text, 2, 1) == ["0\n", "1\n", "    … 7 more lines …\n", "9\n"]
    assert tour.shortened("a\nb\n", 1, 1) == ["a\n", "b\n"]


def test_a_stop_does_not_fail_the_tour(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    program = tmp_path / tour.HULLMARK
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\necho "$1"\n[ "$1" != check ]\n')
    program.chmod(0o755)
    tour.judge(tour.Program(tmp_path, tmp_path), "oci-dir:app")
    assert "exit status 1" in capfd.readouterr().out
    program.write_text("#!/bin/sh\nexit 2\n")
    with pytest.raises(tour.Failed):
        tour.judge(tour.Program(tmp_path, tmp_path), "oci-dir:app")


def test_make_offers_what_the_readme_promises() -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    make = shutil.which("make")
    if make is None:
        pytest.skip("there is no make on this machine")
    done = subprocess.run([make, "help"], check=True, capture_output=True, text=True, cwd=REPOSITORY, env=environment)
    for target in ("setup", "demo", "test", "lint", "bench", "truth", "conformance", "corpus", "clean"):
        assert f"make {target} " in done.stdout


@pytest.mark.parametrize(
    ("reference", "added"),
    [
        ("registry:docker.io/library/nginx:latest", "hullmark image add docker.io/library/nginx:latest --wait"),
        ("oci-archive:some where.tar", "hullmark image upload 'some where.tar' --reference demo.example/shop:1 --wait"),
        ("podman:shop", "a server cannot read this machine's"),
    ],
)
def test_it_is_told_how_an_image_comes_into_the_console(reference: str, added: str) -> None:
    told = console.words(REPOSITORY, reference)
    assert added in told
    assert "hullmark policy activate baseline" in told
    assert f"{console.SERVER}/console/admin/images\n" in told


@needs_dpkg
def test_the_link_to_an_image_that_is_made_here_names_its_digest(tmp_path: Path, debs: list[Path]) -> None:
    laid_out(tmp_path, debs)
    (tmp_path / "examples").mkdir()
    shutil.copy(REPOSITORY / "examples" / "policy.yaml", tmp_path / "examples")
    told = console.words(tmp_path, "oci-dir:layout")
    digest = scan(f"oci-dir:{tmp_path / 'layout'}").source.digest
    assert f"{console.SERVER}/console/admin/images/{digest}\n" in told
    assert "tar -C layout -cf layout.tar . && hullmark image upload layout.tar" in told
