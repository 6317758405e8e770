"""Names of modules that no code of an application has: those that Python imports when it starts, and entry points of distributions."""

from __future__ import annotations

import re
from collections.abc import Iterator

AT_START = (
    "site", "encodings", "encodings.aliases", "encodings.utf_8", "encodings.ascii", "encodings.latin_1", "encodings.idna",
    "encodings.cp437",
    "codecs", "io", "abc", "os", "stat", "posixpath", "genericpath", "_sitebuiltins", "_collections_abc", "importlib", "zipimport",
    "sitecustomize", "usercustomize", "__future__", "linecache", "traceback", "warnings", "types", "keyword", "operator", "reprlib",
)  # fmt: skip

_SCRIPTS = ("console_scripts", "gui_scripts")
_GROUP = re.compile(r"\s*\[([^\]]+)\]").match
_TARGET = re.compile(r"\s*[^=#\[]+=\s*([\w.]+)").match


def entry_points_in(text: str) -> Iterator[tuple[str, str]]:
    """The groups and modules of the entry points in an entry_points.txt, without those that are programs."""
    group = ""
    for line in text.split("\n"):
        found, target = _GROUP(line), _TARGET(line)
        group = found[1] if found is not None else group
        if target is not None and group not in _SCRIPTS:
            yield group, target[1]
