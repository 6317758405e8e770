"""PyPA advisories (../shared/conformance/matching/pypi_ranges.jsonl): their own lists of affected versions, and of safe ones."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from hullmark.advisories.feeds import pypa
from hullmark.advisories.match.advisory_source import Ask
from hullmark.versions import InvalidVersion, scheme_named
from tests.support.advisories import advisory_files, crawled
from tests.support.matching import snapshot_of
from tests.support.places import shared


def is_version(text: str) -> bool:
    scheme = scheme_named("pep440")
    assert scheme is not None
    try:
        scheme.compare(text, text)
    except InvalidVersion:
        return False
    return True


@pytest.mark.slow
def test_every_version_that_an_advisory_lists_is_affected_and_no_other() -> None:
    advisory_files()
    cases: list[dict[str, Any]] = [
        msgspec.json.decode(line)
        for line in shared("conformance", "matching", "pypi_ranges.jsonl").read_bytes().splitlines()
    ]
    with snapshot_of(*pypa.FEED.parse(crawled(pypa.FEED), lambda place, why: None)) as snapshot:
        wrong, count = [], 0
        for case in cases:
            for word, expected in (("affected", True), ("unaffected", False)):
                versions = [version for version in case[word] if is_version(version)]
                asks = [Ask("pypi", case["package"], "pep440", version) for version in versions]
                hit = {found.ask for found in snapshot.hits(asks) if found.covers and found.advisory.id == case["id"]}
                count += len(versions)
                wrong += [(case["id"], version) for i, version in enumerate(versions) if (i in hit) is not expected]
    assert count > 10_000
    assert wrong == []
