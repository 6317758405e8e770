"""The vunnel feed's languages: what its records of Go say of a project's own tags."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hullmark.advisories.feeds.vunnel import records_of
from hullmark.model.advisory import EVERY_VERSION, Advisory, Range, Record

COMMIT = "0.0.0-20240708073652-5a492a3f0036"
OF_COMMITS = Range(high=COMMIT, fixed=COMMIT)


def ranges(events: list[dict[str, str]], tags: list[dict[str, str]]) -> tuple[Range, ...]:
    entry: dict[str, Any] = {
        "package": {"ecosystem": "Go", "name": "example.com/m"},
        "ranges": [{"type": "SEMVER", "events": events}],
        "ecosystem_specific": {"custom_ranges": [{"type": "ECOSYSTEM", "events": tags}]},
    }
    item = {"id": "GO-1", "affected": [entry]}
    data = {"schema": "https://x.example/schema/vulnerability/osv/schema-1.0.0.json", "identifier": "x", "item": item}
    problems: list[tuple[str, str]] = []
    (found,) = records_of(json.dumps(data).encode(), "govulndb", lambda *each: problems.append(each), "a.json")
    assert isinstance(found, Advisory)
    assert not problems
    return found.affected[0].ranges


TAGS = [
    ([{"introduced": "0"}, {"fixed": "5.21.2"}], (Range(low="0.0.0", high="5.21.2", fixed="5.21.2"),)),
    ([{"introduced": "3.6.5"}, {"fixed": "3.6.21"}], (Range(low="3.6.5", high="3.6.21", fixed="3.6.21"),)),
]


@pytest.mark.parametrize(("tags", "own"), TAGS)
def test_where_the_fix_is_a_commit_the_projects_tags_are_ranges_besides(
    tags: list[dict[str, str]], own: tuple[Range, ...]
) -> None:
    assert ranges([{"introduced": "0"}, {"fixed": COMMIT}], tags) == (OF_COMMITS, *own)


def test_where_the_fix_is_a_version_it_alone_counts() -> None:
    events = [{"introduced": "0"}, {"fixed": "1.2.0"}]
    assert ranges(events, [{"introduced": "0"}, {"fixed": "9.0.0"}]) == (Range(high="1.2.0", fixed="1.2.0"),)


def read(schema: str, item: Any, provider: str = "test") -> tuple[list[Record], list[tuple[str, str]]]:
    """The records of an envelope, and what was reported."""
    data = {"schema": f"https://x.example/schema/{schema}/schema-1.0.0.json", "identifier": "x", "item": item}
    problems: list[tuple[str, str]] = []
    return list(
        records_of(json.dumps(data).encode(), provider, lambda *each: problems.append(each), "a.json")
    ), problems


def test_a_record_of_osv_without_an_id_is_reported() -> None:
    assert read("vulnerability/osv", {"affected": []}) == (
        [],
        [("a.json", "it cannot be read: Object missing required field `id`")],
    )


def test_what_an_announcement_calls_unaffected_stays_so() -> None:
    package = {"ecosystem": "AlmaLinux:8", "name": "httpd"}
    spans = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "0"}]}]
    [found], problems = read(
        "vulnerability/osv", {"id": "ALSA-1", "affected": [{"package": package, "ranges": spans}]}, "alma"
    )
    assert isinstance(found, Advisory)
    assert [(row.name, row.kind, row.ranges) for row in found.affected] == [("httpd", "unaffected", (EVERY_VERSION,))]
    assert problems == []


def test_of_githubs_packages_those_that_cannot_be_read_are_reported_and_the_others_kept() -> None:
    fixes = [
        {"name": "a", "namespace": "github:cobol", "range": "< 1"},
        {"name": "b", "namespace": "github:npm", "range": "before 1"},
        {"name": "c", "namespace": "github:npm", "range": "< 2", "identifier": "2"},
    ]
    [found], problems = read(
        "vulnerability/github-security-advisory", {"Advisory": {"ghsaId": "GHSA-1", "FixedIn": fixes}}
    )
    assert isinstance(found, Advisory)
    assert [(row.name, row.ranges) for row in found.affected] == [("c", (Range(high="2", fixed="2"),))]
    assert [why for _, why in problems] == [
        "'github:cobol' is not an ecosystem that is known",
        "'before 1' is not a range of versions",
    ]


@pytest.mark.parametrize(
    ("status", "purl", "rows", "told"),
    [
        ("under_investigation", "pkg:pypi/a@1", None, []),
        ("fixed", "pkg:pypi/a@1", [("a", ("1",))], []),
        ("fixed", "a@1", [], [("a.json", "'a@1' is not a purl with a version")]),
    ],
)
def test_a_statement_is_about_versions_of_purls_and_those_under_investigation_say_nothing(
    status: str, purl: str, rows: list[tuple[str, tuple[str, ...]]] | None, told: list[tuple[str, str]]
) -> None:
    statement = {"status": status, "vulnerability": {"name": "CVE-1"}, "products": [{"@id": purl}]}
    found, problems = read("annotated-openvex", {"document": statement})
    affected = [[(row.name, row.versions) for row in each.affected] for each in found if isinstance(each, Advisory)]
    assert (affected, problems) == ([] if rows is None else [rows], told)
