"""Measured services → the page minimize.md."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

import msgspec

from bench.markdown import table

_REACHES = ("reachable", "unknown", "unreachable")
_LONGEST = 110
_FEW = 0.05
_HOLDS = {True: "yes", False: "**no**", None: "-"}


class Measured(msgspec.Struct, kw_only=True):
    """All that is known of one service. `opened` is the number of files of the image that a run opened, `opened_bytes` their size,
    `opened_packages` the Debian packages that they are of, `missed` those called unreachable, `asked` the number of questions, `differing`
    the answers of what is left that are others, `confined` those of the whole under its profile of seccomp; `load` is how many processes
    wanted the processor when the seconds began, `peer` the number of packages that startup-sbom calls needed."""

    name: str
    document: dict[str, Any]
    seconds: float
    load: float | None = None
    opened: int
    opened_bytes: int = 0
    opened_packages: list[str] = []
    missed: list[str]
    asked: int
    differing: list[str]
    confined: list[str] = []
    peer: int | None = None

    def share(self, what: str, *reaches: str) -> float:
        """The part of all files, bytes or packages that has one of these verdicts, from 0 to 1."""
        totals = self.document["totals"]
        return float(
            sum(totals[reach][what] for reach in reaches) / (sum(totals[reach][what] for reach in _REACHES) or 1)
        )

    @property
    def floor(self) -> float:
        """The part of all bytes that the run did not open: no more could go, and the same be answered."""
        totals = self.document["totals"]
        return 1 - self.opened_bytes / (sum(totals[reach]["bytes"] for reach in _REACHES) or 1)

    @property
    def gone(self) -> tuple[int, int]:
        """The advisories that match packages of the image, and those that match nothing that is left."""
        matches = self.document["matches"] or []
        return len({match["advisory"] for match in matches}), len(self.document["vanish"] or [])

    @property
    def least(self) -> int:
        """The advisories that match packages of which a run opened files: with any fewer something would be gone that is used."""
        matches = self.document["matches"] or []
        return len({match["advisory"] for match in matches if _name(match["package"]) in self.opened_packages})


_HEAD = """\
# What services open, and what is left of them

Each image is made of the corpus's small Debian and of Debian's packages; the Go and the Rust program are built here. `hullmark minimize`
walks it; podman runs it while a scripted workload asks it and strace notes what it opens and executes; then podman runs what `--emit`
left of it (all that is reachable or unknown), with the same workload. No run teaches the walk anything. `make prove-minimize` makes the
page anew.
"""


_LEFT = """\
Bytes that no run opened can go at most: that is what stands beside those that went. A run opens only what it is asked for, and what is left
must answer all else as well.
"""
_BUSY = """\
Seconds are by the clock, and other work went on on the machine.
"""
_CVES = """\
CVEs are those that the changelogs of 62 packages of Debian's name, as if none were mended (of those that are not, an image of today has
next to none): before, in what is left, and those of packages of which the run opened files, as it needs these. One counts as gone where
all packages that had it are.
"""


def _name(purl: str) -> str:
    return unquote(purl.partition("@")[0].rpartition("/")[2])


def page(services: Sequence[Measured]) -> str:
    """The page, with what must hold at its end."""
    parts = [_HEAD, "## Soundness\n", _soundness(services), "## What is left\n", _left(services)]
    parts += [_LEFT]
    parts += [_BUSY] if any(one.load is None or one.load > 1 for one in services) else []
    parts += [_CVES] if any(one.document["matches"] is not None for one in services) else []
    parts += ["## What is unknown, and why\n", _unknown(services), "## System calls\n", _syscalls(services)]
    parts += ["## What must hold\n", _bounds(services)]
    return "\n".join(parts)


def _soundness(services: Sequence[Measured]) -> str:
    rows = [
        (
            one.name,
            one.opened,
            len(one.missed),
            f"{100 * (1 - len(one.missed) / max(1, one.opened)):.1f} %",
            f"{one.asked - len(one.differing)} of {one.asked}",
        )
        for one in services
    ]
    text = table(("service", "files opened", "called unreachable", "foreseen", "same answers from what is left"), rows)
    named = [f"- {one.name} opened `{path}`" for one in services for path in one.missed]
    named += [
        f"- {one.name} answers otherwise: {answer[:_LONGEST]}" for one in services for answer in one.differing[:3]
    ]
    return text + ("\n" + "\n".join(named) + "\n" if named else "")


def _left(services: Sequence[Measured]) -> str:
    rows = []
    for one in services:
        totals, programs = one.document["totals"], one.document["programs"]
        setuid = [program["reach"] for program in programs if "setuid" in program["kinds"]]
        packages, every = one.document["packages"], sum(totals[reach]["files"] for reach in _REACHES)
        told = Counter(package["reach"] for package in packages)
        known, gone = one.gone
        rows.append(
            (
                one.name,
                f"{len(packages)} → {told['reachable']} + {told['unknown']}",
                one.peer if one.peer is not None else "-",
                f"{every:,} → {every - totals['unreachable']['files']:,}",
                f"{sum(totals[r]['bytes'] for r in _REACHES) / 1e6:.0f} → "
                f"{(totals['reachable']['bytes'] + totals['unknown']['bytes']) / 1e6:.0f}",
                f"-{100 * one.share('bytes', 'unreachable'):.0f} % of {100 * one.floor:.0f} %",
                f"{len(setuid)} → {len(setuid) - setuid.count('unreachable')}",
                f"{known} → {known - gone}" + (f" of {one.least}" if one.opened_packages else "")
                if one.document["matches"] is not None
                else "-",
                f"{one.seconds:.1f}",
            )
        )
    head = ("service", "packages → reachable + unknown", "startup-sbom", "files", "MB", "bytes", "setuid", "CVEs", "s")
    return table(head, rows)


def _unknown(services: Sequence[Measured]) -> str:
    rows = []
    for one in services:
        reasons = Counter(program["reason"] for program in one.document["programs"] if program["reach"] == "unknown")
        reasons += Counter(package["reason"] for package in one.document["packages"] if package["reach"] == "unknown")
        most = "; ".join(reason[:_LONGEST] for reason, _ in reasons.most_common(2))
        rows.append(
            (one.name, *(f"{100 * one.share(what, 'unknown'):.1f} %" for what in ("files", "bytes")), most or "-")
        )
    return table(("service", "of files", "of bytes", "the most common reasons"), rows)


def _syscalls(services: Sequence[Measured]) -> str:
    rows = []
    for one in services:
        told = one.document["syscalls"]
        unsure = told["unsure"]
        why = f"{unsure[0]['path']}: {unsure[0]['reason']}"[:_LONGEST] if unsure else "-"
        answers = f"{one.asked - len(one.confined)} of {one.asked}"
        rows.append((one.name, len(told["calls"]), "no" if unsure else "yes", answers, why))
    head = ("service", "calls", "sure", "same answers under the profile", "not told, the first reason")
    return (
        "Where not all calls can be told, the profile is what engines allow by default.\n\n"
        + table(head, rows)
        + f"\nEngines allow {services[0].document['syscalls']['engines_allow']} by default.\n"
    )


def _bounds(services: Sequence[Measured]) -> str:
    opened, missed = sum(one.opened for one in services), sum(len(one.missed) for one in services)
    few = [one for one in services if max(one.share("files", "unknown"), one.share("bytes", "unknown")) <= _FEW]
    same = [one for one in services if not one.differing]
    cut = 100 * statistics.median(one.share("bytes", "unreachable") for one in services)
    confined = [one for one in services if not one.confined]
    known = [one.gone for one in services if one.gone[0]]
    rows: list[tuple[str, str, str, bool | None]] = [
        (
            "opened files that were foreseen",
            "99.5 %",
            f"{100 * (1 - missed / max(1, opened)):.2f} %",
            missed <= 0.005 * opened,
        ),
        (
            "services of which at most 5 % of files and bytes are unknown",
            "10 of 12",
            _of(len(few), services),
            len(few) >= 10 / 12 * len(services),
        ),
        ("services whose residue answers alike", "all", _of(len(same), services), len(same) == len(services)),
        (
            "services that answer alike under their profile",
            "all",
            _of(len(confined), services),
            len(confined) == len(services),
        ),
        (
            "bytes gone of those that no run opened, median",
            "-",
            f"{100 * statistics.median(one.share('bytes', 'unreachable') / max(one.floor, 0.01) for one in services):.0f} %",
            None,
        ),
        ("bytes gone, median (an aim)", "85 %", f"{cut:.0f} %", cut >= 85),
    ]
    if known:
        gone = 100 * statistics.median(one[1] / one[0] for one in known)
        shares = [
            one.gone[1] / (one.gone[0] - one.least)
            for one in services
            if one.opened_packages and one.gone[0] > one.least
        ]
        if shares:
            most = 100 * statistics.median(shares)
            rows.append(("CVEs gone of those whose packages no run opened, median", "-", f"{most:.0f} %", None))
        rows.append(("CVEs gone, median (an aim)", "80 %", f"{gone:.0f} %", gone >= 80))
    return table(("what", "wanted", "measured", "holds"), [(*row[:3], _HOLDS[row[3]]) for row in rows])


def _of(count: int, services: Sequence[Measured]) -> str:
    return f"{count} of {len(services)}"
