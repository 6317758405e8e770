"""The matching scenarios beside the repository: their advisories, and what their packages and tables ask, as cases."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from hullmark.advisories.database.snapshot import Snapshot
from hullmark.advisories.feeds import vunnel
from hullmark.model.package import Package
from tests.support.advisories import Bytes
from tests.support.matching import package, snapshot_of
from tests.support.places import SHARED

Row = dict[str, Any]
State = tuple[str, str]

TYPES = {
    "ApkPkg": "apk", "BitnamiPkg": "bitnami", "DebPkg": "deb", "GemPkg": "gem", "GoModulePkg": "golang", "PythonPkg": "pypi",
    "RpmPkg": "rpm", "apk": "apk", "bitnami": "bitnami", "dpkg": "deb", "golang": "golang", "java": "maven", "javascript": "npm",
    "python": "pypi", "rpm": "rpm", "ruby": "gem",
}  # fmt: skip
"""The upstream's types of packages, and the matchers of its tests → purl types."""

DISTROS = {
    "Alpine318": "alpine:3.18", "AlmaLinux8": "almalinux:8", "ChainguardRolling": "chainguard:20230214",
    "Hummingbird1": "hummingbird:1", "RHEL8": "rhel:8", "RHEL9": "rhel:9", "SLES156": "sles:15.6", "Ubuntu1804": "ubuntu:18.04",
    "WolfiRolling": "wolfi:20230201", "oracle7": "ol:7",
}  # fmt: skip
"""The upstream's constants for distributions."""

OF_DATABASE = {
    "all": "debian:11", "eol-debian8": "debian:8", "rootio-debian-12": "debian:12", "rootio-ubuntu-2204": "ubuntu:22.04",
}  # fmt: skip
"""Where a package's distribution was lost: the one that the name of the set tells (`all`: that its scenario selects)."""

_NEW = re.compile(r'distro\.New\(distro\.(\w+), "([\d.]+)", ""\)').fullmatch
_PAID = re.compile(r'new(ESM|EUS)Distro\("([\d.]+)"\)').fullmatch
_IDS = {"RedHat": "rhel", "SLES": "sles", "Ubuntu": "ubuntu"}
_KINDS = {"match.ExactDirectMatch": "direct", "match.ExactIndirectMatch": "source", "match.CPEMatch": "cpe"}
_STATES = {
    "FixStateFixed": "fixed",
    "FixStateNotFixed": "not-fixed",
    "FixStateWontFix": "wont-fix",
    "FixStateUnknown": "unknown",
}


class Case(NamedTuple):
    """Packages, and what must be found in them: the vulnerabilities of `counts`, each once, by its id or an alias.

    `is_all`: nothing else may count. `silent`: ids that must not count. `kind` is how those of `counts` are found ("" for any way),
    `fixes` are their fixes. `distro` is ID:VERSION_ID; `channels` are paid ones in use.
    """

    name: str
    packages: tuple[Package, ...]
    distro: str = ""
    channels: tuple[str, ...] = ()
    counts: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    is_all: bool = True
    kind: str = ""
    fixes: frozenset[State] = frozenset()
    cpe_for_ended: bool = False


def scenarios() -> list[Row]:
    """All of them; none where the material is not there."""
    if SHARED is None:
        return []
    lines = (SHARED / "conformance" / "matching" / "scenarios.jsonl").read_bytes().splitlines()
    return [msgspec.json.decode(line) for line in lines]


def title(scenario: Row) -> str:
    """The name of the upstream's test, by which a scenario is told from the others."""
    return str(scenario["test"]).rpartition(":")[2]


def stored(scenario: Row) -> Snapshot:
    """A snapshot of the scenario's advisories: those it selects, and always the ends of life."""
    assert SHARED is not None
    top = SHARED / "conformance" / "matching" / "envelopes"
    paths = [path for name in scenario["db"] for path in sorted((top / name).glob("*/results/**/*.json"))]
    wanted = [each.lower() for each in scenario["select_only"]]
    documents = [
        Bytes(path.relative_to(top).as_posix(), path.read_bytes()) for path in paths if _is_selected(path, wanted)
    ]
    problems: list[tuple[str, str]] = []
    records = list(vunnel.parse(documents, lambda place, why: problems.append((place, why))))
    assert not problems
    assert records
    return snapshot_of(*records)


def _is_selected(path: Path, wanted: list[str]) -> bool:
    identifier = msgspec.json.decode(path.read_bytes())["identifier"].lower()
    return not wanted or path.parts[-3] == "eol" or any(f"/{identifier}".endswith(f"/{each}") for each in wanted)


def distro_of(text: str) -> tuple[str, tuple[str, ...]]:
    """ID:VERSION_ID of the upstream's expression, and the paid channels in use."""
    if found := _PAID(text):
        return f"{'ubuntu' if found[1] == 'ESM' else 'rhel'}:{found[2]}", (found[1].lower(),)
    if found := _NEW(text):
        return f"{_IDS[found[1]]}:{found[2]}", ()
    return DISTROS[text.removeprefix("dbtest.")], ()


def distro_of_all(scenario: Row) -> tuple[str, tuple[str, ...]]:
    """The distribution and channels of a scenario's packages; where they were lost, those of its set."""
    told = {each["distro"] for each in scenario["packages"] if each["distro"]}
    assert len(told) <= 1
    return distro_of(told.pop()) if told else (OF_DATABASE.get(scenario["db"][0], ""), ())


def built(type: str, name: str, version: str, *, source: tuple[str, str] | None = None, **more: Any) -> Package:
    """A package by the name that its ecosystem uses: `@scope/name`, `group:artifact`, a Go module's path."""
    space = ""
    if type in ("npm", "maven"):
        space, _, name = name.rpartition("/" if type == "npm" else ":")
    return package(type, name, version, source=source, space=space, **more)


def cases(scenario: Row, constants: dict[str, str]) -> Iterator[Case]:
    """What the packages and the table of a scenario ask. `constants` are values of names that the extraction did not resolve."""
    for row in scenario.get("table", ()):
        read = {key: _resolved(value, constants) for key, value in row.items()}
        yield _of_row(read, scenario)
    if "table" not in scenario:
        yield _of_packages(scenario)


def _resolved(value: Any, constants: dict[str, str]) -> Any:
    if isinstance(value, list):
        return [_resolved(each, constants) for each in value]
    if isinstance(value, str):
        bare = value.removeprefix("Expr(").removesuffix(")")
        return constants.get(bare, value)
    return value


def _of_packages(scenario: Row) -> Case:
    """All packages at once, as the scenario's flags tell."""
    expect = scenario["expect"]
    distro, channels = distro_of_all(scenario)
    packages = []
    for each in scenario["packages"]:
        type = TYPES[each["type"]]
        sources: list[list[str]] = each["upstream"]
        source = (sources[0][0], sources[0][1]) if sources else None
        packages.append(built(type, each["name"], each["version"], source=source, arch=each["arch"] or ""))
    kind = "cpe" if expect["cpe"] else "source" if expect["indirect"] else "direct" if expect["matches"] else ""
    return Case(
        name="its packages",
        packages=tuple(packages),
        distro=distro,
        channels=channels,
        counts=tuple(expect["matches"]),
        silent=tuple({*expect["ignores"], *expect["not_matched"]} - {*expect["matches"]}),
        kind=kind,
        fixes=frozenset((_STATES[state], version) for state, version in expect["fixes"]),
    )


def _of_row(row: Row, scenario: Row) -> Case:
    """One row of a table: what its package is, and what its columns expect."""
    distro, channels = distro_of(row["d"]) if "d" in row else distro_of_all(scenario)
    type = TYPES[scenario["test"].split("/")[2]]
    source = (row["upstreamName"], row["upstreamVer"]) if row.get("upstreamName") else None
    counts = tuple(_counts(row, scenario))
    state = _STATES[row["expectState"].rpartition(".")[2]] if "expectState" in row else ""
    return Case(
        name=row["name"],
        packages=(built(type, row["pkgName"], row["pkgVersion"], source=source),) if "pkgName" in row else (),
        distro=distro,
        channels=channels,
        counts=counts,
        silent=tuple(_silent(row)),
        is_all=not state,  # that table leaves out what else is found
        kind=_KINDS.get(row.get("expectType", ""), ""),
        fixes=frozenset((state, version) for version in row.get("expectFixes", [""])) if state else frozenset(),
    )


def _counts(row: Row, scenario: Row) -> Iterable[str]:
    if row.get("expectMatch"):
        return list(scenario["expect"]["matches"])
    # `expectCVE` without a way of matching names what must be resolved.
    found = [row["expectCVE"]] if "expectCVE" in row and "expectType" in row else []
    found += [row[key] for key in ("expectGHSA", "expectGHSAID") if key in row]
    return found + list(row.get("expectIDs", ()))


def _silent(row: Row) -> Iterator[str]:
    if "expectCVE" in row and "expectType" not in row:
        yield row["expectCVE"]
    yield from row.get("expectFixedCVEs", ())
    yield from row.get("expectSuppressIDs", ())
