"""Software without a package: programs by what stands in their bytes, and by the note of their package.

A classifier speaks where nothing better does: build information of Go and the release file of a Java runtime go before it, and what the
system's package of the same product owns is not listed a second time.
"""

from __future__ import annotations

from collections.abc import Iterator

from hullmark.catalog.binaries.classifier import Classifier
from hullmark.catalog.binaries.go_version import VERSIONS, toolchains
from hullmark.catalog.binaries.package_notes import read_package_notes
from hullmark.catalog.binaries.programs import PROGRAMS
from hullmark.catalog.binaries.search import ProgramSearch
from hullmark.catalog.binaries.table import BY_KEY, find_by_path, globs
from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.programs.golang import READ as GO_PROGRAMS
from hullmark.catalog.programs.golang import main_of
from hullmark.catalog.programs.jvm import RELEASES
from hullmark.catalog.view import View
from hullmark.model.package import Location, Package
from hullmark.model.purl import make_purl
from hullmark.rootfs.reads import Read, Report

NAME = "binaries"
_UNTAGGED = "v0.0.0-"
_RUNTIME_FOLDERS = 4  # folders from a Java launcher up to the runtime's: jre/bin, lib/amd64/jli

Versions = tuple[tuple[str, str], ...]
"""Keys of classifiers with the version that each found."""


def _nothing(path: str, body: memoryview, report: Report) -> None:
    """An empty file is not a program."""
    return


CLASSIFIED: Read[Versions] = Read(
    name="classified",
    fact=Versions,
    extract=_nothing,
    globs=globs(),
    limit=0,
    oversize_at=lambda path, size: ProgramSearch(find_by_path(path), path.rpartition("/")[2], size),
    other_names=False,
)


def assemble(view: View) -> Iterator[Package]:
    """One package for each product that a program is."""
    for found in view.facts(CLASSIFIED):
        at = Location(f"/{found.path}", found.layer)
        if not _is_told_by_go(view, found.path):
            for key, version in found.fact:
                classifier = BY_KEY.get(key)
                if classifier is not None and not (_is_java(classifier) and _has_release(view, found.path)):
                    yield _package(classifier, version, at)
    for toolchain in toolchains(view):
        yield _package(BY_KEY["go"], toolchain.fact, Location(f"/{toolchain.path}", toolchain.layer))


def _package(classifier: Classifier, version: str, at: Location) -> Package:
    type, _, path = classifier.purl.removeprefix("pkg:").partition("/")
    namespace, _, name = path.rpartition("/")
    return Package(
        type=type,
        name=classifier.name,
        version=version,
        purl=make_purl(type, name, version, namespace=namespace),
        cataloger=NAME,
        locations=(at,),
        notes={"classifier": classifier.key, "cpes": " ".join(f"a:{cpe}" for cpe in classifier.cpes)},
    )


def _is_told_by_go(view: View, path: str) -> bool:
    """Whether build information of Go says which release this is; a commit alone says less than a classifier."""
    built = view.fact_at(GO_PROGRAMS, path)
    version = main_of(built.fact)[1] if built is not None else ""
    return bool(version) and not version.startswith(_UNTAGGED)


def _is_java(classifier: Classifier) -> bool:
    return classifier.family.startswith("java-")


def _has_release(view: View, path: str) -> bool:
    """Whether a runtime's release file stands above a launcher."""
    folder = path
    for _ in range(_RUNTIME_FOLDERS):
        folder = folder.rpartition("/")[0]
        if view.fact_at(RELEASES, f"{folder}/release".lstrip("/")) is not None:
            return True
        if not folder:
            break
    return False


def repeats(package: Package, owner: Package) -> bool:
    """Whether the owner is the same product: its name or that of its source has the product's name in it."""
    classifier = BY_KEY.get(package.notes.get("classifier", ""))
    words = (package.name.rpartition("/")[2], *(classifier.aliases if classifier is not None else ()))
    names = (owner.name.lower(), owner.source.name.lower() if owner.source is not None else "")
    return any(word.lower() in name for word in words for name in names)


def list_companion_paths(package: Package) -> Iterator[str]:
    """Files and folders (no slash at either end) that are a classified product's, beside its program."""
    classifier = BY_KEY.get(package.notes.get("classifier", ""))
    if package.cataloger != NAME or classifier is None:
        return
    minor = ".".join(package.version.split(".")[:2])
    for location in package.locations:
        folder, _, base = location.path.strip("/").rpartition("/")
        if base == "VERSION":
            yield from (f"{folder}/{name}".lstrip("/") for name in ("bin", "pkg"))
        for beside in classifier.brings:
            place = beside.format(minor=minor)
            if place.startswith("../"):
                place, above = place.removeprefix("../"), folder.rpartition("/")[0]
            else:
                above = folder
            yield f"{above}/{place}".lstrip("/")


CATALOGERS = (
    Cataloger(
        name=NAME,
        types=tuple(sorted({classifier.purl.removeprefix("pkg:").partition("/")[0] for classifier in BY_KEY.values()})),
        reads=(CLASSIFIED, VERSIONS, GO_PROGRAMS, RELEASES),
        assemble=assemble,
        repeats=repeats,
    ),
    Cataloger(
        name="elf-notes",
        types=("alpm", "apk", "deb", "generic", "rpm"),
        reads=(PROGRAMS,),
        assemble=read_package_notes,
        repeats=repeats,
    ),
)
