"""npm ls in every folder that has a node_modules folder and does not lie in one."""

from __future__ import annotations

from pathlib import Path

from bench.native.answer import Item, Oracle, inside, real, run, walk


def ask(root: Path) -> list[Item]:
    """What npm sees installed, extraneous and invalid ones too; the place is that of package.json."""
    return [item for project in projects(root) for item in _listed(root, project)]


def projects(root: Path) -> list[Path]:
    """The folders to ask in."""
    found = []
    for folder, folders, _ in walk(root):
        if "node_modules" in folders:
            found.append(folder)
            folders.remove("node_modules")
    return found


def _listed(root: Path, project: Path) -> list[Item]:
    command = ["npm", "ls", "--all", "--parseable", "--long", "--prefix", str(project)]
    # A tree that differs from what the package asks for is status 1; the list is complete all the same.
    lines = run(command, environment={"npm_config_update_notifier": "false"}, statuses=(0, 1)).splitlines()
    items = []
    for line in lines:
        folder, _, rest = line.partition(":")
        name, _, version = rest.split(":")[0].rpartition("@")
        if (Path(folder) / "package.json").is_file() and name:
            items.append(Item(name, version, real(root, inside(root, folder)) + "/package.json"))
    return items


ORACLE = Oracle("npm", "npm ls", ask)
