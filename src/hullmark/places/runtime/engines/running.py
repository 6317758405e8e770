"""An engine's description of a container and its image → where the image runs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from hullmark.facets.secrets.mask import masked_value
from hullmark.isolation.docker import isolation_of
from hullmark.isolation.fields import Fields, InvalidWorkload
from hullmark.model.isolation import Isolation
from hullmark.model.limit import Limit
from hullmark.model.place import Place, Platform, RunningContainer, RunningImage

RUNNING = frozenset(("running", "paused", "restarting"))
"""The states of containers that have processes, or will have them again at once."""

_MOST_LABELS = Limit(200, "labels of a container on a host", "shortened")
_LONGEST_LABEL = Limit(1000, "characters of a label's name or value on a host", "shortened")
_LONGEST_NAME = Limit(1000, "characters of a container's or an image's name on a host", "shortened")
_DIGEST = re.compile(r"(?:sha256:)?([0-9a-f]{64})").fullmatch
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)").fullmatch
_PROJECT, _SERVICE = "com.docker.compose.project", "com.docker.compose.service"
_SWARM_SERVICE = "com.docker.swarm.service.name"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def running_container(
    platform: Platform, host: str, inspect: Mapping[str, Any], image: Mapping[str, Any], info: Mapping[str, Any]
) -> RunningContainer:
    """A container of what the engine says of it, of its image ({}: nothing is known of that) and of itself.

    What contradicts the API's form is taken as not told. Raises InvalidWorkload where the container has no id.
    """
    container = Fields(inspect, "container")
    config = container.part("Config")
    labels = _own_labels(config, Fields(image, "image"))
    return RunningContainer(
        id=identity(container),
        place=place_of(platform, host, container.text("Name").lstrip("/"), labels),
        image=running_image(config.text("Image"), container.text("Image"), image),
        since=moment_of(container.part("State").text("StartedAt")) or moment_of(container.text("Created")) or _EPOCH,
        isolation=_isolation(inspect, info),
        labels=labels,
        node=host,
    )


def identity(container: Fields) -> str:
    """The container's id. Raises InvalidWorkload where it has none."""
    found = container.text("Id")
    if not _DIGEST(found):
        raise InvalidWorkload("container.Id", "is not an id")
    return found


def place_of(platform: Platform, host: str, name: str, labels: Mapping[str, str]) -> Place:
    """Where it runs: a service of compose or swarm, all of whose containers are one place, else the container's name."""
    name = name[:_LONGEST_NAME]
    if service := labels.get(_SERVICE):
        project = labels.get(_PROJECT, "")
        return Place(
            platform=platform, cluster=host, namespace=project, workload=f"Service/{service}", container=service
        )
    if service := labels.get(_SWARM_SERVICE):
        return Place(platform=platform, cluster=host, workload=f"Service/{service}", container=service)
    return Place(platform=platform, cluster=host, workload=name, container=name)


def running_image(asked: str, image_id: str, image: Mapping[str, Any]) -> RunningImage:
    """The image of a container that was asked for by a name and has this id. An engine that keeps images as containerd does names them by
    a manifest or an index, else by the configuration."""
    fields = Fields(image, "image")
    tags, digests = fields.texts("RepoTags"), fields.texts("RepoDigests")
    reference = asked
    if _DIGEST(asked) or (asked and image_id.removeprefix("sha256:").startswith(asked)):
        reference = next(iter((*tags, *digests)), asked)
    digest = _digest_of(reference, digests)
    known = _DIGEST(image_id)
    config_digest = f"sha256:{known[1]}" if known else ""
    if Fields(image, "image").part("Descriptor").text("digest") == config_digest != "":
        digest, config_digest = digest or config_digest, ""
    architecture = fields.text("Architecture")
    return RunningImage(
        reference=reference[:_LONGEST_NAME],
        digest=digest,
        config_digest=config_digest,
        architecture=_ARCHITECTURES.get(architecture, architecture),
    )


def moment_of(text: str) -> datetime | None:
    """A moment as engines write it (RFC 3339, up to nanoseconds); None where it is not one, or the one that stands for none."""
    found = _MOMENT(text)
    if found is None or text.startswith("0001-"):
        return None
    fraction = f"{found[2] or '0':0<6}"[:6]
    try:
        return datetime.fromisoformat(f"{found[1]}.{fraction}{found[3].replace('Z', '+00:00')}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _digest_of(reference: str, digests: tuple[str, ...]) -> str:
    """The digest under which the image was pulled: by the name that was asked for, else by the first."""
    repository = reference.partition("@")[0]
    head, colon, tag = repository.rpartition(":")
    if colon and "/" not in tag:
        repository = head
    named = [digest for digest in digests if _is_same(digest.partition("@")[0], repository)]
    found = next(iter((*named, *digests)), "").partition("@")[2]
    return found if _DIGEST(found) else ""


def _is_same(one: str, other: str) -> bool:
    """Whether two names are of the same repository: Docker leaves its own host out, podman does not."""
    return bool(one) and _full(one) == _full(other)


def _full(repository: str) -> str:
    repository = repository.removeprefix("docker.io/").removeprefix("index.docker.io/")
    return repository.removeprefix("library/")


def _own_labels(config: Fields, image: Fields) -> dict[str, str]:
    """The labels that the container was given; its image's say nothing of the place. Values that are secrets are masked."""
    own, inherited = config.part("Labels"), image.part("Config").part("Labels")
    found: dict[str, str] = {}
    for name in sorted(own.names()):
        value = own.scalar(name)
        if inherited.data.get(name) != own.data.get(name) and len(found) < _MOST_LABELS:
            found[name[:_LONGEST_LABEL]] = masked_value(name, value)[:_LONGEST_LABEL]
    return found


def _isolation(inspect: Mapping[str, Any], info: Mapping[str, Any]) -> Isolation:
    try:
        return isolation_of(inspect, info)
    except InvalidWorkload:
        return Isolation()
