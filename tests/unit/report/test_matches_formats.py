"""What every format of matches must keep: equal results give equal bytes, any text is survived, nothing is slow."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings

from hullmark.model.match import Matches
from hullmark.report import load, matches_json, names
from hullmark.report.format import Format, RenderContext
from tests.support.effort import calls
from tests.support.examples import examples
from tests.unit.report.matches_samples import MATCHES, OPENSSL, SMALL, matches
from tests.unit.report.samples import contexts, package

ANY_TEXT = settings(max_examples=examples(20), deadline=None, suppress_health_check=[HealthCheck.too_slow])
STYLE = re.compile("\x1b\\[(?:0|1|2|31|32|33)m")
TEMPLATE = (
    "{% for m in matches %}{{ m.package|visible }} {{ m.advisory.id|visible }} {{ m|fixed_in|csv }}\n{% endfor %}"
)
FORMATS: list[Format[Matches]] = [load("matches", name) for name in names("matches")]
GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "report" / "matches"
WRITE = os.environ.get("HULLMARK_GOLDEN") == "write"
CONTEXTS = {
    "": RenderContext(tool_version="1.2.3", template=TEMPLATE),
    "color": RenderContext(tool_version="1.2.3", template=TEMPLATE, color=True, width=90),
    "timestamp": RenderContext(tool_version="1.2.3", template=TEMPLATE, timestamp="2026-11-01T12:00:00+01:00"),
}
WITH_CONTEXT = {
    "table": ("", "color"),
    "sarif": ("", "timestamp"),
    "csaf": ("", "timestamp"),
    "junit": ("", "timestamp"),
}
CASES = [
    (name, case, context) for name in names("matches") for case in MATCHES for context in WITH_CONTEXT.get(name, ("",))
]


def _path(name: str, case: str, context: str) -> Path:
    is_json = "json" in load("matches", name).media_type
    ending = "json" if is_json else load("matches", name).file_name.rpartition(".")[2]
    return GOLDEN / name / f"{'.'.join(filter(None, (case, context)))}.{ending}"


@pytest.mark.parametrize(("name", "case", "context"), CASES)
def test_the_expected_file_is_what_is_written(name: str, case: str, context: str) -> None:
    path, rendered = _path(name, case, context), load("matches", name).render(MATCHES[case], CONTEXTS[context])
    if path.suffix == ".json":
        # Indented, so that a difference can be read. Nothing but white space changes.
        rendered = msgspec.json.format(rendered, indent=1) + b"\n"
    if WRITE:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(rendered)
    assert rendered.decode() == path.read_bytes().decode()


def test_no_expected_file_is_unused() -> None:
    assert {path for path in GOLDEN.rglob("*") if path.is_file()} == {_path(*case) for case in CASES}


@pytest.mark.parametrize("of", FORMATS, ids=lambda of: of.name)
@pytest.mark.parametrize("case", MATCHES)
def test_equal_matches_give_equal_bytes(of: Format[Matches], case: str) -> None:
    again = msgspec.json.decode(msgspec.json.encode(MATCHES[case]), type=Matches)
    assert of.render(MATCHES[case], CONTEXTS[""]) == of.render(again, CONTEXTS[""])


@ANY_TEXT
@given(matches(), contexts())
def test_any_matches_are_rendered(found: Matches, context: RenderContext) -> None:
    """By all formats: matches take longer to make up than to render."""
    context = msgspec.structs.replace(context, template=TEMPLATE)
    for of in FORMATS:
        _check(of, of.render(found, context))


def _check(of: Format[Any], rendered: bytes) -> None:
    text = rendered.decode()
    assert not text or text.endswith("\n")
    if "json" in of.media_type:
        assert text.count("\n") == 1
        json.loads(text)
    else:
        lines = STYLE.sub("", text).replace("\r\n", "\n").split("\n")
        assert all(line.isprintable() for line in lines)


def test_the_fields_of_our_own_json_stand_in_alphabetical_order() -> None:
    structs = [
        value for value in vars(matches_json).values() if isinstance(value, type) and value.__name__.endswith("Json")
    ]
    assert len(structs) > 10
    for struct in structs:
        fields = [field.name for field in msgspec.structs.fields(struct)]
        assert fields == sorted(fields), struct.__name__


@pytest.mark.parametrize("case", MATCHES)
def test_every_dictionary_of_our_own_json_is_sorted(case: str) -> None:
    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in found]
        assert keys == sorted(keys)
        return dict(found)

    json.loads(load("matches", "json").render(MATCHES[case], CONTEXTS[""]), object_pairs_hook=pairs)


@pytest.mark.parametrize("of", FORMATS, ids=lambda of: of.name)
def test_ten_times_the_matches_are_ten_times_the_work(of: Format[Matches]) -> None:
    few, many = _matched(300), _matched(3000)
    work = calls(lambda: of.render(few, CONTEXTS["color"]))
    assert calls(lambda: of.render(many, CONTEXTS["color"])) < 11 * work


def _matched(count: int) -> Matches:
    found = tuple(
        msgspec.structs.replace(
            OPENSSL,
            package=package("npm", f"package-{i % 500}", f"1.{i % 500}.0"),
            advisory=msgspec.structs.replace(OPENSSL.advisory, id=f"CVE-2024-{1000 + i}", cve=f"CVE-2024-{1000 + i}"),
        )
        for i in range(count)
    )
    return msgspec.structs.replace(SMALL, matches=found)
