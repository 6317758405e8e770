"""What is newer than an image's packages, as a table for people: security updates first."""

from __future__ import annotations

from collections.abc import Iterator

from hullmark.model.advisory import Lifecycle
from hullmark.model.limit import Limit
from hullmark.model.plural import plural
from hullmark.model.upkeep import BaseImage, Forecast, NewerTags, PackageUpdate, Upkeep
from hullmark.report.format import Format, RenderContext
from hullmark.report.table import columns
from hullmark.report.terminal import Paint, fact, problem_lines, safe

_HEAD = ("PACKAGE", "INSTALLED", "UPDATE", "SINCE", "FROM")
_MAX_NAMED = Limit(12, "packages without an update list in a table; the others are counted", "shortened")


def render(upkeep: Upkeep, context: RenderContext) -> bytes:
    """A row for each update, then what it comes to."""
    paint, width = Paint(context.color), context.width
    names = {index.url: index.name for index in upkeep.indexes}
    updates = sorted(upkeep.updates, key=lambda update: not update.is_security)
    lines: list[str] = []
    if updates:
        rows = [tuple(map(safe, _cells(update, names))) for update in updates]
        lines += [*columns(_HEAD, rows, width, paint, ("SINCE", "FROM")), ""]
    lines += [fact(name, value, paint, width) for name, value in _facts(upkeep)]
    lines += problem_lines(upkeep.problems, width, paint)
    return ("\n".join(lines) + "\n").encode()


def _cells(update: PackageUpdate, names: dict[str, str]) -> tuple[str, ...]:
    installed, origin = update.installed, names.get(update.index, update.index)
    return (
        installed.name,
        installed.version,
        update.candidate.version,
        update.since,
        f"{origin} (security)" if update.is_security and "security" not in origin else origin,
    )


def _facts(upkeep: Upkeep) -> Iterator[tuple[str, str]]:
    security = sum(update.is_security for update in upkeep.updates)
    known = " known" if upkeep.is_open else ""
    yield (
        "Updates",
        f"{len(upkeep.updates):,}{known} of {plural(upkeep.packages, 'package')}, {security:,} for security",
    )
    if upkeep.forecast is not None:
        yield "Forecast", _forecast(upkeep.forecast)
    if upkeep.base is not None:
        yield "Base", safe(_base(upkeep.base))
        if upkeep.base.tags is not None:
            yield "Tag", safe(_tags(upkeep.base.tags))
    if upkeep.unlisted:
        shown = ", ".join(safe(package.name) for package in upkeep.unlisted[:_MAX_NAMED])
        more = len(upkeep.unlisted) - _MAX_NAMED
        yield "Unlisted", shown + (f" and {more:,} more" if more > 0 else "")
    for index in upkeep.indexes:
        if not index.reason:
            made = f", made on {index.date}" if index.date else ""
            yield "List", f"{safe(index.name)}: {plural(index.packages, 'package')} of the image{made}"
    for told in dict.fromkeys(_end(end) for end in upkeep.lifecycles if end.eol):
        yield "Supported", told


def _forecast(forecast: Forecast) -> str:
    now, gone, come = len(forecast.now), len(forecast.gone), len(forecast.come)
    added = f"; {come:,} would be new" if come else ""
    more = f"; there may be more: {safe('; '.join(forecast.uncovered))}" if forecast.uncovered else ""
    return f"updated today, {gone:,} of {plural(now, 'vulnerability', 'vulnerabilities')} would go{added}{more}"


def _base(base: BaseImage) -> str:
    if not base.layers:
        return f"{base.reference}, as a label says; with --base it is known which layers are its"
    made = f", made on {base.created}" if base.created else ""
    found = "" if base.vulnerabilities is None else f", {base.vulnerabilities:,} of the vulnerabilities"
    return (
        f"{base.reference}{made}: its first {plural(base.layers, 'layer')}, {plural(base.packages, 'package')}{found}"
    )


def _tags(tags: NewerTags) -> str:
    moved = "the base's tag names another image now; " if tags.is_moved else ""
    if not tags.count:
        return f"{moved}no tag that is written as the base's is newer"
    line = f", {tags.of_line} of the same line" if tags.of_line and tags.of_line != tags.newest else ""
    return f"{moved}{plural(tags.count, 'tag')} newer than the base's, the newest {tags.newest}{line}"


def _end(end: Lifecycle) -> str:
    extended = f", for those who pay until {end.extended}" if end.extended else ""
    return safe(f"{end.product} {end.release} until {end.eol}{extended}")


FORMAT = Format(
    kind="upkeep", name="table", media_type="text/plain; charset=utf-8", file_name="upkeep.txt", render=render
)
