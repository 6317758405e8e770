"""Snaps: meta/snap.yaml of an unpacked one, and the files snapd/snaps/NAME_REVISION.snap (Snapcraft's documentation, "The snap format")."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.documents import text_of, yaml_documents
from hullmark.catalog.presence import presence
from hullmark.catalog.view import View
from hullmark.model.late import late
from hullmark.model.package import UNKNOWN_VERSION, Location, Package
from hullmark.model.purl import make_purl
from hullmark.rootfs.reads import MIB, Read, Remark, Report

_IS_NAME = late(r"[a-z0-9](?:[a-z0-9-]{0,60}[a-z0-9])?").fullmatch
_IS_VERSION = late(r"[A-Za-z0-9](?:[A-Za-z0-9:.+~-]{0,126}[A-Za-z0-9+~])?").fullmatch
_IS_SNAP = late(r"^(?:name|summary|base|apps|confinement)\s*:", 8).search
_FILE = late(r"(?:.*/)?snaps/([a-z0-9][a-z0-9-]{0,61})_(x?\d{1,9})\.snap").fullmatch


class Snap(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a snap.yaml says."""

    name: str
    version: str
    license: str = ""
    base: str = ""


def extract_meta(path: str, body: memoryview, report: Report) -> Snap | None:
    """Name, version, licence and base."""
    if not _IS_SNAP(text_of(body)):
        return None
    for document in yaml_documents(body, report):
        name, version = document.get("name"), document.get("version")
        if isinstance(name, str) and _IS_NAME(name):
            sound = version if isinstance(version, str) and _IS_VERSION(version) else ""
            texts = (value[:128] if isinstance(value, str) else "" for value in map(document.get, ("license", "base")))
            return Snap(name, sound, *texts)
    report("the snap has no name that can be used")
    return None


META = Read(name="snap-meta", fact=Snap, globs=("**/meta/snap.yaml",), extract=extract_meta, limit=MIB)
FILE = presence("snap-file", "**/snapd/snaps/*.snap")


def assemble(view: View) -> Iterator[Package]:
    """One package a snap. What is inside a packed one is not seen."""
    for found in view.facts(META):
        fact = found.fact
        yield Package(
            type="snap",
            name=fact.name,
            version=fact.version or UNKNOWN_VERSION,
            purl=make_purl("snap", fact.name, fact.version),
            cataloger="snap",
            licenses=(fact.license,) if fact.license else (),
            locations=(Location(f"/{found.path}", found.layer),),
            notes={"base": fact.base} if fact.base else {},
        )
    for packed in view.facts(FILE):
        view.problem(packed.path, Remark("the snap is packed, and what is in it was not read", "unseen"))
        named = _FILE(packed.path)
        if named is None:
            continue
        yield Package(
            type="snap",
            name=named[1],
            version=UNKNOWN_VERSION,
            purl=make_purl("snap", named[1], qualifiers={"revision": named[2]}),
            cataloger="snap",
            locations=(Location(f"/{packed.path}", packed.layer),),
            notes={"revision": named[2]},
        )


CATALOGER = Cataloger(name="snap", types=("snap",), reads=(META, FILE), assemble=assemble)
