"""Java: where what a command or an archive names is looked for."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator, Sequence

from hullmark.catalog.languages.java_metadata import MAX_CLASS_PATH
from hullmark.catalog.languages.java_reading import JarFact
from hullmark.model.limit import Limit
from hullmark.model.purl import unquote
from hullmark.reach.java_classpath import ClassPath
from hullmark.reach.scene import Scene, StartedProgram

ARCHIVE_ENDINGS = (".jar", ".war")
_DEEP = 2
_MAX_FILES = Limit(50_000, "files of a folder of Java's that may be loaded")
_CLASS_PATHS = ("-cp", "-classpath", "--class-path")
_MODULE_PATHS = ("-p", "--module-path")
_PATH_OPTIONS = ("--class-path=", "--module-path=", "-javaagent:")
_VALUED = frozenset((
    *_CLASS_PATHS, *_MODULE_PATHS, "--add-modules", "--add-reads", "--add-exports", "--add-opens", "--limit-modules",
    "--upgrade-module-path",
    "--patch-module", "--enable-native-access", "--describe-module", "-d", "--source", "-jar", "-m", "--module",
))  # fmt: skip
_OPTIONS = ("JDK_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS")
_NAMES = re.compile(r"[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)*").findall
_MAX_WORD = 2_000
_ON_CLASS_PATH = "is on the class path"


class JavaPrograms:
    """Java: the runtime as a whole, folders of classes as wholes, and of the archives of the class path those that are used."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._path = ClassPath(scene)
        self._own: list[tuple[str, str, str, bool]] = []

    def started(self, program: StartedProgram) -> str:
        """A program is started; returns its archive, "" for none."""
        origin = program.cause
        words = (*program.words[1:], *self._options())
        self._runtime(program.real)
        script, entries = "", list[str]()
        for i, word in enumerate(words):
            given = words[i + 1] if i + 1 < len(words) else None
            if word == "-jar" and given:
                script = self._archive(given, origin)
            elif word in _CLASS_PATHS and given:
                entries += given.split(":")
            elif word in (*_CLASS_PATHS, "-jar") and i + 1 < len(program.words) - 1:
                self._anything(origin, f"what Java is given for {word} is not known")
            elif word in _MODULE_PATHS and given:
                for entry in given.split(":"):
                    self._entry(entry, origin, "is on the module path", is_whole=True)
            elif word is not None:
                self._option(word, origin, entries)
        entries += self._scene.environment.get("CLASSPATH", "").split(":")
        self._classes(origin, words, _main_class(program.words[1:]), [entry for entry in entries if entry])
        return script

    def _options(self) -> Iterator[str]:
        """Options that the runtime takes from variables."""
        for name in _OPTIONS:
            text = self._scene.environment.get(name, "")
            try:
                yield from shlex.split(text)
            except ValueError:
                yield from text.split()

    def _option(self, word: str, origin: str, entries: list[str]) -> None:
        name, _, value = word.partition("=")
        if word.startswith("-D") and value.startswith("/"):
            self._whole(value, f"lies in the folder of the property {name[2:102]}", origin, is_data=True)
        elif name == "--class-path":
            entries += value.split(":")
        elif name == "--module-path":
            for entry in value.split(":"):
                self._entry(entry, origin, "is on the module path", is_whole=True)
        elif word.startswith("-javaagent:"):
            self._archive(name.partition(":")[2], origin)
        elif word.startswith("@"):
            self._anything(origin, f"what Java runs stands in {word[:200]}")

    def _classes(self, origin: str, words: Sequence[str | None], main: str, entries: Sequence[str]) -> None:
        """The class path of a command, and the classes that its words name. Where its main class is not found there, or a word is
        too long to look for names in, all of it is used."""
        for entry in entries:
            self._entry(entry, origin)
        # Names of archives look like names of classes.
        paths = {i + 1 for i, word in enumerate(words) if word in (*_CLASS_PATHS, *_MODULE_PATHS, "-jar")}
        plain = [word for i, word in enumerate(words) if word and i not in paths and not word.startswith(_PATH_OPTIONS)]
        for name in sorted({name for word in plain for name in _NAMES(word[:_MAX_WORD])}):
            self._path.named(name.replace(".", "/"), origin, f"has a package of {name[:200]}, which the command names")
        is_cut = any(len(word) > _MAX_WORD for word in plain)
        if is_cut or (not ("." in main and self._path.holds(main)) and not self._is_in_folder(main, entries)):
            for entry in entries:
                self._entry(entry, origin, is_whole=True)

    def _is_in_folder(self, name: str, entries: Sequence[str]) -> bool:
        """Whether a folder of the class path has a class."""
        below = f"{name.replace('.', '/')}.class"
        places = (posixpath.join(self._scene.folder, entry, below) for entry in entries)
        return any(self._scene.tree.file(place) is not None for place in places)

    def own(self, path: str, why: str, source: str, *, is_certain: bool) -> None:
        """An archive lies in an application's own folder. Of one that is on the class path that says nothing."""
        if not self._own:
            self._scene.later.append(self._reach_own)
        self._own.append((path, why, source, is_certain))

    def _reach_own(self) -> bool:
        found, self._own = self._own, []
        for path, why, source, is_certain in found:
            if self._scene.tree.find(path).real not in self._path:
                self._scene.walk.reach(path, why, source, is_certain=is_certain)
        return bool(found)

    def expand(self, path: str) -> None:
        """A file is reached: what its manifest and its classes name."""
        archive, code = self._scene.facts.archives.get(path), self._scene.facts.java.get(path)
        if archive is not None:
            self._manifest(path, archive)
        if code is not None:
            self._path.use(path, code)

    def _manifest(self, path: str, archive: JarFact) -> None:
        """The archives and folders that an archive's manifest names, relative to where the archive was found (JAR File Specification)."""
        entries = archive.manifest.get("Class-Path", "")
        if not entries:
            return
        if len(entries) >= MAX_CLASS_PATH:
            self._scene.tree.cut(f"of the class path in {path[:200]} not all was read")
        links = (
            link
            for link in self._scene.walk.found
            if link.endswith(ARCHIVE_ENDINGS) and self._scene.tree.find(link).real == path
        )
        for folder in {link.rpartition("/")[0] for link in (path, *links)}:
            for entry in entries.split():
                place = unquote(entry.removeprefix("file:"))
                if "://" not in place:
                    self._entry(
                        posixpath.join(folder or "/", place), path, f"is named by the class path in {path[:200]}"
                    )

    def may_run_anything(self, real: str) -> None:
        """The runtime, and every archive: nobody says which it runs."""
        self._runtime(real)
        self._anything(real, "Java runs whatever it is told")

    def _anything(self, source: str, reason: str) -> None:
        archives = (path for path in self._scene.tree.files if path.endswith((*ARCHIVE_ENDINGS, ".jsp", ".class")))
        self._scene.blur_code(source, reason, archives, "java")

    def _runtime(self, real: str) -> None:
        self._whole(real.rpartition("/")[0].rpartition("/")[0], "is part of the Java runtime", real)

    def _whole(self, folder: str, why: str, source: str, *, is_data: bool = False) -> None:
        """All files of a folder, and of folders that links in it lead to; of none that much else lies in."""
        todo, seen = [folder], set[str]()
        while todo:
            real = self._scene.tree.find(todo.pop()).real
            if not real or real in seen or real.count("/") < _DEEP or not self._scene.tree.is_folder(real):
                continue
            seen.add(real)
            for each in self._scene.tree.below(real, _MAX_FILES):
                if not self._scene.walk.reach(each, why, source, is_data=is_data) and each in self._scene.tree.files:
                    todo.append(each)

    def _archive(self, name: str, origin: str) -> str:
        place = name if name.startswith("/") else posixpath.join(self._scene.folder, name)
        real = self._scene.walk.reach(place, "is run by Java", origin)
        if not real:
            self._scene.absent(origin, f"there is no archive {place[:200]}")
        return real

    def _entry(self, entry: str, origin: str, why: str = _ON_CLASS_PATH, *, is_whole: bool = False) -> None:
        place = entry if entry.startswith("/") else posixpath.join(self._scene.folder, entry)
        if place.endswith("/*"):
            for name in self._scene.tree.names(place[:-2]):
                if name.endswith((".jar", ".JAR")):
                    self._on_path(f"{place[:-1]}{name}", origin, why, is_whole=is_whole)
        elif self._scene.tree.is_folder(self._scene.tree.find(place).real or "?"):
            for file in self._scene.tree.below(place, _MAX_FILES):
                self._scene.walk.reach(file, why, origin)
        else:
            self._on_path(place, origin, why, is_whole=is_whole)

    def _on_path(self, place: str, origin: str, why: str, *, is_whole: bool) -> None:
        """An archive of the class path: used as a whole where it names more of the path, or where what it holds is not known."""
        real = self._scene.tree.find(place).real
        archive, code = self._scene.facts.archives.get(real), self._scene.facts.java.get(real)
        names_more = archive is not None and "Class-Path" in archive.manifest
        if is_whole or names_more or code is None or code.untold:
            self._scene.walk.reach(place, why, origin)
        else:
            self._path.add(real, code, place)


def _main_class(words: Sequence[str | None]) -> str:
    """The class that a command starts (java(1)): the first word that is neither an option nor the value of one; "" where none is known."""
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word in _VALUED:
            rest[:1] = []
        elif word is not None and not word.startswith(("-", "@")):
            return word
    return ""
