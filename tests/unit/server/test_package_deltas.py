"""What another version of a policy changes of packages: each has its own numbers and its own evidence."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from hullmark.model import notice
from hullmark.model.match import SnapshotInfo
from hullmark.model.verdict import VerdictInputs
from hullmark.notify.scene import Scene
from hullmark.server.stories.rollout import package_deltas, sums
from hullmark.server.stories.rollout.package_deltas import Question
from hullmark.server.stories.rollout.rule_differences import difference_of
from hullmark.server.tables.judging.policies import PolicyVersion
from tests.unit.policy.building import match, package

POLICY = """
schema: hullmark-policy/1
name: p
version: 1
rules:
  - {id: severe, gate: vulnerabilities, trigger: found, action: stop, params: {severity: critical, unrated: ignore}}
"""
NOW = datetime(2026, 5, 1, tzinfo=UTC)


def version_of(number: int, text: str) -> PolicyVersion:
    return PolicyVersion(
        id=number,
        policy_id=1,
        name="p",
        version=number,
        text=text,
        digest=f"sha256:{number}",
        kind="native",
        note="",
        is_draft=False,
        created_by="",
        created_at=NOW,
    )


def question() -> Question:
    difference = difference_of(1, version_of(1, POLICY), version_of(2, POLICY.replace("critical", "high")), ())
    assert difference is not None
    scene = Scene(
        image_id=None, image_digest="", policy_id=1, policy="p", environment="", reference="", at=NOW, activation="7"
    )
    before, after = (VerdictInputs(image="", policy=name, snapshot="s", analyzer="", at="") for name in ("one", "two"))
    return Question(difference, sums.Moment(NOW, SnapshotInfo(digest="s", data_at="")), scene, (before, after))


def test_two_packages_by_one_name_are_told_of_apart() -> None:
    foo = (match(package("pypi", "foo", "1"), "CVE-2026-1", severity="high"),)
    low = (match(package("pypi", "foo", "1"), "CVE-2026-2", severity="low"),)
    causes: dict[tuple[int, str], notice.Cause] = {}
    cases = [package_deltas._Case(number, matches) for number in (1, 2) for matches in (foo, low)]
    deltas = package_deltas._deltas(cases, question(), causes)
    assert [(number, delta.stops, delta.findings) for number, delta in sorted(deltas.items())] == [(1, 1, 1), (2, 1, 1)]
    for delta in deltas.values():
        (piece,) = delta.pieces
        assert (piece.kind, msgspec.json.decode(piece.evidence)["advisory"]) == ("finding.new", "CVE-2026-1")
    ((account, key),) = causes
    assert (account, "7" in key) == (1, True)


def test_of_many_findings_the_gravest_are_shown() -> None:
    cases = [
        package_deltas._Case(1, (match(package("deb", "a", "1"), f"CVE-2026-{number}", severity="high"),))
        for number in range(9)
    ]
    grave = match(package("deb", "a", "1"), "CVE-2026-99", severity="high", kev={"added": "2026-01-01", "due": ""})
    (delta,) = package_deltas._deltas([*cases, package_deltas._Case(1, (grave,))], question(), {}).values()
    assert (delta.stops, len(delta.gained), len(delta.pieces)) == (10, 10, package_deltas.GRAVEST)
