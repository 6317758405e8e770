"""Layer records → distro, packages, files: the folded image and every cataloger over it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hullmark.app.wish import Analysis, Wish
from hullmark.catalog import CATALOGERS
from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.distro import DISTRO_READS, read_distro
from hullmark.catalog.inventory import catalogue
from hullmark.catalog.ownership import file_records
from hullmark.catalog.tree_view import TreeView
from hullmark.facets.content import content_read
from hullmark.model.inventory import FileRecord
from hullmark.model.problem import Problem
from hullmark.rootfs.entry import LayerRecord, text
from hullmark.rootfs.reads import Read
from hullmark.rootfs.squash import squash
from hullmark.rootfs.tree import Tree

Extras = tuple[dict[str, bytes], dict[str, dict[str, Any]]]
"""Contents by path, and what further reads found, by their names and by path."""


def reads_for(wish: Wish, catalogers: Sequence[Cataloger] = CATALOGERS) -> list[Read[Any]]:
    """What the catalogers and the wish want to read, each once."""
    reads: list[Read[Any]] = [*DISTRO_READS]
    for cataloger in catalogers:
        reads += cataloger.reads
    if wish.contents:
        reads.append(content_read(wish.contents))
    reads += wish.reads
    return list({read.name: read for read in reads}.values())


def analyse(
    records: Sequence[LayerRecord], wish: Wish, catalogers: Sequence[Cataloger] = CATALOGERS
) -> tuple[Analysis, tuple[FileRecord, ...] | None, Extras]:
    """Fold the layers and run the catalogers: the analysis, the files if wished for, the contents and further reads."""
    tree = squash(records, keep_ghosts=wish.ghosts or wish.all_layers)
    distro_view = TreeView(tree, records)
    distro = read_distro(distro_view)
    found = catalogue(tree, records, catalogers, distro, all_layers=wish.all_layers, claims=wish.files)
    problems = [Problem("/" + text(p.path) if p.path else "", layer, p.room, p.reason) for layer, p in tree.problems]
    problems += [*distro_view.problems, *found.problems]
    analysis = Analysis(
        tuple((record.digest, record.diff_id, record.size) for record in records),
        distro,
        found.packages,
        tuple(sorted(set(problems))),
    )
    files = file_records(tree, found.claims) if wish.files else None
    return analysis, files, (_contents(tree, records, wish), _found(tree, records, wish))


def _contents(tree: Tree, records: Sequence[LayerRecord], wish: Wish) -> dict[str, bytes]:
    if not wish.contents:
        return {}
    return {"/" + item.path: item.fact for item in TreeView(tree, records).facts(content_read(wish.contents))}


def _found(tree: Tree, records: Sequence[LayerRecord], wish: Wish) -> dict[str, dict[str, Any]]:
    return {
        read.name: {"/" + item.path: item.fact for item in TreeView(tree, records).facts(read)} for read in wish.reads
    }
