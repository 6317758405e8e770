"""Conda: its lock files, and its environment.yml (conda's documentation, "Creating an environment file manually"): what it pins, and what
pip installs beside it.

A single `=` is a beginning of versions in conda (`python=3.10` is any 3.10), and the version itself in what `conda env export --no-builds`
writes. It is taken for a version where the file was exported (it has a `prefix`) or the version has three parts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.declared import Listing, PackageCollector, is_others, package, packages
from hullmark.catalog.documents import YAML_LIMIT, yaml_documents
from hullmark.catalog.locks.conda_locks import CONDA, NAME, PYPI, READS, lock_package, place_of
from hullmark.catalog.locks.python import read_requirements
from hullmark.catalog.view import View
from hullmark.model.late import late
from hullmark.model.package import Package
from hullmark.rootfs.reads import Read, Remark, Report

_SHOWN = 5
_WHOLE_DOTS = 2
_IS_NAME = late(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}").fullmatch
_IS_VERSION = late(r"[A-Za-z0-9_][A-Za-z0-9_.!+-]{0,127}").fullmatch
_SPEC = late(
    r"(?:(?P<channel>[^\s\[\]=]{1,512}?)::)?(?P<name>[A-Za-z0-9_][A-Za-z0-9_.-]{0,254})\s*(?P<rest>[\s=<>!~\[*].*)?"
).fullmatch
_PIN = late(
    r"(?P<operator>={0,2})\s*(?P<version>[A-Za-z0-9_][A-Za-z0-9_.!+-]{0,127})"
    r"(?:(?:\s*=\s*|\s+)(?P<build>[A-Za-z0-9_.*]{1,128}))?"
).fullmatch


class Environment(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What one file pins: packages of conda, and those of pip."""

    conda: Listing = ()
    pip: Listing = ()


def extract(path: str, body: memoryview, report: Report) -> Environment | None:
    """The pinned packages; None for the many other files of that name."""
    if b"dependencies" not in bytes(body):
        return None
    conda: list[str] = []
    pip: list[str] = []
    is_export = False
    gathering = PackageCollector(_IS_NAME, _IS_VERSION)
    for document in yaml_documents(body, report):
        entries = document.get("dependencies")
        is_export = is_export or bool(document.get("prefix"))
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, str):
                conda.append(entry)
            elif (requirements := _pip_of(entry)) is not None:
                pip += requirements
            else:
                gathering.refuse(entry)
    _gather(conda, gathering, report, is_export=is_export)
    found = Environment(gathering.finish(report) or (), read_requirements(pip, report) or ())
    return found if found.conda or found.pip else None


def _pip_of(entry: Any) -> list[str] | None:
    """The requirements of an entry `pip:`; None if it is another one."""
    if not isinstance(entry, dict) or set(entry) != {"pip"}:
        return None
    listed = entry["pip"] or []
    is_list = isinstance(listed, list) and all(isinstance(requirement, str) for requirement in listed)
    return listed if is_list else None


def _gather(specs: list[str], gathering: PackageCollector, report: Report, *, is_export: bool) -> None:
    unpinned: dict[str, None] = {}
    count = 0
    for spec in specs:
        found = _SPEC(spec.partition("#")[0].strip())
        if found is None:
            gathering.refuse(spec)
            continue
        pin = _PIN((found["rest"] or "").strip())
        if pin is not None and _is_exact(pin["operator"], pin["version"], pin["build"], is_export=is_export):
            build = "" if "*" in (pin["build"] or "") else pin["build"] or ""
            places = place_of(found["channel"] or "")
            gathering.add(found["name"].lower(), pin["version"], qualifiers=(("build", build), *places))
            continue
        count += 1
        if len(unpinned) < _SHOWN:
            unpinned[found["name"]] = None
    if count:
        more = " …" if count > len(unpinned) else ""
        reason = f"entries that name no exact version were left out: {count:,} ({', '.join(unpinned)}{more})"
        report(Remark(reason, "unidentified"))


def _is_exact(operator: str, version: str, build: str | None, *, is_export: bool) -> bool:
    """Whether a version is the whole one, not the beginning of several."""
    return operator != "=" or bool(build) or is_export or version.count(".") >= _WHOLE_DOTS


def assemble(view: View) -> Iterator[Package]:
    """What the files pin or have resolved; names of Python's packages as PEP 503 has them."""
    for found in view.facts(ENVIRONMENT):
        if not is_others(found.path):
            for listing, ecosystem in ((found.fact.conda, CONDA), (found.fact.pip, PYPI)):
                yield from (package(found, entry, ecosystem) for entry in listing)
    yield from packages(view, READS, lock_package)


ENVIRONMENT: Read[Environment] = Read(
    name="conda-environment",
    fact=Environment,
    extract=extract,
    globs=("**/environment.yml", "**/environment.yaml"),
    limit=YAML_LIMIT,
)
CATALOGER = Cataloger(name=NAME, types=("conda", "pypi"), reads=(ENVIRONMENT, *READS), assemble=assemble)
