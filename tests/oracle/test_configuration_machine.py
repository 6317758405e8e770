"""Programs that set up the machine are the judges: what they make of their configuration is what is read from it."""

from __future__ import annotations

import ctypes
import ctypes.util
import itertools
import random
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hullmark.facets.configuration.apt import PARSER as APT
from hullmark.facets.configuration.java_properties import properties
from hullmark.facets.configuration.loader import PARSER as LD
from hullmark.facets.configuration.openssl import PARSER as OPENSSL
from hullmark.facets.configuration.openssl_syntax import Sections, read_sections
from hullmark.facets.configuration.parser import Files, Parser
from hullmark.facets.configuration.sysctl import PARSER as SYSCTL
from hullmark.model.setting import Setting
from tests.support.configuration import ReadSettings, read_settings
from tests.support.configured import files_below, run_in, settings_of

pytestmark = pytest.mark.slow


def with_proc(root: Path, *command: str) -> str:
    """What a program prints that is run in the root file system with the kernel's parameters in it, which nobody else sees."""
    # Read-only, and in namespaces of its own: whatever the program does, this machine stays as it is.
    script = 'mount -t proc proc "$1/proc" && mount -o remount,bind,ro "$1/proc" && exec chroot "$@"'
    done = subprocess.run(
        ["unshare", "--mount", "--uts", "--net", "sh", "-c", script, "sh", str(root), *command],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if "mount:" in done.stderr or "unshare:" in done.stderr:
        pytest.skip(f"the kernel's parameters cannot be shown to it: {done.stderr[:100]}")
    return done.stdout


SYSCTL_FILES = {
    "usr/lib/sysctl.d/90-a.conf": "kernel.panic = 1\nkernel.domainname = lost\n",
    "run/sysctl.d/90-a.conf": "kernel.panic = 2\n",
    "etc/sysctl.d/90-a.conf": "kernel.panic = 3\n-kernel.none.such = 1\n net/ipv4/ip_forward = 1 # x\n",
    "run/sysctl.d/91-b.conf": "kernel.printk = 4 4\t1  7\nkernel.hostname=a=b\nvm.swappiness = 1\n",
    "usr/lib/sysctl.d/91-b.conf": "vm.swappiness = 2\n",
    "usr/local/lib/sysctl.d/92-c.conf": "vm.swappiness = 3\nnet.ipv4.conf.lo.forwarding = 0\n",
    "usr/lib/sysctl.d/89-d.conf": "net.ipv4.conf.lo.forwarding = 1\n",
    "etc/sysctl.conf": "vm.overcommit_memory = 2\n",
}


def test_sysctl_sets_the_parameters_that_are_read(root: Path) -> None:
    made = [root / path for path in SYSCTL_FILES if not (root / path).exists()]
    folders = [folder for path in made for folder in path.parents if not folder.exists()]
    assert len(made) == len(SYSCTL_FILES)
    try:
        for path in made:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(SYSCTL_FILES[str(path.relative_to(root))])
        # In this order: --system is done as soon as it is read.
        said = with_proc(root, "sysctl", "--dry-run", "--system")
        read = settings_of(SYSCTL, root)
    finally:
        for path in made:
            path.unlink(missing_ok=True)
        for folder in sorted(set(folders), reverse=True):
            folder.rmdir()
    assert read.problems == []
    pairs = (line.split(" = ", 1) for line in said.splitlines() if not line.startswith("*"))
    theirs = dict(pairs)
    ours = {s.key.removeprefix("sysctl."): str(s.value) for s in read.settings}
    assert ours.pop("kernel.none.such") == "1"
    assert ours == theirs


def test_ldconfig_reads_the_folders_that_are_read(root: Path, scratch: Path) -> None:
    inside = f"/{scratch.relative_to(root)}"
    folders = [f"{inside}/{name}" for name in "abcd"]
    for folder in folders:
        (root / folder[1:]).mkdir()
    a, b, c, d = folders
    (scratch / "x.conf").write_text(f"{c}\n")
    (scratch / "w.conf").write_text(f"{b} # {d}\n")
    text = f"# no\n {a}//  \ninclude {inside}/*.conf\nhwcap 1 x\n{d}\n"
    (scratch / "ld.so").write_text(text)
    said = run_in(root, "ldconfig", "-v", "-N", "-X", "-f", f"{inside}/ld.so")
    theirs = re.findall(rf"^({inside}/\w)/*: \(from", said, re.MULTILINE)
    files = {f"etc/ld.so.conf.d/{name}.conf": (scratch / f"{name}.conf").read_text() for name in "xw"}
    text = text.replace(f"include {inside}", "include /etc/ld.so.conf.d")
    read = read_settings(LD, {**files, "etc/ld.so.conf": text})
    assert read.problems == []
    assert read.values["ld.path"] == tuple(theirs) == (a, b, c, d)


def test_the_loader_looks_where_the_packages_say(root: Path) -> None:
    read = settings_of(LD, root)
    assert read.problems == []
    path = read.values["ld.path"]
    assert isinstance(path, tuple)
    said = run_in(root, "ldconfig", "-v", "-N", "-X")
    theirs = re.findall(r"^(/[^:]+): \(from /etc/ld\.so\.conf", said, re.MULTILINE)
    assert theirs
    assert [folder for folder in path if folder in theirs] == theirs


class LibCrypto:
    """The library's own reader of its configuration."""

    def __init__(self) -> None:
        name = ctypes.util.find_library("crypto")
        if name is None:
            pytest.skip("OpenSSL's library is not on this machine")
        self._lib = ctypes.CDLL(name)
        self._lib.NCONF_new.restype = ctypes.c_void_p
        self._lib.NCONF_get_string.restype = ctypes.c_char_p

    def values(self, path: Path, keys: list[tuple[str, str]]) -> list[bytes | None] | None:
        """The values of (section, name); None if the file is not accepted."""
        conf = ctypes.c_void_p(self._lib.NCONF_new(None))
        line = ctypes.c_long()
        try:
            if self._lib.NCONF_load(conf, str(path).encode(), ctypes.byref(line)) != 1:
                return None
            return [self._lib.NCONF_get_string(conf, section.encode(), name.encode()) for section, name in keys]
        finally:
            self._lib.ERR_clear_error()
            self._lib.NCONF_free(conf)


@pytest.fixture(scope="module")
def libcrypto() -> LibCrypto:
    return LibCrypto()


def sections_of(text: str) -> tuple[Sections, ReadSettings]:
    found: list[Sections] = []

    def collect(files: Files) -> Iterator[Setting]:
        found.append(read_sections(files, "/etc/ssl/openssl.cnf"))
        return iter(())

    read = read_settings(
        Parser(name="openssl", globs=OPENSSL.globs, settings=collect), {"etc/ssl/openssl.cnf": text.encode()}
    )
    return found[0], read


def assert_read_alike(libcrypto: LibCrypto, path: Path, text: str) -> int:
    sections, read = sections_of(text)
    ours = {(section, name): entry.value for section, each in sections.items() for name, entry in each.items()}
    path.write_bytes(text.encode())
    theirs = libcrypto.values(path, list(ours))
    assert (theirs is None) == bool(read.problems), read.problems
    if theirs is not None:
        # Values of names such as challengePassword are masked, whatever they are.
        told = [theirs[at] if value == "****" else value.encode() for at, value in enumerate(ours.values())]
        assert told == theirs
    return len(ours)


OPENSSL_LINES = st.lists(
    st.one_of(
        st.text(alphabet="ab=[]:$(){} #'\"`\\\tn.-", max_size=14),
        st.builds("{}={}".format, st.sampled_from("ab"), st.text(alphabet="ab$(){}: #'\"\\n\t", max_size=12)),
        st.sampled_from(
            [
                "[a]",
                "[ b ]",
                "[a b]",
                "a = 1",
                "b = $a",
                "b::a = ${a}x",
                "a=$b::a",
                "a=$(b)\\",
                ".pragma = dollarid:on",
                ".include%",
                ".pragma:x",
                "::a=1",
            ]
        ),
    ),
    max_size=6,
)


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(OPENSSL_LINES)
def test_openssl_reads_lines_alike(libcrypto: LibCrypto, tmp_path: Path, lines: list[str]) -> None:
    assert_read_alike(libcrypto, tmp_path / "openssl.cnf", "\n".join(lines) + "\n")


def test_openssl_reads_the_packaged_file_alike(root: Path, libcrypto: LibCrypto, tmp_path: Path) -> None:
    assert settings_of(OPENSSL, root).problems == []
    assert assert_read_alike(libcrypto, tmp_path / "openssl.cnf", (root / "etc/ssl/openssl.cnf").read_text()) > 80


JAVA_READER = """
import java.io.*; import java.nio.file.*; import java.util.*;
public class Read { public static void main(String[] folder) throws IOException {
  int n = Integer.parseInt(folder[1]);
  for (int i = 0; i < n; i++) {
    var found = new Properties();
    try (var in = Files.newInputStream(Path.of(folder[0], i + ".properties"))) { found.load(in); }
    catch (IllegalArgumentException e) { System.out.println("-"); continue; }
    var line = new StringJoiner(" ");
    for (var name : new TreeSet<>(found.stringPropertyNames())) if (!name.isEmpty())
      line.add(hex(name) + "=" + hex(found.getProperty(name)));
    System.out.println(line);
  } }
  static String hex(String s) throws IOException { return HexFormat.of().formatHex(s.getBytes("UTF-16BE")); }
}
"""


def hexed(text: str) -> str:
    return text.encode("utf-16be", "surrogatepass").hex()


def test_java_reads_properties_alike(tmp_path: Path) -> None:
    if shutil.which("java") is None or shutil.which("javac") is None:
        pytest.skip("Java's compiler is not on this machine")
    choose = random.Random(1)  # noqa: S311
    pieces = [
        "a",
        "b",
        "=",
        ":",
        " ",
        "\t",
        "\f",
        "\\",
        "\\",
        "\n",
        "\n",
        "\r",
        "\r\n",
        "#",
        "!",
        "u",
        "\\u0041",
        "\\u00e9",
    ]
    texts = ["".join(choose.choices(pieces, k=choose.randint(1, 16))) for _ in range(3000)]
    system = sorted(Path("/usr/lib/jvm").glob("*/conf/security/java.security"))
    texts += [path.read_text("latin-1") for path in system]
    (tmp_path / "Read.java").write_text(JAVA_READER)
    for i, text in enumerate(texts):
        (tmp_path / f"{i}.properties").write_bytes(text.encode("latin-1"))
    command = ["java", str(tmp_path / "Read.java"), str(tmp_path), str(len(texts))]
    said = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    ours = []
    for text in texts:
        found = list(properties(text))
        values = {each.name: each.value for each in found}
        pairs = sorted((name, value) for name, value in values.items() if name and value is not None)
        is_bad = any(each.value is None for each in found)
        ours.append("-" if is_bad else " ".join(f"{hexed(name)}={hexed(value)}" for name, value in pairs))
    for text, theirs, mine in zip(texts, said.splitlines(), ours, strict=True):
        assert (text, theirs) == (text, mine)
    assert ours.count("-") < len(ours) / 2


APT_CONF = r"""
// comment
APT::Get::AllowUnauthenticated "true";  # comment
apt::get::assume-yes "1" ; A B; C
"x";
Foo "a" { Bar "x"; Baz { Deep "http://h//x"; "p"; "q;}" }; };
APT { Install-Recommends "0"; Periodic { Enable 1; }; };
/* block
{ comment */ D /* d */ "y" "z"; // z
E::F:: "l"; E::F:: "m"; E::F "own";
#clear APT::NeverAutoRemove;
APT::NeverAutoRemove:: "only";
G { H "1"; H "2"; }; G::I "3"; #clear G::I;
K {L "x"};; } M "y";
#include "SCRATCH/more.conf";
"""
APT_BAD = [
    'A "b" C "d";',
    "A one two;",
    'A "x',
    "A 'x y';",
    '{ A "x"; };',
    'A { B "x"',
    "A http://x;",
    "#clear;",
]


def apt_says(root: Path, scratch: Path, text: str) -> str:
    inside = f"/{scratch.relative_to(root)}"
    (scratch / "first.conf").write_text(f'Dir::Etc::main "{inside}/apt.conf";\n')
    (scratch / "apt.conf").write_text(text.replace("SCRATCH", inside))
    (scratch / "more.conf").write_text('N::O "1x";\n')
    return run_in(root, "env", f"APT_CONFIG={inside}/first.conf", "apt-config", "dump", status=None)


def test_apt_has_the_configuration_that_is_read(root: Path, scratch: Path) -> None:
    said = apt_says(root, scratch, APT_CONF).splitlines()
    files, links = files_below(root, APT.globs)
    files |= {
        "etc/apt/apt.conf": APT_CONF.replace("SCRATCH", "/etc/apt/apt.conf.d").encode(),
        "etc/apt/apt.conf.d/more.conf": b"",
    }
    files["etc/apt/apt.conf.d/more.conf"] = b'N::O "1x";\n'
    read = read_settings(APT, files, links=links)
    assert read.problems == []
    ours = {s.key.removeprefix("apt.conf."): s.value for s in read.settings if s.path and s.key.startswith("apt.conf.")}
    assert len(ours) > 20
    for name, value in ours.items():
        theirs = [line[len(name) + 1 :] for line in said if line.lower().startswith(f"{name.lower()} ")]
        words = value if isinstance(value, tuple) else ["true" if value is True else str(value)]
        assert (name, theirs) == (name, [f'"{word}";' for word in words])
    assert not any(name.startswith("G::I") for name in ours)


@pytest.mark.parametrize("text", APT_BAD)
def test_apt_does_not_understand_it_either(root: Path, scratch: Path, text: str) -> None:
    said = apt_says(root, scratch, text)
    assert "\nE: " in f"\n{said}"
    assert read_settings(APT, {"etc/apt/apt.conf": text}).problems


APT_LIST = """
deb http://a.example/debian stable main contrib # comment
# deb http://b.example/ x y
deb [arch=amd64 signed-by=/k/a.gpg,/k/b.gpg trusted=yes] https://c.example/d  suite/  # flat
deb [ trusted=no ] https://e.example/d%20e suite "main"
deb-src http://f.example/ stable main
"""
APT_SOURCES = """
# comment
Types: deb
URIs: https://g.example/a https://h.example/b
Suites: one
 two
# within
Components: main
  contrib
Trusted: yes
Signed-By: /k/c.gpg

Types: deb
URIs: https://i.example
Suites: three
Components: main
Enabled: no

types: deb
uris: https://j.example/
suites: ./
"""


@pytest.mark.parametrize(("name", "text"), [("x.list", APT_LIST), ("x.sources", APT_SOURCES)])
def test_apt_has_the_sources_that_are_read(root: Path, scratch: Path, name: str, text: str) -> None:
    (scratch / name).write_text(text)
    options = ["-o", f"Dir::Etc::sourceparts=/{scratch.relative_to(root)}", "-o", "Dir::Etc::sourcelist=/none"]
    form = "$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(CREATED_BY)"
    said = run_in(root, "apt-get", "indextargets", *options, "--no-release-info", "--format", form)
    theirs = {line.rpartition("|")[0] for line in said.splitlines() if line.endswith(("|Packages", "|Sources"))}
    read = read_settings(APT, {f"etc/apt/sources.list.d/{name}": text})
    assert read.problems == []
    ours, count = set(), 0
    while f"apt.source[{count}].uris" in read.values:
        uris, suites, components = (
            read.values[f"apt.source[{count}].{name}"] for name in ("uris", "suites", "components")
        )
        assert isinstance(uris, tuple)
        assert isinstance(suites, tuple)
        assert isinstance(components, tuple)
        every = itertools.product(uris, suites, components or ("$(COMPONENT)",))
        ours |= {f"{uri.rstrip('/')}/|{suite}|{component}" for uri, suite, component in every}
        count += 1
    assert count == text.lower().count("\ndeb") + text.lower().count("uris:") - text.count("Enabled: no")
    assert ours == theirs
