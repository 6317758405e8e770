"""Python's zipfile as the oracle for the archives of a real image."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from hullmark.catalog.languages.java import ARCHIVES, extract
from hullmark.catalog.languages.java_metadata import Pom, pom_of_properties
from hullmark.catalog.languages.java_reading import JarFact
from tests.support.places import corpus

ENDS = tuple(glob.removeprefix("**/*") for glob in ARCHIVES.globs)
Tree = tuple[frozenset[tuple[str, str, str]], tuple[tuple[str, "Tree"], ...]]


def archives(layout: Path) -> Iterator[tuple[str, bytes]]:
    def blob(digest: str) -> Path:
        return layout / "blobs" / digest.replace(":", "/")

    index = json.loads((layout / "index.json").read_text())
    manifest = json.loads(blob(index["manifests"][0]["digest"]).read_text())
    for layer in manifest["layers"]:
        with gzip.open(blob(layer["digest"])) as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
            for entry in tar:
                name = entry.name.rpartition("/")[2]
                if entry.isreg() and name.endswith(ENDS) and not name.startswith(".wh."):
                    file = tar.extractfile(entry)
                    assert file is not None
                    yield entry.name, file.read()


def by_zipfile(body: bytes) -> Tree:
    poms: set[tuple[str, str, str]] = set()
    nested: list[tuple[str, Tree]] = []
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        for name in archive.namelist():
            if name.endswith("/pom.properties") and "META-INF/maven/" in name:
                pom = pom_of_properties(archive.read(name), name.rpartition("/")[0])
                if pom is not None:
                    poms.add(coordinates(pom))
            elif name.endswith(ENDS):
                nested.append((name, by_zipfile(archive.read(name))))
    return frozenset(poms), tuple(sorted(nested))


def coordinates(pom: Pom) -> tuple[str, str, str]:
    return pom.group, pom.artifact, pom.version


def by_us(fact: JarFact) -> Tree:
    nested = tuple((name, by_us(inner)) for name, inner in fact.nested)
    return frozenset(map(coordinates, fact.poms)), nested


def without_pom_xml(ours: Tree, theirs: Tree) -> Tree:
    """Ours has the artifacts of a lone pom.xml too, which the oracle does not parse."""
    inner = tuple(
        (name, without_pom_xml(own, their)) for (name, own), (_, their) in zip(ours[1], theirs[1], strict=True)
    )
    return ours[0] & theirs[0], inner


@pytest.mark.slow
def test_all_poms_of_all_archives_of_a_real_image_are_found() -> None:
    seen = 0
    for path, body in archives(corpus("oci", "java-app")):
        reasons: list[str] = []
        fact = extract(path, memoryview(body), reasons.append)
        assert reasons == []
        assert fact is not None, path
        expected = by_zipfile(body)
        assert without_pom_xml(by_us(fact), expected) == expected, path
        seen += 1
    if not seen:
        pytest.fail("the image has no archives")
