"""What spares time while tests are collected, which each process of a run does anew."""

from __future__ import annotations

import re
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

_ALL_SLOW = re.compile(r"^pytestmark = pytest\.mark\.slow$", re.M)


def has_none_of(wanted: str, file: Path) -> bool:
    """Whether a file of tests has none for these marks, as can be seen without importing it; `wanted` is what `-m` says."""
    if wanted not in ("slow", "not slow") or not file.name.startswith("test_"):
        return False
    text = file.read_text()
    return (
        "mark.slow" not in text and "image_cases(" not in text
        if wanted == "slow"
        else _ALL_SLOW.search(text) is not None
    )


class _LateSyntax(ModuleType):
    """Stands for `rfc3987_syntax`, by which jsonschema checks IRIs, until one is checked: it takes seconds to build its grammars."""

    def is_valid_syntax(self, term: str, value: str) -> bool:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return bool(import_module(self.__name__).is_valid_syntax(term, value))


def build_grammars_late() -> None:
    """Have the grammars of IRIs built by who checks one, not by who imports jsonschema."""
    sys.modules.setdefault("rfc3987_syntax", _LateSyntax("rfc3987_syntax"))
