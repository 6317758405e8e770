"""Packages that lock files name: the files say themselves which needs which.

These do not say it: Pipfile.lock, requirements files, environment.yml and lists of Conda's with `@EXPLICIT`, go.mod, Package.resolved,
pubspec.lock, gradle.lockfile, rebar.lock, conan.lock of version 2, packages.config, stack.yaml.lock and cabal.project.freeze.
"""

from __future__ import annotations

from functools import partial

from hullmark.catalog.locks import (
    beam,
    bun,
    conan,
    conda_locks,
    dotnet,
    julia,
    npm,
    perl,
    php,
    python,
    r,
    ruby,
    rust,
    swift,
)
from hullmark.catalog.relations.listings import relate
from hullmark.catalog.relations.resolver import Resolver

RESOLVERS = (
    *(
        Resolver(cataloger=of.cataloger, relate=partial(relate, reads=reads, of=of))
        for of, reads in (
            (npm.NPM, (npm.PACKAGE_LOCK, npm.YARN_LOCK, npm.PNPM_LOCK)),
            (bun.NPM, (bun.BUN_LOCK,)),
            (python.PYPI, (python.TOML_LOCK,)),
            (ruby.GEM, (ruby.GEMFILE_LOCK,)),
            (rust.CARGO, (rust.CARGO_LOCK,)),
            (php.COMPOSER, (php.COMPOSER_LOCK,)),
            (beam.HEX, (beam.MIX_LOCK,)),
            (conan.CONAN, (conan.LOCK,)),
            (dotnet.NUGET, (dotnet.ASSETS,)),
            (julia.JULIA, (julia.MANIFEST,)),
            (perl.CPAN, (perl.SNAPSHOT,)),
            (r.CRAN, (r.RENV_LOCK,)),
        )
    ),
    *(
        Resolver(cataloger=cataloger.name, relate=partial(relate, reads=cataloger.reads, of=made))
        for cataloger, made in ((bun.CATALOGERS[1], bun.deno_package), (swift.CATALOGERS[1], swift.pod_package))
    ),
    Resolver(
        cataloger=conda_locks.NAME,
        relate=partial(relate, reads=conda_locks.READS, of=conda_locks.lock_package, fits=conda_locks.fits),
    ),
)
