"""Packages of Debian, made by dpkg-deb, and repositories that have them."""

from __future__ import annotations

import gzip
import hashlib
import io
import lzma
import shutil
import subprocess
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.repositories import ARCH, write_lists


@dataclass(frozen=True)
class Deb:
    """A package: its files by path (a mode and a body), further fields of its control file."""

    name: str
    version: str
    files: Mapping[str, tuple[int, bytes]] = field(default_factory=dict)
    fields: tuple[str, ...] = ()
    conffiles: tuple[str, ...] = ()

    @property
    def control(self) -> str:
        """The control file."""
        lines = [f"Package: {self.name}", f"Version: {self.version}", f"Architecture: {ARCH}", *self.fields]
        return "\n".join((*lines, "Maintainer: nobody <nobody@example.com>", "Description: a package")) + "\n"

    def build(self, folder: Path, form: str = "xz") -> Path:
        """The package as a file in a folder."""
        root = folder / f"{self.name}.root"
        (root / "DEBIAN").mkdir(parents=True)
        (root / "DEBIAN/control").write_text(self.control)
        if self.conffiles:
            (root / "DEBIAN/conffiles").write_text("".join(f"{path}\n" for path in self.conffiles))
        sums = []
        for path, (mode, body) in self.files.items():
            (root / path.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
            (root / path.lstrip("/")).write_bytes(body)
            (root / path.lstrip("/")).chmod(mode)
            sums.append(f"{hashlib.md5(body).hexdigest()}  {path.lstrip('/')}\n")  # noqa: S324 - as dpkg has it
        (root / "DEBIAN/md5sums").write_text("".join(sums))
        place = folder / f"{self.name}_{self.version.replace(':', '%3a')}_{ARCH}.deb"
        command = ["dpkg-deb", f"-Z{form}", "--root-owner-group", "--build", str(root), str(place)]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        shutil.rmtree(root)
        return place


def packed(deb: Deb) -> bytes:
    """The same package without dpkg-deb."""
    sums = "".join(f"{hashlib.md5(body).hexdigest()}  {path[1:]}\n" for path, (_, body) in deb.files.items())  # noqa: S324
    own = {"./control": deb.control, "./md5sums": sums, "./conffiles": "".join(f"{path}\n" for path in deb.conffiles)}
    control = _tar({path: (0o644, text.encode()) for path, text in own.items()})
    data = _tar({f".{path}": file for path, file in deb.files.items()})
    members = (
        ("debian-binary", b"2.0\n"),
        ("control.tar.gz", gzip.compress(control)),
        ("data.tar.xz", lzma.compress(data)),
    )
    return b"!<arch>\n" + b"".join(map(_member, members))


def _member(member: tuple[str, bytes]) -> bytes:
    name, body = member
    return f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(body):<10}`\n".encode() + body + b"\n" * (len(body) % 2)


def _tar(files: Mapping[str, tuple[int, bytes]]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for path, (mode, body) in files.items():
            info = tarfile.TarInfo(path)
            info.size, info.mode = len(body), mode
            tar.addfile(info, io.BytesIO(body))
    return out.getvalue()


def write_debs(
    folder: Path, suite: str, debs: Iterable[Deb], fields: tuple[str, ...] = (), *, by_dpkg: bool = True
) -> list[Path]:
    """A suite with these packages, and their files, made by dpkg-deb or without it."""
    pool = folder / "pool"
    pool.mkdir(parents=True, exist_ok=True)
    stanzas, places = [], []
    for deb in debs:
        place = deb.build(pool) if by_dpkg else pool / f"{deb.name}_{deb.version}.deb"
        body = place.read_bytes() if by_dpkg else packed(deb)
        place.write_bytes(body)
        more = f"Filename: pool/{place.name}\nSize: {len(body)}\nSHA256: {hashlib.sha256(body).hexdigest()}\n"
        stanzas.append(deb.control + more)
        places.append(place)
    write_lists(folder, suite, "\n".join(stanzas).encode(), fields)
    return places


def sparse_tar(name: str, size: int) -> bytes:
    """An archive with a file of this name that is one hole of so many bytes."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        info = tarfile.TarInfo(name)
        said = {"major": "1", "minor": "0", "name": name, "realsize": str(size)}
        info.pax_headers = {f"GNU.sparse.{key}": value for key, value in said.items()}
        info.size = 512
        tar.addfile(info, io.BytesIO(b"1\n0\n0\n".ljust(512, b"\0")))
    return out.getvalue()
