"""The documents say what is so: commands exist, links lead somewhere, examples run."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from hullmark.cli.main import parse, verbs
from tests.support.images import small_layout
from tests.support.places import REPOSITORY
from tools.demo import tour

PAGES = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")])
HOW_TOS = REPOSITORY / "docs" / "how-to"
README = REPOSITORY / "README.md"

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NAMED_BLOCK = re.compile(r"^`([^`\n]+)`:\n\n```(?:python|text)\n", re.MULTILINE)
_MODULE = re.compile(r"`((?:[a-z_]+/)+[a-z_]+(?:\.py)?)/?`")
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def name_of(page: Path) -> str:
    return str(page.relative_to(REPOSITORY))


def blocks(page: Path, language: str) -> list[str]:
    """The code blocks of one language."""
    return [text for kind, text in _BLOCK.findall(page.read_text("utf-8")) if kind == language]


def commands(page: Path) -> Iterator[list[str]]:
    """The commands that a reader is told to type, as words; what pipes them on is left out."""
    for block in blocks(page, "console"):
        for line in block.splitlines():
            if line.startswith("$ "):
                yield shlex.split(line[2:].partition(" | ")[0].partition(" > ")[0], comments=True)


def targets() -> set[str]:
    """The targets that the Makefile's help shows."""
    makefile = (REPOSITORY / "Makefile").read_text("utf-8")
    return set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=map(name_of, PAGES))
def test_a_link_leads_to_a_file(page: Path) -> None:
    inside = [link for link in _LINK.findall(page.read_text("utf-8")) if "://" not in link]
    assert [link for link in inside if not (page.parent / link).exists()] == []


def anchors(page: Path) -> set[str]:
    """What a page's headings are called in links, as GitHub makes them."""
    headings = re.findall(
        r"^#{1,6} (.+)$", re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.M | re.S), re.M
    )
    plain = (re.sub(r"[^\w\- ]", "", re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", text)) for text in headings)
    return {text.strip().lower().replace(" ", "-") for text in plain}


@pytest.mark.parametrize("page", PAGES, ids=map(name_of, PAGES))
def test_a_link_into_a_page_leads_to_a_heading(page: Path) -> None:
    inside = re.findall(r"\]\(([^)#\s]*)#([^)\s]+)\)", page.read_text("utf-8"))
    wrong = [
        f"{link}#{name}"
        for link, name in inside
        if "://" not in link
        and (not link or link.endswith(".md"))
        and name not in anchors(page.parent / link if link else page)
    ]
    assert wrong == []


def test_the_index_leads_to_every_page() -> None:
    index = REPOSITORY / "docs" / "README.md"
    linked = {(index.parent / link).resolve() for link in _LINK.findall(index.read_text("utf-8")) if "://" not in link}
    pages = {page for page in (REPOSITORY / "docs").rglob("*.md") if page.parent.name != "adr"} - {index}
    assert sorted(name_of(page) for page in pages - linked) == []


@pytest.mark.parametrize("page", PAGES, ids=map(name_of, PAGES))
def test_a_path_of_the_repository_that_is_named_is_there(page: Path) -> None:
    if page.name == "CHANGELOG.md" or page.parent.name == "adr":
        pytest.skip("history may name what is gone")
    named = re.findall(
        r"`((?:src|tests|tools|examples|docs|bench)/[a-z0-9_./-]+\.(?:py|md|sh|yaml|txt))`", page.read_text("utf-8")
    )
    made_by_the_reader = set(_NAMED_BLOCK.findall(page.read_text("utf-8")))
    assert [path for path in named if path not in made_by_the_reader and not (REPOSITORY / path).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=map(name_of, PAGES))
def test_a_command_that_is_shown_exists(page: Path) -> None:
    for words in commands(page):
        if words[0] == "make":
            assert {word for word in words[1:] if "=" not in word} <= targets(), words
        elif Path(words[0]).name == "hullmark" and words[1:] not in (["--help"], ["--version"]):
            parse(words[1:])


def test_the_readme_begins_with_the_two_commands() -> None:
    assert list(commands(README))[:2] == [["make", "demo"], ["make", "test"]]


def test_the_readme_shows_every_verb_and_exit_status() -> None:
    text = README.read_text("utf-8")
    assert [verb.NAME for verb in verbs() if f"hullmark {verb.NAME}" not in text] == []
    for status in (0, 1, 2, 3, 10):
        assert re.search(rf"^\| {status} \|", text, re.MULTILINE), status


def test_the_readmes_python_example_runs(tmp_path: Path) -> None:
    [example] = blocks(README, "python")
    small_layout(tmp_path / "app")
    shutil.copy(REPOSITORY / "examples" / "policy.yaml", tmp_path / "policy.yaml")
    shutil.copytree(REPOSITORY / "examples" / "advisories", tmp_path / "advisories")
    done = subprocess.run([sys.executable, "-c", example], check=False, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_the_examples_advisories_are_asked_as_of_the_day_that_they_declare() -> None:
    """As time passes they become too old, and what the pages and the tour show would not be what is printed."""
    declared = json.loads((REPOSITORY / tour.ADVISORIES / "coverage.json").read_bytes())["whole"]
    (day,) = set(declared.values())
    asked = [words for page in PAGES for words in commands(page) if tour.ADVISORIES in words]
    assert asked
    assert [words for words in asked if dict(pairwise(words)).get("--at") != day] == []
    assert day == tour.ADVISORIES_OF


def test_every_how_to_fits_on_a_page() -> None:
    lengths = {path.name: len(path.read_text("utf-8").splitlines()) for path in HOW_TOS.glob("*.md")}
    assert {name: lines for name, lines in lengths.items() if lines > 160} == {}


def test_the_modules_that_pages_name_are_there() -> None:
    source = REPOSITORY / "src" / "hullmark"
    rooms = {folder.name for folder in source.iterdir() if folder.is_dir()} | {"store"}
    named = [
        (name_of(page), module) for page in PAGES for module in sorted(set(_MODULE.findall(page.read_text("utf-8"))))
    ]
    here = [(page, module) for page, module in named if module.split("/")[0] in rooms]
    assert len(here) > 40
    places = [(page, module, source / module) for page, module in here]
    assert [
        (page, module) for page, module, place in places if not (place.exists() or place.with_suffix(".py").exists())
    ] == []
