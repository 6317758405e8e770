"""What the server keeps of a coordinate: that its namespace is told only in part is a reason why not all can be told of it."""

from __future__ import annotations

from typing import Any

import pytest

from hullmark.advisories.match.coordinates import coordinate_of
from hullmark.model.advisory import Lifecycle
from hullmark.model.inventory import Distro
from hullmark.server.stories.advisories.matching import told_of
from tests.support.matching import TODAY, advisory, affected, package, snapshot_of

DISTRO = Distro(id="debian", version_id="13")
WANTED = {
    1: coordinate_of(package("deb", "x", "1"), DISTRO),
    2: coordinate_of(package("npm", "left-pad", "1"), DISTRO),
    3: coordinate_of(package("gem", "rack", "1"), DISTRO),
}
RECORDS = (
    advisory("CVE-1-1", affected("debian:13", "x", "deb", "2"), affected("npm", "other", "npm", "2")),
    Lifecycle(product="debian", release="13", source="endoflife", eol="2020-01-01"),
)
PART = "the snapshot has only a part of the advisories for {}: no whole feed stands behind them"
OLD = "the advisories for {} end on 2026-01-01"


@pytest.mark.parametrize(
    ("more", "reason"),
    [({}, ""), ({"covers": ()}, PART), ({"checked_on": "2026-01-01", "stale_days": 30}, OLD)],
)
def test_the_reason_of_a_namespace_is_that_of_its_packages_and_does_not_change_from_day_to_day(
    more: dict[str, Any], reason: str
) -> None:
    for at in (TODAY, "2026-07-01"):
        told = told_of(WANTED, snapshot_of(*RECORDS, **more), at)
        assert told[1].reasons == ((reason.format("debian:13"),) if reason else ())
        assert told[2].reasons == ((reason.format("npm"),) if reason else ())
        assert told[3].reasons == ("the snapshot has no advisories for gem",)
        assert [match.advisory.id for match in told[1].matches] == ["CVE-1-1"]
