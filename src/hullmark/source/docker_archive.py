"""Archives by `docker save` and `podman save` (Docker image specification v1.2): `docker-archive:FILE[:TAG]`.

Layers are plain tars named by manifest.json, in old archives also links to each other. Today's Docker names them by their
digests, `blobs/sha256/HEX`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from hullmark.model.digest import digest_of, verify
from hullmark.model.errors import BrokenImage, HullmarkError
from hullmark.model.image import Image, ImageConfig, LayerBlob
from hullmark.model.late import late
from hullmark.model.limit import Limit
from hullmark.model.problem import Problem
from hullmark.source.archive import Archive, is_archive_with, open_archive
from hullmark.source.config import CONFIG_LIMIT, parse_config
from hullmark.source.files import ByteRange, LocalFile, read_bounded
from hullmark.source.image import (
    ImageRequest,
    check_layer_count,
    check_platform,
    padded_diff_ids,
    platform_of,
    too_large_config,
    verify_stream,
)
from hullmark.source.manifest import MANIFEST_LIMIT, decode
from hullmark.source.places import split_place
from hullmark.source.source import Source, SourceOptions

_BLOB_NAME = late(r"blobs/(sha256|sha512)/([0-9a-f]{64,128})").fullmatch
_HEX_NAME = late(r"([0-9a-f]{64})(?:\.json)?").fullmatch
_MAX_LAYERS = Limit(10_000, "layers of an image in a Docker archive", "refused")
_SHOWN = 30


class _Entry(msgspec.Struct, frozen=True, rename="pascal"):
    """One image of the archive, as manifest.json has it."""

    config: str
    repo_tags: tuple[str, ...] | None = None
    layers: tuple[str, ...] | None = None


def recognises(path: Path) -> bool:
    """Whether this file is such an archive."""
    return is_archive_with(str(path), lambda archive: archive.find("manifest.json") is not None)


def open_file(rest: str, reference: str, options: SourceOptions) -> Image:
    """The image in an archive."""
    place, wanted = split_place(rest)
    request = ImageRequest(kind=SOURCE.scheme, reference=reference, options=options)
    return read_archive(open_archive(LocalFile(place)), wanted, request)


def read_archive(archive: Archive, wanted: str, request: ImageRequest) -> Image:
    """The image in an archive that is open."""
    entry = _choose_entry(_entries(archive), wanted)
    config, config_digest, problems = _config(archive, entry.config)
    names = entry.layers or ()
    if len(names) > _MAX_LAYERS:
        raise BrokenImage(f"the archive names {len(names)} layers", advice="do not trust it")
    platform = platform_of(config)
    check_platform(platform, request.options)
    now = request.options.clock()
    pairs = zip(names, padded_diff_ids(config, len(names)), strict=True)
    layers = tuple(_layer(archive, name, diff_id, now) for name, diff_id in pairs)
    check_layer_count(config, len(layers))
    return Image(
        kind=request.kind,
        reference=request.reference,
        layers=layers,
        config_digest=config_digest,
        platform=platform,
        config=config,
        tags=tuple(sorted(entry.repo_tags or ())),
        problems=problems,
    )


def _entries(archive: Archive) -> tuple[_Entry, ...]:
    byte_range = archive.find("manifest.json")
    if byte_range is None:
        raise HullmarkError(
            f"{archive.file.path} is not a docker archive: it has no manifest.json",
            advice="name an archive made by docker or podman save",
        )
    body = read_bounded(byte_range.open(), MANIFEST_LIMIT)
    if body is None:
        raise BrokenImage(f"manifest.json has more than {MANIFEST_LIMIT} bytes", advice="do not trust it")
    return decode(body, tuple[_Entry, ...], "manifest.json")


def _choose_entry(entries: Sequence[_Entry], wanted: str) -> _Entry:
    found = [entry for entry in entries if not wanted or any(_names(tag, wanted) for tag in entry.repo_tags or ())]
    if len({(entry.config, entry.layers) for entry in found}) == 1:
        return found[0]
    tags = sorted(tag for entry in (found or entries) for tag in entry.repo_tags or ())
    advice = (
        f"append one of {' '.join(':' + tag for tag in tags[:_SHOWN])}" if tags else "save one image alone, with a tag"
    )
    if not entries:
        raise BrokenImage("manifest.json names no image", advice="save the image again")
    if not found:
        raise HullmarkError(f"there is no image {wanted[:100]!r} in the archive", advice=advice)
    raise HullmarkError("there are several images in the archive", advice=advice)


def _names(tag: str, wanted: str) -> bool:
    """Does `wanted` name this tag: all of it, its end after a slash, the tag alone, or the repository of `latest`?"""
    return any(tag == text or tag.endswith(f"/{text}") for text in (wanted, f"{wanted}:latest")) or (
        tag.rpartition(":")[2] == wanted
    )


def _file(archive: Archive, name: str, what: str) -> ByteRange:
    byte_range = archive.find(name)
    if byte_range is None:
        raise BrokenImage(f"{what} {name[:200]!r} is not in the archive", advice="save the image again")
    return byte_range


def _promised_digest(name: str) -> str:
    """The digest that a member's name promises, "" if it is just a name."""
    match = _BLOB_NAME(name)
    return f"{match[1]}:{match[2]}" if match and len(match[2]) == int(match[1][3:]) // 4 else ""


class _Config(NamedTuple):
    """An image's config (None: too large to read), its digest, and the problems with it."""

    config: ImageConfig | None
    digest: str
    problems: tuple[Problem, ...] = ()


def _config(archive: Archive, name: str) -> _Config:
    byte_range = _file(archive, name, "the config")
    promised = _promised_digest(name) or (f"sha256:{match[1]}" if (match := _HEX_NAME(name)) else "")
    body = read_bounded(byte_range.open(), CONFIG_LIMIT)
    if body is None:
        if promised:
            verify_stream(byte_range.open(), promised, byte_range.size)
        return _Config(None, promised, (too_large_config(byte_range.size),))
    if promised:
        verify(body, promised, "the image's config")
    return _Config(parse_config(body), promised or digest_of(body))


def _layer(archive: Archive, name: str, diff_id: str, now: float) -> LayerBlob:
    byte_range = _file(archive, name, "the layer")
    return LayerBlob(
        digest=_promised_digest(name),
        diff_id=diff_id,
        size=byte_range.size,
        open=byte_range.open,
        stamp=byte_range.stamp(now),
    )


SOURCE = Source(scheme="docker-archive", open=open_file, recognises=recognises)
