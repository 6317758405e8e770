"""Licence files of packages (LICENSE, COPYING, NOTICE …): they are read where an output shows licences, and recognised by their texts where
what a package declares leaves its licence open.

What they tell is never mixed with what packages declare: rules judge by the latter.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from hullmark.catalog.languages.java_texts import texts_at
from hullmark.catalog.licence_evidence import with_declared
from hullmark.catalog.licences.texts import FoundLicence, licence_of, licences_in
from hullmark.catalog.systems.copyright import NamedText, is_machine_readable, named_texts, open_texts
from hullmark.catalog.view import View
from hullmark.model.licence_evidence import LicenceEvidence
from hullmark.model.licences.conclusions import declared_by
from hullmark.model.licences.expressions import expression_of, spdx_expression
from hullmark.model.limit import Limit
from hullmark.model.package import Package
from hullmark.rootfs.reads import MIB, LocatedFact, NullSink, Read, Report

MAX_TEXT = Limit(
    256 * 1024, "bytes of a licence file in which licences are recognised; larger ones are passed over", "shortened"
)
_MAX_IN_LAYER = Limit(64 * MIB, "bytes of one layer's licence files", "shortened")
_MAX_IN_IMAGE = Limit(128 * MIB, "bytes of an image's licence files", "shortened")
_MAX_EVIDENCE = Limit(200, "places that tell the licences of one package", "shortened")

_NAMES = (
    "LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "License", "Licence", "Copying", "license", "licence", "copying",
    "UNLICENSE", "MIT-LICENSE", "LICENSE-MIT", "LICENSE-APACHE", "LICENSE-BSD", "LICENSE.MIT", "LICENSE.APACHE", "LICENSE.BSD",
    "LICENSE-APACHE2", "LICENSE-2.0", "COPYING.LESSER", "COPYING.LIB", "COPYING3", "BSDL", "GPL", "LGPL",
)  # fmt: skip
_ENDS = ("", ".txt", ".md", ".rst", ".markdown", ".TXT", ".MD")
_COPYRIGHT = "/copyright"


def extract(path: str, body: memoryview, report: Report) -> bytes | None:
    """The text; of a machine-readable copyright file of Debian's what it has for names that do not tell a licence, None without any."""
    data = bytes(body)
    if path.endswith(_COPYRIGHT) and is_machine_readable(data):
        return open_texts(data) or None
    return data


LICENCE_FILES = Read(
    name="licence-files",
    fact=bytes,
    globs=(
        *(f"**/{name}{end}" for name in _NAMES for end in _ENDS),
        "**/*dist-info/licenses/*",
        "**/share/licenses/*/*",
        "**/share/doc/*/copyright",
    ),
    extract=extract,
    limit=MAX_TEXT,
    layer_limit=_MAX_IN_LAYER,
    image_limit=_MAX_IN_IMAGE,
    weigh=len,
    oversize=lambda size: NullSink(),  # it only tells what may be told besides
    sources=("catalog/licence_files",),
    other_names=False,
)


class LicenceFiles:
    """The recognised licence files of an image, by the folders that packages have them in."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._below: dict[str, list[LocatedFact[bytes]]] = {}
        for found in view.facts(LICENCE_FILES):
            self._below.setdefault(_home(found.path), []).append(found)

    def of(self, package: Package) -> Iterator[LicenceEvidence]:
        """What the texts of a package's own files tell, without repeats."""
        return iter(list(dict.fromkeys(self._find_evidence(package)))[:_MAX_EVIDENCE])

    def _find_evidence(self, package: Package) -> Iterator[LicenceEvidence]:
        for location in package.locations:
            path = location.path[1:]
            if package.type == "maven":
                for place, licences in texts_at(self._view, path):
                    yield from _evidence(f"/{place}", location.layer, licences)
                continue
            for folder in _folders(package, path):
                for found in self._below.get(folder, ()):
                    yield from _evidence(f"/{found.path}", found.layer, licences_in(found.fact))
        if package.type == "deb":
            # Packages of one source share a folder of documents by links.
            own = self._view.fact_at(LICENCE_FILES, f"usr/share/doc/{package.name}{_COPYRIGHT}")
            if own is not None:
                yield from _of_copyright(own, declared_by(package))


def _of_copyright(file: LocatedFact[bytes], names: Iterable[str]) -> Iterator[LicenceEvidence]:
    """What a copyright file of Debian's tells: a machine-readable one by the texts of its short names, if those of all names that tell
    no licence are known. Else nothing could be concluded."""
    path, text = f"/{file.path}", file.fact
    if not is_machine_readable(text):
        yield from _evidence(path, file.layer, licences_in(text))
        return
    named = list(named_texts(text))
    if {name for name in names if spdx_expression(name) is None} <= {licence.name for licence in named}:
        told: list[LicenceEvidence] = []
        for licence in named:
            if (found := _of_named(licence, path, file.layer)) is None:
                return
            told.append(found)
        yield from told


def _of_named(named: NamedText, path: str, layer: int) -> LicenceEvidence | None:
    found = licence_of(named.text)
    if found is None:
        return None
    return LicenceEvidence(
        license=found.name,
        kind="found",
        field=named.name,
        path=path,
        layer=layer,
        first_line=named.first,
        last_line=named.first + found.last - 1,
        share=found.share,
    )


def _evidence(path: str, layer: int, found: Iterable[FoundLicence]) -> Iterator[LicenceEvidence]:
    for licence in found:
        yield LicenceEvidence(
            license=licence.name,
            kind="found",
            path=path,
            layer=layer,
            first_line=licence.first,
            last_line=licence.last,
            share=licence.share,
        )


def _home(path: str) -> str:
    """The folder of a package that a licence file is in: its own, but for those in a folder of the package's record."""
    folder = path.rpartition("/")[0]
    head, info, _ = folder.partition(".dist-info/")
    return f"{head}.dist-info" if info else folder


def _folders(package: Package, path: str) -> Iterator[str]:
    """The folders that hold a package's own files, by its type and the path of its record."""
    folder = path.rpartition("/")[0]
    if package.type in _BESIDE:
        yield folder
    elif package.type == "gem":
        root, is_installed, name = path.rpartition("/specifications/")
        if is_installed:
            yield f"{root}/gems/{name.removeprefix('default/').removesuffix('.gemspec')}"
    elif package.type == "composer":
        yield f"{folder.removesuffix('/composer')}/{package.name}"
    elif package.type in ("hex", "otp"):
        yield folder.rpartition("/")[0]
    elif package.type == "luarocks":
        yield from (folder, f"{folder}/doc")
    elif package.type in ("rpm", "apk", "alpm"):
        yield f"usr/share/licenses/{package.name}"


_BESIDE = frozenset(("pypi", "npm", "cran", "wordpress-plugin", "nuget", "conan"))
"""Types of which the record lies in the package's own folder."""


def with_evidence(packages: Iterable[Package], view: View) -> tuple[Package, ...]:
    """The packages, with where they declare their licences, and what their licence files tell of those that leave them open."""
    files = LicenceFiles(view)
    return tuple(_with(with_declared(package), files) for package in packages)


def _with(package: Package, files: LicenceFiles) -> Package:
    found = () if expression_of(declared_by(package)) else tuple(files.of(package))
    if not found:
        return package
    told = tuple(dict.fromkeys(package.license_evidence + found))[: 2 * _MAX_EVIDENCE]
    return msgspec.structs.replace(package, license_evidence=told)
