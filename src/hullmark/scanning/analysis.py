"""Layer records → distro, packages, files, facets: the folded image, every cataloger and what else was asked for over it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from hullmark.catalog import CATALOGERS
from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.distro import DISTRO_READS, read_distro
from hullmark.catalog.inventory import catalogue
from hullmark.catalog.ownership import file_records
from hullmark.facets.facet import Facet
from hullmark.model.image import ImageConfig
from hullmark.model.inventory import Distro, FileRecord
from hullmark.model.problem import Problem
from hullmark.rootfs.dispatch import Dispatch
from hullmark.rootfs.entry import LayerRecord, text
from hullmark.rootfs.reads import Read
from hullmark.rootfs.squash import squash
from hullmark.rootfs.tree import Tree
from hullmark.rootfs.tree_view import TreeView
from hullmark.scanning.request import Analysis, ScanRequest
from hullmark.scanning.rooms import Rooms


class Extras(NamedTuple):
    """What was asked for besides the inventory: contents by path, what further reads found by name and path, what facets came to."""

    contents: dict[str, bytes]
    found: dict[str, dict[str, Any]]
    facets: dict[str, Any]


def reads_for(catalogers: Sequence[Cataloger] = CATALOGERS) -> tuple[Read[Any], ...]:
    """What the catalogers want to read, each once."""
    reads: list[Read[Any]] = [*DISTRO_READS]
    for cataloger in catalogers:
        reads += cataloger.reads
    return tuple({read.name: read for read in reads}.values())


def extra_reads_for(wish: ScanRequest) -> tuple[Read[Any], ...]:
    """What else a wish wants to read, each once."""
    reads = [*wish.reads, *(read for facet in wish.facets for read in facet.reads)]
    # A scan for packages alone imports nothing of this.
    if wish.keeps:
        from hullmark.facets.kept import KEPT

        reads.append(KEPT)
    if wish.contents:
        from hullmark.facets.content import content_read

        reads.append(content_read(wish.contents))
    chosen = {read.name: read for read in reads}
    if wish.keeps_text:
        from hullmark.facets.kept import TEXT

        chosen[TEXT.name] = TEXT
    return tuple(chosen.values())


def analyse(
    records: Sequence[LayerRecord],
    wish: ScanRequest,
    catalogers: Sequence[Cataloger] = CATALOGERS,
    config: ImageConfig | None = None,
) -> tuple[Analysis, tuple[FileRecord, ...] | None, Extras]:
    """Fold the layers and run catalogers and facets: the analysis, the files if wished for, and all else."""
    tree = squash(records, keep_ghosts=wish.ghosts or wish.all_layers)
    distro_view = TreeView(tree, records)
    distro = read_distro(distro_view)
    found = catalogue(tree, records, catalogers, distro, all_layers=wish.all_layers, claims=wish.files)
    results, more_problems = _assembled(tree, records, distro, config, wish.facets)
    rooms = Rooms(catalogers, wish)
    problems = rooms.of_layers(tree)
    problems += map(rooms.stamped, (*distro_view.problems, *found.problems, *more_problems))
    analysis = Analysis(
        tuple((record.digest, record.diff_id, record.size) for record in records),
        distro,
        found.packages,
        tuple(sorted(set(problems))),
    )
    files = file_records(tree, found.claims) if wish.files else None
    return analysis, files, Extras(_contents(tree, records, wish), _found(tree, records, wish), results)


def _assembled(
    tree: Tree,
    records: Sequence[LayerRecord],
    distro: Distro | None,
    config: ImageConfig | None,
    facets: Sequence[Facet],
) -> tuple[dict[str, Any], list[Problem]]:
    """What each facet comes to, by its name, and the problems that they had."""
    results: dict[str, Any] = {}
    problems: list[Problem] = []
    for facet in facets:
        from hullmark.facets.view import ImageView

        view = ImageView(tree, records, distro, config, facet.name)
        results[facet.name] = facet.assemble(view)
        problems += view.problems
    return results, problems


def is_all_kept(records: Sequence[LayerRecord], wish: ScanRequest) -> bool:
    """Whether all files whose content is wished for are among the kept ones."""
    from hullmark.facets.content import content_read

    tree = squash(records)
    kept = {path for path, _ in _kept_bodies(tree, records)}
    wanted = Dispatch((content_read(wish.contents),)).wanted
    return all(
        text(path) in kept
        for path, node in tree.nodes.items()
        if node.entry.kind in "fh" and node.entry.size and wanted(path)
    )


def _contents(tree: Tree, records: Sequence[LayerRecord], wish: ScanRequest) -> dict[str, bytes]:
    """The content of the files that are wished for, whether it was read for this wish or is kept since an earlier one."""
    if not wish.contents:
        return {}
    from hullmark.facets.content import content_read

    read = content_read(wish.contents)
    wanted = Dispatch((read,)).wanted
    kept = {"/" + path: body for path, body in _kept_bodies(tree, records) if wanted(path.encode("utf-8", "replace"))}
    return kept | {"/" + item.path: item.fact for item in TreeView(tree, records).facts(read)}


def _kept_bodies(tree: Tree, records: Sequence[LayerRecord]) -> Iterator[tuple[str, bytes]]:
    from hullmark.facets.kept import KEPT

    for item in TreeView(tree, records).facts(KEPT):
        if item.fact.body is not None:
            yield item.path, item.fact.body


def _found(tree: Tree, records: Sequence[LayerRecord], wish: ScanRequest) -> dict[str, dict[str, Any]]:
    return {
        read.name: {"/" + item.path: item.fact for item in TreeView(tree, records).facts(read)} for read in wish.reads
    }
