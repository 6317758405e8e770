"""Files that say of a package that it is there: one for each kind of record, about a package that no verdict may pass."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping

from tests.support.executables import elf, go_inline, rust
from tests.unit.catalog.systems.test_rpm_databases import make_bdb, make_ndb, make_sqlite
from tests.unit.catalog.systems.test_rpm_header import INT32, Value, make_header
from tests.walk.world import NAME

DEBIAN = {"etc/os-release": b"ID=debian\nVERSION_ID=12\n"}
ALPINE = {"etc/os-release": b"ID=alpine\nVERSION_ID=3.19.1\n"}
ROCKY = {"etc/os-release": b'ID="rocky"\nVERSION_ID="9.4"\nID_LIKE="rhel centos fedora"\n'}


def deb(name: str = NAME, more: str = "") -> bytes:
    """A stanza of dpkg's database."""
    return f"Package: {name}\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n{more}\n".encode()


def apk(name: str = NAME, more: str = "") -> bytes:
    """A record of apk's database."""
    return f"P:{name}\nV:1.0-r0\nA:x86_64\n{more}\n".encode()


def header(name: str = NAME, tags: Mapping[int, Value] | None = None) -> bytes:
    """A package of an rpm database."""
    return make_header({1000: name, 1001: "1", 1002: "1", 1022: "noarch", **(tags or {})})


def rpms(*headers: bytes) -> bytes:
    """An rpm database in SQLite."""
    return make_sqlite(headers)


def rpm_line(name: str = NAME) -> bytes:
    """A line of Azure Linux's manifest of packages."""
    return f"{name}\t1-1\t0\t0\tv\t(none)\t0\tnoarch\t0\ts-1-1.src.rpm\n".encode()


def rpm_files(folder: str, count: int = 1) -> Mapping[int, Value]:
    """Tags of an rpm package with files in a folder, none of which is there."""
    return {
        1116: (INT32, [0] * count),
        1117: [f"gone-{number}" for number in range(count)],
        1118: [folder],
        1035: ["a" * 32] * count,
    }


def wheel(name: str = NAME, more: str = "") -> bytes:
    """The METADATA of a Python distribution."""
    return f"Metadata-Version: 2.1\n{more}Name: {name}\nVersion: 1.0\n\n".encode()


def npm(name: str = NAME, **more: object) -> bytes:
    """A package.json."""
    return json.dumps({"name": name, "version": "1.0.0", **more}).encode()


def gemspec(name: str = NAME, more: str = "") -> bytes:
    """The specification of a gem."""
    return f'Gem::Specification.new do |s|\n{more}  s.name = "{name}"\n  s.version = "1.0"\nend\n'.encode()


def jar(members: Mapping[str, bytes] | None = None, *, stored: bool = False) -> bytes:
    """A Java archive; by default of the package."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED) as archive:
        for name, body in (members if members is not None else {POM: pom()}).items():
            archive.writestr(zipfile.ZipInfo(name), body, archive.compression)
    return made.getvalue()


POM = f"META-INF/maven/example/{NAME}/pom.properties"
PROJECT = f"META-INF/maven/example/{NAME}/pom.xml"


def pom(name: str = NAME, more: str = "") -> bytes:
    """A pom.properties."""
    return f"{more}groupId=example\nartifactId={name}\nversion=1.0\n".encode()


def project(name: str = NAME, more: str = "", head: str = "") -> bytes:
    """A pom.xml."""
    own = f"<groupId>example</groupId><artifactId>{name}</artifactId><version>1.0</version>"
    return f"<project>{head}{own}{more}</project>".encode()


def dependency(name: str = NAME) -> str:
    """A dependency in a pom.xml."""
    return f"<dependency><groupId>example</groupId><artifactId>{name}</artifactId><version>1.0</version></dependency>"


def go(*modules: str, version: str = "go1.22.1", sections: bool = True) -> bytes:
    """A Go program with these modules."""
    lines = [
        "path\texample.org/main",
        "mod\texample.org/main\tv1.0.0\t",
        *(f"dep\t{module}\tv1.0.0\th1:x=" for module in modules),
    ]
    return elf(go_inline(version, "\n".join(lines) + "\n"), sections=sections, stride=1 << 14)


def crates(*names: str, sections: bool = True) -> bytes:
    """A Rust program with these crates."""
    listed = {"packages": [{"name": name, "version": "1.0.0", "source": "crates.io"} for name in names]}
    return elf(rust(json.dumps(listed).encode()), sections=sections)


NDB, BDB = make_ndb, make_bdb
