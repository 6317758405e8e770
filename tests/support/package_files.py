"""Package files as `dpkg-deb` and `rpmbuild` make them, as far as they are read."""

from __future__ import annotations

import gzip
import io
import lzma
import struct
import tarfile
from collections.abc import Mapping

CONTROL = b"Package: vulnerable\nVersion: 1.0-1\nArchitecture: amd64\nDepends: libc6 (>= 2.36), a | b\nMaintainer: M <m@e.org>\n"


def control_tar(files: Mapping[str, bytes]) -> bytes:
    """A tar of small files."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, body in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(body)
            tar.addfile(entry, io.BytesIO(body))
    return made.getvalue()


PACKED = {
    "": bytes,
    ".gz": lambda data: gzip.compress(data, mtime=0),
    ".xz": lzma.compress,
}


def ar(members: Mapping[str, bytes]) -> bytes:
    """An ar archive."""
    made = b"!<arch>\n"
    for name, body in members.items():
        made += (
            f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(body):<10}`\n".encode() + body + b"\n" * (len(body) % 2)
        )
    return made


def deb(control: bytes = CONTROL, *, pack: str = ".gz", before: Mapping[str, bytes] | None = None) -> bytes:
    """A .deb with such a control file; `before` are files that stand before it in its tar."""
    tar = control_tar({"./a": b"", **(before or {}), "./control": control})
    packed = PACKED[pack](tar)
    return ar({"debian-binary": b"2.0\n", f"control.tar{pack}": packed, "data.tar.xz": lzma.compress(bytes(10240))})


INFO = (
    b"# made by hand\npkgname = vulnerable\npkgver = 1.0-r0\narch = x86_64\nlicense = MIT\n"
    b"depend = so:libc.musl-x86_64.so.1\ndepend = b>1\n"
)


def apk(info: bytes = INFO, *, is_signed: bool = True) -> bytes:
    """An .apk of Alpine's with such a .PKGINFO."""
    signature = gzip.compress(control_tar({".SIGN.RSA.key.rsa.pub": b"x"})[:1024], mtime=0) if is_signed else b""
    parts = (control_tar({".PKGINFO": info}), control_tar({"usr/bin/a": b"x"}))
    return signature + b"".join(gzip.compress(part, mtime=0) for part in parts)


def header(texts: Mapping[int, str]) -> bytes:
    """An rpm header of texts, with its mark."""
    index, store = b"", b""
    for tag, text in sorted(texts.items()):
        index += struct.pack(">IIiI", tag, 6, len(store), 1)
        store += text.encode() + b"\0"
    return b"\x8e\xad\xe8\x01" + bytes(4) + struct.pack(">II", len(texts), len(store)) + index + store


def rpm(name: str = "vulnerable", version: str = "1.0", release: str = "1", license: str = "MIT") -> bytes:
    """An .rpm with such a header."""
    lead = b"\xed\xab\xee\xdb\3\0" + bytes(90)
    signature = header({1000: "s"})
    main = header(
        {1000: name, 1001: version, 1002: release, 1014: license, 1022: "x86_64", 1044: f"{name}-1.0-1.src.rpm"}
    )
    return lead + signature + bytes(-len(signature) % 8) + main + b"payload"
