"""The engine for expressions in CEL, without the command line program that its package loads first (a third of a second)."""

from __future__ import annotations

from functools import cache
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from typing import Any


@cache
def cel_engine() -> Any:
    """The module `cel.cel` of the package common-expression-language. Raises ImportError where it is not installed."""
    package = find_spec("cel")
    places = package.submodule_search_locations if package is not None else None
    found = PathFinder.find_spec("cel", places) if places else None
    if found is None or found.loader is None:
        raise ImportError("the package common-expression-language is not installed")
    module = module_from_spec(found)
    found.loader.exec_module(module)
    return module
