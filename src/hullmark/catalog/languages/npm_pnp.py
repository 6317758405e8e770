"""npm packages that yarn installed without node_modules: .pnp.cjs, .pnp.js and .pnp.data.json (Yarn's "PnP Specification")."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.declared import Ecosystem, Listing, PackageCollector, packages
from hullmark.catalog.documents import JSON_LIMIT, json_beginning, json_object, text_of
from hullmark.catalog.locks.npm import is_name, is_version, name_parts
from hullmark.catalog.view import View
from hullmark.model.late import late
from hullmark.model.package import Package
from hullmark.rootfs.reads import Read, Report

_NAME = "npm-pnp"
_REFERENCE = late(r"(?:virtual:[0-9a-f]{1,128}#)?npm:(?:(@?[^@\s]{1,214})@)?([^:#\s]{1,256})(?:::.*)?").fullmatch
_LOCAL = late(r"(?:virtual:[0-9a-f]{1,128}#)?(?:workspace|link|portal|file):").match
_STATE = late(r"RAW_RUNTIME_STATE\s*=\s*'").search
_SETUP = late(r"hydrateRuntimeState\(\s*(?=\{)").search
_ESCAPE = late(r"\\(\n|.)", 16)


def extract(path: str, body: memoryview, report: Report) -> Listing | None:
    """The packages of the registry that stands in the file."""
    found = json_object(body, report) if path.endswith(".json") else _extract_state(text_of(body), report)
    if found is None:
        return None
    registry = found.get("packageRegistryData")
    if not isinstance(registry, list):
        report("it has no packageRegistryData")
        return None
    gathering = PackageCollector(is_name, is_version)
    for entry in registry:
        name, versions = entry if isinstance(entry, list) and len(entry) == 2 else (None, None)
        if not isinstance(versions, list):
            gathering.refuse(entry)
        elif name is not None:
            _gather(name, versions, gathering)
    return gathering.finish(report)


def _gather(name: object, versions: list[Any], gathering: PackageCollector) -> None:
    for entry in versions:
        reference = entry[0] if isinstance(entry, list) and entry else None
        chosen = _REFERENCE(reference) if isinstance(reference, str) else None
        if chosen:
            gathering.add(chosen[1] or name, chosen[2])
        elif not isinstance(reference, str):
            gathering.refuse(f"{name} {reference}")
        elif not _LOCAL(reference):
            gathering.add(name, None)  # from an archive or a repository: its own version is not known


def _extract_state(text: str, report: Report) -> dict[str, Any] | None:
    """The state in the script: a text of JSON in quotes, or an object."""
    state, setup = _STATE(text), _SETUP(text)
    if state is not None:
        end = text.find("';\n", state.end())
        text = _ESCAPE.sub(lambda escape: "" if escape[1] == "\n" else escape[1], text[state.end() : max(end, 0)])
        start = 0
    elif setup is not None:
        start = setup.end()
    else:
        report("it is not a script of Plug'n'Play")
        return None
    return json_beginning(text, start, report)


_NPM = Ecosystem(type="npm", cataloger=_NAME, parted=name_parts)


def assemble(view: View) -> Iterator[Package]:
    """What the scripts let programs import."""
    return packages(view, (PNP,), _NPM)


PNP: Read[Listing] = Read(
    name="npm-pnp",
    fact=Listing,
    extract=extract,
    globs=("**/.pnp.cjs", "**/.pnp.js", "**/.pnp.data.json"),
    limit=JSON_LIMIT,
)
CATALOGER = Cataloger(name=_NAME, types=("npm",), reads=(PNP,), assemble=assemble)
