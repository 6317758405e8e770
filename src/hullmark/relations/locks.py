"""Packages that lock files name: the files say themselves which needs which.

Of yarn.lock, package-lock.json of version 1 and Pipfile.lock that is not read; requirements files do not have it.
"""

from __future__ import annotations

from functools import partial

from hullmark.catalog.locks import npm, php, python, ruby, rust
from hullmark.relations.listings import relate
from hullmark.relations.resolver import Resolver

RESOLVERS = tuple(
    Resolver(cataloger=of.cataloger, relate=partial(relate, reads=reads, of=of))
    for of, reads in (
        (npm.NPM, (npm.PACKAGE_LOCK, npm.PNPM_LOCK)),
        (python.PYPI, (python.TOML_LOCK,)),
        (ruby.GEM, (ruby.GEMFILE_LOCK,)),
        (rust.CARGO, (rust.CARGO_LOCK,)),
        (php.COMPOSER, (php.COMPOSER_LOCK,)),
    )
)
