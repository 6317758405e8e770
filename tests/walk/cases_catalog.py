"""Packages, licences and files that hide behind limits within a file."""

from __future__ import annotations

import gzip
import json
import sqlite3

from tests.support import records
from tests.support.executables import elf, go_pointed
from tests.support.package_files import deb, rpm
from tests.support.programs import NGINX, noted, noted_far, program
from tests.unit.catalog.systems.test_rpm_header import INT32
from tests.unit.catalog.systems.test_rpm_log import put, two_files
from tests.walk import bodies as b
from tests.walk.case import Case
from tests.walk.cases_reads import _DEB, _INFO, _STATUS, READS, arch
from tests.walk.world import NAME, Files

_SITE = "usr/lib/python3/site-packages/v-1.0.dist-info"
_RPM = "var/lib/rpm/rpmdb.sqlite"


def _debian(*stanzas: bytes) -> Files:
    return {**b.DEBIAN, _STATUS: b"".join(stanzas)}


def _rocky(body: bytes, path: str = _RPM) -> Files:
    return {**b.ROCKY, path: body}


def _rpm(number: int, padded: bytes, **how: object) -> Case:
    return Case(number, _rocky(padded), _rocky(b.rpms(b.header())), **how)  # type: ignore[arg-type]


def _logged(number: int, good: int = 1) -> Case:
    def change(db: sqlite3.Connection) -> None:
        for name in (*(f"good-{n}" for n in range(good)), NAME):
            put(db, name)

    body, log, _ = two_files(change, before=lambda db: put(db, "good"))
    return Case(number, {**_rocky(body), f"{_RPM}-wal": log}, _rocky(b.rpms(b.header())))


def _jar(number: int, members: dict[str, bytes], **how: object) -> Case:
    return Case(number, {"app/a.jar": b.jar(members, **how)}, {"app/a.jar": b.jar()})  # type: ignore[arg-type]


def _licences(count: int) -> str:
    return "".join(f"<license><name>{name}</name></license>" for name in ["MIT"] * (count - 1) + ["Evil-1.0"])


_DEPENDENCIES = "<dependencies><dependency><groupId>g</groupId><artifactId>a</artifactId></dependency></dependencies>"
_LONG = "/".join(["folder"] * 700)
_SUM = "Z:Q1" + "A" * 27 + "=\n"
_NO_END = b"PK\5\6" + bytes(4) + b"\1\0\1\0" + b"\x2e\0\0\0" + bytes(6)
_CONFIGURED = {f"{_INFO}.list": b"/.\n/etc\n/etc/gone\n", "etc/gone": b"x"}
_GO = "hullmark.catalog.programs.golang", "READ.limit"
_RUST = "hullmark.catalog.programs.rust", "READ.limit"
_INFO_TEXT = f"path\tm\nmod\tm\tv1.0.0\ndep\texample.org/{NAME}\tv1.0.0\n"
_BIG_GO = elf(go_pointed("go1.16", _INFO_TEXT, stride=1 << 20), stride=1 << 20, tail=3 << 20)

_RECORDS = records.RECORDS


def _padded(key: tuple[str, str], number: int, body: bytes) -> Case:
    """A record of the kind, and one in which more stands before the package."""
    record = _RECORDS[key]
    return Case(number, {record.path: body}, {record.path: record.body})


_MTREE = b"#" * 100 + b"\n./opt/changed sha256digest=" + b"0" * 64 + b"\n"
_CLAIMS = [{"name": name, "version": "1", "purl": f"pkg:npm/{name}@1"} for name in ("good", NAME)]

_NOTED = noted(f'{{"type":"rpm","name":"{NAME}","version":"1"}}'.encode())
_FAR = noted_far(f'{{"type":"rpm","name":"{NAME}","version":"1"}}'.encode(), 20_000, 40_000, 5 << 20)
_NGINX = _debian(b"Package: nginx\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n")

WITHIN: dict[tuple[str, str], Case] = {
    ("binaries.programs", "_HEAD"): Case(10_000, {"app/a": _FAR}, {"app/a": b.crates(NAME)}),
    ("binaries.programs", "_NOTES_LIMIT"): Case(10, {"app/a": _NOTED}, {"app/a": b.crates(NAME)}),
    ("binaries.programs", "_MAX_NOTES"): Case(0, {"app/a": _NOTED}, {"app/a": b.crates(NAME)}),
    ("binaries.programs", "_LONGEST_VALUE"): Case(5, {"app/a": _NOTED}, {"app/a": b.crates(NAME)}),
    ("binaries.search", "_MATCHES_LIMIT"): Case(0, {"srv/nginx": program(NGINX)}, _NGINX, rule="nginx"),
    ("binaries.search", "SEARCH_LIMIT"): Case(100, {"srv/nginx": program(bytes(900) + NGINX)}, _NGINX, rule="nginx"),
    ("systems.alpm", "_MAX_MTREE"): Case(
        120, arch(gzip.compress(_MTREE, mtime=0)), arch(gzip.compress(_MTREE[101:], mtime=0)), rule="changed"
    ),
    ("systems.bitnami", "_MAX_COMPONENTS"): _padded(
        ("systems.bitnami", "COMPONENTS"),
        1,
        _RECORDS["systems.bitnami", "COMPONENTS"].body.replace(b'"packages": [', b'"packages": [{}, '),
    ),
    ("languages.conan", "_MAX_ROWS"): Case(
        1,
        {".conan2/p/cache.sqlite3": records.conan_cache("a/1.0", f"{NAME}/1.0")},
        {".conan2/p/cache.sqlite3": records.conan_cache(f"{NAME}/1.0")},
    ),
    ("claims", "_MAX_CLAIMS"): Case(
        1, {"srv/a.cdx.json": records.cyclonedx(*_CLAIMS)}, {"srv/a.cdx.json": records.cyclonedx(_CLAIMS[1])}
    ),
    ("languages.dotnet_assembly", "_RESOURCES"): Case(
        100,
        {f"app/{NAME}.dll": _RECORDS["languages.dotnet_assembly", "ASSEMBLY"].body},
        {"app/a.deps.json": _RECORDS["languages.dotnet", "DEPS"].body},
    ),
    ("systems.deb_file", "BEGINNING"): Case(60, {"srv/a.deb": deb()}, {"app/a": b.crates(NAME)}),
    ("systems.deb_file", "CONTROL_BYTES"): Case(100, {"srv/a.deb": deb()}, {"app/a": b.crates(NAME)}),
    ("systems.deb_file", "_MAX_ENTRIES"): Case(1, {"srv/a.deb": deb()}, {"app/a": b.crates(NAME)}),
    ("systems.package_files", "_HEADER_BYTES"): Case(100, {"srv/a.rpm": rpm()}, {"app/a": b.crates(NAME)}),
    ("programs.graalvm", "_DOCUMENT"): Case(
        60, {"app/a": _RECORDS["programs.graalvm", "PROGRAM"].body}, {"app/b": b.crates(NAME)}
    ),
    ("programs.kernel", "_MODULE_BYTES"): Case(
        500,
        {f"lib/modules/6.1/extra/{NAME}.ko.gz": gzip.compress(_RECORDS["programs.kernel", "MODULE"].body)},
        {f"lib/modules/6.1/extra/{NAME}.ko": _RECORDS["programs.kernel", "MODULE"].body},
    ),
    ("languages.pear", "_MAX_VALUES"): _padded(
        ("languages.pear", "REGISTERED"),
        9,
        records.serialised({**dict.fromkeys("abcde", 1), "name": NAME, "version": "1.0"}),
    ),
    ("languages.pear", "_MAX_DEPTH"): _padded(
        ("languages.pear", "REGISTERED"),
        2,
        records.serialised({"a": {"b": {"c": "d"}}, "name": NAME, "version": "1.0"}),
    ),
    ("languages.perl", "_MAX_ENTRIES"): _padded(
        ("languages.perl", "LOCAL"),
        1,
        _RECORDS["languages.perl", "LOCAL"].body.replace(NAME.encode(), b"good")
        + _RECORDS["languages.perl", "LOCAL"].body,
    ),
    ("languages.python_eggs", "_MAX_METADATA"): _padded(
        ("languages.python_eggs", "EGG"), 60, records.egg(b.wheel(more=f"Author: {'x' * 99}\n"))
    ),
    ("systems.apk", "_MAX_DEPENDS"): Case(
        10,
        {**b.ALPINE, "lib/apk/db/installed": b.apk(more="D:so:libc.musl-x86_64.so.1 busybox\n")},
        {**b.ALPINE, "lib/apk/db/installed": b.apk()},
    ),
    ("systems.apk", "_MAX_PACKAGES"): Case(
        1,
        {**b.ALPINE, "lib/apk/db/installed": b.apk("good") + b.apk()},
        {**b.ALPINE, "lib/apk/db/installed": b.apk()},
    ),
    ("systems.apk", "_MAX_PATH"): Case(
        4096,
        {
            **b.ALPINE,
            "lib/apk/db/installed": b.apk(more=f"F:{_LONG}\nR:gone\n{_SUM}F:opt\nR:gone\n{_SUM}"),
            "opt/gone": b"x",
        },
        {**b.ALPINE, "lib/apk/db/installed": b.apk(more=f"F:opt\nR:gone\n{_SUM}"), "opt/gone": b"x"},
        rule="changed",
    ),
    ("systems.copyright", "_MAX_LICENSES"): Case(
        1,
        {**_DEB, f"usr/share/doc/{NAME}/copyright": b"Format: x\n\nLicense: MIT\n\nLicense: Evil-1.0\n"},
        {**_DEB, f"usr/share/doc/{NAME}/copyright": b"Format: x\n\nLicense: Evil-1.0\n"},
        rule="licences",
    ),
    ("declared", "_MAX_PACKAGES"): Case(
        1,
        {"requirements.txt": f"good==1.0\n{NAME}==1.0\n".encode()},
        {"requirements.txt": f"{NAME}==1.0\n".encode()},
        is_folder=True,
    ),
    ("documents", "_MAX_CONTAINERS"): Case(
        4,
        {
            "package-lock.json": json.dumps(
                {"x": [[], [], []], "packages": {f"node_modules/{NAME}": {"version": "1.0.0"}}}
            ).encode()
        },
        {"package-lock.json": json.dumps({"packages": {f"node_modules/{NAME}": {"version": "1.0.0"}}}).encode()},
        is_folder=True,
    ),
    ("documents", "_MAX_DEPTH"): Case(
        3,
        {
            "pnpm-lock.yaml": f"lockfileVersion: '9.0'\nx: {{a: {{b: {{c: d}}}}}}\npackages:\n  {NAME}@1.0.0: {{a: b}}\n".encode()
        },
        {"pnpm-lock.yaml": f"lockfileVersion: '9.0'\npackages:\n  {NAME}@1.0.0: {{a: b}}\n".encode()},
        is_folder=True,
    ),
    ("systems.dpkg_status", "_MAX_STANZAS"): Case(1, _debian(b.deb("good"), b.deb()), _debian(b.deb())),
    ("systems.dpkg_status", "_MAX_NEEDS"): Case(
        10, _debian(b.deb(more="Depends: libc6 (>= 2.36), zlib1g\n")), _debian(b.deb())
    ),
    ("systems.dpkg_status", "_MAX_CONFFILES"): Case(
        60,
        {**_debian(b.deb(more="Conffiles:\n" + f" /etc/gone {'0' * 32}\n" * 9)), **_CONFIGURED},
        {**_debian(b.deb(more=f"Conffiles:\n /etc/gone {'0' * 32}\n")), **_CONFIGURED},
        rule="changed",
    ),
    ("languages.gem", "_MAX_ITEMS"): Case(
        2,
        {f"x/specifications/{NAME}-1.0.gemspec": b.gemspec(more='  s.licenses = ["MIT", "BSD", "Evil-1.0"]\n')},
        {f"x/specifications/{NAME}-1.0.gemspec": b.gemspec(more='  s.licenses = ["Evil-1.0"]\n')},
        rule="licences",
    ),
    ("languages.gem", "_MAX_STATEMENTS"): Case(
        3,
        {"x/specifications/good-1.0.gemspec": b.gemspec(more="  a = 1\n  b = 2\n  c = 3\n")},
        {"x/specifications/good-1.0.gemspec": b.gemspec()},
    ),
    ("programs.golang", "_VERSION_LIMIT"): Case(
        20,
        {"app/a": b.go(f"example.org/{NAME}", version="go1.22.1" + "x" * 50)},
        {"app/a": b.go(f"example.org/{NAME}")},
    ),
    ("programs.golang", "_INFO_LIMIT"): Case(
        300,
        {"app/a": b.go(*(f"example.org/good-{number}" for number in range(9)), f"example.org/{NAME}")},
        {"app/a": b.go(f"example.org/{NAME}")},
    ),
    ("programs.golang", "_MODULES_LIMIT"): Case(
        5,
        {"app/a": b.go(*(f"example.org/good-{number}" for number in range(9)), f"example.org/{NAME}")},
        {"app/a": b.go(f"example.org/{NAME}")},
    ),
    ("languages.java_archive", "MAX_NAME"): _jar(100, {f"{'a' * 100}.jar": b.jar()}),
    ("languages.java_archive", "_END_CANDIDATES"): Case(
        2,
        {"app/a.jar": b.jar() + _NO_END * 3},
        {"app/a.jar": b.jar()},
    ),
    ("languages.java_metadata", "_MAX_LICENCES"): Case(
        1,
        {f"app/{b.PROJECT}": b.project(more=f"<licenses>{_licences(2)}</licenses>")},
        {f"app/{b.PROJECT}": b.project(more=f"<licenses>{_licences(1)}</licenses>")},
        rule="licences",
    ),
    ("languages.java_metadata", "_MAX_REQUIRES"): Case(
        10, {f"app/{b.PROJECT}": b.project(more=_DEPENDENCIES)}, {f"app/{b.PROJECT}": b.project()}
    ),
    ("languages.java_reading", "Allowance.archives"): _jar(1, {"a.jar": b.jar({}), "b.jar": b.jar()}),
    ("languages.java_reading", "Allowance.directory_bytes"): _jar(
        300, {b.POM: b.pom(), **{f"a{n}.class": b"" for n in range(99)}}
    ),
    ("languages.java_reading", "Allowance.held_bytes"): _jar(
        500, {"a.jar": b.jar({"x": bytes(9), **{f"a{n}": b"" for n in range(20)}, b.POM: b.pom()})}
    ),
    ("languages.java_reading", "Allowance.members"): _jar(
        1,
        {
            "META-INF/maven/a/a/pom.properties": b.pom("good"),
            b.POM: b.pom(),
            "META-INF/maven/z/z/pom.properties": b.pom(NAME + "2"),
        },
    ),
    ("languages.java_reading", "Allowance.unpacked_bytes"): _jar(100, {b.POM: b.pom(more="#" + "x" * 99 + "\n")}),
    ("languages.java_reading", "Allowance.xml_bytes"): _jar(300, {b.PROJECT: b.project(more=f"<!--{'x' * 300}-->")}),
    ("languages.java_reading", "MAX_PROPERTIES"): _jar(100, {b.POM: b.pom(more="#" + "x" * 99 + "\n")}),
    ("languages.java_reading", "_MAX_DEPTH"): _jar(1, {"a.jar": b.jar({"b.jar": b.jar()})}),
    ("languages.java_reading", "_MAX_PROJECT"): _jar(300, {b.PROJECT: b.project(more=f"<!--{'x' * 300}-->")}),
    ("languages.java_reading", "_MAX_MANIFEST"): Case(
        20_000,
        {
            f"app/{NAME}.jar": b.jar(
                {"META-INF/MANIFEST.MF": b"Manifest-Version: 1.0\n" + b"A: b\n" * 5000 + b"Bundle-Version: 1\n\n"}
            )
        },
        {f"app/{NAME}.jar": b.jar({"META-INF/MANIFEST.MF": b"Manifest-Version: 1.0\nBundle-Version: 1\n\n"})},
    ),
    ("programs.jvm", "_MAX_FILE"): Case(
        30,
        {"usr/lib/jvm/release": b"#\n" * 50 + b'JAVA_VERSION="1.0"\n'},
        {"usr/lib/jvm/release": b'JAVA_VERSION="1.0"\n'},
        rule="jvm",
    ),
    ("locks.java", "_MAX_ENTRIES"): Case(
        4,
        {
            "pom.xml": b.project(
                "a", f"<dependencies>{''.join(map(b.dependency, 'abcd'))}{b.dependency()}</dependencies>"
            )
        },
        {"pom.xml": b.project()},
        is_folder=True,
    ),
    ("locks.java", "_MAX_PARENTS"): Case(
        2,
        {
            "a/pom.xml": b.project("a", head="<parent><artifactId>b</artifactId></parent>"),
            "pom.xml": b.project(
                "b",
                f"<dependencies>{b.dependency().replace('<version>1.0', '<version>${v}')}</dependencies><packaging>pom</packaging>",
            ),
        },
        {"pom.xml": b.project()},
        is_folder=True,
    ),
    ("locks.java", "_MAX_WORK"): Case(
        1,
        {"pom.xml": b.project("a", f"<dependencies>{b.dependency('good')}{b.dependency()}</dependencies>")},
        {"pom.xml": b.project()},
        is_folder=True,
    ),
    ("languages.npm", "_MAX_DEPTH"): Case(2, {"a/b/c/d/package.json": b.npm()}, {"a/package.json": b.npm()}),
    ("languages.npm", "_MAX_NEEDS"): Case(
        10,
        {f"app/node_modules/{NAME}/package.json": b.npm(dependencies={"another-package": "^1.0.0"})},
        {f"app/node_modules/{NAME}/package.json": b.npm()},
    ),
    ("languages.npm", "_MAX_LICENSES"): Case(
        1,
        {f"app/node_modules/{NAME}/package.json": b.npm(licenses=["MIT", "Evil-1.0"])},
        {f"app/node_modules/{NAME}/package.json": b.npm(licenses=["Evil-1.0"])},
        rule="licences",
    ),
    ("oversize", "_DATA"): Case(0, {"app/a": _BIG_GO}, {"app/b": b.crates(NAME)}, also={_GO: 1000}),
    ("oversize", "_KEPT"): Case(0, {"app/a": _BIG_GO}, {"app/b": b.crates(NAME)}, also={_GO: 1000}),
    ("languages.python_metadata", "_MAX_CLASSIFIERS"): Case(
        1,
        {f"{_SITE}/METADATA": b.wheel(more="Classifier: License :: MIT\nClassifier: License :: Evil-1.0\n")},
        {f"{_SITE}/METADATA": b.wheel(more="Classifier: License :: Evil-1.0\n")},
        rule="licences",
    ),
    ("languages.python_metadata", "_MAX_FIELDS"): Case(
        2, {f"{_SITE}/METADATA": b.wheel(more="Author: a\nAuthor: b\n")}, {f"{_SITE}/METADATA": b.wheel()}
    ),
    ("languages.python_metadata", "_MAX_HEADER"): Case(
        100, {f"{_SITE}/METADATA": b.wheel(more=f"X: {'x' * 200}\n")}, {f"{_SITE}/METADATA": b.wheel()}
    ),
    ("systems.repositories", "_MAX_IDS"): Case(
        1,
        {**_rocky(b.rpms(b.header())), "etc/yum.repos.d/a.repo": b"[one]\n[two]\n"},
        _rocky(b.rpms(b.header())),
        rule="vulnerabilities",
    ),
    ("systems.rpm", "_MAX_LINES"): Case(
        1,
        {"var/lib/rpmmanifest/container-manifest-2": b.rpm_line("good") + b.rpm_line()},
        {"var/lib/rpmmanifest/container-manifest-2": b.rpm_line()},
    ),
    ("systems.rpm", "_MAX_PATH_BYTES"): Case(
        30,
        {
            **_rocky(
                b.rpms(b.header("good", b.rpm_files("/a/long/path/of/a/folder/", 3)), b.header(NAME, b.rpm_files("/")))
            ),
            "gone-0": b"x",
            "a/long/folder/gone-0": b"x",
        },
        {**_rocky(b.rpms(b.header(NAME, b.rpm_files("/")))), "gone-0": b"x", "a/long/folder/gone-0": b"x"},
        rule="changed",
    ),
    ("systems.rpmdb.bdb", "_MAX_PAIRS"): Case(
        2,
        _rocky(b.BDB([b.header("good"), b.header()]), "var/lib/rpm/Packages"),
        _rocky(b.rpms(b.header())),
    ),
    ("systems.rpmdb.header", "MAX_HEADER_BYTES"): _rpm(400, b.rpms(b.header(NAME, {1004: "x" * 400}))),
    ("systems.rpmdb.header", "_MAX_ENTRIES"): _rpm(
        6, b.rpms(b.header(NAME, {1004: "a", 1005: "b", 1006: "c", 1007: "d"}))
    ),
    ("systems.rpmdb.header", "_MAX_FILES"): Case(
        1,
        {**_rocky(b.rpms(b.header(NAME, b.rpm_files("/", 2)))), "gone-0": b"x", "a/long/folder/gone-0": b"x"},
        {**_rocky(b.rpms(b.header(NAME, b.rpm_files("/")))), "gone-0": b"x", "a/long/folder/gone-0": b"x"},
        rule="changed",
    ),
    ("systems.rpmdb.header", "_MAX_FOLDER_BYTES"): Case(
        5,
        {
            **_rocky(b.rpms(b.header(NAME, b.rpm_files("/a/long/folder/")))),
            "gone-0": b"x",
            "a/long/folder/gone-0": b"x",
        },
        {**_rocky(b.rpms(b.header(NAME, b.rpm_files("/")))), "gone-0": b"x", "a/long/folder/gone-0": b"x"},
        rule="changed",
    ),
    ("systems.rpmdb.header", "_MAX_NEEDS"): _rpm(
        1, b.rpms(b.header(NAME, {1048: (INT32, [0, 0]), 1049: ["a", "b"], 1050: ["", ""]}))
    ),
    ("systems.rpmdb.header", "_MAX_PATH_BYTES"): Case(
        5,
        {
            **_rocky(b.rpms(b.header(NAME, b.rpm_files("/a/long/folder/")))),
            "gone-0": b"x",
            "a/long/folder/gone-0": b"x",
        },
        {**_rocky(b.rpms(b.header(NAME, b.rpm_files("/")))), "gone-0": b"x", "a/long/folder/gone-0": b"x"},
        rule="changed",
    ),
    ("systems.rpmdb.header", "_MAX_TEXT"): _rpm(20, b.rpms(b.header(f"{NAME}-{'x' * 20}"))),
    ("systems.rpmdb.ndb", "_MAX_PAGES"): Case(
        0, _rocky(b.NDB([b.header()]), "var/lib/rpm/Packages.db"), _rocky(b.rpms(b.header()))
    ),
    ("systems.rpm", "_MAX_LOG_BYTES"): _logged(100),
    ("systems.rpm", "LOG.layer_limit"): _logged(100),
    ("systems.rpmdb.overlay", "_MAX_ROWS"): _logged(1),
    ("systems.rpmdb.pages", "_MAX_DEPTH"): _logged(1, good=200),
    ("systems.rpmdb.pages", "_MAX_SCHEMA_PAGES"): _logged(0),
    ("systems.rpmdb.sqlite", "_MAX_ROWS"): _rpm(1, b.rpms(b.header("good"), b.header())),
    ("systems.rpmdb.sqlite", "_MAX_TURNS"): Case(
        1, _rocky(b.rpms(*[b.header(f"good-{n}") for n in range(300)], b.header())), _rocky(b.rpms(b.header()))
    ),
    ("programs.rust", "_CRATES_LIMIT"): Case(
        2, {"app/a": b.crates("a", "b", "c", "d", NAME)}, {"app/a": b.crates(NAME)}
    ),
    ("programs.rust", "_JSON_LIMIT"): Case(
        200, {"app/a": b.crates("a", "b", "c", "d", NAME)}, {"app/a": b.crates(NAME)}
    ),
}
CASES = {
    **{(f"hullmark.catalog.{module}", f"{name}.limit"): case for (module, name), case in READS.items()},
    **{(f"hullmark.catalog.{module}", name): case for (module, name), case in WITHIN.items()},
}
