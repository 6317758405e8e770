"""Beyond a limit of the walk nothing is called unreachable: it is unknown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pytest

from hullmark.facets.kept import KeptContent
from hullmark.model.limit import Limit
from hullmark.model.problem import Problem
from hullmark.model.setting import Setting
from hullmark.reach.code import CODE
from hullmark.reach.reads import REACH_READS
from hullmark.rootfs.reads import Read
from tests.support.dynamic import dynamic_elf
from tests.support.java_classes import class_file, jar
from tests.support.reach import reach_of, walked
from tests.unit.reach.test_walk import BASE, program
from tools.limits import bounds

HIDDEN = "/usr/bin/tool"
PYTHON = {"/usr/bin/python3": program(), "/usr/lib/python3.13/os.py": b"", "/app/a.py": b"import x, y\n"}
NODE = {"/usr/bin/node": program(), "/app/a.js": b"require('b')\n", "/app/node_modules/b/index.js": b""}


class Case(NamedTuple):
    """An image whose start goes beyond the limit when that is `number`."""

    number: int
    files: Mapping[str, bytes]
    command: Sequence[str]
    env: Sequence[str] = ()
    settings: Sequence[Setting] = ()


def _words(count: int) -> bytes:
    return b"#!/bin/sh\n" + b"".join(b"x%d\n" % number for number in range(count))


_DEEP_JAR = jar(
    class_file("a/A", names=("b/B", "c/C")),
    class_file("a/D"),
    files={"lib/a.jar": jar(class_file("d/D"), files={"lib/b.jar": jar()})},
)
CASES = {
    "commands._MAX_COMMANDS": Case(2, {"/d": _words(5)}, ("/d",)),
    "commands._MAX_BESIDE": Case(0, {"/d": b"#!/bin/sh\n. /etc/x.sh\n", "/etc/x.sh": b"A=/usr/bin/tool\n"}, ("/d",)),
    "commands._MAX_DEPTH": Case(1, {"/d": _words(2)}, ("/d",)),
    "elf._MAX_NEEDED": Case(1, {"/d": program("a.so", "b.so")}, ("/d",)),
    "elf._MAX_NAMES": Case(2, {"/d": program(constants=("/a/b", "/c/d", "/e/f"))}, ("/d",)),
    "elf._MAX_NOTES": Case(0, {"/d": dynamic_elf(interpreter="/lib64/ld.so", notes=("a.so",))}, ("/d",)),
    "elf_file._MAX_SEGMENTS": Case(1, {"/d": program()}, ("/d",)),
    "elf._MAX_WORDS": Case(1, {"/d": program(calls=("execvp",), constants=("aa", "bb", "cc"))}, ("/d",)),
    "code_names._MAX_NAMES": Case(1, PYTHON, ("python3", "/app/a.py")),
    "shell._MAX_OPEN": Case(1, {"/d": b"#!/bin/sh\nX=$Y; Y=true; $X\n"}, ("/d",)),
    "shell._MAX_VALUES": Case(1, {"/d": b"#!/bin/sh\nX=a; X=b; X=c; $X\n"}, ("/d",)),
    "shell._MAX_NESTED": Case(0, {"/d": b"#!/bin/sh\necho $(true)\n"}, ("/d",)),
    "walk._MAX_STEPS": Case(2, {"/d": program("libc.so.6")}, ("/d",)),
    "tree._MAX_FITTING": Case(
        0,
        {
            "/d": program(calls=("pam_start",)),
            "/etc/pam.d/d": b"auth required pam_x.so\n",
            "/lib/x/security/pam_x.so": dynamic_elf(),
        },
        ("/d",),
    ),
    "loader._MAX_FOLDERS": Case(1, {"/d": program("a.so", runpath="/a:/b")}, ("/d",)),
    "languages._MAX_OWN": Case(1, {"/app/x/d": program(), "/app/x/a": b"", "/app/x/b": b""}, ("/app/x/d",)),
    "implicit._MAX_TRUSTED": Case(
        0, {"/d": program(calls=("SSL_CTX_set_default_verify_paths",)), "/etc/ssl/certs/a.pem": b""}, ("/d",)
    ),
    "implicit._MAX_LOCALE_FILES": Case(
        0, {"/d": program(calls=("setlocale",)), "/usr/lib/locale/C.utf8/LC_CTYPE": b""}, ("/d",), ("LANG=C.UTF-8",)
    ),
    "implicit._MAX_ZONES": Case(
        0, {"/d": program(constants=("/usr/share/zoneinfo",)), "/usr/share/zoneinfo/Europe/Rome": b""}, ("/d",)
    ),
    "logins._MAX_FILES": Case(0, {"/usr/sbin/sshd": program(), "/etc/profile.d/a.sh": b""}, ("/usr/sbin/sshd",)),
    "apache._MAX_FILES": Case(
        0,
        {
            "/usr/sbin/apache2": program(),
            "/etc/apache2/apache2.conf": b"LoadModule a x/a.so\n",
            "/etc/apache2/x/a.so": b"",
        },
        ("apache2",),
        (),
        (Setting(key="apache.User", value="www", path="/etc/apache2/apache2.conf"),),
    ),
    "native._MAX_IN_FOLDER": Case(
        0, {"/d": program(constants=("/usr/lib/d/modules",)), "/usr/lib/d/modules/a.so": b""}, ("/d",)
    ),
    "python._MAX_PATH": Case(1, PYTHON, ("python3", "/app/a.py")),
    "node._MAX_OWN": Case(0, {**NODE, "/app/node_modules/b/package.json": b"{}"}, ("node", "/app/a.js")),
    "node._MAX_TARGETS": Case(
        0, {**NODE, "/app/node_modules/b/package.json": b'{"exports": "./index.js"}'}, ("node", "/app/a.js")
    ),
    "django._MAX_MODULES": Case(
        0,
        {
            **PYTHON,
            **{
                f"/usr/lib/python3/dist-packages/django/{name}": b""
                for name in ("__init__.py", "contrib/__init__.py", "contrib/auth/__init__.py")
            },
            "/usr/lib/python3/dist-packages/django/contrib/auth/templatetags/who.py": b"",
            "/app/a.py": b"import django, settings\n",
            "/app/settings.py": b"INSTALLED_APPS = ['django.contrib.auth']\n",
        },
        ("python3", "/app/a.py"),
    ),
    "python._MAX_BLURRED": Case(0, {**PYTHON, "/app/a.py": b"import_module(name)\n"}, ("python3", "/app/a.py")),
    "services._MAX_FILES": Case(
        0,
        {"/usr/sbin/nginx": program(), "/srv/a/b/x": b""},
        ("nginx",),
        (),
        (Setting(key="nginx.root", value="/srv/a/b"),),
    ),
    "simple._MAX_FILES": Case(
        0,
        {"/usr/bin/ruby": program(), "/app/a.rb": b"", "/var/lib/gems/3/specifications/a.gemspec": b""},
        ("ruby", "/app/a.rb"),
    ),
    **{
        f"java_code.{limit}": Case(
            number, {"/usr/bin/java": program(), "/lib/app.jar": _DEEP_JAR}, ("java", "-jar", "/lib/app.jar")
        )
        for limit, number in {
            "_MAX_NAMES": 1,
            "_MAX_CLASSES": 1,
            "_MAX_CLASS": 10,
            "_MAX_DEPTH": 0,
            "_MAX_INNER": 0,
            "_MAX_MEMBERS": 2,
            "_MAX_UNPACKED": 30,
        }.items()
    },
    "java._MAX_FILES": Case(
        0, {"/opt/j/bin/java": program(), "/opt/j/lib/modules": b""}, ("/opt/j/bin/java", "-version")
    ),
}
OTHERS = {
    "code._BODY": "its sink says so, and what it says is tested below",
    "code._TEXT": "the room that reads layers tells of a file that is too large, as it does of all reads",
    "code.MODULE_TEXTS.limit": "the same",
    "code._MAX_IN_LAYER": "the same; what that room tells is tested below",
    "code.CODE.layer_limit": "the same",
    "java_code._BODY": "the same",
    "java_code._MAX_IN_LAYER": "the same",
    "java_code.JAVA_CODE.limit": "the same",
    "java_code.JAVA_CODE.layer_limit": "the same",
}


def test_each_limit_has_a_case() -> None:
    found = {
        f"{bound.module.rpartition('.')[2]}.{bound.name}"
        for bound in bounds()
        if bound.room == "reach" and bound.effect == "unseen"
    }
    assert found == {*CASES, *OTHERS}


@pytest.mark.parametrize("name", sorted(CASES))
def test_what_lies_beyond_a_limit_is_unknown(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case = CASES[name]
    files = {**BASE, **case.files}
    assert reach_of(walked(files, case.command, env=case.env, settings=case.settings))[HIDDEN] == "unreachable"
    module, _, limit = name.partition(".")
    monkeypatch.setattr(f"hullmark.reach.{module}.{limit}", Limit(case.number, "as many as the test allows"))
    assert reach_of(walked(files, case.command, env=case.env, settings=case.settings))[HIDDEN] == "unknown"


def test_a_file_of_code_that_is_too_large_to_read_leaves_nothing_unreachable() -> None:
    assert CODE.oversize is not None
    facts = {"/app/a.py": CODE.oversize(1 << 30).finish(print)}
    files = {**BASE, **PYTHON}
    assert reach_of(walked(files, ("python3", "/app/a.py"), code_facts=facts))[HIDDEN] == "unknown"


@pytest.mark.parametrize("read", REACH_READS, ids=lambda read: read.name)
def test_what_a_read_left_out_leaves_nothing_unreachable(read: Read[Any]) -> None:
    problem = Problem("", 0, read.name, "the layer has more than 7 bytes of such files; the rest was left out")
    files = {**BASE, **PYTHON}
    assert reach_of(walked(files, ("python3", "/app/a.py"), problems=(problem,)))[HIDDEN] == "unknown"


@pytest.mark.parametrize("path", ["/etc/pam.d/d", "/etc/nsswitch.conf"])
def test_a_text_that_is_too_large_leaves_nothing_unreachable(path: str) -> None:
    files = {**BASE, "/d": program(calls=("pam_start", "getaddrinfo")), path: b""}
    assert reach_of(walked(files, ("/d",)))[HIDDEN] == "unreachable"
    too_large = {path: KeptContent(None, "it is too large", is_too_large=True)}
    assert reach_of(walked(files, ("/d",), kept=too_large))[HIDDEN] == "unknown"


@pytest.mark.parametrize(("programs", "reach"), [((), "unknown"), (("nginx",), "unknown"), (("sshd",), "unreachable")])
def test_configuration_that_was_not_read_leaves_nothing_unreachable(programs: tuple[str, ...], reach: str) -> None:
    reason = "line 3: a block is not closed"
    problem = Problem("/etc/nginx/n.conf", 0, "configuration", reason, "unseen", ("configuration",), (), programs)
    files = {**BASE, "/usr/sbin/nginx": program()}
    assert reach_of(walked(files, ("nginx",), problems=(problem,)))[HIDDEN] == reach


def test_where_nothing_is_started_nothing_is_unreachable() -> None:
    assert reach_of(walked(BASE, ()))[HIDDEN] == "unknown"
