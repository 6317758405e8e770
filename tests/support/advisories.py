"""The real advisory data that lies beside the repository, unpacked once for a test run; and documents made of bytes."""

from __future__ import annotations

import fcntl
import functools
import hashlib
import io
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from hullmark.advisories.feeds.feed import CrawlState, Document, Feed
from hullmark.app.origins import place_of
from tests.support.places import REPOSITORY, shared

_UNPACK = Path(__file__).with_name("unpack_advisories.py")


@functools.cache
def advisory_files() -> Path:
    """The folder that holds `HOST/PATH` as the upstreams serve them; the test is skipped where the data is absent.

    It is unpacked once, by whichever test process comes first, and kept for later runs.
    """
    packed = shared("advisories")
    state = hashlib.sha256((packed / "MANIFEST.json").read_bytes()).hexdigest()[:16]
    folder = REPOSITORY / "var" / "advisories" / state
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            partial = folder.with_suffix(".partial")
            shutil.rmtree(partial, ignore_errors=True)
            shutil.copytree(packed, partial, copy_function=shutil.copyfile)
            for each in (partial, *partial.rglob("*")):
                each.chmod(0o755 if each.is_dir() else 0o644)
            subprocess.run([sys.executable, _UNPACK, partial / "pack.py"], check=True, capture_output=True)
            partial.rename(folder)
    return folder / "www"


@dataclass(frozen=True)
class Bytes:
    """A document in memory."""

    url: str
    data: bytes

    def open(self) -> BinaryIO:
        """Its bytes, from the beginning."""
        return io.BytesIO(self.data)


@dataclass(frozen=True)
class OnDisk:
    """A document that is a file."""

    url: str
    path: Path

    def open(self) -> BinaryIO:
        """Its bytes, from the beginning."""
        return self.path.open("rb")


def document(*parts: str) -> OnDisk:
    """The document at this place of the real data, as `document("vuln.go.dev", "vulndb.zip")`."""
    return OnDisk("https://" + "/".join(parts), advisory_files().joinpath(*parts))


def sample(archive: str, ending: str) -> Bytes:
    """The one member of a sample archive (`amazon`, `suse` …) whose name ends so."""
    with tarfile.open(advisory_files() / "samples" / f"{archive}.tar.gz") as tar:
        (found,) = [member for member in tar if member.name.endswith(ending)]
        stream = tar.extractfile(found)
        assert stream is not None
        return Bytes(f"https://samples.example/{found.name}", stream.read())


def crawled(feed: Feed) -> list[Document]:
    """The documents of the real data that a feed asks for, as an update from this folder fetches them."""
    root = advisory_files()
    found: list[Document] = []
    crawl = feed.crawl(CrawlState(now="2026-11-24T00:00:00Z"))
    get = next(crawl, None)
    while get is not None:
        path = root / place_of(get.url)
        known = [each for ending in ("", ".gz") if (each := path.with_name(path.name + ending)).is_file()]
        document = OnDisk(get.url, known[0]) if known else None
        if document is not None:
            found.append(document)
        try:
            get = crawl.send(document)
        except StopIteration:
            get = None
    return found
