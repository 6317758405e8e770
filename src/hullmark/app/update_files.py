"""The files of newer packages: fetched from where their lists say, and looked at as the image's own files are."""

from __future__ import annotations

import hashlib

from hullmark.app.foundation import Foundation
from hullmark.app.upkeep import Mirrors
from hullmark.maintenance.remedy.contents import DPKG_SETTINGS, DebReading, UpdateContent, read_deb
from hullmark.maintenance.remedy.stack import LayerStack
from hullmark.maintenance.upkeep.crawl import Get
from hullmark.model.limit import Limit
from hullmark.model.problem import Problem
from hullmark.model.upkeep import PackageUpdate
from hullmark.scanning.analysis import extra_reads_for, reads_for
from hullmark.scanning.request import ScanRequest, ScanResources, ScanResult
from hullmark.scanning.scan import scan_records

ROOM = "remedy"
_MAX_PACKAGE = Limit(512 << 20, "bytes of the file of a newer package")
_MAX_FETCHED = Limit(2 << 30, "bytes of the files of all newer packages that are thought of")


class FetchedUpdates:
    """What newer versions bring. Each is fetched once, when it is first asked for."""

    def __init__(self, foundation: Foundation, scanned: ScanResult, mirrors: Mirrors, resources: ScanResources) -> None:
        self._foundation = foundation
        self._scanned = scanned
        self._mirrors = mirrors
        self._resources = resources
        self._known: dict[str, UpdateContent | None] = {}
        self._left = int(_MAX_FETCHED)
        self._reading: DebReading | None = None
        self._stack: LayerStack | None = None
        self.problems: list[Problem] = []

    def look_for(self, request: ScanRequest, stack: LayerStack) -> None:
        """What is looked for in files, and the layers that they come over. Called before anything is asked for."""
        hashed = ScanRequest(files=True, digests=True)
        whole = scan_records(self._foundation.image, self._foundation.records(hashed), hashed, self._resources)
        changed = (file.path for file in whole.inventory.files or () if file.state == "config-changed")
        rules = (rule for _, found in sorted(self._scanned.found.get(DPKG_SETTINGS.name, {}).items()) for rule in found)
        self._stack = stack
        self._reading = DebReading(
            reads=(*reads_for(), *extra_reads_for(request)),
            digests=request.digests,
            rules=tuple(rules),
            changed=frozenset(path.lstrip("/").encode() for path in changed),
        )

    def of(self, update: PackageUpdate) -> UpdateContent | None:
        """What an update brings; None, with a problem, where that could not be seen."""
        purl = update.candidate.purl
        if purl not in self._known:
            try:
                self._known[purl] = self._read(update)
            except ValueError as error:
                self._known[purl] = None
                name = f"{update.candidate.name} {update.candidate.version}"
                self.problems.append(Problem("", -1, ROOM, f"what {name} brings was not seen: {error}"))
        return self._known[purl]

    def _read(self, update: PackageUpdate) -> UpdateContent:
        """Raises ValueError where it cannot be had, or read."""
        if update.installed.type != "deb" or update.file is None or self._reading is None or self._stack is None:
            raise ValueError("only files of debs are looked at, where their list names them")
        if any(problem.is_open and problem.room == DPKG_SETTINGS.name for problem in self._scanned.inventory.problems):
            raise ValueError("which files dpkg unpacks here is not known")
        if self._left <= 0:
            raise ValueError(f"all files together have more than {_MAX_FETCHED >> 20:,} MiB")
        body = self._mirrors.get(Get(update.file.url, min(_MAX_PACKAGE, self._left)))
        if body is None:
            raise ValueError(f"{update.file.url} cannot be reached")
        self._left -= len(body)
        if hashlib.sha256(body).hexdigest() != update.file.sha256:
            raise ValueError(f"{update.file.url} is not the file that its list names")
        name = update.installed.name.encode()
        arch = update.installed.arch.encode()
        stems = [b"var/lib/dpkg/info/" + stem for stem in (name + b":" + arch, name)]
        known = [stem for stem in stems if self._stack.tree.get(stem + b".list") is not None]
        return read_deb(body, update, known, self._reading)
