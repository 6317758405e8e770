"""One file → the tree of archives in it, each with its manifest and poms, within one set of limits for all of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple

import msgspec

from hullmark.catalog.languages.java_archive import (
    DamagedArchive,
    Directory,
    Member,
    first_bytes,
    list_members,
    packed_bytes,
    read_directory,
    unpack,
    without_overlaps,
)
from hullmark.catalog.languages.java_metadata import (
    Pom,
    ends_main_section,
    licences_of_project,
    parse_manifest,
    pom_of_project,
    pom_of_properties,
    requires_of_project,
)
from hullmark.catalog.languages.java_names import identify
from hullmark.model.limit import Limit
from hullmark.rootfs.reads import MIB, Report

JAVA_ONLY = (".jar", ".war", ".ear", ".hpi", ".jpi", ".lpkg")
OTHERS_TOO = (".par", ".sar", ".nar", ".kar", ".far", ".rar", ".zap")
"""Extensions that other kinds of files have as well: under these, a file that is not a Java archive is not a problem."""

MAX_PROPERTIES = Limit(64 * 1024, "bytes of a pom.properties")
_MAX_DEPTH = Limit(8, "levels of Java archives in Java archives")
_MAX_PROJECT = Limit(MIB, "bytes of a pom.xml in a Java archive")
_MAX_MANIFEST = Limit(MIB, "bytes of the main section of a Java archive's manifest")
_MAX_TEXTS = Limit(4, "licence files of one Java archive that are looked at", "shortened")
_MAX_TEXT = Limit(256 * 1024, "bytes of a licence file in a Java archive (larger ones are not looked at)", "shortened")
_MAX_PACKED = Limit(
    64 * 1024, "packed bytes of a licence file in a Java archive (larger ones are not looked at)", "shortened"
)
_FIRST_BYTES = 16 * 1024
_ARCHIVE_STARTS = (b"PK", b"#!")
_ZIP_START = b"PK\3\4"
_ARCHIVES = JAVA_ONLY + OTHERS_TOO
_TAILS = (
    frozenset(kind[-4:].encode() for kind in _ARCHIVES)
    | {b".xml", b"ties", b"T.MF", b"t.mf"}
    | {*(b"ENSE", b"ense", b"ENCE", b"YING", b".txt", b".TXT", b"E.md", b"e.md", b"G.md")}
)
_EMPTY_ARTIFACT = ("org.spark-project.spark", "unused")
_MAVEN = "META-INF/maven/"
_TEXTS = frozenset(
    f"{folder}{name}{end}"
    for folder in ("META-INF/", "")
    for name in ("LICENSE", "LICENCE", "COPYING")
    for end in ("", ".TXT", ".MD")
)
_ALSO_WANTED = _TEXTS | {"META-INF/MANIFEST.MF"}
_DAMAGED_LIST = "has a damaged list of members, or one with too long a name"
_LIMIT_REASONS = {
    "archives": "it holds too many archives",
    "members": "it holds too many descriptions",
    "directory_bytes": "it has too many members",
    "unpacked_bytes": "the archives in it are too large in sum",
    "held_bytes": "an archive in it is too large",
    "xml_bytes": "the descriptions in it are too large in sum",
}


class PackedText(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A licence file as the archive has it: the member's name, the way it is packed, its CRC, its size unpacked in bytes, its bytes."""

    name: str
    method: int
    crc: int
    size: int
    packed: bytes


class JarFact(msgspec.Struct, frozen=True, array_like=True):
    """One archive: the headers of its manifest, its poms sorted by folder, the archives in it by member name, and its licence files where
    nothing else tells its licence.

    `sha1` is the digest of its bytes, in hex, where none of the poms is its own, and digests are asked for; "" elsewhere.
    """

    manifest: dict[str, str] = {}
    poms: tuple[Pom, ...] = ()
    nested: tuple[tuple[str, JarFact], ...] = ()
    texts: tuple[PackedText, ...] = ()
    sha1: str = ""


class Allowance(msgspec.Struct):
    """The remaining budget for one outermost file: far more than real archives need."""

    archives: int = Limit(4096, "archives in one Java archive, at all levels")
    members: int = Limit(65_536, "descriptions (manifests and poms) in one Java archive, at all levels")
    directory_bytes: int = Limit(256 * MIB, "bytes of the lists of members of one Java archive, at all levels")
    unpacked_bytes: int = Limit(1024 * MIB, "bytes that are unpacked of one Java archive")
    held_bytes: int = Limit(160 * MIB, "bytes of one archive in a Java archive, with those around it")
    xml_bytes: int = Limit(16 * MIB, "bytes of all pom.xml in one Java archive")
    text_bytes: int = Limit(16 * MIB, "packed bytes of all licence files in one Java archive", "shortened")
    problems: int = Limit(20, "problems of one Java archive that are listed one by one", "shortened")


class _Complaints(msgspec.Struct):
    """Where to report, and what was reported already."""

    report: Report
    left: int
    reported: set[str] = msgspec.field(default_factory=set)

    def say(self, place: str, reason: str) -> None:
        """Report a problem of the archive or member at this place; after the last allowed, only that there are more."""
        subject = place if place.isprintable() and len(place) < 300 else f"{place[:300]!a}"
        self.left -= 1
        if self.left > 0:
            self.report(f"{subject or 'the archive'} {reason}")
        elif self.left == 0:
            self.report("more of the archive is damaged in the same way")

    def limit(self, reason: str) -> None:
        """Report once that a part was left out for this reason."""
        if reason not in self.reported:
            self.reported.add(reason)
            self.report(f"a part of the archive was not looked at: {reason}")


class _WantedMembers(NamedTuple):
    """Members worth reading, by kind. Poms are listed by their folders."""

    manifest: Member | None
    properties: dict[str, Member]
    projects: dict[str, Member]
    archives: list[Member]
    texts: list[Member]


class _OpenArchive(msgspec.Struct, frozen=True):
    """An archive that is being read; `place` is its member path in the outermost file ("" for that itself)."""

    body: memoryview
    directory: Directory
    place: str

    def place_of(self, member: Member) -> str:
        """The member's path, counted from the outermost file."""
        return f"{self.place}:{member.name}" if self.place else member.name


def read_tree(
    body: memoryview, path: str, report: Report, allowance: Allowance | None = None, *, digests: bool = False
) -> JarFact | None:
    """Read an archive and all that are in it; None if it is not one of Java's.

    The extension of its `path` says which kind it is. What cannot be read is reported. `digests`: also those of archives that no pom names.
    """
    return _Reader(report, allowance or Allowance(), digests=digests).archive(body, path, "", 0)


class _Reader:
    """Reads one outermost file and spends its allowance."""

    def __init__(self, report: Report, allowance: Allowance, *, digests: bool) -> None:
        self._left = allowance
        self._digests = digests
        self._complaints = _Complaints(report, allowance.problems)

    def _take(self, what: str, amount: int) -> bool:
        left = getattr(self._left, what) - amount
        if left < 0:
            self._complaints.limit(_LIMIT_REASONS[what])
            return False
        setattr(self._left, what, left)
        return True

    def archive(self, body: memoryview, path: str, place: str, depth: int) -> JarFact | None:
        kind = path[path.rfind(".") :]
        try:
            directory = read_directory(body)
        except DamagedArchive as error:
            if kind not in OTHERS_TOO or bytes(body[:4]) == _ZIP_START:
                self._complaints.say(place, str(error))
            return None
        if not self._take("directory_bytes", len(directory.entries)):
            return JarFact()
        opened = _OpenArchive(body, directory, place)
        wanted = self._select_members(opened)
        manifest = self._manifest(opened, wanted.manifest) if wanted.manifest else {}
        if "Weave-Classes" in manifest:  # it patches the library that it is named after, and is not that library
            return None
        poms = self._poms(opened, wanted)
        nested = self._read_nested_archives(opened, wanted.archives, depth)
        is_java = wanted.manifest or poms or nested or b".class" in directory.entries
        if not is_java and kind not in JAVA_ONLY:
            return None
        is_told = tells_licence(manifest, filter(has_content, poms))
        texts = () if is_told else tuple(self._texts(opened, wanted.texts[:_MAX_TEXTS]))
        digest = ""
        if self._digests and identify(poms, manifest, path).pom is None:
            digest = hashlib.sha1(body, usedforsecurity=False).hexdigest()
        return JarFact(manifest, poms, nested, texts, digest)

    def _select_members(self, opened: _OpenArchive) -> _WantedMembers:
        members, is_whole = list_members(opened.directory, _TAILS)
        if not is_whole:
            self._complaints.say(opened.place, _DAMAGED_LIST)
        members, has_overlaps = without_overlaps(member for member in members if _is_wanted(member.name))
        if has_overlaps:
            self._complaints.say(opened.place, "has members that overlap")
        wanted = _WantedMembers(None, {}, {}, [], [])
        for member in members:
            folder, _, name = member.name.rpartition("/")
            if member.name.endswith(_ARCHIVES):
                wanted.archives.append(member)
            elif name == "pom.properties":
                wanted.properties[folder] = member
            elif name == "pom.xml":
                wanted.projects[folder] = member
            elif member.name.upper() in _TEXTS:
                wanted.texts.append(member)
            else:
                wanted = wanted._replace(manifest=member)
        return wanted

    def _content(self, opened: _OpenArchive, member: Member, limit: int) -> memoryview | None:
        """A whole small member; None, and a problem, if it is not available."""
        try:
            if member.size > limit:
                raise DamagedArchive("is too large")
            if not self._take("members", 1) or not self._take("unpacked_bytes", member.size):
                return None
            return unpack(packed_bytes(opened.body, opened.directory, member), member)
        except DamagedArchive as error:
            self._complaints.say(opened.place_of(member), str(error))
            return None

    def _manifest(self, opened: _OpenArchive, member: Member) -> dict[str, str]:
        if member.size <= _FIRST_BYTES:
            content = self._content(opened, member, _FIRST_BYTES)
            return parse_manifest(bytes(content)) if content is not None else {}
        # Signed archives list the digest of each file below the main section: megabytes that say nothing of identity.
        try:
            packed = packed_bytes(opened.body, opened.directory, member)
            head = first_bytes(packed, member, _FIRST_BYTES)
            if not ends_main_section(head) and self._take("unpacked_bytes", _MAX_MANIFEST):
                head = first_bytes(packed, member, _MAX_MANIFEST)
                if len(head) == _MAX_MANIFEST and not ends_main_section(head):
                    self._complaints.say(opened.place_of(member), "has a main section that is too large")
        except DamagedArchive as error:
            self._complaints.say(opened.place_of(member), str(error))
            return {}
        return parse_manifest(head)

    def _poms(self, opened: _OpenArchive, wanted: _WantedMembers) -> tuple[Pom, ...]:
        poms = (self._pom(opened, wanted, folder) for folder in sorted({*wanted.properties, *wanted.projects}))
        return tuple(dict.fromkeys(pom for pom in poms if pom is not None))

    def _pom(self, opened: _OpenArchive, wanted: _WantedMembers, folder: str) -> Pom | None:
        pom = None
        if folder in wanted.properties:
            content = self._content(opened, wanted.properties[folder], MAX_PROPERTIES)
            pom = pom_of_properties(bytes(content), folder) if content is not None else None
        member = wanted.projects.get(folder)
        content = self._content(opened, member, _MAX_PROJECT) if member else None
        if member is None or content is None or not self._take("xml_bytes", len(content)):
            return pom
        try:
            if pom is not None and pom.version:
                project_bytes = bytes(content)
                licences, requires = licences_of_project(project_bytes), requires_of_project(project_bytes)
                return msgspec.structs.replace(pom, licenses=licences, requires=requires)
            project = pom_of_project(bytes(content))
        except ValueError as error:
            self._complaints.say(opened.place_of(member), str(error))
            return pom
        return project or pom

    def _texts(self, opened: _OpenArchive, members: Iterable[Member]) -> Iterator[PackedText]:
        """Licence files as they are packed: most are never looked at."""
        for member in members:
            if member.packed <= min(_MAX_PACKED, self._left.text_bytes) and member.size <= _MAX_TEXT:
                self._left.text_bytes -= member.packed
                with suppress(DamagedArchive):
                    packed = bytes(packed_bytes(opened.body, opened.directory, member))
                    yield PackedText(member.name, member.method, member.crc, member.size, packed)

    def _read_nested_archives(
        self, opened: _OpenArchive, members: list[Member], depth: int
    ) -> tuple[tuple[str, JarFact], ...]:
        if members and depth >= _MAX_DEPTH:
            self._complaints.limit("archives are nested too deeply")
            return ()
        found: list[tuple[str, JarFact]] = []
        for member in members:
            if not self._take("archives", 1):
                break
            fact = self._inner(opened, member, depth)
            if fact is not None:
                found.append((member.name, fact))
        return tuple(sorted(found, key=lambda pair: pair[0]))

    def _inner(self, opened: _OpenArchive, member: Member, depth: int) -> JarFact | None:
        kind = member.name[member.name.rfind(".") :]
        place = opened.place_of(member)
        try:
            packed = packed_bytes(opened.body, opened.directory, member)
            if not first_bytes(packed, member, 2).startswith(_ARCHIVE_STARTS):
                if kind in JAVA_ONLY:
                    self._complaints.say(place, "is not a zip archive")
                return None
            held = member.size if member.method else 0
            if not self._take("unpacked_bytes", held) or not self._take("held_bytes", held):
                return JarFact()
            try:
                return self.archive(unpack(packed, member), member.name, place, depth + 1)
            finally:
                self._left.held_bytes += held
        except DamagedArchive as error:
            self._complaints.say(place, str(error))
            return None


def tells_licence(manifest: dict[str, str], poms: Iterable[Pom]) -> bool:
    """Whether an archive's own records tell its licence."""
    return "Bundle-License" in manifest or any(pom.licenses for pom in poms)


def has_content(pom: Pom) -> bool:
    """Whether there is anything in an artifact. Spark packs one without into each of its archives, so that Maven writes their poms anew."""
    return (pom.group, pom.artifact) != _EMPTY_ARTIFACT


def _is_wanted(name: str) -> bool:
    if name.endswith(_ARCHIVES):
        return not name.startswith("__MACOSX/")
    if name.endswith(("/pom.properties", "/pom.xml")):
        return name.startswith(_MAVEN) or f"/{_MAVEN}" in name
    return name.upper() in _ALSO_WANTED
