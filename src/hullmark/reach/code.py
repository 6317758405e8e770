"""What files of code name: modules that they import, programs that they start, and what of that they compute.

Files are searched for statements, not parsed: an image may have hundreds of megabytes of code. So a statement in a text counts as well,
which makes more reachable than is, never less.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import msgspec

from hullmark.facets.secrets.mask import masked
from hullmark.model.limit import Limit
from hullmark.rootfs.reads import MIB, Read, Report

_BODY = Limit(16 * MIB, "bytes of a file of code (of larger ones nothing is read)")
_TEXT = Limit(MIB, "bytes of a file that says where modules are")
_MAX_NAMES = Limit(5_000, "modules and programs that one file of code names")
_MAX_IN_LAYER = Limit(1024 * MIB, "bytes of one layer's files of code")

_TOO_LARGE, _TOO_MANY = "it is too large to be read", "it names so many modules that not all were kept"
CUTS = (_TOO_LARGE, _TOO_MANY)
"""Reasons why anything may be named."""

PYTHON, JAVASCRIPT, RUBY, PERL, PHP, OTHER = "python", "javascript", "ruby", "perl", "php", ""

_SUFFIXES = {
    "py": PYTHON, "pyw": PYTHON, "js": JAVASCRIPT, "cjs": JAVASCRIPT, "mjs": JAVASCRIPT, "rb": RUBY, "ru": RUBY, "gemspec": RUBY,
    "pl": PERL, "pm": PERL, "php": PHP, "inc": PHP, "phtml": PHP,
}  # fmt: skip
_BY_INTERPRETER = (("python", PYTHON), ("node", JAVASCRIPT), ("ruby", RUBY), ("perl", PERL), ("php", PHP))


class CodeFacts(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What one file names.

    `interpreter` are the words of its first line, if that begins with `#!`. `imports` are in the language's own words: of Python
    `module` or `module:name,name`, else what is asked for. `programs` are the first words of commands, `paths` absolute paths that stand
    alone in quotes. `untold` are reasons, as clauses, why not all can be told.
    """

    language: str
    interpreter: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    untold: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()


class _Names:
    """Collects what is named, each once, up to a limit."""

    def __init__(self) -> None:
        self.imports: dict[str, None] = {}
        self.programs: dict[str, None] = {}
        self.untold: dict[str, None] = {}
        self.paths: dict[str, None] = {}

    def imported(self, name: bytes) -> None:
        self._add(self.imports, name)

    def started(self, command: bytes) -> None:
        words = command.split()
        if words and not words[0].startswith((b"-", b"%", b"{", b"$")):
            self._add(self.programs, words[0])

    def quoted(self, path: bytes) -> None:
        self._add(self.paths, path)

    def _add(self, names: dict[str, None], name: bytes) -> None:
        if len(names) < _MAX_NAMES:
            names[name.decode("utf-8", "backslashreplace")[:500]] = None
        else:
            self.untold[_TOO_MANY] = None


_PY_IMPORT = re.compile(
    rb"import(?:[ \t]+(\([^)]{0,20000}\)|(?:\\\r?\n|[^\n;#])+)"
    rb"|(?:_module|_string|lib\.import_module|_optional_dependency|__)?[ \t]*\(([^\n]{0,200}))"
).finditer
_PY_BEFORE = re.compile(rb"(?:.*[;:\s])?from[ \t]+(\.*[\w.]*|\.+)[ \t]+\Z", re.DOTALL).match
_PY_PLAIN = re.compile(rb"(?:.*[;:])?[ \t]*\Z", re.DOTALL).match
_LITERAL = re.compile(rb"\s*[rbuRBU]{0,2}[\"']([^\"'\n{}]{1,200})[\"']").match
_NAME = re.compile(rb"[A-Za-z_][\w.]*").match
_PY_STARTS = (
    b"subprocess",
    b"os.system",
    b"os.popen",
    b"os.exec",
    b"os.spawn",
    b"posix_spawn",
    b"shutil.which",
    b"find_executable",
    b"Popen(",
)
_PY_CALLS = re.compile(
    rb"\b(?:run|call|check_call|check_output|Popen|getoutput|getstatusoutput|system|popen|which|find_executable|spawn[lv]?p?e?"
    rb"|exec[lv]p?e?|posix_spawnp?|create_subprocess_exec|create_subprocess_shell|_syscmd_\w+)\(\s*[\[(]?\s*(?:[rbf]{0,2}[\"']([^\"'\n]{1,200})|(\S))"
).finditer
_PY_GROUPS = re.compile(rb"entry_points\(\s*(?:(?:group\s*=\s*)?[\"']([\w.-]{1,100})[\"']|[a-z])").finditer
_PY_STRINGS = re.compile(
    rb"#[^\n]*|\"\"\"(?:\\[\s\S]|[^\\])*?\"\"\"|'''(?:\\[\s\S]|[^\\])*?'''"
    rb"|\"((?:\\[\s\S]|[^\"\\\n])*)\"|'((?:\\[\s\S]|[^'\\\n])*)'"
).finditer
_DJANGO = re.compile(rb"(django(?:\.\w{1,60}){1,10})(?:\.?(?:[%{][\s\S]*)?|:[\s\S]*)\Z").match
_SETTING = re.compile(rb"([A-Za-z_]\w{0,60}(?:\.\w{1,60}){0,10})\Z").match
_SETTINGS = re.compile(
    rb"^[ \t]*(?:INSTALLED_APPS|MIDDLEWARE|ROOT_URLCONF|AUTHENTICATION_BACKENDS|DATABASES|CACHES|TEMPLATES|STORAGES|LOGGING)[ \t]*\+?=",
    re.MULTILINE,
).search
SETTING, NAMED = "=", "?"
"""How an import begins that stands in settings of Django, and one of a part of Django whose name stands in a text."""

GROUP = "@"
"""How an import begins that is a group of entry points, whose name follows; nothing where that is not told."""


_BACK = 300
"""Bytes of a line that are looked back: a whole program may stand in one line, and be full of what is looked for."""


def _before(body: bytes, at: int) -> bytes:
    """What stands before a place in its line, as far as is looked back."""
    start = max(0, at - _BACK)
    return body[max(body.rfind(b"\n", start, at) + 1, start) : at]


def _python(body: bytes, names: _Names) -> None:
    for match in _PY_IMPORT(body):
        at = match.start()
        before = _before(body, at)
        if match[2] is not None:
            _python_call(before, match[2], names)
        elif b"#" in before or before.lstrip().startswith((b">>>", b"...")):
            continue
        elif b"from" in before and (source := _PY_BEFORE(before)) is not None:
            parts = [part.split(b" as ")[0].strip() for part in _uncommented(match[1]).split(b",")]
            names.imported(source[1] + b":" + b",".join(part for part in parts if _NAME(part) or part == b"*"))
        elif _PY_PLAIN(before) is not None:
            for part in _uncommented(match[1]).split(b","):
                found = _NAME(part.strip())
                if found is not None:
                    names.imported(found[0])
    _python_texts(body, names)


def _python_texts(body: bytes, names: _Names) -> None:
    """Names of modules, groups and programs that stand in texts."""
    if b"django" in body:
        _django_names(body, names)
    for match in _PY_GROUPS(body):
        names.imported(GROUP.encode() + (match[1] or b""))
    if any(sign in body for sign in _PY_STARTS):
        _calls(body, _PY_CALLS, names)


def _django_names(body: bytes, names: _Names) -> None:
    """Texts that are names in Django, and all those of its settings. Comments, and texts of several lines, are none."""
    is_of_settings = _SETTINGS(body) is not None
    for match in _PY_STRINGS(body):
        text = match[1] or match[2] or b""
        if is_of_settings and (found := _SETTING(text)) is not None:
            names.imported(SETTING.encode() + found[1])
        elif (found := _DJANGO(text)) is not None:
            names.imported(NAMED.encode() + found[1])


def _python_call(before: bytes, argument: bytes, names: _Names) -> None:
    """A module that is imported by a function."""
    if before.rstrip().endswith((b"def", b"def _", b"def __")) or b"#" in before:
        return
    literal = _LITERAL(argument)
    if literal is None:
        names.untold["it imports modules whose names it makes itself"] = None
    elif literal[1].startswith(b"."):
        names.imported(literal[1] + b":")
        names.untold["it imports modules whose names it makes itself"] = None
    else:
        names.imported(literal[1].replace(b":", b"."))


def _uncommented(text: bytes) -> bytes:
    lines = text.strip(b"()").replace(b"\\\n", b" ").replace(b"\\\r\n", b" ").split(b"\n")
    return b" ".join(line.partition(b"#")[0] for line in lines)


def _calls(body: bytes, calls: Callable[[bytes], Iterator[re.Match[bytes]]], names: _Names) -> None:
    """Programs that are started: by their names, or by names that are computed."""
    for match in calls(body):
        start = _before(body, match.start()).lstrip()
        if start.startswith((b"#", b">>>", b"...", b"*", b"//")):
            continue
        if match[1] is not None:
            names.started(match[1])
        elif match[2] not in (b")", b"*"):
            names.untold["it starts programs whose names it makes itself"] = None


_JS_REQUIRE = re.compile(
    rb"require(?:\.resolve)?\s*\(\s*(?:[\"'`]([^\"'`\n$]{1,300})[\"'`]\s*([,)+]?)|([^)\s\"'`]))"
).finditer
_JS_FROM = re.compile(rb"from\s{0,20}[\"']([^\"'\n]{1,300})[\"']").finditer
_JS_IMPORT = re.compile(
    rb"import\s{0,20}(?:\(\s*(?:/\*[^*]{0,200}\*/\s*)?)?(?:[\"'`]([^\"'`\n$]{1,300})[\"'`]|(\())"
).finditer
_JS_DYNAMIC = re.compile(rb"\bimport\s*\(\s*[^\"'`\s)/]").search
_JS_CALLS = re.compile(
    rb"\b(?:exec|execSync|execFile|execFileSync|spawn|spawnSync|fork)\(\s*(?:[\"'`]([^\"'`\n$]{1,200})|(\S))"
).finditer


def _javascript(body: bytes, names: _Names) -> None:
    for match in _JS_REQUIRE(body):
        if match[1] is not None and match[2] != b"+":
            names.imported(match[1])
        elif match[3] is not None or match[2] == b"+":
            names.untold["it requires modules whose names it makes itself"] = None
    for match in (*_JS_FROM(body), *_JS_IMPORT(body)):
        if match[1] is not None:
            names.imported(match[1])
    if _JS_DYNAMIC(body) is not None:
        names.untold["it imports modules whose names it makes itself"] = None
    if b"child_process" in body:
        _calls(body, _JS_CALLS, names)


_RUBY_REQUIRE = re.compile(
    rb"\b(require_relative|require|load|autoload)\b[ \t(]+(?::\w+\s*,\s*)?(?:[\"']([^\"'\n#]{1,300})[\"']|([A-Za-z_@:\"'\[][^\n]?))"
).finditer
_RUBY_CALLS = re.compile(
    rb"(?:\b(?:system|exec|spawn|popen|capture[23]e?)[ (]+[\"']([^\"'\n#]{1,200})|%x[({]([^)}]{1,200})|`([^`\n]{1,200})`)"
).finditer


_RUBY_BESIDE = re.compile(
    rb"\b(?:require|load|autoload)\b[^\n]{0,80}?\bFile\.(?:join\(\s*__dir__\s*,|expand_path\()\s*[\"']([^\"'\n#]{1,200})[\"']"
).finditer
_RUBY_TOLD = re.compile(
    rb"Gem\.(?:activate_)?bin_path\b|File\.(?:join\(\s*__dir__\s*,|expand_path\()\s*[\"'][^\"'\n#]{1,200}[\"']"
).match
_RUBY_PROGRAM = re.compile(
    rb"\b(?:activate_bin_path|bin_path)[ (]+[\"']([\w.-]{1,100})[\"']\s*,\s*[\"']([\w.-]{1,100})[\"']"
).finditer
GEM_PROGRAM = "gem:"
"""How an import begins that is a program of a gem: the gem's name, a colon and the program's follow."""


def _ruby(body: bytes, names: _Names) -> None:
    for match in _RUBY_BESIDE(body):
        names.imported(b"./" + match[1])
    for match in _RUBY_PROGRAM(body):
        names.imported(GEM_PROGRAM.encode() + match[1] + b":" + match[2])
    for match in _RUBY_REQUIRE(body):
        if match[2] is not None:
            names.imported((b"./" if match[1] == b"require_relative" else b"") + match[2])
        elif match[1] != b"autoload" and _RUBY_TOLD(body, match.start(3)) is None:
            names.untold["it requires files whose names it makes itself"] = None
    for match in _RUBY_CALLS(body):
        names.started(match[1] or match[2] or match[3])


_PERL_USE = re.compile(
    rb"^[ \t]*(?:use|require|no)[ \t]+(?:([A-Z_a-z][\w:]*)|[\"']([^\"'\n$]{1,200})[\"']|(\$))", re.MULTILINE
).finditer
_PERL_BASE = re.compile(
    rb"use[ \t]+(?:parent|base)[ \t]+(?:-norequire,[ \t]*)?(?:qw[ \t]*[(/\[{]([^)/\]}]{1,1000})|[\"']([\w:]+))"
).finditer
_PERL_CALLS = re.compile(
    rb"(?:\b(?:system|exec)[ (]+[\"']([^\"'\n$]{1,200})|`([^`\n$]{1,200})`|\bqx[{(/]([^})/\n$]{1,200}))"
).finditer


def _perl(body: bytes, names: _Names) -> None:
    for match in _PERL_USE(body):
        if match[3] is not None:
            names.untold["it requires modules whose names it makes itself"] = None
        else:
            names.imported(match[1] or match[2])
    for match in _PERL_BASE(body):
        for name in (match[1] or match[2]).split():
            names.imported(name)
    for match in _PERL_CALLS(body):
        names.started(match[1] or match[2] or match[3])


_PHP_INCLUDE = re.compile(
    rb"\b(?:include|require)(?:_once)?\b[ \t(]*(?:(?:__DIR__|dirname\(__FILE__\))[ \t]*\.[ \t]*[\"']/?([^\"'\n$]{1,300})[\"']"
    rb"|[\"']([^\"'\n$]{1,300})[\"']|(\$|[A-Z]))"
).finditer
_PHP_CALLS = re.compile(
    rb"\b(?:exec|shell_exec|system|passthru|proc_open|popen)\([ \t]*[\"']([^\"'\n$]{1,200})"
).finditer


def _php(body: bytes, names: _Names) -> None:
    for match in _PHP_INCLUDE(body):
        if match[1] is not None:
            names.imported(b"./" + match[1])
        elif match[2] is not None:
            names.imported(match[2])
        else:
            names.untold["it includes files whose names it makes itself"] = None
    for match in _PHP_CALLS(body):
        names.started(match[1])


_QUOTED_PATH = re.compile(rb"[\"'](/(?:[\w.+@-]{1,100}/){1,12}[\w.+@-]{1,100})[\"']").finditer

_READERS: dict[str, Callable[[bytes, _Names], None]] = {
    PYTHON: _python,
    JAVASCRIPT: _javascript,
    RUBY: _ruby,
    PERL: _perl,
    PHP: _php,
}


def facts_of(path: str, body: bytes) -> CodeFacts | None:
    """What a file names: in the language of its first line, else of its suffix. None for a file that is no code."""
    words: tuple[str, ...] = ()
    if body.startswith(b"#!"):
        words = tuple(body[2:512].partition(b"\n")[0].decode("utf-8", "backslashreplace").split())
    language = _SUFFIXES.get(path.rpartition(".")[2], OTHER)
    if words:
        named = " ".join(words[:3])
        language = next((name for sign, name in _BY_INTERPRETER if sign in named), language)
    elif language == OTHER:
        return None
    names = _Names()
    if language in _READERS:
        _READERS[language](body, names)
        for match in _QUOTED_PATH(body):
            names.quoted(match[1])
    return CodeFacts(
        language, words, tuple(names.imports), tuple(names.programs), tuple(names.untold), tuple(names.paths)
    )


def extract(path: str, body: memoryview, report: Report) -> CodeFacts | None:
    """What one file names."""
    return facts_of(path, bytes(body))


class _TooLarge:
    """Takes no notice of a body that is too large."""

    def write(self, piece: memoryview, /) -> None:
        """Nothing."""

    def finish(self, report: Report, /) -> CodeFacts:
        """Say so, where it matters."""
        return CodeFacts(OTHER, untold=(_TOO_LARGE,))


CODE = Read(
    name="reach-code",
    fact=CodeFacts,
    extract=extract,
    globs=tuple(f"**/*.{suffix}" for suffix in _SUFFIXES),
    magic=(b"#!",),
    limit=_BODY,
    layer_limit=_MAX_IN_LAYER,
    oversize=lambda size: _TooLarge(),
    sources=("reach/code",),
)
"""Scripts, and files with the suffixes of languages that have no compiler."""


def _text(path: str, body: memoryview, report: Report) -> str:
    return masked(bytes(body), path.rpartition("/")[2]).decode("utf-8", "backslashreplace")


MODULE_TEXTS = Read(
    name="reach-texts",
    fact=str,
    extract=_text,
    globs=("**/*.pth", "**/pyvenv.cfg", "**/entry_points.txt", "**/package.json", "**/*._pth"),
    limit=_TEXT,
    sources=("reach/code", "facets/secrets"),
)
"""Files that say where modules are: of virtual environments, of installed distributions, of npm's packages."""
