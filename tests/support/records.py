"""A small file for each kind of record of packages: what a package manager, a builder or a project leaves of one package.

`RECORDS` has them by the read that wants them. Each is about the package of one name, so that tests can ask whether it is found.
"""

from __future__ import annotations

import gzip
import io
import json
import sqlite3
import struct
import zipfile
from contextlib import closing
from typing import NamedTuple

from tests.support import nix_database, package_files
from tests.support.executables import Part, elf

NAME = "vulnerable"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Record(NamedTuple):
    """A file, the package URLs that come of it, and files beside it. `is_lock`: only folders are looked at for it.

    `padding` may follow without saying anything.
    """

    path: str
    body: bytes
    purls: tuple[str, ...]
    beside: dict[str, bytes] = {}  # noqa: RUF012 - never changed
    is_lock: bool = False
    padding: bytes = b"\n" * 5000

    @property
    def files(self) -> dict[str, bytes]:
        """The record with what is beside it."""
        return {**self.beside, self.path: self.body}


def _json(path: str, value: object, *purls: str, is_lock: bool = False) -> Record:
    return Record(path, json.dumps(value).encode(), purls, is_lock=is_lock)


def _text(path: str, text: str, *purls: str, is_lock: bool = False) -> Record:
    return Record(path, text.encode(), purls, is_lock=is_lock)


def egg(metadata: bytes, member: str = "EGG-INFO/PKG-INFO") -> bytes:
    """A zipped egg, or a wheel (`member` is NAME-VERSION.dist-info/METADATA)."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member, metadata)
        archive.writestr("a/__init__.py", b"")
    return made.getvalue()


def serialised(value: object) -> bytes:
    """A value as PHP's serialize() writes it."""
    if isinstance(value, dict):
        parts = b"".join(serialised(key) + serialised(each) for key, each in value.items())
        return b"a:%d:{%s}" % (len(value), parts)
    text = str(value).encode()
    return b"i:%s;" % text if isinstance(value, int) else b's:%d:"%s";' % (len(text), text)


def _string(key: str, value: str) -> bytes:
    """A String of a version resource."""
    raw, text = key.encode("utf-16-le") + b"\0\0", value.encode("utf-16-le") + b"\0\0"
    head = struct.pack("<HHH", 0, len(value) + 1, 1)
    return head + raw + bytes(-(6 + len(raw)) % 4) + text + bytes(-len(text) % 4)


def assembly(
    *, clr: bool = True, strings: dict[str, str] | None = None, fixed: bytes = b"", resources: int = 0x1000
) -> bytes:
    """A PE file whose resources hold a version; `resources` is where they stand in the file and in memory."""
    block = b"".join(_string(key, value) for key, value in (strings or {}).items())
    # VS_VERSIONINFO: head, key, padding, the fixed part, StringFileInfo, StringTable, strings.
    info = struct.pack("<HHH", 0, 52, 0) + "VS_VERSION_INFO\0".encode("utf-16-le") + bytes(2)
    info += fixed or struct.pack("<IIIIII", 0xFEEF04BD, 0x10000, 0x10002, 0x30004, 0x10002, 0x30004) + bytes(28)
    info += bytes(8) + block
    leaf = 3 * 24
    tree = b""
    for number, target in ((16, 24 | 1 << 31), (1, 48 | 1 << 31), (1033, leaf)):
        tree += struct.pack("<IIHHHH", 0, 0, 0, 0, 0, 1) + struct.pack("<II", number, target)
    tree += struct.pack("<IIII", resources + leaf + 16, len(info), 0, 0) + info
    directories = [(0, 0)] * 16
    directories[2] = (resources, len(tree))
    directories[14] = (0x2008, 72) if clr else (0, 0)
    optional = (
        struct.pack("<H", 0x20B) + bytes(110) + b"".join(struct.pack("<II", *directory) for directory in directories)
    )
    coff = b"PE\0\0" + struct.pack("<HHIIIHH", 0x8664, 1, 0, 0, 0, len(optional), 0x22)
    section = b".rsrc\0\0\0" + struct.pack("<IIII", len(tree), resources, len(tree), resources) + bytes(16)
    head = b"MZ" + bytes(58) + struct.pack("<I", 64) + coff + optional + section
    return head + bytes(resources - len(head)) + tree


def conan_cache(*references: str) -> bytes:
    """The list of Conan 2's cache."""
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute("CREATE TABLE packages (reference TEXT NOT NULL, rrev TEXT, pkgid TEXT, path TEXT)")
        db.executemany("INSERT INTO packages VALUES (?, 'r', 'p', 'b')", [(reference,) for reference in references])
        db.commit()
        return db.serialize()


def kernel(banner: str) -> bytes:
    """The head of a bzImage."""
    head = bytearray(0x1000)
    head[0x202:0x206] = b"HdrS"
    head[0x20E:0x210] = (0x400).to_bytes(2, "little")
    head[0x600 : 0x600 + len(banner)] = banner.encode()
    return bytes(head)


def module(**fields: str) -> bytes:
    """A kernel module with this description."""
    info = b"".join(f"{key}={value}".encode() + b"\0" for key, value in fields.items())
    return elf([Part(b".modinfo", info)])


def gguf(**fields: str) -> bytes:
    """A GGUF header with texts; blanks in keys are dots."""
    made = b"GGUF" + struct.pack("<IQQ", 3, 2, len(fields))
    for key, value in fields.items():
        name, text = key.replace("__", ".").encode(), value.encode()
        made += struct.pack("<Q", len(name)) + name + struct.pack("<IQ", 8, len(text)) + text
    return made


def safetensors(**fields: str) -> bytes:
    """A safetensors header with texts about the whole."""
    header = json.dumps({"__metadata__": fields}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(8)


def cyclonedx(*components: dict[str, str]) -> bytes:
    """A bill of materials."""
    whole = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "components": [{"type": "library", **component} for component in components],
    }
    return json.dumps(whole).encode()


def native_image(document: bytes) -> bytes:
    """A program of GraalVM with a bill of materials."""
    parts = [
        Part(b".dynstr", b"\0sbom\0sbom_length\0", writable=False),
        Part(b".data", gzip.compress(document, mtime=0)),
    ]
    return elf(parts)


_SPDX = {
    "spdxVersion": "SPDX-2.3",
    "packages": [
        {
            "name": NAME,
            "versionInfo": "1.0.0-1",
            "licenseDeclared": "MIT",
            "externalRefs": [{"referenceType": "purl", "referenceLocator": f"pkg:bitnami/{NAME}@1.0.0-1?arch=amd64"}],
        }
    ],
}
_DEPS = {
    "runtimeTarget": {"name": ".NETCoreApp,Version=v8.0"},
    "targets": {".NETCoreApp,Version=v8.0": {f"{NAME}/1.0.0": {"runtime": {f"lib/{NAME}.dll": {}}}}},
    "libraries": {f"{NAME}/1.0.0": {"type": "package"}},
}
_PNP = {"packageRegistryData": [[NAME, [["npm:1.0.0", {}]]]]}
_CONDA = {
    "name": NAME,
    "version": "1.0.0",
    "build": "0",
    "files": [f"lib/{NAME}.py"],
    "channel": "https://e.org/main/noarch",
    "subdir": "noarch",
}
_INFO = f"""<?xml version="1.0" encoding="UTF-8"?>
<plist version="1.0"><dict><key>CFBundleName</key><string>{NAME}</string>
<key>CFBundleShortVersionString</key><string>1.0.0</string></dict></plist>
"""
_COMPOSER = {"packages": [{"name": f"v/{NAME}", "version": "v1.0.0", "license": ["MIT"]}]}

RECORDS: dict[tuple[str, str], Record] = {
    ("systems.alpm", "DESC"): _text(
        f"var/lib/pacman/local/{NAME}-1.0-1/desc",
        f"%NAME%\n{NAME}\n\n%VERSION%\n1.0-1\n\n%ARCH%\nany\n\n",
        f"pkg:alpm/arch/{NAME}@1.0-1?arch=any",
    ),
    ("programs.apple", "INFO"): Record(
        f"Applications/{NAME}.app/Contents/Info.plist", _INFO.encode(), (f"pkg:generic/{NAME}@1.0.0",)
    ),
    ("systems.bitnami", "COMPONENTS"): _json(
        f"opt/bitnami/{NAME}/.spdx-{NAME}.spdx", _SPDX, f"pkg:bitnami/{NAME}@1.0.0-1?arch=amd64"
    ),
    ("systems.bitnami", "LIST"): _json(
        "opt/bitnami/.bitnami_components.json",
        {NAME: {"arch": "amd64", "distro": "debian-12", "type": "NAMI", "version": "1.0.0-1"}},
        f"pkg:bitnami/{NAME}@1.0.0-1?arch=amd64&distro=debian-12",
    ),
    ("claims", "DOCUMENT"): Record(
        "srv/a.cdx.json",
        cyclonedx({"name": NAME, "version": "1.0.0", "purl": f"pkg:npm/{NAME}@1.0.0"}),
        (f"pkg:npm/{NAME}@1.0.0",),
    ),
    ("languages.conan", "INFO"): _text(
        ".conan/data/a/1.0.0/_/_/package/0/conaninfo.txt",
        f"[settings]\n    os=Linux\n\n[full_requires]\n    {NAME}/1.0.0:0123\n",
        "pkg:conan/a@1.0.0",
        f"pkg:conan/{NAME}@1.0.0",
    ),
    ("languages.conan", "CACHE"): Record(
        "root/.conan2/p/cache.sqlite3",
        conan_cache(f"{NAME}/1.0.0", f"{NAME}/1.0.0", "other/2.0@me/stable"),
        ("pkg:conan/other@2.0?channel=stable&user=me", f"pkg:conan/{NAME}@1.0.0"),
    ),
    ("systems.conda", "RECORD"): _json(
        f"opt/conda/conda-meta/{NAME}-1.0.0-0.json",
        _CONDA,
        f"pkg:conda/{NAME}@1.0.0?build=0&channel=main&subdir=noarch",
    ),
    ("languages.dotnet", "DEPS"): _json("app/a.deps.json", _DEPS, f"pkg:nuget/{NAME}@1.0.0"),
    ("languages.dotnet", "LOCK"): _json(
        "app/packages.lock.json",
        {"version": 1, "dependencies": {"net8.0": {NAME: {"type": "Direct", "resolved": "1.0.0"}}}},
        f"pkg:nuget/{NAME}@1.0.0",
    ),
    ("languages.dotnet_assembly", "ASSEMBLY"): Record(
        f"app/{NAME}.dll", assembly(strings={"ProductVersion": "1.0.0+0123"}), (f"pkg:nuget/{NAME}@1.0.0",)
    ),
    ("languages.erlang", "APP"): _text(
        f"lib/{NAME}/ebin/{NAME}.app",
        f'{{application,{NAME},[{{vsn,"1.0.0"}},{{licenses,["MIT"]}}]}}.\n',
        f"pkg:otp/{NAME}@1.0.0",
    ),
    ("systems.flatpak", "KEYS"): _text(
        f"var/lib/flatpak/runtime/org.{NAME}/x86_64/23.08/0123/metadata",
        f"[Runtime]\nname=org.{NAME}\n",
        f"pkg:flatpak/org.{NAME}@23.08?arch=x86_64&branch=23.08",
    ),
    ("systems.flatpak", "APPSTREAM"): Record(
        f"var/lib/flatpak/app/org.{NAME}/x86_64/stable/0123/files/share/metainfo/org.{NAME}.metainfo.xml",
        b'<component><releases><release version="1.0"/></releases></component>',
        (f"pkg:flatpak/org.{NAME}@1.0?arch=x86_64&branch=stable",),
        {f"var/lib/flatpak/app/org.{NAME}/x86_64/stable/0123/metadata": b"[Application]\nruntime=org.a/x86_64/1\n"},
    ),
    ("programs.graalvm", "PROGRAM"): Record(
        "app/native",
        native_image(cyclonedx({"name": NAME, "version": "1.0.0", "purl": f"pkg:maven/g/{NAME}@1.0.0"})),
        (f"pkg:maven/g/{NAME}@1.0.0",),
    ),
    ("systems.homebrew", "FORMULA"): _text(
        f"home/linuxbrew/.linuxbrew/Cellar/{NAME}/1.0.0/.brew/{NAME}.rb",
        'class A < Formula\n  homepage "https://e.org"\n  license "MIT"\nend\n',
        f"pkg:brew/{NAME}@1.0.0",
    ),
    ("systems.homebrew", "RECEIPT"): _text(
        f"home/linuxbrew/.linuxbrew/Cellar/{NAME}/1.0.1/INSTALL_RECEIPT.json", "{}", f"pkg:brew/{NAME}@1.0.1"
    ),
    ("programs.kernel", "KERNEL"): Record(
        "boot/vmlinuz-6.1.0-1-amd64",
        kernel("6.1.0-1-amd64 (a@b) #1 SMP Debian 6.1.1-1"),
        ("pkg:generic/linux-kernel@6.1.0-1-amd64",),
    ),
    ("programs.kernel", "MODULE"): Record(
        f"lib/modules/6.1.0-1-amd64/updates/dkms/{NAME}.ko",
        module(name=NAME, version="1.0", license="MIT", vermagic="6.1.0-1-amd64 SMP"),
        (f"pkg:generic/{NAME}@1.0",),
        padding=bytes(5000),
    ),
    ("programs.kernel", "INDEX"): _text("lib/modules/6.2.0/modules.dep", "a.ko:\n", "pkg:generic/linux-kernel@6.2.0"),
    ("languages.lua", "ROCKSPEC"): _text(
        f"usr/lib/luarocks/{NAME}-1.0-1.rockspec",
        f'package = "{NAME}"\nversion = "1.0-1"\n',
        f"pkg:luarocks/{NAME}@1.0-1",
    ),
    ("programs.models", "MODEL"): Record(
        "models/a.gguf", gguf(general__name=NAME, general__version="1.0"), (f"pkg:huggingface/{NAME}@1.0",)
    ),
    ("systems.nix", "DATABASE"): Record(
        "nix/var/nix/db/db.sqlite",
        nix_database.two_files(before=nix_database.register(f"{NAME}-1.0-bin"))[nix_database.DB],
        (f"pkg:nix/{NAME}@1.0?output=bin&outputhash={'0' * 32}",),
        {f"{nix_database.place(f'{NAME}-1.0-bin')}/bin/a": b"x"},
    ),
    ("systems.package_files", "DEB"): Record(
        f"srv/{NAME}.deb", package_files.deb(), (f"pkg:deb/debian/{NAME}@1.0-1?arch=amd64",)
    ),
    ("systems.package_files", "APK"): Record(
        f"srv/{NAME}.apk", package_files.apk(), (f"pkg:apk/alpine/{NAME}@1.0-r0?arch=x86_64",)
    ),
    ("systems.package_files", "RPM"): Record(
        f"srv/{NAME}.rpm", package_files.rpm(), (f"pkg:rpm/{NAME}@1.0-1?arch=x86_64&upstream={NAME}-1.0-1.src.rpm",)
    ),
    ("languages.npm_pnp", "PNP"): _json("app/.pnp.data.json", _PNP, f"pkg:npm/{NAME}@1.0.0"),
    ("languages.opam", "INSTALLED"): _text(
        f"root/.opam/default/.opam-switch/packages/{NAME}.1.0/opam",
        'opam-version: "2.0"\nlicense: "MIT"\n',
        f"pkg:opam/{NAME}@1.0",
    ),
    ("languages.pear", "REGISTERED"): Record(
        f"usr/share/php/.registry/.channel.pear.php.net/{NAME}.reg",
        serialised({"name": NAME, "channel": "pear.php.net", "version": {"release": "1.0"}}),
        (f"pkg:pear/pear.php.net/{NAME}@1.0",),
    ),
    ("languages.perl", "META"): _json(
        f"usr/lib/perl5/site_perl/.meta/{NAME}-1.0/install.json",
        {"name": NAME, "dist": f"{NAME}-1.0", "pathname": f"A/AU/AUTHOR/{NAME}-1.0.tar.gz"},
        f"pkg:cpan/AUTHOR/{NAME}@1.0",
    ),
    ("languages.perl", "LOCAL"): _text(
        "usr/lib/perl5/perllocal.pod",
        f"=head2 Thu Jan  1 00:00:00 1970: C<Module> L<{NAME}|{NAME}>\n\n=over 4\n\n=item *\n\nC<VERSION: 1.0>\n\n",
        f"pkg:cpan/{NAME}@1.0",
    ),
    ("languages.perl", "PACKLIST"): _text(
        f"usr/lib/perl5/auto/{NAME}/.packlist", f"/usr/lib/perl5/{NAME}.pm\n", f"pkg:cpan/{NAME}"
    ),
    ("languages.php", "INSTALLED"): _json(
        "app/vendor/composer/installed.json", _COMPOSER, f"pkg:composer/v/{NAME}@v1.0.0"
    ),
    ("languages.php", "ARRAY"): _text(
        "app/vendor/composer/installed.php",
        f"<?php return array('root' => array(), 'versions' => array(\n 'v/{NAME}' => array(\n 'pretty_version' => '1.0',),),);",
        f"pkg:composer/v/{NAME}@1.0",
    ),
    ("systems.portage", "CONTENTS"): _text(
        f"var/db/pkg/app-misc/{NAME}-1.0-r1/CONTENTS", "dir /usr\n", f"pkg:ebuild/app-misc/{NAME}@1.0-r1"
    ),
    ("systems.portage", "PF"): _text(
        f"var/db/pkg/app-misc/{NAME}-1.1/PF", f"{NAME}-1.1\n", f"pkg:ebuild/app-misc/{NAME}@1.1"
    ),
    ("languages.prolog", "PACK"): _text(
        f"usr/lib/swi-prolog/pack/{NAME}/pack.pl", f"name({NAME}).\nversion('1.0').\n", f"pkg:swiplpack/{NAME}@1.0"
    ),
    ("languages.python_eggs", "EGG"): Record(
        "usr/lib/python3/a.egg",
        egg(f"Metadata-Version: 2.1\nName: {NAME}\nVersion: 1.0\n\n".encode()),
        (f"pkg:pypi/{NAME}@1.0",),
        padding=bytes(5000),
    ),
    ("languages.python_eggs", "WHEEL"): Record(
        f"usr/share/python-wheels/{NAME}-1.0-py3-none-any.whl",
        egg(f"Metadata-Version: 2.1\nName: {NAME}\nVersion: 1.0\n\n".encode(), f"{NAME}-1.0.dist-info/METADATA"),
        (f"pkg:pypi/{NAME}@1.0",),
        padding=bytes(5000),
    ),
    ("languages.r", "DESCRIPTION"): _text(
        f"usr/lib/R/library/{NAME}/DESCRIPTION",
        f"Package: {NAME}\nVersion: 1.0\nLicense: MIT\n",
        f"pkg:cran/{NAME}@1.0",
    ),
    ("systems.snap", "META"): _text(
        f"snap/{NAME}/12/meta/snap.yaml", f"name: {NAME}\nversion: '1.0'\nsummary: a\n", f"pkg:snap/{NAME}@1.0"
    ),
    ("systems.snap", "FILE"): Record(f"var/lib/snapd/snaps/{NAME}_12.snap", b"hsqs", (f"pkg:snap/{NAME}?revision=12",)),
    ("languages.vcpkg", "STATUS"): _text(
        "vcpkg/installed/vcpkg/status",
        f"Package: {NAME}\nVersion: 1.0\nPort-Version: 2\nArchitecture: x64-linux\nStatus: install ok installed\n\n",
        f"pkg:vcpkg/{NAME}@1.0%232?triplet=x64-linux",
    ),
    ("languages.wordpress", "PLUGIN"): _text(
        f"srv/wp-content/plugins/{NAME}/a.php",
        f"<?php\n/*\nPlugin Name: {NAME}\nVersion: 1.0\n*/",
        f"pkg:wordpress-plugin/{NAME}@1.0",
    ),
}
"""By module and constant of the read: records of what is installed."""

LOCKS: dict[tuple[str, str], Record] = {
    ("locks.github_actions", "WORKFLOW"): _text(
        ".github/workflows/a.yml",
        f"jobs:\n  a:\n    steps:\n      - uses: actions/{NAME}/sub@{COMMIT} # v1.0.0\n      - uses: ./local\n",
        f"pkg:githubactions/actions/{NAME}@v1.0.0#sub",
    ),
    ("locks.beam", "MIX_LOCK"): _text(
        "mix.lock",
        f'%{{\n  "a": {{:hex, :{NAME}, "1.0.0", "00", [:mix], [], "hexpm", "00"}},\n}}\n',
        f"pkg:hex/{NAME}@1.0.0",
    ),
    ("locks.beam", "REBAR_LOCK"): _text(
        "rebar.lock", f'{{"1.2.0",\n[{{<<"a">>,{{pkg,<<"{NAME}">>,<<"1.0.0">>}},0}}]}}.\n', f"pkg:hex/{NAME}@1.0.0"
    ),
    ("locks.bun", "BUN_LOCK"): _text(
        "bun.lock", f'{{"packages": {{"a": ["{NAME}@1.0.0", "", {{}}, "sha512-x"],}},}}', f"pkg:npm/{NAME}@1.0.0"
    ),
    ("locks.bun", "DENO_LOCK"): _json(
        "deno.lock", {"version": "4", "npm": {f"{NAME}@1.0.0": {}}}, f"pkg:npm/{NAME}@1.0.0"
    ),
    ("locks.conan", "LOCK"): _json(
        "conan.lock", {"version": "0.5", "requires": [f"{NAME}/1.0#0%1"]}, f"pkg:conan/{NAME}@1.0"
    ),
    ("locks.conan", "FILE"): _text("conanfile.txt", f"[requires]\n{NAME}/1.0\n", f"pkg:conan/{NAME}@1.0"),
    ("locks.conda_locks", "LOCK"): _text(
        "pixi.lock",
        f"version: 6\npackages:\n- conda: https://e.org/forge/noarch/{NAME}-1.0.0-0.conda\n",
        f"pkg:conda/{NAME}@1.0.0?build=0&channel=forge&subdir=noarch",
    ),
    ("locks.conda_locks", "EXPLICIT"): _text(
        "conda-linux-64.lock",
        f"@EXPLICIT\nhttps://e.org/forge/noarch/{NAME}-1.0.0-0.conda#{COMMIT[:32]}\n",
        f"pkg:conda/{NAME}@1.0.0?build=0&channel=forge&subdir=noarch",
    ),
    ("locks.conda", "ENVIRONMENT"): _text(
        "environment.yml", f"dependencies:\n  - {NAME}=1.0.0=py_0\n", f"pkg:conda/{NAME}@1.0.0?build=py_0"
    ),
    ("locks.dart", "PUBSPEC_LOCK"): _text(
        "pubspec.lock",
        f'packages:\n  {NAME}:\n    dependency: transitive\n    source: hosted\n    version: "1.0.0"\n',
        f"pkg:pub/{NAME}@1.0.0",
    ),
    ("locks.dart", "PUBSPEC"): _text("pubspec.yaml", f"name: {NAME}\nversion: 1.0.0\n", f"pkg:pub/{NAME}@1.0.0"),
    ("locks.dotnet", "CONFIG"): _text(
        "packages.config", f'<packages><package id="{NAME}" version="1.0.0" /></packages>', f"pkg:nuget/{NAME}@1.0.0"
    ),
    ("locks.dotnet", "ASSETS"): _json(
        "obj/project.assets.json", {"libraries": {f"{NAME}/1.0.0": {"type": "package"}}}, f"pkg:nuget/{NAME}@1.0.0"
    ),
    ("locks.haskell", "STACK_LOCK"): _text(
        "stack.yaml.lock",
        f"packages:\n- completed:\n    hackage: {NAME}-1.0@sha256:{'0' * 64},12\nsnapshots: []\n",
        f"pkg:hackage/{NAME}@1.0",
    ),
    ("locks.haskell", "STACK"): _text(
        "stack.yaml", f"extra-deps:\n- {NAME}-1.0\n- ./local\n", f"pkg:hackage/{NAME}@1.0"
    ),
    ("locks.haskell", "FREEZE"): _text(
        "cabal.project.freeze", f"constraints: any.{NAME} ==1.0,\n             a +flag\n", f"pkg:hackage/{NAME}@1.0"
    ),
    ("locks.julia", "MANIFEST"): _text(
        "Manifest.toml",
        f'manifest_format = "2.0"\n[[deps.{NAME}]]\nuuid = "01234567-0123-0123-0123-0123456789ab"\nversion = "1.0.0"\n',
        f"pkg:julia/{NAME}@1.0.0?uuid=01234567-0123-0123-0123-0123456789ab",
    ),
    ("locks.opam", "OPAM"): _text(f"{NAME}.opam", 'opam-version: "2.0"\nversion: "1.0"\n', f"pkg:opam/{NAME}@1.0"),
    ("locks.perl", "SNAPSHOT"): _text(
        "cpanfile.snapshot",
        f"# carton snapshot format: version 1.0\nDISTRIBUTIONS\n  {NAME}-1.0\n    pathname: A/AU/AUTHOR/{NAME}-1.0.tar.gz\n",
        f"pkg:cpan/AUTHOR/{NAME}@1.0",
    ),
    ("locks.php", "COMPOSER_LOCK"): _json("composer.lock", _COMPOSER, f"pkg:composer/v/{NAME}@v1.0.0"),
    ("locks.r", "RENV_LOCK"): _json(
        "renv.lock", {"Packages": {NAME: {"Package": NAME, "Version": "1.0"}}}, f"pkg:cran/{NAME}@1.0"
    ),
    ("locks.swift", "RESOLVED"): _json(
        "Package.resolved",
        {"pins": [{"identity": NAME, "location": f"https://e.org/o/{NAME}.git", "state": {"version": "1.0.0"}}]},
        f"pkg:swift/e.org/o/{NAME}@1.0.0",
    ),
    ("locks.swift", "PODFILE_LOCK"): _text(
        "Podfile.lock", f"PODS:\n  - {NAME}/Part (1.0.0):\n    - a (~> 1)\n", f"pkg:cocoapods/{NAME}@1.0.0#Part"
    ),
    ("locks.terraform", "TERRAFORM_LOCK"): _text(
        ".terraform.lock.hcl",
        f'provider "registry.terraform.io/o/{NAME}" {{\n  version = "1.0.0"\n}}\n',
        f"pkg:terraform/registry.terraform.io/o/{NAME}@1.0.0",
    ),
    ("locks.vcpkg", "VCPKG_JSON"): _json(
        "vcpkg.json", {"dependencies": [{"name": NAME, "version>=": "1.0"}]}, f"pkg:vcpkg/{NAME}@1.0"
    ),
}
"""By module and constant of the read: what projects name."""
