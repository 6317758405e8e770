"""Facts at visible paths → packages: one module an ecosystem. To add a cataloger, put its module's name into a line below."""

from __future__ import annotations

from typing import Any

from hullmark.catalog.cataloger import Cataloger
from hullmark.model.plugin import plugins

_SYSTEMS = ("dpkg", "rpm", "apk", "alpm", "portage", "nix", "homebrew", "conda", "bitnami", "snap", "flatpak")
_SCRIPTS = ("python", "python_eggs", "npm", "npm_pnp", "gem", "php", "pear", "r", "perl", "lua", "wordpress")
_BUILT = ("java", "dotnet", "erlang", "opam", "prolog", "conan", "vcpkg")
_PROGRAMS = ("jvm", "graalvm", "golang", "rust", "apple", "kernel", "models", "binaries")
_INSTALLED = (*_SYSTEMS, *_SCRIPTS, *_BUILT, *_PROGRAMS, "redhat_image", "claims", "unread")

_OF_SCRIPTS = ("lock_npm", "lock_bun", "lock_python", "lock_ruby", "lock_php", "lock_r", "lock_perl")
_OF_BUILT = ("lock_rust", "lock_go", "lock_java", "lock_dotnet", "lock_dart", "lock_swift", "lock_beam", "lock_haskell")
_OF_BUILT_TOO = ("lock_opam", "lock_julia", "lock_conan", "lock_vcpkg")
_DECLARED = (*_OF_SCRIPTS, *_OF_BUILT, *_OF_BUILT_TOO, "lock_terraform", "github_actions", "lock_unread")

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
