"""The house keeps its own rules: lists are complete, borders hold, files and functions stay small, `--help` is light."""

from __future__ import annotations

import argparse
import pkgutil
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import hullmark
import hullmark.catalog
import hullmark.catalog.relations
import hullmark.cli
import hullmark.facets
import hullmark.policy.gates
import hullmark.report
import hullmark.source
import hullmark.versions
from hullmark.cli.main import verbs
from hullmark.facets import FACETS, configuration
from hullmark.facets.configuration.parser import Parser
from hullmark.server.console import PAGES, pages
from tests.support.places import REPOSITORY
from tests.support.sources import source_file, source_files, source_paths

MOST_LINES_IN_A_FILE = 400
MOST_LINES_IN_A_FUNCTION = 50
MOST_ARROWS_BETWEEN_ROOMS = 90
LONG_ON_PURPOSE = {
    # The loop over a layer's entries: a call for each part of it would cost more than the part itself.
    "src/hullmark/rootfs/tar.py:walk",
}

HEAVY = {"hashlib", "isal", "json", "msgspec", "rich", "sqlite3", "ssl", "urllib3", "yaml", "zlib_ng", "zstandard"}
ROOMS_NOT_NEEDED_FOR_HELP = {
    f"hullmark.{room}"
    for room in (
        "advisories",
        "app",
        "catalog",
        "facets",
        "maintenance",
        "model",
        "net",
        "places",
        "policy",
        "report",
        "rootfs",
        "scanning",
        "server",
        "source",
        "versions",
    )
}


def constants(room: ModuleType, name: str) -> dict[str, object]:
    """Every module of a room that has a constant of this name, with its value."""
    found: dict[str, object] = {}
    for info in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
        module = import_module(info.name)
        if name in vars(module) and not info.ispkg:
            found[info.name] = vars(module)[name]
    return found


@pytest.mark.parametrize(
    ("room", "constant", "listed"),
    [
        (hullmark.catalog, "CATALOGER", hullmark.catalog.CATALOGERS + hullmark.catalog.DECLARED),
        (hullmark.source, "SOURCE", hullmark.source.SOURCES),
        (hullmark.versions, "SCHEME", hullmark.versions.SCHEMES),
        (hullmark.catalog.relations, "RESOLVER", hullmark.catalog.relations.RESOLVERS),
    ],
    ids=["catalogers", "sources", "schemes", "resolvers"],
)
def test_a_module_with_a_plugin_is_in_its_rooms_list(
    room: ModuleType, constant: str, listed: tuple[object, ...]
) -> None:
    there = constants(room, constant)
    assert there
    missing = [name for name, plugin in there.items() if not any(plugin is one for one in listed)]
    assert missing == []


def test_a_module_with_triggers_is_in_the_list_of_gates() -> None:
    there = constants(hullmark.policy.gates, "TRIGGERS")
    assert there
    listed = {id(trigger) for trigger in hullmark.policy.gates.TRIGGERS}
    of_module = {name: plugins for name, plugins in there.items() if isinstance(plugins, tuple)}
    missing = [name for name, plugins in of_module.items() if not {id(plugin) for plugin in plugins} <= listed]
    assert missing == []


def test_a_module_with_a_format_is_in_the_list_of_formats() -> None:
    assert sorted(constants(hullmark.report, "FORMAT")) == sorted(hullmark.report.FORMATS.values())


def test_a_module_with_a_parser_of_configuration_is_in_the_list_of_parsers() -> None:
    modules = pkgutil.iter_modules(configuration.__path__, f"{configuration.__name__}.")
    there = [
        value for info in modules for value in vars(import_module(info.name)).values() if isinstance(value, Parser)
    ]
    listed = {id(parser) for parser in configuration.PARSERS}
    assert [parser.name for parser in there if id(parser) not in listed] == []


def test_a_room_with_a_facet_is_in_the_list_of_facets() -> None:
    modules = pkgutil.walk_packages(hullmark.facets.__path__, "hullmark.facets.")
    ends = {info.name.removeprefix("hullmark.facets.") for info in modules}
    made = {end for end in ends if end.endswith(".facet") or "FACET" in vars(import_module(f"hullmark.facets.{end}"))}
    assert made == set(FACETS.values())


def test_a_module_with_a_page_of_the_console_is_in_the_list_of_pages() -> None:
    there = [info.name for info in pkgutil.iter_modules(pages.__path__)]
    listed = {page.__name__.rpartition(".")[2] for page in PAGES}
    assert {name for name in there if hasattr(import_module(f"{pages.__name__}.{name}"), "ROUTES")} == listed


def test_a_format_is_listed_under_its_own_kind_and_name() -> None:
    for (kind, name), module in hullmark.report.FORMATS.items():
        made = import_module(module).FORMAT
        assert (made.kind, made.name) == (kind, name)


READS = {
    id(read): read for cataloger in hullmark.catalog.CATALOGERS + hullmark.catalog.DECLARED for read in cataloger.reads
}
"""Each once: several catalogers may look at the same files."""


@pytest.mark.parametrize(
    "names",
    [
        [cataloger.name for cataloger in hullmark.catalog.CATALOGERS + hullmark.catalog.DECLARED],
        [read.name for read in READS.values()],
        [scheme.name for scheme in hullmark.versions.SCHEMES],
        [source.scheme for source in hullmark.source.SOURCES],
        [parser.name for parser in configuration.PARSERS],
        [trigger.full_name for trigger in hullmark.policy.gates.TRIGGERS],
        [verb.NAME for verb in verbs()],
    ],
    ids=["catalogers", "reads", "schemes", "sources", "parsers", "triggers", "verbs"],
)
def test_no_name_is_taken_twice(names: list[str]) -> None:
    assert sorted(names) == sorted(set(names))


def test_a_scheme_has_a_table_of_facts() -> None:
    tables = {path.stem for path in (REPOSITORY / "tests" / "versions").glob("*.txt")}
    assert {scheme.name for scheme in hullmark.versions.SCHEMES} <= tables


@pytest.mark.parametrize("verb", verbs(), ids=[verb.NAME for verb in verbs()])
def test_a_verb_and_each_of_its_arguments_has_help(verb: ModuleType) -> None:
    assert verb.HELP
    bare = argparse.ArgumentParser()
    verb.add_arguments(bare)
    assert [action.dest for action in bare._actions if not action.help] == []


def test_help_imports_nothing_heavy() -> None:
    program = "import sys; from hullmark.cli import main; sys.exit(main(['--help']))"
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", program], check=True, capture_output=True, text=True
    )
    assert "usage: hullmark" in done.stdout
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if "import time:" in line}
    assert "hullmark.cli" in imported
    assert imported & (HEAVY | ROOMS_NOT_NEEDED_FOR_HELP) == set()


def test_importing_hullmark_imports_nothing_heavy() -> None:
    program = "import sys, hullmark; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert set(done.stdout.split()) & (HEAVY | ROOMS_NOT_NEEDED_FOR_HELP) == set()


def test_no_room_hides_a_function_of_the_package() -> None:
    rooms = {path.name for path in (REPOSITORY / "src" / "hullmark").iterdir() if path.is_dir()}
    assert rooms & set(hullmark.__all__) == set()


def test_the_borders_between_rooms_hold() -> None:
    lint_imports = Path(sys.executable).parent / "lint-imports"
    if not lint_imports.exists():
        pytest.skip("import-linter is not installed beside this Python")
    done = subprocess.run([lint_imports, "--no-cache"], check=False, capture_output=True, text=True, cwd=REPOSITORY)
    assert done.returncode == 0, done.stdout


def imports_of(path: Path, modules: dict[str, Path]) -> set[Path]:
    """The files of ours that a file imports anywhere, also only for its types."""
    names = source_file(path).imports
    return {modules.get(inner, modules.get(outer, path)) for inner, outer in names} - {path}


def test_no_files_import_each_other_in_a_circle() -> None:
    root = REPOSITORY / "src"
    modules = {
        ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): path
        for path in source_paths("src")
    }
    # The package's own face loads the API when it is first used; all others ask it for its version at most.
    graph = {path: imports_of(path, modules) for path in modules.values() if path != root / "hullmark" / "__init__.py"}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as circle:
        pytest.fail(" → ".join(str(path.relative_to(root)) for path in circle.args[1]))


def test_few_arrows_run_between_rooms() -> None:
    root = REPOSITORY / "src" / "hullmark"
    rooms = {folder.parent.name for folder in root.glob("*/__init__.py")}
    arrows = {
        (path.relative_to(root).parts[0], name.split(".")[1])
        for path in source_paths("src")
        for name, _ in source_file(path).imports
        if name.startswith("hullmark.")
    }
    between = {(here, there) for here, there in arrows if here != there and {here, there} <= rooms}
    assert len(between) <= MOST_ARROWS_BETWEEN_ROOMS, sorted(between)


def test_no_file_is_long() -> None:
    lengths = {
        str(path.relative_to(REPOSITORY)): path.read_bytes().count(b"\n") for path in source_paths("src", "tools")
    }
    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES_IN_A_FILE} == {}


def test_no_function_is_long() -> None:
    long = {
        f"{name}:{function}": lines
        for name, file in source_files("src", "tools").items()
        for function, lines in file.functions
        if lines > MOST_LINES_IN_A_FUNCTION
    }
    assert set(long) == LONG_ON_PURPOSE, long


def test_every_module_says_what_it_is() -> None:
    assert [name for name, file in source_files("src", "tools").items() if not file.has_docstring] == []


@pytest.mark.parametrize("word", ["utils", "common", "helpers", "base", "manager", "misc"])
def test_no_module_has_a_name_that_says_nothing(word: str) -> None:
    assert [path for path in source_paths("src") if word in (path.stem, path.parent.name)] == []
