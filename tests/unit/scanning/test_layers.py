"""What extras take of layers: bounded for the image as a whole, and kept only where it may be."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from hullmark.facets.kept import KEPT
from hullmark.rootfs.reads import Read, Report
from hullmark.scanning.layercache import FolderKeep, LayerCache
from hullmark.scanning.layers import Extra, LayerReading, layer_records
from tests.support.layers import TarBuilder, image

BODY = b"x = 1\n" * 10


def tar(number: int) -> bytes:
    return TarBuilder().add(f"etc/{number}.conf", BODY).done()


def test_the_layers_above_an_images_limit_give_nothing_and_say_so() -> None:
    extra = Extra(replace(KEPT, image_limit=2 * len(BODY)), "fingerprint")
    records = layer_records(image(*map(tar, range(4))), LayerReading(reads=(), extras=(extra,)))
    assert [len(record.facts.get("kept", ())) for record in records] == [1, 1, 0, 0]
    assert [len(record.problems) for record in records] == [0, 0, 1, 1]
    assert "the image has more than 120 bytes" in records[2].problems[0].reason


def test_facts_that_may_not_be_kept_are_taken_again(tmp_path: Path) -> None:
    taken: list[str] = []

    def extract(path: str, body: memoryview, report: Report) -> str:
        taken.append(path)
        return "out of reach" if len(taken) == 1 else "fine"

    read = Read(
        name="scanner",
        fact=str,
        extract=extract,
        globs=("**/*.conf",),
        may_keep=lambda facts: all(fact == "fine" for _, fact in facts),
    )
    reading = LayerReading(reads=(), extras=(Extra(read, "f" * 16),), cache=LayerCache(FolderKeep(tmp_path), "f" * 16))
    found = [layer_records(image(tar(0)), reading)[0].facts["scanner"] for _ in range(3)]
    assert found == [[(0, "out of reach")], [(0, "fine")], [(0, "fine")]]
    assert len(taken) == 2


def test_records_are_the_same_on_any_number_of_threads() -> None:
    twice = [
        TarBuilder().add("a/../../b", b"").add("x/" * 9000, b"").add(f"etc/{n}.conf", BODY * n).done() for n in range(5)
    ]
    extra = Extra(replace(KEPT, image_limit=5 * len(BODY)), "fingerprint")
    expected = layer_records(image(*twice), LayerReading(reads=(), extras=(extra,), digests=True))
    assert all(record.problems for record in expected)
    for jobs in (2, 3, 9):
        assert (
            layer_records(image(*twice), LayerReading(reads=(), extras=(extra,), digests=True, jobs=jobs)) == expected
        )
