"""Changes as a Dockerfile makes them. What an image, a repository or a policy says may not begin an instruction of its own: each word
is quoted for the shell, and what cannot be written in one line was left out before."""

from __future__ import annotations

import json
import shlex
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from hullmark.model.image import ImageConfig
from hullmark.model.remedy import Change
from hullmark.model.upkeep import PackageUpdate

_APT = (
    "apt-get update",
    "DEBIAN_FRONTEND=noninteractive apt-get install --yes --only-upgrade --no-install-recommends -o Dpkg::Options::=--force-confold",
    "apt-get clean",
    "rm -rf /var/lib/apt/lists/*",
)
_RPM = {
    "dnf5": ("dnf5 upgrade --assumeyes", "dnf5 clean all"),
    "dnf": ("dnf upgrade --assumeyes", "dnf clean all"),
    "yum": ("yum update --assumeyes", "yum clean all"),
    "microdnf": ("microdnf update --assumeyes", "microdnf clean all"),
    "tdnf": ("tdnf update --assumeyes", "tdnf clean all"),
    "zypper": ("zypper --non-interactive update", "zypper clean --all"),
}
"""How each package manager brings the newest version of packages, and forgets what it fetched."""
_BITS = {0o6000: "ug-s", 0o002: "o-w"}
"""Bits that are cleared, in the words of chmod(1): as a number it would leave those of folders."""
_SHELL = ("/bin/sh", "-c")
_ROOT = frozenset(("", "root", "0"))


class Instruction(NamedTuple):
    """An instruction: its keyword, and its words as they are written (`\\n` where a line goes on in the next)."""

    keyword: str
    words: str

    @property
    def created_by(self) -> str:
        """As an image's history tells it, in the words of docker's and podman's builders."""
        words = self.words.replace("\\\n", "")
        return f"/bin/sh -c {words}" if self.keyword == "RUN" else f"/bin/sh -c #(nop) {self.keyword} {words}"


def instructions_of(changes: Sequence[Change], config: ImageConfig | None) -> tuple[Instruction, ...]:
    """What makes the changes, over the image that has these settings. The base is not among them."""
    user = config.user if config is not None else ""
    settings = [Instruction(*change.setting) for change in changes if change.setting is not None]
    commands = list(_commands(changes))
    run: list[Instruction] = []
    if commands:
        is_root = user.partition(":")[0] in _ROOT
        run = [Instruction("RUN", _run(commands, config))]
        if not is_root:
            run.insert(0, Instruction("USER", "0"))
            if not any(setting.keyword == "USER" for setting in settings):
                run.append(Instruction("USER", user.replace("$", "\\$")))
    return (*run, *settings)


def can_be_restored(config: ImageConfig | None) -> bool:
    """Whether the image's own user can be written down, so that instructions may run as root before."""
    return config is None or (config.user.isprintable() and "\\" not in config.user and config.user[:1] != "-")


def dockerfile_of(base: str, instructions: Sequence[Instruction]) -> str:
    """A Dockerfile that makes the changes over an image, or over what stands in `base`: a Dockerfile whose end this is."""
    head = base if base.endswith("\n") else f"FROM {base}\n"
    return head + "".join(f"{instruction.keyword} {instruction.words}\n" for instruction in instructions)


def _run(commands: Sequence[str], config: ImageConfig | None) -> str:
    if config is not None and config.shell and config.shell != _SHELL:
        return json.dumps([*_SHELL, " && ".join(commands)])
    return " && \\\n    ".join(commands)


def _commands(changes: Sequence[Change]) -> Iterator[str]:
    """The commands, in an order in which none takes away what a later one needs."""
    removed = {package.purl: package for change in changes for package in change.removed}
    updates = {
        update.installed.purl: update
        for change in changes
        for update in change.updates
        if update.installed.purl not in removed
    }
    tools = {change.tool for change in changes if change.updates}
    yield from _updating([updates[purl] for purl in sorted(updates)], tools)
    files = sorted({file for change in changes for file in change.files}, key=lambda file: (file.path, file.clears))
    for file in files:
        for bits, words in _BITS.items():
            if file.clears & bits:
                yield f"chmod {words} {shlex.quote(file.path)}"
    gone = [shlex.quote(file.path) for file in files if not file.clears]
    if gone:
        yield f"rm -rf {' '.join(gone)}"
    debs = sorted({package.name for package in removed.values() if package.type == "deb"})
    if debs:
        yield f"dpkg --purge {' '.join(debs)}"


def _updating(updates: Sequence[PackageUpdate], tools: Collection[str]) -> Iterator[str]:
    debs = [
        f"{update.installed.name}={update.candidate.version}" for update in updates if update.installed.type == "deb"
    ]
    if debs:
        update, install, *clean = _APT
        yield from (update, " ".join((install, *sorted(debs))), *clean)
    apks = [update.installed.name for update in updates if update.installed.type == "apk"]
    if apks:
        yield f"apk upgrade --no-cache {' '.join(sorted(apks))}"
    rpms = {update.installed.name for update in updates if update.installed.type == "rpm"}
    for tool in sorted(_RPM.keys() & set(tools)) if rpms else ():
        upgrade, forget = _RPM[tool]
        yield from (f"{upgrade} {' '.join(sorted(rpms))}", forget)
