"""Every cataloger keeps its contract: it is listed, deterministic, survives any bytes, gives evidence, reads what it declares."""

from __future__ import annotations

import gc
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from packageurl import PackageURL

import hullmark.catalog
from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.distro import DISTRO_READS
from hullmark.catalog.relations import RESOLVERS
from hullmark.catalog.relations.resolver import Scene, Steps
from hullmark.model.inventory import Distro
from hullmark.rootfs.dispatch import Dispatch
from hullmark.rootfs.reads import LocatedFact, Read
from tests.contract.inputs import Files, Sample, roots, samples
from tests.support.places import SHARED
from tests.support.views import FakeView

CATALOGERS: tuple[Cataloger, ...] = hullmark.catalog.CATALOGERS + hullmark.catalog.DECLARED
READS: dict[str, Read[Any]] = {
    read.name: read for cataloger in CATALOGERS for read in cataloger.reads + cataloger.optional
}
SAMPLES = samples(READS.values())
ROOTS = roots()
DEBIAN = Distro(id="debian", version_id="13")
F = TypeVar("F")

each_cataloger = pytest.mark.parametrize("cataloger", CATALOGERS, ids=lambda cataloger: cataloger.name)
each_read = pytest.mark.parametrize("read", READS.values(), ids=READS)


class StrictView(FakeView):
    """A view that answers only for what its cataloger declares."""

    def __init__(self, files: Files, cataloger: Cataloger) -> None:
        super().__init__(files, cataloger, distro=DEBIAN)
        self.declared = cataloger.reads + cataloger.optional

    def _check(self, read: Read[Any]) -> None:
        assert any(read is one for one in self.declared), f"{read.name} is used, but not declared"

    def facts(self, read: Read[F]) -> Iterator[LocatedFact[F]]:
        """See FakeView."""
        self._check(read)
        return super().facts(read)

    def fact_at(self, read: Read[F], path: str) -> LocatedFact[F] | None:
        """See FakeView."""
        self._check(read)
        return super().fact_at(read, path)

    def versions(self, read: Read[F], path: str) -> list[LocatedFact[F]]:
        """See FakeView."""
        self._check(read)
        return super().versions(read, path)


def taken(read: Read[Any], sample: Sample) -> tuple[Any, list[str]]:
    """The fact of a body that is there at once, and what was reported."""
    problems: list[str] = []
    return read.extract(sample.path, memoryview(sample.body), problems.append), problems


def sink_of(read: Read[Any], sample: Sample) -> Any:
    """What a body that is too large to be held goes through; None: it is not read."""
    if read.oversize_at is not None:
        return read.oversize_at(sample.path, len(sample.body))
    return read.oversize(len(sample.body)) if read.oversize is not None else None


def streamed(read: Read[Any], sample: Sample, piece: int) -> tuple[Any, list[str]]:
    """The fact of a body that is too large to be held, and what was reported."""
    body = sample.body
    sink, problems = sink_of(read, sample), list[str]()
    for start in range(0, len(body), piece):
        view = memoryview(body)[start : start + piece]
        sink.write(view)
        view.release()
    return sink.finish(problems.append), problems


def all_ways(read: Read[Any], sample: Sample) -> list[tuple[Any, list[str]]]:
    """What the read makes of a body, held or streamed."""
    ways = [] if read.limit == 0 else [taken(read, sample)]
    return ways + ([streamed(read, sample, 5000)] if sink_of(read, sample) is not None else [])


def answer(cataloger: Cataloger, files: Files) -> tuple[object, ...]:
    """Everything that a cataloger says of an image."""
    view = StrictView(files, cataloger)
    packages = list(cataloger.assemble(view))
    owned = list(cataloger.owned(view)) if cataloger.owned is not None else []
    scene = Scene(FakeView(files, cataloger, distro=DEBIAN), packages, Steps())
    relations = [list(resolver.relate(scene)) for resolver in RESOLVERS if resolver.cataloger == cataloger.name]
    return packages, owned, view.problems, relations


# Lists


def test_no_name_is_used_twice() -> None:
    names = Counter(cataloger.name for cataloger in CATALOGERS)
    declared = (read for cataloger in CATALOGERS for read in cataloger.reads)
    reads = Counter(read.name for read in {id(read): read for read in [*DISTRO_READS, *declared]}.values())
    assert [name for name, count in (names + reads).items() if count > 1 and (names[name] > 1 or reads[name] > 1)] == []


@each_read
def test_a_read_has_a_plain_name_and_says_what_it_wants(read: Read[Any]) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", read.name)
    assert read.globs or read.magic


@each_read
def test_a_read_gets_no_file_that_it_does_not_ask_for(read: Read[Any]) -> None:
    assert Dispatch((read,)).wanted(b"srv/app/unrelated.bin") == ()


def test_no_expression_is_tried_on_each_file_of_an_image() -> None:
    reads = [read for cataloger in hullmark.catalog.CATALOGERS for read in cataloger.reads]
    assert Dispatch(reads)._others == ()


@each_read
def test_there_are_real_inputs_for_every_read(read: Read[Any]) -> None:
    if SHARED is None:
        pytest.skip("the shared material is not beside this checkout")
    if not read.limit and read.fact is bool:
        assert read.oversize is not None  # only that the file is there counts, whatever is in it
        return
    assert SAMPLES[read.name]
    assert any(fact is not None for sample in SAMPLES[read.name] for fact, _ in all_ways(read, sample))


# Facts


@each_read
def test_facts_are_the_same_after_the_cache(read: Read[Any]) -> None:
    for sample in SAMPLES[read.name]:
        for fact, _ in all_ways(read, sample):
            if fact is not None:
                assert msgspec.msgpack.decode(msgspec.msgpack.encode(fact), type=read.fact) == fact


@each_read
def test_facts_of_the_same_bytes_are_the_same(read: Read[Any]) -> None:
    for sample in SAMPLES[read.name]:
        assert all_ways(read, sample) == all_ways(read, sample)


def let_go(data: bytearray, *views: memoryview) -> None:
    """Empty a buffer. Raises BufferError while anything looks into it; circles that nobody holds any more do not count."""
    try:
        for view in views:
            view.release()
        data.clear()
    except BufferError:
        gc.collect()
        for view in views:
            view.release()
        data.clear()


@each_read
def test_the_body_is_not_needed_after_the_call(read: Read[Any]) -> None:
    for sample in SAMPLES[read.name]:
        if read.limit == 0:
            continue
        data = bytearray(sample.body)
        body = memoryview(data)
        fact = read.extract(sample.path, body, lambda _: None)
        before = msgspec.msgpack.encode(fact)
        data[:] = bytes(len(data))
        assert msgspec.msgpack.encode(fact) == before
        let_go(data, body)


@each_read
def test_pieces_are_not_needed_after_the_call(read: Read[Any]) -> None:
    for sample in SAMPLES[read.name]:
        sink, data = sink_of(read, sample), bytearray(5000)
        if sink is None:
            continue
        for start in range(0, len(sample.body), len(data)):
            piece = sample.body[start : start + len(data)]
            data[: len(piece)] = piece
            sink.write(memoryview(data)[: len(piece)])
            data[:] = bytes(len(data))
        assert sink.finish(lambda _: None) == streamed(read, sample, 5000)[0]
        let_go(data)


# Packages


@each_cataloger
def test_the_same_image_gives_the_same_answer(cataloger: Cataloger) -> None:
    for name, files in ROOTS:
        assert answer(cataloger, files) == answer(cataloger, files), name


@each_cataloger
def test_a_package_says_where_it_was_found_and_has_a_sound_purl(cataloger: Cataloger) -> None:
    for _, files in ROOTS:
        check_packages(cataloger, files)


def check_packages(cataloger: Cataloger, files: Files) -> None:
    """Every package has a name, a version, its cataloger's name, an own file as evidence, and a purl that others read."""
    for package in cataloger.assemble(StrictView(files, cataloger)):
        assert package.name
        assert package.version
        assert package.cataloger == cataloger.name
        assert package.locations
        for location in package.locations:
            assert location.path[:1] == "/"
            assert location.path[1:].partition(":")[0] in {path.partition(":")[0] for path in files}
            assert location.layer == 0
        parsed = PackageURL.from_string(package.purl)
        assert (parsed.type, bool(parsed.name)) == (package.type, True)
        assert msgspec.json.decode(msgspec.json.encode(package), type=type(package)) == package


# Hostile bytes


def paths_of(read: Read[Any]) -> list[str]:
    """Names that the read's globs would bring, one for each glob."""
    return [glob.replace("**/", "srv/").replace("*", "x") for glob in read.globs] or ["srv/x"]


hostile = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@hostile
@given(body=st.binary(max_size=600), number=st.integers(0, 99))
@each_read
def test_any_bytes_are_survived(read: Read[Any], body: bytes, number: int) -> None:
    paths = paths_of(read)
    for start in (b"", *read.magic):
        for fact, _ in all_ways(read, Sample(paths[number % len(paths)], start + body)):
            msgspec.msgpack.encode(fact)


changes = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=4)), min_size=1, max_size=8
)


def damaged(body: bytes, places: list[tuple[float, bytes]], cut: float) -> bytes:
    """The body with some bytes changed or put in between, and its end cut off."""
    changed = bytearray(body)
    for at, piece in places:
        start = int(at * len(changed))
        changed[start : start + len(piece) % 4] = piece
    return bytes(changed[: int(cut * len(changed)) if cut < 1 else len(changed)])


@hostile
@given(data=st.data(), places=changes, cut=st.sampled_from([1, 1, 1, 0.9, 0.5, 0.1]))
@each_read
def test_damage_to_real_files_is_survived(
    read: Read[Any], data: st.DataObject, places: list[tuple[float, bytes]], cut: float
) -> None:
    if not SAMPLES[read.name]:
        pytest.skip("there is no real input")
    sample = data.draw(st.sampled_from(SAMPLES[read.name]))
    for fact, _ in all_ways(read, Sample(sample.path, damaged(sample.body, places, cut))):
        msgspec.msgpack.decode(msgspec.msgpack.encode(fact), type=read.fact | None)


@hostile
@given(data=st.data(), places=changes)
@each_cataloger
def test_packages_of_damaged_files_are_sound(
    cataloger: Cataloger, data: st.DataObject, places: list[tuple[float, bytes]]
) -> None:
    wanted = {sample.path for read in cataloger.reads for sample in SAMPLES[read.name]}
    known = [files for _, files in ROOTS if not wanted.isdisjoint(files)]
    if not known:
        pytest.skip("there is no real input")
    files = data.draw(st.sampled_from(known))
    broken = {path: damaged(body, places, 1) if path in wanted else body for path, body in files.items()}
    check_packages(cataloger, broken)
    answer(cataloger, broken)
