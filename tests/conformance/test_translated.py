"""Native policies made of Anchore's come to the same verdicts, on every golden case that can be translated as a whole."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hullmark.advisorydb.shelf import Shelf
from hullmark.app.advisories import opened
from hullmark.app.check import Asked, judge
from hullmark.app.policies import AnyPolicy
from hullmark.app.wish import Means
from hullmark.model.verdict import Verdict
from hullmark.policy.anchore.bundle import Bundle, InvalidBundle
from hullmark.policy.context import Context
from hullmark.policy.load import load_any, load_policy
from hullmark.policy.translate import Translation, translate
from hullmark.source import SourceOptions
from tests.support.places import SHARED, shared

LEAST = 100
"""As many cases must be whole: a translator that leaves everything out would agree with anything."""

DIFFERENT = {
    # The Dockerfile and the image's settings name different users: the native gate believes the settings.
    "df-user-whitelist-ok",
    "df-user-last-wins",
    "df-user-guessed-bracket",
    # `dockerhub/` is another name of the registry there, and a namespace like others here.
    "map-dockerhub-prefix",
    # There is no Dockerfile, which makes the native rule fire by its `when_unknown`; exceptions cover what rules find only.
    "wl-gate-wide",
}
"""Cases that come to another verdict, by intention."""


@cache
def whole() -> dict[str, tuple[dict[str, Any], Bundle, Translation]]:
    """The cases whose policies have nothing that is left out."""
    if SHARED is None:
        return {}
    found = {}
    for case in json.loads((SHARED / "conformance" / "policy" / "cases.json").read_bytes())["cases"]:
        bundle = load_any(json.dumps(case["bundle"]).encode())
        assert isinstance(bundle, Bundle)
        try:
            translation = translate(bundle)
        except InvalidBundle:
            continue
        if not translation.left_out:
            found[case["id"]] = (case, bundle, translation)
    return found


def verdict(case: dict[str, Any], policy: AnyPolicy, image: Path, folder: Path) -> Verdict:
    now = datetime.fromisoformat(case["now"]) if case["now"] else datetime(2026, 1, 1, tzinfo=UTC)
    advisories = folder / "advisories"
    advisories.mkdir(exist_ok=True)
    for place, record in enumerate(case.get("advisories") or ()):
        (advisories / f"{place}.json").write_text(json.dumps(record))
    asked = Asked(
        context=msgspec.convert(case.get("context") or {}, Context),
        dockerfile=case["dockerfile"] or "",
        tag=case["tag"] or "",
        digest=case["digest"] or "",
    )
    source = f"oci-dir:{image}"
    if not case.get("advisories"):
        return judge(source, policy, now.astimezone(UTC), Means(), SourceOptions(), asked).verdict
    with opened(Shelf(folder / "shelf"), None, advisories) as book:
        asked = msgspec.structs.replace(asked, book=book)
        return judge(source, policy, now.astimezone(UTC), Means(), SourceOptions(), asked).verdict


def test_enough_cases_can_be_translated_as_a_whole() -> None:
    shared("conformance")
    assert len(whole()) >= LEAST


@pytest.mark.parametrize("name", whole() or [pytest.param("", marks=pytest.mark.skip("the cases are not there"))])
def test_a_translated_policy_comes_to_the_same_verdict(name: str, tmp_path: Path) -> None:
    case, bundle, translation = whole()[name]
    build = shared("conformance", "policy", "build_image.py")
    image = tmp_path / "image"
    subprocess.run([sys.executable, build, name, image], check=True, capture_output=True)
    native = load_policy(msgspec.json.encode(translation.document))
    before, after = (verdict(case, policy, image, tmp_path) for policy in (bundle, native))
    assert (after.verdict is before.verdict) is (name not in DIFFERENT), (before.reason, after.reason)
