"""Python's packages in one file: eggs (setuptools' documentation, "The Internal Structure of Python Eggs"), and wheels as they are.

A wheel is NAME-VERSION[-BUILD]-PYTHON-ABI-PLATFORM.whl with NAME-VERSION.dist-info/METADATA (PyPA, "Binary distribution format"). Python
can run both as they are, and `ensurepip` installs from wheels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.languages.java_archive import DamagedArchive, list_members, packed_bytes, read_directory, unpack
from hullmark.catalog.languages.python_metadata import Metadata, extract_metadata
from hullmark.catalog.view import View
from hullmark.model.late import late
from hullmark.model.limit import Limit
from hullmark.model.package import UNKNOWN_VERSION, Location, Package
from hullmark.model.purl import make_purl
from hullmark.rootfs.reads import MIB, Read, Report

NAME = "python-eggs"
_MAX_METADATA = Limit(8 * MIB, "bytes of the metadata in an egg or a wheel of Python")
_IN_EGG = late(r"EGG-INFO/PKG-INFO").fullmatch
_IN_WHEEL = late(r"[^/]+\.dist-info/METADATA").fullmatch
_WHEEL_NAME = late(r"([A-Za-z0-9][\w.]*)-(\d[\w.!+]*)(?:-\d[\w.]*)?(?:-[\w.]+){3}\.whl").fullmatch
_SEPARATORS = late(r"[-_.]+")


def extract(path: str, body: memoryview, report: Report) -> Metadata | None:
    """The metadata of the egg."""
    return _metadata(body, "egg", report)


def extract_wheel(path: str, body: memoryview, report: Report) -> Metadata | None:
    """The metadata of the wheel."""
    return _metadata(body, "wheel", report)


_MEMBERS: dict[str, tuple[bytes, Callable[[str], object]]] = {
    "egg": (b"INFO", _IN_EGG),
    "wheel": (b"DATA", _IN_WHEEL),
}


def _metadata(body: memoryview, kind: str, report: Report) -> Metadata | None:
    end, is_wanted = _MEMBERS[kind]
    try:
        directory = read_directory(body)
        members, _ = list_members(directory, frozenset((end,)))
        member = next((member for member in members if is_wanted(member.name)), None)
        if member is None:
            report(f"the {kind} has no metadata")
            return None
        if member.size > _MAX_METADATA:
            report(f"its metadata have more than {_MAX_METADATA:,} bytes")
            return None
        return extract_metadata(member.name, unpack(packed_bytes(body, directory, member), member), report)
    except DamagedArchive as reason:
        report(f"the {kind} {reason}")
        return None


class _LargeWheel:
    """Wheels of any size tell name and version by their names; these are not unpacked."""

    def __init__(self, size: int) -> None:
        pass

    def write(self, piece: memoryview, /) -> None:
        pass

    def finish(self, report: Report, /) -> Metadata:
        return Metadata("", "")


EGG = Read(name="python-egg", fact=Metadata, globs=("**/*.egg",), extract=extract, limit=64 * MIB)
WHEEL = Read(
    name="python-wheel",
    fact=Metadata,
    globs=("**/*.whl",),
    extract=extract_wheel,
    limit=64 * MIB,
    oversize=_LargeWheel,
)


def assemble(view: View) -> Iterator[Package]:
    """One package an egg or a wheel."""
    for found in (*view.facts(EGG), *view.facts(WHEEL)):
        fact = found.fact
        name, version = fact.name, fact.version
        if not name:
            written = _WHEEL_NAME(found.path.rpartition("/")[2])
            if written is None:
                view.problem(found.path, "the wheel is too large, and has not the name of one: it was not read")
                continue
            name, version = written[1], written[2]
        normal = _SEPARATORS.sub("-", name).lower()
        notes = {"name": name if name != normal else "", "homepage": fact.homepage, "author": fact.author}
        yield Package(
            type="pypi",
            name=normal,
            version=version or UNKNOWN_VERSION,
            purl=make_purl("pypi", normal, version),
            cataloger=NAME,
            licenses=fact.licenses or fact.classifiers,
            locations=(Location(f"/{found.path}", found.layer),),
            notes={key: value for key, value in notes.items() if value},
        )


CATALOGER = Cataloger(name=NAME, types=("pypi",), reads=(EGG, WHEEL), assemble=assemble)
