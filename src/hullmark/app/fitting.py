"""Containers made fit to be reported: one with a name that no server keeps must not keep the others from being told.

Whoever may start a container may name its service, its owner or its labels as long as they like.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

import msgspec
from msgspec.structs import replace

from hullmark.model.isolation import Isolation
from hullmark.model.limit import Limit
from hullmark.model.place import LONGEST_ID, LONGEST_IMAGE, PLACE_BYTES, EndedContainer, RunningContainer

_MOST_LABELS = Limit(500, "labels of a container that an agent tells, in the order of their keys", "shortened")
_LONGEST_LABEL = Limit(1000, "characters of a label's name or value that an agent tells", "shortened")
_LARGEST_ISOLATION = Limit(
    256 << 10, "bytes of what a container is granted that an agent reports; else nothing is reported", "shortened"
)
_PART_BYTES = 1 << 20
"""Of the containers of one report, unless one alone has more: servers refuse what is too large."""
_SMALL = 16 << 10
"""A container of so many bytes has few labels, short ones, and small isolation facts."""
_MARK = 17
"""Bytes behind a name that was cut: `~` and the beginning of its SHA-256, so that two of them stay two."""


def fitted_parts(running: Iterable[RunningContainer], most: int) -> Iterator[tuple[RunningContainer, ...]]:
    """Containers as servers keep them, in parts of so many at most that are not too large."""
    part: list[RunningContainer] = []
    size = 0
    for told in running:
        encoded = msgspec.json.encode(told)
        container, more = told, len(encoded)
        if not _is_fit(told, encoded):
            container = fit_container(told)
            more = len(msgspec.json.encode(container))
        if part and (len(part) >= most or size + more > _PART_BYTES):
            yield tuple(part)
            part, size = [], 0
        part.append(container)
        size += more
    if part:
        yield tuple(part)


def fitted_end(ended: EndedContainer) -> EndedContainer:
    """The end of a container, which is named as it was when it ran."""
    return replace(ended, id=fitted_text(ended.id, LONGEST_ID))


def _is_fit(container: RunningContainer, encoded: bytes) -> bool:
    """Whether a container is surely fit as it is; `encoded`: it as JSON. Nearly all are, and there may be a hundred thousand."""
    place, image = container.place, container.image
    return (
        len(encoded) <= _SMALL
        and b"\\u0000" not in encoded
        and all(len(getattr(place, name)) * 4 <= most for name, most in PLACE_BYTES.items())
        and max(
            map(
                len,
                (container.id, container.node, image.reference, image.digest, image.config_digest, image.architecture),
            )
        )
        * 4
        <= LONGEST_ID
    )


def fit_container(container: RunningContainer) -> RunningContainer:
    """The container as every server keeps it. Names that are too long are cut; of grants beyond all bounds nothing is told, so that
    none of them can make the others look better."""
    place, image = container.place, container.image
    names = {name: fitted_text(getattr(place, name), most) for name, most in PLACE_BYTES.items()}
    texts = {
        name: fitted_text(getattr(image, name), LONGEST_IMAGE)
        for name in ("reference", "digest", "config_digest", "architecture")
    }
    told = len(msgspec.json.encode(container.isolation))
    return replace(
        container,
        id=fitted_text(container.id, LONGEST_ID),
        node=fitted_text(container.node, LONGEST_ID),
        place=replace(place, **names),
        image=replace(image, **texts),
        isolation=container.isolation if told <= _LARGEST_ISOLATION else Isolation(),
        labels={
            name[:_LONGEST_LABEL]: value[:_LONGEST_LABEL]
            for name, value in sorted(container.labels.items())[:_MOST_LABELS]
        },
    )


def fitted_text(text: str, most: int) -> str:
    """The text without NULs, cut to so many bytes where it is longer: the same text always to the same."""
    text = text.replace("\0", "")
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= most:
        return encoded.decode("utf-8")
    mark = hashlib.sha256(encoded).hexdigest()[: _MARK - 1]
    return f"{encoded[: most - _MARK].decode('utf-8', 'ignore')}~{mark}"
