"""The list of crates in a real executable, cut out by objcopy and read by zlib and json."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest
from isal import igzip

from hullmark.catalog.programs.rust import READ, Crate
from tests.support.places import corpus

OBJCOPY = shutil.which("objcopy")
_open: Callable[..., IO[bytes]] = igzip.open
NAMES = ("usr/local/bin/uv", "usr/local/bin/uvx")


def _executables(image: Path) -> dict[str, bytes]:
    def blob(digest: str) -> Path:
        return image / "blobs" / digest.replace(":", "/")

    index = json.loads((image / "index.json").read_bytes())
    found: dict[str, bytes] = {}
    for layer in json.loads(blob(index["manifests"][0]["digest"]).read_bytes())["layers"]:
        with _open(blob(layer["digest"]), "rb") as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
            for entry in tar:
                opened = tar.extractfile(entry) if entry.name in NAMES else None
                if opened is not None:
                    found[entry.name] = opened.read()
    return found


@pytest.mark.skipif(OBJCOPY is None, reason="objcopy is not installed")
def test_the_crates_of_an_image_are_those_that_objcopy_and_zlib_find(tmp_path: Path) -> None:
    assert OBJCOPY is not None
    executables = _executables(corpus("oci", "go-tools"))
    assert sorted(executables) == sorted(NAMES)
    for body in executables.values():
        (tmp_path / "in").write_bytes(body)
        cut = tmp_path / "section"
        subprocess.run([OBJCOPY, "--dump-section", f".dep-v0={cut}", tmp_path / "in", tmp_path / "out"], check=True)
        listed = json.loads(zlib.decompress(cut.read_bytes()))["packages"]
        kept = [number for number, crate in enumerate(listed) if crate.get("kind") != "build"]
        places = {number: at for at, number in enumerate(kept)}
        expected = tuple(
            Crate(
                listed[number]["name"],
                listed[number]["version"],
                listed[number]["source"],
                tuple(places[other] for other in listed[number].get("dependencies", ()) if other in places),
            )
            for number in kept
        )
        problems: list[str] = []
        assert len(expected) == 532
        assert READ.extract("", memoryview(body), problems.append) == expected
        assert READ.oversize is not None
        sink = READ.oversize(len(body))
        for start in range(0, len(body), 1 << 18):
            sink.write(memoryview(body)[start : start + (1 << 18)])
        assert sink.finish(problems.append) == expected
        assert problems == []
