"""What the server keeps of a small image, its policy, events and processes, for the tests of Anchore's API."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from hullmark.model.inventory import Inventory
from hullmark.model.malware import Engine, Infection, MalwareScan
from hullmark.model.policy_facts import KnownImage, PolicyFacts
from hullmark.model.verdict import Verdict
from hullmark.report.anchore import accounts, evaluations, events, images, policies, subscriptions, system
from hullmark.report.anchore.words import Tag
from tests.unit.report import samples

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
TAG = Tag(
    registry="docker.io", repository="library/shop", tag="1.4", created_at=NOON, seen_at=NOON + timedelta(hours=1)
)


def with_inventory(info: images.ImageInfo, inventory: Inventory) -> images.ImageInfo:
    """The image with what its inventory says of platform, distribution, size and layers."""
    source, distro = inventory.source, inventory.distro
    return msgspec.structs.replace(
        info,
        platform=source.platform,
        distro=distro.id if distro is not None else "",
        distro_version=distro.version_id if distro is not None else "",
        size=sum(max(layer.size, 0) for layer in source.layers),
        layer_count=len(source.layers),
    )


IMAGE = with_inventory(
    images.ImageInfo(
        account="team",
        digest=samples.digest(0xA),
        config_digest=samples.digest(0xB),
        state="analysed",
        added_at=NOON,
        updated_at=NOON + timedelta(minutes=2),
        analysed_at=NOON + timedelta(minutes=1),
        parent_digest=samples.digest(0xE),
        dockerfile="FROM scratch\n",
        annotations={"ticket": "42"},
        tags=(TAG,),
    ),
    samples.SMALL,
)
WAITING = images.ImageInfo(
    account="team", digest="sha256:1", config_digest="sha256:2", state="waiting", added_at=NOON, updated_at=NOON
)
SCAN = MalwareScan(
    engines=(Engine(name="clamav", version="1.4", signatures="daily 27500", signatures_at=NOON),),
    infections=(Infection(path="/a", layer=0, inner="", engine="clamav", signature="Eicar", is_ghost=False),),
)
KNOWN = KnownImage(
    inventory=msgspec.structs.replace(samples.SMALL, files=samples.FILES), policy_facts=PolicyFacts(malware=SCAN)
)
ADVISORIES = system.AdvisoriesInfo(adopted_at=NOON, counts={"debian:12": 4, "npm": 2})
PROCESSES = [system.Process(role=role, host="h", is_up=True) for role in ("api", "scheduler", "queue", "worker")]
BUNDLE = {"id": "b1", "version": "1_0", "name": "ours", "policies": [], "mappings": []}
POLICY = policies.PolicyInfo(account="team", id="b1", is_active=True, created_at=NOON, updated_at=NOON, document=BUNDLE)
EVENT = events.EventInfo(
    id="e1", account="team", type="user.image.analysis.completed", level="info", message="done", at=NOON
)
SUBSCRIPTION = subscriptions.SubscriptionInfo(account="team", type="policy_eval", key=TAG.full, is_active=False)
REPOSITORY = subscriptions.SubscriptionInfo(
    account="team",
    type=subscriptions.OF_REPOSITORIES,
    key="docker.io/library/shop",
    is_active=True,
    value=subscriptions.repository_value(["b", "a"], autosubscribe=True),
)
REGISTRY = accounts.RegistryInfo(
    account="team", registry="r.example:5000", username="me", is_verified=True, created_at=NOON
)


def plain(answer: object) -> Any:
    """The answer as a client decodes it."""
    return json.loads(msgspec.json.encode(answer))


def evaluation(verdict: Verdict, **more: Any) -> evaluations.Evaluation:
    """A verdict as the server keeps it."""
    values = {"policy_id": "b1", "fulltag": TAG.full, "policy": BUNDLE, **more}
    return evaluations.Evaluation(
        account="team", config_digest=IMAGE.config_digest, evaluated_at=NOON, verdict=verdict, **values
    )
