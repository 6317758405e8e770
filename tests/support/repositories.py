"""Repositories of apt and apk, written to a folder and served from it."""

from __future__ import annotations

import functools
import gzip
import hashlib
import http.server
import io
import lzma
import tarfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

ARCH = "amd64"
AUTOMATIC, BACKPORTS, EXPERIMENTAL = (), ("ButAutomaticUpgrades: yes", "NotAutomatic: yes"), ("NotAutomatic: yes",)


class Entry(NamedTuple):
    """A package of a list. `source` is as its field is written."""

    name: str
    version: str
    arch: str = ARCH
    source: str = ""


def stanza(entry: Entry, *more: str) -> str:
    """The paragraph of a package, as Packages and dpkg's status have it."""
    source = [f"Source: {entry.source}"] if entry.source else []
    lines = [f"Package: {entry.name}", *more, *source, f"Version: {entry.version}", f"Architecture: {entry.arch}"]
    return "\n".join((*lines, "Maintainer: nobody <nobody@example.com>", "Description: a package")) + "\n"


def status_of(entries: Sequence[Entry]) -> str:
    """dpkg's status file of installed packages."""
    return "\n".join(stanza(entry, "Status: install ok installed") for entry in entries)


def write_suite(
    folder: Path, suite: str, entries: Sequence[Entry], fields: Sequence[str] = (), form: str = ".xz"
) -> None:
    """A suite with the component `main`; `fields` are further lines of its Release file."""
    write_lists(folder, suite, "\n".join(map(stanza, entries)).encode(), fields, form)


def write_lists(folder: Path, suite: str, body: bytes, fields: Sequence[str] = (), form: str = ".xz") -> None:
    """The same of a list as it is written."""
    place = folder / "dists" / suite
    name = f"main/binary-{ARCH}/Packages{form}"
    packed = lzma.compress(body) if form == ".xz" else gzip.compress(body, mtime=0) if form == ".gz" else body
    (place / name).parent.mkdir(parents=True, exist_ok=True)
    (place / name).write_bytes(packed)
    digest = hashlib.sha256(packed).hexdigest()
    lines = [f"Suite: {suite}", f"Codename: {suite}", "Date: Sat, 03 Oct 2026 10:00:00 UTC", f"Architectures: {ARCH}"]
    lines += ["Components: main", *fields, "SHA256:", f" {digest} {len(packed)} {name}"]
    if form:
        lines.append(f" {hashlib.sha256(body).hexdigest()} {len(body)} {name.removesuffix(form)}")
    (place / "Release").write_text("\n".join(lines) + "\n")


def apk_index(entries: Sequence[Entry]) -> bytes:
    """An APKINDEX.tar.gz: a signature in an archive without an end, then the index."""
    parts = []
    text = "\n".join(
        f"P:{entry.name}\nV:{entry.version}\nA:{entry.arch}\no:{entry.source or entry.name}\n" for entry in entries
    )
    for name, body in ((".SIGN.RSA.test.rsa.pub", b"signed"), ("APKINDEX", text.encode())):
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            member = tarfile.TarInfo(name)
            member.size = len(body)
            tar.addfile(member, io.BytesIO(body))
        raw = packed.getvalue()
        parts.append(gzip.compress(raw if name == "APKINDEX" else raw[: 512 + 512], mtime=0))
    return b"".join(parts)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The URL that a folder is served at."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class Rpm(NamedTuple):
    """A package of a list of rpm packages; `version` is `epoch:version-release`, without an epoch that is 0."""

    name: str
    version: str
    arch: str = "x86_64"
    source: str = ""


def _parts(version: str) -> tuple[str, str, str]:
    epoch, _, plain = version.rpartition(":")
    number, _, release = plain.rpartition("-")
    return epoch or "0", number, release


def primary(rpms: Sequence[Rpm]) -> bytes:
    """A primary.xml, as createrepo_c writes it."""
    entries = []
    for rpm in rpms:
        epoch, version, release = _parts(rpm.version)
        source = rpm.source or f"{rpm.name}-{version}-{release}.src.rpm"
        entries.append(
            f'<package type="rpm">\n  <name>{rpm.name}</name>\n  <arch>{rpm.arch}</arch>\n'
            f'  <version epoch="{epoch}" ver="{version}" rel="{release}"/>\n  <checksum type="sha256" pkgid="YES">00</checksum>\n'
            f'  <location href="{rpm.name}.rpm"/>\n  <format><rpm:sourcerpm>{source}</rpm:sourcerpm></format>\n</package>'
        )
    head = '<?xml version="1.0"?>\n<metadata xmlns="http://linux.duke.edu/metadata/common" packages="1">\n'
    return (head + "\n".join(entries) + "\n</metadata>").encode()


def updateinfo(rpms: Sequence[Rpm]) -> bytes:
    """An updateinfo.xml: an update for security of each package, and one that is for none of them."""
    entries = [
        '<update from="a" type="bugfix"><pkglist><package name="bash" version="9" release="9" epoch="0"/></pkglist></update>'
    ]
    for rpm in rpms:
        epoch, version, release = _parts(rpm.version)
        entries.append(
            f'<update from="a" status="final" type="security" version="1"><id>RLSA-1</id><pkglist><collection>'
            f'<package name="{rpm.name}" version="{version}" release="{release}" epoch="{epoch}" arch="{rpm.arch}">'
            "<filename>x.rpm</filename></package></collection></pkglist></update>"
        )
    return ("<updates>" + "\n".join(entries) + "</updates>").encode()


def repository_of(base: str, rpms: Sequence[Rpm], security: Sequence[Rpm] = ()) -> dict[str, bytes]:
    """The documents of a repository by their URLs."""
    lists = {"primary": gzip.compress(primary(rpms), mtime=0)}
    if security:
        lists["updateinfo"] = gzip.compress(updateinfo(security), mtime=0)
    data = "".join(
        f'<data type="{kind}">\n<checksum type="sha256">{hashlib.sha256(body).hexdigest()}</checksum>\n'
        f'<location href="repodata/{kind}.xml.gz"/>\n<timestamp>1790985600</timestamp></data>\n'
        for kind, body in lists.items()
    )
    found = {f"{base}/repodata/{kind}.xml.gz": body for kind, body in lists.items()}
    return {**found, f"{base}/repodata/repomd.xml": f"<repomd><revision>1</revision>{data}</repomd>".encode()}
