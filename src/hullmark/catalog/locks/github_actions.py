"""What workflows and actions of GitHub use: `uses:` in .github/workflows and action.yml (GitHub's documentation, "Workflow syntax")."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.declared import DeclaredPackage, Ecosystem, Listing, PackageCollector, is_others, package
from hullmark.catalog.documents import YAML_LIMIT, text_of
from hullmark.catalog.view import View
from hullmark.model.late import late
from hullmark.model.package import Package
from hullmark.model.purl import make_purl
from hullmark.rootfs.reads import Read, Report

NAME = "github-actions"
TYPE = "githubactions"
_USES = late(
    r"""\s*(?:-\s+)?uses\s*:\s*(?:"([^"\s]{1,512})"|'([^'\s]{1,512})'|([^\s"'#]\S{0,511}))\s*(?:#\s*(.{0,200}))?"""
).fullmatch
_REPOSITORY = late(
    r"([A-Za-z0-9][A-Za-z0-9_.-]{0,99}/[A-Za-z0-9_.-]{1,100}(?:/[A-Za-z0-9_./-]{1,256})?)@([^\s@]{1,256})"
).fullmatch
_COMMIT = late(r"[0-9a-f]{40}").fullmatch
_TAG = late(r"(?:tag\s*[=:]\s*|ratchet:\S*@|pin@)?(v?\d+(?:\.\d+){0,3}(?:-[0-9A-Za-z.]{1,32})?)(?:\s.*)?").fullmatch
_ANY = late(r"\S{1,400}").fullmatch
_ELSEWHERE = ("./", "docker://", "../", "${{")


def extract(path: str, body: memoryview, report: Report) -> Listing | None:
    """What is taken from repositories, at the version in the comment where a commit is pinned. Local actions and images are none."""
    gathering = PackageCollector(_ANY, _ANY)
    for line in text_of(body).splitlines():
        uses = _USES(line.rstrip())
        text = (uses[1] or uses[2] or uses[3]) if uses else ""
        if not uses or text.startswith(_ELSEWHERE):
            continue
        found = _REPOSITORY(text)
        if found is None:
            gathering.refuse(text)
            continue
        tag = _TAG(uses[4].strip()) if uses[4] and _COMMIT(found[2]) else None
        gathering.add(found[1], tag[1] if tag else found[2])
    return gathering.finish(report)


WORKFLOW: Read[Listing] = Read(
    name="github-workflow",
    fact=Listing,
    extract=extract,
    globs=(
        "**/.github/workflows/*.yml",
        "**/.github/workflows/*.yaml",
        "**/.github/actions/*/action.yml",
        "**/.github/actions/*/action.yaml",
    ),
    limit=YAML_LIMIT,
)
_GITHUB = Ecosystem(type=TYPE, cataloger=NAME)


def assemble(view: View) -> Iterator[Package]:
    """What the files use; the purl names the repository, and the folder in it as a subpath."""
    for found in view.facts(WORKFLOW):
        for entry in () if is_others(found.path) else found.fact:
            yield _set_action_purl(package(found, entry, _GITHUB), entry)


def _set_action_purl(made: Package, entry: DeclaredPackage) -> Package:
    owner, name, *below = entry.name.split("/", 2)
    return replace(made, purl=make_purl(TYPE, name, entry.version, namespace=owner, subpath="".join(below)))


CATALOGER = Cataloger(name=NAME, types=(TYPE,), reads=(WORKFLOW,), assemble=assemble)
