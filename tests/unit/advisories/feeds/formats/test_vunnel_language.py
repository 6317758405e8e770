"""The vunnel feed's languages: what its records of Go say of a project's own tags."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hullmark.advisories.feeds.vunnel import records_of
from hullmark.model.advisory import Advisory, Range

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
