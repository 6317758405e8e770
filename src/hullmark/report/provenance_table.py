"""Why something is in an image, as text for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hullmark.model.correction import CORRECTED
from hullmark.model.jar import IDENTIFIED
from hullmark.model.licence_evidence import LicenceEvidence
from hullmark.model.licences.conclusions import conclusion
from hullmark.model.licences.expressions import expression_of, in_spdx_terms
from hullmark.model.limit import Limit
from hullmark.model.match import Match
from hullmark.model.package import UNKNOWN_VERSION, Package, is_file
from hullmark.model.provenance import FileProvenance, FileVersion, PackageProvenance, Place, Provenance
from hullmark.model.purl import unquote
from hullmark.model.relation import Relation
from hullmark.report.documents import known_version
from hullmark.report.format import Format, RenderContext
from hullmark.report.matches_words import counting, fixed_in
from hullmark.report.terminal import Paint, fact, fold, problem_lines, safe

_MAX_NAMED = Limit(
    12, "packages that need another one, or that it needs, in a table; the others are counted", "shortened"
)
_MAX_PLACES = Limit(5, "places of one package in a table; the others are counted", "shortened")
_MAX_MATCHES = Limit(20, "vulnerabilities of one package in a table; the others are counted", "shortened")


def render(provenance: Provenance, context: RenderContext) -> bytes:
    """The file first, if one was asked for, then a block for each package."""
    paint, width = Paint(context.color), context.width
    lines: list[str] = []
    if provenance.file is not None:
        lines += _file_lines(provenance.file, paint, width)
    for found in provenance.packages:
        lines += [*([""] if lines else []), *_package_lines(found, paint, width)]
    if provenance.problems:
        lines += ["", *problem_lines(provenance.problems, width, paint)]
    return ("\n".join(lines) + "\n").encode()


def _file_lines(found: FileProvenance, paint: Paint, width: int) -> Iterator[str]:
    yield fact("File", found.path, paint, width)
    if found.real != found.path:
        yield fact("Leads to", found.real, paint, width)
    for version in reversed(found.versions):
        yield fact("Hidden" if version.file.state == "ghost" else "Brought", _version(version), paint, width)
    last = found.versions[-1].file
    yield fact("State", last.state, paint, width)
    yield fact("Owner", last.owner or "no package", paint, width)
    if found.packages:
        yield fact("Record of", _list(found.packages), paint, width)


def _version(version: FileVersion) -> str:
    file = version.file
    parts = [
        _format_layer(version.place) or "not in any layer",
        f"{file.size:,} bytes" if file.type == "file" else file.type,
    ]
    parts += [f"sha256 {file.sha256}"] if file.sha256 else []
    return ", ".join(parts)


def _package_lines(found: PackageProvenance, paint: Paint, width: int) -> Iterator[str]:
    package = found.package
    version = known_version(package) or UNKNOWN_VERSION.lower()
    yield fact("Package", f"{package.name} {version} ({package.type})", paint, width)
    if package.purl:
        yield fact("Purl", package.purl, paint, width)
    for name, note in (("Corrected", CORRECTED), ("Known", IDENTIFIED)):
        if note in package.notes:
            yield fact(name, f"by {package.notes[note]}", paint, width)
    yield from _claim_lines(package, paint, width)
    for place in found.places[:_MAX_PLACES]:
        yield fact("At", ", ".join(filter(None, (place.path, _format_layer(place)))), paint, width)
    if len(found.places) > _MAX_PLACES:
        yield from fold(f"and {len(found.places) - _MAX_PLACES:,} more places, all of them in the JSON", width, "  ")
    yield fact("Owner", package.owned_by or "no package of the system", paint, width)
    yield fact("Why", _why(found), paint, width)
    if found.needed_by is not None and found.needs is not None:
        yield fact("Needed by", _format_relations(found.needed_by, is_dependent=True), paint, width)
        yield fact("Needs", _format_relations(found.needs, is_dependent=False), paint, width)
    yield fact("Licences", _licences(package), paint, width)
    if expression := conclusion(package):
        yield fact("Concluded", expression, paint, width)
    for evidence in package.license_evidence[:_MAX_PLACES]:
        yield fact("Told by", _describe_evidence(evidence), paint, width)
    yield from _match_lines(found.matches, paint, width)


def _claim_lines(package: Package, paint: Paint, width: int) -> Iterator[str]:
    """That no record of what is installed has it."""
    if is_file(package):
        yield fact("Installed", "no: it lies there as a package file, whose content is not read", paint, width)
    elif "claimed" in package.notes:
        yield fact("Claimed", "by a document: no record of an installation has it", paint, width)


def _licences(package: Package) -> str:
    """One SPDX expression; one by one, those that tell none as they are written, where not all tell one."""
    return expression_of(package.licenses) or ", ".join(in_spdx_terms(package.licenses)) or "not stated"


def _describe_evidence(evidence: LicenceEvidence) -> str:
    """What tells a licence: a field of a record, or the text of a file."""
    if evidence.kind == "declared":
        return f"{evidence.field} in {evidence.path}: {evidence.license}"
    lines = f", lines {evidence.first_line} to {evidence.last_line}" if evidence.first_line else ""
    share = f", {evidence.share} % of its text" if evidence.share else ""
    return f"{evidence.path}{lines}: {evidence.license}{share}"


def _why(found: PackageProvenance) -> str:
    if len(found.chain) > 1:
        return " -> ".join(_short(purl) for purl in found.chain)
    if found.needed_by is None:
        return "the source does not tell which packages need which"
    return "no other package needs it: it was put there for itself"


def _format_layer(place: Place) -> str:
    if place.layer < 0:
        return ""
    digest = place.digest[:19] + ("…" if len(place.digest) > 19 else "")
    return ", ".join(filter(None, (f"layer {place.layer} {digest}".rstrip(), place.instruction)))


def _format_relations(relations: Iterable[Relation], *, is_dependent: bool) -> str:
    names = []
    for relation in relations:
        name = _short(relation.dependent if is_dependent else relation.dependency)
        names.append(name if relation.kind == "depends-on" else f"{name} ({relation.kind})")
    return _list(names)


def _list(names: Iterable[str]) -> str:
    found = list(names)
    more = f" and {len(found) - _MAX_NAMED:,} more" if len(found) > _MAX_NAMED else ""
    return (", ".join(found[:_MAX_NAMED]) or "nothing") + more


def _short(purl: str) -> str:
    """`openssl@3.0.11` for a package URL: a chain has room for no more."""
    name = purl.partition("?")[0].partition("#")[0].removeprefix("pkg:").partition("/")[2]
    if purl.startswith(("pkg:deb/", "pkg:rpm/", "pkg:apk/")):
        name = name.rpartition("/")[2]
    return unquote(name) or purl


def _match_lines(matches: tuple[Match, ...] | None, paint: Paint, width: int) -> Iterator[str]:
    if matches is None:
        yield fact("Matches", "not known: there are no advisories", paint, width)
        return
    shown = counting(matches)
    aside = f", {len(matches) - len(shown)} set aside" if len(matches) > len(shown) else ""
    yield fact("Matches", f"{len(shown) or 'none'}{aside}", paint, width)
    for match in shown[:_MAX_MATCHES]:
        fix = f"fixed in {match.fix.version}" if match.fix.version else fixed_in(match.fix)
        said = ", ".join(filter(None, (match.advisory.cve or match.advisory.id, match.advisory.severity, fix)))
        yield from fold(safe(f"{said}: {match.why}"), width, "  ")
    if len(shown) > _MAX_MATCHES:
        yield from fold(f"and {len(shown) - _MAX_MATCHES:,} more, all of them in the JSON", width, "  ")


FORMAT = Format(
    kind="provenance", name="table", media_type="text/plain; charset=utf-8", file_name="provenance.txt", render=render
)
