"""Graphs are folded to what can be read, and laid out in layers without overlap."""

from hypothesis import given
from hypothesis import strategies as st

from hullmark.server.console.charts.graph import MAX_NODES, Graph, Node, distances, fold
from hullmark.server.console.charts.layered import draw_graph, place_nodes
from tests.unit.server.console.test_charts import facts_of

PYTHON, APP, SSL, FLASK = (
    Node("/usr/bin/python3", "python3", "go", "python3", root=True),
    Node("/app/main.py", "main.py", "go"),
    Node("/usr/lib/libssl.so.3", "libssl.so.3", "go", "libssl3"),
    Node("/usr/lib/flask.py", "flask.py", "go", "flask"),
)
GRAPH = Graph(
    (PYTHON, APP, SSL, FLASK),
    (
        ("/usr/bin/python3", "/app/main.py"),
        ("/usr/bin/python3", "/usr/lib/libssl.so.3"),
        ("/app/main.py", "/usr/lib/flask.py"),
    ),
)
GROUPS = {name: Node(name, f"{name} (package)") for name in ("python3", "libssl3", "flask")}

GRAPHS = st.builds(
    lambda count, pairs, roots: Graph(
        tuple(Node(str(index), f"<{index}>", group=str(index % 7), root=index in roots) for index in range(count)),
        tuple((str(start), str(end)) for start, end in pairs),
    ),
    st.integers(0, 60),
    st.lists(st.tuples(st.integers(0, 65), st.integers(0, 65)), max_size=120),
    st.sets(st.integers(0, 60), max_size=3),
)


def test_a_closed_group_is_one_node_that_says_how_many_it_holds() -> None:
    folded = fold(GRAPH, GROUPS, {"python3"})
    assert [(node.label, node.members, node.root) for node in folded.nodes] == [
        ("python3", 0, True), ("main.py", 0, False), ("libssl3 (package)", 1, False), ("flask (package)", 1, False),
    ]  # fmt: skip
    assert folded.edges == (
        ("/usr/bin/python3", "/app/main.py"),
        ("/usr/bin/python3", "\0libssl3"),
        ("/app/main.py", "\0flask"),
    )


def test_a_group_keeps_being_the_start_when_it_is_closed() -> None:
    assert [node.root for node in fold(GRAPH, GROUPS).nodes] == [True, False, False, False]


def test_distances_are_steps_from_the_start() -> None:
    assert distances(GRAPH) == {
        "/usr/bin/python3": 0, "/app/main.py": 1, "/usr/lib/libssl.so.3": 1, "/usr/lib/flask.py": 2,
    }  # fmt: skip


def test_of_too_many_nodes_the_nearest_are_shown_and_the_rest_counted() -> None:
    nodes = tuple(Node(str(index), str(index), root=index == 0) for index in range(5_000))
    graph = fold(Graph(nodes, tuple((str(index), str(index + 1)) for index in range(4_999))), {})
    assert len(graph.nodes) == MAX_NODES
    assert graph.nodes[-1].label == f"{5_000 - MAX_NODES + 1} more"
    assert {node.name for node in graph.nodes[:-1]} == {str(index) for index in range(MAX_NODES - 1)}


@given(GRAPHS, st.sets(st.integers(0, 6).map(str)), st.integers(0, 30))
def test_any_graph_is_folded_laid_out_and_drawn(graph: Graph, opened: set[str], most: int) -> None:
    folded = fold(graph, {str(index): Node(str(index), f"group {index}") for index in range(5)}, opened, most)
    assert len(folded.nodes) <= max(most, 2)
    assert len({node.name for node in folded.nodes}) == len(folded.nodes)
    boxes = list(place_nodes(folded).values())
    assert len({(box.x, box.y) for box in boxes}) == len(folded.nodes)
    facts_of(draw_graph(folded, "from the entrypoint"))
