"""Facts at visible paths → packages: one module an ecosystem. To add a cataloger, put its module's name into a line below."""

from __future__ import annotations

from typing import Any

from hullmark.catalog.cataloger import Cataloger
from hullmark.model.plugin import plugins

_SYSTEMS = ("dpkg", "rpm", "apk", "alpm", "portage", "nix", "homebrew", "conda", "bitnami", "snap", "flatpak")
_MANAGED = (
    "python",
    "python_eggs",
    "npm",
    "npm_pnp",
    "gem",
    "java",
    "dotnet",
    "php",
    "pear",
    "r",
    "perl",
    "lua",
    "erlang",
)
_MANAGED_TOO = ("opam", "prolog", "conan", "vcpkg", "wordpress")
_PROGRAMS = ("jvm", "graalvm", "golang", "rust", "apple", "kernel", "models")
_INSTALLED = (*_SYSTEMS, *_MANAGED, *_MANAGED_TOO, *_PROGRAMS, "redhat_image", "claims", "unread")

_LOCKS = (
    "npm",
    "bun",
    "python",
    "ruby",
    "rust",
    "go",
    "java",
    "dotnet",
    "php",
    "r",
    "perl",
    "dart",
    "swift",
    "beam",
    "haskell",
)
_LOCKS_TOO = ("opam", "julia", "conan", "vcpkg", "terraform", "unread")
_DECLARED = (*(f"lock_{name}" for name in (*_LOCKS, *_LOCKS_TOO)), "github_actions")

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
