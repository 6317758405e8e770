"""Why Hullmark may list what a native tool does not: each reason with the test that it applies to a package."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from bench.native.answer import ANY, Item

_INNER = re.compile(r"/node_modules/(?:@[^/]+/)?[^/]+/.+/node_modules/(?:@[^/]+/)?[^/]+/package\.json$").search
_TESTS = re.compile(r"/tests?/").search
_CLAIM = re.compile(r"(?:/sboms/[^/]+\.json|\.(?:cdx|spdx)\.json)(?::.*)?$").search
_SITE = re.compile(r"/(?:site|dist)-packages/(?:.+/)?[^/]+/").search


@dataclass(frozen=True)
class Image:
    """The unpacked image, and what the native tool listed of the type."""

    root: Path
    listed: frozenset[Item] = field(default_factory=frozenset)

    @cached_property
    def owned(self) -> frozenset[str]:
        """Every path on the lists of dpkg's packages, links in folders followed."""
        paths: set[str] = set()
        for listing in (self.root / "var/lib/dpkg/info").glob("*.list"):
            paths.update(listing.read_text("utf-8", "replace").splitlines())
        return frozenset(paths)


@dataclass(frozen=True, slots=True)
class Explanation:
    """A reason, and whether it is the one for this package of this type ("": of any)."""

    type: str
    reason: str
    holds: Callable[[Item, Image], bool]


def _is_fixture(item: Item) -> bool:
    """Data of a test is not a package, whoever ships it: nothing explains it."""
    return _TESTS(item.place) is not None


def _is_packed_over(item: Item, image: Image) -> bool:
    """Whether there are poms in the archive at the item's place, and none is the archive's own by its file name."""
    stem = _joined(re.split("[/:]", item.place)[-1].rpartition(".")[0])
    poms = [other for other in image.listed if other.place == item.place and other.name != ANY]
    return bool(poms) and not any(_joined(f"{_artifact(pom)}-{pom.version}") == stem for pom in poms)


def _artifact(item: Item) -> str:
    return item.name.rpartition(":")[2]


def _joined(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name)


EXPLANATIONS = (
    Explanation(
        "",
        "a bill of materials in the image names it",
        lambda item, image: _CLAIM(item.place) is not None,
    ),
    Explanation(
        "pypi",
        "a wheel or an egg that lies there as it is",
        lambda item, image: item.place.endswith((".whl", ".egg")),
    ),
    Explanation(
        "generic",
        "a program for Windows or an application of macOS, by what it says of itself",
        lambda item, image: item.place.lower().endswith((".exe", ".dll", "/info.plist")),
    ),
    Explanation(
        "npm",
        "a Debian package ships it in /usr/share/nodejs, where npm does not look",
        lambda item, image: item.place.startswith("/usr/share/nodejs/") and item.place in image.owned,
    ),
    Explanation(
        "npm",
        "an installed package ships it in a node_modules folder deep inside itself, where npm does not look",
        lambda item, image: _INNER(item.place) is not None and not _is_fixture(item),
    ),
    Explanation(
        "npm",
        "a Python distribution ships it among its files",
        lambda item, image: _SITE(item.place) is not None and not _is_fixture(item),
    ),
    Explanation(
        "pypi",
        "it is vendored, with its metadata, inside another distribution, where the interpreter does not look",
        lambda item, image: _SITE(item.place.rsplit("/", 2)[0] + "/") is not None and not _is_fixture(item),
    ),
    Explanation(
        "maven",
        "the archive itself: the poms in it are those of what was packed into it",
        _is_packed_over,
    ),
)


def reason_for(kind: str, item: Item, image: Image) -> str | None:
    """The first reason that holds; None if nothing explains the package."""
    return next(
        (
            explanation.reason
            for explanation in EXPLANATIONS
            if explanation.type in ("", kind) and explanation.holds(item, image)
        ),
        None,
    )
