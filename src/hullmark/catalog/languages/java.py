"""Java archives: jar, war, ear and their kin, with all that is packed into them.

Follows the JAR file specification and Maven's archive descriptor (META-INF/maven/GROUP/ARTIFACT/pom.properties).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.languages import java_names as names
from hullmark.catalog.languages.java_metadata import Pom, pom_of_project, pom_of_properties, requires_of_project
from hullmark.catalog.languages.java_reading import JAVA_ONLY, MAX_PROPERTIES, OTHERS_TOO, JarFact, read_tree
from hullmark.catalog.view import View
from hullmark.model.jar import SHA1
from hullmark.model.late import late
from hullmark.model.licence_evidence import make_evidence
from hullmark.model.limit import Limit
from hullmark.model.package import UNKNOWN_VERSION, Location, Package
from hullmark.model.purl import make_purl
from hullmark.model.supplier import SUPPLIER, agent
from hullmark.rootfs.reads import MIB, NullSink, Read, Remark, Report

_PLUGIN_GROUPS = (names.JENKINS_GROUP, "io.jenkins.plugins")
_REPOSITORIES = ("/maven-repo/", "/.m2/repository/")
_MAX_REPOSITORY_POM = Limit(
    2 * MIB, "bytes of a pom in a Maven repository, which tells only what an archive needs", "shortened"
)
_NO_LICENCE = ("<<EXTERNAL>>", "")
_INSTALLED = late(r"/META-INF/maven/[^/]+/[^/]+$").search


def extract(path: str, body: memoryview, report: Report) -> JarFact | None:
    """The archive and all that are in it, read to the depth and sizes that `java_reading` allows."""
    return read_tree(body, path, report)


def extract_digests(path: str, body: memoryview, report: Report) -> JarFact | None:
    """The same with the digests of the archives that no pom names. What cannot be read is reported by the other read."""
    return read_tree(body, path, lambda reason: None, digests=True)


def extract_pom(path: str, body: memoryview, report: Report) -> Pom | None:
    """A pom.properties outside an archive, as in unpacked web applications and layered Spring Boot images."""
    pom = pom_of_properties(bytes(body), path.rpartition("/")[0])
    return pom if pom is not None and pom.group and pom.version else None


def extract_project(path: str, body: memoryview, report: Report) -> Pom | None:
    """A pom.xml outside an archive."""
    try:
        return pom_of_project(bytes(body))
    except ValueError as error:
        reason = f"{error}; the project was not read"
        # Elsewhere it is the plan of something to be built, of which nothing is taken.
        report(reason if _INSTALLED("/" + path.rpartition("/")[0]) else Remark(reason))
        return None


def extract_requires(path: str, body: memoryview, report: Report) -> bytes | None:
    """What the pom of an artifact in a repository of Maven's layout requires; None for other files."""
    try:
        if coordinates_in_repository(path) is None:
            return None
        return requires_of_project(bytes(body)) or None
    except ValueError as error:
        report(Remark(f"it {error}"))
        return None


class _TooLarge:
    """Says that a pom in a repository was not read. The package is there all the same."""

    def write(self, piece: memoryview, /) -> None:
        """The next bytes of the file."""

    def finish(self, report: Report, /) -> bytes | None:
        """Nothing."""
        report(
            Remark(
                f"a pom of more than {_MAX_REPOSITORY_POM:,} bytes was not read: what the archive needs is not known"
            )
        )
        return None


def coordinates_in_repository(path: str) -> tuple[str, str] | None:
    """Group and artifact of a pom in a repository, a distribution's (Debian's maven-debian-helper) or a user's: its path is
    `GROUP/ARTIFACT/VERSION/ARTIFACT-VERSION.pom` (Maven's repository layout)."""
    for root in _REPOSITORIES:
        _, is_there, place = f"/{path}".rpartition(root)
        *group, artifact, version, name = place.split("/") if place.count("/") > 2 else ("", "", "")
        if is_there and group and name == f"{artifact}-{version}.pom":
            return ".".join(group), artifact
    return None


def assemble(view: View) -> Iterator[Package]:
    """One package for each archive, and one for each other artifact that was packed into it."""
    hashed = {(found.path, found.layer): found.fact for found in view.facts(DIGESTS)}
    for found in view.facts(ARCHIVES):
        fact = hashed.get((found.path, found.layer), found.fact)
        yield from _packages(fact, found.path, Location("/" + found.path, found.layer))
    for pom in view.facts(UNPACKED_POMS):
        yield _package(pom.fact, Location("/" + pom.path, pom.layer))
    for project in view.facts(UNPACKED_PROJECTS):
        # Elsewhere a pom.xml is the plan of something to be built, not something that is there.
        folder = project.path.rpartition("/")[0]
        is_installed = _INSTALLED(f"/{folder}") and project.fact.group and project.fact.version
        if is_installed and view.fact_at(UNPACKED_POMS, folder + "/pom.properties") is None:
            yield _package(project.fact, Location("/" + project.path, project.layer))


def pom_purl(pom: Pom) -> str:
    """The package URL of an artifact."""
    return make_purl("maven", pom.artifact, pom.version, namespace=pom.group)


def archive_pom(fact: JarFact, path: str) -> Pom:
    """What an archive itself is; without licences and requirements where it has no record of that."""
    (group, artifact, version), pom = names.identify(fact.poms, fact.manifest, path)
    return Pom(group, artifact, version, requires=pom.requires if pom is not None else b"")


def _packages(fact: JarFact, path: str, location: Location) -> Iterator[Package]:
    (group, artifact, version), pom = names.identify(fact.poms, fact.manifest, path)
    licences = (pom.licenses if pom is not None else ()) or _manifest_licences(fact.manifest)
    field = "licenses of pom.xml" if pom is not None and pom.licenses else "Bundle-License"
    plain = Pom(group, artifact, version, licences)
    own = _package(plain, location, is_plugin=path.endswith(names.JENKINS_PLUGINS), field=field)
    other_name = names.other_name(pom, fact.manifest) if pom is not None else ""
    notes = {"manifest_name": other_name, SHA1: fact.sha1 if pom is None else "", **_supplier(fact.manifest)}
    yield msgspec.structs.replace(own, notes=own.notes | {key: text for key, text in notes.items() if text})
    seen = {(group, artifact, version)}
    for other in fact.poms:
        key = (other.group, other.artifact, other.version)
        if other is not pom and key not in seen:
            seen.add(key)
            yield _package(other, location)
    for member, inner in fact.nested:
        yield from _packages(inner, member, Location(f"{location.path}:{member}", location.layer))


def _supplier(manifest: Mapping[str, str]) -> dict[str, str]:
    """Who built the archive, and the project's page."""
    vendors = (manifest.get(header, "") for header in ("Implementation-Vendor", "Bundle-Vendor"))
    vendor = next((text for text in vendors if text and "${" not in text and agent(text) is not None), "")
    pages = (manifest.get(header, "") for header in ("Bundle-DocURL", "Implementation-URL"))
    page = next((text for text in pages if text.startswith(("http://", "https://")) and "${" not in text), "")
    return {SUPPLIER: vendor, "homepage": page if vendor else ""}


def _manifest_licences(manifest: Mapping[str, str]) -> tuple[str, ...]:
    """Bundle-License is a comma-separated list of names or addresses, each with attributes after a semicolon."""
    found = [entry.partition(";")[0].strip(" \"'") for entry in manifest.get("Bundle-License", "").split(",")]
    found.append(manifest.get("Plugin-License-Name", ""))
    return tuple(dict.fromkeys(licence for licence in found if licence not in _NO_LICENCE))


def _package(pom: Pom, location: Location, *, is_plugin: bool = False, field: str = "licenses of pom.xml") -> Package:
    return Package(
        type="maven",
        name=pom.artifact,
        version=pom.version or UNKNOWN_VERSION,
        purl=pom_purl(pom),
        cataloger="java",
        licenses=pom.licenses,
        license_evidence=make_evidence(pom.licenses, field, location.path, location.layer),
        locations=(location,),
        notes={"kind": "jenkins-plugin"} if is_plugin or pom.group in _PLUGIN_GROUPS else {},
    )


ARCHIVES: Read[JarFact] = Read(
    name="java-archive",
    fact=JarFact,
    extract=extract,
    globs=tuple(f"**/*{kind}" for kind in JAVA_ONLY + OTHERS_TOO),
    limit=512 * MIB,
)
DIGESTS: Read[JarFact] = Read(
    name="java-archive-digests",
    fact=JarFact,
    extract=extract_digests,
    globs=ARCHIVES.globs,
    limit=ARCHIVES.limit,
    oversize=lambda size: NullSink(),  # the other read of it says that it is too large
    sources=("catalog",),
    other_names=False,
)
"""Asked for only where an index names archives by their digests: nothing else needs these, and all bytes are hashed for them."""

UNPACKED_POMS: Read[Pom] = Read(
    name="java-unpacked-pom",
    fact=Pom,
    extract=extract_pom,
    globs=("**/META-INF/maven/*/*/pom.properties",),
    limit=MAX_PROPERTIES,
)
UNPACKED_PROJECTS: Read[Pom] = Read(
    name="java-pom-xml", fact=Pom, extract=extract_project, globs=("**/pom.xml",), limit=2 * MIB
)
REPOSITORY_POMS: Read[bytes] = Read(
    name="java-repository-pom",
    fact=bytes,
    extract=extract_requires,
    globs=("**/*.pom",),
    limit=_MAX_REPOSITORY_POM,
    oversize=lambda size: _TooLarge(),
    other_names=False,
)
CATALOGER = Cataloger(
    name="java",
    types=("maven",),
    reads=(ARCHIVES, UNPACKED_POMS, UNPACKED_PROJECTS, REPOSITORY_POMS),
    optional=(DIGESTS,),
    assemble=assemble,
)
