"""What the walk knows of an image: its files, what was read of them, its settings."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from hullmark.catalog.languages.java_reading import JarFact
from hullmark.facets.kept import KeptContent
from hullmark.model.image import ImageConfig
from hullmark.model.problem import Problem
from hullmark.model.reach import WitnessStep
from hullmark.model.setting import Setting
from hullmark.reach.code import CodeFacts
from hullmark.reach.elf import ElfFacts
from hullmark.reach.java_code import JavaCode
from hullmark.reach.loader import Loader
from hullmark.reach.syscalls import SyscallFacts
from hullmark.reach.tree import USUAL_PATH, FileTree
from hullmark.reach.walk import Walk

_STARTS = re.compile(
    r"`|%x|[\"']\s*\||\|\s*[\"']|\b(?:qx|fork|system|passthru|subprocess|process|\w*(?:exec|spawn|popen)\w*)\b",
    re.IGNORECASE,
).search
"""Finds a word that starts a program (`system`, `exec`, `popen` …) in code given as text."""


class StartedProgram(msgspec.Struct, frozen=True):
    """A program that is started: its name, its path, the real one, its words with the name first (None: not known).

    `cause` is the file that starts it; of what the settings start, the program itself.
    """

    name: str
    path: str
    real: str
    words: Sequence[str | None]
    cause: str


class InnerArchive(NamedTuple):
    """An archive in an archive that is reached: its size in bytes, whether its use is certain, which archive leads to it, and why."""

    size: int
    is_certain: bool
    source: str
    why: str


class ReachFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What was read of the image's files, by path. `syscalls` is None where they were not asked for."""

    elves: Mapping[str, ElfFacts]
    code: Mapping[str, CodeFacts]
    texts: Mapping[str, str]
    kept: Mapping[str, KeptContent]
    ld_cache: Mapping[str, list[str]]
    archives: Mapping[str, JarFact] = {}
    java: Mapping[str, JavaCode] = {}
    syscalls: Mapping[str, SyscallFacts] | None = None
    settings: Sequence[Setting] = ()
    config: ImageConfig | None = None


class Scene:
    """One image while its files are walked."""

    def __init__(self, tree: FileTree, facts: ReachFacts, problems: Iterable[Problem] = ()) -> None:
        self.tree = tree
        self.facts = facts
        self.walk = Walk(tree)
        self.environment: dict[str, str] = {}
        for variable in facts.config.env if facts.config is not None else ():
            name, _, value = variable.partition("=")
            self.environment[name] = value
        self.path = self.environment.get("PATH") or USUAL_PATH
        self.folder = (facts.config.working_dir if facts.config is not None else "") or "/"
        self.settings: dict[str, list[Setting]] = {}
        for setting in facts.settings:
            self.settings.setdefault(setting.key.partition(".")[0], []).append(setting)
        self._unread = [problem for problem in problems if problem.is_open and problem.facts == ("configuration",)]
        given = self.environment.get("LD_LIBRARY_PATH", "").replace(";", ":").split(":")
        self.loader = Loader(tree, facts.elves, self.listed("ld", "ld.path"), filter(None, given), facts.ld_cache)
        self._blurred: set[str] = set()
        self.inner: dict[str, InnerArchive] = {}
        """Archives in archives that are reached, each by the path of the outermost, and the members: `PATH:MEMBER`."""
        self.options: dict[str, str] = {}
        """Programs that were first reached by who is known to start them, with the options that these give."""
        self.later: list[Callable[[], bool]] = []
        """What depends on all that is reached: each is asked when the walk has ended, until it says that it led on."""

    def is_asked(self, soname: str, functions: frozenset[str]) -> bool:
        """Whether a file that is reached imports one of these functions of a library, or may look one up while it runs.

        libidn2 is nobody who asks: it names the locale's character set alone.
        """
        name = soname.partition(".so")[0] + ".so"
        for path in self.walk.found:
            facts = self.facts.elves.get(path)
            if facts is None or facts.soname == soname:
                continue
            is_opened = bool(functions) and any(name in library for library in (*facts.libraries, *facts.opens))
            if facts.untold or is_opened:
                return True
            if functions.intersection(facts.calls) and not facts.soname.startswith("libidn2.so"):
                return True
        return False

    def lead_on(self) -> bool:
        """Whether what depends on all that is reached leads to more."""
        led = [step for step in self.later if step()]
        self.later = [step for step in self.later if step not in led]
        return bool(led)

    def file_of(self, key: str) -> str:
        """The file that an archive is, or lies in."""
        return key.partition(":")[0] if key in self.inner else key

    def inner_witness(self, key: str) -> tuple[WitnessStep, ...]:
        """The way to an archive in an archive."""
        steps: dict[str, WitnessStep] = {}
        while key not in steps and (inner := self.inner.get(key)) is not None:
            steps[key] = WitnessStep(key, inner.why)
            key = inner.source
        return (*(self.walk.witness(key) if key in self.walk.found else ()), *reversed(steps.values()))

    def cut_unread(self, program: str) -> None:
        """Where not all of a program's configuration was read, what the rest names is not known."""
        for problem in self._unread:
            if not problem.programs or program in problem.programs:
                self.tree.cut(f"of the configuration of {program} not all was read: {problem.reason}")

    def listed(self, program: str, key: str) -> tuple[str, ...]:
        """The texts that a setting has."""
        found: list[str] = []
        for setting in self.settings.get(program, ()):
            if setting.key == key:
                value: Any = setting.value
                found += [str(item) for item in value] if isinstance(value, list | tuple) else [str(value)]
        return tuple(found)

    def text(self, path: str) -> str | None:
        """The text of a kept file, links followed; None where there is none. One that is too large may name anything."""
        record = self.tree.file(path)
        kept = self.facts.kept.get(record.path) if record is not None else None
        if kept is not None and kept.is_too_large:
            self.tree.cut(f"{path[:200]} is too large to be read")
        if kept is None or kept.body is None:
            return None
        return kept.body.decode("utf-8", "backslashreplace")

    def program(self, word: str) -> str:
        """The path of the program that a word starts; "" for none."""
        return self.tree.program(word, self.path, self.folder)

    def absent(self, source: str, reason: str) -> None:
        """What is started is not in the image: what it would lead to nobody can tell."""
        self.walk.end(source, reason)
        found = self.walk.found.get(source)
        if found is None or found.is_certain:
            self.tree.cut(reason)

    def blur_programs(self, source: str, reason: str) -> None:
        """Any program may be started."""
        self.walk.end(source, reason)
        self._blur("programs", self.tree.programs(self.path), source, f"may be started: {reason}")

    def given_text(self, source: str, language: str, text: str | None) -> str:
        """An interpreter runs code given as text (None: not known), which may start programs. Returns the reason to give."""
        reason = f"{language} runs a command that is given as a text"
        if text is None or _STARTS(text):
            self.blur_programs(source, reason)
        return reason

    def blur_libraries(self, source: str, reason: str) -> None:
        """Any library may be loaded."""
        self.walk.end(source, reason)
        libraries = (path for path, facts in sorted(self.facts.elves.items()) if not facts.interpreter or facts.soname)
        self._blur("libraries", libraries, source, f"may be loaded: {reason}")

    def blur_code(self, source: str, reason: str, paths: Iterable[str], kind: str) -> None:
        """Any of these files of code may be run."""
        self.walk.end(source, reason)
        self._blur(kind, paths, source, f"may be run: {reason}")

    def _blur(self, kind: str, paths: Iterable[str], source: str, why: str) -> None:
        if kind not in self._blurred:
            self._blurred.add(kind)
            for path in paths:
                self.walk.reach(path, why, source, is_certain=False)
