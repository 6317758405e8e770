"""A policy with every gate and trigger, on every image that was built: nothing fails that should not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.places import REPOSITORY, corpus
from tests.support.program import Program, program_in
from tests.unit.policy.anchore.building import every_rule, second

IMAGES = (
    *("debian-slim", "nginx", "ruby-app", "rpm-image", "rpm-ndb", "apk-image", "distroless", "secrets"),
    *(pytest.param(name, marks=pytest.mark.slow) for name in ("python-app", "node-app", "java-app", "go-tools", "big")),
)
OUTSIDE = {
    "ancestors": [{"digest": "sha256:" + 64 * "0", "tags": ["docker.io/library/debian:13"], "is_base": True}],
    "previous_packages": [{"type": "deb", "name": "bash", "version": "5.2"}],
    "malware": {"clamav": {"scanner": "clamav", "findings": [], "metadata": {}}},
    "feeds": {name: {"synced": True, "packages": {}} for name in ("npm", "gem")},
}
"""Facts from outside, so that no rule lacks them."""

NEVER_TOLD = ("stig", "image_source_drift")
"""Gates of which nothing is known yet."""

SPECIAL = {
    "apk-image": "of /etc/passwd has 1 fields instead of 7",
    "big": "files-name_match cannot be judged: it fires more than 100000 times",
}
"""What is special about an image, so that some rules cannot be judged."""


@pytest.fixture(scope="module")
def hullmark(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """One that looks into an image once: what its layers hold does not depend on the policy."""
    return program_in(tmp_path_factory.mktemp("run"))


@pytest.mark.parametrize("profile", ["native", "compat"])
@pytest.mark.parametrize("image", IMAGES)
def test_every_rule_is_judged_on_every_image(hullmark: Program, tmp_path: Path, image: str, profile: str) -> None:
    source = f"oci-dir:{corpus('oci', image)}"
    rules = every_rule()
    policy = tmp_path / "policy.json"
    policy.write_text(json.dumps(second(*rules)))
    known = {problem["reason"] for problem in hullmark("scan", source, "-o", "json", seconds=120).document["problems"]}
    context = tmp_path / "context.json"
    context.write_text(json.dumps(OUTSIDE))
    advisories = str(REPOSITORY / "examples" / "advisories")
    words = ("check", source, "--policy", str(policy), "--profile", profile, "--advisories", advisories, "-o", "json")
    ran = hullmark(*words, "--context", str(context), "--at", "2026-11-01T00:00:00Z", seconds=300)
    assert ran.status == 1, ran.err
    verdict = json.loads(ran.out)
    assert verdict["findings"]
    assert {finding["rule_id"] for finding in verdict["findings"]} <= {rule["id"] for rule in rules}
    # What these few advisories do not cover stands beside the verdict of the original's rules.
    rooms = ("match",) if profile == "compat" else ()
    told = [
        problem["reason"]
        for problem in verdict["problems"]
        if problem["reason"] not in known and problem["room"] not in rooms
    ]
    expected = (*NEVER_TOLD, SPECIAL[image]) if image in SPECIAL else NEVER_TOLD
    told = [reason for reason in told if not _is_uncovered(reason)]
    assert [reason for reason in told if not any(part in reason for part in expected)] == []


def _is_uncovered(reason: str) -> bool:
    """Whether it says that the few advisories do not cover the image's packages, which rules about vulnerabilities ask for."""
    return (
        reason.startswith("the rule p/vulnerabilities-")
        and "cannot be judged: not everything could be seen: " in reason
    )
