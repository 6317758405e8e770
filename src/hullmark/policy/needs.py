"""What a policy's rules need to know, so that a scan collects no more than that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from hullmark.policy.gate import FACETS, Need
from hullmark.policy.globs import PathGlob
from hullmark.policy.rules import Policy


class Search(NamedTuple):
    """Expressions as `NAME=expression`, and the size of the largest file to search, in bytes."""

    named: tuple[str, ...]
    limit: int


class Needs(msgspec.Struct, frozen=True, kw_only=True):
    """What to collect. `facets` are the names of the facets whose results are needed.

    The flags stand for the list of files, files that later layers deleted or replaced as part of it (`ghosts`, as in Facts), digests
    compared with those of packages, the settings, matches with advisories, what the image's start reaches, and what others signed about it.

    `contents` are globs (see hullmark.policy.globs) for the files whose bodies are needed; `PathGlobs` checks whether a path is wanted.
    `searches` is what to look for in all files, by kind. `dockerfile`: the Dockerfile, read as instructions.
    """

    files: bool = False
    ghosts: bool = False
    digests: bool = False
    config: bool = False
    matches: bool = False
    reach: bool = False
    signatures: bool = False
    contents: tuple[PathGlob, ...] = ()
    facets: frozenset[str] = frozenset()
    searches: Mapping[str, Search] = {}
    dockerfile: bool = False


def needs(policy: Policy) -> Needs:
    """Everything that any of the policy's rules needs."""
    wanted = frozenset(need for rule in policy.rules for need in rule.trigger.needs_of(rule.params))
    globs = {
        glob.text: glob
        for rule in policy.rules
        if rule.trigger.contents is not None
        for glob in rule.trigger.contents(rule.params)
    }
    return Needs(
        files=Need.FILES in wanted,
        ghosts=Need.GHOSTS in wanted,
        digests=Need.DIGESTS in wanted,
        config=Need.CONFIG in wanted or any(selector.when.labels for selector in policy.apply),
        matches=Need.MATCHES in wanted,
        reach=Need.REACH in wanted,
        signatures=Need.SIGNATURES in wanted,
        contents=tuple(globs[text] for text in sorted(globs)),
        facets=(wanted & FACETS).union(*(rule.trigger.facets for rule in policy.rules)),
        dockerfile=True,
    )
