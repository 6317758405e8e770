"""What the classes of Java's archives name: read in the one pass over the layers, archive by archive, those in archives too.

Only packages of classes are kept, each with one example: a class of an archive is named wherever one of its package is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import msgspec

from hullmark.catalog.languages.java_archive import (
    DamagedArchive,
    Directory,
    Member,
    list_members,
    packed_bytes,
    read_directory,
    unpack,
    without_overlaps,
)
from hullmark.catalog.languages.java_reading import JAVA_ONLY, OTHERS_TOO
from hullmark.model.limit import Limit
from hullmark.reach.java_class import ClassNames, DamagedClass, class_names
from hullmark.rootfs.reads import MIB, Read, Remark, Report

_MAX_NAMES = Limit(20_000, "packages, texts and services that the classes of one Java archive name")
_MAX_CLASSES = Limit(300_000, "classes that the classes of one Java archive name")
_MAX_CLASS = Limit(8 * MIB, "bytes of a class file")
_MAX_DEPTH = Limit(3, "levels of Java archives in Java archives whose classes are read")
_MAX_INNER = Limit(4096, "archives in one Java archive whose classes are read")
_MAX_MEMBERS = Limit(400_000, "members of one Java archive, at all levels, whose classes are read")
_MAX_UNPACKED = Limit(1024 * MIB, "bytes of classes and archives that are unpacked of one Java archive")
_MAX_IN_LAYER = Limit(1024 * MIB, "bytes of one layer's Java archives whose classes are read")
_BODY = Limit(512 * MIB, "bytes of a Java archive whose classes are read")
_MAX_SERVICE = 64 * 1024
_LONG = 300

_ARCHIVES = JAVA_ONLY + OTHERS_TOO
_CLASS_LIKE = re.compile(r"[A-Za-z_$][\w$]*(?:[./][A-Za-z_$][\w$]*)+").fullmatch
_PATH = re.compile(r"(?:/[\w.+@-]{1,100}){2,12}").fullmatch
_WORD = re.compile(r"[\w.+-]{1,60}(?: .*)?", re.DOTALL).fullmatch
_SERVICES = "META-INF/services/"
_PLAIN = re.compile(
    r"META-INF/(?:MANIFEST\.MF|INDEX\.LIST|[^/]*\.(?:SF|RSA|DSA|EC|kotlin_module)|maven/.*|(?:DEPENDENCIES|(?:.*/)?(?:LICEN[CS]E|NOTICE)[^/]*))"
    r"|(?:.*/)?(?:LICEN[CS]E|NOTICE|README)[^/]*|.*/",
    re.IGNORECASE,
).fullmatch
"""Members of an archive that no program asks for: what it is, who signed it, how it may be used."""


class NamedPackage(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A package of classes (`a/b`) that something names, the name, and the class that holds it."""

    package: str
    name: str
    by: str


class JavaCode(msgspec.Struct, frozen=True, array_like=True):
    """What the classes of one archive name, or those of one class file. Names have slashes: `a/b/C`.

    `packages` are those of its own classes. `named` are packages of other classes that its classes name by constants, `texts` those that
    texts may mean. `services` are those that it offers (ServiceLoader), each with the first that does. `loads`, `reads`: which class loads
    classes, or reads files of the class path, by names that it makes, and how ("": none). `has_files`: other files than classes are in it.
    `programs` are words and `paths` absolute paths among the texts of a class: words of those that start programs (`starts`: one that
    does, "": none). `libraries` are loaded by name. `nested`: archives in it by member, with their size in bytes. `untold` says why not
    all of it was read, `is_cut` whether that is for its size, not for damage that Java refuses too.
    """

    packages: tuple[str, ...] = ()
    named: tuple[NamedPackage, ...] = ()
    texts: tuple[NamedPackage, ...] = ()
    services: tuple[tuple[str, str], ...] = ()
    loads: tuple[str, str] = ("", "")
    reads: str = ""
    has_files: bool = False
    starts: str = ""
    programs: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    nested: tuple[tuple[str, int, JavaCode], ...] = ()
    untold: str = ""
    is_cut: bool = False


class _NameCollector:
    """Collects what classes name, up to a limit."""

    def __init__(self) -> None:
        self.untold = ""
        self.is_cut = False
        self.services: dict[str, str] = {}
        self.has_files = False
        self._own: set[str] = set()
        self._named: dict[str, str] = {}
        self._texts: dict[str, NamedPackage] = {}
        self._loads = ("", "")
        self._reads = self._starts = ""
        self._programs: dict[str, None] = {}
        self._paths: dict[str, None] = {}
        self._libraries: dict[str, None] = {}

    def add(self, found: ClassNames) -> None:
        """Take in what one class names."""
        if len(self._own) + len(self._named) + len(self._texts) + len(self._programs) + len(self._paths) > _MAX_CLASSES:
            self.cut("it names too many classes")
            return
        own = found.name[:_LONG]
        self._own.add(own)
        for name in found.classes:
            self._named.setdefault(name[:_LONG], own)
        for text in found.texts:
            self._text(text[:_LONG], own, is_starting=found.is_starting)
        self._libraries.update(dict.fromkeys(name[:_LONG] for name in found.libraries))
        if found.loads and not self._loads[0]:
            self._loads = own, found.loads
        self._reads = self._reads or (own if found.is_reading else "")
        self._starts = self._starts or (own if found.is_starting else "")

    def cut(self, reason: str) -> None:
        """Not all is read."""
        self.untold, self.is_cut = reason, True

    def _text(self, text: str, own: str, *, is_starting: bool) -> None:
        if _CLASS_LIKE(text):
            package = _package_of(text.replace(".", "/"))
            self._texts.setdefault(package, NamedPackage(package, text, own))
        elif _PATH(text):
            self._paths[text] = None
        if is_starting and _WORD(text):
            self._programs[text.split()[0]] = None

    def code(self, nested: Iterable[tuple[str, int, JavaCode]] = ()) -> JavaCode:
        """All that was taken in. What is named of the archive's own classes is left out, package by package what is of others."""
        named: dict[str, NamedPackage] = {}
        for name, by in sorted(self._named.items()):
            package = _package_of(name)
            if name not in self._own and package not in named:
                named[package] = NamedPackage(package, name, by)
        parts = (named, self._texts, self.services, self._programs, self._paths, self._libraries)
        if any(len(part) > _MAX_NAMES for part in parts):
            self.cut("its classes name so much that not all was kept")
        return JavaCode(
            packages=tuple(sorted(set(map(_package_of, self._own)))),
            named=tuple(_first(named)),
            texts=tuple(_first(self._texts)),
            services=tuple(sorted(self.services.items())[:_MAX_NAMES]),
            loads=self._loads,
            reads=self._reads,
            has_files=self.has_files,
            starts=self._starts,
            programs=tuple(sorted(self._programs)[:_MAX_NAMES]),
            paths=tuple(sorted(self._paths)[:_MAX_NAMES]),
            libraries=tuple(sorted(self._libraries)[:_MAX_NAMES]),
            nested=tuple(nested),
            untold=self.untold,
            is_cut=self.is_cut,
        )


def _package_of(name: str) -> str:
    return name.rpartition("/")[0]


def _first(found: Mapping[str, NamedPackage]) -> list[NamedPackage]:
    return [found[package] for package in sorted(found)[:_MAX_NAMES]]


class _TooMuch(ValueError):
    """A member that is beyond a limit."""


class _Reading:
    """Reads one outermost file, and spends what may be read of it."""

    def __init__(self) -> None:
        self._archives: int = _MAX_INNER
        self._members: int = _MAX_MEMBERS
        self._bytes: int = _MAX_UNPACKED

    def archive(self, body: memoryview, depth: int) -> JavaCode:
        """What the classes of an archive name; of one that cannot be read, that nothing is known."""
        try:
            directory = read_directory(body)
        except DamagedArchive as error:
            return JavaCode(untold=f"it {error}")
        gathered = _NameCollector()
        members, is_whole = list_members(directory, None)
        members, has_overlaps = without_overlaps(members)
        if not is_whole or has_overlaps:
            gathered.cut("its list of members is damaged")
        nested: list[tuple[str, int, JavaCode]] = []
        for member in members:
            self._members -= 1
            if self._members < 0:
                gathered.cut("it has too many members")
                break
            try:
                self._member(body, directory, member, depth, gathered, nested)
            except _TooMuch as error:
                gathered.cut(f"{member.name[:_LONG]} in it is not read: {error}")
            except (DamagedArchive, DamagedClass) as error:
                gathered.untold = gathered.untold or f"{member.name[:_LONG]} in it is not read: {error}"
        return gathered.code(sorted(nested, key=lambda each: each[0]))

    def _member(
        self,
        body: memoryview,
        directory: Directory,
        member: Member,
        depth: int,
        gathered: _NameCollector,
        nested: list[tuple[str, int, JavaCode]],
    ) -> None:
        name = member.name
        if name.endswith(".class"):
            if member.size > _MAX_CLASS:
                raise _TooMuch("it is too large")
            content = self._content(body, directory, member)
            gathered.add(class_names(bytes(content)))
        elif name.endswith(_ARCHIVES):
            self._archives -= 1
            if depth >= _MAX_DEPTH or self._archives < 0:
                raise _TooMuch("it is one archive too many")
            nested.append((name[:_LONG], member.size, self.archive(self._content(body, directory, member), depth + 1)))
        elif name.startswith(_SERVICES) and not name.endswith("/"):
            if member.size > _MAX_SERVICE:
                gathered.untold = gathered.untold or f"{name[:_LONG]} in it is too large"
                return
            content = self._content(body, directory, member)
            service = name.removeprefix(_SERVICES)[:_LONG].replace(".", "/")
            gathered.services[service] = _provider(bytes(content))
        elif not _PLAIN(name):
            gathered.has_files = True

    def _content(self, body: memoryview, directory: Directory, member: Member) -> memoryview:
        self._bytes -= member.size
        if self._bytes < 0:
            raise _TooMuch("it is too large, with all that was read before")
        return unpack(packed_bytes(body, directory, member), member)


def _provider(content: bytes) -> str:
    """The first class that a file of services names (java.util.ServiceLoader)."""
    for line in content.split(b"\n"):
        name = line.partition(b"#")[0].strip()
        if name:
            return name[:_LONG].decode("utf-8", "replace").replace(".", "/")
    return ""


def java_code(path: str, body: memoryview, report: Report) -> JavaCode | None:
    """What the classes of an archive, or a class file, name; None for a file that is neither."""
    if path.endswith(".class"):
        gathered = _NameCollector()
        try:
            gathered.add(class_names(bytes(body)))
        except DamagedClass as error:
            gathered.untold = str(error)
        return gathered.code()
    code = _Reading().archive(body, 0)
    if code.untold:
        report(Remark(f"which classes it names is not all known: {code.untold}"))
    return code


JAVA_CODE: Read[JavaCode] = Read(
    name="reach-java",
    fact=JavaCode,
    extract=java_code,
    globs=("**/*.class", *(f"**/*{kind}" for kind in _ARCHIVES)),
    limit=_BODY,
    layer_limit=_MAX_IN_LAYER,
    sources=("reach/java_code", "reach/java_class", "catalog/languages/java_archive"),
)
"""Archives and class files of Java."""
