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
