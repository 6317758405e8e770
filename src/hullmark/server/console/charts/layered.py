"""A graph drawn in layers from left to right: a layer for each step from where it begins, few crossings, curved edges.

Layers and their order by barycentres: Sugiyama, Tagawa, Toda: Methods for Visual Understanding of Hierarchical System Structures, 1981.
"""

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from hullmark.server.console.charts.graph import MAX_EDGES, MAX_NODES, Graph, Node, distances, neighbours
from hullmark.server.console.charts.scale import format_value
from hullmark.server.console.charts.svg import (
    Box,
    Point,
    Size,
    drawing,
    element,
    fit_label,
    group,
    label,
    link,
    rectangle,
    text,
    tone_class,
)

_WIDTH, _HEIGHT = 168.0, 26.0
_ACROSS, _DOWN = 64.0, 8.0
_MARGIN = 6.0
_BEND = 30.0  # how far an edge that leads back goes round
_SWEEPS = 6
_TALLEST = 40  # nodes above each other; a larger layer takes several columns


def draw_graph(graph: Graph, title: str) -> Markup:
    """The graph, as large as it is; the page lets it scroll. `fold` it first: what is beyond MAX_NODES is left out."""
    graph = Graph(graph.nodes[:MAX_NODES], graph.edges)
    boxes = place_nodes(graph)
    width = max((box.right for box in boxes.values()), default=_WIDTH) + _BEND
    height = max((box.bottom for box in boxes.values()), default=_HEIGHT) + _MARGIN
    edges = [_edge(boxes[start], boxes[end]) for start, end in graph.edges if start in boxes and end in boxes][
        :MAX_EDGES
    ]
    nodes = [_node(node, boxes[node.name]) for node in graph.nodes]
    description = f"{len(nodes)} nodes, {len(edges)} edges"
    picture = drawing(Size(width, height), title, description, [group(edges, "edges"), group(nodes, "nodes")], "graph")
    return _natural(picture, width, height)


def place_nodes(graph: Graph) -> dict[str, Box]:
    """Where each node lies; no two overlap."""
    layers = _order_layers(_layers(graph), graph.edges)
    boxes: dict[str, Box] = {}
    x = _MARGIN
    columns = [layer[start : start + _TALLEST] for layer in layers for start in range(0, len(layer), _TALLEST)]
    tallest = max((len(column) for column in columns), default=0)
    for column in columns:
        # Short columns stand in the middle, so that edges are short.
        y = _MARGIN + (tallest - len(column)) * (_HEIGHT + _DOWN) / 2
        for index, name in enumerate(column):
            boxes[name] = Box(x, y + index * (_HEIGHT + _DOWN), _WIDTH, _HEIGHT)
        x += _WIDTH + _ACROSS
    return boxes


def _layers(graph: Graph) -> list[list[str]]:
    found: dict[int, list[str]] = {}
    for name, distance in distances(graph).items():
        found.setdefault(distance, []).append(name)
    return [found[distance] for distance in sorted(found)]


def _order_layers(layers: list[list[str]], edges: Sequence[tuple[str, str]]) -> list[list[str]]:
    """The layers, each in the order of where its nodes' neighbours lie on average; forth and back a few times."""
    onward, backward = neighbours(edges), neighbours([(end, start) for start, end in edges])
    for sweep in range(_SWEEPS):
        forth = sweep % 2 == 0
        indexes = range(1, len(layers)) if forth else range(len(layers) - 2, -1, -1)
        for index in indexes:
            beside = layers[index - 1 if forth else index + 1]
            places = {name: place / max(len(beside), 1) for place, name in enumerate(beside)}
            layers[index] = _by_middle(layers[index], places, backward if forth else onward)
    return layers


def _by_middle(layer: list[str], places: Mapping[str, float], linked: Mapping[str, Sequence[str]]) -> list[str]:
    """Nodes without a neighbour there keep about where they are."""

    def middle(numbered: tuple[int, str]) -> float:
        found = [places[name] for name in linked.get(numbered[1], ()) if name in places]
        return sum(found) / len(found) if found else numbered[0] / len(layer)

    return [name for _, name in sorted(enumerate(layer), key=middle)]


def _edge(start: Box, end: Box) -> Markup:
    """A curve from the right side to the left one; to a node that lies behind, from its right side round."""
    begin = Point(start.right, start.y + start.height / 2)
    forward = end.x > start.x
    finish = Point(end.x if forward else end.right, end.y + end.height / 2)
    bend = max((finish.x - begin.x) / 2, 24.0) if forward else _BEND
    second = finish.x - bend if forward else finish.x + bend
    data = f"M{begin.x:.1f} {begin.y:.1f}C{begin.x + bend:.1f} {begin.y:.1f} {second:.1f} {finish.y:.1f} {finish.x:.1f} {finish.y:.1f}"
    return element("path", d=data, fill="none", class_=None if forward else "back")


def _node(node: Node, box: Box) -> Markup:
    tip = element("title", label(f"{node.label} {node.tip}"))
    classes = " ".join(
        filter(None, ("node", tone_class(node.tone), "root" if node.root else None, "folded" if node.members else None))
    )
    paint = rectangle(box, None, "paint", rx=5, fill="currentColor", fill_opacity=0.16)
    edge = rectangle(box, None, "edge", rx=5, fill="none", stroke="currentColor")
    count = format_value(node.members) if node.members else ""
    room = box.width - 16 - (len(count) * 6.6 + 8 if count else 0)
    name = text(Point(box.x + 8, box.y + 17), fit_label(node.label, room), "name")
    members = text(Point(box.right - 8, box.y + 17), count, "members", "end") if count else Markup("")
    return link(element("g", tip, paint, edge, name, members, class_=classes), node.href)


def _natural(picture: Markup, width: float, height: float) -> Markup:
    """The picture in its own size: a graph that is shrunk to the page cannot be read."""
    return picture.replace("<svg ", Markup('<svg width="{:.0f}" height="{:.0f}" ').format(width, height), 1)
