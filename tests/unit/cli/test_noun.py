"""Nouns of a server: what a table says is what is asked of the server, and how its answer reads."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from typing import Any

import pytest

from hullmark.cli.remote import connection
from hullmark.cli.remote.noun import Noun, field, listing, name_field, removing, sending, showing
from hullmark.cli.remote.shown import time_of

ONE = name_field("the thing")
NOUN = Noun(
    "thing",
    "things",
    {
        "list": listing(
            "list things",
            "/things",
            (("THING", "name"),),
            "no thing",
            (field("--old-ones", "also the old ones", sent="old", action="store_true"),),
            {"old_ones": ("ENDED", time_of("ended_at"))},
        ),
        "show": showing("show a thing", "/things/{name}", ONE),
        "add": sending(
            "make a thing", "POST", "/things", (field("name", "its name"), field("--size", "how large")), "{name} made"
        ),
        "open": sending("open a thing", "PATCH", "/things/{name}", (ONE,), lambda each: each["name"], {"open": True}),
        "remove": removing("remove a thing", "/things/{name}", ONE, "removed", "{removed} removed"),
    },
)


class Server:
    """Says what it was asked, and answers that there is one thing."""

    def __init__(self) -> None:
        self.asked: list[tuple[object, ...]] = []

    def json(self, method: str, path: str, document: object = None) -> dict[str, str] | None:
        self.asked.append((method, path, document))
        return None if method == "DELETE" else {"name": "a\x1bb", "ended_at": "2026-03-01T12:00:00.5Z"}

    def get(self, path: str) -> Any:
        return self.json("GET", path)

    def pages(self, path: str, query: dict[str, Any], most: int | None) -> Iterator[Any]:
        self.asked.append((path, query, most))
        yield {"name": "a\x1bb", "ended_at": "2026-03-01T12:00:00.5Z"}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    found = Server()
    monkeypatch.setattr(connection, "connect", lambda arguments: found)
    return found


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    parser = argparse.ArgumentParser()
    NOUN.add_arguments(parser)
    assert NOUN.run(parser.parse_args(words)) == 0
    return capsys.readouterr().out


def test_a_list_is_asked_for_with_its_filters_and_shows_more_where_one_is_given(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(capsys, "list").splitlines() == ["THING", "a\\x1bb"]
    assert "ENDED" in said(capsys, "list", "--old-ones", "--limit", "3")
    assert server.asked == [("/things", {"old": None}, None), ("/things", {"old": True}, 3)]


def test_a_name_is_one_part_of_a_path_whatever_stands_in_it(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "show", "../{x}")
    assert said(capsys, "remove", "../{x}") == "../{x} removed\n"
    assert server.asked == [("GET", "/things/..%2F%7Bx%7D", None), ("DELETE", "/things/..%2F%7Bx%7D", None)]


def test_what_is_sent_is_what_the_fields_are_called_or_what_the_table_says(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(capsys, "add", "n", "--size", "3") == "a\\x1bb made\n"
    assert said(capsys, "open", "n") == "a\\x1bb\n"
    assert server.asked == [
        ("POST", "/things", {"name": "n", "size": "3"}),
        ("PATCH", "/things/n", {"open": True}),
    ]


def test_programs_get_the_answer_as_it_is(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(said(capsys, "add", "n", "-o", "json"))["name"] == "a\x1bb"
    assert json.loads(said(capsys, "remove", "n", "-o", "json")) == {"removed": "n"}
