"""`hullmark image vulns`: a list without a vulnerability never reads as clean where the advisories say nothing."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from hullmark.cli.remote import image_look

GAP = {"namespace": "pypi", "packages": 1200, "reason": "the snapshot has no advisories for pypi", "types": ["pypi"]}


class Server:
    """Answers as a server that knows of no vulnerability."""

    def __init__(self, *uncovered: dict[str, Any], unknown: Sequence[dict[str, Any]] = ()) -> None:
        self.unknown = unknown
        self._page = {"items": [], "next": None, "uncovered": list(uncovered), "unknown": [], "unknown_next": None}

    def get(self, path: str, query: dict[str, Any]) -> dict[str, Any]:
        return self._page if path.endswith("/vulnerabilities") else {"items": []}

    def pages(self, path: str, query: dict[str, Any] | None = None, limit: int | None = None) -> Iterator[Any]:
        return iter(self.unknown if path.endswith("/unknown") else ())


def shown(server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    monkeypatch.setattr(image_look, "_image", lambda arguments: (server, "/images/x"))
    names = ("severity", "fix", "package", "vulnerability", "kev", "show_suppressed", "limit")
    image_look.vulns(argparse.Namespace(**dict.fromkeys(names), output="table"))
    return capsys.readouterr().out


def test_what_the_advisories_do_not_cover_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = "unknown, not clean: the snapshot has no advisories for pypi (1200 packages)"
    assert shown(Server(GAP), monkeypatch, capsys).splitlines() == ["no vulnerability is known", said]
    assert shown(Server(), monkeypatch, capsys).splitlines() == ["no vulnerability is known"]


def test_packages_of_which_nothing_can_be_said_are_a_line_for_each_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    limited = [
        {"package": {"name": f"lib{n}"}, "reason": f"Debian 13's security support of lib{n} is limited"}
        for n in range(7)
    ]
    alone = {"package": {"name": "x"}, "reason": "its version is not known, and advisories speak of it (CVE-1-1)."}
    assert shown(Server(unknown=[*limited, alone]), monkeypatch, capsys).splitlines() == [
        "no vulnerability is known",
        "nothing can be said of 7 packages: Debian 13's security support of these is limited: lib0, lib1, lib2, lib3, lib4 and 2 more",
        "nothing can be said of 1 package: its version is not known, and advisories speak of it (CVE-1-1): x",
        "-o json names each of them",
    ]
