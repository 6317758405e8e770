"""What Red Hat's CSAF documents say of container images: components with purls of type `oci`.

A row is of a repository (`openshift4/ose-console-rhel9`) in a product (`openshift:4.16`, as `module`), whatever the architecture. A fix
is the tag of a build. Builds of one minor version (`v4.16…`) tell nothing of another one: a row reaches from the first version of
the stream up to the fix, and of the lowest stream that a document fixes, from the beginning; of several fixes in a stream the newest
counts. Tags that are moments (newer build systems) have no version in them; there the product tells the stream. What has no fix, or is
still looked into, is every version, whatever tag is named beside it.

https://redhatproductsecurity.github.io/security-data-guidelines/scanning-vendors/ says how they are to be read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cmp_to_key
from typing import NamedTuple

import msgspec

from hullmark.advisories.feeds.formats import csaf
from hullmark.advisories.feeds.formats.wording import day_of
from hullmark.model.advisory import EVERY_VERSION, AffectedPackage, FixState, Range
from hullmark.model.cpe import red_hat_product
from hullmark.model.purl import unquote
from hullmark.versions import InvalidVersion, rhctag

NAMESPACE = "oci:redhat"
"""Where advisories on Red Hat's container images are."""

WONT_FIX = "no_fix_planned"
"""The category of the remediation that says so."""

_PURL = re.compile(r"pkg:oci/(?P<path>[^@?#]+)(?:@[^?#]*)?(?:\?(?P<qualifiers>[^#]*))?").match
_ANNOUNCEMENT = re.compile(r"RH[A-Z]A-\d{4}:\d+")
_UNTOLD = "which builds are fixed is not known"
_ORDER = cmp_to_key(rhctag.compare)
_MOMENTS = ("moments", "")


class Image(NamedTuple):
    """An image in a document: the names of its repository, and the tag, "" if none is told."""

    names: tuple[str, ...]
    tag: str


class _Key(NamedTuple):
    name: str
    product: str


class _Fix(NamedTuple):
    tag: str
    announcement: str
    day: str


def image_of(purl: str) -> Image | None:
    """The image that a purl is of; None for other packages.

    The repository is `repository_url` without its registry; where that is only the first part of it, the purl's name is the rest. A
    purl with a namespace names the repository of the build besides.
    """
    found = _PURL(purl)
    if found is None:
        return None
    qualifiers = dict(part.partition("=")[::2] for part in (found["qualifiers"] or "").split("&"))
    path = unquote(found["path"]).strip("/")
    _, _, repository = unquote(qualifiers.get("repository_url", "")).strip("/").partition("/")
    if repository and "/" in path and "/" not in repository:
        repository += "/" + path.rpartition("/")[2]
    names = tuple(dict.fromkeys(name for name in (repository, path if "/" in path or not repository else "") if name))
    return Image(names, unquote(qualifiers.get("tag", ""))) if names else None


def remedies_of(vulnerability: csaf.Vulnerability, groups: Mapping[str, list[str]]) -> dict[str, csaf.Remediation]:
    """By product id, what mends it, or that nothing will."""
    found: dict[str, csaf.Remediation] = {}
    for remedy in vulnerability.remediations:
        if remedy.category in ("vendor_fix", WONT_FIX):
            found.update(dict.fromkeys(csaf.targets(remedy, groups), remedy))
    return found


def image_rows(
    vulnerability: csaf.Vulnerability,
    products: Mapping[str, csaf.Product],
    remedies: Mapping[str, csaf.Remediation],
    report: Callable[[str], None],
) -> Iterator[AffectedPackage]:
    """The rows of one vulnerability.

    Of a fix without a tag that can be compared nobody can tell which builds have it: it is reported, and its row is of kind unknown.
    """
    fixed, untold = _fixes(vulnerability, products, remedies)
    if untold:
        which = f"{vulnerability.id}: {len(untold):,} fixed container image(s)"
        report(
            f"{which} without the tag of a build, as {next(iter(untold.values()))[:200]}: which builds are safe is unknown"
        )
    unfixed: dict[_Key, FixState] = {}
    for identity, key, _ in _list_images(vulnerability, "known_affected", products):
        remedy = remedies.get(identity)
        is_final = remedy is not None and remedy.category == WONT_FIX
        unfixed.setdefault(key, "wont-fix" if is_final else "not-fixed")
    for _, key, _ in _list_images(vulnerability, "under_investigation", products):
        unfixed.setdefault(key, "unknown")
    safe = dict.fromkeys(key for _, key, _ in _list_images(vulnerability, "known_not_affected", products))
    yield from _fixed_rows(fixed)
    for key, state in unfixed.items():
        yield _row(key, ranges=(EVERY_VERSION,), fix_state=state)
    for key in sorted(untold.keys() - unfixed.keys()):
        yield _row(key, kind="unknown", ranges=(EVERY_VERSION,), note=_UNTOLD)
    for key in safe:
        if key not in fixed and key not in unfixed and key not in untold:
            yield _row(key, kind="unaffected", ranges=(EVERY_VERSION,))


def _fixes(
    vulnerability: csaf.Vulnerability, products: Mapping[str, csaf.Product], remedies: Mapping[str, csaf.Remediation]
) -> tuple[dict[_Key, dict[tuple[str, str], _Fix]], dict[_Key, str]]:
    """The newest fix of each image in each stream; and the images that are fixed in builds that are not told, with their ids."""
    fixed: dict[_Key, dict[tuple[str, str], _Fix]] = {}
    untold: dict[_Key, str] = {}
    for identity, key, image in _list_images(vulnerability, "fixed", products):
        stream = _stream(image.tag)
        if stream is None:
            untold.setdefault(key, identity)
            continue
        fix = _fix(image.tag, remedies.get(identity))
        best = fixed.setdefault(key, {}).setdefault(stream, fix)
        if rhctag.compare(best.tag, fix.tag) < 0:
            fixed[key][stream] = fix
    return fixed, untold


def _list_images(
    vulnerability: csaf.Vulnerability, status: str, products: Mapping[str, csaf.Product]
) -> Iterator[tuple[str, _Key, Image]]:
    """The products of a status that are images, once for each name."""
    for identity in vulnerability.product_status.get(status, ()):
        product = products.get(identity)
        if product is None:
            continue
        image = image_of(products.get(product.component, product).purl)
        if image is not None:
            _, platform, _ = csaf.parts(product, products)
            in_product = red_hat_product(platform.cpe) if platform is not None else ""
            for name in image.names:
                yield identity, _Key(name, in_product), image


def _stream(tag: str) -> tuple[str, str] | None:
    """The stream of a tag, the same one for all moments; None for what is not a tag of a build."""
    try:
        return _MOMENTS if rhctag.is_moment(tag) else rhctag.stream_of(tag)
    except InvalidVersion:
        return None


def _fix(tag: str, remedy: csaf.Remediation | None) -> _Fix:
    announcement = _ANNOUNCEMENT.search(remedy.url) if remedy is not None else None
    return _Fix(tag, announcement[0] if announcement else "", day_of(remedy.date) if remedy is not None else "")


def _fixed_rows(fixed: Mapping[_Key, Mapping[tuple[str, str], _Fix]]) -> Iterator[AffectedPackage]:
    streams: dict[str, list[tuple[str, str]]] = {}
    for key, fixes in fixed.items():
        streams.setdefault(key.name, []).extend(fixes)
    lowest = {name: _lowest(found) for name, found in streams.items()}
    for key, fixes in fixed.items():
        for stream, fix in fixes.items():
            yield _row(
                key,
                ranges=(Range(low=_low(stream, lowest[key.name]), high=fix.tag, fixed=fix.tag),),
                fix_state="fixed",
                fix_date=fix.day,
                vendor_ids=(fix.announcement,) if fix.announcement else (),
            )


def _lowest(streams: Iterable[tuple[str, str]]) -> tuple[str, str]:
    """The stream below which nothing is fixed; that of moments where there are no others."""
    versions = [stream for stream in streams if stream != _MOMENTS]
    return min(versions, key=lambda stream: _ORDER(rhctag.start_of(stream))) if versions else _MOMENTS


def _low(stream: tuple[str, str], lowest: tuple[str, str]) -> str:
    if stream == lowest:
        return ""
    return rhctag.FIRST_MOMENT if stream == _MOMENTS else rhctag.start_of(stream)


def _row(key: _Key, **fields: object) -> AffectedPackage:
    row = AffectedPackage(namespace=NAMESPACE, name=key.name, scheme="rhctag", module=key.product)
    return msgspec.structs.replace(row, **fields)
