"""What a document says about packages, before it becomes an inventory, and the limits of all formats."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple, TypeVar

import msgspec

from hullmark.catalog.sbom.statements import DocumentStatements, PackageStatements
from hullmark.model.errors import HullmarkError
from hullmark.model.image import ImageConfig, Platform
from hullmark.model.image_config import ImageConfigJson, image_config
from hullmark.model.inventory import Distro, FileRecord, InventoryLayer, InventorySource, UnexplainedPrograms
from hullmark.model.licence_evidence import LicenceEvidence
from hullmark.model.limit import Limit
from hullmark.model.package import Location, SourcePackage
from hullmark.model.problem import Problem
from hullmark.model.relation import RelationKind
from hullmark.rootfs.reads import kind_of

MAX_BYTES = Limit(256 << 20, "bytes of an SBOM", "refused")
MAX_COMPONENTS = Limit(2_000_000, "packages of an SBOM")
MAX_TEXT = Limit(8192, "characters of one value in an SBOM", "shortened")
"""The longest name, version, path or licence, in characters; of longer ones the beginning is read."""

MAX_LIST = Limit(10_000, "licences, places or CPE names of one package in an SBOM", "shortened")
"""The most licences, places or CPE names of one package that are read."""

_MAX_EDGES = Limit(2_000_000, "relations between the packages of an SBOM")
_MAX_VALUES = Limit(16_000_000, "values of an SBOM in JSON", "refused")
_MAX_PROBLEMS = Limit(10_000, "problems of an SBOM that are listed one by one", "shortened")

T = TypeVar("T")


class SbomPackage(msgspec.Struct, kw_only=True):
    """What a document says about one package. `label` is what problems call it.

    `type` is a purl type where the document names one. `is_exact`: it was written by Hullmark, so names are as they should be.
    `main` is the Go module of the program that a module is built into. `cpes` are CPE names of either kind.
    `owners` are the packages that own single places of it, by their paths; where there are any, the other places belong to nobody.
    """

    label: str
    name: str = ""
    version: str = ""
    type: str = ""
    purl: str = ""
    arch: str = ""
    cataloger: str = ""
    source: SourcePackage | None = None
    licenses: tuple[str, ...] = ()
    license_evidence: tuple[LicenceEvidence, ...] = ()
    locations: tuple[Location, ...] = ()
    owned_by: str | None = None
    mains: tuple[str, ...] = ()
    main: str = ""
    notes: dict[str, str] = {}
    cpes: tuple[str, ...] = ()
    swid: str = ""
    owners: dict[str, str] = {}
    is_exact: bool = False
    statements: PackageStatements = msgspec.field(default_factory=PackageStatements)


class Problems:
    """What could not be read. Past a limit only the number is kept."""

    def __init__(self) -> None:
        self._found: list[Problem] = []
        self._more = 0

    def add(self, reason: str) -> None:
        """One more sentence."""
        self.keep((Problem("", -1, "sbom", clip_text(reason), kind_of(reason)),))

    def keep(self, problems: Iterable[Problem]) -> None:
        """Problems that the document itself lists."""
        for problem in problems:
            if len(self._found) < _MAX_PROBLEMS:
                self._found.append(problem)
            else:
                self._more += 1

    def all(self) -> tuple[Problem, ...]:
        """All problems, sorted, without repeats."""
        more = (Problem("", -1, "sbom", f"{self._more:,} more problems are not listed"),) if self._more else ()
        return tuple(sorted({*self._found, *more}))


class Edge(NamedTuple):
    """One package needs another: what the document says about each."""

    dependent: SbomPackage
    dependency: SbomPackage
    kind: RelationKind = "depends-on"


class Document(msgspec.Struct, kw_only=True):
    """What a format's reader returns. `files`, `config`, `unexplained` and `edges` are None where the document has none."""

    source: InventorySource
    problems: Problems
    packages: list[SbomPackage] = []
    distro: Distro | None = None
    config: ImageConfig | None = None
    files: tuple[FileRecord, ...] | None = None
    unexplained: UnexplainedPrograms | None = None
    edges: list[Edge] | None = None
    statements: DocumentStatements = msgspec.field(default_factory=DocumentStatements)

    def add_edges(self, edges: Iterable[Edge]) -> None:
        """Edges that the document has, though perhaps none. Too many are a problem."""
        self.edges = list(islice(edges, _MAX_EDGES + 1))
        if len(self.edges) > _MAX_EDGES:
            self.edges.pop()
            self.problems.add(f"of its relations only the first {_MAX_EDGES:,} were read")


class Marks(msgspec.Struct, frozen=True, kw_only=True):
    """What formats are recognised by: the beginning of the text, and the keys at the top of a JSON object."""

    head: bytes = b""
    bom_format: Any = msgspec.field(name="bomFormat", default=None)
    spdx_version: Any = msgspec.field(name="spdxVersion", default=None)
    schema: Any = None
    graph: msgspec.Raw = msgspec.field(name="@graph", default_factory=msgspec.Raw)
    artifacts: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)
    report_version: Any = msgspec.field(name="SchemaVersion", default=None)
    artifact_name: Any = msgspec.field(name="ArtifactName", default=None)
    results: msgspec.Raw = msgspec.field(name="Results", default_factory=msgspec.Raw)


class SbomFormat(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of document. `read` raises Unreadable for one that is broken as a whole."""

    name: str
    recognises: Callable[[Marks], bool]
    read: Callable[[bytes], Document]


class Unreadable(HullmarkError):
    """The document as a whole cannot be read."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the SBOM cannot be read: {reason}", advice="write it anew, or name the image itself")


def decode_json(body: bytes, type: type[T]) -> T:
    """A JSON document, or a part of one, as this type; other keys are skipped. Raises Unreadable."""
    # Each value is some sixty bytes in memory and may be one or two in the document.
    if body.count(b",") + body.count(b"{") + body.count(b"[") > _MAX_VALUES:
        raise Unreadable(f"it has more than {_MAX_VALUES:,} values")
    try:
        return msgspec.json.decode(body, type=type)
    except RecursionError:
        raise Unreadable("it is nested too deeply") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Unreadable(str(error)) from error


def decoded_parts(
    parts: Iterable[msgspec.Raw], type: type[T], what: str, problems: Problems
) -> Iterator[tuple[int, T]]:
    """The parts of a list that are of this type, each with its number; the others become problems."""
    decoder = msgspec.json.Decoder(type)
    for number, raw in enumerate(parts):
        if number >= MAX_COMPONENTS:
            problems.add(f"of its {what}s only the first {MAX_COMPONENTS:,} were read")
            return
        try:
            found = decoder.decode(raw)
        except RecursionError:
            problems.add(f"{what} {number + 1} was not read: it is nested too deeply")
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            problems.add(f"{what} {number + 1} was not read: {error}")
        else:
            yield number, found


def clip_text(text: str) -> str:
    """The text, or its beginning if it is too long."""
    return text if len(text) <= MAX_TEXT else text[:MAX_TEXT]


def empty_source(reference: str = "") -> InventorySource:
    """A source about which nothing else is known."""
    return InventorySource(kind="sbom", reference=reference, digest="", config_digest="", platform="", layers=())


def bare_layers(diff_ids: Iterable[str]) -> tuple[InventoryLayer, ...]:
    """Layers that are known only by the digests of their tars."""
    return tuple(InventoryLayer(digest="", diff_id=clip_text(diff_id), size=-1, created_by="") for diff_id in diff_ids)


def read_config(body: bytes | msgspec.Raw, problems: Problems) -> ImageConfig | None:
    """The settings in an image's config that a document carries; None where it has none, or none that can be read (a problem)."""
    if not bytes(body) or bytes(body) == b"null":
        return None
    try:
        return image_config(msgspec.json.decode(body, type=ImageConfigJson))
    except RecursionError:
        problems.add("the image's config in it was not read: it is nested too deeply")
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        problems.add(f"the image's config in it was not read: {error}")
    return None


def with_config(source: InventorySource, config: ImageConfig | None) -> InventorySource:
    """The source with what the image's config tells besides: its platform, and which instruction made each layer."""
    if config is None:
        return source
    made = [clip_text(step.created_by) for step in config.history if not step.empty_layer]
    if len(made) != len(source.layers):
        made = [layer.created_by for layer in source.layers]
    return msgspec.structs.replace(
        source,
        platform=source.platform or clip_text(str(Platform(config.os, config.architecture, config.variant))),
        layers=tuple(
            msgspec.structs.replace(layer, created_by=layer.created_by or text)
            for layer, text in zip(source.layers, made, strict=True)
        ),
    )


def layer_numbers(layers: Iterable[InventoryLayer]) -> dict[str, int]:
    """The position of each layer, by its digests."""
    numbers: dict[str, int] = {}
    for number, layer in enumerate(layers):
        for digest in (layer.diff_id, layer.digest):
            if digest:
                numbers.setdefault(digest, number)
    return numbers


def label_of(what: str, number: int, name: str, version: str = "") -> str:
    """What problems call a component: `component 3 (bash 5.2)`."""
    shown = " ".join(filter(None, (name[:80], version[:40])))
    return f"{what} {number + 1} ({shown})" if shown else f"{what} {number + 1}"
