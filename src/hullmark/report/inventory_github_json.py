"""A snapshot of dependencies as GitHub takes it (REST API, "Dependency submission"), so that its alerts know the image's packages.

The commit, the branch and the job come from the variables that GitHub sets in a workflow; elsewhere they are empty, to be filled in by
whoever sends it.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from hullmark.catalog.relations.graph import tops
from hullmark.model.inventory import Inventory
from hullmark.model.package import Package
from hullmark.model.relation import dependencies_of
from hullmark.report.documents import EPOCH, encode, moment
from hullmark.report.format import Format, RenderContext

Json = dict[str, Any]

_PAGE = "https://hullmark.invalid"


def render(inventory: Inventory, context: RenderContext) -> bytes:
    """The snapshot as one line: a manifest for each file that lists several packages, and for all others of a type together."""
    relations = inventory.relations or ()
    needs = dependencies_of(relations)
    direct = set(tops((package.purl for package in inventory.packages), relations))
    manifests: dict[str, Json] = {}
    shared = Counter(package.locations[0].path for package in inventory.packages if package.locations)
    for package in inventory.packages:
        if not package.purl:
            continue
        path = package.locations[0].path if package.locations else ""
        path = path if shared[path] > 1 else ""
        name = f"{inventory.source.reference}:{path or package.type}"
        manifest = manifests.setdefault(name, {"name": name, "resolved": {}})
        if path:
            manifest["file"] = {"source_location": path.lstrip("/")}
        manifest["resolved"][package.purl] = _build_package(
            package, needs.get(package.purl, []), package.purl in direct
        )
    return encode(
        {
            "version": 0,
            "job": {"id": context.variables.get("GITHUB_RUN_ID", ""), "correlator": _correlator(context)},
            "sha": context.variables.get("GITHUB_SHA", ""),
            "ref": context.variables.get("GITHUB_REF", ""),
            "detector": {"name": "hullmark", "version": context.tool_version, "url": _PAGE},
            "scanned": moment(context.timestamp) or EPOCH,
            "manifests": manifests,
        }
    )


def _build_package(package: Package, needs: list[str], is_direct: bool) -> Json:
    return {
        "package_url": package.purl,
        "relationship": "direct" if is_direct else "indirect",
        "scope": "runtime",
        "dependencies": needs,
    }


def _correlator(context: RenderContext) -> str:
    """What tells GitHub which later snapshot replaces this one: the workflow and the job in it."""
    return "_".join(filter(None, (context.variables.get(name, "") for name in ("GITHUB_WORKFLOW", "GITHUB_JOB"))))


FORMAT = Format(
    kind="inventory",
    name="github-json",
    media_type="application/json",
    file_name="dependencies.json",
    render=render,
    is_single=True,
    tells_relations=True,
)
