"""A mistyped variable is named with the setting that is meant; what others call by our name is left alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hullmark.cli.environment import find_typos
from tests.support.places import REPOSITORY
from tests.support.program import program_in

VARIABLE = re.compile(r"\bHULLMARK_[A-Z][A-Z0-9_]*[A-Z0-9]\b")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("HULLMARK_CAHCE_DIR", "HULLMARK_CACHE_DIR"),
        ("HULLMARK_CACHEDIR", "HULLMARK_CACHE_DIR"),
        ("HULLMARK_SEVER", "HULLMARK_SERVER"),
        ("HULLMARK_APIKEY", "HULLMARK_API_KEY"),
        ("HULLMARK_PASWORD", "HULLMARK_PASSWORD"),
        ("HULLMARK_DATABASE_URI", "HULLMARK_DATABASE_URL"),
        ("HULLMARK_WORKER", "HULLMARK_WORKERS"),
        ("HULLMARK_PUBLICURL", "HULLMARK_PUBLIC_URL"),
        ("HULLMARK_POSTGRES_USR", "HULLMARK_POSTGRES_USER"),
    ],
)
def test_what_comes_near_a_setting_is_answered_with_it(name: str, meant: str) -> None:
    assert find_typos({"HOME": "/", "HULLMARK_JOBS": "2", name: "x"}) == [(name, meant)]


def test_every_variable_that_is_in_use_here_is_known_or_near_to_none() -> None:
    places = [REPOSITORY / name for name in ("src", "tests", "tools", "bench", "deploy", "docs", "examples", ".ci")]
    files = [path for place in places for path in sorted(place.rglob("*")) if path.is_file() and not _is_own(path)]
    bodies = (path.read_bytes() for path in (*files, REPOSITORY / "Makefile", REPOSITORY / "README.md"))
    texts = [body.decode("utf-8", "replace") for body in bodies if b"HULLMARK_" in body]
    names = {name for text in texts for name in VARIABLE.findall(text)}
    assert len(names) > 40
    assert find_typos(dict.fromkeys(names, "x")) == []


def _is_own(path: Path) -> bool:
    return path == Path(__file__) or path.suffix == ".pyc" or "node_modules" in path.parts


def test_the_program_says_it_once_and_does_its_work(tmp_path: Path) -> None:
    ran = program_in(tmp_path)("schemes", env={"HULLMARK_CAHCE_DIR": "/x", "HULLMARK_GOLDEN": "write"})
    assert ran.status == 0
    assert ran.err == "hullmark: the variable HULLMARK_CAHCE_DIR is not a setting: HULLMARK_CACHE_DIR?\n"


def test_a_process_that_a_server_starts_says_nothing_again(tmp_path: Path) -> None:
    ran = program_in(tmp_path)("schemes", env={"HULLMARK_CAHCE_DIR": "/x", "HULLMARK_PARENT": "1"})
    assert (ran.status, ran.err) == (0, "")
