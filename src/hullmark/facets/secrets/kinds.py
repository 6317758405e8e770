"""Every kind of secret. The first kind that a piece of text fits counts: those with a form of their own come before the general ones."""

from __future__ import annotations

from hullmark.facets.secrets import kinds_cloud, kinds_code, kinds_files, kinds_general, kinds_named, kinds_services
from hullmark.facets.secrets.kind import Kind

KINDS: tuple[Kind, ...] = (
    *kinds_cloud.KINDS,
    *kinds_code.KINDS,
    *kinds_services.KINDS,
    *kinds_named.KINDS,
    *kinds_files.KINDS,
    *kinds_general.KINDS,
)
"""A new kind is one entry in one of the tables."""
