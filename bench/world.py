"""A made-up world to measure a server in: packages, package sets, images and advisories, skewed as real ones are. Same seed, same world."""

from __future__ import annotations

import random
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import msgspec

from hullmark.advisories.database.build import build
from hullmark.advisories.database.schema import Cover, FeedInfo
from hullmark.advisories.match.coordinates import Coordinate
from hullmark.model.advisory import (
    Advisory,
    AffectedPackage,
    Cvss,
    Exploitability,
    KevEntry,
    Lifecycle,
    Range,
    Record,
    Severity,
)
from hullmark.model.inventory import Distro

_SEVERITIES: tuple[Severity, ...] = ("low", "medium", "high", "critical")
_SYSTEMS = {
    "debian": ("deb", "debian", ("11", "12", "13")),
    "ubuntu": ("deb", "ubuntu", ("20.04", "22.04", "24.04")),
    "alpine": ("apk", "alpine", ("3.17", "3.18", "3.19", "3.20")),
    "rhel": ("rpm", "rhel", ("8", "9")),
    "amazon": ("rpm", "amzn", ("2", "2023")),
}
_LANGUAGES = {"npm": 75_000, "pypi": 33_000, "maven": 28_000, "golang": 28_000, "gem": 6_500, "cargo": 6_500}
_SCHEMES = {"npm": "npm", "pypi": "pep440", "maven": "maven", "golang": "golang", "gem": "gem", "cargo": "cargo"}
_SOURCES = 3_000
_SET_SIZE = 50
_SETS_OF_AN_IMAGE = 6
_T = TypeVar("_T")


@dataclass(frozen=True)
class Size:
    """How much of everything there is."""

    images: int = 1_000_000
    sets: int = 200_000
    coordinates: int = 1_500_000
    advisories: int = 300_000
    changes: int = 1_000
    seed: int = 7


@dataclass(frozen=True)
class Name:
    """A package that advisories speak of, and how many versions of it are about."""

    family: str
    name: str
    versions: int


@dataclass(frozen=True)
class World:
    """Coordinates, package sets and images, by number. Of a set the numbers of its coordinates, of an image those of its sets, sorted."""

    coordinates: list[Coordinate] = field(default_factory=list)
    sets: list[array[int]] = field(default_factory=list)
    images: list[array[int]] = field(default_factory=list)


@dataclass
class Pool:
    """The coordinates of one language or of one release of a distribution, the popular ones first."""

    is_system: bool
    numbers: list[int] = field(default_factory=list)


def scaled(images: int) -> Size:
    """The sizes for so many images, all in proportion to those for a million."""
    part = images / Size.images
    whole = Size()
    return replace(
        whole,
        images=images,
        sets=max(50, int(whole.sets * part)),
        coordinates=max(500, int(whole.coordinates * part)),
        advisories=max(200, int(whole.advisories * part)),
        changes=min(whole.changes, max(20, int(whole.changes * part * 10))),
    )


def names_of(size: Size) -> list[Name]:
    """The packages by family, the popular ones first; a popular one has many versions."""
    part = size.coordinates / Size.coordinates
    counts = dict.fromkeys(_SYSTEMS, (_SOURCES, 14, 6)) | {name: (count, 60, 2) for name, count in _LANGUAGES.items()}
    return [
        Name(family, _name(family, rank), least + int((most - least) / (1 + rank / (count * part / 60))))
        for family, (count, most, least) in counts.items()
        for rank in range(max(20, int(count * part)))
    ]


def _name(family: str, rank: int) -> str:
    if family == "maven":
        return f"org.group{rank % 997}:artifact-{rank}"
    return f"example.org/owner{rank % 997}/{family}-{rank}" if family == "golang" else f"{family}-package-{rank}"


def version_of(family: str, step: int) -> str:
    """The version that came after `step` others."""
    if family in _SYSTEMS:
        kind = _SYSTEMS[family][0]
        tail = {"deb": f"-{step % 3 + 1}", "rpm": f"-{step % 3 + 1}.el9", "apk": f"-r{step % 3}"}[kind]
        return f"1.{step // 3}.0{tail}"
    return f"{'v' if family == 'golang' else ''}{1 + step // 40}.{step % 40}.{step % 3}"


def _coordinates(name: Name) -> Iterator[tuple[str, Coordinate]]:
    """The pool and the coordinate, for all versions and binaries of a package."""
    if name.family not in _SYSTEMS:
        space, _, short = name.name.rpartition(":" if name.family == "maven" else "/")
        for step in range(name.versions):
            version = version_of(name.family, step)
            yield name.family, Coordinate(type=name.family, name=short or name.name, version=version, space=space)
        return
    kind, identifier, releases = _SYSTEMS[name.family]
    for release in releases:
        distro = Distro(id=identifier, version_id=release)
        for step in range(name.versions):
            version = version_of(name.family, step)
            for binary in (name.name, f"{name.name}-libs"):
                yield (
                    f"{name.family}:{release}",
                    Coordinate(type=kind, name=binary, version=version, source_name=name.name, source_version=version,
                               arch="amd64", distro=distro),
                )  # fmt: skip


def world_of(size: Size, names: list[Name]) -> World:
    """The images and what they hold: each package set has some rare coordinates of its own, the rest are popular ones."""
    rng = random.Random(size.seed)  # noqa: S311 - no secret
    world = World()
    pools: dict[str, Pool] = {}
    for name in names:
        for place, coordinate in _coordinates(name):
            if place not in pools:
                pools[place] = Pool(is_system=coordinate.distro is not None)
            pools[place].numbers.append(len(world.coordinates))
            world.coordinates.append(coordinate)
    systems: list[int] = []
    languages: list[int] = []
    for pool in pools.values():
        share = max(1, round(size.sets * len(pool.numbers) / len(world.coordinates)))
        first = len(world.sets)
        world.sets.extend(_numbers(_set(rng, pool.numbers, at, share)) for at in range(share))
        (systems if pool.is_system else languages).extend(range(first, len(world.sets)))
    rng.shuffle(systems)
    rng.shuffle(languages)
    for _ in range(size.images):
        system = _pick(rng, systems, 4)
        others = [_pick(rng, languages, 2) for _ in range(_SETS_OF_AN_IMAGE - 1)]
        world.images.append(_numbers([system, *others]))
    return world


def _numbers(numbers: list[int]) -> array[int]:
    return array("I", sorted(set(numbers)))


def _set(rng: random.Random, numbers: list[int], at: int, share: int) -> list[int]:
    return numbers[at::share] + [_pick(rng, numbers, 3) for _ in range(_SET_SIZE)]


def _pick(rng: random.Random, values: Sequence[_T], skew: int) -> _T:
    return values[int(len(values) * rng.random() ** skew)]


def records_of(size: Size, names: list[Name]) -> list[Record]:
    """Advisories about popular packages more than about others, ratings of each CVE, EPSS and KEV."""
    rng = random.Random(size.seed + 1)  # noqa: S311 - no secret
    by_family: dict[str, list[Name]] = {}
    for name in names:
        by_family.setdefault(name.family, []).append(name)
    families = list(by_family)
    found: list[Record] = []
    for number in range(size.advisories // 2):
        cve = f"CVE-20{10 + number % 16}-{10_000 + number}"
        family = rng.choice(families)
        # A third is about packages that no image has.
        place = int(len(by_family[family]) * rng.random() ** 2 * 2.25)
        name = by_family[family][place] if place < len(by_family[family]) else Name(family, _name(family, place), 9)
        found.append(_advisory(rng, cve, name))
        found.append(Advisory(id=cve, source="nvd", cvss=(Cvss("3.1", "CVSS:3.1/AV:N", rng.choice((5.0, 7.5, 9.8))),)))
        found.append(Exploitability(cve, round(rng.random() ** 8, 5), rng.random(), "2026-01-31"))
        if number % 150 == 0:
            found.append(KevEntry(cve=cve, source="kev", added="2026-01-31"))
    for _, identifier, releases in _SYSTEMS.values():
        found += [
            Lifecycle(product=identifier, release=release, source="ends", eol="2026-12-31") for release in releases
        ]
    return found


def _advisory(rng: random.Random, cve: str, name: Name) -> Advisory:
    low, width = sorted(rng.randrange(name.versions) for _ in range(2))
    fixed = version_of(name.family, min(low + 1 + (width - low) // 3, name.versions))
    span = (Range(low=version_of(name.family, low), high=fixed, fixed=fixed),)
    if name.family not in _SYSTEMS:
        part = AffectedPackage(namespace=name.family, name=name.name, scheme=_SCHEMES[name.family], ranges=span)
        severity = rng.choice(_SEVERITIES)
        return Advisory(id=f"GHSA-{cve[4:]}", source="ghsa", aliases=(cve,), severity=severity, affected=(part,))
    kind, _, releases = _SYSTEMS[name.family]
    parts = tuple(
        AffectedPackage(namespace=f"{name.family}:{release}", name=name.name, scheme=kind, ranges=span)
        for release in releases
        if rng.random() < 0.7
    )
    return Advisory(id=cve, source=name.family, affected=parts)


def changed(size: Size, records: list[Record]) -> list[Record]:
    """The records of the next day: of `changes` advisories some have another fix, another severity, are gone or withdrawn."""
    rng = random.Random(size.seed + 2)  # noqa: S311 - no secret
    places = [place for place, record in enumerate(records) if isinstance(record, Advisory) and record.affected]
    found: list[Record | None] = list(records)
    for turn, place in enumerate(rng.sample(places, size.changes)):
        found[place] = _another(turn, records[place])
    return [each for each in found if each is not None]


def _another(turn: int, record: Record) -> Record | None:
    assert isinstance(record, Advisory)
    if turn % 20 == 0:
        return msgspec.structs.replace(record, withdrawn="2026-02-01")
    if turn % 20 == 1:
        return None
    if turn % 20 < 6:
        return msgspec.structs.replace(record, severity="critical" if record.severity != "critical" else "high")
    parts = tuple(
        msgspec.structs.replace(
            part, ranges=tuple(msgspec.structs.replace(span, high="", fixed="") for span in part.ranges)
        )
        for part in record.affected
    )
    return msgspec.structs.replace(record, affected=parts)


def _feed(name: str) -> FeedInfo:
    """A feed that tells all of what it speaks of, however old it is."""
    whole = (Cover("*", 0),)
    return FeedInfo(
        name=name,
        title=name,
        homepage="",
        licence="",
        covers=whole,
        checked_on="2026-01-01",
        dated_by="check",
        stale_days=0,
    )


def snapshot_of(path: Path, records: list[Record]) -> str:
    """Write a snapshot of the records; answers its digest."""
    by_feed: dict[str, list[Record]] = {}
    for record in records:
        by_feed.setdefault(record.source if isinstance(record, Advisory) else "exploits", []).append(record)
    return build(path, [(_feed(name), by_feed[name]) for name in sorted(by_feed)])
