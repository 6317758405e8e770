"""Each kind of plugin can be added as its page says: one module, one edited line, and the page's own test passes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.places import REPOSITORY

PAGES = REPOSITORY / "docs" / "how-to"
_BLOCK = re.compile(r"^`([^`\n]+)`:\n\n```(?:python|text|html)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Plugin(NamedTuple):
    """A kind of plugin: its page, the list that is edited (file below src/hullmark, and tuple), and the name that is added."""

    page: str
    file: str
    list: str
    name: str


PLUGINS = (
    Plugin("add-a-cataloger", "catalog/__init__.py", "_BUILT", "octave"),
    Plugin("add-a-channel", "notify/channels.py", "_OTHERS", "pager"),
    Plugin("add-a-classifier", "catalog/binaries/table.py", "_MODULES", "brokers"),
    Plugin("add-a-configuration-parser", "facets/configuration/__init__.py", "_MODULES", "chrony"),
    Plugin("add-a-facet", "facets/__init__.py", "_MODULES", "interpreters"),
    Plugin("add-a-feed", "advisories/feeds/__init__.py", "_DISTRIBUTIONS", "example"),
    Plugin("add-a-format", "report/__init__.py", "_MODULES", "inventory_names"),
    Plugin("add-a-gate", "policy/gates/__init__.py", "_MODULES", "volumes"),
    Plugin("add-a-page", "server/console/__init__.py", "_MODULES", "oldest"),
    Plugin("add-a-scheme", "versions/__init__.py", "_LANGUAGES", "luarocks"),
    Plugin("add-a-source", "source/__init__.py", "_MODULES", "artifact_folder"),
    Plugin("add-a-verb", "cli/main.py", "_VERBS", "digests"),
)


def files_of(page: str) -> dict[str, str]:
    """The files that a page says to write, by their names."""
    return dict(_BLOCK.findall((PAGES / f"{page}.md").read_text("utf-8")))


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the program with the files of all pages in it, none of them listed."""
    folder = tmp_path_factory.mktemp("checkout")
    for part in ("src/hullmark", "tests/support", "tests/versions"):
        shutil.copytree(REPOSITORY / part, folder / part)
    for file in ("pyproject.toml", "tests/__init__.py", "tests/unit/__init__.py", "tests/unit/test_rooms.py"):
        target = folder / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / file, target)
    shutil.copytree(REPOSITORY / "tests/unit/advisories/feeds", folder / "tests/unit/advisories/feeds")
    for plugin in PLUGINS:
        for name, body in files_of(plugin.page).items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if name.startswith("tests/") and name.endswith(".py"):
                (target.parent / "__init__.py").touch()
            target.write_text(body, "utf-8")
    return folder


def edit(copy: Path, plugin: Plugin) -> None:
    """Put the plugin's name into its list."""
    path = copy / "src/hullmark" / plugin.file
    text, edited = re.subn(
        rf"^({plugin.list}(?::[^=\n]*)? = \()", rf'\1"{plugin.name}", ', path.read_text("utf-8"), flags=re.MULTILINE
    )
    assert edited == 1, plugin
    path.write_text(text, "utf-8")


def run(copy: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a module with the copy's code."""
    environment = {**os.environ, "PYTHONPATH": str(copy / "src"), "PYTHONDONTWRITEBYTECODE": "1", "NO_COLOR": "1"}
    return subprocess.run(
        [sys.executable, *arguments], check=False, capture_output=True, text=True, cwd=copy, env=environment
    )


def test_each_page_that_says_how_to_add_something_is_run() -> None:
    assert {page.stem for page in PAGES.glob("add-a-*.md")} == {plugin.page for plugin in PLUGINS}
    for plugin in PLUGINS:
        names = files_of(plugin.page)
        assert any(name.startswith("src/hullmark/") for name in names), plugin
        assert any(name.startswith("tests/") and name.endswith(".py") for name in names), plugin


@pytest.mark.slow
def test_what_is_not_listed_is_noticed_and_once_it_is_each_page_holds(copied: Path) -> None:
    before = run(copied, "-m", "pytest", "-q", "tests/unit/test_rooms.py", "-k", "is_in")
    assert before.returncode == 1
    for name in (
        "hullmark.catalog.languages.octave",
        "hullmark.report.inventory_names",
        "chrony",
        "interpreters",
        "volumes",
    ):
        assert name in before.stdout, name
    for plugin in PLUGINS:
        edit(copied, plugin)
    own = [name for plugin in PLUGINS for name in files_of(plugin.page) if re.fullmatch(r"tests/.*\.py", name)]
    left_out = "not small and not long and not help and not circle and not says"  # they say nothing of lists, or of the new files alone
    after = run(copied, "-m", "pytest", "-q", *own, "tests/unit/test_rooms.py", "-k", left_out)
    assert after.returncode == 0, after.stdout + after.stderr


def test_the_code_of_the_pages_is_in_the_one_style(copied: Path) -> None:
    ruff = Path(sys.executable).parent / "ruff"
    if not ruff.exists():
        pytest.skip("ruff is not installed beside this Python")
    written = [name for plugin in PLUGINS for name in files_of(plugin.page) if name.endswith(".py")]
    for verb in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [ruff, *verb, "--no-cache", *written], check=False, capture_output=True, text=True, cwd=copied
        )
        assert done.returncode == 0, done.stdout
