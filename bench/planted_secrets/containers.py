"""What a planted text can lie in: encodings, archives, databases, git's objects, binaries. Each: seed, path, bytes -> files."""

import bz2
import gzip
import hashlib
import importlib.util
import io
import lzma
import marshal
import sqlite3
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from random import Random

from bench.planted_secrets.model import Stored
from bench.planted_secrets.values import b64, lines

Packed = tuple[tuple[Stored, ...], str]
"""The files, and the path inside the first of them, empty if there is none."""

Pack = Callable[[Random, str, bytes], Packed]


def _one(path: str, content: bytes, inner: str = "") -> Packed:
    return (Stored(path, content),), inner


def _fill(r: Random, size: int) -> bytes:
    return bytes(byte if byte >= 128 or byte < 9 else 0 for byte in r.randbytes(size))


def utf16le(_r: Random, path: str, text: bytes) -> Packed:
    return _one(path, b"\xff\xfe" + text.decode().replace("\n", "\r\n").encode("utf-16-le"))


def utf16be(_r: Random, path: str, text: bytes) -> Packed:
    return _one(path, b"\xfe\xff" + text.decode().encode("utf-16-be"))


def nul(_r: Random, path: str, text: bytes) -> Packed:
    """As a copy of /proc/PID/environ: NUL bytes where lines end."""
    return _one(path + ".environ", text.replace(b"\n", b"\0"))


def elf(r: Random, path: str, text: bytes) -> Packed:
    head = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHI", 2, 62, 1)
    return _one(path, head + _fill(r, 3000) + b"\0" + text.replace(b"\n", b"\0") + b"\0" + _fill(r, 2000))


def wide_elf(r: Random, path: str, text: bytes) -> Packed:
    """As in a Windows program: UTF-16 strings, little end first."""
    return _one(
        path + ".exe", b"MZ" + _fill(r, 2501) + bytes(3) + text.decode().encode("utf-16-le") + bytes(2) + _fill(r, 900)
    )


def pyc(_r: Random, path: str, text: bytes) -> Packed:
    folder, _, name = path.rpartition("/")
    code = compile(text, path, "exec", dont_inherit=True)
    head = importlib.util.MAGIC_NUMBER + struct.pack("<III", 0, 1760000000, len(text))
    return _one(f"{folder}/__pycache__/{name.removesuffix('.py')}.cpython-311.pyc", head + marshal.dumps(code))


def sqlite(_r: Random, path: str, text: bytes) -> Packed:
    base = sqlite3.connect(":memory:")
    base.execute("CREATE TABLE note (id INTEGER PRIMARY KEY, title TEXT, body TEXT)")
    rows = [(f"entry {n}", "nothing to see, " * 3) for n in range(20)] + [(path.rpartition("/")[2], text.decode())]
    base.executemany("INSERT INTO note (title, body) VALUES (?, ?)", rows)
    base.commit()
    content = base.serialize()
    base.close()
    return _one(path + ".sqlite3", content)


def gz(_r: Random, path: str, text: bytes) -> Packed:
    return _one(path + ".gz", gzip.compress(text, mtime=0))


def bzip2(_r: Random, path: str, text: bytes) -> Packed:
    return _one(path + ".bz2", bz2.compress(text))


def xz(_r: Random, path: str, text: bytes) -> Packed:
    return _one(path + ".xz", lzma.compress(text))


def _tar(files: list[tuple[str, bytes]]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(content), 1760000000
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def _zip(files: list[tuple[str, bytes]]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for name, content in files:
            packed.writestr(zipfile.ZipInfo(name, (2025, 10, 9, 8, 53, 20)), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _inside(path: str, text: bytes) -> list[tuple[str, bytes]]:
    return [("README", b"a backup\n"), (path.lstrip("/"), text), ("lib/data.bin", bytes(400))]


def tgz(_r: Random, path: str, text: bytes) -> Packed:
    return _one(f"/backup/{_slug(path)}.tar.gz", gzip.compress(_tar(_inside(path, text)), mtime=0), path.lstrip("/"))


def tar(_r: Random, path: str, text: bytes) -> Packed:
    return _one(f"/backup/{_slug(path)}.tar", _tar(_inside(path, text)), path.lstrip("/"))


def txz(_r: Random, path: str, text: bytes) -> Packed:
    return _one(f"/backup/{_slug(path)}.tar.xz", lzma.compress(_tar(_inside(path, text))), path.lstrip("/"))


def zipped(_r: Random, path: str, text: bytes) -> Packed:
    return _one(f"/opt/dist/{_slug(path)}.zip", _zip(_inside(path, text)), path.lstrip("/"))


def jar(_r: Random, path: str, text: bytes) -> Packed:
    inner = "BOOT-INF/classes/" + path.rpartition("/")[2]
    files = [("META-INF/MANIFEST.MF", b"Manifest-Version: 1.0\r\n\r\n"), (inner, text)]
    return _one(f"/opt/lib/{_slug(path)}.jar", _zip(files), inner)


def war(_r: Random, path: str, text: bytes) -> Packed:
    """A jar inside a war."""
    inner = path.rpartition("/")[2]
    lib = _zip([("META-INF/MANIFEST.MF", b"Manifest-Version: 1.0\r\n\r\n"), (inner, text)])
    files = [("WEB-INF/web.xml", b"<web-app/>\n"), ("WEB-INF/lib/settings-1.2.jar", lib)]
    return _one(f"/opt/tomcat/webapps/{_slug(path)}.war", _zip(files), "WEB-INF/lib/settings-1.2.jar/" + inner)


def nested(_r: Random, path: str, text: bytes) -> Packed:
    """A zip inside a tar.gz."""
    content = gzip.compress(
        _tar([("release/notes.txt", b"2.1\n"), ("release/app.zip", _zip(_inside(path, text)))]), mtime=0
    )
    return _one(f"/opt/releases/{_slug(path)}.tgz", content, "release/app.zip/" + path.lstrip("/"))


def whl(_r: Random, path: str, text: bytes) -> Packed:
    inner = "northgale/" + path.rpartition("/")[2]
    return _one(
        f"/root/.cache/wheels/{_slug(path)}-1.0-py3-none-any.whl",
        _zip([("northgale/__init__.py", b""), (inner, text)]),
        inner,
    )


def deb(_r: Random, path: str, text: bytes) -> Packed:
    """A Debian package: an ar archive with a tar of files."""
    parts = [("debian-binary", b"2.0\n"), ("data.tar.xz", lzma.compress(_tar([("." + path, text)])))]
    out = b"!<arch>\n"
    for name, content in parts:
        out += (
            f"{name:<16}{1760000000:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n".encode()
            + content
            + b"\n" * (len(content) % 2)
        )
    return _one(f"/var/cache/apt/archives/{_slug(path)}_1.0_all.deb", out, path.lstrip("/"))


def git_loose(_r: Random, path: str, text: bytes) -> Packed:
    data = b"blob %d\0" % len(text) + text
    name = hashlib.sha1(data).hexdigest()  # noqa: S324 -- git's own name of it
    return _one(f"{path.rpartition('/')[0]}/.git/objects/{name[:2]}/{name[2:]}", zlib.compress(data))


def _pack_entry(kind: int, content: bytes) -> bytes:
    size, head = len(content) >> 4, [kind << 4 | len(content) & 15]
    while size:
        head[-1] |= 128
        head.append(size & 127)
        size >>= 7
    return bytes(head) + zlib.compress(content)


def git_pack(_r: Random, path: str, text: bytes) -> Packed:
    """A pack of three blobs and its index, both of version 2."""
    blobs = [b"# notes\n" * 9, text, b"all: build\n\ttrue\n"]
    pack, found = b"PACK" + struct.pack(">II", 2, len(blobs)), []
    for blob in blobs:
        entry = _pack_entry(3, blob)
        found.append((hashlib.sha1(b"blob %d\0" % len(blob) + blob).digest(), zlib.crc32(entry), len(pack)))  # noqa: S324
        pack += entry
    end = hashlib.sha1(pack).digest()  # noqa: S324
    found.sort()
    index = b"\xfftOc" + struct.pack(">I", 2)
    index += b"".join(struct.pack(">I", sum(1 for name, _, _ in found if name[0] <= top)) for top in range(256))
    index += b"".join(name for name, _, _ in found) + b"".join(struct.pack(">I", crc) for _, crc, _ in found)
    index += b"".join(struct.pack(">I", at) for _, _, at in found) + end
    names = hashlib.sha1(b"".join(name for name, _, _ in found)).hexdigest()  # noqa: S324
    base = f"{path.rpartition('/')[0]}/.git/objects/pack/pack-{names}"
    return (Stored(base + ".pack", pack + end), Stored(base + ".idx", index + hashlib.sha1(index).digest())), ""  # noqa: S324


def base64_text(_r: Random, path: str, text: bytes) -> Packed:
    return _one(path + ".b64", lines(b64(text), 76).encode() + b"\n")


def helm(_r: Random, path: str, text: bytes) -> Packed:
    """As Helm stores a release in a Kubernetes Secret: gzip in base64 in base64."""
    body = b64(b64(gzip.compress(text, mtime=0)).encode())
    head = "apiVersion: v1\nkind: Secret\ntype: helm.sh/release.v1\nmetadata:\n  name: sh.helm.release.v1.web.v1\ndata:\n  release: "
    return _one(path + ".release.yaml", f"{head}{body}\n".encode())


def swap(r: Random, path: str, text: bytes) -> Packed:
    """A swap file of Vim: blocks of 4096 bytes, the lines of text NUL-ended at the end of one."""
    folder, _, name = path.rpartition("/")
    head = b"b0VIM 9.0" + bytes(3) + struct.pack("<I", 4096) + bytes(8)
    tail = text.replace(b"\n", b"\0")
    return _one(f"{folder}/.{name}.swp", head.ljust(4096, b"\0") + b"ad" + _fill(r, 62) + tail.rjust(4032, b"\0"))


def png(_r: Random, path: str, text: bytes) -> Packed:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    parts = [chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)), chunk(b"tEXt", b"Comment\0" + text.strip())]
    parts += [chunk(b"IDAT", zlib.compress(b"\0\x7f")), chunk(b"IEND", b"")]
    return _one(path + ".png", b"\x89PNG\r\n\x1a\n" + b"".join(parts))


def _slug(path: str) -> str:
    return path.strip("/").replace("/", "-").replace(".", "-").replace("_", "-")


CONTAINERS: dict[str, tuple[str, Pack]] = {
    "utf16le": ("utf-16 with a mark, little end first", utf16le),
    "utf16be": ("utf-16 with a mark, big end first", utf16be),
    "nul": ("NUL bytes between lines", nul),
    "elf": ("in a binary", elf),
    "exe": ("utf-16 in a binary", wide_elf),
    "pyc": (".pyc", pyc),
    "sqlite": ("sqlite", sqlite),
    "gz": ("gz", gz),
    "bz2": ("bz2", bzip2),
    "xz": ("xz", xz),
    "tgz": ("tar.gz", tgz),
    "tar": ("tar", tar),
    "txz": ("tar.xz", txz),
    "zip": ("zip", zipped),
    "jar": ("jar", jar),
    "war": ("jar in a war", war),
    "nested": ("zip in a tar.gz", nested),
    "whl": ("wheel", whl),
    "deb": ("Debian package", deb),
    "loose": ("git loose object", git_loose),
    "pack": ("git pack", git_pack),
    "base64": ("base64 of the whole file", base64_text),
    "helm": ("gzip in base64 in base64", helm),
    "swp": ("swap file of an editor", swap),
    "png": ("comment of a picture", png),
}
