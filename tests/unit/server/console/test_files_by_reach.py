"""Files by whether the start reaches them: by folder, by package, as tiles, and as a graph that opens by clicks."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.model.reach import REACHES
from hullmark.model.reached_files import FIRST, FROM_START, NOT_REACHED, ReachedFiles
from hullmark.reach.files import _compress_paths
from hullmark.server.console.charts.graph import MAX_NODES
from hullmark.server.console.charts.layered import draw_graph
from hullmark.server.console.files_by_reach import Branch, FilesByReach, common_folder
from hullmark.server.console.pages.file_ways import MANY, file_ways

_PARTS = st.sampled_from(["a", "b", "a-b", "é", "0", "lib"])
_PATHS = st.lists(_PARTS, min_size=1, max_size=4).map(lambda parts: "/" + "/".join(parts) + ".f")
_FILES = st.dictionaries(
    _PATHS, st.tuples(st.integers(-1, 9), st.integers(0, 2), st.sampled_from(["", "pkg:a", "pkg:b"])), max_size=30
)


def files_of(told: dict[str, tuple[int, int, str]], sources: dict[str, str] | None = None) -> FilesByReach:
    """Files as (bytes, place in REACHES, package) by path; `sources`: what comes before each on its way ("": the start)."""
    paths = sorted(told)
    purls = ["", *sorted({purl for _, _, purl in told.values()} - {""})]
    shared, rest = _compress_paths(paths)
    before = sources or {}
    return FilesByReach(
        ReachedFiles(
            shared=shared,
            rest=rest,
            sizes=tuple(told[path][0] for path in paths),
            reaches=bytes(told[path][1] for path in paths),
            owners=tuple(purls.index(told[path][2]) for path in paths),
            sources=tuple(
                NOT_REACHED
                if path not in before
                else (FIRST + paths.index(before[path]) if before[path] else FROM_START)
                for path in paths
            ),
            whys=(0,) * len(paths),
            purls=tuple(purls),
            reasons=("",),
        )
    )


@given(_FILES)
def test_folders_have_all_bytes_below_them(told: dict[str, tuple[int, int, str]]) -> None:
    files = files_of(told)
    assert files.paths == sorted(told)
    rows = files.rows("/")
    for reach in range(len(REACHES)):
        whole = sum(max(size, 0) for size, of, _ in told.values() if of == reach)
        assert sum(row.shares[reach] for row in rows) == whole
    assert {path for row in rows for path in _leaves(files, row.path, row.files)} == set(told)


def _leaves(files: FilesByReach, path: str, below: int | None) -> list[str]:
    if below is None:
        return [path]
    return [leaf for row in files.rows(path) for leaf in _leaves(files, row.path, row.files)]


@given(_FILES, st.integers(1, 10))
def test_tiles_have_all_bytes_whatever_is_shown_by_itself(told: dict[str, tuple[int, int, str]], most: int) -> None:
    files = files_of(told)
    top = files.branch(files.below("/"), "/", most)
    single, summed = _weighed(top)
    sizes = sorted((max(size, 0) for size, _, _ in told.values()), reverse=True)
    assert len(single) <= max(most, 0) or len(told) <= most
    assert sum(single) + summed == sum(sizes)
    assert sorted(single, reverse=True) == [size for size in sizes[:most] if size]


def _weighed(branch: Branch) -> tuple[list[int], int]:
    single = [size for _, size, _ in branch.files]
    summed = sum(size for _, size in branch.small.values())
    for inner in branch.folders.values():
        more, other = _weighed(inner)
        single, summed = single + more, summed + other
    return single, summed


@given(_FILES)
def test_a_package_has_its_files_and_a_way_leads_from_the_start(told: dict[str, tuple[int, int, str]]) -> None:
    paths = sorted(told)
    sources = {path: paths[number - 1] if number else "" for number, path in enumerate(paths)}
    files = files_of(told, sources)
    for purl in {purl for _, _, purl in told.values()}:
        found = {files.paths[place] for place in files.of_package(purl)}
        assert found == {path for path, (size, _, owner) in told.items() if owner == purl and size >= 0}
    if paths:
        assert [step.path for step in files.way(len(paths) - 1)] == paths
        assert files.way(0)[0].path == paths[0]
        assert files.next(0) == ([1] if len(paths) > 1 else [])


@pytest.mark.parametrize(
    ("paths", "folder"),
    [([], "/"), (["/a"], "/"), (["/a/b"], "/a"), (["/a/b", "/a/bc"], "/a"), (["/a/b/c", "/a/d"], "/a"), (["/a/x", "/b"], "/")],
)  # fmt: skip
def test_the_common_folder(paths: list[str], folder: str) -> None:
    assert common_folder(paths) == folder


def opened(files: FilesByReach, *keys: str) -> tuple[dict[str, int], list[str]]:
    """The nodes by label with how many they stand for, and the keys that a click opens or closes."""
    graph, _ = file_ways(files, (), frozenset(keys), "/x")
    found = re.findall(r'href="([^"]*tab=ways[^"]*)"', str(draw_graph(graph, "ways")).replace("&amp;", "&"))
    clicks = [key for address in found for key in parse_qs(urlsplit(address).query).get("open", [])]
    return {node.label: node.members for node in graph.nodes}, clicks


def test_the_graph_opens_from_packages_to_folders_to_files() -> None:
    names = [f"/usr/lib/node/{'left' if number % 2 else 'right'}/{number:03}.js" for number in range(3 * MANY)]
    told = {"/app/main": (1, 0, ""), **dict.fromkeys(names, (1, 0, "pkg:node"))}
    files = files_of(told, {"/app/main": "", **dict.fromkeys(names, "/app/main")})
    nodes, clicks = opened(files)
    assert nodes == {"main": 0, "pkg:node": 3 * MANY}
    nodes, clicks = opened(files, *clicks)
    assert nodes == {"main": 0, "/usr/lib/node/left": 60, "/usr/lib/node/right": 60}
    left = next(key for key in clicks if key.endswith("left"))
    nodes, _ = opened(files, "pkg:node", left, f"{left.rpartition('/')[0]}/left/*")
    assert nodes["001.js"] == 0
    assert nodes["/usr/lib/node/right"] == 60


@given(st.integers(0, 1_200), st.sets(st.sampled_from(["pkg:a", "pkg:b", "\n/", "pkg:a\n/d/*"])))
def test_no_more_is_shown_than_can_be_read(count: int, keys: set[str]) -> None:
    told = {f"/d/{number % 7}/{number}": (1, 0, f"pkg:{number % 900}") for number in range(count)}
    files = files_of(told, dict.fromkeys(told, ""))
    graph, _ = file_ways(files, (), keys, "/x")
    assert len(graph.nodes) <= MAX_NODES
