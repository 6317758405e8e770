"""The engine for CEL expressions, without the command line program that its package loads first (a third of a second)."""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from threading import Lock
from typing import Any

_NAME = "cel.cel"
_lock = Lock()


def cel_engine() -> Any:
    """The module `cel.cel` of the package common-expression-language. Raises ImportError if it is not installed.

    A process can load it only once, so code that imports the package itself gets the same module.
    """
    with _lock:
        return sys.modules.get(_NAME) or _load()


def _load() -> Any:
    package = find_spec("cel")
    places = package.submodule_search_locations if package is not None else None
    found = PathFinder.find_spec(_NAME, places) if places else None
    if found is None or found.loader is None:
        raise ImportError("the package common-expression-language is not installed")
    module = module_from_spec(found)
    found.loader.exec_module(module)
    sys.modules[_NAME] = module
    return module
