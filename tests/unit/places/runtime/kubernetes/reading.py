"""Objects as JSON → what the reader of pods is given."""

from __future__ import annotations

from typing import Any

import msgspec

from hullmark.places.runtime.kubernetes.objects import Pod
from hullmark.places.runtime.kubernetes.pods import PodContainer, PodPlace, occupants

PLACE = PodPlace("prod", "Deployment/web", {"app": "web"}, "amd64", {"gvisor": "runsc"})


def read(pod: dict[str, Any]) -> tuple[PodContainer, ...]:
    """The containers of a pod, as if an API server had sent it."""
    document = {**pod, "metadata": {"uid": "u", **pod["metadata"]}}
    return occupants(msgspec.json.decode(msgspec.json.encode(document), type=Pod), PLACE)


def by_name(pod: dict[str, Any]) -> dict[str, PodContainer]:
    """The same by their names."""
    return {each.container.place.container: each for each in read(pod)}
