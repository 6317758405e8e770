"""Flatpaks: flatpak/{app,runtime}/ID/ARCH/BRANCH/COMMIT/metadata and the AppStream file beside it (Flatpak's documentation)."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.documents import XML_LIMIT, Element, text_of, xml_root
from hullmark.catalog.view import View
from hullmark.model.late import late
from hullmark.model.package import UNKNOWN_VERSION, Location, Package
from hullmark.model.purl import make_purl
from hullmark.rootfs.reads import MIB, LocatedFact, Read, Report

_PLACE = late(
    r"((?:.*/)?flatpak/(app|runtime)/([A-Za-z0-9_.-]{1,255})/([A-Za-z0-9_]{1,32})/([A-Za-z0-9_.-]{1,128})/[^/]{1,128})/.*"
).fullmatch
_IS_KEYS = late(r"^\[(?:Application|Runtime)\]\s*$", 8).search
_RUNTIME = late(r"^runtime=([^\n]{1,512})$", 8).search
_IS_VERSION = late(r"[0-9A-Za-z][0-9A-Za-z.+_~-]{0,127}").fullmatch


class Release(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The newest release that an AppStream file names, and its licence."""

    version: str
    license: str = ""


def extract_keys(path: str, body: memoryview, report: Report) -> str | None:
    """The runtime that an application needs ("": none); None for files of other programs."""
    text = text_of(body)
    if not _IS_KEYS(text):
        return None
    runtime = _RUNTIME(text)
    return runtime[1].strip() if runtime else ""


def extract_appstream(path: str, body: memoryview, report: Report) -> Release | None:
    """The first release, which is the newest."""
    root = xml_root(body, report)
    if root is None:
        return None
    version, licence = "", ""
    for child in root:
        if child.tag == "project_license":
            licence = (child.text or "").strip()[:512]
        elif child.tag == "releases":
            version = _first(child)
    return Release(version, licence)


def _first(releases: Element) -> str:
    version = next((entry.attrib.get("version", "") for entry in releases if entry.tag == "release"), "")
    return version if _IS_VERSION(version) else ""


KEYS = Read(
    name="flatpak-metadata",
    fact=str,
    globs=("**/flatpak/app/*/*/*/*/metadata", "**/flatpak/runtime/*/*/*/*/metadata"),
    extract=extract_keys,
    limit=MIB,
)
APPSTREAM = Read(
    name="flatpak-appstream",
    fact=Release,
    globs=(
        "**/flatpak/app/*/*/*/*/files/share/metainfo/*.xml",
        "**/flatpak/app/*/*/*/*/files/share/appdata/*.xml",
    ),
    extract=extract_appstream,
    limit=XML_LIMIT,
)


def _releases(view: View) -> dict[str, LocatedFact[Release]]:
    """Folder of a flatpak → what its own AppStream file says; that of an add-on has another name."""
    found: dict[str, LocatedFact[Release]] = {}
    for fact in view.facts(APPSTREAM):
        place = _PLACE(fact.path)
        if place and fact.path.rpartition("/")[2].startswith(f"{place[3]}."):
            found[place[1]] = fact
    return found


def assemble(view: View) -> Iterator[Package]:
    """One package a flatpak. A runtime is known by its branch; of an application without a release the version is not known."""
    releases = _releases(view)
    for keys in view.facts(KEYS):
        place = _PLACE(keys.path)
        if place is None:
            view.problem(keys.path, "the folders around it are not named as flatpak names those of an application")
            continue
        release = releases.get(place[1])
        version = release.fact.version if release else place[5] if place[2] == "runtime" else ""
        notes = {"branch": place[5], "runtime": keys.fact}
        yield Package(
            type="flatpak",
            name=place[3],
            version=version or UNKNOWN_VERSION,
            purl=make_purl("flatpak", place[3], version, qualifiers={"arch": place[4], "branch": place[5]}),
            cataloger="flatpak",
            arch=place[4],
            licenses=(release.fact.license,) if release and release.fact.license else (),
            locations=(Location(f"/{keys.path}", keys.layer),),
            notes={key: value for key, value in notes.items() if value},
        )


CATALOGER = Cataloger(name="flatpak", types=("flatpak",), reads=(KEYS, APPSTREAM), assemble=assemble)
