"""Installed R packages: DESCRIPTION in each package's folder (Writing R Extensions, "The DESCRIPTION file")."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.documents import text_of
from hullmark.catalog.view import View
from hullmark.model.late import late
from hullmark.model.limit import Limit
from hullmark.model.package import UNKNOWN_VERSION, Location, Package
from hullmark.model.purl import make_purl
from hullmark.rootfs.reads import MIB, Read, Report

_MAX_TEXT = Limit(4096, "characters of the licence of an R package", "shortened")
is_name = late(r"[A-Za-z][A-Za-z0-9.]{0,127}").fullmatch
is_version = late(r"[0-9]{1,9}(?:[.-][0-9]{1,9}){0,12}").fullmatch
_FIELD = late(r"([A-Za-z][A-Za-z0-9/@_-]*)[ \t]*:(.*)").fullmatch
_WANTED = frozenset(("Built", "Package", "Version", "License", "URL", "Repository"))
_FILE = late(r"\s*[+|]\s*file\s+LICEN[CS]E\s*$|^\s*file\s+LICEN[CS]E\s*(?:\||$)")
_AT_LEAST = late(r"^(A?GPL|LGPL|[A-Z]+) \(>= ?(\d(?:\.\d)*)\)$")


class Description(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a DESCRIPTION says."""

    name: str
    version: str
    licenses: tuple[str, ...] = ()
    homepage: str = ""
    repository: str = ""


def _fields(text: str) -> dict[str, str]:
    """The wanted fields of the first paragraph; lines that begin with a blank go on."""
    fields: dict[str, list[str]] = {}
    key = ""
    for line in text.splitlines():
        if line[:1] in (" ", "\t"):
            if key:
                fields[key].append(line.strip())
            continue
        field = _FIELD(line)
        if field is None and not line.strip():
            break
        key = field[1] if field and field[1] in _WANTED and field[1] not in fields else ""
        if field and key:
            fields[key] = [field[2].strip()]
    return {key: " ".join(lines) for key, lines in fields.items()}


def _licences(text: str) -> tuple[str, ...]:
    """`MIT + file LICENSE` is MIT, `GPL (>= 2)` is GPL-2+; what stands between bars are choices."""
    names = (part.strip() for part in _FILE.sub("", text[:_MAX_TEXT]).split("|"))
    return tuple(dict.fromkeys(_AT_LEAST.sub(r"\1-\2+", name)[:512] for name in names if name))


def extract(path: str, body: memoryview, report: Report) -> Description | None:
    """Take the fields. A file without `Package` is none of R's: other programs have files of this name."""
    fields = _fields(text_of(body))
    name, version = fields.get("Package", ""), fields.get("Version", "")
    if not name or ("License" not in fields and not version):
        return None
    if not is_name(name):
        if "Built" in fields:  # R writes it when it installs a package; templates have none
            report("the description of an R package has a name that is not allowed")
        return None
    if not is_version(version):
        report(f"the description of the R package {name} has no version that can be used")
        version = ""
    return Description(
        name,
        version,
        _licences(fields.get("License", "")),
        fields.get("URL", "")[:1024],
        fields.get("Repository", "")[:128],
    )


DESCRIPTION = Read(name="r-description", fact=Description, globs=("**/DESCRIPTION",), extract=extract, limit=4 * MIB)


def assemble(view: View) -> Iterator[Package]:
    """One package a description. Templates and examples inside a package do not count."""
    for found in view.facts(DESCRIPTION):
        fact = found.fact
        notes = {"homepage": fact.homepage, "repository": fact.repository}
        yield Package(
            type="cran",
            name=fact.name,
            version=fact.version or UNKNOWN_VERSION,
            purl=make_purl("cran", fact.name, fact.version),
            cataloger="r",
            licenses=fact.licenses,
            locations=(Location(f"/{found.path}", found.layer),),
            notes={key: value for key, value in notes.items() if value},
        )


CATALOGER = Cataloger(name="r", types=("cran",), reads=(DESCRIPTION,), assemble=assemble)
