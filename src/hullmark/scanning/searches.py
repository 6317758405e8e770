"""Searches that an Anchore policy makes in all files: while layers are read, or in the kept text of each file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from hullmark.facets.content import search_read
from hullmark.facets.facet import Facet, FacetView
from hullmark.facets.kept import TEXT
from hullmark.model.errors import HullmarkError
from hullmark.policy.anchore.regexes import Work, expression
from hullmark.policy.anchore.search import body_of, search
from hullmark.policy.needs import Search
from hullmark.rootfs.reads import Read
from hullmark.scanning.request import ScanResources, ScanResult

_SEARCH_WORK = 2_000_000_000
_OVER_KEPT_TEXT = "contents"

Look = Callable[[memoryview], list[tuple[str, int]]]
Hits = dict[str, dict[str, list[tuple[str, int]]]]
"""By kind of search and by path: the names of expressions, and the lines on which they match."""


class Searches(NamedTuple):
    """Searches by kind. `facets` look into kept text, so that new expressions need no layer; `reads` into the layers themselves."""

    reads: Mapping[str, Read[Any]]
    facets: Mapping[str, Facet]

    def hits(self, scanned: ScanResult) -> Hits:
        """What a scan with these reads and facets found. Kinds that were not searched for (in an SBOM, say) are missing."""
        found: Hits = {
            kind: scanned.found[read.name] for kind, read in self.reads.items() if read.name in scanned.found
        }
        looked = {kind: scanned.facets[facet.name] for kind, facet in self.facets.items()}
        return found | {kind: hits for kind, hits in looked.items() if hits is not None}


def searches_of(searches: Mapping[str, Search], resources: ScanResources) -> Searches:
    """How to look for what rules search all files for, by kind. Raises HullmarkError for a bad expression.

    Secrets are always searched in the layers: they are masked in text that is kept.
    """
    reads: dict[str, Read[Any]] = {}
    facets: dict[str, Facet] = {}
    for kind, wanted in searches.items():
        for named in wanted.named:
            _check(named)
        look = partial(search, named=wanted.named, work=Work(_SEARCH_WORK))
        name = f"{kind}-{wanted.limit}-{hashlib.sha256(chr(0).join(wanted.named).encode()).hexdigest()}"
        if kind == _OVER_KEPT_TEXT and resources.keeping == "text" and resources.records() is not None:
            facets[kind] = _in_kept_text(name, look)
        else:
            reads[kind] = search_read(name, look, wanted.limit)
    return Searches(reads, facets)


def _check(named: str) -> None:
    try:
        expression(body_of(named))
    except ValueError as error:
        raise HullmarkError(f"--context: {error}", advice="write an expression as Python has them") from error


def _in_kept_text(name: str, look: Look) -> Facet:
    def assemble(view: FacetView) -> dict[str, list[tuple[str, int]]]:
        found = {}
        for item in view.facts(TEXT):
            hits = look(memoryview(item.fact.body)) if item.fact.body else []
            if hits:
                found[f"/{item.path}"] = hits
        return found

    return Facet(name=name, reads=(TEXT,), assemble=assemble)
