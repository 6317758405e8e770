"""Ids under which advisories are shown: the CVE, where the source's own id is only the CVE with something before it."""

from __future__ import annotations

import pytest

from hullmark.advisories.match.named import shown_id
from tests.support.matching import advisory, affected, matched, package, snapshot_of

SHOWN = [
    ("gems/rack/CVE-2024-1", ("CVE-2024-1",), "CVE-2024-1"),
    ("symfony/http/CVE-2024-1.yaml", ("CVE-2024-1",), "CVE-2024-1"),
    ("gems/nokogiri/GHSA-5w6v-399v-w3cc", ("GHSA-5w6v-399v-w3cc",), "GHSA-5w6v-399v-w3cc"),
    ("UBUNTU-CVE-2024-1", ("CVE-2024-1",), "CVE-2024-1"),
    ("DEBIAN-CVE-2024-1", ("CVE-2024-2", "CVE-2024-1"), "CVE-2024-1"),
    ("CVE-2024-1", (), "CVE-2024-1"),
    ("UBUNTU-CVE-2024-1", ("CVE-2024-2",), "UBUNTU-CVE-2024-1"),
    ("UBUNTU-CVE-2024-11", ("CVE-2024-1",), "UBUNTU-CVE-2024-11"),
    ("gems/rack/CVE-2024-1", (), "gems/rack/CVE-2024-1"),
    ("GHSA-1", ("CVE-2024-1",), "GHSA-1"),
    ("XCVE-2024-1", ("CVE-2024-1",), "XCVE-2024-1"),
]


@pytest.mark.parametrize(("id", "aliases", "shown"), SHOWN)
def test_an_id_that_is_another_with_something_before_it_is_shown_as_that(
    id: str, aliases: tuple[str, ...], shown: str
) -> None:
    assert shown_id(advisory(id, aliases=aliases)) == shown


def test_the_sources_own_id_stays_as_an_alias() -> None:
    part = affected("gem", "rack", "gem", "2.2.19")
    snapshot = snapshot_of(advisory("gems/rack/CVE-2024-1", part, aliases=("CVE-2024-1", "GHSA-1"), source="rubysec"))
    (match,) = matched(snapshot, [package("gem", "rack", "2.2.1")]).matches
    assert (match.advisory.id, match.advisory.cve) == ("CVE-2024-1", "CVE-2024-1")
    assert match.advisory.aliases == ("gems/rack/CVE-2024-1", "GHSA-1")
