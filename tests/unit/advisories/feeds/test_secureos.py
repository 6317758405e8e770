"""The secureos feed: a pointer and the secdb file that it names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.advisories.feeds.secureos import FEED
from tests.support.advisories import Bytes
from tests.unit.advisories.feeds.reading import advisories, crawled, gzipped, json_document, read, rows

HOST = "https://security.secureos.io/v1"
SECDB = {"packages": [{"pkg": {"name": "jq", "secfixes": {"1.7.1-r1": ["CVE-2015-8863"]}}}]}


def test_the_compressed_file_is_read_and_the_pointer_is_not() -> None:
    pointer = json_document(f"{HOST}/latest.json", {"latest_url": f"{HOST}/secdb.json.gz"})
    found = advisories(FEED, pointer, gzipped(json_document(f"{HOST}/secdb.json.gz", SECDB)))
    assert rows(found["CVE-2015-8863"]) == [("secureos:rolling", "jq", "affected", "fixed", ("1.7.1-r1",))]


@pytest.mark.parametrize(
    ("pointer", "url"),
    [
        (b'{"latest_url": "https://security.secureos.io/v2/x.json.gz"}', "https://security.secureos.io/v2/x.json.gz"),
        (b'{"latest_url": "https://elsewhere.example/x.json.gz"}', f"{HOST}/secdb.json.gz"),
        (b"no JSON", f"{HOST}/secdb.json.gz"),
        (None, f"{HOST}/secdb.json.gz"),
    ],
)
def test_the_pointer_is_followed_on_its_own_host_only(pointer: bytes | None, url: str) -> None:
    wanted = crawled(FEED, lambda get: Bytes(get.url, pointer) if pointer is not None else None)
    assert [get.url for get in wanted] == [f"{HOST}/latest.json", url]


@given(st.binary(max_size=100))
def test_any_bytes_are_read_or_reported(data: bytes) -> None:
    records, problems = read(FEED, Bytes(f"{HOST}/secdb.json.gz", data))
    assert not records
    assert problems or data.strip()
