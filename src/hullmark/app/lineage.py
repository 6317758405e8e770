"""Which image another one is built on: one that a person names whose layers it begins with, else what its labels say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from hullmark.maintenance.upkeep.tags import newer_tags
from hullmark.model.digest import digest_of
from hullmark.model.errors import HullmarkError
from hullmark.model.image import Image
from hullmark.model.inventory import Inventory
from hullmark.model.match import Match
from hullmark.model.problem import Problem
from hullmark.model.reference import parse_reference
from hullmark.model.upkeep import BaseImage, NewerTags
from hullmark.net.errors import NetError
from hullmark.net.guard import Guard
from hullmark.source import SourceOptions, classify, open_image
from hullmark.source.distribution import Session, sessions_for
from hullmark.source.manifest import decode
from hullmark.source.tag_list import all_tags

_ROOM = "upkeep"
_NAME, _DIGEST = "org.opencontainers.image.base.name", "org.opencontainers.image.base.digest"
_LONGEST = 300
_OF_REGISTRIES = ("registry", "image")


class _IndexedManifest(msgspec.Struct):
    digest: str = ""


class _ImageIndex(msgspec.Struct):
    """An index of images; what is none has none."""

    manifests: tuple[_IndexedManifest, ...] = ()


def height_of(diff_ids: Sequence[str], base: Image) -> int:
    """How many layers an image of these layers has from a base; 0 where it is not built on it."""
    other = base.config.diff_ids if base.config is not None else ()
    is_begin = bool(other) and all(other) and len(diff_ids) > len(other) and tuple(diff_ids[: len(other)]) == other
    return len(other) if is_begin else 0


def base_of(
    inventory: Inventory, matches: Sequence[Match] | None, references: Sequence[str], options: SourceOptions
) -> tuple[BaseImage | None, tuple[Problem, ...]]:
    """The base of an image (if several of those named fit, the one with the most layers), and a note for each that it is not built on.
    `matches` are None where there are no advisories. Raises HullmarkError where a named image cannot be read."""
    diff_ids = [layer.diff_id for layer in inventory.source.layers]
    opened = [(reference, open_image(reference, options)) for reference in references]
    named = [(height_of(diff_ids, base), reference, base) for reference, base in opened]
    problems = tuple(
        Problem("", -1, _ROOM, f"it is not built on {reference}: its layers do not begin with those", "note")
        for height, reference, _ in named
        if not height
    )
    height, reference, base = max(named, key=lambda base: base[0], default=(0, "", None))
    if not height or base is None:
        return _read_base_labels(inventory), problems
    return (
        BaseImage(
            reference=reference,
            digest=base.digest,
            created=base.config.created[:10] if base.config is not None else "",
            layers=height,
            packages=sum(
                any(0 <= place.layer < height for place in package.locations) for package in inventory.packages
            ),
            vulnerabilities=len(set(_from_base(matches, height))) if matches is not None else None,
        ),
        problems,
    )


def _from_base(matches: Sequence[Match], height: int) -> Iterator[str]:
    """The vulnerabilities that count of packages that came with the first layers."""
    for match in matches:
        if match.suppressed is None and any(0 <= place.layer < height for place in match.package.locations):
            yield match.advisory.cve or match.advisory.id


def with_tags(base: BaseImage, options: SourceOptions) -> tuple[BaseImage, tuple[Problem, ...]]:
    """The base with how far its tag is behind; and a note where its registry does not tell. What a label names leads to no address of this
    machine, or of a cloud's metadata."""
    if base.layers:
        scheme, reference = classify(base.reference)
    else:  # a label's words are never looked for on this machine
        scheme, reference = "registry", base.reference
        options = msgspec.structs.replace(options, guard=options.guard or Guard())
    if scheme not in _OF_REGISTRIES:
        return base, ()
    try:
        named = parse_reference(reference)
        if not named.tag:
            return base, ()
        _, sessions = sessions_for(msgspec.structs.replace(named, digest=""), options)
        found = newer_tags(named.tag, all_tags(sessions[-1])) or NewerTags()
        # One that a person names was opened a moment ago.
        is_moved = base.digest not in _digests_of(sessions[-1], named.tag) if base.digest and not base.layers else None
    except (HullmarkError, NetError) as error:
        reason = f"how far the base {base.reference[:_LONGEST]} is behind cannot be told: {error}"
        return base, (Problem("", -1, _ROOM, reason, "note"),)
    return msgspec.structs.replace(base, tags=msgspec.structs.replace(found, is_moved=is_moved)), ()


def _digests_of(session: Session, tag: str) -> set[str]:
    """The digest of what a tag names, and of the images in that."""
    body = session.manifest(tag)
    return {
        digest_of(body, "sha256"),
        *(found.digest for found in decode(body, _ImageIndex, "what the tag names").manifests),
    }


def _read_base_labels(inventory: Inventory) -> BaseImage | None:
    """What the labels say; whoever built the image wrote them, and nobody checked."""
    labels = inventory.config.labels if inventory.config is not None else {}
    name, digest = labels.get(_NAME, "")[:_LONGEST], labels.get(_DIGEST, "")[:_LONGEST]
    return BaseImage(reference=name or digest, digest=digest) if name or digest else None
