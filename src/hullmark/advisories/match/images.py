"""Container images that are packages: which word of Red Hat's is about a build.

Red Hat speaks of a repository in a product. An image's product is told by its label `cpe`, as newer build systems write it; of older
ones the minor version in the tag is the stream in which a fix counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from hullmark.advisories.match.fixes import nearest
from hullmark.advisories.match.image_names import product_of
from hullmark.versions import InvalidVersion, rhctag

if TYPE_CHECKING:
    from hullmark.advisories.match.advisory_source import Hit
    from hullmark.advisories.match.answers import Answer
    from hullmark.model.advisory import AffectedPackage
    from hullmark.model.package import Package


def is_about(package: Package, affected: AffectedPackage) -> bool:
    """Whether what is said of a product is about this image. Nothing clears an image whose product is not known."""
    product, other = product_of(package), affected.module or ""
    if affected.kind == "unaffected":
        return bool(other) and _holds(other, product)
    return not product or not other or _holds(other, product) or _holds(product, other)


def governing(package: Package, answers: Iterable[Answer]) -> list[Answer]:
    """Of what one advisory says of an image: the word about its own product, else the fixes in its own stream; of those the nearest."""
    groups: dict[tuple[str, str], list[Answer]] = {}
    for answer in answers:
        groups.setdefault((answer[1].advisory.source, answer[1].advisory.id), []).append(answer)
    product = product_of(package)
    kept: list[Answer] = []
    for group in groups.values():
        own = _of_product(product, group) if product else _of_stream(package.version, group)
        kept += _with_nearest_fix(package.version, own)
    return kept


def filter_undecided(package: Package, open_ones: Iterable[Hit], answers: Iterable[Answer]) -> list[Hit]:
    """Those of the hits that cannot be told of the image, without advisories that tell of a fix in its own stream."""
    stream = _stream(package.version)
    told = {
        (hit.advisory.source, hit.advisory.id)
        for _, hit in answers
        if stream and hit.range.fixed and is_about(package, hit.affected) and _stream(hit.range.fixed) == stream
    }
    return [hit for hit in open_ones if (hit.advisory.source, hit.advisory.id) not in told]


def _of_product(product: str, group: list[Answer]) -> list[Answer]:
    """What is said of the most specific product that the image's is, or is in."""

    def depth(answer: Answer) -> int:
        other = answer[1].affected.module or ""
        return len(other) if _holds(other, product) else 0

    best = max(map(depth, group))
    return [answer for answer in group if depth(answer) == best]


def _of_stream(version: str, group: list[Answer]) -> list[Answer]:
    """The fixes in the stream of the version, if there is one; else all that is said."""
    stream = _stream(version)
    same = [answer for answer in group if stream and _stream(answer[1].range.fixed) == stream]
    return same or group


def _with_nearest_fix(version: str, group: list[Answer]) -> list[Answer]:
    fixes = {answer[1].range.fixed for answer in group if answer[1].covers} - {""}
    if len(fixes) < 2:
        return group
    best = nearest(version, rhctag.SCHEME.name, sorted(fixes))
    return [answer for answer in group if not answer[1].covers or answer[1].range.fixed in ("", best)]


def _stream(tag: str) -> tuple[str, str] | None:
    try:
        return ("", "") if rhctag.is_moment(tag) else rhctag.stream_of(tag)
    except InvalidVersion:
        return None


def _holds(product: str, other: str) -> bool:
    """Whether a product, `openshift:4`, is the other one or what it is a version of: `openshift:4.16`."""
    return bool(product) and (other == product or other.startswith(product + ("." if ":" in product else ":")))
