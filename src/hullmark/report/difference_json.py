"""What differs between two images as JSON, `hullmark-difference/1`: every key always there, sorted, all lists whole."""

from __future__ import annotations

import msgspec

from hullmark.model.difference import (
    FileChange,
    FileStep,
    ImageDifference,
    PackageChange,
    PackageStep,
    PackageVersion,
    SettingChange,
)
from hullmark.model.inventory import FileRecord, InventoryLayer
from hullmark.model.match import Match
from hullmark.report.documents import encode
from hullmark.report.format import Format, RenderContext
from hullmark.report.inventory_json import LayerJson, SourceJson, source_json
from hullmark.report.layers_parts import LayerChangesJson, layer_changes
from hullmark.report.parts import ProblemJson, ToolJson, problems

SCHEMA = "hullmark-difference/1"


class VersionJson(msgspec.Struct, frozen=True, gc=False):
    """One version of a package in one of the images."""

    arch: str
    licenses: tuple[str, ...]
    version: str


class PackageChangeJson(msgspec.Struct, frozen=True):
    """A package that is not the same in both; `before` or `after` is null where it is not there. `step`: in, out, up, down or changed."""

    after: VersionJson | None
    before: VersionJson | None
    name: str
    namespace: str
    step: PackageStep
    type: str


class FileSideJson(msgspec.Struct, frozen=True, gc=False):
    """A file as one of the images has it; `mode` holds the permission bits as a number."""

    capability: str
    gid: int
    link: str
    mode: int
    owner: str | None
    sha256: str
    size: int
    type: str
    uid: int


class FileChangeJson(msgspec.Struct, frozen=True):
    """A file that is not the same in both. `what`: of type, content, target, mode, owner, capability what differs."""

    after: FileSideJson | None
    before: FileSideJson | None
    path: str
    step: FileStep
    what: tuple[str, ...]


class SettingChangeJson(msgspec.Struct, frozen=True, gc=False):
    """A setting of the image's config; null: not set. Values that are lists of words are JSON arrays."""

    after: str | None
    before: str | None
    key: str
    name: str


class LayerDifferenceJson(msgspec.Struct, frozen=True):
    """The layers that both begin with, and those that follow them in one image alone, bottom first."""

    gone: list[LayerJson]
    new: list[LayerJson]
    shared: list[LayerJson]


class SizesJson(msgspec.Struct, frozen=True, gc=False):
    """Bytes and counts of one image, null where not known: of stored layers, of files in all layers, of files that a container sees;
    executables that nothing explains."""

    files: int | None
    packages: int
    stored: int | None
    unexplained: int | None
    unpacked: int | None
    visible: int | None


class VulnerabilityJson(msgspec.Struct, frozen=True):
    """A vulnerability of a package that only one image has."""

    cve: str
    fix_state: str
    fix_version: str
    id: str
    kev: bool
    package: str
    purl: str
    severity: str
    type: str
    version: str


class VulnerabilitiesJson(msgspec.Struct, frozen=True):
    """Vulnerabilities that came and went, and how many are in both; `snapshot` is the digest of the advisories."""

    come: list[VulnerabilityJson]
    gone: list[VulnerabilityJson]
    snapshot: str
    stay: int


class SideJson(msgspec.Struct, frozen=True):
    """One of the two images."""

    distro: str
    problems: list[ProblemJson]
    sizes: SizesJson
    source: SourceJson


class LicencesJson(msgspec.Struct, frozen=True):
    """Licences that only packages of the second image have, and those that only packages of the first have."""

    come: tuple[str, ...]
    gone: tuple[str, ...]


class DifferenceJson(msgspec.Struct, frozen=True):
    """The whole document. What is null was not compared; `gaps` say why."""

    after: SideJson
    before: SideJson
    by_layer: list[LayerChangesJson] | None
    files: list[FileChangeJson] | None
    gaps: tuple[str, ...]
    layers: LayerDifferenceJson | None
    licences: LicencesJson
    packages: list[PackageChangeJson]
    schema: str
    settings: list[SettingChangeJson] | None
    tool: ToolJson
    vulnerabilities: VulnerabilitiesJson | None


def render(difference: ImageDifference, context: RenderContext) -> bytes:
    """The document as one line."""
    layers, files, settings = difference.layers, difference.files, difference.settings
    document = DifferenceJson(
        after=_side(difference, "after"),
        before=_side(difference, "before"),
        by_layer=layer_changes(difference.by_layer) if difference.by_layer is not None else None,
        files=[_file(change) for change in files] if files is not None else None,
        gaps=difference.gaps,
        layers=LayerDifferenceJson(_layers(layers.gone), _layers(layers.new), _layers(layers.shared))
        if layers is not None
        else None,
        licences=LicencesJson(difference.licences_in, difference.licences_out),
        packages=[_package(change) for change in difference.packages],
        schema=SCHEMA,
        settings=[_setting(change) for change in settings] if settings is not None else None,
        tool=ToolJson("hullmark", context.tool_version),
        vulnerabilities=_vulnerabilities(difference),
    )
    return encode(document)


def _side(difference: ImageDifference, which: str) -> SideJson:
    distro, sizes = getattr(difference, f"{which}_distro"), getattr(difference, f"{which}_sizes")
    return SideJson(
        distro=f"{distro.id}:{distro.version_id}".rstrip(":") if distro is not None else "",
        problems=problems(getattr(difference, f"{which}_problems")),
        sizes=SizesJson(sizes.files, sizes.packages, sizes.stored, sizes.unexplained, sizes.unpacked, sizes.visible),
        source=source_json(getattr(difference, which)),
    )


def _layers(layers: tuple[InventoryLayer, ...]) -> list[LayerJson]:
    return [LayerJson(layer.created_by, layer.diff_id, layer.digest, layer.size) for layer in layers]


def _package(change: PackageChange) -> PackageChangeJson:
    after, before = _version(change.after), _version(change.before)
    return PackageChangeJson(after, before, change.name, change.namespace, change.step, change.type)


def _version(version: PackageVersion | None) -> VersionJson | None:
    return VersionJson(version.arch, version.licenses, version.version) if version is not None else None


def _file(change: FileChange) -> FileChangeJson:
    return FileChangeJson(_file_side(change.after), _file_side(change.before), change.path, change.step, change.what)


def _file_side(file: FileRecord | None) -> FileSideJson | None:
    if file is None:
        return None
    return FileSideJson(
        file.capability, file.gid, file.link, file.mode, file.owner, file.sha256, file.size, file.type, file.uid
    )


def _setting(change: SettingChange) -> SettingChangeJson:
    return SettingChangeJson(change.after, change.before, change.key, change.name)


def _vulnerabilities(difference: ImageDifference) -> VulnerabilitiesJson | None:
    found = difference.vulnerabilities
    if found is None:
        return None
    come, gone = [_match(match) for match in found.come], [_match(match) for match in found.gone]
    return VulnerabilitiesJson(come, gone, found.snapshot.digest if found.snapshot is not None else "", found.stay)


def _match(match: Match) -> VulnerabilityJson:
    advisory, package = match.advisory, match.package
    return VulnerabilityJson(
        cve=advisory.cve,
        fix_state=match.fix.state,
        fix_version=match.fix.version,
        id=advisory.id,
        kev=advisory.kev is not None,
        package=package.name,
        purl=package.purl,
        severity=advisory.severity,
        type=package.type,
        version=package.version,
    )


FORMAT = Format(
    kind="difference",
    name="json",
    media_type="application/vnd.hullmark.difference.v1+json",
    file_name="difference.json",
    render=render,
)
