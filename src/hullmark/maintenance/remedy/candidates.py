"""Which changes may mend what a policy complains of. Whether one does is for the policy to say: here it only has to be possible,
and harmless as far as anybody knows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

import msgspec

from hullmark.maintenance.remedy.flatten import can_be_copied
from hullmark.maintenance.remedy.instructions import can_be_restored
from hullmark.maintenance.remedy.needs import OfferedName, together, with_dependants
from hullmark.model.inventory import FileRecord, Inventory
from hullmark.model.limit import Limit
from hullmark.model.package import Package
from hullmark.model.package_files import folder_of
from hullmark.model.reach import PackageReach
from hullmark.model.relation import dependencies_of
from hullmark.model.remedy import Change, FileChange
from hullmark.model.upkeep import PackageUpdate
from hullmark.model.verdict import Finding

_MOST_CANDIDATES = Limit(400, "changes that are thought of to make an image pass", "shortened")
_ROOT = frozenset(("", "root", "0"))
_NOBODY = "65532"
"""A user that no image has: what it may do depends on modes of files alone."""
_SETID, _OTHERS_WRITE, _STICKY = 0o6000, 0o002, 0o1000
_SHELL = "/bin/sh"
_TOOLS: Mapping[str, tuple[str, ...]] = {
    "deb": ("/usr/bin/apt-get",),
    "apk": ("/sbin/apk",),
    "rpm": tuple(f"/usr/bin/{name}" for name in ("dnf5", "dnf", "microdnf", "tdnf", "yum", "zypper")),
}
"""The package managers that bring updates, the best first."""
_DPKG = "/usr/bin/dpkg"
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+:~_^-]*").fullmatch
_MANAGED = ("pypi", "npm", "gem", "composer")
"""Ecosystems whose packages are folders of files, which can be deleted."""


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an image and of what may be done with it.

    `inventory` has files and relations. `updates` are all that the repositories have, `provided` what dpkg's packages answer to besides
    their names, `essential` the names of packages that dpkg takes for granted (None: not known). `reach` is the verdict on each
    package by its purl, `kept` the paths that are not unreachable. `settings` are instructions of a Dockerfile that a person offers.
    """

    inventory: Inventory
    updates: tuple[PackageUpdate, ...] = ()
    provided: tuple[OfferedName, ...] = ()
    essential: frozenset[str] | None = None
    reach: Mapping[str, PackageReach] = {}
    kept: frozenset[str] = frozenset()
    settings: tuple[tuple[str, str], ...] = ()


class Candidates:
    """Finds changes for findings, and says why there are none."""

    def __init__(self, situation: Situation) -> None:
        self._now = situation
        inventory = situation.inventory
        self._files = {file.path: file for file in inventory.files or () if file.state not in ("ghost", "missing")}
        self._packages = {package.purl: package for package in inventory.packages if package.purl}
        self._dependants = _dependants(inventory)
        self._known_updates: dict[str, Change | str] = {}
        self._known_removals: dict[str, Change | str] = {}
        self._updates = {update.installed.name: update for update in situation.updates}
        names = Counter(package.name for package in inventory.packages if package.type in _TOOLS)
        self._doubled = {name for name, count in names.items() if count > 1}

    @cached_property
    def owned(self) -> dict[str, list[str]]:
        """The paths of each package, by its purl."""
        found: dict[str, list[str]] = {}
        for path, file in self._files.items():
            if file.owner:
                found.setdefault(file.owner, []).append(path)
        return found

    @property
    def runs(self) -> bool:
        """Whether instructions can run in the image: it has a shell, and its user can be set again."""
        return self._is_there(_SHELL) and can_be_restored(self._now.inventory.config)

    def _is_there(self, path: str) -> bool:
        """Whether there is something at a path, below a link of a folder to one in /usr, too."""
        return path in self._files or f"/usr{path}" in self._files or path.removeprefix("/usr") in self._files

    def of(self, findings: Iterable[Finding]) -> tuple[Change, ...]:
        """The changes that may mend some of the findings, each once."""
        found: dict[tuple[str, str], Change] = {}
        findings = tuple(findings)
        for change in (*self._settings(), *self._copies(findings)):
            found.setdefault((change.kind, change.subject), change)
        for finding in findings:
            if len(found) > _MOST_CANDIDATES:
                break
            for change in (*self._of_packages(finding), *self._of_files(finding)):
                found.setdefault((change.kind, change.subject), change)
        return tuple(sorted(found.values(), key=_order))[:_MOST_CANDIDATES]

    def _settings(self) -> Iterator[Change]:
        config = self._now.inventory.config
        offered = {keyword for keyword, _ in self._now.settings}
        for keyword, words in self._now.settings:
            yield Change(
                kind="setting", subject=f"{keyword} {words}", summary=f"set {keyword} {words}", setting=(keyword, words)
            )
        if config is not None and "USER" not in offered and config.user.partition(":")[0].strip() in _ROOT:
            yield Change(
                kind="setting",
                subject="USER",
                summary=f"run as the user {_NOBODY}",
                setting=("USER", _NOBODY),
                caution="whether the program works as this user is not known; --set 'USER …' names another",
            )

    def _copies(self, findings: Iterable[Finding]) -> Iterator[Change]:
        """The copy of the image into an empty one, without the settings that findings are about."""
        config = self._now.inventory.config
        if config is None or not can_be_copied(config):
            return
        names = {f"env:{entry.partition('=')[0]}": ("ENV", entry.partition("=")[0]) for entry in config.env}
        names |= {f"label:{name}": ("LABEL", name) for name in config.labels}
        names |= {port: ("EXPOSE", port) for port in config.exposed_ports}
        unset = tuple(sorted({names[finding.subject] for finding in findings if finding.subject in names}))
        left_out = ", ".join(f"{keyword} {name}" for keyword, name in unset)
        yield Change(
            kind="copy",
            subject="layers",
            summary="copy all files into an empty image" + (f", without {left_out}" if left_out else ""),
            unset=unset,
            caution="its layers are shared with no other image any more, and keys that were in one are still to be replaced",
        )

    def packages_of(self, finding: Finding) -> tuple[Package, ...]:
        """The packages that a finding is about: those that it names, and the owners of the files that it names."""
        _, mark, named_purl = finding.subject.partition("pkg:")
        purls = [mark + named_purl, finding.weakness.package if finding.weakness is not None else ""]
        purls += [owner for path in self.paths_of(finding) if (owner := self._files[path].owner)]
        named = [self._packages[purl] for purl in dict.fromkeys(purls) if purl in self._packages]
        named += [package for package in self._packages.values() if package.name == finding.subject]
        owners = [self._packages[file.owned_by] for file in named if file.owned_by in self._packages]
        return tuple({package.purl: package for package in (*named, *owners)}.values())

    def paths_of(self, finding: Finding) -> tuple[str, ...]:
        """The files that a finding is about."""
        named = [finding.subject, *(evidence.path for evidence in finding.evidence)]
        return tuple(path for path in dict.fromkeys(named) if path in self._files)

    def is_kept(self, path: str) -> bool:
        """Whether what the image starts can come to use a file, as far as anybody knows."""
        return path in self._now.kept

    def _of_packages(self, finding: Finding) -> Iterator[Change]:
        for package in self.packages_of(finding):
            update = self.update_of(package)
            if isinstance(update, Change):
                yield update
            removal = self.removal_of(package)
            if isinstance(removal, Change):
                yield removal

    def update_of(self, package: Package) -> Change | str:
        """The update of a package with all others of its source, or why there is none (a clause)."""
        if package.purl not in self._known_updates:
            self._known_updates[package.purl] = self._update_of(package)
        return self._known_updates[package.purl]

    def _update_of(self, package: Package) -> Change | str:
        own = self._updates.get(package.name)
        if own is None or own.installed.type != package.type:
            return "its repositories have nothing newer" if package.type in _TOOLS else ""
        if package.name in self._doubled:
            return "it is installed more than once"
        tool = next((path for path in _TOOLS[package.type] if self._is_there(path)), "")
        if not self.runs or not tool:
            return "the image has no package manager that could bring the newer version"
        source = own.candidate.source
        name = source.name if source is not None else package.name
        same = [
            update
            for update in self._now.updates
            if update.candidate.source is not None and update.candidate.source.name == name
        ]
        group = together(same or [own], self._updates, self._now.inventory.packages, self._now.provided)
        if group.obstacle:
            return group.obstacle
        if not all(_PLAIN(update.candidate.version) and _PLAIN(update.installed.name) for update in group.updates):
            return "its newer version has a name that is not written into a Dockerfile"
        others = len(group.updates) - len(same)
        taken = f", with {others} more that it needs" if others > 0 else ""
        return Change(
            kind="update",
            subject=name,
            summary=f"update {name} from {own.installed.version} to {own.candidate.version}{taken}",
            updates=group.updates,
            tool=tool.rpartition("/")[2],
        )

    def removal_of(self, package: Package) -> Change | str:
        """The removal of a package with all that depends on it, or why it must stay (a clause)."""
        if package.purl not in self._known_removals:
            self._known_removals[package.purl] = self._removal_of(package)
        return self._known_removals[package.purl]

    def _removal_of(self, package: Package) -> Change | str:
        reach = self._now.reach.get(package.purl)
        if reach is None or reach.reach == "unknown":
            return f"whether it is used is not known ({reach.reason if reach is not None and reach.reason else 'nothing tells'})"
        if reach.reach == "reachable":
            return f"it is used: {_way(reach)}"
        going = [self._packages[purl] for purl in sorted(with_dependants(package.purl, self._dependants))]
        for other in going:
            if self._reach_of(other) != "unreachable":
                return f"{other.name} needs it, which is used or may be"
            if other.type == "deb" and self._now.essential is None:
                return "which packages dpkg takes for granted is not known"
            if other.type == "deb" and other.name in (self._now.essential or ()):
                which = "it" if other is package else f"{other.name}, which needs it,"
                return f"{which} is essential to dpkg; `hullmark minimize --emit` leaves it out"
        return self._removal(package, going)

    def _reach_of(self, package: Package) -> str:
        found = self._now.reach.get(package.purl)
        return found.reach if found is not None else "unknown"

    def _removal(self, package: Package, going: list[Package]) -> Change | str:
        if not self.runs:
            return "the image has no shell to remove it by; `hullmark minimize --emit` leaves it out"
        kinds = {other.type for other in going}
        files: list[FileChange] = []
        if kinds == {"deb"}:
            if any(other.name in self._doubled for other in going):
                return "it is installed more than once"
            if not self._is_there(_DPKG) or not all(_PLAIN(other.name) for other in going):
                return "the image has no dpkg to remove it by"
        elif kinds <= set(_MANAGED):
            for other in going:
                places = self._places(other)
                if not places:
                    return "no record says which files are its own"
                files += map(FileChange, places)
        else:
            return f"packages of the type {'/'.join(sorted(kinds))} are not removed one by one"
        others = len(going) - 1
        taken = f", with {others} more that need{'s' * (others == 1)} it" if others else ""
        return Change(
            kind="removal",
            subject=package.name if kinds == {"deb"} else f"{package.name} ({package.type})",
            summary=f"remove {package.name} {package.version}{taken}",
            removed=tuple(going),
            files=tuple(sorted(set(files))),
            reason="nothing that the image starts can come to use it",
        )

    def _places(self, package: Package) -> list[str]:
        """The fewest paths that hold all files of a package, and no others; none where that cannot be told."""
        if package.owned_by:
            return []
        own = set(self.owned.get(package.purl, ()))
        for place in package.locations:
            if folder := folder_of(place.path):
                own.update(path for path in self._files if path == folder or path.startswith(f"{folder}/"))
        if not own or any(path in self._now.kept for path in own if self._files[path].type != "dir"):
            return []
        others = {path for path, file in self._files.items() if path not in own and file.type != "dir"}
        shared = {folder for path in others for folder in _folders(path)}
        places = {next((folder for folder in _folders(path) if folder not in shared), path) for path in own}
        return sorted(place for place in places if _is_writable(place))

    def _of_files(self, finding: Finding) -> Iterator[Change]:
        for path in self.paths_of(finding):
            yield from self.changes_of_file(self._files[path])

    def changes_of_file(self, file: FileRecord) -> Iterator[Change]:
        """What may be done about a file: bits away, or the file itself if no package brought it and nothing uses it."""
        if not self.runs or not _is_writable(file.path) or file.type not in ("file", "dir", "symlink"):
            return
        if file.type != "symlink" and file.mode & _SETID:
            own = "who starts it keeps his own rights: some programs need more"
            shared = "files that are made there get the group of who makes them"
            yield _mode(file, _SETID, "setuid and setgid", shared if file.type == "dir" else own)
        if file.type != "symlink" and file.mode & _OTHERS_WRITE and not file.mode & _STICKY:
            yield _mode(file, _OTHERS_WRITE, "world-writable", "what writes there as another user cannot any more")
        if file.type != "dir" and not file.owner and file.path not in self._now.kept:
            yield Change(
                kind="file",
                subject=f"{file.path} (delete)",
                summary=f"delete {file.path}",
                files=(FileChange(file.path),),
                reason="nothing that the image starts can come to use it",
            )


def _order(change: Change) -> tuple[str, bool, str]:
    """The order of changes: of two that mend as much the first is taken, a mode before a deletion."""
    return change.kind, any(not file.clears for file in change.files), change.subject


def _mode(file: FileRecord, clears: int, bits: str, caution: str) -> Change:
    return Change(
        kind="file",
        subject=f"{file.path} ({bits})",
        summary=f"take the {bits} bit{'s' * ('and' in bits)} from {file.path}",
        files=(FileChange(file.path, clears),),
        caution=caution,
    )


def _folders(path: str) -> Iterator[str]:
    """The folders above a path, the topmost first, but the root."""
    at = path.find("/", 1)
    while at >= 0:
        yield path[:at]
        at = path.find("/", at + 1)


def _is_writable(path: str) -> bool:
    """Whether a path can be written into a Dockerfile so that it means itself to every builder: no line end, no here-document."""
    return path.isprintable() and "<<" not in path and "\\" not in path and path != "/"


def _way(reach: PackageReach) -> str:
    return f"{reach.witness[-1].path} {reach.witness[-1].why}" if reach.witness else reach.reason or "a way leads to it"


def _dependants(inventory: Inventory) -> dict[str, list[str]]:
    """Who needs each package."""
    needs = dependencies_of(relation for relation in inventory.relations or () if relation.kind != "development")
    found: dict[str, list[str]] = {}
    for dependent, dependencies in needs.items():
        for dependency in dependencies:
            found.setdefault(dependency, []).append(dependent)
    return found
