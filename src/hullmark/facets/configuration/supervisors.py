"""What supervisors start: s6 and runit from folders of scripts, supervisord from its file, systemd from units, services by their names."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from hullmark.facets.configuration.shell_expansion import StartWord
from hullmark.facets.configuration.written import beside

_SUPERVISORD = ("/etc/supervisor/supervisord.conf", "/etc/supervisord.conf", "/etc/supervisor.conf")
_SECTION = re.compile(r"\[([^\]]+)\]").match
_ENVIRONMENTS = ("program:", "supervisord")
_VALUE = re.compile(r"([A-Za-z_]+)\s*[=:]\s*(.*)").match
_S6 = ("/etc/services.d", "/etc/s6-overlay/s6-rc.d", "/etc/s6")
_EXEC_START = re.compile(r"ExecStart\s*=\s*[-@:+!|]*(.*)").match
_SERVICES = {"ssh": "sshd", "mysql": "mysqld", "mariadb": "mariadbd", "httpd": "httpd"}
_OPTIONS = re.compile(
    r"""(?:export\s+)?\w*(?:OPT|ARG|FLAG)\w*=(?!(?:''|"")?\s*(?:\#.*)?\Z)""", re.IGNORECASE | re.VERBOSE
).match

Found = list[StartWord] | str
"""The words of a command, or what cannot be told."""


class _Files(Protocol):
    def script(self, path: str) -> str | None: ...

    def exists(self, path: str) -> bool: ...

    def matching(self, glob: str) -> list[str]: ...


def _run_files(files: _Files, folders: tuple[str, ...]) -> Iterator[Found]:
    """The `run` file of each service."""
    for folder in folders:
        for path in files.matching(f"{folder}/*/run"):
            text = files.script(path)
            if text and "execlineb" in text.split("\n", 1)[0]:
                yield _chain(text, path)
            elif text is not None:  # "": a binary, not a script
                yield [StartWord(path, path, 1)]
            else:
                yield f"the script {path} was not kept, and what it starts is not known"


def _chain(text: str, path: str) -> Found:
    """The words of a script of execline, which is one chain of programs."""
    words: list[StartWord] = []
    for number, line in enumerate(text.split("\n"), 1):
        pieces = _split(line)
        if pieces is None or "{" in pieces or any("$" in piece for piece in pieces):
            return f"the script {path} is not understood"
        words += [StartWord(piece, path, number) for piece in pieces]
    return words or f"the script {path} is empty"


def _split(line: str) -> list[str] | None:
    try:
        return shlex.split(line, comments=True)
    except ValueError:
        return None


def _overlay(files: _Files, words: list[StartWord]) -> Iterator[Found]:
    """s6-overlay's /init: its services, and the command of the image. Any other program of the name is systemd's."""
    if words[0].text != "/init":
        yield from _systemd(files, words)
        return
    yield from _run_files(files, _S6)
    if len(words) > 1:
        yield words[1:]


def _list_folder_services(files: _Files, words: list[StartWord]) -> Iterator[Found]:
    """s6-svscan, runsvdir: the services in the folder that is named."""
    folders = [word.text for word in words[1:] if word.text is not None and not word.text.startswith("-")]
    yield from _run_files(files, tuple(folders) or _S6)


def _baseimage(files: _Files, words: list[StartWord]) -> Iterator[Found]:
    yield from _run_files(files, ("/etc/service",))
    at = next((i for i, word in enumerate(words) if word.text == "--"), len(words))
    if words[at + 1 :]:
        yield words[at + 1 :]


def _supervisord(files: _Files, words: list[StartWord]) -> Iterator[Found]:
    texts = [word.text or "" for word in words]
    given = next((texts[i + 1] for i, text in enumerate(texts[:-1]) if text in ("-c", "--configuration")), "")
    given = given or next((text[2:] for text in texts if text.startswith("-c") and len(text) > 2), "")
    main = given or next((path for path in _SUPERVISORD if files.exists(path)), "")
    yield from _programs(files, main, 0)


def _programs(files: _Files, path: str, depth: int) -> Iterator[Found]:
    text = files.script(path) if path else None
    if not text:
        yield f"supervisord's file {path or 'of configuration'} is not in the image, or was not kept"
        return
    section = ""
    for number, raw in enumerate(text.split("\n"), 1):
        head, value = _SECTION(raw), _VALUE(raw)
        if head is not None:
            section = head[1]
        elif value is not None and section.startswith("program:") and value[1] == "command":
            yield _command(value[2], path, number)
        elif value is not None and section.startswith(_ENVIRONMENTS) and value[1] == "environment":
            if any(name in value[2] for name in ("OPENSSL_CONF", "PHP", "JAVA", "JDK", "LD_", "PIP_", "NPM_")):
                yield f"the environment of a program in {path} is not read"
        elif value is not None and section == "include" and value[1] == "files" and depth < 3:
            for glob in value[2].split():
                for inner in files.matching(beside(path, glob)):
                    yield from _programs(files, inner, depth + 1)


def _command(text: str, path: str, number: int) -> Found:
    pieces = _split(re.sub(r"\s;.*", "", text))
    if pieces is None:
        return f"a command in {path} is not understood"
    words = [StartWord(None if "%(" in piece else piece.replace("%%", "%"), path, number) for piece in pieces]
    return words or f"a command in {path} is empty"


def _systemd(files: _Files, words: list[StartWord]) -> Iterator[Found]:
    """The programs of the units that are wanted when the machine starts."""
    for path in files.matching("/etc/systemd/system/*.wants/*.service"):
        text = files.script(path)
        if text is None:
            yield f"the unit {path} was not kept"
            continue
        for number, line in enumerate(text.split("\n"), 1):
            if (found := _EXEC_START(line)) is not None and found[1]:
                pieces = _split(found[1].rstrip("\\")) if not line.endswith("\\") else None
                if pieces is None:
                    yield f"a command in {path} is not understood"
                else:
                    words = [
                        StartWord(None if piece[:1] == "$" or "${" in piece else piece, path, number)
                        for piece in pieces
                    ]
                    yield words or f"a command in {path} is empty"


def _service(files: _Files, words: list[StartWord]) -> Iterator[Found]:
    """`service NAME start`: the program without arguments, unless its file in /etc/default gives it some."""
    texts = [word.text or "" for word in words[1:]]
    if len(texts) < 2 or ("start" not in texts and "restart" not in texts):
        return
    name = next(text for text in (*texts, "") if text not in ("start", "restart"))
    for path in (f"/etc/default/{name}", f"/etc/sysconfig/{name}", f"/etc/conf.d/{name}"):
        for line in (files.script(path) or "").split("\n"):
            if _OPTIONS(line.strip()):
                yield [StartWord(_SERVICES.get(name, name), path), StartWord(None, path)]
                return


SUPERVISORS: Mapping[str, Callable[[_Files, list[StartWord]], Iterator[Found]]] = {
    "init": _overlay,
    "s6-svscan": _list_folder_services,
    "runsvdir": _list_folder_services,
    "my_init": _baseimage,
    "supervisord": _supervisord,
    "systemd": _systemd,
    "service": _service,
    "rc-service": _service,
    "invoke-rc.d": _service,
}
"""By the names of supervisors, what they start."""
