"""The documents say what is so: commands exist, links lead somewhere, examples run."""

from __future__ import annotations

import json
import os
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
from tests.support.images import Blobs, small_layout, tagged, tar_of, write_layout
from tests.support.places import REPOSITORY
from tools.demo import tour

PAGES = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")])
HOW_TO = REPOSITORY / "docs" / "how-to" / "add-a-cataloger.md"
README = REPOSITORY / "README.md"

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NAMED_BLOCK = re.compile(r"^`([^`\n]+)`:\n\n```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
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


@pytest.mark.parametrize("page", PAGES, ids=map(name_of, PAGES))
def test_a_path_of_the_repository_that_is_named_is_there(page: Path) -> None:
    if page.name == "CHANGELOG.md" or page.parent.name == "adr":
        pytest.skip("history may name what is gone")
    named = re.findall(
        r"`((?:src|tests|tools|examples|docs|bench)/[a-z0-9_./-]+\.(?:py|md|sh|yaml|txt))`", page.read_text("utf-8")
    )
    made_by_the_reader = {name for name, _ in _NAMED_BLOCK.findall(page.read_text("utf-8"))}
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
    lengths = {path.name: len(path.read_text("utf-8").splitlines()) for path in HOW_TO.parent.glob("*.md")}
    assert {name: lines for name, lines in lengths.items() if lines > 160} == {}


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the program and of what its tests of catalogers need, with the how-to's files in it but not listed."""
    ignore = shutil.ignore_patterns("__pycache__")
    for folder in ("src/hullmark", "tests/support", "tests/versions"):
        shutil.copytree(REPOSITORY / folder, tmp_path / folder, ignore=ignore)
    for file in ("pyproject.toml", "tests/__init__.py", "tests/unit/__init__.py", "tests/unit/test_rooms.py"):
        target = tmp_path / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / file, target)
    (tmp_path / "tests/unit/catalog").mkdir()
    (tmp_path / "tests/unit/catalog/__init__.py").write_bytes(b"")
    for name, body in _NAMED_BLOCK.findall(HOW_TO.read_text("utf-8")):
        (tmp_path / name).write_text(body, "utf-8")
    return tmp_path


def edit(copy: Path) -> None:
    """The how-to's step 2: one line edited."""
    path = copy / "src/hullmark/catalog/__init__.py"
    [line] = [block for block in blocks(HOW_TO, "python") if block.startswith("_INSTALLED = ")]
    text, edited = re.subn(r"^_INSTALLED = .*$", line.strip(), path.read_text("utf-8"), flags=re.MULTILINE)
    assert edited == 1
    path.write_text(text, "utf-8")


def run(copy: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a module of the copy, or of what is installed, with the copy's code."""
    environment = {**os.environ, "PYTHONPATH": str(copy / "src"), "PYTHONDONTWRITEBYTECODE": "1", "NO_COLOR": "1"}
    return subprocess.run(
        [sys.executable, *arguments], check=False, capture_output=True, text=True, cwd=copy, env=environment
    )


def test_the_how_tos_cataloger_works_once_it_is_listed(copied: Path) -> None:
    edit(copied)
    tests = run(copied, "-m", "pytest", "-q", "tests/unit/catalog", "tests/unit/test_rooms.py", "-k", "octave or list")
    assert tests.returncode == 0, tests.stdout + tests.stderr

    hullmark = ("-c", "import sys; from hullmark.cli import main; sys.exit(main())")
    assert "octave " in run(copied, *hullmark, "catalogers").stdout
    layer = tar_of({"usr/share/octave/packages/signal-1.4.5/packinfo/DESCRIPTION": b"Name: signal\nVersion: 1.4.5\n"})
    blobs = Blobs()
    layout = write_layout(copied / "layout", blobs, [tagged(blobs.image([layer]), "latest")])
    scanned = run(copied, *hullmark, "scan", "--no-cache", "-o", "json", f"oci-dir:{layout}")
    assert scanned.returncode == 0, scanned.stderr
    assert [package["purl"] for package in json.loads(scanned.stdout)["packages"]] == ["pkg:generic/signal@1.4.5"]


def test_a_cataloger_that_is_not_listed_is_noticed(copied: Path) -> None:
    done = run(copied, "-m", "pytest", "-q", "tests/unit/test_rooms.py", "-k", "rooms_list")
    assert done.returncode == 1
    assert "hullmark.catalog.octave" in done.stdout


def test_the_how_tos_code_is_in_the_one_style(copied: Path) -> None:
    ruff = Path(sys.executable).parent / "ruff"
    if not ruff.exists():
        pytest.skip("ruff is not installed beside this Python")
    written = [name for name, _ in _NAMED_BLOCK.findall(HOW_TO.read_text("utf-8"))]
    assert len(written) == 2
    for verb in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [ruff, *verb, "--no-cache", *written], check=False, capture_output=True, text=True, cwd=copied
        )
        assert done.returncode == 0, done.stdout


def test_the_how_tos_parser_of_configuration_reads_what_its_test_says(tmp_path: Path) -> None:
    page = HOW_TO.with_name("add-a-configuration-parser.md")
    named = dict(_NAMED_BLOCK.findall(page.read_text("utf-8")))
    (module, body), (test, cases) = named.items()
    name = module.removeprefix("src/").removesuffix(".py").replace("/", ".")
    (tmp_path / "parser.py").write_text(body, "utf-8")
    (tmp_path / Path(test).name).write_text(cases.replace(name, "parser"), "utf-8")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{REPOSITORY}"}
    words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "/dev/null", str(tmp_path / Path(test).name)]
    done = subprocess.run(
        [sys.executable, *words], check=False, capture_output=True, text=True, cwd=tmp_path, env=environment
    )
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
