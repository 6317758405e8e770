"""Every kind of secret. The first kind that a piece of text fits counts: those with a form of their own come before the general ones."""

from __future__ import annotations

from hullmark.facets.secrets import (
    kinds_cloud,
    kinds_code,
    kinds_commands,
    kinds_files,
    kinds_general,
    kinds_given,
    kinds_marked,
    kinds_named,
    kinds_prefixed,
    kinds_services,
    kinds_stores,
)
from hullmark.facets.secrets.kind import Kind

KINDS: tuple[Kind, ...] = (
    *kinds_named.LIKE_STRIPES,
    *kinds_cloud.KINDS,
    *kinds_code.KINDS,
    *kinds_services.KINDS,
    *kinds_prefixed.KINDS,
    *kinds_marked.KINDS,
    *kinds_named.KINDS,
    *kinds_stores.KINDS,
    *kinds_files.KINDS,
    *kinds_general.KINDS,
    *kinds_commands.KINDS,
    *kinds_given.KINDS,
)
"""A new kind is one entry in one of the tables."""
