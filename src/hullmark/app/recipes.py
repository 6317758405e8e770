"""Recipes: an image in words → an image in memory, which is read as any other is."""

from __future__ import annotations

import base64
import hashlib
import io
import struct
import tarfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import PurePosixPath

import msgspec

from hullmark.advisories.feeds.formats.cvss import rating_of
from hullmark.advisories.match.vex import parse_purl
from hullmark.model.advisory import FixState
from hullmark.model.capabilities import CAPABILITIES
from hullmark.model.errors import HullmarkError
from hullmark.model.image import HealthCheck, HistoryEntry, Image, ImageConfig, LayerBlob, Platform
from hullmark.model.inventory import Inventory
from hullmark.model.malware import Engine, Infection, MalwareScan, UnscannedFile
from hullmark.model.match import Epss, Fix, Kev, Match, MatchedAdvisory, Matches, UnknownPackage
from hullmark.model.package import UNKNOWN_VERSION, Package
from hullmark.policy.cases import MalwareReport, Recipe, RecipeFile, RecipeLayer, RecipeSettings, Weakness, read_file
from hullmark.scanning.request import ScanRequest, ScanResources, ScanResult
from hullmark.scanning.scan import scan_image

_KINDS = {"file": tarfile.REGTYPE, "dir": tarfile.DIRTYPE, "symlink": tarfile.SYMTYPE}
_MODES = {"file": 0o644, "dir": 0o755, "symlink": 0o777}
_FLAT = frozenset(("alpm", "apk", "deb", "rpm"))


def cook(recipe: Recipe, request: ScanRequest) -> ScanResult:
    """What a scan finds in the image that the recipe describes. Raises HullmarkError for a recipe that makes no sense."""
    scanned = _set_layer_sizes(scan_image(image_of(recipe), request, ScanResources()), recipe)
    if not recipe.packages:
        return scanned
    found = {package.purl: package for package in scanned.inventory.packages}
    found |= {purl: _package(purl, recipe.licenses.get(purl, ())) for purl in recipe.packages}
    packages = tuple(sorted(found.values(), key=lambda package: (package.type, package.name, package.version)))
    return msgspec.structs.replace(scanned, inventory=msgspec.structs.replace(scanned.inventory, packages=packages))


def _set_layer_sizes(scanned: ScanResult, recipe: Recipe) -> ScanResult:
    """With the sizes that layers count as."""
    source = scanned.inventory.source
    sizes = [wanted.size for wanted in _layers(recipe)]
    layers = tuple(
        layer if size is None else msgspec.structs.replace(layer, size=size.bytes)
        for layer, size in zip(source.layers, sizes, strict=True)
    )
    inventory = msgspec.structs.replace(scanned.inventory, source=msgspec.structs.replace(source, layers=layers))
    return msgspec.structs.replace(scanned, inventory=inventory)


def _layers(recipe: Recipe) -> tuple[RecipeLayer, ...]:
    has_more = bool(recipe.files) or not recipe.layers
    return (*recipe.layers, RecipeLayer(files=recipe.files)) if has_more else recipe.layers


def image_of(recipe: Recipe) -> Image:
    """The image, its layers in memory."""
    layers = _layers(recipe)
    blobs = tuple(_blob(_tar(layer)) for layer in layers)
    digest = hashlib.sha256("\n".join(blob.digest for blob in blobs).encode() + msgspec.json.encode(recipe.settings))
    config = _config(recipe.settings, layers, blobs)
    return Image(
        kind="recipe",
        reference="recipe",
        layers=blobs,
        digest=f"sha256:{digest.hexdigest()}",
        platform=Platform(config.os, config.architecture, config.variant),
        config=config,
    )


def _blob(tar: bytes) -> LayerBlob:
    digest = f"sha256:{hashlib.sha256(tar).hexdigest()}"
    return LayerBlob(digest=digest, diff_id=digest, size=len(tar), open=lambda: io.BytesIO(tar))


def _tar(layer: RecipeLayer) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        seen: set[str] = set()
        for path in layer.remove:
            gone = PurePosixPath("/", path)
            _add(tar, str(gone.with_name(f".wh.{gone.name}")), RecipeFile(text=""), seen)
        for path, node in layer.files.items():
            _add(tar, path, read_file(node), seen)
    return out.getvalue()


def _add(tar: tarfile.TarFile, path: str, file: RecipeFile, seen: set[str]) -> None:
    """A file with the folders above it."""
    name = path.strip("/")
    if not name:
        raise HullmarkError("a recipe names a file without a name", advice="write an absolute path, as /etc/passwd")
    for parent in reversed(PurePosixPath(name).parents[:-1]):
        if str(parent) not in seen:
            _add(tar, str(parent), RecipeFile(type="dir"), seen)
    seen.add(name)
    body = _body(path, file)
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = _KINDS[file.type], file.target, len(body)
    info.mode = file.mode.bits if file.mode is not None else _MODES[file.type]
    info.uid, info.gid = file.uid, file.gid
    if file.capabilities:
        info.pax_headers = {"SCHILY.xattr.security.capability": _capability(path, file.capabilities)}
    tar.addfile(info, io.BytesIO(body))


def _body(path: str, file: RecipeFile) -> bytes:
    if file.type != "file":
        return b""
    if file.base64 is None:
        return (file.text or "").encode()
    try:
        return base64.b64decode(file.base64, validate=True)
    except ValueError as error:
        raise HullmarkError(f"the recipe's file {path} is not base64: {error}", advice="or write it as text") from error


def _capability(path: str, names: Sequence[str]) -> str:
    """As the kernel keeps it (vfs_cap_data, revision 2, with the bit for effective), each byte a character."""
    unknown = [name for name in names if name not in CAPABILITIES]
    if unknown:
        raise HullmarkError(
            f"the recipe's file {path} has no such capability as {unknown[0]!r}", advice="write cap_net_raw"
        )
    bits = sum(1 << CAPABILITIES.index(name) for name in names)
    low, high = bits & 0xFFFFFFFF, bits >> 32
    return struct.pack("<5I", 0x02000001, low, 0, high, 0).decode("utf-8", "surrogateescape")


def _config(settings: RecipeSettings, layers: Sequence[RecipeLayer], blobs: Sequence[LayerBlob]) -> ImageConfig:
    os, _, rest = settings.platform.partition("/")
    architecture, _, variant = rest.partition("/")
    return ImageConfig(
        os=os,
        architecture=architecture,
        variant=variant,
        created=settings.created,
        user=settings.user,
        env=settings.env,
        entrypoint=settings.entrypoint,
        cmd=settings.cmd,
        working_dir=settings.working_dir,
        exposed_ports=tuple(port if "/" in port else f"{port}/tcp" for port in settings.ports),
        volumes=settings.volumes,
        labels=settings.labels,
        healthcheck=None if settings.healthcheck is None else HealthCheck(test=settings.healthcheck),
        diff_ids=tuple(blob.diff_id for blob in blobs),
        history=tuple(HistoryEntry(created_by=layer.created_by) for layer in layers),
    )


def _package(text: str, licenses: tuple[str, ...] = ()) -> Package:
    purl = parse_purl(text)
    if purl is None:
        raise HullmarkError(f"{text[:100]!r} is not a package URL", advice="write it as pkg:deb/debian/bash@5.2-1")
    name = purl.name.rpartition("/")[2] if purl.type in _FLAT else purl.name
    return Package(
        type=purl.type,
        name=name.replace("/", ":") if purl.type == "maven" else name,
        version=purl.version or UNKNOWN_VERSION,
        purl=text,
        cataloger="recipe",
        arch=dict(purl.qualifiers).get("arch", ""),
        licenses=licenses,
    )


def matches_of(weaknesses: Sequence[Weakness], no_data: Sequence[str], inventory: Inventory) -> Matches:
    """The vulnerabilities as matching would have found them. Raises HullmarkError for a package that is not there."""
    packages = {package.purl: package for package in inventory.packages}
    unknown = [purl for purl in (*(weakness.package for weakness in weaknesses), *no_data) if purl not in packages]
    if unknown:
        raise HullmarkError(f"the package {unknown[0]} is not in the image", advice="name its purl")
    return Matches(
        source=inventory.source,
        distro=inventory.distro,
        snapshot=None,
        matches=tuple(_match(weakness, packages[weakness.package]) for weakness in weaknesses),
        unknown=tuple(UnknownPackage(package=packages[purl], reason="the test case says so") for purl in no_data),
    )


def _match(weakness: Weakness, package: Package) -> Match:
    rating = rating_of(weakness.cvss) if weakness.cvss else None
    state: FixState = "fixed" if weakness.fix else "wont-fix" if weakness.will_not_fix else "not-fixed"
    advisory = MatchedAdvisory(
        id=weakness.id,
        source="case",
        namespace=package.type,
        cve=weakness.id if weakness.id.startswith("CVE-") else "",
        severity=weakness.severity,
        cvss=(rating,) if rating is not None else (),
        kev=Kev(added=weakness.since) if weakness.exploited else None,
        epss=_epss(weakness),
        published=weakness.since,
    )
    return Match(
        package=package,
        advisory=advisory,
        fix=Fix(state=state, version=weakness.fix, date=weakness.fixed_since),
        kind="direct",
        name=package.name,
        version=package.version,
        why="the test case says so",
    )


def _epss(weakness: Weakness) -> Epss | None:
    if not weakness.epss:
        return None
    try:
        score = float(weakness.epss)
    except ValueError as error:
        raise HullmarkError(f"the epss of {weakness.id} is not a number", advice="write it as 0.05") from error
    return Epss(score=score, percentile=score)


def malware_of(report: MalwareReport, inventory: Inventory) -> MalwareScan:
    """What a scanner said of the image that a recipe describes. Raises HullmarkError for an invalid day."""
    layers = {file.path: file.layer for file in inventory.files or ()}
    try:
        day = datetime.fromisoformat(report.signatures_at).replace(tzinfo=UTC) if report.signatures_at else None
    except ValueError as error:
        raise HullmarkError(
            f"signatures_at: {report.signatures_at[:40]!r} is not a day", advice="write it as 2026-01-31"
        ) from error
    engine = Engine(name=report.engine, version="", signatures="", signatures_at=day)
    unscanned = tuple(
        UnscannedFile(path=path, layer=layers.get(path, -1), engine=report.engine, reason=reason)
        for path, reason in sorted(report.unscanned.items())
    )
    infections = tuple(
        Infection(
            path=path,
            layer=layers.get(path, -1),
            inner="",
            engine=report.engine,
            signature=signature,
            is_ghost=False,
        )
        for path, signature in sorted(report.found.items())
    )
    return MalwareScan(engines=(engine,), infections=infections, unscanned=unscanned, unscanned_count=len(unscanned))
