"""Which Maven artifact an archive is: from the poms in it, its file name and its manifest.

Follows the file naming of Maven's repository layout: artifact-version-classifier.jar.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from hullmark.catalog.languages.java_groups import group_of, without_directives
from hullmark.catalog.languages.java_metadata import Pom
from hullmark.model.late import late

JENKINS_GROUP = "org.jenkins-ci.plugins"
JENKINS_PLUGINS = (".hpi", ".jpi")

_VERSION = late(r"-(?=\d|build\d|rc?\d+(?![\da-z]))", re.IGNORECASE)
_ODD_VERSION = late(r"[._-](?=(?:\d|build\d|rc?\d+$))", re.IGNORECASE)
_CLASSIFIER = late(
    r"-(?:sources|javadoc|tests?|test-sources|jar-with-dependencies|(?:linux|osx|windows|darwin)[_-][\w-]*)$"
)
_WORD = late(r"[a-z]{3,}")
_IDENTIFIER = late(r"[^\W\d]")
_PLAIN_ARTIFACT = late(r"[A-Za-z][A-Za-z0-9_-]*")
_NAME_HEADERS = ("Bundle-Name", "Short-Name", "Extension-Name", "Implementation-Title")
_VERSION_HEADERS = ("Implementation-Version", "Specification-Version", "Plugin-Version", "Bundle-Version")
_TITLE_HEADERS = ("Implementation-Title", "Extension-Name", "Short-Name", "Bundle-SymbolicName")
_BOUNDARIES = ("-", ".", "_")
_NO_MATCH = 9
_LONGEST = (0, 2)  # ranks at which a longer artifact fits better than a shorter one

# Artifacts of these houses have dots in their names.
_DOTTED = ("org.eclipse.", "javax.", "jakarta.")
_TOMCAT = "org.apache.tomcat-"


class FileName(NamedTuple):
    """An archive's file name, taken apart. `version` is empty if it has none."""

    stem: str
    name: str
    version: str


class Artifact(NamedTuple):
    """Maven coordinates; empty strings where unknown."""

    group: str
    artifact: str
    version: str


def split_file_name(file_name: str) -> FileName:
    """Take `NAME-VERSION.jar` apart (also `NAME_VERSION.jar`, `NAME.VERSION.jar`).

    The version begins with a digit, with `build` and a digit, or is a revision such as `r09`.
    """
    stem = file_name.rpartition(".")[0] or file_name
    for pattern in (_VERSION, _ODD_VERSION):
        match = pattern.search(stem, 1)
        if match:
            return FileName(stem, stem[: match.start()], _CLASSIFIER.sub("", stem[match.end() :]))
    return FileName(stem, _CLASSIFIER.sub("", stem), "")


class Identity(NamedTuple):
    """What an archive is, and the pom that said so (None: no pom did)."""

    artifact: Artifact
    pom: Pom | None


def identify(poms: Sequence[Pom], manifest: Mapping[str, str], path: str) -> Identity:
    """Identify the archive at this path; for one inside another, `path` is its member name."""
    file = split_file_name(path.rpartition("/")[2])
    pom = _main_pom(poms, file, manifest)
    artifact = pom.artifact if pom is not None else _own_name(file, manifest)
    version = (pom.version if pom is not None else "") or _own_version(file, manifest)
    group = (pom.group if pom is not None else "") or group_of(artifact, version, path, manifest)
    if not group and path.endswith(JENKINS_PLUGINS):
        group = JENKINS_GROUP
    elif not group and file.name.endswith("." + artifact) and "." in _leading_group(file.name):
        group = _leading_group(file.name)
    return Identity(Artifact(group, artifact, version), pom)


def _main_pom(poms: Sequence[Pom], file: FileName, manifest: Mapping[str, str]) -> Pom | None:
    """The pom of the archive itself, not of what was packed into it; None if none fits.

    It fits best whose artifact and version make up the file name, then by the artifact alone, then one whose artifact
    ends or begins with the name, then one that the manifest names; a single pom fits if nothing speaks against it.
    """
    ranked = [(_rank(pom, file, manifest), pom) for pom in poms]
    best = min((rank for rank, _ in ranked), default=_NO_MATCH)
    if best < _NO_MATCH:
        return min((pom for rank, pom in ranked if rank == best), key=lambda pom: _order(pom, file, best))
    return poms[0] if len(poms) == 1 and _may_be(poms[0], file) else None


def _may_be(pom: Pom, file: FileName) -> bool:
    """Distributions rename (`jetty9-util-9.4.57.jar` is jetty-util), so a common word will do if the versions are equal."""
    same_word = not set(_WORD.findall(pom.artifact.lower())).isdisjoint(_WORD.findall(file.name.lower()))
    return not file.version or (pom.version == file.version and same_word)


def _order(pom: Pom, file: FileName, rank: int) -> tuple[int, bool, str, str, str]:
    length = -len(pom.artifact) if rank in _LONGEST else 0
    return length, pom.group not in file.stem, pom.group, pom.artifact, pom.version


def _rank(pom: Pom, file: FileName, manifest: Mapping[str, str]) -> int:
    artifact, name = pom.artifact, file.name
    full = f"{pom.group}.{artifact}"
    if pom.version and any(_leads(f"{known}-{pom.version}", file.stem) for known in (artifact, full)):
        return 0
    # Distributions write geronimo-validation_1.1_spec with hyphens only.
    if pom.version and file.stem.replace("_", "-") == f"{artifact}-{pom.version}".replace("_", "-"):
        return 0
    if artifact in (name, file.stem) or full == name:
        return 1
    if not _agrees(pom.version, file.version):
        return _NO_MATCH
    if name.endswith(artifact) and name[: -len(artifact)].endswith(_BOUNDARIES):
        return 2
    if _leads(name, artifact):
        return 3
    titles = {without_directives(manifest.get(header, "")) for header in _TITLE_HEADERS}
    return 4 if titles & {artifact, full} else _NO_MATCH


def other_name(pom: Pom, manifest: Mapping[str, str]) -> str:
    """The artifact of the pom's group that the manifest says the archive is, if it is another one; empty otherwise.

    `httpclient-osgi` is the bundle org.apache.httpcomponents.httpclient. Titles that are sentences or names of packages, and symbolic
    names that are only shorter than the artifact (`org.eclipse.jetty.io` for jetty-io), name no other artifact.
    """
    titles = [without_directives(manifest.get(header, "")) for header in _TITLE_HEADERS]
    names = [title.removeprefix(f"{pom.group}.") for title in titles if title]
    artifact = pom.artifact.lower()
    if not pom.group or any(_ends(artifact, name.lower()) for name in names):
        return ""
    return next((name for name in names if _PLAIN_ARTIFACT.fullmatch(name)), "")


def _ends(artifact: str, name: str) -> bool:
    return artifact == name or (artifact.endswith(name) and artifact[: -len(name)].endswith(_BOUNDARIES))


def _leads(start: str, text: str) -> bool:
    return bool(start) and text.startswith(start) and (len(text) == len(start) or text[len(start)] in _BOUNDARIES)


def _agrees(version: str, of_file: str) -> bool:
    return not version or not of_file or _leads(version, of_file) or _leads(of_file, version)


def _own_name(file: FileName, manifest: Mapping[str, str]) -> str:
    """The artifact's name without a pom: the file's name, without a group in front of it."""
    bundle = without_directives(manifest.get("Bundle-SymbolicName", ""))
    if bundle.startswith(_TOMCAT):
        # Tomcat's own catalina.jar is the artifact tomcat-catalina; its symbolic name is org.apache.tomcat-catalina.
        return bundle.removeprefix("org.apache.")
    if _IDENTIFIER.match(file.name):
        return file.name if file.name == bundle else file.name.removeprefix(_leading_group(file.name) + ".")
    return next((value for header in _NAME_HEADERS if (value := manifest.get(header, ""))), file.name)


def _leading_group(name: str) -> str:
    """The part before the last dot of a file name that begins with its group; empty for other names."""
    parts = name.split(".")
    is_joined = len(parts) > 1 and not name.startswith(_DOTTED) and all(_IDENTIFIER.match(part) for part in parts)
    return name.rpartition(".")[0] if is_joined else ""


def _own_version(file: FileName, manifest: Mapping[str, str]) -> str:
    """The version where no pom gives it: that of the file name, else the manifest's; empty if neither has one."""
    if file.version:
        return file.version
    values = (manifest.get(header, "").split() for header in _VERSION_HEADERS)
    return next((words[0] for words in values if words and "$" not in words[0] and any(map(str.isdigit, words[0]))), "")
