"""Other facts than packages, taken on demand in the same pass. A facet's module is imported when it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hullmark.model.plugin import plugins

if TYPE_CHECKING:
    from hullmark.facets.facet import Facet

_MODULES = ("certificates.facet", "configuration.facet", "malware.facet", "secrets.facet")
"""The modules that hold facets. A new facet is one module with FACET and its name here."""

FACETS: dict[str, str] = {name.partition(".")[0]: name for name in _MODULES}
"""By a facet's name, its module."""


def facet_named(name: str) -> Facet:
    """The facet of a module that has one as FACET; malware and secrets are made of what the machine has (`scanning.facets`)."""
    [facet] = plugins(__name__, (FACETS[name],), "FACET")
    return facet  # type: ignore[no-any-return]
