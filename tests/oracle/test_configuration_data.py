"""Programs that keep data or set up the machine are the judges: what they make of their configuration is what is read from it."""

from __future__ import annotations

import ctypes
import ctypes.util
import itertools
import json
import random
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hullmark.facets.configuration.apt import APT
from hullmark.facets.configuration.java_properties import properties
from hullmark.facets.configuration.loader import LD
from hullmark.facets.configuration.mysql import MYSQL
from hullmark.facets.configuration.mysql_names import NAMED_SKIP, SWITCHES
from hullmark.facets.configuration.mysql_options import Option, read_options
from hullmark.facets.configuration.openssl import OPENSSL
from hullmark.facets.configuration.openssl_syntax import Sections, read_sections
from hullmark.facets.configuration.parser import Files, Parser
from hullmark.facets.configuration.postgresql import POSTGRESQL
from hullmark.facets.configuration.redis import REDIS
from hullmark.facets.configuration.sysctl import SYSCTL
from hullmark.model.setting import Setting, Value
from tests.support.configuration import ReadSettings, read_settings
from tests.support.configured import configured_root, files_below, run_in

odd = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def root() -> Path:
    return configured_root()


@pytest.fixture
def scratch(root: Path, tmp_path: Path) -> Iterator[Path]:
    """An empty folder in the root file system that goes away again."""
    folder = root / "tmp" / f"{tmp_path.parent.name}-{tmp_path.name}"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


def settings_of(parser: Parser, root: Path) -> ReadSettings:
    """What a parser makes of the files that the packages have set up."""
    files, links = files_below(root, parser.globs)
    empty = {f"{path.relative_to(root)}/empty": b"" for path in root.glob("etc/**/") if not any(path.iterdir())}
    files |= empty  # folders stand in memory where something stands in them
    return read_settings(parser, files, links=links)


def options_of(text: str) -> list[Option]:
    """The options of one option file."""
    found: list[Option] = []

    def collect(files: Files) -> Iterator[Setting]:
        found.extend(read_options(files))
        return iter(())

    read_settings(Parser(name="mysql", globs=MYSQL.globs, settings=collect), {"etc/my.cnf": text})
    return found


def as_argument(option: Option) -> str:
    return f"--{option.name}" + ("" if option.value is None else f"={option.value}")


def test_mariadb_starts_with_the_options_that_are_read(root: Path) -> None:
    said = run_in(root, "mariadbd", "--print-defaults").split("\n", 1)[1].split()
    read = settings_of(MYSQL, root)
    assert read.problems == []
    ours = {s.key: str(s.value) for s in read.settings if s.path and s.key.startswith("mysql.server.")}
    pairs = (argument.removeprefix("--").partition("=") for argument in said)
    assert ours == {f"mysql.server.{name.replace('-', '_')}": value for name, _, value in pairs}


@odd
@given(
    st.lists(st.text(alphabet="ab =#'\"\\;-ns\t", max_size=12).filter(lambda line: line.strip()[:1] != "="), max_size=6)
)
def test_mariadb_reads_lines_alike(root: Path, scratch: Path, lines: list[str]) -> None:
    text = "[mysqld]\n" + "\n".join(lines) + "\n"
    (scratch / "my.cnf").write_text(text)
    file = f"--defaults-file=/tmp/{scratch.name}/my.cnf"
    ours = [as_argument(option) for option in options_of(text) if option.name]
    assert run_in(root, "my_print_defaults", file, "mysqld") == "".join(f"{option}\n" for option in ours)


def test_mariadb_has_these_switches(root: Path) -> None:
    listed = run_in(root, "mariadbd", "--no-defaults", "--help", "--verbose", status=None)
    table = [line.split() for line in listed.split("\n---", 1)[1].splitlines()]
    switches = {row[0].replace("-", "_") for row in table if len(row) == 2 and row[1] in ("TRUE", "FALSE")}
    assert len(switches) > 150
    assert switches - SWITCHES <= {"help", "verbose", "console", "gdb", "debug_gdb"}
    assert {name for name in switches if name.startswith("skip_")} <= NAMED_SKIP


CLUSTER = "/etc/postgresql/17/main"
DATA = "/var/lib/postgresql/17/main"
AS_POSTGRES = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups")
SHOWN = {"128MB": "16384", "1GB": "1024", "80MB": "80", "0777": "511"}


def postgres(root: Path, *arguments: str, status: int | None = 0) -> str:
    return run_in(root, *AS_POSTGRES, "/usr/lib/postgresql/17/bin/postgres", *arguments, status=status)


def test_postgres_has_the_settings_that_are_read(root: Path) -> None:
    read = settings_of(POSTGRESQL, root)
    assert read.problems == []
    ours = {s.key.rpartition(".")[2]: s.value for s in read.settings if ".hba[" not in s.key and ".ident[" not in s.key}
    assert len(ours) > 35
    for name, value in ours.items():
        said = postgres(root, "-D", DATA, "-c", f"config_file={CLUSTER}/postgresql.conf", "-C", name).rstrip("\n")
        if isinstance(value, bool):
            assert (name, said) == (name, "on" if value else "off")
        elif isinstance(value, tuple):
            assert (name, said.lower()) == (name, ", ".join(value).lower())
        else:
            assert (name, said) == (name, SHOWN.get(str(value), str(value)))


@odd
@given(st.text(alphabet="ab1 =#'\"\\-n.\t", max_size=12))
def test_postgres_reads_lines_alike(root: Path, scratch: Path, rest: str) -> None:
    line = f"x.y{rest}"
    read = read_settings(POSTGRESQL, {"etc/postgresql/17/main/postgresql.conf": line})
    (scratch / "postgresql.conf").write_text(line)
    file = f"config_file=/tmp/{scratch.name}/postgresql.conf"
    for setting in read.settings:
        if setting.path:
            name = setting.key.removeprefix("postgresql.cluster[17/main].")
            said = postgres(root, "-D", DATA, "-c", file, "-c", f"data_directory={DATA}", "-C", name, status=None)
            assert said == f"{setting.value}\n"
    if read.problems:
        said = postgres(root, "-D", DATA, "-c", file, "-c", f"data_directory={DATA}", "-C", "port", status=None)
        assert "syntax error" in said


ASK = (
    "select concat(type, '|', array_to_string(database, ','), '|', array_to_string(user_name, ','), '|', auth_method) as rule"
    " from pg_hba_file_rules\n"
)
FIELDS = ("type", "databases", "users", "method")
RULES = r"""
local   all             "all"                                   peer
host    a,b, "c d"      +admins,joe     10.0.0.0/8              scram-sha-256   # comment
host    a,b,"c""d"e     @more.conf      10.0.0.0/8              scram-sha-256
local a b , c trust
hostssl replication     "+x",y,         10.1.1.1  255.0.0.0     md5 clientcert=verify-full
host    sameuser        "a""b"          .example.org \
        trust
host    "a b#c"#d       all             samenet      reject
host all all 10.0.0.0 trust
hostx all all all trust
local all all
include_if_exists none.conf
include more_rules.conf
local   all "@all" trust
"""


def test_postgres_reads_rules_alike(root: Path, scratch: Path) -> None:
    """A server for one user on a copy of the cluster shows the rules as it has read them."""
    more = {"pg_hba.conf": RULES, "more.conf": "x y # z\nw,v\n", "more_rules.conf": "local q q peer\n"}
    shutil.copytree(root / DATA[1:], scratch / "data", symlinks=True)
    for name, text in more.items():
        (scratch / "data" / name).write_text(text)
    inside = f"/{scratch.relative_to(root)}"
    run_in(root, "chown", "-R", "postgres:postgres", f"{inside}/data")
    (scratch / "data/postgresql.conf").write_text("dynamic_shared_memory_type = mmap\n")
    (scratch / "ask").write_text(ASK)
    command = f"/usr/lib/postgresql/17/bin/postgres --single -D {inside}/data postgres < {inside}/ask"
    said = re.findall(r'rule = "(.*)"\t', run_in(root, *AS_POSTGRES, "sh", "-c", command))
    files = {f"var/lib/postgresql/{name}": text for name, text in more.items()}
    read = read_settings(POSTGRESQL, {"var/lib/postgresql/postgresql.conf": "", **files})
    assert len(read.problems) == said.count("|||") == 6
    prefix = "postgresql.cluster[/var/lib/postgresql].hba"
    rules = [[read.values[f"{prefix}[{i}].{name}"] for name in FIELDS] for i in range(len(said) - 6)]
    ours = ["|".join(",".join(v) if isinstance(v, tuple) else str(v) for v in rule) for rule in rules]
    assert [rule.replace('"all"', "all").replace('"@all"', "@all") for rule in ours] == [r for r in said if r != "|||"]


REDIS_CONF = r"""
protected-mode no
save 900 1 300 10
save 60 5
bind 127.0.0.1 -::1
rename-command DEBUG ""
proc-title-template "{title} \x41\t'q'"
client-output-buffer-limit slave 1gb 64mb 60 normal 1 2 3
slave-priority 7
syslog-ident 'it\'s\n'
oom-score-adj-values 1 2 3
repl-ping-replica-period 11
include /SCRATCH/more/*.conf
"""


def redis_says(root: Path, scratch: Path, conf: str) -> dict[str, str]:
    """The configuration that a server has, which was started with a file and goes away again."""
    inside = f"/{scratch.relative_to(root)}"
    arguments = ["--port", "0", "--unixsocket", f"{inside}/s", "--dir", inside, "--daemonize", "no", "--logfile", ""]
    server = subprocess.Popen(["chroot", root, "redis-server", conf, *arguments], stdout=subprocess.DEVNULL)
    try:
        for _ in range(100):
            if (scratch / "s").exists():
                break
            time.sleep(0.1)
        lines = run_in(root, "redis-cli", "-s", f"{inside}/s", "--json", "CONFIG", "GET", "*")
    finally:
        server.terminate()
        server.wait(30)
    found: dict[str, str] = json.loads(lines)
    return found


def as_redis_shows(value: Value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(value) if isinstance(value, tuple) else str(value)


GIVEN = {"port", "unixsocket", "dir", "daemonize", "logfile"}
SIZES = {
    "64mb": str(64 << 20),
    "256mb": str(256 << 20),
    "8mb": str(8 << 20),
    "32mb": str(32 << 20),
    "1gb": str(1 << 30),
}


@pytest.mark.parametrize("text", [None, REDIS_CONF], ids=["packaged", "odd"])
def test_redis_has_the_settings_that_are_read(root: Path, scratch: Path, text: str | None) -> None:
    if text is None:
        conf, read = "/etc/redis/redis.conf", settings_of(REDIS, root)
    else:
        text = text.replace("SCRATCH", str(scratch.relative_to(root)))
        conf = f"/{scratch.relative_to(root)}/redis.conf"
        (scratch / "redis.conf").write_text(text)
        (scratch / "more").mkdir()
        more = {"a": "maxclients 99\nhz 5\n", "b": "maxclients 100\n"}
        for name, body in more.items():
            (scratch / f"more/{name}.conf").write_text(body)
        more = {f"{scratch.relative_to(root)}/more/{name}.conf": body for name, body in more.items()}
        read = read_settings(REDIS, {"etc/redis/redis.conf": text, **more})
    assert read.problems == []
    said = redis_says(root, scratch, conf)
    prefix = "redis.server[/etc/redis/redis.conf]."
    ours = {s.key.removeprefix(prefix): as_redis_shows(s.value) for s in read.settings}
    assert len(ours) > 15
    for name in ours.keys() - GIVEN - {"rename-command"}:
        shown = " ".join(SIZES.get(word, word) for word in ours[name].split(" "))
        expected = said[name].replace("slave", "replica")
        if name == "client-output-buffer-limit":
            assert set(re.findall(r"\w+ \d+ \d+ \d+", shown)) <= set(re.findall(r"\w+ \d+ \d+ \d+", expected))
        else:
            assert (name, shown) == (name, expected)


def with_proc(root: Path, *command: str) -> str:
    """What a program prints that is run in the root file system with the kernel's parameters in it, which nobody else sees."""
    script = 'mount -t proc proc "$1/proc" && exec chroot "$@"'
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh", str(root), *command],
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
        said = with_proc(root, "sysctl", "--system", "--dry-run")
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
        assert [value.encode() for value in ours.values()] == theirs
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


@settings(max_examples=1500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
