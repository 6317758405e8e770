"""What a collector reports, made fit to be kept: bounded, each container once, what many share by the digest of its content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.isolation import Isolation
from hullmark.model.limit import Limit
from hullmark.model.place import (
    LONGEST_ID,
    LONGEST_IMAGE,
    MOST_CONTAINERS,
    PLACE_BYTES,
    InventoryReport,
    Place,
    RunningContainer,
    RunningImage,
)
from hullmark.server.stories.places.grading import KeptFacts, kept_facts
from hullmark.server.tables.places.intake import EndedRow

_MOST_LABELS = Limit(100, "labels of a container that are kept, in the order of their keys", "shortened")
_LONGEST_KEY = Limit(350, "characters of a label's key; longer ones are left out", "shortened")
_LONGEST_VALUE = Limit(500, "characters of a label's value that are kept", "shortened")

_OF_REPLICAS = frozenset(
    (
        "pod-template-hash",
        "pod-template-generation",
        "controller-revision-hash",
        "controller-uid",
        "job-name",
        "apps.kubernetes.io/pod-index",
        "statefulset.kubernetes.io/pod-name",
        "batch.kubernetes.io/controller-uid",
        "batch.kubernetes.io/job-completion-index",
        "batch.kubernetes.io/job-name",
        "com.docker.compose.container-number",
    )
)
"""Labels that controllers give to each replica, or each generation of them: what they tell apart is one place."""


class ReportedContainer(msgspec.Struct, frozen=True, kw_only=True):
    """A container with the digests of what it shares with others."""

    id: str
    place: Place
    node: str
    since: datetime
    image: bytes
    isolation: bytes
    labels: bytes


class ReportedParts(msgspec.Struct, frozen=True, kw_only=True):
    """The containers of a report, those that ended, and what they share by its digests."""

    containers: tuple[ReportedContainer, ...]
    ended: tuple[EndedRow, ...]
    images: Mapping[bytes, RunningImage]
    isolations: Mapping[bytes, KeptFacts]
    label_sets: Mapping[bytes, Mapping[str, str]]


def read_report(report: InventoryReport, now: datetime) -> ReportedParts:
    """The report as it is kept. Moments that have not come count as now. Raises HullmarkError for what cannot be kept."""
    check_report(report)
    facts: dict[Isolation, KeptFacts] = {}
    images: dict[bytes, RunningImage] = {}
    isolations: dict[bytes, KeptFacts] = {}
    label_sets: dict[bytes, Mapping[str, str]] = {}
    containers: dict[str, ReportedContainer] = {}
    for told in report.running:
        kept = facts.get(told.isolation) or facts.setdefault(told.isolation, kept_facts(told.isolation))
        labels = kept_labels(told.labels)
        digests = (_digest(msgspec.structs.astuple(told.image)), kept.digest, _digest(labels))
        images[digests[0]], isolations[digests[1]], label_sets[digests[2]] = told.image, kept, labels
        containers[told.id] = ReportedContainer(
            id=told.id,
            place=told.place,
            node=told.node,
            since=min(in_time(told.since), now),
            image=digests[0],
            isolation=digests[1],
            labels=digests[2],
        )
    ended = {told.id: EndedRow(told.id, min(in_time(told.until), now)) for told in report.ended}
    return ReportedParts(
        containers=tuple(containers.values()),
        ended=tuple(ended.values()),
        images=images,
        isolations=isolations,
        label_sets=label_sets,
    )


def in_time(moment: datetime) -> datetime:
    """A moment in UTC; one without a zone is in UTC already."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def kept_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """The labels of a place: those that tell its replicas apart are left out, and what is beyond all bounds."""
    named = sorted(
        key for key in labels if key not in _OF_REPLICAS and 0 < len(key) <= _LONGEST_KEY and "\0" not in key
    )
    return {key: labels[key][:_LONGEST_VALUE].replace("\0", "") for key in named[:_MOST_LABELS]}


def _digest(value: object) -> bytes:
    return hashlib.sha256(msgspec.json.encode(value, order="sorted")).digest()


def check_report(report: InventoryReport) -> None:
    """Raise HullmarkError for a report that cannot be kept, whoever sends it."""
    for told in (report.running, report.ended, report.events):
        if len(told) > MOST_CONTAINERS:
            raise _make_refusal(f"a report names at most {MOST_CONTAINERS} containers, ended ones and events each")
    if not 0 < report.sequence < 1 << 62:
        raise _make_refusal("the sequence of a report is a number from 1 on")
    if not report.collector:
        raise _make_refusal("a report names its collector")
    _check("collector", report.collector, PLACE_BYTES["cluster"])
    _check("list", report.list, LONGEST_ID)
    for container in report.running:
        _check_container(container)
        _check_place(report, container.place)
    for ended in report.ended:
        _check("id of a container", ended.id, LONGEST_ID)


def _check_container(told: RunningContainer) -> None:
    if not told.id:
        raise _make_refusal("a container has an id")
    for name, most in PLACE_BYTES.items():
        _check(f"{name} of a place", getattr(told.place, name), most)
    for name, text in (("id of a container", told.id), ("node", told.node)):
        _check(name, text, LONGEST_ID)
    texts: Iterable[str] = (told.image.reference, told.image.digest, told.image.config_digest, told.image.architecture)
    for text in texts:
        _check("image", text, LONGEST_IMAGE)


def _check_place(report: InventoryReport, place: Place) -> None:
    """A collector tells of its own places: rules about environments go by what they are called."""
    own = place.namespace if report.platform == "ecs" else place.cluster
    if (place.platform, own) != (report.platform, report.collector):
        name = f"{place.platform} {own}"
        raise _make_refusal(
            f"{report.platform} {report.collector} tells of its own places, and of none of {name[:100]}"
        )


def _check(name: str, text: str, most: int) -> None:
    if len(text.encode()) > most:
        raise _make_refusal(f"the {name} is longer than {most} bytes: {text[:50]}…")
    if "\0" in text:
        raise _make_refusal(f"the {name} holds a NUL: {text[:50]!r}")


def _make_refusal(what: str) -> HullmarkError:
    return HullmarkError(what, advice="the collector is to leave out or shorten what cannot be kept")
