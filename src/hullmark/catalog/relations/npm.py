"""npm packages: a name is looked for in the node_modules of the package's own folder, then of each folder above (Node.js, "Loading from
node_modules folders").

Ranges are not compared: Node loads what lies nearest, and `npm ls` shows that, if need be as invalid.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from hullmark.catalog.languages.npm import PACKAGE_JSON, DependencyLists, folder_of
from hullmark.catalog.relations.resolver import Resolver, Scene
from hullmark.model.limit import Limit
from hullmark.model.relation import Relation, RelationKind

_MAX_DEPTH = Limit(128, "folders above a package in which npm packages are looked for", "shortened")
_IN_MODULES = "node_modules/"


def relate(scene: Scene) -> Iterator[Relation]:
    """The relations of each package that has a package.json."""
    purls = {
        folder_of(place.path[1:]): package.purl
        for package in scene.packages
        if package.cataloger == "npm"
        for place in package.locations
    }
    modules: dict[str, bool] = {}
    for found in scene.view.facts(PACKAGE_JSON):
        folder = folder_of(found.path)
        if found.fact.needs is None or folder not in purls:
            continue
        for name, kind in _list_needs(found.fact.needs, is_installed=_IN_MODULES in f"{folder}/"):
            purl = _nearest(name, folder, purls, modules, scene)
            if purl is not None:
                yield Relation(purls[folder], purl, kind)


def _list_needs(needs: DependencyLists, *, is_installed: bool) -> Iterator[tuple[str, RelationKind]]:
    """Each name with how much it is needed. Only of a project, not of what is installed, npm installs what its developers need."""
    meta = _object(needs.peers_meta)
    optional = _object(needs.optional)
    for name in _object(needs.needed):
        yield name, "optional" if name in optional else "depends-on"
    for name in optional:
        yield name, "optional"
    for name in _object(needs.peers):
        about = meta.get(name)
        yield name, "optional" if isinstance(about, dict) and about.get("optional") is True else "depends-on"
    if not is_installed:
        for name in _object(needs.development):
            yield name, "development"


def _object(raw: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(raw) if raw else {}
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return {}
    return found if isinstance(found, dict) else {}


def _nearest(name: str, folder: str, purls: Mapping[str, str], modules: dict[str, bool], scene: Scene) -> str | None:
    """The package that is found under a name. `modules` remembers which folders have a node_modules."""
    above = folder
    for _ in range(_MAX_DEPTH):
        if not above.endswith("node_modules"):
            scene.steps.take()
            inside = f"{above}/{_IN_MODULES}" if above else _IN_MODULES
            place = inside + name
            if place in purls:
                return purls[place]
            if inside not in modules:
                modules[inside] = scene.view.exists(inside.rstrip("/"))
            real = scene.view.resolve(place) if modules[inside] else None  # pnpm, and workspaces, have links there
            if real is not None:
                return purls.get(real)
        if not above:
            return None
        above = above.rpartition("/")[0]
    return None


RESOLVER = Resolver(cataloger="npm", relate=relate)
