"""Reads the files of one Apache httpd: includes, variables, conditions and sections, in the order in which httpd reads them."""

from __future__ import annotations

import re

import msgspec

from hullmark.facets.configuration.apache_directives import (
    BUILT_IN,
    BUILT_IN_DEBIAN,
    KNOWN,
    NUMBERED,
    SECTIONS,
    SOURCES,
)
from hullmark.facets.configuration.apache_syntax import environment, lines, replace_variables, split_name, words
from hullmark.facets.configuration.include_tree import MAX_TEXT, IncludeTree
from hullmark.facets.configuration.parser import Files
from hullmark.facets.configuration.source_line import SourceLine
from hullmark.model.limit import Limit
from hullmark.rootfs.reads import Remark

_NAME = re.compile(r"[A-Za-z0-9_]{1,100}").fullmatch
_WILD = re.compile(r"[*?\[]").search
_VERSION = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,9}))?(?:\.([0-9]{1,9}))?").fullmatch
_MAX_NESTED = Limit(32, "sections of Apache httpd in each other")
_MAX_DIRECTIVES = Limit(200_000, "directives of one Apache httpd")
_MAX_NAME = 200
_NOT_IN_ACCESS_FILES = frozenset(("include", "includeoptional", "loadmodule", "serverroot", "use"))
_RAW = ("macro", "perl", "lua")
_CONDITIONS = frozenset({"ifmodule", "ifdefine", "ifversion", "iffile", "ifdirective", "ifsection"})


class DirectiveWords(msgspec.Struct):
    """A directive's words as written in a file."""

    words: tuple[str, ...]
    path: str
    line: int


class Section(msgspec.Struct):
    """The server itself, or a section. Repeated sections that a key names are one, named as the first."""

    key: str
    kind: str
    argument: str = ""
    path: str = ""
    line: int = 0
    directives: dict[str, list[DirectiveWords]] = {}
    sections: dict[str, Section] = {}
    counts: dict[str, int] = {}


class _Frame(msgspec.Struct):
    """A section that is open in the text. `section`: what directives go into; None where they are passed over."""

    tag: str
    section: Section | None


class ApacheReader:
    """Reads one installation into `top`. `modules` are those loaded, with where; `defines` the variables that are defined."""

    def __init__(self, files: Files, main: str, name: str) -> None:
        self.top = Section(name, "")
        built_in = BUILT_IN_DEBIAN if main.endswith("/apache2.conf") else BUILT_IN
        self.modules: dict[str, SourceLine] = dict.fromkeys(built_in, SourceLine("", 0))
        self.defines: dict[str, str | None] = {}
        self._files = files
        self._main = main
        self._tree = IncludeTree(files)
        folder = main.rpartition("/")[0]
        self._root = folder.removesuffix("/conf")
        script = files.text(f"{folder}/envvars") if files.status(f"{folder}/envvars") else None
        self._environment = environment(script or "")
        self._stack = [_Frame("", self.top)]
        self._floor = 1
        self._spelled: dict[str, str] = {}
        self._raw = ""
        self._path = main
        self._line = 0
        self._count = 0
        self._size = 0
        self._is_access_file = False

    def read(self) -> None:
        """Read the main file and all that it includes."""
        self._read_file(self._main)

    def read_access_file(self, path: str, section: Section) -> None:
        """Read an .htaccess file into its folder's section. It neither includes files nor loads modules."""
        self._stack, self._floor, self._is_access_file = [_Frame("", section)], 1, True
        self._read_file(path)
        self._is_access_file = False

    def root(self, folder: str) -> None:
        """Begin in another ServerRoot."""
        self._root = folder.rstrip("/")

    def read_line(self, line: str, path: str, number: int) -> None:
        """Read a directive that the command line gives."""
        self._path, self._line = path, number
        self._read_line(line.strip())

    def _problem(self, reason: str) -> None:
        self._files.problem(self._path, reason, self._line)

    def _read_file(self, path: str) -> None:
        before = self._path, self._line, self._floor
        with self._tree.opened(path, self._path, self._line) as text:
            self._path, self._floor = path, len(self._stack)
            for self._line, line in lines(text or ""):
                if self._count > _MAX_DIRECTIVES:
                    break
                self._read_line(line)
            if self._raw or len(self._stack) > self._floor:
                self._problem(Remark(f"the file ends within <{self._raw or self._stack[-1].tag}>"))
            self._raw = ""
            del self._stack[self._floor :]
        self._path, self._line, self._floor = before

    def _read_line(self, line: str) -> None:
        if self._raw:
            if line.lower().startswith(f"</{self._raw}"):
                self._raw = ""
            return
        is_read = self._stack[-1].section is not None
        if is_read:
            self._count += 1
            if self._count > _MAX_DIRECTIVES:
                self._problem(f"there are more than {_MAX_DIRECTIVES:,} directives; the rest is left out")
                return
            line = self._replace_variables(line)
        name, rest = split_name(line)
        if name.startswith("</"):
            self._close(name[2:].rstrip(">").lower())
        elif name.startswith("<"):
            self._open(name[1:].rstrip(">"), rest, line, is_read)
        elif is_read:
            self._directive(name, rest)

    def _replace_variables(self, line: str) -> str:
        """A line with its variables replaced, as long as all lines together stay within bounds."""
        if "${" not in line:
            return line
        if self._size > MAX_TEXT:
            self._problem("its variables are not replaced: too much text comes from variables")
            return line
        replaced = replace_variables(
            line, self._variable, lambda name: self._problem(f"the variable {name[:100]} has no value here")
        )
        self._size += len(replaced)
        return replaced

    def _variable(self, name: str) -> str | None:
        known = self.defines.get(name)
        value = known if known is not None else self._environment.get(name)
        if value is None and (outer := self._files.environment(name)) is not None:
            value = outer.text
        self._size += len(value or "")
        return value if self._size <= MAX_TEXT else None

    def _close(self, tag: str) -> None:
        if len(self._stack) > self._floor and self._stack[-1].tag == tag:
            self._stack.pop()
        elif self._stack[-1].section is not None:
            self._problem(Remark(f"</{tag}> ends no section that is open"))

    def _open(self, name: str, rest: str, line: str, is_read: bool) -> None:
        """Open a section; one within another that is passed over only has to be closed again."""
        tag = name.lower()
        if is_read and not line.endswith(">"):
            self._problem(Remark(f'<{name}> is not closed by ">"'))
        around = self._stack[-1].section
        if len(self._stack) > _MAX_NESTED:
            if around is not None:
                self._problem("sections stand too deep in each other; this one is left out")
            around = None
        if around is None:
            self._stack.append(_Frame(tag, None))
            return
        argument = rest.removesuffix(">").strip()
        if tag.startswith(_RAW):
            self._raw = tag
            if not tag.startswith("lua"):
                self._problem(f"what <{name}> holds is not read")
            return
        if tag in _CONDITIONS:
            self._stack.append(_Frame(tag, around if self._holds(tag, argument) else None))
        else:
            self._stack.append(_Frame(tag, self._section(around, tag, argument)))

    def _section(self, around: Section, tag: str, argument: str) -> Section:
        """The section of a tag in another, new or one that stood before."""
        kind = SECTIONS.get(tag, tag if _NAME(tag) else "section")
        names = words(argument)
        if names[:1] == ["~"]:
            kind, names = f"{kind}_match", names[1:]
        name = " ".join(names)
        identity = f"{kind} {folder_path(name) if kind == 'directory' else name}"
        if kind in NUMBERED or len(name) > _MAX_NAME:
            number = around.counts.get(kind, 0)
            around.counts[kind] = number + 1
            place = identity = f"{kind}[{number}]"
        else:
            place = f"{kind}[{name}]"
        if identity not in around.sections:
            around.sections[identity] = Section(f"{around.key}.{place}", kind, name, self._path, self._line, {}, {}, {})
        return around.sections[identity]

    def _holds(self, tag: str, argument: str) -> bool:
        """Whether a condition holds; one that cannot be known does not, with a Problem."""
        is_negated = argument.startswith("!")
        name = " ".join(words(argument[1:] if is_negated else argument))
        truth = self._truth(tag, name)
        if truth is None:
            self._problem(f"whether <{tag} {name[:100]}> holds is not known; what depends on it is left out")
            return False
        return truth != is_negated

    def _truth(self, tag: str, name: str) -> bool | None:
        match tag:
            case "ifmodule":
                module = name.removeprefix("mod_").removesuffix(".c") + "_module" if name.endswith(".c") else name
                return SOURCES.get(name, module) in self.modules
            case "ifdefine":
                return name in self.defines
            case "iffile":
                return self._files.status(self._absolute(name)) is not None
            case "ifversion":
                return _is_version(name)
            case _:
                known = name.strip("<>").lower()
                return True if known in KNOWN or known in SECTIONS else None

    def _directive(self, name: str, rest: str) -> None:
        arguments = words(rest)
        first = arguments[0] if arguments else ""
        match name.lower():
            case lowered if self._is_access_file and lowered in _NOT_IN_ACCESS_FILES:
                self._problem(Remark(f"{name[:100]} may not stand here"))
            case "include" | "includeoptional":
                self._include(first, name.lower() == "includeoptional")
            case "loadmodule":
                self.modules.setdefault(first, SourceLine(self._path, self._line))
            case "define":
                self.defines[first] = arguments[1] if len(arguments) > 1 else None
            case "undefine":
                self.defines.pop(first, None)
            case "use":
                self._problem(f"what the macro {first[:100]} holds is not read")
            case lowered if _NAME(name):
                self._take(KNOWN.get(lowered) or self._spelled.setdefault(lowered, name), arguments)
            case _:
                self._problem(Remark("this is not a directive, and is left out"))

    def _take(self, name: str, arguments: list[str]) -> None:
        section = self._stack[-1].section
        if section is not None:
            section.directives.setdefault(name, []).append(DirectiveWords(tuple(arguments), self._path, self._line))
        if name == "ServerRoot" and arguments:
            self._root = arguments[0].rstrip("/")

    def _absolute(self, name: str) -> str:
        return name if name.startswith("/") else f"{self._root}/{name}"

    def _include(self, name: str, is_optional: bool) -> None:
        pattern = self._absolute(name).rstrip("/")
        found = self._matching(pattern)
        if not found and not is_optional and not self._tree.is_full:
            self._problem(Remark(f"{pattern} is not there"))
        for path in found:
            self._read_file(path)

    def _matching(self, pattern: str) -> list[str]:
        """The files of a name, a folder with all below it, or a pattern."""
        status = None if _WILD(pattern) else self._files.status(pattern)
        if status is None:
            return self._tree.matching(pattern, self._path, self._line) if _WILD(pattern) else []
        if status.kind != "d":
            return [pattern]
        below = (f"{pattern}/{depth}{name}" for depth in ("", "*/", "*/*/") for name in ("*", ".*"))
        return sorted(path for glob in below for path in self._tree.matching(glob, self._path, self._line))


def folder_path(path: str) -> str:
    """A folder's path without the slashes that make no difference."""
    return "/" + "/".join(part for part in path.split("/") if part)


def _is_version(text: str) -> bool | None:
    """Whether a condition on the version holds for some httpd 2.4; the last number is not known.

    Older releases are not considered: they have had no support since 2018. 2.4.1 was the first 2.4.
    """
    operator, _, wanted = text.rpartition(" ")
    found = _VERSION(wanted)
    if found is None or operator not in ("", "=", "==", ">", ">=", "<", "<="):
        return None
    release, patch = (int(found[1]), int(found[2] or 0)), int(found[3] or 0)
    if release != (2, 4):
        return operator[:1] == (">" if release < (2, 4) else "<")
    if patch < 1:
        return operator[:1] == ">"
    if patch == 1 and operator in (">=", "<"):
        return operator == ">="
    return None
