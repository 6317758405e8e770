"""Where documents of feeds come from: their upstreams, a mirror's address, or a folder that is laid out like one."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple, Protocol
from urllib.parse import unquote, urlsplit

from hullmark.advisories.database.shelf import KeptDocument, Shelf
from hullmark.advisories.feeds.feed import Get
from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.net.documents import DocumentRequest, download
from hullmark.net.http import Client

DOCUMENT_LIMIT = Limit(4 << 30, "bytes of one document of a feed", "refused")
_COMPRESSED = ("", ".gz", ".xz", ".zst", ".bz2")
_HOST = re.compile(r"[A-Za-z0-9.-]+(?::\d+)?").fullmatch

Progress = Callable[[int, int], None]


class FetchContext(NamedTuple):
    """Where a document is kept: on which shelf, for which feed, and the moment of this run (RFC 3339)."""

    shelf: Shelf
    feed: str
    now: str


class Origin(Protocol):
    """Fetches documents. `may_lack`: that a document is not there is no failure; `is_upstream`: it asks the upstreams themselves."""

    may_lack: bool
    is_upstream: bool

    def fetch(
        self, place: FetchContext, get: Get, kept: KeptDocument | None, progress: Progress
    ) -> KeptDocument | None:
        """The document, kept on the shelf; the one that is kept if it has not changed; None if there is none.

        Raises HullmarkError where that cannot be told.
        """


def name_of(get: Get) -> str:
    """What a document is kept under: its URL, and for an answer to a posted body which body."""
    return f"{get.url}#{hashlib.sha256(get.json).hexdigest()[:16]}" if get.json else get.url


def place_of(url: str) -> str:
    """`HOST/PATH` of an upstream's URL, without its query: where a mirror has it (`index.html` for a folder).

    Raises HullmarkError for what names nothing below the mirror.
    """
    parts = urlsplit(url)
    path = unquote(parts.path).lstrip("/")
    path += "index.html" if path.endswith("/") else ""
    if not _HOST(parts.netloc) or not path or any(part in ("", ".", "..") for part in path.split("/")):
        raise HullmarkError(f"{url[:200]!r} names no document", advice="please report it")
    return f"{parts.netloc}/{path}"


class Upstreams:
    """The upstreams, or a mirror in front of them: `MIRROR/HOST/PATH` stands for `https://HOST/PATH`."""

    def __init__(self, client: Client, mirror: str = "", token: Callable[[str], str] | None = None) -> None:
        self._client = client
        self._mirror = mirror.rstrip("/")
        self._token = token or (lambda feed: "")
        self.is_upstream = not mirror
        self.may_lack = bool(mirror)

    def fetch(
        self, place: FetchContext, get: Get, kept: KeptDocument | None, progress: Progress
    ) -> KeptDocument | None:
        """See Origin."""
        if kept is not None and not place.shelf.has(place.feed, kept):
            kept = None
        for url in self._addresses(get):
            target = place.shelf.partial(place.feed, f"{url} {name_of(get)}")
            token = self._token(place.feed) if self.is_upstream else ""
            wanted = DocumentRequest(
                url=url,
                etag=kept.etag if kept else "",
                last_modified=kept.last_modified if kept else "",
                json=get.json,
                headers={"Authorization": f"Bearer {token}"} if token else None,
            )
            answer = download(self._client, wanted, target, DOCUMENT_LIMIT, progress)
            if answer.status == "unchanged":
                return kept
            if answer.status == "fetched":
                validators = {"etag": answer.etag, "last_modified": answer.last_modified}
                return place.shelf.keep(place.feed, target, url=name_of(get), fetched_at=place.now, **validators)
        return None

    def _addresses(self, get: Get) -> list[str]:
        if not self._mirror:
            return [get.url]
        return [
            f"{self._mirror}/{at}{ending}" for at in _places(get) for ending in (_COMPRESSED if not get.json else ("",))
        ]


def _places(get: Get) -> list[str]:
    return [place_of(get.url), *([place_of(f"https://{get.also_at}")] if get.also_at else [])]


class Folder:
    """A folder in which `HOST/PATH` stands for `https://HOST/PATH`, also compressed or, where a feed says so, dated."""

    may_lack = True
    is_upstream = False

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise HullmarkError(
                f"{folder} is not a folder", advice="give the folder that holds HOST/PATH as upstreams serve them"
            )
        self._folder = folder

    def fetch(
        self, place: FetchContext, get: Get, kept: KeptDocument | None, progress: Progress
    ) -> KeptDocument | None:
        """See Origin."""
        found = self._find(get)
        if found is None:
            return None
        size = found.stat().st_size
        if size > DOCUMENT_LIMIT:
            raise HullmarkError(f"{found} is larger than {DOCUMENT_LIMIT >> 30} GiB", advice="check the folder")
        target = place.shelf.partial(place.feed, name_of(get))
        shutil.copyfile(found, target)
        progress(size, size)
        return place.shelf.keep(place.feed, target, url=name_of(get), fetched_at=place.now)

    def _find(self, get: Get) -> Path | None:
        for place in _places(get):
            path = self._folder / place
            for ending in _COMPRESSED:
                if (candidate := path.with_name(path.name + ending)).is_file():
                    return candidate
            if get.or_latest and path.parent.is_dir():
                dated = sorted(entry.name for entry in path.parent.iterdir() if fnmatchcase(entry.name, get.or_latest))
                if dated:
                    return path.parent / dated[-1]
        return None
