"""Real files for every read of every cataloger: those of the conformance material, and small ones for what it lacks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from hullmark.rootfs.dispatch import Dispatch
from hullmark.rootfs.reads import Read
from tests.conformance.cases import cases, placed
from tests.support import records
from tests.support.executables import elf, fat, go_inline, go_pointed, macho, pe, rust
from tests.support.nix_database import place, register, two_files
from tests.support.package_files import apk, deb, rpm
from tests.support.programs import NGINX, noted, program
from tests.unit.catalog.languages.test_java import make_jar, properties
from tests.unit.catalog.systems.test_rpm_databases import make_bdb, make_ndb, make_sqlite, package
from tests.unit.catalog.systems.test_rpm_header import FILES, IDENTITY, make_header

HEAD_BYTES = 8
MOST_BYTES = 1 << 20

Files = dict[str, bytes]

_MD5 = b"0123456789abcdef0123456789abcdef"
_STANZA = b"Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.2\n"
_BLOBS = [make_header({**IDENTITY, **FILES}), package("b")]
_GO = "path\texample.com/tool\nmod\texample.com/tool\tv1.2.3\t\ndep\tgopkg.in/yaml.v3\tv3.0.1\th1:def=\n"
_CRATES = b'{"packages":[{"name":"adler2","version":"2.0.1","source":"crates.io"}]}'
_JAR = make_jar({"META-INF/MANIFEST.MF": b"Manifest-Version: 1.0\n", **properties("org.example", "a", "1.0")})

MADE: tuple[Files, ...] = (
    {
        "var/lib/dpkg/status": _STANZA + b"Conffiles:\n /etc/bash.bashrc " + _MD5 + b"\n",
        "var/lib/dpkg/info/bash.list": b"/.\n/bin\n/bin/bash\n/bin/sh\n",
        "var/lib/dpkg/info/bash.md5sums": _MD5 + b"  bin/bash\n",
        "var/lib/dpkg/info/bash.postinst": b"#!/bin/sh\n",
        "var/lib/dpkg/diversions": b"/bin/sh\n/bin/sh.distrib\n:\n",
        "usr/share/doc/bash/copyright": (
            b"Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\nFiles: *\nLicense: GPL-3+\n"
        ),
    },
    {
        "usr/sbin/nginx": program(NGINX),
        "usr/local/go/VERSION": b"go1.12.3\n",
        "usr/bin/grep": noted(b'{"name":"grep"}'),
    },
    {"usr/lib/opkg/status": _STANZA, "usr/lib/opkg/info/bash.list": b"/bin/bash\t0100755\n"},
    {"var/lib/rpm/Packages": make_bdb(_BLOBS)},
    {"usr/lib/sysimage/rpm/Packages.db": make_ndb(_BLOBS)},
    {"var/lib/rpm/rpmdb.sqlite": make_sqlite(_BLOBS), "var/lib/rpm/rpmdb.sqlite-wal": bytes(64)},
    {
        "var/lib/rpmmanifest/container-manifest-2": (
            b"filesystem\t1.1-19.cm2\t1699474126\t1698948203\tVendor\t(none)\t7596\tx86_64\t0\tfilesystem-1.1-19.cm2.src.rpm\n"
        )
    },
    {
        "opt/a-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: a\nVersion: 1.0\n",
        "opt/a-1.0.dist-info/RECORD": b"a/__init__.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n",
        "opt/a-1.0.dist-info/LICENSE": b"Permission is hereby granted, free of charge, to any person obtaining a copy",
        "opt/a-1.0.dist-info/licenses/LICENSE": b"Apache License\nVersion 2.0, January 2004\n",
        "opt/a-1.0.dist-info/direct_url.json": json.dumps(
            {"url": "https://example.org/a.git", "vcs_info": {"vcs": "git", "commit_id": "a" * 40}}
        ).encode(),
        "opt/b.egg-info/PKG-INFO": b"Metadata-Version: 2.1\nName: b\nVersion: 2.0\n",
        "opt/b.egg-info/installed-files.txt": b"../b/__init__.py\nPKG-INFO\n",
        "opt/c.egg-link": b"/srv/c\n.",
        "srv/c/c.egg-info/PKG-INFO": b"Metadata-Version: 2.1\nName: c\nVersion: 3.0\n",
    },
    {
        "app/lib/a-1.0.jar": _JAR,
        "app/shop.war": make_jar({"WEB-INF/lib/a-1.0.jar": _JAR, "META-INF/MANIFEST.MF": b"Manifest-Version: 1.0\n"}),
        "app/x/META-INF/maven/org.example/x/pom.properties": b"groupId=org.example\nartifactId=x\nversion=1\n",
    },
    {
        "bin/elf": elf(go_inline("go1.22.1", _GO)),
        "bin/old": elf(go_pointed("go1.16", _GO)),
        "bin/pe.exe": pe(go_inline("go1.22.1", _GO)),
        "bin/fat": fat([macho(go_inline("go1.22.1", _GO, name=b"__go_buildinfo"))]),
        "bin/crates": elf(rust(_CRATES)),
        "bin/crates.exe": pe(rust(_CRATES)),
    },
    {
        f"{place('hello-2.12')}/bin/hello": b"x",
        **two_files(register("python3-3.11"), before=register("hello-2.12", "glibc-2.38")),
        "var/cache/apt/archives/vulnerable.deb": deb(),
        "srv/vulnerable.apk": apk(),
        "srv/vulnerable.rpm": rpm(),
    },
    {
        "root/buildinfo/labels.json": (
            b'{"name": "ubi9", "org.opencontainers.image.created": "2026-06-02T05:44:58Z", "architecture": "x86_64",'
            b' "cpe": "cpe:/a:redhat:enterprise_linux:9::appstream"}'
        ),
        "root/buildinfo/Dockerfile-ubi8-8.4-206": (
            b'FROM scratch\nLABEL com.redhat.component="ubi8-container" \\\n  name="ubi8" version="8.4"\nLABEL release=206\n'
        ),
    },
    {
        "app/pnpm-lock.yaml": b"lockfileVersion: '6.0'\npackages:\n  /@s/a@1.0.0(b@2.0.0):\n    dev: false\n",
        "lib/pnpm-lock.yaml": (
            b"lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      a: {specifier: ^1, version: 1.0.0}\n"
            b"packages:\n  a@1.0.0:\n    resolution: {integrity: x}\nsnapshots:\n  a@1.0.0: {}\n"
        ),
        "app/yarn.lock": b'"@s/a@^1.0":\n  version "1.0.1"\n  resolved "git+https://example.org/a.git#0123456789abcdef"\n',
    },
    {
        "app/poetry.lock": b'[[package]]\nname = "a"\nversion = "1.0"\n',
        "app/uv.lock": b'[[package]]\nname = "b"\nversion = "2.0"\nsource = { git = "https://example.org/b?rev=1#0123456" }\n',
        "app/Gemfile.lock": (
            b"GIT\n  remote: https://example.org/a.git\n  revision: 0123456789abcdef\n  specs:\n    a (1.0.0)\n\n"
            b"GEM\n  remote: https://example.org/\n  specs:\n    nokogiri (1.15.0-x86_64-linux)\n      racc (~> 1.4)\n"
        ),
    },
    {
        "usr/share/maven-repo/org/example/a/1.0/a-1.0.pom": (
            b"<project><dependencies><dependency><groupId>g</groupId><artifactId>b</artifactId></dependency></dependencies></project>"
        ),
        "pom.xml": (
            b"<project><groupId>g</groupId><artifactId>top</artifactId><version>1</version><properties><x>2.0</x></properties>"
            b"<dependencyManagement><dependencies><dependency><groupId>g</groupId><artifactId>b</artifactId>"
            b"<version>${x}</version></dependency></dependencies></dependencyManagement></project>"
        ),
        "sub/pom.xml": (
            b"<project><parent><groupId>g</groupId><artifactId>top</artifactId><version>1</version></parent>"
            b"<artifactId>sub</artifactId><dependencies><dependency><groupId>g</groupId><artifactId>b</artifactId></dependency>"
            b"</dependencies></project>"
        ),
    },
)
"""Roots of images, each with what the material has not: executables, other databases, lists of files."""


class Sample(NamedTuple):
    """A file that a read wants."""

    path: str
    body: bytes


def roots() -> list[tuple[str, Files]]:
    """(what it is, the files of an image's root) for every case of the material, every record, and every made one."""
    known = [(case["id"], placed(case)) for case in [*cases("image"), *cases("declared")]]
    for what, each in (("records", records.RECORDS), ("locks", records.LOCKS)):
        known.append((what, {path: body for one in each.values() for path, body in one.files.items()}))
    known += [(f"made-{next(iter(files)).rpartition('/')[2]}", files) for files in MADE]
    return [(name, {path: body for path, body in files.items() if len(body) <= MOST_BYTES}) for name, files in known]


def samples(reads: Iterable[Read[Any]]) -> dict[str, list[Sample]]:
    """A read's name → the files that it wants, chosen as the engine chooses them."""
    reads = tuple(reads)
    found: dict[str, list[Sample]] = {read.name: [] for read in reads}
    dispatch = Dispatch(reads)
    for _, files in roots():
        for path, body in files.items():
            for index in _wanted(dispatch, path, body):
                found[reads[index].name].append(Sample(path, body))
    return found


def _wanted(dispatch: Dispatch, path: str, body: bytes) -> Iterator[int]:
    yield from dict.fromkeys(dispatch.wanted(path.encode()) + dispatch.by_magic(body[:HEAD_BYTES]))
