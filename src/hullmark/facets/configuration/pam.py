"""PAM: who is let in and how, pam.d(5), with includes put in their places."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

import msgspec

from hullmark.facets.configuration.bracketed import escape_brackets
from hullmark.facets.configuration.collected import SettingCollector
from hullmark.facets.configuration.parser import MAX_DEPTH, MAX_INCLUDES, Files, Parser
from hullmark.model.limit import Limit
from hullmark.model.setting import Setting
from hullmark.rootfs.reads import Remark

FOLDERS = ("/etc/pam.d", "/usr/lib/pam.d")
"""Where services are configured; the first one that has a service counts."""

_CONF = "/etc/pam.conf"
_TYPES = ("auth", "account", "password", "session")
_CONTROLS = ("required", "requisite", "sufficient", "optional", "include", "substack")
_TOKEN = re.compile(r"\[((?:[^\]\\]|\\.)*)\]|(\S+)")
_ACTIONS = re.compile(r"\s*(?:[a-z_]+\s*=\s*(?:ignore|bad|die|ok|done|reset|\d{1,4})\s*)+").fullmatch
_LEFT_OVERS = (
    ".dpkg-dist",
    ".dpkg-old",
    ".dpkg-new",
    ".dpkg-bak",
    ".rpmnew",
    ".rpmsave",
    ".rpmorig",
    ".bak",
    ".pam-new",
    "~",
)
_MAX_STEPS = Limit(100_000, "lines of PAM's files, those that are included counted as often as they are")
_NULL = ("nullok", "nullok_secure")


class _Line(msgspec.Struct, frozen=True):
    """One line. `type` is empty where it is `@include`, and then `module` is the file."""

    type: str
    control: str
    module: str
    arguments: tuple[str, ...]
    is_optional: bool
    path: str
    line: int


class _Stacks:
    """Reads each file once, and puts includes in their places, within bounds."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._known: dict[str, list[_Line]] = {}
        self._steps = 0

    def service(self, path: str) -> Iterator[tuple[_Line, str]]:
        """The effective lines of a service, with their substack (mostly none)."""
        yield from self._expand(self._lines(path), "", "", (path,))

    def conf(self, entries: list[_Line]) -> Iterator[tuple[_Line, str]]:
        """The same for the lines that pam.conf has about a service."""
        yield from self._expand(entries, "", "", (_CONF,))

    def _expand(self, lines: list[_Line], only: str, sub: str, stack: tuple[str, ...]) -> Iterator[tuple[_Line, str]]:
        for line in lines:
            if only and line.type not in ("", only):
                continue
            self._steps += 1
            if self._steps > _MAX_STEPS:
                if self._steps == _MAX_STEPS + 1:
                    self._files.problem(line.path, "PAM's includes come to more than is read", line.line)
                return
            if line.control in ("include", "substack") or not line.type:
                target = self._target(line, stack)
                if target:
                    inner = line.module if line.control == "substack" else sub
                    yield from self._expand(self._lines(target), only or line.type, inner, (*stack, target))
            else:
                yield line, sub

    def _target(self, line: _Line, stack: tuple[str, ...]) -> str | None:
        """The file that a line includes; None with a Problem if it cannot be."""
        names = (line.module,) if line.module.startswith("/") else (f"{folder}/{line.module}" for folder in FOLDERS)
        found = next((name for name in names if self._files.status(name) is not None), None)
        if found is None:
            self._files.problem(line.path, Remark(f"{line.module} is not there"), line.line)
        elif found in stack:
            self._files.problem(line.path, Remark(f"{line.module} includes itself"), line.line)
        elif len(stack) > MAX_DEPTH:
            self._files.problem(line.path, f"{line.module} is included too deep, and is left out", line.line)
        elif found not in self._known and len(self._known) >= MAX_INCLUDES:
            self._files.problem(line.path, "so many files are not read", line.line)
        else:
            return found
        return None

    def _lines(self, path: str) -> list[_Line]:
        if path not in self._known:
            self._known[path] = list(_read(self._files, path))
        return self._known[path]


def _read(files: Files, path: str, words_before: int = 0) -> Iterator[_Line]:
    """The lines of a file. `words_before`: the number of words in front; the first of them becomes the first argument."""
    for number, written in _join_lines(files.text(path) or ""):
        words = _words(written)
        service, words = words[:words_before], words[words_before:]
        line = _line(words, path, number)
        if isinstance(line, str):
            files.problem(path, line, number)
        elif service:
            yield msgspec.structs.replace(line, arguments=(service[0].lower(), *line.arguments))
        else:
            yield line


def _join_lines(text: str) -> Iterator[tuple[int, str]]:
    """Each line that says something, with the number it begins at: comments cut, and joined where it goes on."""
    parts: list[str] = []
    start = 1
    for number, line in enumerate(text.split("\n"), 1):
        if not parts:
            start = number
        body = line.partition("#")[0].rstrip()
        parts.append(body.removesuffix("\\"))
        if not body.endswith("\\"):
            if joined := " ".join(parts).strip():
                yield start, joined
            parts = []
    if joined := " ".join(parts).strip():
        yield start, joined


def _words(text: str) -> list[str]:
    """The words of a line; square brackets hold one together, and stay around the control."""
    words: list[str] = []
    for found in _TOKEN.finditer(text):
        word = found[2] if found[1] is None else found[1].replace("\\]", "]")
        words.append(f"[{' '.join(word.split())}]" if found[1] is not None and len(words) < 3 else word)
    return words


def _line(words: list[str], path: str, number: int) -> _Line | str:
    """The line that the words make, or what is wrong with them."""
    first = words[0] if words else ""
    if first == "@include":
        return _Line("", "", words[1], (), False, path, number) if len(words) > 1 else "@include names no file"
    kind = first.removeprefix("-").lower()
    if kind not in _TYPES:
        return f"PAM knows no type {first[:100]}"
    if len(words) < 3:
        return "a line without a control or a module"
    control = words[1] if words[1].startswith("[") else words[1].lower()
    if control not in _CONTROLS and not (control.startswith("[") and _ACTIONS(control[1:-1])):
        return f"PAM knows no control {control[:100]}"
    return _Line(kind, control, words[2], tuple(words[3:]), first.startswith("-"), path, number)


def _services(files: Files, stacks: _Stacks) -> Iterator[tuple[str, Iterator[tuple[_Line, str]]]]:
    """Every service with its lines. /etc/pam.conf only counts where there is no folder of services."""
    if files.status(FOLDERS[0]) is None and files.status(_CONF) is not None:
        by_service: dict[str, list[_Line]] = {}
        for line in _read(files, _CONF, 1):
            plain = msgspec.structs.replace(line, arguments=line.arguments[1:])
            by_service.setdefault(line.arguments[0], []).append(plain)
        for service, lines in by_service.items():
            yield service, stacks.conf(lines)
    seen = set()
    for path in (path for folder in FOLDERS for path in files.matching(f"{folder}/*")):
        service = posixpath.basename(path)
        if service not in seen and not service.endswith(_LEFT_OVERS):
            seen.add(service)
            yield service, stacks.service(path)


def _add(collected: SettingCollector, service: str, lines: Iterator[tuple[_Line, str]]) -> None:
    counts = dict.fromkeys(_TYPES, 0)
    nullok: tuple[bool, str, int] | None = None
    for line, substack in lines:
        key = f"pam.{service}.{line.type}[{counts[line.type]}]"
        counts[line.type] += 1
        collected.add(f"{key}.control", line.control, line.path, line.line)
        collected.add(f"{key}.module", line.module, line.path, line.line)
        collected.add(f"{key}.arguments", line.arguments, line.path, line.line)
        if line.is_optional:
            collected.add(f"{key}.if_present", True, line.path, line.line)
        if substack:
            collected.add(f"{key}.substack", substack, line.path, line.line)
        if line.type == "auth" and posixpath.basename(line.module) == "pam_unix.so" and not (nullok and nullok[0]):
            nullok = (any(word in _NULL for word in line.arguments), line.path, line.line)
    if nullok:
        collected.add(f"pam.{service}.nullok", *nullok)


def settings(files: Files) -> list[Setting]:
    """The stacks of every service. Where a service has no line of a type, PAM uses those of `other`."""
    collected = SettingCollector(files, FOLDERS[0])
    for service, lines in _services(files, _Stacks(files)):
        _add(collected, escape_brackets(service), lines)
        if collected.is_full:
            break
    return collected.settings()


PARSER = Parser(name="pam", globs=("etc/pam.d/*", "usr/lib/pam.d/*", "etc/pam.conf"), settings=settings)
"""Services and their stacks; `pam.SERVICE.nullok`: whether pam_unix lets in who has an empty password."""
