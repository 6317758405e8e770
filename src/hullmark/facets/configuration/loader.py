"""The dynamic loader: where it looks for libraries, and what it loads into every program.

`ld.path` are the folders of ld.so.conf in their order (ldconfig(8)); with musl those of /etc/ld-musl-<machine>.path. `ld.preload` are
the libraries of LD_PRELOAD, as the image sets it, and of /etc/ld.so.preload (ld.so(8)), none where neither is there. `ld.library_path` and
`ld.audit` are LD_LIBRARY_PATH and LD_AUDIT.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from hullmark.facets.configuration.collected import SettingCollector
from hullmark.facets.configuration.include_tree import IncludeTree
from hullmark.facets.configuration.parser import Files, Parser
from hullmark.facets.configuration.shell_expansion import StartWord
from hullmark.facets.configuration.source_line import SourceLine
from hullmark.facets.configuration.written import beside
from hullmark.model.setting import Setting

_CONF = "/etc/ld.so.conf"
_PRELOAD = "/etc/ld.so.preload"
_MACHINES = ("aarch64", "arm", "armhf", "i386", "loongarch64", "powerpc64le", "riscv64", "s390x", "x86_64")
_MUSL = tuple(f"/etc/ld-musl-{machine}.path" for machine in _MACHINES)
_SPACE = " \t\r\v\f"
_FIRST_WORD = re.compile(r"(include|hwcap)[ \t]+(.*)", re.DOTALL).fullmatch
_VARIABLES = {"LD_LIBRARY_PATH": "library_path", "LD_AUDIT": "audit"}
_BETWEEN = re.compile(r"[:\s]+")


def _settings(files: Files) -> Iterable[Setting]:
    settings = SettingCollector(files, _CONF)
    written = [path for path in (*_MUSL, _CONF) if files.status(path) is not None]
    if written:
        folders: dict[str, SourceLine] = {}
        for folder, path, number in _all_folders(files, written):
            folders.setdefault(folder, SourceLine(path, number))
        settings.add("ld.path", tuple(folders), *next(iter(folders.values()), SourceLine(written[0], 0)))
    of_environment = files.environment("LD_PRELOAD")
    if written or files.status(_PRELOAD) is not None or of_environment is not None:
        libraries = {library: SourceLine(_PRELOAD, line) for library, line in _list_preloads(files)}
        if of_environment is not None:
            place = SourceLine(of_environment.path, of_environment.line)
            libraries = dict.fromkeys(_BETWEEN.split(_read_text(files, of_environment).strip()), place) | libraries
            libraries.pop("", None)
        settings.add("ld.preload", tuple(libraries), *next(iter(libraries.values()), SourceLine("", 0)))
    for variable, name in _VARIABLES.items():
        if (word := files.environment(variable)) is not None:
            pieces = tuple(piece for piece in re.split("[:;]", _read_text(files, word)) if piece)
            settings.add(f"ld.{name}", pieces, word.path, word.line)
    return settings.settings()


def _read_text(files: Files, word: StartWord) -> str:
    if word.text is None:
        files.problem(word.path, "a variable of the loader is set to what is not known", word.line)
    return word.text or ""


def _all_folders(files: Files, written: list[str]) -> Iterator[tuple[str, str, int]]:
    for path in written:
        if path == _CONF:
            yield from _folders(files, IncludeTree(files), path, "", 0)
            continue
        for number, line in enumerate((files.text(path) or "").split("\n"), 1):
            yield from ((folder, path, number) for folder in line.strip(_SPACE).split(":") if folder)


def _folders(files: Files, tree: IncludeTree, path: str, by: str, at: int) -> Iterator[tuple[str, str, int]]:
    with tree.opened(path, by, at) as text:
        for number, raw in enumerate((text or "").split("\n"), 1):
            line = raw.partition("#")[0].strip(_SPACE)
            directive = _FIRST_WORD(line)
            if directive and directive[1] == "include":
                for glob in directive[2].split():
                    for other in tree.matching(beside(path, glob), path, number):
                        yield from _folders(files, tree, other, path, number)
            elif line.startswith("/"):
                yield line.rstrip("/") or "/", path, number
            elif line and not directive:
                files.problem(path, "it names no folder from the root", number)


def _list_preloads(files: Files) -> Iterator[tuple[str, int]]:
    """Libraries and their lines. White space or colons part them; what follows a `#` is a comment."""
    if files.status(_PRELOAD) is not None:
        for number, line in enumerate((files.text(_PRELOAD) or "").split("\n"), 1):
            yield from ((library, number) for library in _BETWEEN.split(line.partition("#")[0]) if library)


PARSER = Parser(
    name="ld",
    globs=("etc/ld.so.conf", "etc/ld.so.conf.d/*.conf", "etc/ld.so.preload", *(path[1:] for path in _MUSL)),
    settings=_settings,
)
