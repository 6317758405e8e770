"""Hullmark says what is inside a container image, whether it may sail, and when it no longer may.

    from hullmark import scan, check, diff, vulns

    inventory = scan("oci-dir:./app")
    verdict = check("oci-dir:./app", policy="policy.yaml")
    matches = vulns("oci-dir:./app", advisories=Path("advisories"))
    difference = diff(verdict, check("oci-dir:./app", policy="policy.yaml", at=tomorrow))

All return typed values (hullmark.model), print nothing and keep no state but the cache folder they are given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hullmark._version import __version__

if TYPE_CHECKING:
    from hullmark.app.api import check, diff, scan, vulns

__all__ = ["__version__", "check", "diff", "scan", "vulns"]


def __getattr__(name: str) -> Any:
    """Load the API when it is first used: the command line's `--help` must not pay for it."""
    if name in __all__:
        from hullmark.app import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
