"""All classifiers, and which of them a file's name calls for."""

from __future__ import annotations

import re
from functools import lru_cache

from hullmark.catalog.binaries.classifier import Classifier
from hullmark.model.plugin import plugins
from hullmark.rootfs.dispatch import compile_globs

_MODULES = ("servers", "languages", "tools", "java")

TABLE: tuple[Classifier, ...] = tuple(plugins("hullmark.catalog.binaries", _MODULES, "CLASSIFIER"))
BY_KEY = {classifier.key: classifier for classifier in TABLE}


def globs() -> tuple[str, ...]:
    """The names of all files that any classifier looks into, without repeats."""
    names = (file if "/" in file else f"**/{file}" for classifier in TABLE for file in classifier.files)
    return tuple(dict.fromkeys(names))


@lru_cache(maxsize=256)
def find_by_name(base: str) -> tuple[Classifier, ...]:
    """The classifiers for a file's last segment. Those that ask for more of the path are among them."""
    found = {classifier.key for classifier in _LITERAL.get(base, ())}
    # An expression is compiled only for a name that begins as its glob does.
    found |= {classifier.key for start, glob, classifier in _WILD if base.startswith(start) and _fits(glob, base)}
    return tuple(classifier for classifier in TABLE if classifier.key in found)


def find_by_path(path: str) -> tuple[Classifier, ...]:
    """The classifiers for a path, in the order of the table."""
    found = find_by_name(path.rpartition("/")[2])
    return tuple(
        classifier for classifier in found if classifier.in_path in path.lower() and _is_there(classifier, path)
    )


def _is_there(classifier: Classifier, path: str) -> bool:
    whole = [file for file in classifier.files if "/" in file]
    return not whole or any(_fits(glob, path) for glob in whole)


def _fits(glob: str, path: str) -> bool:
    return _compile_glob(glob).fullmatch(path.encode("utf-8", "surrogateescape")) is not None


@lru_cache(maxsize=256)
def _compile_glob(glob: str) -> re.Pattern[bytes]:
    return compile_globs((glob,))


def _literal() -> dict[str, list[Classifier]]:
    """Last segments without a wildcard → classifiers."""
    known: dict[str, list[Classifier]] = {}
    for classifier in TABLE:
        for file in classifier.files:
            known.setdefault(file.rpartition("/")[2], []).append(classifier)
    return known


_LITERAL = _literal()
_WILD = tuple(
    (re.split(r"[*?\[]", file, maxsplit=1)[0], file, classifier)
    for classifier in TABLE
    for file in classifier.files
    if "/" not in file and re.search(r"[*?\[]", file)
)
