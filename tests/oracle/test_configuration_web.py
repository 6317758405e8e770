"""The settings of web servers and PHP, checked against what the programs themselves say in a Debian root with their packages."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path
from typing import cast

import pytest

from hullmark.facets.configuration.apache import PARSER as APACHE
from hullmark.facets.configuration.apache_directives import FLAGS as APACHE_FLAGS
from hullmark.facets.configuration.apache_directives import KNOWN
from hullmark.facets.configuration.apache_reader import ApacheReader, Section
from hullmark.facets.configuration.apache_syntax import environment, words
from hullmark.facets.configuration.files import KeptFiles
from hullmark.facets.configuration.nginx import PARSER as NGINX
from hullmark.facets.configuration.nginx_directives import FLAGS, INHERITED
from hullmark.facets.configuration.nginx_syntax import Directive, parse
from hullmark.facets.configuration.parser import Files, Parser
from hullmark.facets.configuration.php import PARSER as PHP
from hullmark.facets.configuration.php_ini import IniReader
from hullmark.facets.configuration.php_settings import CONSTANTS
from hullmark.facets.configuration.source_line import SourceLine
from hullmark.model.setting import Setting, Value
from tests.support.configuration import read_settings
from tests.support.configured import files_below, run_in

pytestmark = pytest.mark.slow


@pytest.fixture
def scratch(root: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A file in the root for a test's own configuration."""
    path = root / "tmp" / f"{re.sub('[^a-z]', '', request.node.name)}.conf"
    yield path
    path.unlink(missing_ok=True)


def inside(root: Path, path: Path) -> str:
    """A path of this machine as programs in the root name it."""
    return f"/{path.relative_to(root)}"


def kept_files(parser: Parser, root: Path, more: dict[str, bytes] | None = None) -> KeptFiles:
    """The root's files as a parser sees them; `more` stand in their place."""
    caught: list[KeptFiles] = []

    def catch(files: Files) -> Iterable[Setting]:
        caught.append(cast("KeptFiles", files))
        return ()

    files, links = files_below(root, parser.globs)
    read_settings(Parser(name=parser.name, globs=parser.globs, settings=catch), {**files, **(more or {})}, links=links)
    return caught[0]


@pytest.mark.parametrize("parser", [NGINX, APACHE, PHP], ids=lambda parser: parser.name)
def test_what_debian_installs_is_read_without_a_problem(parser: Parser, root: Path) -> None:
    files, links = files_below(root, parser.globs)
    found = read_settings(parser, files, links=links)
    assert found.problems == []
    assert len(found.settings) > 50


def test_nginx_reads_the_same_files(root: Path) -> None:
    files = kept_files(NGINX, root)
    list(NGINX.settings(files))
    dumped = re.findall(r"^# configuration file (.*):$", run_in(root, "nginx", "-T"), re.MULTILINE)
    assert len(dumped) > 2
    assert files.used == {files.real(path) for path in dumped}


NGINX_WORDS = [
    "a.b",
    r"a\;b",
    r"a\\b",
    r"a\"b",
    r"a\d",
    '"a b"',
    "'a;b'",
    r'"a\"b\d"',
    r"'a\'b'",
    "${a}b",
    "a#b",
    "a'b",
    'a"b"',
    "a}b",
]


@pytest.mark.parametrize("word", NGINX_WORDS)
def test_nginx_reads_the_same_words(word: str, root: Path, scratch: Path) -> None:
    scratch.write_text(f"{word} x;\n")
    printed = run_in(root, "nginx", "-t", "-c", inside(root, scratch), status=1)
    (directive,) = parse(f"{word} x;\n", "", lambda reason, line: pytest.fail(reason))
    assert f'unknown directive "{directive.name}" in' in printed


@pytest.mark.parametrize("text", ["a", "a {", "}", ";", 'events { } a "b"c;', 'a "b', "a }", "{ }"])
def test_nginx_refuses_what_is_reported(text: str, root: Path, scratch: Path) -> None:
    scratch.write_text(text)
    run_in(root, "nginx", "-t", "-c", inside(root, scratch), status=1)
    problems: list[str] = []
    parse(text, "", lambda reason, line: problems.append(reason))
    assert problems


NGINX_LEVELS = (
    "events { } http { @ }",
    "@",
    "events { @ }",
    "events { } http { server { @ } }",
    "events { } http { server { location / { @ } } }",
)


def test_nginx_knows_only_on_and_off_of_flags(root: Path, scratch: Path) -> None:
    said = {name: _nginx_says_flag(root, scratch, name) for name in sorted(FLAGS)}
    assert sum(answer is True for answer in said.values()) > 80
    assert [name for name, answer in said.items() if answer is False] == []


def _nginx_says_flag(root: Path, scratch: Path, name: str) -> bool | None:
    """Whether nginx wants "on" or "off" for a directive; None if it does not have it."""
    for level in NGINX_LEVELS:
        scratch.write_text(level.replace("@", f"{name} maybe;"))
        printed = run_in(root, "nginx", "-t", "-c", inside(root, scratch), status=None)
        if "unknown directive" in printed:
            return None
        if "is not allowed here" not in printed:
            return None if "is obsolete" in printed else 'it must be "on" or "off"' in printed
    return None


def test_nginx_directives_stand_where_they_are_inherited() -> None:
    analyzer = pytest.importorskip("crossplane.analyzer")
    bits = {
        ("http", "server"): (analyzer.NGX_HTTP_MAIN_CONF, analyzer.NGX_HTTP_SRV_CONF),
        ("http", "location"): (analyzer.NGX_HTTP_LOC_CONF,),
        ("stream", "server"): (analyzer.NGX_STREAM_MAIN_CONF, analyzer.NGX_STREAM_SRV_CONF),
        ("mail", "server"): (analyzer.NGX_MAIL_MAIN_CONF, analyzer.NGX_MAIL_SRV_CONF),
    }
    later = {("mail", "proxy_protocol"), ("mail", "set_real_ip_from")}  # nginx 1.19.8, which its table is older than
    checked = 0
    for level, contexts in bits.items():
        for name in INHERITED[level] & analyzer.DIRECTIVES.keys():
            if (level[0], name) in later:
                continue
            masks = analyzer.DIRECTIVES[name]
            checked += 1
            assert any(all(mask & context for context in contexts) for mask in masks), (level, name)
    assert checked > 500


def test_crossplane_parses_the_same_tree(root: Path) -> None:
    crossplane = pytest.importorskip("crossplane")
    paths = [path for path in (root / "etc/nginx").rglob("*") if path.is_file() and path.name[0] != "."]
    assert len(paths) > 8
    for path in paths:
        payload = crossplane.parse(str(path), single=True, strict=False, check_ctx=False, check_args=False)
        directives = parse(path.read_text(), "", lambda reason, line: pytest.fail(reason))
        assert list(_flat(directives)) == list(_flat_crossplane(payload["config"][0]["parsed"])), path


def _flat(directives: list[Directive]) -> Iterator[tuple[str, int, tuple[str, ...]]]:
    for one in directives:
        yield one.name, one.line, one.arguments
        yield from _flat(one.block or [])


def _flat_crossplane(directives: list[dict[str, object]]) -> Iterator[tuple[str, int, tuple[str, ...]]]:
    for one in directives:
        if one["directive"] != "#":
            arguments = cast("list[str]", one["args"])
            if one["directive"] == "if":
                arguments = (
                    [f"({arguments[0]}", *arguments[1:-1], f"{arguments[-1]})"]
                    if len(arguments) > 1
                    else [f"({arguments[0]})"]
                )
            yield str(one["directive"]), cast("int", one["line"]), tuple(arguments)
            yield from _flat_crossplane(cast("list[dict[str, object]]", one.get("block") or []))


def apache(root: Path, *arguments: str) -> str:
    """What Debian's apache2 prints with the variables that its script sets."""
    begin = '. /etc/apache2/envvars; mkdir -p "$APACHE_RUN_DIR"'
    return run_in(root, "sh", "-c", f"{begin}; apache2 {shlex.join(arguments)}", status=None)


@pytest.fixture(scope="module")
def apache_values(root: Path) -> dict[str, Value]:
    files, links = files_below(root, APACHE.globs)
    return read_settings(APACHE, files, links=links).values


def test_apache_reads_the_same_files(root: Path) -> None:
    files = kept_files(APACHE, root)
    list(APACHE.settings(files))
    printed = re.findall(r"^ *\((?:\*|\d+)\) (.*)$", apache(root, "-t", "-D", "DUMP_INCLUDES"), re.MULTILINE)
    assert len(printed) > 20
    assert files.used - {"/etc/apache2/envvars"} == {files.real(path) for path in printed}


def test_apache_has_the_same_modules(root: Path, apache_values: dict[str, Value]) -> None:
    printed = re.findall(r"^ (\w+) \((static|shared)\)$", apache(root, "-t", "-D", "DUMP_MODULES"), re.MULTILINE)
    modules = cast("tuple[str, ...]", apache_values["apache.modules"])
    static = [name for name, kind in printed if kind == "static"]
    assert list(modules[: len(static)]) == static
    assert sorted(modules) == sorted(name for name, _ in printed)


def test_apache_has_the_same_hosts(root: Path) -> None:
    printed = apache(root, "-t", "-D", "DUMP_VHOSTS")
    hosts = re.findall(r"^(\S+:\d+|\*:\*) .*\((\S+):(\d+)\)$", printed, re.MULTILINE)
    files, links = files_below(root, APACHE.globs)
    found = [
        setting for setting in read_settings(APACHE, files, links=links).settings if setting.key.endswith(".addresses")
    ]
    told = [(cast("tuple[str, ...]", setting.value)[0], setting.path, str(setting.line)) for setting in found]
    assert told == hosts
    assert hosts


def test_apache_runs_as_it_is_told(root: Path, apache_values: dict[str, Value]) -> None:
    printed = apache(root, "-t", "-D", "DUMP_RUN_CFG")
    for key, pattern in (
        ("apache.User", r'User: name="(.*?)"'),
        ("apache.Group", r'Group: name="(.*?)"'),
        ("apache.PidFile", r'PidFile: "(.*?)"'),
        ("apache.ErrorLog", r'Main ErrorLog: "(.*?)"'),
    ):
        assert re.findall(pattern, printed) == [apache_values[key]]


def test_apache_variables_are_those_of_the_shell(root: Path) -> None:
    script = (root / "etc/apache2/envvars").read_text()
    printed = dict(re.findall(r"^(\w+)=(.*)$", run_in(root, "sh", "-c", ". /etc/apache2/envvars; env"), re.MULTILINE))
    found = environment(script)
    assert len(found) > 5
    assert found == {name: printed[name] for name in found}
    assert {name for name in printed if name.startswith("APACHE_")} <= found.keys()


RICH = r"""
Include /etc/apache2/apache2.conf
LoadModule info_module /usr/lib/apache2/modules/mod_info.so
LoadModule headers_module /usr/lib/apache2/modules/mod_headers.so
Define NAME example
Define ROOT "/srv/${NAME}"
ServerAdmin "a \"b\" c"
servername ${NAME}.org
<IfDefine NAME>
    ServerSignature Off
    <IfDefine !OTHER>
        Timeout 11
    </IfDefine>
</IfDefine>
<IfModule mod_headers.c>
    Header set X-A "b 'c'"
</IfModule>
<IfModule !headers_module>
    Timeout 12
    <IfModule mod_so.c>
        Timeout 13
    </IfModule>
</IfModule>
<IfVersion >= 2.4>
    KeepAliveTimeout 6
</IfVersion>
<IfVersion < 2.4>
    KeepAliveTimeout 7
</IfVersion>
<IfVersion 2.2>
    KeepAliveTimeout 8
</IfVersion>
<IfFile /etc/apache2/ports.conf>
    MaxKeepAliveRequests 7
</IfFile>
<IfFile !none.conf>
    MaxKeepAliveRequests 8
</IfFile>
<IfDirective Header>
    HostnameLookups Double
</IfDirective>
<IfSection VirtualHost>
    UseCanonicalName DNS
</IfSection>
UnDefine NAME
<IfDefine NAME>
    Timeout 14
</IfDefine>
IncludeOptional none/*.conf
<VirtualHost *:80 *:81>
    DocumentRoot ${ROOT}
    # Timeout 15 \
    Timeout 16
    <Directory "/srv/x y">
        Options +ExecCGI -Indexes
        <Files "*.z">
            Require all denied
        </Files>
    </Directory>
    <LocationMatch "^/(a|b)">
        <RequireAny>
            Require ip 10.0.0.0/8
        </RequireAny>
    </LocationMatch>
</VirtualHost>
"""
READ_AT_ONCE = {"listen", "defaultruntimedir", "serverroot"}
"""What httpd carries out while it reads, and so does not print afterwards."""

Line = tuple[tuple[str, ...], str, tuple[str, ...], str, int]
"""The sections around a directive, its name in small letters, its words, and where it stands."""


def test_apache_has_the_same_directives_in_effect(root: Path, scratch: Path) -> None:
    scratch.write_text(RICH)
    printed = apache(root, "-f", inside(root, scratch), "-d", "/etc/apache2", "-t", "-D", "DUMP_CONFIG")
    files = kept_files(APACHE, root, {"etc/apache2/rich.conf": RICH.encode()})
    reader = ApacheReader(files, "/etc/apache2/rich.conf", "apache")
    reader.modules = dict.fromkeys(
        re.findall(r"^ (\w+) \(static\)$", apache(root, "-M"), re.MULTILINE), SourceLine("", 0)
    )
    reader.read()
    theirs = set(_dumped(printed, {inside(root, scratch): "/etc/apache2/rich.conf"}))
    ours = set(_sections(reader.top, ()))
    assert len(theirs) > 150
    assert theirs - ours == set()
    assert {line[1] for line in ours - theirs} <= READ_AT_ONCE


def _dumped(printed: str, renamed: dict[str, str]) -> Iterator[Line]:
    """The directives of `-D DUMP_CONFIG`."""
    path, number = "", 0
    around: list[str] = []
    for line in (line.strip() for line in printed.splitlines()):
        if found := re.fullmatch(r"# In file: (.*)", line):
            path = renamed.get(found[1], found[1])
        elif found := re.fullmatch(r"# +(\d+):", line):
            number = int(found[1])
        elif line.startswith("</"):
            around.pop()
        elif line.startswith("<"):
            name, _, argument = line[1:-1].partition(" ")
            around.append(f"{name.lower()} {' '.join(words(argument))}".strip())
        elif path and line and not line.startswith(("AH0", "Syntax")):
            name, *arguments = words(line)
            yield tuple(around), name.lower(), tuple(arguments), path, number


def _sections(section: Section, around: tuple[str, ...]) -> Iterator[Line]:
    for name, written in section.directives.items():
        for one in written:
            yield around, name.lower(), one.words, one.path, one.line
    for inner in section.sections.values():
        yield from _sections(inner, (*around, f"{inner.kind.replace('_', '')} {inner.argument}".strip()))


@pytest.fixture(scope="module")
def every_module(root: Path) -> str:
    """Lines that load each module that Debian has."""
    found = []
    for path in sorted((root / "usr/lib/apache2/modules").glob("mod_*.so")):
        if path.stem not in ("mod_mpm_event", "mod_mpm_worker"):
            found.append(f"LoadModule {path.stem.removeprefix('mod_')}_module /{path.relative_to(root)}")
    return "\n".join(found) + "\nPidFile /run/none.pid\nErrorLog /dev/null\nListen 127.0.0.1:8099\nServerName x\n"


def test_apache_directives_are_spelled_as_it_spells_them(root: Path, scratch: Path, every_module: str) -> None:
    scratch.write_text(every_module)
    printed = re.findall(r"^(\w+) \(\S+\)$", apache(root, "-f", inside(root, scratch), "-L"), re.MULTILINE)
    passed_over = {
        "include",
        "includeoptional",
        "loadmodule",
        "define",
        "undefine",
        "use",
        "undefmacro",
        "mdmember",
        "mdmembers",
    }
    unknown = {name for name in printed if name.lower() not in KNOWN} - {
        "CaseFilter",
        "CaseFilterIn",
        "Lua_____ByteCodeHack",
    }
    assert len(printed) > 600
    assert {name.lower() for name in unknown} <= passed_over


@pytest.mark.parametrize(
    "name",
    ["KeepAlive", "SSLHonorCipherOrder", "ProxyRequests", "ExtendedStatus", "SSLSessionTickets", "EnableSendfile"],
)
def test_apache_knows_only_on_and_off_of_flags(name: str, root: Path, scratch: Path, every_module: str) -> None:
    scratch.write_text(f"{every_module}{name} maybe\n")
    printed = apache(root, "-f", inside(root, scratch), "-t")
    assert re.search("must be '?on'? or '?off'?", printed, re.IGNORECASE)
    assert name in APACHE_FLAGS


def test_apache_takes_a_bare_protocol_for_all_there_are(root: Path, scratch: Path, every_module: str) -> None:
    scratch.write_text(f"{every_module}SSLProtocol TLSv1.2 TLSv1.3\n")
    printed = apache(root, "-f", inside(root, scratch), "-t", "-e", "warn")
    assert "overrides already set parameter(s)" in printed


def _as_php(value: Value, separator: str = ",") -> str:
    """A value as PHP has it: on is "1", off and nothing are ""."""
    if isinstance(value, bool):
        return "1" if value else ""
    if isinstance(value, tuple):
        return separator.join(value)
    return str(value if value is not None else "")


def _same(ours: Value, theirs: str) -> bool:
    shown = (
        ""
        if isinstance(ours, bool) and theirs in ("0", "Off")
        else "1"
        if isinstance(ours, bool) and theirs == "On"
        else theirs
    )
    return _as_php(ours) == ("" if shown == "no value" else shown)


@pytest.fixture(scope="module")
def php_values(root: Path) -> dict[str, Value]:
    files, links = files_below(root, PHP.globs)
    return read_settings(PHP, files, links=links).values


def test_php_says_the_same_of_its_command_line(root: Path, php_values: dict[str, Value]) -> None:
    theirs = json.loads(run_in(root, "php", "-r", "echo json_encode(ini_get_all(null, false));"))
    ours = {key.removeprefix("php.cli."): value for key, value in php_values.items() if key.startswith("php.cli.")}
    both = ours.keys() & theirs.keys()
    assert len(both) > 70
    assert [(name, ours[name], theirs[name]) for name in both if not _same(ours[name], theirs[name] or "")] == []


def test_php_says_the_same_of_its_defaults(root: Path) -> None:
    theirs = json.loads(run_in(root, "php", "-n", "-r", "echo json_encode(ini_get_all(null, false));"))
    values = read_settings(PHP, {"etc/php/8.4/cli/php.ini": ""}).values
    ours = {key.removeprefix("php.cli."): value for key, value in values.items()}
    assert len(ours.keys() & theirs.keys()) > 40
    different = [
        (name, ours[name], theirs[name])
        for name in ours.keys() & theirs.keys()
        if not _same(ours[name], theirs[name] or "")
    ]
    assert different == []


def test_php_reads_the_same_files(root: Path) -> None:
    files = kept_files(PHP, root)
    list(PHP.settings(files))
    printed = re.findall(r"/etc/php/8\.\d+/cli/\S+?\.ini\b", run_in(root, "php", "--ini"))
    assert len(printed) > 10
    assert {path for path in files.used if "/cli/" in path or "/mods-available/" in path} == {
        files.real(path) for path in printed
    }


def test_php_fpm_says_the_same(root: Path, php_values: dict[str, Value]) -> None:
    program = next(path.name for path in (root / "usr/sbin").glob("php-fpm8*"))
    printed = re.findall(r"^([\w.]+) => .* => (.*)$", run_in(root, program, "-i"), re.MULTILINE)
    both = [(php_values[f"php.fpm.{name}"], value, name) for name, value in printed if f"php.fpm.{name}" in php_values]
    assert len(both) > 70
    assert [
        entry for entry in both if not _same(entry[0], entry[1]) and not (entry[1] == "Off" and entry[0] == "")
    ] == []


def test_php_fpm_has_the_same_pools(root: Path, php_values: dict[str, Value]) -> None:
    program = next(path.name for path in (root / "usr/sbin").glob("php-fpm8*"))
    section, theirs = "", {}
    for line in run_in(root, program, "-tt").splitlines():
        if found := re.search(r"NOTICE: \[(\w+)\]$", line):
            section = "global" if found[1] == "global" else f"pool[{found[1]}]"
        elif found := re.search(r"NOTICE: \t([\w.]+) = (.*)$", line):
            theirs[f"php.fpm.{section}.{found[1]}"] = found[2].strip()
    both = {key: value for key, value in php_values.items() if key.startswith(("php.fpm.global.", "php.fpm.pool["))}
    assert len(both) > 15
    shown = {True: "yes", False: "no"}
    for key, value in both.items():
        assert theirs[key] == (shown[value] if isinstance(value, bool) else _as_php(value, " ")), key


INI_PIECES = (
    "a",
    " ",
    "\n",
    '"b c"',
    "'d'",
    ";",
    "|",
    "&",
    "~",
    "!",
    "(",
    ")",
    "6",
    "E_ALL",
    "on",
    "none",
    "=",
    "[",
    "]",
    "{",
    "#",
    "\\n",
)
INI_SCRIPT = """
$out = [];
foreach (json_decode(stream_get_contents(STDIN), true) as $text) $out[] = @parse_ini_string($text, false);
echo json_encode($out);
"""


def test_php_scans_the_same_values(root: Path) -> None:
    texts = [f"x = {''.join(pieces)}\ny = 1\n" for count in (1, 2, 3) for pieces in product(INI_PIECES, repeat=count)]
    command = ["chroot", str(root), "php", "-r", INI_SCRIPT]
    done = subprocess.run(command, input=json.dumps(texts), capture_output=True, text=True, timeout=60, check=True)
    theirs = json.loads(done.stdout)
    assert len(theirs) == len(texts)
    wrong = [
        (text, answer, ours) for text, answer in zip(texts, theirs, strict=True) if (ours := _scanned(text)) != answer
    ]
    assert wrong == []


def _scanned(text: str) -> dict[str, object] | bool:
    """What parse_ini_string gives: an array, or false."""
    problems: list[str] = []
    constants = {**CONSTANTS, "E_ALL": "30719"}
    found: dict[str, object] = {}
    for entry in IniReader(text, constants, lambda name: "", lambda reason, line: problems.append(reason)).entries():
        if entry.offset is None:
            found[entry.name] = entry.value
        else:
            array = cast("dict[str, object]", found.setdefault(entry.name, {}))
            array[entry.offset or str(len(array))] = entry.value
    return found if not problems else False
