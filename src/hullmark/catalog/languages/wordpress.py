"""WordPress plugins: the header comment of wp-content/plugins/NAME/*.php (WordPress' Plugin Handbook, "Header Requirements")."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.view import View
from hullmark.model.late import late
from hullmark.model.package import Location, Package
from hullmark.model.purl import make_purl
from hullmark.rootfs.reads import Read, Report

TYPE = "wordpress-plugin"
_HEAD_BYTES = 8192  # as many as WordPress looks at
_HEADER = late(
    r"^[ \t/*#@]*(Plugin Name|Version|Author|Plugin URI|License):(.*)$", 2 | 8
)  # IGNORECASE and MULTILINE, as WordPress has it
_IS_VERSION = late(r"[0-9A-Za-z][0-9A-Za-z.+_ -]{0,63}").fullmatch


class Plugin(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a header says."""

    name: str
    version: str
    author: str = ""
    homepage: str = ""
    license: str = ""


class HeadSink:
    """Keeps the head of a file."""

    def __init__(self) -> None:
        self._head = bytearray()

    def write(self, piece: memoryview, /) -> None:
        """The next bytes of the file."""
        if len(self._head) < _HEAD_BYTES:
            self._head += piece[: _HEAD_BYTES - len(self._head)]

    def finish(self, report: Report, /) -> Plugin | None:
        """What the header says."""
        return extract("", memoryview(bytes(self._head)), report)


def extract(path: str, body: memoryview, report: Report) -> Plugin | None:
    """A plugin's name and version; a file that lacks one of them is another of its files."""
    fields: dict[str, str] = {}
    for field in _HEADER.finditer(bytes(body[:_HEAD_BYTES]).decode("utf-8", "replace").replace("\r", "\n")):
        value = field[2].partition("*/")[0].partition("?>")[0].strip()
        fields.setdefault(field[1].lower(), value[:256])
    name, version = fields.get("plugin name", ""), fields.get("version", "")
    if not name or not _IS_VERSION(version):
        return None
    return Plugin(name, version, *(fields.get(key, "") for key in ("author", "plugin uri", "license")))


PLUGIN = Read(
    name="wordpress-plugin",
    fact=Plugin,
    globs=("**/wp-content/plugins/*/*.php",),
    extract=extract,
    limit=_HEAD_BYTES,
    oversize=lambda size: HeadSink(),
)


def assemble(view: View) -> Iterator[Package]:
    """One package a header. The purl has the plugin's folder, by which WordPress and its advisories know it."""
    for found in view.facts(PLUGIN):
        fact = found.fact
        slug = found.path.rpartition("/")[0].rpartition("/")[2]
        notes = {"slug": slug, "author": fact.author, "homepage": fact.homepage}
        yield Package(
            type=TYPE,
            name=fact.name,
            version=fact.version,
            purl=make_purl(TYPE, slug, fact.version),
            cataloger="wordpress",
            licenses=(fact.license,) if fact.license else (),
            locations=(Location(f"/{found.path}", found.layer),),
            notes={key: value for key, value in notes.items() if value},
        )


CATALOGER = Cataloger(name="wordpress", types=(TYPE,), reads=(PLUGIN,), assemble=assemble)
