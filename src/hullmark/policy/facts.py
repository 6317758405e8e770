"""Facts: everything a gate may know about an image."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from hullmark.model.certificate import KeyFile
from hullmark.model.configuration import Configuration
from hullmark.model.correction import words_of
from hullmark.model.dockerfile import Dockerfile
from hullmark.model.inventory import FileRecord, Inventory
from hullmark.model.isolation import ImageNeeds, PlacedContainer
from hullmark.model.limit import Limit
from hullmark.model.malware import MalwareScan
from hullmark.model.match import Matches
from hullmark.model.package import Package
from hullmark.model.problem import Problem
from hullmark.model.reach import ImageReach, PackageReach, Reach
from hullmark.model.secret import Secret
from hullmark.model.signed_document import SignedDocuments
from hullmark.model.verdict import Evidence
from hullmark.policy.dockerfile.history import unread
from hullmark.policy.files import FileTable
from hullmark.policy.values import Expression

CONTENT_LIMIT = Limit(1 << 20, "bytes of a file that rules look into")
"""The largest body, in bytes, that rules look into; larger files count as not read."""

Evaluate = Callable[[Expression, "Facts"], Any]
"""Evaluates an expression in CEL over the facts as they are published, within limits of time and memory.

The value is what JSON can hold. Raises ExpressionFailed.
"""


class ExpressionFailed(Exception):
    """An expression that has no value. The text is a clause that gives the reason."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """The facts to judge, and the time to judge at.

    `inventory` may lack files or settings (None); rules that need them cannot be judged. `contents` are the bodies of the files that the
    policy's rules asked for, by absolute path; None if a body could not be read or is larger than CONTENT_LIMIT. `ghosts`: the files
    include those that later layers deleted or replaced. `now` is the time that counts as the present, with a time zone. `matches` is None
    if packages were not matched with advisories. `dockerfile` is the one supplied (`dockerfile_text` as written), or guessed from the
    image's history. `reference` is the tag that the image is judged under, "" for none. `evaluate` evaluates CEL expressions; None if
    nothing can.

    `configuration` holds the settings of the programs in the image. It is None if nobody looked, as are the results of the searches for
    secrets, malware, certificates and keys, and `reach`: what of the image its start reaches. `isolation` are the containers that the image
    is to run in; None if no workload was given.

    `signatures` are documents that others signed about the image, none of them verified yet; None if nobody looked. `trusted_keys` are
    public keys in PEM that count in addition to those that rules name. `trusted_root` is the text of a Sigstore trusted root ("": none).
    `needs`: what the image needs of its place, where nothing else is known of it. `others` holds the results of facets without a field of
    their own, by facet name.
    """

    inventory: Inventory
    now: datetime
    contents: Mapping[str, bytes | None] = field(default_factory=dict)
    ghosts: bool = False
    matches: Matches | None = None
    dockerfile: Dockerfile | None = None
    dockerfile_text: str = ""
    searched: Mapping[str, Mapping[str, Sequence[tuple[str, int]]]] = field(default_factory=dict)
    reference: str = ""
    evaluate: Evaluate | None = None
    configuration: Configuration | None = None
    secrets: tuple[Secret, ...] | None = None
    malware: MalwareScan | None = None
    certificates: tuple[KeyFile, ...] | None = None
    isolation: tuple[PlacedContainer, ...] | None = None
    reach: ImageReach | None = None
    others: Mapping[str, Any] = field(default_factory=dict)
    signatures: SignedDocuments | None = None
    trusted_keys: tuple[str, ...] = ()
    trusted_root: str = ""
    needs: ImageNeeds | None = None

    @cached_property
    def files(self) -> FileTable:
        """The image's files, searchable by path and kind; empty if they were not listed."""
        return FileTable(self.inventory.files or ())

    @cached_property
    def open_problems(self) -> tuple[Problem, ...]:
        """Problems about what was not seen of the image. Rules that look there cannot be judged."""
        history = self.inventory.config.history if self.inventory.config is not None else ()
        return (*(problem for problem in self.inventory.problems if problem.is_open), *unread(history))

    @property
    def layers_are_untold(self) -> bool:
        """Whether the image's layers are not known, because it was read from an SBOM that leaves them out."""
        source = self.inventory.source
        return source.kind == "sbom" and not source.layers

    @cached_property
    def packages_by_purl(self) -> dict[str, Package]:
        """The packages by their purl."""
        return {package.purl: package for package in self.inventory.packages}

    @cached_property
    def reach_by_purl(self) -> dict[str, PackageReach]:
        """What is known of each package's reach, by purl; empty if nobody looked."""
        return self.reach.by_purl() if self.reach is not None else {}

    def reach_of(self, purl: str) -> Reach:
        """Whether the image's start reaches a package."""
        found = self.reach_by_purl.get(purl)
        return found.reach if found is not None else "unknown"

    def owner_of(self, file: FileRecord) -> str:
        """The package that a file came with, in words for people: name and version, or its purl if it is not installed."""
        package = self.packages_by_purl.get(file.owner or "")
        return f"{package.name} {package.version}" if package is not None else file.owner or "no package"

    def at(self, path: str, layer: int, detail: str = "") -> Evidence:
        """Evidence: a path, the layer that added it, and that layer's instruction."""
        layers = self.inventory.source.layers
        created_by = layers[layer].created_by if 0 <= layer < len(layers) else ""
        return Evidence(path, layer, created_by, detail)

    def at_file(self, file: FileRecord, detail: str = "") -> tuple[Evidence, ...]:
        """Evidence for a file."""
        return (self.at(file.path, file.layer, detail),)

    def at_package(self, package: Package) -> tuple[Evidence, ...]:
        """Evidence for a package: every place it is recorded at."""
        detail = ", ".join(filter(None, (package.version, words_of(package))))
        return tuple(self.at(place.path, place.layer, detail) for place in package.locations)


_FACETS = ("certificates", "configuration", "malware", "secrets")


def of_facets(found: Mapping[str, Any]) -> dict[str, Any]:
    """The results of facets, by facet name, as keyword arguments for `Facts`."""
    own = {name: value for name, value in found.items() if name in _FACETS}
    return {**own, "others": {name: value for name, value in found.items() if name not in _FACETS}}
