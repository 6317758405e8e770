"""Where the material beside the repository is, if it is there."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pytest
from _pytest.mark.structures import ParameterSet

REPOSITORY = Path(__file__).resolve().parents[2]


def _shared() -> Path | None:
    folder = Path(os.environ.get("HULLMARK_SHARED", REPOSITORY.parent / "shared"))
    return folder if folder.is_dir() else None


def _corpus() -> Path | None:
    folder = Path(os.environ.get("HULLMARK_CORPUS", REPOSITORY / "var" / "corpus"))
    return folder if folder.is_dir() else None


SHARED = _shared()
CORPUS = _corpus()


LARGE = frozenset({"big", "go-tools", "java-app", "node-app", "python-app", "ruby-app"})
"""Corpus images that `make corpus-quick` does not build, as they are large: `make test` reads none of them whole."""


def image_cases(*images: str) -> list[ParameterSet]:
    """Corpus images for `parametrize`; the large ones are slow."""
    return [pytest.param(name, marks=[pytest.mark.slow] if name in LARGE else [], id=name) for name in images]


def shared(*parts: str) -> Path:
    """A path under the shared material; skips the test where there is none."""
    if SHARED is None:
        pytest.skip("the shared material is not beside this checkout")
    return SHARED.joinpath(*parts)


def layouts(names: Iterable[str], least: int) -> dict[str, Path]:
    """The OCI folders of those of these corpus images that were built; skips the test where there are fewer than `least`."""
    found = {name: CORPUS / "oci" / name for name in names if CORPUS is not None and (CORPUS / "oci" / name).exists()}
    if len(found) < least:
        pytest.skip(f"only {len(found)} of the corpus images {', '.join(names)} were built (make corpus)")
    return found


def corpus(*parts: str) -> Path:
    """A path in the corpus of built images; skips the test where it was not built."""
    if CORPUS is None or not CORPUS.joinpath(*parts).exists():
        pytest.skip(f"the corpus image {'/'.join(parts)} was not built (make corpus)")
    return CORPUS.joinpath(*parts)
