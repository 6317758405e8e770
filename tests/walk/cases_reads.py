"""Files that are larger than what is read of their kind: a body, and the same body with padding that says nothing."""

from __future__ import annotations

import gzip
import json

from tests.support import records
from tests.support.records import Record
from tests.walk import bodies as b
from tests.walk.case import Case
from tests.walk.world import NAME, Files

_SITE = "usr/lib/python3/site-packages/v-1.0.dist-info"
_EVIL = b"Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\nFiles: *\nLicense: Evil-1.0\n"
_MPL = b"Mozilla Public License Version 2.0: Covered Software"
_STATUS = "var/lib/dpkg/status"
_INFO = f"var/lib/dpkg/info/{NAME}"
_DEB: Files = {**b.DEBIAN, _STATUS: b.deb()}
_NO_MD5 = b"0" * 32
_CHANGED: Files = {
    f"{_SITE}/METADATA": b.wheel(),
    f"{_SITE}/RECORD": b"there.py,sha256=" + b"A" * 43 + b",1\n",
    "usr/lib/python3/site-packages/there.py": b"x",
}


def _case(path: str, body: bytes, beside: Files, **how: object) -> Case:
    padding = how.pop("padding", b"\n" * 5000)
    assert isinstance(padding, bytes)
    padded = {**beside, path: body + padding}
    return Case(len(body), padded, {**beside, path: body}, **how)  # type: ignore[arg-type]


def _lock(path: str, body: str, padding: bytes = b"\n" * 5000) -> Case:
    return _case(path, body.encode(), {}, is_folder=True, padding=padding)


_PACKAGE_LOCK = {"lockfileVersion": 3, "packages": {f"node_modules/{NAME}": {"version": "1.0.0"}}}

READS: dict[tuple[str, str], Case] = {
    ("systems.apk", "INSTALLED"): _case("lib/apk/db/installed", b.apk(), b.ALPINE),
    ("systems.copyright", "COPYRIGHT"): _case(f"usr/share/doc/{NAME}/copyright", _EVIL, _DEB, rule="licences"),
    ("distro", "OS_RELEASE"): _case(
        "etc/os-release", b.DEBIAN["etc/os-release"], {_STATUS: b.deb()}, rule="vulnerabilities"
    ),
    ("distro", "RELEASE"): _case(
        "etc/alpine-release", b"3.19.1\n", {"lib/apk/db/installed": b.apk()}, rule="vulnerabilities"
    ),
    ("systems.dpkg_status", "STATUS"): _case(_STATUS, b.deb(), b.DEBIAN),
    ("systems.dpkg_status", "RECORD"): _case(f"var/lib/dpkg/status.d/{NAME}", b.deb(), b.DEBIAN),
    ("systems.dpkg_files", "LIST"): _case(
        f"{_INFO}.list",
        b"/.\n/usr\n/usr/changed\n",
        {**_DEB, f"{_INFO}.md5sums": _NO_MD5 + b"  usr/changed\n", "usr/changed": b"x"},
        rule="changed",
    ),
    ("systems.dpkg_files", "MD5SUMS"): _case(
        f"{_INFO}.md5sums",
        _NO_MD5 + b"  usr/changed\n",
        {**_DEB, f"{_INFO}.list": b"/.\n/usr\n/usr/changed\n", "usr/changed": b"x"},
        rule="changed",
    ),
    ("systems.dpkg_files", "DIVERSIONS"): _case(
        "var/lib/dpkg/diversions",
        b"/usr/there\n/usr/moved\nother\n",
        {
            **_DEB,
            f"{_INFO}.list": b"/.\n/usr\n/usr/there\n",
            f"{_INFO}.md5sums": _NO_MD5 + b"  usr/there\n",
            "usr/moved": b"x",
        },
        rule="changed",
        padding=b"/a\n/b\nother\n" * 99,
    ),
    ("languages.gem", "GEMSPEC"): _case(f"usr/lib/ruby/specifications/{NAME}-1.0.gemspec", b.gemspec(), {}),
    ("languages.java", "ARCHIVES"): _case("app/v.jar", b.jar(), {}, padding=bytes(5000)),
    ("languages.java", "UNPACKED_POMS"): _case(f"app/{b.POM}", b.pom(), {}),
    ("languages.java", "UNPACKED_PROJECTS"): _case(f"app/{b.PROJECT}", b.project(), {}),
    ("locks.go", "GO_MOD"): _lock("go.mod", f"module m\n\nrequire example.org/{NAME} v1.0.0\n"),
    ("locks.java", "GRADLE_LOCK"): _lock("gradle.lockfile", f"example:{NAME}:1.0=classpath\n"),
    ("locks.java", "POM"): _lock("pom.xml", b.project().decode()),
    ("locks.npm", "PACKAGE_LOCK"): _lock("package-lock.json", json.dumps(_PACKAGE_LOCK)),
    ("locks.npm", "PNPM_LOCK"): _lock(
        "pnpm-lock.yaml", f"lockfileVersion: '9.0'\npackages:\n  {NAME}@1.0.0:\n    a: b\n"
    ),
    ("locks.npm", "YARN_LOCK"): _lock("yarn.lock", f'# yarn lockfile v1\n\n{NAME}@^1.0.0:\n  version "1.0.0"\n'),
    ("locks.python", "PIPFILE_LOCK"): _lock("Pipfile.lock", json.dumps({"default": {NAME: {"version": "==1.0"}}})),
    ("locks.python", "REQUIREMENTS"): _lock("requirements.txt", f"{NAME}==1.0\n"),
    ("locks.python", "SETUP"): _lock("setup.py", f"setup(install_requires=['{NAME}==1.0'])\n"),
    ("locks.python", "TOML_LOCK"): _lock("poetry.lock", f'[[package]]\nname = "{NAME}"\nversion = "1.0"\n'),
    ("locks.ruby", "GEMFILE_LOCK"): _lock(
        "Gemfile.lock", f"GEM\n  remote: https://e.org/\n  specs:\n    {NAME} (1.0)\n"
    ),
    ("locks.rust", "CARGO_LOCK"): _lock(
        "Cargo.lock", f'version = 3\n\n[[package]]\nname = "{NAME}"\nversion = "1.0.0"\n'
    ),
    ("languages.npm", "PACKAGE_JSON"): _case(f"app/node_modules/{NAME}/package.json", b.npm(), {}),
    ("languages.python", "DIRECT_URL"): _case(
        f"{_SITE}/direct_url.json", b'{"url": "https://e.org"}', {f"{_SITE}/METADATA": b.wheel()}
    ),
    ("languages.python", "EGG_LINK"): _case(
        "usr/lib/python3/site-packages/v.egg-link", b"/srv/v\n", {"srv/v/v.egg-info/PKG-INFO": b.wheel()}
    ),
    ("languages.python", "INSTALLED_FILES"): _case(
        "usr/lib/python3/v.egg-info/installed-files.txt",
        b"../gone.py\n",
        {"usr/lib/python3/v.egg-info/PKG-INFO": b.wheel(), **_CHANGED},
        rule="changed",
    ),
    ("languages.python", "LICENCE"): _case(f"{_SITE}/LICENSE", _MPL, {f"{_SITE}/METADATA": b.wheel()}, rule="licences"),
    ("languages.python", "METADATA"): _case(f"{_SITE}/METADATA", b.wheel(), {}),
    ("languages.python", "RECORD"): _case(
        f"{_SITE}/RECORD",
        _CHANGED[f"{_SITE}/RECORD"],
        {each: body for each, body in _CHANGED.items() if not each.endswith("RECORD")},
        rule="changed",
    ),
    ("systems.redhat_image", "LABELS"): _case(
        "root/buildinfo/labels.json", json.dumps({"name": f"rh/{NAME}"}).encode(), {}
    ),
    ("systems.repositories", "MANIFEST"): _case(
        "root/buildinfo/content_manifests/a.json",
        b'{"content_sets": ["one"]}',
        {**b.ROCKY, "var/lib/rpm/rpmdb.sqlite": b.rpms(b.header())},
        rule="vulnerabilities",
    ),
    ("systems.repositories", "REPO"): _case(
        "etc/yum.repos.d/a.repo",
        b"[one]\nenabled=1\n",
        {**b.ROCKY, "var/lib/rpm/rpmdb.sqlite": b.rpms(b.header())},
        rule="vulnerabilities",
    ),
    ("systems.rpm", "DATABASE"): _case("var/lib/rpm/rpmdb.sqlite", b.rpms(b.header()), b.ROCKY, padding=bytes(4096)),
    ("systems.rpm", "MANIFEST"): _case("var/lib/rpmmanifest/container-manifest-2", b.rpm_line(), {}),
}


def _of(record: Record) -> Case:
    return _case(record.path, record.body, record.beside, padding=record.padding, is_folder=record.is_lock)


_PIECEWISE = frozenset(
    (
        ("languages.dotnet_assembly", "ASSEMBLY"),
        ("programs.graalvm", "PROGRAM"),
        ("languages.python_eggs", "WHEEL"),
        ("systems.homebrew", "RECEIPT"),
        ("programs.kernel", "INDEX"),
        ("programs.kernel", "KERNEL"),
        ("programs.models", "MODEL"),
        ("systems.nix", "DATABASE"),
        ("systems.package_files", "APK"),
        ("systems.package_files", "DEB"),
        ("systems.package_files", "RPM"),
        ("systems.portage", "PF"),
        ("systems.snap", "FILE"),
        ("languages.wordpress", "PLUGIN"),
    )
)
"""Reads that take larger files piece by piece, or look only whether they are there."""

_ARCH = "var/lib/pacman/local/v-1.0-1"
_WRONG = gzip.compress(b"./opt/changed sha256digest=" + b"0" * 64 + b"\n")


def arch(mtree: bytes) -> Files:
    """A package of pacman's, with a file that is not as its list of digests says."""
    return {
        f"{_ARCH}/desc": b"%NAME%\nv\n\n%VERSION%\n1.0-1\n\n",
        f"{_ARCH}/files": b"%FILES%\nopt/changed\n",
        f"{_ARCH}/mtree": mtree,
        "opt/changed": b"x",
    }


def _without(files: Files, path: str) -> Files:
    return {each: body for each, body in files.items() if each != path}


_PORTAGE = "var/db/pkg/app-misc/v-1.0"
READS |= {
    ("systems.alpm", "FILES"): _case(
        f"{_ARCH}/files", arch(_WRONG)[f"{_ARCH}/files"], _without(arch(_WRONG), f"{_ARCH}/files"), rule="changed"
    ),
    ("systems.alpm", "MTREE"): _case(
        f"{_ARCH}/mtree", _WRONG, _without(arch(_WRONG), f"{_ARCH}/mtree"), rule="changed"
    ),
    ("systems.portage", "LICENSE"): _case(
        f"{_PORTAGE}/LICENSE", b"Evil-1.0", {f"{_PORTAGE}/CONTENTS": b"dir /usr\n"}, rule="licences"
    ),
}
READS |= {key: _of(record) for key, record in records.RECORDS.items() if key not in _PIECEWISE}
READS |= {key: _of(record._replace(is_lock=True)) for key, record in records.LOCKS.items()}
