"""Installed conda packages: conda-meta/*.json of each environment (conda's documentation, "Package metadata"; PrefixRecord)."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.documents import Table, json_object
from hullmark.catalog.view import View
from hullmark.model.late import late
from hullmark.model.limit import Limit
from hullmark.model.package import Location, OwnedFile, Package
from hullmark.model.purl import make_purl
from hullmark.rootfs.reads import MIB, LocatedFact, Read, Remark, Report

_RECORD_LIMIT = Limit(64 * MIB, "bytes of the record of one conda package")
_IS_NAME = late(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}").fullmatch
_IS_VERSION = late(r"[A-Za-z0-9_][A-Za-z0-9_.!+*]{0,127}").fullmatch
_IS_SHA256 = late(r"[0-9a-f]{64}").fullmatch
_LOGIN = late(r"(?<=://)[^/@\s]*@")
_TOKEN = late(r"/t/[^/]+/")


class Record(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a record says. `files` are paths below the environment, `digests` their SHA-256 in the same order ("": not told)."""

    name: str
    version: str
    build: str
    channel: str
    subdir: str
    kind: str
    license: str
    files: tuple[str, ...]
    digests: tuple[str, ...]


def extract(path: str, body: memoryview, report: Report) -> Record | None:
    """The fields of a record; `history` and the like have other names."""
    found = json_object(body, report)
    if found is None:
        return None
    name, version = _text(found, "name"), _text(found, "version")
    if not _IS_NAME(name) or not _IS_VERSION(version):
        report("the record of conda has no name and version that can be used")
        return None
    files = found.get("files")
    names = tuple(file for file in files if isinstance(file, str)) if isinstance(files, list) else ()
    known = _digests(found)
    kind = next((end for end in ("conda", "tar.bz2") if _text(found, "fn").endswith(f".{end}")), "")
    channel = _TOKEN.sub("/", _LOGIN.sub("", _text(found, "channel")))
    return Record(
        name,
        version,
        _text(found, "build"),
        channel.rstrip("/").removesuffix(f"/{_text(found, 'subdir')}").rpartition("/")[2],
        _text(found, "subdir"),
        kind,
        _text(found, "license"),
        names,
        tuple(known.get(name, "") for name in names),
    )


def _text(found: Table, key: str) -> str:
    value = found.get(key)
    return value[:1024] if isinstance(value, str) else ""


def _digests(found: Table) -> dict[str, str]:
    """Path → SHA-256 of what stands in the environment: prefixes in texts were replaced when it was installed."""
    data = found.get("paths_data")
    paths = data.get("paths") if isinstance(data, dict) else None
    known: dict[str, str] = {}
    for entry in paths if isinstance(paths, list) else ():
        if isinstance(entry, dict):
            place, digest = entry.get("_path"), entry.get("sha256_in_prefix") or entry.get("sha256")
            if isinstance(place, str) and isinstance(digest, str) and _IS_SHA256(digest):
                known[place] = digest
    return known


RECORD = Read(name="conda-record", fact=Record, globs=("**/conda-meta/*.json",), extract=extract, limit=_RECORD_LIMIT)


def _purl(fact: Record) -> str:
    qualifiers = {"build": fact.build, "channel": fact.channel, "subdir": fact.subdir, "type": fact.kind}
    return make_purl("conda", fact.name, fact.version, qualifiers=qualifiers)


def assemble(view: View) -> Iterator[Package]:
    """One package a record."""
    for found in view.facts(RECORD):
        fact = found.fact
        yield Package(
            type="conda",
            name=fact.name,
            version=fact.version,
            purl=_purl(fact),
            cataloger="conda",
            licenses=(fact.license,) if fact.license else (),
            locations=(Location(f"/{found.path}", found.layer),),
            notes={key: value for key, value in (("build", fact.build), ("channel", fact.channel)) if value},
        )


def _claims(found: LocatedFact[Record]) -> Iterator[OwnedFile | None]:
    prefix, owner = found.path.rpartition("/conda-meta/")[0], _purl(found.fact)
    for name, digest in zip(found.fact.files, found.fact.digests, strict=True):
        if "\0" in name or name.startswith("/") or ".." in name.split("/") or not name.strip("/."):
            yield None
        else:
            path = f"{prefix}/{name}" if prefix else name
            # Compiled copies come and go with the interpreter.
            is_ghost = name.endswith((".pyc", ".pyo"))
            yield OwnedFile(path, owner, "sha256" if digest else "", digest, ghost=is_ghost)


def list_owned_files(view: View) -> Iterator[OwnedFile]:
    """The files that each record lists."""
    for found in view.facts(RECORD):
        bad = 0
        for file in _claims(found):
            if file is not None:
                yield file
            else:
                bad += 1
        if bad:
            view.problem(found.path, Remark(f"files that the record lists and that cannot be used: {bad}"))


CATALOGER = Cataloger(
    name="conda", types=("conda",), reads=(RECORD,), assemble=assemble, owned=list_owned_files, system=True
)
