"""The JSON report of Trivy, schema 2 (https://trivy.dev/latest/docs/configuration/reporting/), as a list of packages.

With `--list-all-pkgs` it lists all packages. Without, it lists only those with vulnerabilities, or none, and the result says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from hullmark.catalog.sbom.document import (
    MAX_LIST,
    Document,
    Edge,
    Marks,
    Problems,
    SbomFormat,
    SbomPackage,
    clip_text,
    decode_json,
    decoded_parts,
    empty_source,
    label_of,
    layer_numbers,
    read_config,
    with_config,
)
from hullmark.catalog.sbom.systems import system_named
from hullmark.model.inventory import InventoryLayer, InventorySource
from hullmark.model.package import Location, SourcePackage

_SYSTEM = "os-pkgs"
_ADVICE = "trivy --list-all-pkgs lists all"
_TYPES = {
    **dict.fromkeys(("alpine", "wolfi", "chainguard", "minimos"), "apk"),
    **dict.fromkeys(("debian", "ubuntu", "echo"), "deb"),
    **dict.fromkeys(("npm", "yarn", "pnpm", "bun", "node-pkg"), "npm"),
    **dict.fromkeys(("pip", "pipenv", "poetry", "uv", "pylock", "python-pkg"), "pypi"),
    **dict.fromkeys(("jar", "pom", "gradle", "sbt"), "maven"),
    **dict.fromkeys(("bundler", "gemspec"), "gem"),
    **dict.fromkeys(("gobinary", "gomod"), "golang"),
    **dict.fromkeys(("cargo", "rustbinary"), "cargo"),
    **dict.fromkeys(("composer", "composer-vendor"), "composer"),
    **dict.fromkeys(("nuget", "dotnet-core", "packages-props"), "nuget"),
    **dict.fromkeys(("conda-pkg", "conda-environment"), "conda"),
    **{name: name for name in ("bitnami", "cocoapods", "conan", "hex", "julia", "pub", "swift")},
}
"""What Trivy calls kinds of packages → purl types. Other systems have rpm."""

_GATHERED = frozenset(("conda-pkg", "gemspec", "jar", "node-pkg", "python-pkg"))
"""Kinds whose results are of the whole image: their targets are titles (`Node.js`), not paths."""


class _Identifier(msgspec.Struct, gc=False):
    purl: str = msgspec.field(name="PURL", default="")


class _Layer(msgspec.Struct, gc=False, rename="pascal"):
    diff_id: str = msgspec.field(name="DiffID", default="")


class _Package(msgspec.Struct, rename="pascal"):
    id: str = msgspec.field(name="ID", default="")
    name: str = ""
    identifier: _Identifier | None = None
    version: str = ""
    release: str = ""
    epoch: int = 0
    arch: str = ""
    src_name: str = ""
    src_version: str = ""
    src_release: str = ""
    src_epoch: int = 0
    licenses: list[str] | None = None
    depends_on: list[str] | None = None
    layer: _Layer | None = None
    file_path: str = ""


class _Vulnerability(msgspec.Struct, gc=False, rename="pascal"):
    pkg_id: str = msgspec.field(name="PkgID", default="")
    pkg_name: str = ""
    pkg_path: str = ""
    pkg_identifier: _Identifier | None = None
    installed_version: str = ""
    layer: _Layer | None = None


class _Result(msgspec.Struct, rename="pascal"):
    target: str = ""
    kind: str = msgspec.field(name="Class", default="")
    type: str = ""
    packages: list[msgspec.Raw] | None = None
    vulnerabilities: list[msgspec.Raw] | None = None


class _System(msgspec.Struct, gc=False, rename="pascal"):
    family: str = ""
    name: str = ""


class _ImageLayer(msgspec.Struct, gc=False, rename="pascal"):
    size: int = -1
    digest: str = ""
    diff_id: str = msgspec.field(name="DiffID", default="")


class _Metadata(msgspec.Struct):
    system: _System | None = msgspec.field(name="OS", default=None)
    image_id: str = msgspec.field(name="ImageID", default="")
    diff_ids: list[str] | None = msgspec.field(name="DiffIDs", default=None)
    tags: list[str] | None = msgspec.field(name="RepoTags", default=None)
    digests: list[str] | None = msgspec.field(name="RepoDigests", default=None)
    layers: list[_ImageLayer] | None = msgspec.field(name="Layers", default=None)
    config: msgspec.Raw = msgspec.field(name="ImageConfig", default_factory=msgspec.Raw)


class _Report(msgspec.Struct, rename="pascal"):
    artifact_name: str = ""
    metadata: _Metadata | None = None
    results: list[msgspec.Raw] | None = None


def read(body: bytes) -> Document:
    """What the report tells. Raises Unreadable."""
    report, problems = decode_json(body, _Report), Problems()
    metadata = report.metadata or _Metadata()
    config = read_config(metadata.config, problems)
    source = with_config(_source(report.artifact_name, metadata), config)
    numbers = layer_numbers(source.layers)
    system = metadata.system
    distro = system_named(clip_text(system.family), clip_text(system.name)) if system is not None else None
    document = Document(source=source, distro=distro, config=config, problems=problems)
    edges: list[Edge] | None = None
    has_any = False
    for _, result in decoded_parts(report.results or (), _Result, "result", problems):
        if result.kind not in (_SYSTEM, "lang-pkgs", ""):
            continue
        has_any = True
        found, is_whole = list(_packages(result, problems)), result.packages is not None
        if not is_whole:
            what = "only packages with vulnerabilities" if result.vulnerabilities else "no packages"
            problems.add(f"of {clip_text(result.target)} it lists {what}; {_ADVICE}")
        entries = [(package, _entry(package, result, number, numbers)) for number, package in enumerate(found)]
        document.packages += (entry for _, entry in entries)
        if is_whole:
            edges = [*(edges or ()), *_edges(entries)]
    if not has_any:
        problems.add(f"it lists no packages, which may be because nobody asked for them; {_ADVICE}")
    if edges is not None:
        document.add_edges(edges)
    return document


def _packages(result: _Result, problems: Problems) -> Iterator[_Package]:
    if result.packages is not None:
        yield from (package for _, package in decoded_parts(result.packages, _Package, "package", problems))
        return
    met: set[tuple[str, str, str]] = set()
    for _, found in decoded_parts(result.vulnerabilities or (), _Vulnerability, "vulnerability", problems):
        key = (found.pkg_name, found.installed_version, found.pkg_path)
        if key not in met:
            met.add(key)
            yield _Package(
                id=found.pkg_id,
                name=found.pkg_name,
                identifier=found.pkg_identifier,
                version=found.installed_version,
                layer=found.layer,
                file_path=found.pkg_path,
            )


def _entry(package: _Package, result: _Result, number: int, numbers: dict[str, int]) -> SbomPackage:
    is_system = result.kind == _SYSTEM
    type = _TYPES.get(result.type, "rpm" if is_system else "generic")
    purl = package.identifier.purl if package.identifier is not None else ""
    version = _whole(package.epoch, package.version, package.release)
    layer = numbers.get(package.layer.diff_id, -1) if package.layer is not None else -1
    path = package.file_path or ("" if is_system or result.type in _GATHERED else result.target)
    source = None
    if package.src_name:
        source = SourcePackage(package.src_name, _whole(package.src_epoch, package.src_version, package.src_release))
    return SbomPackage(
        label=label_of("package", number, package.name, version),
        name=package.name,
        version=version,
        type="" if purl else type,
        purl=purl,
        arch=package.arch if is_system else "",
        source=source,
        licenses=tuple(text for text in (package.licenses or ())[:MAX_LIST] if text.strip()),
        locations=(Location(clip_text(f"/{path.lstrip('/')}"), layer),) if path else (),
    )


def _whole(epoch: int, version: str, release: str) -> str:
    """The version as the system writes it: Trivy has it in three parts."""
    return f"{f'{epoch}:' if epoch else ''}{version}{f'-{release}' if release else ''}"


def _edges(entries: Iterable[tuple[_Package, SbomPackage]]) -> Iterator[Edge]:
    by_id: dict[str, SbomPackage] = {}
    for package, entry in entries:
        by_id.setdefault(package.id, entry)
    for package, entry in entries:
        for id in package.depends_on or ():
            if (needed := by_id.get(id)) is not None:
                yield Edge(entry, needed)


def _source(name: str, metadata: _Metadata) -> InventorySource:
    digests = [digest.partition("@")[2] for digest in metadata.digests or ()]
    return msgspec.structs.replace(
        empty_source(clip_text(name)),
        digest=clip_text(next(filter(None, digests), "")),
        config_digest=clip_text(metadata.image_id),
        layers=_layers(metadata),
        tags=tuple(sorted({clip_text(tag) for tag in (metadata.tags or ())[:MAX_LIST]})),
    )


def _layers(metadata: _Metadata) -> tuple[InventoryLayer, ...]:
    """The layers, bottom first; newer reports have their digests and sizes besides."""
    known = {layer.diff_id: layer for layer in metadata.layers or ()}
    found = (known.get(diff_id, _ImageLayer(diff_id=diff_id)) for diff_id in (metadata.diff_ids or ())[:MAX_LIST])
    return tuple(
        InventoryLayer(digest=clip_text(layer.digest), diff_id=clip_text(layer.diff_id), size=layer.size, created_by="")
        for layer in found
    )


def _recognises(marks: Marks) -> bool:
    return marks.report_version == 2 and (bool(marks.artifact_name) or bool(bytes(marks.results)))


FORMAT = SbomFormat(name="trivy-json", recognises=_recognises, read=read)
