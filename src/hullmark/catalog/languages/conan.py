"""C and C++ packages of Conan: conaninfo.txt of built ones, and Conan 2's list of its cache (Conan's documentation).

Since Conan 2 the folder of a package has a digest for a name: which packages are there is said by the table `packages` of p/cache.sqlite3.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.declared import DeclaredPackage, Ecosystem, Listing, PackageCollector, package
from hullmark.catalog.documents import text_of
from hullmark.catalog.view import View
from hullmark.model.late import late
from hullmark.model.limit import Limit
from hullmark.model.package import Package
from hullmark.rootfs.reads import MIB, Read, Report

_NAME = "conan"
_WORD = r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,127}"
_IS_NAME = late(_WORD).fullmatch
_IS_VERSION = late(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,127}").fullmatch
# name/version[@user/channel][#revision][%time][:package]
_REFERENCE = late(
    rf"({_WORD})/(\[[^\]]{{1,128}}\]|[^@#:%\s]{{1,255}})(?:@({_WORD})?/?({_WORD})?)?(?:[#:%]\S{{0,512}})?"
).fullmatch
_PLACE = late(
    rf"(?:.*/)?\.conan/data/({_WORD})/({_WORD})/({_WORD})/({_WORD})/package/[0-9a-f]{{1,64}}/conaninfo\.txt"
).fullmatch
_RANGE = "["
_MODE = late(r"[^/]{1,255}/\S{0,255}\b[XYZ](?:\b.*)?").fullmatch
_MAX_ROWS = Limit(100_000, "packages in a cache of Conan")


def collector() -> PackageCollector:
    """For Conan's names and versions."""
    return PackageCollector(_IS_NAME, _IS_VERSION)


def normalise_reference(reference: object) -> str:
    """`name@version` of a reference; without a version where that is a range, "" for what is not a reference."""
    found = _REFERENCE(reference.strip()) if isinstance(reference, str) else None
    if found is None:
        return ""
    return found[1] if found[2].startswith(_RANGE) else f"{found[1]}@{found[2]}"


def gather(reference: object, gathering: PackageCollector, needs: Iterable[str] = ()) -> None:
    """A reference; of a range the version is not known."""
    text = reference[0] if isinstance(reference, list) and reference else reference
    found = _REFERENCE(text.strip()) if isinstance(text, str) else None
    if found is None:
        gathering.refuse(text)
        return
    version = None if found[2].startswith(_RANGE) else found[2]
    qualifiers = (("channel", found[4] or ""), ("user", found[3] or ""))
    gathering.add(
        found[1], version, qualifiers=tuple(pair for pair in qualifiers if pair[1] and pair[1] != "_"), needs=needs
    )


def section(text: str, *names: str) -> Iterator[str]:
    """The lines below a heading `[name]`, without comments."""
    heading = ""
    for line in text.splitlines():
        line = line.split("#", 1)[0].strip() if line.lstrip().startswith("#") else line.strip()
        if line.startswith("[") and line.endswith("]"):
            heading = line[1:-1]
        elif line and heading in names:
            yield line


def extract_info(path: str, body: memoryview, report: Report) -> Listing:
    """All that a built package was made with."""
    gathering = collector()
    text = text_of(body)
    for line in list(section(text, "full_requires")) or list(section(text, "requires")):
        # Since Conan 2 it says only how much of a version matters: first/1.Y.Z.
        if not _MODE(line):
            gather(line, gathering)
    return gathering.finish(report) or ()


def extract_cache(path: str, body: memoryview, report: Report) -> Listing | None:
    """The built packages in the cache, each version once."""
    from hullmark.catalog.systems.rpmdb.sqlite import read_column  # few images have such a cache

    gathering = collector()
    references = read_column(body, "packages", "reference", _MAX_ROWS + 1, report)
    for reference in references[:_MAX_ROWS]:
        gather(reference.decode("utf-8", "replace") if isinstance(reference, bytes) else reference, gathering)
    if len(references) > _MAX_ROWS:
        report(f"the cache of Conan has more than {_MAX_ROWS:,} packages")
    return gathering.finish(report) or None


CACHE: Read[Listing] = Read(
    name="conan-cache", fact=Listing, extract=extract_cache, globs=("**/p/cache.sqlite3",), limit=64 * MIB
)
INFO: Read[Listing] = Read(
    name="conan-info", fact=Listing, extract=extract_info, globs=("**/conaninfo.txt",), limit=4 * MIB
)
_INSTALLED = Ecosystem(type="conan", cataloger=_NAME)


def assemble(view: View) -> Iterator[Package]:
    """The built packages themselves, as their folders name them, and what they were made with."""
    for found in view.facts(INFO):
        place = _PLACE(found.path)
        if place is not None:
            pairs = (("channel", place[4]), ("user", place[3]))
            own = DeclaredPackage(place[1], place[2], (), tuple(pair for pair in pairs if pair[1] != "_"))
            yield package(found, own, _INSTALLED)
        yield from (package(found, entry, _INSTALLED) for entry in found.fact)
    for found in view.facts(CACHE):
        yield from (package(found, entry, _INSTALLED) for entry in found.fact)


CATALOGER = Cataloger(name=_NAME, types=("conan",), reads=(INFO, CACHE), assemble=assemble)
