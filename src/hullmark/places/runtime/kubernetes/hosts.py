"""The machines of nodes, as far as the API tells of them: kernel and runtime, and what is known to be wrong with these."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from hullmark.model.place import PlaceEvent
from hullmark.places.runtime.host import HostState, Look
from hullmark.places.runtime.kubernetes.objects import NodeInfo

_LASTS = timedelta(hours=6)
_SET_UP = "set-up"
"""The subject of an event that is about an engine's set-up, of which the API tells nothing."""
_COMPONENTS = {"docker": "Engine"}
"""What `docker version` calls a runtime, where that is another word than the API's."""


class NodeHosts:
    """Looks at each combination of kernel and runtime once in some hours: nodes are alike."""

    def __init__(self, look: Look, clock: Callable[[], datetime]) -> None:
        self._look, self._clock = look, clock
        self._seen: dict[tuple[str, str], tuple[datetime, HostState]] = {}
        self.events: list[PlaceEvent] = []
        """What is to be said of the hosts; whoever says it empties the list."""

    def state_of(self, node: NodeInfo) -> HostState:
        """What is known of a node's host."""
        key, now = (node.container_runtime_version, node.kernel_version), self._clock()
        seen = self._seen.get(key)
        if seen is not None and now - seen[0] < _LASTS:
            return seen[1]
        name, _, version = node.container_runtime_version.partition("://")
        component = {"Name": _COMPONENTS.get(name, name), "Version": version}
        state = self._look({"Components": [component]}, {"KernelVersion": node.kernel_version})
        self._seen = {node: found for node, found in self._seen.items() if now - found[0] < _LASTS}
        self._seen[key] = (now, state)
        self.events += [event for event in state.events if event.subject != _SET_UP]
        return state

    def gaps(self) -> tuple[str, ...]:
        """What cannot be told of the hosts that were looked at, a sentence each."""
        return tuple(dict.fromkeys(gap for _, state in self._seen.values() for gap in state.gaps))
