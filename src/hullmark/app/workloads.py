"""Workloads that a person hands over beside an image: which of their containers run it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from hullmark.isolation.document import MAX_MANIFEST_BYTES
from hullmark.isolation.manifest import read_workloads
from hullmark.model.errors import HullmarkError
from hullmark.model.inventory import InventorySource
from hullmark.model.isolation import PlacedContainer, Workload
from hullmark.model.limit import Limit
from hullmark.model.match import Matches
from hullmark.model.reference import parse_reference
from hullmark.policy.select import Name, names_of_source
from hullmark.scanning.documents import read_bounded
from hullmark.source import IMAGE, classify

_MAX_NAMED = Limit(10, "images of a manifest that a message names", "shortened")


class WorkloadFile(msgspec.Struct, frozen=True):
    """The workloads of a file, and what people call it."""

    path: str
    workloads: tuple[Workload, ...]


def load_workloads(path: Path, runtime_classes: Mapping[str, str] = {}, launch_type: str = "") -> WorkloadFile:
    """The workloads of a file, which is called by its path from the working folder. Raises HullmarkError."""
    workloads = read_workloads(read_bounded(path, MAX_MANIFEST_BYTES), runtime_classes, launch_type)
    resolved, here = path.resolve(), Path.cwd()
    shown = resolved.relative_to(here) if resolved.is_relative_to(here) else path
    return WorkloadFile(shown.as_posix(), workloads)


def all_placed(text: str) -> tuple[PlacedContainer, ...]:
    """Every container of a manifest, whatever its image. Raises HullmarkError."""
    return tuple(_all(WorkloadFile("", read_workloads(text.encode()))))


def placed_containers(
    files: Iterable[WorkloadFile], source: InventorySource, reference: str, container: str = ""
) -> tuple[PlacedContainer, ...]:
    """The containers that run an image, by its names and digests; or those of a name (`web`, `Deployment/web/web`), whatever they run.

    Raises HullmarkError where there are none: then nobody has told how the image is to run.
    """
    everything = [placed for file in files for placed in _all(file)]
    names = names_of_source(source, reference)
    if container:
        found = [placed for placed in everything if container in (placed.name, placed.container.name)]
    else:
        found = [placed for placed in everything if _runs(placed.container.image, source, names)]
    if found:
        return tuple(found)
    if container:
        known = sorted({placed.name for placed in everything})
        raise HullmarkError(f"the workload has no container {container!r}", advice=f"it has {_format_names(known)}")
    images = sorted({placed.container.image for placed in everything})
    raise HullmarkError(
        f"no container of the workload runs {source.reference}",
        advice=f"it names {_format_names(images)}; say --container NAME, or --tag REF for the name that the image goes by",
    )


def containers_by_image(files: Iterable[WorkloadFile], container: str = "") -> dict[str, tuple[PlacedContainer, ...]]:
    """The images that workloads name, as they are written first, each with the containers that run it; only those of a container of this
    name ("": of all). What is not a reference of an image does not count: a manifest does not say which files of this machine are read.

    Raises HullmarkError where none is named, and for what is not a reference.
    """
    everything = [placed for file in files for placed in _all(file)]
    wanted = [placed for placed in everything if container in ("", placed.name, placed.container.name)]
    found: dict[str, list[PlacedContainer]] = {}
    written: dict[str, str] = {}
    for placed in wanted:
        image = placed.container.image
        if image:
            key = str(parse_reference(image))
            found.setdefault(written.setdefault(key, image), []).append(placed)
    if found:
        return {_as_source(image): tuple(some) for image, some in found.items()}
    what = f"no container {container!r} with an image" if container else "no container with an image"
    known = sorted({placed.name for placed in everything})
    raise HullmarkError(
        f"the workload has {what}", advice=f"it has {_format_names(known)}" if known else "name a SOURCE"
    )


def _as_source(image: str) -> str:
    """A reference as a SOURCE that is one, also where a file of this name is here."""
    return image if classify(image)[0] == IMAGE else f"registry:{image}"


def at_places(matches: Matches, files: tuple[WorkloadFile, ...], container: str = "") -> Matches:
    """Matches with the containers that run the image; as they are where no workload was handed over. Raises as `placed_containers` does."""
    if not files:
        return matches
    return msgspec.structs.replace(matches, places=placed_containers(files, matches.source, "", container))


def _format_names(names: list[str]) -> str:
    more = f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
    return ", ".join(name[:200] or "an image without a name" for name in names[:_MAX_NAMED]) + more


def _all(file: WorkloadFile) -> Iterator[PlacedContainer]:
    for workload in file.workloads:
        for container in workload.containers:
            yield PlacedContainer(workload=workload, container=container, path=file.path)


def _runs(image: str, source: InventorySource, names: tuple[Name, ...]) -> bool:
    """Whether a container's image is this one. A digest decides where one is told; else the name and the tag do."""
    _, at, digest = image.partition("@")
    bare = image if image.startswith("sha256:") else digest
    if bare:
        asked = source.reference.partition("@")[2]
        return bare in (source.digest, source.config_digest, asked)
    own = _full(image) if image and not at else ""
    return bool(own) and any(_full(name.written) == own for name in names if name.path)


def _full(name: str) -> str:
    """A name with all that is understood filled in, without a digest; "" for what is not a name."""
    try:
        return str(msgspec.structs.replace(parse_reference(name), digest=""))
    except HullmarkError:
        return ""
