"""Native policies made of Anchore's come to the same verdicts, on every golden case that can be translated as a whole.

What cannot be translated, and what is meant to differ, is listed to the last case: a loss shows, and so does a gain.
"""

from __future__ import annotations

import json
import runpy
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hullmark.advisories.database.shelf import Shelf
from hullmark.app.advisories import open_snapshot
from hullmark.app.check import CheckOptions, judge
from hullmark.model.verdict import Verdict
from hullmark.policy.anchore.bundle import Bundle, InvalidBundle
from hullmark.policy.context import Context
from hullmark.policy.conversion import Translation, translate
from hullmark.policy.languages import AnyPolicy
from hullmark.policy.load import load_any
from hullmark.scanning.request import ScanResources
from hullmark.source import SourceOptions
from tests.support.places import SHARED, shared
from tests.support.policies import native_policy

INVALID = 30
"""Cases whose policy has a mistake on purpose: there is nothing to translate."""

WHOLE = 216
"""Cases whose policy is translated with nothing left out."""

_BODIES = "it searches all files for expressions of the analyzer's settings; rules look into named files here, with secrets masked"
_TOLD = "it rests on what the context tells, which no native rule reads"

FOLLOWS = ("the policy", "mappings")
"""Where nothing else is left of them, these are left out too."""

LEFT_OUT = {
    f"secret_scans.content_regex_checks has no equal: {_BODIES}": 10,
    "vulnerabilities.vulnerability_data_unavailable has no equal: "
    "no rule knows here which distributions the advisories speak of": 5,
    f"files.content_regex_match has no equal: {_BODIES}": 4,
    "its days count from when this image was first seen with the vulnerability, which no rule knows here": 4,
    "malware.scans has no equal: it rests on a scan by others; here the gate malware scans itself": 3,
    "malware.scan_not_run has no equal: it rests on a scan by others; here the gate malware scans itself": 1,
    f"npms.feed_data_unavailable has no equal: {_TOLD}": 2,
    f"npms.newer_version_in_feed has no equal: {_TOLD}": 2,
    f"npms.unknown_in_feeds has no equal: {_TOLD}": 2,
    f"npms.version_not_in_feeds has no equal: {_TOLD}": 2,
    f"ruby_gems.feed_data_unavailable has no equal: {_TOLD}": 2,
    f"ruby_gems.newer_version_found_in_feed has no equal: {_TOLD}": 2,
    f"ruby_gems.not_found_in_feed has no equal: {_TOLD}": 1,
    f"ruby_gems.version_not_found_in_feed has no equal: {_TOLD}": 2,
    "it never fires: there is nothing to compare with": 2,
    "it leaves packages out by their places, which are told in another way here": 1,
    "its expression cannot be had here: expected a regular expression, not '(': "
    "missing ), unterminated subpattern at position 0": 1,
    "images are chosen by name or digest, not by the digest of their settings": 1,
    "'1540985224dee21fa912ea104a583d9b' names a message that tells of the image, not a subject": 1,
}
"""Why parts of policies have no equal, and in how many cases."""

_SETTINGS_WIN = "Dockerfile and settings name different users: the native gate believes the settings"

DIFFERENT = {
    "df-user-whitelist-ok": _SETTINGS_WIN,
    "df-user-last-wins": _SETTINGS_WIN,
    "df-user-guessed-bracket": _SETTINGS_WIN,
    "map-dockerhub-prefix": "`dockerhub/` is another name of the registry there, and a namespace like others here",
    "wl-gate-wide": "without a Dockerfile the native rule fires by its `when_unknown`, which no exception covers",
    "passwd-uid-leading-zero": "`007` in passwd(5) is the number 7 here, and a text there",
    "passwd-not-retrieved": "the context stores no /etc/passwd; native rules read what the image holds",
    "vuln-pkg-fix-age-recent": "the context says when the fix was first seen; native rules hear it of the advisory",
    "vuln-stale-fresh": "the context says of when the advisories are; native rules hear it of the advisories",
}
"""Cases that come to another verdict, by intention, and why."""

FAILING = {"rfile-regex-binary"}
"""Cases in which a rule of the original fails: that stops without a finding, and natively with one."""


@cache
def cases() -> dict[str, tuple[dict[str, Any], Bundle, Translation]]:
    """The cases whose policies have no mistakes."""
    if SHARED is None:
        return {}
    found = {}
    for case in json.loads((SHARED / "conformance" / "policy" / "cases.json").read_bytes())["cases"]:
        bundle = load_any(json.dumps(case["bundle"]).encode())
        assert isinstance(bundle, Bundle)
        try:
            found[case["id"]] = (case, bundle, translate(bundle))
        except InvalidBundle:
            continue
    return found


def whole() -> list[str]:
    """The cases whose policies have nothing that is left out."""
    return [name for name, (_, _, translation) in cases().items() if not translation.left_out]


@cache
def image_writer() -> Callable[[dict[str, Any], str], str]:
    """The function that writes a case's image into a folder, of the program beside the cases."""
    writer: Callable[[dict[str, Any], str], str] = runpy.run_path(
        str(shared("conformance", "policy", "build_image.py"))
    )["write_layout"]
    return writer


def verdict(case: dict[str, Any], policy: AnyPolicy, image: Path, folder: Path) -> Verdict:
    now = datetime.fromisoformat(case["now"]) if case["now"] else datetime(2026, 1, 1, tzinfo=UTC)
    advisories = folder / "advisories"
    advisories.mkdir(exist_ok=True)
    for place, record in enumerate(case.get("advisories") or ()):
        (advisories / f"{place}.json").write_text(json.dumps(record))
    asked = CheckOptions(
        context=msgspec.convert(case.get("context") or {}, Context),
        dockerfile=case["dockerfile"] or "",
        tag=case["tag"] or "",
        digest=case["digest"] or "",
    )
    source = f"oci-dir:{image}"
    if not case.get("advisories"):
        return judge(source, policy, now.astimezone(UTC), ScanResources(), SourceOptions(), asked).verdict
    with open_snapshot(Shelf(folder / "shelf"), None, advisories) as snapshot:
        asked = msgspec.structs.replace(asked, advisories=snapshot)
        return judge(source, policy, now.astimezone(UTC), ScanResources(), SourceOptions(), asked).verdict


def fired(bundle: Bundle, before: Verdict) -> set[tuple[str, str, str]]:
    """Which rules of the original came to what, by rule set and place."""
    places = {
        (rule_set.id, rule.id): str(place) for rule_set in bundle.rule_sets for place, rule in enumerate(rule_set.rules)
    }
    return {
        (finding.policy_id, places[finding.policy_id, finding.rule_id], finding.action.value)
        for finding in before.findings
    }


def fired_natively(after: Verdict) -> set[tuple[str, str, str]]:
    """The same of the native rules, whose ids begin with rule set and place."""
    findings = [finding for finding in after.findings if finding.rule_id != "unmatched"]
    parts = [(*finding.rule_id.split(".")[:2], finding.action.value) for finding in findings]
    return {(rule_set, place, action) for rule_set, place, action in parts}


def test_what_can_be_translated_as_a_whole_and_why_the_rest_cannot() -> None:
    shared("conformance")
    reasons = Counter(
        reason
        for _, _, translation in cases().values()
        for reason in {part.reason for part in translation.left_out if part.what not in FOLLOWS}
    )
    assert (
        len(json.loads(shared("conformance", "policy", "cases.json").read_bytes())["cases"]) - len(cases()) == INVALID
    )
    assert dict(reasons) == LEFT_OUT
    assert len(whole()) == WHOLE
    assert set(DIFFERENT) <= set(whole())


@pytest.mark.parametrize("name", whole() or [pytest.param("", marks=pytest.mark.skip("the cases are not there"))])
def test_a_translated_policy_comes_to_the_same_verdict(name: str, tmp_path: Path) -> None:
    case, bundle, translation = cases()[name]
    image = tmp_path / "image"
    image_writer()(case["image"], str(image))
    native = native_policy(msgspec.json.encode(translation.document))
    before, after = (verdict(case, policy, image, tmp_path) for policy in (bundle, native))
    assert (after.verdict is before.verdict) is (name not in DIFFERENT), (before.reason, after.reason)
    # An image on a list is not judged natively; the original lists all the same what its rules find.
    is_listed = bool(bundle.denied_images or bundle.allowed_images)
    if name not in DIFFERENT and name not in FAILING and not is_listed:
        assert fired_natively(after) == fired(bundle, before)
