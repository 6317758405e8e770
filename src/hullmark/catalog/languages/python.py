"""Installed Python distributions: core metadata, RECORD (PEP 376, 627), direct_url.json (PEP 610), setuptools' eggs."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator, Set

import msgspec

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.languages.python_metadata import Metadata, extract_metadata
from hullmark.catalog.licence_text import MAX_TEXT, licences_of_text
from hullmark.catalog.view import View
from hullmark.model.late import late
from hullmark.model.licence_evidence import LicenceEvidence, make_evidence
from hullmark.model.package import UNKNOWN_VERSION, Location, OwnedFile, Package
from hullmark.model.purl import make_purl
from hullmark.rootfs.reads import MIB, LocatedFact, Read, Remark, Report

_SEPARATORS = late(r"[-_.]+")
_LOGIN = late(r"(?<=://)(?!git@)[^/@\s]*@")
_DIGESTS = {"sha256": 32, "sha1": 20, "md5": 16}


class Origin(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Where pip says a distribution was installed from. `commit` and `vcs` are set for a repository."""

    url: str
    vcs: str = ""
    commit: str = ""
    requested_revision: str = ""
    editable: bool = False


class _DirectUrl(msgspec.Struct):
    url: object = None
    vcs_info: object = None
    dir_info: object = None


_DIRECT_URL = msgspec.json.Decoder(_DirectUrl)


def extract_origin(path: str, body: memoryview, report: Report) -> Origin | None:
    """Read direct_url.json; a login in the URL is left out."""
    try:
        raw = _DIRECT_URL.decode(body)
    except (RecursionError, UnicodeDecodeError, msgspec.DecodeError):
        report("direct_url.json cannot be read")
        return None
    vcs = raw.vcs_info if isinstance(raw.vcs_info, dict) else {}
    folder = raw.dir_info if isinstance(raw.dir_info, dict) else {}
    values = (raw.url, vcs.get("vcs"), vcs.get("commit_id"), vcs.get("requested_revision"))
    url, kind, commit, revision = (value[:2048] if isinstance(value, str) else "" for value in values)
    return Origin(_LOGIN.sub("", url), kind, commit, revision, folder.get("editable") is True)


def extract_egg_link(path: str, body: memoryview, report: Report) -> str | None:
    """The folder that holds the project's egg-info, without leading slash."""
    first = bytes(body[:4096]).decode("utf-8", "replace").strip().split("\n", 1)[0].strip()
    if not first.startswith("/") or "\0" in first:
        report("the egg-link names no absolute folder")
        return None
    return _within("", first) or ""


def extract_licence(path: str, body: memoryview, report: Report) -> tuple[str, ...] | None:
    """The well-known licences in a licence file, if any."""
    return licences_of_text(bytes(body[:MAX_TEXT])) or None


def extract_whole(path: str, body: memoryview, report: Report) -> bytes | None:
    """A list of files, kept as it is: it is only read when someone asks for the owners."""
    return bytes(body) or None


METADATA = Read(
    name="python-metadata",
    fact=Metadata,
    globs=(
        "**/*dist-info/METADATA",
        "**/*DIST-INFO/METADATA",
        "**/*egg-info/PKG-INFO",
        "**/*EGG-INFO/PKG-INFO",
        "**/*.egg-info",
    ),
    extract=extract_metadata,
)
DIRECT_URL = Read(
    name="python-direct-url", fact=Origin, globs=("**/*dist-info/direct_url.json",), extract=extract_origin, limit=MIB
)
EGG_LINK = Read(name="python-egg-link", fact=str, globs=("**/*.egg-link",), extract=extract_egg_link, limit=MIB)
LICENCE = Read(
    name="python-licence",
    fact=tuple[str, ...],
    globs=(
        *(
            f"**/*dist-info/{name}{end}"
            for name in ("LICENSE", "LICENCE", "COPYING")
            for end in ("", ".txt", ".md", ".rst")
        ),
        "**/*dist-info/licenses/*",
    ),
    extract=extract_licence,
)
RECORD = Read(
    name="python-record",
    fact=bytes,
    globs=("**/*dist-info/RECORD", "**/*DIST-INFO/RECORD", "**/*egg-info/RECORD"),
    extract=extract_whole,
)
INSTALLED_FILES = Read(
    name="python-installed-files", fact=bytes, globs=("**/*egg-info/installed-files.txt",), extract=extract_whole
)


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _within(folder: str, path: str) -> str | None:
    """`path` as seen from `folder`, both without leading slash; None if it leaves the root or is the root."""
    if path.startswith("/"):
        folder = ""
    elif "./" not in path and "//" not in path and not path.endswith(("/", "/.", "/..")) and path not in (".", ".."):
        return f"{folder}/{path}" if folder else path
    done = folder.split("/") if folder else []
    for part in path.split("/"):
        if part == "..":
            if not done:
                return None
            done.pop()
        elif part not in ("", "."):
            done.append(part)
    return "/".join(done) or None


def _find_linked_folders(view: View) -> set[str]:
    """The project folders that egg-links lead to, as they are in the tree."""
    places = {_parent(_parent(fact.path)) for fact in view.facts(METADATA) if fact.path.endswith("egg-info/PKG-INFO")}
    found: set[str] = set()
    for link in view.facts(EGG_LINK):
        folder = view.resolve(link.fact)
        if folder in places:
            found.add(folder)
        else:
            reason = f"the egg-link leads to /{link.fact}, where no egg-info folder is"
            view.problem(link.path, Remark(reason, "unidentified"))
    return found


def _licence_files(view: View) -> dict[str, tuple[LicenceEvidence, ...]]:
    """For each dist-info folder, the licences recognised in its licence files."""
    found: dict[str, tuple[LicenceEvidence, ...]] = {}
    for fact in view.facts(LICENCE):
        folder = _parent(fact.path)
        folder = folder if folder.endswith("dist-info") else _parent(folder)
        found[folder] = found.get(folder, ()) + make_evidence(
            fact.fact, "License-File", f"/{fact.path}", fact.layer, "found"
        )
    return found


def _licences(found: LocatedFact[Metadata], texts: tuple[LicenceEvidence, ...]) -> tuple[LicenceEvidence, ...]:
    """What the metadata state; else what the licence files' words say, as "BSD License" in a classifier may be one of three; else the
    classifiers."""
    fact, path = found.fact, f"/{found.path}"
    stated = make_evidence(fact.licenses, fact.licence_field, path, found.layer)
    return stated or texts or make_evidence(fact.classifiers, "Classifier", path, found.layer)


def folder_of(path: str) -> str:
    """The record's folder, or the .egg-info file itself."""
    return _parent(path) if path.endswith(("/METADATA", "/PKG-INFO")) else path


def identity(view: View, found: LocatedFact[Metadata]) -> tuple[str, str, Origin | None]:
    """Name as in PEP 503, purl, and origin."""
    direct = view.fact_at(DIRECT_URL, f"{folder_of(found.path)}/direct_url.json")
    origin = direct.fact if direct else None
    name = _SEPARATORS.sub("-", found.fact.name).lower()
    vcs_url = f"{origin.vcs}+{origin.url}@{origin.commit}" if origin and origin.vcs and origin.commit else ""
    return name, make_purl("pypi", name, found.fact.version, qualifiers={"vcs_url": vcs_url}), origin


def is_fixture(path: str) -> bool:
    """Whether a record is test material that a distribution ships among its files: nothing imports it."""
    site = max(path.rfind("/site-packages/"), path.rfind("/dist-packages/"))
    inner = path[site:].split("/")[3:-2] if site >= 0 else []
    return "tests" in inner or "test" in inner


def assemble(view: View) -> Iterator[Package]:
    """One package for each record of an installed distribution; names as PEP 503 has them, the original in the notes."""
    linked = _find_linked_folders(view)
    texts = _licence_files(view)
    for found in view.facts(METADATA):
        if is_fixture(found.path):
            continue
        fact, folder = found.fact, folder_of(found.path)
        name, purl, origin = identity(view, found)
        told = _licences(found, texts.get(folder, ()))
        notes = {
            "name": fact.name if fact.name != name else "",
            "homepage": fact.homepage,
            "author": fact.author,
            "editable": "true" if _parent(folder) in linked or (origin and origin.editable) else "",
            "direct_url": origin.url if origin else "",
            "requested_revision": origin.requested_revision if origin else "",
        }
        yield Package(
            type="pypi",
            name=name,
            version=fact.version or UNKNOWN_VERSION,
            purl=purl,
            cataloger="python",
            licenses=tuple(dict.fromkeys(evidence.license for evidence in told)),
            license_evidence=told,
            locations=(Location(f"/{found.path}", found.layer),),
            notes={key: value for key, value in notes.items() if value},
        )


_ABOVE = "../../"
_NO_NAMES = ("", ".", "..")
"""What a path may end with that is not the name of what it leads to."""


def _row(line: str) -> tuple[str, str] | None:
    """Path and hash of a RECORD line; None for any other line."""
    line = line.removesuffix("\r")
    if '"' not in line:
        parts = line.split(",", 3)
    else:
        import csv  # hardly any line has quotes

        try:
            parts = next(csv.reader([line], strict=True), [])
        except csv.Error:
            return None
    if len(parts) != 3 or not parts[0] or "\0" in parts[0]:
        return None
    return parts[0], parts[1]


def _digest(text: str) -> tuple[str, str]:
    """`sha256=URL-safe base64 without padding` as (algorithm, hex); two empty strings if it cannot be compared."""
    algorithm, _, encoded = text.partition("=")
    size = _DIGESTS.get(algorithm)
    if size is None:
        return "", ""
    padded = encoded.rstrip("=").translate({0x2D: "+", 0x5F: "/"})
    try:
        raw = binascii.a2b_base64(padded + "=" * (-len(padded) % 4), strict_mode=True)
    except ValueError:
        return "", ""
    return (algorithm, raw.hex()) if len(raw) == size else ("", "")


def _list_record_files(view: View, site: str, record: bytes, owner: str) -> Iterator[OwnedFile | None]:
    """The files of a RECORD, relative to the folder that holds the dist-info; None for a line that cannot be used."""
    for line in record.decode("utf-8", "surrogateescape").split("\n"):
        row = _row(line)
        path = _within(site, row[0]) if row else None
        if row and path and row[0].startswith(_ABOVE) and not view.exists(path):
            # `pip install --target` moves programs and data into the target, and leaves the RECORD as it was.
            moved = f"{site}/{row[0].removeprefix(_ABOVE)}"
            path = moved if "/../" not in moved and view.exists(moved) else path
        if row and path and not f"{site}/".startswith(f"{path}/"):
            algorithm, digest = _digest(row[1])
            # Compiled copies come and go with the interpreter.
            yield OwnedFile(path, owner, algorithm, digest, ghost=path.endswith((".pyc", ".pyo")))
        elif line.strip():
            yield None


def _list_installed_files(folder: str, listing: bytes, owner: str) -> Iterator[OwnedFile | None]:
    """The files of installed-files.txt, relative to the egg-info folder."""
    for line in listing.decode("utf-8", "surrogateescape").split("\n"):
        line = line.removesuffix("\r")
        path = _within(folder, line) if line and "\0" not in line else None
        if path and path != folder:
            yield OwnedFile(path, owner, ghost=path.endswith((".pyc", ".pyo")))
        elif line.strip() and not path:
            yield None


def _claims(view: View, folder: str, owner: str) -> tuple[str, Iterator[OwnedFile | None]]:
    """The list's path, and the files on it: of RECORD, or else of installed-files.txt."""
    record = view.fact_at(RECORD, f"{folder}/RECORD")
    if record:
        return record.path, _list_record_files(view, _parent(folder), record.fact, owner)
    listing = view.fact_at(INSTALLED_FILES, f"{folder}/installed-files.txt")
    return (listing.path, _list_installed_files(folder, listing.fact, owner)) if listing else ("", iter(()))


def list_owned_files(view: View) -> Iterator[OwnedFile]:
    """The files that each package's own list claims."""
    for found in view.facts(METADATA):
        path, files = _claims(view, folder_of(found.path), identity(view, found)[1])
        bad = 0
        for file in files:
            if file:
                yield file
            else:
                bad += 1
        if bad:
            view.problem(path, f"lines of the list of installed files that cannot be used: {bad}")


def _last_segment(line: str) -> str:
    """The last segment of a line's path, if the path has no quotation marks."""
    return line.partition(",")[0].rpartition("/")[2]


_LAST_SEGMENTS = late(r"^(?=.)(?:[^,\n]*/)?([^,/\n]*)[^\n]*", re.MULTILINE).findall
"""The same of all lines that are not empty, for a fraction of the time."""


def find_owned_files(view: View, names: Set[str]) -> Iterator[OwnedFile]:
    """Those whose last segment is among the names: an image lists tens of thousands of files, and few have a name that is asked for."""
    wanted = {*names, *_NO_NAMES}
    for found in view.facts(METADATA):
        owner = identity(view, found)[1]
        folder = folder_of(found.path)
        record = view.fact_at(RECORD, f"{folder}/RECORD")
        if record:
            text = record.fact.decode("utf-8", "surrogateescape")
            if '"' not in text and wanted.isdisjoint(_LAST_SEGMENTS(text)):
                continue
            left = (line for line in text.split("\n") if _last_segment(line) in wanted or '"' in line)
            files = _list_record_files(view, _parent(folder), "\n".join(left).encode("utf-8", "surrogateescape"), owner)
        else:
            _, files = _claims(view, folder, owner)
        yield from (file for file in files if file and file.path.rpartition("/")[2] in names)


CATALOGER = Cataloger(
    name="python",
    types=("pypi",),
    reads=(METADATA, DIRECT_URL, EGG_LINK, LICENCE, RECORD, INSTALLED_FILES),
    assemble=assemble,
    owned=list_owned_files,
    named=find_owned_files,
)
