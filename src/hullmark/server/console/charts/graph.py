"""A graph that is not too large to be read: groups folded into one node each, of which a person opens some.

At most MAX_NODES are shown, those nearest to where it begins; the rest is one node that says how many. 5,000 nodes at once help nobody.
"""

from collections import deque
from collections.abc import Mapping, Sequence, Set

import msgspec

from hullmark.server.console.charts.svg import Tone

MAX_NODES = 400
MAX_EDGES = 4_000  # that are drawn
_REST = "\0rest"


class Node(msgspec.Struct, frozen=True):
    """A file or a package. `group` is what it is folded into ("" for none), `members` how many are folded into it."""

    name: str
    label: str
    tone: Tone = "soft"
    group: str = ""
    href: str | None = None
    tip: str = ""
    root: bool = False
    members: int = 0


class Graph(msgspec.Struct, frozen=True):
    """Nodes and which needs which, by names. What an edge names and is not there, is not drawn."""

    nodes: tuple[Node, ...]
    edges: tuple[tuple[str, str], ...]


def fold(graph: Graph, groups: Mapping[str, Node], open_groups: Set[str] = frozenset(), most: int = MAX_NODES) -> Graph:
    """The graph with one node for each group that is not opened, and no more nodes than `most`.

    `groups` has the node that stands for each group, without which its members stay as they are.
    """
    shown: dict[str, Node] = {}
    stands_for: dict[str, str] = {}
    for node in graph.nodes:
        closed = node.group in groups and node.group not in open_groups
        name = f"\0{node.group}" if closed else node.name
        stands_for[node.name] = name
        if not closed:
            shown[name] = node
            continue
        before = shown.get(name) or msgspec.structs.replace(groups[node.group], name=name, members=0)
        shown[name] = msgspec.structs.replace(before, members=before.members + 1, root=before.root or node.root)
    edges = _join_edges(graph.edges, stands_for)
    return _nearest(Graph(tuple(shown.values()), edges), max(most, 2))


def distances(graph: Graph) -> dict[str, int]:
    """How many steps each node is from a root, in the order in which they are met; what no root reaches begins anew at 0."""
    successors = neighbours(graph.edges)
    met: dict[str, int] = {}
    for node in (*(one for one in graph.nodes if one.root), *(one for one in graph.nodes if not one.root)):
        if node.name in met:
            continue
        if node.root:
            met[node.name] = 0
    _spread(met, successors, {node.name for node in graph.nodes})
    left = {node.name for node in graph.nodes} - met.keys()
    for node in graph.nodes if left else ():
        if node.name in left:
            fresh = {node.name: 0}
            _spread(fresh, successors, left)
            met.update(fresh)
            left -= fresh.keys()
    return met


def neighbours(edges: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    """What each node leads to."""
    found: dict[str, list[str]] = {}
    for start, end in edges:
        found.setdefault(start, []).append(end)
    return found


def _spread(met: dict[str, int], successors: Mapping[str, Sequence[str]], names: Set[str]) -> None:
    """Adds to `met` what its nodes lead to, each with its distance."""
    waiting = deque(met)
    while waiting:
        name = waiting.popleft()
        for end in successors.get(name, ()):
            if end not in met and end in names:
                met[end] = met[name] + 1
                waiting.append(end)


def _join_edges(edges: Sequence[tuple[str, str]], stands_for: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    pairs = ((stands_for.get(start), stands_for.get(end)) for start, end in edges)
    return tuple(dict.fromkeys((start, end) for start, end in pairs if start and end and start != end))


def _nearest(graph: Graph, most: int) -> Graph:
    if len(graph.nodes) <= most:
        return graph
    order = {name: index for index, name in enumerate(distances(graph))}
    nodes = sorted(graph.nodes, key=lambda node: order[node.name])
    kept, left = nodes[: most - 1], nodes[most - 1 :]
    rest = Node(_REST, f"{sum(max(node.members, 1) for node in left)} more", members=len(left))
    stands_for = {node.name: node.name for node in kept} | {node.name: _REST for node in left}
    return Graph((*kept, rest), _join_edges(graph.edges, stands_for))
