"""Images that hide a package, or the record of it, in another way than by its size."""

from __future__ import annotations

import io
import struct
import tarfile

from tests.support.layers import TarBuilder
from tests.walk import bodies as b
from tests.walk.world import NAME, Files, Layers, tar

_STATUS = "var/lib/dpkg/status"
_RPM = "var/lib/rpm/rpmdb.sqlite"
_APK = "lib/apk/db/installed"
_META = "usr/lib/python3/site-packages/v-1.0.dist-info/METADATA"
_GARBAGE = bytes(range(256)) * 40
_MANY_RPMS = b.rpms(*[b.header(f"good-{number}") for number in range(99)], b.header())


def _base() -> TarBuilder:
    made = TarBuilder()
    for path, body in {**b.DEBIAN, "var/lib/dpkg/info/good.list": b"/.\n"}.items():
        made.add(path, body)
    return made


def _special(kind: bytes, link: str = "") -> bytes:
    return _base().add(_STATUS, kind=kind, link=link).done()


def _linked_to(path: str, link: str, kind: bytes = tarfile.LNKTYPE) -> tuple[bytes, bytes]:
    """The database lies under another name in a lower layer, and a link of the upper one makes it the database."""
    return _base().add(path, b.deb()).done(), TarBuilder().add(_STATUS, kind=kind, link=link).done()


def _pax_sparse(path: str, body: bytes) -> bytes:
    """A sparse file as GNU tar writes it in PAX format 1.0: its map, then its pieces."""
    map_ = f"1\n0\n{len(body)}\n".encode().ljust(512, b"\0")
    info = tarfile.TarInfo(f"./GNUSparseFile.0/{path}")
    info.size = len(map_) + len(body)
    info.pax_headers = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.name": path,
        "GNU.sparse.realsize": str(len(body)),
    }
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(info, io.BytesIO(map_ + body))
    return made.getvalue()


def _old_sparse(path: str, body: bytes) -> bytes:
    """A sparse file as old GNU tar writes it: its map is in the header."""
    made = bytearray(tar({path: body}))
    made[156:157] = b"S"
    made[386:410] = b"%011o\0%011o\0" % (0, len(body))
    made[483:495] = b"%011o\0" % len(body)
    made[148:156] = b" " * 8
    made[148:156] = b"%06o\0 " % sum(made[:512])
    return bytes(made)


def _without(path: str) -> bytes:
    folder, _, name = path.rpartition("/")
    return tar({f"{folder}/.wh.{name}": b""})


def _cut_jar(size: int) -> bytes:
    whole = b.jar({b.POM: b.pom(), "a.class": b""})
    return whole[: len(whole) - size]


def _jar_of_wrong_directory() -> bytes:
    whole = bytearray(b.jar())
    at = whole.rindex(b"PK\5\6")
    whole[at + 16 : at + 20] = struct.pack("<I", 1 << 30)
    whole[at + 12 : at + 16] = struct.pack("<I", 1 << 29)
    return bytes(whole)


_DEB: Files = {**b.DEBIAN, _STATUS: b.deb()}
HIDDEN: dict[str, Layers] = {
    "a database of dpkg that is garbage": {**b.DEBIAN, _STATUS: _GARBAGE},
    "a database of dpkg whose end is garbage": {**b.DEBIAN, _STATUS: b.deb("good") + _GARBAGE},
    "an empty database of dpkg": {**b.DEBIAN, _STATUS: b""},
    "an empty database of apk": {**b.ALPINE, _APK: b""},
    "an empty database of rpm": {**b.ROCKY, _RPM: b""},
    "a database of apk that is garbage": {**b.ALPINE, _APK: b.apk("good") + _GARBAGE},
    "a database of rpm that was cut short": {**b.ROCKY, _RPM: _MANY_RPMS[: len(_MANY_RPMS) // 2]},
    "a database of rpm that is garbage": {**b.ROCKY, _RPM: _GARBAGE},
    "a log of rpm with changes": {**b.ROCKY, _RPM: b.rpms(b.header("good")), _RPM + "-wal": b"x" * 99},
    "a jar that lost its end": {"app/a.jar": _cut_jar(30)},
    "a jar that lost half of its list": {"app/a.jar": _cut_jar(60)},
    "a jar whose list is elsewhere": {"app/a.jar": _jar_of_wrong_directory()},
    "a resource adapter that lost its end": {"app/a.rar": _cut_jar(30)},
    "metadata without a name": {_META: b"Metadata-Version: 2.1\nVersion: 1.0\n\n"},
    "metadata that is garbage": {_META: _GARBAGE},
    "a package.json that is garbage": {f"app/node_modules/{NAME}/package.json": b'{"name": "vuln'},
    "a folder in the place of the database": _base().folder(_STATUS).done(),
    "a fifo in the place of the database": _special(tarfile.FIFOTYPE),
    "a device in the place of the database": _special(tarfile.CHRTYPE),
    "a link to itself in the place of the database": _special(tarfile.SYMTYPE, "status"),
    "a link out of the root in the place of the database": _special(tarfile.SYMTYPE, "../../../../etc/passwd"),
    "a hard link to nothing in the place of the database": _special(tarfile.LNKTYPE, "nowhere"),
    "a hard link to a file of a layer below": _linked_to("opt/x", "opt/x"),
    "a link to a file of another name": _linked_to("opt/x", "/opt/x", tarfile.SYMTYPE),
    "a link to a folder of another name": _base().add("opt/x/status", b.deb()).symlink("var/lib/dpkg", "/opt/x").done(),
    "a link to a folder of metadata": TarBuilder()
    .add("opt/x/METADATA", b.wheel())
    .symlink("v.dist-info", "/opt/x")
    .done(),
    "an entry that stands below a link of a layer below": [
        _base().symlink("d", "var/lib/dpkg").done(),
        tar({"d/status": b.deb()}),
    ],
    "a sparse database": [tar(b.DEBIAN), _pax_sparse(_STATUS, b.deb())],
    "a sparse database in the old form": [tar(b.DEBIAN), _old_sparse(_STATUS, b.deb())],
    "a sparse program": _pax_sparse("app/a", b.go(f"example.org/{NAME}")),
    "a hard link to a sparse file": [
        tar(b.DEBIAN),
        _pax_sparse("opt/x", b.deb())[:-10240] + TarBuilder().hardlink(_STATUS, "opt/x").done(),
    ],
    "a database that a layer above deleted": [{**_DEB, "var/lib/dpkg/info/good.list": b"/.\n"}, _without(_STATUS)],
    "a database and os-release that a layer above deleted": [
        {**_DEB, "var/lib/dpkg/info/good.list": b"/.\n"},
        _without(_STATUS),
        _without("etc/os-release"),
    ],
    "a folder of databases that a layer above emptied": [
        {**_DEB, "usr/bin/sh": b"x" * 99},
        tar({"var/lib/dpkg/.wh..wh..opq": b""}),
    ],
    "a package in a folder that looks like housekeeping": {f"opt/.wh..wh.x/node_modules/{NAME}/package.json": b.npm()},
    "a program of which only a hard link is left": [
        TarBuilder().add("a", b.go(f"example.org/{NAME}")).hardlink("b", "a").done(),
        tar({".wh.a": b""}),
    ],
    "a jar that a layer above links under a new name": [
        {"app/a.jar": b.jar()},
        TarBuilder().hardlink("app/b.jar", "app/a.jar").add("app/.wh.a.jar").done(),
    ],
    "another system's os-release": {"etc/os-release": b.ALPINE["etc/os-release"], _STATUS: b.deb("other", "")},
    "a path that is not text": TarBuilder().add(f"app/\udcff/node_modules/{NAME}/package.json", b.npm()).done(),
    "PHP packages": {"srv/vendor/composer/installed.json": b'{"packages": {}}'},
    ".NET packages": {"app/a.deps.json": b"{}"},
    "conda packages": {"opt/conda/conda-meta/a-1-0.json": b"{}"},
    "pacman's packages": {"var/lib/pacman/local/a-1-1/desc": b"%NAME%\na\n"},
    "Gentoo's packages": {"var/db/pkg/app-misc/a/PF": b"a\n"},
    "Nix packages": {"nix/store/abc-a-1/bin/a": b"x"},
}
"""What is hidden → the image. None of them is ever let go by a rule that forbids the package."""

SEEN: dict[str, Layers] = {
    "two os-release files": {**_DEB, "usr/lib/os-release": b.ALPINE["etc/os-release"]},
    "an entry with a slash at its end": TarBuilder()
    .add("etc/os-release", b.DEBIAN["etc/os-release"])
    .add(_STATUS + "/", b.deb())
    .done(),
    "names that differ by case": {**_DEB, "var/lib/dpkg/STATUS": b.deb("good")},
    "a hard link within a layer": _base().add("opt/x", b.deb()).hardlink(_STATUS, "opt/x").done(),
    "a hard link across layers to the same name": [
        {**b.DEBIAN, "var/lib/dpkg/status-old": b"", "opt/dpkg/status": b.deb()},
        TarBuilder().hardlink(_STATUS, "opt/dpkg/status").done(),
    ],
}
"""Ways to hide it that do not work: the package is found."""
