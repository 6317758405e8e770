"""What a server answers, as tables: they fit a terminal, nothing in them is cut, and a pipe gets lines as long as they need to be."""

from __future__ import annotations

import argparse
from typing import Any

import pytest

from hullmark.cli import rows
from hullmark.cli.remote import shown
from hullmark.cli.remote.event import _COLUMNS as EVENTS
from hullmark.cli.remote.image_look import IMAGE_COLUMNS

DIGEST = "sha256:" + "0123456789abcdef" * 4
NAME = "registry.example.com/team/" + "a-service-with-a-long-name/" * 5 + "shop:1.4.20261129"
IMAGES = [
    {
        "digest": DIGEST,
        "state": "analysed",
        "distro": "debian 13",
        "package_count": 120,
        "tags": [NAME],
        "reference": "",
    },
    {"digest": DIGEST, "state": "failed", "distro": "", "package_count": 0, "tags": [], "reference": "shop:2"},
]
EVENT = {
    "id": 7,
    "at": "2026-03-01T12:00:00.5Z",
    "kind": "image.analysed",
    "resource_type": "image",
    "resource": DIGEST,
    "body": {"reference": NAME, "packages": 120},
}
TABLE = argparse.Namespace(output="table")


def screen(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], width: int, items: list[Any], columns: Any
) -> str:
    for module in (rows, shown):
        monkeypatch.setattr(module, "terminal_width", lambda: width)
    shown.show_list(TABLE, items, columns, "none")
    return capsys.readouterr().out


@pytest.mark.parametrize("width", [80, 100, 200])
@pytest.mark.parametrize(("items", "columns"), [(IMAGES, IMAGE_COLUMNS), ([EVENT], EVENTS)], ids=["images", "events"])
def test_rows_fit_and_nothing_is_cut(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], width: int, items: Any, columns: Any
) -> None:
    text = screen(monkeypatch, capsys, width, items, columns)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    letters = sorted(text.replace(" ", "").replace("\n", ""))
    assert [name for name in (DIGEST, NAME) if any(letters.count(sign) < name.count(sign) for sign in name)] == []


def test_a_pipe_gets_names_whole_on_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = screen(monkeypatch, capsys, 0, IMAGES, IMAGE_COLUMNS).splitlines()
    assert len(lines) == 3
    assert lines[1].endswith(NAME)


def test_further_rows_of_a_long_list_have_heads_of_their_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = screen(monkeypatch, capsys, 80, [{"a": n} for n in range(250)], [("NUMBER", "a")]).splitlines()
    assert lines.count("NUMBER") == 2
    assert len(lines) == 250 + 3


def test_fields_go_on_below_their_values(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(rows, "terminal_width", lambda: 80)
    shown.show_fields(TABLE, {"digest": DIGEST, "reference": NAME, "tags": ["a", "b"]})
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["digest", f"  {DIGEST}"]
    assert "".join(line.strip() for line in lines[2:-1]).removeprefix("reference").strip() == NAME
    assert lines[-1] == "tags       a, b"
