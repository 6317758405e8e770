"""The host below an engine: the kernel, the engine and the runtime that keep containers apart, and what is known to be wrong with them.

Where the host's own packages can be read they are matched, since distributions mend without new version numbers. What comes from no package
is matched by the version that the engine tells, as the Go module that it is built of.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from hullmark.advisories.match.advisory_source import AdvisorySource
from hullmark.app.vulns import MatchOptions, match_inventory
from hullmark.isolation.escapes import Part, is_escape
from hullmark.isolation.fields import Fields, InvalidWorkload
from hullmark.model.errors import HullmarkError
from hullmark.model.inventory import Inventory, InventorySource
from hullmark.model.limit import Limit
from hullmark.model.match import Match
from hullmark.model.package import Package
from hullmark.model.place import PlaceEvent
from hullmark.places.runtime.host import UNTOLD, HostState
from hullmark.scanning.request import ScanRequest, ScanResources
from hullmark.scanning.scan import scan_folder

_DATABASES = (
    *("etc/os-release", "usr/lib/os-release", "etc/debian_version", "etc/redhat-release", "etc/alpine-release"),
    *("var/lib/dpkg/status", "usr/lib/apk/db/installed", "lib/apk/db/installed"),
    *("var/lib/rpm/rpmdb.sqlite", "var/lib/rpm/Packages.db", "var/lib/rpm/Packages"),
    *("usr/lib/sysimage/rpm/rpmdb.sqlite", "usr/lib/sysimage/rpm/Packages.db", "usr/lib/sysimage/rpm/Packages"),
)
_LARGEST_DATABASE = Limit(512 << 20, "bytes of a host's database of packages", "unseen")
_KERNEL = re.compile(r"linux-(?:image|modules)-|kernel(?:-core|-default|-uek(?:-core)?)?$|linux-(?:lts|virt)$").match
_PACKAGES: Mapping[str, str] = {
    **dict.fromkeys(("docker.io", "docker-ce", "docker", "moby-engine", "docker-engine"), "docker"),
    **dict.fromkeys(("containerd", "containerd.io", "moby-containerd"), "containerd"),
    **dict.fromkeys(("cri-o", "crio"), "cri-o"),
    **dict.fromkeys(("runc", "moby-runc", "runc-ee"), "runc"),
    "podman": "podman",
    "crun": "crun",
}
"""The packages of what keeps containers apart, by the part's name."""
_MODULES = {
    "docker": ("github.com/docker/docker", 99),  # its tags have never followed Go's rule for major versions
    "podman": ("github.com/containers/podman", 2),
    "containerd": ("github.com/containerd/containerd", 2),
    "runc": ("github.com/opencontainers/runc", 99),
}
"""The Go module of a part, and the major version from which on its name holds that."""
_COMPONENTS = (
    ("runc", "runc"),
    ("crun", "crun"),
    ("containerd", "containerd"),
    ("podman", "podman"),
    ("engine", "docker"),
)
_RUNTIMES = ("runc", "crun")
_VERSION = re.compile(r"v?(\d+\.\d+(?:\.\d+)?(?:-(?:rc|beta|alpha)[.\d]+)?)(?P<more>[~+].*)?").search
_OPTIONS = {
    "userns": "user namespaces",
    "seccomp": "seccomp",
    "apparmor": "AppArmor",
    "selinux": "SELinux",
    "rootless": "rootless",
}


@dataclass(frozen=True, slots=True)
class HostLook:
    """How a host is looked at. `root`: where its file system is (None: it cannot be read); `at` is now."""

    root: Path | None
    advisories: AdvisorySource | None
    at: datetime

    def __call__(self, version: Mapping[str, Any], info: Mapping[str, Any]) -> HostState:
        """The state of a host, of what its engine says of itself."""
        parts = parts_of(version, info)
        events = [self._event("set-up", f"{_format_parts(parts)}; {set_up(info)}")]
        if self.advisories is None:
            words = "there are no advisories here: whether the kernel, the engine or the runtime has a known escape cannot be told"
            return HostState(None, (*events, self._event(UNTOLD, words)))
        inventory = _inventory(self.root) if self.root is not None else None
        found = _find_packages(inventory, parts) if inventory is not None else {}
        by_version = {name: package for name, package in _list_go_modules(parts) if name not in found}
        escapes: set[str] = set()
        for name, package in {**found, **by_version}.items():
            matches = self._matches(inventory, package, is_owned=name in found)
            part: Part = "kernel" if name == "kernel" else _part(name)
            ways = [match for match in matches if is_escape(match, part)]
            escapes |= {match.advisory.cve or match.advisory.id for match in ways}
            events += [self._event(name, _sentence(package, match)) for match in ways]
            if matches:
                events.append(self._event(name, _summarise_matches(package, matches)))
        untold = sorted(name for name in parts if name not in found and name not in by_version)
        if untold:
            words = f"whether {', '.join(untold)} has a known escape cannot be told: no package of it was found"
            events.append(self._event(UNTOLD, words))
        return HostState(tuple(sorted(escapes)) if escapes or not untold else None, tuple(events))

    def _matches(self, inventory: Inventory | None, package: Package, *, is_owned: bool) -> tuple[Match, ...]:
        assert self.advisories is not None  # noqa: S101 - the caller asked
        base = inventory or _EMPTY
        asked = msgspec.structs.replace(base, packages=(package,), distro=base.distro if is_owned else None)
        found = match_inventory(asked, self.advisories, MatchOptions(at=self.at.date().isoformat()))
        return tuple(match for match in found.matches if match.suppressed is None)

    def _event(self, subject: str, summary: str) -> PlaceEvent:
        return PlaceEvent(kind="host", subject=subject, summary=summary, at=self.at)


_EMPTY = Inventory(
    source=InventorySource(kind="dir", reference="dir:the host", digest="", config_digest="", platform="", layers=()),
    distro=None,
    packages=(),
    problems=(),
)


def parts_of(version: Mapping[str, Any], info: Mapping[str, Any]) -> dict[str, str]:
    """The parts of a host that keep containers apart, with their versions as the engine tells them."""
    found = {"kernel": ""}
    try:
        found["kernel"] = Fields(info, "info").text("KernelVersion") or Fields(version, "version").text("KernelVersion")
        for component in Fields(version, "version").parts("Components"):
            name = component.text("Name").lower()
            known = next((part for word, part in _COMPONENTS if word in name), None)
            if known is not None and known not in found:
                text = component.text("Version")
                told = _VERSION(text)
                found[known] = told[0].rstrip() if told else " ".join(text.split())[:50]
    except InvalidWorkload:
        return found
    return found


def set_up(info: Mapping[str, Any]) -> str:
    """How the engine keeps containers apart unless they ask for something else, in words."""
    try:
        fields = Fields(info, "info")
        options = {}
        for option in fields.texts("SecurityOptions"):
            words = dict(word.partition("=")[::2] for word in option.split(","))
            options[words.get("name", option)] = words.get("profile", "")
        shown = [
            f"{words}: {(options[name] or 'on') if name in options else 'off'}" for name, words in _OPTIONS.items()
        ]
        shown.append(f"cgroup version: {fields.scalar('CgroupVersion') or 'not told'}")
        restored = fields.flag("LiveRestoreEnabled")
    except InvalidWorkload:
        return "the engine does not say how it is set up"
    shown.append(f"live restore: {'not told' if restored is None else 'on' if restored else 'off'}")
    return ", ".join(shown)


def _format_parts(parts: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version or '(version not told)'}" for name, version in parts.items())


def _part(name: str) -> Part:
    return "runtime" if name in _RUNTIMES else "engine"


def _inventory(root: Path) -> Inventory | None:
    """What the host's databases of packages say; None where there are none, or they cannot be read."""
    with TemporaryDirectory(prefix="hullmark-host-") as name:
        folder = Path(name)
        for path in _DATABASES:
            _copy(root / path, folder / path)
        try:
            inventory = scan_folder(name, "dir:the host", ScanRequest(), ScanResources()).inventory
        except HullmarkError:
            return None
    return inventory if inventory.packages else None


def _copy(source: Path, target: Path) -> None:
    """Copy a regular file, if it is there and not too large."""
    try:
        if source.is_file() and source.stat().st_size <= _LARGEST_DATABASE:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    except OSError:
        target.unlink(missing_ok=True)


def _find_packages(inventory: Inventory, parts: Mapping[str, str]) -> dict[str, Package]:
    """The packages of the parts that are in use, by the part's name. A runtime counts too where the engine does not tell which it uses.

    A part that runs in another version than its package's is not the package's.
    """
    found: dict[str, Package] = {}
    tells_runtime = any(name in parts for name in _RUNTIMES)
    for package in inventory.packages:
        name = _PACKAGES.get(package.name, "")
        if name and (name in parts or (name in _RUNTIMES and not tells_runtime)):
            if _upstream(package.version).startswith(parts.get(name, "")):
                found.setdefault(name, package)
        elif parts["kernel"] and _KERNEL(package.name) and _is_running(package, parts["kernel"]):
            found.setdefault("kernel", package)
    return found


def _upstream(version: str) -> str:
    return version.rpartition(":")[2]


def _is_running(package: Package, kernel: str) -> bool:
    """Whether this is the package of the kernel that runs: Debian's names its release, rpm's release is its version."""
    version = _upstream(package.version)
    return package.name.endswith(f"-{kernel}") or kernel.startswith(f"{version}.") or kernel == version


def _list_go_modules(parts: Mapping[str, str]) -> Iterator[tuple[str, Package]]:
    """The parts that were built of an upstream release, as the Go modules that they are. A distribution's build is not one."""
    for name, text in parts.items():
        found = _VERSION(text)
        module = _MODULES.get(name)
        if module is not None and found is not None and not found["more"]:
            version, (name_of, first) = f"v{found[1]}", module
            major = int(found[1].partition(".")[0])
            path = f"{name_of}/v{major}" if major >= first else name_of
            yield (
                name,
                Package(
                    type="golang",
                    name=path,
                    version=version,
                    purl=f"pkg:golang/{path}@{version}",
                    cataloger="engine",
                ),
            )


def _sentence(package: Package, match: Match) -> str:
    fix = f"; fixed in {match.fix.version}" if match.fix.version else "; there is no fix yet"
    id = match.advisory.cve or match.advisory.id
    return f"{package.name} {package.version} has a known way out of containers: {id}{fix}"


def _summarise_matches(package: Package, matches: tuple[Match, ...]) -> str:
    rank = ("critical", "high", "medium", "low", "negligible", "unknown")
    worst = min(
        (match.advisory.severity for match in matches), key=lambda word: rank.index(word) if word in rank else 9
    )
    return f"{package.name} {package.version} has known vulnerabilities: {len(matches)}, the worst of them {worst}"
