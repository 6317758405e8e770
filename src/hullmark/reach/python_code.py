"""What files of Python name: modules, entry points, settings of Django, programs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain

from hullmark.reach.code_names import MAKES_MODULES, CodeNames, add_calls, before_in_line, matches

_PY_IMPORT = re.compile(
    rb"import(?:[ \t]+(\([^)]{0,20000}\)|(?:[^\n;#\\]++|\\(?:\r?\n)?)+)"
    rb"|(?:_module|_string|lib\.import_module|_optional_dependency|__)?[ \t]*\(([^\n]{0,200}))"
).match
_PY_BEFORE = re.compile(rb"(?:.*[;:\s])?from[ \t]+(\.*[\w.]*|\.+)[ \t]+\Z", re.DOTALL).match
_PY_PLAIN = re.compile(rb"(?:.*[;:])?[ \t]*\Z", re.DOTALL).match
_LITERAL = re.compile(rb"\s*[rbuRBU]{0,2}[\"']([^\"'\n{}]{1,200})[\"']").match
_NAME = re.compile(rb"[A-Za-z_][\w.]*").match
_PY_STARTING = re.compile(
    r"(?:^|[.:,\n])(?:os|posix|nt|shutil|asyncio|anyio|trio|curio|\*)(?![^.:,\n])|process|[Pp]open|which|execut|spawn"
).search
"""Finds something among the imports of each module that can start programs: of the others it saves to look for the calls."""

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
_PY_GROUPS = re.compile(rb"entry_points\(\s*(?:(?:group\s*=\s*)?[\"']([\w.-]{1,100})[\"']|[a-z])").match
_PY_STRINGS = re.compile(
    rb"#[^\n]*|\"\"\"(?:\\[\s\S]|[^\\])*?\"\"\"|'''(?:\\[\s\S]|[^\\])*?'''"
    rb"|\"((?:\\[\s\S]|[^\"\\\n])*)\"|'((?:\\[\s\S]|[^'\\\n])*)'"
).finditer
_DJANGO = re.compile(rb"(django(?:\.\w{1,60}){1,10})(?:\.?(?:[%{][\s\S]*)?|:[\s\S]*)\Z").match
_SETTING = re.compile(rb"([A-Za-z_]\w{0,60}(?:\.\w{1,60}){0,10})\Z").match
_SETTINGS = (
    b"INSTALLED_APPS", b"MIDDLEWARE", b"ROOT_URLCONF", b"AUTHENTICATION_BACKENDS", b"DATABASES", b"CACHES", b"TEMPLATES", b"STORAGES",
    b"LOGGING",
)  # fmt: skip
_IS_SET = re.compile(rb"^[ \t]*(?:" + b"|".join(_SETTINGS) + rb")[ \t]*\+?=", re.MULTILINE).search
SETTING, NAMED = "=", "?"
"""How an import begins that stands in settings of Django, and one of a part of Django whose name stands in a text."""

GROUP = "@"
"""How an import begins that is a group of entry points, whose name follows; nothing where that is not known."""


_PY_MAIN = re.compile(rb"^if[ \t(]+__name__[ \t]*==[ \t]*[\"']__main__[\"'][ \t)]*:", re.MULTILINE).finditer
_PY_OUTSIDE = re.compile(rb"^[^\s#]|\"\"\"|'''", re.MULTILINE).search
_PY_HELP = re.compile(rb"(?<![\w.])(?<!def )help\(").match
_PY_DOCUMENTATION = re.compile(
    rb"(?:\A(?:\s|#[^\n]*\n)*|:[ \t]*(?:#[^\n]*)?\n\s*)[rRuU]?(?:\"\"\"(?:\\[\s\S]|[^\\])*?\"\"\"|'''(?:\\[\s\S]|[^\\])*?''')"
).finditer
_PARTS = 8
"""Blocks of one file that only run where it is run itself; more are taken for code that always runs."""

MAIN = "!"
"""How an import begins that only happens where the file itself is run."""


def _main_parts(body: bytes) -> list[tuple[int, int]]:
    """Where code is that only runs if the file is what Python was told to run: blocks that begin without indentation, up to the next line
    without, or to a text of several lines, which may have such lines."""
    found = []
    for match in _PY_MAIN(body) if b"__main__" in body else ():
        outside = _PY_OUTSIDE(body, match.end())
        found.append((match.end(), outside.start() if outside is not None else len(body)))
    return found if len(found) <= _PARTS else []


def _is_within(at: int, parts: list[tuple[int, int]]) -> bool:
    return any(start <= at < end for start, end in parts)


def read_python(body: bytes, names: CodeNames) -> None:
    """Collect what a file of Python names."""
    mains = _main_parts(body)
    for match in matches(body, b"import", _PY_IMPORT):
        at = match.start()
        first = MAIN.encode() if mains and _is_within(at, mains) else b""
        before = before_in_line(body, at)
        if match[2] is not None:
            _python_call(before, match[2], names)
        elif b"#" in before or before.lstrip().startswith((b">>>", b"...")):
            continue
        elif b"from" in before and (source := _PY_BEFORE(before)) is not None:
            parts = [part.split(b" as ")[0].strip() for part in _strip_comments(match[1]).split(b",")]
            names.imported(first + source[1] + b":" + b",".join(part for part in parts if _NAME(part) or part == b"*"))
        elif _PY_PLAIN(before) is not None:
            for part in _strip_comments(match[1]).split(b","):
                found = _NAME(part.strip())
                if found is not None:
                    names.imported(first + found[0])
    _python_texts(body, names)


def _python_texts(body: bytes, names: CodeNames) -> None:
    """Names of modules, groups and programs that stand in texts."""
    if b"django" in body:
        _django_names(body, names)
    calls = _outside_documentation(body, matches(body, b"help(", _PY_HELP))
    if any(b"#" not in before_in_line(body, call.start()) for call in calls):
        names.imported(b"pydoc")
    for match in matches(body, b"entry_points(", _PY_GROUPS):
        names.imported(GROUP.encode() + (match[1] or b""))
    if _PY_STARTING("\n".join(names.imports)) is not None and any(sign in body for sign in _PY_STARTS):
        add_calls(body, _calls_outside_documentation, names)


def _calls_outside_documentation(body: bytes) -> Iterator[re.Match[bytes]]:
    """The calls that start programs, without those in the texts that describe modules, classes and functions."""
    return _outside_documentation(body, _PY_CALLS(body))


def _outside_documentation(body: bytes, found: Iterator[re.Match[bytes]]) -> Iterator[re.Match[bytes]]:
    first = next(found, None)
    if first is None:
        return
    texts = _PY_DOCUMENTATION(body)
    text = next(texts, None)
    for call in chain((first,), found):
        while text is not None and text.end() <= call.start():
            text = next(texts, None)
        if text is None or call.start() < text.start():
            yield call


def _django_names(body: bytes, names: CodeNames) -> None:
    """Texts that are names in Django, and all those of its settings. Comments, and texts of several lines, are none."""
    is_of_settings = any(name in body for name in _SETTINGS) and _IS_SET(body) is not None
    if not is_of_settings and b"'django." not in body and b'"django.' not in body:
        return
    for match in _PY_STRINGS(body):
        text = match[1] or match[2] or b""
        if is_of_settings and (found := _SETTING(text)) is not None:
            names.imported(SETTING.encode() + found[1])
        elif (found := _DJANGO(text)) is not None:
            names.imported(NAMED.encode() + found[1])


def _python_call(before: bytes, argument: bytes, names: CodeNames) -> None:
    """A module that is imported by a function."""
    if before.rstrip().endswith((b"def", b"def _", b"def __")) or b"#" in before:
        return
    literal = _LITERAL(argument)
    if literal is None:
        names.untold[MAKES_MODULES] = None
    elif literal[1].startswith(b"."):
        names.imported(literal[1] + b":")
        names.untold[MAKES_MODULES] = None
    else:
        names.imported(literal[1].replace(b":", b"."))


def _strip_comments(text: bytes) -> bytes:
    lines = text.strip(b"()").replace(b"\\\n", b" ").replace(b"\\\r\n", b" ").split(b"\n")
    return b" ".join(line.partition(b"#")[0] for line in lines)
