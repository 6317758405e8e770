"""Every archive, opened with the standard library's zipfile, and every pom.properties in it, to any depth."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from bench.native.answer import ANY, Item, Oracle, inside, walk

_KINDS = (".jar", ".war", ".ear", ".hpi", ".jpi", ".lpkg", ".par", ".sar", ".nar", ".kar", ".far", ".rar")


def ask(root: Path) -> list[Item]:
    """Each pom.properties as `group:artifact`; for an archive that has none, something must stand at its place."""
    items: list[Item] = []
    for folder, _, files in walk(root):
        for name in files:
            path = folder / name
            if name.endswith(_KINDS) and not path.is_symlink():
                with path.open("rb") as file:
                    items += _archive(file, inside(root, path))
            elif name == "pom.properties" and path.match("META-INF/maven/*/*/pom.properties"):
                items += _described(path.read_bytes(), inside(root, path))
    return items


def _archive(file: IO[bytes], place: str) -> Iterator[Item]:
    try:
        archive = zipfile.ZipFile(file)
    except zipfile.BadZipFile:
        return
    with archive:
        told = []
        for name in archive.namelist():
            if name.startswith("META-INF/maven/") and name.endswith("/pom.properties"):
                told += _described(archive.read(name), place)
            elif name.endswith(_KINDS) and not name.endswith("/"):
                yield from _archive(io.BytesIO(archive.read(name)), f"{place}:{name}")
    yield from dict.fromkeys(told) if told else (Item(ANY, ANY, place),)


def _described(properties: bytes, place: str) -> list[Item]:
    pairs = (line.partition("=") for line in properties.decode("utf-8", "replace").splitlines() if line[:1] != "#")
    values = {key.strip(): value.strip() for key, _, value in pairs}
    group, artifact, version = (values.get(key, "") for key in ("groupId", "artifactId", "version"))
    return [Item(f"{group}:{artifact}", version or ANY, place)] if group and artifact else []


ORACLE = Oracle("maven", "zipfile and pom.properties", ask)
