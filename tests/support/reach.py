"""Images to be walked, made in a test: files by path, with modes and links, as a scan would hand them over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from hullmark.catalog.languages.java_reading import JarFact, read_tree
from hullmark.catalog.systems import dpkg
from hullmark.facets.kept import KeptContent, keep
from hullmark.model.image import ImageConfig
from hullmark.model.inventory import FileRecord, Inventory, InventorySource
from hullmark.model.package import Package
from hullmark.model.problem import Problem
from hullmark.model.reach import Minimality
from hullmark.model.setting import Setting
from hullmark.reach import code, elf
from hullmark.reach.analysis import ReachRequest, minimality
from hullmark.reach.java_code import JavaCode, java_code
from hullmark.reach.observed import ObservedPaths
from hullmark.reach.scene import ReachFacts
from hullmark.reach.syscalls import SyscallFacts

SOURCE = InventorySource(
    kind="oci-dir", reference="made", digest="", config_digest="", platform="linux/amd64", layers=()
)


def package(name: str) -> Package:
    """A Debian package of this name."""
    return Package(type="deb", name=name, version="1", purl=f"pkg:deb/debian/{name}@1", cataloger=dpkg.CATALOGER.name)


def walked(
    files: Mapping[str, bytes],
    command: Sequence[str] = (),
    *,
    links: Mapping[str, str] | None = None,
    owners: Mapping[str, str] | None = None,
    env: Sequence[str] = (),
    folder: str = "/",
    settings: Sequence[Setting] = (),
    roots: Sequence[str] = (),
    why: Sequence[str] = (),
    code_facts: Mapping[str, code.CodeFacts] | None = None,
    kept: Mapping[str, KeptContent] | None = None,
    problems: Sequence[Problem] = (),
    observed: ObservedPaths | None = None,
    changes: Mapping[str, Mapping[str, Any]] | None = None,
    syscalls: Mapping[str, SyscallFacts] | None = None,
    packages: Sequence[Package] = (),
    **config: Any,
) -> Minimality:
    """What is reached in an image that holds these files; those that are programs or scripts may be run. `owners` are names of packages
    by path, `packages` are further
    ones, `changes` what is otherwise about files and folders: mode, uid, gid, capability; `config` are more settings of the image."""
    owners = {path: f"pkg:deb/debian/{name}@1" for path, name in (owners or {}).items()}
    records = [_record(path, body, owners.get(path)) for path, body in files.items()]
    records += [_link(path, target) for path, target in (links or {}).items()]
    records += [replace(_record(path, b"", None), type="dir") for path in changes or {} if path not in files]
    records = [replace(record, **(changes or {}).get(record.path, {})) for record in records]
    inventory = Inventory(
        source=SOURCE,
        distro=None,
        packages=(
            *(package(name) for name in sorted({purl.split("/")[2][:-2] for purl in owners.values()})),
            *packages,
        ),
        problems=tuple(problems),
        config=ImageConfig(cmd=tuple(command), env=tuple(env), working_dir=folder, **config),
        files=tuple(sorted(records, key=lambda record: record.path)),
        relations=(),
    )
    facts = _facts(files, inventory, settings)
    facts = replace(
        facts, code={**facts.code, **(code_facts or {})}, kept={**facts.kept, **(kept or {})}, syscalls=syscalls
    )
    return minimality(inventory, facts, ReachRequest(roots=tuple(roots), why=tuple(why), observed=observed))


def _facts(files: Mapping[str, bytes], inventory: Inventory, settings: Sequence[Setting]) -> ReachFacts:
    found = {path: code.facts_of(path, body) for path, body in files.items()}
    kept = {path: keep(path, memoryview(body), print) for path, body in files.items() if body.startswith(b"#!")}
    kept |= {path: KeptContent(body) for path, body in files.items() if path.startswith("/etc/")}
    return ReachFacts(
        elves={path: elf.facts_of(memoryview(body)) for path, body in files.items() if body.startswith(b"\x7fELF")},
        code={path: facts for path, facts in found.items() if facts is not None},
        texts={path: body.decode() for path, body in files.items() if path.endswith((".json", ".cfg", ".pth", ".txt"))},
        kept=kept,
        ld_cache={},
        archives={path: fact for path, body in files.items() if (fact := _archive(path, body)) is not None},
        java={path: found_java for path, body in files.items() if (found_java := _java(path, body)) is not None},
        settings=settings,
        config=inventory.config,
    )


def _archive(path: str, body: bytes) -> JarFact | None:
    return read_tree(memoryview(body), path, print) if body.startswith(b"PK") else None


def _java(path: str, body: bytes) -> JavaCode | None:
    return java_code(path, memoryview(body), print) if body.startswith((b"PK", b"\xca\xfe")) else None


def _record(path: str, body: bytes, owner: str | None) -> FileRecord:
    mode = 0o755 if body.startswith((b"#!", b"\x7fELF")) else 0o644
    return FileRecord(
        path=path,
        type="file",
        mode=mode,
        uid=0,
        gid=0,
        size=len(body),
        sha256="",
        link="",
        layer=0,
        owner=owner,
        state="ok",
    )


def _link(path: str, target: str) -> FileRecord:
    return FileRecord(
        path=path,
        type="symlink",
        mode=0o777,
        uid=0,
        gid=0,
        size=0,
        sha256="",
        link=target,
        layer=0,
        owner=None,
        state="ok",
    )


def reach_of(found: Minimality) -> dict[str, str]:
    """The verdict on each executable."""
    return {program.path: program.reach for program in found.programs}
