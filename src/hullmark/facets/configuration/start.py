"""How an image is started: ENTRYPOINT, CMD, ENV and HEALTHCHECK, and the scripts that they run (OCI image specification, config).

Programs whose configuration is read are found behind shells, init processes and supervisors. What cannot be followed is told, with the
programs that it may be about.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, Protocol

import msgspec

from hullmark.facets.configuration.shell_expansion import ShellState, StartWord
from hullmark.facets.configuration.shell_run import Shell, StartedProgram
from hullmark.facets.configuration.source_line import SourceLine
from hullmark.facets.configuration.start_wrappers import InnerCommand, unwrap_command
from hullmark.facets.configuration.supervisors import SUPERVISORS
from hullmark.facets.secrets.mask import masked_value, masked_words
from hullmark.model.image import ImageConfig
from hullmark.model.limit import Limit

_MAX_DEPTH = Limit(8, "programs and scripts that start each other when an image is started")
_MAX_COMMANDS = Limit(200, "commands that an image is started with")
_MOST_FOLDERS = 50
_SHELLS = frozenset(("sh", "bash", "dash", "ash", "ksh", "zsh", "busybox"))
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_IN_PLACE = frozenset(("perl", "sed"))
_WRITING = _IN_PLACE | {"cp", "crudini", "install", "ln", "mv", "patch", "rm", "tee"}
_WORDS = re.compile(r"[\w.@+-]+")
_SHEBANG = re.compile(r"#![ \t]*+(?:\S*/env[ \t]+(?:-\S+[ \t]+)?)?(?:\S*/)?(\S+)").match


class StartFiles(Protocol):
    """The files of the finished image as the reading of its start sees them. Paths are absolute."""

    def script(self, path: str) -> str | None:
        """The text of a script, links followed; "" for what was not kept as one, None for a file that is not there or could not be kept."""

    def exists(self, path: str) -> bool:
        """Whether there is a file, links followed."""

    def real(self, path: str) -> str | None:
        """The path with every link followed; None if nothing is there."""

    def matching(self, glob: str) -> list[str]:
        """The files that a glob(7) pattern fits, sorted."""


class Command(msgspec.Struct, frozen=True):
    """A program and the arguments it is started with. `is_known` is false if it has arguments that could not be told.

    `environment` goes by name, `folder` is where it is started, "" where that is not known.
    """

    program: str
    arguments: tuple[StartWord, ...]
    environment: Mapping[str, StartWord]
    path: str
    line: int
    is_exec: bool
    folder: str = ""
    is_known: bool = True


class StartGap(NamedTuple):
    """What cannot be told of a start, and the programs that it is about; none: any."""

    programs: frozenset[str]
    reason: str
    path: str
    line: int


class Start(msgspec.Struct, frozen=True):
    """How an image is started. `environment` is that of the programs: the image's, and what scripts set. `written` are files that
    scripts write to, with where.
    """

    commands: tuple[Command, ...] = ()
    environment: Mapping[str, StartWord] = {}
    untold: tuple[StartGap, ...] = ()
    written: Mapping[str, SourceLine] = {}


def read_start(config: ImageConfig | None, files: StartFiles, is_meant: Callable[[str], bool]) -> Start:
    """How an image is started. `is_meant` says of the name of a program whether its configuration is read."""
    if config is None:
        return Start()
    return _Starter(config, files, is_meant).read()


class _Starter:
    def __init__(self, config: ImageConfig, files: StartFiles, is_meant: Callable[[str], bool]) -> None:
        self._config = config
        self._files = files
        self._is_meant = is_meant
        self._commands: dict[object, Command] = {}
        self._untold: dict[StartGap, None] = {}
        self._seen: set[object] = set()
        self._depth = 0
        self._arguments: list[str] = []
        self._shell = Shell(self._ran, files.script, self._tell)
        self._environment: dict[str, StartWord] = {}
        for variable in config.env:
            name, _, value = variable.partition("=")
            self._environment[name] = StartWord(masked_value(name, value), "ENV")
        self._first = dict(self._environment)
        if (self._environment.get("PATH", StartWord("", "")).text or "").count(":") >= _MOST_FOLDERS:
            self._tell("PATH names so many folders that programs are not looked for in all", SourceLine("ENV", 0))

    def read(self) -> Start:
        """Follow what is run when a container starts, and what its health is checked with."""
        shown = masked_words((*self._config.entrypoint, *self._config.cmd))
        begun = len(self._config.entrypoint)
        words = [*self._make_words(shown[:begun], "ENTRYPOINT"), *self._make_words(shown[begun:], "CMD")]
        if words:
            self._follow(words, self._first, SourceLine(words[0].path, 0), is_exec=True)
        check = masked_words(self._config.healthcheck.test if self._config.healthcheck is not None else ())
        if check[:1] == ("CMD",):
            self._follow(
                self._make_words(check[1:], "HEALTHCHECK"), self._first, SourceLine("HEALTHCHECK", 0), is_exec=False
            )
        elif check[:1] == ("CMD-SHELL",):
            shell = ("/bin/sh", "-c", *check[1:])
            self._follow(
                self._make_words(shell, "HEALTHCHECK"), self._first, SourceLine("HEALTHCHECK", 0), is_exec=False
            )
        commands = tuple(self._commands.values())
        return Start(commands, self._environment, tuple(sorted(self._untold, key=_by_place)), dict(self._shell.written))

    @staticmethod
    def _make_words(words: Iterable[str], place: str) -> list[StartWord]:
        return [StartWord(word, place) for word in words]

    def _tell(self, reason: str, place: SourceLine, text: str = "") -> None:
        """Something cannot be followed. It is about the programs that are named near to it; where none is, about any."""
        named = frozenset(
            word for piece in (text, *self._arguments) for word in _WORDS.findall(piece) if self._is_meant(word)
        )
        self._untold[StartGap(named, reason, *place)] = None

    def _ran(self, ran: StartedProgram) -> None:
        """A shell runs a program."""
        self._follow(ran.words, ran.environment, ran.place, is_exec=ran.is_exec)

    def _follow(
        self, words: list[StartWord], environment: Mapping[str, StartWord], place: SourceLine, *, is_exec: bool
    ) -> None:
        """Follow a command to the programs that it starts."""
        texts = tuple(word.text for word in words)
        if not words or texts in self._seen:
            return
        if len(self._commands) >= _MAX_COMMANDS:
            self._tell("it is started with so many commands that not all are read", place)
            return
        first = texts[0]
        if first is None:
            self._tell("the name of the program that it starts is not known", place)
            return
        self._seen.add(texts)
        if self._depth >= _MAX_DEPTH:
            self._tell("so many programs start each other that not all are followed", place, first)
            return
        self._depth += 1
        self._arguments, before = [text for text in texts if text is not None], self._arguments
        self._follow_program(_FollowedCommand(first.rpartition("/")[2], first, words, environment, place, is_exec))
        self._arguments = before
        self._depth -= 1

    def _follow_program(self, started: _FollowedCommand) -> None:
        path = self._find_program(started.first)
        script = self._files.script(path) if path else None
        started = started._replace(name=self._true_name(started.name, path))
        is_script = bool(script) and _interpreter(script or "") in _SHELLS
        if self._is_meant(started.name) and (not is_script or started.name in _OWN_SCRIPTS):
            self._take(started)
        elif started.name in _SHELLS:
            self._follow_shell(started)
        elif (inner := unwrap_command(started.name, started.words)) is not None:
            self._follow_wrapper(started, inner)
        elif started.name in SUPERVISORS:
            self._follow_supervisor(started)
        elif started.name in _WRITING:
            self._note_written(started)
        elif is_script and script is not None:
            self._shell.follow(script, path, self._state(path, started.words[1:], started))
        else:
            self._unread(started, path, script)

    def _true_name(self, name: str, path: str) -> str:
        """The name of a program: of one that only a link names otherwise, its own."""
        own = (self._files.real(path) or "").rpartition("/")[2] if path and not self._is_meant(name) else ""
        return own if own and self._is_meant(own) else name

    def _follow_wrapper(self, started: _FollowedCommand, inner: InnerCommand) -> None:
        if inner.words is None:
            self._tell(f"what {started.name} starts is not known", started.place)
        elif inner.words:
            environment = {**({} if inner.is_clean else started.environment), **inner.environment}
            self._follow(inner.words, environment, started.place, is_exec=started.is_exec)

    def _follow_supervisor(self, started: _FollowedCommand) -> None:
        for found in SUPERVISORS[started.name](self._files, started.words):
            if isinstance(found, str):
                self._tell(found, started.place)
            else:
                self._follow(found, started.environment, SourceLine(found[0].path, found[0].line), is_exec=True)

    def _unread(self, started: _FollowedCommand, path: str, script: str | None) -> None:
        """A program of another kind. It is told of where it may be a script that starts what configuration is read of."""
        if script:
            if self._names_one(script):
                self._tell("its script is not a shell's", SourceLine(path, 0), script)
        elif path and script is None:
            self._tell(f"the script {path} is too large, and what it starts is not known", started.place)
        elif not path and "/" in started.first and started.is_exec:
            self._tell(f"{started.first[:200]} is not in the image", started.place)
        elif started.is_exec and any(self._names_one(word.text or "") for word in started.words[1:]):
            self._tell(f"what {started.name[:100]} does with its arguments is not known", started.place)

    def _note_written(self, started: _FollowedCommand) -> None:
        """Files that a command changes, as far as its words name them."""
        texts = [word.text or "" for word in started.words[1:]]
        if started.name in _IN_PLACE and not any(text.startswith(("-i", "--in-place", "-pi")) for text in texts):
            return
        for text in texts:
            if text.startswith("/"):
                self._shell.written.setdefault(text, started.place)

    def _names_one(self, text: str) -> bool:
        return any(self._is_meant(word) for word in _WORDS.findall(text))

    def _find_program(self, name: str) -> str:
        """The path of a program; "" where it is not in the image."""
        if "/" in name:
            path = name if name.startswith("/") else f"{self._config.working_dir or '/'}/{name}"
            return path if self._files.exists(path) else ""
        folders = self._first.get("PATH", StartWord(_PATH, "")).text or _PATH
        return next(
            (f"{f}/{name}" for f in folders.split(":")[:_MOST_FOLDERS] if f and self._files.exists(f"{f}/{name}")), ""
        )

    def _find_script(self, name: str) -> str:
        """The path of a script given to a shell, which looks in the working directory first; "" if it is not in the image."""
        here = f"{(self._config.working_dir or '/').rstrip('/')}/{name}"
        return here if "/" not in name and self._files.exists(here) else self._find_program(name)

    def _take(self, started: _FollowedCommand) -> None:
        """A program whose configuration is read."""
        known = tuple(word for word in started.words[1:] if word.text is not None)
        for name, word in started.environment.items():
            if word.path != "ENV":
                self._environment[name] = word
        for name in self._first.keys() - started.environment.keys():  # one program has it, another may not
            self._environment[name] = StartWord(None, *started.place)
        folder = "" if self._shell.has_moved else self._config.working_dir or "/"
        command = Command(
            started.name,
            known,
            started.environment,
            *started.place,
            started.is_exec,
            folder,
            len(known) == len(started.words) - 1,
        )
        self._commands.setdefault((started.name, tuple(word.text for word in started.words)), command)

    def _follow_shell(self, started: _FollowedCommand) -> None:
        """A shell with a command, or with a script."""
        words = started.words[2:] if started.name == "busybox" else started.words[1:]
        has_command = False
        while words and (words[0].text or "")[:1] in ("-", "+"):
            option = words[0].text or ""
            is_long = option.startswith("--")
            has_command |= "c" in option and not is_long
            words = (
                words[2:]
                if option in ("-o", "+o", "-O", "--rcfile", "--init-file") or option.endswith("o")
                else words[1:]
            )
        if not words:
            return
        text = words[0].text
        if text is None:
            self._tell("what a shell is given to run is not known", started.place)
        elif has_command:
            name = words[1].text if len(words) > 1 else started.name
            self._shell.follow(text, words[0].path, self._state(name or "", words[2:], started), words[0].line)
        else:
            path = self._find_script(text)
            script = self._files.script(path) if path else None
            if script:
                self._shell.follow(script, path, self._state(path, words[1:], started))
            else:
                why = "was not kept" if path else "is not in the image"
                self._tell(f"the script {text[:200]} {why}, and what it starts is not known", started.place)

    def _state(self, name: str, arguments: list[StartWord], started: _FollowedCommand) -> ShellState:
        variables = {variable: word.text for variable, word in started.environment.items()}
        places = {variable: SourceLine(word.path, word.line) for variable, word in started.environment.items()}
        return ShellState(name, variables, set(variables), tuple(arguments), places)


class _FollowedCommand(NamedTuple):
    """A command that is followed: the name of its program, how it is written, all words, and where."""

    name: str
    first: str
    words: list[StartWord]
    environment: Mapping[str, StartWord]
    place: SourceLine
    is_exec: bool


_OWN_SCRIPTS = frozenset(("apache2ctl", "apachectl", "mysqld_safe", "mariadbd-safe", "mysqld_multi", "postfix"))
"""Programs that are scripts by nature: what they do with their arguments is known."""


def _interpreter(script: str) -> str:
    found = _SHEBANG(script)
    name = found[1].rpartition("/")[2] if found is not None else "sh"
    return "sh" if name == "with-contenv" else name


def _by_place(untold: StartGap) -> tuple[str, int, str, list[str]]:
    return untold.path, untold.line, untold.reason, sorted(untold.programs)
