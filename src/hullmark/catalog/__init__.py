"""Facts at visible paths → packages: one module an ecosystem, in four rooms. To add one, put its module's name into a line below."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hullmark.catalog.cataloger import Cataloger
from hullmark.model.plugin import plugins

_SYSTEMS = (
    "dpkg",
    "rpm",
    "apk",
    "alpm",
    "portage",
    "nix",
    "homebrew",
    "conda",
    "bitnami",
    "snap",
    "flatpak",
    "package_files",
)
_SCRIPTS = ("python", "python_eggs", "npm", "npm_pnp", "gem", "php", "pear", "r", "perl", "lua", "wordpress")
_BUILT = ("java", "dotnet", "erlang", "opam", "prolog", "conan", "vcpkg")
_PROGRAMS = ("jvm", "graalvm", "golang", "rust", "apple", "windows", "kernel", "models")
_LOCKS_OF_SCRIPTS = ("npm", "bun", "python", "ruby", "php", "r", "perl")
_LOCKS = (
    "rust",
    "go",
    "java",
    "dotnet",
    "dart",
    "swift",
    "beam",
    "haskell",
    "opam",
    "julia",
    "conan",
    "conda",
    "vcpkg",
    "terraform",
)


def _in(room: str, *modules: str) -> Iterator[str]:
    return (f"{room}.{module}" for module in modules)


_INSTALLED = (
    *_in("systems", *_SYSTEMS),
    *_in("languages", *_SCRIPTS, *_BUILT),
    *_in("programs", *_PROGRAMS),
    "binaries",
    "systems.redhat_image",
    "claims",
    "unread",
)
_DECLARED = tuple(_in("locks", *_LOCKS_OF_SCRIPTS, *_LOCKS, "github_actions", "unread"))

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
