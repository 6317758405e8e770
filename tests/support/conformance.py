"""The package cases that lie beside the repository: inputs, where they stand in an image, what must be found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from tests.support.places import SHARED


def package_cases(*ecosystems: str) -> list[dict[str, Any]]:
    """The cases of these ecosystems that are images; empty where the material is not there."""
    if SHARED is None:
        return []
    lines = (SHARED / "conformance" / "packages" / "cases.jsonl").read_bytes().splitlines()
    cases = [msgspec.json.decode(line) for line in lines]
    return [case for case in cases if case["mode"] == "image" and case["ecosystem"] in ecosystems]


def files_of(case: dict[str, Any]) -> dict[str, bytes]:
    """The case's files, by their path in the image without leading slash."""
    assert SHARED is not None
    top: Path = SHARED / "conformance" / "packages" / case["input"]
    place = case["place_as"].strip("/")
    if top.is_file():
        return {place: top.read_bytes()}
    inside = {path.relative_to(top).as_posix(): path for path in sorted(top.rglob("*")) if path.is_file()}
    return {f"{place}/{name}".lstrip("/"): each.read_bytes() for name, each in inside.items()}


def expected(case: dict[str, Any], kind: str) -> list[tuple[str, str]]:
    """Name and version of the case's packages of one type, sorted."""
    return sorted((each["name"], each["version"]) for each in case["expected"] if each["type"] == kind)
