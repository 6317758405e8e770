"""The inventory as a table for people: packages, files if requested, what was inspected, what could not be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from hullmark.model.inventory import Inventory
from hullmark.model.package import Package
from hullmark.model.sizes import format_size
from hullmark.report import files_table
from hullmark.report.format import Format, RenderContext
from hullmark.report.table import columns
from hullmark.report.terminal import Paint, fact, problem_lines, safe

_HEAD = ("NAME", "VERSION", "TYPE", "ARCH", "LAYER", "PLACES")
_SPARE = ("PLACES", "ARCH", "LAYER")
_NAMED = 3


def render(inventory: Inventory, context: RenderContext) -> bytes:
    """The text. Packages that differ in nothing that is shown are one row, with the number of places."""
    paint = Paint(context.color)
    lines: list[str] = []
    if inventory.packages:
        lines += columns(_HEAD, _rows(inventory.packages), context.width, paint, _SPARE)
        lines.append("")
    lines += files_table.rows(inventory, context)
    lines += _summary(inventory, paint, context.width)
    lines += problem_lines(inventory.problems, context.width, paint)
    return ("\n".join(lines) + "\n").encode()


def _rows(packages: Iterable[Package]) -> list[tuple[str, ...]]:
    layers: dict[tuple[str, str, str, str], set[int]] = {}
    places: Counter[tuple[str, str, str, str]] = Counter()
    for package in packages:
        key = (package.type, package.name, package.version, package.arch)
        layers.setdefault(key, set()).update(location.layer for location in package.locations)
        places[key] += max(1, len(package.locations))
    return [
        (
            safe(name),
            safe(version),
            safe(type),
            safe(arch),
            ",".join(map(str, sorted(layers[type, name, version, arch]))),
            str(count) if count > 1 else "",
        )
        for (type, name, version, arch), count in places.items()
    ]


def _summary(inventory: Inventory, paint: Paint, width: int) -> Iterator[str]:
    source, distro = inventory.source, inventory.distro
    system = (distro.pretty_name or f"{distro.id} {distro.version_id}".strip()) if distro else "not recognised"
    by_type = Counter(package.type for package in inventory.packages)
    counts = ", ".join(f"{type} {count}" for type, count in sorted(by_type.items()))
    facts = (
        ("Image", source.reference),
        ("Digest", source.digest),
        ("Platform", source.platform),
        ("Distro", system),
        ("Layers", str(len(source.layers))),
        ("Packages", f"{len(inventory.packages)} ({counts})" if counts else "none found"),
        ("Programs", _format_unexplained_programs(inventory)),
        ("Files", "" if inventory.files is None else str(len(inventory.files))),
    )
    for name, value in facts:
        if value:
            yield fact(name, value, paint, width)


def _format_unexplained_programs(inventory: Inventory) -> str:
    """How many executables nothing explains, with the largest; "" where nobody counted."""
    found = inventory.unexplained
    if found is None:
        return ""
    if not found.executables:
        return "none unexplained"
    first = ", ".join(safe(file.path) for file in found.largest[:_NAMED])
    more = found.executables - min(_NAMED, len(found.largest))
    rest = f" and {more:,} more" if more > 0 else ""
    named = f": {first}{rest}" if first else ""  # documents of other formats have only the number
    return f"{found.executables:,} unexplained, {format_size(found.bytes)}{named}"


FORMAT = Format(
    kind="inventory", name="table", media_type="text/plain; charset=utf-8", file_name="inventory.txt", render=render
)
