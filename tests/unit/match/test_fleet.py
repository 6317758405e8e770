"""The stored set: equal things are kept once, and every way through it gives what a plain dictionary would."""

from __future__ import annotations

import pickle
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.match.arrays import Images
from hullmark.match.coordinates import Coordinate
from hullmark.match.fleet import Builder
from hullmark.model.inventory import Distro

BOOKWORM = Distro(id="debian", version_id="12")
LIBC = Coordinate(type="deb", name="libc6", version="2.36-9", source_name="glibc", distro=BOOKWORM)
FLASK = Coordinate(type="pypi", name="Flask_Login", version="2.0")
KERNEL = Coordinate(
    type="rpm",
    name="kernel",
    version="5.14-1.el9",
    source_name="kernel-src",
    distro=Distro(id="rocky", version_id="9.4"),
)
TOOL = Coordinate(type="generic", name="tool", version="1.0")
PLAIN = [
    LIBC,
    FLASK,
    KERNEL,
    TOOL,
    Coordinate(type="npm", name="@s/x", version="1.0.0", space="@s"),
    Coordinate(type="golang", name="example.org/a", version="v1.0.0", symbols="example.org/a.F"),
]


def test_equal_sets_and_coordinates_are_kept_once() -> None:
    builder = Builder()
    assert builder.add("a", [[LIBC, FLASK], [TOOL]]) == 0
    assert builder.add("b", [[FLASK, LIBC, LIBC], [KERNEL]]) == 1
    assert builder.add("c", []) == 2
    fleet = builder.fleet()
    assert (fleet.coordinate_count, fleet.set_count, fleet.image_count) == (4, 3, 3)


def test_a_coordinate_comes_out_as_it_went_in() -> None:
    builder = Builder()
    numbers = [builder.add_coordinate(each) for each in PLAIN]
    fleet = builder.fleet()
    assert [fleet.coordinate(number) for number in numbers] == PLAIN


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (("debian:12", "glibc"), {LIBC}),
        (("debian:12", "libc6"), set()),
        (("debian:11", "glibc"), set()),
        (("pypi", "flask-login"), {FLASK}),
        (("rhel:9.4", "kernel"), {KERNEL}),
        (("rhel:9", "kernel-src"), {KERNEL}),
        (("rocky:9", "kernel"), {KERNEL}),
        (("cpe", "a:tool:tool"), {TOOL}),
        (("generic", "tool"), {TOOL}),
        (("npm", "@s/x"), {PLAIN[4]}),
        (("npm", "never heard of"), set()),
    ],
)
def test_coordinates_are_found_by_every_name_under_which_they_are_looked_up(
    key: tuple[str, str], expected: set[Coordinate]
) -> None:
    builder = Builder()
    builder.add("a", [PLAIN])
    fleet = builder.fleet()
    assert {fleet.coordinate(number) for number in fleet.about([key])} == expected


def test_coordinates_are_found_by_namespace() -> None:
    builder = Builder()
    builder.add("a", [PLAIN])
    fleet = builder.fleet()
    assert {fleet.coordinate(number) for number in fleet.within(["rocky:9", "cpe", "unheard of"])} == {KERNEL, TOOL}


def test_a_coordinate_of_which_no_snapshot_can_speak_is_there_and_never_found() -> None:
    odd = Coordinate(type="deb", name="foo", version="1", distro=Distro(id="unheard-of"))
    builder = Builder()
    builder.add("a", [[odd]])
    fleet = builder.fleet()
    assert list(fleet.images_of([0])) == [0]
    assert fleet.about([("debian:12", "foo")]) == set()


@pytest.mark.parametrize(
    "name", ["sha256:" + "ab" * 32, "sha256:" + "AB" * 32, "sha256:abc", "", "sha256:" + "é" * 64, "shop:\udc80"]
)
def test_an_image_keeps_its_name(name: str) -> None:
    builder = Builder()
    for each in ("first", name, "last"):
        builder.add(each, [])
    fleet = builder.fleet()
    assert [fleet.name(number) for number in range(3)] == ["first", name, "last"]


def test_images_are_found_by_their_distribution() -> None:
    builder = Builder()
    for name, distro in (("a", BOOKWORM), ("b", None), ("c", Distro(id="debian", version_id="11")), ("d", BOOKWORM)):
        builder.add(name, [], distro)
    fleet = builder.fleet()
    assert fleet.distros == (BOOKWORM, None, Distro(id="debian", version_id="11"))
    assert [list(fleet.images_on(each)) for each in fleet.distros] == [[0, 3], [1], [2]]
    assert list(fleet.images_on(Distro(id="alpine"))) == []


SETS = st.lists(st.sets(st.integers(0, len(PLAIN) - 1)), max_size=4)


@given(st.lists(SETS, max_size=8), st.sets(st.integers(0, len(PLAIN) - 1)))
def test_images_and_sets_are_those_that_hold_one_of_the_coordinates(
    worlds: Sequence[list[set[int]]], wanted: set[int]
) -> None:
    builder = Builder()
    numbers = [builder.add_coordinate(each) for each in PLAIN]
    for name, sets in enumerate(worlds):
        builder.add(str(name), [[PLAIN[number] for number in each] for each in sets])
    fleet = pickle.loads(pickle.dumps(builder.fleet()))  # noqa: S301 - its own bytes
    assert numbers == list(range(len(PLAIN)))
    images = [number for number, sets in enumerate(worlds) if any(each & wanted for each in sets)]
    found = fleet.images_of(wanted)
    assert (list(found), len(found)) == (images, len(images))
    assert all((number in found) == (number in images) for number in range(-1, len(worlds) + 1))
    distinct = {frozenset(each) for sets in worlds for each in sets}
    assert len(fleet.sets_of(wanted)) == sum(1 for each in distinct if each & wanted)
    assert [fleet.coordinates_in(number) for number in range(len(worlds))] == [
        sorted(set().union(*sets)) for sets in worlds
    ]


@given(st.lists(st.tuples(st.booleans(), st.booleans())))
def test_the_union_of_images_has_the_images_of_both(marks: list[tuple[bool, bool]]) -> None:
    first, second = (Images(bytearray(each)) for each in (zip(*marks, strict=True) if marks else ((), ())))
    assert list(first | second) == sorted({*first, *second})
