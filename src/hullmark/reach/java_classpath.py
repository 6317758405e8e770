"""Java's class path: which of its archives the classes that are reached name, and which of them may be loaded by names that are made.

An archive of the class path is reached where a reached class names one of its packages, or asks for a service that it offers. It is
unknown where a reached class loads classes, or reads files, by names that are in no constant. What is left is on the class path, and
nothing of it is used.
"""

from __future__ import annotations

from typing import NamedTuple

from hullmark.reach.java_code import JavaCode, NamedPackage
from hullmark.reach.scene import InnerArchive, Scene

_OF_THE_RUNTIME = ("java/", "javax/", "jdk/", "sun/", "com/sun/", "org/xml/", "org/w3c/", "org/ietf/")
"""Services that the runtime itself looks for."""


class _Use(NamedTuple):
    """Who names a package, and why that leads to its archives."""

    is_certain: bool
    source: str
    why: str


class ClassPath:
    """The archives that classes are looked for in, by `key`: the real path, of an archive in another `PATH:MEMBER`."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._codes: dict[str, JavaCode] = {}
        self._places: dict[str, list[str]] = {}
        self._holders: dict[str, list[str]] = {}
        self._offers: dict[str, list[tuple[str, str]]] = {}
        self._wanted: dict[str, _Use] = {}
        self._loading: _Use | None = None
        self._reading: _Use | None = None
        self._todo: list[str] = []

    def __contains__(self, key: str) -> bool:
        return key in self._codes

    def holds(self, name: str) -> bool:
        """Whether an archive has the package of a class."""
        return name.replace(".", "/").rpartition("/")[0] in self._holders

    def add(self, key: str, code: JavaCode, place: str = "") -> None:
        """An archive is on the class path, under this path (a link to it, or its own)."""
        places = self._places.setdefault(key, [])
        places.append(place or key)
        if key in self._codes:
            if (found := self._scene.walk.found.get(key)) is not None:
                self._scene.walk.reach(places[-1], found.why, found.source, is_certain=found.is_certain)
            return
        self._codes[key] = code
        for package in code.packages:
            self._holders.setdefault(package, []).append(key)
            if package in self._wanted:
                self._reach(key, self._wanted[package])
        for service, _ in code.services:
            package = service.rpartition("/")[0]
            self._offers.setdefault(package, []).append((key, service))
            if package in self._wanted:
                self._reach_provider(key, service, self._wanted[package])
            if service.startswith(_OF_THE_RUNTIME):
                # Nobody need name it: the runtime looks for it itself.
                self._reach(key, _Use(False, "", f"may be loaded: it offers the service {_format_class_name(service)}"))
        for doubt, is_meant in ((self._loading, True), (self._reading, code.has_files or not code.packages)):
            if doubt is not None and is_meant:
                self._reach(key, doubt)
        self._run()

    def use(self, path: str, code: JavaCode) -> None:
        """A file of classes is reached."""
        self._use_code(path, code)
        self._run()

    def named(self, name: str, source: str, why: str) -> None:
        """A class is named by what is not a class: a command, a setting."""
        self._want(NamedPackage(name.rpartition("/")[0], name, ""), _Use(True, source, why))
        self._run()

    def _run(self) -> None:
        while self._todo:
            key = self._todo.pop()
            self._use_code(key, self._codes[key])

    def _is_certain(self, key: str) -> bool:
        inner = self._scene.inner.get(key)
        if inner is not None:
            return inner.is_certain
        found = self._scene.walk.found.get(key)
        return found is None or found.is_certain

    def _use_code(self, key: str, code: JavaCode) -> None:
        is_certain = self._is_certain(key)
        for member, size, inner in code.nested:
            # Java itself reads no archive in an archive: whoever does makes classes of what it reads, and nobody can tell of which.
            self._inside(
                f"{key}:{member}", size, _Use(False, key, "may be loaded: it lies in an archive that is reached")
            )
            self.add(f"{key}:{member}", inner)
        for each in code.named:
            why = f"{_format_class_name(each.by)} names {_format_class_name(each.name)}"
            self._want(each, _Use(is_certain, key, why))
        for each in code.texts:
            self._want(
                each, _Use(False, key, f"may be loaded: {_format_class_name(each.by)} holds the text {each.name}")
            )
        if code.is_cut:
            self._scene.tree.cut(f"of {key[:200]} not all was read: {code.untold}")
        if code.untold:
            self._doubt(key, f"may be loaded: not all that {key[:200]} names is known: {code.untold}", is_loading=True)
        by, how = code.loads
        if how:
            self._doubt(key, f"may be loaded: of {_format_class_name(by)}: {how}", is_loading=True)
        if code.reads:
            self._doubt(
                key, f"may be read: {_format_class_name(code.reads)} reads files of the class path", is_loading=False
            )
        self._programs(self._scene.file_of(key), code, is_certain=is_certain)

    def _doubt(self, key: str, why: str, *, is_loading: bool) -> None:
        """Any archive may be loaded, or be read."""
        if (self._loading if is_loading else self._reading) is not None:
            return
        doubt = _Use(False, key, why)
        if is_loading:
            self._loading = doubt
        else:
            self._reading = doubt
        for each, code in list(self._codes.items()):
            if is_loading or code.has_files or not code.packages:
                self._reach(each, doubt)

    def _want(self, named: NamedPackage, use: _Use) -> None:
        known = self._wanted.get(named.package)
        if known is not None and (known.is_certain or not use.is_certain):
            return
        self._wanted[named.package] = use
        for key in self._holders.get(named.package, ()):
            self._reach(key, use)
        for key, service in self._offers.get(named.package, ()):
            self._reach_provider(key, service, use)

    def _reach_provider(self, key: str, service: str, use: _Use) -> None:
        self._reach(key, use._replace(why=f"offers the service {_format_class_name(service)}: {use.why}"))

    def _reach(self, key: str, use: _Use) -> None:
        if key == use.source:
            return
        inner = self._scene.inner.get(key)
        is_certain = use.is_certain and self._is_certain(use.source)
        if inner is None:
            for place in self._places[key]:
                self._scene.walk.reach(place, use.why, self._scene.file_of(use.source), is_certain=is_certain)
        elif is_certain and not inner.is_certain:
            self._inside(key, inner.size, use._replace(is_certain=True))

    def _inside(self, key: str, size: int, use: _Use) -> None:
        """An archive in an archive is reached."""
        if (known := self._scene.inner.get(key)) is None or (use.is_certain and not known.is_certain):
            self._scene.inner[key] = InnerArchive(size, use.is_certain, use.source, use.why)
            self._todo.append(key)

    def _programs(self, path: str, code: JavaCode, *, is_certain: bool) -> None:
        """Programs, files and libraries that texts of the classes name."""
        scene = self._scene
        for name in code.libraries:
            for elve in scene.facts.elves:
                if elve.endswith(f"/lib{name}.so"):
                    scene.walk.reach(elve, f"is loaded by the name {name[:100]}", path, is_certain=is_certain)
        for named in code.paths:
            record = scene.tree.file(named)
            if record is not None and (code.starts or not record.mode & 0o111):
                scene.walk.reach(named, f"holds the path {named}", path, is_certain=is_certain)
        for word in code.programs:
            if program := scene.program(word):
                why = f"may be started: {_format_class_name(code.starts)} holds the word {word} and starts programs"
                scene.walk.reach(program, why, path, is_certain=False)
        if code.starts:
            scene.walk.end(path, f"{_format_class_name(code.starts)} in it starts programs whose names may be made")


def _format_class_name(name: str) -> str:
    return name.replace("/", ".")
