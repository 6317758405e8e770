"""What files of code name: modules that they import, programs that they start, and what of that they compute.

Files are searched for statements, not parsed: an image may have hundreds of megabytes of code. So a statement in a text counts as well,
which makes more reachable than is, never less.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import msgspec

from hullmark.facets.secrets.mask import mask_secrets
from hullmark.model.limit import Limit
from hullmark.reach.code_names import MAKES_MODULES, TOO_MANY, CodeNames, add_calls, matches
from hullmark.reach.python_code import read_python
from hullmark.rootfs.reads import MIB, Read, Report

_BODY = Limit(16 * MIB, "bytes of a file of code (of larger ones nothing is read)")
_TEXT = Limit(MIB, "bytes of a file that says where modules are")
_MAX_IN_LAYER = Limit(1024 * MIB, "bytes of one layer's files of code")

_TOO_LARGE = "it is too large to be read"
CUTS = (_TOO_LARGE, TOO_MANY)
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


_JS_REQUIRE = re.compile(
    rb"require(?:\.resolve)?\s*\(\s*(?:[\"'`]([^\"'`\n$]{1,300})[\"'`]\s*([,)+]?)|([^)\s\"'`]))"
).match
_JS_FROM = re.compile(rb"from\s{0,20}[\"']([^\"'\n]{1,300})[\"']").match
_JS_IMPORT = re.compile(
    rb"import\s{0,20}(?:\(\s*(?:/\*[^*]{0,200}\*/\s*)?)?(?:[\"'`]([^\"'`\n$]{1,300})[\"'`]|(\())"
).match
_JS_DYNAMIC = re.compile(rb"\bimport\s*\(\s*[^\"'`\s)/]").match
_JS_CALLS = re.compile(
    rb"\b(?:exec|execSync|execFile|execFileSync|spawn|spawnSync|fork)\(\s*(?:[\"'`]([^\"'`\n$]{1,200})|(\S))"
).finditer


_JS_PLACES = (b"__dirname", b"__filename", b"import.meta")
_JS_OTHERS = (b"node_modules", b"require.resolve", b"createRequire")
OWN_PLACE, OTHER_PLACES = "node:own-place", "node:other-places"
"""Stand among the imports of a file of JavaScript that asks where it lies itself, and of one that may ask where others lie."""


def _javascript(body: bytes, names: CodeNames) -> None:
    for match in matches(body, b"require", _JS_REQUIRE):
        if match[1] is not None and match[2] != b"+":
            names.imported(match[1])
        elif match[3] is not None or match[2] == b"+":
            names.untold["it requires modules whose names it makes itself"] = None
    for match in (*matches(body, b"from", _JS_FROM), *matches(body, b"import", _JS_IMPORT)):
        if match[1] is not None:
            names.imported(match[1])
    for signs, place in ((_JS_PLACES, OWN_PLACE), (_JS_OTHERS, OTHER_PLACES)):
        if any(sign in body for sign in signs):
            names.imported(place.encode())
    if any(matches(body, b"import", _JS_DYNAMIC)):
        names.untold[MAKES_MODULES] = None
    if b"child_process" in body:
        add_calls(body, _JS_CALLS, names)


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


def _ruby(body: bytes, names: CodeNames) -> None:
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


def _perl(body: bytes, names: CodeNames) -> None:
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


def _php(body: bytes, names: CodeNames) -> None:
    for match in _PHP_INCLUDE(body):
        if match[1] is not None:
            names.imported(b"./" + match[1])
        elif match[2] is not None:
            names.imported(match[2])
        else:
            names.untold["it includes files whose names it makes itself"] = None
    for match in _PHP_CALLS(body):
        names.started(match[1])


_QUOTED_PATH = re.compile(rb"[\"'](/(?:[\w.+@-]{1,100}/){1,12}[\w.+@-]{1,100})[\"']").match


def _quoted_paths(body: bytes) -> Iterator[bytes]:
    """Absolute paths that stand alone in quotes, in their order."""
    found = [match for quote in (b"'/", b'"/') for match in matches(body, quote, _QUOTED_PATH)]
    end = 0
    for match in sorted(found, key=lambda match: match.start()):
        if match.start() >= end:
            end = match.end()
            yield match[1]


_READERS: dict[str, Callable[[bytes, CodeNames], None]] = {
    PYTHON: read_python,
    JAVASCRIPT: _javascript,
    RUBY: _ruby,
    PERL: _perl,
    PHP: _php,
}


def facts_of(path: str, body: bytes) -> CodeFacts | None:
    """What a file names: in the language of its first line, else of its suffix. None for a file that is not code."""
    words: tuple[str, ...] = ()
    if body.startswith(b"#!"):
        words = tuple(body[2:512].partition(b"\n")[0].decode("utf-8", "backslashreplace").split())
    language = _SUFFIXES.get(path.rpartition(".")[2], OTHER)
    if words:
        named = " ".join(words[:3])
        language = next((name for sign, name in _BY_INTERPRETER if sign in named), language)
    elif language == OTHER:
        return None
    names = CodeNames()
    if language in _READERS:
        _READERS[language](body, names)
        for quoted in _quoted_paths(body):
            names.add_path(quoted)
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
    sources=("reach/code", "reach/code_names", "reach/python_code"),
)
"""Scripts, and files with the suffixes of languages that have no compiler."""


def _text(path: str, body: memoryview, report: Report) -> str:
    return mask_secrets(bytes(body), path.rpartition("/")[2]).decode("utf-8", "backslashreplace")


MODULE_TEXTS = Read(
    name="reach-texts",
    fact=str,
    extract=_text,
    globs=("**/*.pth", "**/pyvenv.cfg", "**/entry_points.txt", "**/package.json", "**/*._pth"),
    limit=_TEXT,
    sources=("reach/code", "facets/secrets"),
)
"""Files that say where modules are: of virtual environments, of installed distributions, of npm's packages."""
