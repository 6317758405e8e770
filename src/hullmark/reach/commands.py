"""What a command starts: the program, and what its arguments make that run (scripts, modules, other commands)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from hullmark.facets.configuration.shell_expansion import StartWord
from hullmark.facets.configuration.start_wrappers import unwrap_command
from hullmark.facets.configuration.supervisors import SUPERVISORS
from hullmark.model.limit import Limit
from hullmark.reach.languages import Languages
from hullmark.reach.scene import Scene, StartedProgram
from hullmark.reach.shell import SHELLS, script_commands
from hullmark.reach.shell_branches import names_set

_MAX_COMMANDS = Limit(20_000, "commands that an image is started with, those of its scripts included")
_MAX_BESIDE = Limit(16, "scripts of the shell that read each other, whose variables are known to each other")
_MAX_DEPTH = Limit(24, "commands that start each other")
_CRON = ("cron", "crond", "anacron")
_OPTION = re.compile(r"-{1,2}\w").match
_AWK = re.compile(r"(?:[gmn]|original-)?awk").fullmatch
_AWK_STARTS = re.compile(r"\bsystem\s*\(|(?<!\|)\|(?!\|)").search
_TRANSPARENT = ("tini", "tini-static", "dumb-init", "catatonit")
"""Programs that start another one as they were started."""
_PASSING = {
    "xargs": 1,
    "exec": 1,
    "command": 1,
    "builtin": 1,
    "time": 1,
    "nohup": 1,
    "strace": 1,
    "watch": 1,
    "flock": 2,
    "chroot": 2,
}
"""Programs that start the first of their arguments that is not an option, or the one after as many."""


class Commands:
    """Follows commands; each once."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self.languages = Languages(scene)
        self._scripted: set[str] = set()
        self._seen: set[tuple[str, ...]] = set()
        self._depth = 0
        self._files = _StartFiles(scene)
        self._is_direct = False
        self._again: set[str] = set()
        self._setting: dict[str, frozenset[str]] = {}

    def start(self, words: Sequence[str], why: str) -> None:
        """What the image's settings start, with the variables that they set."""
        self._is_direct = True
        self.run(words, why)
        self._is_direct = False

    def run(self, words: Sequence[str | None], why: str, source: str = "") -> None:
        """A command is run; a word that is None is not known. `source` is the file that it stands in ("": the image's settings)."""
        if not words:
            return
        first = words[0]
        if first is None:
            self._scene.blur_programs(source, "the name of a program that it starts is not known")
            return
        key = (source, *(word if word is not None else "\0" for word in words))
        if key in self._seen:
            return
        if len(self._seen) >= _MAX_COMMANDS or self._depth >= _MAX_DEPTH:
            self._scene.blur_programs(source, "it starts so many programs that not all were followed")
            return
        self._seen.add(key)
        self._depth += 1
        is_direct, name = self._is_direct, first.rpartition("/")[2]
        # Others may change variables and arguments for what they start.
        self._is_direct = is_direct and (name in _TRANSPARENT or name in SHELLS or self._is_script(first))
        self._follow_program(first, words, why, source)
        self._is_direct = is_direct
        self._depth -= 1

    def _is_script(self, word: str) -> bool:
        code = self._scene.facts.code.get(self._scene.tree.find(self._scene.program(word) or "?").real)
        return code is not None and bool(code.interpreter)

    def _follow_program(self, first: str, words: Sequence[str | None], why: str, source: str) -> None:
        path = self._scene.program(first)
        real = self._scene.walk.reach(path, why, source) if path else ""
        if not path and "/" in first:
            self._scene.walk.end(source, f"it starts {first[:200]}, which is not in the image")
        name = (path or first).rpartition("/")[2]
        # What the arguments lead to is as certain as the command itself, not as the program, which others may start too.
        origin = source or real
        if name == "busybox" and len(words) > 1 and words[1] is not None:
            words, name = words[1:], words[1] or ""
        if name in SHELLS:
            self._shell(words, origin)
        elif (inner := unwrap_command(name, [StartWord(word, source) for word in words])) is not None:
            self._inner(name, None if inner.words is None else [word.text for word in inner.words], origin)
        elif name in SUPERVISORS:
            self._follow_supervisor(name, words, origin)
        elif name in _PASSING:
            rest = [word for word in words[1:] if word is None or not _OPTION(word)]
            self.run(rest[_PASSING[name] - 1 :], f"is started by {name}", origin)
        elif _AWK(name):
            self._awk(words, origin)
        elif name == "find":
            at = next((i for i, word in enumerate(words) if word in ("-exec", "-execdir", "-ok")), len(words))
            self.run(words[at + 1 :], "is started by find", origin)
        elif real:
            self._run_file(StartedProgram(name, path, real, words, origin))

    def _awk(self, words: Sequence[str | None], source: str) -> None:
        """A program of awk, which may start others (POSIX.1-2024, awk: `system`, and pipes)."""
        rest, texts, is_in_file = list(words[1:]), list[str | None](), False
        while rest:
            word = rest.pop(0)
            if word in ("-f", "--file"):
                name = rest.pop(0) if rest else None
                texts.append(self._scene.text(name) if name is not None else None)
                is_in_file = True
            elif word in ("-v", "-F"):
                rest[:1] = []
            elif word is None or not word.startswith("-"):
                texts += [] if is_in_file else [word]
                break
        if any(text is None or _AWK_STARTS(text) for text in texts):
            self._scene.blur_programs(source, "a program of awk may start others, and their names are not followed")

    def _run_file(self, program: StartedProgram) -> None:
        """A program of no other kind: of a language, a service, a script, or bytes that nobody can read."""
        self.languages.started(program)
        if program.name in _CRON:
            for setting in self._scene.settings.get("crontab", ()):
                if setting.key.endswith(".command"):
                    self._scene.walk.reach("/bin/sh", "is started by cron", program.cause)
                    self.text(str(setting.value), setting.path or program.cause)
        code, record = self._scene.facts.code.get(program.real), self._scene.tree.files[program.real]
        if code is not None and code.interpreter:
            self.script(program.path, program.real, program.words[1:])
        elif program.real not in self._scene.facts.elves and record.size:
            reason = f"it is started, and its {record.size:,} bytes are neither a program nor a script that can be read"
            self._scene.blur_programs(program.real, reason)

    def script(self, path: str, real: str, arguments: Sequence[str | None] = ()) -> None:
        """A script is run by the program that its first line names."""
        code = self._scene.facts.code.get(real)
        if code is None or not code.interpreter or (real in self._scripted and not arguments):
            return
        self._scripted.add(real)
        words = [word for word in code.interpreter if word not in ("-S", "-i", "-")]
        if words and words[0].rpartition("/")[2] == "env":
            self._scene.walk.reach(words[0], "is the interpreter of the script", real)
            words = [word for word in words[1:] if "=" not in word]
        record = self._scene.tree.files.get(real)
        if words and real.endswith("/ldd") and record is not None and record.owner is not None:
            # libc's own: it runs the loader with what it is given, by a command that it puts together.
            self._scene.walk.reach(words[0], "is the interpreter of the script", real)
        elif words:
            self.run([*words, path, *arguments], "is the interpreter of the script", real)

    def _inner(self, name: str, words: Sequence[str | None] | None, source: str) -> None:
        if words is None:
            self._scene.blur_programs(source, f"what {name} starts is not known")
        elif words:
            self.run(words, f"is started by {name}", source)

    def _follow_supervisor(self, name: str, words: Sequence[str | None], source: str) -> None:
        for found in SUPERVISORS[name](self._files, [StartWord(word, source) for word in words]):
            if isinstance(found, str):
                self._scene.blur_programs(source, found)
            else:
                self._scene.walk.reach(found[0].path, f"is read by {name}", source)
                self.run([word.text for word in found], f"is started by {name}", source)

    def _shell(self, words: Sequence[str | None], source: str) -> None:
        """A shell: a command in a text, a script, or neither: then it runs what it is told."""
        at = 1
        while at < len(words) and (word := words[at]) is not None and word[:1] in ("-", "+") and word != "--":
            if word[1:2] != "-" and "c" in word[1:]:
                text = words[at + 1] if at + 1 < len(words) else None
                if text is None:
                    self._scene.blur_programs(source, "the command of a shell is not known")
                else:
                    self.text(text, source, words[at + 2 :])
                return
            at += 2 if word in ("-o", "-O", "+O", "--rcfile", "--init-file") else 1
        if at >= len(words):
            self._scene.blur_programs(source, "a shell without a script runs whatever it is told")
            return
        script = words[at]
        place = self._scene.program(script) or script if script is not None else None
        if place is None:
            self._scene.blur_programs(source, "the name of a script is not known")
            return
        place = place if place.startswith("/") else f"{self._scene.folder.rstrip('/')}/{place}"
        real = self._scene.walk.reach(place, "is run by the shell", source)
        text = self._scene.text(real) if real else None
        if text is None:
            self._scene.blur_programs(
                real or source,
                "the script that a shell runs was not read" if real else f"there is no script {place[:200]}",
            )
            return
        self.text(text, real, words[at + 1 :])

    def text(self, text: str, source: str, arguments: Sequence[str | None] = (), beside: tuple[str, ...] = ()) -> None:
        """The text of a script of the shell, in the file `source`; `beside` are texts of scripts that it reads, or that read it."""
        found = script_commands(
            text, tuple(arguments), self._scene.environment, source, beside, self._certain(source, text, beside)
        )
        inner = {real: body for real, body in self._find_sourced_scripts(found.sourced, source) if body is not None}
        others = tuple(body for body in inner.values() if body not in beside and body != text)
        if others and len(beside) + len(others) <= _MAX_BESIDE:
            # Variables that are set there count here, and may name further scripts.
            self.text(text, source, arguments, (*beside, *others))
            return
        if others:
            self._scene.blur_programs(source, "it reads so many scripts that their variables are not all known")
        for words in found.commands:
            self.run(words, "is started by the script", source)
        for real, body in inner.items():
            key = ("source", real, source, str(self._is_direct))
            if key not in self._seen and self._depth < _MAX_DEPTH:
                self._seen.add(key)
                self._depth += 1
                self.text(body, real, arguments, tuple(dict.fromkeys((text, *beside))))
                self._depth -= 1
        for named in found.files:
            self._scene.walk.reach(named, "is named by the script", source)
        for reason in found.untold:
            self._scene.blur_programs(source, reason)

    def read_again(self) -> bool:
        """Read scripts that somebody may start otherwise, too, as what any arguments and variables make of them."""
        again = sorted(self._scene.walk.met_again - self._again)
        self._again.update(again)
        for real in again:
            if (text := self._scene.text(real)) is not None:
                self.text(text, real)
        return bool(again)

    def _certain(self, source: str, text: str, beside: tuple[str, ...]) -> dict[str, str] | None:
        """The variables that a script begins with for certain: those of the image that no script that may have started it sets."""
        if not self._is_direct:
            return None
        self._scene.walk.watched.add(source)
        self._setting.setdefault(text, names_set(text))
        others = (names for other, names in self._setting.items() if other != text and other not in beside)
        touched = frozenset[str]().union(*others)
        return {name: value for name, value in self._scene.environment.items() if name not in touched}

    def _find_sourced_scripts(self, names: Sequence[str], source: str) -> Iterator[tuple[str, str | None]]:
        """The scripts that a script reads, by their real paths, and their texts."""
        for named in names:
            place = named if named.startswith("/") else self._scene.program(named)
            real = self._scene.walk.reach(place, "is read by the script", source, is_data=True) if place else ""
            if real:
                text = self._scene.text(real)
                if text is None:
                    self._scene.blur_programs(real, "a script that is read was not kept")
                yield real, text


class _StartFiles:
    """The files of the image as those who read the files of supervisors see them."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def script(self, path: str) -> str | None:
        """The text of a kept file; "" for one that was not kept, None where there is none."""
        text = self._scene.text(path)
        return text if text is not None else ("" if self.exists(path) else None)

    def exists(self, path: str) -> bool:
        """Whether there is a file."""
        return self._scene.tree.file(path) is not None

    def matching(self, glob: str) -> list[str]:
        """The files that a glob fits, sorted."""
        return sorted(self._scene.tree.matching(glob))
