"""From the walk to verdicts: of each file, each executable, each package."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from hullmark.model.inventory import FileRecord, Inventory
from hullmark.model.package import Package
from hullmark.model.package_files import folder_of
from hullmark.model.reach import REACHES, PackageReach, ProgramReach, Reach, ReachCount, WitnessStep
from hullmark.reach.kinds import OF_INTEREST, kinds_of
from hullmark.reach.reads import REACH_READS
from hullmark.reach.scene import Scene

_READING = ("rootfs", *(read.name for read in REACH_READS))
"""Who tells that something of the image was not read."""

_SHOWN = 3
_ORDER: dict[Reach, int] = {reach: number for number, reach in enumerate(REACHES)}


class Verdicts:
    """What each file came to. Where not all of the image was seen, or followed, nothing is unreachable: it is unknown."""

    def __init__(self, inventory: Inventory, scene: Scene) -> None:
        self._inventory = inventory
        self.scene = scene
        self.unseen = self._explain_unseen()
        self.owners = self._owners()
        self._inner = self._inner_archives()
        self._names = self._other_names()

    def _explain_unseen(self) -> str:
        """Why nothing can be called unreachable; "" where it can."""
        if self.scene.walk.is_cut:
            return "the image's files name each other so often that not all were followed"
        if self._inventory.files is None:
            return "the source lists no files"
        for reason in self.scene.tree.cuts:
            return f"not all was followed: {reason}"
        for problem in self._inventory.problems:
            if problem.is_open and problem.room in _READING:
                return f"not all of the image was read: {problem.reason}"
        return ""

    def of(self, path: str) -> Reach:
        """The verdict on a file of exactly this path."""
        found = self.scene.walk.found.get(path)
        if found is not None:
            return "reachable" if found.is_certain else "unknown"
        return "unknown" if self.unseen else "unreachable"

    def witness(self, path: str) -> tuple[WitnessStep, ...]:
        """The shortest way to a file."""
        return self.scene.walk.witness(path) if path in self.scene.walk.found else ()

    def reason(self, path: str) -> str:
        """Why a file is unknown or unreachable."""
        match self.of(path):
            case "reachable":
                return ""
            case "unknown":
                return self.doubt(path) or self.unseen
            case _:
                return "nothing that is started names, loads, imports or starts it"

    def doubt(self, path: str) -> str:
        """The first step on the way to a file that is not certain."""
        for step in self.witness(path):
            if not self.scene.walk.found[step.path].is_certain:
                return step.why
        return ""

    def _owners(self) -> dict[str, list[str]]:
        """The files of each package: those that its record lists, else those in its folder, else what its record is in."""
        files = self.scene.tree.files
        found: dict[str, list[str]] = {}
        for path, record in files.items():
            if record.owner and record.type != "dir":
                found.setdefault(record.owner, []).append(path)
        folders, listed = {}, frozenset(found)
        for package in self._inventory.packages:
            if not package.purl or package.purl in listed:
                continue
            for archive in dict.fromkeys(place.path.partition(":")[0] for place in package.locations):
                if folder := folder_of(archive):
                    folders[folder] = package.purl
                elif archive in files and archive not in found.get(package.purl, ()):
                    found.setdefault(package.purl, []).append(archive)
        for path, record in files.items() if folders else ():
            purl = _within(path, folders) if record.type != "dir" else ""
            if purl:
                found.setdefault(purl, []).append(path)
        return found

    def _inner_archives(self) -> dict[str, list[str]]:
        """By package, the archives in archives that are reached and that it is, where it is nothing else."""
        found: dict[str, list[str]] = {}
        others = set[str]()
        for package in self._inventory.packages:
            for place in package.locations:
                if place.path in self.scene.inner:
                    found.setdefault(package.purl, []).append(place.path)
                else:
                    others.add(package.purl)
        return {purl: keys for purl, keys in found.items() if purl and purl not in others}

    def _other_names(self) -> dict[str, set[str]]:
        """By file, the names of interest of links to it."""
        found: dict[str, set[str]] = {}
        for path, record in self.scene.tree.files.items():
            name = path.rpartition("/")[2]
            if record.type == "symlink" and name in OF_INTEREST:
                found.setdefault(self.scene.tree.find(path).real, set()).add(name)
        return found

    def packages(self) -> tuple[PackageReach, ...]:
        """The verdict on each package, those of one package URL once."""
        unique = {
            package.purl or f"{package.type} {package.name} {package.version}": package
            for package in self._inventory.packages
        }
        found = [self._package(package) for _, package in sorted(unique.items())]
        by_purl = {package.purl: package for package in found}
        return tuple(
            self._of_owner(package, unique[package.purl], by_purl) if package.purl in unique else package
            for package in found
        )

    def _of_owner(self, found: PackageReach, package: Package, by_purl: dict[str, PackageReach]) -> PackageReach:
        """A package that a package of the system brought, and that lists no files itself, is as its owner is."""
        owner = by_purl.get(package.owned_by or "")
        if owner is None or package.purl in self.owners:
            return found
        return PackageReach(
            purl=found.purl, type=found.type, name=found.name, version=found.version, reach=owner.reach, bytes=0, reached_bytes=0,
            witness=owner.witness, reason=owner.reason or f"it came with {owner.name}",
        )  # fmt: skip

    def _package(self, package: Package) -> PackageReach:
        if package.purl in self._inner:
            return self._inside(package, self._inner[package.purl])
        paths = self.owners.get(package.purl, [])
        best = min(paths, key=lambda path: (_ORDER[self.of(path)], self._depth(path), path), default="")
        reach: Reach = self.of(best) if best else "unknown"
        sizes = [(self.scene.tree.files[path].size, self.of(path)) for path in paths]
        if not paths:
            reason = "no record says which files are its own"
        elif reach == "unreachable":
            reason = f"{_none_of(len(paths))}: nothing that is started names, loads, imports or starts one"
        else:
            reason = self.reason(best)
        return PackageReach(
            purl=package.purl,
            type=package.type,
            name=package.name,
            version=package.version,
            reach=reach,
            bytes=sum(size for size, _ in sizes),
            reached_bytes=sum(size for size, of in sizes if of != "unreachable"),
            witness=self.witness(best) if best else (),
            reason=reason,
            examples=self._examples(paths) if reach == "unreachable" else (),
        )

    def _inside(self, package: Package, keys: list[str]) -> PackageReach:
        """The verdict on a package that is an archive in an archive. Where the outer one is reached it is unknown at least: whoever reads
        it may read all."""
        inner = self.scene.inner
        best = min(
            keys, key=lambda key: (not inner[key].is_certain, self.of(self.scene.file_of(key)) != "reachable", key)
        )
        witness = self.scene.inner_witness(best)
        is_reached = inner[best].is_certain and self.of(self.scene.file_of(best)) == "reachable"
        size = sum(inner[key].size for key in keys)
        doubts = [step.why for step in witness if step.path in inner and not inner[step.path].is_certain]
        return PackageReach(
            purl=package.purl,
            type=package.type,
            name=package.name,
            version=package.version,
            reach="reachable" if is_reached else "unknown",
            bytes=size,
            reached_bytes=size,
            witness=witness,
            reason="" if is_reached else self.doubt(self.scene.file_of(best)) or (doubts or [self.unseen])[0],
        )

    def _examples(self, paths: list[str]) -> tuple[str, ...]:
        """Some of a package's files, first what could be run."""
        elves, files = self.scene.facts.elves, self.scene.tree.files
        return tuple(
            heapq.nsmallest(_SHOWN, paths, lambda path: (path not in elves, not files[path].mode & 0o111, path))
        )

    def _depth(self, path: str) -> int:
        found = self.scene.walk.found.get(path)
        return found.depth if found is not None else 0

    def _executables(self) -> Iterator[FileRecord]:
        for path, record in self.scene.tree.files.items():
            if record.type != "file" or not record.mode & 0o111:
                continue
            elf, code = self.scene.facts.elves.get(path), self.scene.facts.code.get(path)
            is_library = elf is not None and bool(elf.machine) and not elf.interpreter and not elf.is_static
            if (elf is not None and not (is_library or ".so" in path.rpartition("/")[2])) or (
                code is not None and code.interpreter
            ):
                yield record

    def programs(self) -> tuple[ProgramReach, ...]:
        """The verdict on each executable, sorted by path."""
        owner_of = {path: purl for purl, paths in self.owners.items() for path in paths}
        found = [
            ProgramReach(
                path=record.path,
                reach=self.of(record.path),
                bytes=record.size,
                layer=record.layer,
                package=owner_of.get(record.path, ""),
                kinds=kinds_of(record, {record.path.rpartition("/")[2], *self._names.get(record.path, ())}),
                witness=self.witness(record.path),
                reason=self.reason(record.path),
            )
            for record in self._executables()
        ]
        return tuple(sorted(found, key=lambda program: program.path))

    def counts(self, packages: tuple[PackageReach, ...]) -> dict[Reach, ReachCount]:
        """How many there are of each verdict."""
        tally: dict[Reach, list[int]] = {reach: [0, 0, 0, 0, 0] for reach in REACHES}
        for package in packages:
            tally[package.reach][0] += 1
        for program in self._executables():
            tally[self.of(program.path)][1] += 1
        for path, record in self.scene.tree.files.items():
            if record.type == "file":
                row = tally[self.of(path)]
                row[2] += path in self.scene.facts.elves
                row[3] += 1
                row[4] += record.size
        return {
            reach: ReachCount(packages=row[0], programs=row[1], elves=row[2], files=row[3], bytes=row[4])
            for reach, row in tally.items()
        }


def _none_of(count: int) -> str:
    return "its one file is not reached" if count == 1 else f"none of its {count:,} files is reached"


def _within(path: str, folders: dict[str, str]) -> str:
    """The package in whose folder a file is, the innermost; "" for none."""
    folder = path
    while folder := folder.rpartition("/")[0]:
        if folder in folders:
            return folders[folder]
    return ""
