"""Facts at visible paths → packages: one module an ecosystem. To add a cataloger, put its module's name into a line below."""

from __future__ import annotations

from typing import Any

from hullmark.catalog.cataloger import Cataloger
from hullmark.model.plugin import plugins

_INSTALLED = ("dpkg", "rpm", "apk", "python", "npm", "gem", "java", "jvm", "golang", "rust", "redhat_image", "unread")
_DECLARED = ("lock_npm", "lock_python", "lock_ruby", "lock_rust", "lock_go", "lock_java", "lock_unread")


CATALOGERS: tuple[Cataloger, ...] = tuple(plugins(__name__, _INSTALLED, "CATALOGER"))
"""What is installed: of use in images and folders."""

DECLARED: tuple[Cataloger, ...]
"""What lock files and manifests name: of use in a project's folder, which says what will be installed."""


def __getattr__(name: str) -> Any:
    """DECLARED is loaded when it is first asked for: images do not need it."""
    if name != "DECLARED":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()["DECLARED"] = tuple(plugins(__name__, _DECLARED, "CATALOGER"))
    return globals()["DECLARED"]
