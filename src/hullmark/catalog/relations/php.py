"""Installed PHP packages: what composer's installed.json says that they require."""

from __future__ import annotations

from functools import partial

from hullmark.catalog.languages.php import COMPOSER, INSTALLED
from hullmark.catalog.relations.listings import relate
from hullmark.catalog.relations.resolver import Resolver

RESOLVER = Resolver(
    cataloger=COMPOSER.cataloger, relate=partial(relate, reads=(INSTALLED,), of=COMPOSER, everywhere=True)
)
