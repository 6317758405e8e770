"""What an image is built on: its own base, or another one that a person names."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from hullmark.app.lineage import height_of
from hullmark.maintenance.remedy.rebase import rebased_layers, rebased_settings
from hullmark.model.image import Image
from hullmark.model.inventory import Distro
from hullmark.model.problem import Problem
from hullmark.model.remedy import Change
from hullmark.scanning.request import ScanRequest, ScanResources
from hullmark.scanning.scan import RecordReader, read_records, scan_image
from hullmark.source import SourceOptions, open_image

ROOM = "remedy"
_LABEL = "org.opencontainers.image.base.name"
_PARTS = {"alpine": 2, "ubuntu": 2}
"""How many parts of a release's number make a line of it; of others one."""


class Foundation(msgspec.Struct, frozen=True, kw_only=True):
    """An image as it is, or as it would be on another base (`change`). `records` reads its layers, with all that a request needs."""

    image: Image
    records: RecordReader
    change: Change | None = None


def as_it_is(image: Image, resources: ScanResources) -> Foundation:
    """The image on its own base."""
    return Foundation(image=image, records=lambda request: read_records(image, request, resources))


def on_other_bases(
    image: Image, references: Sequence[str], resources: ScanResources, options: SourceOptions
) -> tuple[list[Foundation], list[Problem]]:
    """The image on each of the bases that it is not built on, and why it cannot be.

    Those of the references whose layers the image begins with say where its base ends. Raises HullmarkError where one cannot be read.
    """
    named = [(reference, open_image(reference, options)) for reference in references]
    own = [(reference, base) for reference, base in named if _is_built_on(image, base)]
    others = [(reference, base) for reference, base in named if not _is_built_on(image, base)]
    if not others:
        return [], []
    if not own:
        return [], [
            Problem(
                "",
                -1,
                ROOM,
                f"which of its layers are a base's is not known: name the base that it is built on, too{_hint(image)}",
            )
        ]
    old_reference, old = max(own, key=lambda pair: len(pair[1].layers))
    line = _line(scan_image(old, ScanRequest(), resources).inventory.distro)
    found: list[Foundation] = []
    problems: list[Problem] = []
    for reference, new in others:
        reason = _obstacle(new, old, line, _line(scan_image(new, ScanRequest(), resources).inventory.distro))
        if reason:
            problems.append(Problem("", -1, ROOM, f"{reference} is not thought of: {reason}"))
        else:
            found.append(_on(image, old, new, _change(reference, old_reference), resources))
    return found, problems


def _is_built_on(image: Image, base: Image) -> bool:
    return height_of(image.config.diff_ids if image.config is not None else (), base) > 0


def _hint(image: Image) -> str:
    name = image.config.labels.get(_LABEL, "") if image.config is not None else ""
    return f" (its label says {name[:200]})" if name.isprintable() and name else ""


def _line(distro: Distro | None) -> tuple[str, ...]:
    if distro is None:
        return ()
    return (distro.id, *distro.version_id.split(".")[: _PARTS.get(distro.id, 1)])


def _obstacle(new: Image, old: Image, line: tuple[str, ...], other: tuple[str, ...]) -> str:
    if new.config is None or old.config is None:
        return "its settings could not be read"
    if str(new.platform) != str(old.platform):
        return f"it is for {new.platform}"
    if line != other or not line:
        return f"it is of another line ({' '.join(other) or 'no distribution'} instead of {' '.join(line) or 'none'})"
    return ""


def _change(reference: str, old: str) -> Change:
    return Change(
        kind="base",
        subject=reference,
        summary=f"build on {reference} instead of {old}",
        base=reference,
        caution="what the instructions above the base bring today is taken to be what they brought",
    )


def _on(image: Image, old: Image, new: Image, change: Change, resources: ScanResources) -> Foundation:
    height = len(old.layers)

    config = image.config
    if config is not None and old.config is not None and new.config is not None:
        config = rebased_settings(config, old.config, new.config)
    moved = msgspec.structs.replace(image, config=config, layers=(*new.layers, *image.layers[height:]))
    return Foundation(
        image=moved,
        records=lambda request: rebased_layers(
            read_records(image, request, resources), height, read_records(new, request, resources)
        ),
        change=change,
    )
