"""Distribution Perl distributions: cpanm's and cpm's records .meta/NAME-VERSION/install.json, perllocal.pod, and .packlist files.

Follows cpanm's App::cpanminus::script, ExtUtils::Install and ExtUtils::Packlist. A packlist has no version; the others have one.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.documents import json_object, text_of
from hullmark.catalog.view import View
from hullmark.model.late import late
from hullmark.model.limit import Limit
from hullmark.model.package import UNKNOWN_VERSION, Location, OwnedFile, Package
from hullmark.model.purl import make_purl
from hullmark.rootfs.reads import MIB, LocatedFact, Read, Remark, Report

NAME = "perl"
_MAX_ENTRIES = Limit(100_000, "entries of one perllocal.pod")
_ARCHIVE = late(
    r"(?:(?:authors/id/)?[A-Z]/[A-Z0-9-]{2}/([A-Z][A-Z0-9-]{0,31})/)?(?:[^/]{1,64}/){0,4}"
    r"([^/]{1,200}?)(?:\.tar\.(?:gz|bz2|xz)|\.tgz|\.zip)?"
).fullmatch
_DIST = late(r"([A-Za-z][A-Za-z0-9_+-]{0,127}?)-(v?\d[0-9A-Za-z._]{0,63}(?:-TRIAL)?)").fullmatch
is_name = late(r"(?:[A-Z][A-Z0-9-]{0,31}/)?[A-Za-z][A-Za-z0-9_+-]{0,127}").fullmatch
is_version = late(r"v?[0-9][0-9A-Za-z._]{0,63}(?:-TRIAL)?").fullmatch
_LOCAL = late(r"^=head2 [^\n]{0,128}: C<Module> L<([A-Za-z0-9_:]{1,128})\|", 8).finditer  # MULTILINE
_LOCAL_VERSION = late(r"C<VERSION: ([^>\n]{1,64})>").search
_PACKLIST = late(r"(?:.*/)?auto/([A-Za-z0-9_/]{1,255})/\.packlist").fullmatch
_ATTRIBUTES = late(r" (?:type|from)=").search


class Distribution(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A distribution: its author on CPAN and a slash, if known, and its name with hyphens."""

    name: str
    version: str


def of_path(path: str) -> tuple[str, str]:
    """`AUTHOR/Name` and version from the path of an archive on CPAN; empty where it tells none."""
    archive = _ARCHIVE(path)
    dist = _DIST(archive[2]) if archive else None
    if archive is None or dist is None:
        return "", ""
    return (f"{archive[1]}/{dist[1]}" if archive[1] else dist[1]), dist[2]


def split_name(name: str) -> tuple[str, str]:
    """A distribution is known by author and name, a module without author by its name with colons (purl type definition of cpan)."""
    author, _, own = name.rpartition("/")
    return (author, own) if author else ("", own.replace("-", "::"))


def extract_meta(path: str, body: memoryview, report: Report) -> Distribution | None:
    """cpanm's record of what it installed."""
    found = json_object(body, report)
    if found is None:
        return None
    place, dist = found.get("pathname"), found.get("dist")
    name, version = of_path(place) if isinstance(place, str) else ("", "")
    if not name and isinstance(dist, str):
        name, version = of_path(dist)
    if not name:
        report("the record of an installed Perl distribution does not tell its name and version")
        return None
    return Distribution(name, version if is_version(version) else "")


def extract_local(path: str, body: memoryview, report: Report) -> tuple[Distribution, ...] | None:
    """The entries of perllocal.pod, in which a later one of the same module counts."""
    text = text_of(body)
    starts = list(_LOCAL(text))
    if len(starts) > _MAX_ENTRIES:
        report(f"it has more than {_MAX_ENTRIES:,} entries; the rest was not read")
    found: dict[str, Distribution] = {}
    for at, start in enumerate(starts[:_MAX_ENTRIES]):
        end = starts[at + 1].start() if at + 1 < len(starts) else len(text)
        version = _LOCAL_VERSION(text, start.end(), end)
        name = start[1].replace("::", "-")
        if is_name(name):
            sound = version[1] if version and is_version(version[1]) else ""
            found[name] = Distribution(name, sound)
    return tuple(found.values()) or None


def extract_packlist(path: str, body: memoryview, report: Report) -> bytes | None:
    """The list of files, kept as it is."""
    return bytes(body) or None


META = Read(
    name="perl-install-json", fact=Distribution, globs=("**/.meta/*/install.json",), extract=extract_meta, limit=4 * MIB
)
LOCAL = Read(
    name="perl-local-pod",
    fact=tuple[Distribution, ...],
    globs=("**/perllocal.pod",),
    extract=extract_local,
    limit=16 * MIB,
)
PACKLIST = Read(name="perl-packlist", fact=bytes, globs=("**/.packlist",), extract=extract_packlist, limit=16 * MIB)


def _purl(distribution: Distribution) -> str:
    namespace, name = split_name(distribution.name)
    return make_purl("cpan", name, distribution.version, namespace=namespace)


def _all(view: View) -> Iterator[tuple[Distribution, Location]]:
    """Distributions from cpanm's records first, then from perllocal.pod, then from packlists, which do not tell the version."""
    known: set[str] = set()
    for found in view.facts(META):
        known.add(_own(found.fact))
        yield found.fact, Location(f"/{found.path}", found.layer)
    for local in view.facts(LOCAL):
        for distribution in local.fact:
            if _own(distribution) not in known:
                known.add(_own(distribution))
                yield distribution, Location(f"/{local.path}", local.layer)
    for listing in view.facts(PACKLIST):
        name = _of_packlist(listing)
        if name and name not in known:
            yield Distribution(name, ""), Location(f"/{listing.path}", listing.layer)


def _own(distribution: Distribution) -> str:
    return distribution.name.rpartition("/")[2]


def _of_packlist(found: LocatedFact[bytes]) -> str:
    """The distribution's name in the path of a packlist; "" for Perl's own, which names no module."""
    place = _PACKLIST(found.path)
    name = place[1].replace("/", "-") if place else ""
    return name if is_name(name) else ""


def assemble(view: View) -> Iterator[Package]:
    """One package a distribution."""
    for distribution, at in _all(view):
        if not distribution.version:
            view.problem(
                at.path[1:],
                Remark(f"the version of the Perl distribution {_own(distribution)} is not known", "unidentified"),
            )
        yield Package(
            type="cpan",
            name=_own(distribution),
            version=distribution.version or UNKNOWN_VERSION,
            purl=_purl(distribution),
            cataloger=NAME,
            locations=(at,),
        )


def list_owned_files(view: View) -> Iterator[OwnedFile]:
    """The files on the packlists of what is known."""
    purls = {_own(distribution): _purl(distribution) for distribution, _ in _all(view)}
    for found in view.facts(PACKLIST):
        owner = purls.get(_of_packlist(found))
        for line in found.fact.decode("utf-8", "surrogateescape").split("\n") if owner else ():
            path = line.strip()
            attributes = _ATTRIBUTES(path)
            path = path[: attributes.start()] if attributes else path
            if path.startswith("/") and owner and "\0" not in path and path.strip("/"):
                yield OwnedFile(path.lstrip("/"), owner)


CATALOGER = Cataloger(
    name=NAME, types=("cpan",), reads=(META, LOCAL, PACKLIST), assemble=assemble, owned=list_owned_files
)
