"""Carton's cpanfile.snapshot (Carton::Snapshot): the distributions that a Perl project uses."""

from __future__ import annotations

from collections.abc import Iterator

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.declared import Ecosystem, Listing, PackageCollector, packages
from hullmark.catalog.documents import text_of
from hullmark.catalog.languages.perl import is_name, is_version, of_path, split_name
from hullmark.catalog.view import View
from hullmark.model.package import Package
from hullmark.rootfs.reads import MIB, Read, Report

_NAME = "perl-lock"


def extract(path: str, body: memoryview, report: Report) -> Listing | None:
    """Each distribution by the path of its archive on CPAN, which names its author."""
    text = text_of(body)
    if "DISTRIBUTIONS" not in text[:4096]:
        report("it is not a snapshot of Carton's")
        return None
    gathering = PackageCollector(is_name, is_version)
    current, part = ("", ""), ""
    provided: dict[str, str] = {}
    required: list[tuple[tuple[str, str], str]] = []
    for line in text.splitlines():
        word, *rest = line.split() or [""]
        if word in ("pathname:", "provides:", "requirements:"):
            part = word
            if part == "pathname:":
                current = _distribution(" ".join(rest), gathering)
        elif word and current[0] and part == "provides:":
            provided[word] = f"{current[0]}@{current[1]}" if current[1] else current[0]
        elif word and current[0] and part == "requirements:":
            required.append((current, word))
    for (name, version), module in required:
        if module in provided:
            gathering.need(name, version, (provided[module],))
    return gathering.finish(report)


def _distribution(path: str, gathering: PackageCollector) -> tuple[str, str]:
    name, version = of_path(path)
    if name:
        gathering.add(name, version or None)
    else:
        gathering.refuse(path)
    return name, version


CPAN = Ecosystem(type="cpan", cataloger=_NAME, parted=split_name)


def assemble(view: View) -> Iterator[Package]:
    """What the snapshots name."""
    return packages(view, (SNAPSHOT,), CPAN)


SNAPSHOT: Read[Listing] = Read(
    name="perl-cpanfile-snapshot", fact=Listing, extract=extract, globs=("**/cpanfile.snapshot",), limit=16 * MIB
)
CATALOGER = Cataloger(name=_NAME, types=("cpan",), reads=(SNAPSHOT,), assemble=assemble)
