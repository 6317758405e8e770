"""The tags of repositories, asked of a real registry, and of ones that misbehave."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from hullmark.model.errors import HullmarkError
from hullmark.model.reference import Reference
from hullmark.source import ImageNotFound, SourceOptions
from hullmark.source.distribution import Session, sessions_for
from hullmark.source.tag_list import all_tags
from tests.service.anchore_world import World, running_registry
from tests.support.images import Blobs
from tests.support.registry import Canned, FakeRegistry

TAGS = ["1", "1.0", "2", "latest", "z"]


def session_with(host: str, repository: str) -> Session:
    _, sessions = sessions_for(Reference(host, repository), SourceOptions(insecure=True, auth_files=()))
    return sessions[-1]


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    """A registry with one repository, `shop/seller`."""
    with tempfile.TemporaryDirectory(prefix="hullmark-registry-") as name, running_registry(Path(name)) as host:
        for tag in TAGS:
            World(0, host, Path(name), None).push(f"shop/seller:{tag}")
        yield host


@pytest.mark.parametrize("page_size", [1, 2, 5, 1000])
def test_every_tag_is_found_however_many_come_at_a_time(host: str, page_size: int) -> None:
    assert all_tags(session_with(host, "shop/seller"), page_size) == TAGS


def test_a_repository_that_is_not_there(host: str) -> None:
    with pytest.raises(ImageNotFound):
        all_tags(session_with(host, "shop/nothing"))


def answered(*answers: Canned) -> list[str]:
    with FakeRegistry(Blobs(), answers=list(answers)).running() as registry:
        return all_tags(session_with(registry.host, "shop"))


def test_a_registry_that_names_the_same_page_for_ever_is_asked_no_more() -> None:
    link = {"Link": '</v2/shop/tags/list?n=1000&last=a>; rel="next"'}
    page = (200, link, json.dumps({"name": "shop", "tags": ["a"]}).encode())
    assert answered(page, page, page) == ["a"]


def test_a_link_to_another_host_is_not_followed() -> None:
    away = {"Link": '<https://elsewhere.example/v2/other/tags/list?last=a>; rel="next"'}
    first = (200, away, b'{"tags": ["a"]}')
    assert answered(first, (200, {}, b'{"tags": ["b"]}')) == ["a", "b"]


@pytest.mark.parametrize("body", [b"", b"[]", b'{"tags": 7}', b'{"tags": [7]}', b"\xff"])
def test_what_is_no_list_of_tags(body: bytes) -> None:
    with pytest.raises(HullmarkError, match="no list of tags"):
        answered((200, {}, body))


def test_a_list_without_tags_is_empty() -> None:
    assert answered((200, {}, b'{"tags": null}')) == []


def test_lists_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hullmark.source.tag_list.MOST_TAGS", 3)
    assert len(answered((200, {}, json.dumps({"tags": [str(number) for number in range(9)]}).encode()))) == 3
    with pytest.raises(HullmarkError, match="too long"):
        answered((200, {}, b'{"tags": ["' + b"a" * (5 << 20) + b'"]}'))
