"""What tables show of real images on terminals of several widths: lines fit, and no name, version, id or path is cut."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace

from hullmark.app.configuration import configuration_of
from hullmark.app.secrets import secrets_of
from hullmark.catalog.difference.images import ComparedImage, image_difference
from hullmark.model.configuration import ImageConfiguration
from hullmark.model.inventory import Inventory
from hullmark.model.match import Matches
from hullmark.model.secret import ImageSecrets
from hullmark.report import load
from hullmark.report.difference_words import MAX_ROWS
from hullmark.report.format import Kind, RenderContext
from hullmark.report.terminal import safe, width_of
from hullmark.scanning.request import ScanRequest, ScanResources
from hullmark.scanning.take import take
from hullmark.source import SourceOptions
from tests.support.images import layout_of
from tests.support.places import REPOSITORY, corpus
from tests.support.program import program_in
from tests.unit.report.matches_samples import SNAPSHOT, match

NARROW = {"COLUMNS": "80", "NO_COLOR": "1"}
WIDTHS = (80, 100, 200)
CHEAP = ("apk-image", "rpm-image", "distroless")
COSTLY = ("debian-slim", "java-app", "go-tools", "node-app", "python-app", "ruby-app", "nginx", "secrets", "big")
IMAGES = (*CHEAP, *(pytest.param(name, marks=pytest.mark.slow) for name in COSTLY))
_LONGEST = 500
"""So many of the longest names are looked for: short ones are never broken."""

GAP = re.compile(r"\S+(?: \S+)*")


class Shown(NamedTuple):
    """A result of a kind, and what must be whole in each column of its table."""

    kind: Kind
    result: Any
    whole: dict[str, set[str]]


@cache
def scanned(name: str) -> Inventory:
    request = ScanRequest(files=True, digests=True)
    return take(f"oci-dir:{corpus('oci', name)}", request, ScanResources(), SourceOptions()).inventory


@cache
def searched(name: str) -> tuple[ImageSecrets, ImageConfiguration]:
    source = f"oci-dir:{corpus('oci', name)}"
    secrets = secrets_of(source, ScanResources(), SourceOptions())
    return secrets, configuration_of(source, ScanResources(), SourceOptions(), defaults=False)


def matched(inventory: Inventory) -> Matches:
    """Something wrong with each package."""
    found = [
        match(package, f"GHSA-{number:04}-abcd-efgh", "high", state="fixed", fixed=f"{package.version}.1", risk=1.0)
        for number, package in enumerate(inventory.packages)
    ]
    return Matches(
        source=inventory.source, distro=inventory.distro, snapshot=SNAPSHOT, matches=tuple(found), unknown=()
    )


def of_packages(inventory: Inventory) -> Shown:
    names, versions = ({getattr(package, field) for package in inventory.packages} for field in ("name", "version"))
    return Shown("inventory", replace(inventory, files=None), {"NAME": names, "VERSION": versions})


def of_files(inventory: Inventory) -> Shown:
    return Shown("files", inventory, {"PATH": {file.path for file in inventory.files or ()}})


def of_matches(inventory: Inventory) -> Shown:
    result = matched(inventory)
    whole = {
        "PACKAGE": {found.package.name for found in result.matches},
        "FIXED IN": {found.fix.version for found in result.matches},
        "VULNERABILITY": {found.advisory.id for found in result.matches},
    }
    return Shown("matches", result, whole)


def of_difference(inventory: Inventory) -> Shown:
    """The image beside one without packages, settings and layers: its first packages come."""
    bare = replace(inventory, packages=(), config=None, files=None, source=replace(inventory.source, layers=()))
    difference = image_difference(ComparedImage(inventory=bare), ComparedImage(inventory=inventory))
    shown = [change for change in difference.packages[:MAX_ROWS] if change.after is not None]
    names, versions = {change.name for change in shown}, {change.after.version for change in shown if change.after}
    return Shown("difference", difference, {"PACKAGE": names, "AFTER": versions})


def of_files_that_went(inventory: Inventory) -> Shown:
    bare = replace(inventory, files=())
    difference = image_difference(ComparedImage(inventory=inventory), ComparedImage(inventory=bare))
    paths = {change.path for change in (difference.files or ())[:MAX_ROWS]}
    return Shown("difference", difference, {"PATH": paths})


def columns_of(lines: Sequence[str], heads: Iterable[str]) -> dict[str, str]:
    """The text of each column without its blanks, wrapped lines put together again, of a table whose head is the first line."""
    places = {found[0]: found.start() for found in GAP.finditer(lines[0])}
    ends = dict(zip(places, [*list(places.values())[1:], 10_000], strict=True))
    table = lines[1 : lines.index("")]
    assert set(heads) <= set(places), lines[0]
    return {head: "".join(cut(line, places[head], ends[head]) for line in table).replace(" ", "") for head in heads}


def cut(line: str, start: int, end: int) -> str:
    """The characters between two columns of a terminal."""
    if line.isascii():
        return line[start:end]
    kept, at = "", 0
    for character in line:
        kept += character if start <= at < end else ""
        at += width_of(character)
    return kept


def check(shown: Shown, width: int) -> None:
    context = RenderContext(tool_version="1", width=width)
    lines = load(shown.kind, "table").render(shown.result, context).decode().splitlines()
    assert max(map(width_of, lines)) <= width
    source = shown.result.after if shown.kind == "difference" else shown.result.source
    digest = source.digest
    if shown.kind == "difference":  # its first line is a title
        lines = lines[next((number for number, line in enumerate(lines) if line.startswith("  ")), 0) :]
    assert any(digest in line for line in lines) or shown.kind in ("files", "secrets", "configuration")
    if any(shown.whole.values()):
        found = columns_of(lines, shown.whole)
        for head, texts in shown.whole.items():
            longest = sorted(texts, key=len)[-_LONGEST:]
            assert [text for text in longest if safe(text).replace(" ", "") not in found[head]] == []


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", IMAGES)
@pytest.mark.parametrize("table", [of_packages, of_files, of_matches, of_difference, of_files_that_went])
def test_no_name_version_id_or_path_is_cut(name: str, table: Any, width: int) -> None:
    check(table(scanned(name)), width)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow) for name in (*CHEAP, *COSTLY)])
def test_no_place_of_a_secret_or_setting_is_cut(name: str, width: int) -> None:
    secrets, settings = searched(name)
    places = {secret.path for secret in secrets.secrets if secret.place == "file" and not secret.allowed}
    check(Shown("secrets", secrets, {"WHERE": places}), width)
    keys = {setting.key for setting in settings.configuration.settings}
    check(Shown("configuration", settings, {"SETTING": keys}), width)


LONG = "opt/an-application-with-a-long-name/node_modules/a-package-with-a-long-name"
FILES = {f"{LONG}/package.json": b'{"name": "a-package-with-a-long-name", "version": "1.0.0-beta.20261129.1"}'}


@pytest.mark.parametrize(
    "words", [("scan", "--files"), ("files",), ("layers",), ("vulns", "--advisories"), ("check", "--policy")]
)
def test_the_program_itself_heeds_the_width_of_its_terminal(tmp_path: Path, words: tuple[str, ...]) -> None:
    given = {
        "--advisories": REPOSITORY / "examples" / "advisories",
        "--policy": REPOSITORY / "policies" / "strict.yaml",
    }
    hullmark, layout = program_in(tmp_path / "run"), layout_of(tmp_path / "image", FILES)
    command = [str(part) for word in words for part in (word, *([given[word]] if word in given else []))]
    _, screen = hullmark.on_terminal(*command, f"oci-dir:{layout}", env=NARROW, err=False)
    lines = screen.replace("\r\n", "\n").splitlines()
    assert max(map(len, lines)) <= 80
    assert "…" not in screen


@pytest.mark.parametrize(
    "words",
    [
        ("policy", "gates"),
        ("policy", "describe"),
        ("catalogers",),
        ("facets",),
        ("feeds",),
        ("schemes",),
        ("formats",),
        ("channels",),
        ("db", "status", "--advisories", str(REPOSITORY / "examples" / "advisories")),
        ("db", "search", "minimist", "--advisories", str(REPOSITORY / "examples" / "advisories")),
    ],
    ids=" ".join,
)
def test_other_tables_fit_as_well_and_say_all_that_a_pipe_gets(tmp_path: Path, words: tuple[str, ...]) -> None:
    hullmark = program_in(tmp_path / "run")
    piped = hullmark(*words)
    assert piped.status == 0, piped.err
    _, screen = hullmark.on_terminal(*words, env=NARROW, err=False)
    lines = screen.replace("\r\n", "\n").splitlines()
    assert max(map(width_of, lines)) <= 80
    names = {line.split()[0] for line in piped.text.splitlines() if line.strip()}
    assert [name for name in names if name not in screen] == []


def test_what_goes_into_a_pipe_is_as_long_as_it_needs_to_be(tmp_path: Path) -> None:
    hullmark, layout = program_in(tmp_path / "run"), layout_of(tmp_path / "image", FILES)
    ran = hullmark("files", f"oci-dir:{layout}", env={"COLUMNS": "40"})
    assert [line for line in ran.text.splitlines() if line.rstrip().endswith(f"/{LONG}/package.json")] != []
