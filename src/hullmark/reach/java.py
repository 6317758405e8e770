"""Java: where what a command or an archive names is looked for."""

from __future__ import annotations

import posixpath

from hullmark.catalog.languages.java_metadata import MAX_CLASS_PATH
from hullmark.catalog.languages.java_reading import JarFact
from hullmark.model.limit import Limit
from hullmark.model.purl import unquote
from hullmark.reach.scene import Scene, StartedProgram

_ENDINGS = (".jar", ".war")
_DEEP = 2
_MAX_FILES = Limit(50_000, "files of a folder of Java's that may be loaded")


class JavaPrograms:
    """Java: the runtime as a whole, and the archives of the class path."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def started(self, program: StartedProgram) -> str:
        """A program is started; returns its archive, "" for none."""
        words, origin = program.words, program.cause
        self._runtime(program.real)
        script = ""
        for i, word in enumerate(words):
            given = words[i + 1] if i + 1 < len(words) else None
            if word == "-jar" and given:
                script = self._archive(given, origin)
            elif word in ("-cp", "-classpath", "--class-path", "-p", "--module-path") and given:
                for entry in given.split(":"):
                    self._entry(entry, origin)
            elif word is not None and word.startswith("-D") and "=/" in word:
                name, _, value = word[2:].partition("=")
                self._whole(value, f"lies in the folder of the property {name[:100]}", origin)
            elif word is not None and word.startswith("-javaagent:"):
                self._archive(word.partition(":")[2].partition("=")[0], origin)
        for entry in filter(None, self._scene.environment.get("CLASSPATH", "").split(":")):
            self._entry(entry, origin)
        return script

    def expand(self, path: str, archive: JarFact) -> None:
        """The archives and folders that an archive's manifest names, relative to where the archive was found (JAR File Specification)."""
        entries = archive.manifest.get("Class-Path", "")
        if not entries:
            return
        if len(entries) >= MAX_CLASS_PATH:
            self._scene.tree.cut(f"of the class path in {path[:200]} not all was read")
        links = (
            link
            for link in self._scene.walk.found
            if link.endswith(_ENDINGS) and self._scene.tree.find(link).real == path
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
        archives = (path for path in self._scene.tree.files if path.endswith((*_ENDINGS, ".jsp", ".class")))
        self._scene.blur_code(real, "Java runs whatever it is told", archives, "java")

    def _runtime(self, real: str) -> None:
        self._whole(real.rpartition("/")[0].rpartition("/")[0], "is part of the Java runtime", real)

    def _whole(self, folder: str, why: str, source: str) -> None:
        """All files of a folder, and of folders that links in it lead to; of none that much else lies in."""
        todo, seen = [folder], set[str]()
        while todo:
            real = self._scene.tree.find(todo.pop()).real
            if not real or real in seen or real.count("/") < _DEEP or not self._scene.tree.is_folder(real):
                continue
            seen.add(real)
            for file in self._scene.tree.below(real, _MAX_FILES):
                if not self._scene.walk.reach(file, why, source) and file in self._scene.tree.files:
                    todo.append(file)

    def _archive(self, name: str, origin: str) -> str:
        place = name if name.startswith("/") else posixpath.join(self._scene.folder, name)
        real = self._scene.walk.reach(place, "is run by Java", origin)
        if not real:
            self._scene.absent(origin, f"there is no archive {place[:200]}")
        return real

    def _entry(self, entry: str, origin: str, why: str = "is on the class path") -> None:
        place = entry if entry.startswith("/") else posixpath.join(self._scene.folder, entry)
        if place.endswith("/*"):
            for name in self._scene.tree.names(place[:-2]):
                if name.endswith((".jar", ".JAR")):
                    self._scene.walk.reach(f"{place[:-1]}{name}", why, origin)
        elif self._scene.tree.is_folder(self._scene.tree.find(place).real or "?"):
            for file in self._scene.tree.below(place, _MAX_FILES):
                self._scene.walk.reach(file, why, origin)
        else:
            self._scene.walk.reach(place, why, origin)
