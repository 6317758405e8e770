"""How many records the real files are known to hold, and what feeds do with damage whatever they read."""

from __future__ import annotations

import json

from hullmark.advisories.feeds.feed import Document, Feed
from hullmark.model.advisory import Advisory
from tests.support.advisories import Bytes, document
from tests.support.places import shared
from tests.unit.advisories.feeds.reading import advisories, read


def manifest_count(*parts: str) -> int:
    """What the manifest says of the file `HOST/PATH`."""
    manifest = json.loads(shared("advisories", "MANIFEST.json").read_text())
    (count,) = [source["count"] for source in manifest["sources"] if source["file"] == "www/" + "/".join(parts)]
    assert isinstance(count, int)
    return count


def real(feed: Feed, *parts: str) -> dict[str, Advisory]:
    """The advisories of a real file by id: none of it may be reported."""
    return advisories(feed, document(*parts))


def check_any_bytes(feed: Feed, url: str, data: bytes) -> None:
    """Whatever the bytes are, reading them ends, and the same again."""
    first, second = read(feed, Bytes(url, data)), read(feed, Bytes(url, data))
    assert first == second


def check_damaged_document(feed: Feed, good: Document) -> None:
    """A document that is damaged makes the feed fail, whatever is beside it."""
    assert read(feed, good)[0]
    bad = Bytes("https://damaged.example/x", b"\x1f\x8bnonsense")
    for documents in ((bad, good), (good, bad)):
        records, problems = read(feed, *documents)
        assert not records
        assert problems[0][0] == bad.url
