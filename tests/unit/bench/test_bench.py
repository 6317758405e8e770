"""The bench's own judgement: what counts as missing, explained, within bounds, and what the kernel says of a command."""

from __future__ import annotations

import hashlib
import sys
import zipfile
from pathlib import Path

import pytest

from bench import floor
from bench.compare import Compared, compare, items_by_type
from bench.explanations import Image, reason_for
from bench.filestates import place
from bench.markdown import table
from bench.measure import Taken, measure, median
from bench.native import golang, java
from bench.native.answer import ANY, Item, Oracle, real
from bench.peers import Peer
from bench.scanners import compare as compare_peer
from bench.scanners import reasons_of, report
from bench.speed import Measured, bounds
from bench.truth import Judged
from tests.support.images import tar_of

A, B = Item("a", "1", "/a"), Item("b", "2", "/b")


def test_what_only_one_side_lists_is_missing_or_extra() -> None:
    compared = compare([A], frozenset((B,)))
    assert (compared.missing, compared.extra) == ((A,), (B,))


def test_another_version_or_place_is_another_package() -> None:
    compared = compare([A], frozenset((A._replace(version="2"), A._replace(place="/c"))))
    assert compared.missing == (A,)
    assert len(compared.extra) == 2


def test_what_the_tool_does_not_tell_is_matched_once_by_what_stands_there() -> None:
    ours = frozenset((Item("x", "1", "/p"), Item("y", "2", "/p")))
    assert compare([Item(ANY, ANY, "/p")], ours).extra == (Item("y", "2", "/p"),)
    assert compare([Item("y", ANY, "/p")], ours).extra == (Item("x", "1", "/p"),)
    assert compare([Item(ANY, ANY, "/q")], ours).missing == (Item(ANY, ANY, "/q"),)


def test_database_packages_have_their_architecture_as_place_and_maven_its_group_in_the_name() -> None:
    package = {"version": "1", "arch": "amd64", "locations": [{"path": "/x.jar", "layer": 0}]}
    document = {
        "packages": [
            {**package, "type": "deb", "name": "libc6", "purl": "pkg:deb/debian/libc6@1"},
            {**package, "type": "maven", "name": "b", "purl": "pkg:maven/a.b/b@1"},
        ]
    }
    assert items_by_type(document) == {
        "deb": {Item("libc6", "1", "amd64")},
        "maven": {Item("a.b:b", "1", "/x.jar")},
    }


@pytest.mark.parametrize(
    ("kind", "path", "is_explained"),
    [
        ("npm", "/srv/node_modules/a/lib/node_modules/b/package.json", True),
        ("npm", "/srv/node_modules/a/test/node_modules/b/package.json", False),
        ("npm", "/srv/node_modules/a/node_modules/b/package.json", False),
        ("npm", "/usr/share/nodejs/a/package.json", False),  # no Debian package owns it
        ("pypi", "/usr/lib/python3/site-packages/a/_vendor/b-1.dist-info/METADATA", True),
        ("pypi", "/usr/lib/python3/site-packages/a/tests/b-1.dist-info/METADATA", False),
        ("pypi", "/usr/lib/python3/site-packages/b-1.dist-info/METADATA", False),
    ],
)
def test_an_extra_is_explained_by_where_it_stands(tmp_path: Path, kind: str, path: str, is_explained: bool) -> None:
    assert (reason_for(kind, Item("b", "1", path), Image(tmp_path)) is not None) is is_explained


def test_an_archive_is_explained_beside_packed_poms_but_not_beside_its_own(tmp_path: Path) -> None:
    item = Item(":a_b", "1", "/a_b-1.jar")
    packed, own = Item("g:other", "3", item.place), Item("g:a.b", "1", item.place)
    assert reason_for("maven", item, Image(tmp_path, frozenset((packed,))))
    assert reason_for("maven", item, Image(tmp_path, frozenset((packed, own)))) is None


def test_links_are_followed_inside_the_root(tmp_path: Path) -> None:
    (tmp_path / "usr/lib").mkdir(parents=True)
    (tmp_path / "lib").symlink_to("/usr/lib")
    (tmp_path / "usr/lib/b").symlink_to("../../../usr/lib/a")
    assert real(tmp_path, "/lib/b") == "/usr/lib/a"
    assert place(tmp_path, "/lib/b") == "/usr/lib/b"


def test_replaced_go_modules_stand_as_their_replacement_unless_that_is_a_folder() -> None:
    lines = [
        "\tpath\tm/cmd",
        "\tmod\tm\t(devel)\t",
        "\tdep\ta\tv1\th1:x",
        "\t=>\tb\tv2\th1:y",
        "\tdep\tc\tv3",
        "\t=>\t./c",
    ]
    assert set(golang._modules(lines, "/p")) == {Item("m", ANY, "/p"), Item("b", "v2", "/p"), Item("c", "v3", "/p")}


def test_poms_of_nested_archives_are_found(tmp_path: Path) -> None:
    inner = tmp_path / "inner.jar"
    with zipfile.ZipFile(inner, "w") as jar:
        jar.writestr("META-INF/maven/g/a/pom.properties", "groupId=g\nartifactId=a\nversion=1\n")
    with zipfile.ZipFile(tmp_path / "outer.war", "w") as war:
        war.write(inner, "WEB-INF/lib/inner.jar")
    inner.unlink()
    assert set(java.ask(tmp_path)) == {
        Item("g:a", "1", "/outer.war:WEB-INF/lib/inner.jar"),
        Item(ANY, ANY, "/outer.war"),
    }


def test_the_floor_inflates_and_hashes_every_layer(tmp_path: Path) -> None:
    import gzip

    blob = tmp_path / "blob"
    body = gzip.compress(tar_of({"a": b"x" * 3_000_000}))
    blob.write_bytes(body)
    with blob.open("rb", buffering=0) as raw:
        stream = floor._Hashed(raw)
        while stream.readinto(bytearray(1000)):
            pass
    assert stream.sha256.hexdigest() == hashlib.sha256(body).hexdigest()
    floor.inflate(blob, memoryview(bytearray(1 << 20)), is_stored_hashed=True)


def test_a_command_is_measured_and_its_failure_ends_the_bench() -> None:
    taken = measure([sys.executable, "-c", "sum(range(3_000_000)); x = bytearray(b'1' * 80_000_000)"])
    assert taken.cpu > 0.01
    assert taken.peak > 75
    with pytest.raises(SystemExit):
        measure([sys.executable, "-c", "raise SystemExit(3)"])


def test_medians_are_taken_number_by_number() -> None:
    assert median([Taken(1, 9, 5), Taken(2, 8, 5), Taken(9, 1, 5)]) == Taken(2, 8, 5)


def test_bounds_say_what_holds() -> None:
    def taken(cpu: float, peak: float) -> dict[str, Taken]:
        floors = {"floor": Taken(1.0, 1, 18), "floor, both digests": Taken(1.1, 1, 18), "syft": Taken(12.0, 9, 300)}
        return {"hullmark": Taken(cpu, 1, peak), **floors}

    good = {row[0]: row[3] for row in bounds([Measured("nginx", 1, taken(1.2, 60), 0.1)])}
    assert set(good.values()) == {"yes"}
    assert len(good) == 5
    bad = {row[0]: row[3] for row in bounds([Measured("nginx", 1, taken(2.1, 130), 0.2)])}
    assert set(bad.values()) == {"**no**"}
    assert dict.fromkeys(bad) == dict.fromkeys(good)


def test_cells_cannot_break_a_table() -> None:
    assert table(("a", "b"), [("x|y", 1)]) == "| a | b |\n| --- | --: |\n| x\\|y | 1 |\n"


def test_what_only_hullmark_lists_is_told_by_the_native_tool_or_explained_or_named(tmp_path: Path) -> None:
    def item(name: str, place: str) -> Item:
        return Item(name, "1", place)

    told, claimed, odd = item("told", "/a"), item("claimed", "/sboms/a.json"), item("odd", "/b")
    judged = Judged(
        Oracle("npm", "npm ls", lambda root: []),
        Compared(frozenset((told,)), frozenset((told, claimed, odd)), (), (claimed, odd)),
        {"a claim": [claimed], "": [odd]},
    )
    peer = Peer("other", lambda name, layout: [("npm", Item("same", "2", "/b")), ("npm", Item("more", "1", "/c"))])
    (found,) = compare_peer(peer, "image", tmp_path, {"npm": frozenset((told, claimed, odd))}, reasons_of([judged]))
    assert found.beyond == {
        "npm ls tells it too; other lists nothing at that place": [told],
        "a claim; other lists nothing at that place": [claimed],
        "": [odd],
    }
    assert "Only here, and without a reason: **1**" in report([("image", found)])
    assert "- `/b`: odd 1\n" in report([("image", found)])
