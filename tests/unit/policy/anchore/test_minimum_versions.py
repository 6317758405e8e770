"""Minimum versions of packages, compared as the original does: not as the distributions do."""

from __future__ import annotations

import pytest

from hullmark.model.inventory import Distro
from tests.unit.policy.anchore.building import bundle, package, rule
from tests.unit.policy.anchore.test_as_the_original import DEBIAN, holding, judged, problem_types

RHEL = Distro(id="rhel", version_id="8.9", id_like=("fedora",))
ALPINE = Distro(id="alpine", version_id="3.18.4")


def minimum(distro: Distro | None, kind: str, installed: str, wanted: str, name: str = "tool") -> str:
    """`ok`, `low`, or `fails` where the rule cannot be judged."""
    params = {"name": name, "version": wanted, "version_match_type": "minimum"}
    seen = holding(distro, package(kind, name, installed, "/db"))
    verdict = judged(bundle(rule("packages", "required_package", params)), seen)
    if problem_types(verdict):
        assert problem_types(verdict) == ["TriggerEvaluationError"]
        return "fails"
    assert len(verdict.findings) < 2
    return "low" if verdict.findings else "ok"


@pytest.mark.parametrize(
    ("distro", "kind", "installed", "wanted", "expected"),
    [
        # Debian: epochs count only if both have one, and then a lower one is not seen as lower.
        (DEBIAN, "deb", "1:2.0-1", "1:2.0-2", "low"),
        (DEBIAN, "deb", "2.0-1", "1:1.0-1", "ok"),
        (DEBIAN, "deb", "1:1.0-1", "2.0-1", "low"),
        (DEBIAN, "deb", "1:1.0-1", "2:2.0-1", "ok"),
        (DEBIAN, "deb", "2:1.0-1", "1:2.0-1", "ok"),
        (DEBIAN, "deb", "1.0", "1.0-0", "ok"),
        (DEBIAN, "deb", "1.0~rc1-1", "1.0-1", "low"),
        (DEBIAN, "deb", "1.0-1", "x:2.0-1", "fails"),
        (DEBIAN, "deb", "1.0-1", "1:", "fails"),
        (DEBIAN, "deb", "1.0-1", "1" * 1001, "fails"),
        # Red Hat: what stands after the last dashes is compared, and the installed release is not there.
        (RHEL, "rpm", "2.3-1.el8", "2.4", "low"),
        (RHEL, "rpm", "2.4-1.el8", "2.3", "ok"),
        (RHEL, "rpm", "1:2.3-1.el8", "1:2.4", "low"),
        (RHEL, "rpm", "1:2.3-1.el8", "2.3", "low"),
        (RHEL, "rpm", "2.3-1.el8", "1:2.4", "ok"),
        (RHEL, "rpm", "2.3-1.el8", "2.4-1.el8", "ok"),
        (RHEL, "rpm", "2.3~rc1-1.el8", "2.3", "ok"),
        (RHEL, "rpm", "2.9-1.el8", "2.10", "low"),
        (RHEL, "rpm", "2.10-1.el8", "2.009", "ok"),
        (RHEL, "rpm", "2.3~-1.el8", "2.3.", "ok"),
        (ALPINE, "apk", "1.2.3-r4", "1.2.4", "low"),
        (ALPINE, "apk", "1.2.3-r4", "1.2.3-r1", "low"),
        (ALPINE, "apk", "1.2.3-r4", "1.2.3", "ok"),
        # Which order counts is the distribution's affair.
        (Distro(id="centos", version_id="7"), "rpm", "1.0-1", "2.0", "low"),
        (Distro(id="rocky", version_id="9.3", id_like=("rhel", "centos")), "rpm", "1.0-1", "2.0", "low"),
        (Distro(id="linuxmint", version_id="21", id_like=("ubuntu", "debian")), "deb", "1.0", "2.0", "low"),
        (Distro(id="sles", version_id="15.5", id_like=("suse",)), "rpm", "3.0-1", "2.0", "fails"),
        (Distro(id="wolfi", version_id="1"), "apk", "3.0-r0", "2.0", "fails"),
        (Distro(id="busybox", version_id="1.36"), "deb", "3.0", "2.0", "fails"),
        (None, "deb", "3.0", "2.0", "fails"),
        (DEBIAN, "npm", "3.0.0", "2.0.0", "fails"),
    ],
)
def test_a_minimum_is_compared_as_the_original_does(
    distro: Distro | None, kind: str, installed: str, wanted: str, expected: str
) -> None:
    assert minimum(distro, kind, installed, wanted) == expected


def test_the_last_part_of_a_name_stands_for_the_version_where_only_the_policy_names_a_release() -> None:
    assert minimum(RHEL, "rpm", "2.3-1.el8", "12.4-1.el8", name="tool-11") == "low"
    assert minimum(RHEL, "rpm", "2.3-1.el8", "10.4-1.el8", name="tool-11") == "ok"
