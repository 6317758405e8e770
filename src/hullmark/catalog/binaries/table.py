"""All classifiers, and which of them a file's name calls for."""

from __future__ import annotations

import re
from functools import cache, lru_cache

from hullmark.catalog.binaries.classifier import Classifier
from hullmark.model.plugin import plugins
from hullmark.rootfs.dispatch import compile_globs

_MODULES = ("servers", "languages", "tools", "java")

TABLE: tuple[Classifier, ...] = tuple(plugins("hullmark.catalog.binaries", _MODULES, "CLASSIFIER"))
BY_KEY = {each.key: each for each in TABLE}


def globs() -> tuple[str, ...]:
    """The names of all files that any classifier looks into, without repeats."""
    names = (file if "/" in file else f"**/{file}" for each in TABLE for file in each.files)
    return tuple(dict.fromkeys(names))


@lru_cache(maxsize=256)
def named(base: str) -> tuple[Classifier, ...]:
    """The classifiers for a file's last segment. Those that ask for more of the path are among them."""
    raw = base.encode("utf-8", "surrogateescape")
    return tuple(each for each in TABLE if _names(each.key).fullmatch(raw))


def wanted(path: str) -> tuple[Classifier, ...]:
    """The classifiers for a path, in the order of the table."""
    found = named(path.rpartition("/")[2])
    return tuple(each for each in found if each.in_path in path.lower() and _fits(each, path))


def _fits(classifier: Classifier, path: str) -> bool:
    whole = [file for file in classifier.files if "/" in file]
    return not whole or compile_globs(whole).fullmatch(path.encode("utf-8", "surrogateescape")) is not None


@cache
def _names(key: str) -> re.Pattern[bytes]:
    return compile_globs(file.rpartition("/")[2] for file in BY_KEY[key].files)
