"""Human labels of matches (../shared/conformance/matching/labels.jsonl): each class is scored alone, with real advisories."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import pytest

from hullmark.advisories.database.snapshot import Snapshot
from hullmark.advisories.feeds import alpine, govulndb, pypa, rubysec, rustsec
from hullmark.advisories.feeds.feed import Feed
from hullmark.app.vulns import MatchOptions, match_inventory
from hullmark.model.advisory import Record, Statement
from hullmark.model.inventory import Distro
from hullmark.model.package import Package
from tests.support.advisories import advisory_files, crawled
from tests.support.matching import TODAY, advisory, affected, inventory, package, snapshot_of
from tests.support.places import shared

TYPES = {"python": "pypi", "go-module": "golang", "rust-crate": "cargo"}
FEEDS: Sequence[Feed] = (alpine.FEED, govulndb.FEED, pypa.FEED, rubysec.FEED, rustsec.FEED)


def labels() -> Iterator[dict[str, Any]]:
    for line in shared("conformance", "matching", "labels.jsonl").read_bytes().splitlines():
        yield msgspec.json.decode(line)


@functools.cache
def stored() -> Snapshot:
    advisory_files()
    records: list[Record] = []
    for feed in FEEDS:
        records += feed.parse(crawled(feed), lambda place, why: None)
    # The labels' owners are packages of RHEL 8, of which no advisories are there: its silence wants a feed that is not silent.
    return snapshot_of(*records, advisory("CVE-1-1", affected("rhel:8", "other", "rpm", "0:1-1.el8"), source="redhat"))


def installed(label: dict[str, Any]) -> list[Package]:
    """The labelled package, with what the label's class says of its surroundings."""
    told = label["package"]
    type = TYPES.get(told["type"], told["type"])
    more: dict[str, Any] = {}
    if "origin" in told:
        more["source"] = (told["origin"], told["version"])
    packages = []
    if label["score_class"] == "fp_needs_context" and type in ("pypi", "gem"):
        prefix = "python3" if type == "pypi" else "rubygem"
        owner = package("rpm", f"{prefix}-{told['name']}", f"{told['version']}-4.el8")
        packages.append(owner)
        more["owned_by"] = owner.purl
    return [*packages, package(type, told["name"], told["version"], **more)]


def claims(label: dict[str, Any]) -> bool:
    """Whether the labelled vulnerability counts for the labelled package."""
    id, _, version = label.get("distro", "rhel:8").partition(":")
    found = inventory(installed(label))
    found = msgspec.structs.replace(found, distro=Distro(id=id, version_id=version))
    statements: tuple[Statement, ...] = ()
    if label["score_class"] == "fp_needs_context" and label["package"]["type"] == "go-module":
        # Only people know that this code cannot be imported: they say so as VEX does.
        said = Statement(
            vulnerability=label["vuln_id"],
            source="label",
            status="not_affected",
            products=(f"pkg:golang/{label['package']['name']}@{label['package']['version']}",),
            justification="vulnerable_code_not_in_execute_path",
        )
        statements = (said,)
    result = match_inventory(found, stored(), MatchOptions(at=TODAY, statements=statements))
    wanted = {label["vuln_id"], *label.get("aliases", ()), *label.get("advisory_ids", ())}
    return any(
        wanted & {match.advisory.id, *match.advisory.aliases} for match in result.matches if match.suppressed is None
    )


def share_right(score_class: str, expected: bool) -> tuple[float, list[str]]:
    of_class = [label for label in labels() if label["score_class"] == score_class]
    assert of_class
    wrong = [label for label in of_class if claims(label) is not expected]
    named = [f"{label['package']} {label['vuln_id']}" for label in wrong]
    return 1 - len(wrong) / len(of_class), named


def test_what_people_confirmed_is_found() -> None:
    share, missing = share_right("tp_expected", True)
    assert share >= 0.95, missing


@pytest.mark.parametrize(
    "score_class", ["fp_must_not_report_no_advisory", "fp_must_not_report_by_range", "fp_needs_context"]
)
def test_what_people_refuted_is_not_claimed(score_class: str) -> None:
    share, wrong = share_right(score_class, False)
    assert share >= 0.98, wrong
