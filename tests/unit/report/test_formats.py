"""What every format must keep: it is listed, it is loaded on use, equal results give equal bytes, any text is survived."""

from __future__ import annotations

import json
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import msgspec
import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import HealthCheck, given, settings

import hullmark.report
from hullmark.catalog.difference.images import ComparedImage, image_difference
from hullmark.model.errors import HullmarkError
from hullmark.model.inventory import FileRecord, Inventory
from hullmark.model.verdict import Verdict
from hullmark.report import (
    FORMATS,
    difference_json,
    inventory_json,
    layers_json,
    layers_parts,
    load,
    names,
    parts,
    verdict_json,
)
from hullmark.report.format import Format, RenderContext
from tests.support.effort import calls
from tests.support.examples import examples
from tests.unit.report.difference_samples import DIFFERENCES, LAYERS
from tests.unit.report.samples import (
    DISTRO,
    INVENTORIES,
    PLAIN,
    SOURCE,
    VERDICTS,
    contexts,
    inventories,
    package,
    verdicts,
)

ANY_TEXT = settings(max_examples=examples(30), deadline=None, suppress_health_check=[HealthCheck.too_slow])
STYLE = re.compile("\x1b\\[(?:0|1|2|31|32|33)m")
INVENTORY_FORMATS: list[Format[Inventory]] = [
    load("inventory", name) for name in names("inventory") if name != "template"
]
VERDICT_FORMATS: list[Format[Verdict]] = [load("verdict", name) for name in names("verdict")]


def test_every_module_with_a_format_is_listed() -> None:
    found = {
        (module.FORMAT.kind, module.FORMAT.name): module.__name__
        for info in pkgutil.iter_modules(hullmark.report.__path__)
        if hasattr(module := import_module(f"hullmark.report.{info.name}"), "FORMAT")
    }
    assert found == FORMATS


def test_documents_of_several_results_that_follow_one_another_can_be_read() -> None:
    """JSON a line each; what holds one document only says so."""
    for kind, name in FORMATS:
        found = load(kind, name)
        assert not (found.is_single and found.render_all), (kind, name)
        if found.render_all is None and not found.is_single:
            assert name in ("json", "table", "purls", "markdown", "github", "template"), (kind, name)
    lines = (load("inventory", "json").render(INVENTORIES["small"], PLAIN) * 2).splitlines()
    assert [json.loads(line)["source"]["kind"] for line in lines] == [INVENTORIES["small"].source.kind] * 2


def test_a_command_that_writes_nothing_loads_no_format() -> None:
    code = "import sys, hullmark.report; print(*sorted(m for m in sys.modules if m.startswith(('hullmark.report', 'rich'))))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.split() == ["hullmark.report"]


def test_plain_text_is_written_without_rich() -> None:
    code = (
        "import sys; from hullmark.report import load; from tests.unit.report.samples import SMALL, PLAIN;"
        "load('inventory', 'table').render(SMALL, PLAIN); print('rich' in sys.modules)"
    )
    command = [sys.executable, "-c", code]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "False"


def test_an_unknown_format_is_refused_with_the_names_of_the_known() -> None:
    with pytest.raises(HullmarkError, match="'xml' is not a format") as refusal:
        load("verdict", "xml")
    assert refusal.value.advice == "choose one of github, html, json, junit, markdown, sarif, table"


@pytest.mark.parametrize("of", INVENTORY_FORMATS, ids=lambda of: of.name)
@pytest.mark.parametrize("case", INVENTORIES)
def test_equal_inventories_give_equal_bytes(of: Format[Inventory], case: str) -> None:
    inventory = INVENTORIES[case]
    again = msgspec.json.decode(msgspec.json.encode(inventory), type=Inventory)
    assert of.render(inventory, PLAIN) == of.render(again, PLAIN)


@pytest.mark.parametrize("of", VERDICT_FORMATS, ids=lambda of: of.name)
@pytest.mark.parametrize("case", VERDICTS)
def test_equal_verdicts_give_equal_bytes(of: Format[Verdict], case: str) -> None:
    verdict = VERDICTS[case]
    again = msgspec.json.decode(msgspec.json.encode(verdict), type=Verdict)
    assert of.render(verdict, PLAIN) == of.render(again, PLAIN)


# By all formats at once: what is rendered takes longer to make up than to render.


@ANY_TEXT
@given(inventories(), contexts())
def test_any_inventory_is_rendered(inventory: Inventory, context: RenderContext) -> None:
    for of in INVENTORY_FORMATS:
        _check(of, of.render(inventory, context))


@ANY_TEXT
@given(verdicts(), contexts())
def test_any_verdict_is_rendered(verdict: Verdict, context: RenderContext) -> None:
    for of in VERDICT_FORMATS:
        _check(of, of.render(verdict, context))


@ANY_TEXT
@given(inventories(), inventories(), contexts())
def test_any_difference_is_rendered(before: Inventory, after: Inventory, context: RenderContext) -> None:
    difference = image_difference(ComparedImage(inventory=before), ComparedImage(inventory=after))
    for name in names("difference"):
        of = load("difference", name)
        _check(of, of.render(difference, context))


def _check(of: Format[Any], rendered: bytes) -> None:
    text = rendered.decode()
    assert not text or text.endswith("\n")
    if "json" in of.media_type:
        assert text.count("\n") == 1
        json.loads(text)
    elif "cyclonedx+xml" in of.media_type:
        fromstring(rendered)
    else:
        end = "\r\n" if "csv" in of.media_type else "\n"
        assert all(line.isprintable() for line in STYLE.sub("", text).split(end))


@pytest.mark.parametrize(
    "module",
    [inventory_json, verdict_json, parts, difference_json, layers_json, layers_parts],
    ids=lambda module: module.__name__,
)
def test_the_fields_of_our_own_json_stand_in_alphabetical_order(module: Any) -> None:
    structs = [value for value in vars(module).values() if isinstance(value, type) and value.__name__.endswith("Json")]
    assert structs
    for struct in structs:
        fields = [field.name for field in msgspec.structs.fields(struct)]
        assert fields == sorted(fields), struct.__name__


def test_every_dictionary_of_our_own_json_is_sorted() -> None:
    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in found]
        assert keys == sorted(keys)
        return dict(found)

    for rendered in _own_documents():
        json.loads(rendered, object_pairs_hook=pairs)


def _own_documents() -> Iterator[bytes]:
    yield from (load("inventory", "json").render(inventory, PLAIN) for inventory in INVENTORIES.values())
    yield from (load("verdict", "json").render(verdict, PLAIN) for verdict in VERDICTS.values())
    yield from (load("difference", "json").render(difference, PLAIN) for difference in DIFFERENCES.values())
    yield from (load("layers", "json").render(layer, PLAIN) for layer in LAYERS.values())


def _large(packages: int, files: int) -> Inventory:
    def record(i: int) -> FileRecord:
        return FileRecord(
            path=f"/app/node_modules/package-{i % packages}/lib/file-{i}.js",
            type="file",
            mode=0o644,
            uid=0,
            gid=0,
            size=i,
            sha256=f"{i:064x}",
            link="",
            layer=2,
            owner=None,
            state="unowned",
        )

    found = tuple(package("npm", f"package-{i}", f"1.{i}.0", licenses=("MIT",)) for i in range(packages))
    return Inventory(
        source=SOURCE, distro=DISTRO, packages=found, problems=(), files=tuple(map(record, range(files))) or None
    )


@pytest.mark.parametrize("name", [name for name in names("inventory") if name != "template"])
def test_ten_times_the_packages_are_ten_times_the_work(name: str) -> None:
    few, many = (_rendering(name, packages=count, files=0) for count in (200, 2000))
    assert many < 11 * few


def test_a_file_costs_json_next_to_nothing() -> None:
    few, many = (_rendering("json", packages=2700, files=count) for count in (8000, 78_000))
    assert many - few < 2 * 70_000


def _rendering(name: str, packages: int, files: int) -> int:
    """How many calls it takes."""
    of, inventory = load("inventory", name), _large(packages, files)
    return calls(lambda: of.render(inventory, RenderContext(tool_version="1", width=100)))
