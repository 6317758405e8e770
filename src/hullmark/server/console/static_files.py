"""The console's own styles and scripts, and the assets of others, under addresses that change with their content."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

from litestar import Response, get
from litestar.params import FromPath

from hullmark.server.api.problems import not_found

_FOLDER = Path(__file__).parent / "static"
_TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".txt": "text/plain",
}
PREFIX = "/console/static"


@lru_cache(1)
def _files() -> dict[str, Path]:
    """Every file that is served, by its path below static/."""
    found = (path for path in _FOLDER.rglob("*") if path.suffix in _TYPES and path.is_file())
    return {path.relative_to(_FOLDER).as_posix(): path for path in found}


@lru_cache(1)
def version() -> str:
    """A word that changes with the content of any of the files."""
    whole = hashlib.blake2b(digest_size=8)
    for name, path in sorted(_files().items()):
        whole.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return whole.hexdigest()


def static_url(name: str) -> str:
    """The address of a file below static/. All share one version, so that modules find each other by relative addresses."""
    return f"{PREFIX}/{version()}/{name}"


@get(f"{PREFIX}/{{stamp:str}}/{{name:path}}", opt={"public": True}, include_in_schema=False, sync_to_thread=False)
def static_file(stamp: FromPath[str], name: FromPath[str]) -> Response[bytes]:
    """A file, which a browser may keep for ever when it was asked for by the version that it has."""
    path = _files().get(str(name).lstrip("/"))
    if path is None:
        raise not_found("file of this name")
    headers: dict[str, Any] = {
        "Cache-Control": "public, max-age=31536000, immutable" if stamp == version() else "no-cache",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    return Response(_content(path), media_type=f"{_TYPES[path.suffix]}; charset=utf-8", headers=headers)


@lru_cache(256)
def _content(path: Path) -> bytes:
    return path.read_bytes()


ROUTES = [static_file]
