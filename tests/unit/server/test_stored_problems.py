"""What was not seen of an image is still known once it is stored, and is judged anew when advisories cover something else."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

import msgspec
import pytest

from hullmark.catalog.sbom.document import empty_source
from hullmark.facets.content import content_read
from hullmark.facets.secrets.facet import secrets_facet
from hullmark.model.inventory import Inventory
from hullmark.model.policy_facts import PolicyFacts
from hullmark.model.problem import Problem
from hullmark.scanning.request import ScanRequest, ScanResources, ScanResult
from hullmark.scanning.stored_image import StoredImage
from hullmark.server.stories.images import stored
from hullmark.server.stories.images.documents import StoredAnalysis
from hullmark.server.stories.rollout.sums import target_of
from hullmark.server.tables.judging.policies import PolicyVersion

_SOURCE = empty_source("a")
_CUT = Problem("/a", 0, "secrets-1", "not all was searched", "unseen", ("secrets",))
_OLD = Problem("/b", 0, "rpm", "it is damaged")
_OTHER = Problem("/c", 0, "configuration", "too long", "unseen", ("configuration",), programs=("sshd",))
_LARGE = Problem("/d", 0, "content", "too large", "unseen", ("contents",))


def inventory(*problems: Problem) -> Inventory:
    return Inventory(source=_SOURCE, distro=None, packages=(), problems=problems)


def test_problems_go_through_storage_whole_and_those_of_old_documents_leave_everything_open() -> None:
    kept = msgspec.msgpack.decode(msgspec.msgpack.encode(inventory(_CUT, _OTHER)), type=Inventory)
    assert kept.problems == (_CUT, _OTHER)
    old = msgspec.msgpack.encode({"path": "/b", "layer": 0, "room": "rpm", "reason": "it is damaged"})
    assert msgspec.msgpack.decode(old, type=Problem) == _OLD
    assert (_OLD.is_open, _OLD.facts) == (True, ())


def test_layers_that_are_folded_again_keep_what_was_not_seen_of_facts_that_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    image = StoredImage(kind="registry", reference="a", layers=())
    analysis = StoredAnalysis(image=image, inventory=inventory(_CUT, _OLD, _OTHER), facts=PolicyFacts(secrets=()))
    monkeypatch.setattr(stored, "get_analysis", lambda objects, document: analysis)
    monkeypatch.setattr(stored, "scan_image", lambda image, scan_request, means: ScanResult(inventory(_LARGE)))
    facts = stored.StoredFacts(cast("Any", None), "", ScanResources())
    scan_request = ScanRequest(facets=(secrets_facet(),), contents=content_read(("srv/a",)).globs)
    assert facts.look(scan_request).inventory.problems == (_CUT, _OLD, _LARGE)


def test_what_is_kept_tells_nothing_of_reach_and_reads_no_layer_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    image = StoredImage(kind="registry", reference="a", layers=())
    analysis = StoredAnalysis(image=image, inventory=inventory(), facts=PolicyFacts())
    monkeypatch.setattr(stored, "get_analysis", lambda objects, document: analysis)
    asked: list[ScanRequest] = []

    def folded(image: object, scan_request: ScanRequest, means: object) -> ScanResult:
        asked.append(scan_request)
        return ScanResult(inventory())

    monkeypatch.setattr(stored, "scan_image", folded)
    facts = stored.StoredFacts(cast("Any", None), "", ScanResources())
    assert facts.look(ScanRequest(reach=True)).reach is None
    assert asked == []
    assert facts.look(ScanRequest(reach=True, contents=("srv/a",))).reach is None
    assert [scan_request.reach for scan_request in asked] == [False]


def version(rule: str) -> PolicyVersion:
    text = f"schema: hullmark-policy/1\nname: one\nversion: 1\nrules:\n  - {{id: one, action: stop, {rule}}}\n"
    return PolicyVersion(
        id=1,
        policy_id=1,
        name="one",
        version=1,
        text=text,
        digest="",
        kind="native",
        note="",
        is_draft=False,
        created_by="",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("rule", "asks"),
    [
        ("gate: vulnerabilities, trigger: found, params: {severity: critical}", True),
        ("gate: vulnerabilities, trigger: no_data", True),
        ("gate: vulnerabilities, trigger: stale_data, params: {max_days: 3}", False),
    ],
)
def test_images_are_judged_anew_where_a_rule_asks_what_advisories_cover(rule: str, asks: bool) -> None:
    target = target_of(1, version(rule), ())
    assert target is not None
    assert target.asks_untold is asks


def test_what_depends_on_the_rest_of_the_image_is_not_a_sum() -> None:
    for params, is_sum in (("severity: critical", True), ("reach: [reachable]", False)):
        target = target_of(1, version(f"gate: vulnerabilities, trigger: found, params: {{{params}}}"), ())
        assert target is not None
        assert (target.policy is not None) is is_sum
