"""Python's lock files: requirements files (pip's format of them), Pipfile.lock, poetry.lock, pdm.lock, uv.lock, pylock.toml (PEP 751);
and what a setup.py pins.

Of requirements only what is pinned to one version is a package. Pipfile.lock's develop is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.declared import Ecosystem, Listing, PackageCollector, packages, vcs_url
from hullmark.catalog.documents import JSON_LIMIT, TOML_LIMIT, Table, json_object, text_of, toml_table
from hullmark.catalog.view import View
from hullmark.model.late import late
from hullmark.model.limit import Limit
from hullmark.model.package import Package
from hullmark.rootfs.reads import Read, Remark, Report

_NAME = "python-lock"
_MAX_LINE = Limit(4096, "characters of one line of a requirements file", "shortened")
_SHOWN = 5

_SEPARATORS = late(r"[-_.]+")
_IS_NAME = late(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,254}[A-Za-z0-9])?").fullmatch
_IS_VERSION = late(r"[A-Za-z0-9][A-Za-z0-9._+!~-]{0,127}").fullmatch
_CONTINUED = late(r"\\\r?\n")
_EDITABLE = ("-e", "--editable")
_COMMENT = late(r"(?:^|\s)#.*")
_REQUIREMENT = late(
    r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]{0,254}[A-Za-z0-9])?)\s*(?:\[[^\]]*\])?\s*(?P<rest>(?:[=<>!~(;@]|\Z|\s-).*)",
    re.DOTALL,
).fullmatch
_CLAUSES = late(r"\(?\s*([^;@()#]*?)\s*(?:\s--?[a-z].*|[;@)#].*)?", re.DOTALL).fullmatch
_CLAUSE = late(r"(?P<operator>===|[=<>!~]=|[<>])\s*(?P<version>[^\s,;=<>~]+)").fullmatch
_BEGIN = late(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,254}[A-Za-z0-9])?").match
_LITERAL = late(r"""(["'])([^"'\\\n]{1,512})\1""")
_UV_GIT = late(r"([^?#]{1,1024})[^#]{0,1024}#([0-9a-f]{7,64})").fullmatch


def _gathering() -> PackageCollector:
    return PackageCollector(_IS_NAME, _IS_VERSION)


def normalise_name(name: str) -> str:
    """The name as PEP 503 has it."""
    return _SEPARATORS.sub("-", name).lower()


def _normal(name: object) -> object:
    """The same of what may not be a name."""
    return normalise_name(name) if isinstance(name, str) else name


def extract_requirements(path: str, body: memoryview, report: Report) -> Listing | None:
    """The pinned requirements. Other files that it names are not read through it."""
    return read_requirements(_CONTINUED.sub(" ", text_of(body)).splitlines(), report)


def read_requirements(lines: Iterable[str], report: Report) -> Listing | None:
    """The pinned requirements among the lines of a requirements file; None if there are none. How many are not pinned is reported."""
    gathering, unpinned, count = _gathering(), dict[str, None](), 0
    for line in lines:
        line = " ".join(_COMMENT.sub("", line.strip()[:_MAX_LINE]).split())
        is_editable = line.startswith(_EDITABLE)
        if not line or (line[0] == "-" and not is_editable):
            continue
        requirement = _REQUIREMENT(line)
        pin = "" if is_editable else _find_pinned_version(requirement["rest"]) if requirement else None
        if pin is None:
            gathering.refuse(line)
        elif pin and requirement:
            gathering.add(_normal(requirement["name"]), pin)
        else:
            count += 1
            if len(unpinned) < _SHOWN:
                unpinned[requirement["name"] if requirement else _EDITABLE[0]] = None
    if count:
        more = " …" if count > len(unpinned) else ""
        reason = f"requirements that name no exact version were left out: {count:,} ({', '.join(unpinned)}{more})"
        report(Remark(reason, "unidentified"))
    return gathering.finish(report)


def extract_setup(path: str, body: memoryview, report: Report) -> Listing | None:
    """The requirements that a setup.py pins in plain strings (`"flask==2.0"`). The code is not run: what else it asks for is not told."""
    text, gathering = text_of(body), _gathering()
    for found in _LITERAL.finditer(text):
        requirement = _REQUIREMENT(found[2].strip()) if "==" in found[2] else None
        if requirement and (pin := _find_pinned_version(requirement["rest"])):
            gathering.add(_normal(requirement["name"]), pin)
    if "install_requires" in text:
        report(Remark("what it requires by code, or without an exact version, was left out", "unidentified"))
    return gathering.finish(report)


def _find_pinned_version(rest: str) -> str | None:
    """The one version that a requirement allows, `==1.0` among its clauses; "" if it names none, None if it is no such thing."""
    text = _CLAUSES(rest)
    clauses = [_CLAUSE(clause.strip()) for clause in text[1].split(",")] if text and text[1] else []
    pins: set[str] = set()
    for clause in clauses:
        if clause is None:
            return None
        if clause["operator"] in ("==", "===") and not clause["version"].endswith("*"):
            pins.add(clause["version"])
    if text is None:
        return None
    return pins.pop() if len(pins) == 1 else ""


def extract_pipfile(path: str, body: memoryview, report: Report) -> Listing | None:
    """The packages of a Pipfile.lock's `default`, and of the groups besides it that are not `develop`."""
    lock = json_object(body, report)
    gathering = _gathering()
    for group, entries in (lock or {}).items():
        if group in ("_meta", "develop"):
            continue
        if not isinstance(entries, dict):
            report(f"its {group[:60]} is not an object")
            continue
        for name, entry in entries.items():
            if not isinstance(entry, dict):
                gathering.refuse(name)
            elif "path" not in entry:
                version = entry.get("version")
                version = version.removeprefix("===").removeprefix("==") if isinstance(version, str) else version
                gathering.add(_normal(name), version, qualifiers=vcs_url("git", entry.get("git"), entry.get("ref")))
    return gathering.finish(report)


def extract_toml(path: str, body: memoryview, report: Report) -> Listing | None:
    """The packages of a poetry.lock, pdm.lock or uv.lock (`package`) or of a pylock.toml (`packages`), of every group."""
    lock = toml_table(body, report)
    if lock is None:
        return None
    gathering = _gathering()
    key = "packages" if "packages" in lock else "package"
    entries = lock.get(key, [])
    if not isinstance(entries, list):
        report(f"its {key} is not a list")
        return None
    for entry in entries:
        if isinstance(entry, dict):
            gathering.add(
                _normal(entry.get("name")), entry.get("version"), qualifiers=_origin(entry), needs=_needs(entry)
            )
        else:
            gathering.refuse(entry)
    return gathering.finish(report)


def _needs(entry: Table) -> Iterator[str]:
    """poetry has a table of names, uv and pylock.toml lists of tables, pdm a list of requirements."""
    needs = entry.get("dependencies")
    for need in needs if isinstance(needs, list | dict) else ():
        if isinstance(need, dict):
            name, version = _normal(need.get("name")), need.get("version")
            yield f"{name}@{version}" if isinstance(version, str) else str(name)
        elif isinstance(need, str) and (found := _BEGIN(need)):
            yield str(_normal(found[0]))


def _origin(entry: Table) -> tuple[tuple[str, str], ...]:
    """The repository that a package is taken from, as each tool writes it."""
    source, vcs = entry.get("source"), entry.get("vcs")
    if isinstance(source, dict) and source.get("type") == "git":
        return vcs_url("git", source.get("url"), source.get("resolved_reference"))
    if isinstance(source, dict) and isinstance(source.get("git"), str):
        known = _UV_GIT(source["git"])
        return vcs_url("git", known[1], known[2]) if known else ()
    if isinstance(vcs, dict):
        return vcs_url("git", vcs.get("url"), vcs.get("commit-id")) if vcs.get("type") == "git" else ()
    return vcs_url("git", entry.get("git"), entry.get("revision"))


PYPI = Ecosystem(type="pypi", cataloger=_NAME)


def assemble(view: View) -> Iterator[Package]:
    """What the lock files outside installed packages name; names as PEP 503 has them."""
    return packages(view, (REQUIREMENTS, SETUP, PIPFILE_LOCK, TOML_LOCK), PYPI)


REQUIREMENTS: Read[Listing] = Read(
    name="python-requirements",
    fact=Listing,
    extract=extract_requirements,
    globs=("**/*requirements*.txt",),
    limit=TOML_LIMIT,
)
SETUP: Read[Listing] = Read(
    name="python-setup", fact=Listing, extract=extract_setup, globs=("**/setup.py",), limit=TOML_LIMIT
)
PIPFILE_LOCK: Read[Listing] = Read(
    name="python-pipfile-lock", fact=Listing, extract=extract_pipfile, globs=("**/Pipfile.lock",), limit=JSON_LIMIT
)
TOML_LOCK: Read[Listing] = Read(
    name="python-toml-lock",
    fact=Listing,
    extract=extract_toml,
    globs=("**/poetry.lock", "**/pdm.lock", "**/uv.lock", "**/*.py.lock", "**/pylock.toml", "**/pylock.*.toml"),
    limit=TOML_LIMIT,
)
CATALOGER = Cataloger(
    name=_NAME, types=("pypi",), reads=(REQUIREMENTS, SETUP, PIPFILE_LOCK, TOML_LOCK), assemble=assemble
)
