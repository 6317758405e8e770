"""What is asked of a scan, what it may use, and what it comes to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from hullmark.model.inventory import Distro, Inventory, UnexplainedPrograms
from hullmark.model.jar import JarIndex
from hullmark.model.package import Package
from hullmark.model.problem import Problem
from hullmark.model.relation import Relation
from hullmark.rootfs.reads import Read
from hullmark.scanning.layercache import FolderKeep, PayloadStore
from hullmark.scanning.layers import Watch

if TYPE_CHECKING:  # a scan for packages alone has none of them
    from hullmark.facets.facet import Facet
    from hullmark.model.correction import Corrections
    from hullmark.model.image_layers import LayerFiles
    from hullmark.model.reach import ImageReach

Keeping = Literal["asked", "always", "text", "never"]
"""What is kept of files: the text of configuration when it is requested, or with every scan; all text with every scan; nothing."""


class ScanRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is wanted of an image besides its packages.

    `files`: every file with its owner. `digests`: hash each of them, which tells those that are no longer what their
    package brought. `ghosts`: also the files that later layers deleted or replaced, `all_layers`: their packages too.
    `contents`: globs of files whose content is wanted, secrets masked. `reads`: what else to read, each of a name that says what it
    does. `facets`: what else to find out. `packages`: whether packages are wanted; if not, and nothing is kept of the layers, they are
    not looked for: then the inventory has none, and no distribution. `catalogers`: words that choose them (`catalog/selection.py`);
    none: the usual ones. `keeps`: whether the text of configuration files is kept, so that it can be asked for later without reading the
    layers again; `keeps_text`: that of all files. `layers`: what each layer does to those below it. `relations`: which
    packages need which. `licences`: where licences are told, and what licence files tell. `reach`: what of the image
    its start reaches, which also lists the files. `corrections`: what a person says that
    packages of this very image are. `jars` names Java archives by their digests.
    """

    files: bool = False
    digests: bool = False
    ghosts: bool = False
    all_layers: bool = False
    contents: tuple[str, ...] = ()
    reads: tuple[Read[Any], ...] = ()
    facets: tuple[Facet, ...] = ()
    packages: bool = True
    catalogers: tuple[str, ...] = ()
    keeps: bool = False
    keeps_text: bool = False
    layers: bool = False
    relations: bool = False
    licences: bool = False
    reach: bool = False
    corrections: Corrections | None = None
    jars: JarIndex | None = None


class ScannerPlaces(msgspec.Struct, frozen=True, kw_only=True):
    """Where scanners are: clamd as `unix:///PATH` or `tcp://HOST:PORT`, clamscan's database, a YARA rule file or a folder of them.

    What is None is looked for: the daemon's usual sockets, else the program clamscan with signatures in its usual folder. There are no
    usual YARA rules.
    """

    clamd: str | None = None
    clamav_database: Path | None = None
    yara_rules: Path | None = None


class ScanResources(msgspec.Struct, frozen=True, kw_only=True):
    """What a scan may use: where records are kept, threads, and someone to tell of progress.

    Records are kept in `keep`, else in the folder; with neither, nothing is kept.
    `jobs`: threads that read layers. By default as many as there are cores, at least three where a registry is waited for;
    one costs the least processor time. The result is the same for any number.
    `scanners` is where malware scanners are, `secret_rules` are files of rules for secrets besides our own, `secret_salt` goes into the
    digests of secrets.
    `keeping`: what is kept of files. `corrections`: what a person says that packages are, in whichever image;
    `jars` names Java archives by their digests.
    """

    cache_folder: Path | None = None
    keep: PayloadStore | None = None
    jobs: int | None = None
    watch: Watch | None = None
    scanners: ScannerPlaces = ScannerPlaces()
    secret_rules: tuple[Path, ...] = ()
    secret_salt: bytes = b"hullmark"
    keeping: Keeping = "asked"
    corrections: Corrections | None = None
    jars: JarIndex | None = None

    def records(self) -> PayloadStore | None:
        """Where records are kept, or None where they are not."""
        if self.keep is not None or self.cache_folder is None:
            return self.keep
        return FolderKeep(self.cache_folder)


class ScanResult(msgspec.Struct, frozen=True):
    """An inventory, and what else was requested: the content of files by absolute path, what further reads found by their names
    and by path, what facets came to by theirs, what each layer does, what the image's start reaches (None: nobody looked).
    """

    inventory: Inventory
    contents: dict[str, bytes] = msgspec.field(default_factory=dict)
    found: dict[str, dict[str, Any]] = msgspec.field(default_factory=dict)
    facets: dict[str, Any] = msgspec.field(default_factory=dict)
    layers: tuple[LayerFiles, ...] = ()
    reach: ImageReach | None = None


class Analysis(msgspec.Struct, frozen=True, array_like=True):
    """What the layers alone determine; `layers` are their (digest, diff id, stored size)."""

    layers: tuple[tuple[str, str, int], ...]
    distro: Distro | None
    packages: tuple[Package, ...]
    problems: tuple[Problem, ...]
    unexplained: UnexplainedPrograms | None = None
    relations: tuple[Relation, ...] | None = None
