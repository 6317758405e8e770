"""Small images, the policies that judge them, and limits that are lowered for a while."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import force_setattr

from hullmark.advisories.database.snapshot import Snapshot
from hullmark.app.check import CheckOptions, CheckResult, judge_by
from hullmark.catalog import CATALOGERS, DECLARED
from hullmark.model.advisory import Record
from hullmark.model.image import Image, ImageConfig, LayerBlob
from hullmark.model.limit import Limit
from hullmark.policy.load import load_any
from hullmark.rootfs.dispatch import Dispatch
from hullmark.rootfs.layer import read_layer
from hullmark.rootfs.limits import DEFAULT, Limits
from hullmark.rootfs.reads import Read
from hullmark.scanning.analysis import analyse, extra_reads_for, reads_for
from hullmark.scanning.request import ScanRequest, ScanResources, ScanResult
from hullmark.scanning.scan import inventory_of
from tests.support.layers import TarBuilder, blob
from tests.support.matching import advisory, affected, scheme_of, snapshot_of
from tools.limits import Bound

NOW = datetime(2026, 6, 30, tzinfo=UTC)
NAME = "vulnerable"
"""What the name of every package says that no verdict may pass."""

NAMESPACES = {
    "alpine:3.19": "apk",
    "cargo": "cargo",
    "debian:12": "deb",
    "gem": "gem",
    "golang": "golang",
    "maven": "maven",
    "npm": "npm",
    "pypi": "pypi",
    "rocky:9": "rpm",
}
_NAMES = {"golang": f"example.org/{NAME}", "maven": f"example:{NAME}"}

_RULES = {
    "packages": f'gate: packages, trigger: forbidden, params: {{names: ["*{NAME}*"]}}',
    "vulnerabilities": "gate: vulnerabilities, trigger: found, params: {severity: critical}",
    "licences": 'gate: licences, trigger: forbidden, params: {names: ["Evil*", "MPL-2.0"]}',
    "changed": "gate: integrity, trigger: changed, params: {settings: true}",
    "missing": "gate: integrity, trigger: missing, params: {}",
    "jvm": 'gate: packages, trigger: forbidden, params: {names: ["openjdk"]}',
    "nginx": 'gate: packages, trigger: forbidden, params: {names: ["nginx"]}',
    "files": 'gate: files, trigger: forbidden, params: {paths: ["/**/forbidden"]}',
}

_NO_CONFIG = ImageConfig()

Files = Mapping[str, bytes]
Layers = Files | bytes | LayerBlob | Sequence[Files | bytes]
"""An image: one layer or several, each its files by path or a tar; or one layer that is too large to be held."""


@cache
def known_advisories() -> Snapshot:
    """A whole and fresh snapshot: the package is critical in every ecosystem, and there is much else."""
    records: list[Record] = []
    for namespace, type in NAMESPACES.items():
        name = _NAMES.get(type, NAME)
        part = affected(namespace, name, scheme_of(type))
        records.append(
            advisory(f"CVE-2026-{len(records):04}", part, severity="critical", source=type, modified="2026-06-29")
        )
        others = tuple(affected(namespace, f"other-{number}", scheme_of(type), "1") for number in range(200))
        records += [
            advisory(f"{type}-{number}", other, source=type, modified="2026-06-29")
            for number, other in enumerate(others)
        ]
    return snapshot_of(*records)


@cache
def one_rule(kind: str) -> Any:
    """A policy with one rule, which stops."""
    text = f"schema: hullmark-policy/1\nname: one\nversion: 1\nrules:\n  - {{id: one, action: stop, {_RULES[kind]}}}\n"
    return load_any(text.encode())


def tars(layers: Layers) -> list[bytes]:
    """The layers' tars, bottom first."""
    assert not isinstance(layers, LayerBlob)
    each = [layers] if isinstance(layers, bytes | Mapping) else layers
    return [layer if isinstance(layer, bytes) else tar(layer) for layer in each]


def tar(files: Files) -> bytes:
    """A layer with these files."""
    made = TarBuilder()
    for path, body in files.items():
        made.add(path, body)
    return made.done()


def seen(
    layers: Layers,
    scan_request: ScanRequest,
    *,
    limits: Limits = DEFAULT,
    is_folder: bool = False,
    config: ImageConfig = _NO_CONFIG,
) -> ScanResult:
    """What a scan sees of an image; of a folder: with what its lock files name."""
    catalogers = CATALOGERS + DECLARED if is_folder else CATALOGERS
    dispatch = Dispatch((*reads_for(catalogers), *extra_reads_for(scan_request)))
    blobs = [layers] if isinstance(layers, LayerBlob) else [blob(each) for each in tars(layers)]
    records = [read_layer(each, dispatch, digests=scan_request.digests, limits=limits) for each in blobs]
    analysis, files, extras = analyse(records, scan_request, catalogers, config)
    image = Image(kind="memory", reference="memory", layers=(), config=config)
    return ScanResult(inventory_of(image, analysis, files), *extras)


def judged(layers: Layers, policy: Any, **how: Any) -> CheckResult:
    """The verdict on an image."""
    return judge_by(
        partial(_look, layers, how), policy, NOW, ScanResources(), CheckOptions(advisories=known_advisories())
    )


def _look(layers: Layers, how: dict[str, Any], scan_request: ScanRequest) -> ScanResult:
    return seen(layers, scan_request, **how)


def shipped() -> dict[str, Any]:
    """The policies that come with the program, by name."""
    folder = Path(__file__).parents[2] / "policies"
    return {
        path.stem: load_any(path.read_bytes())
        for path in sorted(folder.glob("*.yaml"))
        if not path.name.endswith(".test.yaml")
    }


@contextmanager
def lowered(bound: Bound, number: int) -> Iterator[Limits]:
    """A limit is this number for a while: in every module that has it, and in every read that is bounded by it.

    Answers the limits of layers that are in force then.
    """
    owner, _, field = bound.name.partition(".")
    module = sys.modules[bound.module]
    value = getattr(module, owner)
    if isinstance(value, Read):
        with _field(value, field, number):
            yield DEFAULT
    elif value is Limits:
        yield msgspec.structs.replace(DEFAULT, **{field: number})
    elif field:
        with _attribute(module, owner, partial(value, **{field: number})):
            yield DEFAULT
    else:
        with _everywhere(value, Limit(number, value.what, value.effect)):
            yield DEFAULT


@contextmanager
def _everywhere(limit: Limit, other: Limit) -> Iterator[None]:
    with ExitStack() as stack:
        for owner, name in _holders(len(sys.modules)).get(id(limit), ()):
            stack.enter_context((_field if isinstance(owner, Read) else _attribute)(owner, name, other))
        yield


@cache
def _holders(_loaded: int) -> dict[int, list[tuple[Any, str]]]:
    """Where each limit is held, by its identity, in so many modules as are loaded: in a module under a name, or in a field of a read."""
    holders: dict[int, list[tuple[Any, str]]] = {}
    for module in list(sys.modules.values()):
        if not getattr(module, "__name__", "").startswith("hullmark."):
            continue
        for name, value in list(vars(module).items()):
            if isinstance(value, Limit):
                holders.setdefault(id(value), []).append((module, name))
            elif isinstance(value, Read):
                for field in ("limit", "layer_limit", "image_limit"):
                    holders.setdefault(id(getattr(value, field)), []).append((value, field))
    return holders


@contextmanager
def _attribute(module: Any, name: str, value: object) -> Iterator[None]:
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)


@contextmanager
def _field(struct: Any, name: str, value: object) -> Iterator[None]:
    before = getattr(struct, name)
    force_setattr(struct, name, value)
    try:
        yield
    finally:
        force_setattr(struct, name, before)
