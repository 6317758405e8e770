"""Facts at visible paths → packages: one module an ecosystem. To add a cataloger, put its module's name into a line below."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Any

from hullmark.catalog.cataloger import Cataloger

_INSTALLED = ("dpkg", "rpm", "apk", "python", "npm", "gem", "java", "jvm", "golang", "rust", "redhat_image", "unread")
_DECLARED = ("lock_npm", "lock_python", "lock_ruby", "lock_rust", "lock_go", "lock_java", "lock_unread")


def _load(modules: Iterable[str]) -> tuple[Cataloger, ...]:
    return tuple(import_module(f"hullmark.catalog.{module}").CATALOGER for module in modules)


CATALOGERS: tuple[Cataloger, ...] = _load(_INSTALLED)
"""Installed packages: useful in images and folders."""

DECLARED: tuple[Cataloger, ...]
"""What lock files and manifests name: useful in a project's folder, which says what will be installed."""


def __getattr__(name: str) -> Any:
    """DECLARED is loaded on first use: images do not need it."""
    if name != "DECLARED":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()["DECLARED"] = _load(_DECLARED)
    return globals()["DECLARED"]
