"""Debian packages from the machine's own package indexes, unpacked with the records that dpkg keeps of them."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from tools.demo.deb import Deb, read_deb
from tools.demo.layers import FOLDER, Item, Layer, Tree

BASE = ("base-files", "base-passwd", "bash", "coreutils", "libc-bin", "mount", "passwd", "perl-base")
SERVER = ("ca-certificates", "curl", "nginx", "openssl")

_INFO = "var/lib/dpkg/info"
_KEPT_SCRIPTS = ("conffiles", "md5sums", "postinst", "postrm", "preinst", "prerm", "shlibs", "triggers")


class Unavailable(Exception):
    """This part cannot be had on this machine; the message says why."""


def fetch(folder: Path, *sets: Sequence[str]) -> list[list[Path]]:
    """Download each set of packages with all they depend on; answers the files of each that the sets before had not.

    Works as any user and leaves the machine's own package lists alone: apt is given folders of its own, and an
    empty list of what is installed, so that it resolves every dependency. Raises Unavailable.
    """
    if shutil.which("apt-get") is None:
        raise Unavailable("there is no apt-get on this machine")
    archives = folder / "archives"
    options = _own_folders(folder, archives)
    _apt([*options, "update"])
    files: list[list[Path]] = []
    known: set[Path] = set()
    for names in sets:
        _apt([*options, "--yes", "--no-install-recommends", "--download-only", "install", *names])
        there = set(archives.glob("*.deb"))
        files.append(sorted(there - known))
        known |= there
    return files


def _own_folders(folder: Path, archives: Path) -> list[str]:
    for inside in (archives / "partial", folder / "lists" / "partial"):
        inside.mkdir(parents=True, exist_ok=True)
    for old in archives.glob("*.deb"):
        old.unlink()
    nothing_installed = folder / "status"
    nothing_installed.write_bytes(b"")
    settings = {
        "Dir::Cache::archives": archives,
        "Dir::Cache::pkgcache": "",
        "Dir::Cache::srcpkgcache": "",
        "Dir::State::lists": folder / "lists",
        "Dir::State::status": nothing_installed,
        "Dir::State::extended_states": folder / "extended_states",
        "Dir::Log": folder,
        "APT::Sandbox::User": "",
        "APT::Update::Post-Invoke-Success": "",
        "Acquire::Languages": "none",
        "Debug::NoLocking": "1",
    }
    return ["-qq", *(f"-o{key}={value}" for key, value in settings.items())]


def _apt(arguments: Sequence[str]) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    done = subprocess.run(  # noqa: S603
        ["apt-get", *arguments],  # noqa: S607
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env=environment,
    )
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("E:")]
        raise Unavailable(f"apt-get says {errors[0][2:].strip() if errors else f'exit status {done.returncode}'!r}")


class Dpkg:
    """The packages of an image, and the records of them under var/lib/dpkg."""

    def __init__(self) -> None:
        self._stanzas: dict[str, str] = {}
        self._owned: dict[str, list[str]] = {}
        self._keys: dict[str, str] = {}
        self.newest = 0

    def install(self, files: Sequence[Path], tree: Tree, layer: Layer) -> None:
        """Unpack packages into a layer and record them."""
        debs = [read_deb(file) for file in files]
        # The package that brings the linked top folders (bin → usr/bin) comes first: the others' paths go through them.
        debs.sort(key=lambda deb: (deb.value("Package") != "base-files", deb.value("Package")))
        for deb in debs:
            self._unpack(deb, tree, layer)
            if deb.value("Package") == "base-files":
                tree.apply(layer)
        self._write_status(layer)

    def _unpack(self, deb: Deb, tree: Tree, layer: Layer) -> None:
        name = deb.value("Package")
        key = f"{name}:{deb.value('Architecture')}" if deb.value("Multi-Arch") == "same" else name
        for item in deb.items:
            path = tree.real(item.path)
            if item.kind != FOLDER or path not in layer.items:
                layer.add(Item(path, item.body, item.kind, item.mode, tree.real(item.target), item.uid, item.gid))
        paths = ["/.", *(f"/{item.path}" for item in deb.items)]
        layer.write(f"{_INFO}/{key}.list", "\n".join(paths) + "\n")
        for script in _KEPT_SCRIPTS:
            if script in deb.control:
                layer.write(f"{_INFO}/{key}.{script}", deb.control[script])
        self._owned[name] = [tree.real(item.path) for item in deb.items]
        self._keys[name] = key
        self._stanzas[name] = _installed(deb)
        self.newest = max(self.newest, deb.newest)

    def remove(self, name: str, tree: Tree, layer: Layer) -> bool:
        """Take a package away again, as `dpkg --purge` does; answers whether it was there.

        Folders that no other package has go whole.
        """
        if name not in self._stanzas:
            return False
        others = {path for other, paths in self._owned.items() if other != name for path in paths}
        for path in sorted(set(self._owned.pop(name)) - others):
            if not any(str(folder) in layer.deleted for folder in PurePosixPath(path).parents):
                layer.delete(path)
        for path in [item.path for item in tree.under(_INFO) if item.path.startswith(f"{_INFO}/{self._keys[name]}.")]:
            layer.delete(path)
        del self._stanzas[name]
        self._write_status(layer)
        return True

    def _write_status(self, layer: Layer) -> None:
        stanzas = (self._stanzas[name] for name in sorted(self._stanzas))
        layer.write("var/lib/dpkg/status", "".join(f"{stanza}\n\n" for stanza in stanzas))
        layer.write(f"{_INFO}/format", "1\n")


def _installed(deb: Deb) -> str:
    """The control stanza as it stands in the status file: with the state, and the configuration files' digests."""
    first, _, rest = deb.stanza.partition("\n")
    lines = [first, "Status: install ok installed", rest]
    digests = {item.path: hashlib.md5(item.body, usedforsecurity=False).hexdigest() for item in deb.items}
    conffiles = [line.strip() for line in deb.control.get("conffiles", b"").decode().splitlines()]
    known = [path for path in conffiles if path.lstrip("/") in digests]
    if known:
        lines += ["Conffiles:", *(f" {path} {digests[path.lstrip('/')]}" for path in known)]
    return "\n".join(lines)
