"""rpm packages, from rpm's database or from the manifest that images without rpm keep in its stead.

Formats: rpmdb/ (SQLite, ndb, Berkeley DB); `container-manifest-2` of Azure Linux: rpm's query format
`NAME VERSION-RELEASE INSTALLTIME BUILDTIME VENDOR EPOCH SIZE ARCH EPOCHNUM SOURCERPM`, separated by tabs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.systems.rpmdb import Database, Reports, read_database
from hullmark.catalog.systems.rpmdb.header import RpmFile, RpmFiles, RpmHeader, list_files
from hullmark.catalog.systems.rpmdb.log import Log, read_log
from hullmark.catalog.view import View
from hullmark.model.inventory import Distro
from hullmark.model.limit import Limit
from hullmark.model.package import UNKNOWN_VERSION, Location, OwnedFile, Package, SourcePackage
from hullmark.model.purl import make_purl
from hullmark.rootfs.reads import MIB, LocatedFact, Read, Report

_MAX_LINES = Limit(100_000, "lines of a manifest of rpm packages")
_MAX_PATH_BYTES = Limit(256 * MIB, "bytes of the paths of all files of an image's rpm packages")
_MAX_LOG_BYTES = Limit(32 * MIB, "bytes of the log of an rpm database in SQLite")
_MANIFEST_FIELDS = 10
_ABSENT = "(none)"

_FOLDERS = ("var/lib/rpm/", "usr/share/rpm/", "usr/lib/sysimage/rpm/")
_LOG_NAME = "rpmdb.sqlite-wal"
_NAMESPACES = {"rhel": "redhat"}
_SOURCE_SUFFIXES = (".nosrc.rpm", ".src.rpm")

_KINDS = {0o100000: "f", 0o040000: "d", 0o120000: "l"}
_TYPE_BITS = 0o170000
# OpenPGP's numbers (RFC 9580, 9.5), as far as they can be compared with what is known of a file. 0: the header is
# older than the tag.
_ALGORITHMS = {0: ("md5", 32), 1: ("md5", 32), 2: ("sha1", 40), 8: ("sha256", 64)}
_CONFIG, _NEED_NOT_BE = 1, 8 | 64
_REPLACED, _NOT_INSTALLED, _NET_SHARED, _WRONG_COLOR = 1, 2, 3, 4


class _UnreadLog:
    """Counts the bytes of a log that is too large to be read."""

    def __init__(self, size: int) -> None:
        self._size = size

    def write(self, piece: memoryview, /) -> None:
        pass

    def finish(self, report: Report, /) -> Log:
        report(f"the log of the rpm database has {self._size:,} bytes; changes in it were not read")
        return Log(self._size, is_read=False)


def extract_database(_path: str, body: memoryview, report: Report) -> Database | None:
    """The packages of a database in any of the three formats, recognised by its first bytes."""
    if not body:
        return Database(is_empty=True)
    database = read_database(body, report)
    if database is None:
        report("the file has the name of an rpm database but is none")
    return database


def extract_log(_path: str, body: memoryview, report: Report) -> Log | None:
    """The pages of a log; None if nothing in it counts."""
    return read_log(body, report)


def extract_manifest(_path: str, body: memoryview, report: Report) -> tuple[RpmHeader, ...]:
    """The packages of a manifest, one a line. Lines of another shape are reported together."""
    headers, damaged = [], 0
    lines = bytes(body).decode("utf-8", "replace").split("\n", _MAX_LINES)
    if len(lines) > _MAX_LINES and lines.pop():
        report(f"it has more than {_MAX_LINES:,} lines; the rest was not read")
    for line in lines:
        fields = line.rstrip("\r").split("\t", _MANIFEST_FIELDS)
        if len(fields) >= _MANIFEST_FIELDS and fields[0]:
            headers.append(_from_manifest(fields))
        elif line.strip():
            damaged += 1
    if damaged:
        report(f"{damaged:,} lines are not of the manifest's form")
    return tuple(headers)


def _from_manifest(fields: list[str]) -> RpmHeader:
    name, full, _, _, vendor, epoch, size, arch, epoch_number, source_rpm = (
        "" if field == _ABSENT else field for field in fields[:_MANIFEST_FIELDS]
    )
    version, _, release = full.rpartition("-")
    return RpmHeader(
        name=name,
        version=version or release,
        release=release if version else "",
        epoch=int(epoch_number) if epoch and _is_number(epoch_number) else None,
        arch=arch,
        source_rpm=source_rpm,
        vendor=vendor,
        size=int(size) if _is_number(size) else 0,
    )


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18


DATABASE = Read(
    name="rpm-database",
    stands_in=True,
    globs=("**/rpm/Packages", "**/rpm/Packages.db", "**/rpm/rpmdb.sqlite"),
    fact=Database,
    extract=extract_database,
    limit=256 * MIB,
)
LOG = Read(
    name="rpm-log",
    globs=("**/rpm/rpmdb.sqlite-wal",),
    fact=Log,
    extract=extract_log,
    limit=_MAX_LOG_BYTES,
    oversize=_UnreadLog,
    layer_limit=_MAX_LOG_BYTES,
)
MANIFEST = Read(
    name="rpm-manifest",
    globs=("**/var/lib/rpmmanifest/container-manifest-2",),
    fact=tuple[RpmHeader, ...],
    extract=extract_manifest,
    limit=16 * MIB,
)


def assemble(view: View) -> Iterator[Package]:
    """The packages of every database and manifest, each with the layer that installed this version of it."""
    seen = _visible(view)
    for found in seen:
        _tell_gaps(view, found, seen)
        reports = Reports(partial(view.problem, f"{found.path}-wal"), "the log of the rpm database")
        newest, *older = reversed(_states(view, found, reports))
        reports.finish()
        yield from _packages(found.path, newest[1], older[::-1], newest[0], view.distro)
    for log in view.facts(LOG):
        if view.fact_at(DATABASE, log.path.removesuffix("-wal")) is None:
            view.problem(log.path, "the log of an rpm database is there without one; what it holds was not read")
    for listed in view.facts(MANIFEST):
        below = [(old.layer, old.fact) for old in view.versions(MANIFEST, listed.path)]
        yield from _packages(listed.path, listed.fact, below, listed.layer, view.distro)


def databases(view: View) -> list[LocatedFact[Database]]:
    """The visible databases, each file once even if it has several names, with what their logs say."""
    found = []
    for database in _visible(view):
        layer, headers = _states(view, database, _ignore_reason)[-1]
        found.append(LocatedFact(database.path, layer, Database(headers, database.fact.is_empty)))
    return found


def _ignore_reason(_reason: str) -> None:
    """For what `assemble` says already."""


def _visible(view: View) -> list[LocatedFact[Database]]:
    seen: dict[str, LocatedFact[Database]] = {}
    for found in view.facts(DATABASE):
        seen.setdefault(view.resolve(found.path) or found.path, found)
    return list(seen.values())


def _states(view: View, found: LocatedFact[Database], report: Report) -> list[tuple[int, tuple[RpmHeader, ...]]]:
    """The packages of each version of a database, bottom layer first, each with the last log that lay over it; the visible one is last."""
    path = f"{found.path}-wal"
    visible = view.fact_at(LOG, path) if path.endswith(_LOG_NAME) else None
    logs = view.versions(LOG, path) if path.endswith(_LOG_NAME) else []
    versions = [old for old in view.versions(DATABASE, found.path) if old.layer < found.layer]
    ends = [*(version.layer for version in versions), found.layer][1:]
    states = []
    for old, end in zip(versions, ends, strict=True):
        over = [log for log in logs if old.layer <= log.layer < end]
        states.append((old.layer, _with_log(old.fact, over[-1].fact if over else None, _ignore_reason)))
    if visible is not None and visible.layer > found.layer:
        states.append((found.layer, found.fact.headers))
    top = max(found.layer, visible.layer if visible is not None else 0)
    return [*states, (top, _with_log(found.fact, visible.fact if visible is not None else None, report))]


def _with_log(database: Database, log: Log | None, report: Report) -> tuple[RpmHeader, ...]:
    if log is None or not log.is_read:
        return database.headers
    from hullmark.catalog.systems.rpmdb.overlay import lay_over  # hardly any database has a log

    rows = dict(zip(database.numbers, database.headers, strict=False))
    return tuple(header for _, header in sorted(lay_over(rows, database.outline, log, report).items(), key=_number))


def _number(row: tuple[int, RpmHeader]) -> int:
    return row[0]


def _tell_gaps(view: View, found: LocatedFact[Database], databases: Iterable[LocatedFact[Database]]) -> None:
    folder = found.path.rpartition("/")[0]
    if found.fact.is_empty and not any(
        other.fact.headers and other.path.rpartition("/")[0] == folder for other in databases
    ):
        view.problem(found.path, "the rpm database is empty: no bytes, and no other database beside it")


def _packages(
    path: str,
    headers: tuple[RpmHeader, ...],
    versions: list[tuple[int, tuple[RpmHeader, ...]]],
    top: int,
    distro: Distro | None,
) -> Iterator[Package]:
    layers = _find_first_layers(headers, versions, top)
    for header in headers:
        yield package_of(header, Location("/" + path, layers[_identity(header)]), distro)


_Identity = tuple[str, int | None, str, str, str]


def _identity(header: RpmHeader) -> _Identity:
    return header.name, header.epoch, header.version, header.release, header.arch


def _find_first_layers(
    headers: tuple[RpmHeader, ...], versions: list[tuple[int, tuple[RpmHeader, ...]]], top: int
) -> dict[_Identity, int]:
    """For each package the lowest layer from which on every version of the database has it."""
    layers = {_identity(header): top for header in headers}
    alive = set(layers)
    for layer, older in reversed(versions):
        if layer < top:
            alive &= {_identity(header) for header in older}
            layers.update(dict.fromkeys(alive, layer))
        if not alive:
            break
    return layers


def package_of(header: RpmHeader, location: Location, distro: Distro | None) -> Package:
    """The package that a header describes."""
    notes = {"vendor": header.vendor, "modularity": header.modularity, "sourcerpm": header.source_rpm}
    return Package(
        type="rpm",
        name=header.name,
        version=version_of(header),
        purl=purl_of(header, distro),
        cataloger="rpm",
        arch=header.arch,
        source=_source(header.source_rpm),
        licenses=(header.license,) if header.license else (),
        locations=(location,),
        notes={key: value for key, value in notes.items() if value},
    )


def version_of(header: RpmHeader) -> str:
    """`epoch:version-release`, without an epoch that is 0 (rpm-version(7))."""
    version = "-".join(part for part in (header.version, header.release) if part)
    return (f"{header.epoch}:{version}" if header.epoch else version) if version else UNKNOWN_VERSION


def purl_of(header: RpmHeader, distro: Distro | None) -> str:
    system = distro.id if distro else ""
    release = f"{system}-{distro.version_id}" if distro and system and distro.version_id else system
    return make_purl(
        "rpm",
        header.name,
        "-".join(part for part in (header.version, header.release) if part),
        namespace="opensuse" if system.startswith("opensuse") else _NAMESPACES.get(system, system),
        qualifiers={
            "arch": header.arch,
            "distro": release,
            "epoch": str(header.epoch) if header.epoch else "",
            "rpmmod": header.modularity,
            "upstream": header.source_rpm,
        },
    )


def _source(source_rpm: str) -> SourcePackage | None:
    """`bash-5.1.8-6.el9.src.rpm` → bash, 5.1.8-6.el9; None for other names."""
    for suffix in _SOURCE_SUFFIXES:
        if source_rpm.endswith(suffix):
            parts = source_rpm.removesuffix(suffix).rsplit("-", 2)
            return SourcePackage(parts[0], "-".join(parts[1:])) if len(parts) == 3 and all(parts) else None
    return None


def list_owned_files(view: View) -> Iterator[OwnedFile]:
    """The files that the packages of every database claim; paths as the packages have them, links not followed."""
    left: int = _MAX_PATH_BYTES
    for found in databases(view):
        root = root_of(found.path)
        for header in found.fact.headers:
            if header.files is None:
                continue
            left -= header.files.path_bytes + len(root) * header.files.count
            if left < 0:
                view.problem(found.path, "the rpm database claims too many files; some were left out")
                return
            yield from _make_owned_files(header.files, root, purl_of(header, view.distro))


def root_of(path: str) -> str:
    """The root folder of the system that a database describes: "" or a path with a slash at its end."""
    folder = path.rpartition("/")[0] + "/"
    for known in _FOLDERS:
        if folder.endswith("/" + known):
            return folder.removesuffix(known)
    return ""


def _make_owned_files(files: RpmFiles, root: str, owner: str) -> Iterator[OwnedFile]:
    algorithm, length = _ALGORITHMS.get(files.algorithm, ("", -1))
    for file in list_files(files):
        path = file.path.lstrip(b"/")
        if path:
            has_digest = len(file.digest) == length and file.state not in (_REPLACED, _WRONG_COLOR)
            yield OwnedFile(
                path=root + path.decode("utf-8", "backslashreplace"),
                owner=owner,
                algorithm=algorithm if has_digest else "",
                digest=file.digest.decode("ascii", "replace").lower() if has_digest else "",
                config=bool(file.flags & _CONFIG),
                ghost=_need_not_be(file),
                kind=_KINDS.get(file.mode & _TYPE_BITS, ""),
                link=file.link.decode("utf-8", "backslashreplace"),
            )


def _need_not_be(file: RpmFile) -> bool:
    """Ghosts, what may be missing, and what rpm itself left out (documentation, shared folders)."""
    return bool(file.flags & _NEED_NOT_BE) or file.state in (_NOT_INSTALLED, _NET_SHARED)


CATALOGER = Cataloger(
    name="rpm", types=("rpm",), reads=(DATABASE, LOG, MANIFEST), assemble=assemble, owned=list_owned_files, system=True
)
