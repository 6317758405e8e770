"""What the bills of materials share: stable ids, the image's package URL, the files that they list, their moment.

Package URL type `oci` (https://github.com/package-url/purl-spec); UUIDs of version 5 as RFC 9562 has them.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from hashlib import sha256

import msgspec

from hullmark.model.cpe import cpe_names
from hullmark.model.inventory import FileRecord, Inventory, InventorySource
from hullmark.model.late import late
from hullmark.model.package import UNKNOWN_VERSION, Package
from hullmark.model.purl import make_purl

EPOCH = "1970-01-01T00:00:00Z"
"""Stands where a document must name a moment and none is known."""

_NAMESPACE = uuid.UUID("6d0f4c4e-3f43-5b0a-9c5e-6c0a4a2f7b11")
_IN_A_REGISTRY = frozenset(("registry", "docker", "podman"))
_NOT_IN_THE_IMAGE = frozenset(("missing", "ghost"))
_MOMENT = late(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.\d{1,18})?([Zz]|[+-]\d\d:\d\d)", re.ASCII).fullmatch
_ENCODER = msgspec.json.Encoder(order="deterministic")


def encode(document: object) -> bytes:
    """A document as one line of JSON. Dictionaries are sorted by key; structs keep the order of their fields."""
    return _ENCODER.encode(document) + b"\n"


def content_uuid(document: object) -> uuid.UUID:
    """A UUID that depends on the content of the document alone."""
    return uuid.uuid5(_NAMESPACE, sha256(_ENCODER.encode(document)).hexdigest())


def package_ids(packages: Iterable[Package]) -> list[str]:
    """An id of 16 hex digits for each package, unique in the list.

    It depends on what the package is, not on where it was found, so that the same package keeps its id from image to
    image.
    """
    ids: list[str] = []
    taken: set[str] = set()
    for package in packages:
        key = "\0".join((package.type, package.name, package.version, package.arch, package.purl))
        while (digest := sha256(key.encode()).hexdigest()[:16]) in taken:
            key += "\0again"
        taken.add(digest)
        ids.append(digest)
    return ids


def known_version(package: Package) -> str:
    """The version, or "" where the package's record names none."""
    return "" if package.version == UNKNOWN_VERSION else package.version


def cpes_of(package: Package) -> list[str]:
    """The CPE 2.3 names that the package's own record, or what recognised it, gives: without them nobody else finds its vulnerabilities."""
    return list(cpe_names(package.notes.get("cpes", ""), known_version(package)))


def image_purl(source: InventorySource) -> str:
    """`pkg:oci/NAME@DIGEST?…` for what was inspected; "" if it is not an image or has no name."""
    if source.kind == "dir":
        return ""
    repository, tag = _repository(source)
    name = _last_segment(repository or source.reference).lower()
    if not name:
        return ""
    url = repository.lower() if _names_host(repository) else ""
    qualifiers = {"arch": _architecture(source.platform), "repository_url": url, "tag": tag}
    return make_purl("oci", name, source.digest, qualifiers=qualifiers)


def purl_with(purl: str, key: str, value: str) -> str:
    """The package URL with one more qualifier, in its sorted place. `value` must need no encoding."""
    body, hash_, subpath = purl.partition("#")
    body, _, query = body.partition("?")
    pairs = sorted([*filter(None, query.split("&")), f"{key}={value}"])
    return f"{body}?{'&'.join(pairs)}{hash_}{subpath}"


def repository_of(source: InventorySource) -> str:
    """The repository a registry image came from, without tag and digest; "" for what is not from a registry."""
    return _repository(source)[0] if source.kind in _IN_A_REGISTRY else ""


def image_files(inventory: Inventory) -> Iterator[FileRecord]:
    """The regular files that are in the finished image, where the inventory lists files at all."""
    for record in inventory.files or ():
        if record.type == "file" and record.sha256 and record.state not in _NOT_IN_THE_IMAGE:
            yield record


def layer_digest(source: InventorySource, layer: int) -> str:
    """The digest of the layer's uncompressed tar, by which other tools name it; "" if unknown."""
    if not 0 <= layer < len(source.layers):
        return ""
    return source.layers[layer].diff_id or source.layers[layer].digest


def moment(text: str | None) -> str | None:
    """An RFC 3339 time in UTC and whole seconds, `2026-01-31T12:00:00Z`; None if the text is not a valid time."""
    parts = _MOMENT(text or "")
    if parts is None:
        return None
    day, time, zone = parts.groups()
    try:
        when = datetime.fromisoformat(f"{day}T{time}{zone.upper().replace('Z', '+00:00')}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return f"{when:%Y-%m-%dT%H:%M:%SZ}".zfill(20)


def _repository(source: InventorySource) -> tuple[str, str]:
    """(repository, tag) as the reference or the first tag of an archive names them."""
    if source.kind in _IN_A_REGISTRY:
        scheme = f"{source.kind}:"
        reference = source.reference.removeprefix(scheme)
    else:
        reference = min(source.tags, default="")
    reference = reference.partition("@")[0]
    repository, colon, tag = reference.rpartition(":")
    if not colon and "/" not in reference and source.kind not in _IN_A_REGISTRY:
        return "", reference  # an OCI layout names its images by tags alone
    if not colon or "/" in tag:
        return reference, ""
    return repository, tag


def _last_segment(reference: str) -> str:
    """The name in `scheme:/folder/name:tag`, the tag being optional."""
    name = reference.rstrip("/").rpartition("/")[2]
    return name.partition(":")[0] if "/" in reference else name.rpartition(":")[2]


def _names_host(repository: str) -> bool:
    host, slash, _ = repository.partition("/")
    return bool(slash) and ("." in host or ":" in host or host == "localhost")


def _architecture(platform: str) -> str:
    return platform.split("/")[1] if "/" in platform else ""
