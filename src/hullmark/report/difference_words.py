"""What differs between two images, as sections of rows: what the table and the Markdown of a difference have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from hullmark.model.difference import FileChange, ImageDifference, ImageSizes, PackageChange, PackageVersion
from hullmark.model.image_layers import ImageLayers
from hullmark.model.inventory import InventoryLayer
from hullmark.model.limit import Limit
from hullmark.model.match import Match
from hullmark.model.plural import plural
from hullmark.report.matches_words import fixed_in
from hullmark.report.terminal import shorten_text

MAX_ROWS = Limit(50, "rows of each part of a difference that are shown in a table; the others are counted", "shortened")
_DIGEST_SHOWN = 12
_LONGEST = 200
_GHOST = "still in the image"


class Section(NamedTuple):
    """A part of what differs: its title with the numbers, a head, the first rows of their number, and columns to leave out first."""

    title: str
    head: tuple[str, ...]
    rows: list[tuple[str, ...]]
    total: int
    spare: tuple[str, ...] = ()

    @property
    def more(self) -> str:
        """What is said of the rows that are not shown; "" if all are."""
        return (
            f"and {self.total - len(self.rows):,} more, all of them with -o json" if self.total > len(self.rows) else ""
        )


def sections(difference: ImageDifference) -> Iterator[Section]:
    """All parts in which something differs, what matters most first; then the layers one by one, if they were requested."""
    yield from _differing(difference)
    if difference.by_layer is not None:
        yield from _by_layer(difference.by_layer)


def _differing(difference: ImageDifference) -> Iterator[Section]:
    for section in (
        _vulnerabilities(difference),
        _packages(difference.packages),
        _settings(difference),
        _layers(difference),
        _licences(difference),
        _files(difference.files or ()),
    ):
        if section.total:
            yield section


def facts(difference: ImageDifference) -> Iterator[tuple[str, str]]:
    """Names and values: what was compared, and the numbers of both."""
    yield "Before", _format_reference(difference.before.reference, difference.before.digest)
    yield "After", _format_reference(difference.after.reference, difference.after.digest)
    systems = [
        (distro.pretty_name or f"{distro.id} {distro.version_id}".strip()) if distro is not None else ""
        for distro in (difference.before_distro, difference.after_distro)
    ]
    yield "Distro", _then(*systems)
    old, new = difference.before_sizes, difference.after_sizes
    yield "Packages", _then(f"{old.packages:,}", f"{new.packages:,}")
    if (counts := _numbers(old.unexplained, new.unexplained)) and counts != "0":
        yield "Programs", f"{counts} unexplained"
    yield "Files", _numbers(old.files, new.files)
    for name, field in (("Stored", "stored"), ("Unpacked", "unpacked"), ("Visible", "visible")):
        yield name, _bytes(old, new, field)
    if (layers := difference.layers) is not None:
        yield "Layers", f"{len(layers.shared)} shared, {len(layers.gone)} gone, {len(layers.new)} new"
    if (found := difference.vulnerabilities) is not None:
        yield "Matches", f"{len(found.gone)} gone, {len(found.come)} new, {found.stay} in both"


def sameness(difference: ImageDifference) -> str:
    """What is said where nothing differs; "" where something does."""
    return "" if any(True for _ in _differing(difference)) else "Nothing that was compared differs."


def short_digest(layer: InventoryLayer) -> str:
    """The first digits of a layer's digest."""
    return (layer.digest or layer.diff_id).rpartition(":")[2][:_DIGEST_SHOWN]


def instruction(layer: InventoryLayer) -> str:
    """The instruction that made a layer, on one line, as many whole words as a table has room for."""
    return shorten_text(" ".join(layer.created_by.split()), _LONGEST)


def _format_reference(reference: str, digest: str) -> str:
    return f"{reference} ({digest})" if digest else reference


def _then(before: str, after: str) -> str:
    return before if before == after else f"{before or 'none'}, then {after or 'none'}"


def _numbers(before: int | None, after: int | None) -> str:
    if before is None or after is None:
        return ""
    return _then(f"{before:,}", f"{after:,}")


def _bytes(old: ImageSizes, new: ImageSizes, field: str) -> str:
    before, after = getattr(old, field), getattr(new, field)
    if before is None or after is None:
        return ""
    change = f" ({after - before:+,})" if after != before else ""
    return f"{_numbers(before, after)} bytes{change}"


def _section(
    title: str, head: Sequence[str], rows: Iterable[tuple[str, ...]], total: int, spare: tuple[str, ...] = ()
) -> Section:
    first = [row for row, _ in zip(rows, range(MAX_ROWS), strict=False)]
    return Section(title, tuple(head), first, total, spare)


def _vulnerabilities(difference: ImageDifference) -> Section:
    found = difference.vulnerabilities
    come, gone = (found.come, found.gone) if found is not None else ((), ())
    rows = (_match(step, match) for step, matches in (("new", come), ("gone", gone)) for match in matches)
    head = ("", "SEVERITY", "VULNERABILITY", "PACKAGE", "VERSION", "FIXED IN", "KEV")
    title = f"Vulnerabilities: {len(come)} new, {len(gone)} gone"
    return _section(title, head, rows, len(come) + len(gone))


def _match(step: str, match: Match) -> tuple[str, ...]:
    advisory, package = match.advisory, match.package
    exploited = "yes" if advisory.kev is not None else ""
    return (step, advisory.severity, advisory.id, package.name, package.version, fixed_in(match.fix), exploited)


def _packages(changes: Sequence[PackageChange]) -> Section:
    head = ("", "PACKAGE", "BEFORE", "AFTER", "TYPE", "ALSO")
    return _section(
        f"Packages: {_counts(change.step for change in changes)}", head, map(_package, changes), len(changes), ("TYPE",)
    )


def _counts(steps: Iterable[str]) -> str:
    counted = Counter(steps)
    return ", ".join(f"{counted[step]} {step}" for step in ("in", "out", "up", "down", "changed") if counted[step])


def _package(change: PackageChange) -> tuple[str, ...]:
    before, after = change.before, change.after
    return (
        change.step,
        change.name,
        before.version if before is not None else "",
        after.version if after is not None else "",
        change.type,
        ", ".join(_also(before, after)) if before is not None and after is not None else "",
    )


def _also(before: PackageVersion, after: PackageVersion) -> Iterator[str]:
    if before.arch != after.arch:
        yield f"architecture {_then(before.arch, after.arch)}"
    if before.licenses != after.licenses:
        yield "licences"


def _settings(difference: ImageDifference) -> Section:
    changes = difference.settings or ()
    rows = ((f"{change.name} {change.key}".rstrip(), _value(change.before), _value(change.after)) for change in changes)
    return _section(f"Settings: {plural(len(changes), 'change')}", ("SETTING", "BEFORE", "AFTER"), rows, len(changes))


def _value(value: str | None) -> str:
    """A value of a setting; one that has a key alone is `set`."""
    if value is None:
        return ""
    return shorten_text(value, _LONGEST) or "set"


def _layers(difference: ImageDifference) -> Section:
    found = difference.layers
    gone, new = (found.gone, found.new) if found is not None else ((), ())
    rows = (
        (step, short_digest(layer), f"{layer.size:,}" if layer.size >= 0 else "", instruction(layer))
        for step, layers in (("gone", gone), ("new", new))
        for layer in layers
    )
    shared = len(found.shared) if found is not None else 0
    title = f"Layers: {shared} shared, {len(gone)} gone, {len(new)} new"
    return _section(title, ("", "DIGEST", "BYTES", "INSTRUCTION"), rows, len(gone) + len(new), ("DIGEST",))


def _licences(difference: ImageDifference) -> Section:
    come, gone = difference.licences_in, difference.licences_out
    rows = (
        (step, shorten_text(" ".join(licence.split()), _LONGEST))
        for step, licences in (("in", come), ("out", gone))
        for licence in licences
    )
    title = f"Licences: {len(come)} in, {len(gone)} out"
    return _section(title, ("", "LICENCE"), rows, len(come) + len(gone))


def _files(changes: Sequence[FileChange]) -> Section:
    title = f"Files: {_counts(change.step for change in changes)}"
    return _section(title, ("", "PATH", "BYTES", "WHAT"), map(_file, changes), len(changes), ("BYTES",))


def _file(change: FileChange) -> tuple[str, ...]:
    before, after = change.before, change.after
    record = after or before
    size = f"{record.size:,}" if record is not None and record.type == "file" else ""
    if before is None or after is None:
        return change.step, change.path, size, "" if record is None or record.type == "file" else record.type
    said = {
        "type": f"type {before.type}, then {after.type}",
        "mode": f"mode {before.mode:04o}, then {after.mode:04o}",
        "owner": f"owner {before.uid}:{before.gid}, then {after.uid}:{after.gid}",
        "target": f"target {before.link}, then {after.link}",
    }
    return change.step, change.path, size, "; ".join(said.get(what, what) for what in change.what)


def _by_layer(layers: ImageLayers) -> Iterator[Section]:
    """What each layer does: what it hides, what of it is a ghost, what it changes, what it adds."""
    for number, (layer, files) in enumerate(zip(layers.source.layers, layers.layers, strict=False)):
        lists = (("hides", files.hidden), ("changes", files.changed), ("adds", files.added))
        ghosts = [
            (_GHOST, ghost.path, f"{ghost.size:,}", f"hidden by layer {ghost.hidden_by}") for ghost in files.ghosts
        ]
        rows = [(step, path, "", "") for step, paths in lists for path in paths[:MAX_ROWS]]
        total = len(ghosts) + sum(len(paths) for _, paths in lists)
        numbers = (
            f"{len(files.added):,} added, {len(files.changed):,} changed, {len(files.hidden):,} hidden, "
            f"{files.wasted:,} bytes wasted"
        )
        title = f"Layer {number} ({short_digest(layer)}): {numbers}"
        yield _section(title, ("", "PATH", "BYTES", "BY"), ghosts[:MAX_ROWS] + rows, total)
