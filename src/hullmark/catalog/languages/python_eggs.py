"""Zipped eggs of Python: NAME-VERSION.egg with EGG-INFO/PKG-INFO (setuptools' documentation, "The Internal Structure of Python Eggs")."""

from __future__ import annotations

from collections.abc import Iterator

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.languages.java_archive import DamagedArchive, list_members, packed_bytes, read_directory, unpack
from hullmark.catalog.languages.python_metadata import Metadata, extract_metadata
from hullmark.catalog.late import late
from hullmark.catalog.view import View
from hullmark.model.limit import Limit
from hullmark.model.package import UNKNOWN_VERSION, Location, Package
from hullmark.model.purl import make_purl
from hullmark.rootfs.reads import MIB, Read, Report

NAME = "python-eggs"
_MAX_METADATA = Limit(8 * MIB, "bytes of the metadata in a zipped egg of Python")
_MEMBER = "EGG-INFO/PKG-INFO"
_SEPARATORS = late(r"[-_.]+")


def extract(path: str, body: memoryview, report: Report) -> Metadata | None:
    """The metadata of the egg."""
    try:
        directory = read_directory(body)
        members, _ = list_members(directory, frozenset((_MEMBER[-4:].encode(),)))
        member = next((each for each in members if each.name == _MEMBER), None)
        if member is None:
            report("the egg has no EGG-INFO/PKG-INFO")
            return None
        if member.size > _MAX_METADATA:
            report(f"its metadata have more than {_MAX_METADATA:,} bytes")
            return None
        return extract_metadata(path, unpack(packed_bytes(body, directory, member), member), report)
    except DamagedArchive as reason:
        report(f"the egg {reason}")
        return None


EGG = Read(name="python-egg", fact=Metadata, globs=("**/*.egg",), extract=extract, limit=64 * MIB)


def assemble(view: View) -> Iterator[Package]:
    """One package an egg."""
    for found in view.facts(EGG):
        fact = found.fact
        name = _SEPARATORS.sub("-", fact.name).lower()
        notes = {"name": fact.name if fact.name != name else "", "homepage": fact.homepage, "author": fact.author}
        yield Package(
            type="pypi",
            name=name,
            version=fact.version or UNKNOWN_VERSION,
            purl=make_purl("pypi", name, fact.version),
            cataloger=NAME,
            licenses=fact.licenses or fact.classifiers,
            locations=(Location(f"/{found.path}", found.layer),),
            notes={key: value for key, value in notes.items() if value},
        )


CATALOGER = Cataloger(name=NAME, types=("pypi",), reads=(EGG,), assemble=assemble)
