"""Layer records → distro, packages, files, facets: the folded image, every cataloger and what else was requested over it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.structs import replace

from hullmark.catalog import CATALOGERS
from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.distro import DISTRO_READS, read_distro
from hullmark.catalog.inventory import CatalogResult, catalogue
from hullmark.catalog.ownership import file_records
from hullmark.catalog.unread_locks import LOCK_FILES
from hullmark.model.image import ImageConfig
from hullmark.model.inventory import Distro, FileRecord
from hullmark.model.package import Package
from hullmark.model.problem import Problem
from hullmark.model.relation import Relation
from hullmark.rootfs.dispatch import Dispatch
from hullmark.rootfs.entry import LayerRecord, text
from hullmark.rootfs.reads import Read
from hullmark.rootfs.squash import squash
from hullmark.rootfs.tree import Tree
from hullmark.rootfs.tree_view import TreeView
from hullmark.scanning.request import Analysis, ScanRequest
from hullmark.scanning.rooms import Rooms

if TYPE_CHECKING:
    from hullmark.facets.facet import Facet
    from hullmark.model.image_layers import LayerFiles


class Extras(NamedTuple):
    """What was requested besides the inventory: contents by path, what further reads found by name and path, what facets came
    to, what each layer does."""

    contents: dict[str, bytes]
    found: dict[str, dict[str, Any]]
    facets: dict[str, Any]
    layers: tuple[LayerFiles, ...]


def catalogers_for(request: ScanRequest, *, is_folder: bool = False) -> tuple[Cataloger, ...]:
    """The catalogers that a request chooses: by default all of what is installed, in folders also of what projects name. Raises
    HullmarkError for a word that no cataloger answers to."""
    if not is_folder and not request.catalogers:
        return CATALOGERS
    from hullmark.catalog import DECLARED
    from hullmark.catalog.selection import select

    usual = CATALOGERS + DECLARED if is_folder else CATALOGERS
    return select(request.catalogers, usual, CATALOGERS, DECLARED) if request.catalogers else usual


def reads_for(catalogers: Sequence[Cataloger] = CATALOGERS) -> tuple[Read[Any], ...]:
    """What the catalogers want to read, without repeats, and what is read for all of them."""
    reads: list[Read[Any]] = [*DISTRO_READS, LOCK_FILES]
    for cataloger in catalogers:
        reads += cataloger.reads
    return tuple({read.name: read for read in reads}.values())


def extra_reads_for(request: ScanRequest) -> tuple[Read[Any], ...]:
    """What else a request wants to read, without repeats."""
    reads = [*request.reads, *(read for facet in request.facets for read in facet.reads)]
    if request.catalogers:
        usual = {id(read) for read in reads_for()}
        wanted = reads_for(catalogers_for(request))
        reads += [replace(read, sources=("catalog",)) for read in wanted if id(read) not in usual]
    # A scan for packages alone imports nothing of this.
    if request.licences:
        from hullmark.catalog.licence_files import LICENCE_FILES

        reads.append(LICENCE_FILES)
    if request.jars is not None:
        from hullmark.catalog.languages.java import DIGESTS

        reads.append(DIGESTS)
    if request.keeps:
        from hullmark.facets.kept import KEPT

        reads.append(KEPT)
    if request.contents:
        from hullmark.facets.content import content_read

        reads.append(content_read(request.contents))
    chosen = {read.name: read for read in reads}
    if request.keeps_text:
        from hullmark.facets.kept import TEXT

        chosen[TEXT.name] = TEXT
    return tuple(chosen.values())


class AnalysedImage(NamedTuple):
    """The analysis, the files if requested, and all else."""

    analysis: Analysis
    files: tuple[FileRecord, ...] | None
    extras: Extras


def analyse(
    records: Sequence[LayerRecord],
    request: ScanRequest,
    catalogers: Sequence[Cataloger] = CATALOGERS,
    config: ImageConfig | None = None,
    usual: Sequence[Cataloger] = CATALOGERS,
) -> AnalysedImage:
    """Fold the layers and run catalogers and facets. Of the `usual` catalogers that are not among them a problem tells."""
    tree = squash(records, keep_ghosts=request.ghosts or request.all_layers)
    distro_view = TreeView(tree, records)
    distro = read_distro(distro_view)
    found = catalogue(
        tree,
        records,
        catalogers,
        distro,
        all_layers=request.all_layers,
        claims=request.files,
        corrections=request.corrections,
        jars=request.jars,
    )
    results, more_problems = _assemble_facets(tree, records, distro, config, found.uncorrected, request.facets)
    rooms = Rooms(catalogers, request)
    problems = rooms.of_layers(tree)
    problems += map(rooms.stamped, (*distro_view.problems, *found.problems, *more_problems))
    problems += _left_out(catalogers, usual) if request.catalogers else ()
    relations, untold = _relations(tree, records, distro, found) if request.relations else (None, ())
    problems += map(rooms.stamped, untold)
    analysis = Analysis(
        tuple((record.digest, record.diff_id, record.size) for record in records),
        distro,
        _with_licences(tree, records, distro, found, request),
        tuple(sorted(set(problems))),
        found.unexplained,
        relations,
    )
    files = file_records(tree, found.claims) if request.files else None
    layers = _layers(tree, records) if request.layers else ()
    extras = Extras(_contents(tree, records, request), _collect_read_facts(tree, records, request), results, layers)
    return AnalysedImage(analysis, files, extras)


def _with_licences(
    tree: Tree, records: Sequence[LayerRecord], distro: Distro | None, found: CatalogResult, request: ScanRequest
) -> tuple[Package, ...]:
    """The packages, with where their licences were told if that is requested."""
    if not request.licences:
        return found.packages
    from hullmark.catalog.licence_files import with_evidence

    return with_evidence(found.packages, TreeView(tree, records, distro, all_layers=request.all_layers))


def _relations(
    tree: Tree, records: Sequence[LayerRecord], distro: Distro | None, found: CatalogResult
) -> tuple[tuple[Relation, ...], tuple[Problem, ...]]:
    """Which packages need which, by the package URLs that they have in the end, and what could not be told."""
    from hullmark.catalog.relations import resolve

    relations, untold = resolve(tree, records, distro, found.uncorrected)
    if found.purls:
        from hullmark.catalog.corrections.apply import with_new_purls

        relations = with_new_purls(relations, found.purls)
    return relations, untold


def _layers(tree: Tree, records: Sequence[LayerRecord]) -> tuple[LayerFiles, ...]:
    from hullmark.rootfs.layer_files import layer_files

    return layer_files(records, tree)


def _left_out(catalogers: Sequence[Cataloger], usual: Sequence[Cataloger]) -> Iterator[Problem]:
    """That catalogers were chosen which leave some packages out: who judges by the result must know."""
    from hullmark.catalog.selection import left_out

    names, types = left_out(catalogers, usual)
    if names:
        reason = f"these catalogers were left out by the request: {names}"
        yield Problem("", -1, "catalog", reason, facts=("owners", "packages"), types=types)


def _assemble_facets(
    tree: Tree,
    records: Sequence[LayerRecord],
    distro: Distro | None,
    config: ImageConfig | None,
    packages: Sequence[Package],
    facets: Sequence[Facet],
) -> tuple[dict[str, Any], list[Problem]]:
    """What each facet comes to, by its name, and the problems that they had."""
    results: dict[str, Any] = {}
    problems: list[Problem] = []
    for facet in facets:
        from hullmark.facets.view import ImageView

        view = ImageView(tree, records, distro, config, facet.name, packages=packages)
        results[facet.name] = facet.assemble(view)
        problems += view.problems
    return results, problems


def is_all_kept(records: Sequence[LayerRecord], request: ScanRequest) -> bool:
    """Whether all files whose content is requested are among the kept ones."""
    from hullmark.facets.content import content_read

    tree = squash(records)
    kept = {path for path, _ in _kept_bodies(tree, records)}
    wanted = Dispatch((content_read(request.contents),)).wanted
    return all(
        text(path) in kept
        for path, node in tree.nodes.items()
        if node.entry.kind in "fh" and node.entry.size and wanted(path)
    )


def _contents(tree: Tree, records: Sequence[LayerRecord], request: ScanRequest) -> dict[str, bytes]:
    """The content of the files that are requested, whether it was read for this request or is kept since an earlier one."""
    if not request.contents:
        return {}
    from hullmark.facets.content import content_read

    read = content_read(request.contents)
    wanted = Dispatch((read,)).wanted
    kept = {"/" + path: body for path, body in _kept_bodies(tree, records) if wanted(path.encode("utf-8", "replace"))}
    return kept | {"/" + item.path: item.fact for item in TreeView(tree, records).facts(read)}


def _kept_bodies(tree: Tree, records: Sequence[LayerRecord]) -> Iterator[tuple[str, bytes]]:
    from hullmark.facets.kept import KEPT

    for item in TreeView(tree, records).facts(KEPT):
        if item.fact.body is not None:
            yield item.path, item.fact.body


def _collect_read_facts(tree: Tree, records: Sequence[LayerRecord], request: ScanRequest) -> dict[str, dict[str, Any]]:
    found = {
        read.name: {"/" + item.path: item.fact for item in TreeView(tree, records).facts(read)}
        for read in request.reads
    }
    # A file that a read asks for by its content has been read under one of its names; it is the same under the others.
    for link, target in tree.links.items() if found else ():
        name, other = (f"/{text(_path_of(rank, tree, records))}" for rank in (link, target))
        for facts in found.values():
            if other in facts:
                facts.setdefault(name, facts[other])
    return found


def _path_of(rank: tuple[int, int], tree: Tree, records: Sequence[LayerRecord]) -> bytes:
    return tree.moved.get(rank) or records[rank[0]].entries[rank[1]].path
