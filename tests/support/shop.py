"""A small image as people build them: Debian packages, one purged again, edited files, a deleted key, a Python program.

Layer 0 is the base; layer 1 purges curl, installs tool and edits; layer 2 deletes the key and adds the program. `/lib` is a link to
`usr/lib` since the base.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path

from tests.support.images import Blobs, Json, tagged, write_layout
from tests.support.layers import TarBuilder

OS_RELEASE = b'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nID=debian\nVERSION_ID="13"\nVERSION_CODENAME=trixie\n'
INSTRUCTIONS = ("ADD rootfs.tar /", "RUN apt-get purge curl && apt-get install tool", "COPY app /app")
INFO = "var/lib/dpkg/info/"
SITE = "app/lib/python3.13/site-packages/"
KEY = b"-----BEGIN PRIVATE KEY-----\nnone\n-----END PRIVATE KEY-----\n"

CURL = {"usr/bin/curl": b"curl", "usr/share/doc/curl/README": b"read me"}
SHOP = {"usr/lib/libshop.so.1": b"\x7fELF shop", "usr/share/shop/data": b"data", "etc/shop.conf": b"port = 80\n"}
TOOL = {"usr/bin/tool": b"#!/bin/sh\n", "lib/tool/plugin": b"plugin"}
"""What the packages install. tool still says `lib`, as packages from before the merge of the two do."""

PACKAGES = [
    ("deb", "base-files", "13.8"),
    ("deb", "libshop1", "1:1.0-2"),
    ("deb", "tool", "2.0-1"),
    ("pypi", "seller", "3.1"),
]
PURGED = ("deb", "curl", "8.14.1-2")


def md5(body: bytes) -> str:
    """As dpkg records it."""
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def stanza(name: str, version: str, *more: str) -> bytes:
    """A package in dpkg's status file."""
    lines = (f"Package: {name}", "Status: install ok installed", "Maintainer: A <a@example.org>", "Architecture: amd64")
    return "\n".join((*lines, *more, f"Version: {version}", "Description: it\n\n")).encode()


BASE_FILES = stanza("base-files", "13.8")
LIBSHOP = stanza(
    "libshop1", "1:1.0-2", "Source: shop (1:1.0-1)", f"Conffiles:\n /etc/shop.conf {md5(SHOP['etc/shop.conf'])}"
)


def with_record(layer: TarBuilder, name: str, files: Mapping[str, bytes], *conffiles: str) -> TarBuilder:
    """What dpkg keeps of a package's files."""
    sums = (f"{md5(body)}  {path}\n" for path, body in files.items() if path not in conffiles)
    layer.add(f"{INFO}{name}.list", "".join(f"/{path}\n" for path in ("usr", *files)).encode())
    return layer.add(f"{INFO}{name}.md5sums", "".join(sums).encode())


def with_files(layer: TarBuilder, files: Mapping[str, bytes], mode: int = 0o644) -> TarBuilder:
    """The files themselves."""
    for path, body in files.items():
        layer.add(path, body, mode=0o755 if path.startswith("usr/bin/") else mode)
    return layer


def base() -> bytes:
    """Layer 0."""
    layer = TarBuilder()
    for folder in ("etc", "usr", "usr/bin", "usr/lib", "var", "var/lib", "var/lib/dpkg"):
        layer.folder(folder)
    layer.symlink("lib", "usr/lib").symlink("etc/os-release", "../usr/lib/os-release")
    layer.add("usr/lib/os-release", OS_RELEASE)
    layer.add("var/lib/dpkg/status", BASE_FILES + LIBSHOP + stanza("curl", "8.14.1-2"))
    with_files(layer, CURL)
    with_record(layer, "curl", CURL)
    with_files(layer, SHOP)
    with_record(layer, "libshop1", SHOP, "etc/shop.conf")
    layer.add(f"{INFO}base-files.list", b"/usr\n/usr/bin\n/usr/bin/su\n/lib\n")
    return layer.add("usr/bin/su", b"su", mode=0o4755).done()


def changed() -> bytes:
    """Layer 1."""
    layer = TarBuilder()
    layer.add("var/lib/dpkg/status", BASE_FILES + LIBSHOP + stanza("tool", "2.0-1"))
    for path in (*CURL, f"{INFO}curl.list", f"{INFO}curl.md5sums", "usr/share/shop/data"):
        folder, _, name = path.rpartition("/")
        layer.add(f"{folder}/.wh.{name}")
    with_files(layer, TOOL)
    with_record(layer, "tool", TOOL)
    layer.hardlink("usr/bin/tool-again", "usr/bin/tool")
    layer.add("usr/lib/libshop.so.1", b"\x7fELF other").add("etc/shop.conf", b"port = 8080\n")
    return layer.add("app/server.key", KEY, mode=0o600).done()


def program() -> bytes:
    """Layer 2."""
    files = {
        f"{SITE}seller/__init__.py": b"SELLS = True\n",
        f"{SITE}seller-3.1.dist-info/METADATA": b"Metadata-Version: 2.1\nName: seller\nVersion: 3.1\nLicense: MIT\n",
    }
    lines = [f"{path.removeprefix(SITE)},sha256={_urlsafe(body)},{len(body)}\n" for path, body in files.items()]
    lines.append("seller-3.1.dist-info/RECORD,,\n")
    layer = TarBuilder().add("app/.wh.server.key").add("app/run", b"#!/bin/sh\nexec seller\n", mode=0o755)
    with_files(layer, files)
    return layer.add(f"{SITE}seller-3.1.dist-info/RECORD", "".join(lines).encode()).done()


def _urlsafe(body: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(body).digest()).decode().rstrip("=")


def layers() -> tuple[bytes, ...]:
    """The layers as tars, bottom first."""
    return base(), changed(), program()


def config(made: Json) -> Json:
    """The settings of the image."""
    history = [{"created_by": instruction} for instruction in INSTRUCTIONS]
    settings = {"User": "1000", "Env": ["SHOP=1"], "Labels": {"title": "shop"}, "ExposedPorts": {"8080/tcp": {}}}
    return {**made, "config": settings, "history": history}


def shop_layout(folder: Path, tag: str = "latest") -> Path:
    """The image as an OCI layout."""
    blobs = Blobs()
    return write_layout(folder, blobs, [tagged(blobs.image(layers(), config=config), tag)])
