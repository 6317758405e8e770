"""Container images that are packages: which are Red Hat's, under which names they are advised of, and of which product they are part."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hullmark.model.cpe import red_hat_product
from hullmark.model.purl import unquote

if TYPE_CHECKING:
    from hullmark.model.package import Package

TYPE = "oci"

_REGISTRIES = ("registry.redhat.io", "registry.access.redhat.com")
_SPACES = {"openshift": "openshift4"}
"""Where images are published whose build calls their folder otherwise."""


def repository_of(purl: str) -> str:
    """The qualifier `repository_url` of an image's purl, if it is of one of Red Hat's registries; else ""."""
    for part in purl.partition("#")[0].partition("?")[2].split("&"):
        key, _, value = part.partition("=")
        if key == "repository_url":
            repository = unquote(value).strip("/")
            return repository if repository.partition("/")[0] in _REGISTRIES else ""
    return ""


def names_of(package: Package) -> tuple[str, ...]:
    """The names under which advisories may speak of an image of Red Hat's: its repository, and what its build calls it."""
    found: dict[str, None] = {}
    for name in (repository_of(package.purl).partition("/")[2], package.name):
        folder, _, rest = name.partition("/")
        found[name] = None
        if rest and folder in _SPACES:
            found[f"{_SPACES[folder]}/{rest}"] = None
    return tuple(name for name in found if name)


def product_of(package: Package) -> str:
    """The product that an image is part of, as `openshift:4.16`; "" where its labels do not tell."""
    return red_hat_product(package.notes.get("cpe", ""))
