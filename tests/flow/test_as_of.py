"""`hullmark check --as-of … --known-at …`: a past day is judged by what was known then, and what changed since has one cause."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hullmark.advisories.database.shelf import Shelf
from hullmark.model.advisory import Advisory, AffectedPackage, Range
from tests.support.pages import commands_that_hold
from tests.support.places import REPOSITORY
from tests.support.program import Program, Ran, program_in
from tests.support.shelves import put
from tests.support.shop import shop_layout

PAGE = REPOSITORY / "docs" / "how-to" / "judge-a-past-day.md"

CRITICAL = "  - {id: critical, gate: vulnerabilities, trigger: found, action: ACTION, params: {severity: critical}}\n"
SETUID = "  - {id: setuid, gate: files, trigger: setuid, action: warn}\n"
HEAD = "schema: hullmark-policy/1\nname: base\nrules:\n"
LENIENT, STRICT = HEAD + CRITICAL.replace("ACTION", "warn"), HEAD + CRITICAL.replace("ACTION", "stop") + SETUID


# Of the image's system something is known too, else nothing could be told of it.
_SYSTEM = AffectedPackage(namespace="debian:13", name="elsewhere", scheme="deb", ranges=(Range(high="1", fixed="1"),))


def about(name: str) -> Advisory:
    """A critical vulnerability of all versions of a Python package below 9."""
    part = AffectedPackage(namespace="pypi", name=name, scheme="pep440", ranges=(Range(high="9", fixed="9"),))
    return Advisory(
        id=f"GHSA-{name[:4]}-2222-3333",
        source="one",
        aliases=(),
        summary=f"about {name}",
        modified="2026-01-01",
        severity="critical",
        affected=(part, _SYSTEM),
    )


def at(day: int) -> datetime:
    return datetime(2026, 3, day, tzinfo=UTC)


def text(day: int) -> str:
    return f"2026-03-{day:02}T12:00:00Z"


@pytest.fixture
def hullmark(tmp_path: Path) -> Program:
    """With an image in `app`."""
    made = program_in(tmp_path / "run")
    shop_layout(made.place / "app")
    return made


@pytest.fixture
def shelf(hullmark: Program) -> Shelf:
    return Shelf(hullmark.home / ".local" / "share" / "hullmark" / "advisories")


@pytest.fixture
def kept(hullmark: Program, shelf: Shelf) -> Program:
    """On 1 March the first snapshot, on 2 March the lenient policy, on 3 March a snapshot that knows more, on 4 March the strict
    policy, on 5 March the first snapshot again."""
    first = put(shelf, {"one": [about("other")]}, at(1))
    put(shelf, {"one": [about("other"), about("seller")]}, at(3))
    shelf.use(first, at(5))
    for policy, day in ((LENIENT, 2), (STRICT, 4)):
        (hullmark.place / "policy.yaml").write_text(policy)
        assert hullmark("policy", "keep", "policy.yaml", "--at", at(day).isoformat()).status == 0
    return hullmark


def check(hullmark: Program, *words: str, policy: str = "kept:base") -> Ran:
    return hullmark("check", "--policy", policy, "-o", "json", *words, "oci-dir:app")


DAYS = {"neither": 2, "advisory": 3, "both": 4, "policy": 5}
"""On each of these days another pair of snapshot and policy counts: named by which of the two is the later one."""


def test_two_snapshots_and_two_policies_make_four_verdicts_and_each_pair_differs_by_one_cause(kept: Program) -> None:
    verdicts: dict[str, Any] = {}
    for name, day in DAYS.items():
        ran = check(kept, "--as-of", "2026-04-01", "--known-at", text(day))
        verdicts[name] = json.loads(ran.out)
        (kept.place / f"{name}.json").write_bytes(ran.out)
    assert {name: document["verdict"] for name, document in verdicts.items()} == {
        "neither": "go",
        "advisory": "warn",
        "policy": "warn",
        "both": "stop",
    }
    assert {document["inputs"]["at"] for document in verdicts.values()} == {"2026-04-01T00:00:00Z"}
    assert len({document["inputs"]["snapshot"] for document in verdicts.values()}) == 2
    assert len({document["inputs"]["policy"] for document in verdicts.values()}) == 2
    causes = {}
    for before, after in (
        ("neither", "advisory"),
        ("neither", "policy"),
        ("advisory", "both"),
        ("policy", "both"),
        ("neither", "both"),
        ("advisory", "policy"),
    ):
        difference = json.loads(kept("diff", "-o", "json", f"{before}.json", f"{after}.json").out)
        causes[before, after] = (difference["cause"], difference["is_certain"])
    assert causes == {
        ("neither", "advisory"): ("advisory", True),
        ("neither", "policy"): ("policy", True),
        ("advisory", "both"): ("policy", True),
        ("policy", "both"): ("advisory", True),
        ("neither", "both"): ("advisory", False),
        ("advisory", "policy"): ("retraction", False),
    }


def test_at_and_as_of_are_one_option(kept: Program) -> None:
    words = ("--known-at", text(3))
    assert check(kept, "--at", text(9), *words).out == check(kept, "--as-of", text(9), *words).out


def test_without_known_at_what_is_known_now_counts(kept: Program) -> None:
    assert check(kept, "--at", text(2)).out == check(kept, "--at", text(2), "--known-at", text(9)).out


def test_a_policys_file_counts_as_it_is(kept: Program) -> None:
    document = json.loads(check(kept, "--known-at", text(3), policy="policy.yaml").out)
    assert document["verdict"] == "stop"


def test_where_history_is_missing_it_is_said(kept: Program, shelf: Shelf) -> None:
    refused = check(kept, "--known-at", "2026-02-01").refusal
    assert "no version of the policy base was in force at 2026-02-01T00:00:00Z" in refused[0]
    refused = check(kept, "--known-at", "2026-02-01", policy="policy.yaml").refusal
    assert "no snapshot was in use at 2026-02-01T00:00:00Z, the oldest kept is of 2026-03-01T00:00:00Z" in refused[0]
    shelf.path_of(shelf.used_at(at(3))[1]).unlink()
    refused = check(kept, "--known-at", text(3)).refusal
    assert "the snapshot that was in use at 2026-03-03T12:00:00Z is no longer kept" in refused[0]
    assert "--snapshot" in refused[1]


def test_what_makes_no_sense_is_refused(kept: Program) -> None:
    assert "--known-at: 'then' is not a time" in check(kept, "--known-at", "then").refusal[0]
    assert "exclude it" in check(kept, "--known-at", text(3), "--advisories", "app").refusal[0]
    assert "no policy is kept as bose" in check(kept, policy="kept:bose").refusal[0]


def test_kept_versions_are_listed_and_the_same_is_not_kept_twice(kept: Program) -> None:
    rows = kept("policy", "kept", "-o", "json").document
    assert [(row["name"], row["at"]) for row in rows] == [
        ("base", "2026-03-02T00:00:00Z"),
        ("base", "2026-03-04T00:00:00Z"),
    ]
    again = kept("policy", "keep", "policy.yaml", "-o", "json").document
    assert (again["is_new"], again["policy"]) == (False, rows[1]["policy"])
    assert kept("policy", "kept", "another").text == "none is kept\n"


def test_the_page_about_past_days_is_true(hullmark: Program, shelf: Shelf) -> None:
    put(shelf, {"one": [about("other")]}, datetime(2026, 2, 1, tzinfo=UTC))
    put(shelf, {"one": [about("other"), about("seller")]}, at(10))
    assert commands_that_hold(PAGE, hullmark) == 8


def test_vulnerabilities_too_are_those_that_were_known(kept: Program) -> None:
    for day, count in ((2, 0), (3, 1), (5, 0)):
        ran = kept("vulns", "--as-of", "2026-04-01", "--known-at", text(day), "-o", "json", "oci-dir:app")
        assert len(ran.document["matches"]) == count
    assert "no snapshot was in use" in kept("vulns", "--known-at", "2026-02-01", "oci-dir:app").refusal[0]
