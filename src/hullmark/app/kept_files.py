"""The content of an image's files, secrets masked: from what is kept, and from the layers only for what is not."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from hullmark.facets.facet import Facet, FacetView
from hullmark.facets.kept import KEPT
from hullmark.scanning.request import ScanRequest, ScanResources
from hullmark.scanning.take import take
from hullmark.source import SourceOptions


class FileContent(msgspec.Struct, frozen=True, kw_only=True):
    """One file: the path that was asked for, the real one once links are followed ("": there is none), its content or why there is none."""

    path: str
    real: str = ""
    body: bytes | None = None
    reason: str = ""


def read_files(
    reference: str, paths: Sequence[str], resources: ScanResources, options: SourceOptions
) -> list[FileContent]:
    """The files at these absolute paths. Raises HullmarkError where the image cannot be read."""
    kept = kept_facet(paths)
    scanned = take(reference, ScanRequest(facets=(kept,)), resources, options)
    found: list[FileContent] = scanned.facets[kept.name]
    missing = sorted({file.real for file in found if file.real and file.body is None})
    if not missing:
        return found
    globs = tuple(_literal(path.lstrip("/")) for path in missing)
    contents = take(reference, ScanRequest(contents=globs), resources, options).contents
    return [_with_content(file, contents) for file in found]


def kept_facet(paths: Sequence[str]) -> Facet:
    """What is kept of the content of the files at these absolute paths, as a list of FileContent."""

    def assemble(view: FacetView) -> list[FileContent]:
        return [_look(view, path) for path in paths]

    return Facet(name="kept", reads=(KEPT,), assemble=assemble)


def _look(view: FacetView, path: str) -> FileContent:
    real = view.resolve(path.lstrip("/"))
    if real is None:
        return FileContent(path=path, reason="there is no such file")
    entry = view.entry(path)
    if entry is None or entry.kind not in "fh":
        return FileContent(path=path, reason="it is not a regular file")
    found = view.fact_at(KEPT, path)
    if entry.size == 0:
        return FileContent(path=path, real="/" + real, body=b"")
    return FileContent(path=path, real="/" + real, body=found.fact.body if found is not None else None)


def _with_content(file: FileContent, contents: dict[str, bytes]) -> FileContent:
    if file.body is not None or not file.real:
        return file
    body = contents.get(file.real)
    reason = "" if body is not None else "it is too large to print, an archive, or could not be read"
    return msgspec.structs.replace(file, body=body, reason=reason)


def _literal(path: str) -> str:
    """A path as a glob that fits it alone."""
    return "".join(f"[{c}]" if c in "*?[{" else c for c in path)
