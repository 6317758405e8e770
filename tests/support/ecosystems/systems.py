"""Package managers of systems, that install into a root folder of their own."""

from __future__ import annotations

import json
import re
import tarfile

from tests.support.ecosystems.recipe import Listed, Recipe, Workshop

_PKGINFO = """pkgname = {name}
pkgbase = {name}
pkgver = {version}
pkgdesc = made for a test
arch = any
license = MIT
size = 6
"""


def pacman(shop: Workshop) -> Listed:
    """Two packages of Arch Linux, the second of which is upgraded."""
    database = shop.in_root("var/lib/pacman")
    where = ("--root", shop.root, "--dbpath", database, "--cachedir", shop.folder)
    for name, version in (("first", "1:2.0-1"), ("second", "1.0-1"), ("second", "1.1-3")):
        shop.write({f"{name}/.PKGINFO": _PKGINFO.format(name=name, version=version), f"{name}/opt/{name}": "hello\n"})
        package = shop.folder / f"{name}-{version}-any.pkg.tar"
        with tarfile.open(package, "w") as tar:
            tar.add(shop.folder / name / ".PKGINFO", ".PKGINFO")
            tar.add(shop.folder / name / "opt", "opt")
        shop.run("pacman", "-U", "--noconfirm", *where, package)
    lines = shop.run("pacman", "-Q", "--root", shop.root, "--dbpath", database).splitlines()
    return {(name, version) for name, version in map(str.split, lines)}


_DERIVATION = """derivation {
  name = "NAME";
  system = builtins.currentSystem;
  builder = "/bin/sh";
  args = [ "-c" "echo hello > $out" ];
}
"""


def nix(shop: Workshop) -> Listed:
    """Two derivations in a store in the image."""
    more = {"NIX_CONFIG": "sandbox = false\nsubstitute = false\nbuild-users-group =\n"}
    for name in ("greeting-1.2", "two-words-0.9.1"):
        shop.write({f"{name}.nix": _DERIVATION.replace("NAME", name)})
        shop.run("nix-build", "--store", shop.root, "--no-out-link", f"{name}.nix", env=more)
    paths = shop.run(
        "nix", "--extra-experimental-features", "nix-command", "path-info", "--store", shop.root, "--all", env=more
    )
    found = (re.fullmatch(r"/nix/store/[0-9a-z]{32}-(.+?)-(\d[^/]*)", path) for path in paths.split())
    return {(each[1], each[2]) for each in found if each is not None and not each[2].endswith(".drv")}


_CONDA = """
import asyncio, json, os, sys
from pathlib import Path
import rattler
from rattler import BuildString, PrefixRecord
async def main(packages, prefix, cache):
    records = []
    for package in packages:
        name, version, build = Path(package).name.removesuffix(".tar.bz2").rsplit("-", 2)
        records.append(rattler.RepoDataRecord(
            rattler.PackageRecord(name=name, version=version, build=BuildString(build), build_number=0, subdir="noarch"),
            Path(package).name, Path(package).as_uri(), Path(package).parent.as_uri()))
    await rattler.install(records, target_prefix=prefix, cache_dir=cache, show_progress=False)
    for path in sorted(Path(prefix, "conda-meta").glob("*.json")):
        record = PrefixRecord.from_path(path)
        print(record.name.normalized, record.version)
asyncio.run(main(sys.argv[3:], sys.argv[1], sys.argv[2]))
sys.stdout.flush()
os._exit(0)  # its threads may still run, and Python does not bear that
"""


def conda(shop: Workshop) -> Listed:
    """Two packages, installed by rattler."""
    packages = []
    for name, version in (("first", "1.0"), ("second", "2.1.post1")):
        about = {
            "name": name,
            "version": version,
            "build": "0",
            "build_number": 0,
            "subdir": "noarch",
            "depends": [],
            "license": "MIT",
        }
        paths = {"paths_version": 1, "paths": [{"_path": f"share/{name}", "path_type": "hardlink"}]}
        shop.write(
            {
                f"{name}/info/index.json": json.dumps(about),
                f"{name}/info/paths.json": json.dumps(paths),
                f"{name}/info/files": f"share/{name}\n",
                f"{name}/share/{name}": "hello\n",
            }
        )
        packages.append(shop.folder / f"{name}-{version}-0.tar.bz2")
        with tarfile.open(packages[-1], "w:bz2") as tar:
            for inner in ("info", "share"):
                tar.add(shop.folder / name / inner, inner)
    lines = shop.run(
        shop.python, "-c", _CONDA, shop.in_root("opt/conda"), shop.folder / "cache", *packages
    ).splitlines()
    return {(name, version) for name, version in map(str.split, lines)}


_METADATA = """[{kind}]
name={name}
runtime=org.example.Platform/x86_64/1
sdk=org.example.Sdk/x86_64/1
"""
_APPSTREAM = """<component type="desktop-application"><id>{name}</id><name>n</name><summary>s</summary>
<metadata_license>MIT</metadata_license><project_license>MIT</project_license>
<releases><release version="{version}" date="2024-01-01"/></releases></component>
"""


def flatpak(shop: Workshop) -> Listed:
    """An application, and the runtime that it needs."""
    env = {"FLATPAK_USER_DIR": str(shop.in_root("var/lib/flatpak")), "XDG_DATA_HOME": str(shop.folder / "data")}
    repository = shop.folder / "repo"
    appstream = _APPSTREAM.format(name="org.example.App", version="2.5")
    shop.write(
        {
            "runtime/metadata": _METADATA.format(kind="Runtime", name="org.example.Platform"),
            "runtime/files/bin/true": "",
            "app/metadata": _METADATA.format(kind="Application", name="org.example.App"),
            "app/files/bin/app": "",
            "app/files/share/metainfo/org.example.App.metainfo.xml": appstream,
            # The same again, as the builder of flatpaks composes it: the list of what is installed goes by that.
            "app/files/share/app-info/xmls/org.example.App.xml": f"<components>{appstream}</components>",
        }
    )
    shop.run("gzip", "app/files/share/app-info/xmls/org.example.App.xml")
    (shop.folder / "app" / "export").mkdir()
    (shop.folder / "runtime" / "usr").mkdir()
    shop.run("flatpak", "build-export", "--disable-sandbox", "--arch=x86_64", repository, "app", "1", env=env)
    shop.run(
        "flatpak",
        "build-export",
        "--disable-sandbox",
        "--arch=x86_64",
        "--runtime",
        repository,
        "runtime",
        "1",
        env=env,
    )
    shop.run("flatpak", "--user", "remote-add", "--no-gpg-verify", "here", repository, env=env)
    shop.run(
        "flatpak", "--user", "install", "-y", "--noninteractive", "--no-related", "here", "org.example.App", env=env
    )
    lines = shop.run("flatpak", "--user", "list", "--columns=application,version,branch", env=env).splitlines()
    rows = (line.split("\t") for line in lines)
    return {(row[0], row[1] or row[2]) for row in rows}


_EBUILD = """EAPI=8
DESCRIPTION="made for a test"
SLOT="0"
LICENSE="MIT"
KEYWORDS="amd64"
S="${WORKDIR}"
src_install() { insinto /opt; newins - ${PN} <<< hello; }
"""


_MAKE_CONF = """FEATURES="-sandbox -usersandbox -userpriv -network-sandbox -ipc-sandbox -pid-sandbox -mount-sandbox"
PORTAGE_TMPDIR="{scratch}"
PORTAGE_USERNAME="root"
PORTAGE_GRPNAME="root"
ACCEPT_LICENSE="*"
"""


def portage(shop: Workshop) -> Listed:
    """Two ebuilds of a repository made here."""
    config, repository = shop.folder / "etc/portage", shop.folder / "repo"
    # Installed by pip it takes its own folder for that of a system ("prefix"), also below the root.
    shop.in_root(str(shop.python.parent.parent).lstrip("/"))
    shop.write(
        {
            "repo/metadata/layout.conf": "masters =\nthin-manifests = true\n",
            "repo/profiles/repo_name": "here\n",
            "repo/profiles/categories": "app-misc\n",
            "repo/profiles/arch.list": "amd64\n",
            "repo/profiles/profiles.desc": "amd64 plain stable\n",
            "repo/profiles/plain/make.defaults": 'ARCH="amd64"\nACCEPT_KEYWORDS="amd64"\nCHOST="x86_64-pc-linux-gnu"\n',
            "repo/profiles/plain/eapi": "8\n",
            "repo/licenses/MIT": "MIT\n",
            "repo/app-misc/first/first-1.2-r1.ebuild": _EBUILD,
            "repo/app-misc/second/second-3.0_rc2.ebuild": _EBUILD,
            "etc/portage/repos.conf": f"[DEFAULT]\nmain-repo = here\n[here]\nlocation = {repository}\n",
            "etc/portage/make.conf": _MAKE_CONF.format(scratch=shop.folder / "scratch"),
        }
    )
    (shop.folder / "scratch").mkdir()
    (config / "make.profile").symlink_to(repository / "profiles" / "plain")
    env = {
        "PORTAGE_CONFIGROOT": str(shop.folder),
        "ROOT": str(shop.root),
        "PORTAGE_INST_UID": "0",
        "PORTAGE_INST_GID": "0",
    }
    for ebuild in sorted(repository.glob("app-misc/*/*.ebuild")):
        shop.run(shop.tool("ebuild"), "--skip-manifest", ebuild, "merge", env=env)
    listing = "import portage; print('\\n'.join(portage.db[portage.settings['EROOT']]['vartree'].dbapi.cpv_all()))"
    lines = shop.run(shop.python, "-c", listing, env=env).split()
    found = (re.fullmatch(r"([^/]+/.+?)-(\d.*)", line) for line in lines)
    return {(each[1], each[2]) for each in found if each is not None}


RECIPES = (
    Recipe("pacman", "alpm", "pacman -Q", pacman),
    Recipe("nix", "nix", "nix path-info --all", nix),
    Recipe("conda", "conda", "rattler's list of a prefix", conda),
    Recipe("flatpak", "flatpak", "flatpak list", flatpak),
    Recipe("portage", "ebuild", "portage's vartree", portage),
)
